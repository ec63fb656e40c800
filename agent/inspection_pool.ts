import type { Thread, Threads } from "./auth/threads.ts";
import type { InspectionConfig } from "./policy/inspect/config.ts";
import type { Inspected, Inspector } from "./policy/inspect/inspector.ts";

/** One payload that is to be inspected, whatever time it takes. */
export interface InspectionItem {
  /** Taken over: it is of no use to whoever gave it. */
  readonly payload: Uint8Array;
  /** Of its message, without prefixes that the broker takes off. */
  readonly topic: string;
}

/** From the pool to a worker. */
export type InspectionOrder =
  | { readonly kind: "use"; readonly inspector: number; readonly config: InspectionConfig }
  | { readonly kind: "inspect"; readonly inspector: number; readonly items: readonly InspectionItem[] };

/** From a worker to the pool; one for each order, in their order. */
export type InspectionReport =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly inspected: readonly (Inspected | null)[]; readonly tookMs: number }
  | { readonly kind: "failed"; readonly why: string };

export interface InspectionPoolOptions {
  /** 16 MiB. */
  readonly maxQueuedBytes?: number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  readonly setTimer?: (callback: () => void, ms: number) => () => void;
  /** The worker failed and is started again. */
  readonly onWorkerFailure?: (why: string) => void;
}

/** What a worker was told and has not answered. */
interface Order {
  readonly bytes: number;
  readonly resolve: (inspected: readonly (Inspected | null)[] | null) => void;
}

const MAX_QUEUED_BYTES = 16 << 20;
/** Until something was measured: what is hostile takes as long. */
const FIRST_MS_PER_BYTE = 1e-4;
/** The way to a worker and back. */
const WAY_MS = 1;
const WEIGHT = 0.2;
/** What exceeds the first guess halves in so long while nothing is measured. */
const HALF_LIFE_MS = 1000;
/** The first restart is at once; then so long, doubling. */
const RESTART_MS = 250;
const MAX_RESTART_MS = 30_000;

/**
 * Inspects large payloads in a thread of its own, so that nobody else's verdict waits for them. Its queue is bounded by
 * bytes; what finds no room is told so at once.
 *
 * The thread is started by `prepare`, which whoever puts an inspector in force calls first: it compiles the patterns there
 * too, so that no payload waits for that.
 */
export class InspectionPool {
  readonly #threads: Pick<Threads, "start">;
  readonly #maxQueuedBytes: number;
  readonly #now: () => number;
  readonly #setTimer: (callback: () => void, ms: number) => () => void;
  readonly #onWorkerFailure: (why: string) => void;
  #thread: Thread | null = null;
  /** Ids of the inspectors that the worker has made. */
  readonly #known = new Set<number>();
  /** In the order in which they will be answered; bounded by `#queuedBytes`, and inspectors come one by one. */
  #orders: Order[] = [];
  #queuedBytes = 0;
  /** When the worker began with the first of `#orders`. */
  #beganMs = 0;
  #msPerByte = FIRST_MS_PER_BYTE;
  /** When that was true. */
  #measuredMs = 0;
  /** Failures since the last thing that went well. */
  #failures = 0;
  #cancelRestart: (() => void) | null = null;
  #isClosed = false;

  constructor(threads: Pick<Threads, "start">, options: InspectionPoolOptions = {}) {
    this.#threads = threads;
    this.#maxQueuedBytes = options.maxQueuedBytes ?? MAX_QUEUED_BYTES;
    this.#now = options.now ?? (() => performance.now());
    this.#setTimer = options.setTimer ?? setIdleTimer;
    this.#onWorkerFailure = options.onWorkerFailure ?? (() => {});
  }

