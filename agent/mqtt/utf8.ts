/**
 * UTF-8 as MQTT wants it: section 1.5.4 for the text in packets, section 3.3.2.3.2 for payloads that come in pieces.
 *
 * `TextDecoder` in its strict mode would say only that something is wrong, by an exception, and an attacker chooses how often that is paid.
 */

import { Buffer } from "node:buffer";

/** What {@link scanText} found, as bits. */
export const NON_ASCII = 1, NUL = 2, CONTROL = 4, NONCHARACTER = 8, ILL_FORMED = 16, WILDCARD = 32;

const CLASS_BY_BYTE = classByByte();

/**
 * What is in the text between `start` and `end`. Where it is ill-formed, non-ASCII control characters and non-characters are not looked for.
 * One pass for ASCII, three otherwise; allocates nothing.
 */
export function scanText(bytes: Uint8Array, start: number, end: number): number {
  let found = 0;
  for (let at = start; at < end; at++) found |= CLASS_BY_BYTE[bytes[at] as number] as number;
  return (found & NON_ASCII) === 0 ? found : found | scanNonAscii(bytes, start, end);
}

function scanNonAscii(bytes: Uint8Array, start: number, end: number): number {
  if (continueUtf8(UTF8_COMPLETE, bytes, start, end) !== UTF8_COMPLETE) return ILL_FORMED;
  let found = 0;
  let at = start;
  while (at < end) {
    const lead = bytes[at++] as number;
    if (lead < 0x80) continue;
    let point = lead & (lead < 0xe0 ? 0x1f : lead < 0xf0 ? 0x0f : 0x07);
    for (let following = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3; following > 0; following--) {
      point = point << 6 | (bytes[at++] as number) & 0x3f;
    }
    if (point < 0xa0) found |= CONTROL;
    else if ((point & 0xfffe) === 0xfffe || (point >= 0xfdd0 && point <= 0xfdef)) found |= NONCHARACTER;
  }
  return found;
}

/** State of {@link continueUtf8} between two characters, and where no text can follow any more. */
export const UTF8_COMPLETE = 0, UTF8_BROKEN = 8;

const NEXT_STATE = nextStates();

/** Where the first byte that is not ASCII stands, or `end`. Eight at a time: payloads are mostly ASCII, and the whole of them is looked at. */
function skipAscii(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (; at + 8 <= end; at += 8) {
    const all = (bytes[at] as number) | (bytes[at + 1] as number) | (bytes[at + 2] as number) |
      (bytes[at + 3] as number) | (bytes[at + 4] as number) | (bytes[at + 5] as number) | (bytes[at + 6] as number) |
      (bytes[at + 7] as number);
    if (all >= 0x80) break;
  }
  while (at < end && (bytes[at] as number) < 0x80) at++;
  return at;
}

/**
 * Follows UTF-8 over pieces: takes the state behind the piece before and gives the one behind this, `UTF8_BROKEN` as soon as it is ill-formed
 * (RFC 3629: over-long forms, surrogates and what lies above U+10FFFF included). O(bytes), allocates nothing.
 */
export function continueUtf8(state: number, bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const byte = bytes[at++] as number;
    if (byte < 0x80 && state === UTF8_COMPLETE) {
      at = skipAscii(bytes, at, end);
      continue;
    }
    state = NEXT_STATE[state << 8 | byte] as number;
    if (state === UTF8_BROKEN) return UTF8_BROKEN;
  }
  return state;
}

// Not fatal: the bytes were scanned, and what a broker sends ill-formed is read with U+FFFD. [MQTT-1.5.4-3] U+FEFF is data wherever it stands.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Text of what {@link scanText} found `found` in. ASCII costs less than half of the rest. */
export function decodeText(bytes: Uint8Array, start: number, end: number, found: number): string {
  if ((found & NON_ASCII) !== 0) return decoder.decode(bytes.subarray(start, end));
  if (end - start > SHORT_TEXT_BYTES) return latin1Slice.call(bytes, start, end);
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at] as number);
  return text;
}

/** Up to here a loop is faster than the call of `latin1Slice`. */
const SHORT_TEXT_BYTES = 8;

/** Not in the type declarations, but in Node and Deno alike, and twice as fast as any other way (libraries.md section 3). */
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice: (this: Uint8Array, start: number, end: number) => string;
};

function classByByte(): Uint8Array {
  const classes = new Uint8Array(256);
  classes.fill(CONTROL, 0x01, 0x20);
  classes.fill(NON_ASCII, 0x80);
  classes[0x00] = NUL;
  classes[0x7f] = CONTROL;
  classes[0x23] = WILDCARD; // #
  classes[0x2b] = WILDCARD; // +
  return classes;
}

/** Table 3-7 of the Unicode standard as transitions: 256 bytes for each state. */
function nextStates(): Uint8Array {
  const next = new Uint8Array(8 << 8).fill(UTF8_BROKEN);
  const go = (state: number, first: number, last: number, to: number) =>
    next.fill(to, state << 8 | first, (state << 8 | last) + 1);
  const ONE = 1, TWO = 2, THREE = 3, AFTER_E0 = 4, AFTER_ED = 5, AFTER_F0 = 6, AFTER_F4 = 7;
  go(UTF8_COMPLETE, 0x00, 0x7f, UTF8_COMPLETE);
  go(UTF8_COMPLETE, 0xc2, 0xdf, ONE);
  go(UTF8_COMPLETE, 0xe0, 0xe0, AFTER_E0);
  go(UTF8_COMPLETE, 0xe1, 0xef, TWO);
  go(UTF8_COMPLETE, 0xed, 0xed, AFTER_ED);
  go(UTF8_COMPLETE, 0xf0, 0xf0, AFTER_F0);
  go(UTF8_COMPLETE, 0xf1, 0xf3, THREE);
  go(UTF8_COMPLETE, 0xf4, 0xf4, AFTER_F4);
  go(ONE, 0x80, 0xbf, UTF8_COMPLETE);
  go(TWO, 0x80, 0xbf, ONE);
  go(THREE, 0x80, 0xbf, TWO);
  go(AFTER_E0, 0xa0, 0xbf, ONE);
  go(AFTER_ED, 0x80, 0x9f, ONE);
  go(AFTER_F0, 0x90, 0xbf, TWO);
  go(AFTER_F4, 0x80, 0x8f, TWO);
  return next;
}
