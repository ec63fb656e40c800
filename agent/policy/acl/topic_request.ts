import { EMPTY_LEVEL_HASH, hashUnit, type LevelTable, PLUS } from "./level_table.ts";

const SLASH = 47;
const PLUS_SIGN = 43;
const HASH_SIGN = 35;
const DOLLAR = 36;

/**
 * One topic name or filter, cut into levels and each level looked up once, however many rules are then asked. One
 * object per snapshot, filled again for each decision. Levels deeper than any rule are not kept: `count` stops one
 * level after the deepest rule, which no rule but one that ends in `#` can match.
 */
export class TopicRequest {
  text = "";
  /** Where the topic begins in `text`, what was unwrapped being before it. */
  from = 0;
  /** Labels of the levels: see `level_table.ts`. */
  readonly ids: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Levels before a final `#`. */
  count = 0;
  /** It ends in `#`. `#` and `/#` are then read as `+/#` and `/+/#`, which are the same sets since no name is empty. */
  open = false;
  /** A filter with `+` or `#`: a set of names, not one name. */
  wildcard = false;
  /** It begins with `$`. */
  dollar = false;
  /** What is left of the work that one decision may cause. */
  stepsLeft = 0;

  readonly #levels: LevelTable;
  readonly #limit: number;

  /** `deepest`: levels of the deepest rule. */
  constructor(readonly levels: LevelTable, readonly deepest: number) {
    this.#levels = levels;
    this.#limit = deepest + 1;
    this.ids = new Int32Array(this.#limit + 2);
    this.starts = new Int32Array(this.#limit + 2);
    this.ends = new Int32Array(this.#limit + 2);
  }

  /**
   * Reads the topic name `text[from…]`. False if it is empty, or has a wildcard and `strict`; else a wildcard in it is
   * text. O(length), allocates nothing.
   */
  readName(text: string, from: number, strict: boolean): boolean {
    const limit = this.#limit;
    const length = text.length;
    let count = 0;
    for (let start = from; start <= length; start++) {
      let hash = EMPTY_LEVEL_HASH;
      let at = start;
      for (; at < length; at++) {
        const unit = text.charCodeAt(at);
        // One comparison for most units: all that are looked for are at or below "/".
        if (unit <= SLASH) {
          if (unit === SLASH) break;
          // [MQTT-3.3.2-2] The decoder refuses it as well; here it covers topics that come another way, such as a
          // response topic.
          if (strict && (unit === PLUS_SIGN || unit === HASH_SIGN)) return false;
        }
        hash = hashUnit(hash, unit);
      }
      if (count < limit) {
        this.ids[count] = this.#levels.find(text, start, at, hash);
        this.starts[count] = start;
        this.ends[count] = at;
        count++;
      }
      start = at;
    }
    this.#begin(text, from, count);
    return from < length;
  }

  /** Reads the topic filter `text[from…]`. False if it is none. O(length), allocates nothing. */
  readFilter(text: string, from: number): boolean {
    const { ids, starts, ends } = this;
    const limit = this.#limit;
    let count = 0;
    let start = from;
    let hash = EMPTY_LEVEL_HASH;
    let wild = 0;
    let wildcard = false;
    let open = false;
    for (let at = from; at <= text.length; at++) {
      const unit = at < text.length ? text.charCodeAt(at) : SLASH;
      if (unit !== SLASH) {
        if (unit === PLUS_SIGN || unit === HASH_SIGN) wild = unit;
        hash = hashUnit(hash, unit);
        continue;
      }
      if (wild !== 0) {
        if (at - start !== 1) return false;
        wildcard = true;
        if (wild === HASH_SIGN) {
          if (at < text.length) return false;
          open = true;
          break;
        }
      }
      if (count < limit) {
        ids[count] = wild !== 0 ? PLUS : this.#levels.find(text, start, at, hash);
        starts[count] = start;
        ends[count] = at;
        count++;
      }
      start = at + 1;
      hash = EMPTY_LEVEL_HASH;
      wild = 0;
    }
    if (open && (count === 0 || (count === 1 && ends[0] === from))) ids[count++] = PLUS;
    this.#begin(text, from, count);
    this.open = open;
    this.wildcard = wildcard;
    return from < text.length;
  }

  #begin(text: string, from: number, count: number): void {
    this.text = text;
    this.from = from;
    this.count = count;
    this.open = false;
    this.wildcard = false;
    this.dollar = text.charCodeAt(from) === DOLLAR;
  }
}
