/**
 * What one decision costs with 10 and with 100,000 rules: `deno bench agent/policy/acl/acl_bench.ts`. In each group the two must be alike (at most 1.3 times).
 */
import { parseAddress } from "../address.ts";
import {
  type AclConfig,
  bindSubject,
  compileAcl,
  decidePublish,
  decideReceive,
  decideSubscribe,
  type RuleConfig,
  type Subject,
  type SubjectAcl,
} from "./mod.ts";

const NOW_MS = Date.parse("2026-06-01T00:00:00Z");

function config(rules: RuleConfig[]): AclConfig {
  return {
    enabled: true,
    "default-action": "deny",
    rules,
    groups: {},
    "deny-action": "drop",
    "wildcard-subscriptions": "allow",
    "dollar-topics": "rules",
    unwrap: [],
    "check-deliveries": true,
    "check-response-topic": true,
  };
}

const DEVICE: Subject = {
  clientId: "dev-7",
  username: "dev-7-x",
  proved: true,
  groups: ["group-7"],
  anonymous: false,
  address: parseAddress("10.0.0.7"),
  level: 5,
  routeId: null,
  attributes: null,
};

function ipOf(n: number): string {
  return `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
}

const SHAPES: Record<string, (n: number) => Omit<RuleConfig, "name">> = {
  "exact topics": (n) => ({ topics: [`x/${n}/data/temp`], decision: "allow" }),
  "x/N/#": (n) => ({ topics: [`x/${n}/#`], decision: "allow" }),
  "username": (n) => ({ match: { username: `dev-${n}-x` }, topics: ["x/7/data/+"], decision: "allow" }),
  "client-id": (n) => ({ match: { "client-id": `dev-${n}` }, topics: ["x/7/data/+"], decision: "allow" }),
  "client-ip": (n) => ({ match: { "client-ip": [ipOf(n)] }, topics: ["x/7/data/+"], decision: "allow" }),
  "groups": (n) => ({ match: { groups: [`group-${n}`] }, topics: ["x/7/data/+"], decision: "allow" }),
  "username-regex": (n) => ({ match: { "username-regex": `^dev-${n}-` }, topics: ["x/7/data/+"], decision: "allow" }),
  "placeholders": (n) => ({ topics: [`x/${n}/\${clientid}/#`, "x/7/data/temp"], decision: "allow" }),
};

function bound(rules: RuleConfig[]): SubjectAcl {
  const compiled = compileAcl(config(rules));
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems[0]));
  return bindSubject(compiled.acl, DEVICE);
}

function rulesOf(count: number, shape: (n: number) => Omit<RuleConfig, "name">): RuleConfig[] {
  return Array.from({ length: count }, (_, n) => ({ name: `rule-${n}`, ...shape(n) }));
}

const only = Deno.args[0];

for (const [name, shape] of Object.entries(SHAPES)) {
  if (only !== undefined && !name.includes(only)) continue;
  for (const count of [10, 100_000]) {
    const started = performance.now();
    const s = bound(rulesOf(count, shape));
    if (count > 10) console.log(`${name}: ${count} rules compiled in ${Math.round(performance.now() - started)} ms`);
    if (!decidePublish(s, "x/7/data/temp", 0, false, NOW_MS).allowed) throw new Error(name);
    Deno.bench(`publish, ${count} rules by ${name}`, { group: name, baseline: count === 10 }, () => {
      decidePublish(s, "x/7/data/temp", 0, false, NOW_MS);
    });
    if (name === "username-regex" || name === "client-ip") {
      Deno.bench(`bind, ${count} rules by ${name}`, { group: `bind ${name}`, baseline: count === 10 }, () => {
        bindSubject(s.acl, DEVICE);
      });
    }
  }
}

const denied = (n: number): Omit<RuleConfig, "name"> => ({ topics: [`b/${n}/x`], decision: "deny" });
const allowAll: RuleConfig = { name: "all", topics: ["#"], decision: "allow" };
for (const count of [10, 100_000]) {
  const s = bound([...rulesOf(count, denied), allowAll]);
  for (const filter of ["b/+/zzz", "b/+/x", "#", "a/b/c"]) {
    Deno.bench(`subscribe ${filter}, ${count} deny rules b/N/x`, {
      group: `subscribe ${filter}`,
      baseline: count === 10,
    }, () => {
      decideSubscribe(s, filter, 0, NOW_MS);
    });
  }
  Deno.bench(`receive, ${count} deny rules b/N/x`, { group: "receive", baseline: count === 10 }, () => {
    decideReceive(s, "a/b/c/d", NOW_MS);
  });
}

// 50,000 rules N/a/c and 50,000 rules N/b/d: each literal of the request is in half of them, both in none.
const correlated = bound([
  ...rulesOf(100_000, (n) => ({ topics: [n % 2 === 0 ? `${n}/a/c` : `${n}/b/d`], decision: "deny" })),
  allowAll,
]);
Deno.bench("subscribe +/a/d that no list narrows: refused as too broad", { group: "worst" }, () => {
  decideSubscribe(correlated, "+/a/d", 0, NOW_MS);
});
const deep = "a/".repeat(32_767) + "a";
const wide = "+/".repeat(32_767) + "+";
Deno.bench("publish of 32,768 levels", { group: "worst" }, () => {
  decidePublish(correlated, deep, 0, false, NOW_MS);
});
Deno.bench("subscribe of 32,768 wildcards", { group: "worst" }, () => {
  decideSubscribe(correlated, wide, 0, NOW_MS);
});
