import assert from "node:assert/strict";
import { filterFaults, inspectionFilterFaults } from "./filter_faults.ts";

const PATTERNS = {
  sqli: false,
  "command-injection": false,
  "script-injection": false,
  "path-traversal": false,
} as const;
const PATTERN = { name: "word", pattern: "x", severity: "medium", shadow: false } as const;

Deno.test("what is no topic filter is told with its place, section by section", () => {
  const faults = filterFaults({
    qos: { "per-topic": [{ topic: "a/#", "max-qos": 0 }, { topic: "a#", "max-qos": 0 }] },
    retained: { "allowed-topics": ["+", "b/#/c"], "blocked-topics": ["x", "", "b/+x"] },
  });
  const inspection = inspectionFilterFaults({
    patterns: { ...PATTERNS, "custom-patterns": [PATTERN, { ...PATTERN, topics: ["ok", "#/a"] }] },
    "json-schema": [{ topics: ["+a"], schema: {}, "block-on-failure": true }],
    "exclude-topics": ["$SYS/#", "##"],
  });
  assert.deepEqual([...faults, ...inspection].map(({ path, message }) => `${path.join("/")}: ${message}`), [
    'qos/per-topic/1/topic: Cannot use "a#" as a topic filter: "#" must be a level of its own',
    'retained/allowed-topics/1: Cannot use "b/#/c" as a topic filter: "#" must be the last level',
    'retained/blocked-topics/1: Cannot use "" as a topic filter: it is empty',
    'retained/blocked-topics/2: Cannot use "b/+x" as a topic filter: "+" must be a level of its own',
    'inspection/exclude-topics/1: Cannot use "##" as a topic filter: "#" must be a level of its own',
    'inspection/patterns/custom-patterns/1/topics/1: Cannot use "#/a" as a topic filter: "#" must be the last level',
    'inspection/json-schema/0/topics/0: Cannot use "+a" as a topic filter: "+" must be a level of its own',
  ]);
});
