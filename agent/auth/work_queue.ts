export interface WorkQueueOptions {
  /** Tasks that run at the same time. */
  readonly concurrency: number;
  /** Tasks that wait beside them; more are not taken. */
  readonly maxWaiting: number;
  /** What a task is expected to take before the first one has ended. */
  readonly firstGuessMs: number;
  readonly monotonicMs: () => number;
}

/** How much of the average each further task makes up. */
const WEIGHT = 0.2;

/** Runs tasks in the order in which they come, some at a time, and knows what the next one will take. */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  /** Bounded by `maxWaiting`; each leaves when a task before it has ended. */
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #averageMs: number;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#averageMs = options.firstGuessMs;
  }

  get full(): boolean {
    return this.#running >= this.#options.concurrency && this.#waiting.length >= this.#options.maxWaiting;
  }

  /** From now until a task that is given now has ended, in milliseconds, by what the last ones took. */
  get expectedMs(): number {
    const rounds = Math.floor((this.#waiting.length + this.#running) / this.#options.concurrency);
    return this.#averageMs * (rounds + 1);
  }

  /**
   * The task's result, or null where there was no room for it. Rejects as the task does. Where `measures` is false of a
   * result its time says nothing of the next one's.
   */
  async run<T>(task: () => Promise<T>, measures: (result: T) => boolean = () => true): Promise<T | null> {
    if (this.full) return null;
    if (this.#running >= this.#options.concurrency) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    const startedMs = this.#options.monotonicMs();
    try {
      const result = await task();
      if (measures(result)) this.#averageMs += WEIGHT * (this.#options.monotonicMs() - startedMs - this.#averageMs);
      return result;
    } finally {
      // The place goes to the next one; it is not free in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
