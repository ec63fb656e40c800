import type { Qos } from "../mqtt/packet.ts";
import { type ParsedFilter, parseFilter } from "../mqtt/topic_filter.ts";
import { TopicMap } from "../mqtt/topic_map.ts";

/** The section `qos` as judging takes it: valid, defaults filled in. */
export interface QosConfig {
  readonly enabled: boolean;
  readonly "max-qos": Qos;
  readonly downgrade: boolean;
  readonly "downgrade-subscribe": "allow" | "drop";
  readonly "per-topic": readonly { readonly topic: string; readonly "max-qos": Qos }[];
}

/** Compiled `qos`, immutable. */
export interface QosPolicy {
  readonly max: Qos;
  /** What is above passes all the same, and is told. */
  readonly downgrade: boolean;
  readonly downgradeSubscribe: boolean;
  readonly byTopic: TopicMap<Qos>;
  readonly entries: readonly { readonly filter: ParsedFilter; readonly max: Qos }[];
}

/** A SUBSCRIBE is held against all of them. */
const MAX_ENTRIES = 1000;

/** Null where `qos` is off; a text says what is wrong with `per-topic`. */
export function compileQos(config: QosConfig): QosPolicy | null | string {
  if (!config.enabled) return null;
  const entries = config["per-topic"].map(({ topic, "max-qos": max }) => ({ topic, max }));
  if (entries.length > MAX_ENTRIES) return `Cannot use more than ${MAX_ENTRIES} topics, found ${entries.length}`;
  const topics = new Set<string>();
  for (const { topic } of entries) {
    if (topics.has(topic)) return `Cannot use the topic "${topic}" twice`;
    topics.add(topic);
  }
  return Object.freeze({
    max: config["max-qos"],
    downgrade: config.downgrade,
    downgradeSubscribe: config["downgrade-subscribe"] === "allow",
    byTopic: new TopicMap(entries.map(({ topic, max }) => [topic, max] as const)),
    entries: entries.map(({ topic, max }) => ({ filter: parseFilter(topic), max })),
  });
}
