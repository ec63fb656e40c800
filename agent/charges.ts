import type { FrameReport } from "./frame_report.ts";
import { NOTE } from "./frame_report.ts";
import { type Ground, said } from "./policy/ground.ts";
import type { ClientBuckets } from "./policy/rate/mod.ts";
import { exceeded } from "./policy/rate_check.ts";
import type { Reason } from "./reasons.ts";
import type { Session } from "./session.ts";

/** The session's way to its buckets. */
export function bucketsOf(session: Session, on: Ground): ClientBuckets {
  return session.buckets ??= on.limiter.client(session.subject ?? { ...NOBODY, address: session.origin.address });
}

const NOBODY = { clientId: "", username: null, proved: false, attributes: null } as const;

/** Charges what is no message and answers nothing: pings, empty frames, acknowledgements that nobody waits for. */
export function chargeControl(
  session: Session,
  packetType: number,
  bytes: number,
  report: FrameReport,
  on: Ground,
): void {
  if (on.policy.rate === null) return;
  const limit = on.limiter.chargeControl(bucketsOf(session, on), bytes, on.nowMs);
  noteLimits(report, on);
  if (limit === null) return;
  const reason = exceeded(limit, on);
  tellLimit(report, on);
  report.refuse(reason, "close", packetType, null, null);
}

/** Takes note of a limit on trial that would have refused. */
export function noteLimits(report: FrameReport, on: Ground): void {
  const { shadow } = on.limiter;
  if (shadow === null) return;
  report.notes |= NOTE.SHADOW;
  report.shadowLimit ??= shadow.name;
}

/** Says which limit refused, for people. */
export function tellLimit(report: FrameReport, on: Ground): void {
  const { limit, limiter } = on;
  if (limit === null || report.detail !== null) return;
  const meter = limiter.meter === null ? "" : ` (${limiter.meter.name})`;
  const full = limiter.overflowed ? "; shared with others, since rate-limit.max-keys buckets are in use" : "";
  report.detail = [`limit "${limit.name}"${meter}${full}`];
}

/** Charges a message to its sender's own buckets: `on.limit` refuses it, or is null. */
export function chargeOwn(
  session: Session,
  topic: string | null,
  bytes: number,
  report: FrameReport,
  on: Ground,
): void {
  on.limit = on.limiter.chargeMessage(bucketsOf(session, on), topic, bytes, on.nowMs);
  if (on.limit !== null) tellLimit(report, on);
  noteLimits(report, on);
}

/** Charges what nothing else refuses to the buckets of all. */
export function chargeShared(
  session: Session,
  topic: string | null,
  bytes: number,
  report: FrameReport,
  on: Ground,
): Reason | null {
  const limit = on.limiter.chargeShared(bucketsOf(session, on), topic, bytes, on.nowMs);
  noteLimits(report, on);
  if (limit === null) return said("shared-rate", null, on);
  const reason = exceeded(limit, on);
  tellLimit(report, on);
  return said("shared-rate", reason, on);
}
