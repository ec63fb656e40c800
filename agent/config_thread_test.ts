import assert from "node:assert/strict";
import { Rig, type Wire } from "../tests/support/rig.ts";
import { startLogins, testLogins } from "../tests/support/test_logins.ts";
import { Agent } from "./agent.ts";
import { AuditRing } from "./audit/ring.ts";
import type { LoginsResult } from "./auth/logins.ts";
import { type Thread, type ThreadEvents, Threads } from "./auth/threads.ts";
import type { ConfigOrder, ConfigReport } from "./config_in_force.ts";
import { ConfigThread } from "./config_thread.ts";
import { createLogger } from "./log.ts";
import { PolicyStore, type PolicyStoreOptions } from "./policy_store.ts";

const ORDER: ConfigOrder = { kind: "compile", file: null, pushJson: null, testsAtMs: 0 };
const REFUSED: ConfigReport = { kind: "refused", problems: ["no"], files: [] };

/** Threads that do nothing by themselves, and timers that are called by hand. */
class FakeThreads {
  isWarm = true;
  readonly threads: { events: ThreadEvents; posted: unknown[]; isStopped: boolean }[] = [];
  readonly timers: { callback: () => void; ms: number }[] = [];
  readonly thread = new ConfigThread(this, {
    setTimer: (callback, ms) => {
      const timer = { callback, ms };
      this.timers.push(timer);
      return () => void this.timers.splice(this.timers.indexOf(timer), 1);
    },
  });

  start(kind: string, events: ThreadEvents): Thread {
    assert.equal(kind, "config");
    const made = { events, posted: [] as unknown[], isStopped: false };
    this.threads.push(made);
    return { post: (message) => void made.posted.push(message), stop: () => void (made.isStopped = true) };
  }

  fireTimer(): number {
    assert.equal(this.timers.length, 1);
    const [timer] = this.timers.splice(0, 1);
    timer?.callback();
    return timer?.ms ?? 0;
  }
}

Deno.test("a ConfigThread starts its thread for the first order, keeps it for the next, and ends it when it is idle", async () => {
  const fake = new FakeThreads();
  assert.equal(fake.threads.length, 0);
  for (let n = 0; n < 2; n++) {
    const answer = fake.thread.compile(ORDER);
    fake.threads[0]?.events.onMessage(REFUSED);
    assert.deepEqual(await answer, REFUSED);
  }
  assert.deepEqual(fake.threads[0]?.posted, [ORDER, ORDER]);
  assert.equal(fake.fireTimer(), 10_000);
  assert.ok(fake.threads[0]?.isStopped);
  const answer = fake.thread.compile(ORDER);
  fake.threads[1]?.events.onMessage(REFUSED);
  assert.deepEqual(await answer, REFUSED);
});

Deno.test("a thread that fails, or takes too long, is told as such and another one is started for the next order", async () => {
  const fake = new FakeThreads();
  const first = fake.thread.compile(ORDER);
  fake.threads[0]?.events.onFailure("it broke");
  assert.deepEqual(await first, { kind: "failed", why: "it broke" });
  const second = fake.thread.compile(ORDER);
  assert.equal(fake.timers.length, 1, "the timers of what is over are gone");
  assert.equal(fake.fireTimer(), 60_000);
  assert.deepEqual(await second, { kind: "failed", why: "it took longer than 60 s" });
  assert.ok(fake.threads[1]?.isStopped);
  const third = fake.thread.compile(ORDER);
  assert.equal((await fake.thread.compile(ORDER)).kind, "failed", "one at a time");
  fake.thread.close();
  assert.deepEqual(await third, { kind: "failed", why: "the agent stops" });
  assert.equal((await fake.thread.compile(ORDER)).kind, "failed");
  assert.equal(fake.thread.isReady, false);
});

class StoreRig extends Rig {
  readonly #agent: Agent;

  constructor(store: PolicyStore) {
    super();
    const { clock, log } = this.parts;
    this.#agent = new Agent({ policies: store, log, audit: new AuditRing(10), clock });
  }

  override get agent(): Agent {
    return this.#agent;
  }
}

