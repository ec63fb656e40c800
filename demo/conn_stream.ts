import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";

/**
 * A TCP connection as a Node stream.
 *
 * It stands in for the sockets of `node:net`: under Deno 2.9 those stop delivering, for ever, when aedes reads a packet
 * of more than about 64 KiB from them by `readable` events. What is written in one turn goes out as one write.
 */
export class ConnStream extends Duplex {
  readonly #conn: Deno.TcpConn;
  readonly #buffer = new Uint8Array(65536);

  constructor(conn: Deno.TcpConn) {
    super();
    this.#conn = conn;
  }

  override _read(): void {
    this.#conn.read(this.#buffer).then(
      (count) => this.push(count === null ? null : Buffer.from(this.#buffer.subarray(0, count))),
      () => this.push(null), // Reset, or closed by us: an end like any other.
    );
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#writeAll(chunk).then(() => done(), done);
  }

  override _writev(chunks: readonly { readonly chunk: Uint8Array }[], done: (error?: Error | null) => void): void {
    this.#writeAll(Buffer.concat(chunks.map(({ chunk }) => chunk))).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#conn.close();
    done(error);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await this.#conn.write(rest));
  }
}
