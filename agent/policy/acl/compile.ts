import type { CompiledAcl, WrittenRules } from "./compiled_acl.ts";
import { BIT, type RuleClass } from "./compiled_rule.ts";
import type { AclConfig, MatchConfig, RuleConfig } from "./config.ts";
import { GroupTable } from "./group_table.ts";
import { LevelTable, PLUS, templateLabel } from "./level_table.ts";
import type { CompiledMatch } from "./match.ts";
import { MatchTable } from "./match_table.ts";
import { OverlapIndex } from "./overlap_index.ts";
import { RuleLists } from "./rule_lists.ts";
import { type AclProblem, ruleActions, RuleChecker, ruleWork } from "./rule_problems.ts";
import { RuleTable } from "./rule_table.ts";
import { RuleTrie } from "./rule_trie.ts";
import { SubjectIndex } from "./subject_index.ts";
import { TemplateTable } from "./topic_template.ts";
import { TopicRequest } from "./topic_request.ts";
import { Unwrapper } from "./unwrap.ts";

export type CompileResult = { readonly acl: CompiledAcl } | { readonly problems: readonly AclProblem[] };

const PLUS_SIGN = 43;
const HASH_SIGN = 35;

/** Work between two steps of {@link compileAclSteps}, a rule being 1: about half a millisecond. */
const STEP_WORK = 64;
/** Entries of plain lists looked at in a step. */
const STEP_ENTRIES = 4096;

/**
 * Compiles the rules, or reports all that is wrong with them, in the order of the rules. Some 3 to 8 µs a rule. The
 * configuration is kept: it must not change afterwards.
 */
