import assert from "node:assert/strict";
import { allReasons } from "../agent/reasons.ts";
import { runCommand } from "./console.ts";
import { reasonsCommand } from "./reasons.ts";
import { type Captured, captured } from "./test_console.ts";

async function run(...args: string[]): Promise<Captured & { code: number }> {
  const on = captured();
  const code = await runCommand(reasonsCommand(on), args, on);
  return { ...on, code };
}

Deno.test("reasons lists every code with its tag, what happened and what to do", async () => {
  const { code, output } = await run();
  assert.equal(code, 0);
  for (const reason of allReasons()) {
    const entry = `${reason.code} [${reason.tag}]\n    ${reason.text}\n    → ${reason.advice}`;
    assert.ok(output().split("\n\n").includes(entry), reason.code);
  }
});

Deno.test("reasons CODE shows one in full", async () => {
  const { code, output } = await run("mqtt-second-connect");
  assert.equal(code, 0);
  assert.deepEqual(output().split("\n"), [
    "code:          mqtt-second-connect",
    "what happened: A second CONNECT on one connection",
    "what to do:    The client breaks the standard: update or replace its MQTT library, and look at who sends this",
    "audit tags:    mqtt, blocked, protocol-error",
    "severity:      warning",
    "close code:    1008, where it closes",
    "clause:        MQTT-3.1.0-2",
  ]);
});

Deno.test("reasons --json is for scripts", async () => {
  assert.deepEqual(JSON.parse((await run("--json")).output()), JSON.parse(JSON.stringify(allReasons())));
  assert.equal(JSON.parse((await run("acl-no-rule", "--json")).output()).tag, "acl-denied");
});

Deno.test("an unknown code is an error of arguments, with the nearest one", async () => {
  const near = await run("acl-norule");
  assert.deepEqual([near.code, near.output(), near.notes()], [
    2,
    "",
    'Cannot find the reason "acl-norule": there is none of that code (did you mean "acl-no-rule"?)',
  ]);
  const far = await run("zzzzzzzzz");
  assert.deepEqual([far.code, far.notes()], [2, 'Cannot find the reason "zzzzzzzzz": there is none of that code']);
});

Deno.test("more than one code and unknown flags are errors of arguments; --help has examples", async () => {
  assert.equal((await run("a", "b")).code, 2);
  assert.equal((await run("--nope")).code, 2);
  const help = await run("--help");
  assert.equal(help.code, 0);
  assert.match(help.output(), /Examples:/);
});
