import { IntVector, mixHash } from "./int_vector.ts";
import { PLUS, templateLabel } from "./level_table.ts";
import type { RuleLists } from "./rule_lists.ts";
import { templateIsLevel, templateIsUsable, type TemplateTable, type TemplateValues } from "./topic_template.ts";
import type { TopicRequest } from "./topic_request.ts";

/**
 * Filters of one root with the same number of levels, all with or all without a final `#`: their number of levels, 1
 * for those with `#`, and the next group of the root. Where a group is, is the first part of the keys of its lists.
 * Group 0 is none.
 */
const GROUP_SIZE = 3;
const OPEN = 1;
const NEXT = 2;

/** In keys: the list of all filters of a group. */
const WHOLE_GROUP = -1;

const LIST_SIZE = 6;
/** Key of a list: group id, depth, label; then first and last entry and the number of entries. */
const FIRST = 3;
const LAST = 4;
const COUNT = 5;

/** Literal levels of a request that are looked at to find the shortest list. */
const MAX_LITERALS = 64;

/** What an {@link OverlapIndex} holds, as another thread can be given it. */
export interface PackedOverlaps {
  readonly groups: Int32Array;
  readonly filters: Int32Array;
  readonly labels: Int32Array;
  readonly entries: Int32Array;
  readonly table: Int32Array;
}

/**
 * Finds the first deny rule that a filter with wildcards overlaps. A trie would have to go down all children for each
 * `+`; here every filter stands in one list for each of its levels (shape, depth, label), so that the literal level
 * that fewest rules have in that place decides how many are looked at: `b/+/zzz` looks at none of 100,000 rules
 * `b/N/x`, and `b/+/x` at the first. The lists are in the order of deciding. What is left over, filters that share each
 * of their literals with many rules and all of them with none, is bounded by the steps of the request.
 */
export class OverlapIndex {
  readonly #lists: RuleLists;
  readonly #templates: TemplateTable;
  #groups = new IntVector(8);
  /** Of each filter: order of its rule, place of its labels, number of them. */
  #filters = new IntVector(8);
  #labels = new IntVector(8);
  /** List entries: filter, next entry. Entry 0 is none. */
  #entries = new IntVector(8);
  /** Open addressing; free where the count is 0. At most half full. */
  #table: Int32Array = new Int32Array(64 * LIST_SIZE);
  #tableShift = 26;
  #tableCount = 0;

  constructor(lists: RuleLists, templates: TemplateTable) {
    this.#lists = lists;
    this.#templates = templates;
    this.#entries.extend(2);
    this.#groups.extend(GROUP_SIZE);
  }

  pack(): PackedOverlaps {
    return {
      groups: this.#groups.packed(),
      filters: this.#filters.packed(),
      labels: this.#labels.packed(),
      entries: this.#entries.packed(),
      table: this.#table.slice(),
    };
  }

  /** What was packed, taken over: nothing can be added any more. */
  static unpack(packed: PackedOverlaps, lists: RuleLists, templates: TemplateTable): OverlapIndex {
    const index = new OverlapIndex(lists, templates);
    index.#groups = IntVector.of(packed.groups);
    index.#filters = IntVector.of(packed.filters);
    index.#labels = IntVector.of(packed.labels);
    index.#entries = IntVector.of(packed.entries);
    index.#table = packed.table;
    index.#tableShift = 32 - Math.log2(packed.table.length / LIST_SIZE);
    return index;
  }

  /**
   * Adds a filter to a root, which is known by its first group, 0 for one that has none, and returns its first group.
   * Rules come in the order of deciding. `#` comes as `+/#` and `/#` as `/+/#`.
   */
  add(root: number, labels: readonly number[], open: boolean, order: number): number {
    const group = this.#group(root, labels.length, open);
    const filter = this.#filters.extend(3);
    this.#filters.data[filter] = order;
    this.#filters.data[filter + 1] = this.#labels.length;
    this.#filters.data[filter + 2] = labels.length;
    this.#append(group, WHOLE_GROUP, 0, filter);
    for (let depth = 0; depth < labels.length; depth++) {
      this.#labels.push(labels[depth]!);
      this.#append(group, depth, labels[depth]!, filter);
    }
    return root === 0 ? group : root;
  }

