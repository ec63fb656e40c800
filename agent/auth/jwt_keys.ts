/**
 * The keys that tokens are verified by, and which of them a token means.
 *
 * A key fixes its algorithms, never the token (RFC 8725 section 3.1): the public key of an issuer is known to everybody,
 * and taken for a shared secret (`alg` turned from RS256 to HS256) everybody could sign with it.
 */
import { createHash, createHmac, createPublicKey, type KeyObject, randomBytes } from "node:crypto";
import { type Algorithm, ALGORITHMS, type KeyMaterial } from "./jwt.ts";
import { isJsonObject, type JsonObject, member, parseStrictJson } from "./strict_json.ts";

export interface VerificationKey {
  /** Names the key itself, wherever it came from and whatever it is called there. */
  readonly id: string;
  /** How tokens call it; null for one that has no name and serves every token of its algorithms. */
  readonly keyId: string | null;
  readonly algorithms: ReadonlySet<Algorithm>;
  readonly material: KeyMaterial;
  /** One verification takes more than about a millisecond. */
  readonly slow: boolean;
}

export type KeyResult = { readonly key: VerificationKey } | { readonly fault: string };

/** RFC 7518 section 3.2: a key of the size of the hash output or larger must be used. */
const SECRET_BYTES: ReadonlyMap<Algorithm, number> = new Map([["HS256", 32], ["HS384", 48], ["HS512", 64]]);

/** RFC 7518 sections 3.3 and 3.5. */
const MIN_RSA_BITS = 2048;
/** Larger ones exist to make verifiers work. */
const MAX_RSA_BITS = 8192;
/** RSA up to here, P-256 and Ed25519 are verified in less than about 0.5 ms, all else in 1 to 5. */
const FAST_RSA_BITS = 3072;
/** More keys than any issuer has. */
const MAX_KEYS = 100;

const EC_CURVES: ReadonlyMap<string, { readonly algorithm: Algorithm; readonly signatureBytes: number }> = new Map([
  ["prime256v1", { algorithm: "ES256", signatureBytes: 64 }],
  ["secp384r1", { algorithm: "ES384", signatureBytes: 96 }],
  ["secp521r1", { algorithm: "ES512", signatureBytes: 132 }],
]);

/** Keeps ids of secrets from being looked up in tables of hashes, should one ever be shown. */
const ID_KEY = randomBytes(32);

/** The shared secret, for those of the configured algorithms that are HMACs. */
export function secretKey(secret: string, configured: ReadonlySet<Algorithm>): KeyResult {
  const bytes = new TextEncoder().encode(secret);
  const algorithms = ALGORITHMS.filter((algorithm) => SECRET_BYTES.has(algorithm) && configured.has(algorithm));
  const least = Math.max(32, ...algorithms.map((algorithm) => SECRET_BYTES.get(algorithm) ?? 0));
  if (bytes.length < least) return { fault: `the secret has ${bytes.length} bytes, at least ${least} are needed` };
  if (algorithms.length === 0) return { fault: "none of the configured algorithms is one for a secret" };
  const id = createHmac("sha256", ID_KEY).update(bytes).digest("base64url");
  return {
    key: { id, keyId: null, algorithms: new Set(algorithms), material: { kind: "secret", bytes }, slow: false },
  };
}

/** The one public key in a PEM text: SubjectPublicKeyInfo, PKCS #1, or that of a certificate. */
export function pemKey(pem: string, configured: ReadonlySet<Algorithm>): KeyResult {
  const labels = [...pem.matchAll(/^-----BEGIN ([A-Z0-9 ]+)-----\s*$/gm)].map(([, label]) => label as string);
  if (labels.some((label) => label.includes("PRIVATE"))) return { fault: "a private key does not belong here" };
  if (labels.length !== 1) return { fault: `expected one public key in PEM, found ${labels.length}` };
  try {
    return publicKey(createPublicKey(pem), null, configured);
  } catch {
    return { fault: "expected a public key in PEM, found something else" };
  }
}

/** What a JWK Set holds (RFC 7517 section 5): its keys that can be used, and why the others can not. */
export interface KeySetReading {
  readonly keys: readonly VerificationKey[];
  readonly skipped: readonly string[];
}

