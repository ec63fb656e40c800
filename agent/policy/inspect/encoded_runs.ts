import {
  hasLetters,
  isWholeStretch,
  listEnd,
  listLength,
  MIN_ITEMS,
  nextItem,
  nextStretch,
  readList,
  stretchEnd,
  stretchStart,
} from "./byte_lists.ts";
import { DATA, natureOf, natureWork, NOISE, SAMPLE, TEXT, TEXTUAL } from "./decoded_nature.ts";
import { isSpacedSegment, joinSpaced, SPACE, spacedEnd, spacedStart } from "./spaced_runs.ts";
import { DOUBTFUL, GUESSED, PieceList } from "./pieces.ts";
import { BOUNDARY, characterLength, hexValue } from "./tokens.ts";

/**
 * Finds what looks like base64 (RFC 4648, both alphabets, padded or not, wrapped in lines, glued to other letters) or
 * hexadecimal in a text, and decodes of it what is text, UTF-16 or compressed data. Most words of a text are in the
 * alphabet of base64: that what they decode to is no text is seen from a few characters, and costs no more than that.
 */

/** Fewest characters of base64 without and with its padding, and of hexadecimal: five bytes. */
const MIN_BASE64 = 6, MIN_PADDED = 7, MIN_HEX = 10, MIN_DECIMAL = 16;

const NONE = 0x40;
const VALUE = base64Values();
// What is imported is taken from its module each time, which in a loop over bytes takes longer than the rest of it.
const IS_SPACE = SPACE, IS_TEXTUAL = TEXTUAL;

/** What {@link decodeRuns} found last. */
export const runs: PieceList = new PieceList();
/** The output was too small for all of it. */
export let runsCut = false;
/** Characters looked at by the last call: what tests of linearity count. */
export let runWork = 0;

let out: Uint8Array = new Uint8Array(0);
let outAt = 0;
let outEnd = 0;
/** A run that was wrapped in lines, without them. */
let unwrapped = new Uint8Array(1024);

/**
 * Decodes all runs of `bytes[start, end)` into `target[from, to)`, each piece followed by `BOUNDARY`; returns where the
 * output ends. Behind `to`, room is used to try what a run decodes to. The pieces are in `runs`. Linear: each character is decoded at five alignments at most.
 */
export function decodeRuns(
  bytes: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  from: number,
  to: number,
): number {
  out = target;
  outAt = from;
  outEnd = to;
  runs.clear();
  runsCut = false;
  runWork = 0;
  const inflatedBefore = natureWork;
  let floor = start;
  let spacedFloor = start;
  // A run of MIN_BASE64 characters has one at every multiple of it: nothing between those is looked at.
  let probe = start + MIN_BASE64 - 1;
  while (probe < end && !runsCut) {
    if (VALUE[bytes[probe] as number] === NONE) {
      if (IS_SPACE[bytes[probe] as number] === 1 && probe >= spacedFloor) {
        decodeSpaced(bytes, spacedFloor, probe, end, 0);
        spacedFloor = spacedEnd;
      }
      probe += MIN_BASE64;
      continue;
    }
    let first = probe;
    while (first > floor && VALUE[bytes[first - 1] as number] !== NONE) first--;
    let last = runEnd(bytes, probe, end);
    if (isWrapped(bytes, first, last, end)) last = decodeWrapped(bytes, first, last, end);
    else {
      const padding = last < end && bytes[last] === 0x3d ? 1 : 0;
      decodeRun(bytes, first, last, padding, first);
    }
    runWork += last - first;
    const isBesideSpace = (last < end && IS_SPACE[bytes[last] as number] === 1) ||
      (first > start && IS_SPACE[bytes[first - 1] as number] === 1);
    if (first >= spacedFloor && isBesideSpace) {
      decodeSpaced(bytes, spacedFloor, first, end, last);
      spacedFloor = spacedEnd;
    }
    floor = last;
    probe = last + MIN_BASE64;
  }
  decodeLists(bytes, start, end);
  runWork += natureWork - inflatedBefore;
  return outAt;
}

/** Half of it is letters of one case, digits and spaces, as in what people and programs write. Readings have all alike. */
function isWritten(from: number, to: number): boolean {
  let small = 0;
  let capital = 0;
  let others = 0;
  for (let at = from; at < to; at++) {
    const byte = out[at] as number;
    if (byte >= 0x61 && byte <= 0x7a) small++;
    else if (byte >= 0x41 && byte <= 0x5a) capital++;
    else if (byte === 0x20 || (byte >= 0x30 && byte <= 0x39)) others++;
  }
  return (Math.max(small, capital) + others) * 2 >= to - from;
}

