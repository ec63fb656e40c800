import {
  type AgentClient,
  type AgentClientOptions,
  type AgentEvent,
  type AgentResponse,
  parseAgentResponse,
  parseJsonObject,
} from "./agent_messages.ts";
import { connectToAgent, MessageStream } from "./message_stream.ts";
import type { Socket } from "./socket.ts";

/** The real pool keeps this many connections when nobody uses them (manager.rs: 10 at most, 5 idle). */
const MAX_IDLE = 5;

/** Agent id in the configuration push; the agent does not look at it. */
const AGENT_ID = "mqtt-gateway";

/**
 * Speaks protocol v1 as the proxies of 26.01 to 26.02_17 do: a message is a length and JSON, one event at a time on a
 * connection, answered in order and without an id.
 *
 * An event takes the idle connection that was used last, or opens one while there are fewer than `pool`. When all are in
 * use it queues for one *shared connection* beside the pool, in the order of arrival.
 *
 * What a time-out does, with `staleAnswers` (as the real one does it):
 * - In the pool the connection is thrown away, but its place stays taken for ever: the slot leaks. After `pool` time-outs
 *   everybody queues for the shared connection. `pool: 0` is that state from the start.
 * - On the shared connection the answer is still to come, and is read as the answer to the next event, whosoever that is.
 *   Every answer behind it is then one event late.
 *
 * Without `staleAnswers` an overdue connection is closed and its place becomes free.
 */
export class AgentClientV1 implements AgentClient {
  readonly #options: AgentClientOptions & { readonly noticeDeadConnections: boolean };
  readonly #open = new Set<V1Connection>();
  readonly #sharedTurn = new Turns();
  #idle: V1Connection[] = [];
  #slotsTaken = 0;
  #shared: V1Connection | null = null;
  #leakedSlots = 0;
  #staleAnswers = 0;

  /**
   * `noticeDeadConnections: false` keeps idle connections that the agent has closed, as the real pool does: each makes
   * the next event fail that meets it. Default true: they are forgotten when they close.
   */
  constructor(options: AgentClientOptions & { readonly noticeDeadConnections?: boolean }) {
    this.#options = { noticeDeadConnections: true, ...options };
  }

  get openConnections(): number {
    return this.#open.size;
  }

  get staleAnswers(): number {
    return this.#staleAnswers;
  }

  /** Places in the pool that can never be used again. */
  get leakedSlots(): number {
    return this.#leakedSlots;
  }

  /** Opens the shared connection and pushes the configuration over it, once. Throws when the agent refuses it. */
  async start(): Promise<void> {
    this.#shared = await this.#connect();
    const { config } = this.#options;
    if (config === undefined) return;
    const payload = { agent_id: AGENT_ID, config };
    const answer = await this.#shared.call("configure", payload, new AbortController().signal);
    if (answer.decision === "allow") return;
    throw new Error(
      `Cannot configure the agent: ${answer.decision.block.body ?? `status ${answer.decision.block.status}`}`,
    );
  }

  async call(event: AgentEvent, signal: AbortSignal): Promise<AgentResponse> {
    let connection = this.#idle.pop();
    if (connection === undefined) {
      if (this.#slotsTaken >= this.#options.pool) return await this.#callShared(event, signal);
      this.#slotsTaken++;
      try {
        connection = await this.#connect();
      } catch (error) {
        this.#slotsTaken--;
        throw error;
      }
    }
    try {
      const answer = await connection.call(event.type, event.payload, signal);
      this.#release(connection);
      return answer;
    } catch (error) {
      connection.close();
      if (signal.aborted && this.#options.staleAnswers) {
        this.#leakedSlots++;
        this.#options.log("An answer is overdue: its slot in the pool has leaked");
      } else {
        this.#slotsTaken--;
      }
      throw error;
    }
  }

  close(): void {
    for (const connection of this.#open) connection.close();
    this.#idle = [];
    this.#shared = null;
  }

  #release(connection: V1Connection): void {
    if (this.#idle.length < Math.min(MAX_IDLE, this.#options.pool) && !connection.ended) {
      this.#idle.push(connection);
    } else {
      connection.close();
      this.#slotsTaken--;
    }
  }

  async #callShared(event: AgentEvent, signal: AbortSignal): Promise<AgentResponse> {
    await this.#sharedTurn.take(signal);
    try {
      this.#shared ??= await this.#connect();
      return await this.#shared.call(event.type, event.payload, signal);
    } catch (error) {
      if (signal.aborted ? !this.#options.staleAnswers : this.#shared?.ended) {
        this.#shared?.close();
        this.#shared = null;
      }
      throw error;
    } finally {
      this.#sharedTurn.pass();
    }
  }

