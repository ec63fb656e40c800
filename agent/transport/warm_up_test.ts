import assert from "node:assert/strict";
import { testAgent } from "../../tests/support/test_agent.ts";
import { heldBytes } from "../mqtt/packet_stream.ts";
import { warmUp } from "./warm_up.ts";

Deno.test("warmUp() leaves no session, no audit event and no held byte behind", () => {
  const { agent, policies } = testAgent();
  warmUp({ current: policies.current, desk: null, push: () => Promise.resolve(null) });
  assert.equal(agent.sessions.size, 0);
  assert.equal(agent.audit.written, 0);
  assert.equal(heldBytes(), 0);
});
