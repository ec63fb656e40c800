/**
 * Network addresses and CIDR ranges, read strictly: an address decides access, and libraries that read `127` or
 * `010.0.0.1` the way C did let it be written in ways that a list does not expect.
 */

/**
 * One IPv4 or IPv6 address. `word0` to `word3` are its 32-bit words in network order, as signed integers (which V8
 * keeps without allocating); an IPv4 address has only `word0`, the others are 0.
 */
export interface Address {
  /** Canonical: dotted decimal, or RFC 5952. */
  readonly text: string;
  readonly family: 4 | 6;
  readonly word0: number;
  readonly word1: number;
  readonly word2: number;
  readonly word3: number;
}

/** A range of addresses; `network` is its first one. */
export interface Cidr {
  /** Canonical, with the prefix: `10.0.0.0/8`. */
  readonly text: string;
  readonly network: Address;
  /** 0 to 32, or 0 to 128. */
  readonly prefixBits: number;
}

export type CidrResult = { readonly cidr: Cidr } | { readonly error: string };

const DOT = 46;
const COLON = 58;
const ZERO = 48;
const NINE = 57;

/**
 * Text of the longest IPv6 address with zone, brackets and port stays far below this; what is longer is not looked at.
 */
const MAX_ADDRESS_UNITS = 128;

/**
 * An address as proxies write it: `203.0.113.5`, `203.0.113.5:51234`, `2001:db8::1`, `[2001:db8::1]`,
 * `[2001:db8::1]:443`; a zone (`fe80::1%eth0`) is cut off and an IPv4-mapped address (`::ffff:10.0.0.5`) is that IPv4
 * address. Null for anything else: fewer than four parts, leading zeros, hexadecimal, white space, names. About 50 ns
 * for IPv4.
 */
export function parseAddress(text: string): Address | null {
  if (text.length > MAX_ADDRESS_UNITS) return null;
  const v4 = parseV4(text, true);
  if (v4 !== null) return v4;
  if (text.charCodeAt(0) !== 91 /* [ */) return parseV6(text, true);
  const close = text.indexOf("]");
  if (close < 0) return null;
  if (close + 1 < text.length && !isPort(text, close + 1)) return null;
  return parseV6(text.slice(1, close), true);
}

/**
 * A range `10.0.0.0/8`, `2001:db8::/32`, or one address. Strict: set host bits, a prefix that is too long, has leading
 * zeros or is no number, ports, brackets and zones are errors. A range of IPv4-mapped addresses (`::ffff:10.0.0.0/104`)
 * is that IPv4 range.
 */
export function parseCidr(text: string): CidrResult {
  const refuse = (found: string): CidrResult => ({ error: `Cannot use "${text}" as an address or range: ${found}` });
  const slash = text.indexOf("/");
  const addressText = slash < 0 ? text : text.slice(0, slash);
  const written = addressText.length > MAX_ADDRESS_UNITS ? null : parsePlain(addressText);
  if (written === null) return refuse(`"${addressText}" is no IPv4 or IPv6 address`);
  const longest = addressText.includes(":") ? 128 : 32;
  let prefixBits = longest;
  if (slash >= 0) {
    const digits = text.slice(slash + 1);
    if (!/^(0|[1-9][0-9]{0,2})$/.test(digits) || Number(digits) > longest) {
      return refuse(`"${digits}" is no prefix length from 0 to ${longest}`);
    }
    prefixBits = Number(digits);
  }
  if (longest === 128 && written.family === 4) {
    // Mapped: below 96 bits the range would hold more than the mapped addresses, and its first address would have to be
    // `::`.
    if (prefixBits < 96) return refuse("bits after the prefix are set");
    prefixBits -= 96;
  }
  const network = maskAddress(written, prefixBits);
  if (!sameAddress(network, written)) {
    return refuse(`bits after the prefix are set (did you mean "${network.text}/${prefixBits}"?)`);
  }
  return { cidr: { text: `${network.text}/${prefixBits}`, network, prefixBits } };
}

/** True if the address lies in the range. An IPv4 address lies in no IPv6 range. O(1), allocates nothing. */
export function cidrContains(cidr: Cidr, address: Address): boolean {
  const { network, prefixBits } = cidr;
  return network.family === address.family &&
    network.word0 === (address.word0 & wordMask(prefixBits, 0)) &&
    network.word1 === (address.word1 & wordMask(prefixBits, 1)) &&
    network.word2 === (address.word2 & wordMask(prefixBits, 2)) &&
    network.word3 === (address.word3 & wordMask(prefixBits, 3));
}

/** The first address of the range of `prefixBits` that holds `address`. */
export function maskAddress(address: Address, prefixBits: number): Address {
  if (prefixBits >= (address.family === 4 ? 32 : 128)) return address;
  return makeAddress(
    address.family,
    address.word0 & wordMask(prefixBits, 0),
    address.word1 & wordMask(prefixBits, 1),
    address.word2 & wordMask(prefixBits, 2),
    address.word3 & wordMask(prefixBits, 3),
  );
}

