/** What `LineQueue` takes. */
export interface LineQueueOptions {
  /** Takes some or all of the bytes and says how many. One call at a time. */
  readonly write: (bytes: Uint8Array) => Promise<number>;
  /** Bound of what waits to be written; as much again may be in the hands of `write`. */
  readonly maxBytes: number;
  readonly maxLines: number;
  /** The line that tells how many were dropped. */
  readonly droppedLine: (count: number) => string;
}

const ENCODER = new TextEncoder();

/** Lines in one buffer of fixed size while the one before is being written: no promise, list or timer per line. */
export class LineQueue {
  readonly #write: (bytes: Uint8Array) => Promise<number>;
  readonly #maxLines: number;
  readonly #droppedLine: (count: number) => string;
  #filling: Uint8Array;
  #spare: Uint8Array;
  #bytes = 0;
  #lines = 0;
  #writing = false;
  #dropped = 0;
  #untold = 0;
  #whenEmpty: (() => void)[] = [];

  constructor(options: LineQueueOptions) {
    this.#write = options.write;
    this.#maxLines = options.maxLines;
    this.#droppedLine = options.droppedLine;
    this.#filling = new Uint8Array(options.maxBytes);
    this.#spare = new Uint8Array(options.maxBytes);
  }

  /** Lines that were lost: no room, or the write failed. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Nothing waits and nothing is being written. */
  get isEmpty(): boolean {
    return this.#lines === 0 && !this.#writing;
  }

  /** Resolves when everything is out, or lost. */
  whenEmpty(): Promise<void> {
    return this.isEmpty ? Promise.resolve() : new Promise((resolve) => this.#whenEmpty.push(resolve));
  }

  /** Takes a line with its newline, or drops and counts it. O(its characters). */
  add(line: string): void {
    if (!this.#put(line)) {
      this.#dropped++;
      this.#untold++;
    }
    if (!this.#writing && this.#lines > 0) {
      this.#writing = true;
      // Later in this turn, so that the lines of one turn share a write.
      queueMicrotask(() => this.#run());
    }
  }

  #put(line: string): boolean {
    if (this.#lines >= this.#maxLines) return false;
    const { read, written } = ENCODER.encodeInto(line, this.#filling.subarray(this.#bytes));
    if (read < line.length) return false;
    this.#bytes += written;
    this.#lines++;
    return true;
  }

  async #run(): Promise<void> {
    while (this.#lines > 0) {
      const batch = this.#filling, bytes = this.#bytes, lines = this.#lines;
      this.#filling = this.#spare;
      this.#spare = batch;
      this.#bytes = 0;
      this.#lines = 0;
      if (await this.#writeAll(batch, bytes)) {
        this.#tellDropped();
      } else {
        // Told with the next line that gets through, not now: a closed pipe would otherwise be written to for ever.
        this.#dropped += lines;
        this.#untold += lines;
      }
    }
    this.#writing = false;
    const waiting = this.#whenEmpty;
    this.#whenEmpty = [];
    for (const resolve of waiting) resolve();
  }

  #tellDropped(): void {
    if (this.#untold === 0) return;
    // Where it finds no room, the next write that ends tells it, with what was dropped until then.
    if (this.#put(this.#droppedLine(this.#untold))) this.#untold = 0;
  }

  async #writeAll(batch: Uint8Array, bytes: number): Promise<boolean> {
    try {
      for (let from = 0; from < bytes;) {
        const written = await this.#write(batch.subarray(from, bytes));
        if (written <= 0) return false;
        from += written;
      }
      return true;
    } catch {
      return false;
    }
  }
}
