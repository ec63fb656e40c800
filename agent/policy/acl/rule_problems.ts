/** What is wrong with the rules, all of it, before anything is compiled. */
import { filterProblem, filtersOverlap } from "../../mqtt/topic_filter.ts";
import type { AclConfig, Action, MatchConfig, RuleConfig } from "./config.ts";
import { ANONYMOUS_GROUP, type CompiledMatch, compileMatch, matchKey, type MatchProblem } from "./match.ts";
import { splitPlaceholders } from "./topic_template.ts";
import { Unwrapper, unwrapProblem } from "./unwrap.ts";

/** One thing wrong with the configured rules. */
export interface AclProblem {
  /** Place in `rules`; -1 for the section itself. */
  readonly rule: number;
  /** Path inside the rule (or the section), e.g. `topics/2`, `match/client-ip/0`. */
  readonly key: string;
  readonly message: string;
}

/** What a rule without `actions` is about. */
const DEFAULT_ACTIONS: readonly Action[] = ["publish", "subscribe", "receive"];

/** What the rule is about. */
export function ruleActions(rule: RuleConfig): readonly Action[] {
  return rule.actions === undefined || rule.actions.length === 0 ? DEFAULT_ACTIONS : rule.actions;
}

/** Problems of the section outside its rules. */
export function sectionProblems(config: AclConfig): AclProblem[] {
  const problems: AclProblem[] = [];
  for (const [index, prefix] of config.unwrap.entries()) {
    const found = unwrapProblem(prefix);
    if (found !== null) {
      problems.push({ rule: -1, key: `unwrap/${index}`, message: `Cannot unwrap topics from "${prefix}": ${found}` });
    }
  }
  if (config["forbid-characters"]?.includes("/")) {
    problems.push({
      rule: -1,
      key: "forbid-characters",
      message: 'Cannot forbid "/" in topics: it separates their levels',
    });
  }
  if (Object.hasOwn(config.groups, ANONYMOUS_GROUP)) {
    problems.push({
      rule: -1,
      key: `groups/${ANONYMOUS_GROUP}`,
      message: `Cannot define the group "${ANONYMOUS_GROUP}": it is built in, and has the clients without credentials`,
    });
  }
  return problems;
}

/** What a rule costs beside others, a rule with one topic being 1. */
export function ruleWork(rule: RuleConfig): number {
  return Math.max(1, (rule.topics?.length ?? 0) >> 1);
}

const NO_CONDITIONS: MatchConfig = Object.freeze({});

/** What a regex costs that has to be compiled, beside a rule: 50 to 100 µs, to 3 to 8. */
const REGEX_WORK = 12;

/** Checks rules one by one; keeps what it had to compile for that, each distinct match once. */
export class RuleChecker {
  /** What was done so far, a rule being 1: for who wants to pause after so much of it. */
  work = 0;
  readonly problems: AclProblem[];
  /** Distinct matches in order of appearance. */
  readonly matches: CompiledMatch[] = [];
  /** As written, by the same numbers. */
  readonly matchConfigs: MatchConfig[] = [];
  /** Number of the match of each rule, by place. */
  readonly matchOfRule: Int32Array;
  /** When each rule expires, by place: milliseconds since 1970, infinity for never. */
  readonly expiresMs: Float64Array;
  readonly #matchNumbers = new Map<string, number>();
  /** Problems of matches that have some. */
  readonly #matchProblems = new Map<number, readonly MatchProblem[]>();
  readonly #names = new Set<string>();
  readonly #rules: readonly RuleConfig[];
  #places: Map<string, number> | null = null;
  readonly #unwrapper: Unwrapper;

  constructor(config: AclConfig) {
    this.problems = sectionProblems(config);
    this.#rules = config.rules;
    this.matchOfRule = new Int32Array(config.rules.length);
    this.expiresMs = new Float64Array(config.rules.length);
    this.#unwrapper = new Unwrapper(config.unwrap.filter((prefix) => unwrapProblem(prefix) === null));
  }

