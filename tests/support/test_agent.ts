import { Agent, type PolicySource } from "../../agent/agent.ts";
import type { Inspections } from "../../agent/waiting_payloads.ts";
import type { Clock } from "../../agent/clock.ts";
import { AuditRing } from "../../agent/audit/ring.ts";
import { createLogger, type Logger } from "../../agent/log.ts";
import { compilePolicy, type GeneralPolicyConfig, type Policy, type PolicyConfig } from "../../agent/policy/policy.ts";
import type { RuleConfig } from "../../agent/policy/acl/mod.ts";
import type { InspectionConfig } from "../../agent/policy/inspect/config.ts";
import { EVERYTHING } from "../../agent/policy/inspect/inspect_fixture.ts";
import { Inspector } from "../../agent/policy/inspect/inspector.ts";

/** The defaults of config.md, for tests of what stands below the loader. */
const GENERAL: GeneralPolicyConfig = {
  "block-mode": true,
  "fail-open": false,
  "log-packets": false,
  "protocol-versions": ["3.1.1", "5.0"],
  "connect-timeout-secs": 30,
  "decision-deadline-ms": 60,
  "max-packet-size": 1 << 20,
  "max-topic-levels": 32,
  "max-topic-bytes": 1024,
  "max-subscriptions": 100,
  "max-filters-per-subscribe": 32,
  "session-idle-secs": 86_400,
  "max-sessions": 200_000,
  "max-unanswered": 16,
  "require-upgrade-event": false,
  "shared-subscriptions": "allow",
  "retained-messages": "allow",
  "subscription-identifiers": "allow",
  "topic-aliases": "allow",
  "mixed-frames": "auto",
  "allowed-origins": ["same-host"],
  "websocket-extensions": "refuse",
  subprotocols: ["mqtt", "mqttv3.1"],
};

/** Allow `a/#` and `ok`, deny `admin/#` and `b/#`: the rules of the examples in the list of ways around. */
export const EXAMPLE_RULES: readonly RuleConfig[] = [
  { name: "allow-a", topics: ["a/#", "ok"], decision: "allow" },
  { name: "deny-b", topics: ["admin/#", "b/#"], decision: "deny", priority: 10 },
];

export interface TestPolicy {
  readonly rules?: readonly RuleConfig[];
  readonly acl?: Partial<PolicyConfig["acl"]>;
  readonly general?: Partial<GeneralPolicyConfig>;
  readonly auth?: Partial<PolicyConfig["auth"]>;
  readonly qos?: Partial<PolicyConfig["qos"]>;
  readonly retained?: Partial<PolicyConfig["retained"]>;
  readonly rate?: Partial<PolicyConfig["rate-limit"]>;
  /** Keys that differ from the defaults, all built-in patterns on; absent: no inspection. */
  readonly inspection?: Partial<InspectionConfig>;
  readonly number?: number;
}

/** An inspector of the defaults with all built-in patterns on, but for `changes`. */
export function testInspector(changes: Partial<InspectionConfig> = {}): Inspector {
  const compiled = Inspector.compile({ ...EVERYTHING, ...changes });
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
  return compiled.inspector;
}

/** A compiled snapshot. */
export function testPolicy(
  {
    rules = EXAMPLE_RULES,
    acl = {},
    general = {},
    auth = {},
    qos = {},
    retained = {},
    rate = {},
    inspection,
    number = 1,
  }: TestPolicy,
): Policy {
  const compiled = compilePolicy({
    acl: {
      enabled: true,
      "default-action": "deny",
      rules: [...rules],
      groups: {},
      "deny-action": "drop",
      "wildcard-subscriptions": "allow",
      "dollar-topics": "rules",
      unwrap: [],
      "check-deliveries": true,
      "check-response-topic": true,
      "on-revoked-subscription": "tag",
      ...acl,
    },
    auth: {
      "trust-broker": false,
      "enhanced-auth": "deny",
      "min-client-id-length": 1,
      "max-client-id-length": 128,
      "client-id-binding": "none",
      "username-mismatch": "refuse",
      "duplicate-client-id": "same-identity",
      ...auth,
    },
    general: { ...GENERAL, ...general },
    qos: { enabled: false, "max-qos": 2, downgrade: true, "downgrade-subscribe": "allow", "per-topic": [], ...qos },
    "rate-limit": {
      enabled: false,
      "per-topic": [],
      "key-by": "client_id",
      "max-keys": 1000,
      store: "memory",
      ...rate,
    },
    retained: { enabled: false, "allow-retained": true, "allowed-topics": [], "blocked-topics": [], ...retained },
  }, { number, hash: "000000000000", inspection: inspection === undefined ? null : testInspector(inspection) });
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
  return compiled.policy;
}

/** A clock that stands still until it is told. */
export class TestClock implements Clock {
  constructor(public ms = 1_000_000) {}
  nowMs(): number {
    return this.ms;
  }
  wallMs(): number {
    return 1_700_000_000_000 + this.ms;
  }
}

/** A snapshot that a test replaces as it likes. */
export type TestPolicies = { -readonly [K in keyof PolicySource]: PolicySource[K] };

/** An agent with a clock, a policy that can be swapped, and its log lines. */
export function testAgent(
  policy: TestPolicy = {},
  { inspections }: { readonly inspections?: Inspections | undefined } = {},
): {
  agent: Agent;
  clock: TestClock;
  policies: TestPolicies;
  lines: string[];
  log: Logger;
} {
  const clock = new TestClock();
  const policies: TestPolicies = {
    current: testPolicy(policy),
    desk: null,
    push: () => Promise.resolve(null),
  };
  const lines: string[] = [];
  const log = createLogger({
    json: true,
    // Sums of folded lines come with `flush()`: a test has no window of ten seconds to leave open.
    setTimer: () => () => {},
    write: (bytes) => {
      lines.push(...new TextDecoder().decode(bytes).split("\n").filter((line) => line !== ""));
      return Promise.resolve(bytes.length);
    },
  });
  const pool = inspections === undefined ? {} : { inspections };
  const agent = new Agent({ policies, log, audit: new AuditRing(1_000), clock, ...pool });
  return { agent, clock, policies, lines, log };
}
