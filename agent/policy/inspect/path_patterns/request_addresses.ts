import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BOUND, hexValue, NUMBER, type Tokens, WORD } from "../tokens.ts";

const METADATA = word("metadata"), AZURE = word("azure"), INSTANCE = word("instance"), FFFF = word("ffff");
const SLASH = 0x2f, COLON = 0x3a, DOT = 0x2e, BRACKET = 0x5b, BACKSLASH = 0x5c;

/** Where the host of the URL begins whose scheme is at `i`; -1 if there is none. A name and `@` before it are left out. */
function hostAt(t: Tokens, i: number): number {
  if (t.kind[i + 1] !== COLON || !t.glued(i + 1)) return -1;
  const isUrl = t.kind[i + 2] === SLASH && t.kind[i + 3] === SLASH && t.glued(i + 2) && t.glued(i + 3) &&
    t.glued(i + 4);
  return isUrl ? i + 4 : -1;
}

/** The text at byte `at` is `text`, and the host ends with it. */
function isHost(t: Tokens, at: number, text: string): boolean {
  for (let n = 0; n < text.length; n++) if (t.bytes[at + n] !== text.charCodeAt(n)) return false;
  return endsHost(t, at + text.length);
}

function endsHost(t: Tokens, at: number): boolean {
  if (at >= t.bytes.length) return true;
  const next = t.bytes[at] as number;
  return next !== 0x2e && next !== 0x2d && next !== 0x5f && hexValue(next) < 0 && (next < 0x61 || next > 0x7a);
}

/** `http://169.254.169.254/…`: where the servers of a cloud are told their names and keys. */
function isMetadata(t: Tokens, i: number): boolean {
  const host = hostAt(t, i);
  // "Cannot reach http://169.254.169.254/": a log of a server that asks.
  if (host < 0 || (t.kind[i - 1] === WORD && t.spaced(i))) return false;
  if (t.kind[host] === NUMBER && SERVICES.some((address) => isHost(t, t.start[host] as number, address))) return true;
  // http://metadata.azure.com/, http://x/metadata/instance
  if (t.word[host] === METADATA) return t.kind[host + 1] === DOT && t.word[host + 2] === AZURE && t.glued(host + 2);
  if (t.kind[host] === BRACKET) {
    return isHost(t, t.start[host] as number, "[fd00:ec2::254]") || (t.kind[host + 1] === COLON && isMapped(t, host));
  }
  for (let at = host; at < host + 12 && (at === host || t.glued(at)) && t.kind[at] !== BOUND; at++) {
    if (t.kind[at] !== SLASH) continue;
    return t.word[at + 1] === METADATA && t.kind[at + 2] === SLASH && t.word[at + 3] === INSTANCE;
  }
  return false;
}
/** Of AWS, Azure, Google and others; of Alibaba; of Oracle. */
const SERVICES = ["169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192"];

/** `[::ffff:127.0.0.1]`: an address of IPv4 in the form of IPv6. */
function isMapped(t: Tokens, bracket: number): boolean {
  return t.kind[bracket + 2] === COLON && t.word[bracket + 3] === FFFF && t.kind[bracket + 4] === COLON;
}

/**
 * `http://0x7f000001`, `http://2130706433/`, `http://0177.0.0.1`: an address in a form that people do not write, so that a
 * list of addresses does not know it.
 */
function isDisguised(t: Tokens, i: number): boolean {
  const host = hostAt(t, i);
  if (host < 0 || t.kind[host] !== NUMBER) return false;
  const { bytes } = t;
  let at = t.start[host] as number;
  const stop = at + 40;
  let parts = 0;
  let isOdd = false;
  let isOctalPart = false;
  let digits = 0;
  while (at < stop) {
    const isHex = bytes[at] === 0x30 && ((bytes[at + 1] ?? 0) | 0x20) === 0x78;
    const isOctal = bytes[at] === 0x30 && !isHex;
    if (isHex) at += 2;
    const from = at;
    while (at < stop && at < bytes.length) {
      const value = hexValue(bytes[at] as number);
      if (value < 0 || (value > 9 && !isHex)) break;
      at++;
    }
    digits = at - from;
    if (digits === 0) return false;
    if (isHex) isOdd = true;
    if (isOctal && digits > 1) isOctalPart = true;
    parts++;
    if (bytes[at] !== 0x2e || parts === 4) break;
    at++;
  }
  if (!endsHost(t, at)) return false;
  // One number for all four: of at least as many digits as 16.0.0.0 has, which no port and no name is.
  return isOdd || (isOctalPart && (parts === 4 || digits >= 9)) ||
    (parts === 1 && digits >= 9 && digits <= 10 && bytes[at] !== BACKSLASH) ||
    (parts === 1 && digits === 1 && bytes[t.start[host] as number] === 0x30);
}

const SCHEMES = ["http", "https"].map(word);

/** Addresses that a server is made to ask. */
export const REQUEST_ADDRESSES = {
  metadata: {
    name: "path-metadata-address",
    category: "path-traversal",
    severity: "high",
    catches: "The address at which the servers of a cloud are told their names and keys",
    example: "http://169.254.169.254/metadata/instance?api-version=2021-02-01",
    nearMiss:
      "http://169.254.10.3/ http://x/metadata 169.254.169.254 http://169.254.169.254.example/ reach http://169.254.169.254/",
    at: SCHEMES,
    test: isMetadata,
  },
  disguised: {
    name: "path-disguised-address",
    category: "path-traversal",
    severity: "medium",
    catches: "The number of a host in hexadecimal, octal, or as a whole, as no person writes it",
    example: "http://0x7f000001/",
    nearMiss: "http://10.0.0.1/0x7f http://0x7f.example/ http://192.168.1.20:8080/",
    at: SCHEMES,
    test: isDisguised,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
