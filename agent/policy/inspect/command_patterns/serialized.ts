import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { isPublicAddress } from "../public_address.ts";
import { BOUND, LINE, NUMBER, type Tokens } from "../tokens.ts";

const OBJECT = word("object"), RUBY = word("ruby"), PYTHON = word("python"), JAVAX = word("javax");
const DIAGNOSTICS = word("diagnostics"), SYSTEM = word("system"), PROCESS = word("process");
const JAVA = word("java"), COM = word("com");
const SLASH = 0x2f, BACKSLASH = 0x5c, OPEN = 0x28, COLON = 0x3a, DOT = 0x2e;
const JS = word("js"), FUNCTION = word("function"), PY = word("py"), ND_FUNC = word("nd_func");
const JSON_CLASS = word("json_class"), PROXY = word("proxy"), DYNAMIC = word("dynamic");
/** Classes that run code, or ask a server, when they are made of a text. */
const GADGETS = new Set(
  [
    "jdbcrowsetimpl",
    "objectdataprovider",
    "templatesimpl",
    "classpathxmlapplicationcontext",
    "filesystemxmlapplicationcontext",
    "inet4address",
    "inet6address",
    "jndidatasourcefactory",
    "xmldecoder",
    "invokertransformer",
    "badattributevalueexpexception",
    "annotationinvocationhandler",
    "initialcontext",
    "jndirefforwardingdatasource",
    "jndiconnectionsource",
    "jndirefconnectionpool",
    "jndiconverter",
    "jndipropertyaccessor",
    "jndiobjectfactorybean",
    "propertypathfactorybean",
  ].map(word),
);
const REMAKES = new Set(["reduce", "function", "type", "module", "repr"].map(word));
const REMADE_BY_RUBY = new Set(["object", "hash", "struct"].map(word));
const MODULES = new Set(["os", "posix", "nt", "subprocess", "builtins"].map(word));
const RUNS_TEXT = new Set(["system", "popen", "exec", "eval"].map(word));

/** Objects that are made again from a text, and run code in doing so: `!!python/object/apply`, `O:8:"X":1:{`. */
function isSerializedObject(t: Tokens, i: number): boolean {
  // Python's pickle: cos⏎system⏎(S'id'
  if (t.kind[i] === OPEN) {
    // A line `p0` may stand between.
    const name = RUNS_TEXT.has(t.word[i - 1] as number) ? i - 1 : i - 2;
    return t.kind[i + 2] === 0x27 && t.end[i + 1]! - t.start[i + 1]! === 1 && ((t.flags[i] as number) & LINE) !== 0 &&
      ((t.flags[name] as number) & LINE) !== 0 && RUNS_TEXT.has(t.word[name] as number);
  }
  if (t.kind[i] === 0x21) {
    const at = t.kind[i + 1] === 0x21 ? i + 2 : i + 1;
    const language = t.word[at] as number;
    if (t.kind[i + 1] !== 0x21) {
      return language === RUBY && t.kind[at + 1] === SLASH && REMADE_BY_RUBY.has(t.word[at + 2] as number);
    }
    if (language === PYTHON || language === RUBY) return t.kind[at + 1] === SLASH;
    if (language === JS) return t.kind[at + 1] === SLASH && t.word[at + 2] === FUNCTION;
    return (language === JAVAX || language === JAVA || language === COM) && t.kind[at + 1] === DOT;
  }
  // A class by its whole name; in a stack trace a method and `(` follow it.
  if (GADGETS.has(t.word[i] as number)) {
    return t.kind[i - 1] === DOT && t.glued(i) && t.kind[i + 1] !== DOT && t.kind[i + 1] !== OPEN &&
      t.kind[i + 1] !== 0x24;
  }
  switch (t.word[i]) {
    case PY:
      // {"py/reduce":[…]}
      if (
        t.kind[i - 1] !== BOUND || t.kind[i + 1] !== SLASH || t.kind[i + 3] !== BOUND || t.kind[i + 4] !== COLON
      ) return false;
      // {"py/object":"os.system"}
      if (t.word[i + 2] === OBJECT) return MODULES.has(t.word[i + 6] as number) && t.kind[i + 7] === DOT;
      return REMAKES.has(t.word[i + 2] as number);
    case DIAGNOSTICS:
      // {"$type":"System.Diagnostics.Process, System"}
      return t.kind[i - 1] === DOT && t.word[i - 2] === SYSTEM && t.kind[i + 1] === DOT && t.word[i + 2] === PROCESS &&
        t.kind[i + 3] === 0x2c;
    case ND_FUNC:
      // node-serialize: _$$ND_FUNC$$_function
      return t.kind[i - 1] === 0x24 && t.kind[i - 2] === 0x24 && t.kind[i + 1] === 0x24 && t.kind[i + 2] === 0x24;
    case JSON_CLASS:
      return t.kind[i - 1] === BOUND && t.kind[i + 1] === BOUND && t.kind[i + 2] === COLON && t.kind[i + 5] === COLON &&
        t.kind[i + 6] === COLON;
    case PROXY:
      // XStream: <dynamic-proxy>
      return t.kind[i - 1] === 0x2d && t.word[i - 2] === DYNAMIC && t.kind[i - 3] === 0x3c && t.kind[i + 1] === 0x3e;
  }
  // `ssl/clnt.c:1889:` is a line of a program.
  if (t.kind[i - 1] === DOT) return false;
  // O:8:"stdClass":1:{, C:11:"ArrayObject":0:{
  return t.kind[i + 1] === COLON && t.kind[i + 2] === NUMBER && t.kind[i + 3] === COLON && t.glued(i + 1) &&
    t.glued(i + 3) && (t.isQuote(i + 4) || t.kind[i + 4] === BACKSLASH || t.kind[i + 4] === BOUND);
}

