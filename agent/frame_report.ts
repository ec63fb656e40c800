import type { CompiledRule } from "./policy/acl/mod.ts";
import type { Action, Ground } from "./policy/ground.ts";
import type { Policy } from "./policy/policy.ts";
import { type Connect, PACKET, PACKET_NAMES } from "./mqtt/packet.ts";
import type { Reason } from "./reasons.ts";
import type { Session } from "./session.ts";
import type { LoginDesk, LoginVerdict, PendingLogin } from "./auth/login_desk.ts";
import type { Finding, Inspected } from "./policy/inspect/inspector.ts";
import type { PutOff } from "./kept_publish.ts";
import type { Frame } from "./frame.ts";

/** What the packets of a frame were, as bits: they become the audit tags of an allowed frame. */
export const KIND = {
  CONNECT: 1,
  PUBLISH: 2,
  SUBSCRIBE: 4,
  UNSUBSCRIBE: 8,
  DELIVERY: 16,
  ACK: 32,
  PING: 64,
  DISCONNECT: 128,
} as const;

/** Notes behind the tags, as bits (design: Audit tags). */
export const NOTE = {
  QOS_DOWNGRADED: 1,
  BROKER_NONCONFORMANT: 2,
  UNPARSED: 4,
  SHADOW: 8,
  USERNAME_MISMATCH: 16,
} as const;

/** One refused packet of a frame, or one refused frame (packet type 0). */
export interface Refusal {
  readonly reason: Reason;
  readonly action: Action;
  readonly packetType: number;
  readonly topic: string | null;
  readonly rule: CompiledRule | null;
}

/** A verdict that was not allow and has not reached the proxy yet: what to do if it never does in time. */
export interface Unsettled {
  readonly correlationId: string;
  readonly clientAddress: string;
  readonly fromClient: boolean;
  readonly session: Session | null;
  readonly verdict: "drop" | "close";
  readonly refusal: Refusal;
}

/** A CONNECT that was judged as far as it can be without knowing who it is. */
export interface WaitingConnect {
  readonly kind: "login";
  readonly session: Session;
  /** Without its password. */
  readonly connect: Connect;
  readonly login: PendingLogin;
  readonly desk: LoginDesk;
  /** What came of it; never rejects. */
  readonly done: Promise<LoginVerdict>;
  /** What it will take from now, in milliseconds, at best knowledge. */
  readonly expectedMs: number;
  /** A limit on trial that would have refused it; null for none. It was charged when the CONNECT came, and only then. */
  readonly shadowLimit: string | null;
  /** The frame that ended it, without its bytes. */
  frame: Frame | null;
}

/** A frame that was judged, but for payloads that are being inspected in a worker. */
export interface WaitingPayloads {
  readonly kind: "payloads";
  readonly session: Session;
  /** All that is known of the frame; it belongs to this object alone. */
  readonly report: FrameReport;
  /** What each of `report.putOff` came to, or null where that could not be found out; never rejects. */
  readonly done: Promise<readonly (Inspected | null)[] | null>;
  readonly expectedMs: number;
  readonly removable: boolean;
  /** Without its bytes. */
  readonly frame: Frame;
}

/** A frame that has no verdict yet. */
export type Waiting = WaitingConnect | WaitingPayloads;

/** What came of what a frame waited for; null where that took too long or could not be found out. */
export type Outcome = LoginVerdict | readonly (Inspected | null)[] | null;

/** How many refused packets of one frame are told one by one; the rest is counted. */
const MAX_TOLD = 16;

/**
 * What became of one frame: its packets' verdicts while they are made, then the frame's own.
 *
 * One object serves every frame, so that an allowed PUBLISH allocates nothing here; it is valid until the next frame.
 */
export class FrameReport {
  policy!: Policy;
  session: Session | null = null;
  correlationId = "";
  fromClient = true;

