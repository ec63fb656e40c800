/**
 * Threads beside the frame path, started without stopping it.
 *
 * Making a worker holds up the thread that makes it until the new one's engine stands: 17 to 130 ms were measured, longer
 * than a verdict may take. So this thread makes one worker, the starter, before anything is served; the starter makes all
 * others, and makes them anew when they fail. Each speaks to this thread through a channel of its own.
 */

export type ThreadKind = "bcrypt" | "users" | "inspect" | "config";

export interface Thread {
  /** What is posted before the thread runs is delivered when it does. */
  post(message: unknown, transfer?: Transferable[]): void;
  /** Ends the thread; nothing comes from it any more. */
  stop(): void;
}

export interface ThreadEvents {
  onMessage(data: unknown): void;
  /** The thread died by an error, and is gone. Comes once, and nothing after it. */
  onFailure(why: string): void;
}

/** From this thread to the starter. */
export type StarterOrder =
  | { readonly kind: "start"; readonly id: number; readonly url: string; readonly port: MessagePort }
  | { readonly kind: "stop"; readonly id: number }
  | { readonly kind: "close" };

/** From the starter to this thread. */
export type StarterReport =
  | { readonly kind: "failed"; readonly id: number; readonly why: string }
  | { readonly kind: "closed" };

/** How a worker made here or by the starter gets its channel: as its first message. */
export interface Hello {
  readonly port: MessagePort;
}

type WorkerName = ThreadKind | "starter";

/** Addresses of workers where they are not the files beside this one. A bundle puts the blob: addresses of its own here. */
export type WorkerUrls = Partial<Readonly<Record<WorkerName, string>>>;

declare global {
  var sentinelWorkerUrls: WorkerUrls | undefined;
}

/** The only place that knows where workers are. `import.meta` is empty in some bundles, so it is asked last. */
function workerUrl(name: WorkerName, given: WorkerUrls): string {
  const url = given[name] ?? globalThis.sentinelWorkerUrls?.[name];
  if (url !== undefined) return url;
  switch (name) {
    case "starter":
      return new URL("./starter_worker.ts", import.meta.url).href;
    case "bcrypt":
      return new URL("./bcrypt_worker.ts", import.meta.url).href;
    case "users":
      return new URL("./users_worker.ts", import.meta.url).href;
    case "inspect":
      return new URL("../inspection_worker.ts", import.meta.url).href;
    case "config":
      return new URL("../config_worker.ts", import.meta.url).href;
    default:
      return name satisfies never;
  }
}

interface Starter {
  readonly worker: Worker;
  readonly port: MessagePort;
  /** Resolves when all threads are gone, or the starter itself. */
  readonly closed: Promise<void>;
}

/** All threads of the process. The starter is made with the first one, or earlier by `warm`. */
export class Threads {
  readonly #urls: WorkerUrls;
  readonly #running = new Map<number, ThreadEvents & { readonly port: MessagePort }>();
  #starter: Starter | null = null;
  #ids = 0;
  #isClosed = false;

  constructor(urls: WorkerUrls = {}) {
    this.#urls = urls;
  }

  /** Makes the starter now: 20 ms of this thread and more, best spent before anything is served. */
  warm(): void {
    if (!this.#isClosed) this.#starter ??= this.#makeStarter();
  }

  /** Whether a thread can be started without holding up this one. */
  get isWarm(): boolean {
    return this.#starter !== null;
  }

  /** Starts a thread. Its failure, to start or later, is told by `onFailure`. */
  start(kind: ThreadKind, events: ThreadEvents): Thread {
    this.warm();
    const id = ++this.#ids;
    const { port1: port, port2: theirs } = new MessageChannel();
    port.onmessage = ({ data }) => events.onMessage(data);
    this.#running.set(id, { ...events, port });
    const order: StarterOrder = { kind: "start", id, url: workerUrl(kind, this.#urls), port: theirs };
    this.#starter?.port.postMessage(order, [theirs]);
    if (this.#starter === null) {
      // Nobody takes it over, so nobody else would close it.
      theirs.close();
      queueMicrotask(() => this.#fail(id, "the agent stops"));
    }
    return {
      post: (message, transfer = []) => port.postMessage(message, transfer),
      stop: () => {
        port.close();
        if (this.#running.delete(id)) this.#starter?.port.postMessage({ kind: "stop", id } satisfies StarterOrder);
      },
    };
  }

  /** Ends all threads; resolves when they are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const starter = this.#starter;
    if (starter === null) return;
    starter.port.postMessage({ kind: "close" } satisfies StarterOrder);
    await starter.closed;
    this.#dropStarter();
  }

  #makeStarter(): Starter {
    const worker = new Worker(workerUrl("starter", this.#urls), { type: "module", name: "starter" });
    const { port1: port, port2: theirs } = new MessageChannel();
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    port.onmessage = ({ data }: MessageEvent<StarterReport>) => {
      if (data.kind === "failed") this.#fail(data.id, data.why);
      else resolve();
    };
    worker.onerror = (event) => {
      // Without this an error of the starter would be an error of the agent, and end it.
      event.preventDefault();
      resolve();
      this.#dropStarter();
      for (const id of [...this.#running.keys()]) this.#fail(id, `the thread starter failed: ${event.message}`);
    };
    worker.postMessage({ port: theirs } satisfies Hello, [theirs]);
    return { worker, port, closed };
  }

  /** The next thread that is started makes a new one. */
  #dropStarter(): void {
    const starter = this.#starter;
    this.#starter = null;
    starter?.port.close();
    starter?.worker.terminate();
    if (!this.#isClosed) return;
    for (const id of [...this.#running.keys()]) this.#fail(id, "the agent stops");
  }

  #fail(id: number, why: string): void {
    const thread = this.#running.get(id);
    if (thread === undefined) return;
    this.#running.delete(id);
    thread.port.close();
    thread.onFailure(why);
  }
}

/** In a worker: calls back once with the channel to whoever started it. */
export function whenStarted(serve: (port: MessagePort) => void): void {
  globalThis.addEventListener("message", (event) => {
    if (event instanceof MessageEvent) serve((event.data as Hello).port);
  }, { once: true });
}
