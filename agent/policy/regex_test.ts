import { strict as assert } from "node:assert";
import { RE2JS } from "re2js";
import { compileRegex, type LinearRegex, MAX_PATTERN_UNITS } from "./regex.ts";

function regex(pattern: string): LinearRegex {
  const result = compileRegex(pattern);
  if ("error" in result) assert.fail(result.error);
  return result.regex;
}

function error(pattern: string): string {
  const result = compileRegex(pattern);
  if ("regex" in result) assert.fail(`${pattern} compiles`);
  return result.error;
}

Deno.test("compileRegex() searches, and testWhole() takes the whole text", () => {
  assert.ok(regex("sensor-[0-9]+").test("my sensor-12!"));
  assert.ok(!regex("sensor-[0-9]+").testWhole("my sensor-12!"));
  assert.ok(regex("sensor-[0-9]+").testWhole("sensor-12"));
  assert.ok(regex("a|ab").testWhole("ab"));
  assert.ok(regex("^sensor-").test("sensor-1"));
  assert.ok(!regex("^sensor-").test("my sensor-1"));
  assert.ok(!regex("^sensor-").testWhole("sensor-1"));
  assert.ok(regex("^sensor$").test("sensor"));
  assert.ok(!regex("^sensor$").test("sensor\n"));
  assert.ok(regex("").test("anything"));
  assert.ok(!regex("").testWhole("anything"));
});

Deno.test("compileRegex() says what is wrong and where", () => {
  assert.equal(
    error("a(?=b)"),
    'Cannot use regex "a(?=b)": invalid or unsupported Perl syntax at "(?=" (character 2)',
  );
  assert.equal(error("x\\1"), 'Cannot use regex "x\\1": invalid escape sequence at "\\1" (character 2)');
  assert.equal(error("("), 'Cannot use regex "(": missing closing )');
  assert.match(error("^dev(a"), /missing closing \)/);
  assert.match(error("a{1001}"), /invalid repeat count at "\{1001\}" \(character 2\)/);
  assert.match(error("^abc**"), /invalid nested repetition/);
});

Deno.test("compileRegex() bounds the pattern and its program", () => {
  assert.match(error("a".repeat(MAX_PATTERN_UNITS + 1)), /longer than 4096 characters/);
  assert.match(
    error("([ab]{900}){1}([cd]{900}){1}(?:x[ef]{500}y){1}([gh]{999})([ij]{999})"),
    /more than 4096 instructions/,
  );
});

Deno.test("compileRegex() stays linear where a backtracking engine does not end", () => {
  assert.equal(regex("^(a+)+$").test("a".repeat(1000) + "!"), false);
  assert.equal(regex("(x+x+)+y").test("x".repeat(1000)), false);
});

Deno.test("LinearRegex.literalPrefix is what every match begins with", () => {
  const cases: [string, string][] = [
    ["^dev-123-", "dev-123-"],
    ["^dev-123$", "dev-123"],
    ["^dev-[0-9]+$", "dev-"],
    ["^dev-1+", "dev-"],
    ["^dev-1{2}", "dev-"],
    ["^dev\\.x\\-", "dev.x-"],
    ["^dev\\d", "dev"],
    ["^a(b|c)d", "a"],
    ["^dev-(?:a|b)", "dev-"],
    ["^😀+", ""],
    ["^a😀", "a😀"],
    ["dev-", ""],
    ["^dev|x", ""],
    ["^dev|^x", ""],
    ["^dev(a)|x", ""],
    ["^dev[|]x|y", ""],
    ["^dev(?i)A|b", ""],
    ["(?i)^dev", ""],
    ["^dev\\Q|\\E|x", ""],
    ["^(dev)", ""],
    ["^a?b", ""],
  ];
  for (const [pattern, prefix] of cases) assert.equal(regex(pattern).literalPrefix, prefix, pattern);
});

Deno.test("compileRegex() agrees with re2js, and with its own literal prefix", () => {
  let state = 99;
  const next = (bound: number) => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) % bound;
  const pieces = [
    "^",
    "$",
    "a",
    "b",
    "-",
    "ab",
    "\\.",
    "\\-",
    ".",
    "*",
    "+",
    "?",
    "|",
    "(",
    ")",
    "(?:",
    "[ab]",
    "[|]",
    "{2}",
    "\\d",
    "\\Qa|\\E",
    "(?i)",
    "\n",
  ];
  const letters = ["a", "b", "-", ".", "A", "1", "|", "\n"];
  let compared = 0;
  for (let round = 0; round < 6000; round++) {
    let pattern = next(3) > 0 ? "^" : "";
    for (let count = next(6); count > 0; count--) pattern += pieces[next(pieces.length)];
    const result = compileRegex(pattern);
    let reference: RE2JS | null = null;
    try {
      reference = RE2JS.compile(pattern);
    } catch { /* refused by both */ }
    assert.equal("regex" in result, reference !== null, JSON.stringify(pattern));
    if (!("regex" in result) || reference === null) continue;
    for (let sample = 0; sample < 12; sample++) {
      let text: string = next(2) > 0 ? result.regex.literalPrefix : "";
      for (let count = next(4); count > 0; count--) text += letters[next(letters.length)];
      const found: boolean = reference.test(text);
      const what = JSON.stringify([pattern, text]);
      assert.equal(result.regex.test(text), found, what);
      assert.equal(result.regex.testWhole(text), reference.testExact(text), what);
      if (found) assert.ok(text.startsWith(result.regex.literalPrefix), what);
      compared++;
    }
  }
  assert.ok(compared > 20_000, String(compared));
});
