import { cursor } from "./cursor.ts";
import {
  AUTH_DATA_ALONE,
  CLIENT_ID_EMPTY,
  CONNECT_FLAGS,
  PASSWORD_ALONE,
  PROTOCOL_VERSION,
  WILL_PAYLOAD_FORMAT,
  WILL_QOS,
  WILL_QOS_ALONE,
  WILL_RETAIN_ALONE,
  WILL_TOPIC_EMPTY,
  WILL_TOPIC_WILDCARD,
} from "./faults.ts";
import { type Connect, PACKET, type ProtocolLevel, type Qos, type Will } from "./packet.ts";
import { NO_USER_PROPERTIES, properties, PROPERTY, WILL_PROPERTIES } from "./properties.ts";
import { continueUtf8, UTF8_COMPLETE } from "./utf8.ts";

const USERNAME = 0x80, PASSWORD = 0x40, WILL_RETAIN = 0x20, WILL = 0x04, CLEAN_START = 0x02, RESERVED = 0x01;

/** What may stand behind one of the protocol names, as bytes of the packet. */
const VERSIONS: readonly (readonly [bytes: Uint8Array, level: ProtocolLevel])[] = [
  [protocol("MQTT", 4), 4],
  [protocol("MQTT", 5), 5],
  [protocol("MQIsdp", 3), 3],
];

/** Decodes a CONNECT at the cursor, section 3.1. */
export function decodeConnect(): Connect {
  const level = readVersion();
  const flags = cursor.u8();
  checkFlags(flags, level);
  const connect: Connect = {
    type: PACKET.CONNECT,
    level,
    cleanStart: (flags & CLEAN_START) !== 0,
    keepAliveSecs: cursor.u16(),
    clientId: "",
    will: null,
    username: null,
    password: null,
    sessionExpirySecs: 0,
    topicAliasMaximum: 0,
    receiveMaximum: 65_535,
    authenticationMethod: null,
    userProperties: NO_USER_PROPERTIES,
  };
  if (level === 5) readConnectProperties(connect);
  connect.clientId = cursor.name();
  if (connect.clientId === "" && (level === 3 || level === 4 && !connect.cleanStart)) cursor.odd(CLIENT_ID_EMPTY);
  if ((flags & WILL) !== 0) connect.will = readWill(flags, level);
  if ((flags & USERNAME) !== 0 && !isLeftOut(level)) connect.username = cursor.name();
  if ((flags & PASSWORD) !== 0 && !isLeftOut(level)) connect.password = cursor.binary();
  return connect;
}

/**
 * Only the three pairs that the standards know. 0x84 is MQTT 3.1.1 with the bridge bit of Mosquitto: a broker that knows it changes what the client may do
 * (retain as published, no local), one that does not closes.
 */
function readVersion(): ProtocolLevel {
  const { bytes, position, end } = cursor;
  for (const [version, level] of VERSIONS) {
    if (position + version.length > end) continue;
    let at = 0;
    while (at < version.length && bytes[position + at] === version[at]) at++;
    if (at < version.length) continue;
    cursor.position = position + version.length;
    return level;
  }
  cursor.fail(PROTOCOL_VERSION);
  return 4;
}

function checkFlags(flags: number, level: ProtocolLevel): void {
  if ((flags & RESERVED) !== 0) cursor.odd(CONNECT_FLAGS);
  if ((flags & WILL) === 0) {
    if (willQos(flags) !== 0) cursor.odd(WILL_QOS_ALONE);
    if ((flags & WILL_RETAIN) !== 0) cursor.odd(WILL_RETAIN_ALONE);
  } else if (willQos(flags) === 3) cursor.odd(WILL_QOS);
  if ((flags & PASSWORD) !== 0 && (flags & USERNAME) === 0 && level !== 5) cursor.odd(PASSWORD_ALONE);
}

function willQos(flags: number): number {
  return flags >> 3 & 3;
}

/** MQTT 3.1 section 3.1: the remaining length takes precedence over the flags, so user name and password may be announced and missing. */
function isLeftOut(level: ProtocolLevel): boolean {
  return level === 3 && cursor.atEnd();
}

function readConnectProperties(connect: Connect): void {
  properties.read(PACKET.CONNECT);
  connect.sessionExpirySecs = properties.number(PROPERTY.SESSION_EXPIRY, 0);
  connect.topicAliasMaximum = properties.number(PROPERTY.TOPIC_ALIAS_MAXIMUM, 0);
  connect.receiveMaximum = properties.number(PROPERTY.RECEIVE_MAXIMUM, 65_535);
  connect.authenticationMethod = properties.takeText(PROPERTY.AUTHENTICATION_METHOD);
  connect.userProperties = properties.takeUserProperties();
  if (properties.takeBinary(PROPERTY.AUTHENTICATION_DATA) !== null && connect.authenticationMethod === null) {
    cursor.odd(AUTH_DATA_ALONE);
  }
}

function readWill(flags: number, level: ProtocolLevel): Will {
  if (level === 5) properties.read(WILL_PROPERTIES);
  else properties.clear();
  const topic = cursor.name();
  if (topic === "") cursor.odd(WILL_TOPIC_EMPTY);
  else if (cursor.wildcard) cursor.odd(WILL_TOPIC_WILDCARD);
  const payload = cursor.binary();
  const payloadFormat = properties.number(PROPERTY.PAYLOAD_FORMAT, 0) === 1 ? 1 : 0;
  if (payloadFormat === 1 && continueUtf8(UTF8_COMPLETE, payload, 0, payload.length) !== UTF8_COMPLETE) {
    cursor.odd(WILL_PAYLOAD_FORMAT);
  }
  return {
    topic,
    payload,
    qos: willQos(flags) as Qos,
    retain: (flags & WILL_RETAIN) !== 0,
    delaySecs: properties.number(PROPERTY.WILL_DELAY, 0),
    responseTopic: properties.takeText(PROPERTY.RESPONSE_TOPIC),
    contentType: properties.takeText(PROPERTY.CONTENT_TYPE),
    correlationData: properties.takeBinary(PROPERTY.CORRELATION_DATA),
    payloadFormat,
    userProperties: properties.takeUserProperties(),
  };
}

function protocol(name: string, level: ProtocolLevel): Uint8Array {
  return new Uint8Array([0, name.length, ...new TextEncoder().encode(name), level]);
}
