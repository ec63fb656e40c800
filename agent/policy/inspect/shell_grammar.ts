import { BARE, NAMED, NUMERIC, PLAIN, SHELL, SURE, word, WRAPPER } from "./keywords.ts";
import { BOUND, LINE, NUMBER, type Tokens, WORD } from "./tokens.ts";

/** Where a command may begin, and what tells its arguments from the rest of a sentence. */

/** What stands before a command: one of the separators, by its character; a line break; the beginning of the text. */
export const NOWHERE = 0, LINE_BREAK = 10, BEGINNING = 1, SUBSTITUTION = 36, BACKTICK = 96, PIPE = 124, AMPERSAND = 38;
export const SEMICOLON = 59;

const SLASH = 0x2f,
  DOT = 0x2e,
  DOLLAR = 0x24,
  OPEN = 0x28,
  BRACE = 0x7b,
  EXE = word("exe"),
  COM = word("com"),
  BAT = word("bat");
const BIN = word("bin"), SBIN = word("sbin"), MKFS = word("mkfs"), FORMAT = word("format");
const HALVES = new Set(["get", "cli", "config"].map(word));

/** Where the separator stands that {@link commandContext} found, and whether it is doubled (`&&`, `||`). */
export let separatorAt = 0;
export let isDoubled = false;
/** The command was written with the path of a directory of programs (`/bin/sh`). */
export let hasProgramPath = false;

/**
 * What stands before the command at `i`: behind a separator, with or without a path (`/usr/bin/`), quotes, parentheses,
 * `sudo` and assignments between. NOWHERE if it is a word within a sentence.
 */
export function commandContext(t: Tokens, i: number): number {
  hasProgramPath = false;
  let at = i;
  // The path it is called by.
  while (t.kind[at - 1] === SLASH && t.glued(at)) {
    const isDirectory = t.kind[at - 2] === WORD || t.kind[at - 2] === DOT || t.kind[at - 2] === 0x7e ||
      t.kind[at - 2] === 0x3f;
    if (t.word[at - 2] === BIN || t.word[at - 2] === SBIN) hasProgramPath = true;
    at -= isDirectory && t.glued(at - 1) ? 2 : 1;
    if (at < i - 16) return NOWHERE;
  }
  for (const stop = at - 12; at > stop; at--) {
    const kind = t.kind[at - 1] as number;
    // A line break comes before the token it is noted at.
    if (((t.flags[at] as number) & LINE) !== 0 && kind !== BOUND) {
      separatorAt = at - 1;
      isDoubled = false;
      return isSeparator(t, at - 1) ? separator(t, at - 1) : LINE_BREAK;
    }
    if (isSeparator(t, at - 1)) return separator(t, at - 1);
    if (kind === BOUND) {
      separatorAt = at - 1;
      isDoubled = false;
      return BEGINNING;
    }
    if (kind === OPEN) {
      const opener = t.kind[at - 2] as number;
      if ((opener === DOLLAR || opener === 0x3c || opener === 0x3e) && t.glued(at - 1)) {
        separatorAt = at - 2;
        return SUBSTITUTION;
      }
      continue;
    }
    if (kind === BRACE || kind === 0x21 || kind === 0x27 || kind === 0x22 || kind === 0x40) continue;
    if (kind === WORD && ((t.bits[at - 1] as number) & WRAPPER) !== 0 && t.spaced(at)) continue;
    // timeout 5 id
    if (kind === NUMBER && t.spaced(at) && ((t.bits[at - 2] as number) & WRAPPER) !== 0) continue;
    // NAME=value before the command
    if (kind === WORD && t.kind[at - 2] === 0x3d && t.kind[at - 3] === WORD && t.spaced(at)) {
      at -= 2;
      continue;
    }
    const name = t.spaced(at) ? assignmentBefore(t, at - 1) : -1;
    if (name < 0) return NOWHERE;
    at = name + 1;
  }
  return NOWHERE;
}

/** Where the name stands of an assignment whose value ends at `i`, as `PATH=/tmp:$PATH`; -1 if there is none. */
function assignmentBefore(t: Tokens, i: number): number {
  for (let at = i; at > i - 10; at--) {
    if (t.kind[at] === 0x3d && t.kind[at - 1] === WORD && t.glued(at)) return at - 1;
    if (t.spaced(at) || t.kind[at] === BOUND) return -1;
  }
  return -1;
}

