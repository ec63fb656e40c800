export interface DelayedSaveOptions {
  /** Null when all is saved that there was when it was called, else what is wrong. Never rejects. */
  readonly save: () => Promise<string | null>;
  /** Calls back once after `ms`; the returned function cancels. */
  readonly setTimer: (callback: () => void, ms: number) => () => void;
  /** Called when saving begins to fail, and with null when it is well again. */
  readonly onProblem: (problem: string | null) => void;
}

/** Changes of so long are saved together. */
const DELAY_MS = 250;
/** After a failure, doubling with each one after it. */
const RETRY_MS = 1000;
const MAX_RETRY_MS = 60_000;

/**
 * Saves what changes, never twice at a time and never in the way of who changes it: a quarter of a second after the first
 * change that is not saved, so that a flood of changes costs four writes a second.
 */
export class DelayedSave {
  readonly #options: DelayedSaveOptions;
  #unsaved = false;
  #failures = 0;
  #cancelTimer: (() => void) | null = null;
  #saving: Promise<void> | null = null;
  #closed = false;

  constructor(options: DelayedSaveOptions) {
    this.#options = options;
  }

  /** Something is to be saved. O(1). */
  changed(): void {
    this.#unsaved = true;
    this.#schedule(DELAY_MS);
  }

  /** Saves at once what is not saved, and no more after that. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    await this.#saving;
    if (this.#unsaved) await this.#save();
  }

  #schedule(ms: number): void {
    if (this.#closed || this.#cancelTimer !== null || this.#saving !== null) return;
    this.#cancelTimer = this.#options.setTimer(() => {
      this.#cancelTimer = null;
      this.#saving = this.#save().then(() => {
        this.#saving = null;
        if (this.#unsaved) this.#schedule(this.#failures === 0 ? DELAY_MS : retryMs(this.#failures));
      });
    }, ms);
  }

  async #save(): Promise<void> {
    const { save, onProblem } = this.#options;
    this.#unsaved = false;
    const problem = await save();
    if (problem === null) {
      if (this.#failures > 0) onProblem(null);
      this.#failures = 0;
    } else {
      this.#unsaved = true;
      if (++this.#failures === 1) onProblem(problem);
    }
  }
}

function retryMs(failures: number): number {
  return Math.min(RETRY_MS * 2 ** (failures - 1), MAX_RETRY_MS);
}
