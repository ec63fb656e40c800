import { word } from "./keywords.ts";
import type { Pattern } from "./pattern.ts";
import { BOUND, NUMBER, type Tokens, WORD } from "./tokens.ts";

const BOOT = word("boot");
const CONFIG = word("config"), DRIVERS = word("drivers");
const ENV = word("env"), ETC = word("etc"), GSHADOW = word("gshadow");
const HTACCESS = word("htaccess"), HTPASSWD = word("htpasswd");
const INF = word("inf"), INI = word("ini");
const MASTER = word("master"), META = word("meta"), PASSWD = word("passwd");
const PROC = word("proc"), SELF = word("self"), SHADOW = word("shadow");
const SUDOERS = word("sudoers"), SYSTEM32 = word("system32"), URL = word("url"), WEB = word("web");
const WIN = word("win"), WP = word("wp"), REPAIR = word("repair"), SAM = word("sam"), SYSTEM = word("system");
const SECURITY = word("security"), CMD = word("cmd"), POWERSHELL = word("powershell"), NTUSER = word("ntuser");
const DAT = word("dat"), RUN = word("run"), SECRETS = word("secrets"), DOCKER = word("docker"), SOCK = word("sock");
const DEV = word("dev"), MEM = word("mem"), KMEM = word("kmem"), MYSQL = word("mysql"), USER = word("user");
const WPA_SUPPLICANT = word("wpa_supplicant"), NETWORKMANAGER = word("networkmanager"), SSH = word("ssh");
const SSHD_CONFIG = word("sshd_config"), MOSQUITTO = word("mosquitto"), DATA = word("data"), JAR = word("jar");
const PRIVKEY = word("privkey"), UNATTEND = word("unattend"), YAML = word("yaml"), PEM = word("pem");
const XML = word("xml"), SSL = word("ssl"), PRIVATE = word("private");
const HTTP = word("http"), HTTPS = word("https");
const FILE_WORD = word("file"), COMPRESS = word("compress");

const DOT = 0x2e,
  SLASH = 0x2f,
  BACKSLASH = 0x5c,
  SEMICOLON = 0x3b,
  PERCENT = 0x25,
  QUESTION = 0x3f,
  COLON = 0x3a,
  MINUS = 0x2d;

/** What the last climb was: how many `..`, where it ends, whether with backslashes or `..;/`. */
let climbs = 0;
let climbEnd = 0;
let hasBackslash = false;
let hasParameter = false;

/** Reads `../../` at `i`, `..;/`, `..\`, doubled separators and `./` between included. */
function readClimb(t: Tokens, i: number): void {
  climbs = 0;
  hasBackslash = hasParameter = false;
  let at = i;
  while (climbs < 12 && t.kind[at] === DOT && t.kind[at + 1] === DOT && t.glued(at + 1) && t.kind[at + 2] !== DOT) {
    let behind = at + 2;
    if (t.kind[behind] === SEMICOLON && t.kind[behind + 1] === SLASH) {
      hasParameter = true;
      behind++;
    }
    if ((t.kind[behind] !== SLASH && t.kind[behind] !== BACKSLASH) || !t.glued(behind)) break;
    if (t.kind[behind] === BACKSLASH) hasBackslash = true;
    behind++;
    for (const stop = behind + 4; behind < stop && t.glued(behind); behind++) {
      const isCurrent = t.kind[behind] === DOT && t.kind[behind + 1] === SLASH;
      if (t.kind[behind] !== SLASH && t.kind[behind] !== BACKSLASH && !isCurrent) break;
    }
    climbs++;
    at = behind;
  }
  // A last `..` without a separator.
  if (climbs > 0 && t.kind[at] === DOT && t.kind[at + 1] === DOT && t.glued(at)) {
    climbs++;
    at += 2;
  }
  climbEnd = at;
  t.looks += at - i;
}

/** A climb begins here, not in the middle of one, nor behind a word (`a..b`). */
function beginsClimb(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] !== DOT || !t.glued(i + 1)) return false;
  if (!t.glued(i)) return true;
  const before = t.kind[i - 1] as number;
  if (before === DOT || before === WORD || before === NUMBER) return false;
  // Behind `../`: that climb was looked at.
  return !((before === SLASH || before === BACKSLASH) && t.kind[i - 2] === DOT && t.kind[i - 3] === DOT &&
    t.glued(i - 1));
}

