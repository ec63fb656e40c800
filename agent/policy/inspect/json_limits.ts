import type { Severity } from "./config.ts";
import { HASH_SEED, hashByte } from "./byte_hash.ts";
import { hexValue } from "./tokens.ts";

/** Bounds of JSON documents, `inspection.json-limits`. */
export interface JsonLimits {
  readonly maxDepth: number;
  readonly maxKeys: number;
  readonly maxStringBytes: number;
  readonly allowsDuplicates: boolean;
  readonly allowsProto: boolean;
}

/**
 * What a document breaks: `depth`, `keys`, `string`, `duplicate-key`, `proto-key`, `trailing-text`; `not-json`, where it has
 * to be; `number-precision`, an integer beyond 2^53, which readers round differently: told and not refused, since clocks
 * that count nanoseconds send it.
 */
export interface JsonViolation {
  readonly name: string;
  readonly severity: Severity;
  /** Byte of the payload. */
  readonly offset: number;
}

const QUOTE = 0x22, BACKSLASH = 0x5c, COLON = 0x3a, COMMA = 0x2c, OPEN_BRACE = 0x7b, CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b, CLOSE_BRACKET = 0x5d, MINUS = 0x2d, DOT = 0x2e, ZERO = 0x30, NINE = 0x39;

/** Bytes that end the plain part of a string: quotes, backslashes, control characters. */
const STOPS = new Uint8Array(256);
STOPS.fill(1, 0, 0x20);
STOPS[QUOTE] = STOPS[BACKSLASH] = 1;

/** State of the scan: the text, where in it, and what was found. */
let bytes: Uint8Array = new Uint8Array(0);
let end = 0;
let at = 0;
let limits: JsonLimits;
let violation: JsonViolation | null = null;
let note: JsonViolation | null = null;
let keys = 0;
let objects = 0;

/** Of the containers that are open: which object it is, 0 for an array. */
const open = new Int32Array(1024);

/** Hash and length of the string read last, decoded; where it begins; whether anything in it is escaped. */
let stringHash = 0;
let stringStart = 0;
let stringEnd = 0;
let isEscapedString = false;

/**
 * Holds a payload against the limits, in one pass that stops at the first byte that breaks one: before any parser sees it,
 * since those take a depth of a million and of two equal keys the last. `must`: a schema applies, so that anything that is
 * no JSON is a violation. Otherwise a text that is none is left alone, and a text is taken for JSON if it begins with `{` or
 * `[`; documents one after the other, as in NDJSON, are allowed.
 */
export function jsonViolation(payload: Uint8Array, by: JsonLimits, must: boolean): JsonViolation | null {
  bytes = payload;
  end = payload.length;
  limits = by;
  violation = note = null;
  keys = objects = keyCount = 0;
  generation++;
  at = 0;
  if (end >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) at = 3;
  skipSpace();
  const first = byteAt(at);
  if (!must && first !== OPEN_BRACE && first !== OPEN_BRACKET) return null;
  if (!readDocument()) return violation ?? (must ? broken("not-json", "critical", at) : null);
  for (;;) {
    skipSpace();
    if (at >= end) return note;
    const behind = at;
    if (must) return broken("not-json", "critical", behind);
    const next = byteAt(at);
    // Programs in C send the NUL that ends their strings: only NULs are no text.
    if (next === 0) {
      while (byteAt(at) === 0) at++;
      if (at >= end) return note;
      return first === OPEN_BRACE ? broken("trailing-text", "medium", at) : null;
    }
    const isDocument = next === OPEN_BRACE || next === OPEN_BRACKET;
    if (isDocument && readDocument()) continue;
    if (violation !== null) return violation;
    // `[12.3] text` is a line of a log.
    return first === OPEN_BRACE ? broken("trailing-text", "medium", behind) : null;
  }
}

function broken(name: string, severity: Severity, offset: number): JsonViolation {
  return { name, severity, offset };
}

function refuse(name: string, offset: number): false {
  violation = broken(name, "critical", offset);
  return false;
}

function byteAt(place: number): number {
  return place < end ? bytes[place] as number : -1;
}

function skipSpace(): void {
  let next = at;
  for (; next < end; next++) {
    const byte = bytes[next] as number;
    if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break;
  }
  at = next;
}

