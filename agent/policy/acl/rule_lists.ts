import { IntVector } from "./int_vector.ts";

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
  /** Of each longer list: where its orders begin, how many they are, and how many there is room for. */
  #long = new IntVector(8);
  #orders = new IntVector(8);

  constructor(expiresMs: Float64Array) {
    this.expiresMs = expiresMs;
  }

  /** The list with the rule added, which comes after all in it. The same list if the rule can never decide. */
  add(list: number, order: number): number {
    if (list === 0) return order + 1;
    if (this.isDominated(list, order)) return list;
    if (list < 0) {
      this.#append((-list - 1) * LIST_SIZE, order);
      return list;
    }
    const at = this.#long.extend(LIST_SIZE);
    this.#long.data[at] = this.#orders.extend(FIRST_ROOM);
    this.#long.data[at + ROOM] = FIRST_ROOM;
    this.#append(at, list - 1);
    this.#append(at, order);
    return -(at / LIST_SIZE) - 1;
  }

  /** True if {@link add} would change nothing. */
  isDominated(list: number, order: number): boolean {
    if (list === 0) return false;
    return this.expiresMs[list > 0 ? list - 1 : this.#last(list)]! >= this.expiresMs[order]!;
  }

  /** Order of the first rule that has not expired, or `NO_ORDER`. */
  first(list: number, nowMs: number): number {
    if (list === 0) return NO_ORDER;
    if (list > 0) return this.expiresMs[list - 1]! > nowMs ? list - 1 : NO_ORDER;
    const at = (-list - 1) * LIST_SIZE;
    const from = this.#long.data[at]!;
    const end = from + this.#long.data[at + COUNT]!;
    const orders = this.#orders.data;
    let low = from;
    let high = end;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.expiresMs[orders[middle]!]! > nowMs) high = middle;
      else low = middle + 1;
    }
    return low < end ? orders[low]! : NO_ORDER;
  }

  pack(): PackedLists {
    return { expiresMs: this.expiresMs.slice(), long: this.#long.packed(), orders: this.#orders.packed() };
  }

  /** What was packed, taken over: nothing can be added any more. */
  static unpack({ expiresMs, long, orders }: PackedLists): RuleLists {
    const lists = new RuleLists(expiresMs);
    lists.#long = IntVector.of(long);
    lists.#orders = IntVector.of(orders);
    return lists;
  }

  #last(list: number): number {
    const at = (-list - 1) * LIST_SIZE;
    return this.#orders.data[this.#long.data[at]! + this.#long.data[at + COUNT]! - 1]!;
  }

  /** Adds to a longer list; one without room moves to where there is twice as much. */
  #append(at: number, order: number): void {
    const long = this.#long.data;
    const count = long[at + COUNT]!;
    if (count === long[at + ROOM]!) {
      const from = long[at]!;
      const to = this.#orders.extend(2 * count);
      this.#orders.data.copyWithin(to, from, from + count);
      long[at] = to;
      long[at + ROOM] = 2 * count;
    }
    this.#orders.data[long[at]! + count] = order;
    long[at + COUNT] = count + 1;
  }
}

/** What {@link RuleLists} hold, as another thread can be given it. */
export interface PackedLists {
  readonly expiresMs: Float64Array;
  readonly long: Int32Array;
  readonly orders: Int32Array;
}

const LIST_SIZE = 3;
const COUNT = 1;
const ROOM = 2;
const FIRST_ROOM = 2;