/** It is the path of a file of source code: in quotes behind `from`, `(`, `=`; or with a line number, as compilers write. */
function isSourcePath(t: Tokens, i: number): boolean {
  const before = t.kind[i - 1] as number;
  if (t.isQuote(i - 1) && t.glued(i)) {
    let quote = i - 2;
    while (t.kind[quote] === BACKSLASH && quote > i - 10) quote--;
    const opener = t.kind[quote] as number;
    if (opener === 0x3d && UPLOADED.has(t.word[quote - 1] as number)) return false;
    if (
      opener === 0x28 || opener === 0x2c || opener === 0x3d || opener === 0x5b ||
      (opener === WORD && IMPORTS.has(t.word[quote] as number))
    ) return true;
  }
  // [text](../../page.md), url(../../x.png)
  if (before === 0x28 && (t.kind[i - 2] === 0x5d || t.word[i - 2] === URL)) return true;
  let at = climbEnd;
  for (const stop = at + 16; at < stop && t.kind[at] !== BOUND && (at === climbEnd || t.glued(at)); at++) {
    if (t.kind[at] === COLON) return t.kind[at + 1] === NUMBER && t.glued(at + 1);
  }
  return false;
}

function isClimb(t: Tokens, i: number): boolean {
  if (!beginsClimb(t, i)) return false;
  readClimb(t, i);
  if (climbs === 0) return false;
  if (hasParameter) return true;
  if (isSensitive(t, climbEnd)) return true;
  // `../..` says no more than two levels up.
  if (climbs === 2 && t.kind[climbEnd - 1] === DOT) return false;
  if (climbs >= 2) return !isSourcePath(t, i);
  if (!hasBackslash) return t.kind[i - 1] === BOUND && t.kind[climbEnd] === BOUND && t.kind[i + 3] === BOUND;
  // ..\x behind what a value begins with; "..\Lib\Lib.csproj" in quotes names a project.
  const before = t.kind[i - 1] as number;
  const isValue = before === BOUND || before === 0x3d || before === SLASH || before === BACKSLASH ||
    before === QUESTION || before === COLON;
  return isValue &&
    (t.kind[climbEnd] === BOUND || (t.kind[climbEnd] === WORD && t.end[climbEnd]! - t.start[climbEnd]! >= 2));
}

/** A place that climbing aims at stands at `i`. */
function isSensitive(t: Tokens, i: number): boolean {
  if (t.kind[i] === DOT) return t.kind[i + 1] === WORD && t.glued(i + 1) && HIDDEN.has(t.word[i + 1] as number);
  const number = t.word[i] as number;
  if (number === WEB || number === WP) return isWebInf(t, i) || isSiteConfig(t, i);
  if (!SENSITIVE.has(number)) return isWebInf(t, i);
  if (number === BOOT || number === WIN) return t.kind[i + 1] === DOT && t.word[i + 2] === INI;
  return true;
}

/** `web.config`, `wp-config.php`. */
function isSiteConfig(t: Tokens, i: number): boolean {
  return t.glued(i + 1) && t.word[i + 2] === CONFIG && t.kind[i + 1] === (t.word[i] === WEB ? DOT : MINUS);
}

/**
 * The path that token `i` is in is all that there is, or the value of a query: nobody sends it but to ask for it. In a
 * document it may be a setting.
 */
function isWholeValue(t: Tokens, i: number): boolean {
  let from = i;
  while (from > i - 12 && t.glued(from) && isPathToken(t.kind[from - 1] as number)) from--;
  let to = i;
  while (to < i + 16 && t.glued(to + 1) && isPathToken(t.kind[to + 1] as number)) to++;
  const before = t.kind[from - 1] as number;
  const behind = t.kind[to + 1] as number;
  if (before === BOUND) return behind === BOUND && !isOfDocument(t.kind[from - 2]) && !isOfDocument(t.kind[to + 2]);
  const isQuery = before === 0x3d && t.kind[from - 2] === WORD &&
    (t.kind[from - 3] === QUESTION || t.kind[from - 3] === 0x26);
  return isQuery && (behind === BOUND || behind === 0x26);
}

