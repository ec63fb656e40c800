/** Topic filters of one list, compiled; `index` of a name is the filter that matches it most specifically. */
export interface TopicSet {
  readonly filters: readonly CompiledFilter[];
  readonly exact: ReadonlyMap<string, number>;
}

interface CompiledFilter {
  readonly text: string;
  /** Place of the filter in the list it came from. */
  readonly index: number;
}

/** Compiles valid topic filters. Wildcard filters are kept most specific first, exact topics in a table. */
export function compileTopicSet(filters: readonly string[]): TopicSet {
  const exact = new Map<string, number>();
  const wild: CompiledFilter[] = [];
  filters.forEach((text, index) => {
    if (/[+#]/.test(text)) wild.push({ text, index });
    else if (!exact.has(text)) exact.set(text, index);
  });
  wild.sort((a, b) => compareSpecificity(a.text, b.text) || a.index - b.index);
  return { filters: wild, exact };
}

/**
 * Index, in the list that was compiled, of the most specific filter that matches the topic name; -1 if none does. An
 * exact topic comes before filters; of two filters the one whose first differing level is a literal, then `+`, then `#`.
 * O(filters × length), allocates nothing.
 */
export function mostSpecific(set: TopicSet, name: string): number {
  const exact = set.exact.get(name);
  if (exact !== undefined) return exact;
  for (let i = 0; i < set.filters.length; i++) {
    const filter = set.filters[i] as CompiledFilter;
    if (matchesName(filter.text, name)) return filter.index;
  }
  return -1;
}

/** True if some filter of the set matches the topic name. */
export function inTopicSet(set: TopicSet, name: string): boolean {
  return mostSpecific(set, name) >= 0;
}

const PLUS = 0x2b, HASH = 0x23, SLASH = 0x2f, DOLLAR = 0x24;

/** `filterMatches` of `mqtt/topic_filter.ts` (and tested against it), unit by unit: nothing is split on the frame path. */
function matchesName(filter: string, name: string): boolean {
  const first = filter.charCodeAt(0);
  // [MQTT-4.7.2-1] A leading wildcard matches no name that begins with $.
  if (name.charCodeAt(0) === DOLLAR && (first === PLUS || first === HASH)) return false;
  let f = 0;
  let n = 0;
  for (;;) {
    const unit = filter.charCodeAt(f);
    if (unit === HASH) return true;
    if (unit === PLUS) {
      while (n < name.length && name.charCodeAt(n) !== SLASH) n++;
      f++;
    } else {
      while (f < filter.length && filter.charCodeAt(f) !== SLASH) {
        if (n === name.length || filter.charCodeAt(f) !== name.charCodeAt(n)) return false;
        f++;
        n++;
      }
    }
    if (n < name.length && name.charCodeAt(n) !== SLASH) return false;
    if (f === filter.length) return n === name.length;
    // `a/#` matches `a` as well (section 4.7.1.2).
    if (n === name.length) return filter.charCodeAt(f + 1) === HASH;
    f++;
    n++;
  }
}

function compareSpecificity(a: string, b: string): number {
  const left = a.split("/");
  const right = b.split("/");
  for (let depth = 0; depth < Math.max(left.length, right.length); depth++) {
    const difference = generality(left[depth]) - generality(right[depth]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function generality(level: string | undefined): number {
  return level === undefined ? 0 : level === "#" ? 3 : level === "+" ? 2 : 1;
}
