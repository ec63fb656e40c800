import { deny, failure, ignore } from "./answers.ts";
import type { ProviderConfig } from "../config/schema/auth.ts";
import { boundedFetch, type BoundedRequest, isLoopback, publicAddress } from "./bounded_fetch.ts";
import { CircuitBreaker } from "./circuit_breaker.ts";
import { readBackendAnswer } from "./http_answer.ts";
import type { Answer, Credentials, Identity, Provider, Work } from "./provider.ts";
import {
  DEFAULT_BODY,
  fillForm,
  fillJson,
  fillUrl,
  formFault,
  type Placeholder,
  placeholdersIn,
  placeholdersInUrl,
  readUrlTemplate,
  type RequestValues,
  type UrlTemplate,
} from "./request_template.ts";
import type { Surroundings } from "./surroundings.ts";
import { WorkQueue } from "./work_queue.ts";

export type HttpConfig = Extract<ProviderConfig, { type: "http" }>;

export type HttpProviderResult = { readonly provider: HttpProvider } | { readonly problems: readonly string[] };

const MAX_ANSWER_BYTES = 65_536;
/** A backend that takes 10 ms answers 3,200 a second through these. */
const MAX_CONCURRENT = 32;
/** Each keeps a password in memory. */
const MAX_WAITING = 512;
const FIRST_GUESS_MS = 25;
const BREAKER_FAILURES = 5;
const BREAKER_OPEN_MS = 10_000;

const NOTHING_TO_ASK = ignore("the CONNECT has nothing that the backend is asked about");
const EMPTY_PASSWORD = deny("wrong-password", "the password is empty, which some directories take for a right one");
const NO_TEXT = deny("wrong-password", "the password is no UTF-8 text, and the backend is asked in text");
const NO_ADDRESS = deny("backend-denied", "a value of the CONNECT can not stand in the backend's address");
const OPEN = failure("the backend is not asked: it failed too often, and is tried again in a few seconds");
const FULL = failure("the backend is not asked: too many wait for it");

/** Fatal: a password in which bytes were replaced is another password. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Makes a provider that asks a server, or says all that is wrong with its configuration. */
export function createHttpProvider(config: HttpConfig, surroundings: Surroundings): HttpProviderResult {
  const problems: string[] = [];
  const url = readUrlTemplate(config.url);
  const name = `http (${config.name ?? ("fault" in url ? "no address" : url.origin)})`;
  const problem = (what: string) => problems.push(`Cannot use the provider "${name}": ${what}`);
  if ("fault" in url) problem(`url: ${url.fault}`);
  const headers = readHeaders(config.headers, problem);
  const body = readBody(config, headers);
  if ("fault" in body) problem(`body: ${body.fault}`);
  const client = makeClient(config["tls-ca-file"]);
  if ("fault" in client) problem(`tls-ca-file: ${client.fault}`);
  if (problems.length > 0 || "fault" in url || "fault" in body || "fault" in client) {
    if (!("fault" in client)) client.close();
    return { problems };
  }
  if (url.authorization !== null && !headers.has("authorization")) headers.set("authorization", url.authorization);
  return { provider: new HttpProvider({ name, config, url, headers, body, client, surroundings }) };
}

function readHeaders(given: Readonly<Record<string, string>>, problem: (what: string) => void): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(given)) {
    try {
      headers.append(name, value);
    } catch {
      problem(`headers: "${name}" is no header that can be sent`);
    }
  }
  return headers;
}

interface BodyTemplate {
  readonly template: unknown;
  readonly as: "json" | "form" | "query";
}

