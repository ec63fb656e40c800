import assert from "node:assert/strict";
import { allReasons, reasonOf } from "./reasons.ts";

/** Whether a server may close with that code (RFC 6455 section 7.4): never 1004 to 1006 and 1015, which nobody sends. */
function mayBeSent(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code);
}

Deno.test("B175: every reason closes with a code that a server may send, and each with the one that is meant for it", () => {
  const reasons = allReasons();
  assert.ok(reasons.length > 100);
  for (const { code, closeCode } of reasons) assert.ok(mayBeSent(closeCode), `${code}: ${closeCode}`);
  const odd = reasons.filter(({ closeCode }) => closeCode !== 1008).map(({ code, closeCode }) =>
    `${code} ${closeCode}`
  );
  assert.deepEqual(odd.sort(), [
    "packet-too-large 1009",
    "session-unknown 1012",
    "ws-framing 1002",
    "ws-text-frame 1003",
  ]);
});

Deno.test("a reason is found by its code, is frozen, and says in words what happened and what to do", () => {
  for (const reason of allReasons()) {
    assert.equal(reasonOf(reason.code), reason);
    assert.ok(Object.isFrozen(reason), reason.code);
    assert.match(reason.code, /^[a-z0-9]+(?:-[a-z0-9]+)*$/);
    assert.ok(reason.text !== "" && !reason.text.endsWith(".") && reason.advice !== "", reason.code);
  }
});
