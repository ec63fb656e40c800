import type { Config } from "./config/mod.ts";

/** What somebody who starts the agent with this configuration should hear: valid, and hardly what was meant. */
export function doubtsOf({ auth, acl }: Config): readonly string[] {
  const doubts: string[] = [];
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

/** `anonymous` needs no proof. */
function namesGroups(groups: readonly string[] | undefined): boolean {
  return groups !== undefined && !groups.includes("anonymous");
}
