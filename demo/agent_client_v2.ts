import {
  type AgentClient,
  type AgentClientOptions,
  type AgentEvent,
  type AgentResponse,
  correlationIdOf,
  parseAgentResponse,
  parseJsonObject,
} from "./agent_messages.ts";
import { connectToAgent, MessageStream } from "./message_stream.ts";
import type { Socket } from "./socket.ts";

/** Type bytes of protocol v2 that this client sends or takes. */
const TYPE = {
  handshakeRequest: 0x01,
  handshakeResponse: 0x02,
  requestHeaders: 0x10,
  requestComplete: 0x14,
  webSocketFrame: 0x15,
  configure: 0x17,
  agentResponse: 0x20,
  healthStatus: 0x30,
  metricsReport: 0x31,
  configUpdateRequest: 0x32,
  flowControl: 0x33,
  ping: 0x41,
  pong: 0x42,
} as const;

/** What the client reads and forgets. Any other type byte makes it give the connection up. */
const FORGOTTEN: readonly number[] = [
  TYPE.healthStatus,
  TYPE.metricsReport,
  TYPE.configUpdateRequest,
  TYPE.flowControl,
  TYPE.pong,
];

const TYPE_OF_EVENT = {
  web_socket_frame: TYPE.webSocketFrame,
  request_headers: TYPE.requestHeaders,
  request_complete: TYPE.requestComplete,
} as const;

/** The client waits this long for the answer to a configuration, if its time-out is shorter. */
const CONFIGURE_TIMEOUT_MS = 5000;

const CONFIGURE_ID = "zentinel-configure-mqtt-gateway-0";

/**
 * What happens when both directions of one WebSocket have a frame in flight on one connection. They share a correlation
 * id, and the client has room for one waiting caller per id.
 * - `displace`, as in the real one: the caller that waits fails at once (its frame counts as unjudged), and the answer to
 *   *its* frame is given to the other caller.
 * - `avoid`: a connection is chosen on which the id is not in flight; where there is none, callers wait in line.
 */
export type IdCollision = "displace" | "avoid";

/** Options of protocol v2. */
export interface AgentClientV2Options extends AgentClientOptions {
  /** Default `displace`. */
  readonly idCollision?: IdCollision;
}

/**
 * Speaks protocol v2 as the client library 0.6.54 does: typed messages on `pool` connections used in turn, a handshake
 * first, answers matched by `audit.custom.correlation_id` and by nothing else. A connection that is lost is opened again
 * by the next event that would use it.
 *
 * A late answer, with `staleAnswers`, is taken for that of a later event with the same id on the same connection.
 */
export class AgentClientV2 implements AgentClient {
  readonly #options: AgentClientV2Options;
  readonly #slots: Slot[];
  #next = 0;
  #staleAnswers = 0;
  #closed = false;

  constructor(options: AgentClientV2Options) {
    this.#options = options;
    this.#slots = Array.from({ length: options.pool }, () => ({ connection: null, opening: null }));
  }

  get openConnections(): number {
    return this.#slots.filter((slot) => slot.connection !== null).length;
  }

  get staleAnswers(): number {
    return this.#staleAnswers;
  }

  /** Opens all connections. Throws when the agent refuses the handshake or the configuration. */
  async start(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => this.#connectionOf(slot)));
  }

  async call(event: AgentEvent, signal: AbortSignal): Promise<AgentResponse> {
    const id = correlationIdOf(event);
    const connection = await this.#connectionOf(this.#pick(id));
    if (signal.aborted) throw new Error("Cannot wait longer for the agent's answer");
    const payload = { ...event.payload, correlation_id: id };
    return await connection.call(TYPE_OF_EVENT[event.type], payload, signal);
  }

  close(): void {
    this.#closed = true;
    for (const slot of this.#slots) slot.connection?.close();
  }

  #pick(id: string): Slot {
    const inTurn = this.#slots.map((_, i) => this.#slots[(this.#next + i) % this.#slots.length]);
    this.#next = (this.#next + 1) % this.#slots.length;
    const free = this.#options.idCollision === "avoid"
      ? inTurn.find((slot) => !slot?.connection?.waitsFor(id))
      : undefined;
    const slot = free ?? inTurn[0];
    if (slot === undefined) throw new Error("Cannot ask the agent: the pool has no connections");
    return slot;
  }

