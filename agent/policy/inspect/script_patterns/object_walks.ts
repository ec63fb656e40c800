import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BOUND, type Tokens, WORD } from "../tokens.ts";

const DUNDER_CLASS = word("__class__"), FREEMARKER = word("freemarker"), JAVA = word("java"), LANG = word("lang");
const MEMBERACCESS = word("_memberaccess"), NEW = word("new"), OGNL = word("ognl"), PHPINFO = word("phpinfo");
const RUNTIME = word("runtime"), TEMPLATE = word("template"), T_WORD = word("t"), CLASSLOADER = word("classloader");
const MODULE = word("module"), PROCESS = word("process"), EXIT = word("exit"), GLOBAL = word("global");
const SELF = word("self"), GLOBALTHIS = word("globalthis");
const XALAN = word("xalan"), PROCESSBUILDER = word("processbuilder"), CLASS = word("class");
const SLASH = 0x2f, COLON = 0x3a, BRACE = 0x7b;
const OPEN = 0x28, CLOSE = 0x29, CLOSE_BRACE = 0x7d, DOT = 0x2e, HASH = 0x23, BRACKET = 0x5b, CLOSE_BRACKET = 0x5d;

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
      if (t.kind[i - 1] === DOT) return t.word[i - 2] === MODULE;
      // {"class":{"classLoader":{
      return t.kind[i - 1] === BOUND && t.kind[i - 2] === BRACE && t.kind[i - 3] === COLON && t.kind[i - 4] === BOUND &&
        (t.word[i - 5] === CLASS || t.word[i - 5] === MODULE) && t.kind[i + 1] === BOUND && t.kind[i + 2] === COLON;
    case OGNL:
      return t.kind[i - 1] === 0x40 && t.kind[i + 1] === DOT;
    case PROCESS:
      // global.process.env, process.exit()// as the whole value
      if (t.kind[i - 1] === DOT && (t.word[i - 2] === GLOBAL || t.word[i - 2] === GLOBALTHIS)) {
        return t.kind[i + 1] === DOT && t.kind[i + 2] === WORD;
      }
      return t.kind[i - 1] === BOUND && t.kind[i + 1] === DOT && t.word[i + 2] === EXIT && t.kind[i + 3] === OPEN &&
        t.kind[i + 4] === CLOSE && t.kind[i + 5] === 0x2f && t.kind[i + 6] === 0x2f;
    case PHPINFO:
      return t.kind[i + 1] === OPEN;
    case XALAN:
      // xmlns:rt="http://xml.apache.org/xalan/java/java.lang.Runtime"
      return t.kind[i - 1] === SLASH && t.kind[i + 1] === SLASH && t.word[i + 2] === JAVA;
    case JAVA:
      // {"class":"java.lang.Runtime"}, class="java.lang.ProcessBuilder": a value, and no line of a stack trace
      if (
        t.kind[i - 1] === BOUND && t.kind[i + 5] === BOUND && t.kind[i + 1] === DOT && t.word[i + 2] === LANG &&
        (t.word[i + 4] === RUNTIME || t.word[i + 4] === PROCESSBUILDER)
      ) return t.glued(i + 1) && t.glued(i + 2) && t.glued(i + 3) && t.glued(i + 4);
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
      // {user.__class__}, as str.format() would read it
      if (t.kind[i + 1] === CLOSE_BRACE) return t.kind[i - 3] === 0x7b && t.word[i - 2] !== SELF && t.glued(i - 2);
      return t.kind[i + 1] === DOT && WALKS.has(t.word[i + 2] as number);
  }
  // __globals__, __subclasses__() and so on
  return t.kind[i - 1] === DOT || t.kind[i - 2] === BRACKET;
}

const WALKS = new Set(["__mro__", "__base__", "__bases__", "__subclasses__", "mro", "__init__"].map(word));

/** Object models by which templates are left. */
export const OBJECT_WALKS = {
  names: {
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
      "process",
      "xalan",
    ].map(word),
    test: isObjectWalk,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
