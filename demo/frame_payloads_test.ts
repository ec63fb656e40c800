import assert from "node:assert/strict";
import { FramePayloads, packetLength } from "./frame_payloads.ts";

const hex = (payloads: readonly Uint8Array[]) => payloads.map((payload) => payload.toHex());
const PACKETS = ["d000", "40020001", `30c801${"00".repeat(200)}`];
const STREAM = Uint8Array.fromHex(PACKETS.join(""));

Deno.test("FramePayloads cuts at packets, however the bytes come", () => {
  for (let size = 1; size <= STREAM.length; size++) {
    const payloads = new FramePayloads("packet");
    const got: Uint8Array[] = [];
    for (let offset = 0; offset < STREAM.length; offset += size) {
      got.push(...payloads.push(STREAM.subarray(offset, offset + size)));
    }
    assert.deepEqual(hex(got), PACKETS);
  }
});

Deno.test("FramePayloads cuts at reads or at a number of bytes", () => {
  assert.deepEqual(hex(new FramePayloads("read").push(STREAM)), [PACKETS.join("")]);
  assert.deepEqual(hex(new FramePayloads(4).push(STREAM.subarray(0, 6))), ["d0004002", "0001"]);
  assert.throws(() => new FramePayloads(0), /Cannot cut frames of 0 bytes/);
});

Deno.test("packetLength() takes what is no packet whole", () => {
  assert.equal(packetLength(Uint8Array.fromHex("30")), null);
  assert.equal(packetLength(Uint8Array.fromHex("30ffff")), null);
  assert.equal(packetLength(Uint8Array.fromHex("30ffffff7f00")), null);
  assert.equal(packetLength(Uint8Array.fromHex("30808080800100")), 7);
});
