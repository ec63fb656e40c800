import type { Address, Cidr } from "../policy/address.ts";

/** All ranges of one family and prefix length. */
interface Ranges<T> {
  readonly family: 4 | 6;
  readonly prefixBits: number;
  readonly values: Map<number | string, T>;
}

/**
 * One value per address range. An address is looked up once for each prefix length in use, of which there are at most 33
 * and 129: O(lengths in use), however many ranges there are.
 */
export class RangeTable<T> {
  /** The longest prefixes first. */
  readonly #ranges: Ranges<T>[] = [];

  set({ network, prefixBits }: Cidr, value: T): void {
    let ranges = this.#of(network.family, prefixBits);
    if (ranges === undefined) {
      ranges = { family: network.family, prefixBits, values: new Map() };
      this.#ranges.push(ranges);
      this.#ranges.sort((a, b) => b.prefixBits - a.prefixBits);
    }
    ranges.values.set(keyOf(network, prefixBits), value);
  }

  delete({ network, prefixBits }: Cidr): void {
    const ranges = this.#of(network.family, prefixBits);
    if (ranges === undefined || !ranges.values.delete(keyOf(network, prefixBits))) return;
    if (ranges.values.size === 0) this.#ranges.splice(this.#ranges.indexOf(ranges), 1);
  }

  /** The value of the narrowest range that holds the address and has a value that is accepted; null for none. */
  find(address: Address, accepts: (value: T) => boolean): T | null {
    for (const { family, prefixBits, values } of this.#ranges) {
      if (family !== address.family) continue;
      const value = values.get(keyOf(address, prefixBits));
      if (value !== undefined && accepts(value)) return value;
    }
    return null;
  }

  /** In no order. */
  *values(): Generator<T> {
    for (const { values } of this.#ranges) yield* values.values();
  }

  #of(family: 4 | 6, prefixBits: number): Ranges<T> | undefined {
    return this.#ranges.find((ranges) => ranges.family === family && ranges.prefixBits === prefixBits);
  }
}

/** The first bits of an address. */
function keyOf({ family, word0, word1, word2, word3 }: Address, prefixBits: number): number | string {
  if (family === 4) return masked(word0, prefixBits);
  const low = `${masked(word2, prefixBits - 64)},${masked(word3, prefixBits - 96)}`;
  return `${masked(word0, prefixBits)},${masked(word1, prefixBits - 32)},${low}`;
}

function masked(word: number, bits: number): number {
  return bits <= 0 ? 0 : bits >= 32 ? word : word & (-1 << (32 - bits));
}
