import { strict as assert } from "node:assert";
import { aclConfig, compiled, type RuleSketch } from "./acl_fixture.ts";
import { compileAclSteps } from "./compile.ts";
import { type AclConfig, compileAcl } from "./mod.ts";
import { parseExpiry } from "./rule_problems.ts";

function problems(rules: RuleSketch[], changes: Partial<AclConfig> = {}): string[] {
  const result = compileAcl(aclConfig(rules, changes));
  return "problems" in result ? result.problems.map(({ rule, key, message }) => `${rule} ${key}: ${message}`) : [];
}

Deno.test("compileAcl() refuses each of these rules, and says where and why", () => {
  const cases: [RuleSketch, string][] = [
    [{ topics: ["a", "a#"] }, 'topics/1: Cannot use topic "a#" in a rule: "#" must be a level of its own'],
    [{ topics: ["#/a"] }, 'topics/0: Cannot use topic "#/a" in a rule: "#" must be the last level'],
    [{ topics: ["a+/b"] }, 'topics/0: Cannot use topic "a+/b" in a rule: "+" must be a level of its own'],
    [{ topics: [""] }, 'topics/0: Cannot use topic "" in a rule: it is empty'],
    [
      { topics: ["a/${user}"] },
      'topics/0: Cannot use topic "a/${user}" in a rule: unknown placeholder "${user}" (known: "${clientid}", "${username}", "${ip}", "${attr.NAME}")',
    ],
    [
      { topics: ["a/${attr.}"] },
      'topics/0: Cannot use topic "a/${attr.}" in a rule: unknown placeholder "${attr.}" (known: "${clientid}", "${username}", "${ip}", "${attr.NAME}")',
    ],
    [
      { topics: ["a/${attr.a/b}"] },
      'topics/0: Cannot use topic "a/${attr.a/b}" in a rule: unknown placeholder "${attr.a/b}" (known: "${clientid}", "${username}", "${ip}", "${attr.NAME}")',
    ],
    [{ topics: ["a/${clientid"] }, 'topics/0: Cannot use topic "a/${clientid" in a rule: "${" without "}"'],
    [
      { topics: ["a/+${clientid}"] },
      'topics/0: Cannot use topic "a/+${clientid}" in a rule: a placeholder and a wildcard are in one level',
    ],
    [
      { topics: ["${clientid}#"] },
      'topics/0: Cannot use topic "${clientid}#" in a rule: a placeholder and a wildcard are in one level',
    ],
    [
      { topics: ["a/${clientid}"], literal: true },
      'topics/0: Cannot use topic "a/${clientid}" in a rule: placeholders mean nothing where "literal" is true',
    ],
    [{ topics: ["a\0"], literal: true }, 'topics/0: Cannot use topic "a\0" in a rule: it holds U+0000'],
    [{ topics: [] }, 'topics: Cannot use an empty list as "topics"'],
    [{}, 'topics: Cannot use rule "rule-0" without topics: only a rule for "connect" alone needs none'],
    [
      { actions: ["connect", "publish"] },
      'topics: Cannot use rule "rule-0" without topics: only a rule for "connect" alone needs none',
    ],
    [
      { topics: ["a"], decision: "deny", "max-qos": 1 },
      'max-qos: Cannot use "max-qos" in a rule that denies: it bounds what is allowed',
    ],
    [
      { topics: ["a"], expires: "soon" },
      'expires: Cannot use "soon" as "expires": it is no ISO 8601 date, or date and time with offset (2027-01-31, 2027-01-31T12:00:00Z)',
    ],
    [
      { topics: ["a"], match: { "username-regex": "a(?=b)" } },
      'match/username-regex: Cannot use regex "a(?=b)": invalid or unsupported Perl syntax at "(?=" (character 2)',
    ],
    [
      { topics: ["a"], match: { "client-id-regex": "(" } },
      'match/client-id-regex: Cannot use regex "(": missing closing )',
    ],
    [
      { topics: ["a"], match: { "client-ip": ["10.0.0.0/8", "10.0.0.1/8"] } },
      'match/client-ip/1: Cannot use "10.0.0.1/8" as an address or range: bits after the prefix are set (did you mean "10.0.0.0/8"?)',
    ],
    [{ topics: ["a"], match: { groups: [] } }, 'match/groups: Cannot use an empty list as "groups"'],
    [{ topics: ["a"], match: { "client-ip": [] } }, 'match/client-ip: Cannot use an empty list as "client-ip"'],
    [
      { topics: ["a"], match: { "protocol-version": [] } },
      'match/protocol-version: Cannot use an empty list as "protocol-version"',
    ],
    [{ topics: ["a"], match: { "route-id": [] } }, 'match/route-id: Cannot use an empty list as "route-id"'],
    [{ topics: ["a"], match: { attributes: {} } }, 'match/attributes: Cannot use an empty map as "attributes"'],
    [
      { topics: ["$share/g/a"] },
      'topics/0: Cannot use topic "$share/g/a" in a rule: shared subscriptions are judged by the filter behind their group, without "$share/<group>/"',
    ],
    [
      { topics: ["$queue/a"] },
      'topics/0: Cannot use topic "$queue/a" in a rule: topics are judged without "$queue/", which is in "unwrap"',
    ],
    [{ topics: ["$delayed/#"], literal: true }, ""],
    [
      { topics: ["$delayed/#"] },
      'topics/0: Cannot use topic "$delayed/#" in a rule: topics are judged without "$delayed/+/", which is in "unwrap"',
    ],
  ];
  for (const [rule, message] of cases) {
    assert.deepEqual(problems([rule], { unwrap: ["$queue/", "$delayed/+/"] }), message === "" ? [] : [`0 ${message}`]);
  }
});

