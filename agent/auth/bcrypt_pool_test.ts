import assert from "node:assert/strict";
import { hashBcrypt } from "./bcrypt.ts";
import {
  BcryptError,
  type BcryptFailure,
  type BcryptOrder,
  BcryptPool,
  type BcryptPoolOptions,
  type BcryptReport,
} from "./bcrypt_pool.ts";
import { type Thread, type ThreadEvents, Threads } from "./threads.ts";

const HASH = { 4: `$2b$04$${"a".repeat(53)}`, 10: `$2b$10$${"a".repeat(53)}` } as const;

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Threads that do nothing by themselves, timers that are called by hand, and a clock that stands. */
class FakeThreads {
  readonly started: FakeThread[] = [];
  readonly timers: { callback: () => void; ms: number }[] = [];
  nowMs = 0;

  start(_kind: "bcrypt" | "users", events: ThreadEvents): Thread {
    const thread = new FakeThread(events);
    this.started.push(thread);
    return thread;
  }

  pool(options: BcryptPoolOptions = {}): BcryptPool {
    return new BcryptPool(this, {
      workers: 1,
      now: () => this.nowMs,
      setTimer: (callback, ms) => {
        const timer = { callback, ms };
        this.timers.push(timer);
        return () => void this.timers.splice(this.timers.indexOf(timer), 1);
      },
      ...options,
    });
  }

  get last(): FakeThread {
    return this.started.at(-1) as FakeThread;
  }

  /** The delay of the only timer there is, which goes off. */
  fireTimer(): number {
    assert.equal(this.timers.length, 1);
    const { callback, ms } = this.timers.splice(0, 1)[0] as { callback: () => void; ms: number };
    callback();
    return ms;
  }
}

class FakeThread implements Thread {
  /** Password and hash of each order. */
  readonly orders: [string, string][] = [];
  isStopped = false;
  readonly #events: ThreadEvents;

  constructor(events: ThreadEvents) {
    this.#events = events;
  }

  post(message: unknown, transfer: Transferable[] = []): void {
    // As a real channel does: what is transferred is gone here.
    const { password, hash } = structuredClone(message as BcryptOrder, { transfer });
    this.orders.push([new TextDecoder().decode(password), hash]);
  }

  stop(): void {
    this.isStopped = true;
  }

  report(report: BcryptReport): void {
    this.#events.onMessage(report);
  }

  ready(tookMs = 8): void {
    this.report({ kind: "ready", cost: 7, tookMs });
  }

  done(matches: boolean, tookMs = 64): void {
    this.report({ kind: "done", matches, tookMs });
  }

  die(why = "out of order"): void {
    this.#events.onFailure(why);
  }
}

async function failureOf(promise: Promise<boolean>): Promise<BcryptFailure> {
  const error = await promise.then(() => null, (error) => error);
  assert.ok(error instanceof BcryptError, String(error));
  return error.code;
}

Deno.test("the pool starts its threads with the first password, or when it is told to, and gives each one at a time", async () => {
  const threads = new FakeThreads();
  const pool = threads.pool({ workers: 2 });
  assert.equal(threads.started.length, 0);
  const results = ["1", "2", "3"].map((password, n) => pool.verify(bytes(password), HASH[4], { address: `${n}` }));
  assert.equal(threads.started.length, 2);
  pool.warm();
  assert.equal(threads.started.length, 2);
  assert.deepEqual([pool.queued, pool.running], [3, 0]);
  const [first, second] = threads.started as [FakeThread, FakeThread];
  first.ready();
  assert.deepEqual([pool.queued, pool.running], [2, 1]);
  second.ready();
  assert.deepEqual([first.orders, second.orders], [[["1", HASH[4]]], [["2", HASH[4]]]]);
  second.done(false);
  assert.deepEqual(second.orders[1], ["3", HASH[4]]);
  first.done(true);
  second.done(true);
  assert.deepEqual(await Promise.all(results), [true, false, true]);
  assert.deepEqual([pool.queued, pool.running], [0, 0]);
  pool.close();
});

Deno.test("a pool has a thread for each core but one, and at least one", () => {
  const threads = new FakeThreads();
  new BcryptPool(threads).warm();
  assert.equal(threads.started.length, Math.max(1, navigator.hardwareConcurrency - 1));
});

