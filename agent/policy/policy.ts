import {
  type AclConfig,
  type AclSettings,
  type CompileAclOptions,
  compileAclSteps,
  type CompiledAcl,
} from "./acl/mod.ts";
import { compileQos, type QosConfig, type QosPolicy } from "./qos_policy.ts";
import { filterFaults } from "./filter_faults.ts";
import { compileRatePlan, type RateConfig, type RatePlan } from "./rate/mod.ts";
import { compileRetained, type RetainedConfig, type RetainedPolicy } from "./retained_policy.ts";
import type { Inspector } from "./inspect/inspector.ts";
import { compileRegex, type LinearRegex } from "./regex.ts";
import type { ProtocolLevel } from "../mqtt/packet.ts";

/**
 * The part of a configuration that judging needs, but for the rules; `agent/config` makes it, keys as people write them.
 */
export interface PolicySettings {
  readonly acl: AclSettings & { readonly "on-revoked-subscription": "tag" | "close" };
  readonly auth: {
    readonly "trust-broker": boolean;
    readonly "enhanced-auth": "deny" | readonly string[];
    readonly "min-client-id-length": number;
    readonly "max-client-id-length": number;
    readonly "allow-empty-client-id"?: boolean | undefined;
    readonly "client-id-pattern"?: string | undefined;
    readonly "client-id-binding": ClientIdBinding;
    readonly "username-mismatch": "refuse" | "allow";
    readonly "duplicate-client-id": DuplicateClientId;
  };
  readonly general: GeneralPolicyConfig;
  readonly qos: QosConfig;
  readonly retained: RetainedConfig;
  readonly "rate-limit": RateConfig;
}

/** With the rules. */
export interface PolicyConfig extends PolicySettings {
  readonly acl: AclConfig & PolicySettings["acl"];
}

/** `general.*`, as far as packets and frames are judged by it. */
export interface GeneralPolicyConfig {
  readonly "block-mode": boolean;
  readonly "fail-open": boolean;
  readonly "log-packets": boolean;
  readonly "protocol-versions": readonly string[];
  readonly "max-connections-per-ip"?: number | undefined;
  readonly "connect-timeout-secs": number;
  readonly "decision-deadline-ms": number;
  readonly "max-packet-size": number;
  readonly "max-topic-levels": number;
  readonly "max-topic-bytes": number;
  readonly "max-subscriptions": number;
  readonly "max-filters-per-subscribe": number;
  readonly "max-keep-alive-secs"?: number | undefined;
  readonly "max-session-expiry-secs"?: number | undefined;
  readonly "max-will-delay-secs"?: number | undefined;
  readonly "session-idle-secs": number;
  readonly "max-sessions": number;
  readonly "max-unanswered": number;
  readonly "require-upgrade-event": boolean;
  readonly "shared-subscriptions": "allow" | "deny";
  readonly "retained-messages": "allow" | "deny";
  readonly "subscription-identifiers": "allow" | "deny";
  readonly "topic-aliases": "allow" | "deny";
  readonly "mixed-frames": MixedFrames;
  readonly "allowed-origins": readonly string[];
  readonly "websocket-extensions": "refuse" | "allow-unseen";
  readonly subprotocols: readonly string[];
  readonly routes?: readonly string[] | undefined;
}

/** What is done with a frame that holds a packet to drop and others that may pass. */
export type MixedFrames = "auto" | "drop" | "close";

/** `auth.client-id-binding`. */
export type ClientIdBinding = "none" | "username" | "username-prefix" | "claim";
/** `auth.duplicate-client-id`. */
export type DuplicateClientId = "anyone" | "same-identity" | "nobody";

/** How client ids and user names are judged, whoever proves them. */
export interface IdentityPolicy {
  /** The whole id must match; null: any. */
  readonly clientIdPattern: LinearRegex | null;
  readonly clientIdBinding: ClientIdBinding;
  readonly refuseMismatch: boolean;
  readonly duplicateClientId: DuplicateClientId;
}

