import assert from "node:assert/strict";
import { cidrContains, parseAddress, parseCidr } from "../policy/address.ts";
import { banList, client, mustAdd, newBan, NOW_MS, randomFrom } from "./bans_fixture.ts";
import type { Ban, BanKind, Claimant } from "./ban.ts";
import type { BanList } from "./ban_list.ts";
import { type BanConfig, compileBans } from "./configured_bans.ts";

interface Case {
  readonly by: BanKind;
  readonly value: string;
  readonly hits: readonly Claimant[];
  readonly misses: readonly Claimant[];
}

/** Who is banned by what. */
const CASES: readonly Case[] = [
  {
    by: "client-id",
    value: "dev-1",
    hits: [client("dev-1"), client("dev-1", "ann"), client("dev-1", null, "unknown")],
    misses: [client("DEV-1"), client("dev-1 "), client("dev-10"), client("dev-"), client(""), client("x", "dev-1")],
  },
  {
    by: "username",
    value: "ann",
    hits: [client("", "ann"), client("dev-1", "ann"), client("dev-1", "ann", "unknown")],
    misses: [
      client("dev-1", "Ann"),
      client("dev-1", "ann\u0000"),
      client("dev-1", ""),
      client("dev-1", null),
      client("ann"),
    ],
  },
  {
    by: "username",
    value: "Zoë",
    hits: [client("x", "Zo\u00eb")],
    misses: [client("x", "Zoe\u0308"), client("x", "zoë")],
  },
  {
    by: "client-ip",
    value: "10.0.0.5",
    hits: [
      client("x", null, "10.0.0.5:51234"),
      client("x", "y", "::ffff:10.0.0.5"),
      client("x", null, "[::ffff:a00:5]:1"),
      client("x", null, "unknown"),
      client("x", null, "010.0.0.5"),
    ],
    misses: [client("x", null, "10.0.0.6"), client("x", null, "::10.0.0.5"), client("10.0.0.5", "10.0.0.5")],
  },
  {
    by: "client-ip",
    value: "10.0.0.0/8",
    hits: [client("x", null, "10.0.0.0"), client("x", null, "10.255.255.255:1"), client("x", null, "::ffff:10.1.2.3")],
    misses: [client("x", null, "9.255.255.255"), client("x", null, "11.0.0.0"), client("x", null, "2001:db8::1")],
  },
  {
    by: "client-ip",
    value: "2001:db8::/64",
    hits: [client("x", null, "[2001:db8::1]:443"), client("x", null, "2001:DB8:0:0:ffff::"), client("x", null, "")],
    misses: [client("x", null, "2001:db8:0:1::1"), client("x", null, "10.0.0.1")],
  },
  {
    by: "client-ip",
    value: "fe80::1",
    hits: [client("x", null, "fe80::1%eth0"), client("x", null, "[fe80::1%25eth0]:1"), client("x", null, "fe80::1")],
    misses: [client("x", null, "fe80::2%eth0")],
  },
  {
    by: "client-ip",
    value: "0.0.0.0/0",
    hits: [client("x", null, "255.1.2.3"), client("x", null, "::ffff:1.2.3.4")],
    misses: [client("x", null, "::1")],
  },
  {
    by: "client-id-regex",
    value: "^bot-[0-9]+$",
    hits: [client("bot-1"), client("bot-99"), client(`bot-${"1".repeat(2000)}`), client(`bot-${"x".repeat(2000)}`)],
    misses: [client("bot-"), client("my-bot-1"), client("Bot-1"), client("x", "bot-1"), client("x".repeat(5000))],
  },
  {
    by: "username-regex",
    value: "(?i)mallory",
    hits: [client("x", "Mallory"), client("x", "not-MALLORY-2"), client("x", "x".repeat(1025))],
    misses: [client("mallory", null), client("mallory", ""), client("x", "malory"), client("x", "x".repeat(1024))],
  },
  {
    by: "username-regex",
    value: "^(a+)+$",
    hits: [client("x", "a".repeat(1000))],
    misses: [client("x", `${"a".repeat(1000)}!`), client("x", null)],
  },
  {
    by: "client-id-regex",
    value: "^$",
    hits: [client("", "ann")],
    misses: [client("x")],
  },
  ...["__proto__", "constructor", "hasOwnProperty", "toString"].flatMap((name): Case[] => [
    { by: "client-id", value: name, hits: [client(name)], misses: [client("x", name), client("valueOf")] },
    { by: "username", value: name, hits: [client("x", name)], misses: [client(name), client("x", "valueOf")] },
  ]),
];

