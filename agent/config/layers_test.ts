import { deepEqual, equal, notEqual, ok, throws } from "node:assert/strict";
import { loadConfig } from "./load.ts";
import { type LoadedConfig, resolveLayers } from "./layers.ts";
import { formatPath, type Path } from "./problem.ts";

const env = () => undefined;
const RULE = `"decision": "allow", "topics": "a"`;

interface Given {
  readonly text?: string;
  readonly push?: unknown;
  readonly files?: Readonly<Record<string, string>>;
}

function resolve({ text, push, files = {} }: Given) {
  return resolveLayers({
    ...(text === undefined ? {} : { file: { path: "/etc/gate/gate.json", text } }),
    push,
    env,
    read: (path) => Object.hasOwn(files, path) ? { text: files[path] ?? "" } : { fault: "no such file" },
  });
}

function loaded(given: Given): LoadedConfig {
  const result = resolve(given);
  ok("config" in result, "problems" in result ? result.problems.map(({ message }) => message).join("\n") : "");
  return result;
}

function refused(given: Given): string[] {
  const result = resolve(given);
  ok("problems" in result, "accepted");
  return result.problems.map(({ message }) => message);
}

function origin({ originOf }: LoadedConfig, path: Path): string {
  const { layer, line, column } = originOf(path);
  return line === undefined ? layer : `${layer} ${line}:${column}`;
}

Deno.test("the push wins over the file, key by key; lists replace", () => {
  const { config } = loaded({
    text: `{ "acl": { "default-action": "allow", "unwrap": ["a/", "b/"], "groups": { "g": ["a"], "h": ["b"] },
      "rules": [{ "name": "file", ${RULE} }] }, "general": { "max-sessions": 5 } }`,
    push: {
      acl: { unwrap: "c/", groups: { g: ["z"] }, rules: { pushed: { decision: "deny" } } },
      general: { max_connections_per_ip: 1 },
    },
  });
  equal(config.acl["default-action"], "allow");
  deepEqual(config.acl.unwrap, ["c/"]);
  deepEqual({ ...config.acl.groups }, { g: ["z"], h: ["b"] });
  deepEqual(config.acl.rules.map(({ name }) => name), ["pushed"]);
  deepEqual([config.general["max-sessions"], config.general["max-connections-per-ip"]], [5, 1]);
});

Deno.test("an empty push changes nothing, nor does none", () => {
  const text = `{ "acl": { "default-action": "allow" } }`;
  const { version } = loaded({ text });
  for (const push of [undefined, null, {}, { acl: {} }]) equal(loaded({ text, push }).version, version);
});

Deno.test("the version is that of the effective configuration, however it is written", () => {
  const { version } = loaded({ text: `{ "acl": { "default-action": "allow", "groups": { "a": "x", "b": ["y"] } } }` });
  ok(/^[0-9a-f]{12}$/.test(version));
  const same: readonly Given[] = [
    { text: `{ /* c */ "acl": { "groups": { "b": "y", "a": ["x"] }, "default_action": "allow", }, }` },
    { push: { acl: { groups: { b: "y", a: "x" }, "default-action": "allow" } } },
    {
      text: `{ "acl": { "default-action": "deny", "groups": { "b": "y" } } }`,
      push: { acl: { "default-action": "allow", groups: { a: "x" } } },
    },
    {
      text:
        `{ "acl": { "default-action": "allow", "enabled": true, "groups": { "a": "x", "b": "y" } }, "general": {} }`,
    },
  ];
  for (const given of same) equal(loaded(given).version, version, JSON.stringify(given));
  notEqual(loaded({ text: `{ "acl": { "default-action": "allow" } }` }).version, version);
  const attributes = [`"a": "1", "b": "2"`, `"b": "2", "a": "1"`].map((text) =>
    loaded({ text: `{ "acl": { "rules": [{ "name": "a", "match": { "attributes": { ${text} } }, ${RULE} }] } }` })
      .version
  );
  equal(attributes[0], attributes[1]);
  const reordered =
    `{ "acl": { "rules": [{ "decision": "deny", "match": { "groups": "g", "username": "u" }, "name": "a" }] } }`;
  const ordered =
    `{ "acl": { "rules": [{ "name": "a", "match": { "username": "u", "groups": ["g"] }, "decision": "deny" }] } }`;
  equal(loaded({ text: reordered }).version, loaded({ text: ordered }).version);
});

