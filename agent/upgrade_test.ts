import assert from "node:assert/strict";
import { isWebSocketUpgrade, judgeUpgrade, NO_HEADERS, UpgradeBook } from "./upgrade.ts";
import { UPGRADE_EXTENSION, UPGRADE_ORIGIN, UPGRADE_SUBPROTOCOL } from "./reasons.ts";

const POLICY = { origins: ["same-host"], allowExtensions: false, subprotocols: ["mqtt", "mqttv3.1"] };
const GOOD = {
  upgrade: ["websocket"],
  connection: ["Upgrade"],
  host: ["mqtt.example.com"],
  "sec-websocket-protocol": ["mqtt"],
  "sec-websocket-version": ["13"],
};

Deno.test("an upgrade is known by any spelling", () => {
  for (const value of ["websocket", "WebSocket", "h2c, websocket", "websocket/13"]) {
    assert.ok(isWebSocketUpgrade({ Upgrade: [value] }), value);
  }
  assert.ok(isWebSocketUpgrade({ ":protocol": ["websocket"] }));
  assert.ok(isWebSocketUpgrade({ "sec-websocket-key": ["x"] }));
  assert.equal(isWebSocketUpgrade({ upgrade: ["h2c"] }), false);
  assert.equal(isWebSocketUpgrade({ accept: ["text/html"] }), false);
});

Deno.test("a plain MQTT upgrade passes", () => {
  assert.equal(judgeUpgrade(GOOD, POLICY), null);
  assert.equal(judgeUpgrade({ ...GOOD, "sec-websocket-protocol": ["mqttv3.1, mqtt"] }, POLICY), null);
  assert.equal(judgeUpgrade({ ...GOOD, "sec-websocket-protocol": ["x", "mqtt"] }, POLICY), null);
  assert.equal(judgeUpgrade({ ...GOOD, "sec-websocket-extensions": [""] }, POLICY), null);
});

Deno.test("any offer of an extension is refused, on any line and in any case", () => {
  const offers: Record<string, unknown>[] = [
    { "sec-websocket-extensions": ["permessage-deflate"] },
    { "Sec-WebSocket-Extensions": ["PERMESSAGE-DEFLATE"] },
    { "SEC-WEBSOCKET-EXTENSIONS": "x-webkit-deflate-frame" },
    { "sec-websocket-extensions": ["", "permessage-deflate; client_max_window_bits"] },
    { "sec-websocket-extensions": ["foo"] },
    { "sec-websocket-extensions": [], "Sec-Websocket-Extensions": ["bar"] },
  ];
  for (const offer of offers) {
    assert.equal(judgeUpgrade({ ...GOOD, ...offer }, POLICY), UPGRADE_EXTENSION, JSON.stringify(offer));
  }
  const offer = { "sec-websocket-extensions": ["permessage-deflate"] };
  assert.equal(judgeUpgrade({ ...GOOD, ...offer }, { ...POLICY, allowExtensions: true }), null);
});

Deno.test("a page of another origin is refused, one of the same host is not", () => {
  const cases: [origin: string | string[], allowed: boolean][] = [
    ["https://mqtt.example.com", true],
    ["http://mqtt.example.com", true],
    ["https://MQTT.example.com", true],
    ["https://mqtt.example.com:443", true],
    ["https://mqtt.example.com:8443", false],
    ["https://evil.example", false],
    ["https://mqtt.example.com.evil.example", false],
    ["https://evil.example/mqtt.example.com", false],
    ["https://mqtt.example.com@evil.example", false],
    ["null", false],
    ["", false],
    ["https://mqtt.example.com evil", false],
    [["https://mqtt.example.com", "https://mqtt.example.com"], false],
  ];
  for (const [origin, allowed] of cases) {
    const headers = { ...GOOD, origin: Array.isArray(origin) ? origin : [origin] };
    assert.equal(judgeUpgrade(headers, POLICY), allowed ? null : UPGRADE_ORIGIN, String(origin));
  }
  const elsewhere = { ...GOOD, origin: ["https://app.example"] };
  assert.equal(judgeUpgrade(elsewhere, { ...POLICY, origins: ["https://app.example"] }), null);
  assert.equal(judgeUpgrade(elsewhere, { ...POLICY, origins: ["any"] }), null);
  assert.equal(judgeUpgrade({ ...GOOD, host: [], origin: ["https://mqtt.example.com"] }, POLICY), UPGRADE_ORIGIN);
  assert.equal(
    judgeUpgrade({ ...GOOD, host: ["mqtt.example.com", "evil.example"], origin: ["https://evil.example"] }, POLICY),
    UPGRADE_ORIGIN,
  );
});

