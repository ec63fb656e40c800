import assert from "node:assert/strict";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const VERSION = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url))).version as string;

const STATE = await Deno.makeTempDir({ prefix: "mqtt-cli-state-" });
globalThis.addEventListener("unload", () => Deno.removeSync(STATE, { recursive: true }));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function command(args: readonly string[], env: Record<string, string> = {}): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-read", "--allow-write", "--allow-net", "--allow-env", MAIN, ...args],
    // Nothing of a test is to be found in the home of who runs it.
    env: { NO_COLOR: "1", AGENT_STATE_DIR: STATE, ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const { code, stdout, stderr } = await command(args, env).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

/** A running agent: resolves when it listens, or with what it said when it ended. */
async function start(args: readonly string[], env: Record<string, string> = {}): Promise<Running> {
  const child = command(args, env).spawn();
  const running = new Running(child);
  await running.waitFor("Listening");
  return running;
}

class Running {
  text = "";
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<string>;

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  }

  async waitFor(words: string): Promise<void> {
    while (!this.text.includes(words)) {
      const { done, value } = await this.#reader.read();
      if (done) throw new Error(`it ended, having said: ${this.text}`);
      this.text += value;
    }
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Sends a signal and waits for the end. */
  async end(signal: Deno.Signal = "SIGTERM"): Promise<number> {
    this.#child.kill(signal);
    return await this.#ended();
  }

  async #ended(): Promise<number> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) break;
      this.text += value;
    }
    await this.#child.stdout.cancel();
    return (await this.#child.status).code;
  }
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mqtt-cli-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("--version prints name and version, --help every option with an example", async () => {
  const version = await run(["--version"]);
  assert.deepEqual([version.code, version.out], [0, `sentinel-mqtt-agent ${VERSION}\n`]);
  const help = await run(["--help"]);
  assert.equal(help.code, 0);
  for (
    const words of ["--socket", "AGENT_SOCKET", "--grpc-address", "--config", "--log-level", "--json-logs", "Examples"]
  ) {
    assert.ok(help.out.includes(words), words);
  }
});

Deno.test("bad arguments end with 2", async () => {
  for (const args of [["--nope"], ["--log-level", "loud"], ["extra"], ["--socket"], ["--grpc-address", "0.0.0.0:1"]]) {
    const { code, err } = await run(args);
    assert.equal(code, 2, args.join(" "));
    assert.notEqual(err, "");
  }
  assert.equal((await run([], { MQTT_LOG_LEVEL: "loud" })).code, 2);
  assert.match((await run(["--grpc-address", "0.0.0.0:1"])).err, /not built yet/);
});

Deno.test("a bad configuration ends with 3 and tells each problem with its place", () =>
  inFolder(async (folder) => {
    const file = `${folder}/bad.json`;
    const missing = await run(["--config", `${folder}/none.json`]);
    assert.equal(missing.code, 3);
    assert.match(missing.err, /^Cannot read ".*none\.json": no such file\n$/);
    await Deno.writeTextFile(file, '{\n  "acl": {\n    "ruls": [],\n    "default-action": "perhaps"\n  }\n}\n');
    const bad = await run(["--config", file, "--socket", `${folder}/s`]);
    assert.equal(bad.code, 3);
    assert.match(bad.err, /line 3, column 5: acl: unknown key "ruls" \(did you mean "rules"\?\)/);
    assert.match(bad.err, /line 4, column \d+: acl\.default-action/);
    await assert.rejects(Deno.stat(`${folder}/s`));
  }));

Deno.test("a socket of mode 0660 is served and removed at the end; signals end it with 0", () =>
  inFolder(async (folder) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const socket = `${folder}/agent.sock`;
      const agent = await start(["-s", socket]);
      assert.equal(((await Deno.stat(socket)).mode ?? 0) & 0o777, 0o660);
      (await Deno.connect({ transport: "unix", path: socket })).close();
      assert.equal(await agent.end(signal), 0);
      await assert.rejects(Deno.stat(socket), Deno.errors.NotFound);
    }
  }));

Deno.test("an idle connection of a proxy does not hold the end up", () =>
  inFolder(async (folder) => {
    const agent = await start(["-s", `${folder}/s`]);
    const connection = await Deno.connect({ transport: "unix", path: `${folder}/s` });
    assert.equal(await agent.end(), 0);
    // Where the signal was quicker than the accept, the end comes as a reset.
    const read = await connection.read(new Uint8Array(1)).catch((error) => {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      return null;
    });
    assert.equal(read, null);
    connection.close();
  }));

