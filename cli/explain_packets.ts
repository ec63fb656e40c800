/** The packets of one small talk between a client and a broker: just what `explain` shows the agent. */

/** 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0. */
export type Level = 3 | 4 | 5;

/** A message, or the Will of a CONNECT. */
export interface SentMessage {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly payload: Uint8Array;
}

export interface SentConnect {
  readonly clientId: string;
  readonly username: string | null;
  readonly will: SentMessage | null;
  readonly keepAliveSecs: number;
}

/** Longest text of a packet, in bytes of UTF-8. */
export const MAX_TEXT_BYTES = 65_535;

const PACKET_ID = [0, 1];
/** MQTT 5 has properties where 3.x has nothing; here there are none. */
const noProperties = (level: Level) => level === 5 ? [0] : [];
const encoder = new TextEncoder();

/** CONNECT that begins a clean session. Texts must not be longer than MAX_TEXT_BYTES. */
export function connectPacket(level: Level, { clientId, username, will, keepAliveSecs }: SentConnect): Uint8Array {
  const flags = 0x02 | (username === null ? 0 : 0x80) |
    (will === null ? 0 : 0x04 | will.qos << 3 | (will.retain ? 0x20 : 0));
  return packet(
    0x10,
    text(level === 3 ? "MQIsdp" : "MQTT"),
    [level, flags, keepAliveSecs >> 8, keepAliveSecs & 0xff, ...noProperties(level)],
    text(clientId),
    ...(will === null ? [] : [noProperties(level), text(will.topic), binary(will.payload)]),
    ...(username === null ? [] : [text(username)]),
  );
}

/** CONNACK that accepts, and announces no limits. */
export function connackPacket(level: Level): Uint8Array {
  return packet(0x20, [0, 0, ...noProperties(level)]);
}

export function publishPacket(level: Level, { topic, qos, retain, payload }: SentMessage): Uint8Array {
  return packet(
    0x30 | qos << 1 | (retain ? 1 : 0),
    text(topic),
    qos === 0 ? [] : PACKET_ID,
    noProperties(level),
    payload,
  );
}

export function subscribePacket(level: Level, filter: string, qos: 0 | 1 | 2): Uint8Array {
  return packet(0x82, PACKET_ID, noProperties(level), text(filter), [qos]);
}

export function unsubscribePacket(level: Level, filter: string): Uint8Array {
  return packet(0xa2, PACKET_ID, noProperties(level), text(filter));
}

function packet(first: number, ...parts: readonly ArrayLike<number>[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [first];
  for (let rest = length;;) {
    const digit = rest % 128;
    rest = (rest - digit) / 128;
    head.push(rest > 0 ? digit | 0x80 : digit);
    if (rest === 0) break;
  }
  const bytes = new Uint8Array(head.length + length);
  let at = 0;
  for (const part of [head, ...parts]) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function text(value: string): Uint8Array {
  return binary(encoder.encode(value));
}

function binary(value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(2 + value.length);
  bytes.set([value.length >> 8, value.length & 0xff]);
  bytes.set(value, 2);
  return bytes;
}
