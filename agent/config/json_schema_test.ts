import { deepEqual, equal, ok } from "node:assert/strict";
// deno-lint-ignore no-import-prefix
import { Ajv2020 } from "ajv/dist/2020.js";
import { conform } from "./conform.ts";
import { ConfigDocument } from "./document.ts";
import { parseJsonc } from "./jsonc.ts";
import { configSchema } from "./json_schema.ts";
import { loadConfig } from "./load.ts";
import { CONFIG } from "./schema/config.ts";
import { type AnyShape, REQUIRED } from "./shape.ts";

const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, allErrors: true });
ajv.addVocabulary(["allowComments", "allowTrailingCommas"]);
const fits = ajv.compile(configSchema());

const VARIABLES: Readonly<Record<string, string>> = {
  SITE: "north",
  JWT_SECRET: "x".repeat(32),
  DECISION: "allow",
  DATE: "2027-01-31",
  ORIGIN: "any",
};
const env = (name: string) => VARIABLES[name];

function valueOf(text: string): unknown {
  const parsed = parseJsonc(text);
  ok("value" in parsed, text);
  return parsed.value;
}

/** Whatever file is named. */
const aSchema = () => ({ text: "{}" });

/** What is wrong with a configuration by itself, all of it built. */
function faults(text: string): string[] {
  const loaded = loadConfig({ file: { path: "gate.json", text }, env, read: aSchema, notYet: new Map() });
  return "problems" in loaded ? loaded.problems.map(({ message }) => message) : [];
}

function accepts(text: string, what = text): void {
  deepEqual(faults(text), [], what);
  ok(fits(valueOf(text)), `${what}: ${JSON.stringify(fits.errors, null, 1)}`);
}

Deno.test("every example of the product page is accepted", () => {
  const folder = new URL("testdata/", import.meta.url);
  let examples = 0;
  for (const { name } of Deno.readDirSync(folder)) {
    if (!name.startsWith("page_")) continue;
    examples++;
    accepts(Deno.readTextFileSync(new URL(name, folder)), name);
  }
  equal(examples, 7);
});

Deno.test("every configuration of the vectors is accepted", () => {
  const configs = JSON.parse(Deno.readTextFileSync(new URL("../../tests/vectors/configs.json", import.meta.url)));
  ok(Object.keys(configs).length > 5);
  for (const [name, config] of Object.entries(configs)) accepts(JSON.stringify(config), name);
});

