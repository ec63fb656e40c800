/**
 * Bytes of test vectors from a notation that can be read beside the standard:
 *
 * - `30 0a` hexadecimal, any white space between;
 * - `'a/x'` the characters themselves in UTF-8, `"a/x"` the same with their length in two bytes before them;
 * - `{ … }` what stands inside, with its length as a variable byte integer before it: the rest of a packet, or a section of properties.
 *
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 * import { joinBytes, TEST_CONNECT, testBytes, varint } from "./test_bytes.ts";
 *
 * const publish = testBytes(`32 { "a/x" 0001 'hi' }`);
 * deepEqual(publish, Uint8Array.of(0x32, 9, 0, 3, 0x61, 0x2f, 0x78, 0, 1, 0x68, 0x69));
 * deepEqual(varint(321), [0xc1, 0x02]);
 * deepEqual(joinBytes(TEST_CONNECT[4], publish).length, 15 + 11);
 * ```
 */
export function testBytes(notation: string): Uint8Array<ArrayBuffer> {
  const open: number[][] = [[]];
  const pattern = /\s+|'([^']*)'|"([^"]*)"|([{}])|([0-9a-fA-F]{2})|(.)/gsu;
  for (const [, plain, text, brace, hex, other] of notation.matchAll(pattern)) {
    if (other !== undefined) throw new Error(`Cannot read test bytes: unexpected "${other}" in ${notation}`);
    const into = open.at(-1) as number[];
    if (plain !== undefined) into.push(...encoder.encode(plain));
    if (hex !== undefined) into.push(parseInt(hex, 16));
    if (text !== undefined) {
      const encoded = encoder.encode(text);
      into.push(encoded.length >> 8, encoded.length & 255, ...encoded);
    }
    if (brace === "{") open.push([]);
    if (brace === "}") {
      open.pop();
      const outer = open.at(-1) as number[];
      outer.push(...varint(into.length));
      for (const byte of into) outer.push(byte);
    }
  }
  return new Uint8Array(open[0] as number[]);
}

const encoder = new TextEncoder();

/** Variable byte integer, MQTT 5.0 section 1.5.5. */
export function varint(value: number): number[] {
  const bytes: number[] = [];
  do {
    const more = value > 127;
    bytes.push(value & 127 | (more ? 128 : 0));
    value >>>= 7;
  } while (value > 0);
  return bytes;
}

/** Bytes one behind the other. */
export function joinBytes(...pieces: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

/** CONNECT with client id `a` and clean session, by level. */
export const TEST_CONNECT = {
  3: testBytes(`10 { "MQIsdp" 03 02 003c "a" }`),
  4: testBytes(`10 { "MQTT" 04 02 003c "a" }`),
  5: testBytes(`10 { "MQTT" 05 02 003c {} "a" }`),
} as const;
