/**
 * What one charge costs with 1 and with 100,000 keys, beside a bare look-up of the key in a `Map`, which is the floor:
 * `deno bench --v8-flags=--expose-gc agent/policy/rate/rate_bench.ts`. Keys are visited in an order that no cache likes.
 */
import { bucketKey } from "./client_key.ts";
import { BucketTable } from "./bucket_table.ts";
import { ratePlan, type RateSketch, subject } from "./rate_fixture.ts";
import { RateLimiter } from "./rate_limiter.ts";

/** So wide that all passes. */
const LIMIT = { "messages-per-second": 100_000_000, "bytes-per-second": 1_000_000_000_000, burst: 1_000_000 };
const KEYS = 100_000;

const heapBefore = heapBytes();
const filled = new BucketTable();
const plan = ratePlan({ "per-client": LIMIT });
filled.configure(plan, 0);
for (let i = 0; i < KEYS; i++) filled.open(plan.client!, bucketKey(`id=sensor-${i}`), 0);
console.log(
  `${Math.round((heapBytes() - heapBefore) / KEYS)} bytes a key, the key itself included, for ${filled.size} keys`,
);

for (const count of [1, KEYS]) {
  const group = `${count} keys`;
  const ids = Array.from({ length: count }, (_, i) => `sensor-${i}`);
  const map = new Map(ids.map((id, i) => [id, i]));
  const add = (name: string, sketch: RateSketch, charge: (rates: RateLimiter, i: number, nowMs: number) => unknown) => {
    const rates = new RateLimiter(ratePlan({ "max-keys": 4 * KEYS, ...sketch }), 0);
    const step = walk(count);
    let nowMs = 0;
    // What a session pays for its first packet is not what is asked here.
    for (let i = 0; i < count; i++) charge(rates, i, nowMs);
    Deno.bench(name, { group }, () => {
      nowMs += 0.001;
      charge(rates, step(), nowMs);
    });
    return rates;
  };
  const clients = ids.map((clientId) => new RateLimiter(null, 0).client(subject({ clientId })));
  const first = walk(count);
  let sum = 0;
  Deno.bench("Map.get()", { group, baseline: true }, () => {
    sum += map.get(ids[first()]!)!;
  });
  add("per-client", { "per-client": LIMIT }, (rates, i, nowMs) => rates.chargeMessage(clients[i]!, "a/b", 60, nowMs));
  const two = ids.map((clientId) => new RateLimiter(null, 0).client(subject({ clientId })));
  add("per-client and one of two topics", {
    "per-client": LIMIT,
    "per-topic": [{ topic: "high-freq/#", limit: LIMIT }, { topic: "low-freq/#", limit: LIMIT }],
  }, (rates, i, nowMs) => rates.chargeMessage(two[i]!, "high-freq/plant/7", 60, nowMs));
  const three = ids.map((clientId) => new RateLimiter(null, 0).client(subject({ clientId })));
  add("global and a shared topic", {
    global: LIMIT,
    "per-topic": [{ topic: "high-freq/#", limit: LIMIT, scope: "shared" }],
  }, (rates, i, nowMs) => rates.chargeShared(three[i]!, "high-freq/plant/7", 60, nowMs));
}

for (
  const [name, maxKeys, limit] of [
    ["a full bucket makes room", KEYS, LIMIT],
    ["no bucket is full", KEYS, { quota: [{ messages: 10, per: "day" as const }] }],
  ] as const
) {
  const rates = new RateLimiter(ratePlan({ "per-client": limit, "max-keys": maxKeys }), 0);
  let nowMs = 0;
  let number = 0;
  const charge = () => rates.chargeMessage(rates.client(subject({ clientId: `new-${number++}` })), null, 60, nowMs);
  for (let i = 0; i < maxKeys; i++) charge();
  Deno.bench(`a new session and a new key, ${name}`, { group: "new keys" }, () => {
    nowMs += 0.01;
    charge();
  });
}
const fresh = new Map<string, number>();
let number = 0;
Deno.bench("Map.set() and Map.delete() of a new key", { group: "new keys", baseline: true }, () => {
  fresh.set(`new-${number}`, number);
  if (number >= KEYS) fresh.delete(`new-${number - KEYS}`);
  number++;
});

/** Places from 0 to below `count`, each once and far from the one before. */
function walk(count: number): () => number {
  let at = 0;
  return () => {
    at += 61_803;
    if (at >= count) at %= count;
    return at;
  };
}

function heapBytes(): number {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
