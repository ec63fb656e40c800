import assert from "node:assert/strict";
import { replaceFile } from "./replace_file.ts";

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "replace_file_" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test("replaceFile() makes a file for its owner alone, and none where there is one", () =>
  inFolder(async (folder) => {
    const path = `${folder}/users.json`;
    assert.deepEqual(await replaceFile(path, null, "new"), { done: true });
    assert.equal(Deno.readTextFileSync(path), "new");
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    assert.ok("fault" in await replaceFile(path, null, "newer"));
    assert.equal(Deno.readTextFileSync(path), "new");
    assert.deepEqual(names(folder), ["users.json"]);
  }));

Deno.test("replaceFile() puts another file in the place of the old one, with its mode", () =>
  inFolder(async (folder) => {
    const path = `${folder}/users.json`;
    Deno.writeTextFileSync(path, "old");
    Deno.chmodSync(path, 0o640);
    const before = Deno.statSync(path).ino;
    assert.deepEqual(await replaceFile(path, "old", "new"), { done: true });
    const after = Deno.statSync(path);
    assert.notEqual(after.ino, before);
    assert.equal((after.mode ?? 0) & 0o7777, 0o640);
    assert.equal(Deno.readTextFileSync(path), "new");
    assert.deepEqual(names(folder), ["users.json"]);
  }));

Deno.test("replaceFile() writes nothing over what somebody else wrote meanwhile", () =>
  inFolder(async (folder) => {
    const path = `${folder}/users.json`;
    Deno.writeTextFileSync(path, "theirs");
    assert.ok("fault" in await replaceFile(path, "old", "new"));
    assert.equal(Deno.readTextFileSync(path), "theirs");
    assert.deepEqual(names(folder), ["users.json"]);
  }));

Deno.test("of many that replace a file at once one gets through, and the others are told", () =>
  inFolder(async (folder) => {
    const path = `${folder}/users.json`;
    Deno.writeTextFileSync(path, "old");
    const results = await Promise.all(Array.from({ length: 8 }, (_, n) => replaceFile(path, "old", `new ${n}`)));
    assert.equal(results.filter((result) => "done" in result).length, 1);
    assert.equal(Deno.readTextFileSync(path), `new ${results.findIndex((result) => "done" in result)}`);
    assert.deepEqual(names(folder), ["users.json"]);
  }));

Deno.test("replaceFile() waits for another run of this program, and sees what that one wrote", () =>
  inFolder(async (folder) => {
    const path = `${folder}/users.json`;
    Deno.writeTextFileSync(path, "old");
    const other = Deno.openSync(path, { read: true, write: true });
    other.lockSync(true);
    const replacing = replaceFile(path, "old", "new");
    // Time enough to write, for one that would not wait.
    for (let look = 0; look < 100; look++) assert.equal(await Deno.readTextFile(path), "old");
    other.writeSync(new TextEncoder().encode("theirs"));
    other.close();
    assert.ok("fault" in await replacing);
    assert.equal(Deno.readTextFileSync(path), "theirs");
  }));

Deno.test("replaceFile() leaves a link a link and replaces what it leads to", () =>
  inFolder(async (folder) => {
    Deno.mkdirSync(`${folder}/real`);
    Deno.writeTextFileSync(`${folder}/real/users.json`, "old");
    Deno.symlinkSync("real/users.json", `${folder}/users.json`);
    assert.deepEqual(await replaceFile(`${folder}/users.json`, "old", "new"), { done: true });
    assert.ok(Deno.lstatSync(`${folder}/users.json`).isSymlink);
    assert.equal(Deno.readTextFileSync(`${folder}/real/users.json`), "new");
    assert.deepEqual(names(`${folder}/real`), ["users.json"]);
  }));

Deno.test("whoever reads while a file is replaced sees the old text or the new one, whole", () =>
  inFolder(async (folder) => {
    const path = `${folder}/users.json`;
    const texts = ["a", "b"].map((letter) => letter.repeat(200_000)) as [string, string];
    Deno.writeTextFileSync(path, texts[0]);
    let isDone = false;
    const reading = (async () => {
      while (!isDone) {
        const text = await Deno.readTextFile(path);
        assert.ok(texts.includes(text), `${text.length} characters`);
      }
    })();
    for (let round = 0; round < 10; round++) {
      await replaceFile(path, texts[round % 2] as string, texts[(round + 1) % 2] as string);
    }
    isDone = true;
    await reading;
  }));
