import assert from "node:assert/strict";
import { hashOfGenerated } from "../../agent/auth/password_hash.ts";
import { formatPath } from "../../agent/config/mod.ts";
import { checkConfig } from "../check_config.ts";
import { NOW_MS } from "../test_console.ts";
import { LINTS, MAX_OF_ONE_KIND, type Warning } from "./mod.ts";

interface FakeFile {
  readonly text?: string;
  readonly mode?: number;
}

interface Given {
  readonly config: unknown;
  /** Other files, and the mode of the configuration file. */
  readonly files?: Readonly<Record<string, FakeFile>>;
}

const FILE = "gate.json";
const ENVIRONMENT: Readonly<Record<string, string>> = { SECRET: "s".repeat(32), WORD: "w" };

async function warnings({ config, files = {} }: Given): Promise<readonly Warning[]> {
  const text = typeof config === "string" ? config : JSON.stringify(config);
  const all: Readonly<Record<string, FakeFile>> = { ...files, [FILE]: { mode: 0o644, ...files[FILE], text } };
  const { problems, warnings } = await checkConfig({
    file: FILE,
    env: (name) => ENVIRONMENT[name],
    notYet: new Map(),
    nowMs: NOW_MS,
    files: {
      read: (path) => {
        const found = all[path]?.text;
        return found === undefined ? { fault: "no such file" } : { text: found };
      },
      mode: (path) => all[path]?.mode ?? null,
    },
  });
  assert.deepEqual(problems.map(({ message }) => message), []);
  return warnings;
}

/** What one lint says, as `path: text`. */
async function saidBy(code: string, given: Given): Promise<string[]> {
  return (await warnings(given)).filter((warning) => warning.code === code)
    .map(({ path, text }) => `${formatPath(path)}: ${text}`);
}

/** Of one lint: what it has to say of a configuration, and neighbours of which it must say nothing. */
interface Case {
  readonly warns: readonly (readonly [Given["config"], said: string, files?: Given["files"]])[];
  readonly silent: readonly (readonly [Given["config"], files?: Given["files"]])[];
}

function rules(...list: readonly Record<string, unknown>[]): unknown {
  return { acl: { rules: list.map((rule, at) => ({ name: `r${at}`, decision: "allow", ...rule })) } };
}

/** The same with everybody proving who he is. */
function proved(...list: readonly Record<string, unknown>[]): unknown {
  return { ...rules(...list) as Record<string, unknown>, auth: { "trust-broker": true } };
}

const TEN = { "messages-per-second": 10 };
const FREE_ID = "whoever connects anew under another client id has full buckets: no limit of CONNECTs holds him back";

function limited(limits: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { "rate-limit": { enabled: true, ...limits } };
}

function idleLimit(topic: string): string {
  return `rate-limit.per-topic[0].limit: the limit of "${topic}" never refuses: ` +
    "rate-limit.per-client allows each client no more than it";
}

function usersFile(users: Readonly<Record<string, string>>): Readonly<Record<string, FakeFile>> {
  const entries = Object.entries(users).map(([name, hash]) => [name, { password_hash: hash }]);
  return { users: { text: JSON.stringify({ users: Object.fromEntries(entries) }, null, 1), mode: 0o600 } };
}

const REST = "abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
const WITH_USERS = { auth: { enabled: true, providers: [{ type: "file", path: "users" }] } };
const BY_HAND = `$sha256$${"A".repeat(27)}$${"A".repeat(43)}`;
const GENERATED = hashOfGenerated(new TextEncoder().encode("secret"));

