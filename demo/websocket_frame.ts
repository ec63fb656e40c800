/** The name of a frame's opcode as the proxy writes it into its events; what RFC 6455 keeps for later is `reserved`. */
export type OpcodeName = "continuation" | "text" | "binary" | "close" | "ping" | "pong" | "reserved";

/** Opcodes of RFC 6455 section 5.2. */
export const OPCODE = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

const NAME_OF_OPCODE = new Map<number, OpcodeName>(
  Object.entries(OPCODE).map(([name, opcode]) => [opcode, name as OpcodeName]),
);

/** One frame of RFC 6455 as it stood on the wire, its payload unmasked. */
export interface WebSocketFrame {
  readonly fin: boolean;
  /** 0 to 15. */
  readonly opcode: number;
  /** The three RSV bits as a number of 0 to 7. */
  readonly rsv: number;
  readonly payload: Uint8Array;
  /** The bytes of the whole frame, header and mask included: what is forwarded when it may pass. */
  readonly raw: Uint8Array;
}

/** Why bytes are no frame for the proxy (its codec's two errors). */
export type FrameFault = "rsv-bits" | "too-big";

/** What `decodeFrame` found at the start of its bytes. */
export type DecodedFrame =
  | { readonly kind: "frame"; readonly frame: WebSocketFrame }
  | { readonly kind: "incomplete" }
  | { readonly kind: "fault"; readonly fault: FrameFault };

/** What `decodeFrame` refuses. */
export interface DecodeLimits {
  /** Largest payload in bytes; a frame that announces more is a fault as soon as its header has arrived. */
  readonly maxPayloadBytes: number;
  /** Whether a set RSV bit is a fault: it is for the proxy, which knows no extension. */
  readonly refuseRsv: boolean;
}

/** No limit at all: for the ends of a connection, which here take whatever passed the proxy. */
export const NO_LIMITS: DecodeLimits = { maxPayloadBytes: Number.MAX_SAFE_INTEGER, refuseRsv: false };

const INCOMPLETE: DecodedFrame = { kind: "incomplete" };

/** The name of `opcode` in the proxy's events. */
export function opcodeName(opcode: number): OpcodeName {
  return NAME_OF_OPCODE.get(opcode) ?? "reserved";
}

/**
 * Reads the frame at the start of `bytes`, masked or not. Like the proxy's own codec it asks neither for a mask, nor for
 * the shortest form of the length, nor for a whole or a small control frame: such frames reach the agent.
 */
export function decodeFrame(bytes: Uint8Array, limits: DecodeLimits): DecodedFrame {
  const first = bytes[0];
  const second = bytes[1];
  if (first === undefined || second === undefined) return INCOMPLETE;
  const rsv = (first & 0x70) >> 4;
  if (rsv !== 0 && limits.refuseRsv) return { kind: "fault", fault: "rsv-bits" };

  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let payloadLength = second & 0x7f;
  let offset = 2;
  if (payloadLength === 126) {
    if (bytes.length < 4) return INCOMPLETE;
    payloadLength = view.getUint16(2);
    offset = 4;
  } else if (payloadLength === 127) {
    if (bytes.length < 10) return INCOMPLETE;
    payloadLength = Number(view.getBigUint64(2));
    offset = 10;
  }
  if (payloadLength > limits.maxPayloadBytes) return { kind: "fault", fault: "too-big" };

  const masked = (second & 0x80) !== 0;
  const start = offset + (masked ? 4 : 0);
  const end = start + payloadLength;
  if (bytes.length < end) return INCOMPLETE;
  const payload = bytes.slice(start, end);
  if (masked) applyMask(payload, bytes.subarray(offset, start));
  const frame = { fin: (first & 0x80) !== 0, opcode: first & 0x0f, rsv, payload, raw: bytes.subarray(0, end) };
  return { kind: "frame", frame };
}

/** How `encodeFrame` writes a frame. */
export interface EncodeOptions {
  /** Default true. */
  readonly fin?: boolean;
  /** The three RSV bits as a number of 0 to 7; default 0. */
  readonly rsv?: number;
  /** A client masks every frame (RFC 6455 section 5.3), a server none; default false. */
  readonly masked?: boolean;
}

/** The bytes of one frame. */
export function encodeFrame(opcode: number, payload: Uint8Array, options: EncodeOptions = {}): Uint8Array {
  const { fin = true, rsv = 0, masked = false } = options;
  const lengthBytes = payload.length < 126 ? 0 : payload.length < 65536 ? 2 : 8;
  const start = 2 + lengthBytes + (masked ? 4 : 0);
  const bytes = new Uint8Array(start + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  bytes[1] = (masked ? 0x80 : 0) | (lengthBytes === 0 ? payload.length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) view.setUint16(2, payload.length);
  if (lengthBytes === 8) view.setBigUint64(2, BigInt(payload.length));
  bytes.set(payload, start);
  if (masked) {
    const mask = crypto.getRandomValues(bytes.subarray(start - 4, start));
    applyMask(bytes.subarray(start), mask);
  }
  return bytes;
}

/** The bytes of a close frame with that code and reason (RFC 6455 section 5.5.1). */
export function encodeCloseFrame(code: number, reason: string, options: EncodeOptions = {}): Uint8Array {
  const text = new TextEncoder().encode(reason);
  const payload = new Uint8Array(2 + text.length);
  new DataView(payload.buffer).setUint16(0, code);
  payload.set(text, 2);
  return encodeFrame(OPCODE.close, payload, options);
}

/** Code and reason of a close frame's payload; code 1005 where there is none (RFC 6455 section 7.1.5). */
export function decodeClosePayload(payload: Uint8Array): { code: number; reason: string } {
  if (payload.length < 2) return { code: 1005, reason: "" };
  const code = new DataView(payload.buffer, payload.byteOffset).getUint16(0);
  return { code, reason: new TextDecoder().decode(payload.subarray(2)) };
}

function applyMask(bytes: Uint8Array, mask: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) ^ (mask[i & 3] ?? 0);
}
