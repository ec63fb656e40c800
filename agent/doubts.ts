import type { Config } from "./config/mod.ts";

/** What somebody who starts the agent with this configuration should hear: valid, and hardly what was meant. */
export function doubtsOf({ auth, acl }: Config): readonly string[] {
  const doubts: string[] = [];
  if (auth.enabled && auth.providers.length === 0) {
    doubts.push("Authentication is on without any provider: every CONNECT with credentials is refused");
  }
  if (!auth.enabled && !auth["trust-broker"] && acl.enabled) {
    const byName = acl.rules.filter(({ decision, match = {} }) =>
      decision === "allow" &&
      (match.username !== undefined || match["username-regex"] !== undefined || namesGroups(match.groups))
    );
    const [first] = byName;
    if (first !== undefined) {
      const more = byName.length > 1 ? ` and ${byName.length - 1} more` : "";
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
