import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BOUND, LINE, NUMBER, type Tokens } from "../tokens.ts";

const OBJECT = word("object"), RUBY = word("ruby"), PYTHON = word("python"), JAVAX = word("javax");
const JAVA = word("java"), COM = word("com"), JDBCROWSETIMPL = word("jdbcrowsetimpl");
const OBJECTDATAPROVIDER = word("objectdataprovider");
const SLASH = 0x2f, BACKSLASH = 0x5c, OPEN = 0x28, COLON = 0x3a, DOT = 0x2e;
const RUNS_TEXT = new Set(["system", "popen", "exec", "eval"].map(word));

/** Objects that are made again from a text, and run code in doing so: `!!python/object/apply`, `O:8:"X":1:{`. */
function isSerializedObject(t: Tokens, i: number): boolean {
  // Python's pickle: cos⏎system⏎(S'id'
  if (t.kind[i] === OPEN) {
    return t.kind[i + 2] === 0x27 && t.end[i + 1]! - t.start[i + 1]! === 1 && ((t.flags[i] as number) & LINE) !== 0 &&
      ((t.flags[i - 1] as number) & LINE) !== 0 && RUNS_TEXT.has(t.word[i - 1] as number);
  }
  if (t.kind[i] === 0x21) {
    const at = t.kind[i + 1] === 0x21 ? i + 2 : i + 1;
    const language = t.word[at] as number;
    if (t.kind[i + 1] !== 0x21) return language === RUBY && t.kind[at + 1] === SLASH && t.word[at + 2] === OBJECT;
    if (language === PYTHON || language === RUBY) return t.kind[at + 1] === SLASH;
    return (language === JAVAX || language === JAVA || language === COM) && t.kind[at + 1] === DOT;
  }
  if (t.word[i] === JDBCROWSETIMPL || t.word[i] === OBJECTDATAPROVIDER) return t.kind[i - 1] === DOT;
  // O:8:"stdClass":1:{
  return t.kind[i + 1] === COLON && t.kind[i + 2] === NUMBER && t.kind[i + 3] === COLON && t.glued(i + 1) &&
    t.glued(i + 3) && (t.isQuote(i + 4) || t.kind[i + 4] === BACKSLASH || t.kind[i + 4] === BOUND);
}

/** Objects that run code when they are made again. */
export const SERIALIZED = {
  object: {
    name: "cmd-serialized",
    category: "command-injection",
    severity: "medium",
    catches:
      "Serialised objects that run code when they are made: YAML tags of languages, PHP, known classes of Java and .NET",
    example: '!!python/object/apply:os.system ["id"]',
    nearMiss: '!!str 5 !!binary x {"o":8}',
    at: ["!!", "!r", "(s", ...["o", "jdbcrowsetimpl", "objectdataprovider"].map(word)],
    test: isSerializedObject,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
