import assert from "node:assert/strict";
import {
  connectAgent,
  type FrameEvent,
  messageV1,
  messageV2,
  type ProtocolVersion,
  readAnswer,
} from "../support/agent_client.ts";
import { type RunningAgent, startAgent } from "../support/agent_in_process.ts";
import { startAgentProcess, Witness } from "../support/agent_process.ts";
import { concat, fromHex, toHex } from "../support/annotated_hex.ts";
import { RawConnection } from "../support/raw_connection.ts";
import { Dice } from "./decoder_packets.ts";

const CONFIG = {
  acl: {
    rules: [
      { name: "allow-a", topics: ["a/#", "ok"], decision: "allow" },
      { name: "deny-b", topics: ["b/#"], decision: "deny" },
    ],
  },
};
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** CONNECT of MQTT 3.1.1 without keep alive, `dev1`. */
const CONNECT = fromHex("10 10 00 04 4D 51 54 54 04 02 00 00 00 04 64 65 76 31");
/** QoS 0 PUBLISH to `ok`, which is allowed, and to `b/x`, which is denied. */
const ALLOWED = fromHex("30 05 00 02 6F 6B 31");
const DENIED = fromHex("30 06 00 03 62 2F 78 31");

const HANDSHAKE = messageV2(0x01, '{"supported_versions":[2],"proxy_id":"p","proxy_version":"1","config":null}');
const COMPLETE_V1 = messageV1(
  '{"version":1,"event_type":"request_complete","payload":{"correlation_id":"c","status":101}}',
);

interface Hall {
  readonly agent: RunningAgent;
  readonly witness: Witness;
}

/** An agent, and a well-behaved client on a connection of its own that must be served throughout. */
async function inHall(work: (hall: Hall) => Promise<void>): Promise<void> {
  const agent = await startAgent(CONFIG);
  const witness = new Witness(() => connectAgent(1, agent.socket));
  try {
    await witness.ask();
    await work({ agent, witness });
    await witness.ask();
    assert.equal(witness.reconnects, 0);
    assert.ok(!agent.log.some((line) => line.includes("Cannot judge a frame")), agent.log.join(""));
  } finally {
    await witness.close();
    await agent.stop();
  }
}

function frameEvent(id: string, index: number, bytes: Uint8Array): FrameEvent {
  return {
    correlationId: id,
    clientIp: "10.0.0.1:1000",
    routeId: "mqtt",
    fromClient: true,
    opcode: "binary",
    fin: true,
    index,
    data: bytes.toBase64(),
  };
}

/** A frame event with its keys in the order of the real clients. */
function frameObject(id: string, index: number, bytes: Uint8Array): Record<string, unknown> {
  return {
    client_ip: "10.0.0.1:1000",
    client_to_server: true,
    correlation_id: id,
    data: bytes.toBase64(),
    fin: true,
    frame_index: index,
    opcode: "binary",
    route_id: "mqtt",
  };
}

function eventV1(type: string, payload: unknown): Uint8Array {
  return messageV1(JSON.stringify({ version: 1, event_type: type, payload }));
}

function length(bytes: number): Uint8Array {
  const four = new Uint8Array(4);
  new DataView(four.buffer).setUint32(0, bytes);
  return four;
}

/** Whether a connection has shaken hands before the bytes come. */
type Protocol = "none" | "v1" | "v2";

async function open(agent: RunningAgent, protocol: Protocol): Promise<RawConnection> {
  const connection = await RawConnection.open(agent.socket);
  if (protocol === "v2") {
    await connection.write(HANDSHAKE);
    assert.equal((await connection.read())?.[0], 0x02);
  }
  if (protocol === "v1") {
    await connection.write(COMPLETE_V1);
    assert.equal((await connection.read())?.[0], 0x7b);
  }
  return connection;
}

const json = (text: string) => messageV1(text);
const v2 = (type: number, text: string) => messageV2(type, text);
const frameText = JSON.stringify(frameObject("x", 0, CONNECT));

