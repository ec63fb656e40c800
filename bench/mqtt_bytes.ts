/** MQTT packets as bytes, written by hand: some of them no encoder would make. */

const ENCODER = new TextEncoder();

export const PINGREQ = Uint8Array.of(0xc0, 0x00);

/** CONNECT with a clean session and keep alive 60. */
export function connectPacket(clientId: string, level: 4 | 5 = 4): Uint8Array<ArrayBuffer> {
  const properties = level === 5 ? [0] : [];
  return packet(0x10, [text("MQTT"), Uint8Array.of(level, 0x02, 0, 60, ...properties), text(clientId)]);
}

/** CONNACK: accepted, no session present. */
export function connackPacket(level: 4 | 5 = 4): Uint8Array<ArrayBuffer> {
  return packet(0x20, [Uint8Array.of(0, 0, ...(level === 5 ? [0] : []))]);
}

/** PUBLISH of QoS 0, MQTT 3.1.1. */
export function publishPacket(topic: string, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return packet(0x30, [text(topic), payload]);
}

/** PUBLISH of QoS 0, MQTT 5, with that many user properties `k`, `v`. */
export function publishPacketWithProperties(topic: string, properties: number): Uint8Array<ArrayBuffer> {
  const one = Uint8Array.of(0x26, 0, 1, 0x6b, 0, 1, 0x76);
  const all = new Uint8Array(properties * one.length);
  for (let i = 0; i < properties; i++) all.set(one, i * one.length);
  return packet(0x30, [text(topic), variableInteger(all.length), all, ENCODER.encode("x")]);
}

/** SUBSCRIBE, MQTT 3.1.1, all filters with QoS 0. */
export function subscribePacket(filters: readonly string[]): Uint8Array<ArrayBuffer> {
  return packet(0x82, [Uint8Array.of(0, 1), ...filters.flatMap((filter) => [text(filter), Uint8Array.of(0)])]);
}

/** One after another, as many as fit. */
export function repeated(packetBytes: Uint8Array, maxBytes: number): Uint8Array<ArrayBuffer> {
  const count = Math.floor(maxBytes / packetBytes.length);
  const all = new Uint8Array(count * packetBytes.length);
  for (let i = 0; i < count; i++) all.set(packetBytes, i * packetBytes.length);
  return all;
}

/** JSON of a device, `bytes` long. */
export function telemetry(device: string, bytes: number): Uint8Array<ArrayBuffer> {
  const start = `{"device":"${device}","time":"2026-01-20T12:00:00Z","temperature":21.5,"humidity":48.2,"note":"`;
  return ENCODER.encode(start + "n".repeat(Math.max(0, bytes - start.length - 2)) + '"}');
}

function packet(firstByte: number, parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return join([Uint8Array.of(firstByte), variableInteger(length), ...parts]);
}

function text(value: string): Uint8Array<ArrayBuffer> {
  const bytes = ENCODER.encode(value);
  return join([Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes]);
}

function variableInteger(value: number): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  do {
    const low = value % 128;
    value = Math.floor(value / 128);
    bytes.push(value > 0 ? low | 0x80 : low);
  } while (value > 0);
  return Uint8Array.from(bytes);
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
