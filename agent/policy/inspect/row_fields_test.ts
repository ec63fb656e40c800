/** Rows of tables and of measurements, cut into their fields. */
import assert from "node:assert/strict";
import { EVERYTHING, planOf } from "./inspect_fixture.ts";
import { inspect } from "./inspect.ts";
import { readRows, rowPieces } from "./row_fields.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");

/** The fields that a text has, by where each says that it came from. */
function fieldsOf(text: string): string[] {
  const bytes = encoder.encode(text);
  const out = new Uint8Array(bytes.length * 2 + 16);
  const end = readRows(bytes, 0, bytes.length, false, out, 0);
  assert.ok(end <= bytes.length * 2, text);
  const fields: string[] = [];
  for (let n = 0; n < rowPieces.count; n++) {
    const { outStart, outEnd, sourceStart } = rowPieces.at(n);
    const field = decoder.decode(out.subarray(outStart + 2, outEnd));
    assert.ok(text.slice(sourceStart + 2).startsWith(field.slice(0, 1)), text);
    fields.push(field);
  }
  return fields;
}

Deno.test("readRows() parts rows at commas, tabs and semicolons, and undoes doubled quotes", () => {
  assert.deepEqual(fieldsOf("dev-7,21.5,ok; go,on"), ["ok; go"]);
  assert.deepEqual(fieldsOf('id,name\n1,"a ""b"", c"\r\n2,"d d"\n'), ['a "b", c', "d d"]);
  assert.deepEqual(fieldsOf('"a b";"c d";5'), ["a b", "c d"]);
  assert.deepEqual(fieldsOf('x1\t"y1 z"\tz 1'), ["y1 z", "z 1"]);
});

Deno.test("readRows() finds the quoted values of a line of measurements", () => {
  assert.deepEqual(fieldsOf('w,loc=a msg="it is; on",t=2 1710'), ["it is; on", "t=2 1710"]);
  assert.deepEqual(fieldsOf('w,loc=a msg="a \\"b\\"" 1710'), ['a \\"b\\"']);
});

Deno.test("readRows() leaves prose, markup, logs and what never closes", () => {
  assert.deepEqual(fieldsOf("open the valve, then wait, please"), []);
  assert.deepEqual(fieldsOf('<a href="x1",title="y1">'), []);
  assert.deepEqual(fieldsOf('level=info msg="x; y" path="/dev/sda" code=2'), []);
  assert.deepEqual(fieldsOf("a,b"), []);
  assert.deepEqual(fieldsOf('x y,"ab'), ["x y"]);
  assert.deepEqual(fieldsOf('q={"ab":"cd","ef":"gh"}'), []);
});

Deno.test("a field is told by its place in the text, and counts as a value of a document", () => {
  const plan = planOf();
  const text = 'dev-7,21.5,";id",ok';
  assert.equal(inspect(plan, "payload", encoder.encode(text), "a/b")?.blocking?.offset, text.indexOf("id"));
  assert.equal(inspect(plan, "payload", encoder.encode("nas,/dev/sda,ext4"), "a/b"), null);
});

Deno.test("fields of rows take nothing of the budget and are no layer", () => {
  const plan = planOf({ ...EVERYTHING, "max-depth": 1, "max-decoded-bytes": 1024 });
  const rows = encoder.encode("ts,name,note\n" + '1,"Lamp ""A""","on; off"\n'.repeat(1000));
  assert.equal(inspect(plan, "payload", rows, "a/b"), null);
});
