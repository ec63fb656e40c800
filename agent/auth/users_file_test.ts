import assert from "node:assert/strict";
import { hashOfGenerated } from "./password_hash.ts";
import type { UserRecord } from "./users_file.ts";
import { readUsersText } from "./users_text.ts";

const LIMITS = { minBcryptCost: 4, maxBcryptCost: 14 };
const HASH = "$2b$12$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
const COSTLY = HASH.replace("$12$", "$15$");
const GENERATED = hashOfGenerated(new Uint8Array(20));

function recordsOf(path: string, text: string): readonly UserRecord[] {
  const reading = readUsersText(path, text, LIMITS);
  assert.ok("records" in reading, JSON.stringify(reading));
  return reading.records;
}

/** Each as `line token what`, the token being what stands at the place that the problem names. */
function problemsOf(path: string, text: string): string[] {
  const reading = readUsersText(path, text, LIMITS);
  assert.ok("problems" in reading, "it was read without problems");
  const lines = text.split("\n");
  return reading.problems.map(({ place: { line = 0, column = 0 }, message }) => {
    const head = `Cannot load "${path}": line ${line}, column ${column}: `;
    assert.ok(message.startsWith(head), message);
    const token = /^(?:"[^"]*"|[\w.$-]+|.|$)/.exec(lines[line - 1]?.slice(column - 1) ?? "")?.[0];
    return `${line} ${token?.replaceAll(HASH, "…").replaceAll(COSTLY, "…")} ${message.slice(head.length)}`;
  });
}

const PLAIN: UserRecord = {
  name: "a",
  hash: HASH,
  groups: [],
  enabled: true,
  clientIds: null,
  attributes: null,
  expiresAtMs: Infinity,
};

Deno.test("readUsers() takes the users file of the product page as it is written there", () => {
  const page = `{
  "users": {
    "sensor-001": {
      "password_hash": "${HASH}",
      "groups": ["sensors", "zone-a"],
      "enabled": true
    },
    "admin": {
      "password_hash": "${HASH}",
      "groups": ["admin"],
      "enabled": true
    }
  }
}`;
  assert.deepEqual(recordsOf("users.json", page), [
    { ...PLAIN, name: "sensor-001", groups: ["sensors", "zone-a"] },
    { ...PLAIN, name: "admin", groups: ["admin"] },
  ]);
});

const FULL: UserRecord = {
  name: "a",
  hash: GENERATED,
  groups: ["g"],
  enabled: false,
  clientIds: ["one", "two"],
  attributes: new Map([["zone", "a"], ["__proto__", "b"]]),
  expiresAtMs: Date.UTC(2027, 0, 31, 11, 0, 0),
};

/** Path, text, what is read: both forms say the same. */
const GOOD: readonly (readonly [string, string, readonly UserRecord[]])[] = [
  ["u.json", `{"users":{}}`, []],
  ["u.yaml", "users: {}", []],
  ["u.json", `\ufeff// all\n{"users": {"a": {"password-hash": "${HASH}",}, /* end */},}`, [PLAIN]],
  ["u.yml", `# all\nusers:\n  a: {password-hash: ${HASH}} # end`, [PLAIN]],
  [
    "u.json",
    `{"users":{"a":{"password_hash":"${GENERATED}","groups":"g","enabled":false,"client-ids":["one","two"],
      "attributes":{"zone":"a","__proto__":"b"},"expires":"2027-01-31T12:00:00+01:00"}}}`,
    [FULL],
  ],
  [
    "u.yaml",
    `users:\n  a:\n    password_hash: ${GENERATED}\n    groups: g\n    enabled: false\n    client_ids:\n    - one\n    - two
    attributes: {zone: a, __proto__: b}\n    expires: 2027-01-31T12:00:00+01:00`,
    [FULL],
  ],
  ["u.json", `{"users":{"a":{"password_hash":"${HASH}","expires":"2027-01-31"}}}`, [
    { ...PLAIN, expiresAtMs: Date.UTC(2027, 0, 31) },
  ]],
  [
    "u.json",
    `{"users":{"__proto__":{"password_hash":"${HASH}"},"constructor":{"password_hash":"${HASH}"}}}`,
    [{ ...PLAIN, name: "__proto__" }, { ...PLAIN, name: "constructor" }],
  ],
  ["u.yaml", `users:\n  __proto__: {password_hash: ${HASH}}\n  hasOwnProperty: {password_hash: ${HASH}}`, [
    { ...PLAIN, name: "__proto__" },
    { ...PLAIN, name: "hasOwnProperty" },
  ]],
  // What YAML takes for numbers, truth values and nothing are names all the same, as they are written.
  ["u.yaml", `users:\n  007: &x {password_hash: ${HASH}}\n  1e3: *x\n  true: *x\n  ~: *x\n  "é ${"\u{1f600}"}": *x`, [
    { ...PLAIN, name: "007" },
    { ...PLAIN, name: "1e3" },
    { ...PLAIN, name: "true" },
    { ...PLAIN, name: "~" },
    { ...PLAIN, name: "é \u{1f600}" },
  ]],
];