/**
 * Reads a JWK Set. As section 5 wants, a key that is not understood, or not made for verifying signatures, does not spoil
 * the others; a text that is no key set at all does.
 */
export function readKeySet(
  text: string,
  configured: ReadonlySet<Algorithm>,
): KeySetReading | { readonly fault: string } {
  const set = parseStrictJson(text);
  if (!isJsonObject(set)) return { fault: "no JSON object, or one with a key twice" };
  const list = member(set, "keys");
  if (!Array.isArray(list)) return { fault: 'no list "keys"' };
  if (list.length > MAX_KEYS) return { fault: `more than ${MAX_KEYS} keys` };
  const keys: VerificationKey[] = [];
  const skipped: string[] = [];
  for (const [index, jwk] of list.entries()) {
    const result = isJsonObject(jwk) ? jwkKey(jwk, configured) : { fault: "no JSON object" };
    if ("key" in result) keys.push(result.key);
    else skipped.push(`key ${index + 1}: ${result.fault}`);
  }
  return { keys, skipped };
}

/** The members that make up a public key; no others are handed on, least of all private ones. */
const PUBLIC_MEMBERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["RSA", ["n", "e"]],
  ["EC", ["crv", "x", "y"]],
  ["OKP", ["crv", "x"]],
]);

function jwkKey(jwk: JsonObject, configured: ReadonlySet<Algorithm>): KeyResult {
  const kty = member(jwk, "kty");
  // Whoever reads the set could sign with it.
  if (kty === "oct") return { fault: "a shared secret does not belong into a key set" };
  const names = typeof kty === "string" ? PUBLIC_MEMBERS.get(kty) : undefined;
  if (names === undefined) return { fault: "a key type that is not known here" };
  if (Object.hasOwn(jwk, "d")) return { fault: "a private key does not belong into a key set" };
  const use = member(jwk, "use");
  if (use !== undefined && use !== "sig") return { fault: 'its "use" is not "sig"' };
  const operations = member(jwk, "key_ops");
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) {
    return { fault: 'its "key_ops" are without "verify"' };
  }
  const keyId = member(jwk, "kid") ?? null;
  if (keyId !== null && typeof keyId !== "string") return { fault: 'its "kid" is no text' };
  const parts: Record<string, string> = { kty: kty as string };
  for (const name of names) {
    const part = member(jwk, name);
    if (typeof part !== "string") return { fault: `its "${name}" is missing or no text` };
    parts[name] = part;
  }
  const bound = member(jwk, "alg");
  if (bound !== undefined && typeof bound !== "string") return { fault: 'its "alg" is no text' };
  let key: KeyObject;
  try {
    key = createPublicKey({ key: parts, format: "jwk" });
  } catch {
    return { fault: "its numbers are no key" };
  }
  return publicKey(key, keyId, bound === undefined ? configured : only(bound, configured));
}

/** The algorithm that a key is bound to by its `alg`. `EdDSA` over Ed25519 is `Ed25519` (RFC 9864 section 2.2). */
function only(bound: string, configured: ReadonlySet<Algorithm>): ReadonlySet<Algorithm> {
  const names: readonly string[] = bound === "EdDSA" || bound === "Ed25519" ? ["EdDSA", "Ed25519"] : [bound];
  return new Set(ALGORITHMS.filter((algorithm) => names.includes(algorithm) && configured.has(algorithm)));
}

/** Binds a key to those of the allowed algorithms that its type serves. */
function publicKey(key: KeyObject, keyId: string | null, allowed: ReadonlySet<Algorithm>): KeyResult {
  const kind = describeKey(key);
  if ("fault" in kind) return kind;
  const algorithms = new Set(kind.algorithms.filter((algorithm) => allowed.has(algorithm)));
  if (algorithms.size === 0) return { fault: "no configured algorithm goes with it" };
  const id = createHash("sha256").update(key.export({ type: "spki", format: "der" })).digest("base64url");
  const material = { kind: "public", key, signatureBytes: kind.signatureBytes } as const;
  return { key: { id, keyId, algorithms, material, slow: kind.slow } };
}

interface KeyKind {
  readonly algorithms: readonly Algorithm[];
  readonly signatureBytes: number;
  readonly slow: boolean;
}

const RSA_ALGORITHMS: readonly Algorithm[] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

