import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { Agent } from "./agent/agent.ts";
import { SYSTEM_CLOCK } from "./agent/clock.ts";
import { AutoBan, BanList } from "./agent/bans/mod.ts";
import { StateFile } from "./agent/state_file.ts";
import { openStateDirectory } from "./agent/state_directory.ts";
import { AuditRing } from "./agent/audit/ring.ts";
import { ConfigThread } from "./agent/config_thread.ts";
import { InspectionPool } from "./agent/inspection_pool.ts";
import { createLogger, type Logger, type LogLevel } from "./agent/log.ts";
import { ConfigurationError, PolicyStore } from "./agent/policy_store.ts";
import { BcryptPool } from "./agent/auth/bcrypt_pool.ts";
import type { Config } from "./agent/config/mod.ts";
import type { Console } from "./cli/console.ts";
import { LoginMaker } from "./agent/auth/logins.ts";
import { realSurroundings } from "./agent/auth/surroundings.ts";
import { Threads } from "./agent/auth/threads.ts";
import { PUSH_FILE } from "./agent/pushed_config.ts";
import { SocketError, UnixSocketServer } from "./agent/transport/unix_socket.ts";
import { warmUp } from "./agent/transport/warm_up.ts";
import { VERSION } from "./agent/version.ts";

/** Exit codes: 0 ok, 1 failure, 2 bad arguments, 3 bad configuration. */
const EXIT = { OK: 0, FAILURE: 1, ARGUMENTS: 2, CONFIGURATION: 3 } as const;
const DEFAULT_SOCKET = "/tmp/sentinel-mqtt-agent.sock";
const LEVELS = ["trace", "debug", "info", "warn", "error"] as const;
/** What is being decided at the end has so long to be answered. */
const STOP_MS = 10_000;
/** What has to be started beside the frame path may take so long before serving begins all the same. */
const SETTLE_MS = 5_000;
const AUDIT_EVENTS = 10_000;

interface Flags {
  /** Undefined: neither flag nor variable names one, so the configuration may. */
  socket?: string;
  config?: string;
  stateDir?: string;
  grpcAddress?: string;
  logLevel: LogLevel;
  jsonLogs: boolean;
  checkConfig?: boolean;
  json?: boolean;
}

const EXAMPLES = `
Commands:
  check            tell all that is wrong with a configuration, and what is doubtful (check --help)
  test             run the tests of rules, embedded ones and files of them
  explain          tell what becomes of a packet, by which rule, and why the others do not apply
  config           show the effective configuration and where it comes from, or its JSON Schema
  reasons          explain the reason codes of refusals
  users            add, change, list and check the users in a users file

Examples:
  sentinel-mqtt-agent --socket /tmp/sentinel-mqtt.sock
  sentinel-mqtt-agent --socket /tmp/sentinel-mqtt.sock --config /etc/sentinel/mqtt-gateway.json
  MQTT_CONFIG=mqtt-gateway.json sentinel-mqtt-agent --json-logs --log-level debug

The configuration and every file that it names are read again when they change, and on SIGHUP.
Without a configuration file access control is on and no rule allows anything.
Exit codes: 0 ok, 1 failure, 2 bad arguments, 3 bad configuration.`;

function parseFlags(args: readonly string[]): Flags {
  const program = new Command("sentinel-mqtt-agent")
    .description("Judges every MQTT packet that a Sentinel proxy forwards, by topic rules")
    .version(`sentinel-mqtt-agent ${VERSION}`, "--version", "print the version")
    .helpOption("-h, --help", "print this help")
    .addOption(new Option("-s, --socket <path>", `Unix socket path (default: ${DEFAULT_SOCKET})`).env("AGENT_SOCKET"))
    .addOption(new Option("--grpc-address <host:port>", "gRPC listen address (not yet)").env("AGENT_GRPC_ADDRESS"))
    .addOption(new Option("-c, --config <file>", "configuration file (JSON, comments allowed)").env("MQTT_CONFIG"))
    .addOption(
      new Option("--state-dir <path>", "where bans and the proxy's configuration are kept over a restart")
        .env("AGENT_STATE_DIR"),
    )
    .addOption(
      new Option("--log-level <level>", "how much is logged").choices(LEVELS).env("MQTT_LOG_LEVEL").default("info"),
    )
    .addOption(
      new Option("--json-logs [yes]", "log JSON lines").env("MQTT_JSON_LOGS").argParser(yesOrNo).preset(true)
        .default(false),
    )
    .option("--check-config", "check the configuration and end, as the command check does")
    .option("--json", "with --check-config: one JSON object")
    .addHelpText("after", EXAMPLES)
    .allowExcessArguments(false)
    .exitOverride();
  program.parse(args, { from: "user" });
  const flags = program.opts<Flags>();
  if (flags.json === true && flags.checkConfig !== true) {
    program.error("error: option '--json' goes with '--check-config'; for logs there is '--json-logs'");
  }
  return flags;
}

