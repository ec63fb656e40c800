import assert from "node:assert/strict";
import { bindSubject, decidePublish, decideReceive, decideSubscribe } from "../policy/acl/mod.ts";
import { claimedRules } from "./claimed_rules.ts";
import type { Identity } from "./provider.ts";

function identity(acl: unknown): Identity {
  return {
    username: "alice",
    groups: [],
    attributes: null,
    clientIds: null,
    clientIdClaim: null,
    acl,
    expiresAtMs: Infinity,
    provider: "jwt",
  };
}

const SUBJECT = {
  clientId: "dev1",
  username: "alice",
  proved: true,
  groups: [],
  anonymous: false,
  address: null,
  level: 5 as const,
  routeId: null,
  attributes: null,
};

/** What the rules allow: `p TOPIC[@QOS]` publish, `P` the same retained, `s` subscribe, `r` receive. */
function allowed(acl: unknown, ask: string): boolean {
  const rules = claimedRules(identity(acl));
  assert.ok("acl" in rules && rules.acl !== null, JSON.stringify(rules));
  const bound = bindSubject(rules.acl, SUBJECT);
  const [how = "", rest = ""] = ask.split(" ");
  const [topic = "", qos = "0"] = rest.split("@");
  const level = Number(qos) as 0 | 1 | 2;
  const decision = how === "s"
    ? decideSubscribe(bound, topic, level, 0)
    : how === "r"
    ? decideReceive(bound, topic, 0)
    : decidePublish(bound, topic, level, how === "P", 0);
  return decision.allowed && !decision.maxQosExceeded;
}

const CASES: readonly [acl: unknown, may: readonly string[], mayNot: readonly string[]][] = [
  [[], [], ["p a", "s a", "r a"]],
  [{}, [], ["p a", "s a"]],
  [{ pub: ["a/#"] }, ["p a/b", "p a"], ["s a/b", "p b", "r a/b"]],
  [{ sub: "a/+" }, ["s a/b", "s a/+", "r a/b"], ["s a/#", "p a/b", "s a/b/c"]],
  [{ pub: ["a"], sub: ["b"], all: ["c/#"] }, ["p a", "s b", "p c/x", "s c/#"], ["p b", "s a"]],
  [{ all: ["d/${clientid}/#"] }, ["p d/dev1/x"], ["p d/dev2/x"]],
  [{ pub: ["eq a/+"] }, [], ["p a/b"]],
  [
    [
      { permission: "deny", action: "publish", topic: "a/secret" },
      { permission: "allow", action: "publish", topic: "a/#", qos: [0, 1], retain: false },
    ],
    ["p a/b", "p a/b@1"],
    ["p a/secret", "p a/b@2", "P a/b", "s a/b"],
  ],
  [[{ permission: "allow", action: "all", topics: ["x", "y/#"] }], ["p x", "s y/#", "r y/1"], ["p z"]],
  [[{ permission: "allow", topic: "x", qos: 0 }], ["p x", "s x"], ["p x@1", "s x@2"]],
  // A deny that names levels of QoS denies all of them: stricter, never wider.
  [
    [{ permission: "deny", topic: "x", qos: [0, 1] }, { permission: "allow", topic: "#" }],
    ["p y"],
    ["p x", "p x@2"],
  ],
  [[{ name: "mine", decision: "allow", actions: ["publish"], topics: ["a"], "max-qos": 1 }], ["p a@1"], ["p a@2"]],
];

for (const [acl, may, mayNot] of CASES) {
  Deno.test(`rules of a login: ${JSON.stringify(acl)}`, () => {
    for (const ask of may) assert.ok(allowed(acl, ask), ask);
    for (const ask of mayNot) assert.ok(!allowed(acl, ask), ask);
  });
}

const BROKEN: readonly unknown[] = [
  "a/#",
  5,
  true,
  [5],
  [null],
  [{ topic: "a" }],
  [{ permission: "permit", topic: "a" }],
  [{ permission: "allow" }],
  [{ permission: "allow", topic: 5 }],
  [{ permission: "allow", topic: "a", action: "connect" }],
  [{ permission: "allow", topic: "a", action: "constructor" }],
  [{ permission: "allow", topic: "a", qos: [1] }],
  [{ permission: "allow", topic: "a", qos: "x" }],
  [{ permission: "allow", topic: "a", qos: [] }],
  [{ permission: "allow", topic: "a", "max-qos": 3 }],
  [{ permission: "allow", topic: "a", retain: 1 }],
  [{ permission: "allow", topic: "a", who: "bob" }],
  [{ permission: "allow", topic: "a/#/b" }],
  [{ permission: "allow", topics: ["eq a", "b"] }],
  { pub: ["a"], drop: ["b"] },
  { pub: { a: 1 } },
  { constructor: ["a"] },
  Array.from({ length: 101 }, () => ({ permission: "allow", topic: "a" })),
  { pub: Array.from({ length: 201 }, (_, i) => `a/${i}`) },
  { pub: ["x".repeat(1025)] },
];

Deno.test("what cannot be read is a fault, and never no rules", () => {
  for (const acl of BROKEN) {
    const rules = claimedRules(identity(acl));
    assert.ok("fault" in rules, JSON.stringify(acl).slice(0, 100));
    assert.ok(rules.fault.length < 300);
  }
});

Deno.test("a login without rules is not narrowed", () => {
  for (const acl of [null, undefined]) assert.deepEqual(claimedRules(identity(acl)), { acl: null });
});
