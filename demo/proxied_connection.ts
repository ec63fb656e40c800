import type { WebSocketFrameEvent } from "./agent_messages.ts";
import type { BrokerWebSocket } from "./broker_websocket.ts";
import { ByteBuffer, concatBytes } from "./byte_buffer.ts";
import type { FrameDecision, FrameInspector } from "./frame_inspector.ts";
import { plainResponse } from "./http_upgrade.ts";
import type { Socket } from "./socket.ts";
import { decodeFrame, type DecodeLimits, encodeCloseFrame, type FrameFault, opcodeName } from "./websocket_frame.ts";
import type { WebSocketFrame } from "./websocket_frame.ts";

/** The proxy's codec: larger frames and frames with RSV bits are none of its business, and pass. */
const PROXY_LIMITS: DecodeLimits = { maxPayloadBytes: 1024 * 1024, refuseRsv: true };

/** A client has this long to read a close frame and to hang up. */
const LINGER_MS = 1000;

/** From client to broker, or back. */
export type Direction = "client" | "broker";

/** Which connection a record is about. */
export interface ConnectionIdentity {
  readonly correlationId: string;
  /** `host:port` of the client. */
  readonly clientIp: string;
}

/** One frame that met the inspector, and what became of it. */
export interface FrameRecord extends ConnectionIdentity {
  /** Who sent the frame. */
  readonly from: Direction;
  readonly frame: WebSocketFrame;
  readonly index: number;
  readonly decision: FrameDecision;
}

/** What one connection needs of its proxy. */
export interface ProxiedConnectionOptions extends ConnectionIdentity {
  readonly client: Socket;
  readonly broker: BrokerWebSocket;
  readonly inspector: FrameInspector;
  readonly routeId: string;
  /** False where compression was offered: such a connection is not inspected at all. */
  readonly inspected: boolean;
  /** What a client sees of a close verdict on one of its own frames: broken bytes (1006), or a close frame with the code. */
  readonly clientClose: "break" | "frame";
  readonly onFrame: (record: FrameRecord) => void;
  /** Bytes of which no frame could be made: they are forwarded as they are, unseen. */
  readonly onFault: (fault: FrameFault, bytes: number) => void;
}

/**
 * One WebSocket through the proxy. As in the real one
 * - what is read at once is inspected frame by frame, each when the verdict of the one before has come, and is forwarded
 *   together at the end: frames read before one that closes are lost with it;
 * - on a frame that its codec does not take, all that has been read is forwarded as it is and forgotten;
 * - the directions do not wait for each other.
 */
export class ProxiedConnection {
  readonly #options: ProxiedConnectionOptions;
  readonly #nextIndex: Record<Direction, number> = { client: 0, broker: 0 };
  #closing = false;

  constructor(options: ProxiedConnectionOptions) {
    this.#options = options;
  }

  /** Runs until either side has gone; `rest` is what the client sent behind its upgrade request. Never rejects. */
  async run(rest: Uint8Array): Promise<void> {
    const { client, broker } = this.#options;
    const clientPump = this.#pump("client", rest).finally(() => broker.close());
    const brokerPump = this.#pump("broker", new Uint8Array()).finally(() => this.#closing ? undefined : client.end());
    await Promise.all([clientPump, brokerPump]);
    client.close();
  }

  /** Breaks both connections. */
  close(): void {
    this.#closing = true;
    this.#options.client.close();
    this.#options.broker.close();
  }

  async #pump(from: Direction, first: Uint8Array): Promise<void> {
    const { client, broker, inspected } = this.#options;
    const [source, sink] = from === "client" ? [client, broker] : [broker, client];
    const buffer = new ByteBuffer();
    for (let chunk: Uint8Array | null = first; chunk !== null; chunk = await source.read()) {
      // After a close the client's bytes are read only so that closing the socket does not reset it.
      if (this.#closing) continue;
      if (!inspected) {
        if (!await sink.write(chunk)) return;
        continue;
      }
      buffer.append(chunk);
      const output = await this.#inspectRead(from, buffer);
      if (!this.#closing && output.length > 0 && !await sink.write(concatBytes(output))) return;
    }
  }

  /** Judges what has been read; the bytes that may go on, none when the connection closes. */
  async #inspectRead(from: Direction, buffer: ByteBuffer): Promise<Uint8Array[]> {
    const output: Uint8Array[] = [];
    for (;;) {
      const decoded = decodeFrame(buffer.bytes, PROXY_LIMITS);
      if (decoded.kind === "incomplete") return output;
      if (decoded.kind === "fault") {
        const all = buffer.bytes;
        buffer.consume(all.length);
        this.#options.onFault(decoded.fault, all.length);
        return [...output, all];
      }
      const { frame } = decoded;
      buffer.consume(frame.raw.length);
      const decision = await this.#inspect(from, frame);
      if (this.#closing) return [];
      switch (decision.action.kind) {
        case "forward":
          output.push(frame.raw);
          break;
        case "drop":
          break;
        case "close":
          this.#closeBy(from, decision.action.code, decision.action.reason);
          return [];
      }
    }
  }

  async #inspect(from: Direction, frame: WebSocketFrame): Promise<FrameDecision> {
    const { inspector, correlationId, clientIp, routeId } = this.#options;
    const index = this.#nextIndex[from]++;
    const payload: WebSocketFrameEvent = {
      client_ip: clientIp,
      client_to_server: from === "client",
      correlation_id: correlationId,
      data: frame.payload.toBase64(),
      fin: frame.fin,
      frame_index: index,
      opcode: opcodeName(frame.opcode),
      route_id: routeId,
    };
    const decision = await inspector.inspectFrame({ type: "web_socket_frame", payload });
    this.#options.onFrame({ correlationId, clientIp, from, frame, index, decision });
    return decision;
  }

  #closeBy(from: Direction, code: number, reason: string): void {
    const { client, broker, clientClose } = this.#options;
    this.#closing = true;
    broker.close();
    if (from === "client" && clientClose === "break") {
      // The real one ends with an error that is no frame; a client makes 1006 of it, whatever exactly the bytes are.
      client.write(plainResponse(500, "")).then(() => client.close());
      return;
    }
    client.write(encodeCloseFrame(code, reason)).then(() => client.endWriting());
    const timer = setTimeout(() => client.close(), LINGER_MS);
    client.ended.then(() => clearTimeout(timer));
  }
}
