import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BOUND, type Tokens, WORD } from "../tokens.ts";
import { isElsewhere, isInTag } from "./tag_context.ts";

const ACTION = word("action"), ANIMATE = word("animate"), APPLET = word("applet");
const ATTRIBUTENAME = word("attributename"), BASE = word("base"), BUTTON = word("button"), CODE = word("code");
const EMBED = word("embed"), EQUIV = word("equiv"), EXPRESSION = word("expression"), FORM = word("form");
const FORMACTION = word("formaction"), FRAMESET = word("frameset"), HREF = word("href"), HTTP = word("http");
const IFRAME = word("iframe"), IMPORT = word("import"), INCLUDE = word("include"), INPUT = word("input");
const ISINDEX = word("isindex"), LINK = word("link"), MATH = word("math"), META = word("meta");
const OBJECT_TAG = word("object"), REL = word("rel"), SET = word("set"), SRC = word("src"), SRCDOC = word("srcdoc");
const STYLE = word("style"), STYLESHEET = word("stylesheet"), URL = word("url"), XLINK = word("xlink");
const CLASSID = word("classid"), USE = word("use"), PORTAL = word("portal"), PREFETCH = word("prefetch");
const PRELOAD = word("preload"), ESI = word("esi"), XSL = word("xsl"), LAYER = word("layer"), SCRIPT = word("script");
const DATA = word("data");
const LESS = 0x3c, GREATER = 0x3e, SLASH = 0x2f, EQUALS = 0x3d, OPEN = 0x28, COLON = 0x3a;

function isScriptTag(t: Tokens, i: number): boolean {
  if (t.kind[i - 1] === LESS) {
    return t.glued(i) &&
      (t.spaced(i + 1) || t.kind[i + 1] === GREATER || t.kind[i + 1] === SLASH || t.kind[i + 1] === BOUND ||
        t.kind[i + 1] === LESS);
  }
  // </script>, <svg:script>
  if (t.kind[i - 1] === SLASH) return t.kind[i - 2] === LESS && t.glued(i - 1);
  return t.kind[i - 1] === COLON && t.kind[i - 3] === LESS && t.glued(i - 1);
}

/** Elements that load or run something from elsewhere, by the attribute that does it. */
function isLoadingTag(t: Tokens, i: number): boolean {
  if (t.kind[i - 1] !== LESS || !t.glued(i)) return false;
  const tag = t.word[i] as number;
  // <esi:include src=…>, <xsl:include href=…>
  if (tag === ESI || tag === XSL) {
    return t.kind[i + 1] === COLON && (t.word[i + 2] === INCLUDE || t.word[i + 2] === IMPORT) && t.spaced(i + 3);
  }
  if (!t.spaced(i + 1) && t.kind[i + 1] !== SLASH && t.kind[i + 1] !== GREATER && !t.isQuote(i + 1)) return false;
  if (tag === IFRAME || tag === FRAMESET || tag === APPLET || tag === ISINDEX) {
    return tag !== ISINDEX || t.spaced(i + 1);
  }
  for (let at = i + 1; at < i + 48; at++) {
    const kind = t.kind[at] as number;
    if (kind === BOUND || kind === LESS || (kind === GREATER && !isInTag(t, at))) return false;
    if (
      kind !== WORD || (!t.spaced(at) && t.kind[at - 1] !== SLASH && t.kind[at - 1] !== COLON && !t.isQuote(at - 1))
    ) continue;
    const name = t.word[at] as number;
    const isAssigned = t.kind[at + 1] === EQUALS;
    switch (tag) {
      case OBJECT_TAG:
        if (isAssigned && (name === DATA || name === CODE || name === CLASSID)) return true;
        break;
      case EMBED:
        if (isAssigned && (name === SRC || name === CODE)) return true;
        break;
      case BASE:
        if (isAssigned && name === HREF) return true;
        break;
      case META:
        if (name === HTTP && t.kind[at + 1] === 0x2d && t.word[at + 2] === EQUIV) return true;
        break;
      case LINK:
        if (isAssigned && name === HREF && t.kind[i + 1] === WORD) {
          return t.kind[at + 2] !== BOUND &&
            (hasWord(t, i, REL, IMPORT, STYLESHEET) || hasWord(t, i, REL, PREFETCH, PRELOAD));
        }
        break;
      case FORM:
        if (isAssigned && name === ACTION) return true;
        break;
      case USE:
        if (isAssigned && name === HREF) return isElsewhere(t, at + 2);
        break;
      case PORTAL:
      case LAYER:
        if (isAssigned && name === SRC) return true;
        break;
      case MATH:
        if (name === HREF || name === XLINK) return true;
        break;
      case ANIMATE:
      case SET:
        if (isAssigned && (name === ATTRIBUTENAME)) return true;
        break;
      case INPUT:
      case BUTTON:
        if (isAssigned && name === FORMACTION) return true;
        break;
    }
    if (isAssigned && name === SRCDOC) return true;
  }
  return false;
}

function hasWord(t: Tokens, i: number, first: number, second: number, third: number): boolean {
  let isNamed = false;
  for (let at = i + 1; at < i + 40 && t.kind[at] !== BOUND; at++) {
    if (t.word[at] === first) isNamed = true;
    else if (isNamed && (t.word[at] === second || t.word[at] === third)) return true;
  }
  return false;
}

/** `<style>@import`, `<style>*{x:expression(…)}`, `style="behavior:url(…)"`. */
function isStyleCode(t: Tokens, i: number): boolean {
  const number = t.word[i] as number;
  if (number === IMPORT) {
    return t.kind[i - 1] === 0x40 && isNearStyle(t, i) && (t.isQuote(i + 1) || t.word[i + 1] === URL);
  }
  if (number === EXPRESSION) return t.kind[i + 1] === OPEN && t.kind[i - 1] === COLON && t.kind[i - 2] === WORD;
  return t.kind[i + 1] === COLON && t.word[i + 2] === URL && t.kind[i + 3] === OPEN;
}

function isNearStyle(t: Tokens, i: number): boolean {
  for (let at = i - 1; at > i - 24; at--) if (t.word[at] === STYLE) return true;
  return false;
}

/** Elements and style sheets that run or load something. */
export const TAGS = {
  script: {
    name: "script-tag",
    category: "script-injection",
    severity: "high",
    catches: "A script element, begun or ended",
    example: "<script>alert(1)",
    nearMiss: "the script > 3 and < script 5",
    at: [SCRIPT],
    test: isScriptTag,
  },
  loading: {
    name: "script-loading-tag",
    category: "script-injection",
    severity: "medium",
    catches: "Elements that load, frame, redirect or send: iframe, object, embed, base, meta, link, form, math",
    example: '<iframe src="//x">',
    nearMiss: '<object id="7"><base>10</base></object>',
    at: [
      "iframe",
      "frameset",
      "applet",
      "isindex",
      "object",
      "embed",
      "base",
      "meta",
      "link",
      "form",
      "math",
      "animate",
      "set",
      "input",
      "button",
      "use",
      "portal",
      "layer",
      "esi",
      "xsl",
    ].map(word),
    test: isLoadingTag,
  },
  style: {
    name: "script-style",
    category: "script-injection",
    severity: "medium",
    catches: "Style sheets that run or load: expression(), behavior, @import",
    example: '<div style="width:expression(alert(1))">',
    nearMiss: "the expression (a+b) and its behavior: odd",
    at: ["expression", "behavior", "import", "binding"].map(word),
    test: isStyleCode,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
