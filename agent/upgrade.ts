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
}

/** Upgrades remembered at most; each waits for its first frame. */
const MAX_WAITING = 100_000;

/**
 * Upgrades whose first frame has not come yet, by correlation id and address text: the event of an upgrade has no port.
 * Bounded, and each is forgotten after `general.connect-timeout-secs`.
 */
export class UpgradeBook {
  readonly #waiting = new Map<string, SeenUpgrade[]>();
  #count = 0;

  get size(): number {
    return this.#count;
  }

  add(correlationId: string, address: string, upgrade: SeenUpgrade, timeoutMs: number): void {
    this.#forgetBefore(upgrade.atMs - timeoutMs);
    if (this.#count >= MAX_WAITING) this.#forgetOldest();
    const key = pairKey(correlationId, address);
    const queue = this.#waiting.get(key);
    this.#count++;
    if (queue === undefined) this.#waiting.set(key, [upgrade]);
    else queue.push(upgrade);
  }

  /** The upgrade that a first frame belongs to, once. */
  take(correlationId: string, address: string): SeenUpgrade | null {
    const key = pairKey(correlationId, address);
    const queue = this.#waiting.get(key);
    if (queue === undefined) return null;
    // A refused one has no frames if the proxy did as told, so it is taken last.
    const allowed = queue.findIndex((upgrade) => upgrade.refused === null);
    const [upgrade] = queue.splice(Math.max(allowed, 0), 1);
    this.#count--;
    if (queue.length === 0) this.#waiting.delete(key);
    return upgrade ?? null;
  }

  #forgetBefore(ms: number): void {
    // A Map keeps the order of insertion, so the oldest stand first; bounded work, the rest goes next time.
    let looks = 16;
    for (const [key, queue] of this.#waiting) {
      if (looks-- === 0 || (queue.at(-1)?.atMs ?? 0) > ms) return;
      this.#count -= queue.length;
      this.#waiting.delete(key);
    }
  }

  #forgetOldest(): void {
    const oldest = this.#waiting.entries().next().value;
    if (oldest === undefined) return;
    this.#count -= oldest[1].length;
    this.#waiting.delete(oldest[0]);
  }
}

function pairKey(correlationId: string, address: string): string {
  return `${parseAddress(address)?.text ?? address} ${correlationId}`;
}
