/** Whatever bytes come, inspection throws nothing, and does no more work than its bound. */
import assert from "node:assert/strict";
import { deflateSync, gzipSync } from "node:zlib";
import { ALL_PATTERNS, inspect, inspectionWork } from "./inspect.ts";
import { planOf } from "./inspect_fixture.ts";
import { ATTACKS } from "./testdata/attacks.ts";
import { BENIGN, benignBytes } from "./testdata/benign.ts";
import { ENCODINGS } from "./testdata/encodings.ts";

const MAX_DECODED = 65_536;
/** Nothing refuses, so that nothing stops the search before its end. */
const plan = planOf({ "block-severity": "critical", "max-decoded-bytes": MAX_DECODED });
const blocking = planOf();
const encoder = new TextEncoder();

let seed = 77;
const random = (below: number): number => ((seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) >>> 8) % below;
const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;

/** Looks that a byte may cost at most, of the payload or decoded from it. */
const LOOKS = 80;

function check(payload: Uint8Array): void {
  const findings = inspect(plan, "payload", payload, "a/b");
  const work = inspectionWork();
  assert.ok(work <= LOOKS * (payload.length + MAX_DECODED), `${work}: ${payload.slice(0, 64).toHex()}`);
  for (const hit of findings?.audited ?? []) {
    assert.ok(hit.offset >= -1 && hit.offset <= payload.length, `${hit.pattern} at ${hit.offset} of ${payload.length}`);
  }
  assert.deepEqual(structuredClone(findings), findings);
  const refused = inspect(blocking, "payload", payload, "a/b")?.blocking;
  if (refused != null) assert.ok(refused.offset >= -1 && refused.offset <= payload.length, refused.pattern);
}

const texts = [...Object.values(ATTACKS).flat(), ...Object.values(BENIGN).flat()];
const sources: readonly Uint8Array[] = [...texts.map((text) => encoder.encode(text)), ...benignBytes().slice(5)];

Deno.test("random bytes throw nothing and stay within the bound of work", () => {
  for (let n = 0; n < 3000; n++) {
    const size = pick([1, 2, 5, 16, 64, 300, 2000]);
    // Of all bytes, or of few: those repeat, and nest.
    const alphabet = random(2) === 0 ? 256 : 1 + random(12);
    const base = random(256);
    check(Uint8Array.from({ length: size }, () => base + random(alphabet) & 255));
  }
});

Deno.test("mutations of attacks and of benign texts throw nothing and stay within the bound of work", () => {
  const encodings = Object.values(ENCODINGS);
  for (let n = 0; n < 6000; n++) {
    let bytes = Uint8Array.from(pick(sources).subarray(0, 3000));
    for (let change = random(6); change > 0 && bytes.length > 0; change--) {
      const at = random(bytes.length);
      switch (random(6)) {
        case 0:
          bytes[at] = random(256);
          break;
        case 1:
          bytes = bytes.slice(0, at);
          break;
        case 2:
          bytes = Uint8Array.of(...bytes.subarray(0, at), ...pick(sources).subarray(0, 200), ...bytes.subarray(at));
          break;
        case 3:
          bytes = Uint8Array.of(...bytes.subarray(at), ...bytes.subarray(0, at));
          break;
        case 4:
          bytes = Uint8Array.of(...bytes, ...bytes.subarray(at));
          break;
        case 5:
          bytes = Uint8Array.from(pick(encodings)(bytes));
          break;
      }
    }
    check(bytes);
  }
});

Deno.test("broken compressed data throws nothing and stays within the bound of work", () => {
  for (let n = 0; n < 1500; n++) {
    const bytes = Uint8Array.from(pick([gzipSync, deflateSync])(pick(sources)));
    for (let change = 1 + random(3); change > 0; change--) bytes[random(bytes.length)] = random(256);
    const prefix = Uint8Array.from({ length: random(9) }, () => random(256));
    check(Uint8Array.of(...prefix, ...bytes));
  }
});

Deno.test("compressed data within data, repeated, is searched in linear time", () => {
  const member = Uint8Array.from(gzipSync(encoder.encode("temperature is fine and so on")));
  const workOf = (times: number, piece: Uint8Array): number => {
    const payload = new Uint8Array(times * piece.length);
    for (let n = 0; n < times; n++) payload.set(piece, n * piece.length);
    inspect(plan, "payload", payload, "a/b");
    return inspectionWork();
  };
  // Headers of zlib with nothing behind, and with blocks that hold nothing.
  const pieces = [
    Uint8Array.of(0x80, ...member),
    Uint8Array.of(0x78, 0x01),
    Uint8Array.of(0x78, 0x9c, 0x00, 0x00, 0x00, 0xff, 0xff),
    Uint8Array.of(0x78, 0x01, 0x00, 0xfe, 0xff, 0x00),
    Uint8Array.of(0x1f, 0x8b, 0x08, 0x00, 0, 0, 0, 0, 0, 3, 0x03, 0x00),
    Uint8Array.of(0x1f, 0x8b, 0x08, 0x18, 0, 0, 0, 0, 0, 3),
    Uint8Array.of(0x1f, 0x8b, 0x08, 0x08, 1, 1, 1, 1, 1, 3),
  ];
  for (const piece of pieces) {
    const count = Math.ceil(2048 / piece.length);
    const once = workOf(count, piece);
    const twice = workOf(2 * count, piece);
    assert.ok(twice <= 2.3 * once + 4096, `${piece.toHex()}: ${once}, ${twice}`);
  }
});

for (const { name, example, nearMiss } of ALL_PATTERNS) {
  Deno.test(`pattern ${name}: twice the text is at most about twice the work`, () => {
    for (const text of [`${example} `, `${nearMiss} `, example.slice(0, -1), example.slice(1), `${example}\n`]) {
      const count = Math.max(1, Math.ceil(4096 / text.length));
      const [once, twice, fourfold] = [1, 2, 4].map((times) => {
        inspect(plan, "payload", text.repeat(count * times), "a/b");
        return inspectionWork();
      }) as [number, number, number];
      assert.ok(twice <= 2.2 * once + 2048, `${JSON.stringify(text)}: ${once}, ${twice}`);
      assert.ok(fourfold <= 2.2 * twice + 2048, `${JSON.stringify(text)}: ${twice}, ${fourfold}`);
    }
  });
}
