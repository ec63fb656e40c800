import type { Latencies } from "./auth_job.ts";
import type { Target } from "./load_job.ts";

/** What the parent asks of the reload client, and what it is told: JSON, as for the load client. */

/**
 * Devices that publish while the configuration file is replaced: `steady`, so many a second over a v1 pool of 4; or
 * `full`, as fast as they are answered, 64 under way over 4 connections.
 */
export type ReloadLoad = "steady" | "full";

export interface ReloadJob {
  readonly kind: "reload";
  readonly run: string;
  readonly target: Target;
  readonly load: ReloadLoad;
  /** The configuration file, in force when it begins: it denies `flip/…`. */
  readonly file: string;
  /** Texts of files that take its place in turn; the first allows `flip/…`, the next denies it, and so on. */
  readonly replacements: readonly string[];
  /** Without any reload, before. */
  readonly aloneMs: number;
}

export interface ReloadResult {
  /** Of each replacement: from the rename until what it says is in force. */
  readonly tookMs: readonly number[];
  readonly alone: Latencies;
  readonly during: Latencies;
  /** Of each replacement by itself; the first runs code that is not compiled yet. */
  readonly reloads: readonly Latencies[];
  readonly framesPerSecond: number;
}

/** What `agent/reload_slices_bench.ts` prints. */
export interface SlicesResult {
  /** The longest of each reload, with what the collector does in a rest of 100 ms behind it, in ms. */
  readonly longestMs: readonly number[];
  /** From the call until the new configuration is in force, in ms. */
  readonly tookMs: readonly number[];
  /** Heap in use after the last one, in MB. */
  readonly heapMb: number;
}
