import { recheckWill } from "./client_packets.ts";
import type { FrameReport } from "./frame_report.ts";
import type { CompiledRule } from "./policy/acl/mod.ts";
import { checkSubscribeAcl } from "./policy/acl_check.ts";
import type { Ground } from "./policy/ground.ts";
import { ACL_REVOKED } from "./reasons.ts";
import type { Session } from "./session.ts";
import type { Teller } from "./teller.ts";

/**
 * Holds the subscriptions and the Will that an older snapshot allowed against the one in force, once: they are told, and
 * the connection closes where `acl.on-revoked-subscription` says so. `on` has the time; O(subscriptions).
 */
export function recheckSubscriptions(session: Session, report: FrameReport, on: Ground, teller: Teller): void {
  const { policy } = report;
  session.subscriptionsPolicy = policy;
  if (session.acl === null) return;
  on.policy = policy;
  on.acl = session.acl;
  on.narrow = session.narrow;
  if (session.will !== null) {
    on.reset();
    if (recheckWill(session.will, on) !== null) teller.revokedWill(session, session.will.topic, policy);
  }
  const revoked: string[] = [];
  let rule: CompiledRule | null = null;
  for (const [filter, qos] of session.subscriptions ?? []) {
    on.reset();
    const subscription = {
      filter,
      qos: qos as 0 | 1 | 2,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0 as const,
    };
    if (checkSubscribeAcl(subscription, on) === null) continue;
    if (revoked.length === 0) rule = on.rule;
    revoked.push(filter);
  }
  if (revoked.length === 0) return;
  teller.revoked(session, revoked, policy);
  if (policy.closeRevoked) report.refuse(ACL_REVOKED, "close", 0, revoked[0] ?? null, rule);
}
