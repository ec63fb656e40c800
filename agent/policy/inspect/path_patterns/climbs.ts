import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BOUND, NUMBER, type Tokens, WORD } from "../tokens.ts";
import { isSiteConfig, isWebInf } from "./site_files.ts";

const BOOT = word("boot"), INI = word("ini"), URL = word("url"), WEB = word("web"), WIN = word("win");
const WP = word("wp"), FILE = word("file");
const DOT = 0x2e, SLASH = 0x2f, BACKSLASH = 0x5c, SEMICOLON = 0x3b, QUESTION = 0x3f, COLON = 0x3a;

/** What the last climb was: how many `..`, where it ends, whether with backslashes or `..;/`. */
let climbs = 0;
let climbEnd = 0;
let hasBackslash = false;
let hasParameter = false;

/** Reads `../../` at `i`, `..;/`, `..\`, doubled separators and `./` between included. */
function readClimb(t: Tokens, i: number): void {
  climbs = 0;
  hasBackslash = hasParameter = false;
  let at = i;
  while (
    climbs < 12 && at < i + 36 && t.kind[at] === DOT && (at === i || t.glued(at)) && t.kind[at + 1] === DOT &&
    t.glued(at + 1) &&
    t.kind[at + 2] !== DOT
  ) {
    let behind = at + 2;
    if (t.kind[behind] === SEMICOLON && t.kind[behind + 1] === SLASH) {
      hasParameter = true;
      behind++;
    }
    if ((t.kind[behind] !== SLASH && t.kind[behind] !== BACKSLASH) || !t.glued(behind)) break;
    if (t.kind[behind] === BACKSLASH) hasBackslash = true;
    behind++;
    for (const stop = behind + 4; behind < stop && t.glued(behind); behind++) {
      const isCurrent = t.kind[behind] === DOT && t.kind[behind + 1] === SLASH;
      if (t.kind[behind] !== SLASH && t.kind[behind] !== BACKSLASH && !isCurrent) break;
    }
    climbs++;
    at = behind;
  }
  // A last `..` without a separator.
  if (climbs > 0 && t.kind[at] === DOT && t.kind[at + 1] === DOT && t.glued(at)) {
    climbs++;
    at += 2;
  }
  climbEnd = at;
  t.looks += at - i;
}

/** A climb begins here, not in the middle of one, nor behind a word (`a..b`). */
function beginsClimb(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] !== DOT || !t.glued(i + 1)) return false;
  if (!t.glued(i)) return true;
  const before = t.kind[i - 1] as number;
  if (before === DOT || before === WORD || before === NUMBER) return false;
  // Behind `../`: that climb was looked at.
  return !((before === SLASH || before === BACKSLASH) && t.kind[i - 2] === DOT && t.kind[i - 3] === DOT &&
    t.glued(i - 1));
}

/** It is the path of a file of source code: in quotes behind `from`, `(`, `=`; or with a line number, as compilers write. */
function isSourcePath(t: Tokens, i: number): boolean {
  const before = t.kind[i - 1] as number;
  if (t.isQuote(i - 1) && t.glued(i)) {
    let quote = i - 2;
    while (t.kind[quote] === BACKSLASH && quote > i - 10) quote--;
    const opener = t.kind[quote] as number;
    if (opener === 0x3d && UPLOADED.has(t.word[quote - 1] as number)) return false;
    if (
      opener === 0x28 || opener === 0x2c || opener === 0x3d || opener === 0x5b ||
      (opener === WORD && IMPORTS.has(t.word[quote] as number))
    ) return true;
  }
  // [text](../../page.md), url(../../x.png)
  if (before === 0x28 && (t.kind[i - 2] === 0x5d || t.word[i - 2] === URL)) return true;
  let at = climbEnd;
  for (const stop = at + 16; at < stop && t.kind[at] !== BOUND && (at === climbEnd || t.glued(at)); at++) {
    if (t.kind[at] === COLON) return t.kind[at + 1] === NUMBER && t.glued(at + 1);
  }
  return false;
}

function isClimb(t: Tokens, i: number): boolean {
  if (!beginsClimb(t, i)) return false;
  readClimb(t, i);
  if (climbs === 0) return false;
  if (hasParameter) return true;
  if (isSensitive(t, climbEnd)) return true;
  // `../..` says no more than two levels up.
  if (climbs === 2 && t.kind[climbEnd - 1] === DOT) return false;
  if (climbs >= 2) return !isSourcePath(t, i);
  // /../x: nothing is above the root
  if (t.kind[i - 1] === SLASH && t.glued(i) && t.kind[i - 2] === BOUND && t.kind[climbEnd] === WORD) return true;
  if (!hasBackslash) return isOddClimb(t, i) || isIdentity(t, i);
  // ..\x behind what a value begins with; "..\Lib\Lib.csproj" in quotes names a project.
  const before = t.kind[i - 1] as number;
  const isValue = before === BOUND || before === 0x3d || before === SLASH || before === BACKSLASH ||
    before === QUESTION || before === COLON;
  return isValue &&
    (t.kind[climbEnd] === BOUND || (t.kind[climbEnd] === WORD && t.end[climbEnd]! - t.start[climbEnd]! >= 2));
}

/** `..//x`: a slash more than a relative link has; `../a/../b`: one that climbs again. */
function isOddClimb(t: Tokens, i: number): boolean {
  if (t.kind[i + 3] === SLASH && t.glued(i + 3)) return true;
  let at = climbEnd;
  for (const stop = at + 16; at < stop && t.kind[at] !== BOUND && t.glued(at); at++) {
    if (t.kind[at] === DOT && t.kind[at + 1] === DOT && t.kind[at - 1] === SLASH && t.kind[at + 2] === SLASH) {
      return !isSourcePath(t, i);
    }
  }
  return false;
}

