import { CONNECTIVE, wordsOf } from "../keywords.ts";
import { type Tokens, WORD } from "../tokens.ts";

/** Words that join conditions, or begin one. */
export const COMPARED_WORDS = wordsOf(CONNECTIVE);

/** Two words of a connective: the first of `||` and `&&`, or the word itself; where the condition begins; -1 if none. */
export function conditionStart(t: Tokens, i: number): number {
  const kind = t.kind[i] as number;
  if (kind === WORD) return i + 1;
  return t.kind[i + 1] === kind && t.glued(i + 1) ? i + 2 : -1;
}
