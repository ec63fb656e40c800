import type { AuditRing } from "./audit/ring.ts";
import { judgeBrokerBytes } from "./broker_packets.ts";
import { judgeClientBytes } from "./client_packets.ts";
import { cut, FrameReport, NOTE, type Refusal } from "./frame_report.ts";
import type { Logger } from "./log.ts";
import { PACKET_NAMES } from "./mqtt/packet.ts";
import { heldBytes } from "./mqtt/packet_stream.ts";
import { checkSubscribeAcl } from "./policy/acl_check.ts";
import { type Address, parseAddress } from "./policy/address.ts";
import { Ground } from "./policy/ground.ts";
import type { Policy } from "./policy/policy.ts";
import {
  ACL_REVOKED,
  BAD_EVENT,
  BAD_FRAMING,
  CONNECT_TIMEOUT,
  CONNECTIONS_PER_IP,
  FRAME_GAP,
  INTERNAL_ERROR,
  LATE,
  OVERLOADED_SESSIONS,
  PACKET_TIMEOUT,
  type Reason,
  SESSION_UNKNOWN,
  TEXT_FRAME,
  UNJUDGED,
  UPGRADE_UNSEEN,
  UPGRADE_WAS_REFUSED,
} from "./reasons.ts";
import { type Lane, type Session } from "./session.ts";
import { SessionRegistry } from "./session_registry.ts";
import { type Headers, isWebSocketUpgrade, judgeUpgrade, offersExtension, UpgradeBook } from "./upgrade.ts";
import { refusalTags, settleFrame, tagsOf } from "./verdict.ts";

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

/** The snapshot in force. */
export interface PolicySource {
  readonly current: Policy;
  /** A proxy's push: null when it is in force, else what is wrong with it; then nothing has changed. */
  push(config: unknown, from: string): string | null;
}

export interface Clock {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Milliseconds since the epoch. */
  wallMs(): number;
}

export const SYSTEM_CLOCK: Clock = { nowMs: () => performance.now(), wallMs: () => Date.now() };

/** A verdict that was not allow and has not reached the proxy yet: what to do if it never does in time. */
export interface Unsettled {
  readonly correlationId: string;
  readonly clientAddress: string;
  readonly session: Session | null;
  readonly verdict: "drop" | "close";
  readonly refusal: Refusal;
}

/** Bytes of unfinished packets that all connections may hold together. */
const MAX_HELD_BYTES = 256 << 20;
/** Largest payload of a control frame (RFC 6455 section 5.5). */
const MAX_CONTROL_BYTES = 125;
/** Keys of closed connections whose refused frame passed all the same. */
const MAX_POISONED = 10_000;

/** Where it all meets: events in, verdicts out. Knows sessions and rules, and nothing of what carries the bytes. */
export class Agent {
  readonly sessions = new SessionRegistry();
  readonly upgrades = new UpgradeBook();
  readonly audit: AuditRing;
  readonly #policies: PolicySource;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #report = new FrameReport();
  readonly #ground = new Ground();
  /** Closed, but the close came late: the connection lives on at the proxy. Oldest leave first. */
  readonly #poisoned = new Map<string, true>();
  readonly #onAccepted = (session: Session) => this.sessions.accept(session);
  /** The time that frames are judged by: told once for many of them, since asking costs as much as a check. */
  #nowMs: number;
  #wallMs: number;
  #firstRoute: string | null | undefined;
  #warnedRoutes = false;
  #warnedUpgrade = false;

  constructor(options: { policies: PolicySource; log: Logger; audit: AuditRing; clock?: Clock }) {
    this.#policies = options.policies;
    this.#log = options.log;
    this.audit = options.audit;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#nowMs = Math.trunc(this.#clock.nowMs());
    this.#wallMs = this.#clock.wallMs();
  }

  /** Reads the clock. Whoever brings frames calls it before the first of a batch, and at least every few milliseconds. */
  tick(): void {
    // Whole milliseconds: a session holds several times, and a small integer takes no room of its own.
    this.#nowMs = Math.trunc(this.#clock.nowMs());
    this.#wallMs = this.#clock.wallMs();
  }

