import { COMPARES, CONNECTIVE, SQL_FUNCTION, word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { closesValue, comparisonEnd, isBreaking, isComment, isConstant, isOpen, operandEnd } from "../sql_grammar.ts";
import { BOUND, NUMBER, type Tokens, WORD } from "../tokens.ts";
import { isSqlWord } from "./statement_grammar.ts";

const UTL_INADDR = word("utl_inaddr"), RETURN = word("return"), DBMS_PIPE = word("dbms_pipe"), OR = word("or");
const THIS = word("this"), WHILE = word("while"), UNION = word("union"), UNIONSELECT = word("unionselect");
const SELECT = word("select"), ALL = word("all"), AND = word("and"), INTO = word("into"), FROM = word("from");
const WHERE = word("where"), CASE = word("case"), ORDER = word("order"), BY = word("by"), SLEEP = word("sleep");
const OPEN = 0x28, CLOSE = 0x29, SEMICOLON = 0x3b, EQUALS = 0x3d, PIPE = 0x7c, AMPERSAND = 0x26, CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;

/** `admin'--`: the rest of the statement is commented away. */
function isQuoteThenComment(t: Tokens, i: number): boolean {
  if (!isBreaking(t, i) || !closesValue(t, i)) return false;
  let at = i + 1;
  for (const stop = at + 6; t.kind[at] === CLOSE && at < stop;) at++;
  if (t.kind[at] === SEMICOLON) at++;
  if (!isComment(t, at)) return false;
  const kind = t.kind[at] as number;
  const isBare = t.kind[i - 1] === BOUND;
  if (kind === 0x23) {
    // `'#fff'` opens a string; `admin'#` ends one.
    return t.kind[at + 1] === BOUND && t.glued(at) || (t.kind[at + 1] === BOUND && !isBare);
  }
  const behind = at + 2;
  if (kind === 0x2f) return t.kind[behind] === BOUND || t.kind[behind + 1] === BOUND;
  const isShort = t.kind[behind] === BOUND || t.kind[behind + 1] === BOUND || t.kind[behind] === 0x2d ||
    t.kind[behind] === 0x2b;
  if (isBare) return isShort && (t.spaced(behind) || t.kind[behind] === BOUND);
  return isShort || (t.glued(at) && (t.spaced(behind) || t.kind[i - 1] !== WORD));
}

/** `'||(select …)||'`, `'+convert(…)+'`, `x'='x`: an operator behind the quote that breaks out. */
function isQuoteThenOperator(t: Tokens, i: number): boolean {
  if (!isBreaking(t, i) || !closesValue(t, i)) return false;
  const kind = t.kind[i + 1] as number;
  let at = i + 2;
  if (kind === PIPE || kind === AMPERSAND) {
    if (t.kind[at] !== kind) {
      // '|1#
      if (t.kind[at] === NUMBER && t.kind[at + 1] === 0x23 && t.kind[at + 2] === BOUND) return true;
      // ' | 1 = 1 #
      const right = comparisonEnd(t, operandEnd(t, at));
      return isConstant && right > 0 && operandEnd(t, right) > 0 && isConstant && isComment(t, operandEnd(t, right));
    }
    at++;
  } else if (kind === SEMICOLON) {
    // MongoDB's $where is JavaScript.
    if (t.word[at] === RETURN) return t.kind[at + 1] === WORD || t.isQuote(at + 1);
    return (t.word[at] === SLEEP || t.word[at] === WHILE) && t.kind[at + 1] === OPEN;
  } else if (kind === CLOSE) {
    return isNextRow(t, at);
  } else if (kind === CLOSE_BRACKET) {
    // XPath: '] | //* | //*['
    return t.kind[at] === PIPE && t.kind[at + 1] === 0x2f && t.kind[at + 2] === 0x2f;
  } else if (kind === WORD && ((t.bits[i + 1] as number) & COMPARES) !== 0) {
    // ' like '%
    const right = comparisonEnd(t, i + 1);
    const end = right < 0 ? -1 : operandEnd(t, right);
    // ' rlike '.*' or '
    const isJoined = end > 0 && ((t.bits[end] as number) & CONNECTIVE) !== 0 && t.isQuote(end + 1) &&
      t.kind[end + 2] === BOUND;
    if (isJoined && isConstant) return true;
    return end > 0 && (isComment(t, end) || (isOpen && isConstant && t.isQuote(right)));
  } else if (kind === EQUALS) {
    if (t.kind[at] === t.kind[i] && t.glued(at)) {
      // x'='x and '=''or'; `'='` alone is an ordinary character.
      if ((t.kind[i - 1] === WORD || t.kind[i - 1] === NUMBER) && t.glued(i + 1)) return t.kind[at + 1] !== BOUND;
      return t.isQuote(at + 1) && ((t.bits[at + 2] as number) & CONNECTIVE) !== 0;
    }
    return t.kind[at] === NUMBER && isComment(t, at + 1);
  } else if (kind !== 0x2b && kind !== 0x2d && kind !== 0x2a && kind !== 0x2f && kind !== 0x5e && kind !== 0x25) {
    return false;
  }
  if (t.kind[at] === OPEN) return t.word[at + 1] === SELECT || t.word[at + 1] === CASE;
  if (t.kind[at] !== WORD) return false;
  if (t.word[at] === THIS) return t.kind[at + 1] === 0x2e;
  return t.kind[at + 1] === OPEN
    ? ((t.bits[at] as number) & SQL_FUNCTION) !== 0
    : t.word[at] === UTL_INADDR || t.word[at] === DBMS_PIPE;
}

/** `, ('forged', 1); --` behind the parenthesis of an INSERT: one more row of it, and the rest commented away. */
function isNextRow(t: Tokens, i: number): boolean {
  if (t.kind[i] !== COMMA || t.kind[i + 1] !== OPEN) return false;
  for (let at = i + 2; at < i + 26 && t.kind[at] !== BOUND; at++) {
    if (t.kind[at] !== CLOSE) continue;
    if (isComment(t, t.kind[at + 1] === SEMICOLON ? at + 2 : at + 1)) return true;
  }
  return false;
}

function isVersionedComment(t: Tokens, i: number): boolean {
  // /*!50000UNION*/, /*!UNION*/
  if (t.kind[i + 1] !== 0x2a || !t.glued(i + 1) || t.kind[i + 2] !== 0x21 || !t.glued(i + 2)) return false;
  const at = t.kind[i + 3] === NUMBER ? i + 4 : i + 3;
  const number = t.word[at] as number;
  return (number === UNION || number === SELECT || number === FROM || number === WHERE || number === ORDER ||
    number === INTO ||
    number === ALL || number === AND || number === OR || number === UNIONSELECT || number === BY || isSqlWord(t, at) ||
    (t.kind[i + 3] === NUMBER && t.glued(at) && t.kind[at] === WORD));
}

/** A quote or a comment that changes where a string or a statement ends. */
export const BREAKOUTS = {
  comment: {
    name: "sql-quote-comment",
    category: "sqli",
    severity: "medium",
    catches: "A quote that closes a value, and a comment that removes the rest of the statement",
    example: "admin'--",
    nearMiss: "use '--force' to overwrite",
    weak: true,
    at: ["'", '"', "`"],
    test: isQuoteThenComment,
  },
  operator: {
    name: "sql-quote-operator",
    category: "sqli",
    severity: "medium",
    catches: "An operator with a call, a SELECT or a comparison behind a quote that breaks out",
    example: "x'||utl_inaddr.get_host_address('a')||'",
    nearMiss: "line.split('=') + '|' + name",
    weak: true,
    at: ["'", '"'],
    test: isQuoteThenOperator,
  },
  versionedComment: {
    name: "sql-versioned-comment",
    category: "sqli",
    severity: "high",
    catches: "Comments that MySQL executes, with a word of SQL in them",
    example: "1 /*!50000UNION*/ /*!SELECT*/ 1",
    nearMiss: "/*! jQuery v3.7 */ /* daily */",
    at: ["/*"],
    test: isVersionedComment,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
