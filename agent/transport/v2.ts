import { AGENT_ID, AGENT_NAME, VERSION } from "../version.ts";

/** Type bytes of protocol v2 (protocol: Unix socket, protocol v2). */
export const MESSAGE = {
  HANDSHAKE: 0x01,
  HANDSHAKE_RESPONSE: 0x02,
  REQUEST_HEADERS: 0x10,
  REQUEST_BODY: 0x11,
  RESPONSE_HEADERS: 0x12,
  RESPONSE_BODY: 0x13,
  REQUEST_COMPLETE: 0x14,
  WEBSOCKET_FRAME: 0x15,
  GUARDRAIL: 0x16,
  CONFIGURE: 0x17,
  RESPONSE: 0x20,
  CANCEL: 0x40,
  PING: 0x41,
  PONG: 0x42,
} as const;

/** Event numbers of the capabilities: configure, request headers, WebSocket frame, request complete. */
const SUPPORTED_EVENTS = [8, 1, 6, 5];

export interface Handshake {
  /** Version 2 is among those the proxy speaks. */
  readonly acceptable: boolean;
  /** The proxy's `config { }` block for this agent, or null. */
  readonly config: unknown;
  /** For people: id and version. */
  readonly proxy: string;
}

/** Reads a handshake request; what is missing is taken as absent. */
export function readHandshake(request: Record<string, unknown>): Handshake {
  const { supported_versions: versions, proxy_id: id, proxy_version: version, config = null } = request;
  return {
    acceptable: Array.isArray(versions) && versions.includes(2),
    config,
    proxy: `proxy "${typeof id === "string" ? id.slice(0, 100) : "?"}" ${
      typeof version === "string" ? version.slice(0, 40) : ""
    }`.trim(),
  };
}

/** What this agent can do (protocol: every member is required by the client's decoder). */
export function capabilities(): Record<string, unknown> {
  return {
    agent_id: AGENT_ID,
    name: AGENT_NAME,
    version: VERSION,
    supported_events: SUPPORTED_EVENTS,
    features: {
      streaming_body: false,
      websocket: true,
      guardrails: false,
      config_push: true,
      metrics_export: false,
      concurrent_requests: 100,
      cancellation: true,
      flow_control: false,
      health_reporting: false,
    },
    limits: { max_body_size: 10 << 20, max_concurrency: 100, preferred_chunk_size: 1 << 16 },
  };
}

export function handshakeAnswer(acceptable: boolean): string {
  return JSON.stringify({
    protocol_version: 2,
    capabilities: capabilities(),
    success: acceptable,
    error: acceptable ? null : "Cannot agree on a protocol version: this agent speaks 2",
    encoding: "json",
  });
}
