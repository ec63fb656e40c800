import type { LoginDesk } from "./auth/login_desk.ts";
import type { LoginMaker, Logins } from "./auth/logins.ts";
import type { AutoBan, BanList } from "./bans/mod.ts";
import { compileHere, type CompileRequest, unpackConfig } from "./config_compiler.ts";
import type { ConfigInForce, RefusedChange, RunningConfig } from "./config_in_force.ts";
import type { ConfigThread } from "./config_thread.ts";
import { type Environment, inTurns, jsonSteps, providerFiles, turnGiver } from "./config/mod.ts";
import type { PolicySource } from "./agent.ts";
import type { Logger } from "./log.ts";
import type { StateFile } from "./state_file.ts";
import type { Inspector } from "./policy/inspect/inspector.ts";
import type { Policy } from "./policy/policy.ts";
import { keptPush, type Push, readPush } from "./pushed_config.ts";

export interface PolicyStoreOptions {
  /** Path of the configuration file; without one the defaults hold, which allow nothing. */
  readonly file?: string;
  readonly env: Environment;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number;
  /** Makes the providers of the `auth` section. */
  readonly logins: LoginMaker;
  /** Take over the sections `bans` and `auto-ban` of what comes into force. */
  readonly bans?: { readonly list: BanList; readonly auto: AutoBan };
  /** Where large payloads are inspected: made ready before a configuration that inspects comes into force. */
  readonly inspections?: { prepare(inspector: Inspector): Promise<void> };
  /** Where the last push is kept over a restart, since the proxy sends it only when it starts itself. */
  readonly state?: StateFile;
  /** Tells when one of the files changed; without it files are read again only when somebody says so. */
  readonly watch?: (paths: readonly string[], onChange: () => void) => { close(): unknown };
  /**
   * Compiles changes, when there is much to compile, in another thread, which asks the process for its environment. Without
   * it all is compiled in this one, in steps.
   */
  readonly thread?: Pick<ConfigThread, "compile" | "isReady">;
  /** What is much: bytes of all files and the push; 64 KiB. */
  readonly largeBytes?: number;
  /** Keep the rules as they are written, for a tracer that explains them; only what this thread compiles has them. */
  readonly keepWritten?: boolean;
  /** Lets whoever waits in this thread go first, between two steps of loading and compiling. */
  readonly yieldTurn?: () => Promise<void>;
}

/** A configuration that can not come into force; the message holds every problem, a line each. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/** All that one configuration comes to. */
interface Snapshot extends ConfigInForce {
  readonly logins: Logins | null;
}

/** Bytes of all files of a configuration, and of the push, from which on another thread compiles it. */
const LARGE_BYTES = 65_536;

/** Layers of configuration compiled into the snapshot in force; swapped whole, or not at all. */
export class PolicyStore implements PolicySource {
  readonly #options: PolicyStoreOptions;
  #snapshot: Snapshot;
  #push: Push | null = null;
  /** Changes come into force one after another. */
  #lastChange: Promise<unknown> = Promise.resolve();
  #watch: { close(): unknown } | null = null;
  #watched = "";
  #isClosed = false;
  /** What kept the last change from coming into force, for people; null if it is in force. */
  #lastProblem: string | null = null;
  #applied = 0;
  #refused = 0;
  /** Whether the push in force is the one that a restart would find. */
  #isKept = true;

  private constructor(options: PolicyStoreOptions, snapshot: Snapshot, push: Push | null) {
    this.#options = options;
    this.#snapshot = snapshot;
    this.#push = push;
    this.#enforce(null, snapshot);
    this.#watchFiles(snapshot.files);
  }

  /**
   * Loads file and defaults, and over them the push that was kept; rejects with a `ConfigurationError` that has all
   * problems at once. A push that can not come into force any more keeps the agent from starting: without it the agent
   * might allow what the proxy's configuration denies.
   */
  static async open(options: PolicyStoreOptions): Promise<PolicyStore> {
    const kept = options.state === undefined ? { push: null } : await readPush(options.state);
    if ("problem" in kept) throw new ConfigurationError([kept.problem]);
    const { push } = kept;
    // Nobody is served yet: there is nobody to let go first.
    const snapshot = await compile({ ...options, yieldTurn: null }, push, 1, null);
    if (!("problems" in snapshot)) {
      if (push !== null) tellKept(push, options);
      return new PolicyStore(options, snapshot, push);
    }
    if (push === null) throw new ConfigurationError(snapshot.problems);
    // What is wrong without the push too is no fault of it.
    const alone = await compile({ ...options, yieldTurn: null }, null, 1, null);
    if ("problems" in alone) throw new ConfigurationError(alone.problems);
    options.logins.discard(alone.logins, null);
    throw new ConfigurationError([
      ...snapshot.problems,
      `Cannot start with the push of ${push.from} that is kept in "${options.state?.path}": remove that file to go without it`,
    ]);
  }

