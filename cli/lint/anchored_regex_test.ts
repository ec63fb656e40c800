import assert from "node:assert/strict";
import { compileRegex } from "../../agent/policy/regex.ts";
import { isAnchored } from "./anchored_regex.ts";

const ANCHORED = [
  "^a$",
  "^$",
  "^sensor-[0-9]+$",
  "\\Aa\\z",
  "^(a|b)$",
  "^a$|^b$",
  "(^a$)",
  "(?:^a$|^b$)",
  "(?i)^a$",
  "(?i:^a$)",
  "(?P<n>^a)b$",
  "^a(b|c$|d$)$",
  "^[$]a$",
  "^[]|]$",
  "^[^]|]$",
  "^[[:alpha:]|]$",
  "^\\|$",
  "^\\Qa|b\\E$",
  "^a\\\\$",
  "(?s)^.*$",
  "(^a|^b)(c$|d$)",
];

const LOOSE = [
  "a",
  "",
  "^a",
  "a$",
  "^a|b$",
  "^a$|b",
  "a|^b$",
  "^a\\$",
  "[^]a$",
  "\\^a$",
  "^[a$",
  "(?m)^a$",
  "(?im)^a$",
  "(?m:^a$)",
  "(^a)?b$",
  "(^a){0,1}b$",
  "^?a$",
  "^a(b$)?",
  "^a(b$)*",
  "^a$?",
  "(^a|b)c$",
  "^\\Qa$",
  "^\\Qa$\\E",
  "^(a|b)",
  "(?:^a$|b)",
  "^a$|",
];

for (const pattern of ANCHORED) Deno.test(`anchored: ${pattern}`, () => assert.ok(isAnchored(pattern)));
for (const pattern of LOOSE) {
  Deno.test(`not anchored: ${JSON.stringify(pattern)}`, () => assert.ok(!isAnchored(pattern)));
}

Deno.test("an anchored pattern fits no text with something around it, as the engine that runs it says", () => {
  let tried = 0;
  for (const pattern of ANCHORED) {
    const compiled = compileRegex(pattern);
    assert.ok("regex" in compiled, pattern);
    if (pattern === "(?s)^.*$") continue;
    for (const core of ["a", "b", "ac", "ab", "sensor-1", "|", "]|", "a|b", "$a", "a\\"]) {
      if (!compiled.regex.test(core)) continue;
      tried++;
      for (const text of [`x${core}`, `${core}x`, `x\n${core}`, `${core}\nx`]) {
        // Repeats inside may fit the longer text, but then they fit all of it.
        if (compiled.regex.test(text)) {
          assert.ok(compiled.regex.testWhole(text), `${pattern} in ${JSON.stringify(text)}`);
        }
      }
    }
  }
  assert.ok(tried > 10);
});
