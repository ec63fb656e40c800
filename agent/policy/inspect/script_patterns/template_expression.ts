import { word } from "../keywords.ts";
import { BOUND, NUMBER, type Tokens, WORD } from "../tokens.ts";

const PRINT = word("print"), CONSTRUCTOR = word("constructor"), FROMCHARCODE = word("fromcharcode");
const GREATER = 0x3e, EQUALS = 0x3d, OPEN = 0x28, CLOSE = 0x29, BRACE = 0x7b, CLOSE_BRACE = 0x7d, DOT = 0x2e;
const PERCENT = 0x25, HASH = 0x23, BACKTICK = 0x60, BRACKET = 0x5b, CLOSE_BRACKET = 0x5d;

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
/** What {@link readExpression} read last. */
export const expression: Expression = { constant: false, escapes: false, head: 0, headAt: 0 };

/** Reads the expression at `from`, which ends at the first closing brace (or `%>`); the result is reused. */
export function readExpression(t: Tokens, from: number): Expression {
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
      (t.kind[i + 1] === DOT && (t.word[i + 2] === CONSTRUCTOR || t.word[i + 2] === FROMCHARCODE)) || t.isQuote(i + 1);
  }
  if (!ESCAPES_CALLED.has(number)) return false;
  return (t.kind[i + 1] === OPEN && t.glued(i + 1)) || (t.kind[i + 1] === BACKTICK);
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

const EXECUTORS = new Set(["system", "exec", "passthru", "shell_exec", "popen", "eval", "assert"].map(word));
