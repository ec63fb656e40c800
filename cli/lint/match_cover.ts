import { type Cidr, cidrContains, maskAddress } from "../../agent/policy/address.ts";
import { type CompiledMatch, MAX_REGEX_TEXT_UNITS } from "../../agent/policy/acl/match.ts";
import type { LinearRegex } from "../../agent/policy/regex.ts";

/** A match that holds wherever another one does. */
export interface CoveringMatch {
  readonly match: number;
  /**
   * Also where the other one is of a deny rule and this one of an allow rule: what a client only claims may hold against
   * it, never for it, so that only conditions that nobody has to prove carry over.
   */
  readonly evenAllowOverDeny: boolean;
}

/** Each match looks at so many others at most, and all together at so many: some hundred milliseconds. */
const MAX_CANDIDATES = 256;
const MAX_ALL_CANDIDATES = 1_000_000;

/**
 * Finds, for the match of a rule, the matches that hold for every client that it holds for. It never names one of which
 * that is not sure, and may miss some: regexes are only compared as texts, by their literal beginnings, or with names.
 */
export class MatchCover {
  /** Some match had more candidates than are looked at. */
  isIncomplete = false;
  readonly #matches: readonly CompiledMatch[];
  /** Numbers of matches by one of their conditions, each under as few as can be. */
  readonly #byKey = new Map<string, number[]>();
  readonly #prefixLengths = { u: new Set<number>(), c: new Set<number>() };
  readonly #prefixBits = { 4: new Set<number>(), 6: new Set<number>() };
  readonly #askedFor: AskedFor;
  readonly #found: (readonly CoveringMatch[] | undefined)[];
  #candidatesLeft = MAX_ALL_CANDIDATES;

  constructor(matches: readonly CompiledMatch[]) {
    this.#matches = matches;
    this.#found = new Array(matches.length);
    this.#askedFor = askedFor(matches);
    matches.forEach((match, number) => this.#add(match, number));
  }

  /** The match itself first. */
  covering(number: number): readonly CoveringMatch[] {
    return this.#found[number] ??= this.#search(number);
  }

  #search(number: number): readonly CoveringMatch[] {
    const match = this.#matches[number] as CompiledMatch;
    const found: CoveringMatch[] = [{ match: number, evenAllowOverDeny: needsNoProof(match) }];
    let looked = 0;
    for (const key of this.#lookups(match)) {
      for (const candidate of this.#byKey.get(key) ?? []) {
        if (candidate === number) continue;
        if (++looked > MAX_CANDIDATES || --this.#candidatesLeft < 0) {
          this.isIncomplete = true;
          return found;
        }
        const outer = this.#matches[candidate] as CompiledMatch;
        if (covers(outer, match) && !found.some((known) => known.match === candidate)) {
          found.push({ match: candidate, evenAllowOverDeny: needsNoProof(outer) });
        }
      }
    }
    return found;
  }

  #add(match: CompiledMatch, number: number): void {
    for (const key of this.#choose(conditionKeys(match, this.#askedFor))) {
      const numbers = this.#byKey.get(key);
      if (numbers === undefined) this.#byKey.set(key, [number]);
      else numbers.push(number);
    }
    if (match.usernameRegex !== null) this.#prefixLengths.u.add(match.usernameRegex.literalPrefix.length);
    if (match.clientIdRegex !== null) this.#prefixLengths.c.add(match.clientIdRegex.literalPrefix.length);
    for (const { network, prefixBits } of match.clientIps ?? []) this.#prefixBits[network.family].add(prefixBits);
  }

  /** The keys of the condition under which fewest others are kept. */
  #choose(conditions: readonly (readonly string[])[]): readonly string[] {
    let chosen = conditions[0];
    if (chosen === undefined) return [ANYBODY];
    if (conditions.length === 1) return chosen;
    let fewest = Infinity;
    for (const keys of conditions) {
      const most = keys.reduce((count, key) => Math.max(count, this.#count(key)), 0);
      if (most >= fewest) continue;
      fewest = most;
      chosen = keys;
    }
    return chosen;
  }

  #count(key: string): number {
    return this.#byKey.get(key)?.length ?? 0;
  }

  /** Under one of these every match is kept that covers this one. */
  #lookups(match: CompiledMatch): readonly string[] {
    const keys = [ANYBODY];
    this.#lookUpText(keys, "u", match.username, match.usernameRegex);
    this.#lookUpText(keys, "c", match.clientId, match.clientIdRegex);
    const cidr = match.clientIps?.[0];
    if (cidr !== undefined) {
      for (const bits of this.#prefixBits[cidr.network.family]) {
        if (bits <= cidr.prefixBits) keys.push(addressKey(cidr, bits));
      }
    }
    this.#lookUpList(keys, "g", match.groups);
    this.#lookUpList(keys, "r", match.routeIds);
    this.#lookUpList(keys, "v", match.levels);
    for (const [name, value] of match.attributes ?? []) keys.push(attributeKey(name, value));
    return keys;
  }

  #lookUpText(keys: string[], kind: "u" | "c", text: string | null, regex: LinearRegex | null): void {
    if (this.#askedFor.same) {
      if (text !== null) keys.push(`${kind}=${text}`);
      if (regex !== null) keys.push(`${kind}~${regex.pattern}`);
    }
    const beginning = text ?? regex?.literalPrefix;
    if (beginning === undefined) return;
    for (const length of this.#prefixLengths[kind]) {
      if (length > beginning.length) continue;
      const prefix = beginning.slice(0, length);
      keys.push(`${kind}^${prefix}`);
      // Only a name can be tried with any regex.
      if (text !== null) keys.push(`${kind}?${prefix}`);
    }
  }

  /** Whichever covers it has all of these: the rarest is the quickest. */
  #lookUpList(keys: string[], kind: "g" | "r" | "v", list: readonly (string | number)[] | null): void {
    const [first, ...others] = list ?? [];
    if (first === undefined) return;
    keys.push(others.reduce<string>((rarest, one) => {
      const key = `${kind}=${one}`;
      return this.#count(key) < this.#count(rarest) ? key : rarest;
    }, `${kind}=${first}`));
  }
}

