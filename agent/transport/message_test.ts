import assert from "node:assert/strict";
import { isLargePush, LARGE_PUSH_BYTES, parseMessage, parseMessageSteps } from "./message.ts";

const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const LONG = "x".repeat(LARGE_PUSH_BYTES);

Deno.test("isLargePush() is true of large configure events alone", () => {
  const event = (type: string, text: string) => bytesOf({ version: 1, event_type: type, payload: { text } });
  assert.equal(isLargePush(event("configure", LONG)), true);
  assert.equal(isLargePush(event("configure", "x")), false);
  assert.equal(isLargePush(event("web_socket_frame", LONG)), false);
  assert.equal(
    isLargePush(bytesOf({ payload: { text: LONG, event_type: "configure" } })),
    false,
    "not at its beginning",
  );
});

Deno.test("parseMessageSteps() gives what parseMessage() gives, in a step for every few thousand characters", () => {
  const bytes = bytesOf({
    rules: Array.from({ length: 10_000 }, (_, n) => ({ name: `rule-${n}`, topics: [`a/${n}`] })),
  });
  const steps = parseMessageSteps(bytes);
  let count = 0;
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) count++;
  assert.deepEqual(step.value, parseMessage(bytes));
  assert.ok(count >= Math.floor(bytes.length / 32_768), `${count} steps`);
});