const CASES: Readonly<Record<string, Case>> = {
  "acl-off": {
    warns: [[{ acl: { enabled: false } }, "acl.enabled: no topic is judged and no rule applies"]],
    silent: [[{ acl: { enabled: true } }], [{}]],
  },
  "default-allow": {
    warns: [[{ acl: { "default-action": "allow" } }, "acl.default-action: whatever no rule denies is allowed"]],
    silent: [[{ acl: { "default-action": "deny" } }], [{}], [{ acl: { enabled: false, "default-action": "allow" } }]],
  },
  "detect-only": {
    warns: [[{ general: { "block-mode": false } }, "general.block-mode: refusals are only told: every packet passes"]],
    silent: [[{ general: { "block-mode": true } }], [{}]],
  },
  "fail-open": {
    warns: [[{ general: { "fail-open": true } }, "general.fail-open: a packet that the agent fails on passes"]],
    silent: [[{ general: { "fail-open": false } }], [{}]],
  },
  "extensions-unseen": {
    warns: [[
      { general: { "websocket-extensions": "allow-unseen" } },
      "general.websocket-extensions: what a client sends through an extension is judged by nobody",
    ]],
    silent: [[{ general: { "websocket-extensions": "refuse" } }], [{}]],
  },
  "auth-without-provider": {
    warns: [[
      { auth: { enabled: true } },
      "auth.enabled: authentication is on without any provider: every CONNECT with credentials is refused",
    ]],
    silent: [
      [{ auth: { enabled: false } }],
      [{ auth: { enabled: true, providers: { file: { path: "users" } } } }],
      [{ auth: { providers: [] } }],
    ],
  },
  "inspection-idle": {
    warns: [
      [{ inspection: { enabled: true } }, "inspection.enabled: inspection is on, but no pattern, schema or limit is"],
      [
        { inspection: { enabled: true, patterns: { sqli: false }, "max-payload-size": 0 } },
        "inspection.enabled: inspection is on, but no pattern, schema or limit is",
      ],
    ],
    silent: [
      [{ inspection: { enabled: false } }],
      [{ inspection: { enabled: true, patterns: { sqli: true } } }],
      [{ inspection: { enabled: true, patterns: { "custom-patterns": { a: { pattern: "x" } } } } }],
      [{ inspection: { enabled: true, "json-schema": { topics: "a", schema: {} } } }],
      [{ inspection: { enabled: true, "block-binary": true } }],
      [{ inspection: { enabled: true, "max-payload-size": 1000 } }],
      [{ inspection: { enabled: true, "json-limits": { "max-depth": 3 } } }],
    ],
  },
  "limit-by-free-id": {
    warns: [
      [limited({ "per-client": TEN }), `rate-limit.key-by: ${FREE_ID}`],
      [limited({ subscribe: TEN, "key-by": "client_id" }), `rate-limit.key-by: ${FREE_ID}`],
      [limited({ "per-topic": { a: { limit: TEN } } }), `rate-limit.key-by: ${FREE_ID}`],
      [limited({ "per-client": TEN, connect: { ...TEN, shadow: true } }), `rate-limit.key-by: ${FREE_ID}`],
      [
        { ...limited({ "per-client": TEN }), auth: { "client-id-binding": "username" } },
        `rate-limit.key-by: ${FREE_ID}`,
      ],
    ],
    silent: [
      [limited({ "per-client": TEN, enabled: false })],
      [limited({ "per-client": TEN, connect: TEN })],
      [limited({ "per-client": TEN, "key-by": "client_ip" })],
      [limited({ "per-client": TEN, "key-by": "username" })],
      [limited({ global: TEN, "per-topic": { a: { limit: TEN, scope: "shared" } } })],
      [limited({ "per-client": { ...TEN, shadow: true } })],
      [{
        ...limited({ "per-client": TEN }),
        auth: { enabled: true, providers: { file: { path: "users" } }, "client-id-binding": "username" },
      }, usersFile({})],
    ],
  },
  "limit-without-effect": {
    warns: [
      [limited({ "per-client": TEN, "per-topic": { "a/#": { limit: TEN } } }), idleLimit("a/#")],
      [
        limited({
          "per-client": { ...TEN, "bytes-per-second": 100 },
          "per-topic": { "a/#": { limit: { ...TEN, burst: 20, "bytes-per-second": 100, "burst-bytes": 200 } } },
        }),
        idleLimit("a/#"),
      ],
      [
        limited({
          "per-client": TEN,
          "per-topic": { "a/#": { limit: { quota: [{ messages: 600, per: "minute" }] } } },
        }),
        idleLimit("a/#"),
      ],
    ],
    silent: [
      [limited({ "per-client": TEN, "per-topic": { "a/#": { limit: { "messages-per-second": 9 } } } })],
      [limited({ "per-client": TEN, "per-topic": { "a/#": { limit: { "messages-per-second": 99, burst: 9 } } } })],
      [limited({ "per-client": TEN, "per-topic": { "a/#": { limit: TEN, scope: "shared" } } })],
      [limited({ "per-client": TEN, "per-topic": { "a/#": { limit: { "bytes-per-second": 1e6 } } } })],
      [limited({ "per-client": TEN, "per-topic": { "a/#": { limit: { ...TEN, "bytes-per-second": 1e6 } } } })],
      [limited({
        "per-client": TEN,
        "per-topic": { "a/#": { limit: { ...TEN, quota: [{ messages: 1000, per: "hour" }] } } },
      })],
      [limited({ "per-client": { ...TEN, shadow: true }, "per-topic": { "a/#": { limit: TEN } } })],
      [limited({ enabled: false, "per-client": TEN, "per-topic": { "a/#": { limit: TEN } } })],
      [limited({ "per-topic": { "a/#": { limit: TEN } } })],
    ],
  },
  "burst-without-rate": {
    warns: [
      [
        limited({ connect: TEN, "per-client": { "bytes-per-second": 100, burst: 5 } }),
        "rate-limit.per-client.burst: it does nothing: " +
        'it is counted in messages, and there is no "messages-per-second" beside it',
      ],
    ],
    silent: [
      [limited({ connect: TEN, "per-client": { "bytes-per-second": 100 } })],
      [limited({ connect: TEN, "per-client": { ...TEN, "bytes-per-second": 100, burst: 5 } })],
    ],
  },
  "rule-shadowed": {
    warns: [
      [
        rules({ topics: "a/#" }, { topics: "a/b" }),
        'acl.rules[1]: rule "r1" can never decide: rule "r0" comes before it and decides all that it would',
      ],
      [
        rules({ topics: ["a", "b"] }, { topics: "a" }, { topics: "c", priority: 1 }, { topics: ["c", "d"] }),
        'acl.rules[1]: rule "r1" can never decide: rule "r0" comes before it and decides all that it would',
      ],
      [
        rules({ topics: "b/#" }, { topics: "a", decision: "deny" }, { topics: "#", decision: "deny", priority: -1 }, {
          topics: ["a", "b/c"],
          priority: -1,
          "max-qos": 0,
        }),
        'acl.rules[3]: rule "r3" can never decide: rules "r0", "r1" come before it and decide all that it would',
      ],
    ],
    silent: [
      [rules({ topics: "a/+" }, { topics: "a/#" })],
      [rules({ topics: "a/#" }, { topics: "a/b", decision: "deny" })],
      [{
        acl: { enabled: false, rules: { a: { topics: "#", decision: "allow" }, b: { topics: "a", decision: "deny" } } },
      }],
    ],
  },
  "rule-without-effect": {
    warns: [[
      rules({ topics: "a", actions: "subscribe", retain: true }),
      'acl.rules[0].retain: rule "r0" applies to nothing',
    ]],
    silent: [
      [rules({ topics: "a", actions: "subscribe", retain: false })],
      [rules({ topics: "a", actions: ["subscribe", "publish"], retain: true })],
    ],
  },
  "wildcard-meets-deny": {
    warns: [
      [
        rules({ topics: "a/secret", decision: "deny" }, { topics: ["b", "a/#"] }),
        'acl.rules[1].topics[1]: a SUBSCRIBE to "a/#", which rule "r1" allows, is refused: it meets the deny rule "r0"',
      ],
      [
        {
          acl: {
            "wildcard-subscriptions": "deny",
            rules: {
              a: { topics: "a/secret", decision: "deny" },
              b: { topics: "a/#", decision: "allow", wildcards: true },
            },
          },
        },
        'acl.rules[1].topics[0]: a SUBSCRIBE to "a/#", which rule "b" allows, is refused: it meets the deny rule "a"',
      ],
    ],
    silent: [
      [rules({ topics: "a/secret", decision: "deny" }, { topics: ["b/#", "a/b"] })],
      [rules({ topics: "a/secret", decision: "deny", actions: ["publish", "receive"] }, { topics: "a/#" })],
      [rules({ topics: "a/#" }, { topics: "a/secret", decision: "deny" })],
      [rules({ topics: "a/secret", decision: "deny" }, { topics: "a/#", expires: "2020-01-01" })],
      [{
        acl: {
          "wildcard-subscriptions": "deny",
          rules: { a: { topics: "a/secret", decision: "deny" }, b: { topics: "a/#", decision: "allow" } },
        },
      }],
    ],
  },
  "allow-everything": {
    warns: [
      [rules({ topics: ["a", "#"] }), 'acl.rules[0].topics[1]: rule "r0" allows "#" to every client'],
      [rules({ topics: "+/#", match: {} }), 'acl.rules[0].topics[0]: rule "r0" allows "+/#" to every client'],
    ],
    silent: [
      [rules({ topics: "#", match: { "client-ip": "10.0.0.0/8" } })],
      [rules({ topics: "#", decision: "deny" })],
      [rules({ topics: ["a/#", "+"] })],
      [rules({ topics: "#", literal: true })],
      [rules({ topics: "#", shadow: true })],
      [rules({ topics: "#", expires: "2020-01-01" })],
    ],
  },
  "allow-unanchored-regex": {
    warns: [
      [
        proved({ topics: ["a", "#"], match: { "username-regex": "^admin" } }),
        'acl.rules[0].match.username-regex: rule "r0" allows "#" to every user name in which "^admin" is found',
      ],
      [
        proved({ topics: "+/x", match: { "client-id-regex": "admin$|^root$" } }),
        'acl.rules[0].match.client-id-regex: rule "r0" allows "+/x" to every client id in which "admin$|^root$" is found',
      ],
    ],
    silent: [
      [proved({ topics: "#", match: { "username-regex": "^admin$" } })],
      [proved({ topics: "#", match: { "username-regex": "^(admin|root)$" } })],
      [proved({ topics: "sensors/+/data", match: { "username-regex": "^sensor-" } })],
      [proved({ topics: "#", decision: "deny", match: { "username-regex": "^admin" } })],
      [proved({ topics: "#", match: { "username-regex": "^admin", username: "admin-1" } })],
    ],
  },
  "rule-needs-proof": {
    warns: [
      [
        rules({ topics: "a", match: { username: "u" } }),
        'acl.rules[0].match.username: rule "r0" never applies: it asks for a user name that nobody proves',
      ],
      [
        rules({ topics: "a", match: { "username-regex": "^u$" } }),
        'acl.rules[0].match.username-regex: rule "r0" never applies: it asks for a user name that nobody proves',
      ],
      [
        rules({ topics: "a", match: { groups: ["g"] } }),
        'acl.rules[0].match.groups: rule "r0" never applies: it asks for groups that nobody proves',
      ],
      [
        rules({ topics: "a", match: { attributes: { a: "b" } } }),
        'acl.rules[0].match.attributes: rule "r0" never applies: it asks for attributes that nobody proves',
      ],
      [
        rules({ topics: ["a/${username}", "${attr.zone}/b"] }),
        'acl.rules[0].topics: rule "r0" never applies: it asks for placeholders that nobody proves',
      ],
    ],
    silent: [
      [proved({ topics: "a", match: { username: "u" } })],
      [{ ...rules({ topics: "a", match: { groups: "g" } }) as object, ...WITH_USERS }],
      [rules({ topics: "a", match: { groups: ["g", "anonymous"] } })],
      [rules({ topics: "a", match: { "client-id": "u" } })],
      [rules({ topics: "a", decision: "deny", match: { username: "u" } })],
      [rules({ topics: ["a/${username}", "${clientid}"] })],
      [rules({ actions: "connect" })],
    ],
  },
  "expired": {
    warns: [
      [
        rules({ topics: "a", expires: "2026-06-01" }),
        'acl.rules[0].expires: rule "r0" has expired and is as good as absent',
      ],
      [{ bans: [{ username: "u", until: "2026-05-31" }] }, "bans[0].until: the ban is over"],
    ],
    silent: [
      [rules({ topics: "a", expires: "2026-06-01T00:00:01Z" })],
      [{ bans: [{ username: "u", until: "2026-06-02" }, { username: "v" }] }],
    ],
  },
  "secret-in-file": {
    warns: [
      [
        { auth: { providers: [{ type: "jwt", secret: "s".repeat(32) }] } },
        "auth.providers[0].secret: a secret is written in the file",
      ],
      [
        { auth: { providers: { jwt: { secret: "${NONE:-" + "s".repeat(32) + "}" } } } },
        "auth.providers[0].secret: a secret is written in the file",
      ],
      [
        { auth: { providers: [{ type: "http", url: "http://a", headers: { Authorization: "Bearer x" } }] } },
        "auth.providers[0].headers.Authorization: a secret is written in the file",
      ],
      [
        { auth: { providers: [{ type: "http", url: "http://a", headers: { Authorization: "$${" } }] } },
        "auth.providers[0].headers.Authorization: a secret is written in the file",
      ],
      [
        { auth: { providers: [{ type: "http", url: "http://u:p@a" }] } },
        "auth.providers[0].url: a password or key is written in the address",
      ],
      [
        { auth: { providers: [{ type: "jwt", jwks_url: "http://a/?api_key=x" }] } },
        "auth.providers[0].jwks-url: a password or key is written in the address",
      ],
      [
        { auth: { providers: [{ type: "http", url: "http://a", body: { u: ["${username}", { api_key: "x" }] } }] } },
        "auth.providers[0].body.u[1].api_key: a secret is written in the file",
      ],
      [
        { agent: { reverse: { a: { socket: "s", token: "t" } } } },
        "agent.reverse[0].token: a secret is written in the file",
      ],
      [
        { auth: { providers: [{ type: "jwt", secret: "$${SECRET}" + "s".repeat(32) }] } },
        "auth.providers[0].secret: a secret is written in the file",
      ],
    ],
    silent: [
      [{ auth: { providers: [{ type: "jwt", secret: "${SECRET}" }] } }],
      [{ auth: { providers: [{ type: "http", url: "http://a", headers: { Authorization: "" } }] } }],
      [{ auth: { providers: [{ type: "jwt", secret: "${SECRET:-}" }] } }],
      [{ auth: { providers: [{ type: "http", url: "http://a", headers: { Authorization: "Bearer ${WORD}" } }] } }],
      [{ auth: { providers: [{ type: "http", url: "http://a", headers: { Accept: "application/json" } }] } }],
      [{ auth: { providers: [{ type: "http", url: "http://u@a/x?client=1&token=${WORD}" }] } }],
      [{ auth: { providers: [{ type: "http", url: "http://u:${WORD}@a" }] } }],
      [{ auth: { providers: [{ type: "http", url: "http://a", body: { password: "${password}", kind: "mqtt" } }] } }],
      [{ agent: { reverse: { a: { socket: "s", token: "${WORD}" } } } }],
    ],
  },
  "file-mode": {
    warns: [
      [{}, ': "gate.json" has the mode 0666: everybody may change it', { [FILE]: { mode: 0o666 } }],
      [
        { auth: { providers: [{ type: "jwt", secret: "s".repeat(32) }] } },
        ': "gate.json" has the mode 0644: everybody may read it',
      ],
      [
        { auth: { providers: [{ type: "jwt", secret: "s".repeat(32) }] } },
        ': "gate.json" has the mode 0660: its group may change it',
        { [FILE]: { mode: 0o660 } },
      ],
      [WITH_USERS, 'auth.providers[0].path: "users" has the mode 0644: everybody may read it', {
        users: { mode: 0o644 },
      }],
      [WITH_USERS, 'auth.providers[0].path: "users" has the mode 0620: its group may change it', {
        users: { mode: 0o620 },
      }],
      [
        { auth: { providers: { jwt: { "public-key-file": "k" } } } },
        'auth.providers[0].public-key-file: "k" has the mode 0646: everybody may change it',
        { k: { mode: 0o646 } },
      ],
      [
        { admin: { tls: { "cert-file": "c", "key-file": "k" } } },
        'admin.tls.key-file: "k" has the mode 0644: everybody may read it',
        { c: { mode: 0o644 }, k: { mode: 0o644 } },
      ],
      [
        { agent: { "grpc-tls": { "cert-file": "c", "key-file": "k" } } },
        'agent.grpc-tls.key-file: "k" has the mode 0604: everybody may read it',
        { k: { mode: 0o604 } },
      ],
      [{ admin: { "users-file": "u" } }, 'admin.users-file: "u" has the mode 0644: everybody may read it', {
        u: { mode: 0o644 },
      }],
      [
        { acl: { "rules-file": "more.json" } },
        'acl.rules-file: "more.json" has the mode 0666: everybody may change it',
        { "more.json": { mode: 0o666, text: "[]" } },
      ],
    ],
    silent: [
      [{}, { [FILE]: { mode: 0o664 } }],
      [{ auth: { providers: [{ type: "jwt", secret: "s".repeat(32) }] } }, { [FILE]: { mode: 0o640 } }],
      [{ auth: { providers: [{ type: "jwt", secret: "${SECRET}" }] } }, { [FILE]: { mode: 0o644 } }],
      [WITH_USERS, { users: { mode: 0o640 } }],
      [WITH_USERS],
      [{ auth: { providers: { jwt: { "public-key-file": "k" } } } }, { k: { mode: 0o664 } }],
      [{ agent: { "grpc-tls": { "cert-file": "c", "key-file": "k" } } }, { c: { mode: 0o644 }, k: { mode: 0o600 } }],
      [{ acl: { "rules-file": "more.json" } }, { "more.json": { mode: 0o664, text: "[]" } }],
    ],
  },
  "bcrypt-cost": {
    warns: [[
      WITH_USERS,
      'auth.providers[0].path: user "u" has a bcrypt cost of 9',
      usersFile({ u: `$2b$09$${REST}`, v: `$2b$10$${REST}` }),
    ]],
    silent: [
      [WITH_USERS, usersFile({ u: `$2b$10$${REST}`, v: GENERATED })],
      [WITH_USERS, { users: { text: "no users file", mode: 0o600 } }],
    ],
  },
  "sha256-by-hand": {
    warns: [[
      WITH_USERS,
      'auth.providers[0].path: user "v" has a fast hash that was not made by "users --generate"',
      usersFile({ u: GENERATED, v: BY_HAND }),
    ]],
    silent: [[WITH_USERS, usersFile({ u: GENERATED, v: `$2b$12$${REST}` })]],
  },
};

