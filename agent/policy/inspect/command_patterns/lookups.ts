import { lower, word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { PIPE } from "../shell_grammar.ts";
import { BOUND, type Tokens, WORD } from "../tokens.ts";

const JNDI = word("jndi"), LOWER = word("lower"), UPPER = word("upper"), DNS = word("dns"), UTF = word("utf");
const ENV = word("env"), SYS = word("sys"), JAVA = word("java"), XML = word("xml"), CONST = word("const");
const PROPERTIES_WORD = word("properties"), BUNDLE = word("bundle"), SPRING = word("spring");
const CTX = word("ctx"), MAIN = word("main"), WEB = word("web");
const DOCKER = word("docker"), K8S = word("k8s"), DOT = 0x2e;
const SLASH = 0x2f, DOLLAR = 0x24, BRACE = 0x7b, CLOSE_BRACE = 0x7d, COLON = 0x3a, MINUS = 0x2d;
const LOOKUP_SCHEMES = new Set(
  ["ldap", "ldaps", "rmi", "dns", "iiop", "corba", "nis", "nds", "http", "https"].map(word),
);
const LOOKUPS = new Set(
  [
    "env",
    "sys",
    "ctx",
    "date",
    "main",
    "java",
    "base64",
    "bundle",
    "log4j",
    "marker",
    "map",
    "spring",
    "k8s",
    "docker",
    "web_inf",
  ].map(word),
);

const TEXT_LOOKUPS = new Set(["url", "dns", "script", "file"].map(word));

/** Log4j looks up what stands in `${}`: `${jndi:ldap://…}`, and with its name hidden `${${lower:j}ndi:…}`, `${${::-j}…`. */
function isLookup(t: Tokens, i: number): boolean {
  if (t.word[i] === JNDI) {
    return t.kind[i + 1] === COLON && (t.kind[i - 1] === BRACE || LOOKUP_SCHEMES.has(t.word[i + 2] as number));
  }
  if (t.kind[i] === WORD) {
    // …i:ldap:/x, behind whatever hid the name
    if (t.kind[i - 1] !== COLON || t.kind[i + 1] !== COLON || t.kind[i + 2] !== SLASH || !t.glued(i + 2)) return false;
    for (let at = i - 2; at > i - 60 && t.kind[at] !== BOUND; at--) {
      if (t.kind[at] === DOLLAR && t.kind[at + 1] === BRACE) return true;
    }
    return false;
  }
  // `${` in `${`, or a default value of nothing: no template has these.
  if (t.kind[i + 1] !== BRACE) return false;
  // ${script:javascript:…}, ${url:UTF-8:…}, ${dns:address|…} (CVE-2022-42889)
  if (
    t.kind[i + 3] === COLON && TEXT_LOOKUPS.has(t.word[i + 2] as number) && t.glued(i + 3) && t.kind[i + 4] === WORD
  ) {
    if (t.word[i + 2] === DNS) return t.kind[i + 5] === PIPE;
    return t.kind[i + 5] === COLON || (t.word[i + 4] === UTF && t.kind[i + 7] === COLON);
  }
  if (isLoneLookup(t, i)) return true;
  const isNested = (t.kind[i - 1] === BRACE && t.kind[i - 2] === DOLLAR) ||
    (t.kind[i - 1] === WORD && t.glued(i) && t.kind[i - 2] === BRACE && t.kind[i - 3] === DOLLAR);
  if (isNested) {
    // ${${a:-j}ndi…
    for (let at = i + 2; at < i + 12 && t.kind[at] !== CLOSE_BRACE && t.kind[at] !== BOUND; at++) {
      if (t.kind[at] === COLON && t.kind[at + 1] === MINUS) return true;
    }
  }
  const isInside = isNested || (t.kind[i - 1] === CLOSE_BRACE) || t.kind[i - 1] === WORD && t.glued(i);
  if (t.kind[i + 2] === COLON) return t.kind[i + 3] === COLON && t.kind[i + 4] === MINUS;
  if (t.kind[i + 2] !== WORD || t.kind[i + 3] !== COLON || !t.glued(i + 3)) return false;
  const name = t.word[i + 2] as number;
  if (name === LOWER || name === UPPER) return isInside || isLoneLetter(t, i + 4);
  if (t.kind[i + 4] === COLON && t.kind[i + 5] === MINUS) return true;
  // ${env:NaN:-j}
  if (!isNested || !LOOKUPS.has(name)) return false;
  for (let at = i + 4; at < i + 10; at++) if (t.kind[at] === COLON && t.kind[at + 1] === MINUS) return true;
  return true;
}

/**
 * `${sys:user.name}`, `${docker:containerId}`: what a logger alone knows. `${env:HOME}` is a setting of many programs, so
 * only the name of a secret counts, or a text that is nothing else.
 */
function isLoneLookup(t: Tokens, i: number): boolean {
  if (t.kind[i + 2] !== WORD || t.kind[i + 3] !== COLON || !t.glued(i + 3) || !t.glued(i + 4)) return false;
  const first = t.kind[i + 4] as number;
  switch (t.word[i + 2]) {
    case ENV:
      if (t.kind[i + 5] !== CLOSE_BRACE) return false;
      return namesSecret(t, i + 4) || isWholeText(t, i, i + 5);
    case SYS:
      return first === WORD && t.kind[i + 5] === DOT && PROPERTIES.has(t.word[i + 4] as number);
    case JAVA:
      return t.kind[i + 5] === CLOSE_BRACE && JAVA_FACTS.has(t.word[i + 4] as number);
    case XML:
    case PROPERTIES_WORD:
      return first === SLASH;
    case CONST:
    case BUNDLE:
    case SPRING:
      return first === WORD && (t.kind[i + 5] === DOT || t.kind[i + 5] === COLON);
    case CTX:
    case MAIN:
    case WEB:
      // The value of a setting too: only Log4j has these.
      return t.kind[i + 5] === CLOSE_BRACE && t.kind[i - 1] === BOUND && t.kind[i + 6] === BOUND;
    case DOCKER:
    case K8S:
      return first === WORD && t.kind[i + 5] === CLOSE_BRACE && isWholeText(t, i, i + 5);
  }
  return false;
}

/** There is nothing else in the text: no document either, of which it would be a setting. */
function isWholeText(t: Tokens, from: number, to: number): boolean {
  return t.kind[from - 1] === BOUND && t.kind[from - 2] === BOUND && t.kind[to + 1] === BOUND &&
    t.kind[to + 2] === BOUND;
}

/** The name at `i` ends in what names of secrets end in: `AWS_SECRET_ACCESS_KEY`, `DB_PASSWORD`. */
function namesSecret(t: Tokens, i: number): boolean {
  const to = t.end[i] as number;
  return SECRET_ENDS.some((text) => {
    const from = to - text.length;
    if (from < (t.start[i] as number)) return false;
    for (let n = 0; n < text.length; n++) if (lower(t.bytes[from + n] as number) !== text.charCodeAt(n)) return false;
    return true;
  });
}
const SECRET_ENDS = ["secret", "password", "passwd", "access_key", "access_key_id", "private_key", "session_token"];
const PROPERTIES = new Set(["java", "user", "os", "com"].map(word));
const JAVA_FACTS = new Set(["version", "runtime", "vm", "os", "hw", "locale"].map(word));

function isLoneLetter(t: Tokens, i: number): boolean {
  return (t.end[i] as number) - (t.start[i] as number) === 1 && t.kind[i + 1] === CLOSE_BRACE;
}

/** Lookups that a logger makes of what it is to write. */
export const LOOKUP_PATTERNS = {
  lookup: {
    name: "cmd-lookup",
    category: "command-injection",
    severity: "critical",
    catches:
      "Lookups of Log4j: JNDI (CVE-2021-44228), hidden in further lookups too, and those that tell what the server knows",
    example: "${${lower:j}ndi:ldap://x/a}",
    nearMiss: "${name:-default} at ${env:HOME} ${sys:x}",
    at: [JNDI, "$", ...["ldap", "ldaps", "rmi", "iiop"].map(word)],
    test: isLookup,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
