import { strict as assert } from "node:assert";
import { TAKEN } from "./bucket_array.ts";
import { NO_SLOT } from "./bucket_store.ts";
import { BucketTable } from "./bucket_table.ts";
import { bucketKey } from "./client_key.ts";
import { randomFrom, ratePlan, type RateSketch } from "./rate_fixture.ts";
import type { RatePlan } from "./rate_plan.ts";

/** A table for one limit for each client, of which every method knows its limit by heart. */
class OneLimit {
  readonly table = new BucketTable();
  plan: RatePlan;

  constructor(sketch: RateSketch) {
    this.plan = ratePlan(sketch);
    this.table.configure(this.plan, 0);
  }

  configure(sketch: RateSketch, nowMs: number): void {
    this.plan = ratePlan(sketch);
    this.table.configure(this.plan, nowMs);
  }

  open(key: string, nowMs: number): number {
    return this.table.open(this.plan.client!, bucketKey(key), nowMs);
  }

  /** Whether a message of the key passes; null where there is no room. */
  take(key: string, nowMs: number): boolean | null {
    const slot = this.open(key, nowMs);
    return slot === NO_SLOT ? null : this.table.take(slot, this.plan.client!, 1, nowMs) === TAKEN;
  }

  drain(key: string, nowMs: number): void {
    for (let i = 0; this.take(key, nowMs) === true; i++) assert.ok(i < 1000);
  }

  keys(): string[] {
    return this.table.list(0, 1_000_000, 0).buckets.map(({ key }) => key);
  }
}

const TEN_A_SECOND = { "messages-per-second": 10, burst: 10 };

Deno.test("a key has one bucket, whatever it is called", () => {
  const one = new OneLimit({ "per-client": TEN_A_SECOND });
  const keys = [
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "",
    "0",
    "-1",
    "\0",
    "\ud800",
    "é",
    "e\u0301",
  ];
  for (const key of keys) one.drain(key, 0);
  for (const key of keys) assert.equal(one.take(key, 0), false, key);
  assert.equal(one.take("fresh", 0), true);
  assert.equal(one.table.size, keys.length + 1);
  assert.deepEqual(one.keys(), [...keys, "fresh"]);
});

Deno.test("limits have buckets of their own for one key", () => {
  const plan = ratePlan({ "per-client": TEN_A_SECOND, subscribe: { "messages-per-second": 1, burst: 1 } });
  const table = new BucketTable();
  table.configure(plan, 0);
  const message = table.open(plan.client!, bucketKey("a"), 0);
  const subscribe = table.open(plan.subscribe!, bucketKey("a"), 0);
  assert.notEqual(message, subscribe);
  assert.equal(table.take(subscribe, plan.subscribe!, 1, 0), TAKEN);
  assert.equal(table.take(subscribe, plan.subscribe!, 1, 0), 0);
  assert.equal(table.take(message, plan.client!, 1, 0), TAKEN);
});

Deno.test("a full bucket makes room, one that is not full never", () => {
  const one = new OneLimit({ "per-client": TEN_A_SECOND, "max-keys": 3 });
  one.drain("drained", 0);
  one.take("used", 0);
  one.open("idle", 0);
  assert.equal(one.take("new", 0), true);
  assert.deepEqual(one.keys().sort(), ["drained", "new", "used"]);
  assert.equal(one.open("another", 0), NO_SLOT, "all have been taken from");
  assert.equal(one.open("another", 99), NO_SLOT);
  assert.notEqual(
    one.open("another", 116),
    NO_SLOT,
    "a message is made good in 100 ms, and 16 is what a wheel is coarse",
  );
  assert.ok(one.keys().includes("drained"));
  assert.equal(one.take("drained", 116), true);
});

Deno.test("a drained bucket stays for as long as it is not full, whoever comes", () => {
  const one = new OneLimit({ "per-client": TEN_A_SECOND, "max-keys": 100 });
  one.drain("drained", 0);
  let made = 0;
  for (let nowMs = 0; nowMs < 999; nowMs++) {
    for (let i = 0; i < 5; i++) if (one.take(`key-${made}`, nowMs) !== null) made++;
    assert.ok(one.keys().includes("drained"), String(nowMs));
    assert.ok(one.table.size <= 100);
  }
  assert.ok(made > 500, String(made));
});

Deno.test("what was not used lately goes first", () => {
  const one = new OneLimit({ "per-client": TEN_A_SECOND, "max-keys": 5 });
  for (const key of ["a", "b", "c", "d", "e"]) one.take(key, 0);
  one.open("f", 1000);
  assert.ok(!one.keys().includes("a"));
  // Looked at once, "b" to "e" have had their second chance; "c" is used again.
  one.take("c", 1000);
  one.open("g", 2000);
  one.open("h", 2000);
  assert.deepEqual(one.keys().filter((key) => key < "f").length, 2);
  assert.ok(one.keys().includes("c"));
});

