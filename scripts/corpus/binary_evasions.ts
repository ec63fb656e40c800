import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import {
  bigEndian,
  bytesOf,
  cbor,
  cborHead,
  field,
  messagePack,
  sparkplug,
  sparkplugMetric,
  type Value,
} from "./binary_forms.ts";
import { csv, type Evasion, logLine, query, SPECIAL, stateJson, telemetry, TIME } from "./evasion.ts";
import {
  base64,
  broken,
  fullWidth,
  hexadecimal,
  htmlNamed,
  htmlReferences,
  jsonEscaped,
  percentEncoded,
  utf16,
} from "./text_forms.ts";

/** Forms that are data, forms within forms, and forms in other parts than the payload. */
export const BINARY_EVASIONS: readonly Evasion[] = [
  {
    family: "evasion-utf16",
    about: "UTF-16 of both byte orders, with and without byte order mark, bare and within data.",
    forms: [
      { name: "little endian with mark", make: (attack) => bytesOf(0xff, 0xfe, utf16(attack, "LE")) },
      { name: "little endian", make: (attack) => utf16(attack, "LE") },
      { name: "big endian with mark", make: (attack) => bytesOf(0xfe, 0xff, utf16(attack, "BE")) },
      { name: "big endian", make: (attack) => utf16(attack, "BE") },
      { name: "JSON, little endian", make: (attack) => utf16(telemetry(attack), "LE") },
      {
        name: "JSON with escapes, big endian with mark",
        make: (attack) => bytesOf(0xfe, 0xff, utf16(stateJson(jsonEscaped(attack)), "BE")),
      },
      { name: "at an odd place in data", make: (attack) => bytesOf(1, 0, 7, utf16(attack, "LE"), 0, 0, 9) },
      { name: "behind a head of 12 bytes", make: (attack) => bytesOf("HMI1", bigEndian(77, 8), utf16(attack, "LE")) },
      { name: "log line, little endian", make: (attack) => utf16(logLine(attack), "LE") },
    ],
  },
  {
    family: "evasion-broken-bytes",
    about: "Bytes that are no UTF-8, NUL and control characters around and within an attack.",
    forms: [
      { name: "FF before", make: (attack) => bytesOf(0xff, attack) },
      { name: "FE behind", make: (attack) => bytesOf(attack, 0xfe) },
      { name: "lone continuation in JSON", make: (attack) => inJson(attack, 0x80) },
      { name: "Latin-1 letter in JSON", make: (attack) => inJson(attack, 0xfc) },
      { name: "cut character at the end", make: (attack) => bytesOf(telemetry(attack), 0xe2, 0x82) },
      { name: "surrogate as UTF-8", make: (attack) => bytesOf(0xed, 0xa0, 0x80, csv(attack)) },
      { name: "NUL before and behind", make: (attack) => bytesOf(0, attack, 0) },
      { name: "in fields that NUL ends", make: (attack) => bytesOf("PUMP1", 0, attack, 0, "RUN", 0, 0) },
      { name: "between STX and ETX", make: (attack) => bytesOf(2, attack, 3) },
      { name: "among bytes of a head", make: (attack) => bytesOf(0xaa, 0x55, 1, 0, 0x13, 0x88, attack, 0xc5, 0xcd) },
      { name: "FF between words", make: (attack) => bytesOf(0xc3, 0x28, " ", attack, " ", 0xff) },
    ],
  },
  {
    family: "evasion-compressed",
    about: "gzip, zlib and raw deflate, with odd heads, stored blocks, second members, and within base64.",
    forms: [
      { name: "gzip", make: gzip },
      { name: "gzip of JSON", make: (attack) => gzip(telemetry(attack)) },
      { name: "gzip, stored", make: (attack) => bytes(gzipSync(logLine(attack), { level: 0 })) },
      { name: "gzip with a name", make: (attack) => gzipNamed(csv(attack)) },
      { name: "gzip, second member", make: (attack) => bytesOf(gzip("t=21.5\n".repeat(9)), gzip(attack)) },
      { name: "gzip twice", make: (attack) => gzip(gzip(telemetry(attack))) },
      { name: "zlib", make: (attack) => zlib(telemetry(attack)) },
      { name: "zlib, best", make: (attack) => bytes(deflateSync(csv(attack), { level: 9 })) },
      { name: "zlib behind its length", make: (attack) => bytesOf(bigEndian(attack.length, 4), zlib(attack)) },
      { name: "raw deflate", make: (attack) => rawDeflate(telemetry(attack)) },
      { name: "gzip in base64 in JSON", make: (attack) => telemetry(base64(gzip(attack))) },
      { name: "zlib in hexadecimal", make: (attack) => JSON.stringify({ z: hexadecimal(zlib(telemetry(attack))) }) },
    ],
  },
  {
    family: "evasion-cbor",
    about: "CBOR: texts and bytes in maps and lists, in pieces, in embedded documents, as keys.",
    forms: [
      { name: "in a map", make: (attack) => cbor(record(attack)) },
      { name: "as a key", make: (attack) => cbor({ t: 21.5, [attack]: true }) },
      { name: "bytes", make: (attack) => cbor(record(bytesOf(attack))) },
      { name: "deep in lists", make: (attack) => cbor([1, [2, [3, [-4, { a: [attack, null, 0.5] }]]]]) },
      { name: "lone text", make: cbor },
      {
        name: "text in two pieces",
        make: (attack) => bytesOf(0xbf, 0x61, "n", 0x7f, cbor(attack.slice(0, 5)), cbor(attack.slice(5)), 0xff, 0xff),
      },
      {
        name: "embedded document",
        make: (attack) => bytesOf(0x81, 0xd8, 0x18, cbor(cbor(record(attack)))),
      },
      { name: "self-described", make: (attack) => bytesOf(0xd9, 0xd9, 0xf7, cbor(record(attack))) },
      {
        name: "SenML",
        make: (attack) => bytesOf(0x81, 0xa2, 0x21, cbor("urn:dev:ow:10e2073a01080063"), 0x03, cbor(attack)),
      },
      { name: "sequence", make: (attack) => bytesOf(cbor({ t: 1 }), cbor(record(attack))) },
      { name: "long length", make: (attack) => bytesOf(0xa1, 0x61, "n", 0x7a, bigEndian(attack.length, 4), attack) },
    ],
  },
  {
    family: "evasion-messagepack",
    about: "MessagePack: texts of every length form, bytes, extensions, keys.",
    forms: [
      { name: "in a map", make: (attack) => messagePack(record(attack)) },
      { name: "as a key", make: (attack) => messagePack({ t: 21.5, [attack]: true }) },
      { name: "bytes", make: (attack) => messagePack(record(bytesOf(attack))) },
      { name: "deep in lists", make: (attack) => messagePack([1, [2, [3, [-4, { a: [attack, null, 0.5] }]]]]) },
      {
        name: "length of 16 bits",
        make: (attack) => bytesOf(0x81, 0xa1, "n", 0xda, bigEndian(attack.length, 2), attack),
      },
      {
        name: "length of 32 bits",
        make: (attack) => bytesOf(0x81, 0xa1, "n", 0xdb, bigEndian(attack.length, 4), attack),
      },
      { name: "extension", make: (attack) => bytesOf(0x92, 0x07, 0xc7, attack.length, 5, attack) },
      { name: "long", make: (attack) => messagePack([17, `${logLine("ok ".repeat(90))} ${attack}`]) },
    ],
  },
  {
    family: "evasion-binary-carrier",
    about: "Protocol Buffers as Sparkplug B has them, length prefixes and records of machines.",
    forms: [
      {
        name: "Sparkplug text metric",
        make: (attack) =>
          sparkplug(
            [sparkplugMetric("Inputs/Speed", 1450.5, TIME), sparkplugMetric("Properties/Note", attack, TIME)],
            TIME,
            7,
          ),
      },
      {
        name: "Sparkplug metric name",
        make: (attack) => sparkplug([sparkplugMetric(attack, 12.5, TIME)], TIME, 1),
      },
      {
        name: "nested messages",
        make: (attack) => field(1, field(2, field(3, bytesOf(field(1, 7), field(4, attack))))),
      },
      {
        name: "length of 16 bits before",
        make: (attack) => bytesOf(0, 4, "pump", bigEndian(attack.length, 2), attack),
      },
      { name: "type, length, value", make: (attack) => bytesOf(1, 2, 0, 7, 2, attack.length, attack, 3, 1, 0xff) },
      {
        name: "fixed fields",
        make: (attack) => bytesOf("REC1", bigEndian(1_714_662_148, 4), attack.padEnd(64, "\0"), bigEndian(17, 4)),
      },
      {
        name: "CBOR text head in data",
        make: (attack) => bytesOf(0x82, 0x18, 0x2a, cborHead(3, attack.length), attack),
      },
      { name: "JSON behind a head", make: (attack) => bytesOf(0x10, 0x02, 0, 0, 0, 0x4d, telemetry(attack)) },
      { name: "syslog behind bytes", make: (attack) => bytesOf(0xde, 0xad, 0xbe, 0xef, logLine(attack)) },
      { name: "in two pieces of data", make: (attack) => bytesOf(0x80, 0x81, 0x82, attack, 0x83, 0x84, 0x85, 0x86) },
    ],
  },
  {
    family: "evasion-two-deep",
    about: "Two forms, one within the other.",
    forms: [
      { name: "percent in base64", make: (attack) => telemetry(base64(encodeURIComponent(attack))) },
      { name: "base64 in percent", make: (attack) => query(encodeURIComponent(base64(attack))) },
      { name: "escaped JSON in base64", make: (attack) => csv(base64(stateJson(jsonEscaped(attack)))) },
      { name: "base64 in CBOR", make: (attack) => cbor(record(base64(attack))) },
      { name: "escaped JSON in MessagePack", make: (attack) => messagePack(record(`["${jsonEscaped(attack)}"]`)) },
      { name: "references in percent", make: (attack) => query(percentEncoded(htmlReferences(attack, "&#", 10, ";"))) },
      { name: "percent in references", make: (attack) => htmlReferences(percentEncoded(attack), "&#x", 16, ";") },
      { name: "full width in percent", make: (attack) => query(percentEncoded(fullWidth(attack))) },
      { name: "UTF-16 in base64", make: (attack) => csv(base64(bytesOf(0xfe, 0xff, utf16(attack, "BE")))) },
      { name: "base64 in UTF-16", make: (attack) => utf16(telemetry(base64(attack)), "LE") },
      { name: "gzip of CBOR", make: (attack) => gzip(cbor(record(attack))) },
      { name: "zlib in MessagePack", make: (attack) => messagePack(record(zlib(telemetry(attack)))) },
      { name: "hexadecimal in base64", make: (attack) => telemetry(base64(hexadecimal(attack))) },
      { name: "references in escaped JSON", make: (attack) => stateJson(jsonEscaped(htmlNamed(attack))) },
      {
        name: "Sparkplug with base64",
        make: (attack) => sparkplug([sparkplugMetric("x", base64(attack), TIME)], TIME, 2),
      },
    ],
  },
  {
    family: "evasion-three-deep",
    about: "Three forms, one within the other: as deep as the default of `max-depth` goes.",
    forms: [
      { name: "percent in JSON in base64", make: (attack) => csv(base64(telemetry(percentEncoded(attack)))) },
      {
        name: "gzip in base64 in JSON",
        make: (attack) => telemetry(base64(gzip(stateJson(jsonEscaped(attack, SPECIAL))))),
      },
      { name: "base64 in JSON in CBOR", make: (attack) => cbor(record(telemetry(base64(attack)))) },
      { name: "references in percent in JSON", make: (attack) => telemetry(percentEncoded(htmlNamed(attack))) },
      { name: "base64 in gzip in CBOR", make: (attack) => cbor(record(gzip(telemetry(base64(attack))))) },
      { name: "UTF-16 in gzip in base64", make: (attack) => telemetry(base64(gzip(utf16(attack, "LE")))) },
      { name: "base64 three times", make: (attack) => base64(base64(base64(attack))) },
      { name: "hexadecimal of zlib of JSON", make: (attack) => csv(hexadecimal(zlib(stateJson(jsonEscaped(attack))))) },
      {
        name: "full width in escaped JSON in base64",
        make: (attack) => csv(base64(stateJson(jsonEscaped(fullWidth(attack))))),
      },
      {
        name: "JSON in JSON in MessagePack",
        make: (attack) => messagePack(record(telemetry(`["${jsonEscaped(attack)}"]`))),
      },
    ],
  },
  {
    family: "evasion-parts",
    about: "Forms in topics, client identifiers, user names, Wills, properties and response topics.",
    forms: [
      { name: "percent in the topic", part: "topic", make: (attack) => `fleet/${encodeURIComponent(attack)}/state` },
      { name: "full width in the topic", part: "topic", make: (attack) => `fleet/${fullWidth(attack)}` },
      { name: "base64 in the client id", part: "client-id", make: (attack) => `dev-${base64(attack)}` },
      {
        name: "references in the client id",
        part: "client-id",
        make: (attack) => htmlReferences(attack, "&#", 10, ";"),
      },
      { name: "percent in the user name", part: "username", make: (attack) => encodeURIComponent(attack) },
      { name: "zero width space in the user name", part: "username", make: (attack) => broken(attack, "\u200b") },
      { name: "escaped JSON in the Will", part: "will", make: (attack) => stateJson(jsonEscaped(attack)) },
      { name: "gzip in the Will", part: "will", make: (attack) => gzip(telemetry(attack)) },
      { name: "UTF-16 in the Will", part: "will", make: (attack) => utf16(attack, "LE") },
      { name: "base64 in a property", part: "user-properties", make: (attack) => base64(attack) },
      {
        name: "percent twice in a property",
        part: "user-properties",
        make: (attack) => percentEncoded(percentEncoded(attack)),
      },
      {
        name: "percent in the response topic",
        part: "response-topic",
        make: (attack) => `r/${encodeURIComponent(attack)}`,
      },
    ],
  },
];

function bytes(content: Uint8Array): Uint8Array {
  return new Uint8Array(content);
}

function gzip(content: string | Uint8Array): Uint8Array {
  return bytes(gzipSync(content));
}

function zlib(content: string | Uint8Array): Uint8Array {
  return bytes(deflateSync(content));
}

function rawDeflate(content: string | Uint8Array): Uint8Array {
  return bytes(deflateRawSync(content));
}

function record(note: Value): Value {
  return { id: "dev-1", t: 21.5, note, seq: 17 };
}

/** A JSON document with one byte that is no UTF-8 in another of its strings. */
function inJson(attack: string, byte: number): Uint8Array {
  return bytesOf('{"name":"Pumpe S', byte, `d","note":${JSON.stringify(attack)}}`);
}

/** A gzip member whose head names a file (RFC 1952, FNAME). */
function gzipNamed(content: string): Uint8Array {
  const member = gzip(content);
  return bytesOf(
    member.subarray(0, 3),
    (member[3] as number) | 8,
    member.subarray(4, 10),
    "log.txt",
    0,
    member.subarray(10),
  );
}
