import { EMPTY_WORD, findWord, lower, WORD_CLASS } from "./keywords.ts";

/**
 * Kinds of token. A punctuation character is its own kind, by its ASCII code; `BOUND` is where a text begins or ends:
 * the view's own, that of one string of several in it, and the quotes of a JSON document.
 */
export const BOUND = 0, WORD = 2, NUMBER = 3;

/** Flags of a token: white space before it; a line break in it; a word all in capitals. */
export const SPACED = 1, LINE = 2, CAPS = 4;
/** Of a quote: the number of its kind before it, in this line and since the last quote of another kind, is even. */
export const BREAKING = 8;
/** Inside of an HTML tag, as a browser reads it. */
export const IN_TAG = 16;

/** Stands between texts that are searched together. No UTF-8 text has it, and a client that sends it only adds bounds. */
export const BOUNDARY = 0xff;

/** Tokens that a pattern may look at, behind and ahead of the one that it was called for. */
export const REACH = 64;
/** Bounds between stretches of a text that do not follow each other: more than a pattern looks over. */
const APART = 8;
const BLOCK = 4096;

const SPACE = 0, LETTER = 1, DIGIT = 2, PUNCTUATION = 3, HIGH = 4, NEWLINE = 5, BOUNDARY_BYTE = 6;
const BYTE_CLASS = byteClasses();
/** A byte of a word as it is hashed: letters small, digits and `_` as they are; OF_UTF8; 0 for all others. */
const OF_UTF8 = 0xff;
const WORD_BYTE = wordBytes();

/**
 * The text of one view, cut into tokens: one pass, a block of them at a time, so that memory does not grow with the
 * text. Patterns see the arrays directly. Each token's `kind`, `word` (its number in keywords.ts, or 0), `bits` (what
 * the word can be), `flags` and place in `bytes`. Before the first and after the last token there are `REACH` bounds.
 */
export class Tokens {
  bytes: Uint8Array = new Uint8Array(0);
  readonly kind = new Uint8Array(BLOCK + 3 * REACH);
  readonly word = new Uint16Array(BLOCK + 3 * REACH);
  readonly bits = new Int32Array(BLOCK + 3 * REACH);
  readonly flags = new Uint8Array(BLOCK + 3 * REACH);
  readonly start = new Int32Array(BLOCK + 3 * REACH);
  readonly end = new Int32Array(BLOCK + 3 * REACH);
  /** The tokens of this block that patterns are called for: `[first, last)`. */
  first = 0;
  last = 0;
  /** Tokens that patterns have looked at beyond the one they were called for: what tests of linearity count. */
  looks = 0;

  #count = 0;
  #at = 0;
  #end = 0;
  #done = true;
  #quotesBound = false;
  #hasBounds = false;
  #single = 0;
  #double = 0;
  #tick = 0;
  #tag = false;
  #tagQuote = 0;
  #isJson = false;
  /** The stretches of the text, and how many of them were begun. */
  #starts: Int32Array = new Int32Array(1);
  #ends: Int32Array = new Int32Array(1);
  #stretches = 0;
  #begun = 0;

  /** Begins with `bytes[start, end)`. `hasBounds`: 0xff parts texts in it, rather than being a byte that a client sent. */
  open(bytes: Uint8Array, start: number, end: number, hasBounds: boolean): void {
    this.#oneStart[0] = start;
    this.#oneEnd[0] = end;
    this.openStretches(bytes, this.#oneStart, this.#oneEnd, 1, hasBounds, isJsonText(bytes, start, end));
  }
  readonly #oneStart = new Int32Array(1);
  readonly #oneEnd = new Int32Array(1);

  /**
   * Begins with the first `count` of the stretches `[starts, ends)` of `bytes`, at least one, in order; what stands between
   * them is left out. `isJson`: they are of a JSON document, whose quotes part its texts.
   */
  openStretches(
    bytes: Uint8Array,
    starts: Int32Array,
    ends: Int32Array,
    count: number,
    hasBounds: boolean,
    isJson: boolean,
  ): void {
    this.bytes = bytes;
    this.#starts = starts;
    this.#ends = ends;
    this.#stretches = count;
    this.#begun = 0;
    this.#done = false;
    this.#count = 0;
    this.first = this.last = 0;
    this.#hasBounds = hasBounds;
    this.#isJson = isJson;
    this.#pushBounds(starts[0] as number, REACH);
    this.#begin();
    this.last = this.#count;
  }

  #begin(): void {
    this.#at = this.#starts[this.#begun] as number;
    this.#end = this.#ends[this.#begun] as number;
    this.#quotesBound = this.#isJson || (this.#begun > 0 && isJsonText(this.bytes, this.#at, this.#end));
    this.#begun++;
    this.#resetState();
  }

