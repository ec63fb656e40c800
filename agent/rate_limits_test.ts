import assert from "node:assert/strict";
import { type PacketFacts, PING, publish, Rig, subscribe, type Wire } from "../tests/support/rig.ts";
import type { TestPolicy } from "../tests/support/test_agent.ts";
import { deskOf, identity, Users } from "../tests/support/users.ts";

/** A limit as the loader hands it over. */
function limit(perSecond: number, burst: number, more: Record<string, unknown> = {}) {
  return {
    "messages-per-second": perSecond,
    "bytes-per-second": 0,
    burst,
    quota: [],
    action: "drop" as const,
    shadow: false,
    ...more,
  };
}

const RULES: NonNullable<TestPolicy["rules"]> = [
  { name: "no", topics: ["no/#"], decision: "deny", priority: 1 },
  { name: "all", topics: ["#"], decision: "allow" },
];

function limited(rate: NonNullable<TestPolicy["rate"]>, more: TestPolicy = {}): Rig {
  return new Rig({ rules: RULES, rate: { enabled: true, ...rate }, ...more });
}

/** How many of `count` packets pass. */
function passing(count: number, send: (i: number) => { verdict: string }): number {
  let passed = 0;
  for (let i = 0; i < count; i++) if (send(i).verdict === "allow") passed++;
  return passed;
}

Deno.test("a client has its burst, then its rate, and what exceeds it is dropped and told", async () => {
  const rig = limited({ "per-client": limit(10, 5) });
  const wire = rig.connection().live();
  assert.equal(passing(20, () => wire.publish("a")), 5);
  const { verdict, reason, tags } = wire.publish("a");
  assert.equal(`${verdict} ${reason} ${tags}`, "drop rate-client mqtt blocked rate-limited");
  rig.pass(60_000 - 1);
  assert.equal(passing(20, () => wire.publish("a")), 5);
  const other = rig.connection({ address: "10.0.0.2:1" }).live({ clientId: "dev2" });
  assert.equal(other.publish("a").verdict, "allow");
  await rig.parts.log.flush();
  assert.match(rig.parts.lines.join("\n"), /limit \\"client\\" \(messages-per-second\)/);
});

Deno.test("the action of a limit may be to close", () => {
  const rig = limited({ "per-client": limit(1, 1, { action: "close" }) });
  const wire = rig.connection().live();
  wire.publish("a");
  assert.equal(wire.publish("a").verdict, "close");
});

Deno.test("every kind of message costs, whatever it is told", () => {
  const unsubscribe = { cmd: "unsubscribe", messageId: 3, unsubscriptions: ["a"] } as PacketFacts;
  const ways: readonly [string, (wire: Wire) => unknown][] = [
    ["an allowed PUBLISH", (wire) => wire.publish("a")],
    ["a denied PUBLISH", (wire) => wire.publish("no/x")],
    ["an allowed SUBSCRIBE", (wire) => wire.send(subscribe("a"))],
    ["a denied SUBSCRIBE", (wire) => wire.send(subscribe("no/x"))],
    ["UNSUBSCRIBE", (wire) => wire.send(unsubscribe)],
  ];
  for (const [name, act] of ways) {
    const wire = limited({ "per-client": limit(0.001, 1) }).connection().live();
    act(wire);
    assert.equal(wire.publish("a").reason, "rate-client", name);
  }
});

Deno.test("what is told is the first of: topic, size, access, rate, QoS", () => {
  const rig = limited({ "per-client": limit(0.001, 1) }, { qos: { enabled: true, "max-qos": 0, downgrade: false } });
  const wire = rig.connection().live();
  wire.publish("a");
  assert.equal(wire.publish("no/x").reason, "acl-rule");
  assert.equal(wire.publish("a", { qos: 1, messageId: 1 }).reason, "rate-client");
});

Deno.test("no reconnecting, no other client id under the same key and no reload fills a bucket", () => {
  const rig = limited({ "per-client": limit(0.001, 3), "key-by": "client_ip" });
  assert.equal(passing(5, (i) => rig.connection().live({ clientId: `d${i}` }).publish("a")), 3);
  rig.usePolicy({ rules: RULES, rate: { enabled: true, "per-client": limit(0.001, 3), "key-by": "client_ip" } });
  assert.equal(rig.connection().live().publish("a").verdict, "drop");
  rig.usePolicy({ rules: RULES });
  assert.equal(rig.connection().live({ clientId: "e1" }).publish("a").verdict, "allow");
  rig.usePolicy({ rules: RULES, rate: { enabled: true, "per-client": limit(0.001, 3), "key-by": "client_ip" } });
  assert.equal(rig.connection().live({ clientId: "e2" }).publish("a").verdict, "drop");
});

