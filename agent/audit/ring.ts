/** One refusal, late verdict or rejected configuration, as it is kept for people. No payload, no password. */
export interface AuditEvent {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly correlationId: string;
  readonly clientAddress: string;
  readonly routeId: string | null;
  readonly clientId: string | null;
  readonly username: string | null;
  readonly direction: "client" | "broker" | "upgrade";
  readonly verdict: "allow" | "drop" | "close" | "block";
  readonly tags: readonly string[];
  readonly reason: string;
  readonly packetType: string | null;
  readonly topic: string | null;
  readonly rule: string | null;
  readonly policy: string;
  /** Packets of the frame, and how many of them were refused. */
  readonly packets: number;
  readonly refused: number;
  /** Packets that might have passed and were lost with the frame. */
  readonly lost: number;
  /** Each refused packet where there are several, for people; the first sixteen and the number of the rest. */
  readonly also: string | null;
  /** Which provider said what, by which ban, at which limit; null for nothing more. */
  readonly detail: string | null;
}

/** The newest events, oldest dropped: nothing on the frame path ever waits for whoever reads them. */
export class AuditRing {
  readonly #events: (AuditEvent | undefined)[];
  #written = 0;

  /** `capacity` events are kept, at least one. */
  constructor(capacity: number) {
    this.#events = new Array<AuditEvent | undefined>(Math.max(1, capacity)).fill(undefined);
  }

  /** O(1). */
  add(event: AuditEvent): void {
    this.#events[this.#written % this.#events.length] = event;
    this.#written++;
  }

  /** Events ever added. */
  get written(): number {
    return this.#written;
  }

  /** Events that were pushed out by newer ones. */
  get dropped(): number {
    return Math.max(0, this.#written - this.#events.length);
  }

  /** What is kept, newest first. */
  *newest(): Generator<AuditEvent> {
    for (let i = 1; i <= Math.min(this.#written, this.#events.length); i++) {
      const event = this.#events[(this.#written - i) % this.#events.length];
      if (event !== undefined) yield event;
    }
  }
}
