import { FramePayloads, type Framing } from "./frame_payloads.ts";
import { RawClient } from "./raw_client.ts";
import { Socket } from "./socket.ts";
import { OPCODE } from "./websocket_frame.ts";

/** Where the bridge listens and what it makes of bytes. */
export interface TcpFrontOptions {
  /** Port of the proxy's WebSocket listener on 127.0.0.1. */
  readonly proxyPort: number;
  /** Port to listen on; default 0, any free one. */
  readonly port?: number;
  /** Default `packet`. */
  readonly framing?: Framing;
}

/** A running bridge. */
export interface TcpFront {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Lets clients that speak MQTT over plain TCP only (mosquitto_pub, mosquitto_sub) reach a WebSocket listener: their bytes
 * go into binary frames, and the payloads of frames come back as bytes. When the WebSocket ends, for whatever
 * reason, so does the TCP connection.
 */
export function startTcpFront(options: TcpFrontOptions): TcpFront {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: options.port ?? 0 });
  const running = new Set<Promise<void>>();
  const sockets = new Set<Socket>();

  const accepting = (async () => {
    for await (const conn of listener) {
      const socket = new Socket(conn);
      sockets.add(socket);
      const bridge = runBridge(socket, options).finally(() => {
        sockets.delete(socket);
        running.delete(bridge);
      });
      running.add(bridge);
    }
  })();

  return {
    port: listener.addr.port,
    async stop() {
      listener.close();
      for (const socket of sockets) socket.close();
      await Promise.all([accepting, ...running]);
    },
  };
}

async function runBridge(socket: Socket, { proxyPort, framing = "packet" }: TcpFrontOptions): Promise<void> {
  let webSocket: RawClient;
  try {
    webSocket = await RawClient.connect(proxyPort);
  } catch {
    socket.close(); // Over TCP there is no other way to say that the upgrade was refused.
    return;
  }
  const outward = (async () => {
    const payloads = new FramePayloads(framing);
    for (let chunk = await socket.read(); chunk !== null; chunk = await socket.read()) {
      for (const payload of payloads.push(chunk)) await webSocket.send(OPCODE.binary, payload);
    }
    webSocket.close();
  })();
  for (let frame = await webSocket.next(); frame !== null; frame = await webSocket.next()) {
    if (frame.opcode === OPCODE.binary) await socket.write(frame.payload);
    else if (frame.opcode === OPCODE.close) break;
  }
  await socket.end();
  webSocket.close();
  await outward;
}
