import { deepEqual, equal } from "node:assert/strict";
import { loadConfig } from "./load.ts";

const COUNT = 100_000;

/** Rules as the proxy's KDL writes them, keyed by name, out of order. */
function keyedRules(): Record<string, unknown> {
  const rules: Record<string, unknown> = {};
  for (let n = 0; n < COUNT; n++) {
    const name = `rule-${(n * 7919) % COUNT}`;
    rules[name] = { topics: [`a/${n}`], decision: "allow", priority: n % 3 };
  }
  return rules;
}

Deno.test("problemsAt() of 100,000 entries keyed by name looks at each of them a few times, not at all for each", () => {
  const text = JSON.stringify({ acl: { rules: keyedRules() } }, null, 1);
  const file = loadConfig({ file: { path: "gate.json", text }, env: () => undefined });
  if ("problems" in file) throw new Error(file.problems[0]?.message);
  const faults = file.config.acl.rules.map((_, index) => ({
    path: ["acl", "rules", index, "topics", 0],
    message: `${index}`,
  }));
  // Quadratic, it would take hours.
  const problems = file.problemsAt(faults);
  equal(problems.length, COUNT);
  const lines = text.split("\n");
  for (
    const { text: index, place } of [problems[0], problems[77_777], problems[COUNT - 1]].filter((one) =>
      one !== undefined
    )
  ) {
    deepEqual(lines[(place.line ?? 0) - 1]?.trim(), JSON.stringify(file.config.acl.rules[Number(index)]?.topics?.[0]));
  }
});

Deno.test("entries of a push keyed by name are sorted once, whatever is asked about them", () => {
  let reads = 0;
  const rules = keyedRules();
  const counted = new Proxy(rules, {
    ownKeys: (target) => (reads++, Reflect.ownKeys(target)),
  });
  const loaded = loadConfig({ push: { acl: { rules: counted } }, env: () => undefined });
  if ("problems" in loaded) throw new Error(loaded.problems[0]?.message);
  reads = 0;
  for (let index = 0; index < 1000; index++) equal(loaded.originOf(["acl", "rules", index]).layer, "push");
  deepEqual(reads, 0);
});
