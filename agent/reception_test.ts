import assert from "node:assert/strict";
import type { LoginDesk, LoginVerdict } from "./auth/login_desk.ts";
import type { Answer, Credentials, Identity } from "./auth/provider.ts";
import { deskOf, identity, Users } from "../tests/support/users.ts";
import { publish, Rig, type Said, subscribe, type Wire } from "../tests/support/rig.ts";
import type { TestPolicy } from "../tests/support/test_agent.ts";

const RULES: NonNullable<TestPolicy["rules"]> = [
  { name: "alice", match: { username: "alice" }, topics: ["alice/#"], decision: "allow" },
  { name: "staff", match: { groups: ["staff"] }, topics: ["staff/#"], decision: "allow" },
  { name: "anonymous", match: { groups: ["anonymous"] }, topics: ["public/#"], decision: "allow" },
  { name: "site", topics: ["site/${attr.site}/#"], decision: "allow" },
  { name: "open", topics: ["open/#"], decision: "allow" },
];

interface Parts {
  readonly rig: Rig;
  readonly users: Users;
  readonly desk: LoginDesk;
}

function guarded(people: Identity[], policy: TestPolicy = {}, more: { allowAnonymous?: boolean } = {}): Parts {
  const rig = new Rig({ rules: RULES, ...policy });
  const users = new Users(...people);
  const desk = deskOf(() => rig.parts.clock.wallMs(), users, more);
  rig.useDesk(desk);
  return { rig, users, desk };
}

const ALICE = { username: "alice", password: "right" };

function reasonsOf(wire: Wire, facts: Record<string, unknown>): string {
  const { verdict, reason, tags } = wire.connect(facts);
  return `${verdict} ${reason} ${tags}`;
}

async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

Deno.test("whoever is proved is what rules speak of, and nobody else", () => {
  const { rig } = guarded([
    identity("alice"),
    identity("bob", { groups: ["staff"], attributes: new Map([["site", "north"]]) }),
  ]);
  const alice = rig.connection().live(ALICE);
  assert.equal(alice.publish("alice/x").verdict, "allow");
  assert.equal(alice.publish("staff/x").verdict, "drop");
  const bob = rig.connection().live({ username: "bob", password: "right", clientId: "dev2" });
  assert.equal(bob.publish("staff/x").verdict, "allow");
  assert.equal(bob.publish("site/north/x").verdict, "allow");
  assert.equal(bob.publish("site/south/x").verdict, "drop");
  assert.equal(bob.publish("alice/x").verdict, "drop");
});

Deno.test("refused logins look alike but for the log, which says who said what", async () => {
  const { rig } = guarded([identity("alice")]);
  assert.equal(
    reasonsOf(rig.connection(), { username: "alice", password: "wrong" }),
    "close wrong-password mqtt blocked auth-failed",
  );
  assert.equal(
    reasonsOf(rig.connection(), { username: "carol", password: "right" }),
    "close credentials-unknown mqtt blocked auth-failed",
  );
  assert.equal(reasonsOf(rig.connection(), {}), "close anonymous-refused mqtt blocked auth-failed");
  await rig.parts.log.flush();
  const lines = rig.parts.lines.join("\n");
  assert.match(lines, /test: deny, the password is wrong/);
  assert.match(lines, /test: ignore, unknown; no provider knows these credentials/);
  assert.ok(!lines.includes("right"));
});

Deno.test("an anonymous client has the group of that name, a user called so has not", () => {
  const { rig } = guarded([identity("anonymous")], {}, { allowAnonymous: true });
  assert.equal(rig.connection().live().publish("public/x").verdict, "allow");
  const named = rig.connection().live({ username: "anonymous", password: "right", clientId: "dev2" });
  assert.equal(named.publish("public/x").verdict, "drop");
});

