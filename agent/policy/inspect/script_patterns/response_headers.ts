import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BOUND, LINE, NUMBER, type Tokens, WORD } from "../tokens.ts";

const SET = word("set"), COOKIE = word("cookie"), LOCATION = word("location"), HTTP = word("http");
const BCC = word("bcc"), RCPT = word("rcpt"), TO = word("to");
const ENCODING = word("encoding"), TRANSFER = word("transfer"), CONTENT = word("content"), LENGTH = word("length");
const FORWARDED = word("forwarded"), MAIL = word("mail"), FROM = word("from"), CC = word("cc");
const COLON = 0x3a, MINUS = 0x2d, SLASH = 0x2f, AT = 0x40, LESS = 0x3c, EQUALS = 0x3d;

/** Tokens of the value that the line break was put behind. */
const MAX_VALUE = 12;

/** `x⏎Set-Cookie: a=b`, `x⏎Location: http://…`: a value of one line, and then a header of a response or a mail. */
function isHeader(t: Tokens, i: number): boolean {
  const number = t.word[i] as number;
  const first = number === COOKIE || number === ENCODING || number === FORWARDED || number === LENGTH ? i - 2 : i;
  if (((t.flags[first] as number) & LINE) === 0 || !isBehindValue(t, first)) return false;
  switch (number) {
    case COOKIE:
      return t.word[first] === SET && t.kind[i - 1] === MINUS && t.glued(i) && t.kind[i + 1] === COLON &&
        t.kind[i + 2] === WORD && t.kind[i + 3] === EQUALS;
    case ENCODING:
    case LENGTH:
      return (t.word[first] === TRANSFER || t.word[first] === CONTENT) && t.kind[i - 1] === MINUS && t.glued(i) &&
        t.kind[i + 1] === COLON && t.glued(i + 1);
    case FORWARDED:
      return t.kind[i - 1] === MINUS && t.kind[i + 1] === MINUS && t.kind[i + 3] === COLON && t.glued(i + 3);
    case MAIL:
      return t.word[i + 1] === FROM && t.kind[i + 2] === COLON && t.kind[i + 3] === LESS;
    case LOCATION:
      return t.kind[i + 1] === COLON && t.glued(i + 1) &&
        ((t.kind[i + 2] === WORD && t.kind[i + 3] === COLON && t.kind[i + 4] === SLASH && t.kind[i + 5] === SLASH) ||
          (t.kind[i + 2] === SLASH && t.kind[i + 3] === SLASH));
    case HTTP:
      return t.kind[i + 1] === SLASH && t.kind[i + 2] === NUMBER && t.kind[i + 3] === NUMBER;
    case BCC:
    case CC:
      return t.kind[i + 1] === COLON && t.glued(i + 1) && hasAddress(t, i + 2);
    case RCPT:
      return t.word[i + 1] === TO && t.kind[i + 2] === COLON && t.kind[i + 3] === LESS;
  }
  return false;
}

/** All before `i` is one line without a colon: with one, the text is made of headers, or a log of them. */
function isBehindValue(t: Tokens, i: number): boolean {
  for (let at = i - 1; at > i - MAX_VALUE; at--) {
    // The first line of a response is no value.
    if (t.kind[at] === BOUND) return at < i - 1 && t.word[at + 1] !== HTTP;
    if (t.kind[at] === COLON || (((t.flags[at] as number) & LINE) !== 0 && t.kind[at - 1] !== BOUND)) return false;
  }
  return false;
}

function hasAddress(t: Tokens, i: number): boolean {
  for (let at = i; at < i + 8; at++) if (t.kind[at] === AT) return t.kind[at + 1] === WORD && t.glued(at + 1);
  return false;
}

/** Line breaks by which a value goes on as the head of a response or of a mail. */
export const RESPONSE_HEADERS = {
  header: {
    name: "script-header",
    category: "script-injection",
    severity: "medium",
    catches: "A line break in a value with a header of a response or of a mail behind it",
    example: "kitchen\r\nSet-Cookie: session=1",
    nearMiss: "HTTP/1.1 200 OK: yes\r\nSet-Cookie: a=b",
    at: [COOKIE, LOCATION, HTTP, BCC, CC, RCPT, MAIL, ENCODING, LENGTH, FORWARDED],
    gate: "separator",
    test: isHeader,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