  /** Checks the rule at place `index`. */
  check(rule: RuleConfig, index: number): void {
    this.work += ruleWork(rule);
    const report = (key: string, message: string) => this.problems.push({ rule: index, key, message });
    const known = this.#names.size;
    if (this.#names.add(rule.name).size === known) {
      report("name", `Cannot use the name "${rule.name}" twice: rule ${this.#firstPlace(rule.name) + 1} has it`);
    }

    const actions = ruleActions(rule);
    const topics = rule.topics ?? [];
    if (topics.length === 0 && rule.topics !== undefined) report("topics", 'Cannot use an empty list as "topics"');
    else if (topics.length === 0 && actions.some((action) => action !== "connect")) {
      report("topics", `Cannot use rule "${rule.name}" without topics: only a rule for "connect" alone needs none`);
    }
    const subscribes = actions.includes("subscribe") || actions.includes("unsubscribe");
    for (let place = 0; place < topics.length; place++) {
      const topic = topics[place]!;
      const problem = this.#topicProblem(topic, rule.literal === true, subscribes);
      if (problem !== null) report(`topics/${place}`, `Cannot use topic "${topic}" in a rule: ${problem}`);
    }
    if (rule["max-qos"] !== undefined && rule.decision === "deny") {
      report("max-qos", 'Cannot use "max-qos" in a rule that denies: it bounds what is allowed');
    }
    const expiresMs = rule.expires === undefined ? Infinity : parseExpiry(rule.expires);
    if (Number.isNaN(expiresMs)) {
      report(
        "expires",
        `Cannot use "${rule.expires}" as "expires": it is no ISO 8601 date, or date and time with offset (2027-01-31, 2027-01-31T12:00:00Z)`,
      );
    }
    this.expiresMs[index] = expiresMs;
    this.matchOfRule[index] = this.#match(rule, report);
  }

  /** Place of the first rule of this name. Not kept until a name is there twice. */
  #firstPlace(name: string): number {
    this.#places ??= new Map(this.#rules.map((rule, place) => [rule.name, place] as const).reverse());
    return this.#places.get(name) ?? 0;
  }

  #match(rule: RuleConfig, report: (key: string, message: string) => void): number {
    const key = matchKey(rule.match);
    let number = this.#matchNumbers.get(key);
    if (number === undefined) {
      const problems: MatchProblem[] = [];
      number = this.matches.length;
      const config = rule.match ?? NO_CONDITIONS;
      this.matchConfigs.push(config);
      this.matches.push(compileMatch(config, problems));
      if (rule.match?.["username-regex"] !== undefined) this.work += REGEX_WORK;
      if (rule.match?.["client-id-regex"] !== undefined) this.work += REGEX_WORK;
      this.#matchNumbers.set(key, number);
      if (problems.length > 0) this.#matchProblems.set(number, problems);
    }
    if (this.#matchProblems.size > 0) {
      for (const problem of this.#matchProblems.get(number) ?? []) report(`match/${problem.key}`, problem.message);
    }
    return number;
  }

  #topicProblem(topic: string, literal: boolean, subscribes: boolean): string | null {
    let filter = topic;
    if (topic.includes("${")) {
      const split = splitPlaceholders(topic);
      if ("problem" in split) return split.problem;
      if (literal) return 'placeholders mean nothing where "literal" is true';
      if (topic.split("/").some((level) => level.includes("${") && /[+#]/.test(level))) {
        return "a placeholder and a wildcard are in one level";
      }
      filter = split.parts.map((part) => typeof part === "string" ? part : "x").join("");
    }
    const problem = filterProblem(literal ? filter.replaceAll(/[+#]/g, "x") : filter);
    if (problem !== null) return problem;
    if (!topic.startsWith("$")) return null;
    return this.#neverApplies(literal ? filter.replaceAll(/[+#]/g, "x") : filter, subscribes);
  }

  /** A rule that nothing can ever meet is worse than none when it denies: its author relies on it. */
  #neverApplies(filter: string, subscribes: boolean): string | null {
    if (subscribes && filtersOverlap("$share/+/#", filter)) {
      return 'shared subscriptions are judged by the filter behind their group, without "$share/<group>/"';
    }
    const prefix = this.#unwrapper.prefixOf(filter);
    return prefix === null ? null : `topics are judged without "${prefix}", which is in "unwrap"`;
  }
}

const ISO_DATE = /^(\d{4})-(\d\d)-(\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/;

/**
 * Milliseconds since 1970 of an ISO 8601 date (its beginning in UTC) or date and time with offset; NaN for anything
 * else.
 */
export function parseExpiry(text: string): number {
  const found = ISO_DATE.exec(text);
  if (found === null) return NaN;
  // Date.parse() takes 30 February for 2 March.
  const [, year, month, day] = found;
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  if (Number.isNaN(date.getTime()) || date.getUTCDate() !== Number(day)) return NaN;
  return Date.parse(text);
}
