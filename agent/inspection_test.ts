import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { generate } from "mqtt-packet";
import type { InspectionItem } from "./inspection_pool.ts";
import type { Inspected, Inspector } from "./policy/inspect/inspector.ts";
import type { Waiting } from "./frame_report.ts";
import { type PacketFacts, PING, publish, Rig, type Said, type Wire } from "../tests/support/rig.ts";
import type { TestPolicy } from "../tests/support/test_agent.ts";

const KIB = 1024;
/** More than may be inspected beside the frame path. */
const LARGE = "21.5 ".repeat(20 * KIB);
const HOSTILE = `${LARGE}<script>alert(1)</script>`;
const EVIL = "<script>alert(1)</script>";

interface Asked {
  readonly inspector: Inspector;
  readonly items: readonly InspectionItem[];
}

/** A pool in which nothing happens by itself: what was asked is answered by the test, or by `answers`. */
class ScriptedPool {
  readonly asked: Asked[] = [];
  expected = 1;

  expectedMs(_bytes: number): number {
    return this.expected;
  }

  inspect(inspector: Inspector, items: readonly InspectionItem[]): Promise<readonly (Inspected | null)[] | null> {
    this.asked.push({ inspector, items });
    return Promise.resolve(this.answer({ inspector, items }));
  }

  /** What a worker would find, all of it, now. */
  answer({ inspector, items }: Asked): readonly (Inspected | null)[] | null {
    return items.map(({ payload, topic }) => inspector.inspectPayload(payload, topic));
  }
}

function rigOf(policy: TestPolicy = {}): { rig: Rig; pool: ScriptedPool; wire: Wire } {
  const pool = new ScriptedPool();
  const rig = new Rig({ inspection: {}, ...policy }, { inspections: pool });
  return { rig, pool, wire: rig.connection().live() };
}

/** What became of the frame that waits, once the pool has answered. */
async function resumed(wire: Wire, waiting: Waiting | null = wire.waiting): Promise<Said> {
  assert.ok(waiting?.kind === "payloads");
  return wire.resume(await waiting.done, waiting);
}

function inShort({ verdict, reason, tags }: Said): string {
  return `${verdict} ${reason ?? ""} [${tags}]`;
}

function bytesOf(packet: PacketFacts, protocolVersion: 4 | 5 = 4): Uint8Array {
  return generate(packet, { protocolVersion });
}

const ALLOWED = "allow  [mqtt publish]";
const SCRIPT = "drop inspection-script-injection [mqtt blocked inspection-blocked]";
const OVERLOADED = "close inspection-overloaded [mqtt blocked overloaded]";

Deno.test("a large payload waits, and its verdict is what the pool found", async () => {
  const { pool, wire } = rigOf();
  assert.equal(wire.publish("a/x", { payload: LARGE }).verdict, "wait");
  assert.equal(inShort(await resumed(wire)), ALLOWED);
  assert.equal(wire.publish("a/x", { payload: HOSTILE }).verdict, "wait");
  assert.equal(inShort(await resumed(wire)), SCRIPT);
  // The connection goes on.
  assert.equal(inShort(wire.publish("a/x")), ALLOWED);
  assert.deepEqual(pool.asked.map(({ items }) => items.map(({ topic, payload }) => [topic, payload.length])), [
    [["a/x", LARGE.length]],
    [["a/x", HOSTILE.length]],
  ]);
});

Deno.test("small payloads wait for nobody, nor do large ones that nothing has to look at", () => {
  const { pool, wire } = rigOf({ inspection: { "exclude-topics": ["a/raw/#"], inspect: ["topic"] } });
  assert.equal(inShort(wire.publish("a/x", { payload: LARGE })), ALLOWED);
  const { wire: other } = rigOf();
  assert.equal(inShort(other.publish("a/x", { payload: EVIL })), SCRIPT);
  assert.equal(inShort(other.publish("b/x", { payload: LARGE })), "drop acl-rule [mqtt blocked acl-denied]");
  assert.equal(pool.asked.length, 0);
});

Deno.test("a small payload that decodes to much is put off, and refused where it decodes to too much", async () => {
  const { wire } = rigOf();
  const packed = gzipSync("21.5 ".repeat(40 * KIB));
  assert.ok(packed.length < 2 * KIB);
  assert.equal(wire.publish("a/x", { payload: packed }).verdict, "wait");
  assert.equal(inShort(await resumed(wire)), ALLOWED);
  assert.equal(wire.publish("a/x", { payload: gzipSync(new Uint8Array(8 * KIB * KIB)) }).verdict, "wait");
  assert.equal(inShort(await resumed(wire)), "drop inspection-budget [mqtt blocked inspection-blocked]");
});

