import type { CompiledRule } from "./compiled_rule.ts";
import type { RuleConfig } from "./config.ts";
import { IntVector } from "./int_vector.ts";
import { MadeList } from "./made_list.ts";
import { type PackedTexts, TextList } from "./text_list.ts";

/** What a {@link RuleTable} holds, as another thread can be given it. */
export interface PackedRules {
  readonly names: PackedTexts;
  readonly facts: Int32Array;
}

/** Of each rule: its place in the configuration, and its flags. */
const FACTS_SIZE = 2;
const FLAGS = 1;

const ALLOW = 1;
const SHADOW = 2;
const CLOSE = 4;
const WILDCARDS = 8;
/** From this bit on: the QoS that is allowed at most. */
const MAX_QOS_SHIFT = 4;

/**
 * The rules in the order of deciding, as decisions name them. An object is made for a rule when one asks for it, always
 * the same: of ten thousand rules a client meets a few.
 */
export class RuleTable {
  #names = new TextList();
  #facts = new IntVector(64);
  readonly #made = new MadeList<CompiledRule>();

  get length(): number {
    return this.#names.count;
  }

  /** Adds a rule behind the others; `index` is its place in the configuration. */
  add(rule: RuleConfig, index: number, denyAction: "drop" | "close"): void {
    this.#names.add(rule.name);
    const at = this.#facts.extend(FACTS_SIZE);
    this.#facts.data[at] = index;
    this.#facts.data[at + FLAGS] = (rule.decision === "allow" ? ALLOW : 0) | (rule.shadow === true ? SHADOW : 0) |
      ((rule["deny-action"] ?? denyAction) === "close" ? CLOSE : 0) | (rule.wildcards === true ? WILDCARDS : 0) |
      (rule["max-qos"] ?? 2) << MAX_QOS_SHIFT;
  }

  /** The rule of this order, which must be one. */
  at(order: number): CompiledRule {
    return this.#made.get(order) ?? this.#made.keep(order, this.#make(order));
  }

  /** Whether one has that name. O(rules). */
  hasName(name: string): boolean {
    for (let order = 0; order < this.length; order++) if (this.#names.at(order) === name) return true;
    return false;
  }

  /** All rules as objects. */
  all(): readonly CompiledRule[] {
    return Array.from({ length: this.length }, (_, order) => this.at(order));
  }

  pack(): PackedRules {
    return { names: this.#names.pack(), facts: this.#facts.packed() };
  }

  /** What was packed, taken over. */
  static unpack({ names, facts }: PackedRules): RuleTable {
    const table = new RuleTable();
    table.#names = TextList.unpack(names);
    table.#facts = IntVector.of(facts);
    return table;
  }

  #make(order: number): CompiledRule {
    const name = this.#names.at(order);
    const flags = this.#facts.data[order * FACTS_SIZE + FLAGS]!;
    return {
      name,
      index: this.#facts.data[order * FACTS_SIZE]!,
      allow: (flags & ALLOW) !== 0,
      shadow: (flags & SHADOW) !== 0,
      namesJson: JSON.stringify([name]),
      maxQos: (flags >> MAX_QOS_SHIFT) as CompiledRule["maxQos"],
      denyAction: (flags & CLOSE) !== 0 ? "close" : "drop",
      wildcards: (flags & WILDCARDS) !== 0,
    };
  }
}
