import { ByteBuffer } from "./byte_buffer.ts";
import type { Socket } from "./socket.ts";

/** Largest head of a request or response in bytes. */
const MAX_HEAD_BYTES = 32 * 1024;

/** RFC 6455 section 1.3. */
const WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The head of an HTTP/1.1 message. */
export interface HttpHead {
  /** First line, without its end. */
  readonly startLine: string;
  /** Every header in order, the name in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** What arrived behind the head. */
  readonly rest: Uint8Array;
}

/** Reads the head of an HTTP message; null when the socket ends, or the head grows too long, before it is complete. */
export async function readHttpHead(socket: Socket): Promise<HttpHead | null> {
  const buffer = new ByteBuffer();
  for (;;) {
    const chunk = await socket.read();
    if (chunk === null) return null;
    buffer.append(chunk);
    const text = latin1(buffer.bytes);
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) {
      const [startLine = "", ...lines] = text.slice(0, end).split("\r\n");
      return { startLine, headers: lines.map(splitHeader), rest: buffer.bytes.slice(end + 4) };
    }
    if (buffer.bytes.length > MAX_HEAD_BYTES) return null;
  }
}

/** All headers by name, each with all its values: the form that the agent is told. */
export function headerLists(head: HttpHead): Record<string, string[]> {
  const lists = new Map<string, string[]>();
  for (const [name, value] of head.headers) {
    const list = lists.get(name);
    if (list === undefined) lists.set(name, [value]);
    else list.push(value);
  }
  return Object.fromEntries([...lists].sort(([a], [b]) => a < b ? -1 : 1));
}

/** The first value of a header, or undefined. */
export function firstHeader(head: HttpHead, name: string): string | undefined {
  return head.headers.find(([other]) => other === name)?.[1];
}

/** The value of `Sec-WebSocket-Accept` for that key (RFC 6455 section 4.2.2). */
export async function acceptKey(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + WEBSOCKET_GUID));
  return new Uint8Array(digest).toBase64();
}

/** The bytes of a response that ends the connection. */
export function plainResponse(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Uint8Array {
  const encoded = new TextEncoder().encode(body);
  const lines = [
    `HTTP/1.1 ${status} ${REASON_PHRASES[status] ?? "Refused"}`,
    ...Object.entries({ "content-type": "text/plain; charset=utf-8", ...headers }).map(([k, v]) => `${k}: ${v}`),
    `content-length: ${encoded.length}`,
    "connection: close",
  ];
  return bytesOf(lines, encoded);
}

/** The bytes of the answer that begins a WebSocket. */
export function switchingResponse(headers: Readonly<Record<string, string>>): Uint8Array {
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "connection: Upgrade",
    "upgrade: websocket",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return bytesOf(lines, new Uint8Array());
}

/** The bytes of an upgrade request. */
export function upgradeRequest(path: string, headers: readonly (readonly [string, string])[]): Uint8Array {
  return bytesOf([`GET ${path} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)], new Uint8Array());
}

const REASON_PHRASES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  405: "Method Not Allowed",
  426: "Upgrade Required",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

function bytesOf(lines: readonly string[], body: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
