import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Answer } from "../auth/provider.ts";
import { InspectionPool } from "../inspection_pool.ts";
import type { Inspector } from "../policy/inspect/inspector.ts";
import { ALLOWED, Bench, CONNECT, DENIED, HANDSHAKE, message, v1, v2 } from "../../tests/support/peer_bench.ts";
import { deskOf, identity, Users } from "../../tests/support/users.ts";

/** CONNECT as `alice` with the password `slow`, client id `c` and a digit. */
function slowConnect(digit: number): string {
  const body = Buffer.concat([
    Buffer.from("00044d51545404c2003c00026300", "hex").subarray(0, 13),
    Buffer.from(String(digit)),
    Buffer.from("0005616c6963650004736c6f77", "hex"),
  ]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]).toString("hex");
}

const ALLOW = { kind: "allow", identity: identity("alice") } as const satisfies Answer;

function guarded(): { bench: Bench; users: Users } {
  const bench = new Bench({ general: { "decision-deadline-ms": 60 } });
  const users = new Users(ALLOW.identity);
  bench.parts.policies.desk = deskOf(() => bench.parts.clock.wallMs(), users);
  return { bench, users };
}

/** Correlation id and verdict of each answer, in the order of writing; pongs and the rest by their type. */
function answers(bench: Bench): string[] {
  const found: string[] = [];
  const bytes = Buffer.from(bench.written.join(""), "latin1");
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const body = bytes.subarray(at + 4, at + 4 + length);
    at += 4 + length;
    const json = body[0] === 0x7b ? body : body.subarray(1);
    if (body[0] !== 0x7b && body[0] !== 0x20) {
      found.push(`type ${body[0]}`);
      continue;
    }
    const { audit, websocket_decision: decision, decision: plain } = JSON.parse(json.toString());
    const word = typeof decision === "string"
      ? decision
      : decision === null
      ? JSON.stringify(plain).slice(0, 8)
      : "close";
    found.push(
      `${audit.custom.correlation_id} ${word}${audit.reason_codes.length > 0 ? ` ${audit.reason_codes[0]}` : ""}`,
    );
  }
  return found;
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

Deno.test("over v1 a CONNECT that waits holds back what comes behind it, and order is kept", async () => {
  const { bench, users } = guarded();
  await bench.send(
    v1({ index: 0, hex: "c000", id: "x" }),
    v1({ index: 0, hex: slowConnect(1), id: "a" }),
    v1({ index: 0, hex: slowConnect(2), id: "b" }),
  );
  assert.deepEqual(answers(bench), ["x close mqtt-connect-first"]);
  users.answers[0]?.(ALLOW);
  await turn();
  assert.deepEqual(answers(bench), ["x close mqtt-connect-first", "a allow"]);
  users.answers[1]?.(ALLOW);
  await turn();
  assert.deepEqual(answers(bench).slice(2), ["b allow"]);
  await bench.end();
});

Deno.test("over v2 others are answered while a CONNECT waits", async () => {
  const { bench, users } = guarded();
  await bench.send(HANDSHAKE);
  await bench.send(v2({ index: 0, hex: slowConnect(1), id: "a" }), v2({ index: 0, hex: CONNECT, id: "b" }));
  await bench.send(message("\x41{}"));
  assert.deepEqual(answers(bench).slice(1), ["b close anonymous-refused", "type 66"]);
  users.answers[0]?.(ALLOW);
  await turn();
  assert.deepEqual(answers(bench).slice(3), ["a allow"]);
  await bench.send(v2({ index: 1, hex: ALLOWED, id: "a" }), v2({ index: 2, hex: DENIED, id: "a" }));
  assert.deepEqual(answers(bench).slice(4), ["a allow", "a drop acl-rule"]);
  await bench.end();
});

Deno.test("two may wait on a connection, a third is told so at once", async () => {
  const { bench, users } = guarded();
  await bench.send(HANDSHAKE);
  await bench.send(...[1, 2, 3].map((digit) => v2({ index: 0, hex: slowConnect(digit), id: `c${digit}` })));
  assert.deepEqual(answers(bench).slice(1), ["c3 close auth-pending"]);
  for (const answer of users.answers) answer(ALLOW);
  await turn();
  assert.deepEqual(answers(bench).slice(2).sort(), ["c1 allow", "c2 allow"]);
  await bench.end();
});

