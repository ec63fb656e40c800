import assert from "node:assert/strict";
import { Watch } from "../../demo/watch.ts";
import type { FleetOrder, FleetReport } from "./fleet_worker.ts";
import { inboxOf, TEST_RULES, text, WAYS, withRoad, withSite } from "./support.ts";

const CLIENTS = 500;

/** Clients in a thread of their own: their work must not hold up the proxy, whose clocks run. */
class Fleet {
  readonly #worker = new Worker(new URL("./fleet_worker.ts", import.meta.url), { type: "module" });
  readonly #reports = new Watch<FleetReport>();

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<FleetReport>) => this.#reports.add(data);
  }

  async order(order: FleetOrder): Promise<void> {
    const said = this.#reports.until((report) => "failed" in report || report.done === order.kind, order.kind);
    this.#worker.postMessage(order);
    assert.deepEqual(await said, { done: order.kind });
  }

  stop(): void {
    this.#worker.terminate();
  }
}

Deno.test("500 clients at once connect and publish through proxy and agent", async (t) => {
  await withSite(TEST_RULES, async (site) => {
    for (const way of WAYS) {
      await t.step(`over ${way.protocol}, pool ${way.pool}`, async () => {
        await withRoad(site, way, async ({ witness, proxy, frames, attempt }) => {
          const fleet = new Fleet();
          try {
            const topic = `t/fleet/${way.protocol}/${way.pool}/${attempt}`;
            const inbox = inboxOf(await witness(`${topic}/+`));
            await fleet.order({ kind: "connect", url: proxy.url, count: CLIENTS, topic });
            await fleet.order({ kind: "publish" });
            // What was published on a connection that broke comes twice; anything else is somebody else's message.
            const arrived = new Set<string>();
            await inbox.until((message) => {
              arrived.add(`${message.topic} ${text(message.payload)}`);
              return arrived.size === CLIENTS;
            }, "all messages");
            assert.deepEqual(arrived, new Set(Array.from({ length: CLIENTS }, (_, i) => `${topic}/${i} from ${i}`)));
            await fleet.order({ kind: "leave" });
            // On a crowded machine the agent may be too late, and closes then; for no other reason.
            const reasons = frames.seen.flatMap(({ decision: { action, audit } }) => {
              return action.kind === "forward" ? [] : audit?.reason_codes ?? [];
            });
            assert.deepEqual(reasons.filter((reason) => reason !== "late"), []);
          } finally {
            fleet.stop();
          }
        });
      });
    }
  });
});
