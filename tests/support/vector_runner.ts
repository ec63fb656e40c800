import { type AgentAnswer, type AgentClient, connectAgent, type ProtocolVersion } from "./agent_client.ts";
import { type MqttVersion, toHex } from "./annotated_hex.ts";
import { ConfigurationError } from "../../agent/policy_store.ts";
import { type RunningAgent, startAgent } from "./agent_in_process.ts";
import { isFrame, mergeConfig, type Vector } from "./vector.ts";
import { type Happening, type MixedFrames, type Play, playsOf, type Shot, type Volley } from "./vector_plays.ts";
import type { Expectation } from "./vector.ts";

/** Payloads, passwords and Will payloads of the vectors hold one of these; no answer may. */
const SECRETS = ["s3cr3t", "hunter2"] as const;
/** The close codes that the agent may send (design: What the verdicts mean). */
const CLOSE_CODES = [1002, 1003, 1008, 1009, 1012];
/** Longest text of a close frame, beside its code (RFC 6455 section 5.5). */
const MAX_REASON_BYTES = 123;
/** Plays that go on at the same time; they share connections, so that many frames go out in one write. */
const LANES = 32;
/** Connections to an agent, by protocol version. */
const CONNECTIONS: Readonly<Record<ProtocolVersion, number>> = { 1: 4, 2: 2 };
/** Every so many plays tell the agent that the connection is over. */
const COMPLETED = 8;
/** A play that gets no answer for so long has lost it. */
const ANSWER_TIMEOUT_MS = 20_000;
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

/** One play in one protocol version. */
interface Task {
  readonly vector: Vector;
  readonly version: MqttVersion;
  readonly protocol: ProtocolVersion;
  readonly play: Play;
  /** Connections are counted, so each has to end. */
  readonly counts: boolean;
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
      await Promise.all(Array.from({ length: LANES }, async (_, lane) => {
        for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
          for (const task of chain) await this.#play(agent, task, await clients.get(task.protocol, lane));
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

/** Connections to one agent. */
class Clients {
  readonly #socket: string;
  readonly #pool = new Map<string, Promise<AgentClient>>();

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** The connection of a lane; a new one where the agent closed the last. */
  async get(protocol: ProtocolVersion, lane: number): Promise<AgentClient> {
    const slot = lane % CONNECTIONS[protocol];
    const key = `${protocol} ${slot}`;
    let there = this.#pool.get(key);
    if (there === undefined || (await there).ended) {
      there = connectAgent(protocol, this.#socket, { keyOrder: slot % 2 === 0 ? "wire" : "other" });
      this.#pool.set(key, there);
    }
    return await there;
  }

  async close(): Promise<void> {
    for (const connecting of this.#pool.values()) {
      const client = await connecting;
      client.close();
      await client.end;
    }
  }
}

/** What is wrong with an answer. */
class Wrong {
  constructor(readonly text: string) {}
}

/** One play on its way: connections by name, and what was said so far. */
class Table {
  frames = 0;
  readonly title: string;
  readonly #agent: RunningAgent;
  readonly #client: AgentClient;
  readonly #task: Task;
  readonly #number: number;
  readonly #indexes = new Map<string, number>();
  readonly #ids = new Set<string>();
  readonly #story: (() => string)[] = [];

  constructor(agent: RunningAgent, client: AgentClient, task: Task, number: number) {
    this.#agent = agent;
    this.#client = client;
    this.#task = task;
    this.#number = number;
    this.title =
      `"${task.vector.name}" (${task.vector.class}) played ${task.play.mode}, MQTT ${task.version}, protocol v${task.protocol}`;
  }

  /** Null, or what went wrong. */
  async play(): Promise<string | null> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("no answer in time")), ANSWER_TIMEOUT_MS);
    });
    try {
      await Promise.race([this.#playAll(), timeout]);
      return null;
    } catch (error) {
      if (error instanceof Wrong) return `${this.title}: ${error.text}\n${this.told()}`;
      // Whatever comes on this connection now is not what the next play asks for.
      this.#client.close();
      return `${this.title}: ${error instanceof Error ? error.message : error}\n${this.told()}`;
    } finally {
      clearTimeout(timer);
    }
  }

  told(): string {
    return this.#story.map((line) => `    ${line()}`).join("\n");
  }

  async #playAll(): Promise<void> {
    for (const item of this.#task.play.items) {
      if (item.kind === "event") await this.#happen(item);
      else if (item.shots.length === 1) await this.#single(item);
      else if (await this.#pieces(item) === "over") break;
    }
    // The agent forgets the others by itself: its table is larger than all plays.
    if (!this.#task.counts && this.#number % COMPLETED !== 0) return;
    for (const id of this.#ids) this.#common(await this.#client.complete(id), id);
  }

  async #single(volley: Volley): Promise<void> {
    const [shot] = volley.shots as [Shot];
    const answer = await this.#send(shot);
    const problem = judge(answer, volley.expect, volley.tagsAsSet);
    if (problem !== null) throw new Wrong(problem);
  }

  async #pieces({ shots, expect, mayDrop }: Volley): Promise<"over" | "on"> {
    const tags = new Set<string>();
    for (const shot of shots) {
      const answer = await this.#send(shot);
      for (const tag of answer.tags) tags.add(tag);
      if (answer.verdict === "allow") continue;
      if (expect.verdict === "allow") throw new Wrong(`expected allow of every piece, got ${described(answer)}`);
      if (answer.verdict === "drop" && !mayDrop) {
        throw new Wrong("expected close, since a part of a packet must not be dropped, got drop");
      }
      const refused: Expectation = {
        ...expect,
        verdict: "refused",
        ...(expect.verdict === "close" ? {} : { code: 1008 }),
      };
      const problem = judge(answer, refused, false);
      if (problem !== null) throw new Wrong(problem);
      return "over";
    }
    if (expect.verdict !== "allow") {
      throw new Wrong(`expected ${expect.verdict} with the last piece at the latest, got allow`);
    }
    const problem = expect.tags === undefined ? null : compareTags([...tags], expect.tags, true);
    if (problem !== null) throw new Wrong(problem);
    return "on";
  }

  async #happen({ step }: Happening): Promise<void> {
    switch (step.event) {
      case "advance":
        this.#story.push(() => `${step.ms} ms pass`);
        this.#agent.advance(step.ms);
        return;
      case "configure": {
        const answer = await this.#client.configure(step.config);
        this.#story.push(() => `configure ${JSON.stringify(step.config)} → ${answer.json}`);
        if (answer.decision !== "allow") throw new Wrong("expected that the configuration is accepted");
        return;
      }
      case "request_complete": {
        const id = this.#id(step.id ?? "k");
        this.#story.push(() => `request_complete ${id}`);
        this.#common(await this.#client.complete(id), id);
        return;
      }
      case "request_headers": {
        const id = this.#id(step.id ?? "k");
        const answer = await this.#client.upgrade({
          correlationId: id,
          clientIp: withoutPort(this.#address(step.conn ?? "A")),
          routeId: step.route === undefined ? "mqtt" : step.route,
          headers: step.headers,
        });
        this.#story.push(() => `upgrade ${JSON.stringify(step.headers)} → ${described(answer)}`);
        this.#checkUpgrade(answer, id, { ...step, verdict: step.verdict ?? "allow" });
        return;
      }
      default:
        step satisfies never;
    }
  }

