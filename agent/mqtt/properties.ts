import { cursor } from "./cursor.ts";
import {
  MAX_ENTRIES,
  MAXIMUM_PACKET_SIZE,
  PROPERTY_DUPLICATE,
  PROPERTY_LENGTH,
  PROPERTY_MISPLACED,
  PROPERTY_UNKNOWN,
  PROPERTY_VALUE,
  RECEIVE_MAXIMUM,
  RESPONSE_TOPIC_EMPTY,
  RESPONSE_TOPIC_WILDCARD,
  SUBSCRIPTION_ID,
  SUBSCRIPTION_ID_PUBLISHED,
  TOPIC_ALIAS,
  USER_PROPERTIES_MANY,
} from "./faults.ts";
import { PACKET, type UserProperties } from "./packet.ts";
import type { Violation } from "./violation.ts";

/** Property identifiers, MQTT 5.0 section 2.2.2.2. */
export const PROPERTY = {
  PAYLOAD_FORMAT: 0x01,
  MESSAGE_EXPIRY: 0x02,
  CONTENT_TYPE: 0x03,
  RESPONSE_TOPIC: 0x08,
  CORRELATION_DATA: 0x09,
  SUBSCRIPTION_ID: 0x0b,
  SESSION_EXPIRY: 0x11,
  ASSIGNED_CLIENT_ID: 0x12,
  SERVER_KEEP_ALIVE: 0x13,
  AUTHENTICATION_METHOD: 0x15,
  AUTHENTICATION_DATA: 0x16,
  REQUEST_PROBLEM_INFORMATION: 0x17,
  WILL_DELAY: 0x18,
  REQUEST_RESPONSE_INFORMATION: 0x19,
  RESPONSE_INFORMATION: 0x1a,
  SERVER_REFERENCE: 0x1c,
  REASON_STRING: 0x1f,
  RECEIVE_MAXIMUM: 0x21,
  TOPIC_ALIAS_MAXIMUM: 0x22,
  TOPIC_ALIAS: 0x23,
  MAXIMUM_QOS: 0x24,
  RETAIN_AVAILABLE: 0x25,
  USER_PROPERTY: 0x26,
  MAXIMUM_PACKET_SIZE: 0x27,
  WILDCARD_AVAILABLE: 0x28,
  SUBSCRIPTION_IDS_AVAILABLE: 0x29,
  SHARED_AVAILABLE: 0x2a,
} as const;

/** Stands for the properties of a Will where a packet type is asked for: type 0 is no packet. */
export const WILL_PROPERTIES = 0;

/** No user property; shared by every packet that has none. */
export const NO_USER_PROPERTIES: UserProperties = Object.freeze([]);

const IDS = 0x2b;
/** How a value is read; 0 is an unknown identifier. */
const FLAG = 1, U16 = 2, U32 = 3, VARINT = 4, TEXT = 5, NAME = 6, BINARY = 7, PAIR = 8;
const KIND_BY_ID = new Uint8Array(IDS);
/** A bit for each packet type that may carry it. */
const PACKETS_BY_ID = new Uint16Array(IDS);
/** What to say of a 0, where 0 is no value. */
const ZERO_FAULT_BY_ID: (Violation | null)[] = new Array(IDS).fill(null);

