import assert from "node:assert/strict";
import { HoldCredit } from "./hold_credit.ts";

Deno.test("a connection is held for a quarter of the time at most, and 30 ms at once", () => {
  const credit = new HoldCredit();
  assert.ok(credit.allows(30, 1000));
  assert.ok(!credit.allows(31, 1000));
  let heldMs = 0;
  let nowMs = 1000;
  for (; nowMs < 11_000;) {
    if (!credit.allows(20, nowMs)) {
      nowMs += 5;
      continue;
    }
    nowMs += 20;
    heldMs += 20;
    credit.charge(20, nowMs);
  }
  assert.ok(heldMs > 2300 && heldMs <= 2600, `${heldMs}`);
});

Deno.test("what took longer than was thought is made up for, and a clock that goes back gives nothing", () => {
  const credit = new HoldCredit();
  credit.charge(80, 1000);
  assert.ok(!credit.allows(1, 1000));
  assert.ok(!credit.allows(1, 1190));
  assert.ok(credit.allows(1, 1210));
  assert.ok(!credit.allows(10, 500));
  assert.ok(credit.allows(30, 10_000));
});
