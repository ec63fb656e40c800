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

/** Work between two turns: with the step that goes over it, less than 2 ms. */
const BUDGET_MS = 1;
const SAME_TURN = Promise.resolve();

/**
 * Gives others their turn whenever work has gone on for a millisecond; to be called between any two steps.
 *
 * Why by a timer, which costs a millisecond, and not by `setImmediate`: with immediates frames waited far longer than any
 * single step took (docs/architecture.md), likely because an event loop that never rests seldom asks for what sockets
 * have.
 */
export function turnGiver(nowMs: () => number = () => performance.now()): () => Promise<void> {
  let sinceMs = nowMs();
  return () => {
    if (nowMs() - sinceMs < BUDGET_MS) return SAME_TURN;
    return new Promise((resolve) =>
      setTimeout(() => {
        sinceMs = nowMs();
        resolve();
      }, 0)
    );
  };
}
