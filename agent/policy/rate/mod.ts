/**
 * Rate limits: the section compiled once ({@link compileRatePlan}), buckets for the agent's whole life
 * ({@link RateLimiter}).
 */
export { compileRatePlan, type RateConfig, type RatePlan, type RateProblem } from "./rate_plan.ts";
export type { Limit, LimitKind, Meter } from "./limit.ts";
export type { KeyBy, RateSubject } from "./client_key.ts";
export type { BucketStore, BucketView } from "./bucket_store.ts";
export { type ClientBuckets, COMMON_KEY, type LimitView, RateLimiter } from "./rate_limiter.ts";
