import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { cbor, field, messagePack, type Value } from "../scripts/corpus/binary_forms.ts";
import { type CorpusFamily, type Kind, readCorpus, readFamily } from "../scripts/corpus/corpus_files.ts";
import { binaryFamily } from "../scripts/corpus/make_binary.ts";
import { encodedFamily } from "../scripts/corpus/make_encoded.ts";
import { evasionFamilies } from "../scripts/corpus/make_evasions.ts";
import { measure } from "../scripts/corpus/measure.ts";
import { missesAt, missLines, tables, totalsOf } from "../scripts/corpus/report.ts";

const corpus = await readCorpus(new URL("corpus/", import.meta.url));
const own = corpus.filter(({ isIndependent }) => !isIndependent);

function countOf(families: readonly CorpusFamily[], kind: string): number {
  return families.reduce((sum, family) => sum + (family.kind === kind ? family.items.length : 0), 0);
}

Deno.test("the corpus has enough of both kinds, in families that are worth a rate", () => {
  assert.ok(countOf(own, "attacks") >= 320, `${countOf(own, "attacks")} attacks`);
  assert.ok(countOf(own, "benign") >= 700, `${countOf(own, "benign")} benign items`);
  const small = own.filter(({ items }) => items.length < 8).map(({ family }) => family);
  assert.deepEqual(small, []);
});

Deno.test("no item is in the corpus twice, be it as an attack and as benign", () => {
  const seen = new Map<string, string>();
  const twice: string[] = [];
  for (const { kind, family, items } of corpus) {
    for (const { label, part, topic, content } of items) {
      const key = `${part} ${topic} ${Buffer.from(content).toString("base64")}`;
      const where = `${kind}/${family} ${label}`;
      const first = seen.get(key);
      if (first !== undefined) twice.push(`${first} = ${where}`);
      seen.set(key, where);
    }
  }
  assert.deepEqual(twice, []);
});

Deno.test("no two items of a family have one name", () => {
  for (const { family, items } of corpus) {
    assert.equal(new Set(items.map(({ label }) => label)).size, items.length, family);
  }
});

Deno.test("readFamily() tells every fault of a file", () => {
  const faults: string[] = [];
  const text = JSON.stringify({
    family: "other",
    about: "",
    category: "sqli",
    extra: 1,
    items: [
      { text: "a", hex: "61" },
      { hex: "6" },
      { base64: "YQ" },
      { text: "a", part: "body" },
      {
        text: "a",
        category: "x",
      },
      { txt: "a" },
      { text: "fine" },
    ],
  });
  const read = readFamily(text, "named", "attacks", faults);
  assert.deepEqual(faults, [
    'unknown key "extra"',
    'family is "other", the file is named "named"',
    "about is not a sentence",
    "item 0: needs one of text, hex and base64",
    "item 1: hex is not hex",
    "item 2: base64 is not base64",
    'item 3: part is "body"',
    'item 4: category is "x"',
    'item 5: unknown key "txt"',
  ]);
  assert.deepEqual(read?.items.map(({ label }) => label), ["#6"]);
});

Deno.test("readFamily() refuses a category on what is benign, and what is not JSON", () => {
  const faults: string[] = [];
  const text = JSON.stringify({
    family: "f",
    about: "A.",
    category: "sqli",
    items: [{ text: "a", category: "sqli" }],
  });
  readFamily(text, "f", "benign", faults);
  assert.deepEqual(faults, ["category is for attacks only", "item 0: category is for attacks only"]);
  faults.length = 0;
  assert.equal(readFamily("{", "f", "benign", faults), null);
  assert.match(faults[0] ?? "", /^not JSON, /);
});

Deno.test("the families that are made hold what their makers make", () => {
  const made = [...evasionFamilies(), binaryFamily(), encodedFamily()];
  for (const { family, items } of made) {
    const stored = own.find((one) => one.family === family);
    assert.ok(stored !== undefined, family);
    assert.deepEqual(stored.items.map(({ label }) => label), items.map(({ name }) => name), family);
    stored.items.forEach(({ label, content, category }, n) => {
      const item = items[n];
      // Another version of zlib may compress the same text to other bytes.
      if (typeof item?.content !== "string") return;
      assert.equal(new TextDecoder().decode(content), item.content, `${family}, ${label}`);
      assert.equal(category, item.category ?? null, `${family}, ${label}`);
    });
  }
});

Deno.test("binary forms are as their standards have them", () => {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  // RFC 8949, appendix A.
  const examples: [Value, string][] = [
    [{ a: 1, b: [2, 3] }, "a26161016162820203"],
    [1_000_000, "1a000f4240"],
    [-1000, "3903e7"],
    [1.1, "fb3ff199999999999a"],
    ["IETF", "6449455446"],
    [Uint8Array.of(1, 2, 3, 4), "4401020304"],
    [[true, null], "82f5f6"],
  ];
  for (const [value, expected] of examples) assert.equal(hex(cbor(value)), expected);
  // The example of msgpack.org, and of its specification's families.
  assert.equal(hex(messagePack({ compact: true, schema: 0 })), "82a7636f6d70616374c3a6736368656d6100");
  assert.equal(hex(messagePack([-1, 300, "x".repeat(32)])), `93ffcd012cd920${"78".repeat(32)}`);
  // "Encoding" in the documentation of Protocol Buffers.
  assert.equal(hex(field(1, 150)), "089601");
  assert.equal(hex(field(2, "testing")), "120774657374696e67");
});

Deno.test("an attack that passes and a benign text that is refused are misses, with what refused it", () => {
  const familyOf = (kind: Kind, text: string): CorpusFamily => {
    const content = new TextEncoder().encode(text);
    const category = kind === "attacks" ? "sqli" as const : null;
    const items = [{ label: "#0", content, part: "payload" as const, topic: "", category }];
    return { family: `some-${kind}`, about: "Some.", kind, isIndependent: false, items };
  };
  const measured = measure([familyOf("attacks", "it is 21.5\u001b"), familyOf("benign", "../../../etc/passwd")]);
  const misses = missesAt("medium", measured);
  assert.deepEqual(misses.map(({ family, hit }) => [family, hit?.category ?? null]), [
    ["some-attacks", null],
    ["some-benign", "path-traversal"],
  ]);
  assert.match(
    missLines(misses),
    /^attacks\/some-attacks #0: passed\n {4}it is 21\.5\\x1b\nbenign\/some-benign #0: path/,
  );
  assert.match(tables(measured), /some-attacks +1 +0 +0\.0 % .*\n +total +1 +0/);
  assert.deepEqual(totalsOf(measured).items, 2);
  assert.deepEqual(missesAt("medium", measure([familyOf("attacks", "../../../etc/passwd")])), []);
});

/** Families of what devices send on their own all day: an alarm there is an outage. */
const NEVER_ALARMED = /^(?:former-)?(?:home|telemetry)-/;

Deno.test({
  name: "at medium nearly every attack of our corpus is refused, and next to nothing benign is",
  fn: () => {
    const measured = measure(own);
    const wrong = missLines(missesAt("medium", measured));
    const attacks = totalsOf(measured.filter(({ family }) => family.kind === "attacks"));
    assert.ok(attacks.refused.medium >= attacks.items * 0.999, wrong);
    const benign = measured.filter(({ family }) => family.kind === "benign" && !family.family.endsWith("source-code"));
    const totals = totalsOf(benign);
    assert.ok(totals.refused.medium <= totals.items / 1000, wrong);
    assert.equal(totalsOf(benign.filter(({ family }) => NEVER_ALARMED.test(family.family))).refused.medium, 0, wrong);
  },
});
