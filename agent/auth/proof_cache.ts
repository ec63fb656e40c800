import { createHmac, randomBytes } from "node:crypto";

/** Known to this process only: neither a dump of the table nor the time that a look-up takes tells anything of a proof. */
const PROCESS_KEY = randomBytes(32);

export interface ProofCacheOptions {
  /** Proofs that are kept. */
  readonly maxProofs: number;
  /** Longer ones are not kept, so that the table is bounded in bytes too. */
  readonly maxChars: number;
}

/**
 * What was found of proofs that hold (tokens whose signature was verified, certificates of a known authority), by a keyed
 * hash of the proof. The least recently used leaves first; only who has a genuine proof can add one, so strangers push
 * nobody out. Time is for the caller to check again.
 */
export class ProofCache<T> {
  readonly #found = new Map<string, T>();
  readonly #options: ProofCacheOptions;

  constructor(options: ProofCacheOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#found.size;
  }

  /** Where the findings of a proof are kept, or null where they are not. A few microseconds. */
  keyOf(proof: string): string | null {
    if (proof.length > this.#options.maxChars) return null;
    return createHmac("sha256", PROCESS_KEY).update(proof, "utf8").digest("base64");
  }

  get(key: string): T | undefined {
    const found = this.#found.get(key);
    if (found === undefined) return undefined;
    this.#found.delete(key);
    this.#found.set(key, found);
    return found;
  }

  set(key: string, found: T): void {
    if (this.#found.size >= this.#options.maxProofs && !this.#found.has(key)) {
      const oldest = this.#found.keys().next().value;
      if (oldest !== undefined) this.#found.delete(oldest);
    }
    this.#found.set(key, found);
  }

  clear(): void {
    this.#found.clear();
  }
}
