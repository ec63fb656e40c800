import assert from "node:assert/strict";
import { deflateRawSync, gzipSync } from "node:zlib";
import { decodeRuns, runs, runsCut, runWork } from "./encoded_runs.ts";

const encoder = new TextEncoder();
const out = new Uint8Array(1 << 20);

/** Texts that runs decode to, data in hexadecimal. */
function decoded(text: string): string[] {
  const bytes = encoder.encode(text);
  decodeRuns(bytes, 0, bytes.length, out, 0, out.length);
  return Array.from({ length: runs.count }, (_, n) => {
    const { outStart, outEnd, binary } = runs.at(n);
    const piece = out.subarray(outStart, outEnd);
    return binary ? piece.toHex() : new TextDecoder().decode(piece);
  });
}

Deno.test("decodeRuns() decodes base64 of both alphabets, padded or not, wrapped, and glued to other letters", () => {
  const text = "; cat /etc/passwd ~~~???";
  const base64 = encoder.encode(text).toBase64();
  const url = encoder.encode(text).toBase64({ alphabet: "base64url", omitPadding: true });
  for (const run of [base64, url, base64.replace(/.{8}/g, "$&\n"), base64.replace(/.{12}/g, "$&\r\n  ")]) {
    assert.deepEqual(decoded(run), [text], run);
    assert.deepEqual(decoded(`{"data": "${run}"}`), [text]);
  }
  for (const glue of ["x", "ab", "abc", "token-"]) {
    assert.ok(decoded(glue + base64).some((piece) => piece.includes("/etc/passwd")), glue);
  }
  assert.deepEqual(decoded(encoder.encode("' or 1=1").toBase64()), ["' or 1=1"]);
});

Deno.test("decodeRuns() decodes hexadecimal of either case and alignment", () => {
  const hex = encoder.encode("; rm -rf /").toHex();
  assert.deepEqual(decoded(hex), ["; rm -rf /"]);
  assert.deepEqual(decoded(`0x${hex.toUpperCase()}`), ["; rm -rf /"]);
  assert.ok(decoded(`a${hex}`).includes("; rm -rf /"));
});

Deno.test("decodeRuns() finds words, numbers, hashes and identifiers to be none", () => {
  for (
    const text of [
      "temperature",
      "living_room-temperature",
      "1710144764000",
      "3.141592653589793",
      "550e8400-e29b-41d4-a716-446655440000",
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "spBv1.0/Group/NDATA/EdgeNode",
      "The quick brown fox jumps over the lazy dog",
    ]
  ) {
    assert.deepEqual(decoded(text), [], text);
  }
});

Deno.test("decodeRuns() keeps data that has something inside: compressed, UTF-16, CBOR, MessagePack", () => {
  const gzip = gzipSync(encoder.encode("; cat /etc/passwd"));
  assert.deepEqual(decoded(gzip.toBase64()), [gzip.toHex()]);
  const bare = deflateRawSync(encoder.encode("; cat /etc/passwd and more"));
  assert.deepEqual(decoded(bare.toBase64()), [bare.toHex()]);
  const cbor = Uint8Array.of(0xa1, 0x61, 0x71, 0x69, ...encoder.encode("; rm -rf "));
  assert.deepEqual(decoded(cbor.toBase64()), [cbor.toHex()]);
  assert.deepEqual(decoded(cbor.toHex()), [cbor.toHex()]);
});

Deno.test("one broken byte in what a run decodes to hides nothing", () => {
  for (
    const bytes of [[0xff, ...encoder.encode("'; DROP TABLE users; --")], [
      ...encoder.encode("'; DROP TABLE"),
      0xc3,
      ...encoder.encode(" users; --"),
    ]]
  ) {
    const pieces = decoded(Uint8Array.from(bytes).toBase64());
    assert.ok(pieces.some((piece) => piece.includes("DROP TABLE")), pieces.join());
  }
});

Deno.test("decodeRuns() says where a run begins, and that its room was too small", () => {
  const bytes = encoder.encode(`ab ${encoder.encode("; cat /etc/passwd").toBase64()} cd`);
  decodeRuns(bytes, 0, bytes.length, out, 0, out.length);
  assert.equal(runs.at(0).sourceStart, 3);
  assert.equal(runsCut, false);
  decodeRuns(bytes, 0, bytes.length, out, 0, 10);
  assert.equal(runsCut, true);
});

Deno.test("decodeRuns() looks at each character a bounded number of times", () => {
  for (const text of ["QUJDREVGR0g ", "QUJD\n", "AAAA", "abcdefgh1234", "3b726d202d7266202f ", "Ab1", "a+b/", "==="]) {
    const bytes = encoder.encode(text.repeat(5000));
    decodeRuns(bytes, 0, bytes.length, out, 0, out.length);
    assert.ok(runWork <= 12 * bytes.length, `${text}: ${runWork / bytes.length}`);
  }
});
