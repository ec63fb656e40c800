/// <reference lib="webworker" />
import { connect, type MqttClient } from "mqtt";

/** What the worker is told: connect that many clients at once, and publish one message each when told to. */
export type FleetOrder =
  | { readonly kind: "connect"; readonly url: string; readonly count: number; readonly topic: string }
  | { readonly kind: "publish" }
  | { readonly kind: "leave" };

/** What the worker says when an order is done, or could not be done. */
export type FleetReport = { readonly done: FleetOrder["kind"] } | { readonly failed: string };

let topic = "";
let fleet: MqttClient[] = [];

async function obey(order: FleetOrder): Promise<void> {
  switch (order.kind) {
    case "connect":
      topic = order.topic;
      fleet = await Promise.all(Array.from({ length: order.count }, (_, i) => join(order.url, `fleet-${i}`)));
      break;
    case "publish":
      await Promise.all(fleet.map((client, i) => client.publishAsync(`${topic}/${i}`, `from ${i}`, { qos: 1 })));
      break;
    case "leave":
      await Promise.all(fleet.map((client) => client.endAsync()));
      break;
    default:
      order satisfies never;
  }
}

/** Connects, and tries again until it is let in; so it does whenever it loses the connection. */
function join(url: string, clientId: string): Promise<MqttClient> {
  const client = connect(url, {
    clientId,
    username: "tester",
    reconnectPeriod: 100,
    wsOptions: { perMessageDeflate: false },
  });
  client.on("error", () => {}); // Broken bytes are an error for mqtt.js before they are the end.
  return new Promise((resolve) => client.once("connect", () => resolve(client)));
}

self.onmessage = async ({ data }: MessageEvent<FleetOrder>) => {
  let report: FleetReport;
  try {
    await obey(data);
    report = { done: data.kind };
  } catch (error) {
    report = { failed: String(error) };
  }
  self.postMessage(report);
};
