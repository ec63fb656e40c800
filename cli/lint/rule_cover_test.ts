import assert from "node:assert/strict";
import { parseAddress } from "../../agent/policy/address.ts";
import { client, compiled, NOW_MS, type RuleSketch } from "../../agent/policy/acl/acl_fixture.ts";
import {
  type Action,
  bindSubject,
  decideConnect,
  decidePublish,
  decideReceive,
  decideSubscribe,
  decideUnsubscribe,
  type MatchConfig,
  type Subject,
  type SubjectAcl,
} from "../../agent/policy/acl/mod.ts";
import { filterProblem } from "../../agent/mqtt/topic_filter.ts";
import { RuleCover } from "./rule_cover.ts";

/** Names of the rules that hide the one called `it`, which is the last; null where it decides something. */
function hiding(rules: readonly RuleSketch[]): string[] | null {
  const cover = new RuleCover(
    compiled(rules.map((rule, at) => at === rules.length - 1 ? { name: "it", ...rule } : rule)),
    NOW_MS,
  );
  const order = cover.rules.findIndex(({ name }) => name === "it");
  return cover.hiding(order)?.map(({ name }) => name) ?? null;
}

type Case = readonly [what: string, ...rules: RuleSketch[]];

const ANY: RuleSketch = { topics: ["#"] };

const HIDDEN: readonly Case[] = [
  ["the same topic", { topics: ["a"] }, { topics: ["a"] }],
  ["an exact topic in a wildcard", { topics: ["a/#"] }, { topics: ["a/b"] }],
  ["a wildcard in a wider one", { topics: ["+/#"] }, { topics: ["+/b/+", "#"] }],
  ["each topic in another rule", { topics: ["a/#"] }, { topics: ["b/#"] }, { topics: ["a/x", "b/x"] }],
  ["each action in another rule", { topics: ["a"], actions: ["publish"] }, {
    topics: ["a"],
    actions: ["subscribe", "receive"],
  }, { topics: ["a"] }],
  ["by retain flag", { topics: ["a"], retain: true }, { topics: ["a"], retain: false }, {
    topics: ["a"],
    actions: ["publish"],
  }],
  ["without the retain flag", { topics: ["a"], retain: false }, { topics: ["a"], retain: false }],
  ["by priority", { topics: ["a"], priority: 1 }, { topics: ["a"] }],
  ["one user by everybody", { topics: ["a"] }, { topics: ["a"], match: { username: "u" } }],
  ["one user by a regex", { topics: ["a"], match: { "username-regex": "^u[0-9]$" } }, {
    topics: ["a"],
    match: { username: "u1" },
  }],
  ["one client id by a regex", { topics: ["a"], match: { "client-id-regex": "^u[0-9]$" } }, {
    topics: ["a"],
    match: { "client-id": "u1" },
  }],
  ["a regex by the same one", { topics: ["a"], match: { "client-id-regex": "u[0-9]" } }, {
    topics: ["a"],
    match: { "client-id-regex": "u[0-9]", groups: ["g"] },
  }],
  ["a regex by the beginning of what it fits", { topics: ["a"], match: { "username-regex": "^sensor-" } }, {
    topics: ["a"],
    match: { "username-regex": "^sensor-a[0-9]+$" },
  }],
  ["a range by a wider one", { topics: ["a"], match: { "client-ip": ["10.0.0.0/8", "::1"] } }, {
    topics: ["a"],
    match: { "client-ip": ["10.1.0.0/16", "10.2.3.4"] },
  }],
  ["one group by more of them", { topics: ["a"], match: { groups: ["g", "h"] } }, {
    topics: ["a"],
    match: { groups: ["h"] },
  }],
  ["levels by more of them", { topics: ["a"], match: { "protocol-version": [5, 4] } }, {
    topics: ["a"],
    match: { "protocol-version": [4] },
  }],
  ["a level by all levels", { topics: ["a"], match: { "protocol-version": [3, 4, 5] } }, { topics: ["a"] }],
  ["attributes by fewer of them", { topics: ["a"], match: { attributes: { x: "1" } } }, {
    topics: ["a"],
    match: { attributes: { x: "1", y: "2" } },
  }],
  ["routes by more of them", { topics: ["a"], match: { "route-id": ["r", "s"] } }, {
    topics: ["a"],
    match: { "route-id": ["s"] },
  }],
  ["a placeholder by a wildcard", { topics: ["a/+/b"] }, { topics: ["a/${username}/b"] }],
  ["a placeholder by itself", { topics: ["${clientid}/x-${attr.n}/#"] }, { topics: ["${clientid}/x-${attr.n}/b"] }],
  ["an allow rule by a deny rule", { topics: ["a/#"], decision: "deny" }, { topics: ["a/b"] }],
  ["a deny rule for PUBLISH by an allow rule", { topics: ["a/#"] }, {
    topics: ["a/b"],
    decision: "deny",
    actions: ["publish"],
  }],
  ["a deny rule by an allow rule for everything", ANY, { topics: ["a/b", "+/c"], decision: "deny" }],
  ["a deny rule of $SYS by an allow rule for all of it", { topics: ["$SYS/#"] }, {
    topics: ["$SYS/a"],
    decision: "deny",
  }],
  ["a literal rule by a wildcard", { topics: ["a/#"] }, { topics: ["a/b"], literal: true }],
  ["a literal deny rule by an allow rule", { topics: ["a/#"] }, { topics: ["a/b"], literal: true, decision: "deny" }],
  ["a rule for connect", { actions: ["connect"] }, { actions: ["connect"], match: { username: "u" } }],
  ["one that expires by one that lasts", { topics: ["a"] }, { topics: ["a"], expires: "2027-01-01" }],
  ["one that expires by one that expires with it", { topics: ["a"], expires: "2027-01-01" }, {
    topics: ["a"],
    expires: "2027-01-01",
  }],
];

