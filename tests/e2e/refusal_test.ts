import assert from "node:assert/strict";
import { generate } from "mqtt-packet";
import type { FrameRecord } from "../../demo/proxied_connection.ts";
import { RawClient, UpgradeRefusedError } from "../../demo/raw_client.ts";
import { within } from "../../demo/watch.ts";
import { OPCODE } from "../../demo/websocket_frame.ts";
import {
  assertNothingDenied,
  closeOf,
  inboxOf,
  publish,
  STEP,
  subscribed,
  TEST_RULES,
  text,
  WAYS,
  withRoad,
  withSite,
} from "./support.ts";

/** A record of the refusal of a packet of that name from that client. */
const refusalOf = (clientId: string, packet: string) => ({ from, decision: { action, audit } }: FrameRecord) =>
  from === "client" && action.kind !== "forward" && audit?.custom["client_id"] === clientId &&
  audit.custom["packet"] === packet;

Deno.test("refused traffic of mqtt.js does not arrive", async (t) => {
  await withSite(TEST_RULES, async (site) => {
    for (const way of WAYS) {
      for (const version of site.versions) {
        const label = `MQTT ${version === 5 ? "5.0" : "3.1.1"} over ${way.protocol}, pool ${way.pool}`;
        const step = (name: string, fn: () => Promise<void>) => t.step({ ...STEP, name: `${label}: ${name}`, fn });
        const id = (name: string) => `${name}-${way.protocol}-${way.pool}-${version}`;

        await step("a denied PUBLISH in one frame is dropped, and the connection goes on", async () => {
          await withRoad(site, way, async ({ connectTcp, witness, frames }) => {
            const seen = inboxOf(await witness("#"));
            const client = await connectTcp(id("a"), version);
            for (const topic of ["x/denied", "t/secret/x"]) client.publish(topic, "no");
            await publish(client, "t/allowed", id("a"), { qos: 1 });
            await seen.until(({ payload }) => text(payload) === id("a"), "the allowed PUBLISH");
            assertNothingDenied(seen);
            const refused = frames.seen.filter(refusalOf(id("a"), "PUBLISH"));
            assert.deepEqual(refused.map(({ decision }) => decision.action.kind), ["drop", "drop"]);
            assert.deepEqual(refused.map(({ decision }) => decision.audit?.tags), [
              ["mqtt", "blocked", "acl-denied"],
              ["mqtt", "blocked", "acl-denied"],
            ]);
          });
        });

        await step("a denied PUBLISH in pieces closes with 1008, and none of it is processed", async () => {
          await withRoad(site, way, async ({ connect, witness, frames }) => {
            const seen = inboxOf(await witness("#"));
            const client = await connect(id("b"), version);
            const closed = closeOf(client);
            client.publish("x/denied", "no");
            const { decision } = await frames.until(refusalOf(id("b"), "PUBLISH"), "the refusal");
            assert.equal(decision.action.kind, "close");
            assert.equal(decision.action.kind === "close" && decision.action.code, 1008);
            await closed;
            const other = await connect(id("c"), version);
            await publish(other, "t/after", id("c"), { qos: 1 });
            await seen.until(({ payload }) => text(payload) === id("c"), "a later PUBLISH");
            assertNothingDenied(seen);
          });
        });

        await step(
          "a SUBSCRIBE that overlaps what is denied is dropped, one inside what is allowed works",
          async () => {
            await withRoad(site, way, async ({ connectTcp, witness, frames }) => {
              const client = await connectTcp(id("d"), version);
              for (const filter of ["#", "t/#", "t/+/x", "$share/g/t/secret/#", "$SYS/#"]) {
                client.subscribe(filter, () => {});
              }
              await frames.until(({ from, decision }) => {
                return from === "client" && decision.audit?.custom["topic"] === "$SYS/#";
              }, "the last refusal");
              const inbox = await subscribed(client, "t/open/#", 1);
              const others = await witness("t/open/#");
              for (const topic of ["t/secret/x", "t/closed/x", "x", "t/open/x"]) {
                await publish(others, topic, id("d"), { qos: 1 });
              }
              await inbox.until(({ topic }) => topic === "t/open/x", "the allowed delivery");
              assert.deepEqual(inbox.seen.map(({ topic }) => topic), ["t/open/x"]);
              assert.equal(frames.seen.filter(refusalOf(id("d"), "SUBSCRIBE")).length, 5);
            });
          },
        );

        await step("a Will to a denied topic closes at CONNECT, and is never published", async () => {
          await withRoad(site, way, async ({ connect, frames, witness }) => {
            const seen = inboxOf(await witness("#"));
            const will = { topic: "t/secret/will", payload: Buffer.from("no"), qos: 1, retain: true } as const;
            await assert.rejects(connect(id("e"), version, { will }), /Cannot connect: the connection ended/);
            const { decision } = await frames.until(refusalOf(id("e"), "CONNECT"), "the refusal");
            assert.ok(decision.action.kind === "close");
            assert.deepEqual([decision.action.code, decision.action.reason], [1008, "not authorised"]);
            const other = await connect(id("f"), version);
            await publish(other, "t/after", id("f"), { qos: 1 });
            await seen.until(({ payload }) => text(payload) === id("f"), "a later PUBLISH");
            assertNothingDenied(seen);
          });
        });
      }
    }
  });
});

