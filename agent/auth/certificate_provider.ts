import { allow, type Deny, deny } from "./answers.ts";
import type { ProviderConfig } from "../config/schema/auth.ts";
import { Authorities, isValidAt } from "./authorities.ts";
import { parseCertificate, type ParsedCertificate } from "./certificate.ts";
import {
  CLIENT_CERTIFICATE,
  CLIENT_CERTIFICATE_CHAIN,
  readCertificateHeader,
  type Shown,
} from "./certificate_header.ts";
import { ProofCache } from "./proof_cache.ts";
import { isUsableName } from "./proved_name.ts";
import type { Answer, Credentials, Identity, Provider } from "./provider.ts";
import type { Surroundings } from "./surroundings.ts";

export type CertificateConfig = Extract<ProviderConfig, { type: "certificate" }>;

export type CertificateProviderResult =
  | { readonly provider: CertificateProvider }
  | { readonly problems: readonly string[] };

const UNREADABLE = deny("certificate-invalid", "the certificate cannot be read");
const NOT_YET_VALID = deny("certificate-invalid", "the certificate is not valid yet");
const EXPIRED = deny("certificate-invalid", "the certificate has expired");
const CRITICAL = deny("certificate-invalid", "the certificate has a critical extension that is not understood here");
const PURPOSE = deny("certificate-invalid", "the certificate is for other purposes than being a client");
const NO_PATH = deny("certificate-invalid", "the certificate was issued by no trusted authority");
const PATH_EXPIRED = deny("certificate-invalid", "an authority above the certificate is not valid at this time");
const NOT_CHECKED = deny(
  "certificate-invalid",
  "the header holds a subject only, and trusted-ca-file asks for a certificate",
);
const NO_HASH = deny("certificate-invalid", "the header holds no hash, and allowed-fingerprints asks for one");
const FINGERPRINT = deny("certificate-invalid", "the certificate is none of allowed-fingerprints");
const NO_NAME = deny("certificate-invalid", "the certificate has not the part that is to be the user name");
const BAD_NAME = deny("certificate-invalid", "the part that is to be the user name is no usable text");
const SEVERAL_NAMES = deny("certificate-ambiguous", "the certificate has several common names");

/** RFC 5280 section 4.2.1.12: TLS client authentication (1.3.6.1.5.5.7.3.2), and any purpose (2.5.29.37.0). */
const CLIENT_PURPOSES: readonly string[] = ["2b06010505070302", "551d2500"];

/** RFC 9110 section 5.6.2. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const MAX_CA_BYTES = 4 << 20;
/** As for tokens; a certificate has 1 to 2 KB, and with its chain twice that. */
const CACHE = { maxProofs: 20_000, maxChars: 8192 };

