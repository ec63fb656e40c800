import {
  FILTER_EMPTY,
  FILTER_MULTI_LEVEL,
  FILTER_SINGLE_LEVEL,
  SHARE_FILTER,
  SHARE_GROUP,
  SHARE_GROUP_WILDCARD,
} from "./faults.ts";
import type { Violation } from "./violation.ts";

const SLASH = 0x2f, HASH = 0x23, PLUS = 0x2b;
const SHARE_PREFIX = new TextEncoder().encode("$share/");

/** Whether a filter is a shared subscription, well-formed or not (section 4.8.2). Compared exactly: `$SHARE/` is none. */
export function isShared(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < SHARE_PREFIX.length) return false;
  for (let at = 0; at < SHARE_PREFIX.length; at++) if (bytes[start + at] !== SHARE_PREFIX[at]) return false;
  return true;
}

/**
 * What is wrong with the UTF-8 of a topic filter, or null. `$share` is demanded well-formed at every level: the standard has it since 5.0,
 * but brokers take it from 3.1.1 clients as well, and what they make of a malformed one nobody knows. O(bytes), allocates nothing.
 */
export function filterFault(bytes: Uint8Array, start: number, end: number): Violation | null {
  if (start === end) return FILTER_EMPTY;
  if (!isShared(bytes, start, end)) return wildcardFault(bytes, start, end);
  const group = start + SHARE_PREFIX.length;
  let at = group;
  for (; at < end && bytes[at] !== SLASH; at++) {
    if (bytes[at] === HASH || bytes[at] === PLUS) return SHARE_GROUP_WILDCARD;
  }
  if (at === group) return SHARE_GROUP;
  return at + 1 >= end ? SHARE_FILTER : wildcardFault(bytes, at + 1, end);
}

/** Both wildcards stand alone between separators, and `#` at the end ([MQTT-4.7.1-1], [MQTT-4.7.1-2]). */
function wildcardFault(bytes: Uint8Array, start: number, end: number): Violation | null {
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte !== HASH && byte !== PLUS) continue;
    const alone = (at === start || bytes[at - 1] === SLASH) && (at + 1 === end || bytes[at + 1] === SLASH);
    if (byte === HASH && !(alone && at + 1 === end)) return FILTER_MULTI_LEVEL;
    if (!alone) return FILTER_SINGLE_LEVEL;
  }
  return null;
}