for (const { by, value, hits, misses } of CASES) {
  Deno.test(`a ban of ${by} ${JSON.stringify(value)} bans whom it should, from either source`, () => {
    const fixed = banList().bans;
    const compiled = compileBans([{ [by]: value } as BanConfig]);
    assert.ok("bans" in compiled);
    fixed.configure(compiled.bans);
    const { bans } = banList();
    const ban = mustAdd(bans, newBan(by, value));
    for (const who of hits) {
      assert.equal(bans.find(who, NOW_MS), ban, JSON.stringify(who));
      assert.equal(fixed.find(who, NOW_MS)?.id, "bans[0]", JSON.stringify(who));
    }
    for (const who of misses) {
      assert.equal(bans.find(who, NOW_MS), null, JSON.stringify(who));
      assert.equal(fixed.find(who, NOW_MS), null, JSON.stringify(who));
    }
    bans.lift(ban.id, NOW_MS);
    fixed.configure({ bans: [], index: banList().bans });
    for (const who of hits) {
      assert.equal(bans.find(who, NOW_MS), null);
      assert.equal(fixed.find(who, NOW_MS), null);
    }
  });
}

Deno.test("a ban ends with the millisecond that it names, whatever it goes by", () => {
  const kinds: [BanKind, string][] = [
    ["client-id", "x"],
    ["username", "y"],
    ["client-ip", "192.0.2.0/24"],
    ["client-id-regex", "x"],
    ["username-regex", "y"],
  ];
  for (const [by, value] of kinds) {
    const { bans } = banList();
    const ban = mustAdd(bans, newBan(by, value, { untilMs: NOW_MS + 1000 }));
    const { generation } = bans;
    assert.equal(bans.find(client("x", "y"), NOW_MS + 999), ban, by);
    assert.equal(bans.find(client("x", "y"), NOW_MS + 1000), null, by);
    if (by === "client-ip") {
      assert.equal(bans.find(client("", null, "unknown"), NOW_MS + 999), ban);
      assert.equal(bans.find(client("", null, "unknown"), NOW_MS + 1000), null);
    }
    assert.deepEqual(bans.list(NOW_MS + 999).map((listed) => listed.ban), [ban]);
    assert.deepEqual(bans.list(NOW_MS + 1000), []);
    assert.equal(bans.size, 0);
    assert.equal(bans.generation, generation, "nobody is banned by the end of a ban");
  }
});

Deno.test("an ended ban hides no other one", () => {
  const { bans } = banList();
  const all = mustAdd(bans, newBan("client-ip", "192.0.0.0/8"));
  mustAdd(bans, newBan("client-ip", "192.0.2.1", { untilMs: NOW_MS + 1 }));
  mustAdd(bans, newBan("client-id", "x", { untilMs: NOW_MS + 1 }));
  mustAdd(bans, newBan("client-id-regex", "x", { untilMs: NOW_MS + 1 }));
  assert.equal(bans.find(client("x"), NOW_MS + 1), all);
  const like = mustAdd(bans, newBan("client-id-regex", "^x"), NOW_MS);
  bans.lift(all.id, NOW_MS);
  assert.equal(bans.find(client("x"), NOW_MS + 1), like);
});

