import assert from "node:assert/strict";
import type { JsonSchemaConfig } from "./config.ts";
import { checkSchema, compileSchemas, type SchemaSet } from "./json_schema.ts";

const LIMITS = { maxDepth: 32, maxKeys: 100_000, maxStringBytes: 65_536, allowsDuplicates: false, allowsProto: false };
const READING = {
  type: "object",
  properties: { t: { type: "number", maximum: 100 }, id: { type: "string", pattern: "^[a-z]+-\\d+$" } },
  required: ["t"],
  additionalProperties: false,
};

function setOf(...entries: (Partial<JsonSchemaConfig> & { schema: unknown })[]): SchemaSet {
  const compiled = compileSchemas(entries.map((entry) => ({ topics: ["#"], "block-on-failure": true, ...entry })));
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
  return compiled.schemas;
}

function problemOf(schema: unknown): string {
  const compiled = compileSchemas([{ schema, topics: ["#"], "block-on-failure": true }]);
  assert.ok("problems" in compiled);
  assert.deepEqual(compiled.problems[0]?.path, ["json-schema", 0, "schema"]);
  return compiled.problems[0]!.message;
}

function check(set: SchemaSet, payload: string | Uint8Array, topic = "a/b"): string | null {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const failure = checkSchema(set, topic, bytes, LIMITS);
  return failure === null ? null : `${failure.path} ${failure.keyword}`;
}

Deno.test("checkSchema() names the path and the keyword that fail, and no value", () => {
  const set = setOf({ schema: READING });
  assert.equal(check(set, '{"t":21.5,"id":"dev-7"}'), null);
  assert.equal(check(set, '{"t":101}'), "/t maximum");
  assert.equal(check(set, '{"t":"x"}'), "/t type");
  assert.equal(check(set, "{}"), " required");
  assert.equal(check(set, '{"t":1,"secret":2}'), " additionalProperties");
  assert.equal(check(set, '{"t":1,"id":"DEV-7"}'), "/id pattern");
  assert.equal(check(set, "21.5"), " type");
});

Deno.test("checkSchema() refuses what is no JSON, not UTF-8 or beyond the limits", () => {
  const set = setOf({ schema: READING });
  assert.equal(check(set, "on"), " not-json");
  assert.equal(check(set, ""), " not-json");
  assert.equal(check(set, '{"t":1} '), null);
  assert.equal(check(set, '{"t":1}x'), " not-json");
  assert.equal(check(set, Uint8Array.of(0x22, 0xff, 0x22)), " not-json");
  assert.equal(check(set, '{"t":1,"t":2}'), " duplicate-key");
  assert.equal(check(set, "[".repeat(100_000)), " depth");
  assert.equal(check(setOf({ schema: true }), '{"t":9007199254740993}'), null);
});

Deno.test("checkSchema() takes the most specific filter, and none where no filter matches", () => {
  const set = setOf(
    { name: "any", schema: true, topics: ["#"] },
    { name: "numbers", schema: { type: "number" }, topics: ["a/+", "x/#"], "block-on-failure": false },
    { name: "texts", schema: { type: "string" }, topics: ["a/b"] },
  );
  assert.equal(check(set, "1", "a/b"), " type");
  assert.equal(check(set, '"x"', "a/b"), null);
  assert.equal(check(set, '"x"', "a/c"), " type");
  assert.equal(check(set, '"x"', "z"), null);
  assert.equal(checkSchema(set, "x", new TextEncoder().encode("{}"), LIMITS)?.blocks, false);
  assert.equal(checkSchema(set, "x", new TextEncoder().encode("{}"), LIMITS)?.schema, "numbers");
  assert.equal(check(setOf({ schema: false, topics: ["a"] }), "1", "b"), null);
});

