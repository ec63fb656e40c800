import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { ALGORITHMS, readToken, signatureHolds } from "./jwt.ts";
import {
  base64url,
  CLAIMS,
  ED25519,
  jwk,
  makeToken,
  P256,
  pem,
  RSA,
  SECRET,
  signBytes,
} from "../../tests/support/tokens.ts";

const ALL = new Set<string>(ALGORITHMS);
const HS256 = { alg: "HS256", typ: "JWT" };

function kindOf(text: string): string {
  return readToken(text, ALL).kind;
}

function whyOf(text: string): string {
  const reading = readToken(text, ALL);
  return reading.kind === "token" ? "a token" : reading.why;
}

Deno.test("readToken() ignores what is not meant as a token", () => {
  const [, claims, signature] = makeToken().split(".");
  const texts = [
    "secret",
    "correct.horse.battery",
    ".",
    "..",
    "",
    `.${claims}.${signature}`,
    "eyJhbGciOiJIUzI1NiJ9",
    "e30",
    `${base64url("[1]")}.${claims}.${signature}`,
    `${base64url('"text"')}.${claims}.${signature}`,
    `${base64url("null")}.${claims}.${signature}`,
    `${base64url("{")}.${claims}.${signature}`,
    `${base64url('{"alg":"HS256"} x')}.${claims}.${signature}`,
    `${base64url(Uint8Array.of(0x7b, 0xff, 0x7d))}.${claims}.${signature}`,
    `${base64url("\ufeff{}")}.${claims}.${signature}`,
    `p%${base64url("{}")}.${claims}.${signature}`,
    "x".repeat(65_535),
    `${"e".repeat(20_000)}.a.b`,
    "=".repeat(16_000) + "x.a.b",
    " ".repeat(16_000) + "x.a.b",
    "Bearer ".repeat(2000) + ".a.b",
  ];
  for (const text of texts) assert.equal(kindOf(text), "ignore", text.slice(0, 80));
});

Deno.test("readToken() refuses what is meant as a token and is none", () => {
  const token = makeToken();
  const [header, claims, signature] = token.split(".");
  const rows: readonly (readonly [string, RegExp])[] = [
    [`Bearer ${token}`, /prefix "Bearer"/],
    [`bearer  ${token}`, /prefix "Bearer"/],
    [` ${token}`, /white space/],
    [`${token}\n`, /white space/],
    [`${header} .${claims}.${signature}`, /white space/],
    [`${header}.\t${claims}.${signature}`, /white space/],
    [`${header}=.${claims}.${signature}`, /padding/],
    [`${token}=`, /padding/],
    [`${header}.${claims}`, /three parts/],
    [`${header}.`, /three parts/],
    [`${header}..`, /three parts/],
    [`${header}.${claims}.`, /three parts/],
    [`${header}..${signature}`, /three parts/],
    [`${token}.`, /three parts/],
    [`${token}.${signature}`, /three parts/],
    [`${header}.${claims}.${signature}.x.y`, /three parts/],
    [`${header}.${claims}+.${signature}`, /three parts/],
    [`${header}.${claims}.${signature}/`, /three parts/],
    [`${header}.${claims}.${signature}\0`, /three parts/],
    [`${header}.${claims}.${signature}é`, /three parts/],
    [`${token}${"A".repeat(16_384)}`, /longer than 16 KiB/],
    [`${header}.A.${signature}`, /one way to write/],
    [`${header}.${claims}.AB`, /one way to write/],
  ];
  for (const [text, why] of rows) {
    assert.equal(kindOf(text), "deny", text.slice(0, 80));
    assert.match(whyOf(text), why, text.slice(0, 80));
  }
});

Deno.test("readToken() takes a token of 16 KiB and no longer one", () => {
  const [header, , signature] = makeToken().split(".") as [string, string, string];
  const room = 16_384 - header.length - signature.length - 2;
  const payload = (chars: number) => {
    const text = JSON.stringify({ p: "" });
    return base64url(text.slice(0, -2) + "x".repeat(Math.floor(chars * 3 / 4) - text.length) + '"}');
  };
  const longest = `${header}.${payload(room)}.${signature}`;
  assert.ok(longest.length <= 16_384 && longest.length > 16_380);
  assert.equal(kindOf(longest), "token");
  assert.equal(kindOf(`${header}.${payload(room + 8)}.${signature}`), "deny");
});

Deno.test("readToken() refuses headers that ask for more than a signature", () => {
  const rows: readonly (readonly [unknown, RegExp])[] = [
    [{ alg: "HS256", crit: ["x"], x: 1 }, /"crit"/],
    [{ alg: "HS256", crit: [] }, /"crit"/],
    [{ alg: "HS256", crit: null }, /"crit"/],
    [{ alg: "HS256", b64: false, crit: ["b64"] }, /"crit"/],
    [{ alg: "HS256", b64: false }, /"b64"/],
    [{ alg: "HS256", b64: true }, /"b64"/],
    [{ alg: "none" }, /algorithm/],
    [{ alg: "None" }, /algorithm/],
    [{ alg: "NoNe" }, /algorithm/],
    [{ alg: "nOnE" }, /algorithm/],
    [{ alg: "" }, /algorithm/],
    [{ alg: "hs256" }, /algorithm/],
    [{ alg: "HS256 " }, /algorithm/],
    [{ alg: ["HS256"] }, /algorithm/],
    [{ alg: { toString: "HS256" } }, /algorithm/],
    [{ alg: null }, /algorithm/],
    [{}, /algorithm/],
    [{ alg: "__proto__" }, /algorithm/],
    [{ alg: "dir", enc: "A128GCM" }, /algorithm/],
    [{ alg: "HS256", kid: 1 }, /"kid"/],
    [{ alg: "HS256", kid: ["a"] }, /"kid"/],
    ['{"alg":"HS256","alg":"none"}', /key twice/],
    ['{"alg":"HS256","kid":"a","k\\u0069d":"b"}', /key twice/],
    ['{"alg":"HS256","__proto__":{"crit":1},"__proto__":{}}', /key twice/],
  ];
  for (const [header, why] of rows) {
    const token = makeToken({ header });
    assert.equal(kindOf(token), "deny", JSON.stringify(header));
    assert.match(whyOf(token), why, JSON.stringify(header));
  }
});

