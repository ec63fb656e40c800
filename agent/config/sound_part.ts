import { type Bag, isBag } from "./keyed.ts";
import type { Path } from "./problem.ts";

/** A name that is nobody's. */
function nameless(place: number, of: string): string {
  return `\0${of}${place}`;
}

/** Stands where a rule was that is not understood, so that the others keep their places. */
function placeholder(place: number, of: string): unknown {
  return { name: nameless(place, of), topics: ["x"], decision: "deny" };
}

/** Sections of which single keys can be left out, since what is compiled of the others does not depend on them. */
const BY_KEY: ReadonlySet<string | number> = new Set(["auth", "general", "rate-limit", "qos", "retained"]);

/** Keys that are compared with each other: one of them without the other would be compared with a default. */
const PARTNERS: ReadonlyMap<string | number, string> = new Map([
  ["min-client-id-length", "max-client-id-length"],
  ["max-client-id-length", "min-client-id-length"],
  ["min-bcrypt-cost", "max-bcrypt-cost"],
  ["max-bcrypt-cost", "min-bcrypt-cost"],
]);

/**
 * What is left of a source in which something is wrong, without the parts that it is wrong in: what is wrong in single
 * rules, single keys of `acl` and of the sections where that can be done, whole sections otherwise. It must not come into
 * force: it is for finding what else is wrong, all at once. Tests are left out, since rules may be missing.
 *
 * @param paths of what is wrong, in the terms of the conformed value
 */
export function soundPart(value: unknown, paths: readonly Path[]): unknown {
  if (!isBag(value)) return value;
  const sections: Record<string, unknown> = { ...value };
  const { acl, ...others } = sections;
  for (const [section, key] of paths) {
    if (section === undefined || section === "acl") continue;
    const found = others[section];
    if (!BY_KEY.has(section) || !isBag(found)) delete others[section];
    // Without a key it is a key that nobody knows, and that is left out already.
    else if (key !== undefined) others[section] = without(found, [key, PARTNERS.get(key) ?? key]);
  }
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
  const wrong = new Map<string | number | undefined, Path[]>();
  for (const [place, ...rest] of paths) {
    const known = wrong.get(place);
    if (known === undefined) wrong.set(place, [rest]);
    else known.push(rest);
  }
  return list.map((rule, place) => {
    const inRule = wrong.get(place);
    if (rule === undefined) return placeholder(place, of);
    return inRule === undefined ? rule : soundRule(rule, inRule, nameless(place, of)) ?? placeholder(place, of);
  });
}

/** A rule without what is wrong in it; null where nothing can be said of the rest, or would be said because of it. */
function soundRule(rule: unknown, paths: readonly Path[], otherName: string): unknown {
  if (!isBag(rule)) return null;
  let sound = rule;
  for (const [key, inner] of paths) {
    const value = key === undefined ? undefined : sound[key];
    if (key === "topics" && typeof inner === "number" && Array.isArray(value)) {
      sound = { ...sound, topics: value.map((topic: unknown, place) => place === inner ? "x" : topic) };
    } else if (key === "match" && inner !== undefined && isBag(value)) {
      sound = { ...sound, match: without(value, [inner]) };
    } else if (key !== undefined) sound = without(sound, [key]);
  }
  const { name, topics, decision } = sound;
  // Topics may be there under a name that is misspelt.
  if (!Array.isArray(topics) || topics.includes(undefined)) return null;
  // A rule that allows may have all keys that one that denies has.
  return {
    ...sound,
    name: typeof name === "string" ? name : otherName,
    decision: decision === "deny" ? "deny" : "allow",
  };
}

function without(bag: Readonly<Record<string, unknown>>, keys: readonly (string | number)[]): Bag {
  return Object.fromEntries(Object.entries(bag).filter(([key]) => !keys.includes(key)));
}
