/**
 * JSON Web Signature in compact form (RFC 7515 section 7.1), read strictly, and its verification by node:crypto, which
 * answers at once where WebCrypto, and so jose, answers with a promise.
 *
 * Nothing that the token says chooses anything but one of the algorithms and keys that the configuration names: `jku`,
 * `x5u`, `jwk` and `x5c` are not looked at, `kid` is compared and never used (RFC 8725 section 3).
 */
import { Buffer } from "node:buffer";
import { constants, createHmac, type KeyObject, timingSafeEqual, verify } from "node:crypto";
import { type Deny, deny, type Ignore, ignore } from "./answers.ts";
import { isJsonObject, type JsonObject, member, parseStrictJson } from "./strict_json.ts";

/** Longest token that is looked at, in characters. */
export const MAX_TOKEN_CHARS = 16_384;

/** RFC 7518 section 3.1, RFC 8037 section 3.1 and RFC 9864 section 2.2. Not in it: `none`. */
export const ALGORITHMS = [
  "HS256",
  "HS384",
  "HS512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;

export type Algorithm = typeof ALGORITHMS[number];

/** A token in pieces: what it says is not proved yet. */
export interface Token {
  readonly algorithm: Algorithm;
  /** Exactly as written, null where there is none. */
  readonly keyId: string | null;
  /** What was signed: header and payload as written, with the dot between them. */
  readonly signed: Buffer;
  readonly payload: JsonObject;
  readonly signature: Buffer;
}

export type TokenReading = { readonly kind: "token"; readonly token: Token } | Deny | Ignore;

const NOT_A_TOKEN = ignore("the text is no token");
const TOO_LONG = deny("token-invalid", "the token is longer than 16 KiB");
const WHITE_SPACE = deny("token-invalid", "white space stands before, in or behind the token");
const BEARER = deny("token-invalid", 'the token has the prefix "Bearer", which belongs into HTTP headers only');
const PADDING = deny("token-invalid", "the token has base64 padding");
const PARTS = deny("token-invalid", "the token has not three parts of base64url, as a signed one has");
const CANONICAL = deny("token-invalid", "the base64url of the token is not the one way to write its bytes");
const HEADER = deny("token-invalid", "the token's header is no JSON object, or has a key twice");
const CRITICAL = deny("token-invalid", 'the token\'s header has "crit": what it asks for is not understood here');
const UNENCODED = deny("token-invalid", 'the token\'s header has "b64": unencoded payloads are not understood here');
const KEY_ID = deny("token-invalid", 'the token\'s "kid" is no text');
const ALGORITHM = deny("token-invalid", "the token's algorithm is none of those configured");
const PAYLOAD = deny("token-invalid", "the token's payload is no JSON object, or has a key twice");

/** Fatal: bytes that are no UTF-8 would all become U+FFFD, and two names one. A byte order mark stays, and is no JSON. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const PART = /^[A-Za-z0-9_-]+$/;
/** What people put around tokens by mistake. */
const AROUND = /^\s*(?:bearer\s+)?\s*/i;

/**
 * Reads a token, or says why it is refused.
 *
 * A text is meant as a token, and so refused when it is none that may pass, if all up to its first dot is the base64url of
 * a JSON object, as no password is by accident; `Bearer `, white space and padding are looked past for that. Everything
 * else is ignored, since it may be the password of a user that another provider knows. O(characters).
 */
export function readToken(text: string, algorithms: ReadonlySet<string>): TokenReading {
  const headerEnd = text.length <= MAX_TOKEN_CHARS && COMPACT.test(text) ? text.indexOf(".") : -1;
  const header = headerEnd < 0 ? null : parsePart(text.slice(0, headerEnd));
  if (header !== null) return readCompact(text, headerEnd, header, algorithms);
  return looksLikeToken(text) ? whyRefused(text, headerEnd) : NOT_A_TOKEN;
}

function readCompact(text: string, headerEnd: number, header: JsonObject, algorithms: ReadonlySet<string>) {
  // RFC 7515 section 4.1.11: whoever does not understand an extension that is marked critical must refuse the token.
  if (Object.hasOwn(header, "crit")) return CRITICAL;
  // RFC 7797: with "b64" false the payload is signed as it is. Without "crit" it means nothing, and readers differ.
  if (Object.hasOwn(header, "b64")) return UNENCODED;
  const keyId = member(header, "kid") ?? null;
  if (keyId !== null && typeof keyId !== "string") return KEY_ID;
  const algorithm = member(header, "alg");
  if (typeof algorithm !== "string" || !algorithms.has(algorithm)) return ALGORITHM;
  const payloadEnd = text.lastIndexOf(".");
  const payloadPart = text.slice(headerEnd + 1, payloadEnd);
  const payload = parsePart(payloadPart);
  if (payload === null) return decode(payloadPart) === null ? CANONICAL : PAYLOAD;
  const signature = decode(text.slice(payloadEnd + 1));
  if (signature === null) return CANONICAL;
  const signed = Buffer.from(text.slice(0, payloadEnd), "latin1");
  const token: Token = { algorithm: algorithm as Algorithm, keyId, signed, payload, signature };
  return { kind: "token", token } as const;
}

/** Whether the text is meant as a token; `readToken` says how that is told. */
function looksLikeToken(text: string): boolean {
  const dot = text.indexOf(".");
  if (dot <= 0 || dot > MAX_TOKEN_CHARS) return false;
  const head = withoutPadding(text.slice(0, dot).replace(AROUND, "").trimEnd());
  if (!PART.test(head)) return false;
  return parseLoosely(Buffer.from(head, "base64url"));
}

/** By hand: /=+$/ takes time in the square of the padding where something stands behind it. */
function withoutPadding(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0x3d) end--;
  return text.slice(0, end);
}

