/**
 * The one place that compiles patterns that operators write. They run in re2js (RE2 syntax): linear in the text,
 * whatever the pattern. Backtracking engines are not: `^(a+)+$` would let one long user name stop the process.
 *
 * Not in RE2: lookaround, backreferences, possessive quantifiers, repeats above 1000. `\b \d \s \w` are ASCII.
 */
import { RE2JS, RE2JSException, RE2JSSyntaxException } from "re2js";
import { patternShape } from "./pattern_shape.ts";

/**
 * A compiled pattern. Every method costs time linear in the text and throws nothing: a character takes 5 to 200 ns as a rule,
 * and up to some 15 µs where the states of the pattern blow up (`a[ab]{900}c`): who runs it over what clients send bounds
 * the length by `programSize`.
 */
export interface LinearRegex {
  readonly pattern: string;
  /**
   * Text that everything matching begins with (so a pattern with an empty one matches anywhere or begins with something
   * else than text).
   */
  readonly literalPrefix: string;
  /** RE2 instructions: what a character costs at worst grows with them. 0: it is compared as text. */
  readonly programSize: number;
  /** The pattern is found somewhere in the text. */
  test(text: string): boolean;
  /** The pattern matches the text from beginning to end. */
  testWhole(text: string): boolean;
  /**
   * Does now what the first test would do otherwise: up to 0.2 ms where the pattern was compiled `later`; false where
   * nothing was left to do.
   */
  build(): boolean;
}

export type RegexResult = { readonly regex: LinearRegex } | { readonly error: string };

/** Longest pattern, in UTF-16 units. */
export const MAX_PATTERN_UNITS = 4096;

/** Largest compiled program, in RE2 instructions: linear time has this as its factor. `[a-z]{1,1000}` takes 2003. */
export const MAX_PROGRAM_SIZE = 4096;

export interface CompileRegexOptions {
  /**
   * Whether a pattern that is known to compile need not be compiled yet: one that differs from another one only in plain
   * characters. For who wants to know what is wrong with a hundred thousand of them; who tests on the frame path calls
   * `build` before.
   */
  readonly later?: boolean;
}

/** Ends of patterns that begin with a text of their own, by what they say. Emptied when full. */
const tails = new Map<string, RE2JS>();
const MAX_TAILS = 256;
/** Shapes of patterns that compiled, with room to spare. Emptied when full. */
const shapes = new Set<string>();
const MAX_SHAPES = 4096;

/**
 * Compiles a pattern, or says what is wrong with it and where: `Cannot use regex "a(?=b)": invalid or unsupported Perl
 * syntax at "(?=" (character 2)`.
 *
 * `^text` and `^text$` without any other syntax are compared as text and cost nothing to compile, since configurations
 * with a rule per device are full of them; of `^text` and something behind it only the end is compiled, once for all that
 * end alike. A program takes 30 to 140 µs and 8 to 13 KB.
 */
export function compileRegex(pattern: string, { later = false }: CompileRegexOptions = {}): RegexResult {
  if (pattern.length > MAX_PATTERN_UNITS) {
    return {
      error: `Cannot use regex "${pattern.slice(0, 40)}…": it is longer than ${MAX_PATTERN_UNITS} characters`,
    };
  }
  const prefix = leadingLiteral(pattern);
  if (prefix !== null && prefix.rest === "") return { regex: new PrefixRegex(pattern, prefix.text) };
  if (prefix !== null && prefix.rest === "$") return { regex: new TextRegex(pattern, prefix.text) };
  const tail = prefix === null || prefix.alternatives ? null : tailOf(prefix.rest);
  if (prefix !== null && tail !== null && tail.programSize() + prefix.text.length <= MAX_PROGRAM_SIZE) {
    return { regex: new TailRegex(pattern, prefix.text, tail) };
  }
  const literalPrefix = prefix !== null && !prefix.alternatives ? prefix.text : "";
  const shape = later ? patternShape(pattern) : null;
  if (shape !== null && shapes.has(shape)) return { regex: new LaterRegex(pattern, literalPrefix) };
  try {
    const compiled = RE2JS.compile(pattern);
    if (compiled.programSize() > MAX_PROGRAM_SIZE) {
      return {
        error: `Cannot use regex "${pattern}": it compiles to more than ${MAX_PROGRAM_SIZE} instructions`,
      };
    }
    if (shape !== null && compiled.programSize() <= MAX_PROGRAM_SIZE / 2) {
      if (shapes.size === MAX_SHAPES) shapes.clear();
      shapes.add(shape);
    }
    return { regex: new Re2Regex(pattern, compiled, literalPrefix) };
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    return { error: `Cannot use regex "${pattern}": ${describe(pattern, error)}` };
  }
}

/**
 * What stands behind a literal beginning, as a pattern of its own; null where it might look back at that beginning, or
 * does not compile, which the whole pattern then says better.
 */
