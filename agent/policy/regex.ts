/**
 * The one place that compiles patterns that operators write. They run in re2js (RE2 syntax): linear in the text,
 * whatever the pattern. Backtracking engines are not: `^(a+)+$` would let one long user name stop the process.
 *
 * Not in RE2: lookaround, backreferences, possessive quantifiers, repeats above 1000. `\b \d \s \w` are ASCII.
 */
import { RE2JS, RE2JSException, RE2JSSyntaxException } from "re2js";

/**
 * A compiled pattern. Every method costs time linear in the text (about 5 to 200 ns a character) and throws nothing.
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
}

export type RegexResult = { readonly regex: LinearRegex } | { readonly error: string };

/** Longest pattern, in UTF-16 units. */
export const MAX_PATTERN_UNITS = 4096;

/** Largest compiled program, in RE2 instructions: linear time has this as its factor. `[a-z]{1,1000}` takes 2003. */
export const MAX_PROGRAM_SIZE = 4096;

/**
 * Compiles a pattern, or says what is wrong with it and where: `Cannot use regex "a(?=b)": invalid or unsupported Perl
 * syntax at "(?=" (character 2)`.
 *
 * `^text` and `^text$` without any other syntax are compared as text and cost nothing to compile, since configurations
 * with a rule per device are full of them.
 */
export function compileRegex(pattern: string): RegexResult {
  if (pattern.length > MAX_PATTERN_UNITS) {
    return {
      error: `Cannot use regex "${pattern.slice(0, 40)}…": it is longer than ${MAX_PATTERN_UNITS} characters`,
    };
  }
  const prefix = leadingLiteral(pattern);
  if (prefix !== null && prefix.rest === "") return { regex: new PrefixRegex(pattern, prefix.text) };
  if (prefix !== null && prefix.rest === "$") return { regex: new TextRegex(pattern, prefix.text) };
  try {
    const compiled = RE2JS.compile(pattern);
    if (compiled.programSize() > MAX_PROGRAM_SIZE) {
      return {
        error: `Cannot use regex "${pattern}": it compiles to more than ${MAX_PROGRAM_SIZE} instructions`,
      };
    }
    return { regex: new Re2Regex(pattern, compiled, prefix !== null && !prefix.alternatives ? prefix.text : "") };
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    return { error: `Cannot use regex "${pattern}": ${describe(pattern, error)}` };
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