  get current(): Policy {
    return this.#snapshot.policy;
  }

  get desk(): LoginDesk | null {
    return this.#snapshot.logins?.desk ?? null;
  }

  /** Whether what is in force is so large that changes of it are compiled in another thread. Never rejects. */
  isLarge(): Promise<boolean> {
    return isLarge(this.#snapshot.files, this.#push?.json ?? null, this.#options.largeBytes);
  }

  /** Without rules, groups and tests: what is in force of them is in the policy. */
  get config(): RunningConfig {
    return this.#snapshot.config;
  }

  /**
   * A proxy's push, as a layer over file and defaults: null when it is in force, else what is wrong with it and nothing
   * has changed. An empty push and one that came before change nothing. Never rejects.
   */
  push(config: unknown, from: string): Promise<string | null> {
    return this.#inTurn(from, () => this.#applyPush(config, from));
  }

  /**
   * Reads the files again, on behalf of `cause`: null when what they say is in force (or was already), else what is wrong
   * with them and nothing has changed. Never rejects.
   */
  reload(cause: string): Promise<string | null> {
    return this.#inTurn(cause, () => this.#change(this.#push, cause));
  }

  /** Whose push is in force, and since when it was sent; null for none. */
  get pushed(): { readonly from: string; readonly atMs: number } | null {
    return this.#push;
  }

  /** What kept the last change from coming into force, or null. */
  get lastProblem(): string | null {
    return this.#lastProblem;
  }

  /** How many changes came into force since start, and how many were refused; those that changed nothing are neither. */
  get changes(): { readonly applied: number; readonly refused: number } {
    return { applied: this.#applied, refused: this.#refused };
  }

  #inTurn(cause: string, change: () => Promise<string | null>): Promise<string | null> {
    const changed = this.#lastChange.then(change).catch((error) => {
      this.#options.log.error("Cannot change the configuration: the agent failed inside", {
        cause,
        error: error instanceof Error ? error.stack ?? error.message : String(error),
      });
      return `Cannot change the configuration for ${cause}: the agent failed inside`;
    });
    this.#lastChange = changed;
    return changed;
  }

  #watchFiles(files: readonly string[]): void {
    const { watch } = this.#options;
    const key = files.join("\0");
    if (watch === undefined || this.#isClosed || key === this.#watched) return;
    this.#watch?.close();
    this.#watched = key;
    this.#watch = files.length === 0 ? null : watch(files, () => void this.reload("a file that changed"));
  }

  /** Ends watchers and providers: files, timers and connections of theirs. */
  close(): void {
    this.#isClosed = true;
    this.#watch?.close();
    this.#watch = null;
    const { logins, config } = this.#snapshot;
    this.#options.logins.changed(logins, null, config.auth);
  }

  async #applyPush(config: unknown, from: string): Promise<string | null> {
    if (config === null || config === undefined) return null;
    if (typeof config !== "object" || Array.isArray(config)) {
      this.#refused++;
      return `Cannot apply the push of ${from}: the configuration is no object`;
    }
    if (Object.keys(config).length === 0) return null;
    const { wallMs, log, yieldTurn = turnGiver() } = this.#options;
    const json = await inTurns(jsonSteps(config), yieldTurn);
    const before = this.#push;
    if (json === before?.json) {
      if (!this.#isKept) await this.#keep(before);
      return null;
    }
    const push = { json, from, atMs: wallMs() };
    const problem = await this.#change(push, from);
    if (problem !== null) return problem;
    if (before !== null && before.from !== from) {
      log.warn("Two proxies push different configurations: the newest is in force", { before: before.from, now: from });
    }
    await this.#keep(push);
    return null;
  }

  /** Writes a push down for the next start. What keeps that from working may be over when the push comes again. */
  async #keep(push: Push): Promise<void> {
    const { state, log } = this.#options;
    if (state === undefined) return;
    const fault = await state.write(keptPush(push));
    this.#isKept = fault === null;
    if (fault !== null) log.warn("Cannot keep the proxy's configuration for a restart", { file: state.path, fault });
  }

  /** Puts the parts of a snapshot in force that live longer than one. */
  #enforce(before: Snapshot | null, { policy, config, doubts, logins, bans, autoBan }: Snapshot): void {
    const { bans: lists } = this.#options;
    this.#options.logins.changed(before?.logins ?? null, logins, config.auth);
    lists?.list.configure(bans);
    lists?.auto.configure(autoBan);
    for (const doubt of doubts) this.#options.log.warn(doubt, { config_version: policy.label });
  }

  /** The one way for a configuration to come into force: read, validate, compile, test, swap; or nothing changes. */
  async #change(push: Push | null, cause: string): Promise<string | null> {
    const { log, logins } = this.#options;
    const before = this.#snapshot;
    const { yieldTurn = turnGiver() } = this.#options;
    const options = { ...this.#options, yieldTurn, isClosed: () => this.#isClosed };
    const snapshot = this.#isClosed ? STOPS : await compile(options, push, before.policy.number + 1, before);
    if (this.#isClosed) {
      // Nobody would end its providers.
      if ("policy" in snapshot) logins.discard(snapshot.logins, before.logins);
      return STOPS.problems.join();
    }
    if ("problems" in snapshot) {
      const problems = snapshot.problems.join("\n");
      this.#lastProblem = problems;
      this.#refused++;
      // One of them may be put right: they are watched beside those in force.
      this.#watchFiles([...new Set([...before.files, ...snapshot.files])]);
      log.error("A configuration was refused, nothing has changed", {
        cause,
        problems,
        config_version: before.policy.label,
      });
      return problems;
    }
    this.#lastProblem = null;
    this.#push = push;
    this.#watchFiles(snapshot.files);
    if (snapshot.version === before.version) {
      // The same words, written anew: nobody has to be judged again.
      if (snapshot.logins !== before.logins) logins.discard(snapshot.logins, before.logins);
      log.info("The configuration is as it was: nothing has changed", {
        cause,
        config_version: before.policy.label,
      });
      return null;
    }
    const { agent, admin } = snapshot.config;
    const old = before.config;
    if (JSON.stringify([agent, admin]) !== JSON.stringify([old.agent, old.admin])) {
      log.warn("The sections agent and admin need a restart to change; everything else is in force", { cause });
    }
    this.#snapshot = snapshot;
    this.#applied++;
    this.#enforce(before, snapshot);
    log.info("Another configuration is in force", { cause, config_version: snapshot.policy.label });
    return null;
  }
}

