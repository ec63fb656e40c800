/** The words in which people are told why a rule does not apply: what it asks for, and what it found. */
import type { Action, MatchConfig, RuleConfig } from "./config.ts";
import { MAX_REGEX_TEXT_UNITS, type Subject, type SubjectFacts } from "./match.ts";
import { ruleActions } from "./rule_problems.ts";
import { needsProof, type SubjectAcl, variableValue } from "./subject.ts";
import { usableValue } from "./topic_template.ts";

export type MatchCondition = keyof MatchConfig;

const MAX_TEXT = 80;
const MAX_LISTED = 5;
const LEVELS = { 3: "3.1", 4: "3.1.1", 5: "5.0" } as const;

/** Control characters beyond those that JSON escapes, and what is not seen or turns the direction of what follows. */
const UNSEEN = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text that clients and operators wrote, with nothing unseen in it and not without end. */
function quoted(text: string): string {
  return JSON.stringify(shortened(text))
    .replace(UNSEEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

function shortened(text: string): string {
  if (text.length <= MAX_TEXT) return text;
  // Not in the middle of a surrogate pair, which would be no text any more.
  const end = (text.charCodeAt(MAX_TEXT - 1) & 0xfc00) === 0xd800 ? MAX_TEXT - 1 : MAX_TEXT;
  return `${text.slice(0, end)}…`;
}

function listed(texts: readonly string[], word: "and" | "or" = "or"): string {
  if (texts.length === 1) return texts[0] as string;
  const told = texts.slice(0, MAX_LISTED);
  const more = texts.length - told.length;
  if (more > 0) return `${told.join(", ")} ${word} ${more} more`;
  const last = told.pop() ?? "";
  return told.length === 0 ? last : `${told.join(", ")} ${word} ${last}`;
}

/** Why one condition of `match` does not hold for the client, in an allow rule or in a deny rule. */
export function conditionWords(
  condition: MatchCondition,
  match: MatchConfig,
  { subject, claimedGroups }: SubjectFacts,
  allow: boolean,
): string {
  switch (condition) {
    case "username":
      return unprovedWords(subject, allow) ??
        `the user name is ${quoted(subject.username ?? "")}, not ${quoted(match[condition] ?? "")}`;
    case "username-regex":
      return unprovedWords(subject, allow) ??
        `the user name ${quoted(subject.username ?? "")} ${regexWords(match[condition], subject.username)}`;
    case "client-id":
      return `the client id is ${quoted(subject.clientId)}, not ${quoted(match[condition] ?? "")}`;
    case "client-id-regex":
      return `the client id ${quoted(subject.clientId)} ${regexWords(match[condition], subject.clientId)}`;
    case "client-ip": {
      const ranges = listed(match[condition] ?? []);
      return subject.address === null
        ? `the address is not known, and it must be in ${ranges}`
        : `the address ${subject.address.text} is not in ${ranges}`;
    }
    case "groups": {
      const wanted = match.groups ?? [];
      const isClaimed = allow && !subject.proved && wanted.some((group) => claimedGroups.has(group));
      return isClaimed
        ? `the client is in ${listed(wanted.map(quoted))} by its user name, which nobody proved`
        : `the client is not in ${listed(wanted.map(quoted))}`;
    }
    case "protocol-version":
      return `MQTT ${LEVELS[subject.level]} is not ${listed((match[condition] ?? []).map((level) => LEVELS[level]))}`;
    case "attributes": {
      if (allow && !subject.proved) return "attributes count only with a user name that somebody proved";
      const [name, wanted] = Object.entries(match.attributes ?? {})
        .find(([name, value]) => subject.attributes?.get(name) !== value) ?? ["", ""];
      const found = subject.attributes?.get(name);
      return `the attribute ${quoted(name)} is ${found === undefined ? "not set" : quoted(found)}, not ${
        quoted(wanted)
      }`;
    }
    case "route-id": {
      const found = subject.routeId === null ? "is not known" : `is ${quoted(subject.routeId)}`;
      return `the route ${found}, not ${listed((match[condition] ?? []).map(quoted))}`;
    }
    default:
      return condition satisfies never;
  }
}

/** Why no user name counts for a rule, or null: one does. */
function unprovedWords({ username, proved }: Subject, allow: boolean): string | null {
  if (username === null) return "the client has no user name";
  return allow && !proved ? `nobody proved the user name ${quoted(username)}, and a rule that allows needs that` : null;
}

function regexWords(pattern: string | undefined, text: string | null): string {
  const isLong = text !== null && text.length > MAX_REGEX_TEXT_UNITS;
  return isLong ? "is too long to be searched" : `does not hold /${pattern}/`;
}

/** `expires` is over. */
export function expiryWords(expires: string): string {
  return `it has expired: ${expires}`;
}

/** The rule is about other things than what is asked. */
export function actionWords(rule: RuleConfig, { s, action, nowMs }: {
  readonly s: SubjectAcl;
  readonly action: Action;
  readonly nowMs: number;
}): string {
  const about = `it is about ${listed(ruleActions(rule), "and")}, not ${action}`;
  if (action !== "receive") return about;
  return s.receiveListedUntilMs > nowMs
    ? `${about}, and another rule of this client lists receive`
    : `${about}, nor about subscribe`;
}

/** `retain` of the rule. */
export function retainWords(retain: boolean, action: Action): string {
  if (!retain) return "it is about messages without the retain flag";
  return action === "publish"
    ? "it is about messages with the retain flag"
    : `it is about messages with the retain flag, and ${action} has none`;
}

/** No topic of the rule meets what is asked. `isPartial`: one meets a part of the filter. */
export function topicWords(
  { topics = [], decision, literal }: RuleConfig,
  asked: string,
  isSet: boolean,
  isPartial: boolean,
): string {
  const own = listed(topics.map(quoted));
  if (literal === true) return `the topic is not ${own}, word for word`;
  if (isPartial) return `${own} covers only a part of ${quoted(asked)}, and what is allowed must be covered whole`;
  if (asked.startsWith("$") && topics.some((topic) => /^[+#]/.test(topic))) {
    return `${own} does not match ${quoted(asked)}: "+" and "#" do not match a first level that begins with "$"`;
  }
  const verb = !isSet ? "match" : decision === "allow" ? "cover" : "overlap";
  return `${own} does not ${verb} ${quoted(asked)}`;
}

/** No topic of the rule meets what is asked, and some of its placeholders have no value. */
export function placeholderWords(
  names: readonly string[],
  topics: readonly string[],
  subject: Subject,
  allow: boolean,
): string {
  return `${listed(topics.map(quoted))} cannot be filled in: ${
    names.map((name) => valueWords(name, subject, allow)).join(", ")
  }`;
}

function valueWords(name: string, subject: Subject, allow: boolean): string {
  const value = variableValue(name, subject);
  const written = `\${${name}}`;
  if (value === null || value === undefined) return `${written} has no value`;
  if (value === "") return `${written} is empty`;
  if (usableValue(value) === null) return `${written} is ${quoted(value)}, which is not one level`;
  return allow && needsProof(name) ? `nobody proved ${written}` : `${written} has no value`;
}
