import { LoginMaker } from "./auth/logins.ts";
import { BcryptPool } from "./auth/bcrypt_pool.ts";
import { realSurroundings } from "./auth/surroundings.ts";
import { Threads } from "./auth/threads.ts";
import { ConfigThread } from "./config_thread.ts";
import { createLogger } from "./log.ts";
import { PolicyStore } from "./policy_store.ts";
import type { SlicesResult } from "../bench/reload_job.ts";
import { configText } from "../bench/rules.ts";

/**
 * How long a reload holds the frame path's thread at a time: `deno run -A reload_slices_bench.ts RULES TIMES WAY`, a process of
 * its own. A loop that always wants its turn, as frames do under full load, notes how much CPU this thread used between two
 * of its turns, the collector's share included. CPU and not time, since on a busy machine other programs are in the time.
 *
 * From outside it can not be seen as well: what the system says of a thread that runs is up to 4 ms old.
 */

const CLOCK_THREAD_CPUTIME_ID = 3;
const REST_MS = 100;

const libc = Deno.dlopen("libc.so.6", { clock_gettime: { parameters: ["i32", "buffer"], result: "i32" } });
const timespec = new BigInt64Array(2);
const timespecBytes = new Uint8Array(timespec.buffer);

/** CPU that this thread has used, in ms. */
function cpuMs(): number {
  libc.symbols.clock_gettime(CLOCK_THREAD_CPUTIME_ID, timespecBytes);
  return Number(timespec[0]) * 1e3 + Number(timespec[1]) / 1e6;
}

async function slices(rules: number, times: number, isAside: boolean): Promise<SlicesResult> {
  const file = await Deno.makeTempFile({ prefix: "mqtt-agent-bench-", suffix: ".json" });
  const texts = (["deny", "allow"] as const).map((flip) => configText({ rules, flip }));
  await Deno.writeTextFile(file, texts[0] ?? "");
  const log = createLogger({ level: "error" });
  const threads = new Threads();
  threads.warm();
  const surroundings = realSurroundings(() => {});
  const store = await PolicyStore.open({
    file,
    env: (name) => Deno.env.get(name),
    log,
    wallMs: Date.now,
    logins: new LoginMaker({ pool: new BcryptPool(threads), threads, surroundings, wallMs: Date.now }),
    ...(isAside ? { thread: new ConfigThread(threads) } : {}),
  });
  const longestMs: number[] = [];
  const tookMs: number[] = [];
  let longest = 0;
  let last = cpuMs();
  let isOver = false;
  const turn = (): void => {
    const now = cpuMs();
    longest = Math.max(longest, now - last);
    last = cpuMs();
    if (!isOver) setImmediate(turn);
  };
  turn();
  for (let n = 0; n < times; n++) {
    await Deno.writeTextFile(file, texts[(n + 1) % 2] ?? "");
    // What starts of itself, as what start has left to the collector, is not of the reload.
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    longest = 0;
    const startMs = performance.now();
    const problem = await store.reload("the benchmark");
    if (problem !== null) throw new Error(problem);
    tookMs.push(performance.now() - startMs);
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    longestMs.push(longest);
  }
  isOver = true;
  await Deno.remove(file);
  return { longestMs, tookMs, heapMb: Deno.memoryUsage().heapUsed / 1e6 };
}

if (import.meta.main) {
  const [rules, times, way] = Deno.args;
  console.log(JSON.stringify(await slices(Number(rules), Number(times), way === "aside")));
  Deno.exit(0);
}
