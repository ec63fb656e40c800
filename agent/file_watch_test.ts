import assert from "node:assert/strict";
import { type FileWatch, watchFiles, type WatchOptions } from "./file_watch.ts";

/** A change that is not told within so long fails its test. */
const PATIENCE_MS = 10_000;

interface Watched extends AsyncDisposable {
  readonly folder: string;
  /** Resolves once a call tells the path and `holds` says yes of what the file holds then (null: no file). */
  told(path: string, holds: (text: string | null) => boolean): Promise<void>;
  readonly calls: readonly (readonly string[])[];
  readonly errors: readonly unknown[];
  watch(paths: readonly string[], options?: WatchOptions): FileWatch;
}

function textOf(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return null;
  }
}

async function watched(): Promise<Watched> {
  const folder = await Deno.makeTempDir({ prefix: "file_watch_" });
  const calls: (readonly string[])[] = [];
  const errors: unknown[] = [];
  const watches: FileWatch[] = [];
  let onCall = () => {};
  return {
    folder,
    calls,
    errors,
    watch(paths, options = {}) {
      const watch = watchFiles(paths, (changed) => {
        calls.push(changed);
        onCall();
      }, { debounceMs: 5, pollMs: 20, onError: (error) => errors.push(error), ...options });
      watches.push(watch);
      return watch;
    },
    told(path, holds) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const timer = setTimeout(() => reject(new Error(`${path} was not told: ${JSON.stringify(calls)}`)), PATIENCE_MS);
      const since = calls.length;
      onCall = () => {
        if (calls.slice(since).some((call) => call.includes(path)) && holds(textOf(path))) resolve();
      };
      return promise.finally(() => clearTimeout(timer));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(watches.map((watch) => watch.close()));
      await Deno.remove(folder, { recursive: true });
    },
  };
}

const WAYS: Readonly<Record<string, WatchOptions>> = {
  // A poll that never comes, and events that are not used: each way must do by itself.
  "events": { pollMs: 3_600_000 },
  "polling": { events: false },
};

for (const [way, options] of Object.entries(WAYS)) {
  Deno.test(`watchFiles() tells a file that is written in place, by ${way}`, async () => {
    await using test = await watched();
    const path = `${test.folder}/users.json`;
    Deno.writeTextFileSync(path, "old");
    test.watch([path], options);
    const told = test.told(path, (text) => text === "newer");
    Deno.writeTextFileSync(path, "newer");
    await told;
    assert.deepEqual(test.errors, []);
  });

  Deno.test(`watchFiles() tells a file that is replaced by a rename, twice, by ${way}`, async () => {
    await using test = await watched();
    const path = `${test.folder}/users.json`;
    Deno.writeTextFileSync(path, "1");
    test.watch([path], options);
    for (const content of ["2", "3"]) {
      const told = test.told(path, (text) => text === content);
      Deno.writeTextFileSync(`${path}.tmp`, content);
      Deno.renameSync(`${path}.tmp`, path);
      await told;
    }
  });

  Deno.test(`watchFiles() tells a file that is swapped by a link to its folder, by ${way}`, async () => {
    await using test = await watched();
    const { folder } = test;
    for (const version of ["..1", "..2", "..3"]) {
      Deno.mkdirSync(`${folder}/${version}`);
      Deno.writeTextFileSync(`${folder}/${version}/users.json`, version);
    }
    Deno.symlinkSync("..1", `${folder}/..data`);
    Deno.symlinkSync("..data/users.json", `${folder}/users.json`);
    const path = `${folder}/users.json`;
    test.watch([path], options);
    for (const version of ["..2", "..3"]) {
      const told = test.told(path, (text) => text === version);
      Deno.symlinkSync(version, `${folder}/..data_tmp`);
      Deno.renameSync(`${folder}/..data_tmp`, `${folder}/..data`);
      await told;
    }
    // The real file is now in a folder that was not watched at first.
    const told = test.told(path, (text) => text === "in place");
    Deno.writeTextFileSync(`${folder}/..3/users.json`, "in place");
    await told;
  });

  Deno.test(`watchFiles() tells a file that is deleted and made again, by ${way}`, async () => {
    await using test = await watched();
    const path = `${test.folder}/users.json`;
    Deno.writeTextFileSync(path, "old");
    test.watch([path], options);
    const gone = test.told(path, (text) => text === null);
    Deno.removeSync(path);
    await gone;
    const back = test.told(path, (text) => text === "back");
    Deno.writeTextFileSync(path, "back");
    await back;
  });

  Deno.test(`watchFiles() tells the last of 100 quick writes, by ${way}`, async () => {
    await using test = await watched();
    const path = `${test.folder}/users.json`;
    Deno.writeTextFileSync(path, "0");
    test.watch([path], options);
    const told = test.told(path, (text) => text === "100");
    for (let write = 1; write <= 100; write++) Deno.writeTextFileSync(path, String(write));
    await told;
    // Far fewer than there were writes, or the debouncing does nothing.
    assert.ok(test.calls.length < 20, String(test.calls.length));
  });
}