Deno.test("one address that asks a thousand times does not keep others waiting", async () => {
  const threads = new FakeThreads();
  const pool = threads.pool();
  const attack = Array.from({ length: 1000 }, (_, n) => {
    const address = `10.6.6.${n % 2}`;
    return pool.verify(bytes(`guess ${n}`), HASH[4], { address }).then(() => "done", (error) => error.code as string);
  });
  // Full: there is room for a device, and none for what is to wait behind everybody.
  const device = pool.verify(bytes("device"), HASH[4], { address: "10.0.0.1" });
  const slow = pool.verify(bytes("slow"), HASH[4], { address: "10.0.0.2", low: true });
  assert.equal(await failureOf(slow), "queue-full");
  assert.equal(pool.queued, 1000);
  threads.last.ready();
  for (let turn = 0; turn < 3; turn++) threads.last.done(true);
  assert.equal(await device, true);
  assert.deepEqual(threads.last.orders.map(([password]) => password).slice(0, 3), ["guess 0", "guess 1", "device"]);
  pool.close();
  const outcomes = await Promise.all(attack);
  assert.deepEqual([...new Set(outcomes)].sort(), ["closed", "done", "evicted"]);
});

Deno.test("what finds no room is refused at once, and what is put out of its place is told so", async () => {
  const threads = new FakeThreads();
  const pool = threads.pool({ maxQueued: 3, maxQueuedPerAddress: 2 });
  const bid = (address: string): Promise<boolean> => pool.verify(bytes(address), HASH[4], { address });
  const waiting = [bid("a"), bid("a")];
  assert.equal(await failureOf(bid("a")), "address-full");
  const b = bid("b");
  const c = bid("c");
  assert.equal(await failureOf(waiting[1] as Promise<boolean>), "evicted");
  assert.equal(await failureOf(bid("d")), "queue-full");
  pool.close();
  for (const left of [waiting[0], b, c]) assert.equal(await failureOf(left as Promise<boolean>), "closed");
  assert.equal(await failureOf(bid("e")), "closed");
  assert.ok(threads.last.isStopped);
});

Deno.test("expectedMs() counts what runs, what comes before and the run itself, by what runs took", () => {
  const threads = new FakeThreads();
  const pool = threads.pool();
  const at = (address: string): number => pool.expectedMs(10, { address });
  assert.ok(at("a") > 100, "a thread that is not there yet takes its time too");
  pool.warm();
  threads.last.ready(8);
  assert.equal(at("a"), 64);
  for (const address of ["a", "b", "b", "c"]) pool.verify(bytes("x"), HASH[10], { address }).catch(() => {});
  // One runs; of b one is before a newcomer, of c the other.
  assert.equal(at("n"), 64 + 2 * 64 + 64);
  assert.equal(at("b"), 64 + 3 * 64 + 64);
  assert.equal(pool.expectedMs(12, { address: "n" }), 64 + 2 * 64 + 256);
  assert.equal(pool.expectedMs(10, { address: "n", low: true }), 64 + 3 * 64 + 64);
  threads.nowMs = 40;
  assert.equal(at("n"), 24 + 2 * 64 + 64);
  threads.nowMs = 1000;
  assert.equal(at("n"), 2 * 64 + 64);
  threads.last.done(true, 164);
  // 164 is the first measurement of cost 10; before, it was reckoned from cost 7.
  assert.equal(at("n"), 164 + 2 * 164 + 164);
  pool.close();
});

Deno.test("expectedMs() divides what waits among the threads", () => {
  const threads = new FakeThreads();
  const pool = threads.pool({ workers: 4 });
  pool.warm();
  for (const thread of threads.started) thread.ready(8);
  for (let n = 0; n < 3; n++) pool.verify(bytes("x"), HASH[10], { address: `${n}` }).catch(() => {});
  // Three run, the fourth thread is free: but not as if there were a whole one for each.
  assert.equal(pool.expectedMs(10, { address: "n" }), 3 * 64 / 4 + 64);
  pool.close();
});

