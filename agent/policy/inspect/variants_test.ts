/** Variants of each family, held so that a pattern that is made narrower shows what it loses, and one made wider what it hits. */
import assert from "node:assert/strict";
import { inspect } from "./inspect.ts";
import { planOf } from "./inspect_fixture.ts";
import { LOOKALIKES, VARIANTS } from "./testdata/variants.ts";

const plan = planOf();
const encoder = new TextEncoder();

function blockedBy(payload: string): string | null {
  return inspect(plan, "payload", payload, "a/b")?.blocking?.pattern ?? null;
}

Deno.test("every variant is caught as it is, and in base64", () => {
  assert.deepEqual(VARIANTS.filter((text) => blockedBy(text) === null), []);
  const long = VARIANTS.filter((text) => encoder.encode(text).length >= 12);
  assert.deepEqual(long.filter((text) => blockedBy(encoder.encode(text).toBase64()) === null), []);
  assert.ok(VARIANTS.length > 1500);
});

Deno.test("nearly every variant is caught as the value of a document", () => {
  // A path of a system may be a setting there, and braces of JSON are its own.
  const missed = VARIANTS.filter((text) => blockedBy(JSON.stringify({ device: "d1", value: text })) === null);
  assert.ok(missed.length <= VARIANTS.length / 50, JSON.stringify(missed));
});

Deno.test("what only looks like one passes, alone and as the value of a document", () => {
  const wrong = LOOKALIKES.flatMap((text) =>
    [text, JSON.stringify({ device: "d1", value: text })].filter((form) => blockedBy(form) !== null).map((form) =>
      `${blockedBy(form)}: ${form}`
    )
  );
  assert.deepEqual(wrong, []);
  assert.ok(LOOKALIKES.length > 300);
});

Deno.test("a text that is written byte by byte is found, and readings of sensors are none", () => {
  const attack = encoder.encode("1 union all select name, password from users");
  const hex = Array.from(attack, (byte) => byte.toString(16).padStart(2, "0"));
  for (const separator of [" ", ":", "-", ", ", ",0x"]) {
    assert.equal(blockedBy(hex.join(separator)), "sql-union-select", JSON.stringify(separator));
  }
  assert.equal(blockedBy(`{"type":"Buffer","data":[${Array.from(attack).join(",")}]}`), "sql-union-select");
  let seed = 3;
  const reading = (): number => 32 + ((seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) >>> 8) % 90;
  for (let n = 0; n < 300; n++) {
    assert.equal(blockedBy(JSON.stringify({ r: Array.from({ length: 400 }, reading) })), null);
  }
});

Deno.test("a key __proto__ of CBOR and of MessagePack is refused, and the word in a text or in a list is not", () => {
  const key = encoder.encode("__proto__");
  const inner = encoder.encode("isAdmin");
  const documents = [
    [0xa1, 0x69, ...key, 0xa1, 0x67, ...inner, 0xf5],
    [0x81, 0xa9, ...key, 0x81, 0xa7, ...inner, 0xc3],
  ];
  for (const bytes of documents) {
    const hit = inspect(plan, "payload", Uint8Array.from(bytes), "a/b")?.blocking;
    assert.equal(hit?.pattern, "script-prototype");
  }
  for (const text of ["__proto__", '["__proto__","isAdmin"]', '{"key":"__proto__"}', "the __proto__ of it"]) {
    assert.equal(blockedBy(text), null, text);
  }
});
