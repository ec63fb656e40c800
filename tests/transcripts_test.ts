import assert from "node:assert/strict";
import { type AgentAnswer, messageV1, messageV2, readAnswer } from "./support/agent_client.ts";
import { type RunningAgent, startAgent } from "./support/agent_in_process.ts";
import { fromHex } from "./support/annotated_hex.ts";
import { RawConnection } from "./support/raw_connection.ts";

/** Bytes that real client libraries wrote, and what the Rust agent answered. */
interface Exchange {
  readonly dir: "proxy→agent" | "agent→proxy";
  readonly hex: string;
  readonly note: string;
}

const FOLDER = new URL("./vectors/transcripts/", import.meta.url);
const decoder = new TextDecoder();

function transcript(name: string): Exchange[] {
  return JSON.parse(Deno.readTextFileSync(new URL(`${name}.json`, FOLDER)));
}

/** What the proxy wrote, in order. */
function asked(name: string): { bytes: Uint8Array; note: string }[] {
  return transcript(name).filter(({ dir }) => dir === "proxy→agent")
    .map(({ hex, note }) => ({ bytes: fromHex(hex), note }));
}

/** The answer of the recorded agent to the request with that number. */
function answered(name: string, number: number): AgentAnswer {
  const reply = transcript(name).filter(({ dir }) => dir === "agent→proxy")[number];
  assert.ok(reply !== undefined);
  const bytes = fromHex(reply.hex);
  return readAnswer(decoder.decode(bytes.subarray(bytes[4] === 0x7b ? 4 : 5)));
}

/** The configuration of the transcripts without the parts that are not built yet; the broker checks the passwords. */
const CONFIG = {
  auth: { "trust-broker": true },
  acl: {
    "default-action": "deny",
    rules: [
      { name: "block-internal", topics: ["$SYS/#", "internal/#"], decision: "deny", priority: 100 },
      {
        name: "sensor-publish",
        match: { "username-regex": "^sensor-" },
        topics: ["sensors/+/data", "sensors/+/status"],
        actions: ["publish"],
        decision: "allow",
      },
    ],
  },
};

async function withAgent(config: unknown, use: (connection: RawConnection, agent: RunningAgent) => Promise<void>) {
  const agent = await startAgent(config);
  const connection = await RawConnection.open(agent.socket);
  try {
    await use(connection, agent);
  } finally {
    connection.close();
    await agent.stop();
  }
}

async function askV1(connection: RawConnection, bytes: Uint8Array): Promise<AgentAnswer> {
  assert.ok(await connection.write(bytes));
  const message = await connection.read();
  assert.ok(message !== null, "the agent closed the connection");
  const answer = readAnswer(decoder.decode(message));
  assert.equal(answer.version, 1);
  return answer;
}

async function askV2(connection: RawConnection, bytes: Uint8Array): Promise<AgentAnswer> {
  assert.ok(await connection.write(bytes));
  const message = await connection.read();
  assert.ok(message !== null, "the agent closed the connection");
  assert.equal(message[0], 0x20);
  const answer = readAnswer(decoder.decode(message.subarray(1)));
  assert.equal(answer.version, 2);
  assert.equal(answer.custom["correlation_id"], correlationIdOf(bytes));
  return answer;
}

function correlationIdOf(bytes: Uint8Array): unknown {
  return JSON.parse(decoder.decode(bytes.subarray(5)))["correlation_id"];
}

async function shakeHands(connection: RawConnection, name = "v2-handshake"): Promise<Record<string, unknown>> {
  const [request] = asked(name);
  assert.ok(request !== undefined && await connection.write(request.bytes));
  const message = await connection.read();
  assert.ok(message !== null);
  assert.equal(message[0], 0x02);
  return JSON.parse(decoder.decode(message.subarray(1)));
}

/** What is expected of the frames of a transcript, where the recorded agent does otherwise or has other words. */
const FRAMES: readonly { verdict: "allow" | "drop" | "close"; code?: number; tags: readonly string[] }[] = [
  { verdict: "allow", tags: ["mqtt", "connect", "success"] },
  { verdict: "allow", tags: ["mqtt", "connect"] },
  { verdict: "allow", tags: ["mqtt", "publish"] },
  { verdict: "drop", tags: ["mqtt", "blocked", "acl-denied"] },
  // The recorded agent lets text frames pass unseen.
  { verdict: "close", code: 1003, tags: ["mqtt", "blocked", "protocol-error"] },
  // The recorded agent has checked the password. Here the broker does.
  { verdict: "allow", tags: ["mqtt", "connect", "success"] },
];

