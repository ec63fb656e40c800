import assert from "node:assert/strict";
import { inspect } from "./inspect.ts";
import { planOf } from "./inspect_fixture.ts";
import { GLUED_PLUS, SHELL_QUOTING, SQL_COMMENT } from "./collapse.ts";
import { narrow, placeCount, places } from "./narrow.ts";
import { HAS_BACKSLASH, HAS_HIGH, HAS_PERCENT } from "./prefilter.ts";
import { markTricks, survey } from "./spans.ts";
import { ATTACKS } from "./testdata/attacks.ts";
import { BOUNDARY } from "./tokens.ts";

const encoder = new TextEncoder();
const plan = planOf();

function narrowedText(text: string, isJson: boolean, flags: number, tricks = 0): string {
  const bytes = isJson ? encoder.encode(text) : Uint8Array.from(text, (unit) => unit.charCodeAt(0));
  const out = new Uint8Array(bytes.length + 1);
  survey(plan.table!.prefilter, bytes, 0, bytes.length, isJson, !isJson);
  markTricks(bytes);
  const end = narrow(bytes, bytes.length, flags, tricks, out, 0);
  assert.ok(end <= bytes.length);
  return new TextDecoder().decode(out.subarray(0, end).map((byte) => byte === BOUNDARY ? 0x7c : byte));
}

/** Six strings in which nothing is, and what is between them. */
const DULL = '"dull":"nothing in here","duller":"nothing in here","dullest":"nothing"';

Deno.test("narrow() leaves the strings that a decoder would change, and four spans on either side of each", () => {
  const text = `{${DULL},"t":21.5,"b":"some \\u0041 in here","c":"c'a't x",${DULL},"d":"%41"}`;
  assert.equal(
    narrowedText(text, true, HAS_BACKSLASH | HAS_PERCENT),
    "t|:21.5,|b|:|some \\u0041 in here|,|c|:|c'a't x||nothing|,|d|:|%41|}",
  );
  assert.equal(narrowedText(text, true, 0, SHELL_QUOTING), " |,|c|:|c'a't x|,|dull|:| |");
  assert.equal(narrowedText(text, true, HAS_HIGH), "");
});

Deno.test("narrow() takes no escaped quote for a bound, and no bound of ours in JSON", () => {
  assert.equal(narrowedText('{"a":"x \\" y and /* z"}', true, 0, SQL_COMMENT), '{|a|:|x \\" y and /* z|}');
  assert.equal(narrowedText('{"a":"ends in a \\', true, HAS_BACKSLASH), "{|a|:|ends in a \\");
  const parts = `${"long enough to be left out, as it has nothing"}\xffshort\xffwith /* a comment`;
  assert.equal(narrowedText(parts, false, 0, SQL_COMMENT), " |short|with /* a comment");
});

Deno.test("narrow() says where each part comes from", () => {
  const text = `{${DULL},"b":"some \\u0041 in here",${DULL},"cc":"1+x",${DULL}}`;
  const bytes = encoder.encode(text);
  const out = new Uint8Array(bytes.length + 1);
  survey(plan.table!.prefilter, bytes, 0, bytes.length, true, false);
  markTricks(bytes);
  const end = narrow(bytes, bytes.length, HAS_BACKSLASH, GLUED_PLUS, out, 0);
  assert.ok(end > 0 && placeCount > 20);
  for (let n = 0; n < placeCount; n += 2) {
    const stop = n + 2 < placeCount ? places[n + 2] as number : end;
    for (let at = places[n] as number; at < stop; at++) {
      const source = bytes[(places[n + 1] as number) + at - (places[n] as number)];
      // One space stands for a string; nothing but a bound follows it.
      if (out[places[n] as number] === 0x20) continue;
      // A bound may be there for strings that were left out.
      if (out[at] === BOUNDARY && at > (places[n] as number) && out[at - 1] === BOUNDARY) continue;
      assert.equal(source, out[at] === BOUNDARY ? 0x22 : out[at], `${n} ${at}`);
    }
  }
});

Deno.test("an attack among many strings is found as it is alone, escaped and folded, and its place is right", () => {
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
