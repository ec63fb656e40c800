import { strict as assert } from "node:assert";
import type { RateLimitConfig } from "../../config/mod.ts";
import { compileRatePlan, type RateConfig } from "./rate_plan.ts";
import { rateConfig, ratePlan, type RateSketch } from "./rate_fixture.ts";

Deno.test("a plan is compiled from what the configuration gives", () => {
  // Fails to compile if the two get apart.
  const take = (config: RateLimitConfig): RateConfig => config;
  assert.ok(take);
});

Deno.test("compileRatePlan() takes the page's example", () => {
  const plan = ratePlan({
    "per-client": { "messages-per-second": 100, "bytes-per-second": 1_048_576, burst: 50 },
    "per-topic": [
      { topic: "high-freq/#", limit: { "messages-per-second": 1000, burst: 100 } },
      { topic: "low-freq/#", limit: { "messages-per-second": 10, burst: 5 } },
    ],
  });
  assert.deepEqual(plan.limits.map(({ kind, name, shared, action }) => [kind, name, shared, action]), [
    ["client", "client", false, "drop"],
    ["topic", "high-freq/#", false, "drop"],
    ["topic", "low-freq/#", false, "drop"],
  ]);
  assert.equal(plan.client, plan.limits[0]);
  assert.deepEqual(plan.topics?.limits, plan.limits.slice(1));
  assert.deepEqual([plan.global, plan.subscribe, plan.control, plan.connect, plan.authFailures], Array(5).fill(null));
  assert.deepEqual([plan.mostMeters, plan.maxKeys, plan.keyBy], [2, 100_000, "client_id"]);
  assert.ok(Object.isFrozen(plan) && Object.isFrozen(plan.limits) && Object.isFrozen(plan.client));
});

Deno.test("compileRatePlan() closes what can not be dropped, and says so", () => {
  const one = { "messages-per-second": 1 };
  const plan = ratePlan({
    connect: one,
    "auth-failures": one,
    control: one,
    subscribe: one,
    global: one,
  });
  assert.deepEqual(
    [plan.connect, plan.authFailures, plan.control, plan.subscribe, plan.global].map((limit) => limit?.action),
    ["close", "close", "close", "drop", "drop"],
  );
  assert.deepEqual(problems({ control: { ...one, action: "drop" } }), [
    ["rate-limit/control/action", 'Cannot drop what exceeds "control": only a close can follow it'],
  ]);
});

Deno.test("compileRatePlan() has no limit where nothing is limited, and no plan where it is off", () => {
  const plan = ratePlan({ global: {}, "per-client": { burst: 3 }, "per-topic": [{ topic: "a", limit: {} }] });
  assert.deepEqual([plan.limits, plan.global, plan.client, plan.topics], [[], null, null, null]);
  assert.deepEqual(compileRatePlan(rateConfig({ enabled: false, global: { "messages-per-second": 1 } })), {
    plan: null,
  });
});

Deno.test("compileRatePlan() names limits of topics so that each has its own buckets", () => {
  const limit = { "messages-per-second": 1 };
  const plan = ratePlan({
    "per-topic": [
      { topic: "a/#", limit },
      { topic: "a/#", limit },
      { topic: "a/#", limit, scope: "shared" },
      { topic: "b", limit, name: "alarms" },
    ],
  });
  assert.deepEqual(plan.limits.map(({ name }) => name), ["a/#", "a/# (2)", "a/# (3)", "alarms"]);
  assert.equal(new Set(plan.limits.map(({ identity }) => identity)).size, 4);
  assert.deepEqual(plan.limits.map(({ shared }) => shared), [false, false, true, false]);
});

Deno.test("compileRatePlan() tells all problems at once, each with its place", () => {
  const limit = { "messages-per-second": 1 };
  assert.deepEqual(
    problems({
      global: { "bytes-per-second": Number.MAX_SAFE_INTEGER },
      "auth-failures": { "bytes-per-second": 5 },
      "per-topic": [
        { topic: "a/#/b", limit },
        { topic: "x", limit, name: "same" },
        { topic: "${who}", limit },
        { topic: "y", limit, name: "same" },
        { topic: "z", limit: { quota: [{ bytes: 2 ** 52, per: "day" }] } },
      ],
    }).map(([path]) => path),
    [
      "rate-limit/global/bytes-per-second",
      "rate-limit/auth-failures",
      "rate-limit/per-topic/0/topic",
      "rate-limit/per-topic/2/topic",
      "rate-limit/per-topic/3/name",
      "rate-limit/per-topic/4/limit/quota/0",
    ],
  );
  assert.deepEqual(problems({ enabled: false, "per-topic": [{ topic: "a#", limit }] }), [
    ["rate-limit/per-topic/0/topic", 'Cannot limit topic "a#": "#" must be a level of its own'],
  ]);
});

function problems(sketch: RateSketch): [path: string, message: string][] {
  const result = compileRatePlan(rateConfig(sketch));
  assert.ok("problems" in result);
  return result.problems.map(({ path, message }) => [path.join("/"), message]);
}
