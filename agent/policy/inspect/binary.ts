import { gzipDataStart, isZlibHeader } from "./inflate.ts";
import { PieceList } from "./pieces.ts";
import { orderOfAll } from "./utf16.ts";
import { BOUNDARY, characterLength } from "./tokens.ts";

/**
 * Texts inside of data that is no text: CBOR (RFC 8949), MessagePack, and runs of characters in anything else (Protocol
 * Buffers, Sparkplug, BSON). Each text becomes a piece of its own, followed by `BOUNDARY`, so that the bytes before it
 * are not taken for a part of its first word.
 */

/** What the last call found. */
export const pieces: PieceList = new PieceList();
/** The output was too small for all of it. */
export let piecesCut = false;
/** The data is a document of its format, to the last byte. */
export let isWhole = false;

let out: Uint8Array = new Uint8Array(0);
let outAt = 0;
let outEnd = 0;

function begin(target: Uint8Array, from: number, to: number): void {
  out = target;
  outAt = from;
  outEnd = to;
  pieces.clear();
  piecesCut = false;
}

function put(bytes: Uint8Array, start: number, end: number, isMeant = false): boolean {
  const isText = nonTextBytes(bytes, start, end) * 4 <= end - start;
  // Any data can be read as CBOR or MessagePack: what is no text in it was not meant as one.
  if (!isText && !isMeant && !looksPacked(bytes, start, end)) return true;
  const to = outAt + end - start;
  if (to >= outEnd) {
    piecesCut = true;
    return false;
  }
  const isPacked = isMeant && !isText || looksPacked(bytes, start, end);
  for (let i = start, o = outAt; i < end; i++, o++) {
    const byte = bytes[i] as number;
    out[o] = byte === BOUNDARY && !isPacked ? 0xfe : byte;
  }
  out[to] = BOUNDARY;
  pieces.add(outAt, to, start, isPacked);
  outAt = to + 1;
  return true;
}

/** Begins like gzip, zlib or Zstandard. */
export function looksPacked(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 8) return false;
  return gzipDataStart(bytes, start, end) > 0 || isZlibHeader(bytes[start] as number, bytes[start + 1] as number) ||
    isZstd(bytes, start, end);
}

/** What was inflated without a header to say that it is a stream: text, UTF-16, CBOR, MessagePack, compressed data. */
export function isContent(bytes: Uint8Array, start: number, end: number): boolean {
  const stop = Math.min(end, start + 256);
  if (stop - start < 5) return false;
  return nonTextBytes(bytes, start, stop) * 8 <= stop - start || orderOfAll(bytes, start, stop) >= 0 ||
    gzipDataStart(bytes, start, end) > 0 ||
    (end - start >= 12 && (isWholeCbor(bytes, start, end) || isWholeMessagePack(bytes, start, end)));
}

/** Magic number of Zstandard (RFC 8878). */
export function isZstd(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start > 8 && bytes[start] === 0x28 && bytes[start + 1] === 0xb5 && bytes[start + 2] === 0x2f &&
    bytes[start + 3] === 0xfd;
}

/**
 * Strings of a CBOR document, as far as it can be read, into `target[from, to)`; returns where the output ends (`from`:
 * it is no CBOR, or there are none). Containers need no stack: their items simply follow. One pass.
 */
export function cborStrings(
  bytes: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  from: number,
  to: number,
): number {
  begin(target, from, to);
  isWhole = isWholeCbor(bytes, start, end);
  let at = start;
  // A text that happens to begin with a letter is a CBOR string only if it ends with it.
  const first = bytes[start] as number;
  if (
    first < 0x80 && !(first >= 0x60 && first < 0x78 && end - start === first - 0x5f) && first !== 0x78 && first !== 0x79
  ) {
    return from;
  }
  while (at < end && !piecesCut) {
    const head = bytes[at++] as number;
    const major = head >> 5;
    const size = head & 0x1f;
    if (size > 27 && size < 31) break;
    let value = size;
    if (size >= 24 && size < 28) {
      const width = 1 << size - 24;
      if (at + width > end) break;
      value = 0;
      for (let i = 0; i < width; i++) value = value * 256 + (bytes[at + i] as number);
      at += width;
    }
    if (major !== 2 && major !== 3) continue;
    if (size === 31) at = chunkedString(bytes, at, end, major);
    else {
      if (value > end - at) {
        // Cut short, or no CBOR at all.
        if (pieces.count === 0) return from;
        put(bytes, at, end);
        break;
      }
      if (value > 0) put(bytes, at, at + value, isWhole && major === 2);
      at += value;
    }
  }
  return outAt;
}

