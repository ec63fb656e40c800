/** Costs of reading MQTT. Each iteration reads many packets: divide by the number in the name. Run with `deno bench -E agent/mqtt/decode_bench.ts`. */

import { Buffer } from "node:buffer";
import mqttPacket from "mqtt-packet";
import type { ProtocolLevel } from "./packet.ts";
import { NEED_MORE, PacketStream } from "./packet_stream.ts";

const CONNECT = { 4: "100d00044d51545404020000000161", 5: "100e00044d5154540502000000000161" };

function clientStream(level: 4 | 5): PacketStream {
  const stream = new PacketStream("client");
  const connect = Buffer.from(CONNECT[level], "hex");
  stream.push(connect, 0, connect.length);
  drain(stream);
  return stream;
}

function drain(stream: PacketStream): number {
  let reports = 0;
  while (stream.next() !== NEED_MORE) reports++;
  return reports;
}

function repeat(packet: Uint8Array, times: number): Uint8Array {
  const bytes = new Uint8Array(packet.length * times);
  for (let i = 0; i < times; i++) bytes.set(packet, i * packet.length);
  return bytes;
}

function bench(name: string, level: 4 | 5, bytes: Uint8Array, reports: number, chunkBytes = bytes.length): void {
  const stream = clientStream(level);
  Deno.bench(name, () => {
    let seen = 0;
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      stream.push(bytes, at, Math.min(at + chunkBytes, bytes.length));
      seen += drain(stream);
    }
    if (seen !== reports || stream.violation !== null) throw new Error(`Cannot bench "${name}": ${seen} reports`);
  });
}

function encode(packet: unknown, protocolVersion: ProtocolLevel): Uint8Array {
  return mqttPacket.generate(packet as mqttPacket.Packet, { protocolVersion });
}

const TOPIC = "sensors/building-7/floor-2/temp";
const PUBLISH = { cmd: "publish", topic: TOPIC, qos: 0, retain: false, dup: false, payload: Buffer.alloc(165, 120) };
const publish4 = encode(PUBLISH, 4);
const publish4Short = encode({ ...PUBLISH, topic: "a/b/c", payload: Buffer.alloc(191, 120) }, 4);
const publish4Umlaut = encode({ ...PUBLISH, topic: "gebäude/süd/temperatur" }, 4);
const publish5 = encode({
  ...PUBLISH,
  qos: 1,
  messageId: 7,
  properties: {
    payloadFormatIndicator: true,
    messageExpiryInterval: 60,
    contentType: "application/json",
    responseTopic: "answers/device-17",
    correlationData: Buffer.from("0123"),
    userProperties: { unit: "celsius" },
  },
}, 5);

bench("32768 PINGREQ in one push", 4, repeat(new Uint8Array([0xc0, 0]), 32_768), 32_768);
bench("1000 PUBLISH v4, QoS 0, 200 B, topic of 31", 4, repeat(publish4, 1000), 2000);
bench("1000 PUBLISH v4, QoS 0, 200 B, topic of 5", 4, repeat(publish4Short, 1000), 2000);
bench("1000 PUBLISH v4, topic with umlauts", 4, repeat(publish4Umlaut, 1000), 2000);
bench("1000 PUBLISH v5, QoS 1, 6 properties", 5, repeat(publish5, 1000), 2000);
bench("1000 PUBLISH v4, one push each", 4, repeat(publish4, 1000), 2000, publish4.length);
bench("100 PUBLISH v4, byte by byte", 4, repeat(publish4, 100), 200, 1);
bench(
  "1 PUBLISH v4, topic of 65535 byte by byte",
  4,
  encode({ ...PUBLISH, topic: "t".repeat(65_535) }, 4),
  2,
  1,
);
bench("1000 PUBACK v4", 4, repeat(encode({ cmd: "puback", messageId: 7 }, 4), 1000), 1000);

const subscriptions = Array.from({ length: 2000 }, (_, i) => ({ topic: `devices/${i}/+/state`, qos: 1 }));
bench("1 SUBSCRIBE of 2000 filters", 4, encode({ cmd: "subscribe", messageId: 1, subscriptions }, 4), 1);

const userProperties: Record<string, string> = {};
for (let i = 0; i < 8000; i++) userProperties[`property-${i}`] = `value number ${i}`;
bench("1 PUBLISH v5 of 8000 user properties", 5, encode({ ...PUBLISH, properties: { userProperties } }, 5), 2);
bench(
  "1 PUBLISH v5 of 8000 user properties, byte by byte",
  5,
  encode({ ...PUBLISH, properties: { userProperties } }, 5),
  2,
  1,
);

const parser = mqttPacket.parser({ protocolVersion: 4 });
const thousand = Buffer.from(repeat(publish4, 1000));
Deno.bench("for comparison, mqtt-packet: 1000 PUBLISH v4", () => {
  parser.parse(thousand);
});

const streams: PacketStream[] = new Array(1000);
Deno.bench("1000 new streams", () => {
  for (let i = 0; i < 1000; i++) streams[i] = new PacketStream("client");
});
