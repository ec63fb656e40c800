import { ByteBuffer } from "./byte_buffer.ts";

/**
 * How bytes that come over TCP are cut into WebSocket frames: one for each MQTT packet, as Mosquitto's own WebSocket
 * listener does; one for each read from the socket; or frames of at most that many bytes, as programs do that write field
 * by field (1 is the worst of them).
 */
export type Framing = "packet" | "read" | number;

/** Cuts a stream of bytes into the payloads of frames. */
export class FramePayloads {
  readonly #framing: Framing;
  readonly #pending = new ByteBuffer();

  constructor(framing: Framing) {
    if (typeof framing === "number" && !(framing >= 1)) {
      throw new RangeError(`Cannot cut frames of ${framing} bytes: at least 1 is needed`);
    }
    this.#framing = framing;
  }

  /** The payloads that are complete now; each is a copy. */
  push(chunk: Uint8Array): Uint8Array[] {
    if (this.#framing === "read") return [chunk.slice()];
    if (this.#framing !== "packet") return piecesOf(chunk, this.#framing);
    const packets: Uint8Array[] = [];
    this.#pending.append(chunk);
    for (let length = packetLength(this.#pending.bytes); length !== null; length = packetLength(this.#pending.bytes)) {
      packets.push(this.#pending.bytes.slice(0, length));
      this.#pending.consume(length);
    }
    return packets;
  }
}

/**
 * Length in bytes of the MQTT packet at the start of `bytes`, null while it is not all there. What is no packet (a fifth
 * length byte, [MQTT-1.5.5-1]) counts as one, whole: an odd broker is not this stand-in's business.
 */
export function packetLength(bytes: Uint8Array): number | null {
  let remaining = 0;
  for (let i = 1; i <= 4; i++) {
    const byte = bytes[i];
    if (byte === undefined) return null;
    remaining += (byte & 0x7f) * 128 ** (i - 1);
    if ((byte & 0x80) === 0) {
      const length = 1 + i + remaining;
      return bytes.length < length ? null : length;
    }
  }
  return bytes.length;
}

function piecesOf(chunk: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < chunk.length; offset += size) pieces.push(chunk.slice(offset, offset + size));
  return pieces;
}
