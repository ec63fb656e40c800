import { IntVector, mixHash } from "./int_vector.ts";

/**
 * How a level is written inside the tables: 0 and above is a literal known to the rules, by its number in the {@link
 * LevelTable}; `UNKNOWN` a literal that no rule names, so that only wildcards and placeholders can match it; `PLUS` the
 * wildcard; from `templateLabel(0)` downwards the levels with placeholders.
 */
export const UNKNOWN = -1;
export const PLUS = -2;

/** Label of the template with this number; its own inverse. */
export function templateLabel(template: number): number {
  return -3 - template;
}

/** Before the first unit of a level. */
export const EMPTY_LEVEL_HASH = 17;

/**
 * Hash of a level by its UTF-16 units: cheap, and as good as it needs to be, since every hit is verified and clients
 * can not put anything into the tables, so that collisions are the operator's alone.
 */
export function hashUnit(hash: number, unit: number): number {
  return ((hash << 5) - hash + unit) | 0;
}

/** Numbers for the texts of levels: each distinct literal level of all rules once. */
export class LevelTable {
  /** All texts, one after the other, as UTF-16 units: comparing with them is twice as fast as with strings. */
  #units = new Uint16Array(1024);
  /** Where each text begins; one more than there are texts. */
  readonly #starts = new IntVector(64);
  readonly #hashes = new IntVector(64);
  /** Number + 1 of the text, 0 where free; at most half full. */
  #slots = new Int32Array(128);
  #shift = 25;

  constructor() {
    this.#starts.push(0);
  }

  /**
   * The number of the level `text[start, end)` whose hash is given, or `UNKNOWN`. Verified unit by unit; allocates
   * nothing.
   */
  find(text: string, start: number, end: number, hash: number): number {
    const slots = this.#slots;
    const hashes = this.#hashes.data;
    for (let slot = mixHash(0, hash) >>> this.#shift;; slot = slot + 1 & slots.length - 1) {
      const number = slots[slot]! - 1;
      if (number < 0) return UNKNOWN;
      if (hashes[number] === hash && this.#isText(number, text, start, end)) return number;
    }
  }

  /** The number of the level, a new one if need be. */
  intern(text: string, start: number, end: number): number {
    let hash = EMPTY_LEVEL_HASH;
    for (let at = start; at < end; at++) hash = hashUnit(hash, text.charCodeAt(at));
    const known = this.find(text, start, end, hash);
    if (known !== UNKNOWN) return known;
    const number = this.#hashes.length;
    if ((number + 1) * 2 > this.#slots.length) this.#grow();
    this.#keep(text, start, end);
    this.#hashes.push(hash);
    this.#place(number);
    return number;
  }

  #isText(number: number, text: string, start: number, end: number): boolean {
    const units = this.#units;
    const starts = this.#starts.data;
    const first = starts[number]!;
    if (starts[number + 1]! - first !== end - start) return false;
    const shift = first - start;
    for (let at = start; at < end; at++) {
      if (units[at + shift] !== text.charCodeAt(at)) return false;
    }
    return true;
  }

  #keep(text: string, start: number, end: number): void {
    const first = this.#starts.data[this.#starts.length - 1]!;
    const last = first + end - start;
    if (last > this.#units.length) {
      const grown = new Uint16Array(Math.max(last, this.#units.length * 2));
      grown.set(this.#units);
      this.#units = grown;
    }
    for (let at = start; at < end; at++) this.#units[first + at - start] = text.charCodeAt(at);
    this.#starts.push(last);
  }

  #place(number: number): void {
    const slots = this.#slots;
    let slot = mixHash(0, this.#hashes.data[number]!) >>> this.#shift;
    while (slots[slot] !== 0) slot = slot + 1 & slots.length - 1;
    slots[slot] = number + 1;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    this.#shift--;
    for (let number = 0; number < this.#hashes.length; number++) this.#place(number);
  }
}
