/** Reasons of limits, quality of service and what is retained. */

import { reason } from "./reason.ts";

export const VERSION_REFUSED = reason("protocol-version", {
  tag: "protocol-error",
  text: "This MQTT version is not in general.protocol-versions",
  advice: "Add the version to general.protocol-versions, or update the client",
});
export const CONNECTIONS_PER_IP = reason("connections-per-ip", {
  tag: "limit-exceeded",
  text: "Too many connections from this address",
  advice: "Raise general.max-connections-per-ip if many clients share this address",
});
export const TOPIC_TOO_LONG = reason("topic-too-long", {
  tag: "limit-exceeded",
  text: "The topic or filter is longer than general.max-topic-bytes",
  advice: "Raise general.max-topic-bytes if such topics are wanted",
});
export const TOPIC_TOO_DEEP = reason("topic-too-deep", {
  tag: "limit-exceeded",
  text: "The topic or filter has more levels than general.max-topic-levels",
  advice: "Raise general.max-topic-levels if such topics are wanted",
});
export const TOO_MANY_FILTERS = reason("too-many-filters", {
  tag: "limit-exceeded",
  text: "More filters in one packet than general.max-filters-per-subscribe",
  advice: "Raise general.max-filters-per-subscribe, or let the client subscribe in several packets",
});
export const TOO_MANY_SUBSCRIPTIONS = reason("too-many-subscriptions", {
  tag: "limit-exceeded",
  text: "The client would have more subscriptions than general.max-subscriptions",
  advice: "Raise general.max-subscriptions, or let the client use wildcards",
});
export const KEEP_ALIVE_TOO_LONG = reason("keep-alive-too-long", {
  tag: "limit-exceeded",
  text: "The keep alive is longer than general.max-keep-alive-secs (0 is for ever)",
  advice: "Set a shorter keep alive in the client",
});
export const SESSION_EXPIRY_TOO_LONG = reason("session-expiry-too-long", {
  tag: "limit-exceeded",
  text: "The session would outlive general.max-session-expiry-secs (3.1.1: clean session 0 is for ever)",
  advice: "Set a shorter session expiry, or a clean session, in the client",
});
export const WILL_DELAY_TOO_LONG = reason("will-delay-too-long", {
  tag: "limit-exceeded",
  text: "The Will delay is longer than general.max-will-delay-secs",
  advice: "Set a shorter Will delay in the client",
});
export const SHARED_REFUSED = reason("shared-subscription-refused", {
  tag: "limit-exceeded",
  text: "Shared subscriptions are refused by general.shared-subscriptions",
  advice: 'Set general.shared-subscriptions to "allow" if clients may use them',
});
export const RETAIN_REFUSED = reason("retained-message-refused", {
  tag: "retained-denied",
  text: "Retained messages are refused by general.retained-messages",
  advice: 'Set general.retained-messages to "allow" if clients may use them',
});
export const QOS_TOO_HIGH = reason("qos-too-high", {
  tag: "qos-denied",
  text: "The QoS is above what the section qos, or the rule that allows the topic, lets it have",
  advice: "Lower the QoS in the client, raise max-qos, or set qos.downgrade (through a proxy it only tags)",
});
export const RETAINED_BLOCKED = reason("retained-blocked", {
  tag: "retained-denied",
  text: "The topic is one of retained.blocked-topics: nothing may be kept there, nor deleted",
  advice: "Let the client publish without the retain flag, or take the topic off the list",
});
export const RETAINED_NOT_ALLOWED = reason("retained-not-allowed", {
  tag: "retained-denied",
  text: "The topic is none of retained.allowed-topics, and retained.allow-retained is off",
  advice: "Let the client publish without the retain flag, or add the topic to the list",
});
export const RETAINED_TOO_LARGE = reason("retained-too-large", {
  tag: "size-exceeded",
  text: "The retained message is larger than retained.max-size",
  advice: "Raise retained.max-size, or let the client publish without the retain flag",
});
