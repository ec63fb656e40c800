import { Buffer } from "node:buffer";
import type { Frame, Opcode } from "../agent.ts";

/** Base64 as every encoder writes it: other decoders disagree on anything looser, and would see other bytes. */
const STRICT = { lastChunkHandling: "strict" } as const;

const OPCODES: ReadonlySet<string> = new Set<Opcode>(["text", "binary", "ping", "pong", "close", "continuation"]);

/** Node's own slice, without the dispatch of `toString()`: a third of its cost. */
interface SliceBuffer extends Buffer {
  latin1Slice(start: number, end: number): string;
}

/** Decoded payloads, one after another: a frame's data is valid until the next frame is read. */
let scratch = new Uint8Array(1 << 16);

/**
 * Reads WebSocket frame events (protocol: Events), one at a time, into one `Frame` that is used again.
 *
 * Real clients write the keys in alphabetical order, with no space between. `readFast` takes just that form, byte by
 * byte, without making an object; for anything else it says so and `readAny` parses it as JSON. Both read the same.
 */
export class FrameReader {
  readonly frame: Frame = {
    correlationId: "",
    clientAddress: "",
    routeId: null,
    fromClient: true,
    opcode: "binary",
    fin: true,
    index: 0,
    data: null,
    bytes: 0,
  };
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  /**
   * Reads the object at `start`; its end (exclusive), or -1 if it is not in the form of real clients. O(bytes).
   */
  readFast(buffer: Buffer, start: number, end: number): number {
    this.#buffer = buffer;
    this.#at = start;
    this.#end = end;
    const { frame } = this;
    if (!this.#skip(CLIENT_IP)) return -1;
    const address = this.#text();
    if (address === null || !this.#skip(TO_SERVER)) return -1;
    const first = buffer[this.#at];
    if (first === 0x74) {
      if (!this.#skip(TRUE)) return -1;
      frame.fromClient = true;
    } else {
      if (!this.#skip(FALSE)) return -1;
      frame.fromClient = false;
    }
    if (!this.#skip(CORRELATION_ID)) return -1;
    const correlationId = this.#text();
    if (correlationId === null || !this.#skip(DATA)) return -1;
    const dataStart = this.#at;
    const dataEnd = buffer.indexOf(0x22, dataStart);
    if (dataEnd === -1 || dataEnd >= end) return -1;
    this.#at = dataEnd;
    if (!this.#skip(FIN)) return -1;
    if (buffer[this.#at] === 0x74) {
      if (!this.#skip(TRUE)) return -1;
      frame.fin = true;
    } else {
      if (!this.#skip(FALSE)) return -1;
      frame.fin = false;
    }
    if (!this.#skip(FRAME_INDEX)) return -1;
    const index = this.#number();
    if (index === -1 || !this.#skip(OPCODE)) return -1;
    if (this.#skip(BINARY)) frame.opcode = "binary";
    else {
      const opcode = this.#text();
      if (opcode === null || !this.#skip(QUOTE)) return -1;
      frame.opcode = opcodeOf(opcode);
    }
    if (!this.#skip(ROUTE_ID)) return -1;
    if (buffer[this.#at] === 0x22) {
      this.#at++;
      const route = this.#text();
      if (route === null) return -1;
      this.#at++;
      frame.routeId = route === frame.routeId ? frame.routeId : route;
    } else {
      if (!this.#skip(NULL)) return -1;
      frame.routeId = null;
    }
    if (buffer[this.#at] !== 0x7d) return -1;
    frame.clientAddress = address;
    frame.correlationId = correlationId;
    frame.index = index;
    if (!this.#decode(slice(buffer, dataStart, dataEnd))) return -1;
    return this.#at + 1;
  }

  /** Reads an event that was parsed as JSON; false if it lacks what a verdict needs or has it in another type. */
  readAny(event: unknown): boolean {
    const { frame } = this;
    if (typeof event !== "object" || event === null) return false;
    const {
      correlation_id: correlationId,
      client_ip: address,
      client_to_server: fromClient,
      opcode,
      data,
      fin,
      frame_index: index,
      route_id: routeId = null,
    } = event as Record<string, unknown>;
    if (typeof correlationId !== "string") return false;
    frame.correlationId = correlationId;
    frame.clientAddress = typeof address === "string" ? address : "";
    frame.routeId = typeof routeId === "string" ? routeId : null;
    frame.fromClient = fromClient !== false;
    frame.opcode = typeof opcode === "string" ? opcodeOf(opcode) : "reserved";
    frame.fin = fin !== false;
    frame.index = Number.isSafeInteger(index) && (index as number) >= 0 ? index as number : 0;
    if (typeof data !== "string" || !this.#decode(data)) {
      frame.data = null;
      frame.bytes = 0;
    }
    return typeof address === "string" && typeof fromClient === "boolean" && typeof opcode === "string" &&
      typeof fin === "boolean" && frame.index === index && (routeId === null || typeof routeId === "string");
  }

  #decode(base64: string): boolean {
    if (base64.length > scratch.length) scratch = new Uint8Array(base64.length * 2);
    try {
      const { read, written } = scratch.setFromBase64(base64, STRICT);
      // White space is skipped by the decoder and written by no encoder: it would be a second spelling of the same bytes.
      if (read !== base64.length || base64.length !== 4 * Math.ceil(written / 3)) return false;
      this.frame.data = scratch;
      this.frame.bytes = written;
      return true;
    } catch {
      return false;
    }
  }

  #skip(literal: Uint8Array): boolean {
    const buffer = this.#buffer;
    const at = this.#at;
    if (at + literal.length > this.#end) return false;
    for (let i = 0; i < literal.length; i++) if (buffer[at + i] !== literal[i]) return false;
    this.#at = at + literal.length;
    return true;
  }

  /** Printable ASCII up to a quote, which is not passed; null for anything that JSON writes in another way. */
  #text(): string | null {
    const buffer = this.#buffer;
    const start = this.#at;
    let at = start;
    for (; at < this.#end; at++) {
      const byte = buffer[at] as number;
      if (byte === 0x22) {
        this.#at = at;
        return slice(buffer, start, at);
      }
      if (byte < 0x20 || byte > 0x7e || byte === 0x5c) return null;
    }
    return null;
  }

  #number(): number {
    const buffer = this.#buffer;
    let at = this.#at;
    let value = 0;
    for (; at < this.#end; at++) {
      const digit = (buffer[at] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const digits = at - this.#at;
    // No leading zero, and nothing that a double can not hold.
    if (digits === 0 || digits > 15 || (digits > 1 && buffer[this.#at] === 0x30)) return -1;
    this.#at = at;
    return value;
  }
}

function slice(buffer: Buffer, start: number, end: number): string {
  return (buffer as SliceBuffer).latin1Slice(start, end);
}

function opcodeOf(text: string): Opcode {
  return OPCODES.has(text) ? text as Opcode : "reserved";
}

const encoder = new TextEncoder();
const CLIENT_IP = encoder.encode('{"client_ip":"');
const TO_SERVER = encoder.encode('","client_to_server":');
const CORRELATION_ID = encoder.encode(',"correlation_id":"');
const DATA = encoder.encode('","data":"');
const FIN = encoder.encode('","fin":');
const FRAME_INDEX = encoder.encode(',"frame_index":');
const OPCODE = encoder.encode(',"opcode":"');
const BINARY = encoder.encode('binary"');
const ROUTE_ID = encoder.encode(',"route_id":');
const QUOTE = encoder.encode('"');
const TRUE = encoder.encode("true");
const FALSE = encoder.encode("false");
const NULL = encoder.encode("null");
