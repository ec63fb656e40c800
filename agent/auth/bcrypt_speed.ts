/** Weight of the newest measurement: a few runs tell a machine that became busy, one that was interrupted does not. */
const NEWEST = 0.2;
/** Until something was measured: what a slow core of 2020 takes for cost 10. */
const GUESS = { cost: 10, ms: 100 } as const;
const MAX_COST = 31;

/** What a bcrypt run takes on this machine by its cost, learned from real runs (exponential average). */
export class BcryptSpeed {
  /** By cost; 0 where nothing was measured. */
  readonly #averageMs = new Float64Array(MAX_COST + 1);
  /** By cost; reckoned from the nearest where nothing was measured. */
  readonly #runMs = Float64Array.from(this.#averageMs, (_, cost) => GUESS.ms * 2 ** (cost - GUESS.cost));

  measured(cost: number, tookMs: number): void {
    const before = this.#averageMs[cost] ?? 0;
    this.#averageMs[cost] = before === 0 ? tookMs : before + NEWEST * (tookMs - before);
    this.#reckon();
  }

  /** O(1): it is asked for everything that waits, whenever somebody comes. */
  runMs(cost: number): number {
    return this.#runMs[cost] ?? Infinity;
  }

  /** Each step of cost doubles the work. */
  #reckon(): void {
    for (let cost = 0; cost <= MAX_COST; cost++) {
      let nearest = -1;
      for (const [other, ms] of this.#averageMs.entries()) {
        if (ms > 0 && (nearest < 0 || Math.abs(other - cost) < Math.abs(nearest - cost))) nearest = other;
      }
      if (nearest >= 0) this.#runMs[cost] = (this.#averageMs[nearest] ?? 0) * 2 ** (cost - nearest);
    }
  }
}
