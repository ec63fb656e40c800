import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { generate } from "mqtt-packet";
import { type PacketFacts, PING, publish, Rig, subscribe } from "../tests/support/rig.ts";
import { heldBytes } from "./mqtt/packet_stream.ts";

Deno.test("a session ends after one and a half times its keep alive without a packet", () => {
  const rig = new Rig();
  const wire = rig.connection().live({ keepalive: 10 });
  rig.pass(14_999);
  assert.equal(wire.send(PING).verdict, "allow");
  rig.pass(15_000);
  assert.deepEqual(wire.send(PING), {
    verdict: "close",
    code: 1012,
    reason: "session-unknown",
    tags: "mqtt blocked session-unknown",
  });
});

Deno.test("the broker's Server Keep Alive wins over the client's", () => {
  const rig = new Rig();
  const wire = rig.connection();
  wire.connect({ protocolVersion: 5, keepalive: 600 });
  wire.accept({ properties: { serverKeepAlive: 10 } });
  rig.pass(15_000);
  assert.equal(wire.send(PING).reason, "session-unknown");
});

Deno.test("a session without keep alive ends after session-idle-secs", () => {
  const rig = new Rig({ general: { "session-idle-secs": 100 } });
  const wire = rig.connection().live({ keepalive: 0 });
  rig.pass(99_999);
  assert.equal(wire.send(PING).verdict, "allow");
  rig.pass(100_000);
  assert.equal(wire.send(PING).reason, "session-unknown");
});

Deno.test("silent sessions leave the table by themselves", () => {
  const rig = new Rig();
  for (let i = 0; i < 5_000; i++) {
    rig.connection({ address: `10.0.0.1:${i}` }).live({ keepalive: 10, clientId: `c${i}` });
  }
  assert.equal(rig.agent.sessions.size, 5_000);
  rig.pass(20_000);
  for (let i = 0; i < 4; i++) rig.agent.sweep();
  assert.equal(rig.agent.sessions.size, 0);
});

Deno.test("a connection without CONNECT closes after connect-timeout-secs", () => {
  const rig = new Rig();
  const wire = rig.connection();
  assert.equal(wire.control("ping").verdict, "allow");
  rig.pass(30_000);
  assert.deepEqual(wire.connect(), {
    verdict: "close",
    code: 1008,
    reason: "connect-timeout",
    tags: "mqtt blocked limit-exceeded",
  });
});

Deno.test("a packet that stands still, or takes ten minutes in all, closes", () => {
  const rig = new Rig();
  const still = rig.connection().live();
  still.frame(Buffer.from("3010", "hex"));
  rig.pass(30_000);
  assert.equal(still.frame(Buffer.from("00", "hex")).reason, "packet-timeout");

  const slow = rig.connection({ address: "10.0.0.1:2" }).live({ clientId: "slow" });
  slow.frame(Buffer.from("30ff7f0003612f78", "hex"));
  for (let i = 0; i < 29; i++) {
    rig.pass(20_000);
    assert.equal(slow.frame(Buffer.from("00", "hex")).verdict, "allow");
  }
  rig.pass(20_000);
  assert.equal(slow.frame(Buffer.from("00", "hex")).reason, "packet-timeout");
});

Deno.test("after DISCONNECT the client is done, the broker is still judged for 30 s", () => {
  const rig = new Rig();
  const wire = rig.connection().live();
  assert.equal(wire.send({ cmd: "disconnect" }).tags, "mqtt disconnect");
  assert.equal(wire.receive(publish("a/x")).verdict, "allow");
  assert.equal(wire.receive(publish("b/x")).verdict, "drop");
  assert.equal(wire.control("ping").verdict, "allow");
  assert.deepEqual(wire.send(PING), {
    verdict: "close",
    code: 1008,
    reason: "after-disconnect",
    tags: "mqtt blocked protocol-error",
  });
  const later = rig.connection({ address: "10.0.0.1:2" }).live({ clientId: "later" });
  later.send({ cmd: "disconnect" });
  rig.pass(30_000);
  assert.equal(later.receive(publish("a/x")).reason, "session-unknown");
});

