import type {
  Connect,
  Disconnect,
  Message,
  Packet,
  Publish,
  Subscribe,
  Subscription,
  Unsubscribe,
} from "./mqtt/packet.ts";
import { PACKET } from "./mqtt/packet.ts";
import { NEED_MORE, PACKET as WHOLE, PUBLISH_END, PUBLISH_HEAD, TOO_LARGE, VIOLATION } from "./mqtt/packet_stream.ts";
import { bucketsOf, chargeControl, chargeOwn, chargeShared, noteLimits, tellLimit } from "./charges.ts";
import { type FrameReport, KIND, noteFindings } from "./frame_report.ts";
import { checkPublishAcl, checkResponseTopic, checkSubscribeAcl, checkUnsubscribeAcl } from "./policy/acl_check.ts";
import { judgePayload, keepPayload } from "./payloads.ts";
import { type Check, firstRefusal, type Ground, said } from "./policy/ground.ts";
import {
  checkAliasFeature,
  checkBrokerLimits,
  checkFilterLimits,
  checkMessageTopics,
  checkRetainFeature,
  checkSubscribeLimits,
} from "./policy/limit_check.ts";
import {
  checkPayloadSize,
  inspectFilter,
  inspectMessage,
  inspectProperties,
  type Properties,
} from "./policy/inspection_check.ts";
import { checkRate } from "./policy/rate_check.ts";
import { checkPublishQos, checkSubscribeQos } from "./policy/qos_check.ts";
import { checkRetained } from "./policy/retained_check.ts";
import { checkTopicSize } from "./policy/topic_check.ts";
import {
  ABOVE_BROKER_SIZE,
  AFTER_DISCONNECT,
  ALIAS_BEFORE_CONNACK,
  ALIAS_BYTES,
  ALIAS_TOO_HIGH,
  ALIAS_UNKNOWN,
  AUTH_PENDING,
  AUTH_UNFINISHED,
  PACKET_TOO_LARGE,
  type Reason,
  RECEIVE_MAXIMUM,
  SESSION_EXPIRY_TOO_LONG,
  TOO_MANY_FILTERS,
  TOO_MANY_PACKETS,
  violationReason,
} from "./reasons.ts";
import { ALIAS_OVERHEAD_BYTES, MAX_ALIAS_BYTES, type Session } from "./session.ts";

/** What a PUBLISH and a Will have in common, in the order they meet it; the first refusal is the one that is told. */
export const MESSAGE_CHECKS: readonly Check<Message>[] = [
  checkMessageTopics,
  checkPublishAcl,
  checkResponseTopic,
  checkRate,
  checkPublishQos,
  checkRetainFeature,
  checkRetained,
  checkPayloadSize,
  inspectMessage,
];

/** What each filter of a SUBSCRIBE meets. */
const SUBSCRIPTION_CHECKS: readonly Check<Subscription>[] = [
  function checkFilter({ filter }, on) {
    return checkFilterLimits(filter, on);
  },
  checkSubscribeAcl,
  checkRate,
  checkSubscribeQos,
  function inspectSubscription({ filter }, on) {
    return inspectFilter(filter, on);
  },
];

/** What each filter of an UNSUBSCRIBE meets. */
const UNSUBSCRIBE_CHECKS: readonly Check<string>[] = [
  checkTopicSize,
  checkUnsubscribeAcl,
  checkRate,
  inspectFilter,
];

/**
 * What judging one frame may cost, in steps of about 60 ns: 8 ms. A frame that needs more could not be judged in the time
 * that the proxy waits, and would pass; so it closes. No known client comes near.
 */
export const MAX_FRAME_STEPS = 131_072;
/**
 * Steps of a packet, of a topic or filter that is held against the rules, of a user property, of a refusal, and of an
 * entry of `qos.per-topic` that a filter is held against.
 */
export const STEPS = { PACKET: 2, TOPIC: 8, PROPERTY: 3, REFUSAL: 8, ENTRY: 2 } as const;