Deno.test("there is room at once, however many were used lately", () => {
  const one = new OneLimit({ "per-client": TEN_A_SECOND, "max-keys": 3000 });
  for (let i = 0; i < 3000; i++) one.take(`key-${i}`, 0);
  assert.notEqual(one.open("new", 1000), NO_SLOT);
});

Deno.test("a new key has no refusals of the one before it", () => {
  const one = new OneLimit({ "per-client": TEN_A_SECOND, "max-keys": 1 });
  for (let i = 0; i < 15; i++) one.take("a", 0);
  assert.equal(one.table.list(0, 1, 0).buckets[0]?.refused, 5);
  one.open("b", 2000);
  assert.equal(one.table.list(0, 1, 0).buckets[0]?.refused, 0);
});

Deno.test("a slot that another key has got tells so by its generation", () => {
  const one = new OneLimit({ "per-client": TEN_A_SECOND, "max-keys": 1 });
  const slot = one.open("a", 0);
  const generation = one.table.generation(slot);
  assert.equal(one.open("b", 0), slot);
  assert.notEqual(one.table.generation(slot), generation);
  assert.equal(one.open("b", 0), slot);
  assert.equal(one.table.generation(slot), generation + 1);
});

Deno.test("a million keys leave a table of max-keys, and no drained one gets lost in between", () => {
  const one = new OneLimit({ "per-client": TEN_A_SECOND, "max-keys": 10_000 });
  one.configure(
    { "per-client": { quota: [{ messages: 10, per: "day" }] }, connect: TEN_A_SECOND, "max-keys": 10_000 },
    0,
  );
  for (let i = 0; i < 100; i++) one.drain(`drained-${i}`, 0);
  const connect = one.plan.connect!;
  let refused = 0;
  for (let i = 0; i < 1_000_000; i++) {
    const nowMs = Math.floor(i / 100);
    const slot = one.table.open(connect, bucketKey(`key-${i}`), nowMs);
    if (slot === NO_SLOT) refused++;
    else one.table.take(slot, connect, 1, nowMs);
  }
  assert.equal(one.table.size, 10_000);
  assert.equal(one.keys().length, 10_000, "there is no slot beyond");
  // A hundred new keys a millisecond, each not full for 100 ms: 9900 places are enough for most.
  assert.ok(refused < 300_000, String(refused));
  for (let i = 0; i < 100; i++) assert.equal(one.take(`drained-${i}`, 10_000), false, String(i));
});

Deno.test("a table full of what is not full has room again when that is full, and not before", () => {
  const one = new OneLimit({ "per-client": { quota: [{ messages: 10, per: "day" }] }, "max-keys": 1000 });
  for (let i = 0; i < 1000; i++) one.take(`key-${i}`, 0);
  const fullAtMs = 86_400_000 / 10;
  for (const nowMs of [0, 1000, fullAtMs - 1]) {
    for (let i = 0; i < 3000; i++) assert.equal(one.open(`new-${i}`, nowMs), NO_SLOT);
  }
  let nowMs = fullAtMs;
  while (one.open("new", nowMs) === NO_SLOT) nowMs += 60_000;
  assert.ok(nowMs <= fullAtMs * 9 / 8 + 60_000, `${nowMs - fullAtMs} ms late`);
  // What was used meanwhile stays.
  assert.equal(one.take("key-500", nowMs), true);
  for (let i = 1; i < 999; i++) assert.notEqual(one.open(`new-${i}`, nowMs), NO_SLOT, String(i));
  assert.equal(one.open("new-999", nowMs), one.open("new-999", nowMs));
  assert.ok(one.keys().includes("key-500"));
});

Deno.test("configure() carries over what limits have in common and forgets the rest", () => {
  const one = new OneLimit({ "per-client": TEN_A_SECOND, connect: TEN_A_SECOND });
  one.drain("a", 0);
  one.open("full", 0);
  const held = one.open("a", 0);
  one.table.open(one.plan.connect!, bucketKey("a"), 0);
  const generation = one.table.generation(held);
  one.configure({ control: TEN_A_SECOND, "per-client": { "messages-per-second": 5, burst: 100 } }, 0);
  assert.equal(one.table.generation(held), generation);
  assert.equal(one.table.size, 2);
  assert.equal(one.open("a", 0), held);
  assert.equal(one.take("a", 0), false);
  assert.equal(one.take("a", 199), false);
  const [, full] = one.table.list(0, 10, 0).buckets;
  assert.deepEqual([full?.key, full?.meters[0]?.level, full?.meters[0]?.capacity], ["full", 100, 100]);
  const control = one.table.open(one.plan.control!, bucketKey("a"), 0);
  assert.equal(one.table.take(control, one.plan.control!, 1, 0), TAKEN);
});

