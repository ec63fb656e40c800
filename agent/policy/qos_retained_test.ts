import assert from "node:assert/strict";
import { type PacketFacts, publish, Rig, subscribe } from "../../tests/support/rig.ts";
import type { TestPolicy } from "../../tests/support/test_agent.ts";

const ALL: NonNullable<TestPolicy["rules"]> = [{ name: "all", topics: ["#"], decision: "allow" }];
const PAGE = {
  enabled: true,
  "max-qos": 1,
  "per-topic": [{ topic: "realtime/#", "max-qos": 0 }, { topic: "reliable/#", "max-qos": 2 }],
} as const;

/** Verdict, QoS that it should have had, and tags: `allow - mqtt publish`. */
function said(policy: TestPolicy, act: (rig: Rig) => { verdict: string; tags: string }): string {
  const { verdict, tags } = act(new Rig({ rules: ALL, ...policy }));
  return `${verdict} ${tags}`;
}

const QOS: readonly [topic: string, qos: 0 | 1 | 2, allowed: boolean][] = [
  ["a", 0, true],
  ["a", 1, true],
  ["a", 2, false],
  ["realtime/x", 0, true],
  ["realtime/x", 1, false],
  ["realtime", 1, false],
  ["reliable/x", 2, true],
  ["realtimes", 1, true],
];

Deno.test("a PUBLISH and a Will above the maximum pass with a tag, or not at all", () => {
  for (const [topic, qos, allowed] of QOS) {
    const message = { qos, messageId: 1 };
    const will = { topic, payload: "x", qos, retain: false };
    assert.equal(
      said({ qos: PAGE }, (rig) => rig.connection().live().publish(topic, message)),
      `allow mqtt publish${allowed ? "" : " qos-downgraded"}`,
    );
    assert.equal(
      said({ qos: PAGE }, (rig) => rig.connection().connect({ will })),
      `allow mqtt connect success${allowed ? "" : " qos-downgraded"}`,
    );
    const strict = { qos: { ...PAGE, downgrade: false } };
    assert.equal(
      said(strict, (rig) => rig.connection().live().publish(topic, message)),
      allowed ? "allow mqtt publish" : "drop mqtt blocked qos-denied",
    );
    assert.equal(
      said(strict, (rig) => rig.connection().connect({ will })),
      allowed ? "allow mqtt connect success" : "close mqtt blocked qos-denied",
    );
  }
});

const ASKED: readonly [filter: string, qos: 0 | 1 | 2, allowed: boolean][] = [
  ["a/b", 1, true],
  ["a/b", 2, false],
  ["realtime/#", 1, false],
  ["realtime/+", 0, true],
  ["reliable/#", 2, true],
  ["reliable/a/+", 2, true],
  ["+/x", 1, false],
  ["#", 1, false],
  ["#", 0, true],
  ["$share/g/reliable/#", 2, true],
  ["$share/g/realtime/x", 1, false],
];

Deno.test("a SUBSCRIBE may ask for what every topic of its filter may have", () => {
  for (const [filter, qos, allowed] of ASKED) {
    const packet: PacketFacts = { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: filter, qos }] };
    assert.equal(
      said({ qos: { ...PAGE, downgrade: false } }, (rig) => rig.connection().live().send(packet)),
      `allow mqtt subscribe${allowed ? "" : " qos-downgraded"}`,
      filter,
    );
    assert.equal(
      said({ qos: { ...PAGE, "downgrade-subscribe": "drop" } }, (rig) => rig.connection().live().send(packet)),
      allowed ? "allow mqtt subscribe" : "drop mqtt blocked qos-denied",
      filter,
    );
  }
});

Deno.test("the maximum of a rule binds as the section does", () => {
  const rules = [{ name: "low", topics: ["#"], decision: "allow", "max-qos": 0 }] as const;
  const send = (rig: Rig) => rig.connection().live().publish("a", { qos: 1, messageId: 1 });
  const ask = (rig: Rig) =>
    rig.connection().live().send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 1 }] });
  const ruled = [...rules] as unknown as NonNullable<TestPolicy["rules"]>;
  assert.equal(said({ rules: ruled }, send), "drop mqtt blocked qos-denied");
  assert.equal(said({ rules: ruled, qos: { enabled: true } }, send), "allow mqtt publish qos-downgraded");
  assert.equal(said({ rules: ruled, qos: { enabled: true, downgrade: false } }, send), "drop mqtt blocked qos-denied");
  assert.equal(said({ rules: ruled, qos: { enabled: true } }, ask), "allow mqtt subscribe qos-downgraded");
  assert.equal(
    said({ rules: ruled, qos: { enabled: true, "downgrade-subscribe": "drop" } }, ask),
    "drop mqtt blocked qos-denied",
  );
});

