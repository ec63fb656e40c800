import { deepEqual } from "node:assert/strict";
import { keyedOrder, rawPath } from "./keyed.ts";
import { CONFIG } from "./schema/config.ts";

Deno.test("keyedOrder() is by priority, highest first, then by name", () => {
  const raw = { b: {}, a: {}, __low: { priority: -1 }, high: { priority: 10 }, odd: { priority: "99" }, none: true };
  deepEqual(keyedOrder(raw), ["high", "a", "b", "none", "odd", "__low"]);
});

Deno.test("rawPath() leads to what a source writes in its own way", () => {
  const raw = {
    acl: {
      default_action: "deny",
      rules: { a: { topics: "x" }, b: { priority: 5, max_qos: 1, match: { client_ip: "::1" } } },
      groups: { "a b": ["c"] },
      tests: [{ as: { groups: "g" } }],
    },
    "rate-limit": { per_topic: { "low/#": { limit: { burst: 1 } } } },
    inspection: { "json-schema": { topics: ["a"] } },
    auth: {
      providers: {
        jwt: { username_claim: "sub" },
        users: { type: "file", path: "u" },
        http: { type: "jwt", jwks_url: "u" },
      },
      "enhanced-auth": "SCRAM",
    },
  };
  const cases: readonly (readonly [(string | number)[], (string | number)[]])[] = [
    [["acl", "default-action"], ["acl", "default_action"]],
    [["acl", "rules", 0, "max-qos"], ["acl", "rules", "b", "max_qos"]],
    [["acl", "rules", 0, "match", "client-ip", 0], ["acl", "rules", "b", "match", "client_ip"]],
    [["acl", "rules", 1, "topics", 0], ["acl", "rules", "a", "topics"]],
    [["acl", "rules", 1, "name"], ["acl", "rules", "a"]],
    [["acl", "rules", 9], ["acl", "rules"]],
    [["acl", "groups", "a b", 0], ["acl", "groups", "a b", 0]],
    [["acl", "groups", "constructor"], ["acl", "groups"]],
    [["acl", "tests", 0, "as", "groups", 0], ["acl", "tests", 0, "as", "groups"]],
    [["rate-limit", "per-topic", 0, "limit", "burst"], ["rate-limit", "per_topic", "low/#", "limit", "burst"]],
    [["inspection", "json-schema", 0, "topics", 0], ["inspection", "json-schema", "topics", 0]],
    [["auth", "providers", 0, "jwks-url"], ["auth", "providers", "http", "jwks_url"]],
    [["auth", "providers", 1, "username-claim"], ["auth", "providers", "jwt", "username_claim"]],
    [["auth", "providers", 2, "path"], ["auth", "providers", "users", "path"]],
    [["auth", "enhanced-auth", 0], ["auth", "enhanced-auth"]],
  ];
  for (const [path, expected] of cases) deepEqual(rawPath(CONFIG, raw, path), expected, path.join(" "));
});