Deno.test("configure() with more measures, more keys and fewer keys loses no bucket that is not full", () => {
  const one = new OneLimit({ "per-client": TEN_A_SECOND, "max-keys": 4 });
  for (let i = 0; i < 4; i++) one.drain(`key-${i}`, 0);
  const quota = [{ messages: 100, per: "day" as const }, { bytes: 100, per: "day" as const }];
  one.configure({ "per-client": { ...TEN_A_SECOND, quota, "bytes-per-second": 1000 }, "max-keys": 4000 }, 0);
  for (let i = 4; i < 4000; i++) assert.equal(one.take(`key-${i}`, 0), true);
  assert.equal(one.open("one more", 0), NO_SLOT);
  for (let i = 0; i < 4; i++) assert.equal(one.take(`key-${i}`, 0), false);
  one.configure({ "per-client": TEN_A_SECOND, "max-keys": 10 }, 0);
  assert.equal(one.table.size, 4000);
  const levels = one.table.list(0, 4000, 0).buckets.map(({ meters }) => meters[0]?.level);
  assert.deepEqual(levels, Array.from({ length: 4000 }, (_, i) => i < 4 ? 0 : 9));
  assert.equal(one.open("one more", 0), NO_SLOT);
  for (let i = 0; i < 4; i++) assert.equal(one.take(`key-${i}`, 0), false);
  // Full ones go, at most 1024 at a time, until there are no more than ten.
  for (let i = 0; i < 10; i++) one.open("one more", 2000);
  assert.equal(one.table.size, 10);
  assert.ok(one.keys().includes("one more"));
  one.configure({ "per-client": TEN_A_SECOND, "max-keys": 4000 }, 2000);
  for (let i = 0; i < 3990; i++) assert.notEqual(one.open(`again-${i}`, 2000), NO_SLOT);
  assert.equal(one.table.size, 4000);
  for (let i = 0; i < 3990; i++) one.drain(`again-${i}`, 2000);
});

Deno.test("configure() with fewer keys and more again finds the places that became free", () => {
  const one = new OneLimit({ "per-client": TEN_A_SECOND, "max-keys": 10 });
  for (let i = 0; i < 10; i++) one.open(`key-${i}`, 0);
  one.configure({ "per-client": TEN_A_SECOND, "max-keys": 5 }, 0);
  one.open("new", 0);
  assert.equal(one.table.size, 5);
  one.configure({ "per-client": { "messages-per-second": 3, burst: 10 }, "max-keys": 10 }, 0);
  for (const key of one.keys()) one.take(key, 0);
  for (let i = 0; i < 5; i++) assert.equal(one.take(`more-${i}`, 0), true);
  assert.equal(one.open("none", 0), NO_SLOT);
});

Deno.test("configure() counts the buckets of a limit that is gone", () => {
  const one = new OneLimit({ "per-client": TEN_A_SECOND, connect: TEN_A_SECOND, "max-keys": 6 });
  for (let i = 0; i < 20; i++) one.open(`key-${i}`, 0);
  for (let i = 0; i < 3; i++) one.table.open(one.plan.connect!, bucketKey(`key-${i}`), 0);
  one.configure({ connect: TEN_A_SECOND, "max-keys": 6 }, 0);
  assert.equal(one.table.size, 3);
  assert.deepEqual(one.keys().sort(), ["key-0", "key-1", "key-2"]);
});

Deno.test("configure() shows the limit in force, where its numbers are the same too", () => {
  const one = new OneLimit({ "per-client": TEN_A_SECOND });
  one.open("a", 0);
  one.configure({ "per-client": { ...TEN_A_SECOND, action: "close" } }, 0);
  assert.equal(one.table.list(0, 1, 0).buckets[0]?.limit, one.plan.client);
});

Deno.test("configure() makes room sooner where buckets fill sooner", () => {
  const one = new OneLimit({ "per-client": { quota: [{ messages: 2, per: "day" }] }, "max-keys": 2 });
  one.take("a", 0);
  one.take("b", 0);
  assert.equal(one.open("c", 1000), NO_SLOT);
  one.configure({ "per-client": { quota: [{ messages: 2000, per: "minute" }] }, "max-keys": 2 }, 1000);
  assert.notEqual(one.open("c", 2000), NO_SLOT);
});

Deno.test("configure() gives the numbers of limits that are gone to new ones", () => {
  const one = new OneLimit({ "per-topic": [{ topic: "a", limit: TEN_A_SECOND }], "per-client": TEN_A_SECOND });
  for (let round = 0; round < 50; round++) {
    const topic = `t-${round}`;
    one.configure({ "per-topic": [{ topic, limit: TEN_A_SECOND }], "per-client": TEN_A_SECOND }, 0);
    const limit = one.plan.topics!.limits[0]!;
    const slot = one.table.open(limit, bucketKey("k"), 0);
    assert.equal(one.table.take(slot, limit, 1, 0), TAKEN);
    one.take("k", 0);
    assert.equal(one.table.size, 2);
    assert.deepEqual(one.table.list(0, 100, 0).buckets.map(({ limit }) => limit.name).sort(), ["client", topic]);
  }
});

