import { Buffer } from "node:buffer";
import type { Agent } from "../agent.ts";
import { inTurns, turnGiver } from "../config/mod.ts";
import type { Outcome, Unsettled, Waiting } from "../frame_report.ts";
import type { Logger } from "../log.ts";
import { frameAnswer, plainAnswer, requestAnswer } from "./answer.ts";
import { readRequestHead } from "./request_head.ts";
import { FrameReader } from "./frame_reader.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { HoldCredit, MOST_MS } from "./hold_credit.ts";
import { Garbage, isLargePush, LARGE_PUSH_BYTES, type Message, parseMessage, parseMessageSteps } from "./message.ts";
import { OutBuffer } from "./out_buffer.ts";
import type { ReadRounds } from "./read_rounds.ts";
import { handshakeAnswer, MESSAGE, readHandshake } from "./v2.ts";
import type { WaitingRoom } from "../waiting_room.ts";

/** Longest message of protocol v1, without its length (protocol: 10 MiB). */
const MAX_V1_BYTES = 10 << 20;
/** Longest message of protocol v2, type byte included (protocol: 16 MiB). */
const MAX_V2_BYTES = 16 << 20;
/** Room for reading at rest; it grows with what really comes, never by a length that is claimed. */
const READ_BYTES = 1 << 17;
/** An answer older than this is not written: the proxy may have let the frame pass by then (design: Time). */
export const MAX_ANSWER_AGE_MS = 80;
/** The proxy stops waiting here. An answer whose writing ended later is as good as none. */
const PROXY_CLOCK_MS = 100;
/** How long a proxy may take to notice that its connection was given up. */
const MUTED_MS = 2_000;
/**
 * Frames of one connection that may wait at a time: CONNECTs for their login, others for the inspection of payloads. Over v1
 * the second one waits behind the first.
 */
const MAX_WAITING: Readonly<Record<Waiting["kind"], number>> = { login: 2, payloads: 64 };
/** Answers are written at least this often, and other connections get their turn. */
const SLICE_MS = 5;
/** The clock is read behind so many events, or so many bytes. */
const EVENTS_PER_LOOK = 16;
const BYTES_PER_LOOK = 1 << 15;
/** Or behind so much work, in steps of `FrameReport`: a millisecond. Inspected payloads cost more than their size says. */
const STEPS_PER_LOOK = 1 << 14;

/** A stream of bytes to the proxy; a `Deno.Conn` is one. */
export interface Connection {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  /** Says that nothing more will be written; what the other side sends can still be read. */
  closeWrite(): Promise<void>;
  close(): void;
}

export interface PeerOptions {
  readonly agent: Agent;
  readonly log: Logger;
  readonly heartbeat: Heartbeat;
  /** Keeps many busy connections from starving each other. */
  readonly rounds: ReadRounds;
  readonly now: () => number;
  /** Lets whoever waits in this thread go first. */
  readonly yieldTurn: () => Promise<void>;
  /** By `setTimeout`, unless told otherwise; what it returns cancels. */
  readonly setTimer?: (callback: () => void, ms: number) => () => void;
  /** For the log: tells connections apart. */
  readonly name: string;
}

/**
 * One connection of a proxy, protocol v1 or v2: told apart by the first byte behind the first length (0x7B, an opening
 * brace, is v1, 0x01, a handshake, is v2).
 *
 * One read loop; every whole message in the buffer is answered without waiting, and all answers of a read go out in one
 * write. What is no protocol ends this connection and no other.
 */
