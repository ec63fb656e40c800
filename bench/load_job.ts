import type { ProtocolVersion } from "./event_bytes.ts";

/** What the parent asks of the load client, and what it is told: JSON on the command line and on standard output. */

export interface Target {
  readonly name: string;
  readonly socket: string;
  readonly pid: number;
  /** Answers of the agent are compared with what is right; the constant servers say "allow" to everything. */
  readonly checked: boolean;
}

/** Frames that live sessions send over and over. */
export type Traffic = "publish" | "ping" | "one-byte" | "ping-64k" | "publish-64k";

export interface LoadJob {
  readonly kind: "load";
  readonly run: string;
  readonly targets: readonly Target[];
  readonly version: ProtocolVersion;
  readonly traffic: Traffic;
  readonly connections: number;
  readonly depth: number;
  readonly sessions: number;
  /** The targets take turns, so that a busy moment of the machine meets them all. */
  readonly slices: number;
  readonly sliceMs: number;
  /** Before the first slice, each target; not counted. */
  readonly warmUpMs: number;
}

export interface LoadResult {
  readonly target: string;
  readonly decisions: number;
  readonly decisionsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  /** Of each slice: slices of one number ran right after each other and are compared with each other. */
  readonly sliceP50Us: readonly number[];
  readonly cpuUsPerDecision: number;
  /** Of the client itself: far below the server's, or the client is what is measured. */
  readonly clientCpuUsPerDecision: number;
  readonly residentMb: number;
  /** MQTT bytes per frame, on average. */
  readonly bytesPerFrame: number;
}

/** Opens that many sessions and reads the memory of the target before and after. */
export interface SessionsJob {
  readonly kind: "sessions";
  readonly run: string;
  readonly target: Target;
  readonly sessions: number;
}

export interface SessionsResult {
  readonly beforeMb: number;
  readonly afterMb: number;
  readonly cpuUsPerSession: number;
  readonly sessionsPerSecond: number;
}

/** Single frames that cost the most, each on a session of its own. */
export interface FramesJob {
  readonly kind: "frames";
  readonly run: string;
  readonly target: Target;
  readonly repeats: number;
}

export interface FrameResult {
  readonly frame: string;
  readonly verdict: string;
  readonly firstMs: number;
  readonly medianMs: number;
  readonly maxMs: number;
  /** CPU time of the target, median. */
  readonly cpuMs: number;
}

export type Job = LoadJob | SessionsJob | FramesJob;

/** What the client prints: a failure is told to the parent, which decides what to do without this result. */
export type Outcome = { readonly result: unknown } | { readonly failure: string };