function tailOf(rest: string): RE2JS | null {
  // Boundaries look at the character before, "^" and "\A" at the beginning of all; flags may change what both mean.
  if (/\\[bBAQ]|\^|\(\?(?!:)/.test(rest)) return null;
  let tail = tails.get(rest);
  if (tail !== undefined) return tail;
  try {
    tail = RE2JS.compile(`^${rest}`);
  } catch (error) {
    if (error instanceof RE2JSException) return null;
    throw error;
  }
  if (tails.size === MAX_TAILS) tails.clear();
  tails.set(rest, tail);
  return tail;
}

/** A text, and a compiled end that is shared by all patterns that have it. */
class TailRegex implements LinearRegex {
  readonly #tail: RE2JS;
  readonly programSize: number;

  constructor(readonly pattern: string, readonly literalPrefix: string, tail: RE2JS) {
    this.#tail = tail;
    this.programSize = tail.programSize();
  }

  test(text: string): boolean {
    return text.startsWith(this.literalPrefix) && this.#tail.test(text.slice(this.literalPrefix.length));
  }

  testWhole(text: string): boolean {
    return text.startsWith(this.literalPrefix) && this.#tail.testExact(text.slice(this.literalPrefix.length));
  }

  build(): boolean {
    return false;
  }
}

/** Known to compile, and compiled when it is needed. */
class LaterRegex implements LinearRegex {
  #compiled: RE2JS | null = null;

  constructor(readonly pattern: string, readonly literalPrefix: string) {}

  get programSize(): number {
    return this.#built().programSize();
  }

  test(text: string): boolean {
    return this.#built().test(text);
  }

  testWhole(text: string): boolean {
    return this.#built().testExact(text);
  }

  build(): boolean {
    if (this.#compiled !== null) return false;
    this.#built();
    return true;
  }

  #built(): RE2JS {
    return this.#compiled ??= RE2JS.compile(this.pattern);
  }
}

class PrefixRegex implements LinearRegex {
  readonly programSize = 0;
  constructor(readonly pattern: string, readonly literalPrefix: string) {}

  test(text: string): boolean {
    return text.startsWith(this.literalPrefix);
  }

  testWhole(text: string): boolean {
    return text === this.literalPrefix;
  }

  build(): boolean {
    return false;
  }
}

class TextRegex implements LinearRegex {
  readonly programSize = 0;
  constructor(readonly pattern: string, readonly literalPrefix: string) {}

  test(text: string): boolean {
    return text === this.literalPrefix;
  }

  testWhole(text: string): boolean {
    return text === this.literalPrefix;
  }

  build(): boolean {
    return false;
  }
}

class Re2Regex implements LinearRegex {
  readonly #compiled: RE2JS;
  readonly programSize: number;

  constructor(readonly pattern: string, compiled: RE2JS, readonly literalPrefix: string) {
    this.#compiled = compiled;
    this.programSize = compiled.programSize();
  }

  test(text: string): boolean {
    return this.#compiled.test(text);
  }

  testWhole(text: string): boolean {
    return this.#compiled.testExact(text);
  }

  build(): boolean {
    return false;
  }
}

const SYNTAX = new Set("\\^$.|?*+()[]{}");
const QUANTIFIERS = new Set("?*+{");

/**
 * The literal text after a leading `^`, and what follows it; null without either. It is cautious: where it is not sure
 * it gives less text. `alternatives` says that the rest may hold a `|` outside all groups, so that the text is only one
 * of several beginnings.
 */
function leadingLiteral(pattern: string): { text: string; rest: string; alternatives: boolean } | null {
  if (!pattern.startsWith("^") || !pattern.isWellFormed()) return null;
  let text = "";
  let at = 1;
  while (at < pattern.length) {
    let character = String.fromCodePoint(pattern.codePointAt(at) ?? 0);
    let next = at + character.length;
    if (character === "\\") {
      // An escaped ASCII punctuation character is that character; every other escape is syntax.
      character = pattern.charAt(next);
      if (!/^[!-/:-@[-`{-~]$/.test(character)) break;
      next++;
    } else if (SYNTAX.has(character)) break;
    // A quantifier belongs to the character before it.
    if (QUANTIFIERS.has(pattern.charAt(next))) break;
    text += character;
    at = next;
  }
  if (text === "") return null;
  const rest = pattern.slice(at);
  return { text, rest, alternatives: mayHaveTopLevelAlternative(rest) };
}

/** True if there may be a `|` outside groups and classes; flags and quoting are not followed but taken for a yes. */
function mayHaveTopLevelAlternative(rest: string): boolean {
  if (!rest.includes("|")) return false;
  if (rest.includes("\\Q") || rest.includes("[") || /\(\?(?!:)/.test(rest)) return true;
  let depth = 0;
  for (let at = 0; at < rest.length; at++) {
    const character = rest.charAt(at);
    if (character === "\\") at++;
    else if (character === "(") depth++;
    else if (character === ")") depth--;
    else if (character === "|" && depth === 0) return true;
  }
  return false;
}

function describe(pattern: string, error: RE2JSException): string {
  if (!(error instanceof RE2JSSyntaxException)) return error.message;
  const fragment = error.getPattern();
  if (fragment === null || fragment === "" || fragment === pattern) return error.getDescription();
  const place = pattern.indexOf(fragment);
  const where = place < 0 ? "" : ` (character ${place + 1})`;
  return `${error.getDescription()} at "${fragment}"${where}`;
}
