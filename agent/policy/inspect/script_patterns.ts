import { EVENT_WORD, SCRIPT_CALL, word } from "./keywords.ts";
import type { Pattern } from "./pattern.ts";
import { closesValue, isBreaking } from "./sql_grammar.ts";
import { BOUND, IN_TAG, NUMBER, type Tokens, WORD } from "./tokens.ts";

const ACTION = word("action"), ALERT = word("alert"), ANIMATE = word("animate"), APPLET = word("applet");
const APPLICATION = word("application"), ASSIGN = word("assign"), ATOB = word("atob");
const ATTRIBUTENAME = word("attributename"), AUTOFOCUS = word("autofocus"), BASE = word("base");
const BUTTON = word("button"), CODE = word("code"), CONFIRM = word("confirm"), COOKIE = word("cookie");
const DEBUG = word("debug"), DECODEURI = word("decodeuri"), DECODEURICOMPONENT = word("decodeuricomponent");
const DOCTYPE = word("doctype"), DOCUMENT = word("document"), DUMP = word("dump");
const DUNDER_CLASS = word("__class__"), ECMASCRIPT = word("ecmascript"), EMBED = word("embed");
const ENTITY = word("entity"), EQUIV = word("equiv"), EVAL = word("eval");
const EXPRESSION = word("expression"), FORM = word("form"), FORMACTION = word("formaction");
const FRAMESET = word("frameset"), FREEMARKER = word("freemarker"), FROMCHARCODE = word("fromcharcode");
const FUNCTION = word("function"), HREF = word("href"), HTML = word("html"), HTTP = word("http");
const IFRAME = word("iframe"), IMPORT = word("import"), INCLUDE = word("include"), INPUT = word("input");
const ISINDEX = word("isindex"), JAVA = word("java"), JAVASCRIPT = word("javascript");
const LANG = word("lang"), LINK = word("link"), LIVESCRIPT = word("livescript"), LOCATION = word("location");
const MATH = word("math"), MEMBERACCESS = word("_memberaccess"), META = word("meta"), NEW = word("new");
const OBJECT_TAG = word("object"), OGNL = word("ognl"), ORIGIN = word("origin"), PHP = word("php");
const PHPINFO = word("phpinfo"), PRINT = word("print"), PROMPT = word("prompt"), PROTOTYPE = word("prototype");
const PUBLIC = word("public"), REL = word("rel"), RUNTIME = word("runtime");
const SELF = word("self"), SET = word("set");
const SETINTERVAL = word("setinterval"), SETTIMEOUT = word("settimeout"), SMARTY = word("smarty");
const SRC = word("src"), SRCDOC = word("srcdoc"), STRING_WORD = word("string"), STYLE = word("style");
const STYLESHEET = word("stylesheet"), SYSTEM = word("system"), TEMPLATE = word("template"), TEXT = word("text");
const T_WORD = word("t"), UNESCAPE = word("unescape"), URL = word("url"), VBSCRIPT = word("vbscript");
const WINDOW = word("window"), XHTML = word("xhtml"), XLINK = word("xlink"), XML = word("xml");
const CLASSID = word("classid"), USE = word("use"), PORTAL = word("portal"), PREFETCH = word("prefetch");
const PRELOAD = word("preload"), ESI = word("esi"), XSL = word("xsl"), THROW = word("throw"), NAME = word("name");
const TOP = word("top"), PARENT = word("parent"), FRAMES = word("frames"), GLOBALTHIS = word("globalthis");
const WRITE = word("write"), WRITELN = word("writeln"), CREATEELEMENT = word("createelement"), ADW = word("adw");
const SENDBEACON = word("sendbeacon"), LOCALSTORAGE = word("localstorage"), LAYER = word("layer");
const SESSIONSTORAGE = word("sessionstorage"), CLASSLOADER = word("classloader"), MODULE = word("module");
const IMPORTSCRIPTS = word("importscripts"), GETSCRIPT = word("getscript"), XSS = word("xss");
const LIST = word("list"), OS = word("os"), SUBPROCESS = word("subprocess"), WITH = word("with");
const SCRIPT = word("script");
const DATA = word("data");
const CONSTRUCTOR = word("constructor");
const DUNDER_PROTO = word("__proto__");

const LESS = 0x3c,
  GREATER = 0x3e,
  SLASH = 0x2f,
  EQUALS = 0x3d,
  OPEN = 0x28,
  CLOSE = 0x29,
  BRACE = 0x7b,
  CLOSE_BRACE = 0x7d;
const DOT = 0x2e,
  COLON = 0x3a,
  DOLLAR = 0x24,
  PERCENT = 0x25,
  HASH = 0x23,
  BACKTICK = 0x60,
  BRACKET = 0x5b,
  CLOSE_BRACKET = 0x5d,
  PIPE = 0x7c;

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

function isInTag(t: Tokens, i: number): boolean {
  return ((t.flags[i] as number) & IN_TAG) !== 0;
}

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