/** Punctuation between the strings of a JSON document. */
function isOfDocument(kind: number | undefined): boolean {
  return kind === COLON || kind === 0x2c || kind === 0x7b || kind === 0x7d || kind === 0x5b || kind === 0x5d;
}

function isPathToken(kind: number): boolean {
  return kind === WORD || kind === NUMBER || kind === SLASH || kind === BACKSLASH || kind === DOT || kind === MINUS ||
    kind === COLON;
}

function isWebInf(t: Tokens, i: number): boolean {
  return (t.word[i] === WEB || t.word[i] === META) && t.kind[i + 1] === MINUS && t.word[i + 2] === INF &&
    t.kind[i + 3] === SLASH;
}

/** `....//`, `..././`: what a filter that removes `../` once turns into it. */
function isDoubledClimb(t: Tokens, i: number): boolean {
  const before = t.kind[i - 1] as number;
  if (t.glued(i) && (before === DOT || before === WORD || before === NUMBER)) return false;
  let dots = 1;
  while (dots < 6 && t.kind[i + dots] === DOT && t.glued(i + dots)) dots++;
  const separator = t.kind[i + dots] as number;
  if (separator !== SLASH && separator !== BACKSLASH) return false;
  if (!t.glued(i + dots)) return false;
  if (dots === 4) return t.kind[i + 5] === separator && t.glued(i + 5);
  return dots === 3 && t.kind[i + 4] === DOT && t.kind[i + 5] === separator && t.glued(i + 4) && t.glued(i + 5);
}

/** Dots or slashes of a climb in percent encoding, which nobody needs to write: `%2e%2e/`, `..%2f`, `..%c0%af`. */
function isEncodedClimb(t: Tokens, i: number): boolean {
  const { bytes } = t;
  let at = t.start[i] as number;
  // Plain dots before the first percent sign belong to it.
  for (let n = 0; n < 2 && at > 0 && bytes[at - 1] === DOT; n++) at--;
  let dots = 0;
  let isEncoded = false;
  // Two dots, at least one of them encoded, or plain ones and an encoded slash.
  for (; dots < 2; dots++) {
    if (bytes[at] === DOT) at++;
    else {
      const end = encodedEnd(bytes, at, DOT_CODES);
      if (end < 0) return false;
      at = end;
      isEncoded = true;
    }
  }
  const slash = encodedEnd(bytes, at, SLASH_CODES);
  // `..%00/`, `..%09/`: a control character between.
  if (
    slash < 0 && !isEncoded && bytes[at] === PERCENT && bytes[at + 1] === 0x30 &&
    "0179ad".includes(String.fromCharCode(lowerAt(bytes, at + 2)))
  ) return bytes[at + 3] === SLASH || bytes[at + 3] === BACKSLASH;
  // A plain `..%2F` is what any program makes of `../`; encoded dots, odd codes and double encoding are not.
  if (slash === at + 3 && !isEncoded) return false;
  return slash >= 0 || (isEncoded && (bytes[at] === SLASH || bytes[at] === BACKSLASH || bytes[at] === SEMICOLON));
}

/** Behind one of the `codes` at `at` (lower case, without the `%`, its parts with it); -1 if there is none. */
function encodedEnd(bytes: Uint8Array, at: number, codes: readonly string[]): number {
  if (bytes[at] !== PERCENT) return -1;
  let from = at + 1;
  // %25…: encoded again, any number of times up to four.
  for (let n = 0; n < 4 && bytes[from] === 0x32 && bytes[from + 1] === 0x35; n++) from += 2;
  for (const code of codes) {
    let i = 0;
    while (i < code.length && lowerAt(bytes, from + i) === code.charCodeAt(i)) i++;
    if (i === code.length) return from + i;
  }
  return -1;
}

function lowerAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at] ?? 0;
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

const DOT_CODES = ["2e", "c0%ae", "c0%2e", "u002e", "e0%80%ae", "uff0e", "u2024"] as const;
const SLASH_CODES = [
  "2f",
  "5c",
  "c0%af",
  "c1%9c",
  "c0%2f",
  "c0%5c",
  "u2215",
  "u2216",
  "u002f",
  "u005c",
  "e0%80%af",
  "c1%1c",
  "uff0f",
] as const;

