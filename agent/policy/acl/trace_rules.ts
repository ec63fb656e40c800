/**
 * Why each rule did or did not apply to what was asked: for people who look at a decision afterwards, never on the
 * frame path. Each topic of each rule is compiled again, apart from the others, and asked by the functions that decide on
 * the frame path; so is each condition. Nothing here matches anything itself.
 */
import { actionBits, compileAcl } from "./compile.ts";
import type { AclSettings, CompiledAcl } from "./compiled_acl.ts";
import { BIT, type CompiledRule, type RuleClass } from "./compiled_rule.ts";
import type { Action, RuleConfig } from "./config.ts";
import {
  type AclDecision,
  type AclReason,
  decideConnect,
  decidePublish,
  decideReceive,
  decideSubscribe,
  decideUnsubscribe,
  publishBits,
  receiveBits,
} from "./decide.ts";
import { type CompiledMatch, compileMatch, matchHolds, type SubjectFacts } from "./match.ts";
import { parseExpiry } from "./rule_problems.ts";
import { type SubjectAcl, subjectFacts } from "./subject.ts";
import { splitPlaceholders, type TemplateValues } from "./topic_template.ts";
import {
  actionWords,
  conditionWords,
  expiryWords,
  type MatchCondition,
  placeholderWords,
  retainWords,
  topicWords,
} from "./trace_words.ts";

