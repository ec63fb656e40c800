import { deepEqual, equal, ok } from "node:assert/strict";
import { loadConfig } from "./load.ts";
import { MAX_FILE_BYTES, readText } from "./read_text.ts";

function inDirectory(test: (directory: string) => void): void {
  const directory = Deno.makeTempDirSync({ prefix: "config-read-" });
  try {
    test(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("readText() gives the text without its byte order mark", () =>
  inDirectory((directory) => {
    Deno.writeTextFileSync(`${directory}/a.json`, '\ufeff{ "é": 1 }\r\n');
    deepEqual(readText(`${directory}/a.json`), { text: `{ "é": 1 }\r\n` });
    Deno.writeTextFileSync(`${directory}/empty.json`, "");
    deepEqual(readText(`${directory}/empty.json`), { text: "" });
  }));

Deno.test("readText() reads what is longer than its first look at the size said", () => {
  // A file of /proc has no size, as a pipe, and comes page by page.
  const result = readText("/proc/self/maps");
  ok("text" in result && result.text.length > 8192 && result.text.includes("[stack]"));
});

Deno.test("readText() says why there is no text", () =>
  inDirectory((directory) => {
    Deno.writeFileSync(`${directory}/latin1.json`, new Uint8Array([0x22, 0xe9, 0x22]));
    Deno.writeFileSync(`${directory}/utf16.json`, new Uint8Array([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]));
    Deno.writeTextFileSync(`${directory}/file`, "");
    using large = Deno.openSync(`${directory}/large.json`, { write: true, create: true });
    large.truncateSync(MAX_FILE_BYTES + 1);
    using huge = Deno.openSync(`${directory}/huge.json`, { write: true, create: true });
    huge.truncateSync(2 ** 40);
    deepEqual(readText(`${directory}/absent.json`), { fault: "no such file" });
    deepEqual(readText(`${directory}/file/below`), { fault: "no such file" });
    deepEqual(readText(directory), { fault: "it is a directory" });
    deepEqual(readText(`${directory}/latin1.json`), { fault: "not valid UTF-8" });
    deepEqual(readText(`${directory}/utf16.json`), { fault: "not valid UTF-8" });
    deepEqual(readText(`${directory}/large.json`), { fault: "larger than 64 MiB" });
    deepEqual(readText(`${directory}/huge.json`), { fault: "larger than 64 MiB" });
  }));

Deno.test("readText() stops reading what never ends", () => {
  deepEqual(readText("/dev/zero"), { fault: "larger than 64 MiB" });
});

Deno.test({
  name: "readText() says that permission is denied",
  // The superuser may read everything.
  ignore: Deno.uid() === 0,
  fn: () =>
    inDirectory((directory) => {
      Deno.writeTextFileSync(`${directory}/a.json`, "{}", { mode: 0o000 });
      deepEqual(readText(`${directory}/a.json`), { fault: "permission denied" });
    }),
});

Deno.test({
  name: "readText() says that Deno may not read",
  permissions: { read: false },
  fn: () => deepEqual(readText("/etc/hostname"), { fault: "this process was started without the right to read it" }),
});

Deno.test("loadConfig() names a file that it cannot read", () => {
  const loaded = loadConfig({ file: { path: "/nowhere/gate.json" }, env: () => undefined });
  ok("problems" in loaded);
  deepEqual(loaded.problems.map(({ kind, message }) => [kind, message]), [
    ["read", `Cannot read "/nowhere/gate.json": no such file`],
  ]);
  equal(loaded.problems[0]?.place.file, "/nowhere/gate.json");
});