Deno.test("a Will costs its client a message, and only when it is admitted", () => {
  const will = { topic: "a", payload: "x", qos: 0, retain: false };
  const rig = limited({ "per-client": limit(0.001, 1) });
  assert.equal(rig.connection().connect({ will }).verdict, "allow");
  assert.equal(rig.connection({ address: "10.0.0.2:1" }).connect({ will }).reason, "rate-client");
  assert.equal(rig.connection({ address: "10.0.0.3:1" }).connect().verdict, "allow");
});

Deno.test("pings, empty frames and acknowledgements nobody waits for cost control, which closes", () => {
  const rate = { control: limit(0.001, 3, { action: "close" }) };
  const ack = { cmd: "puback", messageId: 1 } as PacketFacts;
  const ways: readonly [string, (wire: Wire) => { verdict: string; reason: string | null }][] = [
    ["PINGREQ", (wire) => wire.send(PING)],
    ["WebSocket ping", (wire) => wire.control("ping")],
    ["WebSocket pong", (wire) => wire.control("pong")],
    ["an empty frame", (wire) => wire.frame(new Uint8Array(0))],
    ["PUBACK", (wire) => wire.send(ack)],
  ];
  for (const [name, act] of ways) {
    const wire = limited(rate).connection().live();
    for (let i = 0; i < 3; i++) assert.equal(act(wire).verdict, "allow", name);
    const { verdict, reason } = act(wire);
    assert.equal(`${verdict} ${reason}`, "close rate-control", name);
  }
  const wire = limited(rate).connection().live();
  for (let i = 1; i < 20; i++) {
    assert.equal(wire.receive(publish("a", { qos: 1, messageId: i })).verdict, "allow");
    assert.equal(wire.send({ ...ack, messageId: i } as PacketFacts).verdict, "allow");
    assert.equal(wire.receive(publish("a", { qos: 2, messageId: i })).verdict, "allow");
    assert.equal(wire.send({ cmd: "pubrec", messageId: i } as PacketFacts).verdict, "allow");
    assert.equal(wire.receive({ cmd: "pubrel", messageId: i } as PacketFacts).verdict, "allow");
    assert.equal(wire.send({ cmd: "pubcomp", messageId: i } as PacketFacts).verdict, "allow");
    assert.equal(wire.publish("a", { qos: 2, messageId: i }).verdict, "allow");
    assert.equal(wire.receive({ cmd: "pubrec", messageId: i } as PacketFacts).verdict, "allow");
    assert.equal(wire.send({ cmd: "pubrel", messageId: i } as PacketFacts).verdict, "allow");
    assert.equal(wire.receive({ cmd: "pubcomp", messageId: i } as PacketFacts).verdict, "allow");
  }
});

Deno.test("what is refused takes nothing from what all share", () => {
  const rig = limited({ global: limit(0.001, 2), "per-client": limit(100, 100) });
  const wire = rig.connection().live();
  for (let i = 0; i < 50; i++) wire.publish("no/x");
  assert.equal(passing(5, () => wire.publish("a")), 2);
  assert.equal(wire.publish("a").reason, "rate-global");
});

Deno.test("topics have limits of their own, for each client or for all", () => {
  for (const [scope, second] of [["client", "allow"], ["shared", "drop"]] as const) {
    const rig = limited({ "per-topic": [{ topic: "t/#", limit: limit(0.001, 1), scope }] });
    const one = rig.connection().live();
    const two = rig.connection({ address: "10.0.0.2:1" }).live({ clientId: "dev2" });
    assert.equal(one.publish("t/1").verdict, "allow");
    assert.equal(one.publish("t/2").reason, "rate-topic");
    assert.equal(one.publish("other").verdict, "allow");
    assert.equal(two.publish("t/1").verdict, second);
  }
});

Deno.test("a limit on trial decides nothing and is told", () => {
  const rig = limited({ "per-client": limit(0.001, 1, { shadow: true }) });
  const wire = rig.connection().live();
  assert.equal(wire.publish("a").tags, "mqtt publish");
  assert.equal(wire.publish("a").tags, "mqtt publish shadow");
});

Deno.test("CONNECTs and failed logins are limited by address, before any password work", () => {
  const rig = limited({ connect: limit(0.001, 2, { action: "close" }) });
  assert.equal(passing(5, (i) => rig.connection().connect({ clientId: `d${i}` })), 2);
  assert.equal(rig.connection().connect().reason, "rate-connect");
  assert.equal(rig.connection({ address: "10.0.0.2:1" }).connect().verdict, "allow");

  const guarded = limited({ "auth-failures": limit(0.001, 2, { action: "close" }) });
  const users = new Users(identity("alice"));
  guarded.useDesk(deskOf(() => guarded.parts.clock.wallMs(), users));
  const alice = { username: "alice", password: "right" };
  for (let i = 0; i < 5; i++) guarded.connection().live({ ...alice, clientId: `ok${i}` });
  for (let i = 0; i < 2; i++) {
    assert.equal(guarded.connection().connect({ ...alice, password: "wrong" }).reason, "wrong-password");
  }
  const asked = users.asked.length;
  assert.equal(guarded.connection().connect(alice).reason, "rate-auth-failures");
  assert.equal(users.asked.length, asked);
  assert.equal(guarded.connection({ address: "10.0.0.2:1" }).connect(alice).verdict, "allow");
});

