import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Direction, ProtocolLevel } from "./packet.ts";
import {
  heldBytes,
  NEED_MORE,
  PACKET,
  PacketStream,
  PUBLISH_END,
  PUBLISH_HEAD,
  TOO_LARGE,
  VIOLATION,
} from "./packet_stream.ts";
import { joinBytes, TEST_CONNECT, testBytes } from "./test_bytes.ts";
import { cutEvery, transcript } from "./test_transcript.ts";

const MEBIBYTE = 1 << 20;

/** A client's stream behind its CONNECT, or a broker's of that level. */
function streamOf(direction: Direction, level: ProtocolLevel): PacketStream {
  const stream = new PacketStream(direction);
  if (direction === "broker") stream.level = level;
  else transcript(stream, [TEST_CONNECT[level]]);
  return stream;
}

function push(stream: PacketStream, bytes: Uint8Array | string): void {
  const taken = typeof bytes === "string" ? testBytes(bytes) : bytes;
  stream.push(taken, 0, taken.length);
}

/** What `next()` gives until `NEED_MORE` or `VIOLATION`. */
function drain(stream: PacketStream): number[] {
  const found: number[] = [];
  for (;;) {
    const one = stream.next();
    if (one === NEED_MORE) return found;
    found.push(one);
    if (one === VIOLATION) return found;
  }
}

Deno.test("next() reports a PUBLISH with the byte that completes its head", () => {
  const head = testBytes(`32 ff01 "a/b" 0007`);
  const stream = streamOf("client", 4);
  for (const piece of cutEvery(head.subarray(0, -1), 1)) {
    push(stream, piece);
    deepStrictEqual(drain(stream), []);
    strictEqual(stream.midPublishPayload, false);
  }
  push(stream, head.subarray(-1));
  strictEqual(stream.next(), PUBLISH_HEAD);
  strictEqual(stream.publish.topic, "a/b");
  strictEqual(stream.publish.payloadBytes, 255 - 7);
  strictEqual(stream.packetType, 3);
  strictEqual(stream.packetBytes, 258);
  strictEqual(stream.midPublishPayload, true);
  strictEqual(stream.next(), NEED_MORE);
  strictEqual(stream.midPacket, true);
});

Deno.test("next() reports a PUBLISH of MQTT 5.0 with the last byte of its properties", () => {
  const stream = streamOf("client", 5);
  push(stream, `30 20 "a" 03 23 00`);
  deepStrictEqual(drain(stream), []);
  push(stream, `05`);
  deepStrictEqual(drain(stream), [PUBLISH_HEAD]);
  strictEqual(stream.publish.topicAlias, 5);
});

Deno.test("a payload is counted and not kept", () => {
  const before = heldBytes();
  const stream = streamOf("client", 4);
  push(stream, `30 808004 "a"`);
  deepStrictEqual(drain(stream), [PUBLISH_HEAD]);
  let left = stream.publish.payloadBytes;
  for (; left > 1000; left -= 1000) {
    push(stream, new Uint8Array(1000));
    deepStrictEqual(drain(stream), []);
    strictEqual(heldBytes(), before);
  }
  push(stream, new Uint8Array(left));
  strictEqual(stream.next(), PUBLISH_END);
  strictEqual(stream.payload, null);
  strictEqual(stream.midPacket, false);
});

Deno.test("keepPayload offers a payload that came whole as a view", () => {
  const bytes = testBytes(`30 { "a" 'hello' }`);
  const stream = streamOf("client", 4);
  push(stream, bytes);
  strictEqual(stream.next(), PUBLISH_HEAD);
  stream.keepPayload = true;
  strictEqual(stream.next(), PUBLISH_END);
  strictEqual(stream.payload?.buffer, bytes.buffer);
  deepStrictEqual(new Uint8Array(stream.payload), testBytes(`'hello'`));
});

Deno.test("keepPayload copies a payload that came in pieces", () => {
  const before = heldBytes();
  const packet = testBytes(`30 { "a" '${"0123456789".repeat(50)}' }`);
  const reports = transcript(streamOf("client", 4), cutEvery(packet, 7), { keepPayload: true });
  strictEqual(reports.at(-1)?.payload, `hex:${packet.subarray(-500).toHex()}`);
  strictEqual(heldBytes(), before);
});