/** What is no agent protocol: the connection ends. */
const GARBAGE: readonly { name: string; on: readonly Protocol[]; bytes: Uint8Array }[] = [
  { name: "a length of 0", on: ["none", "v1", "v2"], bytes: length(0) },
  { name: "a length of 4 GiB", on: ["none", "v1", "v2"], bytes: length(0xffffffff) },
  { name: "a length of 2 GiB", on: ["none", "v1", "v2"], bytes: length(0x80000000) },
  { name: "a length of 10 MiB and a byte", on: ["v1"], bytes: length((10 << 20) + 1) },
  {
    name: "a first message of 10 MiB and a byte in JSON",
    on: ["none"],
    bytes: concat([length((10 << 20) + 1), encoder.encode("{")]),
  },
  { name: "a length of 16 MiB and a byte", on: ["none", "v2"], bytes: length((16 << 20) + 1) },
  { name: "a first byte that is neither protocol", on: ["none"], bytes: concat([length(4), encoder.encode("[1]\n")]) },
  { name: "a first byte of 0", on: ["none"], bytes: concat([length(4), new Uint8Array(4)]) },
  { name: "an event of v2 before the handshake", on: ["none"], bytes: v2(0x15, frameText) },
  { name: "a ping before the handshake", on: ["none"], bytes: v2(0x41, "{}") },
  { name: "an HTTP request", on: ["none", "v1", "v2"], bytes: encoder.encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n") },
  { name: "a gRPC preface", on: ["none"], bytes: encoder.encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") },
  { name: "a TLS handshake", on: ["none"], bytes: fromHex("16 03 01 02 00 01 00 01 FC 03 03") },
  { name: "half a JSON object", on: ["none", "v1"], bytes: json('{"version":1') },
  { name: "words in braces", on: ["none", "v1"], bytes: json("{hello}") },
  { name: "a list", on: ["v1"], bytes: json("[1]") },
  { name: "null", on: ["v1"], bytes: json("null") },
  { name: "JSON that is not UTF-8", on: ["none", "v1"], bytes: concat([length(4), fromHex("7B 22 FF 7D")]) },
  { name: "deep JSON", on: ["none", "v1"], bytes: json(`{"a":${"[".repeat(100_000)}`) },
  { name: "an empty object", on: ["none", "v1"], bytes: json("{}") },
  {
    name: "version 2 over v1",
    on: ["none", "v1"],
    bytes: json('{"version":2,"event_type":"request_complete","payload":{}}'),
  },
  {
    name: 'version "1"',
    on: ["none", "v1"],
    bytes: json('{"version":"1","event_type":"request_complete","payload":{}}'),
  },
  {
    name: "an unknown event type",
    on: ["none", "v1"],
    bytes: json('{"version":1,"event_type":"surprise","payload":{}}'),
  },
  {
    name: "an event type that is a number",
    on: ["none", "v1"],
    bytes: json('{"version":1,"event_type":6,"payload":{}}'),
  },
  { name: "no event type", on: ["none", "v1"], bytes: json('{"version":1,"payload":{}}') },
  { name: "a handshake that is no JSON", on: ["none"], bytes: v2(0x01, "{") },
  { name: "a frame of v2 that is no JSON", on: ["v2"], bytes: v2(0x15, "{") },
  { name: "a frame of v2 in MessagePack", on: ["v2"], bytes: concat([length(3), fromHex("15 81 A1")]) },
  { name: "a frame of v2 without a body", on: ["v2"], bytes: concat([length(1), fromHex("15")]) },
  { name: "a frame of v2 without a correlation id", on: ["v2"], bytes: v2(0x15, "{}") },
  { name: "request headers of v2 that are null", on: ["v2"], bytes: v2(0x10, "null") },
  { name: "request complete of v2 without a correlation id", on: ["v2"], bytes: v2(0x14, "{}") },
];

Deno.test("what is no agent protocol ends its own connection and no other, and is logged", async () => {
  await inHall(async ({ agent, witness }) => {
    for (const { name, on, bytes } of GARBAGE) {
      for (const protocol of on) {
        const before = agent.log.length;
        const connection = await open(agent, protocol);
        const live = await open(agent, "v1");
        await connection.write(bytes);
        assert.deepEqual(await connection.readToEnd(), [], `${name} on a connection of ${protocol}`);
        connection.close();
        await witness.ask();
        assert.ok(await live.write(COMPLETE_V1) && await live.read() !== null, name);
        live.close();
        assert.ok(agent.log.length >= before);
      }
    }
    assert.ok(agent.log.some((line) => line.includes("not the agent protocol")), agent.log.join(""));
  });
});

Deno.test("what came before garbage is answered", async () => {
  await inHall(async ({ agent }) => {
    const connection = await open(agent, "none");
    await connection.write(concat([COMPLETE_V1, COMPLETE_V1, length(0)]));
    assert.equal((await connection.readToEnd()).length, 2);
    connection.close();
  });
});

Deno.test("unknown type bytes of v2 are skipped, what comes behind them is answered", async () => {
  await inHall(async ({ agent, witness }) => {
    const known = new Set([0x01, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x40, 0x41]);
    const connection = await open(agent, "v2");
    for (let type = 0; type < 256; type++) {
      if (known.has(type)) continue;
      await connection.write(concat([v2(type, '{"correlation_id":"x"}'), v2(0x41, `{"sequence":${type}}`)]));
      const message = await connection.read();
      assert.ok(message !== null, `type ${type} ended the connection`);
      assert.equal(decoder.decode(message), `B{"sequence":${type}}`, `type ${type}`);
    }
    connection.close();
    await witness.ask();
  });
});

/** What stands in a field where something else belongs. */
const WRONG: readonly unknown[] = [null, true, false, 0, 1, -1, 1.5, 1e300, "", "x", "1", [], ["binary"], {}, { a: 1 }];
const ABSENT = Symbol("absent");

Deno.test("a frame event with a field of the wrong type is answered once, by a close, and harms nobody else", async () => {
  await inHall(async ({ agent, witness }) => {
    const right = frameObject("w-0", 0, CONNECT);
    /** What may stand there, so that nothing is wrong with the event. */
    const fine = (key: string, value: unknown): boolean =>
      value === right[key] || (key === "frame_index" && value === 0) ||
      (key === "route_id" && (value === null || typeof value === "string" || value === ABSENT)) ||
      ((key === "fin" || key === "client_to_server") && typeof value === "boolean") ||
      (key === "correlation_id" && typeof value === "string") || (key === "client_ip" && typeof value === "string") ||
      (key === "data" && value === "");
    let number = 0;
    for (const key of Object.keys(right)) {
      for (const value of [...WRONG, ABSENT]) {
        if (fine(key, value)) continue;
        for (const version of [1, 2] as const) {
          const event = { ...right, correlation_id: `w-${++number}`, [key]: value };
          if (value === ABSENT) delete event[key as keyof typeof event];
          const about = `${key} is ${String(JSON.stringify(value) ?? "absent")} over v${version}`;
          const connection = await open(agent, version === 1 ? "v1" : "v2");
          await connection.write(
            version === 1 ? eventV1("web_socket_frame", event) : messageV2(0x15, JSON.stringify(event)),
          );
          await connection.closeWrite();
          const messages = await connection.readToEnd();
          connection.close();
          // An event without an id can be answered by the end of the connection alone.
          const isAnswerable = key !== "correlation_id";
          assert.ok(messages.length === 1 || (!isAnswerable && messages.length === 0), `${about}: ${messages.length}`);
          for (const message of messages) {
            const answer = readAnswer(decoder.decode(version === 1 ? message : message.subarray(1)));
            assert.equal(answer.verdict, "close", `${about}: ${answer.json}`);
          }
          await witness.ask();
        }
      }
    }
  });
});

Deno.test("a broken frame event does not touch the connection that the event before it was about", async () => {
  for (const version of [1, 2] as const) {
    for (const key of ["correlation_id", "client_ip", "data", "opcode"]) {
      await inHall(async ({ agent }) => {
        const connection = await open(agent, version === 1 ? "v1" : "v2");
        const send = async (event: Record<string, unknown>) => {
          await connection.write(
            version === 1 ? eventV1("web_socket_frame", event) : messageV2(0x15, JSON.stringify(event)),
          );
          return await connection.read();
        };
        const read = (message: Uint8Array | null) => {
          assert.ok(message !== null);
          return readAnswer(decoder.decode(version === 1 ? message : message.subarray(1)));
        };
        assert.equal(read(await send(frameObject("good", 0, CONNECT))).verdict, "allow");
        assert.equal(read(await send(frameObject("good", 1, ALLOWED))).verdict, "allow");
        const broken: Record<string, unknown> = { ...frameObject("bad", 0, CONNECT), client_ip: "10.0.0.2:1" };
        delete broken[key];
        const answer = await send(broken);
        // Without an id to answer to, the connection to the proxy may end; the client's does not.
        const next = answer === null || version === 2 && key === "correlation_id"
          ? await open(agent, "v1")
          : connection;
        await next.write(
          next !== connection || version === 1
            ? eventV1("web_socket_frame", frameObject("good", 2, ALLOWED))
            : messageV2(0x15, JSON.stringify(frameObject("good", 2, ALLOWED))),
        );
        const message = await next.read();
        assert.ok(message !== null, `${key} over v${version}`);
        const after = readAnswer(decoder.decode(message[0] === 0x7b ? message : message.subarray(1)));
        assert.equal(after.verdict, "allow", `${key} is absent over v${version}: ${after.json}`);
        connection.close();
        next.close();
      });
    }
  }
});

Deno.test("other events with fields of the wrong type are answered once or end the connection", async () => {
  await inHall(async ({ agent, witness }) => {
    const headers = {
      headers: { upgrade: ["websocket"], "sec-websocket-protocol": ["mqtt"] },
      metadata: { client_ip: "10.0.0.1", correlation_id: "h", route_id: "mqtt" },
      method: "GET",
      uri: "/",
    };
    const complete = { correlation_id: "h", status: 101 };
    const configure = { agent_id: "a", config: {} };
    const chunk = { correlation_id: "h", data: "", is_last: true };
    const events: readonly [string, number, Record<string, unknown>][] = [
      ["request_headers", 0x10, headers],
      ["request_complete", 0x14, complete],
      ["configure", 0x17, configure],
      ["request_body_chunk", 0x11, chunk],
      ["response_headers", 0x12, { correlation_id: "h", status: 200, headers: {} }],
      ["response_body_chunk", 0x13, chunk],
      ["guardrail_inspect", 0x16, { correlation_id: "h" }],
    ];
    for (const [type, byte, right] of events) {
      for (const key of Object.keys(right)) {
        for (const value of WRONG) {
          for (const version of [1, 2] as const) {
            const event: Record<string, unknown> = { ...right, [key]: value };
            if (version === 2 && type !== "request_complete") event["correlation_id"] ??= "h";
            const about = `${type} with ${key} ${JSON.stringify(value)} over v${version}`;
            const connection = await open(agent, version === 1 ? "v1" : "v2");
            await connection.write(version === 1 ? eventV1(type, event) : messageV2(byte, JSON.stringify(event)));
            await connection.closeWrite();
            const messages = await connection.readToEnd();
            connection.close();
            assert.ok(messages.length <= 1, `${about}: ${messages.length} answers`);
            for (const message of messages) readAnswer(decoder.decode(version === 1 ? message : message.subarray(1)));
          }
        }
      }
      await witness.ask();
    }
  });
});

/** Text that a reader of JSON by position could take for something else. */
const HOSTILE_TEXT: readonly string[] = [
  'x","data":"',
  '","fin":true,"frame_index":0,"opcode":"binary","route_id":"',
  "back\\slash",
  'quote"',
  "\\",
  "\n\u0000\u001b[31m",
  "ü\u2028😀\ufeff",
  "{}[]",
  "a".repeat(5000),
  "__proto__",
  " ",
  "\ud800",
];

Deno.test("ids, routes and addresses of any text are taken as they are, in both key orders", async () => {
  await inHall(async ({ agent, witness }) => {
    for (const version of [1, 2] as const) {
      for (const keyOrder of ["wire", "other"] as const) {
        const client = await connectAgent(version, agent.socket, { keyOrder });
        for (const [i, text] of HOSTILE_TEXT.entries()) {
          const id = `${text}${version}${keyOrder}${i}`;
          const base = { ...frameEvent(id, 0, CONNECT), clientIp: `10.1.1.1:1${text}`, routeId: text };
          const first = await client.frame(base);
          assert.equal(first.verdict, "allow", first.json);
          // Lone surrogates become U+FFFD on their way through UTF-8 and JSON; everything else comes back.
          if (text !== "\ud800") assert.equal(first.custom["correlation_id"] ?? id, id);
          const second = await client.frame({ ...base, index: 1, data: DENIED.toBase64() });
          assert.equal(second.verdict, "drop", second.json);
          const other = await client.frame({ ...base, index: 1, clientIp: "10.1.1.1:2", data: ALLOWED.toBase64() });
          assert.equal(other.verdict, "close", "another address is another connection");
        }
        client.close();
        await client.end;
      }
    }
    await witness.ask();
  });
});

Deno.test("messages that are cut anywhere are answered once each, in order", async () => {
  await inHall(async ({ agent }) => {
    for (const version of [1, 2] as const) {
      const wrap = (event: Record<string, unknown>) =>
        version === 1 ? eventV1("web_socket_frame", event) : messageV2(0x15, JSON.stringify(event));
      const size = wrap(frameObject("cut-0-000", 0, CONNECT)).length;
      for (let at = 1; at < size * 2; at += 3) {
        const id = `cut-${version}-${String(at).padStart(3, "0")}`;
        const bytes = concat([CONNECT, DENIED, ALLOWED].map((packet, i) => wrap(frameObject(id, i, packet))));
        const connection = await open(agent, version === 1 ? "none" : "v2");
        await connection.write(bytes.subarray(0, at));
        // An answer to a question of another connection: what was written before it has been read by now.
        const probe = await open(agent, "v1");
        probe.close();
        await connection.write(bytes.subarray(at));
        const verdicts: (string | null)[] = [];
        for (let i = 0; i < 3; i++) {
          const message = await connection.read();
          assert.ok(message !== null, `cut at ${at} over v${version}`);
          verdicts.push(readAnswer(decoder.decode(version === 1 ? message : message.subarray(1))).verdict);
        }
        assert.deepEqual(verdicts, ["allow", "drop", "allow"], `cut at ${at} over v${version}`);
        connection.close();
      }
    }
  });
});

Deno.test("a connection that ends in the middle of a message harms nobody", async () => {
  await inHall(async ({ agent, witness }) => {
    const message = eventV1("web_socket_frame", frameObject("half", 0, CONNECT));
    for (let at = 1; at < message.length; at += 7) {
      const connection = await open(agent, "none");
      await connection.write(message.subarray(0, at));
      await connection.closeWrite();
      assert.deepEqual(await connection.readToEnd(), [], `cut at ${at}`);
      connection.close();
      if (at % 5 === 0) await witness.ask();
    }
  });
});

const RANDOM_STREAMS = 300;

Deno.test("random bytes end their connection or wait for more, and harm nobody", async () => {
  await inHall(async ({ agent, witness }) => {
    for (let seed = 0; seed < RANDOM_STREAMS; seed++) {
      const dice = new Dice(seed);
      const bytes = Uint8Array.from({ length: 1 + dice.below(400) }, () => dice.below(256));
      // Every third one begins as a message that is long enough.
      const started = seed % 3 === 0
        ? concat([length(bytes.length), seed % 2 === 0 ? fromHex("7B") : fromHex("01"), bytes])
        : bytes;
      const connection = await open(agent, seed % 5 === 0 ? "v2" : "none");
      await connection.write(started);
      await connection.closeWrite();
      assert.deepEqual(await connection.readToEnd(), [], `seed ${seed}: ${toHex(started)}`);
      connection.close();
      if (seed % 20 === 0) await witness.ask();
    }
  });
});

const CHANGED_STREAMS = 400;

Deno.test("changed bytes in real messages: no more answers than questions, and never an error inside", async () => {
  await inHall(async ({ agent, witness }) => {
    for (let seed = 0; seed < CHANGED_STREAMS; seed++) {
      const dice = new Dice(seed + 10_000);
      const version = seed % 2 === 0 ? 1 : 2;
      const id = `changed-${seed}`;
      const messages = [CONNECT, ALLOWED, DENIED, ALLOWED].map((packet, i) => {
        const event = frameObject(id, i, packet);
        return version === 1 ? eventV1("web_socket_frame", event) : messageV2(0x15, JSON.stringify(event));
      });
      const bytes = concat(messages);
      for (let change = 0; change <= dice.below(3); change++) bytes[dice.below(bytes.length)] = dice.below(256);
      const connection = await open(agent, version === 1 ? "none" : "v2");
      await connection.write(bytes);
      await connection.closeWrite();
      const answers = await connection.readToEnd();
      connection.close();
      assert.ok(answers.length <= messages.length, `seed ${seed}: ${answers.length} answers`);
      for (const message of answers) {
        const answer = readAnswer(decoder.decode(version === 1 ? message : message.subarray(1)));
        assert.ok(!answer.tags.includes("internal-error"), `seed ${seed}: ${answer.json}`);
      }
      if (seed % 20 === 0) await witness.ask();
    }
  });
});

const CONNECTIONS = 120;
const FRAMES = 25;

Deno.test("many connections at once: every event is answered once, in order over v1, by its id over v2", async () => {
  await inHall(async ({ agent, witness }) => {
    await Promise.all(Array.from({ length: CONNECTIONS }, async (_, n) => {
      const version: ProtocolVersion = n % 2 === 0 ? 1 : 2;
      const dice = new Dice(n);
      const client = await connectAgent(version, agent.socket, { keyOrder: n % 3 === 0 ? "other" : "wire" });
      // Over v2 three WebSockets share the connection, their frames mixed.
      const ids = version === 1 ? [`many-${n}`] : [`many-${n}a`, `many-${n}b`, `many-${n}c`];
      const expected: string[] = [];
      const answers = [];
      for (let i = 0; i < FRAMES; i++) {
        for (const id of ids) {
          const isDenied = i > 0 && dice.below(3) === 0;
          expected.push(`${id} ${isDenied ? "drop" : "allow"}`);
          const bytes = i === 0 ? CONNECT : isDenied ? DENIED : ALLOWED;
          answers.push(
            client.frame({ ...frameEvent(id, i, bytes), clientIp: `10.2.${n}.1:1` }).then((answer) =>
              `${id} ${answer.verdict}`
            ),
          );
        }
      }
      assert.deepEqual(await Promise.all(answers), expected);
      client.close();
      await client.end;
    }));
    await witness.ask();
  });
});

/** What the process may hold more than before; the buffers of what is really on its way have room in it. */
const MAX_GROWTH_BYTES = 160 << 20;

Deno.test("lengths that are claimed and never sent take no memory, large messages are answered", async () => {
  const agent = await startAgentProcess(CONFIG);
  const witness = new Witness(() => connectAgent(1, agent.socket));
  const idle: RawConnection[] = [];
  try {
    await witness.ask();
    const before = await agent.residentBytes();
    for (let i = 0; i < 200; i++) {
      const connection = await RawConnection.open(agent.socket);
      idle.push(connection);
      await connection.write(concat([length(10 << 20), encoder.encode(`{"version":1,"x":"${"y".repeat(1000)}`)]));
    }
    await witness.ask();
    // The longest message of v1, then one that is a byte longer.
    const shell = eventV1("web_socket_frame", { ...frameObject("large", 0, CONNECT), z: "" }).length - 4;
    const large = eventV1("web_socket_frame", {
      ...frameObject("large", 0, CONNECT),
      z: "z".repeat((10 << 20) - shell),
    });
    assert.equal(large.length - 4, 10 << 20);
    const longest = await RawConnection.open(agent.socket);
    idle.push(longest);
    await longest.write(large);
    const message = await longest.read();
    // A message this long may have been on its way for too long to be answered: then the connection ends.
    if (message !== null) assert.equal(readAnswer(decoder.decode(message)).version, 1);
    const over = await RawConnection.open(agent.socket);
    idle.push(over);
    await over.write(length((10 << 20) + 1));
    await over.write(encoder.encode("{"));
    assert.equal(await over.read(), null);
    await witness.ask();
    const growth = await agent.residentBytes() - before;
    assert.ok(growth < MAX_GROWTH_BYTES, `the process grew by ${growth >> 20} MiB`);
    assert.match(agent.log(), /not the agent protocol/);
  } finally {
    for (const connection of idle) connection.close();
    await witness.close();
    assert.equal(await agent.stop(), 0);
  }
});
