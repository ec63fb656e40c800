import { isBag } from "./keyed.ts";
import type { Path } from "./problem.ts";

/** Stands where a rule was that is not understood, so that the others keep their places. Its name is nobody's. */
function placeholder(place: number, of: string): unknown {
  return { name: `\0${of}${place}`, topics: ["x"], decision: "deny" };
}

/**
 * What is left of a source in which something is wrong, without the parts that it is wrong in: single rules, single keys
 * of `acl`, whole sections otherwise. It must not come into force: it is for finding what else is wrong, all at once. Tests
 * are left out, since rules may be missing.
 *
 * @param paths of what is wrong, in the terms of the conformed value
 */
export function soundPart(value: unknown, paths: readonly Path[]): unknown {
  if (!isBag(value)) return value;
  const sections: Record<string, unknown> = { ...value };
  const { acl, ...others } = sections;
  for (const [section] of paths) if (section !== undefined && section !== "acl") delete others[section];
  if (!isBag(acl)) return others;
  return {
    ...others,
    acl: soundRules(acl, paths.filter(([section]) => section === "acl").map((path) => path.slice(1))),
  };
}

/** As {@link soundPart}, of what holds rules: the section `acl`, or a rules file, which is told from others by `of`. */
export function soundRules(value: unknown, paths: readonly Path[], of = ""): unknown {
  if (Array.isArray(value)) return soundList(value, paths, of);
  if (!isBag(value)) return value;
  const { tests: _, ...keys } = value;
  const found: Record<string, unknown> = keys;
  for (const [key, entry] of paths) {
    if (key !== undefined && (key !== "rules" || entry === undefined)) delete found[key];
  }
  if (found["rules"] === undefined) return found;
  const inRules = paths.filter(([key]) => key === "rules").map((path) => path.slice(1));
  return { ...found, rules: soundRules(found["rules"], inRules, of) };
}

function soundList(list: readonly unknown[], paths: readonly Path[], of: string): readonly unknown[] {
  if (paths.length === 0) return list;
  const wrong = new Set(paths.map(([place]) => place));
  return list.map((rule, place) => wrong.has(place) || rule === undefined ? placeholder(place, of) : rule);
}
