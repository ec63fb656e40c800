/** The command `reasons`: what the codes in logs, metrics and audit mean. */
import { Command } from "commander";
import { hint } from "../agent/config/hint.ts";
import { quote } from "../agent/config/quote.ts";
import { allReasons, type Reason, reasonOf } from "../agent/reasons.ts";
import { type Console, consoleOf, Ending, EXIT, prepared } from "./console.ts";

const EXAMPLES = `
Examples:
  reasons                   every code, with what happened and what to do
  reasons acl-no-rule       one of them in full
  reasons --json            for scripts

Exit codes: 0 ok, 2 bad arguments.`;

export function reasonsCommand(given: Partial<Console> = {}): Command {
  const on = consoleOf(given);
  return prepared(new Command("reasons"), on)
    .description("Lists the codes that say why something was refused, and what to do about each")
    .argument("[code]", "one code, in full")
    .option("--json", "as JSON")
    .addHelpText("after", EXAMPLES)
    .action((code: string | undefined, { json = false }: { json?: boolean }) => on.out(told(code, json)));
}

function told(code: string | undefined, json: boolean): string {
  if (code === undefined) {
    return json ? JSON.stringify(allReasons(), null, 2) : allReasons().map(asEntry).join("\n\n");
  }
  const reason = reasonOf(code);
  if (reason === undefined) {
    const near = hint(code, allReasons().map((known) => known.code));
    throw new Ending(EXIT.ARGUMENTS, `Cannot find the reason ${quote(code)}: there is none of that code${near}`);
  }
  return json ? JSON.stringify(reason, null, 2) : inFull(reason);
}

function asEntry({ code, tag, text, advice }: Reason): string {
  return `${code} [${tag}]\n    ${text}\n    → ${advice}`;
}

function inFull({ code, tag, severity, text, advice, clause, closeCode }: Reason): string {
  const lines = [
    ["code", code],
    ["what happened", text],
    ["what to do", advice],
    ["audit tags", `mqtt, blocked, ${tag}`],
    ["severity", severity],
    ["close code", `${closeCode}, where it closes`],
    ...(clause === null ? [] : [["clause", clause]]),
  ];
  return lines.map(([title = "", words = ""]) => `${`${title}:`.padEnd(15)}${words}`).join("\n");
}
