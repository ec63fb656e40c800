import { strict as assert } from "node:assert";
import { bound, client, NOW_MS, type RuleSketch } from "./acl_fixture.ts";
import { type AclConfig, bindSubject, compileAcl, type CompiledRule, type Subject } from "./mod.ts";
import { Random, randomConfig, randomRequest, randomSubject } from "./random_fixture.ts";
import { type AclQuestion, decide, type RuleTrace, traceRules } from "./trace_rules.ts";

Deno.test("each rule asked alone says the same as the tables of all rules, for random rules, clients and requests", () => {
  const random = new Random(20261124);
  const seen = new Map<string, number>();
  for (let round = 0; round < 1500; round++) {
    const config = randomConfig(random);
    // Topics that never meet anything are refused.
    for (const rule of config.rules) {
      rule.topics = rule.topics!.map((topic) => topic.replace(/^\$(?:share|queue|delayed)\b/, "$x"));
    }
    const compiled = compileAcl(config);
    if ("problems" in compiled) assert.fail(JSON.stringify(compiled.problems));
    for (let requests = 0; requests < 8; requests++) {
      const who = randomSubject(random);
      const s = bindSubject(compiled.acl, who);
      const asked = randomRequest(random, config);
      const question: AclQuestion = { s, ...asked, nowMs: NOW_MS };
      const { reason, rule, shadow } = decide(question);
      const traces = traceRules(question, { reason, rule, shadow });
      assert.deepEqual(traces.map((trace) => trace.rule), compiled.acl.rules.all());
      for (const { outcome } of traces) seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
      for (const trace of traces) {
        for (const { condition, text } of trace.misses) {
          seen.set(condition, (seen.get(condition) ?? 0) + 1);
          assert.ok(text.length > 0 && text.length < 400 && !/undefined|null|NaN/.test(text), text);
        }
      }
      try {
        assertAgrees(traces, rule, shadow);
      } catch (error) {
        const told = Deno.inspect({ config, who, asked, reason, rule, shadow, traces }, { depth: 8 });
        assert.fail(`${(error as Error).message}\n${told}`);
      }
    }
  }
  for (
    const what of [
      "decides",
      "would-decide",
      "comes-later",
      "misses",
      "not-asked",
      "username",
      "username-regex",
      "client-id",
      "client-id-regex",
      "client-ip",
      "groups",
      "protocol-version",
      "attributes",
      "route-id",
      "expires",
      "actions",
      "retain",
      "topics",
      "placeholder",
    ]
  ) {
    assert.ok((seen.get(what) ?? 0) > 20, `${what}: ${seen.get(what)}`);
  }
});

/** The first rule without a miss is the one that decided, and so on; where no rule was asked none did. */
function assertAgrees(traces: readonly RuleTrace[], rule: CompiledRule | null, shadow: CompiledRule | null): void {
  const applying = traces.filter(({ misses }) => misses.length === 0);
  if (traces.every(({ outcome }) => outcome === "not-asked")) {
    assert.deepEqual([rule, shadow, applying.length], [null, null, traces.length]);
    return;
  }
  assert.equal(applying.find((trace) => !trace.rule.shadow)?.rule ?? null, rule, "who decides");
  assert.equal(applying[0]?.rule.shadow === true ? applying[0].rule : null, shadow, "who would decide");
  assert.ok(traces.every(({ outcome, misses }) => (outcome === "misses") === (misses.length > 0)), "outcomes");
  assert.equal(traces.find(({ outcome }) => outcome === "decides")?.rule ?? null, rule, "outcome of the decider");
  assert.equal(traces.find(({ outcome }) => outcome === "would-decide")?.rule ?? null, shadow, "outcome of the shadow");
}

type Asked = Partial<Omit<AclQuestion, "s">>;

