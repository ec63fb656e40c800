import assert from "node:assert/strict";
import { usersCommand } from "./users.ts";

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly notes: string;
  /** What was asked. */
  readonly prompts: readonly string[];
}

interface Bench {
  readonly file: string;
  text(): string;
  write(text: string): void;
  /** Runs `users … --file FILE`, with these lines typed or piped. */
  run(args: readonly string[], input?: Input): Promise<Ran>;
}

interface Input {
  readonly lines?: readonly (string | Uint8Array)[];
  readonly isTerminal?: boolean;
  /** Happens while the command waits for a line. */
  readonly meanwhile?: () => void;
}

const NOW_MS = Date.UTC(2026, 5, 1);

async function bench(name: string, test: (on: Bench) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "users_" });
  const file = `${folder}/${name}`;
  try {
    await test({
      file,
      text: () => Deno.readTextFileSync(file),
      write: (text) => Deno.writeTextFileSync(file, text),
      async run(args, { lines = [], isTerminal = false, meanwhile = () => {} } = {}) {
        const left = [...lines];
        const out: string[] = [];
        const notes: string[] = [];
        const prompts: string[] = [];
        const code = await usersCommand([...args, "--file", file], {
          input: {
            isTerminal,
            read: (prompt) => {
              prompts.push(prompt);
              meanwhile();
              const line = left.shift();
              return Promise.resolve(line === undefined ? null : typeof line === "string" ? bytes(line) : line.slice());
            },
          },
          out: (text) => void out.push(text),
          note: (text) => void notes.push(text),
          wallMs: () => NOW_MS,
        });
        return { code, out: out.join("\n"), notes: notes.join("\n"), prompts };
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const HASH = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

for (const name of ["users.json", "users.yaml"]) {
  Deno.test(`a user is added, verified, given another password and removed in ${name}`, () =>
    bench(name, async (on) => {
      const added = await on.run(["add", "ada", "--groups", "g, h", "--client-ids", "i", "--cost", "4"], {
        lines: ["first"],
      });
      assert.deepEqual([added.code, added.out, added.notes], [0, "", 'Added the user "ada"']);
      assert.equal((Deno.statSync(on.file).mode ?? 0) & 0o777, 0o600);
      assert.ok(!on.text().includes("first"));
      const verify = async (password: string) => (await on.run(["verify", "ada"], { lines: [password] })).code;
      assert.deepEqual([await verify("first"), await verify("First"), await verify("")], [0, 1, 1]);
      assert.equal((await on.run(["passwd", "ada", "--cost", "4"], { lines: ["second"] })).code, 0);
      assert.deepEqual([await verify("first"), await verify("second")], [1, 0]);
      const [user] = JSON.parse((await on.run(["list", "--json"])).out);
      assert.deepEqual(user, {
        name: "ada",
        enabled: true,
        expires: null,
        groups: ["g", "h"],
        "client-ids": ["i"],
        attributes: {},
        password: "bcrypt",
        cost: 4,
      });
      assert.equal((await on.run(["del", "ada"])).code, 0);
      assert.equal((await on.run(["list", "--json"])).out, "[]");
    }));
}

Deno.test("--generate prints a secret of 160 bits once, alone on standard output, and keeps its fast hash", () =>
  bench("users.json", async (on) => {
    const { code, out, prompts } = await on.run(["add", "d1", "--generate"]);
    assert.equal(code, 0);
    assert.match(out, /^[A-Z2-7]{32}$/);
    assert.deepEqual(prompts, []);
    assert.match(on.text(), /"password_hash": "\$sha256\$[A-Za-z0-9_-]{27}\$[A-Za-z0-9_-]{43}"/);
    assert.ok(!on.text().includes(out));
    assert.equal((await on.run(["verify", "d1"], { lines: [out] })).code, 0);
    assert.equal((await on.run(["verify", "d1"], { lines: [out.toLowerCase()] })).code, 1);
    const again = await on.run(["passwd", "d1", "--generate"]);
    assert.notEqual(again.out, out);
    assert.equal((await on.run(["verify", "d1"], { lines: [out] })).code, 1);
    assert.equal((await on.run(["verify", "d1"], { lines: [again.out] })).code, 0);
  }));

Deno.test("a terminal is asked twice, a pipe once", () =>
  bench("users.json", async (on) => {
    const add = (name: string, ...lines: string[]) => on.run(["add", name, "--cost", "4"], { lines, isTerminal: true });
    assert.deepEqual((await add("a", "one", "one")).prompts, ["Password: ", "The same again: "]);
    const differs = await add("b", "one", "two");
    assert.deepEqual([differs.code, differs.notes], [1, "Cannot use this password: the two are not the same"]);
    assert.equal((await add("c", "one")).code, 1);
    assert.equal((await add("d")).code, 1);
    assert.deepEqual((await on.run(["add", "e", "--cost", "4"], { lines: ["one"] })).prompts, ["Password: "]);
    assert.deepEqual(JSON.parse((await on.run(["list", "--json"])).out).map((user: { name: string }) => user.name), [
      "a",
      "e",
    ]);
  }));

Deno.test("passwords that bcrypt cannot hold are refused, those that are no text are not", () =>
  bench("users.json", async (on) => {
    const add = (password: string | Uint8Array) => on.run(["add", "a", "--cost", "4"], { lines: [password] });
    assert.match((await add("")).notes, /it is empty/);
    assert.match((await add("x".repeat(73))).notes, /more than 72 bytes/);
    assert.match((await add("a\0b")).notes, /NUL/);
    assert.throws(() => on.text());
    const odd = new Uint8Array([0xff, 0xfe, 0x80]);
    assert.equal((await add(odd)).code, 0);
    assert.equal((await on.run(["verify", "a"], { lines: [odd] })).code, 0);
    assert.match((await on.run(["verify", "a"], { lines: ["x".repeat(73)] })).notes, /is wrong: .*72 bytes/);
  }));

Deno.test("comments and order stay, and so does the mode of the file", () =>
  bench("users.json", async (on) => {
    const text =
      `// who may come in\n{\n  "users": {\n    // the first\n    "zoe": { "password_hash": "${HASH}" }, // she\n` +
      `    "__proto__": { "password-hash": "${HASH}" } // it\n  }\n}\n`;
    on.write(text);
    Deno.chmodSync(on.file, 0o640);
    assert.equal((await on.run(["add", "ada", "--generate"])).code, 0);
    assert.equal((await on.run(["passwd", "__proto__", "--generate"])).code, 0);
    assert.equal((await on.run(["del", "ada"])).code, 0);
    assert.equal(on.text().replace(/\$sha256\$[^"]+/, HASH).replace("} , // it", "} // it"), text);
    assert.equal((Deno.statSync(on.file).mode ?? 0) & 0o777, 0o640);
  }));

Deno.test("nothing is written over what somebody else changed while the password was asked for", () =>
  bench("users.json", async (on) => {
    const theirs = `{"users":{"other":{"password_hash":"${HASH}"}}}`;
    const meanwhile = () => on.write(theirs);
    for (const [before, args] of [[null, ["add", "a"]], [HASH, ["passwd", "a"]], [HASH, ["add", "b"]]] as const) {
      Deno.removeSync(on.file.replace("users.json", ""), { recursive: true });
      Deno.mkdirSync(on.file.replace("users.json", ""));
      if (before !== null) on.write(`{"users":{"a":{"password_hash":"${before}"}}}`);
      const { code, notes } = await on.run([...args, "--cost", "4"], { lines: ["secret"], meanwhile });
      assert.equal(code, 1);
      assert.match(notes, /changed by somebody else meanwhile/);
      assert.equal(on.text(), theirs);
    }
  }));

Deno.test("a file with problems is not touched, and they are told with exit code 3", () =>
  bench("users.json", async (on) => {
    const text = `{"users":{"a":{"password_hash":"hunter2","grups":[]}}}`;
    on.write(text);
    for (
      const args of [["add", "b", "--generate"], ["passwd", "a", "--generate"], ["del", "a"], ["list"], ["verify", "a"]]
    ) {
      const { code, notes } = await on.run(args, { lines: ["x"] });
      assert.equal(code, 3, args.join(" "));
      assert.equal(notes.split("\n").length, 2);
      assert.ok(!notes.includes("hunter2"));
    }
    assert.equal(on.text(), text);
  }));

Deno.test("exit code 1 is for what cannot be done", () =>
  bench("users.json", async (on) => {
    assert.match((await on.run(["list"])).notes, /^Cannot read .*: no such file$/);
    on.write(`{"users":{"a":{"password_hash":"${HASH}"}}}`);
    const failures: readonly (readonly [readonly string[], RegExp])[] = [
      [["add", "a", "--generate"], /^Cannot add the user "a": there is one/],
      [["passwd", "b", "--generate"], /^Cannot find the user "b"/],
      [["del", "b"], /^Cannot find the user "b"/],
      [["verify", "b"], /^Cannot find the user "b"/],
      [["verify", "a"], /there is no password/],
    ];
    for (const [args, message] of failures) {
      const { code, notes } = await on.run(args);
      assert.equal(code, 1, args.join(" "));
      assert.match(notes, message);
    }
  }));

Deno.test("verify says that a password is right of a user who is refused all the same", () =>
  bench("users.json", async (on) => {
    const user = (more: string) => on.write(`{"users":{"a":{"password_hash":"${HASH}"${more}}}}`);
    const verify = () => on.run(["verify", "a"], { lines: ["secret"] });
    user("");
    assert.deepEqual([(await verify()).code, (await verify()).notes], [0, 'The password of "a" is right']);
    user(`,"enabled":false`);
    assert.deepEqual([(await verify()).code, (await verify()).notes], [
      1,
      'The password is right, but the user "a" is disabled',
    ]);
    user(`,"expires":"2026-06-01"`);
    assert.match((await verify()).notes, /has expired/);
    user(`,"expires":"2026-06-02"`);
    assert.equal((await verify()).code, 0);
  }));

const BAD_ARGUMENTS: readonly (readonly string[])[] = [
  [],
  ["nothing"],
  ["add"],
  ["add", ""],
  ["add", "a\u0000b"],
  ["add", "a", "secret"],
  ["add", "a", "--password", "secret"],
  ["add", "a", "--cost", "3"],
  ["add", "a", "--cost", "32"],
  ["add", "a", "--cost", "1e1"],
  ["add", "a", "--groups", "a,,b"],
  ["add", "a", "--generate", "--cost", "12"],
  ["list", "a"],
];

for (const args of BAD_ARGUMENTS) {
  Deno.test(`users ${JSON.stringify(args)} ends with exit code 2`, () =>
    bench("users.json", async (on) => {
      const { code, notes } = await on.run(args, { lines: ["x"] });
      assert.equal(code, 2);
      assert.notEqual(notes, "");
      assert.throws(() => on.text());
    }));
}

Deno.test("help ends with exit code 0, and a command without --file with 2", async () => {
  const out: string[] = [];
  const on = { out: (text: string) => void out.push(text), note: (text: string) => void out.push(text) };
  assert.equal(await usersCommand(["--help"], on), 0);
  assert.match(out.join("\n"), /never an argument[^]*Exit codes: 0 ok/);
  assert.equal(await usersCommand(["add", "--help"], on), 0);
  assert.equal(await usersCommand(["list"], on), 2);
});

Deno.test("list shows everything but hashes, and no name that could be taken for something else", () =>
  bench("users.json", async (on) => {
    on.write(`{"users":{
      "zoe": {"password_hash":"${HASH}","groups":["g","h"],"enabled":false},
      "007": {"password_hash":"${HASH}","client-ids":["a,b"],"expires":"2026-01-01"},
      "a\u202eb c": {"password_hash":"$sha256$${"A".repeat(22)}$${"A".repeat(43)}","attributes":{"__proto__":"x"}}}}`);
    assert.equal((await on.run(["add", "dev", "--generate"])).code, 0);
    const { code, out } = await on.run(["list"]);
    assert.equal(code, 0);
    assert.deepEqual(out.split("\n"), [
      "USER          STATE     PASSWORD   GROUPS  CLIENT IDS  EXPIRES",
      '007           expired   bcrypt 4   -       "a,b"       2026-01-01T00:00:00.000Z',
      '"a\\u202eb c"  enabled   sha256     -       any         never',
      "dev           enabled   generated  -       any         never",
      "zoe           disabled  bcrypt 4   g,h     any         never",
    ]);
    const json = (await on.run(["list", "--json"])).out;
    for (const text of [out, json]) assert.ok(!text.includes("$2b$") && !text.includes("$sha256$"));
    assert.deepEqual(JSON.parse(json)[1].attributes, JSON.parse('{"__proto__":"x"}'));
  }));
