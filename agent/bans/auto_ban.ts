import { createHmac, randomBytes } from "node:crypto";
import { hint } from "../config/hint.ts";
import type { AutoBanConfig, Fault } from "../config/mod.ts";
import { quote } from "../config/quote.ts";
import { allReasons, type AuditTag, reasonOf } from "../reasons.ts";
import { type Ban, type Claimant, describeBan, sourceOf } from "./ban.ts";
import type { AutomaticBan, BanList, Tell } from "./ban_list.ts";
import { MAX_DATE_MS } from "./bans_text.ts";

/** The `auto-ban` section, compiled once per snapshot; immutable. */
export interface AutoBanRule {
  readonly refusals: number;
  readonly windowMs: number;
  readonly banMs: number;
  readonly by: "client-id" | "username" | "client-ip";
  /** Codes that count. */
  readonly reasons: ReadonlySet<string>;
  readonly shadow: boolean;
}

/** Of whom something was refused. */
export interface RefusedClient extends Claimant {
  /**
   * Client id and user name are its own: a login proved it (or the broker, with `auth.trust-broker`), and the broker has
   * accepted its CONNECT. Until then anybody can claim them.
   */
  readonly established: boolean;
}

/**
 * Refusals with these tags never count: they are the agent's or the proxy's doing, or follow from what was refused
 * before. A restart of the agent refuses every client of a fleet at once (`session-unknown`), and a device that is banned
 * would never come back, since each of its tries would prolong its ban.
 */
const NEVER_TAGS: ReadonlySet<AuditTag> = new Set<AuditTag>([
  "auth-pending",
  "late",
  "overloaded",
  "session-unknown",
  "frame-gap",
  "internal-error",
  "banned",
]);

/**
 * And of the other tags these: a backend that is away, rules or users that somebody changed, a proxy that is not set up
 * as it should be, a broker that others reach past the proxy.
 */
const NEVER_CODES: ReadonlySet<string> = new Set([
  "provider-error",
  "login-revoked",
  "acl-revoked",
  "event-undecodable",
  "connack-without-connect",
  "stream-unparsed",
  "upgrade-unseen",
  "upgrade-ignored",
]);

/** Whether refusals for this reason can ever count towards a ban; false for a code that does not exist. */
export function canCount(code: string): boolean {
  const reason = reasonOf(code);
  return reason !== undefined && !NEVER_TAGS.has(reason.tag) && !NEVER_CODES.has(code);
}

const NUMBERS = ["refusals", "window-secs", "ban-secs"] as const;

/** Compiles the section; null where there is none. All problems are told at once. */
export function compileAutoBan(
  config: AutoBanConfig | undefined,
): { readonly rule: AutoBanRule | null } | { readonly problems: readonly Fault[] } {
  if (config === undefined) return { rule: null };
  const problems: Fault[] = [];
  const { by, refusals, "window-secs": windowSecs, "ban-secs": banSecs } = config;
  for (const key of [...NUMBERS, "by"] as const) {
    if (config[key] === undefined) problems.push({ path: ["auto-ban"], message: `${quote(key)} is missing` });
  }
  const path = ["auto-ban", "reasons"];
  if (config.reasons?.length === 0) problems.push({ path, message: "the list is empty: nothing would count" });
  for (const [place, code] of (config.reasons ?? []).entries()) {
    const message = reasonFault(code);
    if (message !== null) problems.push({ path: [...path, place], message });
  }
  if (
    problems.length > 0 || by === undefined || refusals === undefined || windowSecs === undefined ||
    banSecs === undefined
  ) return { problems };
  const reasons = config.reasons ?? allReasons().map(({ code }) => code).filter(canCount);
  const rule = { refusals, windowMs: windowSecs * 1000, banMs: banSecs * 1000, by, shadow: config.shadow ?? false };
  return { rule: Object.freeze({ ...rule, reasons: new Set(reasons) }) };
}

function reasonFault(code: string): string | null {
  if (canCount(code)) return null;
  if (reasonOf(code) !== undefined) {
    return `refusals as ${quote(code)} never count: they are not the client's doing, or follow from others`;
  }
  const known = allReasons().map((reason) => reason.code).filter(canCount);
  return `there is no reason code ${quote(code)}${hint(code, known)}`;
}

export interface AutoBanOptions {
  readonly tell: Tell;
  /** Clients that are counted at a time; 100,000 where absent. */
  readonly maxCounted?: number;
}

interface Count {
  refusals: number;
  beganMs: number;
}