  /** Makes the next block; false when the text is at its end. */
  next(): boolean {
    if (this.#done) return false;
    // What patterns may look back at, and what they were not called for yet, moves to the front.
    const keepFrom = Math.max(0, this.last - REACH);
    if (keepFrom > 0) {
      this.kind.copyWithin(0, keepFrom, this.#count);
      this.word.copyWithin(0, keepFrom, this.#count);
      this.bits.copyWithin(0, keepFrom, this.#count);
      this.flags.copyWithin(0, keepFrom, this.#count);
      this.start.copyWithin(0, keepFrom, this.#count);
      this.end.copyWithin(0, keepFrom, this.#count);
      this.#count -= keepFrom;
      this.last -= keepFrom;
    }
    this.first = this.last;
    this.#fill(BLOCK + REACH);
    while (this.#at >= this.#end && this.#begun < this.#stretches && this.#count < BLOCK + REACH) {
      this.#pushBounds(this.#end, APART);
      this.#begin();
      this.#fill(BLOCK + REACH);
    }
    if (this.#at >= this.#end && this.#begun === this.#stretches) {
      this.last = this.#count;
      this.#done = true;
      this.#pushBounds(this.#end, REACH);
    } else {
      this.last = this.#count - REACH;
    }
    return true;
  }

  /** White space, or a bound, stands before token `i`. */
  spaced(i: number): boolean {
    return ((this.flags[i] as number) & SPACED) !== 0 || this.kind[i - 1] === BOUND;
  }

  /** Token `i` follows the one before it directly, and that is no bound. */
  glued(i: number): boolean {
    return ((this.flags[i] as number) & SPACED) === 0 && this.kind[i - 1] !== BOUND;
  }

  /** Token `i` is one of the quotes `'`, `"` and `` ` ``. */
  isQuote(i: number): boolean {
    const kind = this.kind[i] as number;
    return kind === 0x27 || kind === 0x22 || kind === 0x60;
  }

  /** Tokens `i` and `k` are the same text, letters in any case. */
  same(i: number, k: number): boolean {
    const from = this.start[i] as number;
    const length = (this.end[i] as number) - from;
    const other = this.start[k] as number;
    if ((this.end[k] as number) - other !== length) return false;
    for (let n = 0; n < length; n++) {
      if (lower(this.bytes[from + n] as number) !== lower(this.bytes[other + n] as number)) return false;
    }
    return true;
  }

  #resetState(): void {
    this.#single = this.#double = this.#tick = 0;
    this.#tag = false;
    this.#tagQuote = 0;
  }

  /** As many bounds, all at the byte `at`. */
  #pushBounds(at: number, count: number): void {
    const from = this.#count;
    const to = from + count;
    // A few of each, for which a call of fill() takes longer.
    for (let n = from; n < to; n++) {
      this.kind[n] = BOUND;
      this.word[n] = this.bits[n] = this.flags[n] = 0;
      this.start[n] = this.end[n] = at;
    }
    this.#count = to;
  }

  #fill(limit: number): void {
    const { bytes, kind, word, bits, flags, start, end } = this;
    const stop = this.#end;
    let at = this.#at;
    let n = this.#count;
    let pending = 0;
    while (at < stop && n < limit) {
      const byte = bytes[at] as number;
      const byteClass = BYTE_CLASS[byte] as number;
      if (byteClass === SPACE) {
        pending |= SPACED;
        at++;
        continue;
      }
      if (byteClass === NEWLINE) {
        pending |= SPACED | LINE;
        this.#single = this.#double = this.#tick = 0;
        at++;
        continue;
      }
      const from = at;
      if (byteClass === LETTER || byteClass === HIGH) {
        let hash = EMPTY_WORD;
        let small = 0;
        let next = byte;
        for (;;) {
          let low = WORD_BYTE[next] as number;
          if (low === 0) break;
          if (low === OF_UTF8) {
            const length = spaceLength(bytes, at, stop) === 2 ? 0 : characterLength(bytes, at, stop);
            if (length === 0) break;
            low = 0x80;
            next = 0x20;
            at += length - 1;
          }
          small |= next & low;
          hash = Math.imul(hash, 31) + low | 0;
          if (++at === stop) break;
          next = bytes[at] as number;
        }
        if (at === from) {
          // Not UTF-8, or a space of Unicode: it parts words, whatever character set the reader has.
          pending |= SPACED;
          at += spaceLength(bytes, at, stop);
          continue;
        }
        const number = findWord(bytes, from, at, hash);
        kind[n] = WORD;
        word[n] = number;
        bits[n] = WORD_CLASS[number] as number;
        if ((small & 0x20) === 0) pending |= CAPS;
        if (this.#tag) pending |= IN_TAG;
      } else if (byteClass === DIGIT) {
        at = numberEnd(bytes, at, stop);
        kind[n] = NUMBER;
        word[n] = bits[n] = 0;
        if (this.#tag) pending |= IN_TAG;
      } else if (byteClass === PUNCTUATION) {
        at++;
        word[n] = bits[n] = 0;
        if (byte === 0x22 && this.#quotesBound && !isEscaped(bytes, from)) {
          kind[n] = BOUND;
          this.#single = this.#tick = 0;
          this.#tag = false;
          pending = 0;
        } else {
          kind[n] = byte;
          if (byte === 0x27 || byte === 0x22 || byte === 0x60) pending |= this.#quote(byte, from, n, pending);
          else if (byte === 0x3c) {
            const after = at < stop ? bytes[at] as number : 0;
            if (BYTE_CLASS[after] === LETTER || after === 0x2f || after === 0x21 || after === 0x3f) {
              this.#tag = true;
              this.#tagQuote = 0;
            }
          } else if (byte === 0x3e && this.#tag && this.#tagQuote === 0) this.#tag = false;
          if (this.#tag) pending |= IN_TAG;
        }
      } else {
        at++;
        if (!this.#hasBounds) {
          pending |= SPACED;
          continue;
        }
        kind[n] = BOUND;
        word[n] = bits[n] = 0;
        this.#resetState();
        this.#quotesBound = isJsonText(bytes, at, stop);
        pending = 0;
      }
      flags[n] = pending;
      start[n] = from;
      end[n] = at;
      pending = 0;
      n++;
    }
    this.#at = at;
    this.#count = n;
  }

  /** Counts a quote and says whether it breaks out. */
  #quote(byte: number, at: number, n: number, pending: number): number {
    const { bytes } = this;
    if (this.#tag) {
      if (this.#tagQuote === 0) {
        if (this.kind[n - 1] === 0x3d) this.#tagQuote = byte;
      } else if (this.#tagQuote === byte) this.#tagQuote = 0;
    }
    if (byte === 0x60) return this.#tick++ % 2 === 0 ? BREAKING : 0;
    const count = byte === 0x27 ? this.#single : this.#double;
    const before = (pending & SPACED) === 0 && at > 0 ? bytes[at - 1] as number : 0;
    // An apostrophe in a word opens and closes nothing, and an escaped quote neither: but either may break out.
    const isApostrophe = byte === 0x27 && isLetter(before) && at + 1 < this.#end && isLetter(bytes[at + 1] as number);
    if (isApostrophe) return BREAKING;
    if (before === 0x5c) return byte === 0x27 ? BREAKING : 0;
    if (byte === 0x27) this.#single++;
    else {
      this.#double++;
      this.#single = 0;
    }
    return count % 2 === 0 ? BREAKING : 0;
  }
}

/** An odd number of backslashes stands before `at`. */
export function isEscaped(bytes: Uint8Array, at: number): boolean {
  let before = at;
  while (before > 0 && bytes[before - 1] === 0x5c) before--;
  return (at - before) % 2 === 1;
}

function byteClasses(): Uint8Array {
  const classes = new Uint8Array(256);
  for (let byte = 0x21; byte < 0x7f; byte++) classes[byte] = PUNCTUATION;
  for (let byte = 0x30; byte <= 0x39; byte++) classes[byte] = DIGIT;
  for (let byte = 0x41; byte <= 0x5a; byte++) classes[byte] = classes[byte | 0x20] = LETTER;
  classes[0x5f] = LETTER;
  classes[0x0a] = classes[0x0d] = NEWLINE;
  classes.fill(HIGH, 0x80);
  classes[BOUNDARY] = BOUNDARY_BYTE;
  return classes;
}

function wordBytes(): Uint8Array {
  const bytes = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const byteClass = BYTE_CLASS[byte] as number;
    if (byteClass === LETTER || byteClass === DIGIT) bytes[byte] = lower(byte);
    else if (byteClass === HIGH) bytes[byte] = OF_UTF8;
  }
  return bytes;
}

function isLetter(byte: number): boolean {
  const byteClass = BYTE_CLASS[byte] as number;
  return byteClass === LETTER || byteClass === HIGH;
}

/** Bytes of the character of UTF-8 at `at`; 0 if there is none. Overlong forms count as none. */
export function characterLength(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at] as number;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (at + length > end) return 0;
  for (let i = 1; i < length; i++) if (((bytes[at + i] as number) & 0xc0) !== 0x80) return 0;
  if (lead === 0xe0 && (bytes[at + 1] as number) < 0xa0) return 0;
  if (lead === 0xf0 && (bytes[at + 1] as number) < 0x90) return 0;
  return length;
}

/** Bytes of what is no character of a word: a space of Unicode (U+0085, U+00A0), or one broken byte. */
function spaceLength(bytes: Uint8Array, at: number, end: number): number {
  const isSpace = bytes[at] === 0xc2 && at + 1 < end && (bytes[at + 1] === 0xa0 || bytes[at + 1] === 0x85);
  return isSpace ? 2 : 1;
}

/** End of `12`, `1.5`, `1e9`, `0x1f`; a point counts only before a digit. */
function numberEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  if (
    bytes[at] === 0x30 && at + 2 < end && ((bytes[at + 1] as number) | 0x20) === 0x78 &&
    hexValue(bytes[at + 2] as number) >= 0
  ) {
    at += 2;
    while (at < end && hexValue(bytes[at] as number) >= 0) at++;
    return at;
  }
  while (at < end && BYTE_CLASS[bytes[at] as number] === DIGIT) at++;
  if (at + 1 >= end || (bytes[at] !== 0x2e && ((bytes[at] as number) | 0x20) !== 0x65)) return at;
  if (at + 1 < end && bytes[at] === 0x2e && BYTE_CLASS[bytes[at + 1] as number] === DIGIT) {
    at++;
    while (at < end && BYTE_CLASS[bytes[at] as number] === DIGIT) at++;
  }
  if (at + 1 < end && ((bytes[at] as number) | 0x20) === 0x65 && BYTE_CLASS[bytes[at + 1] as number] === DIGIT) {
    at++;
    while (at < end && BYTE_CLASS[bytes[at] as number] === DIGIT) at++;
  }
  return at;
}

/** Value of a hexadecimal digit, or -1. */
export function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/**
 * True if the text at `start` looks like a JSON document, whose unescaped quotes are therefore where its strings begin
 * and end: an object, an array, or (`oneString`) one string and nothing else. It is a guess from the first characters: `[INFO] "x"` is
 * none, and whatever follows later in a text that begins like one is searched all the same.
 */
export function isJsonText(bytes: Uint8Array, start: number, end: number, oneString = false): boolean {
  let at = skipSpace(bytes, start, end);
  if (at + 2 < end && bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) at += 3;
  const first = at < end ? bytes[at] as number : 0;
  if (first === 0x7b) {
    at = skipSpace(bytes, at + 1, end);
    return at < end && (bytes[at] === 0x22 || bytes[at] === 0x7d);
  }
  if (first === 0x5b) {
    at = skipSpace(bytes, at + 1, end);
    const next = at < end ? bytes[at] as number : 0;
    return next === 0x7b || next === 0x5b || next === 0x22;
  }
  if (first !== 0x22 || !oneString) return false;
  // One string: the next unescaped quote ends the text. A text that begins with a quote to break out goes on behind it.
  for (at++; at < end && bytes[at] !== BOUNDARY; at++) {
    if (bytes[at] === 0x5c) at++;
    else if (bytes[at] === 0x22) {
      at = skipSpace(bytes, at + 1, end);
      return at >= end || bytes[at] === BOUNDARY;
    }
  }
  return false;
}

/** True if the text at `start` is one string of JSON and nothing else. */
export function isLoneString(bytes: Uint8Array, start: number, end: number): boolean {
  return isJsonText(bytes, start, end, true) && !isJsonText(bytes, start, end);
}

function skipSpace(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] === 0x20 || bytes[at] === 0x09 || bytes[at] === 0x0a || bytes[at] === 0x0d)) at++;
  return at;
}
