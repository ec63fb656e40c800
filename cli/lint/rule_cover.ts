import { BIT, type RuleClass } from "../../agent/policy/acl/compiled_rule.ts";
import { MAX_STEPS } from "../../agent/policy/acl/decide.ts";
import type { CompiledAcl, CompiledRule, RuleConfig } from "../../agent/policy/acl/mod.ts";
import { parseExpiry, ruleActions } from "../../agent/policy/acl/rule_problems.ts";
import type { TemplateValues } from "../../agent/policy/acl/topic_template.ts";
import { filterCovers } from "../../agent/mqtt/topic_filter.ts";
import { type CoveringMatch, MatchCover } from "./match_cover.ts";

/** A deny rule that a subscription meets which a later rule allows. */
export interface MetDeny {
  readonly deny: CompiledRule;
  /** Place of the subscription's filter in the topics of the allow rule. */
  readonly topic: number;
}

/** Deliveries are judged by either, where they are judged by rules of their own. */
const RECEIVING = BIT.RECEIVE | BIT.RECEIVE_UNLISTED;
/** Judged by a filter, a set of names: here an allow rule must cover the set, and a deny rule only meet it. */
const BY_FILTER = BIT.SUBSCRIBE | BIT.UNSUBSCRIBE;
const NEVER_MS = Number.MAX_VALUE;
/** Steps of all searches together, of those for hidden rules and of those for met ones: a second or two each. */
const MAX_ALL_STEPS = 20_000_000;

/**
 * Compares the rules of one snapshot with each other, through the tables that decisions are made by: a rule costs what a
 * decision costs, whatever the number of the others.
 *
 * Everything said is sure: a topic of a rule is asked for like a filter that a client subscribes to, with placeholders
 * standing for themselves, since U+0000 is in no topic.
 */
export class RuleCover {
  /** In the order of deciding: a rule's place here is its order. */
  readonly rules: readonly CompiledRule[];
  readonly #written: readonly RuleConfig[];
  readonly #acl: CompiledAcl;
  readonly #nowMs: number;
  readonly #matches: MatchCover;
  /** Bits of what each rule can decide, by order. */
  readonly #bits: Int32Array;
  /** Number of the match of each rule, by its place in the configuration. */
  readonly #matchOfRule: Int32Array;
  /** What placeholders stand for where both rules are of one decision; and where a deny rule is behind an allow rule. */
  readonly #alike: TemplateValues;
  readonly #unproved: TemplateValues;
  #coverStepsLeft = MAX_ALL_STEPS;
  #meetStepsLeft = MAX_ALL_STEPS;

  constructor(acl: CompiledAcl, nowMs: number) {
    this.#acl = acl;
    this.rules = acl.rules.all();
    if (acl.written === null) throw new Error("Cannot compare rules: they were not kept as they are written");
    this.#written = acl.written.rules;
    this.#nowMs = nowMs;
    const { matches, templates } = acl.tables;
    this.#matches = new MatchCover(Array.from({ length: matches.count }, (_, number) => matches.at(number)));
    this.#bits = Int32Array.from(this.rules, (rule) => decidedBits(this.writtenOf(rule)));
    this.#matchOfRule = acl.written.matchOfRule;
    this.#alike = templates.variables.map(standIn);
    this.#unproved = templates.variables.map((name) => name === "clientid" || name === "ip" ? standIn(name) : null);
  }

  /** The rule as it is configured. */
  writtenOf(rule: CompiledRule): RuleConfig {
    return this.#written[rule.index] as RuleConfig;
  }

  /** Whether the rule at this order can decide nothing at all: it asks for the retain flag of what has none. */
  isWithoutEffect(order: number): boolean {
    return this.#bits[order] === 0;
  }

  /** Some rules were not compared with all others, since that would have taken too long. */
  get isHidingIncomplete(): boolean {
    return this.#matches.isIncomplete || this.#coverStepsLeft < 0;
  }

  get isMeetingIncomplete(): boolean {
    return this.#matches.isIncomplete || this.#meetStepsLeft < 0;
  }