Deno.test("several large payloads of a frame are asked for at once, and any of them can refuse it", async () => {
  const { pool, wire } = rigOf();
  const packets = [publish("a/1", { payload: LARGE }), publish("a/2", { payload: HOSTILE }), publish("a/3")];
  assert.equal(wire.send(...packets).verdict, "wait");
  assert.deepEqual(pool.asked.map(({ items }) => items.map(({ topic }) => topic)), [["a/1", "a/2"]]);
  // The others are of QoS 0: they may be lost with it.
  assert.equal(inShort(await resumed(wire)), SCRIPT);
  assert.equal(wire.send(publish("a/1", { payload: LARGE, qos: 1, messageId: 7 }), packets[1]!).verdict, "wait");
  assert.match(inShort(await resumed(wire)), /^close inspection-script-injection/);
});

Deno.test("many small payloads are as much as a large one", () => {
  const { pool, wire } = rigOf();
  const quarter = "21.5 ".repeat(2 * KIB);
  assert.equal(inShort(wire.send(...Array(3).fill(publish("a/x", { payload: quarter })))), ALLOWED);
  assert.equal(wire.send(...Array(6).fill(publish("a/x", { payload: quarter }))).verdict, "wait");
  assert.deepEqual(pool.asked.map(({ items }) => items.length), [3]);
});

Deno.test("a small hostile payload beside a large one refuses, whatever the large one comes to", async () => {
  const { wire } = rigOf();
  assert.equal(wire.send(publish("a/x", { payload: EVIL }), publish("a/x", { payload: LARGE })).verdict, "wait");
  assert.equal(inShort(await resumed(wire)), SCRIPT);
});

Deno.test("a frame that closes anyway asks nobody", () => {
  const { pool, wire } = rigOf({ acl: { "deny-action": "close" } });
  const said = wire.send(publish("a/x", { payload: LARGE }), publish("b/x"));
  assert.equal(inShort(said), "close acl-rule [mqtt blocked acl-denied]");
  assert.equal(pool.asked.length, 0);
});

Deno.test("a large payload in pieces waits at its end, and closes where it is refused", async () => {
  const { wire } = rigOf();
  for (const [payload, expected] of [[LARGE, ALLOWED], [HOSTILE, /^close inspection-script-injection/]] as const) {
    const bytes = bytesOf(publish("a/x", { payload }));
    assert.equal(wire.frame(bytes.subarray(0, 40 * KIB)).verdict, "allow");
    assert.equal(wire.frame(bytes.subarray(40 * KIB, 80 * KIB)).verdict, "allow");
    assert.equal(wire.frame(bytes.subarray(80 * KIB)).verdict, "wait");
    const said = inShort(await resumed(wire));
    if (typeof expected === "string") assert.equal(said.split(" ")[0], "allow");
    else assert.match(said, expected);
  }
});

Deno.test("frames that wait may be answered in any order, each by what was found in it", async () => {
  const { rig } = rigOf();
  const wires = [LARGE, HOSTILE, LARGE, HOSTILE].map((payload, n) => {
    const wire = rig.connection({ address: `10.0.0.${n}:1` }).live({ clientId: `dev${n}` });
    assert.equal(wire.publish(`a/${n}`, { payload }).verdict, "wait");
    return wire;
  });
  const said = new Map<number, string>();
  for (const n of [3, 0, 2, 1]) said.set(n, inShort(await resumed(wires[n]!)));
  assert.deepEqual([0, 1, 2, 3].map((n) => said.get(n)), [ALLOWED, SCRIPT, ALLOWED, SCRIPT]);
});

Deno.test("two frames of one connection may wait at a time", async () => {
  const { wire } = rigOf();
  wire.publish("a/1", { payload: HOSTILE });
  const first = wire.waiting;
  wire.publish("a/2", { payload: LARGE });
  assert.notEqual(first, wire.waiting);
  assert.equal(inShort(wire.send(PING)), "allow  [mqtt ping]");
  assert.equal(inShort(await resumed(wire)), ALLOWED);
  assert.equal(inShort(await resumed(wire, first)), SCRIPT);
});

