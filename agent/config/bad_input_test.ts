import { deepEqual, ok } from "node:assert/strict";
import { loadConfig } from "./load.ts";

const VARIABLES: Readonly<Record<string, string>> = { WORD: "s3cret-of-the-environment", EMPTY: "", QOS: "1" };
const env = (name: string) => VARIABLES[name];

function messages(text: string): string[] {
  const loaded = loadConfig({ file: { path: "gate.json", text }, env });
  ok("problems" in loaded, `accepted: ${text}`);
  return loaded.problems.map(({ message }) => message);
}

/** What is wrong, without `Cannot load "gate.json": `. */
type Case = readonly [text: string, ...faults: string[]];

function all(cases: readonly Case[]): void {
  for (const [text, ...faults] of cases) {
    deepEqual(messages(text), faults.map((fault) => `Cannot load "gate.json": ${fault}`), text);
  }
}

Deno.test("an unknown key is told with its place and the nearest known key", () => {
  const lines = ["{", `  "acl": {`, ...Array.from({ length: 9 }, () => ""), `    "rules": [`, "      {"];
  const text = [...lines, `      "max_qoss": 1, "name": "a", "decision": "allow" }]`, "}}"].join("\n");
  deepEqual(messages(text), [
    `Cannot load "gate.json": line 14, column 7: acl.rules[0]: unknown key "max_qoss" (did you mean "max-qos"?)`,
  ]);
  all([
    [`{ "ACL": {} }`, `line 1, column 3: unknown key "ACL" (did you mean "acl"?)`],
    [`{ "whatever": {} }`, `line 1, column 3: unknown key "whatever"`],
    [
      `{ "general": { "max_packet_size": 1 } }`,
      `line 1, column 16: general: unknown key "max_packet_size" (did you mean "max-packet-size"?)`,
    ],
    [`{ "acl": { "__proto__": {} } }`, `line 1, column 12: acl: unknown key "__proto__"`],
    [`{ "acl": { "toString": 1 } }`, `line 1, column 12: acl: unknown key "toString"`],
    [`{ "acl": { "a\\u202eb\\n": 1 } }`, `line 1, column 12: acl: unknown key "a\\u202eb\\n"`],
  ]);
});

Deno.test("a value of another type is told with its place and what was found", () => {
  all([
    [`[]`, "line 1, column 1: expected an object, found a list"],
    [`null`, "line 1, column 1: expected an object, found null"],
    [`{ "acl": [] }`, "line 1, column 10: acl: expected an object, found a list"],
    [`{ "acl": true }`, "line 1, column 10: acl: expected an object, found true"],
    [`{ "acl": { "enabled": "yes" } }`, `line 1, column 23: acl.enabled: expected true or false, found the text "yes"`],
    [`{ "acl": { "enabled": null } }`, "line 1, column 23: acl.enabled: expected true or false, found null"],
    [
      `{ "general": { "max-sessions": "5" } }`,
      `line 1, column 32: general.max-sessions: expected a whole number, found the text "5"`,
    ],
    [
      `{ "general": { "max-sessions": 1.5 } }`,
      "line 1, column 32: general.max-sessions: expected a whole number, found 1.5",
    ],
    [
      `{ "acl": { "rules": [{ "name": 5, "decision": "deny" }] } }`,
      "line 1, column 32: acl.rules[0].name: expected a text, found 5",
    ],
    [
      `{ "acl": { "rules": [{ "name": "a", "decision": "deny", "topics": true }] } }`,
      "line 1, column 67: acl.rules[0].topics: expected a list or one text, found true",
    ],
    [
      `{ "acl": { "rules": [{ "name": "a", "decision": "deny", "topics": ["a", 1] }] } }`,
      "line 1, column 73: acl.rules[0].topics[1]: expected a text, found 1",
    ],
    [
      `{ "acl": { "rules": "a" } }`,
      "line 1, column 21: acl.rules: expected a list or an object keyed by name, found a text",
    ],
    [`{ "acl": { "rules": { "a": true } } }`, "line 1, column 28: acl.rules[0]: expected an object, found true"],
    [`{ "acl": { "groups": ["a"] } }`, "line 1, column 22: acl.groups: expected an object, found a list"],
    [
      `{ "acl": { "groups": { "night shift": [1] } } }`,
      `line 1, column 40: acl.groups["night shift"][0]: expected a text, found 1`,
    ],
  ]);
});

