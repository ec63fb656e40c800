import { chargeShared } from "./charges.ts";
import { type FrameReport, noteFindings } from "./frame_report.ts";
import type { Publish } from "./mqtt/packet.ts";
import { PACKET } from "./mqtt/packet.ts";
import type { PacketStream } from "./mqtt/packet_stream.ts";
import { type Ground, said } from "./policy/ground.ts";
import type { Inspected } from "./policy/inspect/inspector.ts";
import { CALL_WORK, FEW_BYTES, hasCredit, hear } from "./policy/inspection_check.ts";
import { INSPECTION_OVERLOADED } from "./reasons.ts";
import type { KeptPublish, PutOff } from "./kept_publish.ts";
import type { Session } from "./session.ts";

/** What of a lane is needed to keep a payload. */
interface PayloadLane {
  readonly stream: PacketStream;
  kept: KeptPublish | null;
}

/**
 * What searching the payloads of one frame in place may cost, in the units of `Inspector.work`: 2 ms, and at most one
 * payload more. The rest belongs into a thread, however small it is.
 */
const MAX_IN_PLACE_WORK = 1 << 17;

/** What unpacks to more than may be done in place is reckoned as so many bytes: nobody knows how many it is. */
const UNPACKED = 256 << 10;

/** Whether the payload of a PUBLISH, whose head was just reported and may pass, has to be seen; then it is kept. */
export function keepPayload(
  lane: PayloadLane,
  { topic, qos, payloadBytes }: Publish,
  { packetBytes, isLimited, isDelivery }: Pick<KeptPublish, "packetBytes" | "isLimited" | "isDelivery">,
  on: Ground,
): boolean {
  const { inspection } = on.policy;
  if (inspection === null) return false;
  const inner = on.unwrapped(topic);
  if (!inspection.keeps(inner, payloadBytes)) return false;
  lane.stream.keepPayload = true;
  lane.kept = { inspector: inspection, topic, inner, qos, packetBytes, isLimited, isDelivery, rule: on.rule };
  return true;
}

/**
 * Judges the payload that was kept, now that all of it is here: in its place, or, where that would take long, later
 * (`report.putOff`). O(bytes).
 */
export function judgePayload(
  session: Session,
  lane: PayloadLane,
  payload: Uint8Array | null,
  report: FrameReport,
  on: Ground,
): void {
  const publish = lane.kept as KeptPublish;
  lane.kept = null;
  on.reset();
  // Kept from its first byte: there is none only where the stream failed.
  if (payload === null) return report.refuse(INSPECTION_OVERLOADED, "close", PACKET.PUBLISH, publish.topic, null);
  const { inspector } = publish;
  const isFew = on.inspectedBytes + payload.length <= inspector.inPlaceBytes && on.inspectedWork < MAX_IN_PLACE_WORK &&
    hasCredit(on.inspectedBytes + payload.length, FEW_BYTES, on);
  let inspected: Inspected | null | "put-off" = "put-off";
  if (isFew) {
    inspected = inspector.inspectInPlace(payload, publish.inner, on.inspectedWork);
    // What was found to be too much has cost as well: a frame may hold a thousand of 100 bytes that unpack to 64 KiB.
    const work = CALL_WORK + inspector.work;
    on.inspectedBytes += payload.length;
    on.inspectedWork += work;
    on.inspectionWork += work;
    on.inspectionCredit -= work;
  }
  if (inspected === "put-off") {
    noteFindings(report, on);
    const { length } = payload;
    report.putOff.push({ publish, payload: payload.slice(), weight: isFew ? Math.max(length, UNPACKED) : length });
    return;
  }
  settlePayload(session, publish, inspected, report, on);
}

/** Puts what became of a payload into the report. */
export function settlePayload(
  session: Session,
  publish: KeptPublish,
  inspected: Inspected | null,
  report: FrameReport,
  on: Ground,
): void {
  on.reset();
  const { topic, qos, packetBytes, isDelivery } = publish;
  let refused = said("inspect-payload", hear(inspected, on), on);
  if (refused === null && publish.isLimited && on.limiter.plan !== null) {
    refused = chargeShared(session, topic, packetBytes, report, on);
  }
  noteFindings(report, on);
  if (refused !== null) {
    // It passes where nothing is blocked, and then its client acknowledges it.
    if (isDelivery && qos !== 0 && !report.policy.blockMode) session.owedAcks++;
    // A dropped delivery of QoS 1 or 2 would never be acknowledged.
    return report.refuse(refused, isDelivery && qos !== 0 ? "close" : on.action, PACKET.PUBLISH, topic, null);
  }
  if (qos !== 0) {
    report.keep();
    if (isDelivery) session.owedAcks++;
  }
  if (report.rule === null) report.rule = publish.rule;
}

/** Inspects what was put off in this thread: for whoever has no other. */
export function inspectPutOff({ publish, payload }: PutOff): Inspected | null {
  return publish.inspector.inspectPayload(payload, publish.inner);
}
