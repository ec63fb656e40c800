import { sharedFilterStart } from "../../mqtt/topic_filter.ts";
import { BIT, type CompiledRule, type RuleClass } from "./compiled_rule.ts";
import { UNKNOWN } from "./level_table.ts";
import { NO_ORDER } from "./rule_lists.ts";
import type { SubjectAcl } from "./subject.ts";
import type { TopicRequest } from "./topic_request.ts";

/**
 * Why:
 * - `rule`: a rule decided;
 * - `no-rule`, `default`: none did, and the default denies, allows;
 * - `dollar-topic`: a topic that begins with `$` needs an allow rule that begins with the same level, and there is
 *   none;
 * - `wildcards`: allowed, but wildcard subscriptions are denied and the rule does not say otherwise;
 * - `forbidden-character`: one of `forbid-characters` is in it;
 * - `too-broad`: the filter meets so many rules that deciding would take too long;
 * - `invalid-topic`: no topic name or filter, or a malformed `$share/…`;
 * - `disabled`: not checked.
 */
export type AclReason =
  | "rule"
  | "no-rule"
  | "default"
  | "dollar-topic"
  | "wildcards"
  | "forbidden-character"
  | "too-broad"
  | "invalid-topic"
  | "disabled";

/** One object, used again by the next decision of anyone: read it before deciding anything else. */
export interface AclDecision {
  readonly allowed: boolean;
  readonly reason: AclReason;
  /** The rule that decided; with `wildcards` the one that would have allowed; or null. */
  readonly rule: CompiledRule | null;
  /** Allowed, but the QoS is over the rule's `max-qos`: the caller drops or tags. */
  readonly maxQosExceeded: boolean;
  /** The shadow rule that would have decided, or null. */
  readonly shadow: CompiledRule | null;
  /** What a denied packet gets: by the rule that denies, else by the section. */
  readonly action: "drop" | "close";
}

/**
 * What one decision may look at, counted in visited nodes, candidates and list look-ups: about half a millisecond. What
 * needs more is refused.
 */
export const MAX_STEPS = 20_000;

const decision: { -readonly [key in keyof AclDecision]: AclDecision[key] } = {
  allowed: false,
  reason: "no-rule",
  rule: null,
  maxQosExceeded: false,
  shadow: null,
  action: "drop",
};

/**
 * Judges a PUBLISH (also of a Will, and a response topic) by its topic name. O(length + levels × classes that hold),
 * allocates nothing.
 */
export function decidePublish(s: SubjectAcl, topic: string, qos: number, retain: boolean, nowMs: number): AclDecision {
  const { config, tables } = s.acl;
  if (!config.enabled) return settle(s, true, "disabled");
  if (hasForbidden(tables.forbidden, topic)) return settle(s, false, "forbidden-character");
  const { request } = tables;
  if (!request.readName(topic, tables.unwrapper.strip(topic, 0), true)) return settle(s, false, "invalid-topic");
  const bits = publishBits(retain);
  return judge(s, request, bits, bits, qos, nowMs);
}

/**
 * Judges a delivery by its topic name: by the rules that list `receive` (and those without actions) if one that lists
 * it holds for this client, else as `subscribe`. A shadow rule that lists it is reported as if it were in force.
 * `forbid-characters`, `max-qos` and `retain` bind the client, not the broker, and what is odd in a name is text.
 */
export function decideReceive(s: SubjectAcl, topic: string, nowMs: number): AclDecision {
  const { config, tables } = s.acl;
  if (!config.enabled || !config["check-deliveries"]) return settle(s, true, "disabled");
  const { request } = tables;
  if (!request.readName(topic, tables.unwrapper.strip(topic, 0), false)) return settle(s, false, "invalid-topic");
  return judge(s, request, receiveBits(s, false, nowMs), receiveBits(s, true, nowMs), 0, nowMs);
}

/** Bits of the rules that a PUBLISH is judged by. */
export function publishBits(retain: boolean): number {
  return retain ? BIT.PUBLISH_RETAINED : BIT.PUBLISH;
}

