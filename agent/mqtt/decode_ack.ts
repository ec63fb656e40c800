import { cursor } from "./cursor.ts";
import type { Ack } from "./packet.ts";
import { properties, PROPERTY } from "./properties.ts";
import { checkReasonCode } from "./reason_codes.ts";

/** Decodes a PUBACK, PUBREC, PUBREL or PUBCOMP at the cursor, sections 3.4 to 3.7. */
export function decodeAck(packetType: 4 | 5 | 6 | 7, level: number): Ack {
  const packetId = cursor.packetId();
  let reasonCode = 0;
  properties.clear();
  // Section 3.4.2.1: code and properties may be left out, the properties also alone.
  if (level === 5 && !cursor.atEnd()) {
    reasonCode = cursor.u8();
    checkReasonCode(packetType, reasonCode, level);
    if (!cursor.atEnd()) properties.read(packetType);
  }
  return {
    type: packetType,
    packetId,
    reasonCode,
    reasonString: properties.takeText(PROPERTY.REASON_STRING),
    userProperties: properties.takeUserProperties(),
  };
}
