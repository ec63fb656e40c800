/// <reference lib="webworker" />
import { connect, type MqttClient } from "mqtt";
import { generate } from "mqtt-packet";
import { Buffer } from "node:buffer";
import { createConnection } from "node:net";
import { upgradeRequest } from "../../demo/http_upgrade.ts";
import { encodeFrame, OPCODE } from "../../demo/websocket_frame.ts";

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

function join(url: string, { clientId, username, password, address }: CrowdMember, retryMs: number): Promise<void> {
  const client = connect(url, {
    clientId,
    username,
    password,
    reconnectPeriod: retryMs,
    wsOptions: { perMessageDeflate: false, localAddress: address },
  });
  client.on("error", () => {}); // Broken bytes are an error for mqtt.js before they are the end.
  crowd.push(client);
  return new Promise((resolve) =>
    client.once("connect", () => {
      report({ joined: clientId });
      resolve();
    })
  );
}

/** One WebSocket with one frame: whoever guesses takes no trouble. */
function tryOnce(url: string, { clientId, username, password, address }: CrowdMember): Promise<void> {
  const { hostname, port, pathname } = new URL(url);
  const connect = generate({
    cmd: "connect",
    clientId,
    username,
    password: Buffer.from(password),
    protocolVersion: 4,
    clean: true,
    keepalive: 60,
  });
  const socket = createConnection({ host: hostname, port: Number(port), localAddress: address });
  socket.on("error", () => {}); // It ends all the same.
  socket.once("data", () => socket.write(encodeFrame(OPCODE.binary, connect, { masked: true })));
  socket.write(upgradeRequest(pathname, [
    ["Host", hostname],
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Key", crypto.getRandomValues(new Uint8Array(16)).toBase64()],
    ["Sec-WebSocket-Version", "13"],
    ["Sec-WebSocket-Protocol", "mqtt"],
  ]));
  return new Promise((resolve) => socket.once("close", () => resolve()).resume());
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