/** Judges a CONNECT. False: nothing behind it can be judged. */
export type JudgeConnect = (
  session: Session,
  connect: Connect,
  report: FrameReport,
  on: Ground,
  nowMs: number,
) => boolean;

/**
 * Judges the first `end` bytes of `bytes`: the MQTT that a frame of the client carries: every packet, from whatever pieces. O(bytes).
 *
 * `report` takes what is found, `on` is the ground the checks stand on, filled for `session`.
 */
export function judgeClientBytes(
  session: Session,
  bytes: Uint8Array,
  end: number,
  report: FrameReport,
  on: Ground,
  nowMs: number,
  judgeConnect: JudgeConnect,
): void {
  const { stream } = session.client;
  const wasMidPacket = stream.midPacket;
  const begunBefore = stream.begun;
  stream.push(bytes, 0, end);
  for (;;) {
    const found = stream.next();
    if (found === NEED_MORE) break;
    // Nothing passes while a login is pending; and a frame can not wait in part.
    if (report.waiting !== null) return refuseWaiting(session, report);
    switch (found) {
      case PUBLISH_HEAD:
        if (session.state === "draining") return refuseAfterDisconnect(session, PACKET.PUBLISH, report);
        if (session.enhancedAuth && isTooEarly(session, PACKET.PUBLISH, report) && report.policy.blockMode) return;
        judgePublish(session, stream.publish, stream.packetBytes, report, on);
        break;
      case PUBLISH_END:
        if (session.client.kept !== null) judgePayload(session, session.client, stream.payload, report, on);
        break;
      case WHOLE:
        if (session.state === "draining") return refuseAfterDisconnect(session, stream.packetType, report);
        if (session.enhancedAuth && isTooEarly(session, stream.packetType, report) && report.policy.blockMode) return;
        if (!judgePacket(session, stream.packet as Packet, stream.packetBytes, report, on, nowMs, judgeConnect)) return;
        break;
      case TOO_LARGE:
        report.refuse(PACKET_TOO_LARGE, "close", stream.packetType, null, null);
        if (report.policy.blockMode) return;
        break;
      case VIOLATION:
        if (stream.violation !== null) {
          report.refuse(violationReason(stream.violation), "close", stream.packetType, null, null);
        }
        session.client.unparsed = "malformed";
        return;
    }
    report.steps += STEPS.PACKET;
    if (report.steps > MAX_FRAME_STEPS) {
      report.refuse(TOO_MANY_PACKETS, "close", stream.packetType, null, null);
      session.client.unparsed = "malformed";
      return;
    }
  }
  if (stream.midPacket) {
    if (report.waiting !== null) return refuseWaiting(session, report);
    report.undroppable = true;
    session.packetMovedAtMs = nowMs;
    if (stream.begun !== begunBefore) session.packetBeganAtMs = nowMs;
  }
  if (wasMidPacket) report.undroppable = true;
}

function refuseWaiting(session: Session, report: FrameReport): void {
  session.client.unparsed = "malformed";
  report.refuse(AUTH_PENDING, "close", PACKET.CONNECT, null, null);
}

function refuseAfterDisconnect(session: Session, packetType: number, report: FrameReport): void {
  session.client.unparsed = "malformed";
  report.refuse(AFTER_DISCONNECT, "close", packetType, null, null);
}

/** Whether a packet comes in the middle of an authentication exchange, where it is refused ([MQTT-3.1.2-30]). */
function isTooEarly(session: Session, packetType: number, report: FrameReport): boolean {
  if (session.state !== "connecting" || packetType === PACKET.AUTH || packetType === PACKET.DISCONNECT) return false;
  report.refuse(AUTH_UNFINISHED, "close", packetType, null, null);
  return true;
}