/**
 * `{"jndiLocation":"rmi://x/o"}`: a name that is looked up where the text says. LDAP is a directory of the house too, so that
 * the key has to be one of those that look up; RMI and CORBA nobody sends otherwise.
 */
function isRemoteName(t: Tokens, i: number): boolean {
  if (
    t.kind[i - 1] !== BOUND || t.kind[i + 1] !== COLON || t.kind[i + 2] !== SLASH || t.kind[i + 3] !== SLASH ||
    !t.glued(i + 1) || !t.glued(i + 2) || !t.glued(i + 3) || t.kind[i + 4] === BOUND
  ) return false;
  if (!DIRECTORIES.has(t.word[i] as number)) return true;
  const isKey = t.kind[i - 2] === COLON && t.kind[i - 3] === BOUND && t.kind[i - 5] === BOUND;
  if (isKey) return JNDI_KEYS.has(t.word[i - 4] as number);
  // ldap://203.0.113.5/x, and nothing else
  return t.kind[i - 2] === BOUND && t.kind[i + 4] === NUMBER && isPublicAddress(t.bytes, t.start[i + 4] as number);
}
const DIRECTORIES = new Set(["ldap", "ldaps"].map(word));
const JNDI_KEYS = new Set(
  ["jndilocation", "jndiname", "jndipath", "datasourcename", "namingname", "lookup", "jndi", "asjson", "beanname"].map(
    word,
  ),
);

/** Objects that run code when they are made again. */
export const SERIALIZED = {
  remoteName: {
    name: "cmd-remote-name",
    category: "command-injection",
    severity: "high",
    catches: "A name that Java is to look up at a server of the caller: rmi://, iiop://, ldap:// under a key of JNDI",
    example: '{"jndiLocation":"rmi://evil.example/o"}',
    nearMiss: '{"directory":"ldap://10.0.0.5/dc=example"} rmi: 5',
    at: ["rmi", "iiop", "corba", "ldap", "ldaps"].map(word),
    test: isRemoteName,
  },
  object: {
    name: "cmd-serialized",
    category: "command-injection",
    severity: "medium",
    catches:
      "Serialised objects that run code when they are made: YAML tags of languages, PHP, known classes of Java and .NET",
    example: '!!python/object/apply:os.system ["id"]',
    nearMiss: '!!str 5 !!binary x {"o":8} at javax.a.JdbcRowSetImpl.connect(JdbcRowSetImpl.java:1) {"py":1}',
    at: ["!!", "!r", "(s", PY, ND_FUNC, JSON_CLASS, PROXY, DIAGNOSTICS, ...GADGETS, ...["o", "c"].map(word)],
    test: isSerializedObject,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
