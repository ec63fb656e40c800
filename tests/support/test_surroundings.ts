import type { Surroundings } from "../../agent/auth/surroundings.ts";

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** What a provider was told to say. */
export interface Told {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Surroundings with a clock, timers and files that move when the test says so. */
export class TestSurroundings implements Surroundings {
  nowMs = 0;
  readonly told: Told[] = [];
  readonly watched: string[] = [];
  readonly #timers = new Set<Timer>();
  readonly #onChange = new Set<() => void>();

  readonly monotonicMs = (): number => this.nowMs;

  readonly setTimer = (callback: () => void, ms: number): () => void => {
    // "As soon as possible" is the event loop's affair and no clock's.
    if (ms === 0) {
      const id = setTimeout(callback, 0);
      return () => clearTimeout(id);
    }
    const timer = { atMs: this.nowMs + ms, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  readonly watch = (paths: readonly string[], onChange: () => void): { close(): void } => {
    this.watched.push(...paths);
    this.#onChange.add(onChange);
    return { close: () => this.#onChange.delete(onChange) };
  };

  readonly tell: Surroundings["tell"] = (level, message, fields = {}) => {
    this.told.push({ level, message, fields });
  };

  /** Milliseconds from now at which timers would fire, soonest first. */
  get timers(): number[] {
    return [...this.#timers].map(({ atMs }) => atMs - this.nowMs).sort((a, b) => a - b);
  }

  get watchers(): number {
    return this.#onChange.size;
  }

  /** Moves the clock and fires what is due. */
  advance(ms: number): void {
    this.nowMs += ms;
    for (const timer of [...this.#timers]) {
      if (timer.atMs > this.nowMs || !this.#timers.delete(timer)) continue;
      timer.callback();
    }
  }

  /** As if one of the watched files had changed. */
  changeFiles(): void {
    for (const onChange of this.#onChange) onChange();
  }
}
