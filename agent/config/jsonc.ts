/**
 * JSON with comments and trailing commas (JSONC), read once and strictly.
 *
 * Why not jsonc-parser: its npm package is CommonJS and costs Deno 13 to 40 ms to import, while loading may take 25 ms
 * in all; it takes a third longer for 100,000 rules (20 MB: 650 against 480 ms); it silently takes the last of two equal
 * keys. `jsonc_test.ts` holds this parser against it.
 */
import { finished, type Steps } from "./steps.ts";

/** A place whose offset is looked for while the text is read. */
export interface Wanted {
  /** Offset of the key that leads here. */
  key?: number;
  /** Offset of the first character of the value. */
  value?: number;
  readonly children: Map<string | number, Wanted>;
}

export interface SyntaxFault {
  readonly offset: number;
  /** Never quotes the text: it might be a secret without its quotes. */
  readonly text: string;
}

export interface DuplicateKey {
  /** Of the second one. */
  readonly offset: number;
  /** Keys and places that lead to it, itself included. */
  readonly path: readonly (string | number)[];
}

export type JsoncResult =
  | { readonly value: unknown; readonly duplicates: readonly DuplicateKey[] }
  | { readonly fault: SyntaxFault };

/** Characters read in one step: half a millisecond, ten times that before the code is compiled. */
const STEP_CHARACTERS = 16_384;

/** So much of a text in pieces is there before the next key or element is begun; what is longer is read from the whole. */
const CHARACTERS_AHEAD = 65_536;

/** Deeper nesting has no use in a configuration and would end as a stack overflow. */
const MAX_DEPTH = 100;
/** As many duplicates are told apart; who has more has a generated file. */
const MAX_DUPLICATES = 100;

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /[A-Za-z0-9_$.+-]+/y;

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const ASTERISK = 0x2a;
const COMMA = 0x2c;
const MINUS = 0x2d;
const SLASH = 0x2f;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const BYTE_ORDER_MARK = 0xfeff;

/** What may stand behind a number; anything else is for the slow way to judge. */
const ENDS_NUMBER: ReadonlySet<number> = new Set([
  COMMA,
  CLOSE_BRACKET,
  CLOSE_BRACE,
  SPACE,
  LINE_FEED,
  CARRIAGE_RETURN,
]);

/** A text, or the pieces of one. */
export type TextPieces = string | readonly string[];

/** Members of an object of very many, which as properties would cost 10 ms at a time to make room for and to list. */
export class ListedMembers {
  readonly names: string[] = [];
  readonly values: unknown[] = [];
  readonly #seen = new Set<string>();

  has(name: string): boolean {
    return this.#seen.has(name);
  }

  add(name: string, value: unknown): void {
    this.#seen.add(name);
    this.names.push(name);
    this.values.push(value);
  }
}

export interface JsoncOptions {
  /** Offsets of the places in it are noted. */
  readonly wanted?: Wanted | null;
  /** A key of the outermost object: an object under it is read as `ListedMembers`. */
  readonly listed?: string | null;
  /** JSON as it is: comments, commas before an end and a byte order mark are faults. */
  readonly isStrict?: boolean;
}

/**
 * Reads a text. Objects have their keys as own properties, `__proto__` too. With `wanted`, the offsets of the places in
 * it are noted; offsets count UTF-16 code units, a byte order mark included.
 */
export function parseJsonc(text: string, wanted: Wanted | null = null): JsoncResult {
  return finished(parseJsoncSteps(text, { wanted }));
}

/** As {@link parseJsonc}, in steps of some `STEP_CHARACTERS`. */
export function* parseJsoncSteps(text: TextPieces, options: JsoncOptions = {}): Steps<JsoncResult> {
  const [first = "", ...further] = typeof text === "string" ? [text] : text;
  const parser = new Parser(first, further, options);
  try {
    for (let until = STEP_CHARACTERS; !parser.readUntil(until); until += STEP_CHARACTERS) yield;
    if (!parser.isAtEnd) return yield* parseJsoncSteps(first + further.join(""), options);
    return { value: parser.value, duplicates: parser.duplicates };
  } catch (error) {
    if (!(error instanceof Halt)) throw error;
    // What is wrong may be that something goes on in the next piece, a long comment perhaps.
    if (!parser.isAtEnd) return yield* parseJsoncSteps(first + further.join(""), options);
    return { fault: { offset: error.offset, text: error.message } };
  }
}

class Halt extends Error {
  constructor(readonly offset: number, message: string) {
    super(message);
  }
}

/** A list or an object that has begun and not ended. */
interface Open {
  readonly list: unknown[] | null;
  readonly object: Record<string, unknown> | null;
  /** In the place of `object`. */
  readonly listed: ListedMembers | null;
  readonly wanted: Wanted | null;
  /** Of an object: the key whose value is read. */
  key: string;
}

