import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import mqttPacket from "mqtt-packet";
import { type Direction, PACKET_NAMES, type ProtocolLevel } from "../../agent/mqtt/packet.ts";
import { heldBytes, NEED_MORE, PacketStream, VIOLATION } from "../../agent/mqtt/packet_stream.ts";
import { isValidFilter, isValidName, sharedFilterStart } from "../../agent/mqtt/topic_filter.ts";
import { joinBytes } from "../../agent/mqtt/test_bytes.ts";
import { cutEvery, type Report, transcript } from "../../agent/mqtt/test_transcript.ts";
import { Dice, firstPacket, lastPacket, nextPacket, type ValidPacket } from "./decoder_packets.ts";

const LEVELS: readonly ProtocolLevel[] = [3, 4, 5];
const SIDES: readonly Direction[] = ["client", "broker"];
const VALID_STREAMS = 120;
const MUTATED_STREAMS = 600;

for (const direction of SIDES) {
  for (const level of LEVELS) {
    Deno.test(`fuzz: what mqtt-packet encodes for MQTT level ${level} from the ${direction} is decoded to the same fields`, () => {
      for (let seed = 0; seed < VALID_STREAMS; seed++) {
        const dice = new Dice(seed * 6 + level + (direction === "client" ? 0 : 3));
        const packets = validStream(direction, level, dice);
        const bytes = joinBytes(...packets.map((packet) => packet.bytes));
        const reports = read(direction, level, cutRandomly(bytes, dice));
        const about = `seed ${seed}, ${bytes.toHex()}`;
        strictEqual(reports.find((report) => report.violation ?? report.note), undefined, about);
        deepStrictEqual(
          reports.filter(({ kind }) => kind !== "end").map(({ fields }) => fields),
          packets.map(fieldsOf),
          about,
        );
        const payloads = reports.filter(({ kind }) => kind === "end").map(({ payload }) => payload);
        deepStrictEqual(payloads, packets.map(({ payload }) => payload).filter((payload) => payload !== null), about);
      }
    });

    Deno.test(`fuzz: mutated MQTT level ${level} from the ${direction} is told the same however it is cut, and holds little`, () => {
      for (let seed = 0; seed < MUTATED_STREAMS; seed++) {
        const dice = new Dice(seed * 6 + level + (direction === "client" ? 0 : 3));
        const bytes = mutatedStream(direction, level, dice);
        const about = `seed ${seed}, ${bytes.toHex()}`;
        const whole = read(direction, level, [bytes], about);
        deepStrictEqual(read(direction, level, cutRandomly(bytes, dice), about), whole, about);
        if (seed % 4 === 0) deepStrictEqual(read(direction, level, cutEvery(bytes, 1), about), whole, about);
        if (direction === "client") acceptedIsClean(bytes, whole, about);
        // MQTT 3.1 lets packets be marked as sent again and user names be missing: mqtt-packet does not know that.
        if (direction === "client" && level !== 3) acceptedAlike(level, bytes, whole, about);
      }
    });
  }
}

Deno.test("fuzz: noise never throws and never hangs", () => {
  const dice = new Dice(1);
  for (let round = 0; round < 3000; round++) {
    const bytes = Uint8Array.from({ length: dice.below(60) }, () => dice.below(256));
    if (dice.chance(2)) bytes[0] = dice.pick([0x10, 0x30, 0x20, 0x90, 0xd0]);
    for (const direction of SIDES) read(direction, dice.pick(LEVELS), [bytes], bytes.toHex());
  }
});

function validStream(direction: Direction, level: ProtocolLevel, dice: Dice): ValidPacket[] {
  const packets = [firstPacket(direction, level, dice)];
  for (let left = dice.below(8); left > 0; left--) packets.push(nextPacket(direction, level, dice));
  if (direction === "client" || level === 5) packets.push(lastPacket(level, dice));
  return packets;
}

function fieldsOf({ fields }: ValidPacket): Readonly<Record<string, unknown>> {
  return fields;
}

/** Over-long slash, surrogate, U+0000, U+FFFF, wildcards, levels, a property identifier twice. */
const NASTY = [[0xc0, 0xaf], [0xed, 0xa0, 0x80], [0], [0xef, 0xbf, 0xbf], [0x23], [0x2b], [0x2f, 0x2b], [0x26, 0x26]];

