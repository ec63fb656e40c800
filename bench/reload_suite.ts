import type { Aim } from "./aims.ts";
import type { ReloadLoad, ReloadResult } from "./reload_job.ts";
import { configText } from "./rules.ts";
import { figure, table } from "./table.ts";
import { LoadFailure, type Workbench } from "./workbench.ts";

/** As `Findings` of `suites.ts`, which imports this one. */
interface Findings {
  readonly results: unknown;
  readonly text: string;
  readonly aims: readonly Aim[];
}

/** How many rules, and how often they are replaced. */
const SIZES = [[10, 10], [1_000, 10], [10_000, 8], [100_000, 4]] as const;
/** The size that the aims are about. */
const AIM_RULES = 10_000;
const TRIES = 3;

interface Row extends ReloadResult {
  readonly rules: number;
  readonly load: ReloadLoad;
}

/**
 * The configuration file is replaced while devices publish. A part by its number of rules: `--only "reload 10000"`.
 */
export async function reload(
  { workbench, quick, filter }: { readonly workbench: Workbench; readonly quick: boolean; readonly filter: string },
): Promise<Findings> {
  const rows: Row[] = [];
  for (const [rules, times] of SIZES) {
    if (filter !== "" && filter !== String(rules)) continue;
    for (const load of ["steady", "full"] as const) {
      rows.push({ rules, load, ...await measured(workbench, { rules, load, times: quick ? 2 : times, quick }) });
    }
  }
  return { results: rows, text: textOf(rows), aims: aimsOf(rows) };
}

async function measured(
  workbench: Workbench,
  { rules, load, times, quick }: { rules: number; load: ReloadLoad; times: number; quick: boolean },
): Promise<ReloadResult> {
  for (let left = TRIES;; left--) {
    const file = await workbench.file(configText({ rules, flip: "deny" }));
    const replacements: string[] = [];
    for (let n = 0; n < times; n++) {
      replacements.push(await workbench.file(configText({ rules, flip: n % 2 === 0 ? "allow" : "deny" })));
    }
    await using agent = await workbench.agentOf(file);
    try {
      return await workbench.reload({ target: agent.target, load, file, replacements, aloneMs: quick ? 500 : 2000 });
    } catch (error) {
      // An answer was too late for a busy machine, and cost its connection.
      if (!(error instanceof LoadFailure) || left <= 1) throw error;
    }
  }
}

function textOf(rows: readonly Row[]): string {
  const cells = rows.map(({ rules, load, tookMs, alone, during, framesPerSecond }) => [
    `${rules.toLocaleString("en-US")}, ${load}`,
    figure(framesPerSecond),
    figure(tookMs.toSorted((a, b) => a - b)[tookMs.length >> 1] ?? NaN),
    figure(alone.p50Ms),
    figure(alone.p99Ms),
    figure(alone.maxMs),
    figure(alone.maxOwnMs),
    figure(during.p50Ms),
    figure(during.p99Ms),
    figure(during.maxMs),
    figure(during.maxOwnMs),
  ]);
  const header = ["rules, load", "frames/s", "in force after", "p50 without", "p99", "max", "own max"];
  return "ms from the event to its verdict, without a reload and while the file is replaced again and again; " +
    "own: CPU of the agent's main thread in between; steady: 1000 PUBLISHes/s over v1, full: as fast " +
    `as 64 under way are answered\n${table([...header, "p50 during", "p99", "max", "own max"], cells)}`;
}

function aimsOf(rows: readonly Row[]): Aim[] {
  const about = rows.filter(({ rules }) => rules === AIM_RULES);
  return [
    {
      aim: "p99 of a verdict during a reload of 10,000 rules",
      limit: 10,
      unit: "ms",
      measured: about.map(({ load, during }) => ({ where: load, value: during.p99Ms })),
    },
    {
      aim: "longest own work between a frame and its verdict meanwhile",
      limit: 5,
      unit: "ms",
      measured: about.filter(({ load }) => load === "steady")
        .map(({ load, during }) => ({ where: load, value: during.maxOwnMs })),
    },
  ];
}
