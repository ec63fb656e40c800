/** What a reason is, and the registry of all of them. */

/** The word behind `blocked` or `detect-only` in the audit tags of a refusal (design: Audit tags). */
export type AuditTag =
  | "auth-failed"
  | "auth-pending"
  | "acl-denied"
  | "banned"
  | "rate-limited"
  | "inspection-blocked"
  | "retained-denied"
  | "qos-denied"
  | "size-exceeded"
  | "schema-invalid"
  | "limit-exceeded"
  | "protocol-error"
  | "late"
  | "overloaded"
  | "session-unknown"
  | "frame-gap"
  | "unanswered"
  | "upgrade-refused"
  | "internal-error";

/** What a rate limit is about. */
export type RateKind = "global" | "client" | "topic" | "connect" | "subscribe" | "control" | "auth-failures";

/** What payload inspection can refuse for. */
export type InspectionFault =
  | "sqli"
  | "command-injection"
  | "script-injection"
  | "path-traversal"
  | "custom"
  | "inspection-budget"
  | "json-limits"
  | "binary"
  | "payload-size"
  | "schema";

/** Why a login failed, as providers and the desk before them put it. */
export type LoginFault =
  | "wrong-password"
  | "user-disabled"
  | "user-expired"
  | "password-too-long"
  | "token-invalid"
  | "token-expired"
  | "token-not-yet-valid"
  | "certificate-invalid"
  | "certificate-ambiguous"
  | "backend-denied"
  | "anonymous"
  | "nobody-knows"
  | "provider-error"
  | "locked";

/**
 * WebSocket close codes that the agent uses (RFC 6455 section 7.4.1): 1002 protocol error, 1003 wrong kind of data,
 * 1008 policy, 1009 too big, 1012 service restart.
 */
export type CloseCode = 1002 | 1003 | 1008 | 1009 | 1012;

/** Why a packet, a frame or an upgrade was refused. */
export interface Reason {
  /** Unique, kebab-case, stable: logs, metrics and the console know a refusal by it. */
  readonly code: string;
  readonly tag: AuditTag;
  readonly severity: "notice" | "warning" | "error";
  /** What happened, for a person; no full stop. */
  readonly text: string;
  /** What whoever runs the fleet can do about it. */
  readonly advice: string;
  /** Clause of the standard, for a breach of MQTT or RFC 6455. */
  readonly clause: string | null;
  /** WebSocket close code where this reason closes. */
  readonly closeCode: CloseCode;
}

const registry = new Map<string, Reason>();

type ReasonDetails =
  & Pick<Reason, "tag" | "text" | "advice">
  & Partial<Pick<Reason, "severity" | "clause" | "closeCode">>;

/** Adds a reason to the registry; a code may be added once. Throws for a second one, at module load. */
export function reason(code: string, details: ReasonDetails): Reason {
  if (registry.has(code)) throw new Error(`Cannot register reason "${code}": it exists`);
  const made: Reason = Object.freeze({
    code,
    severity: "warning" as const,
    clause: null,
    closeCode: 1008 as const,
    ...details,
  });
  registry.set(code, made);
  return made;
}

/** Every reason there is, in the order of registration. */
export function allReasons(): readonly Reason[] {
  return [...registry.values()];
}

/** The reason of that code, or undefined. */
export function reasonOf(code: string): Reason | undefined {
  return registry.get(code);
}

/** Advice for what breaks the standard. */
export const FIX_CLIENT =
  "The client breaks the standard: update or replace its MQTT library, and look at who sends this";
