import { Buffer } from "node:buffer";
import mqttPacket from "mqtt-packet";
import type { Direction, ProtocolLevel } from "../../agent/mqtt/packet.ts";

/** Pseudo-random numbers that a seed repeats (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 up to, and without, `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return Math.floor(((mixed ^ mixed >>> 14) >>> 0) / 4_294_967_296 * limit);
  }

  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

/** A valid packet as mqtt-packet encodes it, and what the decoder must report of it. */
export interface ValidPacket {
  readonly bytes: Uint8Array;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Of a PUBLISH. */
  readonly payload: string | null;
}

type Json = Record<string, unknown>;
interface Parts {
  packet: Json;
  fields: Json;
  payload?: string;
}

const LEVELS_OF_TOPICS = [
  "a",
  "b",
  "sensors",
  "",
  "room 14",
  "größe",
  "😀",
  "$x",
  "\ufeff",
  "e\u0301",
  "x".repeat(130),
];
const TEXTS = ["", "a", "text/plain", "zwölf", "\ufeff", "line\nbreak", "t".repeat(300)];
const CLIENT_MAKERS = [publish, publish, publish, ack, subscribe, unsubscribe, pingreq] as const;
const BROKER_MAKERS = [publish, publish, publish, ack, suback, unsuback, pingresp] as const;

/** The CONNECT or CONNACK that a stream of that direction begins with. */
export function firstPacket(direction: Direction, level: ProtocolLevel, dice: Dice): ValidPacket {
  return encode(direction === "client" ? connect(level, dice) : connack(level, dice), level);
}

/** Any packet that may follow. */
export function nextPacket(direction: Direction, level: ProtocolLevel, dice: Dice): ValidPacket {
  const maker = dice.pick(direction === "client" ? CLIENT_MAKERS : BROKER_MAKERS);
  return encode(maker(level, dice, direction), level);
}

/** The packet that a client or, in MQTT 5.0, a broker ends with. */
export function lastPacket(level: ProtocolLevel, dice: Dice): ValidPacket {
  const properties = level === 5 && dice.chance(2) ? userProperties(dice) : null;
  const packet: Json = { cmd: "disconnect" };
  if (level === 5) packet["reasonCode"] = dice.pick([0, 0x80, 0x82]);
  if (properties !== null) packet["properties"] = properties.packet;
  return encode({
    packet,
    fields: {
      type: 14,
      reasonCode: packet["reasonCode"] ?? 0,
      sessionExpirySecs: null,
      reasonString: null,
      userProperties: properties?.fields["userProperties"] ?? [],
    },
  }, level);
}

function encode({ packet, fields, payload }: Parts, level: ProtocolLevel): ValidPacket {
  const bytes = mqttPacket.generate(packet as unknown as mqttPacket.Packet, { protocolVersion: level });
  return { bytes: new Uint8Array(bytes), fields, payload: payload ?? null };
}

