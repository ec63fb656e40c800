import assert from "node:assert/strict";
import { type ClaimRules, type Claims, endsAtMs, readClaims, timeFault } from "./jwt_claims.ts";
import { isJsonObject, parseStrictJson } from "./strict_json.ts";
import { NOW_MS, NOW_SECS } from "../../tests/support/tokens.ts";

const RULES: ClaimRules = {
  issuer: null,
  audience: [],
  usernameClaim: "sub",
  groupsClaim: "groups",
  clientIdClaim: null,
  aclClaim: null,
  skewMs: 30_000,
  maxAgeMs: Infinity,
};

function read(claims: unknown, rules: Partial<ClaimRules> = {}) {
  const payload = parseStrictJson(typeof claims === "string" ? claims : JSON.stringify(claims));
  assert.ok(isJsonObject(payload));
  return readClaims(payload, { ...RULES, ...rules });
}

function claimsOf(claims: unknown, rules: Partial<ClaimRules> = {}): Claims {
  const reading = read(claims, rules);
  assert.ok("claims" in reading, JSON.stringify(reading));
  return reading.claims;
}

function whyOf(claims: unknown, rules: Partial<ClaimRules> = {}): string {
  const reading = read(claims, rules);
  return "claims" in reading ? "accepted" : `${reading.code}: ${reading.why}`;
}

const EXP = NOW_SECS + 60;
const GOOD = { sub: "dev-1", exp: EXP };

Deno.test('readClaims() wants an "exp" that is a number below 2^53', () => {
  assert.match(whyOf({ sub: "a" }), /no "exp"/);
  const rows = ['"1900000000"', "null", "true", "[]", "{}", "1e308", "1e400", "-1e400", "9007199254740992"];
  for (const exp of rows) assert.match(whyOf(`{"sub":"a","exp":${exp}}`), /no number below 2\^53/, exp);
  for (const exp of ["9007199254740991", "1900000000.5", "0", "-1", "1.9e9"]) {
    assert.equal(whyOf(`{"sub":"a","exp":${exp}}`), "accepted", exp);
  }
});

Deno.test('readClaims() wants "nbf" and "iat" to be such numbers where they are there', () => {
  for (const name of ["nbf", "iat"]) {
    for (const value of ['"1"', "null", "false", "1e308", "[1]"]) {
      assert.match(whyOf(`{"sub":"a","exp":${EXP},"${name}":${value}}`), /no number below 2\^53/, `${name} ${value}`);
    }
  }
  assert.match(whyOf(GOOD, { maxAgeMs: 1000 }), /no "iat"/);
});

Deno.test("timeFault() lets clocks differ by the skew and no more", () => {
  const at = (claims: unknown, nowMs: number, rules: Partial<ClaimRules> = {}) => {
    const fault = timeFault(claimsOf(claims, rules), { ...RULES, ...rules }, nowMs);
    return fault === null ? "accepted" : fault.code;
  };
  const exp = { sub: "a", exp: NOW_SECS };
  assert.equal(at(exp, NOW_MS - 1), "accepted");
  assert.equal(at(exp, NOW_MS + 29_999), "accepted");
  assert.equal(at(exp, NOW_MS + 30_000), "token-expired");
  assert.equal(at(exp, NOW_MS, { skewMs: 0 }), "token-expired");
  assert.equal(at(exp, NOW_MS - 1, { skewMs: 0 }), "accepted");
  assert.equal(at({ sub: "a", exp: -1 }, NOW_MS), "token-expired");
  const nbf = { ...GOOD, nbf: NOW_SECS };
  assert.equal(at(nbf, NOW_MS - 30_000), "accepted");
  assert.equal(at(nbf, NOW_MS - 30_001), "token-not-yet-valid");
  const iat = { sub: "a", exp: NOW_SECS + 9999, iat: NOW_SECS };
  assert.equal(at(iat, NOW_MS - 30_000), "accepted");
  assert.equal(at(iat, NOW_MS - 30_001), "token-not-yet-valid");
  assert.equal(at(iat, NOW_MS + 129_999, { maxAgeMs: 100_000 }), "accepted");
  assert.equal(at(iat, NOW_MS + 130_000, { maxAgeMs: 100_000 }), "token-expired");
  assert.equal(at(iat, NOW_MS + 130_000), "accepted");
});

Deno.test("endsAtMs() is the first moment at which a new client would be refused", () => {
  const rows: readonly (readonly [unknown, Partial<ClaimRules>])[] = [
    [{ sub: "a", exp: NOW_SECS }, {}],
    [{ sub: "a", exp: NOW_SECS, iat: NOW_SECS - 100 }, { maxAgeMs: 50_000 }],
    [{ sub: "a", exp: NOW_SECS, iat: NOW_SECS - 100 }, { maxAgeMs: 500_000, skewMs: 0 }],
  ];
  for (const [claims, rules] of rows) {
    const all = { ...RULES, ...rules };
    const read = claimsOf(claims, rules);
    const endMs = endsAtMs(read, all);
    assert.equal(timeFault(read, all, endMs - 1), null);
    assert.equal(timeFault(read, all, endMs)?.code, "token-expired");
  }
});

Deno.test("readClaims() wants the configured issuer", () => {
  const rules = { issuer: "https://auth.example.com" };
  assert.equal(whyOf({ ...GOOD, iss: rules.issuer }, rules), "accepted");
  assert.equal(whyOf({ ...GOOD, iss: "anyone" }), "accepted");
  for (const iss of [undefined, null, "", "https://auth.example.com/", "HTTPS://AUTH.EXAMPLE.COM", [rules.issuer], 1]) {
    assert.match(whyOf({ ...GOOD, iss }, rules), /"iss"/, String(iss));
  }
  assert.match(whyOf({ ...GOOD, iss: 1 }), /"iss"/);
});

