/**
 * Finds the matches that may hold for a client without trying all of them: each is kept under one of its conditions
 * that can be looked up, and only tried where that holds.
 */
import { type Address, maskAddress } from "../address.ts";
import { IntVector, mixHash } from "./int_vector.ts";
import { EMPTY_LEVEL_HASH, hashUnit } from "./level_table.ts";
import type { CompiledMatch, SubjectFacts } from "./match.ts";

/** Key of all matches by address, for clients whose address is not known. */
const ANY_ADDRESS = "ip?";

/** What a {@link SubjectIndex} holds, as another thread can be given it. */
export interface PackedSubjects {
  readonly table: Int32Array;
  readonly entries: Int32Array;
  readonly always: Int32Array;
  readonly usernamePrefixLengths: readonly number[];
  readonly clientIdPrefixLengths: readonly number[];
  readonly v4PrefixBits: readonly number[];
  readonly v6PrefixBits: readonly number[];
}

/**
 * A list of matches: hash of its key, first and last entry, number of entries. Keys of the same hash share a list: who
 * is found by it is tried anyway.
 */
const LIST_SIZE = 4;
const FIRST = 1;
const LAST = 2;
const COUNT = 3;
/** Entry: match, next entry. Entry 0 is none. */
const ENTRY_SIZE = 2;

export class SubjectIndex {
  /** Open addressing; free where the count is 0. At most half full. */
  #table: Int32Array = new Int32Array(64 * LIST_SIZE);
  #shift = 26;
  #lists = 0;
  #entries = new IntVector(64);
  /** Matches without a condition that can be looked up: none at all, or only a regex that begins with no text. */
  #always = new IntVector(8);
  readonly #usernamePrefixLengths = new Set<number>();
  readonly #clientIdPrefixLengths = new Set<number>();
  readonly #v4PrefixBits = new Set<number>();
  readonly #v6PrefixBits = new Set<number>();

  constructor() {
    this.#entries.extend(ENTRY_SIZE);
  }

  /** Adds a match under its number. */
  add(match: CompiledMatch, number: number): void {
    const keys = this.#choose(conditionKeys(match));
    if (keys === undefined) {
      this.#always.push(number);
      return;
    }
    for (const key of keys) this.#append(hashOf(key), number);
    this.#notePrefixes(match);
  }

  pack(): PackedSubjects {
    return {
      table: this.#table.slice(),
      entries: this.#entries.packed(),
      always: this.#always.packed(),
      usernamePrefixLengths: [...this.#usernamePrefixLengths],
      clientIdPrefixLengths: [...this.#clientIdPrefixLengths],
      v4PrefixBits: [...this.#v4PrefixBits],
      v6PrefixBits: [...this.#v6PrefixBits],
    };
  }

  /** What was packed, taken over: nothing can be added any more. */
  static unpack(packed: PackedSubjects): SubjectIndex {
    const index = new SubjectIndex();
    index.#table = packed.table;
    index.#shift = 32 - Math.log2(packed.table.length / LIST_SIZE);
    index.#entries = IntVector.of(packed.entries);
    index.#always = IntVector.of(packed.always);
    for (const length of packed.usernamePrefixLengths) index.#usernamePrefixLengths.add(length);
    for (const length of packed.clientIdPrefixLengths) index.#clientIdPrefixLengths.add(length);
    for (const bits of packed.v4PrefixBits) index.#v4PrefixBits.add(bits);
    for (const bits of packed.v6PrefixBits) index.#v6PrefixBits.add(bits);
    return index;
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
    return this.#table[this.#slot(hashOf(key)) + COUNT]!;
  }

  /** Where the list of the hash is, or would be. */
  #slot(hash: number): number {
    const table = this.#table;
    for (let at = (mixHash(0, hash) >>> this.#shift) * LIST_SIZE;; at += LIST_SIZE) {
      if (at === table.length) at = 0;
      if (table[at + COUNT] === 0 || table[at] === hash) return at;
    }
  }

  #append(hash: number, number: number): void {
    if ((this.#lists + 1) * 2 * LIST_SIZE > this.#table.length) this.#grow();
    const at = this.#slot(hash);
    const table = this.#table;
    const entry = this.#entries.extend(ENTRY_SIZE);
    this.#entries.data[entry] = number;
    if (table[at + COUNT]!++ === 0) {
      this.#lists++;
      table[at] = hash;
      table[at + FIRST] = entry;
    } else this.#entries.data[table[at + LAST]! + 1] = entry;
    table[at + LAST] = entry;
  }

  #grow(): void {
    const old = this.#table;
    this.#table = new Int32Array(old.length * 2);
    this.#shift--;
    for (let at = 0; at < old.length; at += LIST_SIZE) {
      if (old[at + COUNT] !== 0) this.#table.set(old.subarray(at, at + LIST_SIZE), this.#slot(old[at]!));
    }
  }

  /** Numbers of all matches that may hold, each once. O(what is found + distinct prefix lengths). */
  candidates({ subject, claimedGroups }: SubjectFacts): Iterable<number> {
    const found = new Set<number>();
    for (let at = 0; at < this.#always.length; at++) found.add(this.#always.data[at]!);
    const entries = this.#entries.data;
    const take = (key: string) => {
      const list = this.#slot(hashOf(key));
      if (this.#table[list + COUNT] === 0) return;
      for (let entry = this.#table[list + FIRST]!; entry !== 0; entry = entries[entry + 1]!) found.add(entries[entry]!);
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

function hashOf(key: string): number {
  let hash = EMPTY_LEVEL_HASH;
  for (let at = 0; at < key.length; at++) hash = hashUnit(hash, key.charCodeAt(at));
  return hash;
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