Deno.test("an unreadable address is hit by the range ban that holds longest, as long as there is one", () => {
  const { bans } = banList();
  const nobody = client("x", null, "unknown");
  assert.equal(bans.find(nobody, NOW_MS), null);
  const long = mustAdd(bans, newBan("client-ip", "10.0.0.0/8", { untilMs: NOW_MS + 2000 }));
  const short = mustAdd(bans, newBan("client-ip", "2001:db8::/32", { untilMs: NOW_MS + 1000 }));
  assert.equal(bans.find(nobody, NOW_MS), long);
  bans.lift(long.id, NOW_MS);
  assert.equal(bans.find(nobody, NOW_MS), short);
  assert.equal(bans.find(nobody, NOW_MS + 1000), null);
});

Deno.test("an unreadable address is not hit by bans that nobody chose", () => {
  const { bans } = banList();
  const untilMs = NOW_MS + 1000;
  const ban = bans.addAutomatic({ by: "client-ip", value: "10.0.0.1", from: null, reason: "", untilMs }, NOW_MS);
  assert.ok(ban !== null);
  assert.equal(bans.find(client("x", null, "10.0.0.1"), NOW_MS), ban);
  assert.equal(bans.find(client("x", null, "unknown"), NOW_MS), null);
});

Deno.test("a ban from one place holds there only", () => {
  const { bans } = banList();
  const untilMs = NOW_MS + 1000;
  const cases = [
    { from: "10.0.0.1", hits: ["10.0.0.1:9", "::ffff:10.0.0.1"], misses: ["10.0.0.2", "unknown", "2001:db8::1"] },
    { from: "2001:db8::/64", hits: ["2001:db8::7", "[2001:db8::ffff:0:1]:4"], misses: ["2001:db8:0:1::7", "10.0.0.1"] },
    { from: "unreadable", hits: ["unknown", ""], misses: ["10.0.0.1", "::1"] },
  ];
  for (const { from, hits, misses } of cases) {
    for (const by of ["client-id", "username"] as const) {
      const ban = bans.addAutomatic({ by, value: "x", from, reason: "", untilMs }, NOW_MS);
      assert.ok(ban !== null);
      for (const address of hits) {
        assert.equal(bans.find(client("x", "x", address), NOW_MS), ban);
        assert.equal(bans.find(client("x", "x", address), untilMs), null);
        assert.equal(bans.find(client("z", "z", address), NOW_MS), null);
      }
      for (const address of misses) {
        assert.equal(bans.find(client("x", "x", address), NOW_MS), null, `${from} ${address}`);
      }
      bans.lift(ban.id, NOW_MS);
    }
  }
});

Deno.test("claimed and proved name are asked for by the same method", () => {
  const { bans } = banList();
  const ban = mustAdd(bans, newBan("username", "mallory"));
  const claimed = client("dev-1", "ann");
  assert.equal(bans.find(claimed, NOW_MS), null);
  assert.equal(bans.find({ ...claimed, username: "mallory" }, NOW_MS), ban);
});

Deno.test("hits are counted by ban", () => {
  const { bans } = banList();
  mustAdd(bans, newBan("client-id", "a"));
  mustAdd(bans, newBan("username", "b"));
  for (const who of [client("a"), client("a", "b"), client("x", "b"), client("x")]) bans.find(who, NOW_MS);
  assert.deepEqual(bans.list(NOW_MS).map(({ ban, hits }) => [ban.value, hits]), [["a", 2], ["b", 1]]);
});

Deno.test("a ban is told as it was set, frozen, with who and when", () => {
  const { bans } = banList();
  const ban = mustAdd(
    bans,
    newBan("client-ip", "10.0.0.5/32", { reason: "probes", untilMs: NOW_MS + 0.5 + 1000 }),
    NOW_MS + 0.25,
  );
  const { id, ...rest } = ban;
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(rest, {
    source: "operator",
    name: null,
    by: "client-ip",
    value: "10.0.0.5",
    from: null,
    reason: "probes",
    setBy: "ann",
    setAtMs: NOW_MS,
    untilMs: NOW_MS + 1000,
  });
  assert.ok(Object.isFrozen(ban));
});

