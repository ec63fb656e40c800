import { ask, BenchSession, ClosedLoop } from "./closed_loop.ts";
import { allowedCpus, pinMainThread } from "./cpu_affinity.ts";
import { frameMessage, frameTemplate, handshakeMessage, type ProtocolVersion, readVerdict } from "./event_bytes.ts";
import { LatencyHistogram } from "./latency_histogram.ts";
import { close, connectUnix } from "./libc_socket.ts";
import type {
  FrameResult,
  FramesJob,
  Job,
  LoadJob,
  LoadResult,
  Outcome,
  SessionsJob,
  SessionsResult,
  Target,
  Traffic,
} from "./load_job.ts";
import {
  connackPacket,
  connectPacket,
  PINGREQ,
  publishPacket,
  publishPacketWithProperties,
  repeated,
  subscribePacket,
  telemetry,
} from "./mqtt_bytes.ts";
import { cpuUs, residentMb } from "./process_usage.ts";
import { clientId, deviceId, openingSession, origin, publishingSession, repeatingSession } from "./traffic.ts";

/**
 * The load client, a process of its own: `deno run -A load_client.ts JOB`, where JOB is JSON; prints JSON.
 *
 * It needs all permissions: it calls libc, and reads the CPU time and memory of the servers under `/proc`.
 */

const CHECK_EVERY = 61;
const GENTLE_SESSIONS = 100;
const FRAME_BYTES = 64 * 1024;
const PATIENCE_MS = 1000;
/** Read before this process is kept on one of them. */
const CPUS = allowedCpus();
const MAX_FRAME_BYTES = 1024 * 1024;

function load(job: LoadJob): LoadResult[] {
  // One message at a time measures waking up. Otherwise both are busy, and are let go where a CPU is free.
  if (job.connections * job.depth === 1) pinApart(job.targets);
  const runs = job.targets.map((target) => new TargetRun(job, target));
  for (const run of runs) run.warmUp();
  for (let slice = 0; slice < job.slices; slice++) {
    for (let i = 0; i < runs.length; i++) runs[(i + slice) % runs.length]?.slice();
  }
  const results = runs.map((run) => run.result());
  unpin(job.targets);
  return results;
}

/** As a proxy and its agent on a machine that has nothing else to do; where there is but one CPU they share it. */
function pinApart(targets: readonly Target[]): void {
  const [first, second] = CPUS;
  if (first === undefined || second === undefined) return;
  pinMainThread(Deno.pid, [first]);
  for (const { pid } of targets) pinMainThread(pid, [second]);
}

function unpin(targets: readonly Target[]): void {
  for (const { pid } of targets) pinMainThread(pid, CPUS);
}

/** One target of a load job, slice by slice. */
class TargetRun {
  readonly #job: LoadJob;
  readonly #target: Target;
  readonly #loop: ClosedLoop;
  readonly #latencies = new LatencyHistogram();
  readonly #sliceP50Us: number[] = [];
  readonly #bytesPerFrame: number;
  #decisions = 0;
  #elapsedMs = 0;
  #cpuUs = 0;
  #clientCpuUs = 0;

