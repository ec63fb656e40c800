import { connect, type IClientOptions, type MqttClient } from "mqtt";
import assert from "node:assert/strict";
import { type AgentProcess, startAgentProcess } from "../../demo/agent_process.ts";
import { findProgram, type RunningBroker, startBroker } from "../../demo/broker.ts";
import type { FrameRecord } from "../../demo/proxied_connection.ts";
import { type ProxyOptions, StandInProxy, type UpgradeRecord } from "../../demo/proxy.ts";
import { startTcpFront, type TcpFront } from "../../demo/tcp_front.ts";
import { Watch, within } from "../../demo/watch.ts";

/** MQTT 3.1.1 and 5.0 as mqtt.js numbers them. */
export type MqttVersion = 4 | 5;

/**
 * How proxies are set up by people who followed the guide, but for their patience: what cannot be judged does not pass. On
 * a machine where tests, brokers and agents crowd two cores, the 100 ms of the proxy would measure the crowd. The agent has
 * its own clock and leaves unanswered what is late by that (design: Time), which then runs into these limits. Nor is there a
 * breaker, which keeps everybody out for 30 seconds after five failures, whatever the agent does then: an agent that dies
 * under traffic always makes five (proxy_test.ts shows it). Tests of time itself set `ON_TIME`.
 */
export const IN_NO_HURRY: Partial<ProxyOptions> = {
  agentTimeoutMs: 3_000,
  inspectorTimeoutMs: 20_000,
  failureMode: "closed",
  breaker: null,
};

/** The clocks of the guide: `timeout-ms 90` and `failure-mode "closed"`. */
export const ON_TIME: Partial<ProxyOptions> = { agentTimeoutMs: 90, inspectorTimeoutMs: 100, failureMode: "closed" };

/** A way of reaching the agent. */
export type Way = Partial<ProxyOptions> & { readonly protocol: "v1" | "v2"; readonly pool: number };

/** The four ways of reaching the agent that every client test goes. Over v2 without the real client's mix-ups. */
export const WAYS: readonly Way[] = [
  { protocol: "v1", pool: 4 },
  { protocol: "v1", pool: 10 },
  { protocol: "v2", pool: 4, idCollision: "avoid" },
  { protocol: "v2", pool: 10, idCollision: "avoid" },
];

/** Rules of most tests: `tester` may do everything below `t/`, nobody anything elsewhere. */
export const TEST_RULES = {
  auth: { "trust-broker": true },
  acl: {
    "default-action": "deny",
    rules: [
      { name: "secrets", priority: 100, topics: ["t/secret/#"], decision: "deny" },
      {
        name: "tester",
        match: { username: "tester" },
        topics: ["t/#"],
        actions: ["publish", "subscribe", "receive"],
        decision: "allow",
      },
    ],
  },
} as const;

/** An agent and a broker that several proxies can share. */
export interface Site {
  readonly agentSocket: string;
  readonly broker: RunningBroker;
  /** The versions of MQTT that the broker speaks. */
  readonly versions: readonly MqttVersion[];
  readonly agent: AgentProcess;
  /** Starts the agent at the same socket, if it does not run. */
  restartAgent(): Promise<void>;
}

/** A site whose files beside the configuration can be replaced. */
export interface FileSite extends Site {
  /** Puts another file in the place of one, in one step, as editors and tools do it. */
  replaceFile(name: string, text: string): Promise<void>;
}

/**
 * Path of one of Mosquitto's programs, null where it is not installed. REQUIRE_MOSQUITTO makes its absence a failure,
 * E2E_BROKER=aedes does as if it were absent.
 */
export function mosquittoProgram(name: "mosquitto" | "mosquitto_pub" | "mosquitto_sub"): string | null {
  if (Deno.env.get("E2E_BROKER") === "aedes") return null;
  const path = findProgram(name);
  assert.ok(path !== null || !Deno.env.get("REQUIRE_MOSQUITTO"), `${name} is required, and not installed`);
  return path;
}

/**
 * Runs `run` with the real agent as a process of its own and a broker; both are gone afterwards, whatever happens. `files`
 * stand beside the configuration, by their names.
 */
