/** Weight of the newest measurement: a few runs tell a machine that became busy, one that was interrupted does not. */
const NEWEST = 0.2;
/** Until something was measured: what a slow core of 2020 takes for cost 10. */
const GUESS = { cost: 10, ms: 100 } as const;

/** What a bcrypt run takes on this machine by its cost, learned from real runs (exponential average). */
export class BcryptSpeed {
  readonly #averageMs = new Map<number, number>();

  measured(cost: number, tookMs: number): void {
    const before = this.#averageMs.get(cost);
    this.#averageMs.set(cost, before === undefined ? tookMs : before + NEWEST * (tookMs - before));
  }

  /** Of a cost that was not measured: from the nearest that was, since each step doubles the work. */
  runMs(cost: number): number {
    const known = this.#averageMs.get(cost);
    if (known !== undefined) return known;
    let nearest: number = GUESS.cost;
    let ms: number = GUESS.ms;
    let distance = Infinity;
    for (const [other, otherMs] of this.#averageMs) {
      if (Math.abs(other - cost) >= distance) continue;
      distance = Math.abs(other - cost);
      nearest = other;
      ms = otherMs;
    }
    return ms * 2 ** (cost - nearest);
  }
}
