import { deepEqual, equal, ok } from "node:assert/strict";
import { parse, type ParseError } from "jsonc-parser";
import { ListedMembers, parseJsonc, parseJsoncSteps, type Wanted } from "./jsonc.ts";
import { finished } from "./steps.ts";

function valueOf(text: string): unknown {
  const result = parseJsonc(text);
  ok("value" in result, `refused: ${JSON.stringify(result)}`);
  return result.value;
}

function faultOf(text: string): string {
  const result = parseJsonc(text);
  ok("fault" in result, "accepted");
  return `${result.fault.offset}: ${result.fault.text}`;
}

Deno.test("parseJsonc() takes comments and trailing commas", () => {
  deepEqual(valueOf(`// first\n{ /* a */ "a": [1, 2,], "b": {"c": null,}, } // last`), { a: [1, 2], b: { c: null } });
});

Deno.test("parseJsonc() takes a byte order mark and CRLF", () => {
  deepEqual(valueOf('\ufeff{\r\n"a": 1\r\n}\r\n'), { a: 1 });
});

Deno.test("parseJsonc() keeps __proto__ and constructor as keys like others", () => {
  const value = valueOf(`{ "__proto__": { "admin": true }, "constructor": 1 }`);
  ok(typeof value === "object" && value !== null);
  deepEqual(Object.keys(value), ["__proto__", "constructor"]);
  equal(Object.getPrototypeOf(value), Object.prototype);
  equal("admin" in value, false);
});

Deno.test("parseJsonc() tells every key that is there twice", () => {
  const result = parseJsonc(`{ "a": 1, "b": [{ "c": 1, "c": 2 }], "a": 3, "__proto__": 1, "__proto__": 2 }`);
  ok("value" in result);
  deepEqual(result.duplicates, [
    { offset: 26, path: ["b", 0, "c"] },
    { offset: 37, path: ["a"] },
    { offset: 61, path: ["__proto__"] },
  ]);
});

Deno.test("parseJsonc() says where a text stops being JSON, and quotes none of it", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["", "0: expected a value, found the end of the file"],
    ["  ", "2: expected a value, found the end of the file"],
    ["{", `1: expected a key in double quotes or "}", found the end of the file`],
    [`{ "a" 1 }`, `6: expected ":"`],
    [`{ "a": 1 "b": 2 }`, `9: expected "," or "}"`],
    [`{ "a": hunter2 }`, "7: expected a value"],
    [`{ a: 1 }`, `2: expected a key in double quotes or "}"`],
    [`{ "a": 1,, }`, `9: expected a key in double quotes or "}"`],
    [`[1 2]`, `3: expected "," or "]"`],
    [`[,]`, "1: expected a value"],
    [`[1`, `2: expected "," or "]", found the end of the file`],
    [`[1] [2]`, "4: expected the end of the file"],
    [`"abc`, "0: the text does not end on its line"],
    [`"abc\n"`, "0: the text does not end on its line"],
    [`"a\tb"`, "2: a control character in a text must be written as an escape"],
    [`"a\\x41"`, "0: the text holds an escape that JSON does not know"],
    [`"a\\`, "0: the text does not end on its line"],
    [`/* open`, "0: the comment does not end"],
    [`/ 1`, "0: expected a value or a comment"],
    ["01", "0: expected a number as JSON writes it"],
    ["1.", "0: expected a number as JSON writes it"],
    ["-", "0: expected a number as JSON writes it"],
    ["+1", "0: expected a value"],
    [".5", "0: expected a value"],
    ["0x10", "0: expected a number as JSON writes it"],
    ["1e999", "0: the number is too large"],
    ["NaN", "0: expected a value"],
    ["truely", "0: expected a value"],
    ["'a'", "0: expected a value"],
    ["[".repeat(101), "100: nested deeper than 100 levels"],
    ["[".repeat(1_000_000), "100: nested deeper than 100 levels"],
  ];
  for (const [text, fault] of cases) equal(faultOf(text), fault, text.slice(0, 40));
});

Deno.test("parseJsonc() notes the offsets of wanted places", () => {
  const text = `{ "a": [10, { "b": "x" }], "c": 1 }`;
  const b: Wanted = { children: new Map() };
  const one: Wanted = { children: new Map([["b", b]]) };
  const a: Wanted = { children: new Map([[1, one]]) };
  const absent: Wanted = { children: new Map() };
  parseJsonc(text, { children: new Map([["a", a], ["absent", absent]]) });
  deepEqual([a.key, a.value, one.key, one.value, b.key, b.value], [2, 7, undefined, 12, 14, 19]);
  deepEqual([absent.key, absent.value], [undefined, undefined]);
});

