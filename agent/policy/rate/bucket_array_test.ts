import { strict as assert } from "node:assert";
import { BucketArray, LimitChange, TAKEN } from "./bucket_array.ts";
import { limitConfig, limitOf, type LimitSketch, randomFrom } from "./rate_fixture.ts";
import { below, OracleBucket, plus, times, whole } from "./rate_oracle.ts";

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;

interface Vector {
  readonly name: string;
  readonly limit: LimitSketch;
  /** When, how many bytes, and the measure that refuses, if one does. */
  readonly steps: readonly (readonly [atMs: number, bytes: number, refusing?: string])[];
}

const MESSAGES = "messages-per-second";
const BYTES = "bytes-per-second";

const VECTORS: readonly Vector[] = [
  {
    name: "a burst, then one message for each interval",
    limit: { "messages-per-second": 10, burst: 3 },
    steps: [[0, 1], [0, 1], [0, 1], [0, 1, MESSAGES], [99, 1, MESSAGES], [100, 1], [100, 1, MESSAGES]],
  },
  {
    name: "a bucket holds no more than its burst",
    limit: { "messages-per-second": 10, burst: 2 },
    steps: [[YEAR_MS, 1], [YEAR_MS, 1], [YEAR_MS, 1, MESSAGES]],
  },
  {
    name: "eight refused packets make the next one cost two",
    limit: { "messages-per-second": 10, burst: 3 },
    steps: [
      [0, 1],
      [0, 1],
      [0, 1],
      ...Array.from({ length: 8 }, () => [0, 1, MESSAGES] as const),
      [100, 1],
      [200, 1, MESSAGES],
      [299, 1, MESSAGES],
      [300, 1],
    ],
  },
  {
    name: "a hundred refused packets cost no more than eight",
    limit: { "messages-per-second": 10, burst: 3 },
    steps: [
      [0, 1],
      [0, 1],
      [0, 1],
      ...Array.from({ length: 100 }, () => [0, 1, MESSAGES] as const),
      [100, 1],
      [299, 1, MESSAGES],
      [300, 1],
    ],
  },
  {
    name: "four refused packets cost half a one",
    limit: { "messages-per-second": 10, burst: 3 },
    steps: [
      [0, 1],
      [0, 1],
      [0, 1],
      ...Array.from({ length: 4 }, () => [0, 1, MESSAGES] as const),
      [100, 1],
      [249, 1, MESSAGES],
      [250, 1],
    ],
  },
  {
    name: "a full bucket forgets refusals",
    limit: { "messages-per-second": 10, burst: 2 },
    steps: [[0, 1], [0, 1], [0, 1, MESSAGES], [0, 1, MESSAGES], [200, 1], [200, 1], [200, 1, MESSAGES], [400, 1]],
  },
  {
    name: "bytes, with the burst of one second",
    limit: { "bytes-per-second": 1000 },
    steps: [[0, 600], [0, 400], [1, 2, BYTES], [2, 2], [3, 1, BYTES], [4, 1]],
  },
  {
    name: "a packet larger than the burst passes from a full bucket only, and leaves a debt",
    limit: { "bytes-per-second": 1000, "burst-bytes": 100 },
    steps: [[0, 1], [0, 500, BYTES], [1, 500], [1, 1, BYTES], [401, 1, BYTES], [402, 1]],
  },
  {
    name: "what the bytes refuse takes no message but its eighth",
    limit: { "messages-per-second": 1, burst: 2, "bytes-per-second": 10 },
    steps: [[0, 10], [0, 1, BYTES], [100, 1], [1124, 1, MESSAGES], [1125, 1]],
  },
  {
    name: "a quota, without surcharge",
    limit: { quota: [{ messages: 6, per: "minute" }] },
    steps: [
      ...Array.from({ length: 6 }, () => [0, 1] as const),
      ...Array.from({ length: 20 }, () => [0, 1, "messages-per-minute"] as const),
      [9999, 1, "messages-per-minute"],
      [10_000, 1],
      [20_000, 1],
    ],
  },
  {
    name: "what the rate refuses takes nothing from the quota",
    limit: { "messages-per-second": 1, burst: 1, quota: [{ messages: 2, per: "day" }] },
    steps: [[0, 1], [0, 1, MESSAGES], [999, 1, MESSAGES], [1000, 1], [3000, 1, "messages-per-day"]],
  },
  {
    name: "a tenth of a message a second",
    limit: { "messages-per-second": 0.1, burst: 1 },
    steps: [[0, 1], [9999, 1, MESSAGES], [10_000, 1], [10_000, 1, MESSAGES], [YEAR_MS, 1], [YEAR_MS, 1, MESSAGES]],
  },
];

