import assert from "node:assert/strict";
import { HttpServer } from "../support/http_server.ts";
import {
  fresh,
  LOGIN_WAYS,
  type LoginRoad,
  outcomesOf,
  outcomesUntil,
  TooSlowError,
  versionsFor,
  withAuthSite,
  withLoginRoad,
} from "./auth_site.ts";
import { type MqttVersion, publish, STEP } from "./support.ts";

const PASSWORD = "a password that a backend knows";
const KEY = "a key that the backend asks of the agent";
/** Longer than the proxy waits, and so than the agent may: 60 ms. */
const SLOW_MS = 400;
const BREAKER_FAILURES = 5;

/** What a backend is asked, as EMQX asks it. */
interface Asked {
  readonly clientid: string;
  readonly username: string;
  readonly password: string;
  readonly ip: string;
}

/** A backend whose users have one password, on a port that stays its own while it is down. */
class Backend {
  readonly asked: Asked[] = [];
  readonly unauthorised: number[] = [];
  #server: HttpServer;
  readonly port: number;

  constructor() {
    this.#server = new HttpServer((request) => this.#answer(request));
    this.port = this.#server.port;
  }

  of(username: string): readonly Asked[] {
    return this.asked.filter((one) => one.username === username);
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }

  start(): void {
    this.#server = new HttpServer((request) => this.#answer(request), { port: this.port });
  }

  async #answer(request: Request): Promise<Response> {
    if (request.headers.get("authorization") !== `Bearer ${KEY}`) this.unauthorised.push(1);
    const asked: Asked = await request.json();
    this.asked.push(asked);
    const { username, password } = asked;
    if (username.startsWith("slow")) await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    if (username.startsWith("broken")) return new Response("<html>", { status: 500 });
    if (username.startsWith("forbidden")) return new Response(null, { status: 403 });
    return Response.json({ result: password === PASSWORD ? "allow" : "deny", is_superuser: false });
  }
}

type Play = (road: LoginRoad, version: MqttVersion) => Promise<void>;

Deno.test("an HTTP backend is asked, and believed only while it answers", async (t) => {
  const backend = new Backend();
  const auth = {
    providers: [{
      type: "http",
      url: `http://127.0.0.1:${backend.port}/auth`,
      headers: { authorization: "Bearer ${BACKEND_KEY}" },
    }],
    // A positive answer that holds on would let somebody in whom a backend that is down did not see.
    "cache-secs": 0,
    lockout: { enabled: false },
  };
  const site = { auth, net: [`127.0.0.1:${backend.port}`], env: { BACKEND_KEY: KEY } };

  const whoIsAllowedIsLetIn: Play = async ({ device, isIn, frames }, protocolVersion) => {
    const [clientId, username] = [fresh("device"), fresh("user")];
    const client = device({ clientId, username, password: PASSWORD, protocolVersion });
    await isIn(client);
    if (outcomesOf(frames, clientId).length > 1) throw new TooSlowError("the backend's answer took longer than 60 ms");
    assert.deepEqual(outcomesOf(frames, clientId), ["allow"]);
    await publish(client, "t/backend", "in", { qos: 1 });
    assert.deepEqual(backend.of(username), [{
      clientid: clientId,
      username,
      password: PASSWORD,
      ip: "127.0.0.1",
      protocol: "mqtt",
    }]);
  };

  const whoIsDeniedStaysOutside: Play = async ({ device, frames }, protocolVersion) => {
    for (
      const [username, password] of [[fresh("user"), "the wrong password"], [fresh("forbidden"), PASSWORD]] as const
    ) {
      const clientId = fresh("device");
      const client = device({ clientId, username, password, protocolVersion });
      let wasIn = false;
      client.on("connect", () => wasIn = true);
      await outcomesUntil({ frames }, clientId, "backend-denied");
      await client.endAsync(true);
      assert.ok(outcomesOf(frames, clientId).every((outcome) => ["backend-denied", "auth-pending"].includes(outcome)));
      assert.equal(wasIn, false);
    }
  };

  const aSlowAnswerWaitsForItsClient: Play = async ({ device, isIn, frames }, protocolVersion) => {
    const [clientId, username] = [fresh("device"), fresh("slow")];
    await isIn(device({ clientId, username, password: PASSWORD, protocolVersion }));
    const outcomes = outcomesOf(frames, clientId);
    if (outcomes.length > 2) throw new TooSlowError("the backend had not answered when the device came back");
    assert.deepEqual(outcomes, ["auth-pending", "allow"]);
    assert.equal(backend.of(username).length, 1, "asked once for both");
  };

  const aBackendThatIsDownIsNoAnswer: Play = async ({ device, isIn, frames }, protocolVersion) => {
    await backend.stop();
    const [clientId, username] = [fresh("device"), fresh("user")];
    const client = device({ clientId, username, password: PASSWORD, protocolVersion });
    try {
      await outcomesUntil({ frames }, clientId, "provider-error");
    } finally {
      backend.start();
    }
    await isIn(client);
    const outcomes = outcomesOf(frames, clientId);
    assert.ok(outcomes.every((outcome) => ["provider-error", "auth-pending", "allow"].includes(outcome)));
    assert.equal(outcomes.at(-1), "allow");
    assert.ok(backend.of(username).length >= 1, "it was the backend that let it in");
  };

  const aBackendThatFailsIsLeftAlone: Play = async ({ device, isIn, frames }, protocolVersion) => {
    const username = fresh("broken");
    // Each with a client id of its own: the same credentials would be asked about once while an answer is under way.
    for (let i = 0; i < BREAKER_FAILURES; i++) {
      const clientId = fresh("device");
      const client = device({ clientId, username, password: PASSWORD, protocolVersion });
      await outcomesUntil({ frames }, clientId, "provider-error");
      await client.endAsync(true);
    }
    const asked = backend.asked.length;
    const [clientId, good] = [fresh("device"), fresh("user")];
    const client = device({ clientId, username: good, password: PASSWORD, protocolVersion });
    await outcomesUntil({ frames }, clientId, "provider-error");
    if (backend.asked.length > asked) throw new TooSlowError("the breaker was closed again already");
    await isIn(client);
    assert.equal(outcomesOf(frames, clientId).at(-1), "allow");
    assert.equal(backend.of(good).length, 1);
  };

  try {
    await withAuthSite(site, async (site) => {
      site.secrets.add(PASSWORD, KEY, "the wrong password");
      for (const way of LOGIN_WAYS) {
        for (const version of versionsFor(way, site.versions)) {
          const label = `MQTT ${version === 5 ? "5.0" : "3.1.1"} over ${way.protocol}, pool ${way.pool}`;
          const step = (name: string, play: Play) => {
            const fn = () => withLoginRoad(site, way, (road) => play(road, version));
            return t.step({ ...STEP, name: `${label}: ${name}`, fn });
          };
          await step("who is allowed is let in at the first try", whoIsAllowedIsLetIn);
          await step("who is denied stays outside", whoIsDeniedStaysOutside);
          await step("a slow answer waits for its client", aSlowAnswerWaitsForItsClient);
          await step(
            "a backend that is down refuses, and is asked again when it is back",
            aBackendThatIsDownIsNoAnswer,
          );
          // Ten seconds each time.
          if (version === 4 && way.pool === 4) {
            await step(
              "a backend that fails five times in a row is left alone for a while",
              aBackendThatFailsIsLeftAlone,
            );
          }
        }
      }
      assert.deepEqual(backend.unauthorised, [], "every request carried the agent's key");
    });
  } finally {
    await backend.stop();
  }
});
