import assert from "node:assert/strict";
import * as jose from "jose";
import { Buffer } from "node:buffer";
import { createJwtProvider, type JwtConfig, type JwtProvider } from "./jwt_provider.ts";
import type { Answer, Identity, Work } from "./provider.ts";
import { TestSurroundings } from "../../tests/support/test_surroundings.ts";
import {
  base64url,
  CLAIMS,
  connectWith,
  ED25519,
  jwk,
  type KeyPair,
  makeToken,
  NOW_MS,
  NOW_SECS,
  P256,
  P384,
  P521,
  pem,
  RSA,
  SECRET,
} from "../../tests/support/tokens.ts";

const DEFAULTS = {
  type: "jwt",
  "username-claim": "sub",
  "groups-claim": "groups",
  "clock-skew-secs": 30,
  from: "password",
  "on-error": "deny",
} as const;

type Settings = Partial<Omit<JwtConfig, "type">>;

function make(settings: Settings = { secret: SECRET }, surroundings = new TestSurroundings()): JwtProvider {
  const result = createJwtProvider({ ...DEFAULTS, ...settings }, surroundings);
  assert.ok("provider" in result, JSON.stringify(result));
  return result.provider;
}

function problemsOf(settings: Settings): readonly string[] {
  const result = createJwtProvider({ ...DEFAULTS, ...settings }, new TestSurroundings());
  assert.ok("problems" in result);
  return result.problems;
}

function now(answer: Answer | Work): Answer {
  assert.notEqual(answer.kind, "work");
  return answer as Answer;
}

function checkToken(provider: JwtProvider, token: string, nowMs = NOW_MS): Answer {
  return now(provider.check(connectWith({ username: "somebody", password: token }), nowMs));
}

function identityOf(answer: Answer): Identity {
  assert.ok(answer.kind === "allow", JSON.stringify(answer));
  return answer.identity;
}

function codeOf(answer: Answer): string {
  return answer.kind === "deny" ? answer.code : answer.kind;
}

Deno.test("a token of the shared secret proves what its claims say, and nothing of the CONNECT", () => {
  const provider = make({ secret: SECRET, "client-id-claim": "cid", "acl-claim": "acl", issuer: "me" });
  const claims = { ...CLAIMS, iss: "me", groups: ["a"], cid: "c-1", site: "eu", acl: [] };
  const identity = identityOf(checkToken(provider, makeToken({ claims })));
  assert.deepEqual(identity, {
    username: "dev-1",
    groups: ["a"],
    attributes: new Map([["cid", "c-1"], ["site", "eu"]]),
    clientIds: null,
    clientIdClaim: "c-1",
    acl: [],
    expiresAtMs: (CLAIMS.exp + 30) * 1000,
    provider: "jwt",
  });
  provider.close();
});

