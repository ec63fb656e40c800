import assert from "node:assert/strict";
import { loadConfig } from "./config/mod.ts";
import { doubtsOf } from "./doubts.ts";

const byName = (match: unknown, decision = "allow") => ({
  acl: { rules: [{ name: "r", match, topics: ["a"], decision }] },
});

const CASES: readonly [config: Record<string, unknown>, doubt: RegExp | null][] = [
  [{}, null],
  [{ auth: { enabled: true } }, /without any provider/],
  [{ auth: { enabled: true, "allow-anonymous": true } }, /without any provider/],
  [{ auth: { enabled: true, providers: [{ type: "jwt", "jwks-file": "/k" }] } }, null],
  [byName({ username: "alice" }), /never apply \("r"\)/],
  [byName({ "username-regex": "^a" }), /never apply/],
  [byName({ groups: ["staff"] }), /never apply/],
  [byName({ groups: ["staff", "anonymous"] }), null],
  [byName({ username: "alice" }, "deny"), null],
  [byName({ "client-id": "dev1" }), null],
  [{ ...byName({ username: "alice" }), auth: { "trust-broker": true } }, null],
  [
    { ...byName({ username: "alice" }), auth: { enabled: true, providers: [{ type: "jwt", "jwks-file": "/k" }] } },
    null,
  ],
  [
    { "rate-limit": { "per-client": { "bytes-per-second": 9, burst: 5 } } },
    /^rate-limit\.per-client\.burst does nothing: it is counted in messages/,
  ],
  [{ "rate-limit": { "per-client": { "bytes-per-second": 9 } } }, null],
  [{ "rate-limit": { "per-client": { "bytes-per-second": 9, burst: 5, "messages-per-second": 1 } } }, null],
  [
    { "rate-limit": { "per-topic": { a: { limit: { quota: [{ messages: 9, per: "day" }], burst: 5 } } } } },
    /^rate-limit\.per-topic\[0\]\.limit\.burst does nothing/,
  ],
  [{ "rate-limit": { control: { burst: 5 } } }, null],
];

for (const [config, doubt] of CASES) {
  Deno.test(`doubts about ${JSON.stringify(config)}: ${doubt ?? "none"}`, () => {
    const loaded = loadConfig({ file: { path: "a.json", text: JSON.stringify(config) }, env: () => undefined });
    assert.ok("config" in loaded);
    const doubts = doubtsOf(loaded);
    if (doubt === null) assert.deepEqual(doubts, []);
    else assert.match(doubts.join("\n"), doubt);
  });
}