Deno.test("DISCONNECT and a packet behind it in one frame closes", () => {
  const wire = new Rig().connection().live();
  assert.equal(wire.send({ cmd: "disconnect" }, publish("a/x")).reason, "after-disconnect");
});

Deno.test("a CONNACK that refuses lets the client say nothing more", () => {
  const rig = new Rig();
  const wire = rig.connection();
  wire.connect();
  assert.equal(wire.accept({ returnCode: 5 }).verdict, "allow");
  assert.equal(wire.publish("a/x").reason, "after-disconnect");
});

Deno.test("a close frame ends its direction, the other's close frame ends the session", () => {
  const rig = new Rig();
  const wire = rig.connection().live();
  assert.equal(wire.control("close").verdict, "allow");
  assert.equal(wire.receive(publish("a/x")).verdict, "allow");
  assert.equal(wire.control("close", false).verdict, "allow");
  assert.equal(rig.agent.sessions.size, 0);

  const rude = rig.connection({ address: "10.0.0.1:2" }).live();
  rude.control("close");
  assert.deepEqual([rude.publish("a/x").reason, rig.agent.sessions.size], ["session-unknown", 0]);
});

Deno.test("whatever comes after a close verdict closes 1012, but a close frame passes", () => {
  const wire = new Rig().connection().live();
  assert.equal(wire.publish("b/x", { qos: 1, messageId: 1, payload: "", retain: true }).verdict, "drop");
  assert.equal(wire.frame(Buffer.from("e100", "hex")).verdict, "close");
  assert.equal(wire.control("close").verdict, "allow");
  assert.equal(wire.publish("a/x").code, 1012);
  assert.equal(wire.receive(PING).code, 1012);
});

Deno.test("frames of an unknown connection close 1012: later ones, and a broker's first", () => {
  const rig = new Rig();
  assert.equal(rig.connection().frame(Buffer.from("c000", "hex"), { index: 3 }).code, 1012);
  assert.equal(rig.connection().accept().code, 1012);
  const pinged = rig.connection({ address: "10.0.0.1:2" });
  assert.equal(pinged.control("ping", false).verdict, "allow");
  assert.equal(pinged.accept().code, 1012);
});

Deno.test("a frame number that is skipped or comes twice closes and forgets the session", () => {
  const rig = new Rig();
  for (const index of [0, 1, 3, 999]) {
    const wire = rig.connection().live();
    wire.send(PING);
    assert.deepEqual(wire.frame(Buffer.from("c000", "hex"), { index }), {
      verdict: "close",
      code: 1008,
      reason: "frame-gap",
      tags: "mqtt blocked frame-gap",
    });
    assert.equal(wire.send(PING).code, 1012);
  }
});

Deno.test("two connections that share a correlation id are two sessions", () => {
  const rig = new Rig();
  const one = rig.connection({ id: "k", address: "10.0.0.1:1" }).live();
  const two = rig.connection({ id: "k", address: "10.0.0.1:2" });
  assert.equal(two.publish("a/x").reason, "mqtt-connect-first");
  assert.equal(one.publish("a/x").verdict, "allow");
});

Deno.test("request_complete ends a session only where one has that id", () => {
  const rig = new Rig();
  const one = rig.connection({ id: "k", address: "10.0.0.1:1" }).live();
  rig.connection({ id: "k", address: "10.0.0.1:2" }).live({ clientId: "dev2" });
  rig.agent.complete("k");
  assert.equal(one.publish("a/x").verdict, "allow");
  const alone = rig.connection({ id: "alone", address: "10.0.0.1:3" }).live({ clientId: "dev3" });
  rig.agent.complete("alone");
  assert.equal(alone.publish("a/x").code, 1012);
});

Deno.test("an accepted CONNECT with the same client id takes the session over, on its own route only", () => {
  const rig = new Rig();
  const old = rig.connection({ address: "10.0.0.1:1" }).live();
  const other = rig.connection({ address: "10.0.0.1:9", routeId: "other" }).live();
  const next = rig.connection({ address: "10.0.0.1:2" });
  next.connect();
  assert.equal(old.publish("a/x").verdict, "allow");
  next.accept();
  assert.equal(old.publish("a/x").code, 1012);
  assert.equal(other.publish("a/x").verdict, "allow");
});

