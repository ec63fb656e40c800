import assert from "node:assert/strict";
import { Watch, within } from "../../demo/watch.ts";
import {
  assertNothingDenied,
  inboxOf,
  mosquittoProgram,
  type Road,
  STEP,
  TEST_RULES,
  text,
  WAYS,
  withRoad,
  withSite,
} from "./support.ts";

/** A running mosquitto_sub or mosquitto_pub: its lines, and its exit code. */
interface Tool {
  readonly lines: Watch<string>;
  readonly ended: Promise<number>;
  /** Ends it without a word to the broker. */
  kill(): void;
}

const running = new Set<Deno.ChildProcess>();

/** Ends what a step that failed has left. */
function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** Starts one of Mosquitto's clients, MQTT 5 as `tester` through the bridge. */
function start(name: "mosquitto_pub" | "mosquitto_sub", road: Road, args: readonly string[]): Tool {
  const common = ["-h", "127.0.0.1", "-p", String(road.front.port), "-V", "mqttv5", "-u", "tester"];
  const child = new Deno.Command(name, { args: [...common, ...args], stdin: "null", stdout: "piped", stderr: "piped" })
    .spawn();
  running.add(child);
  child.status.then(() => running.delete(child));
  const lines = new Watch<string>();
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    let rest = "";
    for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + piece).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) lines.add(line);
    }
  };
  const ended = Promise.all([child.status, read(child.stdout), read(child.stderr)]).then(([{ code }]) => code);
  return { lines, ended, kill: () => child.kill("SIGKILL") };
}

function run(name: "mosquitto_pub", road: Road, args: readonly string[]): Promise<number> {
  return within(start(name, road, args).ended, `the end of ${name}`);
}

/** Starts mosquitto_sub and waits for its SUBACK; it ends by itself after `count` messages. */
async function subscribe(road: Road, filter: string, count: number, more: readonly string[] = []): Promise<Tool> {
  const id = `mosquitto-${crypto.randomUUID()}`;
  const args = ["-i", id, "-t", filter, "-C", String(count), "-F", "message %t %q %r %p", ...more];
  const tool = start("mosquitto_sub", road, args);
  // It would say so itself, but not before its buffer is full.
  await road.frames.until(({ from, frame, decision }) => {
    return from === "broker" && frame.payload[0] === 0x90 && decision.audit?.custom["client_id"] === id;
  }, "a SUBACK");
  return tool;
}

function messages({ lines }: Tool): string[] {
  return lines.seen.filter((line) => line.startsWith("message ")).map((line) => line.slice("message ".length));
}

async function publishOf(road: Road, topic: string, payload: string, more: readonly string[] = []): Promise<void> {
  assert.equal(await run("mosquitto_pub", road, ["-t", topic, "-m", payload, ...more]), 0);
}

const PROGRAMS = ["mosquitto", "mosquitto_pub", "mosquitto_sub"] as const;

Deno.test({
  name: "mosquitto_pub and mosquitto_sub of MQTT 5 work through proxy and agent",
  ignore: PROGRAMS.some((name) => mosquittoProgram(name) === null),
  fn: async (t) => {
    await withSite(TEST_RULES, async (site) => {
      for (const way of WAYS) {
        const label = `${way.protocol}, pool ${way.pool}`;
        const step = (name: string, play: (road: Road, base: string) => Promise<void>) => {
          const fn = () =>
            withRoad(site, way, async (road) => {
              await play(road, `t/m/${way.protocol}/${way.pool}/${road.attempt}`).finally(killAll);
            });
          return t.step({ ...STEP, name: `${label}: ${name}`, fn });
        };

        await step("QoS 0, 1 and 2 arrive", async (road, base) => {
          const tool = await subscribe(road, `${base}/q/#`, 3, ["-q", "2"]);
          for (const qos of ["0", "1", "2"]) await publishOf(road, `${base}/q/${qos}`, `m${qos}`, ["-q", qos]);
          assert.equal(await within(tool.ended, "the end of mosquitto_sub"), 0);
          assert.deepEqual(messages(tool), [0, 1, 2].map((qos) => `${base}/q/${qos} ${qos} 0 m${qos}`));
        });

        await step("a retained message waits, and can be taken away", async (road, base) => {
          await publishOf(road, `${base}/kept`, "old", ["-r", "-q", "1"]);
          const tool = await subscribe(road, `${base}/kept`, 1);
          await tool.ended;
          assert.deepEqual(messages(tool), [`${base}/kept 0 1 old`]);
          assert.equal(await run("mosquitto_pub", road, ["-t", `${base}/kept`, "-n", "-r", "-q", "1"]), 0);
        });

        await step("a shared subscription gets each message once", async (road, base) => {
          const member = await road.connect(`mm-${way.protocol}-${way.pool}`, 5);
          await member.subscribeAsync(`$share/g/${base}/work`, { qos: 1 });
          const tool = await subscribe(road, `$share/g/${base}/work`, 2, ["-q", "1"]);
          for (const work of ["1", "2", "3", "4"]) await publishOf(road, `${base}/work`, work, ["-q", "1"]);
          await tool.ended;
          const inbox = inboxOf(member);
          await inbox.untilCount(2, "a message");
          const all = [
            ...inbox.seen.map(({ payload }) => text(payload)),
            ...messages(tool).map((line) => line.at(-1)),
          ];
          assert.deepEqual(all.sort(), ["1", "2", "3", "4"]);
        });

        await step("a topic alias and user properties pass", async (road, base) => {
          const tool = await subscribe(road, `${base}/alias`, 1);
          const properties = ["-D", "publish", "topic-alias", "3", "-D", "publish", "user-property", "a", "b"];
          await publishOf(road, `${base}/alias`, "short", properties);
          await tool.ended;
          assert.deepEqual(messages(tool), [`${base}/alias 0 0 short`]);
        });

        await step("a Will is published when the client is killed", async (road, base) => {
          const watcher = await subscribe(road, `${base}/will`, 1);
          const will = ["--will-topic", `${base}/will`, "--will-payload", "gone"];
          const mortal = await subscribe(road, `${base}/nothing`, 1, will);
          mortal.kill();
          await within(watcher.ended, "the end of mosquitto_sub");
          assert.deepEqual(messages(watcher), [`${base}/will 0 0 gone`]);
          await mortal.ended;
        });

        await step("256 KiB arrive unchanged", async (road, base) => {
          const path = await Deno.makeTempFile();
          try {
            await Deno.writeTextFile(path, "x".repeat(256 * 1024));
            const tool = await subscribe(road, `${base}/big`, 1, ["-q", "1"]);
            assert.equal(await run("mosquitto_pub", road, ["-t", `${base}/big`, "-f", path, "-q", "1"]), 0);
            await tool.ended;
            assert.equal(messages(tool)[0], `${base}/big 1 0 ${"x".repeat(256 * 1024)}`);
          } finally {
            await Deno.remove(path);
          }
        });

        await step("what is denied does not arrive", async (road, base) => {
          const seen = inboxOf(await road.witness("#"));
          await publishOf(road, "x/denied", "no");
          await publishOf(road, `${base}/last`, "yes", ["-q", "1"]);
          await seen.until(({ topic }) => topic === `${base}/last`, "the allowed message");
          assertNothingDenied(seen);
        });
      }
    });
  },
});