/** The recorded agent decided the same for these. */
const SAME_AS_RECORDED = [0, 1, 2, 3];

function checkFrame(answer: AgentAnswer, number: number, note: string): void {
  const expected = FRAMES[number];
  assert.ok(expected !== undefined, note);
  assert.equal(answer.decision, "allow", note);
  assert.equal(answer.verdict, expected.verdict, note);
  assert.equal(answer.closeCode, expected.code ?? 0, note);
  assert.deepEqual(answer.tags, expected.tags, note);
  for (const secret of ["guess", "secret"]) assert.ok(!answer.json.includes(secret), `${note}: ${answer.json}`);
}

Deno.test("v1: the frames of a real client are judged, each answered in its order", async () => {
  await withAgent(CONFIG, async (connection) => {
    const requests = asked("v1-websocket-frame");
    for (const [number, { bytes, note }] of requests.entries()) {
      const answer = await askV1(connection, bytes);
      if (number === requests.length - 1) assert.equal(answer.verdict, null, note);
      else checkFrame(answer, number, note);
      if (SAME_AS_RECORDED.includes(number)) {
        assert.equal(answer.verdict, answered("v1-websocket-frame", number).verdict, note);
      }
    }
  });
});

Deno.test("v1: the same frames sent all at once are answered one by one", async () => {
  await withAgent(CONFIG, async (connection) => {
    const requests = asked("v1-websocket-frame");
    for (const { bytes } of requests) assert.ok(await connection.write(bytes));
    for (const [number, { note }] of requests.entries()) {
      const message = await connection.read();
      assert.ok(message !== null, note);
      const answer = readAnswer(decoder.decode(message));
      if (number < requests.length - 1) checkFrame(answer, number, note);
    }
  });
});

Deno.test("v1: an upgrade request of a real client is allowed without a WebSocket decision", async () => {
  await withAgent(CONFIG, async (connection) => {
    for (const [number, { bytes }] of asked("v1-request-headers").entries()) {
      const answer = await askV1(connection, bytes);
      const recorded = answered("v1-request-headers", number);
      assert.deepEqual([answer.decision, answer.verdict], [recorded.decision, recorded.verdict]);
    }
  });
});

Deno.test("v1: a configuration that names files beside nothing is refused and changes nothing", async () => {
  await withAgent(CONFIG, async (connection, { agent }) => {
    const before = agent.policy.label;
    const [request] = asked("v1-configure");
    assert.ok(request !== undefined);
    const { decision } = await askV1(connection, request.bytes);
    assert.ok(decision !== "allow");
    assert.equal(decision.status, 500);
    assert.match(decision.body ?? "", /absolute path/);
    assert.equal(agent.policy.label, before);
  });
});

Deno.test("v1: the same configuration without its providers is accepted, the second time without a change", async () => {
  await withAgent({}, async (connection, { agent }) => {
    const [request] = asked("v1-configure");
    assert.ok(request !== undefined);
    const event = JSON.parse(decoder.decode(request.bytes.subarray(4)));
    const { acl, general } = event.payload.config;
    event.payload.config = { acl, general };
    const bytes = messageV1(JSON.stringify(event));
    const before = agent.policy.label;
    assert.equal((await askV1(connection, bytes)).decision, "allow");
    const after = agent.policy.label;
    assert.notEqual(after, before);
    assert.equal((await askV1(connection, bytes)).decision, "allow");
    assert.equal(agent.policy.label, after);
    event.payload.config = {};
    assert.equal((await askV1(connection, messageV1(JSON.stringify(event)))).decision, "allow");
    assert.equal(agent.policy.label, after);
    event.payload.config = { acl: { "default-action": "perhaps" } };
    const { decision } = await askV1(connection, messageV1(JSON.stringify(event)));
    assert.ok(decision !== "allow" && decision.status === 500);
    assert.equal(agent.policy.label, after);
  });
});

Deno.test("v2: the handshake is answered with everything that the client's decoder requires", async () => {
  await withAgent(CONFIG, async (connection) => {
    const answer = await shakeHands(connection);
    const [, reply] = transcript("v2-handshake");
    const recorded = JSON.parse(decoder.decode(fromHex(reply?.hex ?? "").subarray(5)));
    assert.deepEqual(shapeOf(answer), shapeOf(recorded));
    assert.deepEqual(
      [answer["protocol_version"], answer["success"], answer["error"], answer["encoding"]],
      [2, true, null, "json"],
    );
    const { supported_events: events, features } = answer["capabilities"] as {
      supported_events: number[];
      features: Record<string, unknown>;
    };
    for (const event of [1, 5, 6, 8]) assert.ok(events.includes(event), `event ${event}`);
    assert.equal(features["websocket"], true);
    assert.equal(features["config_push"], true);
  });
});

