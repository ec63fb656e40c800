import assert from "node:assert/strict";
import { filterMatches, isValidFilter } from "../../mqtt/topic_filter.ts";
import { compileTopicSet, inTopicSet, mostSpecific } from "./topic_set.ts";

function texts(alphabet: readonly string[], maxLevels: number): string[] {
  let level: string[][] = [[]];
  const all: string[] = [];
  for (let n = 0; n < maxLevels; n++) {
    level = level.flatMap((start) => alphabet.map((next) => [...start, next]));
    all.push(...level.map((levels) => levels.join("/")));
  }
  return all;
}

Deno.test("inTopicSet() agrees with filterMatches() on all short filters and names", () => {
  const filters = texts(["a", "b", "+", "#", "$x", "", "ab"], 3).filter(isValidFilter);
  const names = texts(["a", "b", "$x", "", "ab"], 4).filter((name) => name !== "");
  for (const filter of filters) {
    const set = compileTopicSet([filter]);
    for (const name of names) assert.equal(inTopicSet(set, name), filterMatches(filter, name), `${filter} ${name}`);
  }
});

Deno.test("mostSpecific() takes the exact topic, then literals before + before #, then the first of the list", () => {
  const set = compileTopicSet(["#", "a/+", "a/#", "a/b", "+/b", "a/+", "a/c/#"]);
  assert.deepEqual(["a/b", "a/x", "a/x/y", "z/b", "z", "a/c", "a/c/d"].map((name) => mostSpecific(set, name)), [
    3,
    1,
    2,
    4,
    0,
    6,
    6,
  ]);
  assert.equal(mostSpecific(compileTopicSet(["a"]), "b"), -1);
  assert.equal(inTopicSet(compileTopicSet([]), "b"), false);
});
