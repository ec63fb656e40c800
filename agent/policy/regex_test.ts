import { strict as assert } from "node:assert";
import { RE2JS } from "re2js";
import { patternShape } from "./pattern_shape.ts";
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

Deno.test("patterns of which only the literal beginning differs share the program of their end, and match as before", () => {
  const cases = [
    "^dev-1-[a-z]+$",
    "^dev-1\\b",
    "^dev-1(?:a|b)x?",
    "^a.c",
    "^dev-1(?i)A",
    "^dev-1^x",
    "^d1.*z$",
    "^é[^a]",
    "^x\\Bx",
  ];
  const texts = [
    "dev-1-abc",
    "dev-1-abc!",
    "dev-1",
    "dev-1a",
    "dev-1bx",
    "abc",
    "a\nc",
    "dev-1A",
    "d1z",
    "éb",
    "éa",
    "xx",
    "",
  ];
  for (const pattern of cases) {
    const plain = RE2JS.compile(pattern);
    for (const text of texts) {
      assert.equal(regex(pattern).test(text), plain.test(text), `${pattern} on ${text}`);
      assert.equal(regex(pattern).testWhole(text), plain.testExact(text), `${pattern} is ${text}`);
    }
  }
});

Deno.test("a pattern compiled later tests as one compiled at once, and a wrong one is told at once", () => {
  const options = { later: true };
  for (
    const [first, second] of [["sensor-1-(a|b)", "sensor-2-(a|b)"], [".*-d1$", ".*-d2$"], ["(ab)+c{2}", "(xy)+z{2}"]]
  ) {
    for (const pattern of [first, second] as string[]) {
      const result = compileRegex(pattern, options);
      assert.ok("regex" in result);
      for (const text of ["sensor-1-a", "sensor-2-b", "x-d1", "x-d2", "ababcc", "xyzz", ""]) {
        assert.equal(result.regex.test(text), RE2JS.compile(pattern).test(text), `${pattern} on ${text}`);
      }
    }
  }
  assert.ok("regex" in compileRegex("ab(cd)?", options));
  for (const wrong of ["ab(cd?", "ab(cd)?(?=x)", "ab(cd)**", "ab(cd){1001}"]) {
    assert.ok("error" in compileRegex(wrong, options), wrong);
  }
});

Deno.test("patternShape() is the same for what differs in plain characters, and none where that may matter", () => {
  assert.equal(patternShape("sensor-17-[0-9]+"), patternShape("sensor-42-[0-9]+"));
  assert.equal(patternShape("sensor-17-(a|b)"), patternShape("sensor-42-(a|b)"));
  assert.notEqual(patternShape("x-(a1|a2)"), patternShape("x-(a1|b2)"));
  assert.notEqual(patternShape("a1|a2"), patternShape("a1|b2"));
  assert.notEqual(patternShape("a{10}"), patternShape("a{20}"));
  assert.notEqual(patternShape("[a-c]"), patternShape("[c-a]"));
  for (const pattern of ["(?i)abc", "\\Qa\\E", "\\pL", "[[:alpha:]]", "a(?P<x>b)", "\\x41"]) {
    assert.equal(patternShape(pattern), null, pattern);
  }
});

Deno.test("whatever has the shape of a pattern that compiles does compile", () => {
  const pieces = [
    "a",
    "7",
    "Z",
    "(",
    ")",
    "[a-c]",
    "[z-a]",
    "|",
    "*",
    "+",
    "?",
    "{2}",
    "{3,1}",
    "\\.",
    "\\d",
    "^",
    "$",
    "-",
    "é",
    "(?:",
  ];
  let seed = 7;
  const next = (n: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n;
  const compiles = (pattern: string) => {
    try {
      return RE2JS.compile(pattern).programSize();
    } catch {
      return null;
    }
  };
  for (let i = 0; i < 4000; i++) {
    const one = Array.from({ length: 1 + next(7) }, () => pieces[next(pieces.length)]).join("");
    const other = one.replace(/[a7Z]/g, () => ["a", "b", "3", "Q"][next(4)] ?? "");
    const shape = patternShape(one);
    if (shape === null || shape !== patternShape(other)) continue;
    const [size, otherSize] = [compiles(one), compiles(other)];
    assert.equal(size === null, otherSize === null, `${one} and ${other}`);
    assert.ok((otherSize ?? 0) <= 2 * (size ?? 0), `${one} takes ${size}, ${other} ${otherSize}`);
  }
});