/** `javascript:` with or without white space in it, and something that runs behind it. */
function isScriptUrl(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] !== COLON) return false;
  if (t.word[i] !== JAVASCRIPT && t.word[i] !== VBSCRIPT && t.word[i] !== LIVESCRIPT && !isSplitName(t, i)) {
    return false;
  }
  const isAttribute = isUrlPlace(t, i);
  if (t.spaced(i + 2)) {
    // `JavaScript: the book` is prose; `javascript: alert(1)` calls at once.
    const next = t.kind[i + 3] as number;
    const isPlace = isAttribute || t.kind[i - 1] === BOUND || t.isQuote(i - 1);
    return isPlace && t.kind[i + 2] === WORD && (next === OPEN || next === BACKTICK || next === DOT || next === EQUALS);
  }
  for (let at = i + 2; at < i + 40; at++) {
    const kind = t.kind[at] as number;
    if (kind === BOUND) return isAttribute && at > i + 2;
    if (
      kind === OPEN || kind === BACKTICK || kind === SLASH || kind === PERCENT ||
      (kind === EQUALS && t.kind[at - 1] === WORD)
    ) return true;
    if (!isAttribute && t.spaced(at) && at > i + 6) return false;
  }
  return isAttribute;
}

/** `=` or `(` stands before the name, or before its quote: it is the value of an attribute. */
function isUrlPlace(t: Tokens, i: number): boolean {
  const before = t.kind[i - 1] as number;
  const opener = t.isQuote(i - 1) ? t.kind[i - 2] as number : before;
  return opener === EQUALS || opener === OPEN;
}

/** The words that end in `i` are `javascript` or `vbscript` with white space in it. */
function isSplitName(t: Tokens, i: number): boolean {
  for (const name of SPLIT_NAMES) {
    let left = name.length;
    for (let at = i; t.kind[at] === WORD && left > 0; at--) {
      const length = (t.end[at] as number) - (t.start[at] as number);
      if (length > left) break;
      for (let k = 0; k < length; k++) {
        if (((t.bytes[(t.start[at] as number) + k] as number) | 0x20) !== name.charCodeAt(left - length + k)) {
          return false;
        }
      }
      left -= length;
      if (left === 0) return at < i;
    }
  }
  return false;
}
const SPLIT_NAMES = ["javascript", "vbscript"] as const;

function isDataUrl(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] !== COLON || !t.glued(i + 1)) return false;
  if (t.word[i + 2] === TEXT || t.word[i + 2] === APPLICATION) {
    if (t.kind[i + 3] !== SLASH) return false;
    const type = t.word[i + 4] as number;
    return type === HTML || type === XHTML || type === JAVASCRIPT || type === ECMASCRIPT;
  }
  return false;
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

