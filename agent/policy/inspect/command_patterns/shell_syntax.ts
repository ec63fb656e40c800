import { isDisk } from "../disk_names.ts";
import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BACKTICK, isProgram, PIPE, SEMICOLON } from "../shell_grammar.ts";
import { BOUND, hexValue, IN_TAG, LINE, NUMBER, type Tokens, WORD } from "../tokens.ts";

const IFS = word("ifs"), DEV = word("dev"), SHELL_WORD = word("shell"), ETC = word("etc"), ROOT = word("root");
const VAR = word("var"), TMP = word("tmp"), USR = word("usr"), HOME = word("home"), FI = word("fi");
const C_WORD = word("c");
const DONE = word("done"), THEN = word("then"), DO = word("do"), IN = word("in");
const SLASH = 0x2f, DOLLAR = 0x24, OPEN = 0x28, CLOSE = 0x29, BRACE = 0x7b, CLOSE_BRACE = 0x7d, COLON = 0x3a;
const MINUS = 0x2d, EQUALS = 0x3d, DOT = 0x2e;

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
    return (t.kind[i - 1] === PIPE && t.spaced(i + 2)) ||
      (t.kind[i + 2] === MINUS && t.spaced(i + 2) && t.word[i + 3] === C_WORD && t.glued(i + 3)) ||
      t.kind[i + 2] === 0x3c ||
      (t.kind[i - 2] === BOUND && t.kind[i + 2] === BOUND);
  }
  if (t.kind[i + 1] === BRACE) {
    if (t.word[i + 2] === SHELL_WORD) return t.kind[i + 3] === CLOSE_BRACE;
    // a=re;${a}boot
    if (t.kind[i + 3] === CLOSE_BRACE && t.kind[i + 4] === WORD && t.glued(i + 4)) return isAssigned(t, i + 2);
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

function isShellshock(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] !== CLOSE || t.kind[i + 2] !== BRACE) return false;
  if (t.kind[i + 3] === COLON && t.kind[i + 4] === SEMICOLON) return true;
  if (t.kind[i - 1] !== BOUND) return false;
  for (let at = i + 3; at < i + 10; at++) if (t.kind[at] === SEMICOLON) return t.kind[at + 1] === CLOSE_BRACE;
  return false;
}

/** `{ls,-la,/}`: a command and its arguments without a space, and nothing else. */
function isBraceCommand(t: Tokens, i: number): boolean {
  if (t.kind[i + 2] !== 0x2c || !t.glued(i + 1) || !t.glued(i + 2) || !isProgram(t.bits[i + 1] as number)) return false;
  if (t.kind[i - 1] !== BOUND) return false;
  let hasArgument = false;
  for (let at = i + 3; at < i + 24 && t.glued(at); at++) {
    if (t.kind[at] === CLOSE_BRACE) return hasArgument;
    if (t.kind[at - 1] === 0x2c && (t.kind[at] === SLASH || t.kind[at] === MINUS)) hasArgument = true;
  }
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
  return (directory === VAR || directory === TMP || directory === USR) && t.kind[i - 1] !== WORD &&
    (t.spaced(i) || isCommandish(t, i)) &&
    t.kind[at + 3] === WORD &&
    (t.kind[at + 4] === SLASH || t.kind[at + 4] === DOT || isCommandish(t, i)) && !isMarkup(t, i);
}

/** The `>` ends a tag. */
function isMarkup(t: Tokens, i: number): boolean {
  for (let at = i - 1; at > i - 16; at--) if (t.kind[at] === 0x3c) return true;
  return false;
}

function isPreload(t: Tokens, i: number): boolean {
  // NODE_OPTIONS=--require=/tmp/x
  if (OPTION_VARIABLES.has(t.word[i] as number)) return t.kind[i + 1] === EQUALS && t.kind[i + 2] === MINUS;
  if (COMMAND_VARIABLES.has(t.word[i] as number)) return t.kind[i + 1] === EQUALS && t.glued(i + 2);
  if (PATH_VARIABLES.has(t.word[i] as number)) {
    // LD_LIBRARY_PATH=/tmp; a setting of a system names directories of it.
    if (t.kind[i + 1] !== EQUALS || !t.glued(i + 1)) return false;
    if (t.kind[i + 2] === DOT) return isCommandish(t, i);
    return t.kind[i + 2] === SLASH && (t.word[i + 3] === TMP || isCommandish(t, i));
  }
  return t.kind[i + 1] === 0x3d &&
    (t.kind[i + 2] === SLASH || t.kind[i + 2] === DOT || t.isQuote(i + 2) || t.kind[i + 2] === DOLLAR);
}

