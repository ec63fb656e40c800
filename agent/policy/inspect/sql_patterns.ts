import { COMPARES, CONNECTIVE, OBJECT, SQL_FUNCTION, STATEMENT, word, wordsOf } from "./keywords.ts";
import type { Pattern } from "./pattern.ts";
import {
  beginsLine,
  beginsSelectList,
  breakoutBefore,
  closesValue,
  comparisonEnd,
  isBreaking,
  isComment,
  isCondition,
  isConstant,
  isOpen,
  isProseComparison,
  isShouted,
  isSqlCall,
  isTerminator,
  nameEnd,
  operandEnd,
  selectShape,
} from "./sql_grammar.ts";
import { BOUND, LINE, NUMBER, type Tokens, WORD } from "./tokens.ts";

const INSERT = word("insert");
const REPLACE = word("replace");
const MERGE = word("merge");
const UPDATE = word("update");
const DELETE = word("delete");
const CREATE = word("create");
const ALTER = word("alter");
const EXEC = word("exec");
const EXECUTE = word("execute");
const MASTER = word("master");
const IMMEDIATE = word("immediate");
const DECLARE = word("declare");
const SHUTDOWN = word("shutdown");
const WITH = word("with");
const GRANT = word("grant");
const REVOKE = word("revoke");
const ON = word("on");
const TO = word("to");
const LOAD = word("load");
const DATA = word("data");
const EXTENSION = word("extension");
const COPY = word("copy");
const PROGRAM = word("program");
const ATTACH = word("attach");
const BACKUP = word("backup");
const LOG = word("log");
const PRAGMA = word("pragma");
const RENAME = word("rename");
const XP_CMDSHELL = word("xp_cmdshell");
const OUTFILE = word("outfile");
const DUMPFILE = word("dumpfile");
const BULK = word("bulk");
const XP_DIRTREE = word("xp_dirtree");
const XP_REGREAD = word("xp_regread");
const XP_FILEEXIST = word("xp_fileexist");
const SP_OACREATE = word("sp_oacreate");
const SP_MAKEWEBTASK = word("sp_makewebtask");
const UTL_HTTP = word("utl_http");
const UTL_INADDR = word("utl_inaddr");
const UTL_FILE = word("utl_file");
const DBMS_LDAP = word("dbms_ldap");
const DBMS_XMLGEN = word("dbms_xmlgen");
const CTXSYS = word("ctxsys");
const INFORMATION_SCHEMA = word("information_schema");
const PG_CATALOG = word("pg_catalog");
const JOIN = word("join");
const PROCEDURE = word("procedure");
const ANALYSE = word("analyse");
const ANALYZE = word("analyze");
const CONVERT = word("convert");
const CAST = word("cast");
const FLOOR = word("floor");
const RAND = word("rand");
const MAKE_SET = word("make_set");
const NAME_CONST = word("name_const");
const EXTRACTVALUE = word("extractvalue");
const UPDATEXML = word("updatexml");
const XMLTYPE = word("xmltype");
const CHAR = word("char");
const NCHAR = word("nchar");
const CHR = word("chr");
const CONCAT = word("concat");
const CONCAT_WS = word("concat_ws");
const GROUP_CONCAT = word("group_concat");
const RETURN = word("return");
const DBMS_PIPE = word("dbms_pipe");
const NULL = word("null");
const TRUE = word("true");
const NE = word("ne");
const REGEX = word("regex");
const OR = word("or");
const THIS = word("this");
const USING = word("using");
const DBMS_LOCK = word("dbms_lock");

const SONAME = word("soname"), GTID_SUBSET = word("gtid_subset"), GTID_SUBTRACT = word("gtid_subtract");
const ST_LATFROMGEOHASH = word("st_latfromgeohash"), ST_LONGFROMGEOHASH = word("st_longfromgeohash");
const CASCADE = word("cascade"), RESTRICT = word("restrict"), NOWAIT = word("nowait"), GLOBAL = word("global");
const SESSION = word("session"), SHOW = word("show"), USE = word("use"), EXPLAIN = word("explain"), LOCK = word("lock");
const TABLES = word("tables"), FLUSH = word("flush"), PRIVILEGES = word("privileges"), HANDLER = word("handler");
const OPEN_WORD = word("open"), READ = word("read"), DO = word("do"), CALL = word("call"), WHILE = word("while");
const NUNION = word("nunion"), ROW = word("row"), AS = word("as"), VACUUM = word("vacuum"), KILL = word("kill");
const BEGIN = word("begin"), DROPDATABASE = word("dropdatabase"), REMOVE = word("remove");
const DELETEMANY = word("deletemany");
const NOR = word("nor"), INFILE = word("infile");
const UNION = word("union"), UNIONSELECT = word("unionselect"), UNIONALLSELECT = word("unionallselect");
const SELECT = word("select"), ALL = word("all"), DISTINCT = word("distinct"), DISTINCTROW = word("distinctrow");
const AND = word("and"), INTO = word("into"), FROM = word("from"), WHERE = word("where"), SET = word("set");
const VALUES = word("values"), VALUE = word("value"), TABLE = word("table"), DATABASE = word("database");
const SCHEMA = word("schema"), IF = word("if"), NOT = word("not"), EXISTS = word("exists"), CASE = word("case");
const DROP = word("drop"), TRUNCATE = word("truncate"), ORDER = word("order"), GROUP = word("group"), BY = word("by");
const HAVING = word("having"), LIMIT = word("limit"), IN = word("in"), ANY = word("any"), SOME = word("some");
const NOT_A_STATEMENT = 0;
const SLEEP = word("sleep"), BENCHMARK = word("benchmark"), PG_SLEEP = word("pg_sleep"), WAITFOR = word("waitfor");
const RANDOMBLOB = word("randomblob"), DELAY = word("delay"), TIME = word("time"), LIKE = word("like");
const OPTIONAL = new Set(
  ["temporary", "temp", "or", "replace", "if", "not", "exists", "unique", "only"].map(word),
);
const CONTINUES_DEFINITION = new Set(
  ["cascade", "restrict", "add", "drop", "modify", "with", "identified", "as", "rename", "where", "if", "on"].map(word),
);
const COMPARED_WORDS = wordsOf(CONNECTIVE);
const OPEN = 0x28, CLOSE = 0x29, SEMICOLON = 0x3b, EQUALS = 0x3d, PIPE = 0x7c, AMPERSAND = 0x26;
const CLOSE_BRACKET = 0x5d;

