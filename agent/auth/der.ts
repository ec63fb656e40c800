/**
 * Distinguished Encoding Rules (ITU-T X.690 section 10), read strictly: what they allow one way to write is read in that
 * way only, and bytes that nobody accounts for are an error. It is a parser for certificates that have passed another
 * one (`node:crypto`), so it is small and refuses what certificates have no use for.
 *
 * Why not a library: of a certificate of 0.5 KB @peculiar/asn1-x509 makes an object in 0.3 to 0.5 ms, this in 0.02. It takes
 * Latin-1 for UTF-8, BER for DER and bytes behind the end for nothing, so its result would have to be written and
 * compared, which costs as much again; and node:crypto shows names only as text made for people.
 */

/** Breaks the rules; whoever reads catches it. */
export class DerError extends Error {
  override readonly name = "DerError";
}

/** Tags that certificates use (X.690 section 8.1.2), constructed bit included. */
export const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OBJECT_ID: 0x06,
  UTF8_STRING: 0x0c,
  PRINTABLE_STRING: 0x13,
  IA5_STRING: 0x16,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  BMP_STRING: 0x1e,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

export interface Element {
  readonly tag: number;
  /** A view. */
  readonly contents: Uint8Array;
  /** Tag, length and contents; a view. */
  readonly whole: Uint8Array;
}

/** Elements one after the other. Methods throw `DerError` for what is not there or not as it must be. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The tag of the next element, or null at the end. */
  get nextTag(): number | null {
    return this.#bytes[this.#at] ?? null;
  }

  next(): Element {
    const start = this.#at;
    const tag = this.#byte();
    // X.690 section 8.1.2.4: tags above 30, which no certificate has.
    if ((tag & 0x1f) === 0x1f) throw new DerError("a tag of many bytes");
    const length = this.#length();
    const from = this.#at;
    if (length > this.#bytes.length - from) throw new DerError("runs past its end");
    this.#at = from + length;
    return { tag, contents: this.#bytes.subarray(from, this.#at), whole: this.#bytes.subarray(start, this.#at) };
  }

  take(tag: number): Element {
    const element = this.next();
    if (element.tag !== tag) throw new DerError("another tag than expected");
    return element;
  }

  /** The next element if it has this tag. */
  takeIf(tag: number): Element | null {
    return this.nextTag === tag ? this.next() : null;
  }

  /** A reader of what is in the next element. */
  enter(tag: number): DerReader {
    return new DerReader(this.take(tag).contents);
  }

  /** All that is left, each with this tag. */
  rest(tag: number): Element[] {
    const elements: Element[] = [];
    while (!this.done) elements.push(this.take(tag));
    return elements;
  }

  end(): void {
    if (!this.done) throw new DerError("more than expected");
  }

  /** X.690 section 10.1: definite, and in as few bytes as it can be. */
  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 3) throw new DerError("a length of no end, or of more than 16 MiB");
    let length = 0;
    for (let i = 0; i < count; i++) length = length << 8 | this.#byte();
    if (length < 0x80 || length >>> (8 * (count - 1)) === 0) throw new DerError("a length of too many bytes");
    return length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new DerError("ends too early");
    return byte;
  }
}

/** Some encoders write a FALSE that the rules leave out; only TRUE has one form (X.690 section 11.1). */
export function readBoolean({ contents }: Element): boolean {
  if (contents.length !== 1 || (contents[0] !== 0 && contents[0] !== 0xff)) throw new DerError("no boolean");
  return contents[0] === 0xff;
}

/** A number from 0 to 2^31 - 1. */
export function readSmallInteger({ contents }: Element): number {
  const [first = 0x80] = contents;
  if (first >= 0x80 || contents.length > 4) throw new DerError("no small number");
  if (first === 0 && contents.length > 1 && (contents[1] as number) < 0x80) {
    throw new DerError("a number of too many bytes");
  }
  return contents.reduce((value, byte) => value * 256 + byte, 0);
}

const UTC_TIME = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const GENERALIZED_TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;

/** RFC 5280 section 4.1.2.5: to the second, in Greenwich time. Milliseconds since the epoch. */
export function readTime(element: Element): number {
  const pattern = element.tag === TAG.UTC_TIME
    ? UTC_TIME
    : element.tag === TAG.GENERALIZED_TIME
    ? GENERALIZED_TIME
    : null;
  const parts = pattern?.exec(ascii(element.contents))?.slice(1);
  if (parts === undefined) throw new DerError("no time");
  const [year, ...rest] = parts as [string, string, string, string, string, string];
  const century = year.length === 4 ? "" : Number(year) < 50 ? "20" : "19";
  const [month, day, hour, minute, second] = rest;
  const text = `${century}${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const ms = Date.parse(text);
  // Date takes the 31st of February for the 3rd of March.
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== text) throw new DerError("no time that there is");
  return ms;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const UTF16 = new TextDecoder("utf-16be", { fatal: true, ignoreBOM: true });

/** A character string, or null for a kind that is read in more than one way (T.61, universal and others). */
export function readText({ tag, contents }: Element): string | null {
  switch (tag) {
    case TAG.UTF8_STRING:
      return decode(UTF8, contents);
    case TAG.BMP_STRING:
      return decode(UTF16, contents);
    case TAG.PRINTABLE_STRING:
    case TAG.IA5_STRING:
      return ascii(contents);
    default:
      return null;
  }
}

/** Bytes below 128 as text. */
export function ascii(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    if (byte >= 0x80) throw new DerError("no ASCII");
    text += String.fromCharCode(byte);
  }
  return text;
}

function decode(decoder: TextDecoder, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new DerError("a text with bytes that are none");
  }
}