for (const { name, limit: sketch, steps } of VECTORS) {
  Deno.test(`BucketArray.take(): ${name}`, () => {
    const limit = limitOf(sketch);
    const buckets = new BucketArray(1, limit.meters.length);
    buckets.begin(0, limit, 0);
    for (const [step, [atMs, bytes, refusing]] of steps.entries()) {
      const place = buckets.take(0, limit, bytes, atMs);
      assert.equal(limit.meters[place]?.name, refusing, `step ${step}`);
    }
    assert.equal(buckets.refusedCount(0), steps.filter(([, , refusing]) => refusing !== undefined).length);
  });
}

/** Limits that are awkward to count in binary fractions, and some that are not. */
const LIMITS: readonly LimitSketch[] = [
  { "messages-per-second": 100, burst: 50, "bytes-per-second": 1_048_576 },
  { "messages-per-second": 0.3, burst: 7 },
  { "messages-per-second": 33.333, burst: 2 },
  { "bytes-per-second": 997, "burst-bytes": 100 },
  { "messages-per-second": 7, burst: 3, "bytes-per-second": 1009, quota: [{ messages: 97, per: "minute" }] },
  { quota: [{ bytes: 10_007, per: "minute" }, { messages: 1000, per: "hour" }] },
  { "messages-per-second": 3000, burst: 1, "bytes-per-second": 10_000, "burst-bytes": 1 },
];

Deno.test("BucketArray.take() agrees with fractions of whole numbers, whatever is tried when", () => {
  const random = randomFrom(7);
  let taken = 0;
  let refused = 0;
  for (let round = 0; round < 140; round++) {
    const sketch = LIMITS[round % LIMITS.length]!;
    const limit = limitOf(sketch);
    const buckets = new BucketArray(3, 4);
    const slot = random(3);
    // Late in the life of an agent that is never restarted.
    let nowMs = random(2) * 80 * YEAR_MS;
    buckets.begin(slot, limit, nowMs);
    const oracle = new OracleBucket(limitConfig(sketch), nowMs);
    const pace = [2, 20, 300, 5000][random(4)]!;
    const size = [3, 300, 3000][random(3)]!;
    for (let step = 0; step < 300; step++) {
      nowMs += random(50) === 0 ? random(DAY_MS) : random(pace);
      const bytes = random(size);
      const place = buckets.take(slot, limit, bytes, nowMs);
      assert.equal(place, oracle.take(bytes, nowMs), `round ${round}, step ${step}`);
      if (place === TAKEN) taken++;
      else refused++;
      const fullAtMs = buckets.fullAtMs(slot, limit);
      if (step % 10 > 0) continue;
      // Full exactly when it says, not a millisecond before.
      const sooner = new OracleBucket(limitConfig(sketch), nowMs);
      for (const [i, meter] of oracle.meters.entries()) sooner.meters[i]!.level = meter.level;
      if (fullAtMs > nowMs) sooner.pass(fullAtMs - 1);
      assert.equal(sooner.isFull, fullAtMs <= nowMs);
      sooner.pass(Math.max(fullAtMs, nowMs));
      assert.ok(sooner.isFull);
    }
  }
  assert.ok(taken > 5000 && refused > 5000, `${taken} ${refused}`);
});

Deno.test("BucketArray loses nothing in a million steps of a millisecond", () => {
  const limit = limitOf({ "messages-per-second": 0.000_7, burst: 10_000, quota: [{ messages: 9973, per: "day" }] });
  const small = new BucketArray(1, 2);
  const large = new BucketArray(1, 2);
  for (const buckets of [small, large]) {
    buckets.begin(0, limit, 0);
    for (let i = 0; i < 9973; i++) buckets.take(0, limit, 1, 0);
  }
  for (let nowMs = 1; nowMs <= 1_000_000; nowMs++) small.refusing(0, limit, 1, nowMs);
  large.refusing(0, limit, 1, 1_000_000);
  for (const i of [0, 1]) assert.equal(small.level(0, limit, i, 1_000_000), large.level(0, limit, i, 1_000_000));
  // 27 whole ones are left of the burst, and 1000 s bring 0.7.
  assert.ok(Math.abs(small.level(0, limit, 0, 1_000_000) - 27.7) < 1e-9);
});

