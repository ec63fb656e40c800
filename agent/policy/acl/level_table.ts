import { mixHash } from "./int_vector.ts";
import { type PackedTexts, TextList } from "./text_list.ts";

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

/** Of a slot: number of the text + 1, 0 where it is free; its hash; where its units begin, and how many they are. */
const SLOT_SIZE = 4;
const HASH = 1;
const FIRST = 2;
const LENGTH = 3;

/** What a {@link LevelTable} holds, as another thread can be given it. */
export interface PackedLevels {
  readonly texts: PackedTexts;
  readonly slots: Int32Array;
}

/**
 * Numbers for the texts of levels: each distinct literal level of all rules once. Also for other texts that are looked
 * up, since it holds a hundred thousand of them without a JavaScript value for any.
 */
export class LevelTable {
  #texts = new TextList();
  /** Open addressing, at most half full. What a look-up needs is side by side, in one cache line. */
  #slots: Int32Array = new Int32Array(128 * SLOT_SIZE);
  #shift = 25;

  /**
   * The number of the level `text[start, end)` whose hash is given, or `UNKNOWN`. Verified unit by unit; allocates
   * nothing.
   */
  find(text: string, start: number, end: number, hash: number): number {
    const slots = this.#slots;
    for (let at = (mixHash(0, hash) >>> this.#shift) * SLOT_SIZE;; at += SLOT_SIZE) {
      if (at === slots.length) at = 0;
      const number = slots[at]! - 1;
      if (number < 0) return UNKNOWN;
      if (slots[at + HASH] !== hash || slots[at + LENGTH] !== end - start) continue;
      if (this.#isText(slots[at + FIRST]!, text, start, end)) return number;
    }
  }

  /** The number of the level `text[start, end)`, a new one if need be. */
  intern(text: string, start: number, end: number): number {
    let hash = EMPTY_LEVEL_HASH;
    for (let at = start; at < end; at++) hash = hashUnit(hash, text.charCodeAt(at));
    const known = this.find(text, start, end, hash);
    if (known !== UNKNOWN) return known;
    if ((this.count + 1) * 2 * SLOT_SIZE > this.#slots.length) this.#grow();
    const number = this.count;
    this.#texts.add(text, start, end);
    this.#place(number, hash, this.#texts.startOf(number), end - start);
    return number;
  }

  /** How many texts there are: their numbers are 0 and above, in the order in which they came. */
  get count(): number {
    return this.#texts.count;
  }

  /** The number of a text, or `UNKNOWN`. */
  findText(text: string): number {
    let hash = EMPTY_LEVEL_HASH;
    for (let at = 0; at < text.length; at++) hash = hashUnit(hash, text.charCodeAt(at));
    return this.find(text, 0, text.length, hash);
  }

  /** The number of a text, a new one if need be. */
  internText(text: string): number {
    return this.intern(text, 0, text.length);
  }

  /** The text of this number. O(length). */
  textOf(number: number): string {
    return this.#texts.at(number);
  }

  pack(): PackedLevels {
    return { texts: this.#texts.pack(), slots: this.#slots.slice() };
  }

  /** What was packed, taken over: nothing can be added any more. */
  static unpack({ texts, slots }: PackedLevels): LevelTable {
    const table = new LevelTable();
    table.#texts = TextList.unpack(texts);
    table.#slots = slots;
    table.#shift = 32 - Math.log2(slots.length / SLOT_SIZE);
    return table;
  }

  #isText(first: number, text: string, start: number, end: number): boolean {
    const { units } = this.#texts;
    const shift = first - start;
    for (let at = start; at < end; at++) {
      if (units[at + shift] !== text.charCodeAt(at)) return false;
    }
    return true;
  }

  #place(number: number, hash: number, first: number, length: number): void {
    const slots = this.#slots;
    let at = (mixHash(0, hash) >>> this.#shift) * SLOT_SIZE;
    while (slots[at] !== 0) {
      at += SLOT_SIZE;
      if (at === slots.length) at = 0;
    }
    slots[at] = number + 1;
    slots[at + HASH] = hash;
    slots[at + FIRST] = first;
    slots[at + LENGTH] = length;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    this.#shift--;
    for (let at = 0; at < old.length; at += SLOT_SIZE) {
      if (old[at] !== 0) this.#place(old[at]! - 1, old[at + HASH]!, old[at + FIRST]!, old[at + LENGTH]!);
    }
  }
}