Deno.test("a subprotocol of MQTT has to be offered, unless none is asked for", () => {
  for (const offered of [[], ["graphql-ws"], ["MQTT"], ["mqtt5"], ["xmqtt"]]) {
    assert.equal(judgeUpgrade({ ...GOOD, "sec-websocket-protocol": offered }, POLICY), UPGRADE_SUBPROTOCOL);
  }
  assert.equal(judgeUpgrade({ ...GOOD, "sec-websocket-protocol": [] }, { ...POLICY, subprotocols: [] }), null);
});

Deno.test("UpgradeBook pairs an upgrade with its first frame, whatever the port", () => {
  const book = new UpgradeBook();
  book.add("id", "10.0.0.1", { refused: null, atMs: 0, headers: NO_HEADERS }, 30_000);
  assert.equal(book.take("id", "10.0.0.2:1", 0, 30_000), null);
  assert.equal(book.take("other", "10.0.0.1:1", 0, 30_000), null);
  assert.deepEqual(book.take("id", "10.0.0.1:51234", 0, 30_000), { refused: null, atMs: 0, headers: NO_HEADERS });
  assert.equal(book.take("id", "10.0.0.1:51234", 0, 30_000), null);
  book.add("id", "::ffff:10.0.0.1", { refused: null, atMs: 0, headers: NO_HEADERS }, 30_000);
  assert.notEqual(book.take("id", "10.0.0.1:4", 0, 30_000), null);
});

Deno.test("UpgradeBook hands out an allowed upgrade before a refused one of the same key", () => {
  const book = new UpgradeBook();
  book.add("id", "10.0.0.1", { refused: UPGRADE_ORIGIN, atMs: 0, headers: NO_HEADERS }, 30_000);
  book.add("id", "10.0.0.1", { refused: null, atMs: 1, headers: NO_HEADERS }, 30_000);
  assert.equal(book.take("id", "10.0.0.1:1", 0, 30_000)?.refused, null);
  assert.equal(book.take("id", "10.0.0.1:2", 0, 30_000)?.refused, UPGRADE_ORIGIN);
});

Deno.test("UpgradeBook forgets upgrades whose frames never came, and is bounded", () => {
  const book = new UpgradeBook();
  for (let i = 0; i < 250_000; i++) {
    book.add(`id-${i}`, "10.0.0.1", { refused: null, atMs: 0, headers: NO_HEADERS }, 30_000);
  }
  assert.ok(book.size <= 100_000);
  book.add("late", "10.0.0.1", { refused: null, atMs: 30_001, headers: NO_HEADERS }, 30_000);
  book.add("later", "10.0.0.1", { refused: null, atMs: 60_002, headers: NO_HEADERS }, 30_000);
  assert.equal(book.size, 2);
});

Deno.test("UpgradeBook does not pair a frame with an upgrade of long ago", () => {
  const book = new UpgradeBook();
  book.add("id", "10.0.0.1", { refused: null, atMs: 0, headers: NO_HEADERS }, 30_000);
  assert.equal(book.take("id", "10.0.0.1:1", 30_001, 30_000), null);
});

Deno.test("UpgradeBook keeps few upgrades of one key", () => {
  const book = new UpgradeBook();
  for (let i = 0; i < 1_000; i++) {
    book.add("id", "10.0.0.1", { refused: UPGRADE_ORIGIN, atMs: i, headers: NO_HEADERS }, 30_000);
  }
  let taken = 0;
  while (book.take("id", "10.0.0.1:1", 1_000, 30_000) !== null) taken++;
  assert.equal(taken, 16);
});
