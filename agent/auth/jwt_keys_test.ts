import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { type Algorithm, ALGORITHMS } from "./jwt.ts";
import { KeyRing, type KeySetReading, pemKey, readKeySet, secretKey, type VerificationKey } from "./jwt_keys.ts";
import { ED25519, jwk, type KeyPair, P256, P384, P521, pem, RSA, SECRET } from "../../tests/support/tokens.ts";

const ALL: ReadonlySet<Algorithm> = new Set(ALGORITHMS);

function setOf(...keys: unknown[]): KeySetReading {
  const reading = readKeySet(JSON.stringify({ keys }), ALL);
  assert.ok("keys" in reading);
  return reading;
}

function keyOf(result: ReturnType<typeof pemKey>): VerificationKey {
  assert.ok("key" in result, JSON.stringify(result));
  return result.key;
}

function faultOf(result: object): string {
  assert.ok("fault" in result);
  return String(result.fault);
}

Deno.test("secretKey() wants as many bytes as the hash has", () => {
  const only = (...algorithms: Algorithm[]) => new Set(algorithms);
  assert.deepEqual([...keyOf(secretKey(SECRET, only("HS256"))).algorithms], ["HS256"]);
  assert.match(faultOf(secretKey("x".repeat(31), only("HS256"))), /31 bytes, at least 32/);
  assert.match(faultOf(secretKey("x".repeat(47), only("HS384", "HS256"))), /at least 48/);
  assert.match(faultOf(secretKey("x".repeat(63), only("HS512"))), /at least 64/);
  assert.deepEqual([...keyOf(secretKey("ü".repeat(32), only("HS512"))).algorithms], ["HS512"]);
  assert.match(faultOf(secretKey(SECRET, only("RS256"))), /none of the configured algorithms/);
});

Deno.test("pemKey() binds a public key to the algorithms of its type", () => {
  const rows: readonly (readonly [KeyPair, readonly Algorithm[], boolean])[] = [
    [RSA, ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"], false],
    [P256, ["ES256"], false],
    [P384, ["ES384"], true],
    [P521, ["ES512"], true],
    [ED25519, ["EdDSA", "Ed25519"], false],
  ];
  for (const [pair, algorithms, slow] of rows) {
    const key = keyOf(pemKey(pem(pair), ALL));
    assert.deepEqual([...key.algorithms], algorithms);
    assert.equal(key.slow, slow);
    assert.equal(key.keyId, null);
    // The same key, wherever it comes from.
    assert.equal(setOf(jwk(pair, { kid: "a" })).keys[0]?.id, key.id);
  }
  const pkcs1 = String(RSA.publicKey.export({ type: "pkcs1", format: "pem" }));
  assert.equal(keyOf(pemKey(pkcs1, ALL)).id, keyOf(pemKey(pem(RSA), ALL)).id);
});

Deno.test("pemKey() refuses what is not one public key that serves a configured algorithm", () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ["", /found 0/],
    ["not PEM", /found 0/],
    [pem(RSA) + pem(P256), /found 2/],
    [String(P256.privateKey.export({ type: "pkcs8", format: "pem" })), /private key/],
    [String(RSA.privateKey.export({ type: "pkcs1", format: "pem" })), /private key/],
    [pem(RSA).replace(/\n[A-Za-z0-9+/]{64}\n/, "\nAAAA\n"), /something else/],
    ["-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", /something else/],
    [pem(generateKeyPairSync("ec", { namedCurve: "secp256k1" })), /curve|something else/],
    [pem(generateKeyPairSync("x25519")), /no algorithm/],
    [pem(generateKeyPairSync("rsa", { modulusLength: 1024 })), /1024 bits/],
  ];
  for (const [text, fault] of rows) assert.match(faultOf(pemKey(text, ALL)), fault, text);
  assert.match(faultOf(pemKey(pem(RSA), new Set(["HS256", "ES256"]))), /no configured algorithm/);
});

Deno.test("readKeySet() binds keys by kty, crv, alg, use and key_ops", () => {
  const algorithms = (
    pair: KeyPair,
    members: Record<string, unknown>,
  ) => [...(setOf(jwk(pair, members)).keys[0]?.algorithms ?? [])];
  assert.deepEqual(algorithms(RSA, { alg: "RS256" }), ["RS256"]);
  assert.deepEqual(algorithms(RSA, { alg: "PS512", use: "sig", key_ops: ["verify"] }), ["PS512"]);
  assert.deepEqual(algorithms(ED25519, { alg: "EdDSA" }), ["EdDSA", "Ed25519"]);
  assert.deepEqual(algorithms(ED25519, { alg: "Ed25519" }), ["EdDSA", "Ed25519"]);
  assert.deepEqual(algorithms(P256, { alg: "ES384" }), []);
  assert.deepEqual(algorithms(RSA, { alg: "HS256" }), []);
  assert.deepEqual(algorithms(RSA, { alg: "RSA-OAEP" }), []);
});

