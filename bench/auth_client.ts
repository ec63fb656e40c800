import { bcryptVerify } from "hash-wasm";
import { loginPacket, loginSession } from "./auth_connect.ts";
import { PASSWORD, secretOf, slowUserOf, tokenOf, userOf } from "./auth_credentials.ts";
import type {
  AuthJob,
  BareJob,
  BareResult,
  FleetJob,
  FleetResult,
  FloodJob,
  FloodResult,
  LoginsJob,
  LoginsResult,
  PendingJob,
  PendingResult,
  Proof,
  ReloadJob,
  ReloadResult,
  SlowResult,
} from "./auth_job.ts";
import { EventPool, LatencyBook, mainThreadNs, type Question } from "./auth_pool.ts";
import { ask, BenchSession, ClosedLoop } from "./closed_loop.ts";
import { frameMessage, frameTemplate, type Origin, readVerdict, type Verdict } from "./event_bytes.ts";
import { LatencyHistogram } from "./latency_histogram.ts";
import { close, connectUnix, Poll } from "./libc_socket.ts";
import type { Outcome, Target } from "./load_job.ts";
import { connackPacket, publishPacket, telemetry } from "./mqtt_bytes.ts";
import { cpuUs, residentMb } from "./process_usage.ts";
import { origin } from "./traffic.ts";

/** The auth client, a process of its own as the load client, and like it: `deno run -A auth_client.ts JOB`. */

const PATIENCE_MS = 1000;
const MAX_MESSAGE_BYTES = 2048;
const CHECK_EVERY = 61;
const PAYLOAD_BYTES = 200;
/** All who log in come within this. */
const ARRIVAL_MS = 500;
/** Connections that a crowded machine may cost. */
const MAX_BROKEN = 20;
const MAX_BROKEN_BATCHES = 200;
/** Memory is read when this many logins were sent. */
const BATCH = 5_000;

interface Shape {
  readonly connections: number;
  readonly depth: number;
}

const LOGIN_SHAPE: Shape = { connections: 1, depth: 8 };
const FLOOD_SHAPE: Shape = { connections: 4, depth: 4 };

/** Runs all sessions to their end; milliseconds that it took. */
function runOnce(target: Target, sessions: readonly BenchSession[], checkEvery: number, shape: Shape): number {
  const loop = new ClosedLoop({
    socket: target.socket,
    version: 1,
    ...shape,
    sessions,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    checkEvery,
  });
  const startMs = performance.now();
  loop.runOnce(new LatencyHistogram());
  const tookMs = performance.now() - startMs;
  loop.close();
  return tookMs;
}

/** A gentle beginning: an agent that has just started runs code that is not compiled yet, and a burst would be late. */
const GENTLE = 300;

function logins({ run, cases, logins: count, slices, people }: LoginsJob): LoginsResult[] {
  const totals = cases.map(() => ({ ms: 0, cpuUs: 0 }));
  let nth = 0;
  for (const { proof, target } of cases) if (proof === "password again") proveAll(target, run, people);
  // The first slice runs code that is not compiled yet, and is not counted.
  for (let slice = 0; slice <= slices; slice++) {
    const tokens = Array.from({ length: count }, (_, i) => tokenOf(slice * count + i));
    for (const [i, { proof, target }] of cases.entries()) {
      const sessions = Array.from({ length: count }, (_, j) => {
        const packet = packetOf(proof, slice * count + j, { people, token: tokens[j] ?? "" });
        return loginSession(1, origin(run, nth++), packet, "allow");
      });
      const cpuBefore = cpuUs(target.pid);
      const ms = runOnce(target, sessions, CHECK_EVERY, LOGIN_SHAPE);
      const total = totals[i];
      if (slice === 0 || total === undefined) continue;
      total.ms += ms;
      total.cpuUs += cpuUs(target.pid) - cpuBefore;
    }
  }
  return cases.map(({ proof }, i) => ({
    proof,
    loginsPerSecond: count * slices / (totals[i]?.ms ?? NaN) * 1000,
    cpuUsPerLogin: (totals[i]?.cpuUs ?? NaN) / (count * slices),
  }));
}

