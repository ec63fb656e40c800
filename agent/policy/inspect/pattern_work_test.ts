import assert from "node:assert/strict";
import type { InspectionConfig } from "./config.ts";
import { EVERYTHING, repeated } from "./inspect_fixture.ts";
import { Inspector, PUT_OFF } from "./inspector.ts";

const encoder = new TextEncoder();
/** A hundred instructions, and an automaton of 2^100 states on texts of `a` and `b`. */
const HEAVY = "a[ab]{100}c";

function inspectorOf(changes: Partial<InspectionConfig>): Inspector {
  const compiled = Inspector.compile({ ...EVERYTHING, ...changes });
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
  return compiled.inspector;
}

function withPatterns(...patterns: string[]): Inspector {
  const customs = patterns.map((pattern, n) => ({ name: `p${n}`, pattern, severity: "high" as const, shadow: false }));
  return inspectorOf({ patterns: { ...EVERYTHING.patterns, "custom-patterns": customs } });
}

function withSchema(schema: unknown): Inspector {
  return inspectorOf({ "json-schema": [{ schema, topics: ["ok"], "block-on-failure": true }] });
}

Deno.test("what a custom pattern may take too long for is put off, and found by whoever takes the time", () => {
  const inspector = withPatterns(HEAVY);
  const text = encoder.encode(`${"ab".repeat(1500)}${"a".repeat(101)}c`);
  assert.ok(text.length <= inspector.inPlaceBytes);
  assert.equal(inspector.inspectInPlace(text, "ok"), PUT_OFF);
  assert.equal(inspector.inspectPayload(text, "ok")?.refusal?.word, "custom");
  assert.equal(inspector.inspectInPlace(encoder.encode(`${"a".repeat(101)}c`), "ok") !== PUT_OFF, true);
});

Deno.test("thousands of small strings are many calls of a custom pattern", () => {
  const inspector = withPatterns("SN-[0-9]{8}");
  const strings = encoder.encode(`[${'"a",'.repeat(4500)}"a"]`);
  assert.equal(inspector.inspectInPlace(strings, "ok"), PUT_OFF);
  assert.equal(inspector.inspectPayload(strings, "ok"), null);
});

Deno.test("a Will or a property that a custom pattern may take too long for is refused, not skipped", () => {
  const inspector = withPatterns(HEAVY);
  const refused = { word: "inspection-budget", text: "custom-patterns (critical) in will" };
  assert.deepEqual(inspector.inspectWill(repeated("ab", 60_000), "ok")?.refusal, refused);
  assert.equal(inspector.inspectText("user-properties", "ab".repeat(30_000), "ok")?.refusal?.word, "inspection-budget");
  assert.equal(inspector.inspectWill(repeated("offline ", 200), "ok"), null);
  assert.equal(withPatterns("SN-[0-9]{8}").inspectWill(repeated("offline ", 60_000), "ok"), null);
});

Deno.test("patterns of schemas count as custom patterns do, under `not` too", () => {
  const text = JSON.stringify("ab".repeat(5000));
  for (const schema of [{ pattern: HEAVY }, { not: { pattern: HEAVY } }]) {
    const inspector = withSchema(schema);
    assert.equal(inspector.inspectInPlace(encoder.encode(text), "ok"), PUT_OFF);
    const refused = { word: "schema", text: 'schema "json-schema/0" at "": inspection-budget' };
    assert.deepEqual(inspector.inspectWill(encoder.encode(text), "ok")?.refusal, refused);
  }
  assert.equal(withSchema({ not: { pattern: HEAVY } }).inspectPayload(encoder.encode(text), "ok"), null);
});

Deno.test("uniqueItems tells what is equal, of any type, and takes 5,000 numbers in place", () => {
  const inspector = withSchema({ uniqueItems: true });
  const fits = (value: string) => inspector.inspectInPlace(encoder.encode(value), "ok") === null;
  for (const value of ['[1,"1",true,"true",null,"null",[],{},"[]","{}"]', '[{"a":1},{"a":2}]', "[[1],[2]]"]) {
    assert.ok(fits(value), value);
  }
  for (const value of ["[1,1.0]", '["a","\\u0061"]', '[{"a":1,"b":2},{"b":2,"a":1}]', "[0,-0]", "[null,null]"]) {
    assert.ok(!fits(value), value);
  }
  assert.ok(fits(`[${Array.from({ length: 5000 }, (_, n) => n).join()}]`));
});
