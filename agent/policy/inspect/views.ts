import type { ViewName } from "./config.ts";
import { DOUBTFUL, type Piece } from "./pieces.ts";
import { HTML, JSON_ESCAPES, PERCENT, UNICODE } from "./unescape.ts";

/** How a view was made from the one before it. */
export type Kind =
  | "raw"
  | "escapes"
  | "runs"
  | "packed"
  | "utf16"
  | "cbor"
  | "msgpack"
  | "strings"
  | "narrow"
  | "mail"
  | "row";

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
  /** Of a narrowed form: where each of its parts begins, in it and in its parent, two numbers for each. */
  readonly places: Int32Array;
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

/**
 * Of random bytes one in three is a character, and sixteen in a row are rare enough. As much is a layer of encoding that was
 * put on, where it lies deeper than `max-depth`.
 */
export const DOUBT_STRING = DOUBTFUL, MIN_LAYER = 16, MIN_GUESSED_LAYER = 64;
/** Of a view that is not made of pieces. */
export const NO_PIECES: readonly Piece[] = [];
/** Of a view that is not narrowed. */
export const NO_PLACES: Int32Array = new Int32Array(0);

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
    places: NO_PLACES,
    doubtBelow: 0,
    label: "",
  };
}

/** The view is made of texts with `BOUNDARY` between, rather than of bytes as a client sent them. */
export function hasBounds(view: View): boolean {
  return view.kind !== "raw" && view.kind !== "packed" && !(view.pieces[0]?.binary ?? false);
}

/** Its text was found in data by its characters alone: there is no data in it. */
export function isFromStrings(view: View): boolean {
  return view.doubtBelow >= DOUBT_STRING || view.kind === "strings";
}
