import { strict as assert } from "node:assert";
import { filterMatches, isValidFilter, isValidName } from "../../mqtt/topic_filter.ts";
import { parseAddress } from "../address.ts";
import { randomFrom, subject } from "./rate_fixture.ts";
import { NO_VALUES, topicFilterProblem, TopicIndex } from "./topic_index.ts";

function matches(index: TopicIndex, name: string, values = NO_VALUES): number[] {
  const count = index.match(name, values);
  return [...index.matched.subarray(0, count)];
}

function texts(levels: readonly string[], deepest: number): string[] {
  let last: string[] = [...levels];
  const all = [...last];
  for (let depth = 1; depth < deepest; depth++) {
    last = last.flatMap((text) => levels.map((level) => `${text}/${level}`));
    all.push(...last);
  }
  return all;
}

Deno.test("TopicIndex finds exactly the filters that match: all of up to four levels, all names of up to five", () => {
  const filters = texts(["a", "b", "+", "#", "$x", ""], 4).filter(isValidFilter);
  const names = texts(["a", "b", "c", "$x", ""], 5).filter(isValidName);
  const random = randomFrom(5);
  const index = new TopicIndex(filters);
  for (const name of names) {
    if (random(8) > 0) continue;
    const expected = filters.flatMap((filter, place) => filterMatches(filter, name) ? [place] : []);
    assert.deepEqual(matches(index, name), expected, name);
  }
});

Deno.test("TopicIndex finds the same filter as often as it is there, in the order of the list", () => {
  const index = new TopicIndex(["a/b", "#", "+/b", "a/#", "a/b", "#"]);
  assert.deepEqual(matches(index, "a/b"), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(matches(index, "a"), [1, 3, 5]);
  assert.deepEqual(matches(index, "a/b/c"), [1, 3, 5]);
  assert.deepEqual(matches(index, "$a/b"), []);
});

Deno.test("TopicIndex matches nothing that is no topic name", () => {
  const index = new TopicIndex(["#", "+", "a/+", "a/#"]);
  for (const text of ["", "#", "a/#", "a/+", "+", "a+b"]) assert.deepEqual(matches(index, text), [], text);
});

Deno.test("TopicIndex puts the client into placeholders, as one level", () => {
  const index = new TopicIndex(["dev/${clientid}/#", "${username}", "p/x-${ip}-${attr.site}/+", "dev/+/x"]);
  const who = subject({
    username: "ann",
    address: parseAddress("10.0.0.7"),
    attributes: new Map([["site", "north"]]),
  });
  const values = index.valuesOf(who);
  assert.deepEqual(matches(index, "dev/dev-1/x", values), [0, 3]);
  assert.deepEqual(matches(index, "dev/dev-1", values), [0]);
  assert.deepEqual(matches(index, "dev/dev-1", index.valuesOf(subject({ clientId: "dev-2" }))), []);
  assert.deepEqual(matches(index, "dev/dev-2/x", values), [3]);
  assert.deepEqual(matches(index, "ann", values), [1], "a user name that nobody proved restricts all the same");
  assert.deepEqual(matches(index, "p/x-10.0.0.7-north/y", values), [2]);
  assert.deepEqual(matches(index, "dev/${clientid}/x", values), [3]);
  for (const clientId of ["", "a/b", "+", "#"]) {
    const odd = index.valuesOf(subject({ clientId }));
    assert.deepEqual(matches(index, `dev/${clientId}`, odd), []);
    assert.deepEqual(matches(index, "dev/dev-1/y", odd), []);
  }
});

Deno.test("TopicIndex without placeholders keeps nothing of a client", () => {
  assert.equal(new TopicIndex(["a/+"]).valuesOf(subject()), NO_VALUES);
});

Deno.test("topicFilterProblem() says what is wrong", () => {
  for (const filter of ["a/#", "+/b", "$SYS/x", "a/${clientid}/+", "x-${attr.site}"]) {
    assert.equal(topicFilterProblem(filter), null, filter);
  }
  assert.equal(topicFilterProblem("a#"), '"#" must be a level of its own');
  assert.equal(topicFilterProblem("${clientid}/#/x"), '"#" must be the last level');
  assert.equal(topicFilterProblem("a/${clientid}+"), "a placeholder and a wildcard are in one level");
  assert.match(topicFilterProblem("${nobody}") ?? "", /unknown placeholder/);
  assert.match(topicFilterProblem("${clientid") ?? "", /without/);
  assert.equal(topicFilterProblem(""), "it is empty");
});