Deno.test("a stale socket is replaced, one where an agent answers and a path that is no socket are errors", () =>
  inFolder(async (folder) => {
    const socket = `${folder}/agent.sock`;
    const killed = await start(["-s", socket]);
    await killed.end("SIGKILL");
    assert.ok((await Deno.lstat(socket)).isSocket);
    const agent = await start(["-s", socket]);
    const second = await run(["-s", socket]);
    assert.deepEqual([second.code, second.err], [1, `Cannot listen on "${socket}": another agent answers there\n`]);
    assert.equal(await agent.end(), 0);

    await Deno.writeTextFile(`${folder}/file`, "precious");
    const third = await run(["-s", `${folder}/file`]);
    assert.equal(third.code, 1);
    assert.match(third.err, /it exists and is not a socket/);
    assert.equal(await Deno.readTextFile(`${folder}/file`), "precious");
    const fourth = await run(["-s", `${folder}/nowhere/agent.sock`]);
    assert.equal(fourth.code, 1);
    assert.match(fourth.err, /^Cannot listen on /);
  }));

Deno.test("a flag goes before the environment, the environment before the default", () =>
  inFolder(async (folder) => {
    const env = { AGENT_SOCKET: `${folder}/env`, MQTT_JSON_LOGS: "true", MQTT_CONFIG: `${folder}/env.json` };
    await Deno.writeTextFile(`${folder}/env.json`, "{}");
    const fromEnv = await start([], env);
    assert.ok((await Deno.stat(`${folder}/env`)).isSocket);
    assert.equal(JSON.parse(fromEnv.text.split("\n")[0] as string).socket, `${folder}/env`);
    await fromEnv.end();
    const fromFlag = await start(["--socket", `${folder}/flag`, "--json-logs", "false"], env);
    assert.ok((await Deno.stat(`${folder}/flag`)).isSocket);
    assert.throws(() => JSON.parse(fromFlag.text.split("\n")[0] as string));
    await fromFlag.end();
    const off = await start(["-s", `${folder}/off`], { MQTT_JSON_LOGS: "false" });
    assert.throws(() => JSON.parse(off.text.split("\n")[0] as string));
    await off.end();
  }));

Deno.test("the configuration may name socket and mode, which a flag overrules", () =>
  inFolder(async (folder) => {
    const file = `${folder}/agent.json`;
    await Deno.writeTextFile(
      file,
      JSON.stringify({ agent: { socket: `${folder}/configured`, "socket-mode": "0600" } }),
    );
    const configured = await start(["-c", file]);
    assert.equal(((await Deno.stat(`${folder}/configured`)).mode ?? 0) & 0o777, 0o600);
    await configured.end();
    const flagged = await start(["-c", file, "-s", `${folder}/flag`]);
    assert.ok((await Deno.stat(`${folder}/flag`)).isSocket);
    await flagged.end();
  }));

Deno.test("secrets of the environment are in no message", () =>
  inFolder(async (folder) => {
    const file = `${folder}/secret.json`;
    await Deno.writeTextFile(
      file,
      '{ "acl": { "default-action": "${TOP_SECRET}", "rules": [{ "name": "${TOP_SECRET}" }] } }',
    );
    const { code, err } = await run(["-c", file], { TOP_SECRET: "hunter2-hunter2" });
    assert.equal(code, 3);
    assert.ok(!err.includes("hunter2"), err);
  }));

Deno.test("the configuration is read again when its file changes, and on SIGHUP", () =>
  inFolder(async (folder) => {
    const config = `${folder}/agent.json`;
    const rule = (name: string) => JSON.stringify({ acl: { rules: [{ name, topics: ["a"], decision: "allow" }] } });
    await Deno.writeTextFile(config, rule("one"));
    const agent = await start(["--socket", `${folder}/agent.sock`, "--config", config]);
    await Deno.writeTextFile(`${folder}/new.json`, rule("two"));
    await Deno.rename(`${folder}/new.json`, config);
    await agent.waitFor("Another configuration is in force");
    await Deno.writeTextFile(config, "{ not json");
    agent.signal("SIGHUP");
    await agent.waitFor("nothing has changed");
    assert.equal(await agent.end(), 0);
  }));

