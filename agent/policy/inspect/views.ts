import { zstdDecompressSync } from "node:zlib";
import { Arena } from "./arena.ts";
import {
  cborStrings,
  characterRuns,
  isContent,
  isWhole,
  isZstd,
  messagePackStrings,
  nonTextBytes,
  pieces,
  piecesCut,
} from "./binary.ts";
import { HASH_SEED, hashByte } from "./byte_hash.ts";
import { collapsedAt, collapsePlus, collapseShell, collapseSql } from "./collapse.ts";
import type { ViewName } from "./config.ts";
import { decodeRuns, runs, runsCut, runWork } from "./encoded_runs.ts";
import { gzipDataStart, inflate, inflateConsumed, inflateEnd, isZlibHeader } from "./inflate.ts";
import { narrow, narrowedAt } from "./narrow.ts";
import { DOUBTFUL, type Piece, type PieceList } from "./pieces.ts";
import {
  HAS_BOUNDS,
  HTML,
  JSON_ESCAPES,
  LONE_OR_FORM,
  PERCENT,
  stoppedAt,
  undone,
  undoneCount,
  unescapeText,
  UNICODE,
} from "./unescape.ts";
import { BOUNDARY, isJsonText } from "./tokens.ts";
import { decodeUtf16, utf16Cut, utf16Pieces } from "./utf16.ts";

/** How a view was made from the one before it. */
type Kind = "raw" | "escapes" | "runs" | "packed" | "utf16" | "cbor" | "msgpack" | "strings" | "narrow";

/** One form of the text: where it is, and how it came about. */
export interface View {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Decoded forms that it lies within: 0 is the text as it came. */
  readonly depth: number;
  readonly kind: Kind;
  readonly parent: View | null;
  /** What was looked for, of `escapes`, and in which modes. */
  readonly escapes: number;
  readonly modes: number;
  /** Where its parts come from, of forms made of pieces. */
  readonly pieces: readonly Piece[];
  /**
   * It was decoded from data by guess: a text in it of fewer bytes than this may be noise, so that patterns that take few
   * characters do not count there. 0: it was not.
   */
  readonly doubtBelow: number;
  /** Its words in the audit, such as `json` or `percent+html`; empty for one that is no decoding. */
  readonly label: string;
}

/** Which views are on, how deep they nest, how much they may take. */
export interface ViewLimits {
  readonly escapes: number;
  readonly structured: boolean;
  readonly base64: boolean;
  readonly utf16: boolean;
  readonly gzip: boolean;
  readonly maxDepth: number;
  readonly maxDecodedBytes: number;
}

/** The limits that `inspection.views`, `max-depth` and `max-decoded-bytes` say. */
export function compileViewLimits(views: readonly ViewName[], maxDepth: number, maxDecodedBytes: number): ViewLimits {
  const has = (name: ViewName): boolean => views.includes(name);
  return {
    escapes: (has("json") ? JSON_ESCAPES : 0) | (has("percent") ? PERCENT : 0) | (has("html") ? HTML : 0) |
      (has("unicode") ? UNICODE : 0),
    structured: has("json"),
    base64: has("base64"),
    utf16: has("utf16"),
    gzip: has("gzip"),
    maxDepth,
    maxDecodedBytes,
  };
}

const LABELS: readonly (readonly [number, string])[] = [
  [JSON_ESCAPES, "json"],
  [PERCENT, "percent"],
  [HTML, "html"],
  [UNICODE, "unicode"],
];
/**
 * Of random bytes one in three is a character, and sixteen in a row are rare enough. As much is a layer of encoding that was
 * put on, where it lies deeper than `max-depth`.
 */
const DOUBT_STRING = DOUBTFUL, MIN_LAYER = 16, MIN_GUESSED_LAYER = 64;
const NO_PIECES: readonly Piece[] = [];
const arena = new Arena();

/** Bytes of the decoded forms of this inspection, against `max-decoded-bytes`. */
let decodedBytes = 0;
/** The bound of the configuration that was reached, so that forms of this text were not searched; or null. */
export let exceeded: "max-depth" | "max-decoded-bytes" | null = null;
/** Pieces of data that were looked into, each at a price of its own: as many as no honest payload has. */
const MAX_DATA_VIEWS = 256;
let dataViews = 0;
/** Bytes that decoders looked at: what tests of linearity count. */
export let viewWork = 0;
/** Pieces of encoded runs that were decoded, by a hash: the same run is in each form of a text that keeps it. */
const seenPieces = new Map<number, View[]>();

/** Begins with a new text. */
export function beginViews(): void {
  arena.reset();
  decodedBytes = 0;
  exceeded = null;
  viewWork = zstdCalls = dataViews = 0;
  if (seenPieces.size > 0) seenPieces.clear();
}