interface Finding {
  readonly identity: Identity;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** What proved an identity, for as long as somebody holds it, over reloads of the whole configuration too. */
const proofs = new WeakMap<Identity, Shown>();

/** Makes a provider that knows clients by their certificates, or says all that is wrong with its configuration. */
export function createCertificateProvider(
  config: CertificateConfig,
  surroundings: Surroundings,
): CertificateProviderResult {
  const name = `certificate (${config.name ?? config.header})`;
  const problems: string[] = [];
  const problem = (what: string) => problems.push(`Cannot use the provider "${name}": ${what}`);
  if (!HEADER_NAME.test(config.header)) problem("header: it is no name of a header");
  const caFile = config["trusted-ca-file"];
  const authorities = caFile === undefined ? null : loadAuthorities(caFile);
  if (authorities !== null && "fault" in authorities) problem(`trusted-ca-file: ${authorities.fault}`);
  const fingerprints = config["allowed-fingerprints"]?.map((text) => text.replaceAll(":", "").toLowerCase());
  if (fingerprints?.length === 0) problem("allowed-fingerprints: an empty list lets nobody in");
  for (const [index, fingerprint] of fingerprints?.entries() ?? []) {
    if (/^[0-9a-f]{64}$/.test(fingerprint)) continue;
    problem(`allowed-fingerprints[${index}]: expected a SHA-256 hash, 64 hexadecimal digits with or without colons`);
  }
  if (problems.length > 0 || (authorities !== null && "fault" in authorities)) return { problems };
  const allowed = fingerprints === undefined ? null : new Set(fingerprints);
  return { provider: new CertificateProvider({ name, config, authorities, allowed, surroundings }) };
}

function loadAuthorities(path: string): Authorities | { readonly fault: string } {
  try {
    if (Deno.statSync(path).size > MAX_CA_BYTES) return { fault: `"${path}": it is larger than 4 MiB` };
    const read = Authorities.read(Deno.readTextFileSync(path));
    return "fault" in read ? { fault: `"${path}": ${read.fault}` } : read;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { fault: `"${path}": no such file` };
    return { fault: `"${path}": ${error instanceof Error ? error.message : String(error)}` };
  }
}

interface Parts {
  readonly name: string;
  readonly config: CertificateConfig;
  readonly authorities: Authorities | null;
  readonly allowed: ReadonlySet<string> | null;
  readonly surroundings: Surroundings;
}

/**
 * Knows clients by the certificate that the proxy asked them for, handed over in a header of the upgrade request. Without
 * `trusted-ca-file` it is for the proxy to have verified it. In any case it is for the proxy to have made sure that the
 * client holds the key, and to take the header away from requests that bring their own.
 *
 * The user name is what `extract-from` says: the one common name; the first alternative name, of URIs before DNS names
 * before mail addresses before IP addresses; the serial number in upper-case hexadecimal, as OpenSSL and nginx write it;
 * or the SHA-256 fingerprint in lower case without colons. A certificate without it proves nobody and is refused.
 *
 * A certificate seen before costs a hash and a look-up, a new one reading it (0.03 ms) and a signature for each step
 * of the way that is not known yet (RSA and Ed25519 0.1 ms, P-256 0.5, P-384 and P-521 1 to 5). `nowMs` is milliseconds since the epoch.
 */
export class CertificateProvider implements Provider {
  readonly name: string;
  readonly onError: "deny" | "ignore";
  readonly headers: readonly string[];
  readonly #header: string;
  readonly #part: CertificateConfig["extract-from"];
  readonly #allowed: ReadonlySet<string> | null;
  readonly #surroundings: Surroundings;
  readonly #known = new ProofCache<Finding>(CACHE);
  readonly #watch: { close(): unknown } | null;
  #authorities: Authorities | null;
  #generation = 0;

  constructor({ name, config, authorities, allowed, surroundings }: Parts) {
    this.name = name;
    this.onError = config["on-error"];
    this.#header = config.header.toLowerCase();
    this.headers = this.#header === CLIENT_CERTIFICATE ? [this.#header, CLIENT_CERTIFICATE_CHAIN] : [this.#header];
    this.#part = config["extract-from"];
    this.#allowed = allowed;
    this.#authorities = authorities;
    this.#surroundings = surroundings;
    const path = config["trusted-ca-file"];
    this.#watch = path === undefined ? null : surroundings.watch([path], () => this.#reload(path));
  }

  get generation(): number {
    return this.#generation;
  }

  check(credentials: Credentials, nowMs: number): Answer {
    const place = this.#placeOf(credentials.headers);
    const before = place === null ? undefined : this.#known.get(place);
    // What is not valid any more is looked at again: it may have come by another way since.
    if (before !== undefined && nowMs >= before.notBeforeMs && nowMs < before.notAfterMs) return allow(before.identity);
    const shown = readCertificateHeader(this.#header, credentials.headers);
    if (shown.kind === "deny" || shown.kind === "ignore") return shown;
    const finding = this.#judge(shown, nowMs);
    if ("kind" in finding) return finding;
    proofs.set(finding.identity, shown);
    if (place !== null) this.#known.set(place, finding);
    return allow(finding.identity);
  }

  stillHolds(identity: Identity, nowMs: number): boolean {
    const shown = proofs.get(identity);
    if (shown === undefined || nowMs >= identity.expiresAtMs) return false;
    const finding = this.#judge(shown, nowMs);
    return !("kind" in finding) && finding.identity.username === identity.username;
  }

  close(): void {
    this.#watch?.close();
    this.#known.clear();
  }

  /** Null where there is not one header, which is the one that can be known. */
  #placeOf(headers: Credentials["headers"]): string | null {
    const values = headers.get(this.#header);
    const [value = ""] = values ?? [];
    if (values?.length !== 1 || value === "") return null;
    const chain = this.#header === CLIENT_CERTIFICATE ? headers.get(CLIENT_CERTIFICATE_CHAIN) ?? [] : [];
    return this.#known.keyOf([value, ...chain].join("\n"));
  }

  #judge(shown: Shown, nowMs: number): Finding | Deny {
    return shown.kind === "subject" ? this.#judgeSubject(shown) : this.#judgeCertificate(shown, nowMs);
  }