Deno.test("a CONNECT that waits has no verdict until its login is done; then it has the right one", async () => {
  for (
    const [late, expected] of [
      [{ kind: "allow", identity: identity("alice") }, "allow null"],
      [{ kind: "deny", code: "wrong-password", why: "wrong" }, "close wrong-password"],
      [{ kind: "error", why: "down" }, "close provider-error"],
    ] as const
  ) {
    const { rig, users } = guarded([identity("alice")]);
    const wire = rig.connection();
    assert.equal(wire.connect({ username: "alice", password: "slow" }).verdict, "wait");
    users.answers[0]?.(late);
    const verdict = await wire.waiting?.done as LoginVerdict;
    const { verdict: word, reason } = wire.resume(verdict);
    assert.equal(`${word} ${reason}`, expected);
    if (word === "allow") {
      assert.equal(wire.accept().verdict, "allow");
      assert.equal(wire.publish("alice/x").verdict, "allow");
    } else {
      assert.equal(wire.publish("alice/x").reason, "session-unknown");
    }
  }
});

Deno.test("without room, or without a result in time, a CONNECT is closed as pending; its result waits for the next", async () => {
  const { rig, users } = guarded([identity("alice")]);
  const slow = { username: "alice", password: "slow" };
  rig.hasRoom = false;
  assert.equal(reasonsOf(rig.connection(), slow), "close auth-pending mqtt blocked auth-pending");
  rig.hasRoom = true;
  const second = rig.connection();
  assert.equal(second.connect(slow).verdict, "wait");
  assert.equal(users.answers.length, 1);
  assert.equal(second.resume(null).reason, "auth-pending");
  users.answers[0]?.({ kind: "allow", identity: users.people.get("alice") as Identity });
  await settled();
  assert.equal(rig.connection().connect(slow).verdict, "allow");
  assert.equal(users.answers.length, 1);
});

Deno.test("nothing passes while a login is pending", async () => {
  const slow = { username: "alice", password: "slow" };
  const ways: readonly [string, (wire: Wire) => { verdict: string; reason: string | null }][] = [
    ["PUBLISH in the next frame", (wire) => wire.publish("open/x")],
    ["SUBSCRIBE in the next frame", (wire) => wire.send(subscribe("open/#"))],
    ["DISCONNECT", (wire) => wire.send({ cmd: "disconnect" })],
    ["an empty frame", (wire) => wire.frame(new Uint8Array(0))],
    ["a fragment", (wire) => wire.frame(new Uint8Array([0x30]), { fin: false })],
    ["a CONNACK of the broker", (wire) => wire.accept()],
    ["a delivery of the broker", (wire) => wire.receive(publish("open/x"))],
  ];
  for (const [name, act] of ways) {
    const { rig, users } = guarded([identity("alice")]);
    const wire = rig.connection();
    assert.equal(wire.connect(slow).verdict, "wait", name);
    const { verdict, reason } = act(wire);
    assert.equal(`${verdict} ${reason}`, "close auth-pending", name);
    users.answers[0]?.({ kind: "allow", identity: users.people.get("alice") as Identity });
    assert.equal(wire.resume(await wire.waiting?.done as LoginVerdict).verdict, "close", name);
  }
  const { rig } = guarded([identity("alice")]);
  const glued = rig.connection();
  const { verdict, reason } = glued.send(
    { cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clientId: "d", clean: true, ...slow } as never,
    publish("open/x"),
  );
  assert.equal(`${verdict} ${reason}`, "close auth-pending");
  assert.equal(rig.connection().control("ping").verdict, "allow");
});

Deno.test("a snapshot that changed meanwhile judges the CONNECT that waited, wholly", async () => {
  const { rig, users } = guarded([identity("alice")]);
  const wire = rig.connection();
  wire.connect({ username: "alice", password: "slow" });
  rig.usePolicy({ rules: RULES, auth: { "client-id-pattern": "^other$" } });
  users.answers[0]?.({ kind: "allow", identity: users.people.get("alice") as Identity });
  assert.equal(wire.resume(await wire.waiting?.done as LoginVerdict).reason, "client-id-pattern");

  const other = guarded([identity("alice")]);
  const moved = other.rig.connection();
  moved.connect({ username: "alice", password: "slow" });
  other.users.answers[0]?.({ kind: "allow", identity: other.users.people.get("alice") as Identity });
  const verdict = await moved.waiting?.done as LoginVerdict;
  other.rig.useDesk(deskOf(() => other.rig.parts.clock.wallMs(), new Users()));
  assert.equal(moved.resume(verdict).reason, "auth-pending");
});