/** The numbers and switches that packets are held against; a limit that is off is Infinity. */
export interface Limits {
  readonly levels: readonly ProtocolLevel[];
  readonly minClientIdBytes: number;
  readonly maxClientIdBytes: number;
  readonly allowEmptyClientId: boolean;
  readonly authenticationMethods: ReadonlySet<string>;
  readonly maxConnectionsPerAddress: number;
  readonly maxPacketBytes: number;
  readonly maxTopicLevels: number;
  readonly maxTopicBytes: number;
  readonly maxSubscriptions: number;
  readonly maxFiltersPerSubscribe: number;
  readonly maxKeepAliveSecs: number;
  readonly maxSessionExpirySecs: number;
  readonly maxWillDelaySecs: number;
  readonly maxUnanswered: number;
  readonly connectTimeoutMs: number;
  readonly sessionIdleMs: number;
  readonly maxSessions: number;
  readonly sharedSubscriptions: boolean;
  readonly retainedMessages: boolean;
  readonly subscriptionIdentifiers: boolean;
  readonly topicAliases: boolean;
}

/** How an upgrade request is judged (protocol: what the proxy does around it). */
export interface UpgradePolicy {
  /** Lower-case origins, or `same-host`, or `any`. */
  readonly origins: readonly string[];
  readonly allowExtensions: boolean;
  /** Empty: none is asked for. */
  readonly subprotocols: readonly string[];
}

/** Everything a packet is judged by: compiled once, immutable, swapped whole. */
export interface Policy {
  /** Counts up with every configuration that came into force, from 1. */
  readonly number: number;
  /** For people: number and hash, `v3 1a2b3c4d5e6f`. */
  readonly label: string;
  readonly acl: CompiledAcl;
  /** `acl.unwrap`, for rules that come with a login. */
  readonly unwrap: readonly string[];
  readonly limits: Limits;
  /** Null: off. */
  readonly qos: QosPolicy | null;
  readonly retained: RetainedPolicy | null;
  readonly rate: RatePlan | null;
  /** Null: off. Compiled apart, since whoever does not inspect does not load it. */
  readonly inspection: Inspector | null;
  readonly identity: IdentityPolicy;
  /** Longest wait for an answer to a CONNECT. */
  readonly decisionDeadlineMs: number;
  readonly upgrade: UpgradePolicy;
  readonly blockMode: boolean;
  readonly failOpen: boolean;
  readonly logPackets: boolean;
  readonly mixedFrames: MixedFrames;
  readonly trustBroker: boolean;
  readonly checkDeliveries: boolean;
  readonly checkResponseTopic: boolean;
  readonly closeRevoked: boolean;
  readonly requireUpgradeEvent: boolean;
  /** Routes that carry MQTT, or null: all do. */
  readonly routes: ReadonlySet<string> | null;
}

/** A fault that only compiling finds: where in the configuration, and what. */
export interface PolicyProblem {
  /** E.g. `["acl", "rules", 3, "topics", 1]`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

const LEVELS: Readonly<Record<string, ProtocolLevel>> = { "3.1": 3, "3.1.1": 4, "5.0": 5 };

export type PolicyResult =
  | { readonly policy: Policy }
  | {
    readonly problems: readonly PolicyProblem[];
    /** The rules, where they alone are right: their tests can be run. */
    readonly acl: CompiledAcl | null;
  };

/** What a snapshot is known by, and what was compiled for it before. */
export interface PolicyId {
  readonly number: number;
  readonly hash: string;
  readonly inspection?: Inspector | null;
}

