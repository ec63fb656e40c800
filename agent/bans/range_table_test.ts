import assert from "node:assert/strict";
import { type Address, type Cidr, cidrContains, maskAddress, parseAddress, parseCidr } from "../policy/address.ts";
import { randomFrom } from "./bans_fixture.ts";
import { RangeTable } from "./range_table.ts";

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  assert.ok("cidr" in parsed, text);
  return parsed.cidr;
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed !== null, text);
  return parsed;
}

/** Few different bits, so that ranges and addresses meet: set at the ends of words, where masks go wrong. */
function randomAddress(random: (below: number) => number): Address {
  if (random(2) === 0) {
    return address([0, 0, 0, 0].map(() => [0, 1, 127, 128, 255][random(5)]).join("."));
  }
  return address([0, 0, 0, 0, 0, 0, 0, 0].map(() => ["0", "1", "8000", "ffff"][random(4)]).join(":"));
}

Deno.test("find() agrees with a look at every range, while ranges come and go", () => {
  const random = randomFrom(7);
  for (let round = 0; round < 40; round++) {
    const table = new RangeTable<string>();
    const naive = new Map<string, Cidr>();
    for (let step = 0; step < 200; step++) {
      if (random(3) === 0 && naive.size > 0) {
        const [text, range] = [...naive][random(naive.size)] as [string, Cidr];
        table.delete(range);
        naive.delete(text);
      } else {
        const network = randomAddress(random);
        const bits = random(network.family === 4 ? 33 : 129);
        const range = cidr(`${maskAddress(network, bits).text}/${bits}`);
        table.set(range, range.text);
        naive.set(range.text, range);
      }
      const sought = randomAddress(random);
      const banned = random(5);
      const accepts = (text: string) => text.length % 5 !== banned;
      const holding = [...naive.values()].filter((range) => cidrContains(range, sought) && accepts(range.text))
        .sort((a, b) => b.prefixBits - a.prefixBits);
      assert.equal(table.find(sought, accepts), holding[0]?.text ?? null);
    }
    assert.deepEqual([...table.values()].sort(), [...naive.keys()].sort());
  }
});

Deno.test("every prefix length is another range", () => {
  for (const [text, longest] of [["255.255.255.255", 32], ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 128]] as const) {
    const table = new RangeTable<number>();
    for (let bits = 0; bits <= longest; bits++) {
      table.set(cidr(`${maskAddress(address(text), bits).text}/${bits}`), bits);
    }
    for (let bits = longest; bits >= 0; bits--) {
      assert.equal(table.find(address(text), () => true), bits);
      // The first of these in descending order are too narrow for an address that differs in their last bit.
      table.delete(cidr(`${maskAddress(address(text), bits).text}/${bits}`));
    }
    assert.equal(table.find(address(text), () => true), null);
  }
});

Deno.test("an IPv4 address is in no IPv6 range, and the other way round", () => {
  const table = new RangeTable<string>();
  table.set(cidr("::/0"), "v6");
  assert.equal(table.find(address("0.0.0.0"), () => true), null);
  assert.equal(table.find(address("::ffff:0.0.0.1"), () => true), null);
  table.set(cidr("0.0.0.0/0"), "v4");
  assert.equal(table.find(address("::"), () => true), "v6");
  assert.equal(table.find(address("::ffff:0.0.0.1"), () => true), "v4");
  table.delete(cidr("10.0.0.0/8"));
  assert.equal(table.find(address("10.0.0.1"), () => true), "v4");
});
