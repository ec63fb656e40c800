import type { Config } from "../../agent/config/mod.ts";
import { IDLE_BURST, idleBursts } from "../../agent/doubts.ts";
import { compileMeters, type LimitConfig, type Meter } from "../../agent/policy/rate/limit.ts";
import type { Doubt, Lint } from "./lint.ts";

type RateLimit = Config["rate-limit"];

/** Rate limits that limit less than they seem to. */
export const LIMIT_LINTS: readonly Lint[] = [
  {
    code: "limit-by-free-id",
    summary: "clients are limited by a client id that they choose, and nothing limits how many",
    advice: 'Set rate-limit.connect, or key-by to "client_ip", or bind client ids by auth.client-id-binding',
    find: ({ config }) => findFreeIds(config),
  },
  {
    code: "limit-without-effect",
    summary: "a limit of a topic that its client's own limit always meets first",
    advice: "Make it lower than rate-limit.per-client, or raise that one",
    find: ({ config }) => findIdleTopicLimits(config["rate-limit"]),
  },
  {
    code: "burst-without-rate",
    summary: "a burst of messages where only bytes or quotas are limited",
    advice: 'Give "messages-per-second" too, or "burst-bytes" in the place of "burst"',
    find: (on) =>
      idleBursts(on.config, (path) => on.written.at(path)?.value !== undefined)
        .map((path) => ({ path, text: `it does nothing: ${IDLE_BURST}` })),
  },
];

function findFreeIds({ auth, "rate-limit": rate }: Config): Doubt[] {
  const isById = rate.enabled && rate["key-by"] === "client_id" && limitsClients(rate);
  const isBound = auth.enabled && auth["client-id-binding"] !== "none";
  if (!isById || isBound || decides(rate.connect)) return [];
  const text = "whoever connects anew under another client id has full buckets: no limit of CONNECTs holds him back";
  return [{ path: ["rate-limit", "key-by"], text }];
}

/** What is limited by default, pings and the like, is not what somebody turns limits on for. */
function limitsClients({ "per-client": client, subscribe, "per-topic": topics }: RateLimit): boolean {
  return decides(client) || decides(subscribe) ||
    topics.some(({ scope, limit }) => scope === "client" && decides(limit));
}

function decides(limit: LimitConfig | undefined): limit is LimitConfig {
  return limit !== undefined && !limit.shadow;
}

/**
 * A client's messages of one topic are among all its messages. Where for each measure of the topic's limit the client has
 * one that holds no more and fills no faster, that one is empty first.
 */
function findIdleTopicLimits({ enabled, "per-client": client, "per-topic": topics }: RateLimit): Doubt[] {
  if (!enabled || !decides(client)) return [];
  const own = compileMeters(client, []);
  return topics.flatMap(({ topic, limit, scope }, index): Doubt[] => {
    const meters = compileMeters(limit, []);
    const isIdle = scope === "client" && meters.every((meter) => own.some((lower) => isAtMost(lower, meter)));
    if (!isIdle) return [];
    const text = `the limit of "${topic}" never refuses: rate-limit.per-client allows each client no more than it`;
    return [{ path: ["rate-limit", "per-topic", index, "limit"], text }];
  });
}

function isAtMost(lower: Meter, upper: Meter): boolean {
  if (lower.measure !== upper.measure) return false;
  const [one, other] = [unitsOf(lower), unitsOf(upper)];
  return lower.capacity / one <= upper.capacity / other && lower.unitsPerMs / one <= upper.unitsPerMs / other;
}

function unitsOf({ measure, unitsPerMessage, unitsPerByte }: Meter): number {
  return measure === "messages" ? unitsPerMessage : unitsPerByte;
}
