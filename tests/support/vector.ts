import type { Opcode } from "./agent_client.ts";
import type { MqttVersion } from "./annotated_hex.ts";
import type { TokenDescription } from "./vector_props.ts";

/** What must become of a frame or an upgrade. `refused`: dropped or closed, where the standard leaves the choice. */
export type Verdict = "allow" | "drop" | "close" | "refused" | "block";

/** What is expected of one answer. */
export interface Expectation {
  readonly verdict: Verdict;
  /** WebSocket close code; 1008 where the verdict is close and none is given. */
  readonly code?: number;
  /** A reason code that must be among those of the answer. */
  readonly reason?: string;
  /** The audit tags, in order; what is not given is not looked at. */
  readonly tags?: readonly string[];
}

/** One frame, as the proxy tells the agent of it. */
export interface FrameStep extends Partial<Expectation> {
  /** Default `c2s`. */
  readonly dir?: "c2s" | "s2c";
  /** Default `binary`. */
  readonly opcode?: Opcode;
  /** Default true. */
  readonly fin?: boolean;
  /** Annotated bytes (see `annotatedBytes()`), and `t 'name'` for a token with its length in front (see `World`). */
  readonly hex: string;
  readonly note?: string;
  /** Which connection, where there are several; default `A`. All of them share one correlation id unless it differs. */
  readonly conn?: string;
  /** Default `k`: connections with another `id` have another correlation id. */
  readonly id?: string;
  /** Frame index, where it is not the next one. */
  readonly index?: number;
  readonly route?: string | null;
  /** Written into the event instead of the base64 of `hex`. */
  readonly data?: string;
  /** The frame comes so many times; default 1. */
  readonly times?: number;
}

/** Something else that the proxy tells, or time that passes. */
export type EventStep =
  | ({
    readonly event: "request_headers";
    readonly headers: Readonly<Record<string, readonly string[]>>;
    readonly note?: string;
    readonly id?: string;
    readonly conn?: string;
    readonly route?: string | null;
  } & Partial<Expectation>)
  | { readonly event: "request_complete"; readonly note?: string; readonly id?: string }
  /** A push of the proxy; `block`: it is refused. */
  | {
    readonly event: "configure";
    readonly config: unknown;
    /** What the refusal must say. */
    readonly says?: string;
    readonly note?: string;
    readonly verdict?: "allow" | "block";
  }
  /**
   * Another configuration in the file, which is read again; `config` is laid over that of the vector, `text` is the whole
   * file, null removes it. `block`: it is refused.
   */
  | {
    readonly event: "reload";
    readonly config?: unknown;
    readonly text?: string | null;
    /** What the refusal must say. */
    readonly says?: string;
    readonly note?: string;
    readonly verdict?: "allow" | "block";
  }
  /** Time passes, or with a negative number the clock goes back. */
  | { readonly event: "advance"; readonly ms: number; readonly note?: string }
  /** The time of day alone is set on or back, as by NTP. */
  | { readonly event: "set-wall"; readonly ms: number; readonly note?: string }
  /** The work on every login that was begun gets done. */
  | { readonly event: "settle"; readonly note?: string };

export type Step = FrameStep | EventStep;

/** What a vector cannot be played as: `cut`, `join`, `glue` (all in one frame with CONNECT), `early` (before CONNACK), `detect` (block-mode false). */
export type PlayKind = "cut" | "join" | "glue" | "early" | "detect";