for (const [what, ...rules] of HIDDEN) {
  Deno.test(`hidden: ${what}`, () => assert.notEqual(hiding(rules), null));
}

const DECIDING: readonly Case[] = [
  ["no other rule", { topics: ["a"] }],
  ["another topic", { topics: ["b"] }, { topics: ["a"] }],
  ["a wider topic", { topics: ["a/b"] }, { topics: ["a/+"] }],
  ["the parent of what is covered", { topics: ["a/+"] }, { topics: ["a/#"] }],
  ["one topic of two", { topics: ["a"] }, { topics: ["a", "b"] }],
  ["a topic of $SYS under a wildcard", ANY, { topics: ["$SYS/a"] }],
  ["another action", { topics: ["a"], actions: ["publish"] }, { topics: ["a"], actions: ["publish", "subscribe"] }],
  ["unsubscribe, which no rule without actions decides", { topics: ["a"] }, {
    topics: ["a"],
    actions: ["unsubscribe"],
  }],
  ["deliveries, which a rule for subscribe decides only where none lists them", {
    topics: ["a"],
    actions: ["subscribe"],
  }, {
    topics: ["a"],
    actions: ["receive"],
  }],
  ["retained packets", { topics: ["a"], retain: false }, { topics: ["a"] }],
  ["a lower priority in front", { topics: ["a"], priority: -1 }, { topics: ["a"] }],
  ["everybody behind one user", { topics: ["a"], match: { username: "u" } }, { topics: ["a"] }],
  ["another user", { topics: ["a"], match: { username: "u" } }, { topics: ["a"], match: { username: "v" } }],
  ["a user that the regex does not fit", { topics: ["a"], match: { "username-regex": "^u[0-9]$" } }, {
    topics: ["a"],
    match: { username: "u12" },
  }],
  ["a regex that begins otherwise", { topics: ["a"], match: { "username-regex": "^sensor-" } }, {
    topics: ["a"],
    match: { "username-regex": "sensor-a" },
  }],
  ["a wider range", { topics: ["a"], match: { "client-ip": ["10.1.0.0/16"] } }, {
    topics: ["a"],
    match: { "client-ip": ["10.0.0.0/8"] },
  }],
  ["a range and one outside", { topics: ["a"], match: { "client-ip": ["10.0.0.0/8"] } }, {
    topics: ["a"],
    match: { "client-ip": ["10.1.0.0/16", "11.0.0.0/16"] },
  }],
  ["more groups", { topics: ["a"], match: { groups: ["g"] } }, { topics: ["a"], match: { groups: ["g", "h"] } }],
  ["fewer attributes", { topics: ["a"], match: { attributes: { x: "1", y: "2" } } }, {
    topics: ["a"],
    match: { attributes: { x: "1" } },
  }],
  ["another user of the same group", { topics: ["x"], match: { username: "u" } }, {
    topics: ["a"],
    match: { username: "u", groups: ["g"] },
  }, { topics: ["a"], match: { username: "v", groups: ["g"] } }],
  ["a regex that only begins alike, in the same group", { topics: ["x"], match: { "username-regex": "^u[0-9]$" } }, {
    topics: ["a"],
    match: { "username-regex": "^u[0-9]$", groups: ["g"] },
  }, { topics: ["a"], match: { "username-regex": "^u[0-9]+x", groups: ["g"] } }],
  ["a range, and one that is wider", { topics: ["a"], match: { "client-ip": ["10.0.0.0/16"] } }, {
    topics: ["a"],
    match: { "client-ip": ["10.0.1.0/24", "10.0.0.0/8"] },
  }],
  [
    "a group, and one that others have",
    { topics: ["x"], match: { groups: ["h"] } },
    {
      topics: ["y"],
      match: { groups: ["h", "i"] },
    },
    { topics: ["a"], match: { groups: ["g"] } },
    { topics: ["a"], match: { groups: ["h", "g"] } },
  ],
  ["another placeholder", { topics: ["a/${username}"] }, { topics: ["a/${clientid}"] }],
  ["a placeholder behind a literal", { topics: ["a/b"] }, { topics: ["a/${clientid}"] }],
  ["a literal behind a placeholder", { topics: ["a/${clientid}"] }, { topics: ["a/b"] }],
  ["a deny rule that + / b meets", { topics: ["a/#"] }, { topics: ["a/b"], decision: "deny" }],
  ["a deny rule for unsubscribe", { topics: ["a/#"], actions: ["unsubscribe"] }, {
    topics: ["a/b"],
    decision: "deny",
    actions: ["unsubscribe"],
  }],
  ["a deny rule by what is only claimed", { topics: ["#"], match: { username: "u" } }, {
    topics: ["a"],
    decision: "deny",
    match: { username: "u" },
  }],
  ["a deny rule by an address that cannot be read", { topics: ["#"], match: { "client-ip": ["10.0.0.1"] } }, {
    topics: ["a"],
    decision: "deny",
    match: { "client-ip": ["10.0.0.1"] },
  }],
  ["a deny rule with a placeholder for what is only claimed", {
    topics: ["a/${username}"],
    actions: ["publish"],
  }, { topics: ["a/${username}"], actions: ["publish"], decision: "deny" }],
  ["a rule behind one that only watches", { topics: ["a"], shadow: true }, { topics: ["a"] }],
  ["a rule that only watches", { topics: ["a"] }, { topics: ["a"], shadow: true }],
  ["a literal rule with a wildcard in it", { topics: ["a/#"] }, { topics: ["a/+"], literal: true }],
  ["a rule behind a literal one", { topics: ["a/b"], literal: true }, { topics: ["a/b"] }],
  ["one that lasts behind one that expires", { topics: ["a"], expires: "2027-01-01" }, { topics: ["a"] }],
  ["one that expires later", { topics: ["a"], expires: "2027-01-01" }, { topics: ["a"], expires: "2027-01-02" }],
  ["one that has expired", { topics: ["a"] }, { topics: ["a"], expires: "2020-01-01" }],
  ["behind one that has expired", { topics: ["a"], expires: "2020-01-01" }, { topics: ["a"] }],
  ["a rule for connect of another", { actions: ["connect"], match: { username: "u" } }, { actions: ["connect"] }],
  ["connect behind a rule for topics", { topics: ["#"] }, { actions: ["connect"] }],
];

