/** Sub-buckets per power of two: values are kept to 0.8 %. */
const STEPS = 128;
const POWERS = 32;

/** Counts of durations in microseconds, from 0.1 µs up; fixed size, O(1) to add. */
export class LatencyHistogram {
  readonly #counts = new Float64Array(STEPS * POWERS);
  #total = 0;
  maxUs = 0;

  get total(): number {
    return this.#total;
  }

  /** `times` equal durations. */
  add(us: number, times: number): void {
    const tenths = us < 0.1 ? 1 : us * 10;
    const power = 31 - Math.clz32(tenths);
    const index = power * STEPS + Math.floor((tenths / (1 << power) - 1) * STEPS);
    this.#counts[index] = (this.#counts[index] ?? 0) + times;
    this.#total += times;
    if (us > this.maxUs) this.maxUs = us;
  }

  /** What another one counted. */
  addAll(other: LatencyHistogram): void {
    for (let i = 0; i < this.#counts.length; i++) this.#counts[i] = (this.#counts[i] ?? 0) + (other.#counts[i] ?? 0);
    this.#total += other.#total;
    this.maxUs = Math.max(this.maxUs, other.maxUs);
  }

  /** The duration that a share of all does not exceed, e.g. 0.99; 0 when empty. */
  quantileUs(share: number): number {
    let left = Math.ceil(this.#total * share);
    for (let i = 0; i < this.#counts.length; i++) {
      left -= this.#counts[i] ?? 0;
      if (left <= 0 && this.#total > 0) {
        const power = Math.floor(i / STEPS);
        return Math.min(this.maxUs, ((1 << power) * (1 + (i % STEPS + 0.5) / STEPS)) / 10);
      }
    }
    return this.maxUs;
  }
}
