import type { Thread, Threads } from "./auth/threads.ts";
import type { ConfigOrder, ConfigReport } from "./config_in_force.ts";

export interface ConfigThreadOptions {
  readonly setTimer?: (callback: () => void, ms: number) => () => void;
}

/** A thread that is not needed for so long ends: what it holds is given back. */
const IDLE_MS = 10_000;
/** A configuration of 100,000 rules takes 4 s on a busy machine. */
const STUCK_MS = 60_000;

/**
 * Reads and compiles configurations in a thread of its own, since what that leaves behind makes the collector stop
 * whoever did it: 5 to 15 ms for every few reloads of 10,000 rules. The thread is started when it is needed.
 */
export class ConfigThread {
  readonly #threads: Pick<Threads, "start" | "isWarm">;
  readonly #setTimer: (callback: () => void, ms: number) => () => void;
  #thread: Thread | null = null;
  #waiting: ((report: ConfigReport) => void) | null = null;
  #cancelTimer: () => void = () => {};
  #isClosed = false;

  constructor(threads: Pick<Threads, "start" | "isWarm">, { setTimer = setIdleTimer }: ConfigThreadOptions = {}) {
    this.#threads = threads;
    this.#setTimer = setTimer;
  }

  /** Whether it can be started without holding up this thread. */
  get isReady(): boolean {
    return !this.#isClosed && this.#threads.isWarm;
  }

  /** One order at a time. Never rejects. */
  compile(order: ConfigOrder): Promise<ConfigReport> {
    if (this.#isClosed) return Promise.resolve({ kind: "failed", why: "the agent stops" });
    if (this.#waiting !== null) return Promise.resolve({ kind: "failed", why: "it compiles another configuration" });
    this.#cancelTimer();
    this.#thread ??= this.#threads.start("config", {
      onMessage: (data) => this.#answer(data as ConfigReport),
      onFailure: (why) => {
        this.#thread = null;
        this.#answer({ kind: "failed", why });
      },
    });
    const { promise, resolve } = Promise.withResolvers<ConfigReport>();
    this.#waiting = resolve;
    this.#cancelTimer = this.#setTimer(() => this.#stop(`it took longer than ${STUCK_MS / 1000} s`), STUCK_MS);
    this.#thread.post(order);
    return promise;
  }

  close(): void {
    this.#isClosed = true;
    this.#stop("the agent stops");
  }

  #answer(report: ConfigReport): void {
    this.#cancelTimer();
    if (this.#thread !== null) this.#cancelTimer = this.#setTimer(() => this.#stop("it was not needed"), IDLE_MS);
    const resolve = this.#waiting;
    this.#waiting = null;
    resolve?.(report);
  }

  #stop(why: string): void {
    this.#cancelTimer();
    this.#thread?.stop();
    this.#thread = null;
    const resolve = this.#waiting;
    this.#waiting = null;
    resolve?.({ kind: "failed", why });
  }
}

/** Does not keep the process alive. */
function setIdleTimer(callback: () => void, ms: number): () => void {
  const timer = setTimeout(callback, ms);
  Deno.unrefTimer(timer);
  return () => clearTimeout(timer);
}
