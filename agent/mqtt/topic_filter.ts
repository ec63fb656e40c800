/**
 * Topic names and topic filters, MQTT 5.0 section 4.7 (the same in 3.1.1).
 *
 * A filter stands for a set of topic names, and everything here follows from that set: `#` includes the parent level
 * (`a/#` matches `a`, section 4.7.1.2), a leading `+` or `#` matches no name that begins with `$` ([MQTT-4.7.2-1]),
 * empty levels count, a name has at least one character ([MQTT-4.7.3-1]), text is compared as it is, without
 * normalisation or case folding ([MQTT-4.7.3-4]).
 *
 * These functions are the plain statement of the rules. What judges packets is compiled from them (`policy/acl`) and
 * tested against them.
 */

/** Longest topic name or filter in bytes of UTF-8 ([MQTT-4.7.3-3]). */
export const MAX_TOPIC_BYTES = 65_535;

const SHARE_PREFIX = "$share/";
const encoder = new TextEncoder();

/** True if `name` is in the set of `filter`. Both must be valid; O(length). */
export function filterMatches(filter: string, name: string): boolean {
  const levels = filter.split("/");
  const nameLevels = name.split("/");
  if (name.startsWith("$") && isWildcard(levels[0])) return false;
  for (const [depth, level] of levels.entries()) {
    if (level === "#") return true;
    if (depth === nameLevels.length) return false;
    if (level !== "+" && level !== nameLevels[depth]) return false;
  }
  return levels.length === nameLevels.length;
}

/**
 * True if every name that `inner` matches is matched by `outer`: set inclusion, exactly (`+/#` covers `#`). Both must
 * be valid; O(length).
 */
export function filterCovers(outer: string, inner: string): boolean {
  return parsedCovers(parseFilter(outer), parseFilter(inner));
}

/** {@link filterCovers} of filters that were parsed before, for who holds one against many. */
export function parsedCovers(a: ParsedFilter, b: ParsedFilter): boolean {
  // Without `#` every name of a filter has the same number of levels; with it, any number from `levels.length` on.
  if (a.open ? b.levels.length < a.levels.length : b.open || b.levels.length !== a.levels.length) return false;
  return a.levels.every((level, depth) => {
    const innerLevel = b.levels[depth];
    if (level !== "+") return level === innerLevel;
    return depth > 0 || innerLevel === undefined || !innerLevel.startsWith("$");
  });
}

/** True if at least one name is matched by both. Both must be valid; O(length). */
export function filtersOverlap(a: string, b: string): boolean {
  return parsedOverlap(parseFilter(a), parseFilter(b));
}

/** {@link filtersOverlap} of filters that were parsed before. */
export function parsedOverlap(left: ParsedFilter, right: ParsedFilter): boolean {
  if (!left.open && left.levels.length < right.levels.length) return false;
  if (!right.open && right.levels.length < left.levels.length) return false;
  const shared = Math.min(left.levels.length, right.levels.length);
  for (let depth = 0; depth < shared; depth++) {
    const x = left.levels[depth];
    const y = right.levels[depth];
    if (x === y) continue;
    if (x !== "+" && y !== "+") return false;
    if (depth === 0 && (x?.startsWith("$") || y?.startsWith("$"))) return false;
  }
  return true;
}

/** True if `filter` is a topic filter: see {@link filterProblem}. */
export function isValidFilter(filter: string): boolean {
  return filterProblem(filter) === null;
}

/**
 * Why `filter` is no topic filter, or null if it is one. `$share/…` is looked at as any other text: see {@link
 * splitShared}. Refused: empty, longer than 65,535 bytes, U+0000 or a lone surrogate, `#` not alone or not last, `+`
 * not alone in its level.
 */
export function filterProblem(filter: string): string | null {
  const problem = textProblem(filter);
  if (problem !== null) return problem;
  if (!filter.includes("#") && !filter.includes("+")) return null;
  const levels = filter.split("/");
  for (const [depth, level] of levels.entries()) {
    // [MQTT-4.7.1-1] and [MQTT-4.7.1-2].
    if (level.includes("#") && level !== "#") return '"#" must be a level of its own';
    if (level.includes("+") && level !== "+") return '"+" must be a level of its own';
    if (level === "#" && depth < levels.length - 1) return '"#" must be the last level';
  }
  return null;
}

/**
 * True if `name` is a topic name: not empty, at most 65,535 bytes, no wildcard ([MQTT-3.3.2-2]), no U+0000, no lone
 * surrogate.
 */
export function isValidName(name: string): boolean {
  return textProblem(name) === null && !name.includes("+") && !name.includes("#");
}

/**
 * The two parts of a shared subscription `$share/<group>/<filter>` (MQTT 5.0 section 4.8.2), or null: not shared, or
 * malformed. The prefix is compared exactly: `$SHARE/…` is an ordinary filter. The inner filter is not validated.
 */
export function splitShared(filter: string): { group: string; filter: string } | null {
  const start = sharedFilterStart(filter, 0);
  if (start < 0) return null;
  return { group: filter.slice(SHARE_PREFIX.length, start - 1), filter: filter.slice(start) };
}

/**
 * Where the inner filter of the shared subscription that begins at `from` begins; -1 where none begins there, -2 where
 * one does that is malformed: no group, a wildcard in the group ([MQTT-4.8.2-1]), no inner filter ([MQTT-4.8.2-2]).
 * Allocates nothing.
 */
export function sharedFilterStart(filter: string, from: number): number {
  if (!filter.startsWith(SHARE_PREFIX, from)) return -1;
  const groupStart = from + SHARE_PREFIX.length;
  const slash = filter.indexOf("/", groupStart);
  if (slash <= groupStart || slash === filter.length - 1) return -2;
  for (let at = groupStart; at < slash; at++) {
    const unit = filter.charCodeAt(at);
    if (unit === 43 || unit === 35) return -2;
  }
  return slash + 1;
}

export interface ParsedFilter {
  /** Levels before the `#`. */
  readonly levels: readonly string[];
  /** It ends in `#`: any number of levels may follow. */
  readonly open: boolean;
}

/**
 * `#` is read as `+/#` and `/#` as `/+/#`, which are the same sets: no name is empty. So `levels.length` is the fewest
 * levels that a name of it has.
 */
export function parseFilter(filter: string): ParsedFilter {
  const levels = filter.split("/");
  const open = levels.at(-1) === "#";
  if (open) levels.pop();
  if (open && (filter === "#" || filter === "/#")) levels.push("+");
  return { levels, open };
}

function isWildcard(level: string | undefined): boolean {
  return level === "+" || level === "#";
}

function textProblem(text: string): string | null {
  if (text === "") return "it is empty";
  // A UTF-16 unit takes at most three bytes, so only long texts need counting.
  if (text.length * 3 > MAX_TOPIC_BYTES && encoder.encode(text).length > MAX_TOPIC_BYTES) {
    return `it is longer than ${MAX_TOPIC_BYTES} bytes`;
  }
  if (text.includes("\0")) return "it holds U+0000";
  if (!text.isWellFormed()) return "it holds half a surrogate pair";
  return null;
}
