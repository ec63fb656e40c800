/** No rule: greater than the order of every rule. */
export const NO_ORDER = 0x7fffffff;

/**
 * Lists of rules that differ in nothing but when they expire, in the order of deciding. Since the first that has not
 * expired decides, a rule that expires no later than one before it never does and is not kept: expiry times rise, and
 * the first that holds is found by halving.
 *
 * A list is one integer, so that the tables can hold it: 0 is empty, `order + 1` a single rule, a negative one the
 * longer list of that number.
 */
export class RuleLists {
  /** Of every rule by order: milliseconds since 1970, infinity for never. */
  readonly expiresMs: Float64Array;
  readonly #long: number[][] = [];

  constructor(expiresMs: Float64Array) {
    this.expiresMs = expiresMs;
  }

  /** The list with the rule added, which comes after all in it. The same list if the rule can never decide. */
  add(list: number, order: number): number {
    if (list === 0) return order + 1;
    if (list > 0) {
      if (this.expiresMs[list - 1]! >= this.expiresMs[order]!) return list;
      this.#long.push([list - 1, order]);
      return -this.#long.length;
    }
    const orders = this.#long[-list - 1]!;
    if (this.expiresMs[orders.at(-1)!]! < this.expiresMs[order]!) orders.push(order);
    return list;
  }

  /** True if {@link add} would change nothing. */
  isDominated(list: number, order: number): boolean {
    if (list === 0) return false;
    const last = list > 0 ? list - 1 : this.#long[-list - 1]!.at(-1)!;
    return this.expiresMs[last]! >= this.expiresMs[order]!;
  }

  /** Order of the first rule that has not expired, or `NO_ORDER`. */
  first(list: number, nowMs: number): number {
    if (list === 0) return NO_ORDER;
    if (list > 0) return this.expiresMs[list - 1]! > nowMs ? list - 1 : NO_ORDER;
    const orders = this.#long[-list - 1]!;
    let low = 0;
    let high = orders.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.expiresMs[orders[middle]!]! > nowMs) high = middle;
      else low = middle + 1;
    }
    return low < orders.length ? orders[low]! : NO_ORDER;
  }
}
