import type { Thread, Threads } from "./auth/threads.ts";
import type { InspectionConfig } from "./policy/inspect/config.ts";
import type { Inspected, Inspector } from "./policy/inspect/inspector.ts";

/** One payload that is to be inspected, whatever time it takes. */
export interface InspectionItem {
  /** Taken over: it is of no use to whoever gave it. */
  readonly payload: Uint8Array;
  /** Of its message, without prefixes that the broker takes off. */
  readonly topic: string;
  /** Bytes of plain text that it is reckoned to take as long as; its size, where it was not looked into. */
  readonly weight: number;
}

/** From the pool to a worker. */
export type InspectionOrder =
  | { readonly kind: "use"; readonly inspector: number; readonly config: InspectionConfig }
  | {
    readonly kind: "inspect";
    readonly inspector: number;
    readonly items: readonly InspectionItem[];
    /** When nobody waits for it any more, in milliseconds since the epoch: then it is left, so that what is behind is not. */
    readonly untilMs: number;
  };

/** From a worker to the pool; one for each order, in their order. */
export type InspectionReport =
  | { readonly kind: "ready" }
  | {
    readonly kind: "done";
    /** Null where it was left, since nobody waited any more. */
    readonly inspected: readonly (Inspected | null)[] | null;
    readonly tookMs: number;
    /** As `Inspector.work`, of all items. */
    readonly work: number;
  }
  | { readonly kind: "failed"; readonly why: string };

export interface InspectionPoolOptions {
  /** 16 MiB. */
  readonly maxQueuedBytes?: number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  /** Milliseconds since the epoch. */
  readonly wallMs?: () => number;
  readonly setTimer?: (callback: () => void, ms: number) => () => void;
  /** The worker failed and is started again. */
  readonly onWorkerFailure?: (why: string) => void;
}

/** What a worker was told and has not answered. */
interface Order {
  readonly weight: number;
  readonly resolve: (inspected: readonly (Inspected | null)[] | null) => void;
}

/** Payloads that are being inspected when a configuration comes into force belong to the one before it; the oldest leave. */
export const MAX_INSPECTORS = 4;

const MAX_QUEUED_BYTES = 16 << 20;
/** What telemetry takes; nothing is reckoned to take longer while the worker has nothing to do, or it would never be tried. */
const FIRST_MS_PER_BYTE = 4e-5;
/** What is hostile takes as long. */
const MAX_MS_PER_BYTE = 1e-4;
/**
 * Units of work that a byte of plain text takes, with room to spare. What took more of them held more than it showed, as
 * compressed data does: it must not be taken for the speed of the machine, by which others are refused.
 */
