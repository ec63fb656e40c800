import assert from "node:assert/strict";
import { configSchema } from "../agent/config/json_schema.ts";
import { loadConfig } from "../agent/config/mod.ts";
import { configCommand } from "./config_command.ts";
import { shownConfig, shownOrigins } from "./config_view.ts";
import { runCommand } from "./console.ts";
import { loadWritten } from "./load_written.ts";
import { type Captured, captured } from "./test_console.ts";

const SECRETS: Readonly<Record<string, string>> = {
  JWT_SECRET: "hush-jwt-secret-of-32-bytes-and-more",
  TOKEN: "hush-token",
  PATH_TOKEN: "hush-path",
  DECISION: "allow",
};

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const on: Captured = captured(env);
  const code = await runCommand(configCommand(on), args, on);
  return { code, output: on.output(), notes: on.notes() };
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "config_" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A configuration with everything built. */
function load(config: unknown, rulesFile: string | null = null) {
  const text = typeof config === "string" ? config : JSON.stringify(config);
  const result = loadWritten({
    file: "gate.json",
    env: (name) => SECRETS[name],
    notYet: new Map(),
    read: (path) => path === "gate.json" ? { text } : rulesFile === null ? { fault: "none" } : { text: rulesFile },
  });
  assert.ok("loaded" in result, "problems" in result ? result.problems.map(({ message }) => message).join("\n") : "");
  return result;
}

Deno.test("config show prints the effective configuration, defaults with the file over them", () =>
  inFolder(async (folder) => {
    const file = `${folder}/gate.json`;
    const text =
      `{ /* a comment */ "acl": { "default_action": "\${DECISION}", "groups": { "__proto__": "u", "0": ["v"] } } }`;
    await Deno.writeTextFile(file, text);
    const { code, output } = await run(["show", "-c", file], SECRETS);
    assert.equal(code, 0);
    const loaded = loadConfig({ file: { path: file }, env: (name) => SECRETS[name] });
    assert.ok("config" in loaded);
    assert.equal(output, JSON.stringify(loaded.config, null, 2));
    assert.match(output, /"default-action": "allow"/);
  }));

Deno.test("config show takes the file from MQTT_CONFIG, and without any prints the defaults", () =>
  inFolder(async (folder) => {
    const defaults = await run(["show"]);
    assert.deepEqual([defaults.code, JSON.parse(defaults.output).acl.rules], [0, []]);
    const file = `${folder}/gate.json`;
    await Deno.writeTextFile(file, `{ "general": { "max-sessions": 7 } }`);
    assert.equal(JSON.parse((await run(["show"], { MQTT_CONFIG: file })).output).general["max-sessions"], 7);
    assert.equal((await run(["show"], { MQTT_CONFIG: "" })).output, defaults.output);
    assert.equal((await run(["show", "-c", file], { MQTT_CONFIG: "/nowhere" })).code, 0);
    assert.equal((await run(["show", "-c", ""])).output, defaults.output);
  }));

Deno.test("config show of a configuration with problems tells them all and ends with 3", () =>
  inFolder(async (folder) => {
    const file = `${folder}/gate.json`;
    await Deno.writeTextFile(file, `{ "acl": { "ruls": [] },\n  "general": { "block-mode": 0 } }`);
    const { code, output, notes } = await run(["show", "-c", file]);
    assert.deepEqual([code, output], [3, ""]);
    assert.match(notes, /line 1, column 12: acl: unknown key "ruls" \(did you mean "rules"\?\)/);
    assert.match(notes, /line 2, column 30: general\.block-mode/);
    const missing = await run(["show", "-c", `${folder}/none.json`]);
    assert.deepEqual([missing.code, missing.notes], [3, `Cannot read "${folder}/none.json": no such file`]);
  }));

const HIDING = {
  auth: {
    providers: [
      { type: "jwt", secret: "${JWT_SECRET}" },
      { type: "jwt", secret: "https://hush-this-secret-looks-like-an-address" },
      { type: "jwt", "jwks-url": "https://hush-user:hush-word@keys.example.com/jwks?key=hush#hush" },
      {
        type: "http",
        url: "https://auth.example.com/${PATH_TOKEN}/login",
        headers: { authorization: "Bearer ${TOKEN}", "x-plain": "hush" },
        body: {
          user: "${username}",
          key: "${TOKEN}",
          list: ["hush", "${clientid}${ip}", 4711, true],
          "__proto__": "x",
        },
      },
      { type: "http", url: " https:\n//hush:hush@a/${clientid}/b", body: "user=${username}&key=hush" },
      { type: "file", path: "users.json" },
    ],
  },
  agent: { reverse: [{ socket: "/s", token: "hush" }], broker: "mqtts://hush:hush@broker:8883" },
};

Deno.test("no secret is shown, wherever it is written or comes from", () => {
  const { loaded, written } = load(HIDING);
  const shown = shownConfig(loaded.config, written) as typeof loaded.config;
  const origins = shownOrigins(loaded.config, written);
  for (const text of [JSON.stringify(shown), JSON.stringify([...origins])]) {
    assert.ok(!/hush|4711/.test(text), /.{30}(hush|4711).{9}/.exec(text)?.[0] ?? "");
  }
  const providers = JSON.parse(JSON.stringify(shown.auth.providers));
  assert.deepEqual(providers.map((one: Record<string, unknown>) => one["secret"] ?? one["jwks-url"] ?? one["url"]), [
    "***",
    "***",
    "https://***@keys.example.com/jwks?***#***",
    "https://auth.example.com/***",
    "https://***@a/${clientid}/b",
    undefined,
  ]);
  assert.deepEqual(providers[3].headers, { authorization: "***", "x-plain": "***" });
  assert.deepEqual(providers[3].body, {
    key: "***",
    list: ["***", "${clientid}${ip}", "***", true],
    user: "${username}",
  });
  assert.equal(providers[4].body, "***");
  assert.deepEqual([shown.agent.reverse[0]?.token, shown.agent.broker], ["***", "mqtts://***@broker:8883"]);
});