/** Client ids are new each time, or one login would take over the session of another. */
function packetOf(proof: Proof, n: number, { people, token }: { people: number; token: string }): Uint8Array {
  const id = `${proof}-${n}`;
  switch (proof) {
    case "none":
      return loginPacket(id, userOf(n), secretOf(n));
    case "secret":
      return loginPacket(id, userOf(n % people), secretOf(n % people));
    case "token":
    case "token again":
      return loginPacket(id, userOf(n), token);
    case "password again":
      return loginPacket(id, slowUserOf(n % people), PASSWORD);
    default:
      return proof satisfies never;
  }
}

/** Slow users log in, all at once, and come back until each of them is in. */
function proveAll(target: Target, run: string, people: number): SlowResult {
  let fd = connectUnix(target.socket);
  const pause = new Poll([]);
  let tries = 0;
  let broken = 0;
  const isIn = (n: number): boolean => {
    const from = nthTry(origin(run, n), ++tries);
    const packet = loginPacket(`waiting-${n}`, slowUserOf(n), PASSWORD);
    try {
      const answer = ask(fd, frameMessage(frameTemplate(1, from, packet, true), 0), PATIENCE_MS);
      return answer !== null && readVerdict(1, from.correlationId, answer) === "allow";
    } catch (error) {
      // On a crowded machine an answer may be late, and costs its connection: what it was about is asked again.
      if (++broken > MAX_BROKEN) throw error;
      close(fd);
      fd = connectUnix(target.socket);
      return false;
    }
  };
  const startMs = performance.now();
  let waiting = Array.from({ length: people }, (_, n) => n).filter((n) => !isIn(n));
  while (waiting.length > 0) {
    pause.wait(5);
    // They are proved in the order in which they came: who is behind one that waits need not be asked.
    const [first = 0, ...others] = waiting;
    if (isIn(first)) waiting = others;
  }
  const tookMs = performance.now() - startMs;
  close(fd);
  return { tookMs, connects: tries, broken };
}

/** The same address, another connection. */
function nthTry({ correlationId, clientIp }: Origin, n: number): Origin {
  const address = clientIp.slice(0, clientIp.lastIndexOf(":"));
  return { correlationId: `${correlationId}-try-${n}`, clientIp: `${address}:${1024 + n % 60_000}` };
}

async function bare({ hash, ms }: BareJob): Promise<BareResult> {
  const password = new TextEncoder().encode(PASSWORD);
  await bcryptVerify({ password, hash });
  const startMs = performance.now();
  let count = 0;
  while (performance.now() - startMs < ms) {
    if (!await bcryptVerify({ password, hash })) throw new Error("Cannot measure: the password does not match");
    count++;
  }
  return { perSecond: count / (performance.now() - startMs) * 1000 };
}

/** Devices that were let in and publish in turn, so many frames a second, until they are told to stop. */
class Publishers {
  readonly #pool: EventPool;
  readonly #sessions: readonly BenchSession[];
  readonly #buffer = new Uint8Array(MAX_MESSAGE_BYTES);
  readonly #everyMs: number;
  #nextMs = performance.now();
  #turn = 0;