/** The value of an attribute at `i` is of another host, or a document by itself: `//x`, `http:`, `data:`. */
function isElsewhere(t: Tokens, i: number): boolean {
  const at = t.isQuote(i) || t.kind[i] === BOUND || t.kind[i] === 0x5c ? (t.isQuote(i + 1) ? i + 2 : i + 1) : i;
  if (t.kind[at] === SLASH) return t.kind[at + 1] === SLASH;
  return t.kind[at] === WORD && t.kind[at + 1] === COLON;
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

/** `<!--#exec`, `<!ENTITY x SYSTEM`, `<?php`, `<%= … %>`: code in markup for a server or a parser. */
function isServerMarkup(t: Tokens, i: number): boolean {
  const next = t.kind[i + 1] as number;
  if (!t.glued(i + 1)) return false;
  if (next === 0x3f) {
    if (t.word[i + 2] === PHP) return true;
    return t.kind[i + 2] === EQUALS ||
      (t.word[i + 2] === XML && t.kind[i + 3] === 0x2d && t.word[i + 4] === STYLESHEET);
  }
  if (next === PERCENT) {
    for (let at = i + 2; at < i + 40; at++) {
      if (t.kind[at] === BOUND) return false;
      if (t.kind[at] === PERCENT && t.kind[at + 1] === GREATER) return at > i + 3;
      if (t.kind[at] === LESS) return false;
    }
    return false;
  }
  if (next === HASH) {
    return t.word[i + 2] === ASSIGN || t.word[i + 2] === INCLUDE || t.word[i + 2] === IMPORT || t.word[i + 2] === LIST;
  }
  if (next !== 0x21) return false;
  if (t.word[i + 2] === ENTITY) {
    for (let at = i + 3; at < i + 8; at++) {
      if (t.word[at] === SYSTEM || t.word[at] === PUBLIC || t.isQuote(at)) return true;
    }
    return false;
  }
  if (t.word[i + 2] === DOCTYPE) {
    for (let at = i + 3; at < i + 10; at++) {
      if (t.word[at] === SYSTEM || (t.kind[at] === BRACKET && t.kind[at + 1] === LESS)) return true;
      if (t.kind[at] === GREATER || t.kind[at] === BOUND) return false;
    }
    return false;
  }
  return t.kind[i + 2] === 0x2d && t.kind[i + 3] === 0x2d && t.kind[i + 4] === HASH && t.kind[i + 5] === WORD &&
    t.glued(i + 5);
}

/** `';alert(1)//`, `"-alert(1)-"`, `\x3c/script`: out of a string of a script, into its code. */
function isScriptBreakout(t: Tokens, i: number): boolean {
  if (!isBreaking(t, i) || !closesValue(t, i)) return false;
  let at = i + 1;
  let hasOperator = false;
  for (const stop = at + 8; at < stop; at++) {
    const kind = t.kind[at] as number;
    if (
      kind === 0x3b || kind === 0x2d || kind === 0x2b || kind === 0x2a || kind === 0x2c || kind === 0x5e ||
      kind === PIPE || kind === 0x26 || kind === 0x3f || kind === COLON || kind === EQUALS || kind === SLASH
    ) hasOperator = true;
    else if (
      kind !== CLOSE && kind !== CLOSE_BRACE && kind !== CLOSE_BRACKET && kind !== BRACKET && kind !== 0x21 &&
      kind !== OPEN && kind !== BRACE
    ) break;
  }
  if (!hasOperator || t.kind[at] !== WORD) return false;
  const bits = t.bits[at] as number;
  if ((bits & SCRIPT_CALL) === 0 && t.word[at] !== NEW) return false;
  const next = t.kind[at + 1] as number;
  const number = t.word[at] as number;
  if (number === NEW) return next === WORD && t.kind[at + 2] === OPEN;
  if (number === LOCATION && next === EQUALS) return t.isQuote(at + 2) || t.kind[at + 2] === WORD;
  if (number === THROW) return t.kind[at - 1] === 0x3b && (next === NUMBER || next === WORD);
  return next === OPEN || next === BACKTICK || (next === DOT && t.kind[at + 2] === WORD && t.glued(at + 2)) ||
    (next === BRACKET && t.glued(at + 1));
}

/** The classic calls by which scripts are tried or steal, as a text says them nowhere. */
function isScriptCall(t: Tokens, i: number): boolean {
  switch (t.word[i]) {
    case ALERT:
    case PROMPT:
    case CONFIRM: {
      if (t.kind[i + 1] === BACKTICK) return t.kind[i + 2] === NUMBER || t.kind[i + 2] === WORD;
      if (t.kind[i + 1] !== OPEN) return false;
      if (t.isQuote(i + 2)) return t.word[i + 3] === XSS && t.isQuote(i + 4);
      const first = t.word[i + 2] as number;
      // `=>alert(1)`, `{alert(1)`: within code
      if (t.kind[i + 2] === NUMBER && t.kind[i + 3] === CLOSE && (t.glued(i) || isInTag(t, i))) {
        const before = t.kind[i - 1] as number;
        // In a tag, whatever the attribute is called that runs it.
        if (isInTag(t, i)) return true;
        return before !== WORD && before !== NUMBER && before !== 0x2d && before !== 0x5b && !t.isQuote(i - 1);
      }
      return (first === DOCUMENT || first === WINDOW || first === LOCATION || first === ORIGIN) &&
        (t.kind[i + 3] === DOT || t.kind[i + 3] === CLOSE);
    }
    case COOKIE: {
      if (t.kind[i - 1] !== DOT || t.word[i - 2] !== DOCUMENT) return false;
      // location='//x/?'+document.cookie; what a page does with its own cookies assigns to them or splits them.
      const before = t.kind[i - 3] as number;
      if (before === 0x2c) return t.kind[i + 1] === CLOSE || t.kind[i + 1] === CLOSE_BRACKET;
      return before === 0x2b || before === OPEN || before === COLON || before === BRACKET || before === BOUND ||
        (before === DOT && t.kind[i - 5] === 0x2b);
    }
    case FROMCHARCODE:
      return t.kind[i + 1] === OPEN && t.kind[i + 2] === NUMBER && t.kind[i + 3] === 0x2c && t.kind[i + 4] === NUMBER &&
        t.kind[i + 5] === 0x2c;
    case EVAL:
    case SETTIMEOUT:
    case SETINTERVAL:
    case FUNCTION: {
      if (t.kind[i + 1] !== OPEN) return false;
      const first = t.word[i + 2] as number;
      if (first === ATOB || first === UNESCAPE || first === DECODEURI || first === DECODEURICOMPONENT) return true;
      if (t.word[i] === EVAL && (first === STRING_WORD || first === LOCATION || first === WINDOW || first === NAME)) {
        return true;
      }
      return t.isQuote(i + 2) && ((t.bits[i + 3] as number) & SCRIPT_CALL) !== 0 && t.kind[i + 4] === OPEN &&
        t.word[i + 3] !== FUNCTION;
    }
    case WINDOW:
    case SELF:
    case TOP:
    case PARENT:
    case FRAMES:
    case GLOBALTHIS: {
      // window['alert'](1), top[/al/.source+…
      if (t.kind[i + 1] !== BRACKET || !t.glued(i + 1)) return false;
      if (t.kind[i + 2] === SLASH) return t.kind[i + 3] === WORD && t.kind[i + 4] === SLASH && t.kind[i + 5] === DOT;
      return t.isQuote(i + 2) && ((t.bits[i + 3] as number) & SCRIPT_CALL) !== 0 && t.isQuote(i + 4) &&
          t.kind[i + 5] === CLOSE_BRACKET && t.kind[i + 6] === OPEN ||
        (t.isQuote(i + 2) && t.isQuote(i + 4) && t.kind[i + 5] === 0x2b && t.isQuote(i + 6));
    }
    case WRITE:
    case WRITELN: {
      if (t.kind[i - 1] !== DOT || t.word[i - 2] !== DOCUMENT || t.kind[i + 1] !== OPEN) return false;
      const at = t.kind[i + 2] === 0x5c ? i + 3 : i + 2;
      return t.isQuote(at) && t.kind[at + 1] === LESS;
    }
    case CREATEELEMENT:
      return t.kind[i + 1] === OPEN && t.isQuote(i + 2) && (t.word[i + 3] === SCRIPT || t.word[i + 3] === IFRAME);
    case IMPORT:
    case IMPORTSCRIPTS:
    case GETSCRIPT: {
      // import('//x'), import("https://x")
      if (t.kind[i + 1] !== OPEN || !t.isQuote(i + 2)) return false;
      return isElsewhere(t, i + 3) && (t.kind[i - 1] !== DOT || t.word[i] === GETSCRIPT);
    }
    case SENDBEACON:
      return t.kind[i - 1] === DOT && t.kind[i + 1] === OPEN && t.isQuote(i + 2) && isElsewhere(t, i + 3);
    case LOCALSTORAGE:
    case SESSIONSTORAGE:
      // '//evil/?'+localStorage.token
      return t.kind[i - 1] === 0x2b && t.glued(i) && t.kind[i + 1] === DOT;
    case ADW:
      // UTF-7: +ADw-script+AD4-
      if (t.bytes[(t.end[i] as number) - 1] !== 0x77) return false;
      return t.kind[i - 1] === 0x2b && t.kind[i + 1] === 0x2d && t.glued(i) && t.kind[i + 2] === WORD && t.glued(i + 2);
  }
  return false;
}

/** `constructor.constructor('…')()`, `[]['filter']['constructor']`: a function out of thin air. */
function isConstructorChain(t: Tokens, i: number): boolean {
  if (t.isQuote(i + 1)) {
    // []["filter"]["constructor"](
    return t.isQuote(i - 1) && t.kind[i - 2] === BRACKET &&
      (t.kind[i - 3] === CLOSE_BRACKET || t.kind[i - 3] === CLOSE || t.kind[i - 3] === WORD) &&
      (t.kind[i + 3] === OPEN || t.kind[i + 3] === BRACKET);
  }
  if (t.kind[i + 1] === DOT) {
    if (t.word[i + 2] === PROTOTYPE) {
      return t.kind[i + 3] === DOT && t.kind[i + 5] === EQUALS && t.kind[i + 6] !== EQUALS;
    }
    return t.word[i + 2] === CONSTRUCTOR;
  }
  // {"constructor":{"prototype":
  if (t.kind[i + 1] === BOUND) {
    return t.kind[i + 2] === COLON && t.kind[i + 3] === BRACE && t.kind[i + 4] === BOUND && t.word[i + 5] === PROTOTYPE;
  }
  if (t.kind[i + 1] === BRACKET && t.word[i] === CONSTRUCTOR) {
    return t.word[i + 2] === PROTOTYPE && t.kind[i + 3] === CLOSE_BRACKET;
  }
  return t.kind[i - 1] === DOT && t.kind[i + 1] === OPEN && t.isQuote(i + 2) && t.glued(i + 2);
}

function isPrototypeWrite(t: Tokens, i: number): boolean {
  // __proto__[x]=, __proto__.x=, {"__proto__":{
  if (t.kind[i + 1] === BRACKET) return t.kind[i + 3] === CLOSE_BRACKET || t.kind[i + 4] === BRACKET;
  if (t.kind[i + 1] === DOT) return t.kind[i + 3] === EQUALS && t.kind[i + 4] !== EQUALS;
  const behind = t.isQuote(i + 1) || t.kind[i + 1] === BOUND ? i + 2 : i + 1;
  if (t.kind[i + 1] === CLOSE_BRACKET) return t.kind[i - 1] === BRACKET;
  return t.kind[behind] === COLON && t.kind[behind + 1] === BRACE;
}

/** What stands in a template from `from` on. */
interface Expression {
  /** Only constants and operators, with at least one operator between two constants. */
  constant: boolean;
  /** It leads out of the sandbox. */
  escapes: boolean;
  /** Its first word. */
  head: number;
  headAt: number;
}
const expression: Expression = { constant: false, escapes: false, head: 0, headAt: 0 };

/** Reads the expression at `from`, which ends at the first closing brace (or `%>`); the result is reused. */
function readExpression(t: Tokens, from: number): Expression {
  let operands = 0;
  let operators = 0;
  let names = 0;
  let isMultiplied = false;
  let depth = 0;
  let quote = 0;
  expression.constant = expression.escapes = false;
  expression.head = expression.headAt = 0;
  let at = from;
  while (
    at < from + 4 &&
    (t.kind[at] === EQUALS || t.kind[at] === BRACE || t.kind[at] === 0x21 ||
      (t.kind[at] === 0x2d && t.kind[at + 1] !== 0x2d))
  ) at++;
  let isClosed = false;
  for (const stop = from + 48; at < stop; at++) {
    const kind = t.kind[at] as number;
    if (kind === BOUND) break;
    if (quote !== 0) {
      if (kind === quote) quote = 0;
      // |filter('system')
      else if (
        kind === WORD && EXECUTORS.has(t.word[at] as number) && t.kind[at + 1] === quote && t.kind[at - 2] === OPEN
      ) {
        expression.escapes = true;
      } else if (kind === WORD && isDangerousWord(t, at)) expression.escapes = true;
      continue;
    }
    if (kind === CLOSE_BRACE && --depth < 0) {
      isClosed = true;
      break;
    }
    if (kind === PERCENT && (t.kind[at + 1] === CLOSE_BRACE || t.kind[at + 1] === GREATER)) {
      isClosed = true;
      break;
    }
    // An opener in it is looked at by itself.
    if (kind === BRACE && at > from && (t.kind[at + 1] === BRACE || t.kind[at + 1] === PERCENT) && t.glued(at + 1)) {
      break;
    }
    if (kind === BRACE) depth++;
    else if (kind === NUMBER) operands++;
    else if (t.isQuote(at)) {
      operands++;
      quote = kind;
      // ''.__class__, ''[…]
      if (t.kind[at + 1] === kind && (t.kind[at + 2] === DOT || t.kind[at + 2] === BRACKET) && t.glued(at + 2)) {
        expression.escapes = true;
      }
    } else if (kind === 0x2a || kind === 0x2b || kind === 0x2f || kind === 0x7e || kind === 0x2d || kind === PERCENT) {
      operators++;
      if (kind === 0x2a) isMultiplied = true;
    } else if (kind === WORD) {
      if (names === 0) {
        expression.head = t.word[at] as number;
        expression.headAt = at;
      }
      names++;
      if (isDangerousWord(t, at)) expression.escapes = true;
    } else if (
      (kind === CLOSE_BRACKET || kind === CLOSE) && (t.kind[at - 1] === BRACKET || t.kind[at - 1] === OPEN) &&
      t.kind[at - 2] !== WORD && t.kind[at + 1] === DOT
    ) {
      // [].__class__, ().__class__
      if (t.kind[at + 2] === WORD && t.bytes[t.start[at + 2] as number] === 0x5f) expression.escapes = true;
    } else if (kind === 0x40 || kind === HASH) names++;
  }
  t.looks += at - from;
  if (names === 1 && expression.head === PRINT) names = 0;
  expression.constant = isClosed && names === 0 && operands >= 2 && operators >= 1 &&
    (isMultiplied || operands > operators - 1);
  return expression;
}

/** A word that leads out of a template's sandbox: some wherever they stand, others if they are called. */
function isDangerousWord(t: Tokens, i: number): boolean {
  const number = t.word[i] as number;
  if (ESCAPES_ANYWHERE.has(number)) return true;
  if (number === CONSTRUCTOR) {
    return t.kind[i + 1] === OPEN || t.kind[i + 1] === BRACKET ||
      (t.kind[i + 1] === DOT && t.word[i + 2] === CONSTRUCTOR) || t.isQuote(i + 1);
  }
  if (!ESCAPES_CALLED.has(number)) return false;
  return (t.kind[i + 1] === OPEN && t.glued(i + 1)) || (t.kind[i + 1] === BACKTICK);
}

/** `{{7*7}}`, `{{config.items()}}`, `{{''.__class__}}`, `{% import os %}`. */
function isDoubleBraceInjection(t: Tokens, i: number): boolean {
  const second = t.kind[i + 1] as number;
  if (!t.glued(i + 1)) return false;
  if (second === BRACE) {
    if (t.kind[i - 1] === BRACE && t.glued(i)) return false;
    // {{#with "s" as |x|}}
    if (t.kind[i + 2] === HASH && t.word[i + 3] === WITH && t.isQuote(i + 4)) return true;
    const { constant, escapes, head, headAt } = readExpression(t, i + 2);
    if (constant || escapes) return true;
    return isFrameworkObject(t, head, headAt);
  }
  if (second === PERCENT) {
    const first = t.word[i + 2] as number;
    if (first === DEBUG) return true;
    if (first === IMPORT && t.isQuote(i + 3)) return t.word[i + 4] === OS || t.word[i + 4] === SUBPROCESS;
    if (first === IMPORT && t.kind[i + 3] === WORD && t.kind[i + 4] === PERCENT) return true;
    return readExpression(t, i + 2).escapes || expression.constant;
  }
  // Smarty and others: {7*7}, {php}, {$smarty.version}, {if phpinfo()}
  if (second === NUMBER) {
    return t.kind[i + 2] === 0x2a && (t.kind[i + 3] === NUMBER || t.isQuote(i + 3)) && t.kind[i + 4] === CLOSE_BRACE;
  }
  if (t.word[i + 1] === PHP) return t.kind[i + 2] === CLOSE_BRACE;
  if (second === DOLLAR) return t.word[i + 2] === SMARTY && t.kind[i + 3] === DOT;
  return false;
}

/** The expression is, or reaches into, an object that the framework keeps for itself. */
function isFrameworkObject(t: Tokens, head: number, at: number): boolean {
  if (at === 0) return false;
  if (t.kind[at - 1] !== BRACE && t.kind[at - 1] !== OPEN) return false;
  const next = t.kind[at + 1] as number;
  if (next === CLOSE_BRACE) return FRAMEWORK_OBJECTS.has(head);
  if (next === PIPE) return FRAMEWORK_OBJECTS.has(head) && head !== SELF;
  if (!FRAMEWORK_OBJECTS.has(head) && !FRAMEWORK_ROOTS.has(head)) return false;
  if (next === OPEN) return head === DUMP;
  if (next === BRACKET) return t.isQuote(at + 2);
  return next === DOT && FRAMEWORK_MEMBERS.has(t.word[at + 2] as number);
}

/** `${7*7}`, `#{…exec(…)}`, `*{…}`, `%{(#…)}`, `@{…}`, `~{…}`. */
function isDollarBraceInjection(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] !== BRACE || !t.glued(i + 1)) return false;
  const opener = t.kind[i] as number;
  // ${{<%[%'"}}%\: what is sent to see which engine answers
  if (t.kind[i + 2] === BRACE && t.kind[i + 3] === LESS && t.kind[i + 4] === PERCENT) return true;
  if (opener === PERCENT && t.kind[i + 2] === HASH) return t.kind[i + 3] === WORD && t.glued(i + 3);
  if (opener === PERCENT && t.kind[i + 2] === OPEN && t.kind[i + 3] === HASH) return t.kind[i + 4] === WORD;
  // Thymeleaf evaluates __${…}__ first.
  if (
    opener === DOLLAR && t.kind[i - 1] === WORD && t.glued(i) && t.end[i - 1]! - t.start[i - 1]! === 2 &&
    t.bytes[t.start[i - 1] as number] === 0x5f
  ) return true;
  const { constant, escapes, head, headAt } = readExpression(t, i + 2);
  if (constant || escapes) return true;
  if (headAt > 0 && (opener === DOLLAR || opener === HASH)) {
    // ${T(java…)}, ${"…"?new()}, ${class.…}
    if (head === T_WORD && t.kind[headAt + 1] === OPEN && t.word[headAt + 2] === JAVA) return true;
    if (
      ((t.bits[headAt] as number) & SCRIPT_CALL) !== 0 && t.kind[headAt + 1] === OPEN && headAt === i + 2 &&
      CALLED_FIRST.has(head)
    ) return true;
    for (let at = i + 2; at < i + 24; at++) {
      if (t.kind[at] === BOUND || t.kind[at] === CLOSE_BRACE) return false;
      if (t.kind[at] === 0x3f && t.word[at + 1] === NEW && t.kind[at + 2] === OPEN) return true;
      if (t.kind[at] === 0x40 && t.word[at + 1] === PRINT) return true;
    }
  }
  return false;
}

