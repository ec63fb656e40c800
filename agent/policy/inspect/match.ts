import { WORD_TEXT } from "./keywords.ts";
import type { Pattern } from "./pattern.ts";
import { compilePrefilter, type Prefilter } from "./prefilter.ts";
import { Tokens, WORD } from "./tokens.ts";

/** Patterns by the token that they are called for, and the prefilter for their texts. */
export interface PatternTable {
  readonly prefilter: Prefilter;
  /** By punctuation character, and by number of a word. */
  readonly byKind: readonly (readonly Pattern[] | undefined)[];
  readonly byWord: readonly (readonly Pattern[] | undefined)[];
}

/** Compiles patterns into tables: once per configuration (some milliseconds). */
export function compileTable(patterns: readonly Pattern[]): PatternTable {
  const byKind = new Array<Pattern[] | undefined>(128).fill(undefined);
  const byWord = new Array<Pattern[] | undefined>(WORD_TEXT.length).fill(undefined);
  for (const pattern of patterns) {
    for (const trigger of pattern.at) {
      const list = typeof trigger === "string" ? byKind : byWord;
      const key = typeof trigger === "string" ? trigger.charCodeAt(0) : trigger;
      const entry = list[key] ??= [];
      if (!entry.includes(pattern)) entry.push(pattern);
    }
  }
  return { prefilter: compilePrefilter(patterns), byKind, byWord };
}

/** What is told of each pattern that is found: true stops the search. */
export type Found = (pattern: Pattern, at: number) => boolean;

const tokens = new Tokens();
/** Tokens cut, and patterns called, by all calls since {@link resetMatchWork}: what tests of linearity count. */
export let matchWork = 0;

/** Sets the counter of work to zero. */
export function resetMatchWork(): void {
  matchWork = 0;
  tokens.looks = 0;
}

/** All that was counted, looks ahead included. */
export function matchWorkDone(): number {
  return matchWork + tokens.looks;
}

/**
 * Cuts `bytes[start, end)` into tokens and calls the patterns of the table for each; true if `found` stopped
 * it. One pass; each pattern looks at a bounded number of tokens, so that time is linear in the text.
 */
export function matchPatterns(
  table: PatternTable,
  bytes: Uint8Array,
  start: number,
  end: number,
  hasBounds: boolean,
  found: Found,
): boolean {
  const { byKind, byWord } = table;
  const t = tokens;
  t.open(bytes, start, end, hasBounds);
  while (t.next()) {
    matchWork += t.last - t.first;
    for (let i = t.first; i < t.last; i++) {
      const kind = t.kind[i] as number;
      const patterns = kind === WORD ? byWord[t.word[i] as number] : byKind[kind];
      if (patterns === undefined) continue;
      matchWork += patterns.length;
      for (let n = 0; n < patterns.length; n++) {
        const pattern = patterns[n] as Pattern;
        if (pattern.test(t, i) && found(pattern, t.start[i] as number)) return true;
      }
    }
  }
  return false;
}
