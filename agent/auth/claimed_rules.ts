import { type AclConfig, compileAcl, type CompiledAcl, type RuleConfig } from "../policy/acl/mod.ts";
import type { Identity } from "./provider.ts";

export type ClaimedRules = { readonly acl: CompiledAcl | null } | { readonly fault: string };

/** Rules and topics that a login may carry: they are compiled while the client waits. */
const MAX_RULES = 100;
const MAX_TOPICS = 200;
const MAX_TOPIC_UNITS = 1024;
const MAX_LEVELS = 1000;
const NO_PREFIXES: readonly string[] = [];

const NONE: ClaimedRules = { acl: null };
/** By what prefixes are taken off: those of the snapshot in force. */
const compiled = new WeakMap<Identity, { readonly unwrap: readonly string[]; readonly rules: ClaimedRules }>();

/** Rules that allow nothing. */
export function compileNothing(): CompiledAcl {
  const nothing = compileAcl({ ...CLAIMED, unwrap: [], rules: [] });
  if ("problems" in nothing) throw new Error("Cannot compile no rules");
  return nothing.acl;
}

/**
 * The rules that a login carries, compiled: by default nothing is allowed, so they can only narrow what the configuration
 * allows. Null where it carries none. What cannot be read is a fault, never "no rules".
 *
 * Three forms are read: rules as in `acl.rules` (`name` may be absent), EMQX's list
 * (`{"permission":"allow","action":"publish","topic":"a/#","qos":[0,1],"retain":false}`) and EMQX's map
 * (`{"pub":["a/#"],"sub":["b/#"],"all":["c"]}`). Topics may hold `${clientid}`, `${username}`, `${ip}`, `${attr.NAME}`.
 */
export function claimedRules(identity: Identity, unwrap: readonly string[] = NO_PREFIXES): ClaimedRules {
  if (identity.acl === null || identity.acl === undefined) return NONE;
  let found = compiled.get(identity);
  if (found === undefined || found.unwrap !== unwrap) {
    found = { unwrap, rules: compile(identity.acl, unwrap) };
    compiled.set(identity, found);
  }
  return found.rules;
}

function compile(value: unknown, unwrap: readonly string[]): ClaimedRules {
  const rules = readRules(value);
  if (typeof rules === "string") return { fault: rules };
  if (rules.length > MAX_RULES) return { fault: `it has more than ${MAX_RULES} rules` };
  const topics = rules.flatMap((rule) => rule.topics ?? []);
  if (topics.length > MAX_TOPICS) return { fault: `it has more than ${MAX_TOPICS} topics` };
  if (topics.some((topic) => topic.length > MAX_TOPIC_UNITS)) {
    return { fault: `it has a topic of more than ${MAX_TOPIC_UNITS} characters` };
  }
  const levels = topics.reduce((sum, topic) => sum + topic.split("/").length, 0);
  if (levels > MAX_LEVELS) return { fault: `its topics have more than ${MAX_LEVELS} levels in all` };
  const result = compileAcl({ ...CLAIMED, unwrap: [...unwrap], rules });
  if ("acl" in result) return { acl: result.acl };
  const [problem] = result.problems;
  return { fault: `its rule ${(problem?.rule ?? 0) + 1}${problem?.key ?? ""} is none: ${problem?.message ?? "?"}` };
}

const CLAIMED: Omit<AclConfig, "rules" | "unwrap"> = {
  enabled: true,
  "default-action": "deny",
  groups: {},
  "deny-action": "drop",
  "wildcard-subscriptions": "allow",
  // What the configuration says of these holds already.
  "dollar-topics": "default-action",
  "check-deliveries": true,
  "check-response-topic": true,
};

function readRules(value: unknown): RuleConfig[] | string {
  if (Array.isArray(value)) {
    const rules: RuleConfig[] = [];
    for (const [index, entry] of value.entries()) {
      if (index >= MAX_RULES) return `it has more than ${MAX_RULES} rules`;
      const rule = isObject(entry) ? readRule(entry, `rule ${index + 1}`) : `rule ${index + 1} is no object`;
      if (typeof rule === "string") return rule;
      rules.push(rule);
    }
    return rules;
  }
  if (!isObject(value)) return "it is neither a list nor an object";
  const rules: RuleConfig[] = [];
  for (const [key, topics] of Object.entries(value)) {
    const actions = MAP_ACTIONS.get(key);
    if (actions === undefined) return `it has a key other than "pub", "sub" and "all"`;
    const list = readTopics(topics);
    if (typeof list === "string") return `"${key}" ${list}`;
    for (const topic of list) rules.push(ruleFor(`${key} ${rules.length + 1}`, "allow", actions, topic));
  }
  return rules;
}

