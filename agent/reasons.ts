import { allViolations, type Violation } from "./mqtt/violation.ts";
import "./mqtt/packet_stream.ts"; // Declares every violation that a stream can report, before the registry is closed.

/** The word behind `blocked` or `detect-only` in the audit tags of a refusal (design: Audit tags). */
export type AuditTag =
  | "auth-failed"
  | "auth-pending"
  | "acl-denied"
  | "banned"
  | "rate-limited"
  | "inspection-blocked"
  | "retained-denied"
  | "qos-denied"
  | "size-exceeded"
  | "schema-invalid"
  | "limit-exceeded"
  | "protocol-error"
  | "late"
  | "overloaded"
  | "session-unknown"
  | "frame-gap"
  | "unanswered"
  | "upgrade-refused"
  | "internal-error";

/** What a rate limit is about. */
export type RateKind = "global" | "client" | "topic" | "connect" | "subscribe" | "control" | "auth-failures";

/** What payload inspection can refuse for. */
export type InspectionFault =
  | "sqli"
  | "command-injection"
  | "script-injection"
  | "path-traversal"
  | "custom"
  | "inspection-budget"
  | "json-limits"
  | "binary"
  | "payload-size"
  | "schema";

/** Why a login failed, as providers and the desk before them put it. */
export type LoginFault =
  | "wrong-password"
  | "user-disabled"
  | "user-expired"
  | "password-too-long"
  | "token-invalid"
  | "token-expired"
  | "token-not-yet-valid"
  | "certificate-invalid"
  | "certificate-ambiguous"
  | "backend-denied"
  | "anonymous"
  | "nobody-knows"
  | "provider-error"
  | "locked";

/**
 * WebSocket close codes that the agent uses (RFC 6455 section 7.4.1): 1002 protocol error, 1003 wrong kind of data,
 * 1008 policy, 1009 too big, 1012 service restart.
 */
export type CloseCode = 1002 | 1003 | 1008 | 1009 | 1012;

/** Why a packet, a frame or an upgrade was refused. */
export interface Reason {
  /** Unique, kebab-case, stable: logs, metrics and the console know a refusal by it. */
  readonly code: string;
  readonly tag: AuditTag;
  readonly severity: "notice" | "warning" | "error";
  /** What happened, for a person; no full stop. */
  readonly text: string;
  /** What whoever runs the fleet can do about it. */
  readonly advice: string;
  /** Clause of the standard, for a breach of MQTT or RFC 6455. */
  readonly clause: string | null;
  /** WebSocket close code where this reason closes. */
  readonly closeCode: CloseCode;
}

const registry = new Map<string, Reason>();

type ReasonDetails =
  & Pick<Reason, "tag" | "text" | "advice">
  & Partial<Pick<Reason, "severity" | "clause" | "closeCode">>;

/** Adds a reason to the registry; a code may be added once. Throws for a second one, at module load. */
export function reason(code: string, details: ReasonDetails): Reason {
  if (registry.has(code)) throw new Error(`Cannot register reason "${code}": it exists`);
  const made: Reason = Object.freeze({
    code,
    severity: "warning" as const,
    clause: null,
    closeCode: 1008 as const,
    ...details,
  });
  registry.set(code, made);
  return made;
}

/** Every reason there is, in the order of registration. */
export function allReasons(): readonly Reason[] {
  return [...registry.values()];
}

/** The reason of that code, or undefined. */
export function reasonOf(code: string): Reason | undefined {
  return registry.get(code);
}

const FIX_CLIENT = "The client breaks the standard: update or replace its MQTT library, and look at who sends this";

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
const PATTERN_ADVICE =
  "The log line names pattern and place: look at who sends it; put its topic into inspection.exclude-topics if it is meant";
const inspectionReasons: Readonly<Record<InspectionFault, Reason>> = {
  "sqli": reason("inspection-sqli", {
    tag: "inspection-blocked",
    text: "A part of the packet looks like SQL injection",
    advice: PATTERN_ADVICE,
  }),
  "command-injection": reason("inspection-command-injection", {
    tag: "inspection-blocked",
    text: "A part of the packet looks like shell commands",
    advice: PATTERN_ADVICE,
  }),
  "script-injection": reason("inspection-script-injection", {
    tag: "inspection-blocked",
    text: "A part of the packet looks like a script, a template or an expression that would be run",
    advice: PATTERN_ADVICE,
  }),
  "path-traversal": reason("inspection-path-traversal", {
    tag: "inspection-blocked",
    text: "A part of the packet looks like a path that climbs out of where it belongs",
    advice: PATTERN_ADVICE,
  }),
  "custom": reason("inspection-custom", {
    tag: "inspection-blocked",
    text: "A part of the packet matches one of inspection.patterns.custom-patterns",
    advice: "The log line names the pattern; set its shadow to true to try it without refusing",
  }),
  "inspection-budget": reason("inspection-budget", {
    tag: "inspection-blocked",
    text: "A part of the packet is encoded deeper, or decodes to more, than is searched",
    advice: "Raise inspection.max-depth or inspection.max-decoded-bytes if devices really send this",
  }),
  "json-limits": reason("json-limits", {
    tag: "inspection-blocked",
    text: "The JSON payload breaks one of inspection.json-limits",
    advice: "The log line names the limit: raise it if devices really send this",
  }),
  "binary": reason("binary-payload", {
    tag: "inspection-blocked",
    text: "The payload is not UTF-8, and inspection.block-binary is on",
    advice: "Let the device send text, or turn inspection.block-binary off",
  }),
  "payload-size": reason("payload-too-large", {
    tag: "size-exceeded",
    text: "The payload is larger than inspection.max-payload-size",
    advice:
      'Raise inspection.max-payload-size, or set inspection.oversize to "skip" to let such payloads through unsearched',
  }),
  "schema": reason("schema-invalid", {
    tag: "schema-invalid",
    text: "The payload does not fit the JSON Schema of its topic",
    advice: "The log line says where and by which keyword: mend the device, or the schema",
  }),
};

