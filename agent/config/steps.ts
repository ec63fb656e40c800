/**
 * Work in steps, each of some half a millisecond: whoever drives it lets others go first in between, or does not where
 * nobody waits. A `yield` is such a point; the work returns what it comes to.
 */
export type Steps<T> = Generator<void, T, void>;

/** All steps one after another: what they come to. */
export function finished<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** All steps, and between any two of them one `yieldTurn`. */
export async function inTurns<T>(steps: Steps<T>, yieldTurn: () => Promise<void>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await yieldTurn();
  }
}
