import type { Clock } from "./clock.ts";
import type { AuditRing } from "./audit/ring.ts";
import type { Frame, RequestHead } from "./frame.ts";
import { cut, type FrameReport, type Refusal, shownName, type Unsettled } from "./frame_report.ts";
import type { Logger } from "./log.ts";
import { PACKET_NAMES } from "./mqtt/packet.ts";
import type { Address } from "./policy/address.ts";
import type { Finding } from "./policy/inspect/inspector.ts";
import type { Policy } from "./policy/policy.ts";
import { inspectionReason, LATE, type Reason, UPGRADE_UNSEEN } from "./reasons.ts";
import type { Session } from "./session.ts";
import { refusalTags, tagsOf } from "./verdict.ts";

/** Tells people what happened: into the log and the audit, beside the way of a frame and never in it. */
export class Teller {
  readonly #log: Logger;
  readonly #audit: AuditRing;
  readonly #clock: Clock;
  #firstRoute: string | null | undefined;
  #warnedRoutes = false;
  #warnedUpgrade = false;

  constructor(log: Logger, audit: AuditRing, clock: Clock) {
    this.#log = log;
    this.#audit = audit;
    this.#clock = clock;
  }

  /** A refused frame: into the audit, and into the log, folded by reason, client and topic. */
  refusal(frame: Frame, report: FrameReport, { reason, packetType, topic, rule }: Refusal): void {
    const detail = report.detail === null ? null : report.detail.join("; ");
    this.#tell(frame, report, { reason, packetType, topic, rule: rule?.name ?? null, detail, level: "warn" });
  }

  /** What inspection found in a frame that passes: below `block-severity`, of a pattern on trial, or not searched. */
  noted(frame: Frame, report: FrameReport, noted: readonly Finding[]): void {
    const [{ word }] = noted as [Finding];
    const detail = noted.map(({ text }) => text).join("; ");
    const { packetType, topic, rule } = report;
    const what = { reason: inspectionReason(word), packetType, topic, rule: rule?.name ?? null };
    this.#tell(frame, report, { ...what, detail, level: "info" });
  }

