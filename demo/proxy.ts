import { AgentClientV1 } from "./agent_client_v1.ts";
import { AgentClientV2, type IdCollision } from "./agent_client_v2.ts";
import type { AgentEvent } from "./agent_messages.ts";
import { type BrokerAddress, BrokerWebSocket } from "./broker_websocket.ts";
import {
  type BreakerOptions,
  FrameInspector,
  type InspectorCounts,
  type InspectorOptions,
  type UpgradeDecision,
} from "./frame_inspector.ts";
import { acceptKey, firstHeader, headerLists, type HttpHead, plainResponse, readHttpHead } from "./http_upgrade.ts";
import { switchingResponse } from "./http_upgrade.ts";
import type { Framing } from "./frame_payloads.ts";
import { type ConnectionIdentity, type FrameRecord, ProxiedConnection } from "./proxied_connection.ts";
import { Socket } from "./socket.ts";

/** Protocol version that the proxy speaks to the agent. */
export type AgentProtocol = "v1" | "v2";

/** An upgrade request that was decided. */
export interface UpgradeRecord extends ConnectionIdentity {
  readonly uri: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly decision: UpgradeDecision;
}

/** How the stand-in is set up. What is not given is as in the real proxy. */
export interface ProxyOptions {
  /** Path of the agent's Unix socket. */
  readonly agentSocket: string;
  readonly broker: BrokerAddress;
  /** Port on 127.0.0.1; default 0, any free one. */
  readonly port?: number;
  /** Default v1. */
  readonly protocol?: AgentProtocol;
  /** Connections to the agent; default 10 over v1, 4 over v2, as in the real ones. */
  readonly pool?: number;
  /** The agent's `config { }` block: pushed at the start over v1, on every connection over v2. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly routeId?: string;
  /** The frame inspector's clock, which fails open; default 100. */
  readonly inspectorTimeoutMs?: number;
  /** `timeout-ms` of the agent; default 1000. The guide says 90, so that `failureMode` is heard. */
  readonly agentTimeoutMs?: number;
  /** `failure-mode` of the agent; default `open`. The guide says `closed`. */
  readonly failureMode?: InspectorOptions["failureMode"];
  /** Default five failures in a row, 30 seconds; null for none. */
  readonly breaker?: BreakerOptions | null;
  /** See `AgentClientV1` and `AgentClientV2`; default true. */
  readonly staleAnswers?: boolean;
  /** v2 only; default `displace`, see there. */
  readonly idCollision?: IdCollision;
  /** v1 only; default true: a connection that the agent closed is forgotten at once. */
  readonly noticeDeadConnections?: boolean;
  /** Default `packet`. */
  readonly brokerFraming?: Framing;
  /** Default `break`. */
  readonly clientClose?: "break" | "frame";
  /** Whether the end of a connection is reported (`request_complete`); default false: no released proxy does it. */
  readonly requestComplete?: boolean;
  readonly onUpgrade?: (record: UpgradeRecord) => void;
  readonly onFrame?: (record: FrameRecord) => void;
  readonly log?: (line: string) => void;
}

/** What the proxy has counted. */
export interface ProxyCounts extends InspectorCounts {
  /** WebSockets that are open now. */
  readonly connections: number;
  /** WebSockets that were not inspected, because they offered compression and the agent did not block that. */
  readonly uninspectedConnections: number;
  /** Times that bytes were forwarded as they were, because they were no frame for the proxy's codec. */
  readonly undecodable: number;
  /** Answers that were taken for those of another event. */
  readonly staleAnswers: number;
  readonly agentConnections: number;
}

/** Headers that choose the correlation id, the first that is there and not empty (http_helpers.rs). */
const TRACE_HEADERS = ["x-trace-id", "x-correlation-id", "x-request-id"];

const SUBPROTOCOLS = ["mqtt", "mqttv3.1"];

/**
 * A stand-in for the Sentinel proxy: a WebSocket listener in front of a broker that treats the agent as the real one
 * does, habits and faults included. What it does not have: TLS, routes, anything that is not a WebSocket.
 */
export class StandInProxy {
  readonly #options: ProxyOptions;
  readonly #client: AgentClientV1 | AgentClientV2;
  readonly #inspector: FrameInspector;
  readonly #listener: Deno.TcpListener;
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Map<ProxiedConnection, Promise<void>>();
  readonly #log: (line: string) => void;
  #uninspectedConnections = 0;
  #undecodable = 0;

