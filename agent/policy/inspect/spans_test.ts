import assert from "node:assert/strict";
import { ALL_PATTERNS } from "./inspect.ts";
import { compileTable, matchPatterns, matchStretches } from "./match.ts";
import { DOUBLE_QUOTE, HAS_BACKSLASH, HAS_HIGH, HAS_PERCENT, isHarmless, scan } from "./prefilter.ts";
import { findStretches, hasFlags, spanCount, spanEnd, spanStart, stretchCount, survey } from "./spans.ts";
import { ATTACKS } from "./testdata/attacks.ts";
import { BENIGN } from "./testdata/benign.ts";

const table = compileTable(ALL_PATTERNS);
const encoder = new TextEncoder();

function spansOf(bytes: Uint8Array, isJson: boolean, hasBounds: boolean): string[] {
  survey(table.prefilter, bytes, 0, bytes.length, isJson, hasBounds);
  const decoder = new TextDecoder();
  return Array.from({ length: spanCount }, (_, n) => decoder.decode(bytes.subarray(spanStart(n), spanEnd(n))));
}

Deno.test("survey() parts a document at its quotes, a form at its bounds, and any other text not at all", () => {
  assert.deepEqual(spansOf(encoder.encode('{"a":"b\\"c\\\\"}'), true, false), ["{", "a", ":", 'b\\"c\\\\', "}"]);
  assert.deepEqual(spansOf(Uint8Array.of(0x61, 0xff, 0xff, 0x22), false, true), ["a", "", '"']);
  assert.equal(spansOf(Uint8Array.of(0x61, 0xff, 0x22), false, false).length, 1);
});

Deno.test("survey() says what is in each span, and of all together what scan() says", () => {
  const bytes = encoder.encode('{"plain":"é","%41":"\\u0041"}');
  const flags = survey(table.prefilter, bytes, 0, bytes.length, true, false);
  const having = (wanted: number) => Array.from({ length: spanCount }, (_, n) => hasFlags(n, wanted) ? n : -1);
  assert.deepEqual(having(HAS_HIGH).filter((n) => n >= 0), [3]);
  assert.deepEqual(having(HAS_PERCENT).filter((n) => n >= 0), [5]);
  assert.deepEqual(having(HAS_BACKSLASH).filter((n) => n >= 0), [7]);
  assert.equal(flags, scan(table.prefilter, bytes, 0, bytes.length, true));
  // A bound of ours is no character beyond ASCII.
  assert.equal(survey(table.prefilter, Uint8Array.of(0x61, 0xff), 0, 2, false, true) & HAS_HIGH, 0);
  assert.notEqual(survey(table.prefilter, Uint8Array.of(0x22, 0xff), 0, 2, false, true) & DOUBLE_QUOTE, 0);
});

Deno.test("survey() leaves a document in which nothing is looked at as one span, wherever something may be", () => {
  const dull = "[" + '{"a":1.5,"on":"ok"},'.repeat(400);
  assert.equal(spansOf(encoder.encode(dull + "{}]"), true, false).length, 1);
  for (const text of [...Object.values(ATTACKS).flat(), ...Object.values(BENIGN).flat(), "reboot", "{a", "--"]) {
    const bytes = encoder.encode(`${dull}${JSON.stringify(text)}]`);
    const flags = survey(table.prefilter, bytes, 0, bytes.length, true, false);
    assert.equal(flags, scan(table.prefilter, bytes, 0, bytes.length, true), text);
    assert.equal(spanCount > 1, !isHarmless(flags), text);
  }
});

Deno.test("patterns find in the stretches of a document what they find in all of it", () => {
  const dull = Array.from({ length: 5 }, (_, n) => ({ name: `lamp number ${n} of the house`, note: "dull", v: n }));
  const texts: (string | string[])[] = [
    ["sh", "-c", "id"],
    ...Object.values(ATTACKS).flat(),
    ...Object.values(BENIGN).flat(),
    ...ALL_PATTERNS.map((p) => p.example),
  ];
  let parted = 0;
  texts.forEach((text, n) => {
    const other = texts[(n * 7 + 3) % texts.length];
    for (
      const value of [{ dull, v: text, more: dull }, { [String(text)]: dull, v: { x: other } }, [other, dull, text]]
    ) {
      for (const indent of [0, 4]) {
        const bytes = encoder.encode(JSON.stringify(value, null, indent));
        const hits = (match: (found: (name: { name: string }, at: number) => boolean) => boolean): string[] => {
          const names: string[] = [];
          match(({ name }, at) => {
            names.push(`${name} ${at}`);
            return false;
          });
          return names;
        };
        const whole = hits((found) => matchPatterns(table, bytes, 0, bytes.length, false, found));
        survey(table.prefilter, bytes, 0, bytes.length, true, false);
        findStretches(false);
        if (stretchCount > 1) parted++;
        assert.deepEqual(hits((found) => matchStretches(table, bytes, false, true, found)), whole, String(text));
      }
    }
  });
  assert.ok(parted > 100, `${parted}`);
});
