import assert from "node:assert/strict";
import { Command } from "commander";
import { checkCommand, type CheckNeeds } from "./check.ts";
import { asJson, checkConfig, type CheckOptions, type CheckResult } from "./check_config.ts";
import { exitCodeOf, runCommand } from "./console.ts";
import { captured, NOW_MS } from "./test_console.ts";

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}, needs: CheckNeeds = {}) {
  const on = captured(env);
  const code = await runCommand(checkCommand(on, needs), args, on);
  return { code, output: on.output(), notes: on.notes() };
}

/** Checks a text, with everything built and no other files. */
function check(text: string, options: Partial<CheckOptions> = {}): Promise<CheckResult> {
  return checkConfig({
    file: "gate.json",
    env: () => undefined,
    nowMs: NOW_MS,
    notYet: new Map(),
    files: { read: (path) => path === "gate.json" ? { text } : { fault: "no such file" }, mode: () => 0o600 },
    ...options,
  });
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "check_" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function lines({ problems }: CheckResult): string[] {
  return problems.map(({ place, text }) => `${place?.line}:${place?.column} ${text}`);
}

Deno.test("all that loading refuses is told at once", async () => {
  const result = await check(`{ "acl": { "ruls": [] },\n  "general": { "block-mode": 0 } }`);
  assert.deepEqual([result.ok, lines(result), result.warnings], [
    false,
    ['1:12 unknown key "ruls" (did you mean "rules"?)', "2:30 expected true or false, found 0"],
    [],
  ]);
});

Deno.test("all that compiling refuses is told at once, in the rules and outside of them", async () => {
  const result = await check(`{
  "acl": {
    "unwrap": ["queue/"],
    "rules": [
      { "name": "a", "decision": "allow", "topics": ["x", "a/#/b"] },
      { "name": "b", "decision": "allow", "topics": "x", "match": { "client-ip": "10.0.0.1/8", "username-regex": "(" } }
    ]
  },
  "auth": { "client-id-pattern": "a(?=b)" },
  "bans": [{ "client-ip": "10.0.0.1/8" }]
}`);
  assert.equal(result.ok, false);
  assert.deepEqual(lines(result).map((line) => line.split(" ", 4).join(" ")), [
    "3:16 Cannot unwrap topics",
    "5:59 Cannot use topic",
    '6:82 Cannot use "10.0.0.1/8"',
    "6:114 Cannot use regex",
    "9:34 Cannot use regex",
    "10:27 Cannot ban address",
  ]);
});

Deno.test("tests of the configuration that fail are problems", async () => {
  const result = await check(`{ "acl": {
    "rules": [{ "name": "a", "decision": "allow", "topics": "x" }],
    "tests": [
      { "name": "t", "publish": "x", "expect": "allow" },
      { "name": "u", "publish": "x", "expect": "deny" },
      { "name": "v", "publish": "y", "expect": "deny", "rule": "zz" }
    ] } }`);
  assert.deepEqual([result.ok, lines(result)], [false, [
    '5:7 Cannot accept test "u": publish "x" should be "deny" but is "allow": rule "a" decides',
    '6:7 Cannot run test "v": there is no rule "zz"',
  ]]);
});

Deno.test("warnings are told beside the problems of compiling", async () => {
  const { ok, problems, warnings } = await check(
    `{ "general": { "fail-open": true }, "acl": { "rules": [{ "name": "a", "decision": "allow", "topics": "a/#/b" }] } }`,
  );
  assert.deepEqual([ok, problems.length, warnings.map(({ code }) => code)], [false, 1, ["fail-open"]]);
});

Deno.test("providers are asked where all else is right, and only there", async () => {
  const asked: unknown[] = [];
  const providerProblems: CheckOptions["providerProblems"] = (config) => {
    asked.push(config.auth.providers[0]?.type);
    return Promise.resolve(['Cannot read "users": no such file']);
  };
  const text = `{ "auth": { "enabled": true, "providers": { "file": { "path": "users" } } } }`;
  const result = await check(text, { providerProblems });
  assert.deepEqual([result.ok, result.problems, asked], [
    false,
    [{
      kind: "provider",
      place: null,
      path: [],
      text: 'Cannot read "users": no such file',
      message: 'Cannot read "users": no such file',
    }],
    ["file"],
  ]);
  await check(`{ "acl": { "rules": [{ "name": "a", "decision": "allow" }] } }`, { providerProblems });
  assert.equal(asked.length, 1);
});

Deno.test("a thousand problems of compiling are told, the rest is counted", async () => {
  const rules = Array.from({ length: 1500 }, (_, n) => ({ name: `r${n}`, decision: "allow", topics: "a/#/b" }));
  const { problems } = await check(JSON.stringify({ acl: { rules } }));
  assert.deepEqual([problems.length, problems.at(-1)?.message], [1001, "500 more problems"]);
});

Deno.test("the JSON form has all its members, whatever there is to say", async () => {
  assert.deepEqual(asJson(await check("{}")), { ok: true, problems: [], warnings: [] });
  const { problems, warnings } = asJson(
    await check(
      `{ "general": { "fail-open": true },\n  "acl": { "rules": [{ "name": "a", "decision": "allow", "topics": "a/#/b" }] } }`,
      { file: "gate.json" },
    ),
  ) as { problems: unknown[]; warnings: unknown[] };
  assert.deepEqual(problems, [{
    kind: "check",
    file: "gate.json",
    line: 2,
    column: 68,
    path: "acl.rules[0].topics[0]",
    text: 'Cannot use topic "a/#/b" in a rule: "#" must be the last level',
    message: 'Cannot load "gate.json": line 2, column 68: acl.rules[0].topics[0]: ' +
      'Cannot use topic "a/#/b" in a rule: "#" must be the last level',
  }]);
  assert.deepEqual(warnings, [{
    code: "fail-open",
    file: "gate.json",
    line: 1,
    column: 29,
    path: "general.fail-open",
    text: "a packet that the agent fails on passes",
    advice: "Leave general.fail-open out, unless a fault of the agent must never stop a device",
  }]);
  const missing = asJson(await check("", { file: "none.json" })) as { problems: unknown[] };
  assert.deepEqual(missing.problems, [{
    kind: "read",
    file: "none.json",
    line: null,
    column: null,
    path: "",
    text: "no such file",
    message: 'Cannot read "none.json": no such file',
  }]);
});

Deno.test("check prints what is wrong and what is doubtful, and ends with 3, 0 or 2", () =>
  inFolder(async (folder) => {
    const file = `${folder}/gate.json`;
    await Deno.writeTextFile(file, `{ "acl": {\n  "ruls": [],\n  "default-action": "alow" } }`);
    assert.deepEqual(await run(["-c", file]), {
      code: 3,
      output: [
        `error: ${file}:2:3: acl: unknown key "ruls" (did you mean "rules"?)`,
        `error: ${file}:3:21: acl.default-action: "alow" is none of "allow", "deny" (did you mean "allow"?)`,
        `${file} has 2 problems`,
      ].join("\n"),
      notes: "",
    });
    await Deno.writeTextFile(file, `{ "general": { "block-mode": false } }`);
    assert.deepEqual(await run(["-c", file]), {
      code: 0,
      output: [
        `warning: ${file}:1:30: general.block-mode: refusals are only told: every packet passes [detect-only]`,
        "    → Set general.block-mode to true once the audit shows what is expected",
        `${file} can be started with, 1 warning`,
      ].join("\n"),
      notes: "",
    });
    assert.deepEqual(JSON.parse((await run(["--json", "-c", file])).output).ok, true);
    const missing = await run(["-c", `${folder}/none.json`]);
    assert.deepEqual([missing.code, missing.output.split("\n")[0]], [
      3,
      `error: Cannot read "${folder}/none.json": no such file`,
    ]);
    assert.equal((await run(["-c", `${folder}/none.json`, "--json"])).code, 3);
    for (const args of [["--nope"], ["extra"], ["-c"]]) assert.equal((await run(args)).code, 2, args.join(" "));
    assert.deepEqual(await run([]), { code: 0, output: "the defaults can be started with", notes: "" });
    assert.match((await run([], { MQTT_CONFIG: file })).output, /1 warning$/);
  }));

Deno.test("check asks for providers if it is told how", async () => {
  const needs = { providerProblems: () => Promise.resolve(["Cannot do that: it is so"]) };
  const { code, output } = await run([], {}, needs);
  assert.deepEqual([code, output.split("\n")], [3, ["error: Cannot do that: it is so", "the defaults has 1 problem"]]);
});

Deno.test("check --help has examples and every lint", async () => {
  const { code, output } = await run(["--help"]);
  assert.equal(code, 0);
  assert.match(output, /Examples:\n {2}check -c mqtt-gateway\.json\n/);
  assert.match(output, /^ {2}rule-shadowed {12}a rule that can never decide/m);
});

Deno.test("mounted in a program the command keeps its name, output and exit codes", async () => {
  const on = captured();
  const program = new Command("agent").exitOverride().addCommand(checkCommand(on));
  await program.parseAsync(["check"], { from: "user" });
  assert.equal(on.output(), "the defaults can be started with");
  const failed = await program.parseAsync(["check", "-c", "/nowhere/x"], { from: "user" }).catch((error) => error);
  assert.equal(exitCodeOf(failed, on), 3);
  const wrong = await program.parseAsync(["check", "--nope"], { from: "user" }).catch((error) => error);
  assert.equal(exitCodeOf(wrong, on), 2);
});

Deno.test("100,000 rules are checked without comparing each with all others", async () => {
  const rules = Array.from({ length: 100_000 }, (_, n) => ({
    name: `r${n}`,
    match: { "client-id": `dev-${n}` },
    topics: [`x/${n}/#`, n % 2 === 0 ? "y/+" : `z/${n}`],
    decision: n % 3 === 0 ? "deny" : "allow",
  }));
  const started = performance.now();
  assert.ok((await check(JSON.stringify({ acl: { rules } }))).ok);
  // Some two seconds, on an idle machine; ten thousand million comparisons would take an hour.
  assert.ok(performance.now() - started < 120_000);
});
