/** What a decision may look at, counted: nodes, candidates and look-ups, not time. */
import { strict as assert } from "node:assert";
import { bound, client, NOW_MS, type RuleSketch } from "./acl_fixture.ts";
import { MAX_STEPS } from "./decide.ts";
import { decidePublish, decideReceive, decideSubscribe, decideUnsubscribe, type SubjectAcl } from "./mod.ts";

function steps(s: SubjectAcl): number {
  return MAX_STEPS - s.acl.tables.request.stepsLeft;
}

function publishSteps(s: SubjectAcl, topic: string): number {
  decidePublish(s, topic, 0, false, NOW_MS);
  return steps(s);
}

function subscribeSteps(s: SubjectAcl, filter: string): number {
  decideSubscribe(s, filter, 0, NOW_MS);
  return steps(s);
}

function many(count: number, rule: (n: number) => RuleSketch): RuleSketch[] {
  return Array.from({ length: count }, (_, n) => rule(n));
}

const COUNTS = [10, 20_000] as const;

Deno.test("a PUBLISH visits as many nodes among 20,000 rules as among 10", () => {
  const shapes: ((n: number) => RuleSketch)[] = [
    (n) => ({ topics: [`x/${n}/data`] }),
    (n) => ({ topics: [`x/${n}/#`] }),
    (n) => ({ topics: [`${n}/x/+`], decision: "deny" }),
    (n) => ({ topics: ["x/+/data"], match: { username: `u${n}` } }),
    (n) => ({ topics: ["x/#"], match: { "client-id": `c${n}` } }),
    (n) => ({ topics: ["x/#"], match: { "client-ip": [`10.0.${n >> 8}.${n & 255}`] } }),
    (n) => ({ topics: ["x/#"], match: { groups: [`g${n}`] } }),
    (n) => ({ topics: ["x/#"], match: { "username-regex": `^u${n}-` } }),
    (n) => ({ topics: [`x/${n}/\${clientid}`] }),
  ];
  for (const shape of shapes) {
    const [few, lots] = COUNTS.map((count) => {
      const s = bound(many(count, shape), client({ username: "u7", clientId: "c7" }));
      return publishSteps(s, "x/7/data");
    });
    assert.equal(lots, few, String(shape));
    assert.ok(few !== undefined && few < 10, String(shape));
  }
});

Deno.test("a SUBSCRIBE with wildcards looks at few of 20,000 deny rules", () => {
  const [few, lots] = COUNTS.map((count) =>
    bound([...many(count, (n) => ({ topics: [`b/${n}/x`], decision: "deny" })), { topics: ["#"] }])
  );
  assert.ok(few && lots);
  for (const filter of ["b/+/zzz", "b/+/x", "#", "+/+/+", "b/#", "b/+", "b/+/x/#", "b/7/+", "a/+/x", "+/7/zzz"]) {
    assert.equal(subscribeSteps(lots, filter), subscribeSteps(few, filter), filter);
    assert.ok(subscribeSteps(lots, filter) < 20, filter);
  }
  assert.equal(decideSubscribe(lots, "b/+/x", 0, NOW_MS).rule?.name, "rule-0");
  assert.equal(decideSubscribe(lots, "b/+/zzz", 0, NOW_MS).allowed, true);
});

Deno.test("a literal that is known elsewhere, another length or another first level does not widen the search", () => {
  const s = bound([
    ...many(20_000, (n) => ({ topics: [`b/${n}/x`, `b/${n}/x/long`, `$d/${n}/y`], decision: "deny" })),
    { topics: ["c/d/y"], decision: "deny" },
    { topics: ["#"] },
  ]);
  for (const filter of ["b/+/y", "+/+/y", "b/+/x/y", "b/+/x/+/+", "+/d/+"]) {
    assert.ok(subscribeSteps(s, filter) < 30, `${filter}: ${subscribeSteps(s, filter)}`);
  }
});

Deno.test("placeholders of 20,000 rules are looked up by value", () => {
  const s = bound(
    [...many(20_000, (n) => ({ topics: [`${n}/\${clientid}/x`], decision: "deny" })), { topics: ["#"] }],
    client({ clientId: "c" }),
  );
  assert.ok(subscribeSteps(s, "+/d/x") < 20);
  assert.equal(decideSubscribe(s, "+/d/x", 0, NOW_MS).allowed, true);
  assert.equal(decideSubscribe(s, "+/c/x", 0, NOW_MS).rule?.name, "rule-0");
});

Deno.test("what would need more steps than MAX_STEPS is refused as too broad", () => {
  const correlated = many(
    2 * MAX_STEPS + 2,
    (n) => ({ topics: [n % 2 === 0 ? `${n}/a/c` : `${n}/b/d`], decision: "deny" as const }),
  );
  const s = bound([...correlated, { topics: ["#"] }]);
  const decision = decideSubscribe(s, "+/a/d", 0, NOW_MS);
  assert.deepEqual([decision.allowed, decision.reason, decision.rule], [false, "too-broad", null]);
  assert.ok(steps(s) <= MAX_STEPS + 1, String(steps(s)));
  assert.equal(decideSubscribe(s, "+/a/e", 0, NOW_MS).allowed, true);
  assert.equal(decidePublish(s, "0/a/d", 0, false, NOW_MS).allowed, true);
  // A rule that decides earlier makes the search unnecessary.
  const first = bound([{ topics: ["#"] }, ...correlated]);
  assert.equal(decideSubscribe(first, "+/a/d", 0, NOW_MS).allowed, true);
  const unsubscribing = bound(correlated.map((rule) => ({ ...rule, actions: ["unsubscribe" as const] })));
  assert.equal(decideUnsubscribe(unsubscribing, "+/a/d", NOW_MS).reason, "too-broad");
});

