import { COMPARES, CONNECTIVE, CONSTANT, EVERYDAY, SQL_FUNCTION, word } from "./keywords.ts";
import { BOUND, BREAKING, CAPS, LINE, NUMBER, type Tokens, WORD } from "./tokens.ts";

/** Pieces of SQL's grammar, as far as it takes to tell an expression from prose. All of them look at few tokens. */

const NOT = word("not"), SELECT = word("select"), FROM = word("from"), AS = word("as"), ALL = word("all");
const DISTINCT = word("distinct"), DISTINCTROW = word("distinctrow"), TOP = word("top"), INTO = word("into");
const NULL = word("null"), CASE = word("case"), BETWEEN = word("between"), IN = word("in"), IS = word("is");
const SOUNDS = word("sounds"), LIKE = word("like"), SIMILAR = word("similar"), TO = word("to"), WHERE = word("where");
const EXISTS = word("exists"), DIV = word("div"), MOD = word("mod");
const LIMIT = word("limit"), ORDER = word("order"), GROUP = word("group"), BY = word("by");
const CONTINUES = new Set(
  ["where", "join", "inner", "order", "group", "limit", "union", "having", "on", "into", "offset"].map(word),
);

/** Functions that are called without parentheses. */
const NILADIC = new Set(["current_user", "session_user", "system_user"].map(word));

/** What the last call of {@link operandEnd} found: a constant; a call of a function of SQL; one quote that never closes. */
export let isConstant = false;
export let isSqlCall = false;
export let isOpen = false;

const OPEN_PAREN = 0x28, CLOSE_PAREN = 0x29, QUOTE = 0x27, DOUBLE = 0x22, MINUS = 0x2d, EQUALS = 0x3d, AT = 0x40;

/** Behind any number of opening parentheses and signs, as `((-+!~@not`. */
function skipPrefix(t: Tokens, from: number): number {
  let i = from;
  for (const stop = from + 10; i < stop; i++) {
    const kind = t.kind[i] as number;
    const isSign = kind === OPEN_PAREN || kind === MINUS || kind === 0x2b || kind === 0x21 || kind === 0x7e;
    if (!isSign && t.word[i] !== NOT) break;
    // `--` is a comment.
    if (kind === MINUS && t.kind[i + 1] === MINUS && t.glued(i + 1)) break;
  }
  return i;
}

/** The word at `i` is none that SQL or a pattern of it knows. */
export function isProse(t: Tokens, i: number): boolean {
  return t.word[i] === 0 || t.bits[i] === EVERYDAY;
}

/** As far as arithmetic is followed. */
const MAX_CHAIN = 16;

/** Behind the operand that begins at `from`, arithmetic (`2+3-4`) and closing parentheses included; -1 if none does. */
export function operandEnd(t: Tokens, from: number): number {
  let end = plainOperandEnd(t, from);
  while (end > 0 && end < from + MAX_CHAIN && isArithmetic(t, end)) {
    const constant = isConstant;
    const call = isSqlCall;
    const next = plainOperandEnd(t, end + 1);
    if (next < 0) {
      isConstant = constant;
      isSqlCall = call;
      return end;
    }
    isConstant &&= constant;
    isSqlCall ||= call;
    end = next;
  }
  return end;
}

/** An operator between two numbers stands at `i`; `||` and `&&` join conditions instead, `--` and `/*` are comments. */
function isArithmetic(t: Tokens, i: number): boolean {
  const kind = t.kind[i] as number;
  if (kind === WORD) return t.word[i] === DIV || t.word[i] === MOD;
  const isSign = kind === 0x2b || kind === MINUS || kind === 0x2a || kind === 0x2f || kind === 0x25 || kind === 0x7c ||
    kind === 0x26 || kind === 0x5e;
  // `x=1&y=2` are the fields of a form.
  if ((kind === 0x26 || kind === 0x7c) && t.kind[i + 1] !== NUMBER) return false;
  return isSign && t.kind[i + 1] !== kind && !isComment(t, i);
}

