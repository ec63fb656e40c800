import { EVENT_WORD, SCRIPT_CALL, word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { closesValue, isBreaking } from "../sql_grammar.ts";
import { BOUND, NUMBER, type Tokens, WORD } from "../tokens.ts";
import { isElsewhere, isInTag } from "./tag_context.ts";

const ALERT = word("alert"), ATOB = word("atob"), CONFIRM = word("confirm"), COOKIE = word("cookie");
const DECODEURI = word("decodeuri"), DECODEURICOMPONENT = word("decodeuricomponent"), DOCUMENT = word("document");
const EVAL = word("eval"), FROMCHARCODE = word("fromcharcode"), FUNCTION = word("function"), IFRAME = word("iframe");
const IMPORT = word("import"), LOCATION = word("location"), NEW = word("new"), ORIGIN = word("origin");
const PROMPT = word("prompt"), SELF = word("self"), SETINTERVAL = word("setinterval");
const SETTIMEOUT = word("settimeout"), STRING_WORD = word("string"), UNESCAPE = word("unescape");
const WINDOW = word("window"), THROW = word("throw"), NAME = word("name"), TOP = word("top"), PARENT = word("parent");
const FRAMES = word("frames"), GLOBALTHIS = word("globalthis"), WRITE = word("write"), WRITELN = word("writeln");
const CREATEELEMENT = word("createelement"), ADW = word("adw"), SENDBEACON = word("sendbeacon");
const LOCALSTORAGE = word("localstorage"), SESSIONSTORAGE = word("sessionstorage");
const IMPORTSCRIPTS = word("importscripts"), GETSCRIPT = word("getscript"), XSS = word("xss");
const SCRIPT = word("script");
const REFLECT = word("reflect");
const LESS = 0x3c, SLASH = 0x2f, EQUALS = 0x3d, OPEN = 0x28, CLOSE = 0x29, BRACE = 0x7b, CLOSE_BRACE = 0x7d;
const DOT = 0x2e, COLON = 0x3a, BACKTICK = 0x60, BRACKET = 0x5b, CLOSE_BRACKET = 0x5d, PIPE = 0x7c;

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
      if (isHandedOn(t, i)) return true;
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
      return before === 0x2b || before === OPEN || before === COLON || before === BRACKET ||
        (before === BOUND && t.kind[i + 1] !== WORD) || (before === DOT && t.kind[i - 5] === 0x2b);
    }
    case FROMCHARCODE:
      return t.kind[i + 1] === OPEN && t.kind[i + 2] === NUMBER && t.kind[i + 3] === 0x2c && t.kind[i + 4] === NUMBER &&
        t.kind[i + 5] === 0x2c;
    case EVAL:
    case SETTIMEOUT:
    case SETINTERVAL:
    case FUNCTION: {
      // setTimeout`…`
      if (t.kind[i + 1] === BACKTICK && t.glued(i + 1)) return t.word[i] !== FUNCTION || t.word[i - 1] === NEW;
      if (t.kind[i + 1] !== OPEN) return false;
      // new Function('…')()
      if (t.word[i] === FUNCTION && t.word[i - 1] === NEW && t.isQuote(i + 2) && isCalledAtOnce(t, i + 2)) return true;
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
      if (t.word[i + 2] === ATOB) return t.kind[i + 3] === OPEN;
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

/** `(alert)(1)`, `alert?.(1)`, `alert.call(…)`, `[1].map(alert)`, `onerror=alert`: the call is left to somebody else. */
function isHandedOn(t: Tokens, i: number): boolean {
  const before = t.kind[i - 1] as number;
  const behind = t.kind[i + 1] as number;
  if (behind === 0x3f) return t.kind[i + 2] === DOT && t.kind[i + 3] === OPEN && t.glued(i + 3);
  if (behind === DOT && t.glued(i + 1)) return CALLERS.has(t.word[i + 2] as number) && t.kind[i + 3] === OPEN;
  if (before === EQUALS) {
    return t.word[i - 2] === EVENT_WORD && t.end[i - 2]! - t.start[i - 2]! === 7 &&
      (behind === 0x3b || behind === 0x2c || behind === CLOSE_BRACE);
  }
  if (before !== OPEN) return false;
  if (behind === 0x2c) return t.kind[i - 3] === DOT && t.word[i - 4] === REFLECT;
  if (behind !== CLOSE) return false;
  if (t.kind[i + 2] === OPEN && t.glued(i + 2)) return t.kind[i - 2] !== WORD;
  return t.kind[i - 3] === DOT && t.kind[i - 4] === CLOSE_BRACKET && MAPS.has(t.word[i - 2] as number);
}
/** Behind the string at `i` stands `)(`. */
function isCalledAtOnce(t: Tokens, i: number): boolean {
  for (let at = i + 1; at < i + 24 && t.kind[at] !== BOUND; at++) {
    if (t.kind[at] === t.kind[i]) return t.kind[at + 1] === CLOSE && t.kind[at + 2] === OPEN && t.glued(at + 2);
  }
  return false;
}

const CALLERS = new Set(["call", "apply"].map(word));
const MAPS = new Set(["map", "find", "filter", "some", "every", "foreach", "sort"].map(word));

function isPlainScriptCall(t: Tokens, i: number): boolean {
  return t.kind[i + 1] === OPEN && t.kind[i + 3] === CLOSE && (t.kind[i + 2] === NUMBER || t.kind[i + 2] === WORD);
}

/** `(![]+[])`: a script without letters. */
function isLetterless(t: Tokens, i: number): boolean {
  return t.kind[i + 1] === BRACKET && t.kind[i + 2] === CLOSE_BRACKET && t.kind[i + 3] === 0x2b && t.glued(i + 3) &&
    (t.kind[i + 4] === BRACKET || t.kind[i + 4] === OPEN || t.kind[i + 4] === 0x21);
}

/** Calls by which scripts are tried out, hide themselves or steal. */
export const SCRIPT_CALLS = {
  breakout: {
    name: "script-string-breakout",
    category: "script-injection",
    severity: "high",
    catches: "A call behind a quote that closes a string of a script",
    example: "x';alert(1)//",
    nearMiss: "console.log('ok'); alert('done')",
    at: ["'", '"', "`"],
    test: isScriptBreakout,
  },
  known: {
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
  letterless: {
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
  plain: {
    name: "script-plain-call",
    category: "script-injection",
    severity: "low",
    catches: "alert(1) and the like by itself",
    example: "alert(1)",
    nearMiss: "alert: 1",
    at: ["alert", "prompt", "confirm"].map(word),
    test: isPlainScriptCall,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