for (const [what, ...rules] of DECIDING) {
  Deno.test(`deciding: ${what}`, () => assert.equal(hiding(rules), null));
}

Deno.test("all rules that take part in hiding are named, in their order", () => {
  assert.deepEqual(
    hiding([{ topics: ["a/#"], actions: ["publish"] }, { topics: ["x"] }, {
      topics: ["#"],
      actions: ["subscribe", "receive"],
    }, { topics: ["a/b"] }]),
    ["rule-0", "rule-2"],
  );
});

function met(rules: readonly RuleSketch[]): string | null {
  const cover = new RuleCover(compiled(rules), NOW_MS);
  const found = cover.rules.map((_, order) => cover.metDeny(order)).find((one) => one !== null);
  return found === undefined || found === null ? null : `${found.topic} ${found.deny.name}`;
}

const DENY: RuleSketch = { topics: ["a/secret"], decision: "deny" };

const MET: readonly Case[] = [
  ["a topic below", DENY, { topics: ["a/#"] }],
  ["a topic beside", DENY, { topics: ["+/secret"] }],
  ["of one client alone", DENY, { topics: ["a/+"], match: { username: "u" } }],
  ["for the same client", { ...DENY, match: { groups: ["g"] } }, { topics: ["a/+"], match: { groups: ["g"] } }],
  ["below a placeholder", { ...DENY, topics: ["a/+/secret"] }, { topics: ["a/${clientid}/#"] }],
  ["with the same placeholder", { ...DENY, topics: ["a/${username}/x"] }, { topics: ["a/${username}/+"] }],
  ["with the same placeholder first", { ...DENY, topics: ["${clientid}/x"] }, { topics: ["${clientid}/#"] }],
  ["in $SYS", { ...DENY, topics: ["$SYS/a"] }, { topics: ["$SYS/#"] }],
];

