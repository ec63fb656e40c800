import assert from "node:assert/strict";
import { annotatedBytes, type HexContext, toHex } from "./annotated_hex.ts";

const V4: HexContext = { version: 4, clientId: "c1" };
const V5: HexContext = { version: 5, clientId: "c1" };

function hex(text: string, context: HexContext): string {
  return toHex(annotatedBytes(text, context).bytes);
}

Deno.test("annotatedBytes() computes the remaining length up to the end of the packet", () => {
  assert.equal(hex("30 rl s 'b/x' p '1' | C0 00", V4), "30 06 00 03 62 2f 78 31 c0 00");
  assert.equal(hex("30 rl s 'b/x' p '1' | C0 00", V5), "30 07 00 03 62 2f 78 00 31 c0 00");
  assert.equal(hex("30 rl ('a')*128", V4).slice(0, 11), "30 80 01 61");
});

Deno.test("annotatedBytes() knows where packets end, and that a bar in quotes is text", () => {
  assert.deepEqual(annotatedBytes("C0 00 | C0 00 | 'a|b'", V4).boundaries, [2, 4]);
  assert.deepEqual(annotatedBytes("C0 00", V4).boundaries, []);
});

Deno.test("annotatedBytes() makes a CONNECT of every version", () => {
  assert.equal(hex("10 rl cn 02 003C p id", V5), "10 0f 00 04 4d 51 54 54 05 02 00 3c 00 00 02 63 31");
  assert.equal(hex("10 rl cn 02 003C p id2", V4), "10 10 00 04 4d 51 54 54 04 02 00 3c 00 04 63 31 2d 32");
  assert.equal(hex("cn", { version: 3, clientId: "c" }), "00 06 4d 51 49 73 64 70 03");
  assert.equal(hex("[34: 01][5: 02]", V4), "01");
});

Deno.test("annotatedBytes() refuses what it cannot read", () => {
  for (const text of ["3", "30 xy", "c0", "s 00", "'open", "(00)*"]) {
    assert.throws(() => annotatedBytes(text, V4), /Cannot read the bytes/, text);
  }
});
