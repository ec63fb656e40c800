/** Time is linear in the size of a payload, whatever it is: counted in bytes and tokens looked at, not in seconds. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { ALL_PATTERNS, inspect, inspectionWork } from "./inspect.ts";
import { planOf, repeated, telemetry } from "./inspect_fixture.ts";
import { matchPatterns } from "./match.ts";
import { compileTable } from "./match.ts";
import type { Pattern } from "./pattern.ts";
import { ATTACKS } from "./testdata/attacks.ts";
import { BENIGN } from "./testdata/benign.ts";
import { REACH, Tokens } from "./tokens.ts";

const limits = {
  "max-depth": 32,
  "max-keys": 1_000_000,
  "max-string": 1_000_000,
  "duplicate-keys": "deny",
  ["__proto__"]: "deny",
} as const;
/** Nothing refuses, so that nothing stops the search. */
const plan = planOf({ "block-severity": "critical", "json-limits": limits });
const SIZE = 16_384;

const encoder = new TextEncoder();

function workOf(payload: Uint8Array): number {
  inspect(plan, "payload", payload, "a/b");
  return inspectionWork();
}

/** protocol.md's, and the worst that were found for each scanner, decoder and pattern. */
const WORST: readonly string[] = [
  "; select 'a a a a a ",
  "a b; select 'a' or ",
  ";drop stream a.b.c ",
  "';system stop ",
  '"a/a/a/a/secrets" ',
  "secrets.get(",
  '"mapReduce":a ',
  '"rmi://a',
  "java.lang.",
  "@{ System. ",
  "@{ a.b ",
  "{{ .System ",
  "{{ .a .b ",
  "[[7*",
  "<jsp:",
  '"class":{"classLoader":{',
  "http://1.1.1.1/a/a/a/metadata/",
  "http://0x",
  "http://[::ffff:",
  "`/etc/passwd` a b ",
  "~a/.bashrc ",
  "PK\x03\x04\x14\0\0\0\x08\0",
  "file://\\\\a",
  "\\\\a\\a$\\",
  ";ssh -a ",
  ";ssh ",
  ";rpm -i a ",
  ";pip a ",
  "a <<<",
  ";a <<< a",
  "a.a]::A(",
  "[a.a.a.a.a.a]::A(",
  "a && reboot && ",
  "a=b\n`id`",
  ',"a""',
  ',"""',
  ',"a',
  'x="a\\"',
  'a,b="',
  "a,b,",
  "/?a=%20&",
  "#parse(",
  "*1\n$1\n",
  "${sys:java.",
  "1 group by 1,2,3,",
  "a') |> x(",
  ")) |> x(",
  "a'), (",
  "a'} or on(",
  "a'}) return ",
  "%0a/usr/bin/",
  "=3B=20",
  "=20=3",
  "=\n",
  "+ADs-",
  "+AA",
  "+ADs+",
  "+AA/////",
  "O y B j ",
  "OyBj YXQg ",
  "QUJD\nR",
  'Ab Cd" ',
  "A ",
  "3b 69 64 ",
  '"3b 69 64"',
  "'a'+'b'+",
  "'who'+",
  '"a" & ',
  "{0}{1}",
  "[char]1+",
  "chr(40)+",
  "%a:~1,",
  "$'\\x41",
  "/b?",
  "/?",
  "../a/",
  "..//",
  "\\\\1.2.3.4\\a",
  "//1.2.3.4/",
  "<% a ",
  "<%= a(",
  "; select a from b",
  "a; reboot",
  "for /f ",
  "..\xc0\xaf",
  "\xc0\xae",
  "\xac\xed\0\x05s",
  "\x80\x04.",
  ";\0\0\0",
  "insert into ",
  "$(",
  "a".repeat(28) + "!",
  "<svg ",
  "update ",
  "' or ",
  "or 1 ",
  "or 1=",
  "or (",
  "(",
  ")",
  "{{ a ",
  "{{ ",
  "${ a ",
  "{% a ",
  "<% a ",
  "a../",
  "../",
  "....//",
  "%2e%2e",
  "/*",
  "/* */",
  "//",
  "--",
  "#",
  "--\n",
  "#\n",
  "\\",
  "\\\\",
  '\\\\"',
  '"',
  "'",
  "'\"",
  "`",
  "`id ",
  "%25",
  "%2525252541",
  "%",
  "%u",
  "%u00",
  "&",
  "&#",
  "&#0",
  "&#38;#38;#65;",
  "&l",
  "&lt",
  "&amp;amp;lt;",
  "\\u",
  "\\u005c",
  "\\x5c",
  "\\u{",
  "\\ud83d",
  ";ls b",
  "; ls ",
  "|a|",
  "union ",
  "union select ",
  "union (",
  "select a,b ",
  "select ",
  "select (",
  "(select ",
  "select a from ",
  "drop table ",
  "where a=",
  "' order by ",
  "x'",
  "x'||",
  "'=",
  "<script ",
  "<a ",
  "<a on",
  "<a onx=",
  "on",
  "javascript:",
  "j\na\nv\na\n",
  "data:",
  "<form ",
  "<!ENTITY ",
  "<!DOCTYPE x ",
  "<!--#",
  "';",
  "';alert",
  "__class__.",
  "constructor.",
  "__proto__[",
  "wget ",
  "wget http://a ",
  "curl a|",
  "nc ",
  "nc -",
  "powershell -",
  "rm -",
  "rm -r ",
  "sh -c ",
  "$a",
  ";$a",
  "${a:",
  "?",
  "/?",
  "/bin/",
  "() {",
  ":(){",
  ">",
  "> /",
  "jndi:",
  "${${",
  "/etc/",
  ".ssh/",
  "\\\\?\\",
  "php://",
  "x.php\0",
  "\0",
  "a\0",
  "\xff",
  "\xff\xfe",
  "é",
  "\u200b",
  "ａ",
  "а",
  "\x01",
  "\x1b[0m",
  "QUJDREVG ",
  "QUJD",
  "QUJD\n",
  "QUJDREVGR0g=\n",
  "H4sIAAAAAAAAA ",
  "eJwAAAAA ",
  "AAAA",
  "3b726d20",
  "3b726d202d7266 ",
  "12345678",
  "1234567890123456 ",
  "+a",
  "a+b+",
  "+or+1=1",
  '{"a":',
  "[",
  "[1,",
  '{"a":"\\"',
  "a=1&",
  "a=%41&",
  "a b",
  "\n",
  " ",
  "  \n",
  "c'a't ",
  "$IFS",
  "${x}a",
  "{a,",
  "c^a^t ",
  "$@",
  "or 1=1 /*!",
  "1e",
  "1.",
  "0x",
  "/*!50000",
  "\xa2\x61",
  "\x81\xa1a",
  "\x7f\x61a",
  "\xd9\x05",
  "x(",
];

