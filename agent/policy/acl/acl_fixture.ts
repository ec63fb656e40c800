/** For tests and benches: a configuration with the defaults of `config.md`, and a client. */
import { parseAddress } from "../address.ts";
import {
  type AclConfig,
  bindSubject,
  compileAcl,
  type CompiledAcl,
  type RuleConfig,
  type Subject,
  type SubjectAcl,
} from "./mod.ts";

export const NOW_MS = Date.parse("2026-06-01T00:00:00Z");

/** A rule with less to write: an allow rule by name `rule-<place>` unless said otherwise. */
export type RuleSketch = Partial<RuleConfig>;

export function aclConfig(rules: readonly RuleSketch[], changes: Partial<AclConfig> = {}): AclConfig {
  return {
    enabled: true,
    "default-action": "deny",
    rules: rules.map((rule, place) => ({ name: `rule-${place}`, decision: "allow", ...rule })),
    groups: {},
    "deny-action": "drop",
    "wildcard-subscriptions": "allow",
    "dollar-topics": "rules",
    unwrap: [],
    "check-deliveries": true,
    "check-response-topic": true,
    ...changes,
  };
}

/** `ann`, who proved it, from 10.0.0.1 with MQTT 5. */
export function client(changes: Partial<Subject> = {}): Subject {
  return {
    clientId: "id-1",
    username: "ann",
    proved: true,
    groups: [],
    anonymous: false,
    address: parseAddress("10.0.0.1"),
    level: 5,
    routeId: null,
    attributes: null,
    ...changes,
  };
}

/** Compiled rules; throws if they have problems. */
export function compiled(rules: readonly RuleSketch[], changes: Partial<AclConfig> = {}): CompiledAcl {
  const result = compileAcl(aclConfig(rules, changes));
  if ("problems" in result) throw new Error(`Cannot compile rules: ${JSON.stringify(result.problems)}`);
  return result.acl;
}

export function bound(
  rules: readonly RuleSketch[],
  who: Subject = client(),
  changes: Partial<AclConfig> = {},
): SubjectAcl {
  return bindSubject(compiled(rules, changes), who);
}
