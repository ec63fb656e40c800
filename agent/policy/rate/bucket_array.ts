import { type Limit, MAX_METERS, MAX_UNITS, type Meter, SURCHARGE_PARTS } from "./limit.ts";

/** What {@link BucketArray.take} returns when nothing refuses. */
export const TAKEN = -1;

/** Fields of a bucket, side by side: a charge reads one cache line. */
const UPDATED_AT_MS = 0;
/** Refused packets that the next one pays for, in eighths of its cost. */
const SURCHARGE = 1;
/** Level of the first measure; those of the others follow. */
const LEVELS = 2;

/**
 * Token buckets side by side in typed arrays; a bucket is known by its slot. Which limit a slot belongs to is the
 * caller's to know and must be the same with every call. 20 bytes a bucket and 8 more for each measure.
 *
 * Levels are whole numbers of units ({@link Meter}), times whole milliseconds that never run backwards. A bucket is
 * brought up to date when it is looked at, so time alone costs nothing.
 *
 * How far below zero a bucket goes: a packet passes when its whole cost is there, and then leaves the level at zero or
 * above, with two exceptions.
 * - A packet larger than the burst passes from a full bucket and leaves it in debt by what it is larger. Refused for ever
 *   it would be a client that can not work, for a burst that somebody set too low.
 * - A refused packet costs an eighth of a packet, which the next one that passes pays on top, at most as much again as
 *   its own cost. Taken at once it would starve a client that is a little too fast and does not know it: a tenth above the
 *   rate would pass nothing at all, for as long as it sends, and so would everybody who shares its address. This way
 *   whoever never stops still gets at least half of its rate, and nobody gains by trying. A full bucket forgets it, as
 *   full buckets are forgotten.
 */
export class BucketArray {
  readonly #size: number;
  readonly #fields: Float64Array;
  readonly #refused: Uint32Array;

  /** Room for `capacity` buckets with at most `meters` measures each. The system gives the memory when it is used. */
  constructor(readonly capacity: number, readonly meters: number) {
    this.#size = LEVELS + meters;
    this.#fields = new Float64Array(capacity * this.#size);
    this.#refused = new Uint32Array(capacity);
  }

  /** Makes it a full bucket that nobody was refused by. */
  begin(slot: number, limit: Limit, nowMs: number): void {
    this.fill(slot, limit, nowMs);
    this.#refused[slot] = 0;
  }

  /** Makes it full. */
  fill(slot: number, limit: Limit, nowMs: number): void {
    const at = slot * this.#size;
    for (let i = 0; i < limit.meters.length; i++) this.#fields[at + LEVELS + i] = limit.meters[i]!.capacity;
    this.#fields[at + UPDATED_AT_MS] = nowMs;
    this.#fields[at + SURCHARGE] = 0;
  }

