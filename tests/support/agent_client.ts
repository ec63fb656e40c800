import { concat } from "./annotated_hex.ts";

/** Version of the agent protocol that a client speaks. */
export type ProtocolVersion = 1 | 2;

/** Opcode names of the proxy. */
export type Opcode = "text" | "binary" | "ping" | "pong" | "close" | "continuation" | "reserved";

/** One WebSocket frame as the proxy tells the agent of it. */
export interface FrameEvent {
  readonly correlationId: string;
  /** `ip:port`, or whatever else the proxy may write. */
  readonly clientIp: string;
  readonly routeId: string | null;
  readonly fromClient: boolean;
  readonly opcode: Opcode;
  readonly fin: boolean;
  readonly index: number;
  /** Base64, or what is meant to be none. */
  readonly data: string;
}

/** An upgrade request. */
export interface UpgradeEvent {
  readonly correlationId: string;
  readonly clientIp: string;
  readonly routeId: string | null;
  readonly headers: Readonly<Record<string, readonly string[]>>;
}

/** What the agent answered, checked for its shape. */
export interface AgentAnswer {
  /** The JSON as it came. */
  readonly json: string;
  readonly version: number;
  readonly decision: "allow" | { readonly status: number; readonly body: string | null };
  readonly tags: readonly string[];
  readonly ruleIds: readonly string[];
  readonly reasonCodes: readonly string[];
  readonly custom: Readonly<Record<string, unknown>>;
  /** Null for an event that is no frame. */
  readonly verdict: "allow" | "drop" | "close" | null;
  /** Of a close; 0 otherwise. */
  readonly closeCode: number;
  readonly closeReason: string;
}

/** The agent closed the connection, or it broke, while an answer was waited for. */
export class ConnectionEnded extends Error {
  override readonly name = "ConnectionEnded";
}

/** Speaks to the agent as a proxy does, over one connection. */
export interface AgentClient {
  readonly version: ProtocolVersion;
  /** Whether the agent, or `close()`, has ended the connection. */
  readonly ended: boolean;
  /** Resolves when the connection has ended. */
  readonly end: Promise<void>;
  frame(event: FrameEvent): Promise<AgentAnswer>;
  upgrade(event: UpgradeEvent): Promise<AgentAnswer>;
  complete(correlationId: string): Promise<AgentAnswer>;
  configure(config: unknown): Promise<AgentAnswer>;
  /** Sends bytes as they are. */
  sendRaw(bytes: Uint8Array): Promise<void>;
  close(): void;
}

export type KeyOrder = "wire" | "other" | "both";

/** How a client writes its events. */
export interface ClientOptions {
  /**
   * Order of the keys of a frame event: `wire` is that of the real clients (alphabetical), `other` is another, with white
   * space, which is the same event; `both` is one or the other by the frame's index.
   */
  readonly keyOrder?: KeyOrder;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Connects and, over v2, shakes hands. */
export async function connectAgent(
  version: ProtocolVersion,
  path: string,
  options: ClientOptions = {},
): Promise<AgentClient> {
  const connection = new Connection(await Deno.connect({ transport: "unix", path }));
  if (version === 1) return new ClientV1(connection, options);
  const client = new ClientV2(connection, options);
  await client.handshake();
  return client;
}

/** Messages with a length in front, both ways; what is written in one turn goes out in one write. */
class Connection {
  readonly end: Promise<void>;
  onMessage: (message: Uint8Array) => void = () => {};
  onEnd: (error: Error) => void = () => {};
  ended = false;
  readonly #conn: Deno.Conn;
  #outgoing: Uint8Array[] = [];
  #flushing: Promise<void> | null = null;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.end = this.#read();
  }

  send(bytes: Uint8Array): Promise<void> {
    this.#outgoing.push(bytes);
    this.#flushing ??= this.#flush();
    return this.#flushing;
  }

  close(): void {
    if (this.ended) return;
    this.ended = true;
    this.#conn.close();
  }

