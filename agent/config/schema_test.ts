import { deepEqual, equal, ok } from "node:assert/strict";
import { conform } from "./conform.ts";
import { ConfigDocument } from "./document.ts";
import { fillDefaults } from "./merge.ts";
import { NOT_YET } from "./not_yet.ts";
import { RULES_FILE } from "./schema/acl.ts";
import { CONFIG } from "./schema/config.ts";
import { type AnyShape, FILLED, Implied, OPTIONAL, type Property, REQUIRED } from "./shape.ts";

/** Every key of the reference (config.md), by the section it is in. `P` also accepted, `S` of the page, `+` ours. */
const REFERENCE: Readonly<Record<string, string>> = {
  "": "S auth acl inspection rate-limit qos retained general + agent admin auto-ban bans audit profile",
  auth: "S enabled allow-anonymous providers client-id-pattern min-client-id-length max-client-id-length " +
    "+ allow-empty-client-id client-id-binding username-mismatch duplicate-client-id lockout cache-secs trust-broker " +
    "min-bcrypt-cost max-bcrypt-cost enhanced-auth",
  "auth.lockout": "+ enabled failures window-secs ban-secs",
  "auth.providers[].file": "S type path P hot-reload + name on-error",
  "auth.providers[].jwt": "S type issuer audience secret username-claim groups-claim P jwks-url + jwks-file " +
    "public-key-file algorithms client-id-claim acl-claim clock-skew-secs max-age-secs from name on-error",
  "auth.providers[].http": "P type url timeout-ms headers + method body tls-ca-file name on-error",
  "auth.providers[].certificate": "P type extract-from trusted-ca-file allowed-fingerprints + header name on-error",
  acl: "S default-action rules P enabled rules-file cache-decisions + groups deny-action wildcard-subscriptions " +
    "dollar-topics unwrap check-deliveries check-response-topic forbid-characters on-revoked-subscription tests",
  "acl.rules[]": "S name match topics actions decision max-qos priority + retain literal shadow deny-action expires " +
    "description wildcards",
  "acl.rules[].match": "S username username-regex client-id client-id-regex client-ip groups protocol-version " +
    "+ attributes route-id",
  "acl.tests[]": "+ name as publish subscribe receive qos retain expect rule",
  "acl.tests[].as": "+ username client-id groups ip protocol-version",
  inspection:
    "S enabled max-payload-size patterns json-schema exclude-topics P block-binary + oversize block-severity " +
    "views max-decoded-bytes max-depth json-limits inspect-deliveries inspect",
  "inspection.patterns": "S sqli command-injection script-injection path-traversal custom-patterns",
  "inspection.patterns.custom-patterns[]": "S name pattern severity + topics shadow",
  "inspection.json-schema[]": "S schema-file topics block-on-failure + schema name",
  "inspection.json-limits": "+ max-depth max-keys max-string duplicate-keys __proto__",
  "rate-limit":
    "S enabled per-client per-topic key-by P global + connect subscribe control auth-failures max-keys store",
  "rate-limit.per-client": "S messages-per-second bytes-per-second burst + burst-bytes quota action shadow",
  "rate-limit.per-client.quota[]": "+ messages bytes per name",
  "rate-limit.per-topic[]": "S topic limit + scope name",
  qos: "S enabled max-qos downgrade per-topic + downgrade-subscribe",
  "qos.per-topic[]": "S topic max-qos + name",
  retained: "S enabled allow-retained allowed-topics blocked-topics max-size",
  general: "S block-mode fail-open log-packets protocol-versions P max-connections-per-ip connect-timeout-secs " +
    "+ decision-deadline-ms max-packet-size max-topic-levels max-topic-bytes max-subscriptions " +
    "max-filters-per-subscribe max-keep-alive-secs max-session-expiry-secs max-will-delay-secs session-idle-secs " +
    "max-sessions max-unanswered require-upgrade-event shared-subscriptions retained-messages " +
    "subscription-identifiers topic-aliases mixed-frames allowed-origins websocket-extensions subprotocols routes",
  agent: "+ socket socket-mode broker grpc-address grpc-tls reverse max-connections",
  "agent.grpc-tls": "+ cert-file key-file client-ca-file",
  "agent.reverse[]": "+ socket token name",
  admin: "+ enabled address users-file tls allowed-hosts roles read-only session-hours metrics-public insecure",
  "auto-ban": "+ refusals window-secs ban-secs by reasons shadow",
  audit: "+ memory-events database retention-days max-bytes sample-allowed log-file redact keep-payload-bytes",
};

