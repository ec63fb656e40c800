import assert from "node:assert/strict";
import { type JsonLimits, jsonViolation } from "./json_limits.ts";

const LIMITS: JsonLimits = {
  maxDepth: 32,
  maxKeys: 1000,
  maxStringBytes: 65_536,
  allowsDuplicates: false,
  allowsProto: false,
};
const encoder = new TextEncoder();

function found(text: string | Uint8Array, limits: Partial<JsonLimits> = {}, must = false): string | null {
  const bytes = typeof text === "string" ? encoder.encode(text) : text;
  return jsonViolation(bytes, { ...LIMITS, ...limits }, must)?.name ?? null;
}

Deno.test("jsonViolation() tells each limit, and passes what just keeps it", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  const keys = (count: number) => `{${Array.from({ length: count }, (_, n) => `"k${n}":${n}`).join()}}`;
  assert.equal(found(nested(32)), null);
  assert.equal(found(nested(33)), "depth");
  assert.equal(found('{"a":'.repeat(33)), "depth");
  assert.equal(found("[".repeat(100_000)), "depth");
  assert.equal(found(keys(1000)), null);
  assert.equal(found(keys(1001)), "keys");
  assert.equal(found(`[${keys(500)},${keys(501)}]`), "keys");
  assert.equal(found(`["${"a".repeat(65_536)}"]`), null);
  assert.equal(found(`["${"a".repeat(65_537)}"]`), "string");
  assert.equal(found(`["${"\\u0061".repeat(65_536)}"]`), null);
  assert.equal(found(`["${"\\u00e9".repeat(32_769)}"]`), "string");
  assert.equal(found(`{"${"a".repeat(65_537)}":1}`), "string");
});

Deno.test("jsonViolation() sees equal keys however they are written, in one object only", () => {
  assert.equal(found('{"a":1,"a":2}'), "duplicate-key");
  assert.equal(found('{"a":1,"\\u0061":2}'), "duplicate-key");
  assert.equal(found('{"\\u00e9":1,"é":2}'), "duplicate-key");
  assert.equal(found('{"\\ud83d\\ude00":1,"😀":2}'), "duplicate-key");
  assert.equal(found('{"a/":1,"a\\/":2}'), "duplicate-key");
  assert.equal(found('{"x":{"a":1},"y":{"a":1},"a":[{"a":1},{"a":2}]}'), null);
  assert.equal(found('{"a":1,"A":2,"":3," ":4}'), null);
  assert.equal(found('{"x":{"b":1},"x":1}'), "duplicate-key");
  assert.equal(found('{"a":1,"a":2}', { allowsDuplicates: true }), null);
  const many = Array.from({ length: 5000 }, (_, n) => `"k${n}":${n}`).join();
  assert.equal(found(`{${many}}`, { maxKeys: 10_000 }), null);
  assert.equal(found(`{${many},"k4999":1}`, { maxKeys: 10_000 }), "duplicate-key");
});

Deno.test("jsonViolation() refuses the key __proto__, and no other place of the word", () => {
  assert.equal(found('{"__proto__":{"a":1}}'), "proto-key");
  assert.equal(found('[{"x":{"\\u005f_proto__":1}}]'), "proto-key");
  assert.equal(found('{"a":"__proto__","__proto":1,"___proto__":2}'), null);
  assert.equal(found('{"__proto__":1}', { allowsProto: true }), null);
});

Deno.test("jsonViolation() tells integers beyond 2^53, and only those", () => {
  assert.equal(found('{"a":9007199254740993}'), "number-precision");
  assert.equal(found("[-9007199254740993]"), "number-precision");
  assert.equal(found("[9007199254740991,1.5e300,0.1234567890123456789]"), null);
  assert.equal(found('{"a":1710144764000000000,"a":2}'), "duplicate-key");
  assert.equal(jsonViolation(encoder.encode("[9007199254740993]"), LIMITS, false)?.severity, "low");
});

Deno.test("jsonViolation() refuses text behind an object; lines of logs and NDJSON pass", () => {
  assert.equal(found('{"a":1} x'), "trailing-text");
  assert.equal(found('{"a":1}}'), "trailing-text");
  assert.equal(found('{"a":1}\n{"a":2}\n'), null);
  assert.equal(found('{"a":1}\n{"a":2,"a":3}'), "duplicate-key");
  assert.equal(found("[12.345] usb 1-1: new device"), null);
  assert.equal(found("[INFO] started"), null);
  assert.equal(found("{{ states('x') }}"), null);
});

Deno.test("jsonViolation() leaves alone what is no JSON, unless it must be", () => {
  for (
    const text of [
      "",
      "on",
      "21.5",
      "{",
      "[1,]",
      "{a:1}",
      '{"a":1,}',
      "[01]",
      '["\t"]',
      "{'a':1}",
      '["\\x41"]',
      "[1 2]",
      '{"a"}',
      "[+1]",
      "[1.]",
      "[.5]",
      "[1e]",
      "[nul]",
      '["a]',
    ]
  ) {
    assert.equal(found(text), null, text);
    if (text !== "21.5") assert.equal(found(text, {}, true), "not-json", text);
  }
  for (const text of ["21.5", '"on"', "null", " [1, 2.5e-3, true, false, null, {}, []] ", '\ufeff{"a":1}']) {
    assert.equal(found(text, {}, true), null, text);
  }
  assert.equal(found('{"a":1} {"b":2}', {}, true), "not-json");
});

Deno.test("jsonViolation() agrees with JSON.parse() on what is JSON", () => {
  let seed = 3;
  const random = (below: number) => ((seed = Math.imul(seed, 1103515245) + 12345 >>> 0) >>> 8) % below;
  const parts = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    '"b\\n"',
    "1",
    "-0",
    "1e5",
    "true",
    "null",
    " ",
    '"',
    "0.5",
    "\\",
  ];
  const loose = { allowsDuplicates: true, allowsProto: true };
  for (let i = 0; i < 30_000; i++) {
    const text = Array.from({ length: 1 + random(9) }, () => parts[random(parts.length)]).join("");
    let isJson = true;
    try {
      JSON.parse(text);
    } catch {
      isJson = false;
    }
    assert.equal(found(text, loose, true), isJson ? null : "not-json", text);
  }
});

Deno.test("jsonViolation() gives the place", () => {
  assert.equal(jsonViolation(encoder.encode('{"a":1,"b":2,"a":3}'), LIMITS, false)?.offset, 13);
});
