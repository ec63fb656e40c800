/**
 * bcrypt over bytes, on the thread that calls it.
 *
 * Why hash-wasm and not bcryptjs: bcryptjs takes passwords as text only and writes them as UTF-8 itself, so that a
 * password that is not UTF-8 cannot be told to it at all. hash-wasm takes bytes, is a tenth to a third faster, and being
 * crypt_blowfish underneath it knows what old `$2a$` hashes of some such passwords have of their own.
 */
import { bcrypt, bcryptVerify } from "hash-wasm";
import { bcryptPasswordFault } from "./password_hash.ts";

/** bcrypt's own base64: other characters in another order, and no padding. */
const ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const SALT_BYTES = 16;

/**
 * Whether a password has that valid bcrypt hash. False for what `bcryptPasswordFault` refuses. Takes all of the thread:
 * 60 ms for cost 10, twice as much for each one more.
 *
 * The library compares the hashes byte by byte. What that tells is nanoseconds behind milliseconds of hashing, on a
 * thread behind a queue, and of a hash whose salt the attacker would have to know to make use of it.
 */
export async function verifyBcrypt(password: Uint8Array, hash: string): Promise<boolean> {
  if (bcryptPasswordFault(password) !== null) return false;
  return await bcryptVerify({ password, hash: canonical(hash) });
}

/** A new hash under a random salt. Throws for what `bcryptPasswordFault` refuses. */
export async function hashBcrypt(password: Uint8Array, cost: number): Promise<string> {
  const fault = bcryptPasswordFault(password);
  if (fault !== null) throw new Error(`Cannot hash a password: ${fault}`);
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const hash = await bcrypt({ password, salt, costFactor: cost, outputType: "encoded" });
  // hash-wasm writes "$2a$". "$2b$" is what all tools agree on, and the same but for a few passwords with bytes FF.
  const agreed = `$2b$${hash.slice(4)}`;
  return await bcryptVerify({ password, hash: agreed }) ? agreed : hash;
}

/**
 * Salt and hash fill their last characters only in part. Some tools (passlib before 1.5.3) left the spare bits of the
 * salt set, which bcrypt takes no notice of and comparing does.
 */
function canonical(hash: string): string {
  return hash.slice(0, 28) + masked(hash.charAt(28), 0b110000) + hash.slice(29, 59) + masked(hash.charAt(59), 0b111100);
}

function masked(character: string, bits: number): string {
  return ALPHABET.charAt(ALPHABET.indexOf(character) & bits);
}
