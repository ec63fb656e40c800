/**
 * X.509 certificates (RFC 5280), read by @peculiar/asn1-x509. node:crypto's own X509Certificate shows names as text made
 * for people, in which one value can look like two (CVE-2021-44532 and its neighbours), so only its key is used.
 */
import { Buffer } from "node:buffer";
import { type KeyObject, X509Certificate } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  type AttributeValue,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  type Extension,
  type GeneralName,
  KeyUsage,
  KeyUsageFlags,
  SubjectAlternativeName,
} from "@peculiar/asn1-x509";
import { fingerprintOf } from "./certificate_header.ts";

/** What is used of a certificate. */
export interface ParsedCertificate {
  /** SHA-256, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** Upper-case hexadecimal without leading zeros, as OpenSSL and nginx show it. */
  readonly serialNumber: string;
  /** In the order of the subject; null where one is in a character set that has no one reading. */
  readonly commonNames: readonly string[] | null;
  readonly alternativeNames: AlternativeNames;
  /** DER of the names: issued by whom, and who. */
  readonly issuer: string;
  readonly subject: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** May issue certificates; `maxPathLength` of authorities may be below it (RFC 5280 section 4.2.1.9). */
  readonly authority: boolean;
  readonly maxPathLength: number;
  /** Null: for every purpose. */
  readonly purposes: readonly string[] | null;
  /** Has an extension that is critical and not understood here, such as name constraints. */
  readonly unknownCritical: boolean;
  readonly key: KeyObject;
  /** What its issuer signed, how, and the signature. */
  readonly signed: Uint8Array;
  readonly signatureAlgorithm: string;
  readonly signature: Uint8Array;
}

/** By kind, each in the order of the certificate. */
export interface AlternativeNames {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  readonly emails: readonly string[];
  readonly addresses: readonly string[];
}

const COMMON_NAME = "2.5.4.3";
const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
const KEY_USAGE = "2.5.29.15";
const BASIC_CONSTRAINTS = "2.5.29.19";
const EXTENDED_KEY_USAGE = "2.5.29.37";
const UNDERSTOOD: ReadonlySet<string> = new Set([
  SUBJECT_ALTERNATIVE_NAME,
  KEY_USAGE,
  BASIC_CONSTRAINTS,
  EXTENDED_KEY_USAGE,
]);

/**
 * Reads a certificate in DER, or null for what is none. The library is lenient (it takes Latin-1 for UTF-8, and bytes
 * behind the end for nothing), so what it read is written again and must be the same bytes. About 0.5 ms. Throws nothing.
 */
export function parseCertificate(der: Uint8Array): ParsedCertificate | null {
  try {
    return parse(der);
  } catch {
    return null;
  }
}

function parse(der: Uint8Array): ParsedCertificate | null {
  const certificate = readExactly(der, Certificate);
  if (certificate === null || certificate.tbsCertificateRaw === undefined) return null;
  const { tbsCertificate: body, signatureAlgorithm, signatureValue, tbsCertificateRaw } = certificate;
  // RFC 5280 section 4.1.1.2: both are the same; the one that was not signed must not choose.
  if (!sameBytes(bytesOf(AsnConvert.serialize(body.signature)), bytesOf(AsnConvert.serialize(signatureAlgorithm)))) {
    return null;
  }
  const extensions = readExtensions(body.extensions ?? []);
  if (extensions === null) return null;
  const names = body.subject.flatMap((part) => [...part]).filter(({ type }) => type === COMMON_NAME);
  const commonNames = names.map(({ value }) => nameText(value));
  return {
    ...extensions,
    fingerprint: fingerprintOf(der),
    serialNumber: serialText(bytesOf(body.serialNumber)),
    commonNames: commonNames.includes(null) ? null : commonNames.filter((name) => name !== null),
    issuer: hex(AsnConvert.serialize(body.issuer)),
    subject: hex(AsnConvert.serialize(body.subject)),
    notBeforeMs: body.validity.notBefore.getTime().getTime(),
    notAfterMs: body.validity.notAfter.getTime().getTime(),
    key: new X509Certificate(Buffer.from(der)).publicKey,
    signed: bytesOf(tbsCertificateRaw),
    signatureAlgorithm: signatureAlgorithm.algorithm,
    signature: bytesOf(signatureValue),
  };
}

function readExtensions(list: readonly Extension[]) {
  const byId = new Map<string, Extension>();
  for (const extension of list) {
    // RFC 5280 section 4.2: not more than one of a kind.
    if (byId.has(extension.extnID)) return null;
    byId.set(extension.extnID, extension);
  }
  const read = <T>(id: string, type: new () => T): T | null | undefined => {
    const extension = byId.get(id);
    return extension === undefined ? undefined : readExactly(bytesOf(extension.extnValue.buffer), type);
  };
  const alternative = read(SUBJECT_ALTERNATIVE_NAME, SubjectAlternativeName);
  const constraints = read(BASIC_CONSTRAINTS, BasicConstraints);
  const usage = read(KEY_USAGE, KeyUsage);
  const purposes = read(EXTENDED_KEY_USAGE, ExtendedKeyUsage);
  if (alternative === null || constraints === null || usage === null || purposes === null) return null;
  const maySign = usage === undefined || (usage.toNumber() & KeyUsageFlags.keyCertSign) !== 0;
  return {
    alternativeNames: readAlternativeNames(alternative ?? []),
    authority: constraints?.cA === true && maySign,
    maxPathLength: constraints?.pathLenConstraint ?? Infinity,
    purposes: purposes === undefined ? null : [...purposes],
    unknownCritical: list.some(({ critical, extnID }) => critical && !UNDERSTOOD.has(extnID)),
  };
}

function readAlternativeNames(names: readonly GeneralName[]): AlternativeNames {
  const all = (of: (name: GeneralName) => string | undefined) => names.map(of).filter((text) => text !== undefined);
  return {
    uris: all((name) => name.uniformResourceIdentifier),
    dnsNames: all((name) => name.dNSName),
    emails: all((name) => name.rfc822Name),
    addresses: all((name) => name.iPAddress),
  };
}

/** A value that is these bytes and no others, or null. Throws for what the library can make nothing of. */
function readExactly<T>(der: Uint8Array, type: new () => T): T | null {
  const value = AsnConvert.parse(der, type);
  return sameBytes(bytesOf(AsnConvert.serialize(value)), der) ? value : null;
}

/** T.61 and universal strings are read in more than one way, and no authority has issued them for decades. */
function nameText(value: AttributeValue): string | null {
  return value.utf8String ?? value.printableString ?? value.ia5String ?? value.bmpString ?? null;
}

function serialText(bytes: Uint8Array): string {
  return hex(bytes).toUpperCase().replace(/^0+(?=.)/, "");
}

function bytesOf(bytes: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
}

function hex(bytes: ArrayBuffer | Uint8Array): string {
  return Buffer.from(bytesOf(bytes)).toString("hex");
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
