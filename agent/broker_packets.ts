import { MAX_FRAME_STEPS, rememberAlias, STEPS } from "./client_packets.ts";
import { type FrameReport, KIND, NOTE, noteFindings } from "./frame_report.ts";
import type { Connack, Packet, Publish } from "./mqtt/packet.ts";
import { PACKET } from "./mqtt/packet.ts";
import { NEED_MORE, PACKET as WHOLE, PUBLISH_END, PUBLISH_HEAD, TOO_LARGE, VIOLATION } from "./mqtt/packet_stream.ts";
import { checkReceiveAcl } from "./policy/acl_check.ts";
import { judgePayload, keepPayload } from "./payloads.ts";
import { checkPayloadSize } from "./policy/inspection_check.ts";
import { type BrokerLimits, type Ground, said } from "./policy/ground.ts";
import {
  ALIAS_BYTES,
  ALIAS_UNKNOWN,
  CONNACK_UNASKED,
  PACKET_TOO_LARGE,
  TOO_MANY_PACKETS,
  violationReason,
} from "./reasons.ts";
import type { Session } from "./session.ts";

/** Called when the broker accepted the session's CONNECT. */
export type OnAccepted = (session: Session) => void;

/**
 * Judges the first `end` bytes of `bytes`: the MQTT that a frame of the broker carries. Lenient: only what cannot be read closes; what is odd but
 * readable is judged as usual and noted, or one strange publisher would disconnect every subscriber.
 */
export function judgeBrokerBytes(
  session: Session,
  bytes: Uint8Array,
  end: number,
  report: FrameReport,
  on: Ground,
  nowMs: number,
  onAccepted: OnAccepted,
): void {
  const { stream } = session.broker;
  if (stream.midPacket) report.undroppable = true;
  stream.push(bytes, 0, end);
  for (;;) {
    const found = stream.next();
    if (found === NEED_MORE) break;
    if (stream.note !== null) report.notes |= NOTE.BROKER_NONCONFORMANT;
    switch (found) {
      case PUBLISH_HEAD:
        judgeDelivery(session, stream.publish, stream.packetBytes, report, on);
        break;
      case PUBLISH_END:
        if (session.broker.kept !== null) judgePayload(session, session.broker, stream.payload, report, on);
        break;
      case WHOLE:
        followBroker(session, stream.packet as Packet, report, nowMs, onAccepted);
        // CONNACK may have told the client's name and the broker's limits: what comes behind it is judged by them.
        on.broker = session.limits;
        if (session.subject !== null && session.acl !== null) {
          on.subject = session.subject;
          on.acl = session.acl;
          on.narrow = session.narrow;
        }
        break;
      case TOO_LARGE:
        // Limits on size bind the client's packets only; this one is read on.
        report.refuse(PACKET_TOO_LARGE, "close", stream.packetType, null, null);
        break;
      case VIOLATION:
        if (stream.violation !== null) {
          report.refuse(violationReason(stream.violation), "close", stream.packetType, null, null);
        }
        session.broker.unparsed = "malformed";
        return;
    }
    report.steps += STEPS.PACKET;
    if (report.steps > MAX_FRAME_STEPS) {
      report.refuse(TOO_MANY_PACKETS, "close", stream.packetType, null, null);
      session.broker.unparsed = "malformed";
      return;
    }
  }
  if (stream.midPacket) report.undroppable = true;
}

