import { parseAddress } from "./policy/address.ts";
import type { UpgradePolicy } from "./policy/policy.ts";
import { type Reason, UPGRADE_EXTENSION, UPGRADE_ORIGIN, UPGRADE_SUBPROTOCOL } from "./reasons.ts";

/** Header values by name, as the proxy sends them: any case of the name, each a list. */
export type Headers = Readonly<Record<string, unknown>>;

/** All values of a header, whatever the case of its name; what is no text is left out. */
export function headerValues(headers: Headers, name: string): string[] {
  const values: string[] = [];
  for (const key of Object.keys(headers)) {
    if (key.toLowerCase() !== name) continue;
    const value = headers[key];
    for (const one of Array.isArray(value) ? value : [value]) if (typeof one === "string") values.push(one);
  }
  return values;
}

/** Tokens of a comma-separated list (RFC 9110 section 5.6.1), over all of a header's lines. */
function tokens(headers: Headers, name: string): string[] {
  return headerValues(headers, name).flatMap((value) => value.split(",")).map((token) => token.trim())
    .filter((token) => token !== "");
}

/** Whether a request asks for a WebSocket: by HTTP/1.1 Upgrade, or as an extended CONNECT (RFC 8441). */
export function isWebSocketUpgrade(headers: Headers): boolean {
  return tokens(headers, "upgrade").some((token) => /^websocket(\/|$)/i.test(token)) ||
    headerValues(headers, ":protocol").some((value) => value.toLowerCase() === "websocket") ||
    headerValues(headers, "sec-websocket-key").length > 0 ||
    headerValues(headers, "sec-websocket-version").length > 0;
}

/**
 * Why an upgrade is refused, or null.
 *
 * An extension offer is the worst of them: the proxy shows no frame of such a connection to any agent. It looks only at
 * the first header line and at one spelling, so here every line and every spelling counts.
 */
export function judgeUpgrade(headers: Headers, policy: UpgradePolicy): Reason | null {
  if (!policy.allowExtensions && tokens(headers, "sec-websocket-extensions").length > 0) return UPGRADE_EXTENSION;
  if (!originAllowed(headers, policy.origins)) return UPGRADE_ORIGIN;
  if (policy.subprotocols.length > 0) {
    const offered = tokens(headers, "sec-websocket-protocol");
    if (!offered.some((protocol) => policy.subprotocols.includes(protocol))) return UPGRADE_SUBPROTOCOL;
  }
  return null;
}

/** Whether the upgrade offers an extension that `allow-unseen` lets through: its frames are judged by nobody. */
export function offersExtension(headers: Headers): boolean {
  return tokens(headers, "sec-websocket-extensions").length > 0;
}

function originAllowed(headers: Headers, allowed: readonly string[]): boolean {
  const origins = headerValues(headers, "origin");
  if (origins.length === 0 || allowed.includes("any")) return true;
  const origin = origins[0] as string;
  // A browser sends one Origin. Of two, the server behind might believe the other.
  if (origins.length > 1) return false;
  const given = normalOrigin(origin);
  if (given === null) return false;
  if (allowed.some((one) => normalOrigin(one)?.origin === given.origin)) return true;
  if (!allowed.includes("same-host")) return false;
  const hosts = [...headerValues(headers, "host"), ...headerValues(headers, ":authority")];
  return hosts.length > 0 && hosts.every((host) => sameHost(given, host));
}

