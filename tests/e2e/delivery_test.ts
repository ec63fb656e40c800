import assert from "node:assert/strict";
import {
  inboxOf,
  type MqttVersion,
  publish,
  type Road,
  STEP,
  subscribed,
  TEST_RULES,
  text,
  WAYS,
  withRoad,
  withSite,
} from "./support.ts";
import { Watch, within } from "../../demo/watch.ts";

/** Messages of each QoS. */
const COUNT = 25;

/** One thing that MQTT clients do, tried through proxy and agent. Topics begin with `base`, which is its own. */
type Scenario = (road: Road, version: MqttVersion, base: string) => Promise<void>;

const everyQosArrivesUnchangedAndInOrder: Scenario = async (road, version, base) => {
  const publisher = await road.connect(`${base}/pub`.replaceAll("/", "-"), version);
  const subscriber = await road.connect(`${base}/sub`.replaceAll("/", "-"), version);
  const inbox = await subscribed(subscriber, `${base}/+/x`, 2);
  const publishing: Promise<void>[] = [];
  for (let i = 0; i < COUNT; i++) {
    for (const qos of [0, 1, 2] as const) publishing.push(publish(publisher, `${base}/${qos}/x`, `é${i}`, { qos }));
  }
  await Promise.all(publishing);
  await inbox.untilCount(3 * COUNT, "a message");
  for (const qos of [0, 1, 2]) {
    const payloads = inbox.seen.filter((message) => message.qos === qos).map(({ payload }) => text(payload));
    assert.deepEqual(payloads, Array.from({ length: COUNT }, (_, i) => `é${i}`));
  }
  await within(subscriber.unsubscribeAsync(`${base}/+/x`), "an UNSUBACK");
};

const aRetainedMessageWaitsForItsSubscriber: Scenario = async (road, version, base) => {
  const id = base.replaceAll("/", "-");
  const publisher = await road.connect(`${id}-pub`, version);
  await publish(publisher, `${base}/kept`, "old", { qos: 1, retain: true });
  const subscriber = await road.connect(`${id}-sub`, version);
  const inbox = await subscribed(subscriber, `${base}/kept`, 1);
  const kept = await inbox.until(({ topic }) => topic === `${base}/kept`, "the retained message");
  assert.deepEqual([text(kept.payload), kept.retain], ["old", true]);
  await publish(publisher, `${base}/kept`, "", { qos: 1, retain: true });
};

const aWillIsPublishedWhenTheConnectionBreaks: Scenario = async (road, version, base) => {
  const id = base.replaceAll("/", "-");
  const subscriber = await road.connect(`${id}-sub`, version);
  const inbox = await subscribed(subscriber, `${base}/will`, 1);
  const mortal = await road.connect(`${id}-mortal`, version, {
    will: { topic: `${base}/will`, payload: Buffer.from("gone"), qos: 1, retain: false },
  });
  mortal.stream.destroy();
  assert.equal(text((await inbox.until(() => true, "the Will")).payload), "gone");
};

const aSharedSubscriptionGetsEachMessageOnce: Scenario = async (road, version, base) => {
  const id = base.replaceAll("/", "-");
  const arrivals = new Watch<string>();
  for (const name of ["a", "b"]) {
    const member = await road.connect(`${id}-${name}`, version);
    member.on("message", (_, payload) => arrivals.add(payload.toString()));
    await subscribed(member, `$share/group/${base}/work`, 1);
  }
  const publisher = await road.connect(`${id}-pub`, version);
  for (let i = 0; i < COUNT; i++) await publish(publisher, `${base}/work`, String(i), { qos: 1 });
  await arrivals.untilCount(COUNT, "a message");
  assert.equal(new Set(arrivals.seen).size, COUNT);
  assert.equal(arrivals.seen.length, COUNT);
};

