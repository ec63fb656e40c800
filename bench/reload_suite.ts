import type { Aim } from "./aims.ts";
import type { ReloadLoad, ReloadResult, SlicesResult } from "./reload_job.ts";
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
/** Reloads by which slices are told: every fourth or fifth met the collector at its worst. */
const SLICE_RELOADS = 40;

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
  const slices: SliceRow[] = [];
  for (const way of ["aside", "here"] as const) {
    for (const [rules] of SIZES.slice(1, 3)) {
      if (filter !== "" && filter !== String(rules)) continue;
      slices.push({ rules, way, ...await workbench.reloadSlices(rules, quick ? 4 : SLICE_RELOADS, way) });
    }
  }
  return {
    results: { rows, slices },
    text: `${textOf(rows)}\n\n${slicesText(slices)}`,
    aims: aimsOf(rows, slices),
  };
}

interface SliceRow extends SlicesResult {
  readonly rules: number;
  /** Compiled by another thread, or by the one that judges frames. */
  readonly way: "aside" | "here";
}

function slicesText(rows: readonly SliceRow[]): string {
  const cells = rows.map(({ rules, way, longestMs, tookMs, heapMb }) => {
    const sorted = longestMs.toSorted((a, b) => a - b);
    return [
      `${rules.toLocaleString("en-US")}, ${way === "aside" ? "in another thread" : "beside the frames"}`,
      figure(sorted[sorted.length >> 1] ?? NaN),
      figure(sorted.at(-1) ?? NaN),
      `${longestMs.filter((ms) => ms > 5).length} of ${longestMs.length}`,
      figure(tookMs.toSorted((a, b) => a - b)[tookMs.length >> 1] ?? NaN),
      figure(heapMb),
    ];
  });
  return "CPU in ms that the frame path's thread uses between two turns of frames, collector included: the longest of a " +
    `reload\n${
      table(["rules, compiled", "median", "longest of all", "above 5 ms", "in force after", "heap in MB"], cells)
    }`;
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

function aimsOf(rows: readonly Row[], slices: readonly SliceRow[]): Aim[] {
  const about = rows.filter(({ rules }) => rules === AIM_RULES);
  return [
    {
      aim: "p99 of a verdict during a reload of 10,000 rules",
      limit: 10,
      unit: "ms",
      measured: about.map(({ load, during }) => ({ where: load, value: during.p99Ms })),
    },
    {
      aim: "longest slice of the frame path's thread meanwhile",
      limit: 5,
      unit: "ms",
      measured: slices.filter(({ rules, way }) => rules === AIM_RULES && way === "aside")
        .map(({ longestMs }) => ({ where: `${longestMs.length} reloads`, value: Math.max(...longestMs) })),
    },
  ];
}
