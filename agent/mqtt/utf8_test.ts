import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  continueUtf8,
  CONTROL,
  decodeText,
  ILL_FORMED,
  NON_ASCII,
  NONCHARACTER,
  NUL,
  scanText,
  UTF8_BROKEN,
  UTF8_COMPLETE,
  WILDCARD,
} from "./utf8.ts";

const encoder = new TextEncoder();
const lossy = new TextDecoder("utf-8", { ignoreBOM: true });

/** By what TextDecoder replaces: its strict mode throws, which makes a hundred thousand sequences a minute. */
function isWellFormed(bytes: Uint8Array): boolean {
  return bytes.toHex() === "efbfbd" || !lossy.decode(bytes).includes("\ufffd");
}

Deno.test("continueUtf8() agrees with TextDecoder on every sequence of up to three bytes", () => {
  const bytes = new Uint8Array(3);
  for (let first = 0; first < 256; first++) {
    // Behind ASCII everything begins anew: one byte of it stands for all.
    if (first > 0x41 && first < 0x7f) continue;
    for (let second = 0; second < 256; second += first < 0xc0 ? 15 : 1) {
      for (const third of [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xf0, 0xff]) {
        bytes.set([first, second, third]);
        for (let length = 1; length <= 3; length++) {
          const complete = continueUtf8(UTF8_COMPLETE, bytes, 0, length) === UTF8_COMPLETE;
          strictEqual(complete, isWellFormed(bytes.subarray(0, length)), bytes.subarray(0, length).toHex());
        }
      }
    }
  }
});

Deno.test("continueUtf8() agrees with TextDecoder on the edges of four bytes", () => {
  const edges = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0xbf, 0xc0, 0xff];
  for (let first = 0xee; first < 256; first++) {
    for (const second of edges) {
      for (const third of edges) {
        for (const fourth of edges) {
          const bytes = new Uint8Array([first, second, third, fourth]);
          strictEqual(continueUtf8(0, bytes, 0, 4) === UTF8_COMPLETE, isWellFormed(bytes), bytes.toHex());
        }
      }
    }
  }
});

Deno.test("continueUtf8() gives the same over any cut", () => {
  for (
    const bytes of [encoder.encode("aé€😀z"), new Uint8Array([0x61, 0xe2, 0x82, 0x61]), new Uint8Array([0xf0, 0x9f])]
  ) {
    const whole = continueUtf8(UTF8_COMPLETE, bytes, 0, bytes.length);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const state = continueUtf8(UTF8_COMPLETE, bytes, 0, cut);
      const both = state === UTF8_BROKEN ? state : continueUtf8(state, bytes, cut, bytes.length);
      strictEqual(both, whole);
    }
  }
});

Deno.test("scanText() and decodeText() know code points of every kind", () => {
  for (let point = 0; point <= 0x10ffff; point++) {
    if (point >= 0xd800 && point <= 0xdfff) continue;
    // All of the first plane's beginning and end, and the edges of all others.
    if (point > 0x900 && point < 0xfd00 && point % 61 !== 0) continue;
    if (point > 0xffff && (point & 0xffff) > 2 && (point & 0xffff) < 0xfdc0 && point % 509 !== 0) continue;
    const text = String.fromCodePoint(point);
    const bytes = encoder.encode(text);
    let expected = point < 0x80 ? 0 : NON_ASCII;
    if (point === 0) expected |= NUL;
    else if (point < 0x20 || (point >= 0x7f && point < 0xa0)) expected |= CONTROL;
    if (text === "+" || text === "#") expected |= WILDCARD;
    if ((point & 0xfffe) === 0xfffe || (point >= 0xfdd0 && point <= 0xfdef)) expected |= NONCHARACTER;
    const found = scanText(bytes, 0, bytes.length);
    if (found !== expected || decodeText(bytes, 0, bytes.length, found) !== text) {
      strictEqual(found, expected, `U+${point.toString(16)}`);
      strictEqual(decodeText(bytes, 0, bytes.length, found), text);
    }
  }
});

Deno.test("scanText() finds surrogates, over-long forms and cut characters", () => {
  for (const hex of ["eda080", "edbfbf", "c080", "c1bf", "e0809f", "f0808080", "f4908080", "80", "e282", "61ff"]) {
    const bytes = Uint8Array.fromHex(hex);
    deepStrictEqual(scanText(bytes, 0, bytes.length) & ILL_FORMED, ILL_FORMED, hex);
  }
});

Deno.test("scanText() and decodeText() look only between start and end", () => {
  for (const text of ["", "abc", "a longer text of ASCII", "ümläut", "\ufeffbom"]) {
    const inner = encoder.encode(text);
    const bytes = new Uint8Array(inner.length + 4).fill(0xff);
    bytes.set(inner, 2);
    const view = bytes.subarray(1);
    const found = scanText(view, 1, 1 + inner.length);
    strictEqual(found & ~NON_ASCII, 0);
    strictEqual(decodeText(view, 1, 1 + inner.length, found), text);
  }
});

Deno.test("decodeText() puts U+FFFD where a broker's text is ill-formed", () => {
  const bytes = new Uint8Array([0x61, 0xff, 0x62]);
  strictEqual(decodeText(bytes, 0, 3, scanText(bytes, 0, 3)), "a\ufffdb");
});
