import type { AuditRing } from "./audit/ring.ts";
import { AutoBan, BanList, type RefusedClient } from "./bans/mod.ts";
import type { LoginDesk, LoginVerdict } from "./auth/login_desk.ts";
import { judgeBrokerBytes } from "./broker_packets.ts";
import { chargeControl } from "./charges.ts";
import { judgeClientBytes, type JudgeConnect } from "./client_packets.ts";
import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import type { Frame, RequestHead, RequestVerdict } from "./frame.ts";
import { followFraming } from "./frame.ts";
import {
  FrameReport,
  NOTE,
  type Outcome,
  refuseFrame,
  type Unsettled,
  type Waiting,
  type WaitingConnect,
  type WaitingPayloads,
} from "./frame_report.ts";
import type { Logger } from "./log.ts";
import { PACKET } from "./mqtt/packet.ts";
import { heldBytes } from "./mqtt/packet_stream.ts";
import type { Inspected } from "./policy/inspect/inspector.ts";
import { Ground } from "./policy/ground.ts";
import type { Policy } from "./policy/policy.ts";
import { RateLimiter } from "./policy/rate/mod.ts";
import type { Tracer } from "./policy/trace.ts";
import {
  AUTH_PENDING,
  BAD_EVENT,
  CONNECT_TIMEOUT,
  FRAME_GAP,
  INTERNAL_ERROR,
  LATE,
  OVERLOADED_SESSIONS,
  PACKET_TIMEOUT,
  SESSION_UNKNOWN,
  UNJUDGED,
} from "./reasons.ts";
import { Reception } from "./reception.ts";
import { DRAIN_MS, type Session } from "./session.ts";
import { SessionRegistry } from "./session_registry.ts";
import { isWebSocketUpgrade, judgeUpgrade, offersExtension, seenHeaders, UpgradeBook } from "./upgrade.ts";
import { Teller } from "./teller.ts";
import { refusalTags, settleFrame } from "./verdict.ts";
import { SessionFinder } from "./session_finder.ts";
import { recheckSubscriptions } from "./subscriptions_recheck.ts";
import { beginInspection, endInspection, type Inspections } from "./waiting_payloads.ts";
import { NO_ROOM, type WaitingRoom } from "./waiting_room.ts";

/** The snapshot in force. */
export interface PolicySource {
  readonly current: Policy;
  /** Where logins are proved; null while authentication is off. Changes with `current`, in the same turn. */
  readonly desk: LoginDesk | null;
  /** A proxy's push: null when it is in force, else what is wrong with it; then nothing has changed. Never rejects. */
  push(config: unknown, from: string): Promise<string | null>;
}

export interface AgentOptions {
  readonly policies: PolicySource;
  readonly log: Logger;
  readonly audit: AuditRing;
  readonly clock?: Clock;
  /** Absent: nobody is banned. */
  readonly bans?: { readonly list: BanList; readonly auto: AutoBan };
  /** Where large payloads are inspected; absent: in this thread, whatever time it takes. */
  readonly inspections?: Inspections;
  /** Hears each check and what it said, while frames are judged; absent: nobody listens. */
  readonly tracer?: Tracer;
  /** Bytes of unfinished packets that all connections may hold together; 256 MiB, where absent. */
  readonly maxHeldBytes?: number;
}

/** Bytes of unfinished packets that all connections may hold together. */
const MAX_HELD_BYTES = 256 << 20;
/** Where it all meets: events in, verdicts out. Knows sessions and rules, and nothing of what carries the bytes. */
export class Agent {
  readonly sessions = new SessionRegistry();
  readonly upgrades = new UpgradeBook();
  readonly audit: AuditRing;
  readonly #policies: PolicySource;
  readonly #teller: Teller;
  readonly #clock: Clock;
  /** Of the frame that is judged or was judged last; another one when that frame waits. */
  #report = new FrameReport();
  readonly #ground = new Ground();
  readonly #finder: SessionFinder;
  readonly #reception: Reception;
  readonly #judgeConnect: JudgeConnect;
  readonly #maxHeldBytes: number;
  readonly #onAccepted = (session: Session) => this.sessions.accept(session, this.#nowMs);
  /** The time that frames are judged by: told once for many of them, since asking costs as much as a check. */
  #nowMs: number;
  #wallMs: number;

  /** Bans of the configuration and of run time, and who is banned by being refused too often. */
  readonly bans: BanList;
  readonly #autoBan: AutoBan;
  readonly #inspections: Inspections | null;
  /** Buckets of all clients. */
  readonly limiter: RateLimiter;

