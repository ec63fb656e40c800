import { overlongCharacter, overlongLength } from "./overlong.ts";
import type { Category } from "./pattern.ts";
import { isPublicAddress } from "./public_address.ts";
import type { Severity } from "./config.ts";

/**
 * What shows in the bytes of a text and not in its words: each is a function over bytes, asked of a form that holds what
 * is no text, or that begins with two slashes.
 */
export interface BytePattern {
  /** Unique among all patterns, kebab-case, stable: logs and the audit name it. */
  readonly name: string;
  readonly category: Category;
  readonly severity: Severity;
  /** What it catches, and why that is no ordinary data. */
  readonly catches: string;
  /** Where in `bytes[start, end)` it is found; -1 if it is not. One pass. */
  readonly test: (bytes: Uint8Array, start: number, end: number) => number;
}

const DOT = 0x2e, SLASH = 0x2f, BACKSLASH = 0x5c;

/** `.. c0 af`, `c0 ae c0 ae /`: a climb of which a dot or a slash is written in more bytes than it has. */
function overlongClimb(bytes: Uint8Array, start: number, end: number): number {
  let dots = 0;
  let isOdd = false;
  for (let at = start; at < end;) {
    const byte = bytes[at] as number;
    const length = byte < 0xc0 ? 0 : overlongLength(bytes, at, end);
    const character = length === 0 ? byte : overlongCharacter;
    if (length > 0) isOdd = true;
    if (character === DOT) dots++;
    else {
      if (dots >= 2 && isOdd && (character === SLASH || character === BACKSLASH)) return at;
      dots = 0;
      isOdd = false;
    }
    at += Math.max(length, 1);
  }
  return -1;
}

/** Where an object begins that Java, .NET, Python or Ruby would make again, and run code in doing so. */
function serializedObject(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 5) return -1;
  const first = bytes[start] as number;
  const second = bytes[start + 1] as number;
  // Java's stream: magic, version 5, and the tag of what comes.
  if (first === 0xac && second === 0xed) {
    const tag = bytes[start + 4] as number;
    return bytes[start + 2] === 0 && bytes[start + 3] === 5 && tag >= 0x70 && tag <= 0x7e ? start : -1;
  }
  // .NET's BinaryFormatter: a header record, root 1, header -1, version 1.
  if (first === 0 && second === 1 && end - start >= 13) {
    const header = [0, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0];
    return header.every((byte, n) => bytes[start + n] === byte) ? start : -1;
  }
  // Python's pickle, and Ruby's Marshal: by the modules that they name.
  if (first === 0x80 && second >= 2 && second <= 5 && bytes[end - 1] === DOT) {
    return namesOne(bytes, start, end, PICKLED) ? start : -1;
  }
  if (first === 4 && second === 8) return namesOne(bytes, start, end, MARSHALLED) ? start : -1;
  return -1;
}
const PICKLED = ["posix", "subprocess", "builtin", "runpy", "importlib", "cnt\n", "cos\n", "nt\x94", "os\x94", "pty"];
const MARSHALLED = ["Gem::", "ERB", "Kernel"];
/** Modules are named at the beginning. */
const MAX_NAMED = 1024;
const decoder = new TextDecoder("latin1");

function namesOne(bytes: Uint8Array, start: number, end: number, names: readonly string[]): boolean {
  const text = decoder.decode(bytes.subarray(start, Math.min(end, start + MAX_NAMED)));
  return names.some((name) => text.includes(name));
}

/** `//203.0.113.9/share`: a share of a network that is not ours, and nothing before it. */
function foreignShare(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] !== SLASH || bytes[start + 1] !== SLASH || !isPublicAddress(bytes, start + 2)) return -1;
  let at = start + 2;
  let points = 0;
  for (; at < end && at < start + 18 && bytes[at] !== SLASH; at++) {
    const byte = bytes[at] as number;
    if (byte === DOT) points++;
    else if (byte < 0x30 || byte > 0x39) return -1;
  }
  return points === 3 && at + 1 < end && bytes[at] === SLASH ? start : -1;
}

/** In the order that they are asked. */
export const BYTE_PATTERNS: readonly BytePattern[] = [
  {
    name: "path-overlong-climb",
    category: "path-traversal",
    severity: "high",
    catches: "A climb whose dots or slashes are in overlong UTF-8, which only lax readers take (CVE-2000-0884)",
    test: overlongClimb,
  },
  {
    name: "cmd-serialized-data",
    category: "command-injection",
    severity: "medium",
    catches:
      "Serialised objects that run code when they are made: Java, .NET, and Python and Ruby with what starts programs",
    test: serializedObject,
  },
  {
    name: "path-foreign-share",
    category: "path-traversal",
    severity: "medium",
    catches: "A share by the address of a foreign host, to which Windows would send who asks",
    test: foreignShare,
  },
];
