/**
 * The headers in which proxies hand over a client's certificate, or what they read from it. They are believed: a proxy that
 * does not take away what the client itself sent in them lets everybody be anybody.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { type Deny, deny, type Ignore, ignore } from "./answers.ts";
import { commonNames, parseDistinguishedName } from "./distinguished_name.ts";

/** What a header shows. */
export type Shown =
  /** A certificate, DER, with those that it was issued through, nearest first. */
  | { readonly kind: "certificate"; readonly der: Uint8Array; readonly chain: readonly Uint8Array[] }
  /** What the proxy read from one: nothing of it can be checked here. */
  | {
    readonly kind: "subject";
    readonly commonNames: readonly string[];
    readonly uris: readonly string[];
    readonly dnsNames: readonly string[];
    /** SHA-256, lower-case hexadecimal. */
    readonly fingerprint: string | null;
  };

const ABSENT = ignore("the upgrade request had no client certificate");
const TWICE = deny("certificate-ambiguous", "the header of the certificate was there more than once");
const ELEMENTS = deny("certificate-ambiguous", "the header shows the certificates of several proxies on the way");
const TOO_LONG = deny("certificate-invalid", "the header of the certificate is longer than 64 KiB");
const UNREADABLE = deny("certificate-invalid", "the header holds neither a certificate nor a subject that can be read");
const CHAIN = deny("certificate-invalid", "the chain of the certificate cannot be read");
const FINGERPRINTS = deny("certificate-invalid", "the header's hash is not the one of its certificate");

const MAX_CHARS = 65_536;
/** Intermediate authorities; real chains have one or two. */
const MAX_CHAIN = 6;

export const FORWARDED_CERTIFICATE = "x-forwarded-client-cert";
export const CLIENT_CERTIFICATE = "client-cert";
export const CLIENT_CERTIFICATE_CHAIN = "client-cert-chain";

/**
 * Reads the header `name` (lower case). `X-Forwarded-Client-Cert` is read as Envoy writes it, one element only; every other
 * one by what it holds: a byte sequence (RFC 9440), PEM, percent-encoded (nginx) or not, Base64 of DER (HAProxy), or a
 * distinguished name. An empty value is what proxies send for a connection without a certificate.
 */
export function readCertificateHeader(
  name: string,
  headers: ReadonlyMap<string, readonly string[]>,
): Shown | Deny | Ignore {
  const values = headers.get(name) ?? [];
  // Also an empty one beside another: of two, the proxy's is not known.
  if (values.length > 1) return TWICE;
  const value = (values[0] ?? "").trim();
  if (value === "") return ABSENT;
  if (value.length > MAX_CHARS) return TOO_LONG;
  if (name === FORWARDED_CERTIFICATE) return readForwarded(value);
  const der = readOne(value);
  if (der !== null) {
    const chain = name === CLIENT_CERTIFICATE ? readChain(headers.get(CLIENT_CERTIFICATE_CHAIN) ?? []) : [];
    return chain === null ? CHAIN : { kind: "certificate", der, chain };
  }
  // Lines of one header that a proxy on the way has joined.
  if (value.startsWith(":") && value.includes(",")) return TWICE;
  const attributes = parseDistinguishedName(value);
  if (attributes === null) return UNREADABLE;
  return { kind: "subject", commonNames: commonNames(attributes), uris: [], dnsNames: [], fingerprint: null };
}

function readOne(value: string): Uint8Array | null {
  if (value.startsWith(":")) return readByteSequence(value);
  if (value.startsWith("-----BEGIN")) return onlyPem(value);
  // A certificate is a SEQUENCE of more than 255 bytes, and so begins.
  if (/^MI[A-P][A-Za-z0-9+/]/.test(value)) return base64(value);
  return null;
}

/** RFC 8941 section 3.3.5: `:base64:`, and without the parameters that RFC 9440 has no use for. */
function readByteSequence(value: string): Uint8Array | null {
  return value.length > 2 && value.startsWith(":") && value.endsWith(":") ? base64(value.slice(1, -1)) : null;
}

/** A list may be in one line or in many (RFC 8941 section 3.1). */
function readChain(lines: readonly string[]): readonly Uint8Array[] | null {
  const chain: Uint8Array[] = [];
  for (const line of lines) {
    if (line.length > MAX_CHARS) return null;
    if (line.trim() === "") continue;
    for (const item of line.split(",")) {
      const der = readByteSequence(item.trim());
      if (der === null || chain.length === MAX_CHAIN) return null;
      chain.push(der);
    }
  }
  return chain;
}

/** SHA-256 of a certificate, lower-case hexadecimal. */
export function fingerprintOf(der: Uint8Array): string {
  return createHash("sha256").update(der).digest("hex");
}

/** Strict: no white space, padding where it belongs. */
function base64(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, "base64");
  return bytes.length > 0 && bytes.toString("base64") === text ? new Uint8Array(bytes) : null;
}

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g;

