import { createHmac, randomBytes } from "node:crypto";

/** Known to this process only: neither a dump of the table nor the time that a look-up takes tells anything of a token. */
const PROCESS_KEY = randomBytes(32);

/** A fleet of 10,000 comes back without verifying anything; at the longest token below that is about 50 MB. */
const MAX_TOKENS = 10_000;
/** Tokens longer than this are verified each time. */
const MAX_CHARS = 4096;

/**
 * What was found of tokens whose signature was verified, by a keyed hash of the token. The least recently used leaves
 * first; only who has a genuine token can add one, so strangers push nobody out. Time is for the caller to check again.
 */
export class VerifiedTokens<T> {
  readonly #found = new Map<string, T>();
  readonly #maxTokens: number;

  constructor(maxTokens = MAX_TOKENS) {
    this.#maxTokens = maxTokens;
  }

  get size(): number {
    return this.#found.size;
  }

  /** Where a token's findings are kept, or null where they are not. A few microseconds. */
  keyOf(token: string): string | null {
    if (token.length > MAX_CHARS) return null;
    return createHmac("sha256", PROCESS_KEY).update(token, "utf8").digest("base64");
  }

  get(key: string): T | undefined {
    const found = this.#found.get(key);
    if (found === undefined) return undefined;
    this.#found.delete(key);
    this.#found.set(key, found);
    return found;
  }

  set(key: string, found: T): void {
    if (this.#found.size >= this.#maxTokens) {
      const oldest = this.#found.keys().next().value;
      if (oldest !== undefined) this.#found.delete(oldest);
    }
    this.#found.set(key, found);
  }

  clear(): void {
    this.#found.clear();
  }
}