  #tell(
    frame: Frame,
    report: FrameReport,
    { reason, packetType, topic: wholeTopic, rule, detail, level }: {
      readonly reason: Reason;
      readonly packetType: number;
      readonly topic: string | null;
      readonly rule: string | null;
      readonly detail: string | null;
      readonly level: "warn" | "info";
    },
  ): void {
    const subject = report.session?.subject ?? null;
    const topic = wholeTopic === null ? null : cut(wholeTopic);
    const clientId = subject === null ? null : cut(subject.clientId);
    const username = subject?.username == null ? null : shownName(subject.username);
    const packet = packetType === 0 ? null : PACKET_NAMES[packetType] ?? null;
    this.#audit.add({
      atMs: this.#clock.wallMs(),
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
      rule,
      policy: report.policy.label,
      packets: report.packets,
      refused: report.refused,
      lost: report.lost,
      also: report.describeRefusals(),
      detail,
    });
    if (!this.#log.enabled(level)) return;
    this.#log[level](reason.text, {
      reason: reason.code,
      verdict: report.verdict,
      client_id: clientId,
      username,
      packet,
      topic,
      rule,
      client_ip: frame.clientAddress,
      correlation_id: frame.correlationId,
      also: report.describeRefusals(),
      detail,
    }, { foldKey: `${level} ${reason.code} ${clientId ?? addressText(report.session, frame)} ${topic ?? ""}` });
  }

  /** One debug line for what a frame held (`general.log-packets`); never a payload or a password. */
  packets(frame: Frame, report: FrameReport): void {
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

  /** A refused upgrade. */
  upgrade(head: RequestHead, refused: Reason, detectOnly: boolean, tags: readonly string[], policy: string): void {
    this.#audit.add({
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
      policy,
      packets: 0,
      refused: 1,
      lost: 0,
      also: null,
      detail: null,
    });
    this.#log.warn(refused.text, {
      reason: refused.code,
      verdict: detectOnly ? "allow" : "block 403",
      client_ip: head.clientAddress,
      advice: refused.advice,
    }, { foldKey: `${refused.code} ${head.clientAddress}` });
  }

  /** An upgrade with an extension that `allow-unseen` lets through: nobody will see its frames. */
  unseenExtension(head: RequestHead): void {
    this.#log.warn("A connection with a WebSocket extension passes unseen, as general.websocket-extensions says", {
      client_ip: head.clientAddress,
    }, { foldKey: "extension-unseen" });
  }

  /** A refused frame that passed, since its verdict came too late. */
  late(unsettled: Unsettled, policy: string): void {
    const { correlationId, clientAddress, session, verdict, refusal } = unsettled;
    const subject = session?.subject ?? null;
    const event = {
      correlationId,
      clientAddress,
      clientId: subject === null ? null : cut(subject.clientId),
      username: subject?.username == null ? null : shownName(subject.username),
      reason: refusal.reason.code,
      packetType: PACKET_NAMES[refusal.packetType] ?? null,
      topic: refusal.topic === null ? null : cut(refusal.topic),
      rule: refusal.rule?.name ?? null,
      policy: policy,
    };
    this.#audit.add({
      ...event,
      atMs: this.#clock.wallMs(),
      routeId: session?.origin.routeId ?? null,
      direction: unsettled.fromClient ? "client" : "broker",
      verdict: "allow",
      tags: refusalTags("late", "blocked", 0).list,
      packets: 0,
      refused: 1,
      lost: 0,
      also: null,
      detail: null,
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

  /** Subscriptions that the rules in force would refuse. */
  revoked(session: Session, revoked: readonly string[], policy: Policy): void {
    this.#log.warn("Subscriptions of a live client are not allowed any more", {
      client_id: session.subject?.clientId,
      username: session.subject?.username == null ? null : shownName(session.subject.username),
      filters: revoked.slice(0, 16).map(cut).join(" "),
      count: revoked.length,
      config_version: policy.label,
      closes: policy.closeRevoked,
    }, { foldKey: "revoked" });
  }

  /** A Will that the rules in force would refuse. To close would make the broker publish it, so it is only told. */
  revokedWill(session: Session, topic: string, policy: Policy): void {
    this.#log.warn(
      "The Will of a live client is not allowed any more; the broker publishes it if the connection breaks",
      {
        client_id: session.subject?.clientId,
        username: session.subject?.username == null ? null : shownName(session.subject.username),
        topic: cut(topic),
        config_version: policy.label,
      },
      { foldKey: "revoked-will" },
    );
  }

  /** An error inside. */
  failed(error: unknown, frame: Frame): void {
    this.#log.error("Cannot judge a frame: the agent failed inside", {
      error: error instanceof Error ? error.stack ?? error.message : String(error),
      correlation_id: frame.correlationId,
      opcode: frame.opcode,
      bytes: frame.bytes,
    }, { foldKey: "internal-error" });
  }

  /** Frames of two routes, while none is named: one of them is probably no MQTT. Told once. */
  route(routeId: string | null): void {
    if (this.#warnedRoutes) return;
    if (this.#firstRoute === undefined) this.#firstRoute = routeId;
    else if (this.#firstRoute !== routeId) {
      this.#warnedRoutes = true;
      this.#log.warn("Frames of two routes arrive and general.routes does not say which of them carry MQTT", {
        routes: `${this.#firstRoute ?? "-"} ${routeId ?? "-"}`,
      });
    }
  }

  /** A connection whose upgrade was not shown. Told once. */
  upgradeUnseen(): void {
    if (this.#warnedUpgrade) return;
    this.#warnedUpgrade = true;
    this.#log.warn("Frames arrive whose upgrade request was not shown to the agent, so compression is not refused", {
      advice: UPGRADE_UNSEEN.advice,
    });
  }
}

function addressText(session: Session | null, frame: Frame): string {
  const address: Address | null = session?.origin.address ?? null;
  return address?.text ?? frame.clientAddress;
}
