import { connect, type IClientOptions, type MqttClient } from "mqtt";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { hashOfGenerated } from "../../agent/auth/password_hash.ts";
import type { AgentProcess } from "../../demo/agent_process.ts";
import { startBroker } from "../../demo/broker.ts";
import { endWithThisProgram } from "../../demo/child_guard.ts";
import type { FrameRecord } from "../../demo/proxied_connection.ts";
import { Watch, within } from "../../demo/watch.ts";
import { mosquittoProgram, type MqttVersion, type Road, type Site, type Way, WAYS, withRoad } from "./support.ts";

/** Of the four ways to the agent those on which logins wait in different places: v1 pools of 4 and of 10, and v2. */
export const LOGIN_WAYS: readonly Way[] = WAYS.filter(({ protocol, pool }) => protocol === "v1" || pool === 4);

/** One version for each way, so that each is played, and not all of them everywhere: that would take minutes. */
export function versionsFor<V>(way: Way, versions: readonly V[]): readonly V[] {
  const place = LOGIN_WAYS.indexOf(way) % versions.length;
  return versions.slice(place, place + 1);
}

/** One JSON line of the agent's log. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** A user as the users file has it. */
export interface FileUser {
  readonly password_hash: string;
  readonly [field: string]: unknown;
}

/** What nobody may ever read in what the agent says. */
export class Secrets {
  readonly #forms = new Set<string>();

  /** Remembers secrets in the forms in which they could be written. Short ones would be found by chance. */
  add(...secrets: readonly string[]): void {
    for (const secret of secrets) {
      assert.ok(secret.length >= 12, "a secret of these tests is at least 12 characters long");
      const bytes = new TextEncoder().encode(secret);
      const forms = [secret, encodeURIComponent(secret), bytes.toHex()];
      // In base64 of a frame it begins at any of three places within a group.
      for (const skipped of [0, 1, 2]) {
        const groups = Math.floor((bytes.length - skipped) / 3);
        forms.push(bytes.subarray(skipped, skipped + 3 * groups).toBase64());
      }
      for (const form of forms) {
        // A log that cuts long texts has written a part of them.
        this.#forms.add(form).add(form.slice(0, 12)).add(form.slice(-12));
      }
    }
  }

  /** A token opens doors as a whole and by its signature; its header is nobody's secret. */
  addToken(token: string): void {
    const [, claims = "", signature = ""] = token.split(".");
    this.add(claims, signature);
  }

  get size(): number {
    return this.#forms.size;
  }

  /** Those that occur in a text. */
  in(text: string): readonly string[] {
    return [...this.#forms].filter((form) => text.includes(form));
  }
}

/** An agent with authentication on, all that it says, and its users file. */
export interface AuthSite extends Site {
  readonly secrets: Secrets;
  /** Lines of the log, of all agents that ran here. */
  readonly log: Watch<LogLine>;
  /** Replaces the users file by another one in one step, as editors and tools do it. */
  replaceUsers(users: Readonly<Record<string, FileUser>>): Promise<void>;
  /** The same with any text. */
  replaceUsersText(text: string): Promise<void>;
}

export interface AuthSiteOptions {
  /** The `auth` section but for `enabled`; the users file stands beside it as `users.json`. */
  readonly auth: Readonly<Record<string, unknown>>;
  readonly users?: Readonly<Record<string, FileUser>>;
  /** What the agent may reach beside its socket, as `127.0.0.1:8080`. */
  readonly net?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Whoever is proved may do everything below `t/`. */
const RULES = {
  "default-action": "deny",
  rules: [{
    name: "proved",
    match: { "username-regex": "." },
    topics: ["t/#"],
    actions: ["publish", "subscribe", "receive"],
    decision: "allow",
  }],
};

/**
 * Runs `run` with a broker and with the agent as a process of its own that logs all it can; both are gone afterwards. In
 * all that the agent wrote and answered there is none of the secrets, whatever happened.
 */
export async function withAuthSite(options: AuthSiteOptions, run: (site: AuthSite) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "sentinel-mqtt-auth-" });
  const secrets = new Secrets();
  const log = new Watch<LogLine>();
  const spoken = { text: "" };
  const usersPath = `${directory}/users.json`;
  const replaceUsersText = async (text: string) => {
    await Deno.writeTextFile(`${usersPath}.new`, text);
    await Deno.rename(`${usersPath}.new`, usersPath);
  };
  const replaceUsers = (users: Readonly<Record<string, FileUser>>) => {
    // Of a hash the salt is no secret by itself, but nobody has to read it in a log either.
    secrets.add(...Object.values(users).map(({ password_hash: hash }) => hash));
    return replaceUsersText(JSON.stringify({ users }));
  };
  if (options.users !== undefined) await replaceUsers(options.users);
  const configPath = `${directory}/agent.json`;
  const auth = { enabled: true, ...options.auth };
  await Deno.writeTextFile(configPath, JSON.stringify({ auth, acl: RULES, general: { "log-packets": true } }));
  const broker = await startBroker({ prefer: mosquittoProgram("mosquitto") === null ? "aedes" : "mosquitto" });
  const agentSocket = `${directory}/agent.sock`;
  const start = () => startTalkingAgent({ ...options, directory, configPath, socketPath: agentSocket, log, spoken });
  let agent: AgentProcess | undefined;
  let agentRuns = false;
  const restartAgent = async () => {
    if (agentRuns) return;
    const started = await start();
    agent = started;
    agentRuns = true;
    started.ended.then(() => agentRuns = agent !== started && agentRuns);
  };
  try {
    await restartAgent();
    await run({
      agentSocket,
      broker,
      versions: broker.kind === "mosquitto" ? [4, 5] : [4],
      get agent() {
        assert.ok(agent);
        return agent;
      },
      restartAgent,
      secrets,
      log,
      replaceUsers,
      replaceUsersText,
    });
  } catch (error) {
    if (agent !== undefined) console.error(`The agent said:\n${agent.lastWords()}`);
    throw error;
  } finally {
    await agent?.stop();
    await broker.stop();
    await Deno.remove(directory, { recursive: true });
  }
  assert.match(spoken.text, /Listening/, "the agent has said something");
  assert.ok(secrets.size > 0, "there were secrets that it could have told");
  assert.deepEqual(secrets.in(spoken.text), [], "a secret is in what the agent wrote");
}

