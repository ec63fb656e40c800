/**
 * What one decision costs with 10 and with 100,000 rules: `deno bench agent/policy/acl/acl_bench.ts`. In each group the
 * two must be alike (at most 1.3 times).
 */
import { parseAddress } from "../address.ts";
import { bound, client, NOW_MS, type RuleSketch } from "./acl_fixture.ts";
import { bindSubject, decidePublish, decideReceive, decideSubscribe } from "./mod.ts";

const DEVICE = client({
  clientId: "dev-7",
  username: "dev-7-x",
  groups: ["group-7"],
  address: parseAddress("10.0.0.7"),
});

function ipOf(n: number): string {
  return `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
}

const SHAPES: Record<string, (n: number) => RuleSketch> = {
  "exact topics": (n) => ({ topics: [`x/${n}/data/temp`] }),
  "x/N/#": (n) => ({ topics: [`x/${n}/#`] }),
  "username": (n) => ({ match: { username: `dev-${n}-x` }, topics: ["x/7/data/+"] }),
  "client-id": (n) => ({ match: { "client-id": `dev-${n}` }, topics: ["x/7/data/+"] }),
  "client-ip": (n) => ({ match: { "client-ip": [ipOf(n)] }, topics: ["x/7/data/+"] }),
  "groups": (n) => ({ match: { groups: [`group-${n}`] }, topics: ["x/7/data/+"] }),
  "username-regex": (n) => ({ match: { "username-regex": `^dev-${n}-` }, topics: ["x/7/data/+"] }),
  "placeholders": (n) => ({ topics: [`x/${n}/\${clientid}/#`, "x/7/data/temp"] }),
};

function rulesOf(count: number, shape: (n: number) => RuleSketch): RuleSketch[] {
  return Array.from({ length: count }, (_, n) => shape(n));
}

for (const [name, shape] of Object.entries(SHAPES)) {
  for (const count of [10, 100_000]) {
    const started = performance.now();
    const s = bound(rulesOf(count, shape), DEVICE);
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

const denied = (n: number): RuleSketch => ({ topics: [`b/${n}/x`], decision: "deny" });
const allowAll: RuleSketch = { topics: ["#"] };
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