/** Ways of writing that the loader takes, all of them. */
const FORMS: Readonly<Record<string, unknown>> = {
  "nothing": {},
  "the schema that an editor completes it by": { $schema: "./config/schema.json" },
  "snake case where the page or the Rust agent has it": {
    acl: { default_action: "allow", rules: [{ name: "a", decision: "deny", max_qos: 1, topics: ["a"] }] },
    rate_limit: { per_client: { messages_per_second: 0.5 } },
    general: { block_mode: true, max_connections_per_ip: 4 },
    qos: { per_topic: [{ topic: "a", max_qos: 0 }] },
  },
  "snake case of our keys, in a provider": {
    auth: { providers: [{ type: "jwt", jwks_url: "https://a", on_error: "ignore", clock_skew_secs: 3 }] },
  },
  "a list of one as a text or number": {
    acl: {
      rules: [{
        name: "a",
        decision: "allow",
        topics: "a/#",
        actions: "publish",
        match: { groups: "g", "client-ip": "::1", "protocol-version": 5 },
      }],
      groups: { operators: "ada" },
      unwrap: "$queue/",
    },
    general: { "protocol-versions": "5.0", routes: "r", "allowed-origins": "any", subprotocols: [] },
  },
  "a list of objects keyed by name": {
    acl: {
      rules: { a: { decision: "deny", topics: "a" }, b: { name: "b", decision: "allow", topics: "b", priority: 7 } },
      tests: { t: { publish: "a", expect: "deny", priority: -1 } },
    },
    auth: {
      providers: { file: { path: "u" }, sso: { type: "jwt", "jwks-file": "k", priority: 1 }, jwt: { jwks_file: "k" } },
    },
    "rate-limit": {
      "per-topic": {
        "low/#": { limit: { quota: { daily: { messages: 1, per: "day" } } } },
        named: { topic: "high/#", limit: { bytes_per_second: 1 } },
      },
      "per-client": { quota: { daily: { messages: 5, per: "day" } } },
    },
    qos: { "per-topic": { "realtime/#": { max_qos: 0 } } },
    bans: { bad: { username: "mallory" } },
  },
  "json-schema as one entry": { inspection: { "json-schema": { "schema-file": "s", topics: "a" } } },
  "json-schema as a list": { inspection: { json_schema: [{ schema: { type: "object" }, topics: ["a"] }] } },
  "json-schema keyed by name": { inspection: { "json-schema": { x: { schema_file: "s", topics: "a", priority: 2 } } } },
  "a time with its zone": {
    bans: [{ username: "u", until: "2027-01-31T12:00:00Z" }, { username: "v", until: "2027-01-31T12:00+02:00" }],
  },
  "a word, or a list": { auth: { "enhanced-auth": "deny" } },
  "a word, or a list of one": { auth: { "enhanced-auth": "SCRAM-SHA-256" } },
  "a word, or a list of many": { auth: { "enhanced-auth": ["SCRAM-SHA-256", "K"] } },
  "a key that every object has": { inspection: { "json-limits": JSON.parse('{ "__proto__": "allow" }') } },
  "values of the environment": {
    acl: {
      "default-action": "${DECISION}",
      rules: [{ name: "${SITE}", decision: "${NONE:-deny}", topics: "${SITE}/${clientid}", expires: "${DATE}" }],
    },
    auth: { providers: [{ type: "jwt", secret: "${JWT_SECRET}" }, { type: "http", url: "${NONE:-http://a}" }] },
    general: { "allowed-origins": "${ORIGIN}", subprotocols: ["${SITE}"] },
    agent: { "socket-mode": "${NONE:-0600}" },
  },
  "a long name that becomes short": { acl: { rules: [{ name: `\${${"N".repeat(300)}:-a}`, decision: "deny" }] } },
};

for (const [name, config] of Object.entries(FORMS)) {
  Deno.test(`accepted: ${name}`, () => accepts(JSON.stringify(config)));
}

Deno.test("comments and trailing commas are for the editor to allow", () => {
  const { allowComments, allowTrailingCommas } = configSchema();
  deepEqual([allowComments, allowTrailingCommas], [true, true]);
});

const RULE = { name: "a", decision: "deny", topics: ["a"] };

