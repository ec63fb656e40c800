import { entityEnd, namedEntity } from "./entities.ts";
import { BOUNDARY, characterLength, hexValue, isJsonText } from "./tokens.ts";
import { foldCharacter, KEPT } from "./unicode_fold.ts";

/** What was undone, as bits: also which views are on. */
export const JSON_ESCAPES = 1, PERCENT = 2, HTML = 4, UNICODE = 8;
/** Modes: a text that is one JSON string, or a form, is read as that; 0xff is a bound, rather than a byte that a client sent. */
export const LONE_OR_FORM = 16, HAS_BOUNDS = 32;

const COPY = 0, PERCENT_SIGN = 1, AMPERSAND = 2, BACKSLASH = 3, QUOTE = 4, BOUND = 5, CONTROL = 6, HIGH = 7;
const SPECIAL = new Uint8Array(256);
for (let byte = 1; byte < 0x20; byte++) SPECIAL[byte] = CONTROL;
for (const byte of [0x09, 0x0a, 0x0b, 0x0c, 0x0d]) SPECIAL[byte] = COPY;
SPECIAL[0x7f] = CONTROL;
SPECIAL.fill(HIGH, 0x80);
SPECIAL[0x25] = PERCENT_SIGN;
SPECIAL[0x26] = AMPERSAND;
SPECIAL[0x5c] = BACKSLASH;
SPECIAL[0x22] = QUOTE;
SPECIAL[BOUNDARY] = BOUND;

/** What was undone by the last call of {@link unescapeText}. */
export let undone = 0;
/** How many escapes the last call of {@link unescapeText} undid. */
export let undoneCount = 0;
/** Where in the source the byte stands that the last call of {@link unescapeText} stopped at. */
export let stoppedAt = 0;

/**
 * Undoes one layer of every escape at once: percent (`%3c`, `%u003c`), HTML (`&lt;`, `&#60`, `&#x3c;`), backslash as in
 * JSON, JavaScript, C and the shell (`\u003c`, `\x3c`, `\74`, `\n`), and folds Unicode to the ASCII it is read as,
 * overlong UTF-8 (`c0 ae`) and control characters included. In a text that looks like JSON, the quotes that are not
 * escaped become `BOUNDARY`, so that each of its strings, keys too, is a text of its own.
 *
 * All at once, since layers of different kinds nest in any order: n calls undo n layers of whatever kinds, where one view
 * per kind would take 4ⁿ. What is not an escape of any kind stays as it is. Writes to `out` from `outAt` at most as many
 * bytes as it reads, stops behind `stopBehind` of them, and returns where it ended. One pass.
 */
export function unescapeText(
  bytes: Uint8Array,
  start: number,
  end: number,
  views: number,
  out: Uint8Array,
  outAt: number,
  stopBehind: number,
): number {
  let at = start;
  let to = outAt;
  let item = start;
  let done = 0;
  let count = 0;
  const oneString = (views & LONE_OR_FORM) !== 0;
  const form = oneString && isForm(bytes, start, end);
  let inName = form;
  let quotesBound = (views & JSON_ESCAPES) !== 0 && isJsonText(bytes, start, end, oneString);
  // The quotes of a lone string are a layer of their own, with nothing escaped in it too.
  let isLone = quotesBound && !isJsonText(bytes, start, end);
  const limit = Math.min(end, start + stopBehind - outAt + 1);
  while (at < end && to <= stopBehind) {
    // Most bytes stand for themselves; the output is never ahead of the input.
    if (!form) {
      while (at < limit && SPECIAL[bytes[at] as number] === COPY) out[to++] = bytes[at++] as number;
      if (at >= end || to > stopBehind) {
        item = at - 1;
        break;
      }
    }
    item = at;
    const byte = bytes[at++] as number;
    switch (SPECIAL[byte]) {
      case COPY:
        if (form && byte === 0x3d && inName) {
          inName = false;
          out[to++] = BOUNDARY;
        } else if (form && byte === 0x2b && (views & PERCENT) !== 0) {
          out[to++] = 0x20;
          done |= PERCENT;
          count++;
        } else out[to++] = byte;
        continue;
      case QUOTE:
        out[to++] = quotesBound ? BOUNDARY : byte;
        if (isLone) done |= JSON_ESCAPES;
        continue;
      case BOUND:
        if ((views & HAS_BOUNDS) === 0) {
          out[to++] = 0xfe;
          continue;
        }
        out[to++] = byte;
        quotesBound = (views & JSON_ESCAPES) !== 0 && isJsonText(bytes, at, end, oneString);
        isLone = quotesBound && !isJsonText(bytes, at, end);
        continue;
      case CONTROL:
        if ((views & UNICODE) === 0) break;
        done |= UNICODE;
        count++;
        continue;
      case PERCENT_SIGN: {
        if ((views & PERCENT) === 0) break;
        const point = percentCode(bytes, at, end);
        if (point < 0) break;
        at = next;
        to = point < 0x100 && !wide ? putByte(out, to, point) : putCharacter(out, to, point);
        done |= PERCENT;
        count++;
        continue;
      }
      case AMPERSAND: {
        if (form) {
          inName = true;
          out[to++] = BOUNDARY;
          continue;
        }
        if ((views & HTML) === 0) break;
        const point = bytes[at] === 0x23 ? numericEntity(bytes, at + 1, end) : namedEntity(bytes, at, end);
        if (point < 0) break;
        at = bytes[at] === 0x23 ? next : entityEnd;
        to = putCharacter(out, to, point);
        done |= HTML;
        count++;
        continue;
      }
      case BACKSLASH: {
        if ((views & JSON_ESCAPES) === 0) break;
        const point = backslashCode(bytes, at, end);
        if (point < 0) break;
        at = next;
        to = wide ? putCharacter(out, to, point) : putByte(out, to, point);
        done |= JSON_ESCAPES;
        count++;
        continue;
      }
      case HIGH: {
        if ((views & UNICODE) === 0) break;
        const length = characterLength(bytes, at - 1, end);
        let folded = KEPT;
        if (length === 2 && byte === 0xc2 && (bytes[at] === 0xa0 || bytes[at] === 0x85)) {
          folded = 0x20;
          at++;
        } else if (length > 0) {
          const point = codePoint(bytes, at - 1, length);
          folded = foldCharacter(point);
          if (folded === KEPT) {
            for (let i = 0; i < length; i++) out[to++] = bytes[at - 1 + i] as number;
            at += length - 1;
            continue;
          }
          at += length - 1;
        } else {
          folded = overlong(bytes, at - 1, end);
          if (folded === KEPT) break;
          at = next;
        }
        for (; folded !== 0; folded >>>= 8) out[to++] = folded & 0xff;
        done |= UNICODE;
        count++;
        continue;
      }
    }
    out[to++] = byte;
  }
  undone = done;
  undoneCount = count;
  stoppedAt = item;
  return to;
}

