import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { compileInspection, inspect } from "./inspect.ts";
import { EVERYTHING, planOf, telemetry } from "./inspect_fixture.ts";

const encoder = new TextEncoder();
const custom = (changes: Record<string, unknown>) => ({
  patterns: {
    ...EVERYTHING.patterns,
    "custom-patterns": [{
      name: "key",
      pattern: "(?i)api[_-]?key\\s*[=:]",
      severity: "high" as const,
      shadow: false,
      ...changes,
    }],
  },
});

function blockedBy(plan: ReturnType<typeof planOf>, payload: string | Uint8Array, topic = "a/b"): string | null {
  return inspect(plan, "payload", payload, topic)?.blocking?.pattern ?? null;
}

Deno.test("inspect() gives null where nothing is found, and for an empty payload", () => {
  assert.equal(inspect(planOf(), "payload", '{"t":21.5}', "a/b"), null);
  assert.equal(inspect(planOf(), "payload", new Uint8Array(0), "a/b"), null);
});

Deno.test("a hit names category, pattern, severity, part, the chain of decodings and the place", () => {
  const payload = JSON.stringify({ n: 1, data: encoder.encode("x; cat /etc/passwd").toBase64() });
  assert.deepEqual(inspect(planOf(), "payload", payload, "a/b"), {
    blocking: {
      category: "command-injection",
      pattern: "cmd-separated-short",
      severity: "high",
      views: ["base64"],
      form: null,
      offset: payload.indexOf("data") + 7 + 4,
      part: "payload",
      shadow: false,
    },
    audited: [],
  });
});

Deno.test("the place of a hit within escapes is that of the escape", () => {
  const place = (payload: string) => inspect(planOf(), "payload", payload, "a/b")?.blocking?.offset;
  assert.equal(place("ab <script>"), 4);
  assert.equal(place('{"é":"\\u003cscript\\u003e"}'), encoder.encode('{"é":"\\u003c').length);
  assert.equal(place("%20%20%3cscript%3e"), 9);
  assert.equal(place("%2520%253cscript%253e"), 10);
  assert.equal(place("x/**/1 UN/**/ION/**/SEL/**/ECT 1"), 7);
  assert.equal(place("a ;w'h'oami"), 3);
});

Deno.test("views that are off are not looked through", () => {
  const percent = "%3Cscript%3Ealert(1)";
  assert.equal(blockedBy(planOf({ views: ["json", "html", "base64", "unicode", "utf16", "gzip"] }), percent), null);
  assert.equal(blockedBy(planOf({ views: [] }), gzipSync(encoder.encode("<script>alert(1)</script>"))), null);
  assert.equal(blockedBy(planOf({ views: ["percent"] }), percent), "script-tag");
  assert.equal(blockedBy(planOf({ views: [] }), "<script>"), "script-tag");
});

Deno.test("a category that is off catches nothing", () => {
  const off = {
    ...EVERYTHING.patterns,
    sqli: false,
    "command-injection": false,
    "script-injection": false,
    "path-traversal": false,
  };
  for (const payload of ["' or 1=1--", "; id", "<script>", "../../x"]) {
    assert.equal(inspect(planOf({ patterns: off }), "payload", payload, "a/b"), null);
  }
});

Deno.test("what is below block-severity is told and does not refuse", () => {
  const findings = inspect(planOf(), "payload", "slow query: SELECT id, name FROM readings WHERE id = 7", "a/b");
  assert.equal(findings?.blocking, null);
  assert.deepEqual(findings?.audited.map(({ pattern }) => pattern), ["sql-select-in-text"]);
  const strict = planOf({ "block-severity": "critical" });
  assert.equal(blockedBy(strict, "<script>"), null);
  assert.deepEqual(inspect(strict, "payload", "<script>", "a/b")?.audited.map(({ pattern }) => pattern), [
    "script-tag",
  ]);
  assert.equal(blockedBy(strict, "${jndi:ldap://x/a}"), "cmd-lookup");
  assert.equal(blockedBy(planOf({ "block-severity": "low" }), "alert(1)"), "script-plain-call");
});

Deno.test("audited hits are told once each, eight at most", () => {
  const plan = planOf({ "block-severity": "critical" });
  const findings = inspect(
    plan,
    "payload",
    "<script> ".repeat(500) + "' or 1=1-- ../../x ; rm -rf / {{7*7}} x'; drop table x; --",
    "a/b",
  );
  assert.ok((findings?.audited.length ?? 0) > 3 && (findings?.audited.length ?? 0) <= 8);
  assert.equal(new Set(findings?.audited.map(({ pattern }) => pattern)).size, findings?.audited.length);
});

