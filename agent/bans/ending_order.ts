import type { Ban, BanEntry } from "./ban.ts";

/**
 * Bans that end, in the order of their end. O(log n) to find a place, and 8 bytes moved for each later one: automatic bans
 * end in the order in which they are made, so that they come at the end and go from the front.
 */
export class EndingOrder {
  readonly #entries: BanEntry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** The one that ends first; of those that end together, the one that was set first. */
  get soonest(): BanEntry | undefined {
    return this.#entries[0];
  }

  add(entry: BanEntry): void {
    const place = this.#placeOf(entry);
    if (place === this.#entries.length) this.#entries.push(entry);
    else this.#entries.splice(place, 0, entry);
  }

  delete(entry: BanEntry): void {
    const place = this.#placeOf(entry);
    if (this.#entries[place] !== entry) return;
    if (place === 0) this.#entries.shift();
    else this.#entries.splice(place, 1);
  }

  /** Where the entry is, or belongs. */
  #placeOf({ ban }: BanEntry): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (endsBefore((this.#entries[middle] as BanEntry).ban, ban)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function endsBefore(a: Ban, b: Ban): boolean {
  if (a.untilMs !== b.untilMs) return a.untilMs < b.untilMs;
  if (a.setAtMs !== b.setAtMs) return (a.setAtMs ?? 0) < (b.setAtMs ?? 0);
  return a.id < b.id;
}
