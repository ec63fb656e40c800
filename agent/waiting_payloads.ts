/** Payloads that take long to be inspected: whether their frame waits, and what becomes of it when they are. */
import type { Frame } from "./frame.ts";
import { type FrameReport, refuseFrame, type WaitingPayloads } from "./frame_report.ts";
import type { InspectionPool } from "./inspection_pool.ts";
import type { PutOff } from "./kept_publish.ts";
import { inspectPutOff, settlePayload } from "./payloads.ts";
import type { Ground } from "./policy/ground.ts";
import type { Inspected } from "./policy/inspect/inspector.ts";
import { INSPECTION_OVERLOADED, SESSION_UNKNOWN } from "./reasons.ts";
import { NO_ROOM, type WaitingRoom } from "./waiting_room.ts";

/** Where payloads are inspected that take long. */
export type Inspections = Pick<InspectionPool, "expectedMs" | "inspect">;

/** Where a frame with such payloads stands. */
export interface InspectionPlace {
  /** The frame can be removed. */
  readonly removable: boolean;
  readonly room: WaitingRoom;
  /** Null: they are inspected in this thread, whatever time it takes. */
  readonly pool: Inspections | null;
  readonly on: Ground;
}

/**
 * True: the frame waits for what the pool finds in its payloads (`report.waiting`). Else that is known and in the report,
 * or the frame is refused: it would not be answered in time.
 */
export function beginInspection(
  frame: Frame,
  report: FrameReport,
  { removable, room, pool, on }: InspectionPlace,
): boolean {
  const { session, putOff, policy } = report;
  // Whatever is in them: it closes.
  if (session === null || (policy.blockMode && report.refusal?.action === "close")) return false;
  if (pool === null || room === NO_ROOM) {
    for (const one of putOff) settlePayload(session, one.publish, inspectPutOff(one), report, on);
    return false;
  }
  const expectedMs = pool.expectedMs(putOff.reduce((sum, { weight }) => sum + weight, 0));
  if (!room.mayWait(expectedMs, "payloads")) {
    refuseFrame(report, INSPECTION_OVERLOADED);
    return false;
  }
  const done = inspectIn(pool, putOff, policy.decisionDeadlineMs);
  const waits: Frame = { ...frame, data: null };
  report.waiting = { kind: "payloads", session, report, done, expectedMs, removable, frame: waits };
  return true;
}

/** Puts into the report of a frame that waited what each of its payloads came to; null: that took too long. */
export function endInspection(
  { session, report }: WaitingPayloads,
  inspected: readonly (Inspected | null)[] | null,
  on: Ground,
): void {
  if (session.ended) return refuseFrame(report, SESSION_UNKNOWN);
  if (inspected === null) return refuseFrame(report, INSPECTION_OVERLOADED);
  for (const [i, { publish }] of report.putOff.entries()) {
    settlePayload(session, publish, inspected[i] ?? null, report, on);
  }
}

/**
 * Has each payload inspected by the configuration that its head was judged by: the first of a frame may have begun before
 * the one in force. What each came to, or null.
 */
function inspectIn(
  pool: Inspections,
  putOff: readonly PutOff[],
  withinMs: number,
): Promise<readonly (Inspected | null)[] | null> {
  const of = (some: readonly PutOff[]) => {
    const [{ publish: { inspector } }] = some as [PutOff];
    const items = some.map(({ payload, weight, publish: { inner: topic } }) => ({ payload, weight, topic }));
    return pool.inspect(inspector, items, withinMs);
  };
  const [first, second] = putOff;
  if (second === undefined || first?.publish.inspector === second.publish.inspector) return of(putOff);
  return Promise.all([of(putOff.slice(0, 1)), of(putOff.slice(1))]).then((found) =>
    found.includes(null) ? null : found.flatMap((some) => some ?? [])
  );
}