/** False: nothing behind this packet can be judged. */
function judgePacket(
  session: Session,
  packet: Packet,
  packetBytes: number,
  report: FrameReport,
  on: Ground,
  nowMs: number,
  judgeConnect: JudgeConnect,
): boolean {
  if (on.trace !== null) on.trace.packet(packet.type);
  if (packetBytes > on.broker.maximumPacketBytes) {
    report.refuse(ABOVE_BROKER_SIZE, "close", packet.type, null, null);
    return true;
  }
  switch (packet.type) {
    case PACKET.CONNECT:
      return judgeConnect(session, packet, report, on, nowMs);
    case PACKET.SUBSCRIBE:
      judgeSubscribe(session, packet, packetBytes, report, on);
      return true;
    case PACKET.UNSUBSCRIBE:
      judgeUnsubscribe(session, packet, packetBytes, report, on);
      return true;
    case PACKET.DISCONNECT:
      judgeDisconnect(session, packet, report, on, nowMs);
      return true;
    case PACKET.PINGREQ:
      report.count(packet.type, KIND.PING);
      report.keep();
      chargeControl(session, packet.type, packetBytes, report, on);
      return true;
    case PACKET.AUTH:
      report.count(packet.type, KIND.CONNECT);
      report.keep();
      chargeControl(session, packet.type, packetBytes, report, on);
      judgeProperties(packet, report, on);
      return true;
    default:
      report.count(packet.type, KIND.ACK);
      report.keep();
      // What answers something is bounded by what it answers.
      if (session.owedAcks > 0) session.owedAcks--;
      else chargeControl(session, packet.type, packetBytes, report, on);
      if ("userProperties" in packet) judgeProperties(packet, report, on);
      return true;
  }
}

/** Searches what a packet that is no message says in MQTT 5; such a packet can only be refused by closing. */
function judgeProperties(packet: Properties & { readonly type: number }, report: FrameReport, on: Ground): void {
  if (on.policy.inspection === null) return;
  on.reset();
  report.steps += packet.userProperties.length * STEPS.PROPERTY;
  const refused = said("inspect-properties", inspectProperties(packet, on), on);
  noteFindings(report, on);
  if (refused !== null) report.refuse(refused, "close", packet.type, null, null);
}

/** Why the Will that a client left with the broker would be refused by the rules in force, or null. */
export function recheckWill(will: Message, on: Ground): Reason | null {
  return checkPublishAcl(will, on) ?? checkResponseTopic(will, on);
}

function judgePublish(
  session: Session,
  publish: Publish,
  packetBytes: number,
  report: FrameReport,
  on: Ground,
): void {
  if (on.trace !== null) on.trace.packet(publish.type);
  report.count(publish.type, KIND.PUBLISH);
  report.steps += STEPS.TOPIC + publish.userProperties.length * STEPS.PROPERTY;
  if (publish.qos !== 0) {
    report.awaitingAnswer++;
    report.publishing++;
  }
  on.reset();
  on.payloadBytes = publish.payloadBytes;
  const aliased = publish.topicAlias === 0 ? null : said("topic-alias", resolveAlias(session, publish, report, on), on);
  const isLimited = on.policy.rate !== null && aliased === null;
  // Whatever the other checks say: what is refused costs too.
  if (isLimited) chargeOwn(session, publish.topic, packetBytes, report, on);
  let refused = aliased ??
    checkWindow(session, publish, packetBytes, report, on) ??
    said("broker-limits", checkBrokerLimits(publish, on), on) ??
    said("alias-feature", checkAliasFeature(publish, on), on) ??
    firstRefusal(MESSAGE_CHECKS, publish, on);
  if (report.topic === null) {
    report.topic = publish.topic;
    report.qos = publish.qos;
  }
  const isKept = refused === null &&
    keepPayload(session.client, publish, { packetBytes, isLimited, isDelivery: false }, on);
  if (refused === null && !isKept && isLimited) {
    refused = chargeShared(session, publish.topic, packetBytes, report, on);
  }
  noteFindings(report, on);
  if (refused === null) {
    if (report.rule === null) report.rule = on.rule;
    if (isKept) return;
    if (publish.qos !== 0) report.keep();
    return;
  }
  report.steps += STEPS.REFUSAL;
  report.refuse(refused, on.action, publish.type, on.topic ?? publish.topic, on.rule);
}

