import { BOUNDARY, isEscaped } from "./tokens.ts";

/**
 * What SQL and shells leave out when they read: comments, quotes within words, backslashes, empty expansions. These forms
 * are searched beside the text as it is, by the patterns of their language only. All functions write at most as many
 * bytes as they read, stop behind `stopBehind`, set `collapsedAt` to where in the source they were then, and return
 * where the output ends; each is one pass.
 */

/** Where in the source the byte stands that the last call stopped at, and whether the last call changed anything. */
export let collapsedAt = 0;
export let isChanged = false;

const PLUS = 0x2b, SLASH = 0x2f, STAR = 0x2a, MINUS = 0x2d, HASH = 0x23, DOLLAR = 0x24, BACKSLASH = 0x5c, BRACE = 0x7b;
const CLOSE_BRACE = 0x7d, QUOTE = 0x27, DOUBLE = 0x22, BACKTICK = 0x60, CARET = 0x5e, SPACE = 0x20, NEWLINE = 0x0a;

/** Bytes of words. */
const WORDLIKE = new Uint8Array(256);
for (let byte = 0x30; byte <= 0x39; byte++) WORDLIKE[byte] = 1;
for (let letter = 0x61; letter <= 0x7a; letter++) WORDLIKE[letter] = WORDLIKE[letter & ~0x20] = 1;
WORDLIKE[0x5f] = 1;
WORDLIKE.fill(1, 0x80, 0xff);

/** `+` between other characters is a space, as in a form. */
export function collapsePlus(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  outAt: number,
  stopBehind: number,
): number {
  let to = outAt;
  let at = start;
  isChanged = false;
  for (; at < end && to <= stopBehind; at++) {
    const byte = bytes[at] as number;
    const isSpace = byte === PLUS && at > start && at + 1 < end && bytes[at - 1] !== SPACE && bytes[at + 1] !== SPACE;
    if (isSpace) isChanged = true;
    out[to++] = isSpace ? SPACE : byte;
  }
  collapsedAt = at - 1;
  return to;
}

/**
 * SQL comments. `joins`: a comment within a word is left out, as by filters that remove comments; otherwise it is a space,
 * as for a database. The text of a comment that MySQL executes is kept.
 */
export function collapseSql(
  bytes: Uint8Array,
  start: number,
  end: number,
  joins: boolean,
  out: Uint8Array,
  outAt: number,
  stopBehind: number,
): number {
  let to = outAt;
  let at = start;
  let item = start;
  // A comment that was not closed once is not looked for again: two of them would be read twice, a thousand a thousandfold.
  let isUnclosed = false;
  isChanged = false;
  while (at < end && to <= stopBehind) {
    item = at;
    const byte = bytes[at] as number;
    const next = at + 1 < end ? bytes[at + 1] as number : 0;
    if (byte === SLASH && next === STAR && !isUnclosed) {
      if (bytes[at + 2] === 0x21 && at + 2 < end) {
        at += 3;
        while (at < end && (bytes[at] as number) >= 0x30 && (bytes[at] as number) <= 0x39) at++;
        out[to++] = SPACE;
        isChanged = true;
        continue;
      }
      let close = at + 2;
      while (close + 1 < end && (bytes[close] !== STAR || bytes[close + 1] !== SLASH)) close++;
      if (close + 1 < end) {
        at = close + 2;
        if (!joins) out[to++] = SPACE;
        isChanged = true;
        continue;
      }
      isUnclosed = true;
    } else if (byte === STAR && next === SLASH) {
      at += 2;
      if (!joins) out[to++] = SPACE;
      isChanged = true;
      continue;
    } else if (
      joins && byte === SLASH && next === SLASH && to > outAt && WORDLIKE[out[to - 1] as number] === 1 &&
      WORDLIKE[bytes[at + 2] ?? 0] === 1
    ) {
      at += 2;
      isChanged = true;
      continue;
    } else if ((byte === MINUS && next === MINUS) || byte === HASH) {
      // To the end of the line, if there is more behind it.
      let line = at + 1;
      while (line < end && bytes[line] !== NEWLINE && bytes[line] !== 0xff) line++;
      if (line < end && bytes[line] === NEWLINE) {
        at = line;
        isChanged = true;
        continue;
      }
      for (; at < line && to <= stopBehind; at++) out[to++] = bytes[at] as number;
      item = at - 1;
      continue;
    } else if (byte === PLUS && at > start) {
      isChanged = true;
      out[to++] = SPACE;
      at++;
      continue;
    }
    out[to++] = byte;
    at++;
  }
  collapsedAt = item;
  return to;
}

