import type { Environment } from "./expand.ts";
import { type LoadResult, resolveLayersSteps } from "./layers.ts";
import type { NotYetTable } from "./not_yet.ts";
import { quoteWhole } from "./quote.ts";
import { readPiecesSteps, type ReadText } from "./read_text.ts";
import { finished, type Steps } from "./steps.ts";

export interface LoadOptions {
  /** The configuration file; without `text` it is read. */
  readonly file?: { readonly path: string; readonly text?: string };
  /** What the proxy pushed, as JSON.parse gives it; undefined, null and `{}` change nothing. It is taken over and frozen. */
  readonly push?: unknown;
  /** In the place of `push`: its JSON text, which is read in steps. */
  readonly pushJson?: string;
  readonly env: Environment;
  /** False: `version` is empty. */
  readonly withVersion?: boolean;
  /** For tests: how files are read, and which keys are refused as not built yet. */
  readonly read?: ReadText;
  readonly notYet?: NotYetTable;
}

/**
 * Loads a configuration: all of it, or all that is wrong with it. Synchronous, never throws. Without file and push: the
 * defaults.
 *
 * ```ts
 * import { equal } from "node:assert/strict";
 * import { loadConfig, loadConfigSteps, type LoadOptions } from "./load.ts";
 *
 * const text = `{ "acl": { "default_action": "deny", "rules": { "all": { "topics": "#", "decision": "allow" } } } }`;
 * const options: LoadOptions = { file: { path: "acl.json", text }, env: () => undefined };
 * const loaded = loadConfig(options);
 * if ("problems" in loaded) throw new Error(loaded.problems.map((problem) => problem.message).join("\n"));
 * equal(loaded.config.acl.rules[0]?.topics?.[0], "#");
 * equal(loaded.originOf(["acl", "rules", 0]).line, 1);
 * equal(loadConfigSteps(options).next().done, false); // the same, a step at a time
 * ```
 */
export function loadConfig(options: LoadOptions): LoadResult {
  return finished(loadConfigSteps(options));
}

/** As {@link loadConfig}, in steps, so that it can be done beside serving. What is read is read as the steps are taken. */
export function* loadConfigSteps(options: LoadOptions): Steps<LoadResult> {
  const { file, read } = options;
  if (file === undefined) return yield* resolveLayersSteps({ ...options, file: undefined });
  const { path, text } = file;
  if (text !== undefined) return yield* resolveLayersSteps({ ...options, file: { path, text } });
  const found = read === undefined ? yield* readPiecesSteps(path) : read(path);
  if (!("fault" in found)) {
    const pieces = "text" in found ? found.text : found.pieces;
    return yield* resolveLayersSteps({ ...options, file: { path, text: pieces } });
  }
  const source = quoteWhole(path);
  const message = `Cannot read ${source}: ${found.fault}`;
  const place = { source, file: path };
  return { problems: [{ kind: "read", place, path: [], text: found.fault, message }], files: [path], whole: null };
}