function plainOperandEnd(t: Tokens, from: number): number {
  isConstant = isSqlCall = isOpen = false;
  let i = skipPrefix(t, from);
  const kind = t.kind[i] as number;
  if (kind === NUMBER) {
    isConstant = true;
    i++;
    // `5px`, `2nd`: no number of SQL.
    if (t.kind[i] === WORD && t.glued(i) && isProse(t, i)) isConstant = false;
  } else if (kind === QUOTE || kind === DOUBLE) {
    i = stringEnd(t, i);
    if (i < 0) return -1;
    isConstant = true;
  } else if (kind === AT) {
    while (t.kind[i] === AT) i++;
    if (t.kind[i] !== WORD) return -1;
    isConstant = true;
    isSqlCall = t.kind[i - 2] === AT;
    i++;
  } else if (kind === 0x60 || kind === 0x5b) {
    if (t.kind[i + 1] !== WORD) return -1;
    i += 3;
  } else if (kind === WORD) {
    const bits = t.bits[i] as number;
    if ((bits & CONNECTIVE) !== 0) return -1;
    if ((bits & CONSTANT) !== 0) isConstant = true;
    const callee = bits;
    i++;
    for (let parts = 0; parts < 4 && t.kind[i] === 0x2e && t.kind[i + 1] === WORD; parts++) i += 2;
    if (t.kind[i] === OPEN_PAREN) {
      isSqlCall = (callee & SQL_FUNCTION) !== 0;
      isConstant = false;
      i = parenthesisEnd(t, i);
      if (i < 0) return -1;
    }
  } else return -1;
  while (t.kind[i] === CLOSE_PAREN && i < from + 48) i++;
  // PostgreSQL's cast: '…'::jsonb
  if (t.kind[i] === 0x3a && t.kind[i + 1] === 0x3a && t.kind[i + 2] === WORD && t.glued(i + 1)) i += 3;
  t.looks += i - from;
  return i;
}

/** Behind the string that begins at quote `from`: it closes within 12 tokens of its line, or the text ends in it. */
function stringEnd(t: Tokens, from: number): number {
  const quote = t.kind[from] as number;
  for (let i = from + 1; i < from + 14; i++) {
    const kind = t.kind[i] as number;
    if (kind === quote) return i + 1;
    if (kind === BOUND) {
      isOpen = true;
      return i;
    }
  }
  return -1;
}

/** Behind the parenthesis that opens at `from`, if it closes within 28 tokens. */
function parenthesisEnd(t: Tokens, from: number): number {
  let depth = 0;
  for (let i = from; i < from + 30; i++) {
    const kind = t.kind[i] as number;
    if (kind === OPEN_PAREN) depth++;
    else if (kind === CLOSE_PAREN && --depth === 0) return i + 1;
    else if (kind === BOUND) return -1;
  }
  return -1;
}

/** What the last comparison was. */
export let comparisonWord = 0;

/** Behind the comparison that stands at `from`; -1 if none does. */
export function comparisonEnd(t: Tokens, from: number): number {
  comparisonWord = 0;
  let i = from;
  const kind = t.kind[i] as number;
  // Contains: @>, <@
  if (kind === AT) return t.kind[i + 1] === 0x3e && t.glued(i + 1) ? i + 2 : -1;
  if (kind === 0x3c && t.kind[i + 1] === AT && t.glued(i + 1)) return i + 2;
  if (kind === EQUALS || kind === 0x3c || kind === 0x3e || kind === 0x21 || kind === 0x5e) {
    let length = 1;
    while (length < 3 && t.glued(i + length) && isComparisonSign(t.kind[i + length] as number)) length++;
    if (kind === 0x21 && length === 1) return -1;
    return i + length;
  }
  // PostgreSQL's match; MySQL's assignment.
  if (kind === 0x7e) return t.kind[i + 1] === 0x2a ? i + 2 : i + 1;
  if (kind === 0x3a) return t.kind[i + 1] === EQUALS && t.glued(i + 1) ? i + 2 : -1;
  if (kind !== WORD) return -1;
  if (t.word[i] === NOT) i++;
  if (((t.bits[i] as number) & COMPARES) === 0) return -1;
  comparisonWord = t.word[i] as number;
  if (comparisonWord === SOUNDS && t.word[i + 1] === LIKE) i++;
  if (comparisonWord === SIMILAR && t.word[i + 1] === TO) i++;
  if (comparisonWord === IN && t.kind[i + 1] !== OPEN_PAREN) return -1;
  if (comparisonWord === IS && t.word[i + 1] === NOT) i++;
  return i + 1;
}

function isComparisonSign(kind: number): boolean {
  return kind === EQUALS || kind === 0x3c || kind === 0x3e;
}

/** `is` and `between` are words of prose: they compare only what SQL would. */
export function isProseComparison(): boolean {
  return comparisonWord === IS || comparisonWord === BETWEEN;
}

