/** All vectors through the frame path with a tracer and without: it must judge alike, and tell what it did. */
import assert from "node:assert/strict";
import { TraceListener } from "./support/trace_listener.ts";
import { readVectorFile, vectorFileNames } from "./support/vector_files.ts";
import { runVectors } from "./support/vector_runner.ts";

/** Whole frames in every version, and again where nothing is blocked: pieces are put together before any check. */
const PLAYED: ReadonlySet<string> = new Set(["whole", "detect"]);

const seen = new Map<string, number>();

for (const name of vectorFileNames()) {
  Deno.test(`vectors of ${name}.json with a tracer`, async () => {
    const file = readVectorFile(name);
    const listener = new TraceListener();
    const untraced = new Map<string, string>();
    const traced = new Map<string, string>();
    let plays = 0;
    const run = (answers: Map<string, string>, heard: TraceListener | undefined) =>
      runVectors(file, {
        nextPlay: () => ++plays,
        everyPlay: false,
        isPlayed: ({ kind }) => PLAYED.has(kind),
        listener: heard,
        tellAnswers: (title, given) => void answers.set(title, given.join("\n")),
      });
    // One after the other: a login must not be late because another agent proves as many at the same time.
    const results = [await run(untraced, undefined), await run(traced, listener)];
    for (const { failures } of results) assert.deepEqual([...failures.values()].flat().slice(0, 3), []);
    assert.ok(plays > 0);
    // The same verdict, close code, reasons and tags for every frame.
    const differing = [...untraced].filter(([title, answers]) => traced.get(title) !== answers);
    assert.deepEqual(differing.slice(0, 3).map(([title, answers]) => [title, answers, traced.get(title)]), []);
    assert.equal(traced.size, untraced.size);
    assert.deepEqual(listener.problems, []);
    for (const [what, times] of listener.seen) seen.set(what, (seen.get(what) ?? 0) + times);
  });
}

Deno.test("the traced vectors refused by checks and by rules, and asked the rules about everything", () => {
  const asked = ["connect", "publish", "subscribe", "unsubscribe", "receive"].map((action) => `asked ${action}`);
  for (const what of ["frames", "passed", "refused", "acl refusal", ...asked]) {
    assert.ok((seen.get(what) ?? 0) > 10, `${what}: ${seen.get(what)}`);
  }
});
