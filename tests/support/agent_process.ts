import { type AgentClient, ConnectionEnded } from "./agent_client.ts";

/** The program as it is installed, in a process of its own. */
export interface AgentProcess {
  readonly socket: string;
  /** What it has logged so far. */
  log(): string;
  /** Bytes of memory that the process holds. */
  residentBytes(): Promise<number>;
  /** Ends it by SIGTERM; resolves to its exit code. */
  stop(): Promise<number>;
}

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** Starts `main.ts` with that configuration and waits until it says that it listens. */
export async function startAgentProcess(config: unknown): Promise<AgentProcess> {
  const folder = await Deno.makeTempDir({ prefix: "mqtt-agent-" });
  const socket = `${folder}/agent.sock`;
  await Deno.writeTextFile(`${folder}/agent.json`, JSON.stringify(config));
  const permissions = ["--allow-read", "--allow-write", "--allow-net", "--allow-env"];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", ...permissions, MAIN, "--socket", socket, "--config", `${folder}/agent.json`],
    env: { NO_COLOR: "1", AGENT_STATE_DIR: `${folder}/state` },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let log = "";
  let sawListening = () => {};
  const listening = new Promise<void>((resolve) => sawListening = resolve);
  const ended = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      log += text;
      if (log.includes("Listening")) sawListening();
    }
    return (await child.status).code;
  })();
  const died = ended.then((code) => {
    throw new Error(`The agent ended with ${code} before it listened: ${log}`);
  });
  await Promise.race([listening, died]);
  died.catch(() => {});
  return {
    socket,
    log: () => log,
    residentBytes: async () => {
      const status = await Deno.readTextFile(`/proc/${child.pid}/status`);
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
    },
    stop: async () => {
      child.kill("SIGTERM");
      const code = await ended;
      await Deno.remove(folder, { recursive: true });
      return code;
    },
  };
}

/** A client that nothing is wrong with: it must be served whatever others do. */
export class Witness {
  /** How often the agent gave its connection up, as it does when an answer would come too late. */
  reconnects = 0;
  readonly #connect: () => Promise<AgentClient>;
  #client: AgentClient | null = null;
  #frames = 0;

  constructor(connect: () => Promise<AgentClient>) {
    this.#connect = connect;
  }

  /** One more frame, allowed: CONNECT first, pings behind it. Throws for any other answer. */
  async ask(): Promise<void> {
    for (;;) {
      this.#client ??= await this.#connect();
      try {
        return await this.#askOnce(this.#client);
      } catch (error) {
        if (!(error instanceof ConnectionEnded) || this.reconnects === MAX_RECONNECTS) throw error;
        this.reconnects++;
        this.#client = null;
      }
    }
  }

  async close(): Promise<void> {
    this.#client?.close();
    await this.#client?.end;
  }

  async #askOnce(client: AgentClient): Promise<void> {
    const answer = await client.frame({
      correlationId: "witness",
      clientIp: "192.0.2.7:7777",
      routeId: "mqtt",
      fromClient: true,
      opcode: "binary",
      fin: true,
      index: this.#frames,
      // CONNECT of MQTT 3.1.1 without keep alive, id "w"; PINGREQ.
      data: this.#frames++ === 0 ? "EA0ABE1RVFQEAgAAAAF3" : "wAA=",
    });
    if (answer.verdict !== "allow") throw new Error(`The witness was refused: ${answer.json}`);
  }
}

const MAX_RECONNECTS = 10;