Deno.test("the client id belongs to who was proved, as the binding says", () => {
  const cases: readonly [binding: string, user: Partial<Identity> & { name: string }, id: string, ok: boolean][] = [
    ["username", { name: "dev1" }, "dev1", true],
    ["username", { name: "dev1" }, "dev1-a", false],
    ["username", { name: "dev1" }, "Dev1", false],
    ["username-prefix", { name: "fleet1" }, "fleet1", true],
    ["username-prefix", { name: "fleet1" }, "fleet1-eu-7", true],
    ["username-prefix", { name: "fleet1" }, "fleet1_eu", true],
    ["username-prefix", { name: "fleet1" }, "fleet1/eu", true],
    ["username-prefix", { name: "fleet1" }, "fleet12", false],
    ["username-prefix", { name: "fleet1" }, "fleet1-", false],
    ["username-prefix", { name: "fleet1" }, "xfleet1-a", false],
    ["claim", { name: "a", clientIdClaim: "dev1" }, "dev1", true],
    ["claim", { name: "a", clientIdClaim: "dev1" }, "dev2", false],
    ["claim", { name: "a" }, "a", false],
    ["none", { name: "a", clientIds: ["dev1", "dev2"] }, "dev2", true],
    ["none", { name: "a", clientIds: ["dev1", "dev2"] }, "dev3", false],
    ["none", { name: "a", clientIds: [] }, "dev3", false],
    ["username", { name: "a", clientIds: ["b"] }, "a", false],
  ];
  for (const [binding, { name, ...more }, id, ok] of cases) {
    const { rig } = guarded([identity(name, more)], { auth: { "client-id-binding": binding as "none" } });
    const { verdict, reason } = rig.connection().connect({ username: name, password: "right", clientId: id });
    assert.equal(verdict, ok ? "allow" : "close", `${binding} ${name} ${id}`);
    if (!ok) assert.match(reason ?? "", /^client-id-(binding|not-owned)$/);
  }
});

Deno.test("a binding refuses whoever proves no name: anonymous clients, and everybody while authentication is off", () => {
  const auth = { "client-id-binding": "username" } as const;
  const { rig } = guarded([], { auth }, { allowAnonymous: true });
  assert.equal(rig.connection().connect().reason, "client-id-binding");
  const off = new Rig({ rules: RULES, auth });
  assert.equal(off.connection().connect({ username: "dev1", password: "x" }).reason, "client-id-binding");
  const trusting = new Rig({ rules: RULES, auth: { ...auth, "trust-broker": true } });
  assert.equal(trusting.connection().connect({ username: "dev1", password: "x" }).verdict, "allow");
});

Deno.test("the whole client id matches the pattern, of anonymous clients and with authentication off as well", () => {
  const auth = { "client-id-pattern": "dev-[0-9]+" };
  for (const clientId of ["dev-1", "dev-12"]) {
    assert.equal(new Rig({ auth }).connection().connect({ clientId }).verdict, "allow");
  }
  for (const clientId of ["xdev-1", "dev-1x", "dev-", "dev-1\u{1F600}", ""]) {
    assert.match(new Rig({ auth }).connection().connect({ clientId }).reason ?? "", /^client-id-(pattern|length)$/);
  }
  const { rig, users } = guarded([identity("alice")], { auth }, { allowAnonymous: true });
  assert.equal(rig.connection().connect({ clientId: "evil" }).reason, "client-id-pattern");
  assert.equal(rig.connection().connect({ ...ALICE, clientId: "evil" }).reason, "client-id-pattern");
  assert.equal(users.asked.length, 0, "no password is looked at before");
});

