import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { createJwtProvider, type JwtProvider } from "./jwt_provider.ts";
import type { Answer, Work } from "./provider.ts";
import { HttpServer } from "../../tests/support/http_server.ts";
import { TestSurroundings } from "../../tests/support/test_surroundings.ts";
import { connectWith, jwk, type KeyPair, makeToken, NOW_MS, P256 } from "../../tests/support/tokens.ts";

const NEXT = generateKeyPairSync("ec", { namedCurve: "P-256" });

function keySet(...keys: unknown[]): Response {
  return Response.json({ keys });
}

const FIRST_SET = () => keySet(jwk(P256, { kid: "first" }));

function tokenOf(kid: string, { privateKey }: KeyPair): string {
  return makeToken({ header: { alg: "ES256", kid }, key: privateKey, alg: "ES256" });
}

interface Issuer {
  readonly server: HttpServer;
  readonly surroundings: TestSurroundings;
  readonly provider: JwtProvider;
  check(token: string): Answer | Work;
  /** As the agent would: at once, or after the work. */
  decide(token: string): Promise<string>;
  warnings(): string[];
}

async function withIssuer(
  answer: (server: () => HttpServer, request: Request) => Response | Promise<Response>,
  run: (issuer: Issuer) => Promise<void>,
  { path = "/keys", ready = true } = {},
): Promise<void> {
  const server: HttpServer = new HttpServer((request) => answer(() => server, request));
  const surroundings = new TestSurroundings();
  const result = createJwtProvider({
    type: "jwt",
    "jwks-url": server.url(path),
    "username-claim": "sub",
    "groups-claim": "groups",
    "clock-skew-secs": 30,
    from: "password",
    "on-error": "deny",
  }, surroundings);
  assert.ok("provider" in result);
  const { provider } = result;
  const check = (token: string) => provider.check(connectWith({ password: token }), NOW_MS + surroundings.nowMs);
  const decide = async (token: string) => {
    const answer = check(token);
    return (answer.kind === "work" ? await answer.run() : answer).kind;
  };
  const warnings = () =>
    surroundings.told.filter(({ level }) => level === "warn").map(({ fields }) => String(fields["why"]));
  try {
    if (ready) assert.equal(await decide(tokenOf("first", P256)), "allow");
    await run({ server, surroundings, provider, check, decide, warnings });
  } finally {
    provider.close();
    await server.stop();
    assert.deepEqual(surroundings.timers, [], "timers that were left behind");
  }
}

Deno.test("keys are fetched at the start, tokens wait for them, and all of them for one fetch", () =>
  withIssuer(FIRST_SET, async ({ server, surroundings, provider, check, decide }) => {
    const works = Array.from({ length: 20 }, () => check(tokenOf("first", P256)));
    assert.ok(works.every(({ kind }) => kind === "work"));
    const answers = await Promise.all(works.map((work) => (work as Work).run()));
    assert.ok(answers.every(({ kind }) => kind === "allow"));
    assert.equal(server.requests.length, 1);
    assert.equal(check(tokenOf("first", P256)).kind, "allow");
    assert.equal(provider.generation, 1);
    assert.deepEqual(surroundings.timers, [600_000]);
    assert.equal(await decide(tokenOf("first", NEXT)), "deny");
  }, { ready: false }));

Deno.test("an unknown key is asked for once in 30 s, whatever tokens ask", () =>
  withIssuer(FIRST_SET, async ({ server, surroundings, check, decide, provider }) => {
    assert.equal(check(tokenOf("second", NEXT)).kind, "deny");
    surroundings.nowMs += 29_999;
    const madeUp = Array.from({ length: 100 }, (_, index) => tokenOf(`made-up-${index}`, NEXT));
    for (const token of madeUp) assert.equal(check(token).kind, "deny");
    assert.equal(server.requests.length, 1);
    surroundings.nowMs += 1;
    server.answer = () => keySet(jwk(P256, { kid: "first" }), jwk(NEXT, { kid: "second" }));
    const works = Array.from({ length: 50 }, (_, index) => check(tokenOf(index === 7 ? "second" : `x-${index}`, NEXT)));
    assert.ok(works.every((work) => work.kind === "work" && work.expectedMs >= 0));
    const answers = await Promise.all(works.map((work) => (work as Work).run()));
    assert.equal(answers.filter(({ kind }) => kind === "allow").length, 1);
    assert.equal(answers.filter(({ kind }) => kind === "deny").length, 49);
    assert.equal(server.requests.length, 2);
    assert.equal(provider.generation, 2);
    assert.equal(check(tokenOf("third", NEXT)).kind, "deny");
    assert.equal(await decide(tokenOf("second", NEXT)), "allow");
    assert.equal(server.requests.length, 2);
  }));