/** What one value is refused for by itself: by the loader, and so by the schema. */
const REFUSED: Readonly<Record<string, unknown>> = {
  "no object": [],
  "an unknown section": { whatever: {} },
  "an unknown key": { acl: { ruls: [] } },
  "an unknown key in a rule": { acl: { rules: [{ ...RULE, "max-qoss": 1 }] } },
  "an unknown key in a keyed rule": { acl: { rules: { a: { decision: "deny", nope: 1 } } } },
  "snake case of a key that is only ours": { general: { max_packet_size: 5 } },
  "both spellings": { acl: { default_action: "deny", "default-action": "deny" } },
  "both spellings in a provider": {
    auth: { providers: [{ type: "file", path: "u", on_error: "deny", "on-error": "deny" }] },
  },
  "a section that is a list": { acl: [] },
  "a boolean as text": { acl: { enabled: "yes" } },
  "null": { acl: { enabled: null } },
  "a number as text": { general: { "max-sessions": "5" } },
  "a fraction": { general: { "max-sessions": 1.5 } },
  "a number below": { general: { "max-packet-size": 1 } },
  "a number above": { general: { "max-packet-size": 268435461 } },
  "a number at an open bound": { "rate-limit": { "per-client": { "messages-per-second": 0 } } },
  "a number beyond whole numbers": { general: { "max-subscriptions": 1e300 } },
  "no list and no text": { acl: { rules: [{ ...RULE, topics: true }] } },
  "a list in a list": { acl: { rules: [{ ...RULE, topics: [["a"]] }] } },
  "a number in a list of texts": { acl: { rules: [{ ...RULE, topics: ["a", 1] }] } },
  "a list where entries are keyed": { acl: { groups: ["a"] } },
  "a text for a list of objects": { acl: { rules: "a" } },
  "a keyed entry that is no object": { acl: { rules: { a: true } } },
  "an empty list": { general: { "protocol-versions": [] } },
  "a value twice": { general: { "protocol-versions": ["5.0", "5.0"] } },
  "none of the words": { acl: { "default-action": "alow" } },
  "a number for a word": { general: { "protocol-versions": [5.0] } },
  "a word for a number": { qos: { "max-qos": "1" } },
  "a number of the environment": { qos: { "max-qos": "${QOS:-1}" } },
  "none of the numbers": { acl: { rules: [{ ...RULE, match: { "protocol-version": [5, 6] } }] } },
  "an empty text": { acl: { rules: [{ ...RULE, name: "" }] } },
  "a text that is too long": { acl: { rules: [{ ...RULE, name: "a".repeat(257) }] } },
  "a date of another form": { acl: { rules: [{ ...RULE, expires: "31.1.2027" }] } },
  "a time without zone": { acl: { rules: [{ ...RULE, expires: "2027-01-31T12:00:00" }] } },
  "U+0000 in a topic": { acl: { rules: [{ ...RULE, topics: "a\0" }] } },
  "U+0000 in a user name": { acl: { rules: [{ ...RULE, match: { username: "a\0" } }] } },
  "an origin without scheme": { general: { "allowed-origins": ["example.com"] } },
  "an origin with a path": { general: { "allowed-origins": "https://example.com/" } },
  "an origin in capitals": { general: { "allowed-origins": "https://Example.com" } },
  "two subprotocols in one text": { general: { subprotocols: "mqtt, mqttv3.1" } },
  "a mode that is none": { agent: { "socket-mode": "rw" } },
  "no address": { auth: { providers: [{ type: "http", url: "ftp://a" }] } },
  "a short secret": { auth: { providers: [{ type: "jwt", secret: "short" }] } },
  "a provider without type": { auth: { providers: [{ path: "u" }] } },
  "a provider of an unknown type": { auth: { providers: [{ type: "ldap" }] } },
  "a keyed provider without type": { auth: { providers: { sso: { "jwks-file": "k" } } } },
  "a key of another provider": { auth: { providers: [{ type: "file", path: "u", issuer: "x" }] } },
  "a key of another provider, keyed": { auth: { providers: { file: { path: "u", issuer: "x" } } } },
  "a provider without its file": { auth: { providers: { file: {} } } },
  "a token provider without key": { auth: { providers: [{ type: "jwt", issuer: "x" }] } },
  "a rule without name": { acl: { rules: [{ decision: "deny", topics: ["a"] }] } },
  "a rule without decision": { acl: { rules: [{ name: "a", topics: ["a"] }] } },
  "a keyed rule without decision": { acl: { rules: { a: { topics: ["a"] } } } },
  "a test of nothing": { acl: { tests: [{ name: "t", expect: "deny" }] } },
  "a test of two deeds": { acl: { tests: [{ name: "t", expect: "deny", publish: "a", receive: "a" }] } },
  "a maximum without maximum": { qos: { "per-topic": [{ topic: "a" }] } },
  "a priority in a list where none is": { qos: { "per-topic": [{ topic: "a", "max-qos": 1, priority: 1 }] } },
  "a priority that is no whole number": { qos: { "per-topic": { a: { "max-qos": 1, priority: 1.5 } } } },
  "a schema without topics": { inspection: { "json-schema": { "schema-file": "s" } } },
  "a schema in a list without topics": { inspection: { "json-schema": [{ "schema-file": "s" }] } },
  "two schemas in one": { inspection: { "json-schema": { "schema-file": "s", schema: {}, topics: "a" } } },
  "a word in a list that is one word": { auth: { "enhanced-auth": ["deny"] } },
  "a quota of both": { "rate-limit": { global: { quota: [{ per: "day", messages: 1, bytes: 1 }] } } },
  "a ban of nobody": { bans: [{ description: "x" }] },
  "a header that is no text": { auth: { providers: [{ type: "http", url: "http://a", headers: { a: 5 } }] } },
};

for (const [name, config] of Object.entries(REFUSED)) {
  Deno.test(`refused by loader and schema: ${name}`, () => {
    const text = JSON.stringify(config);
    ok(faults(text).length > 0, "the loader accepts it");
    ok(!fits(valueOf(text)), "the schema accepts it");
  });
}