function isSeparator(t: Tokens, i: number): boolean {
  const kind = t.kind[i] as number;
  return kind === SEMICOLON || kind === PIPE || kind === AMPERSAND || kind === BACKTICK;
}

/** The `;` at `i` ends a reference of HTML: `&quot;`, `&#34;`. What it stands for is searched when it is decoded. */
function endsEntity(t: Tokens, i: number): boolean {
  if (t.kind[i] !== SEMICOLON || !t.glued(i) || !t.glued(i - 1)) return false;
  if (t.kind[i - 2] === AMPERSAND) return ENTITIES.has(t.word[i - 1] as number);
  return t.kind[i - 3] === AMPERSAND && t.kind[i - 2] === 0x23 && t.glued(i - 2);
}
const ENTITIES = new Set(["quot", "amp", "lt", "gt", "apos", "nbsp"].map(word));

function separator(t: Tokens, i: number): number {
  if (endsEntity(t, i)) return NOWHERE;
  const kind = t.kind[i] as number;
  isDoubled = kind !== BACKTICK && t.kind[i - 1] === kind && t.glued(i);
  separatorAt = isDoubled ? i - 1 : i;
  return kind;
}

/** What follows a command. */
export const NO_ARGUMENT = 0,
  ENDS = 1,
  OPTION = 2,
  PATH = 3,
  URL = 4,
  QUOTED = 5,
  NUMERAL = 6,
  PLAIN_WORD = 7,
  EXPANSION = 8,
  FILE = 9,
  ADDRESS = 10;

/** Behind the name of the command at `i`, `.exe` included, and the second half of `apt-get`. */
export function nameEndsAt(t: Tokens, i: number): number {
  if (t.kind[i + 1] === 0x2d && t.glued(i + 1) && t.glued(i + 2) && HALVES.has(t.word[i + 2] as number)) return i + 3;
  // mkfs.ext4
  if (t.word[i] === MKFS && t.kind[i + 1] === DOT && t.glued(i + 2)) return i + 3;
  if (t.kind[i + 1] !== DOT || !t.glued(i + 1)) return i + 1;
  const extension = t.word[i + 2] as number;
  return extension === EXE || extension === COM || extension === BAT ? i + 3 : i + 1;
}

