import { Agent } from "../../agent/agent.ts";
import type { FrameReport } from "../../agent/frame_report.ts";
import type { Clock } from "../../agent/clock.ts";
import type { Policy } from "../../agent/policy/policy.ts";
import type { Tracer } from "../../agent/policy/trace.ts";
import type { BcryptPool } from "../../agent/auth/bcrypt_pool.ts";
import { LoginMaker } from "../../agent/auth/logins.ts";
import { realSurroundings } from "../../agent/auth/surroundings.ts";
import type { Threads } from "../../agent/auth/threads.ts";
import { AutoBan, BanList } from "../../agent/bans/mod.ts";
import { AuditRing } from "../../agent/audit/ring.ts";
import { createLogger, type Logger } from "../../agent/log.ts";
import { startLogins } from "./test_logins.ts";
import { PolicyStore } from "../../agent/policy_store.ts";
import { Heartbeat } from "../../agent/transport/heartbeat.ts";
import { Peer } from "../../agent/transport/peer.ts";
import { ReadRounds } from "../../agent/transport/read_rounds.ts";

/** An agent that serves a Unix socket in this process. */
export interface RunningAgent {
  /** Path of the socket. */
  readonly socket: string;
  readonly agent: Agent;
  /** What it logged at warning and above, as it would be written. */
  readonly log: readonly string[];
  /** Moves the clock of the sessions, on or back; that of the transport stands still. */
  advance(ms: number): void;
  /** Moves the time of day alone, as whoever sets a machine's clock does. */
  setWall(ms: number): void;
  /** Puts another text into the configuration file, or removes it, and has it read: null, or what is wrong with it. */
  reload(text: string | null): Promise<string | null>;
  /** Resolves when the work on every login that was begun is done. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export interface StartOptions {
  /** What `${NAME}` in the configuration stands for; nothing, where absent. */
  readonly env?: (name: string) => string | undefined;
  /** What it takes for the time when it starts, in milliseconds since the epoch; the time, where absent. */
  readonly nowMs?: number;
  /** The clock of the sessions moves only by `advance()`: what is exact to the millisecond can be tested. */
  readonly standing?: boolean;
  /** Where passwords are proved; threads of its own, where absent. */
  readonly workers?: BcryptWorkers;
  readonly listener?: Listener | undefined;
}

/** Hears the frame path, and what became of each frame. */
export interface Listener {
  readonly tracer: Tracer;
  /** A frame begins to be judged. */
  begin(): void;
  /** It was. The report is valid during the call. */
  judged(report: FrameReport): void;
}

/** Threads and the pool in them. A thread takes a second to start, so agents may share them. */
export interface BcryptWorkers {
  readonly threads: Threads;
  readonly pool: BcryptPool;
}

/**
 * Starts an agent with that configuration, as a file would hold it. Its proxy is patient: unless the configuration says
 * `decision-deadline-ms`, a CONNECT waits for its login as long as it takes.
 */
