import { strict as assert } from "node:assert";
import { filterCovers, filtersOverlap } from "../../mqtt/topic_filter.ts";
import { bound, NOW_MS } from "./acl_fixture.ts";
import { decideSubscribe } from "./mod.ts";

/** All filters of 1 to `depth` levels over the alphabet. */
function allFilters(alphabet: readonly string[], depth: number): string[] {
  let last = [...alphabet];
  const all = [...last];
  for (let level = 1; level < depth; level++) {
    last = last.flatMap((head) => head.endsWith("#") ? [] : alphabet.map((tail) => `${head}/${tail}`));
    all.push(...last);
  }
  return all.filter((filter) => filter !== "");
}

const FILTERS = allFilters(["a", "b", "+", "#", "$x", ""], 3);

Deno.test("a single deny rule overlaps, and a single allow rule covers, as filtersOverlap() and filterCovers() say, for all filters of up to three levels", () => {
  for (const filter of FILTERS) {
    const dollar = { "dollar-topics": "default-action", "default-action": "allow" } as const;
    const denying = bound([{ topics: [filter], decision: "deny" }], undefined, dollar);
    const allowing = bound([{ topics: [filter] }]);
    for (const requested of FILTERS) {
      const denied = !decideSubscribe(denying, requested, 0, NOW_MS).allowed;
      if (denied !== filtersOverlap(filter, requested)) {
        assert.fail(`deny ${filter}, SUBSCRIBE ${requested}: ${denied}`);
      }
      const allowed = decideSubscribe(allowing, requested, 0, NOW_MS).allowed;
      if (allowed !== filterCovers(filter, requested)) {
        assert.fail(`allow ${filter}, SUBSCRIBE ${requested}: ${allowed}`);
      }
    }
  }
});

Deno.test("among many deny rules the first that overlaps is found", () => {
  // Every second one, backwards, so that the order is not that of the filters.
  const topics = FILTERS.filter((_, n) => n % 2 === 0).reverse();
  const s = bound(topics.map((topic) => ({ topics: [topic], decision: "deny" })));
  for (const requested of FILTERS) {
    const found = topics.findIndex((topic) => filtersOverlap(topic, requested));
    assert.equal(decideSubscribe(s, requested, 0, NOW_MS).rule?.index ?? -1, found, requested);
  }
});
