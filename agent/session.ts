import { PacketStream } from "./mqtt/packet_stream.ts";
import type { Message } from "./mqtt/packet.ts";
import { type BrokerLimits, NO_BROKER_LIMITS } from "./policy/ground.ts";
import { bindSubject, type Subject, type SubjectAcl } from "./policy/acl/mod.ts";
import type { Address } from "./policy/address.ts";
import type { Policy } from "./policy/policy.ts";
import type { ClientBuckets } from "./policy/rate/mod.ts";
import type { LoginDesk } from "./auth/login_desk.ts";
import type { Identity, Provider } from "./auth/provider.ts";
import type { Reason } from "./reasons.ts";
import type { KeptPublish } from "./kept_publish.ts";
import { NO_HEADERS, type SeenHeaders } from "./upgrade.ts";

/**
 * - `new`: no CONNECT yet.
 * - `connecting`: CONNECT was let through, the broker has not answered.
 * - `live`: the broker accepted it.
 * - `draining`: DISCONNECT or a refusing CONNACK was seen; the client has nothing more to say.
 */
export type SessionState = "new" | "connecting" | "live" | "draining";

/** How long after DISCONNECT or a close frame the other side may still send. */
export const DRAIN_MS = 30_000;
/** A started packet may take this long in all, however steadily its bytes come. */
export const PACKET_TOTAL_MS = 600_000;
/** Bytes of topic names that the aliases of one direction may hold: a client chooses both number and length. */
export const MAX_ALIAS_BYTES = 1 << 20;
/** What an alias costs beside its topic. */
export const ALIAS_OVERHEAD_BYTES = 64;

/** What one direction of a connection needs to be read: RFC 6455 fragments, frame numbers, the MQTT stream. */
export interface Lane {
  readonly stream: PacketStream;
  /** The `frame_index` that comes next. */
  nextIndex: number;
  /** A binary message was begun with fin=0 and goes on in continuation frames. */
  fragmented: boolean;
  /** Topic by alias, made with the first alias. */
  aliases: Map<number, string> | null;
  aliasBytes: number;
  /**
   * Why the rest can not be judged, or null: a packet could not be read while nothing was blocked, or the agent failed
   * inside. `general.fail-open` speaks of the latter only.
   */
  unparsed: "malformed" | "failed" | null;
  /** A close frame was sent in this direction. */
  closed: boolean;
  /** The PUBLISH that is being read, where its payload is kept to be inspected; else null. */
  kept: KeptPublish | null;
}

function lane(direction: "client" | "broker"): Lane {
  return {
    stream: new PacketStream(direction),
    nextIndex: 0,
    fragmented: false,
    aliases: null,
    aliasBytes: 0,
    unparsed: null,
    closed: false,
    kept: null,
  };
}

/** Who opened a session, as whatever carries its bytes knows it. */
export interface Origin {
  readonly correlationId: string;
  /** Address with port, as written by the proxy: part of the session's key. */
  readonly clientAddress: string;
  readonly address: Address | null;
  readonly routeId: string | null;
}

/** What a session knows of its login. */
export interface SessionLogin {
  /** Null for an anonymous client. */
  readonly identity: Identity | null;
  /** Who proved it, null for an anonymous client, and its generation when it was last asked. */
  readonly provider: Provider | null;
  readonly providerGeneration: number;
  /** Where it was proved or last looked at again, and that desk's generation then. */
  readonly desk: LoginDesk;
  readonly generation: number;
}

/** Our state of one WebSocket connection. */
export class Session {
  readonly origin: Origin;
  /** Of the upgrade request, those that providers read. */
  headers: SeenHeaders = NO_HEADERS;
  state: SessionState = "new";
  readonly client: Lane = lane("client");
  readonly broker: Lane = lane("broker");
  /** Null until CONNECT was read. */
  subject: Subject | null = null;
  /** The subject's view of the rules in `policy`; null until CONNECT. */
  acl: SubjectAcl | null = null;
  /** The snapshot that `acl` belongs to. */
  policy: Policy;
  limits: BrokerLimits = NO_BROKER_LIMITS;
  /** A successful CONNACK was seen: topic aliases may be used from here on. */
  accepted = false;
  keepAliveMs = 0;
  /** Monotonic milliseconds: first frame, last bytes of MQTT from the client, begin and last bytes of its unfinished packet. */
  openedAtMs: number;
  lastClientAtMs: number;
  packetBeganAtMs = 0;
  packetMovedAtMs = 0;
  /** When the session ends by itself, set while it drains; 0 otherwise. */
  drainUntilMs = 0;
  /** Dropped packets that the client waits for an answer to. */
  unanswered = 0;
  /** Forwarded PUBLISHes of QoS 1 and 2 that the broker has not acknowledged ([MQTT-3.3.4-9]). */
  unacknowledged = 0;
  /** CONNECT named an authentication method ([MQTT-3.1.2-30]). */
  enhancedAuth = false;
  /** Another connection was accepted under the same client id: the broker ends this one. */
  takenOver = false;
  /** The Will that was allowed, without its payload; null for none. */
  will: Message | null = null;
  /** A refused frame passed because its verdict was late: the next frame closes. */
  poisoned = false;
  /** Filters that the broker was asked for, with the QoS; made with the first. */
  subscriptions: Map<string, number> | null = null;
  /** The snapshot that `subscriptions` were last held against. */
  subscriptionsPolicy: Policy;
  /** JSON members that every answer about this session carries; made once, dropped when the identity changes. */
  identityJson: string | null = null;
  /** Why the CONNECT would have been closed, had anything been blocked; null: it was fine. */
  refusedFor: Reason | null = null;
  /** What proved the client, while authentication is on. */
  login: SessionLogin | null = null;
  /** The way to its rate-limit buckets; made when something is charged, anew when the subject changes. */
  buckets: ClientBuckets | null = null;
  /** Acknowledgements that the client owes: each answers something, and costs nothing. */
  owedAcks = 0;
  /** The bans' generation when the session was last held against them. */
  bansGeneration = 0;
  /** Rules that the login carries, bound to the subject: they can only narrow. */
  narrow: SubjectAcl | null = null;
  /** The CONNECT waits for an answer to its login: until then nothing passes. */
  waiting = false;
  ended = false;

