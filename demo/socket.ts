import { concatBytes } from "./byte_buffer.ts";

/**
 * A stream socket whose writes keep their order when several parts of a program write to it, and whose end is a value:
 * `read` gives null and `write` false once either side has closed, whatever the operating system calls it.
 */
export class Socket {
  readonly #conn: Deno.TcpConn | Deno.UnixConn;
  readonly #buffer = new Uint8Array(65536);
  #waiting: Uint8Array[] = [];
  #lastWrite: Promise<boolean> = Promise.resolve(true);
  #nextWrite: Promise<boolean> | null = null;
  readonly #ended = Promise.withResolvers<void>();
  #closed = false;

  constructor(conn: Deno.TcpConn | Deno.UnixConn) {
    this.#conn = conn;
    // Small packets one after another would otherwise wait for delayed acknowledgements, 40 ms each time.
    if ("setNoDelay" in conn) setNoDelay(conn);
  }

  /** Resolves when the socket is closed on this side. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** `host:port` of the other end, IPv6 in brackets; the path of a Unix socket. */
  get remote(): string {
    const address = this.#conn.remoteAddr;
    if (address.transport !== "tcp") return "unix";
    return address.hostname.includes(":")
      ? `[${address.hostname}]:${address.port}`
      : `${address.hostname}:${address.port}`;
  }

  /** The next bytes that arrived, at most 64 KiB and valid until the next read; null at the end. */
  async read(): Promise<Uint8Array | null> {
    if (this.#closed) return null;
    try {
      const count = await this.#conn.read(this.#buffer);
      return count === null ? null : this.#buffer.subarray(0, count);
    } catch {
      return null; // Reset, or closed by us while reading: to both callers that is the end.
    }
  }

  /**
   * Writes all of `bytes` behind everything written before; false if the socket broke. What is written while a write is
   * under way goes out as one with the next: hundreds of small messages must not wait for a turn of the event loop each.
   */
  write(bytes: Uint8Array): Promise<boolean> {
    this.#waiting.push(bytes);
    this.#nextWrite ??= this.#lastWrite = this.#lastWrite.then((intact) => {
      const batch = concatBytes(this.#waiting);
      this.#waiting = [];
      this.#nextWrite = null;
      return intact && this.#writeAll(batch);
    });
    return this.#nextWrite;
  }

  /** Closes after everything written so far has been handed to the operating system. */
  async end(): Promise<void> {
    await this.#lastWrite;
    this.close();
  }

  /** Tells the other end that nothing more comes, and goes on reading. */
  async endWriting(): Promise<void> {
    try {
      if (!this.#closed) await this.#conn.closeWrite();
    } catch {
      // The other end has gone already.
    }
  }

  /** Closes at once. Closing twice does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
    this.#ended.resolve();
  }

  async #writeAll(bytes: Uint8Array): Promise<boolean> {
    let rest = bytes;
    try {
      while (rest.length > 0) rest = rest.subarray(await this.#conn.write(rest));
      return true;
    } catch {
      return false;
    }
  }
}

function setNoDelay(conn: Deno.TcpConn): void {
  try {
    conn.setNoDelay(true);
  } catch {
    // Some systems refuse it for a connection that was reset before it was accepted; the next read says so.
  }
}
