import assert from "node:assert/strict";
import { generate } from "mqtt-packet";
import { Buffer } from "node:buffer";
import { AgentClientV1 } from "../../demo/agent_client_v1.ts";
import type { AgentEvent } from "../../demo/agent_messages.ts";
import { HttpServer } from "../support/http_server.ts";
import { type AuthSite, withAuthSite } from "./auth_site.ts";

const PASSWORD = "a password that a backend denies";
/** Within what the agent may wait (60 ms), and together with the pause more than an answer may be old (80 ms). */
const ANSWER_MS = 40;
const PAUSE_MS = 120;
/** A crowded machine makes answers late as well; one time of so many it is on time. */
const TRIES = 5;

const never = new AbortController().signal;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Each has credentials of its own: what came of others' would be known. */
function connectPacket(clientId: string): Uint8Array {
  return generate({
    cmd: "connect",
    clientId,
    username: "somebody",
    password: Buffer.from(PASSWORD),
    protocolVersion: 4,
    clean: true,
    keepalive: 60,
  });
}

/** Out of place as a first packet, and judged at once. */
const PINGREQ = Uint8Array.of(0xc0, 0);

/** The first frame of a connection. */
function frameEvent(correlationId: string, data: Uint8Array): AgentEvent {
  return {
    type: "web_socket_frame",
    payload: {
      client_ip: "127.0.0.1:5000",
      client_to_server: true,
      correlation_id: correlationId,
      data: data.toBase64(),
      fin: true,
      frame_index: 0,
      opcode: "binary",
      route_id: "mqtt",
    },
  };
}

/** True: a frame that comes some time after a login was waited for, on the same connection, is answered. */
async function isAnswered({ agentSocket }: AuthSite, n: number): Promise<boolean> {
  const client = new AgentClientV1({ socketPath: agentSocket, pool: 1, staleAnswers: true, log: () => {} });
  try {
    const denied = await client.call(frameEvent(`waits-${n}`, connectPacket(`waits-${n}`)), never);
    assert.notEqual(denied.websocketDecision, "allow");
    await pause(PAUSE_MS);
    await client.call(frameEvent(`follows-${n}`, PINGREQ), never);
    return true;
  } catch (error) {
    assert.match(String(error), /Cannot (read the agent's answer|ask the agent)/);
    return false;
  } finally {
    client.close();
  }
}

Deno.test({
  name: "over v1 a login that was waited for does not make the next frame late",
  fn: async () => {
    const backend = new HttpServer(async () => {
      await pause(ANSWER_MS);
      return Response.json({ result: "deny" });
    });
    const auth = { providers: [{ type: "http", url: backend.url("/auth") }], lockout: { enabled: false } };
    try {
      await withAuthSite({ auth, net: [`127.0.0.1:${backend.port}`] }, async (site) => {
        site.secrets.add(PASSWORD);
        for (let n = 1; n <= TRIES; n++) if (await isAnswered(site, n)) return;
        assert.fail(`of ${TRIES} connections each was given up`);
      });
    } finally {
      await backend.stop();
    }
  },
});