Deno.test("custom patterns see the payload, its JSON strings and its decoded forms", () => {
  const plan = planOf(custom({}));
  assert.equal(blockedBy(plan, "api-key = 1"), "key");
  assert.equal(blockedBy(plan, encoder.encode("the API_KEY: 12345").toBase64()), "key");
  assert.equal(blockedBy(plan, '{"a":"api\\u005fkey\\u003d1"}'), "key");
  assert.equal(blockedBy(plan, Uint8Array.of(0xff, ...encoder.encode("api_key:"))), "key");
  assert.equal(blockedBy(plan, gzipSync(encoder.encode("apikey=x"))), "key");
  const whole = planOf(custom({ pattern: "^secret$" }));
  assert.equal(blockedBy(whole, '{"a":"secret"}'), "key");
  assert.equal(blockedBy(whole, '{"a":"s\\u0065cret"}'), "key");
  assert.equal(blockedBy(whole, '{"a":"secrets"}'), null);
  assert.equal(inspect(plan, "topic", "x/apikey=1", "")?.blocking?.category, "custom");
});

Deno.test("custom patterns go by their topics, and a shadow one only tells", () => {
  const plan = planOf(custom({ topics: ["a/#"] }));
  assert.equal(blockedBy(plan, "apikey=1", "a/b"), "key");
  assert.equal(blockedBy(plan, "apikey=1", "b/a"), null);
  const shadow = inspect(planOf(custom({ shadow: true })), "payload", "apikey=1", "a/b");
  assert.equal(shadow?.blocking, null);
  assert.deepEqual(shadow?.audited.map(({ pattern, shadow }) => [pattern, shadow]), [["key", true]]);
});

Deno.test("a custom pattern that no linear engine runs refuses the configuration, with its place (B150)", () => {
  const faulty = [
    { name: "a", pattern: "(?=x)y", severity: "high" as const, shadow: false },
    { name: "b", pattern: "ok", severity: "high" as const, shadow: false },
    { name: "c", pattern: "(a)\\1", severity: "high" as const, shadow: false },
    { name: "d", pattern: "a".repeat(5000), severity: "high" as const, shadow: false },
    { name: "e", pattern: "(x{1,1000}){1,10}", severity: "high" as const, shadow: false },
  ];
  const compiled = compileInspection({
    ...EVERYTHING,
    patterns: { ...EVERYTHING.patterns, "custom-patterns": faulty },
  });
  assert.ok("problems" in compiled);
  assert.deepEqual(
    compiled.problems.map(({ path }) => path.join("/")),
    [0, 2, 3, 4].map((n) => `patterns/custom-patterns/${n}/pattern`),
  );
  assert.match(compiled.problems[0]!.message, /\(\?=x\)y.*character 1/);
});

Deno.test("exclude-topics frees payloads from patterns, not from sizes, limits and the topic's own search", () => {
  const plan = planOf({ "exclude-topics": ["logs/#"], "max-payload-size": 100, "block-binary": true });
  assert.equal(blockedBy(plan, "<script>", "logs/x"), null);
  assert.equal(blockedBy(plan, "<script>", "log/x"), "script-tag");
  assert.equal(blockedBy(plan, "a".repeat(101), "logs/x"), "payload-too-large");
  assert.equal(blockedBy(plan, Uint8Array.of(0xff), "logs/x"), "binary-payload");
  assert.equal(blockedBy(plan, '{"a":1,"a":2}', "logs/x"), "duplicate-key");
  assert.equal(inspect(plan, "topic", "logs/<script>", "logs/<script>")?.blocking?.pattern, "script-tag");
  assert.equal(inspect(plan, "user-properties", "<script>", "logs/x"), null);
  assert.equal(inspect(plan, "will", "<script>", "logs/x"), null);
});

Deno.test("a payload of max-payload-size is searched, one byte more is refused or told (B147)", () => {
  const attack = "; cat /etc/passwd";
  const exact = " ".repeat(100 - attack.length) + attack;
  assert.equal(blockedBy(planOf({ "max-payload-size": 100 }), exact), "cmd-separated-short");
  assert.equal(blockedBy(planOf({ "max-payload-size": 100 }), ` ${exact}`), "payload-too-large");
  const skipped = inspect(planOf({ "max-payload-size": 100, oversize: "skip" }), "payload", ` ${exact}`, "a/b");
  assert.equal(skipped?.blocking, null);
  assert.deepEqual(skipped?.audited.map(({ pattern }) => pattern), ["payload-not-searched"]);
  assert.equal(blockedBy(planOf({ "max-payload-size": 0 }), " ".repeat(1_000_000) + attack), "cmd-separated-short");
});