interface TalkingAgentOptions extends AuthSiteOptions {
  readonly directory: string;
  readonly configPath: string;
  readonly socketPath: string;
  readonly log: Watch<LogLine>;
  readonly spoken: { text: string };
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 12_000;
const LAST_CHARACTERS = 4000;

/** As `startAgentProcess`, at the level trace and with every byte of it kept. */
async function startTalkingAgent(options: TalkingAgentOptions): Promise<AgentProcess> {
  const { directory, configPath, socketPath, log, spoken, net = [], env = {} } = options;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--quiet",
      `--allow-net=${[`unix:${socketPath}`, ...net].join()}`,
      `--allow-read=${directory},${ROOT}agent/`,
      `--allow-write=${directory}`,
      "--allow-env",
      `${ROOT}main.ts`,
      ...["--socket", socketPath, "--config", configPath, "--log-level", "trace", "--json-logs"],
    ],
    env: { AGENT_ADMIN_ADDRESS: "off", AGENT_STATE_DIR: directory, NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  endWithThisProgram(child);
  const listening = Promise.withResolvers<void>();
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    let rest = "";
    for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
      spoken.text += piece;
      const lines = (rest + piece).split("\n");
      rest = lines.pop() ?? "";
      for (const text of lines) {
        const line = parseLine(text);
        if (line.message === "Listening") listening.resolve();
        log.add(line);
      }
    }
  };
  const drained = Promise.all([read(child.stdout), read(child.stderr)]);
  const ended = child.status.then(({ code }) => code);
  const agent: AgentProcess = {
    pid: child.pid,
    ended,
    lastWords: () => spoken.text.slice(-LAST_CHARACTERS),
    async stop(signal = "SIGTERM") {
      try {
        child.kill(signal);
      } catch {
        // It has ended by itself.
      }
      await within(ended, "the end of the agent", STOP_LIMIT_MS).catch(() => child.kill("SIGKILL"));
      await ended;
      await drained;
    },
  };
  const failed = ended.then(async (code) => {
    await drained;
    throw new Error(`Cannot start the agent: it ended with ${code} and said:\n${agent.lastWords()}`);
  });
  try {
    await within(Promise.race([listening.promise, failed]), "the agent to listen", START_LIMIT_MS);
    failed.catch(() => {}); // Its end is expected from here on.
    return agent;
  } catch (error) {
    await agent.stop("SIGKILL");
    throw error;
  }
}

function parseLine(text: string): LogLine {
  try {
    return JSON.parse(text);
  } catch {
    return { level: "none", message: text };
  }
}

/** Lines of the log that came since `mark`, to be waited for. */
export function lineAfter(site: AuthSite, mark: number, message: string): Promise<LogLine> {
  const fits = (line: LogLine) => line.message === message && site.log.seen.indexOf(line) >= mark;
  return site.log.until(fits, `the log line "${message}"`);
}

/** A secret of 160 random bits as `users add --generate` makes them, with its fast hash. */
export function generated(site: { readonly secrets: Secrets } | Secrets): { password: string; user: FileUser } {
  const password = crypto.getRandomValues(new Uint8Array(20)).toHex();
  (site instanceof Secrets ? site : site.secrets).add(password);
  return { password, user: { password_hash: hashOfGenerated(new TextEncoder().encode(password)) } };
}

