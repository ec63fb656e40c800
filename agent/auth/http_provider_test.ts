import assert from "node:assert/strict";
import { createHttpProvider, type HttpConfig, type HttpProvider } from "./http_provider.ts";
import type { Answer, Credentials, Work } from "./provider.ts";
import { CA_EXTENSIONS, CertificateFolder } from "../../tests/support/certificates.ts";
import { HttpServer } from "../../tests/support/http_server.ts";
import { TestSurroundings } from "../../tests/support/test_surroundings.ts";
import { connectWith, NOW_MS, NOW_SECS } from "../../tests/support/tokens.ts";

type Settings = Partial<Omit<HttpConfig, "type" | "url">>;

const DEFAULTS = { type: "http", "timeout-ms": 5000, headers: {}, method: "POST", "on-error": "deny" } as const;
const BOB = connectWith({ username: "bob", password: "hidden-password", clientId: "dev-1" });

interface Backend {
  readonly server: HttpServer;
  readonly surroundings: TestSurroundings;
  readonly provider: HttpProvider;
  work(credentials?: Credentials): Work;
  ask(credentials?: Credentials): Promise<Answer>;
}

function provide(url: string, settings: Settings = {}, surroundings = new TestSurroundings()): HttpProvider {
  const result = createHttpProvider({ ...DEFAULTS, url, ...settings }, surroundings);
  assert.ok("provider" in result, JSON.stringify(result));
  return result.provider;
}

async function withBackend(
  answer: (server: HttpServer, request: Request) => Response | Promise<Response>,
  run: (backend: Backend) => Promise<void>,
  { path = "/auth", ...settings }: Settings & { path?: string } = {},
): Promise<void> {
  const server: HttpServer = new HttpServer((request) => answer(server, request));
  const surroundings = new TestSurroundings();
  const provider = provide(server.url(path), settings, surroundings);
  const work = (credentials = BOB) => {
    const given = provider.check(credentials, NOW_MS);
    assert.ok(given.kind === "work", JSON.stringify(given));
    return given;
  };
  try {
    await run({ server, surroundings, provider, work, ask: (credentials) => work(credentials).run() });
  } finally {
    provider.close();
    await server.stop();
    assert.deepEqual(surroundings.timers, [], "timers that were left behind");
    assert.ok(!JSON.stringify(surroundings.told).includes("hidden"), "a secret in what was told");
  }
}

const ALLOW = () => Response.json({ result: "allow" });

/** What the backend saw of the one request. */
async function seen(settings: Settings & { path?: string }, credentials?: Credentials) {
  let found: { url: string; method: string; headers: Headers; body: string } | undefined;
  let answer: Answer | undefined;
  await withBackend(async (_server, request) => {
    const { pathname, search } = new URL(request.url);
    found = { url: pathname + search, method: request.method, headers: request.headers, body: await request.text() };
    return ALLOW();
  }, async ({ ask }) => {
    answer = await ask(credentials);
  }, settings);
  return { ...found, kind: answer?.kind };
}

Deno.test("the backend is asked in JSON, and what it says is who it is", () =>
  withBackend(async (_server, request) => {
    assert.equal(request.method, "POST");
    assert.equal(request.headers.get("content-type"), "application/json");
    assert.deepEqual(await request.json(), {
      clientid: "dev-1",
      username: "bob",
      password: "hidden-password",
      ip: "192.0.2.7",
      protocol: "mqtt",
    });
    return Response.json({ result: "allow", groups: ["a"], expire_at: NOW_SECS + 60 });
  }, async ({ ask, provider }) => {
    const answer = await ask();
    assert.ok(answer.kind === "allow");
    const { identity } = answer;
    assert.deepEqual([identity.username, identity.groups, identity.provider], ["bob", ["a"], "http"]);
    assert.ok(provider.stillHolds(identity, NOW_MS + 59_999));
    assert.ok(!provider.stillHolds(identity, NOW_MS + 60_000));
  }));

