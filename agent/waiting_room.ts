import type { Waiting } from "./frame_report.ts";

/** Whether whoever brought a frame can wait for its verdict, so many milliseconds from now. */
export interface WaitingRoom {
  mayWait(expectedMs: number, what: Waiting["kind"]): boolean;
}

/** Of whoever takes verdicts at once or not at all. */
export const NO_ROOM: WaitingRoom = { mayWait: () => false };
