import assert from "node:assert/strict";
import { type AgentAnswer, type AgentClient, connectAgent } from "../support/agent_client.ts";
import { startAgent } from "../support/agent_in_process.ts";
import { annotatedBytes, concat, type MqttVersion, toHex } from "../support/annotated_hex.ts";
import { isFrame, readVectors } from "../support/vector.ts";
import { Dice } from "./decoder_packets.ts";

const FOLDER = new URL("../vectors/", import.meta.url);
const STREAMS = 120;
/** Streams are held short: each is played a byte at a time too. */
const MAX_STREAM_BYTES = 160;
const FRAMINGS = 3;
const CONNECT = "10 rl cn 02 0000 p id";
const CONNACK = "20 rl 00 00 [5: 03 22 000A]";

/** Bytes of all plain frames of the vectors, by direction: good packets, bad ones, and pieces of them. */
function frameBytes(version: MqttVersion): Record<"c2s" | "s2c", Uint8Array[]> {
  const found: Record<"c2s" | "s2c", Uint8Array[]> = { c2s: [], s2c: [] };
  for (const name of ["passing", "topics", "packets", "mqtt5"]) {
    for (const { frames } of readVectors(Deno.readTextFileSync(new URL(`${name}.json`, FOLDER)), name)) {
      for (const step of frames) {
        if (!isFrame(step) || (step.opcode ?? "binary") !== "binary") continue;
        const { bytes } = annotatedBytes(step.hex, { version, clientId: "x" });
        if (bytes.length > 0 && bytes.length < MAX_STREAM_BYTES / 2) found[step.dir ?? "c2s"].push(bytes);
      }
    }
  }
  return found;
}

/** Some packets one after another, half of the streams with changed, lost or added bytes. */
function stream(dice: Dice, packets: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let length = 0; length < MAX_STREAM_BYTES && !(length > 0 && dice.chance(6));) {
    const packet = dice.pick(packets);
    parts.push(packet);
    length += packet.length;
  }
  let bytes: Uint8Array = concat(parts).slice(0, MAX_STREAM_BYTES);
  if (dice.chance(2)) return bytes;
  for (let change = 0; change <= dice.below(2); change++) {
    const at = dice.below(bytes.length);
    switch (dice.below(3)) {
      case 0:
        bytes[at] = dice.below(256);
        break;
      case 1:
        bytes = concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
        break;
      default:
        bytes = concat([bytes.subarray(0, at), Uint8Array.of(dice.below(256)), bytes.subarray(at)]);
    }
    if (bytes.length === 0) return Uint8Array.of(0);
  }
  return bytes;
}

interface Connection {
  readonly client: AgentClient;
  readonly version: MqttVersion;
  readonly id: string;
}

/** Plays the pieces behind CONNECT and CONNACK; all are sent at once, and answered in order. */
async function play({ client, version, id }: Connection, fromClient: boolean, pieces: readonly Uint8Array[]) {
  const send = (bytes: Uint8Array, index: number, isClient: boolean): Promise<AgentAnswer> =>
    client.frame({
      correlationId: id,
      clientIp: "10.0.0.1:1",
      routeId: "mqtt",
      fromClient: isClient,
      opcode: "binary",
      fin: true,
      index,
      data: bytes.toBase64(),
    });
  const context = { version, clientId: id };
  const opened = [
    send(annotatedBytes(CONNECT, context).bytes, 0, true),
    send(annotatedBytes(CONNACK, context).bytes, 0, false),
  ];
  const answers = pieces.map((piece, i) => send(piece, i + 1, fromClient));
  for (const answer of await Promise.all(opened)) assert.equal(answer.verdict, "allow", answer.json);
  const settled = await Promise.all(answers);
  await client.complete(id);
  return settled;
}

/** Which answer is the first that is not an allow, or -1. */
function firstRefused(answers: readonly AgentAnswer[]): number {
  return answers.findIndex(({ verdict }) => verdict !== "allow");
}

/**
 * Bytes that come one at a time are refused with the first byte that makes them wrong. However the same bytes are put
 * into frames, the frame with that byte is refused, and none before it.
 */
for (const version of [3, 4, 5] as const) {
  for (const direction of ["c2s", "s2c"] as const) {
    Deno.test(`MQTT ${version}, ${direction}: any framing of the same bytes is refused at the same byte`, async () => {
      const agent = await startAgent({
        acl: {
          rules: [
            { name: "allow-a", topics: ["a/#", "ok"], decision: "allow" },
            { name: "deny-b", topics: ["admin/#", "b/#"], decision: "deny" },
          ],
        },
        general: { "protocol-versions": ["3.1", "3.1.1", "5.0"] },
      });
      const client = await connectAgent(1, agent.socket);
      let refusedStreams = 0;
      try {
        const packets = frameBytes(version)[direction];
        for (let seed = 0; seed < STREAMS; seed++) {
          const dice = new Dice(seed * 10 + version);
          const bytes = stream(dice, packets);
          const isClient = direction === "c2s";
          const about = `seed ${seed}: ${toHex(bytes, 400)}`;
          const single = await play(
            { client, version, id: `s${seed}` },
            isClient,
            Array.from(bytes, (byte) => Uint8Array.of(byte)),
          );
          const at = firstRefused(single);
          if (at !== -1) refusedStreams++;
          // A packet of one byte does not exist, so whatever is refused byte by byte is in pieces.
          if (at !== -1) assert.equal(single[at]?.verdict, "close", about);
          for (let framing = 0; framing < FRAMINGS; framing++) {
            const ends = framing === 0 ? [bytes.length] : cuts(dice, bytes.length);
            const pieces = ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
            const answers = await play({ client, version, id: `s${seed}f${framing}` }, isClient, pieces);
            const expected = at === -1 ? -1 : ends.findIndex((end) => at < end);
            const cut = `${about} cut at ${ends.join(" ")}, refused at byte ${at}`;
            assert.equal(firstRefused(answers), expected, cut);
            for (const { tags, json } of answers) assert.ok(!tags.includes("internal-error"), `${cut}: ${json}`);
          }
        }
        // Else the property would say nothing.
        assert.ok(
          refusedStreams > STREAMS / 10 && refusedStreams < STREAMS,
          `${refusedStreams} streams were refused`,
        );
        assert.ok(!agent.log.some((line) => line.includes("Cannot judge a frame")), agent.log.join(""));
      } finally {
        client.close();
        await client.end;
        await agent.stop();
      }
    });
  }
}

/** Ends of one to five pieces. */
function cuts(dice: Dice, length: number): number[] {
  const ends = new Set<number>([length]);
  for (let n = dice.below(5); n > 0; n--) ends.add(1 + dice.below(length));
  return [...ends].sort((a, b) => a - b);
}