/** A PUBLISH to `ok` with a payload that is not inspected in its place. */
const LARGE = `30c4b80200026f6b${"00".repeat(40_000)}`;

Deno.test("payloads that wait take no places of logins", async () => {
  const pool = new InspectionPool({ start: () => ({ post() {}, stop() {} }) }, { now: () => 0 });
  // On a busy machine the first inspection takes longer than a decision may.
  const bench = new Bench({ inspection: {}, general: { "decision-deadline-ms": 10_000 } }, { inspections: pool });
  void pool.prepare(bench.parts.agent.policy.inspection as Inspector);
  await bench.send(HANDSHAKE);
  for (const id of ["a", "b", "c"]) {
    await bench.send(v2({ index: 0, hex: CONNECT, id }), v2({ index: 1, hex: LARGE, id }));
  }
  const users = new Users(ALLOW.identity);
  bench.parts.policies.desk = deskOf(() => bench.parts.clock.wallMs(), users);
  await bench.send(v2({ index: 0, hex: slowConnect(1), id: "d" }));
  assert.equal(users.answers.length, 1);
  users.answers[0]?.(ALLOW);
  await turn();
  assert.deepEqual(answers(bench).slice(1), ["a allow", "b allow", "c allow", "d allow"]);
  pool.close();
  await bench.end();
});

/** A thread that is as slow as a test wants it. */
function slowThread() {
  const answers: ((inspected: null[]) => void)[] = [];
  const inspections = { expectedMs: () => 20, inspect: () => new Promise<null[]>((resolve) => answers.push(resolve)) };
  return { answers, inspections };
}

Deno.test("over v1 payloads hold the connection for a part of the time, and more of them are refused at once", async () => {
  const { answers: thread, inspections } = slowThread();
  const bench = new Bench({ inspection: {} }, { inspections });
  const publish = async (id: string, tookMs: number): Promise<void> => {
    await bench.send(v1({ index: 0, hex: CONNECT, id }));
    await bench.send(v1({ index: 1, hex: LARGE, id }));
    bench.idle(tookMs);
    thread.shift()?.([null]);
    await turn();
  };
  await publish("a", 20);
  await publish("b", 0);
  bench.idle(200);
  await publish("c", 20);
  assert.deepEqual(answers(bench), [
    "a allow",
    "a allow",
    "b allow",
    "b close inspection-overloaded",
    "c allow",
    "c allow",
  ]);
  await bench.end();
});

Deno.test("over v1 a payload whose inspection does not end is given up long before the deadline of a decision", async () => {
  const { inspections } = slowThread();
  const bench = new Bench({ inspection: {}, general: { "decision-deadline-ms": 3_600_000 } }, { inspections });
  await bench.send(v1({ index: 0, hex: CONNECT, id: "a" }));
  await bench.send(v1({ index: 1, hex: LARGE, id: "a" }));
  assert.deepEqual(answers(bench), ["a allow"]);
  bench.idle(30);
  await turn();
  assert.deepEqual(answers(bench), ["a allow", "a close inspection-overloaded"]);
  await bench.end();
});

Deno.test("what is too old to wait is told so at once", async () => {
  const { bench } = guarded();
  await bench.send(HANDSHAKE);
  bench.stall(45);
  // 45 ms of the 60 are gone, and the login takes 20.
  await bench.send(v2({ index: 0, hex: slowConnect(1), id: "a" }));
  assert.deepEqual(answers(bench).slice(1), ["a close auth-pending"]);
  await bench.end();
});

