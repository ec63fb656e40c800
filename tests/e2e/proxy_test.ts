import assert from "node:assert/strict";
import type { RawClientOptions } from "../../demo/raw_client.ts";
import { Watch } from "../../demo/watch.ts";
import { encodeFrame, OPCODE } from "../../demo/websocket_frame.ts";
import { blockWith, closeWith, FakeAgent, type Script } from "./fake_agent.ts";
import { bytes, hex, PINGRESP, refused, withBench } from "./proxy_bench.ts";

const PINGREQ = bytes("C0 00");

const PROTOCOLS = ["v1", "v2"] as const;

for (const protocol of PROTOCOLS) {
  Deno.test(`the proxy asks about the upgrade request first, over ${protocol}`, async () => {
    await withBench(() => "allow", { protocol }, async ({ agent, connect }) => {
      const client = await connect({
        path: "/mqtt?x=1",
        headers: [["Sec-WebSocket-Protocol", "chat, mqtt"], ["X-Custom", "a"], ["x-custom", "b"], [
          "X-Request-Id",
          "r-1",
        ]],
      });
      assert.match(hex(client.response.rest), /^$/);
      const headers = Object.fromEntries(client.response.headers);
      assert.equal(headers["sec-websocket-protocol"], "mqtt");
      assert.equal(headers["x-correlation-id"], "r-1");

      const event = agent.events.find(({ type }) => type === "request_headers" || type === "0x10");
      assert.ok(event);
      const own = protocol === "v1" ? [] : ["correlation_id"];
      assert.deepEqual(Object.keys(event.payload), ["headers", "metadata", "method", "uri", ...own]);
      assert.equal(event.payload["method"], "GET");
      assert.equal(event.payload["uri"], "/mqtt?x=1");
      const told = Object(event.payload["headers"]);
      assert.deepEqual(told["x-custom"], ["a", "b"]);
      assert.deepEqual(Object.keys(told), Object.keys(told).map((name) => name.toLowerCase()).sort());
      const metadata = Object(event.payload["metadata"]);
      assert.deepEqual(Object.keys(metadata), Object.keys(metadata).sort());
      assert.equal(metadata.client_port, 0);
      assert.match(metadata.client_ip, /^127\.0\.0\.1:\d+$/);
      assert.equal(metadata.correlation_id, "r-1");
      assert.equal(metadata.route_id, "mqtt");
      assert.equal(metadata.tls_version, null);
    });
  });

  Deno.test(`one event tells of each raw frame of either direction, over ${protocol}`, async () => {
    await withBench(() => "allow", { protocol, pool: 1 }, async ({ agent, broker, connect }) => {
      const client = await connect();
      const upstream = await broker.accept();
      await client.send(OPCODE.binary, PINGREQ);
      assert.equal(hex(await upstream.take(2)), "C000");
      await client.send(OPCODE.text, bytes("41"), { fin: false });
      await client.send(OPCODE.continuation, bytes("42"), { masked: false });
      await client.send(OPCODE.pong, bytes("43"));
      await client.send(OPCODE.binary, new Uint8Array());
      await client.send(OPCODE.binary, bytes("44"));
      assert.equal(hex(await upstream.take(3)), "414244", "payloads of data frames go on raw, whatever their opcode");
      await upstream.send(PINGRESP);
      assert.equal(hex((await client.next())?.payload), "D000");
      await client.send(0x3, bytes("45"));
      assert.equal((await client.closed()).code, 1002);

      const told = agent.frames.map((frame) => [
        frame["client_to_server"] ? "c2s" : "s2c",
        frame["frame_index"],
        frame["opcode"],
        frame["fin"],
        frame["data"],
      ]);
      assert.deepEqual(told, [
        ["c2s", 0, "binary", true, "wAA="],
        ["c2s", 1, "text", false, "QQ=="],
        ["c2s", 2, "continuation", true, "Qg=="],
        ["c2s", 3, "pong", true, "Qw=="],
        ["c2s", 4, "binary", true, ""],
        ["c2s", 5, "binary", true, "RA=="],
        ["s2c", 0, "binary", true, "0AA="],
        ["c2s", 6, "reserved", true, "RQ=="],
        ["s2c", 1, "close", true, told.at(-1)?.[4]],
      ]);
      const [first] = agent.frames;
      assert.ok(first);
      assert.deepEqual(Object.keys(first), Object.keys(first).sort());
      assert.match(String(first["client_ip"]), /^127\.0\.0\.1:\d+$/);
      assert.equal(first["route_id"], "mqtt");
      assert.equal(first["correlation_id"], Object.fromEntries(client.response.headers)["x-correlation-id"]);
    });
  });

  Deno.test(`a frame waits for the verdict of the one before, but not for the other direction, over ${protocol}`, async () => {
    const verdict = Promise.withResolvers<"allow">();
    const script: Script = ({ payload }) =>
      payload["client_to_server"] === true && payload["frame_index"] === 0 ? verdict.promise : "allow";
    await withBench(script, { protocol, pool: 4, inspectorTimeoutMs: 10_000 }, async ({ agent, broker, connect }) => {
      const client = await connect();
      const upstream = await broker.accept();
      await client.send(OPCODE.binary, bytes("41"));
      await client.send(OPCODE.binary, bytes("42"));
      await upstream.send(PINGRESP);
      assert.equal(hex((await client.next())?.payload), "D000");
      assert.deepEqual(
        agent.frames.map((frame) => frame["data"]),
        ["QQ==", "0AA="],
        "the second frame is not asked about",
      );
      verdict.resolve("allow");
      assert.equal(hex(await upstream.take(2)), "4142");
    });
  });

  Deno.test(`a dropped frame is not forwarded, its neighbours are, over ${protocol}`, async () => {
    const script: Script = ({ payload }) => payload["data"] === "Qg==" ? "drop" : "allow";
    await withBench(script, { protocol }, async ({ broker, connect, proxy }) => {
      const client = await connect();
      const upstream = await broker.accept();
      for (const payload of ["41", "42", "43"]) await client.send(OPCODE.binary, bytes(payload));
      assert.equal(hex(await upstream.take(2)), "4143");
      assert.equal(proxy.counts.dropped, 1);
    });
  });

  Deno.test(`a late frame is forwarded and counted, over ${protocol}`, async () => {
    const verdict = Promise.withResolvers<"drop">();
    const script: Script = ({ payload }) => payload["frame_index"] === 0 ? verdict.promise : "allow";
    await withBench(script, { protocol, failureMode: "closed" }, async ({ broker, connect, proxy, frames }) => {
      const client = await connect();
      const upstream = await broker.accept();
      await client.send(OPCODE.binary, bytes("41"));
      assert.equal(hex(await upstream.take(1)), "41", "the 100 ms clock allows, whatever the failure mode says");
      const { decision } = await frames.until(({ index }) => index === 0, "the frame");
      assert.equal(decision.decidedBy, "late");
      assert.ok(decision.tookMs >= 99 && decision.tookMs < 1000);
      assert.equal(proxy.counts.late, 1);
      assert.equal(proxy.counts.unseen, 1);
      verdict.resolve("drop");
    });
  });

  Deno.test(`with timeout-ms below 100 the failure mode decides about a late frame, over ${protocol}`, async () => {
    const verdict = Promise.withResolvers<"allow">();
    const script: Script = ({ payload }) => "frame_index" in payload ? verdict.promise : "allow";
    const options = { protocol, agentTimeoutMs: 30, failureMode: "closed", clientClose: "frame" } as const;
    await withBench(script, options, async ({ broker, connect, proxy }) => {
      const client = await connect();
      const upstream = await broker.accept();
      await client.send(OPCODE.binary, bytes("41"));
      assert.deepEqual(await client.closed(), { code: 1011, reason: "Gateway timeout" });
      assert.equal(hex(await upstream.rest()), "");
      const { late, unseen, unjudgedCloses } = proxy.counts;
      assert.deepEqual({ late, unseen, unjudgedCloses }, { late: 1, unseen: 0, unjudgedCloses: 1 });
      verdict.resolve("allow");
    });
  });

  Deno.test(`frames pass unseen while the agent is away, and are judged as soon as it is back, over ${protocol}`, async () => {
    await withBench(() => "drop", { protocol, breaker: null }, async ({ agent, broker, connect, proxy }) => {
      const client = await connect();
      const upstream = await broker.accept();
      await agent.stop();
      await client.send(OPCODE.binary, bytes("41"));
      assert.equal(hex(await upstream.take(1)), "41");
      assert.equal(proxy.counts.unseen, 1);

      const back = FakeAgent.start(() => "allow", agent.path);
      await client.send(OPCODE.binary, bytes("42"));
      assert.equal(hex(await upstream.take(1)), "42");
      assert.deepEqual(back.frames.map((frame) => frame["frame_index"]), [1]);
      assert.equal(proxy.counts.unseen, 1);
      await back.stop();
    });
  });

  Deno.test(`with failure mode closed nothing passes while the agent is away, over ${protocol}`, async () => {
    const options = { protocol, failureMode: "closed", clientClose: "frame", breaker: null } as const;
    await withBench(() => "allow", options, async ({ agent, broker, connect, proxy }) => {
      const client = await connect();
      const upstream = await broker.accept();
      await agent.stop();
      await client.send(OPCODE.binary, bytes("41"));
      assert.deepEqual(await client.closed(), { code: 1011, reason: "Agent error" });
      assert.equal(hex(await upstream.rest()), "");
      const refusal = await refused(connect());
      assert.deepEqual(refusal, { status: 503, body: "Agent unavailable" });
      assert.equal(proxy.counts.unseen, 0);
      assert.equal(proxy.counts.upgradesUnseen, 0);
    });
  });

  Deno.test(`five failures in a row open the breaker, over ${protocol}`, async () => {
    await withBench(() => "allow", { protocol, failureMode: "closed" }, async ({ agent, connect, proxy }) => {
      await agent.stop();
      for (let i = 0; i < 5; i++) assert.equal((await refused(connect())).body, "Agent unavailable");
      const back = FakeAgent.start(() => "allow", agent.path);
      assert.deepEqual(await refused(connect()), { status: 503, body: "Service unavailable" });
      assert.equal(back.events.length, 0, "nobody asks while the breaker is open");
      assert.equal(proxy.counts.breakerOpened, 1);
      await back.stop();
    });
  });

  Deno.test(`the breaker tries one call after its time, over ${protocol}`, async () => {
    const options = { protocol, failureMode: "closed", breaker: { failures: 1, openMs: 0 } } as const;
    await withBench(() => "allow", options, async ({ agent, connect }) => {
      await agent.stop();
      await refused(connect());
      const back = FakeAgent.start(() => "allow", agent.path);
      await connect();
      await back.stop();
    });
  });

  Deno.test(`the end of a connection is reported where that is asked for, over ${protocol}`, async () => {
    const ends = new Watch<string>();
    const script: Script = ({ type, payload }) => {
      if (type === "request_complete" || type === "0x14") ends.add(String(payload["correlation_id"]));
      return "allow";
    };
    await withBench(script, { protocol, requestComplete: true }, async ({ connect }) => {
      const client = await connect({ headers: [["X-Trace-Id", "t-1"]] });
      client.close();
      await ends.until((id) => id === "t-1", "the report of the end");
    });
  });
}