Deno.test("a full table refuses new connections and evicts nobody", () => {
  const rig = new Rig({ general: { "max-sessions": 2 } });
  const one = rig.connection({ address: "10.0.0.1:1" }).live({ clientId: "c1" });
  rig.connection({ address: "10.0.0.1:2" }).live({ clientId: "c2" });
  const three = rig.connection({ address: "10.0.0.1:3" });
  assert.deepEqual(three.connect(), {
    verdict: "close",
    code: 1008,
    reason: "overloaded",
    tags: "mqtt blocked overloaded",
  });
  assert.equal(one.publish("a/x").verdict, "allow");
  rig.pass(90_000);
  assert.equal(rig.connection({ address: "10.0.0.1:4" }).connect().verdict, "allow");
});

Deno.test("max-connections-per-ip counts living connections of an address, whatever the port or the form", () => {
  const rig = new Rig({ general: { "max-connections-per-ip": 2 } });
  rig.connection({ address: "10.0.0.1:1" }).live({ clientId: "c1" });
  rig.connection({ address: "[::ffff:10.0.0.1]:2" }).live({ clientId: "c2" });
  assert.equal(rig.connection({ address: "10.0.0.1:3" }).connect().reason, "connections-per-ip");
  assert.equal(rig.connection({ address: "10.0.0.2:3" }).connect().verdict, "allow");
  rig.pass(90_000);
  assert.equal(rig.connection({ address: "10.0.0.1:4" }).connect().verdict, "allow");
  rig.connection({ address: "[2001:db8::1]:1" }).live({ clientId: "c3" });
  rig.connection({ address: "[2001:db8::2]:1" }).live({ clientId: "c4" });
  assert.equal(rig.connection({ address: "[2001:db8::ffff:3]:1" }).connect().reason, "connections-per-ip");
});

Deno.test("the first max-unanswered packets are dropped, the next closes", () => {
  const wire = new Rig().connection().live();
  for (let i = 0; i < 8; i++) assert.equal(wire.publish("b/x", { qos: 1, messageId: i + 1 }).verdict, "drop");
  for (let i = 0; i < 8; i++) assert.equal(wire.send(subscribe("b/x")).verdict, "drop");
  for (let i = 0; i < 50; i++) assert.equal(wire.publish("b/x").verdict, "drop");
  assert.deepEqual(wire.send(subscribe("b/x")), {
    verdict: "close",
    code: 1008,
    reason: "unanswered",
    tags: "mqtt blocked unanswered",
  });
});

Deno.test("a live connection meets new rules with its next packet, deliveries included", () => {
  const rig = new Rig();
  const wire = rig.connection().live();
  assert.equal(wire.publish("a/x").verdict, "allow");
  assert.equal(wire.receive(publish("a/x")).verdict, "allow");
  rig.usePolicy({ rules: [{ name: "deny-a", topics: ["a/#"], decision: "deny" }] });
  assert.equal(wire.publish("a/x").verdict, "drop");
  assert.equal(wire.receive(publish("a/x")).verdict, "drop");
});

Deno.test("a subscription that new rules would refuse is told, and closes where on-revoked-subscription says so", () => {
  const rules = [{ name: "allow-ping", topics: ["ok"], decision: "allow" as const }];
  const told = new Rig();
  const wire = told.connection().live();
  wire.send(subscribe("a/#", "ok"));
  told.usePolicy({ rules });
  assert.equal(wire.send(PING).verdict, "allow");

  const closing = new Rig();
  const other = closing.connection().live();
  other.send(subscribe("a/#", "ok"));
  other.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["nothing"] } as PacketFacts);
  closing.usePolicy({ rules, acl: { "on-revoked-subscription": "close" } });
  assert.deepEqual(other.send(PING), {
    verdict: "close",
    code: 1008,
    reason: "acl-revoked",
    tags: "mqtt blocked acl-denied",
  });

  const ended = new Rig();
  const third = ended.connection().live();
  third.send(subscribe("a/#"));
  third.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["a/#"] } as PacketFacts);
  ended.usePolicy({ rules, acl: { "on-revoked-subscription": "close" } });
  assert.equal(third.send(PING).verdict, "allow");
});