Deno.test("what cannot be inspected in time closes, and is told", async () => {
  const { rig, pool, wire } = rigOf();
  rig.hasRoom = false;
  assert.equal(inShort(wire.publish("a/x", { payload: LARGE })), OVERLOADED);
  assert.equal(pool.asked.length, 0);
  rig.hasRoom = true;
  pool.answer = () => null;
  const other = rig.connection().live();
  assert.equal(other.publish("a/x", { payload: LARGE }).verdict, "wait");
  assert.equal(inShort(await resumed(other)), OVERLOADED);
  // The time was over before the answer came.
  const late = rig.connection().live();
  assert.equal(late.publish("a/x", { payload: LARGE }).verdict, "wait");
  assert.equal(inShort(late.resume(null)), OVERLOADED);
  assert.match(rig.parts.lines.join("\n"), /inspection-overloaded/);
});

Deno.test("whoever brings frames is asked with what it will take", () => {
  const pool = new ScriptedPool();
  const rig = new Rig({ inspection: {} }, { inspections: pool });
  pool.expected = 17;
  const asked: [number, string][] = [];
  const wire = rig.connection().live();
  const data = bytesOf(publish("a/x", { payload: LARGE }));
  const report = rig.agent.judgeFrame({
    correlationId: wire.id,
    clientAddress: wire.address,
    routeId: "mqtt",
    fromClient: true,
    opcode: "binary",
    fin: true,
    index: wire.sent,
    data,
    bytes: data.length,
  }, {
    mayWait: (ms, what) => {
      asked.push([ms, what]);
      return true;
    },
  });
  assert.deepEqual(asked, [[17, "payloads"]]);
  assert.equal(report.waiting?.expectedMs, 17);
  // Its bytes are the pool's now: the frame keeps none.
  assert.equal(report.waiting?.frame?.data, null);
});

Deno.test("without a pool, large payloads are inspected in their place", () => {
  const wire = new Rig({ inspection: {} }).connection().live();
  assert.equal(inShort(wire.publish("a/x", { payload: LARGE })), ALLOWED);
  assert.equal(inShort(wire.publish("a/x", { payload: HOSTILE })), SCRIPT);
});

Deno.test("a connection that ended meanwhile closes", async () => {
  const { rig, wire } = rigOf();
  wire.publish("a/x", { payload: LARGE });
  rig.agent.complete(wire.id);
  assert.equal(inShort(await resumed(wire)), "close session-unknown [mqtt blocked session-unknown]");
});

Deno.test("a connection that was refused something meanwhile closes", async () => {
  const { wire } = rigOf();
  wire.publish("a/x", { payload: LARGE });
  assert.equal(wire.frame(new Uint8Array([0xff, 0xff])).verdict, "close");
  assert.equal((await resumed(wire)).verdict, "close");
});

Deno.test("a payload that waits when its client disconnects passes", async () => {
  const { wire } = rigOf();
  wire.publish("a/x", { payload: LARGE });
  assert.equal(wire.send({ cmd: "disconnect" } as PacketFacts).verdict, "allow");
  assert.equal(inShort(await resumed(wire)), ALLOWED);
});

Deno.test("a payload is judged by the configuration of its head, whatever comes into force meanwhile", async () => {
  const { rig, pool, wire } = rigOf();
  wire.publish("a/x", { payload: HOSTILE });
  rig.usePolicy({});
  assert.equal(inShort(await resumed(wire)), SCRIPT);
  assert.equal(inShort(wire.publish("a/x", { payload: HOSTILE })), ALLOWED);
  assert.equal(pool.asked.length, 1);
});

Deno.test("payloads of one frame that begin under two configurations are inspected by one each", async () => {
  const { rig, pool, wire } = rigOf();
  const old = wire.publish("a/0", { payload: LARGE }) && pool.asked[0]?.inspector;
  await resumed(wire);
  const first = bytesOf(publish("a/1", { payload: LARGE }));
  assert.equal(wire.frame(first.subarray(0, KIB)).verdict, "allow");
  const token = { name: "token", pattern: "token", severity: "high" as const, shadow: false };
  const patterns = { sqli: false, "command-injection": false, "script-injection": false, "path-traversal": false };
  rig.usePolicy({ inspection: { patterns: { ...patterns, "custom-patterns": [token] } } });
  const second = bytesOf(publish("a/2", { payload: `${LARGE} token` }));
  const third = bytesOf(publish("a/3", { payload: HOSTILE }));
  assert.equal(wire.frame(Buffer.concat([first.subarray(KIB), second, third])).verdict, "wait");
  assert.deepEqual(pool.asked.slice(1).map(({ items }) => items.map(({ topic }) => topic)), [["a/1"], ["a/2", "a/3"]]);
  assert.equal(pool.asked[1]?.inspector, old);
  assert.notEqual(pool.asked[2]?.inspector, old);
  assert.match(inShort(await resumed(wire)), /^close inspection-custom/);
});

