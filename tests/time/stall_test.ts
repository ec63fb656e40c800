import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Flood } from "./flooder.ts";
import type { Order, Told } from "./stalled_agent.ts";

/** The proxy's own clock: what has no answer by then is let through, whatever the agent says later. */
const PROXY_CLOCK_MS = 100;
const CONNECT = "101000044d5154540402003c000464657631";

/** The agent's thread. */
class Thread {
  readonly #worker = new Worker(new URL("./stalled_agent.ts", import.meta.url), { type: "module" });

  order<T = unknown>(order: Order): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }) => resolve(data as T);
      this.#worker.onerror = (event) => reject(new Error(event.message));
      this.#worker.postMessage(order);
    });
  }

  end(): void {
    this.#worker.terminate();
  }
}

interface Frame {
  readonly id: string;
  readonly topic: string;
  readonly sentMs: number;
  /** Null until it came. */
  answer: string | null;
  /** The proxy's clock ran out before it: the frame was let through. */
  passed: boolean;
}

/** A connection of a proxy that times each frame it asks about. */
class Asker {
  readonly frames: Frame[] = [];
  readonly #connection: Deno.Conn;
  readonly #version: 1 | 2;
  readonly #indexes = new Map<string, number>();
  readonly reading: Promise<void>;
  closed = false;
  #changed: () => void = () => {};

  private constructor(connection: Deno.Conn, version: 1 | 2) {
    this.#connection = connection;
    this.#version = version;
    this.reading = this.#read();
  }

  static async open(path: string, version: 1 | 2): Promise<Asker> {
    const connection = await Deno.connect({ transport: "unix", path });
    const asker = new Asker(connection, version);
    if (version === 2) {
      await asker.#write(framed(0x01, { supported_versions: [2], proxy_id: "p", proxy_version: "1", config: null }));
    }
    return asker;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
  }

  async ask(id: string, topic: string, hex: string): Promise<Frame> {
    const index = this.#indexes.get(id) ?? 0;
    this.#indexes.set(id, index + 1);
    const event = eventOf(id, index, hex);
    const frame: Frame = { id, topic, sentMs: performance.now(), answer: null, passed: false };
    this.frames.push(frame);
    await this.#write(
      this.#version === 2
        ? framed(0x15, event)
        : framed(0, { version: 1, event_type: "web_socket_frame", payload: event }),
    );
    return frame;
  }

  /**
   * Waits until each frame is answered or has passed. Like the proxy it looks for an answer once more when its clock has
   * run out: on a busy machine both may come at the same moment.
   */
  async settled(): Promise<void> {
    for (;;) {
      const open = this.frames.filter(({ answer, passed }) => answer === null && !passed);
      if (open.length === 0) return;
      const left = Math.min(...open.map(({ sentMs }) => sentMs)) + PROXY_CLOCK_MS - performance.now();
      if (left > 0 && !this.closed) {
        let timer: ReturnType<typeof setTimeout> | undefined;
        await Promise.race([
          new Promise<void>((resolve) => this.#changed = resolve),
          new Promise<void>((resolve) => timer = setTimeout(resolve, left)),
        ]);
        clearTimeout(timer);
        continue;
      }
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
      for (const frame of open) {
        const isOver = this.closed || performance.now() - frame.sentMs >= PROXY_CLOCK_MS;
        if (frame.answer === null && isOver) frame.passed = true;
      }
    }
  }

  async #read(): Promise<void> {
    const buffer = Buffer.alloc(1 << 16);
    let unread = Buffer.alloc(0);
    for (;;) {
      const read = await this.#connection.read(buffer).catch(() => null);
      if (read === null) break;
      unread = Buffer.concat([unread, buffer.subarray(0, read)]);
      while (unread.length >= 4 && unread.length >= 4 + unread.readUInt32BE(0)) {
        const length = unread.readUInt32BE(0);
        const body = unread.subarray(4, 4 + length);
        unread = unread.subarray(4 + length);
        this.#take(body);
      }
      this.#changed();
    }
    this.closed = true;
    this.#changed();
  }

  #take(body: Buffer): void {
    if (this.#version === 2 && body[0] !== 0x20) return;
    const given = JSON.parse(body.subarray(this.#version === 2 ? 1 : 0).toString());
    // v1 answers in order and carries no id that the proxy would look at.
    const frame = this.#version === 2
      ? this.frames.find(({ id, answer, passed }) =>
        answer === null && !passed && id === given.audit.custom.correlation_id
      )
      : this.frames.find(({ answer, passed }) => answer === null && !passed);
    assert.ok(frame !== undefined, "an answer that nobody waits for");
    frame.answer = JSON.stringify(given.websocket_decision);
  }

  /** Closes the connection, whoever ended it. */
  end(): void {
    this.#connection.close();
  }
}

function eventOf(id: string, index: number, hex: string): Record<string, unknown> {
  return {
    client_ip: "10.0.0.1:5000",
    client_to_server: true,
    correlation_id: id,
    data: Buffer.from(hex, "hex").toString("base64"),
    fin: true,
    frame_index: index,
    opcode: "binary",
    route_id: "mqtt",
  };
}

/** One message; type 0 is for v1, which has no type byte. */
function framed(type: number, value: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(value));
  const head = Buffer.alloc(type === 0 ? 4 : 5);
  head.writeUInt32BE(body.length + head.length - 4);
  if (type !== 0) head[4] = type;
  return Buffer.concat([head, body]);
}

