/** Slots of one level, and how much coarser the next level is. */
const SLOTS = 64;
const COARSER = 8;
const FINEST_MS = 16;
/** The coarsest spans 200 days; what is later comes at some time within those, and has to be put back. */
const LEVELS = 9;

const NONE = -1;

/**
 * Buckets by when they are full again, as a timing wheel without cascades: later times go to coarser slots, and a slot
 * that is due is handed over as a whole. A time is kept up to an eighth of its distance late, and never early if it is nearer than 200 days. All is O(1),
 * whatever the number of buckets (Varghese and Lauck, "Hashed and hierarchical timing wheels"; the form is that of
 * Linux 4.8).
 *
 * Buckets are linked through `next`, an array of the owner with a place for each bucket, in which each is in at most
 * one list.
 */
export class RefillWheel {
  readonly #heads = new Int32Array(LEVELS * SLOTS).fill(NONE);
  readonly #tails = new Int32Array(LEVELS * SLOTS).fill(NONE);
  /** The last tick of each level that was handed over. */
  readonly #ticks = new Float64Array(LEVELS);

  /** Puts a bucket in that is full at `fullAtMs`, which lies after the `nowMs` of the last {@link advance}. */
  place(bucket: number, fullAtMs: number, nowMs: number, next: Int32Array): void {
    let level = 0;
    let widthMs = FINEST_MS;
    while (fullAtMs - nowMs >= (SLOTS - 1) * widthMs && level < LEVELS - 1) {
      level++;
      widthMs *= COARSER;
    }
    const at = level * SLOTS + Math.ceil(fullAtMs / widthMs) % SLOTS;
    next[bucket] = this.#heads[at]!;
    if (this.#heads[at] === NONE) this.#tails[at] = bucket;
    this.#heads[at] = bucket;
  }

  /** Hands all lists over that are due by `nowMs`. */
  advance(nowMs: number, due: BucketQueue, next: Int32Array): void {
    let widthMs = FINEST_MS;
    for (let level = 0; level < LEVELS; level++, widthMs *= COARSER) {
      const now = Math.floor(nowMs / widthMs);
      for (let tick = Math.max(this.#ticks[level]! + 1, now - SLOTS + 1); tick <= now; tick++) {
        const at = level * SLOTS + tick % SLOTS;
        if (this.#heads[at] === NONE) continue;
        due.append(this.#heads[at]!, this.#tails[at]!, next);
        this.#heads[at] = NONE;
        this.#tails[at] = NONE;
      }
      this.#ticks[level] = now;
    }
  }

  clear(): void {
    this.#heads.fill(NONE);
    this.#tails.fill(NONE);
  }
}

/** A queue of buckets, linked through the owner's `next`. */
export class BucketQueue {
  #head = NONE;
  #tail = NONE;

  /** Adds a list. */
  append(head: number, tail: number, next: Int32Array): void {
    if (this.#tail === NONE) this.#head = head;
    else next[this.#tail] = head;
    this.#tail = tail;
    next[tail] = NONE;
  }

  /** The first bucket, taken out; -1 if there is none. */
  shift(next: Int32Array): number {
    const first = this.#head;
    if (first === NONE) return NONE;
    this.#head = next[first]!;
    if (this.#head === NONE) this.#tail = NONE;
    return first;
  }

  clear(): void {
    this.#head = NONE;
    this.#tail = NONE;
  }
}
