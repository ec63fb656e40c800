import { strict as assert } from "node:assert";
import { parseAddress } from "../address.ts";
import { bound, client, compiled, NOW_MS, type RuleSketch } from "./acl_fixture.ts";
import { MAX_REGEX_TEXT_UNITS } from "./match.ts";
import { type AclConfig, bindSubject, decidePublish, decideSubscribe, type MatchConfig, type Subject } from "./mod.ts";

/** True if a rule with this match decides about the subject. */
function holds(
  match: MatchConfig,
  decision: "allow" | "deny",
  who: Subject,
  changes: Partial<AclConfig> = {},
): boolean {
  const s = bound([{ match, topics: ["t"], decision }], who, changes);
  return decidePublish(s, "t", 0, false, NOW_MS).rule !== null;
}

function holdsInBoth(match: MatchConfig, who: Subject, changes: Partial<AclConfig> = {}): boolean {
  const allow = holds(match, "allow", who, changes);
  assert.equal(holds(match, "deny", who, changes), allow);
  return allow;
}

Deno.test("every condition holds for whom it names and for nobody else", () => {
  const who = client({
    username: "dev-1",
    clientId: "id-1",
    groups: ["ops"],
    level: 4,
    routeId: "r1",
    attributes: new Map([["site", "a"], ["zone", "z"]]),
  });
  const holding: MatchConfig[] = [
    {},
    { username: "dev-1" },
    { "username-regex": "^dev-" },
    { "username-regex": "v-1" },
    { "username-regex": "^dev-[0-9]$" },
    { "client-id": "id-1" },
    { "client-id-regex": "^id-" },
    { "client-id-regex": "1$" },
    { "client-ip": ["192.168.0.0/16", "10.0.0.0/8"] },
    { "client-ip": ["10.0.0.1"] },
    { "client-ip": ["0.0.0.0/0"] },
    { groups: ["a", "ops"] },
    { "protocol-version": [3, 4] },
    { "route-id": ["r0", "r1"] },
    { attributes: { site: "a", zone: "z" } },
    {
      username: "dev-1",
      "client-id": "id-1",
      "client-ip": ["10.0.0.1"],
      groups: ["ops"],
      "protocol-version": [4],
      "username-regex": "dev",
    },
  ];
  for (const match of holding) assert.ok(holdsInBoth(match, who), JSON.stringify(match));
  const failing: MatchConfig[] = [
    { username: "dev-" },
    { username: "DEV-1" },
    { "username-regex": "^ev" },
    { "username-regex": "^dev-[0-9][0-9]" },
    { "client-id": "id" },
    { "client-id-regex": "^d" },
    { "client-ip": ["10.0.0.2", "11.0.0.0/8", "::/0"] },
    { groups: ["op", "opss"] },
    { "protocol-version": [5] },
    { "route-id": ["r2"] },
    { attributes: { site: "a", zone: "y" } },
    { attributes: { size: "a" } },
    { username: "dev-1", "client-id": "id-2" },
    { "username-regex": "^dev-", groups: ["dev"] },
  ];
  for (const match of failing) assert.ok(!holdsInBoth(match, who), JSON.stringify(match));
});

Deno.test("names of Object.prototype are names like others", () => {
  for (const name of ["__proto__", "constructor", "hasOwnProperty"]) {
    const groups = JSON.parse(`{ "${name}": ["x"], "ops": ["${name}"] }`) as Record<string, string[]>;
    assert.ok(!holdsInBoth({ groups: [name] }, client({ username: "ann" }), { groups }));
    assert.ok(holdsInBoth({ groups: [name] }, client({ username: "x" }), { groups }));
    assert.ok(holdsInBoth({ groups: ["ops"] }, client({ username: name }), { groups }));
    assert.ok(!holdsInBoth({ attributes: { site: "a" } }, client({ attributes: new Map([[name, "a"]]) })));
    assert.ok(!holdsInBoth({ groups: ["ops"] }, client({ username: name }), { groups: { ops: [] } }));
  }
});

Deno.test("a user name that nobody proved matches deny rules and no allow rule", () => {
  const who = client({ username: "ann", proved: false, attributes: new Map([["site", "a"]]) });
  const groups = { ops: ["ann"] };
  const claimed: MatchConfig[] = [{ username: "ann" }, { "username-regex": "^a" }, { groups: ["ops"] }, {
    attributes: { site: "a" },
  }];
  for (const match of claimed) {
    assert.ok(holds(match, "deny", who, { groups }), JSON.stringify(match));
    assert.ok(!holds(match, "allow", who, { groups }), JSON.stringify(match));
    assert.ok(holds(match, "allow", { ...who, proved: true }, { groups }), JSON.stringify(match));
  }
  assert.ok(holdsInBoth({ "client-id": "id-1" }, who));
  assert.ok(holdsInBoth({ groups: ["token"] }, { ...who, groups: ["token"] }));
});