export async function startAgent(
  config: unknown,
  { env = () => undefined, nowMs = Date.now(), standing = false, workers, listener }: StartOptions = {},
): Promise<RunningAgent> {
  const folder = await Deno.makeTempDir({ prefix: "mqtt-agent-" });
  const file = `${folder}/agent.json`;
  const socket = `${folder}/agent.sock`;
  await Deno.writeTextFile(file, JSON.stringify(config));
  const lines: string[] = [];
  const log = quietLogger(lines);
  let offsetMs = 0;
  const startMs = Math.floor(performance.now());
  const monotonicMs = () => (standing ? startMs : performance.now()) + offsetMs;
  let aheadMs = nowMs - monotonicMs();
  const clock: Clock = { nowMs: monotonicMs, wallMs: () => monotonicMs() + aheadMs };
  const own = workers === undefined ? startLogins(clock.wallMs) : null;
  const maker = own?.maker ??
    new LoginMaker({ ...workers as BcryptWorkers, surroundings: realSurroundings(() => {}), wallMs: clock.wallMs });
  const list = new BanList({ setTimer: () => () => {}, tell: () => {} });
  const bans = { list, auto: new AutoBan(list, { tell: () => {} }) };
  const policies = await PolicyStore.open({
    file,
    env,
    log,
    wallMs: clock.wallMs,
    bans,
    logins: maker,
    keepWritten: listener !== undefined,
  });
  const tracing = listener === undefined ? {} : { tracer: listener.tracer };
  const parts = { policies, log, audit: new AuditRing(100), clock, bans, ...tracing };
  const agent = hasDeadline(config) ? new Agent(parts) : new PatientAgent(parts);
  if (listener !== undefined) listenTo(agent, listener);
  const server = serve(socket, agent, log);
  return {
    socket,
    agent,
    log: lines,
    advance: (ms) => {
      offsetMs += ms;
    },
    setWall: (ms) => {
      aheadMs += ms;
    },
    reload: async (text) => {
      if (text === null) await Deno.remove(file);
      else await Deno.writeTextFile(file, text);
      return await policies.reload("a test");
    },
    settled: async () => {
      while ((policies.desk?.size.pending ?? 0) > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    },
    stop: async () => {
      await server();
      policies.close();
      await own?.close();
      await log.flush();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Longest wait for a login of milliseconds on a machine that is busy with other things. */
const PATIENT_MS = 15_000;

/** Whoever carries its frames has time: a verdict must not depend on how busy the machine is. */
class PatientAgent extends Agent {
  #patient: Policy | null = null;

  override get policy(): Policy {
    const policy = super.policy;
    if (this.#patient?.number !== policy.number) this.#patient = { ...policy, decisionDeadlineMs: PATIENT_MS };
    return this.#patient as Policy;
  }
}

function listenTo(agent: Agent, listener: Listener): void {
  const judgeFrame = agent.judgeFrame.bind(agent);
  const resume = agent.resume.bind(agent);
  const heard = (judge: () => FrameReport): FrameReport => {
    listener.begin();
    const report = judge();
    listener.judged(report);
    return report;
  };
  agent.judgeFrame = (frame, room) => heard(() => judgeFrame(frame, room));
  agent.resume = (waiting, verdict) => heard(() => resume(waiting, verdict));
}

function hasDeadline(config: unknown): boolean {
  return (config as { general?: Record<string, unknown> }).general?.["decision-deadline-ms"] !== undefined;
}

/**
 * Serves the socket as `UnixSocketServer` does, but by a clock that stands still: on a machine that is busy with other
 * things an answer would be too old to be written, and a test of verdicts would fail by chance. What is answered late is
 * tested where the clock is moved by hand. Returns what stops it.
 */
function serve(path: string, agent: Agent, log: Logger): () => Promise<void> {
  const listener = Deno.listen({ transport: "unix", path });
  const heartbeat = new Heartbeat(() => 0);
  const rounds = new ReadRounds();
  const peers = new Map<Peer, Promise<void>>();
  const accepting = (async () => {
    for await (const connection of listener) {
      const peer = new Peer(connection, {
        agent,
        log,
        heartbeat,
        rounds,
        now: () => 0,
        yieldTurn: () => new Promise((resolve) => setImmediate(resolve)),
        name: `#${peers.size + 1}`,
      });
      peers.set(peer, peer.serve());
    }
  })();
  return async () => {
    listener.close();
    await accepting;
    for (const peer of peers.keys()) peer.stop();
    await Promise.all(peers.values());
  };
}

/** Lines kept; what an agent logs beyond them is lost. */
const MAX_LINES = 10_000;

const decoder = new TextDecoder();

function quietLogger(lines: string[]): Logger {
  return createLogger({
    level: "warn",
    json: true,
    write: (bytes) => {
      for (const line of decoder.decode(bytes).split("\n")) {
        if (line !== "" && lines.length < MAX_LINES) lines.push(line);
      }
      return Promise.resolve(bytes.length);
    },
  });
}
