import { isDisk } from "../disk_names.ts";
import { CONNECTIVE, NAMED, PLAIN, STATEMENT, SURE, word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BOUND, NUMBER, type Tokens, WORD } from "../tokens.ts";
import { lowerAt } from "./lower_at.ts";
import { isSiteConfig, isWebInf } from "./site_files.ts";

const BOOT = word("boot"), CONFIG = word("config"), DRIVERS = word("drivers"), ENV = word("env"), ETC = word("etc");
const GSHADOW = word("gshadow"), HTACCESS = word("htaccess"), HTPASSWD = word("htpasswd"), INI = word("ini");
const MASTER = word("master"), META = word("meta"), PASSWD = word("passwd"), PROC = word("proc"), SELF = word("self");
const SHADOW = word("shadow"), SUDOERS = word("sudoers"), SYSTEM32 = word("system32"), WEB = word("web");
const WIN = word("win"), WP = word("wp"), REPAIR = word("repair"), SAM = word("sam"), SYSTEM = word("system");
const SECURITY = word("security"), CMD = word("cmd"), POWERSHELL = word("powershell"), NTUSER = word("ntuser");
const DAT = word("dat"), RUN = word("run"), SECRETS = word("secrets"), DOCKER = word("docker"), SOCK = word("sock");
const DEV = word("dev"), MYSQL = word("mysql"), USER = word("user");
const WPA_SUPPLICANT = word("wpa_supplicant"), NETWORKMANAGER = word("networkmanager"), SSH = word("ssh");
const SSHD_CONFIG = word("sshd_config"), MOSQUITTO = word("mosquitto"), PRIVKEY = word("privkey");
const UNATTEND = word("unattend"), YAML = word("yaml"), PEM = word("pem"), XML = word("xml"), SSL = word("ssl");
const PRIVATE = word("private");
const VAR = word("var"), LOG = word("log"), LATEST = word("latest"), DATA = word("data");
const INTERNAL = word("internal"), GOOGLE = word("google"), METADATA = word("metadata");
const COMPUTEMETADATA = word("computemetadata");
const LD = word("ld"),
  SO = word("so"),
  PRELOAD = word("preload"),
  CONF = word("conf"),
  FILE_WORD = word("file"),
  ROOT = word("root");
const SEMICOLON = 0x3b;
const DOT = 0x2e, SLASH = 0x2f, BACKSLASH = 0x5c, QUESTION = 0x3f, COLON = 0x3a, MINUS = 0x2d;

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

/** `/etc/passwd`, `/proc/self/environ`, `.ssh/id_rsa`, `\windows\win.ini`. */
function isSensitiveFile(t: Tokens, i: number): boolean {
  const number = t.word[i] as number;
  const before = t.kind[i - 1] as number;
  if (number === META && t.word[i + 2] === DATA) {
    // http://169.254.169.254/latest/meta-data/
    return before === SLASH && t.word[i - 2] === LATEST && t.kind[i + 1] === MINUS && t.glued(i + 2);
  }
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
  if ((HOME_FILES.has(number) || number === SSH) && isHomeFile(t, i)) return true;
  if (HOME_FILES.has(number)) return false;
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
    if (before !== SLASH || t.kind[i + 1] !== SLASH || !t.glued(i + 2)) return false;
    const file = t.word[i + 2] as number;
    if (isFileUrl(t, i - 1)) return MEMORY.has(file) || DEVICES.has(file) || isDisk(t, i + 2);
    if (MEMORY.has(file)) return t.kind[i - 2] === BOUND && t.kind[i + 3] === BOUND;
    return (DEVICES.has(file) || isDisk(t, i + 2)) && isWholeValue(t, i);
  }
  if (LOGS.has(number)) {
    // /var/log/apache2/access.log: a log that a script was put into first
    return before === SLASH && t.word[i - 2] === LOG && t.word[i - 4] === VAR && t.kind[i - 5] === SLASH &&
      isWholeValue(t, i);
  }
  if (number === COMPUTEMETADATA) return before === SLASH && t.kind[i + 1] === SLASH;
  if (number === INTERNAL) {
    // http://metadata.google.internal/
    return before === DOT && t.word[i - 2] === GOOGLE && t.kind[i - 3] === DOT && t.word[i - 4] === METADATA &&
      t.kind[i - 5] === SLASH && t.kind[i + 1] === SLASH;
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
    if (name === PASSWD || name === SHADOW || name === GSHADOW || name === SUDOERS) return !isProse(t, i - 1, file);
    // /etc/ld.so.preload, which every program loads
    if (name === LD) {
      if (!isRooted || t.kind[file + 1] !== DOT || t.word[file + 2] !== SO) return false;
      return t.word[file + 4] === PRELOAD || (t.word[file + 4] === CONF && (isWholeValue(t, i) || isEntry(t, i)));
    }
    if (name === MASTER || name === SECURITY) return t.word[file + 2] === PASSWD;
    if (!isRooted) return false;
    if (name === WPA_SUPPLICANT) return t.kind[file + 1] === SLASH && isWholeValue(t, i);
    if (name === NETWORKMANAGER) return t.word[file + 2] === SYSTEM && isWholeValue(t, i);
    if (name === SSL) return t.word[file + 2] === PRIVATE && isWholeValue(t, i);
    if (name === SSH) return (t.word[file + 2] === SSHD_CONFIG || isHostKey(t, file + 2)) && isWholeValue(t, i);
    if (name === MOSQUITTO) return SECRET_FILES.has(t.word[file + 2] as number) && isWholeValue(t, i);
    return (WHOLE_ETC.has(name) && isWholeValue(t, i)) || (RUN_ETC.has(name) && isEntry(t, i));
  }
  // /proc/self/…, /proc/1/environ, and /proc/cpuinfo alone
  if (number !== PROC) return false;
  if (name === SELF) return true;
  return t.kind[file] === NUMBER
    ? PROCESS_FILES.has(t.word[file + 2] as number)
    : WHOLE_PROC.has(name) && isWholeValue(t, i);
}