Deno.test("add() says what it cannot ban and why, and changes nothing then", () => {
  const long = "x".repeat(1025);
  const cases: [Parameters<BanList["add"]>[0], string][] = [
    [
      newBan("client-ip", "10.0.0.1/8"),
      `Cannot ban address "10.0.0.1/8": bits after the prefix are set (did you mean "10.0.0.0/8"?)`,
    ],
    [newBan("client-id", ""), `Cannot ban client id "": it is empty`],
    [newBan("client-id", long), `Cannot ban client id "${"x".repeat(63)}…": it is longer than 1024 bytes`],
    [newBan("username", "é".repeat(513)), `Cannot ban user name "${"é".repeat(63)}…": it is longer than 1024 bytes`],
    [
      newBan("client-id-regex", "a**"),
      `Cannot ban client ids like "a**": invalid nested repetition operator at "**" (character 2)`,
    ],
    [newBan("username", "x", { reason: long }), `Cannot ban user name "x": its reason is longer than 1024 bytes`],
    [
      newBan("username", "x", { setBy: "y".repeat(257) }),
      `Cannot ban user name "x": who sets it has a name of more than 256 bytes`,
    ],
    [
      newBan("username", "x", { reason: "a\nb" }),
      `Cannot ban user name "x": its reason, or who sets it, holds a control character`,
    ],
    [
      newBan("username", "x", { setBy: "\u001b[2J" }),
      `Cannot ban user name "x": its reason, or who sets it, holds a control character`,
    ],
    [newBan("username", "x", { untilMs: NOW_MS }), `Cannot ban user name "x": it would have ended already`],
    [newBan("username", "x", { untilMs: NOW_MS + 0.9 }), `Cannot ban user name "x": it would have ended already`],
    [newBan("username", "x", { untilMs: NaN }), `Cannot ban user name "x": it would have ended already`],
    [newBan("username", "x", { untilMs: -Infinity }), `Cannot ban user name "x": it would have ended already`],
    [newBan("username", "x", { untilMs: 8.64e15 + 1 }), `Cannot ban user name "x": its end is no date`],
  ];
  for (const [ban, problem] of cases) {
    const { bans, world } = banList();
    const { generation } = bans;
    assert.deepEqual(bans.add(ban, NOW_MS), { problem });
    assert.deepEqual(bans.list(NOW_MS), []);
    assert.equal(bans.generation, generation);
    assert.deepEqual(world.told, []);
  }
  const { bans } = banList();
  for (const value of ["x".repeat(1024), "é".repeat(512)]) mustAdd(bans, newBan("client-id", value));
  mustAdd(bans, newBan("client-id", "y", { untilMs: 8.64e15, reason: "z".repeat(1024), setBy: "y".repeat(256) }));
});

Deno.test("a ban of the same takes the place of the one before, in whatever form it is written", () => {
  const { bans } = banList();
  const first = mustAdd(bans, newBan("client-ip", "10.0.0.5"));
  const second = mustAdd(bans, newBan("client-ip", "::ffff:10.0.0.5/128", { untilMs: NOW_MS + 1000 }));
  assert.deepEqual(bans.list(NOW_MS).map(({ ban }) => ban), [second]);
  assert.equal(bans.find(client("x", null, "10.0.0.5"), NOW_MS), second);
  assert.equal(bans.find(client("x", null, "10.0.0.5"), NOW_MS + 1000), null);
  assert.ok("problem" in bans.lift(first.id, NOW_MS));
  mustAdd(bans, newBan("client-id-regex", "^a"));
  const again = mustAdd(bans, newBan("client-id-regex", "^a", { untilMs: NOW_MS + 1000 }));
  assert.equal(bans.find(client("abc"), NOW_MS), again);
  assert.equal(bans.find(client("abc"), NOW_MS + 1000), null);
});

