import { createHash, createHmac } from "node:crypto";

/**
 * Users, secrets and tokens that the bench writes into files and the auth client shows again: both reckon them from a
 * number, so that nothing has to be handed over. What is random elsewhere is a hash of the number here.
 */

const SEED = "bench";
/** RFC 7518 section 3.2: no shorter than the hash. */
export const TOKEN_SECRET = "a secret that the bench shares with nobody but itself";
/** Of all users with bcrypt: who proves one has proved only that one. */
export const PASSWORD = "a person's password";
const DAY_SECS = 86_400;

function random(what: string, n: number): Uint8Array {
  return createHmac("sha256", SEED).update(`${what} ${n}`).digest();
}

function base64url(bytes: Uint8Array | string): string {
  return (typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes)
    .toBase64({ alphabet: "base64url", omitPadding: true });
}

/** A device's generated secret: 160 bits, 32 characters. */
export function secretOf(n: number): string {
  return base64url(random("secret", n).subarray(0, 24));
}

/** `$sha256$salt$hash` (config: auth, file). */
export function secretHash(n: number): string {
  const salt = random("salt", n).subarray(0, 16);
  const hash = createHash("sha256").update(salt).update(secretOf(n)).digest();
  return `$sha256$${base64url(salt)}$${base64url(hash)}`;
}

const HEADER = base64url(JSON.stringify({ alg: "HS256", typ: "JWT" }));

/** A token of the device with that number, HS256, that holds for a day. */
export function tokenOf(n: number): string {
  const exp = Math.floor(Date.now() / 1000) + DAY_SECS;
  const claims = { sub: userOf(n), exp, iat: exp - DAY_SECS, groups: ["sensors"], jti: base64url(random("token", n)) };
  const signed = `${HEADER}.${base64url(JSON.stringify(claims))}`;
  return `${signed}.${base64url(createHmac("sha256", TOKEN_SECRET).update(signed).digest())}`;
}

export function userOf(n: number): string {
  return `device-${String(n).padStart(7, "0")}`;
}

/** A user with a slow hash. */
export function slowUserOf(n: number): string {
  return `person-${String(n).padStart(7, "0")}`;
}

export interface UsersOptions {
  /** Devices with a generated secret. */
  readonly devices: number;
  readonly people?: { readonly count: number; readonly hash: string };
  /** Users more, who stand at the end. */
  readonly extra?: readonly number[];
}

/** The text of a users file. */
export function usersText({ devices, people, extra = [] }: UsersOptions): string {
  const users: Record<string, unknown> = {};
  const add = (n: number) => users[userOf(n)] = { password_hash: secretHash(n), groups: ["sensors"] };
  for (let n = 0; n < devices; n++) add(n);
  for (let n = 0; n < (people?.count ?? 0); n++) users[slowUserOf(n)] = { password_hash: people?.hash };
  for (const n of extra) add(n);
  return JSON.stringify({ users }, null, 1);
}
