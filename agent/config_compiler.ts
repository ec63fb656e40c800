import { compileConfigSteps, compilerOfInspection, inspectionCompiler, inspectionOf } from "./compile_config.ts";
import { compileAutoBan, compileBans } from "./bans/mod.ts";
import { type Environment, finished, inTurns, loadConfigSteps, type LoadedConfig, type Steps } from "./config/mod.ts";
import type { ConfigInForce, ConfigOrder, ConfigReport, PackedConfig, RefusedChange } from "./config_in_force.ts";
import { doubtsOf } from "./doubts.ts";
import { packAcl, unpackAcl } from "./policy/acl/mod.ts";
import type { Inspector } from "./policy/inspect/inspector.ts";
import { policyOf } from "./policy/policy.ts";

export interface CompileRequest extends Omit<ConfigOrder, "kind"> {
  /** The number that the policy gets. */
  readonly number: number;
  /** See `PolicyStoreOptions`; false, where absent. */
  readonly keepWritten?: boolean;
  /** Used again where the section says the same. */
  readonly inspector: Inspector | null;
}

/** Compiles in this thread, in steps with turns of others between them; null: all at once, for when nobody waits. */
export async function compileHere(
  { file, pushJson, testsAtMs, number, inspector, keepWritten = false }: CompileRequest,
  env: Environment,
  yieldTurn: (() => Promise<void>) | null,
): Promise<ConfigInForce | RefusedChange> {
  const run = <T>(steps: Steps<T>) => yieldTurn === null ? finished(steps) : inTurns(steps, yieldTurn);
  const loaded = await run(loadConfigSteps(sourcesOf({ file, pushJson }, env)));
  const { compiled, problems } = await run(compileConfigSteps(loaded, {
    number,
    testsAtMs,
    keepWritten,
    compileInspection: await inspectionCompiler(loaded, inspector),
  }));
  if (compiled === null || problems.length > 0 || "problems" in loaded) {
    return { problems: problems.map(({ message }) => message), files: loaded.files };
  }
  return { ...compiled, ...keptOf(loaded) };
}

/**
 * Makes of what another thread compiled what can be put in force. Nearly all of it changes hands as it is; regexes and the
 * patterns of an inspection that differs are compiled here, in steps.
 */
export async function unpackConfig(
  { acl: packed, inspection, ...handed }: PackedConfig,
  { number, inspector }: Pick<CompileRequest, "number" | "inspector">,
  yieldTurn: () => Promise<void>,
): Promise<ConfigInForce | RefusedChange> {
  const kept = { ...handed, config: settled(handed.config) };
  const { config, version, files } = kept;
  const acl = unpackAcl(packed);
  await inTurns(acl.tables.matches.buildRegexes(), yieldTurn);
  const compiled = inspection === null
    ? { inspector: null }
    : await inTurns((await compilerOfInspection(inspector))(inspection), yieldTurn);
  const bans = compileBans(config.bans);
  const autoBan = compileAutoBan(config["auto-ban"]);
  const problems = [compiled, bans, autoBan].flatMap((part) => "problems" in part ? part.problems : []);
  if (!("problems" in compiled) && !("problems" in bans) && !("problems" in autoBan)) {
    const made = policyOf(config, acl, { number, hash: version, inspection: compiled.inspector });
    if ("policy" in made) return { policy: made.policy, bans: bans.bans, autoBan: autoBan.rule, ...kept };
    problems.push(...made.problems);
  }
  // The other thread found nothing: what it says is the last word, and this cannot happen.
  return { problems: problems.map(({ message }) => message), files };
}

/**
 * As a configuration of this thread is: frozen, and its maps without the keys that every object of JavaScript has, so that
 * a user called `constructor` finds nothing in them. What comes from another thread has lost both.
 */
function settled<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const part of Object.values(value)) settled(part);
  if (!Array.isArray(value)) Object.setPrototypeOf(value, null);
  return Object.freeze(value);
}

/** What the thread does that only compiles: all that there is to find is found there. */
export async function compileAside(
  order: Extract<ConfigOrder, { kind: "compile" }>,
  env: Environment,
): Promise<ConfigReport> {
  const { testsAtMs } = order;
  const loaded = finished(loadConfigSteps(sourcesOf(order, env)));
  const { compiled, problems } = finished(compileConfigSteps(loaded, {
    number: 0,
    testsAtMs,
    buildRegexes: false,
    keepWritten: false,
    compileInspection: await inspectionCompiler(loaded),
  }));
  if (compiled === null || problems.length > 0 || "problems" in loaded) {
    return { kind: "refused", problems: problems.map(({ message }) => message), files: loaded.files };
  }
  const inspection = loaded.config.inspection.enabled ? inspectionOf(loaded) : null;
  return { kind: "compiled", packed: { ...keptOf(loaded), inspection, acl: packAcl(compiled.policy.acl) } };
}

function sourcesOf({ file, pushJson }: Pick<ConfigOrder, "file" | "pushJson">, env: Environment) {
  return { ...(file === null ? {} : { file: { path: file } }), ...(pushJson === null ? {} : { pushJson }), env };
}

function keptOf(loaded: LoadedConfig): Pick<ConfigInForce, "config" | "version" | "files" | "doubts"> {
  const { rules: _, groups: __, tests: ___, ...acl } = loaded.config.acl;
  return {
    config: { ...loaded.config, acl },
    version: loaded.version,
    files: loaded.files,
    doubts: doubtsOf(loaded),
  };
}
