/**
 * Finds the matches that may hold for a client without trying all of them: each is kept under one of its conditions
 * that can be looked up, and only tried where that holds.
 */
import { type Address, maskAddress } from "../address.ts";
import type { CompiledMatch, SubjectFacts } from "./match.ts";

/** Key of all matches by address, for clients whose address is not known. */
const ANY_ADDRESS = "ip?";

export class SubjectIndex {
  /** Matches by condition: one number where there is one, as there mostly is. */
  readonly #byKey = new Map<string, number | number[]>();
  /** Matches without a condition that can be looked up: none at all, or only a regex that begins with no text. */
  readonly #always: number[] = [];
  readonly #usernamePrefixLengths = new Set<number>();
  readonly #clientIdPrefixLengths = new Set<number>();
  readonly #v4PrefixBits = new Set<number>();
  readonly #v6PrefixBits = new Set<number>();

  /** Adds a match under its number. */
  add(match: CompiledMatch, number: number): void {
    const keys = this.#choose(conditionKeys(match));
    if (keys === undefined) {
      this.#always.push(number);
      return;
    }
    for (const key of keys) {
      const numbers = this.#byKey.get(key);
      if (numbers === undefined) this.#byKey.set(key, number);
      else if (typeof numbers !== "number") numbers.push(number);
      else this.#byKey.set(key, [numbers, number]);
    }
    this.#notePrefixes(match);
  }

  /**
   * The condition that fewest matches are kept under: a thousand rules with one user name and a thousand addresses end
   * up under their addresses.
   */
  #choose(conditions: readonly string[][]): readonly string[] | undefined {
    let chosen = conditions[0];
    if (conditions.length < 2) return chosen;
    let fewest = Infinity;
    for (const keys of conditions) {
      let most = 0;
      for (const key of keys) {
        if (key !== ANY_ADDRESS) most = Math.max(most, this.#countOf(key));
      }
      if (most >= fewest) continue;
      fewest = most;
      chosen = keys;
    }
    return chosen;
  }

  #countOf(key: string): number {
    const numbers = this.#byKey.get(key);
    return numbers === undefined ? 0 : typeof numbers === "number" ? 1 : numbers.length;
  }

  /** Numbers of all matches that may hold, each once. O(what is found + distinct prefix lengths). */
  candidates({ subject, claimedGroups }: SubjectFacts): Iterable<number> {
    const found = new Set(this.#always);
    const take = (key: string) => {
      const numbers = this.#byKey.get(key);
      if (numbers === undefined) return;
      if (typeof numbers === "number") found.add(numbers);
      else for (const number of numbers) found.add(number);
    };
    if (subject.username !== null) {
      take(`u=${subject.username}`);
      for (const length of this.#usernamePrefixLengths) takePrefix("u^", subject.username, length, take);
    }
    take(`c=${subject.clientId}`);
    for (const length of this.#clientIdPrefixLengths) takePrefix("c^", subject.clientId, length, take);
    for (const group of claimedGroups) take(`g=${group}`);
    if (subject.routeId !== null) take(`r=${subject.routeId}`);
    for (const [name, value] of subject.attributes ?? []) take(attributeKey(name, value));
    take(`v=${subject.level}`);
    const { address } = subject;
    if (address === null) take(ANY_ADDRESS);
    else {
      for (const bits of address.family === 4 ? this.#v4PrefixBits : this.#v6PrefixBits) {
        take(addressKey(address, bits));
      }
    }
    return found;
  }

  #notePrefixes(match: CompiledMatch): void {
    if (match.usernameRegex !== null) this.#usernamePrefixLengths.add(match.usernameRegex.literalPrefix.length);
    if (match.clientIdRegex !== null) this.#clientIdPrefixLengths.add(match.clientIdRegex.literalPrefix.length);
    for (const { network, prefixBits } of match.clientIps ?? []) {
      (network.family === 4 ? this.#v4PrefixBits : this.#v6PrefixBits).add(prefixBits);
    }
  }
}

/** For each condition that can be looked up the keys of which one must be found, most telling first. */
function conditionKeys(match: CompiledMatch): string[][] {
  const all: string[][] = [];
  if (match.clientId !== null) all.push([`c=${match.clientId}`]);
  if (match.username !== null) all.push([`u=${match.username}`]);
  const clientIdPrefix = match.clientIdRegex?.literalPrefix ?? "";
  if (clientIdPrefix !== "") all.push([`c^${clientIdPrefix}`]);
  const usernamePrefix = match.usernameRegex?.literalPrefix ?? "";
  if (usernamePrefix !== "") all.push([`u^${usernamePrefix}`]);
  if (match.clientIps !== null) {
    all.push([...match.clientIps.map((cidr) => addressKey(cidr.network, cidr.prefixBits)), ANY_ADDRESS]);
  }
  if (match.groups !== null) all.push(match.groups.map((group) => `g=${group}`));
  for (const [name, value] of match.attributes ?? []) all.push([attributeKey(name, value)]);
  if (match.routeIds !== null) all.push(match.routeIds.map((route) => `r=${route}`));
  if (match.levels !== null) all.push(match.levels.map((level) => `v=${level}`));
  return all;
}

function takePrefix(kind: string, text: string, length: number, take: (key: string) => void): void {
  if (length > 0 && length <= text.length) take(kind + text.slice(0, length));
}

function attributeKey(name: string, value: string): string {
  return `a${name.length}=${name}=${value}`;
}

function addressKey(address: Address, prefixBits: number): string {
  return `ip${maskAddress(address, prefixBits).text}/${prefixBits}`;
}
