import { bcrypt } from "hash-wasm";
import type { Aim } from "./aims.ts";
import { AuthBench } from "./auth_bench.ts";
import { PASSWORD } from "./auth_credentials.ts";
import type { Latencies, LoginsResult } from "./auth_job.ts";
import { figure, table, times } from "./table.ts";

/**
 * Authentication. Parts by name, each also by itself: `--only "auth fleet"`.
 *
 * - `logins`: what a login costs that is proved at once, beside a CONNECT that nobody has to prove.
 * - `bcrypt`: slow hashes through the agent's threads, beside the library's own loop on as many threads.
 * - `pending`: verdicts for those who publish while 200 logins wait, beside the same without.
 * - `memory`: a million wrong logins from a million addresses.
 * - `fleet`: 10,000 devices that come back at once after a restart.
 * - `users`: 100,000 users in a file, read at start and read again.
 */
const PARTS = { logins, bcrypt: slowHashes, pending, memory, fleet, users } as const;

interface PartOptions {
  readonly bench: AuthBench;
  readonly quick: boolean;
}

/** As `Findings` of `suites.ts`, which imports this one. */
interface Findings {
  readonly results: unknown;
  readonly text: string;
  readonly aims: readonly Aim[];
}

type Part = (options: PartOptions) => Promise<Findings>;

export async function auth({ quick, filter }: { readonly quick: boolean; readonly filter: string }): Promise<Findings> {
  await using bench = await AuthBench.open();
  const results: Record<string, unknown> = {};
  const texts: string[] = [];
  const aims: Aim[] = [];
  for (const [name, part] of Object.entries<Part>(PARTS)) {
    if (filter !== "" && filter !== name) continue;
    const found = await part({ bench, quick });
    results[name] = found.results;
    texts.push(`${name}: ${found.text}`);
    aims.push(...found.aims);
  }
  if (texts.length === 0) texts.push(`Nothing was measured: "${filter}" is none of ${Object.keys(PARTS).join(", ")}`);
  return { results, text: texts.join("\n\n"), aims };
}

/** As many as the agent has. */
const THREADS = Math.max(1, navigator.hardwareConcurrency - 1);

const hashes = new Map<number, Promise<string>>();

/** One hash that all people of a file share. */
function hashOf(cost: number): Promise<string> {
  const salt = new Uint8Array(16).fill(7);
  const made = hashes.get(cost) ??
    bcrypt({ password: PASSWORD, salt, costFactor: cost, outputType: "encoded" });
  hashes.set(cost, made);
  return made;
}

async function logins({ bench, quick }: PartOptions): Promise<Findings> {
  // Proved once, the cost of their hash does not matter.
  const people = { count: 200, hash: await hashOf(4) };
  await using off = await bench.agent("off");
  await using file = await bench.agent("file", await bench.users({ devices: people.count, people }));
  await using jwt = await bench.agent("jwt");
  const found = await bench.run("logins", {
    cases: [
      { proof: "none", target: off.target },
      { proof: "secret", target: file.target },
      { proof: "password again", target: file.target },
      { proof: "token", target: jwt.target },
      { proof: "token again", target: jwt.target },
    ],
    logins: quick ? 500 : 1500,
    slices: quick ? 4 : 6,
    people: people.count,
  });
  const names: Readonly<Record<LoginsResult["proof"], string>> = {
    "none": "CONNECT, authentication off",
    "secret": "generated secret ($sha256$)",
    "password again": "bcrypt user, proved before",
    "token": "HS256, first time",
    "token again": "HS256, seen before",
  };
  const [none] = found;
  return {
    results: found,
    text: "new connections one after another, v1 1x8, each with a new client id\n" + table(
      ["login", "logins/s", "CPU µs", "above off"],
      found.map(({ proof, loginsPerSecond, cpuUsPerLogin }) => [
        names[proof],
        figure(loginsPerSecond),
        figure(cpuUsPerLogin),
        figure(cpuUsPerLogin - (none?.cpuUsPerLogin ?? NaN)),
      ]),
    ),
    aims: [],
  };
}

