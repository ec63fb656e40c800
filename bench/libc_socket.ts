/**
 * Unix sockets by system call, without an event loop.
 *
 * The load client must outrun the server it measures and be fair to all its connections. `Deno.connect` is neither: it
 * costs a promise and two trips through the event loop per read, and starves connections when more than 128 are busy.
 * Here a read is a call of 1 µs. Linux only, as `/proc`, where the CPU time of the server comes from.
 */

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const POLLIN = 1;
const POLLOUT = 4;
const POLLFD_BYTES = 8;
const SUN_PATH_BYTES = 108;

// Lengths are declared as 32 bits: 64-bit results would come as BigInt, one allocation per call.
const libc = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  poll: { parameters: ["buffer", "u32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
});

/** Connects, or throws: the server must be accepting. */
export function connectUnix(path: string): number {
  const text = new TextEncoder().encode(path);
  if (text.length >= SUN_PATH_BYTES) throw new Error(`Cannot connect to "${path}": the path is too long for a socket`);
  const address = new Uint8Array(2 + SUN_PATH_BYTES);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(text, 2);
  const fd = libc.symbols.socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) throw new Error("Cannot make a socket: out of file descriptors?");
  if (libc.symbols.connect(fd, address, address.length) < 0) {
    libc.symbols.close(fd);
    throw new Error(`Cannot connect to "${path}": nobody accepts there`);
  }
  return fd;
}

/** Bytes read, 0 at the end, -1 when there is nothing to read. */
export function receive(fd: number, into: Uint8Array<ArrayBuffer>): number {
  return libc.symbols.recv(fd, into, into.length, MSG_DONTWAIT);
}

/** Bytes taken, -1 when there is no room. */
export function send(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
  return libc.symbols.send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

export function close(fd: number): void {
  libc.symbols.close(fd);
}

/** Waits for some of many sockets to become ready. */
export class Poll {
  readonly #fds: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #count: number;

  constructor(fds: readonly number[]) {
    this.#count = fds.length;
    this.#fds = new Uint8Array(fds.length * POLLFD_BYTES);
    this.#view = new DataView(this.#fds.buffer);
    fds.forEach((fd, i) => {
      this.#view.setInt32(i * POLLFD_BYTES, fd, true);
      this.#view.setInt16(i * POLLFD_BYTES + 4, POLLIN, true);
    });
  }

  /** Asks for room to write as well. */
  wantWrite(index: number, want: boolean): void {
    this.#view.setInt16(index * POLLFD_BYTES + 4, want ? POLLIN | POLLOUT : POLLIN, true);
  }

  /** How many are ready; blocks the thread for up to `timeoutMs`. */
  wait(timeoutMs: number): number {
    return libc.symbols.poll(this.#fds, this.#count, timeoutMs);
  }

  isReady(index: number): boolean {
    return this.#fds[index * POLLFD_BYTES + 6] !== 0;
  }
}
