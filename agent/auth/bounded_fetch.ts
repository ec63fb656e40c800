/**
 * HTTP requests to servers that may be slow, broken or somebody else's: bounded in time and size, and kept to one origin.
 */
import type { Surroundings } from "./surroundings.ts";

export interface BoundedRequest {
  readonly method: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Connecting, waiting and reading together. */
  readonly timeoutMs: number;
  /** Of the body, unpacked. */
  readonly maxBytes: number;
  /** Connections are kept there, and certificates checked. */
  readonly client: Deno.HttpClient;
  readonly setTimer: Surroundings["setTimer"];
  /** Ends the request early. */
  readonly signal?: AbortSignal;
}

/** What came, or why nothing did, in words that hold nothing of the request: it may carry a password. */
export type Fetched =
  | {
    readonly kind: "answer";
    readonly status: number;
    readonly headers: Headers;
    /** Null where `bodyFault` says what is wrong with it. */
    readonly body: Uint8Array | null;
    readonly bodyFault: string;
  }
  | { readonly kind: "failed"; readonly why: string };

const MAX_REDIRECTS = 3;
/** Those that keep method and body (RFC 9110 section 15.4), and for GET the others too. */
const KEEPS_METHOD: ReadonlySet<number> = new Set([307, 308]);
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Asks a server. Redirects are followed to the same origin only, three at most, and for POST only where they keep the
 * method: another host would be told the credentials, and what it answers would count as the first one's word.
 * Never rejects.
 */
export async function boundedFetch(url: URL, request: BoundedRequest): Promise<Fetched> {
  const controller = new AbortController();
  let late = false;
  const cancelTimer = request.setTimer(() => {
    late = true;
    controller.abort();
  }, request.timeoutMs);
  const stop = () => controller.abort();
  request.signal?.addEventListener("abort", stop);
  if (request.signal?.aborted) stop();
  try {
    return await follow(url, request, controller.signal);
  } catch (error) {
    if (late) return { kind: "failed", why: `no answer within ${request.timeoutMs} ms` };
    return { kind: "failed", why: controller.signal.aborted ? "the request was given up" : networkFault(error) };
  } finally {
    cancelTimer();
    request.signal?.removeEventListener("abort", stop);
  }
}

async function follow(url: URL, request: BoundedRequest, signal: AbortSignal): Promise<Fetched> {
  let target = url;
  for (let redirects = 0;; redirects++) {
    const response = await fetch(target, {
      method: request.method,
      redirect: "manual",
      signal,
      client: request.client,
      ...(request.headers === undefined ? {} : { headers: { ...request.headers } }),
      ...(request.body === undefined ? {} : { body: request.body }),
    });
    if (!REDIRECTS.has(response.status)) return await receive(response, request.maxBytes);
    await response.body?.cancel();
    const next = redirectTarget(response, target, request.method);
    if (typeof next === "string") return { kind: "failed", why: next };
    if (redirects === MAX_REDIRECTS) return { kind: "failed", why: "too many redirects" };
    target = next;
  }
}

function redirectTarget(response: Response, from: URL, method: "GET" | "POST"): URL | string {
  if (method === "POST" && !KEEPS_METHOD.has(response.status)) return "a redirect that does not keep the method";
  const location = response.headers.get("location");
  const target = location === null ? null : URL.parse(location, from);
  if (target === null) return "a redirect without a readable address";
  return target.origin === from.origin ? target : "a redirect to another origin, which is not followed";
}

/** The status is known whatever becomes of the body: 401 is a refusal, also with a page behind it that never ends. */
async function receive(response: Response, maxBytes: number): Promise<Fetched> {
  const { status, headers } = response;
  const answer = (body: Uint8Array | null, bodyFault: string): Fetched => (
    { kind: "answer", status, headers, body, bodyFault }
  );
  try {
    const announced = Number(headers.get("content-length") ?? 0);
    const body = announced > maxBytes ? null : await readBody(response.body, maxBytes);
    if (body !== null) return answer(body, "");
    await response.body?.cancel();
    return answer(null, `the answer is larger than ${maxBytes} bytes`);
  } catch {
    return answer(null, "the answer did not come to its end in time, or broke off");
  }
}

/** The body, or null where it is too large. Rejects when the connection breaks or the time is over. */
async function readBody(stream: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<Uint8Array | null> {
  if (stream === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  // A reader that is let go again, so that what is too large can be cancelled as a whole.
  const reader = stream.getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > maxBytes) return null;
      chunks.push(value);
    }
  } finally {
    reader.releaseLock();
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

/** The library's own words quote the address, and so what stands in its query. */
function networkFault(error: unknown): string {
  const text = error instanceof Error
    ? `${error.message} ${error.cause instanceof Error ? error.cause.message : ""}`
    : "";
  if (/certificate|tls|ssl|handshake/i.test(text)) return "cannot make a TLS connection: is its certificate trusted?";
  if (/refused/i.test(text)) return "the connection was refused";
  if (/dns|lookup|resolve/i.test(text)) return "the host name cannot be resolved";
  if (/reset|closed|eof|broken pipe|incomplete/i.test(text)) return "the connection broke";
  if (error instanceof Deno.errors.NotCapable) return "this process was started without the right to connect there";
  return "the request failed";
}

/** An address as logs may have it: without user, password and query. */
export function publicAddress(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

/** Whether an address is on this machine, so that nobody is on the way to it. */
export function isLoopback(url: URL): boolean {
  const { hostname } = url;
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
