/** Reasons of frames, packets and upgrades that are not as MQTT, WebSocket or the agent protocol want them. */

import { allViolations, type Violation } from "../mqtt/violation.ts";
import "../mqtt/packet_stream.ts"; // Declares every violation that a stream can report, before the registry is closed.
import { FIX_CLIENT, type Reason, reason } from "./reason.ts";

/** Bounds of ours that the decoder keeps, since it can not read on behind them. */
const LIMITS: ReadonlySet<string> = new Set(["mqtt-user-properties-many", "mqtt-filters-many", "mqtt-unbufferable"]);

const byViolation = new Map<Violation, Reason>();
for (const violation of allViolations()) {
  byViolation.set(
    violation,
    reason(violation.code, {
      tag: LIMITS.has(violation.code) ? "limit-exceeded" : "protocol-error",
      clause: violation.clause,
      text: violation.text,
      advice: FIX_CLIENT,
    }),
  );
}

const MALFORMED = reason("mqtt-malformed", {
  tag: "protocol-error",
  text: "The packet cannot be read as MQTT",
  advice: FIX_CLIENT,
});

/** The reason that goes with a breach of the MQTT standard. */
export function violationReason(violation: Violation): Reason {
  return byViolation.get(violation) ?? MALFORMED;
}

export const TEXT_FRAME = reason("ws-text-frame", {
  tag: "protocol-error",
  clause: "MQTT-6.0.0-1",
  closeCode: 1003,
  text: "MQTT was sent in a WebSocket text frame",
  advice: "The client has to send binary frames",
});
export const BAD_FRAMING = reason("ws-framing", {
  tag: "protocol-error",
  clause: "RFC 6455 section 5",
  closeCode: 1002,
  text:
    "The WebSocket framing is broken: a reserved opcode, a stray continuation, or a control frame that is too long or in pieces",
  advice: "The client breaks RFC 6455: update or replace its WebSocket library",
});
export const BAD_EVENT = reason("event-undecodable", {
  tag: "protocol-error",
  text: "The proxy's event carries data that is not base64, or lacks a field",
  advice: "Look for a proxy release that this agent does not know",
});
export const SESSION_UNKNOWN = reason("session-unknown", {
  tag: "session-unknown",
  severity: "notice",
  closeCode: 1012,
  text:
    "The agent does not know this connection: it was restarted, joined under live traffic, or the connection had ended",
  advice: "The client reconnects by itself; if this goes on, more than one agent process serves one proxy agent block",
});
export const FRAME_GAP = reason("frame-gap", {
  tag: "frame-gap",
  text:
    "A frame number was skipped or came twice: two connections share one correlation id, or frames went past the agent",
  advice: "Let the proxy overwrite X-Request-Id, X-Correlation-Id and X-Trace-Id of clients",
});
export const LATE = reason("late", {
  tag: "late",
  severity: "error",
  text: "The verdict on an earlier frame came too late, so the proxy let that frame pass although it was refused",
  advice: "The agent was stalled: look at its CPU and at the event-loop delay; check what that frame did at the broker",
});
export const OVERLOADED_SESSIONS = reason("overloaded", {
  tag: "overloaded",
  severity: "error",
  text: "The agent keeps as many connections, or as many unfinished bytes, as it may",
  advice: "Raise general.max-sessions, or find out who opens so many connections",
});
export const TOO_MANY_PACKETS = reason("too-many-packets", {
  tag: "limit-exceeded",
  text: "One frame holds more packets than can be judged in time",
  advice: "No known client sends more than a few hundred packets in a frame: look at who does",
});
export const UNANSWERED = reason("unanswered", {
  tag: "unanswered",
  text: "The client waits for answers to too many packets that were dropped",
  advice: "Look at why its packets were dropped; general.max-unanswered says how many are borne",
});
export const CONNACK_UNASKED = reason("connack-without-connect", {
  tag: "protocol-error",
  clause: "MQTT-3.2.0-1",
  text: "The broker accepted a CONNECT that was not allowed here",
  advice: "Make sure that all traffic to the broker goes through the proxy",
});
export const CONNECT_TIMEOUT = reason("connect-timeout", {
  tag: "limit-exceeded",
  text: "No CONNECT came within general.connect-timeout-secs",
  advice: "A connection without CONNECT is a half-open client or an attack",
});
export const PACKET_TIMEOUT = reason("packet-timeout", {
  tag: "limit-exceeded",
  text: "A packet was begun and not finished in time",
  advice: "The network is very slow, or the client holds the connection open on purpose (SlowITe)",
});
export const PACKET_TOO_LARGE = reason("packet-too-large", {
  tag: "size-exceeded",
  closeCode: 1009,
  text: "The packet is larger than general.max-packet-size",
  advice: "Raise general.max-packet-size if the client may send such packets",
});
export const AFTER_DISCONNECT = reason("after-disconnect", {
  tag: "protocol-error",
  clause: "MQTT-3.14.4-1",
  text: "The client sent a packet after DISCONNECT, or after the broker refused it",
  advice: FIX_CLIENT,
});
export const UNJUDGED = reason("stream-unparsed", {
  tag: "protocol-error",
  text: "An earlier packet of this connection could not be read while nothing was blocked, so it cannot be judged now",
  advice: "The client reconnects and is judged from its first packet on",
});
export const UPGRADE_UNSEEN = reason("upgrade-unseen", {
  tag: "upgrade-refused",
  text:
    "The upgrade request of this connection was not shown to the agent, and general.require-upgrade-event asks for it",
  advice:
    'Give the proxy\'s route a filter of type "agent" for this agent, and its agent block the event request_headers',
});
export const UPGRADE_WAS_REFUSED = reason("upgrade-ignored", {
  tag: "upgrade-refused",
  severity: "error",
  text: "The proxy opened a connection whose upgrade the agent had refused",
  advice: 'Set failure-mode "closed" for this agent in the proxy',
});
export const UPGRADE_EXTENSION = reason("upgrade-extension", {
  tag: "upgrade-refused",
  text: "The client offered a WebSocket extension (compression): the proxy would not show its frames to any agent",
  advice:
    "Turn compression off in the client (mqtt.js: wsOptions: { perMessageDeflate: false }), or put a hop in front of the proxy's route that removes the header Sec-WebSocket-Extensions",
});
export const UPGRADE_ORIGIN = reason("upgrade-origin", {
  tag: "upgrade-refused",
  text: "The upgrade comes from a web page of another origin",
  advice: "Add that origin to general.allowed-origins if its pages may connect",
});
export const UPGRADE_SUBPROTOCOL = reason("upgrade-subprotocol", {
  tag: "upgrade-refused",
  clause: "MQTT-6.0.0-3",
  text: "The upgrade does not offer an MQTT subprotocol",
  advice:
    "Let the client offer Sec-WebSocket-Protocol: mqtt, or set general.subprotocols to what it offers ([] for none)",
});
export const INTERNAL_ERROR = reason("internal-error", {
  tag: "internal-error",
  severity: "error",
  text: "The agent failed while it judged this frame",
  advice: "This is a defect of the agent: report it with the log line of this moment",
});
