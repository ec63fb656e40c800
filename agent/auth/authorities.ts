import { verify } from "node:crypto";
import { parseCertificate, type ParsedCertificate } from "./certificate.ts";
import { fingerprintOf, readPem } from "./certificate_header.ts";

/** A certificate's way to an authority that is trusted, or why there is none. */
export type PathResult =
  /** Between these two moments all on the way are valid. */
  | { readonly notBeforeMs: number; readonly notAfterMs: number }
  | { readonly fault: "no-path" | "not-valid-now" };

/** Intermediate authorities on one way. */
const MAX_DEPTH = 6;
/** Authorities that are tried for one certificate: each may cost a verification, and two that signed each other make a circle. */
const MAX_ATTEMPTS = 12;
/** Intermediate authorities that are remembered; the oldest leaves first. */
const MAX_KNOWN = 256;

const RSA_BITS = 2048;
const CURVES: ReadonlySet<string> = new Set(["prime256v1", "secp384r1", "secp521r1"]);

/** Of what signs certificates today (RFC 4055, 5758, 8410). Not in it: MD5 and SHA-1, and RSASSA-PSS, which nobody asked for yet. */
const SIGNATURES: ReadonlyMap<string, { readonly hash: string | null; readonly keyType: string }> = new Map([
  // 1.2.840.113549.1.1.11 to 13: sha256WithRSAEncryption and its neighbours.
  ["2a864886f70d01010b", { hash: "sha256", keyType: "rsa" }],
  ["2a864886f70d01010c", { hash: "sha384", keyType: "rsa" }],
  ["2a864886f70d01010d", { hash: "sha512", keyType: "rsa" }],
  // 1.2.840.10045.4.3.2 to 4: ecdsa-with-SHA256 and its neighbours.
  ["2a8648ce3d040302", { hash: "sha256", keyType: "ec" }],
  ["2a8648ce3d040303", { hash: "sha384", keyType: "ec" }],
  ["2a8648ce3d040304", { hash: "sha512", keyType: "ec" }],
  // 1.3.101.112: Ed25519.
  ["2b6570", { hash: null, keyType: "ed25519" }],
]);

/**
 * The authorities of `trusted-ca-file`, any of them the end of a way. A part of RFC 5280 section 6, and on the strict side:
 * critical extensions that are not understood, name constraints above all, end the way. Revocation is not looked at.
 */
export class Authorities {
  readonly #trusted: readonly ParsedCertificate[];
  /** Bounded by `MAX_KNOWN`. */
  readonly #known = new Map<string, ParsedCertificate | null>();
  /** Who was found to have signed whom. */
  readonly #signers = new WeakMap<ParsedCertificate, WeakSet<ParsedCertificate>>();

  private constructor(trusted: readonly ParsedCertificate[]) {
    this.#trusted = trusted;
  }

  /** Reads a PEM text; other text in it is passed over. */
  static read(pem: string): Authorities | { readonly fault: string } {
    const ders = readPem(pem);
    if (ders === null) return { fault: "it holds no certificate in PEM, or a broken one" };
    const trusted: ParsedCertificate[] = [];
    for (const [index, der] of ders.entries()) {
      const certificate = parseCertificate(der);
      const fault = certificate === null ? "cannot be read" : authorityFault(certificate);
      if (certificate === null || fault !== null) return { fault: `certificate ${index + 1} ${fault}` };
      trusted.push(certificate);
    }
    return new Authorities(trusted);
  }

  /** Looks for a way from a certificate to a trusted authority, through the others that came with it. */
  pathOf(leaf: ParsedCertificate, chain: readonly Uint8Array[], nowMs: number): PathResult {
    const between = chain.map((der) => this.#intermediate(der)).filter((one) => one !== null);
    const search = { between, nowMs, attempts: 0, foundExpired: false };
    const path = isValidAt(leaf, nowMs) ? this.#climb(leaf, 0, search) : null;
    if (path === null) {
      return { fault: search.foundExpired || !isValidAt(leaf, nowMs) ? "not-valid-now" : "no-path" };
    }
    const all = [leaf, ...path];
    return {
      notBeforeMs: Math.max(...all.map((one) => one.notBeforeMs)),
      notAfterMs: Math.min(...all.map((one) => one.notAfterMs)),
    };
  }

  /** The authorities above a certificate, or null. `below` is the number of authorities that are below the next one. */
  #climb(certificate: ParsedCertificate, below: number, search: Search): readonly ParsedCertificate[] | null {
    for (const issuer of this.#trusted) {
      if (this.#issued(issuer, certificate, below, search)) return [issuer];
    }
    if (below >= MAX_DEPTH) return null;
    for (const issuer of search.between) {
      if (!this.#issued(issuer, certificate, below, search)) continue;
      const path = this.#climb(issuer, below + 1, search);
      if (path !== null) return [issuer, ...path];
    }
    return null;
  }

  #issued(issuer: ParsedCertificate, certificate: ParsedCertificate, below: number, search: Search): boolean {
    if (issuer.subject !== certificate.issuer || authorityFault(issuer) !== null) return false;
    if (search.attempts++ >= MAX_ATTEMPTS) return false;
    // Self-issued ones, which RFC 5280 does not count, are counted: nobody needs them here.
    if (below > issuer.maxPathLength) return false;
    if (!isValidAt(issuer, search.nowMs)) {
      search.foundExpired = true;
      return false;
    }
    if (this.#signers.get(certificate)?.has(issuer) === true) return true;
    if (!hasSigned(issuer, certificate)) return false;
    const signers = this.#signers.get(certificate) ?? new WeakSet();
    this.#signers.set(certificate, signers.add(issuer));
    return true;
  }

  /** A fleet comes with the same few. */
  #intermediate(der: Uint8Array): ParsedCertificate | null {
    const fingerprint = fingerprintOf(der);
    const known = this.#known.get(fingerprint);
    if (known !== undefined) return known;
    const parsed = parseCertificate(der);
    if (this.#known.size >= MAX_KNOWN) {
      const oldest = this.#known.keys().next().value;
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(fingerprint, parsed);
    return parsed;
  }
}

interface Search {
  readonly between: readonly ParsedCertificate[];
  readonly nowMs: number;
  attempts: number;
  foundExpired: boolean;
}

export function isValidAt({ notBeforeMs, notAfterMs }: ParsedCertificate, nowMs: number): boolean {
  return nowMs >= notBeforeMs && nowMs < notAfterMs;
}

/** Why a certificate can not be that of an authority, or null. */
function authorityFault({ authority, unknownCritical, key }: ParsedCertificate): string | null {
  if (!authority) return "is not that of an authority (CA:TRUE and keyCertSign)";
  if (unknownCritical) return "has a critical extension that is not understood here";
  const details = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "rsa":
      return (details.modulusLength ?? 0) >= RSA_BITS ? null : `has an RSA key of less than ${RSA_BITS} bits`;
    case "ec":
      return CURVES.has(details.namedCurve ?? "") ? null : "has a key on a curve that is not known here";
    case "ed25519":
      return null;
    default:
      return "has a key of a type that is not known here";
  }
}

function hasSigned({ key }: ParsedCertificate, certificate: ParsedCertificate): boolean {
  const algorithm = SIGNATURES.get(certificate.signatureAlgorithm);
  if (algorithm === undefined || algorithm.keyType !== key.asymmetricKeyType) return false;
  try {
    return verify(algorithm.hash, certificate.signed, key, certificate.signature);
  } catch {
    return false;
  }
}