/** A flag that is also an environment variable: commander would take any value of it, `false` too, for yes. */
function yesOrNo(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  switch (String(value).trim().toLowerCase()) {
    case "1":
    case "true":
    case "yes":
    case "on":
      return true;
    case "":
    case "0":
    case "false":
    case "no":
    case "off":
      return false;
    default:
      throw new InvalidArgumentError("say true or false");
  }
}

/** What is kept cannot be read, or there is no place for it. */
class StateError extends Error {}

/** `--check-config` among the flags that the agent is started with: put behind them, it tells whether it would start. */
async function checkInstead({ config = "", json = false }: Flags): Promise<number> {
  return await check(["--config", config, ...json ? ["--json"] : []]);
}

/** Runs the agent until a signal ends it; resolves to the exit code. */
async function run(flags: Flags): Promise<number> {
  const log = createLogger({ level: flags.logLevel, json: flags.jsonLogs });
  if (flags.grpcAddress !== undefined && flags.grpcAddress !== "") {
    console.error(`Cannot serve gRPC on "${flags.grpcAddress}": gRPC is not built yet, the Unix socket is`);
    return EXIT.ARGUMENTS;
  }
  const threads = new Threads();
  const pool = new BcryptPool(threads, {
    onWorkerFailure: (why) => log.error("A password thread failed and is started again", { error: why }),
  });
  const inspections = new InspectionPool(threads, {
    onWorkerFailure: (why) =>
      log.error("The thread that inspects large payloads failed and is started again", { error: why }),
  });
  const compiling = new ConfigThread(threads);
  let policies: PolicyStore;
  let bans: BanList;
  let server: UnixSocketServer;
  try {
    const state = await openStateDirectory(flags.stateDir || null, (name) => Deno.env.get(name));
    if ("problem" in state) throw new StateError(state.problem);
    if (state.path === null) {
      log.warn("Nothing is kept over a restart: there is no state directory", { why: state.why });
    }
    const surroundings = realSurroundings((level, message, fields) => log[level](message, fields));
    const listing = { setTimer: surroundings.setTimer, tell: surroundings.tell };
    if (state.path === null) bans = new BanList(listing);
    else {
      const opened = await BanList.open(state.path, listing, SYSTEM_CLOCK.wallMs());
      if ("problem" in opened) throw new StateError(opened.problem);
      bans = opened.bans;
    }
    const lists = { list: bans, auto: new AutoBan(bans, { tell: surroundings.tell }) };
    policies = await PolicyStore.open({
      ...(flags.config === undefined || flags.config === "" ? {} : { file: flags.config }),
      env: (name) => Deno.env.get(name),
      log,
      wallMs: SYSTEM_CLOCK.wallMs,
      watch: surroundings.watch,
      bans: lists,
      inspections,
      thread: compiling,
      ...(state.path === null ? {} : { state: new StateFile(state.path, PUSH_FILE) }),
      logins: new LoginMaker({
        pool,
        threads,
        surroundings,
        wallMs: SYSTEM_CLOCK.wallMs,
      }),
    });
    // Its changes will be compiled in a thread: what starts threads stands before anybody is served.
    if (await policies.isLarge()) threads.warm();
    const agent = new Agent({ policies, log, audit: new AuditRing(AUDIT_EVENTS), bans: lists, inspections });
    warmUp(policies);
    await Promise.race([pool.settled(), new Promise((resolve) => Deno.unrefTimer(setTimeout(resolve, SETTLE_MS)))]);
    const { socket: fromFile, "socket-mode": mode } = policies.config.agent;
    const path = flags.socket || fromFile;
    server = await UnixSocketServer.serve({ path, mode: Number.parseInt(mode, 8), agent, log });
    log.info("Listening", {
      socket: path,
      version: VERSION,
      config: flags.config ?? "none: nothing is allowed",
      config_version: policies.current.label,
      rules: policies.current.acl.rules.length,
    });
  } catch (error) {
    if (error instanceof ConfigurationError) {
      for (const problem of error.problems) console.error(problem);
      return EXIT.CONFIGURATION;
    }
    if (error instanceof SocketError || error instanceof StateError) {
      console.error(error.message);
      return EXIT.FAILURE;
    }
    throw error;
  }
  Deno.addSignalListener("SIGHUP", () => void policies.reload("SIGHUP"));
  const signal = await firstSignal(log);
  log.info("Stopping", { signal });
  const stopped = await Promise.race([
    server.stop().then(async () => {
      policies.close();
      await bans.close();
      pool.close();
      inspections.close();
      compiling.close();
      await threads.close();
      return true;
    }),
    new Promise<false>((resolve) => Deno.unrefTimer(setTimeout(() => resolve(false), STOP_MS))),
  ]);
  if (!stopped) log.warn("Not everything was answered in time", { waited_ms: STOP_MS });
  await log.flush();
  return EXIT.OK;
}