  /**
   * The earlier rules that together leave nothing for the rule at this order to decide, or null: it decides something,
   * or that is not sure. Rules that only watch or have expired hide nothing.
   */
  hiding(order: number): readonly CompiledRule[] | null {
    const rule = this.rules[order] as CompiledRule;
    const bits = this.#bits[order] as number;
    const { expires } = this.writtenOf(rule);
    const expiresMs = expires === undefined ? Infinity : parseExpiry(expires);
    if (rule.shadow || bits === 0 || expiresMs <= this.#nowMs || this.#coverStepsLeft < 0) return null;
    // Who hides it must last as long.
    const lastingMs = expiresMs === Infinity ? NEVER_MS : expiresMs - 1;
    const classes = this.#classesOver(rule);
    const hiding = new Set<number>();
    if ((bits & BIT.CONNECT) !== 0) {
      const found = this.#firstConnect(classes, order, lastingMs);
      if (found === null) return null;
      hiding.add(found);
    }
    if ((bits & ~BIT.CONNECT) !== 0) {
      for (const topic of this.writtenOf(rule).topics ?? []) {
        const found = this.#hidingTopic(rule, topic, bits & ~BIT.CONNECT, classes, order, lastingMs);
        if (found === null) return null;
        for (const one of found) hiding.add(one);
      }
    }
    return [...hiding].sort((a, b) => a - b).map((found) => this.rules[found] as CompiledRule);
  }

  /** Where a subscription that the rule at this order allows is refused by a deny rule before it; the first, or null. */
  metDeny(order: number): MetDeny | null {
    const rule = this.rules[order] as CompiledRule;
    if (!rule.allow || rule.shadow || this.writtenOf(rule).literal === true) return null;
    if (((this.#bits[order] as number) & BIT.SUBSCRIBE) === 0) return null;
    const classes = this.#classesOver(rule).filter(({ bits }) => (bits & BIT.SUBSCRIBE) !== 0);
    const denying = classes.filter(({ allow, minOrder }) => !allow && minOrder < order);
    if (denying.length === 0) return null;
    for (const [place, topic] of (this.writtenOf(rule).topics ?? []).entries()) {
      if (this.#meetStepsLeft < 0) return null;
      if (!/[+#]/.test(topic)) continue;
      const deny = this.#firstMet(standingFor(topic), order, classes, denying);
      if (deny !== null) return { deny, topic: place };
    }
    return null;
  }

  /** Classes of rules that apply to every client that this rule applies to, as far as their matches go. */
  #classesOver(rule: CompiledRule): RuleClass[] {
    const over = (covering: CoveringMatch): RuleClass[] =>
      this.#acl.tables.matches.classesOf(covering.match).filter(({ shadow, literal, allow }) =>
        !shadow && !literal && (rule.allow || !allow || covering.evenAllowOverDeny)
      );
    return this.#matches.covering(this.#matchOfRule[rule.index] as number).flatMap(over);
  }

  #firstConnect(classes: readonly RuleClass[], bound: number, nowMs: number): number | null {
    let best = bound;
    for (const of of classes) {
      if ((of.bits & BIT.CONNECT) !== 0) best = Math.min(best, this.#acl.tables.lists.first(of.connectRules, nowMs));
    }
    return best < bound ? best : null;
  }

  /** Orders of rules that together decide all of the bits for all that one topic of a rule stands for. */
  #hidingTopic(
    rule: CompiledRule,
    topic: string,
    bits: number,
    classes: readonly RuleClass[],
    order: number,
    nowMs: number,
  ): number[] | null {
    // To a rule that compares text a wildcard is a character, to the others it is not.
    if (this.writtenOf(rule).literal === true && /[+#]/.test(topic)) return null;
    const filter = standingFor(topic);
    const found: number[] = [];
    let left = withReceiving(bits);
    for (const of of classes) {
      const decides = withReceiving(of.bits) & left;
      if (decides === 0 || of.minOrder >= order) continue;
      const values = !rule.allow && of.allow ? this.#unproved : this.#alike;
      const covering = this.#firstCovering(of, filter, values, order, nowMs);
      if (covering === null) continue;
      let covered = decides;
      // A subscription may meet a deny rule without being covered by what covers the rule: `+/b` meets `a/b`, and is not
      // in `a/#`. Only what covers all filters that can meet it leaves nothing.
      if (!rule.allow && of.allow && this.writtenOf(rule).literal !== true && (decides & BY_FILTER) !== 0) {
        if (this.#firstCovering(of, allThatMeet(filter), values, order, nowMs) === null) covered &= ~BY_FILTER;
      }
      if (covered === 0) continue;
      found.push(covering);
      left &= ~covered;
      if (left === 0) return found;
    }
    return null;
  }

  #firstCovering(
    of: RuleClass,
    filter: string,
    values: TemplateValues,
    bound: number,
    nowMs: number,
  ): number | null {
    const { request, trie } = this.#acl.tables;
    if (!request.readFilter(filter, 0)) return null;
    const root = request.dollar ? of.dollarRoot : of.root;
    if (root === 0) return null;
    request.stepsLeft = MAX_STEPS;
    const found = trie.firstCovering(root, request, values, bound, nowMs);
    this.#coverStepsLeft -= MAX_STEPS - request.stepsLeft;
    return request.stepsLeft < 0 || found >= bound ? null : found;
  }

  /** The deny rule before all allow rules that cover the filter, unless it covers the filter itself. */
  #firstMet(
    filter: string,
    order: number,
    classes: readonly RuleClass[],
    denying: readonly RuleClass[],
  ): CompiledRule | null {
    const { request, overlaps } = this.#acl.tables;
    let bound = order;
    for (const of of classes) {
      if (of.allow) bound = this.#firstCovering(of, filter, this.#alike, bound, this.#nowMs) ?? bound;
    }
    if (!request.readFilter(filter, 0)) return null;
    // A deny rule with a placeholder that the filter has not is none for a client without a value for it.
    const values = this.#alike.map((value) => value !== null && filter.includes(value) ? value : null);
    let found = bound;
    for (const of of denying) {
      const root = request.dollar ? of.dollarOverlaps : of.overlaps;
      if (root === 0) continue;
      request.stepsLeft = MAX_STEPS;
      const met = overlaps.firstOverlapping(root, request, values, found, this.#nowMs);
      this.#meetStepsLeft -= MAX_STEPS - request.stepsLeft;
      if (request.stepsLeft >= 0) found = met;
    }
    if (found >= bound) return null;
    const deny = this.rules[found] as CompiledRule;
    const coversAll = this.writtenOf(deny).topics?.some((topic) => filterCovers(standingFor(topic), filter)) ?? false;
    return coversAll ? null : deny;
  }
}

/** Bits of what the rule can decide at all. */
function decidedBits(config: RuleConfig): number {
  const { retain } = config;
  const unlisted = config.actions === undefined || config.actions.length === 0;
  let bits = 0;
  for (const action of ruleActions(config)) {
    switch (action) {
      case "publish":
        bits |= retain === true ? 0 : BIT.PUBLISH;
        bits |= retain === false ? 0 : BIT.PUBLISH_RETAINED;
        break;
      case "subscribe":
        bits |= retain === true ? 0 : BIT.SUBSCRIBE;
        break;
      case "unsubscribe":
        bits |= retain === true ? 0 : BIT.UNSUBSCRIBE;
        break;
      case "receive":
        bits |= retain === true ? 0 : unlisted ? BIT.RECEIVE_UNLISTED : BIT.RECEIVE;
        break;
      case "connect":
        bits |= retain === true ? 0 : BIT.CONNECT;
        break;
      default:
        action satisfies never;
    }
  }
  return bits;
}

function withReceiving(bits: number): number {
  return (bits & RECEIVING) === 0 ? bits : bits | RECEIVING;
}

/** What a placeholder stands for here: itself, and nothing that a rule could have written out. */
function standIn(variable: string): string {
  return `\0${variable}\0`;
}

function standingFor(topic: string): string {
  return topic.includes("${") ? topic.replaceAll(/\$\{([^}]*)\}/g, (_, variable: string) => standIn(variable)) : topic;
}

/** A filter that covers every filter which shares a name with this one. */
function allThatMeet(filter: string): string {
  // A filter with names that begin with `$` has their first level itself [MQTT-4.7.2-1].
  return filter.startsWith("$") ? `${filter.split("/", 1)[0]}/#` : "#";
}
