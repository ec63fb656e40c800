/** Numbers of one page, a power of two. An array that has less than 1024 holes in a row stays one for the engine. */
const PAGE_BITS = 8;
const PAGE_MASK = (1 << PAGE_BITS) - 1;

/**
 * What has been made of very many numbered things, when few of them are ever asked for. In pages, since an array with
 * one element at 90,000 becomes a hash table, in which finding it costs a tenth of a decision.
 */
export class MadeList<T> {
  readonly #pages: (T | undefined)[][] = [];

  /** What was kept under the number, undefined for nothing. */
  get(number: number): T | undefined {
    const page = number >> PAGE_BITS;
    return page < this.#pages.length ? this.#pages[page]![number & PAGE_MASK] : undefined;
  }

  /** Keeps it, and returns it. O(1), but for the pages before the first of a higher number. */
  keep(number: number, made: T): T {
    const page = number >> PAGE_BITS;
    while (this.#pages.length <= page) this.#pages.push([]);
    this.#pages[page]![number & PAGE_MASK] = made;
    return made;
  }
}
