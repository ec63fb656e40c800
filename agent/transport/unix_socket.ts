import type { Agent } from "../agent.ts";
import type { Logger } from "../log.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Peer } from "./peer.ts";
import { ReadRounds } from "./read_rounds.ts";

export interface UnixSocketOptions {
  readonly path: string;
  /** Permission bits of the socket file, 0o660 where absent. */
  readonly mode?: number;
  readonly agent: Agent;
  readonly log: Logger;
}

/** The socket can not be served; the message says why, in words for whoever started the program. */
export class SocketError extends Error {
  override readonly name = "SocketError";
}

/** A served Unix socket: protocols v1 and v2 on one path. */
export class UnixSocketServer {
  readonly path: string;
  readonly #listener: Deno.UnixListener;
  readonly #heartbeat = new Heartbeat(() => performance.now());
  readonly #rounds = new ReadRounds();
  readonly #peers = new Map<Peer, Promise<void>>();
  readonly #log: Logger;
  readonly #agent: Agent;
  readonly #sweeper: ReturnType<typeof setInterval>;
  #accepted = 0;

  private constructor(listener: Deno.UnixListener, { path, agent, log }: UnixSocketOptions) {
    this.path = path;
    this.#listener = listener;
    this.#agent = agent;
    this.#log = log;
    this.#heartbeat.start();
    this.#sweeper = setInterval(() => agent.sweep(), SWEEP_MS);
  }

  /**
   * Takes the path and begins to accept. A socket file that nobody answers on is replaced; throws `SocketError` for one
   * where another agent answers, and for a path that is no socket.
   */
  static async serve(options: UnixSocketOptions): Promise<UnixSocketServer> {
    await clearPath(options.path);
    const server = new UnixSocketServer(listen(options.path, options.mode ?? 0o660), options);
    server.#accept();
    return server;
  }

  /** Connections of proxies. */
  get connections(): number {
    return this.#peers.size;
  }

  /** Stops accepting, lets what is being decided be answered, and closes; resolves when all is closed. */
  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#listener.close();
    for (const peer of this.#peers.keys()) peer.stop();
    await Promise.all(this.#peers.values());
    this.#heartbeat.stop();
    // Deno removes the file when it closes the listener; on some systems it stays.
    await Deno.remove(this.path).catch(() => {});
  }

  async #accept(): Promise<void> {
    for (;;) {
      let connection: Deno.Conn;
      try {
        connection = await this.#listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        this.#log.error("Cannot accept a connection of a proxy", {
          error: error instanceof Error ? error.message : String(error),
        }, { foldKey: "accept" });
        // Out of file descriptors, mostly: try again, but not in a tight circle.
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
        continue;
      }
      const peer = new Peer(connection, {
        agent: this.#agent,
        log: this.#log,
        heartbeat: this.#heartbeat,
        rounds: this.#rounds,
        now: () => performance.now(),
        yieldTurn: () => new Promise((resolve) => setImmediate(resolve)),
        name: `#${++this.#accepted}`,
      });
      this.#peers.set(peer, peer.serve().finally(() => this.#peers.delete(peer)));
    }
  }
}

const SWEEP_MS = 250;
const ACCEPT_PAUSE_MS = 100;

function listen(path: string, mode: number): Deno.UnixListener {
  try {
    const listener = Deno.listen({ transport: "unix", path });
    // In the same turn, before anything is accepted. A process mask of 022 or 077, the usual ones, has let nobody but
    // the owner connect until here.
    Deno.chmodSync(path, mode);
    return listener;
  } catch (error) {
    throw new SocketError(`Cannot listen on "${path}": ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

async function clearPath(path: string): Promise<void> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new SocketError(`Cannot look at "${path}": ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  if (!info.isSocket) throw new SocketError(`Cannot listen on "${path}": it exists and is not a socket`);
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) {
      // Left behind by a process that was killed: nobody listens there.
      await Deno.remove(path);
      return;
    }
    throw new SocketError(
      `Cannot tell whether another agent listens on "${path}": ${
        error instanceof Error ? error.message : String(error)
      }`,
      { cause: error },
    );
  }
  throw new SocketError(`Cannot listen on "${path}": another agent answers there`);
}
