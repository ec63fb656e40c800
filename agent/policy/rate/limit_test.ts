import { strict as assert } from "node:assert";
import { compileMeters, type LimitFault, MAX_UNITS } from "./limit.ts";
import { limitConfig, type LimitSketch } from "./rate_fixture.ts";

function compile(sketch: LimitSketch) {
  const faults: LimitFault[] = [];
  return { meters: compileMeters(limitConfig(sketch), faults), faults };
}

Deno.test("compileMeters() counts decimal rates exactly", () => {
  const cases: [rate: number, messages: bigint, ms: bigint][] = [
    [100, 100n, 1000n],
    [0.1, 1n, 10_000n],
    [0.3, 3n, 10_000n],
    [1e-7, 1n, 10_000_000_000n],
    [2.5, 25n, 10_000n],
    [33.333, 33_333n, 1_000_000n],
    [1e9, 1_000_000n, 1n],
  ];
  for (const [rate, messages, ms] of cases) {
    const [meter] = compile({ "messages-per-second": rate, burst: 7 }).meters;
    assert.ok(meter !== undefined);
    assert.equal(BigInt(meter.unitsPerMs) * ms, BigInt(meter.unitsPerMessage) * messages, String(rate));
    assert.equal(meter.capacity, meter.unitsPerMessage * 7);
    assert.equal(meter.unitsPerMessage % 8, 0, "an eighth of a message is whole");
    assert.equal(meter.unitsPerByte, 0);
  }
});

Deno.test("compileMeters() has one measure for each rate and quota, and none for what is absent", () => {
  assert.deepEqual(compile({}).meters, []);
  assert.deepEqual(compile({ "bytes-per-second": 0, "burst-bytes": 9 }).meters, []);
  const { meters } = compile({
    "messages-per-second": 1,
    "bytes-per-second": 1000,
    quota: [
      { messages: 500, per: "hour" },
      { bytes: 10_737_418_240, per: "day" },
      { messages: 600, per: "hour" },
      { name: "trial", messages: 3, per: "minute" },
    ],
  });
  assert.deepEqual(
    meters.map(({ name, measure, surcharged, ...of }) => [
      name,
      measure,
      surcharged,
      of.capacity / (of.unitsPerMessage + of.unitsPerByte),
    ]),
    [
      ["messages-per-second", "messages", true, 10],
      ["bytes-per-second", "bytes", true, 1000],
      ["messages-per-hour", "messages", false, 500],
      ["bytes-per-day", "bytes", false, 10_737_418_240],
      ["messages-per-hour (2)", "messages", false, 600],
      ["trial", "messages", false, 3],
    ],
  );
  assert.equal(compile({ "bytes-per-second": 1000, "burst-bytes": 5 }).meters[0]?.capacity, 5 * 8);
});

Deno.test("compileMeters() rounds a rate down, by less than a millionth, where whole numbers run out", () => {
  const third = 1 / 3;
  for (
    const [sketch, perMs] of [
      [{ "messages-per-second": third, burst: 10 }, third / 1000],
      [{ quota: [{ messages: 1_000_000_007, per: "day" }] }, 1_000_000_007 / 86_400_000],
      [{ "bytes-per-second": 99_999_999_999_989 }, 99_999_999_999_989 / 1000],
    ] as [LimitSketch, number][]
  ) {
    const { meters: [meter], faults } = compile(sketch);
    assert.deepEqual(faults, []);
    assert.ok(meter !== undefined);
    const short = 1 - meter.unitsPerMs / (meter.unitsPerMessage + meter.unitsPerByte) / perMs;
    assert.ok(short > -1e-15 && short < 1e-6, String(short));
    assert.ok(meter.capacity <= MAX_UNITS);
    assert.ok([meter.capacity, meter.unitsPerMs].every(Number.isSafeInteger));
  }
});

Deno.test("compileMeters() refuses what can not be counted", () => {
  assert.deepEqual(compile({ "bytes-per-second": Number.MAX_SAFE_INTEGER }).faults, [{
    path: ["bytes-per-second"],
    message:
      "Cannot count 9007199254740991 bytes in 1000 ms with 9007199254740991 at once: a bucket of that size would not be exact",
  }]);
  assert.deepEqual(
    compile({ quota: [{ messages: 1, per: "day" }, { messages: 2 ** 50, per: "day" }] }).faults[0]?.path,
    [
      "quota",
      1,
    ],
  );
  assert.deepEqual(compile({ "messages-per-second": 0.000_001, burst: 1e9 }).faults[0]?.path, ["messages-per-second"]);
  const quota = Array.from({ length: 9 }, () => ({ messages: 1, per: "day" as const }));
  assert.deepEqual(compile({ quota }).faults, [
    { path: ["quota"], message: "Cannot keep 9 quotas of one limit: at most 6 are counted" },
  ]);
});
