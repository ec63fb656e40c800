/** What `explain` tells of one deed: what was said, by which rule, written where, and why each rule did or did not apply. */
import type { Path, Place } from "../agent/config/mod.ts";
import { quote } from "../agent/config/quote.ts";
import type { WrittenConfig } from "../agent/config/written.ts";
import { decisionWords } from "../agent/policy/acl/embedded_tests.ts";
import type { AclReason, Action, CompiledRule } from "../agent/policy/acl/mod.ts";
import { subjectFacts } from "../agent/policy/acl/subject.ts";
import { type RuleMiss, type RuleOutcome, type RuleTrace, traceRules } from "../agent/policy/acl/trace_rules.ts";
import type { TracedDecision } from "../agent/policy/trace_recorder.ts";
import type { Actor, Deed, Judgement, Surroundings } from "./explain_run.ts";
import type { KeptState } from "./kept_state.ts";
import { judgeDeed } from "./explain_run.ts";

/** A rule by name, and where it is written; null for one that a login carries, and for one that is not told. */
export interface NamedRule {
  readonly name: string;
  readonly decision: "allow" | "deny";
  readonly place: Place | null;
}

/** One rule, and why it did or did not apply. */
export interface ExplainedRule extends NamedRule {
  /** Place in the order of deciding, from 1. */
  readonly number: number;
  readonly outcome: RuleOutcome;
  readonly misses: readonly RuleMiss[];
  /** Its topics that meet what was asked. */
  readonly topics: readonly string[];
}

/** One thing that the rules were asked. */
export interface ExplainedDecision {
  readonly action: Action;
  readonly topic: string;
  /** Of the rules that the login carries. */
  readonly byLogin: boolean;
  readonly allowed: boolean;
  readonly reason: AclReason;
  /** What decided, for a person. */
  readonly words: string;
  readonly rule: NamedRule | null;
  readonly shadow: NamedRule | null;
  /** All of them, in the order of deciding. */
  readonly rules: readonly ExplainedRule[];
}

/** One check that ran. */
export interface ExplainedCheck {
  /** As the frame path calls it; `packet` is what comes before: reading it, and the state of its connection. */
  readonly name: string;
  /** Reason code, or null: it let the packet go on. */
  readonly refused: string | null;
  /** What it refused, or found beside. */
  readonly detail: string | null;
}

export interface Explanation {
  readonly actor: Actor;
  readonly deed: Deed;
  readonly judgement: Judgement;
  /** Groups that count for allow rules: stated ones, and those of `acl.groups`. */
  readonly groups: readonly string[];
  /** The rule by which it was refused or allowed; null: none decided. */
  readonly rule: NamedRule | null;
  readonly checks: readonly ExplainedCheck[];
  readonly decisions: readonly ExplainedDecision[];
  /** What holds where no rule decides, and where it is written. */
  readonly defaultAction: { readonly value: "allow" | "deny"; readonly place: Place | null };
  readonly state: KeptState | null;
  /** What has to be known to understand the rest, in whole sentences. */
  readonly notes: readonly string[];
}

export interface ExplainOptions {
  /** Whether every rule is told, and not the most telling ones alone: to find where a rule is written takes a while. */
  readonly placeAll: boolean;
  /** What the agent keeps, and was read; null for nothing. */
  readonly state: KeptState | null;
}

export function explain(
  surroundings: Surroundings,
  written: WrittenConfig,
  actor: Actor,
  deed: Deed,
  { placeAll, state }: ExplainOptions,
): Explanation {
  const { config, policy } = surroundings;
  const judgement = judgeDeed(surroundings, actor, deed);
  const { subject, checks } = judgement;
  const traced = checks.flatMap(({ decisions }) => decisions).map(traceDecision);
  const refusedBy = judgement.refusal?.rule ?? null;
  const places = rulePlaces(written, [
    ...(refusedBy === null ? [] : [refusedBy]),
    ...traced.flatMap(({ rule, shadow, rules, byLogin }) => {
      if (byLogin) return [];
      const told = placeAll ? rules : toldRules(rules);
      return [rule, shadow, ...told.map(({ rule }) => rule)].filter((one) => one !== null);
    }),
  ]);
  const decisions = traced.map((decision) => placeDecision(decision, places));
  return {
    actor,
    deed,
    judgement,
    groups: subject === null ? [] : [...subjectFacts(subject, policy.acl.tables.groupsByUser).provedGroups],
    rule: refusedBy === null ? decidingRule(judgement, decisions) : namedRule(refusedBy, places),
    checks: explainedChecks(judgement),
    decisions,
    defaultAction: { value: config.acl["default-action"], place: placeOf(written, ["acl", "default-action"]) },
    state,
    notes: [...stateNotes(state, surroundings.wallMs()), ...notesOf(surroundings, actor, deed, judgement)],
  };
}