  constructor(job: LoadJob, target: Target) {
    this.#job = job;
    this.#target = target;
    const { version, run, traffic } = job;
    openSessions(target, Array.from({ length: job.sessions }, (_, n) => openingSession(version, run, n)), version);
    const data = frameData(traffic);
    this.#bytesPerFrame = data.reduce((sum, bytes) => sum + bytes.length, 0) / data.length;
    const sessions = Array.from(
      { length: job.sessions },
      (_, n) => traffic === "publish" ? publishingSession(version, run, n) : repeatingSession(version, run, n, data),
    );
    this.#loop = new ClosedLoop({
      socket: target.socket,
      version,
      connections: job.connections,
      depth: job.depth,
      sessions,
      maxMessageBytes: maxMessageBytes(data),
      checkEvery: target.checked ? CHECK_EVERY : 0,
    });
  }

  warmUp(): void {
    this.#loop.runFor(this.#job.warmUpMs, new LatencyHistogram());
  }

  slice(): void {
    const cpuBefore = cpuUs(this.#target.pid);
    const clientBefore = cpuUs(Deno.pid);
    const start = performance.now();
    const latencies = new LatencyHistogram();
    this.#decisions += this.#loop.runFor(this.#job.sliceMs, latencies);
    this.#elapsedMs += performance.now() - start;
    this.#latencies.addAll(latencies);
    this.#sliceP50Us.push(latencies.quantileUs(0.5));
    this.#clientCpuUs += cpuUs(Deno.pid) - clientBefore;
    this.#cpuUs += cpuUs(this.#target.pid) - cpuBefore;
  }

  result(): LoadResult {
    this.#loop.close();
    return {
      target: this.#target.name,
      decisions: this.#decisions,
      decisionsPerSecond: this.#decisions / this.#elapsedMs * 1000,
      p50Us: this.#latencies.quantileUs(0.5),
      p99Us: this.#latencies.quantileUs(0.99),
      p999Us: this.#latencies.quantileUs(0.999),
      maxUs: this.#latencies.maxUs,
      sliceP50Us: this.#sliceP50Us,
      cpuUsPerDecision: this.#cpuUs / this.#decisions,
      clientCpuUsPerDecision: this.#clientCpuUs / this.#decisions,
      residentMb: residentMb(this.#target.pid),
      bytesPerFrame: this.#bytesPerFrame,
    };
  }
}

/**
 * CONNECT and CONNACK of each. The first few one at a time: an agent that has just started runs uncompiled code, and a
 * burst would be answered too late, upon which it closes the connection.
 */
function openSessions(target: Target, sessions: readonly BenchSession[], version: ProtocolVersion): void {
  const open = (some: readonly BenchSession[], depth: number) => {
    if (some.length === 0) return;
    const loop = new ClosedLoop({
      socket: target.socket,
      version,
      connections: 1,
      depth,
      sessions: some,
      maxMessageBytes: 1024,
      checkEvery: target.checked ? 1 : 0,
    });
    loop.runOnce(new LatencyHistogram());
    loop.close();
  };
  open(sessions.slice(0, GENTLE_SESSIONS), 1);
  open(sessions.slice(GENTLE_SESSIONS), 16);
}

function frameData(traffic: Traffic): Uint8Array<ArrayBuffer>[] {
  const publish = publishPacket(`sensors/${deviceId(0)}/data`, telemetry(deviceId(0), 200));
  switch (traffic) {
    case "publish":
      return [publish];
    case "ping":
      return [PINGREQ];
    case "one-byte":
      return [PINGREQ.subarray(0, 1), PINGREQ.subarray(1)];
    case "ping-64k":
      return [repeated(PINGREQ, FRAME_BYTES)];
    case "publish-64k":
      return [repeated(publish, FRAME_BYTES)];
    default:
      return traffic satisfies never;
  }
}

/** Base64 of the longest, and the rest of the event. */
function maxMessageBytes(data: readonly Uint8Array[]): number {
  return Math.ceil(Math.max(...data.map((bytes) => bytes.length)) / 3) * 4 + 1024;
}

function openMany({ run, target, sessions }: SessionsJob): SessionsResult {
  const beforeMb = residentMb(target.pid);
  const cpuBefore = cpuUs(target.pid);
  let elapsedMs = 0;
  const batch = 10_000;
  for (let first = 0; first < sessions; first += batch) {
    const count = Math.min(batch, sessions - first);
    const opening = Array.from({ length: count }, (_, i) => openingSession(1, run, first + i));
    const start = performance.now();
    openSessions(target, opening, 1);
    elapsedMs += performance.now() - start;
  }
  const cpu = cpuUs(target.pid) - cpuBefore;
  return {
    beforeMb,
    afterMb: residentMb(target.pid),
    cpuUsPerSession: cpu / sessions,
    sessionsPerSecond: sessions / elapsedMs * 1000,
  };
}

/** Each made to cost as much as its bytes allow. */
function worstFrames(): { frame: string; level: 4 | 5; data: Uint8Array<ArrayBuffer> }[] {
  const topic = `${"a/".repeat(32_767)}a`;
  const filters = Array.from({ length: 2000 }, (_, i) => `config/${i}/+/a/b/#`);
  const overlapping = Array.from({ length: 2000 }, (_, i) => `+/${i % 1000}/+/+/data`);
  const publish = publishPacket(`sensors/${deviceId(0)}/data`, telemetry(deviceId(0), 200));
  const payload = new Uint8Array(MAX_FRAME_BYTES - 64).fill(0x78);
  return [
    { frame: "ordinary PUBLISH, 200 bytes", level: 4, data: publish },
    { frame: "topic of 32,768 levels", level: 4, data: publishPacket(topic, new Uint8Array(1)) },
    { frame: "SUBSCRIBE of 2,000 filters", level: 4, data: subscribePacket(filters) },
    { frame: "SUBSCRIBE of 2,000 overlapping filters", level: 4, data: subscribePacket(overlapping) },
    { frame: "SUBSCRIBE of #", level: 4, data: subscribePacket(["#"]) },
    { frame: "SUBSCRIBE, filter of 32,768 levels", level: 4, data: subscribePacket([topic]) },
    {
      frame: "8,000 user properties",
      level: 5,
      data: publishPacketWithProperties(`sensors/${deviceId(0)}/data`, 8000),
    },
    { frame: "64 KiB of PINGREQ", level: 4, data: repeated(PINGREQ, FRAME_BYTES) },
    { frame: "64 KiB of PUBLISH", level: 4, data: repeated(publish, FRAME_BYTES) },
    { frame: "1 MiB, one PUBLISH", level: 4, data: publishPacket(`sensors/${deviceId(0)}/data`, payload) },
    { frame: "1 MiB of PUBLISH, 200 bytes each", level: 4, data: repeated(publish, MAX_FRAME_BYTES) },
    { frame: "1 MiB of PINGREQ", level: 4, data: repeated(PINGREQ, MAX_FRAME_BYTES) },
  ];
}

function frames({ run, target, repeats }: FramesJob): FrameResult[] {
  const fd = connectUnix(target.socket);
  ask(fd, handshakeMessage(), PATIENCE_MS);
  let session = 0;
  const results = worstFrames().map(({ frame, level, data }): FrameResult => {
    const wallMs: number[] = [];
    const cpuMs: number[] = [];
    let verdict = "";
    for (let i = 0; i < repeats; i++) {
      const from = origin(run, session);
      const connect = frameTemplate(2, from, connectPacket(clientId(run, session), level), true);
      session++;
      ask(fd, frameMessage(connect, 0), PATIENCE_MS);
      ask(fd, frameMessage(frameTemplate(2, from, connackPacket(level), false), 0), PATIENCE_MS);
      const message = frameMessage(frameTemplate(2, from, data, true), 1);
      const cpuBefore = cpuUs(target.pid);
      const start = performance.now();
      const answer = ask(fd, message, PATIENCE_MS);
      wallMs.push(performance.now() - start);
      cpuMs.push((cpuUs(target.pid) - cpuBefore) / 1000);
      verdict = answer === null ? "no answer" : target.checked ? readVerdict(2, from.correlationId, answer) : "allow";
    }
    return {
      frame,
      verdict,
      firstMs: wallMs[0] ?? 0,
      medianMs: median(wallMs),
      maxMs: Math.max(...wallMs),
      cpuMs: median(cpuMs),
    };
  });
  close(fd);
  return results;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

function run(job: Job): unknown {
  switch (job.kind) {
    case "load":
      return load(job);
    case "sessions":
      return openMany(job);
    case "frames":
      return frames(job);
    default:
      return job satisfies never;
  }
}

function outcome(job: Job): Outcome {
  try {
    return { result: run(job) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

if (import.meta.main) console.log(JSON.stringify(outcome(JSON.parse(Deno.args[0] ?? ""))));
