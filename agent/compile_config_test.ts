import assert from "node:assert/strict";
import { checkConfig } from "../cli/check_config.ts";
import { compiledAside } from "../tests/support/config_aside.ts";
import { testLogins } from "../tests/support/test_logins.ts";
import { createLogger } from "./log.ts";
import { ConfigurationError, PolicyStore } from "./policy_store.ts";

/** Valid by its form, and wrong wherever only compiling or comparing finds it. */
const WRONG = {
  auth: { "client-id-pattern": "(?=x)", "min-client-id-length": 9, "max-client-id-length": 8 },
  acl: {
    rules: [
      { name: "regex", match: { "username-regex": "a(" }, topics: ["a"], decision: "allow" },
      { name: "cidr", match: { "client-ip": "10.0.0.1/8" }, topics: ["a"], decision: "allow" },
      { name: "cidr", topics: ["a"], decision: "allow" },
    ],
  },
  bans: [{ "client-ip": "10.0.0.1/8" }],
  "auto-ban": { refusals: 3, "window-secs": 60, "ban-secs": 60, by: "client-ip", reasons: ["no-such-reason"] },
};

/** What each of them must be told by. */
const TOLD = [
  /line \d+, column \d+: auth\.client-id-pattern: .*"\(\?=x\)"/,
  /auth\.min-client-id-length: 9 is above "max-client-id-length"/,
  /line \d+, column \d+: acl\.rules\[0\]\.match\.username-regex: .*missing closing \)/,
  /line \d+, column \d+: acl\.rules\[1\]\.match\.client-ip/,
  /acl\.rules\[2\]\.name: another rule is named "cidr" too/,
  /line \d+, column \d+: bans\[0\]\.client-ip/,
  /auto-ban\.reasons\[0\]: there is no reason code "no-such-reason"/,
];

Deno.test("start, reload and check tell the same list, with all that is wrong, and a push the same without places", async () => {
  const file = await Deno.makeTempFile({ prefix: "problems-" });
  const options = {
    file,
    env: () => undefined,
    log: createLogger({ level: "error", write: (bytes) => Promise.resolve(bytes.length) }),
    wallMs: () => 0,
    logins: testLogins(),
  };
  await Deno.writeTextFile(file, "{}");
  const store = await PolicyStore.open(options);
  const pushed = (await store.push(WRONG, "proxy-1") ?? "").split("\n");
  await Deno.writeTextFile(file, JSON.stringify(WRONG, null, 2));
  const reloaded = (await store.reload("the test") ?? "").split("\n");
  await Deno.writeTextFile(file, "{}");
  const other = await PolicyStore.open({ ...options, ...compiledAside(options.env) });
  const pushedAside = (await other.push(WRONG, "proxy-1") ?? "").split("\n");
  await Deno.writeTextFile(file, JSON.stringify(WRONG, null, 2));
  const reloadedAside = (await other.reload("the test") ?? "").split("\n");
  const started = await PolicyStore.open(options).then(() => [], (error) => {
    assert.ok(error instanceof ConfigurationError);
    return [...error.problems];
  });
  const checked = (await checkConfig({ file, env: options.env, nowMs: 0 })).problems.map(({ message }) => message);
  for (const told of TOLD) assert.ok(started.some((line) => told.test(line)), `${told} in\n${started.join("\n")}`);
  assert.deepEqual(reloaded, started);
  assert.deepEqual(reloadedAside, started);
  assert.deepEqual(pushedAside, pushed);
  assert.deepEqual(checked, started);
  const withoutPlaces = started.map((line) => line.replace(/^.*?: line \d+, column \d+: /, ""));
  const words = pushed.map((line) => line.replace("Cannot load the proxy's push: ", ""));
  assert.deepEqual(words.sort(), withoutPlaces.sort());
  assert.ok(store.lastProblem !== null && store.current.number === 1, "nothing has changed");
  await Deno.remove(file);
});

Deno.test("what is wrong by its form hides nothing that is wrong otherwise", async () => {
  const config = {
    general: { "max-topic-levls": 3 },
    qos: { "max-qos": 7 },
    auth: { "client-id-pattern": "(", "min-client-id-length": 9, "max-client-id-length": 8 },
    acl: {
      groups: { ops: "a", "": 7 },
      rules: [
        { name: "form", topics: ["a"], decision: "perhaps" },
        "no object",
        { name: "regex", match: { "username-regex": "a(" }, topics: ["a"], decision: "allow" },
        { name: "both", match: { "client-ip": "10.0.0.1/8" }, topics: ["a"], decision: "allow", "max-qoss": 1 },
        { name: "cidr", match: { "client-ip": "10.0.0.1/8" }, topics: ["a"], decision: "allow" },
        { name: "regex", topics: ["a"], decision: "allow" },
      ],
      tests: [{ name: "not run", publish: "a", expect: "allow" }],
    },
    bans: [{ "client-ip": "10.0.0.1/8" }],
  };
  const file = await Deno.makeTempFile({ prefix: "problems-" });
  await Deno.writeTextFile(file, JSON.stringify(config, null, 1));
  const { problems } = await checkConfig({ file, env: () => undefined, nowMs: 0 });
  const paths = problems.map(({ path }) => path.join("."));
  for (
    const path of [
      "general",
      "qos.max-qos",
      "acl.groups..0",
      "acl.rules.0.decision",
      "acl.rules.1",
      "acl.rules.2.match.username-regex",
      "acl.rules.3",
      "acl.rules.4.match.client-ip.0",
      "acl.rules.5.name",
      "auth.client-id-pattern",
      "auth.min-client-id-length",
      "bans.0.client-ip",
    ]
  ) assert.ok(paths.includes(path), `${path} in\n${problems.map(({ message }) => message).join("\n")}`);
  assert.ok(!paths.some((path) => path.startsWith("acl.tests")));
  assert.ok(problems.every(({ place }) => place?.line !== undefined));
  await Deno.remove(file);
});