Deno.test("where one of the pool's answers is missing, nothing of the frame passes", async () => {
  const { rig, pool, wire } = rigOf();
  const first = bytesOf(publish("a/1", { payload: LARGE }));
  wire.frame(first.subarray(0, KIB));
  rig.usePolicy({ inspection: {} });
  pool.answer = ({ items }) => items[0]?.topic === "a/1" ? [null] : null;
  wire.frame(Buffer.concat([first.subarray(KIB), bytesOf(publish("a/2", { payload: LARGE }))]));
  assert.match(inShort(await resumed(wire)), /^close inspection-overloaded/);
});

Deno.test("shared buckets are charged when a payload passes, the client's own at once", async () => {
  const limit = (burst: number) => ({
    "messages-per-second": 1,
    "bytes-per-second": 0,
    burst,
    quota: [],
    action: "drop" as const,
    shadow: false,
  });
  const { wire } = rigOf({ rate: { enabled: true, global: limit(2), "per-client": limit(6) } });
  for (let n = 0; n < 3; n++) {
    wire.publish("a/x", { payload: HOSTILE });
    assert.equal(inShort(await resumed(wire)), SCRIPT);
  }
  for (let n = 0; n < 2; n++) {
    wire.publish("a/x", { payload: LARGE });
    assert.equal(inShort(await resumed(wire)), ALLOWED);
  }
  wire.publish("a/x", { payload: LARGE });
  assert.equal(inShort(await resumed(wire)), "drop rate-global [mqtt blocked rate-limited]");
  assert.equal(inShort(wire.publish("a/x", { payload: LARGE })), "drop rate-client [mqtt blocked rate-limited]");
});

Deno.test("detect-only: payloads wait, pass, and are tagged", async () => {
  const { rig, pool, wire } = rigOf({ general: { "block-mode": false } });
  assert.equal(wire.publish("a/x", { payload: HOSTILE }).verdict, "wait");
  assert.equal(
    inShort(await resumed(wire)),
    "allow inspection-script-injection [mqtt detect-only inspection-blocked]",
  );
  rig.hasRoom = false;
  const unseen = "allow inspection-overloaded [mqtt detect-only overloaded]";
  assert.equal(inShort(wire.publish("a/x", { payload: LARGE })), unseen);
  rig.hasRoom = true;
  pool.answer = () => null;
  wire.publish("a/x", { payload: LARGE });
  assert.equal(inShort(await resumed(wire)), unseen);
});

Deno.test("deliveries: a large payload waits; of QoS 0 it is dropped, of QoS 1 and 2 it closes", async () => {
  for (const qos of [0, 1, 2] as const) {
    const { wire } = rigOf({ inspection: { "inspect-deliveries": true } });
    const facts = qos === 0 ? {} : { qos, messageId: 7 };
    assert.equal(wire.receive(publish("a/x", { payload: LARGE, ...facts })).verdict, "wait");
    assert.equal(inShort(await resumed(wire)), "allow  [mqtt delivery]");
    assert.equal(wire.receive(publish("a/x", { payload: HOSTILE, ...facts })).verdict, "wait");
    assert.match(inShort(await resumed(wire)), qos === 0 ? /^drop inspection-script/ : /^close inspection-script/);
  }
  const { pool, wire } = rigOf();
  assert.equal(wire.receive(publish("a/x", { payload: HOSTILE })).verdict, "allow");
  assert.equal(pool.asked.length, 0);
});

Deno.test("a delivery that was inspected owes its client an acknowledgement, one that was not let pass does not", async () => {
  const control = {
    "messages-per-second": 1,
    "bytes-per-second": 0,
    burst: 1,
    quota: [],
    action: "close" as const,
    shadow: false,
  };
  const { wire } = rigOf({ inspection: { "inspect-deliveries": true }, rate: { enabled: true, control } });
  const ack = { cmd: "puback", messageId: 7 } as PacketFacts;
  for (const payload of ["21.5", LARGE, "21.5", LARGE]) {
    const { verdict } = wire.receive(publish("a/x", { payload, qos: 1, messageId: 7 }));
    if (verdict === "wait") await resumed(wire);
    assert.equal(wire.send(ack).verdict, "allow");
  }
  // Nothing is owed any more: this one and the next are control packets like others.
  assert.equal(wire.send(ack).verdict, "allow");
  assert.equal(inShort(wire.send(ack)), "close rate-control [mqtt blocked rate-limited]");
});

