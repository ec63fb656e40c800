/**
 * Inflates DEFLATE (RFC 1951), bare or in gzip (RFC 1952) or zlib (RFC 1950), up to a size and for as long as it is
 * valid: what came out before an error is kept, since one broken byte must not hide what stands before it.
 *
 * Not node:zlib: a call of it costs 250 to 400 µs here, whatever its size, and a client may put hundreds of small
 * streams into one payload. This takes less than 1 µs to see that something is no stream.
 */

const END = -1, BROKEN = -2, FULL = -3;

/** What the last call ended with: the whole stream was valid; it was cut at the size; it broke off. */
export type InflateEnd = "whole" | "full" | "broken";
export let inflateEnd: InflateEnd = "whole";
/** Behind the last byte that the last call read. */
export let inflateConsumed = 0;

// deno-fmt-ignore
const LENGTH_BASE = Uint16Array.of(
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
);
const LENGTH_EXTRA = Uint8Array.of(
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  1,
  1,
  1,
  1,
  2,
  2,
  2,
  2,
  3,
  3,
  3,
  3,
  4,
  4,
  4,
  4,
  5,
  5,
  5,
  5,
  0,
);
const CODE_ORDER = Uint8Array.of(16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15);

/** A canonical Huffman code: how many codes have each length, and the symbols in order of their codes. */
interface Code {
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

const newCode = (symbols: number): Code => ({ counts: new Uint16Array(16), symbols: new Uint16Array(symbols) });
const fixedLiterals = newCode(288), fixedDistances = newCode(30);
const literals = newCode(288), distances = newCode(30), codeLengths = newCode(19);
const lengths = new Uint8Array(320);
const offsets = new Uint16Array(16);

lengths.fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280, 288);
buildCode(fixedLiterals, lengths, 0, 288);
lengths.fill(5, 0, 30);
buildCode(fixedDistances, lengths, 0, 30);

let input: Uint8Array = new Uint8Array(0);
let at = 0;
let inputEnd = 0;
let bitBuffer = 0;
let bitCount = 0;

/**
 * Inflates `bytes[start, end)` into `out[from, to)` and returns where the output ends; `inflateEnd` says how. Time is
 * linear in input and output together.
 */
export function inflate(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  from: number,
  to: number,
): number {
  input = bytes;
  at = start;
  inputEnd = end;
  bitBuffer = bitCount = 0;
  let outAt = from;
  let last = 0;
  inflateEnd = "broken";
  inflateConsumed = start;
  while (last === 0) {
    last = bits(1);
    const type = bits(2);
    inflateConsumed = at;
    if (type < 0) return outAt;
    let reached: number;
    if (type === 0) reached = stored(out, outAt, to);
    else if (type === 1) reached = block(out, from, outAt, to, fixedLiterals, fixedDistances);
    else if (type === 2 && readCodes()) reached = block(out, from, outAt, to, literals, distances);
    else return outAt;
    outAt = blockEnd;
    inflateConsumed = at;
    if (reached === FULL) {
      inflateEnd = "full";
      return outAt;
    }
    if (reached === BROKEN) return outAt;
  }
  inflateEnd = "whole";
  return outAt;
}

/** CMF and FLG of RFC 1950 with a window of 32 KiB or less, and no preset dictionary. */
export function isZlibHeader(cmf: number, flags: number): boolean {
  return (cmf & 0x8f) === 0x08 && (cmf << 8 | flags) % 31 === 0 && (flags & 0x20) === 0;
}

/** Where the data of the gzip member at `start` begins, or -1 if none does there. */
export function gzipDataStart(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 12 || bytes[start] !== 0x1f || bytes[start + 1] !== 0x8b || bytes[start + 2] !== 8) return -1;
  const flags = bytes[start + 3] as number;
  let data = start + 10;
  if ((flags & 4) !== 0) data += 2 + (bytes[data] as number) + (bytes[data + 1] as number) * 256;
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue;
    while (data < end && bytes[data] !== 0) data++;
    data++;
  }
  if ((flags & 2) !== 0) data += 2;
  return data < end ? data : -1;
}

function bits(count: number): number {
  while (bitCount < count) {
    if (at >= inputEnd) return BROKEN;
    bitBuffer |= (input[at++] as number) << bitCount;
    bitCount += 8;
  }
  const value = bitBuffer & ((1 << count) - 1);
  bitBuffer >>>= count;
  bitCount -= count;
  return value;
}

function decode(code: Code): number {
  let value = 0;
  let first = 0;
  let index = 0;
  for (let length = 1; length < 16; length++) {
    if (bitCount === 0) {
      if (at >= inputEnd) return BROKEN;
      bitBuffer = input[at++] as number;
      bitCount = 8;
    }
    value |= bitBuffer & 1;
    bitBuffer >>>= 1;
    bitCount--;
    const count = code.counts[length] as number;
    if (value - count < first) return code.symbols[index + value - first] as number;
    index += count;
    first = first + count << 1;
    value <<= 1;
  }
  return BROKEN;
}

