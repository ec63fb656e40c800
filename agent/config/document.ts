import {
  type DuplicateKey,
  type JsoncResult,
  parseJsoncSteps,
  type SyntaxFault,
  type TextPieces,
  type Wanted,
} from "./jsonc.ts";
import type { Path, Place } from "./problem.ts";
import { quoteWhole } from "./quote.ts";
import { finished, type Steps } from "./steps.ts";

/** Where in a source a place is looked for: its path as it is written there, and whether its key or its value is meant. */
export interface Spot {
  readonly raw: Path;
  readonly of: "key" | "value";
}

/** One source of configuration: a file with its text, or a value without one. */
export class ConfigDocument {
  readonly source: string;
  readonly file: string | null;
  readonly value: unknown;
  readonly fault: SyntaxFault | null = null;
  readonly duplicates: readonly DuplicateKey[] = [];
  readonly #text: TextPieces | null;
  #lineStarts: readonly number[] | null = null;

  private constructor(
    source: string,
    file: { readonly path: string; readonly text: TextPieces } | null,
    parsed: JsoncResult,
  ) {
    this.source = source;
    this.file = file?.path ?? null;
    this.#text = file?.text ?? null;
    if ("fault" in parsed) {
      this.fault = parsed.fault;
      this.value = undefined;
    } else {
      this.value = parsed.value;
      this.duplicates = parsed.duplicates;
    }
  }

  static ofText(path: string, text: string): ConfigDocument {
    return finished(ConfigDocument.ofTextSteps(path, text));
  }

  /** `listed`: a key of the outermost object, as of `parseJsoncSteps`. */
  static *ofTextSteps(path: string, text: TextPieces, listed: string | null = null): Steps<ConfigDocument> {
    return new ConfigDocument(quoteWhole(path), { path, text }, yield* parseJsoncSteps(text, { listed }));
  }

  static ofValue(source: string, value: unknown): ConfigDocument {
    return new ConfigDocument(source, null, { value, duplicates: [] });
  }

  placeAt(offset: number): Place {
    if (this.file === null) return { source: this.source };
    const starts = this.#lineStarts ??= finished(lineStarts(wholeOf(this.#text ?? "")));
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { source: this.source, file: this.file, line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  }

  /** The places of all spots, by one more reading of the text: positions are not kept, since most files have no fault. */
  places(spots: readonly Spot[]): Place[] {
    return finished(this.placesSteps(spots));
  }

  *placesSteps(spots: readonly Spot[]): Steps<Place[]> {
    if (this.#text === null || this.file === null || spots.length === 0) {
      return spots.map(() => ({ source: this.source, ...(this.file === null ? {} : { file: this.file }) }));
    }
    const root: Wanted = { children: new Map() };
    for (const { raw } of spots) {
      let node = root;
      for (const part of raw) {
        let child = node.children.get(part);
        if (child === undefined) node.children.set(part, child = { children: new Map() });
        node = child;
      }
    }
    yield* parseJsoncSteps(this.#text, { wanted: root });
    this.#lineStarts ??= yield* lineStarts(wholeOf(this.#text));
    return spots.map((spot) => this.placeAt(offsetOf(root, spot)));
  }
}

/** The offset of a spot, or of the innermost thing around it that is written down. */
function offsetOf(root: Wanted, { raw, of }: Spot): number {
  let offset = root.value ?? 0;
  let node = root;
  for (let depth = 0; depth < raw.length; depth++) {
    const child = node.children.get(raw[depth] ?? 0);
    const value = child?.value;
    if (child === undefined || value === undefined) return node.key ?? offset;
    const last = depth === raw.length - 1;
    offset = last && of === "key" ? child.key ?? value : value;
    node = child;
  }
  return offset;
}

function wholeOf(text: TextPieces): string {
  return typeof text === "string" ? text : text.join("");
}

/** Characters looked at in one step: 0.2 ms. */
const STEP_CHARACTERS = 65_536;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Offsets at which lines begin. LF, CR and CRLF end a line, as editors count; a byte order mark is in no column. */
function* lineStarts(text: string): Steps<number[]> {
  const starts = [text.charCodeAt(0) === 0xfeff ? 1 : 0];
  for (let from = 0; from < text.length; from += STEP_CHARACTERS) {
    const to = Math.min(from + STEP_CHARACTERS, text.length);
    for (let at = from; at < to; at++) {
      const code = text.charCodeAt(at);
      if (code === LINE_FEED || (code === CARRIAGE_RETURN && text.charCodeAt(at + 1) !== LINE_FEED)) {
        starts.push(at + 1);
      }
    }
    yield;
  }
  return starts;
}
