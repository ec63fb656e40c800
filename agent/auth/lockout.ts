import { createHmac, randomBytes } from "node:crypto";
import { Generations } from "./generations.ts";

export interface LockoutOptions {
  readonly enabled: boolean;
  /** Failures of one (user name, address) within the window that lock it. */
  readonly failures: number;
  readonly windowMs: number;
  /** The first lock; each one after it is twice as long. */
  readonly banMs: number;
  /** Entries of each kind that are remembered, 100,000 where absent. The oldest go first. */
  readonly maxEntries?: number;
}

/** The longest lock. */
const MAX_BAN_MS = 3_600_000;
/** Different failing names that lock an address: it guesses names, whatever it does with each. */
const NAMES_PER_ADDRESS = 20;
const MAX_ENTRIES = 100_000;
const HASH_BYTES = 12;

interface Failures {
  count: number;
  beganMs: number;
  lockedUntilMs: number;
  /** How many locks there were: the next is twice as long. */
  locks: number;
}

/**
 * Counts failed logins and locks out who guesses.
 *
 * Counted per user name and address together: by name alone anybody could lock a device out from elsewhere, and by
 * address alone one bad device would lock out the plant behind the same router. An address is locked only when many
 * different names fail from it; a name that fails from many addresses just waits behind others.
 *
 * Bounded: names and addresses are kept as hashes of 12 bytes, at most 100,000 of each kind. The half that failed
 * longest ago goes first; O(1).
 */
export class Lockout {
  #options: LockoutOptions;
  /** Per process: nobody can choose names that share an entry. */
  readonly #key = randomBytes(16);
  readonly #max = () => this.#options.maxEntries ?? MAX_ENTRIES;
  readonly #pairs = new Generations<Failures>(this.#max);
  readonly #addresses = new Generations<Failures & { names: string[] }>(this.#max);
  readonly #names = new Generations<Failures>(this.#max);

  constructor(options: LockoutOptions) {
    this.#options = options;
  }

  /** Puts other numbers in force; what was counted stays counted, and a lock lasts as long as it was set. */
  configure(options: LockoutOptions): void {
    this.#options = options;
  }

  /** Entries of all kinds. */
  get size(): number {
    return this.#pairs.size + this.#addresses.size + this.#names.size;
  }

  /** Whether a login with this name from this address is refused without a look at its password. */
  isLocked(username: string, address: string, nowMs: number): boolean {
    if (!this.#options.enabled) return false;
    const pair = this.#pairs.get(this.#hash(username, address));
    if (pair !== undefined && pair.lockedUntilMs > nowMs) return true;
    const all = this.#addresses.get(this.#hash(address));
    return all !== undefined && all.lockedUntilMs > nowMs;
  }

  /** Whether the name is under attack, so that logins with it wait behind all others. */
  isLow(username: string, nowMs: number): boolean {
    if (!this.#options.enabled) return false;
    const name = this.#names.get(this.#hash(username));
    return name !== undefined && name.count >= this.#options.failures && this.#isFresh(name, nowMs);
  }

  /**
   * A wrong password, a bad token, a name that nobody knows. What is pending and what a
   * backend could not say do not count. `isNamed` false: it is a client id in the place of a user name, which says
   * nothing of guessing.
   */
  failed(username: string, address: string, nowMs: number, isNamed = true): void {
    if (!this.#options.enabled) return;
    const name = this.#hash(username);
    this.#count(this.#pairs, this.#hash(username, address), nowMs, this.#options.failures);
    this.#count(this.#names, name, nowMs, Infinity);
    if (!isNamed) return;
    const key = this.#hash(address);
    let all = this.#addresses.get(key);
    if (all === undefined || !this.#isFresh(all, nowMs)) {
      all = { count: 0, beganMs: nowMs, lockedUntilMs: 0, locks: all?.locks ?? 0, names: [] };
    }
    this.#addresses.set(key, all);
    if (!all.names.includes(name)) all.names.push(name);
    if (all.names.length < NAMES_PER_ADDRESS) return;
    this.#lock(all, nowMs);
    all.names.length = 0;
  }

  /** A login that succeeded clears its own pair. */
  succeeded(username: string, address: string): void {
    this.#pairs.delete(this.#hash(username, address));
  }

  #count(entries: Generations<Failures>, key: string, nowMs: number, limit: number): void {
    let entry = entries.get(key);
    if (entry === undefined || !this.#isFresh(entry, nowMs)) {
      entry = { count: 0, beganMs: nowMs, lockedUntilMs: 0, locks: entry?.locks ?? 0 };
    }
    entries.set(key, entry);
    if (++entry.count >= limit) this.#lock(entry, nowMs);
  }

  #lock(entry: Failures, nowMs: number): void {
    entry.lockedUntilMs = nowMs + Math.min(this.#options.banMs * 2 ** entry.locks, MAX_BAN_MS);
    entry.locks++;
    entry.count = 0;
    entry.beganMs = nowMs;
  }

  /** In its window, or locked, or so soon behind its last lock that the next is to be longer. */
  #isFresh(entry: Failures, nowMs: number): boolean {
    return nowMs - entry.beganMs < this.#options.windowMs || entry.lockedUntilMs > nowMs;
  }

  #hash(...parts: readonly string[]): string {
    const hmac = createHmac("sha256", this.#key);
    for (const part of parts) hmac.update(`${part.length}:`).update(part);
    // Cut as bytes: a piece of a text would keep the whole of it.
    return hmac.digest().toString("base64url", 0, HASH_BYTES);
  }
}