Deno.test("detect-only: a delivery that would have been refused owes its client an acknowledgement all the same", async () => {
  const control = {
    "messages-per-second": 1,
    "bytes-per-second": 0,
    burst: 1,
    quota: [],
    action: "close" as const,
    shadow: false,
  };
  const rules = [
    { name: "no", topics: ["a/no"], actions: ["receive" as const], decision: "deny" as const, priority: 1 },
    { name: "all", topics: ["a/#"], decision: "allow" as const },
  ];
  const { wire } = rigOf({
    rules,
    inspection: { "inspect-deliveries": true },
    rate: { enabled: true, control },
    general: { "block-mode": false },
  });
  const ack = { cmd: "puback", messageId: 7 } as PacketFacts;
  for (const [topic, payload] of [["a/x", EVIL], ["a/x", HOSTILE], ["a/no", "x"], ["a/x", EVIL]] as const) {
    const said = wire.receive(publish(topic, { payload, qos: 1, messageId: 7 }));
    assert.match((said.verdict === "wait" ? await resumed(wire) : said).tags, /detect-only/);
    assert.equal(inShort(wire.send(ack)), "allow  [mqtt ack]");
  }
});

Deno.test("a PUBLISH of QoS 1 that waits counts for what the broker has to acknowledge once it passes", async () => {
  const { rig } = rigOf();
  const wire = rig.connection().live({ protocolVersion: 5 }, { properties: { receiveMaximum: 1 } });
  const facts = { qos: 1, messageId: 1 };
  wire.publish("a/x", { payload: HOSTILE, ...facts });
  assert.equal(inShort(await resumed(wire)), SCRIPT);
  wire.publish("a/x", { payload: LARGE, ...facts });
  assert.equal(inShort(await resumed(wire)), ALLOWED);
  assert.equal(wire.publish("a/x", { payload: "x", ...facts, messageId: 2 }).reason, "receive-maximum");
});

Deno.test("a large payload that is refused waits for its answer like a small one", async () => {
  const { wire } = rigOf({ general: { "max-unanswered": 2 } });
  for (let n = 0; n < 2; n++) {
    wire.publish("a/x", { payload: HOSTILE, qos: 1, messageId: 1 });
    assert.equal(inShort(await resumed(wire)), SCRIPT);
  }
  wire.publish("a/x", { payload: HOSTILE, qos: 1, messageId: 1 });
  assert.equal((await resumed(wire)).verdict, "close");
});

Deno.test("what is only noted leaves the tag shadow where a pattern is on trial, and a line", async () => {
  const token = { name: "token", pattern: "token", severity: "high" as const, shadow: true };
  const patterns = { sqli: false, "command-injection": false, "script-injection": false, "path-traversal": false };
  const { rig, wire } = rigOf({ inspection: { patterns: { ...patterns, "custom-patterns": [token] } } });
  assert.equal(inShort(wire.publish("a/x", { payload: "token" })), "allow  [mqtt publish shadow]");
  wire.publish("a/x", { payload: `${LARGE} token` });
  assert.equal(inShort(await resumed(wire)), "allow  [mqtt publish shadow]");
  assert.equal(inShort(wire.publish("a/x", { payload: "none" })), ALLOWED);
  const low = { ...token, severity: "low" as const, shadow: false };
  rig.usePolicy({ inspection: { patterns: { ...patterns, "custom-patterns": [low] } } });
  assert.equal(inShort(wire.publish("a/x", { payload: "token" })), ALLOWED);
  await rig.parts.log.flush();
  assert.equal(rig.parts.lines.filter((line) => line.includes("inspection-custom")).length > 0, true);
});

Deno.test("the log names schema, place and keyword, pattern and view, and nothing of the payload", async () => {
  const schema = { type: "object", properties: { level: { type: "number" } } };
  const entry = { name: "levels", schema, topics: ["a/s"], "block-on-failure": true };
  const { rig, wire } = rigOf({ inspection: { "json-schema": [entry] } });
  assert.equal(wire.publish("a/s", { payload: '{"level":"s3cr3t"}' }).reason, "schema-invalid");
  assert.equal(wire.publish("a/x", { payload: "%3Cscript%3Es3cr3t" }).reason, "inspection-script-injection");
  await rig.parts.log.flush();
  const log = rig.parts.lines.join("\n");
  assert.match(log, /schema \\"levels\\" at \\"\/level\\": type/);
  assert.match(log, /script-tag \(\w+\) in payload at byte \d+, read as percent/);
  assert.doesNotMatch(log, /s3cr3t/);
});