function isRazorInjection(t: Tokens, i: number): boolean {
  const operator = t.kind[i + 3] as number;
  return t.kind[i + 1] === OPEN && t.glued(i + 1) && t.kind[i + 2] === NUMBER &&
    (operator === 0x2a || operator === 0x2b) &&
    t.kind[i + 4] === NUMBER && t.kind[i + 5] === CLOSE;
}

/** Names of the object models of Python and Java by which templates are left, outside of a template too. */
function isObjectWalk(t: Tokens, i: number): boolean {
  switch (t.word[i]) {
    case MEMBERACCESS:
      return t.kind[i - 1] === HASH;
    case FREEMARKER:
      return t.kind[i + 1] === DOT && t.word[i + 2] === TEMPLATE;
    case T_WORD:
      return t.kind[i + 1] === OPEN && t.word[i + 2] === JAVA && t.kind[i + 3] === DOT;
    case CLASSLOADER:
      // class.module.classLoader (CVE-2022-22965)
      return t.kind[i - 1] === DOT && t.word[i - 2] === MODULE;
    case OGNL:
      return t.kind[i - 1] === 0x40 && t.kind[i + 1] === DOT;
    case PHPINFO:
      return t.kind[i + 1] === OPEN;
    case JAVA:
      // new java.lang.ProcessBuilder, @java.lang.Runtime@; a stack trace has `at` before it.
      return t.kind[i + 1] === DOT && t.word[i + 2] === LANG && t.kind[i + 3] === DOT && t.word[i + 4] === RUNTIME &&
        (t.kind[i - 1] === 0x40 || t.isQuote(i - 1) || t.kind[i - 1] === OPEN || t.word[i - 1] === NEW);
    case DUNDER_CLASS:
      // ''.__class__, [].__class__, x.__class__.__mro__; Python's own self.__class__.__name__ is none.
      if (t.kind[i - 1] !== DOT) return t.isQuote(i - 1) && t.kind[i - 2] === BRACKET;
      if (
        t.isQuote(i - 2) || t.kind[i - 2] === CLOSE_BRACKET || t.kind[i - 2] === CLOSE_BRACE ||
        (t.kind[i - 2] === CLOSE && t.kind[i - 3] === OPEN && t.kind[i - 4] !== WORD)
      ) return true;
      return t.kind[i + 1] === DOT && WALKS.has(t.word[i + 2] as number);
  }
  // __globals__, __subclasses__() and so on
  return t.kind[i - 1] === DOT || t.kind[i - 2] === BRACKET;
}

