/**
 * What one inspection costs with everything on, against what is aimed at: 200 bytes of JSON in 5 µs, 16 KiB in 300 µs, 256 KiB
 * in 8 ms, hostile text at most five times a benign one of its size. Each group has its floor first: one look at every byte.
 * `deno bench -A agent/policy/inspect/inspect_bench.ts`
 */
import { inspect } from "./inspect.ts";
import { planOf, repeated, telemetry } from "./inspect_fixture.ts";

const limits = {
  "max-depth": 32,
  "max-keys": 1_000_000,
  "max-string": 1_000_000,
  "duplicate-keys": "deny",
  ["__proto__"]: "deny",
} as const;
/** Nothing refuses, so that a hostile text is searched to its end: the worst that it can cost. */
const plan = planOf({ "block-severity": "critical", "json-limits": limits, "max-payload-size": 0 });

/** JSON with strings in it: messages of people, of programs, a URL, base64. */
function messages(size: number): Uint8Array {
  const message = {
    ts: "2024-03-11T08:12:44.123+01:00",
    level: "info",
    text: "It's 21 °C in the kids' room; window open > 10 min, please close (or drop the set point)",
    url: "https://ota.example.com/fw/1.2.3/app.bin?sig=abc%2Bdef%3D%3D&exp=1710144764",
    path: "C:\\data\\log.txt",
    hash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    data: "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw==",
  };
  const one = JSON.stringify(message);
  return repeated(`[${one}`, one.length + 1).length >= size
    ? new TextEncoder().encode(one)
    : new TextEncoder().encode(`[${Array(Math.floor(size / (one.length + 1))).fill(one).join(",")}]`);
}

/** Fragments of attacks of all categories in an order that repeats late: nothing is found early, everything is looked at. */
function fragments(size: number): Uint8Array {
  const parts = [
    "' or ",
    "union (",
    "select a from ",
    "/* */",
    "--\n",
    ";ls b ",
    "$(a",
    "`x",
    "<svg ",
    "onx ",
    "{{ a ",
    "${ b ",
    "../a ",
    "%2e.",
    "&#x",
    "\\u00",
    "QUJDREVG ",
    "é\u200b",
    "c'a",
  ];
  let seed = 7;
  let text = "";
  while (text.length < size) {
    seed = Math.imul(seed, 1664525) + 1013904223 >>> 0;
    text += parts[(seed >>> 8) % parts.length];
  }
  return new TextEncoder().encode(text).subarray(0, size);
}

let sink = 0;

/** The floor: every byte is looked at once. */
function touch(bytes: Uint8Array): void {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum = sum + (bytes[i] as number) & 0xffff;
  sink += sum;
}

for (const [name, size] of [["200 B", 200], ["16 KiB", 16_384], ["256 KiB", 262_144]] as const) {
  const benign = telemetry(size);
  Deno.bench(`floor: ${name} of JSON, each byte once`, { group: name, baseline: true }, () => touch(benign));
  for (
    const [what, payload] of [
      ["telemetry in JSON", benign],
      ["messages in JSON", messages(size)],
      ["noise", crypto.getRandomValues(new Uint8Array(Math.min(size, 65_536)))],
      ["fragments of attacks", fragments(size)],
      ["quotes", repeated("' or ", size)],
      ["escapes in escapes", repeated("%2525252541", size)],
      ["base64 in lines", repeated("QUJDREVGR0g=\n", size)],
    ] as const
  ) {
    Deno.bench(`${what}, ${payload.length} bytes`, { group: name }, () => {
      if (inspect(plan, "payload", payload, "a/b") === null) sink++;
    });
  }
}
