/** The character that {@link overlongLength} read. */
export let overlongCharacter = 0;

/**
 * Bytes of the dot, slash or backslash at `at` that is written in more bytes than it has: `c0 ae`, `e0 80 af`,
 * `f0 80 80 af` and so on, the broken `c0 2e` and `c1 1c` too. 0 if there is none.
 */
export function overlongLength(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at] as number;
  const length = lead === 0xc0 || lead === 0xc1
    ? 2
    : lead === 0xe0
    ? 3
    : lead === 0xf0
    ? 4
    : lead === 0xf8
    ? 5
    : lead === 0xfc
    ? 6
    : 0;
  if (length === 0 || at + length > end) return 0;
  let point = length === 2 ? lead & 1 : 0;
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i] as number;
    if ((byte & 0xc0) !== 0x80 && (length !== 2 || byte >= 0x40)) return 0;
    point = point << 6 | byte & 0x3f;
  }
  if (point !== 0x2e && point !== 0x2f && point !== 0x5c) return 0;
  overlongCharacter = point;
  return length;
}

/** Bytes of ASCII in two bytes each (`c0 bc` for `<`) in `bytes[start, end)`: a text written so, which lax readers take. */
export function overlongBytes(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = start; at + 1 < end; at++) {
    const lead = bytes[at] as number;
    if ((lead !== 0xc0 && lead !== 0xc1) || ((bytes[at + 1] as number) & 0xc0) !== 0x80) continue;
    count += 2;
    at++;
  }
  return count;
}
