/**
 * For tests: token buckets as somebody would write them down who has all the time there is. Fractions of whole numbers
 * without bound, read from the configuration itself; shares no code with what it tests.
 */
import type { LimitConfig } from "./limit.ts";

/** A fraction; `bottom` is positive. */
export interface Fraction {
  readonly top: bigint;
  readonly bottom: bigint;
}

interface OracleMeter {
  readonly measure: "messages" | "bytes";
  readonly perMs: Fraction;
  readonly capacity: Fraction;
  readonly surcharged: boolean;
  level: Fraction;
}

/** Of what it takes: one message, and its bytes. */
export class OracleBucket {
  readonly meters: OracleMeter[];
  eighths = 0n;
  #atMs: bigint;

  constructor(config: LimitConfig, nowMs: number) {
    this.#atMs = BigInt(nowMs);
    this.meters = metersOf(config);
  }

  /** -1: taken. */
  take(bytes: number, nowMs: number): number {
    this.pass(nowMs);
    const costs = this.meters.map(({ measure }) => measure === "messages" ? whole(1n) : whole(BigInt(bytes)));
    const refusing = this.meters.findIndex(({ level, capacity }, i) =>
      below(level, costs[i]!) && below(level, capacity)
    );
    if (refusing >= 0) {
      if (this.eighths < 8n) this.eighths++;
      return refusing;
    }
    for (const [i, meter] of this.meters.entries()) {
      const { top, bottom } = costs[i]!;
      const cost = meter.surcharged ? { top: top * (8n + this.eighths), bottom: bottom * 8n } : { top, bottom };
      meter.level = minus(meter.level, cost);
    }
    this.eighths = 0n;
    return -1;
  }

  pass(nowMs: number): void {
    const elapsed = whole(BigInt(nowMs) - this.#atMs);
    this.#atMs = BigInt(nowMs);
    for (const meter of this.meters) {
      const level = plus(meter.level, times(elapsed, meter.perMs));
      meter.level = below(level, meter.capacity) ? level : meter.capacity;
    }
    if (this.isFull) this.eighths = 0n;
  }

  get isFull(): boolean {
    return this.meters.every(({ level, capacity }) => !below(level, capacity));
  }
}

function metersOf(config: LimitConfig): OracleMeter[] {
  const meters: OracleMeter[] = [];
  const add = (measure: "messages" | "bytes", amount: number, periodMs: bigint, burst: number, surcharged: boolean) => {
    const capacity = whole(BigInt(burst));
    const perMs = times(decimal(amount), { top: 1n, bottom: periodMs });
    meters.push({ measure, perMs, capacity, surcharged, level: capacity });
  };
  const messages = config["messages-per-second"];
  const bytes = config["bytes-per-second"];
  if (messages !== undefined) add("messages", messages, 1000n, config.burst, true);
  if (bytes > 0) add("bytes", bytes, 1000n, config["burst-bytes"] ?? bytes, true);
  for (const { messages, bytes = 0, per } of config.quota) {
    const periodMs = { minute: 60_000n, hour: 3_600_000n, day: 86_400_000n }[per];
    if (messages !== undefined) add("messages", messages, periodMs, messages, false);
    else add("bytes", bytes, periodMs, bytes, false);
  }
  return meters;
}

function decimal(value: number): Fraction {
  const [whole = "", fraction = ""] = value.toFixed(6).split(".");
  return { top: BigInt(whole + fraction), bottom: 10n ** BigInt(fraction.length) };
}

export function whole(top: bigint): Fraction {
  return { top, bottom: 1n };
}

export function times(a: Fraction, b: Fraction): Fraction {
  return reduced(a.top * b.top, a.bottom * b.bottom);
}

export function plus(a: Fraction, b: Fraction): Fraction {
  return reduced(a.top * b.bottom + b.top * a.bottom, a.bottom * b.bottom);
}

export function minus(a: Fraction, b: Fraction): Fraction {
  return plus(a, { top: -b.top, bottom: b.bottom });
}

export function below(a: Fraction, b: Fraction): boolean {
  return a.top * b.bottom < b.top * a.bottom;
}

function reduced(top: bigint, bottom: bigint): Fraction {
  let a = top < 0n ? -top : top;
  let b = bottom;
  while (b !== 0n) [a, b] = [b, a % b];
  return a === 0n ? { top: 0n, bottom: 1n } : { top: top / a, bottom: bottom / a };
}
