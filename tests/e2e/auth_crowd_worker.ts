/// <reference lib="webworker" />
import { connect, type MqttClient } from "mqtt";

/** One device of a crowd. */
export interface CrowdMember {
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
  /** The address on this machine that it comes from, as 127.0.0.9. */
  readonly address: string;
}

/** What the worker is told. */
export type CrowdOrder =
  /** Each member connects, and comes back until it is let in. */
  | { readonly kind: "join"; readonly url: string; readonly members: readonly CrowdMember[]; readonly retryMs: number }
  /** Each member connects once, some at a time, and what becomes of it does not matter. */
  | { readonly kind: "try"; readonly url: string; readonly members: readonly CrowdMember[]; readonly atOnce: number }
  | { readonly kind: "leave" };

/** What the worker says: that a member was let in, and that an order is done or could not be done. */
export type CrowdReport =
  | { readonly joined: string }
  | { readonly done: CrowdOrder["kind"] }
  | { readonly failed: string };

const crowd: MqttClient[] = [];

function enter(url: string, { clientId, username, password, address }: CrowdMember, retryMs: number): MqttClient {
  const client = connect(url, {
    clientId,
    username,
    password,
    reconnectPeriod: retryMs,
    wsOptions: { perMessageDeflate: false, localAddress: address },
  });
  client.on("error", () => {}); // Broken bytes are an error for mqtt.js before they are the end.
  return client;
}

function join(url: string, member: CrowdMember, retryMs: number): Promise<void> {
  const client = enter(url, member, retryMs);
  crowd.push(client);
  return new Promise((resolve) =>
    client.once("connect", () => {
      report({ joined: member.clientId });
      resolve();
    })
  );
}

function tryOnce(url: string, member: CrowdMember): Promise<void> {
  const client = enter(url, member, 0);
  return new Promise((resolve) => {
    client.once("connect", () => client.end(true));
    client.once("close", () => resolve());
  });
}

async function obey(order: CrowdOrder): Promise<void> {
  switch (order.kind) {
    case "join":
      await Promise.all(order.members.map((member) => join(order.url, member, order.retryMs)));
      break;
    case "try": {
      const members = [...order.members];
      const one = async () => {
        for (let member = members.shift(); member !== undefined; member = members.shift()) {
          await tryOnce(order.url, member);
        }
      };
      await Promise.all(Array.from({ length: order.atOnce }, one));
      break;
    }
    case "leave":
      await Promise.all(crowd.splice(0).map((client) => client.endAsync(true)));
      break;
    default:
      order satisfies never;
  }
}

function report(said: CrowdReport): void {
  self.postMessage(said);
}

self.onmessage = async ({ data }: MessageEvent<CrowdOrder>) => {
  try {
    await obey(data);
    report({ done: data.kind });
  } catch (error) {
    report({ failed: String(error) });
  }
};
