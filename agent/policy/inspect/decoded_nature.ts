import { isContent, isWholeCbor, isWholeMessagePack } from "./binary.ts";
import { inflate, inflateEnd, isZlibHeader } from "./inflate.ts";
import { overlongLength } from "./overlong.ts";
import { characterLength } from "./tokens.ts";
import { orderOfAll } from "./utf16.ts";

/** Tells what decoded bytes are: most runs in the alphabet of an encoding are words, and decode to noise. */

/** As much of a run is decoded before it is known to be text. */
export const SAMPLE = 1024;
/** Bytes that texts are made of: printable ASCII, white space, and NUL for UTF-16. */
export const TEXTUAL: Uint8Array = new Uint8Array(256);
TEXTUAL.fill(1, 0x20, 0x7f);
for (const byte of [0x00, 0x09, 0x0a, 0x0b, 0x0c, 0x0d]) TEXTUAL[byte] = 1;

/** Bytes that were inflated in vain by all calls: what tests of linearity count. */
export let natureWork = 0;

/** What decoded bytes may be. */
export const NOISE = 0, TEXT = 1, DATA = 2;

/**
 * What `out[from, to)` is: text, data that may have text inside, or neither. `isAll`: it is complete. Behind `to`, room of
 * `SAMPLE` is used to try what it inflates to.
 */
export function natureOf(out: Uint8Array, from: number, to: number, isAll: boolean): number {
  if (to - from < 4) return NOISE;
  const first = out[from] as number;
  const second = out[from + 1] as number;
  const magic = first << 8 | second;
  if (isObjectMagic(out, from, to)) return DATA;
  if (magic === 0x1f8b || magic === 0x28b5 || isZlibHeader(first, second)) return DATA;
  if (magic === 0xfffe || magic === 0xfeff) return DATA;
  // CBOR and MessagePack begin with a container or a string.
  const isContainer = (first >= 0x80 && first < 0xc0) || (first >= 0xc4 && first <= 0xc6) ||
    (first >= 0xd9 && first <= 0xdf);
  if (
    isContainer && isAll && to - from >= 9 && (to - from >= 24 || countTextual(out, from, to) * 5 > (to - from) * 2)
  ) {
    if (isWholeCbor(out, from, to) || isWholeMessagePack(out, from, to)) return DATA;
  }
  if (isMostlyUtf8(out, from, to)) return countNul(out, from, to) * 5 > to - from ? DATA : TEXT;
  if (orderOfAll(out, from, to) >= 0) return DATA;
  // One last block of DEFLATE, which ends where the data ends.
  const type = first & 7;
  if (!isAll || (type !== 3 && (type !== 5 || to - from < 40)) || to + SAMPLE > out.length) return NOISE;
  const end = inflate(out, from, to, out, to, to + SAMPLE);
  natureWork += end - from;
  return inflateEnd !== "broken" && isContent(out, to, end) ? DATA : NOISE;
}

/** Begins like an object that Java, .NET, Python or Ruby has written: see byte_patterns.ts. */
function isObjectMagic(out: Uint8Array, from: number, to: number): boolean {
  const first = out[from] as number;
  const second = out[from + 1] as number;
  if (first === 0xac) return second === 0xed && out[from + 2] === 0 && out[from + 3] === 5;
  if (first === 0) return second === 1 && out[from + 5] === 0xff && out[from + 8] === 0xff && to - from >= 13;
  if (first === 0x80) return second >= 2 && second <= 5 && out[to - 1] === 0x2e;
  return first === 4 && second === 8 && to - from >= 12;
}

function countTextual(out: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at++) count += TEXTUAL[out[at] as number] as number;
  return count;
}

function countNul(out: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at++) if (out[at] === 0) count++;
  return count;
}

/** At most one byte in eight is neither text nor UTF-8, none of fewer than sixteen. */
function isMostlyUtf8(out: Uint8Array, from: number, to: number): boolean {
  let allowed = to - from < 16 ? 0 : (to - from) >> 3;
  for (let at = from; at < to;) {
    const byte = out[at] as number;
    const length = byte < 0x80
      ? TEXTUAL[byte] as number
      : characterLength(out, at, to) || (byte >= 0xc0 ? overlongLength(out, at, to) : 0);
    if (length === 0 && --allowed < 0) return false;
    at += Math.max(length, 1);
  }
  return true;
}
