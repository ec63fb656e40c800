import assert from "node:assert/strict";
import { runCommand } from "./console.ts";
import { testCommand } from "./rule_tests.ts";
import { captured } from "./test_console.ts";

interface Folder {
  readonly path: string;
  write(name: string, text: string): Promise<string>;
  /** Runs `test …` with the configuration, if there is one. */
  run(...args: readonly string[]): Promise<{ code: number; output: string[]; notes: string }>;
}

async function inFolder(work: (folder: Folder) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "rule_tests_" });
  try {
    await work({
      path,
      async write(name, text) {
        await Deno.writeTextFile(`${path}/${name}`, text);
        return `${path}/${name}`;
      },
      async run(...args) {
        const on = captured();
        const code = await runCommand(testCommand(on), args, on);
        return { code, output: on.output().split("\n"), notes: on.notes() };
      },
    });
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

const CONFIG = `{ "acl": {
  "rules": [
    { "name": "own", "topics": "dev/\${clientid}/#", "decision": "allow", "max-qos": 1 },
    { "name": "no-secrets", "topics": "dev/+/secret", "decision": "deny", "priority": 1 }
  ],
  "tests": [
    { "name": "own topics", "as": { "client-id": "a" }, "publish": "dev/a/x", "expect": "allow", "rule": "own" },
    { "name": "no secrets", "as": { "client-id": "a" }, "publish": "dev/a/secret", "expect": "deny" }
  ] } }`;

Deno.test("the tests of the configuration pass", () =>
  inFolder(async ({ write, run }) => {
    assert.deepEqual(await run("-c", await write("gate.json", CONFIG)), {
      code: 0,
      output: ["2 passed, 0 failed"],
      notes: "",
    });
  }));

Deno.test("a test that fails is told with its place, what was decided and by which rule, and ends with 4", () =>
  inFolder(async ({ write, run }) => {
    const config = await write("gate.json", CONFIG.replace('"expect": "deny"', '"expect": "allow"'));
    const tests = await write(
      "more.json",
      `// of the new devices
[
  { "name": "wide", "as": { "client-id": "a" }, "subscribe": "dev/#", "expect": "allow", },
  { "name": "mine", "as": { "client-id": "a" }, "subscribe": "dev/a/y", "expect": "allow" },
  { "name": "qos", "as": { "client-id": "a" }, "publish": "dev/a/y", "qos": 2, "expect": "allow" },
]`,
    );
    const object = await write(
      "object.json",
      `{ "tests": { "other": { "publish": "dev/b/x", "expect": "deny", "rule": "own" } } }`,
    );
    const { code, output, notes } = await run(tests, object, "-c", config);
    assert.deepEqual([code, notes], [4, ""]);
    assert.deepEqual(output, [
      `${config}:8:5: Cannot accept test "no secrets": publish "dev/a/secret" should be "allow" but is "deny": rule "no-secrets" decides`,
      `${tests}:3:3: Cannot accept test "wide": subscribe "dev/#" should be "allow" but is "deny": rule "no-secrets" decides`,
      `${tests}:5:3: Cannot accept test "qos": publish "dev/a/y" should be "allow" but is "deny": rule "own" allows it, but not with this QoS`,
      `${object}:1:23: Cannot accept test "other": publish "dev/b/x" should be "deny" by rule "own" but is "deny": no rule applies, and the default denies`,
      "2 passed, 4 failed",
    ]);
  }));

Deno.test("without a configuration the defaults are tested, which allow nothing", () =>
  inFolder(async ({ write, run }) => {
    const tests = await write("t.json", `[{ "name": "t", "publish": "a", "expect": "deny" }]`);
    assert.deepEqual((await run(tests)).output, ["1 passed, 0 failed"]);
    assert.deepEqual((await run()).output, ["0 passed, 0 failed"]);
  }));

Deno.test("a file of tests that cannot be read ends with 1", () =>
  inFolder(async ({ path, run }) => {
    const { code, notes } = await run(`${path}/a.json`, `${path}/b.json`);
    assert.deepEqual([code, notes.split("\n")], [1, [
      `Cannot read "${path}/a.json": no such file`,
      `Cannot read "${path}/b.json": no such file`,
    ]]);
  }));

Deno.test("a configuration or a file of tests with problems ends with 3 and tells them all", () =>
  inFolder(async ({ path, write, run }) => {
    const bad = await write(
      "bad.json",
      `[\n  { "name": "t", "publsh": "a", "expect": "deny" },\n  { "name": "u", "publish": 5, "expect": "no" }\n]`,
    );
    const broken = await write("broken.json", "[");
    const other = await write("other.json", `{ "test": [] }`);
    const { code, notes, output } = await run(bad, broken, other);
    assert.deepEqual([code, output], [3, [""]]);
    assert.deepEqual(notes.split("\n"), [
      `Cannot load "${bad}": line 2, column 18: [0]: unknown key "publsh" (did you mean "publish"?)`,
      `Cannot load "${bad}": line 3, column 29: [1].publish: expected a text, found 5`,
      `Cannot load "${bad}": line 3, column 42: [1].expect: "no" is none of "allow", "deny"`,
      `Cannot load "${broken}": line 1, column 2: expected a value, found the end of the file`,
      `Cannot load "${other}": line 1, column 1: "tests" is missing`,
      `Cannot load "${other}": line 1, column 3: unknown key "test" (did you mean "tests"?)`,
    ]);
    const config = await write("gate.json", `{ "acl": { "ruls": [] } }`);
    assert.equal((await run("-c", config)).code, 3);
    assert.equal((await run("-c", `${path}/none.json`)).code, 3);
    const uncompiled = await write(
      "gate.json",
      `{ "acl": { "rules": { "a": { "topics": "a/#/b", "decision": "deny" } } } }`,
    );
    const refused = await run("-c", uncompiled);
    assert.equal(refused.code, 3);
    assert.match(refused.notes, /line 1, column 40: acl\.rules\[0\]\.topics\[0\]: Cannot use topic/);
  }));

Deno.test("bad arguments end with 2, help with 0 and examples", () =>
  inFolder(async ({ run }) => {
    assert.equal((await run("--nope")).code, 2);
    assert.equal((await run("-c")).code, 2);
    const help = await run("--help");
    assert.equal(help.code, 0);
    assert.match(help.output.join("\n"), /Examples:/);
  }));