/** `/etc/passwd`, `/proc/self/environ`, `.ssh/id_rsa`, `\windows\win.ini`. */
function isSensitiveFile(t: Tokens, i: number): boolean {
  const number = t.word[i] as number;
  const before = t.kind[i - 1] as number;
  if (number === WEB || number === META || number === WP) {
    if (isSiteConfig(t, i)) return before === SLASH || before === BACKSLASH || isWholeValue(t, i);
    return (before === SLASH || before === BOUND) && isWebInf(t, i);
  }
  if (number === WIN || number === BOOT) {
    return (before === SLASH || before === BACKSLASH) && t.kind[i + 1] === DOT && t.word[i + 2] === INI &&
      t.glued(i + 1);
  }
  if (number === SYSTEM32 || number === REPAIR) {
    // system32\config\sam, system32\drivers\etc
    const file = behindSeparators(t, i + 1);
    if (file < 0) return false;
    const name = t.word[file] as number;
    if (number === REPAIR) return name === SAM || name === SYSTEM || name === SECURITY;
    return name === CONFIG || (name === DRIVERS && t.word[behindSeparators(t, file + 1)] === ETC) ||
      ((name === CMD || name === POWERSHELL) && isWholeValue(t, i));
  }
  if (number === NTUSER) return t.kind[i + 1] === DOT && t.word[i + 2] === DAT;
  if (HIDDEN_FILES.has(number)) {
    // .ssh/id_rsa, .aws/credentials, .git/config, .htpasswd
    if (before !== DOT || !t.glued(i)) return false;
    const opener = t.kind[i - 2] as number;
    const isInPath = opener === SLASH || opener === BACKSLASH;
    if (!isInPath && opener !== BOUND && t.glued(i - 1)) return false;
    if (number === HTPASSWD || number === HTACCESS) return true;
    if (number === ENV) {
      if (opener !== SLASH) return false;
      return t.kind[i + 1] === BOUND || (t.kind[i + 1] === DOT && ENVIRONMENTS.has(t.word[i + 2] as number));
    }
    if (WHOLE_FILES.has(number)) return isInPath && (t.kind[i + 1] === BOUND || t.spaced(i + 1));
    return (t.kind[i + 1] === SLASH || t.kind[i + 1] === BACKSLASH) && FILES_IN_HIDDEN.has(t.word[i + 2] as number);
  }
  if (number === SECRETS || number === PRIVKEY || number === UNATTEND) {
    // /config/secrets.yaml, /etc/letsencrypt/live/x/privkey.pem
    const type = t.word[i + 2] as number;
    return (before === SLASH || before === BACKSLASH) && t.kind[i + 1] === DOT &&
      (type === YAML || type === PEM || type === XML) &&
      isWholeValue(t, i);
  }
  if (number === RUN) {
    // /run/secrets/…, /var/run/docker.sock
    if (before !== SLASH || t.kind[i + 1] !== SLASH) return false;
    if (t.word[i + 2] === SECRETS) return t.kind[i + 3] === SLASH;
    // unix:///var/run/docker.sock is an address.
    return t.word[i + 2] === DOCKER && t.word[i + 4] === SOCK && t.kind[i - 4] !== SLASH && isWholeValue(t, i);
  }
  if (number === DEV) {
    const file = t.word[i + 2] as number;
    return before === SLASH && t.kind[i + 1] === SLASH && (file === MEM || file === KMEM) && isWholeValue(t, i);
  }
  if (number === MYSQL) {
    return before === SLASH && t.kind[i + 1] === SLASH && t.word[i + 2] === USER && t.kind[i + 3] === DOT;
  }
  // /etc/passwd and the like, `/./` and `//` between; etc/passwd and nothing else
  const isRooted = (before === SLASH || before === BACKSLASH) && t.glued(i);
  if (!isRooted && !(before === BOUND && number === ETC)) return false;
  const file = behindSeparators(t, i + 1);
  if (file < 0) return false;
  const name = t.word[file] as number;
  if (number === ETC) {
    if (name === PASSWD || name === SHADOW || name === GSHADOW || name === SUDOERS) return true;
    if (name === MASTER || name === SECURITY) return t.word[file + 2] === PASSWD;
    if (!isRooted) return false;
    if (name === WPA_SUPPLICANT) return t.kind[file + 1] === SLASH && isWholeValue(t, i);
    if (name === NETWORKMANAGER) return t.word[file + 2] === SYSTEM && isWholeValue(t, i);
    if (name === SSL) return t.word[file + 2] === PRIVATE && isWholeValue(t, i);
    if (name === SSH) return (t.word[file + 2] === SSHD_CONFIG || isHostKey(t, file + 2)) && isWholeValue(t, i);
    if (name === MOSQUITTO) return SECRET_FILES.has(t.word[file + 2] as number) && isWholeValue(t, i);
    return WHOLE_ETC.has(name) && isWholeValue(t, i);
  }
  // /proc/self/…, /proc/1/environ, and /proc/cpuinfo alone
  if (number !== PROC) return false;
  if (name === SELF) return true;
  return t.kind[file] === NUMBER
    ? PROCESS_FILES.has(t.word[file + 2] as number)
    : WHOLE_PROC.has(name) && isWholeValue(t, i);
}

