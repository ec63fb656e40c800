import {
  also,
  boolean,
  choice,
  type Infer,
  integer,
  list,
  object,
  OPTIONAL,
  ours,
  page,
  text,
  type TextForm,
} from "../shape.ts";
import { quote } from "../quote.ts";

// MQTT-2.2.3: the remaining length of a packet is at most 268,435,455; with the fixed header 268,435,460 bytes.
const MAX_MQTT_PACKET = 268_435_460;
const MAX_UINT32 = 4_294_967_295;
const MAX_UINT16 = 65_535;

const ORIGIN: TextForm = {
  name: "origin",
  words: "`same-host`, `any` or an origin like `https://example.com:8443`",
  pattern: "^(?:same-host|any|https?://[^/?#@\\sA-Z]+|(?!https?:)[a-z][a-z0-9+.\\-]*://[^/?#@\\s]+)$",
};
const TOKEN: TextForm = {
  name: "token",
  words: "a token of RFC 9110",
  pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z\\-]+$",
};
const FEATURE = choice("allow", "deny");

export const GENERAL = object({
  "block-mode": page("False: detect only, nothing is blocked", boolean(), true),
  "fail-open": page("An internal error allows", boolean(), false),
  "log-packets": page("One debug line for each packet, never payload or password", boolean(), false),
  "protocol-versions": page(
    "MQTT versions that clients may speak",
    list(choice("3.1", "3.1.1", "5.0"), { minItems: 1, unique: true }),
    ["3.1.1", "5.0"],
  ),
  "max-connections-per-ip": also("Most connections from one address; IPv6 by /64", integer({ min: 1 }), OPTIONAL),
  "connect-timeout-secs": also(
    "Seconds from the first frame to CONNECT; a started packet may stand still as long",
    integer({ min: 1, max: 3600 }),
    30,
  ),
  "decision-deadline-ms": ours("Milliseconds that an answer to a CONNECT may take", integer({ min: 1, max: 80 }), 60),
  "max-packet-size": ours("Most bytes of a whole MQTT packet", integer({ min: 2, max: MAX_MQTT_PACKET }), 1_048_576),
  "max-topic-levels": ours("Most levels of a topic or filter", integer({ min: 1, max: MAX_UINT16 }), 32),
  "max-topic-bytes": ours("Most bytes of a topic or filter", integer({ min: 1, max: MAX_UINT16 }), 1024),
  "max-subscriptions": ours("Most subscriptions of one client", integer({ min: 1 }), 100),
  "max-filters-per-subscribe": ours("Most filters in one SUBSCRIBE", integer({ min: 1 }), 32),
  "max-keep-alive-secs": ours(
    "Seconds; who asks for a longer keep alive, or for none, is refused",
    integer({ min: 1, max: MAX_UINT16 }),
    OPTIONAL,
  ),
  "max-session-expiry-secs": ours(
    "Seconds; who asks for a longer session expiry is refused",
    integer({ max: MAX_UINT32 }),
    OPTIONAL,
  ),
  "max-will-delay-secs": ours(
    "Seconds; who asks for a longer will delay is refused",
    integer({ max: MAX_UINT32 }),
    OPTIONAL,
  ),
  "session-idle-secs": ours(
    "Seconds without a packet that end a session without keep alive",
    integer({ min: 1 }),
    86_400,
  ),
  "max-sessions": ours(
    "Most live sessions; further connections close as overloaded",
    integer({ min: 1, max: 10_000_000 }),
    200_000,
  ),
  "max-unanswered": ours("Dropped packets that wait for an answer before the connection closes", integer(), 16),
  "require-upgrade-event": ours("Frames whose upgrade was not seen close", boolean(), false),
  "shared-subscriptions": ours("`deny` refuses shared subscriptions", FEATURE, "allow"),
  "retained-messages": ours("`deny` refuses retained messages", FEATURE, "allow"),
  "subscription-identifiers": ours("`deny` refuses subscription identifiers", FEATURE, "allow"),
  "topic-aliases": ours("`deny` refuses topic aliases", FEATURE, "allow"),
  "mixed-frames": ours(
    "A frame with a packet to drop and others that may pass: `auto` drops where MQTT lets the others be lost",
    choice("auto", "drop", "close"),
    "auto",
  ),
  "allowed-origins": ours(
    "Origins of a WebSocket upgrade, `same-host` or `any`; no Origin header is always fine",
    list(text({ check: checkOrigin, form: ORIGIN }), { minItems: 1 }),
    ["same-host"],
  ),
  "websocket-extensions": ours(
    "An upgrade that offers an extension: `refuse` it, or `allow-unseen` what it carries",
    choice("refuse", "allow-unseen"),
    "refuse",
  ),
  subprotocols: ours(
    "WebSocket subprotocols, one of which an upgrade must offer; empty asks for none",
    list(text({ check: checkToken, form: TOKEN }), { unique: true }),
    ["mqtt", "mqttv3.1"],
  ),
  routes: ours(
    "Routes of the proxy that carry MQTT; frames of others are allowed unseen",
    // Of none every frame would be another route's: all of them would pass unseen.
    list(text(), { minItems: 1 }),
    OPTIONAL,
  ),
});

/**
 * `same-host`, `any`, or an origin as browsers serialise it (RFC 6454 section 6.2): lower case, punycode, no default
 * port. Another way to write it would never be equal to what comes, and so is refused.
 */
function checkOrigin(value: string): string | null {
  if (value === "same-host" || value === "any") return null;
  const fault = `"same-host", "any" or an origin like "https://example.com:8443"`;
  if (!URL.canParse(value)) return fault;
  const { protocol, host, username, password } = new URL(value);
  if (host === "" || username !== "" || password !== "") return fault;
  const origin = `${protocol}//${host}`;
  return value === origin ? null : `${quote(origin)}, as browsers send it`;
}

/** RFC 6455 section 4.1: a subprotocol is a token of RFC 9110. */
function checkToken(value: string): string | null {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value) ? null : "a token, as WebSocket subprotocols are";
}

export type GeneralConfig = Infer<typeof GENERAL>;