Deno.test("a thread that dies fails its password, and is started again at once, later if it dies again", async () => {
  const threads = new FakeThreads();
  const failures: string[] = [];
  const pool = threads.pool({ onWorkerFailure: (why) => failures.push(why) });
  const lost = pool.verify(bytes("lost"), HASH[4], { address: "a" });
  const waiting = pool.verify(bytes("waiting"), HASH[4], { address: "a" });
  threads.last.ready();
  threads.last.die("out of order");
  assert.equal(await failureOf(lost), "worker-failed");
  assert.deepEqual(failures, ["out of order"]);
  assert.equal(threads.fireTimer(), 0);
  threads.last.ready();
  threads.last.done(true);
  assert.equal(await waiting, true);
  assert.deepEqual(threads.started.map(({ orders }) => orders.map(([password]) => password)), [["lost"], ["waiting"]]);
  for (const expectedMs of [0, 250, 500, 1000]) {
    threads.last.die();
    assert.equal(threads.fireTimer(), expectedMs);
  }
  // None can be started: nobody is kept waiting for the next try.
  assert.equal(await failureOf(pool.verify(bytes("x"), HASH[4], { address: "a" })), "worker-failed");
  threads.last.ready();
  const after = pool.verify(bytes("x"), HASH[4], { address: "a" });
  threads.last.done(false);
  assert.equal(await after, false);
  pool.close();
  assert.equal(threads.timers.length, 0);
});

Deno.test("what waits is failed when the last thread cannot be started again", async () => {
  const threads = new FakeThreads();
  const pool = threads.pool();
  const waiting = pool.verify(bytes("x"), HASH[4], { address: "a" });
  threads.last.die();
  threads.fireTimer();
  threads.last.die();
  assert.equal(await failureOf(waiting), "worker-failed");
  assert.equal(threads.timers.length, 1);
  pool.close();
  assert.equal(threads.timers.length, 0, "a closed pool starts nothing");
});

Deno.test("a password that the library cannot take fails alone", async () => {
  const threads = new FakeThreads();
  const pool = threads.pool();
  const failed = pool.verify(bytes("x"), HASH[4], { address: "a" });
  const next = pool.verify(bytes("y"), HASH[4], { address: "a" });
  threads.last.ready();
  threads.last.report({ kind: "failed", why: "no" });
  assert.equal(await failureOf(failed), "worker-failed");
  threads.last.done(true);
  assert.equal(await next, true);
  assert.equal(threads.started.length, 1);
  pool.close();
});

Deno.test("the pool copies a password, so that its owner may wipe it at once", async () => {
  const threads = new FakeThreads();
  const pool = threads.pool();
  const password = bytes("secret");
  const result = pool.verify(password, HASH[4], { address: "a" });
  password.fill(0);
  threads.last.ready();
  assert.deepEqual(threads.last.orders, [["secret", HASH[4]]]);
  threads.last.done(true);
  assert.equal(await result, true);
  pool.close();
});

Deno.test("real threads prove passwords, text or not, and the pool learns what they take", async () => {
  const threads = new Threads();
  const pool = new BcryptPool(threads, { workers: 2 });
  const odd = new Uint8Array([0xff, 0xfe, 0x80]);
  const [hash, oddHash] = [await hashBcrypt(bytes("secret"), 5), await hashBcrypt(odd, 5)];
  const bidder = { address: "10.0.0.1" };
  const guessed = pool.expectedMs(5, bidder);
  const results = await Promise.all([
    pool.verify(bytes("secret"), hash, bidder),
    pool.verify(bytes("Secret"), hash, bidder),
    pool.verify(odd, oddHash, bidder),
    pool.verify(bytes("secret"), oddHash, bidder),
  ]);
  assert.deepEqual(results, [true, false, true, false]);
  assert.ok(pool.expectedMs(5, bidder) < guessed);
  pool.close();
  await threads.close();
});

Deno.test("settled() waits for workers on their way, and for nothing else", async () => {
  const isSettled = async (pool: BcryptPool) => {
    let settled = false;
    pool.settled().then(() => settled = true);
    await new Promise((resolve) => setImmediate(resolve));
    return settled;
  };
  const threads = new FakeThreads();
  const cold = threads.pool();
  assert.ok(await isSettled(cold), "nobody asked for a worker");
  const two = threads.pool({ workers: 2 });
  two.warm();
  assert.equal(await isSettled(two), false);
  threads.started[0]?.report({ kind: "ready", cost: 4, tookMs: 1 });
  assert.equal(await isSettled(two), false);
  threads.started[1]?.die("no engine");
  assert.ok(await isSettled(two), "one stands, one failed");
  const closing = new FakeThreads().pool();
  closing.warm();
  const waiting = closing.settled();
  closing.close();
  await waiting;
});