const WORK_PER_BYTE = 4;
/** A worker that takes so long for one order hangs, and is ended. */
const STUCK_MS = 5_000;
/** The way to a worker and back. */
const WAY_MS = 1;
/** What the last one counts among those before. */
const NEWEST = 0.2;
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
  readonly #wallMs: () => number;
  readonly #setTimer: (callback: () => void, ms: number) => () => void;
  readonly #onWorkerFailure: (why: string) => void;
  #thread: Thread | null = null;
  /** Ids of the inspectors that the worker has made and still has. */
  readonly #known = new Set<number>();
  /** In the order in which they will be answered; bounded by `#queued`, and inspectors come one by one. */
  #orders: Order[] = [];
  /** Weights of all orders. */
  #queued = 0;
  /** When the worker began with the first of `#orders`. */
  #beganMs = 0;
  #msPerByte = FIRST_MS_PER_BYTE;
  /** Failures since the last thing that went well. */
  #failures = 0;
  #cancelRestart: (() => void) | null = null;
  #isClosed = false;

  constructor(threads: Pick<Threads, "start">, options: InspectionPoolOptions = {}) {
    this.#threads = threads;
    this.#maxQueuedBytes = options.maxQueuedBytes ?? MAX_QUEUED_BYTES;
    this.#now = options.now ?? (() => performance.now());
    this.#wallMs = options.wallMs ?? (() => Date.now());
    this.#setTimer = options.setTimer ?? setIdleTimer;
    this.#onWorkerFailure = options.onWorkerFailure ?? (() => {});
  }

  /** Starts the thread and makes the inspector there. Resolves when it is ready, or when it failed. Never rejects. */
  async prepare(inspector: Inspector): Promise<void> {
    if (this.#isClosed || this.#known.has(inspector.id)) return;
    if (this.#thread === null && this.#cancelRestart === null) this.#start();
    await this.#teach(inspector);
  }

  /** What items of that weight would take from now, in milliseconds; Infinity where there is no room for them. O(1). */
  expectedMs(weight: number): number {
    const isIdle = this.#orders.length === 0;
    const busyMs = isIdle ? 0 : this.#now() - this.#beganMs;
    if (busyMs > STUCK_MS) this.#giveUp();
    if (this.#thread === null || this.#queued + weight > this.#maxQueuedBytes) return Infinity;
    if (isIdle) return WAY_MS + weight * Math.min(FIRST_MS_PER_BYTE, this.#msPerByte);
    const aheadMs = this.#queued * this.#msPerByte;
    // The first of them may be nearly done.
    return WAY_MS + aheadMs - Math.min(aheadMs, busyMs) + weight * this.#msPerByte;
  }

  /**
   * What each item came to, or null if that cannot be told: there is no room, it was not done `withinMs`, or the worker
   * failed. Never rejects. The bytes are handed over to the worker.
   */
  inspect(
    inspector: Inspector,
    items: readonly InspectionItem[],
    withinMs: number,
  ): Promise<readonly (Inspected | null)[] | null> {
    let sum = 0;
    for (const { weight } of items) sum += weight;
    if (this.expectedMs(sum) === Infinity) return Promise.resolve(null);
    if (!this.#known.has(inspector.id)) void this.#teach(inspector);
    const untilMs = this.#wallMs() + withinMs;
    const order: InspectionOrder = { kind: "inspect", inspector: inspector.id, items, untilMs };
    return this.#post(order, sum, items.map(({ payload }) => payload.buffer));
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
    for (const old of this.#known) if (this.#known.size > MAX_INSPECTORS) this.#known.delete(old);
    await this.#post({ kind: "use", inspector: id, config }, 0, []);
  }

  #post(
    order: InspectionOrder,
    weight: number,
    transfer: ArrayBufferLike[],
  ): Promise<readonly (Inspected | null)[] | null> {
    const { promise, resolve } = Promise.withResolvers<readonly (Inspected | null)[] | null>();
    if (this.#orders.length === 0) this.#beganMs = this.#now();
    this.#orders.push({ weight, resolve });
    this.#queued += weight;
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
    this.#queued -= order.weight;
    this.#beganMs = this.#now();
    switch (report.kind) {
      case "ready":
        this.#failures = 0;
        return order.resolve(null);
      case "done":
        if (order.weight > 0 && report.inspected !== null) {
          const msPerByte = report.tookMs / Math.max(order.weight, report.work / WORK_PER_BYTE);
          this.#msPerByte += NEWEST * (Math.min(msPerByte, MAX_MS_PER_BYTE) - this.#msPerByte);
        }
        return order.resolve(report.inspected);
      case "failed":
        this.#onWorkerFailure(report.why);
        return order.resolve(null);
      default:
        report satisfies never;
    }
  }

  /** Ends a worker that hangs: nothing would be inspected any more. */
  #giveUp(): void {
    this.#thread?.stop();
    this.#onFailure(`it has not answered for ${STUCK_MS} ms`);
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
    this.#queued = 0;
    this.#known.clear();
    for (const { resolve } of orders) resolve(null);
  }
}

function setIdleTimer(callback: () => void, ms: number): () => void {
  const id = setTimeout(callback, ms);
  Deno.unrefTimer(id);
  return () => clearTimeout(id);
}
