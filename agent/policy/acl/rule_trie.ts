import { IntVector, mixHash } from "./int_vector.ts";
import { PLUS, templateLabel } from "./level_table.ts";
import type { RuleLists } from "./rule_lists.ts";
import { templateIsLevel, type TemplateTable, type TemplateValues } from "./topic_template.ts";
import type { TopicRequest } from "./topic_request.ts";

/** Fields of a node, side by side: a visit reads one or two cache lines. */
const NODE_SIZE = 8;
/**
 * Least order of all rules at and below the node: what a walk must beat. Rules come in order, so it is that of the rule
 * that made the node.
 */
const MIN_ORDER = 0;
/** List of rules whose filter ends here. */
const EXACT = 1;
/** List of rules whose filter ends here with `#`. */
const OPEN = 2;
/** Child by `+`, or 0. */
const PLUS_CHILD = 3;
/** First of the chain of children by placeholder, or 0. */
const TEMPLATE_CHILD = 4;
/** Number of children by literal. The first is kept here, since most nodes have one, the others in the edge table. */
const LITERAL_COUNT = 5;
const FIRST_LABEL = 6;
const FIRST_CHILD = 7;

/** Node, label, child, and one unused: an edge is in one cache line. */
const EDGE_SIZE = 4;

/** What a {@link RuleTrie} holds, as another thread can be given it. */
export interface PackedTrie {
  readonly nodes: Int32Array;
  readonly templateLinks: Int32Array;
  readonly edges: Int32Array;
}

/**
 * The filters of all rules as one forest: each class of rules (same match, same decision, …) has roots of its own. What
 * a walk costs depends on the levels of the topic and on the branches that it can take, not on how many rules there
 * are: O(levels) where `+` and literal levels do not branch at the same node.
 */
export class RuleTrie {
  readonly #lists: RuleLists;
  readonly #templates: TemplateTable;
  /** Node 0 is none. */
  #nodes = new IntVector(1024);
  /** Chain links: template number, child, next link. Link 0 is none. */
  #templateLinks = new IntVector(8);
  /** Open addressing; node 0 is free. At most half full. */
  #edges: Int32Array = new Int32Array(64 * EDGE_SIZE);
  #edgeShift = 26;
  #edgeCount = 0;
  readonly #stack: number[] = [];

  constructor(lists: RuleLists, templates: TemplateTable) {
    this.#lists = lists;
    this.#templates = templates;
    this.#nodes.extend(NODE_SIZE);
    this.#templateLinks.extend(3);
  }

