import { BcryptSpeed } from "./bcrypt_speed.ts";
import { FairQueue, type Queued } from "./fair_queue.ts";
import { bcryptCost } from "./password_hash.ts";
import type { Thread, Threads } from "./threads.ts";

/** From the pool to a worker, which has one at a time. The password is the worker's, and wiped by it. */
export interface BcryptOrder {
  readonly password: Uint8Array<ArrayBuffer>;
  readonly hash: string;
}

/** From a worker to the pool. */
export type BcryptReport =
  | { readonly kind: "ready"; readonly cost: number; readonly tookMs: number }
  | { readonly kind: "done"; readonly matches: boolean; readonly tookMs: number }
  | { readonly kind: "failed"; readonly why: string };

/** On whose behalf a password is proved. */
export interface Bidder {
  /** Canonical; of an IPv6 client its /64. Who shares it shares a turn. */
  readonly address: string;
  /** Waits behind all that is not low: for a name under attack. */
  readonly low?: boolean;
}

export interface BcryptPoolOptions {
  /** One for each core but one, at least one, unless told. */
  readonly workers?: number;
  /** 1000. */
  readonly maxQueued?: number;
  /** 500: a plant behind one address may come back at once, and still leaves room for others. */
  readonly maxQueuedPerAddress?: number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  readonly setTimer?: (callback: () => void, ms: number) => () => void;
  /** A worker failed and is started again. */
  readonly onWorkerFailure?: (why: string) => void;
}

export type BcryptFailure = "queue-full" | "address-full" | "evicted" | "worker-failed" | "closed";

const FAILURES: Readonly<Record<BcryptFailure, string>> = {
  "queue-full": "as many passwords wait to be proved as may",
  "address-full": "as many passwords from this address wait to be proved as may",
  "evicted": "another address had fewer passwords waiting and took the place",
  "worker-failed": "the worker that proved the password failed",
  "closed": "the agent stops",
};

/** Why a password was neither proved nor refused. Each is made once: an attacker chooses how many there are. */
export class BcryptError extends Error {
  private constructor(readonly code: BcryptFailure) {
    super(FAILURES[code]);
    this.name = "BcryptError";
    // Of no use, and it would keep alive what was on the stack.
    this.stack = `BcryptError: ${FAILURES[code]}`;
  }

  static readonly #made = new Map<BcryptFailure, BcryptError>();

  static of(code: BcryptFailure): BcryptError {
    let error = BcryptError.#made.get(code);
    if (error === undefined) BcryptError.#made.set(code, error = new BcryptError(code));
    return error;
  }
}

interface Job extends Queued, BcryptOrder {
  readonly cost: number;
  readonly resolve: (matches: boolean) => void;
  readonly reject: (error: BcryptError) => void;
}

interface PoolWorker {
  thread: Thread | null;
  isReady: boolean;
  job: Job | null;
  jobStartedMs: number;
  /** Failures since the last thing that went well. */
  failures: number;
  cancelRestart: (() => void) | null;
}

/** What a worker that is not ready yet is reckoned to need until it is. */
const START_MS = 150;
/** The first restart is at once; then so long, doubling, so that what cannot run is not tried without end. */
const RESTART_MS = 250;
const MAX_RESTART_MS = 30_000;

/**
 * Proves bcrypt passwords in threads of its own, one at a time each. Its queue is bounded and fair by address
 * (`FairQueue`); what finds no room is refused at once.
 *
 * Workers are started by `warm`, which the users file's provider calls before anything is served if the file has bcrypt
 * users, else by the first password. They start beside this thread, which makes none of them itself (`Threads`).
 */
export class BcryptPool {
  readonly #threads: Pick<Threads, "start">;
  readonly #now: () => number;
  readonly #setTimer: (callback: () => void, ms: number) => () => void;
  readonly #onWorkerFailure: (why: string) => void;
  readonly #speed = new BcryptSpeed();
  readonly #queue: FairQueue<Job>;
  readonly #workers: readonly PoolWorker[];
  #onSettled: (() => void)[] = [];
  #isWarm = false;
  #isClosed = false;