  constructor(options: AgentOptions) {
    this.#policies = options.policies;
    this.bans = options.bans?.list ?? new BanList({ setTimer: () => () => {}, tell: () => {} });
    this.#autoBan = options.bans?.auto ?? new AutoBan(this.bans, { tell: () => {} });
    this.#inspections = options.inspections ?? null;
    this.audit = options.audit;
    this.#maxHeldBytes = options.maxHeldBytes ?? MAX_HELD_BYTES;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#teller = new Teller(options.log, options.audit, this.#clock);
    this.#finder = new SessionFinder(this.sessions, this.upgrades, this.#teller);
    this.#reception = new Reception({ sessions: this.sessions, desk: () => this.#policies.desk, bans: this.bans });
    this.#judgeConnect = (session, connect, report, on, nowMs) =>
      this.#reception.judge(session, connect, report, on, nowMs);
    this.#nowMs = Math.trunc(this.#clock.nowMs());
    this.#wallMs = this.#clock.wallMs();
    this.limiter = new RateLimiter(options.policies.current.rate, this.#nowMs);
    this.#ground.limiter = this.limiter;
    this.#ground.trace = options.tracer ?? null;
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
   *
   * A CONNECT whose login takes time, or a frame with payloads that take long to be inspected, has no verdict yet if that
   * fits into `room`: `report.waiting` is set, and `resume` is to be called with what came of it.
   */
  judgeFrame(frame: Frame, room: WaitingRoom = NO_ROOM): FrameReport {
    const policy = this.#policies.current;
    const report = this.#report;
    report.reset(policy, frame.correlationId, frame.fromClient);
    if (policy.rate !== this.limiter.plan) this.limiter.usePlan(policy.rate, this.#nowMs);
    if (policy.routes !== null && !(frame.routeId !== null && policy.routes.has(frame.routeId))) return report;
    let removable = false;
    try {
      removable = this.#judge(frame, policy, report);
    } catch (error) {
      this.#fail(error, frame, policy, report);
    }
    const { waiting } = report;
    if (waiting?.kind === "login" && this.#keepWaiting(frame, report, waiting, room)) return report;
    if (report.putOff.length > 0 && this.#putOff(frame, report, removable, room)) return report;
    settleFrame(report, removable);
    this.#conclude(frame, report);
    return report;
  }

  /** True: the frame waits. Else it gets its verdict now; the work on its login goes on. */
  #keepWaiting(frame: Frame, report: FrameReport, waiting: WaitingConnect, room: WaitingRoom): boolean {
    if (report.refused === 0) {
      if (room.mayWait(waiting.expectedMs, waiting.kind)) {
        waiting.frame = { ...frame, data: null };
        waiting.session.waiting = true;
        return true;
      }
      report.refuse(AUTH_PENDING, "close", PACKET.CONNECT, null, null);
    }
    report.waiting = null;
    return false;
  }

  /** True: the frame waits for what a worker finds in its payloads. Else that is known, or it closes. */
  #putOff(frame: Frame, report: FrameReport, removable: boolean, room: WaitingRoom): boolean {
    const waits = beginInspection(frame, report, { removable, room, pool: this.#inspections, on: this.#ground });
    if (waits) this.#report = new FrameReport();
    return waits;
  }

  /**
   * The verdict on a frame that waited, and what came of what it waited for: null where that took too long. Never throws.
   */
  resume(waiting: Waiting, outcome: Outcome): FrameReport {
    return waiting.kind === "login"
      ? this.#resumeLogin(waiting, outcome as LoginVerdict | null)
      : this.#resumePayloads(waiting, outcome as readonly (Inspected | null)[] | null);
  }

  /** The payloads are judged by the snapshot that their heads were judged by, whatever is in force now. */
  #resumePayloads(waiting: WaitingPayloads, inspected: readonly (Inspected | null)[] | null): FrameReport {
    const { report, removable, frame } = waiting;
    this.#report = report;
    report.waiting = null;
    try {
      const on = this.#ground;
      on.policy = report.policy;
      on.wallMs = this.#wallMs;
      on.nowMs = this.#nowMs;
      endInspection(waiting, inspected, on);
    } catch (error) {
      this.#fail(error, frame, report.policy, report);
    }
    settleFrame(report, removable);
    this.#conclude(frame, report);
    return report;
  }

  #resumeLogin(waiting: WaitingConnect, verdict: LoginVerdict | null): FrameReport {
    const policy = this.#policies.current;
    const report = this.#report;
    const { session, frame } = waiting as WaitingConnect & { frame: Frame };
    report.reset(policy, frame.correlationId, true);
    report.session = session;
    session.waiting = false;
    try {
      if (session.policy !== policy) session.usePolicy(policy);
      const on = this.#ground;
      on.policy = policy;
      on.broker = session.limits;
      on.wallMs = this.#wallMs;
      on.nowMs = this.#nowMs;
      this.#reception.resume(waiting, verdict, report, on, this.#nowMs);
    } catch (error) {
      this.#fail(error, frame, policy, report);
    }
    settleFrame(report, false);
    this.#conclude(frame, report);
    return report;
  }

  /** True: an unfragmented binary frame, which can be removed. */
  #judge(frame: Frame, policy: Policy, report: FrameReport): boolean {
    const nowMs = this.#nowMs;
    const session = this.#finder.find(frame, policy, report, nowMs);
    if (session === null) return false;
    report.session = session;
    const lane = frame.fromClient ? session.client : session.broker;
    const { opcode } = frame;

    if (frame.index !== lane.nextIndex) {
      refuseFrame(report, FRAME_GAP);
      session.client.unparsed = session.broker.unparsed = "malformed";
    }
    lane.nextIndex = frame.index + 1;
    if (session.poisoned) refuseFrame(report, LATE);
    const stalled = session.stalled(nowMs);
    if (stalled !== null && opcode !== "close") {
      refuseFrame(report, stalled === "connect" ? CONNECT_TIMEOUT : PACKET_TIMEOUT);
    }
    if (session.policy !== policy) session.usePolicy(policy);
    if (opcode !== "close" && session.drainUntilMs === 0) {
      const revoked = this.#reception.recheck(session, report, this.#wallMs);
      if (revoked !== null) refuseFrame(report, revoked);
    }
    if (session.subscriptionsPolicy !== policy) {
      this.#ground.wallMs = this.#wallMs;
      recheckSubscriptions(session, report, this.#ground, this.#teller);
    }
    if (frame.data === null) {
      refuseFrame(report, BAD_EVENT);
      lane.unparsed = "malformed";
    }
    if (report.refused > 0 && policy.blockMode) return false;

    const data = frame.data;
    if (data === null) return false;
    const framing = followFraming(lane, opcode, frame.fin, frame.bytes);
    if (framing !== null) {
      refuseFrame(report, framing);
      lane.unparsed = "malformed";
      return false;
    }
    if (opcode === "close" && session.drainUntilMs === 0) session.drainUntilMs = nowMs + DRAIN_MS;
    if (policy.rate !== null && frame.fromClient && opcode !== "close" && (frame.bytes === 0 || opcode !== "binary")) {
      this.#chargeFrame(session, frame, report);
    }
    if (opcode !== "binary" && opcode !== "continuation") return false;
    if (lane.closed || (frame.fromClient && session.takenOver) || (!frame.fromClient && session.subject === null)) {
      refuseFrame(report, SESSION_UNKNOWN);
      return false;
    }
    if (session.waiting) {
      refuseFrame(report, AUTH_PENDING);
      return false;
    }
    if (lane.unparsed !== null) {
      if (policy.blockMode && !(policy.failOpen && lane.unparsed === "failed")) refuseFrame(report, UNJUDGED);
      else report.notes |= NOTE.UNPARSED;
      return false;
    }
    const wasFragmented = opcode === "continuation" || !frame.fin;
    if (frame.bytes > 0) this.#judgeBytes(session, frame, data, report);
    return !wasFragmented;
  }

  /** WebSocket pings, pongs and empty frames: they answer nothing and cost the proxy and us as much as a packet. */
  #chargeFrame(session: Session, { opcode, bytes }: Frame, report: FrameReport): void {
    if (bytes > 0 && opcode === "continuation") return;
    const on = this.#ground;
    on.policy = report.policy;
    on.nowMs = this.#nowMs;
    chargeControl(session, 0, bytes, report, on);
  }

  #judgeBytes(session: Session, frame: Frame, data: Uint8Array, report: FrameReport): void {
    const on = this.#ground;
    const nowMs = this.#nowMs;
    on.policy = report.policy;
    on.broker = session.limits;
    on.wallMs = this.#wallMs;
    on.nowMs = nowMs;
    if (session.subject !== null && session.acl !== null) {
      on.subject = session.subject;
      on.acl = session.acl;
      on.narrow = session.narrow;
    }
    on.inspectedBytes = on.inspectedWork = 0;
    const heldBefore = heldBytes();
    if (frame.fromClient) {
      session.lastClientAtMs = nowMs;
      judgeClientBytes(session, data, frame.bytes, report, on, nowMs, this.#judgeConnect);
    } else {
      judgeBrokerBytes(session, data, frame.bytes, report, on, nowMs, this.#onAccepted);
    }
    // Only who made it more: others must not pay for what somebody else holds.
    const held = heldBytes();
    if (held <= this.#maxHeldBytes || held <= heldBefore) return;
    refuseFrame(report, OVERLOADED_SESSIONS);
    if (report.policy.blockMode) return;
    // Nothing closes, so the connection would go on to be held: it is read no further.
    const lane = frame.fromClient ? session.client : session.broker;
    lane.stream.release();
    lane.kept = null;
    lane.unparsed = "malformed";
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
      {
        refused: detectOnly ? null : refused,
        atMs: nowMs,
        headers: seenHeaders(head.headers, this.#policies.desk?.headers ?? NO_NAMES),
      },
      policy.limits.connectTimeoutMs,
    );
    if (refused === null) {
      if (policy.upgrade.allowExtensions && offersExtension(head.headers)) {
        this.#teller.unseenExtension(head);
      }
      return PASS;
    }
    const tags = refusalTags(refused.tag, detectOnly ? "detect-only" : "blocked", 0).list;
    this.#teller.upgrade(head, refused, detectOnly, tags, policy.label);
    return { refused, detectOnly, tags };
  }

  /** The proxy says that the connection behind `correlationId` is over. */
  complete(correlationId: string): void {
    this.sessions.complete(correlationId);
  }

  /** A proxy's push of its `config { }` block: null when it is in force, else what is wrong with it. */
  configure(config: unknown, from: string): Promise<string | null> {
    return this.#policies.push(config, from);
  }

  /** What has to be kept of the last frame's verdict until the proxy has it; null for an allow. */
  unsettled(frame: Frame): Unsettled | null {
    const { verdict, refusal, session } = this.#report;
    if (verdict === "allow" || refusal === null) return null;
    const { correlationId, clientAddress, fromClient } = frame;
    return { correlationId, clientAddress, fromClient, session, verdict, refusal };
  }

  /**
   * A verdict that was not allow did not reach the proxy in time, so the frame has passed. The connection is poisoned:
   * its next frame closes, since what the broker knows by now is not what was judged here.
   */
  answeredLate(unsettled: Unsettled): void {
    const { correlationId, clientAddress, session } = unsettled;
    if (session !== null && !session.ended) {
      session.poisoned = true;
    } else {
      this.#finder.poison(correlationId, clientAddress);
    }
    this.#teller.late(unsettled, this.#policies.current.label);
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
        session.unacknowledged += report.publishing;
        if (report.subscriptions.size > 0) session.changeSubscriptions(report.subscriptions);
        if (session.client.closed && session.broker.closed) this.sessions.end(session);
      }
    }
    if (report.policy.logPackets) this.#teller.packets(frame, report);
    if (refusal === null) {
      if (report.noted !== null) this.#teller.noted(frame, report, report.noted);
      return;
    }
    this.#teller.refusal(frame, report, refusal);
    // Only what the client itself sent: whoever may publish to a device must not be able to have it banned.
    if (frame.fromClient && !report.detectOnly && session !== null) {
      this.#autoBan.refused(this.#refusedClient(session), refusal.reason.code, this.#wallMs);
    }
  }

  /** Of whom something was refused. A token in the place of the user name names nobody, and is kept nowhere. */
  #refusedClient({ subject, accepted, origin, login }: Session): RefusedClient {
    const { clientId = "", username = null, proved = false } = subject ?? {};
    const isName = login !== null || this.#policies.desk?.usernameIsToken !== true;
    return { clientId, username: isName ? username : null, address: origin.address, established: proved && accepted };
  }

  #fail(error: unknown, frame: Frame, policy: Policy, report: FrameReport): void {
    this.#teller.failed(error, frame);
    if (report.session !== null) (frame.fromClient ? report.session.client : report.session.broker).unparsed = "failed";
    const isOnlyFault = report.refused === 0;
    refuseFrame(report, INTERNAL_ERROR);
    if (policy.failOpen && isOnlyFault) {
      // settleFrame() would close: an error inside is the one refusal that `fail-open` lets through.
      report.policy = { ...policy, blockMode: false };
    }
  }
}

const NO_NAMES: readonly string[] = Object.freeze([]);
const PASS: RequestVerdict = Object.freeze({ refused: null, detectOnly: false, tags: Object.freeze(["mqtt"]) });
