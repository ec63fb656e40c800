import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { breakoutBefore, closesValue, isBreaking, isShouted } from "../sql_grammar.ts";
import { type Tokens, WORD } from "../tokens.ts";

const ON = word("on"), UNION = word("union"), ALL = word("all"), DELETE = word("delete"), IN = word("in");
const RETURN = word("return"), DETACH = word("detach"), CALL = word("call"), MATCH = word("match");
const APOC = word("apoc"), FOR = word("for"), OR = word("or"), AND = word("and"), FILTER = word("filter");
const SECRETS = word("secrets"), GET = word("get"), KEY = word("key"), IMPORT = word("import");
const OPEN = 0x28,
  CLOSE = 0x29,
  BRACE = 0x7b,
  SLASH = 0x2f,
  CLOSE_BRACE = 0x7d,
  GREATER = 0x3e,
  DOT = 0x2e,
  COLON = 0x3a;

/** How far before a pipe the quote may stand that breaks out. */
const MAX_BACK = 16;

/** Flux: `x") |> to(…`: a parenthesis that this text has not opened is closed behind a quote that breaks out. */
function isFluxPipe(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] !== GREATER || !t.glued(i + 1) || t.kind[i + 2] !== WORD || t.kind[i + 3] !== OPEN) return false;
  if (t.kind[i - 1] !== CLOSE) return false;
  let depth = 0;
  for (let at = i - 1; at > i - MAX_BACK; at--) {
    if (t.kind[at] === CLOSE) depth++;
    else if (t.kind[at] === OPEN) depth--;
    // The nearest quote decides: in `from(bucket: "x") |> …` it is the one that closes.
    else if (t.isQuote(at)) return depth > 0 && isBreaking(t, at) && closesValue(t, at);
  }
  return false;
}

/** PromQL: `d1"} or on() up`, `d1"} or up{…`: a selector closed, and another one joined. */
function isSelectorBreakout(t: Tokens, i: number): boolean {
  if (t.kind[i - 1] !== CLOSE_BRACE || !t.isQuote(i - 2)) return false;
  if (!isBreaking(t, i - 2) || !closesValue(t, i - 2)) return false;
  const next = t.kind[i + 2] as number;
  return t.word[i + 1] === ON ? next === OPEN : t.kind[i + 1] === WORD && next === BRACE;
}

function isUnionBefore(t: Tokens, i: number): boolean {
  return t.word[i - 1] === UNION || (t.word[i - 1] === ALL && t.word[i - 2] === UNION);
}

/** Cypher and AQL: clauses that no sentence has so, or that stand behind a quote that breaks out. */
function isGraphClause(t: Tokens, i: number): boolean {
  switch (t.word[i]) {
    case DETACH:
      return t.word[i + 1] === DELETE && t.kind[i + 2] === WORD && (isShouted(t, i) || t.kind[i - 1] === CLOSE);
    case CALL:
      return t.word[i + 1] === APOC && t.kind[i + 2] === DOT && t.glued(i + 2) && t.kind[i + 3] === WORD;
    case MATCH:
      return t.kind[i + 1] === OPEN && isUnionBefore(t, i) &&
        // A union match (final) is one of football.
        (isShouted(t, i) || t.kind[i + 2] === COLON || (t.kind[i + 2] === WORD && t.kind[i + 3] === COLON));
    case RETURN:
      return t.kind[i - 1] === CLOSE && t.kind[i - 2] === CLOSE_BRACE && t.isQuote(i - 3) && isBreaking(t, i - 3) &&
        closesValue(t, i - 3);
  }
  if (t.kind[i + 1] !== WORD || t.word[i + 2] !== IN || t.kind[i + 3] !== WORD) return false;
  const quote = breakoutBefore(t, i);
  return quote >= 0 && closesValue(t, quote) && (t.word[i + 4] === RETURN || t.word[i + 4] === FILTER);
}

/** Flux: `import "…/secrets"`, `secrets.get(key: "x")`: what the server keeps to itself. */
function isFluxSecret(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] === DOT) {
    return t.word[i + 2] === GET && t.kind[i + 3] === OPEN && t.word[i + 4] === KEY && t.kind[i + 5] === COLON;
  }
  if (t.kind[i - 1] !== SLASH || !t.isQuote(i + 1)) return false;
  for (let at = i - 2; at > i - 12; at--) {
    if (t.isQuote(at) || t.kind[at] === 0x5c) return t.word[at - 1] === IMPORT || t.word[at - 2] === IMPORT;
    if (t.kind[at] !== WORD && t.kind[at] !== SLASH) return false;
  }
  return false;
}

/** Query languages of databases of time series and of graphs. */
export const QUERY_LANGUAGES = {
  pipe: {
    name: "query-flux-pipe",
    category: "sqli",
    severity: "high",
    catches: "Flux of InfluxDB: a call closed behind a quote that breaks out, and a pipe into the next one",
    example: 'room1") |> to(bucket: "other',
    nearMiss: 'from(bucket: "iot") |> range(start: -1h)',
    at: ["|>"],
    test: isFluxPipe,
  },
  secrets: {
    name: "query-flux-secrets",
    category: "sqli",
    severity: "high",
    catches: "Flux of InfluxDB: the secrets of the server",
    example: 'secrets.get(key: "DB_PASS")',
    nearMiss: 'secrets.get("a") and "/run/secrets" import "secrets"',
    at: [SECRETS],
    test: isFluxSecret,
  },
  selector: {
    name: "query-selector",
    category: "sqli",
    severity: "medium",
    catches: "PromQL: a selector closed behind a quote that breaks out, and another one joined to it",
    example: 'room1"} or on() up',
    nearMiss: 'up{job="a"} or on() up{job="b"}',
    at: [OR, AND],
    test: isSelectorBreakout,
  },
  graph: {
    name: "query-graph-clause",
    category: "sqli",
    severity: "high",
    catches:
      "Cypher and AQL: DETACH DELETE, CALL apoc., UNION MATCH, RETURN or FOR … IN behind a quote that breaks out",
    example: "room1'}) DETACH DELETE n //",
    nearMiss: "detach, delete and return; match (a) for each in turn; call apocrypha",
    at: [DETACH, CALL, MATCH, RETURN, FOR],
    test: isGraphClause,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