  /** The snapshot in force. */
  get policy(): Policy {
    return this.#policies.current;
  }

  /**
   * The verdict on one frame: in the report, which is valid until the next call. Never throws: an error inside closes,
   * or allows where `general.fail-open` says so.
   */
  judgeFrame(frame: Frame): FrameReport {
    const policy = this.#policies.current;
    const report = this.#report;
    report.reset(policy, frame.correlationId, frame.fromClient);
    if (policy.routes !== null && !(frame.routeId !== null && policy.routes.has(frame.routeId))) return report;
    let removable = false;
    try {
      removable = this.#judge(frame, policy, report);
    } catch (error) {
      this.#fail(error, frame, policy, report);
    }
    settleFrame(report, removable);
    this.#conclude(frame, report);
    return report;
  }

  /** True: an unfragmented binary frame, which can be removed. */
  #judge(frame: Frame, policy: Policy, report: FrameReport): boolean {
    const nowMs = this.#nowMs;
    const session = this.#sessionOf(frame, policy, report, nowMs);
    if (session === null) return false;
    report.session = session;
    const lane = frame.fromClient ? session.client : session.broker;
    const { opcode } = frame;

    if (frame.index !== lane.nextIndex) {
      refuseFrame(report, FRAME_GAP);
      session.client.unparsed = session.broker.unparsed = true;
    }
    lane.nextIndex = frame.index + 1;
    if (session.poisoned) refuseFrame(report, LATE);
    const stalled = session.stalled(nowMs);
    if (stalled !== null) refuseFrame(report, stalled === "connect" ? CONNECT_TIMEOUT : PACKET_TIMEOUT);
    if (session.policy !== policy) session.usePolicy(policy);
    if (session.subscriptionsPolicy !== policy) this.#recheckSubscriptions(session, policy, report);
    if (frame.data === null) {
      refuseFrame(report, BAD_EVENT);
      lane.unparsed = true;
    }
    if (report.refused > 0 && policy.blockMode) return false;

