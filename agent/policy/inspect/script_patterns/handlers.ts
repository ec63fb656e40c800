import { EVENT_WORD, word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BOUND, type Tokens, WORD } from "../tokens.ts";
import { isInTag } from "./tag_context.ts";

const AUTOFOCUS = word("autofocus");
const LESS = 0x3c, GREATER = 0x3e, SLASH = 0x2f, EQUALS = 0x3d, OPEN = 0x28, CLOSE = 0x29, DOT = 0x2e, COLON = 0x3a;
const BACKTICK = 0x60;
const HTML_TAGS = new Set(
  [
    "a",
    "b",
    "i",
    "p",
    "u",
    "s",
    "h1",
    "h2",
    "div",
    "span",
    "td",
    "tr",
    "th",
    "li",
    "ul",
    "ol",
    "label",
    "option",
    "font",
    "center",
    "strong",
    "em",
    "pre",
    "head",
    "title",
    "br",
    "hr",
    "picture",
    "track",
    "canvas",
    "dialog",
    "main",
    "nav",
    "section",
    "article",
    "footer",
    "header",
    "area",
    "progress",
    "meter",
    "summary",
    "optgroup",
    "fieldset",
    "legend",
    "script",
    "iframe",
    "frame",
    "frameset",
    "object",
    "embed",
    "applet",
    "base",
    "meta",
    "link",
    "style",
    "form",
    "svg",
    "math",
    "img",
    "image",
    "isindex",
    "template",
    "input",
    "button",
    "video",
    "audio",
    "body",
    "html",
    "xml",
    "foreignobject",
    "animate",
    "use",
    "set",
    "details",
    "marquee",
    "textarea",
    "select",
    "keygen",
    "table",
  ].map(word),
);

/** Number of the name of the tag that token `i` is in, or 0. */
function tagOf(t: Tokens, i: number): number {
  for (let at = i - 1; at > i - 60; at--) {
    if (t.kind[at] === LESS && t.kind[at + 1] === WORD) return t.word[at + 1] as number;
    if (t.kind[at] === LESS && t.kind[at + 1] === SLASH) return t.word[at + 2] as number;
  }
  return 0;
}

/** `onload=` in a tag. */
function isHandler(t: Tokens, i: number): boolean {
  if (!isInTag(t, i)) return isAttributeBreakout(t, i);
  const before = t.kind[i - 1] as number;
  if (!t.spaced(i) && before !== SLASH && !t.isQuote(i - 1) && before !== CLOSE) return false;
  if (before === DOT) return false;
  const isHtml = HTML_TAGS.has(tagOf(t, i));
  if (t.kind[i + 1] !== EQUALS) {
    return isHtml && before === SLASH && (t.kind[i + 1] === BOUND || t.kind[i + 1] === GREATER);
  }
  return isHtml || isCode(t, i + 2);
}

/** The value of an attribute at `i` does something: it calls, assigns, or has a statement. */
function isCode(t: Tokens, i: number): boolean {
  const quote = t.isQuote(i) ? t.kind[i] as number : 0;
  for (let at = quote === 0 ? i : i + 1; at < i + 14; at++) {
    const kind = t.kind[at] as number;
    if (
      kind === BOUND || kind === GREATER || (quote !== 0 && kind === quote) || (quote === 0 && at > i && t.spaced(at))
    ) return false;
    if (
      kind === OPEN || kind === EQUALS || kind === BACKTICK || kind === 0x3b ||
      (kind === COLON && t.kind[at - 1] === WORD)
    ) return true;
  }
  return true;
}

/** `" onmouseover="alert(1)`: out of an attribute, into the next. */
function isAttributeBreakout(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] !== EQUALS) return false;
  let before = i - 1;
  // A value between: x" autofocus onfocus=…
  if (t.kind[before] === WORD && t.word[before] === AUTOFOCUS) before--;
  if (t.kind[before] === SLASH) before--;
  if (t.kind[before] === EQUALS) return false;
  if (!t.isQuote(before) && t.kind[before] !== GREATER) return false;
  if (t.kind[before] === GREATER) return false;
  return isCode(t, i + 2) && hasCall(t, i + 2);
}

function hasCall(t: Tokens, i: number): boolean {
  for (let at = i; at < i + 14; at++) {
    const kind = t.kind[at] as number;
    if (kind === BOUND) return false;
    if (
      (kind === OPEN && t.kind[at - 1] === WORD && t.glued(at)) || kind === BACKTICK ||
      (kind === EQUALS && t.kind[at - 1] === WORD) || (kind === COLON && t.kind[at - 1] === WORD)
    ) return true;
  }
  return false;
}

/** Attributes that handle events. */
export const HANDLERS = {
  attribute: {
    name: "script-handler",
    category: "script-injection",
    severity: "high",
    catches: "An event handler in a tag, or out of an attribute into one",
    example: "<svg/onload=alert(1)>",
    nearMiss: '<sensor onState="open" online="true"/> a <b onward=c',
    at: [EVENT_WORD],
    gate: "markup",
    test: isHandler,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