const STOPS: RefusedChange = { problems: ["Cannot change the configuration: the agent stops"], files: [] };

interface CompileOptions extends Omit<PolicyStoreOptions, "yieldTurn"> {
  /** Whether nobody will use it any more. */
  readonly isClosed?: () => boolean;
  /** Null: nobody waits, all is done at once. */
  readonly yieldTurn: (() => Promise<void>) | null;
}

async function compile(
  options: CompileOptions,
  push: Push | null,
  number: number,
  before: Snapshot | null,
): Promise<Snapshot | RefusedChange> {
  const { file = null, wallMs, logins: maker, inspections } = options;
  const inspector = before?.policy.inspection ?? null;
  const request = { file, pushJson: push?.json ?? null, testsAtMs: wallMs(), number, inspector };
  const made = await compileAnywhere(options, request, before?.files ?? []);
  if ("problems" in made) return made;
  const { config, files, policy } = made;
  const logins = await maker.make(config.auth, before?.logins ?? null);
  // A file that they miss may come: it is watched like those of the configuration.
  if ("problems" in logins) return { problems: logins.problems, files: [...files, ...providerFiles(config)] };
  if (policy.inspection !== null) await inspections?.prepare(policy.inspection);
  return { ...made, logins: logins.logins };
}

/** Where it disturbs least: what is large in the other thread, where there is one. */
async function compileAnywhere(
  { env, yieldTurn, thread, largeBytes, keepWritten = false, log, isClosed }: CompileOptions,
  request: CompileRequest,
  files: readonly string[],
): Promise<ConfigInForce | RefusedChange> {
  const { number: _, inspector: __, ...order } = request;
  if (yieldTurn !== null && thread?.isReady === true && await isLarge(files, request.pushJson, largeBytes)) {
    const report = await thread.compile({ kind: "compile", ...order });
    if (report.kind === "refused") return report;
    if (report.kind === "compiled") {
      log.debug("Another thread compiled the configuration", { config_version: report.packed.version });
      return await unpackConfig(report.packed, request, yieldTurn);
    }
    if (isClosed?.() === true) return STOPS;
    log.warn("The thread that compiles configurations failed: this one is compiled beside the frames", {
      error: report.why,
    });
  }
  return await compileHere({ ...request, keepWritten }, env, yieldTurn);
}

/** Whether a configuration of these files is one for the other thread. */
async function isLarge(
  files: readonly string[],
  pushJson: string | null,
  largeBytes = LARGE_BYTES,
): Promise<boolean> {
  let bytes = pushJson?.length ?? 0;
  for (const file of files) {
    if (bytes >= largeBytes) break;
    bytes += await Deno.stat(file).then(({ size }) => size, () => 0);
  }
  return bytes >= largeBytes;
}

/** So that nobody wonders why the file is not what holds. */
function tellKept({ from, atMs }: Push, { log, wallMs, state }: PolicyStoreOptions): void {
  log.info("The proxy's configuration that was kept is in force, over the file", {
    from,
    pushed_at: new Date(atMs).toISOString(),
    age_secs: Math.round((wallMs() - atMs) / 1000),
    file: state?.path ?? null,
  });
}