Deno.test("every lint has a configuration that it warns of, and neighbours that it does not", () => {
  assert.deepEqual(Object.keys(CASES).sort(), LINTS.map(({ code }) => code).sort());
  for (const { warns, silent } of Object.values(CASES)) assert.ok(warns.length > 0 && silent.length > 0);
});

for (const [code, { warns, silent }] of Object.entries(CASES)) {
  for (const [at, [config, said, files]] of warns.entries()) {
    Deno.test(`${code} warns (${at})`, async () => {
      assert.deepEqual(await saidBy(code, { config, ...(files === undefined ? {} : { files }) }), [said]);
    });
  }
  for (const [at, [config, files]] of silent.entries()) {
    Deno.test(`${code} is silent (${at})`, async () => {
      assert.deepEqual(await saidBy(code, { config, ...(files === undefined ? {} : { files }) }), []);
    });
  }
}

Deno.test("the defaults give no cause for doubt", async () => {
  assert.deepEqual(await warnings({ config: {} }), []);
});

Deno.test("a warning has its place, in whatever file and form, and an advice", async () => {
  const found = await warnings({
    config: `{
  "acl": { "rules_file": "more.json", "rules": { "b": { "topics": "#", "decision": "allow" } } },
  "auth": { "enabled": true, "providers": { "file": { "path": "users.yaml" } } }
}`,
    files: {
      "more.json": { text: `[\n  { "name": "c", "topics": ["x", "#"], "decision": "allow" }\n]` },
      "users.yaml": { text: `users:\n  u:\n    password_hash: ${BY_HAND}\n  v:\n    password-hash: $2b$04$${REST}\n` },
    },
  });
  assert.deepEqual(found.map(({ code, place: { file, line, column } }) => `${code} ${file}:${line}:${column}`), [
    "allow-everything gate.json:2:67",
    "rule-shadowed more.json:2:3",
    "allow-everything more.json:2:34",
    "sha256-by-hand users.yaml:3:20",
    "bcrypt-cost users.yaml:5:20",
  ]);
  for (const { advice, text } of found) assert.ok(advice.length > 10 && !advice.endsWith(".") && !text.endsWith("."));
});

