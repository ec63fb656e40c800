import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { endWithThisProgram } from "./child_guard.ts";
import { within } from "./watch.ts";

/** How the agent is started. */
export interface AgentProcessOptions {
  readonly socketPath: string;
  readonly configPath: string;
  /** Directory for what the agent keeps. */
  readonly stateDirectory: string;
  /** The agent's main module; default that of this repository. */
  readonly main?: string;
}

/** The agent as a process of its own. */
export interface AgentProcess {
  readonly pid: number;
  /** Resolves with the exit code when the process ends, whoever ended it. */
  readonly ended: Promise<number>;
  /** What it wrote to standard error lately. */
  lastWords(): string;
  /** Ends the process and waits for its end; SIGTERM lets it answer what it has been asked. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
}

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/** The first start may have to fetch and to compile. */
const START_LIMIT_MS = 60_000;

/** Where the agent's threads are, as files, and what they import. */
const WORKERS = fileURLToPath(new URL("../agent/", import.meta.url));

/** The agent gives itself 10 s to answer what it was asked. */
const STOP_LIMIT_MS = 12_000;

const KEPT_CHARACTERS = 4000;

/**
 * Starts the agent with the least permissions that it can do with, and waits until it says that it listens. Throws with
 * its last words when it ends before.
 */
export async function startAgentProcess(options: AgentProcessOptions): Promise<AgentProcess> {
  const { socketPath, configPath, stateDirectory, main = MAIN } = options;
  const directory = socketPath.slice(0, socketPath.lastIndexOf("/"));
  const command = new Deno.Command(denoProgram(), {
    args: [
      "run",
      "--no-prompt",
      "--quiet",
      `--allow-net=unix:${socketPath}`,
      // The last two are for a users file beside the configuration, and for the threads that prove passwords.
      `--allow-read=${directory},${stateDirectory},${dirname(configPath)},${WORKERS}`,
      `--allow-write=${directory},${stateDirectory}`,
      "--allow-env",
      main,
      "--socket",
      socketPath,
      "--config",
      configPath,
    ],
    // As environment, since an agent without a console does not know the flags.
    env: { AGENT_ADMIN_ADDRESS: "off", AGENT_STATE_DIR: stateDirectory, NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  });
  const child = command.spawn();
  endWithThisProgram(child);
  const ended = child.status.then(({ code }) => code);
  const listening = Promise.withResolvers<void>();
  let said = "";
  const drained = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      said = (said + text).slice(-KEPT_CHARACTERS);
      if (/\blistening\b/i.test(said)) listening.resolve();
    }
  })();
  const agent: AgentProcess = {
    pid: child.pid,
    ended,
    lastWords: () => said,
    async stop(signal = "SIGTERM") {
      try {
        child.kill(signal);
      } catch {
        // It has ended by itself: Ctrl-C in a terminal reaches it too.
      }
      await within(ended, "the end of the agent", STOP_LIMIT_MS).catch(() => child.kill("SIGKILL"));
      await ended;
      await drained;
    },
  };
  try {
    const failed = ended.then(async (code) => {
      await drained;
      throw new Error(`Cannot start the agent: it ended with ${code} and said:\n${said.trim() || "nothing"}`);
    });
    await within(Promise.race([listening.promise, failed]), "the agent to listen", START_LIMIT_MS);
    failed.catch(() => {}); // Its end is expected from here on.
    return agent;
  } catch (error) {
    await agent.stop("SIGKILL");
    throw error;
  }
}

/** This very Deno; where only running `deno` is permitted, the one on the PATH. */
function denoProgram(): string {
  const own = Deno.execPath();
  return Deno.permissions.querySync({ name: "run", command: own }).state === "granted" ? own : "deno";
}
