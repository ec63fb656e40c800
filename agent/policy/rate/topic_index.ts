import type { Subject } from "../acl/mod.ts";
import { LevelTable } from "../acl/level_table.ts";
import {
  splitPlaceholders,
  templateIsLevel,
  TemplateTable,
  type TemplateValues,
  usableValue,
} from "../acl/topic_template.ts";
import { TopicRequest } from "../acl/topic_request.ts";
import { filterProblem } from "../../mqtt/topic_filter.ts";

interface Node {
  /** By number of the level. */
  readonly literals: Map<number, Node>;
  plus: Node | null;
  readonly templates: { readonly template: number; readonly node: Node }[];
  /** Filters that end here, and those that end in `#` behind it. */
  readonly ends: number[];
  readonly opens: number[];
}

/** No placeholder has a value. */
export const NO_VALUES: TemplateValues = [];

/**
 * All filters of a list that match a topic name, by their places: where several match, all apply. Filters may hold
 * placeholders, as topics of rules do.
 *
 * O(length of the name + branches of the filters that it can take), however many filters there are; nothing is
 * allocated.
 */
export class TopicIndex {
  /** What the last {@link match} found: places in the list of filters, in their order. Filled again by each. */
  readonly matched: Int32Array;
  readonly #root = newNode();
  readonly #levels = new LevelTable();
  readonly #templates = new TemplateTable();
  readonly #request: TopicRequest;
  /** What {@link matched} was filled for, since a packet is often matched twice. */
  #name = "";
  #values: TemplateValues = NO_VALUES;
  #count = 0;

  /** The filters must be without {@link topicFilterProblem}. */
  constructor(filters: readonly string[]) {
    this.matched = new Int32Array(filters.length);
    let deepest = 0;
    for (const [place, filter] of filters.entries()) deepest = Math.max(deepest, this.#add(filter, place));
    this.#request = new TopicRequest(this.#levels, deepest);
  }

  /** Values of the placeholders for this client; what can not be one level of a topic has none. */
  valuesOf(who: Pick<Subject, "clientId" | "username" | "address" | "attributes">): TemplateValues {
    const { variables } = this.#templates;
    if (variables.length === 0) return NO_VALUES;
    return variables.map((variable) => usableValue(variableValue(variable, who)));
  }

  /** How many filters match the name; {@link matched} has their places. None matches what is no topic name. */
  match(name: string, values: TemplateValues): number {
    if (name === this.#name && values === this.#values) return this.#count;
    this.#name = name;
    this.#values = values;
    this.#count = 0;
    if (this.#request.readName(name, 0, true)) this.#walk(this.#root, 0);
    return this.#count;
  }

  #walk(node: Node, depth: number): void {
    const request = this.#request;
    // [MQTT-4.7.2-1] A leading wildcard matches no name that begins with "$".
    const hidden = depth === 0 && request.dollar;
    if (!hidden) this.#found(node.opens);
    if (depth === request.count) return this.#found(node.ends);
    const literal = node.literals.get(request.ids[depth]!);
    if (literal !== undefined) this.#walk(literal, depth + 1);
    if (node.plus !== null && !hidden) this.#walk(node.plus, depth + 1);
    for (let i = 0; i < node.templates.length; i++) {
      const { template, node: child } = node.templates[i]!;
      const start = request.starts[depth]!;
      const end = request.ends[depth]!;
      if (templateIsLevel(this.#templates.templates[template]!, this.#values, request.text, start, end)) {
        this.#walk(child, depth + 1);
      }
    }
  }

  #found(places: readonly number[]): void {
    const { matched } = this;
    for (let i = 0; i < places.length; i++) {
      const place = places[i]!;
      let at = this.#count++;
      for (; at > 0 && matched[at - 1]! > place; at--) matched[at] = matched[at - 1]!;
      matched[at] = place;
    }
  }

  /** The number of its levels before a final `#`. */
  #add(filter: string, place: number): number {
    const levels = filter.split("/");
    const open = levels.at(-1) === "#";
    if (open) levels.pop();
    let node = this.#root;
    for (const level of levels) node = this.#child(node, level);
    (open ? node.opens : node.ends).push(place);
    return levels.length;
  }

  #child(node: Node, level: string): Node {
    if (level === "+") return node.plus ??= newNode();
    if (level.includes("${")) {
      const template = this.#templates.intern(level);
      const known = node.templates.find((child) => child.template === template);
      if (known !== undefined) return known.node;
      const made = { template, node: newNode() };
      node.templates.push(made);
      return made.node;
    }
    const number = this.#levels.intern(level, 0, level.length);
    let child = node.literals.get(number);
    if (child === undefined) node.literals.set(number, child = newNode());
    return child;
  }
}

/** Why the text can be no filter of a {@link TopicIndex}, or null. */
export function topicFilterProblem(filter: string): string | null {
  if (!filter.includes("${")) return filterProblem(filter);
  const split = splitPlaceholders(filter);
  if ("problem" in split) return split.problem;
  if (filter.split("/").some((level) => level.includes("${") && /[+#]/.test(level))) {
    return "a placeholder and a wildcard are in one level";
  }
  return filterProblem(split.parts.map((part) => typeof part === "string" ? part : "x").join(""));
}

function newNode(): Node {
  return { literals: new Map(), plus: null, templates: [], ends: [], opens: [] };
}

/** A user name counts whether or not somebody proved it: what is found here restricts, and allows nothing. */
function variableValue(
  variable: string,
  who: Pick<Subject, "clientId" | "username" | "address" | "attributes">,
): string | null | undefined {
  switch (variable) {
    case "clientid":
      return who.clientId;
    case "username":
      return who.username;
    case "ip":
      return who.address?.text;
    default:
      return who.attributes?.get(variable.slice("attr.".length));
  }
}
