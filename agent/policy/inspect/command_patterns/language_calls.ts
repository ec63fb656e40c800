import { BARE, NAMED, PLAIN, SURE, TARGET, word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BOUND, type Tokens, WORD } from "../tokens.ts";

const EXEC = word("exec"), CMD = word("cmd"), GETRUNTIME = word("getruntime");
const PROCESSBUILDER = word("processbuilder"), CHILD_PROCESS = word("child_process"), REQUIRE = word("require");
const MAINMODULE = word("mainmodule"), DUNDER_IMPORT = word("__import__"), ID = word("id"), EVAL = word("eval");
const ASSERT = word("assert"), IMPORT = word("import"), CALL = word("call"), RUN = word("run");
const WRITE18 = word("write18"), INCLUDE = word("include"), HTTP = word("http"), HTTPS = word("https");
const RUNTIME = word("runtime");
const OPEN_WORD = word("open"), SUBPROCESS = word("subprocess"), WSCRIPT = word("wscript"), SHELL = word("shell");
const SLASH = 0x2f, BACKSLASH = 0x5c, DOLLAR = 0x24, OPEN = 0x28, CLOSE = 0x29, COLON = 0x3a, DOT = 0x2e;
const SUPERGLOBALS = new Set(["_get", "_post", "_request", "_cookie"].map(word));

const DECODERS = new Set(["base64_decode", "compile", "gzinflate", "str_rot13", "atob"].map(word));

/** A string handed to what runs it, whose first word is a program: `os.system('id')`, `exec("cat /etc/x")`. */
function isProgramCall(t: Tokens, i: number): boolean {
  // Ruby: %x(id)
  if (t.kind[i] === 0x25) {
    return t.end[i + 1]! - t.start[i + 1]! === 1 && t.kind[i + 2] === OPEN && t.glued(i + 2) &&
      ((t.bits[i + 3] as number) & (SURE | BARE)) !== 0 && (t.kind[i + 4] === CLOSE || t.spaced(i + 4));
  }
  if (t.kind[i + 1] !== OPEN || !t.glued(i + 1)) return false;
  let at = i + 2;
  if (t.kind[at] === 0x5b) at++;
  const number = t.word[i] as number;
  if (number === EVAL || number === ASSERT) {
    if (t.kind[at] === DOLLAR) return SUPERGLOBALS.has(t.word[at + 1] as number);
    return DECODERS.has(t.word[at] as number) && t.kind[at + 1] === OPEN;
  }
  // PHP: system($_GET['c'])
  if (t.kind[at] === DOLLAR) return SUPERGLOBALS.has(t.word[at + 1] as number);
  // call_user_func('system', …)
  if (TAKES_FUNCTION.has(number)) return t.isQuote(at) && RUNS.has(t.word[at + 1] as number) && t.isQuote(at + 2);
  // perl: open(F, "|id")
  if (number === OPEN_WORD) return isOpenedPipe(t, at);
  if (number === CMD && t.kind[i - 1] !== COLON) return false;
  if (!t.isQuote(at) && t.kind[at] !== BOUND) return false;
  while (t.isQuote(at) || t.kind[at] === BACKSLASH) at++;
  if (t.kind[at] === SLASH) return ((t.bits[at + 1] as number) & TARGET) !== 0;
  if (t.word[at] === IMPORT) return number === EXEC;
  const bits = t.bits[at] as number;
  if (t.word[at] === ID) return t.word[i - 2] === SUBPROCESS || (number !== CALL && number !== RUN);
  return (bits & SURE) !== 0 || ((bits & (NAMED | PLAIN)) !== 0 && (bits & BARE) !== 0);
}