const MARKS: Readonly<Record<string, string>> = { page: "S", also: "P", ours: "+" };

interface Visited {
  readonly where: string;
  readonly key: string;
  readonly property: Property;
  readonly inList: boolean;
}

/** Every property of a shape, with the section that it is in. */
function* properties(shape: AnyShape, where: string, inList: boolean): Generator<Visited> {
  switch (shape.kind) {
    case "object":
      for (const [key, property] of shape.properties) {
        yield { where, key, property, inList };
        yield* properties(property.shape, where === "" ? key : `${where}.${key}`, inList);
      }
      break;
    case "list":
      yield* properties(shape.item, `${where}[]`, true);
      break;
    case "map":
      yield* properties(shape.value, `${where}{}`, true);
      break;
    case "variants":
      for (const [name, variant] of shape.cases) yield* properties(variant, `${where}.${name}`, inList);
      break;
  }
}

Deno.test("the schema has every key of the reference with its mark", () => {
  const sections = new Map<string, Map<string, string>>();
  for (const { where, key, property } of properties(CONFIG, "", false)) {
    const section = sections.get(where) ?? new Map<string, string>();
    sections.set(where, section.set(key, MARKS[property.mark] ?? ""));
  }
  for (const [where, line] of Object.entries(REFERENCE)) {
    const expected = new Map<string, string>();
    let mark = "";
    for (const word of line.split(" ")) {
      if (word === "S" || word === "P" || word === "+") mark = word;
      else expected.set(word, mark);
    }
    deepEqual(new Map([...sections.get(where) ?? []].sort()), new Map([...expected].sort()), where);
  }
});

Deno.test("every key has a description of one line", () => {
  for (const { where, key, property } of properties(CONFIG, "", false)) {
    ok(/^[^\n]{3,120}$/.test(property.description), `${where}.${key}`);
    ok(!property.description.endsWith("."), `${where}.${key}`);
  }
});

Deno.test("nothing is required outside of lists, where layers are still to be merged", () => {
  for (const { where, key, property, inList } of properties(CONFIG, "", false)) {
    ok(inList || property.fallback !== REQUIRED, `${where}.${key}`);
  }
});

Deno.test("every default is a value that its key accepts", () => {
  for (const { where, key, property } of properties(CONFIG, "", false)) {
    const { fallback, shape } = property;
    if (fallback === FILLED || fallback === OPTIONAL || fallback === REQUIRED) continue;
    const value = fallback instanceof Implied ? fallback.value : fallback;
    const { findings } = conform(shape, ConfigDocument.ofValue("default", value), () => undefined, new Map());
    deepEqual(findings, [], `${where}.${key}`);
  }
});

Deno.test("the effective defaults are themselves a configuration", () => {
  const defaults = fillDefaults(CONFIG, {});
  const again = conform(CONFIG, ConfigDocument.ofValue("defaults", defaults), () => undefined, new Map());
  deepEqual(again.findings, []);
  equal(JSON.stringify(fillDefaults(CONFIG, again.value)), JSON.stringify(defaults));
});

Deno.test("a rule takes no default in, so that 100,000 need not be copied", () => {
  for (const { where, key, property } of properties(RULES_FILE, "", false)) {
    const { fallback } = property;
    if (!where.startsWith("rules[]")) continue;
    ok(fallback === REQUIRED || fallback === OPTIONAL || fallback instanceof Implied, `${where}.${key}`);
  }
});

Deno.test("what is not built yet is a key of the schema", () => {
  const known = new Set(
    [...properties(CONFIG, "", false)].map(({ where, key }) => where === "" ? key : `${where}.${key}`),
  );
  for (const path of NOT_YET.keys()) ok(known.has(path), path);
});
