import { OBJECT, STATEMENT, word } from "../keywords.ts";
import {
  beginsSelectList,
  isComment,
  isCondition,
  isShouted,
  isTerminator,
  nameEnd,
  operandEnd,
  selectShape,
} from "../sql_grammar.ts";
import { BOUND, LINE, NUMBER, type Tokens, WORD } from "../tokens.ts";

const INSERT = word("insert"), REPLACE = word("replace"), MERGE = word("merge"), UPDATE = word("update");
const DELETE = word("delete"), CREATE = word("create"), ALTER = word("alter"), EXEC = word("exec");
const EXECUTE = word("execute"), MASTER = word("master"), IMMEDIATE = word("immediate"), DECLARE = word("declare");
const SHUTDOWN = word("shutdown"), WITH = word("with"), GRANT = word("grant"), REVOKE = word("revoke");
const ON = word("on"), TO = word("to"), LOAD = word("load"), DATA = word("data"), EXTENSION = word("extension");
const COPY = word("copy"), PROGRAM = word("program"), ATTACH = word("attach"), BACKUP = word("backup");
const LOG = word("log"), PRAGMA = word("pragma"), RENAME = word("rename"), XP_CMDSHELL = word("xp_cmdshell");
const USING = word("using"), CASCADE = word("cascade"), RESTRICT = word("restrict"), NOWAIT = word("nowait");
const GLOBAL = word("global"), SESSION = word("session"), INFILE = word("infile"), SELECT = word("select");
const ALL = word("all"), DISTINCT = word("distinct"), INTO = word("into"), FROM = word("from"), WHERE = word("where");
const SET = word("set"), VALUES = word("values"), VALUE = word("value"), TABLE = word("table"), OR = word("or");
const DATABASE = word("database"), SCHEMA = word("schema"), IF = word("if"), NOT = word("not");
const EXISTS = word("exists"), DROP = word("drop"), TRUNCATE = word("truncate"), WAITFOR = word("waitfor");
const CSV = word("csv"), CALL = word("call"), DELAY = word("delay"), TIME = word("time");
const NOT_A_STATEMENT = 0, OPEN = 0x28, CLOSE = 0x29, SEMICOLON = 0x3b, EQUALS = 0x3d, AMPERSAND = 0x26;
const OPTIONAL = new Set(
  ["temporary", "temp", "or", "replace", "if", "not", "exists", "unique", "only"].map(word),
);
const CONTINUES_DEFINITION = new Set(
  ["cascade", "restrict", "add", "drop", "modify", "with", "identified", "as", "rename", "where", "if", "on"].map(word),
);

