import { hexValue } from "./tokens.ts";

/**
 * Bytes written one by one: `3c 73 63`, `3C:73:63`, `0x3c, 0x73`, `[60,115,99]` (a Buffer of Node.js in JSON), `3c-73-63`.
 * Dumps of registers look the same: what they decode to says whether they are a text.
 */

/** Fewest bytes that are taken for a list. */
export const MIN_ITEMS = 8;

/** Shortest stretch that is a whole text, in characters: `3b 69 64`. */
const MIN_WHOLE = 8;

const LISTED = new Uint8Array(256);
for (const character of "0123456789abcdefABCDEFxX,:;- \t\r\n") LISTED[character.charCodeAt(0)] = 1;
const SEPARATOR = new Uint8Array(256);
for (const character of ",:;- \t\r\n") SEPARATOR[character.charCodeAt(0)] = 1;
/** A list of as many items has a stretch of this many characters of lists at each multiple of it. */
const WINDOW = 8;

/** The stretch of characters of lists that {@link nextStretch} found. */
export let stretchStart = 0;
export let stretchEnd = 0;
/** It is a text, or a string of a document, as a whole. */
export let isWholeStretch = false;

/** Finds the next stretch of at least two windows that may hold a list; false if there is none. Looks at one byte in eight of most texts. */
export function nextStretch(bytes: Uint8Array, start: number, floor: number, end: number): boolean {
  for (let probe = floor + WINDOW - 1; probe < end; probe += WINDOW) {
    if (LISTED[bytes[probe] as number] === 0) continue;
    let from = probe;
    while (from > floor && LISTED[bytes[from - 1] as number] === 1) from--;
    let to = probe;
    while (to < end && LISTED[bytes[to] as number] === 1) to++;
    probe = to;
    isWholeStretch = isDigit(bytes, from) && isDigit(bytes, to - 1) &&
      (from === start || isQuoteOrBound(bytes, from - 1)) &&
      (to === end || isQuoteOrBound(bytes, to));
    if (to - from < (isWholeStretch ? MIN_WHOLE : 2 * MIN_ITEMS)) continue;
    stretchStart = from;
    stretchEnd = to;
    return true;
  }
  return false;
}

function isDigit(bytes: Uint8Array, at: number): boolean {
  return hexValue(bytes[at] as number) >= 0;
}

function isQuoteOrBound(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x22 || bytes[at] === 0xff;
}

/** How many bytes the last call of {@link readList} read, where it ended, and whether any digit of it was a letter. */
export let listLength = 0;
export let listEnd = 0;
export let hasLetters = false;

/**
 * Reads a list that begins at `from` into `out` from `to`: as pairs of hexadecimal digits, or as decimal numbers below 256.
 * `listLength` says how many bytes it has. Without letters it may be both.
 */
export function readList(
  bytes: Uint8Array,
  from: number,
  end: number,
  out: Uint8Array,
  to: number,
  isDecimal: boolean,
): void {
  hasLetters = false;
  let at = from;
  let count = 0;
  while (at < end && to + count < out.length) {
    let digits = at;
    if (!isDecimal && bytes[at] === 0x30 && ((bytes[at + 1] ?? 0) | 0x20) === 0x78) digits += 2;
    let value = 0;
    let i = digits;
    for (; i < end && i < digits + 4; i++) {
      const digit = hexValue(bytes[i] as number);
      if (digit < 0 || (isDecimal && digit > 9)) break;
      value = value * (isDecimal ? 10 : 16) + digit;
      if (digit > 9) hasLetters = true;
    }
    const width = i - digits;
    if (isDecimal ? width === 0 || width > 3 || value > 255 : width !== 2) break;
    out[to + count++] = value;
    at = i;
    const separator = at;
    while (at < end && at < separator + 3 && SEPARATOR[bytes[at] as number] === 1) at++;
    if (at === separator) break;
  }
  listLength = count;
  listEnd = at;
}

/** The first item behind the separators at `from`, or behind the item that stands there. */
export function nextItem(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && SEPARATOR[bytes[at] as number] === 0) at++;
  while (at < end && SEPARATOR[bytes[at] as number] === 1) at++;
  return at;
}