  /** Starts the thread and makes the inspector there. Resolves when it is ready, or when it failed. Never rejects. */
  async prepare(inspector: Inspector): Promise<void> {
    if (this.#isClosed || this.#known.has(inspector.id)) return;
    if (this.#thread === null && this.#cancelRestart === null) this.#start();
    await this.#teach(inspector);
  }

  /** What so many bytes more would take from now, in milliseconds; Infinity where there is no room for them. O(1). */
  expectedMs(bytes: number): number {
    if (this.#thread === null || this.#queuedBytes + bytes > this.#maxQueuedBytes) return Infinity;
    const msPerByte = this.#rate();
    const aheadMs = this.#queuedBytes * msPerByte;
    // The first of them may be nearly done.
    const doneMs = this.#orders.length === 0 ? 0 : Math.min(aheadMs, this.#now() - this.#beganMs);
    return WAY_MS + aheadMs - doneMs + bytes * msPerByte;
  }

  /**
   * Milliseconds a byte. What is refused because everything took long once is never measured: if the figure stayed, a stall
   * of the machine would keep large payloads out until somebody sends a smaller one.
   */
  #rate(): number {
    const excess = this.#msPerByte - FIRST_MS_PER_BYTE;
    if (excess <= 0 || this.#orders.length > 0) return this.#msPerByte;
    return FIRST_MS_PER_BYTE + excess * 2 ** ((this.#measuredMs - this.#now()) / HALF_LIFE_MS);
  }

  /**
   * What each item came to, or null if that cannot be told: there is no room, or the worker failed. Never rejects. The
   * bytes are handed over to the worker.
   */
  inspect(inspector: Inspector, items: readonly InspectionItem[]): Promise<readonly (Inspected | null)[] | null> {
    let bytes = 0;
    for (const { payload } of items) bytes += payload.length;
    if (this.expectedMs(bytes) === Infinity) return Promise.resolve(null);
    if (!this.#known.has(inspector.id)) void this.#teach(inspector);
    const order: InspectionOrder = { kind: "inspect", inspector: inspector.id, items };
    return this.#post(order, bytes, items.map(({ payload }) => payload.buffer));
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRestart?.();
    this.#cancelRestart = null;
    this.#thread?.stop();
    this.#thread = null;
    this.#failAll();
  }

  async #teach({ id, config }: Inspector): Promise<void> {
    if (this.#thread === null) return;
    this.#known.add(id);
    await this.#post({ kind: "use", inspector: id, config }, 0, []);
  }

  #post(
    order: InspectionOrder,
    bytes: number,
    transfer: ArrayBufferLike[],
  ): Promise<readonly (Inspected | null)[] | null> {
    const { promise, resolve } = Promise.withResolvers<readonly (Inspected | null)[] | null>();
    if (this.#orders.length === 0) {
      this.#msPerByte = this.#rate();
      this.#beganMs = this.#now();
    }
    this.#orders.push({ bytes, resolve });
    this.#queuedBytes += bytes;
    this.#thread?.post(order, transfer as ArrayBuffer[]);
    return promise;
  }

  #start(): void {
    this.#cancelRestart = null;
    this.#known.clear();
    this.#thread = this.#threads.start("inspect", {
      onMessage: (data) => this.#onReport(data as InspectionReport),
      onFailure: (why) => this.#onFailure(why),
    });
  }

  #onReport(report: InspectionReport): void {
    const order = this.#orders.shift();
    if (order === undefined) return;
    this.#queuedBytes -= order.bytes;
    this.#beganMs = this.#measuredMs = this.#now();
    switch (report.kind) {
      case "ready":
        this.#failures = 0;
        return order.resolve(null);
      case "done":
        if (order.bytes > 0) {
          this.#msPerByte += WEIGHT * (report.tookMs / order.bytes - this.#msPerByte);
        }
        return order.resolve(report.inspected);
      case "failed":
        this.#onWorkerFailure(report.why);
        return order.resolve(null);
      default:
        report satisfies never;
    }
  }

  #onFailure(why: string): void {
    this.#thread = null;
    this.#failAll();
    if (this.#isClosed) return;
    this.#failures++;
    const delayMs = this.#failures === 1 ? 0 : Math.min(MAX_RESTART_MS, RESTART_MS * 2 ** (this.#failures - 2));
    this.#cancelRestart = this.#setTimer(() => this.#start(), delayMs);
    this.#onWorkerFailure(why);
  }

  #failAll(): void {
    const orders = this.#orders;
    this.#orders = [];
    this.#queuedBytes = 0;
    this.#known.clear();
    for (const { resolve } of orders) resolve(null);
  }
}

function setIdleTimer(callback: () => void, ms: number): () => void {
  const id = setTimeout(callback, ms);
  Deno.unrefTimer(id);
  return () => clearTimeout(id);
}
