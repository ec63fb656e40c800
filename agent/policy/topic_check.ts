import { TOPIC_TOO_DEEP, TOPIC_TOO_LONG } from "../reasons.ts";
import type { Reason } from "../reasons.ts";
import type { Ground } from "./ground.ts";

const SLASH = 0x2f;

/**
 * Holds a topic name or filter against `general.max-topic-bytes` and `general.max-topic-levels`.
 *
 * Before any rule is looked at: the cost of matching then depends on these two and on nothing that a client chooses
 * (CVE-2021-33176). O(length), stops at the first level too many, allocates nothing.
 */
export function checkTopicSize(topic: string, on: Ground): Reason | null {
  const { maxTopicBytes, maxTopicLevels } = on.policy.limits;
  const units = topic.length;
  if (units > maxTopicBytes || (units * 3 > maxTopicBytes && utf8Length(topic) > maxTopicBytes)) {
    on.topic = topic;
    return TOPIC_TOO_LONG;
  }
  let levels = 1;
  for (let i = 0; i < units; i++) {
    if (topic.charCodeAt(i) === SLASH && ++levels > maxTopicLevels) {
      on.topic = topic;
      return TOPIC_TOO_DEEP;
    }
  }
  return null;
}

/** Bytes of well-formed text in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // A surrogate is half of a character of four bytes.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return bytes;
}
