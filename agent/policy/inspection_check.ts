import type { Connect, Message, UserProperties, Will } from "../mqtt/packet.ts";
import { INSPECTION_OVERLOADED, inspectionReason, type Reason } from "../reasons.ts";
import type { Ground } from "./ground.ts";
import type { PartName } from "./inspect/config.ts";
import type { Inspected, Inspector } from "./inspect/inspector.ts";

/** What it costs to search a text at all, in the units of `Inspector.work`: about 2 µs. */
export const CALL_WORK = 150;
/**
 * What searching the names and properties of one packet may cost: 4 ms. A packet can have thousands of properties; one that
 * has more than can be searched beside the frame path is refused.
 */
const MAX_WORK = 1 << 18;

/**
 * What inspecting in place may cost all clients together: a fifth of the time, and 10 ms at once. Each frame has its own
 * bounds, but eight clients that go up to them took 60 ms for a round, and what is late passes.
 */
const CREDIT_PER_MS = 1 << 13, MAX_CREDIT = 1 << 19;
/** Bytes that are always inspected in place: to hand them over would take as long. */
export const FEW_BYTES = 1 << 10;
/** As much of a Will, which can only be refused where there is no time: more than Wills have. */
const WILL_BYTES = 16 << 10;

/** Whether so many bytes may be inspected in place, few or for what all others have cost lately. O(1). */
export function hasCredit(bytes: number, fewBytes: number, on: Ground): boolean {
  const passedMs = on.nowMs - on.inspectionCreditMs;
  on.inspectionCredit = Math.min(MAX_CREDIT, on.inspectionCredit + passedMs * CREDIT_PER_MS);
  on.inspectionCreditMs = on.nowMs;
  return on.inspectionCredit > 0 || bytes <= fewBytes;
}

/** Takes note of what an inspection found: the reason that refuses the packet, or null. O(findings). */
export function hear(inspected: Inspected | null, on: Ground): Reason | null {
  if (inspected === null) return null;
  const { refusal, noted, hasShadow } = inspected;
  if (noted.length > 0) {
    on.noted = on.noted === null ? noted : [...on.noted, ...noted];
    on.notedShadow ||= hasShadow;
  }
  if (refusal === null) return null;
  on.finding = refusal;
  return inspectionReason(refusal.word);
}

/** Payloads larger than `inspection.max-payload-size`; `on.payloadBytes` is the size. */
export function checkPayloadSize(_message: Message, on: Ground): Reason | null {
  const { inspection } = on.policy;
  return inspection === null || on.payloadBytes <= inspection.maxPayloadBytes
    ? null
    : hear(inspection.oversized(on.payloadBytes), on);
}

/** Searches all of a PUBLISH or Will but its payload: topic, response topic, properties. */
export function inspectMessage(message: Message, on: Ground): Reason | null {
  const { inspection } = on.policy;
  if (inspection === null) return null;
  const topic = on.unwrapped(message.topic);
  const { responseTopic, contentType, correlationData } = message;
  return searchText("topic", message.topic, topic, on, inspection) ??
    (responseTopic === null ? null : searchText("response-topic", responseTopic, topic, on, inspection)) ??
    (contentType === null ? null : searchText("user-properties", contentType, topic, on, inspection)) ??
    (correlationData === null ? null : searchText("user-properties", correlationData, topic, on, inspection)) ??
    searchPairs(message.userProperties, topic, on, inspection);
}

/**
 * Searches the payload of a Will, which has 64 KiB at most, and holds it against the schema of its topic. Nobody waits for a
 * thread with it: where there is no time for more than a few bytes it is refused.
 */
export function inspectWill({ topic, payload }: Will, on: Ground): Reason | null {
  const { inspection } = on.policy;
  if (inspection === null || payload.length > inspection.maxPayloadBytes) return null;
  if (!hasCredit(payload.length, WILL_BYTES, on)) return INSPECTION_OVERLOADED;
  const inspected = inspection.inspectWill(payload, on.unwrapped(topic));
  const work = CALL_WORK + inspection.work;
  on.inspectionWork += work;
  on.inspectionCredit -= work;
  return hear(inspected, on);
}

/** Searches the names of a CONNECT and its properties; its Will is a message of its own. */
export function inspectConnect({ clientId, username, userProperties }: Connect, on: Ground): Reason | null {
  const { inspection } = on.policy;
  if (inspection === null) return null;
  return searchText("client-id", clientId, "", on, inspection) ??
    (username === null ? null : searchText("username", username, "", on, inspection)) ??
    searchPairs(userProperties, "", on, inspection);
}

/** Searches a filter of SUBSCRIBE or UNSUBSCRIBE: it names topics. */
export function inspectFilter(filter: string, on: Ground): Reason | null {
  const { inspection } = on.policy;
  return inspection === null ? null : searchText("topic", filter, "", on, inspection);
}

/** What SUBSCRIBE, UNSUBSCRIBE, DISCONNECT, AUTH and acknowledgements carry in MQTT 5. */
export interface Properties {
  readonly reasonString?: string | null;
  readonly userProperties: UserProperties;
}

/** Searches the properties of a packet that is no message. */
export function inspectProperties({ reasonString = null, userProperties }: Properties, on: Ground): Reason | null {
  const { inspection } = on.policy;
  if (inspection === null) return null;
  return (reasonString === null ? null : searchText("user-properties", reasonString, "", on, inspection)) ??
    searchPairs(userProperties, "", on, inspection);
}

function searchPairs(pairs: UserProperties, topic: string, on: Ground, inspection: Inspector): Reason | null {
  for (let i = 0; i < pairs.length; i++) {
    const [name, value] = pairs[i] as UserProperties[number];
    const refused = searchText("user-properties", name, topic, on, inspection) ??
      searchText("user-properties", value, topic, on, inspection);
    if (refused !== null) return refused;
    if (on.inspectionWork > MAX_WORK) return hear(TOO_MUCH, on);
  }
  return null;
}

const TOO_MUCH: Inspected = Object.freeze({
  refusal: { word: "inspection-budget" as const, text: "more user properties than can be searched in time" },
  noted: [],
  hasShadow: false,
});

function searchText(
  part: PartName,
  text: string | Uint8Array,
  topic: string,
  on: Ground,
  inspection: Inspector,
): Reason | null {
  if (text.length === 0) return null;
  const inspected = inspection.inspectText(part, text, topic);
  on.inspectionWork += CALL_WORK + inspection.usualWork;
  return hear(inspected, on);
}