for (const protocol of [1, 2] as const) {
  Deno.test(`over v${protocol} a CONNECT is answered in time, whatever its provider does`, async () => {
    const { bench, users } = guarded();
    const frame = protocol === 1 ? v1 : v2;
    if (protocol === 2) await bench.send(HANDSHAKE);
    bench.written.length = 0;
    await bench.send(frame({ index: 0, hex: slowConnect(1), id: "a" }));
    bench.idle(60);
    await turn();
    assert.deepEqual(answers(bench), ["a close auth-pending"]);
    users.answers[0]?.(ALLOW);
    await turn();
    await bench.send(frame({ index: 0, hex: slowConnect(1), id: "b" }));
    assert.deepEqual(answers(bench), ["a close auth-pending", "b allow"], "the result waited");
    await bench.end();
  });

  Deno.test(`over v${protocol} an answer that comes too late all the same poisons the connection`, async () => {
    const { bench, users } = guarded();
    const frame = protocol === 1 ? v1 : v2;
    if (protocol === 2) await bench.send(HANDSHAKE);
    bench.written.length = 0;
    await bench.send(frame({ index: 0, hex: slowConnect(1), id: "a" }));
    bench.stall(90);
    users.answers[0]?.({ kind: "deny", code: "wrong-password", why: "wrong" });
    await turn();
    assert.deepEqual(answers(bench), []);
    assert.equal(bench.muted, protocol === 1);
    const [late] = [...bench.parts.agent.audit.newest()];
    assert.ok(late?.tags.includes("late"));
    await bench.end();
  });
}

Deno.test("what waits when the connection ends is answered first, or told as late", async () => {
  const { bench, users } = guarded();
  await bench.send(HANDSHAKE);
  await bench.send(v2({ index: 0, hex: slowConnect(1), id: "a" }));
  const ended = bench.end();
  users.answers[0]?.({ kind: "deny", code: "wrong-password", why: "wrong" });
  await ended;
  const told = answers(bench).includes("a close wrong-password");
  const late = [...bench.parts.agent.audit.newest()].some(({ tags }) => tags.includes("late"));
  assert.ok(told || late);
});

Deno.test("a handshake's configuration is in force before the first frame behind it is judged", async () => {
  const bench = new Bench();
  const done = Promise.withResolvers<string | null>();
  const { policies } = bench.parts;
  policies.push = () => done.promise;
  const handshake = message(`\x01${
    JSON.stringify({
      supported_versions: [2],
      proxy_id: "p",
      proxy_version: "1",
      config: { a: 1 },
      supported_encodings: ["json"],
    })
  }`);
  await bench.send(handshake, v2({ index: 0, hex: CONNECT, id: "a" }));
  assert.deepEqual(answers(bench), []);
  done.resolve(null);
  await turn();
  assert.deepEqual(answers(bench), ["type 2", "a allow"]);
  await bench.end();
});

Deno.test("a push is answered when it is in force or refused: over v1 in its place, over v2 by its id", async () => {
  for (const problem of [null, "Cannot load the proxy's push: nothing"]) {
    const bench = new Bench();
    const done = Promise.withResolvers<string | null>();
    bench.parts.policies.push = () => done.promise;
    const configure = JSON.stringify({
      version: 1,
      event_type: "configure",
      payload: { agent_id: "a", config: { a: 1 } },
    });
    await bench.send(message(configure), v1({ index: 0, hex: CONNECT, id: "a" }));
    assert.deepEqual(answers(bench), []);
    done.resolve(problem);
    await turn();
    assert.deepEqual(answers(bench), [problem === null ? 'undefined "allow"' : 'undefined {"block"', "a allow"]);
    await bench.end();

    const other = new Bench();
    const later = Promise.withResolvers<string | null>();
    other.parts.policies.push = () => later.promise;
    await other.send(HANDSHAKE);
    const push = JSON.stringify({ config: { a: 1 }, config_version: null, correlation_id: "configure-1" });
    await other.send(message(`\x17${push}`), v2({ index: 0, hex: CONNECT, id: "a" }));
    assert.deepEqual(answers(other).slice(1), ["a allow"]);
    later.resolve(problem);
    await turn();
    assert.equal(answers(other).at(-1), problem === null ? 'configure-1 "allow"' : 'configure-1 {"block"');
    await other.end();
  }
});

/** A configuration of so many rules that it is not parsed at once. */
const MANY_RULES = {
  acl: {
    rules: Array.from({ length: 4000 }, (_, n) => ({ name: `rule-${n}`, topics: [`site/${n}/#`], decision: "allow" })),
  },
};

