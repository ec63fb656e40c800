import assert from "node:assert/strict";
import {
  HAS_BOUNDS,
  HTML,
  JSON_ESCAPES,
  LONE_OR_FORM,
  PERCENT,
  stoppedAt,
  undone,
  unescapeText,
  UNICODE,
} from "./unescape.ts";

const ALL = JSON_ESCAPES | PERCENT | HTML;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The text with one layer undone; bounds as `¦`. */
function once(text: string | Uint8Array, modes = ALL): string {
  const bytes = typeof text === "string" ? bytesOf(text) : text;
  const out = new Uint8Array(bytes.length + 16);
  const end = unescapeText(bytes, 0, bytes.length, modes, out, 0, Infinity);
  assert.ok(end <= bytes.length, "never longer than its source");
  return Array.from(
    new TextDecoder("utf-8", { ignoreBOM: true }).decode(
      out.subarray(0, end).map((byte) => byte === 0xff ? 0x01 : byte),
    ).replaceAll("\x01", "¦"),
  ).join("");
}

Deno.test("unescapeText() undoes one layer of each kind, all at once", () => {
  const cases: Record<string, string> = {
    "%3Cb%3e%u003c%u0142": "<b><ł",
    "%253c %2 %zz %": "%3c %2 %zz %",
    "&lt;&LT&#60;&#0060&#x3c;&#X3C &amp;lt;": "<<<<<< &lt;",
    "&Tab;&NewLine;&colon;&sol;&lpar;&unknown;&l; & &#; &#x;": "\t\n:/(&unknown;&l; & &#; &#x;",
    "\\u003c\\x3c\\74\\074\\u{3c}\\U0000003c": "<<<<<<",
    "\\n\\t\\/\\\\\\\"\\'\\q\\8": "\n\t/\\\"'\\q\\8",
    "\\ud83d\\ude00 %ud83d%ude00 &#128512;": "😀 😀 😀",
    "plain text, 100% sure & fine": "plain text, 100% sure & fine",
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(once(text), expected);
});

Deno.test("unescapeText() parts the strings of a JSON document, keys too, and keeps escaped quotes", () => {
  assert.equal(once('{"a\\u0062":"x\\"y"}'), '{¦ab¦:¦x"y¦}');
  assert.equal(once('["{\\"q\\":1}"]'), '[¦{"q":1}¦]');
  assert.equal(once('[INFO] "a" \\u0062'), '[INFO] "a" b');
  assert.equal(once('"a\\u0062"'), '"ab"');
  assert.equal(once('"a\\u0062"', ALL | LONE_OR_FORM), "¦ab¦");
  assert.equal(once('"a" or "b"', ALL | LONE_OR_FORM), '"a" or "b"');
});

Deno.test("unescapeText() parts the fields of a form and reads + as a space there", () => {
  assert.equal(once("a=1&b=x+%27y%27=z", ALL | LONE_OR_FORM), "a¦1¦b¦x 'y'=z");
  assert.equal(once("a=1&b=x+%27", ALL), "a=1&b=x+'");
  assert.equal(once("a = 1&b=%27", ALL | LONE_OR_FORM), "a = 1&b='");
});

Deno.test("unescapeText() folds Unicode: compatibility forms, look-alikes, what is invisible, overlong UTF-8", () => {
  assert.equal(once("＜ｓｃｒｉｐｔ＞", UNICODE), "<script>");
  assert.equal(once("ſelect ｕｎｉｏｎ ѕеlесt Κ 𝐬𝐞𝐥𝐞𝐜𝐭 ﬁ", UNICODE), "select union select K select fi");
  assert.equal(once("se\u200ble\u00adct\ufeff\u{e0041}", UNICODE), "select");
  assert.equal(once("‘x’ “y” ‥∕ …", UNICODE), "'x' \"y\" ../ ...");
  assert.equal(once("é ü ñ 温 ", UNICODE), "é ü ñ 温 ");
  assert.equal(once("a\u00a0b", UNICODE), "a b");
  assert.equal(
    once(Uint8Array.of(0xc0, 0xae, 0xe0, 0x80, 0xaf, 0xf0, 0x80, 0x80, 0xae, 0xc0, 0x2f), UNICODE),
    "./.".concat("/"),
  );
  assert.equal(once("a\x01b\x7fc\td\n", UNICODE), "abc\td\n");
});

Deno.test("unescapeText() leaves what is off, and tells what it undid", () => {
  assert.equal(once("%3c &lt; \\u003c", PERCENT), "< &lt; \\u003c");
  assert.equal(undone, PERCENT);
  assert.equal(once("%3c &lt; \\u003c", HTML), "%3c < \\u003c");
  once('no escapes; "quotes"');
  assert.equal(undone, 0);
  once("%3c &lt; \\u003c");
  assert.equal(undone, ALL);
});

Deno.test("unescapeText() makes no bound of a client's own bytes", () => {
  assert.equal(once("%ff \\xff", ALL), "\ufffd \ufffd");
  assert.equal(once(Uint8Array.of(0x61, 0xff, 0x62), UNICODE), "a\ufffdb");
  assert.equal(once(Uint8Array.of(0x61, 0xff, 0x62), UNICODE | HAS_BOUNDS), "a¦b");
});

Deno.test("unescapeText() stops behind any byte, and says where that came from", () => {
  const bytes = bytesOf("ab%3ccd&lt;e\\u003cf");
  const source = [0, 1, 2, 5, 6, 7, 11, 12, 18];
  for (const [n, expected] of source.entries()) {
    unescapeText(bytes, 0, bytes.length, ALL, new Uint8Array(40), 0, n);
    assert.equal(stoppedAt, expected, String(n));
  }
});

Deno.test("unescapeText() never writes more than it reads, whatever it reads", () => {
  let seed = 9;
  const random = (below: number) => ((seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) >>> 8) % below;
  for (let n = 0; n < 20_000; n++) {
    const bytes = Uint8Array.from(
      { length: random(12) },
      () => random(3) === 0 ? random(256) : '%&#\\u0x38;{}"'.charCodeAt(random(13)),
    );
    const out = new Uint8Array(40).fill(7);
    const end = unescapeText(bytes, 0, bytes.length, ALL | (random(2) * UNICODE), out, 0, Infinity);
    assert.ok(end <= bytes.length && out.subarray(bytes.length + 4).every((byte) => byte === 7));
  }
});
