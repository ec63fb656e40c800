import assert from "node:assert/strict";
import type { MqttClient } from "mqtt";
import { hashBcrypt } from "../../agent/auth/bcrypt.ts";
import {
  type AuthSite,
  type FileUser,
  fresh,
  generated,
  lineAfter,
  LOGIN_WAYS,
  type LoginRoad,
  outcomesOf,
  outcomesUntil,
  versionsFor,
  withAuthSite,
  withLoginRoad,
} from "./auth_site.ts";
import { inboxOf, type MqttVersion, publish, STEP, text } from "./support.ts";

const PASSWORD = "a password with a slow hash";
/** Slow enough to be refused at its first try, and no slower. */
const COST = 12;
/** A mistake that people make: the password itself where its hash belongs. */
const MISPLACED = "hunter2 in the wrong column";

const READ_AGAIN = "The users file was read again";
const UNUSABLE = "The users file changed and cannot be used: the users before hold";

type Users = Record<string, FileUser>;
type Play = (road: LoginRoad, version: MqttVersion) => Promise<void>;

/** Replaces the file and waits until the agent has read it. */
async function reload(site: AuthSite, users: Users): Promise<void> {
  const mark = site.log.seen.length;
  await site.replaceUsers(users);
  await lineAfter(site, mark, READ_AGAIN);
}

function isClosed(client: MqttClient): boolean {
  return client.disconnecting || !client.connected;
}

Deno.test("a users file is replaced while its users are connected", async (t) => {
  const slow = { password_hash: await hashBcrypt(new TextEncoder().encode(PASSWORD), COST) };
  await withAuthSite({ auth: { providers: [{ type: "file", path: "users.json" }] }, users: { slow } }, async (site) => {
    site.secrets.add(PASSWORD, MISPLACED);

    const whoWasRemovedGoesAndTheOthersStay: Play = async ({ device, isIn, frames, witness }, protocolVersion) => {
      const alice = generated(site);
      const bob = generated(site);
      const dave = generated(site);
      const slowName = fresh("slow");
      await reload(site, { slow, [slowName]: slow, alice: alice.user, bob: bob.user });
      const join = async (username: string, password: string) => {
        const clientId = fresh(username);
        const client = device({ clientId, username, password, protocolVersion });
        await isIn(client);
        return { clientId, client };
      };
      const [a, b, s] = [
        await join("alice", alice.password),
        await join("bob", bob.password),
        await join(slowName, PASSWORD),
      ];
      const seen = inboxOf(await witness("t/live/#"));
      const isHeard = async ({ clientId, client }: typeof a) => {
        const payload = crypto.randomUUID();
        await publish(client, `t/live/${clientId}`, payload, { qos: 1 });
        await seen.until((message) => text(message.payload) === payload, `a message of ${clientId}`);
      };
      for (const one of [a, b, s]) await isHeard(one);

      const outsider = fresh("dave");
      const early = device({ clientId: outsider, username: "dave", password: dave.password, protocolVersion });
      await outcomesUntil({ frames }, outsider, "credentials-unknown");
      await early.endAsync(true);

      await reload(site, { slow, [slowName]: slow, alice: alice.user, dave: dave.user });
      b.client.publish(`t/live/${b.clientId}`, "after the removal", { qos: 1 }, () => {});
      const { decision } = await frames.until(({ decision: { action, audit } }) => {
        return action.kind !== "forward" && audit?.custom["client_id"] === b.clientId;
      }, "the end of the removed user's session");
      assert.deepEqual(decision.audit?.reason_codes, ["login-revoked"]);
      assert.equal(decision.action.kind, "close");
      // He comes back by himself, and is nobody now.
      await outcomesUntil({ frames }, b.clientId, "credentials-unknown");
      await b.client.endAsync(true);
      for (const one of [a, s]) await isHeard(one);
      assert.ok(!seen.seen.some(({ payload }) => text(payload) === "after the removal"));

      const d = await join("dave", dave.password);
      await isHeard(d);
      // The reload cost nobody his proof.
      const back = device({ clientId: s.clientId, username: slowName, password: PASSWORD, protocolVersion });
      await isIn(back);
      assert.equal(outcomesOf(frames, s.clientId).at(-1), "allow");
      assert.equal(outcomesOf(frames, s.clientId).filter((outcome) => outcome === "allow").length, 2);
      assert.ok(![a.client, d.client].some(isClosed));
    };

    const aBrokenFileChangesNothing: Play = async ({ device, isIn, frames }, protocolVersion) => {
      const alice = generated(site);
      await reload(site, { slow, alice: alice.user });
      const clientId = fresh("alice");
      const credentials = { clientId, username: "alice", password: alice.password, protocolVersion };
      const client = device(credentials);
      await isIn(client);
      const broken = [
        '{ "users": { "alice": { "password_hash": "$sha256$',
        JSON.stringify({ users: { alice: { password_hash: MISPLACED } } }),
        "",
      ];
      for (const content of broken) {
        const mark = site.log.seen.length;
        await site.replaceUsersText(content);
        const { file, problem } = await lineAfter(site, mark, UNUSABLE);
        assert.match(String(file), /users\.json$/);
        assert.match(String(problem), /users\.json/, "it says where");
        await publish(client, "t/still", "here", { qos: 1 });
      }
      await client.endAsync();
      await isIn(device(credentials));
      assert.deepEqual(outcomesOf(frames, clientId), ["allow", "allow"]);
      // And when it is mended, it counts again.
      const other = generated(site);
      await reload(site, { slow, alice: other.user });
      const mended = fresh("alice");
      await isIn(device({ ...credentials, clientId: mended, password: other.password }));
      assert.deepEqual(outcomesOf(frames, mended), ["allow"]);
    };

    for (const way of LOGIN_WAYS) {
      for (const version of versionsFor(way, site.versions)) {
        const label = `MQTT ${version === 5 ? "5.0" : "3.1.1"} over ${way.protocol}, pool ${way.pool}`;
        const step = (name: string, play: Play) => {
          const fn = () => withLoginRoad(site, way, (road) => play(road, version));
          return t.step({ ...STEP, name: `${label}: ${name}`, fn });
        };
        await step("who was removed goes with the next frame, the others stay", whoWasRemovedGoesAndTheOthersStay);
        await step("a broken file changes nothing and is told", aBrokenFileChangesNothing);
      }
    }
  });
});