const OPTION_VARIABLES = new Set(
  ["node_options", "java_tool_options", "jdk_java_options", "perl5opt", "rubyopt"].map(word),
);
const PATH_VARIABLES = new Set(["ld_library_path", "ld_audit", "pythonpath", "perl5lib", "rubylib"].map(word));
const COMMAND_VARIABLES = new Set(["git_ssh_command", "git_ssh", "prompt_command"].map(word));

/** `$'\x63at'`, `$'\143at'`: letters by their numbers, which a shell reads as letters. */
function isAnsiQuote(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] !== 0x27 || !t.glued(i + 1) || t.kind[i + 2] !== 0x5c || !t.glued(i + 2)) return false;
  const at = t.kind[i + 3] === 0x5c ? i + 4 : i + 3;
  if (!t.glued(at)) return false;
  const start = t.start[at] as number;
  const length = (t.end[at] as number) - start;
  if (t.kind[at] === NUMBER) return length >= 3;
  const mark = (t.bytes[start] as number) | 0x20;
  return t.kind[at] === WORD && length >= 3 && (mark === 0x78 || mark === 0x75) &&
    hexValue(t.bytes[start + 1] as number) >= 0 &&
    hexValue(t.bytes[start + 2] as number) >= 0;
}

/** Ruby: a command in an expression in a text. */
function isRubyCommand(t: Tokens, i: number): boolean {
  return t.kind[i + 1] === BRACE && t.glued(i + 1) && t.kind[i + 2] === BACKTICK && t.glued(i + 2) &&
    t.glued(i + 3) && isProgram(t.bits[i + 3] as number);
}

/** Syntax of shells that hides a command, or that only a command has. */
export const SHELL_SYNTAX = {
  fieldSeparator: {
    name: "cmd-field-separator",
    category: "command-injection",
    severity: "high",
    catches: "$IFS in place of a space",
    example: "cat${IFS}/etc/hosts",
    nearMiss: "the ifs and buts",
    at: [IFS],
    test: isInternalFieldSeparator,
  },
  expansion: {
    name: "cmd-expansion",
    category: "command-injection",
    severity: "medium",
    catches: "Parts of variables that write characters without writing them",
    example: "cat ${HOME:0:1}etc${HOME:0:1}hosts",
    nearMiss: "${PORT:1883} ${NAME:-none}",
    at: ["$"],
    test: isExpansionTrick,
  },
  variable: {
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
  shellshock: {
    name: "cmd-shellshock",
    category: "command-injection",
    severity: "critical",
    catches: "A function definition with code behind it, as CVE-2014-6271 takes it",
    example: "() { :; }; echo x",
    nearMiss: "const f = () => { return; };",
    at: ["()"],
    test: isShellshock,
  },
  brace: {
    name: "cmd-brace",
    category: "command-injection",
    severity: "medium",
    catches: "A command and its arguments in braces, without a space between",
    example: "{ls,-la,/}",
    nearMiss: "{cat,dog} {find, -1} {ls:-1}",
    weak: true,
    at: [..."bcdefghiklmnprstuw"].map((letter) => "{" + letter),
    test: isBraceCommand,
  },
  forkBomb: {
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
  redirection: {
    name: "cmd-redirect",
    category: "command-injection",
    severity: "medium",
    catches: "Output into the configuration, the disk or the keys of a system",
    example: "x > /etc/cron.d/job",
    nearMiss: "a > b and <dir>/etc</dir>",
    at: [">"],
    test: isRedirect,
  },
  ruby: {
    name: "cmd-ruby-expression",
    category: "command-injection",
    severity: "high",
    catches: "A command in backticks in an expression of Ruby",
    example: "#{`id`}",
    nearMiss: "#{name} and `id`, #{`name`}",
    at: ["#{"],
    test: isRubyCommand,
  },
  preload: {
    name: "cmd-preload",
    category: "command-injection",
    severity: "medium",
    catches: "A library, an option or a command that every program is to load or to run",
    example: "LD_PRELOAD=/tmp/x.so",
    nearMiss: "LD_PRELOAD is not set",
    at: [
      ...["ld_preload", "bash_env", "pythonstartup"].map(word),
      ...OPTION_VARIABLES,
      ...COMMAND_VARIABLES,
      ...PATH_VARIABLES,
    ],
    test: isPreload,
  },
  ansi: {
    name: "cmd-ansi-quote",
    category: "command-injection",
    severity: "medium",
    catches: "Letters of a command by their numbers, in a shell's quotes",
    example: "$'\\x63at' /etc/hosts",
    nearMiss: "IFS=$'\\n' and '\\x63'",
    at: ["$'"],
    test: isAnsiQuote,
  },
  block: {
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
} as const satisfies Readonly<Record<string, Pattern>>;