/**
 * Quotes, backslashes and carets of a shell; expansions that are empty (`$@`, `$()`, `${u}` within a word); `$IFS` and `+`
 * become a space, `{cat,/etc/hosts}` becomes `cat /etc/hosts`. `isJson`: unescaped double quotes part texts. `hasBounds`: 0xff does.
 */
export function collapseShell(
  bytes: Uint8Array,
  start: number,
  end: number,
  isJson: boolean,
  hasBounds: boolean,
  out: Uint8Array,
  outAt: number,
  stopBehind: number,
): number {
  let to = outAt;
  let at = start;
  let item = start;
  let inBraces = false;
  isChanged = false;
  while (at < end && to <= stopBehind) {
    item = at;
    const byte = bytes[at] as number;
    const next = at + 1 < end ? bytes[at + 1] as number : 0;
    switch (byte) {
      case DOUBLE:
        if (isJson && !isEscaped(bytes, at)) {
          out[to++] = BOUNDARY;
          at++;
          continue;
        }
        isChanged = true;
        at++;
        continue;
      case QUOTE:
        isChanged = true;
        at++;
        continue;
      case BOUNDARY:
        out[to++] = hasBounds ? byte : SPACE;
        at++;
        continue;
      case BACKTICK:
        if (next !== BACKTICK) break;
        isChanged = true;
        at += 2;
        continue;
      case BACKSLASH:
        isChanged = true;
        at += next === NEWLINE ? 2 : 1;
        if (next !== NEWLINE && at < end) out[to++] = bytes[at++] as number;
        continue;
      case CARET:
        if (WORDLIKE[next] !== 1) break;
        isChanged = true;
        at++;
        continue;
      case PLUS:
        if (at === start || bytes[at - 1] === SPACE || next === SPACE) break;
        isChanged = true;
        out[to++] = SPACE;
        at++;
        continue;
      case 0x2c:
        if (!inBraces) break;
        out[to++] = SPACE;
        at++;
        continue;
      case BRACE:
        inBraces = WORDLIKE[next] === 1 || next === SLASH;
        if (!inBraces) break;
        isChanged = true;
        out[to++] = BRACE;
        at++;
        continue;
      case CLOSE_BRACE:
      case NEWLINE:
      case SPACE:
        inBraces = false;
        break;
      case DOLLAR: {
        const length = emptyExpansion(bytes, at, end);
        if (length === 0) break;
        isChanged = true;
        if (isFieldSeparator(bytes, at, end)) out[to++] = SPACE;
        at += length;
        continue;
      }
    }
    out[to++] = byte;
    at++;
  }
  collapsedAt = item;
  return to;
}

/** Length of the expansion at `at` that stands for nothing, or for a space; 0 if there is none. */
function emptyExpansion(bytes: Uint8Array, at: number, end: number): number {
  const next = at + 1 < end ? bytes[at + 1] as number : 0;
  if (isFieldSeparator(bytes, at, end)) {
    const name = next === BRACE ? at + 2 : at + 1;
    let behind = name + 3;
    if (next === BRACE) {
      while (behind < end && behind < name + 16 && bytes[behind] !== CLOSE_BRACE) behind++;
      return behind + 1 - at;
    }
    // $IFS$9
    if (
      bytes[behind] === DOLLAR && behind + 1 < end && (bytes[behind + 1] as number) >= 0x30 &&
      (bytes[behind + 1] as number) <= 0x39
    ) behind += 2;
    return behind - at;
  }
  if (next === 0x40 || next === STAR || next === 0x21) return 2;
  if (next === QUOTE || next === DOUBLE) return 1;
  if (next === 0x28 && bytes[at + 2] === 0x29) return 3;
  const isInWord = at > 0 && WORDLIKE[bytes[at - 1] as number] === 1;
  if (!isInWord) return 0;
  if (next >= 0x30 && next <= 0x39 && WORDLIKE[bytes[at + 2] ?? 0] === 1) return 2;
  if (next !== BRACE) return 0;
  let close = at + 2;
  while (close < end && close < at + 18 && WORDLIKE[bytes[close] as number] === 1) close++;
  return bytes[close] === CLOSE_BRACE && WORDLIKE[bytes[close + 1] ?? 0] === 1 ? close + 1 - at : 0;
}

