import type { CompiledRule, Subject, SubjectAcl } from "./acl/mod.ts";
import type { Policy } from "./policy.ts";
import type { Limit, RateLimiter } from "./rate/mod.ts";
import type { Finding } from "./inspect/inspector.ts";
import type { Reason } from "../reasons.ts";
import type { Qos } from "../mqtt/packet.ts";
import type { Tracer } from "./trace.ts";

const DOLLAR = 0x24;

/** What the broker's CONNACK allows this client (MQTT 5.0 section 3.2.2.3); 3.x brokers announce nothing. */
export interface BrokerLimits {
  readonly topicAliasMaximum: number;
  readonly maximumQos: Qos;
  /** PUBLISHes of QoS 1 and 2 that may be unacknowledged, or Infinity. */
  readonly receiveMaximum: number;
  readonly retainAvailable: boolean;
  readonly wildcardAvailable: boolean;
  readonly subscriptionIdsAvailable: boolean;
  readonly sharedAvailable: boolean;
  /** Bytes, or Infinity. */
  readonly maximumPacketBytes: number;
}

/** Limits of a broker that announced none. */
export const NO_BROKER_LIMITS: BrokerLimits = Object.freeze({
  topicAliasMaximum: 0,
  maximumQos: 2,
  receiveMaximum: Infinity,
  retainAvailable: true,
  wildcardAvailable: true,
  subscriptionIdsAvailable: true,
  sharedAvailable: true,
  maximumPacketBytes: Infinity,
});

/** What is done with a refused packet, before its frame is looked at. */
export type Action = "drop" | "close";

/**
 * What a check stands on, and where it leaves what it found. One object serves all frames: it is filled before a packet
 * is judged and read right after, so that judging allocates nothing.
 */
export class Ground {
  policy!: Policy;
  subject!: Subject;
  acl!: SubjectAcl;
  /** Rules that the client's login carries, or null: what they do not allow is refused, whatever `acl` says. */
  narrow: SubjectAcl | null = null;
  /** From CONNACK; NO_BROKER_LIMITS until then. */
  broker: BrokerLimits = NO_BROKER_LIMITS;
  /** Buckets of all clients; they outlive every snapshot. */
  limiter!: RateLimiter;
  /** Who listens; null while the agent serves. */
  trace: Tracer | null = null;
  /** Monotonic milliseconds. */
  nowMs = 0;
  /** Milliseconds since the epoch: what `expires` of a rule is held against. */
  wallMs = 0;
  /** Subscriptions that the client has and asks for, at most. */
  subscriptions = 0;

  /** The rule that decided, or null. */
  rule: CompiledRule | null = null;
  /** A shadow rule that would have decided otherwise, or null. */
  shadow: CompiledRule | null = null;
  /** The topic or filter that a refusal is about, where it is not the packet's only one. */
  topic: string | null = null;
  /** Bytes of payload of the message. */
  payloadBytes = 0;
  /** The rate limit that refuses the packet, or null; the first that is met. */
  limit: Limit | null = null;
  /** The QoS that the packet should have had, where it passes with more; -1: it has what it may have. */
  downgradedTo = -1;
  /** What inspection refuses the packet for, or null. */
  finding: Finding | null = null;
  /** What inspection found and only tells, or null. */
  noted: readonly Finding[] | null = null;
  /** Some of `noted` is of a pattern on trial. */
  notedShadow = false;
  /** What inspecting has cost since somebody looked, in the units of `Inspector.work`. */
  inspectionWork = 0;
  /** Bytes of payload of this frame that were inspected in their place. */
  inspectedBytes = 0;
  /** What that has cost, whatever came of it, in the units of `Inspector.work`. */
  inspectedWork = 0;
  /** What inspecting in place may still cost all clients together, and since when that was not added to. */
  inspectionCredit = Infinity;
  inspectionCreditMs = 0;
  /** What a refused packet gets. */
  action: Action = "drop";

  /** Forgets what the last packet left. */
  reset(): void {
    this.rule = null;
    this.shadow = null;
    this.topic = null;
    this.limit = null;
    this.downgradedTo = -1;
    this.finding = null;
    this.noted = null;
    this.notedShadow = false;
    this.action = "drop";
  }

  /** The topic or filter behind prefixes that the broker takes off as well (`acl.unwrap`). */
  unwrapped(topic: string): string {
    if (topic.charCodeAt(0) !== DOLLAR) return topic;
    const start = this.policy.acl.tables.unwrapper.strip(topic, 0);
    return start === 0 ? topic : topic.slice(start);
  }
}

/** One step of judging a packet: null lets it go on to the next, a reason refuses it. */
export type Check<P> = (packet: P, on: Ground) => Reason | null;

/** The first refusal of `checks`, or null. */
export function firstRefusal<P>(checks: readonly Check<P>[], packet: P, on: Ground): Reason | null {
  for (let i = 0; i < checks.length; i++) {
    const check = checks[i] as Check<P>;
    const refused = check(packet, on);
    if (on.trace !== null) on.trace.check(check.name, refused, on);
    if (refused !== null) return refused;
  }
  return null;
}

/** Tells whoever listens what a check said that stands in no list, and passes it on. */
export function said<R extends Reason | null>(check: string, refused: R, on: Ground): R {
  if (on.trace !== null) on.trace.check(check, refused, on);
  return refused;
}