/** Two words of a connective: the first of `||` and `&&`, or the word itself; where the condition begins; -1 if none. */
function conditionStart(t: Tokens, i: number): number {
  const kind = t.kind[i] as number;
  if (kind === WORD) return i + 1;
  return t.kind[i + 1] === kind && t.glued(i + 1) ? i + 2 : -1;
}

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
  if (isWordBefore && t.kind[at + 1] === WORD && t.word[at + 1] === 0 && t.kind[at + 2] === BOUND && at === i + 1) {
    return false;
  }
  return beginsSelectList(t, at + 1) || (number !== UNION && selectShape(t, at).whole);
}

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
  if (end < 0 || !isConstant) return false;
  const breaksOut = breakoutBefore(t, i) >= 0;
  if (isProse) {
    return breaksOut || (isComment(t, end) && !isOpen) ||
      (t.word[end - 1] === NULL && t.kind[end] === BOUND && isValueBefore(t, i));
  }
  if (isOpen || breaksOut || isComment(t, end)) return true;
  if (isEqualPair(t, left - 1, right)) return endsCondition(t, end);
  const isBehindValue = t.kind[i - 1] === BOUND || (t.isQuote(i - 1) && isBreaking(t, i - 1)) || isValueBefore(t, i);
  return isBehindValue && (isTerminator(t, end) || ((t.bits[end] as number) & CONNECTIVE) !== 0);
}

