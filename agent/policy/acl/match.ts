/**
 * The `match` of a rule: one predicate for each condition, and their compilation.
 *
 * What the client only claims may hold against it, never for it: a user name that nobody proved (and with it
 * `acl.groups` and attributes) makes the conditions of deny rules hold, not those of allow rules. The same for an
 * address that could not be read: it may be any.
 */
import { type Address, type Cidr, cidrContains, parseCidr } from "../address.ts";
import { compileRegex, type LinearRegex } from "../regex.ts";
import type { MatchConfig } from "./config.ts";

/**
 * The group of clients without credentials. It is a key space of its own: only {@link Subject.anonymous} gives it. A
 * user who is called `anonymous` does not have it, a group of that name that an authentication reports is not it, and
 * `acl.groups` can not define it.
 */
export const ANONYMOUS_GROUP = "anonymous";

/**
 * Longer user names and client ids are not given to regexes: they count as found in deny rules and as not found in
 * allow rules.
 */
export const MAX_REGEX_TEXT_UNITS = 1024;

/** Who is asking. */
export interface Subject {
  /** Empty where the client has none (yet): `${clientid}` does not apply then. */
  clientId: string;
  username: string | null;
  /** Somebody proved the user name. */
  proved: boolean;
  /** Groups proved by authentication; `acl.groups` adds to them by user name. */
  groups: readonly string[];
  /** Connected without credentials where that is allowed: has the group `anonymous`. */
  anonymous: boolean;
  /** Null: it could not be parsed. */
  address: Address | null;
  level: 3 | 4 | 5;
  routeId: string | null;
  attributes: ReadonlyMap<string, string> | null;
}

/** A subject with the groups it has. */
export interface SubjectFacts {
  readonly subject: Subject;
  readonly provedGroups: ReadonlySet<string>;
  /** And those by a user name that is only claimed. */
  readonly claimedGroups: ReadonlySet<string>;
}

/** Conditions that must all hold; null where not given. */
export interface CompiledMatch {
  readonly username: string | null;
  readonly usernameRegex: LinearRegex | null;
  readonly clientId: string | null;
  readonly clientIdRegex: LinearRegex | null;
  readonly clientIps: readonly Cidr[] | null;
  readonly groups: readonly string[] | null;
  readonly levels: readonly (3 | 4 | 5)[] | null;
  readonly attributes: readonly (readonly [name: string, value: string])[] | null;
  readonly routeIds: readonly string[] | null;
}

export interface MatchProblem {
  /** Path inside `match`. */
  readonly key: string;
  readonly message: string;
}

/** True if all conditions hold for the subject, in an allow rule or in a deny rule. */
export function matchHolds(match: CompiledMatch, facts: SubjectFacts, allow: boolean): boolean {
  return usernameHolds(match, facts, allow) && clientIdHolds(match, facts, allow) && levelHolds(match, facts) &&
    routeHolds(match, facts) && addressHolds(match, facts, allow) && groupHolds(match, facts, allow) &&
    attributesHold(match, facts, allow);
}

/** `username` and `username-regex`. Without a user name they do not hold. */
export function usernameHolds(match: CompiledMatch, { subject }: SubjectFacts, allow: boolean): boolean {
  if (match.username === null && match.usernameRegex === null) return true;
  if (subject.username === null || (allow && !subject.proved)) return false;
  return (match.username === null || match.username === subject.username) &&
    (match.usernameRegex === null || regexHolds(match.usernameRegex, subject.username, allow));
}

/** `client-id` and `client-id-regex`. */
export function clientIdHolds(match: CompiledMatch, { subject }: SubjectFacts, allow: boolean): boolean {
  return (match.clientId === null || match.clientId === subject.clientId) &&
    (match.clientIdRegex === null || regexHolds(match.clientIdRegex, subject.clientId, allow));
}

/** `client-ip`. */
export function addressHolds(match: CompiledMatch, { subject }: SubjectFacts, allow: boolean): boolean {
  if (match.clientIps === null) return true;
  const { address } = subject;
  if (address === null) return !allow;
  return match.clientIps.some((cidr) => cidrContains(cidr, address));
}

/** `groups`. */
export function groupHolds(match: CompiledMatch, facts: SubjectFacts, allow: boolean): boolean {
  if (match.groups === null) return true;
  const has = allow ? facts.provedGroups : facts.claimedGroups;
  return match.groups.some((group) => has.has(group));
}