Deno.test("block-mode false lets everything pass and says what it would have done", () => {
  const rig = new Rig({ general: { "block-mode": false } });
  const wire = rig.connection().live();
  assert.deepEqual(wire.publish("b/x"), {
    verdict: "allow",
    code: null,
    reason: "acl-rule",
    tags: "mqtt detect-only acl-denied",
  });
  assert.equal(wire.frame(Buffer.from("c000", "hex"), { opcode: "text" }).tags, "mqtt detect-only protocol-error");
  const broken = rig.connection({ address: "10.0.0.1:2" }).live({ clientId: "dev2" });
  assert.equal(broken.frame(Buffer.from("e100", "hex")).tags, "mqtt detect-only protocol-error");
  assert.deepEqual(broken.publish("b/x"), { verdict: "allow", code: null, reason: null, tags: "mqtt unparsed" });
  // The other direction is still judged.
  assert.equal(broken.receive(publish("b/x")).tags, "mqtt detect-only acl-denied");
  assert.equal(rig.connection().frame(Buffer.from("c000", "hex"), { index: 4 }).verdict, "allow");
  assert.equal(broken.frame(Buffer.from("c000", "hex"), { index: 77 }).verdict, "allow");
});

Deno.test("what was not read while nothing was blocked can not be judged when it is", () => {
  const rig = new Rig({ general: { "block-mode": false } });
  const wire = rig.connection().live();
  wire.frame(Buffer.from("e100", "hex"));
  rig.usePolicy({});
  assert.equal(wire.publish("a/x").reason, "stream-unparsed");
});

Deno.test("block-mode false follows aliases as they were forwarded", () => {
  const rig = new Rig({ general: { "block-mode": false } });
  const wire = rig.connection();
  wire.connect({ protocolVersion: 5 });
  wire.accept({ properties: { topicAliasMaximum: 5 } });
  assert.equal(wire.publish("b/x", { properties: { topicAlias: 1 } }).reason, "acl-rule");
  rig.usePolicy({});
  assert.equal(wire.publish("", { properties: { topicAlias: 1 } }).reason, "acl-rule");
});

Deno.test("an error inside closes, or allows where fail-open says so", () => {
  for (const failOpen of [false, true]) {
    const rig = new Rig({ general: { "fail-open": failOpen } });
    const wire = rig.connection().live();
    const session = [...rig.agent.sessions.all()][0];
    assert.ok(session !== undefined);
    Object.defineProperty(session, "limits", {
      get: () => {
        throw new Error("made for the test");
      },
    });
    const said = wire.publish("a/x");
    assert.deepEqual([said.verdict, said.reason], [failOpen ? "allow" : "close", "internal-error"]);
    assert.equal(said.tags, failOpen ? "mqtt detect-only internal-error" : "mqtt blocked internal-error");
  }
});

Deno.test("frames of other routes pass unseen where routes are named", () => {
  const rig = new Rig({ general: { routes: ["mqtt"] } });
  assert.equal(rig.connection({ routeId: "chat" }).frame(Buffer.from("hello"), { opcode: "text" }).verdict, "allow");
  assert.equal(rig.connection({ routeId: null }).frame(Buffer.from("hello"), { opcode: "text" }).verdict, "allow");
  assert.equal(rig.connection().frame(Buffer.from("hello"), { opcode: "text" }).code, 1003);
  assert.equal(rig.agent.sessions.size, 0);
});

Deno.test("frames of two routes are warned of once, unless routes are named", async () => {
  const rig = new Rig();
  for (const routeId of ["one", "two", "three"]) {
    rig.connection({ routeId, address: `10.0.0.1:${routeId.length}` }).connect();
  }
  await rig.parts.log.flush();
  assert.equal(rig.parts.lines.filter((line) => line.includes("Frames of two routes")).length, 1);
});

