import { strict as assert } from "node:assert";
import { LevelTable, PLUS, UNKNOWN } from "./level_table.ts";
import { TopicRequest } from "./topic_request.ts";

function requestOver(levels: readonly string[], deepest: number): TopicRequest {
  const table = new LevelTable();
  for (const level of levels) table.intern(level, 0, level.length);
  return new TopicRequest(table, deepest);
}

function labels(request: TopicRequest): number[] {
  return [...request.ids.subarray(0, request.count)];
}

Deno.test("TopicRequest.readName() looks up each level, empty ones too", () => {
  const request = requestOver(["a", "", "b"], 8);
  assert.ok(request.readName("a//b/x/", 0, true));
  assert.deepEqual(labels(request), [0, 1, 2, UNKNOWN, 1]);
  assert.deepEqual([request.open, request.wildcard, request.dollar], [false, false, false]);
  assert.ok(request.readName("$queue/$x/b", 7, true));
  assert.deepEqual(labels(request), [UNKNOWN, 2]);
  assert.ok(request.dollar);
  assert.equal(request.text.slice(request.starts[1], request.ends[1]), "b");
});

Deno.test("TopicRequest.readName() refuses empty names, and wildcards where it is strict", () => {
  const request = requestOver(["a"], 4);
  for (const bad of ["", "+", "a/#", "a/b+"]) assert.ok(!request.readName(bad, 0, true), bad);
  assert.ok(!request.readName("a/", 2, true));
  assert.ok(request.readName("a/#", 0, false));
  assert.deepEqual(labels(request), [0, UNKNOWN]);
  assert.ok(!request.wildcard);
});

Deno.test("TopicRequest.readFilter() reads wildcards, and # alone as +/#", () => {
  const request = requestOver(["a", ""], 8);
  const read = (filter: string): [number[], boolean, boolean] => {
    assert.ok(request.readFilter(filter, 0), filter);
    return [labels(request), request.open, request.wildcard];
  };
  assert.deepEqual(read("a/+/a"), [[0, PLUS, 0], false, true]);
  assert.deepEqual(read("a/x"), [[0, UNKNOWN], false, false]);
  assert.deepEqual(read("a/#"), [[0], true, true]);
  assert.deepEqual(read("#"), [[PLUS], true, true]);
  assert.deepEqual(read("+/#"), [[PLUS], true, true]);
  assert.deepEqual(read("/#"), [[1, PLUS], true, true]);
  assert.deepEqual(read("//#"), [[1, 1], true, true]);
  for (const bad of ["", "a#", "#/a", "a/#/", "a+/b", "##", "++"]) assert.ok(!request.readFilter(bad, 0), bad);
});

Deno.test("TopicRequest keeps one level more than the deepest rule has", () => {
  const request = requestOver(["a"], 2);
  assert.ok(request.readName("a/a/a/a/a/a", 0, true));
  assert.equal(request.count, 3);
  assert.ok(request.readFilter("a/a/a/a/a/#", 0));
  assert.deepEqual([request.count, request.open], [3, true]);
  assert.ok(!request.readFilter("a/a/a/a/a#/a", 0));
});