function describeKey(key: KeyObject): KeyKind | { readonly fault: string } {
  const details = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "rsa": {
      const bits = details.modulusLength ?? 0;
      const exponent = details.publicExponent ?? 0n;
      if (bits < MIN_RSA_BITS) return { fault: `an RSA key of ${bits} bits, at least ${MIN_RSA_BITS} are needed` };
      if (bits > MAX_RSA_BITS) return { fault: `an RSA key of ${bits} bits, at most ${MAX_RSA_BITS} are taken` };
      // With 1 the signature is the padded hash itself, which everybody can write down.
      if (exponent < 3n || exponent % 2n === 0n) return { fault: "an RSA key with an exponent that signs nothing" };
      return { algorithms: RSA_ALGORITHMS, signatureBytes: Math.ceil(bits / 8), slow: bits > FAST_RSA_BITS };
    }
    case "ec": {
      const curve = EC_CURVES.get(details.namedCurve ?? "");
      if (curve === undefined) return { fault: "an elliptic curve that no algorithm goes with" };
      const { algorithm, signatureBytes } = curve;
      return { algorithms: [algorithm], signatureBytes, slow: algorithm !== "ES256" };
    }
    case "ed25519":
      return { algorithms: ["EdDSA", "Ed25519"], signatureBytes: 64, slow: false };
    default:
      return { fault: "a key type that no algorithm goes with" };
  }
}

export type KeyChoice =
  | { readonly kind: "key"; readonly key: VerificationKey }
  /** The token names a key that is not here: it may be new. */
  | { readonly kind: "unknown-key-id" }
  | { readonly kind: "no-key" }
  | { readonly kind: "ambiguous" };

const UNKNOWN_KEY_ID: KeyChoice = Object.freeze({ kind: "unknown-key-id" });
const NO_KEY: KeyChoice = Object.freeze({ kind: "no-key" });
const AMBIGUOUS: KeyChoice = Object.freeze({ kind: "ambiguous" });

/** Keys to choose from. Immutable. */
export class KeyRing {
  readonly size: number;
  /** Two rings of the same text choose alike. */
  readonly text: string;
  readonly #byKeyId = new Map<string, VerificationKey[]>();
  readonly #nameless: VerificationKey[] = [];
  readonly #all: readonly VerificationKey[];
  readonly #ids: ReadonlySet<string>;

  constructor(keys: readonly VerificationKey[]) {
    this.#all = keys;
    this.size = keys.length;
    for (const key of keys) {
      if (key.keyId === null) {
        this.#nameless.push(key);
        continue;
      }
      const named = this.#byKeyId.get(key.keyId);
      if (named === undefined) this.#byKeyId.set(key.keyId, [key]);
      else named.push(key);
    }
    this.text = JSON.stringify(keys.map(({ id, keyId, algorithms }) => [id, keyId, ...algorithms]).sort());
    this.#ids = new Set(keys.flatMap(({ id, algorithms }) => [...algorithms].map((algorithm) => `${algorithm} ${id}`)));
  }

  /**
   * The one key that a token means. A named key serves tokens with its name and those without any; a nameless one (the
   * secret, a PEM file) serves all that no named one does. Where several fit none is tried: the work that one token can
   * ask for is one verification. O(keys of that name).
   */
  choose(algorithm: Algorithm, keyId: string | null): KeyChoice {
    if (keyId === null) return onlyOne(this.#all, algorithm);
    const named = this.#byKeyId.get(keyId);
    const found = named === undefined ? NO_KEY : onlyOne(named, algorithm);
    if (found !== NO_KEY) return found;
    const nameless = onlyOne(this.#nameless, algorithm);
    return nameless === NO_KEY && named === undefined ? UNKNOWN_KEY_ID : nameless;
  }

  /** Whether a key is still in the ring, and for this algorithm. */
  has(id: string, algorithm: Algorithm): boolean {
    return this.#ids.has(`${algorithm} ${id}`);
  }
}

/** The same key under two entries is one. */
function onlyOne(keys: readonly VerificationKey[], algorithm: Algorithm): KeyChoice {
  let only: VerificationKey | null = null;
  for (const key of keys) {
    if (!key.algorithms.has(algorithm)) continue;
    if (only !== null && only.id !== key.id) return AMBIGUOUS;
    only = key;
  }
  return only === null ? NO_KEY : { kind: "key", key: only };
}
