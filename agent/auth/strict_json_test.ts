import assert from "node:assert/strict";
import { isJsonObject, member, parseStrictJson } from "./strict_json.ts";

Deno.test("parseStrictJson() reads what JSON.parse() reads", () => {
  const texts = [
    "{}",
    "[]",
    "null",
    "0",
    '""',
    '{"a":1,"b":{"a":2,"c":[{"a":":"},{"a":"\\""}]}}',
    '{"":{"":0}}',
    '{"a\\\\":1,"b:":":{"}',
    ' {"__proto__":{"x":1},"constructor":2} ',
    '{"1":0,"01":1}',
    '["{\\"a\\":1,\\"a\\":2}"]',
    '{"ä":1,"a\u0308":2}',
  ];
  for (const text of texts) assert.deepEqual(parseStrictJson(text), JSON.parse(text), text);
});

Deno.test("parseStrictJson() refuses a key that an object has twice, however it is spelled", () => {
  const texts = [
    '{"a":1,"a":1}',
    '{"sub":"a","su\\u0062":"admin"}',
    '{"x":{"y":[0,{"a":1,"b":2,"a":3}]}}',
    '{"__proto__":1,"__proto__":2}',
    '{"\\u005f_proto__":{},"__proto__":{}}',
    '{"1":1,"1":2}',
    '{"":1,"":2}',
  ];
  for (const text of texts) assert.equal(parseStrictJson(text), undefined, text);
});

Deno.test("parseStrictJson() refuses what is no JSON", () => {
  const texts = [
    "",
    " ",
    "{",
    '{"a"}',
    '{"a":1,}',
    "{a:1}",
    "{'a':1}",
    '{"a":1}x',
    "\ufeff{}",
    '{"a":1 /* */}',
    "NaN",
    '"\n"',
    '"',
    '"\\',
    "undefined",
    "{}}",
    "]",
  ];
  for (const text of texts) assert.equal(parseStrictJson(text), undefined, text);
});

Deno.test("parseStrictJson() refuses more than 32 levels and is not stopped by a million", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  assert.notEqual(parseStrictJson(nested(32)), undefined);
  assert.equal(parseStrictJson(nested(33)), undefined);
  assert.equal(parseStrictJson(nested(1_000_000)), undefined);
  assert.equal(parseStrictJson('{"a":'.repeat(100_000)), undefined);
});

Deno.test("member() finds own members only", () => {
  const object = parseStrictJson('{"__proto__":"x","a":null}');
  assert.ok(isJsonObject(object));
  assert.equal(member(object, "__proto__"), "x");
  assert.equal(member(object, "a"), null);
  assert.equal(member(object, "constructor"), undefined);
  assert.equal(member({}, "__proto__"), undefined);
  assert.equal(isJsonObject([]), false);
  assert.equal(isJsonObject(null), false);
});

Deno.test("parseStrictJson() agrees with a slow and obvious reader on mutated texts", () => {
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const pieces = [
    '"a"',
    '"b"',
    '"\\u0061"',
    ":",
    ":",
    ",",
    "{",
    "}",
    "[",
    "]",
    "1",
    " ",
    '"',
    "\\",
    '"a":1',
    '{"a":{}}',
  ];
  let valid = 0;
  for (let round = 0; round < 30_000; round++) {
    let text = "";
    for (let i = random(9); i >= 0; i--) text += pieces[random(pieces.length)];
    const expected = slowly(text);
    if (expected !== undefined) valid++;
    assert.deepEqual(parseStrictJson(text), expected, text);
  }
  assert.ok(valid > 300, String(valid));
});

/** JSON.parse() that counts how often the reviver would have to be told of each key. */
function slowly(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  // Give every key a name of its own, in the order of the text: equal values then mean that none was lost.
  let names = 0;
  const renamed = text.replace(/"((?:[^"\\]|\\.)*)"(\s*:)/g, (_all, _key, colon) => `"k${names++}"${colon}`);
  let members = 0;
  JSON.parse(renamed, (key, inner) => {
    if (/^k\d+$/.test(key)) members++;
    return inner;
  });
  let kept = 0;
  JSON.parse(text, function (this: unknown, _key, inner) {
    if (isJsonObject(inner)) kept += Object.keys(inner).length;
    return inner;
  });
  return members === kept ? value : undefined;
}