function judgeDelivery(
  session: Session,
  publish: Publish,
  packetBytes: number,
  report: FrameReport,
  on: Ground,
): void {
  if (on.trace !== null) on.trace.packet(publish.type);
  report.count(publish.type, KIND.DELIVERY);
  report.steps += STEPS.TOPIC + publish.userProperties.length * STEPS.PROPERTY;
  on.reset();
  if (publish.topicAlias !== 0) {
    const { broker } = session;
    if (publish.topic !== "") {
      report.undroppable = true;
      if (!rememberAlias(broker, publish.topicAlias, publish.topic)) {
        said("topic-alias", ALIAS_BYTES, on);
        report.refuse(ALIAS_BYTES, "close", publish.type, publish.topic, null);
        return;
      }
    } else {
      const topic = broker.aliases?.get(publish.topicAlias);
      if (topic === undefined) {
        // The client can not read it either ([MQTT-3.3.2-12]), and nothing can be judged without a topic.
        said("topic-alias", ALIAS_UNKNOWN, on);
        report.refuse(ALIAS_UNKNOWN, "close", publish.type, null, null);
        return;
      }
      publish.topic = topic;
    }
  }
  if (report.topic === null) {
    report.topic = publish.topic;
    report.qos = publish.qos;
  }
  const { inspection } = on.policy;
  let refused = on.policy.checkDeliveries ? said("receive-acl", checkReceiveAcl(publish.topic, on), on) : null;
  if (refused === null && inspection?.inspectsDeliveries === true) {
    on.payloadBytes = publish.payloadBytes;
    refused = said("payload-size", checkPayloadSize(publish, on), on);
    const part = { packetBytes, isLimited: false, isDelivery: true };
    if (refused === null && keepPayload(session.broker, publish, part, on)) {
      if (report.rule === null) report.rule = on.rule;
      return noteFindings(report, on);
    }
  }
  noteFindings(report, on);
  if (refused === null) {
    if (publish.qos !== 0) {
      report.keep();
      session.owedAcks++;
    }
    if (report.rule === null) report.rule = on.rule;
    return;
  }
  // It passes where nothing is blocked, and then its client acknowledges it.
  if (publish.qos !== 0 && !report.policy.blockMode) session.owedAcks++;
  // A dropped delivery of QoS 1 or 2 would never be acknowledged: it would hold a place in the broker's window for ever.
  report.refuse(refused, publish.qos === 0 ? "drop" : "close", publish.type, publish.topic, on.rule);
}

/** Learns from what the broker answers. */
function followBroker(
  session: Session,
  packet: Packet,
  report: FrameReport,
  nowMs: number,
  onAccepted: OnAccepted,
): void {
  report.keep();
  switch (packet.type) {
    case PACKET.CONNACK:
      report.count(packet.type, KIND.CONNECT);
      report.undroppable = true;
      followConnack(session, packet, report, nowMs, onAccepted);
      return;
    case PACKET.DISCONNECT:
      report.count(packet.type, KIND.DISCONNECT);
      report.undroppable = true;
      session.drain(nowMs);
      return;
    case PACKET.PINGREQ:
    case PACKET.PINGRESP:
      report.count(packet.type, KIND.PING);
      return;
    case PACKET.AUTH:
      report.count(packet.type, KIND.CONNECT);
      return;
    case PACKET.PUBACK:
    case PACKET.PUBCOMP:
      session.acknowledged();
      report.count(packet.type, KIND.ACK);
      return;
    case PACKET.PUBREL:
      session.owedAcks++;
      report.count(packet.type, KIND.ACK);
      return;
    case PACKET.PUBREC:
      session.owedAcks++;
      // MQTT 5.0 section 4.9: a PUBREC that refuses is the end of its PUBLISH, any other is not.
      if (packet.reasonCode >= 0x80) session.acknowledged();
      report.count(packet.type, KIND.ACK);
      return;
    default:
      report.count(packet.type, KIND.ACK);
  }
}

function followConnack(
  session: Session,
  connack: Connack,
  report: FrameReport,
  nowMs: number,
  onAccepted: OnAccepted,
): void {
  const { subject } = session;
  if (subject === null) {
    report.refuse(CONNACK_UNASKED, "close", connack.type, null, null);
    return;
  }
  if (session.state !== "connecting") {
    // A second one: read by the client as it likes, it changes nothing here.
    report.notes |= NOTE.BROKER_NONCONFORMANT;
    return;
  }
  if (connack.reasonCode !== 0) {
    session.drain(nowMs);
    return;
  }
  session.state = "live";
  session.accepted = true;
  if (subject.level === 5) session.limits = limitsOf(connack);
  if (connack.serverKeepAliveSecs !== null) session.keepAliveMs = connack.serverKeepAliveSecs * 1000;
  // [MQTT-3.2.2-16] The broker names a client that came without a name.
  if (subject.clientId === "" && connack.assignedClientId !== null) {
    session.identify({ ...subject, clientId: connack.assignedClientId });
    // Nobody has looked whether that name is banned.
    session.bansGeneration = 0;
  }
  onAccepted(session);
}

function limitsOf(connack: Connack): BrokerLimits {
  return {
    topicAliasMaximum: connack.topicAliasMaximum,
    maximumQos: connack.maximumQos,
    receiveMaximum: connack.receiveMaximum,
    retainAvailable: connack.retainAvailable,
    wildcardAvailable: connack.wildcardAvailable,
    subscriptionIdsAvailable: connack.subscriptionIdsAvailable,
    sharedAvailable: connack.sharedAvailable,
    maximumPacketBytes: connack.maximumPacketBytes ?? Infinity,
  };
}