Deno.test("parseJsonc() agrees with jsonc-parser on texts grown from JSON by chance", () => {
  const random = seeded(20_260_726);
  let accepted = 0;
  for (let round = 0; round < 20_000; round++) {
    const text = mutate(write(random, 0), random);
    const errors: ParseError[] = [];
    const expected: unknown = parse(text, errors, { allowTrailingComma: true });
    const result = parseJsonc(text);

    equal("value" in result, errors.length === 0, JSON.stringify(text));
    if ("value" in result) {
      accepted++;
      equal(JSON.stringify(result.value), JSON.stringify(expected), JSON.stringify(text));
    }
  }
  ok(accepted > 5000 && accepted < 19_000, `accepted ${accepted}`);
});

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const SCALARS = ["0", "-1.5e3", "12", `""`, `"a\\u00e9\\n"`, `"x/+/#"`, "true", "false", "null"];
const BLANKS = ["", " ", "\r\n", "/* c */", "// c\n"];
const MUTATIONS = ["", ",", "}", "]", "{", `"`, "\\", "0", "-", "/", "*", "\n", "\t", "e", ":", "\u0001"];

function write(random: () => number, depth: number): string {
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)] ?? "";
  const blank = () => pick(BLANKS);
  const kind = depth > 3 ? 0 : random();
  if (kind < 0.4) return blank() + pick(SCALARS) + blank();
  const count = Math.floor(random() * 4);
  const comma = count > 0 && random() < 0.3 ? "," : "";
  const items = Array.from({ length: count }, (_, index) => {
    const value = write(random, depth + 1);
    return kind < 0.7 ? value : `${blank()}"k${index}"${blank()}:${value}`;
  });
  return kind < 0.7 ? `[${items.join(",")}${comma}${blank()}]` : `{${items.join(",")}${comma}${blank()}}`;
}

function mutate(text: string, random: () => number): string {
  if (random() < 0.4) return text;
  const at = Math.floor(random() * text.length);
  const put = MUTATIONS[Math.floor(random() * MUTATIONS.length)] ?? "";
  return text.slice(0, at) + put + text.slice(at + Math.floor(random() * 2));
}

/** Cut into pieces of so many characters. */
function cut(text: string, length: number): string[] {
  return Array.from({ length: Math.ceil(text.length / length) }, (_, n) => text.slice(n * length, (n + 1) * length));
}

Deno.test("a text in pieces is read as the whole is, wherever it is cut and whatever is longer than a piece", () => {
  const long = "x".repeat(70_000);
  const texts = [
    `{ "a": [${
      Array.from({ length: 30_000 }, (_, n) => `{"n": ${n}, "t": "é${n}", "b": [true, null]}`).join(",\n")
    }], "a": 1 }`,
    `{ "a": 1, "long": "${long}${long}", /* ${long}${long} */ "b": 12 }`,
    `{ "a": 1 } // ${long}${long}`,
    `{ "a": 1 ${" ".repeat(200_000)} "b" }`,
    `{ "a": 1 }${" ".repeat(200_000)}]`,
    `${" ".repeat(200_000)}12`,
    "\ufeff{}",
    "",
  ];
  for (const text of texts) {
    const spots = () => {
      const [a, b] = [{ children: new Map() }, { children: new Map() }];
      return { a, b, root: { children: new Map([["a", a], ["b", b]]) } };
    };
    const [whole, inPieces] = [spots(), spots()];
    const expected = parseJsonc(text, whole.root);
    for (const length of [60_000, 65_537, 100_001]) {
      deepEqual(finished(parseJsoncSteps(cut(text, length), { wanted: inPieces.root })), expected);
      deepEqual(inPieces, whole);
    }
  }
});

Deno.test("an object read as listed members has them in their order, and tells which are there twice", () => {
  const text = `{ "users": { "b": 1, "__proto__": { "users": { "c": 1 } }, "1": 3, "b": 2 }, "other": { "a": 1 } }`;
  const result = finished(parseJsoncSteps(text, { listed: "users" }));
  if (!("value" in result)) throw new Error(result.fault.text);
  const { users, other } = result.value as { users: ListedMembers; other: unknown };
  deepEqual(users.names, ["b", "__proto__", "1", "b"]);
  deepEqual(users.values, [1, { users: { c: 1 } }, 3, 2]);
  deepEqual(other, { a: 1 });
  deepEqual(result.duplicates.map(({ path }) => path), [["users", "b"]]);
});