type Actions = NonNullable<RuleConfig["actions"]>;
/** Who may subscribe may be delivered to. */
const SUBSCRIBING: Actions = ["subscribe", "receive"];
const MAP_ACTIONS: ReadonlyMap<unknown, Actions> = new Map([
  ["pub", ["publish"]],
  ["sub", SUBSCRIBING],
  ["all", ["publish", ...SUBSCRIBING]],
]);
const WORD_ACTIONS: ReadonlyMap<unknown, Actions> = new Map([
  ["publish", ["publish"]],
  ["subscribe", SUBSCRIBING],
  ["receive", ["receive"]],
  ["all", ["publish", ...SUBSCRIBING]],
]);

const KEYS = new Set([
  "name",
  "description",
  "permission",
  "decision",
  "action",
  "actions",
  "topic",
  "topics",
  "qos",
  "max-qos",
  "max_qos",
  "retain",
]);

/** One rule, in our words or EMQX's; a text says why it is none. */
function readRule(entry: Readonly<Record<string, unknown>>, where: string): RuleConfig | string {
  const unknown = Object.keys(entry).find((key) => !KEYS.has(key));
  if (unknown !== undefined) return `${where} has an unknown key`;
  const decision = entry["permission"] ?? entry["decision"];
  if (decision !== "allow" && decision !== "deny") return `${where} says neither allow nor deny`;
  const words = entry["actions"] ?? entry["action"] ?? "all";
  const actions: Actions = [];
  for (const word of Array.isArray(words) ? words : [words]) {
    const found = WORD_ACTIONS.get(word);
    if (found === undefined) return `${where} has an action other than publish, subscribe and all`;
    actions.push(...found);
  }
  const topics = readTopics(entry["topics"] ?? entry["topic"]);
  if (typeof topics === "string") return `${where} ${topics}`;
  const [topic, ...others] = topics;
  if (topic === undefined || (others.length > 0 && topics.some((text) => text.startsWith(LITERALLY)))) {
    return `${where} has no topic, or an "eq" among several`;
  }
  const rule = ruleFor(where, decision, actions, topic);
  if (others.length > 0) rule.topics = topics;
  // A deny that lists levels of QoS denies all of them: stricter, never wider.
  const listed = decision === "deny" && isLevels(entry["qos"]) ? undefined : entry["qos"];
  const maxQos = readMaxQos(entry["max-qos"] ?? entry["max_qos"], listed);
  if (typeof maxQos === "string") return `${where} ${maxQos}`;
  // Below a maximum a rule of ours cannot deny; to deny all of them is the stricter reading.
  if (maxQos !== null && decision === "allow") rule["max-qos"] = maxQos;
  const retain = entry["retain"] ?? "all";
  // A deny that is about more than publishing denies with and without the flag: nothing but a PUBLISH has one.
  if (retain === true || retain === false) {
    if (decision === "allow" || rule.actions?.every((action) => action === "publish")) rule.retain = retain;
  } else if (retain !== "all") return `${where} has a "retain" other than true, false and "all"`;
  return rule;
}

/** EMQX's word for a topic in which `+` and `#` mean themselves. */
const LITERALLY = "eq ";

function ruleFor(name: string, decision: "allow" | "deny", actions: Actions, topic: string): RuleConfig {
  const literal = topic.startsWith(LITERALLY);
  const topics = [literal ? topic.slice(LITERALLY.length) : topic];
  return { name, decision, actions: [...new Set(actions)], topics, ...(literal ? { literal } : {}) };
}

function readTopics(value: unknown): string[] | string {
  const topics: unknown[] = Array.isArray(value) ? value : [value];
  if (topics.length > MAX_TOPICS) return `has more than ${MAX_TOPICS} topics`;
  return topics.every((topic) => typeof topic === "string") ? topics : "has a topic that is no text";
}

/** EMQX lists the levels; only all up to one can be said here. */
function readMaxQos(max: unknown, listed: unknown): 0 | 1 | 2 | null | string {
  if (max === 0 || max === 1 || max === 2) return max;
  if (max !== undefined) return 'has a "max-qos" other than 0, 1 and 2';
  if (listed === undefined) return null;
  const levels = [...new Set<unknown>(Array.isArray(listed) ? listed : [listed])].map(Number).sort();
  const highest = levels.length - 1;
  const isRange = levels.every((level, index) => level === index);
  return isRange && (highest === 0 || highest === 1 || highest === 2)
    ? highest
    : 'has a "qos" that is not 0, 0 to 1 or 0 to 2';
}

function isLevels(value: unknown): boolean {
  const levels: unknown[] = Array.isArray(value) ? value : [value];
  return levels.length > 0 && levels.every((level) => level === 0 || level === 1 || level === 2);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