Deno.test("an address that could not be read matches deny rules and no allow rule", () => {
  const who = client({ address: null });
  assert.ok(holds({ "client-ip": ["10.0.0.0/8"] }, "deny", who));
  assert.ok(!holds({ "client-ip": ["0.0.0.0/0"] }, "allow", who));
});

Deno.test("without a user name conditions on it do not hold", () => {
  const who = client({ username: null, proved: false });
  for (const match of [{ username: "" }, { "username-regex": "" }, { username: "null" }]) {
    assert.ok(!holdsInBoth(match, who), JSON.stringify(match));
  }
  assert.ok(holdsInBoth({ "username-regex": "^$" }, client({ username: "" })));
});

Deno.test("the group anonymous has the clients without credentials, and nobody else whatever they are called", () => {
  const match = { groups: ["anonymous"] };
  assert.ok(holdsInBoth(match, client({ username: null, proved: false, anonymous: true })));
  assert.ok(!holdsInBoth(match, client({ username: "anonymous" })));
  assert.ok(!holdsInBoth(match, client({ groups: ["anonymous"] })));
  assert.ok(!holdsInBoth({ username: "anonymous" }, client({ username: null, proved: false, anonymous: true })));
});

Deno.test("acl.groups adds to the groups of the authentication", () => {
  const groups = { ops: ["ann", "bob"], dev: ["bob"] };
  const who = client({ username: "bob", groups: ["token"] });
  for (const group of ["ops", "dev", "token"]) assert.ok(holdsInBoth({ groups: [group] }, who, { groups }), group);
  assert.ok(!holdsInBoth({ groups: ["dev"] }, client({ username: "ann" }), { groups }));
});

Deno.test("a regex on very long text holds in deny rules only, if the text begins as it must", () => {
  const long = client({ username: `dev-${"1".repeat(MAX_REGEX_TEXT_UNITS)}` });
  assert.ok(holds({ "username-regex": "^dev-[0-9]+$" }, "deny", long));
  assert.ok(!holds({ "username-regex": "^dev-[0-9]+$" }, "allow", long));
  assert.ok(!holds({ "username-regex": "^x-[0-9]+$" }, "deny", long));
});

Deno.test("placeholders are one literal level with the client's own value", () => {
  const who = client({
    clientId: "id-1",
    username: "ann",
    address: parseAddress("[2001:db8::1]:1883"),
    attributes: new Map([["site", "berlin"]]),
  });
  const s = bound([
    { topics: ["c/${clientid}/#"] },
    { topics: ["u/x-${username}-y"] },
    { topics: ["i/${ip}"] },
    { topics: ["a/${attr.site}/${attr.none}", "a/${attr.site}"] },
    { topics: ["${clientid}-${username}/+"] },
  ], who);
  const rule = (topic: string) => decidePublish(s, topic, 0, false, NOW_MS).rule?.name;
  assert.equal(rule("c/id-1/x/y"), "rule-0");
  assert.equal(rule("c/id-1"), "rule-0");
  assert.equal(rule("c/id-2/x"), undefined);
  assert.equal(rule("c/id-11/x"), undefined);
  assert.equal(rule("c/id-/x"), undefined);
  assert.equal(rule("c/${clientid}"), undefined);
  assert.equal(rule("u/x-ann-y"), "rule-1");
  assert.equal(rule("u/x-ann"), undefined);
  assert.equal(rule("u/ann"), undefined);
  assert.equal(rule("i/2001:db8::1"), "rule-2");
  assert.equal(rule("a/berlin"), "rule-3");
  assert.equal(rule("a/berlin/"), undefined);
  assert.equal(rule("id-1-ann/x"), "rule-4");
});

Deno.test("an allow rule with placeholders covers only the client's own level", () => {
  const s = bound([{ topics: ["dev/${clientid}/#"] }], client({ clientId: "d1" }));
  const allowed = (filter: string) => decideSubscribe(s, filter, 0, NOW_MS).allowed;
  assert.ok(allowed("dev/d1/#"));
  assert.ok(allowed("dev/d1/+/x"));
  assert.ok(!allowed("dev/+/x"));
  assert.ok(!allowed("dev/#"));
});

Deno.test("a deny rule with placeholders overlaps filters that can reach the client's own level", () => {
  const s = bound(
    [{ topics: ["dev/${clientid}/secret"], decision: "deny" }, { topics: ["#"] }],
    client({ clientId: "d1" }),
  );
  const allowed = (filter: string) => decideSubscribe(s, filter, 0, NOW_MS).allowed;
  for (const filter of ["dev/+/secret", "dev/d1/+", "dev/#", "#", "+/d1/secret"]) assert.ok(!allowed(filter), filter);
  for (const filter of ["dev/d2/+", "dev/+/public", "+/d2/secret"]) assert.ok(allowed(filter), filter);
});