  async #flush(): Promise<void> {
    await Promise.resolve();
    try {
      while (this.#outgoing.length > 0 && !this.ended) {
        let rest = concat(this.#outgoing);
        this.#outgoing = [];
        while (rest.length > 0) rest = rest.subarray(await this.#conn.write(rest));
      }
    } catch {
      // The other side has closed: whoever waits is told by the reader.
    } finally {
      this.#flushing = null;
    }
  }

  async #read(): Promise<void> {
    const chunk = new Uint8Array(1 << 16);
    let held: Uint8Array = new Uint8Array(0);
    let failure = "the agent closed the connection";
    try {
      for (;;) {
        const count = await this.#conn.read(chunk);
        if (count === null) break;
        held = held.length === 0 ? chunk.slice(0, count) : concat([held, chunk.subarray(0, count)]);
        let at = 0;
        while (held.length - at >= 4) {
          const length = new DataView(held.buffer, held.byteOffset + at).getUint32(0);
          if (held.length - at < 4 + length) break;
          this.onMessage(held.subarray(at + 4, at + 4 + length));
          at += 4 + length;
        }
        held = held.subarray(at);
      }
    } catch (error) {
      failure = String(error);
    }
    this.close();
    this.onEnd(new ConnectionEnded(`Cannot get an answer: ${failure}`));
  }
}

interface Waiter {
  readonly resolve: (answer: AgentAnswer) => void;
  readonly reject: (error: Error) => void;
}

class ClientV1 implements AgentClient {
  readonly version = 1;
  readonly #connection: Connection;
  readonly #options: ClientOptions;
  readonly #waiting: Waiter[] = [];

  constructor(connection: Connection, options: ClientOptions) {
    this.#connection = connection;
    this.#options = options;
    connection.onMessage = (message) => {
      const waiter = this.#waiting.shift();
      if (waiter === undefined) throw new Error(`Cannot place an answer: nobody waits for ${decoder.decode(message)}`);
      settle(waiter, () => readAnswer(decoder.decode(message)));
    };
    connection.onEnd = (error) => {
      for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
    };
  }

  get ended(): boolean {
    return this.#connection.ended;
  }

  get end(): Promise<void> {
    return this.#connection.end;
  }

  frame(event: FrameEvent): Promise<AgentAnswer> {
    return this.#call("web_socket_frame", frameJson(event, this.#options.keyOrder ?? "wire"));
  }

  upgrade(event: UpgradeEvent): Promise<AgentAnswer> {
    return this.#call("request_headers", JSON.stringify(upgradeObject(event)));
  }

  complete(correlationId: string): Promise<AgentAnswer> {
    return this.#call("request_complete", JSON.stringify(completeObject(correlationId)));
  }

  configure(config: unknown): Promise<AgentAnswer> {
    return this.#call("configure", JSON.stringify({ agent_id: "mqtt-gateway", config }));
  }

  async sendRaw(bytes: Uint8Array): Promise<void> {
    await this.#connection.send(bytes);
  }

  close(): void {
    this.#connection.close();
  }

  #call(type: string, payload: string): Promise<AgentAnswer> {
    if (this.ended) return Promise.reject(new ConnectionEnded("Cannot ask the agent: the connection has ended"));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#connection.send(messageV1(`{"version":1,"event_type":"${type}","payload":${payload}}`));
    });
  }
}

class ClientV2 implements AgentClient {
  readonly version = 2;
  readonly #connection: Connection;
  readonly #options: ClientOptions;
  readonly #waiting = new Map<string, Waiter[]>();
  #handshake: Waiter | null = null;

