import assert from "node:assert/strict";
import { loadConfig } from "../config/mod.ts";
import type { AuthConfig } from "../config/schema/auth.ts";
import { TestSurroundings } from "../../tests/support/test_surroundings.ts";
import { BcryptPool } from "./bcrypt_pool.ts";
import type { LoginVerdict, PendingLogin } from "./login_desk.ts";
import { LoginMaker, type Logins } from "./logins.ts";
import { hashOfGenerated } from "./password_hash.ts";
import type { Credentials } from "./provider.ts";
import { Threads } from "./threads.ts";

const SECRET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

function auth(section: Record<string, unknown>): AuthConfig {
  const text = JSON.stringify({ auth: { enabled: true, ...section } });
  const loaded = loadConfig({ file: { path: "gate.json", text }, env: () => undefined });
  assert.ok("config" in loaded, JSON.stringify(loaded));
  return loaded.config.auth;
}

function credentials(more: Partial<Credentials> = {}): Credentials {
  return {
    clientId: "dev1",
    username: "dev",
    password: new TextEncoder().encode(SECRET),
    address: "10.0.0.1",
    level: 4,
    headers: new Map(),
    ...more,
  };
}

function word(said: LoginVerdict | PendingLogin): string {
  return said.kind === "deny" ? said.failure : said.kind;
}

interface Parts {
  readonly maker: LoginMaker;
  readonly surroundings: TestSurroundings;
  readonly folder: string;
}

async function withMaker(work: (parts: Parts) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mqtt-logins-" });
  const threads = new Threads();
  const pool = new BcryptPool(threads);
  const surroundings = new TestSurroundings();
  try {
    const users = { users: { dev: { password_hash: hashOfGenerated(new TextEncoder().encode(SECRET)) } } };
    await Deno.writeTextFile(`${folder}/users.json`, JSON.stringify(users));
    await work({
      maker: new LoginMaker({ pool, threads, surroundings, wallMs: () => 1_700_000_000_000 }),
      surroundings,
      folder,
    });
  } finally {
    pool.close();
    await threads.close();
    await Deno.remove(folder, { recursive: true });
  }
}

async function made(maker: LoginMaker, config: AuthConfig, previous: Logins | null = null): Promise<Logins> {
  const result = await maker.make(config, previous);
  assert.ok("logins" in result && result.logins !== null, JSON.stringify(result));
  maker.changed(previous, result.logins, config);
  return result.logins;
}

Deno.test("with authentication off there are no logins", () =>
  withMaker(async ({ maker }) => {
    assert.deepEqual(await maker.make(auth({ enabled: false }), null), { logins: null });
  }));

Deno.test("the providers of a section prove who they know", () =>
  withMaker(async ({ maker, folder, surroundings }) => {
    const config = auth({ providers: [{ type: "file", path: `${folder}/users.json` }] });
    const logins = await made(maker, config);
    assert.equal(word(logins.desk.login(credentials())), "allow");
    assert.equal(word(logins.desk.login(credentials({ password: new Uint8Array([1]) }))), "wrong-password");
    assert.equal(word(logins.desk.login(credentials({ username: "eve" }))), "nobody-knows");
    maker.changed(logins, null, auth({ enabled: false }));
    assert.equal(surroundings.watchers, 0);
  }));

Deno.test("a section that says the same keeps its desk, a provider that says the same is taken over", () =>
  withMaker(async ({ maker, folder, surroundings }) => {
    const file = { type: "file", path: `${folder}/users.json` };
    const first = await made(maker, auth({ providers: [file] }));
    assert.equal(await made(maker, auth({ providers: [file] }), first), first);
    const jwt = { type: "jwt", secret: "0123456789abcdef0123456789abcdef" };
    const second = await made(maker, auth({ providers: [file, jwt] }), first);
    assert.notEqual(second.desk, first.desk);
    assert.equal([...second.providers.values()][0], [...first.providers.values()][0]);
    assert.equal(surroundings.watchers, 1, "its watcher was neither ended nor made twice");
    // Another provider of the same file: who was proved by the one before is known to it.
    const proved = second.desk.login(credentials());
    assert.ok(proved.kind === "allow" && proved.identity !== null);
    const third = await made(maker, auth({ providers: [{ ...file, "on-error": "ignore" }] }), second);
    assert.ok(third.desk.stillHolds(proved.identity));
    assert.equal(surroundings.watchers, 1);
    const gone = await made(maker, auth({ providers: [jwt] }), third);
    assert.equal(gone.desk.stillHolds(proved.identity), false);
    assert.equal(surroundings.watchers, 0);
    maker.changed(gone, null, auth({ enabled: false }));
  }));

Deno.test("providers that cannot work are told all at once, and nothing is left behind", () =>
  withMaker(async ({ maker, folder, surroundings }) => {
    const good = await made(maker, auth({ providers: [{ type: "file", path: `${folder}/users.json` }] }));
    const result = await maker.make(
      auth({
        providers: [
          { type: "file", path: `${folder}/users.json`, "on-error": "ignore" },
          { type: "file", path: `${folder}/none.json` },
          { type: "jwt", "jwks-file": `${folder}/none.jwks` },
        ],
      }),
      good,
    );
    assert.ok("problems" in result);
    assert.equal(result.problems.length, 2);
    assert.match(result.problems[0] ?? "", /none\.json/);
    assert.match(result.problems[1] ?? "", /none\.jwks/);
    assert.equal(surroundings.watchers, 1);
    assert.equal(word(good.desk.login(credentials())), "allow");
    maker.changed(good, null, auth({ enabled: false }));
  }));

Deno.test("failures are counted over reloads, by the numbers in force", () =>
  withMaker(async ({ maker, folder }) => {
    const providers = [{ type: "file", path: `${folder}/users.json` }];
    const wrong = credentials({ password: new Uint8Array([1]) });
    const first = await made(maker, auth({ providers, lockout: { failures: 5 } }));
    for (let i = 0; i < 4; i++) assert.equal(word(first.desk.login(wrong)), "wrong-password");
    const second = await made(maker, auth({ providers, "allow-anonymous": true, lockout: { failures: 5 } }), first);
    assert.equal(word(second.desk.login(wrong)), "wrong-password");
    assert.equal(word(second.desk.login(wrong)), "locked");
    assert.equal(word(second.desk.login({ ...wrong, address: "10.0.0.2" })), "wrong-password");
    const off = await made(maker, auth({ providers, lockout: { enabled: false } }), second);
    assert.equal(word(off.desk.login(wrong)), "wrong-password");
    maker.changed(off, null, auth({ enabled: false }));
  }));

Deno.test("a section without providers refuses whoever shows credentials", () =>
  withMaker(async ({ maker }) => {
    const logins = await made(maker, auth({}));
    assert.equal(word(logins.desk.login(credentials())), "nobody-knows");
  }));
