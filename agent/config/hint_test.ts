import { equal } from "node:assert/strict";
import { hint } from "./hint.ts";
import { quote } from "./quote.ts";

const KEYS = ["name", "max-qos", "topics", "actions", "decision", "default-action", "username-regex"];

Deno.test("hint() names the nearest key, and none where none is near", () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ["max_qoss", "max-qos"],
    ["MaxQos", "max-qos"],
    ["topcis", "topics"],
    ["topic", "topics"],
    ["default_actions", "default-action"],
    ["nmae", "name"],
    ["userid", null],
    ["x", null],
    ["", null],
    ["a".repeat(1_000_000), null],
  ];
  for (const [wrong, right] of cases) {
    equal(hint(wrong, KEYS), right === null ? "" : ` (did you mean "${right}"?)`, wrong.slice(0, 20));
  }
});

Deno.test("quote() shows control characters, those that turn text included, and cuts", () => {
  equal(quote(`a"b\n`), `"a\\"b\\n"`);
  equal(quote("a\u202eb\u0085\u001b[2J"), `"a\\u202eb\\u0085\\u001b[2J"`);
  equal(quote("x".repeat(100)), `"${"x".repeat(63)}…"`);
});