/** Items that are still to come of each container that is open; Infinity for one that a break ends. */
const due = new Float64Array(32);

/** CBOR to the last byte: then a byte string in it was meant as one, whatever it holds. At most 31 containers deep. */
export function isWholeCbor(bytes: Uint8Array, start: number, end: number): boolean {
  let depth = 0;
  let at = start;
  due[0] = 1;
  for (;;) {
    while (due[depth] === 0) if (--depth < 0) return at === end;
    if (at >= end) return false;
    const head = bytes[at++] as number;
    const major = head >> 5;
    const size = head & 0x1f;
    if (head === 0xff) {
      if (due[depth] !== Infinity || --depth < 0) return false;
      continue;
    }
    if (size > 27 && (size < 31 || major < 2 || major > 5)) return false;
    let value = size;
    if (size >= 24 && size < 28) {
      value = 0;
      for (let left = 1 << size - 24; left > 0; left--) value = value * 256 + (bytes[at++] ?? 0);
    }
    due[depth]!--;
    if (major < 2 || major === 7) continue;
    if (size !== 31 && (major === 2 || major === 3)) at += value;
    else {
      if (++depth === due.length) return false;
      due[depth] = size === 31 ? Infinity : major === 6 ? 1 : major === 5 ? 2 * value : value;
    }
  }
}