Deno.test("keepPayload falls back with the next packet", () => {
  const stream = streamOf("client", 4);
  push(stream, `30 { "a" '1' } 30 { "b" '2' }`);
  strictEqual(stream.next(), PUBLISH_HEAD);
  stream.keepPayload = true;
  strictEqual(stream.next(), PUBLISH_END);
  strictEqual(stream.next(), PUBLISH_HEAD);
  strictEqual(stream.payload, null);
  strictEqual(stream.keepPayload, false);
  strictEqual(stream.next(), PUBLISH_END);
  strictEqual(stream.payload, null);
});

Deno.test("keepPayload can be set until the first byte of the payload is read, and later offers nothing", () => {
  const stream = streamOf("client", 4);
  push(stream, `30 05 "a"`);
  deepStrictEqual(drain(stream), [PUBLISH_HEAD]);
  stream.keepPayload = true;
  push(stream, `'1'`);
  deepStrictEqual(drain(stream), []);
  push(stream, `'2'`);
  strictEqual(stream.next(), PUBLISH_END);
  deepStrictEqual(new Uint8Array(stream.payload as Uint8Array), testBytes(`'12'`));
  strictEqual(stream.next(), NEED_MORE);

  push(stream, `30 05 "a" '1'`);
  deepStrictEqual(drain(stream), [PUBLISH_HEAD]);
  stream.keepPayload = true;
  push(stream, `'2'`);
  strictEqual(stream.next(), PUBLISH_END);
  strictEqual(stream.payload, null);
});

Deno.test("next() reads every packet of one push, and nothing outside it", () => {
  const bytes = testBytes(`ffff c000 30 { "a" '1' } 40 { 0001 } ff`);
  const stream = streamOf("client", 4);
  stream.push(bytes, 2, bytes.length - 1);
  deepStrictEqual(drain(stream), [PACKET, PUBLISH_HEAD, PUBLISH_END, PACKET]);
  strictEqual(stream.midPacket, false);
  stream.push(bytes, 3, 3);
  deepStrictEqual(drain(stream), []);
});

Deno.test("pings are reported without allocating", () => {
  const stream = streamOf("client", 4);
  push(stream, `c000 c000`);
  stream.next();
  const first = stream.packet;
  stream.next();
  strictEqual(stream.packet, first);
  ok(Object.isFrozen(first));
});

Deno.test("a packet is offered until next() is called again", () => {
  const stream = streamOf("client", 4);
  push(stream, `40 { 0001 }`);
  stream.next();
  strictEqual(stream.packet?.type, 4);
  stream.next();
  strictEqual(stream.packet, null);
});

Deno.test("a client's stream takes its level from CONNECT", () => {
  for (const level of [3, 4, 5] as const) strictEqual(streamOf("client", level).level, level);
  strictEqual(new PacketStream("client").level, 0);
});

Deno.test("a broker's stream reads as MQTT 3.1.1 until it is told its level", () => {
  const stream = new PacketStream("broker");
  push(stream, `20 { 00 00 } 30 { "a" 00 } 40 { 0001 }`);
  deepStrictEqual(drain(stream), [PACKET, PUBLISH_HEAD, PUBLISH_END, PACKET]);
  strictEqual(stream.publish.payloadBytes, 1);
  strictEqual(stream.note, null);
});

Deno.test("streams do not disturb each other between pushes", () => {
  const packets = [testBytes(`30 { "topic/one" '1' }`), testBytes(`30 { "two" { 23 0001 } '22' }`)] as const;
  const streams = [streamOf("client", 4), streamOf("client", 5)] as const;
  const topics: string[] = [];
  for (let at = 0; at < 20; at++) {
    for (const [i, stream] of streams.entries()) {
      const packet = packets[i] as Uint8Array;
      push(stream, packet.subarray(at, at + 1));
      for (let found = stream.next(); found !== NEED_MORE; found = stream.next()) {
        if (found === PUBLISH_HEAD) topics.push(stream.publish.topic);
      }
    }
  }
  deepStrictEqual(topics.sort(), ["topic/one", "two"]);
});