function normalOrigin(text: string): URL | null {
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#@\\\s]+$/i.test(text)) return null;
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** Host and port, the default port of the origin's scheme understood: a proxy that ends TLS keeps `Host` as the browser wrote it. */
function sameHost(origin: URL, host: string): boolean {
  if (!/^[^/?#@\\\s]+$/.test(host)) return false;
  try {
    return new URL(`${origin.protocol}//${host}`).host === origin.host;
  } catch {
    return false;
  }
}

/** What is known of an upgrade until its first frame comes. */
export interface SeenUpgrade {
  /** Null: it was allowed. */
  readonly refused: Reason | null;
  readonly atMs: number;
  /** Values of the headers that providers read, by lower-case name. */
  readonly headers: SeenHeaders;
}

/** Header values by lower-case name. */
export type SeenHeaders = ReadonlyMap<string, readonly string[]>;

export const NO_HEADERS: SeenHeaders = new Map();

/** What an upgrade says of the headers in `names`, which are lower-case. */
export function seenHeaders(headers: Headers, names: readonly string[]): SeenHeaders {
  if (names.length === 0) return NO_HEADERS;
  return new Map(names.map((name) => {
    const values = headerValues(headers, name);
    const units = values.reduce((sum, value) => sum + value.length, 0);
    // What is too long to be kept is as good as two that contradict each other: believed by nobody.
    return [name, units <= MAX_HEADER_UNITS ? values : IN_DOUBT];
  }));
}

/** A certificate with its chain, several times over. */
const MAX_HEADER_UNITS = 32_768;
const IN_DOUBT: readonly string[] = Object.freeze(["", ""]);

/** Upgrades remembered at most in each of two generations; each waits for its first frame. */
const MAX_WAITING = 50_000;
/** Upgrades of one correlation id and address: more are a client that repeats itself. */
const MAX_PER_KEY = 16;
/** Characters of header values in each generation. */
const MAX_WAITING_UNITS = 1 << 25;

/**
 * Upgrades whose first frame has not come yet, by correlation id and address text: the event of an upgrade has no port.
 *
 * Bounded and forgotten by generations: when the younger one is full or as old as `general.connect-timeout-secs`, it
 * becomes the older one, and what was older is gone. So nothing is searched and nothing a client repeats keeps the rest.
 */
export class UpgradeBook {
  #young = new Map<string, SeenUpgrade[]>();
  #old = new Map<string, SeenUpgrade[]>();
  #youngSinceMs = 0;
  /** Characters of headers in the younger generation, those that were taken included. */
  #youngUnits = 0;

  /** Keys that wait. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  add(correlationId: string, address: string, upgrade: SeenUpgrade, timeoutMs: number): void {
    const units = unitsOf(upgrade.headers);
    if (
      this.#young.size >= MAX_WAITING || this.#youngUnits + units > MAX_WAITING_UNITS ||
      upgrade.atMs - this.#youngSinceMs >= timeoutMs
    ) {
      this.#youngUnits = 0;
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngSinceMs = upgrade.atMs;
    }
    this.#youngUnits += units;
    const key = pairKey(correlationId, address);
    const queue = this.#young.get(key);
    const others = [...this.#old.get(key) ?? [], ...queue ?? []].filter(({ refused }) => refused === null);
    if (upgrade.refused === null) upgrade = withoutDoubt(upgrade, others);
    if (queue === undefined) this.#young.set(key, [upgrade]);
    else if (queue.push(upgrade) > MAX_PER_KEY) queue.shift();
  }

  /** The upgrade that a first frame belongs to, once; null for one that came longer ago than `timeoutMs`. */
  take(correlationId: string, address: string, nowMs: number, timeoutMs: number): SeenUpgrade | null {
    const key = pairKey(correlationId, address);
    return this.#takeFrom(this.#old, key, nowMs - timeoutMs) ?? this.#takeFrom(this.#young, key, nowMs - timeoutMs);
  }

  #takeFrom(waiting: Map<string, SeenUpgrade[]>, key: string, sinceMs: number): SeenUpgrade | null {
    const queue = waiting.get(key)?.filter(({ atMs }) => atMs >= sinceMs);
    if (queue === undefined) return null;
    // A refused one has no frames if the proxy did as told, so it is taken last.
    const allowed = queue.findIndex((upgrade) => upgrade.refused === null);
    const [upgrade] = queue.splice(Math.max(allowed, 0), 1);
    if (queue.length === 0) waiting.delete(key);
    else waiting.set(key, queue);
    return upgrade ?? null;
  }
}

/**
 * Several allowed upgrades that wait under one key can not be told apart: a client may choose its correlation id, and
 * share an address. If they carry different headers, none of them may be believed: each gets two that contradict.
 */
function withoutDoubt(upgrade: SeenUpgrade, others: SeenUpgrade[]): SeenUpgrade {
  if (others.every(({ headers }) => sameHeaders(headers, upgrade.headers))) return upgrade;
  const names = new Set([upgrade, ...others].flatMap(({ headers }) => [...headers.keys()]));
  const doubtful: SeenHeaders = new Map([...names].map((name) => [name, IN_DOUBT]));
  for (const other of others) (other as { headers: SeenHeaders }).headers = doubtful;
  return { ...upgrade, headers: doubtful };
}

function unitsOf(headers: SeenHeaders): number {
  let units = 0;
  for (const values of headers.values()) for (const value of values) units += value.length;
  return units;
}

function sameHeaders(a: SeenHeaders, b: SeenHeaders): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [name, values] of a) {
    const others = b.get(name);
    if (others?.length !== values.length || !values.every((value, i) => value === others[i])) return false;
  }
  return true;
}

function pairKey(correlationId: string, address: string): string {
  return `${parseAddress(address)?.text ?? address} ${correlationId}`;
}
