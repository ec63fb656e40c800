import { zstdDecompressSync } from "node:zlib";
import { isContent, isZstd } from "./binary.ts";
import { gzipDataStart, inflate, inflateConsumed, inflateEnd, isZlibHeader } from "./inflate.ts";
import { zipMemberStart } from "./zip_member.ts";
import {
  addViewWork,
  arena,
  child,
  decodedBytes,
  exceed,
  room,
  take,
  takeDataView,
  takeDecoded,
  takeZstdCall,
} from "./view_state.ts";
import { MIN_GUESSED_LAYER, NO_PIECES, type View, type ViewLimits } from "./views.ts";

/** What one attempt costs, in units of work, for who counts them. */
const ZSTD_WORK = 20_000;

/** The data decompressed: gzip, zlib, Zstandard by their headers; bare DEFLATE if it is that to the end. */
export function unpacked(view: View, limits: ViewLimits): View | null {
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
  addViewWork(end - start + 16);
  // A file of gzip may have several members (RFC 1952 section 2.2): one text, as readers give it.
  while (label === "gzip" && inflateEnd === "whole") {
    const next = gzipDataStart(bytes, inflateConsumed + 8, to);
    if (next < 0) break;
    const from = end;
    end = inflate(bytes, next, to, arena.bytes, from, start + size);
    addViewWork(end - from + 16);
  }
  // Two bytes of a header, or none, are too few to believe in.
  const isStream = label === "gzip" || (inflateEnd === "whole" && inflateConsumed >= (label === "zlib" ? to - 4 : to));
  const hasContent = isContent(arena.bytes, start, end);
  if (!isStream && !hasContent) {
    // It was work all the same, and a client can have it done for each of many pieces.
    takeDecoded(end - start);
    return null;
  }
  if (end === start) return null;
  if (view.depth >= limits.maxDepth) {
    const isLayer = hasContent && (view.doubtBelow === 0 || end - start >= MIN_GUESSED_LAYER);
    if (label === "gzip" || isLayer) exceed("max-depth");
    return null;
  }
  // Larger than what may be decoded: what came out is searched, and the rest is refused unseen.
  if (inflateEnd === "full") exceed("max-decoded-bytes");
  take(start, end);
  return child(view, "packed", label, start, end, view.depth + 1, NO_PIECES);
}

/**
 * Compressed data within other data: behind its length, in a field of Protocol Buffers. Each place that begins like gzip,
 * zlib or a member of a ZIP archive is tried; one that is none costs what was read and written of the budget, so that together they stay linear.
 */
export function packedWithin(view: View, limits: ViewLimits, views: View[]): void {
  const { bytes, start, end } = view;
  if (view.depth >= limits.maxDepth) return;
  let nextNul = 0;
  for (let at = start; at + 8 < end; at++) {
    const first = bytes[at] as number;
    if (first !== 0x78 && first !== 0x1f && first !== 0x50) continue;
    // At the beginning only an archive is new: the rest was tried.
    if (at === start && first !== 0x50) continue;
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
      addViewWork(looked);
      if (looked > 64) takeDecoded(looked);
    } else if (first === 0x78 && isZlibHeader(first, second)) data = at + 2;
    else if (first === 0x50 && second === 0x4b) data = zipMemberStart(bytes, at, end);
    if (data < 0) continue;
    const size = room(limits, limits.maxDecodedBytes);
    if (size < 16) {
      exceed("max-decoded-bytes");
      return;
    }
    const outStart = arena.at;
    const outEnd = inflate(bytes, data, end, arena.bytes, outStart, outStart + size);
    const read = inflateConsumed - data;
    addViewWork(outEnd - outStart + read);
    if (inflateEnd === "broken" || outEnd === outStart || !isContent(arena.bytes, outStart, outEnd)) {
      takeDecoded((outEnd - outStart) + (read >> 2));
      continue;
    }
    if (inflateEnd === "full") exceed("max-decoded-bytes");
    if (!takeDataView()) return;
    take(outStart, outEnd);
    const label = first === 0x1f ? "gzip" : first === 0x50 ? "zip" : "zlib";
    views.push(child(view, "packed", label, outStart, outEnd, view.depth + 1, NO_PIECES));
    at = inflateConsumed - 1;
  }
}

function zstdUnpacked(view: View, limits: ViewLimits): View | null {
  const size = limits.maxDecodedBytes - decodedBytes;
  if (view.depth >= limits.maxDepth || !takeZstdCall() || size < 1) {
    exceed("max-decoded-bytes");
    return null;
  }
  addViewWork(ZSTD_WORK);
  try {
    const text = zstdDecompressSync(view.bytes.subarray(view.start, view.end), { maxOutputLength: size });
    takeDecoded(text.length);
    addViewWork(text.length);
    return { ...child(view, "packed", "zstd", 0, text.length, view.depth + 1, NO_PIECES), bytes: text };
  } catch (error) {
    // Too large is a bound; anything else is no Zstandard, and its bytes were searched as they are.
    if (error instanceof RangeError) exceed("max-decoded-bytes");
    return null;
  }
}
