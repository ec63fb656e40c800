/** What waits in a queue, and on whose behalf. */
export interface Queued {
  /** Who shares one turn: an address. */
  readonly address: string;
  /** Waits behind all that is not low. */
  readonly low: boolean;
}

export interface FairQueueLimits {
  readonly maxQueued: number;
  /** Of one address, in both lanes together. */
  readonly maxPerAddress: number;
}

export type Refusal = "queue-full" | "address-full";

export type Added<T> = { readonly refused: Refusal } | { readonly evicted: T | null };

/** Every so many turns the low lane has one although others wait: waiting behind others must not be waiting for ever. */
const LOW_TURN = 8;

/**
 * A bounded queue in which addresses take turns, so that one that asks a thousand times waits for itself and not the
 * others for it. Full, it makes room for a newcomer at the expense of the address that has most in it (longest queue
 * drop: McKenney, "Stochastic Fairness Queueing", INFOCOM 1990). What is low is taken last and put out first.
 */
export class FairQueue<T extends Queued> {
  readonly #limits: FairQueueLimits;
  readonly #normal: Lane<T> = new Map();
  readonly #low: Lane<T> = new Map();
  #size = 0;
  #turns = 0;

  constructor(limits: FairQueueLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /** O(1), or O(addresses) when full. What is evicted was the newest of its address. */
  add(item: T): Added<T> {
    const refused = this.refusal(item);
    if (refused !== null) return { refused };
    const { address } = item;
    const evicted = this.#size < this.#limits.maxQueued ? null : this.#dropFrom(...this.#longestBehind(item));
    // Looked up again: making room may have emptied the list.
    const list = this.#lane(item).get(address);
    if (list === undefined) this.#lane(item).set(address, [item]);
    else list.push(item);
    this.#size++;
    return { evicted };
  }

  /** Why one more of this kind would not be taken now, or null. O(1), or O(addresses) when full. */
  refusal(item: Queued): Refusal | null {
    const { address } = item;
    const queued = (this.#normal.get(address)?.length ?? 0) + (this.#low.get(address)?.length ?? 0);
    if (queued >= this.#limits.maxPerAddress) return "address-full";
    if (this.#size < this.#limits.maxQueued) return null;
    const [lane, longest] = this.#longestBehind(item);
    if (lane !== this.#lane(item)) return null;
    // Nobody is put out for one who has as much: newcomers would otherwise put each other out in a circle.
    return (lane.get(longest)?.length ?? 0) < (lane.get(address)?.length ?? 0) + 2 ? "queue-full" : null;
  }

  /** The next one, or null: of the address whose turn it is, its oldest. */
  take(): T | null {
    if (this.#size === 0) return null;
    this.#turns++;
    const isLowTurn = this.#normal.size === 0 || (this.#low.size > 0 && this.#turns % LOW_TURN === 0);
    const lane = isLowTurn ? this.#low : this.#normal;
    for (const [address, list] of lane) {
      const item = list.shift();
      // A Map keeps the order of insertion: put in again, the address stands at the end.
      lane.delete(address);
      if (list.length > 0) lane.set(address, list);
      if (item === undefined) continue;
      this.#size--;
      return item;
    }
    return null;
  }

  /** The sum of what everything costs that would be taken before one more of this kind, at most. O(size). */
  costAhead({ address, low }: Queued, costOf: (item: T) => number): number {
    const own = (low ? this.#low : this.#normal).get(address)?.length ?? 0;
    let sum = 0;
    if (low) {
      for (const list of this.#normal.values()) for (const item of list) sum += costOf(item);
    }
    for (const list of (low ? this.#low : this.#normal).values()) {
      // Of every other address as many turns as of this one come before, and one more.
      const turns = Math.min(list.length, own + 1);
      for (let turn = 0; turn < turns; turn++) sum += costOf(list[turn] as T);
    }
    return sum;
  }

  /** Takes everything out. */
  drain(): T[] {
    const items = [...this.#normal.values(), ...this.#low.values()].flat();
    this.#normal.clear();
    this.#low.clear();
    this.#size = 0;
    return items;
  }

  #lane(item: Queued): Lane<T> {
    return item.low ? this.#low : this.#normal;
  }

  /** Whose newest would be put out for one more of this kind: of those that are low first. */
  #longestBehind(item: Queued): [lane: Lane<T>, address: string] {
    const lane = !item.low && this.#low.size > 0 ? this.#low : this.#lane(item);
    return [lane, longest(lane)];
  }

  #dropFrom(lane: Lane<T>, address: string): T | null {
    const list = lane.get(address);
    const item = list?.pop();
    if (list?.length === 0) lane.delete(address);
    if (item === undefined) return null;
    this.#size--;
    return item;
  }
}

/** In the order of turns. */
type Lane<T> = Map<string, T[]>;

function longest<T>(lane: Lane<T>): string {
  let found = "";
  let most = -1;
  for (const [address, { length }] of lane) {
    if (length <= most) continue;
    found = address;
    most = length;
  }
  return found;
}
