/**
 * Base64 with white space within: in groups, in lines of any length, between all characters. Decoders leave it out, as RFC
 * 2045 has it. What is written so is all of its text, or of one string.
 */

/** White space, by its byte. */
export const SPACE = new Uint8Array(256);
for (const byte of [0x20, 0x09, 0x0a, 0x0b, 0x0c, 0x0d]) SPACE[byte] = 1;

/** Fewest characters besides the white space. */
const MIN_SPACED = 7;
const PADDING = 0x3d;

/** The stretch of the alphabet and white space that {@link isSpacedSegment} looked at. */
export let spacedStart = 0;
export let spacedEnd = 0;

/**
 * True if the characters of base64 and the white space around `at` may be one text in base64: long enough, its padding at
 * its end. Looks at nothing before `floor`, so that calls with `spacedEnd` as the next floor take linear time together.
 * `values` has `none` for what is not of the alphabet.
 */
export function isSpacedSegment(
  bytes: Uint8Array,
  floor: number,
  at: number,
  end: number,
  values: Uint8Array,
  none: number,
): boolean {
  let from = at;
  while (from > floor && (values[bytes[from - 1] as number] !== none || SPACE[bytes[from - 1] as number] === 1)) from--;
  let to = at;
  while (to < end && (values[bytes[to] as number] !== none || SPACE[bytes[to] as number] === 1)) to++;
  for (let n = 0; to < end && n < 8 && (bytes[to] === PADDING || (n > 0 && SPACE[bytes[to] as number] === 1)); n++) {
    to++;
  }
  spacedStart = from;
  spacedEnd = Math.max(to, at + 1);
  return to - from >= MIN_SPACED;
}

/** What {@link joinSpaced} made. */
export interface Joined {
  bytes: Uint8Array;
  size: number;
  /** It is all of the stretch. */
  isAll: boolean;
  /** It is padded, or its groups are of one length but the last: nobody writes words so. */
  isEven: boolean;
}
const joined: Joined = { bytes: new Uint8Array(1024), size: 0, isAll: false, isEven: false };

/** The characters of the stretch without its white space, up to `limit`. The result is used again. */
export function joinSpaced(bytes: Uint8Array, values: Uint8Array, none: number, limit: number): Joined {
  const most = Math.min(limit, spacedEnd - spacedStart);
  if (joined.bytes.length < most) joined.bytes = new Uint8Array(2 * most);
  let size = 0;
  let group = 0;
  let width = 0;
  let isEven = true;
  let isPadded = false;
  let at = spacedStart;
  for (; at < spacedEnd && size < most; at++) {
    const byte = bytes[at] as number;
    if (values[byte] !== none) {
      joined.bytes[size++] = byte;
      group++;
    } else if (byte === PADDING) isPadded = true;
    else if (group > 0) {
      if (width === 0) width = group;
      else if (group !== width) isEven = false;
      group = 0;
    }
  }
  joined.size = size < MIN_SPACED ? 0 : size;
  joined.isAll = at >= spacedEnd || (at === spacedEnd - 1 && size < most);
  joined.isEven = isPadded || (isEven && width > 0 && group <= width);
  return joined;
}
