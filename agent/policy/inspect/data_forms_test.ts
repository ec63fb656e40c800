/** Texts inside of data: CBOR, MessagePack, UTF-16, runs of characters. */
import assert from "node:assert/strict";
import {
  cborStrings,
  characterRuns,
  isWhole,
  isWholeCbor,
  isWholeMessagePack,
  messagePackStrings,
  nonTextBytes,
  pieces,
} from "./binary.ts";
import type { PieceList } from "./pieces.ts";
import { decodeUtf16, utf16Pieces } from "./utf16.ts";

const out = new Uint8Array(4096);
const encoder = new TextEncoder();

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function texts(list: PieceList): string[] {
  return Array.from(
    { length: list.count },
    (_, n) => new TextDecoder().decode(out.subarray(list.at(n).outStart, list.at(n).outEnd)),
  );
}

Deno.test("cborStrings() gives texts, byte strings, keys and joined chunks (RFC 8949 appendix A)", () => {
  const strings = (text: string) => {
    const bytes = hex(text);
    cborStrings(bytes, 0, bytes.length, out, 0, out.length);
    return texts(pieces);
  };
  assert.deepEqual(strings("a5 61 61 61 41 61 62 61 42 61 63 61 43 61 64 61 44 61 65 61 45"), [
    "a",
    "A",
    "b",
    "B",
    "c",
    "C",
    "d",
    "D",
    "e",
    "E",
  ]);
  assert.deepEqual(strings("82 61 61 bf 61 62 61 63 ff"), ["a", "b", "c"]);
  assert.deepEqual(strings("7f 65 73 74 72 65 61 64 6d 69 6e 67 ff"), []);
  assert.deepEqual(strings("81 7f 65 73 74 72 65 61 64 6d 69 6e 67 ff"), ["streaming"]);
  assert.deepEqual(strings("c1 1a 51 4b 67 b0"), []);
  assert.deepEqual(strings("d7 44 61 62 63 64"), ["abcd"]);
  assert.deepEqual(strings("a1 61 61 78 05 68 65 6c"), ["a", "hel"]);
  assert.deepEqual(strings("65 68 65 6c 6c 6f"), ["hello"]);
  assert.deepEqual(strings("68 65 6c 6c 6f"), []);
});

Deno.test("isWholeCbor() and isWholeMessagePack() tell a document from other bytes", () => {
  const cbor = (text: string) => isWholeCbor(hex(text), 0, hex(text).length);
  assert.deepEqual(
    ["83 01 82 02 03 82 04 05", "bf 61 61 01 ff", "9f 01 9f 02 ff ff", "f6", "c0 61 61", "fb 3f f1 99 99 99 99 99 9a"]
      .map(cbor),
    Array(6).fill(true),
  );
  assert.deepEqual(
    ["83 01 02", "82 01 02 03", "bf 61 61", "1c", "ff", "5f 01", "78 05 61"].map(cbor),
    Array(7).fill(false),
  );
  const pack = (text: string) => isWholeMessagePack(hex(text), 0, hex(text).length);
  assert.deepEqual(
    [
      "82 a1 61 01 a1 62 92 c3 c0",
      "93 cb 40 09 21 fb 54 44 2d 18 cd 01 00 d1 00 01",
      "d9 01 61",
      "c4 02 00 01",
      "de 00 01 a1 61 05",
    ].map(pack),
    Array(5).fill(true),
  );
  assert.deepEqual(["82 a1 61 01", "92 01 02 03", "c1", "d9 05 61"].map(pack), Array(4).fill(false));
});

Deno.test("messagePackStrings() gives strings and binary of every width", () => {
  const strings = (text: string) => {
    const bytes = hex(text);
    messagePackStrings(bytes, 0, bytes.length, out, 0, out.length);
    return texts(pieces);
  };
  assert.deepEqual(strings("83 a1 61 01 d9 02 62 63 c4 02 64 65 da 00 02 66 67 c3"), ["a", "bc", "de", "fg"]);
  assert.equal(isWhole, true);
  assert.deepEqual(strings("92 cb 40 09 21 fb 54 44 2d 18 a1 78"), ["x"]);
  assert.deepEqual(strings("61 62"), []);
});

Deno.test("characterRuns() gives runs with and without the bytes before them that may be their length", () => {
  const bytes = Uint8Array.of(0x0a, 0x28, ...encoder.encode("union select"), 0x00, 0x61, 0x62, 0x00);
  characterRuns(bytes, 0, bytes.length, true, false, out, 0, out.length);
  assert.deepEqual(texts(pieces), ["\n(union select", "(union select", "union select"]);
  // Where texts are parted no length stands before them.
  const parted = Uint8Array.of(...encoder.encode("one text"), 0xff, ...encoder.encode("another"), 1, 0x61, 0x62, 0x63);
  characterRuns(parted, 0, parted.length, false, true, out, 0, out.length);
  assert.deepEqual(texts(pieces), []);
  characterRuns(parted, 0, parted.length, false, false, out, 0, out.length);
  assert.deepEqual(texts(pieces), ["nother", "other"]);
});

Deno.test("decodeUtf16() reads both orders, with and without a mark, at odd places and among other bytes", () => {
  const utf16 = (text: string, little: boolean) =>
    Uint8Array.from(
      [...text].flatMap((one) =>
        little ? [one.charCodeAt(0) & 255, one.charCodeAt(0) >> 8] : [one.charCodeAt(0) >> 8, one.charCodeAt(0) & 255]
      ),
    );
  const read = (...parts: Uint8Array[]) => {
    const bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
    decodeUtf16(bytes, 0, bytes.length, out, 0, out.length);
    return texts(utf16Pieces).join("|");
  };
  for (const little of [true, false]) {
    assert.equal(read(utf16("\ufeff<ｓ>é", little)), "<ｓ>é");
    assert.match(read(utf16("; rm -rf /", little)), /^; rm -rf \//);
    assert.match(read(utf16("ｓｅｌｅｃｔ １", little)), /^ｓｅｌｅｃｔ １/);
    assert.match(
      read(Uint8Array.of(1, 2, 3), utf16("; rm -rf /", little), Uint8Array.of(0xff, 0xfe, 9)),
      /; rm -rf \//,
    );
  }
  assert.equal(read(new Uint8Array(100)), "");
  assert.equal(read(encoder.encode("plain text of some length")), "");
});

Deno.test("nonTextBytes() counts control characters, NUL and what is not UTF-8", () => {
  const count = (...bytes: number[]) => nonTextBytes(Uint8Array.from(bytes), 0, bytes.length);
  assert.equal(count(0x61, 0x09, 0x0a, 0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80), 0);
  assert.equal(count(0x00, 0x01, 0x7f, 0xff, 0xc3), 5);
  assert.equal(count(0xc0, 0xaf, 0xed), 3);
});
