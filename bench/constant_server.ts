import type { ProtocolVersion } from "./event_bytes.ts";

/**
 * The least that a server of the protocol can do in Deno: one read loop a connection, framing, one write a read.
 *
 * Every message gets the same answer, of the size of a real one. What a real agent costs above this is its own doing.
 */

const READ_BYTES = 128 * 1024;
const HANDSHAKE = 0x01;
const ENCODER = new TextEncoder();

/** Looks at one message, given without its length. */
export type Look = (buffer: Uint8Array<ArrayBuffer>, start: number, end: number) => void;

/** Serves until the process is ended. */
export async function serveConstant(path: string, look: Look): Promise<void> {
  for await (const connection of Deno.listen({ transport: "unix", path })) {
    serve(connection, look).catch(() => {}).finally(() => connection.close());
  }
}

async function serve(connection: Deno.Conn, look: Look): Promise<void> {
  let input = new Uint8Array(READ_BYTES);
  let output = new Uint8Array(READ_BYTES);
  let start = 0;
  let end = 0;
  let answer = constantAnswer(1);
  for (;;) {
    if (start > 0) {
      input.copyWithin(0, start, end);
      end -= start;
      start = 0;
    }
    if (end > input.length / 2) input = grown(input);
    const read = await connection.read(input.subarray(end));
    if (read === null) return;
    end += read;
    let outputEnd = 0;
    while (end - start >= 4) {
      const length = uint32(input, start);
      const from = start + 4;
      if (end - from < length) break;
      start = from + length;
      let reply = answer;
      if (input[from] === HANDSHAKE) {
        answer = constantAnswer(2);
        reply = HANDSHAKE_ANSWER;
      } else look(input, from, start);
      if (output.length - outputEnd < reply.length) output = grown(output);
      output.set(reply, outputEnd);
      outputEnd += reply.length;
    }
    for (let at = 0; at < outputEnd;) at += await connection.write(output.subarray(at, outputEnd));
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) * 0x1000000) +
    ((bytes[at + 1] ?? 0) << 16 | (bytes[at + 2] ?? 0) << 8 | (bytes[at + 3] ?? 0));
}

function grown(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(bytes.length * 2);
  larger.set(bytes);
  return larger;
}

/** "allow" for a PUBLISH, as an agent says it; over v2 with a correlation id of the usual length. */
function constantAnswer(version: ProtocolVersion): Uint8Array<ArrayBuffer> {
  const custom = version === 2 ? { correlation_id: "7d3f0a52-session-0001" } : {};
  return withLength(
    (version === 2 ? "\x20" : "") + JSON.stringify({
      version,
      decision: "allow",
      request_headers: [],
      response_headers: [],
      routing_metadata: {},
      audit: { tags: ["mqtt", "publish"], rule_ids: [], confidence: null, reason_codes: [], custom },
      needs_more: false,
      request_body_mutation: null,
      response_body_mutation: null,
      websocket_decision: "allow",
    }),
  );
}

function withLength(text: string): Uint8Array<ArrayBuffer> {
  const body = ENCODER.encode(text);
  const message = new Uint8Array(4 + body.length);
  new DataView(message.buffer).setUint32(0, body.length);
  message.set(body, 4);
  return message;
}

const HANDSHAKE_ANSWER = withLength(
  "\x02" + JSON.stringify({ protocol_version: 2, capabilities: {}, success: true, error: null, encoding: "json" }),
);