Deno.test("readToken() takes no member of a prototype for one of the header", () => {
  const token = makeToken({ header: '{"__proto__":{"crit":["x"],"alg":"none"},"alg":"HS256"}' });
  assert.equal(kindOf(token), "token");
  assert.match(whyOf(makeToken({ header: '{"__proto__":{"alg":"HS256"}}' })), /algorithm/);
});

Deno.test("readToken() refuses payloads that are no JSON object", () => {
  const rows = ["[]", "null", "1", '"x"', "{", "", " ", '{"sub":"a","sub":"admin"}', '{"a":{"b":1,"b":2}}', "\ufeff{}"];
  for (const claims of rows.filter((text) => text !== "")) {
    assert.match(whyOf(makeToken({ claims })), /payload/, claims);
  }
  const latin1 = Buffer.from('{"sub":"\xe9"}', "latin1");
  const signed = `${base64url(JSON.stringify(HS256))}.${base64url(latin1)}`;
  assert.match(whyOf(`${signed}.${base64url(signBytes(signed, SECRET, "HS256"))}`), /payload/);
});

Deno.test("readToken() knows the configured algorithms only", () => {
  const token = makeToken({ header: { alg: "HS512" } });
  assert.equal(readToken(token, new Set(["HS256"])).kind, "deny");
  assert.equal(readToken(token, new Set(["HS512"])).kind, "token");
});

Deno.test("readToken() reads what was signed, and no key out of the header", () => {
  const header = {
    ...HS256,
    kid: "../../dev/null",
    jku: "https://evil.example",
    jwk: jwk(RSA),
    x5u: "file:///",
    x5c: [],
  };
  const text = makeToken({ header });
  const reading = readToken(text, ALL);
  assert.ok(reading.kind === "token");
  const { token } = reading;
  assert.equal(token.keyId, "../../dev/null");
  assert.equal(token.algorithm, "HS256");
  assert.deepEqual(token.payload, CLAIMS);
  assert.equal(token.signed.toString(), text.slice(0, text.lastIndexOf(".")));
  assert.deepEqual(Object.keys(token).sort(), ["algorithm", "keyId", "payload", "signature", "signed"]);
});

Deno.test("signatureHolds() never lets a public key stand for a secret, nor a secret for a public key", () => {
  // The classic: HS256 over the text of the public key that everybody knows.
  const publicText = pem(RSA);
  const reading = readToken(makeToken({ key: publicText, alg: "HS256" }), ALL);
  assert.ok(reading.kind === "token");
  assert.equal(signatureHolds(reading.token, { kind: "public", key: RSA.publicKey, signatureBytes: 256 }), false);
  assert.equal(signatureHolds(reading.token, { kind: "public", key: RSA.publicKey, signatureBytes: 32 }), false);
  const signedByRsa = readToken(makeToken({ key: RSA.privateKey, alg: "RS256" }), ALL);
  assert.ok(signedByRsa.kind === "token");
  const bytes = new TextEncoder().encode(publicText);
  assert.equal(signatureHolds(signedByRsa.token, { kind: "secret", bytes }), false);
  // An HMAC that calls itself RS256: who only looks at the hash would find it right.
  const mixed = readToken(makeToken({ header: { alg: "RS256" }, key: publicText }), ALL);
  assert.ok(mixed.kind === "token");
  assert.equal(signatureHolds(mixed.token, { kind: "secret", bytes }), false);
});

Deno.test("signatureHolds() is false for signatures of no, wrong or another length, and throws for none", () => {
  const keys = [
    { alg: "RS256", pair: RSA, signatureBytes: 256 },
    { alg: "PS384", pair: RSA, signatureBytes: 256 },
    { alg: "ES256", pair: P256, signatureBytes: 64 },
    { alg: "EdDSA", pair: ED25519, signatureBytes: 64 },
    { alg: "Ed25519", pair: ED25519, signatureBytes: 64 },
  ];
  for (const { alg, pair, signatureBytes } of keys) {
    const reading = readToken(makeToken({ key: pair.privateKey, alg }), ALL);
    assert.ok(reading.kind === "token");
    const { token } = reading;
    const material = { kind: "public", key: pair.publicKey, signatureBytes } as const;
    assert.equal(signatureHolds(token, material), true, alg);
    assert.equal(signatureHolds(token, { ...material, signatureBytes: signatureBytes + 1 }), false, alg);
    const { signature } = token;
    const flipped = Buffer.from(signature);
    flipped[3] = (flipped[3] as number) ^ 1;
    const wrong = [
      flipped,
      Buffer.alloc(0),
      // All zero: accepted by Java for two years (CVE-2022-21449).
      Buffer.alloc(signature.length),
      Buffer.alloc(signature.length, 0xff),
      signature.subarray(1),
      signature.subarray(0, -1),
      Buffer.concat([signature, Buffer.of(0)]),
      Buffer.concat([Buffer.of(0), signature]),
      Buffer.concat([signature, signature]),
    ];
    for (const bytes of wrong) assert.equal(signatureHolds({ ...token, signature: bytes }, material), false, alg);
    const signed = Buffer.from(`${token.signed}x`);
    assert.equal(signatureHolds({ ...token, signed }, material), false, alg);
  }
});