async function slowHashes({ bench, quick }: PartOptions): Promise<Findings> {
  const rows: {
    cost: number;
    people: number;
    tookMs: number;
    broken: number;
    perSecond: number;
    barePerSecond: number;
  }[] = [];
  for (const [cost, people] of quick ? [[10, 24], [12, 8]] as const : [[10, 120], [12, 40]] as const) {
    const hash = await hashOf(cost);
    const bareMs = quick ? 700 : 2500;
    const bareLoops = async () => {
      const loops = Array.from({ length: THREADS }, () => bench.run("bare", { hash, ms: bareMs }));
      return (await Promise.all(loops)).reduce((sum, { perSecond }) => sum + perSecond, 0);
    };
    const before = await bareLoops();
    await using agent = await bench.agent("file", await bench.users({ devices: 1, people: { count: people, hash } }));
    const { tookMs, broken } = await bench.run("slow", { target: agent.target, people });
    const barePerSecond = (before + await bareLoops()) / 2;
    rows.push({ cost, people, tookMs, broken, perSecond: people / tookMs * 1000, barePerSecond });
  }
  return {
    results: rows,
    text: `first logins, all at once, until the last one is in; ${THREADS} thread${THREADS > 1 ? "s" : ""}\n` + table(
      ["bcrypt cost", "logins", "logins/s", "bare loop/s", "time of bare", "given up as late"],
      rows.map(({ cost, people, perSecond, barePerSecond, broken }) => [
        String(cost),
        String(people),
        figure(perSecond),
        figure(barePerSecond),
        times(barePerSecond / perSecond),
        String(broken),
      ]),
    ),
    aims: [{
      aim: "time of a bcrypt login, of the library's bare loop on as many threads",
      limit: 1.2,
      unit: "×",
      measured: rows.map(({ cost, perSecond, barePerSecond }) => {
        return { where: `cost ${cost}`, value: barePerSecond / perSecond };
      }),
    }],
  };
}

const PENDING = 200;

async function pending({ bench, quick }: PartOptions): Promise<Findings> {
  const count = PENDING + 40;
  const users = await bench.users({ devices: 100, people: { count, hash: await hashOf(12) } });
  const measured: { pool: number; what: string; latencies: Latencies }[] = [];
  const letIn: number[] = [];
  for (const pool of [4, 10]) {
    await using agent = await bench.agent("file", users);
    const found = await bench.run("pending", {
      target: agent.target,
      pool,
      logins: count,
      publishers: 100,
      perSecond: 1000,
      ms: quick ? 2000 : 8000,
      retryMs: 3000,
    });
    // Some are in by the end, and so many must still wait.
    if (count - found.letIn < PENDING) throw new Error("Cannot measure: fewer than 200 logins were pending at the end");
    letIn.push(found.letIn);
    measured.push({ pool, what: "PUBLISH, nobody logs in", latencies: found.alone });
    measured.push({ pool, what: `PUBLISH, ${PENDING} logins pending`, latencies: found.beside });
    measured.push({ pool, what: "CONNECT of those who wait", latencies: found.connects });
  }
  const besides = measured.filter(({ what }) => !what.includes("nobody"));
  return {
    results: { measured, letIn },
    text: `ms from the event to its verdict; 1000 PUBLISHes/s over v1, bcrypt cost 12, ${letIn.join(" and ")} let in ` +
      "meanwhile; own: CPU of the agent's main thread in between\n" + table(
        ["pool of", "frames", "number", "p50", "p99", "max", "own max"],
        measured.map(({ pool, what, latencies: { frames, p50Ms, p99Ms, maxMs, maxOwnMs } }) => [
          `${pool}, ${what}`,
          "",
          frames.toLocaleString("en-US"),
          figure(p50Ms),
          figure(p99Ms),
          figure(maxMs),
          figure(maxOwnMs),
        ]).map((row) => row.filter((cell) => cell !== "")),
      ),
    aims: [
      {
        aim: "p99 of a verdict while 200 bcrypt logins are pending",
        limit: 10,
        unit: "ms",
        measured: besides.map(({ pool, what, latencies }) => ({
          where: `pool ${pool}, ${what}`,
          value: latencies.p99Ms,
        })),
      },
      {
        aim: "longest own work between a frame and its verdict meanwhile",
        limit: 5,
        unit: "ms",
        measured: besides.map(({ pool, what, latencies }) => {
          return { where: `pool ${pool}, ${what}`, value: latencies.maxOwnMs };
        }),
      },
    ],
  };
}