Deno.test("a close on a client's own frame is 1006 for it, or 1008 where the proxy sends the code", async () => {
  await withSite(TEST_RULES, async (site) => {
    for (const way of WAYS) {
      for (const [clientClose, code] of [["break", 1006], ["frame", 1008]] as const) {
        await withRoad(site, { ...way, clientClose }, async ({ proxy }) => {
          const client = await RawClient.connect(proxy.port);
          await client.send(OPCODE.binary, generate({ cmd: "pingreq" }));
          assert.equal((await within(client.closed(), "the end of the connection")).code, code);
        });
      }
    }
  });
});

/** Whoever subscribes to `t/#` is still delivered nothing but what is below `t/open/`. */
const RECEIVE_RULES = {
  auth: { "trust-broker": true },
  acl: {
    "default-action": "deny",
    rules: [
      { name: "ask", match: { username: "tester" }, topics: ["t/#"], actions: ["subscribe"], decision: "allow" },
      { name: "get", match: { username: "tester" }, topics: ["t/open/#"], actions: ["receive"], decision: "allow" },
    ],
  },
};

Deno.test("a denied delivery of QoS 0 is dropped, one of QoS 1 closes with 1008 and a text", async () => {
  await withSite(RECEIVE_RULES, async (site) => {
    for (const way of WAYS) {
      await withRoad(site, way, async ({ proxy, witness }) => {
        const publisher = await witness("none");
        const client = await RawClient.connect(proxy.port);
        const next = async () => (await within(client.next(), "a frame"))?.payload ?? new Uint8Array();
        const id = `receiver-${way.protocol}-${way.pool}`;
        await client.send(OPCODE.binary, generate({ cmd: "connect", clientId: id, username: "tester" }));
        assert.equal((await next())[0], 0x20, "CONNACK");
        const subscriptions = [{ topic: "t/#", qos: 1 }] as const;
        await client.send(
          OPCODE.binary,
          generate({ cmd: "subscribe", messageId: 1, subscriptions: [...subscriptions] }),
        );
        assert.equal((await next())[0], 0x90, "SUBACK");
        await publish(publisher, "t/closed/x", "no", { qos: 0 });
        await publish(publisher, "t/open/x", "yes", { qos: 0 });
        assert.match(text(await next()), /yes$/);
        await publish(publisher, "t/closed/x", "no", { qos: 1 });
        const { code, reason } = await within(client.closed(), "the end of the connection");
        assert.equal(code, 1008);
        assert.match(reason, /No rule allows/);
      });
    }
  });
});

Deno.test("an upgrade that offers compression is a 403 that says what to do", async () => {
  await withSite(TEST_RULES, async (site) => {
    for (const way of WAYS) {
      await withRoad(site, way, async ({ proxy, connect }) => {
        for (const offer of ["permessage-deflate", "Permessage-Deflate", "x-webkit-deflate-frame"]) {
          const headers = [["Sec-WebSocket-Protocol", "mqtt"], ["Sec-WebSocket-Extensions", offer]] as const;
          await assert.rejects(RawClient.connect(proxy.port, { headers }), (error) => {
            assert.ok(error instanceof UpgradeRefusedError);
            assert.equal(error.refusal.status, 403);
            assert.match(error.refusal.body, /compression/);
            return true;
          });
        }
        await assert.rejects(connect("browser", 4, { wsOptions: {} }), "mqtt.js offers it unless told otherwise");
        assert.equal(proxy.counts.upgradesRefused, 4);
        assert.equal(proxy.counts.frames, 0);
      });
    }
  });
});