Deno.test("readClaims() wants one of the configured audiences, text or list", () => {
  const rules = { audience: ["mqtt", "iot"] };
  for (const aud of ["mqtt", "iot", ["iot"], ["x", "mqtt"]]) {
    assert.equal(whyOf({ ...GOOD, aud }, rules), "accepted", JSON.stringify(aud));
  }
  const wrong = [undefined, null, "", "MQTT", [], ["x"], "mqtt iot", [["mqtt"]], { 0: "mqtt" }, 1, ["mqtt", 1]];
  for (const aud of wrong) assert.match(whyOf({ ...GOOD, aud }, rules), /"aud"/, JSON.stringify(aud));
  assert.equal(whyOf({ ...GOOD, aud: "for somebody" }), "accepted");
});

Deno.test("readClaims() wants a usable text as user name", () => {
  const wrong = [undefined, null, "", 1, true, ["a"], { a: 1 }, "a\0b", "a\nb", "a\u009f", "\ufffe", "\u{1ffff}"];
  for (const sub of wrong) assert.match(whyOf({ ...GOOD, sub }), /user name/, JSON.stringify(sub));
  assert.match(whyOf(`{"exp":${EXP},"sub":"\\ud800"}`), /user name/);
  for (const sub of ["a", "Ä", " a ", "a/b", "😀", "__proto__"]) {
    assert.equal(claimsOf({ ...GOOD, sub }).username, sub);
  }
});

Deno.test("readClaims() takes a claim's whole name before it takes a path", () => {
  const groupsClaim = "realm_access.roles";
  assert.deepEqual(claimsOf({ ...GOOD, realm_access: { roles: ["a"] } }, { groupsClaim }).groups, ["a"]);
  const both = { ...GOOD, realm_access: { roles: ["path"] }, "realm_access.roles": ["name"] };
  assert.deepEqual(claimsOf(both, { groupsClaim }).groups, ["name"]);
  const namespaced = { ...GOOD, "https://example.com/user.name": "bob" };
  assert.equal(claimsOf(namespaced, { usernameClaim: "https://example.com/user.name" }).username, "bob");
  for (const usernameClaim of ["a.b", "sub.length", "__proto__", "constructor.name", "toString", "a..b", "."]) {
    assert.match(whyOf({ ...GOOD, a: "text" }, { usernameClaim }), /user name/, usernameClaim);
  }
  const proto = `{"exp":${EXP},"__proto__":"bob"}`;
  assert.equal(claimsOf(proto, { usernameClaim: "__proto__" }).username, "bob");
});

Deno.test("readClaims() takes groups from a list, and from a text with spaces or commas", () => {
  const rows: readonly (readonly [unknown, readonly string[]])[] = [
    [undefined, []],
    [null, []],
    [[], []],
    ["", []],
    [["a", "b c", "a", ""], ["a", "b c"]],
    ["a b,c, d  e", ["a", "b", "c", "d", "e"]],
    ["admin", ["admin"]],
  ];
  for (const [groups, expected] of rows) {
    assert.deepEqual(claimsOf({ ...GOOD, groups }).groups, expected, JSON.stringify(groups));
  }
  for (const groups of [1, true, {}, [1], [["a"]], ["a", null], "a\nb", ["a\0"]]) {
    assert.match(whyOf({ ...GOOD, groups }), /groups/, JSON.stringify(groups));
  }
});

Deno.test("readClaims() takes the client id only where a claim is configured", () => {
  const rules = { clientIdClaim: "cid" };
  assert.equal(claimsOf({ ...GOOD, cid: "dev-1" }).clientId, null);
  assert.equal(claimsOf({ ...GOOD, cid: "dev-1" }, rules).clientId, "dev-1");
  assert.equal(claimsOf(GOOD, rules).clientId, null);
  for (const cid of ["", 1, ["dev-1"], {}, "a\0"]) {
    assert.match(whyOf({ ...GOOD, cid }, rules), /client id/, JSON.stringify(cid));
  }
});

Deno.test("readClaims() hands rules on as they are", () => {
  const acl = [{ topics: ["#"], decision: "allow" }];
  assert.equal(claimsOf({ ...GOOD, acl }).acl, null);
  assert.deepEqual(claimsOf({ ...GOOD, acl }, { aclClaim: "acl" }).acl, acl);
  assert.equal(claimsOf(GOOD, { aclClaim: "acl" }).acl, null);
  assert.equal(claimsOf({ ...GOOD, acl: "x" }, { aclClaim: "acl" }).acl, "x");
});

Deno.test("readClaims() makes attributes of scalars that are not registered claims", () => {
  assert.equal(claimsOf({ ...GOOD, iss: "i", aud: "a", nbf: 0, iat: 0, jti: "j" }).attributes, null);
  const attributes = claimsOf(
    `{"sub":"a","exp":${EXP},"site":"eu","level":3,"rate":0.5,"on":true,"big":12345678901234567890,"nul":null,` +
      `"list":[1],"bag":{},"line":"a\\nb","empty":"","__proto__":"p","constructor":"c"}`,
  ).attributes;
  assert.deepEqual(
    [...attributes ?? []],
    [["site", "eu"], ["level", "3"], ["rate", "0.5"], ["on", "true"], ["__proto__", "p"], ["constructor", "c"]],
  );
});
