/**
 * A hash of bytes for tables that a client fills: 32 bits, one step for each byte. A secret number for every byte value is
 * what makes it one. With a seed alone, as FNV has it, what two texts differ by depends on the seed's last eight bits only:
 * 256 guesses give any number of keys with one hash, and 512 of them took 60 ms to tell apart.
 */
const SECRETS = crypto.getRandomValues(new Int32Array(256));

/** The hash of no bytes. */
export const HASH_SEED: number = crypto.getRandomValues(new Int32Array(1))[0] as number;

/** The hash of what `hash` is of, and one byte more. */
export function hashByte(hash: number, byte: number): number {
  const mixed = Math.imul(hash ^ (SECRETS[byte] as number), 0x01000193);
  return mixed ^ mixed >>> 15;
}
