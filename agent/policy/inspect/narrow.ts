import { BOUNDARY } from "./tokens.ts";

/**
 * Leaves out of a document what a decoder would not change: most of its strings have no escape, no quoting, nothing
 * beyond ASCII, and were searched as they are. What is left has the same bounds in the same order, so that a pattern that
 * looks over them sees the same.
 */

/**
 * Which strings stay: those that have what escapes, what folds, what comments of SQL, the quoting of shells or spaces of
 * forms are written with.
 */
export const ESCAPES_STAY = 1, FOLDS_STAY = 2, COMMENTS_STAY = 4, QUOTING_STAYS = 8, PLUS_STAYS = 16;

const MASK = new Uint8Array(256);
MASK.fill(FOLDS_STAY, 0x80);
for (let byte = 0; byte < 0x20; byte++) MASK[byte] = FOLDS_STAY;
MASK[0x7f] = FOLDS_STAY;
for (const byte of [0x09, 0x0a, 0x0b, 0x0c, 0x0d]) MASK[byte] = 0;
for (const character of "%&\\") MASK[character.charCodeAt(0)]! |= ESCAPES_STAY;
for (const character of "/*-#") MASK[character.charCodeAt(0)]! |= COMMENTS_STAY;
for (const character of "'\"`\\^${") MASK[character.charCodeAt(0)]! |= QUOTING_STAYS;
MASK[0x2b]! |= PLUS_STAYS;

/** Shorter than this, a string stays; what stands between strings too. */
const SHORT_STRING = 8, SHORT_BETWEEN = 32;
const QUOTE = 0x22, BACKSLASH = 0x5c, SPACE = 0x20;

/** Where in the source the byte stands that the last call of {@link narrow} stopped at. */
export let narrowedAt = 0;

/**
 * Writes `bytes[start, end)` to `out` from `outAt` with `BOUNDARY` for each bound, and one space for each string without
 * any of `stays`; returns where it ends. `isJson`: unescaped quotes are the bounds; otherwise 0xff is. Never writes more
 * than it reads. One pass.
 */
export function narrow(
  bytes: Uint8Array,
  start: number,
  end: number,
  isJson: boolean,
  stays: number,
  out: Uint8Array,
  outAt: number,
  stopBehind: number,
): number {
  const bound = isJson ? QUOTE : BOUNDARY;
  let to = outAt;
  let at = start;
  let inString = false;
  while (at < end) {
    const from = at;
    let seen = 0;
    while (at < end) {
      const byte = bytes[at] as number;
      if (byte === bound) break;
      seen |= MASK[byte] as number;
      at += isJson && byte === BACKSLASH ? 2 : 1;
    }
    if (at > end) at = end;
    const length = at - from;
    if ((seen & stays) !== 0 || length <= (inString ? SHORT_STRING : SHORT_BETWEEN)) {
      if (to + length > stopBehind) {
        narrowedAt = from + stopBehind - to;
        return to;
      }
      for (let i = from; i < at; i++) out[to++] = bytes[i] as number;
    } else out[to++] = SPACE;
    if (at < end) {
      if (to >= stopBehind) {
        narrowedAt = at;
        return to;
      }
      out[to++] = BOUNDARY;
      at++;
      inString = isJson && !inString;
    }
  }
  narrowedAt = end;
  return to;
}
