import { Arena } from "./arena.ts";
import type { Piece } from "./pieces.ts";
import { type Kind, NO_PLACES, type View, type ViewLimits } from "./views.ts";

/** All decoded forms of one inspection. */
export const arena = new Arena();

/** A bound of the configuration that decoding may reach. */
export type ViewBound = "max-depth" | "max-decoded-bytes";
/** Bytes of the decoded forms of this inspection, against `max-decoded-bytes`. */
export let decodedBytes = 0;
/** The bound of the configuration that was reached, so that forms of this text were not searched; or null. */
export let exceeded: ViewBound | null = null;
/** Pieces of data that were looked into, each at a price of its own: as many as no honest payload has. */
const MAX_DATA_VIEWS = 256;
let dataViews = 0;
/** At most as many attempts at Zstandard, whose decoder costs 300 µs to call. */
const MAX_ZSTD = 2;
let zstdCalls = 0;
/** Bytes that decoders looked at: what tests of linearity count. */
export let viewWork = 0;
/** Pieces of encoded runs that were decoded, by a hash: the same run is in each form of a text that keeps it. */
export const seenPieces = new Map<number, View[]>();

/** Begins with a new text. */
export function beginViews(): void {
  arena.reset();
  decodedBytes = 0;
  exceeded = null;
  viewWork = zstdCalls = dataViews = 0;
  if (seenPieces.size > 0) seenPieces.clear();
}

/** A view of what stands between `start` and `end` of the arena, made from `parent`. */
export function child(
  parent: View,
  kind: Kind,
  label: string,
  start: number,
  end: number,
  depth: number,
  from: readonly Piece[],
): View {
  return {
    bytes: arena.bytes,
    start,
    end,
    depth,
    kind,
    parent,
    escapes: 0,
    modes: 0,
    pieces: from,
    places: NO_PLACES,
    doubtBelow: parent.doubtBelow,
    label,
  };
}

/** Room that is left for decoded forms; the arena has it, up to `wanted`. */
export function room(limits: ViewLimits, wanted: number): number {
  const size = Math.min(wanted, limits.maxDecodedBytes - decodedBytes);
  arena.reserve(size + 16);
  return size;
}

/** Takes what was decoded up to `end`. */
export function take(start: number, end: number): void {
  decodedBytes += end - start;
  arena.at = end;
}

/** Notes that a bound was reached; the first one counts. */
export function exceed(bound: ViewBound): void {
  exceeded ??= bound;
}

/** Counts bytes that a decoder looked at. */
export function addViewWork(bytes: number): void {
  viewWork += bytes;
}

/** Takes bytes of `max-decoded-bytes` that are in no view: what was decoded in vain, or stands elsewhere. */
export function takeDecoded(bytes: number): void {
  decodedBytes += bytes;
}

/** Takes one of the pieces of data that may be looked into; false, and noted, if there are no more. */
export function takeDataView(): boolean {
  if (++dataViews <= MAX_DATA_VIEWS) return true;
  exceeded ??= "max-decoded-bytes";
  return false;
}

/** Takes one of the attempts at Zstandard; false if there are no more. */
export function takeZstdCall(): boolean {
  return ++zstdCalls <= MAX_ZSTD;
}
