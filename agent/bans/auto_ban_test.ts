import assert from "node:assert/strict";
import { allReasons, reasonOf } from "../reasons.ts";
import { AutoBan, type AutoBanRule, canCount, compileAutoBan } from "./auto_ban.ts";
import type { BanList } from "./ban_list.ts";
import { banList, client, mustAdd, newBan, NOW_MS, randomFrom, refusedClient } from "./bans_fixture.ts";

type Section = NonNullable<Parameters<typeof compileAutoBan>[0]>;

function ruleOf(section: Partial<Section> = {}): AutoBanRule {
  const compiled = compileAutoBan({ refusals: 3, "window-secs": 60, "ban-secs": 600, by: "client-id", ...section });
  assert.ok("rule" in compiled && compiled.rule !== null, JSON.stringify(compiled));
  return compiled.rule;
}

function rig(section: Partial<Section> = {}, { maxCounted = 100_000, maxBans = 10_000 } = {}) {
  const { bans, world } = banList(maxBans);
  const autoBan = new AutoBan(bans, { tell: world.tell, maxCounted });
  autoBan.configure(ruleOf(section));
  return { bans, world, autoBan };
}

const bannedValues = (bans: BanList, wallMs = NOW_MS) => bans.list(wallMs).map(({ ban }) => ban.value);

/** Refused so often; what came of the last one. */
function refuse(autoBan: AutoBan, times: number, who = refusedClient("dev-1"), wallMs = NOW_MS, code = "acl-no-rule") {
  let ban = null;
  for (let i = 0; i < times; i++) {
    assert.equal(ban, null, "banned too early");
    ban = autoBan.refused(who, code, wallMs);
  }
  return ban;
}

Deno.test("the refusal that is one too many bans, for as long as the rule says", () => {
  const { bans, world, autoBan } = rig();
  const who = refusedClient("dev-1");
  assert.equal(refuse(autoBan, 2, who), null);
  assert.equal(bans.find(who, NOW_MS), null);
  assert.deepEqual(world.told, []);
  const ban = refuse(autoBan, 1, who, NOW_MS + 59_999);
  assert.ok(ban !== null);
  assert.equal(bans.find(who, NOW_MS + 59_999), ban);
  const { id: _, ...rest } = ban;
  assert.deepEqual(rest, {
    source: "automatic",
    name: null,
    by: "client-id",
    value: "dev-1",
    from: null,
    reason: "3 refusals within 60 s, the last as acl-no-rule",
    setBy: "auto-ban",
    setAtMs: NOW_MS + 59_999,
    untilMs: NOW_MS + 659_999,
  });
  assert.deepEqual(world.told, [{
    level: "warn",
    message: `Banned client id "dev-1"`,
    fields: { reason: "3 refusals within 60 s, the last as acl-no-rule", ban_secs: 600 },
  }]);
  assert.equal(bans.find(who, NOW_MS + 659_999), null);
  assert.equal(refuse(autoBan, 2, who, NOW_MS + 700_000), null, "it begins anew");
});

Deno.test("refusals outside of the window do not add up, and a clock that is set back begins a new one", () => {
  const { autoBan } = rig();
  refuse(autoBan, 2);
  assert.equal(refuse(autoBan, 2, undefined, NOW_MS + 60_000), null);
  assert.ok(refuse(autoBan, 1, undefined, NOW_MS + 119_999) !== null);
  const other = refusedClient("dev-2");
  refuse(autoBan, 2, other, NOW_MS);
  assert.equal(refuse(autoBan, 2, other, NOW_MS - 1), null);
  assert.ok(refuse(autoBan, 1, other, NOW_MS + 50_000) !== null);
});

Deno.test("one refusal is enough where the rule says so", () => {
  const { autoBan } = rig({ refusals: 1 });
  assert.ok(refuse(autoBan, 1) !== null);
  assert.equal(autoBan.size, 0);
});