/** As EMQX does: with GET the body's fields go into the query, and the content type says whether it is JSON or a form. */
function readBody(config: HttpConfig, headers: Headers): BodyTemplate | { readonly fault: string } {
  const template = config.body ?? DEFAULT_BODY;
  const contentType = headers.get("content-type") ?? "application/json";
  const form = /^application\/x-www-form-urlencoded\b/i.test(contentType);
  const as = config.method === "GET" ? "query" : form ? "form" : "json";
  if (as === "json") {
    if (typeof template !== "object" || template === null) return { fault: "it must be an object or a list" };
    if (!/^application\/(?:[\w.-]+\+)?json\b/i.test(contentType)) {
      return { fault: "it can be sent as JSON or as a form, and the content-type header says neither" };
    }
    headers.set("content-type", contentType);
  } else {
    const fault = formFault(template);
    if (fault !== null) return { fault };
    if (as === "query") headers.delete("content-type");
  }
  return { template, as };
}

/** One for each provider: connections are kept open between requests, and end with it. */
function makeClient(caFile: string | undefined): Deno.HttpClient | { readonly fault: string } {
  if (caFile === undefined) return Deno.createHttpClient({});
  try {
    const text = Deno.readTextFileSync(caFile);
    const caCerts = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
    if (caCerts === null) return { fault: `"${caFile}" holds no certificate in PEM` };
    return Deno.createHttpClient({ caCerts });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { fault: `"${caFile}": no such file` };
    return { fault: `"${caFile}" cannot be used: ${error instanceof Error ? error.message : String(error)}` };
  }
}

interface Parts {
  readonly name: string;
  readonly config: HttpConfig;
  readonly url: UrlTemplate;
  readonly headers: Headers;
  readonly body: BodyTemplate;
  readonly client: Deno.HttpClient;
  readonly surroundings: Surroundings;
}

/**
 * Asks a server about each client, as EMQX's HTTP authenticator does, so that a backend made for that one works. Every
 * answer but a refusal to ask is work; the caller keeps what came of it, but never an error.
 *
 * Known to nobody but the backend, an identity holds until its `expire_at`: a user that is taken back there goes when the
 * session ends. `nowMs` is milliseconds since the epoch.
 */
export class HttpProvider implements Provider {
  readonly name: string;
  readonly onError: "deny" | "ignore";
  readonly headers: readonly string[] = [];
  readonly generation = 0;
  readonly isRemote = true;
  readonly #proved = new WeakSet<Identity>();
  readonly #url: UrlTemplate;
  readonly #body: BodyTemplate;
  readonly #needs: ReadonlySet<Placeholder>;
  readonly #request: Omit<BoundedRequest, "body">;
  readonly #client: Deno.HttpClient;
  readonly #surroundings: Surroundings;
  readonly #queue: WorkQueue;
  readonly #breaker: CircuitBreaker;
  readonly #closing = new AbortController();
  #toldSuperuser = false;
  #toldOpen = false;