/** `ssh_host_rsa_key`. */
function isHostKey(t: Tokens, i: number): boolean {
  const start = t.start[i] as number;
  if (t.kind[i] !== WORD || (t.end[i] as number) - start < 10) return false;
  return "ssh_host_".split("").every((letter, n) => lowerAt(t.bytes, start + n) === letter.charCodeAt(0));
}

/** Behind `/`, `//`, `/./`, `\` at `i`; -1 if none stands there. */
function behindSeparators(t: Tokens, i: number): number {
  let at = i;
  while (
    at < i + 8 && t.glued(at) &&
    (t.kind[at] === SLASH || t.kind[at] === BACKSLASH || (t.kind[at] === DOT && at > i && t.kind[at + 1] === SLASH))
  ) at++;
  return at === i ? -1 : at;
}

/** `\\?\`, `\\.\pipe`: paths that Windows takes without looking for `..`; `\\.\COM3` is a serial port. */
function isDevicePath(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] === BACKSLASH && t.glued(i + 1) && t.glued(i + 2) && !t.glued(i) && isHostShare(t, i + 2)) {
    return true;
  }
  if (
    t.kind[i + 1] !== BACKSLASH || !t.glued(i + 1) || !t.glued(i + 2) || t.kind[i + 3] !== BACKSLASH || !t.glued(i + 3)
  ) return false;
  if (t.kind[i - 1] === BACKSLASH && t.glued(i)) return false;
  if (t.kind[i + 2] === QUESTION) return true;
  if (t.kind[i + 2] !== DOT) return false;
  const first = t.bytes[t.start[i + 4] as number] as number;
  // \\.\C:\x
  if (t.kind[i + 5] === COLON && t.end[i + 4]! - t.start[i + 4]! === 1) return true;
  return t.kind[i + 4] === WORD && (first | 0x20) !== 0x63 && (first | 0x20) !== 0x6c;
}

/** `\\10.0.0.1\c$`, `\\host@80\x`, `\\host\x\y.dll`: a share from which Windows hands out or runs something. */
function isHostShare(t: Tokens, i: number): boolean {
  let at = i;
  for (const stop = i + 9; at < stop && t.glued(at + 1); at++) {
    const kind = t.kind[at] as number;
    if (kind !== WORD && kind !== NUMBER && kind !== DOT && kind !== MINUS) break;
  }
  if (at === i) return false;
  if (t.kind[at] === 0x40) return t.kind[at + 1] === NUMBER && t.kind[at + 2] === BACKSLASH;
  // Two of them: a path of one host, its backslashes escaped.
  if (t.kind[at] !== BACKSLASH || t.kind[at + 1] === BACKSLASH) return false;
  for (const stop = at + 16; at < stop && t.kind[at] !== BOUND; at++) {
    if (t.kind[at] === 0x24 && t.glued(at) && t.kind[at - 2] === BACKSLASH) return true;
    if (t.kind[at] === DOT && RUNNABLE.has(t.word[at + 1] as number) && t.glued(at + 1)) return true;
    if (t.spaced(at)) return false;
  }
  return false;
}
const RUNNABLE = new Set(["dll", "exe", "scr", "hta", "bat", "ps1", "vbs"].map(word));