function configText(rules: number, open: string, more: Record<string, unknown> = {}): string {
  const many = Array.from({ length: rules }, (_, n) => ({
    name: `rule-${n}`,
    match: n % 2 === 0 ? { "client-id": `device-${n}` } : { "username-regex": `^user-${n}[0-9]+x` },
    topics: [`site/${n}/${open}/#`, "${clientid}/in"],
    decision: "allow",
  }));
  const flip = { name: `open-${open}`, topics: [`${open}/#`], decision: "allow" };
  const tests = [{ name: "open", publish: `${open}/x`, expect: "allow" }];
  return JSON.stringify({ auth: { enabled: false }, acl: { rules: [...many, flip], tests }, ...more });
}

async function withStore(
  text: string,
  options: (threads: Threads) => Partial<PolicyStoreOptions>,
  work: (store: PolicyStore, change: (text: string) => Promise<string | null>, lines: string[]) => Promise<void>,
): Promise<void> {
  const file = await Deno.makeTempFile({ prefix: "aside-" });
  await Deno.writeTextFile(file, text);
  const threads = new Threads();
  threads.warm();
  const lines: string[] = [];
  const log = createLogger({
    setTimer: () => () => {},
    json: true,
    write: (bytes) => {
      lines.push(new TextDecoder().decode(bytes));
      return Promise.resolve(bytes.length);
    },
  });
  const store = await PolicyStore.open({
    file,
    env: (name) => Deno.env.get(name),
    log,
    wallMs: Date.now,
    logins: testLogins(),
    ...options(threads),
  });
  const change = async (text: string) => {
    await Deno.writeTextFile(file, text);
    return await store.reload("the test");
  };
  try {
    await work(store, change, lines);
    await log.flush();
  } finally {
    store.close();
    await threads.close();
    await Deno.remove(file);
  }
}

function passes(wire: Wire | undefined, topic: string): boolean {
  return wire?.publish(topic).verdict === "allow";
}

Deno.test("what another thread compiled holds for live connections, with regexes, groups, inspection and bans; what it refuses changes nothing", async () => {
  let turns = 0;
  await withStore(configText(3000, "left"), (threads) => ({
    thread: new ConfigThread(threads),
    yieldTurn: () => {
      turns++;
      return Promise.resolve();
    },
  }), async (store, change, lines) => {
    const rig = new StoreRig(store);
    const wire = rig.connection().live({ clientId: "device-8" });
    assert.ok(passes(wire, "left/x") && !passes(wire, "right/x") && passes(wire, "site/8/left/a"));
    const more = {
      inspection: { enabled: true, patterns: { sqli: true } },
      bans: [{ "client-id": "banned" }],
      qos: { enabled: true, "max-qos": 1 },
    };
    assert.equal(await change(configText(3000, "right", more)), null);
    // Nothing but the regexes is left to this thread.
    assert.ok(turns >= 1500 && turns < 1600, `${turns} turns`);
    assert.ok(!passes(wire, "left/x") && passes(wire, "right/x") && passes(wire, "site/8/right/a"));
    assert.ok(passes(wire, "device-8/in") && !passes(wire, "device-9/in"));
    assert.equal(store.current.number, 2);
    assert.equal(store.current.acl.rules.length, 3001);
    assert.notEqual(store.current.qos, null);
    assert.notEqual(store.current.inspection, null);
    assert.deepEqual(store.config.bans.map((ban) => ban["client-id"]), ["banned"]);
    const { roles } = store.config.admin as { readonly roles: Readonly<Record<string, string>> };
    assert.deepEqual([roles["constructor"], Object.isFrozen(roles)], [undefined, true]);
    const { inspection } = store.current;
    assert.equal(await change(configText(3000, "left", more)), null);
    assert.equal(store.current.inspection, inspection, "what did not change is not compiled again");

    const problem = await change(configText(3000, "right", { qos: { "max-qos": 7 } }));
    assert.match(problem ?? "", /line 1, column \d+: qos\.max-qos/);
    const failed = JSON.parse(configText(3000, "right"));
    failed.acl.tests[0].expect = "deny";
    assert.match(await change(JSON.stringify(failed)) ?? "", /Cannot accept test "open"/);
    assert.ok(passes(wire, "left/x") && !passes(wire, "right/x"));
    assert.equal(store.current.number, 3);
    assert.ok(!lines.join("").includes("beside the frames"), "what the thread refuses is not compiled once more");
    assert.equal(await store.push(JSON.parse(configText(3000, "pushed")), "proxy-1"), null);
    assert.ok(passes(wire, "pushed/x"));
  });
});

