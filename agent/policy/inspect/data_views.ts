import { cborStrings, characterRuns, isWhole, messagePackStrings, nonTextBytes, pieces, piecesCut } from "./binary.ts";
import { packedWithin, unpacked } from "./packed_views.ts";
import { pieceViews } from "./piece_views.ts";
import { HAS_CONTROL, HAS_HIGH } from "./prefilter.ts";
import { hasFlags, spanCount, spanEnd, spanStart } from "./spans.ts";
import { decodeUtf32, utf32Pieces } from "./utf32.ts";
import { decodeUtf16, utf16Cut, utf16Pieces } from "./utf16.ts";
import { addViewWork, arena, child, exceed, room, take } from "./view_state.ts";
import { DOUBT_STRING, hasBounds, type View, type ViewLimits } from "./views.ts";

/**
 * How much of the view, which was surveyed last, is no text: control characters, NUL, what is not UTF-8. Looks at the
 * spans that have any of those, or what is beyond ASCII.
 */
export function countNonText(view: View): number {
  let count = 0;
  for (let n = 0; n < spanCount; n++) {
    if (!hasFlags(n, HAS_CONTROL | HAS_HIGH)) continue;
    addViewWork(spanEnd(n) - spanStart(n));
    count += nonTextBytes(view.bytes, spanStart(n), spanEnd(n), hasBounds(view));
  }
  return count;
}

/** What data that is no text, or not all of it, has inside: compressed data, UTF-16, CBOR, MessagePack, strings. */
export function insideData(view: View, limits: ViewLimits, isBinary: boolean): View[] {
  const views: View[] = [];
  if (limits.gzip) {
    const packed = unpacked(view, limits);
    if (packed !== null) views.push(packed);
  }
  const length = view.end - view.start;
  if (limits.gzip && isBinary && views.length === 0) packedWithin(view, limits, views);
  if (limits.utf16) {
    const size = room(limits, length * 2 + 16);
    const start = arena.at;
    addViewWork(length);
    const end = decodeUtf16(view.bytes, view.start, view.end, arena.bytes, start, start + size);
    if (utf16Cut && size < length * 2 + 16) exceed("max-decoded-bytes");
    if (utf16Pieces.count > 0) {
      // Numbers have zeros between what look like letters too: little of the data is in them.
      let units = 0;
      for (let n = 0; n < utf16Pieces.count; n++) units += utf16Pieces.at(n).outEnd - utf16Pieces.at(n).outStart;
      const doubt = isBinary && units * 4 < length ? DOUBT_STRING : 0;
      views.push(...pieceViews(view, "utf16", "utf16", utf16Pieces, start, end, limits, false, doubt));
    }
  }
  if (limits.utf16) {
    const start = arena.at;
    const size = room(limits, length + 2);
    const end = decodeUtf32(view.bytes, view.start, view.end, arena.bytes, start, start + size);
    if (utf32Pieces.count > 0) {
      const { doubtBelow } = utf32Pieces.at(0);
      views.push(...pieceViews(view, "utf16", "utf32", utf32Pieces, start, end, limits, false, doubtBelow));
    }
  }
  if (limits.structured) {
    for (const [kind, read] of [["cbor", cborStrings], ["msgpack", messagePackStrings]] as const) {
      const size = room(limits, length * 2);
      const start = arena.at;
      addViewWork(length);
      const end = read(view.bytes, view.start, view.end, arena.bytes, start, start + size);
      if (piecesCut && size < length * 2) exceed("max-decoded-bytes");
      if (pieces.count > 0) {
        views.push(...pieceViews(view, kind, kind, pieces, start, end, limits, false, isWhole ? 0 : DOUBT_STRING));
      }
    }
  }
  // Strings are found, not decoded: they add no depth.
  const size = room(limits, length * 3 + 16);
  const start = arena.at;
  addViewWork(length);
  const end = characterRuns(
    view.bytes,
    view.start,
    view.end,
    isBinary,
    hasBounds(view),
    arena.bytes,
    start,
    start + size,
  );
  if (piecesCut && size < length * 3 + 16) exceed("max-decoded-bytes");
  if (pieces.count > 0) {
    take(start, end);
    const strings = child(view, "strings", "", start, end, view.depth, pieces.copy());
    views.push({ ...strings, doubtBelow: Math.max(view.doubtBelow, isBinary ? DOUBT_STRING : 0) });
  }
  return views;
}
