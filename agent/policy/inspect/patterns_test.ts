import assert from "node:assert/strict";
import { ALL_PATTERNS } from "./inspect.ts";
import { compileTable, matchPatterns } from "./match.ts";
import type { Pattern } from "./pattern.ts";
import { scan, TRIGGER } from "./prefilter.ts";
import { isJsonText } from "./tokens.ts";

const table = compileTable(ALL_PATTERNS);

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Names of the patterns found in the text as it is. */
function found(text: string): Set<string> {
  const bytes = bytesOf(text);
  const names = new Set<string>();
  matchPatterns(table, bytes, 0, bytes.length, false, (pattern) => {
    names.add(pattern.name);
    return false;
  });
  return names;
}

for (const pattern of ALL_PATTERNS) {
  Deno.test(`pattern ${pattern.name} catches its example and not its near miss`, () => {
    assert.ok(found(pattern.example).has(pattern.name), pattern.example);
    assert.ok(!found(pattern.nearMiss).has(pattern.name), pattern.nearMiss);
  });
}

Deno.test("every pattern has a name of its own, a comment and a trigger", () => {
  assert.equal(new Set(ALL_PATTERNS.map(({ name }) => name)).size, ALL_PATTERNS.length);
  for (const { name, catches, at } of ALL_PATTERNS) {
    assert.match(name, /^[a-z]+(-[a-z]+)+$/);
    assert.ok(catches.length > 20 && at.length > 0, name);
  }
});

Deno.test("a near miss of any pattern is caught by no pattern of its category at medium or above", () => {
  const bySeverity = new Map(ALL_PATTERNS.map((pattern): [string, Pattern] => [pattern.name, pattern]));
  for (const { nearMiss, category } of ALL_PATTERNS) {
    for (const name of found(nearMiss)) {
      const hit = bySeverity.get(name) as Pattern;
      assert.ok(hit.severity === "low" || hit.category !== category, `${name}: ${nearMiss}`);
    }
  }
});

Deno.test("the prefilter sees every example", () => {
  for (const { name, example } of ALL_PATTERNS) {
    const bytes = bytesOf(example);
    const flags = scan(table.prefilter, bytes, 0, bytes.length, isJsonText(bytes, 0, bytes.length));
    assert.notEqual(flags & TRIGGER, 0, name);
  }
});