Deno.test("a blocked upgrade gets the status and body of the block, and no connection to the broker", async () => {
  await withBench(() => blockWith(403, "take the extension away"), {}, async ({ connect, proxy }) => {
    const offer: RawClientOptions = { headers: [["Sec-WebSocket-Extensions", "permessage-deflate"]] };
    assert.deepEqual(await refused(connect(offer)), { status: 403, body: "take the extension away" });
    assert.equal(proxy.counts.upgradesRefused, 1);
    assert.equal(proxy.counts.connections, 0);
  });
});

Deno.test("the correlation id is the client's, of the first header that is there, else new", async () => {
  await withBench(() => "allow", {}, async ({ connect }) => {
    const idFor = async (headers: [string, string][]) => {
      const client = await connect({ headers });
      return Object.fromEntries(client.response.headers)["x-correlation-id"];
    };
    assert.equal(await idFor([["X-Request-Id", "r"], ["X-Correlation-Id", "c"], ["X-Trace-Id", "t"]]), "t");
    assert.equal(await idFor([["X-Request-Id", "r"], ["X-Correlation-Id", "c"]]), "c");
    assert.match(await idFor([]) ?? "", /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  });
});

Deno.test("a close on a client's frame breaks the connection, and what was read with it is lost", async () => {
  const script: Script = ({ payload }) => payload["data"] === "Qg==" ? closeWith(1008, "No") : "allow";
  await withBench(script, {}, async ({ broker, connect }) => {
    const client = await connect();
    const upstream = await broker.accept();
    const frames = [encodeFrame(OPCODE.binary, bytes("41")), encodeFrame(OPCODE.binary, bytes("42"))];
    await client.sendBytes(new Uint8Array(frames.flatMap((frame) => [...frame])));
    assert.deepEqual(await client.closed(), { code: 1006, reason: "" });
    assert.equal(hex(await upstream.rest()), "");
  });
});

Deno.test("a close on a client's frame sends the code where that is asked for", async () => {
  const script: Script = ({ payload }) => "frame_index" in payload ? closeWith(1008, "No rule") : "allow";
  await withBench(script, { clientClose: "frame" }, async ({ connect }) => {
    const client = await connect();
    await client.send(OPCODE.binary, bytes("41"));
    assert.deepEqual(await client.closed(), { code: 1008, reason: "No rule" });
  });
});

Deno.test("a close on a broker's frame sends the code and the text", async () => {
  const script: Script = ({ payload }) =>
    payload["client_to_server"] === false ? closeWith(1008, "Not yours") : "allow";
  await withBench(script, {}, async ({ broker, connect }) => {
    const client = await connect();
    const upstream = await broker.accept();
    await upstream.send(PINGRESP);
    assert.deepEqual(await client.closed(), { code: 1008, reason: "Not yours" });
    assert.equal(hex(await upstream.rest()), "");
  });
});

Deno.test("an offer of compression that is not blocked takes the connection out of inspection", async () => {
  await withBench(() => "allow", {}, async ({ agent, broker, connect, proxy }) => {
    const client = await connect({
      headers: [["Sec-WebSocket-Extensions", "x, permessage-deflate; client_max_window_bits"]],
    });
    const upstream = await broker.accept();
    await client.send(OPCODE.binary, PINGREQ);
    assert.equal(hex(await upstream.take(2)), "C000");
    assert.deepEqual(agent.frames, []);
    assert.equal(proxy.counts.uninspectedConnections, 1);
  });
});

Deno.test("an offer in another case or in a second header is not noticed", async () => {
  await withBench(() => "allow", {}, async ({ agent, broker, connect }) => {
    for (
      const headers of [
        [["Sec-WebSocket-Extensions", "Permessage-Deflate"]],
        [["Sec-WebSocket-Extensions", "x"], ["Sec-WebSocket-Extensions", "permessage-deflate"]],
      ] as const
    ) {
      const client = await connect({ headers });
      const upstream = await broker.accept();
      await client.send(OPCODE.binary, PINGREQ);
      await upstream.take(2);
    }
    assert.equal(agent.frames.length, 2);
  });
});

Deno.test("frames with RSV bits and frames over 1 MiB pass unseen, with all that was read", async () => {
  await withBench(() => "drop", {}, async ({ agent, broker, connect, proxy }) => {
    const client = await connect();
    const upstream = await broker.accept();
    await client.send(OPCODE.binary, PINGREQ, { rsv: 4 });
    assert.equal(hex(await upstream.take(2)), "C000");
    // Every piece of it must look like RSV bits: with a mask, some would be taken for frames, as by the real proxy.
    const big = new Uint8Array(1024 * 1024 + 1).fill(0x41);
    await client.send(OPCODE.binary, big, { masked: false });
    assert.equal(hex(await upstream.take(big.length)), hex(big));
    assert.deepEqual(agent.frames, []);
    assert.ok(proxy.counts.undecodable >= 2);
  });
});

Deno.test("the broker's bytes are cut into frames as asked", async () => {
  const cases = [["packet", ["D000", "40020001"]], [1, ["D0", "00", "40", "02", "00", "01"]], ["read", [
    "D00040020001",
  ]]] as const;
  for (const [brokerFraming, expected] of cases) {
    await withBench(() => "allow", { brokerFraming }, async ({ broker, connect }) => {
      const client = await connect();
      const upstream = await broker.accept();
      await upstream.send(bytes("D0 00 40 02 00 01"));
      const got = [];
      for (const _ of expected) got.push(hex((await client.next())?.payload));
      assert.deepEqual(got, expected);
    });
  }
});

Deno.test("a broker that is not there makes 502", async () => {
  await withBench(() => "allow", { broker: { hostname: "127.0.0.1", port: 1 } }, async ({ connect }) => {
    assert.equal((await refused(connect())).status, 502);
  });
});
