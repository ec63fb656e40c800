import { strict as assert } from "node:assert";
import { Unwrapper, unwrapProblem } from "./unwrap.ts";

Deno.test("Unwrapper.strip() takes prefixes off until none is left", () => {
  const unwrapper = new Unwrapper(["$queue/", "$delayed/+/", "$a/b/"]);
  const cases: [string, string][] = [
    ["a/b", "a/b"],
    ["$queue/a", "a"],
    ["$queue//a", "/a"],
    ["$delayed/5/a", "a"],
    ["$delayed//a", "a"],
    ["$delayed/+/a", "a"],
    ["$queue/$delayed/5/$a/b/$queue/c/d", "c/d"],
    ["$queue", "$queue"],
    ["$queue/", "$queue/"],
    ["$queue/$queue/", "$queue/"],
    ["$delayed/5", "$delayed/5"],
    ["$delayed/5/", "$delayed/5/"],
    ["$queues/a", "$queues/a"],
    ["$a/c/x", "$a/c/x"],
    ["$a/b/$SYS/x", "$SYS/x"],
    ["a/$queue/b", "a/$queue/b"],
  ];
  for (const [topic, rest] of cases) assert.equal(topic.slice(unwrapper.strip(topic, 0)), rest, topic);
  assert.equal(unwrapper.strip("$share/g/$queue/a", 9), 16);
  assert.equal(new Unwrapper([]).strip("$queue/a", 0), 0);
});

Deno.test("Unwrapper.prefixOf() names the prefix that topics of a filter can begin with", () => {
  const unwrapper = new Unwrapper(["$queue/", "$delayed/+/"]);
  for (const filter of ["$queue/a", "$queue/#", "$queue/+"]) {
    assert.equal(unwrapper.prefixOf(filter), "$queue/", filter);
  }
  for (const filter of ["$delayed/#", "$delayed/5/a", "$delayed/+/+"]) {
    assert.equal(unwrapper.prefixOf(filter), "$delayed/+/", filter);
  }
  for (const filter of ["#", "+/a", "$queue", "$delayed/5", "$SYS/#"]) {
    assert.equal(unwrapper.prefixOf(filter), null, filter);
  }
});

Deno.test("unwrapProblem() refuses what is no prefix of whole levels after a $", () => {
  for (const good of ["$queue/", "$delayed/+/", "$a//b/"]) assert.equal(unwrapProblem(good), null, good);
  const cases: [string, string][] = [
    ["", 'it does not begin with "$"'],
    ["queue/", 'it does not begin with "$"'],
    ["+/", 'it does not begin with "$"'],
    ["$queue", 'it does not end in "/"'],
    ["$a/#/", '"#" is no level of a prefix'],
    ["$a+/", '"+" must be a level of its own'],
    ["$share/", "shared subscriptions are always judged by their inner filter"],
    ["$share/+/", "shared subscriptions are always judged by their inner filter"],
  ];
  for (const [prefix, problem] of cases) assert.equal(unwrapProblem(prefix), problem, prefix);
});