Deno.test("who may take over a live client id", () => {
  const people = () => [identity("alice"), identity("bob")];
  const bob = { username: "bob", password: "right" };
  for (
    const [rule, second, expected] of [
      ["anyone", bob, "allow"],
      ["same-identity", bob, "close"],
      ["same-identity", ALICE, "allow"],
      ["same-identity", {}, "close"],
      ["nobody", ALICE, "close"],
    ] as const
  ) {
    for (const isLive of [true, false]) {
      const { rig } = guarded(people(), { auth: { "duplicate-client-id": rule } }, { allowAnonymous: true });
      const first = rig.connection();
      assert.equal(first.connect(ALICE).verdict, "allow");
      if (isLive) first.accept();
      const { verdict, reason } = rig.connection({ address: "10.0.0.2:1" }).connect(second);
      assert.equal(`${verdict} ${reason}`, expected === "allow" ? "allow null" : "close client-id-in-use", rule);
      // Another route is another broker.
      assert.equal(rig.connection({ routeId: "other" }).connect(bob).verdict, "allow");
    }
  }
});

Deno.test("a client id is free again when its connection is over", () => {
  const { rig } = guarded([identity("alice"), identity("bob")]);
  const bob = { username: "bob", password: "right" };
  const first = rig.connection().live(ALICE);
  assert.equal(rig.connection().connect(bob).verdict, "close");
  first.send({ cmd: "disconnect" });
  assert.equal(rig.connection().connect(bob).verdict, "allow");
  const broken = guarded([identity("alice"), identity("bob")]);
  broken.rig.connection().live(ALICE);
  broken.rig.pass(90_000);
  assert.equal(broken.rig.connection().connect(bob).verdict, "allow");
  const refused = guarded([identity("alice"), identity("bob")]);
  const turned = refused.rig.connection();
  turned.connect(ALICE);
  turned.accept({ returnCode: 5 });
  assert.equal(refused.rig.connection().connect(bob).verdict, "allow");
});

Deno.test("where nobody proves anything, anyone takes over, as MQTT has it", () => {
  const rig = new Rig();
  rig.connection().live();
  assert.equal(rig.connection({ address: "10.9.9.9:1" }).connect().verdict, "allow");
});

Deno.test("the name in the CONNECT is the proved one, or empty", () => {
  /** Proves everybody to be alice, as a token would. */
  class Token extends Users {
    override check(): Answer {
      return { kind: "allow", identity: this.people.get("alice") as Identity };
    }
  }
  for (const mismatch of ["refuse", "allow"] as const) {
    const rig: Rig = new Rig({ rules: RULES, auth: { "username-mismatch": mismatch } });
    rig.useDesk(deskOf(() => rig.parts.clock.wallMs(), new Token(identity("alice"))));
    const other: Said = rig.connection().connect({ username: "admin", password: "t" });
    if (mismatch === "refuse") assert.equal(other.reason, "username-mismatch");
    else assert.equal(other.tags, "mqtt connect success username-mismatch");
    for (const username of ["alice", "", undefined]) {
      const wire = rig.connection().live({ ...(username === undefined ? {} : { username, password: "t" }) });
      assert.equal(wire.publish("alice/x").verdict, "allow");
    }
  }
});

Deno.test("rules that a login carries narrow what the configuration allows, and never widen it", () => {
  const { rig } = guarded([identity("alice", { acl: { pub: ["alice/a", "staff/x"], sub: ["alice/b/#"] } })]);
  const alice = rig.connection().live(ALICE);
  assert.equal(alice.publish("alice/a").verdict, "allow");
  for (const topic of ["alice/b", "open/x"]) assert.equal(alice.publish(topic).reason, "acl-claim");
  assert.equal(alice.publish("staff/x").reason, "acl-no-rule");
  assert.equal(alice.send(subscribe("alice/b/#")).verdict, "allow");
  assert.equal(alice.send(subscribe("alice/#")).reason, "acl-claim");
  assert.equal(alice.receive(publish("alice/b/1")).verdict, "allow");
  assert.equal(alice.receive(publish("alice/c")).reason, "acl-claim");
  const will = { topic: "alice/b", payload: "x", qos: 0 as const, retain: false };
  assert.equal(rig.connection().connect({ ...ALICE, clientId: "d2", will }).reason, "acl-claim");
  const broken = guarded([identity("alice", { acl: "everything" })]);
  assert.equal(broken.rig.connection().connect(ALICE).reason, "acl-claim-invalid");
});

