import { COMPARES, CONNECTIVE, word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { breakoutBefore, isComment, isTerminator, nameEnd } from "../sql_grammar.ts";
import { BOUND, NUMBER, type Tokens, WORD } from "../tokens.ts";

const INSERT = word("insert"), XP_CMDSHELL = word("xp_cmdshell"), OUTFILE = word("outfile");
const DUMPFILE = word("dumpfile"), BULK = word("bulk"), XP_DIRTREE = word("xp_dirtree");
const XP_REGREAD = word("xp_regread"), XP_FILEEXIST = word("xp_fileexist"), SP_OACREATE = word("sp_oacreate");
const SP_MAKEWEBTASK = word("sp_makewebtask"), UTL_HTTP = word("utl_http"), UTL_INADDR = word("utl_inaddr");
const UTL_FILE = word("utl_file"), DBMS_LDAP = word("dbms_ldap"), DBMS_XMLGEN = word("dbms_xmlgen");
const CTXSYS = word("ctxsys"), INFORMATION_SCHEMA = word("information_schema"), PG_CATALOG = word("pg_catalog");
const JOIN = word("join"), DBMS_PIPE = word("dbms_pipe"), DBMS_LOCK = word("dbms_lock"), SONAME = word("soname");
const DBMS_SESSION = word("dbms_session");
const DO = word("do"), CALL = word("call"), SELECT = word("select"), INTO = word("into"), FROM = word("from");
const IF = word("if"), SLEEP = word("sleep"), BENCHMARK = word("benchmark"), PG_SLEEP = word("pg_sleep");
const WAITFOR = word("waitfor"), RANDOMBLOB = word("randomblob"), DELAY = word("delay"), TIME = word("time");
const OPEN = 0x28, CLOSE = 0x29, SEMICOLON = 0x3b, PIPE = 0x7c, AMPERSAND = 0x26;

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
      // 1 && sleep(5)
      if (kind === AMPERSAND && t.kind[i - 2] === AMPERSAND && t.kind[i - 3] === NUMBER) return t.kind[i - 4] === BOUND;
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

/** What reaches the server behind the data: its clock, its files, its catalog, its variables. */
export const SERVER_ACCESS = {
  delay: {
    name: "sql-delay",
    category: "sqli",
    severity: "high",
    catches: "Functions that make the database wait, by which blind injection reads its answers",
    example: "1 and sleep(5)",
    nearMiss: "time.sleep(5); sleep(10)",
    at: [SLEEP, BENCHMARK, PG_SLEEP, WAITFOR, RANDOMBLOB, DBMS_PIPE, DBMS_LOCK, DBMS_SESSION],
    test: isDelay,
  },
  files: {
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
  catalog: {
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
  variable: {
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
} as const satisfies Readonly<Record<string, Pattern>>;
