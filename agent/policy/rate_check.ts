import { rateReason, type Reason } from "../reasons.ts";
import type { Ground } from "./ground.ts";
import type { Limit } from "./rate/mod.ts";

/** Whether a limit refused the packet when it was charged, before any check. */
export function checkRate(_packet: unknown, on: Ground): Reason | null {
  return on.limit === null ? null : exceeded(on.limit, on);
}

/** The refusal that goes with a limit. */
export function exceeded(limit: Limit, on: Ground): Reason {
  on.limit = limit;
  on.action = limit.action;
  return rateReason(limit.kind);
}
