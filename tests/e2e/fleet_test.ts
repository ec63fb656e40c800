import assert from "node:assert/strict";
import { publish, subscribed, TEST_RULES, text, WAYS, withRoad, withSite } from "./support.ts";

const CLIENTS = 500;

for (const way of WAYS) {
  Deno.test(`500 clients at once over ${way.protocol}, pool ${way.pool}`, async () => {
    await withSite(TEST_RULES, async (site) => {
      await withRoad(site, way, async ({ connect, proxy }) => {
        const collector = await connect("collector", 4);
        const inbox = await subscribed(collector, "t/fleet/+", 1);
        const fleet = await Promise.all(Array.from({ length: CLIENTS }, (_, i) => connect(`fleet-${i}`, 4)));
        assert.equal(proxy.counts.connections, CLIENTS + 1);
        await Promise.all(fleet.map((client, i) => publish(client, `t/fleet/${i}`, `from ${i}`, { qos: 1 })));
        await inbox.untilCount(CLIENTS, "a message");
        const payloads = new Set(inbox.seen.map(({ topic, payload }) => `${topic} ${text(payload)}`));
        assert.deepEqual(payloads, new Set(fleet.map((_, i) => `t/fleet/${i} from ${i}`)));
        console.log(proxy.counts);
      });
    });
  });
}
