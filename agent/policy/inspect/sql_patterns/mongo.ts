import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { closesValue, isBreaking } from "../sql_grammar.ts";
import { BOUND, type Tokens, WORD } from "../tokens.ts";

const NULL = word("null"), TRUE = word("true"), NE = word("ne"), REGEX = word("regex"), OR = word("or");
const DROPDATABASE = word("dropdatabase"), REMOVE = word("remove"), DELETEMANY = word("deletemany");
const FUNCTION = word("function"), OUT = word("out"), MERGE = word("merge");
const NOR = word("nor"), AND = word("and"), WHERE = word("where"), NOT = word("not"), DROP = word("drop");
const OPEN = 0x28, SEMICOLON = 0x3b, EQUALS = 0x3d, CLOSE_BRACKET = 0x5d;

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
  // [{"$match": …}, {"$out": "users"}]: a stage that writes
  if ((number === OUT || number === MERGE) && t.kind[opener] === 0x7b) {
    // The first of an array may be $merge of a JSON schema.
    return t.kind[opener - 1] === 0x2c || (number === OUT && t.kind[opener - 1] === 0x5b);
  }
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

/** Brackets that this text has not opened close behind a quote that breaks out, and end at `i`. */
function isBrokenOut(t: Tokens, i: number): boolean {
  let at = i;
  while (at > i - 6 && (t.kind[at] === 0x29 || t.kind[at] === 0x7d || t.kind[at] === CLOSE_BRACKET)) at--;
  return t.isQuote(at) && isBreaking(t, at) && closesValue(t, at);
}
const WRITES = new Set(["insert", "insertone", "insertmany", "update", "updateone", "updatemany"].map(word));

/** `'; db.users.drop(); '`: the shell of MongoDB. */
function isMongoShell(t: Tokens, i: number): boolean {
  const before = t.kind[i - 1] as number;
  if (before !== SEMICOLON && before !== BOUND && !t.isQuote(i - 1)) return false;
  if (t.kind[i + 1] !== 0x2e || !t.glued(i + 1)) return false;
  const first = t.word[i + 2] as number;
  if (first === DROPDATABASE) return t.kind[i + 3] === OPEN;
  const method = t.word[i + 4] as number;
  const isWrite = WRITES.has(method) && before === SEMICOLON && isBrokenOut(t, i - 2);
  return t.kind[i + 3] === 0x2e && t.kind[i + 5] === OPEN &&
    (isWrite || method === DROP || method === REMOVE || method === DELETEMANY);
}

/** `{"mapReduce":"x","map":"function(){…}"}`: a command whose functions run in the server. */
function isMapReduce(t: Tokens, i: number): boolean {
  if (t.kind[i - 1] !== BOUND && !t.isQuote(i - 1) && t.kind[i - 1] !== 0x7b) return false;
  const behind = t.kind[i + 1] === BOUND || t.isQuote(i + 1) ? i + 2 : i + 1;
  if (t.kind[behind] !== 0x3a) return false;
  for (let at = behind; at < behind + 24; at++) if (t.word[at] === FUNCTION && t.kind[at + 1] === OPEN) return true;
  return false;
}

/** MongoDB: operators in a document, and its shell. */
export const MONGO = {
  operator: {
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
  mapReduce: {
    name: "nosql-map-reduce",
    category: "sqli",
    severity: "medium",
    catches: "The command of MongoDB whose functions run in the server",
    example: '{"mapReduce":"x","map":"function(){emit(1,1)}"}',
    nearMiss: '{"mapReduce":"on","note":"functions"}',
    at: [word("mapreduce")],
    test: isMapReduce,
  },
  shell: {
    name: "nosql-shell",
    category: "sqli",
    severity: "medium",
    catches: "Calls of the shell of MongoDB that remove data",
    example: "'; db.users.drop(); '",
    nearMiss: "db.version() my db.x",
    at: [word("db")],
    test: isMongoShell,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
