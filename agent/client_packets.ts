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
import { type FrameReport, KIND, NOTE } from "./frame_report.ts";
import {
  checkConnectAcl,
  checkPublishAcl,
  checkResponseTopic,
  checkSubscribeAcl,
  checkUnsubscribeAcl,
} from "./policy/acl_check.ts";
import { type Check, firstRefusal, type Ground } from "./policy/ground.ts";
import {
  checkAliasFeature,
  checkBrokerLimits,
  checkClientIdLength,
  checkConnectTimes,
  checkEnhancedAuth,
  checkFilterLimits,
  checkMessageTopics,
  checkRetainFeature,
  checkSubscribeLimits,
  checkVersion,
  checkWillDelay,
} from "./policy/limit_check.ts";
import { checkTopicSize } from "./policy/topic_check.ts";
import {
  ABOVE_BROKER_SIZE,
  AFTER_DISCONNECT,
  ALIAS_BEFORE_CONNACK,
  ALIAS_BYTES,
  ALIAS_TOO_HIGH,
  ALIAS_UNKNOWN,
  PACKET_TOO_LARGE,
  type Reason,
  SESSION_EXPIRY_TOO_LONG,
  TOO_MANY_PACKETS,
  violationReason,
} from "./reasons.ts";
import { MAX_ALIAS_BYTES, provedBy, type Session } from "./session.ts";

/** In the order a CONNECT meets them; the Will is judged behind them. */
const CONNECT_CHECKS: readonly Check<Connect>[] = [
  checkVersion,
  checkClientIdLength,
  checkEnhancedAuth,
  checkConnectTimes,
  checkWillDelay,
  checkConnectAcl,
];

/** What a PUBLISH and a Will have in common, in the order they meet it; the first refusal is the one that is told. */
const MESSAGE_CHECKS: readonly Check<Message>[] = [
  checkMessageTopics,
  checkPublishAcl,
  checkResponseTopic,
  checkRetainFeature,
];

const NO_GROUPS: readonly string[] = Object.freeze([]);

/** More packets in one frame can not be judged in the time that the proxy waits. No known client comes near. */
export const MAX_PACKETS_PER_FRAME = 65_536;

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
): void {
  const { stream } = session.client;
  const wasMidPacket = stream.midPacket;
  const begunBefore = stream.begun;
  stream.push(bytes, 0, end);
  for (;;) {
    const found = stream.next();
    if (found === NEED_MORE) break;
    switch (found) {
      case PUBLISH_HEAD:
        if (session.state === "draining") return refuseAfterDisconnect(PACKET.PUBLISH, report);
        judgePublish(session, stream.publish, stream.packetBytes, report, on);
        break;
      case PUBLISH_END:
        break;
      case WHOLE:
        if (session.state === "draining") return refuseAfterDisconnect(stream.packetType, report);
        if (!judgePacket(session, stream.packet as Packet, stream.packetBytes, report, on, nowMs)) return;
        break;
      case TOO_LARGE:
        report.refuse(PACKET_TOO_LARGE, "close", stream.packetType, null, null);
        if (report.policy.blockMode) return;
        break;
      case VIOLATION:
        if (stream.violation !== null) {
          report.refuse(violationReason(stream.violation), "close", stream.packetType, null, null);
        }
        session.client.unparsed = true;
        return;
    }
    if (report.packets > MAX_PACKETS_PER_FRAME) {
      report.refuse(TOO_MANY_PACKETS, "close", stream.packetType, null, null);
      session.client.unparsed = true;
      return;
    }
  }
  if (stream.midPacket) {
    report.undroppable = true;
    session.packetMovedAtMs = nowMs;
    if (stream.begun !== begunBefore) session.packetBeganAtMs = nowMs;
  }
  if (wasMidPacket) report.undroppable = true;
}

function refuseAfterDisconnect(packetType: number, report: FrameReport): void {
  report.refuse(AFTER_DISCONNECT, "close", packetType, null, null);
}

/** False: nothing behind this packet can be judged. */
function judgePacket(
  session: Session,
  packet: Packet,
  packetBytes: number,
  report: FrameReport,
  on: Ground,
  nowMs: number,
): boolean {
  if (packetBytes > on.broker.maximumPacketBytes) {
    report.refuse(ABOVE_BROKER_SIZE, "close", packet.type, null, null);
    return true;
  }
  switch (packet.type) {
    case PACKET.CONNECT:
      return judgeConnect(session, packet, report, on);
    case PACKET.SUBSCRIBE:
      judgeSubscribe(session, packet, report, on);
      return true;
    case PACKET.UNSUBSCRIBE:
      judgeUnsubscribe(packet, report, on);
      return true;
    case PACKET.DISCONNECT:
      judgeDisconnect(session, packet, report, on, nowMs);
      return true;
    case PACKET.PINGREQ:
      report.count(packet.type, KIND.PING);
      report.keep();
      return true;
    case PACKET.AUTH:
      report.count(packet.type, KIND.CONNECT);
      report.keep();
      return true;
    default:
      report.count(packet.type, KIND.ACK);
      report.keep();
      return true;
  }
}