Deno.test("work that was asked for and is done late asks no second time", () =>
  withIssuer(FIRST_SET, async ({ server, surroundings, check }) => {
    surroundings.nowMs += 30_000;
    const [a, b] = [check(tokenOf("a", NEXT)), check(tokenOf("b", NEXT))];
    assert.ok(a.kind === "work" && b.kind === "work");
    assert.equal((await a.run()).kind, "deny");
    assert.equal((await b.run()).kind, "error");
    assert.equal(server.requests.length, 2);
  }));

Deno.test("a key that the issuer took back ends its sessions", () =>
  withIssuer(FIRST_SET, async ({ server, surroundings, provider, check }) => {
    const answer = check(tokenOf("first", P256));
    assert.ok(answer.kind === "allow");
    const { generation } = provider;
    assert.ok(provider.stillHolds(answer.identity, NOW_MS));
    server.answer = () => keySet(jwk(NEXT, { kid: "second" }));
    const asked = server.nextRequest();
    surroundings.advance(600_000);
    await asked;
    // Whoever names an unknown key now waits for the same answer.
    const work = check(tokenOf("unknown", NEXT));
    assert.ok(work.kind === "work");
    assert.equal((await work.run()).kind, "deny");
    assert.equal(provider.generation, generation + 1);
    assert.ok(!provider.stillHolds(answer.identity, NOW_MS));
    assert.equal(check(tokenOf("first", P256)).kind, "deny");
  }));

Deno.test("a provider made anew by a reload lets sessions be until it knows the keys", async () => {
  let identity: Answer | Work | undefined;
  await withIssuer(FIRST_SET, ({ check }) => {
    identity = check(tokenOf("first", P256));
    return Promise.resolve();
  });
  assert.ok(identity?.kind === "allow");
  const proved = identity.identity;
  await withIssuer(() => keySet(jwk(NEXT, { kid: "second" })), async ({ provider, decide }) => {
    const { generation } = provider;
    assert.ok(provider.stillHolds(proved, NOW_MS));
    assert.equal(await decide(tokenOf("second", NEXT)), "allow");
    assert.ok(provider.generation > generation);
    assert.ok(!provider.stillHolds(proved, NOW_MS));
  }, { ready: false });
});

Deno.test("how long keys are good for is the issuer's to say, from a minute to an hour", async () => {
  const rows: readonly (readonly [string, number])[] = [
    ["max-age=300", 300_000],
    ["public, MAX-AGE=120, must-revalidate", 120_000],
    ["max-age=1", 60_000],
    ["max-age=31536000", 3_600_000],
    ["max-age=9999999999999999", 3_600_000],
    ["no-store", 60_000],
    ["max-age=600, no-cache", 60_000],
    ["max-age=-1", 600_000],
    ["private", 600_000],
  ];
  for (const [header, lifeMs] of rows) {
    const answer = () =>
      Response.json({ keys: [jwk(P256, { kid: "first" })] }, { headers: { "cache-control": header } });
    await withIssuer(answer, ({ surroundings }) => {
      assert.deepEqual(surroundings.timers, [lifeMs], header);
      return Promise.resolve();
    });
  }
});

type Misbehaviour = readonly [name: string, why: RegExp, answer: (server: HttpServer) => Response | Promise<Response>];

const BAD: readonly Misbehaviour[] = [
  ["500", /status 500/, () => Response.json({ keys: [jwk(NEXT, { kid: "evil" })] }, { status: 500 })],
  ["404", /status 404/, () => new Response("no", { status: 404 })],
  ["204", /status 204/, () => new Response(null, { status: 204 })],
  ["201 with keys", /status 201/, () => Response.json({ keys: [jwk(NEXT, { kid: "evil" })] }, { status: 201 })],
  ["garbage", /no key set/, () => new Response("<html>")],
  ["not UTF-8", /no UTF-8/, () => new Response(Uint8Array.of(0x7b, 0xff, 0x7d))],
  ["no keys", /no key that can be used/, () => keySet()],
  ["keys of no use", /no key that can be used/, () => keySet({ kty: "oct", k: "AAAA", kid: "evil" })],
  ["10 MB", /larger than/, () => new Response(`{"keys":[${" ".repeat(10_000_000)}]}`)],
  ["10 MB without a length", /larger than/, () => new Response(flood(10_000_000))],
  ["10 MB, packed", /larger than/, () =>
    new Response(flood(10_000_000).pipeThrough(new CompressionStream("gzip")), {
      headers: { "content-encoding": "gzip" },
    })],
  [
    "redirect elsewhere",
    /another origin/,
    () => new Response(null, { status: 302, headers: { location: "http://127.0.0.2:1/keys" } }),
  ],
  [
    "redirect to another port",
    /another origin/,
    () => new Response(null, { status: 307, headers: { location: "http://127.0.0.1:1/keys" } }),
  ],
  [
    "redirect to a file",
    /another origin/,
    () => new Response(null, { status: 301, headers: { location: "file:///etc/passwd" } }),
  ],
  [
    "redirect to data",
    /another origin/,
    () => new Response(null, { status: 301, headers: { location: 'data:application/json,{"keys":[]}' } }),
  ],
  ["redirect nowhere", /without a readable address/, () => new Response(null, { status: 301 })],
  [
    "redirects for ever",
    /too many redirects/,
    (server) =>
      new Response(null, { status: 308, headers: { location: `${server.url("/keys")}?${server.requests.length}` } }),
  ],
];

