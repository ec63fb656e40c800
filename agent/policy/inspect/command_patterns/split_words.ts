import {
  EMPTY_WORD,
  ESCAPES,
  findWord,
  hashByte,
  lower,
  PLAIN,
  SCRIPT_CALL,
  SHELL,
  STATEMENT,
  SURE,
  word,
  WORD_CLASS,
} from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { NUMBER, type Tokens, WORD } from "../tokens.ts";

const CHAR = word("char"), CHR = word("chr"), F_WORD = word("f");
const PLUS = 0x2b, DOT = 0x2e, AMPERSAND = 0x26, PIPE = 0x7c, BRACE = 0x7b, CLOSE_BRACE = 0x7d, OPEN = 0x28;
const CLOSE = 0x29, MINUS = 0x2d, DOLLAR = 0x24, SLASH = 0x2f;

/** Pieces that are joined at most, and bytes of a word that is known. */
const MAX_PIECES = 8, MAX_LENGTH = 32;
const joined = new Uint8Array(MAX_LENGTH);

/** Words that programs put together out of two, since they are two. */
const COMPOUNDS = new Set(
  [
    "hostname",
    "uptime",
    "runtime",
    "timeout",
    "update",
    "backup",
    "rename",
    "replace",
    "username",
    "document",
    "window",
  ]
    .map(word),
);
const HIDDEN = new Set(
  ["union", "iex", "cmd", "calc", "passwd", "script", "shell", "invoke", "expression", "nc", "python", "perl", "shadow"]
    .map(word),
);

/** Behind the operator at `i` that joins two texts: `+`, `.`, `&`, `||`; -1 if there is none. */
function joinEnd(t: Tokens, i: number): number {
  const kind = t.kind[i] as number;
  if (kind === PIPE) return t.kind[i + 1] === PIPE && t.glued(i + 1) ? i + 2 : -1;
  return kind === PLUS || kind === DOT || kind === AMPERSAND ? i + 1 : -1;
}

/** `'who'+'ami'`, `"sys"."tem"`: the quote at `i` ends the first piece of a word that is known, and is written in pieces. */
function isSplitWord(t: Tokens, i: number): boolean {
  if (t.kind[i - 1] !== WORD || !t.glued(i)) return false;
  let at = i - 1;
  let hash = EMPTY_WORD;
  let length = 0;
  for (let piece = 0; piece < MAX_PIECES; piece++) {
    const from = t.start[at] as number;
    const size = (t.end[at] as number) - from;
    if (length + size > MAX_LENGTH) return false;
    for (let n = 0; n < size; n++) {
      const byte = lower(t.bytes[from + n] as number);
      joined[length++] = byte;
      hash = hashByte(hash, byte);
    }
    t.looks++;
    if (piece > 0 && isHidden(t, findWord(joined, 0, length, hash), at + 1)) return true;
    if (!t.isQuote(at + 1) || !t.glued(at + 1)) return false;
    const next = joinEnd(t, at + 2);
    if (next < 0 || !t.isQuote(next) || t.kind[next + 1] !== WORD || !t.glued(next + 1)) return false;
    at = next + 1;
  }
  return false;
}

/** Nobody writes this word in pieces but to hide it; `behind` is what follows it. */
function isHidden(t: Tokens, number: number, behind: number): boolean {
  if (number === 0 || COMPOUNDS.has(number)) return false;
  const bits = WORD_CLASS[number] as number;
  if ((bits & (SURE | SHELL | ESCAPES | STATEMENT)) !== 0 || HIDDEN.has(number)) return true;
  if ((bits & SCRIPT_CALL) !== 0) return t.isQuote(behind) || t.kind[behind] === OPEN;
  // 'ca'+'t /etc/hosts'
  return (bits & PLAIN) !== 0 && t.kind[behind] === SLASH && t.spaced(behind) && t.kind[behind + 1] === WORD;
}

/** `"{1}{0}" -f 'EX','I'`: PowerShell puts pieces together by their numbers. */
function isFormatted(t: Tokens, i: number): boolean {
  let at = i;
  let count = 0;
  for (; count < MAX_PIECES && t.kind[at] === BRACE && t.kind[at + 1] === NUMBER; count++, at += 3) {
    if (t.kind[at + 2] !== CLOSE_BRACE || (count > 0 && !t.glued(at))) return false;
  }
  if (count < 2 || !t.isQuote(at)) return false;
  at++;
  if (t.kind[at] === CLOSE) at++;
  return t.kind[at] === MINUS && t.word[at + 1] === F_WORD && t.glued(at + 1);
}

/** `[char]119+[char]104`, `chr(119).chr(104)`: a text of the numbers of its letters. */
function isOfNumbers(t: Tokens, i: number): boolean {
  if (t.kind[i - 1] === 0x5b) {
    if (t.kind[i + 1] !== 0x5d || !t.glued(i + 1)) return false;
    // %{[char]$_}
    if (t.kind[i + 2] === DOLLAR) return t.kind[i + 3] === WORD && t.glued(i + 3);
    return t.kind[i + 2] === NUMBER && t.kind[i + 3] === PLUS && t.kind[i + 4] === 0x5b && t.word[i + 5] === CHAR;
  }
  if (t.kind[i + 1] !== OPEN || !isLetter(t, i + 2) || t.kind[i + 3] !== CLOSE) return false;
  const next = joinEnd(t, i + 4);
  return next > 0 && (t.word[next] === CHR || t.word[next] === CHAR) && t.kind[next + 1] === OPEN &&
    isLetter(t, next + 2);
}

/** The number of a character that is printed: CHR(13)+CHR(10) ends a line. */
function isLetter(t: Tokens, i: number): boolean {
  if (t.kind[i] !== NUMBER) return false;
  const start = t.start[i] as number;
  const first = t.bytes[start] as number;
  const length = (t.end[i] as number) - start;
  return length > 2 || (length === 2 && (first > 0x33 || (first === 0x33 && (t.bytes[start + 1] as number) > 0x31)));
}

/** Names that are written in pieces, so that no filter sees them whole. */
export const SPLIT_WORDS = {
  joined: {
    name: "cmd-split-word",
    category: "command-injection",
    severity: "medium",
    catches: "The name of a program, a function or a statement that is joined out of quoted pieces",
    example: "& ('who'+'ami')",
    nearMiss: "print('a' + 'b'); 'host' + 'name'; 'temp'.'unit'",
    at: ["'", '"'],
    test: isSplitWord,
  },
  formatted: {
    name: "cmd-format-operator",
    category: "command-injection",
    severity: "medium",
    catches: "PowerShell's format operator, which puts the pieces of a name together",
    example: "&(\"{1}{0}\" -f 'EX','I')",
    nearMiss: '"{0} {1}" -f $a,$b; "{0}{1}", x',
    at: ["{0"],
    test: isFormatted,
  },
  numbers: {
    name: "cmd-character-codes",
    category: "command-injection",
    severity: "medium",
    catches: "A text that is written as the numbers of its characters",
    example: "[char]119+[char]104",
    nearMiss: "chr(13)+chr(10) char[5] chr(65)",
    at: [CHAR, CHR],
    test: isOfNumbers,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
