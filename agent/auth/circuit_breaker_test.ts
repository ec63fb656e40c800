import assert from "node:assert/strict";
import { type Attempt, CircuitBreaker } from "./circuit_breaker.ts";

function make() {
  const clock = { ms: 0 };
  const breaker = new CircuitBreaker({ failures: 3, openMs: 1000, monotonicMs: () => clock.ms });
  const enter = (): Attempt => {
    const attempt = breaker.enter();
    assert.ok(attempt !== null);
    return attempt;
  };
  const fail = (times: number) => {
    for (let i = 0; i < times; i++) enter().failed();
  };
  return { clock, breaker, enter, fail };
}

Deno.test("it opens after failures in a row, and not after as many with a success between", () => {
  const { breaker, enter, fail } = make();
  fail(2);
  enter().succeeded();
  fail(2);
  assert.equal(breaker.state, "closed");
  fail(1);
  assert.equal(breaker.state, "open");
  assert.equal(breaker.enter(), null);
});

Deno.test("after its time it lets one attempt through, whose end decides", () => {
  const { clock, breaker, enter, fail } = make();
  fail(3);
  clock.ms = 999;
  assert.equal(breaker.enter(), null);
  clock.ms = 1000;
  assert.equal(breaker.state, "half-open");
  const probe = enter();
  assert.equal(breaker.state, "open");
  assert.equal(breaker.enter(), null);
  probe.failed();
  assert.equal(breaker.enter(), null);
  clock.ms = 1999;
  assert.equal(breaker.enter(), null);
  clock.ms = 2000;
  enter().succeeded();
  assert.equal(breaker.state, "closed");
  fail(2);
  assert.equal(breaker.state, "closed", "counted from the start again");
});

Deno.test("attempts of a time before have nothing to say", () => {
  const { clock, breaker, enter, fail } = make();
  const early = [enter(), enter()];
  fail(3);
  early[0]?.succeeded();
  assert.equal(breaker.state, "open", "it was sent before the server went away");
  clock.ms = 1000;
  const probe = enter();
  early[1]?.failed();
  assert.equal(breaker.state, "open");
  probe.succeeded();
  assert.equal(breaker.state, "closed");
  probe.failed();
  early[0]?.failed();
  fail(2);
  assert.equal(breaker.state, "closed");
});

Deno.test("failures that were under way together open it once", () => {
  const { clock, breaker, enter } = make();
  const attempts = Array.from({ length: 10 }, enter);
  clock.ms = 500;
  for (const attempt of attempts) attempt.failed();
  assert.equal(breaker.state, "open");
  clock.ms = 1500;
  assert.equal(breaker.state, "half-open");
});
