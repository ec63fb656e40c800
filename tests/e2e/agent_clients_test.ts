import assert from "node:assert/strict";
import { StandInProxy } from "../../demo/proxy.ts";
import { Watch } from "../../demo/watch.ts";
import { OPCODE } from "../../demo/websocket_frame.ts";
import { blockWith, FakeAgent, type Script } from "./fake_agent.ts";
import { bytes, hex, PINGRESP, withBench } from "./proxy_bench.ts";

Deno.test("over v1 a late answer on the shared connection is read as that of the next frame", async () => {
  const late = Promise.withResolvers<"drop">();
  const script: Script = ({ payload }) => payload["data"] === "QQ==" ? late.promise : "allow";
  await withBench(script, { pool: 0 }, async ({ broker, connect, proxy }) => {
    const client = await connect();
    const upstream = await broker.accept();
    await client.send(OPCODE.binary, bytes("41"));
    assert.equal(hex(await upstream.take(1)), "41");
    late.resolve("drop");
    await client.send(OPCODE.binary, bytes("42"));
    await client.send(OPCODE.binary, bytes("43"));
    assert.equal(hex(await upstream.take(1)), "43", "the drop of the first frame fell on the second");
    assert.equal(proxy.counts.staleAnswers, 2);
  });
});

Deno.test("over v1 without stale answers a late frame costs its connection, and the next is judged by its own", async () => {
  const late = Promise.withResolvers<"drop">();
  const script: Script = ({ payload }) => payload["data"] === "QQ==" ? late.promise : "allow";
  await withBench(script, { pool: 0, staleAnswers: false }, async ({ broker, connect, proxy }) => {
    const client = await connect();
    const upstream = await broker.accept();
    await client.send(OPCODE.binary, bytes("41"));
    await upstream.take(1);
    late.resolve("drop");
    await client.send(OPCODE.binary, bytes("42"));
    assert.equal(hex(await upstream.take(1)), "42");
    assert.equal(proxy.counts.staleAnswers, 0);
  });
});

Deno.test("over v1 every time-out leaks a slot, until all share one connection", async () => {
  const never = new Promise<"allow">(() => {});
  const script: Script = ({ payload }) => Number(payload["frame_index"]) < 2 ? never : "allow";
  await withBench(script, { pool: 2, inspectorTimeoutMs: 20 }, async ({ agent, broker, connect }) => {
    const client = await connect();
    const upstream = await broker.accept();
    for (const payload of ["41", "42", "43", "44"]) {
      await client.send(OPCODE.binary, bytes(payload));
      await upstream.take(1);
    }
    const connections = agent.events.filter(({ type }) => type === "web_socket_frame").map((event) => event.connection);
    const [, , third, fourth] = connections;
    assert.equal(new Set(connections).size, 3);
    assert.equal(third, 0, "the shared connection is the first that was opened");
    assert.equal(fourth, 0);
  });
});

Deno.test("over v1 a pool of N holds N connections beside the shared one, and keeps at most five idle", async () => {
  for (const pool of [4, 10]) {
    const all = Promise.withResolvers<"allow">();
    const asked = new Watch<number>();
    const script: Script = ({ payload, connection }) => {
      if (!("frame_index" in payload)) return "allow";
      asked.add(connection);
      return all.promise;
    };
    await withBench(script, { pool, inspectorTimeoutMs: 10_000 }, async ({ broker, connect, proxy, frames }) => {
      const clients = [];
      const upstreams = [];
      for (let i = 0; i < pool + 3; i++) {
        clients.push(await connect());
        upstreams.push(await broker.accept());
      }
      for (const client of clients) await client.send(OPCODE.binary, bytes("41"));
      await asked.untilCount(pool + 1, "a frame in flight");
      assert.equal(new Set(asked.seen).size, pool + 1);
      assert.equal(proxy.counts.agentConnections, pool + 1);
      all.resolve("allow");
      for (const upstream of upstreams) await upstream.take(1);
      await frames.untilCount(pool + 3, "a frame");
      assert.equal(proxy.counts.agentConnections, Math.min(pool, 5) + 1);
    });
  }
});

