import { deepEqual, equal } from "node:assert/strict";
import { ConfigDocument, type Spot } from "./document.ts";

function lineAndColumn(text: string, spot: Spot): string {
  const [place] = ConfigDocument.ofText("a.json", text).places([spot]);
  return `${place?.line}:${place?.column}`;
}

Deno.test("places() counts lines and columns from 1, whatever ends a line", () => {
  const spot: Spot = { raw: ["b"], of: "key" };
  for (const lineBreak of ["\n", "\r\n", "\r"]) {
    const text = ["{", `  // note`, `  "a": 1,`, `  "b": 2`, "}"].join(lineBreak);
    equal(lineAndColumn(text, spot), "4:3", JSON.stringify(lineBreak));
  }
});

Deno.test("places() counts a byte order mark in no column", () => {
  equal(lineAndColumn(`\ufeff{ "b": 2 }`, { raw: ["b"], of: "key" }), "1:3");
  equal(lineAndColumn(`\ufeff\n{ "b": 2 }`, { raw: ["b"], of: "key" }), "2:3");
});

Deno.test("places() counts columns in UTF-16 code units, as editors do", () => {
  equal(lineAndColumn(`{ "🌡": 1, "b": 2 }`, { raw: ["b"], of: "key" }), "1:12");
});

Deno.test("places() finds keys and values", () => {
  const text = `{ "a": [\n  { "b": 7 }\n] }`;
  equal(lineAndColumn(text, { raw: ["a"], of: "value" }), "1:8");
  equal(lineAndColumn(text, { raw: ["a", 0], of: "value" }), "2:3");
  equal(lineAndColumn(text, { raw: ["a", 0, "b"], of: "key" }), "2:5");
  equal(lineAndColumn(text, { raw: ["a", 0, "b"], of: "value" }), "2:10");
  equal(lineAndColumn(text, { raw: [], of: "value" }), "1:1");
});

Deno.test("places() falls back to the innermost thing that is written down", () => {
  const text = `{ "a": { "low": { "b": 1 } } }`;
  equal(lineAndColumn(text, { raw: ["a", "low", "name"], of: "value" }), "1:10");
  equal(lineAndColumn(text, { raw: ["x", "y"], of: "value" }), "1:1");
});

Deno.test("places() of a value without text names its source alone", () => {
  const document = ConfigDocument.ofValue("the proxy's push", { a: 1 });
  deepEqual(document.places([{ raw: ["a"], of: "value" }]), [{ source: "the proxy's push" }]);
});

Deno.test("a document whose text is no JSON has its fault and no value", () => {
  const document = ConfigDocument.ofText("a.json", "{\n  1\n}");
  equal(document.value, undefined);
  deepEqual(document.placeAt(document.fault?.offset ?? 0), { source: `"a.json"`, file: "a.json", line: 2, column: 3 });
});
