import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { generate } from "mqtt-packet";
import { deskOf, identity, Users } from "../tests/support/users.ts";
import { Rig } from "../tests/support/rig.ts";
import { Agent } from "./agent.ts";
import { AuditRing } from "./audit/ring.ts";
import { heldBytes } from "./mqtt/packet_stream.ts";

/** The begin of a SUBSCRIBE that announces a mebibyte, and `bytes` of it. */
function begun(bytes: number): Uint8Array {
  return Buffer.from(`82fcff3f0001ffff${"61".repeat(bytes - 8)}`, "hex");
}

Deno.test("B166: unfinished packets of all connections have one budget; who goes beyond it closes, and nobody else", () => {
  const rig = new Rig({ general: { "max-topic-bytes": 65_535 } });
  rig.parts.agent = new Agent({ ...rig.parts, audit: new AuditRing(10), maxHeldBytes: heldBytes() + 100_000 });
  const wires = Array.from(
    { length: 40 },
    (_, i) => rig.connection({ address: `10.0.0.${i}:1` }).live({ clientId: `c${i}` }),
  );
  const said = wires.map((wire) => wire.frame(begun(10_000)));
  const closed = said.filter(({ verdict }) => verdict === "close");
  assert.ok(closed.length > 0 && closed.length < 40, `${closed.length}`);
  for (const { reason } of closed) assert.equal(reason, "overloaded");
  // Who holds nothing, or what it had, goes on.
  const quiet = rig.connection({ address: "10.0.1.1:1" }).live({ clientId: "quiet" });
  assert.equal(quiet.publish("a/x").reason, null);
  assert.equal(wires[0]?.control("ping").verdict, "allow");
  // What they held is given back when their sessions are over.
  rig.pass(86_400_000);
  rig.agent.sweep();
  const later = rig.connection({ address: "10.0.2.1:1" }).live({ clientId: "later" });
  assert.equal(later.frame(begun(10_000)).verdict, "allow");
  rig.pass(86_400_000);
  rig.agent.sweep();
});

Deno.test("B166: where nothing is blocked who goes beyond the budget is read no further", () => {
  const rig = new Rig({ general: { "block-mode": false }, inspection: { "max-payload-size": 0 } });
  const before = heldBytes();
  rig.parts.agent = new Agent({ ...rig.parts, audit: new AuditRing(10), maxHeldBytes: before + 100_000 });
  for (let n = 0; n < 10; n++) {
    const wire = rig.connection({ address: `10.0.0.${n}:1` }).live({ clientId: `c${n}` });
    // A PUBLISH of 200 MB to `ok`.
    wire.frame(Buffer.from("3084c2af5f00026f6b", "hex"));
    for (let piece = 0; piece < 10; piece++) assert.equal(wire.frame(new Uint8Array(20_000)).verdict, "allow");
    assert.match(wire.frame(new Uint8Array(20_000)).tags, /unparsed/);
    assert.ok(heldBytes() - before <= 100_000, `${heldBytes() - before}`);
  }
});

const SECRET = "hunter2";

const CONNECT = {
  cmd: "connect",
  protocolId: "MQTT",
  protocolVersion: 4,
  clean: true,
  keepalive: 60,
  clientId: "dev1",
} as const;

/** Whether anything that can be reached from `value` holds the secret, as text or as bytes. */
function holds(value: unknown, secret: string, seen = new Set<unknown>()): boolean {
  if (typeof value === "string") return value === secret;
  if (typeof value !== "object" || value === null || seen.has(value)) return false;
  seen.add(value);
  if (ArrayBuffer.isView(value)) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).includes(secret);
  }
  if (value instanceof Map && [...value].some((entry) => holds(entry, secret, seen))) return true;
  if (value instanceof Set && [...value].some((entry) => holds(entry, secret, seen))) return true;
  return Reflect.ownKeys(value).some((key) => holds(Reflect.get(value, key), secret, seen));
}

Deno.test("B167: no session holds a password when its CONNECT was judged, whatever became of it", () => {
  let looked = 0;
  for (const blockMode of [true, false]) {
    for (const [username, isKnown] of [["alice", true], ["alice", false], ["nobody", false], [null, false]] as const) {
      const rig = new Rig({ general: { "block-mode": blockMode } });
      // Null: nobody asks for it, since authentication is off.
      const users = new Users(identity("alice"));
      if (username !== null) rig.useDesk(deskOf(() => 0, users));
      const password = isKnown ? "right" : SECRET;
      const packet = generate({ ...CONNECT, username: username ?? "ann", password: Buffer.from(password) });
      const before = heldBytes();
      const wire = rig.connection();
      // In two pieces, since the bytes of the first are kept.
      wire.frame(packet.subarray(0, -1));
      wire.frame(packet.subarray(-1));
      assert.equal(heldBytes(), before);
      // The double writes down what it was asked.
      users.asked = [];
      for (const session of rig.agent.sessions.all()) {
        looked++;
        assert.ok(!holds(session, password), `${blockMode} ${username} ${isKnown}`);
      }
    }
  }
  assert.ok(looked >= 6, `${looked}`);
});

Deno.test("B167: a login that takes time leaves the password to whoever proves it", () => {
  const rig = new Rig();
  const users = new Users(identity("alice"));
  rig.useDesk(deskOf(() => 0, users));
  const wire = rig.connection();
  assert.equal(wire.connect({ username: "alice", password: "slow" }).verdict, "wait");
  const { waiting } = wire;
  assert.ok(waiting !== null && "connect" in waiting);
  assert.equal(waiting.connect.password, null);
});

Deno.test("B164: a flood of refusals of clients with long and odd names writes few lines, and short ones", async () => {
  const rig = new Rig({
    general: { "max-topic-bytes": 65_535, "max-unanswered": 0 },
    auth: { "max-client-id-length": 65_535 },
  });
  const odd = "\u202e\u2028\u{1f525}".repeat(2_000);
  for (let i = 0; i < 100; i++) {
    const wire = rig.connection({ address: `10.0.0.${i}:1` });
    wire.connect({ clientId: `${odd}${i}`, username: `${odd}"}\\` });
    wire.accept();
    for (let n = 0; n < 50; n++) wire.publish(`b/${odd}${n}`);
  }
  await rig.parts.log.flush();
  const { lines } = rig.parts;
  assert.ok(lines.length > 0 && lines.length < 1_000, `${lines.length} lines for 5,000 refusals`);
  for (const line of lines) {
    assert.ok(line.length < 8_192, `${line.length}`);
    assert.doesNotMatch(line, /[\u202e\u2028]/);
    JSON.parse(line);
  }
});
