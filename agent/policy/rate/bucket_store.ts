import type { BucketKey } from "./client_key.ts";
import type { Limit } from "./limit.ts";
import type { RatePlan } from "./rate_plan.ts";

/** What {@link BucketStore.open} returns when there is no room. */
export const NO_SLOT = -1;

/**
 * Where buckets of keys live. `BucketTable` keeps them in memory; a store that several agents share is to come
 * (`rate-limit.store`).
 *
 * It answers at once, since nothing in the frame path waits: a shared store decides from a copy of its own and
 * reconciles behind, so that agents together let through at most what is not reconciled yet.
 *
 * A bucket is known by its slot. A slot may be given to another key; then its generation has changed, and who holds it
 * opens the bucket again. Times are whole milliseconds that never run backwards.
 */
export interface BucketStore {
  /** Puts the limits of `plan` in force; buckets of limits that it has too are carried over. */
  configure(plan: RatePlan, nowMs: number): void;
  /** The slot of the key's bucket, made if need be; `NO_SLOT` if it can not be. */
  open(limit: Limit, key: BucketKey, nowMs: number): number;
  generation(slot: number): number;
  /** See `BucketArray`. */
  take(slot: number, limit: Limit, bytes: number, nowMs: number): number;
  refusing(slot: number, limit: Limit, bytes: number, nowMs: number): number;
  takeAnyway(slot: number, limit: Limit, nowMs: number): void;
  countRefusal(slot: number): void;

  /** Buckets that there are. */
  readonly size: number;
  /** Fills all buckets of the key, in every limit; how many there were. */
  fill(key: string, nowMs: number): number;
  /** Some buckets from a place on, and the place to go on at or null. Looks at no more than `slots` places. */
  list(from: number, slots: number, nowMs: number): { readonly buckets: BucketView[]; readonly next: number | null };
}

/** A bucket as people look at it. */
export interface BucketView {
  /** `id=sensor-1`, `user=ann`, `ip=203.0.113.5`; `*` for the one bucket of all. */
  readonly key: string;
  readonly limit: Limit;
  readonly meters: readonly {
    readonly name: string;
    readonly measure: "messages" | "bytes";
    /** Messages or bytes that are there; below 0 for a debt. */
    readonly level: number;
    readonly capacity: number;
    readonly perSecond: number;
  }[];
  readonly refused: number;
}
