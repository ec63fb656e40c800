import assert from "node:assert/strict";
import { hashBcrypt, verifyBcrypt } from "./bcrypt.ts";

const ENCODER = new TextEncoder();

/**
 * Name, password in hex, what stands behind `$2b$04$abcdefghijklmnopqrstuu`, and behind the same with `$2a$` where that is
 * another. Made with libxcrypt 4.4 (Perl's crypt): another implementation, and the one that `$2y$` comes from.
 */
const LIBXCRYPT: readonly (readonly [string, string, string, string?])[] = [
  ["text", "736563726574", "2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"],
  ["72 bytes", "61".repeat(72), "BzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe"],
  ["71 bytes", "61".repeat(71), "MCu.k1vM/ywQwiONaEn3oEMlZoCVBd6"],
  ["55 bytes", "61".repeat(55), "NK0J/juUS23U3C7eEQvssmllOIAoiWG"],
  ["not UTF-8, with FF", "ffa3333435", "UIzecIiCguM2sPh1F7L9IS3zOtmg5Im"],
  ["not UTF-8", "fffe80", "5FfXk1eFWXC7aN/fIBM3vUuC450abfK"],
  ["one byte that is not UTF-8", "a3", "rz1efvzeJjL4mQ813hrZNg3p1.ivOii"],
  ["UTF-8", "70c3a47373", "F7KK/SfP9IRGj0pPJMr8GdtCS8xpmpC"],
  ["where $2a$ differs", "ffffa3", "MOaOTHB4gEm.rriBjXNwBNh.Oc4mKGG", "ZQhQBRpiYJCaQFgyHlB.t/F01cqLCIu"],
  ["72 bytes, the last one FF", "78".repeat(71) + "ff", "LeDw8b3d//fgAdYXs8ciA1bd2SIYqaW"],
  ["UTF-8 alone", "d191", "SqNATdQiNEckAKLsqgsKbAM5.hZoMCq"],
  ["not UTF-8 within ASCII", "31a3333435", "Xl2V4mQ7s0zX0b4XXH/b9UkRRCWpq3e"],
  [
    "where $2a$ differs, longer",
    "ffa33334ffffffa3333435",
    "9f4sA9SRA0scUKcRyC5kce8dao2.GKe",
    "E8Lpo1/qkGPTBDBxEsJjeEzh9nkZ9uW",
  ],
  ["five characters", "552a552a55", "MJG4SPxGpsI2PpmiVYJg7D.hA7CdQyO"],
];

/** From the documentation and tests of other tools. */
const OTHER_TOOLS: readonly (readonly [string, string, string])[] = [
  ["OpenBSD and jBCrypt", "a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"],
  ["jBCrypt", "abcdefghijklmnopqrstuvwxyz", "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC"],
  ["jBCrypt", "~!@#$%^&*()      ~!@#$%^&*()PNBFRD", "$2a$06$fPIsBO8qRqkjj273rfaOI.HtSV9jLDpTbZn782DC6/t7qT67P6FfO"],
  ["crypt_blowfish", "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
  ["PHP crypt()", "rasmuslerdorf", "$2a$07$usesomesillystringfore2uDLvp1Ii2e./U9C8sBjqp8I90dH6hi"],
];

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

for (const [name, hex, b, a = b] of LIBXCRYPT) {
  Deno.test(`verifyBcrypt() agrees with libxcrypt: ${name}`, async () => {
    const password = fromHex(hex);
    for (const [id, rest] of [["2a", a], ["2b", b], ["2y", b]]) {
      const hash = `$${id}$04$abcdefghijklmnopqrstuu${rest}`;
      assert.ok(await verifyBcrypt(password, hash), hash);
      for (const at of [0, password.length - 1]) {
        const wrong = password.slice();
        wrong[at] = (wrong[at] as number) ^ 0x20;
        assert.ok(!await verifyBcrypt(wrong, hash), `${hash} with byte ${at} changed`);
      }
    }
  });
}

for (const [tool, password, hash] of OTHER_TOOLS) {
  Deno.test(`verifyBcrypt() agrees with ${tool} on ${password}`, async () => {
    assert.ok(await verifyBcrypt(ENCODER.encode(password), hash));
    assert.ok(!await verifyBcrypt(ENCODER.encode(`${password}.`), hash));
  });
}

Deno.test("verifyBcrypt() is false for a password with the same first 72 bytes, with a NUL, or empty", async () => {
  const long = ENCODER.encode("x".repeat(80));
  const hash = await hashBcrypt(long.subarray(0, 72), 4);
  assert.ok(await verifyBcrypt(long.subarray(0, 72), hash));
  for (const length of [73, 80, 71, 0]) assert.ok(!await verifyBcrypt(long.subarray(0, length), hash));
  // bcrypt repeats the password with a NUL behind it: to it these are one.
  const short = await hashBcrypt(ENCODER.encode("a"), 4);
  assert.ok(await verifyBcrypt(ENCODER.encode("a"), short));
  for (const wrong of ["a\0a", "a\0", "\0a", "a\0b"]) assert.ok(!await verifyBcrypt(ENCODER.encode(wrong), short));
});

Deno.test("verifyBcrypt() takes no notice of bits that are in neither salt nor hash", async () => {
  const hash = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
  const secret = ENCODER.encode("secret");
  for (const spare of ["v", "z", "9"]) {
    assert.ok(await verifyBcrypt(secret, `${hash.slice(0, 28)}${spare}${hash.slice(29)}`), spare);
  }
  assert.ok(await verifyBcrypt(secret, `${hash.slice(0, 59)}Z`));
  assert.ok(!await verifyBcrypt(secret, `${hash.slice(0, 28)}e${hash.slice(29)}`));
  assert.ok(!await verifyBcrypt(secret, `${hash.slice(0, 59)}a`));
});

Deno.test("hashBcrypt() makes $2b$ hashes under salts of their own, that hold for any bytes", async () => {
  const secret = ENCODER.encode("secret");
  const hashes = [await hashBcrypt(secret, 4), await hashBcrypt(secret, 4)];
  assert.notEqual(hashes[0], hashes[1]);
  for (const hash of hashes) assert.match(hash, /^\$2b\$04\$[./A-Za-z0-9]{53}$/);
  for (const hex of ["ffffa3", "ffa33334ffffffa3333435", "fffe80"]) {
    assert.ok(await verifyBcrypt(fromHex(hex), await hashBcrypt(fromHex(hex), 4)), hex);
  }
  for (const bad of ["", "a\0b", "x".repeat(73)]) {
    await assert.rejects(hashBcrypt(ENCODER.encode(bad), 4), /Cannot hash/);
  }
});
