import { SCRIPT_CALL, word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BOUND, NUMBER, type Tokens, WORD } from "../tokens.ts";
import { expression, readExpression } from "./template_expression.ts";

const DEBUG = word("debug"), DUMP = word("dump"), IMPORT = word("import"), JAVA = word("java"), NEW = word("new");
const PHP = word("php"), PRINT = word("print"), SELF = word("self"), SET = word("set"), SMARTY = word("smarty");
const T_WORD = word("t"), OS = word("os"), SUBPROCESS = word("subprocess"), WITH = word("with");
const LOOKUP = word("lookup"), SYSTEM = word("system");
const LESS = 0x3c, OPEN = 0x28, CLOSE = 0x29, BRACE = 0x7b, CLOSE_BRACE = 0x7d, DOT = 0x2e, DOLLAR = 0x24;
const PERCENT = 0x25, HASH = 0x23, BRACKET = 0x5b, PIPE = 0x7c;

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
    if (isMethodCall(t, i + 2)) return true;
    // {{ lookup('pipe', 'id') }} of Ansible
    if (head === LOOKUP) return t.kind[headAt + 1] === OPEN && LOOKED_UP.has(t.word[headAt + 3] as number);
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

/**
 * Go: `{{ .System "id" }}`, `(.Exec "id")`: a method that is handed a text; and `{{.Password}}`, if it is all there is.
 */
function isMethodCall(t: Tokens, from: number): boolean {
  for (let at = from; at < from + 16; at++) {
    const kind = t.kind[at] as number;
    if (kind === BOUND || kind === CLOSE_BRACE) return false;
    if (kind !== DOT || !t.glued(at + 1)) continue;
    const before = t.kind[at - 1] as number;
    if (before !== BRACE && before !== OPEN && !t.spaced(at)) continue;
    if (METHODS.has(t.word[at + 1] as number)) {
      return t.spaced(at + 2) && (t.isQuote(at + 2) || t.kind[at + 2] === 0x5c || t.kind[at + 2] === BOUND);
    }
    if (at === from && SECRETS.has(t.word[at + 1] as number)) {
      return t.kind[from - 3] === BOUND && t.kind[at + 2] === CLOSE_BRACE && t.kind[at + 4] === BOUND;
    }
  }
  return false;
}
const METHODS = new Set(["system", "exec", "execute", "eval", "readfile", "popen", "spawn"].map(word));
const SECRETS = new Set(["password", "secret", "token", "passwd"].map(word));
const LOOKED_UP = new Set(["pipe", "file", "env", "url", "password", "ini"].map(word));

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
  if (opener === 0x40) return isRazorBlock(t, i + 2);
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

/** `@{ var p = new System.Diagnostics.Process(); … }`: a block of Razor that starts programs or reads files. */
function isRazorBlock(t: Tokens, from: number): boolean {
  for (let at = from; at < from + 48 && t.kind[at] !== BOUND; at++) {
    if (t.word[at] !== SYSTEM || t.kind[at + 1] !== DOT || !t.glued(at + 2)) continue;
    if (RAZOR_ROOMS.has(t.word[at + 2] as number) && t.kind[at + 3] === DOT) return true;
  }
  return false;
}
const RAZOR_ROOMS = new Set(["diagnostics", "io", "net", "reflection"].map(word));

function isRazorInjection(t: Tokens, i: number): boolean {
  const operator = t.kind[i + 3] as number;
  return t.kind[i + 1] === OPEN && t.glued(i + 1) && t.kind[i + 2] === NUMBER &&
    (operator === 0x2a || operator === 0x2b) &&
    t.kind[i + 4] === NUMBER && t.kind[i + 5] === CLOSE;
}

function isVelocity(t: Tokens, i: number): boolean {
  return t.word[i + 1] === SET && t.kind[i + 2] === OPEN && t.kind[i + 3] === DOLLAR && t.glued(i + 1);
}

/** `#evaluate("…")`, `#parse("…")`: directives of Velocity that take a text for a template. */
function isVelocityDirective(t: Tokens, i: number): boolean {
  return t.kind[i - 1] === HASH && t.glued(i) && t.kind[i + 1] === OPEN && t.glued(i + 1) &&
    (t.isQuote(i + 2) || t.kind[i + 2] === DOLLAR || t.kind[i + 2] === BOUND || t.kind[i + 2] === 0x5c);
}

/** `[=7*7]`, `[[7*7]]`, `[%7*7%]`: engines with square brackets. Called for the `*`, since arrays of arrays are many. */
function isSquareExpression(t: Tokens, i: number): boolean {
  if (t.kind[i - 1] !== NUMBER || (t.kind[i + 1] !== NUMBER && !t.isQuote(i + 1))) return false;
  const opener = t.kind[i - 2] as number;
  if (t.kind[i - 3] !== BRACKET || !t.glued(i - 2) || !t.glued(i - 1)) return false;
  if (opener === 0x3d) return t.kind[i + 2] === 0x5d;
  // Thymeleaf's [[7*7]], Template Toolkit's [%7*7%]
  const closer = opener === BRACKET ? 0x5d : opener;
  return (opener === BRACKET || opener === PERCENT) && t.kind[i + 2] === closer && t.kind[i + 3] === 0x5d;
}

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

const CALLED_FIRST = new Set(["alert", "prompt", "confirm", "eval", "fetch"].map(word));

/** Expressions of template engines. */
export const TEMPLATES = {
  braces: {
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
  expression: {
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
  razor: {
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
  velocity: {
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
  directive: {
    name: "template-directive",
    category: "script-injection",
    severity: "medium",
    catches: "#evaluate and #parse of Velocity, which take a text for a template",
    example: '#evaluate("$x")',
    nearMiss: '#evaluate later, parse("x") # parse (1)',
    at: [word("evaluate"), word("parse")],
    test: isVelocityDirective,
  },
  square: {
    name: "template-square",
    category: "script-injection",
    severity: "medium",
    catches: "[= ] of FreeMarker, [[ ]] of Thymeleaf and [% %] of Template Toolkit with constants to calculate",
    example: "[=7*7]",
    nearMiss: "[=7] and [=x*2] [[7,7]] [%7]",
    weak: true,
    at: ["*0", "*'", '*"'],
    test: isSquareExpression,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
