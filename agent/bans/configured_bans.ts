import { type BansConfig, type Fault, formatPath } from "../config/mod.ts";
import { type Ban, BAN_KINDS, type BanEntry, banKey, type BanKind, describeBan, readTarget } from "./ban.ts";
import { BanIndex } from "./ban_index.ts";

/** An entry of `bans`. The schema has no patterns yet; where it gets them, they are compiled. */
export type BanConfig = BansConfig[number] & { readonly [key in "client-id-regex" | "username-regex"]?: string };

/** The configuration's bans, compiled once per snapshot; immutable. */
export interface ConfiguredBans {
  /** As configured, ended ones too. */
  readonly bans: readonly Ban[];
  readonly index: Pick<BanIndex, "find">;
}

/** Patterns in `bans`; as many more may be banned by at run time. Each costs up to 1,024 characters of linear search. */
export const MAX_CONFIGURED_PATTERNS = 64;

export const NO_BANS: ConfiguredBans = Object.freeze({ bans: Object.freeze([]), index: new BanIndex() });

/**
 * Compiles the `bans` of a validated configuration; all problems are told at once and nothing is half made.
 *
 * Of two entries that ban the same, the one that ends last decides.
 */
export function compileBans(
  config: readonly BanConfig[],
): { readonly bans: ConfiguredBans } | { readonly problems: readonly Fault[] } {
  const problems: Fault[] = [];
  const bans: Ban[] = [];
  const index = new BanIndex();
  let patterns = 0;
  for (const [place, entry] of config.entries()) {
    const by = kindOf(entry);
    const path = ["bans", place, by];
    const written = entry[by] ?? "";
    if (by.endsWith("-regex") && ++patterns > MAX_CONFIGURED_PATTERNS) {
      problems.push({ path, message: `more than ${MAX_CONFIGURED_PATTERNS} patterns are too many` });
    }
    const read = readTarget(by, written);
    if ("fault" in read) {
      problems.push({ path, message: `Cannot ban ${describeBan({ by, value: written, from: null })}: ${read.fault}` });
      continue;
    }
    const made: BanEntry = { ban: makeBan(entry, place, by, read.value), target: read.target };
    bans.push(made.ban);
    const same = index.get(banKey(made.ban));
    if (same === undefined || same.ban.untilMs < made.ban.untilMs) index.set(made);
  }
  return problems.length === 0 ? { bans: Object.freeze({ bans: Object.freeze(bans), index }) } : { problems };
}

/** The schema sees to it that there is exactly one. */
function kindOf(entry: BanConfig): BanKind {
  return (Object.keys(BAN_KINDS) as BanKind[]).find((kind) => entry[kind] !== undefined) ?? "client-id";
}

function makeBan(entry: BanConfig, place: number, by: BanKind, value: string): Ban {
  return Object.freeze({
    id: formatPath(["bans", place]),
    source: "configuration",
    name: entry.name ?? null,
    by,
    value,
    from: null,
    reason: entry.description ?? "",
    setBy: "configuration",
    setAtMs: null,
    // A date alone is its first moment in UTC, as `expires` of a rule is.
    untilMs: entry.until === undefined ? Infinity : Date.parse(entry.until),
  });
}