/** The reason that goes with what inspection found. */
export function inspectionReason(fault: InspectionFault): Reason {
  return inspectionReasons[fault];
}

export const INSPECTION_OVERLOADED = reason("inspection-overloaded", {
  tag: "overloaded",
  severity: "error",
  text: "The payload is too large to be inspected beside the frame path, and its inspection can not be done in time",
  advice: "Lower inspection.max-payload-size, or limit the bytes that clients may send (rate-limit)",
});
export const SUBSCRIPTION_ID_REFUSED = reason("subscription-identifier-refused", {
  tag: "limit-exceeded",
  text: "Subscription identifiers are refused by general.subscription-identifiers",
  advice: 'Set general.subscription-identifiers to "allow" if clients may use them',
});
export const ALIAS_REFUSED = reason("topic-alias-refused", {
  tag: "limit-exceeded",
  text: "Topic aliases are refused by general.topic-aliases",
  advice: 'Set general.topic-aliases to "allow" if clients may use them',
});
export const CLIENT_ID_LENGTH = reason("client-id-length", {
  tag: "auth-failed",
  text: "The client id is shorter or longer than it may be",
  advice: "See auth.min-client-id-length and auth.max-client-id-length",
});
export const BANNED = reason("banned", {
  tag: "banned",
  text: "The client is banned",
  advice: "The log line says by which ban, why and until when; lift it if the client may connect",
});
export const CLIENT_ID_PATTERN = reason("client-id-pattern", {
  tag: "auth-failed",
  text: "The client id does not match auth.client-id-pattern as a whole",
  advice: "Name the client as the pattern says, or change auth.client-id-pattern",
});
export const CLIENT_ID_BINDING = reason("client-id-binding", {
  tag: "auth-failed",
  text: "The client id does not go with the proved user name, as auth.client-id-binding asks",
  advice: "Name the client after its user (see auth.client-id-binding); without a proved name no id goes with it",
});
export const CLIENT_ID_NOT_OWNED = reason("client-id-not-owned", {
  tag: "auth-failed",
  text: "The client id is none of those that this user may have",
  advice: "Add the id to client-ids of the user, or to what its token or backend names",
});
export const CLIENT_ID_IN_USE = reason("client-id-in-use", {
  tag: "auth-failed",
  text:
    "Another identity is connected under this client id, and auth.duplicate-client-id does not let it be taken over",
  advice: "Two devices share one id, or somebody tries to take a device's place: look at both addresses",
});
export const USERNAME_MISMATCH = reason("username-mismatch", {
  tag: "auth-failed",
  text: "The user name in the CONNECT is not the one that the token or certificate proves",
  advice: 'Let the client send the proved name or none, or set auth.username-mismatch to "allow"',
});
export const AUTH_PENDING = reason("auth-pending", {
  tag: "auth-pending",
  severity: "notice",
  text: "Proving the login takes longer than the proxy waits; the work goes on, and its result waits for the client",
  advice: "The client reconnects and is answered at once; if not, its reconnect delay is longer than ten minutes",
});
export const LOGIN_REVOKED = reason("login-revoked", {
  tag: "auth-failed",
  text: "What proved this client when it connected does not hold any more: the user, key or provider changed",
  advice: "The client reconnects and proves itself anew; if it cannot, look at what changed",
});
export const TOKEN_EXPIRED = reason("token-expired", {
  tag: "auth-failed",
  severity: "notice",
  text: "The token, certificate or user has expired",
  advice: "Let the client fetch a new token before the old one expires, and look at its clock",
});
export const CLAIMED_ACL_INVALID = reason("acl-claim-invalid", {
  tag: "auth-failed",
  text: "The rules that the login carries cannot be read, so nothing would be allowed by them",
  advice: "Look at the acl that the token or the backend carries: the log line says what is wrong with it",
});
export const ACL_CLAIM = reason("acl-claim", {
  tag: "acl-denied",
  text: "The rules that this client's token or backend carries do not allow this",
  advice: "Let the issuer add the topic to the acl of this client; its rules only narrow those of the configuration",
});