Deno.test("a session ends with its token, and when what proved it does not hold any more", () => {
  const expiring = guarded([]);
  const untilMs = expiring.rig.parts.clock.wallMs() + 5_000;
  expiring.users.people.set("alice", identity("alice", { expiresAtMs: untilMs }));
  for (const fromClient of [true, false]) {
    const wire = expiring.rig.connection({ address: `10.0.1.${fromClient ? 1 : 2}:1` }).live(ALICE);
    assert.equal(wire.publish("alice/x").verdict, "allow");
    expiring.rig.pass(5_000);
    const { verdict, reason, tags } = fromClient ? wire.publish("alice/x") : wire.receive(publish("alice/x"));
    assert.equal(`${verdict} ${reason} ${tags}`, "close token-expired mqtt blocked auth-failed");
    expiring.users.people.set("alice", identity("alice", { expiresAtMs: untilMs + 5_000 }));
  }
  const { rig, users } = guarded([identity("alice")]);
  const wire = rig.connection().live(ALICE);
  users.people.delete("alice");
  assert.equal(wire.publish("alice/x").verdict, "allow", "nobody said that anything changed");
  users.generation++;
  assert.equal(wire.publish("alice/x").reason, "login-revoked");
});

Deno.test("authentication that is turned on ends who never proved anything; turned off, names prove nothing", () => {
  const { rig, desk } = guarded([identity("alice")]);
  rig.useDesk(null);
  const before = rig.connection().live({ username: "alice", password: "any" });
  const nobody = rig.connection().live({ clientId: "dev2" });
  assert.equal(before.publish("alice/x").verdict, "drop");
  rig.useDesk(desk);
  assert.equal(before.publish("open/x").reason, "login-revoked");
  assert.equal(nobody.publish("open/x").reason, "login-revoked");
  const proved = rig.connection().live({ ...ALICE, clientId: "dev3" });
  assert.equal(proved.publish("alice/x").verdict, "allow");
  rig.useDesk(null);
  assert.equal(proved.publish("alice/x").verdict, "drop");
  assert.equal(proved.publish("open/x").verdict, "allow");
  const open = guarded([], {}, { allowAnonymous: true });
  open.rig.useDesk(null);
  const stays = open.rig.connection().live();
  open.rig.useDesk(open.desk);
  assert.equal(stays.publish("public/x").verdict, "allow");
});

Deno.test("where nothing is blocked nobody waits, and a refused login gives no rights", async () => {
  const { rig, users } = guarded([identity("alice")], { general: { "block-mode": false } });
  const wrong = rig.connection();
  assert.equal(wrong.connect({ username: "alice", password: "wrong" }).tags, "mqtt detect-only auth-failed");
  wrong.accept();
  assert.equal(wrong.publish("alice/x").tags, "mqtt detect-only acl-denied");
  const slow = rig.connection();
  const said = slow.connect({ username: "alice", password: "slow", clientId: "d2" });
  assert.equal(`${said.verdict} ${said.tags}`, "allow mqtt detect-only auth-pending");
  slow.accept();
  assert.equal(slow.publish("alice/x").tags, "mqtt detect-only acl-denied");
  users.answers[0]?.({ kind: "allow", identity: users.people.get("alice") as Identity });
  await settled();
  assert.equal(slow.publish("alice/x").tags, "mqtt publish");
});

Deno.test("providers see the headers they ask for, of this connection only", () => {
  const { rig, users } = guarded([identity("alice")]);
  const upgrade = (correlationId: string, cert: string[]) =>
    rig.agent.judgeRequest({
      correlationId,
      clientAddress: "10.0.0.1",
      routeId: "mqtt",
      headers: { upgrade: ["websocket"], "sec-websocket-protocol": ["mqtt"], "Client-Cert": cert, cookie: ["s3cret"] },
    });
  upgrade("one", [":a:"]);
  rig.connection({ id: "one" }).connect(ALICE);
  assert.deepEqual([...users.asked[0]?.headers ?? []], [["client-cert", [":a:"]]]);
  // Two that wait under one id can not be told apart.
  for (const [first, second] of [[[":victim:"], []], [[], [":victim:"]], [[":victim:"], [":evil:"]]]) {
    users.asked = [];
    const id = `two ${first} ${second}`;
    upgrade(id, first as string[]);
    upgrade(id, second as string[]);
    for (const address of ["10.0.0.1:1", "10.0.0.1:2"]) {
      rig.connection({ id, address }).connect({ ...ALICE, clientId: address });
    }
    assert.equal(users.asked.length, 2);
    for (const { headers } of users.asked) assert.equal(headers.get("client-cert")?.length, 2);
  }
  users.asked = [];
  upgrade("same", [":a:"]);
  upgrade("same", [":a:"]);
  rig.connection({ id: "same" }).connect({ ...ALICE, clientId: "s1" });
  assert.deepEqual(users.asked[0]?.headers.get("client-cert"), [":a:"]);
});

