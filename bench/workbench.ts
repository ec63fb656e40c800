import type { FrameResult, FramesJob, Job, LoadJob, LoadResult, SessionsJob, SessionsResult } from "./load_job.ts";
import type { ReloadJob, ReloadResult, SlicesResult } from "./reload_job.ts";
import { type ConfigOptions, configText } from "./rules.ts";
import { ServerProcess } from "./server_process.ts";

/** The flags that `deno task start` gives the agent. */
export const AGENT_FLAGS = [
  "--v8-flags=--max-semi-space-size=2",
  "--allow-read",
  "--allow-write",
  "--allow-net",
  "--allow-env",
];
const SERVER_PERMISSIONS = ["--allow-read", "--allow-write", "--allow-net"];

/** The server under load did what it must not, as closing a connection. */
export class LoadFailure extends Error {
  override readonly name = "LoadFailure";
}

/** Starts servers and load clients; all that they share is one temporary directory. */
export class Workbench {
  readonly #directory: string;
  #started = 0;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(): Promise<Workbench> {
    return new Workbench(await Deno.makeTempDir({ prefix: "mqtt-agent-bench-" }));
  }

  async agent(config: ConfigOptions): Promise<ServerProcess> {
    return await this.agentOf(await this.file(configText(config)));
  }

  /** Path of a new file with that text. */
  async file(text: string): Promise<string> {
    const path = `${this.#directory}/${++this.#started}.json`;
    await Deno.writeTextFile(path, text);
    return path;
  }

  /** An agent with that configuration file. */
  async agentOf(file: string, logLevel: "error" | "debug" = "error"): Promise<ServerProcess> {
    const n = ++this.#started;
    const socket = `${this.#directory}/${n}.sock`;
    return await ServerProcess.start({
      name: "agent",
      socket,
      args: ["run", ...AGENT_FLAGS, "main.ts", "--socket", socket, "--config", file, "--log-level", logLevel],
      // As variables, since they are without effect where the agent does not know them.
      env: { AGENT_ADMIN_ADDRESS: "off", AGENT_STATE_DIR: `${this.#directory}/${n}.state` },
      checked: true,
    });
  }

  /** How long a command of the agent takes from its start to its end, and how it ends. */
  async command(args: readonly string[]): Promise<{ readonly tookMs: number; readonly code: number }> {
    const startMs = performance.now();
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["run", ...AGENT_FLAGS, "main.ts", ...args],
      cwd: new URL("..", import.meta.url),
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).output();
    return { tookMs: performance.now() - startMs, code };
  }

  /** Replaces files under load (`reload_client.ts`). */
  /** Slices of so many reloads, in a process with the agent's flags. */
  async reloadSlices(rules: number, times: number, way: "aside" | "here"): Promise<SlicesResult> {
    const script = new URL("../agent/reload_slices_bench.ts", import.meta.url).pathname;
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", AGENT_FLAGS[0] as string, "-A", script, String(rules), String(times), way],
    }).output();
    if (code !== 0) throw new Error(`Cannot measure slices: ${new TextDecoder().decode(stderr)}`);
    return JSON.parse(new TextDecoder().decode(stdout));
  }

  reload(job: Omit<ReloadJob, "kind" | "run">): Promise<ReloadResult> {
    return this.#client({ kind: "reload", run: this.#run(), ...job }, "reload_client.ts");
  }

  /** `floor`: answers without looking. `parse`: JSON, base64 and the fixed header, then the same answer. */
  async constant(kind: "floor" | "parse"): Promise<ServerProcess> {
    const socket = `${this.#directory}/${++this.#started}.sock`;
    return await ServerProcess.start({
      name: kind,
      socket,
      args: ["run", ...SERVER_PERMISSIONS, `bench/${kind}_server.ts`, socket],
      checked: false,
    });
  }

  load(job: Omit<LoadJob, "kind" | "run">): Promise<LoadResult[]> {
    return this.#client({ kind: "load", run: this.#run(), ...job });
  }

  sessions(job: Omit<SessionsJob, "kind" | "run">): Promise<SessionsResult> {
    return this.#client({ kind: "sessions", run: this.#run(), ...job });
  }

  frames(job: Omit<FramesJob, "kind" | "run">): Promise<FrameResult[]> {
    return this.#client({ kind: "frames", run: this.#run(), ...job });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#directory, { recursive: true });
  }

  /** Client ids and correlation ids of two runs never meet. */
  #run(): string {
    return `run${++this.#started}`;
  }

  async #client<Result>(job: Job | ReloadJob, client = "load_client.ts"): Promise<Result> {
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", new URL(client, import.meta.url).href, JSON.stringify(job)],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).output();
    if (!success) throw new Error(`Cannot finish the ${job.kind} run: the load client failed, see above`);
    const outcome = JSON.parse(new TextDecoder().decode(stdout));
    if ("failure" in outcome) throw new LoadFailure(outcome.failure);
    return outcome.result;
  }
}