Deno.test("what is no secret is shown as it is", () => {
  const { loaded, written } = load({
    inspection: { "json-schema": { topics: "a", schema: { const: "user:word@host", n: 4711 } } },
    acl: { rules: [{ name: "a@b", decision: "allow", topics: "x://y/@z", description: "see https://wiki/@me" }] },
  });
  const shown = JSON.stringify(shownConfig(loaded.config, written));
  assert.equal(shown, JSON.stringify(loaded.config));
});

Deno.test("--origin tells of each value the place that gives it, or that it is a default", () => {
  const rulesFile = `[\n  { "name": "c", "decision": "deny", "topics": "c" }\n]`;
  const { loaded, written } = load(
    `{ "acl": { "rules-file": "r.json",
    "rules": { "b": { "decision": "allow", "topics": ["x", "y"] } } },
  "auth": { "providers": { "file": { "path": "u" } } },
  "rate_limit": { "per-client": { "burst": 3, "messages-per-second": 1 }, "per-topic": { "t": { "limit": { "bytes-per-second": 1 } } } } }`,
    rulesFile,
  );
  const origins = Object.fromEntries(
    [...shownOrigins(loaded.config, written)].map(([path, { origin }]) => [path, origin]),
  );
  const expected: Readonly<Record<string, string>> = {
    "acl.enabled": "default",
    "acl.rules-file": "gate.json:1:26",
    "acl.rules[0].name": "gate.json:2:16",
    "acl.rules[0].topics[1]": "gate.json:2:60",
    "acl.rules[1].name": "r.json:2:13",
    "auth.providers[0].type": "gate.json:3:28",
    "auth.providers[0].path": "gate.json:3:46",
    "auth.providers[0].hot-reload": "default",
    "rate-limit.per-client.burst": "gate.json:4:44",
    "rate-limit.per-client.action": "default",
    "rate-limit.per-topic[0].scope": "default",
    "rate-limit.per-topic[0].limit.burst": "default",
    "bans": "default",
  };
  for (const [path, origin] of Object.entries(expected)) assert.equal(origins[path], origin, path);
});

Deno.test("config show --origin prints values and origins as one object", () =>
  inFolder(async (folder) => {
    const file = `${folder}/gate.json`;
    await Deno.writeTextFile(file, `{ "qos": { "max-qos": 1 } }`);
    const { code, output } = await run(["show", "--origin", "--config", file]);
    assert.equal(code, 0);
    const all = JSON.parse(output);
    assert.deepEqual(all["qos.max-qos"], { value: 1, origin: `${file}:1:23` });
    assert.deepEqual(all["qos.downgrade"], { value: true, origin: "default" });
  }));

Deno.test("config schema prints the schema", async () => {
  const { code, output } = await run(["schema"]);
  assert.deepEqual([code, output], [0, JSON.stringify(configSchema(), null, 2)]);
});

Deno.test("bad arguments end with 2, help with 0 and examples", async () => {
  for (const args of [[], ["nope"], ["show", "extra"], ["show", "--nope"], ["show", "-c"], ["schema", "x"]]) {
    assert.equal((await run(args)).code, 2, args.join(" "));
  }
  for (const name of ["show", "schema"]) {
    const help = await run([name, "--help"]);
    assert.equal(help.code, 0);
    assert.match(help.output, /Examples:/);
  }
});

Deno.test("config show tells what the proxy pushed as it lies over the file", () =>
  inFolder(async (folder) => {
    const file = `${folder}/gate.json`;
    await Deno.writeTextFile(
      file,
      `{ "general": { "max-topic-levels": 5, "max-unanswered": 3 },
  "acl": { "rules": [{ "name": "own", "topics": "b", "decision": "allow", "priority": 7 }] } }`,
    );
    const json = JSON.stringify({
      general: { "max-topic-levels": 9 },
      acl: { rules: { pushed: { topics: "a/#", decision: "allow" } } },
    });
    await Deno.writeTextFile(`${folder}/push.json`, JSON.stringify({ version: 1, json, from: "proxy-1", atMs: 0 }));
    const { code, output, notes } = await run(["show", "-c", file, "--origin"], { AGENT_STATE_DIR: folder });
    assert.equal(code, 0);
    assert.match(notes, /^What proxy-1 pushed lies over the file/);
    const shown = JSON.parse(output);
    const push = "the proxy's push";
    assert.deepEqual(shown["general.max-topic-levels"], { value: 9, origin: push });
    assert.deepEqual(shown["general.max-unanswered"], { value: 3, origin: `${file}:1:57` });
    assert.deepEqual(shown["acl.rules[0].name"], { value: "pushed", origin: push });
    assert.equal(shown["acl.rules[0].priority"], undefined, "the file's list is no part of it");
    assert.equal((await run(["show", "-c", file, "--state-dir", `${folder}/none`])).code, 1);
  }));
