import assert from "node:assert/strict";
import { BcryptError, BcryptPool } from "./bcrypt_pool.ts";
import { Threads } from "./threads.ts";

const THREADS = new URL("./threads.ts", import.meta.url).href;

/** A worker that says it is ready, and then does with each message what `code` says. */
function worker(code: string): string {
  return `data:application/javascript,${
    encodeURIComponent(`
      import { whenStarted } from ${JSON.stringify(THREADS)};
      whenStarted((port) => {
        port.onmessage = ({ data }) => { ${code} };
        port.postMessage({ kind: "ready", cost: 4, tookMs: 1 });
      });`)
  }`;
}

interface Seen {
  readonly messages: unknown[];
  readonly failures: string[];
  /** Resolves with the next message or failure. */
  next(): Promise<unknown>;
}

function seen(): Seen & { onMessage(data: unknown): void; onFailure(why: string): void } {
  let told = Promise.withResolvers<unknown>();
  const tell = (what: unknown): void => {
    const { resolve } = told;
    told = Promise.withResolvers();
    resolve(what);
  };
  const messages: unknown[] = [];
  const failures: string[] = [];
  return {
    messages,
    failures,
    next: () => told.promise,
    onMessage: (data) => {
      messages.push(data);
      tell(data);
    },
    onFailure: (why) => {
      failures.push(why);
      tell(why);
    },
  };
}

Deno.test("a thread gets what was posted before it ran, and answers", async () => {
  const threads = new Threads({ users: worker("port.postMessage(data * 2)") });
  const events = seen();
  const ready = events.next();
  const thread = threads.start("users", events);
  thread.post(21);
  await ready;
  assert.equal(await events.next(), 42);
  thread.stop();
  await threads.close();
  assert.deepEqual(events.failures, []);
});

Deno.test("a thread that throws is told as failed once, and the next one starts", async () => {
  const threads = new Threads({ users: worker("if (data === 'die') throw new Error('a poor reason')") });
  for (let round = 0; round < 2; round++) {
    const events = seen();
    const ready = events.next();
    const thread = threads.start("users", events);
    await ready;
    const failed = events.next();
    thread.post("die");
    assert.match(String(await failed), /a poor reason/);
    assert.equal(events.failures.length, 1);
  }
  await threads.close();
});

Deno.test("a thread whose program is not there is told as failed", async () => {
  const threads = new Threads({ users: new URL("./no_such_worker.ts", import.meta.url).href });
  const events = seen();
  const failed = events.next();
  threads.start("users", events);
  await failed;
  assert.equal(events.failures.length, 1);
  await threads.close();
});

Deno.test({
  name: "without a starter every thread is told as failed",
  // Ports on their way to a worker that never runs are nobody's to close: now and then they are still there at the end.
  sanitizeResources: false,
  fn: async () => {
    const threads = new Threads({ starter: new URL("./no_such_worker.ts", import.meta.url).href });
    const events = seen();
    const failed = events.next();
    threads.start("users", events);
    assert.match(String(await failed), /thread starter/);
    await threads.close();
  },
});

Deno.test("close() ends threads that are at work, and what is started after it fails", async () => {
  const threads = new Threads({ users: worker("for (;;);") });
  const events = seen();
  const ready = events.next();
  const thread = threads.start("users", events);
  await ready;
  thread.post("work for ever");
  await threads.close();
  assert.deepEqual(events.failures, ["the agent stops"]);
  const late = seen();
  const failed = late.next();
  threads.start("users", late);
  assert.equal(await failed, "the agent stops");
});

Deno.test("a bcrypt worker that crashes fails its password and is replaced by one that works", async () => {
  const crashing = worker(
    "if (data.hash.startsWith('$2b$04')) throw new Error('crash')\n" +
      "port.postMessage({ kind: 'done', matches: true, tookMs: 1 })",
  );
  const threads = new Threads({ bcrypt: crashing });
  const failures: string[] = [];
  const pool = new BcryptPool(threads, { workers: 1, onWorkerFailure: (why) => failures.push(why) });
  const password = new TextEncoder().encode("x");
  const hash = (cost: string): string => `$2b$${cost}$${"a".repeat(53)}`;
  const crash = pool.verify(password, hash("04"), { address: "a" });
  const other = pool.verify(password, hash("05"), { address: "a" });
  await assert.rejects(crash, (error) => error instanceof BcryptError && error.code === "worker-failed");
  assert.equal(await other, true);
  assert.equal(failures.length, 1);
  pool.close();
  await threads.close();
});
