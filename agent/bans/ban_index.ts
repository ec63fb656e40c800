import { MAX_REGEX_TEXT_UNITS } from "../policy/acl/match.ts";
import type { Address } from "../policy/address.ts";
import type { LinearRegex } from "../policy/regex.ts";
import { type Ban, type BanEntry, banKey, type Claimant, sourceOf } from "./ban.ts";
import { RangeTable } from "./range_table.ts";

/**
 * Bans by what they go by, one for each thing that is banned.
 *
 * Costs of `find()`: O(1) for client ids and user names, O(prefix lengths in use) for addresses, and each pattern linear
 * in the text, of which at most 1,024 units are looked at. Whoever fills the index bounds the number of patterns.
 */
export class BanIndex {
  readonly #entries = new Map<string, BanEntry>();
  readonly #ranges = new RangeTable<Ban>();
  readonly #patterns = new Map<string, { readonly ban: Ban; readonly regex: LinearRegex }>();
  /** Bans that hold only from one place. */
  #placed = 0;
  /** The range ban that ends last, for addresses that cannot be read; undefined: has to be looked for. */
  #lastingRange: Ban | null | undefined = null;

  get patterns(): number {
    return this.#patterns.size;
  }

  /** The ban of the same, whether it still holds or not. */
  get(key: string): BanEntry | undefined {
    return this.#entries.get(key);
  }

  /** Adds a ban, in the place of one of the same. */
  set(entry: BanEntry): void {
    const { ban, target } = entry;
    const key = banKey(ban);
    if (ban.from !== null && !this.#entries.has(key)) this.#placed++;
    this.#entries.set(key, entry);
    if (target.by === "client-ip") {
      this.#ranges.set(target.range, ban);
      this.#lastingRange = undefined;
    } else if ("regex" in target) this.#patterns.set(key, { ban, regex: target.regex });
  }

  /** Takes a ban away that is in here. */
  delete({ ban, target }: BanEntry): void {
    const key = banKey(ban);
    this.#entries.delete(key);
    this.#patterns.delete(key);
    if (ban.from !== null) this.#placed--;
    if (target.by === "client-ip") {
      this.#ranges.delete(target.range);
      this.#lastingRange = undefined;
    }
  }

  /** A ban that holds for the client at `wallMs`, or null. */
  find({ clientId, username, address }: Claimant, wallMs: number): Ban | null {
    if (this.#entries.size === 0) return null;
    return this.#findExact("client-id", clientId, address, wallMs) ??
      this.#findExact("username", username, address, wallMs) ??
      this.#findRange(address, wallMs) ??
      this.#findPattern(clientId, username, wallMs);
  }

  #findExact(by: "client-id" | "username", value: string | null, address: Address | null, wallMs: number): Ban | null {
    if (value === null) return null;
    const everywhere = this.#entries.get(banKey({ by, from: null, value }));
    if (everywhere !== undefined && holds(everywhere.ban, wallMs)) return everywhere.ban;
    if (this.#placed === 0) return null;
    const here = this.#entries.get(banKey({ by, from: sourceOf(address), value }));
    return here !== undefined && holds(here.ban, wallMs) ? here.ban : null;
  }

  /**
   * Fails closed, as deny rules do: nobody can say that an address that cannot be read is none of the banned ones. Bans
   * that nobody chose are left out, or one attacker could shut out all whose addresses cannot be read.
   */
  #findRange(address: Address | null, wallMs: number): Ban | null {
    if (address !== null) return this.#ranges.find(address, (ban) => holds(ban, wallMs));
    if (this.#lastingRange === undefined) this.#lastingRange = this.#findLastingRange();
    return this.#lastingRange !== null && holds(this.#lastingRange, wallMs) ? this.#lastingRange : null;
  }

  #findLastingRange(): Ban | null {
    let lasting: Ban | null = null;
    for (const ban of this.#ranges.values()) {
      if (ban.source !== "automatic" && ban.untilMs > (lasting?.untilMs ?? -Infinity)) lasting = ban;
    }
    return lasting;
  }

  #findPattern(clientId: string, username: string | null, wallMs: number): Ban | null {
    for (const { ban, regex } of this.#patterns.values()) {
      const text = ban.by === "client-id-regex" ? clientId : username;
      if (text !== null && holds(ban, wallMs) && isFound(regex, text)) return ban;
    }
    return null;
  }
}

/** A ban ends with the millisecond that it names. */
function holds(ban: Ban, wallMs: number): boolean {
  return wallMs < ban.untilMs;
}

/** Longer texts count as found if they begin as they must, as in deny rules: a name must not escape by its length. */
function isFound(regex: LinearRegex, text: string): boolean {
  if (!text.startsWith(regex.literalPrefix)) return false;
  return text.length > MAX_REGEX_TEXT_UNITS || regex.test(text);
}
