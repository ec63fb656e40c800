import assert from "node:assert/strict";
import { Heartbeat } from "./heartbeat.ts";

Deno.test("Heartbeat says that the process listened at the beat before the last", () => {
  let now = 1000;
  const heart = new Heartbeat(() => now);
  for (const beat of [1005, 1010, 1015]) {
    now = beat;
    heart.beat();
  }
  assert.equal(heart.listeningMs, 1010);
  assert.equal(heart.beats, 3);
});

Deno.test("Heartbeat does not take the end of a stall for a moment of listening", () => {
  let now = 1000;
  const heart = new Heartbeat(() => now);
  for (const beat of [1005, 1010]) {
    now = beat;
    heart.beat();
  }
  now = 1510;
  heart.beat();
  // What was sent at 1020 may be read right now, or right after the next beat.
  assert.equal(heart.listeningMs, 1005);
  now = 1515;
  heart.beat();
  assert.equal(heart.listeningMs, 1510);
});