/** `file:///x`, where the last slash stands at `i`. */
function isFileUrl(t: Tokens, i: number): boolean {
  return t.kind[i - 1] === SLASH && t.kind[i - 2] === SLASH && t.kind[i - 3] === COLON && t.word[i - 4] === FILE_WORD &&
    t.glued(i) && t.glued(i - 1) && t.glued(i - 2);
}

/**
 * `/etc/passwd` is not part of the backup: in quotes, which stand apart in a sentence that goes on with three words none of
 * which is a program.
 */
function isProse(t: Tokens, from: number, to: number): boolean {
  const quote = t.kind[from - 1] as number;
  if (!t.isQuote(from - 1) || t.kind[to + 1] !== quote || !t.spaced(from - 1) || t.kind[from - 2] === BOUND) {
    return false;
  }
  for (let at = to + 2; at < to + 5; at++) {
    const isWord = t.kind[at] === WORD && t.spaced(at) && t.kind[at - 1] !== BOUND;
    if (!isWord || ((t.bits[at] as number) & (SURE | NAMED | CONNECTIVE | STATEMENT)) !== 0) return false;
  }
  // A program before it reads it.
  const before = t.kind[from - 2] === SEMICOLON ? t.kind[from - 3] : t.kind[from - 2];
  return t.isQuote(from - 3) || (before === WORD && ((t.bits[from - 2] as number) & (SURE | NAMED | PLAIN)) === 0);
}

/** The path that `/etc` at `i` begins is the whole value of a key that names where something of an archive is to be. */
function isEntry(t: Tokens, i: number): boolean {
  return t.kind[i - 2] === BOUND && t.kind[i - 3] === COLON && t.kind[i - 4] === BOUND &&
    ENTRY_KEYS.has(t.word[i - 5] as number) && t.kind[i - 6] === BOUND;
}
const ENTRY_KEYS = new Set(["path", "name", "filename", "dest", "target", "entry", "member", "extract_to"].map(word));
/** Files of `/etc` whose lines are run. */
const RUN_ETC = new Set(["crontab", "cron", "rc", "ld"].map(word));

/** `~root/.bashrc`, `/root/.ssh`, `~pi/.profile`: a file in somebody's home, and nothing else. */
function isHomeFile(t: Tokens, i: number): boolean {
  const last = i + 1;
  const isEnd = t.kind[last] === BOUND || (t.kind[last] === SLASH && t.glued(last));
  if (!isEnd || t.kind[i - 1] !== DOT || t.kind[i - 2] !== SLASH || !t.glued(i) || !t.glued(i - 1)) return false;
  if (t.kind[i - 3] !== WORD || !t.glued(i - 2)) return false;
  const before = t.kind[i - 4] as number;
  if (before === 0x7e) return t.glued(i - 3) && (t.kind[i - 5] === BOUND || t.kind[i - 5] === SLASH);
  return before === SLASH && t.word[i - 3] === ROOT && t.kind[i - 5] === BOUND;
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

/** The memory of a system: nobody sets it for a device. */
const MEMORY = new Set(["mem", "kmem", "port", "kcore"].map(word));
const DEVICES = new Set(
  ["kmsg", "random", "urandom", "zero", "full", "stdin", "fd", "watchdog", "disk", "mapper"].map(word),
);
const LOGS = new Set(["apache2", "nginx", "httpd", "wtmp", "lastlog", "btmp"].map(word));
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
/** What a shell runs when somebody comes. */
const HOME_FILES = new Set(["bashrc", "bash_profile", "bash_logout", "zshrc"].map(word));
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
  [
    "hosts",
    "hostname",
    "group",
    "issue",
    "fstab",
    "crontab",
    "resolv",
    "profile",
    "cron",
    "rc",
    "kubernetes",
    "environment",
    "motd",
    "nginx",
  ]
    .map(word),
);
const SECRET_FILES = new Set(["passwd", "pwfile", "acl"].map(word));
const PROCESS_FILES = new Set(["environ", "cmdline", "maps", "fd", "mem", "cwd", "root"].map(word));
const WHOLE_PROC = new Set(["mtd", "version", "cpuinfo", "mounts", "net", "kcore", "sched_debug"].map(word));

/** Files that only an attacker asks for. */
export const SENSITIVE_FILES = {
  whole: {
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
        "computemetadata",
        "internal",
      ].map(
        word,
      ),
      ...HIDDEN_FILES,
      ...HOME_FILES,
      ...LOGS,
    ],
    test: isSensitiveFile,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
