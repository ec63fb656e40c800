/** Longest time in ms to wait for something that should happen at once; only a broken test or program reaches it. */
const GIVE_UP_MS = 15_000;

/** What should have happened at once has not. */
export class TimeLimitError extends Error {}

/** Remembers what happened, and lets a test wait for what has not happened yet. */
export class Watch<T> {
  readonly seen: T[] = [];
  readonly #waiting = new Set<(item: T) => void>();

  /** Adds an item and wakes those who wait for it. Bound, to be handed over as a callback. */
  readonly add = (item: T): void => {
    this.seen.push(item);
    for (const wake of [...this.#waiting]) wake(item);
  };

  /** The first item, of the past or to come, that fits. */
  until(fits: (item: T) => boolean, what: string): Promise<T> {
    const past = this.seen.find(fits);
    if (past !== undefined) return Promise.resolve(past);
    const { promise, resolve } = Promise.withResolvers<T>();
    const wake = (item: T) => {
      if (fits(item)) resolve(item);
    };
    this.#waiting.add(wake);
    return within(promise, `${what}; seen are ${this.seen.length} others`).finally(() => this.#waiting.delete(wake));
  }

  /** Resolves when `count` items are there. */
  async untilCount(count: number, what: string): Promise<void> {
    if (this.seen.length < count) await this.until(() => this.seen.length >= count, `${count} times ${what}`);
  }
}

/** `promise`, or a rejection that says what did not happen. */
export async function within<T>(promise: Promise<T>, what: string, limitMs: number = GIVE_UP_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeLimitError(`Cannot wait longer than ${limitMs} ms for ${what}`)), limitMs);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}
