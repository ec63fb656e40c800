/** How often the process says that it is listening. */
const BEAT_MS = 5;
/** A beat this late tells of a stall: what was sent during it may be read only after the next beats. */
const STALL_MS = 3 * BEAT_MS;

/**
 * Knows since when the process has certainly been listening.
 *
 * The proxy's clock starts when it sends, and what it sent while this process was busy looks new when it is read. So
 * the age of an event counts from `listeningMs`: every byte that was sent before has been read by now. That is the beat
 * before the last one, because the loop looks at its sockets between two beats; behind a stall it is an older one until
 * a beat came in time.
 */
export class Heartbeat {
  /** Monotonic milliseconds. */
  listeningMs: number;
  /** Counts up. */
  beats = 0;
  #lastMs: number;
  readonly #now: () => number;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(now: () => number) {
    this.#now = now;
    this.listeningMs = this.#lastMs = now();
  }

  start(): void {
    this.#timer ??= setInterval(() => this.beat(), BEAT_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** One beat; the timer calls it. */
  beat(): void {
    const now = this.#now();
    this.beats++;
    if (now - this.#lastMs <= STALL_MS) this.listeningMs = this.#lastMs;
    this.#lastMs = now;
  }
}