/** Takes the list that was read last if it is a text or holds one. */
function takeList(source: number, doubtBelow: number): void {
  const to = outAt + listLength;
  const nature = natureOf(out, outAt, to, true);
  if (nature === NOISE || (doubtBelow === GUESSED && nature === TEXT && !isWritten(outAt, to))) return;
  if (to + 2 > outEnd) runsCut = true;
  else take(to, source, nature === DATA, doubtBelow);
}

/** Decodes lists of single bytes that are text or hold one. */
function decodeLists(bytes: Uint8Array, start: number, end: number): void {
  let floor = start;
  while (!runsCut && nextStretch(bytes, start, floor, end)) {
    const stop = stretchEnd;
    const isWhole = isWholeStretch;
    for (let at = stretchStart; at < stop && !runsCut;) {
      readList(bytes, at, stop, out, outAt, false);
      runWork += listEnd - at;
      // Nothing else is in the text: then a few are enough, if they are all characters.
      const isAll = isWhole && at === stretchStart && listEnd === stop && isOfCharacters();
      const isList = listLength >= MIN_ITEMS || (isAll && listLength >= (hasLetters ? 3 : 5));
      let behind = isList ? listEnd : at;
      const isHexAlone = isList && hasLetters;
      if (isList) takeList(at, isAll && isSpaced(bytes, at) ? 0 : listLength < DOUBTFUL ? DOUBTFUL : 0);
      if (!isHexAlone && !runsCut) {
        readList(bytes, at, stop, out, outAt, true);
        runWork += listEnd - at;
        if (listLength >= MIN_ITEMS) {
          behind = Math.max(behind, listEnd);
          // Readings of sensors are such lists.
          takeList(at, GUESSED);
        }
      }
      at = behind > at ? behind : nextItem(bytes, at, stop);
    }
    floor = stop;
  }
}

/** The list that was read last has only characters of texts. */
function isOfCharacters(): boolean {
  const end = outAt + listLength;
  for (let at = outAt; at < end;) {
    const byte = out[at] as number;
    const length = byte < 0x80 ? IS_TEXTUAL[byte] as number : characterLength(out, at, end);
    if (length === 0 || byte === 0) return false;
    at += length;
  }
  return true;
}

/** A space stands behind the first two digits of a list: with other signs they are an address, or readings. */
function isSpaced(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 2] === 0x20;
}

function runEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && VALUE[bytes[at] as number] !== NONE) at++;
  return at;
}

/** A line of whole groups ends at `last`, and the next begins with base64. */
function isWrapped(bytes: Uint8Array, first: number, last: number, end: number): boolean {
  if ((last - first) % 4 !== 0 || last >= end) return false;
  const next = skipLineBreak(bytes, last, end);
  return next > last && next < end && VALUE[bytes[next] as number] !== NONE;
}

function skipLineBreak(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  if (at < end && bytes[at] === 0x0d) at++;
  if (at < end && bytes[at] === 0x0a) at++;
  if (at === from) return from;
  while (at < end && (bytes[at] === 0x20 || bytes[at] === 0x09)) at++;
  return at;
}

function decodeWrapped(bytes: Uint8Array, first: number, firstEnd: number, end: number): number {
  let size = 0;
  let at = first;
  let last = firstEnd;
  for (;;) {
    if (unwrapped.length < size + last - at) {
      const larger = new Uint8Array(2 * (size + last - at));
      larger.set(unwrapped.subarray(0, size));
      unwrapped = larger;
    }
    for (let i = at; i < last; i++) unwrapped[size++] = bytes[i] as number;
    if (!isWrapped(bytes, at, last, end)) break;
    at = skipLineBreak(bytes, last, end);
    last = runEnd(bytes, at, end);
  }
  decodeRun(unwrapped, 0, size, 0, first);
  return last;
}

function decodeRun(bytes: Uint8Array, first: number, last: number, padding: number, source: number): void {
  if (last - first + padding < MIN_PADDED) return;
  const letters = lettersOf(bytes, first, last);
  // A word: base64 has capitals and digits, since the first bits of ASCII are small.
  if ((letters & (CAPITAL | HEX_CAPITAL | DIGIT)) === 0) return;
  if (last - first >= MIN_HEX) {
    if (letters === DIGIT && last - first < MIN_DECIMAL) return;
    decodeHexRuns(bytes, first, last, source - first);
    // Hashes: base64 of a text has other letters.
    if ((letters & (CAPITAL | SMALL)) === 0) return;
  }
  const whole = decodeWhole(bytes, first, last, source);
  const quads = (last - first) >> 2;
  // In a long run, and beside another reading, random bytes look like text more often.
  const needed = whole ? 6 : quads < 64 ? 3 : 5;
  for (let phase = whole ? 1 : 0; phase < 4 && !runsCut; phase++) {
    decodeText(bytes, first + phase, last, needed, source - first);
  }
}

