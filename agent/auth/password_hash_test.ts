import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import {
  bcryptCost,
  bcryptPasswordFault,
  generateSecret,
  hashFault,
  hashOfGenerated,
  isGeneratedHash,
  secretMatches,
} from "./password_hash.ts";

const LIMITS = { minBcryptCost: 6, maxBcryptCost: 12 };
const REST = "abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Made by other means than the code under test. */
function sha256Hash(secret: string, salt: Uint8Array): string {
  const digest = createHash("sha256").update(Buffer.concat([salt, bytes(secret)])).digest("base64url");
  return `$sha256$${Buffer.from(salt).toString("base64url")}$${digest}`;
}

Deno.test("hashFault() accepts bcrypt and $sha256$ hashes", () => {
  for (const id of ["2a", "2b", "2y"]) assert.equal(hashFault(`$${id}$10$${REST}`, LIMITS), null);
  for (const cost of ["06", "12"]) assert.equal(hashFault(`$2b$${cost}$${REST}`, LIMITS), null);
  for (const saltBytes of [16, 17, 18, 20, 32, 64]) {
    assert.equal(hashFault(sha256Hash("x", new Uint8Array(saltBytes).fill(255)), LIMITS), null, String(saltBytes));
  }
});

const BAD: readonly (readonly [string, RegExp])[] = [
  [`$2b$05$${REST}`, /a bcrypt cost of 5 is below "min-bcrypt-cost", which is 6/],
  [`$2b$13$${REST}`, /a bcrypt cost of 13 is above "max-bcrypt-cost", which is 12/],
  [`$2b$99$${REST}`, /a bcrypt cost of 99 is above/],
  [`$2x$10$${REST}`, /broken bcrypt/],
  [`$2$10$${REST}`, /60 characters/],
  [`$2b$10$${REST}x`, /60 characters/],
  [`$2b$10$${REST.slice(1)}`, /60 characters/],
  [`$2b$10$${REST.slice(1)}+`, /60 characters/],
  [`$2b$1$${REST}`, /60 characters/],
  [`$2b$10$${REST}\n`, /60 characters/],
  ["$2b$12$...", /60 characters/],
  ["$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b5dWRWJTmaaJObG", /argon2/],
  ["$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D", /scrypt/],
  ["$6$rounds=5000$salt$hash", /other than bcrypt/],
  ["$y$j9T$salt$hash", /other than bcrypt/],
  ["PBKDF2$sha512$901$salt$hash", /PBKDF2/],
  ["{SSHA}abc", /LDAP/],
  [sha256Hash("x", new Uint8Array(15)), /at least 16/],
  [sha256Hash("x", new Uint8Array(65)), /at least 16/],
  [`${sha256Hash("x", new Uint8Array(16))}=`, /base64url/],
  [sha256Hash("x", new Uint8Array(16)).slice(0, -1), /base64url/],
  // The last character has two bits more than the hash: another way to write the same bytes.
  [`${sha256Hash("x", new Uint8Array(16)).slice(0, -1)}B`, /base64url/],
  [sha256Hash("x", new Uint8Array(15)).replace("$sha256$", "$sha256$A"), /at least 16/],
  [sha256Hash("x", new Uint8Array(18)).replace("$sha256$", "$sha256$A"), /base64url/],
  ["correct horse", /expected a bcrypt hash/],
  ["", /expected a bcrypt hash/],
];

for (const [hash, expected] of BAD) {
  Deno.test(`hashFault() refuses ${JSON.stringify(hash.slice(0, 24))} and quotes nothing of it`, () => {
    const fault = hashFault(hash, LIMITS) ?? "";
    assert.match(fault, expected);
    if (hash.length > 8) assert.ok(!fault.includes(hash.slice(4)), fault);
  });
}

Deno.test("bcryptCost() is the cost, and null for $sha256$", () => {
  assert.equal(bcryptCost(`$2y$06$${REST}`), 6);
  assert.equal(bcryptCost(sha256Hash("x", new Uint8Array(16))), null);
});

Deno.test("secretMatches() knows SHA-256(salt, secret), whatever bytes the secret has", () => {
  const salt = crypto.getRandomValues(new Uint8Array(24));
  const hash = sha256Hash("the secret", salt);
  assert.ok(secretMatches(bytes("the secret"), hash));
  for (const wrong of ["the secre", "the secret ", "The secret", ""]) assert.ok(!secretMatches(bytes(wrong), hash));
  const odd = new Uint8Array([0, 255, 0, 128]);
  const digest = createHash("sha256").update(salt).update(odd).digest("base64url");
  const oddHash = `$sha256$${Buffer.from(salt).toString("base64url")}$${digest}`;
  assert.ok(secretMatches(odd, oddHash));
  assert.ok(!secretMatches(odd.subarray(0, 3), oddHash));
  assert.ok(!secretMatches(odd, `$2b$10$${REST}`));
});

Deno.test("a generated secret has 160 bits in 32 characters, and its hash is known again as one", () => {
  const secrets = Array.from({ length: 200 }, generateSecret);
  for (const secret of secrets) assert.match(new TextDecoder().decode(secret), /^[A-Z2-7]{32}$/);
  assert.equal(new Set(secrets.map(String)).size, 200);
  // Every character comes up: none of 6,400 draws from 32 is missing by chance once in 10^86 runs.
  assert.equal(new Set(secrets.flatMap((secret) => [...secret])).size, 32);
  const hash = hashOfGenerated(secrets[0] as Uint8Array);
  assert.equal(hashFault(hash, LIMITS), null);
  assert.ok(secretMatches(secrets[0] as Uint8Array, hash));
  assert.ok(isGeneratedHash(hash));
  assert.notEqual(hashOfGenerated(secrets[0] as Uint8Array), hash);
  assert.ok(!isGeneratedHash(sha256Hash("hunter2", crypto.getRandomValues(new Uint8Array(20)))));
  assert.ok(!isGeneratedHash(sha256Hash("hunter2", new Uint8Array(16))));
});

Deno.test("bcryptPasswordFault() refuses what bcrypt would read in part or two tools differently", () => {
  assert.equal(bcryptPasswordFault(bytes("x".repeat(72))), null);
  assert.equal(bcryptPasswordFault(bytes("x".repeat(73))), "too-long");
  assert.equal(bcryptPasswordFault(bytes("ä".repeat(37))), "too-long");
  assert.equal(bcryptPasswordFault(bytes("a\0b")), "nul");
  assert.equal(bcryptPasswordFault(new Uint8Array()), "empty");
});
