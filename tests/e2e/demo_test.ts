import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Watch } from "../../demo/watch.ts";

const MAIN = fileURLToPath(new URL("../../demo/main.ts", import.meta.url));

/** The permissions of `deno task demo`. */
const PERMISSIONS = ["--no-prompt", "--allow-env", "--allow-net", "--allow-read", "--allow-write=/tmp", "--allow-run"];

/** A running demo: its lines as they come, and its exit code. */
function startDemo(args: readonly string[]) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...PERMISSIONS, MAIN, ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    detached: true, // A process group of its own, for Ctrl-C to reach all of it.
  }).spawn();
  const lines = new Watch<string>();
  const read = (async () => {
    let rest = "";
    for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + piece).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) lines.add(line);
    }
  })();
  const ended = Promise.all([child.status, read]).then(([{ code }]) => code);
  return { lines, ended, interrupt: () => Deno.kill(-child.pid, "SIGINT") };
}

/** Directories of demos and their brokers that are there now. */
function traces(): string[] {
  return [...Deno.readDirSync("/tmp")].map(({ name }) => name).filter((name) => name.startsWith("sentinel-mqtt-demo-"));
}

/** The lines of a demo that ended well; again while a crowded machine makes verdicts late, and the demo says so. */
async function playOnce(args: readonly string[]): Promise<readonly string[]> {
  for (let attempt = 1;; attempt++) {
    const { lines, ended } = startDemo(args);
    const code = await ended;
    if (code !== 0 && attempt < 4 && lines.seen.some((line) => line.includes("no verdict"))) continue;
    assert.equal(code, 0, lines.seen.join("\n"));
    return lines.seen;
  }
}

for (const protocol of ["v1", "v2"]) {
  Deno.test(`deno task demo --once --protocol ${protocol} shows who was refused and why`, async () => {
    const before = traces();
    const lines = await playOnce(["--once", "--protocol", protocol, "--pool", "4"]);
    const shown = lines.join("\n");
    assert.match(
      shown,
      /sensor-kitchen +PUBLISH sensors\/sensor-kitchen\/temperature +allow +rule sensors-write-their-own/,
    );
    assert.match(shown, /sensor-garage +PUBLISH sensors\/sensor-garage\/temperature +drop +.*\(inspection-sqli\)/);
    assert.match(shown, /technician-1 +CONNECT +(close +Proving the login takes longer|allow)/);
    assert.match(shown, /technician-1 +SUBSCRIBE sensors\/# +allow/);
    assert.match(shown, /sensor-kitchen +CONNECT +close +The password is wrong, or there is none \(wrong-password\)/);
    assert.match(shown, /sensor-garage +PUBLISH actuators\/garage-door +drop +No rule allows/);
    assert.match(shown, /sensor-attic +PUBLISH actuators\/skylight +close +No rule allows/);
    assert.match(shown, /snoop +SUBSCRIBE # +drop +A rule denies .*no-internals/);
    assert.match(shown, /sensor-bequest +CONNECT internal\/alarm +close +A rule denies/);
    assert.match(shown, /GET \/mqtt, upgrade to WebSocket +403 +The client offered a WebSocket extension/);
    assert.match(shown, /\b0 late$/m);
    assert.match(shown, /unseen +0 frames passed without a verdict/);
    assert.doesNotMatch(shown, /✗/);
    assert.ok(!shown.includes("\x1b"), "no colours where nobody sees them");
    assert.deepEqual(traces(), before);
  });
}

Deno.test("deno task demo goes on until Ctrl-C, and leaves nothing behind", async () => {
  const before = traces();
  const { lines, ended, interrupt } = startDemo([]);
  await lines.until((line) => line.includes("HTTP 403"), "the end of the first round");
  interrupt();
  assert.equal(await ended, 0);
  assert.ok(lines.seen.includes("Summary"));
  assert.deepEqual(traces(), before);
});