Deno.test("who is banned by what", () => {
  interface Row {
    readonly by: Section["by"];
    readonly refused: readonly ReturnType<typeof refusedClient>[];
    readonly banned: readonly ReturnType<typeof client>[];
    readonly free: readonly ReturnType<typeof client>[];
  }
  const thrice = (who: ReturnType<typeof refusedClient>) => [who, who, who];
  const rows: Row[] = [
    {
      by: "client-id",
      refused: thrice(refusedClient("dev-1", { username: "ann" })),
      banned: [client("dev-1"), client("dev-1", "bob", "203.0.113.9")],
      free: [client("dev-2", "ann")],
    },
    {
      by: "username",
      refused: thrice(refusedClient("dev-1", { username: "ann" })),
      banned: [client("dev-2", "ann", "203.0.113.9")],
      free: [client("dev-1"), client("dev-1", "bob")],
    },
    {
      by: "client-ip",
      refused: ["a", "b", "c"].map((id) => refusedClient(id, { address: `10.0.0.5:${id.charCodeAt(0)}` })),
      banned: [client("x", null, "10.0.0.5:9"), client("y", null, "::ffff:10.0.0.5")],
      free: [client("a", null, "10.0.0.6"), client("a", null, "unknown")],
    },
    {
      by: "client-ip",
      refused: ["2001:db8::1", "[2001:db8::ffff:0:0:2]:9", "2001:db8::3%eth0"].map((address) =>
        refusedClient("x", { address, established: false })
      ),
      banned: [client("y", null, "2001:db8::4")],
      free: [client("x", null, "2001:db8:0:1::1")],
    },
    // Nobody can lock a device out from elsewhere: what only claims to be it is banned where it is.
    {
      by: "client-id",
      refused: thrice(refusedClient("dev-1", { address: "10.0.0.5:7", established: false })),
      banned: [client("dev-1", null, "10.0.0.5")],
      free: [client("dev-1", null, "10.0.0.6"), client("dev-2", null, "10.0.0.5"), client("dev-1", null, "unknown")],
    },
    {
      by: "username",
      refused: thrice(refusedClient("x", { username: "ann", address: "2001:db8::5", established: false })),
      banned: [client("y", "ann", "2001:db8::6")],
      free: [client("x", "ann", "2001:db8:1::5"), client("x", "bob", "2001:db8::5")],
    },
    {
      by: "client-id",
      refused: ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"].map((address) =>
        refusedClient("dev-1", { address, established: false })
      ),
      banned: [],
      free: [client("dev-1", null, "10.0.0.1")],
    },
    {
      by: "client-id",
      refused: thrice(refusedClient("dev-1", { address: "unknown", established: false })),
      banned: [client("dev-1", null, "")],
      free: [client("dev-1"), client("x", null, "unknown")],
    },
    // Nobody to ban: others would be hit.
    { by: "client-id", refused: thrice(refusedClient("")), banned: [], free: [client(""), client("", "x")] },
    { by: "username", refused: thrice(refusedClient("x")), banned: [], free: [client("x"), client("x", "")] },
    { by: "username", refused: thrice(refusedClient("x", { username: "" })), banned: [], free: [client("x", "")] },
    {
      by: "client-ip",
      refused: thrice(refusedClient("x", { address: "unknown" })),
      banned: [],
      free: [client("x", null, "unknown"), client("x")],
    },
    ...["__proto__", "constructor", "\n", "x".repeat(200)].map((name): Row => ({
      by: "client-id",
      refused: thrice(refusedClient(name)),
      banned: name === "\n" ? [] : [client(name)],
      free: [client("toString"), client(`${name}x`)],
    })),
    { by: "client-id", refused: thrice(refusedClient("x".repeat(1025))), banned: [], free: [client("x".repeat(1025))] },
  ];
  for (const { by, refused, banned, free } of rows) {
    const { bans, autoBan } = rig(by === undefined ? {} : { by });
    const made = refused.map((who) => autoBan.refused(who, "acl-no-rule", NOW_MS)).filter((ban) => ban !== null);
    const row = JSON.stringify({ by, refused });
    assert.equal(made.length, banned.length > 0 ? 1 : 0, row);
    for (const who of banned) assert.equal(bans.find(who, NOW_MS), made[0], `${row} bans ${JSON.stringify(who)}`);
    for (const who of free) assert.equal(bans.find(who, NOW_MS), null, `${row} frees ${JSON.stringify(who)}`);
  }
});

Deno.test("nobody is counted where nobody could be banned", () => {
  const cases = [
    ["client-id", refusedClient("", { username: "ann" })],
    ["username", refusedClient("x")],
    ["username", refusedClient("x", { username: "" })],
    ["client-ip", refusedClient("x", { address: "unknown" })],
  ] as const;
  for (const [by, who] of cases) {
    const { autoBan } = rig({ by });
    assert.equal(autoBan.refused(who, "acl-no-rule", NOW_MS), null);
    assert.equal(autoBan.size, 0, by);
  }
});

Deno.test("names that are long or look like each other are counted apart", () => {
  const { autoBan } = rig({ refusals: 2 });
  const names = [
    "a",
    "a\n",
    "\na",
    "x".repeat(64),
    "x".repeat(65),
    "x".repeat(66),
    `${"x".repeat(66)}\n`,
    "10.0.0.1\na",
  ];
  for (const name of names) refuse(autoBan, 1, refusedClient(name));
  refuse(autoBan, 1, refusedClient("a", { address: "10.0.0.1", established: false }));
  assert.equal(autoBan.size, names.length + 1);
  assert.ok(refuse(autoBan, 1, refusedClient("x".repeat(66))) !== null);
});