/** `{"id":"../admin"}`: what names somebody or something is no path; `{"template":"../admin"}`, `?file=../admin`. */
function isIdentity(t: Tokens, i: number): boolean {
  // A link of a document names a file with its type; `file` in one may be any.
  const isLast = t.kind[climbEnd] === WORD &&
    (t.kind[climbEnd + 1] === BOUND || (t.kind[climbEnd + 1] === 0x26 && t.glued(climbEnd + 1)));
  if (t.kind[i - 1] === 0x3d && (t.kind[i - 3] === QUESTION || t.kind[i - 3] === 0x26)) {
    return isLast && t.glued(i) && FILE_KEYS.has(t.word[i - 2] as number);
  }
  if (
    isLast && t.kind[i - 1] === BOUND && t.kind[i - 2] === COLON && t.kind[i - 3] === BOUND &&
    FILE_KEYS.has(t.word[i - 4] as number) && t.word[i - 4] !== FILE && t.kind[i - 5] === BOUND
  ) return true;
  return t.kind[i - 1] === BOUND && t.kind[i - 2] === COLON && t.kind[i - 3] === BOUND &&
    IDENTITIES.has(t.word[i - 4] as number) && t.kind[i - 5] === BOUND;
}
const FILE_KEYS = new Set(
  ["file", "filename", "filepath", "template", "include", "download", "logfile"].map(word),
);
const IDENTITIES = new Set(["id", "uid", "user", "username", "login", "device", "client", "host", "token"].map(word));

/** A place that climbing aims at stands at `i`. */
function isSensitive(t: Tokens, i: number): boolean {
  if (t.kind[i] === DOT) return t.kind[i + 1] === WORD && t.glued(i + 1) && HIDDEN.has(t.word[i + 1] as number);
  const number = t.word[i] as number;
  if (number === WEB || number === WP) return isWebInf(t, i) || isSiteConfig(t, i);
  if (!SENSITIVE.has(number)) return isWebInf(t, i);
  if (number === BOOT || number === WIN) return t.kind[i + 1] === DOT && t.word[i + 2] === INI;
  return true;
}

/** `0x2f` or `0x5c` stands at `i`: a slash as some decoders write it. */
function isHexSeparator(t: Tokens, i: number): boolean {
  const from = t.start[i] as number;
  if (!t.glued(i) || !t.glued(i + 1) || (t.end[i] as number) - from !== 4) return false;
  const high = t.bytes[from + 2] as number;
  const low = (t.bytes[from + 3] as number) | 0x20;
  return ((t.bytes[from + 1] as number) | 0x20) === 0x78 &&
    ((high === 0x32 && low === 0x66) || (high === 0x35 && low === 0x63));
}

/** `....//`, `..././`: what a filter that removes `../` once turns into it. */
function isDoubledClimb(t: Tokens, i: number): boolean {
  const before = t.kind[i - 1] as number;
  if (t.glued(i) && (before === DOT || before === WORD || before === NUMBER)) return false;
  let dots = 1;
  while (dots < 6 && t.kind[i + dots] === DOT && t.glued(i + dots)) dots++;
  const separator = t.kind[i + dots] as number;
  if (separator === NUMBER && dots === 2) {
    return isHexSeparator(t, i + 2) && t.kind[i + 3] === DOT && t.kind[i + 4] === DOT;
  }
  if (separator !== SLASH && separator !== BACKSLASH) return false;
  if (!t.glued(i + dots)) return false;
  if (dots === 4) return t.kind[i + 5] === separator && t.glued(i + 5);
  return dots === 3 && t.kind[i + 4] === DOT && t.kind[i + 5] === separator && t.glued(i + 4) && t.glued(i + 5);
}

function isSingleClimb(t: Tokens, i: number): boolean {
  if (!beginsClimb(t, i)) return false;
  readClimb(t, i);
  return climbs > 0;
}

/** Content-Disposition: form-data; filename="…" */
const UPLOADED = new Set(["filename", "name"].map(word));
const IMPORTS = new Set(
  ["from", "import", "require", "include", "src", "href", "url", "extends", "path", "file", "load"].map(word),
);
const SENSITIVE = new Set(
  ["etc", "proc", "windows", "winnt", "boot", "win", "root", "passwd", "shadow", "inetpub", "system32"].map(word),
);
const HIDDEN = new Set(["ssh", "env", "git", "aws", "htaccess", "htpasswd", "bash_history"].map(word));

/** Climbs out of a directory by `..`. */
export const CLIMBS = {
  climb: {
    name: "path-climb",
    category: "path-traversal",
    severity: "high",
    catches: "../ twice or more, or once towards a place worth it; ..;/ and ..\\ too",
    example: "../../secret.txt",
    nearMiss: 'import x from "../../lib/x.js"; http://h/a/../fw.bin?v=1..2 ../ ../images/a.png',
    weak: true,
    at: [".."],
    test: isClimb,
  },
  doubled: {
    name: "path-doubled-climb",
    category: "path-traversal",
    severity: "high",
    catches: "....// and ..././, which a filter that removes ../ turns into it",
    example: "....//....//secret",
    nearMiss: "wait...//done and ....",
    weak: true,
    at: [".."],
    test: isDoubledClimb,
  },
  single: {
    name: "path-single-climb",
    category: "path-traversal",
    severity: "low",
    catches: "../ once, as relative links have it",
    example: "../images/a.png",
    nearMiss: "1..10",
    at: [".."],
    test: isSingleClimb,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
