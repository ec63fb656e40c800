import { BOUND, IN_TAG, type Tokens, WORD } from "../tokens.ts";

const SLASH = 0x2f, COLON = 0x3a;

/** Token `i` is inside of a tag, as a browser reads it. */
export function isInTag(t: Tokens, i: number): boolean {
  return ((t.flags[i] as number) & IN_TAG) !== 0;
}

/** The value of an attribute at `i` is of another host, or a document by itself: `//x`, `http:`, `data:`. */
export function isElsewhere(t: Tokens, i: number): boolean {
  const at = t.isQuote(i) || t.kind[i] === BOUND || t.kind[i] === 0x5c ? (t.isQuote(i + 1) ? i + 2 : i + 1) : i;
  if (t.kind[at] === SLASH) return t.kind[at + 1] === SLASH;
  return t.kind[at] === WORD && t.kind[at + 1] === COLON;
}