Deno.test("require-upgrade-event closes what was not announced; a refused upgrade that opens all the same closes", () => {
  const head = (headers: Record<string, string[]>) => ({
    correlationId: "up-1",
    clientAddress: "10.0.0.1",
    routeId: "mqtt",
    headers: { upgrade: ["websocket"], "sec-websocket-protocol": ["mqtt"], ...headers },
  });
  const strict = new Rig({ general: { "require-upgrade-event": true } });
  assert.equal(strict.connection().connect().reason, "upgrade-unseen");
  assert.equal(strict.agent.judgeRequest(head({})).refused, null);
  assert.equal(strict.connection({ id: "up-1" }).connect().verdict, "allow");

  const rig = new Rig();
  assert.equal(rig.agent.judgeRequest(head({ "sec-websocket-extensions": ["x"] })).refused?.code, "upgrade-extension");
  assert.equal(rig.connection({ id: "up-1" }).connect().reason, "upgrade-ignored");
});

Deno.test("a frame that may not be dropped closes: with an alias, in pieces, beside a packet that may not be lost", () => {
  const rig = new Rig();
  const one = rig.connection({ address: "10.0.0.1:1" });
  one.connect({ protocolVersion: 5, clientId: "c1" });
  one.accept({ properties: { topicAliasMaximum: 5 } });
  assert.equal(one.publish("b/x", { properties: { topicAlias: 1 } }).verdict, "close");

  const two = rig.connection({ address: "10.0.0.1:2" }).live({ clientId: "c2" });
  assert.equal(two.send(publish("a/x"), publish("b/x")).verdict, "drop");
  assert.equal(two.send(publish("a/x", { qos: 1, messageId: 1 }), publish("b/x")).verdict, "close");

  const three = rig.connection({ address: "10.0.0.1:3" }).live({ clientId: "c3" });
  assert.equal(three.frame(generate(publish("b/x")).subarray(0, 7)).verdict, "close");
});

Deno.test("mixed-frames decides what becomes of the packets beside a dropped one", () => {
  const mixed = [publish("a/x", { qos: 1, messageId: 1 }), publish("b/x")];
  assert.equal(new Rig({ general: { "mixed-frames": "drop" } }).connection().live().send(...mixed).verdict, "drop");
  assert.equal(
    new Rig({ general: { "mixed-frames": "close" } }).connection().live().send(publish("a/x"), publish("b/x")).verdict,
    "close",
  );
  const withEnd = new Rig({ general: { "mixed-frames": "drop" } }).connection().live();
  assert.equal(withEnd.send(publish("b/x"), { cmd: "disconnect" }).verdict, "close");
});

Deno.test("a denied delivery: QoS 0 is dropped, above it the connection closes", () => {
  const wire = new Rig().connection().live();
  assert.equal(wire.receive(publish("b/x")).verdict, "drop");
  assert.equal(wire.receive(publish("b/x", { qos: 1, messageId: 1 })).verdict, "close");
});

Deno.test("the audit names every refused packet of a frame", () => {
  const rig = new Rig();
  const wire = rig.connection().live();
  wire.send(publish("b/1"), publish("a/1"), publish("b/2"));
  const [event] = rig.agent.audit.newest();
  assert.deepEqual([event?.reason, event?.topic, event?.rule, event?.verdict], ["acl-rule", "b/1", "deny-b", "drop"]);
});

Deno.test("a frame that costs too much closes, whatever it is made of", () => {
  const frames: [string, Buffer][] = [
    ["PUBLISH", Buffer.from("3003000161".repeat(20_000), "hex")],
    ["UNSUBSCRIBE", Buffer.from("a205000100016f".repeat(20_000), "hex")],
    ["PINGREQ", Buffer.from("c000".repeat(100_000), "hex")],
  ];
  for (const [what, bytes] of frames) {
    const said = new Rig().connection().live().frame(bytes);
    assert.deepEqual([said.verdict, said.reason], ["close", "too-many-packets"], what);
  }
  // A 64 KiB frame full of the smallest packets is judged.
  assert.equal(new Rig().connection().live().frame(Buffer.from("c000".repeat(32_768), "hex")).verdict, "allow");
});

