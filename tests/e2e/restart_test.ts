import assert from "node:assert/strict";
import type { MqttClient } from "mqtt";
import { Watch } from "../../demo/watch.ts";
import {
  assertNothingDenied,
  closeOf,
  inboxOf,
  publish,
  type Road,
  STEP,
  TEST_RULES,
  text,
  WAYS,
  withRoad,
  withSite,
} from "./support.ts";

const CLIENTS = 10;

/** Messages that a client has had acknowledged while it publishes one after the other. */
class Publisher {
  readonly acknowledged: Watch<string> = new Watch();
  readonly #client: MqttClient;
  readonly #name: string;
  #going = true;
  readonly #done: Promise<void>;

  constructor(client: MqttClient, name: string) {
    this.#client = client;
    this.#name = name;
    this.#done = this.#publish();
    this.#done.catch(() => {}); // `stop` tells it.
  }

  async stop(): Promise<void> {
    this.#going = false;
    await this.#done;
  }

  async #publish(): Promise<void> {
    for (let i = 0; this.#going; i++) {
      const payload = `${this.#name} ${i}`;
      // Never answered, and never to be seen: it must not slip through while the agent is away.
      this.#client.publish("t/secret/x", "no");
      await publish(this.#client, "t/traffic", payload, { qos: 1 });
      this.acknowledged.add(payload);
    }
  }
}

/** The clients' upgrades since the last look. */
function upgradesSince(road: Road, position: number): readonly string[] {
  return road.upgrades.seen.slice(position).map(({ decision }) => decision.kind);
}

Deno.test("an agent that is restarted lets every client back in at its next try, and nothing passes unseen", async (t) => {
  await withSite(TEST_RULES, async (site) => {
    for (const way of WAYS) {
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        const label = `over ${way.protocol}, pool ${way.pool}, ended by ${signal}`;

        await t.step({
          ...STEP,
          name: `under traffic ${label}`,
          fn: () =>
            withRoad(site, way, async (road) => {
              const seen = inboxOf(await road.witness("#"));
              const publishers: Publisher[] = [];
              for (let i = 0; i < CLIENTS; i++) {
                const name = `traffic-${way.protocol}-${way.pool}-${signal}-${i}-${road.attempt}`;
                publishers.push(new Publisher(await road.connectTcp(name, 4, { reconnectPeriod: 20 }), name));
              }
              await Promise.all(publishers.map(({ acknowledged }) => acknowledged.untilCount(5, "an acknowledgement")));

              await site.agent.stop(signal);
              await road.upgrades.until(({ decision }) => decision.kind === "refuse", "a refused try");
              await site.restartAgent();
              const position = road.upgrades.seen.length;
              const countThen = publishers.map(({ acknowledged }) => acknowledged.seen.length);
              await Promise.all(publishers.map(({ acknowledged }, i) => {
                return acknowledged.untilCount((countThen[i] ?? 0) + 5, "an acknowledgement of the new agent's");
              }));
              await Promise.all(publishers.map((publisher) => publisher.stop()));

              assertNothingDenied(seen);
              assert.deepEqual(upgradesSince(road, position), Array(CLIENTS).fill("accept"));
              const arrived = new Set(seen.seen.map(({ payload }) => text(payload)));
              for (const { acknowledged } of publishers) {
                for (const payload of acknowledged.seen) assert.ok(arrived.has(payload), `"${payload}" has arrived`);
              }
            }),
        });

        await t.step({
          ...STEP,
          name: `with silent clients ${label}`,
          fn: () =>
            withRoad(site, way, async (road) => {
              const names = Array.from({ length: CLIENTS }, (_, i) =>
                `silent-${way.protocol}-${way.pool}-${signal}-${i}-${road.attempt}`);
              const clients = await Promise.all(names.map((name) =>
                road.connect(name, 4)
              ));
              await site.agent.stop(signal);
              await site.restartAgent();
              const position = road.upgrades.seen.length;

              await Promise.all(clients.map(async (client) => {
                const closed = closeOf(client);
                client.publish("t/late", "of a session that the new agent does not know", { qos: 1 });
                await closed;
              }));
              const codes = road.frames.seen.flatMap(({ decision: { action, decidedBy } }) => {
                return action.kind === "close" && decidedBy === "agent" ? [action.code] : [];
              });
              assert.deepEqual(codes, Array(CLIENTS).fill(1012));

              for (const name of names) {
                const client = await road.connect(name, 4);
                await publish(client, "t/back", name, { qos: 1 });
              }
              assert.deepEqual(upgradesSince(road, position), Array(CLIENTS).fill("accept"));
            }),
        });
      }
    }
  });
});
