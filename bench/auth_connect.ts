import { BenchSession } from "./closed_loop.ts";
import { frameTemplate, type Origin, type ProtocolVersion, type Verdict } from "./event_bytes.ts";

const ENCODER = new TextEncoder();
/** User name, password, clean session. */
const FLAGS = 0xc2;

/** CONNECT of MQTT 3.1.1 with a user name and a password, keep alive 60. */
export function loginPacket(clientId: string, username: string, password: string): Uint8Array<ArrayBuffer> {
  const fields = [clientId, username, password].map((field) => ENCODER.encode(field));
  const length = 10 + fields.reduce((sum, field) => sum + 2 + field.length, 0);
  const head = [0x10];
  for (let rest = length; head.length === 1 || rest > 0; rest = Math.floor(rest / 128)) {
    head.push(rest % 128 | (rest > 127 ? 0x80 : 0));
  }
  head.push(0, 4, 0x4d, 0x51, 0x54, 0x54, 4, FLAGS, 0, 60);
  const packet = new Uint8Array(head.length - 10 + length);
  packet.set(head);
  let at = head.length;
  for (const field of fields) {
    packet.set([field.length >> 8, field.length & 0xff], at);
    packet.set(field, at + 2);
    at += 2 + field.length;
  }
  return packet;
}

/** A WebSocket whose one frame is a CONNECT. */
export function loginSession(
  version: ProtocolVersion,
  from: Origin,
  packet: Uint8Array,
  expected: Verdict,
): BenchSession {
  return new BenchSession(from, [{ template: frameTemplate(version, from, packet, true), expected, fromClient: true }]);
}
