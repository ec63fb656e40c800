import { Agent } from "../../agent/agent.ts";
import type { Clock } from "../../agent/clock.ts";
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
  /** Moves the clock of the sessions on; that of the transport stands still. */
  advance(ms: number): void;
  stop(): Promise<void>;
}

/** Starts an agent with that configuration, as a file would hold it. */
export async function startAgent(config: unknown): Promise<RunningAgent> {
  const folder = await Deno.makeTempDir({ prefix: "mqtt-agent-" });
  const file = `${folder}/agent.json`;
  const socket = `${folder}/agent.sock`;
  await Deno.writeTextFile(file, JSON.stringify(config));
  const lines: string[] = [];
  const log = quietLogger(lines);
  let offsetMs = 0;
  const clock: Clock = { nowMs: () => performance.now() + offsetMs, wallMs: () => Date.now() + offsetMs };
  const logins = startLogins(clock.wallMs);
  const policies = await PolicyStore.open({
    file,
    env: () => undefined,
    log,
    wallMs: clock.wallMs,
    logins: logins.maker,
  });
  const agent = new Agent({ policies, log, audit: new AuditRing(100), clock });
  const server = serve(socket, agent, log);
  return {
    socket,
    agent,
    log: lines,
    advance: (ms) => {
      offsetMs += ms;
    },
    stop: async () => {
      await server();
      policies.close();
      await logins.close();
      await log.flush();
      await Deno.remove(folder, { recursive: true });
    },
  };
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