export function compileAcl(config: AclConfig): CompileResult {
  const steps = compileAclSteps(config);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/**
 * As {@link compileAcl}, in steps of a few milliseconds: between them others may work, so that a reload delays no
 * verdict.
 */
export function* compileAclSteps(
  config: AclConfig,
  { buildRegexes = true, keepWritten = true }: CompileAclOptions = {},
): Generator<void, CompileResult> {
  const checker = new RuleChecker(config);
  let until = STEP_WORK;
  for (let place = 0; place < config.rules.length; place++) {
    checker.check(config.rules[place]!, place);
    if (checker.work < until) continue;
    until = checker.work + STEP_WORK;
    yield;
  }
  if (checker.problems.length > 0) return { problems: checker.problems };

  const builder = new AclBuilder(config, keepWritten);
  let built = 0;
  for (let number = 0; number < checker.matches.length; number++) {
    if (number % STEP_MATCHES === 0) yield;
    const match = checker.matches[number]!;
    builder.addMatch(checker.matchConfigs[number]!, match);
    if (!buildRegexes) continue;
    if (match.usernameRegex?.build() === true && ++built % STEP_REGEXES === 0) yield;
    if (match.clientIdRegex?.build() === true && ++built % STEP_REGEXES === 0) yield;
  }
  const places = yield* decidingOrder(config.rules);
  let work = 0;
  for (const place of places) {
    const rule = config.rules[place]!;
    builder.add(rule, place, checker.matchOfRule[place]!, checker.expiresMs[place]!);
    work += ruleWork(rule);
    if (work < STEP_WORK) continue;
    work = 0;
    yield;
  }
  return { acl: yield* builder.finish(keepWritten ? { rules: config.rules, matchOfRule: checker.matchOfRule } : null) };
}

export interface CompileAclOptions {
  /** False: a regex is compiled when it is tested for the first time; not for who decides while others wait. */
  readonly buildRegexes?: boolean;
  /** False: the rules as they are configured are let go, as decisions do not need them. */
  readonly keepWritten?: boolean;
}

/** Matches put into the tables in a step. */
const STEP_MATCHES = 256;
/** Regexes compiled in a step. */
const STEP_REGEXES = 4;

/** Places of the rules by priority, highest first, then as listed. Priorities are few, so they are what is sorted. */
function* decidingOrder(rules: readonly RuleConfig[]): Generator<void, number[]> {
  const byPriority = new Map<number, number[]>();
  for (let place = 0; place < rules.length; place++) {
    if (place % STEP_ENTRIES === 0) yield;
    const priority = rules[place]!.priority ?? 0;
    const places = byPriority.get(priority);
    if (places === undefined) byPriority.set(priority, [place]);
    else places.push(place);
  }
  const [first] = byPriority.values();
  if (first !== undefined && byPriority.size === 1) return first;
  return [...byPriority.keys()].sort((a, b) => b - a).flatMap((priority) => byPriority.get(priority) ?? []);
}

/** Puts checked rules, one after the other in the order of deciding, into the tables. */
class AclBuilder {
  readonly #config: AclConfig;
  readonly #rules = new RuleTable();
  readonly #matches: MatchTable;
  readonly #compiledMatches: CompiledMatch[] = [];
  /** By the number of their match. */
  readonly #classes: (RuleClass[] | undefined)[] = [];
  readonly #expiresMs: Float64Array;
  readonly #lists: RuleLists;
  readonly #levels = new LevelTable();
  readonly #templates = new TemplateTable();
  readonly #trie: RuleTrie;
  readonly #overlaps: OverlapIndex;
  readonly #subjects = new SubjectIndex();
  readonly #literals = new LevelTable();
  readonly #labels: number[] = [];
  #deepest = 0;

  constructor(config: AclConfig, keepWritten: boolean) {
    this.#config = config;
    this.#matches = new MatchTable(keepWritten);
    this.#expiresMs = new Float64Array(config.rules.length);
    this.#lists = new RuleLists(this.#expiresMs);
    this.#trie = new RuleTrie(this.#lists, this.#templates);
    this.#overlaps = new OverlapIndex(this.#lists, this.#templates);
  }

  /** The matches come before the rules that have them, by their numbers. */
  addMatch(config: MatchConfig, match: CompiledMatch): void {
    this.#matches.add(config, match);
    this.#compiledMatches.push(match);
  }

  add(rule: RuleConfig, index: number, match: number, expiresMs: number): void {
    const order = this.#rules.length;
    this.#expiresMs[order] = expiresMs;
    this.#rules.add(rule, index, this.#config["deny-action"]);
    const of = this.#class(rule, match, order);
    if ((of.bits & BIT.CONNECT) !== 0) of.connectRules = this.#lists.add(of.connectRules, order);
    if (rule.actions?.includes("receive")) {
      of.listsReceiveUntilMs = Math.max(of.listsReceiveUntilMs, expiresMs);
    }
    const topics = rule.topics ?? [];
    for (let place = 0; place < topics.length; place++) {
      const topic = topics[place]!;
      if (of.literal) this.#addLiteral(of, topic, order);
      else this.#addFilter(of, topic, order);
    }
  }

  *finish(written: WrittenRules | null): Generator<void, CompiledAcl> {
    const { rules: _, groups, ...settings } = this.#config;
    yield* this.#matches.seal(this.#classes, STEP_MATCHES);
    return {
      config: settings,
      written,
      rules: this.#rules,
      tables: {
        trie: this.#trie,
        overlaps: this.#overlaps,
        lists: this.#lists,
        templates: this.#templates,
        literals: this.#literals,
        matches: this.#matches,
        subjects: this.#subjects,
        unwrapper: new Unwrapper(settings.unwrap),
        forbidden: [...new Set(settings["forbid-characters"] ?? "")],
        groupsByUser: yield* GroupTable.of(groups, STEP_ENTRIES),
        request: new TopicRequest(this.#levels, this.#deepest),
      },
    };
  }

  #class(rule: RuleConfig, match: number, order: number): RuleClass {
    const allow = rule.decision === "allow";
    const shadow = rule.shadow === true;
    const literal = rule.literal === true;
    const bits = actionBits(rule);
    const listsReceive = rule.actions?.includes("receive") ?? false;
    const flags = bits << 4 | Number(listsReceive) << 3 | Number(allow) << 2 | Number(shadow) << 1 | Number(literal);
    const classes = this.#classes[match] ??= [];
    for (let at = 0; at < classes.length; at++) {
      if (classes[at]!.flags === flags) return classes[at]!;
    }
    const made: RuleClass = {
      flags,
      allow,
      shadow,
      literal,
      bits,
      minOrder: order,
      root: 0,
      dollarRoot: 0,
      overlaps: 0,
      dollarOverlaps: 0,
      connectRules: 0,
      listsReceiveUntilMs: -Infinity,
    };
    if (classes.length === 0) this.#subjects.add(this.#compiledMatches[match]!, match);
    classes.push(made);
    return made;
  }

  #addLiteral(of: RuleClass, topic: string, order: number): void {
    const number = this.#literals.internText(topic);
    of.root ||= this.#trie.newNode(order);
    this.#trie.addRule(this.#trie.child(of.root, number, order), false, order);
  }

  #addFilter(of: RuleClass, topic: string, order: number): void {
    const open = this.#readLabels(topic);
    const labels = this.#labels;
    const dollar = topic.startsWith("$") && !topic.startsWith("${");
    let node = dollar ? of.dollarRoot ||= this.#trie.newNode(order) : of.root ||= this.#trie.newNode(order);
    for (let depth = 0; depth < labels.length; depth++) node = this.#trie.child(node, labels[depth]!, order);
    const decides = this.#trie.addRule(node, open, order);
    if (!decides || of.allow || (of.bits & (BIT.SUBSCRIBE | BIT.UNSUBSCRIBE)) === 0) return;
    if (topic === "#" || topic === "/#") labels.push(PLUS);
    if (dollar) of.dollarOverlaps = this.#overlaps.add(of.dollarOverlaps, labels, open, order);
    else of.overlaps = this.#overlaps.add(of.overlaps, labels, open, order);
  }

  /** Fills `#labels` with the levels before a final `#`; true if there is one. */
  #readLabels(topic: string): boolean {
    const labels = this.#labels;
    labels.length = 0;
    const hasTemplates = topic.includes("${");
    let start = 0;
    for (;;) {
      const slash = topic.indexOf("/", start);
      const end = slash < 0 ? topic.length : slash;
      const wild = end - start === 1 ? topic.charCodeAt(start) : 0;
      if (wild === HASH_SIGN) return true;
      if (wild === PLUS_SIGN) labels.push(PLUS);
      else if (hasTemplates && topic.slice(start, end).includes("${")) {
        labels.push(templateLabel(this.#templates.intern(topic.slice(start, end))));
      } else labels.push(this.#levels.intern(topic, start, end));
      this.#deepest = Math.max(this.#deepest, labels.length);
      if (slash < 0) return false;
      start = slash + 1;
    }
  }
}

/**
 * Bits of {@link BIT} for what the rule can decide. Whatever is no PUBLISH of a client counts as without the retain
 * flag.
 */
export function actionBits(rule: RuleConfig): number {
  const unlisted = rule.actions === undefined || rule.actions.length === 0;
  let bits = 0;
  for (const action of ruleActions(rule)) {
    switch (action) {
      case "publish":
        if (rule.retain !== true) bits |= BIT.PUBLISH;
        if (rule.retain !== false) bits |= BIT.PUBLISH_RETAINED;
        break;
      case "subscribe":
        if (rule.retain !== true) bits |= BIT.SUBSCRIBE;
        break;
      case "unsubscribe":
        if (rule.retain !== true) bits |= BIT.UNSUBSCRIBE;
        break;
      case "receive":
        if (rule.retain !== true) bits |= unlisted ? BIT.RECEIVE_UNLISTED : BIT.RECEIVE;
        break;
      case "connect":
        if (rule.retain !== true) bits |= BIT.CONNECT;
        break;
      default:
        action satisfies never;
    }
  }
  return bits;
}