Deno.test("a claimed user name has no bucket of its own, a proved one has", () => {
  const rate = { enabled: true, "per-client": limit(0.001, 1), "key-by": "username" as const };
  const rig = new Rig({ rules: RULES, rate });
  assert.equal(
    passing(4, (i) => rig.connection().live({ clientId: `d${i}`, username: `u${i}`, password: "x" }).publish("a")),
    1,
  );
  const proved = new Rig({ rules: RULES, rate });
  proved.useDesk(deskOf(() => 0, new Users(identity("alice"), identity("bob"))));
  const as = (username: string, clientId: string) =>
    proved.connection().live({ username, password: "right", clientId }).publish("a").verdict;
  assert.deepEqual([as("alice", "1"), as("alice", "2"), as("bob", "3")], ["allow", "drop", "allow"]);
});

Deno.test("the client id that the broker assigned has a bucket of its own", () => {
  const rig = limited({ "per-client": limit(0.001, 1) });
  const wire = rig.connection().live({ protocolVersion: 5, clientId: "" }, {
    properties: { assignedClientIdentifier: "auto-1" },
  });
  assert.equal(wire.publish("a").verdict, "allow");
  assert.equal(wire.publish("a").verdict, "drop");
  const other = rig.connection().live({ protocolVersion: 5, clientId: "" }, {
    properties: { assignedClientIdentifier: "auto-2" },
  });
  assert.equal(other.publish("a").verdict, "allow");
});

Deno.test("other limits hold from the next packet on, and what is in a bucket stays in it", () => {
  const rig = limited({ "per-client": limit(0.001, 10) });
  const wire = rig.connection().live();
  assert.equal(passing(4, () => wire.publish("a")), 4);
  rig.usePolicy({ rules: RULES, rate: { enabled: true, "per-client": limit(0.001, 5) } });
  assert.ok(passing(10, () => wire.publish("a")) <= 5);
  rig.usePolicy({ rules: RULES, rate: { enabled: true, "per-client": limit(1000, 1000) } });
  wire.publish("a");
  rig.pass(1000);
  assert.ok(passing(900, () => wire.publish("a")) > 500);
});

Deno.test("who gets another client id pays from the bucket of that one", () => {
  const rig = limited({ "per-client": limit(0.001, 1) });
  const wire = rig.connection();
  wire.connect({ protocolVersion: 5, clientId: "" });
  assert.equal(wire.publish("a").verdict, "allow", "from the bucket of its address");
  wire.accept({ properties: { assignedClientIdentifier: "auto-1" } });
  assert.equal(wire.publish("a").verdict, "allow", "from its own");
  assert.equal(wire.publish("a").verdict, "drop");
});

Deno.test("a refusal names the limit and the quota as they are configured", async () => {
  const quota = [{ name: "night shift", messages: 1, per: "day" as const }];
  const none = { "messages-per-second": undefined, quota };
  const ways: readonly [string, NonNullable<TestPolicy["rate"]>, (wire: Wire) => unknown][] = [
    ["global", { global: limit(1, 1, none) }, (wire) => wire.publish("a")],
    ["client", { "per-client": limit(1, 1, none) }, (wire) => wire.publish("a")],
    ["subscribe", { subscribe: limit(1, 1, none) }, (wire) => wire.send(subscribe("a"))],
    ["control", { control: limit(1, 1, { ...none, action: "close" }) }, (wire) => wire.send(PING)],
    [
      "alarms",
      { "per-topic": [{ name: "alarms", topic: "#", limit: limit(1, 1, none), scope: "client" }] },
      (wire) => wire.publish("a"),
    ],
  ];
  for (const [name, rate, act] of ways) {
    const rig = limited(rate);
    const wire = rig.connection().live();
    act(wire);
    act(wire);
    await rig.parts.log.flush();
    assert.ok(rig.parts.lines.join("\n").includes(`limit \\"${name}\\" (night shift)`), name);
  }
  const connects = limited({ connect: limit(1, 1, { ...none, action: "close" }) });
  for (const clientId of ["a", "b"]) connects.connection().connect({ clientId });
  await connects.parts.log.flush();
  assert.match(connects.parts.lines.join("\n"), /limit \\"connect\\" \(night shift\)/);

  const failures = limited({ "auth-failures": limit(1, 1, { ...none, action: "close" }) });
  failures.useDesk(deskOf(() => failures.parts.clock.wallMs(), new Users(identity("alice"))));
  for (const clientId of ["a", "b"]) {
    failures.connection().connect({ clientId, username: "alice", password: "wrong" });
  }
  await failures.parts.log.flush();
  assert.match(failures.parts.lines.join("\n"), /limit \\"auth-failures\\" \(night shift\)/);
});