Deno.test("watchFiles() tells a file whose folder did not exist, and was deleted and made again", async () => {
  await using test = await watched();
  const path = `${test.folder}/etc/users.json`;
  test.watch([path]);
  for (const content of ["first", "second"]) {
    const told = test.told(path, (text) => text === content);
    Deno.mkdirSync(`${test.folder}/etc`);
    Deno.writeTextFileSync(path, content);
    await told;
    const gone = test.told(path, (text) => text === null);
    Deno.removeSync(`${test.folder}/etc`, { recursive: true });
    await gone;
  }
});

Deno.test("watchFiles() tells which of several files changed, and says nothing of their neighbours", async () => {
  await using test = await watched();
  const [a, b, other] = ["a.json", "b.json", "c.json"].map((name) => `${test.folder}/${name}`) as [
    string,
    string,
    string,
  ];
  for (const path of [a, b, other]) Deno.writeTextFileSync(path, "old");
  test.watch([a, b]);
  const told = test.told(b, (text) => text === "new");
  Deno.writeTextFileSync(other, "new");
  Deno.writeTextFileSync(b, "new");
  await told;
  assert.ok(test.calls.every((call) => call.length === 1 && call[0] === b), JSON.stringify(test.calls));
});

Deno.test("watchFiles() does not take the reading of a file for a change of it", async () => {
  await using test = await watched();
  const [read, written] = ["a.json", "b.json"].map((name) => `${test.folder}/${name}`) as [string, string];
  for (const path of [read, written]) Deno.writeTextFileSync(path, "old");
  test.watch([read, written], { pollMs: 3_600_000 });
  const told = test.told(written, (text) => text === "new" && textOf(read) === "old");
  textOf(read);
  Deno.writeTextFileSync(written, "new");
  await told;
  assert.deepEqual(test.calls, [[written]]);
});

Deno.test("watchFiles() goes on behind an onChange that throws, and hands over what it threw", async () => {
  await using test = await watched();
  const path = `${test.folder}/users.json`;
  const errors: unknown[] = [];
  let calls = 0;
  let next = Promise.withResolvers<void>();
  const watch = watchFiles([path], () => {
    calls++;
    next.resolve();
    throw new Error(`call ${calls}`);
  }, { debounceMs: 5, pollMs: 20, onError: (error) => errors.push(error) });
  for (const content of ["1", "22"]) {
    next = Promise.withResolvers<void>();
    Deno.writeTextFileSync(path, content);
    await next.promise;
  }
  await watch.close();
  assert.deepEqual(errors.slice(0, 2).map(String), ["Error: call 1", "Error: call 2"]);
});

Deno.test("watchFiles() tells nothing once it is closed, even what it had seen already", async () => {
  await using test = await watched();
  const path = `${test.folder}/users.json`;
  const watch = test.watch([path], { debounceMs: 0, pollMs: 1 });
  const told = test.told(path, () => true);
  Deno.writeTextFileSync(path, "1");
  await told;
  Deno.writeTextFileSync(path, "2");
  const calls = test.calls.length;
  await watch.close();
  assert.equal(test.calls.length, calls);
});
