import assert from "node:assert/strict";
import { attributeText, isUsableName } from "./proved_name.ts";

Deno.test("isUsableName() takes what MQTT can carry and a log can show", () => {
  for (const name of ["a", " ", "Ä", "😀", "a/b", "__proto__", "x".repeat(65_535), "ü".repeat(32_767)]) {
    assert.ok(isUsableName(name), name.slice(0, 20));
  }
  const wrong = ["", "\0", "a\0b", "a\r", "a\x7f", "a\x85", "\ufdd0", "\uffff", "\u{10fffe}", "\ud800", "a\udc00"];
  wrong.push("x".repeat(65_536), "ü".repeat(32_768));
  for (const name of wrong) assert.ok(!isUsableName(name), JSON.stringify(name.slice(0, 20)));
});

Deno.test("attributeText() has one text for one value", () => {
  const rows: readonly (readonly [unknown, string | null])[] = [
    ["x", "x"],
    ["", null],
    ["a\n", null],
    [1, "1"],
    [-0, "0"],
    [0.1, "0.1"],
    [2 ** 53 - 1, "9007199254740991"],
    [2 ** 53, null],
    [1e300, null],
    [NaN, null],
    [Infinity, null],
    [true, "true"],
    [false, "false"],
    [null, null],
    [undefined, null],
    [{}, null],
    [["x"], null],
  ];
  for (const [value, text] of rows) assert.equal(attributeText(value), text, String(value));
});
