import { strict as assert } from "node:assert";
import { isIPv4, isIPv6 } from "node:net";
import { cidrContains, limiterKey, parseAddress, parseCidr } from "./address.ts";

function cidr(text: string) {
  const result = parseCidr(text);
  if ("error" in result) assert.fail(result.error);
  return result.cidr;
}

Deno.test("parseAddress() reads an address with or without port, brackets and zone", () => {
  const cases: [string, string][] = [
    ["203.0.113.5", "203.0.113.5"],
    ["203.0.113.5:51234", "203.0.113.5"],
    ["0.0.0.0:0", "0.0.0.0"],
    ["255.255.255.255:65535", "255.255.255.255"],
    ["[2001:db8::1]:443", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["[fe80::1%25]:80", "fe80::1"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:0:0:2:3:0:0:4", "1::2:3:0:0:4"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ];
  for (const [text, canonical] of cases) assert.equal(parseAddress(text)?.text, canonical, text);
});

Deno.test("parseAddress() makes an IPv4-mapped address the IPv4 address, however it is written", () => {
  const plain = parseAddress("10.0.0.5");
  for (const text of ["::ffff:10.0.0.5", "[::FFFF:10.0.0.5]:1883", "::ffff:a00:5", "0:0:0:0:0:ffff:10.0.0.5"]) {
    assert.deepEqual(parseAddress(text), plain, text);
  }
  assert.equal(parseAddress("::10.0.0.5")?.family, 6);
});

Deno.test("parseAddress() is null for everything else", () => {
  const bad = (
    "|127|1.2.3|1.2.3.4.5|010.0.0.1|0x7f.1|0x7f.0.0.1|00.0.0.0|1.2.3.04|256.1.1.1|1.2.3.999|1..2.3|.1.2.3|1.2.3.| 1.2.3.4|1.2.3.4 |unknown|localhost|1.2.3.4:|" +
    "1.2.3.4:65536|1.2.3.4:080|1.2.3.4:x|1.2.3.4:1:2|1.2.3.4%eth0|1.2.3.4/8|١.2.3.4|:|:::|1::2::3|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|1:2:3:4:5:6:7:8::|::1:2:3:4:5:6:7:8|12345::|g::|" +
    "::1.2.3|::01.2.3.4|1.2.3.4::|::1.2.3.4:5|[::1|::1]|[::1]x|[::1]:|[::1]:99999|[1.2.3.4]:80|[]|fe80::1%|fe80::1%a b|fe80::1%a%b|1:2|:1:2:3:4:5:6:7|1:2:3:4:5:6:7:|unix:/tmp/x"
  ).split("|");
  for (const text of bad) assert.equal(parseAddress(text), null, JSON.stringify(text));
  assert.equal(parseAddress(`fe80::1%${"e".repeat(200)}`), null);
  assert.equal(parseAddress("1.2.3.4\0"), null);
});

Deno.test("parseAddress() agrees with node:net on text that looks like addresses", () => {
  const alphabet = ["0", "1", "12", "255", "256", "ffff", "a", ".", ".", ".", ":", ":", "::", "::ffff:", "1.2.3.4"];
  let state = 12345;
  const next = (bound: number) => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) % bound;
  let valid = 0;
  for (let round = 0; round < 60_000; round++) {
    let text = "";
    for (let parts = 1 + next(9); parts > 0; parts--) text += alphabet[next(alphabet.length)];
    if (/^[0-9.]+:[0-9]+$/.test(text)) continue; // IPv4 with a port
    const expected = isIPv4(text) || isIPv6(text);
    if (expected) valid++;
    assert.equal(parseAddress(text) !== null, expected, text);
  }
  assert.ok(valid > 500, String(valid));
});

Deno.test("parseCidr() takes ranges and single addresses", () => {
  assert.equal(cidr("10.0.0.0/8").text, "10.0.0.0/8");
  assert.equal(cidr("10.1.2.3").text, "10.1.2.3/32");
  assert.equal(cidr("0.0.0.0/0").text, "0.0.0.0/0");
  assert.equal(cidr("2001:DB8::/32").text, "2001:db8::/32");
  assert.equal(cidr("::1").text, "::1/128");
  assert.equal(cidr("::ffff:10.0.0.0/104").text, "10.0.0.0/8");
  assert.equal(cidr("::ffff:10.0.0.5").text, "10.0.0.5/32");
});

Deno.test("parseCidr() refuses host bits, bad prefixes and other spellings, and says which", () => {
  const cases: [string, string][] = [
    ["10.0.0.1/8", 'bits after the prefix are set (did you mean "10.0.0.0/8"?)'],
    ["2001:db8::1/64", 'bits after the prefix are set (did you mean "2001:db8::/64"?)'],
    ["::ffff:10.0.0.0/8", "bits after the prefix are set"],
    ["10.0.0.0/33", '"33" is no prefix length from 0 to 32'],
    ["::/129", '"129" is no prefix length from 0 to 128'],
    ["10.0.0.0/08", '"08" is no prefix length from 0 to 32'],
    ["10.0.0.0/", '"" is no prefix length from 0 to 32'],
    ["10.0.0.0/8/8", '"8/8" is no prefix length from 0 to 32'],
    ["10.0.0.0/255.0.0.0", '"255.0.0.0" is no prefix length from 0 to 32'],
    ["010.0.0.1", '"010.0.0.1" is no IPv4 or IPv6 address'],
    ["0x0a000001", '"0x0a000001" is no IPv4 or IPv6 address'],
    ["127", '"127" is no IPv4 or IPv6 address'],
    ["10.0.0.1:80", '"10.0.0.1:80" is no IPv4 or IPv6 address'],
    ["[::1]/128", '"[::1]" is no IPv4 or IPv6 address'],
    ["fe80::%eth0/10", '"fe80::%eth0" is no IPv4 or IPv6 address'],
    ["", '"" is no IPv4 or IPv6 address'],
  ];
  for (const [text, found] of cases) {
    assert.deepEqual(parseCidr(text), { error: `Cannot use "${text}" as an address or range: ${found}` });
  }
});

Deno.test("cidrContains() compares the bits of the prefix, within one family", () => {
  const inside = (range: string, address: string) => {
    const parsed = parseAddress(address);
    assert.ok(parsed !== null);
    return cidrContains(cidr(range), parsed);
  };
  assert.ok(inside("10.0.0.0/8", "10.255.255.255"));
  assert.ok(!inside("10.0.0.0/8", "11.0.0.0"));
  assert.ok(inside("192.168.1.128/25", "192.168.1.200"));
  assert.ok(!inside("192.168.1.128/25", "192.168.1.127"));
  assert.ok(inside("0.0.0.0/0", "203.0.113.5"));
  assert.ok(!inside("0.0.0.0/0", "2001:db8::1"));
  assert.ok(!inside("::/0", "203.0.113.5"));
  assert.ok(inside("10.0.0.0/8", "::ffff:10.1.2.3"));
  assert.ok(inside("2001:db8::/33", "2001:db8:7fff::1"));
  assert.ok(!inside("2001:db8::/33", "2001:db8:8000::1"));
  assert.ok(inside("2001:db8::/127", "2001:db8::1"));
  assert.ok(!inside("2001:db8::/127", "2001:db8::2"));
  assert.ok(inside("255.255.255.255", "255.255.255.255"));
});

Deno.test("limiterKey() is the IPv4 address or the IPv6 /64", () => {
  const key = (text: string) => {
    const address = parseAddress(text);
    return address && limiterKey(address);
  };
  assert.equal(key("203.0.113.5:1"), "203.0.113.5");
  assert.equal(key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  assert.equal(key("2001:db8:1:2::"), "2001:db8:1:2::/64");
  assert.equal(key("::1"), "::/64");
  assert.equal(key("::ffff:10.0.0.5"), "10.0.0.5");
});
