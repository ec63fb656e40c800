import { WORD_TEXT } from "./keywords.ts";
import type { Pattern } from "./pattern.ts";
import { CLASS, CLASSES, compilePrefilter, type Prefilter } from "./prefilter.ts";
import { stretchCount, stretchEnds, stretchStarts } from "./spans.ts";
import { Tokens, WORD } from "./tokens.ts";

/** Patterns by the token that they are called for, and the prefilter for their texts. */
export interface PatternTable {
  readonly prefilter: Prefilter;
  /** By punctuation character; by it and the class of the byte behind it; and by number of a word. */
  readonly byKind: readonly (readonly Pattern[] | undefined)[];
  readonly byPair: readonly (readonly Pattern[] | undefined)[];
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
  const byPair = new Array<Pattern[] | undefined>(128 * CLASSES).fill(undefined);
  byKind.forEach((list, kind) => {
    for (let second = 0; list !== undefined && second < CLASSES; second++) {
      const called = list.filter((pattern) => isCalledAt(pattern, kind, second));
      if (called.length > 0) byPair[kind * CLASSES + second] = called;
    }
  });
  return { prefilter: compilePrefilter(patterns), byKind, byPair, byWord };
}

/** One of the pattern's triggers is the punctuation character `kind`, alone or before a byte of the class `second`. */
function isCalledAt(pattern: Pattern, kind: number, second: number): boolean {
  return pattern.at.some((trigger) =>
    typeof trigger === "string" && trigger.charCodeAt(0) === kind &&
    (trigger.length === 1 || CLASS[trigger.charCodeAt(1)] === second)
  );
}

/** What is told of each pattern that is found: true stops the search. */
export type Found = (pattern: Pattern, at: number) => boolean;

const tokens = new Tokens();
/** Tokens cut, and patterns called, by all calls since {@link resetMatchWork}: what tests of linearity count. */
export let matchWork = 0;

/** The search of a text was given up, since it had cost too much. */
export let isMatchCut = false;
let maxWork = Infinity;

/** Sets the counter of work to zero. A search that has brought it beyond `most` is given up after a block of tokens. */
export function resetMatchWork(most: number = Infinity): void {
  matchWork = 0;
  tokens.looks = 0;
  maxWork = most;
  isMatchCut = false;
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
  tokens.open(bytes, start, end, hasBounds);
  return matchTokens(table, bytes, found);
}

/** The same for the stretches that {@link findStretches} found last. */
export function matchStretches(
  table: PatternTable,
  bytes: Uint8Array,
  hasBounds: boolean,
  isJson: boolean,
  found: Found,
): boolean {
  if (stretchCount === 0) return false;
  tokens.openStretches(bytes, stretchStarts, stretchEnds, stretchCount, hasBounds, isJson);
  return matchTokens(table, bytes, found);
}

function matchTokens(table: PatternTable, bytes: Uint8Array, found: Found): boolean {
  while (tokens.next()) {
    if (matchBlock(table, bytes, tokens, found)) return true;
    if (matchWorkDone() > maxWork) return isMatchCut = true;
  }
  return false;
}

// One loop in each function: where they nest, V8 compiles the inner one alone, and throws that away whenever it ends.
function matchBlock(table: PatternTable, bytes: Uint8Array, t: Tokens, found: Found): boolean {
  const { byPair, byWord } = table;
  const { kind, word, end, first, last } = t;
  matchWork += last - first;
  for (let i = first; i < last; i++) {
    const one = kind[i] as number;
    const patterns = one === WORD
      ? byWord[word[i] as number]
      : byPair[one * CLASSES + (CLASS[bytes[end[i] as number] as number] as number | 0)];
    if (patterns !== undefined && callPatterns(patterns, t, i, found)) return true;
  }
  return false;
}

function callPatterns(patterns: readonly Pattern[], t: Tokens, i: number, found: Found): boolean {
  matchWork += patterns.length;
  for (let n = 0; n < patterns.length; n++) {
    const pattern = patterns[n] as Pattern;
    if (pattern.test(t, i) && found(pattern, t.start[i] as number)) return true;
  }
  return false;
}
