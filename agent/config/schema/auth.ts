import {
  also,
  boolean,
  choice,
  type Complaint,
  FILLED,
  type Infer,
  integer,
  json,
  keyedList,
  list,
  map,
  object,
  OPTIONAL,
  ours,
  page,
  REQUIRED,
  text,
  type TextForm,
  variants,
  wordOrList,
} from "../shape.ts";
import { url } from "./text.ts";

/** What every provider has. */
const COMMON = {
  name: ours("Name in logs and messages; the key where providers are written as an object", text(), OPTIONAL),
  "on-error": ours("What an answer that is an error counts as", choice("deny", "ignore"), "deny"),
};

const FILE = object({
  type: page("Users in a file", choice("file"), REQUIRED),
  path: page("Users file, JSON or YAML", text(), REQUIRED),
  "hot-reload": also("The file is watched", boolean(), true),
  ...COMMON,
}, { snakeCase: true });

const KEY_SOURCES = ["secret", "jwks-url", "jwks-file", "public-key-file"] as const;

/** RFC 7518 section 3.2. Bytes cannot be counted by a pattern, but of ASCII they are characters. */
const HS256_KEY: TextForm = {
  name: "key",
  words: "at least 32 bytes",
  pattern: "^(?![\\x00-\\x7f]{0,31}$)",
};

const JWT = object({
  type: page("JSON Web Token in the password", choice("jwt"), REQUIRED),
  issuer: page("Required `iss`", text(), OPTIONAL),
  audience: page("Accepted `aud`, one of which must hold", list(text(), { minItems: 1 }), OPTIONAL),
  // RFC 7518 section 3.2: a key of the size of the hash or larger must be used, so 32 bytes for HS256.
  secret: page(
    "Shared secret for HS256, at least 32 bytes",
    text({ secret: true, check: checkSecret, form: HS256_KEY }),
    OPTIONAL,
  ),
  "jwks-url": also("Where the issuer publishes its keys", url(), OPTIONAL),
  "jwks-file": ours("Keys of the issuer in a file", text(), OPTIONAL),
  "public-key-file": ours("Public key of the issuer, PEM", text(), OPTIONAL),
  algorithms: ours(
    "Accepted signature algorithms; a `secret` alone means HS256",
    list(
      choice(
        "HS256",
        "HS384",
        "HS512",
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES384",
        "ES512",
        "EdDSA",
        "Ed25519",
      ),
      { minItems: 1, unique: true },
    ),
    OPTIONAL,
  ),
  "username-claim": page("Claim that holds the user name", text(), "sub"),
  "groups-claim": page("Claim that holds the groups", text(), "groups"),
  "client-id-claim": ours("Claim that holds the client id", text(), OPTIONAL),
  "acl-claim": ours("Claim that holds rules, which can only narrow", text(), OPTIONAL),
  "clock-skew-secs": ours("Seconds that clocks may differ", integer({ max: 3600 }), 30),
  "max-age-secs": ours("Seconds since `iat` after which a token is refused", integer({ min: 1 }), OPTIONAL),
  from: ours("Where the token is", choice("password", "username"), "password"),
  ...COMMON,
}, { snakeCase: true, check: oneKeySource, among: { keys: KEY_SOURCES, many: true } });

const HTTP = object({
  type: also("Asks a server, as EMQX's HTTP authenticator does", choice("http"), REQUIRED),
  url: also("Address of the server", url({ placeholders: "request" }), REQUIRED),
  "timeout-ms": also(
    "Milliseconds to wait for the answer, and never past the decision deadline",
    integer({ min: 1, max: 60_000 }),
    5000,
  ),
  headers: also("Headers of the request", map(text({ secret: true, minLength: 0 })), {}),
  method: ours("Method of the request", choice("POST", "GET"), "POST"),
  body: ours("Template of the body", json({ placeholders: "request" }), OPTIONAL),
  "tls-ca-file": ours("Certificates that the server's is checked by, PEM", text(), OPTIONAL),
  ...COMMON,
}, { snakeCase: true });

const CERTIFICATE = object({
  type: also("Client certificate, handed over by the proxy", choice("certificate"), REQUIRED),
  "extract-from": also(
    "Part of the certificate that is the user name",
    choice("common_name", "subject_alternative_name", "serial_number", "fingerprint"),
    "common_name",
  ),
  header: ours("Header of the upgrade request that holds the certificate or its subject", text(), REQUIRED),
  "trusted-ca-file": also("Certificates that the client's is checked by, PEM", text(), OPTIONAL),
  "allowed-fingerprints": also("SHA-256 fingerprints that may pass; absent: all", list(text()), OPTIONAL),
  ...COMMON,
}, { snakeCase: true });

export const PROVIDER = variants("type", { file: FILE, jwt: JWT, http: HTTP, certificate: CERTIFICATE });

const LOCKOUT = object({
  enabled: ours("Whether failures lock out", boolean(), true),
  failures: ours("Failures within the window that lock out", integer({ min: 1 }), 10),
  "window-secs": ours("Seconds that a failure counts", integer({ min: 1 }), 300),
  "ban-secs": ours("Seconds of the first lock, doubling up to an hour", integer({ min: 1 }), 300),
});

export const AUTH = object({
  enabled: page("Whether clients must prove who they are", boolean(), false),
  "allow-anonymous": page(
    "A CONNECT without user name and password may pass, in the group `anonymous`",
    boolean(),
    false,
  ),
  providers: page("Asked in order", keyedList(PROVIDER, { defaults: ["type"] }), []),
  "client-id-pattern": page("Regular expression that the whole client id must match", text(), OPTIONAL),
  "min-client-id-length": page("Fewest bytes of a client id", integer({ max: 65_535 }), 1),
  "max-client-id-length": page("Most bytes of a client id", integer({ min: 1, max: 65_535 }), 128),
  "allow-empty-client-id": ours(
    "Whether a client may let the broker choose its id; absent: when neither pattern nor minimum is set",
    boolean(),
    OPTIONAL,
  ),
  "client-id-binding": ours(
    "How the client id is bound to the proved name",
    choice("none", "username", "username-prefix", "claim"),
    "none",
  ),
  "username-mismatch": ours("A user name other than the proved one", choice("refuse", "allow"), "refuse"),
  "duplicate-client-id": ours(
    "Who may take over a live client id",
    choice("anyone", "same-identity", "nobody"),
    "same-identity",
  ),
  lockout: ours("Locks out who fails too often", LOCKOUT, FILLED),
  "cache-secs": ours("Seconds that a remote provider's answer holds; an error is never kept", integer(), 30),
  "trust-broker": ours("With authentication off: the broker's CONNACK proves the user name", boolean(), false),
  "min-bcrypt-cost": ours("Lower costs in a users file are refused", integer({ min: 4, max: 31 }), 4),
  "max-bcrypt-cost": ours("Higher costs in a users file are refused", integer({ min: 4, max: 31 }), 14),
  "enhanced-auth": ours(
    "MQTT 5 authentication methods let through to the broker",
    wordOrList("deny", list(text(), { unique: true })),
    "deny",
  ),
});

function checkSecret(value: string): string | null {
  return new TextEncoder().encode(value).length >= 32 ? null : "at least 32 bytes";
}

function oneKeySource(provider: Readonly<Record<string, unknown>>): Complaint | null {
  const given = KEY_SOURCES.filter((key) => provider[key] !== undefined);
  if (given.length > 0) return null;
  return { key: null, text: `one of "secret", "jwks-url", "jwks-file", "public-key-file" is missing` };
}

export type ProviderConfig = Infer<typeof PROVIDER>;
export type AuthConfig = Infer<typeof AUTH>;