/** Turns until something is there, at most a few hundred. */
async function turnsUntil(isThere: () => boolean): Promise<void> {
  for (let n = 0; n < 500 && !isThere(); n++) await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("a large push is parsed in steps: what is behind it on its connection waits, the agent is given what was sent", async () => {
  const pushed: unknown[] = [];
  const large = { version: 1, event_type: "configure", payload: { agent_id: "a", config: MANY_RULES } };
  const bench = new Bench();
  const done = Promise.withResolvers<null>();
  bench.parts.policies.push = (config) => {
    pushed.push(config);
    return done.promise;
  };
  await bench.send(message(JSON.stringify(large)), v1({ index: 0, hex: CONNECT, id: "a" }));
  await turnsUntil(() => pushed.length === 1);
  await turn();
  assert.deepEqual(answers(bench), []);
  done.resolve(null);
  await turnsUntil(() => answers(bench).length === 2);
  assert.deepEqual(answers(bench), ['undefined "allow"', "a allow"]);
  await bench.end();

  const other = new Bench();
  other.parts.policies.push = bench.parts.policies.push;
  await other.send(HANDSHAKE);
  const configure = { config: MANY_RULES, correlation_id: "configure-1" };
  await other.send(message(`\x17${JSON.stringify(configure)}`), v2({ index: 0, hex: CONNECT, id: "a" }));
  await turnsUntil(() => answers(other).length === 3);
  assert.deepEqual(answers(other).slice(1).sort(), ["a allow", 'configure-1 "allow"']);
  await other.end();

  const shaking = new Bench();
  shaking.parts.policies.push = bench.parts.policies.push;
  const handshake = { supported_versions: [2], proxy_id: "p", proxy_version: "1", config: MANY_RULES };
  await shaking.send(message(`\x01${JSON.stringify(handshake)}`), v2({ index: 0, hex: CONNECT, id: "a" }));
  await turnsUntil(() => answers(shaking).length === 2);
  assert.deepEqual(answers(shaking), ["type 2", "a allow"]);
  await shaking.end();
  assert.deepEqual(pushed, [MANY_RULES, MANY_RULES, MANY_RULES]);
});

Deno.test("a large push that is no JSON ends its connection as a small one does", async () => {
  const text = JSON.stringify({ version: 1, event_type: "configure", payload: { config: MANY_RULES } });
  for (const bad of [text.slice(0, -1), `${text}x`, text.replace("rule-3999", "rule-\\x")]) {
    const bench = new Bench();
    await bench.send(message(bad), v1({ index: 0, hex: CONNECT, id: "a" }));
    await turnsUntil(() => bench.closed);
    assert.ok(bench.closed);
    assert.deepEqual(answers(bench), []);
    await bench.end();
  }
});

Deno.test("over v1 a push that takes long is answered all the same, and then its connection is given up", async () => {
  for (const problem of [null, "Cannot load the proxy's push: nothing"]) {
    const bench = new Bench();
    const done = Promise.withResolvers<string | null>();
    bench.parts.policies.push = () => done.promise;
    await bench.send(
      message(`{"version":1,"event_type":"configure","payload":{"agent_id":"a","config":{"a":1}}}`),
      v1({ index: 0, hex: CONNECT, id: "a" }),
      v1({ index: 1, hex: DENIED, id: "a" }),
    );
    bench.idle(85);
    done.resolve(problem);
    await turn();
    assert.deepEqual(answers(bench), [problem === null ? 'undefined "allow"' : 'undefined {"block"']);
    assert.ok(bench.muted, "whoever waits no longer would take it for a verdict");
    assert.deepEqual(bench.lateEvents.map(({ topic }) => topic), ["b/x"], "what came behind it is judged");
    await bench.end();
  }
});

Deno.test("a CONNECT whose answer is late takes nobody else's answer with it", async () => {
  const { bench, users } = guarded();
  await bench.send(HANDSHAKE);
  await bench.send(v2({ index: 0, hex: slowConnect(1), id: "a" }));
  bench.idle(85, { timers: false });
  users.answers[0]?.(ALLOW);
  await bench.send(v2({ index: 0, hex: CONNECT, id: "b" }));
  assert.deepEqual(answers(bench).slice(1), ["b close anonymous-refused"]);
  assert.equal(bench.lateEvents.length, 0, "an allowed CONNECT that is late poisons nothing");
  await bench.end();
});

Deno.test("what was judged while a slow write went on is as old as it is", async () => {
  const bench = new Bench();
  const done = Promise.withResolvers<string | null>();
  bench.parts.policies.push = () => done.promise;
  await bench.send(HANDSHAKE, v2({ index: 0, hex: CONNECT, id: "a" }));
  await bench.send(message(`\x17${JSON.stringify({ config: { a: 1 }, correlation_id: "configure-1" })}`));
  const written = Promise.withResolvers<number>();
  const write = bench.write.bind(bench);
  bench.write = (bytes) => {
    bench.write = write;
    return written.promise.then(() => write(bytes));
  };
  done.resolve(null);
  await turn();
  await bench.send(v2({ index: 1, hex: DENIED, id: "a" }));
  bench.stall(300);
  written.resolve(0);
  await turn();
  assert.ok(!answers(bench).some((answer) => answer.includes("drop")), "too late to help");
  assert.equal(bench.lateEvents.length, 1);
  await bench.end();
});

Deno.test("over v1 what comes long after a login that was waited for is not old", async () => {
  const { bench, users } = guarded();
  await bench.send(v1({ index: 0, hex: slowConnect(1), id: "a" }));
  bench.idle(40);
  users.answers[0]?.(ALLOW);
  await turn();
  bench.idle(200);
  await bench.send(v1({ index: 1, hex: DENIED, id: "a" }));
  assert.deepEqual(answers(bench), ["a allow", "a drop acl-rule"]);
  assert.ok(!bench.muted);
  await bench.end();
});

Deno.test("a large push that is no JSON, behind a frame whose answer cannot be written, ends its connection and nothing else", async () => {
  const [one, other] = [270_000, 140_000].map((length) =>
    JSON.stringify({ version: 1, event_type: "configure", payload: { config: { description: "x".repeat(length) } } })
  );
  for (const isBroken of [true, false]) {
    const bench = new Bench();
    bench.parts.policies.push = () => Promise.resolve(null);
    const parsed = Promise.withResolvers<void>();
    bench.write = async (bytes) => {
      if (isBroken) throw new Error("broken pipe");
      await parsed.promise;
      return bytes.length;
    };
    // The first one makes the room for reading so large that what is behind it is read at once.
    await bench.send(message(one ?? ""), v1({ index: 0, hex: CONNECT, id: "a" }), message(`${other}x`));
    // A rejection that nobody has taken up when the turn ends fails this test, and would end the agent.
    for (let n = 0; n < 20; n++) await new Promise((resolve) => setTimeout(resolve, 0));
    parsed.resolve();
    await turnsUntil(() => bench.closed);
    assert.ok(bench.closed);
    await bench.end();
  }
});

Deno.test("a large push is JSON as strictly as a small one, and no more strictly", async () => {
  const config = JSON.stringify(MANY_RULES);
  const of = (text: string) => `{"version":1,"event_type":"configure","payload":{"config":${text}}}`;
  const inside = (text: string) => `${config.slice(0, -1)},"more":${text}}`;
  const deep = `${"[".repeat(300)}${"]".repeat(300)}`;
  for (
    const [text, isJson] of [
      [of(inside("1 // one\n")), false],
      [of(inside("/* one */ 1")), false],
      [of(inside("[1,]")), false],
      [of(`${config.slice(0, -1)},}`), false],
      [`${of(config)} // end`, false],
      [of(inside("[\ufeff1]")), false],
      [of(inside("01")), false],
      [of(inside('"\t"')), false],
      [of(inside("NaN")), false],
      [of(inside('1,"more":2')), true],
      [of(inside('{"__proto__":{"a":1},"constructor":2}')), true],
      [of(inside(deep)), true],
      [of(inside("1e999")), true],
      [of(inside('"\\ud800"')), true],
      [` ${of(config)}\t\r\n`.trimStart(), true],
    ] as const
  ) {
    const pushed: unknown[] = [];
    const bench = new Bench();
    bench.parts.policies.push = (config) => Promise.resolve(pushed.push(config) > 0 ? null : "never");
    await bench.send(message(Buffer.from(text).toString("latin1")));
    await turnsUntil(() => bench.closed || pushed.length > 0);
    const label = text.slice(-60);
    assert.deepEqual([pushed.length, bench.closed], isJson ? [1, false] : [0, true], label);
    if (isJson) assert.equal(JSON.stringify(pushed[0]), JSON.stringify(JSON.parse(text).payload.config), label);
    await bench.end();
  }
});