Deno.test("UNSUBSCRIBE has the limits of SUBSCRIBE", () => {
  const wire = new Rig().connection().live();
  const unsubscribe = (...topics: string[]) =>
    wire.send({ cmd: "unsubscribe", messageId: 3, unsubscriptions: topics } as PacketFacts);
  assert.equal(unsubscribe("a/x").verdict, "allow");
  assert.equal(unsubscribe(...Array.from({ length: 33 }, (_, i) => `a/${i}`)).reason, "too-many-filters");
  assert.equal(unsubscribe(`a${"/x".repeat(40)}`).reason, "topic-too-deep");
});

Deno.test("a connection whose CONNECT was never answered leaves the table", () => {
  const rig = new Rig({ general: { "max-sessions": 1 } });
  rig.connection().connect({ keepalive: 0 });
  rig.pass(60_000);
  assert.equal(rig.connection({ address: "10.0.0.1:2" }).connect().verdict, "allow");
});

Deno.test("bytes of a packet that nobody finishes are given back", () => {
  const rig = new Rig();
  const wire = rig.connection().live({ keepalive: 0 });
  const before = heldBytes();
  wire.frame(Buffer.from(`82ffff3e0001${"00".repeat(1_000)}`, "hex"));
  assert.ok(heldBytes() >= before + 1_000);
  rig.pass(30_000);
  rig.agent.sweep();
  assert.equal(heldBytes(), before);
  assert.equal(wire.frame(Buffer.from("00", "hex")).code, 1012);
});

Deno.test("max-subscriptions counts what the client has: over packets of a frame, and a replaced one once", () => {
  const filters = (count: number) => Array.from({ length: count }, (_, i) => `a/${i}`);
  const rig = new Rig({ general: { "max-subscriptions": 3 } });
  const wire = rig.connection().live();
  assert.equal(wire.send(subscribe(...filters(2)), subscribe("a/2", "a/3")).verdict, "close");
  const other = rig.connection({ address: "10.0.0.1:2" }).live({ clientId: "dev2" });
  assert.equal(other.send(subscribe(...filters(3))).verdict, "allow");
  assert.equal(other.send(subscribe("a/0")).verdict, "allow");
  assert.equal(other.send(subscribe("a/9")).reason, "too-many-subscriptions");
  const unsubscribe = (topic: string) =>
    ({ cmd: "unsubscribe", messageId: 3, unsubscriptions: [topic] }) as PacketFacts;
  assert.equal(other.send(unsubscribe("a/0"), subscribe("a/9")).verdict, "allow");
  assert.equal(other.send(unsubscribe("a/9"), subscribe("a/9")).verdict, "allow");
  assert.equal(other.send(subscribe("a/8")).reason, "too-many-subscriptions");
});

Deno.test("a revoked subscription closes whatever came before it, and in detect only too", () => {
  const closing = {
    rules: [{ name: "ok", topics: ["ok"], decision: "allow" as const }],
    acl: { "on-revoked-subscription": "close" as const },
  };
  const rig = new Rig();
  const wire = rig.connection().live();
  wire.send({ cmd: "unsubscribe", messageId: 3, unsubscriptions: ["a/x"] } as PacketFacts, subscribe("a/x"));
  rig.usePolicy(closing);
  assert.equal(wire.send(PING).reason, "acl-revoked");

  const watching = new Rig({ general: { "block-mode": false } });
  const watched = watching.connection().live();
  watched.send(subscribe("admin/#"));
  watching.usePolicy({ acl: { "on-revoked-subscription": "close" } });
  assert.equal(watched.send(PING).reason, "acl-revoked");
});

