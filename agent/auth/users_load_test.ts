import assert from "node:assert/strict";
import { Threads } from "./threads.ts";
import { loadUsers, PIECE_USERS, type UsersLoadResult } from "./users_load.ts";
import { EMPTY_TABLE, type UsersTable } from "./users_table.ts";

const LIMITS = { minBcryptCost: 4, maxBcryptCost: 14 };
const A = "$2b$12$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
const B = "$2b$10$abcdefghijklmnopqrstuuF7KK/SfP9IRGj0pPJMr8GdtCS8xpmpC";

interface Place extends AsyncDisposable {
  readonly threads: Threads;
  load(
    name: string,
    previous?: UsersTable,
    signal?: AbortSignal,
    yieldTurn?: () => Promise<void>,
  ): Promise<UsersLoadResult>;
  write(name: string, text: string): void;
}

async function place(): Promise<Place> {
  const folder = await Deno.makeTempDir({ prefix: "users_load_" });
  const threads = new Threads();
  return {
    threads,
    load: (name, previous = EMPTY_TABLE, signal = new AbortController().signal, yieldTurn) => {
      const load = { path: `${folder}/${name}`, limits: LIMITS, previous, threads, signal };
      return loadUsers(yieldTurn === undefined ? load : { ...load, yieldTurn });
    },
    write: (name, text) => Deno.writeTextFileSync(`${folder}/${name}`, text),
    async [Symbol.asyncDispose]() {
      await threads.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function tableOf(result: UsersLoadResult): UsersTable {
  assert.ok("table" in result, JSON.stringify(result));
  return result.table;
}

/** More than are put into the table at once. */
const MANY = PIECE_USERS * 2 + 1;

function manyUsers(hashOf: (n: number) => string): string {
  const users = Array.from({ length: MANY }, (_, n) => `"u${n}":{"password_hash":"${hashOf(n)}","groups":["g"]}`);
  return `{"users":{${users.join(",")}}}`;
}

Deno.test("a file is read here or, as YAML, by a thread, piece by piece, to the same table", async () => {
  await using at = await place();
  at.write("large.json", manyUsers(() => A));
  // JSON is YAML as well.
  at.write("large.yaml", manyUsers(() => A));
  at.write("none.yaml", "users: {}");
  at.write("small.yaml", `users: {u7: {password_hash: ${A}, groups: g}}`);
  at.write("small.json", `{"users":{"u7":{"password_hash":"${A}","groups":"g"}}}`);
  const large = tableOf(await at.load("large.json"));
  assert.equal(large.users.size, MANY);
  assert.equal(large.changed, MANY);
  assert.deepEqual([...large.users.keys()].slice(0, 3), ["u0", "u1", "u2"]);
  const small = tableOf(await at.load("small.json"));
  assert.deepEqual(small.users.get("u7"), large.users.get("u7"));
  assert.deepEqual(tableOf(await at.load("small.yaml")).users, small.users);
  assert.deepEqual(tableOf(await at.load("large.yaml")), large);
  assert.equal(tableOf(await at.load("none.yaml")).users.size, 0);
  assert.equal(large.users.get("u0")?.groups, large.users.get(`u${MANY - 1}`)?.groups, "one list for all");
});

Deno.test("what a file says again stays the same object, and what it says otherwise is counted", async () => {
  await using at = await place();
  at.write("u.json", manyUsers(() => A));
  const first = tableOf(await at.load("u.json"));
  assert.equal(tableOf(await at.load("u.json", first)).changed, 0);
  at.write(
    "u.json",
    manyUsers((n) => n === 1 ? B : A).replace(`"u2":`, `"v2":`).replace(`"groups":["g"]`, `"groups":["h"]`),
  );
  const second = tableOf(await at.load("u.json", first));
  // u0 has another group, u1 another hash, u2 is gone, v2 is new.
  assert.equal(second.changed, 4);
  const [before, after] = [first.users, second.users];
  assert.equal(after.get("u3"), before.get("u3"));
  assert.notEqual(after.get("u0"), before.get("u0"));
  assert.equal(after.get("u0")?.credential, before.get("u0")?.credential);
  assert.notEqual(after.get("u1")?.credential, before.get("u1")?.credential);
  assert.ok(Object.isFrozen(after.get("u0")) && Object.isFrozen(after.get("u0")?.groups));
});

Deno.test("the common cost is the one most users have, the higher of two alike, null where none has bcrypt", async () => {
  await using at = await place();
  const costOf = async (...hashes: string[]): Promise<number | null> => {
    const users = hashes.map((hash, n) => `"u${n}":{"password_hash":"${hash}"}`);
    at.write("u.json", `{"users":{${users.join(",")}}}`);
    return tableOf(await at.load("u.json")).commonBcryptCost;
  };
  const fast = `$sha256$${"A".repeat(22)}$${"A".repeat(43)}`;
  assert.equal(await costOf(), null);
  assert.equal(await costOf(fast, fast), null);
  assert.equal(await costOf(fast, fast, B), 10);
  assert.equal(await costOf(B, A), 12);
  assert.equal(await costOf(A, B), 12);
  assert.equal(await costOf(A, B, B), 10);
});

Deno.test("problems come from a thread as from here, and a file that is not there is one", async () => {
  await using at = await place();
  at.write("large.json", manyUsers((n) => n === MANY - 1 ? "hunter2" : A));
  at.write("small.yaml", "users:\n  a: {}");
  const messages = async (name: string): Promise<string[]> => {
    const result = await at.load(name);
    assert.ok("problems" in result);
    return result.problems.map(({ message }) => message);
  };
  assert.match(
    (await messages("large.json")).join(),
    /large\.json": line 1, column \d+: users\.u384\.password-hash: /,
  );
  at.write("large.yaml", manyUsers((n) => n === MANY - 1 ? "hunter2" : A));
  assert.deepEqual(
    (await messages("large.yaml")).map((message) => message.replace("large.yaml", "large.json")),
    await messages("large.json"),
  );
  assert.match(
    (await messages("small.yaml")).join(),
    /small\.yaml": line 2, column 3: users\.a: "password-hash" is missi/,
  );
  for (const name of ["none.json", "none.yaml"]) {
    assert.match((await messages(name)).join(), /^Cannot read ".*": no such/);
  }
});

Deno.test("between any few users of a file of thousands others get their turn", async () => {
  await using at = await place();
  const users = 5000;
  at.write("u.json", `{"users":{${Array.from({ length: users }, (_, n) => `"u${n}":{"password_hash":"${A}"}`)}}}`);
  let turns = 0;
  const read = await at.load("u.json", EMPTY_TABLE, undefined, () => {
    turns++;
    return Promise.resolve();
  });
  assert.equal(tableOf(read).users.size, users);
  // Once for what is read of the text, once for the users in it, once for the table.
  assert.ok(turns >= 2 * users / 64 + users * 80 / 16_384, `${turns} turns`);
});

Deno.test("a load that is given up, or whose thread fails, ends", async () => {
  await using at = await place();
  for (const name of ["large.json", "large.yaml"]) {
    at.write(name, manyUsers(() => A));
    const closing = new AbortController();
    const given = at.load(name, EMPTY_TABLE, closing.signal);
    closing.abort();
    assert.ok("problems" in await given);
  }
  await at.threads.close();
  const failed = await at.load("large.yaml");
  assert.ok("problems" in failed && /thread/.test(failed.problems[0]?.text ?? ""), JSON.stringify(failed));
});