/** What may follow a condition stands at `i`: the end, the next condition or clause, a bracket, a quote. */
function endsCondition(t: Tokens, i: number): boolean {
  if (isTerminator(t, i) || t.kind[i] === CLOSE || t.isQuote(i) || ((t.bits[i] as number) & CONNECTIVE) !== 0) {
    return true;
  }
  const kind = t.kind[i] as number;
  // The next cell of a table, the next element, field or line.
  if (kind === 0x2c || kind === 0x3c || kind === 0x7d || ((t.flags[i] as number) & LINE) !== 0) return true;
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
  if (isProse) return isConstant && t.word[end - 1] !== 0 && isTerminator(t, end);
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

/** What stands at `i` is a whole statement; `isAlone`: nothing but its own shape says that it is meant as one. */
function isStatement(t: Tokens, i: number, isAlone: boolean): boolean {
  const first = t.word[i] as number;
  if (first === NOT_A_STATEMENT) return false;
  const isLoud = isShouted(t, i);
  switch (first) {
    case SELECT: {
      const select = selectShape(t, i);
      if (select.whole) {
        return isAlone
          ? select.closed && (select.technical || isLoud || hasWhere(t, i) || isDistinctOnly(t, i))
          : select.closed || select.technical;
      }
      if (!isAlone && t.kind[i + 1] === OPEN && t.kind[i + 2] === NUMBER && t.kind[i + 3] === CLOSE) return true;
      // `select * for …` is prose: a list needs a FROM.
      if (isAlone && t.kind[i + 1] === 0x2a) return false;
      return beginsSelectList(t, i + 1) && (select.technical || (!isAlone && t.kind[i + 1] === NUMBER));
    }
    case INSERT:
    case REPLACE:
    case MERGE: {
      if (t.word[i + 1] !== INTO) return false;
      const end = nameEnd(t, i + 2);
      if (end < 0) return false;
      const next = t.word[end] as number;
      return t.kind[end] === OPEN || next === SELECT || next === SET || next === USING ||
        ((next === VALUES || next === VALUE) && t.kind[end + 1] === OPEN);
    }
    case UPDATE: {
      const end = nameEnd(t, i + 1);
      if (end < 0 || t.word[end] !== SET) return false;
      const column = nameEnd(t, end + 1);
      if (column < 0 || t.kind[column] !== EQUALS) return false;
      if (!isAlone || isLoud || t.isQuote(column + 1) || t.word[column + 1] === SELECT) return true;
      for (let at = column + 2; at < column + 8; at++) if (t.word[at] === WHERE) return true;
      return false;
    }
    case DELETE: {
      // delete r from readings r join …
      if (!isAlone && t.kind[i + 1] === WORD && t.word[i + 2] === FROM && t.word[i + 1] !== FROM) {
        return t.kind[i + 3] === WORD && t.same(i + 1, i + 4);
      }
      if (t.word[i + 1] !== FROM) return false;
      const end = nameEnd(t, i + 2);
      if (end < 0) return false;
      if (t.word[end] === WHERE) return isCondition(t, end + 1);
      return isAlone
        ? isComment(t, end) || t.kind[end] === SEMICOLON || (isLoud && t.kind[end] === BOUND)
        : isTerminator(t, end) || endsElement(t, end) || t.isQuote(end);
    }
    case DROP:
    case TRUNCATE:
    case CREATE:
    case ALTER:
      return isDefinition(t, i, isAlone);
    case EXEC:
    case EXECUTE: {
      const next = t.word[i + 1] as number;
      if (isProcedure(t, i + 1)) return true;
      if (next === MASTER || next === IMMEDIATE) return t.kind[i + 2] === 0x2e || t.isQuote(i + 2);
      return t.kind[i + 1] === 0x40 ||
        (t.kind[i + 1] === OPEN &&
          (t.kind[i + 2] === 0x40 ||
            (t.isQuote(i + 2) &&
              ((isSqlWord(t, i + 3) && t.kind[i + 4] === WORD) || (!isAlone && t.kind[i + 5] === 0x2b)))));
    }
    case DECLARE:
      return t.kind[i + 1] === 0x40;
    case WAITFOR:
      return (t.word[i + 1] === DELAY || t.word[i + 1] === TIME) && t.isQuote(i + 2);
    case SHUTDOWN:
      if (t.word[i + 1] === WITH && t.word[i + 2] === NOWAIT) return true;
      return !isAlone && (isComment(t, i + 1) || t.word[i + 1] === WITH);
    case GRANT:
    case REVOKE: {
      for (let at = i + 2; at < i + 8; at++) {
        if (t.word[at] === ON || t.word[at] === TO) {
          const end = nameEnd(t, at + 1);
          // GRANT ALL ON x TO y
          if (t.word[i + 1] === ALL && t.word[at] === ON && end > 0 && (t.word[end] === TO || t.word[end] === FROM)) {
            if (t.kind[end + 1] === WORD && isTerminator(t, end + 2)) return true;
          }
          return end > 0 && (t.word[end] === TO || t.word[end] === FROM || isTerminator(t, end)) &&
            (isLoud || (!isAlone && t.word[at] === ON));
        }
        if (t.kind[at] === BOUND) return false;
      }
      return false;
    }
    case LOAD:
      if (t.word[i + 1] === EXTENSION) return true;
      return t.word[i + 1] === DATA && (t.word[i + 2] === INFILE || t.word[i + 3] === INFILE);
    case COPY: {
      if (t.kind[i + 1] === OPEN) {
        for (let at = i + 2; at < i + 24; at++) if (t.word[at] === PROGRAM && t.isQuote(at + 1)) return true;
      }
      const end = nameEnd(t, i + 1);
      return end > 0 && (t.word[end] === FROM || t.word[end] === TO) &&
        (t.word[end + 1] === PROGRAM || (!isAlone && t.isQuote(end + 1)));
    }
    case ATTACH:
      return t.word[i + 1] === DATABASE && t.isQuote(i + 2);
    case BACKUP:
      return (t.word[i + 1] === DATABASE || t.word[i + 1] === LOG) && (!isAlone || isLoud) && nameEnd(t, i + 2) > 0;
    case PRAGMA:
      if (isAlone) return t.kind[i - 1] === BOUND && t.kind[i + 1] === WORD && t.kind[i + 2] === OPEN;
      return t.kind[i + 1] === WORD &&
        (t.kind[i + 2] === EQUALS || t.kind[i + 2] === OPEN || isTerminator(t, i + 2));
    case SET:
      if (!isAlone && (t.word[i + 1] === GLOBAL || t.word[i + 1] === SESSION)) {
        return t.kind[i + 2] === WORD && t.kind[i + 3] === EQUALS;
      }
      return !isAlone && t.kind[i + 1] === 0x40 && t.kind[i + 2] === WORD &&
        (t.kind[i + 3] === EQUALS || t.kind[i + 3] === 0x3a);
    case RENAME:
      return t.word[i + 1] === TABLE && nameEnd(t, i + 2) > 0 && (!isAlone || isLoud);
  }
  return false;
}

function isDefinition(t: Tokens, i: number, isAlone: boolean): boolean {
  const verb = t.word[i] as number;
  let at = i + 1;
  for (let n = 0; n < 3 && OPTIONAL.has(t.word[at] as number); n++) at++;
  const object = t.word[at] as number;
  // InfluxDB and Cassandra: drop series from cpu, drop keyspace x
  if (!isAlone && verb === DROP && TIME_SERIES.has(object)) return t.kind[at + 1] === WORD || t.isQuote(at + 1);
  if (((t.bits[at] as number) & OBJECT) === 0) return false;
  const isLoud = isShouted(t, i) && isShouted(t, at);
  at++;
  for (let n = 0; n < 3 && (t.word[at] === IF || t.word[at] === NOT || t.word[at] === EXISTS); n++) at++;
  const name = at;
  const end = nameEnd(t, at);
  if (end < 0) return false;
  const isEnd = isTerminator(t, end) || endsElement(t, end) || t.isQuote(end) || t.kind[end] === CLOSE ||
    t.kind[end] === 0x2c;
  const goesOn = t.kind[end] === OPEN || CONTINUES_DEFINITION.has(t.word[end] as number);
  const isTechnical = isLoud || goesOn && t.kind[end] === OPEN ||
    (isEnd && t.kind[end] !== BOUND && t.kind[end] !== 0x2c);
  if (!isEnd && !goesOn) return false;
  if (goesOn && (t.word[end] === CASCADE || t.word[end] === RESTRICT) && isTerminator(t, end + 1)) return true;
  // ALTER TABLE x ADD y, and what follows it
  if (verb === ALTER && object === TABLE && CHANGES.has(t.word[end] as number) && t.kind[end + 1] === WORD) return true;
  const isDestruction = (verb === DROP || verb === TRUNCATE) &&
    (object === TABLE || object === DATABASE || object === SCHEMA);
  if (isDestruction) return !isAlone || isTechnical || name > i + 2 || (isEnd && t.kind[i - 1] === BOUND);
  if (verb === DROP || verb === TRUNCATE) return isTechnical || !isAlone;
  return isTechnical || (!isAlone && goesOn);
}

/** A line, an element or a field ends before `i`: what stands there belongs to another value. */
function endsElement(t: Tokens, i: number): boolean {
  return ((t.flags[i] as number) & LINE) !== 0 || (t.kind[i] === 0x3c && t.kind[i + 1] === 0x2f) ||
    (t.kind[i] === AMPERSAND && t.glued(i) && t.kind[i + 2] === EQUALS);
}

const TIME_SERIES = new Set(["measurement", "series", "keyspace", "retention"].map(word));
const CHANGES = new Set(["add", "drop", "modify", "rename", "alter"].map(word));

function isProcedure(t: Tokens, i: number): boolean {
  if (t.kind[i] !== WORD) return false;
  const start = t.start[i] as number;
  const first = (t.bytes[start] as number) | 0x20;
  return (first === 0x78 || first === 0x73) && ((t.bytes[start + 1] as number) | 0x20) === 0x70 &&
    t.bytes[start + 2] === 0x5f &&
    (t.end[i] as number) - start > 4;
}

function isSqlWord(t: Tokens, i: number): boolean {
  const number = t.word[i] as number;
  return number === SELECT || number === DROP || number === INSERT || number === UPDATE ||
    number === DELETE || number === XP_CMDSHELL;
}

function hasWhere(t: Tokens, i: number): boolean {
  for (let at = i + 4; at < i + 40; at++) {
    if (t.kind[at] === BOUND) return false;
    if (t.word[at] === WHERE) return isCondition(t, at + 1);
  }
  return false;
}

/** `select distinct name from users;` and nothing more. */
function isDistinctOnly(t: Tokens, i: number): boolean {
  return t.word[i + 1] === DISTINCT && t.kind[i + 5] === SEMICOLON && t.kind[i + 6] === BOUND;
}

/** `; show tables`, `; use master`, `; do $$ …`: statements that only an administrator has. */
function isAdministration(t: Tokens, i: number): boolean {
  let before = i - 1;
  while (t.kind[before] === OPEN && before > i - 4) before--;
  if (t.kind[before] !== SEMICOLON) return false;
  const next = t.word[i + 1] as number;
  switch (t.word[i]) {
    case SHOW:
      return SHOWN.has(next) && (isTerminator(t, i + 2) || endsElement(t, i + 2));
    case USE:
      return SYSTEM_DATABASES.has(next) && (isTerminator(t, i + 2) || endsElement(t, i + 2));
    case EXPLAIN:
      return next === SELECT;
    case WITH:
      return t.kind[i + 1] === WORD && t.word[i + 2] === AS && t.kind[i + 3] === OPEN;
    case VACUUM:
      return next === INTO && t.isQuote(i + 2);
    case KILL:
      return t.kind[i + 1] === NUMBER && isComment(t, i + 2);
    case TRUNCATE:
      return t.kind[i + 1] === WORD && isTerminator(t, i + 2) &&
        (t.kind[before - 1] === NUMBER || t.isQuote(before - 1));
    case LOCK:
      return (next === TABLES || next === TABLE) && t.kind[i + 2] === WORD;
    case FLUSH:
      return (next === PRIVILEGES || next === TABLES) && isTerminator(t, i + 2);
    case HANDLER:
      return t.kind[i + 1] === WORD && (t.word[i + 2] === OPEN_WORD || t.word[i + 2] === READ);
  }
  return t.kind[i + 1] === 0x24 && t.kind[i + 2] === 0x24;
}
const SHOWN = new Set(["tables", "databases", "columns", "schemas", "processlist", "variables", "grants"].map(word));
const SYSTEM_DATABASES = new Set(["master", "mysql", "msdb", "tempdb", "information_schema"].map(word));

function isStacked(t: Tokens, i: number): boolean {
  let before = i - 1;
  while (t.kind[before] === OPEN && before > i - 6) before--;
  if (t.word[before] === BEGIN) before--;
  return t.kind[before] === SEMICOLON && isStatement(t, i, false);
}

function isStatementAlone(t: Tokens, i: number): boolean {
  if (t.kind[i - 1] === BOUND) return isStatement(t, i, true);
  // A quoted word.
  if (t.isQuote(i - 1) && t.kind[i + 1] === t.kind[i - 1] && t.glued(i) && t.glued(i + 1)) return false;
  // `' drop table x`, `1) delete from x where …`: a statement right behind a value.
  return breakoutBefore(t, i) >= 0 && t.word[i] !== SET && isStatement(t, i, false);
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

function isDelay(t: Tokens, i: number): boolean {
  switch (t.word[i]) {
    case PG_SLEEP:
      return t.kind[i + 1] === OPEN;
    case BENCHMARK:
      return t.kind[i + 1] === OPEN && t.kind[i + 2] === NUMBER && t.kind[i + 3] === 0x2c && t.kind[i + 4] === WORD;
    case WAITFOR:
      return (t.word[i + 1] === DELAY || t.word[i + 1] === TIME) && t.isQuote(i + 2);
    case RANDOMBLOB:
      return t.kind[i + 1] === OPEN && t.kind[i + 2] === NUMBER;
    case SLEEP: {
      if (t.kind[i + 1] !== OPEN || t.kind[i - 1] === 0x2e) return false;
      const kind = t.kind[i - 1] as number;
      if (kind === WORD) {
        if (t.word[i - 1] === DO || t.word[i - 1] === CALL) return t.kind[i - 2] === SEMICOLON;
        return t.word[i - 1] === SELECT || ((t.bits[i - 1] as number) & (CONNECTIVE | COMPARES)) !== 0;
      }
      if (kind === BOUND) {
        // `sleep(5)--` and nothing else; alone, it is a command of many languages.
        return t.kind[i + 2] === NUMBER && t.kind[i + 3] === CLOSE && isComment(t, i + 4) && t.glued(i + 4) &&
          (t.kind[i + 5] === BOUND || t.kind[i + 6] === BOUND);
      }
      if (kind === 0x2d || kind === 0x2b || kind === 0x2a || kind === 0x5e || t.isQuote(i - 1)) return true;
      if (kind === PIPE || kind === AMPERSAND) return t.kind[i - 2] === kind && breakoutBefore(t, i - 2) >= 0;
      if (kind === OPEN) {
        const opener = t.kind[i - 2] as number;
        if (opener === 0x2a || opener === 0x2d || opener === 0x2b || opener === 0x2f) return t.kind[i - 3] === NUMBER;
        return t.word[i - 2] === IF || t.word[i - 2] === SELECT || ((t.bits[i - 2] as number) & CONNECTIVE) !== 0;
      }
      if (kind !== 0x2c) return false;
      for (let at = i - 2; at > i - 16; at--) {
        if (t.kind[at + 1] === OPEN && CONDITIONAL.has(t.word[at] as number)) return true;
      }
      return false;
    }
  }
  return t.kind[i + 1] === 0x2e && t.kind[i + 2] === WORD;
}

const CONDITIONAL = new Set(["if", "iif", "elt", "ifnull", "nullif", "coalesce", "make_set"].map(word));

function isFileAccess(t: Tokens, i: number): boolean {
  switch (t.word[i]) {
    case OUTFILE:
    case DUMPFILE:
      return t.word[i - 1] === INTO && (t.isQuote(i + 1) || t.kind[i + 1] === NUMBER || t.kind[i + 1] === 0x40);
    case INTO:
      // into @a
      return t.kind[i + 1] === 0x40 && t.kind[i + 2] === WORD && t.glued(i + 2) && isTerminator(t, i + 3);
    case SONAME:
      return t.isQuote(i + 1);
    case BULK:
      return t.word[i + 1] === INSERT && nameEnd(t, i + 2) > 0;
    case XP_CMDSHELL:
    case XP_DIRTREE:
    case XP_REGREAD:
    case XP_FILEEXIST:
    case SP_OACREATE:
    case SP_MAKEWEBTASK:
      return true;
    case UTL_HTTP:
    case UTL_INADDR:
    case UTL_FILE:
    case DBMS_LDAP:
    case DBMS_XMLGEN:
    case CTXSYS:
      return t.kind[i + 1] === 0x2e;
  }
  return t.kind[i + 1] === OPEN;
}

function isCatalog(t: Tokens, i: number): boolean {
  if (t.word[i] === INFORMATION_SCHEMA || t.word[i] === PG_CATALOG) return t.kind[i + 1] === 0x2e;
  const before = t.word[i - 1] as number;
  return before === FROM || before === JOIN || t.kind[i - 1] === 0x2e || t.kind[i - 1] === 0x2c;
}

function isSystemVariable(t: Tokens, i: number): boolean {
  return t.kind[i + 1] === 0x40 && t.glued(i + 1) && t.glued(i + 2) && SYSTEM_VARIABLES.has(t.word[i + 2] as number);
}
const SYSTEM_VARIABLES = new Set(
  [
    "version",
    "version_comment",
    "version_compile_os",
    "datadir",
    "hostname",
    "servername",
    "global",
    "basedir",
    "tmpdir",
    "secure_file_priv",
  ].map(word),
);

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
  if (isSqlCall && isTerminator(t, end)) return true;
  if (number === LIMIT || number === HAVING) return isBroken && (isComment(t, end) || comparisonEnd(t, end) > 0);
  return isComment(t, end) || (isBroken && (isNumber || isTerminator(t, end) || t.word[end] === HAVING));
}

function isErrorProbe(t: Tokens, i: number): boolean {
  switch (t.word[i]) {
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

/** `'||(select …)||'`, `'+convert(…)+'`, `x'='x`: an operator behind the quote that breaks out. */
function isQuoteThenOperator(t: Tokens, i: number): boolean {
  if (!isBreaking(t, i) || !closesValue(t, i)) return false;
  const kind = t.kind[i + 1] as number;
  let at = i + 2;
  if (kind === PIPE || kind === AMPERSAND) {
    if (t.kind[at] !== kind) {
      // ' | 1 = 1 #
      const right = comparisonEnd(t, operandEnd(t, at));
      return isConstant && right > 0 && operandEnd(t, right) > 0 && isConstant && isComment(t, operandEnd(t, right));
    }
    at++;
  } else if (kind === SEMICOLON) {
    // MongoDB's $where is JavaScript.
    if (t.word[at] === RETURN) return t.kind[at + 1] === WORD || t.isQuote(at + 1);
    return (t.word[at] === SLEEP || t.word[at] === WHILE) && t.kind[at + 1] === OPEN;
  } else if (kind === CLOSE_BRACKET) {
    // XPath: '] | //* | //*['
    return t.kind[at] === PIPE && t.kind[at + 1] === 0x2f && t.kind[at + 2] === 0x2f;
  } else if (kind === WORD && ((t.bits[i + 1] as number) & COMPARES) !== 0) {
    // ' like '%
    const right = comparisonEnd(t, i + 1);
    const end = right < 0 ? -1 : operandEnd(t, right);
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

/** Words of MongoDB behind `$`. */
const MONGO_TESTS = new Set(
  ["ne", "eq", "gt", "gte", "lt", "lte", "nin", "in", "regex", "exists", "not", "mod", "size"].map(word),
);
const MONGO_CODE = new Set(["where", "accumulator", "function", "expr", "lookup"].map(word));
const IDENTITY = new Set(
  [
    "user",
    "username",
    "login",
    "email",
    "pass",
    "password",
    "passwd",
    "pwd",
    "pw",
    "token",
    "apikey",
    "api_key",
    "secret",
    "pin",
    "role",
    "uid",
  ].map(word),
);

function isMongoOperator(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] !== WORD || !t.glued(i + 1)) return false;
  const number = t.word[i + 1] as number;
  // [$ne]= in a form.
  if (t.kind[i - 1] === 0x5b && t.kind[i + 2] === CLOSE_BRACKET) {
    return (MONGO_TESTS.has(number) || MONGO_CODE.has(number)) && (t.kind[i + 3] === EQUALS || t.kind[i + 3] === 0x5b);
  }
  // {"$ne": null}, {$gt: ""}
  let at = i + 2;
  if (number === WHERE && t.kind[at] === EQUALS) return true;
  if (t.isQuote(at) || t.kind[at] === BOUND) at++;
  if (t.kind[at] !== 0x3a) return false;
  const opener = t.isQuote(i - 1) || t.kind[i - 1] === BOUND ? i - 2 : i - 1;
  if (number === WHERE && (t.kind[opener] === BOUND || t.kind[opener] === 0x2c)) return true;
  if (t.kind[opener] !== 0x7b && t.kind[opener] !== 0x2c && t.kind[opener] !== BOUND) return false;
  if (MONGO_CODE.has(number)) return true;
  if (number === OR || number === AND || number === NOR) {
    // $or: [{}, …: one of them holds for anything; $and: [{"role": …
    if (t.kind[at + 1] !== 0x5b || t.kind[at + 2] !== 0x7b) return false;
    return t.kind[at + 3] === 0x7d || IDENTITY.has(t.word[at + 4] as number);
  }
  if (!MONGO_TESTS.has(number)) return false;
  if (t.kind[opener] === 0x7b && isIdentityKey(t, opener)) return true;
  at++;
  if (number === NE || number === NOT) return true;
  if (t.word[at] === NULL || t.word[at] === TRUE) return true;
  const isEmpty = (t.kind[at] === BOUND && t.kind[at + 1] === BOUND && t.start[at + 1] === t.end[at]) ||
    (t.isQuote(at) && t.kind[at + 1] === t.kind[at]);
  if (isEmpty) return true;
  if (t.kind[at] === 0x5b && t.kind[at + 1] === CLOSE_BRACKET) return true;
  // {"$regex": ".*"}, "^a"
  const inside = t.kind[at] === BOUND || t.isQuote(at) ? at + 1 : at;
  return number === REGEX && (t.kind[inside] === 0x2e || t.kind[inside] === 0x5e);
}

/** The object that opens at `i` is the value of `user`, `password` and the like. */
function isIdentityKey(t: Tokens, i: number): boolean {
  if (t.kind[i - 1] !== 0x3a) return false;
  const name = t.kind[i - 2] === BOUND || t.isQuote(i - 2) ? i - 3 : i - 2;
  return IDENTITY.has(t.word[name] as number);
}

/** `'; db.users.drop(); '`: the shell of MongoDB. */
function isMongoShell(t: Tokens, i: number): boolean {
  const before = t.kind[i - 1] as number;
  if (before !== SEMICOLON && before !== BOUND && !t.isQuote(i - 1)) return false;
  if (t.kind[i + 1] !== 0x2e || !t.glued(i + 1)) return false;
  const first = t.word[i + 2] as number;
  if (first === DROPDATABASE) return t.kind[i + 3] === OPEN;
  const method = t.word[i + 4] as number;
  return t.kind[i + 3] === 0x2e && t.kind[i + 5] === OPEN &&
    (method === DROP || method === REMOVE || method === DELETEMANY);
}

/** A parenthesis that this text has not opened, and a filter of LDAP behind it: `*)(uid=*`, `)(&(a=b`, `*)(|(a=*`. */
function isLdapFilter(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] !== OPEN || !t.glued(i + 1)) return false;
  let depth = 0;
  for (let at = i; at > i - 24; at--) {
    const kind = t.kind[at] as number;
    if (kind === CLOSE) depth++;
    else if (kind === OPEN && --depth === 0) return false;
    else if (kind === BOUND) break;
  }
  const next = t.kind[i + 2] as number;
  if (next === PIPE || next === AMPERSAND || next === 0x21) {
    return t.kind[i + 3] === OPEN || (t.kind[i + 3] === CLOSE && t.glued(i + 3)) || t.kind[i + 3] === BOUND;
  }
  return next === WORD && t.kind[i + 3] === EQUALS && (t.kind[i - 1] === 0x2a || t.kind[i + 4] === 0x2a);
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

function isSelectInText(t: Tokens, i: number): boolean {
  const select = selectShape(t, i);
  return select.whole && (select.technical || select.closed || isShouted(t, i));
}

function isDangling(t: Tokens, i: number): boolean {
  return breakoutBefore(t, i) >= 0 && !beginsLine(t, i) && t.kind[conditionStart(t, i)] === BOUND;
}

/** SQL injection: what would change a statement that a backend builds from a payload, a topic or a client id. */
export const SQL_PATTERNS: readonly Pattern[] = [
  {
    name: "sql-union-select",
    category: "sqli",
    severity: "high",
    catches: "A second SELECT joined by UNION, whose list is an expression and not the next word of a sentence",
    example: "1 UNION(SELECT 1)",
    nearMiss: "the union select committee met on friday",
    at: [UNION, UNIONSELECT, UNIONALLSELECT, ...["except", "intersect", "minus", "nunion"].map(word)],
    test: isUnionSelect,
  },
  {
    name: "sql-tautology",
    category: "sqli",
    severity: "high",
    catches: "Two constants compared behind OR, AND, HAVING, WHERE: true or false whatever the data says",
    example: "x or 'a'='a",
    nearMiss: "temperature > 30 or humidity = 50",
    at: [...COMPARED_WORDS, "||", "&&"],
    test: isTautology,
  },
  {
    name: "sql-quote-condition",
    category: "sqli",
    severity: "high",
    catches: "A condition behind a quote that closes a string which this text has not opened",
    example: "x' or password like 'a",
    nearMiss: "if mode == 'auto' or level == 'high'",
    at: [...COMPARED_WORDS, "||", "&&"],
    test: isQuotedCondition,
  },
  {
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
  {
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
  {
    name: "sql-stacked",
    category: "sqli",
    severity: "high",
    catches:
      "A whole statement behind a semicolon: DROP, DELETE, INSERT, UPDATE, SELECT, EXEC and so on, each by its grammar",
    example: "1;DROP DATABASE x",
    nearMiss: "move the chairs; drop table cloths in the bin",
    at: wordsOf(STATEMENT),
    test: isStacked,
  },
  {
    name: "sql-statement",
    category: "sqli",
    severity: "medium",
    catches: "A text that is a statement of SQL, or goes on as one behind a quote that breaks out",
    example: "DELETE FROM users WHERE id = 1",
    nearMiss: "please update the thermostat set point",
    at: wordsOf(STATEMENT),
    test: isStatementAlone,
  },
  {
    name: "sql-subselect",
    category: "sqli",
    severity: "high",
    catches: "A SELECT in parentheses where a value belongs",
    example: "1 and (select count(*) from users) > 0",
    nearMiss: "choose a mode (select one from the list)",
    at: [SELECT],
    test: isSubselect,
  },
  {
    name: "sql-delay",
    category: "sqli",
    severity: "high",
    catches: "Functions that make the database wait, by which blind injection reads its answers",
    example: "1 and sleep(5)",
    nearMiss: "time.sleep(5); sleep(10)",
    at: [SLEEP, BENCHMARK, PG_SLEEP, WAITFOR, RANDOMBLOB, DBMS_PIPE, DBMS_LOCK],
    test: isDelay,
  },
  {
    name: "sql-file-access",
    category: "sqli",
    severity: "high",
    catches: "Functions and clauses that reach files, the network or a shell from within the database",
    example: "1 into outfile '/var/www/x.php'",
    nearMiss: "wrote the trace into outfile trace.log",
    at: [
      "load_file",
      "into",
      "soname",
      "dblink_connect",
      "pg_read_file",
      "pg_ls_dir",
      "outfile",
      "dumpfile",
      "openrowset",
      "opendatasource",
      "bulk",
      "xp_cmdshell",
      "xp_dirtree",
      "xp_regread",
      "xp_fileexist",
      "sp_oacreate",
      "sp_makewebtask",
      "utl_http",
      "utl_inaddr",
      "utl_file",
      "dbms_ldap",
      "dbms_xmlgen",
      "ctxsys",
      "sys_eval",
      "sys_exec",
      "lo_export",
      "lo_import",
      "load_extension",
      "query_to_xml",
    ].map(word),
    test: isFileAccess,
  },
  {
    name: "sql-catalog",
    category: "sqli",
    severity: "medium",
    catches: "Tables in which a database describes itself",
    example: "x from information_schema.tables",
    nearMiss: "information schema of the plant",
    at: [
      "information_schema",
      "pg_catalog",
      "sysobjects",
      "syscolumns",
      "sysdatabases",
      "sqlite_master",
      "sqlite_schema",
      "pg_tables",
      "pg_user",
      "pg_shadow",
      "all_tables",
      "user_tables",
      "dba_users",
      "all_tab_columns",
      "msysaccessobjects",
    ].map(word),
    test: isCatalog,
  },
  {
    name: "sql-system-variable",
    category: "sqli",
    severity: "medium",
    catches: "Variables of the server, such as @@version",
    example: "1,@@version",
    nearMiss: "mail me @@ home",
    weak: true,
    at: ["@@"],
    test: isSystemVariable,
  },
  {
    name: "sql-order-probe",
    category: "sqli",
    severity: "medium",
    catches: "ORDER BY, GROUP BY, HAVING or LIMIT behind a value, commented off: how the number of columns is found",
    example: "1' order by 3--",
    nearMiss: "tickets in order by 5 pm -- please",
    at: [ORDER, GROUP, HAVING, LIMIT],
    test: isOrderProbe,
  },
  {
    name: "sql-error-probe",
    category: "sqli",
    severity: "medium",
    catches: "Functions that put data into an error message or build text from character codes",
    example: "extractvalue(1,concat(0x7e,version()))",
    nearMiss: "char(65) is A and floor(3.5) is 3",
    at: [
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
  {
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
  {
    name: "sql-versioned-comment",
    category: "sqli",
    severity: "high",
    catches: "Comments that MySQL executes, with a word of SQL in them",
    example: "1 /*!50000UNION*/ /*!SELECT*/ 1",
    nearMiss: "/*! jQuery v3.7 */ /* daily */",
    at: ["/*"],
    test: isVersionedComment,
  },
  {
    name: "nosql-operator",
    category: "sqli",
    severity: "medium",
    catches: "Operators of MongoDB that make any document match or run code",
    example: '{"user":{"$ne":null}}',
    nearMiss: '{"$type":"reading","$value":3}',
    weak: true,
    at: ["$"],
    test: isMongoOperator,
  },
  {
    name: "sql-administration",
    category: "sqli",
    severity: "medium",
    catches: "SHOW TABLES, USE master, FLUSH PRIVILEGES and other statements of administrators behind a semicolon",
    example: "1; show databases",
    nearMiss: "stop; show the tables; use the master key",
    at: ["show", "use", "explain", "lock", "flush", "handler", "do", "with", "vacuum", "kill", "truncate"].map(word),
    gate: "separator",
    test: isAdministration,
  },
  {
    name: "nosql-shell",
    category: "sqli",
    severity: "medium",
    catches: "Calls of the shell of MongoDB that remove data",
    example: "'; db.users.drop(); '",
    nearMiss: "db.version() my db.x",
    at: [word("db")],
    test: isMongoShell,
  },
  {
    name: "ldap-filter",
    category: "sqli",
    severity: "medium",
    catches: "A filter of LDAP behind a parenthesis that the text has not opened",
    example: "x*)(objectClass=*",
    nearMiss: "f(a)(b = 1) (char*)(&x) (|(uid=a)(cn=*))",
    weak: true,
    at: [")("],
    test: isLdapFilter,
  },
  {
    name: "sql-select-in-text",
    category: "sqli",
    severity: "low",
    catches: "A SELECT within a text, as logs of applications have it",
    example: "slow query: SELECT id, name FROM readings WHERE id = 7",
    nearMiss: "select a colour from the list of colours",
    at: [SELECT],
    test: isSelectInText,
  },
  {
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
];