/** What the broker takes at once: bytes in one packet, and packets that it has not acknowledged. */
function checkWindow(
  session: Session,
  publish: Publish,
  packetBytes: number,
  report: FrameReport,
  on: Ground,
): Reason | null {
  if (packetBytes > on.broker.maximumPacketBytes) return said("broker-packet-size", closing(ABOVE_BROKER_SIZE, on), on);
  if (publish.qos !== 0 && session.unacknowledged + report.publishing > on.broker.receiveMaximum) {
    return said("receive-maximum", closing(RECEIVE_MAXIMUM, on), on);
  }
  return null;
}

/**
 * Puts the topic behind an alias into the packet, before any check sees it ([MQTT-3.3.2-12]). The table is the broker's
 * too: what sets an alias is never dropped, so both always hold the same.
 */
function resolveAlias(session: Session, publish: Publish, report: FrameReport, on: Ground): Reason | null {
  report.undroppable = publish.topic !== "" || report.undroppable;
  const lane = session.client;
  const { topicAlias } = publish;
  // [MQTT-3.3.2-9] Until CONNACK told how many the broker takes, it takes none.
  if (!session.accepted) {
    // Where nothing is blocked the broker takes it all the same, as it likes.
    if (!report.policy.blockMode && publish.topic !== "") rememberAlias(lane, topicAlias, publish.topic);
    return closing(ALIAS_BEFORE_CONNACK, on);
  }
  if (topicAlias > session.limits.topicAliasMaximum) return closing(ALIAS_TOO_HIGH, on);
  if (publish.topic === "") {
    const topic = lane.aliases?.get(topicAlias);
    if (topic === undefined) return closing(ALIAS_UNKNOWN, on);
    publish.topic = topic;
    return null;
  }
  return rememberAlias(session.client, topicAlias, publish.topic) ? null : closing(ALIAS_BYTES, on);
}

/** False when the aliases of this direction would hold more than a megabyte of topics. */
export function rememberAlias(lane: Session["client"], topicAlias: number, topic: string): boolean {
  const aliases = lane.aliases ??= new Map();
  const before = aliases.get(topicAlias);
  const bytes = lane.aliasBytes + topic.length +
    (before === undefined ? ALIAS_OVERHEAD_BYTES : -before.length);
  if (bytes > MAX_ALIAS_BYTES) return false;
  lane.aliasBytes = bytes;
  aliases.set(topicAlias, topic);
  return true;
}

function judgeSubscribe(
  session: Session,
  subscribe: Subscribe,
  packetBytes: number,
  report: FrameReport,
  on: Ground,
): void {
  const { subscriptions } = subscribe;
  report.count(subscribe.type, KIND.SUBSCRIBE);
  report.awaitingAnswer++;
  on.reset();
  on.subscriptions = subscriptionsWith(session, subscriptions, report);
  report.steps += subscribe.userProperties.length * STEPS.PROPERTY;
  let topic = subscriptions[0]?.filter ?? null;
  const isLimited = on.policy.rate !== null;
  if (isLimited) {
    on.limit = on.limiter.chargeSubscribe(bucketsOf(session, on), packetBytes, on.nowMs);
    if (on.limit !== null) tellLimit(report, on);
    noteLimits(report, on);
  }
  let refused = said("subscribe-limits", checkSubscribeLimits(subscribe, on), on);
  for (let i = 0; i < subscriptions.length && refused === null; i++) {
    const subscription = subscriptions[i] as typeof subscriptions[number];
    report.steps += STEPS.TOPIC + (on.policy.qos?.entries.length ?? 0) * STEPS.ENTRY;
    on.downgradedTo = -1;
    refused = firstRefusal(SUBSCRIPTION_CHECKS, subscription, on);
    if (refused !== null) topic = on.topic ?? subscription.filter;
    noteFindings(report, on);
  }
  refused ??= said("inspect-properties", inspectProperties(subscribe, on), on);
  noteFindings(report, on);
  if (refused === null && isLimited) refused = chargeShared(session, null, packetBytes, report, on);
  if (report.topic === null) report.topic = topic;
  if (refused === null) {
    report.keep();
    if (report.rule === null) report.rule = on.rule;
    for (const { filter, qos } of subscriptions) report.changeSubscription(filter, qos);
    return;
  }
  report.steps += STEPS.REFUSAL;
  // Where nothing is blocked it is forwarded, so it has to be remembered.
  if (!report.policy.blockMode && subscriptions.length <= on.policy.limits.maxFiltersPerSubscribe) {
    for (const { filter, qos } of subscriptions) report.changeSubscription(filter, qos);
  }
  report.refuse(refused, on.action, subscribe.type, topic, on.rule);
}

