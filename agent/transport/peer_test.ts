import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ALLOWED, Bench, CONNECT, DENIED, HANDSHAKE, message, v1, v2 } from "../../tests/support/peer_bench.ts";

Deno.test("answers of one read go out in one write, in order", async () => {
  const bench = new Bench();
  await bench.send(v1({ index: 0, hex: CONNECT }), v1({ index: 1, hex: ALLOWED }), v1({ index: 2, hex: DENIED }));
  assert.equal(bench.written.length, 1);
  assert.deepEqual(bench.verdicts, ["allow", "allow", "drop"]);
  await bench.end();
});

Deno.test("a message is answered whatever pieces it comes in", async () => {
  const bench = new Bench();
  const bytes = Buffer.concat([v1({ index: 0, hex: CONNECT }), v1({ index: 1, hex: DENIED })]);
  for (let i = 0; i < bytes.length; i++) await bench.send(bytes.subarray(i, i + 1));
  assert.deepEqual(bench.verdicts, ["allow", "drop"]);
  await bench.end();
});

Deno.test("over v1 an answer that would be late is not written: the connection is given up and what passed is poisoned", async () => {
  const bench = new Bench();
  await bench.send(v1({ index: 0, hex: CONNECT }));
  bench.stall(500);
  await bench.send(v1({ index: 1, hex: DENIED }));
  assert.deepEqual(bench.verdicts, ["allow"]);
  assert.ok(bench.muted);
  assert.deepEqual(bench.lateEvents, [{ reason: "acl-rule", topic: "b/x" }]);
  // What was on its way gets no answer, and is judged all the same.
  bench.idle(20);
  await bench.send(v1({ index: 0, hex: "c000", id: "id-2" }));
  assert.deepEqual(bench.verdicts, ["allow"]);
  assert.deepEqual(bench.lateEvents.map(({ reason }) => reason), ["mqtt-connect-first", "acl-rule"]);
  await bench.end();
  assert.ok(bench.parts.lines.some((line) => line.includes("A refused frame passed the proxy")));
});

Deno.test("over v2 an answer that would be late is left out, others go on, and the next frame closes", async () => {
  const bench = new Bench();
  await bench.send(HANDSHAKE, v2({ index: 0, hex: CONNECT }));
  bench.stall(500);
  await bench.send(v2({ index: 1, hex: DENIED }));
  assert.deepEqual(bench.verdicts, ["allow"]);
  assert.equal(bench.closed, false);
  bench.idle(20);
  await bench.send(v2({ index: 0, hex: CONNECT, id: "id-2" }));
  await bench.send(v2({ index: 2, hex: ALLOWED }));
  assert.deepEqual(bench.verdicts, ["allow", "allow", "close 1008"]);
  assert.match(bench.written.join(""), /"reason_codes":\["late"\]/);
  assert.match(bench.written.join(""), /\["mqtt","blocked","late"\]/);
  await bench.end();
});

Deno.test("a close that came too late poisons its connection too", async () => {
  const bench = new Bench();
  await bench.send(HANDSHAKE, v2({ index: 0, hex: CONNECT }));
  bench.stall(500);
  await bench.send(v2({ index: 1, hex: "e100" }));
  bench.idle(20);
  await bench.send(v2({ index: 2, hex: ALLOWED }));
  assert.deepEqual(bench.verdicts, ["allow", "close 1008"]);
  assert.match(bench.written.join(""), /"reason_codes":\["late"\]/);
  await bench.end();
});

Deno.test("an allowed frame whose answer was late poisons nothing", async () => {
  const bench = new Bench();
  await bench.send(HANDSHAKE, v2({ index: 0, hex: CONNECT }));
  bench.stall(500);
  await bench.send(v2({ index: 1, hex: ALLOWED }));
  bench.idle(20);
  await bench.send(v2({ index: 2, hex: ALLOWED }));
  assert.deepEqual(bench.verdicts, ["allow", "allow"]);
  assert.deepEqual(bench.lateEvents, []);
  await bench.end();
});

Deno.test("state follows what was forwarded, however old the event", async () => {
  const bench = new Bench();
  await bench.send(HANDSHAKE);
  bench.stall(500);
  await bench.send(v2({ index: 0, hex: CONNECT }));
  bench.idle(20);
  await bench.send(v2({ index: 1, hex: ALLOWED }));
  assert.deepEqual(bench.verdicts, ["allow"]);
  await bench.end();
});

Deno.test("the end of a stall proves nothing: the first reads behind it count as old", async () => {
  const bench = new Bench();
  await bench.send(HANDSHAKE, v2({ index: 0, hex: CONNECT }));
  bench.stall(500);
  bench.heartbeat.beat();
  await bench.send(v2({ index: 1, hex: DENIED }));
  assert.deepEqual(bench.verdicts, ["allow"]);
  assert.equal(bench.lateEvents.length, 1);
  await bench.end();
});

