/** Reasons of access control. */

import { reason } from "./reason.ts";

export const ACL_RULE = reason("acl-rule", {
  tag: "acl-denied",
  text: "A rule denies this topic to this client",
  advice: "Look at the rule that is named",
});
export const ACL_NO_RULE = reason("acl-no-rule", {
  tag: "acl-denied",
  text: "No rule allows this topic to this client",
  advice:
    "Add an allow rule; rules by user name or group need authentication or auth.trust-broker before they can allow anything",
});
export const ACL_DOLLAR_TOPIC = reason("acl-dollar-topic", {
  tag: "acl-denied",
  text: "A topic that begins with $ needs an allow rule whose filter begins with the same $ level",
  advice: "Name the $ level literally in an allow rule if this client may use it",
});
export const ACL_WILDCARD = reason("acl-wildcard", {
  tag: "acl-denied",
  text: "Filters with wildcards are not allowed here",
  advice: 'Set "wildcards": true in the rule that allows it, or acl.wildcard-subscriptions to "allow"',
});
export const ACL_CHARACTER = reason("acl-character", {
  tag: "acl-denied",
  text: "The topic holds a character that acl.forbid-characters refuses",
  advice: "The system behind the broker takes that character for a separator: rename the topic",
});
export const ACL_TOO_BROAD = reason("acl-too-broad", {
  tag: "acl-denied",
  text: "The filter has so many wildcards that it cannot be held against all deny rules in time",
  advice: "Let the client subscribe to narrower filters",
});
export const ACL_INVALID_TOPIC = reason("acl-invalid-topic", {
  tag: "acl-denied",
  text: "No rule can be held against this: it is not a topic name or filter",
  advice: "Look at who publishes under such a topic",
});
export const ACL_CONNECT = reason("acl-connect", {
  tag: "acl-denied",
  text: "A rule denies this client to connect",
  advice: "Look at the rule that is named",
});
export const ACL_RESPONSE_TOPIC = reason("acl-response-topic", {
  tag: "acl-denied",
  text: "The response topic is one that this client may not publish to",
  advice: "Allow the client to publish there, or set acl.check-response-topic to false",
});
export const ACL_REVOKED = reason("acl-revoked", {
  tag: "acl-denied",
  severity: "notice",
  text: "The rules that are in force now would refuse a subscription that this client made earlier",
  advice: "The client reconnects and subscribes under the new rules",
});
export const RULE_QOS = reason("rule-qos", {
  tag: "qos-denied",
  text: "The QoS is above max-qos of the rule that allows this topic",
  advice: "Lower the QoS in the client or raise max-qos in the rule",
});