export async function withSite(
  config: unknown,
  run: (site: FileSite) => Promise<void>,
  files: Readonly<Record<string, string>> = {},
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "sentinel-mqtt-e2e-" });
  const configPath = `${directory}/agent.json`;
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${directory}/${name}`, text);
  await Deno.writeTextFile(configPath, JSON.stringify(config));
  const options = { socketPath: `${directory}/agent.sock`, configPath, stateDirectory: directory };
  const broker = await startBroker({ prefer: mosquittoProgram("mosquitto") === null ? "aedes" : "mosquitto" });
  let agent: AgentProcess | undefined;
  let agentRuns = false;
  const startAgent = async () => {
    if (agentRuns) return;
    const started = await startAgentProcess(options);
    agent = started;
    agentRuns = true;
    started.ended.then(() => agentRuns = agent !== started && agentRuns);
  };
  try {
    await startAgent();
    await run({
      agentSocket: options.socketPath,
      async replaceFile(name, text) {
        await Deno.writeTextFile(`${directory}/${name}.new`, text);
        await Deno.rename(`${directory}/${name}.new`, `${directory}/${name}`);
      },
      broker,
      versions: broker.kind === "mosquitto" ? [4, 5] : [4],
      get agent() {
        assert.ok(agent);
        return agent;
      },
      restartAgent: startAgent,
    });
  } catch (error) {
    if (agent !== undefined) console.error(`The agent said:\n${agent.lastWords()}`);
    throw error;
  } finally {
    await agent?.stop();
    await broker.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

/** A proxy in front of a site, and the clients of one test. */
export interface Road {
  readonly proxy: StandInProxy;
  readonly front: TcpFront;
  readonly frames: Watch<FrameRecord>;
  readonly upgrades: Watch<UpgradeRecord>;
  /** 1, and more where it had to be tried again: topics and client ids are then to be new ones. */
  readonly attempt: number;
  /** Connects through the proxy's WebSocket listener, as `tester` unless said otherwise. */
  connect(clientId: string, version: MqttVersion, options?: IClientOptions): Promise<MqttClient>;
  /** Connects through the bridge, where each packet is one frame. */
  connectTcp(clientId: string, version: MqttVersion, options?: IClientOptions): Promise<MqttClient>;
  /** Connects to the broker itself, past proxy and agent, and subscribes. */
  witness(filter: string): Promise<MqttClient>;
}

/** So often something is tried while a crowded machine keeps the agent from answering. */
const ATTEMPTS = 4;

/** Something has passed that must not: no crowd on the machine is an excuse for it. */
export class BreachError extends Error {}

/**
 * Runs `run` with a proxy; its clients are gone afterwards, whatever happens. Nothing may have passed unseen.
 *
 * Runs it again where it failed and the agent left something unanswered: then it had no processor to run on, connections
 * were closed for it as they must be, and the test has learned nothing. Lateness itself is tested with `onRoad`.
 */
export async function withRoad(
  site: Site,
  options: Partial<ProxyOptions>,
  run: (road: Road) => Promise<void>,
): Promise<void> {
  for (let attempt = 1;; attempt++) {
    let leftUnanswered = false;
    try {
      await site.restartAgent();
      return await onRoad(site, options, async (road) => {
        try {
          await run({ ...road, attempt });
        } finally {
          leftUnanswered = [...road.frames.seen, ...road.upgrades.seen].some(({ decision }) => {
            return decision.decidedBy !== "agent";
          });
        }
      });
    } catch (error) {
      if (!leftUnanswered || attempt === ATTEMPTS || error instanceof BreachError) throw error;
    }
  }
}

/** Throws `BreachError` when a message that says "no" has arrived. */
export function assertNothingDenied(inbox: Inbox): void {
  const denied = inbox.seen.filter(({ payload }) => text(payload) === "no");
  if (denied.length > 0) {
    throw new BreachError(`What is denied has arrived, on ${denied.map(({ topic }) => topic).join()}`);
  }
}

/** As `withRoad`, once. */
export async function onRoad(
  site: Site,
  options: Partial<ProxyOptions>,
  run: (road: Road) => Promise<void>,
): Promise<void> {
  const frames = new Watch<FrameRecord>();
  const upgrades = new Watch<UpgradeRecord>();
  const proxy = await StandInProxy.start({
    ...IN_NO_HURRY,
    agentSocket: site.agentSocket,
    broker: site.broker,
    onFrame: frames.add,
    onUpgrade: upgrades.add,
    ...options,
  });
  const front = startTcpFront({ proxyPort: proxy.port });
  const clients: MqttClient[] = [];
  const open = async (url: string, clientId: string, protocolVersion: MqttVersion, more: IClientOptions = {}) => {
    const client = connect(url, {
      clientId,
      username: "tester",
      protocolVersion,
      reconnectPeriod: 0,
      wsOptions: { perMessageDeflate: false },
      ...more,
    });
    clients.push(client);
    // A broker may deliver right behind its CONNACK.
    const inbox: Inbox = new Watch<Received>();
    inboxes.set(client, inbox);
    client.on("message", (topic, payload, { qos, retain }) => inbox.add({ topic, payload, qos, retain }));
    await within(connected(client), `the CONNACK of ${clientId}`);
    return client;
  };
  try {
    await run({
      proxy,
      front,
      frames,
      upgrades,
      attempt: 1,
      connect: (clientId, version, more) => open(proxy.url, clientId, version, more),
      connectTcp: (clientId, version, more) => open(`mqtt://127.0.0.1:${front.port}`, clientId, version, more),
      async witness(filter) {
        const { hostname, port } = site.broker;
        const client = await open(`mqtt://${hostname}:${port}`, `witness-${crypto.randomUUID()}`, 4);
        await subscribed(client, filter, 2);
        return client;
      },
    });
    const { unseen, undecodable, upgradesUnseen, uninspectedConnections } = proxy.counts;
    const passed = { unseen, undecodable, upgradesUnseen, uninspectedConnections };
    if (Object.values(passed).some((count) => count > 0)) {
      throw new BreachError(`Something passed without a verdict: ${JSON.stringify(passed)}`);
    }
  } finally {
    await Promise.all(clients.map((client) => client.endAsync(true)));
    await front.stop();
    await proxy.stop();
  }
}

