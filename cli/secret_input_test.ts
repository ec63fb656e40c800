import assert from "node:assert/strict";
import { type InputDevice, SecretReader } from "./secret_input.ts";

interface FakeDevice extends InputDevice {
  /** What was shown, with `[raw]` and `[cooked]` where the mode changed. */
  readonly shown: string[];
}

/** A device that hands over its pieces one by one, and then ends. */
function device(isTerminal: boolean, pieces: readonly (string | number[])[]): FakeDevice {
  const left = pieces.map((piece) =>
    typeof piece === "string" ? new TextEncoder().encode(piece) : new Uint8Array(piece)
  );
  const shown: string[] = [];
  return {
    shown,
    isTerminal: () => isTerminal,
    setRaw: (on) => void shown.push(on ? "[raw]" : "[cooked]"),
    show: (text) => void shown.push(text),
    read: (into) => {
      const piece = left.shift();
      if (piece !== undefined) into.set(piece);
      return Promise.resolve(piece?.length ?? null);
    },
  };
}

async function lines(from: FakeDevice, count: number): Promise<(string | null)[]> {
  const reader = new SecretReader(from);
  const read: (string | null)[] = [];
  for (let n = 0; n < count; n++) {
    const line = await reader.read("? ");
    // Bytes as they are, one character each.
    read.push(line === null ? null : String.fromCharCode(...line));
  }
  return read;
}

const PIPES: readonly (readonly [string, readonly (string | number[])[], readonly (string | null)[]])[] = [
  ["a line", ["secret\n"], ["secret", null]],
  ["a line without its end", ["secret"], ["secret", null]],
  ["a line with its end from Windows", ["secret\r\n"], ["secret"]],
  ["a line in pieces", ["se", "cr", "et\nmore"], ["secret", "more", null]],
  ["two lines in one piece", ["one\ntwo\n"], ["one", "two", null]],
  ["white space, which is part of it", ["  se cret \t\n"], ["  se cret \t"]],
  ["bytes that are no text", [[0xff, 0, 0x7f, 3, 10]], ["\xff\0\x7f\x03"]],
  ["an empty line", ["\n"], ["", null]],
  ["a carriage return within", ["a\rb\r"], ["a\rb\r"]],
  ["nothing", [], [null]],
];

for (const [what, pieces, expected] of PIPES) {
  Deno.test(`read() takes from a pipe ${what}`, async () => {
    const from = device(false, pieces);
    assert.deepEqual(await lines(from, expected.length), expected);
    assert.deepEqual(from.shown, []);
  });
}

const TYPED: readonly (readonly [string, readonly (string | number[])[], readonly (string | null)[]])[] = [
  ["a line", ["s", "e", "c", "\r"], ["sec"]],
  ["what was typed ahead for the next question", ["one\rtwo\r"], ["one", "two"]],
  ["corrections, of whole characters", ["abx\x7f\x7fc\u00e9\u20ac\u{1f600}\x7f\x7f\x08d\n"], ["acd"]],
  ["a correction of nothing", ["\x7f\x7fa\r"], ["a"]],
  ["a line begun anew", ["wrong\x15right\r"], ["right"]],
  ["no keys that move or name a function", ["a\x1b[Db\x1b[3~c\x1bOPd\x1b[1;5Ce\r"], ["abcde"]],
  ["no control characters", ["a\tb\x01\0c\r"], ["abc"]],
  ["interruption as giving up", ["half\x03"], [null]],
  ["the end of the input as giving up", ["half\x04"], [null]],
  ["a terminal that goes away as giving up", ["half"], [null]],
];

for (const [what, pieces, expected] of TYPED) {
  Deno.test(`read() takes from a terminal ${what}`, async () => {
    const from = device(true, pieces);
    const read = await lines(from, expected.length);
    assert.deepEqual(read, expected);
    // Nothing of what was typed is shown, and the terminal is left as it was.
    assert.deepEqual(from.shown, expected.flatMap(() => ["[raw]", "? ", "[cooked]", "\n"]));
  });
}

Deno.test("read() cuts a line that is longer than any MQTT password, and goes on behind it", async () => {
  const from = device(false, [...Array<string>(200).fill("x".repeat(1000)), "\nnext\n"]);
  const [long, next] = await lines(from, 2);
  assert.deepEqual([long?.length, next], [65_536, "next"]);
});

Deno.test("read() leaves the terminal as it was when reading fails", async () => {
  const from = device(true, []);
  from.read = () => Promise.reject(new Error("gone"));
  await assert.rejects(new SecretReader(from).read("? "), /gone/);
  assert.deepEqual(from.shown, ["[raw]", "? ", "[cooked]", "\n"]);
});
