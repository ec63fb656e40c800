import type { Pattern } from "../pattern.ts";
import type { Tokens } from "../tokens.ts";
import { lowerAt } from "./lower_at.ts";

const DOT = 0x2e, SLASH = 0x2f, BACKSLASH = 0x5c, SEMICOLON = 0x3b, PERCENT = 0x25;

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

const DOT_CODES = ["2e", "c0%ae", "c0%2e", "u002e", "e0%80%ae", "f0%80%80%ae", "uff0e", "u2024", "ef%bc%8e"] as const;
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
  "f0%80%80%af",
  "c1%1c",
  "uff0f",
  "ef%bc%8f",
] as const;

/** Climbs in percent encoding. */
export const ENCODED_CLIMBS = {
  percent: {
    name: "path-encoded-climb",
    category: "path-traversal",
    severity: "high",
    catches: "A climb whose dots or slashes are percent-encoded",
    example: "%2e%2e%2fsecret",
    nearMiss: "100%2e and a..%20b",
    at: ["%2", "%c", "%u", "%e", "%f", "%0"],
    test: isEncodedClimb,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
