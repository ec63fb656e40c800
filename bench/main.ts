import { Command, Option } from "commander";
import { isMet, worst } from "./aims.ts";
import { type Findings, SUITES, TRIES } from "./suites.ts";
import { figure, table } from "./table.ts";
import { LoadFailure, Workbench } from "./workbench.ts";

/**
 * `deno task bench`: the agent as a child process under load, beside a server that does the least possible.
 *
 * On a machine that does other things the absolute figures wander; what can be compared are the ratios within one run,
 * whose parts take turns a fraction of a second long.
 */

interface Flags {
  quick: boolean;
  json: boolean;
  only?: string;
}

/** Left out by --quick, unless asked for. */
const SLOW_SUITES: ReadonlySet<string> = new Set(["rules", "check", "reload", "auth"]);

const EXAMPLES = `
Examples:
  deno task bench --quick
  deno task bench --only "load v1 1x64"
  deno task bench --only "reload 10000"
  deno task bench --only frames --json`;

function parseFlags(args: readonly string[]): Flags {
  return new Command("bench")
    .description("Measures the agent against its floor and against the aims")
    .addOption(
      new Option(
        "--quick",
        "about 20 seconds, fewer loads, coarser figures, without the suites rules, check, reload and auth",
      )
        .default(false),
    )
    .addOption(
      new Option(
        "--only <suite>",
        `one of ${Object.keys(SUITES).join(", ")}; or one load or part, as "load v1 1x64" or "auth fleet"`,
      ),
    )
    .addOption(new Option("--json", "for machines").default(false))
    .addHelpText("after", EXAMPLES)
    .allowExcessArguments(false)
    .parse(args, { from: "user" })
    .opts<Flags>();
}

async function main(): Promise<void> {
  const { quick, json, only = "" } = parseFlags(Deno.args);
  const [suite = "", ...filter] = only.split(" ");
  if (suite !== "" && !(suite in SUITES)) {
    console.error(`Cannot run "${suite}": the suites are ${Object.keys(SUITES).join(", ")}`);
    Deno.exit(2);
  }
  const [loadBefore = NaN] = Deno.loadavg();
  if (!json) console.log(machine(loadBefore));
  await using workbench = await Workbench.open();
  const found: Record<string, Findings> = {};
  for (const [name, run] of Object.entries(SUITES)) {
    if (suite === "" ? quick && SLOW_SUITES.has(name) : suite !== name) continue;
    found[name] = await findings(name, () => run({ workbench, quick, filter: filter.join(" ") }));
    if (!json) console.log(`\n## ${name}\n${found[name].text}`);
  }
  const aims = Object.values(found).flatMap((findings) => findings.aims).filter((aim) => aim.measured.length > 0);
  if (json) {
    const results = Object.fromEntries(Object.entries(found).map(([name, { results }]) => [name, results]));
    console.log(
      JSON.stringify({ loadBefore, results, aims: aims.map((aim) => ({ ...aim, met: isMet(aim) })) }, null, 2),
    );
    return;
  }
  console.log(
    "\n## aims\n" + table(
      ["aim", "at most", "measured", "", "where"],
      aims.map((aim) => [
        aim.aim,
        `${aim.limit} ${aim.unit}`,
        `${figure(worst(aim)?.value ?? NaN)} ${aim.unit}`,
        isMet(aim) ? "met" : "missed",
        worst(aim)?.where ?? "",
      ]),
    ),
  );
}

function machine(load: number): string {
  const cpus = navigator.hardwareConcurrency;
  // The agent gives up connections whose answers are 80 ms old: with neighbours that take the CPU as long, loads fail.
  const busy = load > cpus / 2 ? ": too busy to measure, expect worse figures and failures" : "";
  return `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, Linux ${Deno.osRelease()}, ${cpus} CPUs, ` +
    `load ${figure(load)} before the run${busy}`;
}

/** A suite that the agent makes impossible, each time it is tried, is an aim missed; the others go on. */
async function findings(name: string, run: () => Promise<Findings>): Promise<Findings> {
  let failure = "";
  for (let left = TRIES; left > 0; left--) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof LoadFailure)) throw error;
      failure = error.message;
    }
  }
  const aims = [{ aim: `suite ${name}`, limit: 0, unit: "", measured: [{ where: failure, value: Infinity }] }];
  return { results: { failure }, text: failure, aims };
}

if (import.meta.main) await main();
