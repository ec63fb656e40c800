import {
  type FrameTemplate,
  handshakeMessage,
  type Origin,
  type ProtocolVersion,
  readVerdict,
  type Verdict,
} from "./event_bytes.ts";
import { LatencyHistogram } from "./latency_histogram.ts";
import { close, connectUnix, Poll, receive, send } from "./libc_socket.ts";

const INPUT_BYTES = 256 * 1024;
/** An agent leaves out late answers over v2, and a window of which all are left out never moves again. */
const STALL_MS = 2000;

/** One event of a session and the verdict it must get. */
export interface SessionFrame {
  readonly template: FrameTemplate;
  readonly expected: Verdict;
  /** Which of the two counts of `frame_index` it takes. */
  readonly fromClient: boolean;
}

/** A WebSocket in the proxy: its frames are sent in turn, over and over. */
export class BenchSession {
  readonly origin: Origin;
  readonly #frames: readonly SessionFrame[];
  #cursor = 0;
  #clientIndex: number;
  #brokerIndex: number;

  constructor(origin: Origin, frames: readonly SessionFrame[], sent = { fromClient: 0, fromBroker: 0 }) {
    this.origin = origin;
    this.#frames = frames;
    this.#clientIndex = sent.fromClient;
    this.#brokerIndex = sent.fromBroker;
  }

  get frames(): number {
    return this.#frames.length;
  }

  /** The frame that `write` writes next. */
  get next(): SessionFrame {
    return this.#frames[this.#cursor] as SessionFrame;
  }

  /** Writes the next message and returns where it ends. */
  write(into: Uint8Array, at: number): number {
    const { template: { head, tail }, fromClient } = this.next;
    if (++this.#cursor === this.#frames.length) this.#cursor = 0;
    into.set(head, at + 4);
    const digitsAt = at + 4 + head.length;
    const tailAt = writeDigits(into, digitsAt, fromClient ? this.#clientIndex++ : this.#brokerIndex++);
    into.set(tail, tailAt);
    const end = tailAt + tail.length;
    const length = end - at - 4;
    into[at] = length >>> 24;
    into[at + 1] = length >>> 16;
    into[at + 2] = length >>> 8;
    into[at + 3] = length;
    return end;
  }
}

/** Decimal digits without a string; returns where they end. */
function writeDigits(into: Uint8Array, at: number, value: number): number {
  let end = at + 1;
  for (let rest = value; rest >= 10; rest = (rest / 10) | 0) end++;
  for (let place = end - 1; place >= at; place--) {
    into[place] = 0x30 + value % 10;
    value = (value / 10) | 0;
  }
  return end;
}

export interface ClosedLoopOptions {
  readonly socket: string;
  readonly version: ProtocolVersion;
  readonly connections: number;
  /** Messages under way per connection. */
  readonly depth: number;
  /** Shared out among the connections in turn; each stays on its own, so that its frames keep their order. */
  readonly sessions: readonly BenchSession[];
  readonly maxMessageBytes: number;
  /** Every so many answers one is decoded and its verdict compared; the others are only counted. 0 is never. */
  readonly checkEvery: number;
}

/**
 * Keeps `depth` messages under way on each connection: for every answer it sends the next message.
 *
 * Runs on the thread that calls it, which does nothing else meanwhile.
 */
export class ClosedLoop {
  readonly #connections: LoadConnection[];
  readonly #poll: Poll;

  constructor(options: ClosedLoopOptions) {
    this.#connections = Array.from({ length: options.connections }, (_, i) => {
      const own = options.sessions.filter((_, s) => s % options.connections === i);
      return new LoadConnection(options, own);
    });
    this.#poll = new Poll(this.#connections.map(({ fd }) => fd));
  }

  /** Runs for that long and then until all answers are here. Returns how many answers came. */
  runFor(ms: number, latencies: LatencyHistogram): number {
    const endMs = performance.now() + ms;
    return this.#run(latencies, (nowMs) => nowMs < endMs, Infinity);
  }

