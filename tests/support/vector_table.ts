import type { AgentAnswer, AgentClient, ProtocolVersion } from "./agent_client.ts";
import type { RunningAgent } from "./agent_in_process.ts";
import { type MqttVersion, toHex } from "./annotated_hex.ts";
import { type EventStep, type Expectation, mergeConfig, type Vector } from "./vector.ts";
import type { Happening, Play, Shot, Volley } from "./vector_plays.ts";

/** Payloads, passwords and Will payloads of the vectors hold one of these; no answer and no line of the log may. */
export const SECRETS = ["s3cr3t", "hunter2"] as const;
/** What a client learns when its CONNECT is refused, whatever the reason (design: Settled questions). */
const NOT_AUTHORISED = "not authorised";
const LOGIN_TAGS: ReadonlySet<string | undefined> = new Set(["auth-failed", "auth-pending", "acl-denied"]);
/** The close codes that the agent may send (design: What the verdicts mean). */
const CLOSE_CODES = [1002, 1003, 1008, 1009, 1012];
/** Longest text of a close frame, beside its code (RFC 6455 section 5.5). */
const MAX_REASON_BYTES = 123;
/** Every so many plays tell the agent that the connection is over. */
const COMPLETED = 8;
/** A play that gets no answer for so long has lost it. */
const ANSWER_TIMEOUT_MS = 20_000;

/** One play in one protocol version. */
export interface Task {
  readonly vector: Vector;
  readonly version: MqttVersion;
  readonly protocol: ProtocolVersion;
  readonly play: Play;
  /** The configuration that it begins with. */
  readonly config: unknown;
  /** Tokens that it shows: no answer may. */
  readonly secrets: readonly string[];
  /** Connections are counted, so each has to end. */
  readonly counts: boolean;
}

type Change = Extract<EventStep, { event: "reload" }>;

/** What is wrong with an answer. */
class Wrong {
  constructor(readonly text: string) {}
}

/** One play on its way: connections by name, and what was said so far. */
export class Table {
  frames = 0;
  /** What was answered, in order. */
  readonly answers: string[] = [];
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
    for (const item of this.#task.play.makeItems()) {
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
        checkChange(step, answer.decision === "allow" ? null : answer.json);
        return;
      }
      case "reload": {
        const { config, text = JSON.stringify(mergeConfig(this.#task.config, config)) } = step;
        const problem = await this.#agent.reload(text);
        this.#story.push(() => `reload ${text} → ${problem}`);
        checkChange(step, problem);
        return;
      }
      case "set-wall":
        this.#story.push(() => `the time of day is set by ${step.ms} ms`);
        this.#agent.setWall(step.ms);
        return;
      case "settle":
        await this.#agent.settled();
        this.#story.push(() => "logins settle");
        return;
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
        this.answers.push(described(answer));
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
    this.answers.push(described(answer));
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
    for (const secret of [...SECRETS, ...this.#task.secrets]) {
      if (answer.json.includes(secret)) throw new Wrong(`the answer tells "${secret}"`);
    }
    if (answer.tags.includes("internal-error")) throw new Wrong("the agent failed inside");
    if (answer.verdict === "close") {
      if (!CLOSE_CODES.includes(answer.closeCode)) {
        throw new Wrong(`close code ${answer.closeCode} is none of the agent's`);
      }
      const bytes = new TextEncoder().encode(answer.closeReason).length;
      if (bytes === 0 || bytes > MAX_REASON_BYTES) throw new Wrong(`the close reason has ${bytes} bytes`);
      const isLogin = answer.custom["packet"] === "CONNECT" && LOGIN_TAGS.has(answer.tags[2]);
      if (isLogin && (answer.closeReason !== NOT_AUTHORISED || answer.closeCode !== 1008)) {
        throw new Wrong(`the client learns "${answer.closeReason}" of its login`);
      }
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

/** Whether another configuration was accepted or refused as it had to be. */
function checkChange({ verdict, says = "" }: Pick<Change, "verdict" | "says">, problem: string | null): void {
  const wanted = verdict === "block" ? "refused" : "accepted";
  if ((problem === null) !== (wanted === "accepted")) throw new Wrong(`expected that the configuration is ${wanted}`);
  if (problem !== null && !problem.includes(says)) throw new Wrong(`expected that the refusal says ${says}`);
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