  constructor(pool: EventPool, run: string, { publishers, perSecond }: { publishers: number; perSecond: number }) {
    this.#pool = pool;
    this.#everyMs = 1000 / perSecond;
    this.#sessions = Array.from({ length: publishers }, (_, n) => {
      const from = origin(`${run}-publisher`, n);
      const [device, id] = [userOf(n), `${run}-publisher-${n}`];
      const packets = [
        { data: loginPacket(id, device, secretOf(n)), fromClient: true },
        { data: connackPacket(), fromClient: false },
      ];
      for (const { data, fromClient } of packets) {
        this.#ask(frameMessage(frameTemplate(1, from, data, fromClient), 0), from.correlationId, () => {});
        // CONNACK answers a CONNECT that was let through.
        while (pool.open > 0) pool.turn(1);
      }
      const data = publishPacket(`sensors/${device}/data`, telemetry(device, PAYLOAD_BYTES));
      const frame = { template: frameTemplate(1, from, data, true), expected: "allow", fromClient: true } as const;
      return new BenchSession(from, [frame], { fromClient: 1, fromBroker: 1 });
    });
  }

  /** For so long, or until `isOver`; `more` may ask in between. */
  run(book: LatencyBook, until: () => boolean, more: (nowMs: number) => void = () => {}): void {
    this.#nextMs = performance.now();
    while (!until()) {
      const nowMs = performance.now();
      for (; this.#nextMs <= nowMs; this.#nextMs += this.#everyMs) this.#publish(book);
      more(nowMs);
      this.#pool.turn(1);
    }
    while (this.#pool.open > 0) this.#pool.turn(1);
  }

  #publish(book: LatencyBook): void {
    const session = this.#sessions[this.#turn++ % this.#sessions.length] as BenchSession;
    const end = session.write(this.#buffer, 0);
    const { correlationId } = session.origin;
    this.#ask(this.#buffer.slice(0, end), correlationId, (tookMs, ownMs) => book.add(tookMs, ownMs));
  }

  #ask(
    message: Uint8Array<ArrayBuffer>,
    correlationId: string,
    allowed: (tookMs: number, ownMs: number) => void,
  ): void {
    this.#pool.ask({
      message,
      correlationId,
      answered: (verdict, tookMs, ownMs, reason) => {
        if (verdict !== "allow") throw new Error(`Cannot go on: a device that may publish got ${verdict}, ${reason}`);
        allowed(tookMs, ownMs);
      },
    });
  }
}

function loginQuestion(
  from: Origin,
  packet: Uint8Array,
  answered: Question["answered"],
): Question {
  return {
    message: frameMessage(frameTemplate(1, from, packet, true), 0),
    correlationId: from.correlationId,
    answered,
  };
}

function pending(job: PendingJob): PendingResult {
  const { run, target, logins, ms, retryMs } = job;
  const pool = new EventPool(target.socket, target.pid, job.pool);
  const publishers = new Publishers(pool, run, job);
  const after = (durationMs: number) => {
    const endMs = performance.now() + durationMs;
    return () => performance.now() >= endMs;
  };
  publishers.run(new LatencyBook(), after(ms / 4));
  const alone = new LatencyBook();
  publishers.run(alone, after(ms));

  const beside = new LatencyBook();
  const connects = new LatencyBook();
  let letIn = 0;
  let tries = 0;
  // Soon one after another, as a fleet comes, and then each when his time has come again.
  const beganMs = performance.now();
  const due = Array.from({ length: logins }, (_, n) => ({ n, atMs: beganMs + n * ARRIVAL_MS / logins }));
  const knock = (nowMs: number) => {
    for (let next = due[0]; next !== undefined && next.atMs <= nowMs; next = due[0]) {
      const { n } = next;
      due.shift();
      const packet = loginPacket(`${run}-waiting-${n}`, slowUserOf(n), PASSWORD);
      const from = nthTry(origin(`${run}-waiting`, n), ++tries);
      pool.ask(loginQuestion(from, packet, (verdict, tookMs, ownMs) => {
        connects.add(tookMs, ownMs);
        if (verdict === "allow") letIn++;
        else due.push({ n, atMs: performance.now() + retryMs });
      }));
    }
  };
  publishers.run(beside, after(ms), knock);
  pool.close();
  return { alone: alone.result, beside: beside.result, connects: connects.result, letIn };
}

