import assert from "node:assert/strict";
import { LatencyHistogram } from "./latency_histogram.ts";

Deno.test("quantileUs() is within 1 % of the sorted values", () => {
  const histogram = new LatencyHistogram();
  const values = Array.from({ length: 10_000 }, (_, i) => 0.7 * 1.0013 ** i);
  for (const us of values) histogram.add(us, 1);
  for (const share of [0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = values[Math.ceil(values.length * share) - 1] ?? NaN;
    assert.ok(Math.abs(histogram.quantileUs(share) / exact - 1) < 0.01, `${share}: ${histogram.quantileUs(share)}`);
  }
});

Deno.test("equal durations can be added together, and histograms too", () => {
  const one = new LatencyHistogram();
  one.add(10, 99);
  const other = new LatencyHistogram();
  other.add(1000, 1);
  one.addAll(other);
  assert.equal(one.total, 100);
  assert.equal(one.maxUs, 1000);
  assert.ok(Math.abs(one.quantileUs(0.99) - 10) < 0.1);
  assert.ok(Math.abs(one.quantileUs(1) - 1000) < 10);
});

Deno.test("an empty histogram has quantiles of 0", () => {
  assert.equal(new LatencyHistogram().quantileUs(0.5), 0);
});
