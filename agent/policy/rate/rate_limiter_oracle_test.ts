/**
 * The limiter against buckets that are kept for ever, one for each limit and key: through evictions, reloads, new
 * sessions and tables without room. Which verdict, and that nothing is forgotten before it is full.
 */
import { strict as assert } from "node:assert";
import type { Limit, LimitKind } from "./limit.ts";
import { limitConfig, type LimitSketch, randomFrom, ratePlan, subject } from "./rate_fixture.ts";
import { type ClientBuckets, RateLimiter } from "./rate_limiter.ts";
import { below, type Fraction, OracleBucket, times, whole } from "./rate_oracle.ts";
import type { RatePlan } from "./rate_plan.ts";

type World = Readonly<Record<"client" | "control" | "topic" | "global", LimitSketch>>;

/** Bursts differ by powers of two, so that the share that a reload keeps is the same in doubles and in fractions. */
const WORLDS: readonly World[] = [16, 64, 8, 32].map((burst) => ({
  client: { "messages-per-second": 10, burst, "bytes-per-second": 1024, "burst-bytes": burst * 64 },
  control: { "messages-per-second": 0.7, burst },
  topic: { "messages-per-second": 5, burst, quota: [{ messages: burst * 128, per: "hour" }] },
  global: { "messages-per-second": 20, burst },
}));

function planOf({ client, control, topic, global }: World, maxKeys: number): RatePlan {
  return ratePlan({
    "per-client": client,
    control,
    global,
    "per-topic": [{ topic: "hot/#", limit: topic }],
    "max-keys": maxKeys,
  });
}

/** What is charged, and the limits that it meets in their order. */
const ACTIONS: readonly {
  readonly limits: readonly (keyof World)[];
  readonly charge: (rates: RateLimiter, client: ClientBuckets, bytes: number, nowMs: number) => Limit | null;
}[] = [
  { limits: ["control"], charge: (rates, client, bytes, nowMs) => rates.chargeControl(client, bytes, nowMs) },
  { limits: ["client"], charge: (rates, client, bytes, nowMs) => rates.chargeMessage(client, "cold", bytes, nowMs) },
  {
    limits: ["client", "topic"],
    charge: (rates, client, bytes, nowMs) => rates.chargeMessage(client, "hot/x", bytes, nowMs),
  },
  { limits: ["global"], charge: (rates, client, bytes, nowMs) => rates.chargeShared(client, "hot/x", bytes, nowMs) },
];

class Oracle {
  #world = WORLDS[0]!;
  readonly #buckets = new Map<string, OracleBucket>();

  bucket(kind: keyof World, key: string, nowMs: number): OracleBucket {
    const name = `${kind} ${kind === "global" ? "*" : key}`;
    let bucket = this.#buckets.get(name);
    if (bucket === undefined) this.#buckets.set(name, bucket = new OracleBucket(limitConfig(this.#world[kind]), nowMs));
    return bucket;
  }

  /** Shares of the burst are kept, debts too if that is less; cut to what `plan` counts in, towards zero. */
  reload(world: World, plan: RatePlan, nowMs: number): void {
    this.#world = world;
    for (const [name, bucket] of this.#buckets) {
      const kind = name.split(" ")[0] as keyof World;
      const { meters } = plan.limits.find((limit) => limit.kind === kind)!;
      bucket.pass(nowMs);
      const carried = new OracleBucket(limitConfig(world[kind]), nowMs);
      carried.eighths = bucket.eighths;
      for (const [i, meter] of carried.meters.entries()) {
        const { level, capacity } = bucket.meters[i]!;
        if (!below(level, capacity)) continue;
        const scaled = times(level, times(meter.capacity, { top: capacity.bottom, bottom: capacity.top }));
        const units = BigInt(meters[i]!.unitsPerMessage + meters[i]!.unitsPerByte);
        meter.level = cut(level.top < 0n && below(scaled, level) ? level : scaled, units);
      }
      this.#buckets.set(name, carried);
    }
  }
}

function cut({ top, bottom }: Fraction, units: bigint): Fraction {
  return times(whole(top * units / bottom), { top: 1n, bottom: units });
}

function overflowedOf(rates: RateLimiter, kind: LimitKind): number {
  return rates.limits().find(({ limit }) => limit.kind === kind)!.overflowed;
}

Deno.test("the limiter agrees with buckets that are kept for ever", () => {
  const counts = { passed: 0, refused: 0, overflowed: 0, reloads: 0 };
  for (const [seed, keys, maxKeys] of [[1, 5, 100], [2, 40, 30], [3, 200, 25], [4, 12, 8]] as const) {
    const random = randomFrom(seed);
    const rates = new RateLimiter(planOf(WORLDS[0]!, maxKeys), 0);
    const oracle = new Oracle();
    const sessions = new Map<string, ClientBuckets>();
    let nowMs = 0;
    for (let step = 0; step < 12_000; step++) {
      const at = `seed ${seed}, step ${step}`;
      nowMs += random(300) === 0 ? random(3_600_000) : random(random(10) === 0 ? 400 : 6);
      if (random(80) === 0) {
        const world = WORLDS[random(WORLDS.length)]!;
        const plan = planOf(world, maxKeys);
        rates.usePlan(plan, nowMs);
        oracle.reload(world, plan, nowMs);
        counts.reloads++;
      }
      const key = `dev-${random(3) === 0 ? random(3) : random(keys)}`;
      let session = random(30) === 0 ? undefined : sessions.get(key);
      if (session === undefined) sessions.set(key, session = rates.client(subject({ clientId: key })));
      const bytes = random(8) === 0 ? random(3000) : random(90);
      const { limits, charge } = ACTIONS[random(ACTIONS.length)]!;
      const before = limits.map((kind) => overflowedOf(rates, kind));
      const refused = charge(rates, session, bytes, nowMs)?.kind ?? null;

      let expected: LimitKind | null = null;
      for (const [place, kind] of limits.entries()) {
        const bucket = oracle.bucket(kind, key, nowMs);
        if (overflowedOf(rates, kind) > before[place]!) {
          // The key had no bucket of its own, and nothing may be lost by that.
          bucket.pass(nowMs);
          assert.ok(bucket.isFull, `${at}: ${kind} of ${key} was forgotten before it was full`);
          counts.overflowed++;
          if (refused === kind) expected = kind;
        } else {
          const { eighths } = bucket;
          if (bucket.take(bytes, nowMs) >= 0) expected = kind;
          // Refused packets do not make a bucket dearer that others take from.
          if (expected !== null && kind === "global") bucket.eighths = eighths;
        }
        if (expected !== null) break;
      }
      assert.equal(refused, expected, at);
      if (refused === null) counts.passed++;
      else counts.refused++;
      assert.ok(rates.size <= maxKeys, at);
    }
  }
  const { passed, refused, overflowed, reloads } = counts;
  assert.ok(passed > 10_000 && refused > 2000 && overflowed > 1000 && reloads > 50, JSON.stringify(counts));
});