/** Bits of the rules that a delivery is judged by, of those in force or of shadow rules. */
export function receiveBits(s: SubjectAcl, shadow: boolean, nowMs: number): number {
  if (s.receiveListedUntilMs > nowMs) return BIT.RECEIVE | BIT.RECEIVE_UNLISTED;
  return shadow ? BIT.SUBSCRIBE | BIT.RECEIVE : BIT.SUBSCRIBE;
}

/**
 * Judges one filter of a SUBSCRIBE, a set of names: an allow rule applies if a filter of it covers the whole set, a
 * deny rule if one overlaps it. A shared subscription is judged by its inner filter [MQTT-4.8.2-1]. O(length + levels ×
 * classes that hold); with wildcards also the deny rules that share the literal level which fewest of them share, at
 * most `MAX_STEPS`.
 */
export function decideSubscribe(s: SubjectAcl, filter: string, qos: number, nowMs: number): AclDecision {
  const { config, tables } = s.acl;
  if (!config.enabled) return settle(s, true, "disabled");
  const refused = readFilter(s, filter);
  if (refused !== null) return refused;
  judge(s, tables.request, BIT.SUBSCRIBE, BIT.SUBSCRIBE, qos, nowMs);
  if (
    decision.allowed && config["wildcard-subscriptions"] === "deny" && decision.rule?.wildcards !== true &&
    (filter.includes("+") || filter.includes("#"))
  ) {
    decision.allowed = false;
    decision.maxQosExceeded = false;
    decision.reason = "wildcards";
    decision.action = config["deny-action"];
  }
  return decision;
}

/**
 * Judges one filter of an UNSUBSCRIBE as {@link decideSubscribe} does, by the rules that list `unsubscribe` alone;
 * none: allowed.
 */
export function decideUnsubscribe(s: SubjectAcl, filter: string, nowMs: number): AclDecision {
  if (!s.acl.config.enabled) return settle(s, true, "disabled");
  const refused = readFilter(s, filter);
  if (refused !== null) return refused;
  search(s, s.acl.tables.request, BIT.UNSUBSCRIBE, BIT.UNSUBSCRIBE, nowMs);
  return conclude(s, 0, true, "default");
}

/** Judges a CONNECT by the rules that list `connect`, by their match alone; none: allowed. */
export function decideConnect(s: SubjectAcl, nowMs: number): AclDecision {
  if (!s.acl.config.enabled) return settle(s, true, "disabled");
  found.tooBroad = false;
  found.order = firstConnect(s, s.classes, NO_ORDER, nowMs);
  found.shadowOrder = firstConnect(s, s.shadowClasses, found.order, nowMs);
  return conclude(s, 0, true, "default");
}

/**
 * Orders of the first rules that the last search found: one that decides, `NO_ORDER` for none, and one that only
 * watches, which counts if it is before the other.
 */
const found = { order: NO_ORDER, shadowOrder: NO_ORDER, tooBroad: false };

function judge(
  s: SubjectAcl,
  request: TopicRequest,
  bits: number,
  shadowBits: number,
  qos: number,
  nowMs: number,
): AclDecision {
  search(s, request, bits, shadowBits, nowMs);
  const { config } = s.acl;
  // A filter that matches a `$` topic begins with the same level by [MQTT-4.7.2-1] (values of placeholders never begin
  // with `$` there), so that any rule that decides names it.
  if (request.dollar && config["dollar-topics"] === "rules") return conclude(s, qos, false, "dollar-topic");
  return config["default-action"] === "allow" ? conclude(s, qos, true, "default") : conclude(s, qos, false, "no-rule");
}

/** Finds the first rule that applies, and the first shadow rule before it. */
function search(s: SubjectAcl, request: TopicRequest, bits: number, shadowBits: number, nowMs: number): void {
  request.stepsLeft = MAX_STEPS;
  found.order = firstRule(s, s.classes, request, bits, NO_ORDER, nowMs);
  found.tooBroad = request.stepsLeft < 0;
  found.shadowOrder = NO_ORDER;
  if (s.shadowClasses.length === 0) return;
  // Steps of their own: rules that are only tried out must not make anything too broad.
  request.stepsLeft = MAX_STEPS;
  const shadowOrder = firstRule(s, s.shadowClasses, request, shadowBits, found.order, nowMs);
  if (request.stepsLeft >= 0) found.shadowOrder = shadowOrder;
}