Deno.test("the effective configuration is frozen through and through", () => {
  const { config } = loaded({
    text: `{ "acl": { "rules": [{ "name": "a", "match": { "client_ip": "::1", "attributes": { "a": "b" } }, ${RULE} }],
      "groups": { "g": ["u"] } } }`,
    push: { acl: { tests: [{ name: "t", publish: "a", expect: "deny", as: { groups: ["g"] } }] } },
  });
  const walk = (value: unknown, path: string) => {
    if (typeof value !== "object" || value === null) return;
    ok(Object.isFrozen(value), path);
    for (const [key, child] of Object.entries(value)) walk(child, `${path}.${key}`);
  };
  walk(config, "config");
  throws(() => config.acl.rules.push(), TypeError);
});

Deno.test("originOf() tells the layer of a value and its place", () => {
  const found = loaded({
    text: `{\n  "acl": {\n    "default_action": "allow",\n    "groups": { "g": ["a"] },\n    "rules": {\n` +
      `      "low": { ${RULE} },\n      "high": { "priority": 1, "decision": "allow", "topics": ["a", "b"] } } },\n` +
      `  "rate-limit": { "per-topic": { "t/#": { "limit": { "messages-per-second": 3 } } } } }`,
    push: { acl: { groups: { h: ["b"] } }, general: { routes: "r" } },
  });
  const cases: readonly (readonly [Path, string])[] = [
    [["acl", "default-action"], "file 3:23"],
    [["acl", "enabled"], "defaults"],
    [["general", "max-sessions"], "defaults"],
    [["general", "routes", 0], "push"],
    [["acl", "groups", "g", 0], "file 4:23"],
    [["acl", "groups", "h"], "push"],
    [["acl", "rules", 0, "topics", 1], "file 7:69"],
    [["acl", "rules", 1, "topics", 0], "file 6:47"],
    [["acl", "rules", 1, "name"], "file 6:14"],
    [["acl", "rules", 1, "max-qos"], "defaults"],
    [["acl", "rules", 1, "match", "groups"], "defaults"],
    [["rate-limit", "per-topic", 0, "limit", "messages-per-second"], "file 8:77"],
    [["rate-limit", "per-topic", 0, "topic"], "file 8:41"],
    [["rate-limit", "per-topic", 0, "limit", "burst"], "defaults"],
    [["rate-limit", "per-topic", 0, "scope"], "defaults"],
    [["rate-limit", "per-topic", 0, "limit", "quota"], "defaults"],
    [["inspection", "patterns"], "defaults"],
    [["no", "such"], "defaults"],
  ];
  for (const [path, expected] of cases) equal(origin(found, path), expected, formatPath(path));
});

Deno.test("problemsAt() words what a compiler finds, with its place", () => {
  const { problemsAt } = loaded({
    text: `{ "acl": { "rules-file": "more.json", "rules": [\n  { "name": "a", ${RULE} } ] } }`,
    push: { general: { routes: ["r"] } },
    files: { "/etc/gate/more.json": `[\n  { "name": "b", "decision": "deny", "topics": ["x", "#/y"] } ]` },
  });
  const told = problemsAt([
    { path: ["acl", "rules", 1, "topics", 1], message: `"#" must be the last level` },
    { path: ["acl", "rules", 0, "topics", 0], message: "no good" },
    { path: ["general", "routes", 0], message: "no such route" },
    { path: ["acl", "rules", 1, "match", "client-ip", 0], message: "not there" },
    { path: ["acl", "enabled"], message: "is on" },
  ]);
  deepEqual(told.map(({ message }) => message).sort(), [
    `Cannot load "/etc/gate/gate.json": line 2, column 49: acl.rules[0].topics[0]: no good`,
    `Cannot load "/etc/gate/more.json": line 2, column 3: [0].match.client-ip[0]: not there`,
    `Cannot load "/etc/gate/more.json": line 2, column 54: [0].topics[1]: "#" must be the last level`,
    `Cannot load the defaults: acl.enabled: is on`,
    `Cannot load the proxy's push: general.routes[0]: no such route`,
  ]);
});