Deno.test("tokens of jose pass with every algorithm, and no algorithm's key passes another's token", async () => {
  const signers: readonly (readonly [string, KeyPair | null])[] = [
    ["HS256", null],
    ["HS384", null],
    ["HS512", null],
    ["RS256", RSA],
    ["RS384", RSA],
    ["RS512", RSA],
    ["PS256", RSA],
    ["PS384", RSA],
    ["PS512", RSA],
    ["ES256", P256],
    ["ES384", P384],
    ["ES512", P521],
    ["EdDSA", ED25519],
    ["Ed25519", ED25519],
  ];
  const secret = SECRET.repeat(2);
  const folder = await Deno.makeTempDir();
  for (const [alg, pair] of signers) {
    const key = pair === null ? new TextEncoder().encode(secret) : pair.privateKey;
    const token = await new jose.SignJWT({ sub: "dev-1" }).setProtectedHeader({ alg, typ: "JWT" })
      .setExpirationTime(NOW_SECS + 60).sign(key);
    for (const [other, otherPair] of signers) {
      const path = `${folder}/key.pem`;
      if (otherPair !== null) await Deno.writeTextFile(path, pem(otherPair));
      const source: Settings = otherPair === null ? { secret } : { "public-key-file": path };
      const provider = make({ ...source, algorithms: [other as "HS256"] });
      const answer = provider.check(connectWith({ password: token }), NOW_MS);
      const { kind } = answer.kind === "work" ? await answer.run() : answer;
      assert.equal(kind, alg === other ? "allow" : "deny", `${alg} token, ${other} key`);
      provider.close();
    }
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("what has no token is not this provider's business", () => {
  const provider = make();
  for (const password of [null, "", "secret", "a.b.c", Uint8Array.of(0xff, 0x2e, 0xfe)]) {
    assert.equal(now(provider.check(connectWith({ username: makeToken(), password }), NOW_MS)).kind, "ignore");
  }
  provider.close();
});

Deno.test('from "username" takes the token there and nowhere else', () => {
  const provider = make({ secret: SECRET, from: "username" });
  assert.equal(provider.usernameIsToken, true);
  const token = makeToken();
  assert.equal(identityOf(now(provider.check(connectWith({ username: token }), NOW_MS))).username, "dev-1");
  assert.equal(now(provider.check(connectWith({ username: "bob", password: token }), NOW_MS)).kind, "ignore");
  assert.equal(now(provider.check(connectWith({ password: token }), NOW_MS)).kind, "ignore");
  // Characters whose low byte is the token's: another name, and no token.
  const alike = [...token].map((c) => String.fromCharCode(c.charCodeAt(0) + 0x100)).join("").replaceAll("\u012e", ".");
  assert.equal(now(provider.check(connectWith({ username: alike }), NOW_MS)).kind, "ignore");
  provider.close();
});

Deno.test("B105 to B113: forged and malformed tokens are refused", async (test) => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/key.pem`, pem(RSA));
  const provider = make({ "public-key-file": `${folder}/key.pem`, issuer: "me", audience: ["mqtt"] });
  const claims = { ...CLAIMS, iss: "me", aud: "mqtt" };
  const signed = { key: RSA.privateKey, alg: "RS256" };
  const [header, payload] = makeToken({ claims, ...signed }).split(".");
  const forged = { key: P256.privateKey, alg: "ES256" };
  const rows: Record<string, string> = {
    "alg none, empty signature": `${base64url('{"alg":"none"}')}.${payload}.`,
    "alg NoNe, empty signature": `${base64url('{"alg":"NoNe"}')}.${payload}.`,
    "alg none with the genuine signature": makeToken({ header: { alg: "none" }, claims, ...signed }),
    "empty signature": `${header}.${payload}.`,
    "no signature": `${header}.${payload}`,
    "HS256 by the public key's text": makeToken({ claims, key: pem(RSA) }),
    "HS256 by the public key's bytes": makeToken({
      claims,
      key: RSA.publicKey.export({ type: "spki", format: "der" }).toString("latin1"),
    }),
    "own key in jwk": makeToken({ claims, header: { alg: "ES256", jwk: jwk(P256) }, ...forged }),
    "own key in jku": makeToken({ claims, header: { alg: "ES256", jku: "http://127.0.0.1:1/" }, ...forged }),
    "own key in x5u": makeToken({ claims, header: { alg: "ES256", x5u: "http://127.0.0.1:1/" }, ...forged }),
    "own key in x5c": makeToken({ claims, header: { alg: "ES256", x5c: ["MII"] }, ...forged }),
    "own key, right algorithm": makeToken({
      claims,
      header: { alg: "RS256", jwk: jwk(P256) },
      key: P256.privateKey,
      alg: "ES256",
    }),
    "a path as kid": makeToken({ claims, header: { alg: "HS256", kid: "/dev/null" }, key: "" }),
    crit: makeToken({ claims, header: { alg: "RS256", crit: ["exp"] }, ...signed }),
    "b64 false": makeToken({ claims, header: { alg: "RS256", b64: false, crit: ["b64"] }, ...signed }),
    "not yet valid": makeToken({ claims: { ...claims, nbf: NOW_SECS + 31 }, ...signed }),
    expired: makeToken({ claims: { ...claims, exp: NOW_SECS - 30 }, ...signed }),
    "no exp": makeToken({ claims: { ...claims, exp: undefined }, ...signed }),
    "exp as text": makeToken({ claims: { ...claims, exp: String(CLAIMS.exp) }, ...signed }),
    "exp of 1e308": makeToken({ claims: { ...claims, exp: 1e308 }, ...signed }),
    "no issuer": makeToken({ claims: { ...claims, iss: undefined }, ...signed }),
    "no audience": makeToken({ claims: { ...claims, aud: undefined }, ...signed }),
    "no user name": makeToken({ claims: { ...claims, sub: undefined }, ...signed }),
    "two user names": makeToken({
      claims: `{"sub":"dev-1","sub":"admin","iss":"me","aud":"mqtt","exp":${CLAIMS.exp}}`,
      ...signed,
    }),
    Bearer: `Bearer ${makeToken({ claims, ...signed })}`,
    padding: `${makeToken({ claims, ...signed })}==`,
    "white space": `${makeToken({ claims, ...signed })} `,
    "another signature algorithm of the key": makeToken({ claims, header: { alg: "PS256" }, ...signed }),
  };
  assert.equal(checkToken(provider, makeToken({ claims, ...signed })).kind, "allow");
  for (const [name, token] of Object.entries(rows)) {
    await test.step(name, () => {
      const answer = checkToken(provider, token);
      assert.equal(answer.kind, "deny");
      // Nothing that the client wrote, or that was configured, is in what is said of it.
      assert.ok(answer.kind === "deny" && !answer.why.includes(token) && !/me"|dev-1|\/dev/.test(answer.why));
    });
  }
  provider.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a token seen before is judged by the time again", () => {
  const provider = make({ secret: SECRET, "max-age-secs": 300 });
  const token = makeToken({ claims: { ...CLAIMS, iat: NOW_SECS, nbf: NOW_SECS } });
  const [nbfMs, endMs] = [NOW_MS - 30_000, NOW_MS + 330_000];
  for (let round = 0; round < 2; round++) {
    assert.equal(codeOf(checkToken(provider, token, nbfMs - 1)), "token-not-yet-valid");
    const { expiresAtMs } = identityOf(checkToken(provider, token, nbfMs));
    assert.equal(expiresAtMs, endMs);
    assert.equal(checkToken(provider, token, endMs - 1).kind, "allow");
    assert.equal(codeOf(checkToken(provider, token, endMs)), "token-expired");
  }
  assert.equal(identityOf(checkToken(provider, token)), identityOf(checkToken(provider, token)));
  provider.close();
});

Deno.test("a session holds as long as its token, its key and what is asked of tokens", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/keys.json`;
  const write = (...keys: unknown[]) => Deno.writeTextFile(path, JSON.stringify({ keys }));
  await write(jwk(P256, { kid: "a" }), jwk(ED25519, { kid: "b" }));
  const surroundings = new TestSurroundings();
  const provider = make({ "jwks-file": path }, surroundings);
  assert.deepEqual(surroundings.watched, [path]);
  const header = { alg: "ES256", kid: "a" };
  const claims = { ...CLAIMS, iss: "me", aud: ["mqtt"] };
  const token = makeToken({ header, claims, key: P256.privateKey, alg: "ES256" });
  const identity = identityOf(checkToken(provider, token));
  const { generation } = provider;
  assert.ok(provider.stillHolds(identity, NOW_MS));
  assert.ok(provider.stillHolds(identity, identity.expiresAtMs - 1));
  assert.ok(!provider.stillHolds(identity, identity.expiresAtMs));
  assert.ok(!provider.stillHolds({ ...identity }, NOW_MS), "an identity that nobody proved");

  // Nothing new, and then nonsense: the last keys stay in force.
  surroundings.changeFiles();
  await Deno.writeTextFile(path, '{"keys":[');
  surroundings.changeFiles();
  await Deno.writeTextFile(path, '{"keys":[]}');
  surroundings.changeFiles();
  await Deno.remove(path);
  surroundings.changeFiles();
  assert.equal(provider.generation, generation);
  assert.ok(provider.stillHolds(identity, NOW_MS));
  assert.equal(checkToken(provider, token).kind, "allow");
  assert.equal(surroundings.told.filter(({ level }) => level === "warn").length, 3);

  // Another name for the same key is the same key; the token's name for it is gone, though.
  await write(jwk(P256, { kid: "c" }), jwk(ED25519, { kid: "b" }));
  surroundings.changeFiles();
  assert.equal(provider.generation, generation + 1);
  assert.ok(provider.stillHolds(identity, NOW_MS));
  assert.equal(codeOf(checkToken(provider, token)), "token-invalid");

  await write(jwk(ED25519, { kid: "b" }));
  surroundings.changeFiles();
  assert.equal(provider.generation, generation + 2);
  assert.ok(!provider.stillHolds(identity, NOW_MS));
  assert.equal(codeOf(checkToken(provider, token)), "token-invalid");

  // Another provider, as a reload of the configuration makes it.
  await write(jwk(P256, { kid: "z" }));
  const holds = (settings: Settings) => {
    const next = make({ "jwks-file": path, ...settings });
    const held = next.stillHolds(identity, NOW_MS);
    next.close();
    return held;
  };
  assert.ok(holds({ issuer: "me", audience: ["mqtt", "more"] }));
  assert.ok(!holds({ issuer: "you" }));
  assert.ok(!holds({ audience: ["more"] }));
  provider.close();
  assert.equal(surroundings.watchers, 0);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("keys that take longer than a millisecond are work, one at a time", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/key.pem`;
  await Deno.writeTextFile(path, pem(P384));
  const surroundings = new TestSurroundings();
  const provider = make({ "public-key-file": path }, surroundings);
  const token = makeToken({ key: P384.privateKey, alg: "ES384" });
  const work = provider.check(connectWith({ password: token }), NOW_MS);
  assert.ok(work.kind === "work" && work.expectedMs > 0);
  const late = provider.check(connectWith({ password: token }), NOW_MS);
  assert.ok(late.kind === "work");
  const first = work.run();
  // The time that it waits is counted.
  surroundings.nowMs += 631_000;
  assert.equal((await first).kind, "deny");
  surroundings.nowMs = 0;
  const [answer] = await Promise.all([late.run()]);
  assert.equal(identityOf(answer).username, "dev-1");
  assert.equal(checkToken(provider, token).kind, "allow", "found in the table");

  // More than can wait are an error, and nobody's password is wrong for it.
  const others = Array.from({ length: 300 }, (_, index) => {
    const claims = { ...CLAIMS, sub: `other-${index}` };
    const password = makeToken({ claims, key: P384.privateKey, alg: "ES384" });
    const check = provider.check(connectWith({ password }), NOW_MS);
    assert.ok(check.kind === "work");
    return check;
  });
  await Deno.writeTextFile(path, pem(P521));
  const answers = others.map((other) => other.run());
  surroundings.changeFiles();
  const kinds = (await Promise.all(answers)).map(codeOf);
  assert.equal(kinds.filter((kind) => kind === "error").length, 300 - 257);
  assert.equal(kinds.filter((kind) => kind === "token-invalid").length, 257, "their key has gone meanwhile");
  provider.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("createJwtProvider() tells all that is wrong with its keys", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/key.pem`, "nonsense");
  await Deno.writeTextFile(`${folder}/keys.json`, JSON.stringify({ keys: [{ kty: "oct" }] }));
  await Deno.writeFile(`${folder}/latin1`, Uint8Array.of(0xff));
  const all = problemsOf({
    name: "main",
    secret: "a secret that is too short",
    "public-key-file": `${folder}/key.pem`,
    "jwks-file": `${folder}/keys.json`,
    "jwks-url": "http://auth.example.com/keys?token=hidden",
  });
  assert.equal(all.length, 4);
  assert.match(
    all[0] ?? "",
    /^Cannot use the provider "jwt \(main\)": the secret has 26 bytes, at least 32 are needed$/,
  );
  assert.match(all[1] ?? "", /key\.pem": expected one public key in PEM, found 0$/);
  assert.match(all[2] ?? "", /keys\.json": it holds no key that can be used; key 1: a shared secret/);
  assert.match(all[3] ?? "", /jwks-url: keys may come over https only/);
  assert.ok(!all.join().includes("too short") && !all.join().includes("hidden"));
  const rows: readonly (readonly [Settings, RegExp])[] = [
    [{ "jwks-file": `${folder}/none` }, /no such file/],
    [{ "jwks-file": folder }, /it is no file/],
    [{ "jwks-file": `${folder}/latin1` }, /not valid UTF-8/],
    [{ secret: SECRET, algorithms: ["RS256"] }, /none of the configured algorithms/],
    [{ "jwks-url": "https://a.example/", algorithms: ["HS256"] }, /none of the configured algorithms/],
    [{ "jwks-url": "http://127.0.0.1.example.com/" }, /https only/],
    [{ "jwks-url": "ftp://127.0.0.1/" }, /https only/],
  ];
  for (const [settings, problem] of rows) assert.match(problemsOf(settings).join(), problem);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("no mutation of a token is ever allowed, and check() throws for none", () => {
  const provider = make({ secret: SECRET });
  const token = makeToken();
  const key = new Uint8Array(Buffer.from(token));
  const characters = 'ABCabc019-_.=+/ {}"\0é';
  let seed = 11;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const one = () => characters.charCodeAt(random(characters.length));
  for (let round = 0; round < 20_000; round++) {
    const bytes = [...key];
    for (let edits = 1 + random(3); edits > 0; edits--) {
      const at = random(bytes.length);
      switch (random(4)) {
        case 0:
          bytes[at] = one();
          break;
        case 1:
          bytes.splice(at, 1 + random(4));
          break;
        case 2:
          bytes.splice(at, 0, one());
          break;
        case 3:
          bytes[at] = random(256);
          break;
      }
    }
    const password = Uint8Array.from(bytes);
    if (Buffer.compare(password, key) === 0) continue;
    const answer = now(provider.check(connectWith({ password }), NOW_MS));
    assert.ok(answer.kind === "deny" || answer.kind === "ignore", Buffer.from(password).toString("latin1"));
  }
  assert.equal(checkToken(provider, token).kind, "allow");
  provider.close();
});

Deno.test("tokens of other claims, each signed rightly, agree with jose", async () => {
  const provider = make({ secret: SECRET, issuer: "me", audience: ["mqtt", "x"] });
  const values = [undefined, "me", "mqtt", ["mqtt"], ["a", "x"], [], 1, null];
  const times = [undefined, NOW_SECS + 100, NOW_SECS - 100, "1", NOW_SECS + 0.5];
  const key = new TextEncoder().encode(SECRET);
  let allowed = 0;
  for (const iss of values) {
    for (const aud of values) {
      for (const exp of times) {
        for (const nbf of times) {
          const token = makeToken({ claims: { sub: "a", iss, aud, exp, nbf } });
          const expected = await jose.jwtVerify(token, key, {
            algorithms: ["HS256"],
            issuer: "me",
            audience: ["mqtt", "x"],
            clockTolerance: 30,
            currentDate: new Date(NOW_MS),
            requiredClaims: ["exp"],
          }).then(() => "allow", () => "deny");
          assert.equal(checkToken(provider, token).kind, expected, JSON.stringify({ iss, aud, exp, nbf }));
          if (expected === "allow") allowed++;
        }
      }
    }
  }
  assert.ok(allowed > 10);
  provider.close();
});
