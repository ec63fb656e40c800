import { Buffer } from "node:buffer";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** What a users file keeps of one password. Two entries with one hash in two readings of the file share one object. */
export interface Credential {
  readonly hash: string;
  /** Null for `$sha256$`. */
  readonly bcryptCost: number | null;
}

/** What `credentialKey` is made of; the name of a user is null where the CONNECT has none. */
export interface ShownCredentials {
  readonly username: string | null;
  readonly password: Uint8Array | null;
}

const KEY_BYTES = 32;
/** Of the two uses of the key neither can be taken for the other. */
const VERIFIER = 1;
const RESULT_KEY = 2;
const ABSENT = 0xffff_ffff;

/**
 * Proves again, in microseconds, who was proved once by a slow hash: HMAC-SHA-256 (RFC 2104) over user name, stored hash
 * and password, under a random key that is made here and never leaves the memory of the process. So a device pays
 * bcrypt once per start of the agent. Whoever reads the process's memory could guess passwords at the speed of HMAC; he
 * reads the passwords themselves too, as they come in.
 *
 * What is kept hangs on the credential and goes with it: an entry that was changed or removed, and no other, is proved
 * anew; there are never more than there are users.
 */
export class FastVerifier {
  readonly #key = randomBytes(KEY_BYTES);
  readonly #proved = new WeakMap<Credential, Buffer>();

  /** Remembers a password that the slow hash has proved. */
  remember(credential: Credential, username: string, password: Uint8Array): void {
    this.#proved.set(credential, this.#mac(VERIFIER, [username, password, credential.hash]));
  }

  /**
   * Whether it is the password that was proved, in constant time; null if none was. False is final: of two passwords
   * of at most 72 bytes without a NUL no more than one has a given bcrypt hash. About 5 µs.
   */
  matches(credential: Credential, username: string, password: Uint8Array): boolean | null {
    const proved = this.#proved.get(credential);
    if (proved === undefined) return null;
    return timingSafeEqual(proved, this.#mac(VERIFIER, [username, password, credential.hash]));
  }

  /**
   * A name for credentials under which their result can be kept without keeping them: 43 characters, equal for equal
   * user name, password and `also` (a client id, an address, where the result depends on it), of no use to another
   * process. About 5 µs.
   */
  credentialKey({ username, password }: ShownCredentials, ...also: readonly (string | null)[]): string {
    return this.#mac(RESULT_KEY, [username, password, ...also]).toString("base64url");
  }

  /** Each part with its length before it, so that no two lists of parts are the same bytes. */
  #mac(use: number, parts: readonly (string | Uint8Array | null)[]): Buffer {
    const hmac = createHmac("sha256", this.#key);
    const head = Buffer.alloc(5);
    head[0] = use;
    for (const part of parts) {
      const bytes = typeof part === "string" ? Buffer.from(part) : part;
      head.writeUInt32BE(bytes === null ? ABSENT : bytes.length, 1);
      hmac.update(head);
      if (bytes !== null) hmac.update(bytes);
    }
    return hmac.digest();
  }
}