Deno.test("an answer whose writing took too long counts as late", async () => {
  const bench = new Bench();
  await bench.send(HANDSHAKE, v2({ index: 0, hex: CONNECT }));
  bench.onWrite = () => bench.stall(150);
  await bench.send(v2({ index: 1, hex: DENIED }));
  assert.deepEqual(bench.lateEvents, [{ reason: "acl-rule", topic: "b/x" }]);
  await bench.end();
});

Deno.test("over v1 an answer whose writing took too long ends the connection, whatever it said", async () => {
  const bench = new Bench();
  await bench.send(v1({ index: 0, hex: CONNECT }));
  bench.onWrite = () => bench.stall(150);
  await bench.send(v1({ index: 1, hex: ALLOWED }));
  assert.ok(bench.muted);
  await bench.end();
});

Deno.test("what was sent while answers were being written is as old as the read before", async () => {
  const bench = new Bench();
  await bench.send(HANDSHAKE, v2({ index: 0, hex: CONNECT }));
  let writes = 0;
  bench.onWrite = () => {
    // The writing takes 90 ms in which the heart beats: nobody reads this socket, whatever the beats say.
    if (writes++ === 0) bench.idle(90);
  };
  await bench.send(v2({ index: 1, hex: ALLOWED }));
  await bench.send(v2({ index: 2, hex: DENIED }));
  assert.equal(bench.lateEvents.length, 1);
  await bench.end();
});

Deno.test("a burst behind a long silence, larger than the room for a read, is not taken for old", async () => {
  const bench = new Bench();
  await bench.send(HANDSHAKE, v2({ index: 0, hex: CONNECT }));
  bench.idle(10_000);
  const frames: Buffer[] = [];
  for (let index = 1; index <= 2_000; index++) frames.push(v2({ index, hex: DENIED }));
  await bench.send(...frames);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(bench.verdicts.length, 2_001);
  assert.deepEqual(bench.lateEvents, []);
  await bench.end();
});

Deno.test("verdicts that were never written, since the connection broke, count as late", async () => {
  const bench = new Bench();
  await bench.send(v1({ index: 0, hex: CONNECT }));
  bench.onWrite = () => {
    throw new Error("Broken pipe");
  };
  await bench.send(v1({ index: 1, hex: DENIED }));
  assert.equal(bench.lateEvents.length, 1);
  await bench.end();
});

Deno.test("what came before garbage is answered, then the connection closes", async () => {
  for (const garbage of [message("nonsense"), Buffer.from("00000000", "hex"), Buffer.from("7fffffff7b", "hex")]) {
    const bench = new Bench();
    await bench.send(v1({ index: 0, hex: CONNECT }), v1({ index: 1, hex: DENIED }), garbage);
    assert.deepEqual(bench.verdicts, ["allow", "drop"]);
    assert.ok(bench.closed);
    assert.deepEqual(bench.lateEvents, []);
    await bench.end();
  }
});

Deno.test("a first byte that is neither v1 nor v2 closes at once", async () => {
  for (const first of ["\x02", "\x15", "[", " {}", "GET / HTTP/1.1"]) {
    const bench = new Bench();
    await bench.send(message(first));
    assert.ok(bench.closed, first);
    await bench.end();
  }
});

Deno.test("a handshake without version 2 is answered with an error, then closed", async () => {
  const bench = new Bench();
  await bench.send(message(`\x01${JSON.stringify({ supported_versions: [3], proxy_id: "p", proxy_version: "9" })}`));
  assert.match(bench.written.join(""), /"success":false,"error":"Cannot agree/);
  assert.ok(bench.closed);
  await bench.end();
});

Deno.test("a ping is answered by a pong of the same payload, an unknown type by nothing", async () => {
  const bench = new Bench();
  await bench.send(HANDSHAKE, message('\x41{"sequence":7,"timestamp_ms":1}'), message("\x7fwhatever"));
  assert.ok(bench.written.join("").endsWith('\x42{"sequence":7,"timestamp_ms":1}'));
  assert.equal(bench.closed, false);
  await bench.end();
});

Deno.test("a flood is answered in slices", async () => {
  const bench = new Bench();
  // Every look at the clock takes a millisecond.
  const frames = [v1({ index: 0, hex: CONNECT })];
  for (let index = 1; index <= 400; index++) frames.push(v1({ index, hex: ALLOWED }));
  const now = Object.getOwnPropertyDescriptor(Bench.prototype, "ms");
  assert.equal(now, undefined);
  let ms = bench.ms;
  Object.defineProperty(bench, "ms", { get: () => ms += 0.5, set: (value: number) => ms = value });
  await bench.send(Buffer.concat(frames));
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(bench.verdicts.length, 401);
  assert.ok(bench.written.length >= 3, `${bench.written.length} writes`);
  await bench.end();
});