  async #connectionOf(slot: Slot): Promise<V2Connection> {
    if (slot.connection !== null) return slot.connection;
    slot.opening ??= this.#open(slot).finally(() => slot.opening = null);
    return await slot.opening;
  }

  async #open(slot: Slot): Promise<V2Connection> {
    if (this.#closed) throw new Error("Cannot ask the agent: the client is closed");
    const connection = new V2Connection(await connectToAgent(this.#options.socketPath), this.#options, {
      onStale: () => this.#staleAnswers++,
      onEnd: () => {
        if (slot.connection === connection) slot.connection = null;
      },
    });
    await connection.start();
    if (connection.ended) throw new Error("Cannot ask the agent: the connection has ended");
    slot.connection = connection;
    return connection;
  }
}

interface Slot {
  connection: V2Connection | null;
  opening: Promise<V2Connection> | null;
}

interface Waiter {
  readonly resolve: (response: AgentResponse) => void;
  readonly reject: (error: Error) => void;
}

interface V2Events {
  readonly onStale: () => void;
  readonly onEnd: () => void;
}

class V2Connection {
  readonly #socket: Socket;
  readonly #messages: MessageStream;
  readonly #options: AgentClientV2Options;
  readonly #events: V2Events;
  /** Callers by correlation id; at most one each unless collisions are avoided. */
  readonly #waiting = new Map<string, Waiter[]>();
  readonly #owed = new Map<string, number>();
  #ended = false;

  constructor(socket: Socket, options: AgentClientV2Options, events: V2Events) {
    this.#socket = socket;
    this.#messages = new MessageStream(socket);
    this.#options = options;
    this.#events = events;
  }

  get ended(): boolean {
    return this.#ended;
  }

  waitsFor(id: string): boolean {
    return this.#waiting.has(id) || this.#owed.has(id);
  }

