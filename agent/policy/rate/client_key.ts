import { createHash } from "node:crypto";
import type { Subject } from "../acl/mod.ts";
import { type Address, limiterKey } from "../address.ts";

/** `rate-limit.key-by`. */
export type KeyBy = "client_id" | "username" | "client_ip";

/** A key with its hash, which is wanted again and again and costs as much as the key is long. */
export interface BucketKey {
  readonly text: string;
  readonly hash: number;
}

/** What of a client its buckets depend on. */
export type RateSubject = Pick<Subject, "clientId" | "username" | "proved" | "address" | "attributes">;

/**
 * A longer key is kept as its beginning and a digest: a client may choose a client id of 64 KiB, and there are as many
 * keys as `max-keys`.
 */
const MAX_KEY_UNITS = 128;
const KEPT_UNITS = 48;

const SEED = crypto.getRandomValues(new Int32Array(1))[0]!;

/**
 * What tells clients apart: `id=sensor-1`, `user=ann`, `ip=203.0.113.5`, `ip=2001:db8::/64`.
 *
 * Who has no client id, or no user name that somebody proved, is its address: a name that is only claimed would let
 * anybody use up another's bucket, or have as many as it can think of. What kind of name it is belongs to the key, so
 * that nobody can call itself the address of another.
 */
export function clientKey(keyBy: KeyBy, who: RateSubject): string {
  switch (keyBy) {
    case "client_id":
      return who.clientId === "" ? addressKey(who.address) : boundedKey("id", who.clientId);
    case "username":
      return who.username === null || !who.proved ? addressKey(who.address) : boundedKey("user", who.username);
    case "client_ip":
      return addressKey(who.address);
    default:
      return keyBy satisfies never;
  }
}

/** The key of an address, of an IPv6 address its /64. All whose address is not known are one: `ip=unknown`. */
export function addressKey(address: Address | null): string {
  return address === null ? "ip=unknown" : `ip=${limiterKey(address)}`;
}

/** A key with its hash. */
export function bucketKey(text: string): BucketKey {
  return { text, hash: keyHash(text) };
}

/**
 * Spreads keys over maps: other numbers in every process, so that nobody can choose keys that come into one map. That
 * would only make its growing slower: the maps have hashes of their own.
 */
export function keyHash(text: string): number {
  let hash = SEED;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x85ebca6b);
    hash ^= hash >>> 13;
  }
  return hash;
}

function boundedKey(kind: "id" | "user", name: string): string {
  if (name.length <= MAX_KEY_UNITS) return `${kind}=${name}`;
  // "#" in place of "=": no name can be written so that it is the key of a longer one.
  return `${kind}#${name.slice(0, KEPT_UNITS)}…${createHash("sha256").update(name).digest("base64url")}`;
}