for (const [what, ...rules] of MET) {
  Deno.test(`a subscription meets a deny rule: ${what}`, () => assert.equal(met(rules), "0 rule-0"));
}

const NOT_MET: readonly Case[] = [
  ["behind the allow rule", { topics: ["a/#"] }, DENY],
  ["an earlier rule allows it", { topics: ["#"] }, DENY, { topics: ["a/#"] }],
  ["elsewhere", DENY, { topics: ["b/#"] }],
  ["no wildcard", DENY, { topics: ["a/secret", "a/b"] }],
  ["only PUBLISH is denied", { ...DENY, actions: ["publish", "receive"] }, { topics: ["a/#"] }],
  ["only PUBLISH is allowed", DENY, { topics: ["a/#"], actions: ["publish"] }],
  ["another client", { ...DENY, match: { username: "v" } }, { topics: ["a/#"], match: { username: "u" } }],
  ["only some of the clients", { ...DENY, match: { username: "v" } }, { topics: ["a/#"] }],
  ["all of it is denied, which is another matter", { ...DENY, topics: ["a/#"] }, { topics: ["a/+"] }],
  ["$SYS is not in #", { ...DENY, topics: ["$SYS/a"] }, { topics: ["#"] }],
  ["another placeholder", { ...DENY, topics: ["a/${username}/x"] }, { topics: ["a/${clientid}/+"] }],
  ["a placeholder that not every client has a value for", { ...DENY, topics: ["${clientid}/x"] }, { topics: ["+/#"] }],
  ["a deny rule that only watches", { ...DENY, shadow: true }, { topics: ["a/#"] }],
  ["an allow rule that only watches", DENY, { topics: ["a/#"], shadow: true }],
  ["a literal deny rule", { ...DENY, literal: true }, { topics: ["a/#"] }],
  ["a deny rule that has expired", { ...DENY, expires: "2020-01-01" }, { topics: ["a/#"] }],
];

for (const [what, ...rules] of NOT_MET) {
  Deno.test(`a subscription meets no deny rule: ${what}`, () => assert.equal(met(rules), null));
}

/** Numbers of a fixed sequence (mulberry32): what fails fails again. */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const LEVELS = ["a", "b", "$x"];
const NAMES = texts(LEVELS, 3).filter((name) => name !== "");
const FILTERS = texts([...LEVELS, "+", "#"], 3).filter((filter) => filterProblem(filter) === null);

function texts(levels: readonly string[], longest: number): string[] {
  if (longest === 1) return [...levels];
  return [...levels, ...texts(levels, longest - 1).flatMap((rest) => levels.map((level) => `${level}/${rest}`))];
}

const CLIENTS: readonly Subject[] = [
  client({ clientId: "a", username: "u1" }),
  client({ clientId: "b", username: "a", groups: ["g"], level: 4 }),
  client({ clientId: "", username: "u2", groups: ["g", "h"], address: parseAddress("10.1.0.1"), routeId: "r" }),
  client({ clientId: "u1", username: "u1", proved: false, address: null, attributes: new Map([["n", "a"]]) }),
  client({ clientId: "x/y", username: "b", attributes: new Map([["n", "a"], ["m", "b"]]), level: 3 }),
  client({ clientId: "u".repeat(2000), username: "u".repeat(2000) }),
  client({ clientId: "$x", username: null, proved: false, anonymous: true }),
];

const MATCHES: readonly MatchConfig[] = [
  {},
  {},
  { username: "u1" },
  { "username-regex": "^u" },
  { "username-regex": "u[0-9]" },
  { "client-id": "a" },
  { "client-id-regex": "^u" },
  { "client-ip": ["10.0.0.0/8"] },
  { "client-ip": ["10.1.0.0/16"] },
  { groups: ["g"] },
  { groups: ["g", "h"] },
  { groups: ["anonymous"] },
  { "protocol-version": [5] },
  { "protocol-version": [4, 5] },
  { attributes: { n: "a" } },
  { attributes: { n: "a", m: "b" } },
  { "route-id": ["r"] },
];

const ACTIONS: readonly Action[] = ["connect", "publish", "subscribe", "unsubscribe", "receive"];