/** One thing that the rules are asked. */
export interface AclQuestion {
  /** The rules as bound to who asks. */
  readonly s: SubjectAcl;
  readonly action: Action;
  /** Topic name, or the filter of `subscribe` and `unsubscribe`; empty for `connect`. */
  readonly topic: string;
  readonly qos: number;
  readonly retain: boolean;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

/** What a rule asks for: a key of its `match`, or of the rule. `placeholder`: of a topic, and no value can be put in. */
export type RuleCondition = MatchCondition | "expires" | "actions" | "retain" | "topics" | "placeholder";

/** One condition of a rule that does not hold. */
export interface RuleMiss {
  readonly condition: RuleCondition;
  /** Both sides of it, for a person; no full stop. Worded when it is read: of very many rules few are told. */
  readonly text: string;
}

/**
 * - `decides`: by this rule it was decided;
 * - `would-decide`: it would, but it is a shadow rule;
 * - `comes-later`: it applies, and one before it decides;
 * - `misses`: it does not apply;
 * - `not-asked`: no rule was asked at all.
 */
export type RuleOutcome = "decides" | "would-decide" | "comes-later" | "misses" | "not-asked";

export interface RuleTrace {
  readonly rule: CompiledRule;
  readonly outcome: RuleOutcome;
  /** Every condition that does not hold; empty where the rule applies or was not asked. */
  readonly misses: readonly RuleMiss[];
  /** Its topics, as written, that meet what was asked. */
  readonly topics: readonly string[];
}

/** Asks what the frame path asks. The decision is used again by the next one. */
export function decide({ s, action, topic, qos, retain, nowMs }: AclQuestion): AclDecision {
  switch (action) {
    case "publish":
      return decidePublish(s, topic, qos, retain, nowMs);
    case "subscribe":
      return decideSubscribe(s, topic, qos, nowMs);
    case "unsubscribe":
      return decideUnsubscribe(s, topic, nowMs);
    case "receive":
      return decideReceive(s, topic, nowMs);
    case "connect":
      return decideConnect(s, nowMs);
    default:
      return action satisfies never;
  }
}

/** What of a decision the rules are told apart by. */
export type TracedOutcome = Pick<AclDecision, "reason" | "rule" | "shadow">;

/** A rule beside what is written of it. */
interface WrittenRule {
  readonly rule: CompiledRule;
  readonly config: RuleConfig;
}

/** All rules in the order of deciding. */
function writtenRules({ rules, written }: CompiledAcl): readonly WrittenRule[] {
  if (written === null) throw new Error("Cannot explain rules: they were not kept as they are written");
  return rules.all().map((rule) => ({ rule, config: written.rules[rule.index]! }));
}

/** Reasons of decisions for which the rules were gone through. */
const BY_RULES: ReadonlySet<AclReason> = new Set(["rule", "wildcards", "no-rule", "default", "dollar-topic"]);

/**
 * Every rule in the order of deciding, with why it applied or did not. `decision` is what was decided. It compiles all
 * topics once more: some two to three times what compiling the rules costs.
 */
export function traceRules(question: AclQuestion, decision: TracedOutcome): RuleTrace[] {
  // Read at once: asking the rules one by one uses the same decision again.
  const { reason, rule: decider, shadow } = decision;
  const { s } = question;
  if (!BY_RULES.has(reason)) {
    return s.acl.rules.all().map((rule) => ({ rule, outcome: "not-asked", misses: [], topics: [] }));
  }
  const facts = subjectFacts(s.subject, s.acl.tables.groupsByUser);
  const traces: RuleTrace[] = [];
  const all = writtenRules(s.acl);
  for (let from = 0; from < all.length; from += RULES_APART) {
    const rules = all.slice(from, from + RULES_APART);
    const asking = question.action === "connect" ? null : new TopicAsking(question, rules);
    for (const [place, written] of rules.entries()) {
      const { rule } = written;
      const topics = asking === null ? [] : asking.metTopics(place);
      const misses = [
        ...expiryMisses(question, written),
        ...matchMisses(written, facts),
        ...actionMisses(question, written),
        ...(asking === null || topics.length > 0 ? [] : [topicMiss(question, written, asking.isPartial(place))]),
      ];
      const outcome = rule === decider
        ? "decides"
        : rule === shadow
        ? "would-decide"
        : misses.length === 0
        ? "comes-later"
        : "misses";
      traces.push({ rule, outcome, misses, topics });
    }
  }
  return traces;
}

/** So many rules are compiled apart at once: tables of all topics of 100,000 rules take four times as long to make. */
const RULES_APART = 512;

function missOf(condition: RuleCondition, words: () => string): RuleMiss {
  return {
    condition,
    get text() {
      return words();
    },
  };
}

function expiryMisses({ nowMs }: AclQuestion, { config }: WrittenRule): RuleMiss[] {
  const { expires } = config;
  if (expires === undefined || parseExpiry(expires) > nowMs) return [];
  return [missOf("expires", () => expiryWords(expires))];
}

/** Names of the conditions in a configuration, by where they are in a compiled match. */
const CONDITIONS: Readonly<Record<keyof CompiledMatch, MatchCondition>> = {
  username: "username",
  usernameRegex: "username-regex",
  clientId: "client-id",
  clientIdRegex: "client-id-regex",
  clientIps: "client-ip",
  groups: "groups",
  levels: "protocol-version",
  attributes: "attributes",
  routeIds: "route-id",
};
const NO_CONDITIONS: CompiledMatch = {
  username: null,
  usernameRegex: null,
  clientId: null,
  clientIdRegex: null,
  clientIps: null,
  groups: null,
  levels: null,
  attributes: null,
  routeIds: null,
};

function matchMisses({ rule: { allow }, config }: WrittenRule, facts: SubjectFacts): RuleMiss[] {
  const { match: conditions } = config;
  if (conditions === undefined) return [];
  const match = compileMatch(conditions, []);
  if (matchHolds(match, facts, allow)) return [];
  const misses: RuleMiss[] = [];
  for (const key of Object.keys(CONDITIONS) as (keyof CompiledMatch)[]) {
    if (match[key] === null || matchHolds({ ...NO_CONDITIONS, [key]: match[key] }, facts, allow)) continue;
    const condition = CONDITIONS[key];
    misses.push(missOf(condition, () => conditionWords(condition, conditions, facts, allow)));
  }
  return misses;
}

function actionMisses(question: AclQuestion, { config, rule: { shadow } }: WrittenRule): RuleMiss[] {
  const asked = bitsOf(question, shadow);
  if ((actionBits(config) & asked) !== 0) return [];
  const { retain, ...either } = config;
  if (retain !== undefined && (actionBits(either) & asked) !== 0) {
    return [missOf("retain", () => retainWords(retain, question.action))];
  }
  return [missOf("actions", () => actionWords(config, question))];
}

function bitsOf({ s, action, retain, nowMs }: AclQuestion, shadow: boolean): number {
  switch (action) {
    case "publish":
      return publishBits(retain);
    case "subscribe":
      return BIT.SUBSCRIBE;
    case "unsubscribe":
      return BIT.UNSUBSCRIBE;
    case "receive":
      return receiveBits(s, shadow, nowMs);
    case "connect":
      return BIT.CONNECT;
    default:
      return action satisfies never;
  }
}

function topicMiss(
  { s, action, topic }: AclQuestion,
  { rule: { allow }, config }: WrittenRule,
  isPartial: boolean,
): RuleMiss {
  const { topics = [] } = config;
  const values = allow ? s.allowValues : s.denyValues;
  const unusable = config.literal === true ? [] : unusablePlaceholders(topics, s.acl, values);
  if (unusable.length > 0) {
    return missOf("placeholder", () => placeholderWords(unusable, topics, s.subject, allow));
  }
  return missOf("topics", () => topicWords(config, topic, isSet(action), isPartial));
}

/** Placeholders in the topics that no value can be put into. */
function unusablePlaceholders(topics: readonly string[], acl: CompiledAcl, values: TemplateValues): string[] {
  const { variables } = acl.tables.templates;
  const names = topics.flatMap((topic) => {
    const split = splitPlaceholders(topic);
    return "parts" in split ? split.parts.flatMap((part) => typeof part === "string" ? [] : [part.variable]) : [];
  });
  return [...new Set(names)].filter((name) => (values[variables.indexOf(name)] ?? null) === null);
}

/** Asked for a set of names. */
function isSet(action: Action): boolean {
  return action === "subscribe" || action === "unsubscribe";
}

/**
 * Asks every topic of some rules alone: each becomes a rule of its own about the action and for everybody, with tables
 * of its own, in which a decision then finds that rule or none.
 */
class TopicAsking {
  readonly #question: AclQuestion;
  readonly #asked: readonly WrittenRule[];
  readonly #alone: SubjectAcl;
  /** By the place of the rule: for each of its topics the rules that only it is in, null for one that can meet nothing. */
  readonly #classes: readonly (readonly (RuleClass | null)[])[];
  /** The same for allow rules as if they denied: what meets a part of a set and not the whole of it. */
  readonly #denying: readonly (readonly (RuleClass | null)[])[];

