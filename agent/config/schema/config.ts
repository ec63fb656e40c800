import { choice, FILLED, type Infer, object, OPTIONAL, ours, page } from "../shape.ts";
import { ACL } from "./acl.ts";
import { AUTH } from "./auth.ts";
import { GENERAL } from "./general.ts";
import { INSPECTION } from "./inspection.ts";
import { QOS, RATE_LIMIT, RETAINED } from "./limits.ts";
import { ADMIN, AGENT, AUDIT, AUTO_BAN, BANS } from "./operation.ts";

/** The whole configuration: the one source of its checks, defaults, types and documentation. */
export const CONFIG = object({
  auth: page("Who may connect", AUTH, FILLED),
  acl: page("Who may publish and subscribe to what", ACL, FILLED),
  inspection: page("What payloads may hold", INSPECTION, FILLED),
  "rate-limit": page("How much may be sent", RATE_LIMIT, FILLED),
  qos: page("How high the QoS may be", QOS, FILLED),
  retained: page("What may be retained", RETAINED, FILLED),
  general: page("Protocol, limits and what failures do", GENERAL, FILLED),
  agent: ours("Where the agent is reached", AGENT, FILLED),
  admin: ours("The console", ADMIN, FILLED),
  "auto-ban": ours("Bans who is refused too often", AUTO_BAN, OPTIONAL),
  bans: ours("A fixed list beside the bans made at run time", BANS, []),
  audit: ours("What is kept of what happened", AUDIT, FILLED),
  profile: ours("`hardened` refuses settings that weaken it", choice("default", "hardened"), "default"),
});

/** The effective configuration, all defaults filled in, frozen through and through. */
export type Config = Infer<typeof CONFIG>;
