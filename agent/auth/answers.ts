import type { Answer, DenyCode, Identity } from "./provider.ts";

export type Deny = Extract<Answer, { kind: "deny" }>;
export type Ignore = Extract<Answer, { kind: "ignore" }>;
export type Failure = Extract<Answer, { kind: "error" }>;

/** Made once per reason at module load: a refusal costs nothing, however often an attacker asks for it. */
export function deny(code: DenyCode, why: string): Deny {
  return Object.freeze({ kind: "deny", code, why });
}

export function ignore(why: string): Ignore {
  return Object.freeze({ kind: "ignore", why });
}

export function failure(why: string): Failure {
  return Object.freeze({ kind: "error", why });
}

export function allow(identity: Identity): Answer {
  return { kind: "allow", identity };
}