/** `--`, `#`, a comment, `;` or the end stands at `i`: what an injected condition is cut off with. */
export function isTerminator(t: Tokens, i: number): boolean {
  return t.kind[i] === BOUND || t.kind[i] === 0x3b || isComment(t, i);
}

/** `--`, `#`, `/*` or `;%00` stands at `i`. */
export function isComment(t: Tokens, i: number): boolean {
  const kind = t.kind[i] as number;
  if (kind === MINUS) return t.kind[i + 1] === MINUS && t.glued(i + 1);
  if (kind === 0x2f) return t.kind[i + 1] === 0x2a && t.glued(i + 1);
  return kind === 0x23;
}

/**
 * Where the quote that breaks out of a string before `i` stands, closing parentheses between them not counting; -1 if
 * there is none.
 */
export function breakoutBefore(t: Tokens, i: number): number {
  let before = i - 1;
  while (t.kind[before] === CLOSE_PAREN && before > i - 8) before--;
  return t.isQuote(before) && isBreaking(t, before) ? before : -1;
}

/** The quote closes what a statement has opened, rather than opening a string of this text. */
export function isBreaking(t: Tokens, i: number): boolean {
  return ((t.flags[i] as number) & BREAKING) !== 0;
}

/** The quote at `i` stands right behind a value, or begins the text, as one does that closes a string of a statement. */
export function closesValue(t: Tokens, i: number): boolean {
  const before = t.kind[i - 1] as number;
  if (before === BOUND) return true;
  if (t.kind[i - 2] === 0x25 && t.glued(i - 1)) return false;
  return t.glued(i) &&
    (before === WORD || before === NUMBER || before === CLOSE_PAREN || before === 0x25 || before === 0x5c ||
      t.isQuote(i - 1));
}

/** What stands at `i` begins the list of a SELECT, rather than the next word of a sentence. */
export function beginsSelectList(t: Tokens, from: number): boolean {
  let i = skipPrefix(t, from);
  const first = t.word[i] as number;
  if (first === ALL || first === DISTINCT || first === DISTINCTROW) i = skipPrefix(t, i + 1);
  if (t.word[i] === TOP && t.kind[i + 1] === NUMBER) return true;
  const kind = t.kind[i] as number;
  if (kind === NUMBER) return !(t.kind[i + 1] === WORD && isProse(t, i + 1) && t.spaced(i + 1));
  if (
    kind === 0x2a || kind === AT || kind === QUOTE || kind === DOUBLE || kind === 0x7b || kind === 0x24 ||
    kind === 0x60 || kind === 0x5b
  ) return true;
  if (kind !== WORD) return false;
  const at = t.word[i] as number;
  if (at === NULL || at === CASE || at === SELECT) return true;
  if (t.kind[i + 1] === 0x2e && t.kind[i + 2] === WORD) i += 2;
  const next = t.kind[i + 1] as number;
  if (next === OPEN_PAREN) return ((t.bits[i] as number) & SQL_FUNCTION) !== 0 || t.glued(i + 1);
  if (next === 0x2c || next === 0x2b || next === 0x7c || next === CLOSE_PAREN || isTerminator(t, i + 1)) return true;
  const follows = t.word[i + 1] as number;
  return follows === FROM || follows === AS || follows === INTO;
}

/** What a SELECT at `i` looks like. */
export interface SelectShape {
  /** It has FROM and a table behind a list. */
  whole: boolean;
  /** Its list has what no sentence has: `*`, a call, a constant, an operator. */
  technical: boolean;
  /** It goes on with WHERE and a comparison, a comma, `;` or a comment; or ends. */
  closed: boolean;
  /** It goes on with a clause: WHERE and a comparison, LIMIT and a number, ORDER BY, GROUP BY. */
  clause: boolean;
}
const shape: SelectShape = { whole: false, technical: false, closed: false, clause: false };