function judgeConnect(session: Session, connect: Connect, report: FrameReport, on: Ground): boolean {
  report.count(connect.type, KIND.CONNECT);
  report.undroppable = true;
  const { policy, origin } = session;
  session.identify({
    clientId: connect.clientId,
    username: connect.username,
    proved: provedBy(policy, connect.username),
    groups: NO_GROUPS,
    anonymous: connect.username === null && connect.password === null,
    address: origin.address,
    level: connect.level,
    routeId: origin.routeId,
    attributes: null,
  });
  session.state = "connecting";
  session.keepAliveMs = connect.keepAliveSecs * 1000;
  session.broker.stream.level = connect.level;
  on.subject = session.subject as NonNullable<Session["subject"]>;
  on.acl = session.acl as NonNullable<Session["acl"]>;
  on.reset();
  let topic: string | null = null;
  let refused = firstRefusal(CONNECT_CHECKS, connect, on);
  if (refused === null && connect.will !== null) {
    topic = connect.will.topic;
    // [MQTT-3.1.2-8] The broker publishes the Will later, in this client's name: judged now, since nobody asks again.
    refused = firstRefusal(MESSAGE_CHECKS, connect.will, on);
  }
  noteFindings(report, on);
  if (refused === null) {
    if (report.rule === null) report.rule = on.rule;
    report.topic = topic;
    return true;
  }
  report.refuse(refused, "close", connect.type, on.topic ?? topic, on.rule);
  return !policy.blockMode;
}

function judgePublish(
  session: Session,
  publish: Publish,
  packetBytes: number,
  report: FrameReport,
  on: Ground,
): void {
  report.count(publish.type, KIND.PUBLISH);
  if (publish.qos !== 0) report.awaitingAnswer++;
  on.reset();
  const aliased = publish.topicAlias === 0 ? null : resolveAlias(session, publish, report, on);
  const refused = aliased ??
    (packetBytes > on.broker.maximumPacketBytes ? closing(ABOVE_BROKER_SIZE, on) : null) ??
    checkBrokerLimits(publish, on) ??
    checkAliasFeature(publish, on) ??
    firstRefusal(MESSAGE_CHECKS, publish, on);
  noteFindings(report, on);
  if (report.topic === null) {
    report.topic = publish.topic;
    report.qos = publish.qos;
  }
  if (refused === null) {
    if (publish.qos !== 0) report.keep();
    if (report.rule === null) report.rule = on.rule;
    return;
  }
  report.refuse(refused, on.action, publish.type, on.topic ?? publish.topic, on.rule);
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
  if (!session.accepted) return closing(ALIAS_BEFORE_CONNACK, on);
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
  const bytes = lane.aliasBytes + topic.length - (aliases.get(topicAlias)?.length ?? 0);
  if (bytes > MAX_ALIAS_BYTES) return false;
  lane.aliasBytes = bytes;
  aliases.set(topicAlias, topic);
  return true;
}

function judgeSubscribe(session: Session, subscribe: Subscribe, report: FrameReport, on: Ground): void {
  const { subscriptions } = subscribe;
  report.count(subscribe.type, KIND.SUBSCRIBE);
  report.awaitingAnswer++;
  on.reset();
  on.subscriptions = subscriptionsWith(session, subscriptions);
  let topic = subscriptions[0]?.filter ?? null;
  let refused = checkSubscribeLimits(subscribe, on);
  for (let i = 0; i < subscriptions.length && refused === null; i++) {
    const subscription = subscriptions[i] as typeof subscriptions[number];
    refused = checkFilterLimits(subscription.filter, on) ?? checkSubscribeAcl(subscription, on);
    if (refused !== null) topic = on.topic ?? subscription.filter;
    noteFindings(report, on);
  }
  if (report.topic === null) report.topic = topic;
  if (refused === null) {
    report.keep();
    if (report.rule === null) report.rule = on.rule;
    report.subscribe = report.subscribe === null ? subscriptions : [...report.subscribe, ...subscriptions];
    return;
  }
  report.refuse(refused, on.action, subscribe.type, topic, on.rule);
}

/** How many subscriptions there would be: one to a filter that is there replaces it ([MQTT-3.8.4-3]). */
function subscriptionsWith(session: Session, asked: readonly Subscription[]): number {
  const { subscriptions } = session;
  if (subscriptions === null) return asked.length;
  let count = subscriptions.size;
  for (const { filter } of asked) if (!subscriptions.has(filter)) count++;
  return count;
}

function judgeUnsubscribe(unsubscribe: Unsubscribe, report: FrameReport, on: Ground): void {
  const { filters } = unsubscribe;
  report.count(unsubscribe.type, KIND.UNSUBSCRIBE);
  report.awaitingAnswer++;
  on.reset();
  let topic = filters[0] ?? null;
  let refused: Reason | null = null;
  for (let i = 0; i < filters.length && refused === null; i++) {
    const filter = filters[i] as string;
    refused = checkTopicSize(filter, on) ?? checkUnsubscribeAcl(filter, on);
    if (refused !== null) topic = on.topic ?? filter;
    noteFindings(report, on);
  }
  if (report.topic === null) report.topic = topic;
  if (refused === null) {
    report.keep();
    if (report.rule === null) report.rule = on.rule;
    report.unsubscribe = report.unsubscribe === null ? filters : [...report.unsubscribe, ...filters];
    return;
  }
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
  session.drain(nowMs);
}

function closing(reason: Reason, on: Ground): Reason {
  on.action = "close";
  return reason;
}

function noteFindings(report: FrameReport, on: Ground): void {
  if (on.shadow !== null) {
    report.notes |= NOTE.SHADOW;
    report.shadow ??= on.shadow;
  }
}
