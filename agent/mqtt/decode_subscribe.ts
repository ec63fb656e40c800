import { cursor } from "./cursor.ts";
import {
  FILTERS_MANY,
  MAX_ENTRIES,
  NO_LOCAL_SHARED,
  RETAIN_HANDLING,
  SUBACK_EMPTY,
  SUBSCRIBE_EMPTY,
  SUBSCRIBE_OPTIONS,
  SUBSCRIBE_QOS,
  UNSUBSCRIBE_EMPTY,
} from "./faults.ts";
import { filterFault, isShared } from "./filter_syntax.ts";
import { PACKET, type Qos, type Suback, type Subscribe, type Subscription, type Unsubscribe } from "./packet.ts";
import { properties, PROPERTY } from "./properties.ts";
import { checkReasonCode } from "./reason_codes.ts";

/** Decodes a SUBSCRIBE at the cursor, section 3.8. */
export function decodeSubscribe(level: number): Subscribe {
  const packetId = cursor.packetId();
  if (level === 5) properties.read(PACKET.SUBSCRIBE);
  else properties.clear();
  const subscriptions: Subscription[] = [];
  while (cursor.position < cursor.end) {
    if (subscriptions.push(readSubscription(level)) > MAX_ENTRIES) cursor.fail(FILTERS_MANY);
  }
  if (subscriptions.length === 0) cursor.odd(SUBSCRIBE_EMPTY);
  return {
    type: PACKET.SUBSCRIBE,
    packetId,
    subscriptions,
    subscriptionId: properties.number(PROPERTY.SUBSCRIPTION_ID, 0),
    userProperties: properties.takeUserProperties(),
  };
}

/** Decodes an UNSUBSCRIBE at the cursor, section 3.10. */
export function decodeUnsubscribe(level: number): Unsubscribe {
  const packetId = cursor.packetId();
  if (level === 5) properties.read(PACKET.UNSUBSCRIBE);
  else properties.clear();
  const filters: string[] = [];
  while (cursor.position < cursor.end) {
    if (filters.push(readFilter()) > MAX_ENTRIES) cursor.fail(FILTERS_MANY);
  }
  if (filters.length === 0) cursor.odd(UNSUBSCRIBE_EMPTY);
  return { type: PACKET.UNSUBSCRIBE, packetId, filters, userProperties: properties.takeUserProperties() };
}

/** Decodes a SUBACK or UNSUBACK at the cursor, sections 3.9 and 3.11. */
export function decodeSuback(packetType: 9 | 11, level: number): Suback {
  const packetId = cursor.packetId();
  if (level === 5) properties.read(packetType);
  // Before 5.0 UNSUBACK is the packet identifier and nothing else.
  const start = cursor.position;
  if (packetType === PACKET.SUBACK || level === 5) {
    while (cursor.position < cursor.end) checkReasonCode(packetType, cursor.u8(), level);
    if (cursor.position === start) cursor.odd(SUBACK_EMPTY);
  }
  return { type: packetType, packetId, reasonCodes: cursor.bytes.subarray(start, cursor.position) };
}

function readFilter(): string {
  const start = cursor.position + 2;
  const filter = cursor.name();
  if (cursor.failure !== null) return "";
  const fault = filterFault(cursor.bytes, start, cursor.position);
  if (fault !== null) cursor.odd(fault);
  return filter;
}

function readSubscription(level: number): Subscription {
  const start = cursor.position + 2;
  const filter = readFilter();
  const filterEnd = cursor.position;
  const options = cursor.u8();
  const qos = options & 3;
  if (qos === 3) cursor.odd(SUBSCRIBE_QOS);
  if (level !== 5) {
    if ((options & 0xfc) !== 0) cursor.odd(SUBSCRIBE_OPTIONS);
    return { filter, qos: qos as Qos, noLocal: false, retainAsPublished: false, retainHandling: 0 };
  }
  const noLocal = (options & 4) !== 0;
  const retainHandling = options >> 4 & 3;
  if ((options & 0xc0) !== 0) cursor.odd(SUBSCRIBE_OPTIONS);
  if (retainHandling === 3) cursor.odd(RETAIN_HANDLING);
  if (noLocal && isShared(cursor.bytes, start, filterEnd)) cursor.odd(NO_LOCAL_SHARED);
  return {
    filter,
    qos: qos as Qos,
    noLocal,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
  };
}