/** About 15 MB. */
const MAX_COUNTED = 100_000;
/** Longer names are kept as hashes. */
const MAX_PLAIN_KEY_UNITS = 64;
/**
 * Counts what is refused, and bans who is refused too often.
 *
 * Counted from the first refusal on for as long as the window is, then anew. By client id and user name, what is refused
 * somebody who only claims them counts, and bans, for where it comes from only: otherwise anybody could lock a device out
 * from elsewhere by failing in its name. Addresses ban everybody behind them, an IPv6 client with its /64.
 *
 * Bounded: 100,000 clients in two halves. With each window, and when the young half is full, it becomes the old one, and
 * what was the old one is forgotten: those whose windows began first. (Taking single ones from the front of one `Map`
 * costs O(n) each, since V8 walks over the places of all that went before.) O(1).
 */
export class AutoBan {
  readonly #bans: BanList;
  readonly #options: AutoBanOptions;
  #rule: AutoBanRule | null = null;
  /** Each bounded by half of `maxCounted`. A count stays in the half in which its window began. */
  #young = new Map<string, Count>();
  #old = new Map<string, Count>();
  #youngSinceMs = -Infinity;
  /** Per process: nobody can choose names that share an entry. */
  readonly #secret = randomBytes(16);

  constructor(bans: BanList, options: AutoBanOptions) {
    this.#bans = bans;
    this.#options = options;
  }

  /** Clients that are counted at the moment. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Puts another rule in force, or none. What was counted stays counted if it is counted by the same. */
  configure(rule: AutoBanRule | null): void {
    if (rule?.by !== this.#rule?.by) {
      this.#young.clear();
      this.#old.clear();
    }
    this.#rule = rule;
  }

  /**
   * Something was refused that the client itself sent, never what others sent to it: whoever may publish to a device must
   * not be able to ban it. Gives the ban that this made, which is in force by then, or null.
   */
  refused(who: RefusedClient, reasonCode: string, wallMs: number): Ban | null {
    const rule = this.#rule;
    if (rule === null || !rule.reasons.has(reasonCode)) return null;
    const target = targetOf(rule.by, who);
    if (target === null || this.#count(target, rule, wallMs) < rule.refusals) return null;
    const windowSecs = rule.windowMs / 1000;
    const reason = `${rule.refusals} refusals within ${windowSecs} s, the last as ${reasonCode}`;
    const fields = { reason, ban_secs: rule.banMs / 1000 };
    if (rule.shadow) {
      this.#options.tell("info", `Would ban ${describeBan(target)}, but auto-ban.shadow is set`, fields);
      return null;
    }
    const untilMs = Math.min(Math.trunc(wallMs) + rule.banMs, MAX_DATE_MS);
    const ban = this.#bans.addAutomatic({ ...target, reason, untilMs }, wallMs);
    if (ban !== null) this.#options.tell("warn", `Banned ${describeBan(ban)}`, fields);
    return ban;
  }

  /** One more refusal; how many there are now. The one that is enough is the last of its window. */
  #count(target: Pick<AutomaticBan, "value" | "from">, { windowMs, refusals }: AutoBanRule, wallMs: number): number {
    this.#age(windowMs, wallMs);
    const key = this.#keyOf(target);
    const known = this.#young.get(key) ?? this.#old.get(key);
    const isFresh = known !== undefined && isWithin(known.beganMs, windowMs, wallMs);
    const count = isFresh ? known : { refusals: 0, beganMs: wallMs };
    count.refusals++;
    if (count.refusals >= refusals) {
      this.#young.delete(key);
      this.#old.delete(key);
    } else if (!isFresh) this.#young.set(key, count);
    return count.refusals;
  }

  #age(windowMs: number, wallMs: number): void {
    const isFull = this.#young.size >= Math.ceil((this.#options.maxCounted ?? MAX_COUNTED) / 2);
    if (!isFull && isWithin(this.#youngSinceMs, windowMs, wallMs)) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngSinceMs = wallMs;
  }

  #keyOf({ value, from }: Pick<AutomaticBan, "value" | "from">): string {
    const key = `${from ?? ""}\n${value}`;
    if (key.length <= MAX_PLAIN_KEY_UNITS) return key;
    return `#${createHmac("sha256", this.#secret).update(key).digest("base64url").slice(0, 16)}`;
  }
}

/** A clock that was set back begins a new window. */
function isWithin(beganMs: number, windowMs: number, wallMs: number): boolean {
  const elapsedMs = wallMs - beganMs;
  return elapsedMs >= 0 && elapsedMs < windowMs;
}

/** Who would be banned; null for nobody: it has no such name, or an address that cannot be read, as others may. */
function targetOf(
  by: AutoBanRule["by"],
  { clientId, username, address, established }: RefusedClient,
): Pick<AutomaticBan, "by" | "value" | "from"> | null {
  if (by === "client-ip") return address === null ? null : { by, value: sourceOf(address), from: null };
  const value = by === "client-id" ? clientId : username;
  if (value === null || value === "") return null;
  return { by, value, from: established ? null : sourceOf(address) };
}
