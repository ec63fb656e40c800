import assert from "node:assert/strict";
import { banKey, type BanKind, describeBan, readTarget, sourceOf } from "./ban.ts";
import { parseAddress } from "../policy/address.ts";

Deno.test("readTarget() has one form for each thing that can be banned", () => {
  const cases: [BanKind, string, string][] = [
    ["client-id", "dev-1", "dev-1"],
    ["client-id", "DEV-1", "DEV-1"],
    ["client-id", " dev-1", " dev-1"],
    ["client-id", "__proto__", "__proto__"],
    ["username", "Zoë", "Zoë"],
    ["username", "Zoe\u0308", "Zoe\u0308"],
    ["client-ip", "10.0.0.5", "10.0.0.5"],
    ["client-ip", "10.0.0.5/32", "10.0.0.5"],
    ["client-ip", "10.0.0.0/8", "10.0.0.0/8"],
    ["client-ip", "::ffff:10.0.0.5", "10.0.0.5"],
    ["client-ip", "::ffff:10.0.0.0/104", "10.0.0.0/8"],
    ["client-ip", "2001:DB8:0::1", "2001:db8::1"],
    ["client-ip", "2001:db8::/64", "2001:db8::/64"],
    ["client-ip", "2001:db8::1/128", "2001:db8::1"],
    ["client-id-regex", "^dev-(1|2)$", "^dev-(1|2)$"],
    ["username-regex", "(?i)^mallory", "(?i)^mallory"],
  ];
  for (const [by, value, canonical] of cases) {
    const read = readTarget(by, value);
    assert.ok("target" in read, `${by} ${value}`);
    assert.equal(read.value, canonical);
    assert.equal(read.target.by, by);
  }
});

Deno.test("readTarget() refuses what no client can be, and says why", () => {
  const unseemly = "it holds a control character or half a character, which no client's may";
  const cases: [BanKind, string, string][] = [
    ["client-id", "", "it is empty"],
    ["username", "", "it is empty"],
    ["client-ip", "", "it is empty"],
    ["client-id-regex", "", "it is empty"],
    ["client-id", "a\nb", unseemly],
    ["client-id", "a\u0000", unseemly],
    ["username", "\u009f", unseemly],
    ["username", "\ud800", unseemly],
    ["username-regex", "\u007f", unseemly],
    ["client-ip", "10.0.0.1/8", `bits after the prefix are set (did you mean "10.0.0.0/8"?)`],
    ["client-ip", "10.0.0.0/33", `"33" is no prefix length from 0 to 32`],
    ["client-ip", "010.0.0.1", `"010.0.0.1" is no IPv4 or IPv6 address`],
    ["client-ip", "10.0.0.1:1883", `"10.0.0.1:1883" is no IPv4 or IPv6 address`],
    ["client-ip", "fe80::1%eth0", `"fe80::1%eth0" is no IPv4 or IPv6 address`],
    ["client-ip", "unreadable", `"unreadable" is no IPv4 or IPv6 address`],
    ["client-id-regex", "dev(?=1)", `invalid or unsupported Perl syntax at "(?=" (character 4)`],
    ["username-regex", "(", `missing closing )`],
  ];
  for (const [by, value, fault] of cases) assert.deepEqual(readTarget(by, value), { fault }, `${by} ${value}`);
});

Deno.test("banKey() is another one for each other ban, whatever a client calls itself", () => {
  const keys = [
    { by: "client-id", from: null, value: "a" },
    { by: "username", from: null, value: "a" },
    { by: "client-id", from: "10.0.0.1", value: "a" },
    { by: "client-id", from: null, value: "10.0.0.1\na" },
    { by: "client-id", from: "10.0.0.1", value: "\na" },
    { by: "client-id-regex", from: null, value: "a" },
  ] as const;
  assert.equal(new Set(keys.map(banKey)).size, keys.length);
});

Deno.test("sourceOf() is the IPv4 address, the /64 of an IPv6 one, or that it cannot be read", () => {
  assert.equal(sourceOf(parseAddress("10.0.0.5:1")), "10.0.0.5");
  assert.equal(sourceOf(parseAddress("[::ffff:10.0.0.5]:1")), "10.0.0.5");
  assert.equal(sourceOf(parseAddress("2001:db8::5")), "2001:db8::/64");
  assert.equal(sourceOf(parseAddress("unknown")), "unreadable");
});

Deno.test("describeBan() shows what a client calls itself without letting it write", () => {
  assert.equal(describeBan({ by: "client-id", value: 'a"\u202e\n', from: null }), 'client id "a\\"\\u202e\\n"');
  assert.equal(describeBan({ by: "username", value: "ann", from: "10.0.0.1" }), 'user name "ann" from 10.0.0.1');
});
