import { ConfigurationError } from "../../agent/policy_store.ts";
import { type AgentClient, connectAgent, type ProtocolVersion } from "./agent_client.ts";
import { type RunningAgent, startAgent } from "./agent_in_process.ts";
import type { MqttVersion } from "./annotated_hex.ts";
import { isFrame, mergeConfig, type Vector } from "./vector.ts";
import { type MixedFrames, type Play, playsOf } from "./vector_plays.ts";
import { Table, type Task } from "./vector_table.ts";

/** Plays that go on at the same time; they share two connections, so that many frames go out in one write. */
const LANES = 32;

export interface VectorFile {
  readonly name: string;
  readonly vectors: readonly Vector[];
  /** Configurations that vectors name. */
  readonly configs: Readonly<Record<string, unknown>>;
  readonly base: unknown;
}

export interface RunOptions {
  /** Counts up over all runs of a process, so that no two plays share an id or an address. */
  readonly nextPlay: () => number;
  /** Every play in every MQTT version over every protocol version, which takes minutes; else shared out among them. */
  readonly everyPlay: boolean;
}

export interface RunResult {
  /** What went wrong, by vector. */
  readonly failures: ReadonlyMap<Vector, readonly string[]>;
  /** Vectors whose configuration the agent refuses because a part of it is not built yet. */
  readonly notBuilt: ReadonlySet<Vector>;
  readonly plays: number;
  readonly frames: number;
}

/** Tasks that one agent serves; those of a chain go one after another. */
interface Group {
  readonly config: unknown;
  readonly chains: Task[][];
  /** Tasks that name their clients themselves or count connections: one chain for both protocols. */
  readonly serial: Task[];
}

/** Plays every vector in every way, over both protocol versions. */
export async function runVectors(file: VectorFile, options: RunOptions): Promise<RunResult> {
  const run = new Run(options);
  for (const group of groupTasks(file, options)) await run.group(group);
  return run;
}

class Run implements RunResult {
  readonly failures = new Map<Vector, string[]>();
  readonly notBuilt = new Set<Vector>();
  plays = 0;
  frames = 0;
  readonly #options: RunOptions;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  async group({ config, chains, serial }: Group): Promise<void> {
    let agent: RunningAgent;
    try {
      agent = await startAgent(config);
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      const isLater = error.problems.every((one) => one.includes("not built yet"));
      for (const { vector } of [...chains.flat(), ...serial]) {
        if (isLater) this.notBuilt.add(vector);
        else this.failures.set(vector, [`"${vector.name}": ${error.message}`]);
      }
      return;
    }
    const clients = new Clients(agent.socket);
    try {
      // Longest first, so that the end is not one lane's alone.
      const queue = [...chains, ...serial.length > 0 ? [serial] : []].sort((a, b) => a.length - b.length);
      await Promise.all(Array.from({ length: LANES }, async () => {
        for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
          for (const task of chain) await this.#play(agent, task, await clients.get(task.protocol));
        }
      }));
      const inside = agent.log.find((line) => line.includes("Cannot judge a frame"));
      if (inside !== undefined) throw new Error(`The agent failed inside: ${inside}`);
    } finally {
      await clients.close();
      await agent.stop();
    }
  }

  async #play(agent: RunningAgent, task: Task, client: AgentClient): Promise<void> {
    const table = new Table(agent, client, task, this.#options.nextPlay());
    const problem = await table.play();
    this.plays++;
    this.frames += table.frames;
    if (problem === null) return;
    const failures = this.failures.get(task.vector);
    if (failures === undefined) this.failures.set(task.vector, [problem]);
    else failures.push(problem);
  }
}

