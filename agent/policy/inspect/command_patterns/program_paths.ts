import { BARE, SURE, word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BACKTICK, isShell, nameEndsAt, PIPE, SEMICOLON } from "../shell_grammar.ts";
import { BOUND, type Tokens, WORD } from "../tokens.ts";

const BIN = word("bin"), SBIN = word("sbin"), CMD = word("cmd"), ETC = word("etc"), INIT = word("init");
const SLASH = 0x2f, DOLLAR = 0x24, OPEN = 0x28, CLOSE = 0x29, DOT = 0x2e, MINUS = 0x2d, QUESTION = 0x3f;
const C_WORD = word("c"), I_WORD = word("i"), NC = word("nc"), USR = word("usr");

/** `(root) CMD (cd /opt && ./x)`: what cron says that it runs. */
function isCronLine(t: Tokens, i: number): boolean {
  for (let at = i - 1; at > i - 40 && t.kind[at] !== BOUND; at--) {
    if (t.word[at] === CMD && t.kind[at + 1] === OPEN && t.kind[at - 1] === CLOSE) return true;
  }
  return false;
}

/** A path of a program, a script or a variable behind a separator: `;/tmp/x`, `|/bin/busybox`, `;$a$b`, `;./x.sh`. */
function isPathRun(t: Tokens, i: number): boolean {
  if (t.kind[i] === 0x7e) {
    // ;~/x
    return t.kind[i + 1] === SLASH && t.kind[i + 2] === WORD && t.glued(i + 1) && t.glued(i + 2) &&
      (t.kind[i - 1] === SEMICOLON || t.kind[i - 1] === PIPE || (t.kind[i - 1] === 0x26 && t.kind[i - 2] === 0x26)) &&
      (t.kind[i + 3] === BOUND || t.spaced(i + 3) || t.kind[i + 3] === DOT);
  }
  if (isCronLine(t, i)) return false;
  if (t.kind[i] === DOT) {
    // ;../x
    if (t.kind[i - 1] === DOT && t.kind[i - 2] === SEMICOLON && t.kind[i - 3] === BOUND) {
      return t.kind[i + 1] === SLASH && t.kind[i + 2] === WORD;
    }
    // ;./x.sh
    if (t.kind[i + 1] !== SLASH || t.kind[i + 2] !== WORD || !t.glued(i + 1) || !t.glued(i + 2)) return false;
    if (t.kind[i - 1] === 0x26 && t.kind[i - 2] !== 0x26 && !t.spaced(i)) return false;
    return t.kind[i - 1] === SEMICOLON || t.kind[i - 1] === PIPE || t.kind[i - 1] === 0x26 ||
      t.kind[i - 1] === BACKTICK;
  }
  if (t.kind[i - 1] !== SLASH || t.kind[i + 1] !== SLASH || !t.glued(i) || !t.glued(i + 1)) return false;
  // ;/etc/init.d/x
  if (t.word[i] === ETC && t.word[i + 2] !== INIT) return false;
  let at = i - 1;
  for (let n = 0; n < 4 && t.kind[at - 1] === WORD && t.kind[at - 2] === SLASH && t.glued(at); n++) at -= 2;
  // ;. /tmp/x.sh
  if (t.kind[at - 1] === DOT && t.spaced(at)) at--;
  const before = t.kind[at - 1] as number;
  if (before === SEMICOLON || before === PIPE) {
    return t.kind[i + 2] === WORD || t.kind[i + 2] === 0x3f || t.kind[i + 2] === 0x2a;
  }
  if (before === 0x26) return t.kind[at - 2] === 0x26;
  if (before === OPEN) return t.kind[at - 2] === DOLLAR;
  return before === BACKTICK;
}

/** `/bin/sh`, `/bin/bash -i`, `/sbin/reboot`, and nothing before it: in a document, it may be a setting. */
function isProgramAlone(t: Tokens, i: number): boolean {
  if (t.kind[i - 1] !== SLASH || t.kind[i + 1] !== SLASH || !t.glued(i) || !t.glued(i + 1)) return false;
  let from = i - 1;
  for (let n = 0; n < 3 && t.kind[from - 1] === WORD && t.kind[from - 2] === SLASH && t.glued(from); n++) from -= 2;
  if (t.kind[from - 1] !== BOUND || !t.glued(i + 2)) return false;
  const bits = t.bits[i + 2] as number;
  const behind = nameEndsAt(t, i + 2);
  const option = t.kind[behind] === MINUS && t.spaced(behind) && t.glued(behind + 1) ? t.word[behind + 1] as number : 0;
  const isCode = isShell(bits) && (option === C_WORD || option === I_WORD);
  if (isOfDocument(t.kind[from - 2] as number)) return isCode && ((t.bits[behind + 2] as number) & (SURE | BARE)) !== 0;
  if (t.kind[behind] === BOUND) {
    return !isOfDocument(t.kind[behind + 1] as number) &&
      (isShell(bits) ||
        ((bits & BARE) !== 0 && ((bits & SURE) !== 0 || t.word[i] === SBIN || t.word[from + 1] === USR)));
  }
  // /bin/nc 10.0.0.1 4444
  return isCode || (t.word[i + 2] === NC && t.spaced(behind) && t.kind[behind] !== MINUS);
}

