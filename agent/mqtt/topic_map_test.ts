import assert from "node:assert/strict";
import { filterMatches } from "./topic_filter.ts";
import { TopicMap } from "./topic_map.ts";

const CASES: readonly [filters: string, topic: string, found: string | undefined][] = [
  ["a/b", "a/b", "a/b"],
  ["a/b", "a", undefined],
  ["a/b", "a/b/c", undefined],
  ["a/#", "a", "a/#"],
  ["a/#", "a/b/c", "a/#"],
  ["#", "a/b", "#"],
  ["#", "$SYS/x", undefined],
  ["+/x", "$SYS/x", undefined],
  ["$SYS/#", "$SYS/x", "$SYS/#"],
  ["# a/# a/+ a/b", "a/b", "a/b"],
  ["# a/# a/+", "a/b", "a/+"],
  ["# a/# a/+", "a/b/c", "a/#"],
  ["# a/#", "b", "#"],
  // The first level decides: text before `+`.
  ["a/# +/b", "a/b", "a/#"],
  ["a/+/c +/b/c", "a/b/c", "a/+/c"],
  // A path that leads nowhere is left again.
  ["a/b/x +/b/c", "a/b/c", "+/b/c"],
  ["a/+/x a/#", "a/b/c", "a/#"],
  ["+ a", "", "+"],
  ["a//b a/+/b", "a//b", "a//b"],
  ["/ +/+", "/", "/"],
  ["__proto__/x", "__proto__/x", "__proto__/x"],
  ["constructor", "constructor", "constructor"],
];

for (const [filters, topic, found] of CASES) {
  Deno.test(`of "${filters}" "${topic}" has ${found ?? "none"}`, () => {
    const map = new TopicMap(filters.split(" ").map((filter) => [filter, filter] as const));
    assert.equal(map.find(topic), found);
  });
}

Deno.test("whatever is found matches, and nothing that matches is missed", () => {
  const levels = ["a", "b", "$x", "", "+"];
  let seed = 7;
  const random = (below: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
  for (let round = 0; round < 400; round++) {
    const filters = new Set(Array.from({ length: 1 + random(8) }, () => {
      const parts = Array.from({ length: 1 + random(4) }, () => levels[random(5)] as string);
      return [...parts, ...random(3) === 0 ? ["#"] : []].join("/");
    }));
    filters.delete("");
    const map = new TopicMap([...filters].map((filter) => [filter, filter] as const));
    for (let i = 0; i < 20; i++) {
      const topic = Array.from({ length: 1 + random(4) }, () => levels[random(4)] as string).join("/");
      const matching = [...filters].filter((filter) => filterMatches(filter, topic));
      const found = map.find(topic);
      assert.equal(found === undefined, matching.length === 0, `${[...filters]} ${topic}`);
      if (found !== undefined) assert.ok(matching.includes(found));
    }
  }
});