Deno.test("a note belongs to one packet", () => {
  const stream = streamOf("broker", 4);
  push(stream, `d100 d000`);
  stream.next();
  strictEqual(stream.note?.code, "mqtt-fixed-header-flags");
  stream.next();
  strictEqual(stream.note, null);
});

Deno.test("a note found in an earlier push is there when the packet is reported", () => {
  const stream = streamOf("broker", 4);
  push(stream, `41`);
  deepStrictEqual(drain(stream), []);
  push(stream, `02 0001`);
  deepStrictEqual(drain(stream), [PACKET]);
  strictEqual(stream.note?.code, "mqtt-fixed-header-flags");
});

Deno.test("a packet above maxPacketBytes is reported once, with its size, and can be read on", () => {
  for (
    const packet of [testBytes(`30 { "a" '${"x".repeat(100)}' }`), testBytes(`82 { 0001 "${"f".repeat(100)}" 00 }`)]
  ) {
    const stream = streamOf("client", 4);
    stream.maxPacketBytes = packet.length - 1;
    push(stream, packet.subarray(0, 2));
    strictEqual(stream.next(), TOO_LARGE);
    strictEqual(stream.packetBytes, packet.length);
    strictEqual(stream.packetType, (packet[0] as number) >> 4);
    strictEqual(stream.next(), NEED_MORE);
    push(stream, joinBytes(packet.subarray(2), testBytes("c000")));
    deepStrictEqual(drain(stream), packet[0] === 0x30 ? [PUBLISH_HEAD, PUBLISH_END, PACKET] : [PACKET, PACKET]);
  }
});

Deno.test("a packet of exactly maxPacketBytes passes", () => {
  const packet = testBytes(`30 { "a" '${"x".repeat(100)}' }`);
  const stream = streamOf("client", 4);
  stream.maxPacketBytes = packet.length;
  push(stream, packet);
  deepStrictEqual(drain(stream), [PUBLISH_HEAD, PUBLISH_END]);
});

Deno.test("a packet above the limit that has no room for its fields is refused when it is read on", () => {
  for (const [level, bytes] of [[4, "30 00"], [4, "32 01 00"], [5, "30 02 0000"], [4, "40 01 00"]] as const) {
    const stream = streamOf("client", level);
    stream.maxPacketBytes = 1;
    push(stream, bytes);
    deepStrictEqual(drain(stream), [TOO_LARGE, VIOLATION]);
    strictEqual(stream.violation?.code, "mqtt-field-past-end");
  }
});

Deno.test("nothing of an MQTT 5.0 packet is left in the next one, of whatever stream", () => {
  const full = `30 { "" { 01 01 23 0001 08 "r" 03 "c" 09 0001 ff 26 "k" "v" } 'text' }`;
  const stream = streamOf("client", 5);
  push(stream, `${full} 30 { "b" {} ff }`);
  deepStrictEqual(drain(stream), [PUBLISH_HEAD, PUBLISH_END, PUBLISH_HEAD, PUBLISH_END]);
  const plain = { ...stream.publish };

  push(stream, full);
  drain(stream);
  const older = streamOf("client", 4);
  push(older, `30 { "b" ff }`);
  deepStrictEqual(drain(older), [PUBLISH_HEAD, PUBLISH_END]);
  deepStrictEqual({ ...older.publish }, plain);
  strictEqual(plain.topicAlias, 0);
  strictEqual(plain.responseTopic ?? plain.contentType ?? plain.correlationData, null);
  deepStrictEqual(plain.userProperties, []);

  push(stream, full);
  drain(stream);
  const will = transcript(new PacketStream("client"), [testBytes(`10 { "MQTT" 04 06 003c "a" "w" 0001 ff }`)]);
  deepStrictEqual(will[0]?.fields?.["will"], {
    topic: "w",
    payload: "hex:ff",
    qos: 0,
    retain: false,
    delaySecs: 0,
    responseTopic: null,
    contentType: null,
    correlationData: null,
    payloadFormat: 0,
    userProperties: [],
  });
});

