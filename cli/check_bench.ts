/** What checking costs with 100,000 rules, beside loading and compiling them: `deno bench cli/check_bench.ts`. */
import { checkConfig } from "./check_config.ts";
import { compileConfig } from "../agent/compile_config.ts";
import { loadWritten } from "./load_written.ts";

const env = () => undefined;

const SHAPES: Readonly<Record<string, (n: number) => string>> = {
  "one device each": (n) =>
    `{ "name": "r${n}", "match": { "client-id": "dev-${n}" }, "topics": ["x/${n}/#"], "decision": "allow" }`,
  "one regex each": (n) =>
    `{ "name": "r${n}", "match": { "username-regex": "^sensor-${n}$" }, "topics": ["sensors/${n}/data"], ` +
    `"actions": ["publish"], "decision": "allow", "max-qos": 1 }`,
  "exact topics": (n) => `{ "name": "r${n}", "topics": ["x/${n}/data/temp"], "decision": "allow" }`,
  "deny rules among allow rules": (n) =>
    `{ "name": "r${n}", "topics": ["b/${n}/${n % 2 === 0 ? "#" : "x"}"], "decision": "${
      n % 2 === 0 ? "allow" : "deny"
    }" }`,
  "all alike": (n) => `{ "name": "r${n}", "topics": ["a/b"], "decision": "allow" }`,
};

for (const [name, shape] of Object.entries(SHAPES)) {
  const text = `{ "acl": { "rules": [\n${Array.from({ length: 100_000 }, (_, n) => shape(n)).join(",\n")}\n] } }`;
  const read = () => ({ text });
  const file = "gate.json";
  const options = { group: name, n: 3, warmup: 1 };
  Deno.bench(`load and compile 100,000 rules: ${name}`, { ...options, baseline: true }, () => {
    const result = loadWritten({ file, env, read });
    if ("problems" in result) throw new Error(name);
    compileConfig(result.loaded, { number: 1, testsAtMs: Date.now() });
  });
  Deno.bench(`check 100,000 rules: ${name}`, options, async () => {
    await checkConfig({ file, env, nowMs: Date.now(), files: { read, mode: () => null } });
  });
}