/**
 * What a rate limit counts as one client: the IPv4 address, or the /64 of an IPv6 address (`2001:db8::/64`), since
 * whoever has one IPv6 address has its whole /64.
 */
export function limiterKey(address: Address): string {
  return address.family === 4 ? address.text : `${formatV6(address.word0, address.word1, 0, 0)}/64`;
}

/** Mask of the 32-bit word `index` for a prefix of `prefixBits` bits, as a signed integer. */
function wordMask(prefixBits: number, index: number): number {
  const bits = prefixBits - index * 32;
  return bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits);
}

function makeAddress(family: 4 | 6, word0: number, word1: number, word2: number, word3: number): Address {
  const text = family === 4 ? formatV4(word0) : formatV6(word0, word1, word2, word3);
  return { text, family, word0, word1, word2, word3 };
}

function sameAddress(a: Address, b: Address): boolean {
  return a.word0 === b.word0 && a.word1 === b.word1 && a.word2 === b.word2 && a.word3 === b.word3;
}

/** Neither port nor brackets nor zone. */
function parsePlain(text: string): Address | null {
  return text.includes(":") ? parseV6(text, false) : parseV4(text, false);
}

/** A dotted quad; the text up to the port is its own canonical form, since no other one parses. */
function parseV4(text: string, withPort: boolean): Address | null {
  let word = 0;
  let part = -1;
  let dots = 0;
  let end = 0;
  for (; end < text.length; end++) {
    const unit = text.charCodeAt(end);
    if (unit >= ZERO && unit <= NINE) {
      // A leading zero is octal to some readers and decimal to others.
      if (part === 0) return null;
      part = part < 0 ? unit - ZERO : part * 10 + unit - ZERO;
      if (part > 255) return null;
    } else if (unit === DOT) {
      if (part < 0 || ++dots > 3) return null;
      word = word << 8 | part;
      part = -1;
    } else break;
  }
  if (dots !== 3 || part < 0) return null;
  if (end < text.length && !(withPort && isPort(text, end))) return null;
  const canonical = end === text.length ? text : text.slice(0, end);
  return { text: canonical, family: 4, word0: word << 8 | part, word1: 0, word2: 0, word3: 0 };
}

/** True if the text from `at` is `:` and a decimal port without leading zeros. */
function isPort(text: string, at: number): boolean {
  const digits = text.length - at - 1;
  if (text.charCodeAt(at) !== COLON || digits < 1 || digits > 5) return false;
  let port = 0;
  for (let i = at + 1; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < ZERO || unit > NINE) return false;
    if (i > at + 1 && port === 0) return false;
    port = port * 10 + unit - ZERO;
  }
  return port <= 65_535;
}

/** RFC 4291 section 2.2, with RFC 4007 zones where `withZone`; mapped addresses come back as IPv4. */
function parseV6(text: string, withZone: boolean): Address | null {
  let address = text;
  const percent = text.indexOf("%");
  if (percent >= 0) {
    if (!withZone || !/^[0-9A-Za-z._~-]+$/.test(text.slice(percent + 1))) return null;
    address = text.slice(0, percent);
  }
  const gap = address.indexOf("::");
  const head = groups(gap < 0 ? address : address.slice(0, gap), gap < 0);
  const tail = gap < 0 ? [] : groups(address.slice(gap + 2), true);
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  // "::" stands for at least one group.
  if (gap < 0 ? missing !== 0 : missing < 1) return null;
  const all = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = all;
  const word3 = g << 16 | h;
  if (a === 0 && b === 0 && c === 0 && d === 0 && e === 0 && f === 0xffff) return makeAddress(4, word3, 0, 0, 0);
  return makeAddress(6, a << 16 | b, c << 16 | d, e << 16 | f, word3);
}

/** 16-bit groups between colons; the last may be a dotted quad where `quadAllowed`. */
function groups(text: string, quadAllowed: boolean): number[] | null {
  if (text === "") return [];
  const found: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (quadAllowed && index === parts.length - 1 && part.includes(".")) {
      const quad = parseV4(part, false);
      if (quad === null) return null;
      found.push(quad.word0 >>> 16, quad.word0 & 0xffff);
    } else {
      if (!/^[0-9A-Fa-f]{1,4}$/.test(part)) return null;
      found.push(Number.parseInt(part, 16));
    }
  }
  return found;
}

function formatV4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as "::". */
function formatV6(word0: number, word1: number, word2: number, word3: number): string {
  const parts = [word0, word1, word2, word3].flatMap((word) => [word >>> 16, word & 0xffff]);
  let runStart = -1;
  let runLength = 1;
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && parts[start + length] === 0) length++;
    if (length > runLength) {
      runStart = start;
      runLength = length;
    }
  }
  const hex = parts.map((part) => part.toString(16));
  if (runStart < 0) return hex.join(":");
  return `${hex.slice(0, runStart).join(":")}::${hex.slice(runStart + runLength).join(":")}`;
}