async function memory({ bench, quick }: PartOptions): Promise<Findings> {
  const people = { count: 100, hash: await hashOf(12) };
  await using agent = await bench.agent("file", await bench.users({ devices: 1000, people }));
  const [count, looks] = [quick ? 200_000 : 1_000_000, 4];
  const found = await bench.run("flood", {
    target: agent.target,
    logins: count,
    looks,
    devices: 1000,
    people: people.count,
  });
  const [first = NaN, second = NaN, third = NaN, last = NaN] = found.residentMb;
  const grownMb = last - second;
  return {
    results: found,
    text: `wrong logins from as many addresses; a third each: unknown names, generated secrets, bcrypt; RSS in MB\n` +
      table(["logins", "before", "25 %", "50 %", "75 %", "100 %", "logins/s", "CPU µs each", "given up as late"], [[
        count.toLocaleString("en-US"),
        ...[found.beforeMb, first, second, third, last, found.loginsPerSecond, found.cpuUsPerLogin].map(figure),
        String(found.broken),
      ]]),
    aims: quick ? [] : [
      {
        aim: "RSS growth by 1,000,000 failed logins from as many addresses",
        limit: 200,
        unit: "MB",
        measured: [{ where: "v1", value: last - found.beforeMb }],
      },
      { aim: "of it in the second half", limit: 20, unit: "MB", measured: [{ where: "v1", value: grownMb }] },
      { aim: "connections given up meanwhile", limit: 0, unit: "", measured: [{ where: "v1", value: found.broken }] },
    ],
  };
}

const FLEET = 10_000;
const FLEET_POOL = 10;

async function fleet({ bench, quick }: PartOptions): Promise<Findings> {
  const devices = await (async () => {
    await using agent = await bench.agent("file", await bench.users({ devices: FLEET }));
    const { tookMs } = await bench.run("fleet", { target: agent.target, devices: FLEET, pool: FLEET_POOL });
    return { startMs: agent.startMs, tookMs };
  })();
  const sample = quick ? 16 : 80;
  const hash = await hashOf(10);
  await using agent = await bench.agent("file", await bench.users({ devices: 1, people: { count: sample, hash } }));
  const { tookMs } = await bench.run("slow", { target: agent.target, people: sample });
  const slowSecs = tookMs / sample * FLEET / 1000;
  return {
    results: { devices, slow: { sample, tookMs, extrapolatedSecs: slowSecs } },
    text:
      `${FLEET.toLocaleString("en-US")} devices come back at once to an agent that has just started, over a v1 pool ` +
      `of ${FLEET_POOL}\n` + table(["secrets", "seconds until all are in", "measured with"], [
        ["$sha256$", figure(devices.tookMs / 1000), `all of them, after a start of ${figure(devices.startMs)} ms`],
        ["bcrypt cost 10", figure(slowSecs), `${sample}, and extrapolated`],
      ]),
    aims: [{
      aim: "a fleet of 10,000 with generated secrets is in after a restart",
      limit: 5,
      unit: "s",
      measured: [{ where: "v1, pool 10", value: devices.tookMs / 1000 }],
    }],
  };
}

const MANY_USERS = 100_000;

async function users({ bench }: PartOptions): Promise<Findings> {
  await using few = await bench.agent("file", await bench.users({ devices: 100 }));
  const path = await bench.users({ devices: MANY_USERS });
  const megabytes = (await Deno.stat(path)).size / 1e6;
  const replacement = await bench.users({ devices: MANY_USERS, extra: [MANY_USERS] });
  await using many = await bench.agent("file", path);
  const found = await bench.run("reload", {
    target: many.target,
    users: path,
    replacement,
    newcomer: MANY_USERS,
    publishers: 100,
    perSecond: 1000,
  });
  const { frames, p50Ms, p99Ms, maxMs, maxOwnMs } = found.latencies;
  return {
    results: { fewStartMs: few.startMs, manyStartMs: many.startMs, megabytes, ...found },
    text: `${MANY_USERS.toLocaleString("en-US")} users, JSON of ${figure(megabytes)} MB\n` +
      table(["", "ms"], [
        ["ready with 100 users", figure(few.startMs)],
        ["ready with 100,000", figure(many.startMs)],
        ["file replaced, until the new user is let in", figure(found.tookMs)],
      ]) + `\nmeanwhile ${frames} PUBLISHes: p50 ${figure(p50Ms)}, p99 ${figure(p99Ms)}, max ${figure(maxMs)}, ` +
      `own work at most ${figure(maxOwnMs)} ms`,
    aims: [
      {
        aim: "p99 of a verdict while 100,000 users are read again",
        limit: 10,
        unit: "ms",
        measured: [{ where: "v1, pool 4", value: p99Ms }],
      },
      {
        aim: "longest own work between a frame and its verdict meanwhile",
        limit: 5,
        unit: "ms",
        measured: [{ where: "v1, pool 4", value: maxOwnMs }],
      },
    ],
  };
}
