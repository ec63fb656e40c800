import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import {
  bigEndian,
  bytesOf,
  cbor,
  double,
  field,
  messagePack,
  sparkplug,
  sparkplugMetric,
  type Value,
} from "./binary_forms.ts";
import { familyText, type MadeFamily, type MadeItem } from "./family_writer.ts";

const TIME = 1_714_662_148_123;

/** Values as devices report them, for each of the binary forms. */
const RECORDS: readonly Readonly<Record<string, Value>>[] = [
  { t: 21.5, h: 48, ok: true },
  { id: "pump-3", ts: 1_714_662_148, p: 3.21, rpm: 1450, err: null },
  { dev: "meter'9", kwh: 12_345.678, v: [231.2, 229.9, 230.4] },
  { name: "Küche; links", state: "on", lqi: 126, bat: 97 },
  { msg: "Drop point 4 -- select & update", prio: 2 },
  { lat: 48.137154, lon: 11.576124, alt: 519.2, fix: [1, 2, 3, -7] },
  { fw: "2.4.1", up: 1_048_282, mac: Uint8Array.of(0xdc, 0x4f, 0x22, 0x11, 0x22, 0x33) },
  { "O'Brien": { on: true, lvl: 254 }, "a/b": [], "": {} },
  { log: "May  2 15:02:28 gw7 app: it's ok; 3 or 4 retries", n: 17 },
  { n: "urn:dev:ow:10e2073a01080063", u: "Cel", v: 23.1 },
];

/** A generator of bytes that look like noise, the same each time: Lehmer's, modulo 2³¹ − 1. */
function noise(seed: number, count: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: count }, () => {
    state = state * 48_271 % 0x7fffffff;
    return (state >> 11) & 0xff;
  });
}

function wave(count: number, bytesEach: 2 | 4, gain: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(count * bytesEach));
  for (let n = 0; n < count; n++) {
    const value = gain * Math.sin(n / 7) + gain / 9 * Math.sin(n / 1.7);
    if (bytesEach === 2) view.setInt16(2 * n, Math.round(value), true);
    else view.setFloat32(4 * n, value, true);
  }
  return new Uint8Array(view.buffer);
}

/** A Modbus frame with its check sum (Modbus over serial line, section 6.2.2). */
function modbus(...content: number[]): Uint8Array {
  let sum = 0xffff;
  for (const byte of content) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum & 1) === 1 ? (sum >> 1) ^ 0xa001 : sum >> 1;
  }
  return bytesOf(content, sum & 0xff, sum >> 8);
}

function registers(count: number, seed: number): number[] {
  return [...noise(seed, count)].flatMap((byte) => bigEndian(byte * 17 + 200, 2));
}

function carried(): MadeItem[] {
  return RECORDS.flatMap((record, n): MadeItem[] => {
    const json = JSON.stringify(record, (_, value) => value instanceof Uint8Array ? [...value] : value);
    const many = Array.from({ length: 20 }, (_, at) => json.replaceAll("17", String(at))).join("\n");
    return [
      { name: `CBOR ${n}`, content: cbor(record) },
      { name: `MessagePack ${n}`, content: messagePack(record) },
      { name: `gzip of JSON ${n}`, content: new Uint8Array(gzipSync(many)) },
      { name: `zlib of CBOR ${n}`, content: new Uint8Array(deflateSync(cbor([record, record, n]))) },
    ];
  });
}

