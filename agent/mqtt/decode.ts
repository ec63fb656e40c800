import { cursor } from "./cursor.ts";
import { decodeAck } from "./decode_ack.ts";
import { decodeConnack } from "./decode_connack.ts";
import { decodeConnect } from "./decode_connect.ts";
import { decodeAuth, decodeDisconnect } from "./decode_disconnect.ts";
import { decodeSuback, decodeSubscribe, decodeUnsubscribe } from "./decode_subscribe.ts";
import { TRAILING_BYTES } from "./faults.ts";
import { PACKET, type Packet, type Ping } from "./packet.ts";

const PINGREQ: Ping = Object.freeze({ type: PACKET.PINGREQ });
const PINGRESP: Ping = Object.freeze({ type: PACKET.PINGRESP });

/**
 * Decodes all that stands behind the fixed header of any packet but PUBLISH, which `cursor` was opened on. Null if it cannot be read or, from a client, breaks the
 * standard: `cursor.failure` says how. What is odd in a broker's packet is in `cursor.note`.
 */
export function decodeBody(packetType: number, level: number): Packet | null {
  const packet = decodeFields(packetType, level);
  if (cursor.failure === null && !cursor.atEnd()) cursor.odd(TRAILING_BYTES);
  return cursor.failure === null ? packet : null;
}

function decodeFields(packetType: number, level: number): Packet {
  switch (packetType) {
    case PACKET.CONNECT:
      return decodeConnect();
    case PACKET.CONNACK:
      return decodeConnack(level);
    case PACKET.PUBACK:
    case PACKET.PUBREC:
    case PACKET.PUBREL:
    case PACKET.PUBCOMP:
      return decodeAck(packetType, level);
    case PACKET.SUBSCRIBE:
      return decodeSubscribe(level);
    case PACKET.SUBACK:
    case PACKET.UNSUBACK:
      return decodeSuback(packetType, level);
    case PACKET.UNSUBSCRIBE:
      return decodeUnsubscribe(level);
    case PACKET.PINGREQ:
      return PINGREQ;
    case PACKET.PINGRESP:
      return PINGRESP;
    case PACKET.DISCONNECT:
      return decodeDisconnect(level);
    default:
      return decodeAuth();
  }
}