Deno.test("the same words compiled by another thread change nothing, and small configurations are compiled here", async () => {
  const orders: ConfigOrder[] = [];
  await withStore(configText(1000, "left"), (threads) => {
    const thread = new ConfigThread(threads);
    return {
      thread: {
        isReady: true,
        compile: (order) => {
          orders.push(order);
          return thread.compile(order);
        },
      },
    };
  }, async (store, change) => {
    assert.equal(await change(`${configText(1000, "left")}\n`), null);
    assert.equal(store.current.number, 1);
    assert.equal(orders.length, 1);
    assert.equal(await change(configText(10, "left")), null);
    assert.equal(store.current.number, 2);
    assert.equal(await change(configText(11, "left")), null);
    assert.deepEqual([store.current.number, orders.length], [3, 1]);
  });
});

Deno.test("where the thread fails the change is compiled in this one, and the log says so", async () => {
  const failing = { isReady: true, compile: () => Promise.resolve({ kind: "failed", why: "it broke" } as const) };
  await withStore(configText(1000, "left"), () => ({ thread: failing }), async (store, change, lines) => {
    assert.equal(await change(configText(1000, "right")), null);
    assert.ok(passes(new StoreRig(store).connection().live(), "right/x"));
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.match(lines.join(""), /compiled beside the frames.*it broke/);
  });
});

Deno.test("a change whose compiling outlasts the agent comes to nothing, in silence, whatever the thread answers", async () => {
  const passed: ConfigReport[] = [];
  for (const answer of ["failed", "compiled"]) {
    const asked = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const users = await Deno.makeTempFile({ prefix: "users-" });
    await Deno.writeTextFile(users, "{}");
    const logins = startLogins();
    const made: LoginsResult[] = [];
    const discarded: unknown[] = [];
    const { maker } = logins;
    const spied = Object.assign(Object.create(maker), {
      make: async (...of: Parameters<typeof maker.make>) => {
        const result = await maker.make(...of);
        made.push(result);
        return result;
      },
      changed: maker.changed.bind(maker),
      discard: (...of: Parameters<typeof maker.discard>) => {
        discarded.push(of[0]);
        maker.discard(...of);
      },
    });
    await withStore(configText(1000, "left"), (threads) => {
      const thread = new ConfigThread(threads);
      return {
        logins: spied,
        thread: {
          isReady: true,
          compile: async (order) => {
            const report = answer === "failed"
              ? { kind: "failed", why: "the agent stops" } as const
              : await thread.compile(order);
            passed.push(report);
            asked.resolve();
            await closed.promise;
            return report;
          },
        },
      };
    }, async (store, change, lines) => {
      const auth = { providers: [{ type: "file", path: users }] };
      const before = store.current;
      const changing = change(configText(1000, "right", { auth }));
      await asked.promise;
      store.close();
      closed.resolve();
      assert.equal(await changing, "Cannot change the configuration: the agent stops");
      assert.equal(await change(configText(1000, "later")), "Cannot change the configuration: the agent stops");
      assert.equal(store.current, before);
      assert.doesNotMatch(lines.join(""), /v2|failed|refused/);
    });
    // What was made for it is ended: else its thread and its timers would outlive the agent.
    const wasMade = made.slice(1).flatMap((result) => "logins" in result ? [result.logins] : []);
    assert.equal(wasMade.length, answer === "failed" ? 0 : 1);
    for (const one of wasMade) assert.ok(discarded.includes(one));
    await logins.close();
    await Deno.remove(users);
  }
  assert.deepEqual(passed.map(({ kind }) => kind), ["failed", "compiled"]);
});