/** With JSON.parse() alone: a header with a key twice is a header, and refused as such. */
function parseLoosely(bytes: Buffer): boolean {
  // Before JSON.parse() throws, which costs more than the rest: an object begins with "{", after white space at most.
  const first = bytes[0];
  if (first !== 0x7b && first !== 0x20 && first !== 0x09 && first !== 0x0a && first !== 0x0d) return false;
  try {
    return isJsonObject(JSON.parse(UTF8.decode(bytes)));
  } catch {
    return false;
  }
}

/** Of a text that is meant as a token; `headerEnd` is below 0 where it has not the form of one. */
function whyRefused(text: string, headerEnd: number): Deny {
  if (text.length > MAX_TOKEN_CHARS) return TOO_LONG;
  if (headerEnd >= 0) return decode(text.slice(0, headerEnd)) === null ? CANONICAL : HEADER;
  if (/^\s*bearer\s/i.test(text)) return BEARER;
  if (/\s/.test(text)) return WHITE_SPACE;
  if (text.includes("=")) return PADDING;
  return PARTS;
}

/** Bytes of a part, or null where other texts stand for the same bytes: then one token had many spellings. */
function decode(part: string): Buffer | null {
  const bytes = Buffer.from(part, "base64url");
  return bytes.toString("base64url") === part ? bytes : null;
}

/** The JSON object that a part is, or null. */
function parsePart(part: string): JsonObject | null {
  const bytes = decode(part);
  if (bytes === null) return null;
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    return null;
  }
  const value = parseStrictJson(text);
  return isJsonObject(value) ? value : null;
}

/** What a signature is checked by: the bytes of a shared secret, or a public key. */
export type KeyMaterial =
  | { readonly kind: "secret"; readonly bytes: Uint8Array }
  | { readonly kind: "public"; readonly key: KeyObject; readonly signatureBytes: number };

/**
 * Whether the signature is one of the key over the token, made as `token.algorithm` says. That the key may be used with
 * the algorithm has been seen to before (`VerificationKey.algorithms`); a secret and a public key can not stand for each
 * other here all the same. Throws nothing.
 */
export function signatureHolds(token: Token, material: KeyMaterial): boolean {
  try {
    return material.kind === "secret"
      ? secretSignatureHolds(token, material.bytes)
      : publicSignatureHolds(token, material.key, material.signatureBytes);
  } catch {
    // A signature that the library cannot make sense of.
    return false;
  }
}

function secretSignatureHolds({ algorithm, signed, signature }: Token, secret: Uint8Array): boolean {
  const hash = hashOf(algorithm);
  if (hash === null || !algorithm.startsWith("HS")) return false;
  const expected = createHmac(hash, secret).update(signed).digest();
  return expected.length === signature.length && timingSafeEqual(expected, signature);
}

function publicSignatureHolds(token: Token, key: KeyObject, signatureBytes: number): boolean {
  const { algorithm, signed, signature } = token;
  // RFC 7518 sections 3.3 to 3.5: of the key's length exactly, so no library gets to trim or to pad.
  if (signature.length !== signatureBytes) return false;
  const hash = hashOf(algorithm);
  switch (algorithm.slice(0, 2)) {
    case "RS":
      return verify(hash, signed, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
    case "PS": {
      // RFC 7518 section 3.5: the salt is as long as the hash.
      const saltLength = Number(algorithm.slice(2)) / 8;
      return verify(hash, signed, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature);
    }
    case "ES":
      return verify(hash, signed, { key, dsaEncoding: "ieee-p1363" }, signature);
    case "Ed":
      return verify(null, signed, key, signature);
    default:
      return false;
  }
}

/** The last three digits of the name are the hash; null for EdDSA, which has its own. */
function hashOf(algorithm: Algorithm): "sha256" | "sha384" | "sha512" | null {
  switch (algorithm.slice(2)) {
    case "256":
      return "sha256";
    case "384":
      return "sha384";
    case "512":
      return "sha512";
    default:
      return null;
  }
}