/** `name=value&name=value`, alone or as the query of a URL: begins with a name, has no white space. */
export function isForm(bytes: Uint8Array, start: number, end: number): boolean {
  let at = queryStart(bytes, start, end);
  const first = at;
  while (at < end && isNameByte(bytes[at] as number)) at++;
  if (at === first || at >= end || bytes[at] !== 0x3d) return false;
  for (; at < end && bytes[at] !== BOUNDARY; at++) if ((bytes[at] as number) <= 0x20) return false;
  return true;
}

/** Behind the `?` of a text that begins as a URL or a path does; `start` if it is none. */
function queryStart(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] !== 0x2f && ((bytes[start] as number) | 0x20) !== 0x68) return start;
  for (let at = start; at < end && bytes[at] !== BOUNDARY; at++) {
    const byte = bytes[at] as number;
    if (byte === 0x3f) return at + 1;
    if (byte <= 0x20 || byte === 0x3d || byte === 0x22 || byte === 0x3c) return start;
  }
  return start;
}

function isNameByte(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x5f ||
    byte === 0x2d || byte === 0x2e || byte === 0x5b || byte === 0x5d;
}

/** Where the escape that was read last ends, and whether it names a character instead of a byte. */
let next = 0;
let wide = false;

/** Behind a `%`: `3c`, `u003c`. */
function percentCode(bytes: Uint8Array, at: number, end: number): number {
  wide = false;
  if (at + 1 >= end) return -1;
  if (((bytes[at] as number) | 0x20) === 0x75) {
    const point = hexNumber(bytes, at + 1, end, 4);
    if (point < 0 || next !== at + 5) return -1;
    wide = true;
    if (point >= 0xd800 && point <= 0xdbff && at + 10 < end && bytes[at + 5] === 0x25) {
      const low = hexNumber(bytes, at + 7, end, 4);
      if (next === at + 11 && low >= 0xdc00 && low <= 0xdfff) return 0x10000 + ((point - 0xd800) << 10) + low - 0xdc00;
      next = at + 5;
    }
    return point;
  }
  const high = hexValue(bytes[at] as number);
  const low = hexValue(bytes[at + 1] as number);
  next = at + 2;
  return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/** Behind `&#`: `60;`, `60`, `x3c;`. Any number of leading zeros. */
function numericEntity(bytes: Uint8Array, at: number, end: number): number {
  const hex = at < end && ((bytes[at] as number) | 0x20) === 0x78;
  let i = hex ? at + 1 : at;
  const first = i;
  let point = 0;
  for (; i < end; i++) {
    const digit = hexValue(bytes[i] as number);
    if (digit < 0 || (!hex && digit > 9)) break;
    if (point < 0x110000) point = point * (hex ? 16 : 10) + digit;
  }
  if (i === first || point > 0x10ffff) return -1;
  next = i < end && bytes[i] === 0x3b ? i + 1 : i;
  return point;
}

/** Behind a backslash; -1 where nothing is escaped that way. */
function backslashCode(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return -1;
  wide = false;
  next = at + 1;
  const byte = bytes[at] as number;
  switch (byte) {
    case 0x22:
    case 0x27:
    case 0x2f:
    case 0x5c:
    case 0x60:
      return byte;
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    case 0x76:
      return 0x0b;
    case 0x78: {
      const point = hexNumber(bytes, at + 1, end, 2);
      return point < 0 || next !== at + 3 ? -1 : point;
    }
    case 0x55: {
      wide = true;
      const point = hexNumber(bytes, at + 1, end, 8);
      return next !== at + 9 || point > 0x10ffff ? -1 : point;
    }
    case 0x75:
      wide = true;
      return unicodeEscape(bytes, at + 1, end);
  }
  // Octal, as C and the shell have it: `\74`, `\074`; `\0` alone is NUL.
  let point = -1;
  let i = at;
  for (; i < end && i < at + 3; i++) {
    const digit = (bytes[i] as number) - 0x30;
    if (digit < 0 || digit > 7) break;
    point = Math.max(point, 0) * 8 + digit;
  }
  if (point < 0 || point > 0xff || (i === at + 1 && point > 0)) return -1;
  next = i;
  return point;
}

/** Behind `\u`: `003c`, `{3c}`, and the second half of a pair of surrogates. */
function unicodeEscape(bytes: Uint8Array, at: number, end: number): number {
  if (at < end && bytes[at] === 0x7b) {
    const point = hexNumber(bytes, at + 1, end, 6);
    if (point < 0 || point > 0x10ffff || next >= end || bytes[next] !== 0x7d) return -1;
    next++;
    return point;
  }
  const point = hexNumber(bytes, at, end, 4);
  if (point < 0 || next !== at + 4) return -1;
  if (point < 0xd800 || point > 0xdbff) return point;
  if (at + 9 < end && bytes[at + 4] === 0x5c && bytes[at + 5] === 0x75) {
    const low = hexNumber(bytes, at + 6, end, 4);
    if (next === at + 10 && low >= 0xdc00 && low <= 0xdfff) return 0x10000 + ((point - 0xd800) << 10) + low - 0xdc00;
  }
  next = at + 4;
  return point;
}

/** Up to `most` hexadecimal digits; `next` is behind them. */
function hexNumber(bytes: Uint8Array, at: number, end: number, most: number): number {
  let value = -1;
  let i = at;
  for (; i < end && i < at + most; i++) {
    const digit = hexValue(bytes[i] as number);
    if (digit < 0) break;
    value = Math.max(value, 0) * 16 + digit;
  }
  next = i;
  return value;
}

function codePoint(bytes: Uint8Array, at: number, length: number): number {
  const lead = bytes[at] as number;
  let point = lead & (length === 2 ? 0x1f : length === 3 ? 0x0f : 0x07);
  for (let i = 1; i < length; i++) point = point << 6 | (bytes[at + i] as number) & 0x3f;
  return point;
}

/**
 * ASCII in an overlong form (`c0 ae`, `e0 80 ae`, `f0 80 80 ae`), which lax readers take (CVE-2000-0884), and in the
 * broken one with a second byte that is no continuation (`c0 2e`); KEPT if there is none.
 */
function overlong(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at] as number;
  const length = lead === 0xc0 || lead === 0xc1 ? 2 : lead === 0xe0 ? 3 : lead === 0xf0 ? 4 : lead === 0xf8 ? 5 : 0;
  if (length === 0 || at + length > end) return KEPT;
  let point = lead & (length === 2 ? 0x1f : 0x07);
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i] as number;
    if ((byte & 0xc0) !== 0x80) {
      if (length !== 2 || lead !== 0xc0 || (byte !== 0x2e && byte !== 0x2f && byte !== 0x5c)) return KEPT;
      next = at + 2;
      return byte;
    }
    point = point << 6 | byte & 0x3f;
  }
  if (point === 0 || point >= 0x80) return KEPT;
  next = at + length;
  return point;
}

function putByte(out: Uint8Array, to: number, byte: number): number {
  // A client's %ff is no bound.
  out[to] = byte === BOUNDARY ? 0xfe : byte;
  return to + 1;
}

/** Writes the character in UTF-8 at `to`; returns where it ends. */
export function putCharacter(out: Uint8Array, to: number, point: number): number {
  if (point < 0x80) {
    out[to] = point;
    return to + 1;
  }
  if (point < 0x800) {
    out[to] = 0xc0 | point >> 6;
    out[to + 1] = 0x80 | point & 0x3f;
    return to + 2;
  }
  if (point < 0x10000) {
    out[to] = 0xe0 | point >> 12;
    out[to + 1] = 0x80 | point >> 6 & 0x3f;
    out[to + 2] = 0x80 | point & 0x3f;
    return to + 3;
  }
  out[to] = 0xf0 | point >> 18;
  out[to + 1] = 0x80 | point >> 12 & 0x3f;
  out[to + 2] = 0x80 | point >> 6 & 0x3f;
  out[to + 3] = 0x80 | point & 0x3f;
  return to + 4;
}
