import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import mqttPacket from "mqtt-packet";
import {
  connackPacket,
  connectPacket,
  type Level,
  publishPacket,
  subscribePacket,
  unsubscribePacket,
} from "./explain_packets.ts";

/** What another library reads of a packet. */
function read(level: Level, bytes: Uint8Array): Record<string, unknown> {
  const parser = mqttPacket.parser({ protocolVersion: level });
  const packets: Record<string, unknown>[] = [];
  parser.on("packet", (packet) => packets.push(packet as unknown as Record<string, unknown>));
  parser.on("error", (error: Error) => assert.fail(error.message));
  assert.equal(parser.parse(Buffer.from(bytes)), 0, "bytes are left over");
  assert.equal(packets.length, 1);
  return packets[0] as Record<string, unknown>;
}

const payload = new TextEncoder().encode("x".repeat(20_000));

for (const level of [3, 4, 5] as const) {
  Deno.test(`another library reads the packets of MQTT level ${level} as they were meant`, () => {
    const will = { topic: "w/ü", qos: 2, retain: true, payload: payload.subarray(0, 3) } as const;
    const connect = read(level, connectPacket(level, { clientId: "c1", username: "ann", will, keepAliveSecs: 300 }));
    assert.deepEqual(
      [connect["protocolVersion"], connect["clientId"], connect["username"], connect["keepalive"], connect["clean"]],
      [level, "c1", "ann", 300, true],
    );
    const readWill = connect["will"] as Record<string, unknown>;
    assert.deepEqual(
      [readWill["topic"], readWill["qos"], readWill["retain"], String(readWill["payload"])],
      ["w/ü", 2, true, "xxx"],
    );
    const plain = read(level, connectPacket(level, { clientId: "", username: null, will: null, keepAliveSecs: 0 }));
    assert.deepEqual([plain["clientId"], plain["username"], plain["will"]], ["", undefined, undefined]);
    const publish = read(level, publishPacket(level, { topic: "a/b", qos: 1, retain: true, payload }));
    assert.deepEqual(
      [publish["topic"], publish["qos"], publish["retain"], (publish["payload"] as Uint8Array).length],
      ["a/b", 1, true, 20_000],
    );
    assert.equal(read(level, publishPacket(level, { topic: "a", qos: 0, retain: false, payload }))["qos"], 0);
    const subscribe = read(level, subscribePacket(level, "a/#", 2));
    const [subscription] = subscribe["subscriptions"] as { topic: string; qos: number }[];
    assert.deepEqual([subscription?.topic, subscription?.qos], ["a/#", 2]);
    assert.deepEqual(read(level, unsubscribePacket(level, "a/#"))["unsubscriptions"], ["a/#"]);
    const connack = read(level, connackPacket(level));
    assert.equal(level === 5 ? connack["reasonCode"] : connack["returnCode"], 0);
  });
}