/** All certificates in a PEM text, DER; null where there is none, or one that is no Base64. Other text is passed over. */
export function readPem(text: string): readonly Uint8Array[] | null {
  const found: Uint8Array[] = [];
  for (const [, body = ""] of text.matchAll(PEM_BLOCK)) {
    const der = base64(body.replace(/\s+/g, ""));
    if (der === null) return null;
    found.push(der);
  }
  return found.length > 0 ? found : null;
}

/** The same of a header, where no other text belongs. */
function readPemOnly(text: string): readonly Uint8Array[] | null {
  return text.replace(PEM_BLOCK, "").trim() === "" ? readPem(text) : null;
}

/** One certificate in PEM, as it is or percent-encoded: nginx writes both, with tabs for the line ends of the first. */
function onlyPem(value: string): Uint8Array | null {
  const text = value.includes("%") ? decodePercent(value) : value;
  const found = text === null ? null : readPemOnly(text);
  return found?.length === 1 ? found[0] ?? null : null;
}

function decodePercent(value: string): string | null {
  try {
    return decodeURIComponent(value);
  } catch {
    return null;
  }
}

/**
 * Envoy's header: elements parted by commas, each of pairs `Key=value` parted by semicolons, values in quotes where they
 * hold one of those. Each proxy on the way adds an element, or each client: which one to believe only the configuration
 * of all of them says, so of several none is (Envoy: `forward_client_cert_details: SANITIZE_SET`).
 */
function readForwarded(value: string): Shown | Deny {
  const elements = parseElements(value);
  if (elements === null) return UNREADABLE;
  if (elements.length !== 1) return ELEMENTS;
  const pairs = elements[0] ?? [];
  const all = (key: string) => pairs.filter(([name]) => name === key).map(([, text]) => text);
  const [cert = [], chain = [], subject = [], hash = []] = ["cert", "chain", "subject", "hash"].map(all);
  if (cert.length > 1 || chain.length > 1 || subject.length > 1 || hash.length > 1) return TWICE;
  const [fingerprint = null] = hash.map((text) => text.toLowerCase());
  if (fingerprint !== null && !/^[0-9a-f]{64}$/.test(fingerprint)) return UNREADABLE;
  if (cert[0] !== undefined) return readForwardedCertificate(cert[0], chain[0], fingerprint);
  const attributes = subject[0] === undefined || subject[0] === "" ? [] : parseDistinguishedName(subject[0]);
  if (attributes === null) return UNREADABLE;
  const [uris, dnsNames] = [all("uri"), all("dns")];
  if (attributes.length === 0 && fingerprint === null && uris.length === 0 && dnsNames.length === 0) return UNREADABLE;
  return { kind: "subject", commonNames: commonNames(attributes), uris, dnsNames, fingerprint };
}

function readForwardedCertificate(cert: string, chain: string | undefined, fingerprint: string | null): Shown | Deny {
  const der = onlyPem(cert);
  if (der === null) return UNREADABLE;
  if (fingerprint !== null && fingerprintOf(der) !== fingerprint) return FINGERPRINTS;
  if (chain === undefined) return { kind: "certificate", der, chain: [] };
  const text = decodePercent(chain);
  const all = text === null ? null : readPemOnly(text);
  if (all === null || all.length > MAX_CHAIN + 1) return CHAIN;
  // Envoy's chain begins with the certificate itself.
  const rest = fingerprintOf(all[0] as Uint8Array) === fingerprintOf(der) ? all.slice(1) : all;
  return { kind: "certificate", der, chain: rest };
}

type Pair = readonly [key: string, value: string];

/** Keys in lower case; null for what breaks the form. */
function parseElements(text: string): readonly (readonly Pair[])[] | null {
  const elements: Pair[][] = [[]];
  let at = 0;
  for (;;) {
    while (text[at] === " ") at++;
    const equals = text.indexOf("=", at);
    const key = text.slice(at, equals).toLowerCase();
    if (equals < 0 || !/^[a-z]+$/.test(key)) return null;
    const read = text[equals + 1] === '"' ? readQuoted(text, equals + 2) : readPlain(text, equals + 1);
    if (read === null) return null;
    elements.at(-1)?.push([key, read.value]);
    at = read.end;
    if (at === text.length) return elements;
    if (text[at] === ",") elements.push([]);
    else if (text[at] !== ";") return null;
    at++;
  }
}

interface Read {
  readonly value: string;
  readonly end: number;
}

function readPlain(text: string, start: number): Read | null {
  let end = start;
  while (end < text.length && !",;".includes(text[end] as string)) end++;
  const value = text.slice(start, end);
  return /["=\s]/.test(value) ? null : { value, end };
}

/** Quotes within are escaped; a backslash before anything else is one, as in names (RFC 4514) that Envoy quotes whole. */
function readQuoted(text: string, start: number): Read | null {
  let value = "";
  for (let at = start; at < text.length; at++) {
    const character = text[at] as string;
    if (character === '"') return { value, end: at + 1 };
    if (character === "\\" && text[at + 1] === '"') at++;
    value += text[at] as string;
  }
  return null;
}
