import { CONTEXT, hasFlags, hasStrings, hasTricks, spanCount, spanEnd, spanStart } from "./spans.ts";
import { BOUNDARY } from "./tokens.ts";

/**
 * Leaves out of a text what a decoder would not change: most of the strings of a document have no escape, no quoting,
 * nothing beyond ASCII, and were searched as they are. What stays has its next strings around it, so that a pattern that
 * looks over the bounds sees the same.
 */

/** A string of more bytes than this that does not stay is one space; so is what stands between strings. */
const SHORT_STRING = 8, SHORT_BETWEEN = 32;
const SPACE = 0x20;

/**
 * By part of the output of the last call of {@link narrow}: where it begins there, and in the text. As many numbers as
 * `placeCount` says, two for each part.
 */
export let places: Int32Array = new Int32Array(256);
export let placeCount = 0;

/**
 * Writes the spans of `bytes`, as they were surveyed last, to `out` from `outAt`: those that have any of `flags` or of
 * `tricks`, and `CONTEXT` of them on either side; bounds become `BOUNDARY`. Returns where it ends. Never writes more than
 * the text has. O(spans) and what it writes.
 */
export function narrow(
  bytes: Uint8Array,
  end: number,
  flags: number,
  tricks: number,
  out: Uint8Array,
  outAt: number,
): number {
  placeCount = 0;
  from = bytes;
  fromEnd = end;
  target = out;
  to = outAt;
  // The first span that was not written yet, and the last one that is context of one that was.
  let next = 0;
  let contextEnd = -1;
  for (let n = 0; n < spanCount; n++) {
    if (!hasFlags(n, flags) && !hasTricks(n, tricks)) continue;
    while (next <= contextEnd && next < n) writeContext(next++);
    if (n - CONTEXT > next) {
      // What comes now does not stand beside what came before.
      if (next > 0) target[to++] = BOUNDARY;
      next = n - CONTEXT;
    }
    while (next < n) writeContext(next++);
    write(next++);
    contextEnd = n + CONTEXT;
  }
  while (next <= contextEnd && next < spanCount) writeContext(next++);
  return to;
}

let from: Uint8Array = new Uint8Array(0);
let fromEnd = 0;
let target: Uint8Array = from;
let to = 0;

function write(n: number): void {
  const start = spanStart(n);
  const stop = spanEnd(n);
  note(start);
  const source = from;
  const out = target;
  let next = to;
  for (let at = start; at < stop; at++) out[next++] = source[at] as number;
  to = next;
  if (stop < fromEnd) target[to++] = BOUNDARY;
}

function writeContext(n: number): void {
  const length = spanEnd(n) - spanStart(n);
  if (length <= (hasStrings && n % 2 === 1 ? SHORT_STRING : SHORT_BETWEEN)) return write(n);
  note(spanStart(n));
  target[to++] = SPACE;
  if (spanEnd(n) < fromEnd) target[to++] = BOUNDARY;
}

function note(source: number): void {
  if (placeCount === places.length) {
    const wide = new Int32Array(2 * places.length);
    wide.set(places);
    places = wide;
  }
  places[placeCount++] = to;
  places[placeCount++] = source;
}
