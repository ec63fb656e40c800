/** A connection may be held so long at once, after it was not held for a while: what is behind it has as long again. */
export const MOST_MS = 30;
/** Held for a quarter of the time at most, in the long run. */
const SHARE = 0.25;

/**
 * How long payloads may hold a v1 connection while a thread inspects them. Whatever comes behind them waits as well, and
 * passes the proxy if that takes too long: so who sends one payload after the other that takes long must not have the
 * connection to himself.
 */
export class HoldCredit {
  #leftMs = MOST_MS;
  #atMs = -Infinity;

  /** Whether it may be held for so long, from `nowMs` on. O(1). */
  allows(ms: number, nowMs: number): boolean {
    this.#fill(nowMs);
    return ms <= this.#leftMs;
  }

  /** It was held for so long, until `nowMs`. O(1). */
  charge(ms: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#leftMs -= ms;
  }

  #fill(nowMs: number): void {
    const passedMs = Math.max(0, nowMs - this.#atMs);
    this.#leftMs = Math.min(MOST_MS, this.#leftMs + SHARE * Math.min(passedMs, MOST_MS / SHARE * 2));
    this.#atMs = nowMs;
  }
}