{
  const { CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK } = PACKET;
  const { UNSUBSCRIBE, UNSUBACK, DISCONNECT, AUTH } = PACKET;
  const MESSAGE = [PUBLISH, WILL_PROPERTIES];
  const ANSWERED = [CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH];
  const define = (id: number, kind: number, packets: number[], zeroFault: Violation | null = null) => {
    KIND_BY_ID[id] = kind;
    for (const packet of packets) PACKETS_BY_ID[id] = (PACKETS_BY_ID[id] as number) | 1 << packet;
    ZERO_FAULT_BY_ID[id] = zeroFault;
  };
  define(PROPERTY.PAYLOAD_FORMAT, FLAG, MESSAGE);
  define(PROPERTY.MESSAGE_EXPIRY, U32, MESSAGE);
  define(PROPERTY.CONTENT_TYPE, TEXT, MESSAGE);
  define(PROPERTY.RESPONSE_TOPIC, NAME, MESSAGE);
  define(PROPERTY.CORRELATION_DATA, BINARY, MESSAGE);
  define(PROPERTY.SUBSCRIPTION_ID, VARINT, [PUBLISH, SUBSCRIBE], SUBSCRIPTION_ID);
  define(PROPERTY.SESSION_EXPIRY, U32, [CONNECT, CONNACK, DISCONNECT]);
  define(PROPERTY.ASSIGNED_CLIENT_ID, NAME, [CONNACK]);
  define(PROPERTY.SERVER_KEEP_ALIVE, U16, [CONNACK]);
  define(PROPERTY.AUTHENTICATION_METHOD, TEXT, [CONNECT, CONNACK, AUTH]);
  define(PROPERTY.AUTHENTICATION_DATA, BINARY, [CONNECT, CONNACK, AUTH]);
  define(PROPERTY.REQUEST_PROBLEM_INFORMATION, FLAG, [CONNECT]);
  define(PROPERTY.WILL_DELAY, U32, [WILL_PROPERTIES]);
  define(PROPERTY.REQUEST_RESPONSE_INFORMATION, FLAG, [CONNECT]);
  define(PROPERTY.RESPONSE_INFORMATION, TEXT, [CONNACK]);
  define(PROPERTY.SERVER_REFERENCE, TEXT, [CONNACK, DISCONNECT]);
  define(PROPERTY.REASON_STRING, TEXT, ANSWERED);
  define(PROPERTY.RECEIVE_MAXIMUM, U16, [CONNECT, CONNACK], RECEIVE_MAXIMUM);
  define(PROPERTY.TOPIC_ALIAS_MAXIMUM, U16, [CONNECT, CONNACK]);
  define(PROPERTY.TOPIC_ALIAS, U16, [PUBLISH], TOPIC_ALIAS);
  define(PROPERTY.MAXIMUM_QOS, FLAG, [CONNACK]);
  define(PROPERTY.RETAIN_AVAILABLE, FLAG, [CONNACK]);
  define(PROPERTY.USER_PROPERTY, PAIR, [...ANSWERED, ...MESSAGE, CONNECT, SUBSCRIBE, UNSUBSCRIBE]);
  define(PROPERTY.MAXIMUM_PACKET_SIZE, U32, [CONNECT, CONNACK], MAXIMUM_PACKET_SIZE);
  define(PROPERTY.WILDCARD_AVAILABLE, FLAG, [CONNACK]);
  define(PROPERTY.SUBSCRIPTION_IDS_AVAILABLE, FLAG, [CONNACK]);
  define(PROPERTY.SHARED_AVAILABLE, FLAG, [CONNACK]);
}

/**
 * The properties of the packet being decoded, until the next section is read. One for all packets, like the cursor: an absent property costs nothing.
 *
 * Where a broker repeats a property that may stand once the first value counts, as in Mosquitto and Paho; a broker's 0 where 0 is no value counts as absent.
 */
class Properties {
  #userProperties: (readonly [name: string, value: string])[] | null = null;
  #numbers = new Float64Array(IDS);
  #texts: (string | null)[] = new Array(IDS).fill(null);
  #binaries: (Uint8Array | null)[] = new Array(IDS).fill(null);
  /** A bit for each property seen: identifiers below 32, and the others. */
  #seenLow = 0;
  #seenHigh = 0;

  /** No properties: the packet is of a level below 5, or too short to have any. */
  clear(): void {
    this.#userProperties = null;
    this.#seenLow = 0;
    this.#seenHigh = 0;
  }

  /** Reads a property length and the properties behind it at the cursor. `packetType` decides which may stand there. */
  read(packetType: number): void {
    this.clear();
    const length = cursor.varint();
    if (length === 0) return;
    const packetEnd = cursor.end;
    const end = cursor.position + length;
    if (end > packetEnd) return cursor.fail(PROPERTY_LENGTH);
    // Values must end with the properties: one that is read past their end moves the payload, and another payload would be judged than the broker sees.
    cursor.end = end;
    while (cursor.position < cursor.end) this.#readOne(packetType);
    if (cursor.failure === null) cursor.end = packetEnd;
  }