Deno.test("CONNECT is held against maxPacketBytes as well", () => {
  const stream = new PacketStream("client");
  stream.maxPacketBytes = 10;
  push(stream, TEST_CONNECT[4]);
  deepStrictEqual(drain(stream), [TOO_LARGE, PACKET]);
});

Deno.test("a packet that would have to be kept whole may take a mebibyte, or maxPacketBytes where that is more", () => {
  const subscribe = (bytes: number) => {
    const body = new Uint8Array(bytes - 5).fill(0x61);
    body.set([0, 1]);
    const lengths: number[] = [];
    for (let at = 2; at < body.length;) {
      const filter = Math.min(60_000, body.length - at - 3);
      body.set([filter >> 8, filter & 255], at);
      at += 2 + filter;
      body[at++] = 0;
      lengths.push(filter);
    }
    const size = body.length;
    return joinBytes(
      new Uint8Array([0x82, size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128, size >> 21]),
      body,
    );
  };
  const outcome = (packet: Uint8Array, maxPacketBytes: number | null, pieceBytes: number) => {
    const stream = streamOf("client", 4);
    if (maxPacketBytes !== null) stream.maxPacketBytes = maxPacketBytes;
    return transcript(stream, cutEvery(packet, pieceBytes)).map(({ kind, violation }) => violation ?? kind);
  };
  const large = subscribe(3 * MEBIBYTE);
  for (const pieceBytes of [large.length, 100_000]) {
    deepStrictEqual(outcome(large, null, pieceBytes), ["mqtt-unbufferable"]);
    deepStrictEqual(outcome(large, Infinity, pieceBytes), ["mqtt-unbufferable"]);
    deepStrictEqual(outcome(large, 1000, pieceBytes), ["too-large", "mqtt-unbufferable"]);
    deepStrictEqual(outcome(large, 2 * MEBIBYTE, pieceBytes), ["too-large", "mqtt-unbufferable"]);
    deepStrictEqual(outcome(large, 3 * MEBIBYTE, pieceBytes), ["packet"]);
    deepStrictEqual(outcome(subscribe(3 * MEBIBYTE - 1), null, pieceBytes), ["mqtt-unbufferable"]);
  }
  deepStrictEqual(outcome(large.subarray(0, 5), null, 5), ["mqtt-unbufferable"]);
});

Deno.test("a PUBLISH may be larger than what may be kept, its head may not", () => {
  const stream = streamOf("broker", 4);
  push(stream, `30 ffffff7f "a"`);
  deepStrictEqual(drain(stream), [PUBLISH_HEAD]);
  strictEqual(stream.publish.payloadBytes, 268_435_455 - 3);

  // 1,048,575 and 1,032,192 bytes of properties: with the rest of the head the former is more than a mebibyte.
  for (const [length, found] of [["ffff3f", [VIOLATION]], ["80803f", []]] as const) {
    const other = streamOf("broker", 5);
    const before = heldBytes();
    push(other, `30 ffffff7f "a" ${length}`);
    deepStrictEqual(drain(other), found);
    strictEqual(other.violation?.code, found.length === 0 ? undefined : "mqtt-unbufferable");
    ok(heldBytes() - before <= 64);
    other.release();
    strictEqual(heldBytes(), before);
  }
});

Deno.test("nothing is reserved for bytes that were only announced", () => {
  const before = heldBytes();
  const streams = Array.from({ length: 100 }, () => streamOf("client", 4));
  for (const stream of streams) {
    push(stream, `82 f0ff3f 0001`);
    deepStrictEqual(drain(stream), []);
  }
  ok(heldBytes() - before <= 100 * 64);
  for (const stream of streams) stream.release();
  strictEqual(heldBytes(), before);
});

Deno.test("what is held is at most twice what came", () => {
  const before = heldBytes();
  const stream = streamOf("client", 4);
  push(stream, `82 f0ff3f 0001`);
  drain(stream);
  let came = 2;
  for (let size = 1; size < 50_000; size = Math.ceil(size * 1.7)) {
    push(stream, new Uint8Array(size));
    drain(stream);
    came += size;
    ok(heldBytes() - before <= Math.max(64, 2 * came), `${heldBytes() - before} bytes for ${came}`);
    ok(heldBytes() - before >= came);
  }
  stream.release();
  strictEqual(heldBytes(), before);
});

