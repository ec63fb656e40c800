import { cursor } from "./cursor.ts";
import {
  FIELD_PAST_END,
  PROPERTY_LENGTH,
  TOPIC_EMPTY,
  TOPIC_MISSING,
  TOPIC_WILDCARD,
  VARIABLE_INTEGER,
} from "./faults.ts";
import { PACKET, type Publish, type Qos } from "./packet.ts";
import { NO_USER_PROPERTIES, properties, PROPERTY } from "./properties.ts";
import type { Violation } from "./violation.ts";

/** The PUBLISH last decoded, by whatever stream: reused, so that a PUBLISH allocates nothing but its text. */
export const publish: Publish = {
  type: PACKET.PUBLISH,
  topic: "",
  qos: 0,
  retain: false,
  dup: false,
  packetId: 0,
  topicAlias: 0,
  payloadBytes: 0,
  responseTopic: null,
  contentType: null,
  correlationData: null,
  payloadFormat: 0,
  userProperties: NO_USER_PROPERTIES,
};

/** QoS of a PUBLISH by the first byte of its fixed header; 3 is malformed. */
export function publishQos(firstByte: number): number {
  return firstByte >> 1 & 3;
}

/** Answer of {@link publishHeadBytes} in place of a length: the head reaches past its packet, or cannot be read. */
export const HEAD_FAULTS: readonly (Violation | null)[] = Object.freeze([
  null,
  FIELD_PAST_END,
  PROPERTY_LENGTH,
  VARIABLE_INTEGER,
]);
const TOPIC_PAST_END = -1, PROPERTIES_PAST_END = -2, LENGTH_TOO_LONG = -3;

/**
 * How long the head of a PUBLISH is (topic name, packet identifier, properties), from its first `available` bytes at `start`. O(1), so that a head may come
 * byte by byte.
 *
 * - At most `available`: that is its length, and it can be decoded.
 * - More: ask again when so many are there; none of them is payload.
 * - Negative: {@link HEAD_FAULTS} at that index, without the sign.
 */
export function publishHeadBytes(
  bytes: Uint8Array,
  start: number,
  available: number,
  firstByte: number,
  bodyBytes: number,
  level: number,
): number {
  // A packet that was only reported as too large is read on: nothing has looked at the room for its fields.
  if (bodyBytes < 2) return TOPIC_PAST_END;
  if (available < 2) return 2;
  let head = 2 + ((bytes[start] as number) << 8 | bytes[start + 1] as number) + (publishQos(firstByte) === 0 ? 0 : 2);
  if (head > bodyBytes) return TOPIC_PAST_END;
  if (level !== 5) return head;
  let length = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    if (++head > bodyBytes) return TOPIC_PAST_END;
    if (head > available) return head;
    const byte = bytes[start + head - 1] as number;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) return head + length > bodyBytes ? PROPERTIES_PAST_END : head + length;
  }
  return LENGTH_TOO_LONG;
}

/** Decodes the head at the cursor, which ends with it, into {@link publish}. Allocates the topic name, and what properties there are. */
export function decodePublishHead(firstByte: number, level: number, payloadBytes: number): void {
  const qos = publishQos(firstByte);
  publish.dup = (firstByte & 8) !== 0;
  publish.qos = qos as Qos;
  publish.retain = (firstByte & 1) !== 0;
  publish.payloadBytes = payloadBytes;
  publish.topic = cursor.name();
  if (cursor.wildcard) cursor.odd(TOPIC_WILDCARD);
  publish.packetId = qos === 0 ? 0 : cursor.packetId();
  publish.topicAlias = 0;
  if (level !== 5) {
    publish.responseTopic = null;
    publish.contentType = null;
    publish.correlationData = null;
    publish.payloadFormat = 0;
    publish.userProperties = NO_USER_PROPERTIES;
    if (publish.topic === "") cursor.odd(TOPIC_EMPTY);
    return;
  }
  properties.read(PACKET.PUBLISH);
  publish.topicAlias = properties.number(PROPERTY.TOPIC_ALIAS, 0);
  publish.responseTopic = properties.takeText(PROPERTY.RESPONSE_TOPIC);
  publish.contentType = properties.takeText(PROPERTY.CONTENT_TYPE);
  publish.correlationData = properties.takeBinary(PROPERTY.CORRELATION_DATA);
  publish.payloadFormat = properties.number(PROPERTY.PAYLOAD_FORMAT, 0) === 1 ? 1 : 0;
  publish.userProperties = properties.takeUserProperties();
  if (publish.topic === "" && publish.topicAlias === 0) cursor.odd(TOPIC_MISSING);
}