  pack(): PackedTrie {
    return { nodes: this.#nodes.packed(), templateLinks: this.#templateLinks.packed(), edges: this.#edges.slice() };
  }

  /** What was packed, taken over: nothing can be added any more. */
  static unpack({ nodes, templateLinks, edges }: PackedTrie, lists: RuleLists, templates: TemplateTable): RuleTrie {
    const trie = new RuleTrie(lists, templates);
    trie.#nodes = IntVector.of(nodes);
    trie.#templateLinks = IntVector.of(templateLinks);
    trie.#edges = edges;
    trie.#edgeShift = 32 - Math.log2(edges.length / EDGE_SIZE);
    return trie;
  }

  /** A new node, made for the rule of this order. */
  newNode(order: number): number {
    const at = this.#nodes.extend(NODE_SIZE);
    this.#nodes.data[at + MIN_ORDER] = order;
    return at;
  }

  /** The child by a literal, `+` or template label, made if need be. */
  child(node: number, label: number, order: number): number {
    const known = label >= 0
      ? this.literalChild(node, label)
      : label === PLUS
      ? this.#nodes.data[node + PLUS_CHILD]!
      : this.#templateChild(node, templateLabel(label));
    if (known !== 0) return known;
    const made = this.newNode(order);
    const nodes = this.#nodes.data;
    if (label === PLUS) {
      nodes[node + PLUS_CHILD] = made;
    } else if (label < 0) {
      const link = this.#templateLinks.extend(3);
      this.#templateLinks.data[link] = templateLabel(label);
      this.#templateLinks.data[link + 1] = made;
      this.#templateLinks.data[link + 2] = nodes[node + TEMPLATE_CHILD]!;
      nodes[node + TEMPLATE_CHILD] = link;
    } else if (nodes[node + LITERAL_COUNT]!++ === 0) {
      nodes[node + FIRST_LABEL] = label;
      nodes[node + FIRST_CHILD] = made;
    } else {
      this.#addEdge(node, label, made);
    }
    return made;
  }

  /** The child by a literal, or 0. */
  literalChild(node: number, label: number): number {
    const nodes = this.#nodes.data;
    const count = nodes[node + LITERAL_COUNT]!;
    if (count === 0) return 0;
    if (nodes[node + FIRST_LABEL] === label) return nodes[node + FIRST_CHILD]!;
    if (count === 1) return 0;
    const edges = this.#edges;
    for (let at = (mixHash(node, label) >>> this.#edgeShift) * EDGE_SIZE;; at += EDGE_SIZE) {
      if (at === edges.length) at = 0;
      const from = edges[at]!;
      if (from === node && edges[at + 1] === label) return edges[at + 2]!;
      if (from === 0) return 0;
    }
  }

  /**
   * Adds a rule whose filter ends at the node, with `#` if `open`. False if it can never decide, an earlier one being
   * there.
   */
  addRule(node: number, open: boolean, order: number): boolean {
    const at = node + (open ? OPEN : EXACT);
    const list = this.#nodes.data[at]!;
    if (this.#lists.isDominated(list, order)) return false;
    this.#nodes.data[at] = this.#lists.add(list, order);
    return true;
  }

  /** Least order of all rules below the root, whether they have expired or not. */
  minOrder(root: number): number {
    return this.#nodes.data[root + MIN_ORDER]!;
  }

  /** The first rule in force whose filter ends exactly at this node, or `NO_ORDER`. */
  exactRule(node: number, nowMs: number): number {
    return this.#lists.first(this.#nodes.data[node + EXACT]!, nowMs);
  }

  /**
   * The order of the first rule under `root` in force whose filter covers the request (for a name: matches it), if that
   * is less than `bound`; else `bound`. `+` in a request only goes where rules have `+`, since no literal covers it.
   * Each node costs a step of the request; when none are left the result means nothing. O(levels) without branching,
   * allocates nothing.
   */
  firstCovering(root: number, request: TopicRequest, values: TemplateValues, bound: number, nowMs: number): number {
    const nodes = this.#nodes.data;
    const stack = this.#stack;
    const { ids, count } = request;
    const exact = !request.open;
    let best = bound;
    let top = 0;
    let node = root;
    let depth = 0;
    for (;;) {
      if (--request.stepsLeft < 0) return best;
      let next = 0;
      if (nodes[node + MIN_ORDER]! < best) {
        const open = nodes[node + OPEN]!;
        if (open !== 0) best = Math.min(best, this.#lists.first(open, nowMs));
        if (depth === count) {
          const ended = nodes[node + EXACT]!;
          if (exact && ended !== 0) best = Math.min(best, this.#lists.first(ended, nowMs));
        } else {
          const label = ids[depth]!;
          const plus = nodes[node + PLUS_CHILD]!;
          depth++;
          if (label === PLUS) {
            next = plus;
          } else {
            if (label >= 0) next = this.literalChild(node, label);
            if (nodes[node + TEMPLATE_CHILD] !== 0) {
              top = this.#pushTemplateChildren(node, depth, request, values, top);
            }
            if (next === 0) next = plus;
            else if (plus !== 0) {
              stack[top++] = plus;
              stack[top++] = depth;
            }
          }
        }
      }
      if (next !== 0) {
        node = next;
      } else {
        if (top === 0) return best;
        depth = stack[--top]!;
        node = stack[--top]!;
      }
    }
  }

  /** Pushes the children of `node` whose template is the level before `depth`. */
  #pushTemplateChildren(
    node: number,
    depth: number,
    request: TopicRequest,
    values: TemplateValues,
    top: number,
  ): number {
    const links = this.#templateLinks.data;
    const start = request.starts[depth - 1]!;
    const end = request.ends[depth - 1]!;
    for (let link = this.#nodes.data[node + TEMPLATE_CHILD]!; link !== 0; link = links[link + 2]!) {
      request.stepsLeft--;
      if (!templateIsLevel(this.#templates.templates[links[link]!]!, values, request.text, start, end)) continue;
      this.#stack[top++] = links[link + 1]!;
      this.#stack[top++] = depth;
    }
    return top;
  }

  #templateChild(node: number, template: number): number {
    const links = this.#templateLinks.data;
    for (let link = this.#nodes.data[node + TEMPLATE_CHILD]!; link !== 0; link = links[link + 2]!) {
      if (links[link] === template) return links[link + 1]!;
    }
    return 0;
  }

  #addEdge(node: number, label: number, child: number): void {
    if ((this.#edgeCount + 1) * 2 * EDGE_SIZE > this.#edges.length) {
      const old = this.#edges;
      this.#edges = new Int32Array(old.length * 2);
      this.#edgeShift--;
      for (let at = 0; at < old.length; at += EDGE_SIZE) {
        if (old[at] !== 0) this.#placeEdge(old[at]!, old[at + 1]!, old[at + 2]!);
      }
    }
    this.#placeEdge(node, label, child);
    this.#edgeCount++;
  }

  #placeEdge(node: number, label: number, child: number): void {
    const edges = this.#edges;
    let at = (mixHash(node, label) >>> this.#edgeShift) * EDGE_SIZE;
    while (edges[at] !== 0) {
      at += EDGE_SIZE;
      if (at === edges.length) at = 0;
    }
    edges[at] = node;
    edges[at + 1] = label;
    edges[at + 2] = child;
  }
}
