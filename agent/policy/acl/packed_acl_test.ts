import { strict as assert } from "node:assert";
import { aclConfig, client, compiled, NOW_MS, type RuleSketch } from "./acl_fixture.ts";
import { GroupTable } from "./group_table.ts";
import { bindSubject, type CompiledAcl, decidePublish, decideSubscribe, packAcl, unpackAcl } from "./mod.ts";
import { TextList } from "./text_list.ts";

/** As another thread would have compiled them: the arrays change hands. */
function handed(acl: CompiledAcl): CompiledAcl {
  const packed = packAcl(acl);
  const buffers = new Set<ArrayBuffer>();
  const collect = (value: unknown): void => {
    if (ArrayBuffer.isView(value)) buffers.add(value.buffer as ArrayBuffer);
    else if (typeof value === "object" && value !== null) Object.values(value).forEach(collect);
  };
  collect(packed);
  return unpackAcl(structuredClone(packed, { transfer: [...buffers] }));
}

Deno.test("thousands of rules of all kinds decide the same when another thread has compiled them, and the first thread keeps its own", () => {
  const kinds: ((n: number) => RuleSketch)[] = [
    (n) => ({
      match: { "client-id": `c${n}` },
      topics: [`c/${n}/+`, `x/${n}/#`],
      decision: n % 3 === 0 ? "deny" : "allow",
    }),
    (n) => ({ match: { username: `u${n}` }, topics: [`u/${n}`], "max-qos": 1 }),
    (n) => ({ match: { "username-regex": `^u${n}$|x` }, topics: [`r/${n}`, "r/+"], "deny-action": "close" }),
    (n) => ({ match: { groups: [`g${n}`] }, topics: [`g/${n}`], literal: true }),
    (n) => ({ match: { "client-ip": [`10.0.${n >> 8}.${n & 255}`] }, topics: [`ip/${n}/#`], shadow: n % 2 === 0 }),
    (n) => ({
      topics: [`d/${n}/+/x`, `d/+/${n}`],
      decision: "deny",
      expires: n % 2 === 0 ? "2026-01-01" : "2027-01-01",
    }),
    (n) => ({ topics: [`e/${n % 7}`], expires: `20${30 + n % 60}-01-01` }),
    (n) => ({ topics: [`$x/${n}`, "${clientid}/in", "${attr.a}/x"] }),
  ];
  const rules = kinds.flatMap((kind) => Array.from({ length: 400 }, (_, n) => kind(n)));
  const groups = Object.fromEntries(
    Array.from({ length: 400 }, (_, n) => [`g${n}`, [`u${n}`, `u${(n + 1) % 400}`, "é😀"]]),
  );
  const own = compiled(rules, { groups });
  const other = handed(own);
  assert.equal(other.rules.length, rules.length);
  assert.deepEqual(other.rules.all(), own.rules.all());
  const told = (acl: CompiledAcl, n: number, topic: string) => {
    const who = client({
      clientId: `c${n}`,
      username: n % 50 === 0 ? "é😀" : `u${n}`,
      attributes: new Map([["a", `a${n}`]]),
    });
    const s = bindSubject(acl, who);
    return JSON.stringify([decidePublish(s, topic, 2, false, NOW_MS), decideSubscribe(s, topic, 1, NOW_MS)]);
  };
  for (let n = 0; n < 400; n += 7) {
    const topics = ["c", "x", "u", "r", "g", "ip", "d", "e", "$x", `c${n}`, `a${n}`].flatMap((first) => [
      `${first}/${n}`,
      `${first}/${n}/x/x`,
      `${first}/+/${n}`,
      `${first}/#`,
      `${first}/in`,
    ]);
    for (const topic of topics) assert.equal(told(other, n, topic), told(own, n, topic), `${n} ${topic}`);
  }
});

Deno.test("an empty section decides the same when another thread has compiled it", () => {
  const acl = compiled([]);
  const decision = decidePublish(bindSubject(handed(acl), client()), "a", 0, false, NOW_MS);
  assert.deepEqual([decision.allowed, decision.reason], [false, "no-rule"]);
});

Deno.test("regexes are compiled when they were handed over, and their steps end", () => {
  const other = handed(compiled([{ match: { "client-id-regex": "[0-9]+x" }, topics: ["a"] }, { topics: ["b"] }]));
  assert.equal([...other.tables.matches.buildRegexes()].length, 1);
  const decision = decidePublish(bindSubject(other, client({ clientId: "a17x" })), "a", 0, false, NOW_MS);
  assert.equal(decision.rule?.name, "rule-0");
});

Deno.test("rules that are not kept as they are written take no part in what was compiled", () => {
  const { rules: written } = aclConfig([{ topics: ["a"] }]);
  assert.deepEqual(compiled([{ topics: ["a"] }]).written?.rules, written);
  assert.equal(handed(compiled([{ topics: ["a"] }])).written, null);
});

Deno.test("GroupTable gives each user its groups in the order of the configuration", () => {
  const steps = GroupTable.of({ a: ["u", "v"], b: ["v"], c: [], d: ["u", "w", "u"] }, 2);
  let step = steps.next();
  let pauses = 0;
  for (; step.done !== true; step = steps.next()) pauses++;
  assert.equal(pauses, 3);
  for (const table of [step.value, GroupTable.unpack(step.value.pack())]) {
    assert.deepEqual(["u", "v", "w", "x", ""].map((user) => table.get(user)), [
      ["a", "d", "d"],
      ["a", "b"],
      ["d"],
      undefined,
      undefined,
    ]);
  }
});

Deno.test("TextList keeps texts of all kinds, and of any length", () => {
  const texts = ["", "a", "\0", "é😀\ud83d", "x".repeat(100_000), ""];
  const list = new TextList();
  for (const text of texts) list.add(text);
  for (const one of [list, TextList.unpack(list.pack())]) {
    assert.deepEqual(Array.from({ length: one.count }, (_, number) => one.at(number)), texts);
  }
});

Deno.test("GroupTable gives its groups to every one of many users, however often it grew", () => {
  for (const count of [1, 3, 4, 5, 8, 9, 33, 1000]) {
    const users = Array.from({ length: count }, (_, n) => `user-${n}`);
    const groups = { all: users, odd: users.filter((_, n) => n % 2 === 1), last: users.slice(-1) };
    const steps = GroupTable.of(groups, 64);
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    for (const [n, user] of users.entries()) {
      const wanted = ["all", ...n % 2 === 1 ? ["odd"] : [], ...n === count - 1 ? ["last"] : []];
      assert.deepEqual(step.value.get(user), wanted, `${user} of ${count}`);
    }
  }
});