Deno.test("rules that say the same again make nothing too broad", () => {
  const s = bound([
    ...many(2 * MAX_STEPS, (n) => ({ topics: [n % 2 === 0 ? "7/a/c" : "7/b/d"], decision: "deny" as const })),
    { topics: ["#"] },
  ]);
  assert.equal(decideSubscribe(s, "+/a/d", 0, NOW_MS).allowed, true);
  assert.ok(steps(s) < 10, String(steps(s)));
});

Deno.test("shadow and expired rules make nothing too broad", () => {
  const correlated = (n: number): RuleSketch => ({ topics: [n % 2 === 0 ? `${n}/a/c` : `${n}/b/d`], decision: "deny" });
  const shadow = bound([...many(2 * MAX_STEPS + 2, (n) => ({ ...correlated(n), shadow: true })), { topics: ["#"] }]);
  assert.equal(decideSubscribe(shadow, "+/a/d", 0, NOW_MS).allowed, true);
  const expired = bound([...many(2 * MAX_STEPS + 2, (n) => ({ ...correlated(n), expires: "2026-01-01" })), {
    topics: ["#"],
  }]);
  assert.equal(decideSubscribe(expired, "+/a/d", 0, NOW_MS).allowed, true);
});

Deno.test("topics of 32,768 levels cost no more than the rules are deep", () => {
  const s = bound([
    ...many(1000, (n) => ({ topics: [`a/a/a/${n}`, "+/a/+/+/+", "a/+/+/b/#"], decision: "deny" as const })),
    { topics: ["#", "+/+/+/+/+/+/+/+/+/+"] },
  ]);
  const deep = (level: string) => Array.from({ length: 32_768 }, () => level).join("/");
  assert.equal(decidePublish(s, deep("a"), 0, false, NOW_MS).allowed, true);
  assert.ok(steps(s) < 200, String(steps(s)));
  assert.equal(decidePublish(s, deep(""), 0, false, NOW_MS).allowed, true);
  decideSubscribe(s, deep("+"), 0, NOW_MS);
  assert.ok(steps(s) < 200, String(steps(s)));
  decideSubscribe(s, `${deep("a")}/#`, 0, NOW_MS);
  assert.ok(steps(s) < 200, String(steps(s)));
  assert.equal(decideReceive(s, deep("a"), NOW_MS).allowed, true);
});

Deno.test("rules of nothing but + and literals in all combinations cost at most their number", () => {
  const depth = 10;
  const rules = many(2 ** depth, (n) => ({
    topics: [Array.from({ length: depth }, (_, level) => (n >> level) & 1 ? "+" : "a").join("/")],
    decision: "deny" as const,
  }));
  const s = bound([...rules, { topics: ["#"] }]);
  assert.equal(decidePublish(s, "a/".repeat(depth - 1) + "a", 0, false, NOW_MS).rule?.name, "rule-0");
  assert.equal(decidePublish(s, "b/".repeat(depth - 1) + "b", 0, false, NOW_MS).rule?.name, `rule-${2 ** depth - 1}`);
  assert.equal(decidePublish(s, "a/".repeat(depth) + "a", 0, false, NOW_MS).allowed, true);
  assert.ok(steps(s) <= 2 ** (depth + 1), String(steps(s)));
});

Deno.test("a PUBLISH that more than MAX_STEPS nodes match is refused as too broad", () => {
  const depth = 15;
  const rules = many(2 ** depth, (n) => ({
    topics: [Array.from({ length: depth }, (_, level) => (n >> level) & 1 ? "+" : "a").join("/")],
    decision: "deny" as const,
  }));
  const s = bound([...rules, { topics: ["#"] }]);
  const decision = decidePublish(s, "a/".repeat(depth) + "a", 0, false, NOW_MS);
  assert.deepEqual([decision.allowed, decision.reason], [false, "too-broad"]);
  assert.ok(steps(s) <= MAX_STEPS + 1, String(steps(s)));
});

Deno.test("what comes after a rule that applies is not looked at, neither below a node nor in other classes", () => {
  const groups = Array.from({ length: 1000 }, (_, n) => `g${n}`);
  const s = bound([
    { topics: ["#"] },
    ...many(1000, (n) => ({ topics: ["a/+/c", "+/b/c", "a/b/+"], match: { groups: [`g${n}`] } })),
    { topics: ["a/+/c", "+/b/c", "a/b/+"] },
  ], client({ groups }));
  // The root, and its two children, of which nothing is asked but the order of their first rule.
  assert.equal(publishSteps(s, "a/b/c"), 3);
});