/** Order of the first rule of the classes that applies, if that is less than `bound`; else `bound`. */
function firstRule(
  s: SubjectAcl,
  classes: readonly RuleClass[],
  request: TopicRequest,
  bits: number,
  bound: number,
  nowMs: number,
): number {
  const { trie, overlaps } = s.acl.tables;
  let best = bound;
  for (let at = 0; at < classes.length; at++) {
    const of = classes[at]!;
    if (of.minOrder >= best) break;
    if ((of.bits & bits) === 0) continue;
    if (of.literal) {
      best = Math.min(best, literalRule(s, of, request, nowMs));
      continue;
    }
    const root = request.dollar ? of.dollarRoot : of.root;
    if (root === 0) continue;
    if (of.allow) best = trie.firstCovering(root, request, s.allowValues, best, nowMs);
    else if (request.wildcard) {
      const overlapping = request.dollar ? of.dollarOverlaps : of.overlaps;
      best = overlaps.firstOverlapping(overlapping, request, s.denyValues, best, nowMs);
    } // One name: to match it is to overlap it.
    else best = trie.firstCovering(root, request, s.denyValues, best, nowMs);
    if (request.stepsLeft < 0) break;
  }
  return best;
}

function literalRule(s: SubjectAcl, of: RuleClass, request: TopicRequest, nowMs: number): number {
  const { trie, literals } = s.acl.tables;
  const topic = request.from === 0 ? request.text : request.text.slice(request.from);
  const number = literals.findText(topic);
  if (number === UNKNOWN || of.root === 0) return NO_ORDER;
  const node = trie.literalChild(of.root, number);
  return node === 0 ? NO_ORDER : trie.exactRule(node, nowMs);
}

function firstConnect(s: SubjectAcl, classes: readonly RuleClass[], bound: number, nowMs: number): number {
  let best = bound;
  for (const of of classes) {
    if (of.minOrder >= best) break;
    if ((of.bits & BIT.CONNECT) !== 0) best = Math.min(best, s.acl.tables.lists.first(of.connectRules, nowMs));
  }
  return best;
}

/**
 * Reads the filter as it is to be judged: what is unwrapped and the share group taken off. A decision if it is refused
 * as it is.
 */
function readFilter(s: SubjectAcl, filter: string): AclDecision | null {
  const { tables } = s.acl;
  if (hasForbidden(tables.forbidden, filter)) return settle(s, false, "forbidden-character");
  let from = tables.unwrapper.strip(filter, 0);
  const inner = sharedFilterStart(filter, from);
  if (inner >= 0) {
    from = tables.unwrapper.strip(filter, inner);
    // What a broker makes of a share inside a share is anybody's guess.
    if (sharedFilterStart(filter, from) !== -1) return settle(s, false, "invalid-topic");
  }
  if (inner === -2 || !tables.request.readFilter(filter, from)) return settle(s, false, "invalid-topic");
  return null;
}

function hasForbidden(forbidden: readonly string[], topic: string): boolean {
  for (let at = 0; at < forbidden.length; at++) {
    if (topic.includes(forbidden[at]!)) return true;
  }
  return false;
}

/** The decision by what the search found; with no rule as given. */
function conclude(s: SubjectAcl, qos: number, allowedWithout: boolean, reasonWithout: AclReason): AclDecision {
  const { rules } = s.acl;
  if (found.tooBroad) return settle(s, false, "too-broad");
  if (found.order === NO_ORDER) settle(s, allowedWithout, reasonWithout);
  else {
    const rule = rules.at(found.order);
    settle(s, rule.allow, "rule");
    decision.rule = rule;
    decision.maxQosExceeded = rule.allow && qos > rule.maxQos;
    decision.action = rule.denyAction;
  }
  if (found.shadowOrder < found.order) decision.shadow = rules.at(found.shadowOrder);
  return decision;
}

/** Fills the decision, without a rule. */
function settle(s: SubjectAcl, allowed: boolean, reason: AclReason): AclDecision {
  decision.allowed = allowed;
  decision.reason = reason;
  decision.rule = null;
  decision.maxQosExceeded = false;
  decision.shadow = null;
  decision.action = s.acl.config["deny-action"];
  return decision;
}