Deno.test("what is no client's doing never counts, an agent's restart least of all", () => {
  const never = [
    "auth-pending",
    "late",
    "overloaded",
    "inspection-overloaded",
    "session-unknown",
    "internal-error",
    "frame-gap",
    "provider-error",
    "login-revoked",
    "acl-revoked",
    "event-undecodable",
    "connack-without-connect",
    "stream-unparsed",
    "upgrade-unseen",
    "upgrade-ignored",
  ];
  const { autoBan, bans } = rig({ refusals: 1, by: "client-ip" });
  for (const code of never) {
    assert.ok(reasonOf(code) !== undefined, `${code} is a reason`);
    assert.ok(!canCount(code), code);
    assert.equal(autoBan.refused(refusedClient("x"), code, NOW_MS), null, code);
    assert.deepEqual(
      compileAutoBan({ refusals: 1, "window-secs": 1, "ban-secs": 1, by: "client-ip", reasons: [code] }),
      {
        problems: [{
          path: ["auto-ban", "reasons", 0],
          message: `refusals as "${code}" never count: they are not the client's doing, or follow from others`,
        }],
      },
    );
  }
  // Everything else does, where the rule names no codes; a refusal because of a ban must not prolong it.
  const others = allReasons().filter(({ code, tag }) => !never.includes(code) && tag !== "banned");
  for (const { code } of others) assert.ok(canCount(code), code);
  for (const { code } of allReasons().filter(({ tag }) => tag === "banned")) assert.ok(!canCount(code), code);
  for (const code of ["no-such-code", "", "__proto__"]) {
    assert.ok(!canCount(code));
    assert.equal(autoBan.refused(refusedClient("x"), code, NOW_MS), null);
  }
  assert.deepEqual(bannedValues(bans), []);
  for (const [index, { code }] of others.entries()) {
    const who = refusedClient("x", { address: `10.0.0.${index}` });
    assert.ok(autoBan.refused(who, code, NOW_MS) !== null, code);
  }
});

Deno.test("only the reasons that the rule names count", () => {
  const { autoBan } = rig({ reasons: ["wrong-password", "acl-rule"] });
  refuse(autoBan, 9, undefined, NOW_MS, "acl-no-rule");
  refuse(autoBan, 2, undefined, NOW_MS, "wrong-password");
  refuse(autoBan, 9, undefined, NOW_MS, "qos-above-broker");
  assert.ok(refuse(autoBan, 1, undefined, NOW_MS, "acl-rule") !== null);
});

Deno.test("shadow only tells", () => {
  const { autoBan, bans, world } = rig({ shadow: true });
  const { generation } = bans;
  assert.equal(refuse(autoBan, 7), null);
  assert.deepEqual(bannedValues(bans), []);
  assert.equal(bans.generation, generation);
  const message = `Would ban client id "dev-1", but auto-ban.shadow is set`;
  const fields = { reason: "3 refusals within 60 s, the last as acl-no-rule", ban_secs: 600 };
  assert.deepEqual(world.told, [{ level: "info", message, fields }, { level: "info", message, fields }]);
});

Deno.test("without a rule nothing is counted", () => {
  const { autoBan } = rig();
  autoBan.configure(null);
  assert.equal(refuse(autoBan, 100), null);
  assert.equal(autoBan.size, 0);
  assert.deepEqual(compileAutoBan(undefined), { rule: null });
});

Deno.test("a reload keeps what was counted, unless it is counted by something else", () => {
  const { autoBan } = rig();
  refuse(autoBan, 2);
  autoBan.configure(ruleOf({ "ban-secs": 5 }));
  assert.equal(refuse(autoBan, 1)?.untilMs, NOW_MS + 5000);
  refuse(autoBan, 2, refusedClient("dev-2", { username: "dev-2" }));
  autoBan.configure(ruleOf({ by: "username" }));
  assert.equal(autoBan.size, 0);
  assert.equal(refuse(autoBan, 2, refusedClient("dev-2", { username: "dev-2" })), null);
});

Deno.test("who is banned already is not banned again", () => {
  const { autoBan, bans, world } = rig();
  mustAdd(bans, newBan("client-id", "dev-1", { untilMs: NOW_MS + 1000 }));
  assert.equal(refuse(autoBan, 9), null);
  assert.equal(bans.list(NOW_MS).length, 1);
  assert.deepEqual(world.told, []);
});

