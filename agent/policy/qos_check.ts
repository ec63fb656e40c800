import {
  isValidFilter,
  parsedCovers,
  type ParsedFilter,
  parsedOverlap,
  parseFilter,
  splitShared,
} from "../mqtt/topic_filter.ts";
import type { Message, Subscription } from "../mqtt/packet.ts";
import type { QosPolicy } from "./qos_policy.ts";
import { QOS_TOO_HIGH, type Reason } from "../reasons.ts";
import type { Ground } from "./ground.ts";

/**
 * QoS of a PUBLISH or Will. Through a proxy a frame can not be changed: where `downgrade` is on it passes, and
 * `on.downgradedTo` says what it should have had.
 */
export function checkPublishQos(message: Message, on: Ground): Reason | null {
  const { qos } = on.policy;
  if (message.qos === 0) return null;
  // What the rule that allows the topic says, where `qos` lets it pass, stands in `on.downgradedTo` already.
  let max: number = on.downgradedTo === -1 ? 2 : on.downgradedTo;
  if (qos !== null) {
    const { topic } = message;
    max = Math.min(max, qos.byTopic.find(topic) ?? qos.max);
    const inner = on.unwrapped(topic);
    // The broker may take either for the topic.
    if (inner !== topic) max = Math.min(max, qos.byTopic.find(inner) ?? qos.max);
  }
  if (message.qos <= max) return null;
  if (qos?.downgrade !== true) return QOS_TOO_HIGH;
  on.downgradedTo = max;
  return null;
}

/**
 * The QoS that a SUBSCRIBE asks for. Its filter is a set of topics, and none of them may be delivered at more than its own
 * maximum: that of the most specific entry that covers the filter, lowered by every entry that overlaps it.
 */
export function checkSubscribeQos({ filter, qos: asked }: Subscription, on: Ground): Reason | null {
  const { qos } = on.policy;
  if (asked === 0) return null;
  let max: number = on.downgradedTo === -1 ? 2 : on.downgradedTo;
  if (qos !== null) max = Math.min(max, maxOfFilter(qos, innerFilter(filter, on)));
  if (asked <= max) return null;
  if (qos?.downgradeSubscribe !== true) return QOS_TOO_HIGH;
  on.downgradedTo = max;
  return null;
}

/** O(entries): about 50 ns each. */
function maxOfFilter({ entries, max }: QosPolicy, text: string): number {
  if (!isValidFilter(text)) return max;
  const asked = parseFilter(text);
  let base: number = max;
  let covering: ParsedFilter | null = null;
  let lowest = 2;
  for (const { filter, max: own } of entries) {
    if (parsedCovers(filter, asked)) {
      if (covering !== null && !parsedCovers(covering, filter)) continue;
      covering = filter;
      base = own;
    } else if (parsedOverlap(filter, asked)) lowest = Math.min(lowest, own);
  }
  return Math.min(base, lowest);
}

function innerFilter(filter: string, on: Ground): string {
  const unwrapped = on.unwrapped(filter);
  return on.unwrapped(splitShared(unwrapped)?.filter ?? unwrapped);
}
