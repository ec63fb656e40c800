import assert from "node:assert/strict";
import { createLogger, type LoggerOptions } from "./log.ts";

const DECODER = new TextDecoder();

/** Collects lines; time and timers are in the test's hands. */
function bench(options: LoggerOptions = {}) {
  const lines: string[] = [];
  const timers = new Set<{ callback: () => void; ms: number }>();
  const clock = { ms: Date.parse("2026-01-20T12:00:00.000Z") };
  const log = createLogger({
    json: true,
    now: () => clock.ms,
    setTimer: (callback, ms) => {
      const timer = { callback, ms };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    write: (bytes) => {
      lines.push(...DECODER.decode(bytes).split("\n").slice(0, -1));
      return Promise.resolve(bytes.length);
    },
    ...options,
  });
  const fire = () => {
    for (const timer of [...timers]) {
      timers.delete(timer);
      timer.callback();
    }
  };
  return { log, lines, timers, clock, fire };
}

/** A reader that takes nothing until told to. */
function stuckWrite() {
  const taken: string[] = [];
  const pending: (() => void)[] = [];
  const write = (bytes: Uint8Array) =>
    new Promise<number>((resolve) => {
      pending.push(() => {
        taken.push(...DECODER.decode(bytes).split("\n").slice(0, -1));
        resolve(bytes.length);
      });
    });
  return { write, taken, pending };
}

/** Lets microtasks and the writes that they start run. */
const settle = () => new Promise<void>((resolve) => queueMicrotask(() => setTimeout(resolve, 0)));

Deno.test("a JSON line has time, level, message and the fields in their order", async () => {
  const { log, lines } = bench();
  log.info("Listening", { socket: "/run/agent.sock", connections: 4, ready: true, none: null, left: undefined });
  await log.flush();
  assert.deepEqual(lines, [
    '{"time":"2026-01-20T12:00:00.000Z","level":"info","message":"Listening",' +
    '"socket":"/run/agent.sock","connections":4,"ready":true,"none":null}',
  ]);
});

Deno.test("a human line has time, level, message and key=value, quoted where it would be read wrongly", async () => {
  const { log, lines } = bench({ json: false });
  log.warn("Refused", {
    topic: "a/b",
    text: "two words",
    equals: "a=b",
    quote: 'a"b',
    empty: "",
    n: 1,
    list: [1, "x"],
  });
  await log.flush();
  assert.deepEqual(lines, [
    '2026-01-20T12:00:00.000Z WARN  Refused topic=a/b text="two words" equals="a=b" quote="a\\"b" empty="" n=1 ' +
    'list=[1,"x"]',
  ]);
});

Deno.test("colours come only if asked for", async () => {
  const plain = bench({ json: false });
  plain.log.error("x");
  await plain.log.flush();
  assert.equal(plain.lines[0], "2026-01-20T12:00:00.000Z ERROR x");
  const coloured = bench({ json: false, colours: true });
  coloured.log.error("x");
  await coloured.log.flush();
  assert.equal(coloured.lines[0], "2026-01-20T12:00:00.000Z \x1b[31mERROR\x1b[0m x");
});

Deno.test("lines below the level are not written, and setLevel() changes it", async () => {
  const { log, lines } = bench({ level: "warn" });
  log.trace("1"), log.debug("2"), log.info("3"), log.warn("4"), log.error("5");
  assert.deepEqual([log.enabled("info"), log.enabled("warn"), log.enabled("error")], [false, true, true]);
  log.setLevel("trace");
  log.trace("6"), log.debug("7");
  log.setLevel("error");
  log.warn("8");
  await log.flush();
  assert.deepEqual(lines.map((line) => JSON.parse(line).message), ["4", "5", "6", "7"]);
});

Deno.test("the lines of one turn share one write", async () => {
  let writes = 0;
  const { log } = bench({ write: (bytes) => (writes++, Promise.resolve(bytes.length)) });
  for (let i = 0; i < 100; i++) log.info("x");
  await log.flush();
  assert.equal(writes, 1);
});

Deno.test("a write that takes some of the bytes is continued, in order", async () => {
  let text = "";
  const { log } = bench({
    write: (bytes) => {
      text += DECODER.decode(bytes.subarray(0, 7));
      return Promise.resolve(Math.min(7, bytes.length));
    },
  });
  log.info("one"), log.info("two");
  await log.flush();
  assert.deepEqual(text.trimEnd().split("\n").map((line) => JSON.parse(line).message), ["one", "two"]);
});

Deno.test("a full queue drops lines, counts them, and one later line says how many", async () => {
  const stuck = stuckWrite();
  const { log } = bench({ write: stuck.write, maxQueuedLines: 10 });
  log.info("first");
  await settle(); // The first line is in the hands of the writer, the queue is empty.
  for (let i = 0; i < 1500; i++) log.info(`line ${i}`);
  assert.equal(log.stats.dropped, 1490);
  stuck.pending.shift()?.();
  await settle();
  stuck.pending.shift()?.();
  await settle();
  stuck.pending.shift()?.();
  await log.flush();
  const messages = stuck.taken.map((line) => JSON.parse(line).message);
  assert.equal(messages.length, 12);
  assert.equal(messages[0], "first");
  assert.equal(messages[10], "line 9");
  assert.equal(messages[11], "1,490 log lines were dropped");
  assert.equal(JSON.parse(stuck.taken[11] ?? "").dropped, 1490);
});

Deno.test("the queue is bounded in bytes too, and a line that does not fit leaves no part of itself", async () => {
  const stuck = stuckWrite();
  const { log } = bench({ write: stuck.write, maxQueuedBytes: 1024 });
  for (let i = 0; i < 100; i++) log.info("é".repeat(100));
  assert.equal(log.stats.dropped, 97);
  await settle();
  stuck.pending.shift()?.();
  await settle();
  stuck.pending.shift()?.();
  await log.flush();
  assert.equal(stuck.taken.length, 4);
  for (const line of stuck.taken) JSON.parse(line);
});

Deno.test("a write that fails loses its lines, tells it with the next that succeeds, and is not tried on its own", async () => {
  let attempts = 0;
  let broken = true;
  const lines: string[] = [];
  const { log } = bench({
    write: (bytes) => {
      attempts++;
      if (broken) throw new Error("EPIPE");
      lines.push(...DECODER.decode(bytes).trimEnd().split("\n"));
      return Promise.resolve(bytes.length);
    },
  });
  log.info("lost"), log.info("lost too");
  await settle();
  assert.equal(attempts, 1);
  assert.equal(log.stats.dropped, 2);
  broken = false;
  log.info("back");
  await log.flush();
  assert.deepEqual(lines.map((line) => JSON.parse(line).message), ["back", "2 log lines were dropped"]);
});

Deno.test("a write that takes nothing counts as failed and does not spin", async () => {
  let attempts = 0;
  const { log } = bench({ write: () => (attempts++, Promise.resolve(0)) });
  log.info("x");
  await log.flush();
  assert.deepEqual([attempts, log.stats.dropped], [1, 1]);
});

Deno.test("flush() gives up on a reader that does not read", async () => {
  const stuck = stuckWrite();
  const { log, timers, fire } = bench({ write: stuck.write, flushTimeoutMs: 700 });
  log.info("x");
  let flushed = false;
  const flush = log.flush().then(() => flushed = true);
  await settle();
  assert.equal(flushed, false);
  assert.deepEqual([...timers].map((timer) => timer.ms), [700]);
  fire();
  await flush;
});

Deno.test("equal lines are written once and summed up with the last fields when the window ends", async () => {
  const { log, lines, timers, fire } = bench({ foldWindowMs: 5000 });
  for (let i = 0; i < 3121; i++) log.warn("PUBLISH refused", { topic: `t/${i}` }, { foldKey: "acl-no-rule" });
  log.warn("Another", {}, { foldKey: "other" });
  await settle();
  assert.deepEqual(lines.map((line) => JSON.parse(line).message), ["PUBLISH refused", "Another"]);
  assert.equal(log.stats.folded, 3120);
  assert.deepEqual([...timers].map((timer) => timer.ms), [5000]);
  fire();
  await settle();
  assert.equal(lines.length, 3);
  const sum = JSON.parse(lines[2] ?? "");
  assert.equal(sum.message, "PUBLISH refused, repeated 3,120 times");
  assert.deepEqual([sum.level, sum.topic, sum.repeated], ["warn", "t/3120", 3120]);
  await log.flush();
});

Deno.test("a key that goes on stays folded, one that paused for a window is written in full again", async () => {
  const { log, lines, fire, timers } = bench();
  const warn = () => log.warn("Refused", undefined, { foldKey: "k" });
  warn(), warn(), fire(); // first line, sum of 1
  warn(), warn(), fire(); // sum of 2
  fire(); // nothing seen: the key leaves
  assert.equal(timers.size, 0);
  warn(), fire(), fire();
  await log.flush();
  assert.deepEqual(lines.map((line) => JSON.parse(line).message), [
    "Refused",
    "Refused, repeated 1 times",
    "Refused, repeated 2 times",
    "Refused",
  ]);
});

Deno.test("keys beyond the bound share one line", async () => {
  const { log, lines, fire } = bench({ maxFoldKeys: 2 });
  for (let i = 0; i < 1000; i++) log.warn(`Kind ${i}`, { i }, { foldKey: `key ${i}` });
  for (let i = 0; i < 10; i++) log.warn("Kind 0", { i }, { foldKey: "key 0" });
  await settle();
  assert.deepEqual(lines.map((line) => JSON.parse(line).message), ["Kind 0", "Kind 1", "Kind 2"]);
  fire();
  await log.flush();
  assert.deepEqual(lines.slice(3).map((line) => JSON.parse(line).message), [
    "Kind 0, repeated 10 times",
    "Kind 999 and others, repeated 997 times",
  ]);
});

Deno.test("a folded line below the level is not counted", async () => {
  const { log, timers } = bench({ level: "error" });
  log.warn("x", {}, { foldKey: "k" });
  log.warn("x", {}, { foldKey: "k" });
  await log.flush();
  assert.deepEqual([log.stats.folded, timers.size], [0, 0]);
});

Deno.test("flush() writes the sums at once and leaves no timer", async () => {
  const { log, lines, timers } = bench();
  log.warn("x", {}, { foldKey: "k" });
  log.warn("x", {}, { foldKey: "k" });
  assert.equal(timers.size, 1);
  await log.flush();
  assert.equal(timers.size, 0);
  assert.equal(JSON.parse(lines[1] ?? "").repeated, 1);
});

Deno.test("the default timers do not leak once flushed", async () => {
  const log = createLogger({ write: (bytes) => Promise.resolve(bytes.length) });
  log.warn("x", {}, { foldKey: "k" });
  await log.flush();
});

const HOSTILE: readonly [name: string, text: string, shown: string][] = [
  ["ANSI", "\x1b[2Jgone", "\\u001b[2Jgone"],
  ["C1 control sequence introducer", "\x9b2J", "\\u009b2J"],
  ["delete", "\x7f", "\\u007f"],
  ["bidi override", "a\u202egpj", "a\\u202egpj"],
  ["bidi isolate", "a\u2066b", "a\\u2066b"],
  ["zero width", "a\u200bb", "a\\u200bb"],
  ["line separator", "a\u2028b", "a\\u2028b"],
  ["byte order mark", "\ufeffa", "\\ufeffa"],
  ["tag character", "a\u{e0041}b", "a\\udb40\\udc41b"],
  ["lone surrogate", "a\ud800b", "a\\ud800b"],
];

Deno.test("control, bidi and ANSI characters are shown as codes in message, field name and value", async () => {
  for (const [name, text, shown] of HOSTILE) {
    for (const json of [true, false]) {
      const { log, lines } = bench({ json });
      log.info(text, { [text]: text, nested: { [text]: [text] } });
      await log.flush();
      const line = lines.join("\n");
      assert.equal(line.split(shown).length - 1, 5, `${name}, json ${json}: ${JSON.stringify(line)}`);
      assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u, name);
      if (json) assert.equal(JSON.parse(line).message, text);
    }
  }
});