function isVelocity(t: Tokens, i: number): boolean {
  return t.word[i + 1] === SET && t.kind[i + 2] === OPEN && t.kind[i + 3] === DOLLAR && t.glued(i + 1);
}

function isPlainScriptCall(t: Tokens, i: number): boolean {
  return t.kind[i + 1] === OPEN && t.kind[i + 3] === CLOSE && (t.kind[i + 2] === NUMBER || t.kind[i + 2] === WORD);
}

const ESCAPES_ANYWHERE = new Set(
  [
    "mro",
    "__mro__",
    "__class__",
    "__base__",
    "__bases__",
    "__subclasses__",
    "__globals__",
    "__builtins__",
    "__import__",
    "__init__",
    "__getattribute__",
    "__dict__",
    "__proto__",
    "lipsum",
    "cycler",
    "joiner",
    "child_process",
    "mainmodule",
    "registerundefinedfiltercallback",
    "registerundefinedfunctioncallback",
    "getruntime",
    "processbuilder",
    "forname",
    "getclass",
    "classloader",
    "scriptenginemanager",
    "_memberaccess",
    "pagecontext",
    "applicationscope",
    "sessionscope",
    "requestscope",
    "facescontext",
    "get_flashed_messages",
    "urlclassloader",
    "beanfactory",
    "getdeclaredmethod",
    "getdeclaredmethods",
    "defineclass",
    "shell_exec",
    "passthru",
    "proc_open",
    "file_get_contents",
    "file_put_contents",
    "subclasses",
  ].map(word),
);
const ESCAPES_CALLED = new Set(
  [
    "exec",
    "system",
    "eval",
    "popen",
    "require",
    "readfile",
    "phpinfo",
    "import",
    "attr",
    "getfilter",
    "newinstance",
    "getengine",
    "invokemethod",
    "fetch",
    "alert",
    "prompt",
    "confirm",
    "url_for",
    "getparameter",
    "getmodule",
    "settimeout",
    "fromcharcode",
  ].map(word),
);
const FRAMEWORK_OBJECTS = new Set(
  ["config", "request", "self", "settings", "_self", "_context", "dump", "debug"].map(word),
);
const FRAMEWORK_ROOTS = new Set(
  [
    "root",
    "app",
    "session",
    "handler",
    "flask",
    "django",
    "process",
    "global",
    "globalthis",
    "application",
    "environment",
    "g",
  ]
    .map(word),
);
const FRAMEWORK_MEMBERS = new Set(
  [
    "items",
    "secret_key",
    "environ",
    "args",
    "cookies",
    "from_object",
    "class",
    "application",
    "settings",
    "env",
    "request",
    "__class__",
    "__init__",
    "__dict__",
    "form",
    "mainmodule",
    "session",
    "process",
  ].map(word),
);
const EXECUTORS = new Set(["system", "exec", "passthru", "shell_exec", "popen", "eval", "assert"].map(word));
const CALLED_FIRST = new Set(["alert", "prompt", "confirm", "eval", "fetch"].map(word));
const WALKS = new Set(["__mro__", "__base__", "__bases__", "__subclasses__", "mro", "__init__"].map(word));

