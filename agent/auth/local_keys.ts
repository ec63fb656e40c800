import type { Algorithm } from "./jwt.ts";
import { pemKey, readKeySet, secretKey, type VerificationKey } from "./jwt_keys.ts";

/** Where keys on this machine are. */
export interface LocalKeySources {
  readonly secret?: string;
  readonly "public-key-file"?: string;
  readonly "jwks-file"?: string;
}

const MAX_FILE_BYTES = 1 << 20;

interface Loaded {
  readonly keys: readonly VerificationKey[];
  readonly skipped: readonly string[];
}

/** The keys that are on this machine: the shared secret, and those in files. */
export class LocalKeys {
  /** Those that may change. */
  readonly files: readonly string[];
  readonly #sources: LocalKeySources;
  readonly #allowed: ReadonlySet<Algorithm>;
  readonly #loaded = new Map<keyof LocalKeySources, Loaded>();

  constructor(sources: LocalKeySources, allowed: ReadonlySet<Algorithm>) {
    this.#sources = sources;
    this.#allowed = allowed;
    this.files = [sources["public-key-file"], sources["jwks-file"]].filter((path) => path !== undefined);
  }

  get keys(): readonly VerificationKey[] {
    return [...this.#loaded.values()].flatMap(({ keys }) => keys);
  }

  /** Keys that are there and can not be used, and why. */
  get skipped(): string {
    return [...this.#loaded.values()].flatMap(({ skipped }) => skipped).join("; ");
  }

  /**
   * Reads all of it, and says what is wrong: `"keys.json": no such file`. What cannot be loaded leaves what was loaded
   * from there before in force. No fault holds a secret.
   */
  load(): string[] {
    const { secret, "public-key-file": pemPath, "jwks-file": setPath } = this.#sources;
    const faults: string[] = [];
    const take = (source: keyof LocalKeySources, result: Loaded | { readonly fault: string }) => {
      if ("keys" in result) this.#loaded.set(source, result);
      else faults.push(source === "secret" ? result.fault : `"${this.#sources[source]}": ${result.fault}`);
    };
    if (secret !== undefined) take("secret", one(secretKey(secret, this.#allowed)));
    if (pemPath !== undefined) take("public-key-file", readFile(pemPath, (text) => one(pemKey(text, this.#allowed))));
    if (setPath !== undefined) take("jwks-file", readFile(setPath, (text) => this.#keySet(text)));
    return faults;
  }

  #keySet(text: string): Loaded | { readonly fault: string } {
    const reading = readKeySet(text, this.#allowed);
    if ("fault" in reading || reading.keys.length > 0) return reading;
    return { fault: ["it holds no key that can be used", ...reading.skipped].join("; ") };
  }
}

function one(
  result: { readonly key: VerificationKey } | { readonly fault: string },
): Loaded | { readonly fault: string } {
  return "key" in result ? { keys: [result.key], skipped: [] } : result;
}

function readFile<T>(path: string, read: (text: string) => T): T | { readonly fault: string } {
  let text: string;
  try {
    const { size, isFile } = Deno.statSync(path);
    if (!isFile) return { fault: "it is no file" };
    if (size > MAX_FILE_BYTES) return { fault: "it is larger than 1 MiB" };
    text = new TextDecoder("utf-8", { fatal: true }).decode(Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { fault: "no such file" };
    if (error instanceof Deno.errors.PermissionDenied) return { fault: "permission denied" };
    if (error instanceof TypeError) return { fault: "not valid UTF-8" };
    return { fault: error instanceof Error ? error.message : String(error) };
  }
  return read(text);
}