  constructor({ name, config, url, headers, body, client, surroundings }: Parts) {
    const { monotonicMs, setTimer } = surroundings;
    this.name = name;
    this.onError = config["on-error"];
    this.#url = url;
    this.#body = body;
    this.#needs = placeholdersIn(body.template).union(placeholdersInUrl(url));
    this.#client = client;
    this.#surroundings = surroundings;
    this.#request = {
      method: config.method,
      headers: Object.fromEntries(headers),
      timeoutMs: config["timeout-ms"],
      maxBytes: MAX_ANSWER_BYTES,
      client,
      setTimer,
      signal: this.#closing.signal,
    };
    this.#queue = new WorkQueue({
      concurrency: MAX_CONCURRENT,
      maxWaiting: MAX_WAITING,
      firstGuessMs: FIRST_GUESS_MS,
      monotonicMs,
    });
    this.#breaker = new CircuitBreaker({ failures: BREAKER_FAILURES, openMs: BREAKER_OPEN_MS, monotonicMs });
    const address = new URL(url.origin);
    if (address.protocol === "http:" && !isLoopback(address)) {
      surroundings.tell("warn", "A provider sends passwords over plain HTTP to another machine", { provider: name });
    }
  }

  check(credentials: Credentials, nowMs: number): Answer | Work {
    const { password } = credentials;
    if (!this.#hasWhatIsAsked(credentials)) return NOTHING_TO_ASK;
    const asksPassword = this.#needs.has("password");
    if (asksPassword && password !== null) {
      // An LDAP bind with a name and without a password succeeds as nobody in particular (RFC 4513 section 5.1.2).
      if (password.length === 0) return EMPTY_PASSWORD;
      if (!isUtf8(password)) return NO_TEXT;
    }
    if (this.#breaker.state === "open") return OPEN;
    if (this.#queue.full) return FULL;
    // The frame that the password lies in is gone by the time that it is sent.
    const kept = { ...credentials, password: asksPassword && password !== null ? password.slice() : null };
    const startedMs = this.#surroundings.monotonicMs();
    const run = async (): Promise<Answer> => {
      try {
        const ask = () => this.#ask(kept, nowMs - startedMs);
        const answer = await this.#queue.run(ask, (given) => given !== OPEN && given !== NO_ADDRESS);
        if (answer?.kind === "allow") this.#proved.add(answer.identity);
        return answer ?? FULL;
      } finally {
        kept.password?.fill(0);
      }
    };
    return { kind: "work", expectedMs: this.#queue.expectedMs, run };
  }

  /** A backend is asked at login only; one that was put in its place by a reload vouches for nobody who came before. */
  stillHolds(identity: Identity, nowMs: number): boolean {
    return this.#proved.has(identity) && nowMs < identity.expiresAtMs;
  }

  close(): void {
    this.#closing.abort();
    this.#client.close();
  }

  /** A backend that is asked about names or passwords has nothing to say of a CONNECT without. */
  #hasWhatIsAsked({ username, password }: Credentials): boolean {
    const names = this.#needs.has("username");
    const passwords = this.#needs.has("password");
    if (!names && !passwords) return true;
    return (names && username !== null && username !== "") || (passwords && password !== null);
  }

  /** `wallMs` is what the clock of the wall is ahead of the one that only goes forward. */
  async #ask(credentials: Credentials, wallMs: number): Promise<Answer> {
    const values = valuesOf(credentials);
    const { template, as } = this.#body;
    const url = fillUrl(this.#url, values, as === "query" ? fillForm(template, values) : new URLSearchParams());
    if (url === null) return NO_ADDRESS;
    const attempt = this.#breaker.enter();
    if (attempt === null) return OPEN;
    const body = as === "query"
      ? undefined
      : as === "form"
      ? String(fillForm(template, values))
      : JSON.stringify(fillJson(template, values));
    const fetched = await boundedFetch(url, { ...this.#request, ...(body === undefined ? {} : { body }) });
    const read = readBackendAnswer(fetched, values.username, wallMs + this.#surroundings.monotonicMs());
    if (read.trouble) attempt.failed();
    else attempt.succeeded();
    this.#tell(read.answer, read.superuser);
    return read.answer;
  }

  #tell(answer: Answer, superuser: boolean): void {
    const open = this.#breaker.state === "open";
    const fields = { provider: this.name, url: publicAddress(new URL(this.#url.origin)) };
    if (open && !this.#toldOpen) {
      const why = answer.kind === "error" ? answer.why : "";
      this.#surroundings.tell("warn", "A backend failed too often and is left alone for a while", { ...fields, why });
    }
    if (!open && this.#toldOpen && answer.kind !== "error") {
      this.#surroundings.tell("info", "A backend answers again", fields);
    }
    if (open || answer.kind !== "error") this.#toldOpen = open;
    if (superuser && !this.#toldSuperuser) {
      this.#toldSuperuser = true;
      this.#surroundings.tell("warn", "A backend says is_superuser, which gives no rights here: use groups", fields);
    }
  }
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    UTF8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function valuesOf({ clientId, username, password, address }: Credentials): RequestValues {
  return {
    clientid: clientId,
    username: username === "" ? null : username,
    password: password === null ? null : UTF8.decode(password),
    ip: address,
    // What EMQX sends for every client that is not of a gateway.
    protocol: "mqtt",
  };
}
