export interface CircuitBreakerOptions {
  /** So many failures in a row open it. */
  readonly failures: number;
  /** So long nothing is tried; then one attempt is, alone. */
  readonly openMs: number;
  readonly monotonicMs: () => number;
}

/** One attempt that was let through; it is told once how it ended. */
export interface Attempt {
  succeeded(): void;
  failed(): void;
}

/**
 * Spares a server that is down, and those who would wait for it (Nygard, Release It!, chapter "Stability patterns").
 *
 * closed: everything is tried. open: nothing. After `openMs` half open: one attempt, whose end closes it or opens it again.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #failures = 0;
  #openedMs: number | null = null;
  #probing = false;
  /** Goes up with every change of state: an attempt of a time before has nothing to say any more. */
  #epoch = 0;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
  }

  get state(): "closed" | "open" | "half-open" {
    if (this.#openedMs === null) return "closed";
    const over = this.#options.monotonicMs() - this.#openedMs >= this.#options.openMs;
    return over && !this.#probing ? "half-open" : "open";
  }

  /** An attempt, or null where none may be made now. */
  enter(): Attempt | null {
    const state = this.state;
    if (state === "open") return null;
    const probe = state === "half-open";
    if (probe) {
      this.#probing = true;
      this.#epoch++;
    }
    const epoch = this.#epoch;
    return {
      succeeded: () => {
        if (epoch === this.#epoch) this.#close();
      },
      failed: () => {
        if (epoch !== this.#epoch) return;
        if (probe || ++this.#failures >= this.#options.failures) this.#open();
      },
    };
  }

  #close(): void {
    if (this.#openedMs !== null) this.#epoch++;
    this.#failures = 0;
    this.#openedMs = null;
    this.#probing = false;
  }

  #open(): void {
    this.#epoch++;
    this.#failures = 0;
    this.#openedMs = this.#options.monotonicMs();
    this.#probing = false;
  }
}
