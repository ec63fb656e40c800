import { type Config, formatPath, type LoadedConfig, type Path } from "./config/mod.ts";

/** What somebody who starts the agent with this configuration should hear: valid, and hardly what was meant. */
export function doubtsOf({ config, originOf }: Pick<LoadedConfig, "config" | "originOf">): readonly string[] {
  const { auth, acl } = config;
  const doubts: string[] = [];
  for (const path of idleBursts(config, (path) => originOf(path).layer !== "defaults")) {
    doubts.push(`${formatPath(path)} does nothing: ${IDLE_BURST}`);
  }
  if (auth.enabled && auth.providers.length === 0) {
    doubts.push("Authentication is on without any provider: every CONNECT with credentials is refused");
  }
  if (!auth.enabled && !auth["trust-broker"] && acl.enabled) {
    let first: (typeof acl.rules)[number] | undefined;
    let count = 0;
    // A plain loop: there may be a hundred thousand, and it runs in the turn in which they come into force.
    for (const rule of acl.rules) {
      const { match } = rule;
      if (match === undefined || rule.decision !== "allow") continue;
      if (match.username === undefined && match["username-regex"] === undefined && !namesGroups(match.groups)) continue;
      first ??= rule;
      count++;
    }
    if (first !== undefined) {
      const more = count > 1 ? ` and ${count - 1} more` : "";
      doubts.push(
        `Nobody proves user names, so allow rules by user name or group never apply ("${first.name}"${more}): turn on auth.enabled, or auth.trust-broker if the broker checks passwords`,
      );
    }
  }
  return doubts;
}

/** Why a `burst` is one of nothing. */
export const IDLE_BURST = 'it is counted in messages, and there is no "messages-per-second" beside it';

const LIMITS = ["global", "per-client", "connect", "subscribe", "auth-failures"] as const;

/**
 * Where a `burst` is given that holds nothing back, since only bytes or quotas are limited there. Not refused: files of
 * the Rust agent, for which it was a number of kilobytes too, are to load unchanged.
 */
export function idleBursts({ "rate-limit": rate }: Config, isGiven: (path: Path) => boolean): Path[] {
  const limits = [
    ...LIMITS.map((key) => ({ limit: rate[key], path: ["rate-limit", key] })),
    ...rate["per-topic"].map(({ limit }, index) => ({ limit, path: ["rate-limit", "per-topic", index, "limit"] })),
  ];
  return limits
    .filter(({ limit }) => limit !== undefined && limit["messages-per-second"] === undefined)
    .map(({ path }) => [...path, "burst"])
    .filter(isGiven);
}

/** `anonymous` needs no proof. */
function namesGroups(groups: readonly string[] | undefined): boolean {
  return groups !== undefined && !groups.includes("anonymous");
}
