/** Values of the binary forms that messages have, as plain data. */
export type Value = null | boolean | number | string | Uint8Array | readonly Value[] | {
  readonly [key: string]: Value;
};

const encoder = new TextEncoder();

/** Bytes of texts, numbers and other bytes, one behind the other. */
export function bytesOf(...parts: readonly (string | number | Uint8Array | readonly number[])[]): Uint8Array {
  const out: number[] = [];
  for (const part of parts) {
    if (typeof part === "number") out.push(part);
    else out.push(...(typeof part === "string" ? encoder.encode(part) : part));
  }
  return Uint8Array.from(out);
}

/** `count` bytes of a whole number, most significant first. */
export function bigEndian(value: number, count: number): number[] {
  const bytes: number[] = [];
  for (let n = count - 1; n >= 0; n--) bytes.push(Math.floor(value / 2 ** (8 * n)) & 0xff);
  return bytes;
}

/** A double, most significant byte first. */
export function double(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return new Uint8Array(view.buffer);
}

function isEntries(value: Value): value is { readonly [key: string]: Value } {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array) && !Array.isArray(value);
}

/** Head of a CBOR item (RFC 8949, section 3): major type and argument. */
export function cborHead(major: number, argument: number): number[] {
  const type = major << 5;
  if (argument < 24) return [type | argument];
  if (argument < 0x100) return [type | 24, argument];
  if (argument < 0x10000) return [type | 25, ...bigEndian(argument, 2)];
  return [type | 26, ...bigEndian(argument, 4)];
}

/** A value in CBOR, in its shortest definite form; numbers that are not whole are doubles. */
export function cbor(value: Value): Uint8Array {
  if (value === null) return bytesOf(0xf6);
  if (typeof value === "boolean") return bytesOf(value ? 0xf5 : 0xf4);
  if (typeof value === "number") {
    if (!Number.isInteger(value) || Math.abs(value) > 0xffffffff) return bytesOf(0xfb, double(value));
    return bytesOf(value < 0 ? cborHead(1, -1 - value) : cborHead(0, value));
  }
  if (typeof value === "string") return bytesOf(cborHead(3, encoder.encode(value).length), value);
  if (value instanceof Uint8Array) return bytesOf(cborHead(2, value.length), value);
  if (isEntries(value)) {
    const entries = Object.entries(value);
    return bytesOf(cborHead(5, entries.length), ...entries.flatMap(([key, inner]) => [cbor(key), cbor(inner)]));
  }
  return bytesOf(cborHead(4, value.length), ...value.map(cbor));
}

/** A value in MessagePack, in its shortest form; numbers that are not whole are doubles. */
export function messagePack(value: Value): Uint8Array {
  if (value === null) return bytesOf(0xc0);
  if (typeof value === "boolean") return bytesOf(value ? 0xc3 : 0xc2);
  if (typeof value === "number") {
    if (!Number.isInteger(value) || Math.abs(value) > 0xffffffff) return bytesOf(0xcb, double(value));
    if (value < 0) return value >= -32 ? bytesOf(0x100 + value) : bytesOf(0xd2, bigEndian(value + 2 ** 32, 4));
    if (value < 0x80) return bytesOf(value);
    return value < 0x10000 ? bytesOf(0xcd, bigEndian(value, 2)) : bytesOf(0xce, bigEndian(value, 4));
  }
  if (typeof value === "string") {
    const { length } = encoder.encode(value);
    if (length < 32) return bytesOf(0xa0 | length, value);
    return length < 0x100 ? bytesOf(0xd9, length, value) : bytesOf(0xda, bigEndian(length, 2), value);
  }
  if (value instanceof Uint8Array) return bytesOf(0xc5, bigEndian(value.length, 2), value);
  if (isEntries(value)) {
    const entries = Object.entries(value);
    const head = entries.length < 16 ? [0x80 | entries.length] : [0xde, ...bigEndian(entries.length, 2)];
    return bytesOf(head, ...entries.flatMap(([key, inner]) => [messagePack(key), messagePack(inner)]));
  }
  const head = value.length < 16 ? [0x90 | value.length] : [0xdc, ...bigEndian(value.length, 2)];
  return bytesOf(head, ...value.map(messagePack));
}

/** A whole number of Protocol Buffers, seven bits a byte, least significant first. */
export function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value;; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 0x80);
  }
}

/** A field of a Protocol Buffers message: a number as a varint, anything else with its length before it. */
export function field(number: number, value: number | string | Uint8Array): Uint8Array {
  if (typeof value === "number") return bytesOf(varint(number << 3), varint(value));
  const content = typeof value === "string" ? encoder.encode(value) : value;
  return bytesOf(varint((number << 3) | 2), varint(content.length), content);
}

/** A metric of a Sparkplug B payload with a double or a text as its value. */
export function sparkplugMetric(name: string, value: number | string, timestamp: number): Uint8Array {
  const head = bytesOf(field(1, name), field(3, timestamp), field(4, typeof value === "number" ? 10 : 12));
  if (typeof value === "string") return bytesOf(head, field(15, value));
  // A double is eight bytes, least significant first, behind a key of wire type 1.
  return bytesOf(head, varint((13 << 3) | 1), double(value).reverse());
}

/** A Sparkplug B payload of metrics. */
export function sparkplug(metrics: readonly Uint8Array[], timestamp: number, sequence: number): Uint8Array {
  return bytesOf(field(1, timestamp), ...metrics.map((metric) => field(2, metric)), field(3, sequence));
}
