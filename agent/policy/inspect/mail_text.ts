import { PieceList } from "./pieces.ts";
import { BOUNDARY, hexValue, isEscaped } from "./tokens.ts";
import { putCharacter } from "./unescape.ts";

/** Text in the two encodings of mail that are not base64: quoted-printable (RFC 2045) and UTF-7 (RFC 2152). */

/** What the last call found. */
export const mailPieces: PieceList = new PieceList();
/** Characters that shifts of the last call were looked for in, over and over: what tests of linearity count. */
export let mailWork = 0;

/** Fewest escapes of quoted-printable: `key=3B` is a setting. */
const MIN_QUOTED = 2;
const EQUALS = 0x3d, PLUS = 0x2b, MINUS = 0x2d, QUOTE = 0x22;
const NO_DIGIT = 64;
const SEXTET = sextets();

/**
 * Decodes those strings of a document, or the text as a whole, that are quoted-printable throughout, each `=` with two
 * digits or a line break behind it, or have a shift of UTF-7 that stands for ASCII, into `out` from `from`: pieces with
 * `BOUNDARY` behind them. Returns where the output ends. Never writes more than it reads and a bound for each string. One pass.
 */
export function decodeMailText(
  bytes: Uint8Array,
  start: number,
  end: number,
  isJson: boolean,
  hasBounds: boolean,
  isQuoted: boolean,
  out: Uint8Array,
  from: number,
): number {
  mailPieces.clear();
  mailWork = 0;
  let to = from;
  for (let at = start; at < end;) {
    const first = at;
    let marks = 0;
    for (; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte === (isQuoted ? EQUALS : PLUS)) marks++;
      else if ((isJson && byte === QUOTE && !isEscaped(bytes, at)) || (hasBounds && byte === BOUNDARY)) break;
    }
    if (marks >= (isQuoted ? MIN_QUOTED : 1)) {
      const stop = isQuoted ? unquote(bytes, first, at, marks, out, to) : unshift(bytes, first, at, out, to);
      if (stop > to) {
        mailPieces.add(to, stop, first, false);
        out[stop] = BOUNDARY;
        to = stop + 1;
      }
    }
    at++;
  }
  return to;
}

/** Behind the output; `to` if the text is none of quoted-printable. */
function unquote(bytes: Uint8Array, from: number, end: number, marks: number, out: Uint8Array, to: number): number {
  let outAt = to;
  let escapes = 0;
  for (let at = from; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte !== EQUALS) {
      out[outAt++] = byte === BOUNDARY ? 0xfe : byte;
      continue;
    }
    // A line break that is none.
    const breakAt = bytes[at + 1] === 0x0d ? at + 2 : at + 1;
    if (breakAt < end && bytes[breakAt] === 0x0a) {
      at = breakAt;
      escapes++;
      continue;
    }
    const high = at + 2 < end ? hexValue(bytes[at + 1] as number) : -1;
    const low = high < 0 ? -1 : hexValue(bytes[at + 2] as number);
    if (low < 0) return to;
    const decoded = high << 4 | low;
    out[outAt++] = decoded === BOUNDARY ? 0xfe : decoded;
    escapes++;
    at += 2;
  }
  return escapes === marks ? outAt : to;
}

/**
 * Where shifts failed, by their place modulo 8: three units of 16 bits are eight digits, and the `+` that begins a shift is
 * a digit too. So whatever shift begins before that place, a multiple of eight digits on, comes upon the same there, and
 * a run of digits is read eight times at most. Base64 has a `+` every 64 digits.
 */
const failedAt = new Int32Array(8);

/** Behind the output; `to` if no shift of the text stands for ASCII. */
function unshift(bytes: Uint8Array, from: number, end: number, out: Uint8Array, to: number): number {
  let outAt = to;
  let shifts = 0;
  failedAt.fill(-1);
  for (let at = from; at < end; at++) {
    const byte = bytes[at] as number;
    const behind = byte !== PLUS || at < (failedAt[at & 7] as number) ? at : shiftEnd(bytes, at, end, out, outAt);
    if (behind > at) {
      shifts++;
      outAt = shiftOutEnd;
      at = behind - 1;
    } else out[outAt++] = byte === BOUNDARY ? 0xfe : byte;
  }
  return shifts > 0 ? outAt : to;
}

/** Where the output of the shift ends that {@link shiftEnd} decoded. */
let shiftOutEnd = 0;

/** Decodes the shift at `at`: where it ends, or `at` if not all of it stands for ASCII; then it is noted where it failed. */
function shiftEnd(bytes: Uint8Array, at: number, end: number, out: Uint8Array, outAt: number): number {
  let to = outAt;
  let bits = 0;
  let count = 0;
  let next = at + 1;
  let isAscii = true;
  for (; isAscii && next < end; next++) {
    const sextet = SEXTET[bytes[next] as number] as number;
    if (sextet === NO_DIGIT) break;
    bits = (bits << 6 | sextet) & 0x3fffff;
    count += 6;
    if (count < 16) continue;
    count -= 16;
    const unit = bits >> count & 0xffff;
    isAscii = isReadAsAscii(unit);
    if (isAscii) to = putCharacter(out, to, unit);
  }
  mailWork += next - at;
  if (to === outAt || !isAscii || (bits & (1 << count) - 1) !== 0) {
    failedAt[at & 7] = isAscii ? next : next - 1;
    return at;
  }
  shiftOutEnd = to;
  return next < end && bytes[next] === MINUS ? next + 1 : next;
}

/** ASCII, spaces and punctuation, and full-width letters that are folded to it. */
function isReadAsAscii(unit: number): boolean {
  return unit < 0x80 || unit === 0xa0 || (unit >= 0x2000 && unit < 0x2300) || unit >= 0xff00;
}

/** Digits of base64 by their bytes, or `NO_DIGIT`. */
function sextets(): Uint8Array {
  const values = new Uint8Array(256).fill(NO_DIGIT);
  [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].forEach((digit, n) =>
    values[digit.charCodeAt(0)] = n
  );
  return values;
}