/** What stands at `at`, behind the name of a command; NO_ARGUMENT: it was no command. */
export function argumentKind(t: Tokens, at: number, context: number): number {
  const kind = t.kind[at] as number;
  if (kind === BOUND) return ENDS;
  const isSpaced = t.spaced(at);
  const isNewLine = ((t.flags[at] as number) & LINE) !== 0;
  if (isNewLine) return ENDS;
  switch (kind) {
    case SEMICOLON:
    case PIPE:
      return ENDS;
    case BACKTICK:
      return isSpaced && isSurelyProgram(t, at + 1) ? EXPANSION : ENDS;
    case 0x23:
      return isSpaced || t.kind[at + 1] === BOUND ? ENDS : NO_ARGUMENT;
    case AMPERSAND:
      return ENDS;
    case 0x29:
      // $(id), and ;(id)
      return context === SUBSTITUTION ||
          (t.kind[at - 2] === OPEN && isSeparator(t, at - 3) && t.glued(at - 2) && t.glued(at - 1))
        ? ENDS
        : NO_ARGUMENT;
    case 0x3e:
    case 0x3c:
      // A redirection, not a comparison; `<<<` is a text.
      if (kind === 0x3c && t.kind[at + 1] === 0x3c && t.kind[at + 2] === 0x3c) return QUOTED;
      return isTarget(t, at + 1) ||
          (kind === 0x3e && (t.kind[at + 1] === AMPERSAND || t.kind[at + 1] === 0x3e) && isTarget(t, at + 2)) ||
          (isSpaced && t.kind[at + 1] === WORD && t.kind[at + 2] === DOT)
        ? PATH
        : NO_ARGUMENT;
    case DOLLAR:
      return t.kind[at + 1] === WORD || t.kind[at + 1] === BRACE || t.kind[at + 1] === OPEN ? EXPANSION : NO_ARGUMENT;
  }
  if (!isSpaced) {
    // AT+PING="192.0.2.1;reboot"
    const isClosed = kind === 0x22 && context === SEMICOLON && t.kind[separatorAt - 1] === NUMBER &&
      t.kind[separatorAt - 2] === DOT && t.glued(separatorAt) && t.glued(separatorAt + 1);
    return (kind === 0x5c || isClosed) && t.kind[at + 1] === BOUND ? ENDS : NO_ARGUMENT;
  }
  switch (kind) {
    case 0x2d:
      // `-rf`, `--flag`, `su -`; a dash has a space behind it as well.
      if (t.kind[at + 1] === BOUND || isSeparator(t, at + 1)) return OPTION;
      if (!t.glued(at + 1)) return NO_ARGUMENT;
      return t.kind[at + 1] === WORD || t.kind[at + 1] === NUMBER || t.kind[at + 1] === 0x2d ? OPTION : NO_ARGUMENT;
    case SLASH:
      // `;id //`: the rest is a comment.
      if (t.kind[at + 1] === SLASH && t.glued(at + 1)) return t.kind[at + 2] === BOUND ? ENDS : NO_ARGUMENT;
      return t.glued(at + 1) || isEnd(t, at + 1) ? PATH : NO_ARGUMENT;
    case 0x7e:
    case 0x2a:
      return t.kind[at + 1] === SLASH || isEnd(t, at + 1) || t.kind[at + 1] === DOT ? PATH : NO_ARGUMENT;
    case 0x5c:
      return PATH;
    case 0x2b:
      // attrib +h
      return t.kind[at + 1] === WORD && t.glued(at + 1) ? OPTION : NO_ARGUMENT;
    case 0x25:
      // %USERNAME%
      return t.kind[at + 1] === WORD && t.kind[at + 2] === 0x25 && t.glued(at + 1) && t.glued(at + 2)
        ? EXPANSION
        : NO_ARGUMENT;
    case 0x40:
      // dig @10.0.0.1
      return t.kind[at + 1] === NUMBER && t.glued(at + 1) && t.kind[at + 2] === DOT ? ADDRESS : NO_ARGUMENT;
    case OPEN:
      return t.glued(at + 1) && ((t.bits[at + 1] as number) & SURE) !== 0 && t.spaced(at + 2) ? EXPANSION : NO_ARGUMENT;
    case DOT:
      return t.glued(at + 1) && (t.kind[at + 1] === SLASH || t.kind[at + 1] === DOT || t.kind[at + 1] === WORD) ||
          isEnd(t, at + 1)
        ? PATH
        : NO_ARGUMENT;
    case 0x27:
    case 0x22:
      return QUOTED;
    case BRACE:
      return EXPANSION;
    case NUMBER:
      // An address: two numbers with a point in each, and one between.
      return t.kind[at + 1] === DOT && t.glued(at + 1) && t.kind[at + 2] === NUMBER && t.end[at]! - t.start[at]! >= 3 &&
          t.end[at + 2]! - t.start[at + 2]! >= 3
        ? FILE
        : NUMERAL;
    case WORD:
      return wordArgument(t, at);
  }
  return NO_ARGUMENT;
}

/** A program that no sentence names stands at `i`. */
function isSurelyProgram(t: Tokens, i: number): boolean {
  return t.glued(i) && ((t.bits[i] as number) & (SURE | BARE)) !== 0;
}

/** What a redirection goes to: a path, a variable, a descriptor. */
function isTarget(t: Tokens, i: number): boolean {
  const kind = t.kind[i] as number;
  if (kind === NUMBER) return t.kind[i - 1] === AMPERSAND;
  if (kind === SLASH || kind === 0x7e) return t.glued(i + 1);
  return kind === DOT ? t.kind[i + 1] === SLASH : kind === DOLLAR && t.kind[i + 1] === BRACE;
}