/** Reads one value and all in it; false if it is no JSON or breaks a limit. Containers are kept on a stack of ours. */
function readDocument(): boolean {
  let depth = 0;
  for (;;) {
    // A value begins here.
    skipSpace();
    const byte = byteAt(at);
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (depth === limits.maxDepth) return refuse("depth", at);
      at++;
      open[depth++] = byte === OPEN_BRACE ? ++objects : 0;
      skipSpace();
      if (byteAt(at) === (byte === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET)) {
        at++;
        depth--;
      } else {
        if (byte === OPEN_BRACE && !readKey(open[depth - 1] as number)) return false;
        continue;
      }
    } else if (byte === QUOTE) {
      if (!readString(false)) return false;
    } else if (!readScalar(byte)) return false;
    // A value ends here.
    for (;;) {
      if (depth === 0) return true;
      skipSpace();
      const next = byteAt(at);
      const object = open[depth - 1] as number;
      if (next === COMMA) {
        at++;
        skipSpace();
        if (object !== 0 && !readKey(object)) return false;
        break;
      }
      if (next !== (object !== 0 ? CLOSE_BRACE : CLOSE_BRACKET)) return false;
      at++;
      depth--;
    }
  }
}

/** Reads a key and its colon. */
function readKey(object: number): boolean {
  if (byteAt(at) !== QUOTE) return false;
  const place = at;
  if (++keys > limits.maxKeys) return refuse("keys", place);
  if (!readString(true)) return false;
  if (!limits.allowsProto && isProto()) return refuse("proto-key", place);
  if (!limits.allowsDuplicates && !isNewKey(object)) return refuse("duplicate-key", place);
  skipSpace();
  if (byteAt(at) !== COLON) return false;
  at++;
  return true;
}

/** Reads a string: its length, and the hash of a key, are those of what it says, not of how it is written. */
function readString(isKey: boolean): boolean {
  const place = at++;
  stringStart = at;
  isEscapedString = false;
  let hash = HASH_SEED;
  let escaped = 0;
  for (;;) {
    if (isKey) hash = plainHash(hash);
    else skipPlain();
    const byte = byteAt(at);
    if (byte === QUOTE) break;
    if (byte !== BACKSLASH) return false;
    isEscapedString = true;
    const from = at;
    const point = readEscape();
    if (point < 0) return false;
    const length = utf8Length(point);
    escaped += at - from - length;
    for (let n = length - 1; n >= 0; n--) hash = hashByte(hash, utf8Byte(point, length, n));
  }
  stringEnd = at++;
  stringHash = hash;
  if (stringEnd - stringStart - escaped > limits.maxStringBytes) return refuse("string", place);
  return true;
}

/** Goes behind the plain part of a string. */
function skipPlain(): void {
  const text = bytes;
  const stop = end;
  let next = at;
  while (next < stop && STOPS[text[next] as number] === 0) next++;
  at = next;
}

/** Reads the plain part of a string and goes on with its hash. The place is a local one: that of the module costs a store for each byte. */
function plainHash(from: number): number {
  const text = bytes;
  const stop = end;
  let hash = from;
  let next = at;
  for (; next < stop; next++) {
    const byte = text[next] as number;
    if (STOPS[byte] !== 0) break;
    hash = hashByte(hash, byte);
  }
  at = next;
  return hash;
}

/** The character that the escape at `at` stands for, two for a pair of surrogates; -1 if it is none. */
function readEscape(): number {
  const kind = byteAt(at + 1);
  at += 2;
  switch (kind) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f:
      return kind;
    case 0x62:
      return 8;
    case 0x66:
      return 12;
    case 0x6e:
      return 10;
    case 0x72:
      return 13;
    case 0x74:
      return 9;
    case 0x75: {
      const point = readHex();
      if (point >= 0xd800 && point < 0xdc00 && byteAt(at) === BACKSLASH && byteAt(at + 1) === 0x75) {
        const behind = at;
        at += 2;
        const low = readHex();
        if (low >= 0xdc00 && low < 0xe000) return 0x10000 + (point - 0xd800 << 10) + low - 0xdc00;
        at = behind;
      }
      return point;
    }
  }
  return -1;
}

function readHex(): number {
  let value = 0;
  for (let n = 0; n < 4; n++, at++) {
    const digit = at < end ? hexValue(bytes[at] as number) : -1;
    if (digit < 0) return -1;
    value = value << 4 | digit;
  }
  return value;
}

const WORDS: readonly (readonly number[])[] = ["true", "false", "null"].map((word) =>
  Array.from(word, (letter) => letter.charCodeAt(0))
);

function readScalar(byte: number): boolean {
  if (byte === MINUS || (byte >= ZERO && byte <= NINE)) return readNumber();
  for (const word of WORDS) {
    if (byte !== word[0]) continue;
    for (let n = 0; n < word.length; n++) if (byteAt(at + n) !== word[n]) return false;
    at += word.length;
    return true;
  }
  return false;
}

function readNumber(): boolean {
  const place = at;
  if (byteAt(at) === MINUS) at++;
  const digits = at;
  if (byteAt(at) === ZERO) at++;
  else if (!readDigits()) return false;
  const integerDigits = at - digits;
  let isInteger = true;
  if (byteAt(at) === DOT) {
    isInteger = false;
    at++;
    if (!readDigits()) return false;
  }
  if ((byteAt(at) | 0x20) === 0x65) {
    isInteger = false;
    at++;
    if (byteAt(at) === MINUS || byteAt(at) === 0x2b) at++;
    if (!readDigits()) return false;
  }
  if (isInteger && integerDigits >= 16 && note === null && !isSafe(digits)) {
    note = broken("number-precision", "low", place);
  }
  return true;
}

