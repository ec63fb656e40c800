import { deepEqual, equal, ok } from "node:assert/strict";
import { loadConfig } from "./load.ts";

/** The examples of the product page, as they stand there. */
const EXAMPLES = ["acl", "auth", "inspection", "rate_limit", "qos", "retained", "full"] as const;

const env = (name: string) => name === "JWT_SECRET" ? "a secret of the tests, 32 bytes long" : undefined;

/** Of the file that an example names. */
const aSchema = () => ({ text: `{ "type": "object" }` });

function example(name: string): string {
  return Deno.readTextFileSync(new URL(`./testdata/page_${name}.json`, import.meta.url));
}

/** Every value of an example is one of the effective configuration; what the page writes as one object is a list of one. */
function contains(effective: unknown, given: unknown, path: string): void {
  if (Array.isArray(effective) && !Array.isArray(given)) return contains(effective[0], given, path);
  if (typeof given !== "object" || given === null) return equal(effective, given, path);
  ok(typeof effective === "object" && effective !== null, path);
  const have = new Map(Object.entries(effective));
  for (const [key, value] of Object.entries(given)) {
    if (value === "${JWT_SECRET}") equal(have.get(key), env("JWT_SECRET"));
    else contains(have.get(key), value, `${path}.${key}`);
  }
}

for (const name of EXAMPLES) {
  Deno.test(`the page's example ${name} loads unchanged once all of it is built`, () => {
    const text = example(name);
    const loaded = loadConfig({ file: { path: "gate.json", text }, env, read: aSchema, notYet: new Map() });
    deepEqual("problems" in loaded ? loaded.problems.map(({ message }) => message) : [], []);
    ok("config" in loaded);
    contains(loaded.config, JSON.parse(text), "");
  });
}

Deno.test("all examples of the page load", () => {
  for (const name of ["auth", "inspection", "rate_limit", "qos", "retained", "full"]) {
    const loaded = loadConfig({ file: { path: "gate.json", text: example(name) }, read: aSchema, env });
    deepEqual("problems" in loaded ? loaded.problems : [], [], name);
  }
  const loaded = loadConfig({ file: { path: "gate.json", text: example("acl") }, env });
  ok("config" in loaded);
  deepEqual(loaded.config.acl.rules.map(({ name }) => name), ["sensor-publish", "admin-full-access", "block-internal"]);
});

Deno.test("the page's block for the proxy, as the proxy sends it", () => {
  const push = { acl: { "default-action": "deny", enabled: true }, auth: { "allow-anonymous": false, enabled: true } };
  const loaded = loadConfig({ push, env });
  ok("config" in loaded);
  deepEqual([loaded.config.auth.enabled, loaded.config.auth["allow-anonymous"]], [true, false]);
});
