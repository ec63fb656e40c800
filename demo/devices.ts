import { connect, connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import type { FrameRecord } from "./proxied_connection.ts";
import { RawClient, UpgradeRefusedError } from "./raw_client.ts";
import { within } from "./watch.ts";
import { OPCODE } from "./websocket_frame.ts";

/** What the devices of a round share. */
export interface Surroundings {
  /** The proxy's WebSocket address. */
  readonly url: string;
  readonly proxyPort: number;
  /** Port of the bridge for clients that speak plain TCP; each of their packets is one frame. */
  readonly tcpPort: number;
  /** Whether the broker speaks MQTT 5. */
  readonly mqtt5: boolean;
  /** The next decision of the proxy that fits. Call it before doing what it is to decide. */
  nextDecision(fits: (record: FrameRecord) => boolean): Promise<FrameRecord>;
  /** Where the dashboard's readings arrive: resolves with the payload of the next one on that topic. */
  nextReading(topic: string): Promise<string>;
}

/** A simulated device. */
export interface Device {
  readonly name: string;
  /** What kind of device it is and what it tries. */
  readonly about: string;
  /** Whether it is one that the rules are meant to stop. */
  readonly good: boolean;
  /** Plays its part; what it noticed itself, in a few words. Rejects when it did not go as it should. */
  play(surroundings: Surroundings): Promise<string>;
}

/** The dashboard stays connected while the others play. */
export interface Dashboard {
  nextReading(topic: string): Promise<string>;
  sendCommand(sensor: string, command: string): Promise<void>;
  stop(): Promise<void>;
}

const DASHBOARD = "dashboard-1";

/** By user name; a demo has no secrets. Their hashes are in users.json. */
const PASSWORDS: ReadonlyMap<string, string> = new Map([
  ["dashboard", "PML44BNEMVMESI4INJ6OKLJBAQ4AJ6ZL"],
  ["sensor-kitchen", "AOXEAICGSBRZF4RWSA5U4XMRI36WZ6JQ"],
  ["sensor-garage", "NVK4HNLWSP6ZZUTKUWK3KVDWAAA56OSF"],
  ["sensor-attic", "BXEGS62IYMDISQSV7KSAZE6RZULQKOJG"],
  ["sensor-bequest", "DBED5SHP6WBEDXPRQYZRWVU37BVPPHO4"],
  ["technician", "a password of the old kind"],
]);
/** Of a client that has to try twice. */
const RETRY_MS = 1000;

/** A good dashboard: subscribes to what is measured, sends commands. */
export async function startDashboard(surroundings: Pick<Surroundings, "url" | "mqtt5">): Promise<Dashboard> {
  const client = await connectWebSocket(surroundings.url, DASHBOARD, "dashboard", surroundings.mqtt5);
  await within(client.subscribeAsync("sensors/#", { qos: 1 }), "the dashboard's SUBACK");
  return {
    nextReading(topic) {
      const { promise, resolve } = Promise.withResolvers<string>();
      const onMessage = (name: string, payload: Uint8Array) => {
        if (name === topic) resolve(new TextDecoder().decode(payload));
      };
      client.on("message", onMessage);
      return within(promise, `a reading on "${topic}"`).finally(() => client.off("message", onMessage));
    },
    async sendCommand(sensor, command) {
      await within(client.publishAsync(`commands/${sensor}`, command, { qos: 1 }), "the dashboard's PUBACK");
    },
    stop: () => leave(client),
  };
}

/** All devices but the dashboard, in the order of their appearance. */
export const DEVICES: readonly Device[] = [
  {
    name: "sensor-kitchen",
    about: "a good sensor: publishes to its own topics",
    good: true,
    async play({ url, mqtt5, nextReading }) {
      const client = await connectWebSocket(url, "sensor-kitchen", "sensor-kitchen", mqtt5);
      const arrived = nextReading("sensors/sensor-kitchen/temperature");
      await within(client.publishAsync("sensors/sensor-kitchen/temperature", "21.5", { qos: 1 }), "a PUBACK");
      const status = nextReading("sensors/sensor-kitchen/status");
      await within(
        client.publishAsync("sensors/sensor-kitchen/status", "online", { qos: 0, retain: true }),
        "a PUBLISH",
      );
      const readings = [await arrived, await status];
      await leave(client);
      return `The dashboard read "${readings.join('" and "')}"`;
    },
  },
  {
    name: "technician",
    about:
      "a person whose password has a slow hash: it takes longer than the proxy waits, so the first try is too early",
    good: true,
    async play({ url, mqtt5, nextDecision }) {
      const first = nextDecision(decided("technician-1", "CONNECT"));
      const client = connect(url, optionsOf("technician-1", "technician", mqtt5, { reconnectPeriod: RETRY_MS }));
      // Closed at its first try it reconnects by itself.
      client.on("error", () => {});
      const connected = new Promise<void>((resolve) => client.once("connect", () => resolve()));
      const { action } = (await first).decision;
      await within(connected, "being let in");
      await within(client.subscribeAsync("sensors/#"), "a SUBACK");
      await leave(client);
      return action.kind === "close"
        ? "Let in at the second try"
        : "Let in at once, as everybody who was proved before";
    },
  },
  {
    name: "impostor",
    about: "somebody who knows a sensor's name and not its password",
    good: false,
    async play({ url, mqtt5, nextDecision }) {
      const isKnown = decided("sensor-kitchen", "CONNECT");
      // Like everybody who is refused it waits as long as a hash takes, so nobody can tell by the time what was wrong.
      const decision = nextDecision((record) => isKnown(record) && !isPending(record));
      const options = { password: "12345678", reconnectPeriod: RETRY_MS };
      const client = connect(url, optionsOf("sensor-kitchen", "sensor-kitchen", mqtt5, options));
      client.on("error", () => {});
      expectAction(await decision, "close");
      await leave(client, { force: true });
      return "Its CONNECT failed twice, and it was not told why";
    },
  },
  {
    name: "sensor-garage",
    about: "a sensor that also tries the garage door's topic, over plain TCP: whole packets",
    good: false,
    async play({ tcpPort, nextDecision, nextReading }) {
      const client = await connectTcp(tcpPort, "sensor-garage", "sensor-garage");
      const decision = nextDecision(decided("sensor-garage", "PUBLISH"));
      client.publish("actuators/garage-door", "open");
      expectAction(await decision, "drop");
      const arrived = nextReading("sensors/sensor-garage/temperature");
      await within(client.publishAsync("sensors/sensor-garage/temperature", "8.0", { qos: 1 }), "a PUBACK");
      await arrived;
      await leave(client);
      return "Its packet vanished; it is still connected, and its own readings arrive";
    },
  },
  {
    name: "sensor-garage",
    about: "the same sensor after somebody got into it: a reading that is meant for the database behind the broker",
    good: false,
    async play({ tcpPort, nextDecision, nextReading }) {
      const client = await connectTcp(tcpPort, "sensor-garage", "sensor-garage");
      const topic = "sensors/sensor-garage/temperature";
      const decision = nextDecision(decided("sensor-garage", "PUBLISH"));
      client.publish(topic, String.raw`{"value":"8.0'\u003b DROP TABLE readings\u003b --"}`);
      expectAction(await decision, "drop");
      const arrived = nextReading(topic);
      await within(client.publishAsync(topic, "8.0", { qos: 1 }), "a PUBACK");
      await arrived;
      await leave(client);
      return "Its packet vanished, though the semicolon in it was escaped; honest readings arrive";
    },
  },
  {
    name: "sensor-attic",
    about: "the same through mqtt.js's WebSocket, which sends a packet in pieces",
    good: false,
    async play({ url, mqtt5, nextDecision }) {
      const client = await connectWebSocket(url, "sensor-attic", "sensor-attic", mqtt5);
      const decision = nextDecision(decided("sensor-attic", "PUBLISH"));
      const closed = closeOf(client);
      client.publish("actuators/skylight", "open");
      expectAction(await decision, "close");
      await closed;
      return "Disconnected: part of the packet had gone on already, so dropping the rest would have mixed up the broker";
    },
  },
  {
    name: "snoop",
    about: "a client that subscribes to everything",
    good: false,
    async play({ tcpPort, nextDecision }) {
      const client = await connectTcp(tcpPort, "snoop", "dashboard");
      const decision = nextDecision(decided("snoop", "SUBSCRIBE"));
      client.subscribe("#", () => {});
      expectAction(await decision, "drop");
      await leave(client, { force: true }); // It would wait for the SUBACK.
      return "No SUBACK came, and no message ever will";
    },
  },
  {
    name: "sensor-bequest",
    about: "a sensor whose Will would speak on an internal topic after its death",
    good: false,
    async play({ url, mqtt5, nextDecision }) {
      const decision = nextDecision(decided("sensor-bequest", "CONNECT"));
      const will = { topic: "internal/alarm", payload: "fire", qos: 0, retain: true } as const;
      try {
        const client = await connectWebSocket(url, "sensor-bequest", "sensor-bequest", mqtt5, { will });
        await leave(client);
      } catch (error) {
        expectAction(await decision, "close");
        return `Its CONNECT failed: ${error instanceof Error ? error.message : String(error)}`;
      }
      throw new Error("Cannot go on: it was let in");
    },
  },
  {
    name: "probe",
    about: "a scanner that sends a packet no MQTT client may send: a PUBLISH before any CONNECT, with a wildcard",
    good: false,
    async play({ proxyPort }) {
      const client = await RawClient.connect(proxyPort);
      await client.send(OPCODE.binary, Uint8Array.fromHex("30060003612F2331"));
      const { code } = await within(client.closed(), "the end of the connection");
      return `The connection ended, for it with code ${code}`;
    },
  },
  {
    name: "browser",
    about: "a browser, which offers compression and would not be seen by the proxy",
    good: false,
    async play({ proxyPort }) {
      try {
        const client = await RawClient.connect(proxyPort, {
          headers: [
            ["Origin", `http://127.0.0.1:${proxyPort}`],
            ["Sec-WebSocket-Protocol", "mqtt"],
            ["Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"],
          ],
        });
        client.close();
      } catch (error) {
        if (!(error instanceof UpgradeRefusedError)) throw error;
        const { status, body } = error.refusal;
        return `HTTP ${status}: ${body.trim()}`;
      }
      throw new Error("Cannot go on: it was let in");
    },
  },
];

/** Whether a record is the decision about a packet of that name from that client. */
export function decided(clientId: string, packet: string): (record: FrameRecord) => boolean {
  return ({ from, decision: { audit } }) => {
    return from === "client" && audit?.custom["client_id"] === clientId && audit.custom["packet"] === packet;
  };
}

/** Whether the work on a login goes on. */
function isPending({ decision: { audit } }: FrameRecord): boolean {
  return audit?.tags.includes("auth-pending") === true;
}

function optionsOf(clientId: string, username: string, mqtt5: boolean, more: IClientOptions = {}): IClientOptions {
  return {
    clientId,
    username,
    password: PASSWORDS.get(username) ?? "",
    protocolVersion: mqtt5 ? 5 : 4,
    reconnectPeriod: 0,
    // With compression, which mqtt.js offers by itself, the proxy would show no frame to the agent.
    wsOptions: { perMessageDeflate: false },
    ...more,
  };
}

function connectWebSocket(
  url: string,
  clientId: string,
  username: string,
  mqtt5: boolean,
  options: IClientOptions = {},
): Promise<MqttClient> {
  return connectAsync(url, optionsOf(clientId, username, mqtt5, options), false);
}

function connectTcp(port: number, clientId: string, username: string): Promise<MqttClient> {
  const password = PASSWORDS.get(username) ?? "";
  return connectAsync(`mqtt://127.0.0.1:${port}`, { clientId, username, password, reconnectPeriod: 0 }, false);
}

function closeOf(client: MqttClient): Promise<void> {
  // Broken bytes are an error for mqtt.js before they are the end.
  client.on("error", () => {});
  return within(new Promise<void>((resolve) => client.once("close", () => resolve())), "the end of the connection");
}

async function leave(client: MqttClient, { force = false } = {}): Promise<void> {
  await within(client.endAsync(force), "the end of a client");
}

function expectAction({ decision }: FrameRecord, kind: FrameRecord["decision"]["action"]["kind"]): void {
  if (decision.action.kind === kind) return;
  throw new Error(`Cannot go on: the verdict was ${decision.action.kind}, not ${kind}`);
}
