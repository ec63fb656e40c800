import { strict as assert } from "node:assert";
import { parseAddress } from "../address.ts";
import { ratePlan, type RateSketch, subject } from "./rate_fixture.ts";
import { COMMON_KEY, RateLimiter } from "./rate_limiter.ts";

const YEAR_MS = 365 * 86_400_000;
const ONE = { "messages-per-second": 1, burst: 1 };

function limiter(sketch: RateSketch, nowMs = 0): RateLimiter {
  return new RateLimiter(ratePlan(sketch), nowMs);
}

/** What the last charge left; read by a function, or the compiler takes it to be as it was. */
function meterOf(rates: RateLimiter): string | undefined {
  return rates.meter?.name;
}

function shadowOf(rates: RateLimiter): string | undefined {
  return rates.shadow?.name;
}

/** How many of `count` messages pass. */
function passing(rates: RateLimiter, client = rates.client(subject()), count = 100, nowMs = 0, topic = "t"): number {
  let passed = 0;
  for (let i = 0; i < count; i++) if (rates.chargeMessage(client, topic, 10, nowMs) === null) passed++;
  return passed;
}

Deno.test("a client has its burst, then its rate, and is told what refused", () => {
  const rates = limiter({ "per-client": { "messages-per-second": 100, burst: 50, "bytes-per-second": 600 } });
  const client = rates.client(subject());
  assert.equal(passing(rates, client, 200), 50);
  const refused = rates.chargeMessage(client, "t", 10, 0);
  assert.deepEqual([refused?.kind, refused?.action, meterOf(rates)], ["client", "drop", "messages-per-second"]);
  assert.equal(rates.chargeMessage(client, "t", 200, 500), null);
  assert.equal(meterOf(rates), undefined);
  assert.equal(rates.chargeMessage(client, "t", 500, 500)?.kind, "client");
  assert.equal(meterOf(rates), "bytes-per-second");
  assert.equal(rates.limits()[0]?.refused, 152);
});

Deno.test("reconnecting resets nothing, and other clients are not touched", () => {
  const rates = limiter({ "per-client": { "messages-per-second": 1, burst: 5 } });
  assert.equal(passing(rates), 5);
  assert.equal(passing(rates, rates.client(subject({ address: parseAddress("10.9.9.9") }))), 0);
  assert.equal(passing(rates, rates.client(subject({ clientId: "dev-2" }))), 5);
});

Deno.test("by user name or address another client id changes nothing", () => {
  for (
    const [keyBy, who] of [
      ["client_ip", {}],
      ["client_ip", { address: parseAddress("[2001:db8::1]:1") }],
      ["username", { username: "ann", proved: true }],
      ["username", { username: "claimed" }],
    ] as const
  ) {
    const rates = limiter({ "per-client": { "messages-per-second": 1, burst: 5 }, "key-by": keyBy });
    assert.equal(passing(rates, rates.client(subject(who))), 5);
    assert.equal(passing(rates, rates.client(subject({ ...who, clientId: "other" }))), 0, keyBy);
  }
  const rates = limiter({ "per-client": { "messages-per-second": 1, burst: 5 } });
  assert.equal(passing(rates, rates.client(subject({ clientId: "", address: null }))), 5);
  assert.equal(passing(rates, rates.client(subject({ clientId: "", address: null }))), 0, "unknown addresses are one");
  assert.equal(passing(rates, rates.client(subject({ clientId: "unknown" }))), 5);
});

Deno.test("nothing is limited without a limit, nor while limiting is off", () => {
  const none = limiter({});
  assert.equal(passing(none), 100);
  assert.equal(none.size, 0);
  const rates = limiter({ "per-client": ONE, global: ONE });
  const client = rates.client(subject());
  passing(rates, client);
  rates.chargeShared(client, null, 1, 0);
  const { plan } = rates;
  rates.usePlan(null, 0);
  assert.equal(passing(rates, client), 100);
  for (const charge of [rates.chargeSubscribe, rates.chargeControl]) {
    assert.equal(charge.call(rates, client, 1, 0), null);
  }
  assert.equal(rates.chargeShared(client, "t", 1, 0), null);
  assert.equal(rates.chargeConnect(null, 1, 0), null);
  assert.equal(rates.refuseLogin(null, 0), null);
  rates.chargeLoginFailure(null, 0);
  assert.deepEqual([rates.limits(), rates.commonBuckets(0), rates.reset(COMMON_KEY, 0)], [[], [], 0]);
  rates.usePlan(plan, 0);
  assert.equal(passing(rates, client), 0, "off and on again fills nothing");
  assert.equal(rates.chargeShared(client, null, 1, 0)?.kind, "global");
});

