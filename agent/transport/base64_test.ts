import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { decodeBase64, decodeBase64Text } from "./base64.ts";

const into = new Uint8Array(1 << 16);

function both(text: string): [number, number] {
  const from = Buffer.from(text, "latin1");
  return [decodeBase64(from, 0, from.length, into), decodeBase64Text(text, into)];
}

Deno.test("decodeBase64() gives back what was encoded, at every length", () => {
  for (let length = 0; length < 2_000; length += length < 100 ? 1 : 37) {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) bytes[i] = (i * 167 + length) & 255;
    const text = Buffer.from(`xx${bytes.toString("base64")}yy`);
    assert.equal(decodeBase64(text, 2, text.length - 2, into), length);
    assert.deepEqual(Buffer.from(into.subarray(0, length)), bytes);
  }
});

Deno.test("decodeBase64() and the engine's strict decoder refuse the same", () => {
  const alphabet = 'ABZaz019+/=-_ \n\\"@\x00\x7f\xff';
  for (const a of alphabet) {
    for (const b of alphabet) {
      for (const c of alphabet) {
        for (const d of alphabet) {
          for (const text of [a + b + c + d, `AAAA${a}${b}${c}${d}`]) {
            const [own, engine] = both(text);
            assert.equal(own, engine, JSON.stringify(text));
          }
        }
      }
    }
  }
  for (const text of ["A", "AA", "AAA", "AAAAA", "=", "====", "A===", "AA==AAAA", "AAA=AAAA"]) {
    assert.deepEqual(both(text), [-1, -1], text);
  }
});
