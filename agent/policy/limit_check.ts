import {
  ALIAS_REFUSED,
  CLIENT_ID_LENGTH,
  CLIENT_ID_PATTERN,
  ENHANCED_AUTH,
  FEATURE_UNAVAILABLE,
  KEEP_ALIVE_TOO_LONG,
  QOS_ABOVE_BROKER,
  type Reason,
  RETAIN_REFUSED,
  RETAIN_UNAVAILABLE,
  SESSION_EXPIRY_TOO_LONG,
  SHARED_REFUSED,
  SUBSCRIPTION_ID_REFUSED,
  TOO_MANY_FILTERS,
  TOO_MANY_SUBSCRIPTIONS,
  USERNAME_TOO_LONG,
  VERSION_REFUSED,
  WILL_DELAY_TOO_LONG,
} from "../reasons.ts";
import type { Connect, Message, Publish, Subscribe } from "../mqtt/packet.ts";
import { splitShared } from "../mqtt/topic_filter.ts";
import type { Ground } from "./ground.ts";
import { checkTopicSize, utf8Length } from "./topic_check.ts";

/** Is the MQTT version one of `general.protocol-versions`. */
export function checkVersion(connect: Connect, on: Ground): Reason | null {
  return on.policy.limits.levels.includes(connect.level) ? null : VERSION_REFUSED;
}

/** Length of the client id in bytes; an empty one is the broker's to fill in (MQTT-3.1.3-6). */
export function checkClientIdLength(connect: Connect, on: Ground): Reason | null {
  const { minClientIdBytes, maxClientIdBytes, allowEmptyClientId } = on.policy.limits;
  const bytes = utf8Length(connect.clientId);
  if (bytes === 0) return allowEmptyClientId ? null : CLIENT_ID_LENGTH;
  return bytes < minClientIdBytes || bytes > maxClientIdBytes ? CLIENT_ID_LENGTH : null;
}

/** The whole client id matches `auth.client-id-pattern`; an empty one is judged by its length. */
export function checkClientIdPattern(connect: Connect, on: Ground): Reason | null {
  const { clientIdPattern } = on.policy.identity;
  if (clientIdPattern === null || connect.clientId === "") return null;
  return clientIdPattern.testWhole(connect.clientId) ? null : CLIENT_ID_PATTERN;
}

/** A user name is kept as long as its connection lives: longer than any name, or token in its place, it only costs. */
const MAX_USERNAME_BYTES = 16_384;

/** Length of the user name. */
export function checkUsernameLength(connect: Connect, _on: Ground): Reason | null {
  return connect.username !== null && utf8Length(connect.username) > MAX_USERNAME_BYTES ? USERNAME_TOO_LONG : null;
}

/** An authentication method (MQTT 5.0 section 4.12) is let through to the broker by name only. */
export function checkEnhancedAuth(connect: Connect, on: Ground): Reason | null {
  const method = connect.authenticationMethod;
  return method === null || on.policy.limits.authenticationMethods.has(method) ? null : ENHANCED_AUTH;
}

/** Keep alive and session expiry: 0 and a session that is not clean ask for more than any maximum (config: general). */
export function checkConnectTimes(connect: Connect, on: Ground): Reason | null {
  const { maxKeepAliveSecs, maxSessionExpirySecs } = on.policy.limits;
  if (maxKeepAliveSecs !== Infinity && (connect.keepAliveSecs === 0 || connect.keepAliveSecs > maxKeepAliveSecs)) {
    return KEEP_ALIVE_TOO_LONG;
  }
  if (maxSessionExpirySecs === Infinity) return null;
  const expirySecs = connect.level === 5 ? connect.sessionExpirySecs : connect.cleanStart ? 0 : Infinity;
  return expirySecs > maxSessionExpirySecs ? SESSION_EXPIRY_TOO_LONG : null;
}

/** `general.max-will-delay-secs`. */
export function checkWillDelay(connect: Connect, on: Ground): Reason | null {
  const will = connect.will;
  return will !== null && will.delaySecs > on.policy.limits.maxWillDelaySecs ? WILL_DELAY_TOO_LONG : null;
}

/** Size of the topic, and of the response topic where there is one. */
export function checkMessageTopics(message: Message, on: Ground): Reason | null {
  return checkTopicSize(message.topic, on) ??
    (message.responseTopic === null ? null : checkTopicSize(message.responseTopic, on));
}

/** `general.retained-messages`. */
export function checkRetainFeature(message: Message, on: Ground): Reason | null {
  return message.retain && !on.policy.limits.retainedMessages ? RETAIN_REFUSED : null;
}

/** `general.topic-aliases`. */
export function checkAliasFeature(publish: Publish, on: Ground): Reason | null {
  return publish.topicAlias !== 0 && !on.policy.limits.topicAliases ? ALIAS_REFUSED : null;
}

/** What the broker's CONNACK rules out: to send it all the same is a protocol error, so it closes. */
export function checkBrokerLimits(publish: Publish, on: Ground): Reason | null {
  if (publish.qos > on.broker.maximumQos) {
    on.action = "close";
    return QOS_ABOVE_BROKER;
  }
  if (publish.retain && !on.broker.retainAvailable) {
    on.action = "close";
    return RETAIN_UNAVAILABLE;
  }
  return null;
}

/** Numbers and features of a SUBSCRIBE, before its filters are judged one by one. */
export function checkSubscribeLimits(subscribe: Subscribe, on: Ground): Reason | null {
  const { limits } = on.policy;
  if (subscribe.subscriptions.length > limits.maxFiltersPerSubscribe) return TOO_MANY_FILTERS;
  if (on.subscriptions > limits.maxSubscriptions) return TOO_MANY_SUBSCRIPTIONS;
  if (subscribe.subscriptionId !== 0) {
    if (!limits.subscriptionIdentifiers) return SUBSCRIPTION_ID_REFUSED;
    if (!on.broker.subscriptionIdsAvailable) {
      on.action = "close";
      return FEATURE_UNAVAILABLE;
    }
  }
  return null;
}

/** Size and kind of one filter of a SUBSCRIBE. */
export function checkFilterLimits(filter: string, on: Ground): Reason | null {
  const refused = checkTopicSize(filter, on);
  if (refused !== null) return refused;
  const { limits } = on.policy;
  const { wildcardAvailable, sharedAvailable } = on.broker;
  if (limits.sharedSubscriptions && wildcardAvailable && sharedAvailable) return null;
  const shared = splitShared(filter);
  if (shared !== null && !limits.sharedSubscriptions) {
    on.topic = filter;
    return SHARED_REFUSED;
  }
  const hasWildcard = (shared?.filter ?? filter).search(/[+#]/) !== -1;
  if ((shared !== null && !sharedAvailable) || (hasWildcard && !wildcardAvailable)) {
    on.topic = filter;
    on.action = "close";
    return FEATURE_UNAVAILABLE;
  }
  return null;
}