Deno.test("all limits whose filter matches the topic apply", () => {
  const rates = limiter({
    "per-topic": [
      { topic: "#", limit: { "messages-per-second": 1, burst: 9 } },
      { topic: "a/+", limit: { "messages-per-second": 1, burst: 3 }, name: "narrow" },
      { topic: "b", limit: { "messages-per-second": 1, burst: 2, action: "close" } },
    ],
  });
  const client = rates.client(subject());
  assert.equal(passing(rates, client, 3, 0, "a/x"), 3);
  const refused = rates.chargeMessage(client, "a/y", 1, 0);
  assert.deepEqual([refused?.kind, refused?.name, refused?.action], ["topic", "narrow", "drop"]);
  assert.equal(passing(rates, client, 9, 0, "b"), 2);
  assert.equal(
    rates.chargeMessage(client, "b", 1, 0)?.name,
    "#",
    "the first of the list, which they took from as well",
  );
  assert.equal(rates.chargeMessage(client, "$SYS/x", 1, 0), null);
  const another = rates.client(subject({ clientId: "dev-2" }));
  assert.equal(passing(rates, another, 9, 0, "a/x"), 3);
  assert.equal(rates.chargeMessage(another, null, 1, 0), null, "an UNSUBSCRIBE has no topic");
});

Deno.test("limits of topics with placeholders apply to the client that is meant", () => {
  const rates = limiter({ "per-topic": [{ topic: "dev/${clientid}/#", limit: ONE }] });
  const client = rates.client(subject());
  assert.equal(passing(rates, client, 5, 0, "dev/dev-1/x"), 1);
  assert.equal(passing(rates, client, 5, 0, "dev/dev-2/x"), 5);
});

Deno.test("SUBSCRIBE has a limit of its own, or counts as a message", () => {
  const alone = limiter({ "per-client": ONE });
  const client = alone.client(subject());
  assert.equal(alone.chargeSubscribe(client, 10, 0), null);
  assert.equal(alone.chargeSubscribe(client, 10, 0)?.kind, "client");
  const both = limiter({ "per-client": ONE, subscribe: { "messages-per-second": 1, burst: 2 } });
  const other = both.client(subject());
  assert.equal(both.chargeSubscribe(other, 10, 0), null);
  assert.equal(both.chargeSubscribe(other, 10, 0), null);
  assert.equal(both.chargeSubscribe(other, 10, 0)?.kind, "subscribe");
  assert.equal(both.chargeMessage(other, "t", 10, 0), null);
});

Deno.test("control closes, and takes nothing from messages", () => {
  const rates = limiter({ "per-client": ONE, control: { "messages-per-second": 50, burst: 100 } });
  const client = rates.client(subject());
  for (let i = 0; i < 100; i++) assert.equal(rates.chargeControl(client, 2, 0), null);
  const refused = rates.chargeControl(client, 2, 0);
  assert.deepEqual([refused?.kind, refused?.action], ["control", "close"]);
  assert.equal(rates.chargeMessage(client, "t", 10, 0), null);
});

Deno.test("connect counts by address, an IPv6 one by its /64, and closes", () => {
  const rates = limiter({ connect: { "messages-per-second": 1, burst: 2, "bytes-per-second": 1000 } });
  const at = (text: string) => rates.chargeConnect(parseAddress(text), 100, 0);
  assert.equal(at("[2001:db8::1]:1"), null);
  assert.equal(at("[2001:db8::2]:2"), null);
  assert.deepEqual([at("[2001:db8::3]:3")?.kind, at("[2001:db8::3]:3")?.action], ["connect", "close"]);
  assert.equal(at("2001:db8:0:1::1"), null);
});

Deno.test("auth-failures lets an address try while it has a token, and failures cost even without one", () => {
  const rates = limiter({ "auth-failures": { "messages-per-second": 1, burst: 3 } });
  const address = parseAddress("10.0.0.1");
  for (let i = 0; i < 50; i++) assert.equal(rates.refuseLogin(address, 0), null, "to try costs nothing");
  // Fifty logins were begun: all of them fail.
  for (let i = 0; i < 50; i++) rates.chargeLoginFailure(address, 0);
  assert.equal(rates.refuseLogin(address, 0)?.kind, "auth-failures");
  assert.equal(meterOf(rates), "messages-per-second");
  assert.equal(rates.refuseLogin(parseAddress("10.0.0.2"), 0), null);
  assert.equal(rates.refuseLogin(address, 3999)?.kind, "auth-failures");
  assert.equal(rates.refuseLogin(address, 4000), null, "one burst below zero, and one token");
  assert.equal(rates.limits()[0]?.refused, 2);
});