/** Valid packets with a few bytes changed, taken out, put in or doubled. */
function mutatedStream(direction: Direction, level: ProtocolLevel, dice: Dice): Uint8Array {
  const bytes: number[] = [];
  for (const packet of validStream(direction, level, dice).slice(0, 4)) bytes.push(...packet.bytes);
  for (let left = 1 + dice.below(3); left > 0; left--) {
    const at = dice.below(bytes.length);
    switch (dice.below(7)) {
      case 0:
        bytes[at] = (bytes[at] as number) ^ 1 << dice.below(8);
        break;
      case 1:
        bytes[at] = dice.pick([0, 1, 2, 0x7f, 0x80, 0xc0, 0xed, 0xff]);
        break;
      case 2:
        bytes.splice(at, 1 + dice.below(3));
        break;
      case 3:
        bytes.splice(at, 0, dice.below(256));
        break;
      case 4:
        for (const [i, byte] of dice.pick(NASTY).entries()) if (at + i < bytes.length) bytes[at + i] = byte;
        break;
      case 5:
        bytes[at] = ((bytes[at] as number) + dice.pick([1, 255])) & 255;
        break;
      default:
        bytes.splice(at, 0, ...bytes.slice(at, at + dice.below(30)));
    }
    if (bytes.length === 0) bytes.push(0);
  }
  return new Uint8Array(bytes);
}

function* cutRandomly(bytes: Uint8Array, dice: Dice): Generator<Uint8Array> {
  const longest = dice.pick([1, 3, 10, 100, 5000]);
  for (let at = 0; at < bytes.length;) {
    const end = at + dice.below(longest + 1);
    yield bytes.subarray(at, end);
    at = end;
  }
}

/** Reads all of it, watching what is held between the pieces. */
function read(direction: Direction, level: ProtocolLevel, pieces: Iterable<Uint8Array>, about = ""): Report[] {
  const before = heldBytes();
  const stream = new PacketStream(direction);
  stream.maxPacketBytes = 2000;
  if (direction === "broker") stream.level = level;
  let came = 0;
  function* watched(): Generator<Uint8Array> {
    for (const piece of pieces) {
      came += piece.length;
      yield piece;
      const held = heldBytes() - before;
      ok(held >= 0 && held <= Math.max(64, 2 * came), `${held} bytes held of ${came}: ${about}`);
    }
  }
  const reports = transcript(stream, watched(), { keepPayload: true });
  ok(reports.length <= 2 * came + 1, about);
  if (stream.violation !== null) {
    strictEqual(stream.next(), VIOLATION);
    strictEqual(heldBytes(), before, about);
  } else strictEqual(stream.next(), NEED_MORE);
  stream.release();
  strictEqual(heldBytes(), before, about);
  return reports.filter(({ kind }) => kind !== "too-large");
}

/** Topics and filters that pass are valid by the plain statement of the rules, and are the bytes that were sent: none was repaired. */
function acceptedIsClean(bytes: Uint8Array, reports: readonly Report[], about: string): void {
  const sent = Buffer.from(bytes);
  const isShared = (filter: string) => sharedFilterStart(filter, 0) > 0;
  for (const { fields } of reports) {
    const { type, topic, topicAlias, filters, subscriptions } = (fields ?? {}) as Record<string, unknown>;
    const names = type === 3 && !(topic === "" && topicAlias !== 0) ? [topic as string] : [];
    const asked = (filters ?? (subscriptions as { filter: string }[] | undefined)?.map(({ filter }) => filter) ??
      []) as string[];
    ok(names.every(isValidName), about);
    ok(
      asked.every((filter) => isValidFilter(isShared(filter) ? filter.slice(sharedFilterStart(filter, 0)) : filter)),
      about,
    );
    for (const text of [...names, ...asked]) {
      ok(sent.includes(text), about);
      ok(!/[\p{Cc}\p{Noncharacter_Code_Point}]/u.test(text), about);
    }
  }
}

/** What we let pass must be read in the same way by a decoder that is known to be more lenient: same packets, same topics, same payloads. */
function acceptedAlike(level: ProtocolLevel, bytes: Uint8Array, reports: readonly Report[], about: string): void {
  if (reports.length === 0 || reports.some(({ violation }) => violation !== null)) return;
  const theirs: string[] = [];
  const parser = mqttPacket.parser({ protocolVersion: level });
  let failed: string | null = null;
  parser.on("error", (error) => failed = error.message);
  parser.on("packet", (packet) => {
    theirs.push(
      packet.cmd === "publish" ? `publish ${packet.topic} ${Buffer.from(packet.payload).toHex()}` : packet.cmd,
    );
  });
  parser.parse(Buffer.from(bytes));
  const ours = reports.flatMap((report, i) => {
    if (report.kind === "end") return [];
    const type = (PACKET_NAMES[report.packetType] as string).toLowerCase();
    if (report.kind === "packet") return [type];
    const end = reports[i + 1];
    return end === undefined ? [] : [`publish ${report.fields?.["topic"]} ${end.payload?.slice(4)}`];
  });
  strictEqual(failed, null, about);
  deepStrictEqual(theirs, ours, about);
}
