/** Drives a real agent with real packets, and keeps what its frame path tells. */
import { Agent } from "../agent/agent.ts";
import { AuditRing } from "../agent/audit/ring.ts";
import { Lockout } from "../agent/auth/lockout.ts";
import { LoginDesk } from "../agent/auth/login_desk.ts";
import type { Answer, Identity, Provider } from "../agent/auth/provider.ts";
import { AutoBan, BanList, type ConfiguredBans } from "../agent/bans/mod.ts";
import type { Config } from "../agent/config/mod.ts";
import type { FrameReport, Refusal } from "../agent/frame_report.ts";
import { createLogger } from "../agent/log.ts";
import type { Subject } from "../agent/policy/acl/mod.ts";
import type { Address } from "../agent/policy/address.ts";
import type { Policy } from "../agent/policy/policy.ts";
import { type TracedCheck, TraceRecorder } from "../agent/policy/trace_recorder.ts";
import type { Reason } from "../agent/reasons.ts";
import { tagsOf } from "../agent/verdict.ts";
import {
  connackPacket,
  connectPacket,
  type Level,
  publishPacket,
  type SentMessage,
  subscribePacket,
  unsubscribePacket,
} from "./explain_packets.ts";

/** What the client does, or what is delivered to it. A CONNECT may announce a Will. */
export type Deed =
  | { readonly action: "connect"; readonly will: SentMessage | null }
  | { readonly action: "publish" | "receive"; readonly message: SentMessage }
  | { readonly action: "subscribe"; readonly filter: string; readonly qos: 0 | 1 | 2 }
  | { readonly action: "unsubscribe"; readonly filter: string };

/** Who does it. */
export interface Actor {
  readonly clientId: string;
  readonly username: string | null;
  readonly groups: readonly string[];
  readonly attributes: ReadonlyMap<string, string>;
  /** Somebody proved user name, groups and attributes; else they are claims, and of the latter two there are none. */
  readonly proved: boolean;
  readonly address: Address;
  readonly routeId: string | null;
  readonly level: Level;
}

/** What a snapshot said of one deed. */
export interface Judgement {
  /** The packet that was judged last: the CONNECT, where that one is refused already. */
  readonly packet: "upgrade" | "CONNECT" | "PUBLISH" | "SUBSCRIBE" | "UNSUBSCRIBE";
  readonly verdict: "allow" | "drop" | "close";
  /** Refused, but nothing is blocked. */
  readonly detectOnly: boolean;
  readonly refusal: Refusal | null;
  readonly reason: Reason | null;
  readonly tags: readonly string[];
  /** What else there is to a refusal, such as the ban or the finding. */
  readonly detail: readonly string[];
  /** What inspection found and lets pass. */
  readonly noted: readonly string[];
  /** The QoS that the packet should have had, or null. */
  readonly downgradedTo: number | null;
  /** What that packet met, in order. */
  readonly checks: readonly TracedCheck[];
  /** Who the agent takes the client for; null where no CONNECT came that far. */
  readonly subject: Subject | null;
  /** Nobody judges the frames of this route. */
  readonly isUnseen: boolean;
}

export interface Surroundings {
  readonly config: Config;
  readonly policy: Policy;
  readonly bans: ConfiguredBans;
  /** The text of the file of run-time bans, which `BanList` has read before; null: there are none. */
  readonly bansText: string | null;
  readonly wallMs: () => number;
}

const CORRELATION_ID = "explain";
const KEEP_ALIVE_SECS = 60;

/** What the agent says of the deed. Nothing is opened, nothing is asked but the agent itself. */
export function judgeDeed(surroundings: Surroundings, actor: Actor, deed: Deed): Judgement {
  const talk = new Talk(surroundings, actor);
  const upgrade = talk.upgrade();
  if (upgrade !== null) return upgrade;
  const will = deed.action === "connect" ? deed.will : null;
  const connected = talk.say("CONNECT", true, talk.connect(will));
  if (deed.action === "connect" || connected.verdict !== "allow" || connected.isUnseen) return connected;
  talk.say("CONNACK", false, connackPacket(actor.level));
  switch (deed.action) {
    case "publish":
      return talk.say("PUBLISH", true, publishPacket(actor.level, deed.message));
    case "receive":
      return talk.say("PUBLISH", false, publishPacket(actor.level, deed.message));
    case "subscribe":
      return talk.say("SUBSCRIBE", true, subscribePacket(actor.level, deed.filter, deed.qos));
    case "unsubscribe":
      return talk.say("UNSUBSCRIBE", true, unsubscribePacket(actor.level, deed.filter));
    default:
      return deed satisfies never;
  }
}

/** One connection of the actor. */
class Talk {
  readonly #agent: Agent;
  readonly #trace = new TraceRecorder();
  readonly #policy: Policy;
  readonly #actor: Actor;
  #sent = 0;
  #received = 0;

