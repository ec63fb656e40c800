/** The tests of the vectors of some files: every play, and again with a tracer those that put no packet together. */
import assert from "node:assert/strict";
import { TraceListener } from "./trace_listener.ts";
import { readVectorFile, vectorFileNames } from "./vector_files.ts";
import type { Play } from "./vector_plays.ts";
import { type RunResult, runVectors, type VectorFile } from "./vector_runner.ts";

/** `VECTORS_EVERY_PLAY=1` leaves nothing out. */
const EVERY_PLAY = Deno.env.get("VECTORS_EVERY_PLAY") === "1";
/** Every vector is played as itself in these; what is told is bounded. */
const MAX_TOLD = 3;
/** Whole frames in every version, and again where nothing is blocked: pieces are put together before any check. */
const TRACED: ReadonlySet<Play["kind"]> = new Set(["whole", "detect"]);

/**
 * The sections that have a test module each, by the first word of a file's name, so that they run beside each other; any
 * other file belongs to `rest`.
 */
const SECTIONS = ["identity", "inspection", "limits", "passing"] as const;

export type VectorSection = typeof SECTIONS[number] | "rest";

/** Names of the files of one section. */
function filesOf(section: VectorSection): string[] {
  return vectorFileNames().filter((name) => (SECTIONS.find((one) => name.split("_")[0] === one) ?? "rest") === section);
}

const ACTIONS = ["connect", "publish", "subscribe", "unsubscribe", "receive"] as const;

let plays = 0;

/** Registers the tests of one section: its vectors in every play, and with a tracer, which must change nothing. */
export function testVectors(section: VectorSection): void {
  const seen = new Map<string, number>();
  const names = filesOf(section);
  for (const name of names) {
    const answered = new Map<string, string>();
    const file = readVectorFile(name);
    Deno.test(`vectors of ${name}.json`, async (test) => {
      const result = await runVectors(file, {
        nextPlay: () => ++plays,
        everyPlay: EVERY_PLAY,
        tellAnswers: (title, answers, { kind }) => {
          if (TRACED.has(kind)) answered.set(title, answers.join("\n"));
        },
      });
      await tellEach(test, file, result);
    });
    Deno.test(`vectors of ${name}.json with a tracer`, async () => {
      await traceVectors(file, answered, seen);
      answered.clear();
    });
  }
  Deno.test(`the traced vectors of section "${section}" were judged by checks`, () => {
    assert.ok(names.length > 0);
    // Of what must pass nothing is refused; where topics are, the rules are asked about everything.
    const wanted = ["frames", "passed"];
    if (section !== "passing") wanted.push("refused");
    if (section === "rest") wanted.push("acl refusal", ...ACTIONS.map((action) => `asked ${action}`));
    for (const what of wanted) assert.ok((seen.get(what) ?? 0) > 10, `${what}: ${seen.get(what)}`);
  });
}

async function tellEach(test: Deno.TestContext, { name, vectors }: VectorFile, result: RunResult): Promise<void> {
  for (const vector of vectors) {
    const isBuilt = !result.notBuilt.has(vector);
    await test.step({
      name: `${vector.class}: ${vector.name}${isBuilt ? "" : " (not built yet)"}`,
      ignore: !isBuilt,
      fn: () => {
        const failures = result.failures.get(vector) ?? [];
        const told = failures.slice(0, MAX_TOLD).join("\n");
        const more = failures.length > MAX_TOLD ? `\nand ${failures.length - MAX_TOLD} more plays` : "";
        assert.ok(failures.length === 0, `\n${told}${more}`);
      },
    });
  }
  console.log(
    `${name}.json: ${vectors.length} vectors (${result.notBuilt.size} not built yet), ${result.plays} plays, ` +
      `${result.frames} frames`,
  );
}

/** It must judge as it did without a tracer (`answered`, by play), and tell what it did; counts into `seen` what it told. */
async function traceVectors(
  file: VectorFile,
  answered: ReadonlyMap<string, string>,
  seen: Map<string, number>,
): Promise<void> {
  const listener = new TraceListener();
  const play = async (heard: TraceListener | undefined): Promise<ReadonlyMap<string, string>> => {
    const answers = new Map<string, string>();
    const { failures } = await runVectors(file, {
      nextPlay: () => ++plays,
      everyPlay: EVERY_PLAY,
      isPlayed: ({ kind }) => TRACED.has(kind),
      listener: heard,
      tellAnswers: (title, given) => void answers.set(title, given.join("\n")),
    });
    assert.deepEqual([...failures.values()].flat().slice(0, MAX_TOLD), []);
    return answers;
  };
  const traced = await play(listener);
  // The same verdict, close code, reasons and tags for every frame.
  if (differing(answered, traced).length > 0) {
    // Failed logins are counted over plays, and there were others between these: without a tracer the same ones alone.
    assert.deepEqual(differing(await play(undefined), traced).slice(0, MAX_TOLD), []);
  }
  assert.ok(traced.size > 0 && traced.size === answered.size, "they were played without a tracer before");
  assert.deepEqual(listener.problems, []);
  for (const [what, times] of listener.seen) seen.set(what, (seen.get(what) ?? 0) + times);
}

/** The plays that were answered otherwise: how each was called, and both answers. */
function differing(
  one: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
): (readonly [string, string, string | undefined])[] {
  return [...one].filter(([title, answers]) => other.get(title) !== answers)
    .map(([title, answers]) => [title, answers, other.get(title)]);
}
