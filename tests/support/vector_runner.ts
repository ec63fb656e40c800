import { ConfigurationError } from "../../agent/policy_store.ts";
import { type AgentClient, connectAgent, type ProtocolVersion } from "./agent_client.ts";
import { type Listener, type RunningAgent, startAgent } from "./agent_in_process.ts";
import type { MqttVersion } from "./annotated_hex.ts";
import { isFrame, mergeConfig, type Vector } from "./vector.ts";
import { type MixedFrames, type Play, playsOf } from "./vector_plays.ts";
import { type Props, World } from "./vector_props.ts";
import { SECRETS, Table, type Task } from "./vector_table.ts";

/** Plays that go on at the same time; they share two connections, so that many frames go out in one write. */
const LANES = 32;
/** Agents at the same time: one that starts its threads waits more than it works. */
const AGENTS = 4;
/**
 * And where logins are proved: each with connections of its own, since only two logins of a connection may wait. One, where
 * a backend is asked: how it fares with one client decides whether it is asked for others.
 */
/** Longer than any session lasts without a packet and any bucket of the vectors needs to be full. */
const BETWEEN_PLAYS_MS = 40 * 86_400_000;
const LOGIN_LANES = 8;
const BACKEND_LANES = 1;

export interface VectorFile {
  readonly name: string;
  readonly vectors: readonly Vector[];
  /** Configurations that vectors name. */
  readonly configs: Readonly<Record<string, unknown>>;
  readonly base: unknown;
  /** What the vectors refer to, if anything. */
  readonly props: Props | null;
}

export interface RunOptions {
  /** Counts up over all runs of a process, so that no two plays share an id or an address. */
  readonly nextPlay: () => number;
  /** Every play in every MQTT version over every protocol version, which takes minutes; else shared out among them. */
  readonly everyPlay: boolean;
  /** Only plays for which it says so; all, where absent. */
  readonly isPlayed?: (play: Play) => boolean;
  /** Hears the frame path of every agent. */
  readonly listener?: Listener | undefined;
  /** What was answered in each play, by its title. */
  readonly tellAnswers?: (title: string, answers: readonly string[], play: Play) => void;
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
  /** Its clock stands but where a play moves it. */
  readonly standing: boolean;
  readonly chains: Task[][];
  /** Tasks that name their clients themselves or count connections: one chain for both protocols. */
  readonly serial: Task[];
}

/** Plays every vector in every way, over both protocol versions. */
export async function runVectors(file: VectorFile, options: RunOptions): Promise<RunResult> {
  const world = file.props === null ? null : new World(file.props);
  try {
    const run = new Run(options, world);
    const groups = groupTasks(file, options, world);
    await Promise.all(Array.from({ length: AGENTS }, async () => {
      for (let group = groups.pop(); group !== undefined; group = groups.pop()) await run.group(group);
    }));
    return run;
  } finally {
    await world?.stop();
  }
}

class Run implements RunResult {
  readonly failures = new Map<Vector, string[]>();
  readonly notBuilt = new Set<Vector>();
  plays = 0;
  frames = 0;
  readonly #options: RunOptions;
  readonly #world: World | null;

  constructor(options: RunOptions, world: World | null) {
    this.#options = options;
    this.#world = world;
  }

