import type { LoginDesk } from "./auth/login_desk.ts";
import type { LoginMaker, Logins } from "./auth/logins.ts";
import { type Environment, loadConfig, type LoadedConfig, type Problem } from "./config/mod.ts";
import type { PolicySource } from "./agent.ts";
import type { Logger } from "./log.ts";
import { runEmbeddedTests } from "./policy/acl/mod.ts";
import { compilePolicy, type Policy } from "./policy/policy.ts";

export interface PolicyStoreOptions {
  /** Path of the configuration file; without one the defaults hold, which allow nothing. */
  readonly file?: string;
  readonly env: Environment;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number;
  /** Makes the providers of the `auth` section. */
  readonly logins: LoginMaker;
}

/** A configuration that can not come into force; the message holds every problem, a line each. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/** All that one configuration comes to. */
interface Snapshot {
  readonly policy: Policy;
  readonly loaded: LoadedConfig;
  readonly logins: Logins | null;
}

/** Layers of configuration compiled into the snapshot in force; swapped whole, or not at all. */
export class PolicyStore implements PolicySource {
  readonly #options: PolicyStoreOptions;
  #snapshot: Snapshot;
  #push: { readonly json: string; readonly config: unknown; readonly from: string } | null = null;
  /** Pushes come into force one after another. */
  #lastPush: Promise<unknown> = Promise.resolve();

  private constructor(options: PolicyStoreOptions, snapshot: Snapshot) {
    this.#options = options;
    this.#snapshot = snapshot;
    options.logins.changed(null, snapshot.logins, snapshot.loaded.config.auth);
  }

  /** Loads file and defaults; rejects with a `ConfigurationError` that has all problems at once. */
  static async open(options: PolicyStoreOptions): Promise<PolicyStore> {
    return new PolicyStore(options, await compile(options, undefined, 1, null));
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
    const pushed = this.#lastPush.then(() => this.#apply(config, from)).catch((error) => {
      this.#options.log.error("Cannot apply a push: the agent failed inside", {
        from,
        error: error instanceof Error ? error.stack ?? error.message : String(error),
      });
      return `Cannot apply the push of ${from}: the agent failed inside`;
    });
    this.#lastPush = pushed;
    return pushed;
  }

  /** Ends the providers: files, timers and connections of theirs. */
  close(): void {
    const { logins, loaded } = this.#snapshot;
    this.#options.logins.changed(logins, null, loaded.config.auth);
  }

  async #apply(config: unknown, from: string): Promise<string | null> {
    if (config === null || config === undefined) return null;
    if (typeof config !== "object" || Array.isArray(config)) {
      return `Cannot apply the push of ${from}: the configuration is no object`;
    }
    if (Object.keys(config).length === 0) return null;
    const json = JSON.stringify(config);
    if (json === this.#push?.json) return null;
    const { log, logins } = this.#options;
    const before = this.#snapshot;
    try {
      const snapshot = await compile(this.#options, config, before.policy.number + 1, before.logins);
      if (this.#push !== null && this.#push.from !== from) {
        log.warn("Two proxies push different configurations: the newest is in force", {
          before: this.#push.from,
          now: from,
        });
      }
      if (JSON.stringify(snapshot.loaded.config.agent) !== JSON.stringify(before.loaded.config.agent)) {
        log.warn("The push changes the agent section, which needs a restart; everything else is in force", { from });
      }
      this.#snapshot = snapshot;
      this.#push = { json, config, from };
      logins.changed(before.logins, snapshot.logins, snapshot.loaded.config.auth);
      log.info("The proxy's configuration is in force", { from, config_version: snapshot.policy.label });
      return null;
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      log.error("The proxy's configuration was refused, nothing has changed", {
        from,
        problems: error.message,
        config_version: before.policy.label,
      });
      return error.message;
    }
  }
}

async function compile(
  { file, env, wallMs, logins: maker }: PolicyStoreOptions,
  push: unknown,
  number: number,
  previous: Logins | null,
): Promise<Snapshot> {
  const loaded = loadConfig({ ...(file === undefined ? {} : { file: { path: file } }), push, env });
  if ("problems" in loaded) throw new ConfigurationError(loaded.problems.map(messageOf));
  const compiled = compilePolicy(loaded.config, { number, hash: loaded.version });
  if ("problems" in compiled) {
    throw new ConfigurationError(loaded.problemsAt(compiled.problems).map(messageOf));
  }
  const { policy } = compiled;
  const failures = runEmbeddedTests(policy.acl, loaded.config.acl.tests, wallMs());
  if (failures.length > 0) {
    const faults = failures.map(({ test, message }) => ({ path: ["acl", "tests", test], message }));
    throw new ConfigurationError(loaded.problemsAt(faults).map(messageOf));
  }
  const made = await maker.make(loaded.config.auth, previous);
  if ("problems" in made) throw new ConfigurationError(made.problems);
  return { policy, loaded, logins: made.logins };
}

function messageOf(problem: Problem): string {
  return problem.message;
}
