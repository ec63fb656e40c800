import { BucketArray, itemUnits, LimitChange } from "./bucket_array.ts";
import { type BucketStore, type BucketView, NO_SLOT } from "./bucket_store.ts";
import { type BucketKey, keyHash } from "./client_key.ts";
import { type Limit, sameMeters } from "./limit.ts";
import type { RatePlan } from "./rate_plan.ts";
import { BucketQueue, RefillWheel } from "./refill_wheel.ts";

/** About this many keys of one map are copied when it grows, in some milliseconds. */
const KEYS_PER_SHARD = 16_384;

/** What {@link BucketTable} remembers of one limit, for as long as snapshots have it. */
class Series {
  edition!: Edition;
  size = 0;
  /** No snapshot has it any more; its buckets are taken away when their places are wanted. */
  gone = false;
  /**
   * Slots by key, in several maps by hash, each made with its first key: a map that grows copies itself, which with a
   * million keys would take longer than a verdict may. Bounded by `max-keys`; a full bucket leaves when its place is
   * wanted.
   */
  readonly shards: (Map<string, number> | undefined)[];

  constructor(maxKeys: number) {
    const count = 2 ** Math.ceil(Math.log2(Math.max(1, maxKeys / KEYS_PER_SHARD)));
    this.shards = new Array<undefined>(count).fill(undefined);
  }
}

