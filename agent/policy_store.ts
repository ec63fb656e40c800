import type { LoginDesk } from "./auth/login_desk.ts";
import type { LoginMaker, Logins } from "./auth/logins.ts";
import type { AutoBan, BanList } from "./bans/mod.ts";
import { compileConfigSteps, type CompiledConfig, inspectionCompiler } from "./compile_config.ts";
import {
  type Environment,
  finished,
  inTurns,
  jsonSteps,
  loadConfigSteps,
  type LoadedConfig,
  type Problem,
  providerFiles,
  type Steps,
  turnGiver,
} from "./config/mod.ts";
import { doubtsOf } from "./doubts.ts";
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
interface Snapshot extends CompiledConfig {
  readonly loaded: LoadedConfig;
  readonly logins: Logins | null;
}

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
    this.#watchFiles(snapshot.loaded.files);
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

  get loaded(): LoadedConfig {
    return this.#snapshot.loaded;
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
    const { logins, loaded } = this.#snapshot;
    this.#options.logins.changed(logins, null, loaded.config.auth);
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
  #enforce(before: Snapshot | null, { policy, loaded, logins, bans, autoBan }: Snapshot): void {
    const { bans: lists } = this.#options;
    this.#options.logins.changed(before?.logins ?? null, logins, loaded.config.auth);
    lists?.list.configure(bans);
    lists?.auto.configure(autoBan);
    for (const doubt of doubtsOf(loaded)) this.#options.log.warn(doubt, { config_version: policy.label });
  }

  /** The one way for a configuration to come into force: read, validate, compile, test, swap; or nothing changes. */
  async #change(push: Push | null, cause: string): Promise<string | null> {
    const { log, logins } = this.#options;
    const before = this.#snapshot;
    const { yieldTurn = turnGiver() } = this.#options;
    const snapshot = await compile({ ...this.#options, yieldTurn }, push, before.policy.number + 1, before.logins);
    if ("problems" in snapshot) {
      const problems = snapshot.problems.join("\n");
      this.#lastProblem = problems;
      this.#refused++;
      // One of them may be put right: they are watched beside those in force.
      this.#watchFiles([...new Set([...before.loaded.files, ...snapshot.files])]);
      log.error("A configuration was refused, nothing has changed", {
        cause,
        problems,
        config_version: before.policy.label,
      });
      return problems;
    }
    this.#lastProblem = null;
    this.#push = push;
    this.#watchFiles(snapshot.loaded.files);
    if (snapshot.loaded.version === before.loaded.version) {
      // The same words, written anew: nobody has to be judged again.
      if (snapshot.logins !== before.logins) logins.discard(snapshot.logins, before.logins);
      log.info("The configuration is as it was: nothing has changed", {
        cause,
        config_version: before.policy.label,
      });
      return null;
    }
    const { agent, admin } = snapshot.loaded.config;
    const old = before.loaded.config;
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

interface Refused {
  readonly problems: readonly string[];
  readonly files: readonly string[];
}

interface CompileOptions extends Omit<PolicyStoreOptions, "yieldTurn"> {
  /** Null: nobody waits, all is done at once. */
  readonly yieldTurn: (() => Promise<void>) | null;
}

async function compile(
  { file, env, wallMs, logins: maker, inspections, yieldTurn }: CompileOptions,
  push: Push | null,
  number: number,
  previous: Logins | null,
): Promise<Snapshot | Refused> {
  const run = <T>(steps: Steps<T>) => yieldTurn === null ? finished(steps) : inTurns(steps, yieldTurn);
  const result = await run(loadConfigSteps({
    ...(file === undefined ? {} : { file: { path: file } }),
    ...(push === null ? {} : { pushJson: push.json }),
    env,
  }));
  const { files } = result;
  const { compiled, problems } = await run(
    compileConfigSteps(result, { number, testsAtMs: wallMs(), compileInspection: await inspectionCompiler(result) }),
  );
  if (compiled === null || problems.length > 0 || "problems" in result) {
    return { problems: problems.map(messageOf), files };
  }
  const made = await maker.make(result.config.auth, previous);
  // A file that they miss may come: it is watched like those of the configuration.
  if ("problems" in made) return { problems: made.problems, files: [...files, ...providerFiles(result.config)] };
  const { inspection } = compiled.policy;
  if (inspection !== null) await inspections?.prepare(inspection);
  return { ...compiled, loaded: result, logins: made.logins };
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

function messageOf(problem: Problem): string {
  return problem.message;
}
