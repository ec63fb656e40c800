import { IntVector } from "./int_vector.ts";
import { textOfUnits } from "./level_table.ts";

/** What a {@link TextList} holds, as another thread can be given it. */
export interface PackedTexts {
  readonly units: Uint16Array;
  readonly ends: Int32Array;
}

/** Texts by number, without a JavaScript value for each. */
export class TextList {
  #units: Uint16Array = new Uint16Array(1024);
  #unitCount = 0;
  /** Of each text the end of its units. They begin where those of the text before end. */
  #ends = new IntVector(64);

  get count(): number {
    return this.#ends.length;
  }

  /** Adds a text behind the others. */
  add(text: string): void {
    const needed = this.#unitCount + text.length;
    if (needed > this.#units.length) {
      const grown = new Uint16Array(Math.max(needed, this.#units.length * 2));
      grown.set(this.#units);
      this.#units = grown;
    }
    for (let at = 0; at < text.length; at++) this.#units[this.#unitCount++] = text.charCodeAt(at);
    this.#ends.push(this.#unitCount);
  }

  /** O(length). */
  at(number: number): string {
    const from = number === 0 ? 0 : this.#ends.data[number - 1]!;
    return textOfUnits(this.#units, from, this.#ends.data[number]!);
  }

  pack(): PackedTexts {
    return { units: this.#units.slice(0, this.#unitCount), ends: this.#ends.packed() };
  }

  /** What was packed, taken over. */
  static unpack({ units, ends }: PackedTexts): TextList {
    const list = new TextList();
    list.#units = units;
    list.#unitCount = units.length;
    list.#ends = IntVector.of(ends);
    return list;
  }
}
