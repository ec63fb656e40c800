import assert from "node:assert/strict";
import { openStateDirectory } from "./state_directory.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mqtt-state-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function environment(variables: Record<string, string>): (name: string) => string | undefined {
  const map = new Map(Object.entries(variables));
  return (name) => map.get(name);
}

Deno.test("the state directory is what was said first: flag, variable, systemd, the user's own place", () =>
  inFolder(async (folder) => {
    const all = {
      AGENT_STATE_DIR: `${folder}/variable`,
      STATE_DIRECTORY: `${folder}/systemd:${folder}/other`,
      XDG_STATE_HOME: `${folder}/xdg`,
      HOME: `${folder}/home`,
    };
    const cases: readonly [given: string | null, variables: Record<string, string>, path: string][] = [
      [`${folder}/flag`, all, "flag"],
      [null, all, "variable"],
      [null, { ...all, AGENT_STATE_DIR: "" }, "systemd"],
      [null, { XDG_STATE_HOME: all.XDG_STATE_HOME, HOME: all.HOME }, "xdg/sentinel-mqtt-agent"],
      [null, { XDG_STATE_HOME: "relative", HOME: all.HOME }, "home/.local/state/sentinel-mqtt-agent"],
    ];
    for (const [given, variables, path] of cases) {
      assert.deepEqual(await openStateDirectory(given, environment(variables)), { path: `${folder}/${path}` });
      assert.deepEqual([...Deno.readDirSync(`${folder}/${path}`)], []);
      assert.equal((Deno.statSync(`${folder}/${path}`).mode ?? 0) & 0o077, 0);
    }
  }));

Deno.test("what was asked for and cannot be used is a problem, what nobody asked for is done without", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    const asked = await openStateDirectory(`${folder}/file`, environment({}));
    assert.ok("problem" in asked);
    assert.match(asked.problem, /^Cannot keep state in ".*file": it is no directory/);
    const own = await openStateDirectory(null, environment({ XDG_STATE_HOME: `${folder}/file` }));
    assert.ok("path" in own && own.path === null);
    const none = await openStateDirectory(null, environment({}));
    assert.ok("path" in none && none.path === null);
  }));