  #checkUpgrade(answer: AgentAnswer, id: string, expect: Expectation): void {
    this.#common(answer, id);
    const { decision } = answer;
    if (answer.verdict !== null) throw new Wrong("expected no WebSocket decision for an upgrade");
    if (expect.verdict === "block") {
      if (decision === "allow") throw new Wrong("expected a block, got allow");
      if (decision.status !== (expect.code ?? 403)) {
        throw new Wrong(`expected block ${expect.code ?? 403}, got ${decision.status}`);
      }
      if ((decision.body ?? "") === "") throw new Wrong("expected a body that says what to do");
    } else if (decision !== "allow") throw new Wrong(`expected allow, got block ${decision.status}`);
    if (expect.reason !== undefined && !answer.reasonCodes.includes(expect.reason)) {
      throw new Wrong(`expected reason "${expect.reason}", got ${JSON.stringify(answer.reasonCodes)}`);
    }
    const problem = expect.tags === undefined ? null : compareTags(answer.tags, expect.tags, false);
    if (problem !== null) throw new Wrong(problem);
  }

  async #send(shot: Shot): Promise<AgentAnswer> {
    const id = this.#id(shot.id);
    const lane = `${shot.conn} ${id} ${shot.fromClient}`;
    const index = shot.index ?? this.#indexes.get(lane) ?? 0;
    this.#indexes.set(lane, index + 1);
    this.frames++;
    const answer = await this.#client.frame({
      correlationId: id,
      clientIp: this.#address(shot.conn),
      routeId: shot.route === undefined ? "mqtt" : shot.route,
      fromClient: shot.fromClient,
      opcode: shot.opcode,
      fin: shot.fin,
      index,
      data: shot.data ?? shot.bytes.toBase64(),
    });
    const who = shot.conn === "A" ? "" : `${shot.conn} `;
    this.#story.push(() =>
      `${who}${shot.fromClient ? "client" : "broker"} #${index} ${shot.opcode}${shot.fin ? "" : " fin=0"} ${
        shot.data ?? toHex(shot.bytes)
      } → ${described(answer)}`
    );
    this.#common(answer, id);
    if (answer.decision !== "allow") throw new Wrong('expected the decision "allow" for a frame');
    if (answer.verdict === null) throw new Wrong("expected a WebSocket decision for a frame");
    return answer;
  }

  /** What holds for every answer. */
  #common(answer: AgentAnswer, id: string): void {
    const { protocol } = this.#task;
    if (answer.version !== protocol) throw new Wrong(`expected version ${protocol}, got ${answer.version}`);
    const { correlation_id: told } = answer.custom;
    if (protocol === 2 ? told !== id : told !== undefined && told !== id) {
      throw new Wrong(`expected the correlation id "${id}", got ${JSON.stringify(told)}`);
    }
    for (const secret of SECRETS) if (answer.json.includes(secret)) throw new Wrong(`the answer tells "${secret}"`);
    if (answer.tags.includes("internal-error")) throw new Wrong("the agent failed inside");
    if (answer.verdict === "close") {
      if (!CLOSE_CODES.includes(answer.closeCode)) {
        throw new Wrong(`close code ${answer.closeCode} is none of the agent's`);
      }
      const bytes = new TextEncoder().encode(answer.closeReason).length;
      if (bytes === 0 || bytes > MAX_REASON_BYTES) throw new Wrong(`the close reason has ${bytes} bytes`);
    }
  }

  #id(name: string): string {
    const id = `play-${this.#number}-${name}`;
    this.#ids.add(id);
    return id;
  }

  #address(conn: string): string {
    const unique = `10.${(this.#number >> 16) & 255}.${(this.#number >> 8) & 255}.${this.#number & 255}`;
    const given = this.#task.vector.addresses?.[conn];
    if (given !== undefined) return given.replace("*", unique);
    return `${unique}:${40_000 + conn.charCodeAt(0)}`;
  }
}

