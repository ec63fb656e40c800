import assert from "node:assert/strict";
import type { FrameRecord } from "../../demo/proxied_connection.ts";
import { makeToken } from "../support/tokens.ts";
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
import { inboxOf, type MqttVersion, publish, STEP, text } from "./support.ts";

const SECRET = crypto.getRandomValues(new Uint8Array(32)).toHex();

/** The secret comes from the environment, as it should; the clocks of issuer and agent are one. */
const AUTH = {
  providers: [{ type: "jwt", secret: "${TOKEN_SECRET}", issuer: "https://issuer.test", "clock-skew-secs": 0 }],
};

const nowSecs = () => Math.floor(Date.now() / 1000);

type Sign = (claims: Readonly<Record<string, unknown>>, key?: string) => string;
type Play = (road: LoginRoad, version: MqttVersion, sign: Sign) => Promise<void>;

const aTokenIsProvedAtOnce: Play = async ({ device, isIn, frames }, protocolVersion, sign) => {
  const [clientId, sub] = [fresh("device"), fresh("user")];
  // An empty user name contradicts no token. MQTT 3.1.1 has no password without a user name ([MQTT-3.1.2-22]).
  for (const username of [sub, ""]) {
    const password = sign({ sub, exp: nowSecs() + 600 });
    const client = device({ clientId, username, password, protocolVersion });
    await isIn(client);
    await publish(client, "t/token", "in", { qos: 1 });
    await client.endAsync();
  }
  assert.deepEqual(outcomesOf(frames, clientId), ["allow", "allow"]);
};

const theSessionEndsWithItsToken: Play = async ({ device, isIn, frames, witness, retryMs }, protocolVersion, sign) => {
  const [clientId, sub] = [fresh("device"), fresh("user")];
  const topic = `t/expiring/${clientId}`;
  const seen = inboxOf(await witness(topic));
  const exp = nowSecs() + Math.ceil(2 * retryMs / 1000);
  const client = device({ clientId, username: sub, password: sign({ sub, exp }), protocolVersion });
  await frames.until(({ decision }) => decision.audit?.custom["client_id"] === clientId, "a verdict on the CONNECT");
  if (outcomesOf(frames, clientId)[0] === "token-expired") throw new TooSlowError("the token did not last long enough");
  await isIn(client);
  const ends = frames.until(isRefusalOf(clientId), "the end of the session");
  const before: number[] = [];
  let isOver = false;
  ends.then(() => isOver = true, () => isOver = true);
  for (let i = 0; !isOver; i++) {
    // Nobody waits for the last one: its connection ends.
    client.publish(topic, String(i), { qos: 1 }, (error) => error || before.push(i));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { decision: { action, audit } } = await ends;
  assert.deepEqual(audit?.reason_codes, ["token-expired"]);
  assert.equal(action.kind, "close");
  assert.ok(Date.now() >= exp * 1000, "not before its time");
  assert.ok(before.length > 0, "it could publish while the token held");
  assert.ok(before.every((i) => seen.seen.some(({ payload }) => text(payload) === String(i))));
  // It comes back with the same token, and stays outside.
  await outcomesUntil({ frames }, clientId, "token-expired");
  assert.deepEqual([...new Set(outcomesOf(frames, clientId))], ["allow", "token-expired"]);
};

const whatIsWrongWithATokenKeepsItOut: Play = async ({ device, frames }, protocolVersion, sign) => {
  const sub = fresh("user");
  const exp = nowSecs() + 600;
  const cases = [
    { username: "somebody-else", password: sign({ sub, exp }), reason: "username-mismatch" },
    { username: sub, password: sign({ sub, exp }, "another secret of no less than 32 bytes"), reason: "token-invalid" },
    { username: sub, password: sign({ sub, exp, iss: "https://elsewhere.test" }), reason: "token-invalid" },
    { username: sub, password: sign({ sub }), reason: "token-invalid" },
    { username: sub, password: sign({ sub, exp: exp - 601 }), reason: "token-expired" },
    { username: sub, password: "no token at all", reason: "credentials-unknown" },
  ];
  for (const { username, password, reason } of cases) {
    const clientId = fresh("device");
    const client = device({ clientId, username, password, protocolVersion });
    let wasIn = false;
    client.on("connect", () => wasIn = true);
    await outcomesUntil({ frames }, clientId, reason);
    await client.endAsync(true);
    assert.deepEqual([...new Set(outcomesOf(frames, clientId))], [reason]);
    assert.equal(wasIn, false);
  }
};

function isRefusalOf(clientId: string): (record: FrameRecord) => boolean {
  return ({ decision: { action, audit } }) => action.kind !== "forward" && audit?.custom["client_id"] === clientId;
}

Deno.test("JSON Web Tokens with mqtt.js: let in at the first try, and out when the token ends", async (t) => {
  await withAuthSite({ auth: AUTH, env: { TOKEN_SECRET: SECRET } }, async (site) => {
    site.secrets.add(SECRET);
    const sign: Sign = (claims, key = SECRET) => {
      const token = makeToken({ claims: { iss: "https://issuer.test", ...claims }, key });
      site.secrets.addToken(token);
      return token;
    };
    for (const way of LOGIN_WAYS) {
      for (const version of versionsFor(way, site.versions)) {
        const label = `MQTT ${version === 5 ? "5.0" : "3.1.1"} over ${way.protocol}, pool ${way.pool}`;
        const step = (name: string, play: Play) => {
          const fn = () => withLoginRoad(site, way, (road) => play(road, version, sign));
          return t.step({ ...STEP, name: `${label}: ${name}`, fn });
        };
        await step("a token is proved at once", aTokenIsProvedAtOnce);
        await step("the session ends with its token", theSessionEndsWithItsToken);
        await step("what is wrong with a token keeps it out", whatIsWrongWithATokenKeepsItOut);
      }
    }
  });
});
