/**
 * The forms in which a users file keeps a password:
 *
 * - bcrypt, `$2a$`, `$2b$` or `$2y$`, two digits of cost, `$`, 22 characters of salt, 31 of hash.
 * - `$sha256$salt$hash`, both base64url without padding (RFC 4648 section 5): a salt of 16 to 64 bytes, and the 32 bytes
 *   of SHA-256(salt ‖ secret). Only for secrets of at least 128 random bits: against those guessing is hopeless however
 *   fast the hash, and a fleet that comes back at once is in within seconds. For a password that a person chose it is
 *   no protection at all.
 */
import { Buffer } from "node:buffer";
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** Costs that are accepted, both included. */
export interface HashLimits {
  readonly minBcryptCost: number;
  readonly maxBcryptCost: number;
}

/** bcrypt takes no more bytes of a password; what is longer would be cut without a word. */
const MAX_BCRYPT_BYTES = 72;

const BCRYPT = /^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$/;
const SHA256 = /^\$sha256\$([A-Za-z0-9_-]{22,86})\$([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])$/;

/** What is recognised only to say what it is. */
const FOREIGN: readonly (readonly [RegExp, string])[] = [
  [/^\$2x\$/, '"$2x$" marks a hash of a broken bcrypt: set the password again'],
  [/^\$2[aby]?\$/, 'expected a bcrypt hash of 60 characters, as in "$2b$12$…"'],
  [/^\$sha256\$/, 'expected "$sha256$salt$hash", both base64url without padding, of at least 16 and of 32 bytes'],
  [/^\$argon2/, "argon2 is not supported: use bcrypt"],
  [/^\$(?:7|scrypt|s0)\$/, "scrypt is not supported: use bcrypt"],
  [/^\$(?:1|5|6|y|gy|apr1|md5|sha1)\$/, "hashes of crypt other than bcrypt are not supported"],
  [/^\$?pbkdf2|^PBKDF2/, "PBKDF2 is not supported: use bcrypt"],
  [/^\{[A-Z0-9-]+\}/, "hashes of LDAP are not supported: use bcrypt"],
];
const UNKNOWN_FORM = 'expected a bcrypt hash ("$2b$…"), or "$sha256$…" for a generated secret';

/** What is wrong with a hash, or null. Quotes nothing of it: it might be a password written in its place. */
export function hashFault(hash: string, { minBcryptCost, maxBcryptCost }: HashLimits): string | null {
  if (!BCRYPT.test(hash)) {
    const salt = SHA256.exec(hash)?.[1];
    // One character too many for whole bytes is no base64.
    if (salt !== undefined && salt.length % 4 !== 1) return null;
    return FOREIGN.find(([form]) => form.test(hash))?.[1] ?? UNKNOWN_FORM;
  }
  const cost = bcryptCost(hash) ?? 0;
  if (cost < minBcryptCost) return `a bcrypt cost of ${cost} is below "min-bcrypt-cost", which is ${minBcryptCost}`;
  if (cost > maxBcryptCost) return `a bcrypt cost of ${cost} is above "max-bcrypt-cost", which is ${maxBcryptCost}`;
  return null;
}

/** The cost of a valid bcrypt hash; null for `$sha256$`. */
export function bcryptCost(hash: string): number | null {
  return hash.startsWith("$2") ? Number(hash.slice(4, 6)) : null;
}

/**
 * Why a password cannot be proved by bcrypt, or null. A NUL ends the password for tools written in C, while others take
 * it for a byte like others; and since bcrypt repeats the password with a NUL behind it, `a` and `a NUL a` have one hash.
 */
export function bcryptPasswordFault(password: Uint8Array): "empty" | "too-long" | "nul" | null {
  if (password.length === 0) return "empty";
  if (password.length > MAX_BCRYPT_BYTES) return "too-long";
  return password.includes(0) ? "nul" : null;
}

/** Whether a secret has that valid `$sha256$` hash, in constant time. About 4 µs for a short secret. */
export function secretMatches(secret: Uint8Array, hash: string): boolean {
  const found = SHA256.exec(hash);
  if (found === null) return false;
  const salt = Buffer.from(found[1] ?? "", "base64url");
  return timingSafeEqual(sha256(salt, secret), Buffer.from(found[2] ?? "", "base64url"));
}

const RANDOM_SALT_BYTES = 16;
const MARK_BYTES = 4;
const MARK_LABEL = new TextEncoder().encode("sentinel-mqtt-agent: hash of a generated secret");

/** The `$sha256$` hash of a generated secret. Its salt carries a mark by which `isGeneratedHash` knows it again. */
export function hashOfGenerated(secret: Uint8Array): string {
  const random = randomBytes(RANDOM_SALT_BYTES);
  const salt = Buffer.concat([random, markOf(random)]);
  return `$sha256$${salt.toString("base64url")}$${sha256(salt, secret).toString("base64url")}`;
}

/**
 * Whether a `$sha256$` hash was made by `users add --generate`, so that its secret is known to be random. No proof: it
 * tells a mistake, a person's password hashed by another tool, not a lie.
 */
export function isGeneratedHash(hash: string): boolean {
  const salt = Buffer.from(SHA256.exec(hash)?.[1] ?? "", "base64url");
  if (salt.length !== RANDOM_SALT_BYTES + MARK_BYTES) return false;
  return markOf(salt.subarray(0, RANDOM_SALT_BYTES)).equals(salt.subarray(RANDOM_SALT_BYTES));
}

function markOf(random: Uint8Array): Buffer {
  return sha256(MARK_LABEL, random).subarray(0, MARK_BYTES);
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

const ENCODER = new TextEncoder();
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET_CHARACTERS = 32;

/** A secret of 160 random bits as 32 characters of base32 (RFC 4648 section 6), ASCII: it can be read out and typed. */
export function generateSecret(): Uint8Array {
  // 256 is a multiple of 32, so the low five bits of a random byte are five random bits.
  const random = randomBytes(SECRET_CHARACTERS);
  return ENCODER.encode(Array.from(random, (byte) => BASE32.charAt(byte & 31)).join(""));
}
