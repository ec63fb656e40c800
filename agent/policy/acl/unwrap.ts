import { filterProblem, filtersOverlap } from "../../mqtt/topic_filter.ts";

const SLASH = 47;
const DOLLAR = 36;

/**
 * Takes prefixes off topics that a broker takes off as well: what counts is the topic behind `$queue/` or
 * `$delayed/5/`.
 */
export class Unwrapper {
  /** Levels of each prefix with their slash; null for `+`. */
  readonly #prefixes: readonly (readonly (string | null)[])[];
  readonly #filters: readonly string[];

  /** The prefixes must be without {@link unwrapProblem}. */
  constructor(prefixes: readonly string[]) {
    this.#prefixes = prefixes.map((prefix) =>
      prefix.slice(0, -1).split("/").map((level) => level === "+" ? null : `${level}/`)
    );
    // Something is always left behind the prefix.
    this.#filters = prefixes.map((prefix) => `${prefix}+/#`);
  }

  /**
   * Where the topic begins when all prefixes from `from` on are taken off, again and again. Something is always left.
   * O(length), allocates nothing.
   */
  strip(text: string, from: number): number {
    let start = from;
    while (text.charCodeAt(start) === DOLLAR) {
      const next = this.#stripOnce(text, start);
      if (next < 0) break;
      start = next;
    }
    return start;
  }

  /** The prefix that topics of this filter may begin with, or null. */
  prefixOf(filter: string): string | null {
    const found = this.#filters.find((prefixFilter) => filtersOverlap(prefixFilter, filter));
    return found === undefined ? null : found.slice(0, -"+/#".length);
  }

  #stripOnce(text: string, from: number): number {
    for (const prefix of this.#prefixes) {
      const end = prefixEnd(prefix, text, from);
      if (end > 0 && end < text.length) return end;
    }
    return -1;
  }
}

function prefixEnd(prefix: readonly (string | null)[], text: string, from: number): number {
  let at = from;
  for (const level of prefix) {
    if (level === null) {
      while (at < text.length && text.charCodeAt(at) !== SLASH) at++;
      if (at === text.length) return -1;
      at++;
    } else {
      if (!text.startsWith(level, at)) return -1;
      at += level.length;
    }
  }
  return at;
}

/**
 * Why the text can be no prefix, or null. It begins with `$`: a prefix that wildcards match would have to be looked for
 * in every filter. `$share/` is always understood, in SUBSCRIBE and UNSUBSCRIBE alone.
 */
export function unwrapProblem(prefix: string): string | null {
  if (!prefix.startsWith("$")) return 'it does not begin with "$"';
  if (!prefix.endsWith("/")) return 'it does not end in "/"';
  if (prefix.startsWith("$share/")) return "shared subscriptions are always judged by their inner filter";
  const levels = prefix.slice(0, -1);
  if (levels.includes("#")) return '"#" is no level of a prefix';
  return filterProblem(levels);
}
