import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { publish, Rig } from "../tests/support/rig.ts";
import { MAX_FRAME_STEPS } from "./client_packets.ts";
import type { FrameReport } from "./frame_report.ts";
import { InspectionPool } from "./inspection_pool.ts";
import { telemetry } from "./policy/inspect/inspect_fixture.ts";
import type { Inspector } from "./policy/inspect/inspector.ts";

/** A rig whose worker never answers, with what it is asked. */
function rigOf(inspection: NonNullable<ConstructorParameters<typeof Rig>[0]>["inspection"] = {}) {
  const asked: number[] = [];
  const pool = new InspectionPool({
    start: () => ({ post: (order) => void asked.push((order as { items?: unknown[] }).items?.length ?? 0), stop() {} }),
  });
  const rig = new Rig({ inspection }, { inspections: pool });
  const inspector = rig.agent.policy.inspection as Inspector;
  void pool.prepare(inspector);
  asked.length = 0;
  return { rig, asked, inspector };
}

/** How many payloads the inspector searches in place, and what that costs. */
function watch(inspector: Inspector): { calls: number; work: number } {
  const seen = { calls: 0, work: 0 };
  const search = inspector.inspectInPlace.bind(inspector);
  Object.defineProperty(inspector, "inspectInPlace", {
    value: (payload: Uint8Array, topic: string, spentWork: number) => {
      const inspected = search(payload, topic, spentWork);
      seen.calls++;
      seen.work += inspector.work;
      return inspected;
    },
  });
  return seen;
}

Deno.test("payloads that unpack to too much are looked into a few times a frame, then put off unseen", () => {
  const { rig, asked, inspector } = rigOf();
  const wire = rig.connection().live();
  const seen = watch(inspector);
  const bomb = gzipSync(" ".repeat(200_000));
  const said = wire.send(...Array.from({ length: 200 }, () => publish("ok", { payload: bomb })));
  assert.equal(said.verdict, "wait");
  assert.deepEqual(asked.slice(-1), [200]);
  assert.ok(seen.calls < 10, `${seen.calls} were looked into`);
});

Deno.test("each attempt at Zstandard counts, whether or not it is some", () => {
  const { rig, asked, inspector } = rigOf();
  const wire = rig.connection().live();
  const seen = watch(inspector);
  const noise = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 4, 0x70, 1, 2, 3, 4]);
  const said = wire.send(...Array.from({ length: 200 }, () => publish("ok", { payload: noise })));
  assert.equal(said.verdict, "wait");
  assert.equal(asked.length, 1);
  assert.ok(seen.calls < 20, `${seen.calls} were looked into`);
});

Deno.test("a frame is not charged for what the one before it cost", () => {
  const all = rigOf({ "json-limits": { ...LIMITS, "max-keys": 10_000 }, "exclude-topics": ["a/#"] });
  const payloads = rigOf({ "json-limits": { ...LIMITS, "max-keys": 10_000 }, inspect: ["payload"] });
  for (const { rig, inspector } of [all, payloads]) {
    const wire = rig.connection().live({ protocolVersion: 5 });
    const empty = publish("a/b", { payload: "", properties: { userProperties: { name: "value" } } });
    const before = steps(rig, () => wire.send(empty));
    assert.equal(wire.publish("ok", { payload: Buffer.from(telemetry(32_000)) }).verdict, "allow");
    assert.ok(inspector.work > 10_000);
    assert.equal(steps(rig, () => wire.send(empty)), before);
  }
});

Deno.test("what inspecting in place takes is bounded for all clients together, but for what is small", () => {
  const { rig, asked, inspector } = rigOf();
  const seen = watch(inspector);
  const payload = Buffer.from("'`\\\"".repeat(2000));
  const send = (n: number, bytes = payload) =>
    rig.connection({ address: `10.0.0.${n}:1` }).live({ clientId: `c${n}` }).publish("ok", { payload: bytes });
  const said = Array.from({ length: 10 }, (_, n) => send(n).verdict);
  assert.ok(seen.calls > 1 && seen.calls < 8, `${seen.calls} were looked into`);
  assert.deepEqual([said[0], said.at(-1)], ["allow", "wait"]);
  assert.equal(asked.filter((items) => items > 0).length, 10 - seen.calls);
  assert.equal(send(10, payload.subarray(0, 1000)).verdict, "allow");
  // A Will can not be put off.
  const large = Buffer.from("'`\\\"".repeat(5000));
  const will = (bytes: Buffer) => ({ will: { topic: "ok", payload: bytes, qos: 0, retain: false } });
  assert.equal(rig.connection({ address: "10.0.1.1:1" }).connect(will(large)).reason, "inspection-overloaded");
  const fewer = Buffer.from("'`\\\"".repeat(4000));
  assert.equal(rig.connection({ address: "10.0.1.2:1" }).connect(will(fewer)).verdict, "allow");
  rig.pass(1000);
  assert.equal(send(11).verdict, "allow");
  assert.equal(rig.connection({ address: "10.0.1.3:1" }).connect(will(large)).verdict, "allow");
});

Deno.test("no payload is nearly so much work in its place that its frame closes: it is put off before", () => {
  // Nothing refuses, so that nothing stops the search.
  const { rig } = rigOf({ "block-severity": "critical" });
  let seed = 7;
  const next = () => (seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) >>> 24;
  const bytes = Uint8Array.from({ length: 49_000 }, next);
  const parts = [
    "' or ",
    "union (",
    "select a from ",
    "/* */",
    "--\n",
    ";ls b ",
    "$(a",
    "`x",
    "<svg ",
    "{{ a ",
    "../a ",
    "c'a",
  ];
  const payloads = [
    gzipSync(bytes.toBase64().slice(0, 40_000)),
    gzipSync(bytes.subarray(0, 32_000).toHex()),
    gzipSync("1".repeat(65_000)),
    gzipSync(new Uint8Array(2_000_000)),
    Buffer.from(bytes.subarray(0, 24_000).toBase64()),
    Buffer.from(bytes.subarray(0, 32_000)),
    Buffer.from(Array.from({ length: 5000 }, () => parts[next() % parts.length]).join("").slice(0, 32_000)),
  ];
  for (const [n, payload] of payloads.entries()) {
    const wire = rig.connection({ address: `10.0.0.${n}:1` }).live({ clientId: `c${n}` });
    const cost = steps(rig, () => assert.notEqual(wire.publish("ok", { payload }).reason, "too-many-packets", `${n}`));
    assert.ok(cost > 0 && cost < MAX_FRAME_STEPS * 3 / 4, `${n}: ${cost}`);
    rig.pass(10_000);
  }
});

/** What judging the frames that `send` sends costs. */
function steps({ agent }: Rig, send: () => void): number {
  let report: FrameReport | null = null;
  const judge = agent.judgeFrame.bind(agent);
  Object.defineProperty(agent, "judgeFrame", {
    configurable: true,
    value: (...args: Parameters<typeof judge>) => report = judge(...args),
  });
  send();
  Object.defineProperty(agent, "judgeFrame", { configurable: true, value: judge });
  return (report as FrameReport | null)?.steps ?? -1;
}

const LIMITS = {
  "max-depth": 32,
  "max-keys": 1000,
  "max-string": 65_536,
  "duplicate-keys": "deny",
  ["__proto__"]: "deny",
} as const;
