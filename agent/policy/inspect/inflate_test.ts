import assert from "node:assert/strict";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { gzipDataStart, inflate, inflateEnd } from "./inflate.ts";

const encoder = new TextEncoder();
const out = new Uint8Array(1 << 17);

function samples(): Uint8Array[] {
  let seed = 1;
  const random = () => (seed = Math.imul(seed, 1103515245) + 12345 >>> 0) >>> 16;
  const noise = Uint8Array.from({ length: 5000 }, random);
  return [
    encoder.encode("; rm -rf /"),
    encoder.encode("a".repeat(70_000)),
    encoder.encode(Array.from({ length: 2000 }, (_, i) => `{"t":${i},"v":${random()}}`).join("\n")),
    noise,
    new Uint8Array(0),
  ];
}

Deno.test("inflate() gives back what zlib deflated, at every level and strategy", () => {
  for (const sample of samples()) {
    for (const level of [0, 1, 6, 9]) {
      for (const strategy of [0, 2, 4]) {
        const packed = deflateRawSync(sample, { level, strategy });
        const end = inflate(packed, 0, packed.length, out, 100, out.length);
        assert.equal(inflateEnd, "whole");
        assert.deepEqual(out.subarray(100, end), sample);
      }
    }
  }
});

Deno.test("inflate() keeps what comes before the end of a stream that is cut, and stops at the size", () => {
  const text = encoder.encode("'; DROP TABLE users; -- and more of it".repeat(20));
  const packed = deflateSync(text, { level: 1 });
  const end = inflate(packed, 2, packed.length - 30, out, 0, out.length);
  assert.equal(inflateEnd, "broken");
  assert.ok(end > 20);
  assert.deepEqual(out.subarray(0, end), text.subarray(0, end));
  assert.equal(inflate(packed, 2, packed.length, out, 0, 50), 50);
  assert.equal(inflateEnd, "full");
  assert.deepEqual(out.subarray(0, 50), text.subarray(0, 50));
});

Deno.test("inflate() never writes outside, whatever it is given", () => {
  let seed = 7;
  const random = () => (seed = Math.imul(seed, 1103515245) + 12345 >>> 0) >>> 16 & 0xff;
  const guarded = new Uint8Array(300);
  for (let i = 0; i < 20_000; i++) {
    const noise = Uint8Array.from({ length: 40 }, random);
    noise[0] = noise[0]! & ~7 | i % 6;
    const end = inflate(noise, 0, noise.length, guarded, 10, 200);
    assert.ok(end >= 10 && end <= 200);
  }
  assert.ok(guarded.subarray(200).every((byte) => byte === 0) && guarded.subarray(0, 10).every((byte) => byte === 0));
});

Deno.test("gzipDataStart() steps over name, comment, extra field and checksum of the header", () => {
  const plain = gzipSync(encoder.encode("hello"));
  assert.equal(gzipDataStart(plain, 0, plain.length), 10);
  const header = Uint8Array.of(0x1f, 0x8b, 8, 4 | 8 | 16 | 2, 0, 0, 0, 0, 0, 3, 2, 0, 9, 9, 0x61, 0, 0x62, 0, 7, 7);
  const named = new Uint8Array([...header, ...plain.subarray(10)]);
  assert.equal(gzipDataStart(named, 0, named.length), header.length);
  assert.equal(gzipDataStart(encoder.encode("not a stream"), 0, 12), -1);
  assert.equal(gzipDataStart(header.subarray(0, 15), 0, 15), -1);
});