function flood({ run, target, logins, looks, devices, people }: FloodJob): FloodResult {
  const packet = (n: number): Uint8Array => {
    // A third each: names that nobody has, devices whose secret is guessed, people whose password is guessed.
    const username = n % 3 === 0 ? `nobody-${n}` : n % 3 === 1 ? userOf(n % devices) : slowUserOf(n % people);
    return loginPacket(`guess-${n}`, username, `guess ${n}`);
  };
  const beforeMb = residentMb(target.pid);
  // Of the main thread: beside it a thread hashes without end.
  const cpuBefore = mainThreadNs(target.pid);
  const found: number[] = [];
  let [ms, broken] = [0, 0];
  for (let sent = 0; sent < logins;) {
    const count = sent === 0 ? GENTLE : Math.min(BATCH, logins - sent);
    const sessions = Array.from({ length: count }, (_, i) => {
      return loginSession(1, origin(`${run}-${broken}`, sent + i), packet(sent + i), "close");
    });
    try {
      ms += runOnce(target, sessions, CHECK_EVERY, sent === 0 ? { connections: 1, depth: 1 } : FLOOD_SHAPE);
    } catch (error) {
      // An answer was late and cost its connection. That is a result too, and the rest of the batch comes again.
      if (++broken > MAX_BROKEN_BATCHES) throw error;
      continue;
    }
    sent += count;
    if (sent >= logins / looks * (found.length + 1)) found.push(residentMb(target.pid));
  }
  return {
    loginsPerSecond: logins / ms * 1000,
    cpuUsPerLogin: (mainThreadNs(target.pid) - cpuBefore) / 1000 / logins,
    beforeMb,
    residentMb: found,
    broken,
  };
}

function fleet({ run, target, devices, pool: connections }: FleetJob): FleetResult {
  const pool = new EventPool(target.socket, target.pid, connections);
  const startMs = performance.now();
  let letIn = 0;
  for (let n = 0; n < devices;) {
    // A queue of the proxy, so that what a device waits for is not the agent's lateness.
    for (; n < devices && pool.open < connections; n++) {
      const packet = loginPacket(`${run}-${n}`, userOf(n), secretOf(n));
      pool.ask(loginQuestion(origin(run, n), packet, (verdict) => letIn += verdict === "allow" ? 1 : 0));
    }
    pool.turn(10);
  }
  while (pool.open > 0) pool.turn(10);
  const tookMs = performance.now() - startMs;
  pool.close();
  if (letIn !== devices) throw new Error(`Cannot measure: ${devices - letIn} devices were refused`);
  return { tookMs };
}

function reload(job: ReloadJob): ReloadResult {
  const { run, target, users, replacement, newcomer } = job;
  const pool = new EventPool(target.socket, target.pid, 4);
  const publishers = new Publishers(pool, run, job);
  const half = performance.now() + 1000;
  publishers.run(new LatencyBook(), () => performance.now() >= half);
  const book = new LatencyBook();
  const packet = loginPacket(`${run}-newcomer`, userOf(newcomer), secretOf(newcomer));
  Deno.renameSync(replacement, users);
  const startMs = performance.now();
  let tookMs = NaN;
  let [tries, nextMs] = [0, 0];
  const knock = (nowMs: number) => {
    if (nowMs < nextMs) return;
    nextMs = nowMs + 20;
    // From another address each time, or it would be locked out for trying.
    const from = origin(`${run}-newcomer`, ++tries);
    pool.ask(loginQuestion(from, packet, (verdict: Verdict) => {
      if (verdict === "allow" && Number.isNaN(tookMs)) tookMs = performance.now() - startMs;
    }));
  };
  publishers.run(book, () => !Number.isNaN(tookMs), knock);
  pool.close();
  return { tookMs, latencies: book.result };
}

async function run(job: AuthJob): Promise<unknown> {
  switch (job.kind) {
    case "logins":
      return logins(job);
    case "slow":
      return proveAll(job.target, job.run, job.people);
    case "bare":
      return await bare(job);
    case "pending":
      return pending(job);
    case "flood":
      return flood(job);
    case "fleet":
      return fleet(job);
    case "reload":
      return reload(job);
    default:
      return job satisfies never;
  }
}

async function outcome(job: AuthJob): Promise<Outcome> {
  try {
    return { result: await run(job) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

if (import.meta.main) console.log(JSON.stringify(await outcome(JSON.parse(Deno.args[0] ?? ""))));