/** How many subscriptions there would be: one to a filter that is there replaces it ([MQTT-3.8.4-3]). */
function subscriptionsWith(session: Session, asked: readonly Subscription[], report: FrameReport): number {
  let count = report.subscriptionCount === -1 ? session.subscriptions?.size ?? 0 : report.subscriptionCount;
  for (const { filter } of asked) if (!report.hasSubscription(filter)) count++;
  return count;
}

function judgeUnsubscribe(
  session: Session,
  unsubscribe: Unsubscribe,
  packetBytes: number,
  report: FrameReport,
  on: Ground,
): void {
  const { filters } = unsubscribe;
  report.count(unsubscribe.type, KIND.UNSUBSCRIBE);
  report.awaitingAnswer++;
  on.reset();
  let topic = filters[0] ?? null;
  const isLimited = on.policy.rate !== null;
  if (isLimited) chargeOwn(session, null, packetBytes, report, on);
  report.steps += unsubscribe.userProperties.length * STEPS.PROPERTY;
  const isTooMany = filters.length > on.policy.limits.maxFiltersPerSubscribe;
  let refused = said("unsubscribe-limits", isTooMany ? TOO_MANY_FILTERS : null, on);
  for (let i = 0; i < filters.length && refused === null; i++) {
    const filter = filters[i] as string;
    report.steps += STEPS.TOPIC;
    refused = firstRefusal(UNSUBSCRIBE_CHECKS, filter, on);
    if (refused !== null) topic = on.topic ?? filter;
    noteFindings(report, on);
  }
  refused ??= said("inspect-properties", inspectProperties(unsubscribe, on), on);
  noteFindings(report, on);
  if (refused === null && isLimited) refused = chargeShared(session, null, packetBytes, report, on);
  if (report.topic === null) report.topic = topic;
  if (refused === null) {
    report.keep();
    if (report.rule === null) report.rule = on.rule;
    for (const filter of filters) report.changeSubscription(filter, -1);
    return;
  }
  report.steps += STEPS.REFUSAL;
  report.refuse(refused, on.action, unsubscribe.type, topic, on.rule);
}

function judgeDisconnect(
  session: Session,
  disconnect: Disconnect,
  report: FrameReport,
  on: Ground,
  nowMs: number,
): void {
  report.count(disconnect.type, KIND.DISCONNECT);
  report.undroppable = true;
  report.keep();
  const expirySecs = disconnect.sessionExpirySecs;
  if (expirySecs !== null && expirySecs > on.policy.limits.maxSessionExpirySecs) {
    report.refuse(SESSION_EXPIRY_TOO_LONG, "close", disconnect.type, null, null);
  }
  judgeProperties(disconnect, report, on);
  session.drain(nowMs);
}

export function closing(reason: Reason, on: Ground): Reason {
  on.action = "close";
  return reason;
}
