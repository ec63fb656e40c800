import { ByteBuffer } from "./byte_buffer.ts";
import { firstHeader, type HttpHead, readHttpHead, upgradeRequest } from "./http_upgrade.ts";
import { Socket } from "./socket.ts";
import {
  decodeClosePayload,
  decodeFrame,
  encodeFrame,
  type EncodeOptions,
  NO_LIMITS,
  OPCODE,
  type WebSocketFrame,
} from "./websocket_frame.ts";

/** How a connection ended for the client: 1006 without a close frame (RFC 6455 section 7.1.5). */
export interface CloseSeen {
  readonly code: number;
  readonly reason: string;
}

/** What the upgrade request says beside the necessary. */
export interface RawClientOptions {
  /** Default `/mqtt`. */
  readonly path?: string;
  /** In order, as written; default: the subprotocol `mqtt`. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

/** The answer to an upgrade request that was refused. */
export interface UpgradeRefusal {
  readonly status: number;
  readonly body: string;
}

/** Thrown by `RawClient.connect` when the answer is not 101. */
export class UpgradeRefusedError extends Error {
  readonly refusal: UpgradeRefusal;

  constructor(refusal: UpgradeRefusal) {
    super(`Cannot upgrade: the answer is ${refusal.status} "${refusal.body.trim()}"`);
    this.refusal = refusal;
  }
}

/** A WebSocket client that sends whatever it is told, frame by frame and byte by byte. */
export class RawClient {
  readonly #socket: Socket;
  readonly #received = new ByteBuffer();
  readonly response: HttpHead;
  #closeSeen: CloseSeen | null = null;

  private constructor(socket: Socket, response: HttpHead) {
    this.#socket = socket;
    this.response = response;
    this.#received.append(response.rest);
  }

  /** Upgrades. Throws `UpgradeRefusedError` when the answer is not 101. */
  static async connect(port: number, options: RawClientOptions = {}): Promise<RawClient> {
    const { path = "/mqtt", headers = [["Sec-WebSocket-Protocol", "mqtt"]] } = options;
    const socket = new Socket(await Deno.connect({ hostname: "127.0.0.1", port }));
    await socket.write(upgradeRequest(path, [
      ["Host", `127.0.0.1:${port}`],
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
      ["Sec-WebSocket-Key", crypto.getRandomValues(new Uint8Array(16)).toBase64()],
      ["Sec-WebSocket-Version", "13"],
      ...headers,
    ]));
    const response = await readHttpHead(socket);
    if (response?.startLine.split(" ")[1] === "101") return new RawClient(socket, response);
    const refusal = await readRefusal(socket, response);
    socket.close();
    throw new UpgradeRefusedError(refusal);
  }

  /** Sends one frame, masked unless said otherwise. */
  send(opcode: number, payload: Uint8Array, options: EncodeOptions = {}): Promise<boolean> {
    return this.#socket.write(encodeFrame(opcode, payload, { masked: true, ...options }));
  }

  /** Sends bytes as they are. */
  sendBytes(bytes: Uint8Array): Promise<boolean> {
    return this.#socket.write(bytes);
  }

  /** The next frame; null when the connection has ended, and `closed` then says how. */
  async next(): Promise<WebSocketFrame | null> {
    for (;;) {
      const decoded = decodeFrame(this.#received.bytes, NO_LIMITS);
      if (decoded.kind === "frame") {
        const { frame } = decoded;
        this.#received.consume(frame.raw.length);
        // What breaks RFC 6455 section 5.2 ends the connection for a real client too.
        if (frame.rsv !== 0) return this.#end({ code: 1006, reason: "" });
        if (frame.opcode === OPCODE.close) this.#closeSeen ??= decodeClosePayload(frame.payload);
        return frame;
      }
      const chunk = await this.#socket.read();
      if (chunk === null) return this.#end({ code: 1006, reason: "" });
      this.#received.append(chunk);
    }
  }

  /** Reads to the end of the connection and says how it closed. */
  async closed(): Promise<CloseSeen> {
    while (await this.next() !== null);
    return this.#closeSeen ?? { code: 1006, reason: "" };
  }

  /** Breaks the connection. */
  close(): void {
    this.#socket.close();
  }

  #end(seen: CloseSeen): null {
    this.#closeSeen ??= seen;
    this.#socket.close();
    return null;
  }
}

async function readRefusal(socket: Socket, response: HttpHead | null): Promise<UpgradeRefusal> {
  if (response === null) return { status: 0, body: "" };
  const body = new ByteBuffer();
  body.append(response.rest);
  const length = Number(firstHeader(response, "content-length") ?? 0);
  while (body.bytes.length < length) {
    const chunk = await socket.read();
    if (chunk === null) break;
    body.append(chunk);
  }
  return { status: Number(response.startLine.split(" ")[1]), body: new TextDecoder().decode(body.bytes) };
}
