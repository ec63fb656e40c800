import assert from "node:assert/strict";
import { StateFile } from "./state_file.ts";

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "bans-" });
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

function modeOf(path: string): number {
  return (Deno.statSync(path).mode ?? 0) & 0o777;
}

Deno.test("write() makes the file, replaces it, and leaves nothing beside it", () =>
  withFolder(async (folder) => {
    const path = `${folder}/state.json`;
    const file = new StateFile(folder, "state.json");
    assert.deepEqual(await file.read(), { text: null });
    assert.equal(await file.write(["one", " ", "piece"]), null);
    assert.equal(Deno.readTextFileSync(path), "one piece");
    assert.equal(await file.write([]), null);
    assert.equal(Deno.readTextFileSync(path), "");
    assert.equal(await file.write(["ü".repeat(100_000), "x"]), null);
    assert.deepEqual(await new StateFile(folder, "state.json").read(), { text: `${"ü".repeat(100_000)}x` });
    assert.deepEqual(namesIn(folder), ["state.json"]);
  }));

Deno.test("the file is its owner's alone, even if it was everybody's", () =>
  withFolder(async (folder) => {
    const path = `${folder}/state.json`;
    Deno.writeTextFileSync(path, "old");
    Deno.chmodSync(path, 0o666);
    const file = new StateFile(folder, "state.json");
    await file.read();
    await file.write(["new"]);
    assert.equal(modeOf(path), 0o600);
  }));

Deno.test("whoever reads sees the old or the new text, and the old file stays whole for who has it open", () =>
  withFolder(async (folder) => {
    const path = `${folder}/state.json`;
    const file = new StateFile(folder, "state.json");
    await file.write(["old"]);
    using reader = Deno.openSync(path);
    function* pieces(): Generator<string> {
      yield "n";
      assert.equal(Deno.readTextFileSync(path), "old");
      yield "ew";
      assert.equal(Deno.readTextFileSync(path), "old");
    }
    assert.equal(await file.write(pieces()), null);
    const bytes = new Uint8Array(9);
    assert.equal(new TextDecoder().decode(bytes.subarray(0, reader.readSync(bytes) ?? 0)), "old");
    assert.equal(Deno.readTextFileSync(path), "new");
  }));

Deno.test("a write that fails in the middle leaves the file as it was, and nothing beside it", () =>
  withFolder(async (folder) => {
    const path = `${folder}/state.json`;
    const file = new StateFile(folder, "state.json");
    await file.write(["old"]);
    function* pieces(): Generator<string> {
      yield "n";
      throw new Error("the disk is full");
    }
    assert.equal(await file.write(pieces()), "the disk is full");
    assert.equal(Deno.readTextFileSync(path), "old");
    assert.deepEqual(namesIn(folder), ["state.json"]);
    assert.equal(await file.write(["new"]), null);
  }));

Deno.test("what a crash left beside the file is taken away, and nothing else", () =>
  withFolder(async (folder) => {
    const others = [
      ".other.json.01234567.tmp",
      ".state.json.0123456.tmp",
      ".state.json.tmp",
      "state.json.01234567.tmp",
    ];
    for (const name of [".state.json.01234567.tmp", ".state.json.89abcdef.tmp", ...others]) {
      Deno.writeTextFileSync(`${folder}/${name}`, "half a");
    }
    Deno.mkdirSync(`${folder}/.state.json.00000000.tmp`);
    Deno.writeTextFileSync(`${folder}/state.json`, "whole");
    assert.deepEqual(await new StateFile(folder, "state.json").read(), { text: "whole" });
    assert.deepEqual(namesIn(folder), [...others, ".state.json.00000000.tmp", "state.json"].sort());
  }));

Deno.test("a file that somebody else wrote is not replaced, until it is gone or read", () =>
  withFolder(async (folder) => {
    const path = `${folder}/state.json`;
    const foreign = "it was written by somebody else meanwhile, and one state directory serves one agent";
    const file = new StateFile(folder, "state.json");
    assert.deepEqual(await file.read(), { text: null });
    Deno.writeTextFileSync(path, "theirs");
    assert.equal(await file.write(["ours"]), foreign);
    assert.equal(Deno.readTextFileSync(path), "theirs");
    assert.deepEqual(namesIn(folder), ["state.json"]);
    await file.read();
    assert.equal(await file.write(["ours"]), null);
    const other = new StateFile(folder, "state.json");
    await other.read();
    assert.equal(await other.write(["ours"]), null);
    assert.equal(await file.write(["ours"]), foreign, "the same text, but not our file");
    Deno.removeSync(path);
    assert.equal(await file.write(["ours"]), null);
  }));

Deno.test("what cannot be read is told, and is not taken for a file that is not there", () =>
  withFolder(async (folder) => {
    Deno.mkdirSync(`${folder}/folder.json`);
    Deno.writeFileSync(`${folder}/bytes.json`, new Uint8Array([0x7b, 0xff]));
    Deno.writeTextFileSync(`${folder}/huge.json`, "");
    Deno.truncateSync(`${folder}/huge.json`, 64 * 1024 * 1024 + 1);
    const cases = [
      ["", "folder.json", "it is no file"],
      ["", "bytes.json", "it is not valid UTF-8"],
      ["", "huge.json", "it is larger than 64 MiB"],
      ["/bytes.json", "x.json", "its directory is none"],
    ] as const;
    for (const [more, name, fault] of cases) {
      assert.deepEqual(await new StateFile(`${folder}${more}`, name).read(), { fault });
    }
    assert.equal(await new StateFile(`${folder}/gone`, "x.json").write(["x"]), "there is no such directory");
  }));