Deno.test("over v1 connections that the agent closed fail one event each where the proxy does not notice", async () => {
  const options = { noticeDeadConnections: false, breaker: null } as const;
  await withBench(() => "allow", options, async ({ agent, broker, connect, proxy, frames }) => {
    const client = await connect();
    const upstream = await broker.accept();
    agent.breakConnections();
    await client.send(OPCODE.binary, bytes("41"));
    await client.send(OPCODE.binary, bytes("42"));
    await upstream.take(2);
    await frames.untilCount(2, "a frame");
    assert.deepEqual(frames.seen.map(({ decision }) => decision.decidedBy), ["error", "agent"]);
    assert.equal(proxy.counts.unseen, 1);
  });
});

Deno.test("over v1 an answer of another version is an error", async () => {
  const script: Script = ({ payload }) =>
    "frame_index" in payload ? { version: 2, websocket_decision: "drop" } : "allow";
  await withBench(script, {}, async ({ broker, connect, proxy }) => {
    const client = await connect();
    const upstream = await broker.accept();
    await client.send(OPCODE.binary, bytes("41"));
    assert.equal(hex(await upstream.take(1)), "41");
    assert.equal(proxy.counts.unseen, 1);
  });
});

Deno.test("over v2 a pool of N opens N connections, each after a handshake, used in turn", async () => {
  for (const pool of [4, 10]) {
    await withBench(() => "allow", { protocol: "v2", pool }, async ({ agent, broker, connect, proxy }) => {
      assert.equal(proxy.counts.agentConnections, pool);
      assert.deepEqual(agent.events.map(({ type }) => type), Array(pool).fill("0x01"));
      const client = await connect();
      const upstream = await broker.accept();
      for (let i = 0; i < pool; i++) {
        await client.send(OPCODE.binary, bytes("41"));
        await upstream.take(1);
      }
      const used = agent.events.filter(({ type }) => type === "0x15").map(({ connection }) => connection);
      assert.equal(new Set(used).size, pool);
    });
  }
});

Deno.test("over v2 answers are matched by their correlation id, in any order", async () => {
  const slow = Promise.withResolvers<"drop">();
  const script: Script = ({ payload }) => payload["data"] === "QQ==" ? slow.promise : "allow";
  await withBench(script, { protocol: "v2", pool: 1, inspectorTimeoutMs: 10_000 }, async ({ broker, connect }) => {
    const first = await connect();
    const firstUpstream = await broker.accept();
    const second = await connect();
    const secondUpstream = await broker.accept();
    await first.send(OPCODE.binary, bytes("41"));
    await second.send(OPCODE.binary, bytes("42"));
    assert.equal(hex(await secondUpstream.take(1)), "42");
    slow.resolve("drop");
    await first.send(OPCODE.binary, bytes("43"));
    assert.equal(hex(await firstUpstream.take(1)), "43");
  });
});

Deno.test("over v2 an answer without a correlation id is lost", async () => {
  const script: Script = ({ type }) =>
    type === "0x15" ? { audit: { custom: {} }, websocket_decision: "drop" } : "allow";
  await withBench(script, { protocol: "v2", inspectorTimeoutMs: 20 }, async ({ broker, connect, proxy }) => {
    const client = await connect();
    const upstream = await broker.accept();
    await client.send(OPCODE.binary, bytes("41"));
    assert.equal(hex(await upstream.take(1)), "41");
    assert.equal(proxy.counts.late, 1);
  });
});

Deno.test("over v2 a frame of each direction in flight on one connection displace each other, as in the real client", async () => {
  const clientFrame = Promise.withResolvers<"drop">();
  const asked = new Watch<boolean>();
  const script: Script = ({ type, payload }) => {
    if (type !== "0x15") return "allow";
    asked.add(payload["client_to_server"] === true);
    return payload["client_to_server"] === true ? clientFrame.promise : new Promise(() => {});
  };
  const options = { protocol: "v2", pool: 1, inspectorTimeoutMs: 10_000 } as const;
  await withBench(script, options, async ({ broker, connect, proxy, frames }) => {
    const client = await connect();
    const upstream = await broker.accept();
    await client.send(OPCODE.binary, bytes("41"));
    await asked.until((fromClient) => fromClient, "the client's frame");
    await upstream.send(PINGRESP);
    assert.equal(hex(await upstream.take(1)), "41", "the displaced frame passes unseen");
    clientFrame.resolve("drop");
    const { decision } = await frames.until(({ from }) => from === "broker", "the broker's frame");
    assert.equal(decision.action.kind, "drop", "the verdict on the client's frame fell on the broker's");
    assert.equal(proxy.counts.staleAnswers, 1);
    assert.equal(proxy.counts.unseen, 1);
  });
});