  /** Whole packets and heads of PUBLISHes that were judged. */
  packets = 0;
  kinds = 0;
  notes = 0;
  /** Packets by type number. */
  readonly types: Int32Array = new Int32Array(16);
  /** Of the first packet that is worth telling: type, topic or filter, deciding rule. */
  packetType = 0;
  topic: string | null = null;
  rule: CompiledRule | null = null;
  shadow: CompiledRule | null = null;
  /** A rate limit on trial that would have refused, or null. */
  shadowLimit: string | null = null;
  qos = 0;
  /** The QoS that a packet should have had, where `notes` says that it was let pass with more. */
  downgradedTo = -1;
  readonly refusals: Refusal[] = [];
  refused = 0;

  /** Every packet that may pass is a whole PUBLISH of QoS 0. */
  othersLosable = true;
  /** A packet sets or changes a topic alias, or begins or ends the connection: dropping it would leave two truths. */
  undroppable = false;
  /** Packets of the client that would wait for an answer if the frame were dropped. */
  awaitingAnswer = 0;
  /** PUBLISHes of QoS 1 and 2, refused ones included: the client waits for each of them to be acknowledged. */
  publishing = 0;
  /**
   * What to remember of the client's subscriptions if the frame passes: QoS by filter, -1 where it ends; in the order of
   * the frame, the last word on each filter. One map for all frames.
   */
  readonly subscriptions: Map<string, number> = new Map();
  /** How many subscriptions there would be then. */
  subscriptionCount = -1;
  /** What judging the frame has cost so far, in steps of about 60 ns (see MAX_FRAME_STEPS). */
  steps = 0;

  /** There is no verdict yet: a login takes time, or the inspection of a payload. */
  waiting: Waiting | null = null;
  /** Payloads that could not be inspected in their place. */
  readonly putOff: PutOff[] = [];
  /** What inspection found and only tells; null for nothing. */
  noted: readonly Finding[] | null = null;
  /** What else there is to a refusal, for people: which provider said what, by which ban, at which limit. No secrets. */
  detail: readonly string[] | null = null;

  /** The frame's verdict. */
  verdict: "allow" | "drop" | "close" = "allow";
  /** The refusal that is told: of the packet that closes, else of the first. */
  refusal: Refusal | null = null;
  /** Refused, but nothing is blocked: `verdict` is allow. */
  detectOnly = false;

  reset(policy: Policy, correlationId: string, fromClient: boolean): void {
    this.policy = policy;
    this.session = null;
    this.correlationId = correlationId;
    this.fromClient = fromClient;
    if (this.packets === 1) this.types[this.packetType] = 0;
    else if (this.packets > 1) this.types.fill(0);
    this.packets = 0;
    this.kinds = 0;
    this.notes = 0;
    this.packetType = 0;
    this.topic = null;
    this.rule = null;
    this.shadow = null;
    this.shadowLimit = null;
    this.qos = 0;
    this.downgradedTo = -1;
    if (this.refused > 0) this.refusals.length = 0;
    this.refused = 0;
    this.othersLosable = true;
    this.undroppable = false;
    this.awaitingAnswer = 0;
    this.publishing = 0;
    if (this.subscriptions.size > 0) this.subscriptions.clear();
    this.subscriptionCount = -1;
    this.steps = 0;
    this.waiting = null;
    if (this.putOff.length > 0) this.putOff.length = 0;
    this.noted = null;
    this.detail = null;
    this.verdict = "allow";
    this.refusal = null;
    this.detectOnly = false;
  }

  /** Counts a packet and the kind of thing it is; O(1). */
  count(packetType: number, kind: number): void {
    this.types[packetType] = (this.types[packetType] as number) + 1;
    this.packets++;
    this.kinds |= kind;
    if (this.packetType === 0) this.packetType = packetType;
  }

  /** A packet that may pass and is not a PUBLISH of QoS 0: with it the frame can not be dropped for another packet. */
  keep(): void {
    this.othersLosable = false;
  }

  refuse(reason: Reason, action: Action, packetType: number, topic: string | null, rule: CompiledRule | null): void {
    this.refused++;
    const refusal: Refusal = { reason, action, packetType, topic, rule };
    if (this.refusals.length < MAX_TOLD) this.refusals.push(refusal);
    if (this.refusal === null || (action === "close" && this.refusal.action !== "close")) this.refusal = refusal;
  }

