/** The command `check`: all that start would refuse a configuration for, and what is doubtful about it. */
import { Command } from "commander";
import { formatPath, type Path, type Place } from "../agent/config/mod.ts";
import { asJson, checkConfig, type CheckProblem, type CheckResult, type ProviderProblems } from "./check_config.ts";
import { configOption } from "./config_command.ts";
import { placeWords } from "./config_view.ts";
import { type Console, consoleOf, Ending, EXIT, prepared } from "./console.ts";
import { LINTS, type Warning } from "./lint/mod.ts";

const EXAMPLES = `
Problems are what the agent would refuse to start with; warnings are what is likely not meant, or weaker than it looks.
Nothing is started, opened or written.

Examples:
  check -c mqtt-gateway.json
  check -c mqtt-gateway.json --json | jq -r '.warnings[].code'

Warnings:
${LINTS.map(({ code, summary }) => `  ${code.padEnd(25)}${summary}`).join("\n")}

Exit codes: 0 ok, warnings or not, 2 bad arguments, 3 bad configuration.`;

interface CheckFlags {
  config?: string;
  json?: boolean;
}

/** What `check` needs besides its console. */
export interface CheckNeeds {
  /** Tries to make the providers of `auth`; without it their files are not looked at. */
  readonly providerProblems?: ProviderProblems;
}

export function checkCommand(given: Partial<Console> = {}, needs: CheckNeeds = {}): Command {
  const on = consoleOf(given);
  return prepared(new Command("check"), on)
    .description("Checks a configuration: all problems at once, and what is doubtful about it")
    .addOption(configOption(on))
    .option("--json", "one JSON object: ok, problems, warnings")
    .addHelpText("after", EXAMPLES)
    .action(async ({ config: file, json = false }: CheckFlags) => {
      const result = await checkConfig({ file, env: on.env, nowMs: on.wallMs(), ...needs });
      on.out(json ? JSON.stringify(asJson(result), null, 2) : report(result, file));
      if (!result.ok) throw new Ending(EXIT.CONFIGURATION);
    });
}

/** For people: a line for each problem, two for each warning, and how it went. */
function report({ ok, problems, warnings }: CheckResult, file: string | undefined): string {
  const what = file === undefined || file === "" ? "the defaults" : file;
  const state = ok ? "can be started with" : `has ${counted(problems.length, "problem")}`;
  const doubts = warnings.length === 0 ? "" : `, ${counted(warnings.length, "warning")}`;
  return [...problems.map(problemLine), ...warnings.map(warningLines), `${what} ${state}${doubts}`].join("\n");
}

function problemLine({ place, path, text, message }: CheckProblem): string {
  return place?.line === undefined ? `error: ${message}` : `error: ${located(place, path, text)}`;
}

function warningLines({ code, place, path, text, advice }: Warning): string {
  return `warning: ${located(place, path, text)} [${code}]\n    → ${advice}`;
}

function located(place: Place, path: Path, text: string): string {
  return `${placeWords(place)}: ${path.length === 0 ? "" : `${formatPath(path)}: `}${text}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