function connect(level: ProtocolLevel, dice: Dice): Parts {
  const cleanStart = dice.chance(2);
  // mqtt-packet refuses to encode two things that 5.0 allows: an empty client id without clean start, and a password alone.
  const clientId = level !== 3 && cleanStart && dice.chance(3) ? "" : text(dice) || "id";
  const username = dice.chance(2) ? null : name(dice);
  const password = username !== null && dice.chance(2) ? binary(dice) : null;
  const will = dice.chance(2) ? null : message(level, dice);
  const delaySecs = level === 5 && will !== null && dice.chance(2) ? dice.below(100_000) : 0;
  if (will !== null && delaySecs > 0) will.properties["willDelayInterval"] = delaySecs;
  const keepAliveSecs = dice.below(65_536);
  const packet: Json = {
    cmd: "connect",
    protocolId: level === 3 ? "MQIsdp" : "MQTT",
    protocolVersion: level,
    clean: cleanStart,
    clientId: clientId.replaceAll("\n", ""),
    keepalive: keepAliveSecs,
  };
  const fields: Json = {
    type: 1,
    level,
    cleanStart,
    keepAliveSecs,
    clientId: packet["clientId"],
    username,
    password: password === null ? null : hex(password),
    sessionExpirySecs: 0,
    topicAliasMaximum: 0,
    receiveMaximum: 65_535,
    authenticationMethod: null,
    userProperties: [],
  };
  if (username !== null) packet["username"] = username;
  if (password !== null) packet["password"] = password;
  if (will !== null) {
    const { topic, qos, retain, payload, properties } = will;
    packet["will"] = { topic, qos, retain, payload, properties };
  }
  fields["will"] = will === null ? null : { ...will.fields, payload: hex(will.payload), delaySecs };
  if (level !== 5) return { packet, fields };
  const user = userProperties(dice);
  packet["properties"] = {
    ...user.packet,
    sessionExpiryInterval: dice.below(4_294_967_296),
    receiveMaximum: 1 + dice.below(65_535),
    topicAliasMaximum: dice.below(65_536),
    maximumPacketSize: 1 + dice.below(4_294_967_295),
    requestProblemInformation: dice.chance(2),
  };
  const properties = packet["properties"] as Json;
  fields["sessionExpirySecs"] = properties["sessionExpiryInterval"];
  fields["receiveMaximum"] = properties["receiveMaximum"];
  fields["topicAliasMaximum"] = properties["topicAliasMaximum"];
  fields["userProperties"] = user.fields["userProperties"];
  return { packet, fields };
}

function connack(level: ProtocolLevel, dice: Dice): Parts {
  const fields: Json = {
    type: 2,
    sessionPresent: dice.chance(2),
    reasonCode: 0,
    assignedClientId: null,
    serverKeepAliveSecs: null,
    topicAliasMaximum: 0,
    maximumQos: 2,
    retainAvailable: true,
    wildcardAvailable: true,
    subscriptionIdsAvailable: true,
    sharedAvailable: true,
    maximumPacketBytes: null,
    receiveMaximum: 65_535,
  };
  const packet: Json = { cmd: "connack", sessionPresent: fields["sessionPresent"], returnCode: 0, reasonCode: 0 };
  if (level !== 5 || dice.chance(3)) return { packet, fields };
  const properties: Json = { ...userProperties(dice).packet };
  const put = (ours: string, theirs: string, value: unknown) => {
    if (dice.chance(2)) return;
    fields[ours] = value;
    properties[theirs] = value;
  };
  put("assignedClientId", "assignedClientIdentifier", name(dice));
  put("serverKeepAliveSecs", "serverKeepAlive", dice.below(65_536));
  put("topicAliasMaximum", "topicAliasMaximum", dice.below(65_536));
  put("maximumQos", "maximumQoS", dice.below(2));
  put("retainAvailable", "retainAvailable", dice.chance(2));
  put("wildcardAvailable", "wildcardSubscriptionAvailable", dice.chance(2));
  put("subscriptionIdsAvailable", "subscriptionIdentifiersAvailable", dice.chance(2));
  put("sharedAvailable", "sharedSubscriptionAvailable", dice.chance(2));
  put("maximumPacketBytes", "maximumPacketSize", 1 + dice.below(4_294_967_295));
  put("receiveMaximum", "receiveMaximum", 1 + dice.below(65_535));
  if (Object.keys(properties).length > 0) packet["properties"] = properties;
  return { packet, fields };
}

