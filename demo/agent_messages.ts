import type { OpcodeName } from "./websocket_frame.ts";

/** One raw WebSocket frame, as the proxy tells the agent of it. The order of the keys is that on the wire. */
export interface WebSocketFrameEvent {
  /** The address of the client, `host:port`. */
  readonly client_ip: string;
  readonly client_to_server: boolean;
  /** That of the upgrade request, which the client may have chosen. */
  readonly correlation_id: string;
  /** Base64 of the unmasked payload. */
  readonly data: string;
  readonly fin: boolean;
  /** Counts from 0 in each direction. */
  readonly frame_index: number;
  readonly opcode: OpcodeName;
  readonly route_id: string | null;
}

/** What the proxy knows of a request. `traceparent` is absent when unknown, the rest is null. */
export interface RequestMetadata {
  readonly client_ip: string;
  readonly client_port: number;
  readonly correlation_id: string;
  readonly protocol: string;
  readonly request_id: string;
  readonly route_id: string | null;
  readonly server_name: string | null;
  readonly timestamp: string;
  readonly tls_cipher: string | null;
  readonly tls_version: string | null;
  readonly traceparent?: string;
  readonly upstream_id: string | null;
}

/** The upgrade request. Header names are in lower case, each with all its values. */
export interface RequestHeadersEvent {
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly metadata: RequestMetadata;
  readonly method: string;
  readonly uri: string;
}

/** The end of a connection. No released proxy sends it. */
export interface RequestCompleteEvent {
  readonly correlation_id: string;
  readonly duration_ms: number;
  readonly error: string | null;
  readonly request_body_size: number;
  readonly response_body_size: number;
  readonly status: number;
  readonly upstream_attempts: number;
}

/** An event, by the name that it has in protocol v1. */
export type AgentEvent =
  | { readonly type: "web_socket_frame"; readonly payload: WebSocketFrameEvent }
  | { readonly type: "request_headers"; readonly payload: RequestHeadersEvent }
  | { readonly type: "request_complete"; readonly payload: RequestCompleteEvent };

/** The id that an answer over protocol v2 is matched by. */
export function correlationIdOf(event: AgentEvent): string {
  return event.type === "request_headers" ? event.payload.metadata.correlation_id : event.payload.correlation_id;
}

/** What the agent decided of a request. */
export type Decision = "allow" | {
  readonly block: {
    readonly status: number;
    readonly body?: string | null;
    readonly headers?: Readonly<Record<string, string>> | null;
  };
};

/** What the agent decided of a WebSocket frame. */
export type WebSocketDecision = "allow" | "drop" | {
  readonly close: { readonly code: number; readonly reason: string };
};

/** Why, for people and for logs. */
export interface AuditMetadata {
  readonly tags: readonly string[];
  readonly rule_ids: readonly string[];
  readonly reason_codes: readonly string[];
  readonly custom: Readonly<Record<string, unknown>>;
}

/** The parts of an answer that the proxy acts on. */
export interface AgentResponse {
  readonly version: number;
  readonly decision: Decision;
  readonly audit: AuditMetadata;
  readonly websocketDecision: WebSocketDecision | null;
}

/** Asks the agent. Both protocol versions do it in their own way, over a pool of connections. */
export interface AgentClient {
  /**
   * The agent's answer to `event`. Rejects when the connection breaks or the answer cannot be read, and as soon as
   * `signal` aborts: the caller has stopped waiting, and what becomes of the connection is the protocol's business.
   */
  call(event: AgentEvent, signal: AbortSignal): Promise<AgentResponse>;
  /** Connections to the agent that are open now. */
  readonly openConnections: number;
  /** Answers that were taken for those of a later event. */
  readonly staleAnswers: number;
  close(): void;
}

/** What both clients need. */
export interface AgentClientOptions {
  /** Path of the agent's Unix socket. */
  readonly socketPath: string;
  /** Most connections at a time. */
  readonly pool: number;
  /** The agent's `config { }` block; pushed when given. */
  readonly config?: Readonly<Record<string, unknown>>;
  /**
   * Whether a connection whose answer is overdue is used again, so that the late answer is read as that of a later
   * event, as in the real proxy; otherwise it is closed.
   */
  readonly staleAnswers: boolean;
  readonly log: (line: string) => void;
}

const decoder = new TextDecoder();

/** Parses bytes as a JSON object. Throws on anything else. */
export function parseJsonObject(bytes: Uint8Array): Record<string, unknown> {
  const value: unknown = JSON.parse(decoder.decode(bytes));
  if (!isRecord(value)) throw new Error("Cannot read the agent's message: it is not a JSON object");
  return value;
}

/** Reads an answer as strictly as the real clients' decoder does. Throws on what they refuse. */
export function parseAgentResponse(value: Record<string, unknown>): AgentResponse {
  const { version, decision, audit } = value;
  const websocketDecision = value["websocket_decision"] ?? null;
  if (typeof version !== "number") throw invalidAnswer("version", version);
  if (!isDecision(decision)) throw invalidAnswer("decision", decision);
  if (websocketDecision !== null && !isWebSocketDecision(websocketDecision)) {
    throw invalidAnswer("websocket_decision", websocketDecision);
  }
  return { version, decision, audit: parseAudit(audit), websocketDecision };
}

function parseAudit(value: unknown): AuditMetadata {
  const audit = isRecord(value) ? value : {};
  const { tags, rule_ids, reason_codes, custom } = audit;
  return {
    tags: stringsOf(tags),
    rule_ids: stringsOf(rule_ids),
    reason_codes: stringsOf(reason_codes),
    custom: isRecord(custom) ? custom : {},
  };
}

function stringsOf(value: unknown): string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw invalidAnswer("audit", value);
}

function isDecision(value: unknown): value is Decision {
  if (value === "allow") return true;
  if (!isRecord(value) || !isRecord(value["block"])) return false;
  const { status, body, headers } = value["block"];
  return typeof status === "number" && (body === undefined || body === null || typeof body === "string") &&
    (headers === undefined || headers === null || isRecord(headers));
}

function isWebSocketDecision(value: unknown): value is WebSocketDecision {
  if (value === "allow" || value === "drop") return true;
  if (!isRecord(value) || !isRecord(value["close"])) return false;
  const { code, reason } = value["close"];
  return typeof code === "number" && typeof reason === "string";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalidAnswer(key: string, found: unknown): Error {
  return new Error(`Cannot read the agent's answer: "${key}" is ${JSON.stringify(found)}`);
}
