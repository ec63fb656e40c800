import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BOUND, type Tokens, WORD } from "../tokens.ts";

const ASSIGN = word("assign"), DOCTYPE = word("doctype"), ENTITY = word("entity"), IMPORT = word("import");
const INCLUDE = word("include"), PHP = word("php"), PUBLIC = word("public"), STYLESHEET = word("stylesheet");
const FUNCTION = word("function");
const SYSTEM = word("system"), XML = word("xml"), LIST = word("list");
const LESS = 0x3c, GREATER = 0x3e, EQUALS = 0x3d, PERCENT = 0x25, HASH = 0x23, BRACKET = 0x5b;

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

/** `php:function('system', …)`: XSLT that calls PHP. */
function isXsltCall(t: Tokens, i: number): boolean {
  return t.kind[i + 1] === 0x3a && t.glued(i + 1) && t.word[i + 2] === FUNCTION && t.glued(i + 2) &&
    t.kind[i + 3] === 0x28 && t.glued(i + 3);
}

/** Code in markup, for a server or a parser. */
export const SERVER_MARKUP = {
  code: {
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
  xslt: {
    name: "script-xslt-call",
    category: "script-injection",
    severity: "high",
    catches: "XSLT that calls a function of PHP",
    example: "<xsl:value-of select=\"php:function('phpversion')\"/>",
    nearMiss: "php: function keys, and php :function()",
    at: [PHP],
    test: isXsltCall,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