Deno.test("block-binary refuses what is not UTF-8", () => {
  const plan = planOf({ "block-binary": true });
  for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0x61, 0xc3]]) {
    assert.equal(blockedBy(plan, Uint8Array.from(bytes)), "binary-payload");
  }
  assert.equal(blockedBy(plan, "21.5 °C 😀"), null);
  assert.equal(blockedBy(planOf(), Uint8Array.of(0xff, 0x20)), null);
});

Deno.test("json-limits refuse whatever the severity that blocks; what is no JSON is left to the patterns", () => {
  const plan = planOf({ "block-severity": "critical" });
  assert.equal(blockedBy(plan, "[".repeat(33)), "depth");
  assert.equal(blockedBy(plan, '{"__proto__":1}'), "proto-key");
  assert.equal(blockedBy(plan, "{{ states('x') }}"), null);
  assert.deepEqual(
    inspect(plan, "payload", '{"t":1710144764000000001}', "a/b")?.audited.map(({ pattern }) => pattern),
    ["number-precision"],
  );
  assert.equal(inspect(plan, "user-properties", '{"a":1,"a":2}', "a/b"), null);
});

Deno.test("parts that inspect does not list are not searched", () => {
  const plan = planOf({ inspect: ["topic"] });
  assert.equal(inspect(plan, "payload", "<script>", "a/b"), null);
  assert.equal(inspect(plan, "topic", "a/<script>", "a/<script>")?.blocking?.part, "topic");
});

Deno.test("a decompression bomb is refused within max-decoded-bytes", () => {
  const bomb = gzipSync(new Uint8Array(50_000_000).fill(0x61));
  const hit = inspect(planOf(), "payload", bomb, "a/b")?.blocking;
  assert.deepEqual([hit?.category, hit?.pattern], ["inspection-budget", "max-decoded-bytes"]);
  const nested = gzipSync(gzipSync(bomb));
  assert.equal(inspect(planOf(), "payload", nested, "a/b")?.blocking?.category, "inspection-budget");
  const small = planOf({ "max-decoded-bytes": 100 });
  assert.equal(blockedBy(small, "%41".repeat(101)), "max-decoded-bytes");
  assert.equal(blockedBy(small, "%41".repeat(99)), null);
});

Deno.test("what was decoded before a budget ran out is searched: the hit that is told is the attack", () => {
  const bomb = gzipSync(encoder.encode("'; DROP TABLE users; -- " + "a".repeat(5_000_000)));
  assert.equal(blockedBy(planOf(), bomb), "sql-stacked");
});

Deno.test("inspect() keeps nothing of one payload for the next", () => {
  const plan = planOf();
  const payloads = [
    "' or 1=1--",
    telemetry(2000),
    gzipSync(encoder.encode("<script>")),
    "ok",
    "%25253cscript%25253e",
    new Uint8Array(300),
    "x".repeat(100_000),
  ];
  const first = payloads.map((payload) => inspect(plan, "payload", payload, "a/b"));
  for (let n = 0; n < 3; n++) {
    assert.deepEqual(payloads.map((payload) => inspect(plan, "payload", payload, "a/b")), first);
    assert.deepEqual(
      payloads.toReversed().map((payload) => inspect(plan, "payload", payload, "a/b")),
      first.toReversed(),
    );
  }
});

Deno.test("inspect() throws for nothing, whatever bytes it is given", () => {
  const plan = planOf(custom({}));
  let seed = 5;
  const random = (below: number) => ((seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) >>> 8) % below;
  const parts = [
    "%",
    "%25",
    "&#x",
    "&lt",
    "\\u",
    "\\ud83d",
    "\\x4",
    "{{",
    "}}",
    "{%",
    "'",
    '"',
    "`",
    "${",
    "$(",
    "/*",
    "*/",
    "--",
    "<",
    "<a ",
    "on=",
    "or ",
    "1=1",
    ";",
    "|",
    "\n",
    "select",
    "from",
    "\0",
    "\xff",
    "\xc0",
    "é",
    "H4sI",
    "eJ",
    "AAAA",
    "..",
    "/",
    "\\",
    "+",
    "=",
  ];
  for (let n = 0; n < 4000; n++) {
    const text = Array.from({ length: random(40) }, () => parts[random(parts.length)]).join("");
    inspect(plan, "payload", text, "a/b");
    inspect(plan, "payload", Uint8Array.from(text, (unit) => unit.charCodeAt(0)), "a/b");
  }
});

Deno.test("a configuration is plain data: a plan made of its copy finds the same", () => {
  const copy = structuredClone(EVERYTHING);
  assert.equal(blockedBy(planOf(copy), "<script>"), "script-tag");
});
