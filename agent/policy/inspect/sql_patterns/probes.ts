import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import {
  breakoutBefore,
  closesValue,
  comparisonEnd,
  isComment,
  isConstant,
  isSqlCall,
  isTerminator,
  operandEnd,
} from "../sql_grammar.ts";
import { BOUND, NUMBER, type Tokens } from "../tokens.ts";

const PROCEDURE = word("procedure"), ANALYSE = word("analyse"), ANALYZE = word("analyze"), CONVERT = word("convert");
const CAST = word("cast"), FLOOR = word("floor"), RAND = word("rand"), MAKE_SET = word("make_set");
const NAME_CONST = word("name_const"), EXTRACTVALUE = word("extractvalue"), UPDATEXML = word("updatexml");
const XMLTYPE = word("xmltype"), CHAR = word("char"), NCHAR = word("nchar"), CHR = word("chr");
const CONCAT = word("concat"), CONCAT_WS = word("concat_ws"), GROUP_CONCAT = word("group_concat");
const GTID_SUBSET = word("gtid_subset"), GTID_SUBTRACT = word("gtid_subtract");
const ST_LATFROMGEOHASH = word("st_latfromgeohash"), ST_LONGFROMGEOHASH = word("st_longfromgeohash");
const SELECT = word("select"), ORDER = word("order"), GROUP = word("group"), BY = word("by"), HAVING = word("having");
const LIMIT = word("limit"), IF = word("if");
const OPEN = 0x28, CLOSE = 0x29, PIPE = 0x7c, EQUALS = 0x3d;

function isOrderProbe(t: Tokens, i: number): boolean {
  const number = t.word[i] as number;
  let at = i + 1;
  if (number === ORDER || number === GROUP) {
    if (t.word[at] !== BY) return false;
    at++;
  }
  const quote = breakoutBefore(t, i);
  const isBroken = quote >= 0 && closesValue(t, quote);
  if (!isBroken && t.kind[i - 1] !== NUMBER && t.kind[i - 1] !== CLOSE) return false;
  const end = operandEnd(t, at);
  if (end < 0) return false;
  const isNumber = isConstant;
  // 1 order by 10, and nothing else
  if (isNumber && number === ORDER && t.kind[end] === BOUND && t.kind[i - 2] === BOUND && t.kind[i - 1] === NUMBER) {
    return t.kind[at] === NUMBER;
  }
  // 1 group by 1,2,3--
  if (isNumber && t.kind[at] === NUMBER && t.kind[end] === 0x2c) return isComment(t, numbersEnd(t, end));
  if (isSqlCall && isTerminator(t, end)) return true;
  if (number === LIMIT || number === HAVING) return isBroken && (isComment(t, end) || comparisonEnd(t, end) > 0);
  return isComment(t, end) || (isBroken && (isNumber || isTerminator(t, end) || t.word[end] === HAVING));
}

/** Behind `,2,3` at `i`. */
function numbersEnd(t: Tokens, i: number): number {
  let at = i;
  while (at < i + 24 && t.kind[at] === 0x2c && t.kind[at + 1] === NUMBER) at += 2;
  return at;
}

function isErrorProbe(t: Tokens, i: number): boolean {
  switch (t.word[i]) {
    case IF:
      // IF(1=1,a,b), but not as the formula of a spreadsheet
      return t.kind[i - 1] !== EQUALS && t.kind[i + 1] === OPEN && t.glued(i + 1) && t.kind[i + 2] === NUMBER &&
        t.kind[i + 3] === EQUALS && t.kind[i + 4] === NUMBER && t.kind[i + 5] === 0x2c;
    case PROCEDURE:
      return (t.word[i + 1] === ANALYSE || t.word[i + 1] === ANALYZE) && t.kind[i + 2] === OPEN;
    case CONVERT:
    case CAST:
      if (t.kind[i + 1] !== OPEN) return false;
      for (let at = i + 2; at < i + 8; at++) if (t.kind[at] === 0x40 || t.word[at] === SELECT) return true;
      return false;
    case FLOOR:
      return t.kind[i + 1] === OPEN && t.word[i + 2] === RAND && t.kind[i + 3] === OPEN;
    case MAKE_SET:
    case NAME_CONST:
    case EXTRACTVALUE:
    case UPDATEXML:
    case XMLTYPE:
    case GTID_SUBSET:
    case GTID_SUBTRACT:
    case ST_LATFROMGEOHASH:
    case ST_LONGFROMGEOHASH:
      return t.kind[i + 1] === OPEN;
    case CHAR:
    case NCHAR:
    case CHR: {
      // CHAR(39,97,…) and CHR(39)||CHR(97)
      if (t.kind[i + 1] !== OPEN || t.kind[i + 2] !== NUMBER) return false;
      if (t.kind[i + 3] === 0x2c) return t.kind[i + 4] === NUMBER && t.kind[i + 5] === 0x2c && t.kind[i + 6] === NUMBER;
      return t.kind[i + 3] === CLOSE && (t.kind[i + 4] === PIPE || t.kind[i + 4] === 0x2b) &&
        (t.word[i + (t.kind[i + 5] === PIPE ? 6 : 5)] === t.word[i]);
    }
    case CONCAT:
    case CONCAT_WS:
    case GROUP_CONCAT:
      if (t.kind[i + 1] !== OPEN) return false;
      for (let at = i + 2; at < i + 6; at++) {
        const text = t.start[at] as number;
        if (t.kind[at] === NUMBER && ((t.bytes[text + 1] as number) | 0x20) === 0x78) return true;
        if (t.word[at] === SELECT || (t.kind[at] === 0x40 && t.kind[at + 1] === 0x40)) return true;
        if ((t.word[at] === CHAR || t.word[at] === CHR) && t.kind[at + 1] === OPEN) return true;
      }
      return t.word[i] === GROUP_CONCAT && t.kind[i - 1] !== BOUND && t.word[i + 2] !== 0;
  }
  return false;
}

/** What finds out about a statement by its errors. */
export const PROBES = {
  order: {
    name: "sql-order-probe",
    category: "sqli",
    severity: "medium",
    catches: "ORDER BY, GROUP BY, HAVING or LIMIT behind a value, commented off: how the number of columns is found",
    example: "1' order by 3--",
    nearMiss: "tickets in order by 5 pm -- please",
    at: [ORDER, GROUP, HAVING, LIMIT],
    test: isOrderProbe,
  },
  error: {
    name: "sql-error-probe",
    category: "sqli",
    severity: "medium",
    catches: "Functions that put data into an error message or build text from character codes",
    example: "extractvalue(1,concat(0x7e,version()))",
    nearMiss: "char(65) is A and floor(3.5) is 3",
    at: [
      "if",
      "procedure",
      "convert",
      "cast",
      "floor",
      "make_set",
      "name_const",
      "extractvalue",
      "updatexml",
      "xmltype",
      "gtid_subset",
      "gtid_subtract",
      "st_latfromgeohash",
      "st_longfromgeohash",
      "char",
      "nchar",
      "chr",
      "concat",
      "concat_ws",
      "group_concat",
    ].map(word),
    test: isErrorProbe,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
