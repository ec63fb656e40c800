/** Reasons of what the broker's CONNACK said. */

import { FIX_CLIENT, reason } from "./reason.ts";

const BROKER_LIMIT = "The broker announced this limit in its CONNACK: change the client, or the broker's configuration";
export const ALIAS_BEFORE_CONNACK = reason("alias-before-connack", {
  tag: "protocol-error",
  clause: "MQTT-3.3.2-9",
  text: "A topic alias was used before the broker said how many it takes",
  advice: FIX_CLIENT,
});
export const ALIAS_TOO_HIGH = reason("alias-too-high", {
  tag: "protocol-error",
  clause: "MQTT-3.3.2-9",
  text: "The topic alias is above the broker's Topic Alias Maximum",
  advice: BROKER_LIMIT,
});
export const ALIAS_UNKNOWN = reason("alias-unknown", {
  tag: "protocol-error",
  clause: "MQTT-3.3.2-12",
  text: "The topic alias was never set on this connection",
  advice: FIX_CLIENT,
});
export const ALIAS_BYTES = reason("alias-bytes", {
  tag: "limit-exceeded",
  text: "The topic aliases of this connection hold more than 1 MiB of topics",
  advice: "Let the broker announce a smaller Topic Alias Maximum",
});
export const RECEIVE_MAXIMUM = reason("receive-maximum", {
  tag: "protocol-error",
  clause: "MQTT-3.3.4-9",
  text: "The client sent more PUBLISHes of QoS 1 and 2 than the broker's Receive Maximum leaves unacknowledged",
  advice: BROKER_LIMIT,
});
export const AUTH_UNFINISHED = reason("auth-unfinished", {
  tag: "protocol-error",
  clause: "MQTT-3.1.2-30",
  text: "The client named an authentication method and sent another packet before the broker accepted it",
  advice: FIX_CLIENT,
});
export const QOS_ABOVE_BROKER = reason("qos-above-broker", {
  tag: "protocol-error",
  clause: "MQTT-3.2.2-11",
  text: "The QoS is above the broker's Maximum QoS",
  advice: BROKER_LIMIT,
});
export const RETAIN_UNAVAILABLE = reason("retain-unavailable", {
  tag: "protocol-error",
  clause: "MQTT-3.2.2-14",
  text: "The broker does not support retained messages",
  advice: BROKER_LIMIT,
});
export const ABOVE_BROKER_SIZE = reason("packet-above-broker", {
  tag: "protocol-error",
  clause: "MQTT-3.2.2-15",
  text: "The packet is larger than the broker's Maximum Packet Size",
  advice: BROKER_LIMIT,
});
export const FEATURE_UNAVAILABLE = reason("feature-unavailable", {
  tag: "protocol-error",
  clause: "MQTT 5.0 section 3.2.2.3",
  text: "The broker said that it does not support wildcard, shared or identified subscriptions",
  advice: BROKER_LIMIT,
});