Deno.test("a client a little too fast gets its rate, one that never stops at least half of it", () => {
  for (const [perSecond, least] of [[11, 0.98], [15, 0.92], [20, 0.85], [100, 0.5], [1000, 0.5]] as const) {
    const limit = limitOf({ "messages-per-second": 10, burst: 10 });
    const buckets = new BucketArray(1, 1);
    buckets.begin(0, limit, 0);
    let passed = 0;
    const seconds = 1000;
    for (let i = 0; i < perSecond * seconds; i++) {
      if (buckets.take(0, limit, 1, Math.floor(i * 1000 / perSecond)) === TAKEN) passed++;
    }
    const share = passed / (10 * seconds);
    assert.ok(share >= least && share <= 1.002, `${perSecond}/s: ${share}`);
  }
});

Deno.test("a quota lets through, in any time, no more than itself and what that time brings", () => {
  const quota = 60;
  const limit = limitOf({ quota: [{ messages: quota, per: "minute" }] });
  for (const [seed, pace] of [[1, 3000], [2, 900], [3, 20], [4, 50_000]] as const) {
    const random = randomFrom(seed);
    const buckets = new BucketArray(1, 1);
    buckets.begin(0, limit, 0);
    const passed: number[] = [];
    for (let nowMs = 0; passed.length < 600; nowMs += random(pace)) {
      for (let i = 0; i <= random(4) * 30; i++) if (buckets.take(0, limit, 1, nowMs) === TAKEN) passed.push(nowMs);
    }
    for (let a = 0; a < passed.length; a++) {
      for (let b = a; b < passed.length; b++) {
        const most = quota + Math.floor((passed[b]! - passed[a]!) * quota / 60_000);
        if (b - a + 1 > most) assert.fail(`${b - a + 1} in ${passed[b]! - passed[a]!} ms`);
      }
    }
  }
});

Deno.test("BucketArray.take() never owes so much that it stands still", () => {
  // A byte is 691 million units, 8 a millisecond: a quarter of a gigabyte is far more than a double counts by eights.
  const limit = limitOf({ quota: [{ bytes: 1, per: "day" }] });
  const buckets = new BucketArray(1, 1);
  buckets.begin(0, limit, 0);
  assert.equal(buckets.take(0, limit, 268_435_460, 0), TAKEN);
  const before = buckets.level(0, limit, 0, 0);
  for (let nowMs = 1; nowMs <= 1000; nowMs++) buckets.refusing(0, limit, 1, nowMs);
  assert.ok(buckets.level(0, limit, 0, 1000) > before);
  assert.ok(Number.isFinite(buckets.fullAtMs(0, limit)));
});

Deno.test("BucketArray.takeAnyway() takes what is not there, down to one burst below zero", () => {
  const limit = limitOf({ "messages-per-second": 1, burst: 3, "bytes-per-second": 10 });
  const buckets = new BucketArray(1, 2);
  buckets.begin(0, limit, 0);
  for (let i = 0; i < 100; i++) buckets.takeAnyway(0, limit, 0);
  assert.equal(buckets.level(0, limit, 0, 0), -3);
  assert.equal(buckets.level(0, limit, 1, 0), 10);
  assert.equal(buckets.refusing(0, limit, 0, 3999), 0);
  assert.equal(buckets.refusing(0, limit, 0, 4000), TAKEN);
  // A debt that is greater already stays.
  const wide = limitOf({ "messages-per-second": 1, burst: 2 });
  const one = new BucketArray(1, 1);
  one.begin(0, limitOf({ "messages-per-second": 1, burst: 9 }), 0);
  for (let i = 0; i < 30; i++) one.takeAnyway(0, limitOf({ "messages-per-second": 1, burst: 9 }), 0);
  one.takeAnyway(0, wide, 0);
  assert.equal(one.level(0, wide, 0, 0), -9);
});

interface Carried {
  readonly name: string;
  readonly from: LimitSketch;
  readonly to: LimitSketch;
  /** Messages, then bytes of a last one, that are taken before. */
  readonly taken: number;
  readonly bytes?: number;
  readonly levels: readonly number[];
}

