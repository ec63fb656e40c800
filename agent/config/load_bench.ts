import { loadConfig } from "./load.ts";

const env = () => undefined;

function rules(count: number): string {
  const lines = Array.from(
    { length: count },
    (_, index) =>
      `{ "name": "rule-${index}", "match": { "username-regex": "^sensor-${index}$" }, "topics": ["sensors/${index}/data"], ` +
      `"actions": ["publish"], "decision": "allow", "max-qos": 1 }`,
  );
  return `{ "acl": { "rules": [\n${lines.join(",\n")}\n] } }`;
}

for (const count of [10, 1000, 100_000]) {
  const text = rules(count);
  const options = count > 1000 ? { n: 5, warmup: 1 } : {};
  Deno.bench(`loadConfig() of ${count} rules, ${(text.length / 1e6).toFixed(1)} MB`, options, () => {
    loadConfig({ file: { path: "gate.json", text }, env });
  });
  const push: unknown = JSON.parse(text);
  Deno.bench(`loadConfig() of ${count} pushed rules`, options, () => {
    loadConfig({ push, env });
  });
}
