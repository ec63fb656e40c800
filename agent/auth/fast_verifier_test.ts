import assert from "node:assert/strict";
import { FastVerifier } from "./fast_verifier.ts";

const PASSWORD = new TextEncoder().encode("correct horse");
const WRONG = new TextEncoder().encode("correct horsf");

Deno.test("matches() is null before a password was proved, then true for it and false for others", () => {
  const verifier = new FastVerifier();
  const credential = { hash: "$2b$04$a", bcryptCost: 4 };
  assert.equal(verifier.matches(credential, "ada", PASSWORD), null);
  verifier.remember(credential, "ada", PASSWORD);
  assert.equal(verifier.matches(credential, "ada", PASSWORD), true);
  for (const wrong of [WRONG, PASSWORD.subarray(1), new Uint8Array(), new Uint8Array(13)]) {
    assert.equal(verifier.matches(credential, "ada", wrong), false);
  }
});

Deno.test("what was proved holds for that credential alone, and for that user", () => {
  const verifier = new FastVerifier();
  const credential = { hash: "$2b$04$a", bcryptCost: 4 };
  verifier.remember(credential, "ada", PASSWORD);
  assert.equal(verifier.matches({ ...credential }, "ada", PASSWORD), null);
  assert.equal(verifier.matches(credential, "bob", PASSWORD), false);
  assert.equal(new FastVerifier().matches(credential, "ada", PASSWORD), null);
});

Deno.test("remember() keeps a password past the wiping of its bytes, and not the bytes", () => {
  const verifier = new FastVerifier();
  const credential = { hash: "$2b$04$a", bcryptCost: 4 };
  const bytes = PASSWORD.slice();
  verifier.remember(credential, "ada", bytes);
  bytes.fill(0);
  assert.equal(verifier.matches(credential, "ada", PASSWORD), true);
  assert.equal(verifier.matches(credential, "ada", bytes), false);
});

Deno.test("credentialKey() is equal for equal parts only, and of no use to another process", () => {
  const verifier = new FastVerifier();
  const of = (username: string | null, password: string | null, ...also: (string | null)[]): string => {
    const bytes = password === null ? null : new TextEncoder().encode(password);
    return verifier.credentialKey({ username, password: bytes }, ...also);
  };
  const keys = [
    of("ab", "c"),
    of("a", "bc"),
    of("abc", ""),
    of("abc", null),
    of("", "abc"),
    of(null, "abc"),
    of("ab", "c", ""),
    of("ab", "c", null),
    of("ab", "c", "d"),
    of("ab", "c", "d", ""),
    of("a\0b", "c"),
  ];
  assert.equal(new Set(keys).size, keys.length);
  for (const key of keys) assert.match(key, /^[A-Za-z0-9_-]{43}$/);
  assert.equal(of("ab", "c", "d"), of("ab", "c", "d"));
  const password = new TextEncoder().encode("c");
  assert.notEqual(new FastVerifier().credentialKey({ username: "ab", password }), of("ab", "c"));
});