/** One form of a limit. A reload makes another; each bucket is carried over when it is next looked at. */
interface Edition {
  readonly number: number;
  readonly series: Series;
  limit: Limit;
  /** Buckets that are counted by it. */
  size: number;
  /** What came after it and when; null while it is in force. */
  next: { readonly edition: Edition; readonly change: LimitChange; readonly atMs: number } | null;
}

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
  /** By slot: number of the edition, or `FREE`. */
  #editionOf = new Int32Array(0);
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
  /** Slots that have no bucket. */
  readonly #vacant = new BucketQueue();
  /** Buckets that were full when they were put there, or are new; after a reload all slots. */
  readonly #due = new BucketQueue();
  readonly #wheel = new RefillWheel();
  /** Those that buckets are counted by, or may be. */
  readonly #editions: (Edition | undefined)[] = [];
  /** By identity of the limit. */
  #series = new Map<string, Series>();
  /** By number of the limit in the plan; undefined for a shared one. */
  #seriesOfLimit: (Series | undefined)[] = [];

  get size(): number {
    return this.#size;
  }

  /**
   * O(limits); where one has changed or is gone, O(all buckets) of some nanoseconds each. More room copies them, some
   * milliseconds for 100,000.
   */
  configure(plan: RatePlan, nowMs: number): void {
    this.#makeRoom(plan.maxKeys, plan.mostMeters);
    const before = this.#series;
    this.#series = new Map();
    let changed = false;
    this.#seriesOfLimit = plan.limits.map((limit) => {
      if (limit.shared) return undefined;
      const series = before.get(limit.identity) ?? this.#newSeries(limit);
      before.delete(limit.identity);
      this.#series.set(limit.identity, series);
      const { edition } = series;
      if (sameMeters(edition.limit.meters, limit.meters)) {
        edition.limit = limit;
      } else {
        changed = true;
        series.edition = this.#newEdition(series, limit);
        edition.next = { edition: series.edition, change: new LimitChange(edition.limit, limit), atMs: nowMs };
        this.#dropUnused(edition);
      }
      return series;
    });
    for (const series of before.values()) {
      changed = true;
      series.gone = true;
      series.shards.length = 0;
      this.#size -= series.size;
      this.#dropUnused(series.edition);
    }
    if (changed) this.#queueAgain();
  }

  open(limit: Limit, key: BucketKey, nowMs: number): number {
    const series = this.#seriesOfLimit[limit.number]!;
    const shard = series.shards[key.hash & (series.shards.length - 1)] ??= new Map();
    const known = shard.get(key.text);
    if (known !== undefined) {
      this.#renew(known);
      return known;
    }
    const slot = this.#room(nowMs);
    if (slot === NO_SLOT) return NO_SLOT;
    shard.set(key.text, slot);
    this.#keys[slot] = key.text;
    this.#editionOf[slot] = series.edition.number;
    this.#used[slot] = 1;
    this.#buckets.begin(slot, limit, nowMs);
    this.#due.append(slot, slot, this.#next);
    series.edition.size++;
    series.size++;
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
    for (const { shards } of this.#series.values()) {
      const slot = shards[hash & (shards.length - 1)]?.get(key);
      if (slot === undefined) continue;
      this.#buckets.fill(slot, this.#renew(slot), nowMs);
      count++;
    }
    return count;
  }

  list(from: number, slots: number, nowMs: number): { buckets: BucketView[]; next: number | null } {
    const buckets: BucketView[] = [];
    const end = Math.min(from + slots, this.#begun);
    for (let slot = from; slot < end; slot++) {
      if (this.#seriesAt(slot)?.gone !== false) continue;
      buckets.push(viewBucket(this.#keys[slot]!, this.#buckets, slot, this.#renew(slot), nowMs));
    }
    return { buckets, next: end < this.#begun ? end : null };
  }

  /** A slot without bucket, in no list; `NO_SLOT` if all have buckets that are not full. */
  #room(nowMs: number): number {
    const next = this.#next;
    if (this.#size < this.#maxKeys) {
      const vacant = this.#vacant.shift(next);
      if (vacant !== NO_SLOT) return vacant;
      if (this.#begun < this.#buckets.capacity) return this.#begun++;
    }
    this.#wheel.advance(nowMs, this.#due, next);
    let chances = SECOND_CHANCES;
    for (let looks = 0; looks < LOOKS_PER_ROOM; looks++) {
      const slot = this.#due.shift(next);
      if (slot === NO_SLOT) return NO_SLOT;
      const series = this.#seriesAt(slot);
      if (series?.gone) {
        this.#vacate(slot);
      } else if (series !== undefined) {
        const fullAtMs = this.#buckets.fullAtMs(slot, this.#renew(slot));
        if (fullAtMs > nowMs) {
          this.#wheel.place(slot, fullAtMs, nowMs, next);
          continue;
        }
        if (this.#used[slot] === 1 && chances > 0) {
          chances--;
          this.#used[slot] = 0;
          this.#due.append(slot, slot, next);
          continue;
        }
        this.#forget(slot);
      }
      if (this.#size < this.#maxKeys) return slot;
      // A reload has lowered max-keys.
      this.#vacant.append(slot, slot, next);
    }
    return NO_SLOT;
  }

  /** Carries the bucket over to the limit in force, step by step through what was in force meanwhile. */
  #renew(slot: number): Limit {
    const old = this.#editions[this.#editionOf[slot]!]!;
    if (old.next === null) return old.limit;
    let edition = old;
    while (edition.next !== null) {
      const { change, atMs } = edition.next;
      this.#buckets.carryOver(slot, this.#buckets, slot, change, atMs);
      edition = edition.next.edition;
    }
    this.#editionOf[slot] = edition.number;
    edition.size++;
    old.size--;
    this.#dropUnused(old);
    return edition.limit;
  }

  #seriesAt(slot: number): Series | undefined {
    return this.#editions[this.#editionOf[slot]!]?.series;
  }

  #forget(slot: number): void {
    const key = this.#keys[slot]!;
    const series = this.#seriesAt(slot)!;
    series.shards[keyHash(key) & (series.shards.length - 1)]!.delete(key);
    series.size--;
    this.#size--;
    this.#vacate(slot);
  }

  /** The slot stays in the list that it is in. */
  #vacate(slot: number): void {
    const edition = this.#editions[this.#editionOf[slot]!]!;
    this.#keys[slot] = "";
    this.#editionOf[slot] = FREE;
    this.#generations[slot]!++;
    edition.size--;
    this.#dropUnused(edition);
  }

  #newSeries(limit: Limit): Series {
    const series = new Series(this.#maxKeys);
    series.edition = this.#newEdition(series, limit);
    return series;
  }

  #newEdition(series: Series, limit: Limit): Edition {
    const vacant = this.#editions.indexOf(undefined);
    const number = vacant === -1 ? this.#editions.length : vacant;
    return this.#editions[number] = { number, series, limit, size: 0, next: null };
  }

  /** Gives the number of an edition back that no bucket is counted by, nor will be. */
  #dropUnused(edition: Edition): void {
    if (edition.size === 0 && (edition.next !== null || edition.series.gone)) {
      this.#editions[edition.number] = undefined;
    }
  }

  /** Times of buckets have changed, perhaps to earlier, or buckets are gone: all are looked at anew. */
  #queueAgain(): void {
    this.#wheel.clear();
    this.#due.clear();
    this.#vacant.clear();
    const next = this.#next;
    const last = this.#begun - 1;
    for (let slot = 0; slot < last; slot++) next[slot] = slot + 1;
    if (last >= 0) this.#due.append(0, last, next);
  }

  #makeRoom(maxKeys: number, mostMeters: number): void {
    this.#maxKeys = maxKeys;
    const capacity = Math.max(maxKeys, this.#buckets.capacity);
    const meters = Math.max(mostMeters, this.#buckets.meters);
    if (capacity === this.#buckets.capacity && meters === this.#buckets.meters) return;
    this.#buckets = this.#buckets.widened(capacity, meters, this.#begun);
    if (capacity === this.#editionOf.length) return;
    this.#editionOf = grown(this.#editionOf, new Int32Array(capacity));
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

function grown<A extends Int32Array | Uint32Array | Uint8Array>(old: A, wider: A): A {
  wider.set(old);
  return wider;
}
