import { PieceList } from "./pieces.ts";
import { BOUNDARY, isJsonText } from "./tokens.ts";

/** The fields of rows as tables have them (RFC 4180), and quoted values behind `=`, as lines of measurements and logs do. */

/** What was found since they were cleared. */
export const rowPieces: PieceList = new PieceList();

const COMMA = 0x2c, SEMICOLON = 0x3b, TAB = 0x09, QUOTE = 0x22, EQUALS = 0x3d, BACKSLASH = 0x5c, SPACE = 0x20;
const LF = 0x0a, CR = 0x0d, LESS = 0x3c;
/** Fewest commas of a first line that make it a row without any quote: prose has one now and then. */
const MIN_COMMAS = 2;
const MIN_LENGTH = 4;
/** So far a quoted field is looked for that says what parts the fields: a first row of names has none. */
const MAX_HEAD = 4096;

/**
 * Writes the fields of rows in each text of `bytes[start, end)` to `out`, see {@link readRowFields}: with `hasBounds` there may be several, and those that are documents of
 * JSON are left out.
 */
export function readRows(
  bytes: Uint8Array,
  start: number,
  end: number,
  hasBounds: boolean,
  out: Uint8Array,
  from: number,
): number {
  rowPieces.clear();
  if (!hasBounds) return readRowFields(bytes, start, end, out, from);
  const texts = bytes.subarray(0, end);
  let to = from;
  for (let at = start; at < end;) {
    const bound = texts.indexOf(BOUNDARY, at);
    const stop = bound < 0 ? end : bound;
    if (stop - at >= MIN_LENGTH && !isJsonText(bytes, at, stop)) to = readRowFields(bytes, at, stop, out, to);
    at = stop + 1;
  }
  return to;
}

/**
 * Writes the fields of `bytes[start, end)` that have letters, and more than a name has, to `out` from `from`, each as `,`, `BOUNDARY`, the field and
 * `BOUNDARY`: as the strings of an array of JSON stand, so that a field counts as a value of a document. Returns where
 * the output ends; `from` if the text is no rows. At most twice as long as the text. One pass.
 */
function readRowFields(bytes: Uint8Array, start: number, end: number, out: Uint8Array, from: number): number {
  if (end - start < MIN_LENGTH || bytes[start] === LESS) return from;
  const separator = separatorOf(bytes, start, end);
  let to = from;
  for (let at = start; at < end;) {
    let stop = bytes[at] === QUOTE && separator !== 0 ? quotedEnd(bytes, at, end, separator) : -1;
    if (stop >= 0) {
      to = put(bytes, at + 1, stop, QUOTE, out, to);
      at = stop + 2;
      continue;
    }
    // A field with a quote within is none of a table: that is a document inside of something else.
    let hasQuote = false;
    for (stop = at; stop < end; stop++) {
      const byte = bytes[stop] as number;
      if (byte === separator || byte === LF || byte === CR) break;
      if (byte === QUOTE) hasQuote = true;
      if (byte === QUOTE && stop > at && bytes[stop - 1] === EQUALS) {
        const close = valueEnd(bytes, stop + 1, end);
        if (endsValue(bytes, close + 1, end)) to = put(bytes, stop + 1, close, 0, out, to);
        stop = close;
      }
    }
    if (separator !== 0 && !hasQuote) to = put(bytes, at, Math.min(stop, end), 0, out, to);
    at = stop + 1;
  }
  return to;
}

/**
 * What parts the fields: what stands beside a quoted one; or commas of the first line without a space behind them. 0 if
 * the text begins with no row.
 */
function separatorOf(bytes: Uint8Array, start: number, end: number): number {
  let commas = 0;
  let isProse = false;
  let isFirstLine = true;
  const stop = Math.min(end, start + MAX_HEAD);
  for (let at = start; at < stop; at++) {
    const byte = bytes[at] as number;
    if (byte === LF || byte === CR) isFirstLine = false;
    if (byte === COMMA && isFirstLine) {
      commas++;
      if (at + 1 < end && bytes[at + 1] === SPACE) isProse = true;
    }
    if (byte !== COMMA && byte !== SEMICOLON && byte !== TAB) continue;
    if (at + 1 < end && bytes[at + 1] === QUOTE) return byte;
    if (at > start + 1 && bytes[start] === QUOTE && bytes[at - 1] === QUOTE) return byte;
  }
  return commas >= MIN_COMMAS && !isProse ? COMMA : 0;
}

/** Where the quote stands that closes the field opened at `open`; -1 if no field ends there. */
function quotedEnd(bytes: Uint8Array, open: number, end: number, separator: number): number {
  let at = open + 1;
  for (; at < end; at++) {
    if (bytes[at] !== QUOTE) continue;
    if (at + 1 >= end || bytes[at + 1] !== QUOTE) break;
    at++;
  }
  if (at >= end) return -1;
  const next = at + 1 < end ? bytes[at + 1] as number : LF;
  return next === separator || next === LF || next === CR ? at : -1;
}

/** Where the next quote stands without a backslash before it; `end` if none does. */
function valueEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return Math.min(at, end);
}

/** The next value, the time of a measurement, or the end of the line is at `at`: not one more word, as in markup and logs. */
function endsValue(bytes: Uint8Array, at: number, end: number): boolean {
  const next = at < end ? bytes[at] as number : LF;
  if (next !== SPACE) return next === COMMA || next === LF || next === CR;
  const digit = at + 1 < end ? bytes[at + 1] as number : 0x30;
  return digit >= 0x30 && digit <= 0x39;
}

/** What names and numbers are made of: a field of nothing else is found in its row as well. */
const PLAIN = new Uint8Array(256);
for (const character of "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.:+-") {
  PLAIN[character.charCodeAt(0)] = 1;
}

/** Writes one field; two of `doubled` in it are one. */
function put(bytes: Uint8Array, from: number, end: number, doubled: number, out: Uint8Array, to: number): number {
  if (end - from < 2) return to;
  let outAt = to;
  let hasLetter = false;
  let hasSign = false;
  out[outAt++] = COMMA;
  out[outAt++] = BOUNDARY;
  for (let at = from; at < end; at++) {
    const byte = bytes[at] as number;
    if ((byte | 0x20) >= 0x61) hasLetter = true;
    if (PLAIN[byte] === 0) hasSign = true;
    // A client's 0xff is no bound.
    out[outAt++] = byte === BOUNDARY ? 0xfe : byte;
    if (byte === doubled && bytes[at + 1] === doubled && at + 1 < end) at++;
  }
  if (!hasLetter || !hasSign) return to;
  rowPieces.add(to, outAt, from - 2, false);
  out[outAt++] = BOUNDARY;
  return outAt;
}