function publish(level: ProtocolLevel, dice: Dice, direction: Direction): Parts {
  const { topic, qos, retain, payload, properties, fields } = message(level, dice);
  const packetId = qos === 0 ? 0 : 1 + dice.below(65_535);
  const dup = qos > 0 && dice.chance(2);
  const topicAlias = level === 5 && dice.chance(3) ? 1 + dice.below(65_535) : 0;
  if (topicAlias > 0) properties["topicAlias"] = topicAlias;
  if (level === 5 && direction === "broker" && dice.chance(3)) {
    properties["subscriptionIdentifier"] = 1 + dice.below(268_435_455);
  }
  const aliased = topicAlias > 0 && dice.chance(2) ? "" : topic;
  return {
    packet: { cmd: "publish", topic: aliased, qos, retain, dup, messageId: packetId, payload, properties },
    fields: { ...fields, type: 3, topic: aliased, dup, packetId, topicAlias, payloadBytes: payload.length },
    payload: hex(payload),
  };
}

function ack(level: ProtocolLevel, dice: Dice): Parts {
  const type = 4 + dice.below(4);
  const packetId = 1 + dice.below(65_535);
  const reasonCode = level === 5 && dice.chance(2) ? (type < 6 ? 0x97 : 0x92) : 0;
  const packet: Json = { cmd: ["puback", "pubrec", "pubrel", "pubcomp"][type - 4], messageId: packetId, reasonCode };
  const user = level === 5 && dice.chance(2) ? userProperties(dice) : null;
  const reasonString = user !== null && dice.chance(2) ? dice.pick(TEXTS) : null;
  if (user !== null) packet["properties"] = { ...user.packet, ...(reasonString === null ? {} : { reasonString }) };
  return {
    packet,
    fields: { type, packetId, reasonCode, reasonString, userProperties: user?.fields["userProperties"] ?? [] },
  };
}

function subscribe(level: ProtocolLevel, dice: Dice): Parts {
  const packetId = 1 + dice.below(65_535);
  const subscriptions = Array.from({ length: 1 + dice.below(4) }, () => {
    const written = filter(dice);
    const isShared = written.startsWith("$share/");
    return level !== 5
      ? { filter: written, qos: dice.below(3), noLocal: false, retainAsPublished: false, retainHandling: 0 }
      : {
        filter: written,
        qos: dice.below(3),
        noLocal: !isShared && dice.chance(2),
        retainAsPublished: dice.chance(2),
        retainHandling: dice.below(3),
      };
  });
  const subscriptionId = level === 5 && dice.chance(2) ? 1 + dice.below(268_435_455) : 0;
  const user = level === 5 ? userProperties(dice) : null;
  const packet: Json = {
    cmd: "subscribe",
    messageId: packetId,
    subscriptions: subscriptions.map((one) => ({
      topic: one.filter,
      qos: one.qos,
      nl: one.noLocal,
      rap: one.retainAsPublished,
      rh: one.retainHandling,
    })),
  };
  if (user !== null) {
    packet["properties"] = subscriptionId > 0
      ? { ...user.packet, subscriptionIdentifier: subscriptionId }
      : user.packet;
  }
  return {
    packet,
    fields: {
      type: 8,
      packetId,
      subscriptions,
      subscriptionId,
      userProperties: user?.fields["userProperties"] ?? [],
    },
  };
}

function unsubscribe(level: ProtocolLevel, dice: Dice): Parts {
  const packetId = 1 + dice.below(65_535);
  const filters = Array.from({ length: 1 + dice.below(4) }, () => filter(dice));
  const user = level === 5 ? userProperties(dice) : null;
  const packet: Json = { cmd: "unsubscribe", messageId: packetId, unsubscriptions: filters };
  if (user !== null) packet["properties"] = user.packet;
  return { packet, fields: { type: 10, packetId, filters, userProperties: user?.fields["userProperties"] ?? [] } };
}

function suback(level: ProtocolLevel, dice: Dice): Parts {
  const packetId = 1 + dice.below(65_535);
  const codes = level === 3 ? [0, 1, 2] : level === 4 ? [0, 1, 2, 0x80] : [0, 1, 2, 0x80, 0x87, 0xa2];
  const granted = Array.from({ length: 1 + dice.below(4) }, () => dice.pick(codes));
  const packet = { cmd: "suback", messageId: packetId, granted };
  return { packet, fields: { type: 9, packetId, reasonCodes: hex(new Uint8Array(granted)) } };
}

