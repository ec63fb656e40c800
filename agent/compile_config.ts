import { type AutoBanRule, compileAutoBan, compileBans, type ConfiguredBans } from "./bans/mod.ts";
import { type Fault, finished, type LoadResult, type Problem, type Steps } from "./config/mod.ts";
import { embeddedTestSteps } from "./policy/acl/mod.ts";
import { compilePolicySteps, type Policy } from "./policy/policy.ts";

/** Everything that is compiled of one configuration, but for providers, which open files and start threads. */
export interface CompiledConfig {
  readonly policy: Policy;
  readonly bans: ConfiguredBans;
  readonly autoBan: AutoBanRule | null;
}

export interface CompileConfigResult {
  /** Null where something does not compile. A test that fails is a problem, and does not keep it from compiling. */
  readonly compiled: CompiledConfig | null;
  /** All that keeps the configuration from coming into force, each with its place; of very many the first ones. */
  readonly problems: readonly Problem[];
}

export interface CompileConfigOptions {
  /** The number that the policy gets. */
  readonly number: number;
  /** When the embedded tests take place, in milliseconds since the epoch; null: they are not run. */
  readonly testsAtMs: number | null;
  /** False for who only wants to know what is wrong: regexes then are compiled when they are needed. */
  readonly buildRegexes?: boolean;
}

/** More than this is another file; the rest is counted. */
const MAX_PROBLEMS = 1000;

/**
 * Compiles what was loaded and runs its tests: the one way, so that start, push, reload and `check` tell the same of the
 * same configuration. Problems are all told at once.
 */
export function compileConfig(loaded: LoadResult, options: CompileConfigOptions): CompileConfigResult {
  return finished(compileConfigSteps(loaded, options));
}

/** As {@link compileConfig}, in steps. */
export function* compileConfigSteps(
  result: LoadResult,
  { number, testsAtMs, buildRegexes = true }: CompileConfigOptions,
): Steps<CompileConfigResult> {
  const loaded = "config" in result ? result : result.whole;
  const already = "config" in result ? [] : result.problems;
  if (loaded === null) return { compiled: null, problems: already };
  const { config, version } = loaded;
  const faults: Fault[] = [];
  const compiled = yield* compilePolicySteps(config, { number, hash: version }, { buildRegexes });
  if ("problems" in compiled) faults.push(...compiled.problems);
  const bans = compileBans(config.bans);
  if ("problems" in bans) faults.push(...bans.problems);
  const autoBan = compileAutoBan(config["auto-ban"]);
  if ("problems" in autoBan) faults.push(...autoBan.problems);
  const acl = "policy" in compiled ? compiled.policy.acl : compiled.acl;
  if (acl !== null && testsAtMs !== null) {
    const failures = yield* embeddedTestSteps(acl, config.acl.tests, testsAtMs);
    for (const { test, message } of failures) faults.push({ path: ["acl", "tests", test], message });
  }
  const problems = [...already, ...yield* loaded.problemsAtSteps(faults.slice(0, MAX_PROBLEMS))];
  if (faults.length > MAX_PROBLEMS) problems.push(untold(faults.length - MAX_PROBLEMS));
  if (!("policy" in compiled) || "problems" in bans || "problems" in autoBan || already.length > 0) {
    return { compiled: null, problems };
  }
  return { compiled: { policy: compiled.policy, bans: bans.bans, autoBan: autoBan.rule }, problems };
}

function untold(count: number): Problem {
  const text = `${count} more problems`;
  return { kind: "check", place: { source: "the configuration" }, path: [], text, message: text };
}
