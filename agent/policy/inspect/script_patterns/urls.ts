import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BOUND, type Tokens, WORD } from "../tokens.ts";

const APPLICATION = word("application"), ECMASCRIPT = word("ecmascript"), HTML = word("html");
const JAVASCRIPT = word("javascript"), LIVESCRIPT = word("livescript"), TEXT = word("text");
const VBSCRIPT = word("vbscript"), XHTML = word("xhtml"), DATA = word("data");
const SLASH = 0x2f, EQUALS = 0x3d, OPEN = 0x28, DOT = 0x2e, COLON = 0x3a, PERCENT = 0x25, BACKTICK = 0x60;

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

/** URLs that are a script themselves. */
export const URLS = {
  script: {
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
  data: {
    name: "script-data-url",
    category: "script-injection",
    severity: "medium",
    catches: "A data: URL that is a page or a script",
    example: "data:text/html;base64,PHNj",
    nearMiss: "data:image/png;base64,iVBO and data: text",
    at: [DATA],
    test: isDataUrl,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
