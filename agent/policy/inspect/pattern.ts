import type { Severity } from "./config.ts";
import type { Tokens } from "./tokens.ts";

/** What a hit is about. */
export type Category = "sqli" | "command-injection" | "script-injection" | "path-traversal";

/** `separator`: what commands are parted by; `markup`: `<` and quotes; `nul`: U+0000. */
export type Gate = "separator" | "markup" | "nul";

/**
 * One named pattern. It is a function over tokens instead of a regular expression: whether `or 1=1` is an attack depends
 * on what the words around are, and an engine that backtracks would let a client choose how long it takes.
 */
export interface Pattern {
  /** Unique, kebab-case, stable: logs and the audit name it. */
  readonly name: string;
  readonly category: Category;
  readonly severity: Severity;
  /** What it catches, and why that is no ordinary text. */
  readonly catches: string;
  /** It must catch this, */
  readonly example: string;
  /** and must not catch this. */
  readonly nearMiss: string;
  /** Tokens that it is called for: words by their number, and punctuation, as the characters that the text must have there. */
  readonly at: readonly (string | number)[];
  /** It takes so few characters that random ones make it: it does not count in what was decoded from data by guess. */
  readonly weak?: true;
  /** Its words mean nothing unless such a character is in the text as well: most texts then need not be cut. */
  readonly gate?: Gate;
  /** True if it is found at token `i`. Looks at fewer than `REACH` tokens in either direction. */
  readonly test: (tokens: Tokens, i: number) => boolean;
}
