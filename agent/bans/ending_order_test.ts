import assert from "node:assert/strict";
import type { BanEntry } from "./ban.ts";
import { randomFrom } from "./bans_fixture.ts";
import { EndingOrder } from "./ending_order.ts";

function entry(id: string, untilMs: number, setAtMs: number): BanEntry {
  const ban = {
    source: "operator",
    name: null,
    by: "client-id",
    value: id,
    from: null,
    reason: "",
    setBy: "",
  } as const;
  return { ban: { ...ban, id, untilMs, setAtMs }, target: { by: "client-id" } };
}

Deno.test("the soonest is the one that ends first, and of those that end together the one that was set first", () => {
  const random = randomFrom(11);
  const order = new EndingOrder();
  let naive: BanEntry[] = [];
  for (let step = 0; step < 3000; step++) {
    if (random(5) < 2 && naive.length > 0) {
      const gone = naive[random(naive.length)] as BanEntry;
      order.delete(gone);
      naive = naive.filter((other) => other !== gone);
    } else {
      const made = entry(`id ${step}`, random(20), random(3));
      order.add(made);
      naive.push(made);
    }
    assert.equal(order.size, naive.length);
    const soonest = naive.toSorted((a, b) =>
      a.ban.untilMs - b.ban.untilMs || (a.ban.setAtMs ?? 0) - (b.ban.setAtMs ?? 0) || (a.ban.id < b.ban.id ? -1 : 1)
    )[0];
    assert.equal(order.soonest, soonest);
  }
});

Deno.test("what is not in it can be taken away", () => {
  const order = new EndingOrder();
  order.add(entry("a", 1, 1));
  order.delete(entry("a", 1, 1));
  order.delete(entry("b", 0, 1));
  assert.equal(order.size, 1);
});