Deno.test("the rules file holds a list of rules, which stand after the others", () => {
  const { config, files, ...found } = loaded({
    text: `{ "acl": { "rules_file": "rules/more.json", "rules": [{ "name": "a", ${RULE} }] } }`,
    files: { "/etc/gate/rules/more.json": `// more\n[ { "name": "b", "max_qos": 1, ${RULE} }, ]` },
  });
  deepEqual(config.acl.rules.map(({ name }) => name), ["a", "b"]);
  deepEqual(config.acl.rules[1]?.topics, ["a"]);
  deepEqual(files, ["/etc/gate/gate.json", "/etc/gate/rules/more.json"]);
  equal(config.acl["rules-file"], "rules/more.json");
  equal(origin({ config, files, ...found }, ["acl", "rules", 1, "max-qos"]), "rules-file 2:29");
  equal(origin({ config, files, ...found }, ["acl", "rules", 0, "name"]), "file 1:65");
});

Deno.test("the rules file may hold rules keyed by name, groups and tests", () => {
  const found = loaded({
    text: `{ "acl": { "rules-file": "/srv/more.json", "groups": { "g": "u" },
      "tests": { "t": { "publish": "a", "expect": "deny" } } } }`,
    files: {
      "/srv/more.json":
        `{ "rules": { "b": { ${RULE} }, "c": { "priority": 1, ${RULE} } },\n "groups": { "h": ["v"] },\n` +
        ` "tests": { "s": { "receive": "b", "expect": "deny" } } }`,
    },
  });
  deepEqual(found.config.acl.rules.map(({ name }) => name), ["c", "b"]);
  deepEqual({ ...found.config.acl.groups }, { g: ["u"], h: ["v"] });
  deepEqual(found.config.acl.tests.map(({ name }) => name), ["t", "s"]);
  equal(origin(found, ["acl", "rules", 1, "decision"]), "rules-file 1:33");
  equal(origin(found, ["acl", "groups", "h", 0]), "rules-file 2:20");
  equal(origin(found, ["acl", "groups", "g", 0]), "file 1:61");
  equal(origin(found, ["acl", "tests", 1, "receive"]), "rules-file 3:31");
  equal(origin(found, ["acl", "tests", 0, "expect"]), "file 2:51");
});

Deno.test("what is wrong with the rules file is told in its own lines, together with the rest", () => {
  deepEqual(
    refused({
      text: `{ "acl": { "rules-file": "more.json", "rules": [{ "name": "a" }], "groups": { "g": [] } } }`,
      push: { general: { "block-mode": 1 } },
      files: {
        "/etc/gate/more.json":
          `{ "rules": [\n { "name": "b", "decision": "deny", "topic": 1 }],\n "groups": { "g": ["x"] } }`,
      },
    }),
    [
      `Cannot load "/etc/gate/gate.json": line 1, column 49: acl.rules[0]: "decision" is missing`,
      `Cannot load the proxy's push: general.block-mode: expected true or false, found 1`,
      `Cannot load "/etc/gate/more.json": line 2, column 37: rules[0]: unknown key "topic" (did you mean "topics"?)`,
      `Cannot load "/etc/gate/more.json": line 3, column 14: groups.g: the configuration has a group of that name already`,
    ],
  );
  deepEqual(refused({ text: `{ "acl": { "rules-file": "more.json" } }`, files: { "/etc/gate/more.json": "[\n{" } }), [
    `Cannot load "/etc/gate/more.json": line 2, column 2: expected a key in double quotes or "}", found the end of the file`,
  ]);
  deepEqual(refused({ text: `{ "acl": { "rules-file": "more.json" } }`, files: { "/etc/gate/more.json": "" } }), [
    `Cannot load "/etc/gate/more.json": line 1, column 1: expected a value, found the end of the file`,
  ]);
  deepEqual(refused({ text: `{ "acl": { "rules-file": "more.json" } }`, files: { "/etc/gate/more.json": "{}" } }), [
    `Cannot load "/etc/gate/more.json": line 1, column 1: "rules" is missing`,
  ]);
});