/** Base64 with white space anywhere in it, around `at`: nothing of it comes before `floor`, and up to `done` it was decoded. */
function decodeSpaced(bytes: Uint8Array, floor: number, at: number, end: number, done: number): void {
  const isSpaced = isSpacedSegment(bytes, floor, at, end, VALUE, NONE);
  let behind = done;
  while (behind < spacedEnd && VALUE[bytes[behind] as number] === NONE) behind++;
  if (!isSpaced || (spacedStart === at && behind === spacedEnd)) {
    runWork += spacedEnd - spacedStart;
    return;
  }
  let limit = SAMPLE;
  for (;;) {
    const joined = joinSpaced(bytes, VALUE, NONE, limit);
    runWork += joined.size;
    const letters = lettersOf(joined.bytes, 0, joined.size);
    const isCased = (letters & (CAPITAL | HEX_CAPITAL)) !== 0 && (letters & (SMALL | HEX_SMALL | DIGIT)) !== 0;
    if (!isCased || outAt + SAMPLE > out.length) return;
    if (limit === SAMPLE && natureOf(out, outAt, decodeInto(joined.bytes, 0, joined.size), joined.isAll) === NOISE) {
      return;
    }
    if (joined.isAll) {
      const doubt = joined.isEven || joined.size >= 24 ? 0 : DOUBTFUL;
      const isData = natureOf(
        out,
        outAt,
        decodeInto(joined.bytes, 0, Math.min(joined.size, SAMPLE)),
        joined.size <= SAMPLE,
      );
      put(joined.bytes, 0, joined.size, spacedStart, isData === DATA, doubt);
      return;
    }
    limit = Infinity;
  }
}

const HEX_SMALL = 1, SMALL = 2, HEX_CAPITAL = 4, CAPITAL = 8, DIGIT = 16;
const LETTER = new Uint8Array(256).fill(CAPITAL);
LETTER.fill(DIGIT, 0x30, 0x3a).fill(HEX_CAPITAL, 0x41, 0x47).fill(SMALL, 0x61, 0x7b).fill(HEX_SMALL, 0x61, 0x67);
LETTER[0x2d] = LETTER[0x5f] = SMALL;

/** What is in the run, as bits. */
function lettersOf(bytes: Uint8Array, first: number, last: number): number {
  let letters = 0;
  for (let at = first; at < last; at++) letters |= LETTER[bytes[at] as number] as number;
  return letters;
}

/** Decodes the run as it is if it is text, or data that has text inside. */
function decodeWhole(bytes: Uint8Array, first: number, last: number, source: number): boolean {
  const sample = Math.min(last, first + SAMPLE);
  if (outAt + SAMPLE > out.length) {
    runsCut = true;
    return false;
  }
  const nature = natureOf(out, outAt, decodeInto(bytes, first, sample), sample === last);
  if (nature === NOISE) return false;
  return put(bytes, first, last, source, nature === DATA, 0);
}

/** Decodes the stretches of a run, at one alignment, that are text: `enough` groups of three bytes in a row begin one. */
function decodeText(bytes: Uint8Array, from: number, last: number, enough: number, shift: number): void {
  const quads = (last - from) >> 2;
  runWork += quads << 2;
  let streak = 0;
  for (let at = from; at + 4 <= last; at += 4) {
    const bits = group(bytes, at);
    const textual = (IS_TEXTUAL[bits >> 16] as number) & (IS_TEXTUAL[bits >> 8 & 0xff] as number) &
      (IS_TEXTUAL[bits & 0xff] as number);
    streak = textual === 1 ? streak + 1 : 0;
    if (streak < enough) continue;
    // From one group before, which may hold what the text begins with, to where four groups in a row are no text.
    const begin = Math.max(from, at - streak * 4);
    let bad = 0;
    let stop = at + 4;
    for (; stop + 4 <= last && bad < 4; stop += 4) bad = isTextual(group(bytes, stop)) ? 0 : bad + 1;
    if (bad < 4) stop = last;
    if (!put(bytes, begin, stop, begin + shift, false, DOUBTFUL)) return;
    at = stop - 4;
    streak = 0;
  }
}

