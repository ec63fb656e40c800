import assert from "node:assert/strict";
import {
  decodeClosePayload,
  decodeFrame,
  encodeCloseFrame,
  encodeFrame,
  NO_LIMITS,
  OPCODE,
  opcodeName,
} from "./websocket_frame.ts";

const PROXY_LIMITS = { maxPayloadBytes: 1024, refuseRsv: true };

function frameOf(bytes: Uint8Array) {
  const decoded = decodeFrame(bytes, NO_LIMITS);
  assert.ok(decoded.kind === "frame");
  return decoded.frame;
}

Deno.test("decodeFrame() reads the examples of RFC 6455 section 5.7", () => {
  const examples = [
    ["810548656c6c6f", true, OPCODE.text, "48656c6c6f"],
    ["818537fa213d7f9f4d5158", true, OPCODE.text, "48656c6c6f"],
    ["010348656c", false, OPCODE.text, "48656c"],
    ["80026c6f", true, OPCODE.continuation, "6c6f"],
    ["890548656c6c6f", true, OPCODE.ping, "48656c6c6f"],
    ["8a8537fa213d7f9f4d5158", true, OPCODE.pong, "48656c6c6f"],
    [`827e0100${"00".repeat(256)}`, true, OPCODE.binary, "00".repeat(256)],
    [`827f0000000000010000${"00".repeat(65536)}`, true, OPCODE.binary, "00".repeat(65536)],
  ] as const;
  for (const [hex, fin, opcode, payload] of examples) {
    const frame = frameOf(Uint8Array.fromHex(hex));
    assert.deepEqual([frame.fin, frame.opcode, frame.payload.toHex()], [fin, opcode, payload]);
    assert.equal(frame.raw.toHex(), hex);
  }
});

Deno.test("decodeFrame() waits for the last byte, wherever the frame is cut, and leaves what follows", () => {
  for (const size of [0, 1, 125, 126, 65535, 65536]) {
    for (const masked of [false, true]) {
      const bytes = encodeFrame(OPCODE.binary, new Uint8Array(size).fill(7), { masked });
      const cuts = size < 1000 ? bytes.keys() : [0, 1, 2, 3, 9, 10, 13, bytes.length - 1];
      for (const cut of cuts) assert.equal(decodeFrame(bytes.subarray(0, cut), NO_LIMITS).kind, "incomplete");
      const frame = frameOf(new Uint8Array([...bytes, 0x81, 0x00]));
      assert.equal(frame.raw.length, bytes.length);
      assert.ok(frame.payload.length === size && frame.payload.every((byte) => byte === 7));
    }
  }
});

Deno.test("decodeFrame() refuses RSV bits and announced sizes as soon as they show, where it is told to", () => {
  for (const rsv of [1, 2, 4, 7]) {
    const bytes = encodeFrame(OPCODE.binary, new Uint8Array(1), { rsv });
    assert.deepEqual(decodeFrame(bytes, PROXY_LIMITS), { kind: "fault", fault: "rsv-bits" });
    assert.equal(frameOf(bytes).rsv, rsv);
  }
  const large = encodeFrame(OPCODE.binary, new Uint8Array(1025));
  assert.deepEqual(decodeFrame(large.subarray(0, 4), PROXY_LIMITS), { kind: "fault", fault: "too-big" });
  assert.equal(decodeFrame(encodeFrame(OPCODE.binary, new Uint8Array(1024)), PROXY_LIMITS).kind, "frame");
});

Deno.test("encodeFrame() keeps fin, opcode and payload, and masks with a new key each time", () => {
  const payload = new TextEncoder().encode("payload");
  for (let opcode = 0; opcode < 16; opcode++) {
    for (const fin of [false, true]) {
      const frame = frameOf(encodeFrame(opcode, payload, { fin, masked: true }));
      assert.deepEqual([frame.fin, frame.opcode, frame.payload], [fin, opcode, payload]);
    }
  }
  const keys = new Set(Array.from({ length: 8 }, () => encodeFrame(2, payload, { masked: true }).slice(2, 6).toHex()));
  assert.ok(keys.size > 1);
});

Deno.test("a close frame carries code and reason; 1005 stands for none", () => {
  const { opcode, payload } = frameOf(encodeCloseFrame(1008, "nicht für dich"));
  assert.equal(opcode, OPCODE.close);
  assert.deepEqual(decodeClosePayload(payload), { code: 1008, reason: "nicht für dich" });
  assert.deepEqual(decodeClosePayload(new Uint8Array()), { code: 1005, reason: "" });
});

Deno.test("opcodeName() calls what RFC 6455 keeps for later reserved", () => {
  const names = Array.from({ length: 16 }, (_, opcode) => opcodeName(opcode));
  const reserved = Array(5).fill("reserved");
  assert.deepEqual(names, ["continuation", "text", "binary", ...reserved, "close", "ping", "pong", ...reserved]);
});