Deno.test("readKeySet() skips keys that are no public keys for signatures, and says why", () => {
  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const huge = { kty: "RSA", e: "AQAB", n: "w".repeat(1501) };
  const one = jwk(RSA)["n"];
  const rows: readonly (readonly [unknown, RegExp])[] = [
    [{ kty: "oct", k: "c2VjcmV0" }, /shared secret/],
    [{ ...P256.privateKey.export({ format: "jwk" }) }, /private key/],
    [jwk(RSA, { use: "enc" }), /"use"/],
    [jwk(RSA, { use: ["sig"] }), /"use"/],
    [jwk(RSA, { key_ops: ["encrypt"] }), /"key_ops"/],
    [jwk(RSA, { key_ops: "verify" }), /"key_ops"/],
    [jwk(RSA, { kid: 7 }), /"kid"/],
    [jwk(RSA, { alg: 7 }), /"alg"/],
    [jwk(RSA, { n: undefined }), /"n"/],
    [jwk(RSA, { n: "" }), /./],
    [{ kty: "RSA", n: one, e: "AQ" }, /numbers|exponent/],
    [{ kty: "RSA", n: one, e: "BA" }, /numbers|exponent/],
    [huge, /numbers|bits/],
    [jwk(weak), /1024 bits/],
    [{ kty: "EC", crv: "P-256", x: "A".repeat(43), y: "A".repeat(43) }, /numbers/],
    [jwk(P256, { crv: "P-384" }), /numbers/],
    [{ kty: "EC", crv: "secp256k1", x: "A", y: "A" }, /./],
    [{ kty: "OKP", crv: "Ed448", x: "A" }, /./],
    [jwk(generateKeyPairSync("x25519")), /no algorithm/],
    [{ kty: "__proto__" }, /key type/],
    [{ kty: ["RSA"] }, /key type/],
    [{}, /key type/],
    ["text", /no JSON object/],
    [null, /no JSON object/],
  ];
  for (const [key, why] of rows) {
    const { keys, skipped } = setOf(key, jwk(P256, { kid: "good" }));
    assert.equal(keys.length, 1, JSON.stringify(key));
    assert.equal(keys[0]?.keyId, "good");
    assert.match(skipped[0] ?? "", why, JSON.stringify(key));
  }
});

Deno.test("readKeySet() refuses what is no key set", () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ["", /no JSON object/],
    ["<html>", /no JSON object/],
    ["[]", /no JSON object/],
    ["{}", /no list/],
    ['{"keys":{}}', /no list/],
    ['{"keys":[],"keys":[]}', /key twice/],
    [JSON.stringify({ keys: Array(101).fill({}) }), /more than 100/],
  ];
  for (const [text, why] of rows) assert.match(faultOf(readKeySet(text, ALL)), why, text.slice(0, 40));
});

Deno.test("KeyRing.choose() finds the one key that a token means", () => {
  const secret = keyOf(secretKey(SECRET, new Set(["HS256"])));
  const { keys } = setOf(
    jwk(RSA, { kid: "rsa" }),
    jwk(P256, { kid: "both" }),
    jwk(ED25519, { kid: "both" }),
    jwk(P384),
  );
  const ring = new KeyRing([secret, ...keys]);
  const choose = (algorithm: Algorithm, keyId: string | null) => {
    const choice = ring.choose(algorithm, keyId);
    return choice.kind === "key" ? choice.key.keyId ?? "nameless" : choice.kind;
  };
  assert.equal(choose("RS256", "rsa"), "rsa");
  assert.equal(choose("ES256", "both"), "both");
  assert.equal(choose("EdDSA", "both"), "both");
  assert.equal(choose("RS256", "both"), "no-key");
  assert.equal(choose("HS256", "rsa"), "nameless");
  assert.equal(choose("HS256", null), "nameless");
  assert.equal(choose("HS256", "anything"), "nameless");
  assert.equal(choose("ES384", "anything"), "nameless");
  assert.equal(choose("RS256", "RSA"), "unknown-key-id");
  assert.equal(choose("RS256", "__proto__"), "unknown-key-id");
  assert.equal(choose("RS256", "constructor"), "unknown-key-id");
  assert.equal(choose("RS256", ""), "unknown-key-id");
  assert.equal(choose("RS256", null), "rsa");
  assert.equal(choose("ES512", null), "no-key");
});

Deno.test("KeyRing.choose() tries no key where several fit", () => {
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const two = new KeyRing(setOf(jwk(P256, { kid: "a" }), jwk(other, { kid: "b" })).keys);
  assert.equal(two.choose("ES256", null).kind, "ambiguous");
  assert.equal(two.choose("ES256", "a").kind, "key");
  const same = new KeyRing(setOf(jwk(P256, { kid: "a" }), jwk(other, { kid: "a" })).keys);
  assert.equal(same.choose("ES256", "a").kind, "ambiguous");
  const twice = new KeyRing(setOf(jwk(P256, { kid: "a" }), jwk(P256, { kid: "b" })).keys);
  assert.equal(twice.choose("ES256", null).kind, "key");
});

Deno.test("KeyRing knows its keys by what they are, not by what they are called", () => {
  const before = new KeyRing(setOf(jwk(P256, { kid: "a" })).keys);
  const renamed = new KeyRing(setOf(jwk(P256, { kid: "b" })).keys);
  const id = setOf(jwk(P256)).keys[0]?.id ?? "";
  assert.ok(before.has(id, "ES256"));
  assert.ok(renamed.has(id, "ES256"));
  assert.ok(!renamed.has(id, "ES384"));
  assert.ok(!new KeyRing([]).has(id, "ES256"));
  assert.notEqual(before.text, renamed.text);
  assert.equal(before.text, new KeyRing(setOf(jwk(P256, { kid: "a", use: "sig" })).keys).text);
});
