/** An explanation for people, and for scripts. */
import type { Place } from "../agent/config/mod.ts";
import { quote, quoteWhole } from "../agent/config/quote.ts";
import { placeWords } from "./config_view.ts";
import type { Deed } from "./explain_run.ts";
import type { KeptState } from "./kept_state.ts";
import {
  type ExplainedDecision,
  type ExplainedRule,
  type Explanation,
  type NamedRule,
  toldRules,
} from "./explanation.ts";

const VERSIONS = { 3: "3.1", 4: "3.1.1", 5: "5.0" } as const;
const NAMES_WIDTH = 14;

/** For people. `all`: every rule one by one. */
export function explainedText(explanation: Explanation, all: boolean): string {
  const { checks, decisions, notes } = explanation;
  const blocks = [
    [headline(explanation)],
    facts(explanation),
    notes.map((note) => `! ${note}`),
    checks.length === 0 ? [] : ["checks, in the order they ran", ...checkLines(explanation)],
    ...decisions.map((decision) => decisionLines(decision, all)),
  ];
  return blocks.filter((lines) => lines.length > 0).map((lines) => lines.join("\n")).join("\n\n");
}

function headline({ judgement, deed }: Explanation): string {
  const { verdict, detectOnly, reason, packet, isUnseen } = judgement;
  const verdictWords = reason === null
    ? "ALLOWED"
    : detectOnly
    ? "ALLOWED, though refused (detect only)"
    : `REFUSED (${verdict})`;
  const what = packet === "upgrade"
    ? "the WebSocket upgrade"
    : packet === "CONNECT"
    ? connectWords(deed)
    : deedWords(deed);
  return `${verdictWords}${isUnseen ? ", unseen" : ""}: ${what}`;
}

function connectWords(deed: Deed): string {
  if (deed.action !== "connect" || deed.will === null) return "CONNECT";
  return `CONNECT with the Will ${messageWords(deed.will)}`;
}

function deedWords(deed: Deed): string {
  switch (deed.action) {
    case "connect":
      return connectWords(deed);
    case "publish":
      return `PUBLISH ${messageWords(deed.message)}`;
    case "receive":
      return `delivery of ${messageWords(deed.message)}`;
    case "subscribe":
      return `SUBSCRIBE ${quoteWhole(deed.filter)}, QoS ${deed.qos}`;
    case "unsubscribe":
      return `UNSUBSCRIBE ${quoteWhole(deed.filter)}`;
    default:
      return deed satisfies never;
  }
}

function messageWords(
  { topic, qos, retain, payload }: { topic: string; qos: number; retain: boolean; payload: Uint8Array },
): string {
  const bytes = payload.length === 0 ? "" : `, ${payload.length} bytes`;
  return `${quoteWhole(topic)}, QoS ${qos}${retain ? ", retained" : ""}${bytes}`;
}

function facts(explanation: Explanation): string[] {
  const { judgement: { reason, tags, detail, noted, downgradedTo } } = explanation;
  const lines: [name: string, words: string][] = [];
  if (reason !== null) {
    lines.push(["reason", `${reason.code}: ${reason.text}`]);
    for (const one of detail) lines.push(["detail", one]);
    lines.push(["what to do", reason.advice]);
  }
  for (const one of noted) lines.push(["found", `${one} (it is told, and refuses nothing)`]);
  if (downgradedTo !== null) lines.push(["QoS", `it passes, and should have had QoS ${downgradedTo}`]);
  lines.push(["rule", ruleFact(explanation)]);
  lines.push(["audit tags", tags.join(", ")]);
  lines.push(["client", clientWords(explanation)]);
  return lines.map(([name, words]) => `${name.padEnd(12)}${words}`);
}

/** The rule that decided; or what did, where rules were asked. */
function ruleFact({ rule, decisions, judgement, defaultAction }: Explanation): string {
  if (rule !== null) return ruleWords(rule);
  const decision = decisions.at(-1);
  if (decision === undefined) {
    return judgement.reason === null ? "none was asked" : "none was asked: it is refused before";
  }
  const isAlways = decision.action === "connect" || decision.action === "unsubscribe";
  if (isAlways || (decision.reason !== "default" && decision.reason !== "no-rule")) return decision.words;
  const where = defaultAction.place === null ? "by default" : placeWords(defaultAction.place);
  return `${decision.words} (acl.default-action ${quote(defaultAction.value)}, ${where})`;
}

function ruleWords({ name, decision, place }: NamedRule): string {
  return `${quote(name)}, ${decision}${placed(place)}`;
}

function placed(place: Place | null): string {
  return place === null ? "" : `, ${placeWords(place)}`;
}

function clientWords({ actor, judgement: { subject }, groups }: Explanation): string {
  const { clientId, username, address, routeId, level, attributes } = actor;
  const name = username === null
    ? "no user name"
    : `user ${quote(username)} (${subject?.proved === true ? "proved" : "nobody proved it"})`;
  const words = [
    `id ${quote(clientId)}`,
    name,
    ...(groups.length === 0 ? [] : [`groups ${groups.map(quote).join(" ")}`]),
    ...[...attributes].map(([key, value]) => `${quote(key)} is ${quote(value)}`),
    `address ${address.text}`,
    ...(routeId === null ? [] : [`route ${quote(routeId)}`]),
    `MQTT ${VERSIONS[level]}`,
  ];
  return words.join(", ");
}

function checkLines({ checks }: Explanation): string[] {
  return checks.map(({ name, refused, detail }) => {
    const found = [refused, detail].filter((one) => one !== null).join(", ");
    return `  ${refused === null ? "ok     " : "REFUSED"}  ${name}${found === "" ? "" : `: ${found}`}`;
  });
}