Deno.test("a token in the place of the user name is shown nowhere", async () => {
  const { rig } = guarded([]);
  const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";
  rig.connection().connect({ username: token, password: "x" });
  await rig.parts.log.flush();
  assert.ok(!rig.parts.lines.join("").includes("eyJzdWIiOiJhbGljZSJ9"));
  assert.ok(!JSON.stringify([...rig.agent.audit.newest()]).includes("eyJzdWIiOiJhbGljZSJ9"));
});

Deno.test("a banned client is refused before any password work, and a live one with its next frame", () => {
  const nowMs = 1_700_000_000_000;
  const ban = (by: "client-id" | "username" | "client-ip", value: string) => ({
    by,
    value,
    reason: "stolen",
    setBy: "an operator",
    untilMs: nowMs + 3_600_000_000,
  });
  for (
    const [by, value] of [["client-id", "dev1"], ["username", "alice"], ["client-ip", "10.0.0.0/24"]] as const
  ) {
    const { rig, users } = guarded([identity("alice"), identity("bob")]);
    const live = rig.connection().live(ALICE);
    const other = rig.connection({ address: "10.9.0.1:1" }).live({ username: "bob", password: "right", clientId: "b" });
    const asked = users.asked.length;
    assert.ok("ban" in rig.agent.bans.add(ban(by, value), nowMs));
    const { verdict, reason, tags } = rig.connection().connect(ALICE);
    assert.equal(`${verdict} ${reason} ${tags}`, "close banned mqtt blocked banned");
    assert.equal(users.asked.length, asked);
    assert.equal(live.publish("alice/x").reason, "banned");
    assert.equal(other.publish("open/x").verdict, "allow");
  }
});

Deno.test("a ban by the proved name meets who claims another one", () => {
  class Token extends Users {
    override check(): Answer {
      return { kind: "allow", identity: this.people.get("alice") as Identity };
    }
  }
  const rig = new Rig({ rules: RULES, auth: { "username-mismatch": "allow" } });
  rig.useDesk(deskOf(() => rig.parts.clock.wallMs(), new Token(identity("alice"))));
  const ban = { by: "username" as const, value: "alice", reason: "", setBy: "x", untilMs: Infinity };
  assert.ok("ban" in rig.agent.bans.add(ban, 0));
  assert.equal(rig.connection().connect({ username: "someone", password: "t" }).reason, "banned");
});

Deno.test("a ban of an id that the broker assigned is met with the next frame", () => {
  const rig = new Rig({ rules: RULES });
  const ban = { by: "client-id" as const, value: "auto-1", reason: "", setBy: "x", untilMs: Infinity };
  assert.ok("ban" in rig.agent.bans.add(ban, 0));
  const wire = rig.connection();
  wire.connect({ protocolVersion: 5, clientId: "" });
  wire.accept({ properties: { assignedClientIdentifier: "auto-1" } });
  assert.equal(wire.publish("open/x").reason, "banned");
});

