import { ByteBuffer } from "../../demo/byte_buffer.ts";

/** An event as it came, whichever protocol brought it. */
export interface SeenEvent {
  /** Event name of v1, or type byte of v2 in hexadecimal. */
  readonly type: string;
  readonly payload: Record<string, unknown>;
  /** Number of the connection that brought it, in the order of accepting, from 0. */
  readonly connection: number;
  /** The whole message as it stood on the wire. */
  readonly bytes: Uint8Array;
}

/** Answer of a script: parts that differ from a plain allow, or nothing at all. */
export type ScriptedAnswer = "allow" | "drop" | "silence" | Readonly<Record<string, unknown>>;

/** Decides what the agent answers to an event; a promise delays the answer. */
export type Script = (event: SeenEvent) => ScriptedAnswer | Promise<ScriptedAnswer>;

/** An answer that closes the connection. */
export function closeWith(code: number, reason: string): ScriptedAnswer {
  return { websocket_decision: { close: { code, reason } } };
}

/** An answer that refuses an upgrade. */
export function blockWith(status: number, body: string): ScriptedAnswer {
  return { decision: { block: { status, body, headers: null } } };
}

const CAPABILITIES = {
  agent_id: "fake",
  name: "fake agent",
  version: "0.0.0",
  supported_events: [8, 1, 6],
  features: {
    streaming_body: false,
    websocket: true,
    guardrails: false,
    config_push: true,
    metrics_export: false,
    concurrent_requests: 100,
    cancellation: true,
    flow_control: false,
    health_reporting: false,
  },
  limits: { max_body_size: 1048576, max_concurrency: 100, preferred_chunk_size: 65536 },
};

/** An agent that answers as a test tells it to, over v1 and v2, and remembers what it was asked. */
export class FakeAgent {
  readonly path: string;
  readonly events: SeenEvent[] = [];
  /** Type bytes sent instead of 0x20 behind a handshake: what a client makes of an agent that breaks the protocol. */
  answerType = 0x20;
  readonly #script: Script;
  readonly #listener: Deno.UnixListener;
  readonly #conns = new Set<Deno.UnixConn>();
  readonly #running: Promise<void>[] = [];
  readonly #stopped = Promise.withResolvers<"silence">();
  #accepted = 0;
  #listening = true;

  private constructor(path: string, script: Script) {
    this.path = path;
    this.#script = script;
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#running.push(this.#accept());
  }

  /** Listens at `path`, or at a new one. */
  static start(
    script: Script = () => "allow",
    path: string = `/tmp/sentinel-mqtt-fake-${crypto.randomUUID()}.sock`,
  ): FakeAgent {
    return new FakeAgent(path, script);
  }

  get connections(): number {
    return this.#conns.size;
  }

  /** Frames that were asked about, in order. */
  get frames(): Record<string, unknown>[] {
    return this.events.filter(({ type }) => type === "web_socket_frame" || type === "0x15").map(({ payload }) =>
      payload
    );
  }

  /** Breaks every connection; the next ones are taken as before. */
  breakConnections(): void {
    for (const conn of this.#conns) conn.close();
    this.#conns.clear();
  }

  /** Stops listening and breaks every connection; what a script has not answered yet stays so. */
  async stop(): Promise<void> {
    this.#stopped.resolve("silence");
    if (this.#listening) this.#listener.close();
    this.#listening = false;
    this.breakConnections();
    await Promise.all(this.#running);
  }

  #answerTo(event: SeenEvent): Promise<ScriptedAnswer> {
    this.events.push(event);
    return Promise.race([this.#script(event), this.#stopped.promise]);
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      this.#conns.add(conn);
      this.#running.push(this.#serve(conn, this.#accepted++));
    }
  }

  async #serve(conn: Deno.UnixConn, connection: number): Promise<void> {
    const received = new ByteBuffer();
    const chunk = new Uint8Array(65536);
    try {
      for (let n = await conn.read(chunk); n !== null; n = await conn.read(chunk)) {
        received.append(chunk.subarray(0, n));
        for (let bytes = nextMessage(received); bytes !== null; bytes = nextMessage(received)) {
          if (bytes[4] === 0x7b) await this.#answerV1(conn, connection, bytes);
          else this.#answerV2(conn, connection, bytes);
        }
      }
    } catch {
      // The proxy, or the test, has closed the connection.
    }
    if (this.#conns.delete(conn)) conn.close();
  }

  async #answerV1(conn: Deno.UnixConn, connection: number, bytes: Uint8Array): Promise<void> {
    const { event_type, payload } = JSON.parse(new TextDecoder().decode(bytes.subarray(4)));
    const event: SeenEvent = { type: event_type, payload, connection, bytes };
    const answer = await this.#answerTo(event);
    if (answer !== "silence") await send(conn, { version: 1, ...answerBody(event, answer) });
  }

  async #answerV2(conn: Deno.UnixConn, connection: number, bytes: Uint8Array): Promise<void> {
    const type = `0x${bytes[4]?.toString(16).padStart(2, "0")}`;
    const event: SeenEvent = {
      type,
      payload: JSON.parse(new TextDecoder().decode(bytes.subarray(5))),
      connection,
      bytes,
    };
    try {
      const answer = await this.#answerTo(event);
      if (answer === "silence") return;
      if (type === "0x01") {
        const changes = typeof answer === "string" ? {} : answer;
        const handshake = {
          protocol_version: 2,
          capabilities: CAPABILITIES,
          success: true,
          error: null,
          encoding: "json",
        };
        return await send(conn, { ...handshake, ...changes }, 0x02);
      }
      const body = { version: 2, ...answerBody(event, answer) };
      await send(conn, body, this.answerType);
    } catch {
      // The proxy, or the test, has closed the connection.
    }
  }
}

function answerBody(event: SeenEvent, answer: ScriptedAnswer): Record<string, unknown> {
  const isFrame = event.type === "web_socket_frame" || event.type === "0x15";
  const id = event.payload["correlation_id"];
  const custom = id === undefined ? {} : { correlation_id: id };
  return {
    decision: "allow",
    request_headers: [],
    response_headers: [],
    routing_metadata: {},
    audit: { tags: [], rule_ids: [], confidence: null, reason_codes: [], custom },
    needs_more: false,
    request_body_mutation: null,
    response_body_mutation: null,
    websocket_decision: isFrame ? (typeof answer === "string" ? answer : "allow") : null,
    ...(typeof answer === "string" ? {} : answer),
  };
}

function nextMessage(received: ByteBuffer): Uint8Array | null {
  const { bytes } = received;
  if (bytes.length < 4) return null;
  const length = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  if (bytes.length < length) return null;
  const message = bytes.slice(0, length);
  received.consume(length);
  return message;
}

async function send(conn: Deno.UnixConn, body: unknown, typeByte?: number): Promise<void> {
  const json = new TextEncoder().encode(JSON.stringify(body));
  const type = typeByte === undefined ? [] : [typeByte];
  const message = new Uint8Array(4 + type.length + json.length);
  new DataView(message.buffer).setUint32(0, type.length + json.length);
  message.set(type, 4);
  message.set(json, 4 + type.length);
  for (let rest = message; rest.length > 0;) rest = rest.subarray(await conn.write(rest));
}