Deno.test("a line break cannot begin a second line", async () => {
  for (const json of [true, false]) {
    const { log, lines } = bench({ json });
    log.info("a\nb", { topic: "x\r\n2026-01-20T12:00:00.000Z INFO  forged" });
    await log.flush();
    assert.equal(lines.length, 1);
  }
});

Deno.test("letters of other scripts and emoji stay readable", async () => {
  const { log, lines } = bench({ json: false });
  log.info("Grüße", { topic: "温度/😀" });
  await log.flush();
  assert.equal(lines[0], '2026-01-20T12:00:00.000Z INFO  Grüße topic="温度/😀"');
});

Deno.test("each field is cut to 256 characters, never through a surrogate pair", async () => {
  const { log, lines } = bench();
  log.info("x", { long: "a".repeat(100_000), fits: "b".repeat(256), pair: "c".repeat(255) + "😀" });
  await log.flush();
  const line = JSON.parse(lines[0] ?? "");
  assert.equal(line.long, "a".repeat(256) + "…");
  assert.equal(line.fits, "b".repeat(256));
  assert.equal(line.pair, "c".repeat(255) + "…");
});

Deno.test("a line is bounded whatever its fields hold", async () => {
  const { log, lines } = bench();
  const cycle: Record<string, unknown> = { text: "\x1b".repeat(10_000) };
  for (let i = 0; i < 10; i++) cycle[`self${i}`] = cycle;
  log.info("m".repeat(1_000_000), {
    cycle,
    list: Array.from({ length: 100_000 }, () => "\x1b".repeat(1000)),
    map: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, i])),
  });
  await log.flush();
  JSON.parse(lines[0] ?? "");
  assert.ok((lines[0] ?? "").length < 120_000, String(lines[0]?.length));
});

