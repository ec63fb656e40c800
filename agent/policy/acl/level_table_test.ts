import { strict as assert } from "node:assert";
import { EMPTY_LEVEL_HASH, hashUnit, LevelTable, UNKNOWN } from "./level_table.ts";

function find(table: LevelTable, text: string, start = 0, end = text.length): number {
  let hash = EMPTY_LEVEL_HASH;
  for (let at = start; at < end; at++) hash = hashUnit(hash, text.charCodeAt(at));
  return table.find(text, start, end, hash);
}

Deno.test("LevelTable gives each text one number and finds it inside other text", () => {
  const table = new LevelTable();
  const texts = Array.from({ length: 5000 }, (_, n) => `level-${n}`).concat("", "é", "😀", "\u0000", "x".repeat(3000));
  for (const [number, text] of texts.entries()) assert.equal(table.intern(text, 0, text.length), number);
  for (const [number, text] of texts.entries()) {
    assert.equal(table.intern(`a/${text}/b`, 2, 2 + text.length), number);
    assert.equal(find(table, text), number);
    assert.equal(find(table, `a/${text}/b`, 2, 2 + text.length), number);
  }
  for (const text of ["level-", "level-5000", "Level-1", "e\u0301", "\ud83d", "y".repeat(3000)]) {
    assert.equal(find(table, text), UNKNOWN, text);
  }
});

Deno.test("LevelTable tells texts with the same hash apart", () => {
  // 31 × "a" + "B" and 31 × "b" + "#" are the same, as in Java.
  const table = new LevelTable();
  const first = table.intern("Aa", 0, 2);
  assert.equal(find(table, "BB"), UNKNOWN);
  const second = table.intern("BB", 0, 2);
  assert.notEqual(second, first);
  assert.equal(find(table, "Aa"), first);
  assert.equal(find(table, "AaAa"), UNKNOWN);
});

Deno.test("LevelTable does not read on into the text that is stored behind", () => {
  // A text `s` and two units `u` such that `s + u` has the hash of `s`, with `u` at the beginning of what is stored
  // next.
  for (let n = 0;; n++) {
    const text = `s${n}`;
    let hash = EMPTY_LEVEL_HASH;
    for (const unit of text) hash = hashUnit(hash, unit.charCodeAt(0));
    const missing = Math.imul(hash, 1 - 31 * 31) >>> 0;
    if (missing > 0xffff * 31) continue;
    const longer = String.fromCharCode(Math.floor(missing / 31), missing % 31);
    const table = new LevelTable();
    const number = table.intern(text, 0, text.length);
    table.intern(`${longer}x`, 0, 3);
    assert.equal(find(table, text), number);
    assert.equal(find(table, text + longer), UNKNOWN);
    return;
  }
});