  has(id: number): boolean {
    return ((id < 32 ? this.#seenLow : this.#seenHigh) & 1 << (id & 31)) !== 0;
  }

  number(id: number, absent: number): number {
    return this.has(id) ? this.#numbers[id] as number : absent;
  }

  flag(id: number, absent: boolean): boolean {
    return this.has(id) ? this.#numbers[id] !== 0 : absent;
  }

  /** Hands the value over: it is not kept here. */
  takeText(id: number): string | null {
    if (!this.has(id)) return null;
    const text = this.#texts[id] as string;
    this.#texts[id] = null;
    return text;
  }

  /** As {@link takeText}; a view. */
  takeBinary(id: number): Uint8Array | null {
    if (!this.has(id)) return null;
    const binary = this.#binaries[id] as Uint8Array;
    this.#binaries[id] = null;
    return binary;
  }

  /** As {@link takeText}; in wire order, duplicates kept. */
  takeUserProperties(): UserProperties {
    const taken = this.#userProperties;
    if (taken === null) return NO_USER_PROPERTIES;
    this.#userProperties = null;
    return taken;
  }

  #readOne(packetType: number): void {
    // An identifier is a variable byte integer, but all there are take one byte, and minimal form is demanded.
    const id = cursor.u8();
    const kind = id < IDS ? KIND_BY_ID[id] as number : 0;
    if (kind === 0) return cursor.fail(PROPERTY_UNKNOWN);
    let counts = true;
    if (((PACKETS_BY_ID[id] as number) & 1 << packetType) === 0) {
      cursor.odd(PROPERTY_MISPLACED);
      counts = false;
    }
    if (kind === PAIR) return this.#readPair(counts);
    if (this.has(id) && !(id === PROPERTY.SUBSCRIPTION_ID && packetType === PACKET.PUBLISH)) {
      cursor.odd(PROPERTY_DUPLICATE);
      counts = false;
    }
    if (id === PROPERTY.SUBSCRIPTION_ID && packetType === PACKET.PUBLISH && cursor.strict) {
      return cursor.fail(SUBSCRIPTION_ID_PUBLISHED);
    }
    switch (kind) {
      case TEXT:
      case NAME: {
        const text = kind === TEXT ? cursor.text() : cursor.name();
        if (id === PROPERTY.RESPONSE_TOPIC) checkResponseTopic(text);
        if (counts) this.#texts[id] = text;
        break;
      }
      case BINARY: {
        const binary = cursor.binary();
        if (counts) this.#binaries[id] = binary;
        break;
      }
      default: {
        const value = readNumber(kind);
        const zeroFault = value === 0 ? ZERO_FAULT_BY_ID[id] as Violation | null : null;
        if (zeroFault !== null) {
          cursor.odd(zeroFault);
          counts = false;
        }
        if (counts) this.#numbers[id] = value;
      }
    }
    if (!counts) return;
    if (id < 32) this.#seenLow |= 1 << id;
    else this.#seenHigh |= 1 << (id & 31);
  }

  #readPair(counts: boolean): void {
    const pair = [cursor.text(), cursor.text()] as const;
    if (!counts) return;
    if (this.#userProperties === null) this.#userProperties = [pair];
    else if (this.#userProperties.push(pair) > MAX_ENTRIES) cursor.fail(USER_PROPERTIES_MANY);
  }
}

function readNumber(kind: number): number {
  switch (kind) {
    case U16:
      return cursor.u16();
    case U32:
      return cursor.u32();
    case VARINT:
      return cursor.varint();
    default: {
      const value = cursor.u8();
      if (value > 1) cursor.odd(PROPERTY_VALUE);
      return value;
    }
  }
}

function checkResponseTopic(topic: string): void {
  if (topic === "") cursor.odd(RESPONSE_TOPIC_EMPTY);
  else if (cursor.wildcard) cursor.odd(RESPONSE_TOPIC_WILDCARD);
}

/** The one section of properties: {@link Properties}. */
export const properties: Properties = new Properties();
