import assert from "node:assert/strict";
import { ProofCache } from "./proof_cache.ts";

function keyOf(cache: ProofCache<number>, proof: string): string {
  const key = cache.keyOf(proof);
  assert.ok(key !== null);
  return key;
}

Deno.test("the proof that was used last stays longest", () => {
  const cache = new ProofCache<number>({ maxProofs: 3, maxChars: 10 });
  const [a, b, c, d] = ["a", "b", "c", "d"].map((proof) => keyOf(cache, proof)) as [string, string, string, string];
  cache.set(a, 1);
  cache.set(b, 2);
  cache.set(c, 3);
  assert.equal(cache.get(a), 1);
  cache.set(c, 4);
  cache.set(d, 5);
  assert.equal(cache.size, 3);
  assert.deepEqual([a, b, c, d].map((key) => cache.get(key)), [1, undefined, 4, 5]);
  cache.clear();
  assert.equal(cache.size, 0);
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