  #judgeSubject(shown: Extract<Shown, { kind: "subject" }>): Finding | Deny {
    if (this.#authorities !== null) return NOT_CHECKED;
    if (this.#allowed !== null) {
      if (shown.fingerprint === null) return NO_HASH;
      if (!this.#allowed.has(shown.fingerprint)) return FINGERPRINT;
    }
    const name = this.#nameOf({
      commonNames: shown.commonNames,
      alternativeName: shown.uris[0] ?? shown.dnsNames[0],
      serialNumber: undefined,
      fingerprint: shown.fingerprint ?? undefined,
    });
    return typeof name === "string" ? findingOf(name, -Infinity, Infinity) : name;
  }

  #judgeCertificate({ der, chain }: Extract<Shown, { kind: "certificate" }>, nowMs: number): Finding | Deny {
    const certificate = parseCertificate(der);
    if (certificate === null) return UNREADABLE;
    const fault = faultOf(certificate, nowMs);
    if (fault !== null) return fault;
    if (this.#allowed !== null && !this.#allowed.has(certificate.fingerprint)) return FINGERPRINT;
    let { notBeforeMs, notAfterMs } = certificate;
    if (this.#authorities !== null) {
      const path = this.#authorities.pathOf(certificate, chain, nowMs);
      if ("fault" in path) return path.fault === "no-path" ? NO_PATH : PATH_EXPIRED;
      ({ notBeforeMs, notAfterMs } = path);
    }
    const { uris, dnsNames, emails, addresses } = certificate.alternativeNames;
    if (this.#part === "common_name" && certificate.commonNames === null) return BAD_NAME;
    const name = this.#nameOf({
      commonNames: certificate.commonNames ?? [],
      alternativeName: uris[0] ?? dnsNames[0] ?? emails[0] ?? addresses[0],
      serialNumber: certificate.serialNumber,
      fingerprint: certificate.fingerprint,
    });
    return typeof name === "string" ? findingOf(name, notBeforeMs, notAfterMs) : name;
  }

  #nameOf(parts: NameParts): string | Deny {
    let name: string | undefined;
    switch (this.#part) {
      case "common_name":
        // Which of two is meant is read in both ways (bypass class B124).
        if (parts.commonNames.length > 1) return SEVERAL_NAMES;
        name = parts.commonNames[0];
        break;
      case "subject_alternative_name":
        name = parts.alternativeName;
        break;
      case "serial_number":
        name = parts.serialNumber;
        break;
      case "fingerprint":
        name = parts.fingerprint;
        break;
      default:
        return this.#part satisfies never;
    }
    if (name === undefined) return NO_NAME;
    return isUsableName(name) ? name : BAD_NAME;
  }

  /** What cannot be loaded leaves in force what was loaded before. */
  #reload(path: string): void {
    const authorities = loadAuthorities(path);
    if ("fault" in authorities) {
      this.#surroundings.tell("warn", "Cannot load authorities again: those loaded before stay in force", {
        provider: this.name,
        fault: authorities.fault,
      });
      return;
    }
    this.#authorities = authorities;
    this.#known.clear();
    this.#generation++;
    this.#surroundings.tell("info", "The authorities that certificates are checked by were loaded again", {
      provider: this.name,
    });
  }
}

interface NameParts {
  readonly commonNames: readonly string[];
  readonly alternativeName: string | undefined;
  readonly serialNumber: string | undefined;
  readonly fingerprint: string | undefined;
}

/** What is wrong with a certificate whoever issued it, or null. */
function faultOf(certificate: ParsedCertificate, nowMs: number): Deny | null {
  if (!isValidAt(certificate, nowMs)) return nowMs < certificate.notBeforeMs ? NOT_YET_VALID : EXPIRED;
  if (certificate.unknownCritical) return CRITICAL;
  const { purposes } = certificate;
  return purposes === null || purposes.some((purpose) => CLIENT_PURPOSES.includes(purpose)) ? null : PURPOSE;
}

function findingOf(username: string, notBeforeMs: number, notAfterMs: number): Finding {
  const identity: Identity = Object.freeze({
    username,
    groups: [],
    attributes: null,
    clientIds: null,
    clientIdClaim: null,
    acl: null,
    expiresAtMs: notAfterMs,
    provider: "certificate",
  });
  return { identity, notBeforeMs, notAfterMs };
}
