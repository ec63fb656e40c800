import type { Qos } from "./mqtt/packet.ts";
import type { CompiledRule } from "./policy/acl/mod.ts";
import type { Inspector } from "./policy/inspect/inspector.ts";

/** A PUBLISH that may pass but for its payload, which is kept until it is complete. */
export interface KeptPublish {
  /** Of the snapshot that its head was judged by: the payload is judged by the same. */
  readonly inspector: Inspector;
  readonly topic: string;
  /** Without prefixes that the broker takes off. */
  readonly inner: string;
  readonly qos: Qos;
  readonly packetBytes: number;
  readonly isDelivery: boolean;
  /** The buckets of all are charged when it passes. */
  readonly isLimited: boolean;
  readonly rule: CompiledRule | null;
}

/** A payload that a worker has to inspect: a copy of its own. */
export interface PutOff {
  readonly publish: KeptPublish;
  readonly payload: Uint8Array;
  /** Bytes of plain text that it is reckoned to take as long as. */
  readonly weight: number;
}
