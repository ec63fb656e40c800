import assert from "node:assert/strict";
import { BcryptSpeed } from "./bcrypt_speed.ts";

Deno.test("runMs() of a cost that was not measured comes from the nearest that was, doubling with each step", () => {
  const speed = new BcryptSpeed();
  assert.equal(speed.runMs(12) / speed.runMs(10), 4);
  speed.measured(7, 8);
  assert.equal(speed.runMs(7), 8);
  assert.equal(speed.runMs(10), 64);
  assert.equal(speed.runMs(4), 1);
  speed.measured(12, 300);
  assert.equal(speed.runMs(11), 150);
  assert.equal(speed.runMs(8), 16);
});

Deno.test("runMs() follows what runs take now, and one slow run does not carry it away", () => {
  const speed = new BcryptSpeed();
  speed.measured(10, 60);
  speed.measured(10, 600);
  assert.equal(speed.runMs(10), 168);
  for (let run = 0; run < 30; run++) speed.measured(10, 120);
  assert.ok(Math.abs(speed.runMs(10) - 120) < 1);
});