function decisionLines(decision: ExplainedDecision, all: boolean): string[] {
  const { action, topic, byLogin, allowed, words, rules } = decision;
  const whose = byLogin ? "rules of the login" : "rules";
  const asked = action === "connect" ? "connect" : `${action} ${quote(topic)}`;
  const head = `${whose}, in the order they are tried, for ${asked}: ${allowed ? "allowed" : "denied"}, ${words}`;
  if (rules.length === 0) return [head, "  there are none"];
  if (rules.every(({ outcome }) => outcome === "not-asked")) return [head, `  none of ${rules.length} was asked`];
  const isAboutOthers = rules.every(({ misses }) => misses.some(({ condition }) => condition === "actions"));
  if (isAboutOthers && !all) return [head, `  none of ${rules.length} is about ${action} (--all tells each)`];
  const shown = all ? rules : toldRules(rules);
  const width = String(shown.reduce((most, { number }) => Math.max(most, number), 0)).length;
  return [head, ...shown.flatMap((rule) => ruleLines(rule, width)), ...restLines(rules, shown)];
}

const MARKS = {
  "decides": "DECIDES",
  "would-decide": "SHADOW ",
  "comes-later": "later  ",
  "misses": "no     ",
  "not-asked": "-      ",
} as const;

function ruleLines(rule: ExplainedRule, width: number): string[] {
  const { number, outcome, name, decision, place, misses, topics } = rule;
  const head = `  ${MARKS[outcome]}  ${String(number).padStart(width)}. ${quote(name).padEnd(NAMES_WIDTH)} ${decision}${
    placed(place)
  }`;
  return [`${head}${outcomeWords(outcome, topics)}`, ...misses.map(({ text }) => `${" ".repeat(width + 13)}${text}`)];
}

function outcomeWords(outcome: ExplainedRule["outcome"], topics: readonly string[]): string {
  const by = topics.length === 0 ? "" : `: ${topics.slice(0, 3).map(quote).join(", ")}`;
  switch (outcome) {
    case "decides":
      return by;
    case "would-decide":
      return `${by} (it would decide, but is on trial)`;
    case "comes-later":
      return `${by} (it applies too, but comes later)`;
    case "misses":
    case "not-asked":
      return "";
    default:
      return outcome satisfies never;
  }
}

/** How many were left out, by the conditions that do not hold. */
function restLines(rules: readonly ExplainedRule[], shown: readonly ExplainedRule[]): string[] {
  if (shown.length === rules.length) return [];
  const told = new Set(shown);
  const counts = new Map<string, number>();
  for (const rule of rules) {
    if (told.has(rule)) continue;
    const why = rule.misses.length === 0
      ? "applies, but comes later"
      : rule.misses.map(({ condition }) => condition).join(" and ");
    counts.set(why, (counts.get(why) ?? 0) + 1);
  }
  const lines = [...counts].sort(([, a], [, b]) => b - a).map(([why, count]) => `    ${count} by ${why}`);
  return [`  and ${rules.length - shown.length} more (--all tells each):`, ...lines];
}

/** For scripts: all of it. Members are never left out; what there is not is null. */
export function explainedJson(explanation: Explanation): unknown {
  const { actor, deed, judgement, groups, rule, checks, decisions, defaultAction, state, notes } = explanation;
  const { verdict, detectOnly, reason, tags, detail, noted, downgradedTo, packet, subject } = judgement;
  return {
    allowed: verdict === "allow",
    verdict,
    detect_only: detectOnly,
    packet,
    reason: reason === null ? null : { code: reason.code, tag: reason.tag, text: reason.text, advice: reason.advice },
    detail,
    noted,
    tags,
    qos_downgraded_to: downgradedTo,
    rule: rule === null ? null : ruleJson(rule),
    default_action: { value: defaultAction.value, ...placeJson(defaultAction.place) },
    asked: deedJson(deed),
    client: {
      client_id: actor.clientId,
      username: actor.username,
      proved: subject?.proved ?? false,
      anonymous: subject?.anonymous ?? false,
      groups,
      attributes: Object.fromEntries(actor.attributes),
      ip: actor.address.text,
      route_id: actor.routeId,
      protocol_version: VERSIONS[actor.level],
    },
    checks,
    decisions: decisions.map(({ rules, rule, shadow, byLogin, ...decision }) => ({
      ...decision,
      by_login: byLogin,
      rule: rule === null ? null : ruleJson(rule),
      shadow: shadow === null ? null : ruleJson(shadow),
      rules: rules.map((one) => ({
        number: one.number,
        ...ruleJson(one),
        outcome: one.outcome,
        topics: one.topics,
        misses: one.misses,
      })),
    })),
    state: state === null ? null : stateJson(state),
    notes,
  };
}

function stateJson({ directory, push, bansText }: KeptState): Record<string, unknown> {
  return {
    directory,
    push: push === null ? null : { from: push.from, pushed_at: new Date(push.atMs).toISOString() },
    bans: bansText !== null,
  };
}

function ruleJson({ name, decision, place }: NamedRule): Record<string, unknown> {
  return { name, decision, ...placeJson(place) };
}

function placeJson(place: Place | null): { file: string | null; line: number | null; column: number | null } {
  return { file: place?.file ?? null, line: place?.line ?? null, column: place?.column ?? null };
}

function deedJson(deed: Deed): Record<string, unknown> {
  const message = deed.action === "connect" ? deed.will : "message" in deed ? deed.message : null;
  const topic = "filter" in deed ? deed.filter : message?.topic ?? null;
  const qos = "filter" in deed ? ("qos" in deed ? deed.qos : null) : message?.qos ?? null;
  return {
    action: deed.action,
    topic,
    qos,
    retain: message?.retain ?? null,
    payload_bytes: message?.payload.length ?? null,
  };
}
