/** How a list of bans outlives a restart. */
import assert from "node:assert/strict";
import { TestSurroundings } from "../../tests/support/test_surroundings.ts";
import { client, mustAdd, newBan, NOW_MS } from "./bans_fixture.ts";
import { BanList } from "./ban_list.ts";

interface Rig {
  readonly folder: string;
  readonly path: string;
  readonly world: TestSurroundings;
  open(wallMs?: number): Promise<BanList>;
  problem(): Promise<string>;
}

async function withRig(run: (rig: Rig) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "bans-" });
  const world = new TestSurroundings();
  const open = (wallMs: number) => BanList.open(folder, { setTimer: world.setTimer, tell: world.tell }, wallMs);
  try {
    await run({
      folder,
      path: `${folder}/bans.json`,
      world,
      open: async (wallMs = NOW_MS) => {
        const opened = await open(wallMs);
        assert.ok("bans" in opened, JSON.stringify(opened));
        return opened.bans;
      },
      problem: async () => {
        const opened = await open(NOW_MS);
        assert.ok("problem" in opened);
        return opened.problem;
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const listed = (bans: BanList, wallMs = NOW_MS) => bans.list(wallMs).map(({ ban }) => ban);

Deno.test("run-time bans of every kind outlive a restart as they were", () =>
  withRig(async ({ open, path }) => {
    const bans = await open();
    assert.deepEqual(listed(bans), []);
    mustAdd(bans, newBan("client-id", "__proto__", { reason: 'he said "no"', untilMs: NOW_MS + 1000 }));
    mustAdd(bans, newBan("username", "Zoë \u{1f600}\u2028"));
    mustAdd(bans, newBan("client-ip", "2001:db8::/32"));
    mustAdd(bans, newBan("client-id-regex", "^bot-\\d+$"));
    mustAdd(bans, newBan("username-regex", "(?i)mallory"));
    const from = { by: "client-id", value: "dev-1", from: "192.0.2.1", reason: "r", untilMs: NOW_MS + 2000 } as const;
    assert.ok(bans.addAutomatic(from, NOW_MS) !== null);
    const before = listed(bans);
    await bans.close();
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);

    const again = await open();
    assert.deepEqual(listed(again), before);
    const hits = [
      client("__proto__"),
      client("x", "Zoë \u{1f600}\u2028"),
      client("x", null, "2001:db8:1::1"),
      client("bot-7"),
      client("x", "MALLORY"),
      client("dev-1"),
    ];
    for (const [index, who] of hits.entries()) assert.deepEqual(again.find(who, NOW_MS), before[index]);
    assert.equal(again.find(client("dev-1", null, "192.0.2.2"), NOW_MS), null);
    assert.equal(again.find(client("dev-1"), NOW_MS + 2000), null);
    assert.ok("ban" in again.lift(before[1]?.id ?? "", NOW_MS));
    await again.close();
    assert.deepEqual(listed(await open()), before.toSpliced(1, 1));
  }));

Deno.test("bans that ended meanwhile are gone after a restart, and from the file with the next change", () =>
  withRig(async ({ open, path }) => {
    const bans = await open();
    mustAdd(bans, newBan("client-id", "short", { untilMs: NOW_MS + 1000 }));
    mustAdd(bans, newBan("client-id", "long"));
    await bans.close();
    const again = await open(NOW_MS + 1000);
    assert.equal(again.size, 1);
    assert.deepEqual(listed(again, NOW_MS + 1000).map(({ value }) => value), ["long"]);
    mustAdd(again, newBan("client-id", "new"), NOW_MS + 1000);
    await again.close();
    assert.ok(!Deno.readTextFileSync(path).includes("short"));
  }));

Deno.test("every change is written a quarter of a second later, without being asked", () =>
  withRig(async ({ open, world, folder, path }) => {
    const automatic = { by: "client-id", value: "y", from: null, reason: "", untilMs: NOW_MS + 1 } as const;
    const changes: [change: (bans: BanList) => unknown, left: string[]][] = [
      [(bans) => mustAdd(bans, newBan("client-id", "x")), ["x"]],
      [(bans) => bans.addAutomatic(automatic, NOW_MS), ["x", "y"]],
      [(bans) => bans.list(NOW_MS + 1), ["x"]],
      [(bans) => bans.lift(listed(bans)[0]?.id ?? "", NOW_MS), []],
    ];
    for (const [change, left] of changes) {
      const bans = await open();
      assert.deepEqual(world.timers, []);
      change(bans);
      assert.deepEqual(world.timers, [250]);
      const before = inodeOf(path);
      const watcher = Deno.watchFs(folder);
      world.advance(250);
      // The event that is waited for is the rename; those of the file beside come before it.
      for await (const _ of watcher) if (inodeOf(path) !== before) break;
      assert.deepEqual(listed(await open()).map(({ value }) => value), left);
      await bans.close();
    }
  }));

function inodeOf(path: string): number | null {
  try {
    return Deno.statSync(path).ino;
  } catch {
    return null;
  }
}

Deno.test("a crash in the middle of writing leaves the bans that were written before", () =>
  withRig(async ({ open, folder, path }) => {
    const bans = await open();
    const ban = mustAdd(bans, newBan("client-id", "x"));
    await bans.close();
    Deno.writeTextFileSync(`${folder}/.bans.json.0123abcd.tmp`, Deno.readTextFileSync(path).slice(0, 100));
    assert.deepEqual(listed(await open()), [ban]);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["bans.json"]);
  }));

Deno.test("a file that is not understood is an error, and stays as it is", () =>
  withRig(async ({ problem, folder, path }) => {
    const head = `"format":"sentinel-mqtt-agent bans"`;
    const ban =
      `"source":"operator","by":"client-id","reason":"","set-by":"a","set-at":"2027-01-31T12:00:00.000Z","until":null`;
    const file = (...bans: string[]) =>
      `{${head},"version":1,"bans":[${bans.map((more) => `{${ban},${more}}`).join(",")}]}`;
    const cases: [string, string][] = [
      ["", "line 1, column 1: expected a value, found the end of the file"],
      [`{${head},"version":1,"bans":[`, "line 1, column 58: expected a value, found the end of the file"],
      [`{"bans":[]}`, `it has no "format": "sentinel-mqtt-agent bans"`],
      [`{${head},"version":2,"bans":[]}`, "a newer agent wrote it (version 2, known here is 1)"],
      [
        file(`"id":"1","value":"x"`, `"id":"1","value":"y"`),
        `client id "y" is banned twice, or the id "1" is there twice`,
      ],
      [
        file(`"id":"1","value":"x"`, `"id":"2","value":"x"`),
        `client id "x" is banned twice, or the id "2" is there twice`,
      ],
      [
        file(...Array.from({ length: 10_001 }, (_, i) => `"id":"${i}","value":"${i}"`)),
        "it holds more than 10000 bans",
      ],
    ];
    for (const [text, fault] of cases) {
      Deno.writeTextFileSync(path, text);
      assert.equal(await problem(), `Cannot read bans from "${path}": ${fault}`);
      assert.equal(Deno.readTextFileSync(path), text);
      assert.equal([...Deno.readDirSync(folder)].length, 1);
    }
    const patterns = Array.from({ length: 65 }, (_, i) => `"id":"${i}","value":"${i}"`);
    Deno.writeTextFileSync(path, file(...patterns).replaceAll(`"by":"client-id"`, `"by":"client-id-regex"`));
    assert.equal(await problem(), `Cannot read bans from "${path}": it holds more than 64 patterns`);
    Deno.removeSync(path);
    Deno.mkdirSync(path);
    assert.equal(await problem(), `Cannot read bans from "${path}": it is no file`);
  }));

Deno.test("a disk that fails is told once, and bans hold all the same", () =>
  withRig(async ({ open, folder, path, world }) => {
    const bans = await open();
    Deno.writeTextFileSync(path, "theirs");
    const ban = mustAdd(bans, newBan("client-id", "x"));
    await bans.close();
    const problem =
      `Cannot write bans to "${path}": it was written by somebody else meanwhile, and one state directory serves one agent`;
    assert.equal(bans.problem, problem);
    assert.deepEqual(world.told, [{ level: "warn", message: problem, fields: {} }]);
    assert.equal(bans.find(client("x"), NOW_MS), ban);
    assert.equal(Deno.readTextFileSync(path), "theirs");
    Deno.removeSync(path);
    await bans.close();
    assert.equal(bans.problem, null);
    assert.deepEqual(world.told[1], { level: "info", message: `Bans are written to "${path}" again`, fields: {} });
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["bans.json"]);
  }));

Deno.test("a list without a state directory keeps nothing and closes at once", async () => {
  const world = new TestSurroundings();
  const bans = new BanList({ setTimer: world.setTimer, tell: world.tell });
  mustAdd(bans, newBan("client-id", "x"));
  assert.deepEqual(world.timers, []);
  await bans.close();
  assert.equal(bans.problem, null);
});

Deno.test("10,000 bans with the longest texts fit into what may be read again", () =>
  withRig(async ({ open, path }) => {
    const bans = await open();
    const fill = '"'.repeat(1000);
    for (let i = 0; i < 10_000; i++) {
      mustAdd(
        bans,
        newBan("client-id", `${fill}${i}`, { reason: `${fill}${fill.slice(0, 24)}`, setBy: '"'.repeat(256) }),
      );
    }
    await bans.close();
    assert.equal(bans.problem, null);
    assert.ok(Deno.statSync(path).size < 64 * 1024 * 1024);
    assert.equal((await open()).size, 10_000);
  }));
