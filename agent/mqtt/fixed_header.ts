import {
  AUTH_LEVEL,
  CLIENT_PACKET,
  CONNECT_FIRST,
  FIXED_HEADER_FLAGS,
  PACKET_LENGTH,
  PACKET_TYPE,
  PUBLISH_DUP,
  PUBLISH_QOS,
  SECOND_CONNECT,
  SERVER_PACKET,
  TRAILING_BYTES,
} from "./faults.ts";
import { type Direction, PACKET } from "./packet.ts";
import type { Violation } from "./violation.ts";

const { CONNECT, CONNACK, PUBLISH, PUBREL, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK } = PACKET;
const { PINGREQ, PINGRESP, DISCONNECT, AUTH } = PACKET;

const CLIENT_ONLY: readonly number[] = [CONNECT, SUBSCRIBE, UNSUBSCRIBE, PINGREQ];
const SERVER_ONLY: readonly number[] = [CONNACK, SUBACK, UNSUBACK, PINGRESP];
/** Packets whose reserved flags are 0010; all others but PUBLISH have 0000 (table 2-2). */
const FLAGS_0010: readonly number[] = [PUBREL, SUBSCRIBE, UNSUBSCRIBE];

/** Level 0 of a client's stream is before CONNECT; of a broker's it reads as 4. */
const LEVELS = [0, 3, 4, 5] as const;
type Table = readonly (Violation | null)[];
const FIRST_BYTE_FAULTS: Record<Direction, readonly Table[]> = {
  client: tableByLevel(clientFault),
  broker: tableByLevel(brokerFault),
};
const MINIMUM_BYTES = new Uint8Array(6 << 4);
const MAXIMUM_BYTES = new Float64Array(6 << 4);
fillLengths();

/**
 * What is wrong with the first byte of a packet, or null: type, reserved flags, QoS and DUP of PUBLISH. `level` is the stream's, 0 where it is not known. O(1).
 */
export function firstByteFault(direction: Direction, level: number, firstByte: number): Violation | null {
  return (FIRST_BYTE_FAULTS[direction][level] as Table)[firstByte] as Violation | null;
}

/**
 * Whether a packet with such a fixed header cannot be read, whoever sent it. A type that a broker has no packet of is
 * among them: there is no usual way to judge it, and no client that would stay for it.
 */
export function isUnreadable(fault: Violation): boolean {
  return fault === PACKET_TYPE || fault === PUBLISH_QOS || fault === PACKET_LENGTH || fault === CLIENT_PACKET ||
    fault === AUTH_LEVEL;
}

/**
 * What is wrong with a remaining length, before any byte behind it has come: `mqtt-packet-length` if the fields that must be there have no room,
 * `mqtt-trailing-bytes` if more is announced than there are fields, which leaves a broker's packet readable. O(1).
 */
export function remainingLengthFault(level: number, firstByte: number, bodyBytes: number): Violation | null {
  const packetType = firstByte >> 4;
  const at = level << 4 | packetType;
  const identifier = packetType === PUBLISH && (firstByte & 6) !== 0 ? 2 : 0;
  if (bodyBytes < (MINIMUM_BYTES[at] as number) + identifier) return PACKET_LENGTH;
  return bodyBytes > (MAXIMUM_BYTES[at] as number) ? TRAILING_BYTES : null;
}

function tableByLevel(faultOf: (level: number, firstByte: number) => Violation | null): Table[] {
  const tables: Table[] = [];
  for (const level of LEVELS) tables[level] = Array.from({ length: 256 }, (_, firstByte) => faultOf(level, firstByte));
  return tables;
}

function clientFault(level: number, firstByte: number): Violation | null {
  const packetType = firstByte >> 4;
  if (level === 0 && packetType !== CONNECT) return CONNECT_FIRST;
  // [MQTT-3.1.0-2] It would let a client change its identity after its rules were chosen.
  if (level !== 0 && packetType === CONNECT) return SECOND_CONNECT;
  if (packetType === 0) return PACKET_TYPE;
  if (SERVER_ONLY.includes(packetType)) return SERVER_PACKET;
  if (packetType === AUTH && level !== 5) return AUTH_LEVEL;
  return flagsFault(level, firstByte);
}

function brokerFault(level: number, firstByte: number): Violation | null {
  const packetType = firstByte >> 4;
  if (packetType === 0) return PACKET_TYPE;
  if (CLIENT_ONLY.includes(packetType)) return CLIENT_PACKET;
  if (packetType === AUTH && level !== 5) return AUTH_LEVEL;
  return flagsFault(level, firstByte);
}

function flagsFault(level: number, firstByte: number): Violation | null {
  const packetType = firstByte >> 4;
  const flags = firstByte & 15;
  if (packetType === PUBLISH) {
    if ((flags & 6) === 6) return PUBLISH_QOS;
    return (flags & 8) !== 0 && (flags & 6) === 0 ? PUBLISH_DUP : null;
  }
  if (!FLAGS_0010.includes(packetType)) return flags === 0 ? null : FIXED_HEADER_FLAGS;
  // In MQTT 3.1 these packets have QoS 1, and DUP where they are sent again (3.1 sections 3.6, 3.8, 3.10).
  return flags === 2 || level === 3 && flags === 10 ? null : FIXED_HEADER_FLAGS;
}

/** By level and type: the fewest and the most bytes that the fields of a packet take. Most packets have no upper bound but the remaining length's own. */
function fillLengths(): void {
  MAXIMUM_BYTES.fill(Infinity);
  for (const level of LEVELS) {
    const isOld = level !== 5;
    const set = (packetType: number, minimum: number, maximum: number) => {
      MINIMUM_BYTES[level << 4 | packetType] = minimum;
      MAXIMUM_BYTES[level << 4 | packetType] = maximum;
    };
    set(CONNECT, 12, Infinity);
    // Two bytes also in 5.0: see decodeConnack.
    set(CONNACK, 2, isOld ? 2 : Infinity);
    set(PUBLISH, isOld ? 2 : 3, Infinity);
    for (let packetType: number = PACKET.PUBACK; packetType <= PACKET.PUBCOMP; packetType++) {
      set(packetType, 2, isOld ? 2 : Infinity);
    }
    set(SUBSCRIBE, isOld ? 2 : 3, Infinity);
    set(SUBACK, isOld ? 2 : 3, Infinity);
    set(UNSUBSCRIBE, isOld ? 2 : 3, Infinity);
    set(UNSUBACK, isOld ? 2 : 3, isOld ? 2 : Infinity);
    set(PINGREQ, 0, 0);
    set(PINGRESP, 0, 0);
    set(DISCONNECT, 0, isOld ? 0 : Infinity);
    set(AUTH, 0, Infinity);
  }
}