for (const [path, text, records] of GOOD) {
  Deno.test(`readUsers() reads ${path} ${JSON.stringify(text.replaceAll(HASH, "…").slice(0, 60))}`, () => {
    assert.deepEqual(recordsOf(path, text), records);
  });
}

const BAD: readonly (readonly [string, string, readonly string[]])[] = [
  ["u.json", "", ["1  expected a value, found the end of the file"]],
  ["u.json", "[]", ['1 [ expected an object with the key "users", found a list']],
  ["u.yaml", "", ['1  expected an object with the key "users", found nothing']],
  ["u.json", "{}", ['1 { "users" is missing']],
  ["u.json", `{"usres":{}}`, ['1 { "users" is missing', '1 "usres" unknown key "usres" (did you mean "users"?)']],
  ["u.json", `{"users":[]}`, ["1 [ users: expected an object keyed by user name, found a list"]],
  ["u.json", `{"users":{"a":1}}`, ["1 1 users.a: expected an object, found a number"]],
  ["u.json", `{"users":{"a":{}}}`, ['1 "a" users.a: "password-hash" is missing']],
  [
    "u.json",
    `{"users":{\n  "a":{"password_hash":"${HASH}", "grups":[], "enabeld":true},\n  "b":{"password_hash":"hunter2"},\n  "c":{"password_hash":7}}}`,
    [
      '2 "grups" users.a: unknown key "grups" (did you mean "groups"?)',
      '2 "enabeld" users.a: unknown key "enabeld" (did you mean "enabled"?)',
      '3 "hunter2" users.b.password-hash: expected a bcrypt hash ("$2b$…"), or "$sha256$…" for a generated secret',
      "4 7 users.c.password-hash: expected a text, found a number",
    ],
  ],
  [
    "u.yaml",
    `users:\n  a:\n    password_hash: ${COSTLY}\n    groups: [x, 1, ""]\n    enabled: yes\n    client-ids: []\n    expires: 2027-02-29\n    attributes: {n: 1}\n`,
    [
      '3 … users.a.password-hash: a bcrypt cost of 15 is above "max-bcrypt-cost", which is 14',
      "4 1 users.a.groups[1]: expected a text, found 1: put it in quotes",
      '4 "" users.a.groups[2]: the text is empty',
      "5 yes users.a.enabled: expected true or false, found a text",
      "6 [ users.a.client-ids: the list is empty: leave the key out to allow any client id",
      "7 2027-02-29 users.a.expires: expected a date like 2027-01-31 or 2027-01-31T12:00:00Z, found a text",
      "8 1 users.a.attributes.n: expected a text, found 1: put it in quotes",
    ],
  ],
  ["u.json", `{"users":{"a":{"password_hash":"${HASH}","expires":"2027-01-31T12:00:00"}}}`, [
    '1 "2027-01-31T12:00:00" users.a.expires: expected a date like 2027-01-31 or 2027-01-31T12:00:00Z, found a text',
  ]],
  ["u.json", `{"users":{"a":{"password_hash":"${HASH}"},\n "a":{"password_hash":"${HASH}"}}}`, [
    '2 "a" users: the user "a" is there twice',
  ]],
  ["u.yaml", `users:\n  a: {password_hash: "${HASH}"}\n  a: {password_hash: "${HASH}"}`, [
    '3 a users: the user "a" is there twice',
  ]],
  ["u.json", `{"users":{"a":{"password_hash":"${HASH}","enabled":true,"enabled":false}}}`, [
    '1 "enabled" users.a: the key "enabled" is there twice',
  ]],
  ["u.json", `{"users":{"a":{"password_hash":"${HASH}","password-hash":"${HASH}"}}}`, [
    '1 "password_hash" users.a: "password_hash" and "password-hash" are the same key',
  ]],
  ["u.json", `{"users":{"":{"password_hash":"${HASH}"},"a\\u0000":{"password_hash":"${HASH}"}}}`, [
    '1 "" users[""]: the name can not come from an MQTT client',
    '1 "a\\u0000" users["a\\u0000"]: the name can not come from an MQTT client',
  ]],
  ["u.json", `{"users":{"a":{"password_hash":"${HASH}","groups":{"x":1},"attributes":[1],"client-ids":null}}}`, [
    "1 { users.a.groups: expected a list of texts, found an object",
    "1 [ users.a.attributes: expected an object of texts, found a list",
    "1 null users.a.client-ids: expected a list of texts, found nothing",
  ]],
  ["u.yaml", "users: &u\n  a: *u", ["2 * the alias stands within its own anchor"]],
  ["u.yaml", "users:\n  ? [a]\n  : 1", ["2 [ expected a text as key"]],
];

