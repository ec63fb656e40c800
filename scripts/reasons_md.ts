import { allReasons } from "../agent/reasons.ts";

/** `docs/reasons.md`: every reason code, from the registry. */
export function reasonsPage(): string {
  const lines = [
    "# Reason codes",
    "",
    "Made from `agent/reasons.ts` by `deno task docs`. A refusal carries its code in `reason_codes`, its tag behind `mqtt`, `blocked` in the audit tags, and closes with its code where it closes.",
    "",
    "| code | tag | close | what happened | what to do |",
    "|---|---|---|---|---|",
  ];
  for (const { code, tag, closeCode, text, advice, clause } of allReasons()) {
    lines.push(`| \`${code}\` | ${tag} | ${closeCode} | ${text}${clause === null ? "" : ` (${clause})`} | ${advice} |`);
  }
  return `${lines.join("\n").replaceAll("|  |", "| |")}\n`;
}
