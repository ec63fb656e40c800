import assert from "node:assert/strict";
import { WorkQueue } from "./work_queue.ts";

function make(concurrency: number, maxWaiting: number) {
  const clock = { ms: 0 };
  const queue = new WorkQueue({ concurrency, maxWaiting, firstGuessMs: 10, monotonicMs: () => clock.ms });
  const started: number[] = [];
  const task = (name: number) => {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const run = () => {
      started.push(name);
      return promise;
    };
    return { done: queue.run(run), resolve: () => resolve(name), reject };
  };
  return { clock, queue, started, task };
}

Deno.test("tasks run in their order, so many at a time, and more than can wait are not taken", async () => {
  const { queue, started, task } = make(2, 3);
  const tasks = [0, 1, 2, 3, 4].map(task);
  assert.deepEqual(started, [0, 1]);
  assert.ok(queue.full);
  assert.equal(await task(5).done, null);
  tasks[1]?.resolve();
  assert.equal(await tasks[1]?.done, 1);
  assert.deepEqual(started, [0, 1, 2]);
  assert.ok(!queue.full);
  tasks[2]?.reject(new Error("broken"));
  await assert.rejects(async () => await tasks[2]?.done, /broken/);
  assert.deepEqual(started, [0, 1, 2, 3], "one that fails makes room too");
  for (const one of tasks) one.resolve();
  assert.deepEqual(await Promise.all([tasks[0], tasks[3], tasks[4]].map((one) => one?.done)), [0, 3, 4]);
  assert.deepEqual(started, [0, 1, 2, 3, 4]);
});

Deno.test("what a task will take is what the last ones took, once for each round before it", async () => {
  const { clock, queue, task } = make(2, 10);
  assert.equal(queue.expectedMs, 10);
  const first = task(0);
  assert.equal(queue.expectedMs, 10);
  const others = [task(1), task(2), task(3)];
  assert.equal(queue.expectedMs, 30);
  clock.ms = 60;
  first.resolve();
  await first.done;
  assert.equal(queue.expectedMs, 40, "20 ms on average, and one round before it");
  for (const other of others) other.resolve();
  await Promise.all(others.map(({ done }) => done));
});

Deno.test("a result that measures nothing leaves the average as it is", async () => {
  const { queue } = make(1, 1);
  await queue.run(() => Promise.resolve("skipped"), (result) => result !== "skipped");
  assert.equal(queue.expectedMs, 10);
  await queue.run(() => Promise.resolve("done"), (result) => result !== "skipped");
  assert.equal(queue.expectedMs, 8);
});
