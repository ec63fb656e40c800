/**
 * The one list of reason codes: why a packet, a frame or an upgrade was refused. Logs, metrics, the console and
 * `docs/reasons.md` tell them in the order in which they are registered, that of the lines below.
 */
export * from "./reasons/protocol.ts";
export * from "./reasons/access.ts";
export * from "./reasons/limits.ts";
export * from "./reasons/inspection.ts";
export * from "./reasons/login.ts";
export * from "./reasons/rate.ts";
export * from "./reasons/broker.ts";
export {
  allReasons,
  type AuditTag,
  type CloseCode,
  type InspectionFault,
  type LoginFault,
  type RateKind,
  type Reason,
  reason,
  reasonOf,
} from "./reasons/reason.ts";
