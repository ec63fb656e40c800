/**
 * X.509 certificates (RFC 5280). What is no certificate to node:crypto is none; from it comes the key. The names it shows
 * only as text made for people, in which one value can look like two (CVE-2021-44532 and its neighbours), so they and the
 * extensions are read from the bytes.
 */
import { Buffer } from "node:buffer";
import { type KeyObject, X509Certificate } from "node:crypto";
import { fingerprintOf } from "./certificate_header.ts";
import {
  ascii,
  DerError,
  DerReader,
  type Element,
  readBoolean,
  readSmallInteger,
  readText,
  readTime,
  TAG,
} from "./der.ts";
import { parseAddress } from "../policy/address.ts";

/** What is used of a certificate. */
export interface ParsedCertificate {
  /** SHA-256, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** Upper-case hexadecimal without leading zeros, as OpenSSL and nginx show it. */
  readonly serialNumber: string;
  /** In the order of the subject; null where one is in a character set that has no one reading. */
  readonly commonNames: readonly string[] | null;
  readonly alternativeNames: AlternativeNames;
  /** DER of the names, in hexadecimal: issued by whom, and who. */
  readonly issuer: string;
  readonly subject: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** May issue certificates; `maxPathLength` of authorities may be below it (RFC 5280 section 4.2.1.9). */
  readonly authority: boolean;
  readonly maxPathLength: number;
  /** DER of object identifiers in hexadecimal; null: for every purpose. */
  readonly purposes: readonly string[] | null;
  /** Has an extension that is critical and not understood here, such as name constraints. */
  readonly unknownCritical: boolean;
  readonly key: KeyObject;
  /** What its issuer signed, how (an object identifier, in hexadecimal), and the signature. */
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

/** Object identifiers as they are written in DER, in hexadecimal. */
const COMMON_NAME = "550403";
const KEY_USAGE = "551d0f";
const ALTERNATIVE_NAME = "551d11";
const BASIC_CONSTRAINTS = "551d13";
const EXTENDED_KEY_USAGE = "551d25";
const UNDERSTOOD: ReadonlySet<string> = new Set([KEY_USAGE, ALTERNATIVE_NAME, BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE]);

/** Context-specific tags: of the certificate's optional parts, and of GeneralName (RFC 5280 section 4.2.1.6). */
const VERSION = 0xa0;
const ISSUER_ID = 0x81;
const SUBJECT_ID = 0x82;
const EXTENSIONS = 0xa3;
const EMAIL = 0x81;
const DNS_NAME = 0x82;
const URI = 0x86;
const ADDRESS = 0x87;

/** Reads a certificate in DER, or null for what is none. About 0.03 ms. Throws nothing. */
export function parseCertificate(der: Uint8Array): ParsedCertificate | null {
  try {
    const { publicKey } = new X509Certificate(Buffer.from(der));
    return readCertificate(der, publicKey);
  } catch {
    return null;
  }
}

function readCertificate(der: Uint8Array, key: KeyObject): ParsedCertificate {
  const outer = new DerReader(der);
  const certificate = outer.enter(TAG.SEQUENCE);
  outer.end();
  const body = certificate.take(TAG.SEQUENCE);
  const algorithm = certificate.take(TAG.SEQUENCE);
  const signature = readBits(certificate.take(TAG.BIT_STRING));
  certificate.end();

  const fields = new DerReader(body.contents);
  fields.takeIf(VERSION);
  const serial = fields.take(TAG.INTEGER);
  // RFC 5280 section 4.1.1.2: both are the same; the one that was not signed must not choose.
  if (hex(fields.take(TAG.SEQUENCE).whole) !== hex(algorithm.whole)) throw new DerError("two signature algorithms");
  const issuer = fields.take(TAG.SEQUENCE);
  const validity = fields.enter(TAG.SEQUENCE);
  const notBeforeMs = readTime(validity.next());
  const notAfterMs = readTime(validity.next());
  validity.end();
  const subject = fields.take(TAG.SEQUENCE);
  fields.take(TAG.SEQUENCE);
  fields.takeIf(ISSUER_ID);
  fields.takeIf(SUBJECT_ID);
  const extensions = readExtensions(fields.takeIf(EXTENSIONS));
  fields.end();
  return {
    ...extensions,
    fingerprint: fingerprintOf(der),
    serialNumber: hex(serial.contents).toUpperCase().replace(/^0+(?=.)/, ""),
    commonNames: readCommonNames(subject),
    issuer: hex(issuer.whole),
    subject: hex(subject.whole),
    notBeforeMs,
    notAfterMs,
    key,
    signed: body.whole,
    signatureAlgorithm: hex(new DerReader(algorithm.contents).take(TAG.OBJECT_ID).contents),
    signature,
  };
}

/** A name is a SEQUENCE of SETs of types with values (RFC 5280 section 4.1.2.4). */
function readCommonNames(subject: Element): readonly string[] | null {
  const names: (string | null)[] = [];
  for (const part of new DerReader(subject.contents).rest(TAG.SET)) {
    for (const attribute of new DerReader(part.contents).rest(TAG.SEQUENCE)) {
      const reader = new DerReader(attribute.contents);
      const type = hex(reader.take(TAG.OBJECT_ID).contents);
      const value = reader.next();
      reader.end();
      if (type === COMMON_NAME) names.push(readText(value));
    }
  }
  return names.includes(null) ? null : names.filter((name) => name !== null);
}

function readExtensions(wrapped: Element | null) {
  const byId = new Map<string, Uint8Array>();
  let unknownCritical = false;
  if (wrapped !== null) {
    const outer = new DerReader(wrapped.contents);
    const list = outer.take(TAG.SEQUENCE);
    outer.end();
    for (const extension of new DerReader(list.contents).rest(TAG.SEQUENCE)) {
      const reader = new DerReader(extension.contents);
      const id = hex(reader.take(TAG.OBJECT_ID).contents);
      const critical = reader.takeIf(TAG.BOOLEAN);
      const value = reader.take(TAG.OCTET_STRING);
      reader.end();
      // RFC 5280 section 4.2: not more than one of a kind.
      if (byId.has(id)) throw new DerError("an extension twice");
      byId.set(id, value.contents);
      if (critical !== null && readBoolean(critical) && !UNDERSTOOD.has(id)) unknownCritical = true;
    }
  }
  const constraints = readConstraints(byId.get(BASIC_CONSTRAINTS));
  return {
    alternativeNames: readAlternativeNames(byId.get(ALTERNATIVE_NAME)),
    authority: constraints.authority && maySignCertificates(byId.get(KEY_USAGE)),
    maxPathLength: constraints.maxPathLength,
    purposes: readPurposes(byId.get(EXTENDED_KEY_USAGE)),
    unknownCritical,
  };
}

function readConstraints(bytes: Uint8Array | undefined) {
  if (bytes === undefined) return { authority: false, maxPathLength: Infinity };
  const reader = enterOnly(bytes);
  const authority = reader.takeIf(TAG.BOOLEAN);
  const length = reader.takeIf(TAG.INTEGER);
  reader.end();
  return {
    authority: authority !== null && readBoolean(authority),
    maxPathLength: length === null ? Infinity : readSmallInteger(length),
  };
}

/** Bit 5 is keyCertSign (RFC 5280 section 4.2.1.3); without the extension a key may do everything. */
function maySignCertificates(bytes: Uint8Array | undefined): boolean {
  if (bytes === undefined) return true;
  const reader = new DerReader(bytes);
  const { contents } = reader.take(TAG.BIT_STRING);
  reader.end();
  return ((contents[1] ?? 0) & 0x04) !== 0;
}

function readPurposes(bytes: Uint8Array | undefined): readonly string[] | null {
  return bytes === undefined ? null : enterOnly(bytes).rest(TAG.OBJECT_ID).map(({ contents }) => hex(contents));
}

function readAlternativeNames(bytes: Uint8Array | undefined): AlternativeNames {
  const found = { uris: [] as string[], dnsNames: [] as string[], emails: [] as string[], addresses: [] as string[] };
  const reader = bytes === undefined ? null : enterOnly(bytes);
  while (reader !== null && !reader.done) {
    const { tag, contents } = reader.next();
    switch (tag) {
      case URI:
        found.uris.push(ascii(contents));
        break;
      case DNS_NAME:
        found.dnsNames.push(ascii(contents));
        break;
      case EMAIL:
        found.emails.push(ascii(contents));
        break;
      case ADDRESS:
        found.addresses.push(addressText(contents));
        break;
    }
  }
  return found;
}

/** Canonical, as addresses are everywhere here. */
function addressText(bytes: Uint8Array): string {
  const groups: string[] = [];
  for (let at = 0; at < bytes.length; at += 2) groups.push(hex(bytes.subarray(at, at + 2)));
  const address = bytes.length === 4 ? bytes.join(".") : bytes.length === 16 ? groups.join(":") : null;
  if (address === null) throw new DerError("no IP address");
  return parseAddress(address)?.text ?? address;
}

/** A reader of the one SEQUENCE that these bytes are. */
function enterOnly(bytes: Uint8Array): DerReader {
  const outer = new DerReader(bytes);
  const inner = outer.enter(TAG.SEQUENCE);
  outer.end();
  return inner;
}

/** The bytes of a BIT STRING that has whole ones. */
function readBits({ contents }: Element): Uint8Array {
  if (contents[0] !== 0) throw new DerError("bits that are no bytes");
  return contents.subarray(1);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
