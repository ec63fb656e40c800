import {
  ON_TIME,
  onRoad,
  publish,
  type Site,
  STEP,
  subscribed,
  TEST_RULES,
  type Way,
  WAYS,
  withSite,
} from "./support.ts";

const CLIENTS = 20;
const MESSAGES = 10;

/** A timer of 5 ms that comes later than this was held up by a crowded machine, and so may the agent have been. */
const HELD_UP_MS = 15;
const ATTEMPTS = 5;

interface Measured {
  readonly late: number;
  readonly slowestMs: number;
  /** Longest time that this thread was held up meanwhile. */
  readonly stallMs: number;
  readonly failure: unknown;
}

/** Plays traffic by the proxy's own clocks. */
async function measure(site: Site, way: Way, topic: string): Promise<Measured> {
  let late = 0;
  let slowestMs = 0;
  let failure: unknown = null;
  const stopWatching = watchStalls();
  try {
    await onRoad(site, { ...way, ...ON_TIME }, async ({ connect, proxy }) => {
      try {
        const inbox = await subscribed(await connect("timekeeper", 4), topic, 1);
        for (let i = 0; i < CLIENTS; i++) {
          const client = await connect(`time-${i}`, 4);
          for (let m = 0; m < MESSAGES; m++) await publish(client, topic, String(m), { qos: 1 });
        }
        await inbox.untilCount(CLIENTS * MESSAGES, "a message");
      } finally {
        late = proxy.counts.late + proxy.counts.upgradesLate;
        slowestMs = proxy.counts.slowestVerdictMs;
      }
    });
  } catch (error) {
    failure = error; // A late verdict closes its connection.
  }
  return { late, slowestMs, stallMs: stopWatching(), failure };
}

/** Measures until the returned function is called; that gives the longest stall in ms. */
function watchStalls(): () => number {
  let last = performance.now();
  let longestMs = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    longestMs = Math.max(longestMs, now - last - 5);
    last = now;
  }, 5);
  return () => {
    clearInterval(timer);
    return longestMs;
  };
}

Deno.test("no verdict is late by the clocks of the proxy", async (t) => {
  await withSite(TEST_RULES, async (site) => {
    for (const way of WAYS) {
      const name = `over ${way.protocol}, pool ${way.pool}`;
      await t.step({
        ...STEP,
        name,
        async fn() {
          for (let attempt = 1;; attempt++) {
            const measured = await measure(site, way, `t/time/${way.protocol}/${way.pool}/${attempt}`);
            if (measured.failure === null && measured.late === 0 && measured.slowestMs < 90) return;
            if (attempt < ATTEMPTS) continue;
            if (measured.stallMs < HELD_UP_MS) throw new Error(`Cannot be on time: ${Deno.inspect(measured)}`);
            console.warn(`Not measured ${name}: the machine stood still for ${Math.round(measured.stallMs)} ms`);
            return;
          }
        },
      });
    }
  });
});