Deno.test("a value that is empty, no level or would begin a $ topic is not put in", () => {
  const own: RuleSketch[] = [{ topics: ["dev/${clientid}/#", "${clientid}/x"] }];
  const denyOwn: RuleSketch[] = [{ topics: ["dev/${clientid}/#", "${clientid}/x"], decision: "deny" }, {
    topics: ["#", "$SYS/#"],
  }];
  for (const clientId of ["", "+", "#", "a/b", "a+", "/"]) {
    const who = client({ clientId });
    for (const topic of [`dev/${clientId}/t`, "dev/other/t", `${clientId}/x`]) {
      assert.ok(!decideSubscribe(bound(own, who), topic, 0, NOW_MS).allowed, `${clientId} ${topic}`);
    }
    // Not put in means that no filter of the client can overlap it either: even `#` passes.
    assert.ok(decideSubscribe(bound(denyOwn, who), "#", 0, NOW_MS).allowed, clientId);
  }
  const dollar = client({ clientId: "$SYS" });
  assert.ok(!decidePublish(bound(own, dollar), "$SYS/x", 0, false, NOW_MS).allowed);
  assert.ok(decidePublish(bound(own, dollar), "dev/$SYS/x", 0, false, NOW_MS).allowed);
  assert.equal(decideSubscribe(bound(denyOwn, dollar), "$SYS/x", 0, NOW_MS).rule?.name, "rule-1");
  assert.equal(decideSubscribe(bound(denyOwn, dollar), "+/x", 0, NOW_MS).rule?.name, "rule-1");
  assert.equal(decideSubscribe(bound(denyOwn, client()), "+/x", 0, NOW_MS).rule?.name, "rule-0");
});

Deno.test("an unusable value takes its own filter out of a rule and no other", () => {
  const sketches: RuleSketch[] = [{ topics: ["dev/${clientid}", "admin/#"], decision: "deny" }, { topics: ["#"] }];
  const s = bound(sketches, client({ clientId: "a+b" }));
  assert.equal(decidePublish(s, "admin/x", 0, false, NOW_MS).rule?.name, "rule-0");
});

Deno.test("${username} and ${attr} of a name that nobody proved count in deny rules only", () => {
  const who = client({ username: "ann", proved: false, attributes: new Map([["site", "a"]]) });
  const rule = (topic: string, decision: "allow" | "deny") =>
    decidePublish(
      bound([{ topics: ["u/${username}", "a/${attr.site}", "c/${clientid}"], decision }], who),
      topic,
      0,
      false,
      NOW_MS,
    ).rule;
  for (const topic of ["u/ann", "a/a"]) {
    assert.equal(rule(topic, "allow"), null, topic);
    assert.notEqual(rule(topic, "deny"), null, topic);
  }
  assert.notEqual(rule("c/id-1", "allow"), null);
});

Deno.test("bindSubject() does not look at rules of others", () => {
  const kinds: ((n: number) => MatchConfig)[] = [
    (n) => ({ username: `u${n}` }),
    (n) => ({ "client-id": `c${n}` }),
    (n) => ({ "client-ip": [`10.0.${n >> 8}.${n & 255}`] }),
    (n) => ({ groups: [`g${n}`] }),
    (n) => ({ "username-regex": `^u${n}x` }),
    (n) => ({ "client-id-regex": `^c${n}x.*[0-9]` }),
    (n) => ({ "route-id": [`r${n}`] }),
    (n) => ({ attributes: { site: `s${n}` } }),
    (n) => ({ username: "everybody", "client-ip": [`10.1.${n >> 8}.${n & 255}`] }),
    (n) => ({ "client-ip": [`10.2.${n >> 8}.${n & 255}`], username: "everybody" }),
  ];
  const acl = compiled(
    kinds.flatMap((kind) => Array.from({ length: 1000 }, (_, n) => ({ match: kind(n), topics: ["t"] }))),
  );
  const count = (who: Subject) =>
    [...acl.tables.subjects.candidates({ subject: who, provedGroups: new Set(), claimedGroups: new Set(["g7"]) })]
      .length;
  assert.equal(
    count(
      client({
        username: "u7",
        clientId: "c7",
        routeId: "r7",
        attributes: new Map([["site", "s7"]]),
        address: parseAddress("10.0.0.7"),
      }),
    ),
    6,
  );
  assert.equal(count(client({ username: "u7x", clientId: "c7x", address: parseAddress("10.9.9.9") })), 3);
  // One of them is found by its user name: when it was the first, every condition was as good.
  assert.ok(count(client({ username: "everybody", address: parseAddress("10.1.0.7") })) <= 4);
});

Deno.test("a bound subject is small", () => {
  const acl = compiled(Array.from({ length: 1000 }, (_, n) => ({ match: { username: `u${n}` }, topics: ["t"] })));
  const s = bindSubject(acl, client({ username: "u7" }));
  assert.equal(s.classes.length, 1);
  const other = bindSubject(acl, client({ username: "nobody" }));
  assert.equal(other.classes, bindSubject(acl, client({ username: "nobody-else" })).classes);
  assert.equal(other.denyValues, s.denyValues);
});
