import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { ProtocolLevel } from "./packet.ts";
import { heldBytes, PacketStream } from "./packet_stream.ts";
import { joinBytes, TEST_CONNECT, testBytes } from "./test_bytes.ts";
import { cutEvery, type Report, transcript } from "./test_transcript.ts";
import { allViolations } from "./violation.ts";
import { CONNECT_VECTORS } from "./vectors/connect.ts";
import { OTHER_VECTORS } from "./vectors/others.ts";
import { PUBLISH_VECTORS } from "./vectors/publish.ts";
import { SUBSCRIBE_VECTORS } from "./vectors/subscribe.ts";
import type { Vector } from "./vectors/vector.ts";

const VECTORS: readonly Vector[] = [...CONNECT_VECTORS, ...PUBLISH_VECTORS, ...SUBSCRIBE_VECTORS, ...OTHER_VECTORS];
/** Faults of the stream itself, which no single packet shows: packet_stream_test.ts has them. */
const STREAM_FAULTS = [
  "mqtt-unbufferable",
  "mqtt-bytes-skipped",
  "mqtt-user-properties-many",
  "mqtt-filters-many",
];
const PINGS = { client: testBytes("c0 00"), broker: testBytes("d0 00") };

for (const vector of VECTORS) {
  for (const level of vector.levels) {
    const verb = vector.refused !== undefined ? "is refused" : vector.note !== undefined ? "is noted" : "is read";
    Deno.test(`decode ${level}: ${vector.what} from the ${vector.from} ${verb}`, () => play(vector, level));
  }
}

Deno.test("decode: every violation has a vector", () => {
  const seen = new Set(VECTORS.flatMap((vector) => [vector.refused, vector.note]));
  const missing = allViolations().filter(({ code }) => !seen.has(code) && !STREAM_FAULTS.includes(code));
  deepStrictEqual(missing, []);
});

Deno.test("decode: violations are frozen and their codes unique", () => {
  const codes = allViolations().map((violation) => violation.code);
  strictEqual(new Set(codes).size, codes.length);
  for (const violation of allViolations()) {
    ok(Object.isFrozen(violation));
    ok(/^mqtt(-[a-z0-9]+)+$/.test(violation.code), violation.code);
    ok(/^(MQTT-\d+\.\d+\.\d+-\d+|section \d+(\.\d+)+)$/.test(violation.clause), violation.clause);
    ok(!violation.text.endsWith("."));
  }
});

/** Whole, cut at every byte, in pieces of several sizes, and with a neighbour behind it: all must tell the same. */
function play(vector: Vector, level: ProtocolLevel): void {
  const bytes = testBytes(vector.bytes);
  const before = prefix(vector, level);
  const whole = run(vector, level, [joinBytes(before, bytes)]);
  const own = whole.slice(before.length === 0 ? 0 : 1);
  checkOutcome(vector, own, bytes.length);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const pieces = [joinBytes(before, bytes.subarray(0, cut)), bytes.subarray(cut)];
    deepStrictEqual(run(vector, level, pieces), whole, `cut behind ${cut} bytes`);
  }
  for (const size of [1, 2, 3, 7]) {
    const pieces = cutEvery(joinBytes(before, bytes), size);
    deepStrictEqual(run(vector, level, pieces), whole, `in pieces of ${size}`);
  }
  if (vector.refusedAfter !== undefined) {
    const early = run(vector, level, [joinBytes(before, bytes.subarray(0, vector.refusedAfter))]);
    strictEqual(early.at(-1)?.violation, vector.refused, `not refused after ${vector.refusedAfter} bytes`);
  }
  if (vector.refused === undefined) {
    const joined = run(vector, level, [joinBytes(before, bytes, PINGS[vector.from])]);
    deepStrictEqual(joined.slice(0, -1), whole);
    deepStrictEqual(joined.at(-1)?.fields, { type: vector.from === "client" ? 12 : 13 });
    strictEqual(joined.at(-1)?.note, null);
  }
}

function prefix(vector: Vector, level: ProtocolLevel): Uint8Array {
  if (vector.from === "broker") return new Uint8Array();
  if (vector.connect !== undefined) return testBytes(vector.connect);
  return CONNECT_VECTORS.includes(vector) ? new Uint8Array() : TEST_CONNECT[level];
}

function run(vector: Vector, level: ProtocolLevel, pieces: Iterable<Uint8Array>): Report[] {
  const heldBefore = heldBytes();
  const stream = new PacketStream(vector.from);
  if (vector.from === "broker") stream.level = level;
  const reports = transcript(stream, pieces, { keepPayload: true });
  strictEqual(stream.midPacket, false);
  strictEqual(heldBytes(), heldBefore);
  return reports;
}

function checkOutcome(vector: Vector, own: readonly Report[], packetBytes: number): void {
  const last = own.at(-1);
  ok(last !== undefined, "nothing was reported");
  strictEqual(last.violation, vector.refused ?? null);
  if (vector.refused !== undefined) return strictEqual(last.kind, "violation");
  strictEqual(own[0]?.kind, last.kind === "end" ? "head" : "packet");
  strictEqual(last.note, vector.note ?? null);
  strictEqual(last.packetBytes, packetBytes);
  const fields = own[0]?.fields ?? {};
  for (const [name, value] of Object.entries(vector.fields ?? {})) deepStrictEqual(fields[name], value, name);
  if (last.kind !== "end") return;
  strictEqual(own.length, 2);
  ok(last.payload !== null);
  if (vector.payload !== undefined) strictEqual(last.payload, `hex:${vector.payload}`);
}
