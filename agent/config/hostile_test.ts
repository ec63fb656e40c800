import { deepEqual, equal, ok } from "node:assert/strict";
import { loadConfig } from "./load.ts";

const env = () => undefined;
const NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"];

/** As with `--unstable-unsafe-proto`: assigning `__proto__` replaces the prototype, as everywhere but in Deno. */
function withProtoAccessor(test: () => void): () => void {
  return () => {
    Object.defineProperty(Object.prototype, "__proto__", {
      configurable: true,
      get() {
        return Object.getPrototypeOf(this);
      },
      set(prototype: unknown) {
        if (typeof prototype === "object") Object.setPrototypeOf(this, prototype);
      },
    });
    try {
      test();
    } finally {
      Reflect.deleteProperty(Object.prototype, "__proto__");
    }
  };
}

function names(): void {
  const rules = NAMES.map((name) => `"${name}": { "decision": "deny", "topics": "a" }`);
  const groups = NAMES.map((name) => `"${name}": ["${name}"]`);
  const text = `{ "acl": { "rules": { ${rules} }, "groups": { ${groups} },
    "tests": [{ "name": "__proto__", "publish": "a", "expect": "deny", "as": { "groups": "constructor" } }] } }`;
  for (const given of [{ file: { path: "gate.json", text } }, { push: JSON.parse(text) }]) {
    const loaded = loadConfig({ ...given, env });
    ok("config" in loaded);
    const { acl } = loaded.config;
    deepEqual(acl.rules.map(({ name }) => name), [...NAMES].sort());
    deepEqual(Object.keys(acl.groups), [...NAMES].sort());
    for (const name of NAMES) deepEqual(acl.groups[name], [name]);
    equal(acl.groups["isPrototypeOf"], undefined);
  }
}

Deno.test("names that every object has are names like others", names);
Deno.test("names that every object has are names like others, with an accessor __proto__", withProtoAccessor(names));

function pushedPrototype(): void {
  const push = JSON.parse(`{ "acl": { "groups": { "__proto__": ["mallory"] }, "rules": [
    { "name": "a", "decision": "allow", "match": { "attributes": { "__proto__": "x", "constructor": "y" } } }] } }`);
  const loaded = loadConfig({
    file: { path: "gate.json", text: `{ "acl": { "groups": { "g": ["u"] } } }` },
    push,
    env,
  });
  ok("config" in loaded);
  deepEqual(Object.keys(loaded.config.acl.groups), ["__proto__", "g"]);
  deepEqual(Object.entries(loaded.config.acl.rules[0]?.match?.attributes ?? {}), [["__proto__", "x"], [
    "constructor",
    "y",
  ]]);
  equal(loaded.config.acl.rules[0]?.match?.attributes?.["toString"], undefined);
}

Deno.test("a pushed prototype is a group's name and nobody's prototype", pushedPrototype);
Deno.test("a pushed prototype is nobody's prototype, with an accessor __proto__", withProtoAccessor(pushedPrototype));

Deno.test("keys of ours that every object has are refused where they are no names", () => {
  for (const name of NAMES) {
    const loaded = loadConfig({ push: JSON.parse(`{ "acl": { "${name}": { "enabled": false } } }`), env });
    ok("problems" in loaded, name);
    deepEqual(loaded.problems.map(({ text }) => text), [`unknown key "${name}"`]);
  }
});

function protoLimit(): void {
  const text = `{ "inspection": { "json-limits": { "__proto__": "allow" } } }`;
  const loaded = loadConfig({ file: { path: "gate.json", text }, env, notYet: new Map() });
  ok("config" in loaded);
  equal(loaded.config.inspection["json-limits"]["__proto__"], "allow");
  const defaults = loadConfig({ env });
  ok("config" in defaults);
  equal(defaults.config.inspection["json-limits"]["__proto__"], "deny");
  const snake = loadConfig({
    push: JSON.parse(`{ "inspection": { "json-schema": {
    "__proto__": { "schema_file": "/s", "topics": "a" } } } }`),
    env,
    read: () => ({ text: "{}" }),
    notYet: new Map(),
  });
  ok("config" in snake);
  equal(snake.config.inspection["json-schema"][0]?.name, "__proto__");
}

Deno.test("json-limits has a key __proto__ of its own", protoLimit);
Deno.test("json-limits has a key __proto__ of its own, with an accessor __proto__", withProtoAccessor(protoLimit));

Deno.test(
  "a prototype inside an entry keyed by name is an unknown key",
  withProtoAccessor(() => {
    const push = JSON.parse(
      `{ "acl": { "rules": { "a": { "__proto__": { "decision": "allow" }, "decision": "deny" } } } }`,
    );
    const loaded = loadConfig({ push, env });
    ok("problems" in loaded);
    deepEqual(loaded.problems.map(({ text }) => text), [`unknown key "__proto__"`]);
  }),
);

Deno.test("100,000 rules load, and each is found again", () => {
  const rules = Array.from(
    { length: 100_000 },
    (_, index) => `{ "name": "r${index}", "decision": "deny", "topics": "t/${index}" }`,
  );
  const loaded = loadConfig({
    file: { path: "gate.json", text: `{ "acl": { "rules": [\n${rules.join(",\n")}\n] } }` },
    env,
  });
  ok("config" in loaded);
  equal(loaded.config.acl.rules.length, 100_000);
  const { line } = loaded.originOf(["acl", "rules", 77_777, "topics", 0]);
  equal(line, 77_779);
});

Deno.test("100,000 rules keyed by name load in order", () => {
  const rules = Object.fromEntries(
    Array.from({ length: 100_000 }, (_, index) => [`r${index}`, { decision: "deny", priority: index % 7 }]),
  );
  const loaded = loadConfig({ push: { acl: { rules } }, env });
  ok("config" in loaded);
  equal(loaded.config.acl.rules[0]?.name, "r1000");
  equal(loaded.config.acl.rules.at(-1)?.name, "r99995");
});

Deno.test("10 MB of one text, or of blanks, is read and refused for what it is", () => {
  const long = "x".repeat(10_000_000);
  const loaded = loadConfig({ file: { path: "gate.json", text: `{ "acl": { "${long}": "${long}" } }` }, env });
  ok("problems" in loaded);
  deepEqual(loaded.problems.map(({ text }) => text), [`unknown key "${"x".repeat(63)}…"`]);
  const blank = loadConfig({ file: { path: "gate.json", text: `${" \n".repeat(5_000_000)}{}` }, env });
  ok("config" in blank);
  const topic = JSON.stringify({ acl: { rules: [{ name: "a", decision: "deny", topics: [long] }] } });
  const refused = loadConfig({ file: { path: "gate.json", text: topic }, env });
  ok("problems" in refused);
  deepEqual(refused.problems.map(({ text }) => text), ["the text is longer than 65535 characters"]);
});

Deno.test("a pushed value that nests without end is refused, not a stack overflow", () => {
  const deep = JSON.parse(`${"[".repeat(5000)}${"]".repeat(5000)}`);
  const push = { inspection: { "json-schema": { schema: deep, topics: "a" } } };
  const loaded = loadConfig({ push, env });
  ok("problems" in loaded);
  ok(loaded.problems.some(({ text }) => text === "nested deeper than 100 levels"));
});
