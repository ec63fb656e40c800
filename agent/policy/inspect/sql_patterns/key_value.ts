import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BOUND, LINE, NUMBER, type Tokens, WORD } from "../tokens.ts";

const FLUSHALL = word("flushall"), FLUSHDB = word("flushdb"), FLUSH_ALL = word("flush_all");
const CONFIG = word("config"), SET = word("set"), DIR = word("dir"), DBFILENAME = word("dbfilename");
const SLAVEOF = word("slaveof"), REPLICAOF = word("replicaof"), MODULE = word("module"), LOAD = word("load");
const REDIS = word("redis"), CALL = word("call"), PCALL = word("pcall");
const DOLLAR = 0x24, DOT = 0x2e, COLON = 0x3a, OPEN = 0x28, SLASH = 0x2f;

/** Token `i` begins the text or a line of it. */
function beginsLine(t: Tokens, i: number): boolean {
  return t.kind[i - 1] === BOUND || ((t.flags[i] as number) & LINE) !== 0;
}

/** The text or a line of it ends before token `i`. */
function endsLine(t: Tokens, i: number): boolean {
  return t.kind[i] === BOUND || ((t.flags[i] as number) & LINE) !== 0;
}

/** `*3⏎$3⏎SET`: an array of strings as Redis takes it. */
function isArrayOfStrings(t: Tokens, i: number): boolean {
  return beginsLine(t, i) && t.kind[i + 1] === NUMBER && t.glued(i + 1) && t.kind[i + 2] === DOLLAR &&
    ((t.flags[i + 2] as number) & LINE) !== 0 && t.kind[i + 3] === NUMBER && t.glued(i + 3) && endsLine(t, i + 4) &&
    t.kind[i + 4] === WORD;
}

/** `FLUSHALL`, `CONFIG SET dir /x`, `SLAVEOF host 6379`, `redis.call('…')`: commands, each in a line of its own. */
function isKeyValueCommand(t: Tokens, i: number): boolean {
  const number = t.word[i] as number;
  if (number === CALL || number === PCALL) {
    return t.kind[i - 1] === DOT && t.word[i - 2] === REDIS && t.kind[i + 1] === OPEN && t.glued(i + 1) &&
      (t.isQuote(i + 2) || t.kind[i + 2] === BOUND || t.kind[i + 2] === 0x5c);
  }
  if (number === DBFILENAME) return t.word[i - 1] === SET && t.word[i - 2] === CONFIG && beginsLine(t, i - 2);
  if (!beginsLine(t, i)) return false;
  switch (number) {
    case FLUSHALL:
    case FLUSHDB:
    case FLUSH_ALL:
      // Not the key of a document.
      return endsLine(t, i + 1) && t.kind[i + 2] !== COLON;
    case CONFIG:
      return t.word[i + 1] === SET && t.spaced(i + 1) && t.spaced(i + 2) && t.kind[i + 3] !== BOUND &&
        t.word[i + 2] === DIR && t.kind[i + 3] === SLASH;
    case SLAVEOF:
    case REPLICAOF:
      return t.spaced(i + 1) && (t.kind[i + 1] === WORD || t.kind[i + 1] === NUMBER);
    case MODULE:
      return t.word[i + 1] === LOAD && t.kind[i + 2] === SLASH && t.spaced(i + 2);
  }
  // memcached: set k 0 900 4⏎abcd, behind a value that was to be its key
  return number === SET && t.kind[i - 1] !== BOUND && t.kind[i + 1] === WORD && t.kind[i + 2] === NUMBER &&
    t.kind[i + 3] === NUMBER && t.kind[i + 4] === NUMBER && ((t.flags[i + 5] as number) & LINE) !== 0;
}

/** Protocols of stores of keys and values, which a request that is forged from elsewhere can speak. */
export const KEY_VALUE = {
  strings: {
    name: "redis-protocol",
    category: "sqli",
    severity: "medium",
    catches: "A command as Redis takes it over the wire, in a value that a request is made of",
    example: "*1\r\n$8\r\nFLUSHALL\r\n",
    nearMiss: "*3 $3 SET, 2 *1\n$5\n",
    at: ["*1"],
    test: isArrayOfStrings,
  },
  command: {
    name: "redis-command",
    category: "sqli",
    severity: "medium",
    catches: "Commands of Redis and memcached that remove everything, write files, load code or follow another server",
    example: "SLAVEOF 203.0.113.5 6379",
    nearMiss: "flushall is a command, redis.call stack",
    at: [FLUSHALL, FLUSHDB, FLUSH_ALL, SLAVEOF, REPLICAOF, DBFILENAME, CALL, PCALL],
    test: isKeyValueCommand,
  },
  line: {
    name: "redis-line",
    category: "sqli",
    severity: "medium",
    catches: "The same of words that are in other texts too: CONFIG SET dir, MODULE LOAD, and SET of memcached",
    example: "CONFIG SET dir /var/www",
    nearMiss: "config set dir to /home; module load 5; set fan 0",
    at: [CONFIG, MODULE, SET],
    gate: "separator",
    test: isKeyValueCommand,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
