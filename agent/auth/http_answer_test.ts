import assert from "node:assert/strict";
import type { Fetched } from "./bounded_fetch.ts";
import { type BackendAnswer, readBackendAnswer } from "./http_answer.ts";
import { NOW_MS, NOW_SECS } from "../../tests/support/tokens.ts";

function answer(status: number, body: unknown = "", type = "application/json"): BackendAnswer {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const fetched: Fetched = {
    kind: "answer",
    status,
    headers: new Headers(type === "" ? {} : { "content-type": type }),
    body: new TextEncoder().encode(text),
    bodyFault: "",
  };
  return readBackendAnswer(fetched, "bob", NOW_MS);
}

function kindOf(...given: Parameters<typeof answer>): string {
  return answer(...given).answer.kind;
}

Deno.test("an answer says what it says", () => {
  const { answer: allowed } = answer(200, {
    result: "allow",
    groups: ["a", "b", "a"],
    client_attrs: { site: "old", line: "7" },
    attributes: { site: "eu", n: 1, on: false, none: null, empty: "" },
    acl: [{ permission: "deny" }],
    expire_at: NOW_SECS + 60.5,
    unknown: {},
  });
  assert.deepEqual(allowed, {
    kind: "allow",
    identity: {
      username: "bob",
      groups: ["a", "b"],
      attributes: new Map([["site", "eu"], ["line", "7"], ["n", "1"], ["on", "false"]]),
      clientIds: null,
      clientIdClaim: null,
      acl: [{ permission: "deny" }],
      expiresAtMs: (NOW_SECS + 60.5) * 1000,
      provider: "http",
    },
  });
  const { answer: plain } = answer(200, { result: "allow", groups: null, attributes: null, expire_at: null });
  assert.ok(plain.kind === "allow");
  assert.deepEqual([plain.identity.expiresAtMs, plain.identity.attributes, plain.identity.acl], [Infinity, null, null]);
  assert.equal(kindOf(204), "allow");
  assert.equal(kindOf(200, { result: "deny" }), "deny");
  assert.equal(kindOf(200, { result: "ignore" }), "ignore");
  assert.equal(kindOf(401, "<html>", "text/html"), "deny");
  assert.equal(kindOf(403), "deny");
  assert.equal(kindOf(200, { result: "allow", expire_at: NOW_SECS }), "deny");
  assert.equal(kindOf(200, { result: "allow", expire_at: -1 }), "deny");
});

Deno.test("what was not agreed on is an error and lets nobody in", () => {
  for (
    const status of [100, 201, 202, 205, 206, 300, 301, 304, 400, 402, 404, 405, 408, 418, 429, 500, 502, 503, 504]
  ) {
    assert.equal(kindOf(status, { result: "allow" }), "error", String(status));
  }
  const bodies: unknown[] = [
    "",
    "allow",
    '"allow"',
    "true",
    "<html>allow</html>",
    [],
    [{ result: "allow" }],
    null,
    {},
    { result: true },
    { result: "ALLOW" },
    { result: "allow " },
    { result: ["allow"] },
    { Result: "allow" },
    { result: null },
    { allow: true },
    '{"result":"deny","result":"allow"}',
    '{"result":"allow"',
    '{"result":"allow"}{"result":"allow"}',
    '{"__proto__":{"result":"allow"}}',
    { result: "allow", groups: "admin" },
    { result: "allow", groups: [1] },
    { result: "allow", groups: [""] },
    { result: "allow", groups: ["a\0"] },
    { result: "allow", groups: { 0: "a" } },
    { result: "allow", attributes: [] },
    { result: "allow", attributes: "x" },
    { result: "allow", attributes: { a: {} } },
    { result: "allow", client_attrs: { a: ["x"] } },
    { result: "allow", expire_at: String(NOW_SECS + 60) },
    { result: "allow", expire_at: true },
    '{"result":"allow","expire_at":1e308}',
    '{"result":"allow","expire_at":1e999}',
  ];
  for (const body of bodies) assert.equal(kindOf(200, body), "error", JSON.stringify(body));
  for (const type of ["", "text/html", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"]) {
    assert.equal(kindOf(200, { result: "allow" }, type), "error", type);
  }
  for (const type of ["application/json; charset=utf-8", "application/problem+json", "APPLICATION/JSON"]) {
    assert.equal(kindOf(200, { result: "allow" }, type), "allow", type);
  }
});

Deno.test("a body that is missing spoils what needs one, and no refusal", () => {
  const without = (status: number) =>
    readBackendAnswer(
      { kind: "answer", status, headers: new Headers(), body: null, bodyFault: "cut off" },
      "bob",
      NOW_MS,
    );
  assert.equal(without(200).answer.kind, "error");
  assert.equal(without(401).answer.kind, "deny");
  assert.equal(without(204).answer.kind, "allow");
  assert.equal(readBackendAnswer({ kind: "failed", why: "gone" }, "bob", NOW_MS).answer.kind, "error");
});

Deno.test("only a server in trouble counts for the circuit breaker, no request that it does not like", () => {
  for (const status of [500, 502, 503, 429, 408, 301, 201]) assert.equal(answer(status).trouble, true, String(status));
  for (const status of [400, 401, 403, 404, 413, 422, 204]) assert.equal(answer(status).trouble, false, String(status));
  assert.equal(answer(200, "garbage").trouble, true);
  assert.equal(answer(200, { result: "maybe" }).trouble, true);
  assert.equal(answer(200, { result: "deny" }).trouble, false);
});

Deno.test("is_superuser is seen, and gives nothing", () => {
  const given = answer(200, { result: "allow", is_superuser: true });
  assert.equal(given.superuser, true);
  assert.ok(given.answer.kind === "allow" && given.answer.identity.groups.length === 0);
  assert.equal(answer(200, { result: "allow", is_superuser: false }).superuser, false);
});