Deno.test("twice the size is at most about twice the work, for the worst inputs of every part", () => {
  for (const text of WORST) {
    const count = Math.ceil(SIZE / text.length);
    const raw = (times: number) => Uint8Array.from(text.repeat(times), (unit) => unit.charCodeAt(0) & 255);
    for (const make of [(times: number) => encoder.encode(text.repeat(times)), raw]) {
      const once = workOf(make(count));
      const twice = workOf(make(2 * count));
      assert.ok(twice <= 2.1 * once + 4096, `${JSON.stringify(text)}: ${once}, ${twice}`);
    }
  }
});

Deno.test("twice the size is at most about twice the work, for every attack and every beginning of one, repeated", () => {
  const beginnings = new Set<string>();
  for (const text of [...ALL_PATTERNS.map(({ example }) => example), ...Object.values(ATTACKS).flat()]) {
    beginnings.add(text);
    for (const { index } of text.matchAll(/\b|$/g)) if (index > 0) beginnings.add(text.slice(0, index) + " ");
  }
  for (const text of beginnings) {
    const count = Math.ceil(2048 / text.length);
    const once = workOf(encoder.encode(text.repeat(count)));
    const twice = workOf(encoder.encode(text.repeat(2 * count)));
    assert.ok(twice <= 2.3 * once + 2048, `${JSON.stringify(text)}: ${once}, ${twice}`);
  }
});