Deno.test("the request is made as configured", async () => {
  const form = await seen({
    headers: { "Content-Type": "application/x-www-form-urlencoded", "X-Key": "k" },
    body: { u: "${username}", p: "${password}", c: "${clientid}@${ip}" },
  });
  assert.equal(form.body, "u=bob&p=hidden-password&c=dev-1%40192.0.2.7");
  assert.equal(form.headers?.get("x-key"), "k");
  const get = await seen({ method: "GET", path: "/auth/${clientid}?a=1", body: { u: "${username}" } });
  assert.deepEqual([get.method, get.url, get.body], ["GET", "/auth/dev-1?a=1&u=bob", ""]);
  assert.equal(get.headers?.get("content-type"), null);
  const injected = connectWith({ username: 'x","result":"allow', password: "p", clientId: "a?b&c=/#" });
  const json = await seen({ path: "/auth/${clientid}", body: { u: ["${username}"], fixed: 1 } }, injected);
  assert.deepEqual([json.url, json.body], [
    "/auth/a%3Fb%26c%3D%2F%23",
    '{"u":["x\\",\\"result\\":\\"allow"],"fixed":1}',
  ]);
});

Deno.test("what can not be sent is refused without asking", () =>
  withBackend(ALLOW, async ({ provider, server, ask }) => {
    const at = (password: string | Uint8Array | null, username: string | null = "bob") => {
      const answer = provider.check(connectWith({ username, password }), NOW_MS);
      return answer.kind === "deny" ? answer.code : answer.kind;
    };
    assert.equal(at(null, null), "ignore");
    assert.equal(at(null, ""), "ignore");
    assert.equal(at(""), "wrong-password");
    assert.equal(at("", null), "wrong-password");
    assert.equal(at(Uint8Array.of(0xff, 0xfe)), "wrong-password");
    assert.equal(at(null), "work", "a user name that is a token, and no password");
    assert.equal(server.requests.length, 0);
    const escape = await ask(connectWith({ username: "bob", password: "p", clientId: "../admin?x=" }));
    assert.ok(escape.kind === "deny" && escape.code === "backend-denied");
    assert.equal(server.requests.length, 0);
  }, { path: "/auth/${clientid}" }));

Deno.test("a template without names and passwords asks about everybody, and sends no password", async () => {
  const { body, kind } = await seen({ body: { id: "${clientid}" } }, connectWith({ clientId: "dev-1" }));
  assert.deepEqual([body, kind], ['{"id":"dev-1"}', "allow"]);
  await withBackend(ALLOW, ({ work }) => {
    work(connectWith({ username: "bob", password: Uint8Array.of(0xff) }));
    return Promise.resolve();
  }, { body: { id: "${clientid}" } });
});

Deno.test("the password is copied, since the frame it lies in is used again", async () => {
  let body = "";
  await withBackend(async (_server, request) => {
    body = await request.text();
    return ALLOW();
  }, async ({ work }) => {
    const password = new TextEncoder().encode("hidden-password");
    const asked = work(connectWith({ username: "bob", password }));
    password.fill(0x78);
    await asked.run();
  });
  assert.match(body, /"hidden-password"/);
});

type Row = readonly [name: string, why: RegExp, answer: (server: HttpServer) => Response | Promise<Response>];

const ERRORS: readonly Row[] = [
  ["404", /status 404/, () => Response.json({ result: "allow" }, { status: 404 })],
  ["500", /status 500/, () => Response.json({ result: "allow" }, { status: 500 })],
  ["garbage", /without a JSON object/, () => Response.json("allow")],
  ["HTML", /without a JSON object/, () => new Response("<p>allow", { headers: { "content-type": "text/html" } })],
  ["huge", /larger than 65536 bytes/, () => Response.json({ result: "allow", pad: "x".repeat(65_536) })],
  [
    "redirect elsewhere",
    /another origin/,
    () => new Response(null, { status: 307, headers: { location: "http://127.0.0.2:1/auth" } }),
  ],
  ["redirect that drops the body", /keep the method/, (server) => Response.redirect(server.url("/other"), 302)],
  ["redirects for ever", /too many/, (server) => Response.redirect(server.url("/auth"), 307)],
];

Deno.test("everything but an answer that was agreed on is an error", async (test) => {
  for (const [name, why, answer] of ERRORS) {
    await test.step(name, () =>
      withBackend(answer, async ({ ask }) => {
        const given = await ask();
        assert.ok(given.kind === "error", JSON.stringify(given));
        assert.match(given.why, why);
        assert.ok(!given.why.includes("hidden"));
      }));
  }
});

Deno.test("a refusal stays one, however much comes behind it", () =>
  withBackend(() => new Response("x".repeat(1_000_000), { status: 401 }), async ({ ask }) => {
    assert.equal((await ask()).kind, "deny");
  }));

