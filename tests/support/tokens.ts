/** Tokens made by hand, so that they can be wrong in every way; those of libraries are right. */
import { Buffer } from "node:buffer";
import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { Credentials } from "../../agent/auth/provider.ts";

export const SECRET = "a shared secret of no less than 32 bytes";
/** Seconds and milliseconds since the epoch at which these tests happen. */
export const NOW_SECS = 1_800_000_000;
export const NOW_MS = NOW_SECS * 1000;

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Made once: an RSA key costs up to a second. */
export const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });
export const P256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
export const P384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
export const P521 = generateKeyPairSync("ec", { namedCurve: "P-521" });
export const ED25519 = generateKeyPairSync("ed25519");

export const CLAIMS = { sub: "dev-1", exp: NOW_SECS + 600 };

export function base64url(value: string | Uint8Array): string {
  return Buffer.from(value).toString("base64url");
}

/** JSON of a header or of claims; a text is taken as it is. */
function part(value: unknown): string {
  return base64url(typeof value === "string" ? value : JSON.stringify(value));
}

export interface TokenParts {
  /** An object, or a text that is taken as it is. */
  readonly header?: unknown;
  readonly claims?: unknown;
  /** What signs, and as what; by default the secret with HS256. */
  readonly key?: string | KeyObject;
  readonly alg?: string;
}

/** A token signed with `key` as `alg` says, whatever its header says. */
export function makeToken({ header, claims = CLAIMS, key = SECRET, alg = "HS256" }: TokenParts = {}): string {
  const signed = `${part(header ?? { alg })}.${part(claims)}`;
  return `${signed}.${base64url(signBytes(signed, key, alg))}`;
}

export function signBytes(signed: string, key: string | KeyObject, alg: string): Buffer {
  const bytes = Buffer.from(signed);
  const hash = `sha${alg.slice(2)}`;
  if (typeof key === "string") return createHmac(hash, key).update(bytes).digest();
  switch (alg.slice(0, 2)) {
    case "RS":
      return sign(hash, bytes, { key, padding: constants.RSA_PKCS1_PADDING });
    case "PS": {
      const saltLength = Number(alg.slice(2)) / 8;
      return sign(hash, bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
    }
    case "ES":
      return sign(hash, bytes, { key, dsaEncoding: "ieee-p1363" });
    default:
      return sign(null, bytes, key);
  }
}

/** The public half as a JWK. */
export function jwk({ publicKey }: KeyPair, members: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { ...publicKey.export({ format: "jwk" }), ...members };
}

export function pem({ publicKey }: KeyPair): string {
  return String(publicKey.export({ type: "spki", format: "pem" }));
}

/** A CONNECT with these credentials. */
export function connectWith(credentials: {
  readonly username?: string | null;
  readonly password?: string | Uint8Array | null;
  readonly clientId?: string;
  readonly headers?: Readonly<Record<string, readonly string[]>>;
}): Credentials {
  const { username = null, password = null, clientId = "client-1", headers = {} } = credentials;
  return {
    clientId,
    username,
    password: typeof password === "string" ? new TextEncoder().encode(password) : password,
    address: "192.0.2.7",
    level: 5,
    headers: new Map(Object.entries(headers)),
  };
}
