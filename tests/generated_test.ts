import assert from "node:assert/strict";
// deno-lint-ignore no-import-prefix
import { Ajv2020 } from "ajv/dist/2020.js";
import { configSchema } from "../agent/config/json_schema.ts";
import { parseJsonc } from "../agent/config/jsonc.ts";
import { CONFIG } from "../agent/config/schema/config.ts";
import { loadConfig } from "../agent/config/mod.ts";
import { runEmbeddedTests } from "../agent/policy/acl/mod.ts";
import { compilePolicy } from "../agent/policy/policy.ts";
import { GENERATED } from "../scripts/generated.ts";

const root = new URL("../", import.meta.url);

for (const [path, make] of GENERATED) {
  Deno.test(`${path} is in step with the code`, async () => {
    assert.equal(await Deno.readTextFile(new URL(path, root)), await make(), "run: deno task docs");
  });
}

Deno.test("every example of docs/configuration.md is a configuration, one for each section, that passes its own tests", async () => {
  const page = await Deno.readTextFile(new URL("docs/configuration.md", root));
  const examples = [...page.matchAll(/^```jsonc\n(.*?)^```$/gms)].map(([, text]) => text as string);
  assert.equal(examples.length, CONFIG.keys.length);
  const ajv = new Ajv2020({ strict: false });
  const fits = ajv.compile(configSchema());
  const env = (name: string) => name === "AUTH_TOKEN" ? "token" : undefined;
  for (const text of examples) {
    const loaded = loadConfig({ file: { path: "example", text }, env, notYet: new Map() });
    assert.ok("config" in loaded, "problems" in loaded ? loaded.problems.map(({ message }) => message).join("\n") : "");
    const compiled = compilePolicy(loaded.config, { number: 1, hash: loaded.version });
    assert.ok("policy" in compiled, JSON.stringify(compiled));
    const { tests } = loaded.config.acl;
    assert.deepEqual(runEmbeddedTests(compiled.policy.acl, tests, Date.parse("2026-06-01T00:00:00Z")), []);
    const parsed = parseJsonc(text);
    assert.ok("value" in parsed && fits(parsed.value), `${text}: ${JSON.stringify(fits.errors)}`);
  }
});
