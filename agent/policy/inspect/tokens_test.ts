import assert from "node:assert/strict";
import { BOUND, BREAKING, CAPS, IN_TAG, isJsonText, LINE, NUMBER, SPACED, Tokens, WORD } from "./tokens.ts";

const t = new Tokens();
const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (unit) => unit.charCodeAt(0) & 255);

function tokens(text: string, hasBounds = false): { text: string; kind: number; flags: number }[] {
  const bytes = bytesOf(text);
  t.open(bytes, 0, bytes.length, hasBounds);
  const all = [];
  while (t.next()) {
    for (let i = t.first; i < t.last; i++) {
      all.push({ text: text.slice(t.start[i], t.end[i]), kind: t.kind[i] as number, flags: t.flags[i] as number });
    }
  }
  return all;
}

Deno.test("Tokens cuts words, numbers and punctuation, with what stands between as flags", () => {
  const all = tokens("a1_b 1.5e3+0x1F\n..2x \x01\x0b(");
  assert.deepEqual(all.map(({ text }) => text), ["a1_b", "1.5e3", "+", "0x1F", ".", ".", "2", "x", "("]);
  assert.deepEqual(all.map(({ kind }) => kind), [WORD, NUMBER, 0x2b, NUMBER, 0x2e, 0x2e, NUMBER, WORD, 0x28]);
  assert.deepEqual(all.map(({ flags }) => flags & (SPACED | LINE)), [0, SPACED, 0, 0, SPACED | LINE, 0, 0, 0, SPACED]);
  assert.deepEqual(tokens("ABC abc Abc").map(({ flags }) => flags & CAPS), [CAPS, 0, 0]);
});

Deno.test("Tokens takes UTF-8 letters for letters, and broken bytes and U+00A0 for spaces", () => {
  assert.deepEqual(tokens("caf\xc3\xa9 \xe6\xb8\xa9").map(({ text }) => text.length), [5, 3]);
  assert.deepEqual(tokens("a\xffb\xa5c\xc2\xa0d\xa0e").map(({ text }) => text), ["a", "b", "c", "d", "e"]);
});

Deno.test("Tokens makes bounds of JSON's quotes, and of 0xff where texts are parted", () => {
  assert.deepEqual(tokens('{"a":"x\\"y"}').map(({ kind }) => kind), [
    0x7b,
    BOUND,
    WORD,
    BOUND,
    0x3a,
    BOUND,
    WORD,
    0x5c,
    0x22,
    WORD,
    BOUND,
    0x7d,
  ]);
  assert.deepEqual(tokens('x "y"').map(({ kind }) => kind), [WORD, 0x22, WORD, 0x22]);
  assert.deepEqual(tokens("a\xffb", true).map(({ kind }) => kind), [WORD, BOUND, WORD]);
});

Deno.test("Tokens tells quotes that break out from those of the text's own strings", () => {
  const breaking = (text: string) =>
    tokens(text).filter(({ kind }) => kind === 0x27 || kind === 0x22).map(({ flags }) => (flags & BREAKING) !== 0);
  assert.deepEqual(breaking("x' or 'a'='a"), [true, false, true, false].map((_, n) => [true, false, true, false][n]));
  assert.deepEqual(breaking("a == 'x' or b == 'y'"), [true, false, true, false]);
  assert.deepEqual(breaking("it's 'x' or y"), [true, true, false]);
  assert.deepEqual(breaking("it' s\n'x' or y"), [true, true, false]);
});

Deno.test("Tokens knows what is inside of a tag, quotes of attributes included", () => {
  const inTag = (text: string) =>
    tokens(text).filter(({ flags }) => (flags & IN_TAG) !== 0).map(({ text }) => text).join(" ");
  assert.equal(inTag("a <b c> d"), "< b c");
  assert.equal(inTag("a < b > c"), "");
  assert.equal(inTag("<b t='>' c> d"), "< b t = ' > ' c");
  assert.equal(inTag("3<5 and <3"), "");
});

Deno.test("Tokens gives the same tokens whatever the blocks, and looks beyond neither end", () => {
  const text = "word 'x' 12 <b c='d'> ".repeat(3000);
  const all = tokens(text);
  assert.equal(all.length, 13 * 3000);
  assert.deepEqual(
    all.slice(0, 13),
    all.slice(13 * 2000, 13 * 2001).map((token, n) => n === 0 ? { ...token, flags: token.flags & ~SPACED } : token),
  );
});

Deno.test("isJsonText() guesses documents, not texts that begin like one", () => {
  const guess = (text: string, oneString = false) => isJsonText(bytesOf(text), 0, text.length, oneString);
  for (const text of ['{"a":1}', " {}", '["a"]', "[[1]]", '[{"a":1}]', '\xef\xbb\xbf{"a":1}']) {
    assert.ok(guess(text), text);
  }
  for (const text of ["{{ x }}", "{a:1}", "[INFO] x", "[12.5] x", '"x"', "x", "", "{"]) assert.ok(!guess(text), text);
  assert.ok(guess('"a \\" b" ', true));
  assert.ok(!guess('" or "a"="a', true));
});
