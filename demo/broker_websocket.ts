import { ByteBuffer } from "./byte_buffer.ts";
import { FramePayloads, type Framing } from "./frame_payloads.ts";
import { Socket } from "./socket.ts";
import { decodeFrame, encodeCloseFrame, encodeFrame, NO_LIMITS, OPCODE } from "./websocket_frame.ts";

/** Address of a broker that speaks MQTT over plain TCP. */
export interface BrokerAddress {
  readonly hostname: string;
  readonly port: number;
}

/**
 * Stands in for the broker's own WebSocket listener, in front of its TCP port. A real proxy speaks WebSocket to the
 * broker; Mosquitto's listener for it is not built into every package, and aedes under Deno has none that works.
 *
 * It is the most careless listener there could be, so that nothing is caught here that the agent should have caught: the
 * payloads of binary, text and continuation frames all go to the broker as they come, RSV bits and missing masks are not
 * looked at. A ping is answered; a close frame is answered and ends the connection; a reserved opcode ends it (1002).
 */
export class BrokerWebSocket {
  readonly #socket: Socket;
  readonly #framing: Framing;
  readonly #received = new ByteBuffer();
  readonly #frames = new TransformStream<Uint8Array, Uint8Array>(undefined, { highWaterMark: 16 });
  readonly #writer = this.#frames.writable.getWriter();
  readonly #reader = this.#frames.readable.getReader();

  private constructor(socket: Socket, framing: Framing) {
    this.#socket = socket;
    this.#framing = framing;
    this.#wrap();
  }

  /** Connects to the broker. Throws when it does not listen. */
  static async connect(address: BrokerAddress, framing: Framing): Promise<BrokerWebSocket> {
    return new BrokerWebSocket(new Socket(await Deno.connect(address)), framing);
  }

  /** The bytes of the next frame that this end sends, null after the last. */
  async read(): Promise<Uint8Array | null> {
    const { value } = await this.#reader.read();
    return value ?? null;
  }

  /** Takes bytes of frames from the proxy; false once the broker has gone. */
  async write(bytes: Uint8Array): Promise<boolean> {
    this.#received.append(bytes);
    let intact = true;
    for (;;) {
      const decoded = decodeFrame(this.#received.bytes, NO_LIMITS);
      if (decoded.kind !== "frame") return intact;
      this.#received.consume(decoded.frame.raw.length);
      const { opcode, payload } = decoded.frame;
      switch (opcode) {
        case OPCODE.binary:
        case OPCODE.text:
        case OPCODE.continuation:
          intact = await this.#socket.write(payload);
          break;
        case OPCODE.ping:
          this.#send(encodeFrame(OPCODE.pong, payload));
          break;
        case OPCODE.pong:
          break;
        case OPCODE.close:
          this.#send(encodeFrame(OPCODE.close, payload.subarray(0, 2)));
          await this.#socket.end();
          return false;
        default:
          this.#send(encodeCloseFrame(1002, `Opcode ${opcode} is reserved`));
          await this.#socket.end();
          return false;
      }
    }
  }

  /** Breaks the connection to the broker, which then publishes the Will. */
  close(): void {
    this.#socket.close();
    this.#reader.cancel().catch(ignore);
  }

  async #wrap(): Promise<void> {
    const payloads = new FramePayloads(this.#framing);
    for (let chunk = await this.#socket.read(); chunk !== null; chunk = await this.#socket.read()) {
      for (const payload of payloads.push(chunk)) {
        await this.#writer.ready.catch(ignore);
        this.#send(encodeFrame(OPCODE.binary, payload));
      }
    }
    this.#socket.close();
    await this.#writer.close().catch(ignore);
  }

  #send(frame: Uint8Array): void {
    this.#writer.write(frame).catch(ignore);
  }
}

/** The stream of frames fails only once nobody reads it any more; then it does not matter what becomes of a frame. */
function ignore(): void {}
