import { compileAutoBan, compileBans } from "../agent/bans/mod.ts";
import type { Config, Fault, LoadedConfig } from "../agent/config/mod.ts";
import { compilePolicy, type Policy } from "../agent/policy/policy.ts";

export interface CompiledConfig {
  /** Null where it does not compile. */
  readonly policy: Policy | null;
  /** All that keeps it from compiling. */
  readonly faults: readonly Fault[];
}

/** Compiles all of a configuration that start compiles, and tells what is wrong anywhere in it. */
export function compileConfig({ config, version }: LoadedConfig): CompiledConfig {
  const id = { number: 1, hash: version };
  const compiled = compilePolicy(config, id);
  if ("policy" in compiled) return { policy: compiled.policy, faults: banFaults(config) };
  // The compiler looks at the rest only where the rules are right: what is wrong there is to be told as well.
  const { "forbid-characters": _, ...acl } = config.acl;
  const rest = compilePolicy({ ...config, acl: { ...acl, rules: [], groups: {}, unwrap: [] } }, id);
  const known = new Set(compiled.problems.map(faultKey));
  const further = "problems" in rest ? rest.problems.filter((fault) => !known.has(faultKey(fault))) : [];
  return { policy: null, faults: [...[...compiled.problems, ...further].map(placed), ...banFaults(config)] };
}

function banFaults(config: Config): readonly Fault[] {
  return [compileBans(config.bans), compileAutoBan(config["auto-ban"])]
    .flatMap((compiled) => "problems" in compiled ? compiled.problems : []);
}

/** What is wrong with the section, and not with one rule, is told of the rule at -1. */
function placed({ path, message }: Fault): Fault {
  return path[0] === "acl" && path[2] === -1 ? { path: ["acl", ...path.slice(3)], message } : { path, message };
}

function faultKey({ path, message }: Fault): string {
  return JSON.stringify([path, message]);
}
