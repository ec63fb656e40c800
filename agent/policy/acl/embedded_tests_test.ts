import { strict as assert } from "node:assert";
import { compiled, NOW_MS } from "./acl_fixture.ts";
import { type EmbeddedTest, runEmbeddedTests } from "./mod.ts";

const ACL = compiled([
  { name: "guests", match: { groups: ["anonymous"] }, topics: ["public/#"] },
  {
    name: "sensors",
    match: { "username-regex": "^sensor-" },
    topics: ["sensors/+/data"],
    actions: ["publish"],
    "max-qos": 1,
  },
  { name: "retained", topics: ["config/#"], actions: ["publish"], retain: true, decision: "deny" },
  { name: "own", topics: ["dev/${clientid}/#"] },
  { name: "office", match: { "client-ip": ["10.0.0.0/8"], "protocol-version": [5] }, topics: ["office/#"] },
  { name: "ops", match: { groups: ["ops"] }, topics: ["#"] },
]);

function failures(...tests: Omit<EmbeddedTest, "name">[]): string[] {
  return runEmbeddedTests(ACL, tests.map((test, n) => ({ name: `test-${n}`, ...test })), NOW_MS).map(({ message }) =>
    message
  );
}

Deno.test("runEmbeddedTests() is silent about tests that hold", () => {
  assert.deepEqual(
    failures(
      { as: { username: "sensor-1" }, publish: "sensors/1/data", expect: "allow", rule: "sensors" },
      { as: { username: "sensor-1" }, publish: "sensors/1/data", qos: 2, expect: "deny", rule: "sensors" },
      { as: { username: "sensor-1" }, subscribe: "sensors/1/data", expect: "deny" },
      { as: { username: "ann", groups: ["ops"] }, publish: "config/x", expect: "allow", rule: "ops" },
      { as: { username: "ann", groups: ["ops"] }, publish: "config/x", retain: true, expect: "deny", rule: "retained" },
      { as: { username: "ann", groups: ["ops"] }, receive: "x", expect: "allow" },
      { as: { "client-id": "d1" }, subscribe: "dev/d1/#", expect: "allow", rule: "own" },
      { subscribe: "public/#", expect: "allow", rule: "guests" },
      { as: { username: "ann" }, subscribe: "public/#", expect: "deny" },
      { as: { ip: "10.1.2.3", "protocol-version": 5 }, publish: "office/x", expect: "allow", rule: "office" },
      { as: { ip: "10.1.2.3" }, publish: "office/x", expect: "deny" },
      { as: { "protocol-version": 5 }, publish: "office/x", expect: "deny" },
    ),
    [],
  );
});

Deno.test("runEmbeddedTests() says what was expected, what came out and why", () => {
  assert.deepEqual(
    failures(
      { as: { username: "ann" }, publish: "sensors/1/data", expect: "allow", rule: "sensors" },
      { as: { username: "sensor-1" }, publish: "sensors/1/data", qos: 2, expect: "allow" },
      { as: { username: "ann", groups: ["ops"] }, subscribe: "a/#", expect: "deny" },
      { as: { username: "ann", groups: ["ops"] }, receive: "a", expect: "allow", rule: "own" },
      { publish: "$SYS/x", expect: "allow" },
      { publish: "a/#", expect: "allow" },
    ),
    [
      'Cannot accept test "test-0": publish "sensors/1/data" should be "allow" by rule "sensors" but is "deny": no rule applies, and the default denies',
      'Cannot accept test "test-1": publish "sensors/1/data" should be "allow" but is "deny": rule "sensors" allows it, but not with this QoS',
      'Cannot accept test "test-2": subscribe "a/#" should be "deny" but is "allow": rule "ops" decides',
      'Cannot accept test "test-3": receive "a" should be "allow" by rule "own" but is "allow": rule "ops" decides',
      'Cannot accept test "test-4": publish "$SYS/x" should be "allow" but is "deny": no allow rule begins with the same "$" level',
      'Cannot accept test "test-5": publish "a/#" should be "allow" but is "deny": it is no valid topic',
    ],
  );
});

Deno.test("runEmbeddedTests() refuses tests that can not be run", () => {
  assert.deepEqual(
    failures(
      { expect: "allow" },
      { publish: "a", subscribe: "a", expect: "allow" },
      { publish: "a", expect: "deny", rule: "sensor" },
      { as: { ip: "10.0.0.0/8" }, publish: "a", expect: "deny" },
      { as: { username: "ann", groups: ["anonymous"] }, publish: "a", expect: "deny" },
    ),
    [
      'Cannot run test "test-0": it needs exactly one of "publish", "subscribe", "receive"',
      'Cannot run test "test-1": it needs exactly one of "publish", "subscribe", "receive"',
      'Cannot run test "test-2": there is no rule "sensor"',
      'Cannot run test "test-3": "10.0.0.0/8" is no address',
      'Cannot run test "test-4": the group "anonymous" is of clients without user name',
    ],
  );
});

Deno.test("runEmbeddedTests() names the place of each failure", () => {
  const tests: EmbeddedTest[] = [
    { name: "good", publish: "a", expect: "deny" },
    { name: "bad", publish: "a", expect: "allow" },
  ];
  assert.deepEqual(runEmbeddedTests(ACL, tests, NOW_MS).map(({ test, name }) => [test, name]), [[1, "bad"]]);
});
