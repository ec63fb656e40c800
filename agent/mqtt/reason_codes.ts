import { cursor } from "./cursor.ts";
import {
  AUTH_REASON,
  CONNACK_REASON,
  DISCONNECT_REASON,
  PUBACK_REASON,
  PUBCOMP_REASON,
  PUBREC_REASON,
  PUBREL_REASON,
  SUBACK_REASON,
  UNSUBACK_REASON,
} from "./faults.ts";
import { PACKET } from "./packet.ts";
import type { Violation } from "./violation.ts";

/** Reason codes that one side may send in one type of packet, as a lookup by code. */
interface ReasonCodes {
  readonly allowed: Uint8Array;
  readonly fault: Violation;
}

const { CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH } = PACKET;
const ACK_ERRORS = [0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const DISCONNECT_BOTH = [0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99];

// Sections 3.4.2.1 to 3.15.2.1, by the "Sent by" of their tables: 0x10 (no matching subscribers) is the server's alone.
const FROM_CLIENT = codesByPacket([
  [PUBACK, PUBACK_REASON, [0x00, ...ACK_ERRORS]],
  [PUBREC, PUBREC_REASON, [0x00, ...ACK_ERRORS]],
  [PUBREL, PUBREL_REASON, [0x00, 0x92]],
  [PUBCOMP, PUBCOMP_REASON, [0x00, 0x92]],
  [DISCONNECT, DISCONNECT_REASON, [0x00, 0x04, ...DISCONNECT_BOTH]],
  [AUTH, AUTH_REASON, [0x18, 0x19]],
]);
const FROM_BROKER = codesByPacket([
  // deno-fmt-ignore
  [CONNACK, CONNACK_REASON, [0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f]],
  [PUBACK, PUBACK_REASON, [0x00, 0x10, ...ACK_ERRORS]],
  [PUBREC, PUBREC_REASON, [0x00, 0x10, ...ACK_ERRORS]],
  [PUBREL, PUBREL_REASON, [0x00, 0x92]],
  [PUBCOMP, PUBCOMP_REASON, [0x00, 0x92]],
  [SUBACK, SUBACK_REASON, [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]],
  [UNSUBACK, UNSUBACK_REASON, [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91]],
  [DISCONNECT, DISCONNECT_REASON, [
    ...[0x00, ...DISCONNECT_BOTH, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f],
    ...[0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2],
  ]],
  [AUTH, AUTH_REASON, [0x00, 0x18]],
]);
/** Return codes before 5.0: 3.1.1 sections 3.2.2.3 and 3.9.3. */
const FROM_OLD_BROKER = codesByPacket([
  [CONNACK, CONNACK_REASON, [0, 1, 2, 3, 4, 5]],
  [SUBACK, SUBACK_REASON, [0x00, 0x01, 0x02, 0x80]],
]);

/** Complains at the cursor of a code that the sender may not use in this type of packet at this level. Packets without codes take any. */
export function checkReasonCode(packetType: number, code: number, level: number): void {
  const bySender = cursor.strict ? FROM_CLIENT : level === 5 ? FROM_BROKER : FROM_OLD_BROKER;
  const codes = bySender[packetType];
  if (codes !== undefined && codes.allowed[code] === 0) cursor.odd(codes.fault);
}

function codesByPacket(rows: [packetType: number, fault: Violation, codes: number[]][]): (ReasonCodes | undefined)[] {
  const table: (ReasonCodes | undefined)[] = new Array(16).fill(undefined);
  for (const [packetType, fault, codes] of rows) {
    const allowed = new Uint8Array(256);
    for (const code of codes) allowed[code] = 1;
    table[packetType] = { allowed, fault };
  }
  return table;
}