  constructor(origin: Origin, policy: Policy, nowMs: number) {
    this.origin = origin;
    this.policy = policy;
    this.subscriptionsPolicy = policy;
    this.openedAtMs = nowMs;
    this.lastClientAtMs = nowMs;
    this.client.stream.maxPacketBytes = policy.limits.maxPacketBytes;
  }

  /** Puts `policy` in force for what comes next. */
  usePolicy(policy: Policy): void {
    this.policy = policy;
    this.client.stream.maxPacketBytes = policy.limits.maxPacketBytes;
    if (this.subject === null) return;
    const { username } = this.subject;
    const proved = this.login === null ? provedBy(policy, username) : this.login.identity?.username != null;
    this.identify({ ...this.subject, proved });
  }

  /** Takes over who the client is: from CONNECT, and from CONNACK where the broker assigned the client id. */
  identify(subject: Subject): void {
    this.subject = subject;
    this.acl = bindSubject(this.policy.acl, subject);
    if (this.narrow !== null) this.narrow = bindSubject(this.narrow.acl, subject);
    this.identityJson = null;
    this.buckets = null;
  }

  /** From here on the client has nothing more to say; broker packets and control frames are still judged. */
  drain(nowMs: number): void {
    this.state = "draining";
    this.drainUntilMs = nowMs + DRAIN_MS;
  }

  /** Whether nothing can be expected of this connection any more (design: Sessions). */
  isExpired(nowMs: number): boolean {
    if (this.drainUntilMs !== 0) return nowMs >= this.drainUntilMs;
    const idleMs = nowMs - this.lastClientAtMs;
    // Until the broker has answered, nobody has proved anything: such a session must not hold its place for long.
    if (this.state === "new" || this.state === "connecting") {
      return idleMs >= this.policy.limits.connectTimeoutMs + DRAIN_MS;
    }
    // [MQTT-3.1.2-22] A client that is silent for one and a half times its keep alive is gone.
    return idleMs >= (this.keepAliveMs === 0 ? this.policy.limits.sessionIdleMs : this.keepAliveMs * 1.5);
  }

  /** Why the client waited too long: for CONNECT, or with a packet that it began; null if it did not. */
  stalled(nowMs: number): "connect" | "packet" | null {
    const timeoutMs = this.policy.limits.connectTimeoutMs;
    if (this.state === "new" && nowMs - this.openedAtMs >= timeoutMs) return "connect";
    if (!this.client.stream.midPacket) return null;
    return nowMs - this.packetMovedAtMs >= timeoutMs || nowMs - this.packetBeganAtMs >= PACKET_TOTAL_MS
      ? "packet"
      : null;
  }

  /** Remembers what a forwarded frame changed: QoS by filter, -1 where a subscription ends. */
  changeSubscriptions(changes: ReadonlyMap<string, number>): void {
    const subscriptions = this.subscriptions ??= new Map();
    for (const [filter, qos] of changes) {
      if (qos === -1) subscriptions.delete(filter);
      else subscriptions.set(filter, qos);
    }
  }

  /** The broker is done with a PUBLISH, or with one of the connection before: never below none (MQTT 5.0 section 4.9). */
  acknowledged(): void {
    if (this.unacknowledged > 0) this.unacknowledged--;
  }

  /** Another connection has the client id now. What the broker still says, a DISCONNECT that tells why, is judged. */
  takeOver(nowMs: number): void {
    this.takenOver = true;
    this.drainUntilMs = nowMs + DRAIN_MS;
  }

  /** Gives back what the session holds. */
  release(): void {
    this.ended = true;
    this.client.stream.release();
    this.broker.stream.release();
    this.client.aliases = null;
    this.broker.aliases = null;
    this.subscriptions = null;
  }
}

/**
 * Whether a claimed user name counts as proved: with `auth.trust-broker` the broker checks it before it processes any
 * packet of the connection ([MQTT-3.1.4-6]), otherwise nobody does.
 */
export function provedBy(policy: Policy, username: string | null): boolean {
  return policy.trustBroker && username !== null;
}
