/** For tests and benches: limits, plans and clients with little to write. */
import { parseAddress } from "../address.ts";
import type { RateSubject } from "./client_key.ts";
import { compileMeters, type Limit, type LimitConfig } from "./limit.ts";
import { compileRatePlan, type RateConfig, type RatePlan, type TopicLimitConfig } from "./rate_plan.ts";

export type LimitSketch = Partial<LimitConfig>;
export type RateSketch =
  & Partial<
    Record<"global" | "per-client" | "connect" | "subscribe" | "control" | "auth-failures", LimitSketch>
  >
  & { "per-topic"?: (Partial<Omit<TopicLimitConfig, "limit">> & { topic: string; limit: LimitSketch })[] }
  & Partial<Pick<RateConfig, "enabled" | "key-by" | "max-keys">>;

/** With the defaults of `config.md`. */
export function limitConfig(sketch: LimitSketch): LimitConfig {
  return { "bytes-per-second": 0, burst: 10, quota: [], action: "drop", shadow: false, ...sketch };
}

export function rateConfig(sketch: RateSketch): RateConfig {
  const limit = (config: LimitSketch | undefined) => config === undefined ? undefined : limitConfig(config);
  return {
    enabled: sketch.enabled ?? true,
    global: limit(sketch.global),
    "per-client": limit(sketch["per-client"]),
    "per-topic": (sketch["per-topic"] ?? []).map((rule) => ({
      scope: "client",
      ...rule,
      limit: limitConfig(rule.limit),
    })),
    "key-by": sketch["key-by"] ?? "client_id",
    connect: limit(sketch.connect),
    subscribe: limit(sketch.subscribe),
    control: sketch.control && limitConfig({ action: "close", ...sketch.control }),
    "auth-failures": limit(sketch["auth-failures"]),
    "max-keys": sketch["max-keys"] ?? 100_000,
    store: "memory",
  };
}

/** A compiled plan; throws if it has problems. */
export function ratePlan(sketch: RateSketch): RatePlan {
  const result = compileRatePlan(rateConfig(sketch));
  if ("problems" in result) throw new Error(`Cannot compile limits: ${JSON.stringify(result.problems)}`);
  if (result.plan === null) throw new Error("Cannot use limits: they are off");
  return result.plan;
}

/** A limit by itself; throws if it can not be counted. */
export function limitOf(sketch: LimitSketch): Limit {
  const faults: { message: string }[] = [];
  const meters = compileMeters(limitConfig(sketch), faults as never);
  if (faults.length > 0) throw new Error(JSON.stringify(faults));
  return {
    kind: "client",
    name: "client",
    identity: "client",
    number: 0,
    shared: false,
    action: "drop",
    shadow: false,
    meters,
  };
}

/** `dev-1` from 10.0.0.1, without a user name. */
export function subject(changes: Partial<RateSubject> = {}): RateSubject {
  return {
    clientId: "dev-1",
    username: null,
    proved: false,
    address: parseAddress("10.0.0.1"),
    attributes: null,
    ...changes,
  };
}

/** Whole numbers from 0 to below `bound`, the same ones every time. */
export function randomFrom(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.floor(((state ^ (state >>> 15)) >>> 0) / 2 ** 32 * bound);
  };
}