/** A URL, a path, a file name, a host; or one more word of a sentence. */
function wordArgument(t: Tokens, at: number): number {
  if (t.kind[at + 1] === 0x3a && t.glued(at + 1)) {
    if (t.kind[at + 2] === SLASH && t.kind[at + 3] === SLASH) return URL;
    if (t.kind[at + 2] === 0x5c) return PATH;
    // format c:
    if (t.word[at - 1] === FORMAT && t.end[at]! - t.start[at]! === 1) return PATH;
  }
  if (t.kind[at + 1] === 0x40 && t.glued(at + 1) && t.glued(at + 2) && t.kind[at + 2] === WORD) return ADDRESS;
  if (
    (t.kind[at + 1] === DOT || t.kind[at + 1] === SLASH) && t.glued(at + 1) && t.glued(at + 2) &&
    t.kind[at + 2] !== BOUND
  ) {
    if (t.kind[at + 1] === SLASH && t.kind[at + 2] === WORD) return PATH;
    return t.kind[at + 2] === WORD || t.kind[at + 2] === 0x2a ? FILE : PLAIN_WORD;
  }
  return PLAIN_WORD;
}

function isEnd(t: Tokens, i: number): boolean {
  const kind = t.kind[i] as number;
  return kind === BOUND || kind === SEMICOLON || kind === PIPE || kind === AMPERSAND || kind === BACKTICK ||
    t.spaced(i);
}

/**
 * The separator at `separatorAt` parts fields of a table (`a;b;id`, `| id | name |`, `?a=1&id=2`) rather than commands:
 * the same one stands, with no more than plain words between, before or behind it in the line.
 */
export function isTable(t: Tokens, i: number): boolean {
  if (isDoubled || isAlone(t, i)) return false;
  const kind = t.kind[separatorAt] as number;
  const behind = nameEndsAt(t, i);
  // `; do id; done`
  if (t.kind[i - 1] === WORD || (t.kind[behind] === kind && CLOSERS.has(t.word[behind + 1] as number))) return false;
  if (t.kind[behind] === kind && t.kind[behind + 1] !== kind) {
    const isField = t.kind[behind + 1] === WORD || t.kind[behind + 1] === NUMBER || kind === PIPE;
    if (isField && (kind === PIPE || t.kind[separatorAt - 1] === WORD)) return true;
  }
  for (let at = separatorAt - 1; at > separatorAt - 14; at--) {
    const before = t.kind[at] as number;
    if (before === kind) return true;
    if (before !== WORD && before !== NUMBER && before !== DOT && before !== 0x2d && before !== 0x5f) {
      // ?a=1&id
      return kind === AMPERSAND && (before === 0x3d || before === 0x3f);
    }
    if (((t.flags[at] as number) & LINE) !== 0) return false;
  }
  return false;
}

/** Two more of the separator stand before the command in its line, with plain words and numbers between: a row of values. */
export function isRow(t: Tokens): boolean {
  const kind = t.kind[separatorAt] as number;
  let count = 0;
  for (let at = separatorAt - 1; at > separatorAt - 14; at--) {
    const before = t.kind[at] as number;
    if (before === kind) count++;
    else if (before !== WORD && before !== NUMBER && before !== DOT && before !== 0x2d) break;
    if (((t.flags[at] as number) & LINE) !== 0) break;
  }
  return count >= 2;
}

/** The command at `i` with its separators is all that there is: `;id`, `|id|`, `"&&id&&"`. */
export function isAlone(t: Tokens, i: number): boolean {
  const before = separatorAt - 1;
  if (t.kind[before] !== BOUND && !(t.isQuote(before) && t.kind[before - 1] === BOUND)) return false;
  let behind = nameEndsAt(t, i);
  for (
    const stop = behind + 2;
    behind < stop && (isSeparator(t, behind) || t.kind[behind] === 0x5c || t.kind[behind] === 0x29);
  ) {
    behind++;
  }
  return t.kind[behind] === BOUND || (t.isQuote(behind) && t.kind[behind + 1] === BOUND);
}
const CLOSERS = new Set(["done", "fi", "esac"].map(word));

/** The word is one of the programs that patterns know. */
export function isProgram(bits: number): boolean {
  return (bits & (SURE | NAMED | PLAIN)) !== 0;
}

/** The word reads commands: `sh`, `bash`, `powershell`. */
export function isShell(bits: number): boolean {
  return (bits & SHELL) !== 0;
}

/** It does something without arguments. */
export function standsAlone(bits: number): boolean {
  return (bits & BARE) !== 0;
}

/** Its argument may be a number. */
export function takesNumber(bits: number): boolean {
  return (bits & NUMERIC) !== 0;
}
