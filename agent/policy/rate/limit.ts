/** One configured limit, compiled: what its buckets hold and how fast they fill. */

/** A limit as `agent/config` validates it. What is absent does not limit. */
export interface LimitConfig {
  readonly "messages-per-second"?: number | undefined;
  /** 0: none. */
  readonly "bytes-per-second": number;
  readonly burst: number;
  readonly "burst-bytes"?: number | undefined;
  readonly quota: readonly QuotaConfig[];
  readonly action: "drop" | "close";
  readonly shadow: boolean;
}

export interface QuotaConfig {
  readonly name?: string | undefined;
  readonly messages?: number | undefined;
  readonly bytes?: number | undefined;
  readonly per: "minute" | "hour" | "day";
}

/** What a limit is about. */
export type LimitKind = "global" | "client" | "topic" | "connect" | "subscribe" | "control" | "auth-failures";

/**
 * One measure of a limit: a token bucket. It counts in units of which a message, or a byte, is a whole number and of
 * which every millisecond brings a whole number: so nothing is ever rounded, however many small steps there are.
 */
export interface Meter {
  /** `messages-per-second`, `bytes-per-second`, or that of the quota: unique in its limit, and the same after a reload. */
  readonly name: string;
  readonly measure: "messages" | "bytes";
  /** Units of one message, or of one byte; one of the two is 0. */
  readonly unitsPerMessage: number;
  readonly unitsPerByte: number;
  /** Units of a full bucket, at most {@link MAX_UNITS}. */
  readonly capacity: number;
  /** At least 1. */
  readonly unitsPerMs: number;
  /** Refused packets make the next one dearer; a quota counts what passed and nothing else. */
  readonly surcharged: boolean;
}

/** A compiled limit. Frozen. */
export interface Limit {
  readonly kind: LimitKind;
  /** For people: of a topic limit its name or its filter, else the kind. */
  readonly name: string;
  /** The same for the same limit of the next snapshot, whatever its numbers are then: its buckets are carried over. */
  readonly identity: string;
  /** Place in `RatePlan.limits`. */
  readonly number: number;
  /** One bucket for all clients, which a packet takes from only when nothing refuses it. */
  readonly shared: boolean;
  readonly action: "drop" | "close";
  readonly shadow: boolean;
  /** One or more, at most {@link MAX_METERS}. */
  readonly meters: readonly Meter[];
}

/** A level, a capacity and the sum of both stay whole numbers of a double. */
export const MAX_UNITS = 2 ** 52;
/** Measures of one limit: two rates and six quotas. */
export const MAX_METERS = 8;
/** A refused packet makes the next one that passes dearer by one part in so many, and never more than double. */
export const SURCHARGE_PARTS = 8;

/** A rate that whole numbers can not hold is rounded down, by less than one part in so many. */
const RATE_PRECISION = 1_000_000n;

const PERIODS_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

export interface LimitFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** The measures of a limit; none where it limits nothing. What can not be counted goes to `faults`, with its path. */
export function compileMeters(config: LimitConfig, faults: LimitFault[]): readonly Meter[] {
  const meters: Meter[] = [];
  const add = (path: readonly (string | number)[], details: MeterDetails) => {
    const meter = compileMeter(details);
    const { amount, measure, periodMs, capacity } = details;
    if (meter === null) {
      const message = `Cannot count ${amount} ${measure} in ${periodMs} ms with ${capacity} at once: ` +
        "a bucket of that size would not be exact";
      faults.push({ path, message });
    } else {
      meters.push(meter);
    }
  };
  const messages = config["messages-per-second"];
  if (messages !== undefined) {
    add(["messages-per-second"], {
      name: "messages-per-second",
      measure: "messages",
      amount: messages,
      periodMs: 1000,
      capacity: config.burst,
      surcharged: true,
    });
  }
  const bytes = config["bytes-per-second"];
  if (bytes !== 0) {
    add(["bytes-per-second"], {
      name: "bytes-per-second",
      measure: "bytes",
      amount: bytes,
      periodMs: 1000,
      capacity: config["burst-bytes"] ?? bytes,
      surcharged: true,
    });
  }
  const names = new Set<string>();
  for (const [place, quota] of config.quota.entries()) {
    const measure = quota.messages === undefined ? "bytes" : "messages";
    const amount = quota.messages ?? quota.bytes ?? 0;
    const name = uniqueName(quota.name ?? `${measure}-per-${quota.per}`, names);
    add(["quota", place], {
      name,
      measure,
      amount,
      periodMs: PERIODS_MS[quota.per],
      capacity: amount,
      surcharged: false,
    });
  }
  if (meters.length > MAX_METERS) {
    faults.push({
      path: ["quota"],
      message: `Cannot keep ${config.quota.length} quotas of one limit: at most ${MAX_METERS - 2} are counted`,
    });
  }
  return meters;
}

/** True if buckets of the one can be used as buckets of the other, as they are. */
export function sameMeters(a: readonly Meter[], b: readonly Meter[]): boolean {
  return a.length === b.length && a.every((meter, place) => {
    const other = b[place];
    return other !== undefined && meter.name === other.name && meter.measure === other.measure &&
      meter.unitsPerMessage === other.unitsPerMessage && meter.unitsPerByte === other.unitsPerByte &&
      meter.capacity === other.capacity && meter.unitsPerMs === other.unitsPerMs;
  });
}

/** `name`, or with a number behind it where it is taken; adds it to `taken`. */
export function uniqueName(name: string, taken: Set<string>): string {
  let unique = name;
  for (let count = 2; taken.has(unique); count++) unique = `${name} (${count})`;
  taken.add(unique);
  return unique;
}

interface MeterDetails {
  readonly name: string;
  readonly measure: "messages" | "bytes";
  /** Messages or bytes in `periodMs`. */
  readonly amount: number;
  readonly periodMs: number;
  /** Messages or bytes that may come at once. */
  readonly capacity: number;
  readonly surcharged: boolean;
}

/**
 * `amount` is taken as the decimal number that it is written as: 0.1 is one tenth. Null where even a rate that is a
 * millionth too low does not fit.
 */
function compileMeter(details: MeterDetails): Meter | null {
  const { name, measure, amount, periodMs, capacity, surcharged } = details;
  const { numerator, denominator } = decimalOf(amount);
  const common = greatestCommonDivisor(numerator, denominator * BigInt(periodMs));
  const parts = BigInt(SURCHARGE_PARTS);
  let unitsPerItem = denominator * BigInt(periodMs) / common * parts;
  let unitsPerMs = numerator / common * parts;
  const most = BigInt(MAX_UNITS);
  if (unitsPerItem * BigInt(capacity) > most) {
    unitsPerItem = most / BigInt(capacity) / parts * parts;
    unitsPerMs = numerator * unitsPerItem / (denominator * BigInt(periodMs));
    if (unitsPerMs < RATE_PRECISION) return null;
  }
  return Object.freeze({
    name,
    measure,
    unitsPerMessage: measure === "messages" ? Number(unitsPerItem) : 0,
    unitsPerByte: measure === "bytes" ? Number(unitsPerItem) : 0,
    capacity: Number(unitsPerItem) * capacity,
    // More than a full bucket in a millisecond is as good as a full one.
    unitsPerMs: Math.min(Number(unitsPerMs), MAX_UNITS),
    surcharged,
  });
}

/** A positive number as the fraction that its shortest decimal form is. */
function decimalOf(value: number): { numerator: bigint; denominator: bigint } {
  const [mantissa = "0", exponent = "0"] = String(value).split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  const shift = Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  return shift >= 0
    ? { numerator: digits * 10n ** BigInt(shift), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-shift) };
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}