/** `x.txt::$DATA`: the stream of a file, by which a name ends otherwise than it seems to. */
function isDataStream(t: Tokens, i: number): boolean {
  return t.kind[i + 1] === COLON && t.glued(i + 1) && t.kind[i + 2] === 0x24 && t.glued(i + 2) &&
    t.word[i + 3] === DATA &&
    t.glued(i + 3);
}

/** `php://filter`, `phar://`, `expect://`. */
function isWrapper(t: Tokens, i: number): boolean {
  // jar:file:
  if (t.word[i] === JAR) {
    if (t.kind[i + 1] !== COLON || t.kind[i + 3] !== COLON) return false;
    return t.word[i + 2] === HTTP || t.word[i + 2] === HTTPS ||
      (t.word[i + 2] === FILE_WORD && t.kind[i - 1] === BOUND);
  }
  // file:////host/share
  if (t.word[i] === FILE_WORD) {
    return t.kind[i + 1] === COLON && t.kind[i + 2] === SLASH && t.kind[i + 3] === SLASH && t.kind[i + 4] === SLASH &&
      t.kind[i + 5] === SLASH && t.glued(i + 5);
  }
  // compress.zlib://
  const at = t.word[i] === COMPRESS && t.kind[i + 1] === DOT ? i + 2 : i;
  return t.kind[at + 1] === COLON && t.glued(at + 1) && t.kind[at + 2] === SLASH && t.kind[at + 3] === SLASH &&
    t.kind[i - 1] !== DOT;
}

/** `x.php%00.jpg`: a NUL behind the name of a file, where software in C stops reading. */
function isNulSuffix(t: Tokens, i: number): boolean {
  if (t.kind[i - 1] !== DOT || !t.glued(i)) return false;
  const end = t.end[i] as number;
  if (t.bytes[end] !== 0 || t.end[i]! >= t.bytes.length) return false;
  if (t.kind[i + 1] === DOT && t.kind[i + 2] === WORD) return t.start[i + 1] === end + 1;
  return SERVER_FILES.has(t.word[i] as number) && t.kind[i + 1] === BOUND && t.start[i + 1]! > end;
}

function isSingleClimb(t: Tokens, i: number): boolean {
  if (!beginsClimb(t, i)) return false;
  readClimb(t, i);
  return climbs > 0;
}

/** Content-Disposition: form-data; filename="…" */
const UPLOADED = new Set(["filename", "name"].map(word));
const IMPORTS = new Set(
  ["from", "import", "require", "include", "src", "href", "url", "extends", "path", "file", "load"].map(word),
);
const SENSITIVE = new Set(
  ["etc", "proc", "windows", "winnt", "boot", "win", "root", "passwd", "shadow", "inetpub", "system32"].map(word),
);
const HIDDEN = new Set(["ssh", "env", "git", "aws", "htaccess", "htpasswd", "bash_history"].map(word));
const HIDDEN_FILES = new Set(
  [
    "ssh",
    "aws",
    "git",
    "env",
    "htaccess",
    "htpasswd",
    "svn",
    "hg",
    "kube",
    "docker",
    "bash_history",
    "netrc",
    "pgpass",
    "npmrc",
    "dockerenv",
    "storage",
  ].map(word),
);
const WHOLE_FILES = new Set(["bash_history", "netrc", "pgpass", "npmrc", "dockerenv"].map(word));
const FILES_IN_HIDDEN = new Set(
  [
    "id_rsa",
    "id_ed25519",
    "id_ecdsa",
    "id_dsa",
    "authorized_keys",
    "credentials",
    "config",
    "head",
    "index",
    "entries",
    "logs",
    "objects",
    "refs",
    "wc",
    "auth",
  ].map(word),
);
const ENVIRONMENTS = new Set(["local", "production", "development", "staging", "bak"].map(word));
const WHOLE_ETC = new Set(
  ["hosts", "hostname", "group", "issue", "fstab", "crontab", "resolv", "profile"].map(word),
);
const SECRET_FILES = new Set(["passwd", "pwfile", "acl"].map(word));
const PROCESS_FILES = new Set(["environ", "cmdline", "maps", "fd", "mem", "cwd", "root"].map(word));
const WHOLE_PROC = new Set(["version", "cpuinfo", "mounts", "net", "kcore", "sched_debug"].map(word));
const SERVER_FILES = new Set(["php", "phtml", "jsp", "jspx", "asp", "aspx", "cgi", "pl", "conf", "ini"].map(word));
const FILES = [
  "php",
  "phtml",
  "jsp",
  "jspx",
  "asp",
  "aspx",
  "cgi",
  "pl",
  "conf",
  "ini",
  "txt",
  "html",
  "htm",
  "png",
  "jpg",
  "jpeg",
  "gif",
  "pdf",
  "log",
  "bak",
  "yml",
  "yaml",
  "xml",
  "passwd",
  "sh",
];