Deno.test("a value out of bounds is told with the bound", () => {
  all([
    [`{ "general": { "max-packet-size": 1 } }`, "line 1, column 35: general.max-packet-size: 1 is not at least 2"],
    [
      `{ "general": { "max-packet-size": 268435461 } }`,
      "line 1, column 35: general.max-packet-size: 268435461 is above the maximum of 268435460",
    ],
    [
      `{ "general": { "protocol-versions": [] } }`,
      "line 1, column 37: general.protocol-versions: the list is empty",
    ],
    [
      `{ "general": { "protocol-versions": ["3.1.1", "4"] } }`,
      `line 1, column 47: general.protocol-versions[1]: "4" is none of "3.1", "3.1.1", "5.0"`,
    ],
    [
      `{ "general": { "protocol-versions": [5.0] } }`,
      `line 1, column 38: general.protocol-versions[0]: expected one of "3.1", "3.1.1", "5.0", found 5`,
    ],
    [
      `{ "general": { "protocol-versions": ["5.0", "5.0"] } }`,
      "line 1, column 45: general.protocol-versions[1]: is there twice",
    ],
    [
      `{ "acl": { "rules": [{ "name": "", "decision": "alow" }] } }`,
      "line 1, column 32: acl.rules[0].name: the text is empty",
      `line 1, column 48: acl.rules[0].decision: "alow" is none of "allow", "deny" (did you mean "allow"?)`,
    ],
    [
      `{ "acl": { "rules": [{ "name": "a", "decision": "deny", "max-qos": 3 }] } }`,
      "line 1, column 68: acl.rules[0].max-qos: expected one of 0, 1, 2, found 3",
    ],
    [
      `{ "acl": { "rules": [{ "name": "a", "decision": "deny", "match": { "protocol-version": [5, 6] } }] } }`,
      "line 1, column 92: acl.rules[0].match.protocol-version[1]: expected one of 3, 4, 5, found 6",
    ],
    [
      `{ "acl": { "rules": [{ "name": "a", "decision": "deny", "expires": "2026-02-31" }] } }`,
      "line 1, column 68: acl.rules[0].expires: expected a date like 2027-01-31 or 2027-01-31T12:00:00Z, found " +
      `"2026-02-31"`,
    ],
    [
      `{ "general": { "allowed-origins": ["example.com"] } }`,
      `line 1, column 36: general.allowed-origins[0]: expected "same-host", "any" or an origin like ` +
      `"https://example.com:8443", found "example.com"`,
    ],
    [
      `{ "general": { "subprotocols": "mqtt, mqttv3.1" } }`,
      "line 1, column 32: general.subprotocols[0]: expected a token, as WebSocket subprotocols are, found " +
      `"mqtt, mqttv3.1"`,
    ],
    [
      `{ "general": { "routes": "a\\ud800" } }`,
      "line 1, column 26: general.routes[0]: the text holds half of a surrogate pair",
    ],
    [
      `{ "acl": { "rules": [{ "name": "a", "decision": "deny", "topics": "a\\u0000" }] } }`,
      "line 1, column 67: acl.rules[0].topics[0]: expected a topic filter without the character U+0000, found " +
      `"a\\u0000"`,
    ],
  ]);
});

Deno.test("what is missing is told at what it is missing from", () => {
  all([
    [
      `{ "acl": { "rules": [ {} ] } }`,
      `line 1, column 23: acl.rules[0]: "name" is missing`,
      `line 1, column 23: acl.rules[0]: "decision" is missing`,
    ],
    [
      `{ "auth": { "providers": { "jwt": { "secret": "x" } } } }`,
      "line 1, column 47: auth.providers[0].secret: expected at least 32 bytes",
    ],
    [`{ "acl": { "rules": { "a": {} } } }`, `line 1, column 23: acl.rules[0]: "decision" is missing`],
    [
      `{ "acl": { "tests": { "t": { "expect": "deny" } } } }`,
      `line 1, column 23: acl.tests[0]: one of "publish", "subscribe", "receive" is missing`,
    ],
    [
      `{ "acl": { "tests": [{ "name": "t", "expect": "deny", "publish": "a", "receive": "b" }] } }`,
      `line 1, column 71: acl.tests[0].receive: only one of "publish", "subscribe", "receive" can be tested at once`,
    ],
  ]);
});

