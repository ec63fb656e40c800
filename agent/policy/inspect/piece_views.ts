import { HASH_SEED, hashByte } from "./byte_hash.ts";
import { decodeRuns, runs, runsCut, runWork } from "./encoded_runs.ts";
import { DOUBTFUL, type Piece, type PieceList } from "./pieces.ts";
import { BOUNDARY } from "./tokens.ts";
import { addViewWork, arena, child, exceed, room, seenPieces, take, takeDataView } from "./view_state.ts";
import { type Kind, MIN_GUESSED_LAYER, MIN_LAYER, NO_PIECES, rawView, type View, type ViewLimits } from "./views.ts";

/** What the base64 and hexadecimal runs of the text decode to: all texts in one view, compressed data each in its own. */
export function decodedRuns(view: View, limits: ViewLimits): View[] {
  if (!limits.base64) return [];
  const length = view.end - view.start;
  // Runs are read at several alignments, of which more than one may be text: hardly ever, but an attacker may try.
  const size = room(limits, length * 4 + 2048);
  // What is tried and thrown away takes no part of the budget.
  arena.reserve(size + length + 4096);
  const start = arena.at;
  const end = decodeRuns(view.bytes, view.start, view.end, arena.bytes, start, start + size);
  // A look at a run takes half the time of one that takes a token.
  addViewWork((length >> 2) + (runWork >> 1));
  if (runsCut && size < length * 4 + 2048) exceed("max-decoded-bytes");
  if (runs.count === 0) return [];
  return pieceViews(view, "runs", "base64", runs, start, end, limits, true, 0);
}

/** Views of the pieces that a decoder left between `start` and `end`. */
export function pieceViews(
  view: View,
  kind: Kind,
  label: string,
  list: PieceList,
  start: number,
  end: number,
  limits: ViewLimits,
  onlyNew: boolean,
  doubtBelow: number,
): View[] {
  const isLast = view.depth >= limits.maxDepth;
  const views: View[] = [];
  const sure: Piece[] = [];
  const doubtful: Piece[] = [];
  const guessed: Piece[] = [];
  take(start, end);
  for (let n = 0; n < list.count; n++) {
    const piece = list.at(n);
    if (onlyNew && isSeen(piece)) continue;
    if (piece.binary) {
      if (takeDataView()) add([{ ...piece }]);
    } else (piece.doubtBelow === 0 ? sure : piece.doubtBelow === DOUBTFUL ? doubtful : guessed).push({ ...piece });
  }
  if (sure.length > 0) add(sure);
  if (doubtful.length > 0) add(doubtful);
  if (guessed.length > 0) add(guessed);

  /** A view of these pieces alone, side by side with a bound behind each. */
  function add(parts: Piece[]): void {
    const first = parts[0] as Piece;
    let from = first.outStart;
    let to = first.outEnd;
    if (!first.binary) {
      if (parts.some((part, n) => n > 0 && part.outStart !== (parts[n - 1] as Piece).outEnd + 1)) {
        [from, to] = gather(parts);
      } else to = (parts[parts.length - 1] as Piece).outEnd + 1;
    }
    const one = child(view, kind, label, from, to, view.depth + 1, parts);
    views.push({ ...one, doubtBelow: Math.max(view.doubtBelow, doubtBelow, first.doubtBelow) });
  }
  if (isLast && views.length > 0 && kind !== "strings") {
    // A few characters that happen to decode to letters are no layer that somebody added.
    const isLayer = (one: View): boolean =>
      one.pieces.some(({ outStart, outEnd }) =>
        outEnd - outStart >= (one.doubtBelow > 0 ? MIN_GUESSED_LAYER : MIN_LAYER)
      );
    if (views.some(isLayer)) {
      exceed("max-depth");
    }
    return [];
  }
  return views;
}

/** Copies pieces to where they stand side by side, and says where. */
function gather(parts: readonly Piece[]): [number, number] {
  const source = arena.bytes;
  arena.reserve(parts.reduce((size, part) => size + part.outEnd - part.outStart + 1, 0));
  const from = arena.at;
  for (const part of parts) {
    const to = arena.at;
    arena.bytes.set(source.subarray(part.outStart, part.outEnd), to);
    arena.at = to + part.outEnd - part.outStart;
    arena.bytes[arena.at++] = BOUNDARY;
    part.outStart = to;
    part.outEnd = arena.at - 1;
  }
  return [from, arena.at];
}

function isSeen(piece: Piece): boolean {
  let hash = HASH_SEED;
  for (let at = piece.outStart; at < piece.outEnd; at++) {
    hash = hashByte(hash, arena.bytes[at] as number);
  }
  const same = seenPieces.get(hash);
  const view = child(NOTHING, "raw", "", piece.outStart, piece.outEnd, 0, NO_PIECES);
  if (same === undefined) seenPieces.set(hash, [view]);
  else if (same.some((other) => isEqual(other, view))) return true;
  else same.push(view);
  return false;
}
const NOTHING: View = rawView(new Uint8Array(0));

function isEqual(a: View, b: View): boolean {
  if (a.end - a.start !== b.end - b.start) return false;
  for (let i = 0; i < a.end - a.start; i++) if (a.bytes[a.start + i] !== b.bytes[b.start + i]) return false;
  return true;
}
