import type { Message } from "../mqtt/packet.ts";
import { type Reason, RETAINED_BLOCKED, RETAINED_NOT_ALLOWED, RETAINED_TOO_LARGE } from "../reasons.ts";
import type { Ground } from "./ground.ts";

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