function machines(): MadeItem[] {
  const metrics = [
    sparkplugMetric("bdSeq", 3, TIME),
    sparkplugMetric("Node Control/Rebirth", 0, TIME),
    sparkplugMetric("Inputs/O'Hara; line 2", 12.25, TIME),
    sparkplugMetric("Properties/Hardware Make", "Raspberry Pi's & more", TIME),
    sparkplugMetric("Note", "Select tool 4 or 5 -- update table", TIME),
    sparkplugMetric("Path", "/usr/lib/agent", TIME),
  ];
  return [
    { name: "Sparkplug NBIRTH", content: sparkplug(metrics, TIME, 0) },
    ...metrics.map((metric, n) => ({ name: `Sparkplug NDATA ${n}`, content: sparkplug([metric], TIME + n, n + 1) })),
    { name: "Modbus read", content: modbus(1, 3, 0, 0, 0, 10) },
    { name: "Modbus answer", content: modbus(1, 3, 20, ...registers(10, 41)) },
    { name: "Modbus large answer", content: modbus(17, 4, 240, ...registers(120, 7)) },
    { name: "Modbus exception", content: modbus(1, 0x83, 2) },
    { name: "Modbus TCP", content: bytesOf(0, 1, 0, 0, 0, 6, 1, 3, 0, 0x6b, 0, 3) },
    { name: "Cayenne LPP", content: bytesOf(3, 0x67, 1, 0x10, 5, 0x67, 0, 0xff, 1, 0x88, 6, 0x76, 0x5f, 0xf2) },
    {
      name: "CAN frames",
      content: bytesOf(bigEndian(0x98fef100, 4), 8, 0, 0, 0, noise(99, 8), bigEndian(0x123, 4), 2),
    },
    { name: "doubles", content: bytesOf(...[21.5, -3.25, 1e-9, 6.02e23, Math.PI].map(double)) },
    { name: "floats of a wave", content: wave(256, 4, 1.5) },
    { name: "samples of a wave", content: wave(1024, 2, 12_000) },
    { name: "quiet samples", content: wave(512, 2, 90) },
    { name: "counter of 16 bits", content: bytesOf(...Array.from({ length: 200 }, (_, n) => bigEndian(n * 3, 2))) },
    { name: "bits", content: bytesOf(0b10110011, 0, 0xff, 0x0f) },
    { name: "every byte", content: Uint8Array.from({ length: 256 }, (_, n) => n) },
    { name: "zeros", content: new Uint8Array(64) },
    { name: "erased flash", content: new Uint8Array(512).fill(0xff) },
    { name: "record with texts", content: bytesOf("PUMP1\0\0\0", double(21.5), "RUN; ok\0", bigEndian(17, 4), 0xff) },
    { name: "length before text", content: bytesOf(0, 12, "it's ok; or 1", 0, 2, "m3") },
    {
      name: "Protocol Buffers",
      content: bytesOf(field(1, "dev-1"), field(2, 1450), field(3, bytesOf(field(1, "°C")))),
    },
    {
      name: "JPEG",
      content: bytesOf(0xff, 0xd8, 0xff, 0xe0, 0, 16, "JFIF\0", 1, 1, 0, 0, 1, 0, 1, 0, 0, noise(5, 700)),
    },
    {
      name: "JPEG with EXIF",
      content: bytesOf(0xff, 0xd8, 0xff, 0xe1, 0, 40, "Exif\0\0II*\0Canon; O'Size", noise(6, 900)),
    },
    {
      name: "PNG",
      content: bytesOf(0x89, "PNG\r\n", 0x1a, "\n", 0, 0, 0, 13, "IHDR", noise(8, 13), "IDAT", noise(9, 600)),
    },
    { name: "WAV", content: bytesOf("RIFF", noise(4, 4), "WAVEfmt ", wave(400, 2, 8000)) },
    { name: "H.264 unit", content: bytesOf(0, 0, 0, 1, 0x67, 0x4d, 0, 0x29, noise(12, 800)) },
    {
      name: "firmware image",
      content: bytesOf(0xe9, 4, 2, 0x20, noise(31, 900), "Guru Meditation\0%s:%d\0it's\0", noise(32, 300)),
    },
    {
      name: "ELF",
      content: bytesOf(0x7f, "ELF", 1, 1, 1, new Uint8Array(9), noise(33, 400), "/lib/ld-linux.so.3\0libc.so.6\0"),
    },
    {
      name: "ZIP",
      content: bytesOf("PK", 3, 4, 20, 0, 0, 0, 8, 0, noise(34, 16), 9, 0, 0, 0, "fw/a.json", noise(35, 300)),
    },
    { name: "GPS of u-blox", content: bytesOf(0xb5, 0x62, 1, 7, 92, 0, noise(36, 94)) },
    {
      name: "DNS answer",
      content: bytesOf(0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 7, "example", 3, "com", 0, 0, 1),
    },
    { name: "TLS record", content: bytesOf(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, noise(37, 500)) },
    {
      name: "BLE advertisement",
      content: bytesOf(2, 1, 6, 3, 3, 0xaa, 0xfe, 0x17, 0x16, 0xaa, 0xfe, 0, 0xee, noise(38, 18)),
    },
    { name: "M-Bus telegram", content: bytesOf(0x68, 0x1f, 0x1f, 0x68, 8, 2, 0x72, noise(39, 28), 0x16) },
    {
      name: "SML telegram",
      content: bytesOf(0x1b, 0x1b, 0x1b, 0x1b, 1, 1, 1, 1, 0x76, noise(40, 200), 0x1b, 0x1b, 0x1b, 0x1b),
    },
    { name: "raw deflate", content: new Uint8Array(deflateRawSync('{"t":21.5,"note":"it is ok"}'.repeat(30))) },
    { name: "gzip of a log", content: new Uint8Array(gzipSync("May  2 gw7 sshd[1]: it's ok; 1 or 2\n".repeat(40))) },
  ];
}

/** Encrypted and compressed payloads have every byte as often as any other. */
function noises(): MadeItem[] {
  return [8, 12, 16, 20, 32, 48, 64, 64, 100, 128, 200, 256, 333, 500, 512, 700, 1000, 1024, 1500, 2048, 3000, 4096]
    .map((count, n) => ({ name: `noise ${n}, ${count} bytes`, content: noise(1000 + 77 * n, count) }));
}

/** The family `telemetry-binary`. */
export function binaryFamily(): MadeFamily {
  return {
    family: "telemetry-binary",
    about: "CBOR, MessagePack, Sparkplug B, Modbus, images, sound, records of machines, compressed and encrypted data.",
    items: [...carried(), ...machines(), ...noises()],
  };
}

if (import.meta.main) {
  const file = new URL("../../tests/corpus/benign/telemetry-binary.json", import.meta.url);
  await Deno.writeTextFile(file, familyText(binaryFamily()));
}
