import assert from "node:assert/strict";
import { NOW_MS, randomFrom } from "./bans_fixture.ts";
import type { Ban } from "./ban.ts";
import { readBans, writeBans } from "./bans_text.ts";

const BAN: Ban = {
  id: "id-1",
  source: "operator",
  name: null,
  by: "client-id",
  value: "dev-1",
  from: null,
  reason: "",
  setBy: "ann",
  setAtMs: NOW_MS,
  untilMs: Infinity,
};

function textOf(bans: readonly Ban[]): string {
  return [...writeBans(bans)].join("");
}

Deno.test("bans.json is readable by people: a line a ban", () => {
  const other: Ban = {
    ...BAN,
    id: "id-2",
    source: "automatic",
    from: "10.0.0.1",
    reason: 'a "b"',
    untilMs: NOW_MS + 1,
  };
  assert.equal(
    textOf([BAN, other]),
    `{
"format": "sentinel-mqtt-agent bans",
"version": 1,
"bans": [
{"id":"id-1","source":"operator","by":"client-id","value":"dev-1","reason":"","set-by":"ann","set-at":"2027-01-31T12:00:00.000Z","until":null},
{"id":"id-2","source":"automatic","by":"client-id","value":"dev-1","from":"10.0.0.1","reason":"a \\"b\\"","set-by":"ann","set-at":"2027-01-31T12:00:00.000Z","until":"2027-01-31T12:00:00.001Z"}
]
}
`,
  );
  assert.deepEqual(readBans(textOf([])), { entries: [] });
});

Deno.test("what is written is read as it was, in pieces however many", () => {
  const random = randomFrom(5);
  const values = { "client-id": ["a", "__proto__", 'q"\\', "ü\u2028\u{1f600}"], "client-ip": ["10.0.0.0/8", "::1"] };
  for (const count of [1, 63, 64, 65, 128, 129, 1000]) {
    const bans = Array.from({ length: count }, (_, i): Ban => {
      const by = random(2) ? "client-id" : "client-ip";
      const source = random(2) ? "operator" : "automatic";
      const from = source === "automatic"
        ? [null, "10.0.0.1", "2001:db8::/64", "unreadable"][random(4)] as string
        : null;
      const list = values[by];
      const untilMs = [Infinity, NOW_MS + i, 8.64e15, 0][random(4)] as number;
      return { ...BAN, id: `id ${i}`, by, source, from, value: list[random(list.length)] as string, untilMs };
    });
    const reading = readBans(textOf(bans));
    assert.ok("entries" in reading, JSON.stringify(reading));
    assert.deepEqual(reading.entries.map(({ ban }) => ban), bans);
    assert.ok(reading.entries.every(({ ban, target }) => target.by === ban.by && Object.isFrozen(ban)));
  }
});

Deno.test("a piece is small, so that writing many bans holds up nothing", () => {
  const pieces = [...writeBans(Array.from({ length: 10_000 }, () => BAN))];
  assert.ok(pieces.length > 100 && pieces.every((piece) => piece.length < 64 * 1024));
});

function withBan(change: Readonly<Record<string, unknown>>): string {
  const record = {
    id: "id-1",
    source: "operator",
    by: "client-id",
    value: "dev-1",
    reason: "",
    "set-by": "ann",
    "set-at": "2027-01-31T12:00:00.000Z",
    until: null,
  };
  return JSON.stringify({ format: "sentinel-mqtt-agent bans", version: 1, bans: [{ ...record, ...change }] });
}

function withHead(change: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ format: "sentinel-mqtt-agent bans", version: 1, bans: [], ...change });
}

