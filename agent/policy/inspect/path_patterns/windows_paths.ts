import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BOUND, NUMBER, type Tokens, WORD } from "../tokens.ts";
import { isPublicAddress } from "../public_address.ts";

const DATA = word("data");
const DOT = 0x2e, BACKSLASH = 0x5c, QUESTION = 0x3f, COLON = 0x3a, MINUS = 0x2d;

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
  if (t.kind[at] === 0x40) return t.kind[at + 1] !== DOT && t.kind[at + 2] === BACKSLASH;
  // \\203.0.113.9\x: of a network that is not ours
  if (
    at === i + 3 && t.kind[i] === NUMBER && t.kind[i + 1] === DOT && t.kind[i + 2] === NUMBER &&
    t.kind[at] === BACKSLASH &&
    t.kind[at + 1] === WORD && t.kind[i - 3] === BOUND && isPublicAddress(t.bytes, t.start[i] as number)
  ) return true;
  // Two of them: a path of one host, its backslashes escaped.
  if (t.kind[at] !== BACKSLASH || t.kind[at + 1] === BACKSLASH) return false;
  for (const stop = at + 16; at < stop && t.kind[at] !== BOUND; at++) {
    // \\host\c$; a share of another name that is hidden is one of the house.
    if (t.kind[at] === 0x24 && t.glued(at) && t.kind[at - 2] === BACKSLASH) return isAdministrative(t, at - 1);
    if (t.kind[at] === DOT && RUNNABLE.has(t.word[at + 1] as number) && t.glued(at + 1)) return true;
    if (t.spaced(at)) return false;
  }
  return false;
}
/** `c$`, `admin$`, `ipc$`: the shares that Windows makes by itself. */
function isAdministrative(t: Tokens, i: number): boolean {
  return t.end[i]! - t.start[i]! === 1 || ADMINISTRATIVE.has(t.word[i] as number);
}
const ADMINISTRATIVE = new Set(["admin", "ipc"].map(word));
const RUNNABLE = new Set(["dll", "exe", "scr", "hta", "bat", "ps1", "vbs"].map(word));

/** `x.txt::$DATA`: the stream of a file, by which a name ends otherwise than it seems to. */
function isDataStream(t: Tokens, i: number): boolean {
  return t.kind[i + 1] === COLON && t.glued(i + 1) && t.kind[i + 2] === 0x24 && t.glued(i + 2) &&
    t.word[i + 3] === DATA &&
    t.glued(i + 3);
}

/** Paths that Windows alone takes so. */
export const WINDOWS_PATHS = {
  device: {
    name: "path-device",
    category: "path-traversal",
    severity: "medium",
    catches: "\\\\?\\ and \\\\.\\, which switch off the checks of Windows",
    example: "\\\\?\\C:\\secret",
    nearMiss: "\\\\192.168.1.9\\share \\\\server\\share \\\\.\\COM3",
    weak: true,
    at: ["\\\\"],
    test: isDevicePath,
  },
  stream: {
    name: "path-stream",
    category: "path-traversal",
    severity: "medium",
    catches: "The data stream of a file of Windows, which hides how its name ends",
    example: "web.config::$DATA",
    nearMiss: "std::data $DATA :: $data",
    at: ["::"],
    test: isDataStream,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
