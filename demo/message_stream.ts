import { ByteBuffer } from "./byte_buffer.ts";
import { Socket } from "./socket.ts";

/** The real clients' limits: 10 MiB of JSON over v1, 16 MiB with the type byte over v2. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

const encoder = new TextEncoder();

/** Messages with a 4-byte big-endian length in front, over a Unix socket. */
export class MessageStream {
  readonly #socket: Socket;
  readonly #buffer = new ByteBuffer();

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** The next message without its length; null at the end. Throws on a length that no client takes. */
  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const bytes = this.#buffer.bytes;
      if (bytes.length >= 4) {
        const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
        if (length > MAX_MESSAGE_BYTES) {
          throw new Error(`Cannot read the agent's message: it announces ${length} bytes`);
        }
        if (bytes.length >= 4 + length) {
          const message = bytes.slice(4, 4 + length);
          this.#buffer.consume(4 + length);
          return message;
        }
      }
      const chunk = await this.#socket.read();
      if (chunk === null) return null;
      this.#buffer.append(chunk);
    }
  }

  /** Writes `body` as JSON, behind a type byte where protocol v2 has one; false if the socket broke. */
  write(body: unknown, typeByte?: number): Promise<boolean> {
    const json = encoder.encode(JSON.stringify(body));
    const start = typeByte === undefined ? 4 : 5;
    const message = new Uint8Array(start + json.length);
    new DataView(message.buffer).setUint32(0, message.length - 4);
    if (typeByte !== undefined) message[4] = typeByte;
    message.set(json, start);
    return this.#socket.write(message);
  }
}

/** Connects to the agent's Unix socket. Throws, with the path, when nobody listens there. */
export async function connectToAgent(path: string): Promise<Socket> {
  try {
    return new Socket(await Deno.connect({ transport: "unix", path }));
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot connect to the agent at "${path}": ${found}`, { cause });
  }
}