/** One way around the gateway, or something that must work (style: Tests, 20). */
export interface Vector extends Expectation {
  readonly name: string;
  /** Row of the list of ways around, `design`, or a word for ordinary traffic. */
  readonly class: string;
  readonly versions: readonly MqttVersion[];
  /** Laid over the base configuration, or the name of one in configs.json or among the props; a list: one over the other. */
  readonly config?: ConfigLayer | readonly ConfigLayer[];
  /** What comes before: `connected` (CONNECT and CONNACK, the default), `connecting` (CONNECT alone), `none`. */
  readonly open?: "connected" | "connecting" | "none";
  /** The CONNECT that comes before, where it is not the plain one. */
  readonly connect?: string;
  /** Tokens that only this vector has, beside those of the props. */
  readonly tokens?: Readonly<Record<string, TokenDescription>>;
  /**
   * The login of the last frame's CONNECT takes time, in every play: with anything behind it in its frame it is closed
   * `auth-pending`, since nothing passes meanwhile, and where nothing is blocked it is tagged so.
   */
  readonly waits?: true;
  /** Address of each connection; `*` is replaced by an address that only this play uses. */
  readonly addresses?: Readonly<Record<string, string>>;
  /** The last one has the verdict of the vector, all before it are allowed unless they say otherwise. */
  readonly frames: readonly Step[];
  readonly skip?: readonly PlayKind[];
  /** Why something is skipped, or what to think of when it fails. */
  readonly comment?: string;
}

type ConfigLayer = string | Readonly<Record<string, unknown>>;

export function isFrame(step: Step): step is FrameStep {
  return !("event" in step);
}

const VECTOR_KEYS = new Set([
  "name",
  "class",
  "versions",
  "config",
  "open",
  "connect",
  "tokens",
  "waits",
  "addresses",
  "frames",
  "skip",
  "comment",
  "verdict",
  "code",
  "reason",
  "tags",
]);
const STEP_KEYS = new Set([
  "dir",
  "opcode",
  "fin",
  "hex",
  "note",
  "conn",
  "id",
  "index",
  "route",
  "data",
  "times",
  "verdict",
  "code",
  "reason",
  "tags",
  "event",
  "headers",
  "config",
  "text",
  "says",
  "ms",
]);
const EVENTS = new Set<unknown>([
  "request_headers",
  "request_complete",
  "configure",
  "reload",
  "advance",
  "set-wall",
  "settle",
]);
const VERDICTS = new Set<unknown>(["allow", "drop", "close", "refused", "block"]);

/** The vectors of a file. Throws for one that has an unknown key or lacks one: a misspelt expectation would never fail. */
export function readVectors(json: string, file: string): Vector[] {
  const vectors: unknown = JSON.parse(json);
  if (!Array.isArray(vectors)) throw new Error(`Cannot read ${file}: it is no list`);
  const names = new Set<string>();
  for (const vector of vectors as Record<string, unknown>[]) {
    const where = `Cannot read "${vector["name"]}" in ${file}`;
    for (const key of Object.keys(vector)) if (!VECTOR_KEYS.has(key)) throw new Error(`${where}: unknown key "${key}"`);
    for (const key of ["name", "class"]) if (typeof vector[key] !== "string") throw new Error(`${where}: no "${key}"`);
    for (const key of ["versions", "frames", "tags"]) {
      if (!Array.isArray(vector[key]) && key !== "tags") throw new Error(`${where}: no "${key}"`);
    }
    if (!VERDICTS.has(vector["verdict"])) throw new Error(`${where}: no "verdict"`);
    const name = `${vector["class"]}: ${vector["name"]}`;
    if (names.has(name)) throw new Error(`${where}: the name comes twice`);
    names.add(name);
    for (const step of vector["frames"] as Record<string, unknown>[]) {
      for (const key of Object.keys(step)) if (!STEP_KEYS.has(key)) throw new Error(`${where}: unknown key "${key}"`);
      if ("event" in step && !EVENTS.has(step["event"])) throw new Error(`${where}: unknown event "${step["event"]}"`);
      if (!("event" in step) && typeof step["hex"] !== "string") throw new Error(`${where}: a frame without "hex"`);
      if ("verdict" in step && !VERDICTS.has(step["verdict"])) throw new Error(`${where}: unknown verdict`);
    }
  }
  return vectors as Vector[];
}

/** Objects merged key by key, lists and everything else replaced: how layers of configuration lie over each other. */
export function mergeConfig(base: unknown, over: unknown): unknown {
  if (!isObject(base) || !isObject(over)) return over;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    merged[key] = key in merged ? mergeConfig(merged[key], value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
