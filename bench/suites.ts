import type { Aim } from "./aims.ts";
import { auth } from "./auth_suite.ts";
import { check } from "./check_suite.ts";
import { decision } from "./decision_suite.ts";
import type { ProtocolVersion } from "./event_bytes.ts";
import type { FrameResult, LoadResult, SessionsResult, Target, Traffic } from "./load_job.ts";
import { reload } from "./reload_suite.ts";
import type { ServerProcess } from "./server_process.ts";
import { figure, table, times } from "./table.ts";
import { LoadFailure, type Workbench } from "./workbench.ts";

/** What a suite found: rows for machines, a text for people, figures for the aims. */
export interface Findings {
  readonly results: unknown;
  readonly text: string;
  readonly aims: readonly Aim[];
}

export interface SuiteOptions {
  readonly workbench: Workbench;
  readonly quick: boolean;
  /** Of the load suite: only loads whose name contains it, as `v1 1x64`. */
  readonly filter: string;
}

export type Suite = (options: SuiteOptions) => Promise<Findings>;

/** In the order in which they run. */
export const SUITES: Readonly<Record<string, Suite>> = {
  load,
  decision,
  rules,
  bytes,
  frames,
  sessions,
  start,
  check,
  reload,
  auth,
};

const FEW_RULES = 10;
const MANY_RULES = 100_000;
const SESSIONS = 512;
const LIVE_SESSIONS = 100_000;

const SHAPES = [[1, 1], [1, 16], [1, 64], [1, 256], [16, 1], [16, 16], [64, 1], [256, 1]] as const;
/** When there is little time. */
const QUICK_LOADS: ReadonlySet<string> = new Set([
  "v1 1x1",
  "v1 1x64",
  "v1 1x256",
  "v1 16x16",
  "v2 1x1",
  "v2 1x64",
]);
/** A neighbour that takes the CPU for 80 ms makes answers late, and the agent gives the connection up. */
export const TRIES = 3;

interface LoadRow {
  readonly load: string;
  /** Null where every try failed, which is an aim missed. */
  readonly found: { readonly agent: LoadResult; readonly floor: LoadResult; readonly parse: LoadResult } | null;
  /** Of the last try that failed. */
  readonly failure: string;
}

async function load({ workbench, quick, filter }: SuiteOptions): Promise<Findings> {
  await using agent = await workbench.agent({ rules: FEW_RULES });
  await using floor = await workbench.constant("floor");
  await using parse = await workbench.constant("parse");
  await warmUp(workbench, [agent.target, floor.target, parse.target], quick ? 400 : 1500);
  const rows: LoadRow[] = [];
  for (const version of [1, 2] as const) {
    for (const [connections, depth] of SHAPES) {
      const name = `v${version} ${connections}x${depth}`;
      if (filter === "" ? quick && !QUICK_LOADS.has(name) : !` ${name} `.includes(` ${filter} `)) continue;
      rows.push(
        await loadRow(name, () =>
          workbench.load({
            targets: [agent.target, floor.target, parse.target],
            version,
            traffic: "publish",
            connections,
            depth,
            ...(quick
              ? { sessions: 256, warmUpMs: 40, slices: 4, sliceMs: 40 }
              : { sessions: SESSIONS, warmUpMs: 200, slices: 16, sliceMs: 100 }),
          })),
      );
    }
  }
  return {
    results: rows,
    text: loadTable(rows),
    aims: [
      {
        aim: "p50 at 1x1, of the floor",
        limit: 1.3,
        unit: "×",
        measured: rows.filter((row) => row.load.endsWith(" 1x1"))
          .map(({ load, found }) => ({ where: load, value: found ? p50Ratio(found.agent, found.floor) : Infinity })),
      },
      {
        aim: "CPU per decision from 1x64 on, 10 rules",
        limit: 3.5,
        unit: "µs",
        measured: rows.filter((row) => / 1x(64|256)$/.test(row.load))
          .map(({ load, found }) => ({ where: load, value: found?.agent.cpuUsPerDecision ?? Infinity })),
      },
    ],
  };
}

/** A server that has just started runs code that is not compiled yet; loads of few messages would measure that. */
async function warmUp(workbench: Workbench, targets: readonly Target[], ms: number): Promise<void> {
  for (const version of [1, 2] as const) {
    const shape = { connections: 2, depth: 16, sessions: 64, slices: 0, sliceMs: 0, warmUpMs: ms / 2 };
    try {
      await workbench.load({ targets, version, traffic: "publish", ...shape });
    } catch (error) {
      // Late answers of code that is not compiled yet, on a busy machine. What matters is that it ran.
      if (!(error instanceof LoadFailure)) throw error;
    }
  }
}