  private constructor(options: ProxyOptions, client: AgentClientV1 | AgentClientV2) {
    this.#options = options;
    this.#client = client;
    this.#log = options.log ?? (() => {});
    this.#inspector = new FrameInspector(client, {
      inspectorTimeoutMs: options.inspectorTimeoutMs ?? 100,
      agentTimeoutMs: options.agentTimeoutMs ?? 1000,
      failureMode: options.failureMode ?? "open",
      breaker: options.breaker === undefined ? { failures: 5, openMs: 30_000 } : options.breaker,
      log: this.#log,
    });
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: options.port ?? 0 });
    this.#accept();
  }

  /** Connects to the agent, pushes the configuration, listens. Throws when the agent is not there or refuses. */
  static async start(options: ProxyOptions): Promise<StandInProxy> {
    const { protocol = "v1", config, staleAnswers = true, log = () => {} } = options;
    const pool = options.pool ?? (protocol === "v1" ? 10 : 4);
    const base = { socketPath: options.agentSocket, pool, staleAnswers, log, ...(config && { config }) };
    const client = protocol === "v1"
      ? new AgentClientV1({ ...base, noticeDeadConnections: options.noticeDeadConnections ?? true })
      : new AgentClientV2({ ...base, idCollision: options.idCollision ?? "displace" });
    try {
      await client.start();
      return new StandInProxy(options, client);
    } catch (error) {
      client.close();
      throw error;
    }
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Where clients connect. */
  get url(): string {
    return `ws://127.0.0.1:${this.port}/mqtt`;
  }

  get counts(): ProxyCounts {
    return {
      ...this.#inspector.counts,
      connections: this.#connections.size,
      uninspectedConnections: this.#uninspectedConnections,
      undecodable: this.#undecodable,
      staleAnswers: this.#client.staleAnswers,
      agentConnections: this.#client.openConnections,
    };
  }

  /** Breaks every connection and stops listening. */
  async stop(): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections.keys()) connection.close();
    for (const socket of this.#sockets) socket.close();
    await Promise.all(this.#connections.values());
    this.#client.close();
  }

  async #accept(): Promise<void> {
    try {
      for await (const conn of this.#listener) this.#serve(new Socket(conn));
    } catch (error) {
      // The iterator ends by itself when the listener is closed; what is left is a fault of this machine.
      this.#log(`Cannot accept a connection: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async #serve(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    try {
      const head = await readHttpHead(socket);
      if (head !== null) await this.#upgrade(socket, head);
    } finally {
      await socket.end();
      this.#sockets.delete(socket);
    }
  }

  async #upgrade(client: Socket, head: HttpHead): Promise<void> {
    const [method, uri = "/"] = head.startLine.split(" ");
    const key = firstHeader(head, "sec-websocket-key");
    if (method !== "GET" || firstHeader(head, "upgrade")?.toLowerCase() !== "websocket" || key === undefined) {
      await client.write(plainResponse(426, "This is a WebSocket listener\n", { upgrade: "websocket" }));
      return;
    }
    const correlationId = TRACE_HEADERS.map((name) => firstHeader(head, name)).find(Boolean) ?? crypto.randomUUID();
    const identity: ConnectionIdentity = { correlationId, clientIp: client.remote };
    const headers = headerLists(head);
    const decision = await this.#inspector.inspectUpgrade(this.#headersEvent(identity, uri, headers));
    this.#options.onUpgrade?.({ ...identity, uri, headers, decision });
    if (decision.kind === "refuse") {
      await client.write(plainResponse(decision.status, decision.body, decision.headers));
      return;
    }

    let broker: BrokerWebSocket;
    try {
      broker = await BrokerWebSocket.connect(this.#options.broker, this.#options.brokerFraming ?? "packet");
    } catch (error) {
      this.#log(`Cannot connect to the broker: ${error instanceof Error ? error.message : String(error)}`);
      await client.write(plainResponse(502, "The broker is not there\n"));
      return;
    }
    const offered = firstHeader(head, "sec-websocket-protocol")?.split(",").map((name) => name.trim()) ?? [];
    const subprotocol = SUBPROTOCOLS.find((name) => offered.includes(name));
    await client.write(switchingResponse({
      "sec-websocket-accept": await acceptKey(key),
      ...(subprotocol && { "sec-websocket-protocol": subprotocol }),
      "x-correlation-id": correlationId,
    }));
    await this.#connect(client, broker, identity, head);
  }

  async #connect(client: Socket, broker: BrokerWebSocket, identity: ConnectionIdentity, head: HttpHead): Promise<void> {
    // As in the real one: the first header only, and with regard to case.
    const inspected = !firstHeader(head, "sec-websocket-extensions")?.includes("permessage-deflate");
    if (!inspected) {
      this.#uninspectedConnections++;
      this.#log(`${identity.clientIp} offered compression: none of its frames is inspected`);
    }
    const startMs = performance.now();
    const connection = new ProxiedConnection({
      ...identity,
      client,
      broker,
      inspected,
      inspector: this.#inspector,
      routeId: this.#routeId,
      clientClose: this.#options.clientClose ?? "break",
      onFrame: this.#options.onFrame ?? (() => {}),
      onFault: (fault, bytes) => {
        this.#undecodable++;
        this.#log(`${identity.clientIp} sent what the codec does not take (${fault}): ${bytes} bytes pass unseen`);
      },
    });
    const running = connection.run(head.rest);
    this.#connections.set(connection, running);
    await running;
    this.#connections.delete(connection);
    if (this.#options.requestComplete) await this.#reportComplete(identity, performance.now() - startMs);
  }

  get #routeId(): string {
    return this.#options.routeId ?? "mqtt";
  }

  #headersEvent(
    identity: ConnectionIdentity,
    uri: string,
    headers: Readonly<Record<string, readonly string[]>>,
  ): AgentEvent {
    const metadata = {
      client_ip: identity.clientIp,
      client_port: 0, // The real one leaves it so.
      correlation_id: identity.correlationId,
      protocol: "HTTP/1.1",
      request_id: crypto.randomUUID(),
      route_id: this.#routeId,
      server_name: headers["host"]?.[0] ?? null,
      timestamp: new Date().toISOString().replace("Z", "+00:00"),
      tls_cipher: null,
      tls_version: null,
      upstream_id: null,
    };
    return { type: "request_headers", payload: { headers, metadata, method: "GET", uri } };
  }

  async #reportComplete(identity: ConnectionIdentity, durationMs: number): Promise<void> {
    const payload = {
      correlation_id: identity.correlationId,
      duration_ms: Math.round(durationMs),
      error: null,
      request_body_size: 0,
      response_body_size: 0,
      status: 101,
      upstream_attempts: 1,
    };
    await this.#inspector.reportComplete({ type: "request_complete", payload });
  }
}