/** The first SIGTERM or SIGINT; one more ends the process at once. */
function firstSignal(log: Logger): Promise<string> {
  return new Promise((resolve) => {
    let first = true;
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      Deno.addSignalListener(signal, () => {
        if (!first) {
          log.warn("Stopped at once", { signal });
          Deno.exit(EXIT.FAILURE);
        }
        first = false;
        resolve(signal);
      });
    }
  });
}

/** Commands beside serving, by their first word; each is loaded only when it is asked for. */
const COMMANDS: ReadonlyMap<string, (args: string[]) => Promise<number>> = new Map([
  ["users", async (args: string[]) => await (await import("./cli/users.ts")).usersCommand(args)],
  ["check", check],
  ["test", async (args: string[]) => await runCommand((await import("./cli/rule_tests.ts")).testCommand, args)],
  ["explain", async (args: string[]) => await runCommand((await import("./cli/explain.ts")).explainCommand, args)],
  ["config", async (args: string[]) => await runCommand((await import("./cli/config_command.ts")).configCommand, args)],
  ["reasons", async (args: string[]) => await runCommand((await import("./cli/reasons.ts")).reasonsCommand, args)],
]);

async function runCommand(make: (on: Console) => Command, args: string[]): Promise<number> {
  const { consoleOf, runCommand } = await import("./cli/console.ts");
  const on = consoleOf();
  return await runCommand(make(on), args, on);
}

/** `check`: all that start looks at, users files and keys included. */
async function check(args: string[]): Promise<number> {
  const { checkCommand } = await import("./cli/check.ts");
  const threads = new Threads();
  const pool = new BcryptPool(threads);
  const surroundings = { ...realSurroundings(() => {}), watch: () => ({ close: () => {} }) };
  const maker = new LoginMaker({ pool, threads, surroundings, wallMs: SYSTEM_CLOCK.wallMs });
  const providerProblems = async ({ auth }: Config): Promise<string[]> => {
    const made = await maker.make(auth, null);
    if ("problems" in made) return [...made.problems];
    maker.discard(made.logins, null);
    return [];
  };
  try {
    return await runCommand((on) => checkCommand(on, { providerProblems }), args);
  } finally {
    pool.close();
    await threads.close();
  }
}

async function main(): Promise<void> {
  const [word = "", ...rest] = Deno.args;
  const command = COMMANDS.get(word);
  if (command !== undefined) Deno.exit(await command(rest));
  let flags: Flags;
  try {
    flags = parseFlags(Deno.args);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end here too, with 0; what is wrong with the arguments was printed.
    Deno.exit(error.exitCode === 0 ? EXIT.OK : EXIT.ARGUMENTS);
  }
  try {
    Deno.exit(await (flags.checkConfig === true ? checkInstead(flags) : run(flags)));
  } catch (error) {
    console.error(`Cannot go on: ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
    Deno.exit(EXIT.FAILURE);
  }
}

if (import.meta.main) await main();