/** Median over the slices: a busy moment of the machine slows both or spoils one slice. */
function p50Ratio(one: LoadResult, other: LoadResult): number {
  return median(one.sliceP50Us.map((us, i) => us / (other.sliceP50Us[i] ?? NaN)));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

async function loadRow(name: string, run: () => Promise<LoadResult[]>): Promise<LoadRow> {
  let failure = "";
  for (let left = TRIES; left > 0; left--) {
    try {
      const results = await run();
      const found = { agent: of(results, "agent"), floor: of(results, "floor"), parse: of(results, "parse") };
      return { load: name, found, failure };
    } catch (error) {
      if (!(error instanceof LoadFailure)) throw error;
      failure = error.message;
    }
  }
  return { load: name, found: null, failure };
}

function loadTable(rows: readonly LoadRow[]): string {
  const header = ["load", "decisions/s", "p50 µs", "p99", "p99.9", "max", "p50 of floor", "CPU µs", "floor", "parse"];
  const cells = ({ load: name, found }: LoadRow) => {
    if (found === null) return [name, "failed"];
    const { agent, floor, parse } = found;
    return [
      name,
      figure(agent.decisionsPerSecond),
      figure(agent.p50Us),
      figure(agent.p99Us),
      figure(agent.p999Us),
      figure(agent.maxUs),
      times(p50Ratio(agent, floor)),
      figure(agent.cpuUsPerDecision),
      figure(floor.cpuUsPerDecision),
      figure(parse.cpuUsPerDecision),
      times(agent.cpuUsPerDecision / parse.cpuUsPerDecision),
      figure(agent.clientCpuUsPerDecision),
      figure(agent.residentMb),
    ];
  };
  return "PUBLISH of 200 bytes JSON, 2 % denied, several hundred sessions; floor answers without looking, parse does JSON, base64 " +
    `and the fixed header\n${table([...header, "CPU of parse", "client CPU µs", "RSS MB"], rows.map(cells))}` +
    rows.filter(({ failure }) => failure !== "").map((row) => `\n${row.load}, tried again: ${row.failure}`).join("");
}

async function rules({ workbench, quick }: SuiteOptions): Promise<Findings> {
  await using few = await workbench.agent({ rules: FEW_RULES });
  await using many = await workbench.agent({ rules: MANY_RULES });
  const found = await workbench.load({
    targets: [{ ...few.target, name: "few" }, { ...many.target, name: "many" }],
    version: 1,
    traffic: "publish",
    connections: 1,
    depth: 64,
    sessions: SESSIONS,
    ...(quick ? { warmUpMs: 400, slices: 2, sliceMs: 150 } : { warmUpMs: 1000, slices: 4, sliceMs: 400 }),
  });
  const rows = [
    { rules: FEW_RULES, startMs: few.startMs, ...of(found, "few") },
    { rules: MANY_RULES, startMs: many.startMs, ...of(found, "many") },
  ];
  return {
    results: rows,
    text: "v1 1x64\n" +
      table(
        ["rules", "decisions/s", "p50 µs", "CPU µs", "of 10 rules", "RSS MB", "ready after ms"],
        rows.map((row) => [
          row.rules.toLocaleString("en-US"),
          figure(row.decisionsPerSecond),
          figure(row.p50Us),
          figure(row.cpuUsPerDecision),
          times(row.cpuUsPerDecision / (rows[0]?.cpuUsPerDecision ?? NaN)),
          figure(row.residentMb),
          figure(row.startMs),
        ]),
      ),
    aims: [],
  };
}

async function bytes({ workbench, quick }: SuiteOptions): Promise<Findings> {
  await using agent = await workbench.agent({ rules: FEW_RULES });
  const measure = async (traffic: Traffic, depth: number, version: ProtocolVersion): Promise<LoadResult> => {
    const found = await workbench.load({
      targets: [agent.target],
      version,
      traffic,
      connections: 1,
      depth,
      sessions: 64,
      ...(quick ? { warmUpMs: 150, slices: 1, sliceMs: 200 } : { warmUpMs: 500, slices: 3, sliceMs: 500 }),
    });
    return of(found, "agent");
  };
  const named = [
    { what: "ordinary frames, one PUBLISH", ...await measure("publish", 64, 1) },
    { what: "64 KiB frames of PUBLISH", ...await measure("publish-64k", 1, 1) },
    { what: "64 KiB frames of PINGREQ", ...await measure("ping-64k", 1, 1) },
    { what: "frames of one PINGREQ", ...await measure("ping", 64, 1) },
    { what: "frames of one byte", ...await measure("one-byte", 64, 1) },
  ];
  const rows = named.map((row) => ({ ...row, cpuNsPerByte: row.cpuUsPerDecision / row.bytesPerFrame * 1000 }));
  const [ordinary, , pings, ping, oneByte] = rows;
  return {
    results: rows,
    text: "v1, one connection\n" +
      table(
        ["frames", "frames/s", "CPU µs per frame", "CPU ns per byte", "per byte of ordinary"],
        rows.map((row) => [
          row.what,
          figure(row.decisionsPerSecond),
          figure(row.cpuUsPerDecision),
          figure(row.cpuNsPerByte),
          times(row.cpuNsPerByte / (ordinary?.cpuNsPerByte ?? NaN)),
        ]),
      ),
    aims: [
      {
        aim: "CPU per byte of 64 KiB of 2-byte packets, of ordinary frames",
        limit: 3,
        unit: "×",
        measured: [{ where: "v1", value: (pings?.cpuNsPerByte ?? NaN) / (ordinary?.cpuNsPerByte ?? NaN) }],
      },
      {
        aim: "CPU of a 1-byte frame, of a PINGREQ frame",
        limit: 1.5,
        unit: "×",
        measured: [{ where: "v1", value: (oneByte?.cpuUsPerDecision ?? NaN) / (ping?.cpuUsPerDecision ?? NaN) }],
      },
    ],
  };
}

async function frames({ workbench, quick }: SuiteOptions): Promise<Findings> {
  const repeats = quick ? 7 : 15;
  await using floor = await workbench.constant("floor");
  const least = await workbench.frames({ target: floor.target, repeats });
  const measure = async (agent: ServerProcess): Promise<FrameResult[]> => {
    await using _ = agent;
    return await workbench.frames({ target: agent.target, repeats });
  };
  const usual = await measure(await workbench.agent({ rules: FEW_RULES }));
  const wide = quick ? [] : await measure(await workbench.agent({ rules: MANY_RULES, wide: true }));
  const header = ["verdict", "first", "median", "max", "CPU"];
  const rows = (found: readonly FrameResult[]) =>
    found.map(({ frame, verdict, firstMs, medianMs, maxMs, cpuMs }, i) => [
      frame,
      figure(least[i]?.medianMs ?? NaN),
      verdict,
      figure(firstMs),
      figure(medianMs),
      figure(maxMs),
      figure(cpuMs),
    ]);
  const aim = (what: string, found: readonly FrameResult[]): Aim => ({
    aim: `median time of the worst single frame, ${what}`,
    limit: 10,
    unit: "ms",
    measured: found.map(({ frame, medianMs }) => ({ where: frame, value: medianMs })),
  });
  return {
    results: { floor: least, usual, wide },
    text: "One frame at a time, ms from the send to the answer (v2); CPU of the agent, median\n" +
      table(["usual limits, 10 rules", "floor", ...header], rows(usual)) +
      (quick ? "" : "\n\n" + table(["limits lifted, 100,000 rules", "floor", ...header], rows(wide))),
    aims: [aim("usual limits", usual), aim("limits lifted, 100,000 rules", wide)],
  };
}

async function sessions({ workbench }: SuiteOptions): Promise<Findings> {
  await using agent = await workbench.agent({ rules: FEW_RULES });
  const found: SessionsResult = await workbench.sessions({ target: agent.target, sessions: LIVE_SESSIONS });
  return {
    results: found,
    text: table(["live sessions", "RSS MB", "before", "bytes each", "opened/s", "CPU µs each"], [[
      LIVE_SESSIONS.toLocaleString("en-US"),
      figure(found.afterMb),
      figure(found.beforeMb),
      figure((found.afterMb - found.beforeMb) * 1e6 / LIVE_SESSIONS),
      figure(found.sessionsPerSecond),
      figure(found.cpuUsPerSession),
    ]]),
    aims: [{
      aim: "RSS with 100,000 live sessions",
      limit: 300,
      unit: "MB",
      measured: [{ where: "v1", value: found.afterMb }],
    }],
  };
}

async function start({ workbench }: SuiteOptions): Promise<Findings> {
  const starts: number[] = [];
  // The first fills the code cache of Deno.
  for (let i = 0; i < 6; i++) {
    await using agent = await workbench.agent({ rules: FEW_RULES });
    starts.push(agent.startMs);
  }
  const [cold = NaN, ...warm] = starts;
  const medianMs = median(warm);
  return {
    results: { coldMs: cold, warmMs: warm },
    text: table(["ready after ms", "median of 5", "fastest", "slowest", "the one before"], [
      ["agent, 10 rules", figure(medianMs), figure(Math.min(...warm)), figure(Math.max(...warm)), figure(cold)],
    ]),
    aims: [{ aim: "ready", limit: 250, unit: "ms", measured: [{ where: "median of 5", value: medianMs }] }],
  };
}

function of(results: readonly LoadResult[], target: string): LoadResult {
  const found = results.find((result) => result.target === target);
  if (found === undefined) throw new Error(`Cannot compare: no result for "${target}"`);
  return found;
}
