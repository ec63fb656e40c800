import { BAD_FRAMING, type Reason, TEXT_FRAME } from "./reasons.ts";
import type { Lane } from "./session.ts";
import type { Headers } from "./upgrade.ts";

/** RFC 6455 opcodes as the proxy names them; `reserved` is any other. */
export type Opcode = "text" | "binary" | "ping" | "pong" | "close" | "continuation" | "reserved";

/** One raw WebSocket frame, unmasked. */
export interface Frame {
  correlationId: string;
  /** `ip:port` as the proxy writes it, or a bare address. */
  clientAddress: string;
  routeId: string | null;
  fromClient: boolean;
  opcode: Opcode;
  fin: boolean;
  /** Counts up by one per direction, from 0. */
  index: number;
  /** Payload: the first `bytes` of this, or null where the event's data could not be decoded. Valid only during the call. */
  data: Uint8Array | null;
  bytes: number;
}

/** Head of an HTTP request. */
export interface RequestHead {
  readonly correlationId: string;
  /** Address without a port that means anything. */
  readonly clientAddress: string;
  readonly routeId: string | null;
  readonly headers: Headers;
}

/** What becomes of an HTTP request: null lets it pass. */
export interface RequestVerdict {
  readonly refused: Reason | null;
  /** Refused, but nothing is blocked. */
  readonly detectOnly: boolean;
  readonly tags: readonly string[];
}

/** Largest payload of a control frame (RFC 6455 section 5.5). */
const MAX_CONTROL_BYTES = 125;
/**
 * Follows RFC 6455 section 5.4 and 5.5 for one direction; null, or why the frame breaks it. MQTT travels in binary
 * messages only, whole or in fragments.
 */
export function followFraming(lane: Lane, opcode: Opcode, fin: boolean, bytes: number): Reason | null {
  switch (opcode) {
    case "binary":
      if (lane.fragmented) return BAD_FRAMING;
      lane.fragmented = !fin;
      return null;
    case "continuation":
      if (!lane.fragmented) return BAD_FRAMING;
      lane.fragmented = !fin;
      return null;
    case "ping":
    case "pong":
    case "close":
      if (!fin || bytes > MAX_CONTROL_BYTES) return BAD_FRAMING;
      if (opcode === "close") lane.closed = true;
      return null;
    case "text":
      return TEXT_FRAME;
    case "reserved":
      return BAD_FRAMING;
    default:
      return opcode satisfies never;
  }
}