Deno.test("a shared bucket is taken from by all clients, and by none that is refused", () => {
  const rates = limiter({
    "per-client": { "messages-per-second": 1, burst: 5 },
    global: { "messages-per-second": 1, burst: 8 },
  });
  const flooder = rates.client(subject());
  const other = rates.client(subject({ clientId: "dev-2" }));
  let passed = 0;
  for (let i = 0; i < 1000; i++) {
    if (rates.chargeMessage(flooder, "t", 10, 0) === null && rates.chargeShared(flooder, "t", 10, 0) === null) passed++;
  }
  assert.equal(passed, 5);
  assert.equal(rates.commonBuckets(0)[0]?.meters[0]?.level, 3);
  for (let i = 0; i < 3; i++) assert.equal(rates.chargeShared(other, "t", 10, 0), null);
  assert.equal(rates.chargeShared(other, "t", 10, 0)?.kind, "global");
  // Those who were refused made it no dearer for anybody.
  for (let i = 0; i < 30; i++) rates.chargeShared(flooder, "t", 10, 0);
  assert.equal(rates.chargeShared(other, "t", 10, 1000), null);
  assert.equal(rates.commonBuckets(1000)[0]?.meters[0]?.level, 0);
});

Deno.test("chargeShared() takes from all buckets or from none", () => {
  const rates = limiter({
    global: { "messages-per-second": 1, burst: 100 },
    "per-topic": [
      { topic: "a/#", scope: "shared", limit: { "messages-per-second": 1, burst: 50 } },
      { topic: "a/b", scope: "shared", limit: { "messages-per-second": 1, burst: 2 }, name: "last" },
      { topic: "#", limit: ONE },
    ],
  });
  const client = rates.client(subject());
  const levels = () => rates.commonBuckets(0).map(({ meters }) => meters[0]?.level).slice(0, 3);
  for (let i = 0; i < 2; i++) assert.equal(rates.chargeShared(client, "a/b", 10, 0), null);
  assert.deepEqual(levels(), [98, 48, 0]);
  assert.equal(rates.chargeShared(client, "a/b", 10, 0)?.name, "last");
  assert.deepEqual(levels(), [98, 48, 0]);
  assert.equal(rates.chargeShared(client, "a/x", 10, 0), null);
  assert.deepEqual(levels(), [97, 47, 0]);
  assert.equal(rates.chargeShared(client, null, 10, 0), null);
  assert.deepEqual(levels(), [96, 47, 0]);
  assert.equal(rates.size, 0, "the client's own buckets are not charged here");
  assert.deepEqual(rates.commonBuckets(0).map(({ refused }) => refused), [0, 0, 1, 0]);
  assert.equal(rates.commonBuckets(0)[3]?.meters[0]?.level, 1);
});

Deno.test("a shadow limit is charged and told, and decides nothing", () => {
  const shadow = { shadow: true } as const;
  const rates = limiter({
    "per-client": { ...ONE, ...shadow },
    global: { "messages-per-second": 1, burst: 2, ...shadow },
    "per-topic": [
      { topic: "a", scope: "shared", limit: { "messages-per-second": 1, burst: 3 } },
      { topic: "b", limit: { "messages-per-second": 1, burst: 1, action: "close", ...shadow } },
      { topic: "b", limit: { "messages-per-second": 1, burst: 2 } },
    ],
  });
  const client = rates.client(subject());
  assert.equal(rates.chargeMessage(client, "a", 10, 0), null);
  assert.equal(shadowOf(rates), undefined);
  assert.equal(rates.chargeMessage(client, "a", 10, 0), null);
  assert.deepEqual([shadowOf(rates), meterOf(rates)], ["client", "messages-per-second"]);
  const told: (string | undefined)[] = [];
  for (let i = 0; i < 4; i++) told.push(rates.chargeShared(client, "a", 10, 0)?.name, shadowOf(rates));
  assert.deepEqual(told, [undefined, undefined, undefined, undefined, undefined, "global", "a", undefined]);
  assert.deepEqual(rates.commonBuckets(0).map(({ meters }) => meters[0]?.level).slice(0, 1), [0], "and no debt");
  assert.equal(passing(rates, client, 9, 0, "b"), 2);
  assert.deepEqual(rates.limits().map(({ limit, refused, shadowRefused }) => [limit.name, refused, shadowRefused]), [
    ["global", 0, 1],
    ["client", 0, 10],
    ["a", 1, 0],
    ["b", 0, 8],
    ["b (2)", 7, 0],
  ]);
  assert.equal(rates.chargeMessage(client, "b", 10, 0)?.name, "b (2)");
  assert.equal(shadowOf(rates), "client", "the first of them");
});

