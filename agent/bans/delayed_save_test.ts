import assert from "node:assert/strict";
import { TestSurroundings } from "../../tests/support/test_surroundings.ts";
import { DelayedSave } from "./delayed_save.ts";

/** A save whose end is the test's to say. */
function rig() {
  const world = new TestSurroundings();
  const ends: ((problem: string | null) => void)[] = [];
  const problems: (string | null)[] = [];
  const saver = new DelayedSave({
    save: () => {
      const { promise, resolve } = Promise.withResolvers<string | null>();
      ends.push(resolve);
      return promise;
    },
    setTimer: world.setTimer,
    onProblem: (problem) => problems.push(problem),
  });
  return {
    world,
    saver,
    problems,
    saves: () => ends.length,
    /** Ends the save that runs, and lets what follows happen. */
    end: async (problem: string | null = null) => {
      ends.at(-1)?.(problem);
      for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    },
  };
}

Deno.test("a change is saved within a second of it, however many follow", async () => {
  const { world, saver, saves, end } = rig();
  assert.deepEqual(world.timers, [], "nothing to save");
  saver.changed();
  for (let ms = 0; ms < 240; ms += 10) {
    world.advance(10);
    saver.changed();
    assert.equal(saves(), 0);
  }
  world.advance(10);
  assert.equal(saves(), 1);
  await end();
  assert.deepEqual(world.timers, [], "nothing more to save");
});

Deno.test("what changes while it is saved is saved again, and never two at a time", async () => {
  const { world, saver, saves, end } = rig();
  saver.changed();
  world.advance(250);
  saver.changed();
  saver.changed();
  world.advance(10_000);
  assert.equal(saves(), 1);
  assert.deepEqual(world.timers, []);
  await end();
  assert.deepEqual(world.timers, [250]);
  world.advance(250);
  assert.equal(saves(), 2);
  await end();
  assert.deepEqual(world.timers, []);
});

Deno.test("a save that fails is tried again, less and less often, and told once", async () => {
  const { world, saver, saves, end, problems } = rig();
  saver.changed();
  world.advance(250);
  for (const [tries, ms] of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000].entries()) {
    await end("full");
    assert.deepEqual(world.timers, [ms]);
    saver.changed();
    assert.deepEqual(world.timers, [ms], "no sooner for another change");
    world.advance(ms);
    assert.equal(saves(), tries + 2);
  }
  assert.deepEqual(problems, ["full"]);
  await end();
  assert.deepEqual(problems, ["full", null]);
  assert.deepEqual(world.timers, []);
  saver.changed();
  assert.deepEqual(world.timers, [250]);
  world.advance(250);
  await end("full again");
  assert.deepEqual(problems, ["full", null, "full again"]);
  assert.deepEqual(world.timers, [1000]);
});

Deno.test("close() saves what is not saved, behind the save that runs, and leaves no timer", async () => {
  const { world, saver, saves, end } = rig();
  saver.changed();
  world.advance(250);
  saver.changed();
  let closed = false;
  const closing = saver.close().then(() => closed = true);
  await Promise.resolve();
  assert.equal(saves(), 1);
  await end();
  assert.equal(saves(), 2);
  assert.ok(!closed);
  await end();
  assert.ok(closed);
  await closing;
  saver.changed();
  assert.deepEqual(world.timers, []);
});

Deno.test("close() takes the timer away, and saves nothing where nothing changed", async () => {
  const waiting = rig();
  waiting.saver.changed();
  const closing = waiting.saver.close();
  assert.deepEqual(waiting.world.timers, []);
  await Promise.resolve();
  await waiting.end();
  await closing;
  assert.equal(waiting.saves(), 1);
  await waiting.saver.close();
  assert.equal(waiting.saves(), 1);
  const idle = rig();
  await idle.saver.close();
  assert.equal(idle.saves(), 0);
});

Deno.test("close() tries once more what failed, and gives up", async () => {
  const { world, saver, saves, end, problems } = rig();
  saver.changed();
  world.advance(250);
  await end("full");
  const closing = saver.close();
  await Promise.resolve();
  assert.equal(saves(), 2);
  await end("full");
  await closing;
  assert.deepEqual([world.timers, problems], [[], ["full"]]);
});
