import { deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";

/** What clients, and attackers, wrap a text into: bytes to bytes. */
export type Encoding = (bytes: Uint8Array) => Uint8Array;

const encoder = new TextEncoder();
const text = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
const onText = (encode: (text: string) => string): Encoding => (bytes) => encoder.encode(encode(text(bytes)));
const eachUnit = (encode: (unit: string, code: number) => string): Encoding =>
  onText((all) => all.split("").map((unit) => encode(unit, unit.charCodeAt(0))).join(""));
const eachByte = (encode: (byte: number) => string): Encoding => (bytes) =>
  encoder.encode(Array.from(bytes, encode).join(""));
const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
const utf16 = (littleEndian: boolean, mark: boolean): Encoding => (bytes) => {
  const all = (mark ? "\ufeff" : "") + text(bytes);
  const view = new DataView(new ArrayBuffer(all.length * 2));
  for (let i = 0; i < all.length; i++) view.setUint16(i * 2, all.charCodeAt(i), littleEndian);
  return new Uint8Array(view.buffer);
};
const bytesOf = (...parts: (number | Uint8Array)[]): Uint8Array =>
  new Uint8Array(parts.flatMap((part) => typeof part === "number" ? [part] : [...part]));

function cborText(bytes: Uint8Array, major = 3): Uint8Array {
  const size = bytes.length;
  if (size < 24) return bytesOf(major << 5 | size, bytes);
  if (size < 256) return bytesOf(major << 5 | 24, size, bytes);
  return bytesOf(major << 5 | 25, size >> 8, size & 255, bytes);
}

function messagePackText(bytes: Uint8Array): Uint8Array {
  const size = bytes.length;
  if (size < 32) return bytesOf(0xa0 | size, bytes);
  if (size < 256) return bytesOf(0xd9, size, bytes);
  return bytesOf(0xda, size >> 8, size & 255, bytes);
}

const ENTITIES: Readonly<Record<string, string>> = {
  "<": "&lt;",
  ">": "&gt;",
  "&": "&amp;",
  '"': "&quot;",
  "'": "&apos;",
  "(": "&lpar;",
  ")": "&rpar;",
  "/": "&sol;",
  ":": "&colon;",
  ";": "&semi;",
  "=": "&equals;",
  "{": "&lcub;",
  "}": "&rcub;",
  ".": "&period;",
  "*": "&ast;",
  "$": "&dollar;",
  "|": "&vert;",
  "\\": "&bsol;",
  "\t": "&Tab;",
  "\n": "&NewLine;",
  "%": "&percnt;",
  "#": "&num;",
};

/** Encodings that only touch characters of texts: they nest in any order. */
export const TEXT_ENCODINGS: Readonly<Record<string, Encoding>> = {
  "json string": onText((all) => JSON.stringify(all)),
  "json value": onText((all) => JSON.stringify({ a: 1, q: all, z: [true] })),
  "json key": onText((all) => JSON.stringify({ [all]: 1 })),
  "json \\u": eachUnit((_, code) => `\\u${hex(code, 4)}`),
  "json \\U mixed": onText((all) =>
    `{"q":"${all.split("").map((unit) => `\\u${hex(unit.charCodeAt(0), 4).toUpperCase()}`).join("")}"}`
  ),
  "\\x": eachByte((byte) => `\\x${hex(byte, 2)}`),
  "octal": eachByte((byte) => `\\${byte.toString(8).padStart(3, "0")}`),
  "\\u{}": onText((all) => [...all].map((one) => `\\u{${(one.codePointAt(0) as number).toString(16)}}`).join("")),
  "percent": onText((all) => encodeURIComponent(all.toWellFormed())),
  "percent all": eachByte((byte) => `%${hex(byte, 2)}`),
  "percent all upper": eachByte((byte) => `%${hex(byte, 2).toUpperCase()}`),
  "percent form": onText((all) => `a=1&q=${encodeURIComponent(all.toWellFormed()).replaceAll("%20", "+")}`),
  "percent %u": eachUnit((_, code) => `%u${hex(code, 4)}`),
  "html decimal": onText((all) => [...all].map((one) => `&#${one.codePointAt(0)};`).join("")),
  "html decimal zeros": onText((all) => [...all].map((one) => `&#0000${one.codePointAt(0)};`).join("")),
  "html hex": onText((all) => [...all].map((one) => `&#x${(one.codePointAt(0) as number).toString(16)};`).join("")),
  "html hex bare": onText((all) =>
    [...all].map((one, n, list) =>
      /[0-9a-f]/i.test(list[n + 1] ?? "")
        ? `&#X${(one.codePointAt(0) as number).toString(16)};`
        : `&#X${(one.codePointAt(0) as number).toString(16)}`
    ).join("")
  ),
  "html named": onText((all) => [...all].map((one) => ENTITIES[one] ?? one).join("")),
  "full width": onText((all) =>
    all.split("").map((unit) => unit > " " && unit < "\x7f" ? String.fromCharCode(unit.charCodeAt(0) + 0xfee0) : unit)
      .join("")
  ),
  "zero width": onText((all) => [...all].join("\u200b")),
  "joiner in words": onText((all) => all.replace(/([a-z])([a-z])/gi, "$1\u200d$2")),
  "soft hyphen": onText((all) => all.replace(/([a-z])([a-z])/gi, "$1\u00ad$2")),
  "byte order mark": (bytes) => bytesOf(0xef, 0xbb, 0xbf, bytes),
  "math letters": onText((all) =>
    all.replace(/[a-z]/g, (one) => String.fromCodePoint(0x1d41a + one.charCodeAt(0) - 97)).replace(
      /[A-Z]/g,
      (one) => String.fromCodePoint(0x1d400 + one.charCodeAt(0) - 65),
    )
  ),
  "base64": (bytes) => encoder.encode(bytes.toBase64()),
  "base64url": (bytes) => encoder.encode(bytes.toBase64({ alphabet: "base64url", omitPadding: true })),
  "base64 in json": (bytes) => encoder.encode(JSON.stringify({ data: bytes.toBase64() })),
  "base64 wrapped": (bytes) => encoder.encode(bytes.toBase64().replace(/.{8}(?=.)/g, "$&\r\n")),
  "hex": (bytes) => encoder.encode(bytes.toHex()),
  "hex 0x": (bytes) => encoder.encode(`0x${bytes.toHex().toUpperCase()}`),
};

/** Encodings of whole documents. */
export const DATA_ENCODINGS: Readonly<Record<string, Encoding>> = {
  "utf-16le": utf16(true, false),
  "utf-16be": utf16(false, false),
  "utf-16le mark": utf16(true, true),
  "utf-16be mark": utf16(false, true),
  "gzip": (bytes) => gzipSync(bytes),
  "zlib": (bytes) => deflateSync(bytes),
  "deflate": (bytes) => deflateRawSync(bytes),
  "zstd": (bytes) => zstdCompressSync(bytes),
  "cbor": (bytes) =>
    bytesOf(0xa2, cborText(encoder.encode("q")), cborText(bytes), cborText(encoder.encode("n")), 0x18, 99),
  "cbor bytes": (bytes) => bytesOf(0x81, cborText(bytes, 2)),
  "cbor chunks": (bytes) => bytesOf(0x81, 0x7f, cborText(bytes.subarray(0, 3)), cborText(bytes.subarray(3)), 0xff),
  "msgpack": (bytes) =>
    bytesOf(
      0x82,
      messagePackText(encoder.encode("q")),
      messagePackText(bytes),
      messagePackText(encoder.encode("n")),
      5,
    ),
  "msgpack array": (bytes) => bytesOf(0x92, 7, messagePackText(bytes)),
};

export const ENCODINGS: Readonly<Record<string, Encoding>> = { ...TEXT_ENCODINGS, ...DATA_ENCODINGS };

/** One byte that is not UTF-8, in front, behind and within. */
export const BROKEN: Readonly<Record<string, Encoding>> = {
  "ff before": (bytes) => bytesOf(0xff, bytes),
  "fe before": (bytes) => bytesOf(0xfe, bytes),
  "c3 behind": (bytes) => bytesOf(bytes, 0xc3),
  "80 before": (bytes) => bytesOf(0x80, bytes),
  "ff within a json string": (bytes) =>
    bytesOf(
      encoder.encode('{"a":"'),
      0xff,
      encoder.encode('","q":'),
      encoder.encode(JSON.stringify(text(bytes))),
      0x7d,
    ),
};

const utf32 = (littleEndian: boolean, mark: boolean): Encoding => (bytes) => {
  const all = [...(mark ? "\ufeff" : "") + text(bytes)];
  const view = new DataView(new ArrayBuffer(all.length * 4));
  all.forEach((one, n) => view.setUint32(n * 4, one.codePointAt(0) as number, littleEndian));
  return new Uint8Array(view.buffer);
};
const utf7 = onText((all) =>
  all.replace(/[^A-Za-z0-9]+/g, (part) => {
    const units = new DataView(new ArrayBuffer(part.length * 2));
    part.split("").forEach((unit, n) => units.setUint16(n * 2, unit.charCodeAt(0)));
    return `+${new Uint8Array(units.buffer).toBase64({ omitPadding: true })}-`;
  })
);
const grouped = (width: number, separator: string): Encoding => (bytes) =>
  encoder.encode(bytes.toBase64().replace(new RegExp(`.{${width}}(?=.)`, "g"), `$&${separator}`));

/** Encodings that hardly any client has, and attackers do: tried around each string alone. */
export const RARE_ENCODINGS: Readonly<Record<string, Encoding>> = {
  "utf-32le mark": utf32(true, true),
  "utf-32be mark": utf32(false, true),
  "quoted-printable": eachByte((byte) => `=${hex(byte, 2).toUpperCase()}`),
  "quoted-printable in json": onText((all) =>
    JSON.stringify({ a: "x=y", q: [...encoder.encode(all)].map((byte) => `=${hex(byte, 2).toUpperCase()}`).join("") })
  ),
  "utf-7": utf7,
  "base64 in groups of four": grouped(4, " "),
  "base64 in groups of ten": grouped(10, " "),
  "base64 in lines of seven": grouped(7, "\r\n"),
  "base64 in json lines": (bytes) => encoder.encode(JSON.stringify({ q: text(grouped(5, "\n")(bytes)) })),
  "base64 apart": grouped(1, " "),
  "hex apart": (bytes) => encoder.encode(Array.from(bytes, (byte) => hex(byte, 2)).join(" ")),
  "hex apart upper": (bytes) => encoder.encode(Array.from(bytes, (byte) => hex(byte, 2).toUpperCase()).join(" ")),
};