Deno.test("a redirect on the same origin that keeps the method is followed", () =>
  withBackend(async (server, request) => {
    if (request.url.endsWith("/auth")) return Response.redirect(server.url("/moved"), 308);
    const { password } = await request.json();
    return Response.json({ result: password === "hidden-password" ? "allow" : "deny" });
  }, async ({ ask, server }) => {
    assert.equal((await ask()).kind, "allow");
    assert.equal(server.requests.length, 2);
  }));

Deno.test("a backend that hangs is an error after the time-out, before its headers or in its body", async () => {
  const answers = [
    (server: HttpServer) => server.hang(),
    (server: HttpServer) => server.hangInBody(200, { "content-type": "application/json" }),
  ];
  for (const answer of answers) {
    await withBackend(answer, async ({ ask, server, surroundings }) => {
      const asked = server.nextRequest();
      const given = ask();
      await asked;
      assert.deepEqual(surroundings.timers, [1200]);
      surroundings.advance(1200);
      const { kind } = await given;
      assert.equal(kind, "error");
    }, { "timeout-ms": 1200 });
  }
});

Deno.test("one connection serves one request after the other", () =>
  withBackend((_server, request) => Response.json({ result: request.method === "POST" ? "deny" : "allow" }), async (
    { ask, server },
  ) => {
    for (let round = 0; round < 20; round++) assert.equal((await ask()).kind, "deny");
    assert.equal(server.requests.length, 20);
    assert.equal(server.ports.size, 1);
  }));

Deno.test("at most 32 requests are under way, 512 wait, and more are an error", () =>
  withBackend((server) => server.hang(), async ({ work, server, provider, surroundings }) => {
    const works = Array.from({ length: 600 }, () => work());
    const answers = works.map((one) => one.run());
    while (server.requests.length < 32) await server.nextRequest();
    const full = provider.check(BOB, NOW_MS);
    assert.ok(full.kind === "error" && /too many wait/.test(full.why));
    surroundings.advance(5000);
    const kinds = (await Promise.all(answers)).map((answer) => answer.kind === "error" ? answer.why : answer.kind);
    const count = (pattern: RegExp) => kinds.filter((kind) => pattern.test(kind)).length;
    assert.equal(count(/too many wait/), 600 - 544);
    assert.equal(count(/no answer within/), 32);
    assert.equal(count(/failed too often/), 512, "those behind them are spared the wait");
    assert.equal(server.requests.length, 32);
  }));

Deno.test("after five errors in a row the backend is left alone for ten seconds, and then tried once", () =>
  withBackend(() => new Response(null, { status: 503 }), async ({ ask, work, server, provider, surroundings }) => {
    for (let round = 0; round < 5; round++) assert.equal((await ask()).kind, "error");
    for (let round = 0; round < 100; round++) assert.equal(provider.check(BOB, NOW_MS).kind, "error");
    assert.equal(server.requests.length, 5);
    surroundings.nowMs += 9999;
    assert.equal(provider.check(BOB, NOW_MS).kind, "error");
    surroundings.nowMs += 1;
    const works = [work(), work(), work()];
    const probes = await Promise.all(works.map((one) => one.run()));
    assert.ok(probes.every(({ kind }) => kind === "error"));
    assert.equal(server.requests.length, 6);
    surroundings.nowMs += 10_000;
    server.answer = ALLOW;
    assert.equal((await ask()).kind, "allow");
    assert.equal((await ask()).kind, "allow");
    const messages = surroundings.told.map(({ message }) => message);
    assert.deepEqual(messages, ["A backend failed too often and is left alone for a while", "A backend answers again"]);
  }));

Deno.test("requests that the backend does not like do not take it away from everybody", () =>
  withBackend(() => new Response(null, { status: 400 }), async ({ ask, server }) => {
    for (let round = 0; round < 20; round++) assert.equal((await ask()).kind, "error");
    server.answer = ALLOW;
    assert.equal((await ask()).kind, "allow");
  }));

Deno.test("a backend that cannot be reached is an error", async () => {
  const server = new HttpServer(ALLOW);
  const { port } = server;
  await server.stop();
  const provider = provide(`http://127.0.0.1:${port}/?key=hidden`);
  const work = provider.check(BOB, NOW_MS);
  assert.ok(work.kind === "work");
  const answer = await work.run();
  assert.ok(answer.kind === "error");
  assert.equal(answer.why, "the backend could not be asked: the connection was refused");
  provider.close();
});

Deno.test("the expected time follows what requests took", () =>
  withBackend(ALLOW, async ({ work, server, surroundings }) => {
    assert.equal(work().expectedMs, 25);
    server.answer = () => {
      surroundings.nowMs += 500;
      return ALLOW();
    };
    for (let round = 0; round < 20; round++) await work().run();
    assert.ok(work().expectedMs > 480 && work().expectedMs <= 500, String(work().expectedMs));
  }));