/** What stands at `i` is a whole statement; `isAlone`: nothing but its own shape says that it is meant as one. */
export function isStatement(t: Tokens, i: number, isAlone: boolean): boolean {
  const first = t.word[i] as number;
  if (first === NOT_A_STATEMENT) return false;
  const isLoud = isShouted(t, i);
  switch (first) {
    case SELECT: {
      const select = selectShape(t, i);
      if (select.whole) {
        if (!isAlone && !select.technical && isSentence(t, i)) return false;
        return isAlone
          ? select.closed && (select.technical || isLoud || hasWhere(t, i) || isDistinctOnly(t, i))
          : select.closed || select.technical;
      }
      if (!isAlone && t.kind[i + 1] === OPEN && t.kind[i + 2] === NUMBER && t.kind[i + 3] === CLOSE) return true;
      if (!isAlone && isChoice(t, i)) return false;
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
      // `x;delete from users/state`: one level of a topic
      if (t.kind[i - 1] === SEMICOLON && t.glued(i) && t.kind[end] === 0x2f && t.glued(end)) return true;
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
      // ';shutdown;--
      return !isAlone && (isComment(t, i + 1) || t.word[i + 1] === WITH ||
        (t.kind[i + 1] === SEMICOLON && t.glued(i + 1) && isComment(t, i + 2)));
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
      // Neo4j: load csv from 'file:///x'
      if (t.word[i + 1] === CSV) return t.word[i + 2] === FROM && t.isQuote(i + 3);
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
    case CALL:
      // ;call x(): a procedure, and nothing behind it
      if (isAlone && !(isLoud && t.kind[i + 2] === 0x2e)) return false;
      return t.kind[i + 1] === WORD && isCallToEnd(t, i + 1);
    case RENAME:
      return t.word[i + 1] === TABLE && nameEnd(t, i + 2) > 0 && (!isAlone || isLoud);
  }
  return false;
}

/**
 * `tables by the window stay; select menu from April`: the SELECT goes on a sentence of several words, names one column
 * and one table, and neither holds the names and secrets of users.
 */
function isSentence(t: Tokens, i: number): boolean {
  if (
    isShouted(t, i) || t.kind[i - 1] !== SEMICOLON || !t.spaced(i) || t.kind[i - 2] !== WORD || !t.glued(i - 1) ||
    t.kind[i - 3] !== WORD || !t.spaced(i - 2)
  ) return false;
  return t.kind[i + 1] === WORD && t.word[i + 2] === FROM && t.kind[i + 3] === WORD && !isComment(t, i + 4) &&
    !SECRET_TABLES.has(t.word[i + 1] as number) && !SECRET_TABLES.has(t.word[i + 3] as number);
}
/** `don't drop; select 'table 4' or 1`: it goes on a sentence, and names one thing or another. */
function isChoice(t: Tokens, i: number): boolean {
  if (
    isShouted(t, i) || t.kind[i - 1] !== SEMICOLON || !t.spaced(i) || t.kind[i - 2] !== WORD || !t.glued(i - 1) ||
    !t.spaced(i - 2) || t.kind[i - 3] !== WORD || !t.isQuote(i + 1)
  ) return false;
  for (let at = i + 2; at < i + 12 && t.kind[at] !== BOUND; at++) {
    if (t.kind[at] === t.kind[i + 1]) return t.word[at + 1] === OR;
  }
  return false;
}
const SECRET_TABLES = new Set(
  [
    "users",
    "user",
    "passwords",
    "password",
    "accounts",
    "account",
    "admin",
    "admins",
    "login",
    "logins",
    "credentials",
    "customers",
    "members",
    "tokens",
    "token",
    "keys",
    "secrets",
    "secret",
    "dual",
    "employees",
    "clients",
    "sessions",
  ].map(word),
);

function isDefinition(t: Tokens, i: number, isAlone: boolean): boolean {
  const verb = t.word[i] as number;
  let at = i + 1;
  for (let n = 0; n < 3 && OPTIONAL.has(t.word[at] as number); n++) at++;
  const object = t.word[at] as number;
  // InfluxDB and Cassandra: drop series from cpu, drop keyspace x
  if ((!isAlone || (isShouted(t, i) && isShouted(t, at))) && verb === DROP && TIME_SERIES.has(object)) {
    return t.kind[at + 1] === WORD || t.isQuote(at + 1);
  }
  // TDengine, TimescaleDB, Kafka: words of sentences too, so that the statement ends behind the name, or is shouted.
  if (verb === DROP && !isAlone && STREAMED.has(object) && (t.kind[at + 1] === WORD || t.isQuote(at + 1))) {
    const isNamed = t.word[at + 1] === IF ? t.word[at + 2] === EXISTS : true;
    const stop = nameEnd(t, at + 1);
    return isNamed &&
      ((isShouted(t, i) && isShouted(t, at)) || (stop > 0 && t.kind[stop] !== BOUND && isTerminator(t, stop)));
  }
  if (((t.bits[at] as number) & OBJECT) === 0) return false;
  const isLoud = isShouted(t, i) && isShouted(t, at);
  at++;
  for (let n = 0; n < 3 && (t.word[at] === IF || t.word[at] === NOT || t.word[at] === EXISTS); n++) at++;
  const name = at;
  const end = nameEnd(t, at);
  if (end < 0) return false;
  // CREATE TRIGGER x AFTER INSERT ON y
  if (object === TRIGGER && MOMENTS.has(t.word[end] as number) && ((t.bits[end + 1] as number) & STATEMENT) !== 0) {
    return !isAlone || isLoud;
  }
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
  // 1;create extension dblink
  if (!isAlone && t.kind[i - 1] === SEMICOLON && t.glued(i) && t.kind[i - 2] === NUMBER) return true;
  return isTechnical || (!isAlone && goesOn);
}

/** `x.y(…)` begins at `i`, glued as no sentence has it, and the statement ends behind it. */
function isCallToEnd(t: Tokens, i: number): boolean {
  const end = nameEnd(t, i);
  if (end < 0 || t.kind[end] !== OPEN || !t.glued(end)) return false;
  const stop = operandEnd(t, i);
  return stop > end && isTerminator(t, stop);
}

/** A line, an element or a field ends before `i`: what stands there belongs to another value. */
export function endsElement(t: Tokens, i: number): boolean {
  return ((t.flags[i] as number) & LINE) !== 0 || (t.kind[i] === 0x3c && t.kind[i + 1] === 0x2f) ||
    (t.kind[i] === AMPERSAND && t.glued(i) && t.kind[i + 2] === EQUALS);
}

const TIME_SERIES = new Set(["measurement", "series", "keyspace", "retention", "hypertable"].map(word));
const STREAMED = new Set(
  [
    "stable",
    "stream",
    "continuous",
    "dictionary",
    "topic",
    "subscription",
    "publication",
    "dnode",
    "mnode",
    "tablespace",
  ].map(word),
);
const TRIGGER = word("trigger");
const MOMENTS = new Set(["after", "before", "instead"].map(word));
const CHANGES = new Set(["add", "drop", "modify", "rename", "alter"].map(word));

function isProcedure(t: Tokens, i: number): boolean {
  if (t.kind[i] !== WORD) return false;
  const start = t.start[i] as number;
  const first = (t.bytes[start] as number) | 0x20;
  return (first === 0x78 || first === 0x73) && ((t.bytes[start + 1] as number) | 0x20) === 0x70 &&
    t.bytes[start + 2] === 0x5f &&
    (t.end[i] as number) - start > 4;
}

/** One of the words that begin what an attack runs stands at `i`. */
export function isSqlWord(t: Tokens, i: number): boolean {
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