  async group({ config, standing, chains, serial }: Group): Promise<void> {
    let agent: RunningAgent;
    try {
      const world = this.#world;
      const { listener } = this.#options;
      const surroundings = world === null ? {} : { env: world.env, nowMs: world.nowMs, workers: world.workers };
      agent = await startAgent(config, { ...surroundings, standing, listener });
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
    const { lanes, areShared } = lanesOf(config);
    try {
      // Longest first, so that the end is not one lane's alone.
      const queue = [...chains, ...serial.length > 0 ? [serial] : []].sort((a, b) => a.length - b.length);
      await Promise.all(Array.from({ length: lanes }, async (_, lane) => {
        for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
          for (const task of chain) {
            // Whatever was there before is over: sessions are at an end and buckets full.
            if (standing) agent.advance(BETWEEN_PLAYS_MS);
            await this.#play(agent, task, await clients.get(task.protocol, areShared ? 0 : lane));
          }
        }
      }));
      const log = agent.log.join("\n");
      for (const [vector, secrets] of new Map([...chains.flat(), ...serial].map((one) => [one.vector, one.secrets]))) {
        const told = [...SECRETS, ...secrets].find((secret) => log.includes(secret));
        if (told !== undefined) this.failures.set(vector, [`"${vector.name}": the log tells "${told}"`]);
      }
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
    this.#options.tellAnswers?.(table.title, table.answers, task.play);
    if (problem === null) return;
    const failures = this.failures.get(task.vector);
    if (failures === undefined) this.failures.set(task.vector, [problem]);
    else failures.push(problem);
  }
}

/** The connections to one agent, one for each protocol version, and for each lane if lanes share none. */
class Clients {
  readonly #socket: string;
  readonly #open = new Map<string, Promise<AgentClient>>();

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** The connection; a new one where the agent closed the last. */
  async get(protocol: ProtocolVersion, lane: number): Promise<AgentClient> {
    const place = `${protocol} ${lane}`;
    const there = this.#open.get(place);
    // Of several lanes that wait here, the first one makes the new connection.
    if (there !== undefined && (await there).ended && this.#open.get(place) === there) this.#open.delete(place);
    let open = this.#open.get(place);
    if (open === undefined) {
      open = connectAgent(protocol, this.#socket, { keyOrder: "both" });
      this.#open.set(place, open);
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

function lanesOf(config: unknown): { readonly lanes: number; readonly areShared: boolean } {
  if (!provesLogins(config)) return { lanes: LANES, areShared: true };
  return { lanes: JSON.stringify(config).includes("${BACKEND}") ? BACKEND_LANES : LOGIN_LANES, areShared: false };
}

function provesLogins(config: unknown): boolean {
  return (config as { auth?: { enabled?: boolean } }).auth?.enabled === true;
}

/** Whether what one play sends leaves less for the next. */
function countsRates(config: unknown): boolean {
  return (config as { "rate-limit"?: { enabled?: boolean } })["rate-limit"]?.enabled === true;
}

function groupTasks(file: VectorFile, options: RunOptions, world: World | null): Group[] {
  const groups = new Map<string, Group>();
  const take = (key: string, config: unknown, standing: boolean): Group => {
    let group = groups.get(key);
    if (group === undefined) groups.set(key, group = { config, standing, chains: [], serial: [] });
    return group;
  };
  let fresh = 0;
  let number = 0;
  for (const [place, vector] of file.vectors.entries()) {
    const config = configOf(vector, file);
    const { vector: played, secrets } = world?.putInto(vector) ?? { vector, secrets: [] };
    const events = vector.frames.flatMap((step) => isFrame(step) ? [] : [step.event]);
    const advances = events.includes("advance");
    const isProved = provesLogins(config);
    // What changes the agent for everybody needs one for itself; so do proofs that end at a time that others would move.
    const isLimited = countsRates(config);
    const isChanged = events.some((event) => ["configure", "reload", "set-wall"].includes(event));
    const isOwn = isChanged || (advances && isProved && !isLimited);
    // What is told by a clock needs one that only its plays move.
    const standing = isLimited || (advances && !isProved);
    const time = standing ? "with its own time " : "";
    const counts = COUNTING.test(JSON.stringify(config));
    const isSerial = isOwn || time !== "" || counts || isNamed(vector);
    for (const version of vector.versions) {
      for (const protocol of [1, 2] as const) {
        const chain: Task[] = [];
        // One client id serves all plays of a chain, which go one after another. MQTT 3.1 takes 23 characters at most.
        const plays = playsOf(played, version, `c${(number++).toString(36)}`, mixedOf(config));
        plays.forEach((play, i) => {
          if (options.isPlayed !== undefined && !options.isPlayed(play)) return;
          if (!options.everyPlay && !isSampled(play, i, version, protocol, vector.versions)) return;
          // How packets are put together is the same whoever is proved and however much is counted: a quarter of the cuts for each, all for all.
          if (!options.everyPlay && (isProved || standing) && isCut(play) && ((play.at >> 2) + place) % 4 !== 0) return;
          const used = play.detectOnly ? mergeConfig(config, { general: { "block-mode": false } }) : config;
          if (play.detectOnly && JSON.stringify(used) === JSON.stringify(config)) return;
          const task: Task = { vector, version, protocol, play, config: used, secrets, counts };
          if (isOwn) take(`own ${fresh++}`, used, standing).chains.push([task]);
          else if (play.detectOnly && !isSerial) take(time + JSON.stringify(used), used, standing).chains.push([task]);
          else if (play.detectOnly) take(time + JSON.stringify(used), used, standing).serial.push(task);
          else chain.push(task);
        });
        if (chain.length === 0) continue;
        const group = take(time + JSON.stringify(config), config, standing);
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

/** Connections are counted, or who holds a client id decides who may have it: each play has to end its own. */
const COUNTING = /"max-(sessions|connections-per-ip)"|"duplicate-client-id":"(?!anyone)/;

function isCut({ kind }: Play): boolean {
  return kind === "cut" || kind === "fragments";
}

/** Whether the vector names its clients itself, and lets the broker accept them. */
function isNamed({ open, connect, frames }: Vector): boolean {
  if (open !== "none") return connect !== undefined && !/\bid2?\b/.test(connect);
  return frames.some((step) => isFrame(step) && step.dir === "s2c");
}

/** The whole configuration of a vector: its own laid over that of its file. */
export function configOf(vector: Vector, file: Pick<VectorFile, "configs" | "base" | "props">): unknown {
  const configs: Readonly<Record<string, unknown>> = { ...file.configs, ...file.props?.configs };
  const lay = (under: unknown, layer: unknown): unknown => {
    if (Array.isArray(layer)) return layer.reduce(lay, under);
    if (typeof layer !== "string") return mergeConfig(under, layer);
    if (configs[layer] === undefined) throw new Error(`Cannot play "${vector.name}": no configuration "${layer}"`);
    return lay(under, configs[layer]);
  };
  return lay(file.base, vector.config ?? []);
}

function mixedOf(config: unknown): MixedFrames {
  const general = (config as { general?: { "mixed-frames"?: MixedFrames } }).general;
  return general?.["mixed-frames"] ?? "auto";
}