Deno.test("what is no list of bans of this version is refused as a whole, with what is wrong", () => {
  const kinds = `"client-id", "username", "client-ip", "client-id-regex", "username-regex"`;
  const noFormat = `it has no "format": "sentinel-mqtt-agent bans"`;
  const cases: [string, string][] = [
    ["", "line 1, column 1: expected a value, found the end of the file"],
    ["\0\0\0\0", "line 1, column 1: expected a value"],
    [`// no comments here\n${withHead({})}`, "it is not valid JSON"],
    [withHead({}).slice(0, -1), `line 1, column 59: expected "," or "}", found the end of the file`],
    [`{\n"bans": [}`, "line 2, column 10: expected a value"],
    ["[]", noFormat],
    ["null", noFormat],
    ["1", noFormat],
    ["{}", noFormat],
    [`{"__proto__": {"format": "sentinel-mqtt-agent bans"}}`, noFormat],
    [withHead({ format: "other" }), noFormat],
    [withHead({ version: 2 }), "a newer agent wrote it (version 2, known here is 1)"],
    [withHead({ version: 0 }), `its "version" is not 1`],
    [withHead({ version: "1" }), `its "version" is not 1`],
    [withHead({ bans: {} }), `"bans" is no list`],
    [withHead({ bans: undefined }), `"bans" is no list`],
    [withHead({ bans: [null] }), "bans[0]: it is no object"],
    [withHead({ bans: [[]] }), "bans[0]: it is no object"],
    [withBan({ untill: null }), `bans[0]: unknown key "untill" (did you mean "until"?)`],
    [withBan({ id: undefined }), `bans[0]: "id" is no text`],
    [withBan({ id: 1 }), `bans[0]: "id" is no text`],
    [withBan({ reason: "a\nb" }), `bans[0]: "reason" is no text`],
    [withBan({ "set-by": null }), `bans[0]: "set-by" is no text`],
    [withBan({ value: undefined }), `bans[0]: "value" is no text`],
    [withBan({ value: "" }), `bans[0]: client id "": it is empty`],
    [withBan({ source: "configuration" }), `bans[0]: "source" is not "operator" or "automatic"`],
    [withBan({ by: "topic" }), `bans[0]: "by" is none of ${kinds}`],
    [withBan({ by: "constructor" }), `bans[0]: "by" is none of ${kinds}`],
    [withBan({ by: ["client-id"] }), `bans[0]: "by" is none of ${kinds}`],
    [withBan({ from: "10.0.0.1" }), `bans[0]: "from" is not where clients come from`],
    [withBan({ source: "automatic", from: "10.0.0.1:1" }), `bans[0]: "from" is not where clients come from`],
    [withBan({ source: "automatic", from: "2001:db8::1" }), `bans[0]: "from" is not where clients come from`],
    [withBan({ source: "automatic", from: "2001:db8::1/64" }), `bans[0]: "from" is not where clients come from`],
    [withBan({ source: "automatic", from: "10.0.0.1/64" }), `bans[0]: "from" is not where clients come from`],
    [withBan({ source: "automatic", from: 5 }), `bans[0]: "from" is not where clients come from`],
    [withBan({ "set-at": null }), `bans[0]: "set-at" is no date`],
    [withBan({ "set-at": "yesterday" }), `bans[0]: "set-at" is no date`],
    [withBan({ until: undefined }), `bans[0]: "until" is neither a date nor null`],
    [withBan({ until: "2027" }), `bans[0]: "until" is neither a date nor null`],
    [withBan({ until: "2027-13-01T00:00:00Z" }), `bans[0]: "until" is neither a date nor null`],
    [withBan({ until: 0 }), `bans[0]: "until" is neither a date nor null`],
    [
      withBan({ by: "client-ip", value: "10.0.0.1/8" }),
      `bans[0]: address "10.0.0.1/8": bits after the prefix are set (did you mean "10.0.0.0/8"?)`,
    ],
    [withBan({ by: "client-id-regex", value: "(" }), `bans[0]: client ids like "(": missing closing )`],
  ];
  for (const [text, fault] of cases) assert.deepEqual(readBans(text), { fault }, text);
  assert.ok("entries" in readBans(withBan({ until: "2027-02-01T00:00:00+01:00" })));
});

Deno.test("reading survives whatever is in the file", () => {
  const good = textOf([BAN, { ...BAN, id: "id-2", value: "dev-2", untilMs: NOW_MS }]);
  const random = randomFrom(17);
  for (let round = 0; round < 3000; round++) {
    const at = random(good.length);
    const junk = String.fromCharCode(random(2) ? random(128) : random(65_536));
    const text = random(2) ? good.slice(0, at) + junk + good.slice(at + random(4)) : good.slice(0, at);
    const reading = readBans(text);
    assert.ok("fault" in reading || reading.entries.length === 2);
  }
  for (const deep of ["[".repeat(1_000_000), `{"a":`.repeat(200_000)]) assert.ok("fault" in readBans(deep));
});