/** What comes next: a value, or else a key or element of what is open, or its end. */
type Next = "value" | "entry";

/** Why no recursion: what is open stands in a list, so that reading can be left anywhere and gone on with. */
class Parser {
  readonly duplicates: DuplicateKey[] = [];
  value: unknown = undefined;
  #text: string;
  /** Where `#text` begins in the whole. */
  #base = 0;
  readonly #further: readonly string[];
  #nextPiece = 0;
  readonly #listed: string | null;
  readonly #isStrict: boolean;
  /** A comma is all that has come since the last key or element. */
  #isBehindComma = false;
  readonly #open: Open[] = [];
  #next: Next = "value";
  /** Where the value that comes next is noted. */
  #wanted: Wanted | null;
  #at = 0;

  constructor(
    first: string,
    further: readonly string[],
    { wanted = null, listed = null, isStrict = false }: JsoncOptions,
  ) {
    this.#text = first;
    this.#further = further;
    this.#wanted = wanted;
    this.#listed = listed;
    this.#isStrict = isStrict;
    if (!isStrict && first.charCodeAt(0) === BYTE_ORDER_MARK) this.#at = 1;
  }

  /** Whether the last piece is being read, so that what is wrong is really wrong. */
  get isAtEnd(): boolean {
    return this.#nextPiece === this.#further.length;
  }