  /**
   * Takes one message of `bytes` from all measures, or from none: the place of the first that refuses, or `TAKEN`.
   * O(measures), allocates nothing.
   */
  take(slot: number, limit: Limit, bytes: number, nowMs: number): number {
    const refusing = this.refusing(slot, limit, bytes, nowMs);
    if (refusing === TAKEN) {
      this.pay(slot, limit, bytes);
    } else {
      this.countRefusal(slot);
      const surcharge = slot * this.#size + SURCHARGE;
      if (this.#fields[surcharge]! < SURCHARGE_PARTS) this.#fields[surcharge]!++;
    }
    return refusing;
  }

  /** What {@link take} would return; brings the bucket up to date and takes nothing. */
  refusing(slot: number, limit: Limit, bytes: number, nowMs: number): number {
    const { meters } = limit;
    const fields = this.#fields;
    const at = slot * this.#size;
    const elapsedMs = nowMs - fields[at + UPDATED_AT_MS]!;
    let refusing = TAKEN;
    let full = true;
    for (let i = 0; i < meters.length; i++) {
      const meter = meters[i]!;
      const { capacity } = meter;
      // A product above 2^53 is rounded, but is more than any bucket lacks all the same.
      let level = fields[at + LEVELS + i]! + elapsedMs * meter.unitsPerMs;
      if (level >= capacity) {
        level = capacity;
      } else {
        full = false;
        if (level < meter.unitsPerMessage + meter.unitsPerByte * bytes && refusing === TAKEN) refusing = i;
      }
      fields[at + LEVELS + i] = level;
    }
    fields[at + UPDATED_AT_MS] = nowMs;
    if (full) fields[at + SURCHARGE] = 0;
    return refusing;
  }

  /** Takes a message that {@link refusing} did not refuse just now. */
  pay(slot: number, limit: Limit, bytes: number): void {
    const { meters } = limit;
    const fields = this.#fields;
    const at = slot * this.#size;
    const surcharge = fields[at + SURCHARGE]!;
    for (let i = 0; i < meters.length; i++) {
      const meter = meters[i]!;
      let cost = meter.unitsPerMessage + meter.unitsPerByte * bytes;
      if (meter.surcharged) cost += cost / SURCHARGE_PARTS * surcharge;
      // Below this a level would not be a whole number any more, and could stand still for ever.
      fields[at + LEVELS + i] = Math.max(fields[at + LEVELS + i]! - cost, -MAX_UNITS);
    }
    fields[at + SURCHARGE] = 0;
  }

  /**
   * Takes one message whether it is there or not, down to one burst below zero: for what is counted when it has
   * happened already, several times at once perhaps.
   */
  takeAnyway(slot: number, limit: Limit, nowMs: number): void {
    this.refusing(slot, limit, 0, nowMs);
    const first = slot * this.#size + LEVELS;
    for (let i = 0; i < limit.meters.length; i++) {
      const { unitsPerMessage, capacity } = limit.meters[i]!;
      const level = this.#fields[first + i]!;
      this.#fields[first + i] = Math.max(level - unitsPerMessage, Math.min(level, -capacity));
    }
  }

  countRefusal(slot: number): void {
    this.#refused[slot]!++;
  }

  /** Packets that this bucket refused; starts again at 0 after 2^32. */
  refusedCount(slot: number): number {
    return this.#refused[slot]!;
  }

  /** When it is full if nothing takes from it. */
  fullAtMs(slot: number, limit: Limit): number {
    const at = slot * this.#size;
    let longestMs = 0;
    for (let i = 0; i < limit.meters.length; i++) {
      const { capacity, unitsPerMs } = limit.meters[i]!;
      longestMs = Math.max(longestMs, Math.ceil((capacity - this.#fields[at + LEVELS + i]!) / unitsPerMs));
    }
    return this.#fields[at + UPDATED_AT_MS]! + longestMs;
  }

  /** Messages or bytes that measure `i` holds now, below 0 for a debt. Changes nothing. */
  level(slot: number, limit: Limit, i: number, nowMs: number): number {
    const meter = limit.meters[i]!;
    const at = slot * this.#size;
    const elapsedMs = nowMs - this.#fields[at + UPDATED_AT_MS]!;
    const units = this.#fields[at + LEVELS + i]! + elapsedMs * meter.unitsPerMs;
    return Math.min(units, meter.capacity) / itemUnits(meter);
  }

  /**
   * Takes over a bucket of `source`, whose limit changes. O(measures), allocates nothing.
   *
   * What is there stays the same share of the burst: full stays full, as those are that were forgotten, and what is not
   * full does not become so. A debt stays the same number of messages or bytes, or the same share of the burst if that
   * is less. A measure that is new starts full.
   */
  carryOver(slot: number, source: BucketArray, sourceSlot: number, change: LimitChange, nowMs: number): void {
    const { from, to, places } = change;
    source.refusing(sourceSlot, from, 0, nowMs);
    const sourceAt = sourceSlot * source.#size;
    const at = slot * this.#size;
    for (let i = 0; i < to.meters.length; i++) {
      const meter = to.meters[i]!;
      const place = places[i]!;
      // Put down in between, since source and target may be one bucket.
      carried[i] = place === -1
        ? meter.capacity
        : carriedLevel(source.#fields[sourceAt + LEVELS + place]!, from.meters[place]!, meter);
    }
    for (let i = 0; i < to.meters.length; i++) this.#fields[at + LEVELS + i] = carried[i]!;
    this.#fields[at + UPDATED_AT_MS] = nowMs;
    this.#fields[at + SURCHARGE] = source.#fields[sourceAt + SURCHARGE]!;
    this.#refused[slot] = source.#refused[sourceSlot]!;
  }

  /** A copy with room for as many buckets or more, and as many measures or more; the first `used` are kept. */
  widened(capacity: number, meters: number, used: number): BucketArray {
    const copy = new BucketArray(capacity, meters);
    copy.#refused.set(this.#refused.subarray(0, used));
    for (let slot = 0; slot < used; slot++) {
      const at = slot * this.#size;
      for (let i = 0; i < this.#size; i++) copy.#fields[slot * copy.#size + i] = this.#fields[at + i]!;
    }
    return copy;
  }
}

const carried = new Float64Array(MAX_METERS);

/** A limit of one snapshot and what it is in the next. */
export class LimitChange {
  /** For each measure of `to` the place that it had in `from`; -1 for a new one. */
  readonly places: readonly number[];

  constructor(readonly from: Limit, readonly to: Limit) {
    this.places = to.meters.map((meter) =>
      from.meters.findIndex(({ name, measure }) => name === meter.name && measure === meter.measure)
    );
  }
}

/** Units of one message or byte. */
export function itemUnits(meter: Meter): number {
  return meter.unitsPerMessage + meter.unitsPerByte;
}

function carriedLevel(level: number, from: Meter, to: Meter): number {
  if (level >= from.capacity) return to.capacity;
  if (itemUnits(from) === itemUnits(to) && from.capacity === to.capacity) return level;
  const scaled = level * (to.capacity / from.capacity);
  if (level >= 0) return Math.min(Math.floor(scaled), to.capacity - 1);
  return Math.max(Math.ceil(Math.max(scaled, level * (itemUnits(to) / itemUnits(from)))), -MAX_UNITS);
}
