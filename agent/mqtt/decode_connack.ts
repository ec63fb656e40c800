import { cursor } from "./cursor.ts";
import { CONNACK_FLAGS, PACKET_LENGTH, SESSION_PRESENT } from "./faults.ts";
import { type Connack, PACKET, type Qos } from "./packet.ts";
import { properties, PROPERTY } from "./properties.ts";
import { checkReasonCode } from "./reason_codes.ts";

/** Decodes a CONNACK at the cursor, section 3.2. */
export function decodeConnack(level: number): Connack {
  const flags = cursor.u8();
  const reasonCode = cursor.u8();
  const sessionPresent = (flags & 1) !== 0;
  // Before 3.1.1 this byte was reserved, and unused.
  if ((flags & 0xfe) !== 0 && level !== 3) cursor.odd(CONNACK_FLAGS);
  if (sessionPresent && reasonCode !== 0) cursor.odd(SESSION_PRESENT);
  // A broker of 3.1.1 refuses a CONNECT of 5.0 with a CONNACK of its own kind: two bytes, code 1.
  const isOld = level !== 5 || cursor.atEnd();
  checkReasonCode(PACKET.CONNACK, reasonCode, isOld ? 4 : 5);
  properties.clear();
  if (level === 5) {
    if (isOld) cursor.odd(PACKET_LENGTH);
    else properties.read(PACKET.CONNACK);
  }
  const maximumPacketBytes = properties.number(PROPERTY.MAXIMUM_PACKET_SIZE, 0);
  return {
    type: PACKET.CONNACK,
    sessionPresent,
    reasonCode,
    assignedClientId: properties.takeText(PROPERTY.ASSIGNED_CLIENT_ID),
    serverKeepAliveSecs: properties.has(PROPERTY.SERVER_KEEP_ALIVE)
      ? properties.number(PROPERTY.SERVER_KEEP_ALIVE, 0)
      : null,
    topicAliasMaximum: properties.number(PROPERTY.TOPIC_ALIAS_MAXIMUM, 0),
    maximumQos: Math.min(properties.number(PROPERTY.MAXIMUM_QOS, 2), 2) as Qos,
    retainAvailable: properties.flag(PROPERTY.RETAIN_AVAILABLE, true),
    wildcardAvailable: properties.flag(PROPERTY.WILDCARD_AVAILABLE, true),
    subscriptionIdsAvailable: properties.flag(PROPERTY.SUBSCRIPTION_IDS_AVAILABLE, true),
    sharedAvailable: properties.flag(PROPERTY.SHARED_AVAILABLE, true),
    maximumPacketBytes: maximumPacketBytes === 0 ? null : maximumPacketBytes,
    receiveMaximum: properties.number(PROPERTY.RECEIVE_MAXIMUM, 65_535),
  };
}