  /**
   * The order of the first rule of the root (its first group) in force with a filter that overlaps the request, if that is less than
   * `bound`; else `bound`. When the request has no steps left the result means nothing. Allocates nothing.
   */
  firstOverlapping(root: number, request: TopicRequest, values: TemplateValues, bound: number, nowMs: number): number {
    let best = bound;
    const groups = this.#groups.data;
    for (let group = root; group !== 0; group = groups[group + NEXT]!) {
      if (request.stepsLeft < 0) break;
      const { count, open } = request;
      const length = groups[group]!;
      // Names of a filter have exactly its number of levels, or with `#` at least that.
      const compatible = groups[group + OPEN] === 1
        ? open || length <= count
        : open
        ? length >= count
        : length === count;
      if (compatible) best = this.#searchGroup(group, request, values, best, nowMs);
    }
    return best;
  }

  #searchGroup(group: number, request: TopicRequest, values: TemplateValues, bound: number, nowMs: number): number {
    const whole = this.#find(group, WHOLE_GROUP, 0);
    if (this.#firstOrder(whole) >= bound) return bound;
    let fewest = this.#count(whole);
    let fewestDepth = WHOLE_GROUP;
    let literals = 0;
    const levels = Math.min(this.#groups.data[group]!, request.count);
    for (let depth = 0; depth < levels && literals < MAX_LITERALS; depth++) {
      const label = request.ids[depth]!;
      if (label === PLUS) continue;
      literals++;
      let candidates = this.#count(this.#find(group, depth, PLUS));
      if (label >= 0) candidates += this.#count(this.#find(group, depth, label));
      for (let template = 0; template < this.#templates.templates.length; template++) {
        request.stepsLeft--;
        if (this.#isLevel(template, request, values, depth)) {
          candidates += this.#count(this.#find(group, depth, templateLabel(template)));
        }
      }
      request.stepsLeft -= 2;
      if (candidates >= fewest) continue;
      fewest = candidates;
      fewestDepth = depth;
    }
    if (fewest === 0) return bound;
    if (fewestDepth === WHOLE_GROUP) return this.#searchList(whole, request, values, bound, nowMs);
    const label = request.ids[fewestDepth]!;
    let best = this.#searchList(this.#find(group, fewestDepth, PLUS), request, values, bound, nowMs);
    if (label >= 0) {
      best = this.#searchList(this.#find(group, fewestDepth, label), request, values, best, nowMs);
    }
    for (let template = 0; template < this.#templates.templates.length; template++) {
      if (!this.#isLevel(template, request, values, fewestDepth)) continue;
      const list = this.#find(group, fewestDepth, templateLabel(template));
      best = this.#searchList(list, request, values, best, nowMs);
    }
    return best;
  }

  /** Goes through one list until a filter overlaps, or none can be better than `bound`. */
  #searchList(list: number, request: TopicRequest, values: TemplateValues, bound: number, nowMs: number): number {
    if (list < 0) return bound;
    const entries = this.#entries.data;
    for (let entry = this.#table[list + FIRST]!; entry !== 0; entry = entries[entry + 1]!) {
      const filter = entries[entry]!;
      const order = this.#filters.data[filter]!;
      if (order >= bound) return bound;
      // Not charged: rules that have expired must not make a request too broad.
      if (this.#lists.expiresMs[order]! <= nowMs) continue;
      if (--request.stepsLeft < 0) return bound;
      if (this.#overlaps(filter, request, values)) return order;
    }
    return bound;
  }

  /** Lengths are known to fit. */
  #overlaps(filter: number, request: TopicRequest, values: TemplateValues): boolean {
    const first = this.#filters.data[filter + 1]!;
    const length = this.#filters.data[filter + 2]!;
    for (let depth = 0; depth < length; depth++) {
      const label = this.#labels.data[first + depth]!;
      if (label === PLUS) continue;
      const asked = depth < request.count ? request.ids[depth]! : PLUS;
      if (label >= 0) {
        if (asked !== PLUS && asked !== label) return false;
      } else if (asked === PLUS) {
        if (!templateIsUsable(this.#templates.templates[templateLabel(label)]!, values, depth)) return false;
      } else if (!this.#isLevel(templateLabel(label), request, values, depth)) return false;
    }
    return true;
  }

  #isLevel(template: number, request: TopicRequest, values: TemplateValues, depth: number): boolean {
    const start = request.starts[depth]!;
    return templateIsLevel(this.#templates.templates[template]!, values, request.text, start, request.ends[depth]!);
  }

  /** The group of that shape, a new one behind the others of the root if need be. */
  #group(root: number, length: number, open: boolean): number {
    let last = 0;
    for (let group = root; group !== 0; group = this.#groups.data[group + NEXT]!) {
      if (this.#groups.data[group] === length && (this.#groups.data[group + OPEN] === 1) === open) return group;
      last = group;
    }
    const made = this.#groups.extend(GROUP_SIZE);
    this.#groups.data[made] = length;
    this.#groups.data[made + OPEN] = Number(open);
    if (last !== 0) this.#groups.data[last + NEXT] = made;
    return made;
  }

  #append(group: number, depth: number, label: number, filter: number): void {
    const entry = this.#entries.extend(2);
    this.#entries.data[entry] = filter;
    let list = this.#find(group, depth, label);
    if (list < 0) {
      if ((this.#tableCount + 1) * 2 * LIST_SIZE > this.#table.length) this.#grow();
      list = this.#free(group, depth, label);
      this.#table[list] = group;
      this.#table[list + 1] = depth;
      this.#table[list + 2] = label;
      this.#table[list + FIRST] = entry;
      this.#tableCount++;
    } else {
      this.#entries.data[this.#table[list + LAST]! + 1] = entry;
    }
    this.#table[list + LAST] = entry;
    this.#table[list + COUNT]!++;
  }

  /** Place of the list in the table, or -1. */
  #find(group: number, depth: number, label: number): number {
    const table = this.#table;
    for (let at = this.#slot(group, depth, label);; at += LIST_SIZE) {
      if (at === table.length) at = 0;
      if (table[at + COUNT] === 0) return -1;
      if (table[at] === group && table[at + 1] === depth && table[at + 2] === label) return at;
    }
  }

  #count(list: number): number {
    return list < 0 ? 0 : this.#table[list + COUNT]!;
  }

  #firstOrder(list: number): number {
    return this.#filters.data[this.#entries.data[this.#table[list + FIRST]!]!]!;
  }

  #free(group: number, depth: number, label: number): number {
    let at = this.#slot(group, depth, label);
    while (this.#table[at + COUNT] !== 0) {
      at += LIST_SIZE;
      if (at === this.#table.length) at = 0;
    }
    return at;
  }

  #slot(group: number, depth: number, label: number): number {
    return (mixHash(mixHash(group, depth), label) >>> this.#tableShift) * LIST_SIZE;
  }

  #grow(): void {
    const old = this.#table;
    this.#table = new Int32Array(old.length * 2);
    this.#tableShift--;
    for (let at = 0; at < old.length; at += LIST_SIZE) {
      if (old[at + COUNT] === 0) continue;
      const place = this.#free(old[at]!, old[at + 1]!, old[at + 2]!);
      for (let field = 0; field < LIST_SIZE; field++) this.#table[place + field] = old[at + field]!;
    }
  }
}
