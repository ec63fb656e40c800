import { Buffer } from "node:buffer";
import { latin1 } from "./text_cache.ts";

/** Base64 as every encoder writes it: other decoders disagree on anything looser, and would see other bytes. */
const STRICT = { lastChunkHandling: "strict" } as const;

/** The engine's decoder wants a string: from here on it is worth making one (measured: 1,000 characters). */
const ENGINE_CHARS = 1024;

const INVALID = 0x80;
const DIGITS = new Uint8Array(256).fill(INVALID);
for (let i = 0; i < 64; i++) {
  DIGITS["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".charCodeAt(i)] = i;
}
const PADDING = 0x3d;

/**
 * Decodes the base64 (RFC 4648 section 4) in `from[start..end)` into `into`, which has room for it; the number of bytes,
 * or -1 for anything that is not canonical: white space, other alphabets, missing or superfluous padding, stray bits.
 */
export function decodeBase64(from: Buffer, start: number, end: number, into: Uint8Array): number {
  const chars = end - start;
  if ((chars & 3) !== 0) return -1;
  if (chars > ENGINE_CHARS) return decodeBase64Text(latin1(from, start, end), into);
  if (chars === 0) return 0;
  let written = 0;
  let seen = 0;
  const last = end - 4;
  let at = start;
  for (; at < last; at += 4) {
    const a = DIGITS[from[at] as number] as number;
    const b = DIGITS[from[at + 1] as number] as number;
    const c = DIGITS[from[at + 2] as number] as number;
    const d = DIGITS[from[at + 3] as number] as number;
    seen |= a | b | c | d;
    into[written] = a << 2 | b >> 4;
    into[written + 1] = b << 4 | c >> 2;
    into[written + 2] = c << 6 | d;
    written += 3;
  }
  const padded = from[at + 3] === PADDING ? from[at + 2] === PADDING ? 2 : 1 : 0;
  const a = DIGITS[from[at] as number] as number;
  const b = DIGITS[from[at + 1] as number] as number;
  const c = padded === 2 ? 0 : DIGITS[from[at + 2] as number] as number;
  const d = padded > 0 ? 0 : DIGITS[from[at + 3] as number] as number;
  seen |= a | b | c | d;
  if ((seen & INVALID) !== 0) return -1;
  // Bits that no byte takes have to be 0: otherwise the same bytes would have several spellings.
  if (padded === 2 && (b & 15) !== 0 || padded === 1 && (c & 3) !== 0) return -1;
  into[written++] = a << 2 | b >> 4;
  if (padded < 2) into[written++] = b << 4 | c >> 2;
  if (padded < 1) into[written++] = c << 6 | d;
  return written;
}

/** The same for text. */
export function decodeBase64Text(text: string, into: Uint8Array): number {
  try {
    const { read, written } = into.setFromBase64(text, STRICT);
    // The engine skips white space.
    return read === text.length && text.length === 4 * Math.ceil(written / 3) ? written : -1;
  } catch {
    return -1;
  }
}