function unsuback(level: ProtocolLevel, dice: Dice): Parts {
  const packetId = 1 + dice.below(65_535);
  const granted = level === 5 ? [dice.pick([0, 0x11, 0x87])] : [];
  const packet = { cmd: "unsuback", messageId: packetId, granted };
  return { packet, fields: { type: 11, packetId, reasonCodes: hex(new Uint8Array(granted)) } };
}

function pingreq(): Parts {
  return { packet: { cmd: "pingreq" }, fields: { type: 12 } };
}

function pingresp(): Parts {
  return { packet: { cmd: "pingresp" }, fields: { type: 13 } };
}

/** What PUBLISH and Will share. */
function message(level: ProtocolLevel, dice: Dice) {
  const topic = name(dice);
  const qos = dice.below(3);
  const retain = dice.chance(2);
  let payload = binary(dice);
  const properties: Json = {};
  const fields: Json = {
    topic,
    qos,
    retain,
    responseTopic: null,
    contentType: null,
    correlationData: null,
    payloadFormat: 0,
    userProperties: [],
  };
  if (level !== 5) return { topic, qos, retain, payload, properties, fields };
  if (dice.chance(2)) {
    const isText = dice.chance(2);
    properties["payloadFormatIndicator"] = isText;
    fields["payloadFormat"] = isText ? 1 : 0;
    if (isText) payload = Buffer.from(dice.pick(TEXTS));
  }
  if (dice.chance(2)) properties["messageExpiryInterval"] = dice.below(4_294_967_296);
  if (dice.chance(2)) fields["contentType"] = properties["contentType"] = dice.pick(TEXTS);
  if (dice.chance(2)) fields["responseTopic"] = properties["responseTopic"] = name(dice);
  if (dice.chance(2)) {
    const data = binary(dice);
    properties["correlationData"] = data;
    fields["correlationData"] = hex(data);
  }
  if (dice.chance(2)) {
    const user = userProperties(dice);
    Object.assign(properties, user.packet);
    fields["userProperties"] = user.fields["userProperties"];
  }
  return { topic, qos, retain, payload, properties, fields };
}

/** For mqtt-packet an object, which keeps the order of keys that are no numbers, and lists for keys that come again. */
function userProperties(dice: Dice): { packet: Json; fields: Json } {
  const written: Record<string, string[]> = {};
  for (let left = dice.below(4); left > 0; left--) {
    (written[`k${dice.below(3)}${dice.pick(["", "ä"])}`] ??= []).push(dice.pick(TEXTS));
  }
  const pairs = Object.entries(written).flatMap(([key, values]) => values.map((value) => [key, value]));
  return { packet: pairs.length === 0 ? {} : { userProperties: written }, fields: { userProperties: pairs } };
}

function name(dice: Dice): string {
  const levels = Array.from({ length: 1 + dice.below(4) }, () => dice.pick(LEVELS_OF_TOPICS));
  return levels.join("/") || "/";
}

function filter(dice: Dice): string {
  const levels = Array.from({ length: 1 + dice.below(4) }, () => dice.pick([...LEVELS_OF_TOPICS, "+", "+", "+"]));
  if (dice.chance(3)) levels.push("#");
  return (dice.chance(5) ? "$share/group/" : "") + (levels.join("/") || "/");
}

function text(dice: Dice): string {
  return dice.pick(LEVELS_OF_TOPICS);
}

function binary(dice: Dice): Buffer {
  return Buffer.from(Uint8Array.from({ length: dice.below(dice.chance(10) ? 3000 : 40) }, () => dice.below(256)));
}

function hex(bytes: Uint8Array): string {
  return `hex:${bytes.toHex()}`;
}