Deno.test("a key twice, or in two spellings, is refused", () => {
  all([
    [`{ "acl": {},\n  "acl": {} }`, `line 2, column 3: the key "acl" is there twice`],
    [
      `{ "acl": { "rules": [{ "name": "a", "decision": "deny", "name": "b" }] } }`,
      `line 1, column 57: acl.rules[0]: the key "name" is there twice`,
    ],
    [
      `{ "acl": { "default-action": "deny", "default_action": "allow" } }`,
      `line 1, column 38: acl.default-action: "default_action" and "default-action" are the same key`,
    ],
    [`{ "acl": { "rules": { "a": {}, "a": {} } } }`, ...[
      `line 1, column 32: acl.rules: the key "a" is there twice`,
      `line 1, column 32: acl.rules[0]: "decision" is missing`,
    ]],
  ]);
});

Deno.test("two rules of one name are refused, and so is an entry with another name than its key", () => {
  all([
    [
      `{ "acl": { "rules": [\n{ "name": "a", "decision": "deny" },\n{ "name": "a", "decision": "allow" } ] } }`,
      `line 3, column 11: acl.rules[1].name: another rule is named "a" too`,
    ],
    [
      `{ "acl": { "rules": { "a": { "name": "b", "decision": "deny" } } } }`,
      `line 1, column 38: acl.rules[0].name: is another name than the key "a"`,
    ],
  ]);
});

Deno.test("keys that must agree are told at the one that was written", () => {
  const load = (text: string) => {
    const loaded = loadConfig({ file: { path: "gate.json", text }, env, notYet: new Map() });
    ok("problems" in loaded, text);
    return loaded.problems.map(({ message }) => message);
  };
  deepEqual(load(`{ "auth": { "min-client-id-length": 200 } }`), [
    `Cannot load "gate.json": line 1, column 37: auth.min-client-id-length: 200 is above "max-client-id-length", which is 128`,
  ]);
  deepEqual(load(`{ "auth": { "min-client-id-length": 9, "max_client_id_length": 8, "min-bcrypt-cost": 15 } }`), [
    `Cannot load "gate.json": line 1, column 37: auth.min-client-id-length: 9 is above "max-client-id-length", which is 8`,
    `Cannot load "gate.json": line 1, column 86: auth.min-bcrypt-cost: 15 is above "max-bcrypt-cost", which is 14`,
  ]);
  deepEqual(load(`{ "agent": { "grpc-tls": { "cert-file": "a" } } }`), [
    `Cannot load "gate.json": line 1, column 26: agent.grpc-tls: "key-file" is missing`,
  ]);
  deepEqual(load(`{ "auto-ban": { "refusals": 1, "ban-secs": 1, "by": "username" } }`), [
    `Cannot load "gate.json": line 1, column 15: auto-ban: "window-secs" is missing`,
  ]);
  deepEqual(
    load(
      `{ "auth": { "max-client-id-length": 1, "min-client-id-length": 1, "max-bcrypt-cost": 4, "cache-secs": -1 } }`,
    ),
    [
      `Cannot load "gate.json": line 1, column 103: auth.cache-secs: -1 is not at least 0`,
    ],
  );
});

Deno.test("keys of two layers that disagree are told at the layer that set the first", () => {
  const text = `{ "auth": {\n  "min-client-id-length": 2,\n  "max-client-id-length": 3 } }`;
  for (
    const [push, message] of [
      [
        { "min-client-id-length": 4 },
        `the proxy's push: auth.min-client-id-length: 4 is above "max-client-id-length", which is 3`,
      ],
      [
        { "max-client-id-length": 1 },
        `"gate.json": line 2, column 27: auth.min-client-id-length: 2 is above "max-client-id-length", which is 1`,
      ],
    ] as const
  ) {
    const loaded = loadConfig({ file: { path: "gate.json", text }, push: { auth: push }, env, notYet: new Map() });
    ok("problems" in loaded);
    deepEqual(loaded.problems.map(({ message }) => message), [`Cannot load ${message}`]);
  }
});

