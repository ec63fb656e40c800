import type { Aim } from "./aims.ts";
import type { LoadResult } from "./load_job.ts";
import { configText } from "./rules.ts";
import { figure, table, times } from "./table.ts";
import type { Workbench } from "./workbench.ts";

/** As `Findings` of `suites.ts`, which imports this one. */
interface Findings {
  readonly results: unknown;
  readonly text: string;
  readonly aims: readonly Aim[];
}

/** Limits that nobody reaches, so that every one of them is looked at and none decides. */
const UNREACHED = { "messages-per-second": 10_000_000, "bytes-per-second": 10_000_000_000, burst: 10_000_000 };
const TOPICS = ["alarms/#", "site/+/x", "firmware/+/+/chunk"];

const RATE = {
  "rate-limit": {
    enabled: true,
    "per-client": UNREACHED,
    global: UNREACHED,
    "per-topic": [...TOPICS, "sensors/+/data"].map((topic) => ({ topic, limit: UNREACHED })),
  },
};
const QOS = {
  qos: { enabled: true, "max-qos": 1, "per-topic": [...TOPICS, "sensors/#"].map((topic) => ({ topic, "max-qos": 1 })) },
};
const RETAINED = { retained: { enabled: true, "allowed-topics": ["config/#"], "blocked-topics": ["sensors/#"] } };
const LOG = { general: { "log-packets": true } };

/** What is on, one more from row to row. Each new kind of check gets its row here. */
const CASES: readonly (readonly [name: string, more: Readonly<Record<string, unknown>>])[] = [
  ["access control only", {}],
  ["and rate limits", RATE],
  ["and qos", { ...RATE, ...QOS }],
  ["and retained", { ...RATE, ...QOS, ...RETAINED }],
  ["and every packet logged", { ...RATE, ...QOS, ...RETAINED, ...LOG }],
];

/** What one decision costs with everything on, beside access control alone; all take turns in one run. */
export async function decision(
  { workbench, quick }: { readonly workbench: Workbench; readonly quick: boolean },
): Promise<Findings> {
  const results = await measured(workbench, quick);
  const base = results[0]?.cpuUsPerDecision ?? NaN;
  const rows = CASES.map(([name], i) => ({ name, ...results[i] as LoadResult }));
  return {
    results: rows,
    text: "PUBLISH of 200 bytes, 10 rules, v1 1x64; CPU of all the agent's threads\n" + table(
      ["what is on", "decisions/s", "p50 µs", "p99", "CPU µs", "of access control only"],
      rows.map(({ name, decisionsPerSecond, p50Us, p99Us, cpuUsPerDecision }) => [
        name,
        figure(decisionsPerSecond),
        figure(p50Us),
        figure(p99Us),
        figure(cpuUsPerDecision),
        times(cpuUsPerDecision / base),
      ]),
    ),
    aims: [],
  };
}

async function measured(workbench: Workbench, quick: boolean): Promise<LoadResult[]> {
  await using agents = new AsyncDisposableStack();
  const targets = [];
  for (const [name, more] of CASES) {
    const file = await workbench.file(configText({ rules: 10, more }));
    const agent = agents.use(await workbench.agentOf(file, "general" in more ? "debug" : "error"));
    targets.push({ ...agent.target, name });
  }
  return await workbench.load({
    targets,
    version: 1,
    traffic: "publish",
    connections: 1,
    depth: 64,
    sessions: 512,
    ...(quick ? { warmUpMs: 200, slices: 4, sliceMs: 60 } : { warmUpMs: 800, slices: 16, sliceMs: 120 }),
  });
}