    const data = frame.data;
    if (data === null) return false;
    const framing = followFraming(lane, opcode, frame.fin, frame.bytes);
    if (framing !== null) {
      refuseFrame(report, framing);
      lane.unparsed = true;
      return false;
    }
    if (opcode !== "binary" && opcode !== "continuation") return false;
    if (lane.closed || (!frame.fromClient && session.subject === null)) {
      refuseFrame(report, SESSION_UNKNOWN);
      return false;
    }
    if (lane.unparsed) {
      if (policy.blockMode && !policy.failOpen) refuseFrame(report, UNJUDGED);
      else report.notes |= NOTE.UNPARSED;
      return false;
    }
    const wasFragmented = opcode === "continuation" || !frame.fin;
    if (frame.bytes > 0) this.#judgeBytes(session, frame, data, report);
    return !wasFragmented;
  }

  #judgeBytes(session: Session, frame: Frame, data: Uint8Array, report: FrameReport): void {
    const on = this.#ground;
    const nowMs = this.#nowMs;
    on.policy = report.policy;
    on.broker = session.limits;
    on.wallMs = this.#wallMs;
    if (session.subject !== null && session.acl !== null) {
      on.subject = session.subject;
      on.acl = session.acl;
    }
    if (frame.fromClient) {
      session.lastClientAtMs = nowMs;
      judgeClientBytes(session, data, frame.bytes, report, on, nowMs);
    } else {
      judgeBrokerBytes(session, data, frame.bytes, report, on, nowMs, this.#onAccepted);
    }
    if (heldBytes() > MAX_HELD_BYTES && session.client.stream.midPacket) refuseFrame(report, OVERLOADED_SESSIONS);
  }

  /** The session of a frame, a new one for a connection's first frame, or null when the frame was settled without one. */
  #sessionOf(frame: Frame, policy: Policy, report: FrameReport, nowMs: number): Session | null {
    const { correlationId, clientAddress, opcode } = frame;
    const known = this.sessions.get(correlationId, clientAddress);
    if (known !== undefined) {
      const isReused = known.client.closed && frame.fromClient && frame.index === 0;
      if (!isReused && !known.isExpired(nowMs)) return known;
      this.sessions.end(known);
    }
    if (this.#poisoned.size > 0 && this.#poisoned.delete(`${clientAddress} ${correlationId}`)) {
      refuseFrame(report, LATE);
      return null;
    }
    // The end of a connection that is over anyway passes; whatever else comes behind it does not.
    if (opcode === "close" && frame.index > 0) return null;
    const isControl = opcode === "close" || opcode === "ping" || opcode === "pong";
    if (frame.index !== 0 || (!frame.fromClient && !isControl)) {
      refuseFrame(report, SESSION_UNKNOWN);
      return null;
    }
    return this.#openSession(frame, policy, report, nowMs);
  }

  #openSession(frame: Frame, policy: Policy, report: FrameReport, nowMs: number): Session | null {
    const { correlationId, clientAddress, routeId } = frame;
    const address = parseAddress(clientAddress);
    const origin = { correlationId, clientAddress, address, routeId };
    this.#noteRoute(routeId, policy);
    const upgrade = this.upgrades.take(correlationId, clientAddress);
    if (upgrade === null) {
      if (policy.requireUpgradeEvent) {
        refuseFrame(report, UPGRADE_UNSEEN);
        return null;
      }
      this.#warnUpgradeUnseen();
    } else if (upgrade.refused !== null) {
      refuseFrame(report, UPGRADE_WAS_REFUSED);
      return null;
    }
    const { maxConnectionsPerAddress } = policy.limits;
    if (
      maxConnectionsPerAddress !== Infinity &&
      this.sessions.countOfAddress(origin, nowMs, maxConnectionsPerAddress) >= maxConnectionsPerAddress
    ) {
      refuseFrame(report, CONNECTIONS_PER_IP);
      return null;
    }
    const session = this.sessions.open(origin, policy, nowMs);
    if (session === null) refuseFrame(report, OVERLOADED_SESSIONS);
    return session;
  }

  /** Subscriptions that were allowed by an older snapshot, held against the one in force, once. */
  #recheckSubscriptions(session: Session, policy: Policy, report: FrameReport): void {
    session.subscriptionsPolicy = policy;
    if (session.subscriptions === null || session.acl === null) return;
    const on = this.#ground;
    on.policy = policy;
    on.acl = session.acl;
    on.wallMs = this.#wallMs;
    const revoked: string[] = [];
    for (const [filter, qos] of session.subscriptions) {
      on.reset();
      const subscription = {
        filter,
        qos: qos as 0 | 1 | 2,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0 as const,
      };
      if (checkSubscribeAcl(subscription, on) !== null) revoked.push(filter);
    }
    if (revoked.length === 0) return;
    this.#log.warn("Subscriptions of a live client are not allowed any more", {
      client_id: session.subject?.clientId,
      username: session.subject?.username,
      filters: revoked.slice(0, 16).map(cut).join(" "),
      count: revoked.length,
      config_version: policy.label,
      closes: policy.closeRevoked,
    });
    if (policy.closeRevoked) {
      report.refuse(ACL_REVOKED, "close", 0, revoked[0] ?? null, on.rule);
    }
  }

  /** Whether an HTTP request may pass; only WebSocket upgrades are looked at. */
  judgeRequest(head: RequestHead): RequestVerdict {
    const policy = this.#policies.current;
    const nowMs = this.#clock.nowMs();
    if (!isWebSocketUpgrade(head.headers)) return PASS;
    if (policy.routes !== null && !(head.routeId !== null && policy.routes.has(head.routeId))) return PASS;
    const refused = judgeUpgrade(head.headers, policy.upgrade);
    const detectOnly = refused !== null && !policy.blockMode;
    this.upgrades.add(
      head.correlationId,
      head.clientAddress,
      { refused: detectOnly ? null : refused, atMs: nowMs },
      policy.limits.connectTimeoutMs,
    );
    if (refused === null) {
      if (policy.upgrade.allowExtensions && offersExtension(head.headers)) {
        this.#log.warn("A connection with a WebSocket extension passes unseen, as general.websocket-extensions says", {
          client_ip: head.clientAddress,
        }, { foldKey: "extension-unseen" });
      }
      return PASS;
    }
    const tags = refusalTags(refused.tag, detectOnly ? "detect-only" : "blocked", 0).list;
    this.audit.add({
      atMs: this.#clock.wallMs(),
      correlationId: head.correlationId,
      clientAddress: head.clientAddress,
      routeId: head.routeId,
      clientId: null,
      username: null,
      direction: "upgrade",
      verdict: detectOnly ? "allow" : "block",
      tags,
      reason: refused.code,
      packetType: null,
      topic: null,
      rule: null,
      policy: policy.label,
    });
    this.#log.warn(refused.text, {
      reason: refused.code,
      verdict: detectOnly ? "allow" : "block 403",
      client_ip: head.clientAddress,
      advice: refused.advice,
    }, { foldKey: `${refused.code} ${head.clientAddress}` });
    return { refused, detectOnly, tags };
  }

  /** The proxy says that the connection behind `correlationId` is over. */
  complete(correlationId: string): void {
    this.sessions.complete(correlationId);
  }

  /** A proxy's push of its `config { }` block: null when it is in force, else what is wrong with it. */
  configure(config: unknown, from: string): string | null {
    return this.#policies.push(config, from);
  }

  /** What has to be kept of the last frame's verdict until the proxy has it; null for an allow. */
  unsettled(frame: Frame): Unsettled | null {
    const { verdict, refusal, session } = this.#report;
    if (verdict === "allow" || refusal === null) return null;
    return { correlationId: frame.correlationId, clientAddress: frame.clientAddress, session, verdict, refusal };
  }

  /**
   * A verdict that was not allow did not reach the proxy in time, so the frame has passed. The connection is poisoned:
   * its next frame closes, since what the broker knows by now is not what was judged here.
   */
  answeredLate(unsettled: Unsettled): void {
    const { correlationId, clientAddress, session, verdict, refusal } = unsettled;
    if (session !== null && !session.ended) {
      session.poisoned = true;
    } else {
      if (this.#poisoned.size >= MAX_POISONED) {
        const oldest = this.#poisoned.keys().next().value;
        if (oldest !== undefined) this.#poisoned.delete(oldest);
      }
      this.#poisoned.set(`${clientAddress} ${correlationId}`, true);
    }
    const subject = session?.subject ?? null;
    const event = {
      correlationId,
      clientAddress,
      clientId: subject?.clientId ?? null,
      username: subject?.username ?? null,
      reason: refusal.reason.code,
      packetType: PACKET_NAMES[refusal.packetType] ?? null,
      topic: refusal.topic === null ? null : cut(refusal.topic),
      rule: refusal.rule?.name ?? null,
      policy: this.#policies.current.label,
    };
    this.audit.add({
      ...event,
      atMs: this.#clock.wallMs(),
      routeId: session?.origin.routeId ?? null,
      direction: "client",
      verdict: "allow",
      tags: refusalTags("late", "blocked", 0).list,
    });
    this.#log.error("A refused frame passed the proxy: the verdict came too late", {
      refused_for: refusal.reason.code,
      verdict,
      correlation_id: correlationId,
      client_ip: clientAddress,
      client_id: event.clientId,
      username: event.username,
      packet: event.packetType,
      topic: event.topic,
      advice: LATE.advice,
    }, { foldKey: "late" });
  }

  /** Ends silent sessions, a bounded number at a time; call it from a timer. */
  sweep(): void {
    this.sessions.sweep(this.#clock.nowMs());
  }

  /** What follows from a settled verdict: state, log, audit. */
  #conclude(frame: Frame, report: FrameReport): void {
    const { session, refusal, verdict } = report;
    if (session !== null) {
      if (verdict === "close") {
        this.sessions.end(session);
      } else if (verdict === "allow") {
        if (report.subscribe !== null) session.subscribed(report.subscribe);
        if (report.unsubscribe !== null) session.unsubscribed(report.unsubscribe);
        if (session.client.closed && session.broker.closed) this.sessions.end(session);
      }
    }
    if (report.policy.logPackets) this.#logPackets(frame, report);
    if (refusal !== null) this.#tell(frame, report, refusal);
  }

  #tell(frame: Frame, report: FrameReport, refusal: Refusal): void {
    const subject = report.session?.subject ?? null;
    const { reason, packetType, rule } = refusal;
    const topic = refusal.topic === null ? null : cut(refusal.topic);
    const clientId = subject === null ? null : cut(subject.clientId);
    const username = subject?.username == null ? null : cut(subject.username);
    const packet = packetType === 0 ? null : PACKET_NAMES[packetType] ?? null;
    this.audit.add({
      atMs: this.#wallMs,
      correlationId: cut(frame.correlationId),
      clientAddress: cut(frame.clientAddress),
      routeId: frame.routeId,
      clientId,
      username,
      direction: frame.fromClient ? "client" : "broker",
      verdict: report.verdict,
      tags: tagsOf(report).list,
      reason: reason.code,
      packetType: packet,
      topic,
      rule: rule?.name ?? null,
      policy: report.policy.label,
    });
    if (!this.#log.enabled("warn")) return;
    this.#log.warn(reason.text, {
      reason: reason.code,
      verdict: report.verdict,
      client_id: clientId,
      username,
      packet,
      topic,
      rule: rule?.name ?? null,
      client_ip: frame.clientAddress,
      correlation_id: frame.correlationId,
      also: report.describeRefusals(),
    }, { foldKey: `${reason.code} ${clientId ?? addressText(report.session, frame)} ${topic ?? ""}` });
  }

  #logPackets(frame: Frame, report: FrameReport): void {
    if (!this.#log.enabled("debug") || report.packets === 0) return;
    this.#log.debug(report.describePackets() ?? PACKET_NAMES[report.packetType] ?? "packet", {
      direction: frame.fromClient ? "client" : "broker",
      verdict: report.verdict,
      client_id: report.session?.subject?.clientId,
      topic: report.topic === null ? null : cut(report.topic),
      bytes: frame.bytes,
      correlation_id: frame.correlationId,
    });
  }

  #fail(error: unknown, frame: Frame, policy: Policy, report: FrameReport): void {
    this.#log.error("Cannot judge a frame: the agent failed inside", {
      error: error instanceof Error ? error.stack ?? error.message : String(error),
      correlation_id: frame.correlationId,
      opcode: frame.opcode,
      bytes: frame.bytes,
    }, { foldKey: "internal-error" });
    if (report.session !== null) (frame.fromClient ? report.session.client : report.session.broker).unparsed = true;
    refuseFrame(report, INTERNAL_ERROR);
    if (policy.failOpen) {
      // settleFrame() would close: an error inside is the one refusal that `fail-open` lets through.
      report.policy = { ...policy, blockMode: false };
    }
  }

  #noteRoute(routeId: string | null, policy: Policy): void {
    if (policy.routes !== null || this.#warnedRoutes) return;
    if (this.#firstRoute === undefined) this.#firstRoute = routeId;
    else if (this.#firstRoute !== routeId) {
      this.#warnedRoutes = true;
      this.#log.warn("Frames of two routes arrive and general.routes does not say which of them carry MQTT", {
        routes: `${this.#firstRoute ?? "-"} ${routeId ?? "-"}`,
      });
    }
  }

  #warnUpgradeUnseen(): void {
    if (this.#warnedUpgrade) return;
    this.#warnedUpgrade = true;
    this.#log.warn("Frames arrive whose upgrade request was not shown to the agent, so compression is not refused", {
      advice: UPGRADE_UNSEEN.advice,
    });
  }
}

const PASS: RequestVerdict = Object.freeze({ refused: null, detectOnly: false, tags: Object.freeze(["mqtt"]) });

/** A frame that is refused as a whole, whatever packets it holds: that always closes. */
function refuseFrame(report: FrameReport, reason: Reason): void {
  report.refuse(reason, "close", 0, null, null);
}

/**
 * Follows RFC 6455 section 5.4 and 5.5 for one direction; null, or why the frame breaks it. MQTT travels in binary
 * messages only, whole or in fragments.
 */
function followFraming(lane: Lane, opcode: Opcode, fin: boolean, bytes: number): Reason | null {
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

function addressText(session: Session | null, frame: Frame): string {
  const address: Address | null = session?.origin.address ?? null;
  return address?.text ?? frame.clientAddress;
}