Deno.test("all problems are told at once, in the order of the text", () => {
  all([[
    `{\n  "acl": {\n    "rules": [{ "name": 1 }],\n    "groups": 5\n  },\n  "general": { "block-mode": 0 },\n  "x": 1\n}`,
    `line 3, column 15: acl.rules[0]: "decision" is missing`,
    "line 3, column 25: acl.rules[0].name: expected a text, found 1",
    "line 4, column 15: acl.groups: expected an object, found a number",
    "line 6, column 30: general.block-mode: expected true or false, found 0",
    `line 7, column 3: unknown key "x"`,
  ]]);
});

Deno.test("a text that is no JSON is told at the place where it stops being JSON", () => {
  all([
    [`{\n  "acl": {\n    "enabled": true\n    "rules": []\n  }\n}`, `line 4, column 5: expected "," or "}"`],
    ["", "line 1, column 1: expected a value, found the end of the file"],
    [`{ "a": ${"[".repeat(1000)}`, "line 1, column 107: nested deeper than 100 levels"],
  ]);
});

Deno.test("what is not built yet is refused by name, never ignored", () => {
  all([
    [
      `{\n  "audit": {\n    "memory-events": 5 } }`,
      "line 2, column 3: audit: the audit store is not built yet",
    ],
    [`{ "admin": {} }`, "line 1, column 3: admin: the console is not built yet"],
    [`{ "agent": { "grpc-address": "[::]:1" } }`, "line 1, column 14: agent.grpc-address: gRPC is not built yet"],
    [`{ "profile": "hardened" }`, "line 1, column 3: profile: the hardened profile is not built yet"],
    [
      `{ "admin": {}, "auth": { "providers": { "jwt": { "isuer": "x", "jwks-file": "k" } } } }`,
      "line 1, column 3: admin: the console is not built yet",
      `line 1, column 50: auth.providers[0]: unknown key "isuer" (did you mean "issuer"?)`,
    ],
  ]);
  const text =
    `{ "auth": { "enabled": false, "trust-broker": true }, "inspection": { "enabled": false, "max-depth": 2 },
    "qos": { "enabled": false }, "rate-limit": { "enabled": false }, "retained": { "enabled": false },
    "profile": "default", "agent": { "socket": "/tmp/a.sock" } }`;
  ok("config" in loadConfig({ file: { path: "gate.json", text }, env }));
});

Deno.test("no message holds a secret or a value of the environment", () => {
  const text = `{
    "auth": {
      "enabled": "\${WORD}",
      "client-id-binding": "\${WORD}",
      "providers": [
        { "type": "jwt", "secret": "short-s3cret" },
        { "type": "jwt", "secret": ["s3cret"] },
        { "type": "\${WORD}" },
        { "type": "http", "url": "htps://user:s3cret@host", "headers": { "authorization": 5 } },
        { "type": "http", "url": "https://host", "headers": "s3cret" },
        { "type": "jwt", "secret": "s3cret\${" },
        { "type": "jwt", "secret": "\${WORD}" },
      ],
    },
    "acl": { "rules": [{ "name": "a", "decision": "\${WORD:-s3cret}", "expires": "\${WORD}", "topics": "\${NOT_THERE}" }] },
    "general": { "allowed-origins": "\${WORD}", "max-sessions": "\${WORD}" },
    "agent": { "reverse": [{ "socket": "a", "token": 53 }] },
  }`;
  const told = messages(text);
  ok(told.length >= 14, told.join("\n"));
  for (const message of told) ok(!/s3cret|\b53\b/.test(message), message);
  ok(told.some((message) => message.endsWith(`acl.rules[0].topics[0]: the environment has no "NOT_THERE"`)));
  ok(told.some((message) => message.endsWith(`the value from the environment is none of "allow", "deny"`)));
  for (const broken of [`{ "auth": { "secret": s3cret } }`, `{ "secret": "s3cret }`, `{ "s": "s3cret" "t": 1 }`]) {
    for (const message of messages(broken)) ok(!message.includes("s3cret"), message);
  }
});

