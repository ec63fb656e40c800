import { Buffer } from "node:buffer";
import { Heartbeat } from "../../agent/transport/heartbeat.ts";
import { type Connection, Peer } from "../../agent/transport/peer.ts";
import { ReadRounds } from "../../agent/transport/read_rounds.ts";
import { testAgent, type TestPolicy } from "./test_agent.ts";

export const CONNECT = "101000044d5154540402003c000464657631";
/** PUBLISH QoS 0 to `b/x`, which a rule denies, and to `a/x`, which one allows. */
export const DENIED = "30060003622f7831";
export const ALLOWED = "30060003612f7831";

export interface FrameFacts {
  readonly index: number;
  readonly hex: string;
  readonly id?: string;
  readonly fromClient?: boolean;
}

function event({ index, hex, id = "id-1", fromClient = true }: FrameFacts): Record<string, unknown> {
  return {
    client_ip: "10.0.0.1:5000",
    client_to_server: fromClient,
    correlation_id: id,
    data: Buffer.from(hex, "hex").toString("base64"),
    fin: true,
    frame_index: index,
    opcode: "binary",
    route_id: "mqtt",
  };
}

export function v1(frame: FrameFacts): Buffer {
  return message(JSON.stringify({ version: 1, event_type: "web_socket_frame", payload: event(frame) }));
}

export function v2(frame: FrameFacts): Buffer {
  return message(`\x15${JSON.stringify(event(frame))}`);
}

export const HANDSHAKE = message(`\x01${
  JSON.stringify({
    supported_versions: [2],
    proxy_id: "p",
    proxy_version: "1",
    config: null,
    supported_encodings: ["json"],
  })
}`);

export function message(text: string): Buffer {
  const body = Buffer.from(text, "latin1");
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** A peer on a connection and a clock that the test moves. */
export class Bench implements Connection {
  readonly #given: Buffer[] = [];
  #wake: (() => void) | null = null;
  #ended = false;
  readonly written: string[] = [];
  closed = false;
  muted = false;
  ms = 1_000;
  /** What happens while bytes are written. */
  onWrite: () => void = () => {};
  readonly heartbeat = new Heartbeat(() => this.ms);
  /** By when they go off. */
  readonly #timers = new Map<() => void, number>();
  readonly parts: ReturnType<typeof testAgent>;
  readonly serving: Promise<void>;

  constructor(policy: TestPolicy = {}, options: Parameters<typeof testAgent>[1] = {}) {
    this.parts = testAgent(policy, options);
    const { agent, log } = this.parts;
    this.heartbeat.beat();
    this.heartbeat.beat();
    const peer = new Peer(this, {
      agent,
      log,
      heartbeat: this.heartbeat,
      rounds: new ReadRounds(),
      now: () => this.ms,
      yieldTurn: () => Promise.resolve(),
      setTimer: (callback, ms) => {
        this.#timers.set(callback, this.ms + ms);
        return () => this.#timers.delete(callback);
      },
      name: "#1",
    });
    this.serving = peer.serve();
  }

  /** Time that passes while the process is idle and its heart beats; `timers`: whether those that are due go off. */
  idle(ms: number, { timers = true }: { timers?: boolean } = {}): void {
    for (let passed = 0; passed < ms; passed += 5) {
      this.ms += 5;
      this.parts.clock.ms += 5;
      this.heartbeat.beat();
      if (timers) this.#fireTimers();
    }
  }

  /** Time that passes while the process does something else. */
  stall(ms: number): void {
    this.ms += ms;
    this.parts.clock.ms += ms;
  }

  #fireTimers(): void {
    for (const [callback, atMs] of this.#timers) {
      if (atMs > this.ms) continue;
      this.#timers.delete(callback);
      callback();
    }
  }

  async send(...messages: Buffer[]): Promise<void> {
    this.#given.push(Buffer.concat(messages));
    this.#wake?.();
    // All there is to wait for are promises: a turn of the event loop comes behind them.
    await new Promise((resolve) => setImmediate(resolve));
  }

  async end(): Promise<void> {
    this.#ended = true;
    this.#wake?.();
    await this.serving;
    await this.parts.log.flush();
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#given.length === 0) {
      if (this.#ended || this.closed) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const bytes = this.#given.shift() as Buffer;
    const taken = bytes.subarray(0, into.length);
    into.set(taken);
    if (taken.length < bytes.length) this.#given.unshift(bytes.subarray(taken.length));
    return taken.length;
  }

  write(bytes: Uint8Array): Promise<number> {
    this.onWrite();
    this.written.push(Buffer.from(bytes).toString("latin1"));
    return Promise.resolve(bytes.length);
  }

  closeWrite(): Promise<void> {
    this.muted = true;
    return Promise.resolve();
  }

  close(): void {
    this.closed = true;
    this.#wake?.();
  }

  /** The verdicts that were written. */
  get verdicts(): string[] {
    return [...this.written.join("").matchAll(/"websocket_decision":("\w+"|\{"close":\{"code":\d+)/g)]
      .map(([, found]) => (found as string).replace(/^\{"close":\{"code":/, "close ").replaceAll('"', ""));
  }

  get lateEvents(): { reason: string; topic: string | null }[] {
    return [...this.parts.agent.audit.newest()].filter(({ tags }) => tags.includes("late") && tags.includes("blocked"))
      .map(({ reason, topic }) => ({ reason, topic }));
  }
}
