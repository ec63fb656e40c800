import assert from "node:assert/strict";
import { FairQueue, type Queued } from "./fair_queue.ts";

interface Item extends Queued {
  readonly id: string;
}

function item(id: string, { low = false } = {}): Item {
  return { id, address: id.charAt(0), low };
}

function queue(maxQueued = 100, maxPerAddress = 100): FairQueue<Item> {
  return new FairQueue({ maxQueued, maxPerAddress });
}

function takeAll(from: FairQueue<Item>): string[] {
  const taken: string[] = [];
  for (let next = from.take(); next !== null; next = from.take()) taken.push(next.id);
  return taken;
}

Deno.test("addresses take turns, each in its own order", () => {
  const waiting = queue();
  for (const id of ["a1", "a2", "a3", "a4", "b1", "c1", "b2"]) waiting.add(item(id));
  assert.equal(waiting.size, 7);
  assert.deepEqual(takeAll(waiting), ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
  assert.equal(waiting.size, 0);
  assert.equal(waiting.take(), null);
});

Deno.test("one who comes late waits for one turn of an address that has hundreds", () => {
  const waiting = queue(1000, 1000);
  for (let n = 0; n < 500; n++) waiting.add(item(`a${n}`));
  waiting.take();
  waiting.add(item("b0"));
  assert.deepEqual([waiting.take()?.id, waiting.take()?.id], ["a1", "b0"]);
});

Deno.test("an address has no more than its bound, in both lanes together", () => {
  const waiting = queue(100, 2);
  assert.deepEqual(waiting.add(item("a1")), { evicted: null });
  assert.deepEqual(waiting.add(item("a2", { low: true })), { evicted: null });
  assert.deepEqual(waiting.add(item("a3")), { refused: "address-full" });
  assert.deepEqual(waiting.add(item("b1")), { evicted: null });
});

Deno.test("a full queue makes room at the expense of the address that has most, its newest first", () => {
  const waiting = queue(4);
  for (const id of ["b1", "a1", "a2", "a3"]) waiting.add(item(id));
  assert.deepEqual(waiting.add(item("c1")), { evicted: item("a3") });
  assert.equal(waiting.size, 4);
  // One against two would only change places.
  assert.deepEqual(waiting.add(item("b2")), { refused: "queue-full" });
  assert.deepEqual(waiting.add(item("a4")), { refused: "queue-full" });
  assert.deepEqual(waiting.add(item("d1")), { evicted: item("a2") });
  assert.deepEqual(waiting.add(item("e1")), { refused: "queue-full" });
  assert.deepEqual(takeAll(waiting), ["b1", "a1", "c1", "d1"]);
});

Deno.test("what is low is put out for what is not, and never the other way round", () => {
  const waiting = queue(3);
  waiting.add(item("a1"));
  waiting.add(item("b1", { low: true }));
  waiting.add(item("c1"));
  assert.deepEqual(waiting.add(item("a2")), { evicted: item("b1", { low: true }) });
  assert.deepEqual(waiting.add(item("d1", { low: true })), { refused: "queue-full" });
  assert.deepEqual(takeAll(waiting), ["a1", "c1", "a2"]);
  // Among themselves those that are low keep to what holds for the others.
  for (const id of ["x1", "y1", "z1"]) waiting.add(item(id, { low: true }));
  assert.deepEqual(waiting.add(item("z2", { low: true })), { refused: "queue-full" });
});

Deno.test("what is low waits behind the rest, but not for ever", () => {
  const waiting = queue(100);
  for (const id of ["x1", "x2"]) waiting.add(item(id, { low: true }));
  for (let n = 0; n < 20; n++) waiting.add(item(`a${n}`));
  const taken = takeAll(waiting);
  assert.deepEqual([taken.indexOf("x1"), taken.indexOf("x2")], [7, 15]);
  waiting.add(item("x3", { low: true }));
  waiting.add(item("b1"));
  assert.deepEqual(takeAll(waiting), ["b1", "x3"]);
});

Deno.test("costAhead() is what is taken before a newcomer", () => {
  const waiting = queue();
  for (const id of ["a1", "a2", "a3", "b1", "b2"]) waiting.add(item(id));
  waiting.add(item("c1", { low: true }));
  const ahead = (address: string, low = false): number => waiting.costAhead({ address, low }, () => 1);
  assert.equal(ahead("n"), 2);
  // Behind its own two and two of the other.
  assert.equal(ahead("b"), 2 + 3);
  assert.equal(ahead("a"), 3 + 2);
  assert.equal(ahead("n", true), 5 + 1);
  for (const newcomer of ["n", "a", "b"]) {
    const trial = queue();
    for (const id of ["a1", "a2", "a3", "b1", "b2"]) trial.add(item(id));
    const expected = trial.costAhead({ address: newcomer, low: false }, () => 1);
    trial.add(item(`${newcomer}X`));
    assert.ok(takeAll(trial).indexOf(`${newcomer}X`) <= expected, newcomer);
  }
});

Deno.test("drain() takes everything out of both lanes", () => {
  const waiting = queue();
  for (const id of ["a1", "b1"]) waiting.add(item(id));
  waiting.add(item("c1", { low: true }));
  assert.deepEqual(waiting.drain().map(({ id }) => id), ["a1", "b1", "c1"]);
  assert.equal(waiting.size, 0);
  assert.equal(waiting.take(), null);
});

Deno.test("refusal() says what add() would", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const queue = new FairQueue<Queued>({ maxQueued: 6, maxPerAddress: 3 });
    let state = seed;
    for (let step = 0; step < 40; step++) {
      state = (state * 48_271) % 2_147_483_647;
      const item = { address: "abcd".charAt(state % 4), low: state % 3 === 0 };
      if (state % 5 === 0) queue.take();
      const told = queue.refusal(item);
      const added = queue.add(item);
      assert.equal(told, "refused" in added ? added.refused : null);
    }
  }
});
