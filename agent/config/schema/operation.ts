import {
  boolean,
  choice,
  type Complaint,
  type Infer,
  integer,
  keyedList,
  list,
  map,
  number,
  object,
  OPTIONAL,
  ours,
  REQUIRED,
  text,
  type TextForm,
} from "../shape.ts";
import { date } from "./text.ts";

const MODE: TextForm = { name: "mode", words: "an octal mode like `0660`", pattern: "^0?[0-7]{3}$" };

const GRPC_TLS = object({
  "cert-file": ours("Certificate of the agent, PEM", text(), OPTIONAL),
  "key-file": ours("Its key, PEM", text(), OPTIONAL),
  "client-ca-file": ours("Certificates that the proxy's is checked by, PEM", text(), OPTIONAL),
});

const REVERSE = object({
  name: ours("Name in logs and messages", text(), OPTIONAL),
  socket: ours("Unix socket of the proxy", text(), REQUIRED),
  token: ours("What the proxy knows the agent by", text({ secret: true }), OPTIONAL),
});

export const AGENT = object({
  socket: ours("Unix socket that is served", text(), "/tmp/sentinel-mqtt-agent.sock"),
  "socket-mode": ours("Its permissions, octal", text({ check: checkMode, form: MODE }), "0660"),
  broker: ours("Address of the broker, probed for health", text(), OPTIONAL),
  "grpc-address": ours("Address on which gRPC is served", text(), OPTIONAL),
  "grpc-tls": ours("TLS of the gRPC listener", GRPC_TLS, OPTIONAL),
  reverse: ours("Proxies that the agent dials", keyedList(REVERSE), []),
  "max-connections": ours("Most connections of proxies", integer({ min: 1 }), OPTIONAL),
});

const ADMIN_TLS = object({
  "cert-file": ours("Certificate of the console, PEM", text(), OPTIONAL),
  "key-file": ours("Its key, PEM", text(), OPTIONAL),
});

export const ADMIN = object({
  enabled: ours("Whether there is a console", boolean(), true),
  address: ours("Address on which it is served", text(), "127.0.0.1:9780"),
  "users-file": ours("Who may use it", text(), OPTIONAL),
  tls: ours("TLS of the console", ADMIN_TLS, OPTIONAL),
  "allowed-hosts": ours("Names by which it may be called", list(text()), []),
  roles: ours("Users to what they may do", map(choice("viewer", "operator", "editor")), {}),
  "read-only": ours("Nothing can be changed in it", boolean(), false),
  "session-hours": ours("Hours that a login holds", number({ above: true, max: 8760 }), 12),
  "metrics-public": ours("Metrics need no login", boolean(), false),
  insecure: ours("Plain HTTP off loopback", boolean(), false),
});

export const AUTO_BAN = object({
  refusals: ours("Refusals within the window that ban", integer({ min: 1 }), OPTIONAL),
  "window-secs": ours("Seconds that a refusal counts", integer({ min: 1 }), OPTIONAL),
  "ban-secs": ours("Seconds that a ban holds", integer({ min: 1 }), OPTIONAL),
  by: ours("What is banned", choice("client-id", "username", "client-ip"), OPTIONAL),
  reasons: ours("Reason codes that count; absent: all", list(text()), OPTIONAL),
  shadow: ours("Counted and audited, does not ban", boolean(), OPTIONAL),
});

const BANNED = ["client-id", "username", "client-ip", "client-id-regex", "username-regex"] as const;

const BAN = object({
  name: ours("Name in logs and messages", text(), OPTIONAL),
  "client-id": ours("Client id that is banned", text(), OPTIONAL),
  username: ours("User name that is banned", text(), OPTIONAL),
  "client-ip": ours("Address or CIDR range that is banned", text(), OPTIONAL),
  "client-id-regex": ours("Regular expression that is searched for in client ids", text(), OPTIONAL),
  "username-regex": ours("Regular expression that is searched for in user names", text(), OPTIONAL),
  until: ours("End of the ban; absent: none", date(), OPTIONAL),
  description: ours("For people", text({ minLength: 0 }), OPTIONAL),
}, { check: oneBanned, among: { keys: BANNED, many: false } });

export const BANS = keyedList(BAN);

export const AUDIT = object({
  "memory-events": ours("Most events kept in memory", integer({ max: 10_000_000 }), 10_000),
  database: ours("SQLite file; absent: memory only", text(), OPTIONAL),
  "retention-days": ours("Days that events are kept", number({ above: true, max: 36_500 }), 7),
  "max-bytes": ours("Most bytes of the database", integer({ min: 1 }), OPTIONAL),
  "sample-allowed": ours("Share of allowed packets that are kept", number({ max: 1 }), 0.01),
  "log-file": ours("NDJSON file, rotated", text(), OPTIONAL),
  redact: ours("What is not written", list(choice("client-id", "topic", "username", "payload"), { unique: true }), []),
  "keep-payload-bytes": ours("First bytes of a payload that are kept; 0: none", integer({ max: 1_048_576 }), 0),
});

function checkMode(value: string): string | null {
  return /^0?[0-7]{3}$/.test(value) ? null : `a mode like "0660"`;
}

function oneBanned(ban: Readonly<Record<string, unknown>>): Complaint | null {
  const given = BANNED.filter((key) => ban[key] !== undefined);
  if (given.length === 1) return null;
  if (given.length === 0) return { key: null, text: `one of ${BANNED.map((key) => `"${key}"`).join(", ")} is missing` };
  return {
    key: given[1] ?? null,
    text: `only one of ${BANNED.map((key) => `"${key}"`).join(", ")} can be banned at once`,
  };
}

export type AgentConfig = Infer<typeof AGENT>;
export type AdminConfig = Infer<typeof ADMIN>;
export type AutoBanConfig = Infer<typeof AUTO_BAN>;
export type BansConfig = Infer<typeof BANS>;
export type AuditConfig = Infer<typeof AUDIT>;