function flood(bytes: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = bytes;
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close();
      controller.enqueue(new Uint8Array(65_536).fill(0x20));
      left -= 65_536;
    },
  });
}

Deno.test("the last keys stay in force whatever the server answers", async (test) => {
  for (const [name, why, answer] of BAD) {
    await test.step(name, () =>
      withIssuer(FIRST_SET, async ({ server, surroundings, provider, decide, warnings }) => {
        const { generation } = provider;
        surroundings.nowMs += 30_000;
        server.answer = () => answer(server);
        assert.equal(await decide(tokenOf("evil", NEXT)), "error");
        assert.match(warnings().join(), why);
        assert.equal(provider.generation, generation);
        assert.equal(await decide(tokenOf("first", P256)), "allow");
        assert.ok(server.requests.length <= 6);
        assert.deepEqual(surroundings.timers.at(-1), 30_000);
      }));
  }
});

Deno.test("a server that hangs costs five seconds once, before its headers or in its body", async () => {
  for (const hang of ["hang", "hangInBody"] as const) {
    await withIssuer(FIRST_SET, async ({ server, surroundings, check, decide, warnings }) => {
      surroundings.nowMs += 30_000;
      server.answer = () => server[hang]();
      const asked = server.nextRequest();
      const work = check(tokenOf("second", NEXT));
      assert.ok(work.kind === "work");
      const answer = work.run();
      await asked;
      assert.equal(await decide(tokenOf("first", P256)), "allow");
      surroundings.advance(5000);
      assert.equal((await answer).kind, "error");
      assert.match(warnings().join(), /no answer within 5000 ms|in time/);
      assert.equal(check(tokenOf("second", NEXT)).kind, "deny", "not due yet");
    });
  }
});

Deno.test("redirects on the same origin are followed", () =>
  withIssuer((server, { url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/keys") return new Response(null, { status: 302, headers: { location: "/moved" } });
    if (pathname === "/moved") return Response.redirect(server().url("/final"), 308);
    return FIRST_SET();
  }, ({ server }) => {
    assert.equal(server.requests.length, 3);
    return Promise.resolve();
  }));

Deno.test("a server that is away at the start is asked again after 1, 2, 4, … 30 s, and tokens are an error", () =>
  withIssuer(() => new Response("starting", { status: 503 }), async ({ server, surroundings, check, decide }) => {
    assert.equal(await decide(tokenOf("first", P256)), "error");
    const waits: number[] = [];
    for (let round = 0; round < 7; round++) {
      assert.equal(check(tokenOf("first", P256)).kind, "error");
      assert.equal(server.requests.length, round + 1);
      const [waitMs] = surroundings.timers as [number];
      waits.push(waitMs);
      if (round === 6) server.answer = FIRST_SET;
      surroundings.advance(waitMs);
      const work = check(tokenOf("first", P256));
      assert.ok(work.kind === "work");
      assert.equal((await work.run()).kind, round === 6 ? "allow" : "error");
    }
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  }, { ready: false }));

Deno.test("no warning shows the address's query or password", async () => {
  const surroundings = new TestSurroundings();
  const result = createJwtProvider({
    type: "jwt",
    "jwks-url": "http://user:hidden@127.0.0.1:1/keys?token=hidden",
    "username-claim": "sub",
    "groups-claim": "groups",
    "clock-skew-secs": 30,
    from: "password",
    "on-error": "deny",
  }, surroundings);
  assert.ok("provider" in result);
  const work = result.provider.check(connectWith({ password: tokenOf("a", P256) }), NOW_MS);
  assert.ok(work.kind === "work");
  assert.equal((await work.run()).kind, "error");
  assert.equal(surroundings.told.length, 1);
  assert.ok(!JSON.stringify(surroundings.told).includes("hidden"));
  result.provider.close();
});

Deno.test("close() gives up a fetch under way", async () => {
  const server: HttpServer = new HttpServer(() => server.hang());
  const surroundings = new TestSurroundings();
  const asked = server.nextRequest();
  const result = createJwtProvider({
    type: "jwt",
    "jwks-url": server.url(),
    "username-claim": "sub",
    "groups-claim": "groups",
    "clock-skew-secs": 30,
    from: "password",
    "on-error": "deny",
  }, surroundings);
  assert.ok("provider" in result);
  await asked;
  const work = result.provider.check(connectWith({ password: tokenOf("a", P256) }), NOW_MS);
  assert.ok(work.kind === "work");
  result.provider.close();
  assert.equal((await work.run()).kind, "error");
  assert.deepEqual(surroundings.timers, []);
  assert.deepEqual(surroundings.told, []);
  await server.stop();
});