  async #connect(): Promise<V1Connection> {
    const connection = new V1Connection(await connectToAgent(this.#options.socketPath), {
      onStale: () => {
        this.#staleAnswers++;
        this.#options.log("A late answer was read as the answer to a later event");
      },
      onEnd: () => {
        this.#open.delete(connection);
        if (!this.#options.noticeDeadConnections) return;
        if (this.#shared === connection) this.#shared = null;
        if (!this.#idle.includes(connection)) return;
        this.#idle = this.#idle.filter((other) => other !== connection);
        this.#slotsTaken--;
      },
    });
    this.#open.add(connection);
    return connection;
  }
}

interface V1Events {
  readonly onStale: () => void;
  readonly onEnd: () => void;
}

/** One connection: what arrives belongs to whoever waits, whatever it answers. */
class V1Connection {
  readonly #socket: Socket;
  readonly #messages: MessageStream;
  readonly #events: V1Events;
  readonly #inbox: Uint8Array[] = [];
  #waiter: { resolve: (message: Uint8Array) => void; reject: (error: Error) => void } | null = null;
  #owed = 0;
  #ended = false;

  constructor(socket: Socket, events: V1Events) {
    this.#socket = socket;
    this.#messages = new MessageStream(socket);
    this.#events = events;
    this.#receive();
  }

  get ended(): boolean {
    return this.#ended;
  }

  async call(type: string, payload: unknown, signal: AbortSignal): Promise<AgentResponse> {
    if (signal.aborted) throw overdue();
    if (this.#ended || !await this.#messages.write({ version: 1, event_type: type, payload })) {
      throw new Error("Cannot ask the agent: broken pipe");
    }
    const answer = parseAgentResponse(parseJsonObject(await this.#nextMessage(signal)));
    if (answer.version !== 1) {
      throw new Error(`Cannot read the agent's answer: its version is ${answer.version}, not 1`);
    }
    return answer;
  }

  close(): void {
    this.#socket.close();
  }

  #nextMessage(signal: AbortSignal): Promise<Uint8Array> {
    if (signal.aborted) {
      this.#owed++;
      return Promise.reject(overdue());
    }
    const early = this.#inbox.shift();
    if (early !== undefined) return Promise.resolve(this.#counted(early));
    if (this.#ended) return Promise.reject(new Error("Cannot read the agent's answer: the connection has ended"));
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiter = null;
        this.#owed++;
        reject(overdue());
      };
      signal.addEventListener("abort", abort, { once: true });
      const settle = () => signal.removeEventListener("abort", abort);
      this.#waiter = {
        resolve: (message) => (settle(), resolve(message)),
        reject: (error) => (settle(), reject(error)),
      };
    });
  }

  #counted(message: Uint8Array): Uint8Array {
    if (this.#owed > 0) {
      // One answer stays owed from here on: the one that this caller should have had.
      this.#events.onStale();
    }
    return message;
  }

  async #receive(): Promise<void> {
    let failure = "the connection has ended";
    try {
      for (let message = await this.#messages.read(); message !== null; message = await this.#messages.read()) {
        const waiter = this.#waiter;
        this.#waiter = null;
        if (waiter === null) this.#inbox.push(message);
        else waiter.resolve(this.#counted(message));
      }
    } catch (error) {
      failure = String(error);
    }
    this.#ended = true;
    this.#socket.close();
    this.#waiter?.reject(new Error(`Cannot read the agent's answer: ${failure}`));
    this.#events.onEnd();
  }
}

/** Lets callers in one at a time, in the order in which they came. */
class Turns {
  #held = false;
  readonly #queue: (() => void)[] = [];

  /** Resolves when it is the caller's turn; rejects, and gives the place up, when `signal` aborts first. */
  take(signal: AbortSignal): Promise<void> {
    if (!this.#held) {
      this.#held = true;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      const abort = () => {
        const place = this.#queue.indexOf(enter);
        if (place >= 0) this.#queue.splice(place, 1);
        reject(overdue());
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#queue.push(enter);
    });
  }

  pass(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#held = false;
    else next();
  }
}

function overdue(): Error {
  return new Error("Cannot wait longer for the agent's answer");
}
