import {
  ACL_CHARACTER,
  ACL_CLAIM,
  ACL_CONNECT,
  ACL_DOLLAR_TOPIC,
  ACL_INVALID_TOPIC,
  ACL_NO_RULE,
  ACL_RESPONSE_TOPIC,
  ACL_RULE,
  ACL_TOO_BROAD,
  ACL_WILDCARD,
  type Reason,
  RULE_QOS,
} from "../reasons.ts";
import type { Connect, Message, Subscription } from "../mqtt/packet.ts";
import {
  type AclDecision,
  type AclReason,
  type Action,
  decideConnect,
  decidePublish,
  decideReceive,
  decideSubscribe,
  decideUnsubscribe,
  type SubjectAcl,
} from "./acl/mod.ts";
import type { Ground } from "./ground.ts";
import type { Policy } from "./policy.ts";

/** May the client publish this message: a PUBLISH, or a Will that the broker publishes later. */
export function checkPublishAcl(message: Message, on: Ground): Reason | null {
  const { topic, qos, retain } = message;
  const refused = settle(publishBy(on.acl, topic, qos, retain, on), topic, on);
  if (refused !== null || on.narrow === null) return refused;
  return narrowed(publishBy(on.narrow, topic, qos, retain, on), topic, on);
}

/**
 * The response topic of a message, judged as if the client published there: whoever answers would publish in the
 * client's name, to a place the client itself may not reach (a confused deputy). Its own rule is not the packet's rule.
 */
export function checkResponseTopic(message: Message, on: Ground): Reason | null {
  const topic = message.responseTopic;
  if (topic === null || !on.policy.checkResponseTopic) return null;
  const decision = publishBy(on.acl, topic, 0, false, on);
  if (decision.allowed) {
    if (on.narrow === null || publishBy(on.narrow, topic, 0, false, on).allowed) return null;
    on.topic = topic;
    return ACL_CLAIM;
  }
  on.topic = topic;
  on.rule = decision.rule;
  on.action = decision.action;
  return ACL_RESPONSE_TOPIC;
}

/** May the client have this subscription. */
export function checkSubscribeAcl(subscription: Subscription, on: Ground): Reason | null {
  const { filter, qos } = subscription;
  const refused = settle(subscribeBy(on.acl, filter, qos, on), filter, on, downgradesSubscribe);
  if (refused !== null || on.narrow === null) return refused;
  return narrowed(subscribeBy(on.narrow, filter, qos, on), filter, on);
}

/** May the client end this subscription: yes, unless a rule says no. */
export function checkUnsubscribeAcl(filter: string, on: Ground): Reason | null {
  const decision = decideUnsubscribe(on.acl, filter, on.wallMs);
  return settle(heard(decision, on.acl, "unsubscribe", filter, 0, false, on), filter, on);
}

/** May the client have this delivery. */
export function checkReceiveAcl(topic: string, on: Ground): Reason | null {
  const refused = settle(receiveBy(on.acl, topic, on), topic, on);
  if (refused !== null || on.narrow === null) return refused;
  return narrowed(receiveBy(on.narrow, topic, on), topic, on);
}

/** May the client connect: yes, unless a rule says no. */
export function checkConnectAcl(_connect: Connect, on: Ground): Reason | null {
  const decision = heard(decideConnect(on.acl, on.wallMs), on.acl, "connect", "", 0, false, on);
  noteShadow(decision, on);
  on.rule = decision.rule;
  return decision.allowed ? null : ACL_CONNECT;
}

function publishBy(s: SubjectAcl, topic: string, qos: number, retain: boolean, on: Ground): AclDecision {
  return heard(decidePublish(s, topic, qos, retain, on.wallMs), s, "publish", topic, qos, retain, on);
}

function subscribeBy(s: SubjectAcl, filter: string, qos: number, on: Ground): AclDecision {
  return heard(decideSubscribe(s, filter, qos, on.wallMs), s, "subscribe", filter, qos, false, on);
}

function receiveBy(s: SubjectAcl, topic: string, on: Ground): AclDecision {
  return heard(decideReceive(s, topic, on.wallMs), s, "receive", topic, 0, false, on);
}

/** Tells whoever listens what the rules were asked and what they said, and passes it on. */
function heard(
  decision: AclDecision,
  s: SubjectAcl,
  action: Action,
  topic: string,
  qos: number,
  retain: boolean,
  on: Ground,
): AclDecision {
  const { trace } = on;
  if (trace !== null) trace.acl({ s, action, topic, qos, retain, nowMs: on.wallMs }, s === on.narrow, decision);
  return decision;
}

function settle(
  decision: AclDecision,
  topic: string,
  on: Ground,
  mayDowngrade: (qos: Policy["qos"]) => boolean = downgradesPublish,
): Reason | null {
  on.rule = decision.rule;
  noteShadow(decision, on);
  if (decision.allowed) {
    if (!decision.maxQosExceeded) return null;
    // Where `qos` lets too high a QoS pass, so does the rule: checkPublishQos and checkSubscribeQos see to it.
    const maxQos = decision.rule?.maxQos ?? 2;
    if (mayDowngrade(on.policy.qos)) {
      on.downgradedTo = maxQos;
      return null;
    }
    on.topic = topic;
    return RULE_QOS;
  }
  on.topic = topic;
  on.action = decision.action;
  return reasonOfDenial(decision.reason);
}

function downgradesPublish(qos: Policy["qos"]): boolean {
  return qos?.downgrade === true;
}

function downgradesSubscribe(qos: Policy["qos"]): boolean {
  return qos?.downgradeSubscribe === true;
}

/** What the rules that the login carries say of what the configuration's rules allow. */
function narrowed(decision: AclDecision, topic: string, on: Ground): Reason | null {
  if (decision.allowed && !decision.maxQosExceeded) return null;
  on.topic = topic;
  return ACL_CLAIM;
}

function noteShadow(decision: AclDecision, on: Ground): void {
  const shadow = decision.shadow;
  if (shadow !== null && shadow.allow !== decision.allowed) on.shadow = shadow;
}

function reasonOfDenial(reason: AclReason): Reason {
  switch (reason) {
    case "rule":
      return ACL_RULE;
    case "dollar-topic":
      return ACL_DOLLAR_TOPIC;
    case "wildcards":
      return ACL_WILDCARD;
    case "forbidden-character":
      return ACL_CHARACTER;
    case "too-broad":
      return ACL_TOO_BROAD;
    case "invalid-topic":
      return ACL_INVALID_TOPIC;
    case "no-rule":
    case "default":
    case "disabled":
      return ACL_NO_RULE;
    default:
      return reason satisfies never;
  }
}