  /** Every session sends all its frames once. */
  runOnce(latencies: LatencyHistogram): number {
    return this.#run(latencies, () => true, 1);
  }

  close(): void {
    for (const connection of this.#connections) close(connection.fd);
  }

  #run(latencies: LatencyHistogram, goesOn: (nowMs: number) => boolean, rounds: number): number {
    const connections = this.#connections;
    let nowMs = performance.now();
    let underWay = 0;
    let answers = 0;
    for (const connection of connections) {
      connection.messagesLeft = rounds === Infinity ? Infinity : connection.framesOfAll * rounds;
      underWay += connection.send(connection.depth, nowMs);
    }
    connections.forEach((connection, i) => this.#poll.wantWrite(i, connection.hasUnsent));
    while (underWay > 0) {
      if (this.#poll.wait(STALL_MS) <= 0) throw new Error(`Cannot go on: no answer for ${STALL_MS} ms`);
      for (let i = 0; i < connections.length; i++) {
        if (!this.#poll.isReady(i)) continue;
        const connection = connections[i] as LoadConnection;
        const wasUnsent = connection.hasUnsent;
        const got = connection.receive(latencies);
        nowMs = connection.receivedMs;
        answers += got;
        underWay -= got;
        if (got > 0 && goesOn(nowMs)) underWay += connection.send(got, nowMs);
        else if (wasUnsent) connection.flush();
        if (connection.hasUnsent !== wasUnsent) this.#poll.wantWrite(i, connection.hasUnsent);
      }
    }
    return answers;
  }
}

class LoadConnection {
  readonly fd: number;
  readonly depth: number;
  readonly framesOfAll: number;
  messagesLeft = 0;
  /** When the last `receive` was. */
  receivedMs = 0;
  readonly #version: ProtocolVersion;
  readonly #checkEvery: number;
  readonly #sessions: readonly BenchSession[];
  #turn = 0;
  readonly #output: Uint8Array<ArrayBuffer>;
  #unsentStart = 0;
  #unsentEnd = 0;
  #input: Uint8Array<ArrayBuffer> = new Uint8Array(INPUT_BYTES);
  #inputEnd = 0;
  /** Ring of what is under way, oldest at `#oldest`: answers come in the order of the events. */
  readonly #sentMs: Float64Array;
  readonly #origins: Origin[];
  readonly #expected: Verdict[];
  #oldest = 0;
  #newest = 0;
  #untilCheck: number;

  constructor(options: ClosedLoopOptions, sessions: readonly BenchSession[]) {
    const first = sessions[0];
    if (first === undefined) throw new Error("Cannot load a connection: it has no session");
    this.depth = options.depth;
    this.#version = options.version;
    this.#checkEvery = this.#untilCheck = options.checkEvery;
    this.#sessions = sessions;
    this.framesOfAll = sessions.reduce((sum, session) => sum + session.frames, 0);
    this.#output = new Uint8Array(options.depth * options.maxMessageBytes);
    this.#sentMs = new Float64Array(options.depth);
    this.#origins = Array.from({ length: options.depth }, () => first.origin);
    this.#expected = Array.from({ length: options.depth }, (): Verdict => "allow");
    this.fd = connectUnix(options.socket);
    if (options.version === 2) ask(this.fd, handshakeMessage(), STALL_MS);
  }

  get hasUnsent(): boolean {
    return this.#unsentEnd > this.#unsentStart;
  }

  /** Sends up to `count` messages; how many there were left to send. */
  send(count: number, nowMs: number): number {
    const sent = Math.min(count, this.messagesLeft);
    this.messagesLeft -= sent;
    // An answer for each message before the last batch has come, so what is unsent is at most the rest of the window.
    if (this.#unsentStart > 0) {
      this.#output.copyWithin(0, this.#unsentStart, this.#unsentEnd);
      this.#unsentEnd -= this.#unsentStart;
      this.#unsentStart = 0;
    }
    let end = this.#unsentEnd;
    for (let i = 0; i < sent; i++) {
      const session = this.#sessions[this.#turn] as BenchSession;
      if (++this.#turn === this.#sessions.length) this.#turn = 0;
      const slot = this.#newest;
      this.#newest = slot + 1 === this.depth ? 0 : slot + 1;
      this.#sentMs[slot] = nowMs;
      this.#origins[slot] = session.origin;
      this.#expected[slot] = session.next.expected;
      end = session.write(this.#output, end);
    }
    this.#unsentEnd = end;
    this.flush();
    return sent;
  }

  flush(): void {
    if (!this.hasUnsent) return;
    const taken = send(this.fd, this.#output.subarray(this.#unsentStart, this.#unsentEnd));
    if (taken > 0) this.#unsentStart += taken;
    if (!this.hasUnsent) this.#unsentStart = this.#unsentEnd = 0;
  }

  /** Reads once; how many answers are complete by it. */
  receive(latencies: LatencyHistogram): number {
    const read = receive(this.fd, this.#input.subarray(this.#inputEnd));
    this.receivedMs = performance.now();
    if (read === 0) throw new Error("Cannot go on: the server closed a connection");
    if (read < 0) return 0;
    const input = this.#input;
    const end = this.#inputEnd + read;
    let start = 0;
    let answers = 0;
    let groupMs = -1;
    let group = 0;
    while (end - start >= 4) {
      const length = (input[start + 1] as number) << 16 | (input[start + 2] as number) << 8 |
        (input[start + 3] as number);
      if (end - start - 4 < length) break;
      const slot = this.#oldest;
      this.#oldest = slot + 1 === this.depth ? 0 : slot + 1;
      if (--this.#untilCheck === 0) {
        this.#untilCheck = this.#checkEvery;
        this.#check(slot, input.subarray(start + 4, start + 4 + length));
      }
      // Messages of one batch have one time, and their answers mostly come together.
      const sentMs = this.#sentMs[slot] as number;
      if (sentMs === groupMs) group++;
      else {
        if (group > 0) latencies.add((this.receivedMs - groupMs) * 1000, group);
        groupMs = sentMs;
        group = 1;
      }
      start += 4 + length;
      answers++;
    }
    if (group > 0) latencies.add((this.receivedMs - groupMs) * 1000, group);
    if (start > 0 && start < end) input.copyWithin(0, start, end);
    this.#inputEnd = end - start;
    return answers;
  }

  #check(slot: number, body: Uint8Array): void {
    const { correlationId } = this.#origins[slot] as Origin;
    const verdict = readVerdict(this.#version, correlationId, body);
    const expected = this.#expected[slot];
    if (verdict !== expected) {
      const text = new TextDecoder().decode(body);
      throw new Error(`Cannot trust the server: ${verdict} where ${expected} is right, in ${text}`);
    }
  }
}

/**
 * Sends one message and waits for one answer, given without its length. For what is not measured by the thousand.
 * Null when none comes: over v2 an agent leaves out what is too late.
 */
export function ask(fd: number, message: Uint8Array<ArrayBuffer>, patienceMs: number): Uint8Array<ArrayBuffer> | null {
  const poll = new Poll([fd]);
  let input = new Uint8Array(INPUT_BYTES);
  let inputEnd = 0;
  let sent = 0;
  for (;;) {
    if (sent < message.length) sent += Math.max(0, send(fd, message.subarray(sent)));
    poll.wantWrite(0, sent < message.length);
    if (poll.wait(patienceMs) <= 0) return null;
    const read = receive(fd, input.subarray(inputEnd));
    if (read === 0) throw new Error("Cannot go on: the server closed a connection");
    if (read < 0) continue;
    inputEnd += read;
    if (inputEnd < 4) continue;
    const length = new DataView(input.buffer).getUint32(0);
    if (inputEnd >= 4 + length) return input.subarray(4, 4 + length);
    if (inputEnd === input.length) {
      const larger = new Uint8Array(input.length * 2);
      larger.set(input);
      input = larger;
    }
  }
}
