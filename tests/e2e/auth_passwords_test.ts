import assert from "node:assert/strict";
import { hashBcrypt } from "../../agent/auth/bcrypt.ts";
import { within } from "../../demo/watch.ts";
import {
  type FileUser,
  fresh,
  generated,
  LOGIN_WAYS,
  type LoginRoad,
  outcomesOf,
  outcomesUntil,
  TooSlowError,
  withAuthSite,
  withLoginRoad,
} from "./auth_site.ts";
import { mosquittoProgram, type MqttVersion, publish, STEP } from "./support.ts";

const PASSWORD = "a person's password, ünïcode too";
const WRONG = "not at all the right password";
const COST = 12;
/** Names that a scenario can use up: who was proved once is not slow any more. */
const SLOW_NAMES = 60;

const FILE = { providers: [{ type: "file", path: "users.json" }] };

/** Users who share one hash; each has to be proved by himself all the same. */
async function slowUsers(): Promise<Record<string, FileUser>> {
  const hash = await hashBcrypt(new TextEncoder().encode(PASSWORD), COST);
  return Object.fromEntries(Array.from({ length: SLOW_NAMES }, (_, i) => [`slow-${i}`, { password_hash: hash }]));
}

let slowNames = 0;

/** A user of the file whom nobody has proved yet. */
function nextSlow(): string {
  assert.ok(slowNames < SLOW_NAMES, "there are enough slow users");
  return `slow-${slowNames++}`;
}

type Play = (road: LoginRoad, version: MqttVersion) => Promise<void>;

/** Bad luck, not a defect: the device came back before its hash was done, and was told so again. */
function refuseExtraPending(outcomes: readonly string[], expected: readonly string[]): void {
  const squeezed = outcomes.filter((outcome, i) => outcome !== "auth-pending" || outcomes[i - 1] !== "auth-pending");
  assert.deepEqual(squeezed, expected);
  if (outcomes.length > expected.length) throw new TooSlowError("the hash was not done when the device came back");
}

const aSlowHashIsPaidOnce: Play = async ({ device, isIn, frames, ...road }, protocolVersion) => {
  const [clientId, username] = [fresh("slow-device"), nextSlow()];
  const credentials = { clientId, username, password: PASSWORD, protocolVersion };
  const first = device(credentials);
  await isIn(first);
  refuseExtraPending(outcomesOf(frames, clientId), ["auth-pending", "allow"]);
  await publish(first, "t/first", "in", { qos: 1 });
  await first.endAsync();

  const before = outcomesOf(frames, clientId).length;
  const again = device(credentials);
  await isIn(again);
  assert.deepEqual(outcomesOf(frames, clientId).slice(before), ["allow"], "at its first try");
  await again.endAsync();

  // Another device of the same user: its credentials are others, the user's proof is the same.
  const other = fresh("slow-device");
  await isIn(device({ ...credentials, clientId: other }));
  assert.deepEqual(outcomesOf(frames, other), ["allow"]);
  assert.deepEqual(road.proxy.counts.late, 0);
};

const aWrongPasswordIsRemembered: Play = async ({ device, frames }, protocolVersion) => {
  const [clientId, username] = [fresh("guesser"), nextSlow()];
  const client = device({ clientId, username, password: WRONG, protocolVersion });
  let wasIn = false;
  client.on("connect", () => wasIn = true);
  const outcomes = await outcomesUntil({ frames }, clientId, "wrong-password");
  // What is told at once, of a password that has a slow hash, was known before.
  refuseExtraPending(outcomes, ["auth-pending", "wrong-password"]);
  await client.endAsync(true);
  assert.equal(wasIn, false);
};

const anUnknownNameLooksLikeAWrongPassword: Play = async ({ device, frames }, protocolVersion) => {
  const clientId = fresh("stranger");
  const client = device({ clientId, username: fresh("nobody"), password: WRONG, protocolVersion });
  const outcomes = await outcomesUntil({ frames }, clientId, "credentials-unknown");
  refuseExtraPending(outcomes, ["auth-pending", "credentials-unknown"]);
  await client.endAsync(true);
};