let names = 0;

/** A name that no scenario had before, however often one is repeated. */
export function fresh(word: string): string {
  return `${word}-${++names}`;
}

/** What became of one CONNECT: `allow`, or the reason code of its refusal. */
export interface Login {
  readonly outcome: string;
  readonly record: FrameRecord;
}

/** The agent's verdicts on the CONNECTs of a client id, in order. */
export function loginsOf(frames: Watch<FrameRecord>, clientId: string): readonly Login[] {
  return frames.seen.filter((record) => isLoginOf(record, clientId)).map((record) => {
    const { action, audit } = record.decision;
    return { outcome: action.kind === "forward" ? "allow" : audit?.reason_codes.join() ?? "", record };
  });
}

export function outcomesOf(frames: Watch<FrameRecord>, clientId: string): readonly string[] {
  return loginsOf(frames, clientId).map(({ outcome }) => outcome);
}

export function isLoginOf({ from, decision }: FrameRecord, clientId: string): boolean {
  const { audit, decidedBy } = decision;
  return from === "client" && decidedBy === "agent" && audit?.custom["client_id"] === clientId &&
    audit.custom["packet"] === "CONNECT";
}

/** Waits until the last CONNECT of a client id came to this; all of them up to then. */
export async function outcomesUntil(
  road: Pick<Road, "frames">,
  clientId: string,
  last: string,
): Promise<readonly string[]> {
  await road.frames.until((record) => {
    const { action, audit } = record.decision;
    const outcome = action.kind === "forward" ? "allow" : audit?.reason_codes[0];
    return isLoginOf(record, clientId) && outcome === last;
  }, `a CONNECT of ${clientId} that ends with ${last}; so far: ${outcomesOf(road.frames, clientId).join()}`);
  return outcomesOf(road.frames, clientId);
}

/** The machine was too slow for what a scenario is about, so it learned nothing: it is played again, slower. */
export class TooSlowError extends Error {}

/** How a device logs in. */
export interface Device extends IClientOptions {
  readonly clientId: string;
  readonly protocolVersion: MqttVersion;
}

/** A road whose clients come back by themselves when they are refused. */
export interface LoginRoad extends Road {
  /** Milliseconds until a client comes back: more, the slower the machine has shown itself. */
  readonly retryMs: number;
  /** An mqtt.js client over WebSocket that connects, and comes back until it is let in. */
  device(device: Device): MqttClient;
  /** Resolves when a device is connected. */
  isIn(client: MqttClient): Promise<void>;
}

/** How long a client waits before it comes back, where nobody says otherwise. */
export const RETRY_MS = 1000;
const ATTEMPTS = 4;

/**
 * `withRoad` for logins. Played again, slower, where it throws `TooSlowError`. All refusals of a CONNECT must have looked
 * alike to the client, and no answer to the proxy may hold a secret.
 */
export async function withLoginRoad(
  site: AuthSite,
  way: Way,
  run: (road: LoginRoad) => Promise<void>,
): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await withRoad(site, way, (road) => playLogins(site, road, RETRY_MS * 2 ** (attempt - 1), run));
    } catch (error) {
      if (!(error instanceof TooSlowError) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Runs `run` once on a road, with what `withLoginRoad` promises. */
export async function playLogins(
  site: AuthSite,
  road: Road,
  retryMs: number,
  run: (road: LoginRoad) => Promise<void>,
): Promise<void> {
  const clients: MqttClient[] = [];
  try {
    await run({
      ...road,
      retryMs,
      device(device) {
        const client = connect(road.proxy.url, {
          reconnectPeriod: retryMs,
          wsOptions: { perMessageDeflate: false },
          ...device,
        });
        // A close by the proxy is broken bytes to the client, and an error.
        client.on("error", () => {});
        clients.push(client);
        return client;
      },
      isIn: (client) =>
        within(
          client.connected
            ? Promise.resolve()
            : new Promise<void>((resolve) => client.once("connect", () => resolve())),
          "a device to be let in",
        ),
    });
  } finally {
    await Promise.all(clients.map((client) => client.endAsync(true)));
  }
  for (const { decision: { action, audit, decidedBy } } of road.frames.seen) {
    if (action.kind !== "close" || decidedBy !== "agent" || audit?.custom["packet"] !== "CONNECT") continue;
    assert.deepEqual(action, { kind: "close", code: 1008, reason: "not authorised" });
  }
  const answers = JSON.stringify([road.frames.seen, road.upgrades.seen].map((seen) => seen.map((one) => one.decision)));
  assert.deepEqual(site.secrets.in(answers), [], "a secret is in what the agent answered");
}
