import { decodeMailText, mailPieces, mailWork } from "./mail_text.ts";
import { narrow, placeCount, places } from "./narrow.ts";
import { readRows, rowPieces } from "./row_fields.ts";
import { pieceViews } from "./piece_views.ts";
import {
  HAS_BOUNDS,
  HTML,
  JSON_ESCAPES,
  LONE_OR_FORM,
  PERCENT,
  undone,
  undoneCount,
  unescapeText,
  UNICODE,
} from "./unescape.ts";
import { LONE, markLone, spanCount } from "./spans.ts";
import { BOUNDARY, isLoneString } from "./tokens.ts";
import { addViewWork, arena, child, exceed, room, take } from "./view_state.ts";
import { DOUBT_STRING, hasBounds, NO_PIECES, type View, type ViewLimits } from "./views.ts";

const LABELS: readonly (readonly [number, string])[] = [
  [JSON_ESCAPES, "json"],
  [PERCENT, "percent"],
  [HTML, "html"],
  [UNICODE, "unicode"],
];

/** A text of fewer bytes is decoded whole. */
const MIN_NARROW = 96;

/**
 * The view, which was surveyed last, with only those of its spans that have any of `flags` or of `tricks` (see narrow.ts);
 * the view itself if it has no bounds, or not much would be left out. It adds no depth and takes nothing of
 * `max-decoded-bytes`.
 */
export function narrowed(view: View, flags: number, tricks: number): View {
  const length = view.end - view.start;
  if (length < MIN_NARROW || spanCount === 1) return view;
  arena.reserve(length + 16);
  const start = arena.at;
  const end = narrow(view.bytes, view.end, flags, tricks, arena.bytes, start);
  addViewWork(spanCount + end - start);
  if ((end - start) * 4 > length * 3) return view;
  arena.at = end;
  const one = child(view, "narrow", "", start, end, view.depth, NO_PIECES);
  return { ...one, escapes: view.escapes, places: places.slice(0, placeCount) };
}

/**
 * Those strings of the view, which was surveyed last, that are one string of JSON each, a layer of its own; the view as a
 * whole where it is one, or where strings of a document stand between; null if there is none.
 */
export function loneStrings(view: View, isJson: boolean): View | null {
  const { bytes, start, end } = view;
  if (!hasBounds(view) || view.kind === "row") return !isJson && isLoneString(bytes, start, end) ? view : null;
  if (!isJson) return markLone(bytes) ? narrowed(view, 0, LONE) : null;
  for (let from = start; from < end;) {
    const bound = bytes.indexOf(BOUNDARY, from);
    const to = bound < 0 || bound > end ? end : bound;
    if (isLoneString(bytes, from, to)) return view;
    from = to + 1;
  }
  return null;
}

/** The text folded to the ASCII that its Unicode is read as; null if nothing changes. It adds no depth the first time. */
export function folded(view: View, limits: ViewLimits): View | null {
  if ((limits.escapes & UNICODE) === 0) return null;
  return undo(view, limits, UNICODE, view.escapes === UNICODE ? 1 : 0);
}

/**
 * The text with one layer of its escapes undone; null if it has none. `bounds`: a text that is one JSON string, or the
 * fields of a form, is read as that; otherwise its quotes and `&` stay what they are.
 */
export function unescaped(view: View, limits: ViewLimits, bounds: boolean): View | null {
  const escapes = limits.escapes & ~UNICODE;
  return escapes === 0 ? null : undo(view, limits, escapes | (bounds ? LONE_OR_FORM : 0), 1);
}

/** Its texts in quoted-printable and in UTF-7, decoded. */
export function mailViews(view: View, isJson: boolean, limits: ViewLimits): View[] {
  const views: View[] = [];
  for (const isQuoted of [true, false]) {
    if (isQuoted ? (limits.escapes & PERCENT) === 0 : !limits.utf16) continue;
    const length = view.end - view.start;
    const size = room(limits, length + 16);
    addViewWork(length);
    if (size < length + 16) {
      exceed("max-decoded-bytes");
      break;
    }
    const start = arena.at;
    const { bytes } = view;
    const end = decodeMailText(bytes, view.start, view.end, isJson, hasBounds(view), isQuoted, arena.bytes, start);
    addViewWork(mailWork);
    if (mailPieces.count === 0) continue;
    const label = isQuoted ? "quoted-printable" : "utf7";
    views.push(...pieceViews(view, "mail", label, mailPieces, start, end, limits, true, 0));
  }
  return views;
}

/** The fields of a text that is rows of a table or of measurements; null if it is none. It adds no depth, as {@link narrowed}. */
export function rowView(view: View): View | null {
  // Rows within rows are none: so it is one more view for each at most.
  for (let one: View | null = view; one !== null; one = one.parent) if (one.kind === "row") return null;
  const length = view.end - view.start;
  arena.reserve(length * 2 + 16);
  addViewWork(length);
  const start = arena.at;
  const end = readRows(view.bytes, view.start, view.end, hasBounds(view), arena.bytes, start);
  if (rowPieces.count === 0) return null;
  arena.at = end;
  return child(view, "row", "", start, end, view.depth, rowPieces.copy());
}

function undo(view: View, limits: ViewLimits, what: number, addedDepth: number): View | null {
  const length = view.end - view.start;
  const size = room(limits, length);
  const start = arena.at;
  addViewWork(length);
  const modes = what | (hasBounds(view) ? HAS_BOUNDS : 0);
  const end = unescapeText(view.bytes, view.start, view.end, modes, arena.bytes, start, start + size - 1);
  if (size < length && end >= start + size) exceed("max-decoded-bytes");
  if (undone === 0) return null;
  if (view.depth + addedDepth > limits.maxDepth) {
    // Noise has a few of anything.
    if (view.doubtBelow < DOUBT_STRING || (undoneCount > 3 && undoneCount * 16 > length)) exceed("max-depth");
    return null;
  }
  const escapes = undone;
  take(start, end);
  const label = LABELS.filter(([bit]) => (escapes & bit) !== 0).map(([, name]) => name).join("+");
  return {
    ...child(view, "escapes", label, start, end, view.depth + addedDepth, NO_PIECES),
    escapes: modes & ~HAS_BOUNDS,
    modes,
  };
}