const CARRIED: readonly Carried[] = [
  {
    name: "full stays full",
    from: { "messages-per-second": 1, burst: 10 },
    to: { "messages-per-second": 5, burst: 50 },
    taken: 0,
    levels: [50],
  },
  {
    name: "drained stays drained",
    from: { "messages-per-second": 1, burst: 10 },
    to: { "messages-per-second": 5, burst: 50 },
    taken: 10,
    levels: [0],
  },
  {
    name: "the same share of a larger burst",
    from: { "messages-per-second": 1, burst: 10 },
    to: { "messages-per-second": 1, burst: 50 },
    taken: 4,
    levels: [30],
  },
  {
    name: "the same share of a smaller one",
    from: { "messages-per-second": 1, burst: 10 },
    to: { "messages-per-second": 1, burst: 5 },
    taken: 6,
    levels: [2],
  },
  {
    name: "another rate alone changes no level",
    from: { "messages-per-second": 1, burst: 10 },
    to: { "messages-per-second": 0.3, burst: 10 },
    taken: 7,
    levels: [3],
  },
  {
    name: "a debt stays the same number of bytes",
    from: { "bytes-per-second": 100 },
    to: { "bytes-per-second": 1000 },
    taken: 0,
    bytes: 150,
    levels: [-50],
  },
  {
    name: "a debt stays the same share of the burst, if that is less",
    from: { "bytes-per-second": 100 },
    to: { "bytes-per-second": 10 },
    taken: 0,
    bytes: 150,
    levels: [-5],
  },
  {
    name: "a measure that is new starts full, one that is gone is forgotten, and the order does not matter",
    from: { "messages-per-second": 1, burst: 10, quota: [{ messages: 20, per: "day" }] },
    to: { "bytes-per-second": 7, quota: [{ bytes: 9, per: "day" }, { messages: 40, per: "day" }] },
    taken: 10,
    levels: [7, 9, 20],
  },
];

for (const { name, from: before, to: after, taken, bytes, levels } of CARRIED) {
  Deno.test(`BucketArray.carryOver(): ${name}`, () => {
    const from = limitOf(before);
    const to = limitOf(after);
    const buckets = new BucketArray(2, 3);
    buckets.begin(1, from, 5);
    for (let i = 0; i < taken; i++) assert.equal(buckets.take(1, from, 0, 5), TAKEN);
    if (bytes !== undefined) assert.equal(buckets.take(1, from, bytes, 5), TAKEN);
    const other = new BucketArray(4, 3);
    const change = new LimitChange(from, to);
    other.carryOver(3, buckets, 1, change, 5);
    buckets.carryOver(1, buckets, 1, change, 5);
    for (const [i, level] of levels.entries()) {
      assert.equal(other.level(3, to, i, 5), level);
      assert.equal(buckets.level(1, to, i, 5), level);
    }
  });
}

Deno.test("BucketArray.carryOver() lets time before it count by the old rate, and keeps refusals", () => {
  const from = limitOf({ "messages-per-second": 10, burst: 4 });
  const to = limitOf({ "messages-per-second": 1000, burst: 4 });
  const buckets = new BucketArray(1, 1);
  buckets.begin(0, from, 0);
  for (let i = 0; i < 12; i++) buckets.take(0, from, 1, 0);
  buckets.carryOver(0, buckets, 0, new LimitChange(from, to), 100);
  assert.equal(buckets.level(0, to, 0, 100), 1);
  assert.equal(buckets.refusedCount(0), 8);
  assert.equal(buckets.take(0, to, 1, 100), TAKEN);
  assert.equal(buckets.level(0, to, 0, 100), -1, "the surcharge of eight refusals");
});

Deno.test("BucketArray.carryOver() there and back never fills what is not full, nor empties what is", () => {
  const random = randomFrom(11);
  const sketches: LimitSketch[] = [3, 10, 7, 50, 1000].map((burst) => ({ "messages-per-second": 0.7, burst }));
  for (let round = 0; round < 200; round++) {
    let limit = limitOf(sketches[random(sketches.length)]!);
    const buckets = new BucketArray(1, 1);
    buckets.begin(0, limit, 0);
    const full = round % 4 === 0;
    const share = () => buckets.level(0, limit, 0, 0) * limit.meters[0]!.unitsPerMessage / limit.meters[0]!.capacity;
    if (!full) {
      buckets.take(0, limit, 1, 0);
      for (let i = random(12); i > 0; i--) buckets.take(0, limit, 1, 0);
    }
    const before = share();
    for (let reloads = 0; reloads < 20; reloads++) {
      const next = limitOf(sketches[random(sketches.length)]!);
      buckets.carryOver(0, buckets, 0, new LimitChange(limit, next), 0);
      limit = next;
      assert.ok(full ? share() === 1 : share() < 1 && share() <= before + 1e-9 && share() > before - 1e-3);
    }
  }
});

Deno.test("OracleBucket counts as one counts by hand", () => {
  const oracle = new OracleBucket(limitConfig({ "messages-per-second": 0.5, burst: 2 }), 0);
  assert.deepEqual([oracle.take(1, 0), oracle.take(1, 0), oracle.take(1, 0), oracle.take(1, 1999)], [-1, -1, 0, 0]);
  assert.equal(oracle.take(1, 2000), -1);
  const [meter] = oracle.meters;
  assert.ok(meter !== undefined);
  assert.deepEqual(meter.level, plus(whole(-1n), times(whole(3n), { top: 1n, bottom: 4n })));
  assert.ok(below(meter.level, whole(0n)));
});
