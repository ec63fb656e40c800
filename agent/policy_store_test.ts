import assert from "node:assert/strict";
import { StateFile } from "./state_file.ts";
import { createLogger } from "./log.ts";
import { startLogins, testLogins } from "../tests/support/test_logins.ts";
import { ConfigurationError, PolicyStore } from "./policy_store.ts";

interface Parts {
  readonly store: PolicyStore;
  readonly file: string;
  readonly watched: string[][];
  /** As if a watched file had changed; resolves when what follows is over. */
  changed(): Promise<void>;
  lines(): Promise<string[]>;
}

async function withStore(config: unknown, work: (parts: Parts) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mqtt-policy-" });
  try {
    await withStoreIn(folder, config, work);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function withStoreIn(
  folder: string,
  config: unknown,
  work: (parts: Parts) => Promise<void> | void,
): Promise<void> {
  const file = `${folder}/agent.json`;
  await Deno.writeTextFile(file, JSON.stringify(config));
  const written: string[] = [];
  const watched: string[][] = [];
  let tell = () => {};
  const log = createLogger({
    json: true,
    write: (bytes) => {
      written.push(new TextDecoder().decode(bytes));
      return Promise.resolve(bytes.length);
    },
  });
  const logins = startLogins();
  const store = await PolicyStore.open({
    file,
    env: () => undefined,
    log,
    wallMs: () => 1_700_000_000_000,
    logins: logins.maker,
    state: new StateFile(folder, "push.json"),
    watch: (paths, onChange) => {
      watched.push([...paths]);
      tell = onChange;
      return { close: () => {} };
    },
  });
  try {
    await work({
      store,
      file,
      watched,
      changed: async () => {
        tell();
        await store.push({}, "nobody");
      },
      lines: async () => {
        await log.flush();
        return written.join("").split("\n").filter((line) => line !== "");
      },
    });
  } finally {
    store.close();
    await logins.close();
  }
}

const RULE = { name: "allow-a", topics: ["a/#"], decision: "allow" };
const FILE = { acl: { rules: [RULE] }, general: { "max-unanswered": 5 } };

Deno.test("a push is a layer over the file: it replaces what it names and keeps the rest", () =>
  withStore(FILE, async ({ store }) => {
    assert.equal(store.current.number, 1);
    assert.equal(await store.push({ general: { "max-topic-levels": 7 } }, "proxy-1"), null);
    assert.equal(store.current.number, 2);
    assert.equal(store.current.limits.maxTopicLevels, 7);
    assert.equal(store.current.limits.maxUnanswered, 5);
    assert.deepEqual(store.current.acl.rules.all().map(({ name }) => name), ["allow-a"]);
    // The next push takes the place of the one before.
    assert.equal(await store.push({ acl: { rules: [] } }, "proxy-1"), null);
    assert.equal(store.current.limits.maxTopicLevels, 32);
    assert.equal(store.current.acl.rules.length, 0);
  }));

Deno.test("an empty push and a repeated one change nothing", () =>
  withStore(FILE, async ({ store }) => {
    const before = store.current;
    for (const nothing of [{}, null, undefined]) assert.equal(await store.push(nothing, "proxy-1"), null);
    assert.equal(store.current, before);
    assert.equal(await store.push({ general: { "max-topic-levels": 7 } }, "proxy-1"), null);
    const pushed = store.current;
    assert.equal(await store.push({ general: { "max-topic-levels": 7 } }, "proxy-1"), null);
    assert.equal(store.current, pushed);
    assert.equal(await store.push({}, "proxy-1"), null);
    assert.equal(store.current, pushed);
  }));

Deno.test("a bad push is told and changes nothing", () =>
  withStore(FILE, async ({ store, lines }) => {
    const before = store.current;
    const bad: [unknown, RegExp][] = [
      [7, /no object/],
      [[], /no object/],
      [{ acl: { ruls: [] } }, /unknown key "ruls" \(did you mean "rules"\?\)/],
      [{ acl: { rules: [{ name: "x", topics: ["a/#/b"], decision: "allow" }] } }, /"#" must be the last level/],
      [
        { acl: { rules: [{ name: "x", match: { "username-regex": "(?=x)" }, topics: ["a"], decision: "allow" }] } },
        /username-regex/,
      ],
      [
        { acl: { rules: [{ name: "x", match: { "client-ip": "10.0.0.1/8" }, topics: ["a"], decision: "allow" }] } },
        /client-ip/,
      ],
      [{ audit: { "memory-events": 5 } }, /not built yet/],
      [
        { inspection: { enabled: true, patterns: { "custom-patterns": { x: { pattern: "(?=x)" } } } } },
        /custom-patterns/,
      ],
      [{ inspection: { "json-schema": { "schema-file": "/none/s.json", topics: "a" } } }, /s\.json": no such file/],
      [{ inspection: { enabled: true, "json-schema": { schema: { type: "nothing" }, topics: "a" } } }, /json-schema/],
      [{ auth: { enabled: true, providers: [{ type: "file", path: "/none/users.json" }] } }, /users\.json/],
    ];
    for (const [config, message] of bad) {
      assert.match(await store.push(config, "proxy-1") ?? "", message);
      assert.equal(store.current, before);
    }
    assert.ok((await lines()).some((line) => line.includes("nothing has changed")));
  }));

Deno.test("a configuration whose own tests fail is refused, at start and at a push", () => {
  const tests = [{ name: "a is open", as: { "client-id": "c" }, publish: "a/x", expect: "allow", rule: "allow-a" }];
  return withStore({ acl: { rules: [RULE], tests } }, async ({ store }) => {
    const before = store.current;
    assert.match(await store.push({ acl: { rules: [] } }, "proxy-1") ?? "", /a is open/);
    assert.equal(store.current, before);
    await assert.rejects(
      withStore({ acl: { rules: [], tests } }, () => {}),
      (error) => error instanceof ConfigurationError && /acl\.tests\[0\].*a is open/.test(error.message),
    );
  });
});

Deno.test("of two proxies that push different things the newest wins, with a warning that names both", () =>
  withStore(FILE, async ({ store, lines }) => {
    await store.push({ general: { "max-topic-levels": 7 } }, "proxy-1");
    await store.push({ general: { "max-topic-levels": 8 } }, "proxy-2");
    assert.equal(store.current.limits.maxTopicLevels, 8);
    const warning = (await lines()).map((line) => JSON.parse(line)).find(({ level }) => level === "warn");
    assert.deepEqual([warning?.before, warning?.now], ["proxy-1", "proxy-2"]);
  }));

Deno.test("without a file nothing is allowed", async () => {
  const log = createLogger({ level: "error" });
  const store = await PolicyStore.open({ env: () => undefined, log, wallMs: () => 0, logins: testLogins() });
  assert.equal(store.current.acl.rules.length, 0);
  assert.equal(store.config.acl["default-action"], "deny");
});

Deno.test("a file that changes comes into force, the push stays over it", () =>
  withStore(FILE, async ({ store, file, changed }) => {
    await store.push({ general: { "max-topic-levels": 7 } }, "proxy-1");
    await Deno.writeTextFile(file, JSON.stringify({ general: { "max-unanswered": 9, "max-topic-levels": 5 } }));
    await changed();
    assert.equal(store.current.limits.maxUnanswered, 9);
    assert.equal(store.current.limits.maxTopicLevels, 7);
    assert.equal(store.current.acl.rules.length, 0);
    assert.equal(store.lastProblem, null);
  }));

Deno.test("a file that changes for the worse changes nothing, is told, and may be put right", () =>
  withStore(FILE, async ({ store, file, changed, lines }) => {
    const before = store.current;
    for (const text of ["", "{", `{ "acl": { "ruls": [] } }`, `{ "acl": { "rules-file": "none.json" } }`]) {
      await Deno.writeTextFile(file, text);
      await changed();
      assert.equal(store.current, before, text);
      assert.notEqual(store.lastProblem, null);
    }
    await Deno.remove(file);
    assert.match(await store.reload("SIGHUP") ?? "", /Cannot read/);
    assert.equal(store.current, before);
    await Deno.writeTextFile(file, JSON.stringify({ acl: { rules: [] } }));
    await changed();
    assert.notEqual(store.current, before);
    assert.equal(store.lastProblem, null);
    assert.ok((await lines()).some((line) => line.includes("nothing has changed")));
  }));

Deno.test("the same words written anew change nothing", () =>
  withStore(FILE, async ({ store, file, changed }) => {
    const before = store.current;
    await Deno.writeTextFile(file, `// said again\n${JSON.stringify(FILE, null, 2)}`);
    await changed();
    assert.equal(store.current, before);
  }));

Deno.test("files that the configuration names are watched with it, as long as it names them", () =>
  withStore(FILE, async ({ file, watched, changed, store }) => {
    assert.deepEqual(watched, [[file]]);
    const rules = file.replace("agent.json", "rules.json");
    await Deno.writeTextFile(file, JSON.stringify({ acl: { "rules-file": "rules.json" } }));
    await changed();
    assert.deepEqual(watched.at(-1), [file, rules], "it is not there yet, and watched all the same");
    await Deno.writeTextFile(rules, JSON.stringify([{ ...RULE, name: "from-rules" }]));
    await changed();
    assert.deepEqual(store.current.acl.rules.all().map(({ name }) => name), ["from-rules"]);
    await Deno.writeTextFile(file, "{}");
    await changed();
    assert.deepEqual(watched.at(-1), [file]);
  }));

Deno.test("a large configuration is compiled in slices, between which others have their turn", async () => {
  const rules = Array.from({ length: 2000 }, (_, i) => ({ ...RULE, name: `r${i}`, match: { username: `u${i}` } }));
  await withStore(FILE, async ({ store }) => {
    let turns = 0;
    let isDone = false;
    const pushed = store.push({ acl: { rules } }, "proxy-1").then((problem) => {
      isDone = true;
      return problem;
    });
    while (!isDone) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
    }
    assert.equal(await pushed, null);
    assert.ok(turns > 20, `${turns} turns`);
    assert.equal(store.current.acl.rules.length, 2000);
  });
});

Deno.test("the last push is kept over a restart, and in the way where it cannot come into force", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mqtt-policy-" });
  const push = { general: { "max-topic-levels": 7 } };
  try {
    await withStoreIn(folder, FILE, async ({ store }) => {
      assert.equal(store.pushed, null);
      assert.equal(await store.push(push, "proxy-1"), null);
    });
    assert.equal((Deno.statSync(`${folder}/push.json`).mode ?? 0) & 0o077, 0);
    await withStoreIn(folder, FILE, async ({ store }) => {
      assert.equal(store.current.limits.maxTopicLevels, 7);
      assert.deepEqual(store.pushed, { from: "proxy-1", atMs: 1_700_000_000_000, json: JSON.stringify(push) });
      assert.equal(await store.push({ acl: { ruls: [] } }, "proxy-1") !== null, true);
      assert.equal(await store.push({}, "proxy-1"), null);
    });
    await withStoreIn(folder, FILE, ({ store }) => assert.equal(store.current.limits.maxTopicLevels, 7));
    for (const text of ["", "{", "5", `{"version":2}`, `{"version":1,"json":"{","from":"a","atMs":1}`]) {
      await Deno.writeTextFile(`${folder}/push.json`, text);
      await assert.rejects(withStoreIn(folder, FILE, () => {}), /Cannot read the proxy's configuration/);
      assert.equal(await Deno.readTextFile(`${folder}/push.json`), text, "nothing is lost");
    }
    const bad = { version: 1, json: `{"acl":{"ruls":[]}}`, from: "proxy-1", atMs: 1 };
    await Deno.writeTextFile(`${folder}/push.json`, JSON.stringify(bad));
    await assert.rejects(withStoreIn(folder, FILE, () => {}), /remove that file to go without it/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("start tells whose push is in force and how old it is", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mqtt-policy-" });
  const kept = {
    version: 1,
    json: `{"general":{"max-topic-levels":7}}`,
    from: "proxy-1",
    atMs: 1_700_000_000_000 - 90_000,
  };
  try {
    await Deno.writeTextFile(`${folder}/push.json`, JSON.stringify(kept));
    await withStoreIn(folder, FILE, async ({ lines }) => {
      const told = (await lines()).map((line) => JSON.parse(line)).find(({ level }) => level === "info");
      assert.deepEqual([told?.from, told?.pushed_at, told?.age_secs], ["proxy-1", "2023-11-14T22:11:50.000Z", 90]);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a push that was kept is named only where start fails because of it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mqtt-policy-" });
  const kept = { version: 1, json: `{"general":{"max-topic-levels":7}}`, from: "proxy-1", atMs: 1 };
  try {
    await Deno.writeTextFile(`${folder}/push.json`, JSON.stringify(kept));
    await assert.rejects(
      withStoreIn(folder, { qoss: {} }, () => {}),
      (error) => error instanceof ConfigurationError && error.problems.length === 1 && /"qoss"/.test(error.message),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what comes into force and what is refused is counted", () =>
  withStore(FILE, async ({ store, file, changed }) => {
    assert.deepEqual(store.changes, { applied: 0, refused: 0 });
    await store.push({ general: { "max-topic-levels": 7 } }, "proxy-1");
    await store.push({ general: { "max-topic-levels": 7 } }, "proxy-1");
    await store.push({}, "proxy-1");
    await store.push([], "proxy-1");
    await Deno.writeTextFile(file, "{");
    await changed();
    await store.reload("SIGHUP");
    await Deno.writeTextFile(file, "{}");
    await changed();
    await changed();
    assert.deepEqual(store.changes, { applied: 2, refused: 3 });
  }));

Deno.test("a push that is refused takes no other's place, and nobody is told that it does", () =>
  withStore(FILE, async ({ store, lines }) => {
    await store.push({ general: { "max-topic-levels": 7 } }, "proxy-1");
    await store.push({ general: { "max-topic-levls": 8 } }, "proxy-2");
    assert.ok(!(await lines()).some((line) => line.includes("newest")));
  }));

Deno.test("a reload that finds nothing new says so", () =>
  withStore(FILE, async ({ store, lines }) => {
    assert.equal(await store.reload("SIGHUP"), null);
    const told = (await lines()).map((line) => JSON.parse(line)).filter(({ cause }) => cause === "SIGHUP");
    assert.deepEqual(told.map(({ level }) => level), ["info"]);
  }));

Deno.test("a push that could not be kept is written when it comes again", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mqtt-policy-" });
  const push = { general: { "max-topic-levels": 7 } };
  try {
    await withStoreIn(folder, FILE, async ({ store, lines }) => {
      await Deno.mkdir(`${folder}/push.json`);
      assert.equal(await store.push(push, "proxy-1"), null);
      assert.ok((await lines()).some((line) => line.includes("Cannot keep")));
      await Deno.remove(`${folder}/push.json`);
      assert.equal(await store.push(push, "proxy-1"), null);
      assert.match(await Deno.readTextFile(`${folder}/push.json`), /max-topic-levels/);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a users file that is missing is waited for", () =>
  withStore(FILE, async ({ file, watched, changed }) => {
    const users = file.replace("agent.json", "users.json");
    await Deno.writeTextFile(
      file,
      JSON.stringify({ auth: { enabled: true, providers: { file: { path: "users.json" } } } }),
    );
    await changed();
    assert.deepEqual(watched.at(-1), [file, users]);
  }));
