import type { Target } from "./load_job.ts";

const START_TIMEOUT_MS = 30_000;
const POLL_MS = 1;

export interface ServerOptions {
  readonly name: string;
  readonly socket: string;
  /** Arguments of `deno`, from `run` on. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly checked: boolean;
}

/** A server under load, as a child process that accepts connections on a Unix socket. */
export class ServerProcess {
  readonly target: Target;
  /** From its start until it accepted the first connection. */
  readonly startMs: number;
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess, startMs: number, { name, socket, checked }: ServerOptions) {
    this.#child = child;
    this.startMs = startMs;
    this.target = { name, socket, pid: child.pid, checked };
  }

  /** Starts it and waits until it accepts; throws if it ends before or takes longer than 30 s. */
  static async start(options: ServerOptions): Promise<ServerProcess> {
    const { name, socket, args, env = {} } = options;
    const start = performance.now();
    const child = new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: new URL("..", import.meta.url),
      env,
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    let ended = false;
    child.status.then(() => ended = true);
    for (;;) {
      try {
        (await Deno.connect({ transport: "unix", path: socket })).close();
        break;
      } catch (error) {
        if (ended) throw new Error(`Cannot measure "${name}": it ended at once, see above`, { cause: error });
        if (performance.now() - start > START_TIMEOUT_MS) {
          child.kill("SIGKILL");
          throw new Error(`Cannot measure "${name}": it does not accept after ${START_TIMEOUT_MS} ms`, {
            cause: error,
          });
        }
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return new ServerProcess(child, performance.now() - start, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It ended by itself; whoever talked to it has seen that.
    }
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 2000);
    await this.#child.status;
    clearTimeout(timer);
  }
}