/** Of what was allowed: the rule that allowed it, not one that only stands by. */
function decidingRule({ refusal }: Judgement, decisions: readonly ExplainedDecision[]): NamedRule | null {
  if (refusal !== null) return null;
  return decisions.findLast(({ byLogin, rule }) => !byLogin && rule !== null)?.rule ?? null;
}

/** By the rule's place in the configuration. */
type Places = ReadonlyMap<number, Place | null>;

/** All at once: one reading of each file. */
function rulePlaces(written: WrittenConfig, rules: readonly CompiledRule[]): Places {
  const indexes = [...new Set(rules.map(({ index }) => index))];
  const places = written.places(indexes.map((index) => written.at(["acl", "rules", index])));
  return new Map(indexes.map((index, at) => [index, places[at] ?? null]));
}

/** Null where no file says it, and the default holds. */
function placeOf(written: WrittenConfig, path: Path): Place | null {
  const found = written.at(path);
  return found?.value === undefined ? null : written.places([found])[0] ?? null;
}

function namedRule({ name, allow, index }: CompiledRule, places: Places): NamedRule {
  return { name, decision: allow ? "allow" : "deny", place: places.get(index) ?? null };
}

/** One thing that the rules were asked, before it is known where they are written. */
interface Traced extends Omit<ExplainedDecision, "rule" | "shadow" | "rules"> {
  readonly rule: CompiledRule | null;
  readonly shadow: CompiledRule | null;
  readonly rules: readonly (RuleTrace & { readonly number: number })[];
}

function traceDecision({ question, byLogin, decision }: TracedDecision): Traced {
  const { action, topic } = question;
  const { allowed, maxQosExceeded, reason, rule, shadow } = decision;
  return {
    action,
    topic,
    byLogin,
    allowed: allowed && !maxQosExceeded,
    reason,
    words: decisionWords(decision),
    rule,
    shadow,
    rules: traceRules(question, decision).map((trace, order) => ({ ...trace, number: order + 1 })),
  };
}

function placeDecision({ rule, shadow, rules, ...decision }: Traced, places: Places): ExplainedDecision {
  const known: Places = decision.byLogin ? new Map() : places;
  const named = (rule: CompiledRule | null) => rule === null ? null : namedRule(rule, known);
  return {
    ...decision,
    rule: named(rule),
    shadow: named(shadow),
    rules: rules.map(({ rule, number, outcome, misses, topics }) => ({
      ...namedRule(rule, known),
      number,
      outcome,
      misses,
      topics,
    })),
  };
}

/** Rules that are told one by one unless all are asked for: a screen or two. */
const MAX_TOLD_RULES = 20;

/** Of many rules those that apply, then those that are nearest to it: in the order of deciding. */
export function toldRules<R extends Pick<ExplainedRule, "number" | "outcome" | "misses">>(
  rules: readonly R[],
): readonly R[] {
  if (rules.length <= MAX_TOLD_RULES) return rules;
  return rules.filter((rule) => nearness(rule) < FAR).sort((a, b) => nearness(a) - nearness(b) || a.number - b.number)
    .slice(0, MAX_TOLD_RULES).sort((a, b) => a.number - b.number);
}

const FAR = 4;
/** What of a rule has nothing to do with who asks. */
const NOT_OF_CLIENT: ReadonlySet<string> = new Set(["topics", "placeholder", "retain", "actions", "expires"]);

/** 0: decides; 1: applies; 2: for this client; 3: for another client, and else it would apply. */
function nearness({ outcome, misses }: Pick<ExplainedRule, "outcome" | "misses">): number {
  if (outcome === "decides" || outcome === "would-decide") return 0;
  if (outcome === "comes-later") return 1;
  if (misses.some(({ condition }) => condition === "actions" || condition === "expires")) return FAR;
  if (misses.every(({ condition }) => NOT_OF_CLIENT.has(condition))) return 2;
  return misses.length === 1 ? 3 : FAR;
}