/** `$IFS`, `${IFS`. */
function isFieldSeparator(bytes: Uint8Array, at: number, end: number): boolean {
  const name = bytes[at + 1] === BRACE ? at + 2 : at + 1;
  return name + 2 < end && ((bytes[name] as number) | 0x20) === 0x69 && ((bytes[name + 1] as number) | 0x20) === 0x66 &&
    ((bytes[name + 2] as number) | 0x20) === 0x73;
}

/** What is in a text that the functions above would change, as bits; nothing of prose and JSON but an apostrophe in a word. */
export const SQL_COMMENT = 1, SQL_JOIN = 2, SHELL_QUOTING = 4, GLUED_PLUS = 8;

/** Which of the functions above may show something in the text. One pass. */
export function collapsible(bytes: Uint8Array, start: number, end: number): number {
  let found = 0;
  let lineComment = 0;
  // Two of a kind without white space or the end of a string between: c'a't. One, as in "it's", quotes nothing.
  let single = false;
  let tick = false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (PLAIN[byte] === 1) continue;
    const next = at + 1 < end ? bytes[at + 1] as number : 0;
    const before = at > start ? bytes[at - 1] as number : 0;
    switch (byte) {
      case SPACE:
        single = tick = false;
        break;
      case NEWLINE:
        single = tick = false;
        // A comment to the end of a line hides something only if there is a line behind it.
        found |= lineComment;
        break;
      case SLASH:
        if (next === STAR) found |= SQL_COMMENT | SQL_JOIN;
        else if (next === SLASH && WORDLIKE[before] === 1 && WORDLIKE[bytes[at + 2] ?? 0] === 1) found |= SQL_JOIN;
        break;
      case STAR:
        if (next === SLASH) found |= SQL_COMMENT | SQL_JOIN;
        break;
      case MINUS:
        if (next === MINUS) lineComment = SQL_COMMENT;
        break;
      case HASH:
        lineComment = SQL_COMMENT;
        break;
      case QUOTE:
        if (single) found |= SHELL_QUOTING;
        single = TRICK[before] === 1 || TRICK[next] === 1;
        break;
      case BACKTICK:
        if (tick && (TRICK[before] === 1 || TRICK[next] === 1)) found |= SHELL_QUOTING;
        tick = true;
        break;
      case DOUBLE:
      case BACKSLASH:
      case CARET:
        if (byte === DOUBLE) single = tick = false;
        if (TRICK[before] === 1 && (TRICK[next] === 1 || (byte === BACKSLASH && next === NEWLINE))) {
          found |= SHELL_QUOTING;
        }
        break;
      case PLUS:
        // Between digits it is a sign, or a time zone.
        if (before !== SPACE && before !== 0 && next !== SPACE && next !== 0 && !(isDigit(before) && isDigit(next))) {
          found |= GLUED_PLUS;
        }
        break;
      case DOLLAR:
        if (
          next === 0x40 || next === STAR || next === 0x21 || next === QUOTE || next === DOUBLE || next === BRACE ||
          next === 0x28 || WORDLIKE[next] === 1
        ) found |= SHELL_QUOTING;
        break;
      case BRACE:
        if (WORDLIKE[next] === 1 || next === SLASH) found |= SHELL_QUOTING;
        break;
    }
  }
  return found;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

const PLAIN = new Uint8Array(256).fill(1);
for (const character of " \n/*-#'\"`\\^${+") PLAIN[character.charCodeAt(0)] = 0;

/** Part of a word, of a path or of more quoting: what a quote within a command stands beside. */
const TRICK = new Uint8Array(WORDLIKE);
for (const character of "'\"\\/^;|&`.$(-") TRICK[character.charCodeAt(0)] = 1;
