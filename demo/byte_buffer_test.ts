import assert from "node:assert/strict";
import { ByteBuffer, concatBytes } from "./byte_buffer.ts";

Deno.test("ByteBuffer gives back what was appended, in order, whatever the sizes", () => {
  const buffer = new ByteBuffer();
  let next = 0;
  let expected = 0;
  for (let round = 0; round < 200; round++) {
    const chunk = new Uint8Array(1 + (round * 37) % 5000);
    for (let i = 0; i < chunk.length; i++) chunk[i] = next++ & 0xff;
    buffer.append(chunk);
    const taken = Math.floor(buffer.bytes.length * (round % 3) / 2);
    for (const byte of buffer.bytes.subarray(0, taken)) assert.equal(byte, expected++ & 0xff);
    buffer.consume(taken);
  }
  for (const byte of buffer.bytes) assert.equal(byte, expected++ & 0xff);
  assert.equal(expected, next);
});

Deno.test("concatBytes() joins, and does not copy a single piece", () => {
  const piece = new Uint8Array([1]);
  assert.equal(concatBytes([piece]), piece);
  assert.deepEqual(concatBytes([piece, new Uint8Array([2, 3])]), new Uint8Array([1, 2, 3]));
  assert.deepEqual(concatBytes([]), new Uint8Array());
});