/** The view of the text as it came. */
export function rawView(bytes: Uint8Array): View {
  return {
    bytes,
    start: 0,
    end: bytes.length,
    depth: 0,
    kind: "raw",
    parent: null,
    escapes: 0,
    modes: 0,
    pieces: NO_PIECES,
    doubtBelow: 0,
    label: "",
  };
}

function child(
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
    doubtBelow: parent.doubtBelow,
    label,
  };
}

/** Room that is left for decoded forms; the arena has it, up to `wanted`. */
function room(limits: ViewLimits, wanted: number): number {
  const size = Math.min(wanted, limits.maxDecodedBytes - decodedBytes);
  arena.reserve(size + 16);
  return size;
}

/** Takes what was decoded up to `end`. */
function take(start: number, end: number): void {
  decodedBytes += end - start;
  arena.at = end;
}

/** A text of fewer bytes is decoded whole. */
const MIN_NARROW = 96;

/**
 * The view with only those of its strings that have any of `stays` (see narrow.ts); the view itself if it has no bounds, or
 * not much would be left out. It adds no depth and takes nothing of `max-decoded-bytes`.
 */
export function narrowed(view: View, isJson: boolean, stays: number): View {
  const length = view.end - view.start;
  if (length < MIN_NARROW || !(isJson || hasBounds(view))) return view;
  arena.reserve(length + 16);
  const start = arena.at;
  viewWork += length;
  const end = narrow(view.bytes, view.start, view.end, isJson, stays, arena.bytes, start, Infinity);
  if ((end - start) * 4 > length * 3) return view;
  arena.at = end;
  const modes = isJson ? stays | IS_JSON : stays;
  return { ...child(view, "narrow", "", start, end, view.depth, NO_PIECES), escapes: view.escapes, modes };
}
const IS_JSON = 64;

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

