import { NAMED, PLAIN, SURE, TARGET, word, wordsOf } from "../keywords.ts";
import { PIPE, SEMICOLON } from "../shell_grammar.ts";
import { BOUND, type Tokens, WORD } from "../tokens.ts";

const SLASH = 0x2f, COLON = 0x3a, MINUS = 0x2d;

/** Programs whose second word says that they are meant as programs. */
export const VERBS: ReadonlyMap<number, ReadonlySet<number>> = new Map(
  ([
    [
      "apt yum dnf apk opkg pip pip3 npm snap brew cargo pipx pnpm choco winget zypper",
      "install remove uninstall update upgrade add del",
    ],
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

/** An option or a path stands in the rest of the command. */
export function hasArgument(t: Tokens, from: number): boolean {
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
export function isKnownPath(t: Tokens, i: number): boolean {
  if (t.kind[i] === SLASH) {
    return ((t.bits[i + 1] as number) & TARGET) !== 0 || t.kind[i + 1] === BOUND || t.kind[i + 1] === 0x2a;
  }
  if (t.kind[i] === WORD) return false;
  return t.kind[i + 1] === SLASH || t.kind[i] === 0x3c || t.kind[i] === 0x3e;
}

/** All words that are the name of a program. */
export const PROGRAMS = wordsOf(SURE | NAMED | PLAIN);