Deno.test("compileAcl() accepts what is next to that", () => {
  assert.deepEqual(
    problems([
      { actions: ["connect"] },
      { topics: ["a/+b", "#"], literal: true },
      { topics: ["$share/g/a"], actions: ["publish", "receive"] },
      { topics: ["x-${clientid}-${attr.site_1}/+/${ip}/#", "${username}"], actions: [] },
      { topics: ["$SYS/#"], match: {}, expires: "2027-01-31T12:00:00+02:00" },
      {
        topics: ["a"],
        decision: "deny",
        match: { username: "", "client-ip": ["2001:db8::/32"], attributes: { a: "" } },
      },
    ]),
    [],
  );
});

Deno.test("compileAcl() reports all problems at once, in the order of the rules", () => {
  const found = problems([
    { priority: 1, topics: ["a#", "b", "+b"], "max-qos": 1, decision: "deny" },
    { name: "twice", priority: 9, topics: ["a"], match: { "client-ip": ["127", "10.0.0.1/8"], "username-regex": "(" } },
    { name: "twice", topics: ["a"], match: { "client-ip": ["127", "10.0.0.1/8"], "username-regex": "(" } },
  ], { unwrap: ["$a", "b/"], "forbid-characters": "./" });
  const again = ["match/client-ip/0", "match/client-ip/1", "match/username-regex"];
  assert.deepEqual(found.map((line) => line.split(": ")[0]), [
    "-1 unwrap/0",
    "-1 unwrap/1",
    "-1 forbid-characters",
    "0 topics/0",
    "0 topics/2",
    "0 max-qos",
    ...again.map((key) => `1 ${key}`),
    "2 name",
    ...again.map((key) => `2 ${key}`),
  ]);
  assert.equal(found[9], '2 name: Cannot use the name "twice" twice: rule 2 has it');
});

Deno.test("compileAcl() keeps the group anonymous to itself", () => {
  assert.deepEqual(problems([], { groups: { anonymous: ["ann"] } }), [
    '-1 groups/anonymous: Cannot define the group "anonymous": it is built in, and has the clients without credentials',
  ]);
});

Deno.test("compileAcl() orders rules by priority, highest first, then as listed", () => {
  const { rules } = compiled([
    { topics: ["a"] },
    { topics: ["a"], priority: 5 },
    { topics: ["a"], priority: -1 },
    { topics: ["a"], priority: 5 },
    { topics: ["a"], priority: 0 },
  ]);
  assert.deepEqual(rules.all().map((rule) => rule.index), [1, 3, 0, 4, 2]);
});

Deno.test("CompiledRule carries what the audit and the caller need", () => {
  const acl = compiled([
    { name: 'say "a"', topics: ["a"], "max-qos": 1 },
    { topics: ["b"], decision: "deny", "deny-action": "close", shadow: true },
  ], { "deny-action": "drop" });
  const [first, second] = acl.rules.all();
  assert.ok(first && second);
  assert.equal(first.namesJson, '["say \\"a\\""]');
  assert.deepEqual([first.allow, first.shadow, first.maxQos, first.denyAction], [true, false, 1, "drop"]);
  assert.deepEqual([second.allow, second.shadow, second.maxQos, second.denyAction], [false, true, 2, "close"]);
});

Deno.test("compileAclSteps() lets others work in between", () => {
  const steps = compileAclSteps(aclConfig(Array.from({ length: 2000 }, (_, n) => ({ topics: [`t/${n}`] }))));
  let count = 0;
  while (steps.next().done !== true) count++;
  assert.ok(count >= 6, String(count));
});

Deno.test("parseExpiry() takes ISO 8601 dates and nothing else", () => {
  assert.equal(parseExpiry("2026-06-01"), Date.UTC(2026, 5, 1));
  assert.equal(parseExpiry("2026-06-01T12:30Z"), Date.UTC(2026, 5, 1, 12, 30));
  assert.equal(parseExpiry("2026-06-01T12:30:15.5+02:00"), Date.UTC(2026, 5, 1, 10, 30, 15, 500));
  assert.equal(parseExpiry("2028-02-29"), Date.UTC(2028, 1, 29));
  for (
    const bad of [
      "",
      "2026",
      "2026-06",
      "2026-6-1",
      "2026-02-30",
      "2026-02-29",
      "2026-13-01",
      "2026-00-10",
      "2026-06-01T12:30",
      "2026-06-01T25:00Z",
      "2026-06-01 12:30Z",
      "1.6.2026",
      "June 1, 2026",
    ]
  ) {
    assert.ok(Number.isNaN(parseExpiry(bad)), bad);
  }
});
