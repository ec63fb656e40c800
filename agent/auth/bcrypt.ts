/**
 * bcrypt over bytes, on the thread that calls it.
 *
 * Why hash-wasm and not bcryptjs: bcryptjs takes passwords as text only and writes them as UTF-8 itself, so that a
 * password that is not UTF-8 cannot be told to it at all; hash-wasm takes bytes and is a tenth to a third faster.
 */
import { timingSafeEqual } from "node:crypto";
import { bcrypt } from "hash-wasm";
import { bcryptCost, MAX_BCRYPT_BYTES } from "./password_hash.ts";

/** bcrypt's own base64: other characters in another order, and no padding. */
const ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const SALT_BYTES = 16;
const SALT_AT = 7;
const HASH_AT = 29;
/** The 24th byte of the cipher is not kept. */
const HASH_BYTES = 23;

/**
 * Why a password cannot be proved by bcrypt, or null. A NUL ends the password for tools written in C, while others take
 * it for a byte like others; and since bcrypt repeats the password with a NUL behind it, `a` and `a NUL a` have one hash.
 */
export function bcryptPasswordFault(password: Uint8Array): "empty" | "too-long" | "nul" | null {
  if (password.length === 0) return "empty";
  if (password.length > MAX_BCRYPT_BYTES) return "too-long";
  return password.includes(0) ? "nul" : null;
}

/**
 * Whether a password has that valid bcrypt hash, in constant time behind the hashing. False for what
 * `bcryptPasswordFault` refuses. Takes all of the thread: 60 ms for cost 10, twice as much for each one more.
 */
export async function verifyBcrypt(password: Uint8Array, hash: string): Promise<boolean> {
  if (bcryptPasswordFault(password) !== null) return false;
  const salt = decode(hash.slice(SALT_AT, HASH_AT), SALT_BYTES);
  const found = await bcrypt({ password, salt, costFactor: bcryptCost(hash) ?? 0, outputType: "binary" });
  return timingSafeEqual(found.subarray(0, HASH_BYTES), decode(hash.slice(HASH_AT), HASH_BYTES));
}

/** A new `$2b$` hash under a random salt. Throws for what `bcryptPasswordFault` refuses. */
export async function hashBcrypt(password: Uint8Array, cost: number): Promise<string> {
  const fault = bcryptPasswordFault(password);
  if (fault !== null) throw new Error(`Cannot hash a password: ${fault}`);
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const hash = await bcrypt({ password, salt, costFactor: cost, outputType: "encoded" });
  // hash-wasm writes "$2a$", whose meaning differs between old tools; "$2b$" is what all agree on.
  return `$2b$${hash.slice(4)}`;
}

/** Spare bits at the end are not looked at: some tools leave salts with them set, and bcrypt itself takes no notice. */
function decode(text: string, bytes: number): Uint8Array {
  const decoded = new Uint8Array(bytes);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const char of text) {
    bits = (bits << 6 | ALPHABET.indexOf(char)) & 0xffff;
    held += 6;
    if (held < 8 || at === bytes) continue;
    held -= 8;
    decoded[at++] = bits >> held & 0xff;
  }
  return decoded;
}
