import { TOKEN_SECRET, type UsersOptions, usersText } from "./auth_credentials.ts";
import type {
  AuthJob,
  BareResult,
  FleetResult,
  FloodResult,
  LoginsResult,
  PendingResult,
  ReloadResult,
  SlowResult,
} from "./auth_job.ts";
import { ServerProcess } from "./server_process.ts";
import { AGENT_FLAGS, LoadFailure } from "./workbench.ts";

/** What a job comes to, by its kind. */
interface Results {
  readonly logins: LoginsResult[];
  readonly slow: SlowResult;
  readonly bare: BareResult;
  readonly pending: PendingResult;
  readonly flood: FloodResult;
  readonly fleet: FleetResult;
  readonly reload: ReloadResult;
}

type JobOf<Kind extends AuthJob["kind"]> = Extract<AuthJob, { kind: Kind }>;

/** Who is asked for credentials, and by what. */
export type AuthKind = "off" | "file" | "jwt";

/** Starts agents that authenticate, and clients that log in. What they share is a temporary directory. */
export class AuthBench {
  readonly #directory: string;
  #started = 0;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(): Promise<AuthBench> {
    return new AuthBench(await Deno.makeTempDir({ prefix: "mqtt-agent-auth-bench-" }));
  }

  /** Path of a new users file. */
  async users(options: UsersOptions): Promise<string> {
    const path = `${this.#directory}/users-${++this.#started}.json`;
    await Deno.writeTextFile(path, usersText(options));
    return path;
  }

  /** `users` is the path of a file, for `file`. */
  async agent(kind: AuthKind, users = ""): Promise<ServerProcess> {
    const n = ++this.#started;
    const provider = kind === "file" ? { type: "file", path: users } : { type: "jwt", secret: TOKEN_SECRET };
    const config = {
      auth: { enabled: kind !== "off", providers: kind === "off" ? [] : [provider] },
      acl: {
        "default-action": "deny",
        rules: [{ name: "telemetry", topics: ["sensors/+/data"], actions: ["publish"], decision: "allow" }],
      },
    };
    const file = `${this.#directory}/${n}.json`;
    await Deno.writeTextFile(file, JSON.stringify(config));
    const socket = `${this.#directory}/${n}.sock`;
    return await ServerProcess.start({
      name: "agent",
      socket,
      args: ["run", ...AGENT_FLAGS, "main.ts", "--socket", socket, "--config", file, "--log-level", "error"],
      env: { AGENT_ADMIN_ADDRESS: "off", AGENT_STATE_DIR: `${this.#directory}/${n}.state` },
      checked: true,
    });
  }

  /** Runs a job in a process of its own. */
  async run<Kind extends keyof Results & AuthJob["kind"]>(
    kind: Kind,
    job: Omit<JobOf<Kind>, "kind" | "run">,
  ): Promise<Results[Kind]> {
    const order = { kind, run: `run${++this.#started}`, ...job };
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", new URL("auth_client.ts", import.meta.url).href, JSON.stringify(order)],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).output();
    if (!success) throw new Error(`Cannot finish the ${kind} run: the auth client failed, see above`);
    const outcome = JSON.parse(new TextDecoder().decode(stdout));
    if ("failure" in outcome) throw new LoadFailure(outcome.failure);
    return outcome.result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#directory, { recursive: true });
  }
}