Deno.test("what passed only because nothing was blocked ends when something is", async () => {
  const cases: readonly [string, Identity, Record<string, unknown>, TestPolicy][] = [
    ["unreadable rules", identity("alice", { acl: "garbage" }), ALICE, {}],
    ["a slow login", identity("alice", { acl: { pub: ["open/#"] } }), { username: "alice", password: "slow" }, {}],
    ["another's client id", identity("alice", { clientIds: ["other"] }), ALICE, {}],
    ["a wrong password", identity("alice"), { username: "alice", password: "wrong" }, {}],
    ["a client id that does not match", identity("alice"), ALICE, { auth: { "client-id-pattern": "x" } }],
  ];
  for (const [name, person, facts, policy] of cases) {
    const { rig, users } = guarded([person], { ...policy, general: { "block-mode": false } });
    const wire = rig.connection();
    assert.equal(wire.connect(facts).verdict, "allow", name);
    users.answers[0]?.({ kind: "allow", identity: person });
    await settled();
    wire.accept();
    assert.equal(wire.publish("open/x").verdict, "allow", name);
    rig.usePolicy({ rules: RULES, ...policy });
    assert.equal(wire.publish("open/x").verdict, "close", name);
  }
  const fine = guarded([identity("alice")], { general: { "block-mode": false } });
  const wire = fine.rig.connection().live(ALICE);
  fine.rig.usePolicy({ rules: RULES });
  assert.equal(wire.publish("alice/x").verdict, "allow");
});

Deno.test("a slow login on trial is narrowed by what it carries", async () => {
  const person = identity("alice", { acl: { pub: ["alice/a"] } });
  const { rig, users } = guarded([person], { general: { "block-mode": false } });
  const wire = rig.connection();
  wire.connect({ username: "alice", password: "slow" });
  wire.accept();
  users.answers[0]?.({ kind: "allow", identity: person });
  await settled();
  assert.equal(wire.publish("alice/a").tags, "mqtt publish");
  assert.equal(wire.publish("alice/b").tags, "mqtt detect-only acl-denied");
});

Deno.test("with authentication off groups and attributes prove nothing either", () => {
  const person = identity("bob", { groups: ["staff"], attributes: new Map([["site", "north"]]) });
  const { rig } = guarded([person]);
  const wire = rig.connection().live({ username: "bob", password: "right" });
  assert.equal(wire.publish("staff/x").verdict, "allow");
  rig.useDesk(null);
  for (const topic of ["staff/x", "site/north/x"]) assert.equal(wire.publish(topic).verdict, "drop", topic);
});

Deno.test("only who was proved by a token in the place of the name may have another name there", () => {
  class Token extends Users {
    readonly usernameIsToken: boolean;
    constructor(isName: boolean, person: Identity) {
      super(person);
      this.usernameIsToken = isName;
    }
    override check(credentials: Credentials): Answer {
      const found = this.usernameIsToken
        ? credentials.username
        : new TextDecoder().decode(credentials.password ?? undefined);
      const person = this.people.get("bob") as Identity;
      return found === "token" ? { kind: "allow", identity: person } : { kind: "ignore", why: "no token" };
    }
  }
  const person = identity("bob");
  const rig: Rig = new Rig({ rules: RULES });
  const providers = [new Token(false, person), new Token(true, person)];
  rig.useDesk(deskOf(() => rig.parts.clock.wallMs(), ...providers));
  const posing: Said = rig.connection().connect({ username: "admin", password: "token" });
  assert.equal(posing.reason, "username-mismatch");
  const honest: Said = rig.connection().connect({ username: "token", password: "x", clientId: "d2" });
  assert.equal(honest.verdict, "allow");
});

Deno.test("asking about logins again takes a fifth of the time at most; what does not fit comes back", () => {
  let asked = 0;
  class Slow extends Users {
    override stillHolds(): boolean {
      asked++;
      const end = performance.now() + 5;
      while (performance.now() < end);
      return true;
    }
  }
  const people = Array.from({ length: 40 }, (_, i) => identity(`u${i}`));
  const rig: Rig = new Rig({ rules: RULES });
  const users = new Slow(...people);
  rig.useDesk(deskOf(() => rig.parts.clock.wallMs(), users));
  const wires = people.map((_, i) =>
    rig.connection().live({ username: `u${i}`, password: "right", clientId: `c${i}` })
  );
  users.generation++;
  const verdicts = wires.map((wire) => wire.publish("open/x").reason);
  assert.ok(verdicts.includes(null) && verdicts.includes("login-revoked"));
  assert.ok(asked < 40);
});