Deno.test("a table without room gives newcomers one bucket together, and says so", () => {
  const rates = limiter({ "per-client": { quota: [{ messages: 4, per: "day" }] }, "max-keys": 10 });
  const clients = Array.from({ length: 30 }, (_, i) => rates.client(subject({ clientId: `dev-${i}` })));
  for (const client of clients.slice(0, 10)) assert.equal(rates.chargeMessage(client, null, 10, 0), null);
  assert.equal(rates.size, 10);
  const newcomers = clients.slice(10).map((client) => rates.chargeMessage(client, null, 10, 0) === null);
  assert.deepEqual(newcomers, Array.from({ length: 20 }, (_, i) => i < 4));
  assert.ok(rates.overflowed);
  assert.deepEqual(rates.limits().map(({ refused, overflowed }) => [refused, overflowed]), [[16, 20]]);
  assert.equal(rates.size, 10);
  assert.equal(passing(rates, clients[3], 9), 3, "who has a bucket keeps it");
  assert.ok(!rates.overflowed);
  // When there is room a newcomer gets a bucket of its own.
  assert.equal(passing(rates, clients[29], 9, YEAR_MS), 4);
  assert.deepEqual(rates.buckets(0, 100, YEAR_MS).buckets.filter(({ key }) => key === "id=dev-29").length, 1);
});

Deno.test("a table without room fails closed for connect and auth-failures too", () => {
  const quota = [{ messages: 2, per: "day" as const }];
  const rates = limiter({ connect: { quota }, "auth-failures": { quota }, "max-keys": 5 });
  const address = (i: number) => parseAddress(`10.0.0.${i}`);
  for (let i = 0; i < 5; i++) rates.chargeConnect(address(i), 1, 0);
  assert.deepEqual([5, 6, 7, 8].map((i) => rates.chargeConnect(address(i), 1, 0) === null), [true, true, false, false]);
  assert.equal(rates.refuseLogin(address(9), 0), null);
  for (let i = 9; i < 12; i++) rates.chargeLoginFailure(address(i), 0);
  assert.equal(rates.refuseLogin(address(12), 0)?.kind, "auth-failures");
  assert.ok(rates.overflowed);
});

Deno.test("a session finds its bucket again after another key got its slot", () => {
  const rates = limiter({ "per-client": { "messages-per-second": 1000, burst: 2 }, "max-keys": 1 });
  const a = rates.client(subject({ clientId: "a" }));
  const b = rates.client(subject({ clientId: "b" }));
  for (let nowMs = 0; nowMs < 1000; nowMs += 50) {
    assert.equal(passing(rates, a, 5, nowMs), 2);
    assert.equal(passing(rates, b, 5, nowMs + 25), 2);
    assert.deepEqual(rates.buckets(0, 10, nowMs + 25).buckets.map(({ key }) => key), ["id=b"]);
  }
});

Deno.test("time may stand, step back, or jump: it fills buckets at most once", () => {
  const rates = limiter({ "per-client": { "messages-per-second": 10, burst: 5 } }, 5000.9);
  const client = rates.client(subject());
  assert.equal(passing(rates, client, 100, 5000.95), 5);
  assert.equal(passing(rates, client, 100, 5000), 0);
  assert.equal(passing(rates, client, 100, 0), 0, "back to zero");
  assert.equal(passing(rates, client, 1, 100), 1, "and on from there");
  assert.equal(passing(rates, client, 100, YEAR_MS), 5, "a year is a burst");
  assert.equal(passing(rates, client, 100, 200), 0, "back again");
  assert.equal(passing(rates, client, 1, 700), 1, "nobody has to wait for a year");
  passing(rates, client, 100, 700);
  assert.equal(passing(rates, client, 100, NaN), 0);
  assert.equal(passing(rates, client, 100, -YEAR_MS), 0);
  assert.equal(passing(rates, client, 100, 900 - YEAR_MS), 5);
});

