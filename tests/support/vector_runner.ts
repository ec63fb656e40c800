import { type AgentAnswer, type AgentClient, connectAgent, ConnectionEnded, type ProtocolVersion } from "./agent_client.ts";
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
/** Plays that go on at the same time. */
const LANES = 12;
/** A play that gets no answer for so long has lost it. */
const ANSWER_TIMEOUT_MS = 3000;
/** An agent that is stalled by its neighbours on the machine leaves late answers out; then a play begins anew. */
const MAX_ATTEMPTS = 4;

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
}

export interface RunResult {
  /** What went wrong, by vector. */
  readonly failures: ReadonlyMap<Vector, readonly string[]>;
  /** Vectors whose configuration the agent refuses because a part of it is not built yet. */
  readonly notBuilt: ReadonlySet<Vector>;
  readonly plays: number;
  readonly frames: number;
  /** Plays that had to begin anew because the agent was stalled. */
  readonly retries: number;
}

/** One play in one protocol version. */
interface Task {
  readonly vector: Vector;
  readonly version: MqttVersion;
  readonly protocol: ProtocolVersion;
  readonly play: Play;
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
  for (const group of groupTasks(file)) await run.group(group);
  return run;
}

class Run implements RunResult {
  readonly failures = new Map<Vector, string[]>();
  readonly notBuilt = new Set<Vector>();
  plays = 0;
  frames = 0;
  retries = 0;
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
          for (const task of chain) await this.#play(agent, task, () => clients.get(task.protocol, lane));
        }
      }));
      const inside = agent.log.find((line) => line.includes("Cannot judge a frame"));
      if (inside !== undefined) throw new Error(`The agent failed inside: ${inside}`);
    } finally {
      await clients.close();
      await agent.stop();
    }
  }

  async #play(agent: RunningAgent, task: Task, client: () => Promise<AgentClient>): Promise<void> {
    for (let attempt = 1;; attempt++) {
      const table = new Table(agent, await client(), task, this.#options.nextPlay());
      const problem = await table.play();
      this.frames += table.frames;
      if (problem instanceof Stalled && attempt < MAX_ATTEMPTS) {
        this.retries++;
        continue;
      }
      this.plays++;
      if (problem === null) return;
      const failures = this.failures.get(task.vector) ?? [];
      failures.push(problem instanceof Stalled ? `${table.title}: no answer\n${table.told()}` : problem);
      this.failures.set(task.vector, failures);
      return;
    }
  }
}

