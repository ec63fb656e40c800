import { readVerdict, type Verdict } from "./event_bytes.ts";
import { LatencyHistogram } from "./latency_histogram.ts";
import type { Latencies } from "./auth_job.ts";
import { close, connectUnix, Poll, receive, send } from "./libc_socket.ts";

const INPUT_BYTES = 64 * 1024;
/** Longest message that is asked here. */
const OUTPUT_BYTES = 16 * 1024;

/**
 * One event, and what to do with its verdict. `tookMs` counts from the question, the waiting for a free connection
 * included, `ownMs` is CPU time of the agent's main thread since it was sent.
 */
export interface Question {
  /** With its length. */
  readonly message: Uint8Array<ArrayBuffer>;
  readonly correlationId: string;
  /** `reason`: the codes of what was refused. */
  answered(verdict: Verdict, tookMs: number, ownMs: number, reason: string): void;
}

interface Asked extends Question {
  readonly sinceMs: number;
  /** Of the agent's main thread, when the event was sent. */
  cpuNs: number;
}

/**
 * A proxy's pool of v1 connections: one event at a time on each, and what finds all of them busy waits for the first that
 * is free, its clock running.
 */
export class EventPool {
  readonly #pid: number;
  readonly #connections: readonly PoolConnection[];
  readonly #poll: Poll;
  readonly #waiting: Asked[] = [];
  #underWay = 0;

  constructor(socket: string, pid: number, connections: number) {
    this.#pid = pid;
    this.#connections = Array.from({ length: connections }, () => new PoolConnection(connectUnix(socket)));
    this.#poll = new Poll(this.#connections.map(({ fd }) => fd));
  }

  /** Questions without an answer. */
  get open(): number {
    return this.#underWay + this.#waiting.length;
  }

  ask(question: Question): void {
    this.#waiting.push({ ...question, sinceMs: performance.now(), cpuNs: 0 });
    this.#dispatch();
  }

  /** Waits for answers, up to so long, and takes them. */
  turn(timeoutMs: number): void {
    this.#poll.wait(timeoutMs);
    for (const [i, connection] of this.#connections.entries()) {
      if (!this.#poll.isReady(i)) continue;
      const body = connection.receive();
      if (body === null) continue;
      const asked = connection.asked as Asked;
      connection.asked = null;
      this.#underWay--;
      const tookMs = performance.now() - asked.sinceMs;
      const ownMs = (mainThreadNs(this.#pid) - asked.cpuNs) / 1e6;
      asked.answered(readVerdict(1, asked.correlationId, body), tookMs, ownMs, reasonOf(body));
    }
    this.#dispatch();
  }

  close(): void {
    for (const { fd } of this.#connections) close(fd);
  }

  #dispatch(): void {
    for (const connection of this.#connections) {
      if (connection.asked !== null) continue;
      const asked = this.#waiting.shift();
      if (asked === undefined) return;
      asked.cpuNs = mainThreadNs(this.#pid);
      connection.ask(asked);
      this.#underWay++;
    }
  }
}

class PoolConnection {
  readonly fd: number;
  asked: Asked | null = null;
  readonly #input = new Uint8Array(INPUT_BYTES);
  #inputEnd = 0;

  constructor(fd: number) {
    this.fd = fd;
  }

  ask(asked: Asked): void {
    this.asked = asked;
    if (asked.message.length > OUTPUT_BYTES || send(this.fd, asked.message) !== asked.message.length) {
      throw new Error("Cannot ask: the socket does not take one whole message");
    }
  }

  /** The answer without its length, when it is complete. */
  receive(): Uint8Array | null {
    const read = receive(this.fd, this.#input.subarray(this.#inputEnd));
    if (read === 0) throw new Error("Cannot go on: the server closed a connection");
    if (read < 0) return null;
    this.#inputEnd += read;
    if (this.#inputEnd < 4) return null;
    const length = new DataView(this.#input.buffer).getUint32(0);
    if (this.#inputEnd < 4 + length) return null;
    this.#inputEnd = 0;
    return this.#input.subarray(4, 4 + length);
  }
}

function reasonOf(body: Uint8Array): string {
  const text = new TextDecoder().decode(body);
  return /"reason_codes":\[([^\]]*)\]/.exec(text)?.[1] ?? "";
}

/** CPU time of a process's main thread in nanoseconds; NaN where the kernel does not tell. */
export function mainThreadNs(pid: number): number {
  try {
    return Number(Deno.readTextFileSync(`/proc/${pid}/task/${pid}/schedstat`).split(" ")[0]);
  } catch {
    return NaN;
  }
}

/** What verdicts took. */
export class LatencyBook {
  readonly #histogram = new LatencyHistogram();
  #maxOwnMs = 0;

  add(tookMs: number, ownMs: number): void {
    this.#histogram.add(tookMs * 1000, 1);
    if (ownMs > this.#maxOwnMs) this.#maxOwnMs = ownMs;
  }

  /** What another one counted. */
  addAll(other: LatencyBook): void {
    this.#histogram.addAll(other.#histogram);
    this.#maxOwnMs = Math.max(this.#maxOwnMs, other.#maxOwnMs);
  }

  /** Durations of which the own part is not known, in microseconds. */
  addHistogram(histogram: LatencyHistogram): void {
    this.#histogram.addAll(histogram);
    this.#maxOwnMs = NaN;
  }

  get result(): Latencies {
    return {
      frames: this.#histogram.total,
      p50Ms: this.#histogram.quantileUs(0.5) / 1000,
      p99Ms: this.#histogram.quantileUs(0.99) / 1000,
      maxMs: this.#histogram.maxUs / 1000,
      maxOwnMs: this.#maxOwnMs,
    };
  }
}