Deno.test("what is wrong in a rule or a section hides nothing else that is wrong in it, and adds nothing", async () => {
  const config = {
    auth: { "client-id-pattern": "(", "min-client-id-length": 200, "max-client-id-length": "x", providrs: [] },
    "rate-limit": {
      enabled: "yes",
      "per-clent": {},
      "per-client": { "messages-per-secnd": 5 },
      "per-topic": [{ topic: "a/#/b", limit: { "messages-per-second": 1 } }],
      control: { action: "drop" },
    },
    qos: { "max-qos": 7, "per-topic": [{ topic: "b/#/c", "max-qos": 1 }] },
    retained: { "max-size": -1, "allowed-topics": ["c/#/d"] },
    acl: {
      rules: [
        { name: "word", topics: ["d/#/e"], decision: "perhaps", "max-qos": 1 },
        { name: "key", match: { "client-ip": "10.0.0.1/8" }, topics: ["a"], decision: "allow", "max-qoss": 1 },
        { name: "topic", topics: [5, "e/#/f"], decision: "deny" },
        { name: "match", match: { username: 5, "client-id-regex": "a(" }, topics: ["a"], decision: "allow" },
        { name: "none", topic: ["a"], decision: "allow" },
        { name: "missing", topics: ["f/#/g"], "max-qos": 1 },
        { name: 5, topics: ["g/#/h"], decision: "allow" },
        { topics: ["h/#/i"], decision: "allow" },
      ],
    },
  };
  const file = await Deno.makeTempFile({ prefix: "problems-" });
  await Deno.writeTextFile(file, JSON.stringify(config, null, 1));
  const { problems } = await checkConfig({ file, env: () => undefined, nowMs: 0 });
  assert.deepEqual(problems.map(({ path }) => path.join(".")).sort(), [
    "acl.rules.0.decision",
    "acl.rules.0.topics.0",
    "acl.rules.1",
    "acl.rules.1.match.client-ip.0",
    "acl.rules.2.topics.0",
    "acl.rules.2.topics.1",
    "acl.rules.3.match.client-id-regex",
    "acl.rules.3.match.username",
    "acl.rules.4",
    "acl.rules.5",
    "acl.rules.5.topics.0",
    "acl.rules.6.name",
    "acl.rules.6.topics.0",
    "acl.rules.7",
    "acl.rules.7.topics.0",
    "auth",
    "auth.client-id-pattern",
    "auth.max-client-id-length",
    "qos.max-qos",
    "qos.per-topic.0.topic",
    "rate-limit",
    "rate-limit.control.action",
    "rate-limit.enabled",
    "rate-limit.per-client",
    "rate-limit.per-topic.0.topic",
    "retained.allowed-topics.0",
    "retained.max-size",
  ]);
  await Deno.remove(file);
});

Deno.test("tests fail beside what else is wrong, as long as the rules are right", async () => {
  const config = {
    auth: { "client-id-pattern": "(" },
    acl: { rules: [], tests: [{ name: "open", publish: "a", expect: "allow" }] },
  };
  const file = await Deno.makeTempFile({ prefix: "problems-" });
  await Deno.writeTextFile(file, JSON.stringify(config));
  const { problems } = await checkConfig({ file, env: () => undefined, nowMs: 0 });
  assert.deepEqual(problems.map(({ path }) => path.join(".")), ["auth.client-id-pattern", "acl.tests.0"]);
  await Deno.remove(file);
});

Deno.test("a rule whose name is another than its key hides nothing either", async () => {
  const config = { acl: { rules: { key: { name: "other", topics: "a/#/b", decision: "allow" } } } };
  const file = await Deno.makeTempFile({ prefix: "problems-" });
  await Deno.writeTextFile(file, JSON.stringify(config));
  const { problems } = await checkConfig({ file, env: () => undefined, nowMs: 0 });
  assert.deepEqual(problems.map(({ path }) => path.join(".")), ["acl.rules.0.name", "acl.rules.0.topics.0"]);
  await Deno.remove(file);
});