Deno.test("compileSchemas() takes draft-07 and 2020-12 by $schema", () => {
  const items = [{ type: "number" }, { type: "string" }];
  const draft07 = setOf({ schema: { $schema: "http://json-schema.org/draft-07/schema#", type: "array", items } });
  assert.equal(check(draft07, '[1,"a"]'), null);
  assert.equal(check(draft07, "[1,2]"), "/1 type");
  const draft2020 = setOf({
    schema: { $schema: "https://json-schema.org/draft/2020-12/schema", type: "array", prefixItems: items },
  });
  assert.equal(check(draft2020, "[1,2]"), "/1 type");
});

Deno.test("compileSchemas() refuses what it cannot hold payloads against", () => {
  assert.match(
    problemOf({ $ref: "https://example.com/schema.json" }),
    /Cannot use schema "0": can't resolve reference/,
  );
  assert.match(problemOf({ $schema: "http://json-schema.org/draft-04/schema#" }), /not draft-07 or 2020-12/);
  assert.match(problemOf({ type: "string", pattern: "(?=x)y" }), /Cannot use regex/);
  assert.match(problemOf({ type: "string", pattern: "(a)\\1" }), /Cannot use regex/);
  assert.match(problemOf({ patternProperties: { "(?<!a)b": true } }), /Cannot use regex/);
  assert.match(problemOf({ typo: 1 }), /unknown keyword/);
  assert.match(problemOf({ type: "nothing" }), /schema is invalid/);
  assert.match(problemOf("text"), /neither an object nor a boolean/);
});

Deno.test("patterns of JavaScript that a linear engine can run are taken", () => {
  const set = setOf({ schema: { type: "string", pattern: "^\\u0041\\d{2}[\\w-]+(?:x|y)$" } });
  assert.equal(check(set, '"A12b-x"'), null);
  assert.equal(check(set, '"B12b-x"'), " pattern");
  // V8 takes 4 s for this.
  assert.equal(check(setOf({ schema: { type: "string", pattern: "^(a+)+$" } }), `"${"a".repeat(28)}!"`), " pattern");
});

Deno.test("each of several patterns is its own", () => {
  const set = setOf({
    schema: {
      type: "object",
      properties: { a: { type: "string", pattern: "^a$" }, b: { type: "string", pattern: "^b$" } },
      patternProperties: { "^n": { type: "number" }, "^s": { type: "string" } },
    },
  });
  assert.equal(check(set, '{"a":"a","b":"b","n1":1,"s1":"x"}'), null);
  assert.equal(check(set, '{"b":"a"}'), "/b pattern");
  assert.equal(check(set, '{"n1":"x"}'), "/n1 type");
});

Deno.test("uniqueItems compares values, not texts, and 20,000 objects in one pass each", () => {
  const set = setOf({ schema: { type: "array", uniqueItems: true } });
  assert.equal(check(set, '[{"a":1,"b":2},{"b":2,"a":1}]'), " uniqueItems");
  assert.equal(check(set, '[1,"1",true,null,[1],{"a":[1]},{"a":[2]}]'), null);
  assert.equal(check(set, `[${Array.from({ length: 20_000 }, (_, n) => `{"a":${n}}`).join()}]`), null);
});

Deno.test("schemas with the same $id do not meet", () => {
  const set = setOf(
    { schema: { $id: "https://example.com/x", type: "number" }, topics: ["a"] },
    { schema: { $id: "https://example.com/x", type: "string" }, topics: ["b"] },
  );
  assert.deepEqual([check(set, "1", "a"), check(set, "1", "b")], [null, " type"]);
});

Deno.test("names that every object of JavaScript has are no keys of a document", () => {
  const asks = setOf({ schema: { required: ["toString", "constructor"] } });
  assert.equal(check(asks, "{}"), " required");
  assert.equal(check(asks, '{"toString":1,"constructor":2}'), null);
  const types = setOf({
    schema: {
      properties: { constructor: { type: "string" }, valueOf: { type: "number" } },
      additionalProperties: false,
    },
  });
  assert.equal(check(types, "{}"), null);
  assert.equal(check(types, '{"constructor":1}'), "/constructor type");
  assert.equal(check(setOf({ schema: { dependentRequired: { toString: ["a"] } } }), "{}"), null);
});