/** Connections to one agent: over v1 a lane has its own, over v2 all share two. */
class Clients {
  readonly #socket: string;
  readonly #pool = new Map<string, Promise<AgentClient>>();

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** The connection of a lane; a new one where the agent closed the last. */
  async get(protocol: ProtocolVersion, lane: number): Promise<AgentClient> {
    const slot = protocol === 1 ? lane : lane % 2;
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

/** The agent was too slow to answer. */
class Stalled {
  constructor(readonly text: string) {}
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
  readonly #story: string[] = [];

  constructor(agent: RunningAgent, client: AgentClient, task: Task, number: number) {
    this.#agent = agent;
    this.#client = client;
    this.#task = task;
    this.#number = number;
    this.title = `"${task.vector.name}" (${task.vector.class}) played ${task.play.mode}, MQTT ${task.version}, protocol v${task.protocol}`;
  }

  /** Null, or what went wrong. */
  async play(): Promise<string | Stalled | null> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new ConnectionEnded("no answer in time")), ANSWER_TIMEOUT_MS);
    });
    try {
      await Promise.race([this.#playAll(), timeout]);
      return null;
    } catch (error) {
      if (error instanceof Wrong) return `${this.title}: ${error.text}\n${this.told()}`;
      if (error instanceof ConnectionEnded) {
        this.#client.close();
        return new Stalled(error.message);
      }
      return `${this.title}: ${error instanceof Error ? error.stack : error}\n${this.told()}`;
    } finally {
      clearTimeout(timer);
    }
  }

  told(): string {
    return this.#story.map((line) => `    ${line}`).join("\n");
  }

  async #playAll(): Promise<void> {
    for (const item of this.#task.play.items) {
      if (item.kind === "event") await this.#happen(item);
      else if (item.shots.length === 1) await this.#single(item);
      else if (await this.#pieces(item) === "over") break;
    }
    for (const id of this.#ids) this.#common(await this.#client.complete(id), id);
  }

  async #single(volley: Volley): Promise<void> {
    const [shot] = volley.shots as [Shot];
    const answer = await this.#send(shot, volley.expect);
    const problem = judge(answer, volley.expect, volley.tagsAsSet);
    if (problem !== null) throw new Wrong(problem);
  }

  async #pieces({ shots, expect, mayDrop }: Volley): Promise<"over" | "on"> {
    const tags = new Set<string>();
    for (const shot of shots) {
      const answer = await this.#send(shot, expect);
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
    if (expect.verdict !== "allow") throw new Wrong(`expected ${expect.verdict} with the last piece at the latest, got allow`);
    const problem = expect.tags === undefined ? null : compareTags([...tags], expect.tags, true);
    if (problem !== null) throw new Wrong(problem);
    return "on";
  }

  async #happen({ step }: Happening): Promise<void> {
    switch (step.event) {
      case "advance":
        this.#story.push(`${step.ms} ms pass`);
        this.#agent.advance(step.ms);
        return;
      case "configure": {
        const answer = await this.#client.configure(step.config);
        this.#story.push(`configure ${JSON.stringify(step.config)} → ${answer.json}`);
        if (answer.decision !== "allow") throw new Wrong("expected that the configuration is accepted");
        return;
      }
      case "request_complete": {
        const id = this.#id(step.id ?? "k");
        this.#story.push(`request_complete ${id}`);
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
        this.#story.push(`upgrade ${JSON.stringify(step.headers)} → ${described(answer)}`);
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
      if (decision.status !== (expect.code ?? 403)) throw new Wrong(`expected block ${expect.code ?? 403}, got ${decision.status}`);
      if ((decision.body ?? "") === "") throw new Wrong("expected a body that says what to do");
    } else if (decision !== "allow") throw new Wrong(`expected allow, got block ${decision.status}`);
    if (expect.reason !== undefined && !answer.reasonCodes.includes(expect.reason)) {
      throw new Wrong(`expected reason "${expect.reason}", got ${JSON.stringify(answer.reasonCodes)}`);
    }
    const problem = expect.tags === undefined ? null : compareTags(answer.tags, expect.tags, false);
    if (problem !== null) throw new Wrong(problem);
  }

  async #send(shot: Shot, expect: Expectation): Promise<AgentAnswer> {
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
    this.#story.push(
      `${who}${shot.fromClient ? "client" : "broker"} #${index} ${shot.opcode}${shot.fin ? "" : " fin=0"} ${
        shot.data ?? toHex(shot.bytes)
      } → ${described(answer)}`,
    );
    this.#common(answer, id);
    if (answer.decision !== "allow") throw new Wrong('expected the decision "allow" for a frame');
    if (answer.verdict === null) throw new Wrong("expected a WebSocket decision for a frame");
    if (answer.tags.includes("late") && !(expect.tags ?? []).includes("late")) throw new ConnectionEnded("late");
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
      if (!CLOSE_CODES.includes(answer.closeCode)) throw new Wrong(`close code ${answer.closeCode} is none of the agent's`);
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

function groupTasks(file: VectorFile): Group[] {
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
    const isSerial = isOwn || time !== "" || isNamed(vector) || /"max-(sessions|connections-per-ip)"/.test(JSON.stringify(config));
    for (const version of vector.versions) {
      for (const protocol of [1, 2] as const) {
        const chain: Task[] = [];
        // One client id serves all plays of a chain, which go one after another. MQTT 3.1 takes 23 characters at most.
        const plays = playsOf(vector, version, `c${(number++).toString(36)}`, mixedOf(config));
        plays.forEach((play, i) => {
          // The transports differ in nothing that a cut could find, so the second one plays a part of them.
          if (protocol === 2 && play.mode.includes("cut at") && i % 4 !== version % 4) return;
          const task: Task = { vector, version, protocol, play };
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