/**
 * Which keys are looked up at all, for any match. Most rule sets have one condition for each rule, of one kind: then
 * nothing need be kept of a hundred thousand names.
 */
interface AskedFor {
  /** Matches with the same name or regex: a second condition makes one of two such the wider one. */
  readonly same: boolean;
  /** Regexes that a name could fit. */
  readonly u: boolean;
  readonly c: boolean;
}

function askedFor(matches: readonly CompiledMatch[]): AskedFor {
  return {
    same: matches.some((match) => Object.values(match).filter((condition) => condition !== null).length > 1),
    u: matches.some(({ username }) => username !== null),
    c: matches.some(({ clientId }) => clientId !== null),
  };
}

/** Key of the matches without a condition. */
const ANYBODY = "*";

/** For each condition the keys under which the match may be kept, all of them then; no key where nobody asks for one. */
function conditionKeys(match: CompiledMatch, asked: AskedFor): string[][] {
  const all: string[][] = [];
  if (match.username !== null) all.push(asked.same ? [`u=${match.username}`] : []);
  if (match.usernameRegex !== null) all.push(regexKeys("u", match.usernameRegex, asked));
  if (match.clientId !== null) all.push(asked.same ? [`c=${match.clientId}`] : []);
  if (match.clientIdRegex !== null) all.push(regexKeys("c", match.clientIdRegex, asked));
  if (match.clientIps !== null) all.push(match.clientIps.map((cidr) => addressKey(cidr, cidr.prefixBits)));
  if (match.groups !== null) all.push(match.groups.map((group) => `g=${group}`));
  if (match.attributes !== null) all.push(...match.attributes.map(([name, value]) => [attributeKey(name, value)]));
  if (match.routeIds !== null) all.push(match.routeIds.map((route) => `r=${route}`));
  if (match.levels !== null && !isAnyLevel(match)) all.push(match.levels.map((level) => `v=${level}`));
  return all;
}

function regexKeys(kind: "u" | "c", regex: LinearRegex, asked: AskedFor): string[] {
  const keys = asked.same ? [`${kind}~${regex.pattern}`] : [];
  if (isPrefix(regex)) keys.push(`${kind}^${regex.literalPrefix}`);
  else if (asked[kind]) keys.push(`${kind}?${regex.literalPrefix}`);
  return keys;
}

/** `^text` without any syntax: fits whatever begins with the text. */
function isPrefix({ pattern, literalPrefix }: LinearRegex): boolean {
  return literalPrefix !== "" && pattern === `^${literalPrefix}`;
}

function attributeKey(name: string, value: string): string {
  return `a${JSON.stringify([name, value])}`;
}

function addressKey({ network }: Cidr, bits: number): string {
  return `i${maskAddress(network, bits).text}/${bits}`;
}

/** True if the outer match surely holds wherever the inner one does, both of rules of the same decision. */
function covers(outer: CompiledMatch, inner: CompiledMatch): boolean {
  return textCovers(outer.username, outer.usernameRegex, inner.username, inner.usernameRegex) &&
    textCovers(outer.clientId, outer.clientIdRegex, inner.clientId, inner.clientIdRegex) &&
    addressesCover(outer.clientIps, inner.clientIps) &&
    listCovers(outer.groups, inner.groups) &&
    listCovers(outer.routeIds, inner.routeIds) &&
    (isAnyLevel(outer) || listCovers(outer.levels, inner.levels)) &&
    (outer.attributes ?? []).every(([name, value]) =>
      inner.attributes?.some((has) => has[0] === name && has[1] === value) ?? false
    );
}

function textCovers(
  outerText: string | null,
  outerRegex: LinearRegex | null,
  innerText: string | null,
  innerRegex: LinearRegex | null,
): boolean {
  if (outerText !== null && outerText !== innerText) return false;
  if (outerRegex === null) return true;
  if (innerRegex?.pattern === outerRegex.pattern) return true;
  if (innerText !== null) return innerText.length <= MAX_REGEX_TEXT_UNITS && outerRegex.test(innerText);
  return isPrefix(outerRegex) && (innerRegex?.literalPrefix.startsWith(outerRegex.literalPrefix) ?? false);
}

function addressesCover(outer: readonly Cidr[] | null, inner: readonly Cidr[] | null): boolean {
  if (outer === null) return true;
  return inner !== null &&
    inner.every(({ network, prefixBits }) =>
      outer.some((cidr) => cidr.prefixBits <= prefixBits && cidrContains(cidr, network))
    );
}

/** One of a list has to hold: whoever has one of the inner has one of the outer. */
function listCovers<T>(outer: readonly T[] | null, inner: readonly T[] | null): boolean {
  return outer === null || (inner !== null && inner.every((one) => outer.includes(one)));
}

function isAnyLevel({ levels }: CompiledMatch): boolean {
  return levels === null || ([3, 4, 5] as const).every((level) => levels.includes(level));
}

/** Its conditions hold alike in allow rules and deny rules: nothing in them is proved, read, or too long for a regex. */
function needsNoProof(match: CompiledMatch): boolean {
  return match.username === null && match.usernameRegex === null && match.clientIdRegex === null &&
    match.clientIps === null && match.groups === null && match.attributes === null;
}