Deno.test("an automatic ban takes no other's place", () => {
  const { bans } = banList();
  const by = { by: "client-id", value: "x", from: null, reason: "" } as const;
  const first = mustAdd(bans, newBan("client-id", "x", { untilMs: NOW_MS + 1000 }));
  assert.equal(bans.addAutomatic({ ...by, untilMs: NOW_MS + 9000 }, NOW_MS), null);
  assert.equal(bans.find(client("x"), NOW_MS), first);
  const second = bans.addAutomatic({ ...by, untilMs: NOW_MS + 9000 }, NOW_MS + 1000);
  assert.ok(second !== null);
  assert.equal(bans.addAutomatic({ ...by, untilMs: NOW_MS + 99_000 }, NOW_MS + 1000), null);
  const third = mustAdd(bans, newBan("client-id", "x"), NOW_MS + 1000);
  assert.deepEqual(bans.list(NOW_MS + 1000).map(({ ban }) => ban), [third]);
});

Deno.test("lift() ends run-time bans, once, and no others", () => {
  const { bans } = banList();
  const compiled = compileBans([{ username: "ann" }]);
  assert.ok("bans" in compiled);
  bans.configure(compiled.bans);
  const ban = mustAdd(bans, newBan("client-id", "x"));
  assert.deepEqual(bans.lift("bans[0]", NOW_MS), {
    problem: `Cannot lift ban "bans[0]": it stands in the configuration`,
  });
  assert.deepEqual(bans.lift(ban.id, NOW_MS), { ban });
  const gone = (id: string) => ({ problem: `Cannot lift ban "${id}": no ban has this id, or it has ended` });
  for (const id of [ban.id, "bans[1]", "__proto__", ""]) assert.deepEqual(bans.lift(id, NOW_MS), gone(id));
  const short = mustAdd(bans, newBan("client-id", "x", { untilMs: NOW_MS + 1 }));
  assert.deepEqual(bans.lift(short.id, NOW_MS + 1), gone(short.id));
});

Deno.test("generation goes up with every change that may ban or free somebody, and with no other", () => {
  const { bans } = banList();
  let last = bans.generation;
  const went = (): boolean => {
    const has = bans.generation > last;
    last = bans.generation;
    return has;
  };
  const ban = mustAdd(bans, newBan("client-id", "x"));
  assert.ok(went(), "add");
  mustAdd(bans, newBan("client-id", "x"));
  assert.ok(went(), "replace");
  bans.lift(ban.id, NOW_MS);
  assert.ok(!went(), "lift what is not there");
  bans.lift((bans.list(NOW_MS)[0]?.ban as Ban).id, NOW_MS);
  assert.ok(went(), "lift");
  const automatic = { by: "client-id", value: "y", from: null, reason: "", untilMs: NOW_MS + 1 } as const;
  bans.addAutomatic(automatic, NOW_MS);
  assert.ok(went(), "automatic");
  bans.addAutomatic(automatic, NOW_MS);
  assert.ok(!went(), "automatic again");
  bans.find(client("y"), NOW_MS);
  bans.list(NOW_MS);
  assert.ok(!went(), "find and list");
  const compiled = compileBans([{ username: "ann" }]);
  assert.ok("bans" in compiled);
  bans.configure(compiled.bans);
  assert.ok(went(), "another configuration");
  bans.configure(compiled.bans);
  assert.ok(!went(), "the same configuration");
});

Deno.test("run-time bans outlive a reload of the configuration", () => {
  const { bans } = banList();
  const ban = mustAdd(bans, newBan("client-id", "x"));
  for (const config of [[{ username: "ann" }], [{ username: "bob", until: "2027-01-01" }], []]) {
    const compiled = compileBans(config);
    assert.ok("bans" in compiled);
    bans.configure(compiled.bans);
    assert.equal(bans.find(client("x"), NOW_MS), ban);
    assert.equal(bans.find(client("y", "ann"), NOW_MS) !== null, config[0]?.username === "ann");
    assert.equal(bans.list(NOW_MS).length, config[0]?.username === "ann" ? 2 : 1, "ended ones are not listed");
  }
});

