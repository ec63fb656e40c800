import type { Target } from "./load_job.ts";

/** What the parent asks of the auth client, and what it is told: JSON on the command line and on standard output. */

/** How devices show who they are. */
export type Proof = "none" | "secret" | "token" | "token again" | "password again";

/** Logins one after another, as fast as they are answered: what one costs. The targets take turns. */
export interface LoginsJob {
  readonly kind: "logins";
  readonly run: string;
  readonly cases: readonly { readonly proof: Proof; readonly target: Target }[];
  /** Of each case in each slice; tokens are new in each. */
  readonly logins: number;
  readonly slices: number;
  /** Users with a slow hash who are proved before. */
  readonly people: number;
}

export interface LoginsResult {
  readonly proof: Proof;
  readonly loginsPerSecond: number;
  readonly cpuUsPerLogin: number;
}

/** Users with a slow hash, all at once; each comes back until it is in. */
export interface SlowJob {
  readonly kind: "slow";
  readonly run: string;
  readonly target: Target;
  readonly people: number;
}

export interface SlowResult {
  /** From the first CONNECT until all are in. */
  readonly tookMs: number;
  readonly connects: number;
  /** Connections that were lost by late answers. */
  readonly broken: number;
}

/** The hash by itself, on one thread. */
export interface BareJob {
  readonly kind: "bare";
  readonly hash: string;
  readonly ms: number;
}

export interface BareResult {
  readonly perSecond: number;
}

/** Devices publish at a steady rate over a pool, first alone and then while users with a slow hash want to be let in. */
export interface PendingJob {
  readonly kind: "pending";
  readonly run: string;
  readonly target: Target;
  /** Connections to the agent, each with one event at a time, as over v1. */
  readonly pool: number;
  readonly logins: number;
  readonly publishers: number;
  readonly perSecond: number;
  /** Of each of the two parts. */
  readonly ms: number;
  /** A user who was refused comes back after this. */
  readonly retryMs: number;
}

/** Of frames with a PUBLISH, unless said otherwise. */
export interface Latencies {
  readonly frames: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** CPU time of the agent's main thread between the sending of a frame and its verdict, the most. */
  readonly maxOwnMs: number;
}

export interface PendingResult {
  readonly alone: Latencies;
  readonly beside: Latencies;
  /** Verdicts on the CONNECTs of those who wait. */
  readonly connects: Latencies;
  readonly letIn: number;
}

/** Wrong logins, each from an address of its own: with names that nobody has, with devices' and with slow users'. */
export interface FloodJob {
  readonly kind: "flood";
  readonly run: string;
  readonly target: Target;
  readonly logins: number;
  /** The memory is read so many times on the way. */
  readonly looks: number;
  readonly devices: number;
  readonly people: number;
}

export interface FloodResult {
  readonly loginsPerSecond: number;
  /** Of the main thread. */
  readonly cpuUsPerLogin: number;
  readonly beforeMb: number;
  /** Resident memory after each part of the logins. */
  readonly residentMb: readonly number[];
  /** Times that answers were late and their connection was given up. */
  readonly broken: number;
}

/** Devices that come all at once over a pool. */
export interface FleetJob {
  readonly kind: "fleet";
  readonly run: string;
  readonly target: Target;
  readonly devices: number;
  readonly pool: number;
}

export interface FleetResult {
  readonly tookMs: number;
}

/** A users file is replaced by another one that has one user more, while devices publish. */
export interface ReloadJob {
  readonly kind: "reload";
  readonly run: string;
  readonly target: Target;
  readonly users: string;
  readonly replacement: string;
  /** Number of the device that only the new file has. */
  readonly newcomer: number;
  readonly publishers: number;
  readonly perSecond: number;
}

export interface ReloadResult {
  /** From the rename until the new user is let in. */
  readonly tookMs: number;
  readonly latencies: Latencies;
}

export type AuthJob = LoginsJob | SlowJob | BareJob | PendingJob | FloodJob | FleetJob | ReloadJob;