for (const [path, text, expected] of BAD) {
  Deno.test(`readUsers() refuses ${path} ${JSON.stringify(text.replaceAll(HASH, "…").slice(0, 60))}`, () => {
    assert.deepEqual(problemsOf(path, text), expected);
  });
}

Deno.test("readUsers() says where YAML is broken, and quotes no line of it", () => {
  for (
    const text of [
      `users:\n  a: {password_hash: "hunter2"`,
      "users: !secret hunter2",
      "users: *hunter2",
      "a: 1\n--- \nb: 2",
    ]
  ) {
    const [first] = problemsOf("u.yaml", text);
    assert.ok(first !== undefined && !first.includes('"hunter2"'), first ?? "");
  }
});

Deno.test("readUsers() keeps secrets out of every message, whatever is wrong around them", () => {
  const secret = "s3cr3t-of-somebody";
  for (
    const text of [
      `{"users":{"a":{"password_hash":"${secret}"}}}`,
      `{"users":{"a":"${secret}"}}`,
      `{"users":"${secret}"}`,
      `"${secret}"`,
      `{"users":{"a":{"password_hash":["${secret}"]}}}`,
      `{"users":{"a":{"enabled":"${secret}","expires":"${secret}"}}}`,
      `{"users":{"a":{"password_hash":${secret}}}}`,
    ]
  ) {
    const reading = readUsersText("u.json", text, LIMITS);
    assert.ok("problems" in reading && !JSON.stringify(reading.problems).includes(secret), text);
  }
});

Deno.test("readUsers() tells a thousand problems and counts the rest", () => {
  const users = Array.from({ length: 1500 }, (_, n) => `"u${n}": {}`).join(",");
  const reading = readUsersText("u.json", `{"users":{${users}}}`, LIMITS);
  assert.ok("problems" in reading);
  assert.equal(reading.problems.length, 1001);
  assert.equal(reading.problems.at(-1)?.text, "500 more problems");
});

Deno.test("a YAML file cannot be blown up by aliases", () => {
  const levels = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
  for (const [at, name] of [..."bcdefghijklm"].entries()) {
    const below = "abcdefghijklm".charAt(at);
    levels.push(`${name}: &${name} [${Array(10).fill(`*${below}`).join(", ")}]`);
  }
  const reading = readUsersText("u.yaml", levels.join("\n"), LIMITS);
  assert.ok("problems" in reading);
});