  constructor(connection: Connection, options: ClientOptions) {
    this.#connection = connection;
    this.#options = options;
    connection.onMessage = (message) => this.#take(message);
    connection.onEnd = (error) => {
      this.#handshake?.reject(error);
      for (const waiters of this.#waiting.values()) for (const waiter of waiters) waiter.reject(error);
      this.#waiting.clear();
    };
  }

  get ended(): boolean {
    return this.#connection.ended;
  }

  get end(): Promise<void> {
    return this.#connection.end;
  }

  async handshake(): Promise<void> {
    await new Promise<AgentAnswer>((resolve, reject) => {
      this.#handshake = { resolve, reject };
      this.#connection.send(messageV2(
        0x01,
        `{"supported_versions":[2],"proxy_id":"test","proxy_version":"0","config":null,"supported_encodings":["json"]}`,
      ));
    });
  }

  frame(event: FrameEvent): Promise<AgentAnswer> {
    return this.#call(0x15, event.correlationId, frameJson(event, this.#options.keyOrder ?? "wire"));
  }

  upgrade(event: UpgradeEvent): Promise<AgentAnswer> {
    const json = JSON.stringify({ correlation_id: event.correlationId, ...upgradeObject(event) });
    return this.#call(0x10, event.correlationId, json);
  }

  complete(correlationId: string): Promise<AgentAnswer> {
    return this.#call(0x14, correlationId, JSON.stringify(completeObject(correlationId)));
  }

  configure(config: unknown): Promise<AgentAnswer> {
    const id = "zentinel-configure-mqtt-gateway-0";
    return this.#call(0x17, id, JSON.stringify({ config, config_version: null, correlation_id: id }));
  }

  async sendRaw(bytes: Uint8Array): Promise<void> {
    await this.#connection.send(bytes);
  }

  close(): void {
    this.#connection.close();
  }

  #call(type: number, correlationId: string, json: string): Promise<AgentAnswer> {
    if (this.ended) return Promise.reject(new ConnectionEnded("Cannot ask the agent: the connection has ended"));
    return new Promise((resolve, reject) => {
      const waiters = this.#waiting.get(correlationId);
      if (waiters === undefined) this.#waiting.set(correlationId, [{ resolve, reject }]);
      else waiters.push({ resolve, reject });
      this.#connection.send(messageV2(type, json));
    });
  }

  #take(message: Uint8Array): void {
    const type = message[0];
    const json = decoder.decode(message.subarray(1));
    if (type === 0x02) {
      const { success, protocol_version: version, encoding } = object(JSON.parse(json));
      const handshake = this.#handshake;
      this.#handshake = null;
      if (success === true && version === 2 && encoding === "json") handshake?.resolve(NO_ANSWER);
      else handshake?.reject(new Error(`Cannot shake hands: ${json}`));
      return;
    }
    // The real client reads these and forgets them.
    if (type === 0x30 || type === 0x31 || type === 0x33 || type === 0x42) return;
    if (type !== 0x20) throw new Error(`Cannot read a message of type ${type}: ${json}`);
    const answer = readAnswer(json);
    const { correlation_id: id } = answer.custom;
    const waiters = typeof id === "string" ? this.#waiting.get(id) : undefined;
    const waiter = waiters?.shift();
    if (waiter === undefined) throw new Error(`Cannot place an answer: nobody waits for it: ${json}`);
    if (waiters?.length === 0) this.#waiting.delete(id as string);
    waiter.resolve(answer);
  }
}

const NO_ANSWER: AgentAnswer = {
  json: "",
  version: 2,
  decision: "allow",
  tags: [],
  ruleIds: [],
  reasonCodes: [],
  custom: {},
  verdict: null,
  closeCode: 0,
  closeReason: "",
};

function settle(waiter: Waiter, read: () => AgentAnswer): void {
  try {
    waiter.resolve(read());
  } catch (error) {
    waiter.reject(error instanceof Error ? error : new Error(String(error)));
  }
}

/** A v1 message: length and JSON. */
export function messageV1(json: string): Uint8Array {
  return framed(encoder.encode(json), null);
}

/** A v2 message: length, type byte and JSON. */
export function messageV2(type: number, json: string): Uint8Array {
  return framed(encoder.encode(json), type);
}

function framed(payload: Uint8Array, type: number | null): Uint8Array {
  const head = type === null ? 4 : 5;
  const message = new Uint8Array(head + payload.length);
  new DataView(message.buffer).setUint32(0, message.length - 4);
  if (type !== null) message[4] = type;
  message.set(payload, head);
  return message;
}