/** The checks that ran; a packet that none of them refused was refused before them, as what cannot be read. */
function explainedChecks({ checks, reason }: Judgement): ExplainedCheck[] {
  const told = checks.map(({ name, refused, topic, limit, finding, downgradedTo }) => ({
    name,
    refused: refused?.code ?? null,
    detail: finding ?? checkDetail(topic, limit, refused === null ? downgradedTo : null),
  }));
  const isTold = reason === null || checks.some(({ refused }) => refused === reason);
  return isTold ? told : [...told, { name: "packet", refused: reason.code, detail: null }];
}

function checkDetail(topic: string | null, limit: string | null, downgradedTo: number | null): string | null {
  if (limit !== null) return `limit ${quote(limit)}`;
  if (downgradedTo !== null) return `it should have QoS ${downgradedTo}`;
  return topic === null ? null : `topic ${quote(topic)}`;
}

/** What lies over the file, or beside it. */
function stateNotes(state: KeptState | null, nowMs: number): string[] {
  if (state === null) return [];
  const notes: string[] = [];
  if (state.push !== null) {
    const { from, atMs } = state.push;
    const age = ageWords(nowMs - atMs);
    notes.push(`What ${from} pushed ${age} ago lies over the file (${quote(state.pushFile)}).`);
  }
  if (state.bansText !== null) notes.push(`Bans that were set at run time hold too (${quote(state.bansFile)}).`);
  return notes;
}

function ageWords(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} days`;
}

function notesOf(surroundings: Surroundings, actor: Actor, deed: Deed, judgement: Judgement): string[] {
  const { config, policy } = surroundings;
  const { auth, general } = config;
  const { verdict, detectOnly, packet, isUnseen } = judgement;
  const notes: string[] = [];
  if (isUnseen) notes.push("general.routes does not name this route: its frames pass unseen, and nothing is judged.");
  if (deed.action !== "connect" && packet === "CONNECT" && verdict !== "allow") {
    notes.push(`The CONNECT is refused already, so the ${deed.action} is never judged.`);
  }
  if (detectOnly) notes.push("general.block-mode is false: it is refused in the audit only, and passes.");
  if (verdict === "drop" && deed.action !== "receive") {
    notes.push(
      "It is dropped where it comes whole in a frame of its own; from a client that sends it in pieces, as many do, the connection is closed.",
    );
  }
  if (!actor.proved && actor.username !== null && auth["trust-broker"]) {
    notes.push("auth.trust-broker says that the broker proves user names; --unproved sets that aside.");
  }
  notes.push(...proofNotes(surroundings, actor, deed, judgement));
  if (actor.proved && auth.enabled && auth["client-id-binding"] === "claim") {
    notes.push("The client id is taken for the one that the proof names (auth.client-id-binding).");
  }
  if (policy.rate !== null) {
    notes.push("Rate limits: every bucket is taken for full, as if the client had sent nothing before.");
  }
  if (general["max-connections-per-ip"] !== undefined || auth["duplicate-client-id"] === "nobody") {
    notes.push("Nobody else is connected: neither from the same address nor with the same client id.");
  }
  return notes;
}

/** Whether it would be another answer if nobody proved what the flags say, where the configuration lets nobody. */
function proofNotes(surroundings: Surroundings, actor: Actor, deed: Deed, judgement: Judgement): string[] {
  const { auth } = surroundings.config;
  const { username, groups, attributes, proved } = actor;
  const isStated = groups.length > 0 || attributes.size > 0 || (username !== null && !auth["trust-broker"]);
  if (!proved || auth.enabled || !isStated) return [];
  // The name alone as the configuration takes it; groups and attributes come from authentication, which is off.
  const claimed = { ...actor, groups: [], attributes: new Map<string, string>(), proved: false };
  const inForce = auth["trust-broker"] ? { ...claimed, proved: true } : claimed;
  const other = judgeDeed(surroundings, inForce, deed);
  if (other.verdict === judgement.verdict && other.reason === judgement.reason) return [];
  const how = other.reason === null ? "allowed" : `refused (${other.verdict}, ${other.reason.code})`;
  const what = auth["trust-broker"]
    ? "Authentication is off, so nobody gives groups or attributes"
    : "Authentication is off and auth.trust-broker too, so nobody proves user names, groups or attributes";
  return [`${what}: with this configuration it is ${how}. Here they are taken as proved; --unproved says otherwise.`];
}