/** One message as a client received it. */
export interface Received {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: number;
  readonly retain: boolean;
}

/** What a client has received. */
export type Inbox = Watch<Received>;

const inboxes = new WeakMap<MqttClient, Inbox>();

/** Everything that a client of a road has received. */
export function inboxOf(client: MqttClient): Inbox {
  const inbox = inboxes.get(client);
  assert.ok(inbox, "the client was made by a road");
  return inbox;
}

/** Resolves at the CONNACK; rejects when the connection ends before. Errors do not throw from then on. */
function connected(client: MqttClient): Promise<void> {
  return new Promise((resolve, reject) => {
    let cause: Error | undefined;
    // A broken connection is an error for mqtt.js before it is an end.
    client.on("error", (error) => cause = error);
    client.once("connect", () => resolve());
    client.once("close", () => reject(new Error("Cannot connect: the connection ended", { cause })));
  });
}

/** Subscribes and waits for the SUBACK; what the client receives. */
export async function subscribed(client: MqttClient, filter: string, qos: 0 | 1 | 2): Promise<Inbox> {
  const [grant] = await within(client.subscribeAsync(filter, { qos }), `the SUBACK for "${filter}"`);
  assert.equal(grant?.qos, qos);
  return inboxOf(client);
}

/** Publishes, and waits until the broker has taken it where QoS says that it answers. */
export async function publish(
  client: MqttClient,
  topic: string,
  payload: string | Uint8Array,
  options: Parameters<MqttClient["publishAsync"]>[2] = {},
): Promise<void> {
  const bytes = typeof payload === "string" ? payload : Buffer.from(payload);
  await within(client.publishAsync(topic, bytes, options), `the end of a PUBLISH to "${topic}"`);
}

/** Resolves when the client's connection has ended. Call it before doing what ends it. */
export function closeOf(client: MqttClient): Promise<void> {
  const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
  const waiting = within(closed, "the end of a connection");
  waiting.catch(() => {}); // A test that fails before it looks has another complaint.
  return waiting;
}

/** Text of a payload. */
export function text(payload: Uint8Array): string {
  return new TextDecoder().decode(payload);
}

/** Steps that share sockets with the test around them: leaks are looked for there. */
export const STEP = { sanitizeOps: false, sanitizeResources: false } as const;