/** A quote, `|` and a program, as the first or second argument at `i`. */
function isOpenedPipe(t: Tokens, i: number): boolean {
  const at = t.kind[i] === WORD && t.kind[i + 1] === 0x2c ? i + 2 : i;
  return (t.isQuote(at) || t.kind[at] === BOUND) && t.kind[at + 1] === 0x7c && t.glued(at + 2) &&
    ((t.bits[at + 2] as number) & (SURE | NAMED | BARE)) !== 0;
}
const TAKES_FUNCTION = new Set(["call_user_func", "call_user_func_array", "array_map"].map(word));
const RUNS = new Set(["system", "exec", "passthru", "shell_exec", "popen", "assert", "eval"].map(word));

function isLanguageCall(t: Tokens, i: number): boolean {
  switch (t.word[i]) {
    case GETRUNTIME:
      // java.lang.Runtime.getRuntime() alone, too
      return t.kind[i + 1] === OPEN && t.kind[i + 2] === CLOSE &&
        (t.kind[i + 3] === DOT || (t.kind[i + 3] === BOUND && t.word[i - 2] === RUNTIME));
    case PROCESSBUILDER:
      // <object class="java.lang.ProcessBuilder">
      if (t.kind[i + 1] !== OPEN) return t.kind[i - 1] === DOT && (t.isQuote(i + 1) || t.kind[i + 1] === BOUND);
      return t.kind[i - 1] === WORD || t.kind[i - 1] === DOT;
    case WRITE18:
      // TeX: \write18{id}
      return t.kind[i - 1] === BACKSLASH && t.kind[i + 1] === 0x7b;
    case INCLUDE:
      // include('http://…')
      return t.kind[i + 1] === OPEN && t.glued(i + 1) && t.isQuote(i + 2) &&
        (t.word[i + 3] === HTTP || t.word[i + 3] === HTTPS) && t.kind[i + 4] === COLON;
    case CHILD_PROCESS:
      return t.isQuote(i - 1) && t.kind[i - 2] === OPEN && (t.word[i - 3] === REQUIRE || t.word[i - 3] === IMPORT);
    case MAINMODULE:
      return t.kind[i + 1] === DOT && t.word[i + 2] === REQUIRE;
    case WSCRIPT:
      // CreateObject("WScript.Shell")
      return t.kind[i + 1] === DOT && t.word[i + 2] === SHELL && t.glued(i + 2);
    case DUNDER_IMPORT:
      return t.kind[i + 1] === OPEN;
  }
  // PHP: a call with an argument
  return t.kind[i + 1] === OPEN && t.kind[i + 2] !== CLOSE && t.kind[i - 1] !== DOT;
}

/** Calls by which programs of a language start others. */
export const LANGUAGE_CALLS = {
  start: {
    name: "cmd-language-call",
    category: "command-injection",
    severity: "medium",
    catches: "Calls by which programs start others: Java, Node.js, Python, PHP",
    example: "Runtime.getRuntime().exec('id')",
    nearMiss: "at java.lang.Runtime.exec(Runtime.java:450)",
    at: [
      "getruntime",
      "processbuilder",
      "child_process",
      "mainmodule",
      "__import__",
      "shell_exec",
      "passthru",
      "proc_open",
      "pcntl_exec",
      "wscript",
      "write18",
      "include",
      "create_function",
    ].map(word),
    test: isLanguageCall,
  },
  text: {
    name: "cmd-program-call",
    category: "command-injection",
    severity: "medium",
    catches: "A call that runs a string, with a program in it; eval of something encoded",
    example: "os.system('id')",
    nearMiss: "system('on') exec('insert') re.compile('id') run('id')",
    at: [
      "%x",
      ...[
        "system",
        "popen",
        "exec",
        "execsync",
        "execute",
        "spawn",
        "spawnsync",
        "call",
        "check_output",
        "check_call",
        "run",
        "eval",
        "assert",
        "cmd",
        "passthru",
        "shell_exec",
        "open",
        "call_user_func",
        "call_user_func_array",
        "array_map",
        "getoutput",
      ].map(word),
    ],
    test: isProgramCall,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