  constructor({ config, policy, bans, bansText, wallMs }: Surroundings, actor: Actor) {
    this.#actor = actor;
    // Who says that nobody proved the name says so of the broker too.
    this.#policy = actor.proved || !policy.trustBroker ? policy : { ...policy, trustBroker: false };
    const nobodyTells = () => {};
    const read = BanList.ofText(bansText, { setTimer: () => nobodyTells, tell: nobodyTells }, wallMs());
    if ("fault" in read) throw new Error(`Cannot read bans: ${read.fault}`);
    const { bans: list } = read;
    list.configure(bans);
    this.#agent = new Agent({
      policies: {
        current: this.#policy,
        desk: deskOf(config, actor, wallMs),
        push: () => Promise.resolve("Cannot apply a push: this agent explains"),
      },
      log: createLogger({ level: "error", write: (bytes) => Promise.resolve(bytes.length) }),
      audit: new AuditRing(1),
      // Time stands still, so that buckets are as full as they can be.
      clock: { nowMs: () => 0, wallMs },
      bans: { list, auto: new AutoBan(list, { tell: nobodyTells }) },
      tracer: this.#trace,
    });
  }

  /** The upgrade as a client without a browser asks for it: a refusal, or null. */
  upgrade(): Judgement | null {
    const [subprotocol] = this.#policy.upgrade.subprotocols;
    const { refused, detectOnly, tags } = this.#agent.judgeRequest({
      correlationId: CORRELATION_ID,
      clientAddress: this.#actor.address.text,
      routeId: this.#actor.routeId,
      headers: {
        "upgrade": ["websocket"],
        ...(subprotocol === undefined ? {} : { "sec-websocket-protocol": [subprotocol] }),
      },
    });
    if (refused === null || detectOnly) return null;
    return {
      packet: "upgrade",
      verdict: "close",
      detectOnly,
      refusal: null,
      reason: refused,
      tags,
      detail: [],
      noted: [],
      downgradedTo: null,
      checks: [],
      subject: null,
      isUnseen: false,
    };
  }

  connect(will: SentMessage | null): Uint8Array {
    const { level, clientId, username } = this.#actor;
    const keepAliveSecs = Math.min(KEEP_ALIVE_SECS, this.#policy.limits.maxKeepAliveSecs);
    return connectPacket(level, { clientId, username, will, keepAliveSecs });
  }

  /** One packet in one binary frame. */
  say(packet: Judgement["packet"] | "CONNACK", fromClient: boolean, data: Uint8Array): Judgement {
    const { address, routeId } = this.#actor;
    this.#trace.clear();
    const report = this.#agent.judgeFrame({
      correlationId: CORRELATION_ID,
      clientAddress: address.family === 4 ? `${address.text}:50000` : `[${address.text}]:50000`,
      routeId,
      fromClient,
      opcode: "binary",
      fin: true,
      index: fromClient ? this.#sent++ : this.#received++,
      data,
      bytes: data.length,
    });
    return judgementOf(report, packet === "CONNACK" ? "CONNECT" : packet, this.#trace);
  }
}

/** The report is used again by the next frame: what is needed of it is taken out. */
function judgementOf(report: FrameReport, packet: Judgement["packet"], trace: TraceRecorder): Judgement {
  const { verdict, detectOnly, refusal, detail, noted, downgradedTo, session, policy } = report;
  return {
    packet,
    verdict,
    detectOnly,
    refusal,
    reason: refusal?.reason ?? null,
    tags: tagsOf(report).list,
    detail: detail ?? [],
    noted: (noted ?? []).map(({ text }) => text),
    downgradedTo: downgradedTo === -1 ? null : downgradedTo,
    checks: trace.packets.flatMap(({ checks }) => checks),
    subject: session?.subject ?? null,
    isUnseen: session === null && refusal === null && policy.routes !== null,
  };
}

/**
 * Where the actor proves who it is: by saying so. Null: nobody is asked, as while authentication is off. The providers
 * of the configuration are not asked, since nobody tells a password here.
 */
function deskOf({ auth }: Config, actor: Actor, wallMs: () => number): LoginDesk | null {
  const stated = actor.proved ? statedIdentity(actor) : null;
  if (stated === null && !auth.enabled) return null;
  const answer: Answer = stated === null
    ? { kind: "ignore", why: "nothing is stated" }
    : { kind: "allow", identity: stated };
  const provider: Provider = {
    name: "stated",
    onError: "deny",
    headers: [],
    generation: 1,
    check: () => answer,
    stillHolds: () => true,
    close: () => {},
  };
  return new LoginDesk({
    providers: [provider],
    allowAnonymous: auth["allow-anonymous"] || !auth.enabled,
    lockout: new Lockout({ enabled: false, failures: 1, windowMs: 1, banMs: 1 }),
    keyOf: () => "",
    hashMs: () => 0,
    setTimer: () => () => {},
    wallMs,
  });
}

/** Null: nothing is stated, so it is a client without credentials. */
function statedIdentity({ clientId, username, groups, attributes }: Actor): Identity | null {
  if (username === null && groups.length === 0 && attributes.size === 0) return null;
  return {
    username,
    groups,
    attributes: attributes.size === 0 ? null : attributes,
    clientIds: null,
    // Where client ids are bound to a claim: the proof names this one.
    clientIdClaim: clientId,
    acl: null,
    expiresAtMs: Infinity,
    provider: "stated",
  };
}
