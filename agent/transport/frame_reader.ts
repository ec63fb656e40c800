import { Buffer } from "node:buffer";
import type { Frame, Opcode } from "../frame.ts";
import { decodeBase64, decodeBase64Text } from "./base64.ts";
import { latin1, TextCache } from "./text_cache.ts";

const OPCODES: ReadonlySet<string> = new Set<Opcode>(["text", "binary", "ping", "pong", "close", "continuation"]);

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
  readonly #texts = new TextCache();

  /**
   * Reads the object that fills `buffer[start..end)`; false if it is not in the form of real clients.
   *
   * What stands before the data is read forwards, what stands behind it backwards, so the data itself is touched only by
   * the decoder. O(bytes), the data's at the speed of the decoder.
   */
  readFast(buffer: Buffer, start: number, end: number): boolean {
    const { frame } = this;
    // Shorter than the shortest: then no look below can leave the object.
    if (end - start < MIN_BYTES || !isAt(buffer, start, CLIENT_IP)) return false;

    const addressStart = start + CLIENT_IP.length;
    const addressEnd = textEnd(buffer, addressStart, end);
    if (addressEnd === -1) return false;
    let at = addressEnd;
    if (isAt(buffer, at, TO_SERVER_TRUE)) {
      frame.fromClient = true;
      at += TO_SERVER_TRUE.length;
    } else if (isAt(buffer, at, TO_SERVER_FALSE)) {
      frame.fromClient = false;
      at += TO_SERVER_FALSE.length;
    } else return false;
    const idStart = at;
    const idEnd = textEnd(buffer, idStart, end);
    if (idEnd === -1 || !isAt(buffer, idEnd, DATA)) return false;
    const dataStart = idEnd + DATA.length;

    // From here on backwards: `at` is the end of what has not been read.
    at = end - 1;
    if (buffer[at] !== CLOSING_BRACE) return false;
    let routeStart = -1;
    let routeEnd = -1;
    if (buffer[at - 1] === QUOTE) {
      routeEnd = at - 1;
      routeStart = textStart(buffer, routeEnd, dataStart);
      if (routeStart === -1) return false;
      at = routeStart - 1;
    } else if (endsAt(buffer, at, NULL)) {
      at -= NULL.length;
    } else return false;
    if (endsAt(buffer, at, OPCODE_BINARY)) {
      frame.opcode = "binary";
      at -= OPCODE_BINARY.length;
    } else {
      if (!endsAt(buffer, at, ROUTE_ID)) return false;
      const opcodeEnd = at - ROUTE_ID.length;
      const opcodeStart = textStart(buffer, opcodeEnd, dataStart);
      if (opcodeStart === -1 || !endsAt(buffer, opcodeStart, OPCODE)) return false;
      frame.opcode = opcodeOf(latin1(buffer, opcodeStart, opcodeEnd));
      at = opcodeStart - OPCODE.length;
    }
    let index = 0;
    let scale = 1;
    let digits = 0;
    for (; digits < 16; digits++, at--, scale *= 10) {
      const digit = (buffer[at - 1] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      index += digit * scale;
    }
    // No leading zero, and nothing that a double can not hold.
    if (digits === 0 || digits > 15 || (digits > 1 && buffer[at] === 0x30)) return false;
    if (endsAt(buffer, at, FIN_TRUE)) {
      frame.fin = true;
      at -= FIN_TRUE.length;
    } else if (endsAt(buffer, at, FIN_FALSE)) {
      frame.fin = false;
      at -= FIN_FALSE.length;
    } else return false;
    if (at < dataStart) return false;

    frame.index = index;
    frame.clientAddress = this.#texts.get(buffer, addressStart, addressEnd);
    frame.correlationId = this.#texts.get(buffer, idStart, idEnd);
    frame.routeId = routeStart === -1 ? null : this.#texts.get(buffer, routeStart, routeEnd);
    // A quote or a backslash in the data is no base64, so this also finds out whether it ended where it was taken to end.
    makeRoom(at - dataStart);
    const bytes = decodeBase64(buffer, dataStart, at, scratch);
    if (bytes === -1) return false;
    frame.data = scratch;
    frame.bytes = bytes;
    return true;
  }

  /** Reads an event that was parsed as JSON; false if it lacks what a verdict needs or has it in another type. */
  readAny(event: unknown): boolean {
    const { frame } = this;
    // What is missing must not be taken from the event before.
    frame.correlationId = frame.clientAddress = "";
    frame.routeId = null;
    frame.index = 0;
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
    makeRoom(base64.length);
    const bytes = decodeBase64Text(base64, scratch);
    if (bytes === -1) return false;
    this.frame.data = scratch;
    this.frame.bytes = bytes;
    return true;
  }
}

/** Room for what so many characters of base64 hold; they have been received, so nothing is claimed. */
function makeRoom(chars: number): void {
  if (chars > scratch.length) scratch = new Uint8Array(chars);
}

/** Whether `literal` stands at `at`; behind the buffer's end nothing does. */
function isAt(buffer: Buffer, at: number, literal: Uint8Array): boolean {
  for (let i = 0; i < literal.length; i++) if (buffer[at + i] !== literal[i]) return false;
  return true;
}

/** Whether `literal` ends at `end` (exclusive). */
function endsAt(buffer: Buffer, end: number, literal: Uint8Array): boolean {
  return isAt(buffer, end - literal.length, literal);
}

/** Printable ASCII up to a quote: where that is, or -1 for anything that JSON writes in another way. */
function textEnd(buffer: Buffer, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const byte = buffer[at] as number;
    if (byte === QUOTE) return at;
    if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return -1;
  }
  return -1;
}

/** The same backwards from a closing quote at `end`: where the text begins, behind its opening quote. */
function textStart(buffer: Buffer, end: number, start: number): number {
  for (let at = end - 1; at >= start; at--) {
    const byte = buffer[at] as number;
    if (byte === QUOTE) return at + 1;
    if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return -1;
  }
  return -1;
}

function opcodeOf(text: string): Opcode {
  return OPCODES.has(text) ? text as Opcode : "reserved";
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const CLOSING_BRACE = 0x7d;

const encoder = new TextEncoder();
const CLIENT_IP = encoder.encode('{"client_ip":"');
const TO_SERVER_TRUE = encoder.encode('","client_to_server":true,"correlation_id":"');
const TO_SERVER_FALSE = encoder.encode('","client_to_server":false,"correlation_id":"');
const DATA = encoder.encode('","data":"');
const FIN_TRUE = encoder.encode('","fin":true,"frame_index":');
const FIN_FALSE = encoder.encode('","fin":false,"frame_index":');
const OPCODE = encoder.encode(',"opcode":"');
const OPCODE_BINARY = encoder.encode(',"opcode":"binary","route_id":');
const ROUTE_ID = encoder.encode('","route_id":');
const NULL = encoder.encode("null");
const MIN_BYTES = 120;
