/** Who is banned: by configuration, by operators, and by being refused too often. */
export {
  AutoBan,
  type AutoBanOptions,
  type AutoBanRule,
  canCount,
  compileAutoBan,
  type RefusedClient,
} from "./auto_ban.ts";
export { type Ban, BAN_KINDS, type BanKind, type Claimant, describeBan, MAX_BAN_TEXT_BYTES } from "./ban.ts";
export {
  type AutomaticBan,
  BanList,
  type BanListOptions,
  BANS_FILE,
  type ListedBan,
  type NewBan,
  type Tell,
} from "./ban_list.ts";
export {
  type BanConfig,
  compileBans,
  type ConfiguredBans,
  MAX_CONFIGURED_PATTERNS,
  NO_BANS,
} from "./configured_bans.ts";
