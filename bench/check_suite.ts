import type { Aim } from "./aims.ts";
import { figure, table, times } from "./table.ts";
import type { Workbench } from "./workbench.ts";

/** As `Findings` of `suites.ts`, which imports this one. */
interface Findings {
  readonly results: unknown;
  readonly text: string;
  readonly aims: readonly Aim[];
}

const RULES = 100_000;
const RUNS = 3;

type RuleOf = (n: number) => Readonly<Record<string, unknown>>;

/** What differs from rule to rule. */
const CASES: Readonly<Record<string, RuleOf>> = {
  "one device each": (n) => ({ match: { "client-id": `device-${n}` }, topics: [`x/${n}/#`] }),
  "deny among allow rules": (n) => ({
    topics: [`b/${n}/${n % 2 === 0 ? "#" : "x"}`],
    decision: n % 2 === 0 ? "allow" : "deny",
  }),
  "one user name each, ^sensor-N$": (n) => ({
    match: { "username-regex": `^sensor-${n}$` },
    topics: [`sensors/${n}/data`],
  }),
  "a regex with a beginning each, ^sensor-N-[a-z0-9]+$": (n) => ({
    match: { "username-regex": `^sensor-${n}-[a-z0-9]+$` },
    topics: [`sensors/${n}/data`],
  }),
  "a regex without one each, sensor-N-(a|b)[0-9]+": (n) => ({
    match: { "username-regex": `sensor-${n}-(a|b)[0-9]+` },
    topics: [`sensors/${n}/data`],
  }),
  "a regex that ends alike each, .*-sensor-N$": (n) => ({
    match: { "username-regex": `.*-sensor-${n}$` },
    topics: [`sensors/${n}/data`],
  }),
};

/** The command `check` as a process: its start, reading, compiling, embedded tests, and what is doubtful. */
export async function check(
  { workbench, quick }: { readonly workbench: Workbench; readonly quick: boolean },
): Promise<Findings> {
  const few = await workbench.file(configText(10, CASES["one device each"] as RuleOf));
  const least = await fastest(workbench, few, quick);
  const rows: { name: string; megabytes: number; tookMs: number; parseMs: number }[] = [];
  for (const [name, ruleOf] of Object.entries(CASES)) {
    const text = configText(RULES, ruleOf);
    const file = await workbench.file(text);
    rows.push({
      name,
      megabytes: text.length / 1e6,
      tookMs: await fastest(workbench, file, quick),
      parseMs: parseMs(text),
    });
  }
  return {
    results: { least, rows },
    text:
      `check of ${RULES.toLocaleString("en-US")} rules, the best of ${quick ? 1 : RUNS} runs; of 10 rules it takes ` +
      `${figure(least)} ms\n` + table(
        ["rules", "MB", "seconds", "JSON.parse alone", "times that"],
        rows.map(({ name, megabytes, tookMs, parseMs }) => [
          name,
          figure(megabytes),
          figure(tookMs / 1000),
          figure(parseMs / 1000),
          times(tookMs / parseMs),
        ]),
      ),
    aims: [{
      aim: "check of a file of 100,000 rules",
      limit: 3,
      unit: "s",
      measured: rows.map(({ name, tookMs }) => ({ where: name, value: tookMs / 1000 })),
    }],
  };
}

/** Other work of the machine can only make it slower. */
async function fastest(workbench: Workbench, file: string, quick: boolean): Promise<number> {
  let least = Infinity;
  for (let run = 0; run < (quick ? 1 : RUNS); run++) {
    const { tookMs, code } = await workbench.command(["check", "-c", file]);
    if (code !== 0) throw new Error(`Cannot measure: check ends with ${code}`);
    least = Math.min(least, tookMs);
  }
  return least;
}

/** In the same run, so that it can be compared. */
function parseMs(text: string): number {
  const startMs = performance.now();
  JSON.parse(text);
  return performance.now() - startMs;
}

function configText(count: number, ruleOf: RuleOf): string {
  const rules = Array.from({ length: count }, (_, n) => ({ name: `rule-${n}`, decision: "allow", ...ruleOf(n) }));
  return JSON.stringify({ auth: { "trust-broker": true }, acl: { rules } }, null, 2);
}