Deno.test("fill() fills every bucket of a key and no other", () => {
  const plan = ratePlan({
    "per-client": TEN_A_SECOND,
    subscribe: TEN_A_SECOND,
    control: TEN_A_SECOND,
  });
  const table = new BucketTable();
  table.configure(plan, 0);
  for (const key of ["a", "b"]) {
    for (const limit of [plan.client!, plan.subscribe!]) {
      const slot = table.open(limit, bucketKey(key), 0);
      for (let i = 0; i < 20; i++) table.take(slot, limit, 1, 0);
    }
  }
  assert.equal(table.fill("a", 0), 2);
  assert.equal(table.fill("nobody", 0), 0);
  const level = (key: string) =>
    table.list(0, 9, 0).buckets.filter((bucket) => bucket.key === key).map(({ meters }) => meters[0]?.level);
  assert.deepEqual([level("a"), level("b")], [[10, 10], [0, 0]]);
});

Deno.test("a bucket that a reload changed is carried over when it is next looked at, whoever looks", () => {
  const quota = [{ messages: 50, per: "minute" as const }];
  const one = new OneLimit({ "per-client": { ...TEN_A_SECOND, quota } });
  for (const key of ["filled", "listed"]) one.drain(key, 0);
  // Half of the burst comes back by the first rate, a tenth of it by the second.
  one.configure({ "per-client": { "messages-per-second": 1, burst: 10 } }, 500);
  one.configure({ "per-client": { "messages-per-second": 7, burst: 100 } }, 1500);
  assert.equal(one.table.fill("filled", 1500), 1);
  assert.deepEqual(
    one.table.list(0, 10, 2500).buckets.map(({ key, meters }) => [key, meters[0]?.level, meters[0]?.capacity]),
    [["filled", 100, 100], ["listed", 67, 100]],
  );
});

Deno.test("list() gives pages of bounded work", () => {
  const one = new OneLimit({ "per-client": TEN_A_SECOND });
  for (let i = 0; i < 25; i++) one.take(`key-${i}`, 0);
  one.take("key-3", 0);
  for (let i = 0; i < 20; i++) one.take("key-7", 0);
  const seen: string[] = [];
  let from: number | null = 0;
  while (from !== null) {
    const page: ReturnType<BucketTable["list"]> = one.table.list(from, 10, 50);
    assert.ok(page.buckets.length <= 10);
    seen.push(...page.buckets.map(({ key }) => key));
    from = page.next;
  }
  assert.deepEqual(seen, Array.from({ length: 25 }, (_, i) => `key-${i}`));
  const [, , , third, , , , seventh] = one.table.list(0, 8, 50).buckets;
  assert.deepEqual(third, {
    key: "key-3",
    limit: one.plan.client,
    meters: [{ name: "messages-per-second", measure: "messages", level: 8.5, capacity: 10, perSecond: 10 }],
    refused: 0,
  });
  assert.deepEqual([seventh?.meters[0]?.level, seventh?.refused], [0.5, 11]);
});

Deno.test("whatever happens, each slot belongs to one key and each key finds its slot", () => {
  const random = randomFrom(23);
  const sketches: RateSketch[] = [
    { "per-client": TEN_A_SECOND, "max-keys": 60 },
    { "per-client": { "messages-per-second": 1, burst: 3 }, "max-keys": 60 },
    { "per-client": { quota: [{ messages: 5, per: "minute" }] }, "max-keys": 80 },
    { connect: TEN_A_SECOND, "per-client": TEN_A_SECOND, "max-keys": 40 },
  ];
  const one = new OneLimit(sketches[0]!);
  let nowMs = 0;
  let full = 0;
  for (let step = 0; step < 40_000; step++) {
    nowMs += random(60) === 0 ? random(20_000) : random(8);
    if (random(400) === 0) one.configure(sketches[random(sketches.length)]!, nowMs);
    const key = `key-${random(150)}`;
    const slot = one.open(key, nowMs);
    if (slot === NO_SLOT) full++;
    else {
      one.table.take(slot, one.plan.client!, 1, nowMs);
      assert.equal(one.open(key, nowMs), slot);
    }
    if (step % 500 > 0) continue;
    const keys = one.keys();
    assert.equal(keys.length, one.table.size);
    assert.equal(new Set(keys).size, keys.length);
    assert.ok(one.table.size <= 80);
  }
  assert.ok(full > 100 && full < 30_000, String(full));
});
