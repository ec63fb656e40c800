/** What vectors refer to and a run has to make first: files, servers, tokens, certificates. */
import { Buffer } from "node:buffer";
import { createHash, type KeyObject } from "node:crypto";
import { BcryptPool } from "../../agent/auth/bcrypt_pool.ts";
import { Threads } from "../../agent/auth/threads.ts";
import { CA_EXTENSIONS, type CertificateFiles, CertificateFolder, CLIENT_EXTENSIONS } from "./certificates.ts";
import { ED25519, jwk, type KeyPair, makeToken, P256, P384, pem, RSA, SECRET } from "./tokens.ts";
import { type Backend, BackendServer } from "./vector_backend.ts";
import { isFrame, type Step, type Vector } from "./vector.ts";

/**
 * The things of the vectors whose files have one beginning (`identity_props.json` for `identity_….json`).
 *
 * A configuration refers to them as to an environment: `${FILES}/users.json`, `${BACKEND}/path`, and `${SECRET}` for the
 * key of tokens that have no other. Everywhere in files, tokens and certificates the text `now+600` stands for that many
 * seconds from now, as a number in JSON, and `date+600` for the same as an ISO date.
 */
export interface Props {
  /** More configurations that vectors name; a list: one over the other, by name or as they are. */
  readonly configs?: Readonly<Record<string, unknown>>;
  readonly files?: Readonly<Record<string, FileDescription>>;
  readonly tokens?: Readonly<Record<string, TokenDescription>>;
  readonly certificates?: Readonly<Record<string, CertificateDescription>>;
  readonly backend?: Backend;
}

export type FileDescription =
  /** Lines of text. */
  | readonly string[]
  | { readonly json: unknown }
  /** A public key as PEM. */
  | { readonly pem: KeyName }
  /** Public keys as a JWK Set; what is beside `key` becomes a member of the JWK. */
  | { readonly jwks: readonly ({ readonly key: KeyName } & Readonly<Record<string, unknown>>)[] }
  | { readonly certificate: string };

const KEYS: Readonly<Record<KeyName, KeyPair>> = { rsa: RSA, p256: P256, p384: P384, ed25519: ED25519 };
type KeyName = "rsa" | "p256" | "p384" | "ed25519";

/** A JSON Web Token. */
export interface TokenDescription {
  /** `{ alg }` where absent; a text is taken as it is. */
  readonly header?: unknown;
  /** A text is taken as it is. */
  readonly claims: unknown;
  /** What signs it: a key, `pem of rsa` for its public half taken for a secret, another secret; `secret` where absent. */
  readonly key?: KeyName | "secret" | "other secret" | `pem of ${KeyName}`;
  /** Signed as; HS256 where absent, whatever the header says. */
  readonly alg?: string;
  /** Taken in the place of the signature. */
  readonly signature?: string;
  readonly prefix?: string;
  readonly suffix?: string;
}

/** A certificate for being a client, or with `ca` an authority. */
export interface CertificateDescription {
  /** As OpenSSL wants it: `/O=Plant/CN=dev-1`. */
  readonly subject: string;
  readonly ca?: true;
  /** Signs it; itself where absent. */
  readonly issuer?: string;
  /** Lines of an extension section beside those of a client. */
  readonly extensions?: readonly string[];
  readonly serial?: string;
  /** `now+600`. */
  readonly notBefore?: string;
  readonly notAfter?: string;
}

export function readProps(json: string): Props {
  return JSON.parse(json) as Props;
}

const OTHER_SECRET = "another secret of no less than 32 bytes!";