  /** Shakes hands and pushes the configuration. Closes the connection and throws when either is refused. */
  async start(): Promise<void> {
    try {
      await this.#shakeHands();
    } catch (error) {
      this.close();
      throw error;
    }
    this.#receive();
    const { config } = this.#options;
    if (config === undefined) return;
    const payload = { config, config_version: null, correlation_id: CONFIGURE_ID };
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), CONFIGURE_TIMEOUT_MS);
    try {
      const { decision } = await this.call(TYPE.configure, payload, controller.signal);
      if (decision === "allow") return;
      this.close();
      throw new Error(`Cannot configure the agent: ${decision.block.body ?? `status ${decision.block.status}`}`);
    } finally {
      clearTimeout(timer);
    }
  }

  async call(
    type: number,
    payload: { readonly correlation_id: string },
    signal: AbortSignal,
  ): Promise<AgentResponse> {
    const id = payload.correlation_id;
    const answer = new Promise<AgentResponse>((resolve, reject) => {
      const abort = () => {
        this.#forget(id, waiter);
        if (this.#options.staleAnswers) this.#owed.set(id, (this.#owed.get(id) ?? 0) + 1);
        else this.close();
        reject(new Error("Cannot wait longer for the agent's answer"));
      };
      const settle = () => signal.removeEventListener("abort", abort);
      const waiter: Waiter = {
        resolve: (response) => (settle(), resolve(response)),
        reject: (error) => (settle(), reject(error)),
      };
      this.#enter(id, waiter);
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    });
    const written = this.#messages.write(payload, type);
    written.then((intact) => {
      if (!intact) this.close();
    });
    return await answer;
  }

  close(): void {
    this.#socket.close();
    this.#end("the connection has ended");
  }

  async #shakeHands(): Promise<void> {
    await this.#messages.write({
      supported_versions: [2],
      proxy_id: "zentinel-proxy",
      proxy_version: "0.6.54",
      config: this.#options.config ?? null,
      supported_encodings: ["json"],
    }, TYPE.handshakeRequest);
    const message = await this.#messages.read();
    if (message === null) throw new Error("Cannot shake hands with the agent: it closed the connection");
    if (message[0] !== TYPE.handshakeResponse) {
      throw new Error(`Cannot shake hands with the agent: it sent a message of type ${message[0]}`);
    }
    const answer = parseJsonObject(message.subarray(1));
    const fault = handshakeFault(answer);
    if (fault !== null) throw new Error(`Cannot shake hands with the agent: ${fault}`);
  }

  #enter(id: string, waiter: Waiter): void {
    if (this.#ended) return waiter.reject(new Error("Cannot ask the agent: the connection has ended"));
    const others = this.#waiting.get(id);
    if (others === undefined) {
      this.#waiting.set(id, [waiter]);
    } else if (this.#options.idCollision === "avoid") {
      others.push(waiter);
    } else {
      const displaced = others.splice(0, 1, waiter)[0];
      // The answer to the displaced event comes first, and this caller will take it for its own.
      this.#owed.set(id, (this.#owed.get(id) ?? 0) + 1);
      displaced?.reject(new Error("Cannot wait for the agent's answer: a later event took the place of this one"));
    }
  }

  #forget(id: string, waiter: Waiter): void {
    const waiters = this.#waiting.get(id)?.filter((other) => other !== waiter) ?? [];
    if (waiters.length === 0) this.#waiting.delete(id);
    else this.#waiting.set(id, waiters);
  }

  async #receive(): Promise<void> {
    let failure = "the connection has ended";
    try {
      for (let message = await this.#messages.read(); message !== null; message = await this.#messages.read()) {
        const type = message[0] ?? -1;
        if (type === TYPE.agentResponse) this.#answer(parseJsonObject(message.subarray(1)));
        else if (!FORGOTTEN.includes(type)) throw new Error(`Cannot read a message of type ${type}`);
      }
    } catch (error) {
      failure = String(error);
      this.#options.log(`An agent connection is given up: ${failure}`);
    }
    this.#socket.close();
    this.#end(failure);
  }

  #answer(json: Record<string, unknown>): void {
    const response = parseAgentResponse(json);
    const id = response.audit.custom["correlation_id"];
    if (typeof id !== "string") {
      this.#options.log("An answer without audit.custom.correlation_id is lost");
      return;
    }
    const owed = this.#owed.get(id) ?? 0;
    if (owed > 1) this.#owed.set(id, owed - 1);
    else this.#owed.delete(id);
    const waiter = this.#waiting.get(id)?.[0];
    if (waiter === undefined) return; // The answer to an event that nobody waits for any more.
    if (owed > 0) {
      this.#events.onStale();
      this.#options.log("An answer was taken for that of a later event with the same correlation id");
      this.#owed.set(id, owed);
    }
    this.#forget(id, waiter);
    waiter.resolve(response);
  }

  #end(failure: string): void {
    if (this.#ended) return;
    this.#ended = true;
    const error = new Error(`Cannot read the agent's answer: ${failure}`);
    for (const waiters of this.#waiting.values()) for (const waiter of waiters) waiter.reject(error);
    this.#waiting.clear();
    this.#events.onEnd();
  }
}

const REQUIRED_BOOLEANS = [
  "streaming_body",
  "websocket",
  "guardrails",
  "config_push",
  "metrics_export",
  "cancellation",
  "flow_control",
  "health_reporting",
];

const REQUIRED_LIMITS = ["max_body_size", "max_concurrency", "preferred_chunk_size"];

/** What the client's decoder would not take in a handshake's answer, or null. */
function handshakeFault(answer: Record<string, unknown>): string | null {
  if (answer["success"] !== true) return `the agent refuses: ${String(answer["error"])}`;
  if (answer["protocol_version"] !== 2) return `the agent speaks version ${String(answer["protocol_version"])}`;
  if (answer["encoding"] !== "json") return `the agent chose the encoding ${String(answer["encoding"])}`;
  const capabilities = Object(answer["capabilities"]);
  for (const key of ["agent_id", "name", "version"]) {
    if (typeof capabilities[key] !== "string") return `capabilities.${key} is missing`;
  }
  if (!Array.isArray(capabilities["supported_events"])) return "capabilities.supported_events is missing";
  const features = Object(capabilities["features"]);
  const limits = Object(capabilities["limits"]);
  for (const key of REQUIRED_BOOLEANS) {
    if (typeof features[key] !== "boolean") return `capabilities.features.${key} is missing`;
  }
  if (typeof features["concurrent_requests"] !== "number") {
    return "capabilities.features.concurrent_requests is missing";
  }
  for (const key of REQUIRED_LIMITS) {
    if (typeof limits[key] !== "number") return `capabilities.limits.${key} is missing`;
  }
  return null;
}