/** Compiles a validated configuration; problems are all told at once and nothing is half made. */
export function compilePolicy(config: PolicyConfig, id: PolicyId): PolicyResult {
  const steps = compilePolicySteps(config, id);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** As {@link compilePolicy}, in steps of about a millisecond: between them others may work. */
export function* compilePolicySteps(
  config: PolicyConfig,
  id: PolicyId,
  options: CompileAclOptions = {},
): Generator<void, PolicyResult> {
  const compiled = yield* compileAclSteps(config.acl, options);
  if ("acl" in compiled) return policyOf(config, compiled.acl, id);
  const problems = compiled.problems.map(({ rule, key, message }): PolicyProblem => {
    // A fault of the section itself has no rule.
    const path = ["acl", ...(rule === -1 ? [] : ["rules", rule]), ...key.split("/").filter(Boolean).map(indexOrKey)];
    return { path, message };
  });
  return policyOf(config, null, id, problems);
}

/**
 * The policy of a configuration whose rules are compiled already. `found` is what was wrong with them, and `compiled`
 * then null. It takes some 0.1 ms.
 */
export function policyOf(
  config: PolicySettings,
  compiled: CompiledAcl | null,
  id: PolicyId,
  found: readonly PolicyProblem[] = [],
): PolicyResult {
  const problems = [...found];
  const { acl, auth, general } = config;
  const pattern = auth["client-id-pattern"];
  const clientIdPattern = pattern === undefined ? null : compileRegex(pattern);
  if (clientIdPattern !== null && "error" in clientIdPattern) {
    problems.push({ path: ["auth", "client-id-pattern"], message: clientIdPattern.error });
  }
  const filters = filterFaults(config);
  problems.push(...filters);
  // What is no filter cannot be compiled.
  const qos = filters.length > 0 ? null : compileQos(config.qos);
  if (typeof qos === "string") problems.push({ path: ["qos", "per-topic"], message: qos });
  const rate = compileRatePlan(config["rate-limit"]);
  if ("problems" in rate) problems.push(...rate.problems);
  if (
    compiled === null || "problems" in rate || typeof qos === "string" || filters.length > 0 ||
    (clientIdPattern !== null && "error" in clientIdPattern)
  ) return { problems, acl: compiled };
  return {
    policy: Object.freeze({
      number: id.number,
      label: `v${id.number} ${id.hash}`,
      acl: compiled,
      unwrap: acl.unwrap,
      limits: compileLimits(config),
      qos,
      retained: compileRetained(config.retained),
      rate: rate.plan,
      inspection: id.inspection ?? null,
      identity: Object.freeze({
        clientIdPattern: clientIdPattern?.regex ?? null,
        clientIdBinding: auth["client-id-binding"],
        refuseMismatch: auth["username-mismatch"] === "refuse",
        duplicateClientId: auth["duplicate-client-id"],
      }),
      decisionDeadlineMs: general["decision-deadline-ms"],
      upgrade: Object.freeze({
        origins: general["allowed-origins"].map((origin) => origin.toLowerCase()),
        allowExtensions: general["websocket-extensions"] === "allow-unseen",
        subprotocols: general.subprotocols,
      }),
      blockMode: general["block-mode"],
      failOpen: general["fail-open"],
      logPackets: general["log-packets"],
      mixedFrames: general["mixed-frames"],
      trustBroker: config.auth["trust-broker"],
      checkDeliveries: acl.enabled && acl["check-deliveries"],
      checkResponseTopic: acl.enabled && acl["check-response-topic"],
      closeRevoked: acl["on-revoked-subscription"] === "close",
      requireUpgradeEvent: general["require-upgrade-event"],
      routes: general.routes === undefined ? null : new Set(general.routes),
    }),
  };
}

function compileLimits({ auth, general }: PolicySettings): Limits {
  const methods = auth["enhanced-auth"];
  return Object.freeze({
    levels: general["protocol-versions"].map((version) => LEVELS[version]).filter((level) => level !== undefined),
    minClientIdBytes: auth["min-client-id-length"],
    maxClientIdBytes: auth["max-client-id-length"],
    allowEmptyClientId: auth["allow-empty-client-id"] ??
      (auth["client-id-pattern"] === undefined && auth["min-client-id-length"] <= 1),
    authenticationMethods: new Set(methods === "deny" ? [] : methods),
    maxConnectionsPerAddress: general["max-connections-per-ip"] ?? Infinity,
    maxPacketBytes: general["max-packet-size"],
    maxTopicLevels: general["max-topic-levels"],
    maxTopicBytes: general["max-topic-bytes"],
    maxSubscriptions: general["max-subscriptions"],
    maxFiltersPerSubscribe: general["max-filters-per-subscribe"],
    maxKeepAliveSecs: general["max-keep-alive-secs"] ?? Infinity,
    maxSessionExpirySecs: general["max-session-expiry-secs"] ?? Infinity,
    maxWillDelaySecs: general["max-will-delay-secs"] ?? Infinity,
    maxUnanswered: general["max-unanswered"],
    connectTimeoutMs: general["connect-timeout-secs"] * 1000,
    sessionIdleMs: general["session-idle-secs"] * 1000,
    maxSessions: general["max-sessions"],
    sharedSubscriptions: general["shared-subscriptions"] === "allow",
    retainedMessages: general["retained-messages"] === "allow",
    subscriptionIdentifiers: general["subscription-identifiers"] === "allow",
    topicAliases: general["topic-aliases"] === "allow",
  });
}

function indexOrKey(part: string): string | number {
  return /^\d+$/.test(part) ? Number(part) : part;
}
