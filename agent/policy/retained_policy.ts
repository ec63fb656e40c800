import { TopicMap } from "../mqtt/topic_map.ts";

/** The section `retained` as judging takes it: valid, defaults filled in. */
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
