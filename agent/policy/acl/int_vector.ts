/**
 * A growing array of 32-bit integers without a JavaScript value for each. Read through `data`, which is replaced when
 * it grows.
 */
export class IntVector {
  data: Int32Array;
  length = 0;

  constructor(capacity: number) {
    this.data = new Int32Array(Math.max(8, capacity));
  }

  /** A vector of its own with these integers. The array is taken over. */
  static of(data: Int32Array): IntVector {
    const vector = new IntVector(0);
    vector.data = data;
    vector.length = data.length;
    return vector;
  }

  /** The integers in an array of just their number. */
  packed(): Int32Array {
    return this.data.slice(0, this.length);
  }

  push(value: number): void {
    this.reserve(1);
    this.data[this.length++] = value;
  }

  /** Adds `count` zeros and returns the place of the first. */
  extend(count: number): number {
    this.reserve(count);
    const at = this.length;
    this.length += count;
    return at;
  }

  private reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.data.length) return;
    const grown = new Int32Array(Math.max(needed, this.data.length * 2));
    grown.set(this.data);
    this.data = grown;
  }
}

/**
 * Spreads the bits of two integers; the high bits are the good ones (Fibonacci hashing), so tables shift instead of
 * masking.
 */
export function mixHash(a: number, b: number): number {
  return Math.imul(Math.imul(a, 0x85ebca6b) ^ b ^ (a >>> 15), 0x9e3779b1);
}
