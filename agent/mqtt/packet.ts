/**
 * What the decoder makes of MQTT packets: plain data, for MQTT 3.1 (level 3), 3.1.1 (level 4) and 5.0 (level 5).
 *
 * Text is decoded, binary fields are views of the bytes they were read from: whoever keeps one past the frame copies it.
 */

/** Protocol level of a connection: 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0. */
export type ProtocolLevel = 3 | 4 | 5;

/** 0, 1 or 2. */
export type Qos = 0 | 1 | 2;

/** Who sent the bytes. The broker is read leniently (design: only what cannot be parsed closes). */
export type Direction = "client" | "broker";

/** Control packet types, MQTT 5.0 section 2.1.2. */
export const PACKET = {
  CONNECT: 1,
  CONNACK: 2,
  PUBLISH: 3,
  PUBACK: 4,
  PUBREC: 5,
  PUBREL: 6,
  PUBCOMP: 7,
  SUBSCRIBE: 8,
  SUBACK: 9,
  UNSUBSCRIBE: 10,
  UNSUBACK: 11,
  PINGREQ: 12,
  PINGRESP: 13,
  DISCONNECT: 14,
  AUTH: 15,
} as const;

/** Names by packet type number; index 0 is no packet. */
export const PACKET_NAMES = [
  "RESERVED",
  "CONNECT",
  "CONNACK",
  "PUBLISH",
  "PUBACK",
  "PUBREC",
  "PUBREL",
  "PUBCOMP",
  "SUBSCRIBE",
  "SUBACK",
  "UNSUBSCRIBE",
  "UNSUBACK",
  "PINGREQ",
  "PINGRESP",
  "DISCONNECT",
  "AUTH",
] as const;

/** User properties in wire order, duplicates kept (MQTT 5.0 section 1.5.7). */
export type UserProperties = readonly (readonly [name: string, value: string])[];

/** What a PUBLISH and a Will have in common, so that one check can judge both. */
export interface Message {
  /** Topic name as written; empty in a PUBLISH that uses a topic alias. */
  topic: string;
  qos: Qos;
  retain: boolean;
  /** MQTT 5 Response Topic, or null. */
  responseTopic: string | null;
  /** MQTT 5 Content Type, or null. */
  contentType: string | null;
  /** MQTT 5 Correlation Data, or null. */
  correlationData: Uint8Array | null;
  /** MQTT 5 Payload Format Indicator: 1 says UTF-8 text. 0 where absent. */
  payloadFormat: 0 | 1;
  userProperties: UserProperties;
}

/** Header of a PUBLISH: all but its payload, which may come later and in pieces. */
export interface Publish extends Message {
  readonly type: 3;
  dup: boolean;
  /** 1 to 65535, or 0 for QoS 0. */
  packetId: number;
  /** 1 to 65535, or 0 where the packet carries none. */
  topicAlias: number;
  /** Bytes of payload that the fixed header announces. */
  payloadBytes: number;
}

/** The message a broker publishes when the client is gone, as announced in CONNECT. */
export interface Will extends Message {
  payload: Uint8Array;
  /** Will Delay Interval in seconds, 0 where absent. */
  delaySecs: number;
}

export interface Connect {
  readonly type: 1;
  level: ProtocolLevel;
  /** Clean Session (3.x) or Clean Start (5). */
  cleanStart: boolean;
  keepAliveSecs: number;
  clientId: string;
  will: Will | null;
  username: string | null;
  password: Uint8Array | null;
  /** Session Expiry Interval in seconds, 0 where absent; 4294967295 is for ever. */
  sessionExpirySecs: number;
  /** Topic aliases that the client accepts from the broker; 0 where absent. */
  topicAliasMaximum: number;
  /** 65535 where absent. */
  receiveMaximum: number;
  authenticationMethod: string | null;
  userProperties: UserProperties;
}

export interface Connack {
  readonly type: 2;
  sessionPresent: boolean;
  /** 0 is success; 3.x return code or MQTT 5 reason code otherwise. */
  reasonCode: number;
  assignedClientId: string | null;
  /** Server Keep Alive in seconds, or null: the client's own value holds. */
  serverKeepAliveSecs: number | null;
  /** Topic aliases that the client may use; 0 where absent. */
  topicAliasMaximum: number;
  /** 2 where absent. */
  maximumQos: Qos;
  retainAvailable: boolean;
  wildcardAvailable: boolean;
  subscriptionIdsAvailable: boolean;
  sharedAvailable: boolean;
  /** Largest packet in bytes that the broker takes, or null. */
  maximumPacketBytes: number | null;
  receiveMaximum: number;
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP. */
export interface Ack {
  readonly type: 4 | 5 | 6 | 7;
  packetId: number;
  reasonCode: number;
  /** MQTT 5 Reason String, or null. */
  reasonString: string | null;
  userProperties: UserProperties;
}

export interface Subscription {
  filter: string;
  qos: Qos;
  noLocal: boolean;
  retainAsPublished: boolean;
  retainHandling: 0 | 1 | 2;
}

export interface Subscribe {
  readonly type: 8;
  packetId: number;
  subscriptions: Subscription[];
  /** 0 where absent. */
  subscriptionId: number;
  userProperties: UserProperties;
}

/** SUBACK and UNSUBACK (3.x UNSUBACK has no codes). */
export interface Suback {
  readonly type: 9 | 11;
  packetId: number;
  reasonCodes: Uint8Array;
}

export interface Unsubscribe {
  readonly type: 10;
  packetId: number;
  filters: string[];
  userProperties: UserProperties;
}

/** PINGREQ and PINGRESP. */
export interface Ping {
  readonly type: 12 | 13;
}

export interface Disconnect {
  readonly type: 14;
  reasonCode: number;
  /** Session Expiry Interval in seconds, or null where absent. */
  sessionExpirySecs: number | null;
  /** MQTT 5 Reason String, or null. */
  reasonString: string | null;
  userProperties: UserProperties;
}

export interface Auth {
  readonly type: 15;
  reasonCode: number;
  authenticationMethod: string | null;
  /** MQTT 5 Reason String, or null. */
  reasonString: string | null;
  userProperties: UserProperties;
}

export type Packet =
  | Connect
  | Connack
  | Publish
  | Ack
  | Subscribe
  | Suback
  | Unsubscribe
  | Ping
  | Disconnect
  | Auth;
