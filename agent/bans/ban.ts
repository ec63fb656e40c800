import { quote } from "../config/quote.ts";
import { type Address, type Cidr, limiterKey, parseCidr } from "../policy/address.ts";
import { compileRegex, type LinearRegex } from "../policy/regex.ts";

/** What a ban goes by; the words are the configuration's. Patterns search, as those of rules do. */
export type BanKind = "client-id" | "username" | "client-ip" | "client-id-regex" | "username-regex";

/** In the words of messages. */
export const BAN_KINDS: Readonly<Record<BanKind, string>> = {
  "client-id": "client id",
  "username": "user name",
  "client-ip": "address",
  "client-id-regex": "client ids like",
  "username-regex": "user names like",
};

/** One ban, as it is told and kept; immutable. */
export interface Ban {
  /** Unique. Of a run-time ban a UUID, of the configuration its place: `bans[3]`. */
  readonly id: string;
  readonly source: "configuration" | "operator" | "automatic";
  /** Of an entry of the configuration that has one; null otherwise. */
  readonly name: string | null;
  readonly by: BanKind;
  /** Client id, user name or pattern as written; an address or range in its canonical form. */
  readonly value: string;
  /**
   * Only from there: an IPv4 address, the /64 of an IPv6 address, or `unreadable`. Null: from everywhere. Automatic bans
   * of somebody who only claimed the client id or user name have it.
   */
  readonly from: string | null;
  /** Why, for people. */
  readonly reason: string;
  readonly setBy: string;
  /** Milliseconds since the epoch; null for the configuration's. */
  readonly setAtMs: number | null;
  /** From then on it does not hold, milliseconds since the epoch. Infinity: never ends. */
  readonly untilMs: number;
}

/** Whom a ban may be about; a `Subject` is one. */
export interface Claimant {
  /** Empty where there is none (yet): no exact ban applies to that. */
  readonly clientId: string;
  /** As claimed before, as proved after the login. Null for none, and where the user name is a token that names nobody. */
  readonly username: string | null;
  /** Null: it could not be read. */
  readonly address: Address | null;
}

/** What a ban goes by, ready to be held against clients. */
export type Target =
  | { readonly by: "client-id" | "username" }
  | { readonly by: "client-ip"; readonly range: Cidr }
  | { readonly by: "client-id-regex" | "username-regex"; readonly regex: LinearRegex };

/** A ban with what it takes to find it. */
export interface BanEntry {
  readonly ban: Ban;
  readonly target: Target;
}

/** The longest client id, user name or pattern that a run-time ban goes by, and its longest reason, in bytes of UTF-8. */
export const MAX_BAN_TEXT_BYTES = 1024;

/** Stands where `from` is of a client whose address cannot be read. */
export const UNREADABLE = "unreadable";

/** Where somebody comes from, as `Ban.from` has it. */
export function sourceOf(address: Address | null): string {
  return address === null ? UNREADABLE : limiterKey(address);
}

/** Equal for bans of the same. */
export function banKey(ban: Pick<Ban, "by" | "from" | "value">): string {
  // Neither of the first two holds a line break, so that no value can be taken for another ban's.
  return `${ban.by}\n${ban.from ?? ""}\n${ban.value}`;
}

/** `client id "x"`, `user name "x" from 10.0.0.5`. */
export function describeBan({ by, value, from }: Pick<Ban, "by" | "value" | "from">): string {
  return `${BAN_KINDS[by]} ${quote(value)}${from === null ? "" : ` from ${from}`}`;
}

export type TargetResult =
  | { readonly target: Target; /** Canonical. */ readonly value: string }
  | { readonly fault: string };

/**
 * Reads what a ban goes by. Client ids and user names are compared as they are: MQTT knows no other form of them, and to
 * the broker `Mallory` and `mallory` are two. An address is read strictly (`parseCidr`), IPv4-mapped ones as IPv4.
 *
 * Refuses what no client can have, texts with control characters among them, and patterns that take more than linear time.
 */
export function readTarget(by: BanKind, value: string): TargetResult {
  if (value === "") return { fault: "it is empty" };
  if (isUnseemly(value)) return { fault: "it holds a control character or half a character, which no client's may" };
  switch (by) {
    case "client-id":
    case "username":
      return { target: { by }, value };
    case "client-ip": {
      const found = parseCidr(value);
      if ("error" in found) return { fault: without(`Cannot use "${value}" as an address or range: `, found.error) };
      const { cidr } = found;
      const isOne = cidr.prefixBits === (cidr.network.family === 4 ? 32 : 128);
      return { target: { by, range: cidr }, value: isOne ? cidr.network.text : cidr.text };
    }
    case "client-id-regex":
    case "username-regex": {
      const found = compileRegex(value);
      if ("error" in found) return { fault: without(`Cannot use regex "${value}": `, found.error) };
      return { target: { by, regex: found.regex }, value };
    }
    default:
      return by satisfies never;
  }
}

/** True for a text with control characters or half a surrogate pair in it. */
export function isUnseemly(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return !text.isWellFormed() || /[\u0000-\u001f\u007f-\u009f]/.test(text);
}

/** The error behind words that the caller says itself. */
function without(words: string, error: string): string {
  return error.startsWith(words) ? error.slice(words.length) : error;
}
