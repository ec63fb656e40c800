import { PieceList } from "./pieces.ts";
import { BOUNDARY, hexValue, isEscaped } from "./tokens.ts";
import { putCharacter } from "./unescape.ts";

/** Text in the two encodings of mail that are not base64: quoted-printable (RFC 2045) and UTF-7 (RFC 2152). */

/** What the last call found. */
export const mailPieces: PieceList = new PieceList();

/** Fewest escapes of quoted-printable: `key=3B` is a setting. */
const MIN_QUOTED = 2;
const EQUALS = 0x3d, PLUS = 0x2b, MINUS = 0x2d, QUOTE = 0x22;
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

/** Behind the output; `to` if no shift of the text stands for ASCII. */
function unshift(bytes: Uint8Array, from: number, end: number, out: Uint8Array, to: number): number {
  let outAt = to;
  let shifts = 0;
  for (let at = from; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte !== PLUS) {
      out[outAt++] = byte === BOUNDARY ? 0xfe : byte;
      continue;
    }
    const begin = outAt;
    let bits = 0;
    let count = 0;
    let next = at + 1;
    let isAscii = true;
    for (; next < end && (SEXTET[bytes[next] as number] as number) < 64; next++) {
      bits = (bits << 6 | SEXTET[bytes[next] as number] as number) & 0x3fffff;
      count += 6;
      if (count < 16) continue;
      count -= 16;
      const unit = bits >> count & 0xffff;
      if (!isReadAsAscii(unit)) isAscii = false;
      outAt = putCharacter(out, outAt, unit);
    }
    if (outAt === begin || !isAscii || (bits & (1 << count) - 1) !== 0) {
      outAt = begin;
      out[outAt++] = PLUS;
      continue;
    }
    shifts++;
    at = next < end && bytes[next] === MINUS ? next : next - 1;
  }
  return shifts > 0 ? outAt : to;
}

/** ASCII, spaces and punctuation, and full-width letters that are folded to it. */
function isReadAsAscii(unit: number): boolean {
  return unit < 0x80 || unit === 0xa0 || (unit >= 0x2000 && unit < 0x2300) || unit >= 0xff00;
}

/** Digits of base64 by their bytes; 64 for all others. */
function sextets(): Uint8Array {
  const values = new Uint8Array(256).fill(64);
  [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].forEach((digit, n) =>
    values[digit.charCodeAt(0)] = n
  );
  return values;
}
