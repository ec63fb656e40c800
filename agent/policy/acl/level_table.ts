import { mixHash } from "./int_vector.ts";

/**
 * How a level is written inside the tables: 0 and above is a literal known to the rules, by its number in the {@link LevelTable}; `UNKNOWN` a literal that no rule
 * names, so that only wildcards and placeholders can match it; `PLUS` the wildcard; from `templateLabel(0)` downwards the levels with placeholders.
 */
export const UNKNOWN = -1;
export const PLUS = -2;

/** Label of the template with this number; its own inverse. */
export function templateLabel(template: number): number {
  return -3 - template;
}

const HASH_BASIS = 0x811c9dc5 | 0;
const HASH_PRIME = 0x01000193;

/** Before the first unit of a level. */
export const EMPTY_LEVEL_HASH = HASH_BASIS;

/** FNV-1a over UTF-16 units. Clients can not put anything into the tables, so that collisions are the operator's alone. */
export function hashUnit(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, HASH_PRIME);
}

/** Numbers for the texts of levels: each distinct literal level of all rules once. */
export class LevelTable {
  readonly #texts: string[] = [];
  #hashes = new Int32Array(64);
  /** Number + 1 of the text, 0 where free; at most half full. */
  #slots = new Int32Array(128);
  #mask = 127;

  /** The number of the level `text[start, end)` whose hash is given, or `UNKNOWN`. Verified unit by unit; allocates nothing. */
  find(text: string, start: number, end: number, hash: number): number {
    const mask = this.#mask;
    const slots = this.#slots;
    for (let slot = mixHash(hash, 0) & mask;; slot = (slot + 1) & mask) {
      const entry = slots[slot]!;
      if (entry === 0) return UNKNOWN;
      if (this.#hashes[entry - 1] === hash && sameText(this.#texts[entry - 1]!, text, start, end)) return entry - 1;
    }
  }

  /** The number of the level, a new one if need be. */
  intern(level: string): number {
    let hash = EMPTY_LEVEL_HASH;
    for (let at = 0; at < level.length; at++) hash = hashUnit(hash, level.charCodeAt(at));
    const known = this.find(level, 0, level.length, hash);
    if (known !== UNKNOWN) return known;
    const number = this.#texts.length;
    if ((number + 1) * 2 > this.#slots.length) this.#grow();
    if (number === this.#hashes.length) {
      const hashes = new Int32Array(number * 2);
      hashes.set(this.#hashes);
      this.#hashes = hashes;
    }
    this.#texts.push(level);
    this.#hashes[number] = hash;
    this.#place(number);
    return number;
  }

  #place(number: number): void {
    let slot = mixHash(this.#hashes[number]!, 0) & this.#mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = number + 1;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    this.#mask = this.#slots.length - 1;
    for (let number = 0; number < this.#texts.length; number++) this.#place(number);
  }
}

function sameText(known: string, text: string, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let at = 0; at < known.length; at++) {
    if (known.charCodeAt(at) !== text.charCodeAt(start + at)) return false;
  }
  return true;
}
