import assert from "node:assert/strict";
import { ProofCache } from "./proof_cache.ts";

function keyOf(cache: ProofCache<number>, proof: string): string {
  const key = cache.keyOf(proof);
  assert.ok(key !== null);
  return key;
}

Deno.test("what was used last stays, and what was not used for long leaves", () => {
  const cache = new ProofCache<number>({ maxProofs: 6, maxChars: 10 });
  const keys = Array.from({ length: 7 }, (_, index) => keyOf(cache, `proof ${index}`));
  const get = (index: number) => cache.get(keys[index] as string);
  const put = (...indexes: number[]) => {
    for (const index of indexes) cache.set(keys[index] as string, index);
  };
  put(0, 1, 2, 2, 2);
  put(3, 4);
  assert.equal(get(1), 1, "used, so it stays");
  put(5, 6);
  assert.deepEqual([get(0), get(2)], [undefined, undefined]);
  assert.deepEqual([get(1), get(5), get(6)], [1, 5, 6]);
  cache.clear();
  assert.ok(keys.every((key) => cache.get(key) === undefined));
});

Deno.test("however it is used, no more are kept than told, and the last half as many always", () => {
  const cache = new ProofCache<number>({ maxProofs: 10, maxChars: 10 });
  const keys = Array.from({ length: 40 }, (_, index) => keyOf(cache, `proof ${index}`));
  let seed = 13;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const recent: number[] = [];
  for (let round = 0; round < 2000; round++) {
    const index = random(40);
    const key = keys[index] as string;
    const found = cache.get(key);
    if (recent.slice(-5).includes(index)) assert.equal(found, index);
    if (found === undefined) cache.set(key, index);
    const at = recent.indexOf(index);
    if (at >= 0) recent.splice(at, 1);
    recent.push(index);
  }
  assert.ok(keys.filter((key) => cache.get(key) !== undefined).length <= 10);
});

Deno.test("keys are no part of the proof, and long proofs are not kept", () => {
  const cache = new ProofCache<number>({ maxProofs: 3, maxChars: 10 });
  assert.equal(cache.keyOf("x".repeat(11)), null);
  const key = keyOf(cache, "0123456789");
  assert.ok(!key.includes("0123"));
  assert.equal(key, keyOf(cache, "0123456789"));
  // As Latin-1 the low bytes of these would be the same.
  assert.notEqual(keyOf(cache, "e"), keyOf(cache, "\u0165"));
});
