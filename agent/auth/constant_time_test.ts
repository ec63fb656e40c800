import assert from "node:assert/strict";

/** Every function that compares a secret, or what is made from one, with what a client sent; by its file. */
const COMPARES: readonly (readonly [file: string, declaration: string])[] = [
  ["password_hash.ts", "export function secretMatches("],
  ["fast_verifier.ts", "  matches("],
  ["jwt.ts", "function secretSignatureHolds("],
];

/** The text of a function, from its declaration to the end of its body. */
function bodyOf(text: string, declaration: string): string {
  const start = text.indexOf(declaration);
  assert.notEqual(start, -1, declaration);
  const indent = declaration.startsWith("  ") ? "\n  }" : "\n}";
  return text.slice(start, text.indexOf(indent, start));
}

Deno.test("secrets are compared in constant time, and by nothing else", async () => {
  for (const [file, declaration] of COMPARES) {
    const body = bodyOf(await Deno.readTextFile(new URL(file, import.meta.url)), declaration);
    assert.match(body, /\btimingSafeEqual\(/, `${file}: ${declaration}`);
    assert.doesNotMatch(body, /\.equals\(|Buffer\.compare\(/, `${file}: ${declaration}`);
  }
});
