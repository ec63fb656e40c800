import assert from "node:assert/strict";
import { HASH_SEED, hashByte } from "./byte_hash.ts";

Deno.test("hashByte() parts texts that FNV gives one hash to, whatever bits of its seed are above the last eight", () => {
  for (const [low, one, other] of COLLISIONS) {
    for (const seed of [low, low | 0x12345600, low | -256]) {
      assert.equal(fnv(seed, one), fnv(seed, other), one);
      assert.notEqual(hash(one, seed), hash(other, seed), one);
    }
  }
});

Deno.test("hashByte() gives all keys of a document hashes of their own", () => {
  const seen = new Set<number>();
  for (let n = 0; n < 1000; n++) seen.add(hash(`key-${n}`));
  assert.ok(seen.size >= 999);
});

function fnv(seed: number, text: string): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

function hash(text: string, seed = HASH_SEED): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = hashByte(hash, text.charCodeAt(i));
  return hash;
}

/** The last eight bits of a seed, and two texts. */
const COLLISIONS: readonly (readonly [number, string, string])[] = [
  [0, "0y46cqi", "3ondjq1"],
  [1, "4wsjz8w", "8tew1g5"],
  [42, "85tnf67", "0ljuf0i"],
  [170, "3ion9nc", "og41m7t"],
  [255, "czqcywi", "osg44f3"],
];
