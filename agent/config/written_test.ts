import { deepEqual, equal, ok } from "node:assert/strict";
import { holdsSecrets, isSecret, leaves } from "./leaves.ts";
import { loadConfig } from "./load.ts";
import { formatPath, type Path } from "./problem.ts";
import { CONFIG } from "./schema/config.ts";
import { WrittenConfig } from "./written.ts";

const VARIABLES: Readonly<Record<string, string>> = { SECRET: "x".repeat(32) };

interface Sources {
  readonly text: string;
  readonly rulesText?: string;
}

function load({ text, rulesText }: Sources) {
  const loaded = loadConfig({
    file: { path: "dir/gate.json", text },
    env: (name) => VARIABLES[name],
    notYet: new Map(),
    read: () => rulesText === undefined ? { fault: "no such file" } : { text: rulesText },
  });
  ok("config" in loaded, "problems" in loaded ? loaded.problems.map(({ message }) => message).join("\n") : "");
  const rulesFile = rulesText === undefined ? null : { path: "dir/rules.json", text: rulesText };
  return { loaded, written: new WrittenConfig(loaded.config, { path: "dir/gate.json", text }, rulesFile) };
}

/** `file:line:column` of a value that is written, `-` and the place around it for a default. */
function placeOf(written: WrittenConfig, path: Path): string {
  const at = written.at(path);
  const [place] = written.places([at]);
  const where = place === null || place === undefined ? "nowhere" : `${place.file}:${place.line}:${place.column}`;
  return at?.value === undefined ? `- ${where}` : where;
}

const TEXT = `{
  "acl": {
    "rules_file": "rules.json",
    "rules": {
      "b": { "decision": "deny", "topics": "b", "max_qos": 1 },
      "a": { "decision": "allow", "topics": ["x", "y"], "priority": 5 }
    },
    "groups": { "g": ["u"] }
  },
  "auth": { "providers": { "jwt": { "secret": "\${SECRET}" }, "f": { "type": "file", "path": "u", "priority": 1 } } },
  "inspection": { "json-schema": { "topics": "t", "schema-file": "s" } },
  "qos": { "max_qos": 1 }
}`;

const RULES_TEXT = `{ "rules": [
  { "name": "c", "decision": "deny", "topics": "c" } ],
  "groups": { "h": "v" }, "tests": { "t": { "publish": "b", "expect": "deny" } } }`;

Deno.test("a value is found where it is written, in whatever way", () => {
  const { written } = load({ text: TEXT, rulesText: RULES_TEXT });
  const cases: readonly (readonly [Path, string])[] = [
    [["qos", "max-qos"], "dir/gate.json:12:23"],
    [["qos", "downgrade"], "- dir/gate.json:12:10"],
    [["acl", "rules-file"], "dir/gate.json:3:19"],
    [["acl", "rules", 0, "decision"], "dir/gate.json:6:26"],
    [["acl", "rules", 0, "topics", 1], "dir/gate.json:6:51"],
    [["acl", "rules", 0, "name"], "dir/gate.json:6:7"],
    [["acl", "rules", 1, "topics", 0], "dir/gate.json:5:44"],
    [["acl", "rules", 1, "max-qos"], "dir/gate.json:5:60"],
    [["acl", "rules", 2, "decision"], "dir/rules.json:2:30"],
    [["acl", "groups", "g", 0], "dir/gate.json:8:23"],
    [["acl", "groups", "h", 0], "dir/rules.json:3:20"],
    [["acl", "tests", 0, "expect"], "dir/rules.json:3:71"],
    [["auth", "providers", 0, "path"], "dir/gate.json:10:93"],
    [["auth", "providers", 0, "hot-reload"], "- dir/gate.json:10:67"],
    [["auth", "providers", 1, "type"], "dir/gate.json:10:28"],
    [["auth", "providers", 1, "from"], "- dir/gate.json:10:35"],
    [["inspection", "json-schema", 0, "schema-file"], "dir/gate.json:11:66"],
    [["inspection", "json-schema", 0, "topics", 0], "dir/gate.json:11:46"],
    [["general", "block-mode"], "- dir/gate.json:1:1"],
    [["bans"], "- dir/gate.json:1:1"],
  ];
  for (const [path, place] of cases) equal(placeOf(written, path), place, formatPath(path));
});