/** Punctuation between the strings of a JSON document. */
function isOfDocument(kind: number): boolean {
  return kind === 0x3a || kind === 0x2c || kind === 0x7b || kind === 0x7d || kind === 0x5b || kind === 0x5d;
}

/** `/b??/c?t`: the wildcards of two directories in a row, from the root. */
function isGlobbedPath(t: Tokens, i: number): boolean {
  let from = i;
  while (from > i - 6 && t.glued(from) && (t.kind[from - 1] === WORD || t.kind[from - 1] === QUESTION)) from--;
  if (t.kind[from - 1] !== SLASH || !t.glued(from)) return false;
  const before = t.kind[from - 2] as number;
  if (before !== BOUND && before !== SEMICOLON && before !== PIPE && t.glued(from - 1)) return false;
  let at = i;
  while (at < i + 6 && t.glued(at + 1) && (t.kind[at + 1] === WORD || t.kind[at + 1] === QUESTION)) at++;
  if (t.kind[at + 1] !== SLASH || !t.glued(at + 1)) return false;
  for (let n = at + 2; n < at + 8 && t.glued(n); n++) {
    if (t.kind[n] === QUESTION) return t.kind[n + 1] !== 0x3d && t.kind[n + 2] !== 0x3d;
    if (t.kind[n] !== WORD) return false;
  }
  return false;
}

/** `/???/??t`, `/bin/c?t`: names of programs by wildcards. */
function isGlobbedProgram(t: Tokens, i: number): boolean {
  // /bin/[i]d
  if (t.kind[i] === SLASH) {
    return (t.word[i - 1] === BIN || t.word[i - 1] === SBIN) && t.kind[i + 1] === 0x5b && t.kind[i + 3] === 0x5d &&
      t.glued(i + 3);
  }
  if (t.kind[i - 1] === SLASH && t.kind[i + 1] === 0x3f && t.glued(i) && t.glued(i + 1)) {
    // /?? and then a slash
    let at = i + 1;
    while (t.kind[at] === 0x3f && at < i + 8) at++;
    return t.kind[at] === SLASH && t.glued(at) &&
      (t.kind[at + 1] === 0x3f ||
        (t.kind[at + 1] === WORD && t.glued(at + 1) && t.kind[at + 2] === 0x3f && t.glued(at + 2)));
  }
  if (isGlobbedPath(t, i)) return true;
  // /b?n/c?t
  if (
    t.kind[i + 2] === SLASH && t.kind[i - 2] === SLASH && t.kind[i + 1] === WORD && t.glued(i) && t.glued(i + 1) &&
    t.glued(i + 2) && (t.kind[i - 3] === SEMICOLON || t.kind[i - 3] === PIPE || t.kind[i - 3] === BOUND)
  ) return t.kind[i + 3] === WORD || t.kind[i + 3] === 0x3f;
  // /bin/c?t, /b?n/cat
  for (let at = i - 1; at > i - 6; at--) {
    const number = t.word[at] as number;
    if ((number === BIN || number === SBIN) && t.kind[at - 1] === SLASH && t.kind[at + 1] === SLASH) {
      return t.glued(i) && (t.kind[i + 1] === WORD || t.kind[i + 1] === 0x3f);
    }
  }
  return false;
}

/** A program by its path, written out or in wildcards. */
export const PROGRAM_PATHS = {
  written: {
    name: "cmd-path",
    category: "command-injection",
    severity: "high",
    catches: "A program or script behind a separator, by the path of a directory of programs",
    example: "x|/usr/local/bin/x",
    nearMiss: "topics a/bin/b; c/tmp/d",
    weak: true,
    at: [...["bin", "sbin", "tmp", "etc"].map(word), "./", "~/"],
    test: isPathRun,
  },
  alone: {
    name: "cmd-path-alone",
    category: "command-injection",
    severity: "medium",
    catches: "A text that is the path of a shell, or of what restarts or tells of a system, and what it is to run",
    example: "/bin/sh -c id",
    nearMiss: "/usr/bin/python3",
    at: [BIN, SBIN],
    test: isProgramAlone,
  },
  wildcards: {
    name: "cmd-glob",
    category: "command-injection",
    severity: "medium",
    catches: "The path of a program in wildcards",
    example: "/???/c?t /???/p?ss??",
    nearMiss: "what?/where?/why??? https://x/?a=1",
    weak: true,
    at: ["?", "/["],
    test: isGlobbedProgram,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