function publish(topic: string): string {
  const name = Buffer.from(topic);
  const body = Buffer.concat([Buffer.from([name.length >> 8, name.length & 255]), name, Buffer.from("x")]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]).toString("hex");
}

/** Frames that were to be refused and that the proxy's clock let through, by correlation id. */
function passedOf(frames: readonly Frame[]): Map<string, number> {
  const passed = new Map<string, number>();
  for (const { id, topic, passed: isPassed } of frames) {
    if (!topic.startsWith("b/") || !isPassed) continue;
    passed.set(id, (passed.get(id) ?? 0) + 1);
  }
  return passed;
}

/**
 * Every frame that was let through though it was to be refused is told as late in the audit. The agent may still have
 * to read what was sent last, so it is asked again for two seconds. Returns how many frames that were.
 */
async function assertTold(thread: Thread, frames: readonly Frame[]): Promise<number> {
  const passed = passedOf(frames);
  const endMs = performance.now() + 2_000;
  for (;;) {
    const told = new Map<string, number>();
    for (const { correlationId, late } of await thread.order<Told[]>({ do: "audit" })) {
      if (late) told.set(correlationId, (told.get(correlationId) ?? 0) + 1);
    }
    const missing = [...passed].filter(([id, count]) => (told.get(id) ?? 0) < count);
    if (missing.length === 0) break;
    assert.ok(performance.now() < endMs, `passed and not in the audit: ${JSON.stringify(missing)}`);
  }
  return [...passed.values()].reduce((sum, count) => sum + count, 0);
}

for (const version of [1, 2] as const) {
  Deno.test(`v${version}: what passes during stalls of 500 ms is in the audit, and nothing is answered late`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "mqtt-stall-" });
    const thread = new Thread();
    try {
      const path = `${folder}/agent.sock`;
      await thread.order({ do: "serve", path });
      let passed = 0;
      for (let round = 0; round < 3; round++) {
        const askers = await Promise.all([1, 2, 3, 4].map(() => Asker.open(path, version)));
        for (const [i, asker] of askers.entries()) await asker.ask(`${version}-${round}-${i}`, "-", CONNECT);
        await Promise.all(askers.map((asker) => asker.settled()));
        const stalled = thread.order({ do: "stall", ms: 500 });
        // One frame at a time per connection, as the proxy does; spread over the stall and beyond its end.
        for (let step = 0; step < 6; step++) {
          for (const [i, asker] of askers.entries()) {
            const id = `${version}-${round}-${i}`;
            if (!asker.closed) await asker.ask(id, `b/${step}`, publish(`b/${step}`)).catch(() => {});
          }
          await Promise.all(askers.map((asker) => asker.settled()));
        }
        await stalled;
        await Promise.all(askers.map((asker) => asker.settled()));
        passed += await assertTold(thread, askers.flatMap(({ frames }) => frames));
        for (const asker of askers) asker.end();
        await Promise.all(askers.map((asker) => asker.reading));
      }
      assert.ok(passed > 0, "no frame met a stall");
      await thread.order({ do: "stop" });
    } finally {
      thread.end();
      await Deno.remove(folder, { recursive: true });
    }
  });

  Deno.test(`v${version}: a flood on one connection lets nothing of another pass unseen`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "mqtt-flood-" });
    const thread = new Thread();
    const flooder = new Worker(new URL("./flooder.ts", import.meta.url), { type: "module" });
    try {
      const path = `${folder}/agent.sock`;
      await thread.order({ do: "serve", path });
      const quiet = await Asker.open(path, version);
      await quiet.ask("quiet", "-", "101000044d5154540402003c000464657632");
      await quiet.settled();
      const flooded = new Promise((resolve) => flooder.onmessage = resolve);
      const flood: Flood = { path, bytes: floodBytes(version) };
      flooder.postMessage(flood);
      for (let i = 0; i < 50 && !quiet.closed; i++) {
        await quiet.ask("quiet", `b/${i}`, publish(`b/${i}`));
        await quiet.settled();
      }
      await flooded;
      await assertTold(thread, quiet.frames);
      quiet.end();
      await quiet.reading;
      await thread.order({ do: "stop" });
    } finally {
      flooder.terminate();
      thread.end();
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** A connection that sends 30,000 refused packets, one frame each. */
function floodBytes(version: 1 | 2): Uint8Array {
  const messages: Buffer[] = [];
  if (version === 2) {
    messages.push(framed(0x01, { supported_versions: [2], proxy_id: "flood", proxy_version: "1", config: null }));
  }
  const hexes = [CONNECT, ...Array.from({ length: 30_000 }, () => publish("b/x"))];
  for (const [index, hex] of hexes.entries()) {
    const event = eventOf("flood", index, hex);
    messages.push(
      version === 2 ? framed(0x15, event) : framed(0, { version: 1, event_type: "web_socket_frame", payload: event }),
    );
  }
  return Buffer.concat(messages);
}
