import {
  ACL_CHARACTER,
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
  decideConnect,
  decidePublish,
  decideReceive,
  decideSubscribe,
  decideUnsubscribe,
} from "./acl/mod.ts";
import type { Ground } from "./ground.ts";

/** May the client publish this message: a PUBLISH, or a Will that the broker publishes later. */
export function checkPublishAcl(message: Message, on: Ground): Reason | null {
  return settle(decidePublish(on.acl, message.topic, message.qos, message.retain, on.wallMs), message.topic, on);
}

/**
 * The response topic of a message, judged as if the client published there: whoever answers would publish in the
 * client's name, to a place the client itself may not reach (a confused deputy). Its own rule is not the packet's rule.
 */
export function checkResponseTopic(message: Message, on: Ground): Reason | null {
  const topic = message.responseTopic;
  if (topic === null || !on.policy.checkResponseTopic) return null;
  const decision = decidePublish(on.acl, topic, 0, false, on.wallMs);
  if (decision.allowed) return null;
  on.topic = topic;
  on.rule = decision.rule;
  on.action = decision.action;
  return ACL_RESPONSE_TOPIC;
}

/** May the client have this subscription. */
export function checkSubscribeAcl(subscription: Subscription, on: Ground): Reason | null {
  const { filter, qos } = subscription;
  return settle(decideSubscribe(on.acl, filter, qos, on.wallMs), filter, on);
}

/** May the client end this subscription: yes, unless a rule says no. */
export function checkUnsubscribeAcl(filter: string, on: Ground): Reason | null {
  return settle(decideUnsubscribe(on.acl, filter, on.wallMs), filter, on);
}

/** May the client have this delivery. */
export function checkReceiveAcl(topic: string, on: Ground): Reason | null {
  return settle(decideReceive(on.acl, topic, on.wallMs), topic, on);
}

/** May the client connect: yes, unless a rule says no. */
export function checkConnectAcl(_connect: Connect, on: Ground): Reason | null {
  const decision = decideConnect(on.acl, on.wallMs);
  noteShadow(decision, on);
  on.rule = decision.rule;
  return decision.allowed ? null : ACL_CONNECT;
}

function settle(decision: AclDecision, topic: string, on: Ground): Reason | null {
  on.rule = decision.rule;
  noteShadow(decision, on);
  if (decision.allowed) {
    if (!decision.maxQosExceeded) return null;
    on.topic = topic;
    return RULE_QOS;
  }
  on.topic = topic;
  on.action = decision.action;
  return reasonOfDenial(decision.reason);
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