const aTopicAliasStandsForItsTopic: Scenario = async (road, version, base) => {
  const id = base.replaceAll("/", "-");
  const subscriber = await road.connect(`${id}-sub`, version);
  const inbox = await subscribed(subscriber, `${base}/#`, 0);
  const publisher = await road.connect(`${id}-pub`, version);
  await publish(publisher, `${base}/one`, "1", { properties: { topicAlias: 1 } });
  await publish(publisher, `${base}/two`, "2", { properties: { topicAlias: 2 } });
  await publish(publisher, "", "3", { properties: { topicAlias: 1 } });
  await publish(publisher, `${base}/three`, "4", { properties: { topicAlias: 1 } });
  await publish(publisher, "", "5", { properties: { topicAlias: 1 } });
  await inbox.untilCount(5, "a message");
  const got = inbox.seen.map(({ topic, payload }) => [topic.slice(base.length + 1), text(payload)]);
  assert.deepEqual(got, [["one", "1"], ["two", "2"], ["one", "3"], ["three", "4"], ["three", "5"]]);
};

const aLargePayloadArrivesUnchanged: Scenario = async (road, version, base) => {
  const id = base.replaceAll("/", "-");
  const subscriber = await road.connect(`${id}-sub`, version);
  const inbox = await subscribed(subscriber, `${base}/big`, 1);
  const publisher = await road.connect(`${id}-pub`, version);
  const payload = new Uint8Array(256 * 1024);
  for (let i = 0; i < payload.length; i += 65536) crypto.getRandomValues(payload.subarray(i, i + 65536));
  await publish(publisher, `${base}/big`, payload, { qos: 1 });
  const { payload: arrived } = await inbox.until(() => true, "the payload");
  assert.ok(Buffer.from(payload).equals(arrived));
};

const aSessionIsResumed: Scenario = async (road, version, base) => {
  const id = base.replaceAll("/", "-");
  const keep = { clean: false, ...(version === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}) };
  const sleeper = await road.connect(`${id}-sleeper`, version, keep);
  await subscribed(sleeper, `${base}/later`, 1);
  await sleeper.endAsync();
  const publisher = await road.connect(`${id}-pub`, version);
  for (let i = 0; i < 3; i++) await publish(publisher, `${base}/later`, String(i), { qos: 1 });
  const arrived = inboxOf(await road.connect(`${id}-sleeper`, version, keep));
  await arrived.untilCount(3, "a message that waited");
  assert.deepEqual(arrived.seen.map(({ payload }) => text(payload)), ["0", "1", "2"]);
};

/** A scenario, the lowest version of MQTT that has it, and whether aedes lacks it. */
interface Case {
  readonly name: string;
  readonly since?: MqttVersion;
  readonly notWithAedes?: boolean;
  readonly play: Scenario;
}

const SCENARIOS: readonly Case[] = [
  { name: "QoS 0, 1 and 2 arrive unchanged and in order", play: everyQosArrivesUnchangedAndInOrder },
  { name: "a retained message waits for its subscriber", play: aRetainedMessageWaitsForItsSubscriber },
  { name: "a Will is published when the connection breaks", play: aWillIsPublishedWhenTheConnectionBreaks },
  {
    name: "a shared subscription gets each message once",
    notWithAedes: true,
    play: aSharedSubscriptionGetsEachMessageOnce,
  },
  { name: "a topic alias stands for its topic", since: 5, play: aTopicAliasStandsForItsTopic },
  { name: "a payload of 256 KiB arrives unchanged", play: aLargePayloadArrivesUnchanged },
  { name: "a session is resumed and gets what waited", play: aSessionIsResumed },
];

Deno.test("allowed traffic of mqtt.js passes proxy and agent", async (t) => {
  await withSite(TEST_RULES, async (site) => {
    for (const way of WAYS) {
      for (const version of site.versions) {
        const label = `${version === 5 ? "MQTT 5.0" : "MQTT 3.1.1"} over ${way.protocol}, pool ${way.pool}`;
        for (const [index, { name, since = 4, notWithAedes = false, play }] of SCENARIOS.entries()) {
          if (version < since || (notWithAedes && site.broker.kind === "aedes")) continue;
          const base = `t/${way.protocol}/${way.pool}/${version}/${index}`;
          const fn = () => withRoad(site, way, (road) => play(road, version, `${base}/${road.attempt}`));
          await t.step({ ...STEP, name: `${label}: ${name}`, fn });
        }
      }
    }
  });
});
