import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { deflateRawSync } from "node:zlib";
import { inspect, inspectionWork } from "./inspect.ts";
import { planOf } from "./inspect_fixture.ts";
import { zipMemberStart } from "./zip_member.ts";

/** A local file header and its data, as archivers write them. */
function member(name: string, text: string, { method = 8, flags = 0, extra = 0 } = {}): Buffer {
  const header = Buffer.alloc(30 + extra);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(20, 4);
  header.writeUInt16LE(flags, 6);
  header.writeUInt16LE(method, 8);
  header.writeUInt16LE(name.length, 26);
  header.writeUInt16LE(extra, 28);
  const data = method === 8 ? deflateRawSync(text) : Buffer.from(text);
  return Buffer.concat([header.subarray(0, 30), Buffer.from(name), Buffer.alloc(extra), data]);
}

const SCRIPT =
  "#!/bin/sh\n# a comment, so that the text is compressed well: aaaaaaaaaaaaaaaaaaaaaaaaaaaa\nrm -rf /data\n";

Deno.test("zipMemberStart() is where the data begins, behind the name and the extra field", () => {
  const bytes = member("a/b.sh", SCRIPT, { extra: 9 });
  assert.equal(zipMemberStart(bytes, 0, bytes.length), 30 + 6 + 9);
});

Deno.test("zipMemberStart() is -1 for what is stored, encrypted, cut short or no member", () => {
  const whole = member("a", SCRIPT);
  for (const bytes of [member("a", SCRIPT, { method: 0 }), member("a", SCRIPT, { flags: 1 }), whole.subarray(0, 29)]) {
    assert.equal(zipMemberStart(bytes, 0, bytes.length), -1);
  }
  assert.equal(zipMemberStart(whole, 1, whole.length), -1);
  assert.equal(zipMemberStart(whole, 0, 31), -1);
});

Deno.test("every member of a ZIP archive is searched, compressed or stored", () => {
  const plan = planOf();
  const calm = member("readme.txt", "A note of some words, a note of some words, a note of some words.");
  for (const attack of [member("run.sh", SCRIPT), member("run.sh", SCRIPT, { method: 0 })]) {
    for (const archive of [[attack], [calm, attack], [calm, calm, attack, calm]]) {
      const hit = inspect(plan, "payload", Buffer.concat(archive), "a/b")?.blocking;
      assert.equal(hit?.category, "command-injection");
    }
  }
  assert.equal(inspect(plan, "payload", Buffer.concat([calm, calm]), "a/b")?.blocking ?? null, null);
});

Deno.test("a member that unpacks to more than may be decoded is refused", () => {
  const plan = planOf({ "max-decoded-bytes": 65_536 });
  const hit = inspect(plan, "payload", member("long.txt", "a".repeat(1_000_000)), "a/b")?.blocking;
  assert.equal(hit?.category, "inspection-budget");
});

Deno.test("headers that all say the same data is theirs cost no more than may be decoded", () => {
  const plan = planOf({ "block-severity": "critical", "max-decoded-bytes": 65_536 });
  const count = 500;
  const headers = Array.from({ length: count }, (_, n) => {
    const header = member("", "").subarray(0, 30);
    header.writeUInt16LE((count - 1 - n) * 30, 26);
    return header;
  });
  // No text, so that it is not taken and left behind.
  const noise = Uint8Array.from({ length: 4000 }, (_, n) => Math.imul(n + 1, 2_654_435_761) >>> 24);
  const payload = Buffer.concat([...headers, deflateRawSync(noise)]);
  const hit = inspect(plan, "payload", payload, "a/b")?.blocking;
  assert.equal(hit?.category, "inspection-budget");
  assert.ok(inspectionWork() < 80 * (payload.length + 65_536), String(inspectionWork()));
});