Deno.test("what is not built yet is said where it is described", () => {
  const { $defs } = configSchema(new Map([["qos.enabled", { words: "no QoS yet", unless: false }]])) as {
    $defs: Record<string, { properties: Record<string, { description: string }> }>;
  };
  equal(
    $defs["qos"]?.properties["enabled"]?.description,
    "Whether QoS is limited. Not yet: only false is accepted, since no QoS yet",
  );
  equal($defs["qos"]?.properties["downgrade"]?.description.includes("Not yet"), false);
});

/** Numbers of a fixed sequence (mulberry32): what fails fails again. */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const TEXTS = [
  "a",
  "",
  "a/#",
  "${SITE}",
  "${clientid}",
  "2027-01-31",
  "https://a",
  "0660",
  "any",
  "x".repeat(40),
  "x".repeat(300),
  "a\0",
];
const ODD: readonly unknown[] = [null, true, -1, 0, 1, 2.5, 1e300, [], {}, "a", ["a"], [1], { a: 1 }, { a: {} }];

/** A value of the shape, with luck one that the loader takes, in any of the ways to write it. */
function sample(shape: AnyShape, next: () => number): unknown {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
  if (next() < 0.02) return pick(ODD);
  switch (shape.kind) {
    case "boolean":
      return next() < 0.5;
    case "number":
      return pick([shape.min, shape.min + 1, Math.min(shape.max, 50), shape.min - 1, shape.max + 1]);
    case "text":
      return pick(TEXTS);
    case "choice":
      return next() < 0.95 ? pick(shape.values) : pick(["${DECISION}", "nope"]);
    case "list": {
      const entries = Array.from({ length: Math.floor(next() * 3) }, () => sample(shape.item, next));
      if (shape.keyed === null) return next() < 0.3 ? sample(shape.item, next) : entries;
      if (shape.keyed.single && next() < 0.3) return sample(shape.item, next);
      if (next() < 0.5) return entries;
      return Object.fromEntries(entries.map((entry) => {
        if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return ["x", entry];
        const { [shape.keyed?.name ?? ""]: _, ...rest } = entry as Record<string, unknown>;
        return [pick(["a", "b", "file", "jwt"]), next() < 0.2 ? { ...rest, priority: 1 } : rest];
      }));
    }
    case "object": {
      const made: Record<string, unknown> = {};
      for (const { key, property } of shape.keys) {
        if (property.fallback !== REQUIRED && next() > 3 / shape.keys.length) continue;
        if (property.fallback === REQUIRED && next() < 0.03) continue;
        const snake = key.replaceAll("-", "_");
        made[next() < 0.2 && shape.spellings.has(snake) ? snake : key] = sample(property.shape, next);
      }
      return made;
    }
    case "map":
      return Object.fromEntries([["k", sample(shape.value, next)]]);
    case "variants": {
      const [name, variant] = pick([...shape.cases]);
      const made = sample(variant, next);
      return typeof made === "object" && made !== null && next() < 0.9 ? { ...made, [shape.tag]: name } : made;
    }
    case "word-or-list":
      return next() < 0.5 ? shape.word : sample(shape.list, next);
    case "json":
      return pick([{ a: ["${clientid}"] }, "a", 1]);
    default:
      return shape satisfies never;
  }
}

Deno.test("20,000 configurations at random: what the loader accepts the schema accepts", () => {
  const next = random(20_260_601);
  let accepted = 0;
  let refusedByBoth = 0;
  for (let run = 0; run < 20_000; run++) {
    const section = [...CONFIG.keys][Math.floor(next() * CONFIG.keys.length)];
    ok(section !== undefined);
    const value = { [section.key]: sample(section.property.shape, next) };
    const { findings } = conform(CONFIG, ConfigDocument.ofValue("it", structuredClone(value)), env, new Map());
    const fit = fits(value);
    if (findings.length === 0) {
      accepted++;
      ok(fit, `${JSON.stringify(value)}: ${JSON.stringify(fits.errors)}`);
    } else if (!fit) refusedByBoth++;
  }
  ok(accepted > 2000 && refusedByBoth > 2000, `${accepted} accepted, ${refusedByBoth} refused by both`);
});