/** Outcome and misses of each rule, as lines. */
function told(rules: readonly RuleSketch[], asked: Asked, who: Subject = client(), changes: Partial<AclConfig> = {}) {
  const question: AclQuestion = {
    s: bound(rules, who, changes),
    action: "publish",
    topic: "a/b",
    qos: 0,
    retain: false,
    nowMs: NOW_MS,
    ...asked,
  };
  const { reason, rule, shadow } = decide(question);
  return traceRules(question, { reason, rule, shadow })
    .map(({ outcome, misses, topics }) =>
      [outcome, ...topics, ...misses.map(({ condition, text }) => `${condition}: ${text}`)].join("; ")
    );
}

Deno.test("a rule that does not apply says which of its conditions do not hold, and what was found", () => {
  const who = client({ clientId: "pump-1", groups: ["crew"], routeId: "mqtt", attributes: new Map([["site", "n"]]) });
  const topics = ["a/b"];
  assert.deepEqual(
    told(
      [
        { topics, match: { username: "bob" } },
        { topics, match: { "username-regex": "^b" } },
        { topics, match: { "client-id": "pump-2" } },
        { topics, match: { "client-id-regex": "^valve" } },
        { topics, match: { "client-ip": ["10.0.1.0/24", "::1"] } },
        { topics, match: { groups: ["ops", "dev"] } },
        { topics, match: { "protocol-version": [3, 4] } },
        { topics, match: { attributes: { site: "s" } } },
        { topics, match: { attributes: { hall: "1" } } },
        { topics, match: { "route-id": ["http"] } },
        { topics, expires: "2026-05-31" },
        { topics, actions: ["subscribe", "receive"] },
        { topics, retain: true },
        { topics: ["a/+/c", "b"] },
        { topics: ["x/y"], literal: true },
        { topics: ["${attr.hall}/b"] },
        { topics: ["x"], match: { username: "bob", groups: ["ops"] }, decision: "deny" },
      ],
      {},
      who,
    ),
    [
      'misses; a/b; username: the user name is "ann", not "bob"',
      'misses; a/b; username-regex: the user name "ann" does not hold /^b/',
      'misses; a/b; client-id: the client id is "pump-1", not "pump-2"',
      'misses; a/b; client-id-regex: the client id "pump-1" does not hold /^valve/',
      "misses; a/b; client-ip: the address 10.0.0.1 is not in 10.0.1.0/24 or ::1",
      'misses; a/b; groups: the client is not in "ops" or "dev"',
      "misses; a/b; protocol-version: MQTT 5.0 is not 3.1 or 3.1.1",
      'misses; a/b; attributes: the attribute "site" is "n", not "s"',
      'misses; a/b; attributes: the attribute "hall" is not set, not "1"',
      'misses; a/b; route-id: the route is "mqtt", not "http"',
      "misses; a/b; expires: it has expired: 2026-05-31",
      "misses; a/b; actions: it is about subscribe and receive, not publish",
      "misses; a/b; retain: it is about messages with the retain flag",
      'misses; topics: "a/+/c" or "b" does not match "a/b"',
      'misses; topics: the topic is not "x/y", word for word',
      'misses; placeholder: "${attr.hall}/b" cannot be filled in: ${attr.hall} has no value',
      'misses; username: the user name is "ann", not "bob"; groups: the client is not in "ops" or "dev"; topics: "x" does not match "a/b"'
        .replace(' or "dev"', ""),
    ],
  );
});

Deno.test("what nobody proved counts for no allow rule, and the trace says so", () => {
  const rules: RuleSketch[] = [
    { topics: ["a/b"], match: { username: "ann" } },
    { topics: ["a/b"], match: { groups: ["crew"] } },
    { topics: ["${username}/b"] },
    { topics: ["a/b"], match: { attributes: { site: "n" } } },
    { topics: ["a/b"], match: { username: "ann" }, decision: "deny" },
  ];
  assert.deepEqual(told(rules, {}, client({ proved: false }), { groups: { crew: ["ann"] } }), [
    'misses; a/b; username: nobody proved the user name "ann", and a rule that allows needs that',
    'misses; a/b; groups: the client is in "crew" by its user name, which nobody proved',
    'misses; placeholder: "${username}/b" cannot be filled in: nobody proved ${username}',
    "misses; a/b; attributes: attributes count only with a user name that somebody proved",
    "decides; a/b",
  ]);
});

