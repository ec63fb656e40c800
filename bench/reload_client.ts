import type { Latencies } from "./auth_job.ts";
import { EventPool, LatencyBook } from "./auth_pool.ts";
import { ask, BenchSession, ClosedLoop } from "./closed_loop.ts";
import { frameMessage, frameTemplate, readVerdict } from "./event_bytes.ts";
import { LatencyHistogram } from "./latency_histogram.ts";
import { close, connectUnix } from "./libc_socket.ts";
import type { Outcome, Target } from "./load_job.ts";
import { connackPacket, connectPacket, publishPacket } from "./mqtt_bytes.ts";
import type { ReloadJob, ReloadResult } from "./reload_job.ts";
import { openingSession, origin, publishingSession } from "./traffic.ts";

/** The reload client, a process of its own as the load client, and like it: `deno run -A reload_client.ts JOB`. */

const SESSIONS = 100;
const PER_SECOND = 1000;
const POOL = 4;
const FULL_DEPTH = 16;
const MAX_MESSAGE_BYTES = 2048;
const CHECK_EVERY = 61;
const PATIENCE_MS = 2000;
/** How often it is asked whether the new file is in force. */
const PROBE_MS = 10;
/** Between two reloads, so that what one leaves behind is not counted for the next. */
const REST_MS = 300;

/** Load on an agent that can be looked at while it goes on. */
interface Traffic {
  /** Goes on for so long; what verdicts took goes into the book. */
  run(ms: number): void;
  /** What was seen since the last time. */
  take(): LatencyBook;
  close(): void;
}

class SteadyTraffic implements Traffic {
  readonly #pool: EventPool;
  readonly #sessions: readonly BenchSession[];
  readonly #buffer = new Uint8Array(MAX_MESSAGE_BYTES);
  #book = new LatencyBook();
  #turn = 0;
  #nextMs = performance.now();

  constructor({ socket, pid }: Target, sessions: readonly BenchSession[]) {
    this.#pool = new EventPool(socket, pid, POOL);
    this.#sessions = sessions;
  }

  run(ms: number): void {
    const endMs = performance.now() + ms;
    // What was not sent while nobody ran it is not made up for.
    this.#nextMs = Math.max(this.#nextMs, performance.now() - 1);
    for (let nowMs = performance.now(); nowMs < endMs; nowMs = performance.now()) {
      for (; this.#nextMs <= nowMs; this.#nextMs += 1000 / PER_SECOND) this.#publish();
      this.#pool.turn(1);
    }
  }

  take(): LatencyBook {
    while (this.#pool.open > 0) this.#pool.turn(1);
    const book = this.#book;
    this.#book = new LatencyBook();
    return book;
  }

  close(): void {
    this.#pool.close();
  }

  #publish(): void {
    const session = this.#sessions[this.#turn++ % this.#sessions.length] as BenchSession;
    const { expected } = session.next;
    const end = session.write(this.#buffer, 0);
    this.#pool.ask({
      message: this.#buffer.slice(0, end),
      correlationId: session.origin.correlationId,
      answered: (verdict, tookMs, ownMs, reason) => {
        if (verdict !== expected) throw new Error(`Cannot trust the agent: ${verdict} for ${expected}, ${reason}`);
        this.#book.add(tookMs, ownMs);
      },
    });
  }
}

class FullTraffic implements Traffic {
  readonly #loop: ClosedLoop;
  #latencies = new LatencyHistogram();

  constructor({ socket }: Target, sessions: readonly BenchSession[]) {
    const shape = { connections: POOL, depth: FULL_DEPTH, maxMessageBytes: MAX_MESSAGE_BYTES, checkEvery: CHECK_EVERY };
    this.#loop = new ClosedLoop({ socket, version: 1, sessions, ...shape });
  }

  run(ms: number): void {
    this.#loop.runFor(ms, this.#latencies);
  }

  take(): LatencyBook {
    const book = new LatencyBook();
    book.addHistogram(this.#latencies);
    this.#latencies = new LatencyHistogram();
    return book;
  }

  close(): void {
    this.#loop.close();
  }
}

/** A device that publishes to `flip/…`, to see whether it may. */
class Probe {
  readonly #fd: number;
  readonly #session: BenchSession;
  readonly #buffer = new Uint8Array(MAX_MESSAGE_BYTES);

  constructor(socket: string, run: string) {
    this.#fd = connectUnix(socket);
    const from = origin(run, 500_000);
    for (const [packet, fromClient] of [[connectPacket(`probe-${run}`), true], [connackPacket(), false]] as const) {
      ask(this.#fd, frameMessage(frameTemplate(1, from, packet, fromClient), 0), PATIENCE_MS);
    }
    const data = publishPacket("flip/x", new Uint8Array(8));
    const frame = { template: frameTemplate(1, from, data, true), expected: "allow", fromClient: true } as const;
    this.#session = new BenchSession(from, [frame], { fromClient: 1, fromBroker: 1 });
  }

  isAllowed(): boolean {
    const end = this.#session.write(this.#buffer, 0);
    const answer = ask(this.#fd, this.#buffer.slice(0, end), PATIENCE_MS);
    if (answer === null) throw new Error("Cannot go on: the agent does not answer the probe");
    return readVerdict(1, this.#session.origin.correlationId, answer) === "allow";
  }

  close(): void {
    close(this.#fd);
  }
}

function reload({ run, target, load, file, replacements, aloneMs }: ReloadJob): ReloadResult {
  const opening = Array.from({ length: SESSIONS }, (_, n) => openingSession(1, run, n));
  const first = { connections: 1, depth: 1, maxMessageBytes: MAX_MESSAGE_BYTES, checkEvery: CHECK_EVERY };
  const opener = new ClosedLoop({ socket: target.socket, version: 1, sessions: opening, ...first });
  opener.runOnce(new LatencyHistogram());
  opener.close();
  const sessions = Array.from({ length: SESSIONS }, (_, n) => publishingSession(1, run, n));
  const traffic = load === "steady" ? new SteadyTraffic(target, sessions) : new FullTraffic(target, sessions);
  const probe = new Probe(target.socket, run);
  traffic.run(aloneMs / 2);
  traffic.take();
  const aloneStartMs = performance.now();
  traffic.run(aloneMs);
  const aloneTookMs = performance.now() - aloneStartMs;
  const alone = traffic.take().result;

  const tookMs: number[] = [];
  const during = new LatencyBook();
  const reloads: Latencies[] = [];
  for (const [n, replacement] of replacements.entries()) {
    const isOpen = n % 2 === 0;
    const startMs = performance.now();
    Deno.renameSync(replacement, file);
    do traffic.run(PROBE_MS); while (probe.isAllowed() !== isOpen);
    tookMs.push(performance.now() - startMs);
    const book = traffic.take();
    during.addAll(book);
    reloads.push(book.result);
    traffic.run(REST_MS);
    traffic.take();
  }
  traffic.close();
  probe.close();
  return { tookMs, alone, during: during.result, reloads, framesPerSecond: alone.frames / aloneTookMs * 1000 };
}

function outcome(job: ReloadJob): Outcome {
  try {
    return { result: reload(job) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

if (import.meta.main) console.log(JSON.stringify(outcome(JSON.parse(Deno.args[0] ?? ""))));
