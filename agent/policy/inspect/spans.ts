import { collapsible } from "./collapse.ts";
import {
  beginPlain,
  BOUNDED_CLASS,
  CLASS,
  combined,
  DOUBLE_QUOTE,
  FLAG_SHIFT,
  HAS_PLUS,
  HAS_TRICK,
  isHarmless,
  liveMask,
  plainSeen,
  plainState,
  type Prefilter,
  scanPlain,
  STATE_MASK,
} from "./prefilter.ts";
import { BOUNDARY, isEscaped, isLoneString } from "./tokens.ts";

/**
 * The spans of a text: what stands between its bounds, which are `BOUNDARY` or the quotes of a JSON document. Most strings
 * of a document have nothing that any pattern or decoder would look at. The survey says which have what, so that later
 * passes look at those alone, and at what stands around them. A text without bounds is one span.
 */

// Not exported: see STATE_MASK.
const MASK = STATE_MASK, SHIFT = FLAG_SHIFT;

/** How many spans the text has that was surveyed last. */
export let spanCount = 0;
/** The spans are the strings of a JSON document, and what stands between them: every second one is a string. */
export let hasStrings = false;

/** By number of the span: where it ends, what the prefilter saw in it, what {@link markTricks} did. As many as a text had bounds. */
let ends = new Int32Array(1024);
let flags = new Int32Array(1024);
let tricks = new Uint8Array(1024);
let textStart = 0;
let textEnd = 0;
/** What of a span makes patterns be called for it, in this text. */
let live = 0;

/** Bytes of a text that are looked at before it is asked whether it has anything. */
const PLAIN_BYTES = 2048;

/**
 * Whether there is nothing in a JSON document that any pattern or decoder would look at, as in most that devices send: then
 * it is one span. Gives up soon where there is.
 */
function isPlain(prefilter: Prefilter, classes: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  beginPlain();
  for (let at = start; at < end; at += PLAIN_BYTES) {
    const stop = Math.min(end, at + PLAIN_BYTES);
    if (!scanPlain(prefilter, classes, bytes, at, stop)) return false;
  }
  return isHarmless(plainSeen | (prefilter.final.get(plainState & MASK) ?? 0));
}

/**
 * Looks at each byte once or twice, leaves the spans, and returns the flags of all of them, as `scan` does. `hasBounds`: 0xff
 * parts texts. One table look-up per byte; allocates only for more spans than any text had before.
 */
export function survey(
  prefilter: Prefilter,
  bytes: Uint8Array,
  start: number,
  end: number,
  isJson: boolean,
  hasBounds: boolean,
): number {
  const { table } = prefilter;
  let toEnds = ends;
  let toFlags = flags;
  const classes = hasBounds ? BOUNDED_CLASS : CLASS;
  hasStrings = isJson;
  textStart = start;
  textEnd = end;
  if (isJson && isPlain(prefilter, classes, bytes, start, end)) {
    spanCount = 1;
    ends[0] = end;
    flags[0] = plainSeen;
    live = 0;
    return combined(plainSeen, true);
  }
  const bound = isJson ? 0x22 : hasBounds ? BOUNDARY : -1;
  let state = 0;
  let inSpan = 0;
  let all = 0;
  let count = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    state = table[(state & MASK) + (classes[byte] as number)] as number;
    inSpan |= state;
    if (byte !== bound) continue;
    if (isJson && at > start && bytes[at - 1] === 0x5c && isEscaped(bytes, at)) continue;
    if (count + 2 > toEnds.length) {
      grow();
      toEnds = ends;
      toFlags = flags;
    }
    toEnds[count] = at;
    toFlags[count++] = inSpan >>> SHIFT;
    all |= inSpan;
    inSpan = 0;
  }
  const last = inSpan >>> FLAG_SHIFT | (prefilter.final.get(state & STATE_MASK) ?? 0);
  toEnds[count] = end;
  toFlags[count++] = last;
  spanCount = count;
  const seen = all >>> FLAG_SHIFT | last;
  live = liveMask(seen, isJson);
  return combined(seen, isJson);
}