Deno.test("no input takes more than 80 looks per byte; telemetry takes two", () => {
  for (const text of WORST) assert.ok(workOf(repeated(text, SIZE)) < 80 * SIZE, text);
  assert.ok(workOf(telemetry(SIZE)) < 2 * SIZE);
});

Deno.test("documents in documents take no more looks per byte than layers have, whatever quotes and bells are in them", () => {
  const rules = Array.from(
    { length: 90 },
    (_, n) => ({ [`rule ${n}`]: 'say "on\\\b\\" \\d+', when: { "a\tb": `x${n}` } }),
  );
  let text = JSON.stringify(rules);
  for (let layer = 0; layer < 4; layer++) text = JSON.stringify({ layer, text, rules: layer });
  const work = workOf(encoder.encode(text));
  assert.ok(work < 27 * text.length, `${work / text.length}`);
});

Deno.test("what is decoded is bounded by max-decoded-bytes, however small the payload", () => {
  const bomb = gzipSync(new Uint8Array(20_000_000));
  const texts = [bomb, gzipSync(bomb), repeated(gzipSync(new Uint8Array(1_000_000)).toBase64() + " ", 65_536)];
  for (const payload of texts) assert.ok(workOf(payload) < 40 * (1_048_576 + payload.length));
});

/** Tokens whose arrays say how far from the one that a pattern was called for they are asked. */
function watched(t: Tokens, seen: (index: number) => void): Tokens {
  const watch = <T extends object>(array: T): T =>
    new Proxy(array, {
      get(target, key) {
        if (typeof key === "string" && /^-?\d+$/.test(key)) seen(Number(key));
        return Reflect.get(target, key);
      },
    });
  return Object.assign(Object.create(Tokens.prototype), {
    bytes: t.bytes,
    kind: watch(t.kind),
    word: watch(t.word),
    bits: watch(t.bits),
    flags: watch(t.flags),
    start: watch(t.start),
    end: watch(t.end),
    looks: 0,
  });
}

Deno.test("no pattern looks further than REACH tokens from the one that it is called for", () => {
  const table = compileTable(ALL_PATTERNS);
  const texts = [
    ...WORST.map((text) => text.repeat(200)),
    ...Object.values(ATTACKS).flat(),
    ...Object.values(BENIGN).flat(),
  ];
  for (const text of texts) {
    const bytes = encoder.encode(text);
    const t = new Tokens();
    t.open(bytes, 0, bytes.length, false);
    t.next();
    let at = 0;
    let furthest = 0;
    const spied = watched(t, (index) => furthest = Math.max(furthest, Math.abs(index - at)));
    for (at = t.first; at < t.last; at++) {
      const kind = t.kind[at] as number;
      const patterns: readonly Pattern[] = (kind === 2 ? table.byWord[t.word[at] as number] : table.byKind[kind]) ?? [];
      for (const { test, name } of patterns) {
        furthest = 0;
        test(spied, at);
        assert.ok(furthest < REACH, `${name} ${furthest}: ${text.slice(0, 60)}`);
      }
    }
  }
});

Deno.test("patterns find the same wherever the text is cut into blocks", () => {
  const table = compileTable(ALL_PATTERNS);
  const namesIn = (text: string): string[] => {
    const bytes = encoder.encode(text);
    const names: string[] = [];
    matchPatterns(table, bytes, 0, bytes.length, false, ({ name }) => {
      names.push(name);
      return false;
    });
    return names;
  };
  for (const { example } of ALL_PATTERNS) {
    const expected = namesIn(`a \n\n${example}`);
    // A block has 4096 tokens: the example comes at each place around its end.
    for (let before = 4096 - 40; before < 4096 + 90; before += 3) {
      assert.deepEqual(namesIn("a ".repeat(before) + "\n\n" + example), expected, example);
    }
  }
});
