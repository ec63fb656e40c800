import { strict as assert } from "node:assert";
import { randomFrom } from "./rate_fixture.ts";
import { BucketQueue, RefillWheel } from "./refill_wheel.ts";

function drain(queue: BucketQueue, next: Int32Array): number[] {
  const found: number[] = [];
  for (let bucket = queue.shift(next); bucket !== -1; bucket = queue.shift(next)) found.push(bucket);
  return found;
}

Deno.test("RefillWheel hands over no bucket early, none later than an eighth, and each once", () => {
  const random = randomFrom(3);
  for (const [pace, spread] of [[10, 500], [1000, 100_000], [60_000, 1e10], [5e8, 1e9], [1e10, 1e10]] as const) {
    const wheel = new RefillWheel();
    const queue = new BucketQueue();
    const next = new Int32Array(400);
    const placed = new Map<number, { atMs: number; fullAtMs: number }>();
    let lastMs = 0;
    let nowMs = 0;
    let made = 0;
    while (made < 400 || placed.size > 0) {
      wheel.advance(nowMs, queue, next);
      for (const bucket of drain(queue, next)) {
        const was = placed.get(bucket);
        assert.ok(was !== undefined);
        placed.delete(bucket);
        assert.ok(nowMs >= was.fullAtMs, `${bucket} ${was.fullAtMs - nowMs} ms early`);
        const latestMs = was.fullAtMs + 16 + (was.fullAtMs - was.atMs) / 8;
        assert.ok(lastMs < latestMs, `${bucket} ${lastMs - was.fullAtMs} ms late`);
      }
      for (let i = random(3); i > 0 && made < 400; i--) {
        // Mostly near, some far.
        const fullAtMs = nowMs + 1 + random(random(3) === 0 ? spread : 40);
        wheel.place(made, fullAtMs, nowMs, next);
        placed.set(made++, { atMs: nowMs, fullAtMs });
      }
      lastMs = nowMs;
      nowMs += random(pace);
    }
  }
});

Deno.test("RefillWheel hands over what lies beyond its end within it", () => {
  const wheel = new RefillWheel();
  const queue = new BucketQueue();
  const next = new Int32Array(1);
  wheel.place(0, 1e15, 0, next);
  wheel.advance(1, queue, next);
  assert.deepEqual(drain(queue, next), []);
  wheel.advance(1.8e10, queue, next);
  assert.deepEqual(drain(queue, next), [0]);
});

Deno.test("RefillWheel.clear() forgets all", () => {
  const wheel = new RefillWheel();
  const queue = new BucketQueue();
  const next = new Int32Array(2);
  wheel.place(0, 10, 0, next);
  wheel.place(1, 1e6, 0, next);
  wheel.clear();
  wheel.advance(1e9, queue, next);
  assert.equal(queue.shift(next), -1);
});

Deno.test("BucketQueue takes lists in and gives buckets out in order", () => {
  const queue = new BucketQueue();
  const next = new Int32Array([1, 2, -1, 4, -1, -1]);
  queue.append(0, 2, next);
  queue.append(5, 5, next);
  assert.equal(queue.shift(next), 0);
  queue.append(3, 4, next);
  assert.deepEqual(drain(queue, next), [1, 2, 5, 3, 4]);
  queue.append(1, 1, next);
  assert.deepEqual(drain(queue, next), [1]);
  queue.append(1, 1, next);
  queue.clear();
  assert.equal(queue.shift(next), -1);
});
