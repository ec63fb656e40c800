/** Certificates of a small authority, made by OpenSSL. */

export interface CertificateFiles {
  readonly pemPath: string;
  readonly keyPath: string;
  readonly pem: string;
  readonly key: string;
  readonly der: Uint8Array;
}

export interface CertificateOptions {
  /** As OpenSSL wants it: `/O=Plant/CN=dev-1`. */
  readonly subject: string;
  /** Lines of an extension section; none makes a certificate without extensions. */
  readonly extensions?: readonly string[];
  /** Signs it; itself where absent. */
  readonly issuer?: CertificateFiles;
  /** `ec:P-256`, `rsa:2048`, `ed25519`; P-256 where absent. */
  readonly key?: string;
  /** Has the key of this one, which saves making another. */
  readonly keyOf?: CertificateFiles;
  /** Hexadecimal. */
  readonly serial?: string;
  /** `YYYYMMDDHHMMSSZ`. */
  readonly notBefore?: string;
  readonly notAfter?: string;
  /** More for the command that signs. */
  readonly signing?: readonly string[];
}

export const CA_EXTENSIONS = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
export const CLIENT_EXTENSIONS = ["basicConstraints=CA:FALSE", "extendedKeyUsage=clientAuth"];

/** A folder of certificates that goes when it is disposed of. */
export class CertificateFolder {
  readonly path = Deno.makeTempDirSync();
  #made = 0;

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }

  make(options: CertificateOptions): CertificateFiles {
    const { subject, extensions, issuer, key = "ec:P-256", serial = "01", signing = [] } = options;
    const { notBefore = "20240101000000Z", notAfter = "20991231235959Z" } = options;
    const base = `${this.path}/${++this.#made}`;
    const [pemPath, requestPath] = [`${base}.pem`, `${base}.csr`];
    const keyPath = options.keyOf?.keyPath ?? `${base}.key`;
    if (options.keyOf === undefined) this.#openssl("genpkey", ...keyArguments(key), "-out", keyPath);
    this.#openssl("req", "-new", "-utf8", "-multivalue-rdn", "-key", keyPath, "-subj", subject, "-out", requestPath);
    // "openssl ca" is the command that takes dates, and keeps a subject as it is.
    const settings = `${base}.cnf`;
    Deno.writeTextFileSync(`${base}.index`, "");
    Deno.writeTextFileSync(`${base}.serial`, `${serial}\n`);
    Deno.writeTextFileSync(
      settings,
      [
        "[ca]",
        "default_ca=own",
        "[own]",
        `database=${base}.index`,
        `serial=${base}.serial`,
        `new_certs_dir=${this.path}`,
        "default_md=sha256",
        "policy=any",
        "preserve=yes",
        "email_in_dn=yes",
        "string_mask=utf8only",
        "unique_subject=no",
        "[any]",
        ...["C", "O", "OU", "CN", "emailAddress", "UID"].map((name) => `${name}=optional`),
        "[extensions]",
        ...extensions ?? [],
      ].join("\n"),
    );
    const signer = issuer === undefined
      ? ["-selfsign", "-keyfile", keyPath]
      : ["-cert", issuer.pemPath, "-keyfile", issuer.keyPath];
    this.#openssl(
      "ca",
      "-batch",
      "-utf8",
      "-notext",
      "-config",
      settings,
      "-in",
      requestPath,
      "-out",
      pemPath,
      "-startdate",
      notBefore,
      "-enddate",
      notAfter,
      ...signer,
      ...(extensions === undefined ? [] : ["-extensions", "extensions"]),
      ...(key === "ed25519" && issuer === undefined ? ["-md", "null"] : []),
      ...signing,
    );
    const pem = Deno.readTextFileSync(pemPath);
    return { pemPath, keyPath, pem, key: Deno.readTextFileSync(keyPath), der: derOf(pem) };
  }

  write(name: string, text: string): string {
    const path = `${this.path}/${name}`;
    Deno.writeTextFileSync(path, text);
    return path;
  }

  #openssl(...args: string[]): void {
    const { success, stderr } = new Deno.Command("openssl", { args, cwd: this.path }).outputSync();
    if (!success) throw new Error(`openssl ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
}

function keyArguments(key: string): string[] {
  const [kind, parameter = ""] = key.split(":");
  if (kind === "ec") return ["-algorithm", "EC", "-pkeyopt", `ec_paramgen_curve:${parameter}`];
  if (kind === "rsa") return ["-algorithm", "RSA", "-pkeyopt", `rsa_keygen_bits:${parameter}`];
  return ["-algorithm", key];
}

export function derOf(pem: string): Uint8Array {
  return Uint8Array.from(atob(pem.replace(/-----[^-]+-----|\s/g, "")), (character) => character.charCodeAt(0));
}