export class Peer implements WaitingRoom {
  readonly #connection: Connection;
  readonly #options: PeerOptions;
  readonly #reader = new FrameReader();
  #answers = new OutBuffer();
  /** Takes the place of `#answers` while they are written. */
  #spare = new OutBuffer();
  #isFlushing = false;
  #flushing: Promise<void> = Promise.resolve();
  /** Pongs and handshakes: they have no age. */
  readonly #control = new OutBuffer();
  #in = Buffer.allocUnsafe(READ_BYTES);
  /** Unread bytes are `#in[#start..#end]`. */
  #start = 0;
  #end = 0;
  #protocol: 0 | 1 | 2 = 0;
  #proxy = "proxy";
  /** Verdicts in `#answers` that would not have let their frame pass. */
  #unsettled: Unsettled[] = [];
  /** Answers to frames that waited, over v2: each puts itself into `#answers`. */
  #waited: { readonly sentAfterMs: number; answer(isWritten: boolean): Unsettled | null }[] = [];
  /** Frames whose verdict is waited for. */
  readonly #waiting = new Set<Promise<void>>();
  /** How many of them wait for what: whoever sends payloads must not take the places of logins. */
  readonly #waitingFor: Record<Waiting["kind"], number> = { login: 0, payloads: 0 };
  readonly #credit = new HoldCredit();
  /** What has to be answered before the next message is looked at, or null. */
  #hold: Promise<void> | null = null;
  /** No byte that is being judged was sent before this. */
  #sentAfterMs = 0;
  /** What was judged since the clock was last looked at. */
  #steps = 0;
  /** When this connection last gave the turn away. */
  #turnBeganMs = 0;
  /** An answer was late over v1: nothing is answered any more, and what is still on its way is judged to the end. */
  #muted = false;
  #stopping = false;
  #reading = false;
  #closed = false;
  #muteTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: Connection, options: PeerOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** 0 until the first message came. */
  get protocol(): 0 | 1 | 2 {
    return this.#protocol;
  }