/** `(![]+[])`: a script without letters. */
function isLetterless(t: Tokens, i: number): boolean {
  return t.kind[i + 1] === BRACKET && t.kind[i + 2] === CLOSE_BRACKET && t.kind[i + 3] === 0x2b && t.glued(i + 3) &&
    (t.kind[i + 4] === BRACKET || t.kind[i + 4] === OPEN || t.kind[i + 4] === 0x21);
}

/** Script injection: what a browser, a template engine or a parser of markup would run of a value. */
export const SCRIPT_PATTERNS: readonly Pattern[] = [
  {
    name: "script-tag",
    category: "script-injection",
    severity: "high",
    catches: "A script element, begun or ended",
    example: "<script>alert(1)",
    nearMiss: "the script > 3 and < script 5",
    at: [SCRIPT],
    test: isScriptTag,
  },
  {
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
  {
    name: "script-url",
    category: "script-injection",
    severity: "high",
    catches: "javascript: and vbscript: with something that runs behind it, white space within it or not",
    example: "java\tscript:alert(1)",
    nearMiss: "JavaScript: The Good Parts",
    at: [
      "javascript",
      "vbscript",
      "livescript",
      "script",
      "t",
      "pt",
      "ipt",
      "ript",
      "cript",
      "ascript",
      "vascript",
      "avascript",
    ].map(word),
    test: isScriptUrl,
  },
  {
    name: "script-data-url",
    category: "script-injection",
    severity: "medium",
    catches: "A data: URL that is a page or a script",
    example: "data:text/html;base64,PHNj",
    nearMiss: "data:image/png;base64,iVBO and data: text",
    at: [DATA],
    test: isDataUrl,
  },
  {
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
  {
    name: "script-style",
    category: "script-injection",
    severity: "medium",
    catches: "Style sheets that run or load: expression(), behavior, @import",
    example: '<div style="width:expression(alert(1))">',
    nearMiss: "the expression (a+b) and its behavior: odd",
    at: ["expression", "behavior", "import", "binding"].map(word),
    test: isStyleCode,
  },
  {
    name: "script-server-markup",
    category: "script-injection",
    severity: "high",
    catches: "Server-side includes, PHP, ERB and JSP, FreeMarker, external entities",
    example: '<!ENTITY x SYSTEM "file:///etc/hostname">',
    nearMiss: "<?xml version='1.0'?><!-- note --><!DOCTYPE html>",
    weak: true,
    at: ["<!", "<?", "<%", "<#"],
    test: isServerMarkup,
  },
  {
    name: "script-string-breakout",
    category: "script-injection",
    severity: "high",
    catches: "A call behind a quote that closes a string of a script",
    example: "x';alert(1)//",
    nearMiss: "console.log('ok'); alert('done')",
    at: ["'", '"', "`"],
    test: isScriptBreakout,
  },
  {
    name: "script-call",
    category: "script-injection",
    severity: "medium",
    catches: "Calls by which scripts are tried out, hide themselves or steal cookies",
    example: "alert(document.domain)",
    nearMiss: "alert(sensor) if document.cookie is set",
    at: [
      "alert",
      "prompt",
      "confirm",
      "cookie",
      "fromcharcode",
      "eval",
      "settimeout",
      "setinterval",
      "function",
      "window",
      "self",
      "top",
      "parent",
      "frames",
      "globalthis",
      "write",
      "writeln",
      "createelement",
      "import",
      "importscripts",
      "getscript",
      "sendbeacon",
      "localstorage",
      "sessionstorage",
      "adw",
    ].map(word),
    test: isScriptCall,
  },
  {
    name: "script-letterless",
    category: "script-injection",
    severity: "medium",
    catches: "Scripts written with brackets and signs alone, by which letters are taken from false and undefined",
    example: "(![]+[])[+!+[]]",
    nearMiss: "![](a.png) and !a[0]+b",
    weak: true,
    at: ["!["],
    test: isLetterless,
  },
  {
    name: "script-constructor",
    category: "script-injection",
    severity: "high",
    catches: "A function made by way of constructors",
    example: "x=[]['filter']['constructor']('alert(1)')()",
    nearMiss: "class A { constructor(x) { this.constructor.name } }",
    at: [CONSTRUCTOR],
    test: isConstructorChain,
  },
  {
    name: "script-prototype",
    category: "script-injection",
    severity: "medium",
    catches: "Writing to the prototype of all objects",
    example: "__proto__[isAdmin]=1",
    nearMiss: "set __proto__ to null",
    at: [DUNDER_PROTO],
    test: isPrototypeWrite,
  },
  {
    name: "template-braces",
    category: "script-injection",
    severity: "high",
    catches: "{{ }} and {% %} with constants to calculate, words that leave the sandbox, or objects of the framework",
    example: "{{7*7}}",
    nearMiss: "{{ states('sensor.system') | float * 1.8 + 32 }} {{ value_json.runtime }}",
    weak: true,
    at: ["{{", "{%", "{$", "{p", "{1"],
    test: isDoubleBraceInjection,
  },
  {
    name: "template-expression",
    category: "script-injection",
    severity: "high",
    catches: "${ }, #{ }, *{ }, %{ }, @{ }, ~{ } with constants to calculate or words that leave the sandbox",
    example: "${T(java.lang.Runtime).getRuntime()}",
    nearMiss: "${name} #{temperature} ${a.b * 2} ${PORT:-1883}",
    weak: true,
    at: ["${", "#{", "*{", "%{", "~{", "@{"],
    test: isDollarBraceInjection,
  },
  {
    name: "template-razor",
    category: "script-injection",
    severity: "medium",
    catches: "@( ) with constants to calculate",
    example: "@(7*7)",
    nearMiss: "@(home) 7*7",
    weak: true,
    at: ["@("],
    test: isRazorInjection,
  },
  {
    name: "template-velocity",
    category: "script-injection",
    severity: "medium",
    catches: "#set($x …) of Velocity",
    example: "#set($x=7)",
    nearMiss: "#set 5",
    weak: true,
    at: ["#s"],
    test: isVelocity,
  },
  {
    name: "template-object-walk",
    category: "script-injection",
    severity: "high",
    catches: "Names of the object models of Python and Java by which templates are left",
    example: "x.__class__.__mro__[1].__subclasses__()",
    nearMiss: "self.__class__.__name__ at java.lang.Runtime.exec",
    at: [
      "__class__",
      "__mro__",
      "__bases__",
      "__subclasses__",
      "__globals__",
      "__builtins__",
      "_memberaccess",
      "freemarker",
      "t",
      "ognl",
      "phpinfo",
      "java",
      "classloader",
    ].map(word),
    test: isObjectWalk,
  },
  {
    name: "script-plain-call",
    category: "script-injection",
    severity: "low",
    catches: "alert(1) and the like by itself",
    example: "alert(1)",
    nearMiss: "alert: 1",
    at: ["alert", "prompt", "confirm"].map(word),
    test: isPlainScriptCall,
  },
];