const LOGIN_ADVICE = "The log line says which provider said what";
const loginReasons: Readonly<Record<LoginFault, Reason>> = {
  "wrong-password": reason("wrong-password", {
    tag: "auth-failed",
    text: "The password is wrong, or there is none",
    advice: "Give the device its password again, or look at who tries",
  }),
  "user-disabled": reason("user-disabled", {
    tag: "auth-failed",
    text: "The user is disabled",
    advice: 'Set "enabled" of the user to true if it may connect',
  }),
  "user-expired": reason("user-expired", {
    tag: "auth-failed",
    text: "The user has expired",
    advice: 'Move "expires" of the user if it may connect',
  }),
  "password-too-long": reason("password-too-long", {
    tag: "auth-failed",
    text: "The password has more than 72 bytes, of which bcrypt sees only the first 72",
    advice: "Use a shorter password, or a generated secret (users add --generate)",
  }),
  "token-invalid": reason("token-invalid", {
    tag: "auth-failed",
    text: "The token cannot be trusted",
    advice: LOGIN_ADVICE,
  }),
  "token-expired": TOKEN_EXPIRED,
  "token-not-yet-valid": reason("token-not-yet-valid", {
    tag: "auth-failed",
    text: "The token is not valid yet",
    advice: "Compare the clocks of the issuer and of this machine",
  }),
  "certificate-invalid": reason("certificate-invalid", {
    tag: "auth-failed",
    text: "The client certificate cannot be trusted",
    advice: LOGIN_ADVICE,
  }),
  "certificate-ambiguous": reason("certificate-ambiguous", {
    tag: "auth-failed",
    text: "The client certificate, or the header that carries it, names more than one",
    advice:
      "Let the proxy overwrite the header that carries the certificate, and the correlation id headers of clients",
  }),
  "backend-denied": reason("backend-denied", {
    tag: "auth-failed",
    text: "The authentication backend refuses the client",
    advice: "Ask the backend's log about this client",
  }),
  "anonymous": reason("anonymous-refused", {
    tag: "auth-failed",
    text: "The client shows no credentials",
    advice: "Give the device a user name and password, or set auth.allow-anonymous",
  }),
  "nobody-knows": reason("credentials-unknown", {
    tag: "auth-failed",
    text: "No provider knows these credentials",
    advice: LOGIN_ADVICE,
  }),
  "provider-error": reason("provider-error", {
    tag: "auth-failed",
    severity: "error",
    text: "A provider could not tell who the client is, and that counts as a refusal",
    advice: LOGIN_ADVICE,
  }),
  "locked": reason("locked-out", {
    tag: "auth-failed",
    text: "Too many logins failed with this name from this address, or with many names from it",
    advice: "Look at who guesses; auth.lockout says how many failures lock, and for how long",
  }),
};

/** The reason that goes with a failed login; the client only ever learns "not authorised". */
export function loginReason(fault: LoginFault): Reason {
  return loginReasons[fault];
}

export const USERNAME_TOO_LONG = reason("username-too-long", {
  tag: "limit-exceeded",
  text: "The user name has more than 16 KiB",
  advice: "No system has such names: look at who sends this",
});
export const ENHANCED_AUTH = reason("enhanced-auth", {
  tag: "auth-failed",
  text: "The client asks for an authentication method that is not let through",
  advice: "Name the method in auth.enhanced-auth if the broker handles it",
});

const RATE_ADVICE = "The log line names the limit: raise it if the client may send so much, or look at what it does";
const rateReasons: Readonly<Record<RateKind, Reason>> = {
  "client": reason("rate-client", {
    tag: "rate-limited",
    text: "The client sends more than rate-limit.per-client lets it",
    advice: RATE_ADVICE,
  }),
  "topic": reason("rate-topic", {
    tag: "rate-limited",
    text: "More is sent to the topic than rate-limit.per-topic lets pass",
    advice: RATE_ADVICE,
  }),
  "global": reason("rate-global", {
    tag: "rate-limited",
    severity: "error",
    text: "All clients together send more than rate-limit.global lets pass",
    advice: "Raise rate-limit.global, or find out who sends so much: each client is charged to its own bucket first",
  }),
  "connect": reason("rate-connect", {
    tag: "rate-limited",
    text: "More CONNECTs come from this address than rate-limit.connect lets it",
    advice: "Many clients may share the address: raise rate-limit.connect, or look at who reconnects all the time",
  }),
  "subscribe": reason("rate-subscribe", {
    tag: "rate-limited",
    text: "The client subscribes more often than rate-limit.subscribe lets it",
    advice: RATE_ADVICE,
  }),
  "control": reason("rate-control", {
    tag: "rate-limited",
    text: "The client sends more pings, empty frames or unasked acknowledgements than rate-limit.control lets it",
    advice: RATE_ADVICE,
  }),
  "auth-failures": reason("rate-auth-failures", {
    tag: "rate-limited",
    text: "More logins from this address failed than rate-limit.auth-failures lets fail",
    advice: "Look at who guesses from there; a device with an old password may do it too",
  }),
};

/** The reason that goes with a limit of that kind. */
export function rateReason(kind: RateKind): Reason {
  return rateReasons[kind];
}

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