Deno.test("fractions of milliseconds do not add up to more, nor get lost", () => {
  const rates = limiter({ "per-client": { "messages-per-second": 100, burst: 1 } });
  const client = rates.client(subject());
  let passed = 0;
  for (let i = 0; i < 40_000; i++) if (rates.chargeMessage(client, null, 1, i * 0.25) === null) passed++;
  // Never more than is due: the first, and one each 10 ms.
  assert.ok(passed <= 1000 && passed >= 500, String(passed));
  assert.equal(passing(rates, client, 3, 15_000.9), 1);
  assert.equal(passing(rates, client, 3, 15_010), 1, "a fraction is cut off before it is compared");
  const slow = rates.client(subject({ clientId: "slow" }));
  passed = 0;
  for (let i = 0; i < 1000; i++) if (rates.chargeMessage(slow, null, 1, 20_000 + i * 10.01) === null) passed++;
  assert.equal(passed, 1000);
});

Deno.test("a reload fills no drained bucket and empties no full one", () => {
  const sketch = (burst: number, more: RateSketch = {}): RateSketch => ({
    "per-client": { "messages-per-second": 1, burst },
    subscribe: { "messages-per-second": 1, burst },
    "per-topic": [{ topic: "a", limit: { "messages-per-second": 1, burst }, scope: "shared" }],
    ...more,
  });
  const rates = limiter(sketch(10));
  const drained = rates.client(subject());
  const fresh = rates.client(subject({ clientId: "dev-2" }));
  passing(rates, drained);
  for (let i = 0; i < 10; i++) {
    rates.chargeSubscribe(drained, 1, 0);
    rates.chargeShared(drained, "a", 1, 0);
  }
  const before = rates.limits().map(({ refused }) => refused);
  assert.ok(Math.max(...before) > 0);
  rates.usePlan(ratePlan(sketch(10)), 0);
  assert.deepEqual(rates.limits().map(({ refused }) => refused), before, "totals go on");
  rates.chargeSubscribe(fresh, 1, 0);
  for (const next of [sketch(10), sketch(1000), sketch(20, { global: ONE }), sketch(3, { "max-keys": 7 })]) {
    rates.usePlan(ratePlan(next), 0);
    assert.equal(passing(rates, drained), 0);
    assert.equal(rates.chargeSubscribe(drained, 1, 0)?.kind, "subscribe");
    assert.equal(rates.chargeShared(drained, "a", 1, 0)?.name, "a");
  }
  assert.equal(passing(rates, fresh), 3);
  assert.equal(rates.chargeSubscribe(fresh, 1, 0), null);
  assert.equal(rates.chargeMessage(drained, null, 1, 1000), null);
});

Deno.test("a session follows a reload to other keys and other topics", () => {
  const rates = limiter({ "per-client": ONE, "per-topic": [{ topic: "a/${clientid}", limit: ONE }] });
  const client = rates.client(subject());
  passing(rates, client);
  rates.usePlan(ratePlan({ "per-client": { ...ONE, burst: 4 }, "key-by": "client_ip" }), 0);
  assert.equal(passing(rates, client), 4, "its address had no bucket yet");
  assert.equal(passing(rates, rates.client(subject({ clientId: "other" }))), 0);
  rates.usePlan(ratePlan({ "per-topic": [{ topic: "b/${username}", limit: ONE }] }), 0);
  const ann = rates.client(subject({ username: "ann" }));
  assert.equal(passing(rates, ann, 9, 0, "b/ann"), 1);
  assert.equal(passing(rates, client, 9, 0, "b/ann"), 9);
});

Deno.test("an operator sees buckets, and fills those of one key", () => {
  const rates = limiter({
    "per-client": { "messages-per-second": 10, burst: 4 },
    control: ONE,
    global: ONE,
  });
  const client = rates.client(subject());
  passing(rates, client, 7);
  rates.chargeControl(client, 1, 0);
  rates.chargeShared(client, null, 1, 0);
  const { buckets, next } = rates.buckets(0, 10, 200);
  assert.equal(next, null);
  assert.deepEqual(
    buckets.map(({ key, limit, meters, refused }) => [key, limit.kind, meters[0]?.level, meters[0]?.capacity, refused]),
    [["id=dev-1", "client", 2, 4, 3], ["id=dev-1", "control", 0.2, 1, 0]],
  );
  assert.equal(rates.reset("id=dev-1", 200), 2);
  assert.equal(rates.reset("dev-1", 200), 0);
  assert.equal(passing(rates, client, 9, 200), 4);
  assert.equal(rates.chargeShared(client, null, 1, 200)?.kind, "global");
  assert.equal(rates.reset(COMMON_KEY, 200), 3);
  assert.equal(rates.chargeShared(client, null, 1, 200), null);
  assert.deepEqual(rates.commonBuckets(200).map(({ key, limit }) => [key, limit.kind])[0], [COMMON_KEY, "global"]);
});