Deno.test("a thousand problems are told, the rest is counted", () => {
  const rules = Array.from({ length: 1500 }, (_, index) => `{ "name": "r${index}", "decision": "alow" }`);
  const told = messages(`{ "acl": { "rules": [${rules.join(",\n")}] } }`);
  deepEqual([told.length, told.at(-1)], [1001, `Cannot load "gate.json": 500 more problems`]);
});

Deno.test("a limit that limits nothing is refused, wherever it stands and whether limits are on", () => {
  const nothing = `limits nothing: give "messages-per-second", "bytes-per-second" or "quota"`;
  const needs = `needs "bytes-per-second", which says how fast they come back`;
  all([
    [`{ "rate-limit": { "per-client": {} } }`, `line 1, column 33: rate-limit.per-client: ${nothing}`],
    [`{ "rate-limit": { "global": { "burst": 5 } } }`, `line 1, column 29: rate-limit.global: ${nothing}`],
    [
      `{ "rate-limit": { "enabled": true, "subscribe": { "action": "close", "shadow": true } } }`,
      `line 1, column 49: rate-limit.subscribe: ${nothing}`,
    ],
    [
      `{ "rate-limit": { "connect": { "bytes-per-second": 0 } } }`,
      `line 1, column 30: rate-limit.connect: ${nothing}`,
    ],
    [
      `{ "rate-limit": { "auth-failures": { "quota": [] } } }`,
      `line 1, column 36: rate-limit.auth-failures: ${nothing}`,
    ],
    [
      `{ "rate-limit": { "per-topic": [{ "topic": "a", "limit": { "burst": 1 } }] } }`,
      `line 1, column 58: rate-limit.per-topic[0].limit: ${nothing}`,
    ],
    [
      `{ "rate-limit": { "per-topic": { "a/#": { "limit": {} } } } }`,
      `line 1, column 52: rate-limit.per-topic[0].limit: ${nothing}`,
    ],
    [
      `{ "rate-limit": { "per-client": { "messages-per-second": 1, "burst-bytes": 9 } } }`,
      `line 1, column 76: rate-limit.per-client.burst-bytes: ${needs}`,
    ],
    [
      `{ "rate-limit": { "control": { "burst-bytes": 9 } } }`,
      `line 1, column 47: rate-limit.control.burst-bytes: ${needs}`,
    ],
  ]);
});

Deno.test("each kind of rate alone makes a limit", () => {
  for (
    const rate of [`"messages-per-second": 0.1`, `"bytes-per-second": 1`, `"quota": [{ "bytes": 1, "per": "day" }]`]
  ) {
    const text = `{ "rate-limit": { "per-client": { ${rate} }, "control": {} } }`;
    ok("config" in loadConfig({ file: { path: "gate.json", text }, env }), text);
  }
});

Deno.test("a schema for the editor is named at the top level of a file only, by a text", () => {
  const text = `{ "$schema": "./\${no}", "acl": { "default-action": "allow" } }`;
  const loaded = loadConfig({ file: { path: "gate.json", text }, env });
  const plain = loadConfig({ file: { path: "gate.json", text: `{ "acl": { "default-action": "allow" } }` }, env });
  ok("config" in loaded && "config" in plain);
  deepEqual(loaded, { ...plain, ...loaded });
  deepEqual([Object.hasOwn(loaded.config, "$schema"), loaded.version], [false, plain.version]);
  all([
    [`{ "$schema": 5 }`, `line 1, column 14: ["$schema"]: expected a text, found 5`],
    [`{ "acl": { "$schema": "x" } }`, `line 1, column 12: acl: unknown key "$schema"`],
    [`{ "$Schema": "x" }`, `line 1, column 3: unknown key "$Schema"`],
    [`{ "$schema": "x", "$schema": "y" }`, `line 1, column 19: the key "$schema" is there twice`],
  ]);
});
