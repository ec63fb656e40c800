import assert from "node:assert/strict";
import { BYTE_PATTERNS } from "./byte_patterns.ts";
import { ALL_PATTERNS, inspect } from "./inspect.ts";
import { planOf } from "./inspect_fixture.ts";

const plan = planOf();
const encoder = new TextEncoder();

function blockedBy(payload: Uint8Array | string): string | null {
  return inspect(plan, "payload", payload, "a/b")?.blocking?.pattern ?? null;
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.fromHex(hex.replaceAll(" ", ""));
}

/** Bytes, what finds them, and what they are. */
const FOUND: readonly (readonly [string, string])[] = [
  ["2e 2e c0 af", "path-overlong-climb"],
  ["2e 2e c0 af 61 64 6d 69 6e", "path-overlong-climb"],
  ["2e 2e e0 80 af 78", "path-overlong-climb"],
  ["2e 2e f0 80 80 af", "path-overlong-climb"],
  ["2e 2e f8 80 80 80 af", "path-overlong-climb"],
  ["2e 2e c1 9c 61", "path-overlong-climb"],
  ["2e 2e c1 1c 61", "path-overlong-climb"],
  ["2e 2e c0 2f 61", "path-overlong-climb"],
  ["2e 2e c0 5c 61", ""],
  ["c0 ae c0 ae 2f 61", "path-overlong-climb"],
  ["c0 ae c0 ae c0 af 61", "path-overlong-climb"],
  ["2e c0 ae 2f 61", "path-overlong-climb"],
  ["7b 22 66 22 3a 22 2e 2e c0 af 61 22 7d", "path-overlong-climb"],
  ["ac ed 00 05 73 72 00 11 6a 61 76 61", "cmd-serialized-data"],
  ["ac ed 00 05 74 00 01 61", "cmd-serialized-data"],
  ["00 01 00 00 00 ff ff ff ff 01 00 00 00 00 00 00 00 0c 02", "cmd-serialized-data"],
  ["04 08 6f 3a 11 47 65 6d 3a 3a 52 65 71 00 00", "cmd-serialized-data"],
  // "УКРАЇНА" in Windows-1251 has c0 af; two dots before other letters; readings.
  ["d3 ca d0 c0 af cd c0", ""],
  ["2e 2e d0 c0 af", ""],
  ["ac ed 00 06 73", ""],
  ["00 01 00 00 00 ff ff 00 00 01 00 00 00", ""],
  ["04 08 6f 3a 11 47 65 6e 3a 3a 52", ""],
  ["80 04 95 01 02 03 2e", ""],
];

Deno.test("bytes that no honest writer makes are found, and what looks like them is not", () => {
  const wrong = FOUND.filter(([hex, name]) => (blockedBy(bytesOf(hex)) ?? "") !== name);
  assert.deepEqual(wrong.map(([hex]) => `${hex}: ${blockedBy(bytesOf(hex))}`), []);
});

Deno.test("they are found in base64 and hexadecimal within a document", () => {
  const serialized = FOUND.filter(([, name]) => name === "cmd-serialized-data").map(([hex]) => bytesOf(hex));
  for (const bytes of serialized) {
    assert.equal(blockedBy(JSON.stringify({ q: bytes.toBase64() })), "cmd-serialized-data", bytes.toHex());
    assert.equal(blockedBy(JSON.stringify({ q: bytes.toHex() })), "cmd-serialized-data", bytes.toHex());
  }
  assert.equal(blockedBy("rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA=="), "cmd-serialized-data");
  assert.equal(
    blockedBy("gASVIAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKULg=="),
    "cmd-serialized-data",
  );
  assert.equal(blockedBy(bytesOf("2e 2e c0 af 2e 2e c0 af 61 62 63 64").toBase64()), "path-overlong-climb");
});

Deno.test("a share of a foreign host is found, one of the house is not", () => {
  assert.equal(blockedBy("//203.0.113.9/share/x.bin"), "path-foreign-share");
  assert.equal(blockedBy("%2f%2f203.0.113.9%2fshare"), "path-foreign-share");
  for (
    const text of ["//192.168.1.9/cam", "//10.0.0.7/x", "// 203.0.113.9/x", "//203.0.113/x", "//server/share", "//1.2"]
  ) {
    assert.equal(blockedBy(text), null, text);
  }
});

Deno.test("a category that is off asks nothing of bytes", () => {
  const patterns = { sqli: true, "command-injection": false, "script-injection": true, "path-traversal": false };
  const some = planOf({ patterns: { ...patterns, "custom-patterns": [] } });
  for (const [hex] of FOUND) assert.equal(inspect(some, "payload", bytesOf(hex), "a/b"), null, hex);
});

Deno.test("names are of no other pattern", () => {
  const names = [...BYTE_PATTERNS, ...ALL_PATTERNS].map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});

Deno.test("readings in four bytes each, and pairs of digits, are no text", () => {
  let seed = 5;
  const reading = (): number => 32 + ((seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) >>> 8) % 90;
  for (let n = 0; n < 400; n++) {
    const readings = Array.from({ length: 5 + n % 60 }, reading);
    const words = new Uint8Array(new Uint32Array(readings).buffer);
    assert.equal(blockedBy(words), null, words.toHex());
    const pairs = readings.filter((one) => one < 100).join(" ");
    assert.equal(blockedBy(pairs), null, pairs);
    assert.equal(blockedBy(JSON.stringify({ r: pairs })), null, pairs);
  }
});

Deno.test("settings and times that look like quoted-printable and UTF-7 are none", () => {
  const texts = [
    "a=20&b=27&c=3B",
    "r=27 g=3B b=7C",
    "id=3Bid",
    "x=27 or 1=1x",
    "2026-11-24T17:00+01:00",
    "+49-89-1234",
    "a+b+c",
    "+Absent-",
    "temp=21.5 hum=40",
    "PATH=/usr/bin;A=20",
  ];
  for (const text of texts) assert.equal(blockedBy(text), null, text);
});

Deno.test("words and numbers with spaces between are no base64", () => {
  const texts = [
    "The pump in hall 7 was checked by Anna at 9",
    "AB CD EF GH IJ KL",
    "Room 12 Floor 3 Wing B",
    "Kueche Bad Flur WC",
    "deadbeef cafebabe 00112233",
  ];
  for (const text of texts) assert.equal(blockedBy(text), null, text);
  assert.equal(blockedBy(encoder.encode("$(id)").toBase64().replace(/....(?=.)/, "$& ")), "cmd-separated-short");
});