Deno.test("over v2 collisions can be avoided", async () => {
  const script: Script = ({ payload }) => payload["client_to_server"] === true ? "drop" : "allow";
  const options = { protocol: "v2", pool: 1, idCollision: "avoid" } as const;
  await withBench(script, options, async ({ broker, connect, proxy, frames }) => {
    const client = await connect();
    const upstream = await broker.accept();
    await Promise.all([client.send(OPCODE.binary, bytes("41")), upstream.send(PINGRESP)]);
    await frames.untilCount(2, "a frame");
    const verdicts = frames.seen.map(({ from, decision }) => [from, decision.action.kind]);
    assert.deepEqual(
      new Map(verdicts.map(([from, kind]) => [from, kind])),
      new Map([["client", "drop"], ["broker", "forward"]]),
    );
    assert.equal(proxy.counts.staleAnswers, 0);
  });
});

Deno.test("over v2 a message of an unknown type makes the client give the connection up", async () => {
  await withBench(() => "allow", { protocol: "v2", pool: 1 }, async ({ agent, broker, connect, proxy }) => {
    const client = await connect();
    const upstream = await broker.accept();
    agent.answerType = 0x7f;
    await client.send(OPCODE.binary, bytes("41"));
    assert.equal(hex(await upstream.take(1)), "41");
    assert.equal(proxy.counts.unseen, 1);
    assert.equal(proxy.counts.agentConnections, 0);
  });
});

Deno.test("over v2 a handshake that the client's decoder would not take stops the proxy", async () => {
  const answers = [{ success: false, error: "too old" }, { capabilities: { agent_id: "a", name: "b", version: "c" } }];
  for (const answer of answers) {
    const agent = FakeAgent.start(() => answer);
    await assert.rejects(
      StandInProxy.start({ agentSocket: agent.path, broker: { hostname: "127.0.0.1", port: 1 }, protocol: "v2" }),
      /Cannot shake hands with the agent: (the agent refuses: too old|capabilities.supported_events is missing)/,
    );
    await agent.stop();
  }
});

Deno.test("the configuration is pushed once over v1, and first of all on every connection over v2", async () => {
  const config = { acl: { "default-action": "deny" } };
  await withBench(() => "allow", { config }, async ({ agent, connect }) => {
    await connect();
    assert.deepEqual(agent.events.map(({ type }) => type), ["configure", "request_headers"]);
    assert.deepEqual(agent.events[0]?.payload, { agent_id: "mqtt-gateway", config });
  });
  await withBench(() => "allow", { config, protocol: "v2", pool: 3 }, ({ agent }) => {
    for (let connection = 0; connection < 3; connection++) {
      const [handshake, configure] = agent.events.filter((event) => event.connection === connection);
      assert.deepEqual(handshake?.payload["config"], config);
      assert.equal(configure?.type, "0x17");
      assert.deepEqual(configure?.payload["config"], config);
    }
    return Promise.resolve();
  });
});

Deno.test("a configuration that the agent refuses stops the proxy", async () => {
  for (const protocol of ["v1", "v2"] as const) {
    const agent = FakeAgent.start(({ type }) => type === "0x01" ? "allow" : blockWith(500, "unknown key"));
    const broker = { hostname: "127.0.0.1", port: 1 };
    await assert.rejects(
      StandInProxy.start({ agentSocket: agent.path, broker, protocol, config: {} }),
      /Cannot configure the agent: unknown key/,
    );
    await agent.stop();
  }
});