Deno.test("a large configuration that changes is compiled by another thread, with the permissions and the environment of the agent", () =>
  inFolder(async (folder) => {
    const config = `${folder}/agent.json`;
    const write = async (decision: string) => {
      const rules = Array.from({ length: 2000 }, (_, n) => ({
        name: `rule-${n}`,
        topics: ["${A_SITE}/" + n, `and/so/on/${n}/#`],
        decision,
      }));
      await Deno.writeTextFile(`${folder}/new.json`, JSON.stringify({ acl: { rules } }));
      await Deno.rename(`${folder}/new.json`, config);
    };
    await write("allow");
    const args = ["--socket", `${folder}/agent.sock`, "--config", config, "--log-level", "debug"];
    const agent = await start(args, { A_SITE: "here" });
    await write("deny");
    await agent.waitFor("Another configuration is in force");
    assert.match(agent.text, /Another thread compiled the configuration/);
    await write("perhaps");
    await agent.waitFor("nothing has changed");
    assert.match(agent.text, /line 1, column \d+: acl\.rules\[0\]\.decision/);
    assert.ok(!agent.text.includes("failed"), agent.text);
    assert.equal(await agent.end(), 0);
  }));

Deno.test("users are added on the command line and prove themselves by what was printed", () =>
  inFolder(async (folder) => {
    const file = `${folder}/users.json`;
    const { code, out } = await run(["users", "add", "pump", "--generate", "--file", file]);
    assert.equal(code, 0);
    assert.match(out, /^[A-Z2-7]{32}\n$/);
    assert.ok(!(await Deno.readTextFile(file)).includes(out.trim()));
    assert.equal((await run(["users", "nonsense"])).code, 2);
    const help = await run(["--help"]);
    assert.match(help.out, /users +add, change/);
  }));

Deno.test("a users file with problems keeps the agent from starting", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/users.json`, `{ "users": { "a": { "password_hash": "plain" } } }`);
    await Deno.writeTextFile(
      `${folder}/agent.json`,
      JSON.stringify({ auth: { enabled: true, providers: [{ type: "file", path: "users.json" }] } }),
    );
    const { code, err } = await run(["--socket", `${folder}/agent.sock`, "--config", `${folder}/agent.json`]);
    assert.equal(code, 3);
    assert.match(err, /users\.json/);
  }));

Deno.test("a configuration is checked, shown and tested, and reasons are explained, without starting anything", () =>
  inFolder(async (folder) => {
    const config = `${folder}/agent.json`;
    const tests = [{ name: "a", as: {}, publish: "a", expect: "allow" }];
    const rules = [{ name: "all", topics: ["a"], decision: "allow" }];
    await Deno.writeTextFile(config, JSON.stringify({ acl: { rules, tests } }));
    assert.equal((await run(["check", "-c", config])).code, 0);
    const started = ["--socket", `${folder}/none.sock`, "-c", config, "--log-level", "warn"];
    for (const args of [["--check-config", ...started], [...started, "--check-config"]]) {
      const checked = await run(args);
      assert.deepEqual([checked.code, checked.err], [0, ""], args.join(" "));
    }
    assert.equal(JSON.parse((await run(["-c", config, "--check-config", "--json"])).out).ok, true);
    const unread = await run(["--check-config"], { MQTT_CONFIG: `${folder}/nowhere.json` });
    assert.deepEqual([unread.code, unread.out.includes("no such file")], [3, true]);
    assert.equal((await run(["--json"])).code, 2);
    await assert.rejects(Deno.stat(`${folder}/none.sock`), Deno.errors.NotFound);
    assert.equal((await run(["test", "-c", config])).code, 0);
    assert.match((await run(["config", "show", "-c", config])).out, /"default-action": "deny"/);
    assert.match((await run(["config", "schema"])).out, /"\$schema"/);
    assert.match((await run(["reasons", "acl-no-rule"])).out, /acl-denied/);
    const allowed = await run(["explain", "-c", config, "--client-id", "c", "publish", "a", "--exit-code"]);
    assert.deepEqual([allowed.code, allowed.err], [0, ""]);
    assert.match(allowed.out, /^ALLOWED: PUBLISH "a", QoS 0\n[^]*DECIDES +1\. "all"/);
    const refused = await run(["explain", "-c", config, "--json", "--exit-code", "subscribe", "#"]);
    assert.deepEqual([refused.code, JSON.parse(refused.out).reason.code], [1, "acl-no-rule"]);
    assert.equal((await run(["explain", "-c", config, "publish"])).code, 2);
    const piped = await run(["explain", "-c", config, "--json", "publish", "a", "--payload", "@-"]);
    assert.deepEqual([piped.code, JSON.parse(piped.out).asked.payload_bytes], [0, 0]);
    assert.equal((await run(["reasons", "nothing"])).code, 2);
    await Deno.writeTextFile(
      config,
      JSON.stringify({ auth: { enabled: true, providers: [{ type: "file", path: "none.json" }] } }),
    );
    const broken = await run(["check", "--json", "-c", config]);
    assert.equal(broken.code, 3);
    assert.match(JSON.parse(broken.out).problems[0].message, /none\.json/);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["agent.json"]);
  }));