/** Reads the SELECT at `i`. The result is reused. */
export function selectShape(t: Tokens, i: number): SelectShape {
  shape.whole =
    shape.technical =
    shape.closed =
    shape.clause =
      false;
  // select(a)from(b)
  if (t.kind[i + 1] === OPEN_PAREN && t.glued(i + 1)) shape.technical = true;
  if (NILADIC.has(t.word[i + 1] as number)) shape.technical = true;
  let at = i + 1;
  let parts = 0;
  for (const stop = i + 32; at < stop; at++) {
    const kind = t.kind[at] as number;
    if (kind === WORD) {
      if (t.word[at] === FROM) break;
      // Two names without a comma are prose, unless the second renames the first.
      const isName = t.kind[at - 1] === WORD && t.spaced(at) && parts > 0;
      if (isName && t.word[at] !== AS && t.word[at - 1] !== AS && !isListWord(t.word[at - 1] as number)) return shape;
      if (((t.bits[at] as number) & SQL_FUNCTION) !== 0 && t.kind[at + 1] === OPEN_PAREN) shape.technical = true;
      parts++;
    } else if (kind === 0x2a || kind === AT || kind === 0x7c || kind === QUOTE) shape.technical = true;
    else if (kind === BOUND || kind === 0x3b) {
      shape.closed = true;
      return shape;
    } else if (
      kind !== NUMBER && kind !== 0x2c && kind !== 0x2e && kind !== OPEN_PAREN && kind !== CLOSE_PAREN &&
      kind !== DOUBLE && kind !== 0x60 && kind !== 0x2b && kind !== MINUS && kind !== 0x2f && kind !== 0x5b &&
      kind !== 0x5d && kind !== EQUALS && kind !== 0x25
    ) return shape;
  }
  t.looks += at - i;
  if (t.word[at] !== FROM || at === i + 1) return shape;
  at++;
  for (const stop = at + 4; at < stop && t.kind[at] === OPEN_PAREN;) at++;
  if (t.word[at] === SELECT) {
    shape.whole = shape.technical = true;
    return shape;
  }
  at = nameEnd(t, at);
  if (at < 0) return shape;
  shape.whole = true;
  if (t.kind[at] === CLOSE_PAREN && t.kind[at + 1] === WORD && t.glued(at + 1)) at++;
  if (t.word[at] === AS) at += 2;
  const follows = t.word[at] as number;
  if (isTerminator(t, at) || t.kind[at] === CLOSE_PAREN || (t.kind[at] === 0x2c && shape.technical) || t.isQuote(at)) {
    shape.closed = true;
  } else if (follows === LIMIT) shape.clause = t.kind[at + 1] === NUMBER;
  else if (follows === ORDER || follows === GROUP) shape.clause = t.word[at + 1] === BY;
  else if (follows === WHERE) shape.clause = isCondition(t, at + 1);
  else if (CONTINUES.has(follows)) shape.closed = shape.technical;
  else if (t.kind[at] === WORD && t.kind[at + 1] === BOUND) shape.closed = shape.technical;
  if (shape.clause) shape.closed = true;
  return shape;
}

function isListWord(number: number): boolean {
  return number === ALL || number === DISTINCT || number === TOP || number === SELECT;
}

/** A comparison of two operands begins at `i`. */
export function isCondition(t: Tokens, i: number): boolean {
  if (t.word[i] === EXISTS) return true;
  const left = operandEnd(t, i);
  if (left < 0) return false;
  const right = comparisonEnd(t, left);
  return right >= 0 && operandEnd(t, right) >= 0;
}

/** Behind the name of a table at `i`: `users`, `db.users`, `"users"`, `[users]`; -1 if there is none. */
export function nameEnd(t: Tokens, i: number): number {
  let at = i;
  for (let parts = 0; parts < 4; parts++) {
    const kind = t.kind[at] as number;
    if (kind === WORD || kind === NUMBER || kind === 0x2a) {
      if (kind === NUMBER && parts === 0) return -1;
      at++;
      while (
        (t.kind[at] === MINUS || t.kind[at] === WORD || t.kind[at] === NUMBER) && t.glued(at) && !isComment(t, at)
      ) at++;
    } else if (kind === 0x60 || kind === DOUBLE || kind === QUOTE || kind === 0x5b) {
      let stop = at + 1;
      while (stop < at + 6 && t.kind[stop] !== BOUND && (t.kind[stop] === WORD || t.kind[stop] === NUMBER)) stop++;
      if (stop === at + 1 || stop >= at + 6) return -1;
      at = stop + 1;
    } else return -1;
    if (t.kind[at] !== 0x2e || !t.glued(at)) break;
    at++;
  }
  return at;
}

/** Token `i` is a word in capitals of more than one letter. */
export function isShouted(t: Tokens, i: number): boolean {
  return ((t.flags[i] as number) & CAPS) !== 0;
}

/** Token `i` begins a line or a text. */
export function beginsLine(t: Tokens, i: number): boolean {
  return t.kind[i - 1] === BOUND || ((t.flags[i] as number) & LINE) !== 0;
}