  /** Serves until either side ends it; never rejects. */
  async serve(): Promise<void> {
    const { log, name, rounds } = this.#options;
    rounds.opened();
    try {
      await this.#loop();
    } catch (error) {
      if (error instanceof Garbage) {
        // What came before the garbage was judged, and an answer that is lost lets its frame pass.
        await this.#flush().catch(() => {});
        log.warn("Connection of a proxy closed: what it sends is not the agent protocol", {
          connection: name,
          protocol: this.#protocol === 0 ? "none yet" : `v${this.#protocol}`,
          found: error.text,
        }, { foldKey: "garbage" });
      } else if (!this.#stopping && !this.#closed) {
        log.warn("Connection of a proxy broke", {
          connection: name,
          error: error instanceof Error ? error.message : String(error),
        }, { foldKey: "broken" });
      }
    } finally {
      await Promise.all(this.#waiting);
      clearTimeout(this.#muteTimer);
      rounds.closed();
      this.#answerWaited();
      this.#tellLate(this.#options.agent, this.#takeUnsettled());
      this.#close();
    }
  }

  /** Answers what has been read, then closes. */
  stop(): void {
    this.#stopping = true;
    if (this.#reading && this.#waiting.size === 0) this.#close();
  }

  /**
   * Whether a frame of this connection may wait: it would be answered in time, and not many wait already. Over v1 whatever
   * comes behind it waits as well, so payloads have only a part of the time there.
   */
  mayWait(expectedMs: number, what: Waiting["kind"]): boolean {
    const { agent, now } = this.#options;
    const nowMs = now();
    return !this.#muted && this.#waitingFor[what] < MAX_WAITING[what] &&
      nowMs - this.#sentAfterMs + expectedMs <= agent.policy.decisionDeadlineMs &&
      (this.#protocol !== 1 || what !== "payloads" || this.#credit.allows(expectedMs, nowMs));
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#connection.close();
    } catch {
      // It was closed by the other side.
    }
  }

  async #loop(): Promise<void> {
    const { heartbeat, rounds } = this.#options;
    // Lower bounds of when the bytes of the next read were sent, where the last beat is none: bytes that were waiting in
    // the socket already, and a message whose beginning was read before.
    let waitingSinceMs = Infinity;
    let messageSinceMs = Infinity;
    let readBeforeMs = heartbeat.listeningMs;
    while (!this.#stopping) {
      const room = this.#room();
      this.#reading = true;
      const beatsBefore = heartbeat.beats;
      const read = await this.#connection.read(room);
      this.#reading = false;
      if (read === null) {
        if (this.#end > this.#start && !this.#muted) {
          throw new Garbage(`the end, ${this.#end - this.#start} bytes into a message`);
        }
        return;
      }
      this.#end += read;
      const { beats, listeningMs } = heartbeat;
      // What was waiting in the socket is read at once: a read that outlasted two beats found nothing there.
      const wasIdle = beats - beatsBefore >= 2;
      const sentMs = wasIdle ? listeningMs : Math.min(listeningMs, waitingSinceMs);
      this.#sentAfterMs = Math.min(sentMs, messageSinceMs);
      const isNewMessage = await this.#drain() > 0 || messageSinceMs === Infinity;
      const round = rounds.next();
      if (round !== null) await round;
      if (this.#end === this.#start) messageSinceMs = Infinity;
      else if (isNewMessage) messageSinceMs = sentMs;
      waitingSinceMs = Infinity;
      // There was more than room for it: sent after what was read just now, and, since a socket holds less than two rooms,
      // after the read before this one.
      if (read === room.length) waitingSinceMs = Math.max(sentMs, readBeforeMs);
      // Nobody was reading while the answers were written, or while others had their turn.
      else if (heartbeat.beats - beats > 1) waitingSinceMs = listeningMs;
      readBeforeMs = listeningMs;
    }
  }

  /** Room behind the unread bytes: they are moved to the front, and the buffer grows by what has come. */
  #room(): Buffer {
    const unread = this.#end - this.#start;
    if (this.#start > 0) {
      if (unread > 0) this.#in.copyWithin(0, this.#start, this.#end);
      this.#start = 0;
      this.#end = unread;
    }
    if (unread === 0 && this.#in.length > READ_BYTES) this.#in = Buffer.allocUnsafe(READ_BYTES);
    if (this.#in.length - this.#end < READ_BYTES / 4) {
      const grown = Buffer.allocUnsafe(this.#in.length * 2);
      this.#in.copy(grown, 0, 0, this.#end);
      this.#in = grown;
    }
    return this.#in.subarray(this.#end) as Buffer;
  }

  /** Judges every whole message that was read, in slices; resolves to their number. */
  async #drain(): Promise<number> {
    const { agent, now } = this.#options;
    agent.tick();
    let handled = 0;
    let events = 0;
    let bytes = 0;
    for (;;) {
      const length = this.#messageLength();
      if (length === -1) break;
      const start = this.#start + 4;
      this.#start = start + length;
      this.#handle(start, start + length);
      handled++;
      bytes += length;
      if (this.#hold !== null) {
        // It may fail before it is waited for, or never be waited for where nothing can be written: what nobody takes up
        // would end the agent.
        this.#hold.catch(() => {});
        // What was answered before must not wait with it.
        await this.#flush();
        await this.#hold;
        this.#hold = null;
        agent.tick();
      }
      if (++events < EVENTS_PER_LOOK && bytes < BYTES_PER_LOOK && this.#steps < STEPS_PER_LOOK) continue;
      events = bytes = this.#steps = 0;
      agent.tick();
      if (now() - this.#turnBeganMs < SLICE_MS) continue;
      await this.#flush();
      await this.#yield();
      agent.tick();
    }
    await this.#flush();
    // A socket that always has something to read never lets its reader wait: then nobody else would get a turn, the
    // heartbeat included.
    if (now() - this.#turnBeganMs >= SLICE_MS) await this.#yield();
    return handled;
  }

  async #yield(): Promise<void> {
    await this.#options.yieldTurn();
    this.#turnBeganMs = this.#options.now();
  }

  /** Bytes of the message that is next behind its length, or -1 when it is not all here. */
  #messageLength(): number {
    const here = this.#end - this.#start;
    if (here < 4) return -1;
    const length = this.#in.readUInt32BE(this.#start);
    const max = this.#protocol === 1 ? MAX_V1_BYTES : MAX_V2_BYTES;
    if (length === 0 || length > max) throw new Garbage(`a message of ${length} bytes`);
    if (this.#protocol === 0 && here > 4) this.#tellProtocol(this.#in[this.#start + 4] as number, length);
    return here - 4 < length ? -1 : length;
  }

  #tellProtocol(first: number, length: number): void {
    if (first === 0x7b) {
      if (length > MAX_V1_BYTES) throw new Garbage(`a message of ${length} bytes`);
      this.#protocol = 1;
    } else if (first === MESSAGE.HANDSHAKE) this.#protocol = 2;
    else throw new Garbage(`a first byte of 0x${first.toString(16).padStart(2, "0")}`);
  }

  #handle(start: number, end: number): void {
    if (this.#protocol === 1) this.#handleV1(start, end);
    else this.#handleV2(start, end);
  }

  #handleV1(start: number, end: number): void {
    if (startsWith(this.#in, start, end, V1_FRAME)) {
      if (this.#in[end - 1] === 0x7d && this.#reader.readFast(this.#in, start + V1_FRAME.length, end - 1)) {
        return this.#judgeFrame(1);
      }
    }
    const bytes = this.#in.subarray(start, end);
    if (isLargePush(bytes)) return this.#parseInSteps(bytes, (message) => this.#dispatchV1(message));
    this.#dispatchV1(parseMessage(bytes));
  }

  #dispatchV1(message: Message): void {
    const reader = this.#reader;
    const { version, event_type: type, payload } = message;
    if (version !== 1) throw new Garbage(`a message of version ${String(version).slice(0, 20)}`);
    switch (typeof type === "string" ? type : "") {
      case "web_socket_frame":
      case "websocket_frame":
        reader.readAny(payload) ? this.#judgeFrame(1) : this.#refuseBadFrame(1);
        return;
      case "request_headers":
        return this.#judgeRequest(1, payload);
      case "request_complete":
        return this.#complete(1, payload);
      case "configure": {
        const { agent_id: id, config } = object(payload);
        return this.#configure(1, null, config, typeof id === "string" ? `agent block "${id}"` : "a proxy");
      }
      case "request_body_chunk":
      case "response_headers":
      case "response_body_chunk":
      case "guardrail_inspect":
        this.#answers.addText(-1, plainAnswer(1, correlationOf(payload), null));
        return;
      default:
        throw new Garbage(`an event of type ${JSON.stringify(type)?.slice(0, 60) ?? "none"}`);
    }
  }

  #handleV2(start: number, end: number): void {
    const type = this.#in[start] as number;
    const body = start + 1;
    switch (type) {
      case MESSAGE.WEBSOCKET_FRAME: {
        if (this.#reader.readFast(this.#in, body, end)) return this.#judgeFrame(2);
        const event = parseMessage(this.#in.subarray(body, end));
        if (typeof event["correlation_id"] !== "string") throw new Garbage("a frame without a correlation id");
        return this.#reader.readAny(event) ? this.#judgeFrame(2) : this.#refuseBadFrame(2);
      }
      case MESSAGE.HANDSHAKE:
        return end - body < LARGE_PUSH_BYTES
          ? this.#handshake(parseMessage(this.#in.subarray(body, end)))
          : this.#parseInSteps(this.#in.subarray(body, end), (message) => this.#handshake(message));
      case MESSAGE.REQUEST_HEADERS:
        return this.#judgeRequest(2, parseMessage(this.#in.subarray(body, end)));
      case MESSAGE.REQUEST_COMPLETE:
        return this.#complete(2, parseMessage(this.#in.subarray(body, end)));
      case MESSAGE.REQUEST_BODY:
      case MESSAGE.RESPONSE_HEADERS:
      case MESSAGE.RESPONSE_BODY:
      case MESSAGE.GUARDRAIL: {
        const id = correlationOf(parseMessage(this.#in.subarray(body, end)));
        if (id === null) throw new Garbage("an event without a correlation id");
        this.#answers.addText(MESSAGE.RESPONSE, plainAnswer(2, id, null));
        return;
      }
      case MESSAGE.CONFIGURE:
        return end - body < LARGE_PUSH_BYTES
          ? this.#configureV2(parseMessage(this.#in.subarray(body, end)))
          : this.#parseInSteps(this.#in.subarray(body, end), (message) => this.#configureV2(message));
      case MESSAGE.PING:
        this.#control.addBytes(MESSAGE.PONG, this.#in.subarray(body, end));
        return;
      case MESSAGE.CANCEL:
        this.#options.log.debug("The proxy cancels a request", {
          correlation_id: correlationOf(parseMessage(this.#in.subarray(body, end))),
        });
        return;
      default:
        this.#options.log.warn("A message of a type that this agent does not know was skipped", {
          connection: this.#options.name,
          type: `0x${type.toString(16).padStart(2, "0")}`,
        }, { foldKey: "unknown-type" });
    }
  }

  /** What comes behind it on this connection waits; others go on. */
  #parseInSteps(bytes: Uint8Array, then: (message: Message) => void): void {
    this.#hold = inTurns(parseMessageSteps(bytes), turnGiver()).then((message) => {
      // Whatever it makes wait is waited for as a part of this.
      this.#hold = null;
      then(message);
      return this.#hold ?? undefined;
    });
  }

  #configureV2({ config, correlation_id: id }: Message): void {
    this.#configure(2, typeof id === "string" ? id : null, config, this.#proxy);
  }

