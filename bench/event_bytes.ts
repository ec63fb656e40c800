/** Messages of the agent protocol, with the keys in the order in which real clients write them. */

export type ProtocolVersion = 1 | 2;

const ENCODER = new TextEncoder();
const HANDSHAKE = 0x01;
const RESPONSE = 0x20;

/** Who sends frames: a WebSocket as the proxy names it. */
export interface Origin {
  readonly correlationId: string;
  /** `ip:port`. */
  readonly clientIp: string;
}

/** A WebSocket frame event in two parts, between which the digits of `frame_index` belong. */
export interface FrameTemplate {
  /** Without the length before it. */
  readonly head: Uint8Array<ArrayBuffer>;
  readonly tail: Uint8Array<ArrayBuffer>;
}

export function frameTemplate(
  version: ProtocolVersion,
  { correlationId, clientIp }: Origin,
  data: Uint8Array,
  fromClient: boolean,
): FrameTemplate {
  // Over v2 the type byte stands where v1 has its envelope.
  const envelope = version === 1 ? '{"version":1,"event_type":"web_socket_frame","payload":' : "\x15";
  const head = `${envelope}{"client_ip":"${clientIp}","client_to_server":${fromClient},` +
    `"correlation_id":"${correlationId}","data":"${data.toBase64()}","fin":true,"frame_index":`;
  const tail = `,"opcode":"binary","route_id":"mqtt"}${version === 1 ? "}" : ""}`;
  return { head: ENCODER.encode(head), tail: ENCODER.encode(tail) };
}

/** The whole message, length included. */
export function frameMessage({ head, tail }: FrameTemplate, index: number): Uint8Array<ArrayBuffer> {
  const digits = ENCODER.encode(String(index));
  const length = head.length + digits.length + tail.length;
  const message = new Uint8Array(4 + length);
  new DataView(message.buffer).setUint32(0, length);
  message.set(head, 4);
  message.set(digits, 4 + head.length);
  message.set(tail, 4 + head.length + digits.length);
  return message;
}

/** The first message over v2. */
export function handshakeMessage(): Uint8Array<ArrayBuffer> {
  const json = ENCODER.encode(JSON.stringify({
    supported_versions: [2],
    proxy_id: "bench",
    proxy_version: "26.02.0",
    config: null,
    supported_encodings: ["json"],
  }));
  const message = new Uint8Array(5 + json.length);
  new DataView(message.buffer).setUint32(0, 1 + json.length);
  message[4] = HANDSHAKE;
  message.set(json, 5);
  return message;
}

export type Verdict = "allow" | "drop" | "close";

const DECODER = new TextDecoder("utf-8", { fatal: true });

/** What an answer to a frame says; throws for one that a real client could not use. `body` is without its length. */
export function readVerdict(version: ProtocolVersion, correlationId: string, body: Uint8Array): Verdict {
  if (version === 2 && body[0] !== RESPONSE) throw new Error(`Cannot use an answer: type byte ${body[0]}`);
  const answer = JSON.parse(DECODER.decode(version === 2 ? body.subarray(1) : body));
  if (answer.version !== version) throw new Error(`Cannot use an answer: version ${answer.version}`);
  if (version === 2 && answer.audit.custom.correlation_id !== correlationId) {
    throw new Error(`Cannot use an answer: it is for "${answer.audit.custom.correlation_id}", not "${correlationId}"`);
  }
  const verdict = answer.websocket_decision;
  if (verdict === "allow" || verdict === "drop") return verdict;
  if (typeof verdict?.close?.code === "number") return "close";
  throw new Error(`Cannot use an answer: websocket_decision ${JSON.stringify(verdict)}`);
}
