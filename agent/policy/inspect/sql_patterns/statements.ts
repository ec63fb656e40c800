import { STATEMENT, word, wordsOf } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import {
  breakoutBefore,
  closesValue,
  isBreaking,
  isComment,
  isShouted,
  isTerminator,
  nameEnd,
} from "../sql_grammar.ts";
import { BOUND, NUMBER, type Tokens, WORD } from "../tokens.ts";
import { endsElement, isStatement } from "./statement_grammar.ts";

const WITH = word("with"), SHOW = word("show"), USE = word("use"), EXPLAIN = word("explain"), LOCK = word("lock");
const TABLES = word("tables"), FLUSH = word("flush"), PRIVILEGES = word("privileges"), HANDLER = word("handler");
const OPEN_WORD = word("open"), READ = word("read"), AS = word("as"), VACUUM = word("vacuum"), KILL = word("kill");
const BEGIN = word("begin"), SELECT = word("select"), INTO = word("into"), SET = word("set"), TABLE = word("table");
const TRUNCATE = word("truncate"), USERS = word("users"), PREPARE = word("prepare"), FROM = word("from");
const OPTIMIZE = word("optimize"), REPAIR = word("repair"), ANALYZE = word("analyze"), COMMENT = word("comment");
const RESET = word("reset"), MASTER = word("master"), ON = word("on"), IS = word("is");
const SYSTEM = word("system");
const OPEN = 0x28, SEMICOLON = 0x3b;

/** `; show tables`, `; use master`, `; do $$ …`: statements that only an administrator has. */
function isAdministration(t: Tokens, i: number): boolean {
  let before = i - 1;
  while (t.kind[before] === OPEN && before > i - 4) before--;
  if (t.kind[before] !== SEMICOLON) return false;
  const next = t.word[i + 1] as number;
  switch (t.word[i]) {
    case SYSTEM:
      // ClickHouse: 1'; SYSTEM SHUTDOWN; --, and no alarm that is written large
      return SYSTEM_VERBS.has(next) &&
        ((t.isQuote(before - 1) && isBreaking(t, before - 1) && closesValue(t, before - 1)) || isComment(t, i + 2) ||
          (t.kind[i + 2] === SEMICOLON && isComment(t, i + 3)));
    case SHOW:
      // "open the list; show users" is a sentence.
      if (next === USERS && !isShouted(t, i) && t.kind[before - 1] !== NUMBER && !t.isQuote(before - 1)) return false;
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
    case TRUNCATE: {
      const end = t.kind[i + 1] === WORD ? nameEnd(t, i + 1) : -1;
      return end > 0 && isTerminator(t, end) && (t.kind[before - 1] === NUMBER || t.isQuote(before - 1));
    }
    case PREPARE:
      return t.kind[i + 1] === WORD && t.word[i + 2] === FROM &&
        (t.isQuote(i + 3) || t.kind[i + 3] === 0x40 ||
          (t.kind[i + 3] === NUMBER && ((t.bytes[(t.start[i + 3] as number) + 1] as number) | 0x20) === 0x78));
    case OPTIMIZE:
    case REPAIR:
    case ANALYZE:
      return t.glued(i) && next === TABLE && t.kind[i + 2] === WORD && isTerminator(t, i + 3);
    case COMMENT:
      return next === ON && t.word[i + 2] === TABLE && t.kind[i + 3] === WORD && t.word[i + 4] === IS;
    case RESET:
      return t.glued(i) && next === MASTER && isTerminator(t, i + 2);
    case LOCK:
      return (next === TABLES || next === TABLE) && t.kind[i + 2] === WORD;
    case FLUSH:
      return (next === PRIVILEGES || next === TABLES) && isTerminator(t, i + 2);
    case HANDLER:
      return t.kind[i + 1] === WORD && (t.word[i + 2] === OPEN_WORD || t.word[i + 2] === READ);
  }
  return t.kind[i + 1] === 0x24 && t.kind[i + 2] === 0x24;
}
const SYSTEM_VERBS = new Set(["shutdown", "kill", "reload", "drop", "stop", "start", "flush", "restart"].map(word));
const SHOWN = new Set(
  ["tables", "databases", "columns", "schemas", "processlist", "variables", "grants", "users"].map(word),
);
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
  const quote = breakoutBefore(t, i);
  return quote >= 0 && closesValue(t, quote) && t.word[i] !== SET && isStatement(t, i, false);
}

/** Whole statements: behind a semicolon, behind a value, alone. */
export const STATEMENTS = {
  stacked: {
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
  alone: {
    name: "sql-statement",
    category: "sqli",
    severity: "medium",
    catches: "A text that is a statement of SQL, or goes on as one behind a quote that breaks out",
    example: "DELETE FROM users WHERE id = 1",
    nearMiss: "please update the thermostat set point",
    at: wordsOf(STATEMENT),
    test: isStatementAlone,
  },
  administration: {
    name: "sql-administration",
    category: "sqli",
    severity: "medium",
    catches: "SHOW TABLES, USE master, FLUSH PRIVILEGES and other statements of administrators behind a semicolon",
    example: "1; show databases",
    nearMiss: "stop; show the tables; use the master key",
    at: [
      ...["show", "use", "explain", "lock", "flush", "handler", "do", "with", "vacuum", "kill", "truncate", "prepare"],
      ...["optimize", "repair", "analyze", "comment", "reset", "system"],
    ].map(word),
    gate: "separator",
    test: isAdministration,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
