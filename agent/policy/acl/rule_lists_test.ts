import { strict as assert } from "node:assert";
import { NO_ORDER, RuleLists } from "./rule_lists.ts";

Deno.test("RuleLists.first() is the first rule that has not expired", () => {
  const expires = [10, 5, 10, 20, Infinity, 30];
  const lists = new RuleLists(Float64Array.from(expires));
  let list = 0;
  for (let order = 0; order < expires.length; order++) list = lists.add(list, order);
  for (const now of [0, 5, 9, 10, 11, 19, 20, 25, 1e12]) {
    const found = expires.findIndex((time) => time > now);
    assert.equal(lists.first(list, now), found, `at ${now}`);
  }
});

Deno.test("RuleLists.first() of an empty or expired list is NO_ORDER", () => {
  const lists = new RuleLists(Float64Array.of(10, 20));
  assert.equal(lists.first(0, 0), NO_ORDER);
  const one = lists.add(0, 0);
  assert.equal(lists.first(one, 10), NO_ORDER);
  assert.equal(lists.first(lists.add(one, 1), 20), NO_ORDER);
});

Deno.test("RuleLists keeps no rule that can never decide", () => {
  const lists = new RuleLists(Float64Array.of(20, 20, Infinity, Infinity, 30));
  const one = lists.add(0, 0);
  assert.ok(lists.isDominated(one, 1));
  assert.equal(lists.add(one, 1), one);
  assert.ok(!lists.isDominated(one, 2));
  const two = lists.add(one, 2);
  assert.ok(lists.isDominated(two, 3));
  assert.ok(lists.isDominated(two, 4));
  assert.equal(lists.first(lists.add(two, 4), 25), 2);
});
