import { strict as assert } from "node:assert";
import { MadeList } from "./made_list.ts";

Deno.test("MadeList keeps what was made under any number, and has nothing under others", () => {
  const list = new MadeList<string>();
  const numbers = [0, 255, 256, 90_000, 1, 89_999];
  for (const number of numbers) assert.equal(list.get(number), undefined);
  for (const number of numbers) assert.equal(list.keep(number, `n${number}`), `n${number}`);
  for (const number of numbers) assert.equal(list.get(number), `n${number}`);
  for (const number of [2, 254, 257, 90_001, 1_000_000]) assert.equal(list.get(number), undefined);
});