Deno.test("a full list: the automatic ban that ends first goes, then what an operator set, and no ban for ever", () => {
  const { bans, world } = banList(4);
  const automatic = (value: string, seconds: number) =>
    bans.addAutomatic({ by: "client-id", value, from: null, reason: "", untilMs: NOW_MS + seconds * 1000 }, NOW_MS);
  const operator = (value: string, seconds: number) =>
    bans.add(newBan("client-id", value, { untilMs: NOW_MS + seconds * 1000 }), NOW_MS);
  const values = () => bans.list(NOW_MS).map(({ ban }) => ban.value);

  operator("o1", 1);
  operator("for ever", Infinity);
  automatic("a60", 60);
  automatic("a50", 50);
  assert.deepEqual(world.told, []);
  assert.ok(automatic("a40", 40) !== null);
  assert.deepEqual(values(), ["o1", "for ever", "a60", "a40"], "not o1, though it ends first");
  assert.equal(bans.find(client("a50"), NOW_MS), null);
  assert.deepEqual(world.told.map(({ message }) => message), [
    "The list of bans is full: the automatic one that ends first goes for each new one",
  ]);
  operator("o2", 2);
  operator("o3", 3);
  assert.deepEqual(values(), ["o1", "for ever", "o2", "o3"]);
  assert.equal(automatic("a90", 90), null, "nothing that an operator set goes for it");
  assert.deepEqual(values(), ["o1", "for ever", "o2", "o3"]);
  operator("o4", 4);
  assert.deepEqual(values(), ["for ever", "o2", "o3", "o4"]);
  for (const value of ["p1", "p2", "p3"]) operator(value, Infinity);
  assert.deepEqual(values(), ["for ever", "p1", "p2", "p3"]);
  assert.deepEqual(operator("p4", Infinity), {
    problem: `Cannot ban client id "p4": there are 4 bans already, and none of them ends`,
  });
  assert.ok("ban" in operator("p3", 5), "in the place of the same there is room");
  assert.deepEqual(values(), ["for ever", "p1", "p2", "p3"]);
  assert.equal(world.told.length, 1, "told once a minute");
  assert.equal(
    bans.addAutomatic({ by: "client-id", value: "b", from: null, reason: "", untilMs: Infinity }, NOW_MS + 60_000) !==
      null,
    true,
    "p3 has ended",
  );
});

Deno.test("a list full of what operators set is told once a minute, not with each refusal", () => {
  const { bans, world } = banList(1);
  mustAdd(bans, newBan("client-id", "x"));
  for (let ms = 0; ms < 120_000; ms += 1000) {
    bans.addAutomatic({ by: "client-id", value: "y", from: null, reason: "", untilMs: Infinity }, NOW_MS + ms);
  }
  assert.deepEqual(world.told.map(({ message }) => message), [
    "The list of bans is full: no other can be made: operators set all of them",
    "The list of bans is full: no other can be made: operators set all of them",
  ]);
});

Deno.test("64 patterns are the most, and one that is taken away makes room", () => {
  const { bans } = banList();
  const all = Array.from(
    { length: 64 },
    (_, i) => mustAdd(bans, newBan(i % 2 ? "client-id-regex" : "username-regex", `^x${i}`)),
  );
  assert.deepEqual(bans.add(newBan("client-id-regex", "y"), NOW_MS), {
    problem: `Cannot ban client ids like "y": there are 64 patterns already`,
  });
  mustAdd(bans, newBan("client-id-regex", "^x1", { untilMs: NOW_MS + 1 }));
  mustAdd(bans, newBan("client-id-regex", "y"), NOW_MS + 1);
  assert.ok("problem" in bans.add(newBan("client-id-regex", "z"), NOW_MS + 1));
  bans.lift(all[0]?.id ?? "", NOW_MS + 1);
  mustAdd(bans, newBan("client-id-regex", "z"), NOW_MS + 1);
});

/** What the list should do, slowly and obviously. */
class NaiveList {
  bans: Ban[] = [];

