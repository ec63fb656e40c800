import assert from "node:assert/strict";
import { publish, Rig, type Wire } from "../tests/support/rig.ts";
import { testLogins } from "../tests/support/test_logins.ts";
import { Agent } from "./agent.ts";
import { AuditRing } from "./audit/ring.ts";
import { createLogger } from "./log.ts";
import { PolicyStore } from "./policy_store.ts";

const RULES = 10_000;
const TESTS = 200;
/** Limits that nothing fills again while the clock stands still. */
const RATE = { enabled: true, "per-client": { "messages-per-second": 1, burst: 40 }, "key-by": "client_id" };

/** Of `left/#` and `right/#` the one is allowed and the other denied; all else is alike, and each rule asks the environment. */
function configText(open: "left" | "right"): string {
  const flips = ["left", "right"].map((side) => ({
    name: side,
    topics: [`${side}/#`],
    decision: side === open ? "allow" : "deny",
  }));
  const rules = Array.from({ length: RULES - 2 }, (_, n) => ({
    name: `rule-${n}`,
    match: { "client-id": `device-${n}` },
    topics: [`\${SITE}/${n}/${open}/#`],
    decision: "allow",
  }));
  const tests = Array.from({ length: TESTS }, (_, n) => ({ name: `${n}`, publish: `${open}/${n}`, expect: "allow" }));
  return JSON.stringify({ "rate-limit": RATE, auth: { enabled: false }, acl: { rules: [...rules, ...flips], tests } });
}

/** A rig whose agent judges by a store. */
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

/** Which side is open, by one PUBLISH to each in one turn: never both, never none. */
function openSide(wire: Wire): string {
  const [left, right] = ["left/x", "right/x"].map((topic) => wire.publish(topic));
  const verdicts = `${left?.verdict} ${right?.verdict}`;
  assert.ok(verdicts === "allow drop" || verdicts === "drop allow", `left and right were judged as ${verdicts}`);
  return left?.verdict === "allow" ? "left" : "right";
}

Deno.test("a reload of 10,000 rules lets frames in between, loses no session or bucket, and flips all at once", async () => {
  const file = await Deno.makeTempFile({ prefix: "reload-" });
  await Deno.writeTextFile(file, configText("left"));
  /** Rules that were conformed since others last had their turn, and the most that ever were. */
  let [rules, most] = [0, 0];
  let turns = 0;
  const seen: string[] = [];
  let rig: StoreRig | null = null;
  const judge = () => {
    // A connection of its own each time, or the limit would be what decides.
    const wire = rig?.connection({ address: `10.1.${turns >> 8}.${turns & 255}:1` });
    if (wire !== undefined && turns % 16 === 0) seen.push(openSide(wire.live({ clientId: `frame-${turns}` })));
  };
  const store = await PolicyStore.open({
    file,
    env: (name) => {
      rules++;
      return name === "SITE" ? "site" : undefined;
    },
    log: createLogger({ level: "error" }),
    wallMs: () => 1_700_000_000_000,
    logins: testLogins(),
    yieldTurn: () => {
      turns++;
      most = Math.max(most, rules);
      rules = 0;
      judge();
      return Promise.resolve();
    },
  });
  assert.equal(turns, 0, "at start nobody waits");
  rig = new StoreRig(store);
  const wires = Array.from(
    { length: 100 },
    (_, n) => rig.connection({ address: `10.0.0.${n}:1` }).live({ clientId: `c${n}` }),
  );
  const spent = wires[0] as Wire;
  const passed = (topic: string) =>
    Array.from({ length: 60 }, () => spent.publish(topic))
      .filter(({ verdict }) => verdict === "allow").length;
  assert.equal(passed("left/0"), 40);
  assert.equal(openSide(wires[1] as Wire), "left");

  await Deno.writeTextFile(file, configText("right"));
  rules = 0;
  assert.equal(await store.reload("the test"), null);

  // Text, conforming, names, version, both passes of the compiler, tests: each gives its turns away.
  const text = configText("right").length;
  const due = text / 16_384 + 2 * RULES / 128 + 2 * RULES / 64 + TESTS;
  assert.ok(turns >= due, `${turns} turns, ${due} are due`);
  assert.ok(most > 0 && most <= 128, `${most} rules in one turn`);
  assert.ok(seen.length > 20 && seen.every((side) => side === "left"), "the old rules held to the last turn");
  assert.equal(openSide(wires[2] as Wire), "right");
  for (const wire of wires.slice(3)) assert.equal(wire.publish("right/y").verdict, "allow", wire.id);
  assert.equal(passed("right/0"), 0, "what was spent before the reload stays spent");
  store.close();
  await Deno.remove(file);
});

Deno.test("a push of 10,000 rules gives its turns away as a file does, and is in force as a whole", async () => {
  let turns = 0;
  const store = await PolicyStore.open({
    env: () => "site",
    log: createLogger({ level: "error" }),
    wallMs: () => 1_700_000_000_000,
    logins: testLogins(),
    yieldTurn: () => {
      turns++;
      return Promise.resolve();
    },
  });
  const wire = new StoreRig(store).connection().live();
  assert.equal(wire.send(publish("left/x")).verdict, "drop");
  const text = configText("left");
  assert.equal(await store.push(JSON.parse(text), "proxy-1"), null);
  // As for a file; and what is kept of it is written in turns as well.
  assert.ok(turns >= text.length / 16_384 + 3 * RULES / 128 + 2 * RULES / 64 + TESTS, `${turns} turns`);
  assert.equal(openSide(wire), "left");
  store.close();
});