function frameJson(event: FrameEvent, order: KeyOrder): string {
  const { correlationId, clientIp, routeId, fromClient, opcode, fin, index, data } = event;
  if (order === "wire" || (order === "both" && index % 2 === 0)) {
    return `{"client_ip":${JSON.stringify(clientIp)},"client_to_server":${fromClient},"correlation_id":${
      JSON.stringify(correlationId)
    },"data":${JSON.stringify(data)},"fin":${fin},"frame_index":${index},"opcode":"${opcode}","route_id":${
      JSON.stringify(routeId)
    }}`;
  }
  return `{ "correlation_id": ${JSON.stringify(correlationId)}, "opcode": "${opcode}",\n "data": ${
    JSON.stringify(data)
  }, "client_to_server": ${fromClient}, "frame_index": ${index}, "fin": ${fin}, "route_id": ${
    JSON.stringify(routeId)
  }, "client_ip": ${JSON.stringify(clientIp)}, "later": {"x": [1, null]} }`;
}

function upgradeObject({ correlationId, clientIp, routeId, headers }: UpgradeEvent): Record<string, unknown> {
  return {
    headers,
    metadata: {
      client_ip: clientIp,
      client_port: 0,
      correlation_id: correlationId,
      protocol: "HTTP/1.1",
      request_id: `req-${correlationId}`,
      route_id: routeId,
      server_name: null,
      timestamp: "2026-01-20T12:00:00+00:00",
      tls_cipher: null,
      tls_version: null,
      upstream_id: null,
    },
    method: "GET",
    uri: "/mqtt",
  };
}

function completeObject(correlationId: string): Record<string, unknown> {
  return {
    correlation_id: correlationId,
    duration_ms: 1234,
    error: null,
    request_body_size: 0,
    response_body_size: 0,
    status: 101,
    upstream_attempts: 1,
  };
}

/** Reads an AgentResponse (protocol: AgentResponse). Throws where the real client's decoder would. */
export function readAnswer(json: string): AgentAnswer {
  const answer = object(JSON.parse(json));
  const audit = object(answer["audit"]);
  const { version, decision } = answer;
  if (typeof version !== "number") throw unreadable("version", json);
  for (const key of ["request_headers", "response_headers"]) {
    if (!Array.isArray(answer[key])) throw unreadable(key, json);
  }
  if (typeof answer["needs_more"] !== "boolean") throw unreadable("needs_more", json);
  let verdict: AgentAnswer["verdict"] = null;
  let closeCode = 0;
  let closeReason = "";
  const websocket = answer["websocket_decision"];
  if (websocket === "allow" || websocket === "drop") verdict = websocket;
  else if (websocket !== null && websocket !== undefined) {
    const { code, reason } = object(object(websocket)["close"]);
    if (typeof code !== "number" || typeof reason !== "string") throw unreadable("websocket_decision", json);
    verdict = "close";
    closeCode = code;
    closeReason = reason;
  }
  return {
    json,
    version,
    decision: decision === "allow" ? "allow" : readBlock(decision, json),
    tags: strings(audit["tags"], json),
    ruleIds: strings(audit["rule_ids"], json),
    reasonCodes: strings(audit["reason_codes"], json),
    custom: object(audit["custom"]),
    verdict,
    closeCode,
    closeReason,
  };
}

function readBlock(decision: unknown, json: string): { status: number; body: string | null } {
  const { status, body } = object(object(decision)["block"]);
  if (typeof status !== "number") throw unreadable("decision", json);
  return { status, body: typeof body === "string" ? body : null };
}

function strings(value: unknown, json: string): string[] {
  if (!Array.isArray(value) || value.some((one) => typeof one !== "string")) throw unreadable("audit", json);
  return value as string[];
}

function object(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

function unreadable(key: string, json: string): Error {
  return new Error(`Cannot read the answer: "${key}" in ${json}`);
}
