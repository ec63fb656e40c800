import assert from "node:assert/strict";
import { ACL_NO_RULE } from "../reasons.ts";
import { bound, NOW_MS } from "./acl/acl_fixture.ts";
import { decidePublish } from "./acl/mod.ts";
import { TraceRecorder } from "./trace_recorder.ts";

const FOUND = { rule: null, topic: null, action: "drop", downgradedTo: -1, limit: null, finding: null } as const;

Deno.test("a decision belongs to the check that is told after it, and is kept as it was", () => {
  const s = bound([{ topics: ["a"] }]);
  const question = { s, action: "publish", qos: 0, retain: false, nowMs: NOW_MS } as const;
  const recorder = new TraceRecorder();
  recorder.packet(3);
  recorder.check("checkTopicSize", null, FOUND);
  recorder.acl({ ...question, topic: "a" }, false, decidePublish(s, "a", 0, false, NOW_MS));
  recorder.acl({ ...question, topic: "b" }, true, decidePublish(s, "b", 0, false, NOW_MS));
  recorder.check("checkPublishAcl", ACL_NO_RULE, {
    ...FOUND,
    topic: "b",
    limit: { name: "one" },
    finding: { text: "found" },
    downgradedTo: 1,
  });
  recorder.packet(8);
  recorder.check("inspectPayload", null, {
    ...FOUND,
    topic: "left from before",
    limit: { name: "one" },
    finding: { text: "found" },
  });
  assert.deepEqual(
    recorder.packets.map(({ type, checks }) => [
      type,
      ...checks.map(({ decisions, refused, ...check }) => ({
        ...check,
        refused: refused?.code ?? null,
        decisions: decisions.map(({ question, byLogin, decision }) => [question.topic, byLogin, decision.allowed]),
      })),
    ]),
    [
      [
        3,
        {
          name: "topic-size",
          refused: null,
          topic: null,
          limit: null,
          finding: null,
          downgradedTo: null,
          decisions: [],
        },
        {
          name: "publish-acl",
          refused: "acl-no-rule",
          topic: "b",
          limit: "one",
          finding: "found",
          downgradedTo: 1,
          decisions: [["a", false, true], ["b", true, false]],
        },
      ],
      [8, {
        name: "inspect-payload",
        refused: null,
        topic: null,
        limit: null,
        finding: null,
        downgradedTo: null,
        decisions: [],
      }],
    ],
  );
  recorder.clear();
  assert.deepEqual(recorder.packets, []);
});