function isTextual(bits: number): boolean {
  return (IS_TEXTUAL[bits >> 16] as number) + (IS_TEXTUAL[bits >> 8 & 0xff] as number) +
      (IS_TEXTUAL[bits & 0xff] as number) >=
    2;
}

/** The three bytes of the group of four characters at `at`. */
function group(bytes: Uint8Array, at: number): number {
  return (VALUE[bytes[at] as number] as number) << 18 | (VALUE[bytes[at + 1] as number] as number) << 12 |
    (VALUE[bytes[at + 2] as number] as number) << 6 | (VALUE[bytes[at + 3] as number] as number);
}

/** Decodes `bytes[from, last)` behind the output, without taking it; returns where it would end. */
function decodeInto(bytes: Uint8Array, from: number, last: number): number {
  let at = from;
  let to = outAt;
  for (; at + 4 <= last; at += 4) {
    const bits = group(bytes, at);
    out[to++] = bits >> 16;
    out[to++] = bits >> 8 & 0xff;
    out[to++] = bits & 0xff;
  }
  const rest = last - at;
  if (rest >= 2) {
    const second = VALUE[bytes[at + 1] as number] as number;
    out[to++] = (VALUE[bytes[at] as number] as number) << 2 | second >> 4;
    if (rest > 2) out[to++] = second << 4 & 0xff | (VALUE[bytes[at + 2] as number] as number) >> 2;
  }
  return to;
}

function put(
  bytes: Uint8Array,
  from: number,
  last: number,
  source: number,
  binary: boolean,
  doubtBelow: number,
): boolean {
  if (outAt + ((last - from) * 3 >> 2) + 2 > outEnd) {
    runsCut = true;
    return false;
  }
  take(decodeInto(bytes, from, last), source, binary, doubtBelow);
  return true;
}

/** Hexadecimal in a run, behind other letters too: `0x3c73…`, `id_3c73…`. */
function decodeHexRuns(bytes: Uint8Array, first: number, last: number, shift: number): void {
  for (let probe = first + MIN_HEX - 1; probe < last && !runsCut; probe += MIN_HEX) {
    if (hexValue(bytes[probe] as number) < 0) continue;
    let from = probe;
    while (from > first && hexValue(bytes[from - 1] as number) >= 0) from--;
    let to = probe;
    while (to < last && hexValue(bytes[to] as number) >= 0) to++;
    if (to - from >= MIN_HEX) {
      decodeHex(bytes, from, to, shift);
      decodeHex(bytes, from + 1, to, shift);
    }
    probe = to;
  }
}

/** Decodes the stretch if it is text, or data that has text inside. */
function decodeHex(bytes: Uint8Array, from: number, last: number, shift: number): void {
  const size = (last - from) >> 1;
  if (outAt + size + 1 > out.length) {
    runsCut = true;
    return;
  }
  let to = outAt;
  let textual = 0;
  let letters = 0;
  runWork += size * 2;
  for (let at = from; at + 1 < last; at += 2) {
    const byte = hexValue(bytes[at] as number) << 4 | hexValue(bytes[at + 1] as number);
    textual += IS_TEXTUAL[byte] as number;
    letters += (bytes[at] as number) >> 6 | (bytes[at + 1] as number) >> 6;
    out[to++] = byte;
  }
  // Numbers are hexadecimal too, and six in ten of their pairs of digits are characters.
  const isNumber = letters === 0;
  if (isNumber && (textual < size || size * 2 < MIN_DECIMAL)) return;
  const nature = natureOf(out, outAt, to, true);
  if (nature === NOISE) return;
  if (to + 1 > outEnd) runsCut = true;
  else take(to, from + shift, nature === DATA, isNumber && size < DOUBTFUL ? DOUBTFUL : 0);
}

/** Takes what was decoded up to `to` as a piece. */
function take(to: number, source: number, binary: boolean, doubtBelow: number): void {
  // In text a bound is ours alone; a byte order mark has one too.
  if (!binary) { for (let i = outAt + 2; i < to; i++) if (out[i] === BOUNDARY) out[i] = 0xfe; }
  runs.add(outAt, to, source, binary, doubtBelow);
  out[to] = BOUNDARY;
  outAt = to + 1;
}

function base64Values(): Uint8Array {
  const values = new Uint8Array(256).fill(NONE);
  for (let i = 0; i < 26; i++) {
    values[0x41 + i] = i;
    values[0x61 + i] = 26 + i;
  }
  for (let i = 0; i < 10; i++) values[0x30 + i] = 52 + i;
  values[0x2b] = values[0x2d] = 62;
  values[0x2f] = values[0x5f] = 63;
  return values;
}