  /** Takes note of a subscription that begins (its QoS) or ends (-1) if the frame passes; O(1). */
  changeSubscription(filter: string, qos: number): void {
    const { session, subscriptions } = this;
    if (session === null) return;
    if (this.subscriptionCount === -1) this.subscriptionCount = session.subscriptions?.size ?? 0;
    const before = subscriptions.get(filter) ?? (session.subscriptions?.has(filter) === true ? 0 : -1);
    if (before === -1 && qos !== -1) this.subscriptionCount++;
    else if (before !== -1 && qos === -1) this.subscriptionCount--;
    subscriptions.set(filter, qos);
  }

  /** Whether the client has a subscription to `filter`, what the frame changes included. */
  hasSubscription(filter: string): boolean {
    const changed = this.subscriptions.get(filter);
    return changed === undefined ? this.session?.subscriptions?.has(filter) === true : changed !== -1;
  }

  /** Packets that may pass and are lost with a dropped frame. */
  get lost(): number {
    return this.verdict === "drop" ? this.packets - this.refused : 0;
  }

  /** What the frame held, for a person: `2 PUBLISH, 1 PINGREQ`; null for a single packet or none. */
  describePackets(): string | null {
    if (this.packets < 2) return null;
    const parts: string[] = [];
    for (let type = PACKET.CONNECT; type <= PACKET.AUTH; type++) {
      const count = this.types[type] as number;
      if (count > 0) parts.push(`${count} ${PACKET_NAMES[type]}`);
    }
    return parts.join(", ");
  }

  /** Each refused packet, for a person; null where there is at most one. */
  describeRefusals(): string | null {
    if (this.refused < 2) return null;
    const told = this.refusals.map(({ reason, packetType, topic, rule }) =>
      `${packetType === 0 ? "frame" : PACKET_NAMES[packetType]}${
        topic === null ? "" : ` ${cut(topic)}`
      }: ${reason.code}${rule === null ? "" : ` by ${rule.name}`}`
    );
    const more = this.refused - told.length;
    return told.join("; ") + (more > 0 ? `; and ${more} more` : "");
  }
}

/** Takes over what the checks left on the ground beside their refusal. O(1). */
export function noteFindings(report: FrameReport, on: Ground): void {
  if (on.shadow !== null) {
    report.notes |= NOTE.SHADOW;
    report.shadow ??= on.shadow;
  }
  if (on.downgradedTo !== -1) {
    report.notes |= NOTE.QOS_DOWNGRADED;
    report.downgradedTo = on.downgradedTo;
  }
  if (on.inspectionWork > 0) {
    report.steps += on.inspectionWork / WORK_PER_STEP;
    on.inspectionWork = 0;
  }
  if (on.finding !== null) report.detail ??= [on.finding.text];
  if (on.noted !== null) {
    report.noted = report.noted === null ? on.noted : [...report.noted, ...on.noted];
    if (on.notedShadow) report.notes |= NOTE.SHADOW;
    on.noted = null;
  }
}

/** A step of judging takes about 60 ns, a byte that inspection looks at about 15. */
const WORK_PER_STEP = 4;

const MAX_TEXT = 256;

/** A user name as it may be shown: cut, and not at all where it is a token that opens doors (RFC 7515 section 7.1). */
export function shownName(username: string): string {
  return isToken(username) ? "(a token)" : cut(username);
}

/** Three parts of base64url, of which the first begins as `{"` does. */
function isToken(text: string): boolean {
  if (!text.startsWith("eyJ")) return false;
  const first = text.indexOf(".");
  return first > 0 && text.indexOf(".", first + 1) > first;
}

/** Client-made text in an audit entry is bounded: a client id may be 64 KiB long. */
export function cut(text: string): string {
  if (text.length <= MAX_TEXT) return text;
  // Not in the middle of a surrogate pair, which would be no text any more.
  const end = (text.charCodeAt(MAX_TEXT - 1) & 0xfc00) === 0xd800 ? MAX_TEXT - 1 : MAX_TEXT;
  return `${text.slice(0, end)}…`;
}

/** A frame that is refused as a whole, whatever packets it holds: that always closes. */
export function refuseFrame(report: FrameReport, reason: Reason): void {
  report.refuse(reason, "close", 0, null, null);
}