  constructor(question: AclQuestion, asked: readonly WrittenRule[]) {
    const { s, action } = question;
    this.#question = question;
    this.#asked = asked;
    const rules: RuleConfig[] = [];
    const add = ({ literal }: RuleConfig, topic: string, decision: RuleConfig["decision"]): number => {
      const name = String(rules.length);
      // By a match of its own it is in nobody else's class.
      const match = { "client-id": name };
      rules.push({
        name,
        match,
        topics: [topic],
        actions: [action],
        decision,
        ...(literal === true ? { literal } : {}),
      });
      return rules.length - 1;
    };
    const places = asked.map(({ config }) => (config.topics ?? []).map((topic) => add(config, topic, config.decision)));
    const denying = asked.map(({ rule: { allow }, config }) =>
      allow && isSet(action) ? (config.topics ?? []).map((topic) => add(config, topic, "deny")) : []
    );
    const { acl, classOf } = compileApart(s.acl.config, rules);
    this.#classes = places.map((list) => list.map(classOf));
    this.#denying = denying.map((list) => list.map(classOf));
    const { variables } = s.acl.tables.templates;
    const valuesOf = (values: TemplateValues) =>
      acl.tables.templates.variables.map((name) => values[variables.indexOf(name)] ?? null);
    this.#alone = {
      acl,
      subject: s.subject,
      classes: [],
      shadowClasses: [],
      allowValues: valuesOf(s.allowValues),
      denyValues: valuesOf(s.denyValues),
      receiveListedUntilMs: Infinity,
    };
  }

  /** The topics, as written, of the rule at this place that meet what is asked, whoever asks. */
  metTopics(place: number): string[] {
    const { topics = [] } = this.#asked[place]!.config;
    return topics.filter((_, topic) => this.#isMet(this.#classes[place]![topic]!));
  }

  /** Whether a topic of the allow rule at this place meets a part of the set. */
  isPartial(place: number): boolean {
    return this.#denying[place]!.some((one) => this.#isMet(one));
  }

  #isMet(of: RuleClass | null): boolean {
    if (of === null) return false;
    return decide({ ...this.#question, s: { ...this.#alone, classes: [of] } }).rule !== null;
  }
}

/** Compiles rules of different matches. Those with topics that can never be met, such as shares, are left out. */
function compileApart(
  section: AclSettings,
  rules: readonly RuleConfig[],
): { readonly acl: CompiledAcl; readonly classOf: (place: number) => RuleClass | null } {
  const config = { ...section, groups: {} };
  const first = compileAcl({ ...config, rules: [...rules] });
  const bad = new Set("problems" in first ? first.problems.map(({ rule }) => rule) : []);
  const compiled = bad.size === 0 ? first : compileAcl({ ...config, rules: rules.filter((_, at) => !bad.has(at)) });
  if ("problems" in compiled) throw new Error(`Cannot ask the rules one by one: ${JSON.stringify(compiled.problems)}`);
  const { acl } = compiled;
  const { matches } = acl.tables;
  const classes = new Map<number, RuleClass | undefined>();
  for (let number = 0; number < matches.count; number++) {
    classes.set(Number(matches.at(number).clientId), matches.classesOf(number)[0]);
  }
  return { acl, classOf: (place) => classes.get(place) ?? null };
}
