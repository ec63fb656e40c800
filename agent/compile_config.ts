import { type AutoBanRule, compileAutoBan, compileBans, type ConfiguredBans } from "./bans/mod.ts";
import {
  type Config,
  type Fault,
  finished,
  formatPath,
  type LoadedConfig,
  type LoadResult,
  type Problem,
  type Steps,
} from "./config/mod.ts";
import { embeddedTestSteps } from "./policy/acl/mod.ts";
import { inspectionFilterFaults } from "./policy/filter_faults.ts";
import type { Inspector, InspectorProblem, InspectorResult } from "./policy/inspect/inspector.ts";
import type { InspectionConfig } from "./policy/inspect/config.ts";
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
  /** False: the rules as they are written are let go (`CompiledAcl.written`). */
  readonly keepWritten?: boolean;
  /** What compiles the section `inspection` (`inspectionCompiler`), where it is on. */
  readonly compileInspection: CompileInspection | null;
}

/** Compiles the section `inspection`. */
export type CompileInspection = (config: InspectionConfig) => Steps<InspectorResult>;

/**
 * Loads what compiles the section `inspection`, if it is on: its patterns take 30 ms that others need not pay at start. An
 * inspector that was compiled from the same section is used again.
 */
export async function inspectionCompiler(
  result: LoadResult,
  inForce: Inspector | null = null,
): Promise<CompileInspection | null> {
  const loaded = "config" in result ? result : result.whole;
  return loaded?.config.inspection.enabled === true ? await compilerOfInspection(inForce) : null;
}

/** As {@link inspectionCompiler}, for a section that is on. */
export async function compilerOfInspection(inForce: Inspector | null): Promise<CompileInspection> {
  const { Inspector } = await import("./policy/inspect/inspector.ts");
  return (config) => {
    const isSame = inForce !== null && JSON.stringify(inForce.config) === JSON.stringify(config);
    return isSame ? same(inForce) : Inspector.compileSteps(config);
  };
}

function* same(inspector: Inspector): Steps<InspectorResult> {
  yield;
  return { inspector };
}

/** More than this is another file; the rest is counted. */
const MAX_PROBLEMS = 1000;

/**
 * Compiles what was loaded and runs its tests: the one way, so that start, push, reload and `check` tell the same of the
 * same configuration. Problems are all told at once.
 */
export async function compileConfig(
  loaded: LoadResult,
  options: Omit<CompileConfigOptions, "compileInspection">,
): Promise<CompileConfigResult> {
  return finished(compileConfigSteps(loaded, { ...options, compileInspection: await inspectionCompiler(loaded) }));
}

/** As {@link compileConfig}, in steps. */
export function* compileConfigSteps(
  result: LoadResult,
  { number, testsAtMs, buildRegexes = true, keepWritten = true, compileInspection }: CompileConfigOptions,
): Steps<CompileConfigResult> {
  const loaded = "config" in result ? result : result.whole;
  const already = "config" in result ? [] : result.problems;
  if (loaded === null) return { compiled: null, problems: already };
  const { config, version } = loaded;
  const faults: Fault[] = [];
  const inspection = compileInspection === null ? null : yield* compileInspection(inspectionOf(loaded));
  if (inspection !== null && "problems" in inspection) faults.push(...inspection.problems.map(placedIn(config)));
  const filters = inspectionFilterFaults(config.inspection);
  faults.push(...filters);
  yield;
  const inspector = inspection !== null && "inspector" in inspection ? inspection.inspector : null;
  const id = { number, hash: version, inspection: inspector };
  const compiled = yield* compilePolicySteps(config, id, { buildRegexes, keepWritten });
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
  // What was found by comparing keys is found here once more, in other words.
  const known = new Set(already.map(({ path }) => formatPath(path)));
  const further = (yield* loaded.problemsAtSteps(faults.slice(0, MAX_PROBLEMS)))
    .filter(({ path }) => !known.has(formatPath(path)));
  const problems = [...already, ...further];
  if (faults.length > MAX_PROBLEMS) problems.push(untold(faults.length - MAX_PROBLEMS));
  const isWhole = (inspection === null || "inspector" in inspection) && filters.length === 0;
  if (!isWhole || !("policy" in compiled) || "problems" in bans || "problems" in autoBan || already.length > 0) {
    return { compiled: null, problems };
  }
  return { compiled: { policy: compiled.policy, bans: bans.bans, autoBan: autoBan.rule }, problems };
}

/** The section, with the schemas that stand in files of their own. */
export function inspectionOf(
  { config: { inspection }, schemas }: Pick<LoadedConfig, "config" | "schemas">,
): InspectionConfig {
  const entries = inspection["json-schema"].map((entry) => {
    const { "schema-file": file } = entry;
    return file === undefined ? entry : { ...entry, schema: schemas.get(file) };
  });
  return { ...inspection, "json-schema": entries };
}

/** A fault of a schema is one of the file that it stands in. */
function placedIn({ inspection }: Config): (problem: InspectorProblem) => Fault {
  return ({ path, message }) => {
    const [section, index] = path;
    const isFile = section === "json-schema" && typeof index === "number" &&
      inspection["json-schema"][index]?.["schema-file"] !== undefined;
    return { path: ["inspection", ...isFile ? [section, index, "schema-file"] : path], message };
  };
}

function untold(count: number): Problem {
  const text = `${count} more problems`;
  return { kind: "check", place: { source: "the configuration" }, path: [], text, message: text };
}
