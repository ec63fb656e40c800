import { IntVector } from "./int_vector.ts";

/** What a {@link TextList} holds, as another thread can be given it. */
export interface PackedTexts {
  readonly units: Uint16Array;
  readonly ends: Int32Array;
}

/** `String.fromCharCode` takes so many at once. */
const UNITS_AT_ONCE = 4096;

/** Texts by number, without a JavaScript value for each. */
export class TextList {
  /** All texts, one after the other, as UTF-16 units: comparing with them is twice as fast as with strings. */
  units: Uint16Array = new Uint16Array(1024);
  #unitCount = 0;
  /** Of each text the end of its units. They begin where those of the text before end. */
  #ends = new IntVector(64);

  get count(): number {
    return this.#ends.length;
  }

  /** Adds the text `text[start, end)` behind the others. */
  add(text: string, start = 0, end = text.length): void {
    const needed = this.#unitCount + end - start;
    if (needed > this.units.length) {
      const grown = new Uint16Array(Math.max(needed, this.units.length * 2));
      grown.set(this.units);
      this.units = grown;
    }
    for (let at = start; at < end; at++) this.units[this.#unitCount++] = text.charCodeAt(at);
    this.#ends.push(this.#unitCount);
  }

  /** Where the units of this text begin. */
  startOf(number: number): number {
    return number === 0 ? 0 : this.#ends.data[number - 1]!;
  }

  /** O(length). */
  at(number: number): string {
    const to = this.#ends.data[number]!;
    let text = "";
    for (let from = this.startOf(number); from < to; from += UNITS_AT_ONCE) {
      text += String.fromCharCode(...this.units.subarray(from, Math.min(to, from + UNITS_AT_ONCE)));
    }
    return text;
  }

  pack(): PackedTexts {
    return { units: this.units.slice(0, this.#unitCount), ends: this.#ends.packed() };
  }

  /** What was packed, taken over. */
  static unpack({ units, ends }: PackedTexts): TextList {
    const list = new TextList();
    list.units = units;
    list.#unitCount = units.length;
    list.#ends = IntVector.of(ends);
    return list;
  }
}
