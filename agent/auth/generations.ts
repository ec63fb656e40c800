/**
 * A bounded table that forgets the oldest by generations: when the younger half is full it becomes the older one, and what
 * was older is gone. Nothing is deleted one by one: in a full Map that is deleted from and added to all the time, each
 * look-up walks over what was deleted, and single ones take tens of milliseconds.
 */
export class Generations<T> {
  readonly #max: () => number;
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  /** `max`: entries at most, both generations together. */
  constructor(max: () => number) {
    this.#max = max;
  }

  /** Entries; one that was taken over from the older generation may count twice. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** O(1). */
  get(key: string): T | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  /** Puts an entry among the young ones; O(1). */
  set(key: string, value: T): void {
    if (!this.#young.has(key) && this.#young.size >= Math.max(1, this.#max() >> 1)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
