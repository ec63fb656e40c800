import assert from "node:assert/strict";
import { inspect } from "./inspect.ts";
import { planOf } from "./inspect_fixture.ts";
import { COMMENTS_STAY, ESCAPES_STAY, FOLDS_STAY, narrow, narrowedAt, QUOTING_STAYS } from "./narrow.ts";
import { ATTACKS } from "./testdata/attacks.ts";
import { BOUNDARY } from "./tokens.ts";

const encoder = new TextEncoder();

function narrowedText(text: string, isJson: boolean, stays: number): string {
  const bytes = isJson ? encoder.encode(text) : Uint8Array.from(text, (unit) => unit.charCodeAt(0));
  const out = new Uint8Array(bytes.length + 1);
  const end = narrow(bytes, 0, bytes.length, isJson, stays, out, 0, Infinity);
  assert.ok(end <= bytes.length);
  return new TextDecoder().decode(out.subarray(0, end).map((byte) => byte === BOUNDARY ? 0x7c : byte));
}

Deno.test("narrow() leaves the strings that a decoder would change, and the bounds of all", () => {
  const text = '{"temperature":21.5,"a":"nothing in here","b":"some \\u0041 in here","c":"it\'s a quote"}';
  assert.equal(narrowedText(text, true, ESCAPES_STAY), "{| |:21.5,|a|:| |,|b|:|some \\u0041 in here|,|c|:| |}");
  assert.equal(
    narrowedText(text, true, QUOTING_STAYS),
    "{| |:21.5,|a|:| |,|b|:|some \\u0041 in here|,|c|:|it's a quote|}",
  );
  assert.equal(narrowedText(text, true, FOLDS_STAY), "{| |:21.5,|a|:| |,|b|:| |,|c|:| |}");
});

Deno.test("narrow() takes no escaped quote for a bound, and no bound of ours in JSON", () => {
  assert.equal(narrowedText('{"a":"x \\" y and /* z"}', true, COMMENTS_STAY), '{|a|:|x \\" y and /* z|}');
  assert.equal(narrowedText('{"a":"ends in a \\', true, ESCAPES_STAY), "{|a|:|ends in a \\");
  const parts = `${"long enough to be left out, as it has nothing"}\xffshort\xffwith /* a comment`;
  assert.equal(narrowedText(parts, false, COMMENTS_STAY), " |short|with /* a comment");
});

Deno.test("narrow() says where each byte comes from", () => {
  const text = '{"temperature":21.5,"a":"nothing in here","b":"some \\u0041 in here","cc":[1,2]}';
  const bytes = encoder.encode(text);
  const out = new Uint8Array(bytes.length + 1);
  const end = narrow(bytes, 0, bytes.length, true, ESCAPES_STAY, out, 0, Infinity);
  const all = out.slice(0, end);
  for (let at = 0; at < end; at++) {
    const byte = all[at] as number;
    // A space stands for a whole string.
    if (byte === 0x20 && all[at - 1] === BOUNDARY && all[at + 1] === BOUNDARY) continue;
    narrow(bytes, 0, bytes.length, true, ESCAPES_STAY, new Uint8Array(bytes.length + 1), 0, at);
    assert.equal(bytes[narrowedAt], byte === BOUNDARY ? 0x22 : byte, String(at));
  }
});

Deno.test("an attack among many strings is found as it is alone, escaped and folded, and its place is right", () => {
  const plan = planOf();
  const attacks = Object.values(ATTACKS).flat();
  const encode: Record<string, (text: string) => string> = {
    plain: (text) => JSON.stringify(text).slice(1, -1),
    escaped: (text) => Array.from(text, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
    percent: (text) => encodeURIComponent(text.toWellFormed()),
    wide: (text) =>
      Array.from(
        JSON.stringify(text).slice(1, -1),
        (one) => /[A-Za-z]/.test(one) ? String.fromCharCode(one.charCodeAt(0) + 0xfee0) : one,
      ).join("").replace(/\\[ｂ-ｕ]/g, (one) => "\\" + String.fromCharCode(one.charCodeAt(1) - 0xfee0)),
  };
  const device = (n: number) =>
    `{"name":"lamp number ${n} of the house","state":"switched on","note":"nothing to say here"}`;
  for (const [name, to] of Object.entries(encode)) {
    const missed: string[] = [];
    for (const attack of attacks) {
      const alone = inspect(plan, "payload", `{"v":"${to(attack)}"}`, "a/b")?.blocking;
      if (alone == null) continue;
      const head = `{"devices":[${Array.from({ length: 8 }, (_, n) => device(n)).join(",")}],"v":"`;
      const text = `${head}${to(attack)}","more":[${Array.from({ length: 8 }, (_, n) => device(n)).join(",")}]}`;
      const hit = inspect(plan, "payload", text, "a/b")?.blocking;
      const from = encoder.encode(head).length - 1;
      if (hit == null || (hit.offset >= 0 && (hit.offset < from || hit.offset > from + 2000))) {
        missed.push(`${attack}: ${hit?.pattern} at ${hit?.offset} of ${from}`);
      }
    }
    assert.deepEqual(missed, [], name);
  }
});