Deno.test("all problems of the section are told at once", () => {
  assert.deepEqual(compileAutoBan({ by: "client-id", reasons: ["acl-no-rul", "acl-rule", "late", "blocked"] }), {
    problems: [
      { path: ["auto-ban"], message: `"refusals" is missing` },
      { path: ["auto-ban"], message: `"window-secs" is missing` },
      { path: ["auto-ban"], message: `"ban-secs" is missing` },
      {
        path: ["auto-ban", "reasons", 0],
        message: `there is no reason code "acl-no-rul" (did you mean "acl-no-rule"?)`,
      },
      {
        path: ["auto-ban", "reasons", 2],
        message: `refusals as "late" never count: they are not the client's doing, or follow from others`,
      },
      { path: ["auto-ban", "reasons", 3], message: `there is no reason code "blocked"` },
    ],
  });
  assert.deepEqual(compileAutoBan({ refusals: 1, "window-secs": 1, "ban-secs": 1, reasons: [] }), {
    problems: [
      { path: ["auto-ban"], message: `"by" is missing` },
      { path: ["auto-ban", "reasons"], message: "the list is empty: nothing would count" },
    ],
  });
});

Deno.test("the table is bounded: those whose windows began first go first", () => {
  const { autoBan } = rig({}, { maxCounted: 4 });
  for (const [index, id] of ["a", "b", "c", "d"].entries()) refuse(autoBan, 1, refusedClient(id), NOW_MS + index);
  assert.equal(autoBan.size, 4);
  refuse(autoBan, 1, refusedClient("a"), NOW_MS + 4);
  assert.equal(autoBan.size, 3, "a and b are forgotten, though a is back");
  assert.equal(refuse(autoBan, 1, refusedClient("a"), NOW_MS + 5), null);
  assert.ok(refuse(autoBan, 2, refusedClient("c"), NOW_MS + 6) !== null);
  assert.ok(refuse(autoBan, 1, refusedClient("a"), NOW_MS + 7) !== null);
});

Deno.test("counts are forgotten when their windows are over, and not before", () => {
  const { autoBan } = rig();
  for (let i = 0; i < 100; i++) refuse(autoBan, 1, refusedClient(`old-${i}`), NOW_MS + i);
  refuse(autoBan, 1, refusedClient("late"), NOW_MS + 59_999);
  refuse(autoBan, 1, refusedClient("late"), NOW_MS + 60_000);
  refuse(autoBan, 1, refusedClient("old-99"), NOW_MS + 60_000);
  assert.ok(refuse(autoBan, 1, refusedClient("old-99"), NOW_MS + 60_098) !== null);
  assert.ok(refuse(autoBan, 1, refusedClient("late"), NOW_MS + 119_998) !== null);
  for (const ms of [120_000, 180_000]) refuse(autoBan, 1, refusedClient("new"), NOW_MS + ms);
  assert.equal(autoBan.size, 2);
});

Deno.test("a flood of refusals of as many clients leaves no more counts and bans than there may be", () => {
  const { autoBan, bans } = rig({ refusals: 2, "ban-secs": 1_000_000_000_000_000, "window-secs": 10_000 }, {
    maxBans: 10,
  });
  for (let i = 0; i < 300_000; i++) autoBan.refused(refusedClient(`x${i}`), "acl-no-rule", NOW_MS + i);
  assert.equal(autoBan.size, 100_000);
  for (let i = 0; i < 100; i++) refuse(autoBan, 2, refusedClient(`y${i}`), NOW_MS + 1_000_000);
  assert.equal(bans.size, 10);
  assert.equal(bans.list(NOW_MS)[9]?.ban.untilMs, 8.64e15, "as late as a date can be");
});

Deno.test("counting agrees with a list of all refusals", () => {
  const random = randomFrom(23);
  for (let round = 0; round < 100; round++) {
    const refusals = 1 + random(4);
    const { bans, autoBan } = rig({ refusals, "window-secs": 1, "ban-secs": 1, by: "username" });
    const windows = new Map<string, number[]>();
    let nowMs = NOW_MS;
    for (let step = 0; step < 100; step++) {
      nowMs += random(400);
      const name = ["a", "b", "__proto__"][random(3)] as string;
      const established = random(2) === 0;
      const address = `10.0.0.${random(2)}`;
      const who = refusedClient("x", { username: name, address, established });
      const key = `${name} ${established || address}`;
      let window = windows.get(key) ?? [];
      if (nowMs - (window[0] ?? -Infinity) >= 1000) window = [];
      window.push(nowMs);
      windows.set(key, window);
      const same = bans.list(nowMs).some(({ ban }) =>
        ban.value === name && ban.from === (established ? null : address)
      );
      const isBanned = autoBan.refused(who, "acl-rule", nowMs) !== null;
      assert.equal(isBanned, window.length >= refusals && !same);
      if (window.length >= refusals) windows.delete(key);
    }
  }
});