Deno.test("passwords with mqtt.js: a slow hash is paid once, a generated secret never", async (t) => {
  const users = await slowUsers();
  await withAuthSite({ auth: FILE, users }, async (site) => {
    site.secrets.add(PASSWORD, WRONG);
    const { password, user } = generated(site);
    await site.replaceUsers({ ...users, sensor: user });
    await site.log.until(({ message }) => message === "The users file was read again", "the users");
    const aGeneratedSecretIsProvedAtOnce: Play = async ({ device, isIn, frames }, protocolVersion) => {
      const clientId = fresh("sensor");
      const client = device({ clientId, username: "sensor", password, protocolVersion });
      await isIn(client);
      assert.deepEqual(outcomesOf(frames, clientId), ["allow"]);
      await publish(client, "t/sensor", "in", { qos: 1 });
    };

    for (const way of LOGIN_WAYS) {
      for (const version of site.versions) {
        const label = `MQTT ${version === 5 ? "5.0" : "3.1.1"} over ${way.protocol}, pool ${way.pool}`;
        const step = (name: string, play: Play) =>
          t.step({
            ...STEP,
            name: `${label}: ${name}`,
            fn: () => withLoginRoad(site, way, (road) => play(road, version)),
          });
        await step("let in at the second try, and at the first from then on", aSlowHashIsPaidOnce);
        await step("a wrong password is refused from memory at the second try", aWrongPasswordIsRemembered);
        await step("a name that nobody has looks the same", anUnknownNameLooksLikeAWrongPassword);
        await step("a generated secret is let in at the first try", aGeneratedSecretIsProvedAtOnce);
      }
    }
  });
});

/** Runs mosquitto_pub of MQTT 5 through the bridge; its exit code. */
async function pub(port: number, args: readonly string[]): Promise<number> {
  const common = ["-h", "127.0.0.1", "-p", String(port), "-V", "mqttv5", "-t", "t/pub", "-m", "x", "-q", "1"];
  const { code } = await within(
    new Deno.Command("mosquitto_pub", { args: [...common, ...args], stdin: "null", stdout: "null", stderr: "null" })
      .output(),
    "the end of mosquitto_pub",
  );
  return code;
}

async function playMosquitto({ front, frames, retryMs }: LoginRoad, password: string): Promise<void> {
  const good = fresh("pub");
  assert.equal(await pub(front.port, ["-i", good, "-u", "sensor", "-P", password]), 0);
  assert.deepEqual(outcomesOf(frames, good), ["allow"]);

  const bad = fresh("pub");
  assert.notEqual(await pub(front.port, ["-i", bad, "-u", "sensor", "-P", WRONG]), 0);
  assert.deepEqual(outcomesOf(frames, bad), ["auth-pending"], "as whoever has a slow hash");

  const nobody = fresh("pub");
  assert.notEqual(await pub(front.port, ["-i", nobody]), 0);
  assert.deepEqual(outcomesOf(frames, nobody), ["auth-pending"]);

  const slow = fresh("pub");
  const credentials = ["-i", slow, "-u", nextSlow(), "-P", PASSWORD];
  assert.notEqual(await pub(front.port, credentials), 0);
  // mosquitto_pub does not come back by itself.
  await new Promise((resolve) => setTimeout(resolve, retryMs));
  const second = await pub(front.port, credentials);
  refuseExtraPending(outcomesOf(frames, slow).concat(second === 0 ? [] : "allow"), ["auth-pending", "allow"]);
  assert.equal(await pub(front.port, credentials), 0);
  assert.deepEqual(outcomesOf(frames, slow), ["auth-pending", "allow", "allow"]);
}

Deno.test({
  name: "passwords with mosquitto_pub",
  ignore: ["mosquitto", "mosquitto_pub"].some((name) => mosquittoProgram(name as "mosquitto") === null),
  fn: async (t) => {
    const users = await slowUsers();
    await withAuthSite({ auth: FILE, users }, async (site) => {
      site.secrets.add(PASSWORD, WRONG);
      const { password, user } = generated(site);
      await site.replaceUsers({ ...users, sensor: user });
      await site.log.until(({ message }) => message === "The users file was read again", "the users");
      for (const way of LOGIN_WAYS) {
        await t.step({
          ...STEP,
          name: `over ${way.protocol}, pool ${way.pool}`,
          fn: () => withLoginRoad(site, way, (road) => playMosquitto(road, password)),
        });
      }
    });
  },
});