function ruleAtRandom(next: () => number): RuleSketch {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
  const literal = next() < 0.05;
  const topic = (): string => {
    const level = () =>
      next() < 0.15 ? pick(["${clientid}", "${username}", "${attr.n}"]) : pick([...LEVELS.slice(0, 2), "+"]);
    const levels = Array.from({ length: 1 + Math.floor(next() * 3) }, level);
    if (next() < 0.1) levels[0] = "$x";
    if (next() < 0.4) levels[levels.length - 1] = "#";
    return literal ? levels.join("/").replaceAll(/\$\{\w+\.?\w*\}/g, "a") : levels.join("/");
  };
  const actions = next() < 0.5 ? undefined : ACTIONS.filter(() => next() < 0.4);
  return {
    topics: Array.from({ length: 1 + Math.floor(next() * 1.5) }, topic),
    match: next() < 0.5 ? {} : { ...pick(MATCHES), ...pick(MATCHES) },
    decision: next() < 0.5 ? "allow" : "deny",
    ...(actions === undefined ? {} : { actions }),
    ...(literal ? { literal } : {}),
    ...(next() < 0.1 ? { shadow: true } : {}),
    ...(next() < 0.1 ? { retain: next() < 0.5 } : {}),
    ...(next() < 0.1 ? { expires: pick(["2020-01-01", "2027-01-01"]) } : {}),
    ...(next() < 0.2 ? { priority: pick([-1, 1]) } : {}),
  };
}

/** Names of all rules that decide anything for this client, whatever it does, now or once some have expired. */
function decidingFor(s: SubjectAcl): Set<string> {
  const deciding = new Set<string>();
  const note = (decision: { readonly rule: { readonly name: string } | null }) => {
    if (decision.rule !== null) deciding.add(decision.rule.name);
  };
  for (const nowMs of [NOW_MS, Date.parse("2028-01-01")]) {
    note(decideConnect(s, nowMs));
    for (const name of NAMES) {
      note(decidePublish(s, name, 0, false, nowMs));
      note(decidePublish(s, name, 0, true, nowMs));
      note(decideReceive(s, name, nowMs));
    }
    for (const filter of FILTERS) {
      note(decideSubscribe(s, filter, 0, nowMs));
      note(decideUnsubscribe(s, filter, nowMs));
      note(decideReceive(s, filter, nowMs));
    }
  }
  return deciding;
}

Deno.test("of 600 rule sets at random no rule that is said to be hidden decides anything", () => {
  const next = random(4711);
  let said = 0;
  let all = 0;
  for (let run = 0; run < 600; run++) {
    const acl = compiled(Array.from({ length: 2 + Math.floor(next() * 4) }, () => ruleAtRandom(next)));
    const cover = new RuleCover(acl, NOW_MS);
    const hidden = cover.rules.filter((_, order) => cover.hiding(order) !== null);
    all += cover.rules.length;
    said += hidden.length;
    if (hidden.length === 0) continue;
    for (const subject of CLIENTS) {
      const deciding = decidingFor(bindSubject(acl, subject));
      for (const { name } of hidden) {
        assert.ok(
          !deciding.has(name),
          `${name} of ${JSON.stringify(acl.written?.rules, null, 1)} for ${subject.clientId}`,
        );
      }
    }
  }
  assert.ok(said > 60, `${said} of ${all}`);
});

/** The filter for one client; null where a placeholder has no value that is put in. */
function filledIn(topic: string, { clientId, username, attributes }: Subject): string | null {
  const values: Readonly<Record<string, string>> = {
    clientid: clientId,
    username: username ?? "",
    "attr.n": attributes?.get("n") ?? "",
  };
  let usable = true;
  const filter = topic.replaceAll(/\$\{([^}]*)\}/g, (_, name: string) => {
    const value = values[name] ?? "";
    if (value === "" || /[/+#$]/.test(value)) usable = false;
    return value;
  });
  return usable ? filter : null;
}

Deno.test("of 2000 rule sets at random a subscription that is said to meet a deny rule is not allowed by its rule", () => {
  const next = random(4712);
  let said = 0;
  for (let run = 0; run < 2000; run++) {
    const acl = compiled(Array.from({ length: 2 + Math.floor(next() * 4) }, () => ruleAtRandom(next)));
    const cover = new RuleCover(acl, NOW_MS);
    for (const [order, rule] of cover.rules.entries()) {
      const found = cover.metDeny(order);
      if (found === null) continue;
      said++;
      const topic = cover.writtenOf(rule).topics?.[found.topic] ?? "";
      for (const subject of CLIENTS) {
        const filter = filledIn(topic, subject);
        if (filter === null) continue;
        const decision = decideSubscribe(bindSubject(acl, subject), filter, 0, NOW_MS);
        assert.notEqual(decision.rule?.name, rule.name, `${filter} of ${JSON.stringify(acl.written?.rules)}`);
      }
    }
  }
  assert.ok(said > 60, `${said}`);
});