Deno.test("placeholders whose value is no level are named with it", () => {
  assert.deepEqual(
    told([{ topics: ["${clientid}/b"] }, { topics: ["${ip}/b"] }], {}, client({ clientId: "a/#", address: null })),
    [
      'misses; placeholder: "${clientid}/b" cannot be filled in: ${clientid} is "a/#", which is not one level',
      'misses; placeholder: "${ip}/b" cannot be filled in: ${ip} has no value',
    ],
  );
  assert.deepEqual(told([{ topics: ["${clientid}/b"] }], {}, client({ clientId: "" })), [
    'misses; placeholder: "${clientid}/b" cannot be filled in: ${clientid} is empty',
  ]);
});

Deno.test("of a subscription it is told whether a rule covers only a part of it", () => {
  const rules: RuleSketch[] = [
    { topics: ["sensors/+"] },
    { topics: ["pumps/#"] },
    { topics: ["sensors/secret"], decision: "deny" },
    { topics: ["pumps/x"], decision: "deny" },
  ];
  assert.deepEqual(told(rules, { action: "subscribe", topic: "sensors/#" }), [
    'misses; topics: "sensors/+" covers only a part of "sensors/#", and what is allowed must be covered whole',
    'misses; topics: "pumps/#" does not cover "sensors/#"',
    "decides; sensors/secret",
    'misses; topics: "pumps/x" does not overlap "sensors/#"',
  ]);
});

Deno.test("the rule that decides, those behind it and those on trial are told apart, in the order of deciding", () => {
  const rules: RuleSketch[] = [
    { topics: ["#"], priority: -1 },
    { topics: ["x", "a/b", "a/+"], priority: 1 },
    { topics: ["a/#"], decision: "deny", shadow: true, priority: 2 },
    { topics: ["a/#"], decision: "deny", shadow: true },
  ];
  assert.deepEqual(told(rules, {}), [
    "would-decide; a/#",
    "decides; a/b; a/+",
    "comes-later; a/#",
    "comes-later; #",
  ]);
});

Deno.test("where no rule is asked the trace says so, and why a $ topic meets no wildcard", () => {
  assert.deepEqual(told([{ topics: ["#"] }], {}, client(), { enabled: false }), ["not-asked"]);
  assert.deepEqual(told([{ topics: ["#"] }], { topic: "$share/g", action: "subscribe" }), ["not-asked"]);
  assert.deepEqual(told([{ topics: ["#"] }], { topic: "$SYS/x" }), [
    'misses; topics: "#" does not match "$SYS/x": "+" and "#" do not match a first level that begins with "$"',
  ]);
});

Deno.test("a delivery says by which rules it is judged", () => {
  const either: RuleSketch = { topics: ["a/b"], actions: ["subscribe"] };
  const listing: RuleSketch = { topics: ["x"], actions: ["receive"] };
  assert.deepEqual(told([either, listing], { action: "receive" }), [
    "misses; a/b; actions: it is about subscribe, not receive, and another rule of this client lists receive",
    'misses; topics: "x" does not match "a/b"',
  ]);
  assert.deepEqual(told([either, { topics: ["a/b"], actions: ["publish"] }], { action: "receive" }), [
    "decides; a/b",
    "misses; a/b; actions: it is about publish, not receive, nor about subscribe",
  ]);
});

Deno.test("rules about CONNECT are told by their match alone", () => {
  assert.deepEqual(
    told([
      { actions: ["connect"], match: { username: "bob" }, decision: "deny" },
      { actions: ["connect"], decision: "deny" },
      { topics: ["a"] },
    ], { action: "connect", topic: "" }),
    [
      'misses; username: the user name is "ann", not "bob"',
      "decides",
      "misses; actions: it is about publish, subscribe and receive, not connect",
    ],
  );
});
