import { PieceList } from "./pieces.ts";
import { BOUNDARY } from "./tokens.ts";

/** Text in UTF-16, with and without a byte order mark, of either byte order, at any place of other data. */

/** What the last call found. */
export const utf16Pieces: PieceList = new PieceList();
export let utf16Cut = false;

/** Shortest stretch of ASCII in UTF-16, in characters. */
const MIN_UNITS = 3;

/**
 * Decodes what is UTF-16 in `bytes[start, end)` into `out[from, to)`, pieces with `BOUNDARY` behind them; returns where
 * the output ends. All of it if there is a byte order mark; otherwise the stretches of at least three ASCII characters
 * that have a NUL each, and what is between them. One pass.
 */
export function decodeUtf16(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  from: number,
  to: number,
): number {
  utf16Pieces.clear();
  utf16Cut = false;
  const mark = end - start >= 4 ? (bytes[start] as number) << 8 | (bytes[start + 1] as number) : 0;
  if (mark === 0xfffe || mark === 0xfeff) {
    return decodeUnits(bytes, start + 2, end, mark === 0xfffe ? 1 : 0, out, from, to);
  }
  const whole = orderOfAll(bytes, start, end);
  // All of it, and what stands at the other places all the same: a stretch at an odd one may look like either.
  let outAt = whole >= 0 ? decodeUnits(bytes, start, end, whole, out, from, to) : from;
  let at = start;
  let previous = start;
  while (at + 2 * MIN_UNITS <= end && !utf16Cut) {
    const order = orderAt(bytes, at, end);
    if (order < 0) {
      at++;
      continue;
    }
    // The stretch goes on for as long as ASCII comes again within four characters.
    let stop = at + 2 * MIN_UNITS;
    let other = 0;
    for (; stop + 2 <= end && other < 4; stop += 2) {
      const high = bytes[stop + order] as number;
      const low = bytes[stop + 1 - order] as number;
      other = high === 0 && isText(low) ? 0 : other + 1;
    }
    // What comes before it may be of another script.
    const begin = Math.max(previous, at - 8);
    outAt = decodeUnits(bytes, (at - begin) % 2 === 0 ? begin : begin + 1, stop, order, out, outAt, to);
    at = previous = stop;
  }
  return outAt;
}

/**
 * Which byte of each pair is the high one in all of the data, 1 or 0: nine in ten are of the blocks that text is written in
 * to look like ASCII. -1 if neither.
 */
export function orderOfAll(bytes: Uint8Array, start: number, end: number): number {
  const units = (end - start) >> 1;
  if (units < 5) return -1;
  for (let order = 0; order < 2; order++) {
    let missing = units / 10;
    let empty = 0;
    for (let at = start + order; at < start + 2 * units && missing >= 0; at += 2) {
      if (TEXT_BLOCKS[bytes[at] as number] === 0) missing--;
      if (bytes[at + 1 - 2 * order] === 0) empty++;
    }
    if (missing >= 0 && empty * 4 < units) return order;
  }
  return -1;
}

/** High bytes of Latin, Greek, Cyrillic, punctuation, full-width forms and mathematical letters. */
const TEXT_BLOCKS = new Uint8Array(256);
for (const block of [0x00, 0x01, 0x02, 0x03, 0x04, 0x20, 0x21, 0x22, 0x24, 0xd8, 0xdc, 0xdd, 0xfe, 0xff]) {
  TEXT_BLOCKS[block] = 1;
}

/** Which byte of each pair is the high one, 1 or 0, where three ASCII characters stand at `at`; -1 where none do. */
function orderAt(bytes: Uint8Array, at: number, end: number): number {
  const order = bytes[at] === 0 ? 0 : bytes[at + 1] === 0 ? 1 : -1;
  if (order < 0 || at + 2 * MIN_UNITS > end) return -1;
  for (let i = 0; i < 2 * MIN_UNITS; i += 2) {
    if (bytes[at + i + order] !== 0 || !isText(bytes[at + i + 1 - order] as number)) return -1;
  }
  return order;
}

function isText(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d);
}

function decodeUnits(
  bytes: Uint8Array,
  start: number,
  end: number,
  order: number,
  out: Uint8Array,
  from: number,
  to: number,
): number {
  let outAt = from;
  for (let at = start; at + 1 < end; at += 2) {
    if (outAt + 5 > to) {
      utf16Cut = true;
      break;
    }
    let point = unitAt(bytes, at, order);
    if (point >= 0xd800 && point < 0xdc00 && at + 3 < end) {
      const low = unitAt(bytes, at + 2, order);
      if (low >= 0xdc00 && low < 0xe000) {
        point = 0x10000 + (point - 0xd800 << 10) + low - 0xdc00;
        at += 2;
      }
    }
    if (point < 0x80) out[outAt++] = point;
    else if (point < 0x800) {
      out[outAt++] = 0xc0 | point >> 6;
      out[outAt++] = 0x80 | point & 0x3f;
    } else if (point < 0x10000) {
      out[outAt++] = 0xe0 | point >> 12;
      out[outAt++] = 0x80 | point >> 6 & 0x3f;
      out[outAt++] = 0x80 | point & 0x3f;
    } else {
      out[outAt++] = 0xf0 | point >> 18;
      out[outAt++] = 0x80 | point >> 12 & 0x3f;
      out[outAt++] = 0x80 | point >> 6 & 0x3f;
      out[outAt++] = 0x80 | point & 0x3f;
    }
  }
  if (outAt === from || outAt >= to) return outAt;
  utf16Pieces.add(from, outAt, start, false);
  out[outAt++] = BOUNDARY;
  return outAt;
}

function unitAt(bytes: Uint8Array, at: number, order: number): number {
  return (bytes[at + order] as number) << 8 | (bytes[at + 1 - order] as number);
}