  /** Reads on to the first value or key behind that offset; true if the text has been read. */
  readUntil(offset: number): boolean {
    for (;;) {
      if (this.#next === "entry") {
        if (this.#text.length - this.#at < CHARACTERS_AHEAD && !this.isAtEnd) this.#takePiece();
        if (this.#base + this.#at >= offset) return false;
        const open = this.#open[this.#open.length - 1] as Open;
        if (open.list === null ? this.#beginKey(open) : this.#beginElement(open.list, open)) continue;
        if (this.#close()) return true;
        continue;
      }
      const value = this.#beginValue();
      if (value === OPENED) continue;
      if (this.#put(value)) return true;
    }
  }

  get #needsEntry(): boolean {
    return this.#isStrict && this.#isBehindComma;
  }

  #takePiece(): void {
    this.#text = this.#text.slice(this.#at) + (this.#further[this.#nextPiece++] ?? "");
    this.#base += this.#at;
    this.#at = 0;
  }

  /** Why a getter of errors and not a method that throws: the compiler then sees that nothing comes after. */
  #halt(text: string, offset = this.#at): Halt {
    return new Halt(this.#base + offset, offset >= this.#text.length ? `${text}, found the end of the file` : text);
  }

  /** A value that holds no others, or `OPENED`. */
  #beginValue(): unknown {
    this.#skipBlank();
    const offset = this.#at;
    if (this.#wanted !== null) this.#wanted.value = this.#base + offset;
    const code = this.#text.charCodeAt(offset);
    if (code === QUOTE) return this.#string();
    if (code === OPEN_BRACE || code === OPEN_BRACKET) return this.#enter(code === OPEN_BRACKET);
    if (code === MINUS || (code >= ZERO && code <= NINE)) return this.#number();
    if (this.#word("true")) return true;
    if (this.#word("false")) return false;
    if (this.#word("null")) return null;
    throw this.#halt("expected a value");
  }

  #enter(isList: boolean): typeof OPENED {
    if (this.#open.length === MAX_DEPTH) throw this.#halt(`nested deeper than ${MAX_DEPTH} levels`);
    this.#at++;
    const isListed = !isList && this.#open.length === 1 && this.#open[0]?.key === this.#listed;
    this.#open.push({
      list: isList ? [] : null,
      object: isList || isListed ? null : {},
      listed: isListed ? new ListedMembers() : null,
      wanted: this.#wanted,
      key: "",
    });
    this.#next = "entry";
    this.#isBehindComma = false;
    return OPENED;
  }

  /** False where the list ends instead. */
  #beginElement(list: readonly unknown[], { wanted }: Open): boolean {
    this.#skipBlank();
    if (this.#text.charCodeAt(this.#at) === CLOSE_BRACKET && !this.#needsEntry) return false;
    this.#wanted = wanted === null ? null : wanted.children.get(list.length) ?? null;
    this.#next = "value";
    return true;
  }

  /** False where the object ends instead. */
  #beginKey(open: Open): boolean {
    this.#skipBlank();
    const offset = this.#at;
    const code = this.#text.charCodeAt(offset);
    if (code === CLOSE_BRACE && !this.#needsEntry) return false;
    if (code !== QUOTE) throw this.#halt(`expected a key in double quotes or "}"`);
    const key = this.#string();
    open.key = key;
    const isTwice = open.listed === null ? Object.hasOwn(open.object as object, key) : open.listed.has(key);
    if (isTwice && this.duplicates.length < MAX_DUPLICATES) {
      this.duplicates.push({
        offset: this.#base + offset,
        path: this.#open.map(({ list, key }) => list === null ? key : list.length),
      });
    }
    const child = open.wanted === null ? null : open.wanted.children.get(key) ?? null;
    if (child !== null) child.key = this.#base + offset;
    this.#wanted = child;
    this.#skipBlank();
    if (this.#text.charCodeAt(this.#at) !== COLON) throw this.#halt(`expected ":"`);
    this.#at++;
    this.#next = "value";
    return true;
  }

  /** What is open innermost ends here; true if the text has been read with it. */
  #close(): boolean {
    this.#at++;
    const { list, object, listed } = this.#open.pop() as Open;
    return this.#put(list ?? object ?? listed);
  }

  /** A whole value, to where it belongs; true if it was the text's. */
  #put(value: unknown): boolean {
    const open = this.#open[this.#open.length - 1];
    if (open === undefined) {
      this.value = value;
      this.#skipBlank();
      if (this.#at < this.#text.length) throw this.#halt("expected the end of the file");
      return true;
    }
    const { list, object, listed, key } = open;
    if (list !== null) list.push(value);
    else if (listed !== null) listed.add(key, value);
    else if (key === "__proto__") define(object as object, key, value);
    else (object as Record<string, unknown>)[key] = value;
    this.#next = "entry";
    this.#skipBlank();
    const code = this.#text.charCodeAt(this.#at);
    this.#isBehindComma = code === COMMA;
    if (code === COMMA) this.#at++;
    else if (code !== (list === null ? CLOSE_BRACE : CLOSE_BRACKET)) {
      throw this.#halt(list === null ? `expected "," or "}"` : `expected "," or "]"`);
    }
    return false;
  }

  #word(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    WORD.lastIndex = this.#at;
    WORD.test(this.#text);
    if (WORD.lastIndex !== this.#at + word.length) return false;
    this.#at += word.length;
    return true;
  }

  #number(): number {
    const start = this.#at;
    const digit = this.#text.charCodeAt(start) - ZERO;
    if (digit >= 0 && digit <= 9 && ENDS_NUMBER.has(this.#text.charCodeAt(start + 1))) {
      this.#at++;
      return digit;
    }
    NUMBER.lastIndex = start;
    const end = NUMBER.test(this.#text) ? NUMBER.lastIndex : start;
    WORD.lastIndex = start;
    WORD.test(this.#text);
    if (end === start || WORD.lastIndex !== end) throw this.#halt("expected a number as JSON writes it");
    this.#at = end;
    const value = Number(this.#text.slice(start, end));
    if (!Number.isFinite(value)) throw this.#halt("the number is too large", start);
    return value;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at;
    let escaped = false;
    let at = start + 1;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) break;
      if (code === BACKSLASH) {
        escaped = true;
        at++;
      } else if (code < SPACE) {
        if (code === LINE_FEED || code === CARRIAGE_RETURN) throw this.#halt(UNTERMINATED, start);
        throw this.#halt("a control character in a text must be written as an escape", at);
      } else if (Number.isNaN(code)) throw new Halt(this.#base + start, UNTERMINATED);
      at++;
    }
    this.#at = at + 1;
    if (!escaped) return text.slice(start + 1, at);
    try {
      return JSON.parse(text.slice(start, at + 1));
    } catch {
      throw this.#halt("the text holds an escape that JSON does not know", start);
    }
  }

  /** White space and comments. */
  #skipBlank(): void {
    const text = this.#text;
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (code === SPACE || code === LINE_FEED || code === CARRIAGE_RETURN || code === TAB) this.#at++;
      else if (code === SLASH && !this.#isStrict) this.#skipComment();
      else return;
    }
  }

  #skipComment(): void {
    const text = this.#text;
    const start = this.#at;
    const code = text.charCodeAt(start + 1);
    if (code === SLASH) {
      while (this.#at < text.length && !isLineBreak(text.charCodeAt(this.#at))) this.#at++;
    } else if (code === ASTERISK) {
      const end = text.indexOf("*/", start + 2);
      if (end < 0) throw new Halt(this.#base + start, "the comment does not end");
      this.#at = end + 2;
    } else throw this.#halt("expected a value or a comment");
  }
}

/** Stands for a value whose end is not read yet. */
const OPENED = Symbol("opened");

const UNTERMINATED = "the text does not end on its line";

function isLineBreak(code: number): boolean {
  return code === LINE_FEED || code === CARRIAGE_RETURN;
}

/**
 * Sets an own property whatever its name. Assigning `__proto__` would replace the prototype instead wherever
 * Object.prototype has its accessor, which Deno takes away unless it is started with `--unstable-unsafe-proto`.
 */
export function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}