/** The connections to one agent, one for each protocol version. */
class Clients {
  readonly #socket: string;
  readonly #open = new Map<ProtocolVersion, Promise<AgentClient>>();

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** The connection; a new one where the agent closed the last. */
  async get(protocol: ProtocolVersion): Promise<AgentClient> {
    const there = this.#open.get(protocol);
    // Of several lanes that wait here, the first one makes the new connection.
    if (there !== undefined && (await there).ended && this.#open.get(protocol) === there) this.#open.delete(protocol);
    let open = this.#open.get(protocol);
    if (open === undefined) {
      open = connectAgent(protocol, this.#socket, { keyOrder: "both" });
      this.#open.set(protocol, open);
    }
    return await open;
  }

  async close(): Promise<void> {
    for (const connecting of this.#open.values()) {
      const client = await connecting;
      client.close();
      await client.end;
    }
  }
}

function groupTasks(file: VectorFile, options: RunOptions): Group[] {
  const groups = new Map<string, Group>();
  const take = (key: string, config: unknown): Group => {
    let group = groups.get(key);
    if (group === undefined) groups.set(key, group = { config, chains: [], serial: [] });
    return group;
  };
  let fresh = 0;
  let number = 0;
  for (const vector of file.vectors) {
    const config = configOf(vector, file);
    const events = vector.frames.flatMap((step) => isFrame(step) ? [] : [step.event]);
    // What changes the agent for everybody needs one for itself.
    const isOwn = events.includes("configure");
    const time = events.includes("advance") ? "with its own time " : "";
    const counts = /"max-(sessions|connections-per-ip)"/.test(JSON.stringify(config));
    const isSerial = isOwn || time !== "" || counts || isNamed(vector);
    for (const version of vector.versions) {
      for (const protocol of [1, 2] as const) {
        const chain: Task[] = [];
        // One client id serves all plays of a chain, which go one after another. MQTT 3.1 takes 23 characters at most.
        const plays = playsOf(vector, version, `c${(number++).toString(36)}`, mixedOf(config));
        plays.forEach((play, i) => {
          if (!options.everyPlay && !isSampled(play, i, version, protocol, vector.versions)) return;
          const task: Task = { vector, version, protocol, play, counts };
          const played = play.detectOnly ? mergeConfig(config, { general: { "block-mode": false } }) : config;
          if (play.detectOnly && JSON.stringify(played) === JSON.stringify(config)) return;
          if (isOwn) take(`own ${fresh++}`, played).chains.push([task]);
          else if (play.detectOnly && !isSerial) take(time + JSON.stringify(played), played).chains.push([task]);
          else if (play.detectOnly) take(time + JSON.stringify(played), played).serial.push(task);
          else chain.push(task);
        });
        if (chain.length === 0) continue;
        const group = take(time + JSON.stringify(config), config);
        // A CONNACK for a client id that another vector uses as well would end its session.
        if (isSerial) group.serial.push(...chain);
        else group.chains.push(chain);
      }
    }
  }
  return [...groups.values()];
}

/**
 * Shares the plays of a vector out among MQTT and protocol versions, so that a run takes seconds: whole plays and every
 * kind of joining in every version, one byte a frame in 3.1.1 and 5.0, two pieces cut at every byte in the newest; each
 * over one of the transports, which know nothing of packets.
 */
function isSampled(
  { kind, at }: Play,
  number: number,
  version: MqttVersion,
  protocol: ProtocolVersion,
  versions: readonly MqttVersion[],
): boolean {
  const isFirst = protocol === 1;
  switch (kind) {
    case "whole":
      return true;
    case "detect":
      return isFirst === (version !== 4);
    case "early":
    case "join":
      return isFirst === ((number + version) % 2 === 0);
    case "bytes of one":
    case "bytes of opening":
      return false;
    case "bytes of all":
      // MQTT 3.1 and 3.1.1 differ in CONNECT and in a few flags.
      return isFirst && !(version === 3 && versions.includes(4));
    case "byte fragments":
      return !isFirst && version === versions.at(-1);
    case "cut":
    case "fragments": {
      if (isFirst !== ((at >> 1) % 2 === 0)) return false;
      const isEven = at % 2 === 0;
      return version === versions.at(-1) && (kind === "cut") === isEven;
    }
    default:
      return kind satisfies never;
  }
}

/** Whether the vector names its clients itself. */
function isNamed(vector: Vector): boolean {
  return vector.open === "none" && vector.frames.some((step) => isFrame(step) && step.dir === "s2c");
}

function configOf(vector: Vector, file: VectorFile): unknown {
  const { config } = vector;
  if (config === undefined) return file.base;
  if (typeof config !== "string") return mergeConfig(file.base, config);
  const named = file.configs[config];
  if (named === undefined) throw new Error(`Cannot play "${vector.name}": no configuration "${config}"`);
  return mergeConfig(file.base, named);
}

function mixedOf(config: unknown): MixedFrames {
  const general = (config as { general?: { "mixed-frames"?: MixedFrames } }).general;
  return general?.["mixed-frames"] ?? "auto";
}
