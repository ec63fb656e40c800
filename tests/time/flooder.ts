/** A proxy that sends as fast as it can, in a thread of its own: what it does must not hold up whoever measures. */
export interface Flood {
  readonly path: string;
  /** Messages in the order they are sent, as one piece of bytes. */
  readonly bytes: Uint8Array;
}

const self = globalThis as unknown as {
  onmessage: (event: MessageEvent<Flood>) => void;
  postMessage(message: unknown): void;
};

self.onmessage = async ({ data: { path, bytes } }) => {
  const connection = await Deno.connect({ transport: "unix", path });
  const reading = (async () => {
    const buffer = new Uint8Array(1 << 16);
    while (await connection.read(buffer).catch(() => null) !== null);
  })();
  try {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at, at + (1 << 16)));
    await connection.closeWrite();
  } catch {
    // Over v1 the agent gives a connection up that it can not answer in time.
  }
  await reading;
  connection.close();
  self.postMessage("done");
};