Deno.test("a rules file that cannot be read refuses the configuration at the key that names it", () => {
  deepEqual(refused({ text: `{ "acl": {\n  "rules-file": "more.json" } }` }), [
    `Cannot load "/etc/gate/gate.json": line 2, column 17: acl.rules-file: cannot read "/etc/gate/more.json": no such file`,
  ]);
  // Who watches the files can load again once it is there.
  const { files } = resolve({ text: `{ "acl": { "rules-file": "more.json" } }` });
  deepEqual(files, ["/etc/gate/gate.json", "/etc/gate/more.json"]);
});

Deno.test("a rule of the rules file with a name that is taken is refused there", () => {
  deepEqual(
    refused({
      text: `{ "acl": { "rules-file": "more.json", "rules": [{ "name": "a", ${RULE} }] } }`,
      files: { "/etc/gate/more.json": `[\n  { "name": "a", ${RULE} }]` },
    }),
    [`Cannot load "/etc/gate/more.json": line 2, column 13: [0].name: another rule is named "a" too`],
  );
});

Deno.test("a rules file that the proxy names must be absolute, and its rules stand after the pushed ones", () => {
  deepEqual(refused({ push: { acl: { "rules-file": "more.json" } } }), [
    "Cannot load the proxy's push: acl.rules-file: what the proxy pushes must be an absolute path",
  ]);
  const { config } = loaded({
    text: `{ "acl": { "rules": [{ "name": "a", ${RULE} }] } }`,
    push: { acl: { "rules-file": "/srv/more.json", rules: { p: { decision: "deny" } } } },
    files: { "/srv/more.json": `[{ "name": "b", ${RULE} }]` },
  });
  deepEqual(config.acl.rules.map(({ name }) => name), ["p", "b"]);
});

Deno.test("a relative rules file is found beside the configuration, wherever that is named from", () => {
  const files = { "more.json": `[{ "name": "b", ${RULE} }]`, "conf/more.json": `[{ "name": "c", ${RULE} }]` };
  for (const [path, name] of [["gate.json", "b"], ["conf/gate.json", "c"]] as const) {
    const result = resolveLayers({
      file: { path, text: `{ "acl": { "rules-file": "more.json" } }` },
      env,
      read: (path) => ({ text: new Map(Object.entries(files)).get(path) ?? "" }),
    });
    ok("config" in result);
    equal(result.config.acl.rules[0]?.name, name);
  }
});

Deno.test("a pushed configuration is told by its path alone", () => {
  deepEqual(refused({ push: true }), ["Cannot load the proxy's push: expected an object, found true"]);
  deepEqual(refused({ push: { acl: { rules: { a: { max_qoss: 1, decision: "deny" } } } } }), [
    `Cannot load the proxy's push: acl.rules[0]: unknown key "max_qoss" (did you mean "max-qos"?)`,
  ]);
});

Deno.test("files that providers name stand beside the file that names them; the proxy names them whole", () => {
  const providers = [
    { type: "file", path: "users.json" },
    { type: "jwt", jwks_file: "keys/a.jwks" },
    { type: "jwt", "public-key-file": "/etc/key.pem" },
    { type: "http", url: "https://a", "tls-ca-file": "ca.pem" },
    { type: "certificate", header: "Client-Cert", "trusted-ca-file": "../ca.pem" },
  ];
  const text = JSON.stringify({ auth: { providers } });
  const loaded = loadConfig({ file: { path: "/etc/gate/gate.json", text }, env: () => undefined });
  ok("config" in loaded);
  deepEqual(
    loaded.config.auth.providers.map((provider) => {
      switch (provider.type) {
        case "file":
          return provider.path;
        case "jwt":
          return provider["jwks-file"] ?? provider["public-key-file"];
        case "http":
          return provider["tls-ca-file"];
        case "certificate":
          return provider["trusted-ca-file"];
        default:
          return provider satisfies never;
      }
    }),
    ["/etc/gate/users.json", "/etc/gate/keys/a.jwks", "/etc/key.pem", "/etc/gate/ca.pem", "/etc/gate/../ca.pem"],
  );
  const pushed = loadConfig({
    file: { path: "/etc/gate/gate.json", text: "{}" },
    push: { auth: { providers: [{ type: "file", path: "users.json" }] } },
    env: () => undefined,
  });
  ok("problems" in pushed);
  deepEqual(pushed.problems.map(({ message }) => message), [
    "Cannot load the proxy's push: auth.providers[0].path: what the proxy pushes must be an absolute path",
  ]);
});
