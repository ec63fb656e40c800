/** Where time comes from; tests put their own in its place. */
export interface Clock {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Milliseconds since the epoch. */
  wallMs(): number;
}

export const SYSTEM_CLOCK: Clock = { nowMs: () => performance.now(), wallMs: () => Date.now() };