Deno.test("is_superuser is told once, and gives nothing", () =>
  withBackend(() => Response.json({ result: "allow", is_superuser: true }), async ({ ask, surroundings }) => {
    await ask();
    await ask();
    assert.deepEqual(surroundings.told.map(({ level }) => level), ["warn"]);
  }));

Deno.test("the server's certificate is checked by the configured authority", async () => {
  using folder = new CertificateFolder();
  const authority = folder.make({ subject: "/CN=Root", extensions: CA_EXTENSIONS });
  const other = folder.make({ subject: "/CN=Root", extensions: CA_EXTENSIONS });
  const { pem, key } = folder.make({
    subject: "/CN=localhost",
    issuer: authority,
    extensions: ["subjectAltName=DNS:localhost", "basicConstraints=CA:FALSE"],
  });
  const server = new HttpServer(ALLOW, { cert: pem, key });
  const ask = async (host: string, settings: Settings) => {
    const provider = provide(`https://${host}:${server.port}/`, settings);
    const work = provider.check(BOB, NOW_MS);
    assert.ok(work.kind === "work");
    const answer = await work.run();
    provider.close();
    return answer.kind === "error" ? answer.why : answer.kind;
  };
  assert.equal(await ask("localhost", { "tls-ca-file": authority.pemPath }), "allow");
  const bundle = folder.write("bundle.pem", `# two\n${other.pem}\n${authority.pem}`);
  assert.equal(await ask("localhost", { "tls-ca-file": bundle }), "allow");
  assert.match(await ask("localhost", { "tls-ca-file": other.pemPath }), /TLS/);
  assert.match(await ask("localhost", {}), /TLS/);
  assert.match(await ask("127.0.0.1", { "tls-ca-file": authority.pemPath }), /TLS/, "a certificate for another name");
  await server.stop();
});

Deno.test("createHttpProvider() tells all that is wrong", () => {
  const problemsOf = (url: string, settings: Settings = {}) => {
    const result = createHttpProvider({ ...DEFAULTS, url, ...settings }, new TestSurroundings());
    assert.ok("problems" in result, JSON.stringify(settings));
    return result.problems;
  };
  const all = problemsOf("http://${clientid}/", {
    name: "main",
    headers: { "bad name": "x" },
    body: "text",
    "tls-ca-file": "/nowhere/ca.pem",
  });
  assert.equal(all.length, 4);
  assert.match(
    all[0] ?? "",
    /^Cannot use the provider "http \(main\)": url: a placeholder can not stand for its host$/,
  );
  assert.match(all[1] ?? "", /headers: "bad name"/);
  assert.match(all[2] ?? "", /body: it must be an object/);
  assert.match(all[3] ?? "", /tls-ca-file: "\/nowhere\/ca.pem": no such file/);
  const rows: readonly (readonly [Settings, RegExp])[] = [
    [{ headers: { a: "x\ny" } }, /headers/],
    [{ headers: { "content-type": "text/plain" } }, /JSON or as a form/],
    [{ headers: { "content-type": "application/x-www-form-urlencoded" }, body: { a: {} } }, /form/],
    [{ method: "GET", body: [] }, /query/],
    [{ "tls-ca-file": "/etc/hostname" }, /tls-ca-file/],
  ];
  for (const [settings, problem] of rows) assert.match(problemsOf("http://h/", settings).join(), problem);
});

Deno.test("passwords over plain HTTP to another machine are warned of", () => {
  const surroundings = new TestSurroundings();
  provide("http://127.0.0.1/", {}, surroundings).close();
  provide("https://backend.example/", {}, surroundings).close();
  assert.equal(surroundings.told.length, 0);
  provide("http://user:hidden@backend.example/", {}, surroundings).close();
  assert.match(surroundings.told[0]?.message ?? "", /plain HTTP/);
  assert.ok(!JSON.stringify(surroundings.told).includes("hidden"));
});

Deno.test("close() gives up what is under way", async () => {
  const server: HttpServer = new HttpServer(() => server.hang());
  const provider = provide(server.url());
  const work = provider.check(BOB, NOW_MS);
  assert.ok(work.kind === "work");
  const asked = server.nextRequest();
  const answer = work.run();
  await asked;
  provider.close();
  assert.equal((await answer).kind, "error");
  await server.stop();
});
