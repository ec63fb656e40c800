import assert from "node:assert/strict";
import { runCommand } from "./console.ts";
import { explainCommand } from "./explain.ts";
import { captured } from "./test_console.ts";

interface Folder {
  readonly path: string;
  write(name: string, text: string): Promise<string>;
}

async function inFolder(work: (folder: Folder) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "explain_" });
  try {
    await work({
      path,
      async write(name, text) {
        await Deno.writeTextFile(`${path}/${name}`, text);
        return `${path}/${name}`;
      },
    });
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

interface Ended {
  readonly code: number;
  readonly output: string;
  readonly notes: string;
}

async function run(args: readonly string[], input = ""): Promise<Ended> {
  const on = captured();
  const command = explainCommand(on, { readInput: () => Promise.resolve(new TextEncoder().encode(input)) });
  const code = await runCommand(command, args, on);
  return { code, output: on.output(), notes: on.notes() };
}

interface ToldRule {
  readonly name: string;
  readonly decision: string;
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
}

interface AskedRule extends ToldRule {
  readonly number: number;
  readonly outcome: string;
  readonly topics: readonly unknown[];
  readonly misses: readonly { readonly condition: string }[];
}

/** What scripts read of `--json`. */
interface Told {
  readonly allowed: boolean;
  readonly verdict: string;
  readonly detect_only: boolean;
  readonly packet: string;
  readonly reason: { readonly code: string; readonly tag: string; readonly text: string } | null;
  readonly detail: readonly string[];
  readonly noted: readonly string[] | null;
  readonly tags: readonly string[];
  readonly qos_downgraded_to: number | null;
  readonly rule: ToldRule | null;
  readonly default_action: Readonly<Record<string, unknown>>;
  readonly asked: Readonly<Record<string, unknown>>;
  readonly client: Readonly<Record<string, unknown>>;
  readonly checks: readonly {
    readonly name: string;
    readonly refused: string | null;
    readonly detail: string | null;
  }[];
  readonly decisions: readonly { readonly action: string; readonly rules: readonly AskedRule[] }[];
  readonly notes: readonly string[];
}

/** What `--json` says of a configuration. */
async function explained(config: unknown, ...args: string[]): Promise<Told> {
  let found: Told | null = null;
  await inFolder(async ({ write }) => {
    const { code, output, notes } = await run(["-c", await write("g.json", JSON.stringify(config)), "--json", ...args]);
    assert.deepEqual([code, notes], [0, ""]);
    found = JSON.parse(output);
  });
  assert.ok(found !== null);
  return found;
}

const CONFIG = `{
  "auth": { "trust-broker": true },
  "acl": {
    "default-action": "deny",
    "rules": [
      { "name": "own-tree", "match": { "username-regex": "^pump-" }, "topics": ["plant/\${username}/#"],
        "actions": ["publish"], "decision": "allow", "max-qos": 1 },
      { "name": "crew-reads", "match": { "groups": ["crew"] }, "topics": ["plant/#"],
        "actions": ["subscribe"], "decision": "allow" },
      { "name": "never-internal", "topics": ["internal/#"], "decision": "deny", "priority": 9 }
    ],
    "groups": { "crew": ["alice"] }
  }
}`;

Deno.test("a refused packet is told with reason, advice, place, checks, and why each rule does not apply", () =>
  inFolder(async ({ write }) => {
    const file = await write("gate.json", CONFIG);
    const { code, output } = await run([
      ...["-c", file, "--client-id", "p1", "--username", "pump-1", "--groups", "night"],
      ...["--ip", "10.0.0.9", "publish", "plant/pump-2/level", "--qos", "1"],
    ]);
    assert.equal(code, 0);
    assert.equal(
      output,
      `REFUSED (drop): PUBLISH "plant/pump-2/level", QoS 1

reason      acl-no-rule: No rule allows this topic to this client
what to do  Add an allow rule; rules by user name or group need authentication or auth.trust-broker before they can allow anything
rule        no rule applies, and the default denies (acl.default-action "deny", ${file}:4:23)
audit tags  mqtt, blocked, acl-denied
client      id "p1", user "pump-1" (proved), groups "night", address 10.0.0.9, MQTT 5.0

! It is dropped where it comes whole in a frame of its own; from a client that sends it in pieces, as many do, the connection is closed.

checks, in the order they ran
  ok       broker-limits
  ok       alias-feature
  ok       message-topics
  REFUSED  publish-acl: acl-no-rule, topic "plant/pump-2/level"

rules, in the order they are tried, for publish "plant/pump-2/level": denied, no rule applies, and the default denies
  no       1. "never-internal" deny, ${file}:10:7
              "internal/#" does not match "plant/pump-2/level"
  no       2. "own-tree"     allow, ${file}:6:7
              "plant/\${username}/#" does not match "plant/pump-2/level"
  no       3. "crew-reads"   allow, ${file}:8:7
              the client is not in "crew"
              it is about subscribe, not publish`,
    );
  }));

Deno.test("--json tells all of it, and names the rule that decided with its place", () =>
  inFolder(async ({ write }) => {
    const file = await write("gate.json", CONFIG);
    const { output } = await run(["-c", file, "--username", "alice", "--json", "subscribe", "plant/+/level"]);
    const told: Told = JSON.parse(output);
    assert.deepEqual(Object.keys(told), [
      ...[
        "allowed",
        "verdict",
        "detect_only",
        "packet",
        "reason",
        "detail",
        "noted",
        "tags",
        "qos_downgraded_to",
        "rule",
      ],
      ...["default_action", "asked", "client", "checks", "decisions", "state", "notes"],
    ]);
    assert.deepEqual([told.allowed, told.verdict, told.reason, told.tags], [true, "allow", null, [
      "mqtt",
      "subscribe",
    ]]);
    assert.deepEqual(told.rule, { name: "crew-reads", decision: "allow", file, line: 8, column: 7 });
    assert.deepEqual(told.asked, {
      action: "subscribe",
      topic: "plant/+/level",
      qos: 0,
      retain: null,
      payload_bytes: null,
    });
    assert.deepEqual(told.client, {
      client_id: "explain",
      username: "alice",
      proved: true,
      anonymous: false,
      groups: ["crew"],
      attributes: {},
      ip: "192.0.2.1",
      route_id: null,
      protocol_version: "5.0",
    });
    const [decision] = told.decisions;
    assert.deepEqual(decision?.rules.map((rule) => [rule.number, rule.name, rule.outcome, rule.topics]), [
      [1, "never-internal", "misses", []],
      [2, "own-tree", "misses", []],
      [3, "crew-reads", "decides", ["plant/#"]],
    ]);
    assert.deepEqual(decision?.rules[1]?.misses.map(({ condition }) => condition), [
      "username-regex",
      "actions",
      "topics",
    ]);
  }));

Deno.test("rules of a rules file are told with their place there", () =>
  inFolder(async ({ path, write }) => {
    await write("rules.json", `[\n  { "name": "far", "topics": ["a"], "decision": "allow" }\n]`);
    const file = await write("gate.json", `{ "acl": { "rules-file": "rules.json", "rules": [] } }`);
    const { output } = await run(["-c", file, "--json", "publish", "a"]);
    assert.deepEqual(JSON.parse(output).rule, {
      name: "far",
      decision: "allow",
      file: `${path}/rules.json`,
      line: 2,
      column: 3,
    });
  }));

Deno.test("the packet is what the flags say: QoS, retain flag, payload, version, address, route, attributes", async () => {
  const rule = { topics: ["a"], decision: "allow" };
  const retained = { acl: { rules: [{ ...rule, name: "r", retain: true }] } };
  assert.equal((await explained(retained, "publish", "a", "--retain")).verdict, "allow");
  assert.equal((await explained(retained, "publish", "a")).decisions[0]?.rules[0]?.misses[0]?.condition, "retain");
  const qos = { acl: { rules: [{ ...rule, name: "r", "max-qos": 0 }] } };
  assert.equal((await explained(qos, "publish", "a", "--qos", "1")).reason?.code, "rule-qos");
  const match = {
    "protocol-version": [4],
    "client-ip": ["2001:db8::/32"],
    "route-id": ["r1"],
    attributes: { s: "n=1" },
  };
  const one = { acl: { rules: [{ ...rule, name: "r", match: { ...match, username: "u" } }] } };
  const flags = ["--protocol-version", "3.1.1", "--ip", "2001:db8::7", "--route-id", "r1", "--attribute", "s=n=1"];
  assert.equal((await explained(one, ...flags, "--username", "u", "publish", "a")).verdict, "allow");
  assert.deepEqual(
    (await explained(one, "publish", "a")).decisions[0]?.rules[0]?.misses.map(({ condition }) => condition),
    ["username", "client-ip", "protocol-version", "attributes", "route-id"],
  );
  const small = { general: { "max-packet-size": 64 }, acl: { rules: [{ ...rule, name: "r" }] } };
  const large = await explained(small, "publish", "a", "--payload", "x".repeat(100));
  assert.deepEqual([large.reason?.code, large.verdict, large.asked["payload_bytes"]], [
    "packet-too-large",
    "close",
    100,
  ]);
  assert.deepEqual(large.checks, [{ name: "packet", refused: "packet-too-large", detail: null }]);
  const old = await explained({}, "--protocol-version", "3", "connect");
  assert.deepEqual([old.reason?.code, old.packet, old.client["protocol_version"]], [
    "protocol-version",
    "CONNECT",
    "3.1",
  ]);
});

Deno.test("the payload comes from the flag, a file or standard input", () =>
  inFolder(async ({ path, write }) => {
    const file = await write("gate.json", "{}");
    const bytes = async (payload: string, input?: string) => {
      const { code, output } = await run(["-c", file, "--json", "publish", "a", "--payload", payload], input);
      assert.equal(code, 0);
      return JSON.parse(output).asked["payload_bytes"];
    };
    assert.equal(await bytes("öl"), 3);
    assert.equal(await bytes(`@${await write("payload", "12345")}`), 5);
    assert.equal(await bytes("@-", "1234567"), 7);
    const missing = await run(["-c", file, "publish", "a", "--payload", `@${path}/none`]);
    assert.deepEqual([missing.code, missing.notes], [
      1,
      `Cannot read the payload from "${path}/none": no such file`,
    ]);
  }));

Deno.test("a CONNECT is explained with its Will, by the rules about connect and about its topic", async () => {
  const rules = [
    { name: "no-guests", actions: ["connect"], match: { groups: ["guests"] }, decision: "deny" },
    { name: "gone", topics: ["gone/${clientid}"], decision: "allow" },
  ];
  const config = { acl: { rules } };
  const plain = await explained(config, "--client-id", "p1", "connect");
  assert.deepEqual([plain.verdict, plain.tags, plain.asked["topic"]], ["allow", ["mqtt", "connect", "success"], null]);
  const guest = await explained(config, "--username", "g", "--groups", "guests", "connect");
  assert.deepEqual([guest.reason?.code, guest.verdict, guest.rule?.name], ["acl-connect", "close", "no-guests"]);
  const own = await explained(config, "--client-id", "p1", "connect", "gone/p1", "--retain", "--payload", "x");
  assert.deepEqual([own.verdict, own.rule?.name, own.asked["retain"]], ["allow", "gone", true]);
  const others = await explained(config, "--client-id", "p1", "connect", "gone/p2");
  assert.deepEqual([others.reason?.code, others.packet], ["acl-no-rule", "CONNECT"]);
  assert.deepEqual(others.decisions.map(({ action }) => action), ["connect", "publish"]);
});

Deno.test("where the CONNECT is refused already, that is what is explained", async () => {
  const config = { bans: [{ "client-id": "p1", description: "stolen" }], acl: { "default-action": "allow" } };
  const told = await explained(config, "--client-id", "p1", "publish", "a");
  assert.deepEqual([told.packet, told.reason?.code, told.verdict], ["CONNECT", "banned", "close"]);
  assert.match(told.detail[0] ?? "", /p1.*stolen/);
  assert.deepEqual(told.checks, [{ name: "bans", refused: "banned", detail: null }]);
  assert.match(told.notes[0] ?? "", /CONNECT is refused already/);
});

Deno.test("deliveries, and the end of a subscription, are explained too", async () => {
  const rules = [
    { name: "hears", topics: ["a/#"], actions: ["receive"], decision: "allow" },
    { name: "stays", topics: ["a/#"], actions: ["unsubscribe"], decision: "deny" },
  ];
  const heard = await explained({ acl: { rules } }, "receive", "a/b", "--qos", "1");
  assert.deepEqual([heard.verdict, heard.rule?.name, heard.tags], ["allow", "hears", ["mqtt", "delivery"]]);
  const refused = await explained({ acl: { rules } }, "receive", "b", "--qos", "1");
  assert.deepEqual([refused.verdict, refused.reason?.code], ["close", "acl-no-rule"]);
  const left = await explained({ acl: { rules } }, "unsubscribe", "a/b");
  assert.deepEqual([left.verdict, left.reason?.code, left.rule?.name], ["drop", "acl-rule", "stays"]);
});

Deno.test("a name that nobody proved allows nothing, and where nobody can prove it that is said", async () => {
  const rules = [{ name: "r", topics: ["a"], match: { username: "ann" }, decision: "allow" }];
  const off = { acl: { rules } };
  const stated = await explained(off, "--username", "ann", "publish", "a");
  assert.equal(stated.verdict, "allow");
  assert.match(stated.notes[0] ?? "", /nobody proves user names.*refused \(drop, acl-no-rule\)/);
  const unproved = await explained(off, "--username", "ann", "--unproved", "publish", "a");
  assert.deepEqual([unproved.reason?.code, unproved.client["proved"]], ["acl-no-rule", false]);
  const trusting = { ...off, auth: { "trust-broker": true } };
  assert.deepEqual((await explained(trusting, "--username", "ann", "publish", "a")).notes, []);
  const aside = await explained(trusting, "--username", "ann", "--unproved", "publish", "a");
  assert.equal(aside.verdict, "drop");
  assert.match(aside.notes.join(" "), /sets that aside/);
  const grouped = { auth: { "trust-broker": true }, acl: { rules: [{ ...rules[0], match: { groups: ["g"] } }] } };
  const inGroup = await explained(grouped, "--username", "ann", "--groups", "g,h", "publish", "a");
  assert.equal(inGroup.verdict, "allow");
  assert.match(inGroup.notes[0] ?? "", /nobody gives groups or attributes/);
});

Deno.test("authentication is taken for done: no provider is asked, and who states nothing is anonymous", async () => {
  const rules = [
    { name: "r", topics: ["a"], match: { username: "ann" }, decision: "allow" },
    { name: "all", topics: ["open"], match: { groups: ["anonymous"] }, decision: "allow" },
  ];
  const auth = { enabled: true, providers: [{ type: "file", path: "none.json" }], "allow-anonymous": true };
  const config = { auth, acl: { rules } };
  assert.equal((await explained(config, "--username", "ann", "publish", "a")).verdict, "allow");
  assert.equal((await explained(config, "publish", "open")).rule?.name, "all");
  const closed = await explained({ ...config, auth: { ...auth, "allow-anonymous": false } }, "publish", "open");
  assert.deepEqual([closed.packet, closed.reason?.tag, closed.checks.at(-1)?.name], [
    "CONNECT",
    "auth-failed",
    "login",
  ]);
  const bound = { ...config, auth: { ...auth, "client-id-binding": "username" } };
  const other = await explained(bound, "--client-id", "x", "--username", "ann", "connect");
  assert.deepEqual([other.reason?.code, other.checks.at(-1)?.name], ["client-id-binding", "client-id-ownership"]);
});

Deno.test("where nothing is blocked, or a route is not judged, that is said", async () => {
  const detect = await explained({ general: { "block-mode": false } }, "publish", "a");
  assert.deepEqual(
    [detect.verdict, detect.detect_only, detect.reason?.code, detect.tags],
    ["allow", true, "acl-no-rule", ["mqtt", "detect-only", "acl-denied"]],
  );
  const routes = { general: { routes: ["mqtt"] } };
  assert.deepEqual((await explained(routes, "publish", "a")).client["route_id"], "mqtt");
  const unseen = await explained(routes, "--route-id", "http", "publish", "a");
  assert.deepEqual([unseen.verdict, unseen.checks], ["allow", []]);
  assert.match(unseen.notes[0] ?? "", /unseen/);
});

Deno.test("buckets of rate limits are full, and other checks than rules are told as they ran", async () => {
  const config = {
    "rate-limit": { enabled: true, "per-client": { "messages-per-second": 1 } },
    retained: { enabled: true, "blocked-topics": ["a"] },
    acl: { "default-action": "allow" },
  };
  const told = await explained(config, "publish", "a", "--retain");
  assert.equal(told.reason?.code, "retained-blocked");
  assert.deepEqual(told.checks.map(({ name, refused }) => [name, refused]), [
    ["broker-limits", null],
    ["alias-feature", null],
    ["message-topics", null],
    ["publish-acl", null],
    ["response-topic", null],
    ["rate", null],
    ["publish-qos", null],
    ["retain-feature", null],
    ["retained", "retained-blocked"],
  ]);
  assert.match(told.notes.join(" "), /every bucket is taken for full/);
});

Deno.test("what inspection finds is told with the check that found it", () =>
  inFolder(async ({ write }) => {
    const inspection = { enabled: true, patterns: { sqli: true } };
    const file = await write("gate.json", JSON.stringify({ inspection, acl: { "default-action": "allow" } }));
    const attack = "1' OR '1'='1' UNION SELECT password FROM users --";
    for (const size of [0, 40_000]) {
      const args = ["-c", file, "--json", "publish", "a", "--payload", "@-"];
      const told: Told = JSON.parse((await run(args, `${" ".repeat(size)}${attack}`)).output);
      assert.deepEqual([told.verdict, told.tags[2]], ["drop", "inspection-blocked"]);
      const last = told.checks.at(-1);
      assert.deepEqual([last?.name, last?.refused, last?.detail], [
        "inspect-payload",
        told.reason?.code,
        told.detail[0],
      ]);
      assert.match(last?.detail ?? "", /sql/);
    }
    const will: Told = JSON.parse((await run(["-c", file, "--json", "connect", "a", "--payload", attack])).output);
    assert.deepEqual([will.verdict, will.checks.at(-1)?.name], ["close", "inspect-will"]);
    const lenient = { inspection: { ...inspection, "block-severity": "critical" }, acl: { "default-action": "allow" } };
    const noted = await explained(lenient, "publish", "a", "--payload", attack);
    assert.deepEqual([noted.verdict, noted.reason], ["allow", null]);
    assert.match(noted.noted?.[0] ?? "", /sql/);
  }));

Deno.test("among many rules those that apply and those near to it are told, the rest is counted by reason", () =>
  inFolder(async ({ write }) => {
    const others = Array.from({ length: 10_000 }, (_, n) => ({
      name: `dev-${n}`,
      match: { username: `dev-${n}` },
      topics: [`x/${n}/#`],
      decision: "allow",
    }));
    const rules = [
      ...others,
      { name: "mine", match: { username: "ann" }, topics: ["y/#"], decision: "allow" },
      { name: "crew", match: { groups: ["crew"] }, topics: ["x/#"], decision: "allow" },
      { name: "all", topics: ["x/7/#"], decision: "allow", priority: -1 },
      { name: "rest", topics: ["#"], decision: "deny", priority: -2 },
    ];
    const file = await write("gate.json", JSON.stringify({ auth: { "trust-broker": true }, acl: { rules } }));
    const { output } = await run(["-c", file, "--username", "ann", "publish", "x/7/a"]);
    const lines = output.slice(output.indexOf("rules, in the order")).split("\n");
    assert.deepEqual(lines.slice(1).map((line) => line.replace(file, "").replace(/, :1:\d+/, "")), [
      '  no           8. "dev-7"        allow',
      '                  the user name is "ann", not "dev-7"',
      '  no       10001. "mine"         allow',
      '                  "y/#" does not match "x/7/a"',
      '  no       10002. "crew"         allow',
      '                  the client is not in "crew"',
      '  DECIDES  10003. "all"          allow: "x/7/#"',
      '  later    10004. "rest"         deny: "#" (it applies too, but comes later)',
      "  and 9999 more (--all tells each):",
      "    9999 by username and topics",
    ]);
    const all = await run(["-c", file, "--username", "ann", "publish", "x/7/a", "--all"]);
    assert.equal(all.output.match(/"dev-/g)?.length, 20_000);
  }));

Deno.test("a rule on trial is told as one, and rules that are all about something else in one line", () =>
  inFolder(async ({ write }) => {
    const rules = [
      { name: "trial", topics: ["#"], decision: "deny", shadow: true },
      { name: "open", topics: ["a"], decision: "allow" },
    ];
    const file = await write("gate.json", JSON.stringify({ acl: { rules } }));
    const published = await run(["-c", file, "publish", "a"]);
    assert.match(published.output, /SHADOW {3}1\. "trial" .*: "#" \(it would decide, but is on trial\)/);
    assert.match(published.output, /audit tags {2}mqtt, publish, shadow/);
    const connected = await run(["-c", file, "connect"]);
    assert.match(connected.output, /none of 2 is about connect/);
  }));

Deno.test("--exit-code ends with 1 where it is refused, and 0 is for what is allowed", () =>
  inFolder(async ({ write }) => {
    const file = await write("gate.json", `{ "acl": { "rules": { "r": { "topics": ["a"], "decision": "allow" } } } }`);
    assert.equal((await run(["-c", file, "--exit-code", "publish", "a"])).code, 0);
    assert.equal((await run(["-c", file, "--exit-code", "publish", "b"])).code, 1);
    assert.equal((await run(["-c", file, "publish", "b"])).code, 0);
  }));

Deno.test("bad arguments end with 2, a bad configuration with 3, help with 0 and examples", () =>
  inFolder(async ({ path, write }) => {
    for (
      const args of [
        [],
        ["nonsense", "a"],
        ["publish"],
        ["publish", "a", "b"],
        ["publish", "a", "--qos", "3"],
        ["publish", "a", "--ip", "10.0.0"],
        ["publish", "a", "--attribute", "x"],
        ["publish", "a", "--groups", "anonymous"],
        ["publish", "a", "--protocol-version", "6"],
        ["publish", "a", "--unproved", "--groups", "g"],
        ["publish", "x".repeat(70_000)],
        ["subscribe", "a", "--payload", "x"],
        ["unsubscribe", "a", "--qos", "1"],
        ["connect", "--retain"],
        ["connect", "a", "--payload", "x".repeat(70_000)],
      ]
    ) {
      const { code, notes } = await run(args);
      assert.equal(code, 2, args.join(" ").slice(0, 80));
      assert.notEqual(notes, "");
    }
    const bad = await write("bad.json", `{ "acl": { "ruls": [] } }`);
    const refused = await run(["-c", bad, "publish", "a"]);
    assert.equal(refused.code, 3);
    assert.match(refused.notes, /line 1, column 12: acl: unknown key "ruls"/);
    const uncompiled = await write(
      "b.json",
      `{ "acl": { "rules": { "a": { "topics": "a/#/b", "decision": "deny" } } } }`,
    );
    assert.equal((await run(["-c", uncompiled, "publish", "a"])).code, 3);
    assert.equal((await run(["-c", `${path}/none.json`, "publish", "a"])).code, 3);
    const help = await run(["--help"]);
    assert.equal(help.code, 0);
    for (const words of ["--client-id", "--payload", "Examples:", "Exit codes"]) assert.ok(help.output.includes(words));
  }));

Deno.test("text of a client cannot rewrite the terminal that it is shown on", () =>
  inFolder(async ({ write }) => {
    const rules = [{ name: "r", match: { username: "u" }, topics: ["a"], decision: "allow" }];
    const file = await write("gate.json", JSON.stringify({ acl: { rules } }));
    const unseen = /(?!\n)[\p{Cc}\p{Cf}]/u;
    const closed = await run(["-c", file, "--client-id", "a\u001b[2J", "publish", "b\u009bc"]);
    assert.ok(!unseen.test(closed.output), JSON.stringify(closed.output));
    const dropped = await run(["-c", file, "--username", "x\u202ey", "--groups", "g\u200b", "publish", "b\u202ec"]);
    assert.match(dropped.output, /the user name is "x\\u\{202e\}y", not "u"/);
    assert.ok(!unseen.test(dropped.output), JSON.stringify(dropped.output));
  }));

Deno.test("the README shows what explain says", () =>
  inFolder(async ({ write }) => {
    const readme = await Deno.readTextFile(new URL("../README.md", import.meta.url));
    const [, config = ""] = /```jsonc\n(.*?)\n```/s.exec(readme) ?? [];
    const [, command = "", shown = ""] = /\$ deno task start explain (.*?)\n(.*?)\n```/s.exec(readme) ?? [];
    const name = "mqtt-gateway.json";
    const file = await write(name, config);
    const { code, output } = await run(command.split(" ").map((word) => word === name ? file : word));
    assert.deepEqual([code, output.replaceAll(file, name)], [0, shown]);
  }));

const KEPT_PUSH = {
  version: 1,
  json: JSON.stringify({ acl: { rules: { pushed: { topics: "a/#", decision: "allow" } } } }),
  from: "proxy-1",
  atMs: 0,
};
const KEPT_BANS = {
  format: "sentinel-mqtt-agent bans",
  version: 1,
  bans: [{
    id: "b1",
    source: "operator",
    by: "client-id",
    value: "p1",
    reason: "stolen",
    "set-by": "ann",
    "set-at": "2026-01-01T00:00:00.000Z",
    until: null,
  }],
};

Deno.test("what the proxy pushed and bans of the state directory hold, and it says so", () =>
  inFolder(async ({ path, write }) => {
    const file = await write(
      "g.json",
      `{ "acl": { "rules": [{ "name": "own", "topics": "b", "decision": "allow" }] } }`,
    );
    const args = ["-c", file, "--state-dir", path];
    assert.match((await run([...args, "publish", "a/x"])).output, /^REFUSED \(drop\)/, "nothing is kept yet");
    await write("push.json", JSON.stringify(KEPT_PUSH));
    const pushed = await run([...args, "publish", "a/x"]);
    assert.match(pushed.output, /^ALLOWED: PUBLISH "a\/x"/);
    assert.match(pushed.output, /^rule +"pushed", allow, the proxy's push$/m);
    assert.match(pushed.output, /^! What proxy-1 pushed .* ago lies over the file \(".*\/push\.json"\)\.$/m);
    assert.match((await run([...args, "publish", "b"])).output, /^REFUSED/, "its rules are in the place of the file's");
    await write("bans.json", JSON.stringify(KEPT_BANS));
    const banned = await run([...args, "--client-id", "p1", "--json", "publish", "a/x"]);
    const { reason, state, notes } = JSON.parse(banned.output);
    assert.equal(reason.code, "banned");
    assert.deepEqual(state, {
      directory: path,
      push: { from: "proxy-1", pushed_at: "1970-01-01T00:00:00.000Z" },
      bans: true,
    });
    assert.ok(notes.some((note: string) => /^Bans that were set at run time hold too/.test(note)));
    assert.match((await run([...args, "--client-id", "p2", "publish", "a/x"])).output, /^ALLOWED/);
    assert.deepEqual([...Deno.readDirSync(path)].map(({ name }) => name).sort(), ["bans.json", "g.json", "push.json"]);
  }));

Deno.test("a state directory that cannot be understood is told, not gone without", () =>
  inFolder(async ({ path, write }) => {
    const args = ["--state-dir", path, "publish", "a"];
    const missing = await run(["--state-dir", `${path}/none`, "publish", "a"]);
    assert.deepEqual([missing.code, missing.notes], [
      1,
      `Cannot read state from "${path}/none": there is no such directory`,
    ]);
    await write("push.json", "{");
    assert.deepEqual([(await run(args)).code, (await run(args)).notes], [
      1,
      `Cannot read "${path}/push.json": it is not JSON`,
    ]);
    await write("push.json", JSON.stringify({ ...KEPT_PUSH, json: `{"acl":{"ruls":[]}}` }));
    const bad = await run(args);
    assert.equal(bad.code, 3);
    assert.match(bad.notes, /the proxy's push: acl: unknown key "ruls"/);
    await Deno.remove(`${path}/push.json`);
    await write("bans.json", `{ "bans": [] }`);
    const bans = await run(args);
    assert.equal(bans.code, 1);
    assert.match(bans.notes, /^Cannot read bans from ".*bans\.json": it has no "format"/);
  }));
