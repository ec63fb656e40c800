import assert from "node:assert/strict";
import { client, NOW_MS } from "./bans_fixture.ts";
import { type BanConfig, compileBans, MAX_CONFIGURED_PATTERNS, NO_BANS } from "./configured_bans.ts";

function compiled(config: readonly BanConfig[]) {
  const result = compileBans(config);
  assert.ok("bans" in result, JSON.stringify(result));
  return result.bans;
}

Deno.test("entries become bans that name their place", () => {
  const { bans } = compiled([
    { name: "probes", "client-ip": "::ffff:10.0.0.0/104", description: "scans us" },
    { username: "mallory", until: "2027-02-01" },
    { "client-id": "dev-1", until: "2027-02-01T12:00:00+02:00" },
  ]);
  const rest = { source: "configuration", from: null, setBy: "configuration", setAtMs: null };
  assert.deepEqual(bans, [
    {
      ...rest,
      id: "bans[0]",
      name: "probes",
      by: "client-ip",
      value: "10.0.0.0/8",
      reason: "scans us",
      untilMs: Infinity,
    },
    { ...rest, id: "bans[1]", name: null, by: "username", value: "mallory", reason: "", untilMs: Date.UTC(2027, 1, 1) },
    {
      ...rest,
      id: "bans[2]",
      name: null,
      by: "client-id",
      value: "dev-1",
      reason: "",
      untilMs: Date.UTC(2027, 1, 1, 10),
    },
  ]);
  assert.ok(bans.every(Object.isFrozen));
});

Deno.test("of two entries that ban the same the one that ends last decides, in either order", () => {
  const short: BanConfig = { "client-id": "dev-1", until: "2027-02-01" };
  for (const long of [{ "client-id": "dev-1" }, { "client-id": "dev-1", until: "2027-03-01" }]) {
    for (const list of [[short, long], [long, short]]) {
      const { index, bans } = compiled(list);
      assert.equal(index.find(client("dev-1"), Date.UTC(2027, 1, 15)), bans[list.indexOf(long)]);
    }
  }
});

Deno.test("all problems are told at once, at their place", () => {
  assert.deepEqual(
    compileBans([
      { "client-ip": "10.0.0.1/8" },
      { username: "fine" },
      { "client-id": "a\tb" },
      { "username-regex": "(" },
      { "client-ip": "fe80::1%eth0" },
    ]),
    {
      problems: [
        {
          path: ["bans", 0, "client-ip"],
          message: `Cannot ban address "10.0.0.1/8": bits after the prefix are set (did you mean "10.0.0.0/8"?)`,
        },
        {
          path: ["bans", 2, "client-id"],
          message:
            `Cannot ban client id "a\\tb": it holds a control character or half a character, which no client's may`,
        },
        { path: ["bans", 3, "username-regex"], message: `Cannot ban user names like "(": missing closing )` },
        {
          path: ["bans", 4, "client-ip"],
          message: `Cannot ban address "fe80::1%eth0": "fe80::1%eth0" is no IPv4 or IPv6 address`,
        },
      ],
    },
  );
});

Deno.test("64 patterns are the most, since each client is held against each of them", () => {
  const pattern = (_: unknown, i: number): BanConfig =>
    i % 2 ? { "client-id-regex": `a${i}` } : { "username-regex": `b${i}` };
  const list = Array.from({ length: MAX_CONFIGURED_PATTERNS }, pattern);
  assert.equal(compiled(list).bans.length, 64);
  assert.deepEqual(compileBans([{ username: "ann" }, ...list, { "client-id-regex": "one more" }]), {
    problems: [{ path: ["bans", 65, "client-id-regex"], message: "more than 64 patterns are too many" }],
  });
});

Deno.test("no bans ban nobody", () => {
  assert.equal(NO_BANS.index.find(client("dev-1", "ann"), NOW_MS), null);
  assert.equal(compiled([]).index.find({ clientId: "", username: null, address: null }, NOW_MS), null);
});
