import { strict as assert } from "node:assert";
import {
  filterCovers,
  filterMatches,
  filterProblem,
  filtersOverlap,
  isValidFilter,
  isValidName,
  sharedFilterStart,
  splitShared,
} from "./topic_filter.ts";

/** All texts of 1 to `depth` levels over the alphabet. */
function allTexts(alphabet: readonly string[], depth: number): string[] {
  let last = [...alphabet];
  const all = [...last];
  for (let level = 1; level < depth; level++) {
    last = last.flatMap((head) => alphabet.map((tail) => `${head}/${tail}`));
    all.push(...last);
  }
  return all;
}

/** The definition, word by word and level by level, for the sets that the exhaustive test compares with. */
function definedMatch(filter: readonly string[], name: readonly string[]): boolean {
  const [level, ...rest] = filter;
  if (level === undefined) return name.length === 0;
  if (level === "#") return true;
  const [nameLevel, ...nameRest] = name;
  if (nameLevel === undefined) return false;
  return (level === "+" || level === nameLevel) && definedMatch(rest, nameRest);
}

const FILTERS = allTexts(["a", "b", "+", "#", "$x", ""], 4).filter((text) => text !== "" && !/#\//.test(text));
// `c` and `$y` are in no filter. Five levels are one more than any filter has, which is enough to tell `#` from
// everything else.
const NAMES = allTexts(["a", "b", "c", "$x", ""], 5)
  .concat(allTexts(["a", "b", "c", "$x", ""], 4).map((rest) => `$y/${rest}`), "$y")
  .filter((name) => name !== "");

Deno.test("filterMatches(), filterCovers() and filtersOverlap() are the sets of names, for all filters of up to four levels", () => {
  const words = Math.ceil(NAMES.length / 32);
  const splitNames = NAMES.map((name) => name.split("/"));
  const sets = FILTERS.map((filter) => {
    assert.ok(isValidFilter(filter), filter);
    const levels = filter.split("/");
    const leadingWildcard = levels[0] === "+" || levels[0] === "#";
    const set = new Uint32Array(words);
    for (const [n, name] of splitNames.entries()) {
      const text = NAMES[n] ?? "";
      const defined = !(leadingWildcard && text.startsWith("$")) && definedMatch(levels, name);
      if (filterMatches(filter, text) !== defined) assert.fail(`${filter} matches ${text}: ${!defined}`);
      if (defined) set[n >> 5] = (set[n >> 5] ?? 0) | (1 << (n & 31));
    }
    return set;
  });
  for (const [o, outer] of sets.entries()) {
    for (const [i, inner] of sets.entries()) {
      let covers = true;
      let overlap = false;
      for (let word = 0; word < words; word++) {
        const both = (outer[word] ?? 0) & (inner[word] ?? 0);
        if (both !== 0) overlap = true;
        if (both !== ((inner[word] ?? 0) | 0)) covers = false;
      }
      const a = FILTERS[o] ?? "";
      const b = FILTERS[i] ?? "";
      if (filterCovers(a, b) !== covers) assert.fail(`${a} covers ${b}: ${!covers}`);
      if (filtersOverlap(a, b) !== overlap) assert.fail(`${a} overlaps ${b}: ${!overlap}`);
    }
  }
});

Deno.test("filterMatches() includes the parent level of #", () => {
  assert.ok(filterMatches("admin/#", "admin"));
  assert.ok(filterMatches("admin/#", "admin/"));
  assert.ok(!filterMatches("admin/#", "administrator"));
});

Deno.test("filterMatches() lets no leading wildcard match a $ topic", () => {
  assert.ok(!filterMatches("#", "$SYS/broker"));
  assert.ok(!filterMatches("+/broker", "$SYS/broker"));
  assert.ok(filterMatches("$SYS/#", "$SYS/broker"));
  assert.ok(filterMatches("a/+", "a/$x"));
});

Deno.test("filterMatches() compares exact code points", () => {
  assert.ok(!filterMatches("admin", "Admin"));
  assert.ok(!filterMatches("caf\u00e9", "cafe\u0301"));
});

Deno.test("filterCovers() is false when the inner filter is wider", () => {
  assert.ok(!filterCovers("sensors/+", "sensors/#"));
  assert.ok(!filterCovers("foo/+/bar", "foo/#"));
  assert.ok(!filterCovers("+", "#"));
  assert.ok(!filterCovers("#", "$SYS/#"));
});

Deno.test("filterCovers() is set inclusion where the texts differ", () => {
  assert.ok(filterCovers("+/#", "#"));
  assert.ok(filterCovers("/+/#", "/#"));
  assert.ok(!filterCovers("a/+/#", "a/#"));
});

Deno.test("filtersOverlap() sees what a wildcard walks over", () => {
  for (const requested of ["#", "+/x", "+/#", "admin/#", "+"]) {
    assert.ok(filtersOverlap("admin/#", requested), requested);
  }
  assert.ok(!filtersOverlap("admin/#", "users/#"));
  assert.ok(!filtersOverlap("$SYS/#", "+/#"));
});

Deno.test("isValidFilter() refuses misplaced wildcards, empty and over-long text, U+0000 and lone surrogates", () => {
  for (
    const bad of [
      "",
      "a/x#",
      "a#/b",
      "a+",
      "+a",
      "#/a",
      "##",
      "++",
      "a\0b",
      "\ud800",
      "a".repeat(65_536),
      "é".repeat(32_768),
    ]
  ) {
    assert.ok(!isValidFilter(bad), bad.slice(0, 20));
  }
  for (const good of ["/", "+", "#", "a/+/#", "//", "$share/g", "a".repeat(65_535), "é".repeat(32_767), " ", "😀"]) {
    assert.ok(isValidFilter(good), good.slice(0, 20));
  }
  assert.equal(filterProblem("a/b#"), '"#" must be a level of its own');
});

Deno.test("isValidName() refuses wildcards", () => {
  for (const bad of ["", "a/#", "a/+", "a+b", "\0", "\udc00", "a".repeat(65_536)]) {
    assert.ok(!isValidName(bad), bad.slice(0, 20));
  }
  for (const good of ["/", "a", "$SYS/x", "a//b", "a".repeat(65_535)]) assert.ok(isValidName(good), good.slice(0, 20));
});

Deno.test("splitShared() splits a shared subscription at its group", () => {
  assert.deepEqual(splitShared("$share/g/admin/#"), { group: "g", filter: "admin/#" });
  assert.deepEqual(splitShared("$share/g//"), { group: "g", filter: "/" });
  for (
    const not of [
      "$share",
      "$share/",
      "$share/g",
      "$share/g/",
      "$share//x",
      "$share/+/x",
      "$share/g#/x",
      "$SHARE/g/x",
      "a/$share/g/x",
    ]
  ) {
    assert.equal(splitShared(not), null, not);
  }
});

Deno.test("sharedFilterStart() tells malformed from not shared", () => {
  assert.equal(sharedFilterStart("$share/g/x", 0), 9);
  assert.equal(sharedFilterStart("$queue/$share/g/x", 7), 16);
  assert.equal(sharedFilterStart("$shared/g/x", 0), -1);
  assert.equal(sharedFilterStart("$share/g", 0), -2);
  assert.equal(sharedFilterStart("$share/+/x", 0), -2);
});