  #judgeFrame(version: 1 | 2): void {
    const { agent } = this.#options;
    const { frame } = this.#reader;
    const report = agent.judgeFrame(frame, this);
    this.#steps += report.steps;
    if (report.waiting !== null) return this.#wait(version, report.waiting);
    this.#answers.addText(version === 1 ? -1 : MESSAGE.RESPONSE, frameAnswer(version, report));
    const unsettled = agent.unsettled(frame);
    if (unsettled !== null) this.#unsettled.push(unsettled);
  }

  /** A frame that has no verdict yet: over v1 it waits in its place, over v2 until it is done, but in time in any case. */
  #wait(version: 1 | 2, waiting: Waiting): void {
    const { agent, now } = this.#options;
    const sentAfterMs = this.#sentAfterMs;
    const beganMs = now();
    const mostMs = version === 1 && waiting.kind === "payloads" ? MOST_MS : Infinity;
    const leftMs = Math.min(mostMs, agent.policy.decisionDeadlineMs - (beganMs - sentAfterMs));
    const done: Promise<Outcome> = waiting.done;
    const waited = withinMs(done, leftMs, this.#options.setTimer ?? setTimer).then(async (outcome) => {
      this.#waiting.delete(waited);
      this.#waitingFor[waiting.kind]--;
      const answer = (isWritten: boolean) => {
        agent.tick();
        const report = agent.resume(waiting, outcome);
        if (isWritten) this.#answers.addText(version === 1 ? -1 : MESSAGE.RESPONSE, frameAnswer(version, report));
        return waiting.frame === null ? null : agent.unsettled(waiting.frame);
      };
      if (version === 1) {
        if (waiting.kind === "payloads") this.#credit.charge(now() - beganMs, now());
        // Nothing else is answered meanwhile: its age is that of what is behind it.
        const unsettled = answer(true);
        if (unsettled !== null) this.#unsettled.push(unsettled);
        return;
      }
      this.#waited.push({ sentAfterMs, answer });
      await this.#flush().catch(() => this.#close());
      if (this.#stopping && this.#reading && this.#waiting.size === 0) this.#close();
    });
    this.#waiting.add(waited);
    this.#waitingFor[waiting.kind]++;
    if (version === 1) this.#hold = waited;
  }

  /** A frame event that lacks something is judged as a frame whose bytes could not be read: it closes. */
  #refuseBadFrame(version: 1 | 2): void {
    this.#reader.frame.data = null;
    this.#reader.frame.bytes = 0;
    this.#judgeFrame(version);
  }

  #judgeRequest(version: 1 | 2, event: unknown): void {
    const head = readRequestHead(event);
    if (head === null) throw new Garbage("request headers without correlation id");
    const verdict = this.#options.agent.judgeRequest(head);
    this.#answers.addText(typeOf(version), requestAnswer(version, head.correlationId, verdict));
  }

  #complete(version: 1 | 2, event: unknown): void {
    const id = correlationOf(event);
    if (id === null && version === 2) throw new Garbage("an event without a correlation id");
    if (id !== null) this.#options.agent.complete(id);
    this.#answers.addText(typeOf(version), plainAnswer(version, id, null));
  }

  #configure(version: 1 | 2, correlationId: string | null, config: unknown, from: string): void {
    const sentAfterMs = this.#sentAfterMs;
    const configured = this.#options.agent.configure(config, from).then(async (problem) => {
      const answer = plainAnswer(version, correlationId, problem === null ? null : { status: 500, body: problem });
      if (version === 1) {
        const isLate = this.#options.now() - sentAfterMs > MAX_ANSWER_AGE_MS;
        return isLate ? await this.#answerLate(answer) : this.#answers.addText(-1, answer);
      }
      // It names what it answers, so it may come when it likes.
      this.#control.addText(MESSAGE.RESPONSE, answer);
      await this.#flush().catch(() => this.#close());
    });
    if (version === 1) this.#hold = configured;
  }

  /**
   * The answer to a push of many rules over v1. A proxy waits for it by another clock than for verdicts, nobody knows how
   * long; to one that waits no longer it would be the verdict on the next frame, and each one after it that of another:
   * so it is the last answer on its connection.
   */
  async #answerLate(answer: string): Promise<void> {
    if (this.#muted) return;
    this.#control.addText(-1, answer);
    await this.#flush();
    if (!this.#muted) await this.#mute();
  }

  #handshake(request: Message): void {
    const handshake = readHandshake(request);
    this.#proxy = handshake.proxy;
    const { log, agent, name } = this.#options;
    if (handshake.acceptable) {
      log.info("A proxy connected", { connection: name, proxy: handshake.proxy, protocol: "v2" });
      // The frames behind it are judged by what it brings.
      if (handshake.config !== null) {
        this.#hold = agent.configure(handshake.config, handshake.proxy).then(() => this.#answerHandshake(true));
        return;
      }
    }
    this.#answerHandshake(handshake.acceptable);
  }

  #answerHandshake(acceptable: boolean): void {
    this.#control.addText(MESSAGE.HANDSHAKE_RESPONSE, handshakeAnswer(acceptable));
    if (!acceptable) this.#stopping = true;
  }

  /**
   * Writes the answers, unless they are too old: a late answer would be taken for the next frame's over v1, and helps
   * nobody over v2. What they would have stopped has passed then, and the agent is told.
   */
  #flush(): Promise<void> {
    // Whoever is at it takes along what has come meanwhile.
    if (!this.#isFlushing) this.#flushing = this.#flushAll();
    return this.#flushing;
  }

  async #flushAll(): Promise<void> {
    this.#isFlushing = true;
    try {
      do {
        await this.#flushOnce();
      } while (this.#answers.length > 0 || this.#control.length > 0 || this.#waited.length > 0);
    } finally {
      this.#isFlushing = false;
    }
  }

  async #flushOnce(): Promise<void> {
    const { agent, now } = this.#options;
    if (this.#control.length > 0) {
      const bytes = this.#control.bytes.slice();
      this.#control.clear();
      await this.#write(bytes);
    }
    let sentAfterMs = this.#answers.length > 0 ? this.#sentAfterMs : Infinity;
    if (this.#answers.length > 0 && (this.#muted || now() - sentAfterMs > MAX_ANSWER_AGE_MS)) {
      this.#answers.clear();
      sentAfterMs = Infinity;
      this.#tellLate(agent, this.#takeUnsettled());
      if (this.#protocol === 1 && !this.#muted) await this.#mute();
    }
    sentAfterMs = Math.min(sentAfterMs, this.#answerWaited());
    const answers = this.#answers;
    if (answers.length === 0) return;
    this.#answers = this.#spare;
    const unsettled = this.#takeUnsettled();
    try {
      await this.#write(answers.bytes);
    } catch (error) {
      this.#tellLate(agent, unsettled);
      throw error;
    }
    answers.clear();
    this.#spare = answers;
    if (unsettled.length === 0 && this.#protocol !== 1) return;
    if (now() - sentAfterMs <= PROXY_CLOCK_MS) return;
    this.#tellLate(agent, unsettled);
    // It may have come too late, and whatever it said, it would be taken for the next frame's.
    if (this.#protocol === 1) await this.#mute();
  }

  /**
   * Answers the frames that are done with waiting, each by its own age: one that is too old is told as late, and takes
   * nobody else's answer with it. When the oldest of the others was sent at the earliest.
   */
  #answerWaited(): number {
    if (this.#waited.length === 0) return Infinity;
    const { agent, now } = this.#options;
    const waited = this.#waited;
    this.#waited = [];
    let sentAfterMs = Infinity;
    for (const one of waited) {
      const isLate = this.#muted || this.#closed || now() - one.sentAfterMs > MAX_ANSWER_AGE_MS;
      const unsettled = one.answer(!isLate);
      if (!isLate) {
        sentAfterMs = Math.min(sentAfterMs, one.sentAfterMs);
        if (unsettled !== null) this.#unsettled.push(unsettled);
      } else if (unsettled !== null) this.#tellLate(agent, [unsettled]);
    }
    return sentAfterMs;
  }

  #takeUnsettled(): readonly Unsettled[] {
    const unsettled = this.#unsettled;
    if (unsettled.length > 0) this.#unsettled = [];
    return unsettled;
  }

  /**
   * Ends a v1 connection on which an answer came too late. Only the writing: an event that the proxy has sent by now gets
   * no answer and its frame passes, so it has to be read and judged all the same. The proxy closes when it sees the end.
   */
  async #mute(): Promise<void> {
    this.#muted = true;
    this.#options.log.warn("Answers were too late to be written, so the connection was given up", {
      connection: this.#options.name,
    }, { foldKey: "muted" });
    this.#muteTimer = setTimeout(() => this.#close(), MUTED_MS);
    await this.#connection.closeWrite();
  }

  #tellLate(agent: Agent, late: readonly Unsettled[]): void {
    for (const unsettled of late) agent.answeredLate(unsettled);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(at === 0 ? bytes : bytes.subarray(at));
  }
}

/** What came of it, or null where it takes longer than that. */
function withinMs<T>(
  done: Promise<T>,
  ms: number,
  timer: (callback: () => void, ms: number) => () => void,
): Promise<T | null> {
  return new Promise((resolve) => {
    const cancel = timer(() => resolve(null), Math.max(0, ms));
    done.then((outcome) => {
      cancel();
      resolve(outcome);
    }, () => resolve(null));
  });
}

function setTimer(callback: () => void, ms: number): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}

const V1_FRAME = new TextEncoder().encode('{"version":1,"event_type":"web_socket_frame","payload":');

function startsWith(buffer: Buffer, start: number, end: number, literal: Uint8Array): boolean {
  if (end - start < literal.length) return false;
  for (let i = 0; i < literal.length; i++) if (buffer[start + i] !== literal[i]) return false;
  return true;
}

function object(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

function correlationOf(event: unknown): string | null {
  const { correlation_id: id, metadata } = object(event);
  const found = id ?? object(metadata)["correlation_id"];
  return typeof found === "string" ? found : null;
}

function typeOf(version: 1 | 2): number {
  return version === 1 ? -1 : MESSAGE.RESPONSE;
}
