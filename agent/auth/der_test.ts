import assert from "node:assert/strict";
import { DerError, DerReader, type Element, readBoolean, readSmallInteger, readText, readTime, TAG } from "./der.ts";

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function element(hex: string): Element {
  const reader = new DerReader(bytesOf(hex));
  const read = reader.next();
  reader.end();
  return read;
}

function textElement(tag: number, text: string): Element {
  return { tag, contents: new TextEncoder().encode(text), whole: new Uint8Array() };
}

Deno.test("an element is read in the one form that it has", () => {
  assert.deepEqual(element("04 03 010203").contents, bytesOf("010203"));
  assert.deepEqual(element("04 00").contents, bytesOf(""));
  assert.equal(element(`04 81 80 ${"00".repeat(128)}`).contents.length, 128);
  assert.equal(element(`04 82 0100 ${"00".repeat(256)}`).contents.length, 256);
  const wrong: Record<string, string> = {
    "nothing": "",
    "no length": "04",
    "past its end": "04 03 0102",
    "no definite length": "30 80 0000",
    "a length of two bytes for one": "04 81 7f" + "00".repeat(127),
    "a length with a zero before it": "04 82 0080" + "00".repeat(128),
    "a length that ends too early": "04 82 01",
    "a length of four bytes": "04 84 00000001 00",
    "a length of more than all": "04 83 ffffff",
    "a tag of many bytes": "1f 81 00 01 00",
    "something behind": "04 01 00 00",
  };
  for (const [name, hex] of Object.entries(wrong)) assert.throws(() => element(hex), DerError, name);
  assert.throws(() => new DerReader(bytesOf("04 03 0102")).next(), DerError, "past its end, and nobody asks for it");
});

Deno.test("a reader takes what it is told to, and nothing may be left", () => {
  const reader = new DerReader(bytesOf("30 06 0201 05 0101 ff"));
  const inner = reader.enter(TAG.SEQUENCE);
  reader.end();
  assert.equal(inner.takeIf(TAG.BOOLEAN), null);
  assert.equal(readSmallInteger(inner.take(TAG.INTEGER)), 5);
  assert.throws(() => inner.end(), DerError);
  assert.throws(() => inner.take(TAG.INTEGER), DerError);
  assert.throws(() => new DerReader(bytesOf("0201 05 0101 ff")).rest(TAG.INTEGER), DerError);
  assert.equal(new DerReader(bytesOf("")).rest(TAG.INTEGER).length, 0);
  assert.equal(new DerReader(bytesOf("")).nextTag, null);
});

Deno.test("readBoolean() and readSmallInteger() know one form of each value", () => {
  assert.equal(readBoolean(element("0101 ff")), true);
  assert.equal(readBoolean(element("0101 00")), false);
  for (const hex of ["0101 01", "0100", "0102 ffff"]) assert.throws(() => readBoolean(element(hex)), DerError, hex);
  const rows: readonly (readonly [string, number])[] = [
    ["0201 00", 0],
    ["0201 7f", 127],
    ["0202 0080", 128],
    ["0204 7fffffff", 2 ** 31 - 1],
  ];
  for (const [hex, value] of rows) assert.equal(readSmallInteger(element(hex)), value);
  for (const hex of ["0200", "0201 80", "0201 ff", "0202 0001", "0205 0080000000"]) {
    assert.throws(() => readSmallInteger(element(hex)), DerError, hex);
  }
});

Deno.test("readTime() reads times that there are, to the second and in Greenwich", () => {
  const rows: readonly (readonly [number, string, string])[] = [
    [TAG.UTC_TIME, "490101000000Z", "2049-01-01T00:00:00.000Z"],
    [TAG.UTC_TIME, "500101000000Z", "1950-01-01T00:00:00.000Z"],
    [TAG.UTC_TIME, "240229235959Z", "2024-02-29T23:59:59.000Z"],
    [TAG.GENERALIZED_TIME, "99991231235959Z", "9999-12-31T23:59:59.000Z"],
  ];
  for (const [tag, text, iso] of rows) assert.equal(new Date(readTime(textElement(tag, text))).toISOString(), iso);
  const wrong: readonly (readonly [number, string])[] = [
    [TAG.UTC_TIME, "230229000000Z"],
    [TAG.UTC_TIME, "241301000000Z"],
    [TAG.UTC_TIME, "240101240000Z"],
    [TAG.UTC_TIME, "240101000060Z"],
    [TAG.UTC_TIME, "2401010000Z"],
    [TAG.UTC_TIME, "240101000000+0100"],
    [TAG.UTC_TIME, "20240101000000Z"],
    [TAG.GENERALIZED_TIME, "240101000000Z"],
    [TAG.GENERALIZED_TIME, "20240101000000.5Z"],
    [TAG.GENERALIZED_TIME, "20240101000000"],
    [TAG.UTF8_STRING, "240101000000Z"],
    [TAG.UTC_TIME, "２40101000000Z"],
  ];
  for (const [tag, text] of wrong) assert.throws(() => readTime(textElement(tag, text)), DerError, text);
});

Deno.test("readText() reads bytes as what they say they are, and never as something like it", () => {
  assert.equal(readText(element("0c03 61c3a9")), "aé");
  assert.equal(readText(element("0c03 610062")), "a\0b");
  assert.equal(readText(element("0c03 efbbbf")), "\ufeff");
  assert.equal(readText(element("1301 61")), "a");
  assert.equal(readText(element("1601 40")), "@");
  assert.equal(readText(element("1e04 0061 00e9")), "aé");
  for (const kind of ["1401 61", "1c04 00000061", "0401 61", "1201 31", "1b01 61"]) {
    assert.equal(readText(element(kind)), null, kind);
  }
  const wrong = ["0c01 ff", "0c02 c080", "0c03 eda080", "1301 e9", "1601 80", "1e01 61", "1e02 d800"];
  for (const hex of wrong) assert.throws(() => readText(element(hex)), DerError, hex);
});