/** False for lengths that make no prefix code. */
function buildCode(code: Code, of: Uint8Array, from: number, count: number): boolean {
  code.counts.fill(0);
  for (let i = 0; i < count; i++) code.counts[of[from + i] as number]!++;
  const unused = code.counts[0] as number;
  code.counts[0] = 0;
  let left = 1;
  for (let length = 1; length < 16; length++) {
    left = (left << 1) - (code.counts[length] as number);
    if (left < 0) return false;
  }
  offsets[1] = 0;
  for (let length = 1; length < 15; length++) {
    offsets[length + 1] = (offsets[length] as number) + (code.counts[length] as number);
  }
  for (let symbol = 0; symbol < count; symbol++) {
    const length = of[from + symbol] as number;
    if (length !== 0) code.symbols[offsets[length]!++] = symbol;
  }
  return left === 0 || count - unused <= 1;
}

function readCodes(): boolean {
  const literalCount = bits(5) + 257;
  const distanceCount = bits(5) + 1;
  const lengthCount = bits(4) + 4;
  if (lengthCount < 4 || literalCount > 286 || distanceCount > 30) return false;
  lengths.fill(0);
  for (let i = 0; i < lengthCount; i++) {
    const length = bits(3);
    if (length < 0) return false;
    lengths[CODE_ORDER[i] as number] = length;
  }
  if (!buildCode(codeLengths, lengths, 0, 19)) return false;
  lengths.fill(0);
  for (let i = 0; i < literalCount + distanceCount;) {
    const symbol = decode(codeLengths);
    if (symbol < 0) return false;
    if (symbol < 16) {
      lengths[i++] = symbol;
      continue;
    }
    if (symbol === 16 && i === 0) return false;
    const value = symbol === 16 ? lengths[i - 1] as number : 0;
    const extra = symbol === 16 ? bits(2) + 3 : symbol === 17 ? bits(3) + 3 : bits(7) + 11;
    if (extra < 3 || i + extra > literalCount + distanceCount) return false;
    lengths.fill(value, i, i + extra);
    i += extra;
  }
  return lengths[256] !== 0 && buildCode(literals, lengths, 0, literalCount) &&
    buildCode(distances, lengths, literalCount, distanceCount);
}

let blockEnd = 0;

function stored(out: Uint8Array, from: number, to: number): number {
  bitBuffer = bitCount = 0;
  blockEnd = from;
  if (at + 4 > inputEnd) return BROKEN;
  const length = (input[at] as number) | (input[at + 1] as number) << 8;
  const complement = (input[at + 2] as number) | (input[at + 3] as number) << 8;
  if ((length ^ complement) !== 0xffff) return BROKEN;
  at += 4;
  const available = Math.min(length, inputEnd - at, to - from);
  for (let i = 0; i < available; i++) out[from + i] = input[at + i] as number;
  at += available;
  blockEnd = from + available;
  return available === length ? END : from + available === to ? FULL : BROKEN;
}

function block(out: Uint8Array, from: number, outFrom: number, to: number, code: Code, distanceCode: Code): number {
  let outAt = outFrom;
  for (;;) {
    blockEnd = outAt;
    const symbol = decode(code);
    if (symbol < 0) return BROKEN;
    if (symbol < 256) {
      if (outAt === to) return FULL;
      out[outAt++] = symbol;
      continue;
    }
    if (symbol === 256) return END;
    if (symbol > 285) return BROKEN;
    const extra = bits(LENGTH_EXTRA[symbol - 257] as number);
    const distanceSymbol = decode(distanceCode);
    if (extra < 0 || distanceSymbol < 0 || distanceSymbol > 29) return BROKEN;
    const distanceBits = distanceSymbol < 4 ? 0 : (distanceSymbol >> 1) - 1;
    const distanceExtra = bits(distanceBits);
    if (distanceExtra < 0) return BROKEN;
    const base = distanceSymbol < 4 ? distanceSymbol + 1 : ((2 + (distanceSymbol & 1)) << distanceBits) + 1;
    const distance = base + distanceExtra;
    if (distance > outAt - from) return BROKEN;
    let length = (LENGTH_BASE[symbol - 257] as number) + extra;
    const isCut = length > to - outAt;
    if (isCut) length = to - outAt;
    for (; length > 0; length--, outAt++) out[outAt] = out[outAt - distance] as number;
    if (isCut) {
      blockEnd = outAt;
      return FULL;
    }
  }
}
