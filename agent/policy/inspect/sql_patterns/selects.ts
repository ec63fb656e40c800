import { COMPARES, CONNECTIVE, SQL_FUNCTION, word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import {
  beginsSelectList,
  breakoutBefore,
  isComment,
  isProse,
  isShouted,
  isTerminator,
  selectShape,
} from "../sql_grammar.ts";
import { BOUND, NUMBER, type Tokens, WORD } from "../tokens.ts";

const WITH = word("with"), NUNION = word("nunion"), ROW = word("row"), AS = word("as"), UNION = word("union");
const UNIONSELECT = word("unionselect"), UNIONALLSELECT = word("unionallselect"), SELECT = word("select");
const ALL = word("all"), DISTINCT = word("distinct"), DISTINCTROW = word("distinctrow"), FROM = word("from");
const VALUES = word("values"), TABLE = word("table"), IF = word("if"), NOT = word("not"), EXISTS = word("exists");
const CASE = word("case"), IN = word("in"), ANY = word("any"), SOME = word("some"), LIKE = word("like");
const OPEN = 0x28, CLOSE = 0x29, SEMICOLON = 0x3b, EQUALS = 0x3d, PIPE = 0x7c, AMPERSAND = 0x26;

function isUnionSelect(t: Tokens, i: number): boolean {
  const number = t.word[i] as number;
  if (number === UNIONSELECT || number === UNIONALLSELECT) return beginsSelectList(t, i + 1);
  // MySQL reads \Nunion as NULL and UNION.
  if (number === NUNION && t.kind[i - 1] !== 0x5c) return false;
  let at = i + 1;
  // `1 union# foo`: the rest is on the next line.
  if (number === UNION && isComment(t, at) && t.glued(at)) {
    return t.kind[i - 1] === NUMBER || breakoutBefore(t, i) >= 0;
  }
  const quantifier = t.word[at] as number;
  if (quantifier === ALL || quantifier === DISTINCT || quantifier === DISTINCTROW) at++;
  if (t.word[at] === VALUES && (t.kind[at + 1] === OPEN || t.word[at + 1] === ROW)) return true;
  if (t.word[at] === TABLE && number === UNION) {
    return t.kind[at + 1] === WORD && isTerminator(t, at + 2) &&
      (t.kind[i - 1] === NUMBER || breakoutBefore(t, i) >= 0);
  }
  if (t.kind[at] === OPEN && t.word[at + 1] === WITH) return t.kind[at + 2] === WORD && t.word[at + 3] === AS;
  for (const stop = at + 8; t.kind[at] === OPEN && at < stop;) at++;
  if (t.word[at] !== SELECT) return false;
  // "Union select committee" is a name.
  const isWordBefore = t.kind[i - 1] === BOUND || t.kind[i - 1] === WORD;
  if (isWordBefore && t.kind[at + 1] === WORD && isProse(t, at + 1) && t.kind[at + 2] === BOUND && at === i + 1) {
    return false;
  }
  return beginsSelectList(t, at + 1) || (number !== UNION && selectShape(t, at).whole);
}

function isSubselect(t: Tokens, i: number): boolean {
  if (t.kind[i - 1] !== OPEN) return false;
  let before = i - 2;
  while (t.kind[before] === OPEN && before > i - 10) before--;
  const kind = t.kind[before] as number;
  const number = t.word[before] as number;
  const isOperator = kind === EQUALS || kind === 0x3c || kind === 0x3e || kind === 0x2c || kind === 0x2b ||
    kind === 0x2d ||
    kind === 0x2a || kind === 0x2f || kind === PIPE || kind === AMPERSAND || kind === 0x25 || kind === 0x5e ||
    t.isQuote(before) || kind === SEMICOLON;
  const isOpener = number === IN || number === EXISTS || number === ANY || number === ALL || number === SOME ||
    number === NOT || number === FROM || number === SELECT || number === UNION || number === LIKE || number === IF ||
    ((t.bits[before] as number) & (CONNECTIVE | COMPARES)) !== 0 ||
    (kind === WORD && t.glued(before + 1) && ((t.bits[before] as number) & SQL_FUNCTION) !== 0);
  const select = selectShape(t, i);
  if (select.whole && (select.technical || (select.closed && t.kind[i + 1] === NUMBER))) return true;
  // (select 1), (select password from users limit 1), and nothing before it
  if (kind === BOUND) {
    return select.whole ? select.clause : t.kind[i + 1] === NUMBER && t.kind[i + 2] === CLOSE;
  }
  if (!isOperator && !isOpener) return false;
  if (t.word[i + 1] === CASE) return true;
  return beginsSelectList(t, i + 1) && (select.whole || select.technical || t.kind[i + 1] === NUMBER);
}

function isSelectInText(t: Tokens, i: number): boolean {
  const select = selectShape(t, i);
  return select.whole && (select.technical || select.closed || isShouted(t, i));
}

/** A SELECT that is joined, nested or told of. */
export const SELECTS = {
  union: {
    name: "sql-union-select",
    category: "sqli",
    severity: "high",
    catches: "A second SELECT joined by UNION, whose list is an expression and not the next word of a sentence",
    example: "1 UNION(SELECT 1)",
    nearMiss: "the union select committee met on friday",
    at: [UNION, UNIONSELECT, UNIONALLSELECT, ...["except", "intersect", "minus", "nunion"].map(word)],
    test: isUnionSelect,
  },
  nested: {
    name: "sql-subselect",
    category: "sqli",
    severity: "high",
    catches: "A SELECT in parentheses where a value belongs",
    example: "1 and (select count(*) from users) > 0",
    nearMiss: "choose a mode (select one from the list)",
    at: [SELECT],
    test: isSubselect,
  },
  inText: {
    name: "sql-select-in-text",
    category: "sqli",
    severity: "low",
    catches: "A SELECT within a text, as logs of applications have it",
    example: "slow query: SELECT id, name FROM readings WHERE id = 7",
    nearMiss: "select a colour from the list of colours",
    at: [SELECT],
    test: isSelectInText,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
