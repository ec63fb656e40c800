import type { Message } from "../mqtt/packet.ts";
import { TopicMap } from "../mqtt/topic_map.ts";
import { type Reason, RETAINED_BLOCKED, RETAINED_NOT_ALLOWED, RETAINED_TOO_LARGE } from "../reasons.ts";
import type { Ground } from "./ground.ts";

/** The section `retained` as this check takes it: valid, defaults filled in. */
export interface RetainedConfig {
  readonly enabled: boolean;
  readonly "allow-retained": boolean;
  readonly "allowed-topics": readonly string[];
  readonly "blocked-topics": readonly string[];
  readonly "max-size"?: number | undefined;
}

/** Compiled `retained`, immutable. */
export interface RetainedPolicy {
  readonly allowAll: boolean;
  readonly allowed: TopicMap<true>;
  readonly blocked: TopicMap<true>;
  /** Bytes of payload, or Infinity. */
  readonly maxBytes: number;
}

/** Null where `retained` is off. */
export function compileRetained(config: RetainedConfig): RetainedPolicy | null {
  if (!config.enabled) return null;
  return Object.freeze({
    allowAll: config["allow-retained"],
    allowed: mapOf(config["allowed-topics"]),
    blocked: mapOf(config["blocked-topics"]),
    maxBytes: config["max-size"] ?? Infinity,
  });
}

function mapOf(filters: readonly string[]): TopicMap<true> {
  return new TopicMap([...new Set(filters)].map((filter) => [filter, true] as const));
}

/**
 * May the message be kept by the broker for whoever subscribes later. An empty one deletes what was kept, and needs the
 * same right: who may delete a setting changes it. `on.payloadBytes` is its size.
 */
export function checkRetained(message: Message, on: Ground): Reason | null {
  const { retained } = on.policy;
  if (!message.retain || retained === null) return null;
  const { topic } = message;
  const inner = on.unwrapped(topic);
  if (retained.blocked.find(topic) !== undefined || retained.blocked.find(inner) !== undefined) {
    return RETAINED_BLOCKED;
  }
  if (!retained.allowAll && retained.allowed.find(inner) === undefined) return RETAINED_NOT_ALLOWED;
  return on.payloadBytes > retained.maxBytes ? RETAINED_TOO_LARGE : null;
}
