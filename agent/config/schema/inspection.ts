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
  object,
  OPTIONAL,
  ours,
  page,
  REQUIRED,
  text,
} from "../shape.ts";
import { filter } from "./text.ts";

const SEVERITY = choice("low", "medium", "high", "critical");

const CUSTOM_PATTERN = object({
  name: page("Name of the pattern", text({ maxLength: 256 }), REQUIRED),
  pattern: page("Regular expression, in linear time", text(), REQUIRED),
  severity: page("How bad a hit is", SEVERITY, "medium"),
  topics: ours("Only in messages of these topics", list(filter()), OPTIONAL),
  shadow: ours("Counted and audited, does not decide", boolean(), false),
});

const PATTERNS = object({
  sqli: page("SQL injection", boolean(), false),
  "command-injection": page("Shell commands and JNDI lookups", boolean(), false),
  "script-injection": page("Scripts, templates and expressions", boolean(), false),
  "path-traversal": page("Paths that climb", boolean(), false),
  "custom-patterns": page("Patterns of your own", keyedList(CUSTOM_PATTERN), []),
});

const JSON_SCHEMA = object({
  name: ours("Name in logs and messages", text(), OPTIONAL),
  "schema-file": page("JSON Schema, draft-07 or 2020-12", text(), OPTIONAL),
  schema: ours("The same, inline", json(), OPTIONAL),
  topics: page("Topics whose payload must fit", list(filter(), { minItems: 1 }), REQUIRED),
  "block-on-failure": page("False: audited only", boolean(), true),
}, { check: oneSchema, among: { keys: ["schema-file", "schema"], many: false } });

const JSON_LIMITS = object({
  "max-depth": ours("Deepest nesting of a JSON payload", integer({ min: 1, max: 1000 }), 32),
  "max-keys": ours("Most keys in the whole document", integer({ min: 1 }), 1000),
  "max-string": ours("Most bytes of one string, decoded", integer({ min: 1 }), 65_536),
  "duplicate-keys": ours("A key twice in one object", choice("deny", "allow"), "deny"),
  ["__proto__"]: ours("A key `__proto__`", choice("deny", "allow"), "deny"),
});

const VIEWS = ["json", "percent", "html", "base64", "unicode", "utf16", "gzip"] as const;
const PARTS = ["payload", "topic", "client-id", "username", "will", "user-properties", "response-topic"] as const;

export const INSPECTION = object({
  enabled: page("Whether payloads are inspected", boolean(), false),
  "max-payload-size": page("Most bytes of a payload; 0: unlimited", integer(), 262_144),
  oversize: ours("What becomes of a larger payload", choice("block", "skip"), "block"),
  patterns: page("What is searched for", PATTERNS, FILLED),
  "block-severity": ours("Hits below it are only audited", SEVERITY, "medium"),
  views: ours("Decoded forms that are searched too", list(choice(...VIEWS), { unique: true }), [...VIEWS]),
  "max-decoded-bytes": ours("Most bytes of all decoded forms of one payload", integer({ min: 1 }), 1_048_576),
  "max-depth": ours("Decoded forms within decoded forms", integer({ min: 1, max: 16 }), 3),
  "json-schema": page("Schemas that payloads must fit", keyedList(JSON_SCHEMA, { single: true }), []),
  "json-limits": ours("Bounds of JSON payloads", JSON_LIMITS, FILLED),
  "block-binary": also("A payload that is not UTF-8 is refused", boolean(), false),
  "exclude-topics": page("Topics free from patterns and schemas, not from sizes", list(filter()), []),
  "inspect-deliveries": ours("Payloads from the broker to the client too", boolean(), false),
  inspect: ours("Parts of a packet that are searched", list(choice(...PARTS), { unique: true }), [...PARTS]),
});

function oneSchema(entry: Readonly<Record<string, unknown>>): Complaint | null {
  const both = entry["schema-file"] !== undefined && entry["schema"] !== undefined;
  if (both) return { key: "schema", text: `only one of "schema-file" and "schema" can be given` };
  const none = entry["schema-file"] === undefined && entry["schema"] === undefined;
  return none ? { key: null, text: `one of "schema-file" and "schema" is missing` } : null;
}

export type InspectionConfig = Infer<typeof INSPECTION>;