Deno.test("a rule that is shadowed and lists deliveries is not to be removed without thought", async () => {
  const [warning] = (await warnings({
    config: rules({ topics: "#" }, { topics: "a", actions: ["receive"] }),
  })).filter(({ code }) => code === "rule-shadowed");
  assert.equal(warning?.advice, "Give the rule a higher priority, or put it before the others");
});

Deno.test(`of one kind ${MAX_OF_ONE_KIND} are told, the rest is counted`, async () => {
  const many = Array.from({ length: MAX_OF_ONE_KIND + 23 }, () => ({ topics: "#" }));
  const found = await saidBy("allow-everything", { config: rules(...many) });
  assert.equal(found.length, MAX_OF_ONE_KIND + 1);
  assert.equal(found.at(-1), "acl.rules[100].topics[0]: 23 more like this, from here on");
});

Deno.test("no warning quotes a secret", async () => {
  const found = await warnings({
    config: {
      auth: {
        providers: [
          { type: "jwt", secret: "hush".repeat(8) },
          {
            type: "http",
            url: "http://hush:hush@a?token=hush",
            headers: { "x-token": "hush" },
            body: { secret: "hush" },
          },
          { type: "file", path: "users" },
        ],
      },
    },
    files: usersFile({ u: BY_HAND, v: `$2b$04$${REST}` }),
  });
  assert.ok(found.length >= 7);
  for (const { text, advice } of found) assert.ok(!/hush|\$2b\$04|AAAA/.test(text + advice), text);
});