Deno.test("a delivery behind the CONNACK that names the client is judged by that name", () => {
  const rules = [
    { name: "inbox", topics: ["inbox/${clientid}/#"], decision: "allow" as const },
    {
      name: "no",
      match: { "client-id": "auto-1" },
      topics: ["inbox/auto-1/secret"],
      decision: "deny" as const,
      priority: 1,
    },
  ];
  const connack = {
    cmd: "connack",
    sessionPresent: false,
    reasonCode: 0,
    properties: { assignedClientIdentifier: "auto-1" },
  } as PacketFacts;
  for (const [topic, verdict] of [["inbox/auto-1/x", "allow"], ["inbox/auto-1/secret", "close"]] as const) {
    const wire = new Rig({ rules }).connection();
    wire.connect({ protocolVersion: 5, clientId: "" });
    // CONNACK may not be lost, so what stands beside it closes.
    assert.equal(wire.receive(connack, publish(topic)).verdict, verdict, topic);
  }
});

Deno.test("fail-open is for errors inside, not for what could not be read", () => {
  const rig = new Rig({ general: { "block-mode": false } });
  const wire = rig.connection().live();
  wire.frame(Buffer.from("e100", "hex"));
  rig.usePolicy({ general: { "fail-open": true } });
  assert.equal(wire.publish("b/x").reason, "stream-unparsed");
});

Deno.test("a Will that new rules would refuse is told", async () => {
  const rig = new Rig();
  const wire = rig.connection().live({ will: { topic: "a/will", payload: "x", qos: 0, retain: false } });
  rig.usePolicy({ rules: [{ name: "ok", topics: ["ok"], decision: "allow" }] });
  wire.send(PING);
  await rig.parts.log.flush();
  assert.equal(rig.parts.lines.filter((line) => line.includes("The Will of a live client")).length, 1);
});

Deno.test("a close frame ends its session even if the other side never answers it", () => {
  const rig = new Rig();
  const wire = rig.connection().live({ keepalive: 0 });
  wire.control("close");
  rig.pass(30_000);
  rig.agent.sweep();
  assert.equal(rig.agent.sessions.size, 0);
});

Deno.test("who is taken over hears the broker say so", () => {
  const rig = new Rig();
  const old = rig.connection({ address: "10.0.0.1:1" }).live({ protocolVersion: 5 });
  rig.connection({ address: "10.0.0.1:2" }).live({ protocolVersion: 5 });
  assert.equal(old.receive({ cmd: "disconnect", reasonCode: 0x8e } as PacketFacts).verdict, "allow");
  assert.equal(old.publish("a/x").code, 1012);
});

Deno.test("a device that reconnects takes the place of its broken connection in max-connections-per-ip", () => {
  const rig = new Rig({ general: { "max-connections-per-ip": 1 } });
  rig.connection({ address: "10.0.0.1:1" }).live();
  assert.equal(rig.connection({ address: "10.0.0.1:2" }).connect().verdict, "allow");
  assert.equal(rig.connection({ address: "10.0.0.1:3" }).connect({ clientId: "dev2" }).reason, "connections-per-ip");
});

Deno.test("the audit counts what is lost with a dropped frame", () => {
  const rig = new Rig();
  rig.connection().live().send(publish("b/1"), publish("a/1"), publish("b/2"));
  const [event] = rig.agent.audit.newest();
  assert.deepEqual([event?.packets, event?.refused, event?.lost], [3, 2, 1]);
  assert.equal(event?.also, "PUBLISH b/1: acl-rule by deny-b; PUBLISH b/2: acl-rule by deny-b");
});

Deno.test("one correlation id for all: sessions end and are swept one by one", () => {
  const rig = new Rig();
  const wires = Array.from({ length: 3_000 }, (_, i) => rig.connection({ id: "k", address: `10.0.0.1:${i}` }));
  for (const [i, wire] of wires.entries()) wire.live({ keepalive: 10, clientId: `c${i}` });
  for (const wire of wires.slice(0, 2_990)) wire.frame(Buffer.from("e100", "hex"));
  assert.equal(rig.agent.sessions.size, 10);
  assert.equal(wires[2_995]?.publish("a/x").verdict, "allow");
  rig.pass(20_000);
  rig.agent.sweep();
  assert.equal(rig.agent.sessions.size, 0);
});
