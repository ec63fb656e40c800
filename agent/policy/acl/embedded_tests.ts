/** The `tests` that a configuration carries beside its rules: one that fails refuses the configuration. */
import { parseAddress } from "../address.ts";
import type { CompiledAcl } from "./compiled_acl.ts";
import { type AclDecision, decidePublish, decideReceive, decideSubscribe } from "./decide.ts";
import { ANONYMOUS_GROUP, type Subject } from "./match.ts";
import { bindSubject } from "./subject.ts";

/** One entry of the configuration's `tests`. Exactly one of `publish`, `subscribe`, `receive`. */
export interface EmbeddedTest {
  name: string;
  /** Who asks: without `username` a client without credentials, which has the group `anonymous`. */
  as?: {
    /** Counts as proved. */
    username?: string;
    "client-id"?: string;
    groups?: string[];
    /** Absent: 192.0.2.1, an address of nobody (RFC 5737). */
    ip?: string;
    /** Absent: 4. */
    "protocol-version"?: 3 | 4 | 5;
  };
  publish?: string;
  subscribe?: string;
  receive?: string;
  /** 0 where absent. A QoS over the rule's `max-qos` counts as denied. */
  qos?: 0 | 1 | 2;
  retain?: boolean;
  expect: "allow" | "deny";
  /** Name of the rule that must have decided. */
  rule?: string;
}

export interface EmbeddedTestFailure {
  /** Place in `tests`. */
  readonly test: number;
  readonly name: string;
  readonly message: string;
}

const NOBODYS_ADDRESS = "192.0.2.1";

/** Runs the tests against compiled rules; what fails, in order, with what was decided instead. */
export function runEmbeddedTests(
  acl: CompiledAcl,
  tests: readonly EmbeddedTest[],
  nowMs: number,
): EmbeddedTestFailure[] {
  const steps = embeddedTestSteps(acl, tests, nowMs);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** As {@link runEmbeddedTests}, in steps of one test: to bind a client to many rules may take a millisecond. */
export function* embeddedTestSteps(
  acl: CompiledAcl,
  tests: readonly EmbeddedTest[],
  nowMs: number,
): Generator<void, EmbeddedTestFailure[]> {
  const failures: EmbeddedTestFailure[] = [];
  for (const [index, test] of tests.entries()) {
    const failure = runTest(acl, test, nowMs);
    if (failure !== null) failures.push({ test: index, name: test.name, message: failure });
    yield;
  }
  return failures;
}

function runTest(acl: CompiledAcl, test: EmbeddedTest, nowMs: number): string | null {
  const asked = (["publish", "subscribe", "receive"] as const).filter((action) => test[action] !== undefined);
  const [action] = asked;
  if (action === undefined || asked.length > 1) {
    return `Cannot run test "${test.name}": it needs exactly one of "publish", "subscribe", "receive"`;
  }
  if (test.rule !== undefined && !acl.rules.hasName(test.rule)) {
    return `Cannot run test "${test.name}": there is no rule "${test.rule}"`;
  }
  const subject = testSubject(test);
  if (typeof subject === "string") return `Cannot run test "${test.name}": ${subject}`;
  const topic = test[action] ?? "";
  const qos = test.qos ?? 0;
  const bound = bindSubject(acl, subject);
  const decision = action === "publish"
    ? decidePublish(bound, topic, qos, test.retain === true, nowMs)
    : action === "subscribe"
    ? decideSubscribe(bound, topic, qos, nowMs)
    : decideReceive(bound, topic, nowMs);
  const outcome = decision.allowed && !decision.maxQosExceeded ? "allow" : "deny";
  if (outcome === test.expect && (test.rule === undefined || test.rule === decision.rule?.name)) return null;
  const expected = test.rule === undefined ? `"${test.expect}"` : `"${test.expect}" by rule "${test.rule}"`;
  return `Cannot accept test "${test.name}": ${action} "${topic}" should be ${expected} but is "${outcome}": ${
    decisionWords(decision)
  }`;
}

function testSubject({ as = {} }: EmbeddedTest): Subject | string {
  const ip = as.ip ?? NOBODYS_ADDRESS;
  const address = parseAddress(ip);
  if (address === null) return `"${ip}" is no address`;
  const groups = as.groups ?? [];
  if (as.username !== undefined && groups.includes(ANONYMOUS_GROUP)) {
    return `the group "${ANONYMOUS_GROUP}" is of clients without user name`;
  }
  return {
    clientId: as["client-id"] ?? "",
    username: as.username ?? null,
    proved: as.username !== undefined,
    groups,
    anonymous: as.username === undefined,
    address,
    level: as["protocol-version"] ?? 4,
    routeId: null,
    attributes: null,
  };
}

/** What was decided and by what, for a person; no full stop. */
export function decisionWords({ reason, rule, maxQosExceeded }: AclDecision): string {
  const name = `rule "${rule?.name}"`;
  switch (reason) {
    case "rule":
      return maxQosExceeded ? `${name} allows it, but not with this QoS` : `${name} decides`;
    case "no-rule":
      return "no rule applies, and the default denies";
    case "default":
      return "no rule applies, and the default allows";
    case "dollar-topic":
      return 'no allow rule begins with the same "$" level';
    case "wildcards":
      return rule === null
        ? "wildcard subscriptions are denied"
        : `${name} allows it, but wildcard subscriptions are denied and it does not say "wildcards"`;
    case "forbidden-character":
      return 'it holds one of "forbid-characters"';
    case "too-broad":
      return "too many rules would have to be compared with it";
    case "invalid-topic":
      return "it is no valid topic";
    case "disabled":
      return "it is not checked";
    default:
      return reason satisfies never;
  }
}