/** The things themselves, made when they are first asked for, but for files and servers. */
export class World {
  readonly #threads = new Threads();
  /** All agents of a run prove passwords in the same threads. */
  readonly workers = { threads: this.#threads, pool: new BcryptPool(this.#threads) };
  /** When it was made, in milliseconds since the epoch: all agents of a run begin then, however long others took. */
  readonly nowMs = Date.now();
  readonly #props: Props;
  readonly #folder: string;
  readonly #backend: BackendServer | null;
  readonly #certificates = new Map<string, CertificateFiles>();
  readonly #tokens = new Map<string, string>();
  #certificateFolder: CertificateFolder | null = null;

  constructor(props: Props) {
    this.#props = props;
    this.#folder = Deno.makeTempDirSync({ prefix: "mqtt-vectors-" });
    for (const [name, description] of Object.entries(props.files ?? {})) {
      Deno.writeTextFileSync(`${this.#folder}/${name}`, this.#fileText(description));
    }
    this.#backend = props.backend === undefined ? null : new BackendServer(this.#withKeys(props.backend));
  }

  /** What a configuration's `${NAME}` stands for. */
  readonly env = (name: string): string | undefined =>
    name === "FILES" ? this.#folder : name === "BACKEND" ? this.#backend?.url : name === "SECRET" ? SECRET : undefined;

  async stop(): Promise<void> {
    this.workers.pool.close();
    await this.#threads.close();
    await this.#backend?.stop();
    this.#certificateFolder?.[Symbol.dispose]();
    Deno.removeSync(this.#folder, { recursive: true });
  }

  /**
   * The vector with its tokens and certificates put in: `t 'name'` in `hex` becomes the text of that token with its length
   * in front, and in headers `{der name}`, `{pem name}`, `{sha256 name}` become a certificate as Base64 of DER, as
   * percent-encoded PEM, and its fingerprint.
   */
  putInto(vector: Vector): { readonly vector: Vector; readonly secrets: readonly string[] } {
    const secrets = new Set<string>();
    const token = (name: string): string => {
      const text = this.#token(name, vector);
      secrets.add(text);
      return text;
    };
    const fill = (hex: string) =>
      hex.replace(/'[^']*'|\bt\s+'([^']*)'/g, (all, name?: string) => name === undefined ? all : `s '${token(name)}'`);
    const frames = vector.frames.map((step): Step => {
      if (isFrame(step)) return { ...step, hex: fill(step.hex) };
      if (step.event !== "request_headers") return step;
      const headers = Object.entries(step.headers).map(([name, values]) =>
        [name, values.map((value) => this.#withCertificates(value))] as const
      );
      return { ...step, headers: Object.fromEntries(headers) };
    });
    const connect = vector.connect === undefined ? {} : { connect: fill(vector.connect) };
    return { vector: { ...vector, ...connect, frames }, secrets: [...secrets] };
  }

  #fileText(description: FileDescription): string {
    if (Array.isArray(description)) return this.#withTimes(description.join("\n"));
    const file = description as Exclude<FileDescription, readonly string[]>;
    if ("json" in file) return this.#withTimes(JSON.stringify(file.json));
    if ("pem" in file) return pem(KEYS[file.pem]);
    if ("jwks" in file) return JSON.stringify(keySet(file.jwks));
    return this.#certificate(file.certificate).pem;
  }

  /** JWK Sets of answers are made like those of files. */
  #withKeys(backend: Backend): Backend {
    const text = this.#withTimes(JSON.stringify(backend));
    return JSON.parse(text, (_, value) => isJwks(value) ? keySet(value.jwks) : value);
  }

  #token(name: string, vector: Vector): string {
    const own = vector.tokens?.[name];
    const place = own === undefined ? name : `${vector.class} ${vector.name} ${name}`;
    let text = this.#tokens.get(place);
    if (text === undefined) {
      const description = own ?? this.#props.tokens?.[name];
      if (description === undefined) throw new Error(`Cannot play "${vector.name}": no token "${name}"`);
      this.#tokens.set(place, text = this.#tokenText(description));
    }
    return text;
  }

  #certificate(name: string): CertificateFiles {
    let files = this.#certificates.get(name);
    if (files === undefined) {
      const description = this.#props.certificates?.[name];
      if (description === undefined) throw new Error(`Cannot make the certificate "${name}": it is not described`);
      const { subject, ca, issuer, extensions = [], serial, notBefore, notAfter } = description;
      files = (this.#certificateFolder ??= new CertificateFolder()).make({
        subject,
        extensions: ca === true ? CA_EXTENSIONS : [...CLIENT_EXTENSIONS, ...extensions],
        ...(issuer === undefined ? {} : { issuer: this.#certificate(issuer) }),
        ...(serial === undefined ? {} : { serial }),
        ...(notBefore === undefined ? {} : { notBefore: this.#opensslDate(notBefore) }),
        ...(notAfter === undefined ? {} : { notAfter: this.#opensslDate(notAfter) }),
      });
      this.#certificates.set(name, files);
    }
    return files;
  }

  #tokenText({ header, claims, key = "secret", alg = "HS256", signature, prefix, suffix }: TokenDescription): string {
    const json = (value: unknown) => this.#withTimes(typeof value === "string" ? value : JSON.stringify(value));
    const made = makeToken({
      ...(header === undefined ? {} : { header: json(header) }),
      claims: json(claims),
      key: signingKey(key),
      alg,
    });
    const text = signature === undefined ? made : `${made.slice(0, made.lastIndexOf(".") + 1)}${signature}`;
    return `${prefix ?? ""}${text}${suffix ?? ""}`;
  }

  /** `"now+600"` becomes a number, `date+600` an ISO date within its text. */
  #withTimes(text: string): string {
    return text.replace(/"now([+-]\d+)"/g, (_, secs: string) => String(Math.trunc(this.#inSecs(secs) / 1000)))
      .replace(/\bdate([+-]\d+)/g, (_, secs: string) => new Date(this.#inSecs(secs)).toISOString());
  }

  /** `YYYYMMDDHHMMSSZ` */
  #opensslDate(text: string): string {
    const secs = /^now([+-]\d+)$/.exec(text)?.[1] ?? "";
    return new Date(this.#inSecs(secs)).toISOString().replace(/[-:T]|\.\d+/g, "");
  }

  #inSecs(secs: string): number {
    return this.nowMs + Number(secs) * 1000;
  }

  #withCertificates(value: string): string {
    return value.replace(/\{(der|pem|sha256) ([^}]*)\}/g, (_, form: string, name: string) => {
      const { der, pem } = this.#certificate(name);
      if (form === "pem") return encodeURIComponent(pem);
      return form === "der" ? Buffer.from(der).toString("base64") : createHash("sha256").update(der).digest("hex");
    });
  }
}

function isJwks(value: unknown): value is Extract<FileDescription, { jwks: unknown }> {
  return typeof value === "object" && value !== null && "jwks" in value;
}

function keySet(keys: Extract<FileDescription, { jwks: unknown }>["jwks"]): unknown {
  return { keys: keys.map(({ key, ...members }) => jwk(KEYS[key], members)) };
}

function signingKey(name: NonNullable<TokenDescription["key"]>): string | KeyObject {
  if (name === "secret") return SECRET;
  if (name === "other secret") return OTHER_SECRET;
  if (name.startsWith("pem of ")) return pem(KEYS[name.slice("pem of ".length) as KeyName]);
  return KEYS[name as KeyName].privateKey;
}