Deno.test("a violation is final, and gives back what was held", () => {
  const before = heldBytes();
  const stream = streamOf("client", 4);
  push(stream, `82 05 0001`);
  deepStrictEqual(drain(stream), []);
  ok(heldBytes() > before);
  push(stream, `000561`);
  deepStrictEqual(drain(stream), [VIOLATION]);
  strictEqual(stream.violation?.code, "mqtt-field-past-end");
  strictEqual(stream.packetType, 8);
  strictEqual(heldBytes(), before);
  push(stream, `c000`);
  strictEqual(stream.next(), VIOLATION);
  strictEqual(stream.next(), VIOLATION);
  strictEqual(stream.violation?.code, "mqtt-field-past-end");
  strictEqual(stream.midPacket, false);
});

Deno.test("packets before a violation in the same push are reported", () => {
  const stream = streamOf("client", 4);
  push(stream, `c000 30 { "a" } 00`);
  deepStrictEqual(drain(stream), [PACKET, PUBLISH_HEAD, PUBLISH_END, VIOLATION]);
});

Deno.test("push() ends a stream of which bytes were left unread", () => {
  const stream = streamOf("client", 4);
  push(stream, `c000 c000`);
  strictEqual(stream.next(), PACKET);
  push(stream, `c000`);
  strictEqual(stream.next(), VIOLATION);
  strictEqual(stream.violation?.code, "mqtt-bytes-skipped");
});

Deno.test("release() ends a stream inside a packet, and leaves one at rest as it is", () => {
  const stream = streamOf("client", 4);
  stream.release();
  push(stream, `c000`);
  deepStrictEqual(drain(stream), [PACKET]);
  push(stream, `82 05`);
  deepStrictEqual(drain(stream), []);
  strictEqual(stream.midPacket, true);
  stream.release();
  stream.release();
  push(stream, `c000`);
  strictEqual(stream.next(), VIOLATION);
});

Deno.test("bytes that came before are not needed any more when a packet is reported", () => {
  // The transcript overwrites each piece behind it: a view into one would show.
  const subscribe = testBytes(`82 { 0001 "a/b/c" 00 "d/e/f" 01 }`);
  const reports = transcript(streamOf("client", 4), cutEvery(subscribe, 5));
  deepStrictEqual((reports[0]?.fields as { subscriptions: { filter: string }[] }).subscriptions.map((s) => s.filter), [
    "a/b/c",
    "d/e/f",
  ]);
});

Deno.test("more entries in one packet than anybody sends are refused, before the rest of them is read", () => {
  const cases: [ProtocolLevel, string, string][] = [
    [5, `30 { "t" { ${`26 "" "" `.repeat(16_385)} } }`, "mqtt-user-properties-many"],
    [4, `82 { 0001 ${`"a" 00 `.repeat(16_385)} }`, "mqtt-filters-many"],
    [4, `a2 { 0001 ${`"a" `.repeat(16_385)} }`, "mqtt-filters-many"],
  ];
  for (const [level, bytes, code] of cases) {
    const stream = streamOf("client", level);
    push(stream, bytes);
    deepStrictEqual(drain(stream), [VIOLATION]);
    strictEqual(stream.violation?.code, code);
  }
});

// It says nothing of time: quadratic cost would take minutes, and whoever made it so would notice.
Deno.test("a long packet is read however it is cut, byte by byte too", () => {
  const topic = testBytes(`30 { "${"t".repeat(65_535)}" }`);
  const properties = testBytes(`30 { "t" { ${`26 "some name" "some value" `.repeat(8000)} } }`);
  const filters = testBytes(`82 { 0001 ${`"devices/+/state" 00 `.repeat(2000)} }`);
  for (const [level, packet] of [[4, topic], [5, properties], [4, filters]] as const) {
    const stream = streamOf("client", level);
    let found = 0;
    for (let at = 0; at < packet.length; at++) {
      stream.push(packet, at, at + 1);
      while (stream.next() !== NEED_MORE) found++;
    }
    strictEqual(found, level === 4 && packet === filters ? 1 : 2);
  }
});