function grow(): void {
  ends = doubled(ends);
  flags = doubled(flags);
  tricks = new Uint8Array(ends.length);
}

/** Where span `n` begins and ends: a bound stands at its end, or the text ends. */
export function spanStart(n: number): number {
  return n === 0 ? textStart : (ends[n - 1] as number) + 1;
}
export function spanEnd(n: number): number {
  return ends[n] as number;
}

/** The prefilter saw any of `wanted` in span `n`. */
export function hasFlags(n: number, wanted: number): boolean {
  return ((flags[n] as number) & wanted) !== 0;
}

/** Span `n` has any of the tricks `wanted` (see `collapsible`), which {@link markTricks} has found. */
export function hasTricks(n: number, wanted: number): boolean {
  return ((tricks[n] as number) & wanted) !== 0;
}

/** What SQL and shells would read otherwise, as `collapsible` says it, in all spans. Looks at the spans that may have any. */
export function markTricks(bytes: Uint8Array): number {
  // Within a string of JSON a quote has a backslash.
  const wanted = HAS_TRICK | HAS_PLUS | (hasStrings ? 0 : DOUBLE_QUOTE);
  let all = 0;
  for (let n = 0; n < spanCount; n++) {
    const found = hasFlags(n, wanted) ? collapsible(bytes, spanStart(n), spanEnd(n)) : 0;
    tricks[n] = found;
    all |= found;
  }
  return all;
}

/** Of a span that is one string of JSON and nothing else, as {@link markLone} has it; beside those of `collapsible`. */
export const LONE = 128;

/** Marks the spans that are one string of JSON, with its quotes, and no others; true if there is any. */
export function markLone(bytes: Uint8Array): boolean {
  let isAny = false;
  for (let n = 0; n < spanCount; n++) {
    const isLone = hasFlags(n, DOUBLE_QUOTE) && isLoneString(bytes, spanStart(n), spanEnd(n));
    tricks[n] = isLone ? LONE : 0;
    isAny ||= isLone;
  }
  return isAny;
}

/** Spans on either side that a pattern may look into from the one that it is called in: ["sh","-c","id"] takes four. A test holds it. */
export const CONTEXT = 4;
/** Of a span in which nothing was seen, so much of the near end is context: of a string, and of what stands between strings. */
const NEAR_STRING = 24, NEAR_BETWEEN = 512;

/** What {@link findStretches} found: the stretches of the text that patterns are called for, and their context, in order. */
export let stretchCount = 0;
export let stretchStarts: Int32Array = new Int32Array(256);
export let stretchEnds: Int32Array = new Int32Array(256);

/** Finds the spans with triggers, and what stands around them. `isWhole`: all of the text is one stretch. O(spans). */
export function findStretches(isWhole: boolean): void {
  stretchCount = 0;
  if (isWhole || spanCount === 1) {
    addStretch(textStart, textEnd);
    return;
  }
  for (let n = 0; n < spanCount; n++) {
    if (((flags[n] as number) & live) === 0) continue;
    let from = spanStart(n);
    for (let k = n - 1; k >= 0 && k >= n - CONTEXT; k--) {
      const begin = spanStart(k);
      from = Math.max(begin, (ends[k] as number) - near(k));
      if (from > begin) break;
    }
    let to = ends[n] as number;
    for (let k = n + 1; k < spanCount && k <= n + CONTEXT; k++) {
      to = Math.min(ends[k] as number, spanStart(k) + near(k));
      if (to < (ends[k] as number)) break;
    }
    const before = stretchCount - 1;
    if (before >= 0 && from <= (stretchEnds[before] as number) + 1) stretchEnds[before] = to;
    else addStretch(from, to);
  }
}

function near(n: number): number {
  return hasStrings && n % 2 === 0 ? NEAR_BETWEEN : NEAR_STRING;
}

function addStretch(from: number, to: number): void {
  if (stretchCount === stretchStarts.length) {
    stretchStarts = doubled(stretchStarts);
    stretchEnds = doubled(stretchEnds);
  }
  stretchStarts[stretchCount] = from;
  stretchEnds[stretchCount++] = to;
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const wide = new Int32Array(2 * array.length);
  wide.set(array);
  return wide;
}
