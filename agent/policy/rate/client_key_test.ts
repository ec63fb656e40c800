import { strict as assert } from "node:assert";
import { parseAddress } from "../address.ts";
import { addressKey, clientKey, keyHash } from "./client_key.ts";
import { subject } from "./rate_fixture.ts";

Deno.test("clientKey() tells clients apart by what is configured, else by address", () => {
  const ann = subject({ username: "ann", proved: true });
  assert.equal(clientKey("client_id", ann), "id=dev-1");
  assert.equal(clientKey("username", ann), "user=ann");
  assert.equal(clientKey("client_ip", ann), "ip=10.0.0.1");
  assert.equal(clientKey("client_id", subject({ clientId: "" })), "ip=10.0.0.1");
  assert.equal(clientKey("username", subject()), "ip=10.0.0.1");
  assert.equal(clientKey("username", subject({ username: "ann" })), "ip=10.0.0.1", "nobody proved it");
  assert.equal(clientKey("username", subject({ username: "", proved: true })), "user=");
});

Deno.test("addressKey() leaves the port out and takes the /64 of IPv6", () => {
  const key = (text: string) => addressKey(parseAddress(text));
  assert.equal(key("203.0.113.5:1"), "ip=203.0.113.5");
  assert.equal(key("::ffff:203.0.113.5"), "ip=203.0.113.5");
  assert.equal(key("[2001:db8::1]:5"), key("2001:db8::ffff"));
  assert.notEqual(key("2001:db8::1"), key("2001:db8:0:1::1"));
  assert.equal(key("unix:"), "ip=unknown");
});

Deno.test("no name is the key of another client", () => {
  const long = "x".repeat(60_000);
  const keys = [
    "10.0.0.1",
    "ip=10.0.0.1",
    "__proto__",
    "constructor",
    "user=ann",
    "*",
    "",
    "unknown",
    "x".repeat(128),
    "x".repeat(129),
    long,
    `${long}y`,
  ].map((clientId) => clientKey("client_id", subject({ clientId, address: parseAddress("10.0.0.2") })));
  keys.push(clientKey("client_id", subject({ clientId: keys.at(-1)!.slice("id#".length) })));
  keys.push(clientKey("client_ip", subject()), clientKey("username", subject({ username: "ann", proved: true })));
  assert.equal(new Set(keys).size, keys.length);
  assert.ok(keys.every((key) => key.length <= 131), "a key is short, whatever the client id");
});

Deno.test("keyHash() spreads keys that differ little", () => {
  const counts = new Int32Array(64);
  for (let i = 0; i < 64_000; i++) counts[keyHash(`id=sensor-${i}`) & 63]!++;
  assert.ok(Math.min(...counts) > 800 && Math.max(...counts) < 1200, String(counts));
});
