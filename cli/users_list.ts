import { isGeneratedHash } from "../agent/auth/password_hash.ts";
import type { UserEntry } from "../agent/auth/users_table.ts";
import { quote } from "../agent/config/quote.ts";

/** What is told of a user: all but the hash. */
export function userAsJson(entry: UserEntry): Record<string, unknown> {
  const { name, enabled, groups, clientIds, attributes, expiresAtMs, credential } = entry;
  return {
    name,
    enabled,
    expires: expiresAtMs === Infinity ? null : new Date(expiresAtMs).toISOString(),
    groups,
    "client-ids": clientIds,
    attributes: Object.fromEntries(attributes ?? []),
    password: kindOf(entry),
    ...(credential.bcryptCost === null ? {} : { cost: credential.bcryptCost }),
  };
}

const TITLES = ["USER", "STATE", "PASSWORD", "GROUPS", "CLIENT IDS", "EXPIRES"] as const;

/** Users in columns, for people. */
export function userTable(entries: readonly UserEntry[], nowMs: number): string {
  const rows = [[...TITLES] as string[], ...entries.map((entry) => rowOf(entry, nowMs))];
  const widths = TITLES.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()).join("\n");
}

function rowOf(entry: UserEntry, nowMs: number): string[] {
  const { name, enabled, groups, clientIds, expiresAtMs, credential } = entry;
  const state = !enabled ? "disabled" : expiresAtMs <= nowMs ? "expired" : "enabled";
  const cost = credential.bcryptCost;
  return [
    shown(name),
    state,
    cost === null ? kindOf(entry) : `${kindOf(entry)} ${cost}`,
    groups.map(shown).join(",") || "-",
    clientIds?.map(shown).join(",") ?? "any",
    expiresAtMs === Infinity ? "never" : new Date(expiresAtMs).toISOString(),
  ];
}

function kindOf({ credential: { bcryptCost, hash } }: UserEntry): string {
  if (bcryptCost !== null) return "bcrypt";
  return isGeneratedHash(hash) ? "generated" : "sha256";
}

/** A name with nothing in it that could be taken for the table, or turn a terminal's text around. */
function shown(text: string): string {
  return /^[\p{L}\p{N}\p{P}\p{S}]+$/u.test(text) && !/[",]/.test(text) ? text : quote(text);
}
