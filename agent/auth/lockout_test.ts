import assert from "node:assert/strict";
import { Lockout } from "./lockout.ts";

const OPTIONS = { enabled: true, failures: 10, windowMs: 300_000, banMs: 300_000 };

function fail(lockout: Lockout, times: number, username: string, address: string, nowMs: number): void {
  for (let i = 0; i < times; i++) lockout.failed(username, address, nowMs);
}

Deno.test("ten failures of one name from one address lock that pair, and no other", () => {
  const lockout = new Lockout(OPTIONS);
  fail(lockout, 9, "dev-1", "10.0.0.1", 0);
  assert.equal(lockout.isLocked("dev-1", "10.0.0.1", 0), false);
  fail(lockout, 1, "dev-1", "10.0.0.1", 0);
  assert.ok(lockout.isLocked("dev-1", "10.0.0.1", 299_999));
  assert.equal(lockout.isLocked("dev-1", "10.0.0.1", 300_000), false);
  // Nobody can lock a device out from elsewhere, and one bad device does not lock out the plant.
  assert.equal(lockout.isLocked("dev-1", "10.0.0.2", 0), false);
  assert.equal(lockout.isLocked("dev-2", "10.0.0.1", 0), false);
});

Deno.test("failures outside of the window do not add up, and a success clears them", () => {
  const lockout = new Lockout(OPTIONS);
  fail(lockout, 9, "dev-1", "10.0.0.1", 0);
  fail(lockout, 9, "dev-1", "10.0.0.1", 300_000);
  assert.equal(lockout.isLocked("dev-1", "10.0.0.1", 300_000), false);
  lockout.succeeded("dev-1", "10.0.0.1");
  fail(lockout, 9, "dev-1", "10.0.0.1", 300_001);
  assert.equal(lockout.isLocked("dev-1", "10.0.0.1", 300_001), false);
});

Deno.test("locks double, up to an hour", () => {
  const lockout = new Lockout(OPTIONS);
  let nowMs = 0;
  for (const lockMs of [300_000, 600_000, 1_200_000, 2_400_000, 3_600_000, 3_600_000]) {
    fail(lockout, 10, "dev-1", "10.0.0.1", nowMs);
    assert.ok(lockout.isLocked("dev-1", "10.0.0.1", nowMs + lockMs - 1), String(lockMs));
    nowMs += lockMs;
    assert.equal(lockout.isLocked("dev-1", "10.0.0.1", nowMs), false, String(lockMs));
  }
});

Deno.test("twenty different failing names lock their address", () => {
  const lockout = new Lockout(OPTIONS);
  for (let i = 0; i < 19; i++) fail(lockout, 5, `name-${i}`, "10.0.0.1", 0);
  assert.equal(lockout.isLocked("good", "10.0.0.1", 0), false);
  lockout.failed("name-19", "10.0.0.1", 0);
  assert.ok(lockout.isLocked("good", "10.0.0.1", 0));
  assert.equal(lockout.isLocked("good", "10.0.0.2", 0), false);
});

Deno.test("a name that fails from everywhere waits behind others and is not locked", () => {
  const lockout = new Lockout(OPTIONS);
  for (let i = 0; i < 50; i++) lockout.failed("dev-1", `10.0.0.${i}`, 0);
  assert.equal(lockout.isLocked("dev-1", "10.0.1.1", 0), false);
  assert.ok(lockout.isLow("dev-1", 0));
  assert.equal(lockout.isLow("dev-1", 300_000), false);
  assert.equal(lockout.isLow("dev-2", 0), false);
});

Deno.test("what is remembered is bounded, whatever the names", () => {
  const lockout = new Lockout({ ...OPTIONS, maxEntries: 1_000 });
  for (let i = 0; i < 2_000; i++) lockout.failed(`name-${i}`, `10.0.${i >> 8}.${i & 255}`, 0);
  assert.ok(lockout.size <= 3_000 && lockout.size >= 1_500, `${lockout.size}`);
});

Deno.test("switched off it locks nobody", () => {
  const lockout = new Lockout({ ...OPTIONS, enabled: false });
  fail(lockout, 100, "dev-1", "10.0.0.1", 0);
  assert.equal(lockout.isLocked("dev-1", "10.0.0.1", 0), false);
  assert.equal(lockout.size, 0);
});