function undo(view: View, limits: ViewLimits, what: number, addedDepth: number): View | null {
  const length = view.end - view.start;
  const size = room(limits, length);
  const start = arena.at;
  viewWork += length;
  const modes = what | (hasBounds(view) ? HAS_BOUNDS : 0);
  const end = unescapeText(view.bytes, view.start, view.end, modes, arena.bytes, start, start + size - 1);
  if (size < length && end >= start + size) exceeded ??= "max-decoded-bytes";
  if (undone === 0) return null;
  if (view.depth + addedDepth > limits.maxDepth) {
    // Noise has a few of anything.
    if (view.doubtBelow < DOUBT_STRING || (undoneCount > 3 && undoneCount * 16 > length)) exceeded ??= "max-depth";
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
  viewWork += (length >> 2) + runWork;
  if (runsCut && size < length * 4 + 2048) exceeded ??= "max-decoded-bytes";
  if (runs.count === 0) return [];
  return split(view, "runs", "base64", runs, start, end, limits, true, 0);
}

/** Views of the pieces that a decoder left between `start` and `end`. */
function split(
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
      if (++dataViews > MAX_DATA_VIEWS) exceeded ??= "max-decoded-bytes";
      else add([{ ...piece }]);
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
      exceeded ??= "max-depth";
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

/** The view is made of texts with `BOUNDARY` between, rather than of bytes as a client sent them. */
export function hasBounds(view: View): boolean {
  return view.kind !== "raw" && view.kind !== "packed" && !(view.pieces[0]?.binary ?? false);
}

/** Its text was found in data by its characters alone: there is no data in it. */
export function isFromStrings(view: View): boolean {
  return view.doubtBelow >= DOUBT_STRING || view.kind === "strings";
}

/** How much of the text is none, once it has bytes that may not be: control characters, NUL, not UTF-8. */
export function countNonText(view: View): number {
  viewWork += view.end - view.start;
  return nonTextBytes(view.bytes, view.start, view.end, hasBounds(view));
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
    viewWork += length;
    const end = decodeUtf16(view.bytes, view.start, view.end, arena.bytes, start, start + size);
    if (utf16Cut && size < length * 2 + 16) exceeded ??= "max-decoded-bytes";
    if (utf16Pieces.count > 0) {
      // Numbers have zeros between what look like letters too: little of the data is in them.
      let units = 0;
      for (let n = 0; n < utf16Pieces.count; n++) units += utf16Pieces.at(n).outEnd - utf16Pieces.at(n).outStart;
      const doubt = isBinary && units * 4 < length ? DOUBT_STRING : 0;
      views.push(...split(view, "utf16", "utf16", utf16Pieces, start, end, limits, false, doubt));
    }
  }
  if (limits.structured) {
    for (const [kind, read] of [["cbor", cborStrings], ["msgpack", messagePackStrings]] as const) {
      const size = room(limits, length * 2);
      const start = arena.at;
      viewWork += length;
      const end = read(view.bytes, view.start, view.end, arena.bytes, start, start + size);
      if (piecesCut && size < length * 2) exceeded ??= "max-decoded-bytes";
      if (pieces.count > 0) {
        views.push(...split(view, kind, kind, pieces, start, end, limits, false, isWhole ? 0 : DOUBT_STRING));
      }
    }
  }
  // Strings are found, not decoded: they add no depth.
  const size = room(limits, length * 3 + 16);
  const start = arena.at;
  viewWork += length;
  const end = characterRuns(view.bytes, view.start, view.end, isBinary, arena.bytes, start, start + size);
  if (piecesCut && size < length * 3 + 16) exceeded ??= "max-decoded-bytes";
  if (pieces.count > 0) {
    take(start, end);
    const strings = child(view, "strings", "", start, end, view.depth, pieces.copy());
    views.push({ ...strings, doubtBelow: Math.max(view.doubtBelow, isBinary ? DOUBT_STRING : 0) });
  }
  return views;
}

/** At most as many attempts at Zstandard, whose decoder costs 300 µs to call: in units of work, for who counts them. */
const MAX_ZSTD = 2, ZSTD_WORK = 20_000;
let zstdCalls = 0;

/** The data decompressed: gzip, zlib, Zstandard by their headers; bare DEFLATE if it is that to the end. */
function unpacked(view: View, limits: ViewLimits): View | null {
  const { bytes, start: from, end: to } = view;
  if (to - from < 5) return null;
  if (isZstd(bytes, from, to)) return zstdUnpacked(view, limits);
  let data = gzipDataStart(bytes, from, to);
  let label = "gzip";
  if (data < 0 && isZlibHeader(bytes[from] as number, bytes[from + 1] as number)) {
    data = from + 2;
    label = "zlib";
  } else if (data < 0) {
    if (view.kind === "strings") return null;
    data = from;
    label = "deflate";
  }
  const size = room(limits, limits.maxDecodedBytes);
  const start = arena.at;
  let end = inflate(bytes, data, to, arena.bytes, start, start + size);
  viewWork += end - start + 16;
  // A file of gzip may have several members (RFC 1952 section 2.2): one text, as readers give it.
  while (label === "gzip" && inflateEnd === "whole") {
    const next = gzipDataStart(bytes, inflateConsumed + 8, to);
    if (next < 0) break;
    const from = end;
    end = inflate(bytes, next, to, arena.bytes, from, start + size);
    viewWork += end - from + 16;
  }
  // Two bytes of a header, or none, are too few to believe in.
  const isStream = label === "gzip" || (inflateEnd === "whole" && inflateConsumed >= (label === "zlib" ? to - 4 : to));
  const hasContent = isContent(arena.bytes, start, end);
  if (!isStream && !hasContent) {
    // It was work all the same, and a client can have it done for each of many pieces.
    decodedBytes += end - start;
    return null;
  }
  if (end === start) return null;
  if (view.depth >= limits.maxDepth) {
    const isLayer = hasContent && (view.doubtBelow === 0 || end - start >= MIN_GUESSED_LAYER);
    if (label === "gzip" || isLayer) exceeded ??= "max-depth";
    return null;
  }
  // Larger than what may be decoded: what came out is searched, and the rest is refused unseen.
  if (inflateEnd === "full") exceeded ??= "max-decoded-bytes";
  take(start, end);
  return child(view, "packed", label, start, end, view.depth + 1, NO_PIECES);
}

/**
 * Compressed data within other data: behind its length, in a field of Protocol Buffers. Each place that begins like gzip or
 * zlib is tried; one that is none costs what was read and written of the budget, so that together they stay linear.
 */
function packedWithin(view: View, limits: ViewLimits, views: View[]): void {
  const { bytes, start, end } = view;
  if (view.depth >= limits.maxDepth) return;
  let nextNul = 0;
  for (let at = start + 1; at + 8 < end; at++) {
    const first = bytes[at] as number;
    if (first !== 0x78 && first !== 0x1f) continue;
    const second = bytes[at + 1] as number;
    let data = -1;
    if (first === 0x1f && second === 0x8b && bytes[at + 2] === 8) {
      // A name and a comment end with NUL: where there is none they are not looked for, and looking is of the budget.
      if (((bytes[at + 3] as number) & 0x18) !== 0 && nextNul >= 0 && nextNul < at + 10) {
        nextNul = bytes.indexOf(0, at + 10);
      }
      if (((bytes[at + 3] as number) & 0x18) !== 0 && (nextNul < 0 || nextNul >= end)) continue;
      data = gzipDataStart(bytes, at, end);
      const looked = data < 0 ? end - at : data - at;
      viewWork += looked;
      if (looked > 64) decodedBytes += looked;
    } else if (first === 0x78 && isZlibHeader(first, second)) data = at + 2;
    if (data < 0) continue;
    const size = room(limits, limits.maxDecodedBytes);
    if (size < 16) {
      exceeded ??= "max-decoded-bytes";
      return;
    }
    const outStart = arena.at;
    const outEnd = inflate(bytes, data, end, arena.bytes, outStart, outStart + size);
    const read = inflateConsumed - data;
    viewWork += outEnd - outStart + read;
    if (inflateEnd === "broken" || outEnd === outStart || !isContent(arena.bytes, outStart, outEnd)) {
      decodedBytes += (outEnd - outStart) + (read >> 2);
      continue;
    }
    if (inflateEnd === "full") exceeded ??= "max-decoded-bytes";
    if (++dataViews > MAX_DATA_VIEWS) {
      exceeded ??= "max-decoded-bytes";
      return;
    }
    take(outStart, outEnd);
    views.push(child(view, "packed", first === 0x1f ? "gzip" : "zlib", outStart, outEnd, view.depth + 1, NO_PIECES));
    at = inflateConsumed - 1;
  }
}

function zstdUnpacked(view: View, limits: ViewLimits): View | null {
  const size = limits.maxDecodedBytes - decodedBytes;
  if (view.depth >= limits.maxDepth || ++zstdCalls > MAX_ZSTD || size < 1) {
    exceeded ??= "max-decoded-bytes";
    return null;
  }
  viewWork += ZSTD_WORK;
  try {
    const text = zstdDecompressSync(view.bytes.subarray(view.start, view.end), { maxOutputLength: size });
    decodedBytes += text.length;
    viewWork += text.length;
    return { ...child(view, "packed", "zstd", 0, text.length, view.depth + 1, NO_PIECES), bytes: text };
  } catch (error) {
    // Too large is a bound; anything else is no Zstandard, and its bytes were searched as they are.
    if (error instanceof RangeError) exceeded ??= "max-decoded-bytes";
    return null;
  }
}

/** Form of a text that one language reads it as. */
export type Collapse = "plus" | "sql" | "sql-joined" | "shell";

/** The view collapsed, behind everything decoded; null if nothing changes. It takes no part of `max-decoded-bytes`. */
export function collapsed(view: View, how: Collapse): { bytes: Uint8Array; start: number; end: number } {
  arena.reserve(view.end - view.start + 16);
  const start = arena.at;
  viewWork += view.end - view.start;
  const end = collapseInto(view, how, arena.bytes, start, Infinity);
  return { bytes: arena.bytes, start, end };
}

function collapseInto(view: View, how: Collapse, out: Uint8Array, at: number, stop: number): number {
  switch (how) {
    case "plus":
      return collapsePlus(view.bytes, view.start, view.end, out, at, stop);
    case "sql":
    case "sql-joined":
      return collapseSql(view.bytes, view.start, view.end, how === "sql-joined", out, at, stop);
    case "shell":
      return collapseShell(
        view.bytes,
        view.start,
        view.end,
        isJsonText(view.bytes, view.start, view.end),
        hasBounds(view),
        out,
        at,
        stop,
      );
  }
}

/** Where in the view the byte stands that is at `offset` of its collapsed form. */
export function collapsedSource(view: View, how: Collapse, offset: number): number {
  collapseInto(view, how, new Uint8Array(view.end - view.start + 16), 0, offset);
  return collapsedAt;
}

/** Where in the text as it came the byte `at` of the view comes from: exactly for escapes, about for encoded runs. */
export function sourceOffset(view: View, at: number): number {
  const { parent } = view;
  if (parent === null) return at - view.start;
  if (view.kind === "narrow") {
    const out = new Uint8Array(parent.end - parent.start + 16);
    const isJson = (view.modes & IS_JSON) !== 0;
    narrow(parent.bytes, parent.start, parent.end, isJson, view.modes & ~IS_JSON, out, 0, at - view.start);
    return sourceOffset(parent, narrowedAt);
  }
  if (view.kind === "escapes") {
    const out = new Uint8Array(view.end - view.start + 16);
    unescapeText(parent.bytes, parent.start, parent.end, view.modes, out, 0, at - view.start);
    return sourceOffset(parent, stoppedAt);
  }
  const piece = view.pieces.find((one) => at <= one.outEnd) ?? view.pieces[0];
  if (piece === undefined) return sourceOffset(parent, parent.start);
  const inPiece = Math.max(0, at - piece.outStart);
  const scale = view.kind === "runs" ? 4 / 3 : view.kind === "utf16" ? 2 : 1;
  return sourceOffset(parent, Math.min(parent.end, piece.sourceStart + Math.floor(inPiece * scale)));
}

/** The decodings that a view lies within, outermost first. */
export function chainOf(view: View): string[] {
  const chain: string[] = [];
  for (let one: View | null = view; one !== null; one = one.parent) if (one.label !== "") chain.unshift(one.label);
  return chain;
}