/** The proxy writes an address without port into the event of an upgrade. */
function withoutPort(address: string): string {
  return address.replace(/^\[(.*)\]:\d+$/, "$1").replace(/^([^:]+):\d+$/, "$1");
}

/** Null, or how the answer differs from what was expected. */
function judge(answer: AgentAnswer, expect: Expectation, tagsAsSet: boolean): string | null {
  const { verdict, code, reason, tags } = expect;
  const got = answer.verdict;
  if (verdict === "refused" ? got === "allow" : got !== verdict) return `expected ${verdict}, got ${described(answer)}`;
  if (got === "close" && answer.closeCode !== (code ?? 1008)) {
    return `expected close ${code ?? 1008}, got ${described(answer)}`;
  }
  if (reason !== undefined && !answer.reasonCodes.includes(reason)) {
    return `expected reason "${reason}", got ${described(answer)}`;
  }
  return tags === undefined ? null : compareTags(answer.tags, tags, tagsAsSet);
}

/** `*` at the end stands for anything that follows. */
function compareTags(got: readonly string[], expected: readonly string[], asSet: boolean): string | null {
  const open = expected.at(-1) === "*";
  const wanted = open ? expected.slice(0, -1) : expected;
  const fits = asSet
    ? wanted.every((tag) => got.includes(tag)) && (open || got.every((tag) => wanted.includes(tag)))
    : wanted.every((tag, i) => got[i] === tag) && (open || got.length === wanted.length);
  return fits ? null : `expected tags ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`;
}

function described(answer: AgentAnswer): string {
  const { verdict, decision, tags, reasonCodes } = answer;
  const what = verdict === "close"
    ? `close ${answer.closeCode}`
    : verdict ?? (decision === "allow" ? "allow" : `block ${decision.status}`);
  return `${what} [${tags.join(" ")}] ${reasonCodes.join(" ")}`.trimEnd();
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
 * kind of play in every version, one byte a frame too, and two pieces cut at every byte in the newest; each over one of the
 * transports, which know nothing of packets.
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
      return isFirst === (version !== 3);
    case "byte fragments":
      return isFirst === (version === 3) && (version !== 3 || versions.length === 1);
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
