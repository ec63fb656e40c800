import { CONNECTIVE, SQL_FUNCTION, word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import {
  beginsLine,
  breakoutBefore,
  closesValue,
  comparisonEnd,
  isBreaking,
  isComment,
  isConstant,
  isOpen,
  isProseComparison,
  isSqlCall,
  isTerminator,
  operandEnd,
} from "../sql_grammar.ts";
import { BOUND, LINE, NUMBER, type Tokens, WORD } from "../tokens.ts";
import { COMPARED_WORDS, conditionStart } from "./connective.ts";

const NULL = word("null"), SELECT = word("select"), EXISTS = word("exists"), CASE = word("case");
const BETWEEN = word("between"),
  AND = word("and"),
  TRUE = word("true"),
  NOT = word("not"),
  DIV = word("div"),
  MOD = word("mod");
const OPEN = 0x28, CLOSE = 0x29, EQUALS = 0x3d, PIPE = 0x7c, AMPERSAND = 0x26, SLASH = 0x2f;

/** `or 1=1`: two constants compared. Telemetry compares a name with a constant. */
function isTautology(t: Tokens, i: number): boolean {
  const from = conditionStart(t, i);
  if (from < 0) return false;
  const left = operandEnd(t, from);
  if (left < 0 || !isConstant) return false;
  const right = comparisonEnd(t, left);
  if (right < 0) return false;
  const isProse = isProseComparison();
  const end = operandEnd(t, right);
  if (isEqualNumberInTopic(t, from, left, right)) return true;
  if (end < 0 || !isConstant) return false;
  const breaksOut = breakoutBefore(t, i) >= 0;
  if (isProse) {
    // 1 or 1 between 0 and 2
    if (t.word[right - 1] === BETWEEN && t.kind[right] === NUMBER && t.word[right + 1] === AND && isValueBefore(t, i)) {
      return t.kind[right + 2] === NUMBER && isTerminator(t, right + 3);
    }
    return breaksOut || (isComment(t, end) && !isOpen) ||
      (t.word[end - 1] === NULL && t.kind[end] === BOUND && isValueBefore(t, i));
  }
  if (isOpen || breaksOut || isComment(t, end)) return true;
  if (isEqualPair(t, left - 1, right)) return endsCondition(t, end);
  const isBehindValue = t.kind[i - 1] === BOUND || (t.isQuote(i - 1) && isBreaking(t, i - 1)) || isValueBefore(t, i);
  return isBehindValue && (isTerminator(t, end) || ((t.bits[end] as number) & CONNECTIVE) !== 0);
}

/** `7 or 1=1/config`: the condition is one level of a topic. */
function isEqualNumberInTopic(t: Tokens, from: number, left: number, right: number): boolean {
  return left === from + 1 && t.kind[from] === NUMBER && t.kind[right] === NUMBER && t.same(from, right) &&
    t.kind[right + 1] === SLASH && t.glued(right + 1) && t.kind[right + 2] === WORD && t.glued(right + 2);
}

/** What may follow a condition stands at `i`: the end, the next condition or clause, a bracket, a quote. */
function endsCondition(t: Tokens, i: number): boolean {
  if (isTerminator(t, i) || t.kind[i] === CLOSE || t.isQuote(i) || ((t.bits[i] as number) & CONNECTIVE) !== 0) {
    return true;
  }
  const kind = t.kind[i] as number;
  // The next cell of a table, the next element, field or line.
  if (kind === 0x2c || kind === 0x3c || kind === 0x7d || kind === 0x5d || ((t.flags[i] as number) & LINE) !== 0) {
    return true;
  }
  return kind === PIPE || kind === AMPERSAND || CLAUSES.has(t.word[i] as number);
}
const CLAUSES = new Set(["limit", "order", "group", "union", "into", "then", "procedure", "offset"].map(word));

/** One value, with nothing but a bound, `=` or an opening bracket before it, stands before `i`. */
function isValueBefore(t: Tokens, i: number): boolean {
  let at = i - 1;
  while (t.kind[at] === CLOSE && at > i - 6) at--;
  if (t.kind[at] !== NUMBER) return false;
  if (t.kind[at - 1] === 0x2d) at--;
  const before = t.kind[at - 1] as number;
  return before === BOUND || before === EQUALS || before === OPEN || t.isQuote(at - 1);
}

/** The operands of a comparison whose left one ends at `left` and whose right one begins at `right` are the same. */
function isEqualPair(t: Tokens, left: number, right: number): boolean {
  let last = left;
  while (t.kind[last] === CLOSE) last--;
  let first = right;
  while (t.kind[first] === OPEN) first++;
  if (t.isQuote(last) && t.isQuote(first)) return t.same(last - 1, first + 1);
  return t.same(last, first);
}

/** `' or password like '%a`: a condition behind a quote that closes a string it has not opened. */
function isQuotedCondition(t: Tokens, i: number): boolean {
  const from = conditionStart(t, i);
  if (from < 0) return false;
  const quote = breakoutBefore(t, i);
  if (quote < 0) return false;
  // 'and', and nothing else
  if (t.kind[quote - 1] === BOUND && t.kind[from] === t.kind[quote] && t.glued(from) && t.kind[from + 1] === BOUND) {
    return false;
  }
  if (t.word[from] === EXISTS || t.word[from] === CASE || (t.kind[from] === OPEN && t.word[from + 1] === SELECT)) {
    return true;
  }
  if (t.kind[from] === WORD && t.kind[from + 1] === OPEN && ((t.bits[from] as number) & SQL_FUNCTION) !== 0) {
    return true;
  }
  const left = operandEnd(t, from);
  if (left < 0) return false;
  if (isSqlCall) return true;
  // ' or json_valid('{}')--: whatever function it is
  if (t.kind[from] === WORD && t.kind[from + 1] === OPEN && t.kind[left - 1] === CLOSE && isComment(t, left)) {
    return true;
  }
  const isValue = isConstant;
  if (isValue && (isComment(t, left) || (isTerminator(t, left) && closesValue(t, quote)))) return true;
  if (isValue && CLAUSES.has(t.word[left] as number)) return true;
  // ' || true//, as MongoDB's $where has it
  if (isValue && t.kind[left] === 0x2f && t.kind[left + 1] === 0x2f && t.kind[left + 2] === BOUND) return true;
  // 'or 1 or', '||true||'
  if (isValue && closesValue(t, quote)) {
    const behind = ((t.bits[left] as number) & CONNECTIVE) !== 0 ? left + 1 : conditionStart(t, left);
    const isJoined = behind > left + 1 ? t.kind[left] === PIPE || t.kind[left] === AMPERSAND : behind === left + 1;
    if (isJoined && t.kind[left] !== BOUND && t.isQuote(behind) && t.kind[behind + 1] === BOUND) return true;
  }
  const right = comparisonEnd(t, left);
  if (right < 0) return false;
  const isProse = isProseComparison();
  const end = operandEnd(t, right);
  if (end < 0) return false;
  if (isComment(t, end) || isOpen) return true;
  // x" or r.kind != "") //, as Flux and JavaScript have it
  if (t.kind[end] === SLASH && t.kind[end + 1] === SLASH && t.kind[end + 2] === BOUND) return true;
  if (isProse) {
    const goesOn = t.word[end - 1] === NULL && ((t.bits[end] as number) & CONNECTIVE) !== 0;
    return isConstant && t.word[end - 1] !== 0 && (isTerminator(t, end) || goesOn);
  }
  // A double quote may be one of a language or of JSON: there, only what cuts the statement off counts.
  return t.kind[quote] === 0x27 && closesValue(t, quote);
}

/** A condition without a quote before it: `1 or id=id--`, `or true #`. */
function isCutCondition(t: Tokens, i: number): boolean {
  const from = conditionStart(t, i);
  if (from < 0) return false;
  const before = t.kind[i - 1] as number;
  if (before !== NUMBER && before !== BOUND && before !== CLOSE) return false;
  let end = operandEnd(t, from);
  if (end < 0) return false;
  if (t.kind[end] === BOUND && isTruth(t, from, end) && (isValueBefore(t, i) || isQuotientBefore(t, i))) return true;
  // 1 or(1)or(2), 1 or!!1: no sentence glues them
  const opener = t.kind[from] as number;
  if (
    isConstant && t.glued(from) && (opener === OPEN || opener === 0x7e || opener === 0x21) && isValueBefore(t, i) &&
    (isTerminator(t, end) || ((t.bits[end] as number) & CONNECTIVE) !== 0)
  ) return true;
  if (!isConstant) {
    const isCall = isSqlCall;
    const right = comparisonEnd(t, end);
    if (right < 0) return false;
    end = operandEnd(t, right);
    if (end < 0) return false;
    if (isCall && (isConstant || isSqlCall) && isValueBefore(t, i) && isTerminator(t, end)) return true;
  }
  if (!isComment(t, end) || t.kind[end] === 0x2f) return false;
  // `--` as a dash and `#3` as a number are prose: a comment ends the text, or stands right behind.
  const behind = t.kind[end] === 0x23 ? end + 1 : end + 2;
  return t.kind[behind] === BOUND || t.glued(end);
}

/** `true` or `not 0`, and nothing more, from `from` to `end`. */
function isTruth(t: Tokens, from: number, end: number): boolean {
  if (t.word[from] === TRUE) return end === from + 1;
  return t.word[from] === NOT && t.kind[from + 1] === NUMBER && end === from + 2;
}

/** `7 DIV 1`, and nothing before it, stands before `i`. */
function isQuotientBefore(t: Tokens, i: number): boolean {
  return t.kind[i - 1] === NUMBER && (t.word[i - 2] === DIV || t.word[i - 2] === MOD) && t.kind[i - 3] === NUMBER &&
    t.kind[i - 4] === BOUND;
}

function isDangling(t: Tokens, i: number): boolean {
  return breakoutBefore(t, i) >= 0 && !beginsLine(t, i) && t.kind[conditionStart(t, i)] === BOUND;
}

/** Conditions that make a statement true, false or end early. */
export const CONDITIONS = {
  tautology: {
    name: "sql-tautology",
    category: "sqli",
    severity: "high",
    catches: "Two constants compared behind OR, AND, HAVING, WHERE: true or false whatever the data says",
    example: "x or 'a'='a",
    nearMiss: "temperature > 30 or humidity = 50",
    at: [...COMPARED_WORDS, "||", "&&"],
    test: isTautology,
  },
  quoted: {
    name: "sql-quote-condition",
    category: "sqli",
    severity: "high",
    catches: "A condition behind a quote that closes a string which this text has not opened",
    example: "x' or password like 'a",
    nearMiss: "if mode == 'auto' or level == 'high'",
    at: [...COMPARED_WORDS, "||", "&&"],
    test: isQuotedCondition,
  },
  cut: {
    name: "sql-cut-condition",
    category: "sqli",
    severity: "medium",
    catches: "A condition behind a number, with the rest of the statement commented away",
    example: "1 or id=id--",
    nearMiss: "set 1 or 2 -- whichever is free",
    weak: true,
    at: [...COMPARED_WORDS, "||", "&&"],
    test: isCutCondition,
  },
  dangling: {
    name: "sql-dangling-condition",
    category: "sqli",
    severity: "low",
    catches: "A connective behind a quote that breaks out, at the end of the text",
    example: "x' or",
    nearMiss: "either this or",
    weak: true,
    at: [...COMPARED_WORDS],
    test: isDangling,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