function readDigits(): boolean {
  const text = bytes;
  const stop = end;
  const from = at;
  let next = from;
  while (next < stop && (text[next] as number) >= ZERO && (text[next] as number) <= NINE) next++;
  at = next;
  return next > from;
}

/** The integer whose digits begin at `from` is at most 2^53. */
function isSafe(from: number): boolean {
  let value = 0;
  for (let i = from; i < at; i++) value = value * 10 + ((bytes[i] as number) - ZERO);
  return value < 2 ** 53;
}

const PROTO = Array.from("__proto__", (letter) => letter.charCodeAt(0));

function isProto(): boolean {
  if (isEscapedString) return textOf(stringStart, stringEnd) === "__proto__";
  if (stringEnd - stringStart !== PROTO.length) return false;
  for (let n = 0; n < PROTO.length; n++) if (bytes[stringStart + n] !== PROTO[n]) return false;
  return true;
}

/**
 * Keys of the document by object and hash: open addressing, at most half full. It grows to `max-keys` at most, and is not
 * emptied: a slot of an older document is a free one.
 */
let slots = new Int32Array(2048);
let slotGenerations = new Int32Array(2048);
let generation = 0;
let keyCount = 0;
let keyObjects = new Int32Array(1024);
let keyHashes = new Int32Array(1024);
let keyStarts = new Int32Array(1024);
let keyEnds = new Int32Array(1024);

function isNewKey(object: number): boolean {
  if (keyCount === keyObjects.length) growKeys();
  const mask = slots.length - 1;
  let slot = (Math.imul(stringHash ^ Math.imul(object, 0x9e3779b1), 0x85ebca6b) >>> 8) & mask;
  while (slotGenerations[slot] === generation) {
    const key = slots[slot] as number;
    if (keyHashes[key] === stringHash && keyObjects[key] === object && isSameKey(key)) return false;
    slot = slot + 1 & mask;
  }
  slots[slot] = keyCount;
  slotGenerations[slot] = generation;
  keyObjects[keyCount] = object;
  keyHashes[keyCount] = stringHash;
  keyStarts[keyCount] = stringStart;
  keyEnds[keyCount] = stringEnd;
  keyCount++;
  return true;
}

function growKeys(): void {
  const grow = (from: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
    const larger = new Int32Array(from.length * 2);
    larger.set(from);
    return larger;
  };
  keyObjects = grow(keyObjects);
  keyHashes = grow(keyHashes);
  keyStarts = grow(keyStarts);
  keyEnds = grow(keyEnds);
  slots = new Int32Array(keyObjects.length * 2);
  slotGenerations = new Int32Array(keyObjects.length * 2);
  const mask = slots.length - 1;
  for (let key = 0; key < keyCount; key++) {
    let slot =
      (Math.imul((keyHashes[key] as number) ^ Math.imul(keyObjects[key] as number, 0x9e3779b1), 0x85ebca6b) >>> 8) &
      mask;
    while (slotGenerations[slot] === generation) slot = slot + 1 & mask;
    slots[slot] = key;
    slotGenerations[slot] = generation;
  }
}

/** The key is that of the string read last, decoded. Hashes of different keys are seldom the same. */
function isSameKey(key: number): boolean {
  return textOf(keyStarts[key] as number, keyEnds[key] as number) === textOf(stringStart, stringEnd);
}

/** The string between two quotes, decoded: its bytes of UTF-8, one to a unit. */
function textOf(from: number, to: number): string {
  const behind = at;
  let text = "";
  for (let plain = from; plain < to;) {
    const stop = indexOfBackslash(plain, to);
    for (let i = plain; i < stop; i++) text += String.fromCharCode(bytes[i] as number);
    plain = stop;
    if (stop === to) break;
    at = stop;
    const point = readEscape();
    const length = utf8Length(point);
    for (let n = length - 1; n >= 0; n--) text += String.fromCharCode(utf8Byte(point, length, n));
    plain = at;
  }
  at = behind;
  return text;
}

/** The first backslash from `from` on, or `to`. */
function indexOfBackslash(from: number, to: number): number {
  let i = from;
  while (i < to && bytes[i] !== BACKSLASH) i++;
  return i;
}

function utf8Length(point: number): number {
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

/** Byte of a character that takes `length` of them, with `left` more to come. */
function utf8Byte(point: number, length: number, left: number): number {
  if (length === 1) return point;
  if (left < length - 1) return 0x80 | point >> 6 * left & 0x3f;
  return (length === 2 ? 0xc0 : length === 3 ? 0xe0 : 0xf0) | point >> 6 * left;
}