Deno.test("one filter of many that asks for too much decides for all", () => {
  const rig = new Rig({ rules: ALL, qos: { ...PAGE, "downgrade-subscribe": "drop" } });
  const subscriptions = [{ topic: "a", qos: 1 as const }, { topic: "realtime/x", qos: 1 as const }];
  assert.equal(rig.connection().live().send({ cmd: "subscribe", messageId: 1, subscriptions }).verdict, "drop");
  const first = [...subscriptions].reverse();
  const tagged = new Rig({ rules: ALL, qos: PAGE });
  assert.match(
    tagged.connection().live().send({ cmd: "subscribe", messageId: 1, subscriptions: first }).tags,
    /qos-downgraded/,
  );
});

const KEPT = {
  enabled: true,
  "allow-retained": false,
  "allowed-topics": ["config/#", "status/#"],
  "blocked-topics": ["config/secret/#"],
  "max-size": 4,
} as const;

const RETAINED: readonly [topic: string, payload: string, reason: string | null][] = [
  ["config/a", "x", null],
  ["config/a", "1234", null],
  ["config/a", "12345", "retained-too-large"],
  ["config/a", "", null],
  ["config/secret/a", "x", "retained-blocked"],
  ["config/secret/a", "", "retained-blocked"],
  ["other", "x", "retained-not-allowed"],
  ["other", "", "retained-not-allowed"],
  ["configs", "x", "retained-not-allowed"],
];

Deno.test("who may have something kept, or deleted, and how much", () => {
  for (const [topic, payload, reason] of RETAINED) {
    const rig = new Rig({ rules: ALL, retained: KEPT });
    const wire = rig.connection().live();
    assert.equal(wire.publish(topic, { payload, retain: true }).reason, reason, `${topic} ${payload}`);
    assert.equal(wire.publish(topic, { payload, retain: false }).reason, null);
    const will = { topic, payload, qos: 0, retain: true };
    const willed = rig.connection().connect({ clientId: "dev2", will });
    // mqtt-packet writes no empty Will.
    if (payload !== "") assert.equal(willed.reason, reason);
  }
  const open = new Rig({ rules: ALL, retained: { ...KEPT, "allow-retained": true } }).connection().live();
  assert.equal(open.publish("other", { retain: true }).reason, null);
  assert.equal(open.publish("config/secret/a", { retain: true }).reason, "retained-blocked");
  const unlimited = new Rig({ rules: ALL, retained: { enabled: true } }).connection().live();
  assert.equal(unlimited.publish("a", { retain: true, payload: "x".repeat(100_000) }).reason, null);
});

Deno.test("what the broker unwraps is judged as what it becomes", () => {
  const acl = { unwrap: ["$delayed/+/", "$q/"] };
  const rig = new Rig({
    rules: ALL,
    acl,
    retained: KEPT,
    qos: { ...PAGE, downgrade: false, "downgrade-subscribe": "drop" },
  });
  const wire = rig.connection().live();
  assert.equal(wire.publish("$delayed/5/config/secret/a", { retain: true }).reason, "retained-blocked");
  assert.equal(wire.publish("$delayed/5/config/a", { retain: true }).reason, null);
  assert.equal(wire.publish("$q/$delayed/5/other", { retain: true }).reason, "retained-not-allowed");
  assert.equal(wire.publish("$delayed/5/realtime/a", { qos: 1, messageId: 1 }).reason, "qos-too-high");
  const subscriptions = [{ topic: "$q/realtime/x", qos: 1 as const }];
  assert.equal(wire.send({ cmd: "subscribe", messageId: 2, subscriptions }).reason, "qos-too-high");
  assert.equal(wire.send(subscribe("$q/realtime/x")).reason, null);
});

Deno.test("an alias is resolved before, and deliveries are not bound", () => {
  const rig = new Rig({ rules: ALL, retained: KEPT, qos: { ...PAGE, downgrade: false } });
  const wire = rig.connection().live({ protocolVersion: 5 }, { properties: { topicAliasMaximum: 5 } });
  assert.equal(wire.publish("realtime/x", { properties: { topicAlias: 1 } }).verdict, "allow");
  const again = wire.publish("", { qos: 1, messageId: 1, properties: { topicAlias: 1 } });
  assert.equal(again.reason, "qos-too-high");
  assert.equal(wire.receive(publish("realtime/x", { qos: 1, messageId: 1, retain: true })).verdict, "allow");
});
