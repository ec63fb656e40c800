import { ByteBuffer } from "../../demo/byte_buffer.ts";
import type { BrokerAddress } from "../../demo/broker_websocket.ts";
import { TimeLimitError, within } from "../../demo/watch.ts";

/** One TCP connection to a `RecordingBroker`. */
export class RecordedConnection {
  readonly #conn: Deno.TcpConn;
  readonly #received = new ByteBuffer();
  readonly #chunk = new Uint8Array(65536);

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  /** The next `length` bytes that arrive; rejects when the connection ends before. */
  async take(length: number): Promise<Uint8Array> {
    while (this.#received.bytes.length < length) {
      if (!await this.#more()) {
        throw new Error(`Cannot take ${length} bytes: the connection ended after ${this.#received.bytes.length}`);
      }
    }
    const bytes = this.#received.bytes.slice(0, length);
    this.#received.consume(length);
    return bytes;
  }

  /** Everything else that arrives until the connection ends. */
  async rest(): Promise<Uint8Array> {
    while (await this.#more());
    return this.#received.bytes;
  }

  async send(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await this.#conn.write(rest));
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // Closed before.
    }
  }

  async #more(): Promise<boolean> {
    try {
      const count = await within(this.#conn.read(this.#chunk), "bytes for the broker");
      if (count === null) return false;
      this.#received.append(this.#chunk.subarray(0, count));
      return true;
    } catch (error) {
      if (error instanceof TimeLimitError) throw error;
      return false; // Reset: an end like any other.
    }
  }
}

/** Stands where a broker would, and shows a test the bytes that reached it. */
export class RecordingBroker implements BrokerAddress {
  readonly hostname = "127.0.0.1";
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections: RecordedConnection[] = [];

  get port(): number {
    return this.#listener.addr.port;
  }

  /** The next connection. */
  async accept(): Promise<RecordedConnection> {
    const connection = new RecordedConnection(await this.#listener.accept());
    this.#connections.push(connection);
    return connection;
  }

  stop(): void {
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
  }
}