/** Keys with the types of their values, lists as one type. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return [typeof value[0]];
  if (typeof value !== "object" || value === null) return value === null ? "null" : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, shapeOf(one)]).sort());
}

Deno.test("v2: a handshake of another version is refused and the connection closed", async () => {
  await withAgent(CONFIG, async (connection) => {
    assert.ok(await connection.write(messageV2(0x01, '{"supported_versions":[3],"proxy_id":"p","proxy_version":"9"}')));
    const messages = await connection.readToEnd();
    const [message] = messages;
    assert.ok(messages.length === 1 && message !== undefined);
    const { success, error } = JSON.parse(decoder.decode(message.subarray(1)));
    assert.equal(success, false);
    assert.equal(typeof error, "string");
  });
});

Deno.test("v2: encodings absent, empty or with msgpack all mean JSON", async () => {
  for (const encodings of ["", ',"supported_encodings":[]', ',"supported_encodings":["msgpack","json"]']) {
    await withAgent(CONFIG, async (connection) => {
      const request = `{"supported_versions":[1,2],"proxy_id":"p","proxy_version":"9","config":null${encodings}}`;
      assert.ok(await connection.write(messageV2(0x01, request)));
      const message = await connection.read();
      assert.ok(message !== null);
      const { success, encoding } = JSON.parse(decoder.decode(message.subarray(1)));
      assert.deepEqual([success, encoding], [true, "json"]);
    });
  }
});

Deno.test("v2: the frames of a real client are judged, each answer with its correlation id", async () => {
  await withAgent(CONFIG, async (connection) => {
    await shakeHands(connection);
    const [upgrade, ...frames] = asked("v2-websocket-frame");
    assert.ok(upgrade !== undefined);
    assert.equal((await askV2(connection, upgrade.bytes)).decision, "allow");
    const numbers = [0, 1, 2, 3, 5];
    for (const [number, { bytes, note }] of frames.entries()) {
      const as = numbers[number];
      assert.ok(as !== undefined, note);
      checkFrame(await askV2(connection, bytes), as, note);
    }
  });
});

Deno.test("v2: a ping is answered by a pong with the same bytes", async () => {
  await withAgent(CONFIG, async (connection) => {
    await shakeHands(connection);
    const [ping, pong] = transcript("v2-ping");
    assert.ok(ping !== undefined && await connection.write(fromHex(ping.hex)));
    assert.deepEqual(await connection.read(), fromHex(pong?.hex ?? "").slice(4));
  });
});

Deno.test("v2: a cancel has no answer", async () => {
  await withAgent(CONFIG, async (connection) => {
    await shakeHands(connection);
    const [cancel] = asked("v2-cancel");
    const [ping] = asked("v2-ping");
    assert.ok(cancel !== undefined && ping !== undefined);
    assert.ok(await connection.write(cancel.bytes) && await connection.write(ping.bytes));
    assert.equal((await connection.read())?.[0], 0x42);
  });
});

Deno.test("v2: request complete is answered", async () => {
  await withAgent(CONFIG, async (connection) => {
    await shakeHands(connection);
    for (const { bytes } of asked("v2-request-complete")) {
      const answer = await askV2(connection, bytes);
      assert.deepEqual([answer.decision, answer.verdict], ["allow", null]);
    }
  });
});

Deno.test("v2: a configuration that names files beside nothing is refused, without them it is accepted", async () => {
  await withAgent({}, async (connection, { agent }) => {
    const before = agent.policy.label;
    const { success } = await shakeHands(connection, "v2-configure");
    assert.equal(success, true);
    const [, configure] = asked("v2-configure");
    assert.ok(configure !== undefined);
    const { decision } = await askV2(connection, configure.bytes);
    assert.ok(decision !== "allow");
    assert.equal(decision.status, 500);
    assert.match(decision.body ?? "", /absolute path/);
    assert.equal(agent.policy.label, before);
    const event = JSON.parse(decoder.decode(configure.bytes.subarray(5)));
    event.config = { acl: event.config.acl, general: event.config.general };
    const bytes = messageV2(0x17, JSON.stringify(event));
    assert.equal((await askV2(connection, bytes)).decision, "allow");
    const after = agent.policy.label;
    assert.notEqual(after, before);
    assert.equal((await askV2(connection, bytes)).decision, "allow");
    assert.equal(agent.policy.label, after);
  });
});
