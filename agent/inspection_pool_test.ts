import assert from "node:assert/strict";
import { type Thread, type ThreadEvents, Threads } from "./auth/threads.ts";
import {
  type InspectionItem,
  type InspectionOrder,
  InspectionPool,
  type InspectionPoolOptions,
  type InspectionReport,
} from "./inspection_pool.ts";
import type { Inspected } from "./policy/inspect/inspector.ts";
import { testInspector } from "../tests/support/test_agent.ts";

const INSPECTOR = testInspector();

function item(text: string, topic = "a/x"): InspectionItem {
  const payload = new TextEncoder().encode(text);
  return { payload, topic, weight: payload.length };
}

function found(text: string): Inspected {
  return { refusal: { word: "sqli", text }, noted: [], hasShadow: false };
}

/** Threads that do nothing by themselves, timers that are called by hand, and a clock that stands. */
class FakeThreads {
  readonly started: FakeThread[] = [];
  readonly timers: { callback: () => void; ms: number }[] = [];
  readonly failures: string[] = [];
  nowMs = 0;

  start(kind: string, events: ThreadEvents): Thread {
    assert.equal(kind, "inspect");
    const thread = new FakeThread(events);
    this.started.push(thread);
    return thread;
  }

  pool(options: InspectionPoolOptions = {}): InspectionPool {
    return new InspectionPool(this, {
      now: () => this.nowMs,
      setTimer: (callback, ms) => {
        const timer = { callback, ms };
        this.timers.push(timer);
        return () => void this.timers.splice(this.timers.indexOf(timer), 1);
      },
      onWorkerFailure: (why) => this.failures.push(why),
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
  readonly orders: InspectionOrder[] = [];
  isStopped = false;
  readonly #events: ThreadEvents;

  constructor(events: ThreadEvents) {
    this.#events = events;
  }

  post(message: unknown, transfer: Transferable[] = []): void {
    // As a real channel does: what is transferred is gone here.
    this.orders.push(structuredClone(message as InspectionOrder, { transfer }));
  }

  stop(): void {
    this.isStopped = true;
  }

  report(report: InspectionReport): void {
    this.#events.onMessage(report);
  }

  ready(): void {
    this.report({ kind: "ready" });
  }

  done(inspected: readonly (Inspected | null)[] | null, tookMs = 1, work = 0): void {
    this.report({ kind: "done", inspected, tookMs, work });
  }

  die(why = "out of order"): void {
    this.#events.onFailure(why);
  }

  /** What was ordered, in one word each. */
  get kinds(): string {
    return this.orders.map((order) => order.kind === "use" ? "use" : `inspect ${order.items.length}`).join(", ");
  }
}

/** A pool whose thread knows the inspector. */
async function prepared(options: InspectionPoolOptions = {}): Promise<{ threads: FakeThreads; pool: InspectionPool }> {
  const threads = new FakeThreads();
  const pool = threads.pool(options);
  const preparing = pool.prepare(INSPECTOR);
  threads.last.ready();
  await preparing;
  return { threads, pool };
}

Deno.test("the thread is started by the first inspector, and takes its configuration as plain data", async () => {
  const threads = new FakeThreads();
  const pool = threads.pool();
  assert.equal(threads.started.length, 0);
  assert.equal(pool.expectedMs(1), Infinity);
  assert.equal(await pool.inspect(INSPECTOR, [item("x")], 60), null);
  const preparing = pool.prepare(INSPECTOR);
  const [order] = threads.last.orders;
  assert.deepEqual(order, { kind: "use", inspector: INSPECTOR.id, config: INSPECTOR.config });
  threads.last.ready();
  await preparing;
  await pool.prepare(INSPECTOR);
  assert.equal(threads.last.kinds, "use");
  assert.equal(threads.started.length, 1);
  pool.close();
});

Deno.test("answers belong to what was asked, in its order", async () => {
  const { threads, pool } = await prepared();
  const asked = ["1", "2", "3"].map((text) => pool.inspect(INSPECTOR, [item(text), item(text)], 60));
  assert.equal(threads.last.kinds, "use, inspect 2, inspect 2, inspect 2");
  for (const text of ["1", "2", "3"]) threads.last.done([null, found(text)]);
  assert.deepEqual(await Promise.all(asked), ["1", "2", "3"].map((text) => [null, found(text)]));
  // Nobody waits for this one.
  threads.last.done([null]);
  pool.close();
});

Deno.test("payloads are handed over, with their topics", async () => {
  const { threads, pool } = await prepared();
  const given = item("21.5", "a/s");
  const asked = pool.inspect(INSPECTOR, [given], 60);
  assert.equal(given.payload.length, 0);
  const order = threads.last.orders[1];
  assert.ok(order?.kind === "inspect");
  assert.equal(order.inspector, INSPECTOR.id);
  assert.deepEqual(order.items.map(({ payload, topic }) => [new TextDecoder().decode(payload), topic]), [[
    "21.5",
    "a/s",
  ]]);
  threads.last.done([null]);
  await asked;
  pool.close();
});

Deno.test("an inspector that the thread does not know comes first", async () => {
  const { threads, pool } = await prepared();
  const other = testInspector({ "block-binary": true });
  const asked = pool.inspect(other, [item("x")], 60);
  assert.equal(threads.last.kinds, "use, use, inspect 1");
  threads.last.ready();
  threads.last.done([null]);
  assert.deepEqual(await asked, [null]);
  const again = pool.inspect(other, [item("x")], 60);
  assert.equal(threads.last.kinds, "use, use, inspect 1, inspect 1");
  threads.last.done([null]);
  await again;
  pool.close();
});

Deno.test("the queue is bounded by bytes, and what finds no room is told so at once", async () => {
  const { threads, pool } = await prepared({ maxQueuedBytes: 100 });
  const asked = [
    pool.inspect(INSPECTOR, [item("7".repeat(60))], 60),
    pool.inspect(INSPECTOR, [item("7".repeat(40))], 60),
  ];
  assert.equal(pool.expectedMs(1), Infinity);
  assert.equal(await pool.inspect(INSPECTOR, [item("7")], 60), null);
  assert.equal(threads.last.kinds, "use, inspect 1, inspect 1");
  threads.last.done([null]);
  assert.notEqual(pool.expectedMs(60), Infinity);
  assert.equal(pool.expectedMs(61), Infinity);
  const more = pool.inspect(INSPECTOR, [item("7".repeat(30)), item("7".repeat(30))], 60);
  threads.last.done([null]);
  threads.last.done([null, null]);
  assert.deepEqual(await Promise.all([...asked, more]), [[null], [null], [null, null]]);
  pool.close();
});

Deno.test("what it will take is what stands before it, less what is done of that, and follows what was measured", async () => {
  const { threads, pool } = await prepared();
  // Until something was measured: 40 ns a byte, and a millisecond for the way.
  assert.equal(pool.expectedMs(100_000), 5);
  const first = pool.inspect(INSPECTOR, [item("7".repeat(200_000))], 60);
  assert.equal(pool.expectedMs(100_000), 13);
  threads.nowMs = 5;
  assert.equal(pool.expectedMs(100_000), 8);
  // It takes longer than was thought: what is behind it cannot take less than nothing.
  threads.nowMs = 500;
  assert.equal(pool.expectedMs(100_000), 5);
  threads.last.done([null]);
  await first;
  for (let n = 0; n < 40; n++) {
    const next = pool.inspect(INSPECTOR, [item("7".repeat(100_000))], 60);
    threads.last.done([null], 1);
    await next;
  }
  const faster = pool.expectedMs(100_000);
  assert.ok(faster > 1 && faster < 3, `${faster}`);
  pool.close();
});

Deno.test("a payload of a mebibyte is tried by an idle thread, whatever others took", async () => {
  const { threads, pool } = await prepared();
  assert.ok(pool.expectedMs(1 << 20) < 60);
  for (let n = 0; n < 50; n++) {
    const asked = pool.inspect(INSPECTOR, [item("7".repeat(1000))], 60);
    threads.last.done([null], 500, 4000);
    await asked;
  }
  assert.ok(pool.expectedMs(1 << 20) < 60);
  // Behind another it is reckoned to take what it took, up to what is hostile.
  const asked = pool.inspect(INSPECTOR, [item("7".repeat(100_000))], 60);
  assert.equal(Math.round(pool.expectedMs(100_000)), 21);
  threads.last.done([null]);
  await asked;
  pool.close();
});

Deno.test("what holds more than it shows does not make others wait for less", async () => {
  const bombs = await prepared();
  const plain = await prepared();
  // 1 KiB that unpacks to a mebibyte, at the same speed as text.
  for (let n = 0; n < 50; n++) {
    void bombs.pool.inspect(INSPECTOR, [item("7".repeat(1 << 10))], 60);
    bombs.threads.last.done([null], 20, 4 << 20);
    void plain.pool.inspect(INSPECTOR, [item("7".repeat(1 << 20))], 60);
    plain.threads.last.done([null], 20, 4 << 20);
  }
  for (const { pool } of [bombs, plain]) void pool.inspect(INSPECTOR, [item("7".repeat(1 << 10))], 60);
  assert.equal(bombs.pool.expectedMs(1 << 18), plain.pool.expectedMs(1 << 18));
  for (const { pool } of [bombs, plain]) pool.close();
});

Deno.test("an order says until when somebody waits for it, and one that was left came to nothing", async () => {
  const { threads, pool } = await prepared({ wallMs: () => 1000 });
  const asked = pool.inspect(INSPECTOR, [item("x")], 60);
  const order = threads.last.orders[1];
  assert.equal(order?.kind === "inspect" ? order.untilMs : 0, 1060);
  threads.last.done(null, 0);
  assert.equal(await asked, null);
  pool.close();
});

Deno.test("a thread that hangs is ended and started again, and what it had comes to nothing", async () => {
  const { threads, pool } = await prepared();
  const asked = pool.inspect(INSPECTOR, [item("x")], 60);
  const hung = threads.last;
  threads.nowMs = 5_001;
  assert.equal(pool.expectedMs(5), Infinity);
  assert.equal(await asked, null);
  assert.deepEqual([hung.isStopped, threads.failures], [true, ["it has not answered for 5000 ms"]]);
  threads.fireTimer();
  const again = pool.inspect(INSPECTOR, [item("x")], 60);
  assert.equal(threads.last.kinds, "use, inspect 1");
  threads.last.ready();
  threads.last.done([null]);
  assert.deepEqual(await again, [null]);
  pool.close();
});

Deno.test("an inspector that the thread has dropped for newer ones is made there again", async () => {
  const { threads, pool } = await prepared();
  for (let n = 0; n < 4; n++) {
    const preparing = pool.prepare(testInspector());
    threads.last.ready();
    await preparing;
  }
  const asked = pool.inspect(INSPECTOR, [item("x")], 60);
  assert.equal(threads.last.kinds, "use, use, use, use, use, use, inspect 1");
  threads.last.ready();
  threads.last.done([null]);
  assert.deepEqual(await asked, [null]);
  pool.close();
});

Deno.test("a thread that dies leaves nobody waiting, and another one takes its place and learns anew", async () => {
  const { threads, pool } = await prepared();
  const asked = [pool.inspect(INSPECTOR, [item("1")], 60), pool.inspect(INSPECTOR, [item("2")], 60)];
  threads.last.die("out of memory");
  assert.deepEqual(await Promise.all(asked), [null, null]);
  assert.deepEqual(threads.failures, ["out of memory"]);
  assert.equal(pool.expectedMs(1), Infinity);
  assert.equal(await pool.inspect(INSPECTOR, [item("3")], 60), null);
  // A configuration that comes into force meanwhile waits for nothing.
  await pool.prepare(testInspector());
  assert.equal(threads.fireTimer(), 0);
  assert.equal(threads.started.length, 2);
  const after = pool.inspect(INSPECTOR, [item("4")], 60);
  assert.equal(threads.last.kinds, "use, inspect 1");
  threads.last.ready();
  threads.last.done([found("4")]);
  assert.deepEqual(await after, [found("4")]);
  pool.close();
});

Deno.test("a thread that never works is started ever more seldom", async () => {
  const { threads, pool } = await prepared();
  const delays: number[] = [];
  for (let n = 0; n < 10; n++) {
    threads.last.die();
    delays.push(threads.fireTimer());
  }
  assert.deepEqual(delays, [0, 250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  void pool.prepare(INSPECTOR);
  threads.last.ready();
  threads.last.die();
  assert.equal(threads.fireTimer(), 0);
  pool.close();
});

Deno.test("what the thread cannot do is told, and the next thing is another matter", async () => {
  const { threads, pool } = await prepared();
  const asked = [pool.inspect(INSPECTOR, [item("1")], 60), pool.inspect(INSPECTOR, [item("2")], 60)];
  threads.last.report({ kind: "failed", why: "stack overflow" });
  threads.last.done([null]);
  assert.deepEqual(await Promise.all(asked), [null, [null]]);
  assert.deepEqual(threads.failures, ["stack overflow"]);
  assert.equal(threads.started.length, 1);
  pool.close();
});

Deno.test("a pool that is closed ends its thread, leaves nobody waiting and starts nothing any more", async () => {
  const { threads, pool } = await prepared();
  const asked = pool.inspect(INSPECTOR, [item("1")], 60);
  pool.close();
  assert.equal(await asked, null);
  assert.ok(threads.last.isStopped);
  assert.equal(await pool.inspect(INSPECTOR, [item("2")], 60), null);
  await pool.prepare(testInspector());
  assert.equal(threads.started.length, 1);
  const { threads: others, pool: restarting } = await prepared();
  others.last.die();
  restarting.close();
  assert.deepEqual(others.timers, []);
});

Deno.test("the real thread finds what this one finds, and knows the configurations it was given", async () => {
  const threads = new Threads();
  const pool = new InspectionPool(threads);
  try {
    const binary = testInspector({ "block-binary": true, "json-schema": [] });
    await pool.prepare(INSPECTOR);
    await pool.prepare(binary);
    assert.notEqual(pool.expectedMs(1 << 20), Infinity);
    const large = "21.5 ".repeat(20 << 10);
    const texts = [large, `${large}<script>alert(1)</script>`, "21.5", "x' UNION SELECT password FROM users-- "];
    const expected = texts.map((text) => INSPECTOR.inspectPayload(new TextEncoder().encode(text), "a/x"));
    assert.deepEqual(expected.map((inspected) => inspected?.refusal?.word ?? null), [
      null,
      "script-injection",
      null,
      "sqli",
    ]);
    const asked = pool.inspect(INSPECTOR, texts.map((text) => item(text)), 10_000);
    const others = pool.inspect(binary, [{ payload: new Uint8Array([0xff]), topic: "a/x", weight: 1 }], 10_000);
    assert.deepEqual(await asked, expected);
    assert.equal((await others)?.[0]?.refusal?.word, "binary");
  } finally {
    pool.close();
    await threads.close();
  }
});
