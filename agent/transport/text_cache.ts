import { Buffer } from "node:buffer";

/** Node's own slice, without the dispatch of `toString()`: a third of its cost. */
interface SliceBuffer extends Buffer {
  latin1Slice(start: number, end: number): string;
}

const SLOTS = 4096;

/**
 * Strings for bytes that come again and again: correlation ids, addresses, routes.
 *
 * To make a string costs as much as all checks of a packet, and to compare bytes with one that is there a quarter of it;
 * a string that came before also has its hash. One slot per hash, the newest stays: bounded, and a client that chooses
 * its ids so that they meet gains nothing but the cost of making them.
 */
export class TextCache {
  readonly #texts: string[] = new Array<string>(SLOTS).fill("");

  /** `buffer[start..end)` as Latin-1 text. */
  get(buffer: Buffer, start: number, end: number): string {
    let hash = end - start;
    // Ids that are counted differ at their end, random ones everywhere.
    for (let at = Math.max(start, end - 12); at < end; at++) hash = Math.imul(hash, 31) + (buffer[at] as number);
    const slot = (hash ^ (hash >>> 12)) & (SLOTS - 1);
    const kept = this.#texts[slot] as string;
    if (isText(buffer, start, end, kept)) return kept;
    return this.#texts[slot] = latin1(buffer, start, end);
  }
}

/** `buffer[start..end)` as Latin-1 text, made anew. */
export function latin1(buffer: Buffer, start: number, end: number): string {
  return (buffer as SliceBuffer).latin1Slice(start, end);
}

function isText(buffer: Buffer, start: number, end: number, text: string): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== buffer[start + i]) return false;
  return true;
}
