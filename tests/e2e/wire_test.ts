import assert from "node:assert/strict";
import { AgentClientV1 } from "../../demo/agent_client_v1.ts";
import { AgentClientV2 } from "../../demo/agent_client_v2.ts";
import type { AgentEvent } from "../../demo/agent_messages.ts";
import { FakeAgent } from "./fake_agent.ts";

/** One message of a transcript: what the published client libraries and the Rust agent wrote to each other. */
interface Recorded {
  readonly dir: "proxy→agent" | "agent→proxy";
  readonly hex: string;
  readonly note: string;
}

async function sentByProxy(name: string): Promise<Uint8Array[]> {
  const url = new URL(`../vectors/transcripts/${name}.json`, import.meta.url);
  const messages: Recorded[] = JSON.parse(await Deno.readTextFile(url));
  return messages.filter(({ dir }) => dir === "proxy→agent").map(({ hex }) => Uint8Array.fromHex(hex));
}

const json = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));
const never = new AbortController().signal;
const quiet = { staleAnswers: true, log: () => {} };

Deno.test("over v1 the stand-in writes the very bytes of the real proxy", async () => {
  for (const name of ["v1-request-headers", "v1-websocket-frame"]) {
    const agent = FakeAgent.start();
    const client = new AgentClientV1({ socketPath: agent.path, pool: 1, ...quiet });
    const expected = await sentByProxy(name);
    for (const message of expected) {
      const { event_type: type, payload } = json(message.subarray(4));
      await client.call({ type, payload } as AgentEvent, never);
    }
    assert.deepEqual(agent.events.map(({ bytes }) => bytes.toHex()), expected.map((bytes) => bytes.toHex()));
    client.close();
    await agent.stop();
  }
});

Deno.test("over v1 the stand-in pushes a configuration in the very bytes of the real proxy", async () => {
  const agent = FakeAgent.start();
  const [expected] = await sentByProxy("v1-configure");
  assert.ok(expected);
  const { config } = json(expected.subarray(4)).payload;
  const client = new AgentClientV1({ socketPath: agent.path, pool: 1, config, ...quiet });
  await client.start();
  assert.equal(agent.events[0]?.bytes.toHex(), expected.toHex());
  client.close();
  await agent.stop();
});

Deno.test("over v2 the stand-in writes the very bytes of the real client library", async () => {
  const types = { 0x10: "request_headers", 0x14: "request_complete", 0x15: "web_socket_frame" } as const;
  for (const name of ["v2-websocket-frame", "v2-request-complete"]) {
    const agent = FakeAgent.start();
    const client = new AgentClientV2({ socketPath: agent.path, pool: 1, ...quiet });
    const expected = await sentByProxy(name);
    for (const message of expected) {
      const payload = json(message.subarray(5));
      const type = types[message[4] as keyof typeof types];
      await client.call({ type, payload } as AgentEvent, never);
    }
    const written = agent.events.filter(({ type }) => type !== "0x01").map(({ bytes }) => bytes.toHex());
    assert.deepEqual(written, expected.map((bytes) => bytes.toHex()));
    client.close();
    await agent.stop();
  }
});

Deno.test("over v2 the stand-in shakes hands and configures in the very bytes of the real client library", async () => {
  for (const name of ["v2-handshake", "v2-configure"]) {
    const agent = FakeAgent.start();
    const expected = await sentByProxy(name);
    const [handshake] = expected;
    assert.ok(handshake);
    const { config } = json(handshake.subarray(5));
    const client = new AgentClientV2({ socketPath: agent.path, pool: 1, ...quiet, ...(config !== null && { config }) });
    await client.start();
    const written = agent.events.map(({ bytes }) => bytes.toHex()).slice(0, expected.length);
    assert.deepEqual(written, expected.slice(0, written.length).map((bytes) => bytes.toHex()));
    assert.ok(written.length >= (config === null ? 1 : 2));
    client.close();
    await agent.stop();
  }
});
