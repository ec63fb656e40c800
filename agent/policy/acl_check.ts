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
  decideConnect,
  decidePublish,
  decideReceive,
  decideSubscribe,
  decideUnsubscribe,
} from "./acl/mod.ts";
import type { Ground } from "./ground.ts";
import type { Policy } from "./policy.ts";

/** May the client publish this message: a PUBLISH, or a Will that the broker publishes later. */
export function checkPublishAcl(message: Message, on: Ground): Reason | null {
  const { topic, qos, retain } = message;
  const refused = settle(decidePublish(on.acl, topic, qos, retain, on.wallMs), topic, on);
  if (refused !== null || on.narrow === null) return refused;
  return narrowed(decidePublish(on.narrow, topic, qos, retain, on.wallMs), topic, on);
}

/**
 * The response topic of a message, judged as if the client published there: whoever answers would publish in the
 * client's name, to a place the client itself may not reach (a confused deputy). Its own rule is not the packet's rule.
 */
export function checkResponseTopic(message: Message, on: Ground): Reason | null {
  const topic = message.responseTopic;
  if (topic === null || !on.policy.checkResponseTopic) return null;
  const decision = decidePublish(on.acl, topic, 0, false, on.wallMs);
  if (decision.allowed) {
    if (on.narrow === null || decidePublish(on.narrow, topic, 0, false, on.wallMs).allowed) return null;
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
  const refused = settle(decideSubscribe(on.acl, filter, qos, on.wallMs), filter, on, downgradesSubscribe);
  if (refused !== null || on.narrow === null) return refused;
  return narrowed(decideSubscribe(on.narrow, filter, qos, on.wallMs), filter, on);
}

/** May the client end this subscription: yes, unless a rule says no. */
export function checkUnsubscribeAcl(filter: string, on: Ground): Reason | null {
  return settle(decideUnsubscribe(on.acl, filter, on.wallMs), filter, on);
}

/** May the client have this delivery. */
export function checkReceiveAcl(topic: string, on: Ground): Reason | null {
  const refused = settle(decideReceive(on.acl, topic, on.wallMs), topic, on);
  if (refused !== null || on.narrow === null) return refused;
  return narrowed(decideReceive(on.narrow, topic, on.wallMs), topic, on);
}

/** May the client connect: yes, unless a rule says no. */
export function checkConnectAcl(_connect: Connect, on: Ground): Reason | null {
  const decision = decideConnect(on.acl, on.wallMs);
  noteShadow(decision, on);
  on.rule = decision.rule;
  return decision.allowed ? null : ACL_CONNECT;
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