/** Path traversal: what would leave the directory that a backend meant, or name a file that nobody should. */
export const PATH_PATTERNS: readonly Pattern[] = [
  {
    name: "path-climb",
    category: "path-traversal",
    severity: "high",
    catches: "../ twice or more, or once towards a place worth it; ..;/ and ..\\ too",
    example: "../../secret.txt",
    nearMiss: 'import x from "../../lib/x.js"; http://h/a/../fw.bin?v=1..2',
    weak: true,
    at: [".."],
    test: isClimb,
  },
  {
    name: "path-doubled-climb",
    category: "path-traversal",
    severity: "high",
    catches: "....// and ..././, which a filter that removes ../ turns into it",
    example: "....//....//secret",
    nearMiss: "wait...//done and ....",
    weak: true,
    at: [".."],
    test: isDoubledClimb,
  },
  {
    name: "path-encoded-climb",
    category: "path-traversal",
    severity: "high",
    catches: "A climb whose dots or slashes are percent-encoded",
    example: "%2e%2e%2fsecret",
    nearMiss: "100%2e and a..%20b",
    at: ["%2", "%c", "%u", "%e", "%0"],
    test: isEncodedClimb,
  },
  {
    name: "path-sensitive-file",
    category: "path-traversal",
    severity: "high",
    catches: "Files that only an attacker asks for, by their whole path",
    example: "/etc/./passwd",
    nearMiss: "/etc/mosquitto/mosquitto.conf",
    at: [
      ...[
        "etc",
        "proc",
        "win",
        "boot",
        "system32",
        "repair",
        "web",
        "meta",
        "wp",
        "ntuser",
        "run",
        "dev",
        "mysql",
        "secrets",
        "privkey",
        "unattend",
      ].map(
        word,
      ),
      ...HIDDEN_FILES,
    ],
    test: isSensitiveFile,
  },
  {
    name: "path-device",
    category: "path-traversal",
    severity: "medium",
    catches: "\\\\?\\ and \\\\.\\, which switch off the checks of Windows",
    example: "\\\\?\\C:\\secret",
    nearMiss: "\\\\server\\share \\\\.\\COM3",
    weak: true,
    at: ["\\\\"],
    test: isDevicePath,
  },
  {
    name: "path-stream",
    category: "path-traversal",
    severity: "medium",
    catches: "The data stream of a file of Windows, which hides how its name ends",
    example: "web.config::$DATA",
    nearMiss: "std::data $DATA :: $data",
    at: ["::"],
    test: isDataStream,
  },
  {
    name: "path-wrapper",
    category: "path-traversal",
    severity: "medium",
    catches: "Stream wrappers of PHP and Java, and schemes that only forged requests have",
    example: "php://filter/convert.base64-encode/resource=x",
    nearMiss: "index.php://x zip: 1234",
    at: [
      "php",
      "phar",
      "expect",
      "zip",
      "glob",
      "gopher",
      "dict",
      "netdoc",
      "jar",
      "ogg",
      "rar",
      "compress",
      "data",
      "file",
    ]
      .map(
        word,
      ),
    test: isWrapper,
  },
  {
    name: "path-nul",
    category: "path-traversal",
    severity: "medium",
    catches: "A NUL behind the name of a file",
    example: "x.php\0.jpg",
    nearMiss: "readme.txt\0",
    at: FILES.map(word),
    gate: "nul",
    test: isNulSuffix,
  },
  {
    name: "path-single-climb",
    category: "path-traversal",
    severity: "low",
    catches: "../ once, as relative links have it",
    example: "../images/a.png",
    nearMiss: "1..10",
    at: [".."],
    test: isSingleClimb,
  },
];
