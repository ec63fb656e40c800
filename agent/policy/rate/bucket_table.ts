import { BucketArray, itemUnits } from "./bucket_array.ts";
import { type BucketStore, type BucketView, NO_SLOT } from "./bucket_store.ts";
import { type BucketKey, keyHash } from "./client_key.ts";
import { type Limit, sameMeters } from "./limit.ts";
import type { RatePlan } from "./rate_plan.ts";
import { BucketQueue, RefillWheel } from "./refill_wheel.ts";

/** What {@link BucketTable} remembers of one limit, for as long as snapshots have it. */
interface Series {
  readonly number: number;
  limit: Limit;
  /**
   * Slots by key, in several maps by hash, each made with its first key: a map that grows copies itself, which with a
   * million keys would take longer than a verdict may. Bounded by `max-keys`; a full bucket leaves when its place is
   * wanted.
   */
  readonly shards: (Map<string, number> | undefined)[];
}

/** About this many keys of one map are copied when it grows, in some milliseconds. */
const KEYS_PER_SHARD = 16_384;
/** Buckets that are looked at to make room for one; others wait for the next time. Some 30 µs. */
const LOOKS_PER_ROOM = 1024;
/** Recently used full buckets that are passed over meanwhile. */
const SECOND_CHANCES = 16;
const FREE = -1;

/**
 * Buckets of keys, at most `max-keys` of all limits together. Keys are chosen by clients, and a bucket that could be
 * pushed out would be a full one for whoever pushes.
 *
 * So only a full bucket is forgotten, which loses nothing: the next one of that key is full as well. Where there is
 * none, a new key gets no bucket of its own. Which are full is found without looking at all of them: a bucket that is
 * not is kept in a wheel by the time when it will be, those whose time has come are in a queue, and what has been used
 * since is sorted in again when its turn comes. Among full ones those that were not used lately go first, as near to
 * least recently used as a clock algorithm comes.
 *
 * O(1) amortised for all but {@link configure}, whatever the keys.
 */
export class BucketTable implements BucketStore {
  #buckets = new BucketArray(0, 0);
  /** By slot: number of the series, or `FREE`. */
  #seriesOf = new Int32Array(0);
  #generations = new Uint32Array(0);
  /** Links of the list that a slot is in: one of the queues, or one of the wheel's. */
  #next = new Int32Array(0);
  /** 1: used since it was last put into the queue. */
  #used = new Uint8Array(0);
  readonly #keys: string[] = [];

  /** Slots that were ever given out: 0 to `#begun`. */
  #begun = 0;
  #size = 0;
  #maxKeys = 0;
  /** Slots below `#begun` that have no bucket. */
  readonly #vacant = new BucketQueue();
  /** Buckets that were full when they were put there, or are new. */
  readonly #due = new BucketQueue();
  readonly #wheel = new RefillWheel();
  #series: (Series | undefined)[] = [];
  /** By number of the limit in the plan; undefined for a shared one. */
  #seriesOfLimit: (Series | undefined)[] = [];

  get size(): number {
    return this.#size;
  }

