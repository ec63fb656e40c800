import { deepEqual, equal, ok } from "node:assert/strict";
import { loadConfig } from "./load.ts";
import type { Config } from "./schema/config.ts";

const VARIABLES: Readonly<Record<string, string>> = { SITE: "north", JWT_SECRET: "x".repeat(32) };
const env = (name: string) => VARIABLES[name];

/** The effective configuration of a file, with everything built. */
function load(value: unknown): Config {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const loaded = loadConfig({
    file: { path: "gate.json", text },
    env,
    read: () => ({ text: "{}" }),
    notYet: new Map(),
  });
  ok("config" in loaded, "problems" in loaded ? loaded.problems.map(({ message }) => message).join("\n") : "");
  return loaded.config;
}

/** Without prototypes, which a map has none of. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

Deno.test("snake case means the same in keys of the page, of the Rust agent, and in providers", () => {
  const { acl, auth, general, ...others } = load({
    acl: {
      default_action: "allow",
      rules_file: undefined,
      cache_decisions: false,
      rules: [{
        name: "a",
        decision: "deny",
        max_qos: 1,
        match: { username_regex: "a", client_id: "b", client_id_regex: "c", client_ip: "::1", protocol_version: 4 },
      }],
    },
    auth: {
      allow_anonymous: true,
      client_id_pattern: "x",
      min_client_id_length: 2,
      max_client_id_length: 3,
      providers: [
        {
          type: "jwt",
          jwks_url: "https://a",
          username_claim: "u",
          groups_claim: "g",
          clock_skew_secs: 5,
          on_error: "ignore",
        },
        { type: "certificate", extract_from: "fingerprint", header: "x", trusted_ca_file: "f" },
        { type: "http", url: "http://a", timeout_ms: 7 },
        { type: "file", path: "p", hot_reload: false },
      ],
    },
    general: { block_mode: false, fail_open: true, protocol_versions: "3.1", max_connections_per_ip: 4 },
    rate_limit: { per_client: { messages_per_second: 1 }, per_topic: [], key_by: "client_ip" },
    inspection: { max_payload_size: 5, patterns: { command_injection: true, custom_patterns: [] }, block_binary: true },
    qos: { max_qos: 0 },
    retained: { allow_retained: false, max_size: 9 },
  });
  deepEqual([acl["default-action"], acl["cache-decisions"]], ["allow", false]);
  deepEqual(plain(acl.rules), [{
    name: "a",
    match: {
      "username-regex": "a",
      "client-id": "b",
      "client-id-regex": "c",
      "client-ip": ["::1"],
      "protocol-version": [4],
    },
    decision: "deny",
    "max-qos": 1,
  }]);
  deepEqual([auth["allow-anonymous"], auth["client-id-pattern"], auth["max-client-id-length"]], [true, "x", 3]);
  const [jwt, certificate, http, file] = auth.providers;
  ok(jwt?.type === "jwt" && certificate?.type === "certificate" && http?.type === "http" && file?.type === "file");
  deepEqual([jwt["jwks-url"], jwt["username-claim"], jwt["clock-skew-secs"], jwt["on-error"]], [
    "https://a",
    "u",
    5,
    "ignore",
  ]);
  deepEqual([certificate["extract-from"], http["timeout-ms"], file["hot-reload"]], ["fingerprint", 7, false]);
  deepEqual([general["block-mode"], general["fail-open"], general["max-connections-per-ip"]], [false, true, 4]);
  deepEqual([others["rate-limit"]["key-by"], others.qos["max-qos"], others.retained["max-size"]], ["client_ip", 0, 9]);
  deepEqual([others.inspection["max-payload-size"], others.inspection.patterns["command-injection"]], [5, true]);
});

Deno.test("a list of one may be written as a text or number", () => {
  const { acl, general, auth, retained } = load({
    acl: {
      rules: {
        a: { topics: "x/#", actions: "publish", decision: "allow", match: { groups: "g", "protocol-version": 5 } },
      },
      groups: { operators: "alice" },
      unwrap: "$queue/",
    },
    general: { "allowed-origins": "any", subprotocols: "mqtt", "protocol-versions": "5.0", routes: "r" },
    auth: { "enhanced-auth": "SCRAM-SHA-256", providers: { jwt: { audience: "a", secret: "${JWT_SECRET}" } } },
    retained: { allowed_topics: "config/#" },
  });
  deepEqual(plain(acl.rules), [{
    name: "a",
    match: { groups: ["g"], "protocol-version": [5] },
    topics: ["x/#"],
    actions: ["publish"],
    decision: "allow",
  }]);
  deepEqual(plain(acl.groups), { operators: ["alice"] });
  deepEqual(acl.unwrap, ["$queue/"]);
  deepEqual([general["allowed-origins"], general.subprotocols, general["protocol-versions"], general.routes], [
    ["any"],
    ["mqtt"],
    ["5.0"],
    ["r"],
  ]);
  deepEqual(auth["enhanced-auth"], ["SCRAM-SHA-256"]);
  ok(auth.providers[0]?.type === "jwt");
  deepEqual([auth.providers[0].audience, auth.providers[0].secret], [["a"], "x".repeat(32)]);
  deepEqual(retained["allowed-topics"], ["config/#"]);
  equal(load({ auth: { "enhanced-auth": "deny" } }).auth["enhanced-auth"], "deny");
});

Deno.test("a list of objects may be an object keyed by name: by priority, then by name", () => {
  const config = load({
    acl: {
      rules: {
        b: { decision: "deny", topics: "b" },
        a: { decision: "deny", topics: "a", name: "a" },
        first: { decision: "allow", topics: "f", priority: 7 },
        __proto: { decision: "allow", topics: "p" },
      },
      tests: { second: { publish: "a", expect: "deny", priority: -1 }, then: { publish: "b", expect: "deny" } },
    },
    auth: { providers: { file: { path: "u" }, sso: { type: "jwt", "jwks-file": "k", priority: 1 } } },
    "rate-limit": {
      "per-topic": {
        "low/#": { limit: { "messages-per-second": 1 } },
        named: { topic: "high/#", limit: { "messages-per-second": 2 } },
      },
      "per-client": { quota: { daily: { messages: 5, per: "day" } } },
    },
    qos: { "per-topic": { "realtime/#": { "max-qos": 0 } } },
    inspection: {
      patterns: { "custom-patterns": { key: { pattern: "x" } } },
      "json-schema": {
        sensors: { "schema-file": "/s", topics: "a" },
        boilers: { schema: { type: "object" }, topics: "b" },
      },
    },
    agent: { reverse: { left: { socket: "/tmp/l" } } },
    bans: { bad: { username: "mallory" } },
  });
  deepEqual(config.acl.rules.map(({ name, priority }) => [name, priority]), [
    ["first", 7],
    ["__proto", undefined],
    ["a", undefined],
    ["b", undefined],
  ]);
  deepEqual(config.acl.tests.map(({ name }) => name), ["then", "second"]);
  deepEqual(config.auth.providers.map(({ name, type }) => [name, type]), [["sso", "jwt"], ["file", "file"]]);
  deepEqual(config["rate-limit"]["per-topic"].map(({ name, topic }) => [name, topic]), [
    ["low/#", "low/#"],
    ["named", "high/#"],
  ]);
  deepEqual(config["rate-limit"]["per-client"]?.quota, [{ name: "daily", messages: 5, per: "day" }]);
  deepEqual(config.qos["per-topic"], [{ name: "realtime/#", topic: "realtime/#", "max-qos": 0 }]);
  deepEqual(config.inspection.patterns["custom-patterns"], [
    { name: "key", pattern: "x", severity: "medium", shadow: false },
  ]);
  deepEqual(config.inspection["json-schema"].map(({ name }) => name), ["boilers", "sensors"]);
  deepEqual(config.agent.reverse, [{ name: "left", socket: "/tmp/l" }]);
  deepEqual(config.bans, [{ name: "bad", username: "mallory" }]);
  ok(config.acl.tests.every((test) => !("priority" in test)));
});

Deno.test("json-schema may be one entry, a list, or an object keyed by name", () => {
  const entry = { "schema-file": "/s.json", topics: "a/#" };
  const expected = [{ "schema-file": "/s.json", topics: ["a/#"], "block-on-failure": true }];
  deepEqual(load({ inspection: { "json-schema": entry } }).inspection["json-schema"], expected);
  deepEqual(load({ inspection: { "json-schema": [entry] } }).inspection["json-schema"], expected);
  deepEqual(load({ inspection: { "json-schema": { x: entry } } }).inspection["json-schema"], [
    { name: "x", ...expected[0] },
  ]);
});

Deno.test("the environment is filled in everywhere but in placeholders of topics", () => {
  const { acl, agent, auth } = load({
    acl: {
      rules: [{
        name: "${SITE}",
        description: "$${SITE} is ${SITE}",
        topics: ["${SITE}/${clientid}/${attr.zone}", "${ZONE:-east}/${username}/${ip}"],
        match: { username: "${SITE}" },
        decision: "allow",
      }],
    },
    agent: { socket: "/run/${SITE}.sock" },
    auth: {
      providers: [{
        type: "http",
        url: "https://${SITE}",
        headers: { a: "${SITE}" },
        body: { u: ["${username}", "${SITE}"] },
      }],
    },
  });
  deepEqual(plain(acl.rules), [{
    name: "north",
    match: { username: "north" },
    topics: ["north/${clientid}/${attr.zone}", "east/${username}/${ip}"],
    decision: "allow",
    description: "${SITE} is north",
  }]);
  equal(agent.socket, "/run/north.sock");
  ok(auth.providers[0]?.type === "http");
  deepEqual(plain([auth.providers[0].url, auth.providers[0].headers, auth.providers[0].body]), [
    "https://north",
    { a: "north" },
    { u: ["${username}", "north"] },
  ]);
  const elsewhere = JSON.stringify({
    acl: { rules: [{ name: "a", decision: "deny", match: { username: "${username}" } }] },
  });
  const loaded = loadConfig({ file: { path: "gate.json", text: elsewhere }, env });
  ok("problems" in loaded);
  deepEqual(loaded.problems.map(({ kind, text }) => [kind, text]), [
    ["environment", `the environment has no "username"`],
  ]);
});

Deno.test("without file and push there are the defaults", () => {
  const loaded = loadConfig({ env });
  ok("config" in loaded);
  const { acl, general, auth } = loaded.config;
  deepEqual(plain(acl), {
    "default-action": "deny",
    enabled: true,
    rules: [],
    "cache-decisions": true,
    groups: {},
    "deny-action": "drop",
    "wildcard-subscriptions": "allow",
    "dollar-topics": "rules",
    unwrap: [],
    "check-deliveries": true,
    "check-response-topic": true,
    "on-revoked-subscription": "tag",
    tests: [],
  });
  deepEqual(plain(general), {
    "block-mode": true,
    "fail-open": false,
    "log-packets": false,
    "protocol-versions": ["3.1.1", "5.0"],
    "connect-timeout-secs": 30,
    "decision-deadline-ms": 60,
    "max-packet-size": 1_048_576,
    "max-topic-levels": 32,
    "max-topic-bytes": 1024,
    "max-subscriptions": 100,
    "max-filters-per-subscribe": 32,
    "session-idle-secs": 86_400,
    "max-sessions": 200_000,
    "max-unanswered": 16,
    "require-upgrade-event": false,
    "shared-subscriptions": "allow",
    "retained-messages": "allow",
    "subscription-identifiers": "allow",
    "topic-aliases": "allow",
    "mixed-frames": "auto",
    "allowed-origins": ["same-host"],
    "websocket-extensions": "refuse",
    subprotocols: ["mqtt", "mqttv3.1"],
  });
  deepEqual(auth.lockout, { enabled: true, failures: 10, "window-secs": 300, "ban-secs": 300 });
  deepEqual([auth.enabled, auth["trust-broker"], auth["enhanced-auth"]], [false, false, "deny"]);
  deepEqual(loaded.files, []);
});

Deno.test("an origin is accepted as browsers send it and in no other way", () => {
  const origins = [
    "https://example.com",
    "http://localhost:8080",
    "https://[::1]:1",
    "https://xn--mnchen-3ya.de",
    "capacitor://localhost",
    "same-host",
  ];
  deepEqual(load({ general: { "allowed-origins": origins } }).general["allowed-origins"], origins);
  const refused: readonly (readonly [string, string])[] = [
    ["https://example.com/", `"https://example.com", as browsers send it`],
    ["https://example.com/x", `"https://example.com", as browsers send it`],
    ["https://example.com:443", `"https://example.com", as browsers send it`],
    ["HTTPS://Example.com", `"https://example.com", as browsers send it`],
    ["https://münchen.de", `"https://xn--mnchen-3ya.de", as browsers send it`],
    ["https://u:p@example.com", `"same-host", "any" or an origin like "https://example.com:8443"`],
    ["*", `"same-host", "any" or an origin like "https://example.com:8443"`],
    ["null", `"same-host", "any" or an origin like "https://example.com:8443"`],
    ["file:///x", `"same-host", "any" or an origin like "https://example.com:8443"`],
  ];
  for (const [origin, expected] of refused) {
    const text = JSON.stringify({ general: { "allowed-origins": [origin] } });
    const loaded = loadConfig({ file: { path: "gate.json", text }, env });
    ok("problems" in loaded, origin);
    ok(loaded.problems[0]?.text.startsWith(`expected ${expected}`), loaded.problems[0]?.text ?? "no problem");
  }
});
