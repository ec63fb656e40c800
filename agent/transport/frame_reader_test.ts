import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { FrameReader } from "./frame_reader.ts";

const EVENT = {
  client_ip: "10.0.0.1:51234",
  client_to_server: true,
  correlation_id: "7d3f0a52-session-0001",
  data: "wAA=",
  fin: true,
  frame_index: 1,
  opcode: "binary",
  route_id: "mqtt" as string | null,
};

function fast(text: string): FrameReader["frame"] | null {
  const reader = new FrameReader();
  const bytes = Buffer.from(text);
  return reader.readFast(bytes, 0, bytes.length) ? reader.frame : null;
}

function any(text: string): FrameReader["frame"] | null {
  const reader = new FrameReader();
  // Data that can not be decoded is told by `data: null`: that frame is judged, and closes.
  return reader.readAny(JSON.parse(text)) && reader.frame.data !== null ? reader.frame : null;
}

function facts(frame: FrameReader["frame"] | null): unknown {
  if (frame === null) return null;
  return {
    ...frame,
    data: frame.data === null ? null : Buffer.from(frame.data.subarray(0, frame.bytes)).toString("hex"),
  };
}

Deno.test("readFast() takes the form of real clients", () => {
  const frame = fast(JSON.stringify(EVENT));
  assert.deepEqual(facts(frame), {
    clientAddress: "10.0.0.1:51234",
    fromClient: true,
    correlationId: "7d3f0a52-session-0001",
    data: "c000",
    bytes: 2,
    fin: true,
    index: 1,
    opcode: "binary",
    routeId: "mqtt",
  });
});

const VARIANTS: readonly Partial<typeof EVENT>[] = [
  { client_to_server: false },
  { fin: false },
  { route_id: null },
  { opcode: "text" },
  { opcode: "continuation" },
  { opcode: "close", data: "" },
  { opcode: "reserved" },
  { opcode: "never heard of" },
  { frame_index: 0 },
  { frame_index: 123456789 },
  { client_ip: "[2001:db8::1]:443" },
  { client_ip: "" },
  { data: Buffer.alloc(100_000, 7).toString("base64") },
];

Deno.test("readFast() and readAny() read the same", () => {
  for (const variant of VARIANTS) {
    const text = JSON.stringify({ ...EVENT, ...variant });
    const frame = fast(text);
    assert.notEqual(frame, null, text.slice(0, 200));
    assert.deepEqual(facts(frame), facts(any(text)));
  }
});

Deno.test("readFast() leaves to readAny() what is written in another way", () => {
  const { client_ip, ...rest } = EVENT;
  const texts = [
    JSON.stringify({ ...rest, client_ip }),
    JSON.stringify(EVENT, null, 1),
    JSON.stringify({ ...EVENT, correlation_id: 'with "quotes"' }),
    JSON.stringify({ ...EVENT, correlation_id: "ünïcode" }),
    JSON.stringify({ ...EVENT, extra: 1 }),
    JSON.stringify(EVENT).replace('"binary"', '"bin\\u0061ry"'),
    JSON.stringify(EVENT).replace("wAA=", "wAA\\u003d"),
  ];
  for (const text of texts) {
    assert.equal(fast(text), null, text);
    assert.notEqual(any(text), null, text);
  }
});

Deno.test("base64 that another decoder could read in another way is not read", () => {
  for (const data of ["wAA", "wAB=", "wA A=", "wAA=\n", "w-A=", "@@@@", "wAA=wAA=", "=", "wAA=="]) {
    const text = JSON.stringify({ ...EVENT, data });
    assert.equal(fast(text), null, data);
    assert.equal(any(text), null, data);
  }
});

Deno.test("an event of wrong types is refused, whatever it is", () => {
  const wrong: Record<string, unknown[]> = {
    client_ip: [1, null, undefined, {}],
    client_to_server: ["true", 1, null, undefined],
    correlation_id: [1, null, undefined],
    data: [1, null, undefined, [], {}],
    fin: ["true", 1, undefined],
    frame_index: ["1", -1, 1.5, 1e300, null, undefined],
    opcode: [1, null, undefined],
    route_id: [1, {}, []],
  };
  for (const [key, values] of Object.entries(wrong)) {
    for (const value of values) {
      const text = JSON.stringify({ ...EVENT, [key]: value });
      assert.equal(any(text), null, text);
      assert.equal(fast(text), null, text);
    }
  }
  for (const text of ["null", "1", "[]", '"x"', "{}"]) assert.equal(any(text), null, text);
});

Deno.test("readFast() of changed bytes agrees with JSON.parse() or leaves it to it", () => {
  const text = JSON.stringify(EVENT);
  let seed = 1;
  const random = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
  for (let i = 0; i < 20_000; i++) {
    const bytes = Buffer.from(text);
    const edits = 1 + random(3);
    for (let j = 0; j < edits; j++) bytes[random(bytes.length)] = random(10) === 0 ? random(256) : 0x20 + random(95);
    const end = random(4) === 0 ? random(bytes.length) : bytes.length;
    const reader = new FrameReader();
    if (!reader.readFast(bytes, 0, end)) continue;
    assert.deepEqual(facts(reader.frame), facts(any(bytes.subarray(0, end).toString())));
  }
});
