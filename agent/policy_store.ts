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
}

/** A configuration that can not come into force; the message holds every problem, a line each. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/** Layers of configuration compiled into the snapshot in force; swapped whole, or not at all. */
export class PolicyStore implements PolicySource {
  readonly #options: PolicyStoreOptions;
  #current: Policy;
  #loaded: LoadedConfig;
  #push: { readonly json: string; readonly config: unknown; readonly from: string } | null = null;

  /** Loads file and defaults; throws `ConfigurationError` with all problems at once. */
  constructor(options: PolicyStoreOptions) {
    this.#options = options;
    const { policy, loaded } = this.#compile(undefined, 1);
    this.#current = policy;
    this.#loaded = loaded;
  }

  get current(): Policy {
    return this.#current;
  }

  get loaded(): LoadedConfig {
    return this.#loaded;
  }

  /**
   * A proxy's push, as a layer over file and defaults: null when it is in force, else what is wrong with it and nothing
   * has changed. An empty push and one that came before change nothing.
   */
  push(config: unknown, from: string): string | null {
    if (config === null || config === undefined) return null;
    if (typeof config !== "object" || Array.isArray(config)) {
      return `Cannot apply the push of ${from}: the configuration is no object`;
    }
    if (Object.keys(config).length === 0) return null;
    const json = JSON.stringify(config);
    if (json === this.#push?.json) return null;
    try {
      const { policy, loaded } = this.#compile(config, this.#current.number + 1);
      if (this.#push !== null && this.#push.from !== from) {
        this.#options.log.warn("Two proxies push different configurations: the newest is in force", {
          before: this.#push.from,
          now: from,
        });
      }
      if (JSON.stringify(loaded.config.agent) !== JSON.stringify(this.#loaded.config.agent)) {
        this.#options.log.warn(
          "The push changes the agent section, which needs a restart; everything else is in force",
          {
            from,
          },
        );
      }
      this.#current = policy;
      this.#loaded = loaded;
      this.#push = { json, config, from };
      this.#options.log.info("The proxy's configuration is in force", { from, config_version: policy.label });
      return null;
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      this.#options.log.error("The proxy's configuration was refused, nothing has changed", {
        from,
        problems: error.message,
        config_version: this.#current.label,
      });
      return error.message;
    }
  }

  #compile(push: unknown, number: number): { policy: Policy; loaded: LoadedConfig } {
    const { file, env } = this.#options;
    const loaded = loadConfig({ ...(file === undefined ? {} : { file: { path: file } }), push, env });
    if ("problems" in loaded) throw new ConfigurationError(loaded.problems.map(messageOf));
    const compiled = compilePolicy(loaded.config, { number, hash: loaded.version });
    if ("problems" in compiled) {
      throw new ConfigurationError(loaded.problemsAt(compiled.problems).map(messageOf));
    }
    const { policy } = compiled;
    const failures = runEmbeddedTests(policy.acl, loaded.config.acl.tests, this.#options.wallMs());
    if (failures.length > 0) {
      const faults = failures.map(({ test, message }) => ({ path: ["acl", "tests", test], message }));
      throw new ConfigurationError(loaded.problemsAt(faults).map(messageOf));
    }
    return { policy, loaded };
  }
}

function messageOf(problem: Problem): string {
  return problem.message;
}
