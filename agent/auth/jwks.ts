/**
 * The keys that an issuer publishes (RFC 7517): fetched in the background, kept while the server is away, and asked for
 * again when a token names one that is not known.
 */
import { boundedFetch, isLoopback, publicAddress } from "./bounded_fetch.ts";
import { type KeySetReading, type VerificationKey } from "./jwt_keys.ts";
import type { Surroundings } from "./surroundings.ts";

const TIMEOUT_MS = 5000;
const MAX_BYTES = 1 << 20;
/**
 * A token can name any key, and anybody can write tokens: without this, whoever sends a thousand made-up names a second
 * would have the agent ask the issuer as often (bypass class B114). One that did rotate is a login late by as much.
 */
const MIN_INTERVAL_MS = 30_000;
/** How long an answer is good for where it does not say so itself, and between which bounds it may. */
const DEFAULT_LIFE_MS = 600_000;
const MIN_LIFE_MS = 60_000;
const MAX_LIFE_MS = 3_600_000;
/** After a failure: doubling while there are no keys at all. */
const FIRST_RETRY_MS = 1000;
const RETRY_MS = 30_000;
/** What the first answer is expected to take, and how much of the average each further one makes up. */
const FIRST_GUESS_MS = 100;
const WEIGHT = 0.3;

export interface RemoteKeysOptions {
  readonly surroundings: Surroundings;
  /** Makes keys of the text. */
  readonly read: (text: string) => KeySetReading | { readonly fault: string };
  /** Called with every set that was fetched, before those who wait for it go on. */
  readonly onKeys: (keys: readonly VerificationKey[]) => void;
}

/**
 * What is wrong with the address of a key set, or null. Over plain HTTP whoever is on the way could put keys of their own
 * in it and sign for everybody, so that is taken from this machine only.
 */
export function keysAddressFault(url: URL): string | null {
  if (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url))) return null;
  return "keys may come over https only, or over http from this machine";
}

/** Keys behind an address. Everything that can go wrong with the server leaves the last keys in force. */
export class RemoteKeys {
  readonly #url: URL;
  readonly #options: RemoteKeysOptions;
  readonly #client = Deno.createHttpClient({});
  readonly #closing = new AbortController();
  #fetching: Promise<boolean> | null = null;
  #startedMs = -Infinity;
  #averageMs = FIRST_GUESS_MS;
  #loaded = false;
  #retryMs = FIRST_RETRY_MS;
  #cancelTimer = () => {};
  #toldSkipped = "";

  /** Begins to fetch. */
  constructor(url: URL, options: RemoteKeysOptions) {
    this.#url = url;
    this.#options = options;
    this.#refresh();
  }

  /** False until a key set was fetched. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** How long whoever calls `wait` now will wait, at best knowledge. */
  get expectedMs(): number {
    if (this.#fetching === null) return this.#averageMs;
    return Math.max(1, this.#averageMs - (this.#options.surroundings.monotonicMs() - this.#startedMs));
  }

  /** Whether `wait` would bring news: keys are being fetched, or may be asked for again. */
  get due(): boolean {
    if (this.#closing.signal.aborted) return false;
    // Before the first keys the timer asks often enough.
    return this.#fetching !== null ||
      (this.#loaded && this.#options.surroundings.monotonicMs() - this.#startedMs >= MIN_INTERVAL_MS);
  }

  /** Waits for the fetch under way, or for a new one where one is due. False: no keys came. Never rejects. */
  wait(): Promise<boolean> {
    if (this.#fetching === null && !this.due) return Promise.resolve(false);
    return this.#refresh();
  }

  close(): void {
    this.#cancelTimer();
    this.#closing.abort();
    const close = () => this.#client.close();
    if (this.#fetching === null) close();
    else this.#fetching.then(close);
  }

  /** One at a time: whoever comes while it runs waits for the same. */
  #refresh(): Promise<boolean> {
    this.#fetching ??= this.#fetch().finally(() => this.#fetching = null);
    return this.#fetching;
  }

  async #fetch(): Promise<boolean> {
    const { monotonicMs, setTimer } = this.#options.surroundings;
    this.#cancelTimer();
    this.#startedMs = monotonicMs();
    const fetched = await boundedFetch(this.#url, {
      method: "GET",
      headers: { accept: "application/jwk-set+json, application/json" },
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
      client: this.#client,
      setTimer,
      signal: this.#closing.signal,
    });
    if (this.#closing.signal.aborted) return false;
    this.#averageMs += WEIGHT * (monotonicMs() - this.#startedMs - this.#averageMs);
    if (fetched.kind === "failed") return this.#failed(fetched.why);
    if (fetched.status !== 200) return this.#failed(`it answered with status ${fetched.status}`);
    if (fetched.body === null) return this.#failed(fetched.bodyFault);
    const text = decode(fetched.body);
    const reading = text === null ? { fault: "no UTF-8 text" } : this.#options.read(text);
    if ("fault" in reading) return this.#failed(`its answer is no key set: ${reading.fault}`);
    this.#tellSkipped(reading.skipped);
    // A set of nothing more often is a server that lost its data than an issuer that gave up.
    if (reading.keys.length === 0) return this.#failed("its key set holds no key that can be used");
    this.#loaded = true;
    this.#retryMs = FIRST_RETRY_MS;
    this.#options.onKeys(reading.keys);
    this.#refreshIn(lifeMs(fetched.headers.get("cache-control")));
    return true;
  }

  #failed(why: string): false {
    this.#options.surroundings.tell("warn", "Cannot fetch the keys of a token issuer", {
      url: publicAddress(this.#url),
      why,
      meanwhile: this.#loaded ? "the last keys stay in force" : "no token of this issuer can be verified",
    });
    this.#refreshIn(this.#loaded ? RETRY_MS : this.#retryMs);
    this.#retryMs = Math.min(RETRY_MS, this.#retryMs * 2);
    return false;
  }

  #refreshIn(ms: number): void {
    this.#cancelTimer = this.#options.surroundings.setTimer(() => this.#refresh(), ms);
  }

  /** Once for each set of them. */
  #tellSkipped(skipped: readonly string[]): void {
    const reasons = skipped.join("; ");
    if (reasons !== "" && reasons !== this.#toldSkipped) {
      this.#options.surroundings.tell("info", "Some keys of a token issuer are not used", {
        url: publicAddress(this.#url),
        reasons,
      });
    }
    this.#toldSkipped = reasons;
  }
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** RFC 9111 section 5.2.2.1, within bounds: neither a second nor a year is what an issuer means for the agent. */
function lifeMs(cacheControl: string | null): number {
  if (cacheControl === null) return DEFAULT_LIFE_MS;
  const directives = cacheControl.toLowerCase();
  if (/\bno-(?:store|cache)\b/.test(directives)) return MIN_LIFE_MS;
  const seconds = /\bmax-age\s*=\s*"?(\d{1,10})/.exec(directives)?.[1];
  if (seconds === undefined) return DEFAULT_LIFE_MS;
  return Math.min(MAX_LIFE_MS, Math.max(MIN_LIFE_MS, Number(seconds) * 1000));
}
