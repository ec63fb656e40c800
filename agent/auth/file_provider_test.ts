import assert from "node:assert/strict";
import { watchFiles } from "../file_watch.ts";
import { hashBcrypt } from "./bcrypt.ts";
import { BcryptError, BcryptPool, type Bidder } from "./bcrypt_pool.ts";
import { createFileProvider, FileProvider, type FileProviderNeeds } from "./file_provider.ts";
import { generateSecret, hashOfGenerated } from "./password_hash.ts";
import type { Answer, Credentials, Identity, Work } from "./provider.ts";
import { Threads } from "./threads.ts";

const NOW_MS = Date.UTC(2026, 5, 1);
const NO_HEADERS: ReadonlyMap<string, readonly string[]> = new Map();

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function shows(username: string | null, password: string | Uint8Array | null, address = "10.0.0.1"): Credentials {
  const shown = typeof password === "string" ? bytes(password) : password;
  return { clientId: "c", username, password: shown, address, level: 4, headers: NO_HEADERS };
}

/** A pool whose answers a test gives, and which notes what it was asked. */
class FakePool extends BcryptPool {
  readonly asked: {
    password: string;
    hash: string;
    bidder: Bidder;
    settle: (matches: boolean | BcryptError) => void;
  }[] = [];
  warmed = 0;
  full: string | null = null;

  constructor() {
    super(new Threads());
  }

  override warm(): void {
    this.warmed++;
  }

  override expectedMs(cost: number, { address, low = false }: Bidder): number {
    return cost * 10 + (low ? 1000 : 0) + (address === "10.0.0.66" ? 100 : 0);
  }

  override refusal(): string | null {
    return this.full;
  }

  override verify(password: Uint8Array, hash: string, bidder: Bidder): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const settle = (matches: boolean | BcryptError) =>
      typeof matches === "boolean" ? resolve(matches) : reject(matches);
    this.asked.push({ password: new TextDecoder("latin1").decode(password), hash, bidder, settle });
    return promise;
  }
}

interface Setting extends AsyncDisposable {
  readonly path: string;
  readonly pool: FakePool;
  readonly told: readonly string[];
  provider(needs?: Partial<FileProviderNeeds>): Promise<FileProvider>;
  /** Replaces the file; nothing reads it by itself. */
  write(users: Readonly<Record<string, unknown>> | string): void;
}

