import { concat } from "./annotated_hex.ts";

/** A connection to the agent of which nothing is understood but the length in front of a message. */
export class RawConnection {
  readonly #conn: Deno.Conn;
  #held: Uint8Array = new Uint8Array(0);
  #closed = false;

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  static async open(path: string): Promise<RawConnection> {
    return new RawConnection(await Deno.connect({ transport: "unix", path }));
  }

  /** Writes all bytes; false if the agent has closed the connection meanwhile. */
  async write(bytes: Uint8Array): Promise<boolean> {
    try {
      for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await this.#conn.write(rest));
      return true;
    } catch {
      return false;
    }
  }

  /** The next message without its length, or null when the agent has closed the connection. */
  async read(): Promise<Uint8Array | null> {
    const chunk = new Uint8Array(1 << 16);
    for (;;) {
      const { length } = this.#held;
      if (length >= 4) {
        const size = new DataView(this.#held.buffer, this.#held.byteOffset).getUint32(0);
        if (length >= 4 + size) {
          const message = this.#held.slice(4, 4 + size);
          this.#held = this.#held.subarray(4 + size);
          return message;
        }
      }
      let count: number | null;
      try {
        count = await this.#conn.read(chunk);
      } catch {
        return null;
      }
      if (count === null) return null;
      this.#held = concat([this.#held, chunk.slice(0, count)]);
    }
  }

  /** All messages up to the end of the connection, which the agent is expected to bring about. */
  async readToEnd(): Promise<Uint8Array[]> {
    const messages: Uint8Array[] = [];
    for (let message = await this.read(); message !== null; message = await this.read()) messages.push(message);
    return messages;
  }

  /** Says that nothing more will come; the agent closes in turn. */
  async closeWrite(): Promise<void> {
    await this.#conn.closeWrite().catch(() => {});
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }
}