/** A string in chunks (RFC 8949 section 3.2.3) is one text. */
function chunkedString(bytes: Uint8Array, from: number, end: number, major: number): number {
  const first = outAt;
  let at = from;
  while (at < end && bytes[at] !== 0xff) {
    const head = bytes[at++] as number;
    if (head >> 5 !== major || (head & 0x1f) > 25) break;
    let size = head & 0x1f;
    if (size === 24) size = bytes[at++] ?? 0;
    else if (size === 25) {
      size = (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
      at += 2;
    }
    const stop = Math.min(at + size, end);
    if (outAt + stop - at + 1 >= outEnd) {
      piecesCut = true;
      return end;
    }
    for (; at < stop; at++) out[outAt++] = bytes[at] === BOUNDARY ? 0xfe : bytes[at] as number;
  }
  if (outAt > first) {
    pieces.add(first, outAt, from, false);
    out[outAt++] = BOUNDARY;
  }
  return at + 1;
}

/** Strings of a MessagePack document, as {@link cborStrings} does it. */
export function messagePackStrings(
  bytes: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  from: number,
  to: number,
): number {
  begin(target, from, to);
  if ((bytes[start] as number) < 0x80) return from;
  isWhole = isWholeMessagePack(bytes, start, end);
  let at = start;
  while (at < end && !piecesCut) {
    const head = bytes[at++] as number;
    let size = 0;
    let width = 0;
    if (head >= 0xa0 && head < 0xc0) size = head & 0x1f;
    else if (head === 0xd9 || head === 0xc4) width = 1;
    else if (head === 0xda || head === 0xc5) width = 2;
    else if (head === 0xdb || head === 0xc6) width = 4;
    else if (head >= 0xc7 && head <= 0xc9) width = 1 << head - 0xc7;
    else {
      at += messagePackSkip(head);
      continue;
    }
    if (at + width > end) break;
    for (let i = 0; i < width; i++) size = size * 256 + (bytes[at + i] as number);
    at += width;
    if (head >= 0xc7 && head <= 0xc9) at++;
    if (size > end - at) {
      if (pieces.count === 0) return from;
      put(bytes, at, end);
      break;
    }
    if (size > 0) put(bytes, at, at + size, isWhole && head >= 0xc4 && head <= 0xc9);
    at += size;
  }
  return outAt;
}

/** MessagePack to the last byte. */
export function isWholeMessagePack(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  let due = 1;
  while (at < end && due > 0) {
    const head = bytes[at++] as number;
    due--;
    if (head === 0xc1) return false;
    if (head >= 0x80 && head < 0x90) due += 2 * (head & 15);
    else if (head >= 0x90 && head < 0xa0) due += head & 15;
    else if (head >= 0xa0 && head < 0xc0) at += head & 31;
    else if (head === 0xdc || head === 0xde) {
      due += ((bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)) * (head === 0xde ? 2 : 1);
      at += 2;
    } else {
      const width = head === 0xd9 || head === 0xc4 || head === 0xc7
        ? 1
        : head === 0xda || head === 0xc5 || head === 0xc8
        ? 2
        : head === 0xdb || head === 0xc6 || head === 0xc9
        ? 4
        : 0;
      let size = 0;
      for (let i = 0; i < width; i++) size = size * 256 + (bytes[at + i] ?? 0);
      at += width + size + messagePackSkip(head) + (head >= 0xc7 && head <= 0xc9 ? 1 : 0);
      if (head === 0xdd || head === 0xdf) return false;
    }
  }
  return at === end && due === 0;
}

/** Bytes behind a head that is no string: numbers, and the counts of containers. */
function messagePackSkip(head: number): number {
  switch (head) {
    case 0xcc:
    case 0xd0:
      return 1;
    case 0xcd:
    case 0xd1:
    case 0xdc:
    case 0xde:
    case 0xd4:
      return 2;
    case 0xca:
    case 0xce:
    case 0xd2:
    case 0xdd:
    case 0xdf:
      return 4;
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return 8;
    case 0xd5:
      return 3;
    case 0xd6:
      return 5;
    case 0xd7:
      return 9;
    case 0xd8:
      return 17;
  }
  return 0;
}

/** Shortest run of characters in data that is taken for a text. */
const MIN_RUN = 6;
/** As much of a run is repeated without the one or two bytes before it that may be its length. */
const HEAD = 256;

/**
 * Runs of characters in data of any kind. The length of a text, and the number of its field, stand before it and may
 * look like characters, so each run comes as it is (`whole`) and without its first and its first two bytes. `hasBounds`: 0xff
 * is where its texts are parted, so that nothing of theirs stands before what follows it.
 */
export function characterRuns(
  bytes: Uint8Array,
  start: number,
  end: number,
  whole: boolean,
  hasBounds: boolean,
  target: Uint8Array,
  from: number,
  to: number,
): number {
  begin(target, from, to);
  let at = start;
  while (at < end && !piecesCut) {
    const first = at;
    while (at < end) {
      const length = textLength(bytes, at, end);
      if (length === 0) break;
      at += length;
    }
    if (at - first >= MIN_RUN) {
      if (whole) put(bytes, first, at);
      const isBehind = first > start && !(hasBounds && bytes[first - 1] === BOUNDARY);
      if (isBehind || whole) {
        put(bytes, first + 1, Math.min(at, first + 1 + HEAD));
        put(bytes, first + 2, Math.min(at, first + 2 + HEAD));
      }
    }
    at++;
  }
  return outAt;
}

/** Bytes of the character at `at` if it is one of a text. */
function textLength(bytes: Uint8Array, at: number, end: number): number {
  const byte = bytes[at] as number;
  if (byte >= 0x80) return characterLength(bytes, at, end);
  return (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d) ? 1 : 0;
}

/**
 * How many bytes of `bytes[start, end)` are in no text: control characters, NUL, what is not UTF-8. `hasBounds`: 0xff is
 * where its texts are parted.
 */
export function nonTextBytes(bytes: Uint8Array, start: number, end: number, hasBounds = false): number {
  let count = 0;
  for (let at = start; at < end;) {
    const length = textLength(bytes, at, end);
    if (length === 0 && !(hasBounds && bytes[at] === BOUNDARY)) count++;
    at += Math.max(length, 1);
  }
  return count;
}