/** `protocol-version`. */
export function levelHolds(match: CompiledMatch, { subject }: SubjectFacts): boolean {
  return match.levels === null || match.levels.includes(subject.level);
}

/** `attributes`. */
export function attributesHold(match: CompiledMatch, { subject }: SubjectFacts, allow: boolean): boolean {
  if (match.attributes === null) return true;
  if (allow && !subject.proved) return false;
  return match.attributes.every(([name, value]) => subject.attributes?.get(name) === value);
}

/** `route-id`. */
export function routeHolds(match: CompiledMatch, { subject }: SubjectFacts): boolean {
  return match.routeIds === null || (subject.routeId !== null && match.routeIds.includes(subject.routeId));
}

/**
 * A regex costs linear time, but long texts and many rules would still add up: only the literal beginning is compared
 * then.
 */
function regexHolds(regex: LinearRegex, text: string, allow: boolean): boolean {
  if (!text.startsWith(regex.literalPrefix)) return false;
  return text.length > MAX_REGEX_TEXT_UNITS ? !allow : regex.test(text);
}

/** Compiles the conditions; problems are added to `problems`. */
export function compileMatch(config: MatchConfig, problems: MatchProblem[]): CompiledMatch {
  for (const key of ["client-ip", "groups", "protocol-version", "route-id"] as const) {
    if (config[key]?.length === 0) problems.push({ key, message: `Cannot use an empty list as "${key}"` });
  }
  if (config.attributes !== undefined && Object.keys(config.attributes).length === 0) {
    problems.push({ key: "attributes", message: 'Cannot use an empty map as "attributes"' });
  }
  const clientIps: Cidr[] = [];
  for (const [index, text] of (config["client-ip"] ?? []).entries()) {
    const result = parseCidr(text);
    if ("cidr" in result) clientIps.push(result.cidr);
    else problems.push({ key: `client-ip/${index}`, message: result.error });
  }
  return {
    username: config.username ?? null,
    usernameRegex: compileCondition(config, "username-regex", problems),
    clientId: config["client-id"] ?? null,
    clientIdRegex: compileCondition(config, "client-id-regex", problems),
    clientIps: config["client-ip"] === undefined ? null : clientIps,
    groups: config.groups ?? null,
    levels: config["protocol-version"] ?? null,
    attributes: config.attributes === undefined ? null : Object.entries(config.attributes),
    routeIds: config["route-id"] ?? null,
  };
}

function compileCondition(
  config: MatchConfig,
  key: "username-regex" | "client-id-regex",
  problems: MatchProblem[],
): LinearRegex | null {
  const pattern = config[key];
  if (pattern === undefined) return null;
  const result = compileRegex(pattern, { later: true });
  if ("regex" in result) return result.regex;
  problems.push({ key, message: result.error });
  return null;
}

/** The same text for conditions that are the same whatever their order; empty for none. */
export function matchKey(config: MatchConfig | undefined): string {
  if (config === undefined) return "";
  const simple = simpleKey(config);
  if (simple !== null) return simple;
  const attributes = config.attributes;
  const parts = [
    config.username,
    config["username-regex"],
    config["client-id"],
    config["client-id-regex"],
    sorted(config["client-ip"]),
    sorted(config.groups),
    sorted(config["protocol-version"]),
    attributes && Object.keys(attributes).sort().map((name) => [name, attributes[name]]),
    sorted(config["route-id"]),
  ];
  return parts.every((part) => part === undefined) ? "" : JSON.stringify(parts);
}

/**
 * The key of the one condition that most matches have, without the general way's cost; null for others. No such key
 * begins as JSON does.
 */
function simpleKey(config: MatchConfig): string | null {
  let key = "";
  for (const name of Object.keys(config) as (keyof MatchConfig)[]) {
    const value = config[name];
    if (value === undefined) continue;
    if (key !== "") return null;
    if (typeof value === "string") key = `${name}=${value}`;
    else if (Array.isArray(value) && value.length === 1) key = `${name}/${value[0]}`;
    else return null;
  }
  return key;
}

function sorted<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list === undefined || list.length < 2 ? list : [...new Set(list)].sort();
}