  /**
   * O(limits) where the limits stay as they are; a limit that changes or goes costs O(its buckets), more room O(all
   * buckets): some milliseconds for 100,000.
   */
  configure(plan: RatePlan, nowMs: number): void {
    this.#makeRoom(plan.maxKeys, plan.mostMeters);
    const before = new Map(
      this.#series.flatMap((series) => series === undefined ? [] : [[series.limit.identity, series]]),
    );
    let changed = false;
    this.#seriesOfLimit = plan.limits.map((limit) => {
      if (limit.shared) return undefined;
      const known = before.get(limit.identity);
      if (known === undefined) return this.#newSeries(limit);
      before.delete(limit.identity);
      if (!sameMeters(known.limit.meters, limit.meters)) {
        changed = true;
        for (const slot of slotsOf(known)) {
          this.#buckets.carryOver(slot, limit, this.#buckets, slot, known.limit, nowMs);
        }
      }
      known.limit = limit;
      return known;
    });
    for (const gone of before.values()) {
      for (const slot of slotsOf(gone)) this.#forget(slot);
      this.#series[gone.number] = undefined;
      changed = true;
    }
    if (changed) this.#queueAgain();
  }

  open(limit: Limit, key: BucketKey, nowMs: number): number {
    const series = this.#seriesOfLimit[limit.number]!;
    const shard = series.shards[key.hash & (series.shards.length - 1)] ??= new Map();
    const known = shard.get(key.text);
    if (known !== undefined) return known;
    const slot = this.#room(nowMs);
    if (slot === NO_SLOT) return NO_SLOT;
    shard.set(key.text, slot);
    this.#keys[slot] = key.text;
    this.#seriesOf[slot] = series.number;
    this.#used[slot] = 1;
    this.#buckets.begin(slot, limit, nowMs);
    this.#due.append(slot, slot, this.#next);
    this.#size++;
    return slot;
  }

  generation(slot: number): number {
    return this.#generations[slot]!;
  }

  take(slot: number, limit: Limit, bytes: number, nowMs: number): number {
    this.#used[slot] = 1;
    return this.#buckets.take(slot, limit, bytes, nowMs);
  }

  refusing(slot: number, limit: Limit, bytes: number, nowMs: number): number {
    return this.#buckets.refusing(slot, limit, bytes, nowMs);
  }

  takeAnyway(slot: number, limit: Limit, nowMs: number): void {
    this.#used[slot] = 1;
    this.#buckets.takeAnyway(slot, limit, nowMs);
  }

  countRefusal(slot: number): void {
    this.#buckets.countRefusal(slot);
  }

  fill(key: string, nowMs: number): number {
    const hash = keyHash(key);
    let count = 0;
    for (const series of this.#series) {
      const slot = series?.shards[hash & (series.shards.length - 1)]?.get(key);
      if (series === undefined || slot === undefined) continue;
      this.#buckets.fill(slot, series.limit, nowMs);
      count++;
    }
    return count;
  }

  list(from: number, slots: number, nowMs: number): { buckets: BucketView[]; next: number | null } {
    const buckets: BucketView[] = [];
    const end = Math.min(from + slots, this.#begun);
    for (let slot = from; slot < end; slot++) {
      const series = this.#seriesOf[slot]!;
      if (series === FREE) continue;
      buckets.push(viewBucket(this.#keys[slot]!, this.#buckets, slot, this.#series[series]!.limit, nowMs));
    }
    return { buckets, next: end < this.#begun ? end : null };
  }

  /** A slot without bucket, in no list; `NO_SLOT` if all have buckets that are not full. */
  #room(nowMs: number): number {
    const next = this.#next;
    if (this.#size < this.#maxKeys) {
      const vacant = this.#vacant.shift(next);
      return vacant === NO_SLOT ? this.#begun++ : vacant;
    }
    this.#wheel.advance(nowMs, this.#due, next);
    let chances = SECOND_CHANCES;
    for (let looks = 0; looks < LOOKS_PER_ROOM; looks++) {
      const slot = this.#due.shift(next);
      if (slot === NO_SLOT) return NO_SLOT;
      const fullAtMs = this.#buckets.fullAtMs(slot, this.#series[this.#seriesOf[slot]!]!.limit);
      if (fullAtMs > nowMs) {
        this.#wheel.place(slot, fullAtMs, nowMs, next);
      } else if (this.#used[slot] === 1 && chances > 0) {
        chances--;
        this.#used[slot] = 0;
        this.#due.append(slot, slot, next);
      } else {
        this.#forget(slot);
        if (this.#size < this.#maxKeys) return slot;
        // A reload has lowered max-keys.
        this.#vacant.append(slot, slot, next);
      }
    }
    return NO_SLOT;
  }

  /** The slot stays in the list that it is in. */
  #forget(slot: number): void {
    const key = this.#keys[slot]!;
    const { shards } = this.#series[this.#seriesOf[slot]!]!;
    shards[keyHash(key) & (shards.length - 1)]!.delete(key);
    this.#keys[slot] = "";
    this.#seriesOf[slot] = FREE;
    this.#generations[slot]!++;
    this.#size--;
  }

  #newSeries(limit: Limit): Series {
    const vacant = this.#series.indexOf(undefined);
    const number = vacant === -1 ? this.#series.length : vacant;
    const shards = 2 ** Math.ceil(Math.log2(Math.max(1, this.#maxKeys / KEYS_PER_SHARD)));
    const made: Series = { number, limit, shards: new Array<Map<string, number> | undefined>(shards).fill(undefined) };
    this.#series[number] = made;
    return made;
  }

  /** Times of buckets have changed, perhaps to earlier, or buckets are gone: all are looked at anew. */
  #queueAgain(): void {
    this.#wheel.clear();
    this.#due.clear();
    this.#vacant.clear();
    for (let slot = 0; slot < this.#begun; slot++) {
      const queue = this.#seriesOf[slot] === FREE ? this.#vacant : this.#due;
      queue.append(slot, slot, this.#next);
    }
  }

  #makeRoom(maxKeys: number, mostMeters: number): void {
    this.#maxKeys = maxKeys;
    const capacity = Math.max(maxKeys, this.#buckets.capacity);
    const meters = Math.max(mostMeters, this.#buckets.meters);
    if (capacity === this.#buckets.capacity && meters === this.#buckets.meters) return;
    this.#buckets = this.#buckets.widened(capacity, meters, this.#begun);
    if (capacity === this.#seriesOf.length) return;
    this.#seriesOf = grown(this.#seriesOf, new Int32Array(capacity));
    this.#generations = grown(this.#generations, new Uint32Array(capacity));
    this.#next = grown(this.#next, new Int32Array(capacity));
    this.#used = grown(this.#used, new Uint8Array(capacity));
  }
}

/** A bucket of an array, for people. */
export function viewBucket(key: string, buckets: BucketArray, slot: number, limit: Limit, nowMs: number): BucketView {
  return {
    key,
    limit,
    meters: limit.meters.map((meter, i) => ({
      name: meter.name,
      measure: meter.measure,
      level: buckets.level(slot, limit, i, nowMs),
      capacity: meter.capacity / itemUnits(meter),
      perSecond: meter.unitsPerMs * 1000 / itemUnits(meter),
    })),
    refused: buckets.refusedCount(slot),
  };
}

function* slotsOf(series: Series): Generator<number> {
  for (const shard of series.shards) if (shard !== undefined) yield* shard.values();
}

function grown<A extends Int32Array | Uint32Array | Uint8Array>(old: A, wider: A): A {
  wider.set(old);
  return wider;
}