  find({ clientId, username, address }: Claimant, wallMs: number): Set<string> {
    const hits = this.bans.filter((ban) => {
      if (ban.untilMs <= wallMs) return false;
      const here = address === null ? "unreadable" : address.family === 4 ? address.text : "2001:db8::/64";
      if (ban.from !== null && ban.from !== here) return false;
      switch (ban.by) {
        case "client-id":
          return ban.value === clientId;
        case "username":
          return ban.value === username;
        case "client-id-regex":
          return new RegExp(ban.value).test(clientId);
        case "username-regex":
          return username !== null && new RegExp(ban.value).test(username);
        case "client-ip": {
          if (address === null) return ban.source !== "automatic";
          const range = parseCidr(ban.value);
          return "cidr" in range && cidrContains(range.cidr, address);
        }
      }
    });
    return new Set(hits.map(({ id }) => id));
  }
}

Deno.test("find() agrees with a look at every ban, while bans come, go and end", () => {
  const random = randomFrom(3);
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const names = ["a", "b", "ab", "__proto__", "A"];
  const addresses = ["10.0.0.1", "10.0.0.2", "10.1.0.1", "2001:db8::1", "2001:db8::2", "::ffff:10.0.0.1", "unknown"];
  const ranges = ["10.0.0.1", "10.0.0.0/30", "10.0.0.0/8", "0.0.0.0/0", "2001:db8::1", "2001:db8::/64", "::/0"];
  const patterns = ["^a", "b$", "A|B", "^__"];
  const fixedValues = {
    "client-id": names,
    "username": names,
    "client-ip": ranges,
    "client-id-regex": patterns,
    "username-regex": patterns,
  };
  for (let round = 0; round < 60; round++) {
    const { bans } = banList();
    const naive = new NaiveList();
    let fixed: readonly Ban[] = [];
    let nowMs = NOW_MS;
    for (let step = 0; step < 120; step++) {
      nowMs += random(3) * 100;
      const by = pick(Object.keys(fixedValues) as BanKind[]);
      const value = pick(fixedValues[by]);
      const untilMs = random(4) === 0 ? Infinity : nowMs + 1 + random(3000);
      switch (random(6)) {
        case 0:
        case 1: {
          const ban = mustAdd(bans, newBan(by, value, { untilMs }), nowMs);
          naive.bans = naive.bans.filter((other) =>
            other.source === "configuration" || other.by !== ban.by || other.value !== ban.value || other.from !== null
          );
          naive.bans.push(ban);
          break;
        }
        case 2: {
          if (by === "client-id-regex" || by === "username-regex") break;
          const from = by === "client-ip" ? null : pick([null, "10.0.0.1", "2001:db8::/64", "unreadable"]);
          const ban = bans.addAutomatic({ by, value, from, reason: "", untilMs }, nowMs);
          const same = naive.bans.some((other) =>
            other.source !== "configuration" && other.untilMs > nowMs && other.by === by && other.value === value &&
            other.from === from
          );
          assert.equal(ban === null, same);
          if (ban !== null) naive.bans.push(ban);
          break;
        }
        case 3: {
          const ban = pick(bans.list(nowMs))?.ban;
          if (ban === undefined || ban.source === "configuration") break;
          bans.lift(ban.id, nowMs);
          naive.bans = naive.bans.filter((other) => other !== ban);
          break;
        }
        case 4: {
          if (random(5) > 0) break;
          const compiled = compileBans(Array.from({ length: random(4) }, () => ({ [by]: pick(fixedValues[by]) })));
          assert.ok("bans" in compiled);
          bans.configure(compiled.bans);
          naive.bans = naive.bans.filter((other) => !fixed.includes(other));
          fixed = compiled.bans.bans;
          naive.bans.push(...fixed);
          break;
        }
      }
      const who = { clientId: pick(names), username: pick([null, ...names]), address: parseAddress(pick(addresses)) };
      const expected = naive.find(who, nowMs);
      const found = bans.find(who, nowMs);
      const told = JSON.stringify({ who, found, expected: [...expected] });
      if (found === null) assert.equal(expected.size, 0, told);
      else assert.ok(expected.has(found.id), told);
      const listed = bans.list(nowMs).map(({ ban }) => ban.id).sort();
      assert.deepEqual(listed, naive.bans.filter((ban) => ban.untilMs > nowMs).map(({ id }) => id).sort());
    }
  }
});