Deno.test("what is written is as it is spelled there, the environment not filled in", () => {
  const { written } = load({ text: TEXT, rulesText: RULES_TEXT });
  equal(written.at(["auth", "providers", 1, "secret"])?.value, "${SECRET}");
  equal(written.at(["auth", "providers", 1, "name"])?.value, "jwt");
});

Deno.test("a rules file may be a list", () => {
  const { written } = load({
    text: `{ "acl": { "rules-file": "rules.json", "rules": [{ "name": "a", "decision": "deny", "topics": "a" }] } }`,
    rulesText: `[{ "name": "c", "decision": "deny", "topics": "c" }]`,
  });
  equal(placeOf(written, ["acl", "rules", 0, "name"]), "dir/gate.json:1:60");
  equal(placeOf(written, ["acl", "rules", 1, "name"]), "dir/rules.json:1:12");
});

Deno.test("places agree with those of the loader for all that is written", () => {
  const { loaded, written } = load({ text: TEXT, rulesText: RULES_TEXT });
  let compared = 0;
  for (const { path } of leaves(CONFIG, loaded.config)) {
    const at = written.at(path);
    if (at?.value === undefined) continue;
    const { file, line, column } = loaded.originOf(path);
    // Of a name that is a key the loader tells the entry, which is as good.
    if (["name", "type"].includes(String(path.at(-1)))) continue;
    equal(placeOf(written, path), `${file}:${line}:${column}`, formatPath(path));
    compared++;
  }
  ok(compared > 12, `${compared}`);
});

Deno.test("without files nothing is written", () => {
  const loaded = loadConfig({ env: () => undefined });
  ok("config" in loaded);
  const written = new WrittenConfig(loaded.config, null, null);
  equal(written.at(["qos", "max-qos"]), null);
  deepEqual(written.places([null]), [null]);
});

Deno.test("20,000 rules keyed by name are found without sorting them again", () => {
  const rules = Array.from({ length: 20_000 }, (_, n) => `"r${n}": { "decision": "deny", "topics": "t/${n}" }`);
  const { written } = load({ text: `{ "acl": { "rules": {\n${rules.join(",\n")}\n} } }` });
  const started = performance.now();
  const found = Array.from({ length: 20_000 }, (_, index) => written.at(["acl", "rules", index, "topics"]));
  const [first] = written.places(found);
  equal(first?.line, 2);
  // Some 100 ms; with a sort for each it would be minutes.
  ok(performance.now() - started < 30_000);
});

Deno.test("leaves are scalars, free JSON and what is empty, each once", () => {
  const { loaded } = load({ text: TEXT, rulesText: RULES_TEXT });
  const paths = [...leaves(CONFIG, loaded.config)].map(({ path }) => formatPath(path));
  equal(new Set(paths).size, paths.length);
  for (const path of ["acl.rules[0].topics[1]", "acl.groups.g[0]", "bans", "auth.enhanced-auth", "admin.roles"]) {
    ok(paths.includes(path), path);
  }
  ok(!paths.includes("acl.rules"));
});

Deno.test("secrets are found in whatever holds them, and rules hold none", () => {
  const { loaded } = load({
    text: `{ "auth": { "providers": [{ "type": "http", "url": "http://a", "headers": { "k": "v" }, "body": { "a": 1 } },
      { "type": "jwt", "secret": "\${SECRET}" }] }, "agent": { "reverse": [{ "socket": "s", "token": "t" }] } }`,
  });
  const secret = [...leaves(CONFIG, loaded.config, [], { into: holdsSecrets })].filter(({ shape }) => isSecret(shape));
  deepEqual(secret.map(({ path }) => formatPath(path)), [
    "auth.providers[0].url",
    "auth.providers[0].headers.k",
    "auth.providers[0].body",
    "auth.providers[1].secret",
    "agent.reverse[0].token",
  ]);
  equal(holdsSecrets(CONFIG.properties.get("acl")?.shape ?? CONFIG), false);
});