  constructor(threads: Pick<Threads, "start">, options: BcryptPoolOptions = {}) {
    const { workers = Math.max(1, navigator.hardwareConcurrency - 1), maxQueued = 1000 } = options;
    this.#threads = threads;
    this.#now = options.now ?? (() => performance.now());
    this.#setTimer = options.setTimer ?? setIdleTimer;
    this.#onWorkerFailure = options.onWorkerFailure ?? (() => {});
    this.#queue = new FairQueue({ maxQueued, maxPerAddress: options.maxQueuedPerAddress ?? 500 });
    this.#workers = Array.from({ length: workers }, () => ({
      thread: null,
      isReady: false,
      job: null,
      jobStartedMs: 0,
      failures: 0,
      cancelRestart: null,
    }));
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** Passwords that a worker is at. */
  get running(): number {
    return this.#workers.filter(({ job }) => job !== null).length;
  }

  /** Starts the workers. */
  warm(): void {
    if (this.#isWarm || this.#isClosed) return;
    this.#isWarm = true;
    for (const worker of this.#workers) this.#start(worker);
  }

  /**
   * Resolves when no worker is on its way: each is ready, or failed, or was not asked for. While engines start they take
   * the cores, so nothing should be served before.
   */
  async settled(): Promise<void> {
    while (
      this.#isWarm && !this.#isClosed && this.#workers.some(({ isReady, failures }) => !isReady && failures === 0)
    ) {
      await new Promise<void>((resolve) => this.#onSettled.push(resolve));
    }
  }

  #tellSettled(): void {
    for (const resolve of this.#onSettled.splice(0)) resolve();
  }

  /** What one more password would take from now, in milliseconds: waiting and work. O(queued), at most some 10 µs. */
  expectedMs(cost: number, { address, low = false }: Bidder): number {
    const runMs = this.#speed.runMs(cost);
    let ahead = this.#queue.costAhead({ address, low }, (job) => this.#speed.runMs(job.cost));
    let soonest = Infinity;
    for (const worker of this.#workers) {
      const busyMs = this.#busyMs(worker);
      soonest = Math.min(soonest, busyMs);
      ahead += busyMs;
    }
    return Math.max(soonest, ahead / this.#workers.length) + runMs;
  }

  /** Why a password would find no room now, for people, or null. O(1), or O(addresses) when the queue is full. */
  refusal({ address, low = false }: Bidder): string | null {
    const refused = this.#isClosed ? "closed" : this.#isDown ? "worker-failed" : this.#queue.refusal({ address, low });
    return refused === null ? null : FAILURES[refused];
  }

  /**
   * Whether a password has that hash, which must be a valid bcrypt one. The password is copied. Rejects with a
   * `BcryptError`.
   */
  verify(password: Uint8Array, hash: string, { address, low = false }: Bidder): Promise<boolean> {
    if (this.#isClosed) return Promise.reject(BcryptError.of("closed"));
    this.warm();
    if (this.#isDown) return Promise.reject(BcryptError.of("worker-failed"));
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const copy = new Uint8Array(password);
    const job: Job = { address, low, hash, cost: bcryptCost(hash) ?? 0, password: copy, resolve, reject };
    const added = this.#queue.add(job);
    if ("refused" in added) fail(job, added.refused);
    else {
      if (added.evicted !== null) fail(added.evicted, "evicted");
      this.#dispatch();
    }
    return promise;
  }

  /** Ends the workers and fails what waits. The threads themselves are closed by whoever made them. */
  close(): void {
    this.#isClosed = true;
    this.#tellSettled();
    for (const job of this.#queue.drain()) fail(job, "closed");
    for (const worker of this.#workers) {
      worker.cancelRestart?.();
      worker.thread?.stop();
      worker.thread = null;
      worker.isReady = false;
      if (worker.job !== null) fail(worker.job, "closed");
      worker.job = null;
    }
  }

  /** No worker can be started. */
  get #isDown(): boolean {
    return this.#workers.every(({ failures }) => failures > 1);
  }

  #busyMs({ isReady, job, jobStartedMs }: PoolWorker): number {
    if (!isReady) return START_MS;
    return job === null ? 0 : Math.max(0, this.#speed.runMs(job.cost) - (this.#now() - jobStartedMs));
  }

  #dispatch(): void {
    for (const worker of this.#workers) {
      if (!worker.isReady || worker.job !== null || worker.thread === null) continue;
      const job = this.#queue.take();
      if (job === null) return;
      worker.job = job;
      worker.jobStartedMs = this.#now();
      const order: BcryptOrder = { password: job.password, hash: job.hash };
      // Transferred, so that no copy stays here.
      worker.thread.post(order, [job.password.buffer]);
    }
  }

  #start(worker: PoolWorker): void {
    worker.cancelRestart = null;
    worker.thread = this.#threads.start("bcrypt", {
      onMessage: (data) => this.#onReport(worker, data as BcryptReport),
      onFailure: (why) => this.#onFailure(worker, why),
    });
  }

  #onReport(worker: PoolWorker, report: BcryptReport): void {
    worker.failures = 0;
    const { job } = worker;
    switch (report.kind) {
      case "ready":
        worker.isReady = true;
        this.#speed.measured(report.cost, report.tookMs);
        this.#tellSettled();
        break;
      case "done":
        worker.job = null;
        if (job === null) break;
        this.#speed.measured(job.cost, report.tookMs);
        job.resolve(report.matches);
        break;
      case "failed":
        worker.job = null;
        this.#onWorkerFailure(report.why);
        job?.reject(BcryptError.of("worker-failed"));
        break;
      default:
        report satisfies never;
    }
    this.#dispatch();
  }

  #onFailure(worker: PoolWorker, why: string): void {
    const { job } = worker;
    worker.thread = null;
    worker.isReady = false;
    worker.job = null;
    worker.failures++;
    this.#tellSettled();
    if (this.#isClosed) return;
    if (job !== null) fail(job, "worker-failed");
    const delayMs = worker.failures === 1 ? 0 : Math.min(MAX_RESTART_MS, RESTART_MS * 2 ** (worker.failures - 2));
    worker.cancelRestart = this.#setTimer(() => this.#start(worker), delayMs);
    // Nobody is left to work: who waits is told so, rather than kept waiting for the next try.
    if (this.#isDown) {
      for (const waiting of this.#queue.drain()) fail(waiting, "worker-failed");
    }
    this.#onWorkerFailure(why);
  }
}

function fail(job: Job, code: BcryptFailure): void {
  // Empty if a worker has it, and then not to be written to.
  if (job.password.length > 0) job.password.fill(0);
  job.reject(BcryptError.of(code));
}

function setIdleTimer(callback: () => void, ms: number): () => void {
  const id = setTimeout(callback, ms);
  Deno.unrefTimer(id);
  return () => clearTimeout(id);
}