async function setting(users: Readonly<Record<string, unknown>>): Promise<Setting> {
  const folder = await Deno.makeTempDir({ prefix: "file_provider_" });
  const path = `${folder}/users.json`;
  const pool = new FakePool();
  const threads = new Threads();
  const told: string[] = [];
  const made: FileProvider[] = [];
  const write = (users: Readonly<Record<string, unknown>> | string): void =>
    Deno.writeTextFileSync(path, typeof users === "string" ? users : JSON.stringify({ users }));
  write(users);
  return {
    path,
    pool,
    told,
    write,
    async provider(needs = {}) {
      const options = {
        path,
        hotReload: true,
        name: null,
        onError: "deny",
        minBcryptCost: 4,
        maxBcryptCost: 14,
      } as const;
      const result = await createFileProvider(options, {
        pool,
        threads,
        wallMs: () => NOW_MS,
        watch: () => ({ close: () => {} }),
        tell: (level, message, fields) => told.push(`${level} ${message} ${JSON.stringify(fields)}`),
        ...needs,
      });
      assert.ok("provider" in result, JSON.stringify(result));
      made.push(result.provider);
      return result.provider;
    },
    async [Symbol.asyncDispose]() {
      for (const provider of made) provider.close();
      await threads.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** `kind`, or `kind code`. */
function summary(answer: Answer | Work): string {
  return answer.kind === "deny" ? `deny ${answer.code}` : answer.kind;
}

function identityOf(answer: Answer | Work): Identity {
  assert.ok(answer.kind === "allow", JSON.stringify(answer));
  return answer.identity;
}

function workOf(answer: Answer | Work): Work {
  assert.ok(answer.kind === "work", JSON.stringify(answer));
  return answer;
}

const HASH = await hashBcrypt(bytes("right"), 4);
const OTHER_HASH = await hashBcrypt(bytes("right"), 4);
const SECRET = generateSecret();
const FAST = hashOfGenerated(SECRET);

Deno.test("check() answers at once whatever needs no hash, each with its own word", async () => {
  await using at = await setting({
    slow: { password_hash: HASH },
    fast: { password_hash: FAST },
    off: { password_hash: HASH, enabled: false },
    old: { password_hash: FAST, expires: "2026-06-01" },
    soon: { password_hash: FAST, expires: "2026-06-02" },
    __proto__x: { password_hash: FAST },
  });
  const provider = await at.provider();
  const secret = new TextDecoder().decode(SECRET);
  const cases: readonly (readonly [string | null, string | Uint8Array | null, string])[] = [
    [null, null, "ignore"],
    [null, "right", "ignore"],
    ["", "right", "ignore"],
    ["nobody", "right", "ignore"],
    ["__proto__", "right", "ignore"],
    ["constructor", "right", "ignore"],
    ["off", "right", "deny user-disabled"],
    ["old", secret, "deny user-expired"],
    ["soon", secret, "allow"],
    ["slow", null, "deny wrong-password"],
    ["slow", "", "deny wrong-password"],
    ["slow", "x".repeat(73), "deny password-too-long"],
    ["slow", "right\0", "deny wrong-password"],
    ["slow", "right", "work"],
    ["slow", "wrong", "work"],
    ["slow", new Uint8Array([0xff, 0xfe]), "work"],
    ["fast", secret, "allow"],
    ["fast", `${secret}x`, "deny wrong-password"],
    ["fast", "x".repeat(1000), "deny wrong-password"],
    ["fast", "", "deny wrong-password"],
    ["Fast", secret, "ignore"],
  ];
  for (const [username, password, expected] of cases) {
    assert.equal(summary(provider.check(shows(username, password), NOW_MS)), expected, `${username} ${password}`);
  }
  assert.equal(at.pool.asked.length, 0);
});

Deno.test("an identity says what the file says of the user", async () => {
  await using at = await setting({
    a: { password_hash: FAST },
    b: {
      password_hash: FAST,
      groups: ["g", "h"],
      "client-ids": "one",
      attributes: { zone: "a" },
      expires: "2027-01-31T00:00:00Z",
    },
  });
  const provider = await at.provider();
  const plain = { clientIdClaim: null, acl: null, provider: "file" };
  assert.deepEqual(identityOf(provider.check(shows("a", SECRET), NOW_MS)), {
    ...plain,
    username: "a",
    groups: [],
    attributes: null,
    clientIds: null,
    expiresAtMs: Infinity,
  });
  assert.deepEqual(identityOf(provider.check(shows("b", SECRET), NOW_MS)), {
    ...plain,
    username: "b",
    groups: ["g", "h"],
    attributes: new Map([["zone", "a"]]),
    clientIds: ["one"],
    expiresAtMs: Date.UTC(2027, 0, 31),
  });
  assert.equal(provider.name, "file (users.json)");
  assert.deepEqual([provider.onError, provider.headers, provider.generation], ["deny", [], 0]);
});

Deno.test("a bcrypt user is work once, and then answered at once, right or wrong", async () => {
  await using at = await setting({ a: { password_hash: HASH } });
  const provider = await at.provider();
  assert.equal(at.pool.warmed, 1);
  const password = bytes("right");
  const work = workOf(provider.check({ ...shows("a", null), password }, NOW_MS));
  assert.equal(work.expectedMs, 40);
  // The packet's bytes are overwritten by the next one.
  password.fill(0);
  assert.equal(at.pool.asked.length, 0);
  const answer = work.run();
  assert.equal(work.run(), answer);
  assert.deepEqual(at.pool.asked.map(({ password, hash }) => [password, hash]), [["right", HASH]]);
  at.pool.asked[0]?.settle(true);
  assert.equal(identityOf(await answer).username, "a");
  assert.equal(summary(provider.check(shows("a", "right"), NOW_MS)), "allow");
  assert.equal(summary(provider.check(shows("a", "wrong"), NOW_MS)), "deny wrong-password");
  assert.equal(at.pool.asked.length, 1);
});

Deno.test("a wrong password, a full queue and a lost thread are told apart, and none is remembered as right", async () => {
  await using at = await setting({ a: { password_hash: HASH } });
  const provider = await at.provider();
  const outcomes = [false, BcryptError.of("queue-full"), BcryptError.of("worker-failed")];
  for (const [index, expected] of ["deny wrong-password", "error", "error"].entries()) {
    const answer = workOf(provider.check(shows("a", "guess"), NOW_MS)).run();
    at.pool.asked[index]?.settle(outcomes[index] as boolean | BcryptError);
    assert.equal(summary(await answer), expected);
  }
  assert.equal(summary(provider.check(shows("a", "guess"), NOW_MS)), "work");
});

Deno.test("what finds no room in the queue is an error at once, and no work that somebody would come back for", async () => {
  await using at = await setting({ a: { password_hash: HASH } });
  const provider = await at.provider();
  at.pool.full = "as many wait as may";
  assert.deepEqual(provider.check(shows("a", "right"), NOW_MS), { kind: "error", why: "as many wait as may" });
  assert.equal(at.pool.asked.length, 0);
  // Who needs no hash needs no room.
  assert.equal(summary(provider.check(shows("a", ""), NOW_MS)), "deny wrong-password");
  at.pool.full = null;
  assert.equal(summary(provider.check(shows("a", "right"), NOW_MS)), "work");
});

Deno.test("turns in the queue go by address, of IPv6 by /64, and names under attack wait", async () => {
  await using at = await setting({ a: { password_hash: HASH } });
  const provider = await at.provider({ isLow: ({ address }) => address === "10.0.0.9" });
  const addresses = ["10.0.0.1", "10.0.0.9", "2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1", "::ffff:10.0.0.1"];
  for (const address of addresses) void workOf(provider.check(shows("a", "x", address), NOW_MS)).run();
  void workOf(provider.check({ ...shows("a", "x"), address: null }, NOW_MS)).run();
  assert.deepEqual(at.pool.asked.map(({ bidder }) => bidder), [
    { address: "10.0.0.1", low: false },
    { address: "10.0.0.9", low: true },
    { address: "2001:db8::/64", low: false },
    { address: "2001:db8::/64", low: false },
    { address: "2001:db8:0:1::/64", low: false },
    { address: "10.0.0.1", low: false },
    { address: "unknown", low: false },
  ]);
  assert.equal(workOf(provider.check(shows("a", "x", "10.0.0.9"), NOW_MS)).expectedMs, 1040);
});

Deno.test("hashMs() is what a hash takes for that address, for known and unknown users alike, and 0 without bcrypt", async () => {
  await using at = await setting({ a: { password_hash: HASH }, b: { password_hash: FAST } });
  const provider = await at.provider();
  for (const name of ["a", "b", "nobody"]) {
    assert.equal(provider.hashMs(shows(name, "x")), 40);
    assert.equal(provider.hashMs(shows(name, "x", "10.0.0.66")), 140);
  }
  at.write({ b: { password_hash: FAST } });
  await provider.reload();
  assert.equal(provider.hashMs(shows("a", "x")), 0);
});

Deno.test("a reload changes who is known in one step; a file with problems changes nothing and is told", async () => {
  await using at = await setting({ a: { password_hash: FAST } });
  const provider = await at.provider();
  const secret = new TextDecoder().decode(SECRET);
  at.write({ b: { password_hash: FAST } });
  await provider.reload();
  assert.equal(summary(provider.check(shows("a", secret), NOW_MS)), "ignore");
  assert.equal(summary(provider.check(shows("b", secret), NOW_MS)), "allow");
  assert.equal(provider.generation, 1);
  at.write(`{"users":{"c":{"password_hash":"hunter2"`);
  await provider.reload();
  at.write({ c: { password_hash: "hunter2" } });
  await provider.reload();
  Deno.removeSync(at.path);
  await provider.reload();
  assert.equal(summary(provider.check(shows("b", secret), NOW_MS)), "allow");
  assert.equal(provider.generation, 1);
  assert.deepEqual(at.told.map((line) => line.split(" ")[0]), ["info", "warn", "warn", "warn"]);
  assert.ok(!at.told.some((line) => line.includes("hunter2")));
  // The same again, with a comment, is nothing new.
  at.write(`// the same\n{"users":{"b":{"password_hash":"${FAST}"}}}`);
  await provider.reload();
  assert.equal(provider.generation, 1);
});

Deno.test("who was proved stays proved over a reload that leaves his hash, and not over one that does not", async () => {
  await using at = await setting({ a: { password_hash: HASH }, b: { password_hash: HASH } });
  const provider = await at.provider();
  for (const [index, name] of ["a", "b"].entries()) {
    const answer = workOf(provider.check(shows(name, "right"), NOW_MS)).run();
    at.pool.asked[index]?.settle(true);
    assert.equal(summary(await answer), "allow");
  }
  at.write({ a: { password_hash: HASH, groups: ["new"] }, b: { password_hash: OTHER_HASH } });
  await provider.reload();
  assert.deepEqual(identityOf(provider.check(shows("a", "right"), NOW_MS)).groups, ["new"]);
  assert.equal(summary(provider.check(shows("a", "wrong"), NOW_MS)), "deny wrong-password");
  assert.equal(summary(provider.check(shows("b", "right"), NOW_MS)), "work");
  // Nor over a configuration that makes the provider anew.
  const next = await at.provider({ previous: provider });
  provider.close();
  assert.equal(summary(next.check(shows("a", "right"), NOW_MS)), "allow");
  const stranger = await at.provider();
  assert.equal(summary(stranger.check(shows("a", "right"), NOW_MS)), "work");
});

Deno.test("what a hash proved is worth nothing if the user was changed meanwhile", async () => {
  const changes: readonly (readonly [Readonly<Record<string, unknown>>, string, string])[] = [
    [{ a: { password_hash: OTHER_HASH } }, "error", "work"],
    [{}, "error", "ignore"],
    [{ a: { password_hash: HASH, enabled: false } }, "deny user-disabled", "deny user-disabled"],
    [{ a: { password_hash: HASH, expires: "2020-01-01" } }, "deny user-expired", "deny user-expired"],
    [{ a: { password_hash: HASH, groups: ["new"] } }, "allow", "allow"],
  ];
  for (const [users, expected, later] of changes) {
    await using at = await setting({ a: { password_hash: HASH } });
    const provider = await at.provider();
    const answer = workOf(provider.check(shows("a", "right"), NOW_MS)).run();
    at.write(users);
    await provider.reload();
    at.pool.asked[0]?.settle(true);
    assert.equal(summary(await answer), expected, JSON.stringify(users));
    assert.equal(summary(provider.check(shows("a", "right"), NOW_MS)), later, JSON.stringify(users));
  }
});

Deno.test("stillHolds() is true as long as the file says the same of the user, and he has not expired", async () => {
  const user = { password_hash: FAST, groups: ["g"], "client-ids": ["i"], attributes: { x: "y" } };
  const endings: readonly (readonly [string, Readonly<Record<string, unknown>>, boolean])[] = [
    ["the same", { a: user }, true],
    ["another user", { a: user, b: { password_hash: HASH } }, true],
    ["removed", {}, false],
    ["disabled", { a: { ...user, enabled: false } }, false],
    ["expired", { a: { ...user, expires: "2026-01-01" } }, false],
    ["to expire", { a: { ...user, expires: "2027-01-01" } }, false],
    ["another password", { a: { ...user, password_hash: hashOfGenerated(SECRET) } }, false],
    ["other groups", { a: { ...user, groups: ["h"] } }, false],
    ["more groups", { a: { ...user, groups: ["g", "h"] } }, false],
    ["other client ids", { a: { ...user, "client-ids": ["j"] } }, false],
    ["other attributes", { a: { ...user, attributes: { x: "z" } } }, false],
  ];
  for (const [what, users, expected] of endings) {
    await using at = await setting({ a: user });
    const provider = await at.provider();
    const identity = identityOf(provider.check(shows("a", SECRET), NOW_MS));
    at.write(users);
    await provider.reload();
    assert.equal(provider.stillHolds(identity, NOW_MS), expected, what);
    // By the provider of a new configuration too, which did not prove him itself.
    const next = await at.provider();
    assert.equal(next.stillHolds(identity, NOW_MS), expected, what);
  }
});

Deno.test("stillHolds() ends with the user, and knows no identity of others", async () => {
  await using at = await setting({ a: { password_hash: FAST, expires: "2026-06-02" } });
  const provider = await at.provider();
  const identity = identityOf(provider.check(shows("a", SECRET), NOW_MS));
  assert.equal(provider.stillHolds(identity, Date.UTC(2026, 5, 2) - 1), true);
  assert.equal(provider.stillHolds(identity, Date.UTC(2026, 5, 2)), false);
  assert.equal(provider.stillHolds({ ...identity }, NOW_MS), false);
});

Deno.test("createFileProvider() says all that is wrong with the file, or that there is none, and closes its watch", async () => {
  await using at = await setting({ a: {}, b: { password_hash: "x" } });
  let closed = 0;
  const create = (path: string) =>
    createFileProvider(
      { path, hotReload: true, name: "devices", onError: "ignore", minBcryptCost: 4, maxBcryptCost: 14 },
      {
        pool: at.pool,
        threads: new Threads(),
        wallMs: () => NOW_MS,
        watch: () => ({ close: () => closed++ }),
        tell: () => {},
      },
    );
  const bad = await create(at.path);
  assert.ok("problems" in bad);
  assert.equal(bad.problems.length, 2);
  const missing = await create(`${at.path}.none`);
  assert.ok("problems" in missing && /^Cannot read .*: no such file$/.test(missing.problems[0]?.message ?? ""));
  assert.equal(closed, 2);
});

Deno.test("a change while the file is read for the first time is read too, and changes in a row at the end once", async () => {
  await using at = await setting({ a: { password_hash: FAST } });
  let onChange = () => {};
  const provider = await at.provider({
    watch: (_paths, callback) => {
      onChange = callback;
      // As if it were replaced right after it was opened.
      queueMicrotask(() => {
        onChange();
        onChange();
      });
      return { close: () => {} };
    },
  });
  // One after the other: read at once, they would each have found a new file.
  await provider.reload();
  assert.equal(provider.generation, 0);
  at.write({ b: { password_hash: FAST } });
  await provider.reload();
  assert.deepEqual([...provider.table.users.keys()], ["b"]);
  at.write({ c: { password_hash: FAST } });
  const first = provider.reload();
  at.write({ d: { password_hash: FAST } });
  await Promise.all([first, provider.reload()]);
  assert.deepEqual([...provider.table.users.keys()], ["d"]);
  assert.equal(provider.reload(), provider.reload());
  await provider.reload();
});

Deno.test("a thousand devices with generated secrets are in at once", async () => {
  const secrets = Array.from({ length: 1000 }, generateSecret);
  const users = Object.fromEntries(secrets.map((secret, n) => [`d${n}`, { password_hash: hashOfGenerated(secret) }]));
  await using at = await setting(users);
  const provider = await at.provider();
  const startedMs = performance.now();
  for (const [n, password] of secrets.entries()) {
    assert.equal(provider.check(shows(`d${n}`, password), NOW_MS).kind, "allow");
  }
  // 20 ms on an idle machine; bcrypt of cost 10 would take a minute.
  assert.ok(performance.now() - startedMs < 2000);
  assert.deepEqual([at.pool.asked.length, at.pool.warmed], [0, 0]);
});

Deno.test("with real threads and a real watch: a device is proved, the file replaced, the device refused", async () => {
  const folder = await Deno.makeTempDir({ prefix: "file_provider_" });
  const path = `${folder}/users.json`;
  const odd = new Uint8Array([0xff, 0xfe, 0x80]);
  Deno.writeTextFileSync(path, JSON.stringify({ users: { a: { password_hash: await hashBcrypt(odd, 4) } } }));
  const threads = new Threads();
  const pool = new BcryptPool(threads);
  const reloaded = Promise.withResolvers<void>();
  let watch: { close(): Promise<void> } | null = null;
  const result = await createFileProvider(
    { path, hotReload: true, name: null, onError: "deny", minBcryptCost: 4, maxBcryptCost: 14 },
    {
      pool,
      threads,
      wallMs: () => NOW_MS,
      watch: (paths, onChange) => watch = watchFiles(paths, onChange, { debounceMs: 5, pollMs: 50 }),
      tell: (level) => level === "info" ? reloaded.resolve() : undefined,
    },
  );
  assert.ok("provider" in result);
  const { provider } = result;
  const wrong = workOf(provider.check(shows("a", "wrong"), NOW_MS)).run();
  const identity = identityOf(await workOf(provider.check(shows("a", odd), NOW_MS)).run());
  assert.equal(summary(await wrong), "deny wrong-password");
  assert.equal(summary(provider.check(shows("a", odd), NOW_MS)), "allow");
  Deno.writeTextFileSync(`${path}.new`, JSON.stringify({ users: { b: { password_hash: FAST } } }));
  Deno.renameSync(`${path}.new`, path);
  await reloaded.promise;
  assert.equal(summary(provider.check(shows("a", odd), NOW_MS)), "ignore");
  assert.equal(provider.stillHolds(identity, NOW_MS), false);
  provider.close();
  pool.close();
  await threads.close();
  await (watch as { close(): Promise<void> } | null)?.close();
  await Deno.remove(folder, { recursive: true });
});
