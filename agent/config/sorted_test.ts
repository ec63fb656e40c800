import { deepEqual, ok } from "node:assert/strict";
import { sortedSteps } from "./sorted.ts";
import { finished } from "./steps.ts";

Deno.test("sortedSteps() sorts as sort() does, in steps of a few hundred", () => {
  const shapes: Record<string, (n: number) => string> = {
    sorted: (n) => String(n).padStart(6, "0"),
    reversed: (n) => String(999_999 - n),
    scattered: (n) => `r${(n * 7919) % 10_007}`,
    "beyond the first plane": (n) =>
      String.fromCodePoint(0xff00 + (n * 31) % 0x300) + String.fromCodePoint(0x1f600 + n % 50),
    "all alike": () => "a",
    empty: () => "",
  };
  for (const [name, shape] of Object.entries(shapes)) {
    for (const count of [0, 1, 2, 511, 512, 513, 5000]) {
      const texts = Array.from({ length: count }, (_, n) => shape(n));
      deepEqual(finished(sortedSteps(texts)), texts.toSorted(), `${count} ${name}`);
    }
  }
  let steps = 0;
  for (const _ of sortedSteps(Array.from({ length: 10_000 }, (_, n) => `r${(n * 7919) % 10_007}`))) steps++;
  ok(steps > 10_000 / 512 + 4 * 10_000 / 2048, `${steps} steps`);
});