Deno.test("a field named like a secret is never written", async () => {
  for (const json of [true, false]) {
    const { log, lines } = bench({ json });
    log.info("x", {
      password: "hunter2",
      Token: "hunter2",
      secret: ["hunter2"],
      authorization: { scheme: "hunter2" },
      cookie: "hunter2",
      "set-cookie": "hunter2",
      clientToken: "hunter2",
      JWT_SECRET: "hunter2",
      nested: { deep: [{ db_password: "hunter2" }] },
      tokens: 5,
    });
    await log.flush();
    const line = lines[0] ?? "";
    assert.doesNotMatch(line, /hunter2/);
    assert.equal(line.split("[redacted]").length - 1, 9, line);
    assert.match(line, /tokens"?[:=]5/);
  }
});

Deno.test("a field cannot stand for the line's own keys", async () => {
  const { log, lines } = bench();
  log.info("real", { message: "false", level: "error", time: "never", ["__proto__"]: 1 });
  await log.flush();
  const line = JSON.parse(lines[0] ?? "");
  assert.deepEqual([line.message, line.level, line.message_, line.level_, line.time_], [
    "real",
    "info",
    "false",
    "error",
    "never",
  ]);
});

Deno.test("errors, dates, bytes, big integers and odd numbers have a text", async () => {
  const { log, lines } = bench();
  log.info("x", {
    error: new RangeError("too big"),
    date: new Date(0),
    bytes: new Uint8Array(5),
    big: 10n,
    nan: NaN,
    call: () => 0,
  });
  await log.flush();
  const { error, date, bytes, big, nan, call } = JSON.parse(lines[0] ?? "");
  assert.deepEqual([error, date, bytes, big, nan, call], [
    "RangeError: too big",
    "1970-01-01T00:00:00.000Z",
    "[5 bytes]",
    "10",
    "NaN",
    "[function]",
  ]);
});

Deno.test("a field whose getter throws does not throw at the caller", async () => {
  const { log, lines } = bench();
  log.info("x", {
    get bad(): string {
      throw new Error("no");
    },
  });
  await log.flush();
  assert.equal(JSON.parse(lines[0] ?? "").unreadable, true);
});

Deno.test("logging and flush() end although nobody reads standard error", async () => {
  // A pipe holds 64 KiB; the child logs 20 MB into one that is never read, and must end by itself.
  const { stdout, code } = await runWithLogger(`
    const log = createLogger({ flushTimeoutMs: 50 });
    for (let i = 0; i < 100_000; i++) {
      log.info("x".repeat(200));
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await log.flush();
    console.log(log.stats.dropped > 90_000);
    Deno.exit(0);
  `);
  assert.deepEqual([stdout, code], ["true", 0]);
});

Deno.test("an open window keeps no process alive", async () => {
  const start = Date.now();
  const { code } = await runWithLogger(`
    createLogger({ foldWindowMs: 60_000 }).warn("x", {}, { foldKey: "k" });
  `);
  assert.equal(code, 0);
  assert.ok(Date.now() - start < 30_000);
});

/** Runs a program in a process of its own whose standard error is a pipe that nobody reads. */
async function runWithLogger(program: string): Promise<{ stdout: string; code: number }> {
  const url = new URL("./log.ts", import.meta.url).href;
  const source = `import { createLogger } from ${JSON.stringify(url)};${program}`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--no-lock", `data:text/javascript,${encodeURIComponent(source)}`],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdout = (await new Response(child.stdout).text()).trim();
  const { code } = await child.status;
  await child.stderr.cancel();
  return { stdout, code };
}
